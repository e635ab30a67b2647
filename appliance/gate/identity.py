"""Which terminal this is, whom it believes, as its folder says. Knows no device."""

import hmac
from pathlib import Path

from appliance.settings import Settings
from ledger_sync import certificate
from ledger_sync.errors import Refused
from ledger_sync.files import read_bounded
from ledger_sync.keyfile import read_key
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.trust import MAX_GENESIS, Trust, pinned

_LINK_PURPOSE = b"yardpass/link/v1"
HINT = "make the terminal with: yardpass office terminal"


def trust_of(settings: Settings) -> Trust:
    """The policy this terminal is provisioned with, pinned."""
    data = read_bounded(settings.policy, MAX_GENESIS, hint=HINT)
    try:
        return pinned(data, settings.origin)
    except Refused as refused:
        raise Refused(f"{settings.policy}: {refused}; {HINT}", reason=refused.reason) from None


def keys_of(name: str, seed: bytes) -> tuple[SigningKey, SigningKey, bytes]:
    """The keys that follow from 32 random bytes, of the terminal's log and of its links, and the
    certificate of the latter."""
    link = SigningKey(ED25519, hmac.digest(seed, _LINK_PURPOSE, "sha256"))
    return SigningKey(ED25519, seed), link, certificate.make(name, link.seed)


def fingerprint(digest: bytes) -> str:
    """A policy's digest as people compare it: its first half, in groups of four digits."""
    text = digest.hex()
    return " ".join(text[at : at + 4] for at in range(0, 32, 4))


def key_of(path: Path) -> SigningKey:
    """The Ed25519 key in a file of the terminal. Raises `Refused` for another kind."""
    key = read_key(path, hint=HINT)
    if key.alg != ED25519:
        raise Refused(f"{path} must be an Ed25519 key to sign heads; {HINT}", reason="R-SETTINGS")
    return key


def site_of(settings: Settings) -> str:
    """The site as feeds name it: `hz07` of the ledger `yardpass/hz07`."""
    return settings.origin.removeprefix("yardpass/")
