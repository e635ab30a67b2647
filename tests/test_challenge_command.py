"""`yardpass challenge`, and the gate process that it speaks for: a number on a screen, on paper,
and the codes that answer it through the real camera path."""

import io
import json
import os
import pty
import shutil
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.commands import challenge
from appliance.commands.qr_lines import qr_lines, screen, show_qr
from appliance.gate.assembly import open_replica
from appliance.gate.identity import trust_of
from appliance.gate.signboard import Sign
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes import challenge_text, code
from appliance.passes.token import HolderClass
from appliance.settings import FILE_NAME
from appliance.version import BUILD_TIME
from hw.camera.files import picture
from hw.codes import Scanner
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import photograph
from ledger_sync.clock import Reading
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.sources import FolderSource
from ledger_sync.store import Store

COMMAND = (sys.executable, "-c", "from appliance.cli import main; main()")
GATE = "yp:hz07/gate"
LATER = 2**33  # a floor that no clock of our time has reached: every gate below is POOR
PHONE = SigningKey(ED25519, b"phone seed, 32 bytes of no worth")
NOW = BUILD_TIME + 60
NUMBER = bytes.fromhex("0102030405060708")
TEXT = challenge_text.to_text(GATE, NUMBER)
LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def kits(tmp_path_factory):
    """An entry that believes the ledger of its compound and not its own clock; its resident."""
    folder = tmp_path_factory.mktemp("kits")
    office = Office.create(folder / "office", site="yp:hz07", now=BUILD_TIME)
    held = {"klass": HolderClass.RESIDENT, "zones": 1, "days": 300 * 366}
    ann = office.enrol("ann", key=PHONE.public, now=BUILD_TIME, **held)
    post = terminal_kit.Post("in-1", "gate", "in", [0])
    settings = terminal_kit.make(office, folder / "in", post, seed=bytes(32))
    with open_replica(settings) as replica:
        office.authority.publish(office.authority.checkpoint(lambda: NOW), folder / "public")
        mirror = Mirror(replica, pinned=trust_of(settings), now=lambda: NOW)
        mirror.update(FolderSource(folder / "public"))
    with Store(settings.store) as store:
        store.write("UPDATE ledger SET floor = ?", LATER)
    file = folder / "in" / FILE_NAME  # a busy machine must drop no picture
    file.write_text(file.read_text().replace("ms = 1000 ", "ms = 10000"))
    (folder / "in" / "pictures").mkdir(exist_ok=True)
    return folder / "in", ann


@pytest.fixture
def kit(kits, tmp_path, monkeypatch):
    """The folder of the entry, to change; commands run in it."""
    folder = shutil.copytree(kits[0], tmp_path / "in")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def phone(kits):
    """Makes the picture of a code that answers a number."""

    def hold_up(nonce, path, *, form="reference", at=NOW):
        asked = {"audience": GATE, "issued_at": at, "key": PHONE, "nonce": nonce}
        if form == "reference":
            text = code.by_reference(kits[1].handle, **asked)
        else:
            text = code.self_contained(kits[1].token, **asked)
        draft = path.with_suffix(".new.png")
        album.save(photograph(text.decode(), Shot(side=0.5), seed=1), draft)
        draft.rename(path)

    return hold_up


def run(*arguments):
    return CliRunner().invoke(cli.cli, ["challenge", *arguments], catch_exceptions=False)


def clocks(monkeypatch, seconds):
    """The monotonic clock as the command sees it."""
    fake = SimpleNamespace(monotonic_ns=lambda: round(seconds * 10**9), sleep=None)
    monkeypatch.setattr(challenge, "time", fake)
    return fake


def put(folder, text=TEXT, changes=30):
    (folder / "challenge.txt").write_bytes(b"%b\n%d000000000\n" % (text, changes))


# The command by itself.


def test_json_is_the_number_and_for_how_long_it_stands(kit, monkeypatch):
    put(kit)
    clocks(monkeypatch, 17.5)

    said = run("--json")

    assert (said.exit_code, said.stderr) == (0, "")
    assert json.loads(said.stdout) == {"text": TEXT.decode(), "expires_in_seconds": 12.5}


