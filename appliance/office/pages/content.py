"""What stands on a printed page and in which order, by the names of its texts. Knows no language
and no paper."""

from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """How a text is set."""

    TITLE = auto()
    LEAD = auto()
    HEADING = auto()
    ITEM = auto()  # behind a dot
    STEP = auto()  # behind a number
    SIGN = auto()  # the colour's shape, its word, what it means and asks
    KEY = auto()  # the key in a box, what it does
    BLANK = auto()  # with a line to write on


class Block(NamedTuple):
    """One text: how it is set, its name in the catalogue; `mark` is the colour or the key."""

    kind: Kind
    word: str
    mark: str = ""


COLOURS = ("GREEN", "YELLOW", "RED", "GREY")
CONSOLE_KEYS = {
    "o / F2": "open",
    "v": "visitor",
    "p": "look-up",
    "d": "deny",
    "t": "overdue",
    "i": "inside",
    "k": "lockdown",
    "n": "note",
    "h": "handover",
    "s": "wrong",
    "u": "unlock",
    "a": "gates",
    "f": "filter",
    "g": "language",
    "F1": "help",
    "q": "quit",
}
"""The keys of the guard's console, as the page shows them, and the names of what they do. The one
place where they stand for paper."""


def _of(kind: Kind, *words: str) -> tuple[Block, ...]:
    return tuple(Block(kind, word) for word in words)


def _section(heading: str, kind: Kind, *words: str) -> tuple[Block, ...]:
    return (*_of(Kind.HEADING, heading), *_of(kind, *words))


def _signs(page: str) -> tuple[Block, ...]:
    return tuple(Block(Kind.SIGN, f"{page}-{one.lower()}", one) for one in COLOURS)


RESIDENT = (
    *_of(Kind.TITLE, "resident-title"),
    *_of(Kind.LEAD, "resident-lead"),
    *_section("phone", Kind.STEP, "phone-open", "phone-office", "phone-show"),
    *_section("unread", Kind.ITEM, "unread-bright", "unread-clock"),
    *_section("card", Kind.ITEM, "card-hold", "card-paper"),
    *_section("invite", Kind.STEP, "invite-make", "invite-send", "invite-back"),
    *_of(Kind.HEADING, "resident-signs"),
    *_signs("resident"),
    *_of(Kind.ITEM, "resident-out"),
    *_section("lost", Kind.ITEM, "lost-call", "lost-new", "lost-lend", "lost-forced"),
    *_of(Kind.BLANK, "office-phone", "guard-phone"),
)
GUARD = (
    *_of(Kind.TITLE, "guard-title"),
    *_of(Kind.LEAD, "guard-lead"),
    *_section("screen", Kind.ITEM, "screen-big", "screen-warn", "screen-gates", "screen-list"),
    *_of(Kind.HEADING, "guard-signs"),
    *_signs("guard"),
    *_of(Kind.ITEM, "guard-out"),
    *_of(Kind.HEADING, "keys"),
    *(Block(Kind.KEY, f"key-{word}", key) for key, word in CONSOLE_KEYS.items()),
    *_section("forced", Kind.ITEM, "forced-pin"),
    *_section("trouble", Kind.ITEM, "trouble-gone", "trouble-fire"),
    *_of(Kind.BLANK, "office-phone", "technician-phone"),
)
PAGES = {"resident": RESIDENT, "guard": GUARD}


def words_of(page: tuple[Block, ...]) -> set[str]:
    """The names of all texts that a page needs."""
    named = {f"sign-{block.mark.lower()}" for block in page if block.kind is Kind.SIGN}
    return named | {block.word for block in page} | ({"link"} if page is RESIDENT else set())
