"""What a phone and the office hand to each other as text, and texts gone wrong."""

from collections.abc import Iterator

from golden.case import Case
from golden.showings import KIND_OF
from guests import VISITOR, invited
from makers import AT, HOLDERS, PHONE, PHONE_P256, STRANGER, pass_payload, pass_token

from appliance.passes import phone_text
from ledger_sync import base45, cbor

INVITE_PREFIX = b"YPI1:"


def _key(stated) -> bytes:
    token = stated if isinstance(stated, bytes) else cbor.encode(stated)
    return phone_text.KEY_PREFIX + base45.encode(token).encode()


def invite_text(token: bytes) -> bytes:
    return INVITE_PREFIX + base45.encode(token).encode()


def limited(*limits) -> bytes:
    """The text of a pass with what may stand beside it."""
    return _listed([cbor.decode(pass_token(PHONE)), *limits])


def _listed(item) -> bytes:
    return phone_text.PASS_PREFIX + base45.encode(cbor.encode(item)).encode()


def cases() -> Iterator[Case]:
    yield from _enrolments()
    yield from _handovers()


def _enrolments() -> Iterator[Case]:
    for kind, holder in HOLDERS.items():
        what = f"the enrolment code of a phone with a {KIND_OF[kind]} key"
        text = phone_text.of_key(holder.public)
        yield Case(
            f"enrolment-{kind}", what, text, "4.13.1", "accepted", kind="enrolment", is_text=True
        )
    good, key = phone_text.of_key(PHONE.public), PHONE.public.to_cose()
    off = {**PHONE_P256.public.to_cose(), -3: bytes(32)}
    for name, what, text, rule, expect in (
        ("prefix", "the prefix of a code", good.replace(b"YPK1", b"YP1"), "4.13.1", "R-FOREIGN"),
        ("lower", "the prefix in small letters", good.lower(), "4.13.1", "R-FOREIGN"),
        ("257", "257 bytes", _key(bytes(168)), "4.13.2", "R-FORM"),
        ("cut", "the last character is missing", good[:-1], "4.13.2", "R-FORM"),
        ("letter", "a small letter", good[:-1] + b"a", "4.13.2", "R-FORM"),
        ("more", "a byte after the key", _key(cbor.encode(key) + b"\0"), "4.13.3", "R-FORM"),
        ("bytes", "the bare key", _key(PHONE.public.raw), "4.13.3", "R-FORM"),
        ("kid", "a fourth key in the map", _key({**key, 2: PHONE.public.kid}), "4.13.4", "R-SIG"),
        ("off-curve", "a point that is not on the curve", _key(off), "4.13.4", "R-SIG"),
        ("x25519", "a key that signs nothing", _key({**key, -1: 4}), "4.13.4", "R-SIG"),
    ):  # fmt: skip
        yield Case(f"enrolment-{name}", what, text, rule, expect, kind="enrolment", is_text=True)


def _handovers() -> Iterator[Case]:
    """`holder` is the key of the phone that takes the text."""
    for kind, holder in HOLDERS.items():
        what = f"a pass on its way to a phone with a {KIND_OF[kind]} key"
        text = phone_text.of_pass(pass_token(holder))
        yield _handover(kind, what, text, "4.14.1", "accepted", holder=holder)
    good = phone_text.of_pass(pass_token(PHONE))
    odd = phone_text.of_pass(pass_token(PHONE, klass=9))
    guest, anyone = invite_text(invited(VISITOR)), invite_text(invited())
    swapped = phone_text.of_pass(invited(VISITOR)), invite_text(pass_token(PHONE))
    paper = phone_text.of_pass(pass_token())
    foreign = good.replace(b"YPP1", b"YP1")
    for name, what, text, rule, expect, holder in (
        ("invite", "an invite for the phone's key", guest, "4.14.4", "accepted", VISITOR),
        ("bearer", "an invite for whoever has it", anyone, "4.14.4", "accepted", VISITOR),
        ("prefix", "the prefix of a code", foreign, "4.14.1", "R-FOREIGN", PHONE),
        ("1025", "1,025 bytes", (good * 4)[:1_025], "4.14.2", "R-FORM", PHONE),
        ("cut", "the last three characters are missing", good[:-3], "4.14.3", "R-FORM", PHONE),
        ("letter", "a small letter", good[:-1] + b"a", "4.14.2", "R-FORM", PHONE),
        ("class-9", "a pass of class 9", odd, "4.14.3", "R-FORM", PHONE),
        ("invite-as-pass", "an invite for a pass", swapped[0], "4.14.3", "R-FORM", VISITOR),
        ("pass-as-invite", "a pass for an invite", swapped[1], "4.14.3", "R-FORM", PHONE),
        ("stranger", "a pass for another phone", good, "4.14.4", "R-PROOF", STRANGER),
        ("paper", "a pass for paper", paper, "4.14.4", "R-PROOF", PHONE),
        ("invite-stranger", "an invite for another phone", guest, "4.14.4", "R-PROOF", STRANGER),
    ):  # fmt: skip
        yield _handover(name, what, text, rule, expect, holder=holder)
    yield from _with_limits()
    what, at = "a pass in the second that it ends", pass_payload(PHONE)[4]
    yield _handover("over", what, good, "4.14.5", "R-EXP", holder=PHONE, at=at)


def _with_limits() -> Iterator[Case]:
    """What invites the pass may give stands beside it."""
    days = 86_400
    for name, what, text, expect in (
        (
            "limits",
            "a pass and what invites it may give",
            limited(43_200, 14_400, 20),
            "accepted",
        ),
        ("limits-none", "a pass that may give no invites", limited(0, 0, 0), "accepted"),
        ("limits-256", "256 uses", limited(43_200, 14_400, 256), "R-FORM"),
        ("limits-32-days", "an invite of 32 days", limited(32 * days, 0, 20), "R-FORM"),
        ("limits-below-0", "seconds below 0", limited(43_200, -1, 20), "R-FORM"),
        ("limits-two", "two numbers", limited(43_200, 20), "R-FORM"),
        ("limits-word", "a number as text", limited(43_200, 14_400, "20"), "R-FORM"),
        ("limits-alone", "limits of no pass", _listed([None, 0, 0, 0]), "R-FORM"),
    ):
        yield _handover(name, what, text, "4.14.6", expect, holder=PHONE)
    text = limited(0, 0, 0)
    what = "a pass with limits for another phone"
    yield _handover("limits-stranger", what, text, "4.14.4", "R-PROOF", holder=STRANGER)


def _handover(name, what, text, rule, expect, *, holder, at=AT) -> Case:
    more = (("holder", holder.public.raw.hex()),)
    return Case(f"handover-{name}", what, text, rule, expect, at, "handover", True, more)