def test_once_shows_the_code_and_ends(kit, monkeypatch):
    put(kit)
    clocks(monkeypatch, 17)

    said = run("--once", "--settings", str(kit / FILE_NAME))

    assert (said.exit_code, said.stdout) == (0, qr_lines(TEXT))


def test_what_is_drawn_is_a_code_that_a_phone_reads(tmp_path):
    import numpy as np

    lines = [line for line in qr_lines(TEXT).splitlines() if "\x1b" in line]
    rows = []
    for line in lines:
        letters = line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m")
        rows.append([letter in "█▀" for letter in letters])
        rows.append([letter in "█▄" for letter in letters])
    light = np.array(rows).repeat(6, axis=0).repeat(6, axis=1)

    assert Scanner().read((light * 255).astype(np.uint8)) == [TEXT]


def test_it_follows_the_number_until_it_is_interrupted(kit, monkeypatch):
    other = challenge_text.to_text(GATE, bytes(8))
    clock = clocks(monkeypatch, 17)
    texts = iter([TEXT, TEXT, other, other])

    def sleep(seconds):
        text = next(texts, None)
        if text is None:
            raise KeyboardInterrupt
        put(kit, text)

    clock.sleep = sleep
    put(kit)

    said = run()

    assert (said.exit_code, said.stdout) == (0, qr_lines(TEXT) + qr_lines(other))


def test_it_ends_with_the_reason_when_the_number_goes(kit, monkeypatch):
    clocks(monkeypatch, 17).sleep = lambda seconds: (kit / "challenge.txt").unlink()
    put(kit)

    with pytest.raises(Unavailable, match="it is not at work here; run: yardpass gate"):
        run()


def test_each_number_is_shown_once_as_long_as_it_stands():
    signs = iter([Sign(b"a", 2), Sign(b"a", 1), Sign(b"b", 3), Sign(b"a", 1)])
    shown, pauses = [], []

    def look():
        found = next(signs, None)
        if found is None:
            raise Unavailable("nothing")
        return found

    with pytest.raises(Unavailable):
        challenge.follow(look, shown.append, pauses.append)

    assert shown == [b"a", b"b", b"a"]
    assert pauses == [challenge.LOOK_SECONDS] * 4


@pytest.mark.parametrize("arguments", [[], ["--once"], ["--json"]])
@pytest.mark.parametrize("left", [None, "old"])
def test_without_a_gate_at_work_there_is_none(kit, monkeypatch, arguments, left):
    if left:
        put(kit)
        clocks(monkeypatch, 61)

    with pytest.raises(Unavailable) as told:
        run(*arguments)

    why = "the gate shows no number: it is not at work here; run: yardpass gate"
    assert str(told.value) == why


def test_a_gate_that_knows_the_time_needs_none(kit, monkeypatch):
    good = Reading(LATER + 5, synchronised=True, error_seconds=1, has_chip=True)
    monkeypatch.setattr(challenge, "system_clock", lambda: lambda: good)

    with pytest.raises(Unavailable) as told:
        run()

    why = "the gate shows no number: this machine knows the time (GOOD), so codes need none"
    assert str(told.value) == why


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_a_printed_number_is_on_the_paper_and_left_for_the_gate(kit, kind):
    said = run("--print", f"gate.{kind}", "--hours", "3")

    assert said.exit_code == 0
    assert said.stdout.startswith(f"gate.{kind}: a number for {GATE}, good for 3 h from when")
    left = kit / "printed-challenge"
    digits, seconds = left.read_text().split()
    assert (len(digits), seconds) == (16, "10800")
    assert stat.S_IMODE(left.stat().st_mode) == 0o640  # for the gate, a user of its own on a box
    assert (kit / f"gate.{kind}").stat().st_size > 100
    if kind == "png":
        (text,) = Scanner().read(picture(kit / "gate.png").luma)
        assert challenge_text.parse(text) == (GATE, bytes.fromhex(digits))


def test_a_printed_number_is_good_for_twelve_hours_unless_told_and_a_new_one_each_time(kit):
    found = []
    for _ in "12":
        run("--print", "gate.png")
        found.append((kit / "printed-challenge").read_text())

    assert [text.split()[1] for text in found] == ["43200"] * 2
    assert found[0] != found[1]


