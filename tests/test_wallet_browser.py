"""The wallet as a person uses it, in a real browser: enrolled, shown, photographed, judged."""

import json
import time

import pytest
from browser import SMALL, opened, phone, served
from desk import run
from wallet_user import clock_of, enrolled, key_text, paste, photographed, resident, shown

from appliance.commands.office_phone import Reply
from appliance.demo.compound import START, Compound
from appliance.passes import code, phone_text
from appliance.passes.challenge_text import to_text
from ledger_sync import base45
from ledger_sync.keys import ED25519, ES256

pytestmark = pytest.mark.heavy
NO_ED25519 = """
const make = SubtleCrypto.prototype.generateKey;
SubtleCrypto.prototype.generateKey = function (kind, ...rest) {
  if (kind.name === "Ed25519") return Promise.reject(new DOMException("no", "NotSupportedError"));
  return make.call(this, kind, ...rest);
};
"""
KINDS = {ED25519: "", ES256: NO_ED25519}


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
    """A phone with nothing on it."""
    with phone(driver, tmp_path / "profile") as context:
        yield context


@pytest.fixture
def yard(tmp_path):
    with Compound(tmp_path / "yard") as made:
        yield made


@pytest.mark.parametrize("alg", KINDS, ids=["ed25519", "p256"])
def test_from_the_key_to_an_open_gate(server, handset, yard, tmp_path, alg):
    handset.add_init_script(KINDS[alg])
    asked = []
    handset.on("request", lambda request: asked.append(request.url))
    page = opened(handset, server.url, now=START)
    assert phone_text.key_in(key_text(page).encode()).alg == alg
    assert photographed(page, tmp_path / "enrol.png") == [key_text(page).encode()]

    paste(page, enrolled(yard, page))
    page.locator(".screen svg").wait_for()
    yard.open()
    (text,) = photographed(page, tmp_path / "code.png")
    site = yard.stations["north"].settings.store.parent
    yard.clock.now = clock_of(page)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(yard.clock.now))
    said = run("check", tmp_path / "code.png", "--site", site, "--at", at, "--json")
    outcome = yard.stations["north"].terminal.present(text)

    assert text.decode() == shown(page)
    assert json.loads(said.stdout)["checks"][0]["verdict"] == "GREEN"
    assert (outcome.is_opened, yard.stations["north"].pulse_count) == (True, 1)
    assert page.faults == []
    assert {url for url in asked if not url.startswith(server.url)} == set()
    assert all(len(url) < len(server.url) + 30 for url in asked)  # and nothing told in an address


def test_the_key_cannot_be_taken_out_of_the_browser(server, handset):
    page = opened(handset, server.url, now=START)
    key_text(page)
    script = """async () => {
      const {Store} = await import("./store.js");
      const {privateKey} = await (await Store.open()).get("holder");
      try { await crypto.subtle.exportKey("pkcs8", privateKey); return "taken" }
      catch (error) { return `${privateKey.extractable} ${error.name}` }
    }"""
    assert page.evaluate(script) == "false InvalidAccessError"


def test_ten_pictures_in_a_minute_show_codes_of_growing_time(server, handset, yard, tmp_path):
    page = resident(yard, handset, server.url)
    stations, found = yard.stations["north"].terminal, []
    for number in range(10):
        (text,) = photographed(page, tmp_path / f"minute-{number}.png")
        at = clock_of(page)
        claims = code.claims_of(code.parse(text).outer.payload)
        yard.clock.now = at
        found.append((claims.issued_at, at, stations.present(text).verdict.colour.name))
        page.clock.run_for(6_000)
        page.wait_for_timeout(100)

    times = [issued_at for issued_at, _, _ in found]
    fresh = sorted(set(times))
    assert times == sorted(times)
    assert 6 <= len(fresh) <= 7
    assert all(0 <= at - issued_at <= 10 for issued_at, at, _ in found)
    # each code opens once; shown again within its ten seconds it is a replay
    assert [colour for _, _, colour in found].count("GREEN") == len(fresh)


def test_it_opens_and_shows_codes_without_a_network(driver, tmp_path, yard):
    with phone(driver, tmp_path / "profile") as context:
        with served() as server:
            page = resident(yard, context, server.url)
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            page.wait_for_function("navigator.serviceWorker.controller !== null")
            before = shown(page)
            url = server.url
        page.clock.run_for(11_000)
        page.goto("about:blank")
        page.goto(f"{url}index.html")
        page.locator(".screen svg").wait_for()

        (text,) = photographed(page, tmp_path / "offline.png")
        yard.clock.now = clock_of(page)

        assert text.decode() == shown(page) != before
        assert yard.stations["north"].terminal.present(text).verdict.colour.name == "GREEN"
        page.locator("#language").first.select_option("es")
        page.get_by_text("Pase válido").wait_for()
        page.get_by_role("button", name="Teléfono").click()
        page.get_by_text("Qué comprueba").click()
        page.get_by_text("funciona sin red").wait_for()


