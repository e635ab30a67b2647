"""`yardpass gate` as a process: pictures in, lines and a signed feed out; starts that fail."""

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from stand import GOOD_TIME

from appliance.gate.assembly import open_terminal
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes import code
from appliance.passes.token import HolderClass
from appliance.settings import FILE_NAME, load
from appliance.version import BUILD_TIME, software
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import empty_scene, photograph
from hw.sim.relay import SimRelay
from ledger_sync import cbor, keyfile, note, store
from ledger_sync.checklog import CheckLog
from ledger_sync.errors import Unavailable
from ledger_sync.feed import check_of
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.merkle import frontier_of
from ledger_sync.store import Store

SEED = b"terminal seed, 32 bytes of noise"
PUBLIC = SigningKey(ED25519, SEED).public.raw
COMMAND = (sys.executable, "-c", "from appliance.cli import main; main()", "gate")
LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def kits(tmp_path_factory):
    """An entry and an exit, with pictures that end the same whatever the clock says."""
    folder = tmp_path_factory.mktemp("kits")
    office = Office.create(folder / "office", site="yp:hz07", now=BUILD_TIME)
    held = {"key": None, "klass": HolderClass.RESIDENT, "zones": 1}
    made = office.enrol("ann", **held, now=BUILD_TIME, days=9)
    texts = ["HTTPS://EXAMPLE.ORG/", "YP1:0000", code.to_text(made.token).decode()]
    for way in ("in", "out"):
        post = terminal_kit.Post(f"{way}-1", "gate", way, [0])
        terminal_kit.make(office, folder / way, post, seed=SEED)
        settings = folder / way / FILE_NAME  # a busy machine must drop no picture
        settings.write_text(settings.read_text().replace("ms = 1000 ", "ms = 10000"))
        (folder / way / "pictures").mkdir(exist_ok=True)
        album.save(empty_scene(seed=9), folder / way / "pictures" / "0.png")
        for number, text in enumerate(texts, start=1):
            picture = photograph(text, Shot(side=0.4), seed=number)
            album.save(picture, folder / way / "pictures" / f"{number}.png")
    return folder


@pytest.fixture
def kit(kits, tmp_path):
    """The folder of an entry, to change."""
    return shutil.copytree(kits / "in", tmp_path / "in")


def run(folder, *arguments):
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def feeds(folder):
    """The entries of every feed in the store, under verified heads over all of them."""
    found = []
    with Store(folder / "store.db") as opened:
        log = CheckLog(opened)
        for origin in log.feeds():
            entries = log.entries(origin)
            size, text = log.heads(origin)[-1]
            signed = note.open_note(text, [note.Verifier(origin, 1, PUBLIC)])
            root = frontier_of(entries).root()
            assert note.checkpoint_of(signed) == note.Checkpoint(origin, len(entries), root)
            assert size == len(entries)
            found.append(entries)
    return found


LINES = """\
■ RED    {}  R-FOREIGN This is not a Yardpass code.  by @
■ RED    {}  R-FORM The code is damaged or made by something else; ask for a fresh one.  by @
■ RED    {}  R-ISSUER The pass was issued by somebody this compound does not know.  by @
""".replace("@", software())


@pytest.mark.long
@pytest.mark.parametrize(("way", "did"), [("in", "stays shut   "), ("out", "opens        ")])
def test_every_picture_of_a_code_is_a_line_and_a_record(kits, tmp_path, way, did):
    folder = shutil.copytree(kits / way, tmp_path / way)

    ended = run(folder)

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == LINES.format(did, did, did)
    ((_opening, *checks),) = feeds(folder)
    reasons = [check_of(entry).reasons for entry in checks]
    assert reasons == [("R-FOREIGN",), ("R-FORM",), ("R-ISSUER",)]


def endless(folder):
    """The same terminal, whose pictures begin again after the last."""
    settings = folder / FILE_NAME
    settings.write_text(
        settings.read_text().replace('["pictures"]', '["pictures"]\nrepeat = true')
    )
    return folder


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_a_signed_head_over_all_checks(kit, number):
    settings = kit / FILE_NAME
    settings.write_text(
        settings.read_text().replace('["pictures"]', '["pictures"]\nrepeat = true')
    )
    with subprocess.Popen(
        [*COMMAND, "--settings", settings], stderr=subprocess.PIPE, text=True
    ) as gate:
        first = gate.stderr.readline()
        gate.send_signal(number)
        rest = gate.stderr.read()
        status = gate.wait(LIMIT_SECONDS)

    assert (status, first) == (0, LINES.format("stays shut   ", "", "").splitlines(True)[0])
    assert "Traceback" not in rest
    ((_opening, *checks),) = feeds(kit)
    assert len(checks) == 1 + len(rest.splitlines())


