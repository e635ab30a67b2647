"""The wallet can be read: contrast by WCAG 2.2 AA in every view, light and dark; nothing moves."""

import re

import pytest
from browser import opened, phone, served
from wallet_user import enrolled, paste

from appliance.demo.compound import START, Compound
from appliance.wallet import hosting

CSS = hosting.page()["wallet.css"].data.decode()
TEXT, PART = 4.5, 3.0
"""The least contrast of text, and of what marks off a control (WCAG 2.2, 1.4.3 and 1.4.11)."""
PAIRS = [
    ("ink", "paper", TEXT), ("ink", "soft", TEXT), ("good-ink", "good", TEXT),
    ("warn-ink", "warn", TEXT), ("bad-ink", "bad", TEXT), ("line", "paper", PART),
    ("danger", "paper", PART),
]  # fmt: skip


def luminance(colour):
    """Relative luminance of #rgb or #rrggbb, WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def themes():
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+)", block))
        for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    )
    return {"light": light, "dark": light | dark}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("one", "other", "least"), PAIRS)
def test_the_colours_of_a_theme_can_be_told_apart(theme, one, other, least):
    colours = themes()[theme]
    assert contrast(colours[one], colours[other]) >= least


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_white_on_the_brand_can_be_read(theme):
    assert contrast("#ffffff", themes()[theme]["brand"]) >= TEXT


def test_nothing_is_animated_by_the_sheet():
    moving = re.findall(r"(?:animation|transition|@keyframes)[^;]*", CSS)
    assert all("none !important" in one for one in moving)


# Of each text that is seen: the ratio with what lies under it. Pictures lie under none.
POOR = """() => {
  const channels = (css) => css.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].reduce((sum, one, at) => {
    const part = one / 255;
    const linear = part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    return sum + linear * [0.2126, 0.7152, 0.0722][at];
  }, 0);
  const under = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const ratio = (ink, paper, opacity) => {
    const mixed = ink.slice(0, 3).map((one, at) => one * opacity + paper[at] * (1 - opacity));
    const [dark, bright] = [light(mixed), light(paper)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const poor = [];
  const judge = (element, style, text) => {
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = ratio(channels(style.color), under(element), Number(style.opacity));
    if (found < (isLarge ? 3 : 4.5)) poor.push(`${found.toFixed(2)} ${text}`);
  };
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    count += 1;
    judge(element, getComputedStyle(element), node.data.trim());
  }
  for (const field of document.querySelectorAll("textarea[placeholder]")) {
    const style = getComputedStyle(field, "::placeholder");
    if (field.checkVisibility()) judge(field, style, field.placeholder);
  }
  return [count, poor];
}"""
# Of each control that is seen: its name is not empty, and it is large enough for a thumb.
UNFIT = """() => [...document.querySelectorAll("button, select, input, textarea, summary")]
  .filter((one) => one.checkVisibility())
  .filter((one) => {
    const {width, height} = one.getBoundingClientRect();
    const name = one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length;
    return !name || width < 24 || height < 24 || (one.tagName === "BUTTON" && height < 44);
  }).map((one) => one.outerHTML.slice(0, 90) + JSON.stringify(one.getBoundingClientRect()))"""


@pytest.fixture(scope="module")
def driver():
    with pytest.importorskip("playwright.sync_api").sync_playwright() as made:
        yield made


def views(yard, page):
    """Opens one view after the other; the name of each."""
    page.locator(".key-text").wait_for()
    yield "enrol"
    held = enrolled(yard, page)
    paste(page, held[:-6])
    yield "fault"
    paste(page, held)
    page.locator(".screen svg").wait_for()
    yield "code"
    for at, name in enumerate(("code", "invite", "visit", "phone")):
        page.locator("nav button").nth(at).click()
        for fold in page.locator("summary").all():
            fold.click()
        page.wait_for_timeout(200)
        yield f"{name}, all of it"
    page.locator("nav button").nth(1).click()
    page.locator("form button.main").click()
    page.locator(".paper svg").wait_for()
    yield "handover"
    page.once("dialog", lambda asked: asked.accept())
    page.locator("button.danger").click()
    page.locator(".code").wait_for()
    yield "withdrawal"
    page.clock.set_system_time(START - 3 * 86_400)
    page.locator("nav button").first.click()
    page.get_by_text("Set the clock").wait_for()
    yield "clock"


@pytest.mark.heavy
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_can_be_read_and_touched(driver, tmp_path, theme):
    look = {"color_scheme": theme, "reduced_motion": "reduce"}
    with (
        served() as server,
        phone(driver, tmp_path / "profile", **look) as context,
        Compound(tmp_path / "yard") as yard,
    ):
        page = opened(context, server.url, now=START)
        for name in views(yard, page):
            count, poor = page.evaluate(POOR)
            assert count >= 5, name
            assert poor == [], name
            assert page.evaluate(UNFIT) == [], name
            assert page.evaluate("document.getAnimations().length") == 0, name
            assert page.locator("h1").count() == 1, name
        assert page.faults == []
