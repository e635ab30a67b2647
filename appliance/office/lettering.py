"""Names on paper: the largest size at which all of one fits. Which fonts show it: fonts.py."""

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from appliance.office import fonts

if TYPE_CHECKING:
    from fpdf import FPDF

LINE = 1.2 * 25.4 / 72  # mm of line height a point
MAX_CAPTION = 256  # characters


class Box(NamedTuple):
    """Where a name stands: mm, and the sizes that are tried (points), the largest first. Above
    `one_line` it has one line, above `two_lines` at most two."""

    width: float
    height: float
    sizes: tuple[int, ...]
    one_line: int
    two_lines: int


def write(pdf: "FPDF", caption: str, shown: set[str], box: Box, *, align: str = "L") -> bool:
    """Writes all of it from where `pdf` stands, or nothing; whether it is all there. `shown` are
    the letters that `fonts.load` found."""
    foreign = fonts.foreign(caption)
    if not caption.strip() or not foreign <= shown:
        return not caption.strip()
    pdf.set_font("0" if foreign else "helvetica")
    size = _fitting(pdf, caption, box)
    if size:
        pdf.set_font_size(size)
        pdf.multi_cell(box.width, size * LINE, caption, align=align)
    return bool(size)


def _fitting(pdf: "FPDF", caption: str, box: Box) -> int:
    """The largest size at which all of it fits, if possible without breaking a word; or 0."""
    if len(caption) > MAX_CAPTION:
        return 0
    for may_break in (False, True):
        for size in box.sizes:
            pdf.set_font_size(size)
            lines = _lines(pdf, caption, box.width)
            most = box.height // (size * LINE)
            if size > box.two_lines:
                most = 1 if size > box.one_line else 2
            unbroken = " ".join(lines).split() == caption.split()
            if 0 < len(lines) <= most and (unbroken or may_break):
                return size
    return 0


def _lines(pdf: "FPDF", caption: str, width: float) -> list[str]:
    from fpdf.errors import FPDFException

    with suppress(FPDFException):  # a letter wider than the card
        lines = pdf.multi_cell(width, text=caption, dry_run=True, output="LINES", align="L")
        assert isinstance(lines, list)
        return lines
    return []
