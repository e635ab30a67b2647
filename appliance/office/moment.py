"""The moment that an office signs. A terminal never goes behind a time that a quorum
signed: a computer whose clock runs years ahead would take the time from every gate there is."""

from datetime import UTC, datetime

from ledger_sync.errors import Refused

MOST_AHEAD = 2 * 366 * 86_400  # seconds beyond the newest time that is known


def check(now: int, known: int) -> None:
    """`known`: the newest moment that is certainly past, Unix seconds. Raises `Refused` for a
    clock that is more than two years beyond it."""
    if now > known + MOST_AHEAD:
        what = (
            f"this computer's clock says {_day(now)}, the newest day known here is {_day(known)}"
        )
        step = "set the clock, or say that it is right: --clock-is-right"
        raise Refused(f"{what}: no gate would believe an earlier time again; {step}")


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
