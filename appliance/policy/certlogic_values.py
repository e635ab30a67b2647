"""Values of CertLogic 1.3: what is true, whole and equal, and how much work may be done.

Pure. Inside an evaluation a value is JSON or an `Instant`; outside it is JSON.
"""

import math
import reprlib
from typing import Any, NoReturn

from appliance.policy.instants import Instant
from ledger_sync.errors import Refused

MAX_DEPTH = 32  # operations and arrays inside each other, in a logic and in what it compares
MAX_STEPS = 5_000  # nodes that `reduce`, `in` and `===` may visit in one evaluation
MAX_WHOLE = 2**53 - 1  # up to here JSON numbers are exact everywhere

Value = Any  # JSON, or an Instant
Budget = list[int]  # one number: the steps that an evaluation has left

_KINDS = {
    **{dict: "an object", list: "an array", type(None): "null", bool: "a boolean"},
    **{str: "a text", int: "a number", float: "a number", Instant: "a date-time"},
}


def refuse(where: str, what: str) -> NoReturn:
    raise Refused(f"{where}: {what}", reason="R-SETTINGS")


def kind(value: Value) -> str:
    """What a value is, without the value: it may name a person."""
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def shown(value: Value) -> str:
    """A value of a logic, which names nobody, shortened."""
    return reprlib.repr(str(value)) if isinstance(value, str) else kind(value)


def spend(budget: Budget, steps: int, where: str) -> None:
    budget[0] -= steps
    if budget[0] < 0:
        refuse(where, f"over {MAX_STEPS} steps")


def truth(value: Value, where: str) -> bool:
    """Truthy and falsy values. Fractions and date-times are neither: an error."""
    if value is None or isinstance(value, bool | str | list | dict) or _is_whole(value):
        return bool(value)
    refuse(where, f"{kind(value)} is neither truthy nor falsy")


def whole(value: Value, where: str) -> int:
    """An integer, which JSON may also write as 1.0. A boolean is none."""
    if type(value) is int:
        return value
    if _is_whole(value):
        return int(value)
    refuse(where, f"{kind(value)} is no whole number")


def _is_whole(value: Value) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool | Instant)
    return isinstance(value, float) and value.is_integer()


def instant(value: Value, where: str) -> Instant:
    if isinstance(value, Instant):
        return value
    refuse(where, f"{kind(value)} is no date-time; plusTime makes one")


def key(value: Value, budget: Budget, where: str, depth: int = 1) -> Any:
    """Something that is equal and hashes alike for equal values, and for no others."""
    if value.__class__ in (str, int) or value is None:
        return value
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, Instant):
        return ("instant", int(value))
    if isinstance(value, list | dict):
        return _key_inside(value, budget, where, depth)
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    refuse(where, f"{kind(value)} is no JSON")


def _key_inside(value: Value, budget: Budget, where: str, depth: int) -> Any:
    _descend(value, budget, where, depth)
    if isinstance(value, list):
        return ("array", *(key(item, budget, where, depth + 1) for item in value))
    members = ((name, key(item, budget, where, depth + 1)) for name, item in value.items())
    return ("object", frozenset(members))


def published(value: Value, budget: Budget, where: str, depth: int = 1) -> Value:
    """The value in JSON: instants as text, arrays and objects copied."""
    if isinstance(value, Instant):
        return str(value)
    if not isinstance(value, list | dict):
        return value
    _descend(value, budget, where, depth)
    if isinstance(value, list):
        return [published(item, budget, where, depth + 1) for item in value]
    return {name: published(item, budget, where, depth + 1) for name, item in value.items()}


def _descend(value: Value, budget: Budget, where: str, depth: int) -> None:
    spend(budget, 1 + len(value), where)
    if depth > MAX_DEPTH:
        refuse(where, f"arrays and objects over {MAX_DEPTH} deep")
