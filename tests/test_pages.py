"""The pages for residents and guards: one side of A4, whole, in each language, without jargon."""

import json
import re
import shutil
from contextlib import contextmanager
from importlib import resources

import numpy as np
import pypdfium2
import pytest
from desk import run

from appliance.console.desk import HELP_KEYS
from appliance.office.pages import drawing
from appliance.office.pages.content import COLOURS, CONSOLE_KEYS, PAGES, Block, Kind, words_of
from appliance.office.pages.texts import LANGUAGES, catalogue
from appliance.policy.verdict import Colour
from appliance.wallet import hosting
from hw.codes import Scanner
from ledger_sync.errors import Refused, Unavailable

LINK = "https://wallet.example/yard/"
MM = 72 / 25.4  # points
EDGE_MM = 10  # what printers leave white
LATIN = [language for language in LANGUAGES if language != "zh-Hans"]
JARGON = re.compile(
    r"(?i)\b(ledger|token|signature|qr|replay|offline|online|enrol|credential|peer|sync|daemon|log)\b"
)
QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”')
OF_THE_PHONE = {"Add to home screen", "Añadir a la pantalla de inicio", "添加到主屏幕"}
EVERY = pytest.mark.parametrize("who", PAGES)


@contextmanager
def opened(data):
    document = pypdfium2.PdfDocument(data)
    try:
        yield document
    finally:
        document.close()


def texts_on(document):
    reader = document[0].get_textpage()
    found = reader.get_text_bounded()
    reader.close()
    return re.sub(r"\s", "", found)


def is_one_whole_page(data, who, language):
    """Whether it is one side of A4, has every text on it, and nothing where printers do not."""
    words = catalogue(language)
    with opened(data) as document:
        assert len(document) == 1
        width, height = document[0].get_size()
        assert (round(width / MM), round(height / MM)) == (210, 297)
        found = texts_on(document)
        for word in words_of(PAGES[who]) - {"link"}:
            assert re.sub(r"\s", "", words[word]) in found, word
        drawn = document[0].render(scale=1, grayscale=True).to_numpy()
    edge = round(EDGE_MM * MM)
    inner = drawn[edge:-edge, edge:-edge]
    assert (inner < 250).sum() == (drawn < 250).sum() > 10_000
    return True


@EVERY
@pytest.mark.parametrize("language", LATIN)
def test_a_page_is_one_side_of_a4_with_all_its_texts(who, language):
    data = drawing.page(PAGES[who], catalogue(language), language, link=LINK)
    assert is_one_whole_page(data, who, language)


@pytest.mark.heavy
@EVERY
def test_a_chinese_page_is_one_side_of_a4_with_all_its_texts(who):
    data = drawing.page(PAGES[who], catalogue("zh-Hans"), "zh-Hans")
    assert is_one_whole_page(data, who, "zh-Hans")


def test_a_machine_without_chinese_letters_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="fonts-noto-cjk"):
        drawing.page(PAGES["guard"], catalogue("zh-Hans"), "zh-Hans")


@pytest.mark.long
def test_a_page_that_does_not_fit_is_refused_and_never_cut():
    long = (Block(Kind.ITEM, "card-hold"),) * 200
    with pytest.raises(Refused, match="too long for one side"):
        drawing.page(long, catalogue("en"), "en")


def test_the_languages_have_the_same_texts_and_no_other():
    needed = set().union(*map(words_of, PAGES.values()))
    for language in LANGUAGES:
        words = catalogue(language)
        assert set(words) == needed, (language, set(words) ^ needed)
        assert all(text.strip() == text != "" for text in words.values()), language


def test_the_languages_are_those_of_the_wallet():
    names = {f"words/{language}.json" for language in LANGUAGES}
    assert names == {name for name in hosting.page() if name.startswith("words/")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_button_is_named_as_the_wallet_names_it(language):
    wallet = json.loads(hosting.page()[f"words/{language}.json"].data)
    named = {a or b for text in catalogue(language).values() for a, b in QUOTED.findall(text)}
    assert named & OF_THE_PHONE
    assert named - OF_THE_PHONE <= set(wallet.values())
    assert {wallet["invite-make"], wallet["back"]} <= named
    assert wallet["tab-invite"] in catalogue(language)["invite-make"]


def test_no_technical_words_are_needed():
    found = {name: JARGON.findall(text) for name, text in catalogue("en").items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_every_colour_has_a_shape_of_its_own_a_word_and_what_to_do():
    assert set(COLOURS) == {colour.name for colour in Colour} == set(drawing.COLOURS)
    for page in PAGES.values():
        signs = [block.mark for block in page if block.kind is Kind.SIGN]
        assert signs == list(COLOURS)


def test_every_key_of_the_guard_is_on_the_page_once():
    with opened(drawing.page(PAGES["guard"], catalogue("en"), "en")) as document:
        found = texts_on(document)
    for key, word in CONSOLE_KEYS.items():
        line = re.sub(r"\s", "", key + catalogue("en")[f"key-{word}"])
        assert found.count(line) == 1, key


def test_the_keys_are_those_of_the_console():
    shown = {one for key in CONSOLE_KEYS for one in key.split(" / ")}
    assert shown == set(HELP_KEYS) | {"F1", "F2"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_colour_is_called_as_the_console_calls_it(language):
    file = resources.files("appliance.console").joinpath("words", f"{language}.json")
    screen = json.loads(file.read_text("utf-8"))
    words = catalogue(language)
    for colour in COLOURS:
        assert words[f"sign-{colour.lower()}"] == screen[f"colour.{colour}"]


def test_the_link_is_read_off_the_printed_page(tmp_path):
    run("office", "page", "resident", tmp_path / "page.pdf", "--language", "es", "--link", LINK)
    with opened(tmp_path / "page.pdf") as document:
        grey = document[0].render(scale=150 / 72, grayscale=True).to_numpy()
    scanner = Scanner()
    assert scanner.read(np.ascontiguousarray(grey)) == [LINK.encode()]
    scanner.close()


def test_the_command_writes_the_same_page_twice_and_takes_no_other_ending(tmp_path):
    said = run("office", "page", "guard", tmp_path / "one.pdf")
    run("office", "page", "guard", tmp_path / "two.pdf")

    assert said.stdout == f"wrote {tmp_path}/one.pdf\n"
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    with pytest.raises(Refused, match=r"must end in \.pdf"):
        run("office", "page", "guard", tmp_path / "page.docx")


@pytest.mark.long
def test_the_fonts_of_this_machine_show_chinese_or_say_so(tmp_path):
    if shutil.which("fc-match") is None:
        pytest.skip("fontconfig's fc-match is not here")
    try:
        data = drawing.page(PAGES["resident"], catalogue("zh-Hans"), "zh-Hans", link=LINK)
    except Unavailable as error:
        assert "fonts-noto-cjk" in str(error)
        return
    assert is_one_whole_page(data, "resident", "zh-Hans")
