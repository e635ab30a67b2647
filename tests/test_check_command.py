"""`yardpass check`: any file to a verdict or one clear sentence; nothing is opened or recorded."""

import io
import json
import os
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from appliance import cli
from appliance.commands import check
from appliance.demo.compound import HEARD_AT, POSTS, START, Phone
from appliance.gate.assembly import open_replica
from appliance.gate.identity import trust_of
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes.token import HolderClass
from appliance.version import software
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import photograph
from ledger_sync.clock import Reading
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.sources import FolderSource
from ledger_sync.store import Store

AT = "2026-11-22T08:00:00Z"
SAID = "Resident may come in: all checks hold; ledger 41 s old."
GREEN = f"● GREEN  opens         {SAID}  by {software()}"
FOREIGN = (
    "■ RED    stays shut    R-FOREIGN This is not a Yardpass code; ledger 41 s old."
    f"  by {software()}"
)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """A compound whose entry has loaded the ledger, and the phone of a resident."""
    folder = tmp_path_factory.mktemp("compound")
    made = Office.create(folder / "office", site="yp:hz07", now=START - 86_400)
    key = SigningKey(ED25519, b"phone seed, 32 bytes of no worth")
    resident = HolderClass.RESIDENT
    held = made.enrol("ann", key=key.public, klass=resident, zones=1, now=START - 60, days=9)
    settings = terminal_kit.make(made, folder / "site", POSTS[0], seed=bytes(32))
    with open_replica(settings) as replica:
        made.authority.publish(made.authority.checkpoint(lambda: HEARD_AT), folder / "public")
        mirror = Mirror(replica, pinned=trust_of(settings), now=lambda: HEARD_AT)
        mirror.update(FolderSource(folder / "public"))
    return folder, Phone(key, held, made.site)


@pytest.fixture(scope="module")
def album_of_codes(office, tmp_path_factory):
    folder = tmp_path_factory.mktemp("album")
    text = office[1].self_contained(START).decode()
    picture = photograph(text, Shot(side=0.5), seed=1)
    album.save(picture, folder / "code.png")
    Image.fromarray(picture).save(folder / "code.JPG", format="JPEG", quality=95)
    (folder / "code.txt").write_text(text + "\n")
    (folder / "code").write_text(f" {text}\r\n")
    (folder / "menu.txt").write_text("https://example.org/menu")
    album.save(np.full((200, 200), 200, np.uint8), folder / "wall.png")
    return folder


@pytest.fixture
def site(office, tmp_path):
    return shutil.copytree(office[0] / "site", tmp_path / "site")


