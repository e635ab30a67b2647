"""The office at its command line: the whole way to a judged print, and every way to be refused."""

import json
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from compound import key_named

from appliance import cli
from appliance.office import terminal_kit
from appliance.passes import code, token
from appliance.version import BUILD_TIME
from hw.camera.files import picture
from hw.codes import Scanner
from ledger_sync import base45, cbor
from ledger_sync.errors import Unavailable
from ledger_sync.keys import ED25519, ES256

NOW = BUILD_TIME + 86_400
POST = ["--name", "north-1", "--gate", "north", "--camera", "files", "--relay", "sim"]
YARDPASS = Path(sys.executable).with_name("yardpass")
LOST = {
    "office.toml": (["office", "list"], "make an office with: yardpass office init"),
    "residents.db": (["office", "enrol", "Okafor"], "restore the newest copy of the office"),
    "book.db": (["office", "enrol", "Okafor"], "restore the newest copy of the office"),
    "keys/issuer.key": (["office", "enrol", "Okafor"], "restore the newest copy of the office"),
    "site.secret": (["office", "terminal", "new", *POST], "restore the newest copy of the office"),
    "policy.txt": (["office", "terminal", "new", *POST], "restore the newest copy of the office"),
    "keys/log.key": (["office", "publish", "new"], "restore the newest copy of the office"),
}


def run(*arguments, **options):
    """What a command says and how it exits; what it raises comes through."""
    texts = [str(one) for one in arguments]
    return CliRunner().invoke(cli.cli, texts, catch_exceptions=False, **options)


@pytest.fixture(scope="module")
def compound(tmp_path_factory):
    """An office with one resident, and a terminal of it, to be copied."""
    folder = tmp_path_factory.mktemp("compound")
    office = ("--office", folder / "office")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        run("office", "init", "--site", "HZ07", *office)
        run("office", "enrol", "Chen", *office)
        run("office", "terminal", folder / "north-1", *POST, *office)
    return folder


@pytest.fixture
def yard(compound, tmp_path, monkeypatch):
    """The folder the user stands in, at `NOW`."""
    shutil.copytree(compound, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW)
    return tmp_path


def at(moment):
    return datetime.fromtimestamp(moment, UTC).isoformat()


def judged(*arguments):
    found = json.loads(run("check", *arguments, "--site", "north-1", "--json").stdout)["checks"]
    return [" ".join((one["verdict"], one["action"], *one["reasons"])) for one in found]


def loaded():
    run("office", "publish", "ledger.bin")
    run("ledger", "import", "ledger.bin", "--site", "north-1")


def failing(*_):
    raise Unavailable("the disk is full; free disk space")


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_printed_pass_goes_the_whole_way_from_init_to_green(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW)

    steps = [
        run("office", "init", "--site", "hz07"),
        run("office", "enrol", "Chen, flat 40", "--print", "chen.png"),
        run("office", "terminal", "north-1", *POST),
        run("office", "publish", "ledger.bin"),
        run("ledger", "import", "ledger.bin", "--site", "north-1"),
        run("ledger", "status", "--site", "north-1"),
        run("check", "chen.png", "--site", "north-1", "--at", at(NOW)),
    ]

    assert [step.exit_code for step in steps] == [0] * 7
    assert [bool(re.search("(?m)(^|; )next: ", step.output)) for step in steps[:4]] == [True] * 4
    assert steps[5].stdout == "yardpass/hz07: 3 entries, 1 passes, 0 s old\n"
    assert steps[6].stdout.startswith("chen.png: ● GREEN")
    scanner = Scanner()
    assert scanner.read(picture("chen.png").luma) == [steps[1].stdout.strip().encode()]
    scanner.close()


def test_a_phone_goes_the_whole_way_through_processes_of_its_own(tmp_path):
    def yardpass(*arguments, **options):
        command = [YARDPASS, *arguments]
        options |= {"cwd": tmp_path, "capture_output": True, "timeout": 60}
        return subprocess.run(command, check=True, **options).stdout

    phone = key_named("phone", ES256)
    (tmp_path / "phone").write_text(cbor.encode(phone.public.to_cose()).hex() + "\n")
    yardpass("office", "init", "--site", "hz07")
    text = yardpass("office", "enrol", "Chen", "--key", "phone", "--print", "chen.svg").strip()
    held = base45.decode(text.decode().removeprefix("YP1:"))
    (resident,) = json.loads(yardpass("office", "list", "--json"))
    since = resident["expires_at"] - 30 * 86_400
    yardpass("office", "terminal", "north-1", *POST)
    yardpass("office", "publish", "ledger.bin")
    yardpass("ledger", "import", "ledger.bin", "--site", "north-1")
    shown = code.by_reference(
        token.handle_of(held), audience="yp:hz07", issued_at=since, key=phone
    )

    found = yardpass("check", "-", "--site", "north-1", "--at", at(since), "--json", input=shown)

    (one,) = json.loads(found)["checks"]
    assert (one["verdict"], one["action"], one["reasons"]) == ("GREEN", "OPEN", [])
    assert one["verified"]["assurance"] == "software_key"


@pytest.mark.parametrize("alg", [ED25519, ES256])
@pytest.mark.parametrize("spelling", [bytes, lambda raw: raw.hex().upper().encode() + b"\r\n"])
def test_a_holder_key_may_be_bytes_or_hex(yard, alg, spelling):
    key = key_named("phone", alg)
    Path("phone").write_bytes(spelling(cbor.encode(key.public.to_cose())))

    held = base45.decode(run("office", "enrol", "Okafor", "--key", "phone").stdout[4:].strip())

    shown = code.by_reference(token.handle_of(held), audience="yp:hz07", issued_at=NOW, key=key)
    Path("shown.txt").write_bytes(shown)
    loaded()
    assert judged("shown.txt", "--at", at(NOW)) == ["GREEN OPEN"]


