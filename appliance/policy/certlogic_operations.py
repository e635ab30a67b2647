"""Operations of CertLogic 1.3, each a maker of closures: checked operands in, what to run out.

Pure. Docstrings cite the headings of certlogic/specification/README.md, version 1.3.2.
"""

import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from appliance.policy.certlogic_values import (
    MAX_STEPS,
    MAX_WHOLE,
    Budget,
    Value,
    instant,
    key,
    kind,
    refuse,
    shown,
    spend,
    truth,
    whole,
)
from appliance.policy.instants import UNITS, Instant, date_of_birth, plus_time

MAX_NODES = 4_096  # operations, arrays and literals of a logic

_PLAIN = (str, int, bool)  # equal, if of the same of these classes, as Python has it

Run = Callable[[Value, Budget], Value]


class Part(NamedTuple):
    """A checked expression. A fixed one gives the same value for all data."""

    run: Run
    is_fixed: bool
    size: int  # nodes in it


Make = Callable[[Sequence[Part], Sequence[Value], str], Run]


class Operation(NamedTuple):
    """How many operands it takes, and what it does with them."""

    least: int
    most: int
    make: Make

    @property
    def takes(self) -> str:
        if self.most == MAX_NODES:
            return f"{self.least} or more operands"
        return f"{' or '.join(map(str, sorted({self.least, self.most})))} operands"


