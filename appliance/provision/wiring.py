"""The tables that a technician wires a box by, laid over the office's settings (pure).

Both are TOML with one line for a table's head. What the wiring says of a part goes over what the
office's options say; who and where the terminal is stays the office's.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger_sync.errors import Refused

OFFICES = ("site", "terminal", "files")
"""Tables that no wiring touches."""
_HEAD = re.compile(r"\s*\[{1,2}\s*([A-Za-z0-9_.-]+)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class Line(NamedTuple):
    """`number` is that in the wiring, counted from 1; 0 for a line of the office's."""

    text: str
    number: int = 0


class Laid(NamedTuple):
    """The settings of the box, line by line."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines).rstrip() + "\n"

    def told(self, sentence: str, file: str) -> str:
        """A sentence about the settings in `file`, or FILE:LINE, as one about the wiring."""

        def place(found: re.Match[str]) -> str:
            number = int(found[1] or 0)
            wired = self.lines[number - 1].number if 0 < number <= len(self.lines) else 0
            return f"the wiring, line {wired}" if wired else "the settings with this wiring"

        return re.sub(rf"{re.escape(file)}(?::(\d+))?", place, sentence)


def laid(settings: str, wiring: str) -> Laid:
    """The wiring over the settings. Raises `Refused` (R-SETTINGS) for what is no TOML, or touches
    a table that is the office's."""
    own = _loaded(settings)
    if own is None:  # by a name that cannot be: whoever loads them says which
        return Laid(tuple(map(Line, settings.split("\n"))))
    try:
        more = tomllib.loads(wiring)
    except (ValueError, RecursionError) as error:
        raise _refused(f"it is no TOML ({error})") from error
    for name in OFFICES:
        if name in more:
            raise _refused(f"[{name}] is the office's; see the options of yardpass provision")
    blocks = dict[str, list[Line]]()
    loose = list[Line]()
    for name, lines in _blocks(wiring):
        if _is_table(own, name) and _is_table(more, name):
            blocks[name] = lines[1:]
        else:
            loose += lines
    made = Laid((*_over(settings, blocks, more), Line(""), *loose))
    if _loaded(made.text) != _expected(own, more):
        raise _refused("write each table as [NAME], and each of its keys on a line of its own")
    return made


def _blocks(wiring: str) -> Iterator[tuple[str, list[Line]]]:
    """Each table's lines behind its name; those before the first have none."""
    name, lines = "", list[Line]()
    for number, text in enumerate(wiring.split("\n"), start=1):
        if found := _HEAD.fullmatch(text):
            yield name, lines
            name, lines = found[1], []
        lines.append(Line(text, number))
    yield name, lines


def _over(settings: str, blocks: dict[str, list[Line]], more: dict[str, Any]) -> Iterator[Line]:
    """The office's lines but those that the wiring replaces, each table's new ones at its head."""
    replaced = frozenset[str]()
    for text in settings.rstrip().split("\n"):
        if found := _HEAD.fullmatch(text):
            name = found[1]
            new = blocks.get(name, [])
            replaced = frozenset(more[name]) if name in blocks else frozenset()
            yield Line(text)
            yield from new
        elif not ((key := _KEY.match(text)) and key[1] in replaced):
            yield Line(text)


def _expected(own: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: own[name] | more[name]
        for name in more
        if _is_table(own, name) and _is_table(more, name)
    }
    return own | more | both


def _is_table(tables: dict[str, Any], name: str) -> bool:
    return isinstance(tables.get(name), dict)


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _refused(why: str) -> Refused:
    return Refused(f"the wiring: {why}", reason="R-SETTINGS")
