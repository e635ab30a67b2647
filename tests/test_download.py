"""A file by its hash from a web server: in pieces, on from where it stopped, trusting nobody."""

import hashlib
import os
import resource
import signal
from http.server import BaseHTTPRequestHandler

import pytest
import webserver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_sync import download
from ledger_sync.download import Download, Wanted
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.web import Web

DATA = bytes(range(256)) * 400 + b"the end"
SHA256 = hashlib.sha256(DATA).digest()
PATH = f"blob/{SHA256.hex()}"


class Ranged(BaseHTTPRequestHandler):
    """Gives parts of `server.data`; `server.lies` changes an answer: (status, range, bytes)."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        data, asked = self.server.data, self.headers["Range"].removeprefix("bytes=")
        start, stop = (int(one) for one in asked.split("-"))
        part = data[start : stop + 1]
        answer = (206, f"bytes {start}-{start + len(part) - 1}/{len(data)}", part)
        status, shown, body = self.server.lies(answer) if self.server.lies else answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(part)))
        if shown:
            self.send_header("Content-Range", shown)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "RANGE", 30_000)
    monkeypatch.setattr(download, "SPARE", 0)
    with webserver.serving(Ranged) as made:
        made.data, made.lies = DATA, None
        yield made


def of(folder):
    web = Web(timeout_seconds=5, total_seconds=20)
    return Download(folder / "u.raucb", Wanted(SHA256, len(DATA), PATH), web=web)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_in_pieces_and_has_its_name_only_when_it_is_whole(server, tmp_path):
    told = []

    def progress(done, total):
        told.append((done, total, names(tmp_path)))

    made = of(tmp_path).run([f"{server.url}/ledger"], progress)

    part = [".u.raucb.part"]
    assert (made.read_bytes(), names(tmp_path)) == (DATA, ["u.raucb"])
    assert told == [(at, len(DATA), part) for at in (30_000, 60_000, 90_000, len(DATA))]
    assert server.asked == [
        (f"/ledger/{PATH}", f"bytes={at}-{min(at + 30_000, len(DATA)) - 1}")
        for at in (0, 30_000, 60_000, 90_000)
    ]
    assert made.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("cut", [0, 1, 7_000, 29_999])
def test_what_was_cut_off_goes_on_where_it_stopped(server, tmp_path, cut):
    count = iter(range(9))

    def lies(answer):
        status, shown, body = answer
        return status, shown, body[:cut] if next(count) == 1 else body

    server.lies = lies
    with pytest.raises(Unavailable, match="goes on from there"):
        of(tmp_path).run([server.url])
    held = (tmp_path / ".u.raucb.part").stat().st_size
    asked_before = len(server.asked)

    assert of(tmp_path).run([server.url]).read_bytes() == DATA
    assert held == 30_000 + cut
    assert server.asked[asked_before][1].startswith(f"bytes={held}-")


def test_a_server_that_gives_whole_files_alone_is_read_on_from_where_it_stopped(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(download, "SPARE", 0)
    (tmp_path / "site" / "blob").mkdir(parents=True)
    (tmp_path / "site" / PATH).write_bytes(DATA)
    (tmp_path / "at").mkdir()
    (tmp_path / "at" / ".u.raucb.part").write_bytes(DATA[:50_000])

    with webserver.publishing(tmp_path / "site") as plain:
        assert of(tmp_path / "at").run([plain.url]).read_bytes() == DATA


WRONG = {
    "another part": (lambda one: (206, "bytes 9-19/102407", one[2]), "another part"),
    "no range": (lambda one: (206, "", one[2]), "another part"),
    "a range of words": (lambda one: (206, "bytes all", one[2]), "another part"),
    "another length": (lambda one: (206, one[1].replace("102407", "102408"), one[2]), "102408"),
    "nobody": (lambda one: (404, "", one[2]), "is it published there"),
    "busy": (lambda one: (503, "", one[2]), "try again later"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_answer_that_does_not_fit_is_refused_and_the_next_address_asked(server, tmp_path, case):
    lies, told = WRONG[case]
    server.lies = lies
    with pytest.raises(Unavailable, match=told):
        of(tmp_path).run([server.url])
    count = iter(range(99))
    server.lies = lambda one: lies(one) if next(count) == 0 else one

    assert of(tmp_path).run([server.url, f"{server.url}/second"]).read_bytes() == DATA


def test_another_file_is_thrown_away_whole(server, tmp_path):
    server.data = DATA[:-1] + b"!"

    with pytest.raises(Refused, match="not the file that the ledger names"):
        of(tmp_path).run([server.url])
    assert names(tmp_path) == []


def test_a_server_that_sends_without_end_is_heard_no_longer_than_was_asked(server, tmp_path):
    server.lies = lambda one: (one[0], one[1], one[2] + b"x" * 200_000)

    assert of(tmp_path).run([server.url]).read_bytes() == DATA


def test_without_room_nothing_is_asked_for(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SPARE", 1 << 60)

    with pytest.raises(Unavailable, match="no room"):
        of(tmp_path).run([server.url])
    assert server.asked == []


@pytest.mark.parametrize("places", [[], ["file:///etc/passwd"], ["ftp://x"], ["no address"]])
def test_what_is_no_web_address_is_not_opened(tmp_path, places, monkeypatch):
    monkeypatch.setattr(download, "SPARE", 0)

    with pytest.raises(Unavailable, match=r"no web address|no address for it"):
        of(tmp_path).run(places)
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_is_no_fault_of_the_server(server, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(Unavailable, match=r"cannot be written .File too large.; free disk"):
            of(tmp_path).run([server.url])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)

    assert of(tmp_path).run([server.url]).read_bytes() == DATA


def test_a_folder_that_takes_no_write_says_so(server, tmp_path):
    (tmp_path / ".u.raucb.part").mkdir()

    with pytest.raises(Unavailable, match="cannot be written"):
        of(tmp_path).run([server.url])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 30_000), max_size=6))
def test_wherever_it_is_cut_the_whole_file_comes_in_the_end(server, tmp_path, cuts):
    # Invariant: after the cuts the file is that of the hash, and nothing lies beside it.
    left = list(cuts)
    server.lies = lambda one: (one[0], one[1], one[2][: left.pop()] if left else one[2])
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()

    for _ in range(len(cuts) + 1):
        try:
            made = of(folder).run([server.url])
        except Unavailable:
            continue
        break

    assert (made.read_bytes(), names(folder)) == (DATA, ["u.raucb"])
