"""The rule of a site: what its gates do where the format leaves a choice. FORMAT.md section 5.6.

It travels as the text of a signed `rule` entry named "gate", in JSON:

    {"fresh_seconds": 3600, "stale_seconds": 259200, "static": "green", "number": "yellow",
     "stale_opens": [1, 2, 3]}
"""

import hashlib
import json
import reprlib
from dataclasses import dataclass, field, fields
from typing import Any

from appliance.passes.token import HolderClass
from ledger_sync.entries import MAX_RULE
from ledger_sync.errors import Refused

RULE_NAME = "gate"
DAY = 86_400
COLOURS = ("green", "yellow", "red")
MAX_FAULTS = 20  # faults named in one refusal; the rest are counted


@dataclass(frozen=True, slots=True)
class SiteRule:
    """The choices of one site; the defaults are those of a residential compound."""

    fresh_seconds: int = 3_600  # ledger age up to which a green is a green
    stale_seconds: int = 3 * DAY  # up to here the classes of `stale_opens` pass, flagged
    stale_opens: tuple[int, ...] = (1, 2, 3)  # classes let in by a stale ledger or a nonce
    static: str = "green"  # best colour of a printed bearer pass
    number: str = "yellow"  # best colour of a card that shows nothing but its number
    digest: bytes = field(default=b"", compare=False)  # first 8 bytes of SHA-256 of the text

    def lets_in_when_grey(self, klass: int) -> bool:
        return klass in self.stale_opens


DEFAULT = SiteRule(digest=bytes(8))
_NUMBERS = {"fresh_seconds": (60, 30 * DAY), "stale_seconds": (60, 90 * DAY)}


def read(text: bytes) -> SiteRule:
    """The rule in `text`. Raises `Refused` (R-SETTINGS) listing every fault in it."""
    pairs = _members(text)
    values = dict(pairs)
    faults = [fault for key, value in pairs if (fault := _fault(key, value))]
    if len(values) != len(pairs):
        faults.append("a key stands twice")
    if not faults and values.get("stale_seconds", 3 * DAY) < values.get("fresh_seconds", 3_600):
        faults.append("stale_seconds: less than fresh_seconds")
    if faults:
        more = len(faults) - MAX_FAULTS
        named = [*faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else [])]
        raise Refused("; ".join(named), reason="R-SETTINGS")
    if "stale_opens" in values:
        values["stale_opens"] = tuple(sorted(set(values["stale_opens"])))
    return SiteRule(**values, digest=hashlib.sha256(text).digest()[:8])


def _members(text: bytes) -> list[tuple[str, Any]]:
    """The members of the one JSON object in `text`, also those that stand twice."""
    if len(text) > MAX_RULE:
        raise Refused(f"a rule of {len(text)} bytes, at most {MAX_RULE}", reason="R-SETTINGS")
    try:
        pairs = json.loads(text.decode(), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        raise Refused("the rule is not JSON", reason="R-SETTINGS") from None
    if not isinstance(pairs, tuple):  # a list is an array, a tuple the members of an object
        raise Refused("the rule is not a JSON object", reason="R-SETTINGS")
    return list(pairs)


def _fault(key: str, value: Any) -> str:
    shown = reprlib.repr(value)
    if key in _NUMBERS:
        least, most = _NUMBERS[key]
        is_good = type(value) is int and least <= value <= most
        return "" if is_good else f"{key}: {shown} is no whole number from {least} to {most}"
    if key in ("static", "number"):
        return "" if value in COLOURS else f"{key}: {shown} is none of {', '.join(COLOURS)}"
    if key == "stale_opens":
        classes = [int(klass) for klass in HolderClass]
        is_good = isinstance(value, list) and all(
            type(item) is int and item in classes for item in value
        )
        return "" if is_good else f"stale_opens: {shown} is no list of classes 1 to 8"
    names = sorted(item.name for item in fields(SiteRule) if item.name != "digest")
    return f"{key[:40]!r}: unknown; known are {', '.join(names)}"