@pytest.mark.parametrize("name", ["gate.txt", "gate", "nowhere/gate.png"])
def test_a_paper_that_cannot_be_printed_leaves_no_number(kit, name):
    with pytest.raises((Refused, Unavailable)):
        run("--print", name)

    assert not (kit / "printed-challenge").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--print", "gate.png", "--hours", "0"],
        ["--print", "gate.png", "--hours", "73"],
        ["--print", "gate.png", "--json"],
        ["--print", "gate.png", "--once"],
    ],
)
def test_wrong_arguments_print_nothing(kit, arguments):
    before = sorted(kit.iterdir())

    assert run(*arguments).exit_code == 2
    assert sorted(kit.iterdir()) == before


def test_a_screen_that_is_gone_is_no_reason_to_stop(monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    show_qr(TEXT)


def test_a_terminal_that_somebody_has_stopped_holds_up_nobody(monkeypatch):
    reader, end = pty.openpty()
    with os.fdopen(end, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with screen() as show:
            for _ in range(50):  # far more than it holds
                show(TEXT)
            shown = os.read(reader, 65_536)
        monkeypatch.undo()
    os.close(reader)

    assert TEXT in shown


def test_what_is_no_terminal_shows_nothing(monkeypatch, tmp_path):
    for stdout in (io.StringIO(), (tmp_path / "log").open("w")):
        monkeypatch.setattr(sys, "stdout", stdout)
        with screen() as show:
            show(TEXT)
        stdout.close()

    assert (tmp_path / "log").read_text() == ""


# The gate as a process.


@contextmanager
def at_work(**options):
    """`yardpass gate` as a process that ends in order, or is killed when it hangs."""
    with subprocess.Popen(
        [*COMMAND, "gate"], stderr=subprocess.PIPE, text=True, **options
    ) as gate:
        limit = threading.Timer(LIMIT_SECONDS, gate.kill)
        limit.start()
        try:
            yield gate
        finally:
            gate.send_signal(signal.SIGTERM)
            rest = gate.stderr.read()
            gate.wait()
            limit.cancel()
    assert (gate.returncode, "Traceback" in rest) == (0, False)


@pytest.mark.long
def test_a_printed_number_and_codes_for_it_go_through_the_camera(kit, phone):
    run("--print", "gate.png")
    nonce = bytes.fromhex((kit / "printed-challenge").read_text().split()[0])
    phone(None, kit / "pictures" / "1.png")
    phone(nonce, kit / "pictures" / "2.png")
    phone(nonce, kit / "pictures" / "3.png", form="self-contained")  # still held up
    phone(nonce, kit / "pictures" / "4.png", at=NOW + 1)

    ended = subprocess.run(
        [*COMMAND, "gate"], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )

    assert (ended.returncode, ended.stdout) == (0, "")
    taken, *lines = ended.stderr.splitlines()
    assert taken == "a printed number is taken for 12 h"
    assert [(" ".join(line.split()[1:4]), "G-CLOCK" in line) for line in lines] == [
        ("GREY guard decides", True),
        ("GREY opens G-CLOCK", True),
    ]
    assert not {"challenge.txt", "printed-challenge"} & {path.name for path in kit.iterdir()}


@pytest.mark.long
def test_the_number_of_a_gate_at_work_is_on_its_terminal_and_answered_before_its_camera(
    kit, phone
):
    settings = kit / FILE_NAME
    settings.write_text(
        settings.read_text().replace('["pictures"]', '["pictures"]\nrepeat = true')
    )
    shown = kit / "pictures" / "1.png"
    phone(None, shown)
    console, end = pty.openpty()
    with at_work(stdout=end) as gate:
        os.close(end)
        first = gate.stderr.readline()
        found = json.loads(run("--json").stdout)
        asked = challenge_text.parse(found["text"].encode())
        phone(asked.nonce, shown)
        opened = next(line for line in gate.stderr if "opens" in line)
        drawn = os.read(console, 65_536).decode(errors="replace")
    os.close(console)

    assert "guard decides" in first and "G-CLOCK" in first
    assert asked.audience == GATE and 0 < found["expires_in_seconds"] <= 30
    assert opened.split()[1:4] == ["GREY", "opens", "G-CLOCK"]
    assert "█" in drawn
    assert not (kit / "challenge.txt").exists()
    with pytest.raises(Unavailable, match="run: yardpass gate"):
        run("--once")
