"""What is accepted: passes, codes of every form, and the last second of every window."""

from collections.abc import Iterator

from golden.case import Case
from makers import (
    AT,
    GATE,
    HOLDERS,
    NONCE,
    OFFICES,
    SITE,
    odd_code,
    pass_token,
)

from appliance.passes import code
from appliance.passes.token import handle_of
from ledger_sync import base45

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KIND_OF = {"ed25519": "Ed25519", "p256": "P-256"}


def token_in(text: bytes) -> bytes:
    return base45.decode_ascii(text.removeprefix(code.PREFIX))


def by_reference(kind: str, *, at: int = AT, nonce: bytes | None = None, **changes) -> bytes:
    """The token of a form C of one of the two enrolled holders."""
    holder = HOLDERS[kind]
    audience = changes.get("audience", f"{SITE}/{GATE}" if nonce else SITE)
    handle = changes.get("handle", handle_of(pass_token(holder)))
    key = changes.get("key", holder)
    text = code.by_reference(handle, audience=audience, issued_at=at, key=key, nonce=nonce)
    return token_in(text)


def self_contained(
    kind: str, *, at: int = AT, nonce: bytes | None = None, held: bytes | None = None
) -> bytes:
    """The token of a form B of one of the two holders."""
    holder = HOLDERS[kind]
    audience = f"{SITE}/{GATE}" if nonce else SITE
    carried = held or pass_token(holder)
    text = code.self_contained(carried, audience=audience, issued_at=at, key=holder, nonce=nonce)
    return token_in(text)


def high_s(token: bytes) -> bytes:
    """The same ES256 signature in its other spelling: n - s."""
    s = int.from_bytes(token[-32:], "big")
    return token[:-32] + (_ORDER - s).to_bytes(32, "big")


def _under(alg: int, kind: str) -> bytes:
    """A code by reference that names this algorithm."""
    holder = HOLDERS[kind]
    header = {1: alg, 4: handle_of(pass_token(holder))}
    return odd_code({3: SITE, 6: AT}, header=header, key=holder)


def cases() -> Iterator[Case]:
    for kind, holder in HOLDERS.items():
        what = f"a pass of a {KIND_OF[kind]} holder"
        token = pass_token(holder)
        more = (("handle", handle_of(token).hex()),)
        yield Case(f"pass-{kind}", what, token, "3.1", "accepted", kind="pass", more=more)
        yield from _codes(kind)
    for kind, office in OFFICES.items():
        what = f"a static pass of an issuer with a {KIND_OF[kind]} key"
        yield Case(f"static-{kind}", what, pass_token(office=office), "4.3.1", "accepted")
    text = code.to_text(by_reference("ed25519"))
    what = "a code by reference as its QR code spells it"
    yield Case("code-c-text", what, text, "4.4.1", "accepted", is_text=True)
    for kind, alg in (("ed25519", -19), ("p256", -9)):
        what = f"the identifier RFC 9864 gives {KIND_OF[kind]}"
        yield Case(f"alg-minus{alg}", what, _under(alg, kind), "2.9", "accepted")
    what = "an ES256 signature with the larger of its two s, which is no fault"
    yield Case("es256-high-s", what, high_s(by_reference("p256")), "2.11", "accepted")
    token = by_reference("ed25519")
    what = "a code in the last second of its window"
    yield Case("age-20-seconds", what, token, "4.6.8", "accepted", at=AT + 20)
    what = "a code in the first second of its window"
    yield Case("ahead-5-seconds", what, token, "4.6.9", "accepted", at=AT - 5)


def _codes(kind: str) -> Iterator[Case]:
    shown = (("nonce", NONCE.hex()),)
    name = KIND_OF[kind]
    what = f"a code by reference, {name} holder"
    yield Case(f"code-c-{kind}", what, by_reference(kind), "4.1.1", "accepted")
    token = by_reference(kind, nonce=NONCE)
    what += ", with the gate's nonce"
    yield Case(f"code-c-{kind}-nonce", what, token, "4.1.3", "accepted", more=shown)
    what = f"a self-contained code, {name} holder"
    yield Case(f"code-b-{kind}", what, self_contained(kind), "4.2.1", "accepted")
    token = self_contained(kind, nonce=NONCE)
    what += ", with the gate's nonce"
    yield Case(f"code-b-{kind}-nonce", what, token, "4.2.3", "accepted", more=shown)
