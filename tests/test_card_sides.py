"""Cards for a print shop: names on either side or nowhere, a line to measure, until when."""

from pathlib import Path

import numpy as np
import pytest
from desk import run
from test_printing import HANDLE, MM, TEXT, cards, corner, document, pages, part, read

from appliance.office import printing
from appliance.office.printing import FOOT, HEIGHT, LEFT, RULER, WIDTH, Card, Side


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cards.pdf"


def words(path, number, left, top):
    """What a reader finds as text on the card at this corner of a page, in mm."""
    with document(path) as opened:
        page = opened[number]
        high, unit = page.get_height(), 72 / 25.4
        box = {"left": left * unit, "right": (left + WIDTH) * unit, "top": high - top * unit}
        bottom = high - (top + HEIGHT) * unit
        return page.get_textpage().get_text_bounded(bottom=bottom, **box).split()


@pytest.mark.long
def test_names_on_the_back_lie_behind_their_cards_when_the_paper_is_turned(path):
    made = cards(12)

    assert printing.sheet(made, path, side=Side.BACK) == []

    drawn = pages(path)
    assert [len(read(page)) for page in drawn] == [10, 0, 2, 0]
    for number, one in enumerate(made):
        page, place = divmod(number, 10)
        left, top = corner(place)
        assert words(path, 2 * page, left, top) == [one.handle]
        assert words(path, 2 * page + 1, 210 - left - WIDTH, top) == [
            *one.caption.split(),
            one.handle,
        ]


def test_cards_without_names_bear_the_handle_alone(path):
    assert printing.sheet(cards(2), path, side=Side.NONE) == []

    assert [words(path, 0, *corner(place)) for place in (0, 1)] == [[f"{n:016x}"] for n in (0, 1)]
    assert len(pages(path)) == 1


def test_a_long_name_has_the_whole_back_and_one_that_no_font_shows_is_told(path):
    long = "Maximilian Alexander von Hohenzollern-Sigmaringen, Tower B, flat 1204"
    odd = "line\nbreak"

    made = [Card(TEXT, long, HANDLE), Card(TEXT, odd, HANDLE)]
    left_out = printing.sheet(made, path, side=Side.BACK)

    assert left_out == [odd]
    left, top = corner(0)
    assert "".join(words(path, 1, 210 - left - WIDTH, top)) == "".join(long.split()) + HANDLE


def test_the_line_to_measure_is_as_long_as_it_says_and_touches_no_card(path):
    printing.sheet(cards(10), path, label="hz07, 10 cards")
    (page,) = pages(path)

    left = part(page, LEFT + 1, FOOT - 0.2, WIDTH - 2, 0.4)
    right = part(page, LEFT + WIDTH + 1, FOOT - 3, WIDTH - 2, 6)
    dark = np.argwhere(left < 128)[:, 1] / MM
    said = np.argwhere(right < 128)[:, 1] / MM

    assert dark.max() - dark.min() == pytest.approx(RULER, abs=0.3)
    assert dark.min() > 5  # away from the cut marks, as the words are
    assert 2 < said.min() < said.max() < WIDTH - 4
    assert corner(9)[1] + HEIGHT < FOOT - 3
    with document(path) as opened:
        assert "print at 100 %" in opened[0].get_textpage().get_text_range()
        assert "hz07, 10 cards, page 1 of 1" in opened[0].get_textpage().get_text_range()


@pytest.mark.parametrize(("names", "count"), [("front", 1), ("back", 2), ("none", 1)])
def test_the_office_draws_cards_that_say_until_when(desk, names, count):
    said = run("office", "cards", "cards.pdf", "--names", names)

    assert said.exit_code == 0
    assert said.stdout.startswith("wrote cards.pdf, 1 cards; print it at 100 %")
    assert ("turned over the long edge" in said.stdout) is (names == "back")
    assert len(pages(Path("cards.pdf"))) == count
    name = ["Chen"] if names == "front" else []
    assert words(Path("cards.pdf"), 0, *corner(0))[:-2] == [*name, "hz07,", "until"]
