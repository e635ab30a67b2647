"""A second key in the wallet, invites within the limits of the site, a pass of another issuer: in
a real browser, judged by real terminals."""

import pytest
from browser import opened, phone, served
from wallet_user import clock_of, enrolled, key_text, paste, photographed, resident, shown

from appliance.demo.compound import START, Compound
from appliance.office import duress
from appliance.passes import code, phone_text
from appliance.passes.phone_text import Limits
from appliance.passes.token import HolderClass, handle_of
from hw.camera.files import picture
from ledger_sync import base45
from ledger_sync.duress import duresses, kid_of
from ledger_sync.store import Store

pytestmark = pytest.mark.heavy
HELD_MS = 2_100
EDGE = 10  # of 255


@pytest.fixture(scope="module")
def driver():
    with pytest.importorskip("playwright.sync_api").sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def server():
    with served() as made:
        yield made


@pytest.fixture
def handset(driver, tmp_path):
    with phone(driver, tmp_path / "profile") as context:
        yield context


@pytest.fixture
def yard(tmp_path):
    with Compound(tmp_path / "yard") as made:
        yield made


def second_key(page):
    """The enrolment text of the key for who is forced."""
    page.get_by_role("button", name="Phone").click()
    page.get_by_text("If somebody forces you").click()
    fold = page.locator("details[open]")
    fold.locator(".key-text").wait_for()
    return fold.locator(".key-text").inner_text()


def give_second(yard, page, who="Lin, flat 12"):
    """The office enrols it; the handle of its pass."""
    key = phone_text.key_in(second_key(page).encode())
    made = duress.enrol(yard.office, who, key, now=START - 3_600)
    page.get_by_text("Take a new pass in").click()
    paste(page, phone_text.of_pass(made.token).decode())
    page.locator(".screen svg").wait_for()
    return made.handle


def hold(page, milliseconds=HELD_MS):
    page.get_by_role("button", name="Yardpass").hover()
    page.mouse.down()
    page.clock.run_for(milliseconds)
    page.mouse.up()
    page.wait_for_timeout(200)
    page.locator(".screen svg").wait_for()


def handle_shown(page):
    return code.parse(shown(page).encode()).handle


def looks(page, path):
    """All that can be seen and read, without the modules of the code: pixels, words, code size."""
    size = page.locator(".screen svg").get_attribute("viewBox")
    page.evaluate("document.querySelector('.screen svg path').remove()")
    page.screenshot(path=path)
    return picture(path).luma.astype(int), (page.locator("body").aria_snapshot(), size)


def with_both(yard, context, url):
    page = opened(context, url, now=START)
    first = enrolled(yard, page)
    paste(page, first)
    page.locator(".screen svg").wait_for()
    second = give_second(yard, page)
    yard.open()
    page.get_by_role("button", name="Yardpass").click()
    page.locator(".screen svg").wait_for()
    return page, handle_of(base45.decode(first[5:])), second


def test_the_second_key_opens_and_only_other_terminals_tell(server, handset, yard):
    page, first, second = with_both(yard, handset, server.url)
    assert handle_shown(page) == first

    hold(page)
    yard.clock.now = clock_of(page)
    north = yard.stations["north"]
    outcome = north.terminal.present(shown(page).encode())

    assert handle_shown(page) == second
    assert outcome.is_opened and outcome.verdict.colour.name == "GREEN"
    yard.close("north")
    secret, now = yard.office.secret(), yard.clock.now + 1
    with Store(north.settings.store) as store:
        own = kid_of(store, "north-1")
        assert own and duresses(store, secret, own, now=now) == []
        store.write("UPDATE feed SET own = 0")  # as a peer has it
        assert [one.gate for one in duresses(store, secret, b"", now=now)] == ["north"]


def test_a_phone_with_a_second_key_shows_what_one_without_shows(driver, server, yard, tmp_path):
    with phone(driver, tmp_path / "one") as one, phone(driver, tmp_path / "two") as two:
        plain = resident(yard, one, server.url)
        page = opened(two, server.url, now=START)
        paste(page, enrolled(yard, page, who="Mei, flat 3"))
        page.locator(".screen svg").wait_for()
        give_second(yard, page, who="Mei, flat 3")
        for there in (plain, page):
            there.reload()
            there.locator(".screen svg").wait_for()
            there.clock.pause_at(START + 100)
            hold(there)
            there.clock.run_for(500)

        pixels, words = looks(plain, tmp_path / "one.png")
        others, others_words = looks(page, tmp_path / "two.png")
        assert words == others_words
        assert abs(pixels - others).max() <= EDGE  # the browser rounds corners as it likes


def test_it_was_asked_for_a_while_also_when_the_page_is_loaded_again(server, handset, yard):
    page, first, second = with_both(yard, handset, server.url)
    hold(page, 1_500)
    assert handle_shown(page) == first

    hold(page)
    page.reload()
    page.locator(".screen svg").wait_for()
    assert handle_shown(page) == second
    page.clock.run_for(920_000)
    page.wait_for_function("() => document.querySelector('.screen svg')")
    page.wait_for_timeout(200)
    assert handle_shown(page) == first


