"""Colours and glyphs of the console, by what its screen can show. Imports no screen.

A screen of 16 million colours gets those that colour-blind eyes can tell apart; a Linux console
named ones, and no glyphs that its font lacks; one without colours bold and reversed text. What is
said never hangs on any of it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from appliance.console.lines import Look

GREEN, YELLOW, RED = "#009e73", "#f0e442", "#8b0000"
PLAIN_GLYPHS = str.maketrans(
    {"●": "o", "◆": "?", "▲": "!", "■": "X", "…": "~", "█": "#", "—": "-"}
)


class Ink(NamedTuple):
    """How a look is drawn: colours by name or #rrggbb, empty for the screen's own."""

    colour: str = ""
    ground: str = ""
    is_bold: bool = False
    is_dim: bool = False
    is_reversed: bool = False


class Palette(NamedTuple):
    """Inks of lines, of lines across the screen, and the glyphs that are replaced."""

    lines: Mapping[Look, Ink]
    wide: Mapping[Look, Ink]
    glyphs: Mapping[int, str]
    has_cjk: bool


def _lines(green: str, grey: str, yellow: str, red: str) -> dict[Look, Ink]:
    return {
        Look.PLAIN: Ink(),
        Look.TITLE: Ink(is_bold=True),
        Look.DIM: Ink(is_dim=True),
        Look.GREEN: Ink(green),
        Look.GREY: Ink(grey),
        Look.YELLOW: Ink(yellow),
        Look.RED: Ink(red),
        Look.ALARM: Ink(red, is_bold=True),
    }


def _wide(green: str, grey: str, yellow: str, red: str) -> dict[Look, Ink]:
    return {
        Look.TITLE: Ink(is_bold=True, is_reversed=True),
        Look.DIM: Ink(is_dim=True),
        Look.GREEN: Ink("bright_white", green, is_bold=True),
        Look.GREY: Ink("bright_white", grey, is_bold=True),
        Look.YELLOW: Ink("black", yellow, is_bold=True),
        Look.RED: Ink("bright_white", red, is_bold=True),
        Look.ALARM: Ink("bright_white", red, is_bold=True),
    }


def _mono(ink: Ink) -> Ink:
    return Ink(
        is_bold=ink.is_bold, is_dim=ink.is_dim, is_reversed=bool(ink.ground or ink.is_reversed)
    )


FULL = Palette(
    _lines(GREEN, "bright_black", YELLOW, "bright_red"),
    _wide(GREEN, "bright_black", YELLOW, RED),
    {},
    has_cjk=True,
)
LINUX = Palette(
    _lines("green", "white", "yellow", "red"),
    _wide("green", "blue", "yellow", "red"),
    PLAIN_GLYPHS,
    has_cjk=False,
)
MONO = Palette(
    {look: _mono(ink) for look, ink in FULL.lines.items()},
    {look: _mono(ink) for look, ink in FULL.wide.items()},
    {},
    has_cjk=True,
)


def palette_of(environment: Mapping[str, str]) -> Palette:
    """The palette of the screen that this environment is of: TERM, and NO_COLOR (no-color.org)."""
    term = environment.get("TERM", "")
    if term == "linux":
        return LINUX
    is_mono = bool(environment.get("NO_COLOR")) or term in ("dumb", "vt100", "vt220")
    return MONO if is_mono else FULL