@pytest.mark.long
def test_a_hangup_that_was_to_be_ignored_stays_ignored(kit):
    with subprocess.Popen(["nohup", *COMMAND], cwd=endless(kit), stderr=subprocess.PIPE) as gate:
        gate.stderr.readline()
        status = Path(f"/proc/{gate.pid}/status").read_text()
        gate.terminate()
        gate.communicate()

    (ignored,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    assert int(ignored, 16) >> signal.SIGHUP - 1 & 1
    assert gate.returncode == 0


def without(name):
    return lambda folder: (folder / name).unlink()


def put(name, text):
    return lambda folder: (folder / name).write_bytes(text)


def readable(folder):
    (folder / "terminal.key").chmod(0o640)


def misspelt(folder):
    settings = folder / FILE_NAME
    text = settings.read_text().replace('"in"', '"inn"').replace('"sim"', '"simm"')
    settings.write_text(text.replace("pulse_ms = 700", "pulse_ms = 0"))


def of_p256(folder):
    (folder / "terminal.key").unlink()
    keyfile.write_key(folder / "terminal.key", SigningKey(ES256, SEED))


MAKE = "make the terminal with: yardpass office terminal"
FAULTS = {
    "no settings": (
        without(FILE_NAME),
        "yardpass: no file site.toml; make one with: yardpass office terminal\n",
    ),
    "three mistakes": (
        misspelt,
        "yardpass: site.toml:10: terminal.direction = 'inn'; accepted: in, out\n"
        "site.toml:30: relay.driver = 'simm'; accepted: relayd, sim\n"
        "site.toml:31: relay.pulse_ms = 0; accepted: a whole number from 50 to 5000\n",
    ),
    "no key": (without("terminal.key"), f"yardpass: no file terminal.key; {MAKE}\n"),
    "key for all": (
        readable,
        "yardpass: terminal.key can be read by others; run: chmod 600 terminal.key\n",
    ),
    "key of noise": (
        put("terminal.key", b"\x00\xff"),
        f"yardpass: terminal.key is not a key file; {MAKE}\n",
    ),
    "key that signs no head": (
        of_p256,
        f"yardpass: terminal.key must be an Ed25519 key to sign heads; {MAKE}\n",
    ),
    "no secret": (without("site.secret"), f"yardpass: no file site.secret; {MAKE}\n"),
    "no policy": (without("genesis.policy"), f"yardpass: no file genesis.policy; {MAKE}\n"),
    "policy of noise": (
        put("genesis.policy", b"noise"),
        f"yardpass: genesis.policy: policy line 1: cannot be read: 'noise'; {MAKE}\n",
    ),
    "no store": (
        without("store.db"),
        "yardpass: no store at store.db; make it with: yardpass office terminal\n",
    ),
    "store of noise": (
        put("store.db", b"noise" * 9_999),
        "yardpass: store store.db is damaged (file is not a database); "
        "keep it for evidence and run: yardpass ledger fsck\n",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_missing_or_wrong_stops_the_start_with_one_sentence(kit, name):
    spoil, sentence = FAULTS[name]
    spoil(kit)
    before = {path.name: path.stat().st_size for path in kit.iterdir()}

    ended = run(kit)

    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", sentence)
    assert {path.name: path.stat().st_size for path in kit.iterdir()} == before


def test_a_camera_without_pictures_stops_the_start_and_signs_off(kit):
    shutil.rmtree(kit / "pictures")

    ended = run(kit)

    assert ended.stderr == "yardpass: 'pictures': No such file or directory; check the path\n"
    assert ended.returncode == 1
    assert [len(entries) for entries in feeds(kit)] == [1]


def started(folder, incarnation=bytes(8), relay=None):
    stated = {"clock": lambda: GOOD_TIME, "incarnation": incarnation, "relay": relay or SimRelay()}
    return open_terminal(load(folder / FILE_NAME), **stated)


def test_each_start_is_a_feed_that_names_the_one_before_it_with_its_size(kit):
    for start in (1, 2, 3):
        with started(kit, bytes([start]) * 8) as terminal:
            for number in range(start):
                terminal.present(b"menu %d" % number)

    openings = [cbor.decode(entries[0]) for entries in feeds(kit)]

    assert openings == [
        [0, PUBLIC, 0, b"", 0, software(), BUILD_TIME],
        [0, PUBLIC, 1, b"\x01" * 8, 2, software(), BUILD_TIME],
        [0, PUBLIC, 2, b"\x02" * 8, 3, software(), BUILD_TIME],
    ]


@contextmanager
def locked(folder):
    other = sqlite3.connect(folder / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


@contextmanager
def full(folder):
    """No file may grow beyond 8 KiB, as if the disk ended there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def misnamed(folder):
    with Store(folder / "store.db") as opened:
        opened.write("INSERT INTO feed VALUES (1, x'', x'', 0, 'a/zz', 0, 0, x'', '', 1, 0, x'')")
    yield


AT_START = {
    locked: "is locked by another process; stop that process .fuser names it. and try again$",
    full: "free disk space or replace the card, then try again$",
    misnamed: "keep it for evidence and run: yardpass ledger fsck$",
}


@pytest.mark.parametrize("trouble", AT_START)
def test_a_store_that_takes_no_new_feed_stops_the_start_and_moves_nothing(
    kit, monkeypatch, trouble
):
    monkeypatch.setattr(store, "BUSY_MS", 0)
    relay = SimRelay()

    with trouble(kit), pytest.raises(Unavailable, match=AT_START[trouble]):
        started(kit, relay=relay).__enter__()

    assert {event.event for event in relay.history} <= {"closed"}
