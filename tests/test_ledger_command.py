"""`yardpass ledger`, and the entry of the command line: what is refused changes nothing."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import click
import pytest
from compound import key_named

from appliance import settings
from appliance.gate.assembly import open_replica
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes.token import HolderClass
from appliance.version import BUILD_TIME
from ledger_sync import entries
from ledger_sync.accept import MAGIC, join, split
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.errors import Unavailable

NOW = BUILD_TIME + 86_400
SITE = "yp:hz07"
ORIGIN = "yardpass/hz07"
POST = terminal_kit.Post("north-1", "north", "in", [0])
MANY = 50_000
YARDPASS = Path(sys.executable).with_name("yardpass")


@pytest.fixture(scope="module")
def compound(tmp_path_factory):
    """A terminal, and ledger files of its own office and of others, to be copied."""
    folder = tmp_path_factory.mktemp("compound")
    office = Office.create(folder / "office", site=SITE, now=NOW)
    terminal_kit.make(office, folder / "north-1", POST, seed=bytes(32))
    (folder / "old.bin").write_bytes(office.publish(now=NOW))
    copy = Office.open(shutil.copytree(folder / "office", folder / "copy"))
    for name, one in {"new.bin": office, "fork.bin": copy}.items():
        enrol(one, "Chen")
        (folder / name).write_bytes(one.publish(now=NOW + 60))
    for name, site in {"other.bin": "yp:bj01", "imposter.bin": SITE}.items():
        other = Office.create(folder / name.removesuffix(".bin"), site=site, now=NOW)
        (folder / name).write_bytes(other.publish(now=NOW))
    return folder


@pytest.fixture
def yard(compound, tmp_path, monkeypatch):
    shutil.copytree(compound, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW + 101)
    return tmp_path


def enrol(office, name):
    key = key_named(name).public
    return office.enrol(name, key=key, klass=HolderClass.RESIDENT, zones=1, now=NOW, days=30)


def held():
    """Everything the terminal's store holds."""
    with closing(sqlite3.connect("north-1/store.db")) as db:
        return list(db.iterdump())


def flipped(at):
    """The new ledger with one bit turned, at this part of its length."""
    data = bytearray(Path("new.bin").read_bytes())
    data[int(at * len(data))] ^= 1
    return bytes(data)


def test_a_ledger_is_imported_and_the_status_says_how_much_and_how_old(yard, main):
    imported = main("ledger", "import", "new.bin", "--site", "north-1")
    status, said, why = main("ledger", "status", "--site", "north-1", "--json")

    assert imported[:2] == (0, f"{ORIGIN}: 3 entries, 3 new\n")
    assert (status, why) == (0, "")
    found = json.loads(said)
    assert len(bytes.fromhex(found.pop("root"))) == 32
    assert found == {"origin": ORIGIN, "size": 3, "passes": 1, "age_seconds": 41}
    said = main("ledger", "status", "--site", "north-1")
    assert said == (0, f"{ORIGIN}: 3 entries, 1 passes, 41 s old\n", "")


def test_a_new_terminal_says_that_it_has_accepted_nothing(yard, main):
    said = main("ledger", "status", "--site", "north-1")
    found = json.loads(main("ledger", "status", "--site", "north-1", "--json")[1])

    assert said == (0, f"{ORIGIN}: 0 entries, 0 passes, nothing accepted yet\n", "")
    assert (found["size"], found["age_seconds"]) == (0, None)


def test_importing_a_file_again_changes_nothing_but_the_version(yard, main):
    main("ledger", "import", "new.bin", "--site", "north-1")
    before = held()

    said = main("ledger", "import", "new.bin", "--site", "north-1")

    assert said[:2] == (0, f"{ORIGIN}: 3 entries, 0 new\n")
    changed = [line for line in held() if line not in before]
    assert [line.split(" VALUES")[0] for line in changed] == ['INSERT INTO "ledger"']


def test_a_newer_ledger_adds_only_what_is_new(yard, main):
    main("ledger", "import", "old.bin", "--site", "north-1")

    said = main("ledger", "import", "new.bin", "--site", "north-1")

    assert said[:2] == (0, f"{ORIGIN}: 3 entries, 1 new\n")


def without_last():
    note, bodies = split(Path("new.bin").read_bytes())
    return join(note, list(bodies)[:-1])