def test_a_pass_for_another_key_is_refused_in_words(server, handset, yard):
    page = opened(handset, server.url, now=START)
    other = yard.phone("Okafor, flat 3")
    paste(page, phone_text.of_pass(other.held.token).decode())
    assert "made for another key" in page.get_by_role("alert").inner_text()
    assert key_text(page).startswith("YPK1:")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:-6], "damaged or incomplete"),
        (lambda text: text.replace("YPP1:", "HC1:"), "no text of Yardpass"),
        (lambda text: "YP1:" + text[5:], "a code for a gate"),
        (lambda text: text.replace("YPP1:", "YPN1:"), "damaged or incomplete"),
    ],
    ids=["cut", "foreign", "code", "kind"],
)
def test_a_text_that_is_wrong_is_refused_in_words(server, handset, yard, spoil, said):
    page = opened(handset, server.url, now=START)
    paste(page, spoil(enrolled(yard, page)))
    assert said in page.get_by_role("alert").inner_text()


def test_a_pass_that_is_over_and_a_clock_that_is_slow_are_told(server, handset, yard, tmp_path):
    page = opened(handset, server.url, now=START)
    text = enrolled(yard, page)
    page.clock.set_system_time(START + 31 * 86_400)
    paste(page, text)
    assert "expired already" in page.get_by_role("alert").inner_text()

    page.clock.set_system_time(START - 2 * 86_400)
    paste(page, text)
    page.get_by_text("Set the clock").wait_for()
    assert page.locator(".screen svg").count() == 0
    page.screenshot(path=tmp_path / "slow.png")


def test_a_clock_that_was_put_back_is_told(server, handset, yard):
    page = resident(yard, handset, server.url)
    page.clock.set_system_time(START - 60)
    page.clock.run_for(1_000)
    page.get_by_text("was put back").wait_for()


def test_storage_that_was_cleared_is_told(server, handset, yard, tmp_path):
    page = resident(yard, handset, server.url)
    gone = (
        "async () => { const {Store} = await import('./store.js'); const s = await Store.open();"
    )
    page.evaluate(gone + "s.table('readwrite').clear() }")
    page.reload()
    page.get_by_text("the key and the pass that were here are gone").wait_for()
    assert key_text(page).startswith("YPK1:")
    page.screenshot(path=tmp_path / "cleared.png")
    page.reload()  # it stands there until there is a pass again
    page.get_by_text("the key and the pass that were here are gone").wait_for()


def test_storage_that_is_cleared_under_an_open_page_is_told(server, handset, yard):
    page = resident(yard, handset, server.url)
    what = {"origin": server.url.rstrip("/"), "storageTypes": "indexeddb"}
    handset.new_cdp_session(page).send("Storage.clearDataForOrigin", what)
    page.clock.run_for(11_000)
    page.get_by_text("Load the page again").wait_for()
    assert page.locator(".screen svg").count() == 0


def test_everything_is_deleted_after_a_question(server, handset, yard):
    page = resident(yard, handset, server.url)
    other = opened(handset, server.url, now=START)
    other.locator(".screen svg").wait_for()
    page.bring_to_front()
    page.get_by_role("button", name="Phone").click()
    page.once("dialog", lambda asked: asked.dismiss())
    page.get_by_role("button", name="Delete everything").click()
    page.reload()
    page.locator(".screen svg").wait_for()

    page.get_by_role("button", name="Phone").click()
    page.once("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_text("Get your pass").wait_for()
    assert page.get_by_text("are gone").count() == 0
    other.get_by_text("Get your pass").wait_for()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("Object.defineProperty(window, 'indexedDB', {value: undefined})", "ordinary window"),
        ("Object.defineProperty(crypto, 'subtle', {value: undefined})", "cannot make keys"),
        ("Object.defineProperty(window, 'isSecureContext', {value: false})", "insecure address"),
    ],
    ids=["private", "old", "insecure"],
)
def test_a_browser_that_cannot_is_told(server, handset, script, said):
    handset.add_init_script(script)
    page = opened(handset, server.url, now=START)
    assert said in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize(
    "script",
    [
        "delete window.BroadcastChannel",
        "delete navigator.wakeLock; delete Navigator.prototype.wakeLock",
        "delete Navigator.prototype.storage",
        "delete Navigator.prototype.serviceWorker",
        "delete Navigator.prototype.clipboard; delete Navigator.prototype.share",
    ],
    ids=["iOS 15.3", "iOS 16.3", "iOS 15.1", "private", "no sharing"],
)
def test_an_older_phone_shows_its_code_all_the_same(server, handset, yard, script):
    handset.add_init_script(script)
    page = resident(yard, handset, server.url)
    page.get_by_role("button", name="Phone").click()
    page.get_by_text("Pass valid until").wait_for()
    assert page.faults == []


