"""Codes on paper: one picture (PNG, SVG), or cards to cut out of A4 (PDF). hw/sim draws its own.

    QR QR | name, wrapped and shrunk until it fits
    QR QR | handle

The code takes the whole height of an ISO/IEC 7810 ID-1 card, its quiet zone inside the cut. Names
outside Latin-1 need fonts of the system (fonts.py).
"""

import io
import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import segno

from appliance.office import fonts
from ledger_sync import files
from ledger_sync.errors import Refused

if TYPE_CHECKING:
    from fpdf import FPDF

KINDS = ("pdf", "png", "svg")
QUIET_MODULES = 4  # ISO/IEC 18004 asks for four
SCALE_PX = 8  # pixels a module, for 300 dpi prints of about 5 cm

WIDTH, HEIGHT = 85.6, 53.98  # mm, ISO/IEC 7810 ID-1
COLUMNS, ROWS = 2, 5
LEFT, TOP = (210 - COLUMNS * WIDTH) / 2, (297 - ROWS * HEIGHT) / 2  # mm, centred on A4
SLACK = 1.0  # mm a cut may miss by and leave the quiet zone whole
MARGIN = 4.0  # mm around the text
TEXT_WIDTH = 28.0  # mm, right of the code
TEXT_HEIGHT = 40.0  # mm, above the handle
MARK = (2.0, 7.0)  # mm from the cards to where a cut mark begins and ends
PDF_SCALE = 16  # dots a module: more than any printer's, so that nothing blurs it
SIZES = (14, 12, 11, 10, 9, 8, 7, 6, 5)  # points
ONE_LINE, TWO_LINES = 11, 9  # points: above these sizes a name has one line, or at most two
LINE = 1.2 * 25.4 / 72  # mm of line height a point
MAX_CAPTION = 256  # characters
MAX_HANDLE = 32  # characters
HANDLE_SIZE = 8  # points
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # a file tells its content, not when it was printed


class Card(NamedTuple):
    """A pass on paper: the text of its code, whom it is for, and its handle, as in the book."""

    text: bytes
    caption: str
    handle: str


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


def sheet(cards: Sequence[Card], path: Path) -> list[str]:
    """Writes `cards` to a .pdf, ten to a page of A4 with cut marks; print it at 100 %.

    Gives the captions that no font here can show, or that are too long: their cards bear the
    handle alone, and `fonts.STEP` helps. The file is its owner's only. Raises `Refused` for
    another ending, no cards, or a handle no card can bear, `Unavailable` as `card`.
    """
    if check_name(path) != "pdf":
        raise Refused(f"{path} must end in .pdf, to hold cards")
    if not cards:
        raise Refused(f"there are no cards to print to {path}")
    left_out = []
    with fonts.closing(new_paper()) as pdf:
        shown = fonts.load(pdf, {letter for one in cards for letter in fonts.foreign(one.caption)})
        for number, one in enumerate(cards):
            row, column = divmod(number % (COLUMNS * ROWS), COLUMNS)
            if not row and not column:
                pdf.add_page()
                _mark(pdf, len(cards) - number)
            if not _draw(pdf, one, shown, (LEFT + column * WIDTH, TOP + row * HEIGHT)):
                left_out.append(one.caption)
        made = bytes(pdf.output())
    files.replace(path, made, mode=0o600)
    return left_out


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
    named = _write_name(pdf, one.caption, shown)
    if one.handle:
        pdf.set_font("courier", "B", HANDLE_SIZE)
        pdf.set_font_size(HANDLE_SIZE * min(1, TEXT_WIDTH / pdf.get_string_width(one.handle)))
        pdf.text(left, y + HEIGHT - MARGIN, one.handle)
    return named


def _write_name(pdf: "FPDF", caption: str, shown: set[str]) -> bool:
    """Writes all of it from where `pdf` stands, or nothing; whether it is all there."""
    foreign = fonts.foreign(caption)
    if not caption.strip() or not foreign <= shown:
        return not caption.strip()
    pdf.set_font("0" if foreign else "helvetica")
    size = _fitting(pdf, caption)
    if size:
        pdf.set_font_size(size)
        pdf.multi_cell(TEXT_WIDTH, size * LINE, caption, align="L")
    return bool(size)


def _fitting(pdf: "FPDF", caption: str) -> int:
    """The largest size at which all of it fits, if possible without breaking a word; or 0."""
    if len(caption) > MAX_CAPTION:
        return 0
    for may_break in (False, True):
        for size in SIZES:
            pdf.set_font_size(size)
            lines = _lines(pdf, caption)
            most = TEXT_HEIGHT // (size * LINE)
            if size > TWO_LINES:
                most = 1 if size > ONE_LINE else 2
            unbroken = " ".join(lines).split() == caption.split()
            if 0 < len(lines) <= most and (unbroken or may_break):
                return size
    return 0


def _lines(pdf: "FPDF", caption: str) -> list[str]:
    from fpdf.errors import FPDFException

    with suppress(FPDFException):  # a letter wider than the card
        lines = pdf.multi_cell(TEXT_WIDTH, text=caption, dry_run=True, output="LINES", align="L")
        assert isinstance(lines, list)
        return lines
    return []
