"""`yardpass doctor`: every part has a line, what fails exits with 1, nothing clicks unasked, and
what is written for support holds no secret and no name."""

import base64
import json
import os
import pty
import select
import subprocess
import tarfile
import time

import pytest
from answering import answering
from desk import YARDPASS, loaded
from gatehouse import house

from appliance.doctor import bundle, examination, machine_probes
from appliance.doctor.lines import Missing
from appliance.gate.remote import ASK, TRY, Answer, State, Why
from appliance.settings import load
from hw.sim import album
from hw.sim.photos import Condition, empty_scene, photo_of
from ledger_sync import keyfile, peers_file
from ledger_sync.clock import Reading

LIMIT_SECONDS = 30
PARTS = (
    *("settings", "terminal", "ledger", "peers", "clock", "clock chip", "camera", "reader"),
    *("contact", "exit", "tamper", "fire", "relay", "disk", "space", "commits", "heat", "power"),
    *("watchdog", "yardpass-relay", "yardpass-gate", "yardpass-sync", "yardpass-console@tty1"),
    *("other units", "versions"),
    "slots",
    "update",
    "automatic updates",
)


@pytest.fixture
def site(desk, monkeypatch):
    """A terminal with a ledger, a camera that sees, and a machine that is well."""
    loaded()
    folder = desk / "north-1"
    (folder / "pictures").mkdir(exist_ok=True)
    album.save(
        photo_of("HTTPS://EXAMPLE.ORG/", Condition("plain"), seed=1), folder / "pictures/0.png"
    )
    clock = lambda: lambda: Reading(int(time.time()), True, 0, True)  # noqa: E731 - as short as a value
    monkeypatch.setattr(examination, "system_clock", clock)
    for name in ("heat", "power", "watchdog"):
        monkeypatch.setattr(machine_probes, name, lambda: Missing("not here"))
    monkeypatch.setattr(machine_probes, "unit", lambda name: Missing("not here"))
    monkeypatch.setattr(machine_probes, "failed", lambda: Missing("not here"))
    monkeypatch.setattr(machine_probes, "is_gate_at_work", lambda: False)
    return folder / "site.toml"


def lines_of(said):
    return {line["part"]: line for line in json.loads(said)["lines"]}


def test_a_terminal_on_a_laptop_is_well_and_every_part_has_a_line(site, main):
    code, out, err = main("doctor", "--settings", site, "--json")

    found = lines_of(out)
    assert tuple(found) == PARTS
    assert {part for part, line in found.items() if line["level"] == "FAIL"} == set()
    assert (code, err, json.loads(out)["ok"]) == (0, "", True)
    assert found["terminal"]["found"].startswith("north-1, genesis policy ")
    assert found["ledger"]["level"] == "OK"
    assert found["relay"]["level"] == "WARN"  # sim


def test_people_read_a_line_a_part(site, main):
    _, out, _ = main("doctor", "--settings", site)

    told = [line[9:].split("  ")[0] for line in out.splitlines()]
    assert tuple(told) == PARTS


def test_what_fails_exits_with_one_and_says_what_to_do(site, main):
    (site.parent / "pictures" / "0.png").unlink()
    site.write_text(site.read_text() + '\n[[reader]]\ndriver = "serial_qr"\nport = "/no/port"\n')

    code, out, _ = main("doctor", "--settings", site, "--json")

    found = lines_of(out)
    assert (code, json.loads(out)["ok"]) == (1, False)
    for part in ("camera", "reader 1"):
        assert found[part]["level"] == "FAIL"
        assert found[part]["step"]


@pytest.mark.parametrize("damage", ["", "[site]\norigin = 7\n", "\0\1"])
def test_settings_that_cannot_be_read_do_not_end_the_examination(site, main, damage):
    site.write_text(damage)

    code, out, _ = main("doctor", "--settings", site, "--json")

    found = lines_of(out)
    assert (code, found["settings"]["level"]) == (1, "FAIL")
    assert found["settings"]["step"]
    assert {"clock", "disk", "versions"} <= set(found)


def test_no_settings_at_all_is_a_line_too(tmp_path, main):
    code, out, _ = main("doctor", "--settings", tmp_path / "none.toml", "--json")

    assert (code, lines_of(out)["settings"]["level"]) == (1, "FAIL")


@pytest.mark.parametrize("damage", [b"", b"\0" * 4_096])
def test_a_store_that_is_damaged_is_told_and_the_rest_goes_on(site, main, damage):
    for path in site.parent.glob("store.db*"):
        path.write_bytes(damage)

    code, out, _ = main("doctor", "--settings", site, "--json")

    found = lines_of(out)
    assert code == 1
    assert found["ledger"]["level"] == found["terminal"]["level"] == "FAIL"
    assert found["versions"]["level"] == "OK"


