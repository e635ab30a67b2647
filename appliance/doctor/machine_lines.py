"""What is said of the machine: clock, storage, heat, power, services. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from appliance.doctor.lines import Fault, Line, Missing, NotHad, fail, not_had, ok, warn

GOOD, FAIR, POOR = 0, 1, 2  # grades of a clock, as ledger_sync.clock has them
SLOW_COMMIT_MS, BAD_COMMIT_MS = 100.0, 500.0
WORN_PERCENT = 80
LEAST_FREE, LITTLE_FREE = 64 << 20, 512 << 20  # bytes; below the first others' logs wait
WARM, HOT = 70.0, 80.0  # degrees Celsius; a Pi slows down from 80 on
MANY_RESTARTS = 3
NEW_CARD = "replace the card with an endurance one, or use an SSD; the log is read back from peers"


class Clock(NamedTuple):
    """The time as text, and its grade; what the kernel knows of its error."""

    now: str
    grade: int
    is_synchronised: bool
    error_seconds: int


class Commits(NamedTuple):
    """So many durable commits were made beside the store; the 99th percentile of them in ms."""

    made: int
    p99_ms: float


class Disk(NamedTuple):
    """The disk of the store: whether it takes writes, errors its file system has counted, and how
    much of its life is used, in per cent (None where it does not say)."""

    name: str
    is_read_only: bool
    errors: int
    used_percent: int | None


class Space(NamedTuple):
    """Bytes beside the store."""

    free: int
    total: int


class Power(NamedTuple):
    """The firmware's flags of power and heat: now, and since the start."""

    is_low: bool
    was_low: bool
    is_throttled: bool
    was_throttled: bool


class Unit(NamedTuple):
    """A service as systemctl shows it."""

    name: str
    active: str
    result: str
    restarts: int


def clock(found: Clock) -> Line:
    part = "clock"
    if found.grade == GOOD:
        return ok(part, f"{found.now}, synchronised within {found.error_seconds} s")
    step = "connect it to a network with a time server"
    if found.grade == FAIR:
        return warn(part, f"{found.now}, kept by a chip, not synchronised now", step)
    step += ", or fit a clock chip; until then the gate asks for its number: yardpass challenge"
    return fail(part, f"{found.now}, which nothing vouches for", step)


def chip(is_there: bool) -> Line:
    if is_there:
        return ok("clock chip", "keeps the time over a power cut")
    step = "fit one (DS3231 on I2C; the Pi 5 wants a battery), else a power cut loses the time"
    return warn("clock chip", "none", step)


def watchdog(found: bool | NotHad) -> Line:
    part = "watchdog"
    if not isinstance(found, bool):
        return not_had(part, found)
    if found:
        return ok(part, "the hardware resets a machine that hangs")
    step = "set RuntimeWatchdogSec=15 in systemd's system.conf.d"
    return warn(part, "the hardware has one that nobody feeds", step)


def commits(found: Commits | NotHad) -> Line:
    part = "commits"
    if not isinstance(found, Commits):
        return not_had(part, found)
    said = f"{found.made} durable commits, p99 {found.p99_ms:.1f} ms"
    if found.p99_ms > BAD_COMMIT_MS:
        return fail(part, said, NEW_CARD)
    if found.p99_ms > SLOW_COMMIT_MS:
        return warn(part, said, NEW_CARD)
    return ok(part, said)


def disk(found: Disk | NotHad) -> Line:
    part = "disk"
    if not isinstance(found, Disk):
        return not_had(part, found)
    if found.is_read_only:
        step = f"look why with: journalctl -k; then {NEW_CARD}"
        return fail(part, f"{found.name} takes no more writes", step)
    if found.errors:
        return fail(part, f"{found.name} has counted {found.errors} errors", NEW_CARD)
    if found.used_percent is not None and found.used_percent >= WORN_PERCENT:
        return warn(part, f"{found.name} has used {found.used_percent} % of its life", NEW_CARD)
    life = "" if found.used_percent is None else f", {found.used_percent} % of its life used"
    return ok(part, f"{found.name}, no errors{life}")


def space(found: Space | NotHad) -> Line:
    part = "space"
    if not isinstance(found, Space):
        return not_had(part, found)
    said = f"{found.free >> 20} of {found.total >> 20} MiB free beside the store"
    step = "free disk space: journalctl --vacuum-size=16M, then look with: du -x /var"
    if found.free < LEAST_FREE:
        return fail(part, said, step)
    return warn(part, said, step) if found.free < LITTLE_FREE else ok(part, said)


def heat(found: float | NotHad) -> Line:
    part = "heat"
    if not isinstance(found, float):
        return not_had(part, found)
    said = f"{found:.0f} degrees Celsius"
    step = "give the box shade or air, or the Pi a heat sink"
    if found >= HOT:
        return fail(part, said, step)
    return warn(part, said, step) if found >= WARM else ok(part, said)


def power(found: Power | NotHad) -> Line:
    part = "power"
    if not isinstance(found, Power):
        return not_had(part, found)
    supply = "use the board's own power supply and a short, thick cable"
    if found.is_low:
        return fail(part, "the voltage is too low now", supply)
    if found.was_low:
        return warn(part, "the voltage was too low since the start", supply)
    if found.is_throttled or found.was_throttled:
        when = "is" if found.is_throttled else "was"
        return warn(part, f"the processor {when} slowed down", "give the box shade or air")
    return ok(part, "never too low since the start")


def unit(found: Unit | NotHad, name: str) -> Line:
    if not isinstance(found, Unit):
        return not_had(name, found)
    log = f"look why with: journalctl -u {name} -n 50"
    if found.active == "failed":
        return fail(name, f"failed ({found.result})", log)
    if found.active != "active":
        return warn(name, found.active, f"start it with: systemctl start {name}; or {log}")
    if found.restarts >= MANY_RESTARTS:
        return warn(name, f"active, started again {found.restarts} times", log)
    return ok(name, "active")


def failed(found: Sequence[str] | NotHad) -> Line:
    """`found` are the other units of ours that failed."""
    part = "other units"
    if isinstance(found, Missing | Fault):
        return not_had(part, found)
    if found:
        log = f"look why with: journalctl -u {found[0]} -n 50"
        return fail(part, f"failed: {', '.join(found)}", log)
    return ok(part, "none has failed")


def versions(found: str) -> Line:
    return ok("versions", found)