def array(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    runs = [part.run for part in parts]
    return lambda data, budget: [run(data, budget) for run in runs]


def _if(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    guard, then, other = (part.run for part in parts)

    def run(data: Value, budget: Budget) -> Value:
        value = guard(data, budget)
        if value is True or (value is not False and truth(value, where)):
            return then(data, budget)
        return other(data, budget)

    return run


def _and(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Infix operators, `and`: lazily, in order; the first falsy value or the last."""
    runs = [part.run for part in parts]

    def run(data: Value, budget: Budget) -> Value:
        value: Value = True
        for one in runs:
            value = one(data, budget)
            if value is not True and (value is False or not truth(value, where)):
                return value
        return value

    return run


def _not(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    operand = parts[0].run
    return lambda data, budget: not truth(operand(data, budget), where)


def _equal(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Infix operators, `===`: without coercion. The specification leaves arrays and objects open;
    here they are equal if their JSON is."""
    left, right = (part.run for part in parts)

    def run(data: Value, budget: Budget) -> bool:
        one, other = left(data, budget), right(data, budget)
        if one.__class__ is other.__class__ and one.__class__ in _PLAIN:
            return bool(one == other)
        return bool(key(one, budget, where) == key(other, budget, where))

    return run


def _in(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Infix operators, `in`: equal, as by `===`, to an item of an array."""
    needle, hay = (part.run for part in parts)
    if parts[1].is_fixed and isinstance(fixed := hay(None, []), list):
        return _in_fixed(needle, frozenset(key(item, [MAX_STEPS], where) for item in fixed), where)

    def run(data: Value, budget: Budget) -> bool:
        one, items = needle(data, budget), hay(data, budget)
        if not isinstance(items, list):
            refuse(where, f"the second operand is {kind(items)}, no array")
        spend(budget, len(items), where)
        if one.__class__ is str:
            return one in items
        wanted = key(one, budget, where)
        return any(key(item, budget, where) == wanted for item in items)

    return run


def _in_fixed(needle: Run, found: frozenset[Value], where: str) -> Run:
    def run(data: Value, budget: Budget) -> bool:
        one = needle(data, budget)
        if one.__class__ is str or one.__class__ is int:
            return one in found
        return key(one, budget, where) in found

    return run


def _plus(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    left, right = (part.run for part in parts)

    def run(data: Value, budget: Budget) -> int:
        total = whole(left(data, budget), where) + whole(right(data, budget), where)
        if abs(total) > MAX_WHOLE:
            refuse(where, "the sum is beyond 2^53 - 1")
        return total

    return run


def _comparison(holds: Callable[[int, int], bool], check: Callable[[Value, str], int]) -> Make:
    """Infix operators, comparison: all operands are evaluated and checked, then each is compared
    with the next."""

    def make(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
        runs = [part.run for part in parts]
        if len(runs) == 2:
            left, right = runs
            return lambda data, budget: holds(
                check(left(data, budget), where), check(right(data, budget), where)
            )

        def run(data: Value, budget: Budget) -> bool:
            one, two, three = [check(run(data, budget), where) for run in runs]
            return holds(one, two) and holds(two, three)

        return run

    return make


def _plus_time(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Offset date-time: amount and unit are literals, the operand is text and no instant."""
    operand, unit = parts[0].run, operands[2]
    amount = whole(operands[1], where)
    if unit not in UNITS:
        refuse(where, f"the unit {shown(unit)} is none of {', '.join(UNITS)}")

    def run(data: Value, budget: Budget) -> Instant:
        text = operand(data, budget)
        moved = plus_time(text, amount, unit) if isinstance(text, str) else None
        return refuse(where, f"{kind(text)} is no date-time") if moved is None else moved

    return run


def _date_of_birth(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    operand = parts[0].run

    def run(data: Value, budget: Budget) -> Instant:
        text = operand(data, budget)
        day = date_of_birth(text) if isinstance(text, str) else None
        return refuse(where, f"{kind(text)} is no date of birth") if day is None else day

    return run


def _reduce(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Reduction: a left-fold; null counts as an empty array, as published evaluators have it."""
    over, step, initial = parts

    def run(data: Value, budget: Budget) -> Value:
        items, value = over.run(data, budget), initial.run(data, budget)
        if not isinstance(items, list | None):
            refuse(where, f"the first operand is {kind(items)}, no array")
        for item in items or ():
            spend(budget, step.size, where)
            value = step.run({"accumulator": value, "current": item}, budget)
            key(value, budget, where)  # an accumulator must not grow without end
        return value

    return run


def _extract(parts: Sequence[Part], operands: Sequence[Value], where: str) -> Run:
    """Extract data from an UCI."""
    operand, index = parts[0].run, whole(operands[1], where)

    def run(data: Value, budget: Budget) -> str | None:
        text = operand(data, budget)
        if text is None:
            return None
        if not isinstance(text, str):
            refuse(where, f"{kind(text)} is neither text nor null")
        spend(budget, len(text), where)
        bare = text.removeprefix("URN:UVCI:")
        fragments = bare.replace("/", ":").replace("#", ":").split(":")
        return fragments[index] if 0 <= index < len(fragments) else None

    return run


OPERATIONS = {
    "if": Operation(3, 3, _if),
    "===": Operation(2, 2, _equal),
    "in": Operation(2, 2, _in),
    "+": Operation(2, 2, _plus),
    "and": Operation(2, MAX_NODES, _and),
    ">": Operation(2, 3, _comparison(operator.gt, whole)),
    "<": Operation(2, 3, _comparison(operator.lt, whole)),
    ">=": Operation(2, 3, _comparison(operator.ge, whole)),
    "<=": Operation(2, 3, _comparison(operator.le, whole)),
    "after": Operation(2, 3, _comparison(operator.gt, instant)),
    "before": Operation(2, 3, _comparison(operator.lt, instant)),
    "not-after": Operation(2, 3, _comparison(operator.le, instant)),
    "not-before": Operation(2, 3, _comparison(operator.ge, instant)),
    "!": Operation(1, 1, _not),
    "plusTime": Operation(3, 3, _plus_time),
    "dccDateOfBirth": Operation(1, 1, _date_of_birth),
    "reduce": Operation(3, 3, _reduce),
    "extractFromUVCI": Operation(2, 2, _extract),
}
"""All operations but `var`, in the order of the specification."""
