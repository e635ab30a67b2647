"""Codes on paper: one picture (PNG, SVG), or cards to cut out of A4 (PDF). hw/sim draws its own.

    QR QR | name, wrapped and shrunk until it fits
    QR QR | handle

The code takes the whole height of an ISO/IEC 7810 ID-1 card, its quiet zone inside the cut. Names
outside Latin-1 need fonts of the system (fonts.py).
"""

import enum
import io
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import segno

from appliance.office import fonts, lettering
from appliance.office.lettering import MAX_CAPTION, Box
from ledger_sync import files
from ledger_sync.errors import Refused

if TYPE_CHECKING:
    from fpdf import FPDF

__all__ = ["KINDS", "MAX_CAPTION", "Card", "Side", "card", "check_name", "sheet"]

KINDS = ("pdf", "png", "svg")
QUIET_MODULES = 4  # ISO/IEC 18004 asks for four
SCALE_PX = 8  # pixels a module, for 300 dpi prints of about 5 cm
WIDTH, HEIGHT = 85.6, 53.98  # mm, ISO/IEC 7810 ID-1
COLUMNS, ROWS = 2, 5
LEFT, TOP = (210 - COLUMNS * WIDTH) / 2, (297 - ROWS * HEIGHT) / 2  # mm, centred on A4
SLACK = 1.0  # mm a cut may miss by and leave the quiet zone whole
MARGIN = 4.0  # mm around the text
TEXT_WIDTH = 28.0  # mm, right of the code
FRONT_NAME = Box(TEXT_WIDTH, 40.0, (14, 12, 11, 10, 9, 8, 7, 6, 5), one_line=11, two_lines=9)
BACK_NAME = Box(WIDTH - 2 * MARGIN, 36.0, (26, 22, 18, 16, 14, 12, 10, 8, 7), 18, 14)
NOTE_SIZE = 6.5  # points
RULER = 50.0  # mm, for the shop to measure
FOOT = 288.0  # mm from the top of the page
MARK = (2.0, 7.0)  # mm from the cards to where a cut mark begins and ends
PDF_SCALE = 16  # dots a module: more than any printer's, so that nothing blurs it
MAX_HANDLE = 32  # characters
HANDLE_SIZE = 8  # points
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # a file tells its content, not when it was printed


class Side(enum.StrEnum):
    """Where the names of cards stand."""

    FRONT = "front"
    BACK = "back"
    NONE = "none"


class Card(NamedTuple):
    """A pass on paper: the text of its code, whom it is for, its handle, as in the book, and a
    line of Latin letters for whoever holds it, such as until when it is good."""

    text: bytes
    caption: str
    handle: str
    note: str = ""


def check_name(path: Path) -> str:
    """The kind of file `path` asks for. Raises `Refused` for any ending but those of `KINDS`."""
    kind = path.suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise Refused(f"{path} must end in .pdf, .png or .svg")
    return kind


def card(text: bytes, path: Path, *, caption: str = "", handle: str = "") -> list[str]:
    """Writes `text` as a QR code, ECC M, to `path`, whole or not at all; a .pdf is a `sheet` of
    one. A .png shows neither caption nor handle, a .svg holds them as its title.

    Gives what `sheet` gives. The file is its owner's only: whoever copies a printed pass can use
    it. Raises `Refused` for another ending, `Unavailable` if the file cannot be written.
    """
    kind = check_name(path)
    if kind == "pdf":
        return sheet([Card(text, caption, handle)], path)
    title = "  ".join(part for part in (caption, handle) if part)
    extra = {"title": title, "desc": title} if kind == "svg" else {}
    files.replace(path, drawn_code(text, kind, scale=SCALE_PX, **extra), mode=0o600)
    return []


def sheet(
    cards: Sequence[Card], path: Path, *, side: Side = Side.FRONT, label: str = ""
) -> list[str]:
    """Writes `cards` to a .pdf, ten to a page of A4 with cut marks; print it at 100 %.

    With the names on the back, every page is followed by its back, to be printed on both sides and
    turned over the long edge. `label` stands below the cards, beside a line to measure.

    Gives the captions that no font here can show, or that are too long: their cards bear the
    handle alone, and `fonts.STEP` helps. The file is its owner's only. Raises `Refused` for
    another ending, no cards, or a handle no card can bear, `Unavailable` as `card`.
    """
    if check_name(path) != "pdf":
        raise Refused(f"{path} must end in .pdf, to hold cards")
    if not cards:
        raise Refused(f"there are no cards to print to {path}")
    left_out: list[str] = []
    page = COLUMNS * ROWS
    with fonts.closing(new_paper()) as pdf:
        shown = fonts.load(pdf, {letter for one in cards for letter in fonts.foreign(one.caption)})
        for begin in range(0, len(cards), page):
            some, number = cards[begin : begin + page], begin // page + 1
            told = f"{label}, page {number} of {-(-len(cards) // page)}" if label else ""
            left_out += _front(pdf, some, shown, told, has_names=side is Side.FRONT)
            if side is Side.BACK:
                left_out += _back(pdf, some, shown)
        made = bytes(pdf.output())
    files.replace(path, made, mode=0o600)
    return left_out