def test_a_browser_that_cannot_read_the_page_is_told_in_every_language(server, handset):
    handset.route(
        "**/cbor.js",
        lambda route: route.fulfill(body="let a ?= 1;", content_type="text/javascript"),
    )
    page = opened(handset, server.url, now=START)
    page.get_by_text("this browser is too old").wait_for()
    assert page.get_by_text("demasiado antiguo").is_visible()
    chinese = page.get_by_text("此浏览器太旧")
    assert chinese.is_visible() and chinese.bounding_box()["y"] < SMALL["height"]  # unscrolled


def test_a_page_that_starts_says_nothing_of_old_browsers(server, handset):
    page = opened(handset, server.url, now=START)
    page.locator(".key-text").wait_for()
    page.clock.run_for(10_000)
    assert not page.get_by_text("too old").is_visible()


def test_an_iphone_is_told_to_use_its_home_screen_first(server, handset):
    handset.add_init_script("Object.defineProperty(navigator, 'standalone', {value: false})")
    page = opened(handset, server.url, now=START)
    page.get_by_text("Add to Home Screen").wait_for()


def test_a_number_of_a_gate_is_answered_for_it_alone(server, handset, yard, tmp_path):
    page = resident(yard, handset, server.url)
    page.get_by_text("The gate shows a number code").click()
    page.get_by_label("The gate's text").fill(to_text("yp:hz07/north", bytes(range(8))).decode())
    page.get_by_role("button", name="Use this text").locator("visible=true").first.click()
    page.get_by_text("Answer for the gate north").wait_for()
    page.locator(".screen svg").wait_for()

    (text,) = photographed(page, tmp_path / "answer.png")

    parsed = code.parse(text)
    assert parsed.form is code.Form.REFERENCE
    assert code.claims_of(parsed.outer.payload)[::2] == ("yp:hz07/north", bytes(range(8)))
    page.get_by_text("The gate shows a number code").click()
    page.get_by_label("The gate's text").fill(to_text("yp:bj01/east", bytes(8)).decode())
    page.get_by_role("button", name="Use this text").locator("visible=true").first.click()
    page.get_by_text("belongs to yp:bj01").wait_for()
    page.locator(".screen svg").wait_for()
    assert code.parse(shown(page).encode()).form is code.Form.SELF_CONTAINED


def test_another_compound_is_shown_the_pass_itself(server, handset, yard, tmp_path):
    page = resident(yard, handset, server.url)
    page.get_by_text("At another compound").click()
    page.get_by_label("Name of that compound").fill("yp:hz07")
    page.get_by_role("button", name="Show that code").click()
    page.get_by_text("with the pass inside").wait_for()
    page.locator(".screen svg").wait_for()

    (text,) = photographed(page, tmp_path / "carried.png")
    yard.clock.now = clock_of(page)

    assert code.parse(text).form is code.Form.SELF_CONTAINED
    assert yard.stations["north"].terminal.present(text).is_opened


def by_link(yard, page, url):
    """The pass comes to the phone as the link that the office prints."""
    token = base45.decode(enrolled(yard, page)[5:])
    page.goto(Reply(is_wallet=True, link=url).linked(token))
    page.locator(".screen svg").wait_for()
    assert "#" not in page.url
    yard.open()


def invite_link(host, guest):
    """The link that a host makes for the key of a guest's phone."""
    host.get_by_role("button", name="Invite").click()
    host.get_by_text("For one phone only").click()
    paste(host, key_text(guest))
    host.get_by_text("For the phone whose key you gave").wait_for()
    host.get_by_label("Name, stays").fill("Aunt Mei")
    host.get_by_role("button", name="Make the invite").click()
    return host.locator(".paper svg").get_attribute("data-text")


def taken_back(host):
    """The text by which a gate takes that invite back."""
    host.once("dialog", lambda asked: asked.accept())
    host.get_by_role("button", name="Take it back").click()
    host.get_by_text("Not done yet").wait_for()
    return host.locator(".card svg").get_attribute("data-text").encode()