REFUSES = Answer(True)


@pytest.fixture
def at_work(site, main, monkeypatch):
    """The doctor beside a gate at work that answers this; its exit code and its lines."""
    monkeypatch.setattr(machine_probes, "is_gate_at_work", lambda: True)

    def call(*, more="", judges=REFUSES, **state):
        site.write_text(site.read_text() + more)
        answers = {ASK: State(**state).to_bytes(), TRY: judges.to_bytes()}
        with answering(site.parent / "store.db", answers):
            code, out, _ = main("doctor", "--settings", site, "--json")
        return code, lines_of(out)

    return call


def test_a_gate_at_work_is_asked_how_its_devices_are(at_work):
    code, found = at_work(
        door="closed",
        facts=("exit",),
        more='[[reader]]\ndriver = "serial_qr"\nport = "/no/port"\n'
        '[sensors]\ndriver = "sim"\nwired = ["contact", "exit"]\n',
    )

    parts = ("camera", "readers", "contact", "exit", "fire")
    assert [found[part]["level"] for part in parts] == ["OK", "OK", "OK", "WARN", "not here"]
    assert "systemctl stop yardpass-gate" in found["camera"]["found"]
    assert found["decision"]["level"] == "OK"
    assert code == 0


def test_a_gate_at_work_that_judges_wrongly_fails(at_work):
    code, found = at_work(judges=Answer(False, Why.DISK, "it was judged GREEN"), door="closed")

    assert (found["decision"]["level"], code) == ("FAIL", 1)
    assert "judged GREEN" in found["decision"]["found"]
    assert "journalctl" in found["decision"]["step"]


def test_what_a_gate_at_work_misses_fails_with_what_to_do(at_work):
    faults = (("camera", "no camera is here"), ("inputs", "no chip"), ("reader 2", "unplugged"))

    code, found = at_work(door="unseen", faults=faults, fault="the disk takes no write")

    assert code == 1
    for part, what in (*faults, ("record", "the disk takes no write")):
        assert (found[part]["level"], found[part]["found"]) == ("FAIL", what)
        assert found[part]["step"]
    assert "readers" not in found


def test_a_gate_at_work_that_does_not_answer_fails(site, main, monkeypatch):
    monkeypatch.setattr(machine_probes, "is_gate_at_work", lambda: True)

    code, out, _ = main("doctor", "--settings", site, "--json")

    found = lines_of(out)
    for part in ("decision", "camera", "readers", "inputs"):
        assert found[part]["level"] == "FAIL"
        assert "journalctl -u yardpass-gate" in found[part]["step"]
    assert code == 1


# --- the click


def test_a_click_without_a_terminal_to_ask_on_is_misuse(site, main):
    for more in ((), ("--json",)):
        code, out, err = main("doctor", "--settings", site, "--click", *more)

        assert (code, out) == (2, "")
        assert "--click asks first" in err


@pytest.fixture
def relayed(site, tmp_path):
    """The terminal with a relay on pins of memory, and that relay."""
    folder = tmp_path / "house"
    folder.mkdir()
    text = site.read_text().replace(
        'driver = "sim"', f'driver = "relayd"\nsocket = "{folder}/relay.sock"'
    )
    site.write_text(text)
    with house(folder) as made:
        yield site, made