def _front(
    pdf: "FPDF", cards: Sequence[Card], shown: set[str], label: str, *, has_names: bool
) -> list[str]:
    """A page of codes; the names that are left out."""
    pdf.add_page()
    _mark(pdf, len(cards))
    if label:
        _foot(pdf, label)
    left_out = []
    for number, one in enumerate(cards):
        named = one if has_names else one._replace(caption="")
        if not _draw(pdf, named, shown, _corner(number)):
            left_out.append(one.caption)
    return left_out


def _back(pdf: "FPDF", cards: Sequence[Card], shown: set[str]) -> list[str]:
    """The page behind: each name where its card lies when the paper is turned over."""
    pdf.add_page()
    left_out = []
    for number, one in enumerate(cards):
        x, y = _corner(number)
        pdf.set_xy(210 - x - WIDTH + MARGIN, y + MARGIN)
        if not lettering.write(pdf, one.caption, shown, BACK_NAME, align="C"):
            left_out.append(one.caption)
        _write_handle(pdf, one, 210 - x - WIDTH + MARGIN, y)
    return left_out


def _corner(number: int) -> tuple[float, float]:
    """The upper left corner of a card on its page, in mm."""
    row, column = divmod(number, COLUMNS)
    return LEFT + column * WIDTH, TOP + row * HEIGHT


def _foot(pdf: "FPDF", label: str) -> None:
    """What a print shop must know, and a line to measure: a page that was fitted spoils codes."""
    begin = LEFT + (WIDTH - RULER) / 2  # between two cut marks, the words between the next two
    pdf.line(begin, FOOT, begin + RULER, FOOT)
    for x in (begin, begin + RULER):
        pdf.line(x, FOOT - 1, x, FOOT + 1)
    said = _latin(f"{RULER:g} mm: print at 100 %, not fitted to the page; {label}")
    pdf.set_font("helvetica", "", NOTE_SIZE)
    room = WIDTH - 2 * MARGIN
    pdf.set_font_size(NOTE_SIZE * min(1, room / pdf.get_string_width(said)))
    pdf.text(LEFT + WIDTH + MARGIN, FOOT + 0.8, said)


def _latin(text: str) -> str:
    return "".join(one if one in fonts.LATIN1 else "?" for one in text)


def drawn_code(text: bytes, kind: str, *, scale: int, **extra: str) -> bytes:
    """The picture of a QR code, ECC M. Raises `Refused` for a text that does not fit."""
    try:
        made = segno.make_qr(text.decode("ascii"), error="m", boost_error=False)
    except ValueError:
        raise Refused(f"a code of {len(text)} bytes cannot be printed") from None
    drawn = io.BytesIO()
    made.save(drawn, kind=kind, border=QUIET_MODULES, scale=scale, **extra)
    return drawn.getvalue()


def new_paper() -> "FPDF":
    """A PDF of A4, in mm, without pages."""
    from fpdf import FPDF, ViewerPreferences

    # It warns of tables of a font that paper has no use for.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    pdf = FPDF(unit="mm", format="A4")
    pdf.creation_date = _MADE
    pdf.viewer_preferences = ViewerPreferences(print_scaling="None")
    pdf.set_auto_page_break(False)
    pdf.c_margin = 0
    pdf.set_line_width(0.1)
    return pdf


def _mark(pdf: "FPDF", count: int) -> None:
    """Cut marks around the first `count` places of the page, outside of all cards."""
    columns, rows = min(count, COLUMNS), min(math.ceil(count / COLUMNS), ROWS)
    right, bottom = LEFT + columns * WIDTH, TOP + rows * HEIGHT
    near, far = MARK
    for x in (LEFT + column * WIDTH for column in range(columns + 1)):
        pdf.line(x, TOP - far, x, TOP - near)
        pdf.line(x, bottom + near, x, bottom + far)
    for y in (TOP + row * HEIGHT for row in range(rows + 1)):
        pdf.line(LEFT - far, y, LEFT - near, y)
        pdf.line(right + near, y, right + far, y)


def _draw(pdf: "FPDF", one: Card, shown: set[str], corner: tuple[float, float]) -> bool:
    """One card with its upper left corner there; whether its caption is on it."""
    if len(one.handle) > MAX_HANDLE or not set(one.handle) <= fonts.LATIN1:
        raise Refused(f"{one.handle!r} is no handle")
    x, y = corner
    side = HEIGHT - 2 * SLACK
    picture = io.BytesIO(drawn_code(one.text, "png", scale=PDF_SCALE))
    pdf.image(picture, x + SLACK, y + SLACK, side, side)
    left = x + WIDTH - MARGIN - TEXT_WIDTH
    pdf.set_xy(left, y + MARGIN)
    named = lettering.write(pdf, one.caption, shown, FRONT_NAME)
    _write_handle(pdf, one, left, y)
    return named


def _write_handle(pdf: "FPDF", one: Card, left: float, top: float) -> None:
    """The handle at the foot of a card, the note above it."""
    below = top + HEIGHT - MARGIN
    if one.note:
        pdf.set_font("helvetica", "", NOTE_SIZE)
        pdf.text(left, below - 4, _latin(one.note))
    if one.handle:
        pdf.set_font("courier", "B", HANDLE_SIZE)
        pdf.set_font_size(HANDLE_SIZE * min(1, TEXT_WIDTH / pdf.get_string_width(one.handle)))
        pdf.text(left, below, one.handle)
