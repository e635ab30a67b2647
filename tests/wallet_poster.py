"""Draws the picture of the wallet that README.md shows: `python tests/wallet_poster.py`.

Needs Chromium and letters for Chinese (fonts-noto-cjk). The code on the first phone is a real one.
"""

import tempfile
from pathlib import Path

from browser import opened, phone, served
from PIL import Image
from wallet_user import enrolled

from appliance.demo.compound import START, Compound

TARGET = Path(__file__).parent.parent / "appliance" / "demo" / "wallet.png"
MAX_BYTES = 150_000
HEIGHT, GAP, GROUND = 760, 24, (214, 219, 217)
LOOKS = {
    "code": {"locale": "en-GB"},
    "invite": {"locale": "es-ES", "color_scheme": "dark"},
    "phone": {"locale": "zh-CN"},
}


def shown(context, server, yard, view):
    """One view of a phone with a pass."""
    page = opened(context, server.url, now=START)
    paste_any(page, enrolled(yard, page))
    page.locator("#said button").click()
    tabs = page.locator("nav button")
    if view == "invite":
        tabs.nth(1).click()
        page.locator("form button.main").click()
        page.locator(".paper svg").wait_for()
    if view == "phone":
        tabs.nth(3).click()
        page.locator("summary").nth(1).click()
        page.wait_for_timeout(300)
    page.screenshot(path=yard.folder / "shot.png")
    return Image.open(yard.folder / "shot.png").convert("RGB")


def paste_any(page, text):
    """As `paste`, in whatever language."""
    page.locator("textarea:visible").first.fill(text)
    page.locator(".intake button.main").last.click()
    page.locator(".screen svg").wait_for()


def pictures(driver):
    with served() as server:
        for view, look in LOOKS.items():
            with (
                tempfile.TemporaryDirectory() as name,
                Compound(Path(name) / "yard") as yard,
                phone(
                    driver,
                    Path(name) / "profile",
                    **look,
                    viewport={"width": 390, "height": HEIGHT},
                ) as context,
            ):
                yield shown(context, server, yard, view)


def main():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        screens = list(pictures(driver))
    width = GAP + sum(one.width + GAP for one in screens)
    sheet = Image.new("RGB", (width, HEIGHT + 2 * GAP), GROUND)
    for at, one in enumerate(screens):
        sheet.paste(one, (GAP + at * (one.width + GAP), GAP))
    sheet.quantize(64).save(TARGET, optimize=True)
    if TARGET.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{TARGET} has more than {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()
