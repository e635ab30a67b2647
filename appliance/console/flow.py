"""A flow of the guard's desk: one panel after the other until something is done. Pure.

A flow decides what follows a choice; the desk shows its panel and has its effects done.
"""

from typing import ClassVar, NamedTuple, TypeAlias, Union

from appliance.console.effects import Effect, Failed, Result
from appliance.console.panels import Field, Form, Panel
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.remote import Why
from appliance.gate.words import plain


class Post(NamedTuple):
    """Where the console stands: its terminal, its gate, the gate's zones (mask), whose keys are
    here, the console's own faults."""

    terminal: str
    gate: str
    zones: int = 0
    guards: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Room(NamedTuple):
    """What a flow may look at: all of it as of now. `kept` is what happened, oldest first; `guard`
    who unlocked the console, empty for nobody."""

    words: Words
    english: Words
    post: Post
    standing: Standing
    now: int
    kept: tuple[Seen, ...]
    guard: str


class Said(NamedTuple):
    """The flow is over; a sentence for the guard."""

    text: str


Next: TypeAlias = Union["Flow", Effect, Said, None]
"""What follows: another flow, something to be done, an end with a sentence, or without."""


class Flow:
    """`chosen` says what follows a choice; `told` what follows from what was done. None leaves the
    flow, and so does whoever presses escape."""

    needs_guard: ClassVar[bool] = False
    takes_codes: ClassVar[bool] = False  # a hand scanner may fill it in and confirm
    panel: Panel

    def chosen(self, room: Room, values: tuple[str, ...]) -> Next:
        """By default a page that was read."""
        return None

    def told(self, room: Room, result: Result) -> Next:
        """By default a failure is told on the panel, which stays."""
        if isinstance(result, Failed):
            self.panel.told = failure(room.words, result)
            return self
        return None


def failure(words: Words, failed: Failed) -> str:
    """The sentence of what was not done."""
    name = failed.why.value if isinstance(failed.why, Why) else failed.why
    values = {"detail": plain(failed.detail), "age": words.age(failed.seconds)}
    return words(f"why.{name}", **values)


def form(room: Room, title: str, *fields: Field) -> Form:
    """A form whose fields say what they lack."""
    words = room.words
    return Form(
        words(title),
        list(fields),
        short=lambda one: words("short", count=one.least, label=one.label),
    )


def label(room: Room, name: str, *, text: str = "", least: int = 1, hidden: bool = False) -> Field:
    """A field by the name of its label."""
    return Field(room.words(name), text, hidden, (), least)
