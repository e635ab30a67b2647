"""Printed cards scan, can be cut out, and name their holder whole or not at all.

PDF pages are rendered at 300 dpi by the library that Chromium prints with, and read by the
scanner's first engine; the fonts of the machine are kept out, or made here.
"""

import shutil
from contextlib import contextmanager
from xml.etree import ElementTree

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from appliance.office import printing
from appliance.office.printing import HEIGHT, LEFT, SLACK, TOP, WIDTH, Card
from ledger_sync import base45
from ledger_sync.errors import Refused, Unavailable

DPI = 300
MM = DPI / 25.4  # pixels
LATIN1 = [chr(n) for n in (*range(0x20, 0x7F), *range(0xA0, 0x100))]
HANDLE = "0123456789abcdef"


def text_of(size):
    return b"YP1:" + base45.encode(bytes(n % 256 for n in range(size))).encode()


TEXT = text_of(172)  # as long as a printed pass


@pytest.fixture(autouse=True)
def tools(tmp_path, monkeypatch):
    """The only folder of PATH: no font of this machine is found."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cards.pdf"


def cards(count):
    return [Card(TEXT[:-3] + f"{n:03}".encode(), f"Chen {n}", f"{n:016x}") for n in range(count)]


def corner(place):
    """Upper left corner of a card on its page, in mm."""
    row, column = divmod(place, 2)
    return LEFT + column * WIDTH, TOP + row * HEIGHT


@contextmanager
def document(path):
    opened = pypdfium2.PdfDocument(path)
    try:
        yield opened
    finally:
        opened.close()


def pages(path):
    """Every page as grey pixels at 300 dpi."""
    with document(path) as opened:
        return [page.render(scale=DPI / 72, grayscale=True).to_numpy() for page in opened]


def part(page, left, top, width, height):
    """A piece of a page, in mm; one pixel less on each side, which belongs to the neighbour."""
    x, y = left * MM, top * MM
    return page[int(y) + 1 : int(y + height * MM) - 1, int(x) + 1 : int(x + width * MM) - 1]


def read(picture):
    return [found.bytes for found in zxingcpp.read_barcodes(np.ascontiguousarray(picture))]


def words_on(path, place=0, number=0):
    """What a reader finds as text on one card."""
    left, top = (one * 72 / 25.4 for one in corner(place))
    width, height = WIDTH * 72 / 25.4, HEIGHT * 72 / 25.4
    with document(path) as opened:
        page = opened[number]
        high = page.get_height()
        box = {"left": left, "right": left + width, "top": high - top}
        return page.get_textpage().get_text_bounded(bottom=high - top - height, **box).split()


def test_a_card_as_pdf_scans_at_300_dpi_and_bears_name_and_handle(path):
    left_out = printing.card(TEXT, path, caption="Chen, flat 40", handle=HANDLE)

    (page,) = pages(path)
    assert page.shape == (3_508, 2_481)  # A4
    assert read(page) == [TEXT]
    assert words_on(path) == ["Chen,", "flat", "40", HANDLE]
    assert left_out == []


def test_a_card_scans_when_it_is_cut_out_and_lies_on_something_dark(path):
    printing.card(TEXT, path, caption="Chen", handle=HANDLE)
    (page,) = pages(path)

    cut = part(page, *corner(0), WIDTH, HEIGHT)

    assert read(np.pad(cut, 200)) == [TEXT]


@pytest.mark.parametrize("size", [20, 172, 250, 500])
def test_the_code_takes_the_height_of_the_card_with_four_modules_of_quiet_zone(path, size):
    printing.card(text_of(size), path, caption="Chen")
    (page,) = pages(path)
    left, top = corner(0)

    (found,) = zxingcpp.read_barcodes(page)
    modules = 17 + 4 * int(found.extra["Version"])
    side = HEIGHT - 2 * SLACK
    quiet = 4 * side / (modules + 8)

    dark = np.argwhere(part(page, left, top, SLACK + side, HEIGHT) < 128) / MM
    assert dark.min(0) == pytest.approx([SLACK + quiet] * 2, abs=0.2)
    assert dark.max(0) == pytest.approx([SLACK + side - quiet] * 2, abs=0.2)


@pytest.mark.long
def test_ten_cards_fill_a_page_each_with_its_own_code_and_words(path):
    made = cards(12)

    assert printing.sheet(made, path) == []

    drawn = pages(path)
    for number, one in enumerate(made):
        page, place = divmod(number, 10)
        assert read(part(drawn[page], *corner(place), WIDTH, HEIGHT)) == [one.text]
        assert words_on(path, place, page) == [*one.caption.split(), one.handle]
    assert [len(read(page)) for page in drawn] == [10, 2]


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (10, 2, 5)]
)
def test_cut_marks_stand_at_the_edges_of_the_cards_and_touch_none(path, count, columns, rows):
    printing.sheet(cards(count), path)
    (page,) = pages(path)
    width, height = columns * WIDTH, rows * HEIGHT
    dark = np.argwhere(page < 128) / MM
    inside = (dark >= (TOP, LEFT)).all(1) & (dark <= (TOP + height, LEFT + width)).all(1)
    outside = dark[~inside]

    marks_x = {round((x - LEFT) / WIDTH, 2) for y, x in outside if y < TOP - 1}
    marks_y = {round((y - TOP) / HEIGHT, 2) for y, x in outside if x < LEFT - 1}
    near = (outside > (TOP - 1.8, LEFT - 1.8)) & (
        outside < (TOP + height + 1.8, LEFT + width + 1.8)
    )

    assert marks_x == set(range(columns + 1))
    assert marks_y == set(range(rows + 1))
    assert not near.all(1).any()
    assert outside.min(0) == pytest.approx([TOP - 7, LEFT - 7], abs=0.2)
    assert outside.max(0) == pytest.approx([TOP + height + 7, LEFT + width + 7], abs=0.2)


LONG = {
    "Maria Fernanda de los Ángeles Gutiérrez-Hernández y Castillo, torre B, apartamento 1204",
    "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft",
    "W" * 200,
    "W" * printing.MAX_CAPTION,
    "i " * 128,
    "Okafor,  flat 7  ",
}


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_long_name_is_on_the_card_to_its_last_letter_and_beside_the_code(path, name):
    assert printing.card(TEXT, path, caption=name, handle=HANDLE) == []

    assert "".join(words_on(path)) == "".join(name.split()) + HANDLE
    (page,) = pages(path)
    assert read(page) == [TEXT]
    left, top = corner(0)
    dark = np.argwhere(part(page, left + HEIGHT - SLACK, top, WIDTH - HEIGHT, HEIGHT) < 128) / MM
    assert dark.min() > 0
    assert dark[:, 1].max() <= WIDTH - HEIGHT + SLACK - printing.MARGIN + 0.2
    assert dark[:, 0].max() <= HEIGHT - printing.MARGIN + 0.5  # a comma hangs below its line


@pytest.mark.long
@given(st.text(LATIN1, max_size=printing.MAX_CAPTION))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_name_in_latin_letters_is_never_cut_off(path, name):
    """Soft hyphens and spaces may go where a line ends; nothing else may."""
    assert printing.card(TEXT, path, caption=name, handle="") == []

    found = "".join(words_on(path))
    assert letters(found) == letters(name)


def letters(text):
    """Without what has no ink, or only at the end of a line."""
    return "".join(one for one in text if not one.isspace() and one not in "-\xad\ufffe\x02")


def test_a_name_longer_than_any_is_left_out_and_told(path):
    name = "x" * (printing.MAX_CAPTION + 1)

    assert printing.card(TEXT, path, caption=name, handle=HANDLE) == [name]

    assert words_on(path) == [HANDLE]


def font(path, shown, width=1_000):
    """A font file in which every letter of `shown` is a square."""
    pen = TTGlyphPen(None)
    for point in ((100, 0), (100, 700), (800, 700), (800, 0)):
        (pen.lineTo if pen.points else pen.moveTo)(point)
    pen.closePath()
    builder = FontBuilder(1_000)
    names = [".notdef", *(f"u{ord(one):04x}" for one in shown)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): f"u{ord(one):04x}" for one in shown})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (width, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def fontconfig(folder, told, status=0):
    """An fc-match that gives this answer, whatever it is asked."""
    (folder / "answer").write_text(told)
    script = folder / "fc-match"
    script.write_text(
        f'#!/bin/sh\nread -r line <"{folder}/answer"\nprintf %s "$line"\nexit {status}\n'
    )
    script.chmod(0o755)


def answer(path, shown, face=0):
    charset = " ".join(f"{ord(one):x}" for one in sorted(shown))
    return f"{path}\t{face}\t{charset}\n"


def test_a_name_in_other_letters_is_drawn_with_a_font_of_the_system(path, tools):
    shown = "陈大文 flat40,"
    fontconfig(tools, answer(font(tools / "squares.ttf", shown), shown))
    made = [Card(TEXT, "陈大文, flat 40", HANDLE), Card(TEXT, "José Ñandú", HANDLE)]

    assert printing.sheet(made, path) == []

    assert words_on(path) == ["陈大文,", "flat", "40", HANDLE]
    assert words_on(path, 1) == ["José", "Ñandú", HANDLE]
    assert read(pages(path)[0]) == [TEXT] * 2


def test_names_that_no_font_shows_are_told_and_their_cards_bear_the_handle(path, tools):
    fontconfig(tools, answer(font(tools / "squares.ttf", "陈"), "陈"))
    names = ["陈", "Чен", "Chen", "陈 Чен", "line\nbreak", ""]

    left_out = printing.sheet([Card(TEXT, name, HANDLE) for name in names], path)

    assert left_out == ["Чен", "陈 Чен", "line\nbreak"]
    assert [words_on(path, place) for place in range(6)] == [
        ["陈", HANDLE],
        [HANDLE],
        ["Chen", HANDLE],
        [HANDLE],
        [HANDLE],
        [HANDLE],
    ]


def test_a_letter_wider_than_the_card_leaves_the_name_out(path, tools):
    fontconfig(tools, answer(font(tools / "wide.ttf", "﷽", width=30_000), "﷽"))

    assert printing.card(TEXT, path, caption="﷽", handle=HANDLE) == ["﷽"]

    assert words_on(path) == [HANDLE]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("", 0),
        ("nonsense", 0),
        ("{folder}/squares.ttf\tx\t9648", 0),
        ("{folder}/squares.ttf\t0\tx", 0),
        ("{folder}/squares.ttf\t0\t9648", 1),
        ("{folder}/squares.ttf\t0\t20-7e", 0),
        ("{folder}/squares.pfb\t0\t9648", 0),
        ("{folder}/missing.ttf\t0\t9648", 0),
        ("{folder}/broken.ttf\t0\t9648", 0),
    ],
)
@pytest.mark.filterwarnings(  # fontTools leaves a file open that it cannot read
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)
def test_a_font_that_cannot_be_had_costs_the_name_and_not_the_card(path, tools, told, status):
    font(tools / "squares.ttf", "陈")
    (tools / "broken.ttf").write_bytes(b"\0\1\0\0 no font")
    fontconfig(tools, told.format(folder=tools) + "\n", status)

    assert printing.card(TEXT, path, caption="陈", handle=HANDLE) == ["陈"]

    assert words_on(path) == [HANDLE]
    assert read(pages(path)[0]) == [TEXT]


def test_without_fontconfig_only_latin_names_are_shown(path):
    made = [Card(TEXT, "Чен", HANDLE), Card(TEXT, "Ñandú", HANDLE)]

    assert printing.sheet(made, path) == ["Чен"]

    assert [words_on(path, place) for place in range(2)] == [[HANDLE], ["Ñandú", HANDLE]]


@pytest.mark.long
def test_the_fonts_of_this_machine_show_a_name_or_say_so(path, monkeypatch):
    monkeypatch.undo()
    if shutil.which("fc-match") is None:
        pytest.skip("fontconfig's fc-match is not here")
    names = ["Чайковский", "陈大文", "محمد"]

    left_out = printing.sheet([Card(TEXT, name, HANDLE) for name in names], path)

    for place, name in enumerate(names):
        assert words_on(path, place) == ([HANDLE] if name in left_out else [name, HANDLE])


def test_the_same_cards_make_the_same_file(path, tmp_path, tools):
    fontconfig(tools, answer(font(tools / "squares.ttf", "陈"), "陈"))
    made = [*cards(2), Card(TEXT, "陈", HANDLE)]

    printing.sheet(made, path)
    printing.sheet(made, tmp_path / "again.pdf")

    assert path.read_bytes() == (tmp_path / "again.pdf").read_bytes()


@pytest.mark.parametrize("name", ["card.pdf", "card.png", "card.svg", "CARD.PDF"])
def test_a_card_is_its_owners_only(tmp_path, name):
    printing.card(TEXT, tmp_path / name, caption="Chen", handle=HANDLE)

    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_picture_scans_and_has_no_caption_but_as_the_title_of_an_svg(tmp_path):
    for kind in ("png", "svg"):
        left_out = printing.card(TEXT, tmp_path / f"a.{kind}", caption="陈 <1>", handle=HANDLE)
        assert left_out == []

    with Image.open(tmp_path / "a.png") as picture:
        assert read(np.asarray(picture.convert("L"))) == [TEXT]
    (title,) = ElementTree.parse(tmp_path / "a.svg").iter("{http://www.w3.org/2000/svg}title")
    assert title.text == f"陈 <1>  {HANDLE}"


@pytest.mark.parametrize("name", ["card.jpg", "card", "card.pdf.txt"])
def test_another_ending_is_refused(tmp_path, name):
    for write in (lambda to: printing.card(TEXT, to), lambda to: printing.sheet(cards(1), to)):
        with pytest.raises(Refused, match=f"{name} must end in .pdf, .png or .svg"):
            write(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_sheet_is_a_pdf_and_not_empty(tmp_path):
    with pytest.raises(Refused, match=r"cards.svg must end in .pdf, to hold cards"):
        printing.sheet(cards(1), tmp_path / "cards.svg")
    with pytest.raises(Refused, match=r"there are no cards to print to .*cards.pdf"):
        printing.sheet([], tmp_path / "cards.pdf")


@pytest.mark.parametrize("handle", ["a" * 33, "ﬀ", "a\nb"])
def test_a_handle_that_no_card_can_bear_is_refused(path, handle):
    with pytest.raises(Refused, match="is no handle"):
        printing.sheet([*cards(3), Card(TEXT, "Chen", handle)], path)

    assert not path.exists()


def test_the_longest_handle_stays_beside_the_code(path):
    printing.card(TEXT, path, handle="f" * 32)

    assert words_on(path) == ["f" * 32]


@pytest.mark.parametrize("text", [b"A" * 4_000, b"\xff"])
def test_what_is_no_code_is_refused(tmp_path, text):
    for kind in printing.KINDS:
        with pytest.raises(Refused, match=f"a code of {len(text)} bytes cannot be printed"):
            printing.card(text, tmp_path / f"a.{kind}")


def test_a_card_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(Unavailable, match="cannot be written"):
        printing.card(TEXT, tmp_path / "none" / "a.pdf")
