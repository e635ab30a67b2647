"""Every screen of the console as it stands in tests/screens, at two sizes; and README's picture.

`python tests/test_console_screens.py` draws them anew, for somebody to look at.
"""

import html
import re
import sys
from pathlib import Path

import console_picture
import pytest
from console_yard import COMPOUND, Guard
from test_console_view import NOW

from appliance.console import catalogue
from appliance.console.palette import PLAIN_GLYPHS
from appliance.gate.remote import State

FOLDER = Path(__file__).parent / "screens"
SIZES = ((80, 25), (120, 40))
WRONG = COMPOUND._replace(
    gate=State("forced", ("tamper",), "POOR", (("camera", "no picture; check its cable"),)),
    alarms=(("north-1", "forced", NOW - 60), ("north-1", "tamper", NOW - 60)),
    links=None,
)
SCREENS = {
    "main": (),
    "help": ("f1",),
    "unlock": ("u",),
    "open": ("unlock", "o"),
    "visitors": ("unlock", "v"),
    "overdue": ("unlock", "t"),
    "arrives": ("unlock", "v", "enter"),
    "look-up": ("p", "Y", "P", "1", ":", "enter"),
    "deny": ("unlock", "d"),
    "gates": ("a",),
    "deny-yes": ("unlock", "d", "enter"),
    "inside": ("i",),
    "orders": ("unlock", "k"),
    "orders-yes": ("unlock", "k", "down", "enter"),
    "note": ("unlock", "n"),
    "handover": ("unlock", "h"),
    "relief": ("unlock", "h", "enter"),
    "state": ("s",),
    "wrong": ("s",),
    "wrong-main": (),
}


def at(name, language):
    guard = Guard(language=language, standing=WRONG if name.startswith("wrong") else COMPOUND)
    for step in SCREENS[name]:
        guard.unlock() if step == "unlock" else guard.press(step)
    return guard


def drawn(name, language="en"):
    """The screen at each size, a ruler before each."""
    guard = at(name, language)
    parts = []
    for width, height in SIZES:
        parts += [f"--- {width} x {height} ".ljust(width, "-"), *guard.lines(width, height)]
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_as_it_was_looked_at(name):
    assert drawn(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", [tag for tag in catalogue.LANGUAGES if tag != "en"])
def test_so_it_is_in_the_other_languages(language):
    text = "".join(drawn(name, language) for name in ("main", "open", "wrong"))
    assert text == (FOLDER / f"in-{language}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCREENS)
def test_a_linux_console_can_draw_it(name):
    assert drawn(name).translate(PLAIN_GLYPHS).isascii()


@pytest.mark.parametrize("name", SCREENS)
def test_no_sentence_of_a_screen_is_cut_off(name):
    assert [line for line in at(name, "en").lines(80, 25) if line.endswith("…")] == []


def test_the_picture_of_readme_is_what_the_console_shows():
    kept, now = console_picture.TARGET.read_text(encoding="utf-8"), console_picture.drawn()

    assert text_in(kept) == text_in(now)
    assert "guard decides" in text_in(kept)
    assert "@font-face" not in kept


def text_in(svg):
    """What its text elements say."""
    parts = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
    return " ".join(html.unescape(part).replace("\xa0", " ").strip() for part in parts)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for one in SCREENS:
        (FOLDER / f"{one}.txt").write_text(drawn(one), encoding="utf-8")
    for tag in catalogue.LANGUAGES[1:]:
        text = "".join(drawn(one, tag) for one in ("main", "open", "wrong"))
        (FOLDER / f"in-{tag}.txt").write_text(text, encoding="utf-8")
    console_picture.TARGET.write_text(console_picture.drawn(), encoding="utf-8")
    sys.stdout.write(f"drawn in {FOLDER}\n")