REFUSED = {
    "empty": (lambda: b"", "not a Yardpass ledger file"),
    "picture": (lambda: b"\x89PNG\r\n", "not a Yardpass ledger file"),
    "magic only": (lambda: MAGIC, "ends early"),
    "cut short": (lambda: Path("new.bin").read_bytes()[:-1], "ends early"),
    "cut at an entry": (without_last, "2 entries, the checkpoint says 3"),
    "bit of the note": (lambda: flipped(0.1), ""),
    "bit of a signature": (lambda: flipped(0.2), ""),
    "bit of an entry": (lambda: flipped(0.9), "do not hash to the signed root"),
    "other site": (lambda: Path("other.bin").read_bytes(), "no known key signed"),
    "same name": (lambda: Path("imposter.bin").read_bytes(), "no known key signed"),
    "rolled back": (lambda: Path("old.bin").read_bytes(), "2 entries, 3 were accepted before"),
    "two histories": (lambda: Path("fork.bin").read_bytes(), "two histories"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_file_changes_nothing_and_is_named_with_its_fault(yard, main, name):
    make, fault = REFUSED[name]
    Path("bad.bin").write_bytes(make())
    main("ledger", "import", "new.bin", "--site", "north-1")
    before = held()

    status, said, why = main("ledger", "import", "bad.bin", "--site", "north-1")

    assert (status, said) == (1, "")
    assert why.splitlines()[-1].startswith("yardpass: bad.bin: ")
    assert fault in why
    assert why.endswith(f"; {ORIGIN} stays at 3 entries\n")
    assert held() == before


def test_a_missing_ledger_file_is_named_with_the_command_that_makes_it(yard, main):
    said = main("ledger", "import", "none.bin", "--site", "north-1")

    assert said == (1, "", "yardpass: no file none.bin; make one with: yardpass office publish\n")


@pytest.mark.parametrize("command", [["import", "new.bin"], ["status"]])
def test_a_folder_that_is_no_terminal_is_named_with_the_next_step(yard, main, command):
    status, said, why = main("ledger", *command)

    assert (status, said) == (1, "")
    assert why == "yardpass: no file site.toml; make one with: yardpass office terminal\n"


def test_many_passes_are_imported_with_a_bar_on_a_terminal(yard):
    number, key = int.to_bytes, key_named("many").public
    issued = (1, 1, 1, NOW, NOW + 9, key)
    with closing(Sequencer(Path("office/book.db"), origin=ORIGIN)) as book:
        book.add(
            entries.Pass(number(n, 8, "big"), bytes(8), f"s{n}", "yp:hz07/s/1", n, *issued)
            for n in range(MANY)
        )
    Path("many.bin").write_bytes(Office.open(Path("office")).publish(now=NOW))

    ours, theirs = os.openpty()
    command = [YARDPASS, "ledger", "import", "many.bin", "--site", "north-1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how the end of a terminal reads
            while data := os.read(ours, 4_096):
                shown += data
        said = process.stdout.read()
    os.close(ours)

    assert (process.returncode, said) == (0, f"{ORIGIN}: {MANY + 3} entries, {MANY + 3} new\n")
    assert all(word in shown for word in (b"verifying many.bin", b"Applying", b"100%"))
    with open_replica(settings.load(Path("north-1/site.toml"))) as replica:
        assert replica.pass_count() == MANY + 1


def test_an_export_is_the_file_that_was_imported(yard, main):
    refused = main("ledger", "export", "out.bin", "--site", "north-1")
    main("ledger", "import", "new.bin", "--site", "north-1")

    said = main("ledger", "export", "out.bin", "--site", "north-1")

    assert refused == (1, "", f"yardpass: {ORIGIN} has accepted no ledger yet\n")
    assert said == (0, f"wrote out.bin, 3 entries of {ORIGIN}\n", "")
    assert Path("out.bin").read_bytes() == Path("new.bin").read_bytes()


def test_verify_judges_a_file_from_nothing_and_changes_nothing(yard, main):
    main("ledger", "import", "new.bin", "--site", "north-1")
    Path("bad.bin").write_bytes(flipped(0.9))
    before = held()

    good, bad = (main("ledger", "verify", f"{n}.bin", "--site", "north-1") for n in ("old", "bad"))

    assert (good[0], good[2]) == (0, "")
    assert good[1].startswith(f"old.bin: {ORIGIN}, 2 entries, root ")
    assert bad == (1, "", "yardpass: bad.bin: the entries do not hash to the signed root\n")
    assert held() == before


def test_fsck_exits_with_one_on_damage_and_says_where(yard, main):
    main("ledger", "import", "new.bin", "--site", "north-1")
    sound = [main("ledger", "fsck", "--site", "north-1", *more) for more in ([], ["--json"])]
    with closing(sqlite3.connect("north-1/store.db", isolation_level=None)) as db:
        db.execute("UPDATE ledger_entry SET body = x'00' WHERE seq = 1")

    text, document = (main("ledger", "fsck", "--site", "north-1", *m) for m in ([], ["--json"]))

    assert sound[0] == (0, "north-1/store.db: sound\n", "")
    assert json.loads(sound[1][1]) == {"ok": True, "findings": []}
    assert (text[0], document[0], document[2]) == (1, 1, "")
    assert json.loads(document[1]) == {"ok": False, "findings": text[1].splitlines()}
    assert "keep the store for evidence" in text[2]


# The entry point itself.


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupted_command_says_stopped_and_exits_with_one(main, monkeypatch, error):
    def interrupted(path):
        raise error

    monkeypatch.setattr("appliance.commands.ledger.load", interrupted)

    status, said, why = main("ledger", "status")

    assert (status, said, why.strip()) == (1, "", "stopped")


def test_a_fault_of_a_device_is_one_sentence(main, monkeypatch):
    def gone(path):
        raise Unavailable("the disk is gone; replace it")

    monkeypatch.setattr("appliance.commands.ledger.load", gone)

    assert main("ledger", "status") == (1, "", "yardpass: the disk is gone; replace it\n")


def test_a_reader_that_hangs_up_ends_the_command_without_a_trace():
    ours, theirs = os.pipe()
    os.close(ours)

    done = subprocess.run(
        [YARDPASS, "--help"], stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(theirs)

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_console_that_knows_no_such_letter_gets_its_number(yard):
    key = key_named("x").public
    office = Office.open(Path("office"))
    office.enrol("李", key=key, klass=HolderClass.RESIDENT, zones=1, now=NOW, days=1)

    done = subprocess.run(
        [YARDPASS, "office", "list"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert b"\\u674e " in done.stdout