def typed(site, answer):
    """What the doctor says on a terminal where somebody types this answer, and how it exits."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [YARDPASS, "doctor", "--settings", site, "--click"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while b"to go on" not in said:
            assert select.select([ours], [], [], LIMIT_SECONDS)[0], said
            said += os.read(ours, 4_096)
        os.write(ours, answer.encode() + b"\n")
        while True:
            try:
                more = os.read(ours, 4_096)
            except OSError:  # Linux says so when the other side is closed
                break
            if not more:
                break
            said += more
        process.wait(LIMIT_SECONDS)
    finally:
        process.kill()
        process.wait(LIMIT_SECONDS)
        os.close(ours)
    return said.decode(), process.returncode


@pytest.mark.long
def test_the_relay_clicks_once_the_gates_name_is_typed(relayed):
    site, made = relayed

    said, _ = typed(site, load(site).gate.name)

    assert "it must have clicked twice" in said
    assert made.levels()[-2:] == [1, 0]


def test_nothing_clicks_for_any_other_answer(relayed):
    site, made = relayed

    said, code = typed(site, "yes")

    assert code == 2
    assert "nothing was switched" in said
    assert 1 not in made.levels()


# --- the bundle


def contents(path):
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}


PLANTED = b"planted: correct horse battery staple"


@pytest.fixture
def planted(site, monkeypatch):
    """Secrets and names in every place that a bundle might be filled from; all of them."""
    folder = site.parent
    secrets = [PLANTED, b"Chen", b"YP1:6BF+70", b"hunter2hunter2"]
    for path in (folder / "terminal.key", folder / "link.key"):
        secrets.append(keyfile.read_key(path, hint="").seed)
    secrets.append(keyfile.read_secret(folder / "site.secret", hint=""))
    site.write_text(f"# {PLANTED.decode()}, flat of Chen\n{site.read_text()}")
    for name in ("osdp.key", "printed-challenge", "wifi.nmconnection", "notes.txt"):
        (folder / name).write_bytes(PLANTED)
    (folder / peers_file.NAME).write_text(
        json.dumps(
            {
                "peers": [{"name": "a", "state": "here", "faults": 0, "fault": ""}],
                "note": PLANTED.decode(),
            }
        )
    )
    monkeypatch.setenv("YARDPASS_PASSPHRASE", "hunter2hunter2")
    key = (folder / "terminal.key").read_text()
    seed = secrets[4]
    spelled = f"{seed.hex()}\n{base64.b64encode(seed).decode()}\n"
    journal = f"YP1:6BF+70 was shown\n{key}{spelled}the gate opens\n"
    monkeypatch.setattr(machine_probes, "run", lambda command: journal)
    return secrets


def test_a_bundle_holds_what_the_list_says_and_no_secret_in_any_spelling(
    site, planted, main, tmp_path
):
    path = tmp_path / "support.tar.gz"

    code, _, err = main("doctor", "--settings", site, "--bundle", path)

    found = contents(path)
    names = {
        *("doctor.json", "settings.json", "peers.json", "ledger.json", "update.json"),
        "journal.txt",
    }
    assert set(found) == {f"yardpass-doctor/{name}" for name in names}
    whole = b"".join(found.values())
    for secret in planted:
        for spelling in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")):
            assert spelling.lower() not in whole.lower(), spelling
    assert b"the gate opens" in whole
    assert path.stat().st_mode & 0o777 == 0o600
    assert (code, "look through it before you send it" in err) == (0, True)
    assert json.loads(found["yardpass-doctor/settings.json"])["terminal"] == "north-1"


@pytest.mark.parametrize("spelled", [bytes.hex, lambda seed: base64.b64encode(seed).decode()[:-1]])
def test_a_file_that_still_holds_a_secret_is_left_out(spelled, monkeypatch):
    monkeypatch.setattr(bundle, "_CODES", bundle.re.compile("nothing is struck out"))
    seed = bytes(range(32))

    found = bundle.cleaned({"a": f"so: {spelled(seed)}", "b": "fine"}, [seed])

    assert found == {"a": b"left out: it held a secret of this terminal\n", "b": b"fine"}


def test_a_bundle_without_a_journal_or_a_store_says_so(site, main, tmp_path, monkeypatch):
    def no_run(command):
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(machine_probes, "run", no_run)
    for path in site.parent.glob("store.db*"):
        path.unlink()

    main("doctor", "--settings", site, "--bundle", tmp_path / "b.tar.gz")

    found = contents(tmp_path / "b.tar.gz")
    assert b"no journal here" in found["yardpass-doctor/journal.txt"]
    assert b"no store at" in found["yardpass-doctor/ledger.json"]


def test_a_bundle_is_made_though_the_settings_are_damaged_and_holds_no_secret(
    site, planted, main, tmp_path
):
    site.write_text("[site]\norigin = 7\n")

    code, _, _ = main("doctor", "--settings", site, "--bundle", tmp_path / "b.tar.gz")

    found = contents(tmp_path / "b.tar.gz")
    names = ("doctor.json", "journal.txt", "update.json")
    assert (code, sorted(found)) == (1, [f"yardpass-doctor/{name}" for name in names])
    whole = b"".join(found.values())
    assert b"the gate opens" in whole
    for secret in planted:
        for spelling in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")):
            assert spelling.lower() not in whole.lower(), spelling


def test_a_bundle_that_cannot_be_written_is_told(site, main, tmp_path):
    code, _, err = main("doctor", "--settings", site, "--bundle", tmp_path / "none" / "b.tar.gz")
    assert (code, "cannot be written" in err) == (1, True)


def test_an_empty_scene_is_a_picture_too(site, main):
    album.save(empty_scene(seed=3), site.parent / "pictures" / "0.png")

    code, out, _ = main("doctor", "--settings", site, "--json")

    assert (code, lines_of(out)["camera"]["level"] in ("OK", "WARN")) == (0, True)
