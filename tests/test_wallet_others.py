"""The wallet in Firefox and in WebKit, the engine of iPhones: key, pass, code, gate, offline."""

import pytest
from browser import served
from webdrivers import BROWSERS

from appliance.demo.compound import START, Compound
from appliance.passes import code, phone_text
from appliance.passes.token import HolderClass
from hw.camera.files import picture
from hw.codes import Scanner

pytestmark = pytest.mark.heavy
KEY = "return document.querySelector('.key-text')?.textContent"
SHOWN = "return document.querySelector('.screen svg')?.dataset.text"
TAKE = """
const area = [...document.querySelectorAll("textarea")].find((one) => one.checkVisibility());
area.value = args[0];
area.parentElement.querySelector("button.main").click();
"""
KEPT = """
const found = await navigator.serviceWorker.ready;
const [name] = await caches.keys();
return found.active && name && (await (await caches.open(name)).keys()).length;
"""
CLOCK = """
const page = window.wrappedJSObject ?? window; // Firefox keeps scripts of tests apart
const skew = args[0] * 1000 - Date.now(), own = Date.now;
const now = () => own() + skew;
page.Date.now = globalThis.exportFunction ? exportFunction(now, window) : now;
"""
SECRET = """
const {Store} = await import("./store.js");
const {privateKey} = await (await Store.open()).get("holder");
return crypto.subtle.exportKey("pkcs8", privateKey).then(() => "taken", (error) => error.name);
"""


@pytest.fixture(params=BROWSERS)
def browser(request, tmp_path):
    (tmp_path / "browser").mkdir()
    with BROWSERS[request.param](tmp_path / "browser") as made:
        yield made


@pytest.fixture
def yard(tmp_path):
    with Compound(tmp_path / "yard") as made:
        yield made


def photographed(browser, path):
    browser.photograph(path)
    scanner = Scanner()
    found = scanner.read(picture(path).luma)
    scanner.close()
    return found


def time_of(text):
    return code.claims_of(code.parse(text).outer.payload).issued_at


def test_from_the_key_to_an_open_gate_and_again_without_a_network(browser, yard, tmp_path):
    with served() as server:
        browser.open(server.url)
        key = browser.wait(KEY)
        browser.run(CLOCK, START)
        assert photographed(browser, tmp_path / "key.png") == [key.encode()]
        held = yard.office.enrol(
            "Lin", key=phone_text.key_in(key.encode()), klass=HolderClass.RESIDENT,
            zones=1, now=START - 3_600, days=30,
        )  # fmt: skip
        browser.run(TAKE, phone_text.of_pass(held.token).decode())
        first = browser.wait(SHOWN)
        kept = browser.wait(KEPT)
    yard.open()
    (text,) = photographed(browser, tmp_path / "code.png")
    yard.clock.now = time_of(text) + 1
    outcome = yard.stations["north"].terminal.present(text)

    browser.open("about:blank")
    browser.open(f"{server.url}index.html")  # nobody serves it any more
    again = browser.wait(SHOWN)

    assert outcome.is_opened
    assert browser.run(SECRET) == "InvalidAccessError"
    assert kept > 30
    times = [
        code.claims_of(code.parse(one.encode()).outer.payload).issued_at for one in (first, again)
    ]
    assert times[0] < times[1]


def test_a_text_that_is_wrong_is_told(browser):
    with served() as server:
        browser.open(server.url)
        browser.wait(KEY)
        browser.run(TAKE, "YPP1:" + "A" * 1_000_000)
        said = browser.wait("return document.querySelector('#said:not([hidden])')?.textContent")
    assert "damaged or incomplete" in said
