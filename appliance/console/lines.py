"""Lines of a screen: a text cut to its width in cells, and how it looks. Pure."""

import enum
import unicodedata
from itertools import accumulate
from typing import NamedTuple


class Look(enum.Enum):
    """How a line looks; colour never says anything that its text does not say."""

    PLAIN = "plain"
    TITLE = "title"
    DIM = "dim"
    GREEN = "green"
    GREY = "grey"
    YELLOW = "yellow"
    RED = "red"
    ALARM = "alarm"


class Line(NamedTuple):
    """One line of a screen. `is_wide` asks for its look across the whole screen."""

    text: str
    look: Look = Look.PLAIN
    is_wide: bool = False


def cells(text: str) -> int:
    """How many columns a text takes: two for what East Asia writes wide, none for what joins."""
    return sum(_cells_of(one) for one in text)


def _cells_of(one: str) -> int:
    if unicodedata.combining(one):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def fit(text: str, width: int) -> str:
    """The text in exactly `width` columns: filled up, or cut with an ellipsis."""
    missing = width - cells(text)
    if missing >= 0:
        return text + " " * missing
    if width <= 0:
        return ""
    ends = accumulate(map(_cells_of, text))  # never falls, so what is kept is a beginning
    kept = "".join(one for one, end in zip(text, ends, strict=True) if end < width)
    return fit(f"{kept}…", width)


def apart(left: str, right: str, width: int) -> str:
    """One text at each end of a line; the right one gives way."""
    free = width - cells(left) - cells(right)
    return fit(left + " " * free + right if free > 0 else left, width)
