"""What a new terminal shows to the office to be enrolled, as text. FORMAT.md section 4.15.

    YPT1:9T6W1S$...        its name, gate, addresses, keys, and whom it believes

Makes the text and takes it apart. Knows no office and no time.
"""

import re
from typing import Any, NamedTuple

from ledger_sync import base45, cbor, certificate
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, PublicKey, SigningKey, verify_ed25519

PREFIX = b"YPT1:"
MAX_TEXT = 768  # bytes
MAX_ADDRESSES, MAX_ADDRESS = 4, 64
GENESIS_BYTES = 8  # of the digest of the policy that it was provisioned with
_PURPOSE = b"yardpass/enrol/v1\n"
_VERSION = 1
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9.-]{1,58}):[0-9]{1,5}")


class Enrolment(NamedTuple):
    """What the office writes into the ledger. `genesis` is the head of a policy's digest."""

    name: str
    gate: str
    addresses: tuple[str, ...]
    genesis: bytes
    key: PublicKey
    certificate: bytes


def text_of(
    name: str,
    gate: str,
    addresses: tuple[str, ...],
    genesis: bytes,
    key: SigningKey,
    link: SigningKey,
) -> bytes:
    """The text of a terminal with these two keys and the certificate that follows."""
    signed = certificate.signature_of(certificate.make(name, link.seed))
    told: list[Any] = [_VERSION, name, gate, list(addresses), genesis[:GENESIS_BYTES]]
    told += [key.public.raw, link.public.raw, signed]
    signature = key.sign(_PURPOSE + cbor.encode(told))
    return PREFIX + base45.encode(cbor.encode([*told, signature])).encode()


def enrolment_in(text: bytes) -> Enrolment:
    """The enrolment in such a text. Raises `Refused`: R-FOREIGN if it is none, R-FORM, R-SIG."""
    if not text.startswith(PREFIX):
        raise Refused("not the enrolment code of a terminal", reason="R-FOREIGN")
    if len(text) > MAX_TEXT:
        raise Refused(f"an enrolment code of {len(text)} characters, at most {MAX_TEXT}")
    told: Any = cbor.decode(base45.decode_ascii(text[len(PREFIX) :]))
    if not _is_shaped(told):
        raise Refused("an enrolment code of another shape")
    _, name, gate, addresses, genesis, raw, link, signed, signature = told
    key = PublicKey(ED25519, raw)
    if not verify_ed25519(raw, signature, _PURPOSE + cbor.encode(told[:-1])):
        raise Refused("the enrolment code is not signed by its own key", reason="R-SIG")
    try:
        der = certificate.rebuilt(name, link, signed)
    except Refused as refused:
        raise Refused(f"the enrolment code's link key: {refused}", reason="R-SIG") from None
    return Enrolment(name, gate, tuple(addresses), genesis, key, der)


def _is_shaped(told: Any) -> bool:
    if not isinstance(told, list) or len(told) != 9 or told[0] != _VERSION or told[0] is True:
        return False
    _, name, gate, addresses, genesis, *keys = told
    are_names = all(isinstance(one, str) and _NAME.fullmatch(one) for one in (name, gate))
    return are_names and _are_addresses(addresses) and _are_bytes(genesis, keys)


def _are_addresses(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) <= MAX_ADDRESSES
        and all(isinstance(one, str) and _ADDRESS.fullmatch(one) for one in found)
    )


def _are_bytes(genesis: Any, keys: list[Any]) -> bool:
    lengths = (GENESIS_BYTES, _KEY_BYTES, _KEY_BYTES, _SIGNATURE_BYTES, _SIGNATURE_BYTES)
    return all(
        isinstance(one, bytes) and len(one) == length
        for one, length in zip((genesis, *keys), lengths, strict=True)
    )
