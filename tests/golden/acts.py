"""Sections 7.11, 7.12 and 8.2.6: acts of guards, what is written beside them, and gone wrong.

Each is opened under the keys of `guard` and `relief`, who may act, and of the office, which may
not; a remark by the secret of the examples, beside the act that states `digest`.
"""

from collections.abc import Iterator

from golden.case import Case
from golden.ledger_kinds import GUARD, ORIGIN, WINDOW
from makers import AT, DAY, OFFICE, STRANGER, signer

from ledger_sync import act, remark, urgent
from ledger_sync.act import Deed, Kind
from ledger_sync.act_record import ActRecord
from ledger_sync.entries import MAY_ACT, MAY_ISSUE, Issuer
from ledger_sync.remark import Remark

RELIEF = signer("relief")
ISSUERS = (
    Issuer("anna", GUARD.public, *WINDOW, 0, MAY_ACT),
    Issuer("boris", RELIEF.public, *WINDOW, 0, MAY_ACT),
    Issuer("yp:hz07", OFFICE.public, *WINDOW, 0, MAY_ISSUE),
)
SECRET = b"site secret of the examples"
REMARK = Remark(bytes(range(16)), "Courier, two parcels")
OPENING = Deed(AT, Kind.OPEN, "north", "north-1", REMARK.digest)
LINES = ("checks 41, of them red 2", "inside 1 visitor")
HANDOVER = Deed(AT, Kind.HANDOVER, RELIEF.public.kid.hex(), "north-1", b"", LINES)
_SPOKEN = f"remark {REMARK.digest.hex()}"


def cases() -> Iterator[Case]:
    opening = act.sign(ORIGIN, OPENING, [GUARD])
    yield _case("act", "a guard opens by hand", "7.11.1", opening, expect="accepted")
    both = act.sign(ORIGIN, HANDOVER, [GUARD, RELIEF])
    yield _case("act-handover", "a shift is handed over", "7.11.5", both, expect="accepted")
    for kind, thing in ((Kind.BEGIN, "-"), (Kind.IN, "87a414cf0c834483")):
        made = act.sign(ORIGIN, Deed(AT, kind, thing, "north-1"), [GUARD])
        yield _case(f"act-{kind}", f"{kind} of a guard", "7.11.2", made, expect="accepted")
    yield from _spelled()
    yield from _signed()
    yield from _beside(opening)


def _case(name: str, what: str, rule: str, body: bytes, *, expect: str = "R-LEDGER",
          kind: str = "act", more: tuple[tuple[str, str], ...] = ()) -> Case:  # fmt: skip
    return Case(name, what, body, rule, expect, kind=kind, more=more)


def _noted(*lines: object, keys=(GUARD,)) -> bytes:
    text = "".join(f"{line}\n" for line in (f"{ORIGIN}/act", AT, *lines))
    signed = [urgent.sign(text, key).decode().rpartition("\n\n")[2] for key in keys]
    return f"{text}\n{''.join(signed)}".encode()


def _spelled() -> Iterator[Case]:
    place, none = "at north-1", "remark -"
    for name, what, rule, lines in (
        ("act-short", "no line for the remark", "7.11.1", ("begin -", place)),
        ("act-place", "a place in capitals", "7.11.1", ("begin -", "at North", none)),
        ("act-remark", "a remark in capitals", "7.11.1", ("begin -", place, f"remark {'A' * 64}")),
        ("act-line", "a line more than an act has", "7.11.1", ("begin -", place, none, "more")),
        ("act-kind", "something no guard does", "7.11.2", ("close north", place, none)),
        ("act-object", "a shift that begins with something", "7.11.2", ("begin x", place, none)),
        ("act-visitor", "a visitor by 15 digits", "7.11.2", ("in 87a414cf0c83448", place, none)),
        ("act-silent", "a gate opened without a reason", "7.11.3", ("open north", place, none)),
    ):
        yield _case(name, what, rule, _noted(*lines))
    long = act.MAX_LINES + 1
    handover = (f"handover {RELIEF.public.kid.hex()}", place, none)
    for name, what, lines in (
        ("act-handover-empty", "a handover that says nothing", ()),
        ("act-handover-long", f"a handover of {long} lines", ("line",) * long),
        ("act-handover-wide", "a line of 101 characters", ("x" * 101,)),
    ):
        body = _noted(*handover, *lines, keys=(GUARD, RELIEF))
        yield _case(name, what, "7.11.5", body)


def _signed() -> Iterator[Case]:
    late = OPENING._replace(issued_at=AT + 366 * DAY)
    for name, what, rule, body in (
        ("act-neighbour", "of a neighbour", "7.11.1",
         act.sign("yardpass/hz08", OPENING, [GUARD])),
        ("act-stranger", "a key that is not in the ledger", "7.11.4",
         act.sign(ORIGIN, OPENING, [STRANGER])),
        ("act-no-right", "a key that may only issue", "7.11.4",
         act.sign(ORIGIN, OPENING, [OFFICE])),
        ("act-outside", "after the time of its key", "7.11.4", act.sign(ORIGIN, late, [GUARD])),
        ("act-two", "two guards open one gate", "7.11.4",
         act.sign(ORIGIN, OPENING, [GUARD, RELIEF])),
        ("act-handover-alone", "handed over to nobody", "7.11.5",
         act.sign(ORIGIN, HANDOVER, [GUARD])),
        ("act-handover-back", "signed first by who takes over", "7.11.5",
         act.sign(ORIGIN, HANDOVER, [RELIEF, GUARD])),
    ):  # fmt: skip
        yield _case(name, what, rule, body)


def _beside(opening: bytes) -> Iterator[Case]:
    sealed = remark.seal(REMARK, SECRET, nonce=bytes(range(24)))
    for name, what, rule, body, expect in (
        ("remark", "what a guard wrote", "7.12.1", sealed, "accepted"),
        ("remark-cut", "a byte less", "7.12.1", sealed[:-1], "R-LEDGER"),
        ("remark-flipped", "a bit flipped", "7.12.1",
         sealed[:-1] + bytes((sealed[-1] ^ 1,)), "R-LEDGER"),
        ("remark-site", "of another site", "7.12.1",
         remark.seal(REMARK, b"another", nonce=bytes(24)), "R-LEDGER"),
        ("remark-other", "beside another act", "7.12.2",
         remark.seal(Remark(bytes(16), "Nothing"), SECRET, nonce=bytes(24)), "R-LEDGER"),
    ):  # fmt: skip
        more = (("digest", REMARK.digest.hex()), ("says", REMARK.text))
        yield _case(name, what, rule, body, expect=expect, kind="remark", more=more)
    made = ActRecord(AT, AT * 1_000 << 16, bytes(32), opening).to_bytes()
    for name, what, body, expect in (
        ("act-record", "an opening in a feed", made, "accepted"),
        ("act-record-empty", "without its note", made[:49], "R-LEDGER"),
        ("act-record-time", "at no time", made[:1] + b"\xff" + made[2:], "R-LEDGER"),
        ("act-record-order", "another note", made.replace(b"/act", b"/odd"), "R-LEDGER"),
    ):
        yield _case(name, what, "8.2.6", body, expect=expect, kind="act-record")
