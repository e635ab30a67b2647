"""What the guard's desk asks to be done, and what it is told of it. Pure values."""

from typing import NamedTuple, TypeAlias

from appliance.console.shift import Shift
from appliance.gate.remote import Why
from appliance.gate.visitors import Visitor
from appliance.policy.verdict import Verdict
from ledger_sync import act, order


class Unlock(NamedTuple):
    """A guard's PIN was typed."""

    guard: str
    pin: str


class Lock(NamedTuple):
    """The guard leaves the console."""


class Sign(NamedTuple):
    """An act to be signed and sent to the gate; an empty object of a visitor is drawn."""

    kind: act.Kind
    object: str = "-"
    said: str = ""


class Order(NamedTuple):
    """An order for these zones (mask)."""

    kind: order.Kind
    zones: int


class Deny(NamedTuple):
    """Whoever showed this is denied for a day: of the checks with this pseudonym."""

    pseudonym: bytes
    at: int


class Hand(NamedTuple):
    """The shift goes to this guard, who typed the PIN; both sign these lines."""

    guard: str
    pin: str
    lines: tuple[str, ...]


class Look(NamedTuple):
    """What would this code say at this gate?"""

    text: str


class Load(NamedTuple):
    """Who is here: `visitors`; `inside`, or who is `denied`, with them; or the whole `shift`."""

    what: str


Effect: TypeAlias = Unlock | Lock | Sign | Order | Deny | Hand | Look | Load


class Done(NamedTuple):
    """It was done; `guard` is who is at the console now, where that changed."""

    effect: Effect
    guard: str | None = None


class Failed(NamedTuple):
    """It was not: `why` in a word (Why, or a name of the catalogue), with a detail for whoever
    mends it; `seconds` to wait after wrong PINs."""

    effect: Effect
    why: Why | str
    detail: str = ""
    seconds: int = 0


class Judged(NamedTuple):
    """What a gate would say of a code; `visitor` names the invite, empty for other codes."""

    effect: Look
    verdict: Verdict
    holder: str  # HolderClass in lower case, empty if nothing was proven
    until: int
    visitor: str = ""


class Inside(NamedTuple):
    """People in one zone: how many came within a day and before, and each by a short name."""

    zone: int
    known: int
    unsure: int
    people: tuple[tuple[str, int], ...]


class Denied(NamedTuple):
    """Who comes in no more until then (Unix seconds): a visitor by the name of the invite, or a
    pass by its pseudonym of today, both in hex."""

    name: str
    is_visitor: bool
    until: int


class Loaded(NamedTuple):
    """Who is here."""

    effect: Load
    visitors: tuple[Visitor, ...] = ()
    inside: tuple[Inside, ...] = ()
    denied: tuple[Denied, ...] = ()
    shift: Shift | None = None


Result: TypeAlias = Done | Failed | Judged | Loaded