def test_a_pass_and_a_keyed_invite_come_by_links(driver, server, yard, tmp_path):
    with phone(driver, tmp_path / "host") as hosts, phone(driver, tmp_path / "guest") as guests:
        host, guest = opened(hosts, server.url, now=START), opened(guests, server.url, now=START)
        by_link(yard, host, server.url)
        link = invite_link(host, guest)
        host.screenshot(path=tmp_path / "handover.png", full_page=True)
        guest.goto(link)
        guest.locator(".screen svg").wait_for()
        (text,) = photographed(guest, tmp_path / "visit.png")
        north, yard.clock.now = yard.stations["north"].terminal, clock_of(guest)

        first = north.present(text)
        withdrawn = north.present(taken_back(host))
        guest.clock.run_for(11_000)
        guest.wait_for_timeout(200)
        yard.clock.now = clock_of(guest)
        second = north.present(shown(guest).encode())

        assert link.startswith(f"{server.url}#invite=YPI1%3A")
        assert code.parse(text).form is code.Form.VISITOR
        assert first.is_opened
        assert withdrawn.verdict.reasons == ("R-WITHDRAWN",)
        assert second.verdict.reasons[0] == "R-WITHDRAWN"
        assert [*host.faults, *guest.faults] == []


def test_an_invite_for_whoever_has_it_opens_from_paper(server, handset, yard, tmp_path):
    page = resident(yard, handset, server.url)
    page.get_by_role("button", name="Invite").click()
    page.get_by_label("Hours").fill("5")
    page.get_by_role("button", name="Make the invite").click()
    assert "not a whole number of 1 to 4" in page.get_by_role("alert").inner_text()
    page.get_by_label("Hours").fill("2")
    page.get_by_role("button", name="Make the invite").click()
    page.locator(".paper svg").wait_for()
    page.emulate_media(media="print")
    (text,) = photographed(page, tmp_path / "paper.png")
    page.emulate_media(media="screen")
    yard.clock.now = clock_of(page)

    assert code.parse(text).form is code.Form.BEARER_INVITE
    assert yard.stations["north"].terminal.present(text).is_opened


CAMERA = """
globalThis.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect() { return globalThis.seen ? [{rawValue: globalThis.seen}] : []; }
};
navigator.mediaDevices.getUserMedia = async () => {
  if (globalThis.denied) throw new DOMException("no", "NotAllowedError");
  return document.createElement("canvas").captureStream();
};
HTMLMediaElement.prototype.play = async () => {};
navigator.wakeLock.request = async () => {
  globalThis.awake = true;
  return {release() { globalThis.awake = false; }};
};
"""


def test_a_pass_is_scanned_and_a_camera_that_is_denied_is_told(server, handset, yard):
    handset.add_init_script(CAMERA)
    page = opened(handset, server.url, now=START)
    text = enrolled(yard, page)
    page.evaluate("denied = true")
    page.get_by_role("button", name="Scan with the camera").click()
    page.get_by_text("may not use the camera").wait_for()

    page.evaluate("(text) => { denied = false; seen = text }", text)
    page.get_by_role("button", name="Scan with the camera").click()
    page.locator(".screen svg").wait_for()

    assert page.evaluate("awake")
    page.get_by_role("button", name="Phone").click()
    assert not page.evaluate("awake")


def test_a_page_that_cannot_load_its_sentences_says_so(server, handset):
    handset.route("**/words/*", lambda route: route.abort())
    page = opened(handset, server.url, now=START)
    page.get_by_text("Connect once, then reload").wait_for()


@pytest.mark.parametrize("language", ["en", "es", "zh-CN"])
@pytest.mark.parametrize("look", ["phone", "small", "dark", "large-print"])
def test_it_fits_every_screen_in_every_language(driver, server, yard, tmp_path, language, look):
    options = {"locale": language}
    if look == "small":
        options["viewport"] = SMALL
    if look == "dark":
        options["color_scheme"] = "dark"
    with phone(driver, tmp_path / "profile", **options) as context:
        page = opened(context, server.url, now=START)
        if look == "large-print":
            page.add_init_script(LARGE)
            page.reload()
        page.locator(".key-text").wait_for()
        assert fits(page, tmp_path / "enrol.png")
        held = enrolled(yard, page)
        page.locator("textarea:visible").first.fill(held)
        page.locator(".intake button.main").last.click()
        page.locator(".screen svg").wait_for()
        for name in ("code", "invite", "visit", "phone"):
            page.locator("nav button").nth(
                ["code", "invite", "visit", "phone"].index(name)
            ).click()
            page.wait_for_timeout(150)
            assert fits(page, tmp_path / f"{name}.png"), name
        assert page.faults == []


LARGE = """document.addEventListener("DOMContentLoaded", () => {
  document.documentElement.style.fontSize = "200%";
});"""


def fits(page, path):
    """Whether nothing is wider than the screen; keeps a picture of it."""
    page.screenshot(path=path)
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
