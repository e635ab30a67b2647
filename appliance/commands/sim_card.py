"""`yardpass sim card`: a virtual card in the virtual reader of pcscd, for trials and training."""

import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click

from hw.errors import Unavailable
from hw.sim import card as sim
from hw.sim.card import Exchange, SimCard, Trick
from hw.sim.vpcd import PORT, VpcdField
from ledger_sync.errors import Refused
from ledger_sync.keyfile import read_key
from ledger_sync.keys import ES256, SigningKey

AWAY_S = 1.0  # how long the card is away before it is held to the reader again
MAX_UID = 10  # bytes
HINT = "give a P-256 key file of Yardpass, or leave --key out for a new key"
PAST = ((2020, 1, 1), (2020, 12, 31))
NOW = ((2026, 1, 1), (2049, 12, 31))

HONEST = ("pkoc-v2", "pkoc-v1", "ndef", "uid")
FORGED = ("rogue-issuer", "expired", "stolen-certificate")
TRICKS = tuple(trick.value for trick in Trick if trick is not Trick.NONE)


class Keys(NamedTuple):
    """Of the card, of the issuer it should have, and of somebody else."""

    card: SigningKey
    issuer: SigningKey
    other: SigningKey


@click.command()
@click.option(
    "--mode", type=click.Choice((*HONEST, *FORGED, *TRICKS)), default="pkoc-v2", show_default=True,
    help="What the card is; from rogue-issuer on a PKOC card that no gate may open for, "
    "except chained, which is honest.",
)  # fmt: skip
@click.option(
    "--key", "key_file", type=click.Path(path_type=Path),
    help="File with the card's P-256 key; a new key without it.",
)  # fmt: skip
@click.option(
    "--issuer", "issuer_file", type=click.Path(path_type=Path),
    help="File with the P-256 key of who issued the card; a new key without it.",
)  # fmt: skip
@click.option("--text", default="", help="The code that an NFC tag carries, YP1:...; for ndef.")
@click.option(
    "--uid", default=sim.UID.hex().upper(), show_default=True, help="Its number, in hex."
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=PORT, show_default=True,
    help="Where vpcd listens.",
)  # fmt: skip
def card(
    mode: str, key_file: Path | None, issuer_file: Path | None, text: str, uid: str, port: int
) -> None:
    """Hold a virtual card to the virtual reader of pcscd, until Ctrl-C.

    Needs pcscd and vsmartcard-vpcd. vpcd listens on all interfaces: run both in a network
    namespace of their own (unshare -n), never on a terminal that guards a gate. Prints the keys to
    enrol, then all that the card is asked and answers.
    """
    keys = Keys(_key(key_file), _key(issuer_file), _key(None))
    number = _number(uid)
    if (mode == "ndef") != bool(text):
        raise click.UsageError("--mode ndef and --text CODE go together")
    made = make_card(mode, keys, number, text.encode())
    made.heard = lambda exchange: click.echo(shown(exchange))
    _introduce(mode, keys, number)
    _hold(made, port)
    while True:
        threading.Event().wait(AWAY_S)
        with suppress(Unavailable):  # pcscd restarts, or is stopped for a while
            _hold(made, port)


def make_card(mode: str, keys: Keys, uid: bytes, text: bytes) -> SimCard:
    """The card of a mode, one of HONEST, FORGED and TRICKS."""
    if mode == "uid":
        return SimCard(uid)
    if mode == "ndef":
        return SimCard(uid, text=text)
    point = keys.card.public.raw
    if mode == "pkoc-v1":
        return SimCard(uid, point=point, sign=keys.card.sign)
    signs = keys.other if mode == "rogue-issuer" else keys.issuer
    since, until = PAST if mode == "expired" else NOW
    held = sim.certificate(point, signs.sign, since=since, until=until)
    return SimCard(
        uid,
        point=point,
        sign=keys.other.sign if mode == "stolen-certificate" else keys.card.sign,
        certificate=held,
        trick=Trick(mode) if mode in TRICKS else Trick.NONE,
    )


def shown(exchange: Exchange) -> str:
    """One line: the command, and the answer or that there was none."""
    return f"{exchange.sent.hex().upper()} -> {exchange.answered.hex().upper() or 'gone'}"


def _hold(made: SimCard, port: int) -> None:
    """The card comes, is asked, and goes, by itself or because pcscd did. Raises `Unavailable`
    when there is no vpcd."""
    with VpcdField(made, port) as field:
        click.echo("the card is at the reader")
        while not field.wait(AWAY_S):
            pass
    click.echo("the card is gone; it comes back")


def _introduce(mode: str, keys: Keys, uid: bytes) -> None:
    click.echo(f"card   {mode}, number {uid.hex().upper()}")
    if mode in {"uid", "ndef"}:
        return
    click.echo(f"key    {keys.card.public.raw.hex().upper()}")
    if mode != "pkoc-v1":
        click.echo(f"issuer {keys.issuer.public.raw.hex().upper()}")


def _key(path: Path | None) -> SigningKey:
    if path is None:
        return SigningKey(ES256, secrets.token_bytes(32))
    key = read_key(path, hint=HINT)
    if key.alg != ES256:
        raise Refused(f"{path} is no P-256 key; {HINT}", reason="R-SETTINGS")
    return key


def _number(uid: str) -> bytes:
    try:
        number = bytes.fromhex(uid)
    except ValueError:
        number = b""
    if not 1 <= len(number) <= MAX_UID:
        raise click.BadParameter(f"{uid!r} is not 1 to {MAX_UID} bytes in hex", param_hint="--uid")
    return number
