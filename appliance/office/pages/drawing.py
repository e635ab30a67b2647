"""Draws a printed page: one side of A4, in the largest type at which all of it fits.

A shape, a word and a colour say each verdict, so that a black and white print tells them apart.
"""

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from appliance.office import fonts
from appliance.office.pages.content import Block, Kind
from appliance.office.printing import PDF_SCALE, drawn_code, new_paper
from ledger_sync.errors import Refused, Unavailable

if TYPE_CHECKING:
    from fpdf import FPDF

SIZES = (14, 13.5, 13, 12.5, 12, 11.5, 11, 10.5, 10, 9.5, 9, 8.5, 8)  # points of plain text
LEFT, RIGHT, TOP, BOTTOM = 18.0, 192.0, 15.0, 283.0  # mm
LINE = 1.32 * 25.4 / 72  # mm of line height a point
INK, PALE, BRAND = (17, 17, 17), (138, 147, 143), (11, 61, 46)
COLOURS = {
    "GREEN": (0, 158, 115), "YELLOW": (240, 228, 66), "RED": (139, 0, 0), "GREY": (107, 114, 110)
}  # fmt: skip
LANGUAGES = {"zh-Hans": "zh-cn"}  # as fontconfig names them, where letters differ by country
CODE_MM = 30.0
_UNITS = re.compile(r"[“（《]*(?:[!-~]+|.)[，。、；：！？”）》]*")
"""What no line is broken within, where words stand without spaces: no line begins with a stop."""


class Paper(NamedTuple):
    """A page at work: `size` of plain text, `face` of the letters; `texts` by name."""

    pdf: "FPDF"
    size: float
    face: str
    texts: Mapping[str, str]


def page(
    blocks: tuple[Block, ...], texts: Mapping[str, str], language: str, *, link: str = ""
) -> bytes:
    """The PDF. `link` is drawn as a code beside the title.

    Raises `Unavailable` if no font here has the letters, `Refused` if it does not fit one side.
    """
    for size in SIZES:
        with fonts.closing(new_paper()) as pdf:
            paper = _begin(pdf, size, texts, language)
            if link:
                _code(paper, link)
            _blocks(paper, blocks, RIGHT - CODE_MM - 4 if link else RIGHT)
            if pdf.y <= BOTTOM:
                return bytes(pdf.output())
    raise Refused(f"the page is too long for one side of A4 in {language}", reason="R-SETTINGS")


def _begin(pdf: "FPDF", size: float, texts: Mapping[str, str], language: str) -> Paper:
    pdf.set_lang(language)
    pdf.add_page()
    letters = set("".join(texts.values())) - {"\n"}
    face = "helvetica"
    if fonts.foreign("".join(letters)):
        face = "0"
        missing = letters - fonts.load(pdf, letters, language=LANGUAGES.get(language, ""))
        if missing:
            shown = "".join(sorted(missing)[:5])
            raise Unavailable(f"no font here shows {shown!r} and others; {fonts.STEP}")
    pdf.set_margins(LEFT, TOP, 210 - RIGHT)
    pdf.set_xy(LEFT, TOP)
    return Paper(pdf, size, face, texts)


def _code(paper: Paper, link: str) -> None:
    picture = io.BytesIO(drawn_code(link.encode(), "png", scale=PDF_SCALE))
    paper.pdf.image(picture, RIGHT - CODE_MM, TOP - 3, CODE_MM, CODE_MM)
    paper.pdf.y = TOP - 4 + CODE_MM
    _write(paper, "link", RIGHT - CODE_MM, RIGHT, scale=0.8, align="C")
    paper.pdf.y = TOP


def _blocks(paper: Paper, blocks: tuple[Block, ...], head_right: float) -> None:
    number = 0
    keys = [block for block in blocks if block.kind is Kind.KEY]
    for block in blocks:
        number = number + 1 if block.kind is Kind.STEP else 0
        if block.kind is Kind.KEY:
            if block is keys[0]:
                _keys(paper, keys)
            continue
        if block.kind is Kind.HEADING and head_right != RIGHT:
            head_right = RIGHT
            paper.pdf.y = max(paper.pdf.y, TOP + CODE_MM)
        _block(paper, block, number, head_right)


def _block(paper: Paper, block: Block, number: int, right: float) -> None:
    match block.kind:
        case Kind.TITLE:
            _write(paper, block.word, LEFT, right, scale=2.0, strong=True, ink=BRAND)
        case Kind.LEAD:
            _write(paper, block.word, LEFT, right)
        case Kind.HEADING:
            paper.pdf.y += paper.size * LINE * 0.45
            _write(paper, block.word, LEFT, RIGHT, scale=1.22, strong=True, ink=BRAND)
        case Kind.SIGN:
            _sign(paper, block)
        case Kind.BLANK:
            _blank(paper, block)
        case _:
            _item(paper, block, number)


