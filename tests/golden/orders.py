"""Section 7.9: orders to gates, and gone wrong.

Each is shown to a terminal that holds the ledger `under` and, behind it, `issuer-orders`; with
`held` it has taken that order before.
"""

from collections.abc import Iterator

from golden.case import Case
from golden.ledger_kinds import GUARD, ORIGIN, UNDER, WINDOW
from makers import AT, DAY, OFFICE, STRANGER

from ledger_sync import order, urgent
from ledger_sync.entries import MAY_DENY, MAY_ORDER, Issuer, to_bytes
from ledger_sync.keys import SigningKey
from ledger_sync.order import ALL_ZONES, Kind

ZONES = 0b1000_1001
HELD = ("held", "order")


def cases() -> Iterator[Case]:
    guard = Issuer("guard", GUARD.public, *WINDOW, 0, MAY_DENY | MAY_ORDER)
    what = "a key that may deny and give orders"
    yield Case("issuer-orders", what, to_bytes(guard), "5.2.1", "accepted", kind="entry",
               more=(UNDER,))  # fmt: skip
    yield from _taken()
    yield from _spelled()
    yield from _signed()


def made(
    kind: Kind = Kind.LOCKDOWN, zones: int = ZONES, at: int = AT, key: SigningKey = GUARD
) -> bytes:
    return order.sign(ORIGIN, kind, zones, issued_at=at, key=key)


def _case(name: str, what: str, rule: str, body: bytes, *, at: int = AT, held: bool = False,
          expect: str = "R-LEDGER") -> Case:  # fmt: skip
    more = (UNDER, HELD) if held else (UNDER,)
    return Case(name, what, body, rule, expect, at=at, kind="order", more=more)


def _taken() -> Iterator[Case]:
    for name, what, rule, body, at, held in (
        ("order", "a guard shuts three zones", "7.9.1", made(), AT, False),
        ("order-all", "all zones stand open", "7.9.1", made(Kind.FREE, ALL_ZONES), AT, False),
        ("order-curfew", "a curfew in the last zone", "7.9.2", made(Kind.CURFEW, 1 << 52), AT,
         False),
        ("order-old", "300 days old", "7.9.4", made(), AT + 300 * DAY, False),
        ("order-release", "a release a second later", "7.9.6", made(Kind.RELEASE, at=AT + 1), AT,
         True),
        ("order-again", "the one that is held", "7.9.6", made(), AT, True),
    ):  # fmt: skip
        yield _case(name, what, rule, body, at=at, held=held, expect="accepted")
    for name, what, body in (
        ("order-older", "a second before the one held", made(Kind.FREE, at=AT - 1)),
        ("order-weaker", "in the second of the one held", made(Kind.FREE)),
    ):
        yield _case(name, what, "7.9.6", body, held=True)


def _spelled() -> Iterator[Case]:
    every = " ".join(map(str, range(53)))
    for name, what, rule, lines in (
        ("order-no-zones", "no zone", "7.9.1", (AT, "lockdown", "zones")),
        ("order-zones-53", "all zones one by one", "7.9.1", (AT, "lockdown", f"zones {every}")),
        ("order-zones-back", "zones that descend", "7.9.1", (AT, "lockdown", "zones 3 0")),
        ("order-zone-53", "a zone past the last", "7.9.1", (AT, "lockdown", "zones 53")),
        ("order-zone-03", "a zone with a zero in front", "7.9.1", (AT, "lockdown", "zones 03")),
        ("order-five-lines", "a line more", "7.9.1", (AT, "lockdown", "zones 0", "now")),
        ("order-time-01", "a time with a zero in front", "7.9.1", ("01", "lockdown", "zones 0")),
        ("order-kind", "a kind nobody knows", "7.9.2", (AT, "siege", "zones 0")),
    ):
        text = "".join(f"{line}\n" for line in (f"{ORIGIN}/order", *lines))
        yield _case(name, what, rule, urgent.sign(text, GUARD))


def _signed() -> Iterator[Case]:
    foreign = order.sign("yardpass/hz08", Kind.LOCKDOWN, ZONES, issued_at=AT, key=GUARD)
    for name, what, rule, body, at in (
        ("order-neighbour", "of a neighbour", "7.9.1", foreign, AT),
        ("order-stranger", "a key that is not in the ledger", "7.9.3", made(key=STRANGER), AT),
        ("order-no-right", "a key that may only issue", "7.9.3", made(key=OFFICE), AT),
        ("order-early", "301 s ahead of the terminal", "7.9.4", made(), AT - 301),
        ("order-outside", "after the time of its key", "7.9.5", made(at=AT + 366 * DAY),
         AT + 366 * DAY),
    ):  # fmt: skip
        yield _case(name, what, rule, body, at=at)
