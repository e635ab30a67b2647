"""Whatever comes into the wallet: a sentence is said and nothing that it holds is lost. In a real
browser; what is in a golden file is in test_wallet_modules.py."""

import json
import random
import socket
from urllib.parse import quote

import makers
import pytest
from browser import opened, phone, served
from wallet_user import enrolled, key_text, paste, resident, shown

from appliance.demo.compound import START, Compound
from appliance.passes import code, phone_text, token
from appliance.passes.token import HolderClass
from appliance.wallet import hosting
from ledger_sync import base45
from ledger_sync.cose import open1
from ledger_sync.keys import ED25519, SigningKey

pytestmark = pytest.mark.heavy
HUGE = 1_000_000  # characters
WORDS = json.loads(hosting.page()["words/en.json"].data)


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


def handle_of(page):
    """Of the pass that is shown, which must still be there after the page is loaded again."""
    page.reload()
    page.locator(".screen svg").wait_for()
    return code.parse(shown(page).encode()).handle


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A" * HUGE, "no text of Yardpass"),
        ("YPP1:" + "A" * HUGE, "damaged or incomplete"),
        ("YPI1:" + "%20" * (HUGE // 3), "damaged or incomplete"),
        ("\n\t " * (HUGE // 3) + "x", "the field is empty"),
        ("https://wallet.example/#pass=" + "%41" * (HUGE // 3), "damaged or incomplete"),
        ("https://wallet.example/#pass=%", "damaged or incomplete"),
        ("\ud83d\ude00" * 1_000, "no text of Yardpass"),
    ],
    ids=["letters", "pass", "invite", "blanks", "link", "cut link", "pictures"],
)
def test_a_paste_of_a_megabyte_is_told_and_nothing_is_lost(server, handset, yard, text, said):
    page = resident(yard, handset, server.url)
    before = handle_of(page)
    page.get_by_role("button", name="Phone").click()
    page.get_by_text("Take a new pass in").click()

    page.locator("textarea:visible").first.focus()
    page.keyboard.insert_text(text)
    page.get_by_role("button", name="Use this text").locator("visible=true").first.click()

    assert said in page.get_by_role("alert").first.inner_text()
    assert handle_of(page) == before
    assert page.faults == []


def test_a_link_of_a_megabyte_is_told_and_nothing_is_lost(server, handset, yard):
    page = resident(yard, handset, server.url)
    before = handle_of(page)

    page.evaluate("location.hash = '#pass=YPP1%3A' + 'A'.repeat(1000000)")

    page.get_by_text("damaged or incomplete").wait_for()
    assert "#" not in page.url
    assert handle_of(page) == before


def of_elsewhere(page, *, issued_at=START - 60):
    """The text of a pass of another compound, for this phone's key."""
    key = phone_text.key_in(key_text(page).encode())
    place = ("yp:bj01/s/1", 7, int(HolderClass.RESIDENT), 1, 1)
    claims = token.Pass("yp:bj01", "mgECAwQFBgc", issued_at, START + 86_400, key, *place, None)
    return phone_text.of_pass(token.issue(claims, SigningKey(ED25519, bytes(32))))


def test_a_pass_of_another_site_takes_the_place_of_one_only_after_a_question(
    server, handset, yard
):
    page = opened(handset, server.url, now=START)
    other = of_elsewhere(page).decode()
    paste(page, enrolled(yard, page))
    page.locator(".screen svg").wait_for()
    before = handle_of(page)
    asked = []

    page.once("dialog", lambda box: (asked.append(box.message), box.dismiss()))
    page.evaluate("(text) => { location.hash = '#pass=' + text }", quote(other, safe=""))
    page.get_by_text("The pass on this phone was kept").wait_for()
    assert handle_of(page) == before

    page.once("dialog", lambda box: box.accept())
    page.evaluate("(text) => { location.hash = '#pass=' + text }", quote(other, safe=""))
    page.get_by_text("The pass is on this phone now").wait_for()
    page.get_by_text("For yp:bj01").wait_for()
    assert "yp:bj01" in asked[0] and "yp:hz07" in asked[0]


def test_a_pass_that_was_renewed_does_not_come_back_by_its_old_link(server, handset, yard):
    page = opened(handset, server.url, now=START)
    old = enrolled(yard, page)
    key = phone_text.key_in(key_text(page).encode())
    terms = {"klass": HolderClass.RESIDENT, "zones": 3, "now": START - 60, "days": 60}
    new = yard.office.enrol("Lin, flat 12", key=key, **terms)
    paste(page, phone_text.of_pass(new.token).decode())
    page.locator(".screen svg").wait_for()

    page.evaluate("(text) => { location.hash = '#pass=' + text }", quote(old, safe=""))

    page.get_by_text("A newer pass is on this phone already").wait_for()
    assert handle_of(page) == new.handle


# Invariant: any text is taken, or told by a sentence of the catalogue; no other error, no delay.
FUZZ = """async ([texts, key]) => {
  const [text, pass, invite, challenge, keys] = await Promise.all(
    ["text", "pass", "invite", "challenge", "keys"].map((name) => import(`./${name}.js`)));
  const holder = keys.fromText(key);
  const readers = {
    [text.PASS]: (one) => pass.take(one, holder, 0),
    [text.INVITE]: (one) => invite.take(one, holder, 0),
    [text.CHALLENGE]: challenge.read,
    [text.KEY]: keys.fromText,
  };
  return texts.map((one) => {
    try {
      const shown = text.cleaned(one);
      readers[text.kindOf(shown) ?? text.PASS]?.(shown);
      return "taken";
    } catch (error) {
      return error.word ?? String(error.stack);
    }
  });
}"""


def test_any_text_is_taken_or_told_by_a_sentence(server, handset, yard):
    page = opened(handset, server.url, now=START)
    dice = random.Random(7)
    held = enrolled(yard, page)
    raw = base45.decode(held[5:])
    key = key_text(page)
    texts = [dice.choice(["YPP1:", "YPI1:", "YPN1:", "YPK1:"]) for _ in range(4_000)]
    texts = [at + base45.encode(makers.edited(raw, dice)) for at in texts]
    texts += [held[:at] for at in range(len(held))]
    texts += [held.replace(dice.choice(held), dice.choice("\0é中 \n%"), 1) for _ in range(500)]
    texts += [base45.encode(dice.randbytes(dice.randrange(90))) for _ in range(500)]

    found = page.evaluate(FUZZ, [texts, key])

    assert set(found) - {"taken"} <= set(WORDS), set(found) - set(WORDS)
    assert found.count("fault-form") > 3_000
    assert open1(raw) and "taken" in page.evaluate(FUZZ, [[held], key])


def test_storage_that_is_full_is_told_and_the_old_pass_stays(server, handset, yard):
    page = resident(yard, handset, server.url)
    before = handle_of(page)
    page.evaluate(
        """() => { IDBObjectStore.prototype.put = () => {
          throw new DOMException("full", "QuotaExceededError"); } }"""
    )
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("button", name="Make the invite").click()

    assert "does not keep this page's data" in page.get_by_role("alert").first.inner_text()
    assert handle_of(page) == before


def test_a_phone_that_goes_away_amid_an_answer_is_no_error_of_the_server(capfd):
    with served() as server:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.server_port)) as line:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                line.sendall(b"GET /words/es.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    assert capfd.readouterr().err == ""