def _write(
    paper: Paper, word: str, left: float, right: float, *,
    scale: float = 1, strong: bool = False, ink: tuple[int, int, int] = INK, align: str = "L",
) -> None:  # fmt: skip
    """A text from the present height on; `pdf.y` is below it then."""
    pdf, size = paper.pdf, paper.size * scale
    pdf.set_text_color(*ink)
    pdf.set_draw_color(*ink)
    pdf.set_font(paper.face, "B" if strong and paper.face == "helvetica" else "", size)
    is_thick = strong and paper.face != "helvetica"  # those of the system come in one weight
    mode = "FILL_STROKE" if is_thick else "FILL"
    with pdf.local_context(text_mode=mode, line_width=size * 0.013):
        pdf.set_x(left)
        text = _broken(paper, paper.texts[word], right - left)
        pdf.multi_cell(right - left, size * LINE, text, align=align, new_x="LMARGIN", new_y="NEXT")


def _broken(paper: Paper, text: str, width: float) -> str:
    """With line ends, in languages without spaces between words; else as it is."""
    if paper.face == "helvetica":
        return text
    lines = [""]
    for unit in _UNITS.findall(text):
        if paper.pdf.get_string_width(lines[-1] + unit) > width - 1:
            lines.append("")
        lines[-1] += unit
    return "\n".join(lines)


def _item(paper: Paper, block: Block, number: int) -> None:
    pdf, size = paper.pdf, paper.size
    indent, top = LEFT + size * 0.5, pdf.y
    if number:
        pdf.set_font("helvetica", "B", size)
        pdf.set_text_color(*BRAND)
        pdf.text(LEFT, top + size * LINE * 0.74, f"{number}.")
    else:
        pdf.set_fill_color(*BRAND)
        pdf.circle(LEFT + size * 0.13, top + size * LINE * 0.5, size * 0.055, style="F")
    _write(paper, block.word, indent, RIGHT)


def _sign(paper: Paper, block: Block) -> None:
    """Shape, word, and beside them what it means and what to do."""
    pdf, size, top = paper.pdf, paper.size, paper.pdf.y + paper.size * 0.12
    side = size * LINE * 1.15
    first = top + (side - size * LINE) / 2  # where the first line stands beside the shape
    _shape(pdf, block.mark, LEFT + 1, top, side)
    pdf.y = first
    _write(paper, f"sign-{block.mark.lower()}", LEFT + side + 4, LEFT + 50, strong=True)
    pdf.y = first
    _write(paper, block.word, LEFT + side + 4 + size * 2.4, RIGHT)
    pdf.y = max(pdf.y, top + side) + size * 0.06


def _shape(pdf: "FPDF", colour: str, x: float, y: float, side: float) -> None:
    """The shape of a verdict, filled, with a dark rim that shows it on a grey print."""
    pdf.set_fill_color(*COLOURS[colour])
    pdf.set_draw_color(*INK)
    pdf.set_line_width(0.35)
    half = side / 2
    corners = {
        "YELLOW": [(x + half, y), (x + side, y + side), (x, y + side)],
        "RED": [(x, y), (x + side, y), (x + side, y + side), (x, y + side)],
        "GREY": [(x + half, y), (x + side, y + half), (x + half, y + side), (x, y + half)],
    }
    if colour in corners:
        pdf.polygon(corners[colour], style="DF")
    else:
        pdf.circle(x + half, y + half, half, style="DF")


def _keys(paper: Paper, keys: list[Block]) -> None:
    """Two columns of keys, read downwards."""
    pdf, size = paper.pdf, paper.size
    rows, width = (len(keys) + 1) // 2, (RIGHT - LEFT) / 2
    pdf.set_font("courier", "B", size)
    box = max(pdf.get_string_width(key.mark) for key in keys) + 3
    top = bottom = pdf.y
    for column in range(2):
        pdf.y, left = top, LEFT + column * width
        for key in keys[column * rows : (column + 1) * rows]:
            line, height = pdf.y, size * LINE
            pdf.set_draw_color(*PALE)
            pdf.set_line_width(0.3)
            pdf.rect(left, line + height * 0.06, box, height * 0.9, round_corners=True)
            pdf.set_font("courier", "B", size)
            pdf.set_text_color(*INK)
            pdf.set_xy(left, line)
            pdf.cell(box, height, key.mark, align="C")
            pdf.y = line
            _write(paper, key.word, left + box + 2, left + width - 2)
            pdf.y = max(pdf.y, line + height) + size * 0.06
            bottom = max(bottom, pdf.y)
    pdf.y = bottom


def _blank(paper: Paper, block: Block) -> None:
    """A label, and a line to write on."""
    pdf, size = paper.pdf, paper.size
    pdf.y += size * LINE * 0.35
    _write(paper, block.word, LEFT, RIGHT)
    line = pdf.y - size * LINE * 0.25
    begin = LEFT + pdf.get_string_width(paper.texts[block.word]) + 3
    pdf.set_draw_color(*PALE)
    pdf.set_line_width(0.3)
    pdf.line(begin, line, RIGHT, line)
