"""What a person does with the wallet, for tests: is enrolled, pastes, shows, is photographed."""

from browser import opened

from appliance.demo.compound import START
from appliance.passes import phone_text
from appliance.passes.token import HolderClass
from hw.camera.files import picture
from hw.codes import Scanner


def key_text(page):
    return page.locator(".key-text").first.inner_text()


def enrolled(yard, page, who="Lin, flat 12", zones=3):
    """The office enrols what the phone shows; the pass as text."""
    key = phone_text.key_in(key_text(page).encode())
    held = yard.office.enrol(
        who, key=key, klass=HolderClass.RESIDENT, zones=zones, now=START - 3_600, days=30
    )
    return phone_text.of_pass(held.token).decode()


def paste(page, text):
    page.locator("textarea:visible").first.fill(text)
    page.get_by_role("button", name="Use this text").locator("visible=true").first.click()


def clock_of(page):
    """What the phone's own clock says, Unix seconds; it goes on from where it was set."""
    return page.evaluate("Math.floor(Date.now() / 1000)")


def shown(page):
    """The text of the code on the screen."""
    return page.locator(".screen svg").get_attribute("data-text")


def photographed(page, path):
    """What the real scan path reads off the screen, and off nothing else."""
    page.screenshot(path=path)
    scanner = Scanner()
    found = scanner.read(picture(path).luma)
    scanner.close()
    return found


def resident(yard, context, url, zones=3):
    """A phone with a pass, at `START`."""
    page = opened(context, url, now=START)
    paste(page, enrolled(yard, page, zones=zones))
    page.locator(".screen svg").wait_for()
    yard.open()
    return page