@pytest.mark.parametrize("status", ["revoke", "suspend", "condition"])
def test_a_status_is_counted_listed_and_taken_back(yard, status):
    run("office", "enrol", "Chen")

    said = run("office", status, "Chen").stdout
    listed = [row["status"] for row in json.loads(run("office", "list", "--json").stdout)]
    words = run("office", "list").stdout

    assert said == f"{status}: 2 pass(es) of Chen; next: yardpass office publish\n"
    assert listed == [{"revoke": 1, "suspend": 2, "condition": 3}[status]] * 2
    assert words.count({"revoke": "revoked", "suspend": "suspended"}.get(status, status)) == 2
    if status != "revoke":
        assert run("office", "reinstate", "Chen").exit_code == 0
        assert run("office", "list").stdout.count("in force") == 2


def test_a_rule_reaches_the_gate_and_one_with_faults_lists_them_all(yard, main):
    Path("pass.txt").write_text(run("office", "enrol", "Okafor").stdout)
    Path("rule.json").write_text('{"static": "yellow"}')
    Path("bad.json").write_text('{"static": "blue", "fresh_seconds": 1, "new": 2}')

    said = run("office", "rule", "rule.json").stdout
    loaded()
    before = snapshot(yard / "office")
    status, _, why = main("office", "rule", "bad.json")

    assert re.fullmatch(r"rule [0-9a-f]{16}; next: yardpass office publish\n", said)
    assert judged("pass.txt", "--at", at(NOW)) == ["YELLOW ASK Y-IDCHECK"]
    assert (status, why.count("\n")) == (1, 1)
    assert re.search("bad.json .*static: 'blue'.*fresh_seconds: 1 .*'new': unknown", why)
    assert snapshot(yard / "office") == before


def test_a_print_names_its_holder_in_the_svg_only_and_belongs_to_its_owner(yard):
    who = 'Chen <flat 40> & "sons"'

    for name in ("chen.svg", "chen.PNG"):
        assert f"wrote {name}\n" in run("office", "enrol", who, "--print", name).stderr

    (title,) = ElementTree.parse("chen.svg").iter("{http://www.w3.org/2000/svg}title")
    assert title.text.startswith(who)
    assert b"Chen" not in Path("chen.PNG").read_bytes()
    assert {Path(name).stat().st_mode & 0o777 for name in ("chen.svg", "chen.PNG")} == {0o600}


def test_a_print_of_another_kind_enrols_nobody(yard, main):
    before = snapshot(yard)

    said = main("office", "enrol", "Okafor", "--print", "okafor.jpg")

    assert said == (1, "", "yardpass: okafor.jpg must end in .png or .svg\n")
    assert snapshot(yard) == before


def test_a_print_that_cannot_be_written_still_gives_the_pass_that_was_enrolled(yard, main):
    status, text, why = main("office", "enrol", "Okafor", "--print", "none/okafor.png")

    assert status == 1
    assert "none/okafor.png cannot be written" in why
    Path("okafor.txt").write_text(text)
    loaded()
    assert judged("okafor.txt", "--at", at(NOW)) == ["GREEN OPEN"]


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"a1", bytes(2_000), cbor.encode({1: 1})])
def test_what_is_no_holder_key_is_named_and_enrols_nobody(yard, main, data):
    Path("phone").write_bytes(data)
    before = snapshot(yard)

    status, said, why = main("office", "enrol", "Okafor", "--key", "phone")

    assert (status, said, why.count("\n")) == (1, "", 1)
    assert why.startswith("yardpass: phone is ")
    assert snapshot(yard) == before


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("damage", [None, b"", b"not what was here before" * 9])
def test_a_lost_file_is_one_sentence_with_the_next_step_and_nothing_half_done(
    yard, main, name, damage
):
    command, step = LOST[name]
    lost = yard / "office" / name
    lost.unlink() if damage is None else lost.write_bytes(damage)
    before = snapshot(yard)

    status, said, why = main(*command)

    step = step if damage is None else "restore the newest copy of the office"
    assert (status, said, why.count("\n")) == (1, "", 1)
    assert re.match(f"yardpass: .*{name}.*; {step}$", why)
    assert snapshot(yard) == before


@pytest.mark.parametrize("name", ["No 1", 'n"\nzones = [', "é", "\udcff", "x" * 33, ""])
def test_a_terminal_of_a_wrong_name_is_not_made(yard, main, name):
    post = ["--name", name, "--gate", "NORTH"]

    status, said, why = main("office", "terminal", "new", *post, "--relay", "sim")

    assert (status, said) == (1, "")
    assert [line.split(" = ")[0].split(": ")[-1] for line in why.splitlines()] == [
        "terminal.name",
        "terminal.gate",
    ]
    assert list(Path("new").iterdir()) == []


def test_a_terminal_is_made_once(yard, main):
    before = snapshot(yard)

    status, _, why = main("office", "terminal", "north-1", *POST)

    assert status == 1
    assert re.search(r"north-1/.* exists; it is made once .* give a new folder", why)
    assert snapshot(yard) == before


def test_a_terminal_that_cannot_be_finished_leaves_what_was_there(yard, main, monkeypatch):
    Path("new").mkdir()
    Path("new/notes").write_text("mine")

    with monkeypatch.context() as patch:
        patch.setattr(terminal_kit, "_make_store", failing)
        status, _, why = main("office", "terminal", "new", *POST)

    assert (status, why) == (1, "yardpass: the disk is full; free disk space\n")
    assert [path.name for path in Path("new").iterdir()] == ["notes"]
    assert run("office", "terminal", "new", *POST).exit_code == 0
