"""The wallet's files without a browser: all there, strict, small, and nothing from elsewhere."""

import hashlib
import io
import json
import re
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser

import pytest
from browser import served
from desk import run
from PIL import Image

from appliance.wallet import hosting
from ledger_sync.errors import Refused, Unavailable

PAGE = hosting.page()
TEXTS = {name: file.data.decode() for name, file in PAGE.items() if file.kind != "image/png"}
SCRIPTS = {name: text for name, text in TEXTS.items() if name.endswith(".js")}
WORDS = {name: json.loads(text) for name, text in TEXTS.items() if name.startswith("words/")}
OWN_NAMES = {"http://www.w3.org/2000/svg", "https://", "http://localhost", "http://localhost."}
"""What looks like an address and is none: a namespace, and two in a sentence."""
MAX_BYTES = 200_000  # the whole page; a phone on a poor line waits for it once
SERVED_LINES = 300


def version():
    """Of all files but sw.js, which states it."""
    digest = hashlib.sha256()
    for name, file in sorted(PAGE.items()):
        if name != "sw.js":
            digest.update(name.encode() + b"\0" + file.data)
    return digest.hexdigest()[:16]


def test_the_service_worker_keeps_exactly_the_files_of_the_page():
    kept = re.search(r"const FILES = \[(.*?)\];", TEXTS["sw.js"], re.DOTALL)[1]
    names = re.findall(r'"([^"]+)"', kept)

    wanted = sorted(set(PAGE) - {"sw.js", "index.html"})

    listed = "\n".join(f'  "{name}",' for name in ["./", *wanted])
    assert names == ["./", *wanted], f"write into sw.js:\n{listed}"
    found = re.search(r'const VERSION = "(\w+)"', TEXTS["sw.js"])[1]
    assert found == version(), f"write into sw.js: {version()}"


def test_every_import_leads_to_a_file_and_every_module_is_used():
    found = {name: set(re.findall(r'from "\./([^"]+)"', text)) for name, text in SCRIPTS.items()}
    used = set().union(*found.values())
    assert used <= set(SCRIPTS)
    assert set(SCRIPTS) - used == {"app.js", "sw.js", "old.js"}  # those that are asked for by name


def test_the_page_asks_nothing_of_anybody_else():
    for name, text in TEXTS.items():
        found = set(re.findall(r"https?://[^\s\"'<>,)。]*", text))
        assert found <= OWN_NAMES, name
    for name, text in SCRIPTS.items():
        asked = re.findall(r"XMLHttpRequest|WebSocket|sendBeacon|EventSource|RTCPeer", text)
        assert asked == [], name
    assert [name for name, text in SCRIPTS.items() if "fetch(" in text] == ["sw.js", "words.js"]


def test_no_script_makes_code_or_markup_out_of_text():
    for name, text in SCRIPTS.items():
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", text
        )
        assert found == [], name


