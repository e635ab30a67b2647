"""Wiring: settings to an exchanger that works. What is missing stops the start."""

import os
import random
import re
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.gate.identity import HINT, key_of, site_of, trust_of
from appliance.gate.withdrawing import verifier_of
from appliance.settings import Settings
from ledger_sync import certificate
from ledger_sync.errors import Refused
from ledger_sync.exchanger import Exchanger
from ledger_sync.files import read_bounded
from ledger_sync.gossip import Gossip, Self
from ledger_sync.keyfile import read_secret
from ledger_sync.peers import Peer
from ledger_sync.store import Store

PUBLIC_KEY = "terminal.pub"  # beside the settings of a terminal that made its key itself; hex
MAX_PUBLIC_KEY = 128  # bytes of that file


def exchanger_of(
    settings: Settings,
    store: Store,
    *,
    ring: socket.socket | None = None,
    now: Callable[[], int] = lambda: int(time.time()),
    report: Callable[[Sequence[Peer], float], None] | None = None,
) -> Exchanger:
    """The exchanger of a terminal. Raises `Refused` for a link key that is not that of the
    certificate, `Unavailable` for a missing file."""
    me = self_of(settings, store, feed_key_of(settings, store))
    der = read_bounded(settings.certificate, certificate.MAX_CERTIFICATE, hint=HINT)
    if certificate.key_of(der) != me.link.public.raw:
        what = f"{settings.link_key} is not the key of {settings.certificate}"
        raise Refused(f"{what}; {HINT}", reason="R-SETTINGS")
    chance = random.Random(os.urandom(16))  # noqa: S311 - jitter, no secret
    return Exchanger(
        store, me, der, pinned=trust_of(settings), now=now, chance=chance, ring=ring, report=report
    )


def self_of(settings: Settings, store: Store, feed_key: bytes) -> Self:
    """Which terminal this is, to its peers. Raises `Refused`, `Unavailable` as its files do."""
    return Self(
        site_of(settings),
        settings.terminal,
        feed_key,
        key_of(settings.link_key),
        read_secret(settings.site_secret, hint=HINT),
        verifier_of(store),
    )


def gossip_of(settings: Settings, store: Store) -> Gossip:
    """The gossip without a network: for what comes on a stick. Raises as `self_of`."""
    chance = random.Random(os.urandom(16))  # noqa: S311 - jitter, no secret
    me = self_of(settings, store, key_of(settings.key).public.raw)
    pinned = trust_of(settings)
    return Gossip(store, me, pinned=pinned, now=lambda: int(time.time()), chance=chance)


def feed_key_of(settings: Settings, store: Store) -> bytes:
    """The public half of the gate's key, as the terminal wrote it down when it made the key, or
    as the ledger names it: a new box calls its peers, who have heard of it, to hear of itself, and
    its own ledger may still name the box that it replaces. This process has no use for the
    private key. Raises `Refused` if nobody names it."""
    if (settings.folder / PUBLIC_KEY).exists():
        return _own_public(settings.folder / PUBLIC_KEY)
    row = store.row("SELECT key FROM terminal WHERE name = ?", settings.terminal)
    if row is None:
        what = f"the ledger in {settings.store} names no terminal {settings.terminal}"
        step = "publish it and import it here: yardpass ledger import SOURCE"
        raise Refused(f"{what}; {step}", reason="R-SETTINGS")
    return bytes(row[0])


def _own_public(path: Path) -> bytes:
    text = read_bounded(path, MAX_PUBLIC_KEY, hint=HINT).decode("ascii", "replace").strip()
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise Refused(f"{path} is no public key; {HINT}", reason="R-SETTINGS")
    return bytes.fromhex(text)
