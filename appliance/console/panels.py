"""The panels of the guard's desk: a form to fill in, a list to choose from, a page to read. Pure.

A panel is told keys and says what became of it; it draws itself as lines. What it is for is known
to whoever made it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from appliance.console.keys import Key
from appliance.console.lines import Line, Look

MAX_FIELD = 400  # characters of one field; a pasted megabyte is cut
HIDDEN = "*"


class Closed(NamedTuple):
    """The panel was left without doing anything."""


class Chosen(NamedTuple):
    """It was filled in or chosen from: the texts of the fields, or the one row's key."""

    values: tuple[str, ...]


Outcome: TypeAlias = Closed | Chosen | None
"""What a key did: None for nothing that anybody else must know."""


class Panel(Protocol):
    """A panel. `hint` names the sentence of its keys; `told` is one about what went wrong.
    `is_yes`: whether the key would choose something or confirm it."""

    title: str
    told: str
    hint: str

    def press(self, key: Key) -> Outcome: ...
    def is_yes(self, key: Key) -> bool: ...
    def paste(self, text: str) -> None: ...
    def lines(self, height: int) -> list[Line]: ...


@dataclass(slots=True)
class Field:
    """One text of a form."""

    label: str
    text: str = ""
    is_hidden: bool = False
    quick: tuple[str, ...] = ()  # typed by a digit while the field is empty
    least: int = 0  # characters


@dataclass(slots=True)
class Form:
    """Fields one below the other; enter goes on, and at the last one is done. `short` says what a
    field lacks."""

    title: str
    fields: list[Field]
    short: Callable[[Field], str]
    told: str = ""
    at: int = 0
    hint: str = "keys.form"

    def press(self, key: Key) -> Outcome:
        here = self.fields[self.at]
        match key.name:
            case "escape":
                return Closed()
            case "enter":
                return self._entered()
            case "backspace":
                here.text = here.text[:-1]
            case "up" | "shift+tab":
                self.at = max(0, self.at - 1)
            case "down" | "tab":
                self.at = min(len(self.fields) - 1, self.at + 1)
            case _:
                self._type(here, key.typed)
        return None

    def is_yes(self, key: Key) -> bool:
        return key.name == "enter"

    def _type(self, here: Field, typed: str) -> None:
        self.told = ""
        is_digit = typed.isascii() and typed.isdigit()
        if not here.text and is_digit and 0 < int(typed) <= len(here.quick):
            here.text = here.quick[int(typed) - 1]
        elif not (is_digit and here.text in here.quick):  # more digits would be no reason: a PIN
            here.text = (here.text + typed)[:MAX_FIELD]

    def _entered(self) -> Outcome:
        for at, one in enumerate(self.fields):
            if at <= self.at and len(one.text.strip()) < one.least:
                self.at, self.told = at, self.short(one)
                return None
        if self.at < len(self.fields) - 1:
            self.at += 1
            return None
        return Chosen(tuple(one.text.strip() for one in self.fields))

    def paste(self, text: str) -> None:
        here = self.fields[self.at]
        line = "".join(one if one.isprintable() else " " for one in text[:MAX_FIELD])
        here.text = (here.text + line.strip())[:MAX_FIELD]
        self.told = ""

    def lines(self, height: int) -> list[Line]:
        found: list[Line] = []
        for at, one in enumerate(self.fields):
            is_here = at == self.at
            shown = HIDDEN * len(one.text) if one.is_hidden else one.text
            text = f" {'>' if is_here else ' '} {one.label}: {shown}{'_' if is_here else ''}"
            found.append(Line(text, Look.TITLE if is_here else Look.PLAIN))
        here = self.fields[self.at]
        if here.quick and not here.text:
            found += [Line(f"     {n} {what}") for n, what in enumerate(here.quick, start=1)]
        if len(found) > height:  # the field at hand, whatever else there is no room for
            found = found[min(self.at, len(found) - height) :]
        return found[: max(0, height)]


class Row(NamedTuple):
    """A line to choose, and what it stands for."""

    key: str
    text: str
    look: Look = Look.PLAIN


@dataclass(slots=True)
class Listing:
    """Rows with one at hand; what is typed narrows them. `empty` is said where there are none."""

    title: str
    rows: Sequence[Row]
    empty: str
    told: str = ""
    at: int = 0
    typed: str = ""
    marks: set[str] = field(default_factory=set)
    is_marking: bool = False  # the space bar ticks rows off
    hint: str = "keys.list"

    def shown(self) -> list[Row]:
        wanted = self.typed.casefold()
        return [row for row in self.rows if wanted in row.text.casefold()]

    def press(self, key: Key) -> Outcome:
        rows = self.shown()
        match key.name:
            case "escape":
                return Closed()
            case "enter" if rows:
                return Chosen((rows[min(self.at, len(rows) - 1)].key,))
            case "backspace":
                self._narrow(self.typed[:-1])
            case "up" | "down" | "pageup" | "pagedown":
                step = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}[key.name]
                self.at = max(0, min(len(rows) - 1, self.at + step))
            case "space" if self.is_marking and rows:
                self.marks ^= {rows[min(self.at, len(rows) - 1)].key}
            case _:
                self._narrow(self.typed + key.typed)
        return None

    def is_yes(self, key: Key) -> bool:
        return key.name == "enter"

    def _narrow(self, typed: str) -> None:
        if typed != self.typed:
            self.typed, self.at, self.told = typed[:MAX_FIELD], 0, ""

    def paste(self, text: str) -> None:
        line = "".join(one for one in text[:MAX_FIELD] if one.isprintable())
        self._narrow(self.typed + line.strip())

    def lines(self, height: int) -> list[Line]:
        rows = self.shown()
        found = [Line(f" /{self.typed}_", Look.DIM)] if self.typed else []
        room = max(0, height - len(found))
        at = max(0, min(self.at, len(rows) - 1))
        first = max(0, min(at - room // 2, len(rows) - room))
        for place, row in enumerate(rows[first : first + room], start=first):
            mark = ("[x] " if row.key in self.marks else "[ ] ") if self.is_marking else ""
            pointer = ">" if place == at else " "
            found.append(Line(f" {pointer} {mark}{row.text}", row.look))
        return (found if rows else [*found, Line(f" {self.empty}", Look.DIM)])[: max(0, height)]


@dataclass(slots=True)
class Page:
    """Text to read, scrolled by keys. With `confirm` that key, and no other, is a yes."""

    title: str
    text: list[Line]
    confirm: str = ""
    told: str = ""
    top: int = 0
    hint: str = "keys.page"
    _height: int = 1

    def press(self, key: Key) -> Outcome:
        match key.name:
            case "escape":
                return Closed()
            case "up" | "down" | "pageup" | "pagedown":
                step = {"up": -1, "down": 1, "pageup": -self._height, "pagedown": self._height}
                self.top = max(0, min(len(self.text) - 1, self.top + step[key.name]))
            case name if self.confirm and self.confirm in (name, key.typed):
                return Chosen(())
            case _:
                return None if self.confirm else Closed()
        return None

    def is_yes(self, key: Key) -> bool:
        return bool(self.confirm) and self.confirm in (key.name, key.typed)

    def paste(self, text: str) -> None:
        """Nothing is typed on a page."""

    def lines(self, height: int) -> list[Line]:
        self._height = max(1, height)
        last = max(0, len(self.text) - self._height)
        self.top = min(self.top, last)
        return self.text[self.top : self.top + max(0, height)]
