"""The lines of the doctor: a part, how it is, what was found, what to do. Pure.

A line that is not well always says what to do: there is no other way to make one.
"""

import enum
from typing import NamedTuple, TypeAlias

PART_WIDTH = 22  # of the longest name of a unit


class Level(enum.Enum):
    """How a part is. Only FAIL makes the whole fail."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    ABSENT = "not here"


class Line(NamedTuple):
    """What the doctor says of one part; `step` is what to do, empty where nothing need be done."""

    part: str
    level: Level
    found: str
    step: str = ""


class Missing(NamedTuple):
    """In the place of a finding: this machine has no such part, or another process has it."""

    why: str


class Fault(NamedTuple):
    """In the place of a finding: it could not be had, and what to do about that."""

    what: str
    step: str


NotHad: TypeAlias = Missing | Fault


def ok(part: str, found: str) -> Line:
    return Line(part, Level.OK, found)


def absent(part: str, why: str) -> Line:
    return Line(part, Level.ABSENT, why)


def warn(part: str, found: str, step: str) -> Line:
    return _with_step(Line(part, Level.WARN, found, step))


def fail(part: str, found: str, step: str) -> Line:
    return _with_step(Line(part, Level.FAIL, found, step))


def not_had(part: str, found: NotHad) -> Line:
    """The line of a part of which there is no finding."""
    if isinstance(found, Missing):
        return absent(part, found.why)
    return fail(part, found.what, found.step)


def fault_of(error: Exception, step: str) -> Fault:
    """An error as a finding: our messages end with the next step, after the last semicolon;
    `step` is for those that do not."""
    what, _, own = str(error).rpartition("; ")
    return Fault(what or own, own if what else step)


def is_well(lines: list[Line]) -> bool:
    """Whether nothing failed."""
    return all(line.level is not Level.FAIL for line in lines)


def text(line: Line) -> str:
    """`WARN     clock chip             none; fit one, ...`"""
    step = f"; {line.step}" if line.step else ""
    return f"{line.level.value:<8} {line.part:<{PART_WIDTH}} {line.found}{step}"


def document(line: Line) -> dict[str, str]:
    """As `--json` shows it."""
    return line._asdict() | {"level": line.level.value}


def _with_step(line: Line) -> Line:
    if not line.step:
        raise ValueError(f"{line.part}: {line.found} says not what to do")
    return line
