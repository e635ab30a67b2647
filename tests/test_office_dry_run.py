"""Whatever the office signs or publishes can be rehearsed: it is told exactly, and no byte of the
folder changes. The table below holds every command of the group; a new one must be added."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from compound import key_named
from desk import ORIGIN, POST, run

from appliance.commands.office import office
from appliance.office import rehearsal
from ledger_sync.keys import ES256

CARD = key_named("card", ES256).public.raw.hex()
READS = {
    ("list",): "reads",
    ("issue",): "shows a pass that is there",
    ("cards",): "draws passes that are there",
    ("page",): "draws what is the same for everybody",
    ("rule", "check"): "reads",
    ("rule", "preset"): "prints",
    ("report", "denied"): "reads",
    ("report", "opens"): "reads",
    ("report", "overstays"): "reads",
    ("report", "stale"): "reads",
    ("report", "expiring"): "reads",
    ("report", "visitors"): "reads",
    ("report", "sqlite"): "writes what was asked for, signs nothing",
}
"""Commands that sign nothing and publish nothing, and why."""
ACTS = {
    ("init",): ("--site", "bj01", "--office", "other"),
    ("issuer",): ("guard", "--deny-only"),
    ("terminal",): ("south-1", "--name", "south-1", "--gate", "south", *POST[4:]),
    ("gone",): ("north-1",),
    ("rule", "set"): ("rule.json",),
    ("baseline",): (),
    ("snapshot",): (),
    ("recognise",): ("yardpass/bj01", "--policy", "00" * 32, "--class", "visitor"),
    ("rotate",): (),
    ("publish",): ("public",),
    ("update",): ("v2.raucb", "public", "--url", "https://hz07.example/ledger"),
    ("cosigner",): ("boris", "--name", "boris", "--site", "hz07"),
    ("cosign",): ("anna", "draft", "--genesis", "office/genesis.policy", "--out", "line"),
    ("enrol",): ("Okafor", "--print", "okafor.pdf"),
    ("card",): ("Okafor", CARD),
    ("import",): ("roll.csv",),
    ("revoke",): ("Chen",),
    ("suspend",): ("Chen",),
    ("condition",): ("Chen",),
    ("reinstate",): ("Sue",),
    ("deny",): ("Chen", "note"),
    ("guard",): ("wu", "--pin-file", "pin", "--to", "north-1"),
    ("order",): ("lockdown", "note"),
}
"""Commands with side effects, and an example of each that has one in the folder below."""


def leaves(command=office, path=()):
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves())


@pytest.fixture(scope="module")
def prepared(furnished, tmp_path_factory):
    """An office at which each of the examples changes something."""
    folder = tmp_path_factory.mktemp("rehearsed")
    shutil.copytree(furnished, folder, dirs_exist_ok=True)
    at = Path.cwd()
    os.chdir(folder)
    try:
        run("office", "enrol", "Sue")
        run("office", "suspend", "Sue")
        run("office", "cosigner", "anna", "--name", "anna", "--site", "hz07")
        run("office", "publish", "draft")
        run("office", "publish", "draft", "--draft")
        Path("rule.json").write_text('{"curfew": [{"from": "22:00", "to": "24:00"}]}')
        Path("pin").write_text("314159\n")
        Path("pin").chmod(0o600)
        Path("roll.csv").write_text("resident\nAbe\nBea\n")
        told = b"[update]\ncompatible=yardpass-sim-amd64\nversion=0.1.1-9\n"
        Path("v2.raucb").write_bytes(told + len(told).to_bytes(8, "big"))
    finally:
        os.chdir(at)
    return folder


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Where rehearsals are made: none of another process are there."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(rehearsal, "MEMORY", folder)
    return folder


@pytest.fixture
def there(prepared, memory, tmp_path, monkeypatch):
    folder = tmp_path / "there"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    return folder


def state(folder):
    """Every file and folder with its bytes, its mode and when it was written."""
    return {
        path: (path.lstat().st_mode, path.lstat().st_mtime_ns,
               path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


def test_every_command_of_the_office_is_in_one_of_the_tables():
    assert set(COMMANDS) == READS.keys() | ACTS.keys()
    assert not READS.keys() & ACTS.keys()


@pytest.mark.long
@pytest.mark.parametrize("path", ACTS, ids=" ".join)
def test_a_dry_run_changes_no_byte_of_the_folder_and_the_command_itself_does(there, memory, path):
    assert "--dry-run" in {name for one in COMMANDS[path].params for name in one.opts}
    before = state(there)

    tried = run("office", *path, *ACTS[path], "--dry-run")
    after = state(there)
    done = run("office", *path, *ACTS[path])

    assert (tried.exit_code, done.exit_code) == (0, 0), tried.output + done.output
    assert after == before
    assert state(there) != before
    assert list(memory.iterdir()) == []
    assert "next: " not in tried.output
    assert "YP1:" not in tried.output  # no pass that a gate would take
    assert "\u2014 " not in tried.output  # and no signature


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("enrol",), ["entry 7: pass of Okafor: resident, zones 0, until 20",
                      "write okafor.pdf (new)"]),
        (("revoke",), ["entry 7: Chen: revoked"]),
        (("reinstate",), ["entry 7: Sue: in force"]),
        (("gone",), ["entry 7: terminal north-1: gone"]),
        (("terminal",), ["terminal south-1 at gate south", "write south-1/terminal.key (new)"]),
        (("issuer",), ["issuer guard: may sign deny notes, until", "issuer-guard.key (new)"]),
        (("rotate",), ["policy 2: whom gates believe", "write office/keys/root-3.key (new)"]),
        (("recognise",), ["yardpass/bj01: recognised until 20"]),
        (("publish",), [f"sign a checkpoint of {ORIGIN} over 7 entries: {ORIGIN}, {ORIGIN}/comm",
                        "write public/checkpoint (new)"]),
        (("cosign",), [f"sign a checkpoint of {ORIGIN} over 7 entries: {ORIGIN}/anna",
                       "write line (new)"]),
        (("update",), ["entry 7: file update yardpass-sim-amd64, ", "write public/blob/"]),
        (("order",), ["write note (new)", "say: wrote note, lockdown in all zones"]),
        (("deny",), ["write note (new)"]),
        (("baseline",), ["a whole status list"]),
        (("snapshot",), ["a snapshot of the state after 7 entries", "write office/blobs/"]),
        (("init",), ["entry 0: policy 1", "write other/keys/issuer.key (new)"]),
        (("guard",), ["issuer wu: may sign deny notes, sign orders, open gates by hand, until",
                      "write north-1/guards/wu", "say: guard wu"]),
        (("card",), ["pass of Okafor: resident"]),
        (("import",), ["roll.csv: 2 residents, no faults", "2 resident"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_what_would_be_signed_and_written_is_told(there, path, told):
    said = run("office", *path, *ACTS[path], "--dry-run").stdout

    assert [one for one in told if one not in said] == []


def test_what_is_rehearsed_is_what_is_signed(there):
    told = run("office", "suspend", "Chen", "--dry-run").stdout
    run("office", "suspend", "Chen")
    again = run("office", "suspend", "Chen", "--dry-run").stdout

    assert "sign into the ledger, entry 7: Chen: suspended" in told
    assert "sign into the ledger, entry 8: Chen: suspended" in again


def test_a_dry_run_says_no_as_the_command_would_and_names_the_real_places(there, main):
    Path("rule.json").write_text("no rule")
    for words in (
        ("office", "revoke", "Nobody"),
        ("office", "rule", "set", "rule.json"),
        ("office", "terminal", "north-1", *POST),
        ("office", "init", "--site", "hz07"),
        ("office", "order", "lockdown", "missing/note"),
    ):
        assert main(*words, "--dry-run") == main(*words)


@pytest.mark.long
def test_a_sealed_office_asks_for_the_passphrase_of_the_real_key(there, main, monkeypatch):
    words = there / "words"
    words.write_text("correct horse battery\n")
    words.chmod(0o600)
    monkeypatch.setenv("YARDPASS_PASSPHRASE_FILE", str(words))
    run("office", "init", "--site", "bj01", "--office", "sealed", "--passphrase")
    monkeypatch.delenv("YARDPASS_PASSPHRASE_FILE")

    refused = main("office", "enrol", "Li", "--office", "sealed", "--dry-run")
    monkeypatch.setenv("YARDPASS_PASSPHRASE_FILE", str(words))
    told = main("office", "enrol", "Li", "--office", "sealed", "--dry-run")

    assert refused[:2] == (1, "")
    assert refused[2].startswith("yardpass: sealed/keys/issuer.key is sealed; ")
    assert (told[0], "entry 3: pass of Li" in told[1]) == (0, True)


def test_a_dry_run_waits_for_whoever_writes_the_log(there, main):
    hold = "import fcntl,sys; f=open('office/log.lock','r+'); fcntl.flock(f,2); print(); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other.stdout.readline()
    try:
        exit_code, out, err = main("office", "revoke", "Chen", "--dry-run")
    finally:
        other.communicate("\n")

    assert (exit_code, out) == (1, "")
    assert "another process has the log of office open" in err


def test_a_copy_is_its_owners_only_and_nothing_in_it_leads_to_the_original(there):
    Path("stick").mkdir()
    Path("office/keys/root-1.key").rename("stick/root-1.key")
    Path("office/keys/root-1.key").symlink_to(Path("stick/root-1.key").absolute())

    with rehearsal.rehearsal(Path("office")) as place:
        twin = place.copy(Path("office"))
        assert [path for path in twin.rglob("*") if path.is_symlink()] == []
        assert (twin / "keys/root-1.key").read_bytes() == Path("stick/root-1.key").read_bytes()
        assert {path.stat().st_mode & 0o077 for path in twin.rglob("*.key")} == {0}
        assert place.root.stat().st_mode & 0o777 == 0o700
    assert not place.root.exists()


def test_what_is_no_file_and_the_store_of_a_terminal_are_not_copied(there):
    os.mkfifo("north-1/relay.sock")
    Path("north-1/nowhere").symlink_to("/nowhere")

    with rehearsal.rehearsal(Path("north-1")) as place:
        names = {path.name for path in place.copy(Path("north-1")).iterdir()}

    assert {"site.toml", "terminal.key"} <= names
    assert not names & {"store.db", "relay.sock", "nowhere"}


def test_a_guard_who_is_given_to_a_terminal_again_keeps_the_files_that_are_there(there):
    Path("pins").write_text("271828\n")
    Path("pins").chmod(0o600)
    run("office", "guard", "li", "--pin-file", "pins", "--to", "north-1")
    run("office", "guard", "li", "--end")
    before = state(there)

    run("office", "guard", "li", "--pin-file", "pins", "--to", "north-1", "--dry-run")

    assert state(there) == before


def test_without_room_in_memory_a_dry_run_is_made_where_temporary_files_are(there, monkeypatch):
    monkeypatch.setattr(rehearsal, "MEMORY", Path("/nowhere"))
    monkeypatch.setenv("TMPDIR", str(there))
    monkeypatch.setattr("tempfile.tempdir", None)

    said = run("office", "revoke", "Chen", "--dry-run")

    assert "Chen: revoked" in said.stdout


def test_nowhere_to_rehearse_is_told(there, main, monkeypatch):
    monkeypatch.setattr(rehearsal, "MEMORY", Path("/nowhere"))
    monkeypatch.setattr("tempfile.mkdtemp", _full)

    exit_code, out, err = main("office", "revoke", "Chen", "--dry-run")

    assert (exit_code, out) == (1, "")
    assert "no place for a dry run" in err
    assert "TMPDIR" in err


def _full(**_):
    raise OSError(28, "No space left on device")


def test_a_long_list_is_counted(there):
    said = run("office", "init", "--site", "bj01", "--office", "other", "--dry-run").stdout

    assert "more of that kind" in said