class _Inline(HTMLParser):
    """What a strict policy would refuse: scripts and styles in the page itself."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.policy = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.found.append((tag, given))
        if tag == "script" and "src" not in given:
            self.found.append((tag, given))
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]


def test_the_policy_of_the_page_is_strict_and_that_of_the_server():
    parser = _Inline()
    parser.feed(TEXTS["index.html"])

    assert parser.found == []
    assert parser.policy.startswith("default-src 'self'; ")
    assert "unsafe" not in parser.policy
    # a page's own policy cannot say who may frame it
    assert parser.policy + "; frame-ancestors 'none'" == hosting.POLICY


def test_the_languages_say_the_same_sentences_with_the_same_values():
    english = WORDS["words/en.json"]
    listed = re.search(r"LANGUAGES = \{(.*?)\}", TEXTS["words.js"])[1]
    names = [name.strip('"') for name in re.findall(r'(?:^| )("?[\w-]+"?):', listed)]
    assert {f"words/{name}.json" for name in names} == set(WORDS)
    for name, words in WORDS.items():
        assert set(words) == set(english), (name, set(words) ^ set(english))
        for word, text in words.items():
            values = sorted(set(re.findall(r"\{\w+\}", english[word])))
            assert sorted(set(re.findall(r"\{\w+\}", text))) == values, (name, word)
            assert text.strip() == text != "", (name, word)


def test_every_sentence_that_the_page_says_is_there_and_every_one_there_is_said():
    text = "\n".join(SCRIPTS.values())
    said = set(re.findall(r'(?:say|Fault)\(\s*"([\w-]+)"', text))
    known = set(WORDS["words/en.json"])
    assert said - known == set()
    said |= {one for pair in re.findall(r'\? "([\w-]+)" : "([\w-]+)"', text) for one in pair}
    ends = {
        "tab": ["code", "invite", "visit", "phone"],
        "pass": ["good", "soon", "over", "early"],
        "invite": ["good", "early", "over"],
        "class": range(1, 9),
    }
    assert set(re.findall(r"say\(`([\w-]+)-\$", text)) == set(ends)
    said |= {f"{begin}-{end}" for begin, all_ends in ends.items() for end in all_ends}
    said &= known
    assert {f"{begin}-{end}" for begin, all_ends in ends.items() for end in all_ends} <= said
    assert known - said == set()


def test_the_files_stay_small_and_say_what_they_are():
    assert sum(len(file.data) for file in PAGE.values()) < MAX_BYTES
    for name, text in SCRIPTS.items():
        assert text.count("\n") <= SERVED_LINES, name
        assert text.startswith("// "), name
        assert re.search(r"(?i)must\s+(// )?know|knows? no|gates do", text[:400]), name


def test_the_icons_are_what_the_manifest_and_iphones_ask_for():
    stated = json.loads(TEXTS["manifest.webmanifest"])["icons"]
    sizes = {one["src"]: one["sizes"] for one in stated}
    apple = re.search(r'apple-touch-icon" href="([^"]+)"', TEXTS["index.html"])[1]
    assert {one["purpose"] for one in stated if one["type"] == "image/png"} == {"any", "maskable"}
    for name in {*sizes, apple} & {name for name in PAGE if name.endswith(".png")}:
        picture = Image.open(io.BytesIO(PAGE[name].data)).convert("RGBA")
        assert "{}x{}".format(*picture.size) == sizes.get(name, "180x180")
        is_cut_by_the_phone = name == apple or "maskable" in name
        assert (picture.getpixel((0, 0))[3] == 255) is is_cut_by_the_phone, name
    assert apple.endswith(".png")


def test_it_is_served_with_its_kinds_under_a_strict_policy():
    with served() as server:
        for name, file in PAGE.items():
            with urllib.request.urlopen(f"{server.url}{name}?x=1") as answer:
                assert answer.read() == file.data
                assert answer.headers["Content-Type"] == file.kind
                for header, value in hosting.HEADERS.items():
                    assert answer.headers[header] == value
        with urllib.request.urlopen(server.url) as answer:
            assert answer.read() == PAGE["index.html"].data
        head = urllib.request.Request(server.url, method="HEAD")
        with urllib.request.urlopen(head) as answer:
            assert (answer.status, answer.read()) == (200, b"")


@pytest.mark.parametrize("name", ["hosting.py", "../hosting.py", "%2e%2e/README.md", "none"])
def test_nothing_else_is_served(name):
    with served() as server, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(server.url + name)
    assert refused.value.code == 404
    refused.value.close()


def test_a_port_that_is_taken_is_named():
    with (
        served() as server,
        pytest.raises(Unavailable, match=f"port {server.server_port}.*--port"),
    ):
        hosting.Server("127.0.0.1", server.server_port)


def test_it_is_exported_whole_again_and_never_into_a_folder_of_others(tmp_path):
    first = run("wallet", "export", tmp_path / "page")
    again = run("wallet", "export", tmp_path / "page")

    found = {
        path.relative_to(tmp_path / "page").as_posix(): path.read_bytes()
        for path in (tmp_path / "page").rglob("*")
        if path.is_file()
    }
    assert found == {name: file.data for name, file in PAGE.items()}
    assert first.stdout == again.stdout
    assert f"{len(PAGE)} files" in first.stdout
    (tmp_path / "page" / "other.html").write_text("mine")
    with pytest.raises(Refused, match=r"other\.html"):
        run("wallet", "export", tmp_path / "page")


def test_serve_says_where_and_ends_when_interrupted(monkeypatch):
    monkeypatch.setattr(hosting.Server, "serve_forever", _interrupted)
    said = run("wallet", "serve", "--port", "0")
    assert re.search(r"http://localhost:\d+/", said.stdout)
    assert said.exit_code == 0


def test_serve_beyond_this_machine_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(hosting.Server, "serve_forever", _interrupted)
    said = run("wallet", "serve", "--port", "0", "--bind", "0.0.0.0")
    assert "HTTPS" in said.stderr


def _interrupted(self, poll_interval=0.5):
    assert threading.current_thread() is threading.main_thread()
    raise KeyboardInterrupt