@pytest.fixture
def yardpass(site, album_of_codes, tmp_path, monkeypatch, capsys):
    """Runs the command as a user does, beside copies of the pictures; its code and its words."""
    shutil.copytree(album_of_codes, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YARDPASS_SITE", str(site))

    def run(*arguments, at=AT):
        moment = ("--at", at) if at else ()
        monkeypatch.setattr(sys, "argv", ["yardpass", "check", *moment, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["code.png", "code.JPG", "code.txt", "code"])
def test_a_code_that_would_open_is_told_and_exits_0(yardpass, name):
    assert yardpass(name) == (0, f"{name}: {GREEN}\n", "")


def test_a_code_that_would_not_open_is_told_and_exits_1(yardpass):
    assert yardpass("menu.txt") == (1, f"menu.txt: {FOREIGN}\n", "")


def test_a_text_may_come_from_stdin(yardpass, album_of_codes, monkeypatch):
    text = io.TextIOWrapper(io.BytesIO((album_of_codes / "code.txt").read_bytes()))
    monkeypatch.setattr(sys, "stdin", text)

    assert yardpass("-") == (0, f"-: {GREEN}\n", "")


def test_an_endless_stdin_is_read_to_a_bound(yardpass, monkeypatch):
    endless = io.TextIOWrapper(io.BytesIO(b"YP1:" + b"0" * 1_000_000))
    monkeypatch.setattr(sys, "stdin", endless)

    status, out, _ = yardpass("-")

    assert (status, "R-FORM" in out) == (1, True)
    assert endless.buffer.tell() == check.MAX_TEXT + 1


def test_several_files_are_several_lines_and_one_that_stays_shut_makes_it_1(yardpass):
    assert yardpass("code.png", "menu.txt", "code.txt") == (
        1,
        f"code.png: {GREEN}\nmenu.txt: {FOREIGN}\ncode.txt: {GREEN}\n",
        "",
    )


def test_a_picture_without_a_code_is_told_with_what_to_try(yardpass):
    told = "wall.png: no code found; try a sharper, larger or brighter picture\n"

    assert yardpass("wall.png") == (1, told, "")


def test_json_is_one_document_and_nothing_else(yardpass, office):
    status, out, err = yardpass("--json", "code.png", "menu.txt", "wall.png", "absent.png")

    opens, shut, empty, absent = json.loads(out)["checks"]
    assert (status, err) == (1, "")
    assert opens == {
        "file": "code.png",
        "verdict": "GREEN",
        "action": "OPEN",
        "reasons": [],
        "guard": [],
        "person": [],
        "at": START,
        "verified": {
            "form": "self-contained code",
            "class": "resident",
            "assurance": "software_key",
            "zones": [0],
            "issued_at": START - 60,
            "expires_at": START - 60 + 9 * 86_400,
            "code_at": START,
        },
        "ledger_age_seconds": 41,
        "clock": "GOOD",
        "software": software(),
        "sentence": SAID,
        "line": f"code.png: {GREEN}",
    }
    assert (shut["verdict"], shut["reasons"]) == ("RED", ["R-FOREIGN"])
    assert (empty["verdict"], empty["action"]) == (None, None)
    assert absent["fault"] == "'absent.png': No such file or directory; check the path"


def png(width, height):
    """A picture that says how large it is and ends before its pixels."""
    parts = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"IDATxx")
    sized = [struct.pack(">I", len(part) - 4) + part for part in parts]
    sums = [struct.pack(">I", zlib.crc32(part)) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(bytes.__add__, sized, sums))


SPOILT = {
    "garbage.png": (b"\x00garbage" * 99, "'garbage.png' is not a picture; give a PNG, JPEG"),
    "empty.png": (b"", "'empty.png' is empty; take the picture again"),
    "bomb.png": (png(60_000, 60_000), "'bomb.png' has more than 25000000 pixels; make it smaller"),
    "headless.png": (png(100, 100), "'headless.png' cannot be decoded"),
    "long.txt": (b"YP1:" + b"0" * 1_024, "long.txt is longer than 1024 bytes"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_file_that_cannot_be_used_is_one_sentence_and_exits_1(yardpass, tmp_path, name):
    data, sentence = SPOILT[name]
    (tmp_path / name).write_bytes(data)

    status, out, err = yardpass(name)

    assert (status, out) == (1, "")
    assert err.startswith(f"yardpass: {sentence}") and err.count("\n") == 1


def test_a_truncated_jpeg_is_refused_and_the_other_files_are_judged(yardpass, tmp_path):
    jpeg = (tmp_path / "code.JPG").read_bytes()
    (tmp_path / "half.jpeg").write_bytes(jpeg[: len(jpeg) // 2])

    status, out, err = yardpass("half.jpeg", "code.txt")

    assert (status, out) == (1, f"code.txt: {GREEN}\n")
    assert err.startswith("yardpass: 'half.jpeg' cannot be decoded")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.txt", "no file absent.txt; give an existing file"),
        ("absent.png", "'absent.png': No such file or directory; check the path"),
        ("site", "no file site; give an existing file"),
    ],
)
def test_a_file_that_is_not_there_is_one_sentence_and_exits_1(yardpass, name, sentence):
    assert yardpass(name) == (1, "", f"yardpass: {sentence}\n")


def test_a_file_name_that_is_no_text_is_shown_all_the_same(yardpass, tmp_path):
    name = os.fsdecode(b"code-\xff.txt")
    shutil.copy(tmp_path / "code.txt", tmp_path / name)

    assert yardpass(name) == (0, f"code-\ufffd.txt: {GREEN}\n", "")
    status, out, _ = yardpass("--json", name)
    assert (status, json.loads(out)["checks"][0]["file"]) == (0, "code-\ufffd.txt")


@pytest.mark.parametrize("at", ["yesterday", "2026-11-22T25:00:00Z", "1795334400", " "])
def test_a_malformed_time_is_misuse(yardpass, at):
    status, out, err = yardpass("code.txt", at=at)

    assert (status, out) == (2, "")
    assert err.endswith(f"Error: --at {at!r} is not an ISO 8601 time\n")


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-11-22T09:00:00+01:00", "all checks hold"),
        ("2026-11-22T08:00:00", "all checks hold"),
        ("2026-11-22T08:00:21Z", "R-STALE"),
        ("2026-11-22T07:59:54Z", "R-FUTURE"),
        ("2026-11-22", "R-BEGIN"),
        ("0001-01-01T00:00:00Z", "R-BEGIN"),
        ("9999-12-31T23:59:59Z", "R-EXP"),
    ],
)
def test_the_code_is_judged_as_of_the_time_that_is_given(yardpass, at, reason):
    assert reason in yardpass("code.txt", at=at)[1]


def test_without_a_time_the_clock_of_this_machine_counts(yardpass, monkeypatch):
    reading = Reading(START + 3_600, synchronised=False, error_seconds=16, has_chip=False)
    monkeypatch.setattr(check, "system_clock", lambda: lambda: reading)
    monkeypatch.setattr(check.time, "time", lambda: float(START + 3_600))

    status, out, _ = yardpass("--json", "code.txt", at="")
    as_if_set = yardpass("--json", "code.txt", at="now")[1]

    (found,), (trusted,) = json.loads(out)["checks"], json.loads(as_if_set)["checks"]
    assert (status, found["at"], found["clock"]) == (1, START + 3_600, "POOR")
    assert "G-CLOCK" in found["reasons"]
    assert (trusted["at"], trusted["clock"]) == (START + 3_600, "GOOD")
    assert trusted["reasons"] == ["R-STALE"]


def test_no_file_is_misuse(yardpass):
    status, out, err = yardpass()

    assert (status, out) == (2, "")
    assert "Missing argument 'FILES...'" in err


def test_a_missing_site_says_how_one_is_made(yardpass, tmp_path):
    made = "make one with: yardpass office terminal"

    assert yardpass("--site", "nowhere", "code.txt") == (
        1,
        "",
        f"yardpass: no file nowhere/site.toml; {made}\n",
    )


def test_a_terminal_without_a_ledger_says_so(yardpass, site):
    with Store(site / "store.db") as store:
        store.write("UPDATE ledger SET quorum_time = 0")

    assert "; no ledger." in yardpass("code.txt")[1]


def test_nothing_is_recorded_or_changed(yardpass, site):
    before = {path.name: path.read_bytes() for path in site.iterdir() if path.is_file()}

    yardpass("code.png", "code.txt", "menu.txt", "absent.png")

    after = {path.name: path.read_bytes() for path in site.iterdir() if path.is_file()}
    assert after == before