def test_a_thumb_asks_for_it_as_a_mouse_does(driver, server, yard, tmp_path):
    with phone(driver, tmp_path / "profile", has_touch=True, is_mobile=True) as context:
        page, _, second = with_both(yard, context, server.url)
        box = page.get_by_role("button", name="Yardpass").bounding_box()
        point = {"x": box["x"] + 20, "y": box["y"] + 20}
        wire = context.new_cdp_session(page)
        wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        page.wait_for_timeout(900)  # the browser's own long press comes in between
        page.clock.run_for(HELD_MS)
        wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(200)
        page.locator(".screen svg").wait_for()
        assert handle_shown(page) == second


def test_it_is_asked_for_by_the_keyboard_as_well(server, handset, yard):
    page, _, second = with_both(yard, handset, server.url)
    page.get_by_role("button", name="Yardpass").focus()
    page.keyboard.down("Enter")
    page.clock.run_for(HELD_MS)
    page.keyboard.up("Enter")
    page.wait_for_timeout(200)
    assert handle_shown(page) == second


def test_a_key_that_has_a_pass_is_not_shown_again(server, handset, yard):
    page, _, _ = with_both(yard, handset, server.url)
    third = second_key(page)
    page.get_by_role("button", name="Make another second key").click()
    page.wait_for_timeout(300)
    fourth = page.locator("details[open] .key-text").inner_text()

    assert phone_text.key_in(third.encode()) != phone_text.key_in(fourth.encode())


def told(yard, page, limits, **options):
    """A pass with what invites it may give."""
    key = phone_text.key_in(key_text(page).encode())
    resident_, since = HolderClass.RESIDENT, START - 3_600
    usual = {"key": key, "klass": resident_, "zones": 3, "now": since, "days": 30}
    made = yard.office.enrol("Lin, flat 12", **usual | options)
    paste(page, phone_text.of_pass(made.token, limits).decode())
    page.locator(".screen svg").wait_for()
    yard.open()


def test_invites_keep_to_what_the_office_said(server, handset, yard):
    page = opened(handset, server.url, now=START)
    told(yard, page, Limits(36_000, 5_400, 3))
    page.get_by_role("button", name="Invite").click()

    page.get_by_label("Hours, 1 to 1").fill("2")
    page.get_by_role("button", name="Make the invite").click()
    assert "not a whole number of 1 to 1" in page.get_by_role("alert").inner_text()
    page.get_by_label("Hours").fill("1")
    page.get_by_label("Entries, 1 to 3").fill("4")
    page.get_by_role("button", name="Make the invite").click()
    assert "not a whole number of 1 to 3" in page.get_by_role("alert").inner_text()
    page.get_by_label("Zone 1").uncheck()
    page.get_by_label("Entries").fill("3")
    page.get_by_role("button", name="Make the invite").click()
    page.locator(".paper svg").wait_for()


def test_a_pass_that_may_invite_nobody_is_told(server, handset, yard):
    page = opened(handset, server.url, now=START)
    told(yard, page, Limits(0, 0, 0))
    page.get_by_role("button", name="Invite").click()
    page.get_by_text("does not let this pass invite").wait_for()
    assert page.get_by_role("button", name="Make the invite").count() == 0


def test_a_pass_of_another_issuer_is_shown_at_the_compound_that_its_holder_chose(
    server, handset, yard
):
    page = resident(yard, handset, server.url)
    page.get_by_text("At another compound").click()
    page.get_by_label("Name of that compound").fill("yp:bj01")
    page.get_by_label("from now on").check()
    page.get_by_role("button", name="Show that code").click()
    page.get_by_text("For yp:bj01, with the pass inside").wait_for()
    page.reload()
    page.get_by_text("For yp:bj01, with the pass inside").wait_for()
    page.locator(".screen svg").wait_for()
    parsed = code.parse(shown(page).encode())
    assert parsed.form is code.Form.SELF_CONTAINED
    assert code.claims_of(parsed.outer.payload)[0] == "yp:bj01"

    page.get_by_role("button", name="Invite").click()
    page.get_by_role("button", name="Make the invite").click()
    invite = code.parse(page.locator(".paper svg").get_attribute("data-text").encode())
    assert invite.form is code.Form.BEARER_INVITE
    page.get_by_role("button", name="Code").click()
    page.get_by_text("At another compound").click()
    page.get_by_label("from now on").uncheck()
    page.get_by_label("Name of that compound").fill("yp:hz07")
    page.get_by_role("button", name="Show that code").click()
    page.get_by_role("button", name="Back to the usual code").click()
    page.get_by_text("For yp:hz07").wait_for()


def test_the_code_is_enlarged_by_the_keyboard_and_made_small_again(
    server, handset, yard, tmp_path
):
    page = resident(yard, handset, server.url)
    code_button = page.get_by_role("button", name="Press to enlarge it")
    assert code_button.get_attribute("aria-pressed") == "false"
    code_button.focus()
    page.keyboard.press("Enter")
    assert code_button.get_attribute("aria-pressed") == "true"
    assert not page.get_by_role("navigation").is_visible()
    (text,) = photographed(page, tmp_path / "large.png")
    page.clock.run_for(11_000)
    page.wait_for_timeout(200)
    assert code_button.evaluate("one => one === document.activeElement")  # also after a new code

    page.keyboard.press("Escape")

    assert text.startswith(b"YP1:")
    assert page.get_by_role("navigation").is_visible()
    assert code_button.get_attribute("aria-pressed") == "false"
