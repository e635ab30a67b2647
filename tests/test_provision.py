"""From the office to a new box without typing; and a box that is given anything else stays as it
was, says why, and takes the next right stick."""

import hashlib
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import tomllib
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from desk import NOW, ORIGIN, YARDPASS, loaded, status
from hypothesis import given
from hypothesis import strategies as st
from test_sync_command import listen_alone, wait_for

from appliance.commands import enrolment_screen
from appliance.commands.qr_lines import qr_lines
from appliance.gate import guard_keys
from appliance.office.office import Office
from appliance.passes import terminal_text
from appliance.provision import enrolled, network, parcel, refusal, ssh_keys, taker, writer
from appliance.provision.network import Network
from appliance.provision.parcel import Listed
from appliance.settings import load
from hw import board_light
from hw.board_light import Light
from hw.sim import album
from hw.sim.photos import Condition, photo_of
from ledger_sync import entries, files, keyfile, peers_file
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, PublicKey

SEED = b"seed of a new box, 32 bytes long"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1u1zkZB3o8V0M4oD1o0i5X7u9aZl0cY3n1tqk2b7Qx"
PASSWORD = "correct horse battery"


@pytest.fixture
def stick(desk, main):
    """What the office writes for east-1."""
    loaded()
    assert main("office", "publish", "ledger.yardpass")[0] == 0
    (desk / "password").write_text(PASSWORD + "\n")
    (desk / "key.pub").write_text(f"{KEY} technician@bench\n")
    (desk / "wiring.toml").write_text('[[reader]]\ndriver = "sim"\n')
    wifi = ("--wifi", "yard 7", "--wifi-password", "password")
    more = ("--wiring", "wiring.toml", "--ledger", "ledger.yardpass", "--ssh-key", "key.pub")
    code, out, err = provisioned(main, *wifi, *more)
    assert (code, err) == (0, "")
    assert "genesis policy" in out
    return desk / "stick"


def provisioned(main, *more, folder="stick"):
    post = ("--name", "east-1", "--gate", "east", "--camera", "files", "--relay", "sim")
    return main("provision", folder, *post, "--address", "127.0.0.1:7461", *more)


def booted(main, stick, home):
    return main("first-boot", "--from", stick, "--home", home)


def genesis_in(text):
    return text.split("genesis policy ")[1][:39]


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- the way that works


def test_a_box_that_takes_a_stick_is_the_terminal_that_the_office_meant(stick, desk, main):
    secret, whole = (stick / "site.secret").read_bytes(), everything(stick)

    code, out, err = booted(main, stick, desk / "home")

    assert (code, err) == (0, "")
    settings = load(desk / "home" / "site.toml")
    assert (settings.terminal, settings.gate.name, settings.origin) == ("east-1", "east", ORIGIN)
    assert [one.name for one in settings.outfit.readers] == ["sim"]
    assert settings.store == desk / "home" / "store" / "store.db"
    assert (desk / "home" / "site.secret").read_bytes() == secret
    assert status(desk / "home")["size"] == status()["size"]
    assert genesis_in(out) == genesis_in(
        main("office", "terminal", "x", "--name", "x", "--gate", "x")[1]
    )
    assert PASSWORD.encode() not in b"".join(whole.values())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (desk / "home").rglob("*")}
    for name in ("terminal.key", "link.key", "site.secret", "yardpass-wifi.nmconnection"):
        assert modes[name] == 0o600
    assert modes["store.db"] == 0o660


@pytest.mark.parametrize("mask", [0o077, 0])
def test_who_may_read_what_does_not_depend_on_who_takes_the_stick(stick, desk, main, mask):
    before = os.umask(mask)
    try:
        booted(main, stick, desk / "home")
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in (desk / "home").rglob("*")}
    for name in ("site.toml", "genesis.policy", "link.crt", "terminal.pub", "authorized_keys"):
        assert modes[name] == 0o644
    for name in ("terminal.key", "link.key", "site.secret"):
        assert modes[name] == 0o600


def test_its_keys_are_made_on_the_box_and_another_box_makes_others(stick, desk, main):
    shutil.copytree(stick, desk / "copy")

    booted(main, stick, desk / "home")
    booted(main, desk / "copy", desk / "other")

    keys = [
        keyfile.read_key(desk / home / "terminal.key", hint="").seed for home in ("home", "other")
    ]
    assert keys[0] != keys[1]
    assert not list(stick.glob("*.key"))


def test_the_office_enrols_it_by_the_text_the_file_on_the_stick_or_a_picture(stick, desk, main):
    _, out, _ = booted(main, stick, desk / "home")
    text = (stick / taker.ENROLMENT).read_text().strip()
    assert text in out
    assert qr_lines(text.encode()) in out
    album.save(photo_of(text, Condition("plain"), seed=3), desk / "screen.png")

    for given_as in (text, stick / taker.ENROLMENT, desk / "screen.png"):
        code, said, err = main("office", "terminal", "east-1", "--enrol", given_as)
        assert (code, err) == (0, "")
        assert "terminal east-1 of gate east at 127.0.0.1:7461 is enrolled" in said
    loaded("again")

    assert main("ledger", "import", "again", "--site", desk / "home")[0] == 0
    code, out, _ = main("doctor", "--settings", desk / "home" / "site.toml", "--json")
    (line,) = [line for line in json.loads(out)["lines"] if line["part"] == "terminal"]
    assert line["level"] == "OK"


def test_the_code_is_shown_again_when_it_is_asked_for(stick, desk, main):
    _, first, _ = booted(main, stick, desk / "home")

    code, again, _ = main("first-boot", "--show", "--home", desk / "home")

    assert (code, again) == (0, first[first.index("at the office:") :])


def test_the_stick_holds_no_secret_afterwards_and_is_no_parcel_for_another_box(stick, desk, main):
    held = everything(stick)
    secrets = [held[stick / name] for name in parcel.SECRET]

    booted(main, stick, desk / "home")

    whole = b"".join(everything(stick).values())
    assert [secret for secret in secrets if secret.strip() in whole] == []
    code, _, err = booted(main, stick, desk / "other")
    assert (code, "nothing for this box" in err) == (1, True)


@pytest.mark.long
def test_guards_work_at_the_new_box_with_the_pin_they_have(desk, main):
    (desk / "pins").write_text("493027\n")
    (desk / "pins").chmod(0o600)
    assert main("office", "guard", "anna", "--to", "north-1", "--pin-file", "pins")[0] == 0
    assert provisioned(main, "--guards", "north-1/guards")[0] == 0

    code, _, err = booted(main, desk / "stick", desk / "home")

    assert (code, err) == (0, "")
    key = guard_keys.unlock(load(desk / "home" / "site.toml").guards, "anna", "493027")
    assert key == guard_keys.unlock(desk / "north-1" / "guards", "anna", "493027")
    files_ = {path.name: path.stat().st_mode & 0o777 for path in (desk / "home/guards").iterdir()}
    assert files_ == {"anna.key": 0o600, "anna.help": 0o600}
    assert not list((desk / "stick").glob("anna.*"))  # wiped, as the site's secret


@pytest.mark.long
def test_a_parcel_brings_what_was_published_last_and_the_box_takes_nothing_older(desk, main):
    main("office", "publish", "old.yardpass")
    main("office", "enrol", "Mei")
    main("office", "publish", "public")
    main("ledger", "import", "public", "--site", "north-1")
    published = status()["size"]
    main("office", "enrol", "Okafor")  # in no ledger yet

    assert main("provision", "stick", "--name", "e", "--gate", "e")[0] == 0
    code, said, _ = booted(main, desk / "stick", desk / "home")

    assert (code, f"with {published} entries" in said) == (0, True)
    code, _, err = main("ledger", "import", "old.yardpass", "--site", desk / "home")
    assert (code, "were accepted before" in err) == (1, True), err


def test_a_parcel_leaves_a_large_ledger_to_the_network_or_another_stick(desk, main, monkeypatch):
    monkeypatch.setattr(writer, "MAX_OWN_LEDGER", 256)
    main("office", "publish", "public")

    assert main("provision", "stick", "--name", "e", "--gate", "e")[0] == 0
    assert not any(parcel.LEDGER in one.name for one in (desk / "stick").iterdir())
    assert parcel.LEDGER not in (desk / "stick" / parcel.LIST).read_text()


def test_a_parcel_of_an_office_that_published_nothing_has_no_ledger(desk, main):
    main("office", "init", "--site", "hz08", "--office", "other")

    found = main("provision", "stick", "--site", "other", "--name", "e", "--gate", "e")

    assert found[0] == 0
    assert not (desk / "stick" / parcel.LEDGER).exists()


@pytest.mark.long
def test_the_folder_that_the_office_wrote_guards_to_is_taken_as_it_is(desk, main):
    (desk / "pins").write_text("493027\n")
    (desk / "pins").chmod(0o600)
    main("office", "guard", "anna", "--to", "for-the-box", "--pin-file", "pins")

    assert provisioned(main, "--guards", "for-the-box")[0] == 0
    assert sorted(path.name for path in (desk / "stick").glob("anna.*")) == [
        "anna.help",
        "anna.key",
    ]


@pytest.mark.parametrize("folder", ["nowhere", "pictures", "plain"])
def test_a_folder_without_sealed_keys_of_guards_is_refused(desk, main, folder):
    (desk / "pictures").mkdir(exist_ok=True)
    (desk / "plain").mkdir()
    for name in ("anna.key", "anna.help"):
        shutil.copy(desk / "north-1" / "terminal.key", desk / "plain" / name)

    code, _, err = provisioned(main, "--guards", folder)

    assert (code, "office guard NAME --to FOLDER" in err) == (1, True)
    assert not (desk / "stick").exists()


def test_a_stick_that_cannot_be_written_is_told_and_the_box_is_a_terminal(
    stick, desk, main, monkeypatch
):
    monkeypatch.setattr(taker, "_wipe", lambda path: (_ for _ in ()).throw(OSError("read-only")))

    code, out, err = booted(main, stick, desk / "home")

    assert (code, "still holds the site's secret" in err) == (0, True)
    assert "YPT1:" in out


def test_a_parcel_needs_no_more_than_a_name_and_a_gate(desk, main):
    assert provisioned(main)[0] == 0

    code, out, _ = booted(main, desk / "stick", desk / "home")

    assert (code, "with 0 entries" in out) == (0, True)
    assert not (desk / "home" / "network").exists()
    assert not (desk / "home" / "ssh").exists()


@pytest.mark.long
def test_a_new_box_hears_of_itself_from_its_peer_once_the_office_enrolled_it(
    stick, desk, main, monkeypatch
):
    """Nobody types, and nobody carries a stick a second time."""
    monkeypatch.undo()  # the true clock: two processes talk
    monkeypatch.chdir(desk)
    address = listens_alone(desk / "north-1")
    booted(main, stick, desk / "home")
    listen_alone(desk / "home" / "site.toml")
    publish_address(main, address)
    box_ledger(main, desk)  # the box has heard of its peer's address, not of itself
    with at_work("sync", desk / "north-1", desk / "home"):
        before = status(desk / "home")["size"]
        assert main("office", "terminal", "east-1", "--enrol", stick / taker.ENROLMENT)[0] == 0
        spread(main, "north-1")

        wait_for(lambda: status(desk / "home")["size"] > before)


@contextmanager
def at_work(command, *homes):
    """These terminals run `yardpass sync` or `gate` until the block ends."""
    processes = [
        subprocess.Popen(
            [YARDPASS, command, "--settings", home / "site.toml"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for home in homes
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def spread(main, *homes):
    """The office publishes, and somebody brings it to these terminals."""
    folder = f"ledger{len(list(Path().glob('ledger*')))}"
    assert main("office", "publish", folder)[0] == 0
    for home in homes:
        assert main("ledger", "import", folder, "--site", home)[0] == 0


def listens_alone(home):
    """The address of its own."""
    path = home / "site.toml"
    listen_alone(path)
    return path.read_text().split('listen = "')[1].split('"')[0]


def entries_of(home, terminal):
    """How many entries of this terminal's logs are held in the folder of another."""
    store = load(home / "site.toml").store
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute("SELECT origin, size FROM feed").fetchall()
    return sum(size for origin, size in rows if origin.split("/")[2] == terminal)


def is_here(home, terminal):
    found = peers_file.read(load(home / "site.toml").store.parent)
    return (terminal, "here") in [(one["name"], one["state"]) for one in found]


@pytest.mark.long
def test_a_box_that_replaces_a_dead_one_meets_all_peers_and_reads_its_log_back(
    stick, desk, main, monkeypatch
):
    """Its own ledger still names the dead one's key, and one peer hears of the new one from the
    other: nothing is brought to either."""
    monkeypatch.undo()  # the true clock: processes talk
    monkeypatch.chdir(desk)
    north, south, dead, new = (desk / one for one in ("north-1", "south-1", "dead", "new"))
    words = ("--name", "south-1", "--gate", "south", "--camera", "files", "--relay", "sim")
    assert main("office", "terminal", south, *words)[0] == 0
    booted(main, stick, dead)
    (dead / "pictures").mkdir(exist_ok=True)
    listen_alone(dead / "site.toml")
    for home in (north, south):
        publish_address(main, listens_alone(home), home.name)
    assert main("office", "terminal", "east-1", "--enrol", stick / taker.ENROLMENT)[0] == 0
    spread(main, north, south, dead)
    with at_work("sync", north, south, dead):
        with at_work("gate", dead):
            wait_for(lambda: entries_of(dead, "east-1"))
        recorded = entries_of(dead, "east-1")
        wait_for(lambda: entries_of(north, "east-1") == entries_of(south, "east-1") == recorded)
    shutil.rmtree(dead)
    shutil.rmtree(stick)

    assert main("office", "publish", "newest.yardpass")[0] == 0
    assert provisioned(main, "--ledger", "newest.yardpass")[0] == 0
    booted(main, stick, new)
    listen_alone(new / "site.toml")
    assert main("office", "gone", "east-1")[0] == 0
    assert main("office", "terminal", "east-1", "--enrol", stick / taker.ENROLMENT)[0] == 0
    with at_work("sync", north, south, new):
        wait_for(lambda: is_here(north, "south-1"))
        spread(main, north)

        wait_for(lambda: entries_of(new, "east-1") == recorded)
        wait_for(lambda: is_here(north, "east-1") and is_here(south, "east-1"))


def publish_address(main, address, name="north-1"):
    """The peer's address stands in the ledger, as `office terminal --address` writes it."""
    office = Office.open(Path("office"))
    with office.authority.book() as book:
        row = book.store.row("SELECT key, gate, certificate FROM terminal WHERE name = ?", name)
    key = PublicKey(ED25519, bytes(row[0]))
    office.add(entries.Terminal(name, key, row[1], "gate", bytes(row[2]), (address,)))


def box_ledger(main, desk):
    assert main("office", "publish", "before")[0] == 0
    for site in ("north-1", desk / "home"):
        assert main("ledger", "import", "before", "--site", site)[0] == 0


class Pauses:
    """What happens while the screen waits, one act a pause; then somebody presses Enter."""

    def __init__(self, *acts):
        self._acts = list(acts)

    def __call__(self, seconds):
        if not self._acts:
            return True
        self._acts.pop(0)()
        return False


def test_the_screen_of_a_new_box_waits_until_it_is_enrolled(stick, desk, main):
    booted(main, stick, desk / "home")
    settings = load(desk / "home" / "site.toml")
    main("office", "terminal", "east-1", "--enrol", stick / taker.ENROLMENT)
    main("office", "publish", "again")

    def heard():
        main("ledger", "import", "again", "--site", desk / "home")

    assert enrolled.wait(settings, Pauses()) is False
    assert enrolled.wait(settings, Pauses(lambda: None, heard)) is True
    code, out, err = main("first-boot", "--show", "--wait", "--home", desk / "home")
    assert (code, out, err) == (0, "", "")  # it goes on to the console at once


def test_a_store_that_cannot_be_read_does_not_end_the_wait(stick, desk, main):
    booted(main, stick, desk / "home")
    settings = load(desk / "home" / "site.toml")
    settings.store.rename(desk / "aside")

    assert enrolled.wait(settings, Pauses(lambda: None)) is False


def test_a_terminal_that_shows_no_code_is_not_waited_for(desk, main):
    for folder in (desk / "north-1", desk / "nowhere"):
        assert main("first-boot", "--show", "--wait", "--home", folder) == (0, "", "")


def test_a_console_that_shows_the_code_tells_that_it_lives_until_enter(
    stick, desk, main, monkeypatch
):
    booted(main, stick, desk / "home")
    pressed, beats = [*[False] * 5, True], []  # a look at the ledger is every four
    monkeypatch.setattr(enrolment_screen, "_is_enter_pressed", lambda _: pressed.pop(0))

    enrolment_screen.wait(desk / "home", lambda: beats.append(len(pressed)))

    assert (beats, pressed) == ([6, 5, 4, 3, 2, 1], [])


def test_the_code_stands_on_the_screen_until_somebody_presses_enter(stick, desk, main):
    booted(main, stick, desk / "home")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [YARDPASS, "first-boot", "--show", "--wait", "--home", desk / "home"],
        stdin=theirs,
        stdout=subprocess.PIPE,
    )
    try:
        said = b""
        while b"Enter goes on" not in said:
            said += process.stdout.readline()
        os.write(ours, b"\n")
        code = process.wait(30)
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
        os.close(ours)
        os.close(theirs)

    assert (code, b"YPT1:" in said) == (0, True)


# --- everything else


def damaged(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def refused(main, stick, home):
    """What is said; nothing is left of it but that, and nothing on the stick has changed."""
    before = everything(stick)
    before.pop(stick / refusal.ON_STICK, None)

    code, out, err = booted(main, stick, home)

    assert (code, out) == (1, "")
    assert err.startswith("yardpass: ")
    assert "Traceback" not in err
    assert [path.name for path in home.rglob("*") if path.is_file()] == [refusal.NAME]
    sentence = " ".join(err.removeprefix("yardpass: ").split())[: refusal.MAX_SENTENCE]
    assert refusal.remembered(home) == sentence
    after = everything(stick)
    assert after.pop(stick / refusal.ON_STICK).decode() == f"{sentence}\n"
    assert after == before
    return err


@pytest.mark.parametrize("name", [*parcel.SIZES, parcel.LIST])
def test_a_damaged_file_is_named_and_the_box_stays_as_it_was(stick, desk, main, name):
    whole = (stick / name).read_bytes()
    damaged(stick / name)

    assert name in refused(main, stick, desk / "home")

    (stick / name).write_bytes(whole)
    assert booted(main, stick, desk / "home")[0] == 0


@pytest.mark.parametrize("name", [name for name in parcel.SIZES if name != parcel.LIST])
@pytest.mark.parametrize("left", [0, 0.5])
def test_a_stick_that_was_pulled_half_way_leaves_the_box_as_it_was(stick, desk, main, name, left):
    """A file is missing or cut off, as the office's or the box's side can leave it."""
    data = (stick / name).read_bytes()
    (stick / name).write_bytes(data[: int(len(data) * left)])

    assert "write it again with yardpass provision" in refused(main, stick, desk / "home")

    (stick / name).unlink()
    assert "write it again with yardpass provision" in refused(main, stick, desk / "home")


def test_a_stick_that_goes_while_it_is_read_leaves_the_box_as_it_was(
    stick, desk, main, monkeypatch
):
    def gone(path):
        raise Unavailable(f"{path} cannot be read (Input/output error); {parcel.HINT}")

    monkeypatch.setattr(parcel, "digest_of", gone)

    assert "Input/output error" in refused(main, stick, desk / "home")


def rewritten(stick, **files_):
    """The stick with other files, and a list that fits them."""
    listed = parcel.listed_in((stick / parcel.LIST).read_bytes())
    for spelt, data in files_.items():
        name = spelt.replace("__", ".")
        (stick / name).write_bytes(data)
        listed.files[name] = (len(data), hashlib.sha256(data).hexdigest())
    (stick / parcel.LIST).write_bytes(parcel.text_of(listed))
    return listed


def test_the_genesis_of_another_office_is_refused(stick, desk, main):
    main("office", "init", "--site", "HZ07", "--office", "other")
    provisioned(main, "--site", "other", folder="foreign")
    rewritten(stick, genesis__policy=(desk / "foreign" / "genesis.policy").read_bytes())

    assert "genesis policy is not the one" in refused(main, stick, desk / "home")


def test_a_ledger_of_another_office_is_refused(stick, desk, main):
    main("office", "init", "--site", "HZ07", "--office", "other")
    main("office", "publish", "other.yardpass", "--office", "other")
    rewritten(stick, ledger__yardpass=(desk / "other.yardpass").read_bytes())

    refused(main, stick, desk / "home")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("genesis__policy", b"no policy"),
        ("site__secret", b"AAAA\n"),
        ("auditor__pub", b"cafe\n"),
        ("network__json", b"[]"),
        ("authorized_keys", b'command="sh" ' + KEY.encode()),
        ("site__toml", b"[site]\n"),
        ("site__toml", b"\xff\xfe"),
        ("ledger__yardpass", b"yardpass-ledger-2\n\0"),
    ],
)
def test_a_parcel_of_nonsense_is_refused_though_its_list_fits(stick, desk, main, name, data):
    rewritten(stick, **{name: data})

    refused(main, stick, desk / "home")


def test_settings_of_another_terminal_are_refused(stick, desk, main):
    text = (stick / "site.toml").read_bytes().replace(b'"east-1"', b'"west-1"')
    rewritten(stick, site__toml=text)

    assert "the settings are of" in refused(main, stick, desk / "home")


def test_a_box_that_is_a_terminal_already_keeps_to_it(stick, desk, main):
    shutil.copytree(stick, desk / "copy")
    booted(main, stick, desk / "home")
    before = everything(desk / "home")

    code, out, err = booted(main, desk / "copy", desk / "home")

    assert (code, out) == (1, "")
    assert "is a terminal already; to begin anew, reset it: yardpass update factory-reset" in err
    assert everything(desk / "home") == before


def test_a_terminal_that_lost_its_settings_is_not_overwritten(stick, desk, main):
    shutil.copytree(stick, desk / "copy")
    booted(main, stick, desk / "home")
    (desk / "home" / "site.toml").unlink()
    before = everything(desk / "home")

    code, _, err = booted(main, desk / "copy", desk / "home")

    assert (code, "a terminal that was damaged" in err) == (1, True)
    assert everything(desk / "home") == before


WRITES = 20


@pytest.mark.long
def test_a_power_cut_at_any_write_leaves_no_terminal_or_a_whole_one(
    stick, desk, main, monkeypatch
):
    """Cut before the n-th file gets its name; the next start begins anew, or finds a terminal."""
    ends = []
    for number in range(WRITES):
        home, place = desk / f"home-{number}", desk / f"stick-{number}"
        shutil.copytree(stick, place)
        monkeypatch.setattr(taker, "_clear", lambda home: None)  # a cut clears nothing
        with Cut(monkeypatch, number) as cut, suppress(PowerCut):
            taker.take(place, home, seed=SEED, now=lambda: NOW)
        monkeypatch.undo()
        monkeypatch.chdir(desk)
        monkeypatch.setattr(time, "time", lambda: NOW)
        is_terminal = (home / "site.toml").exists()
        if not is_terminal:
            taker.take(place, home, seed=SEED, now=lambda: NOW)
        assert load(home / "site.toml").terminal == "east-1"
        assert status(home)["size"] == status()["size"]
        ends.append((cut.struck, is_terminal))

    assert (True, False) in ends
    assert ends[-1] == (False, True)


class PowerCut(BaseException):
    """Not an error that anybody handles."""


class Cut:
    """The power goes before the n-th durable write."""

    def __init__(self, monkeypatch, number):
        self._left, self.struck = number, False
        for name in ("write_once", "replace"):
            monkeypatch.setattr(files, name, self._counting(getattr(files, name)))
        monkeypatch.setattr(keyfile, "write_once", files.write_once)

    def _counting(self, real):
        def write(*arguments, **options):
            if self._left == 0 or self.struck:
                self.struck = True
                raise PowerCut
            self._left -= 1
            return real(*arguments, **options)

        return write

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_a_full_disk_leaves_the_box_as_it_was(stick, desk, main, monkeypatch):
    def full(path, data, **options):
        raise Unavailable(f"{path} cannot be written (No space left on device); free disk space")

    monkeypatch.setattr(files, "write_once", full)

    assert "free disk space" in refused(main, stick, desk / "home")


def test_nothing_to_take_is_told_and_names_every_place(tmp_path, main):
    code, _, err = main(
        "first-boot",
        "--from",
        tmp_path / "a",
        "--from",
        tmp_path / "b",
        "--home",
        tmp_path / "home",
    )

    assert code == 1
    assert f"{tmp_path / 'a'}, {tmp_path / 'b'}; write one at the office" in err
    assert not (tmp_path / "home").exists()


@pytest.fixture
def light(monkeypatch):
    """What the board's light was told, one after the other."""
    shown = []
    monkeypatch.setattr(board_light, "show", shown.append)
    return shown


def test_a_refusal_is_kept_for_the_screen_the_stick_and_the_doctor_until_it_is_mended(
    stick, desk, main, light
):
    good = (stick / "genesis.policy").read_bytes()
    (stick / "genesis.policy").write_bytes(good[:-9])

    code, _, err = booted(main, stick, desk / "home")
    sentence = err.removeprefix("yardpass: ").strip()

    assert (code, light) == (1, [Light.BUSY, Light.REFUSED])
    assert (stick / "REFUSED.txt").read_text().strip() == sentence
    _, said, _ = main("first-boot", "--waiting", "--home", desk / "home")
    assert f"What was brought last was refused: {sentence}" in said
    settings = desk / "home" / "site.toml"
    lines = json.loads(main("doctor", "--settings", settings, "--json")[1])["lines"]
    (line,) = [one for one in lines if one["part"] == "first boot"]
    assert line["level"] == "FAIL"
    assert line["found"] == f"refused: {sentence.rpartition('; ')[0]}"

    (stick / "genesis.policy").write_bytes(good)
    light.clear()
    assert booted(main, stick, desk / "home")[0] == 0
    assert light == [Light.BUSY, Light.DONE]
    assert not (stick / "REFUSED.txt").exists()
    assert not list((desk / "home").glob(".first-boot*"))


def test_a_box_that_nobody_brought_anything_says_what_it_waits_for(tmp_path, main, light):
    code, said, err = main("first-boot", "--waiting", "--home", tmp_path)

    assert (code, err, light) == (0, "", [Light.WAITING])
    assert "onto a stick named YARDPASS" in said and "refused" not in said
    lines = json.loads(main("doctor", "--settings", tmp_path / "site.toml", "--json")[1])["lines"]
    assert [one["level"] for one in lines if one["part"] == "first boot"] == ["WARN"]


def test_a_stick_that_is_pulled_is_a_refusal_that_only_the_box_can_keep(stick, desk, main, light):
    shutil.rmtree(stick / "guards", ignore_errors=True)
    (stick / "site.secret").unlink()
    (stick / "REFUSED.txt").mkdir()  # as little to be written as a stick that is gone

    code, _, err = booted(main, stick, desk / "home")

    assert (code, light) == (1, [Light.BUSY, Light.REFUSED])
    assert refusal.remembered(desk / "home") == err.removeprefix("yardpass: ").strip()


def test_systemd_that_stops_the_reading_is_a_stick_that_was_pulled(
    stick, desk, main, light, monkeypatch
):
    real = taker.take

    def stopped(*given, **named):
        signal.raise_signal(signal.SIGTERM)
        return real(*given, **named)

    monkeypatch.setattr(taker, "take", stopped)

    code, _, err = booted(main, stick, desk / "home")

    assert (code, light) == (1, [Light.BUSY, Light.REFUSED])
    assert "stopped while it was read; was the stick pulled? put it in again" in err
    assert refusal.remembered(desk / "home") in err
    assert not (desk / "home" / "site.toml").exists()


def test_a_refusal_follows_no_link_of_a_stick(tmp_path):
    home, elsewhere, stick = (tmp_path / name for name in ("home", "elsewhere", "stick"))
    elsewhere.mkdir()
    stick.symlink_to(elsewhere)

    refusal.remember("No parcel.", home, stick)
    assert refusal.remembered(home) == "No parcel."
    assert not list(elsewhere.iterdir())


@given(st.binary(max_size=5_000))
def test_whatever_stands_in_the_file_of_a_refusal_it_is_one_line_or_nothing(data):
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / refusal.NAME).write_bytes(data)

        found = refusal.remembered(Path(name))

    assert "\n" not in found and len(found) <= 4 * refusal.MAX_SENTENCE + 1


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--show", "--from", "x"),
        ("--wait", "--from", "x"),
        ("--waiting", "--show"),
        ("--waiting", "--from", "x"),
    ],
)
def test_first_boot_wants_one_of_three_things(main, more):
    assert main("first-boot", *more)[0] == 2


# --- what the office refuses to write, and to enrol


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--wifi-password", "password"), 2, "goes with --wifi"),
        (("--wifi", "x" * 33), 1, "at most 32 bytes"),
        (("--wifi", "yard", "--wifi-password", "short"), 1, "8 to 63"),
        (("--ip", "10.0.0.5"), 1, "10.0.0.5/24"),
        (("--gateway", "10.0.0.1"), 1, "go with an address"),
        (("--ip", "10.0.0.5/24", "--gateway", "router"), 1, "no address"),
        (("--ssh-key", "office/keys/issuer.key"), 1, "no public key"),
        (("--ssh-key", "none.pub"), 1, "no file"),
        (("--wiring", "bad.toml"), 1, "the wiring: it is no TOML"),
        (("--wiring", "office.toml"), 1, "the wiring: [terminal] is the office's"),
        (("--wiring", "typo.toml"), 1, "the wiring, line 3: sensors gpio has no option 'contcat'"),
        (("--ledger", "other.yardpass"), 1, "other.yardpass is not a ledger of yardpass/hz07"),
        (("--ledger", "password"), 1, "is no ledger in one file"),
        (("--site", "nowhere"), 1, "nowhere"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_writes_nothing(desk, main, more, code, said):
    (desk / "short").write_text("short\n")
    (desk / "password").write_text(PASSWORD)
    (desk / "bad.toml").write_text("[relay\n")
    (desk / "office.toml").write_text("[terminal]\nzones = [7]\n")
    (desk / "typo.toml").write_text('[sensors]\ndriver = "gpio"\ncontcat = 22\n')
    main("office", "init", "--site", "hz08", "--office", "other")
    main("office", "publish", "other.yardpass", "--office", "other")

    found = provisioned(main, *more)

    assert found[0] == code
    assert said in found[2]
    assert not (desk / "stick" / parcel.LIST).exists()


@pytest.mark.parametrize(
    ("wiring", "parts"),
    [
        ("[sensors]\ndriver = 'gpio'\ncontact = 22", ("the relay", "[sensors] contact")),
        (
            "[sensors]\ndriver = 'gpio'\nexit = 5\n[indicator]\ndriver = 'gpio'",
            ("[sensors] exit", "[indicator] green"),
        ),
        (
            "[[reader]]\ndriver = 'sim'\n[[reader]]\ndriver = 'wiegand'\nd1 = 23",
            ("reader 2, d0", "reader 2, d1"),
        ),
    ],
)
def test_a_pin_that_is_wired_twice_is_noticed_at_the_office(desk, main, wiring, parts):
    (desk / "wiring.toml").write_text(wiring)
    post = ("--name", "east-1", "--gate", "east", "--pin", "22", "--wiring", "wiring.toml")

    code, out, err = main("provision", "stick", *post)

    assert (code, out) == (1, "")
    assert f"is wired to {parts[0]} and to {parts[1]}; give one of them another pin" in err
    assert not (desk / "stick").exists()


def test_the_wiring_that_the_technician_s_page_shows_is_taken(desk, main):
    page = (Path(__file__).resolve().parents[1] / "image-build" / "README.md").read_text()
    [example] = [one.split("```")[0] for one in page.split("```toml\n") if "[sensors]" in one]
    (desk / "north.toml").write_text(example)

    found = main("provision", "stick", "--name", "n", "--gate", "n", "--wiring", "north.toml")

    assert (found[0], found[2]) == (0, "")


def test_parts_with_pins_of_their_own_and_parts_without_are_wired(desk, main):
    (desk / "wiring.toml").write_text(
        "[sensors]\ndriver = 'gpio'\ncontact = 16\nexit = 20\n[sounds]\n"
        "[indicator]\ndriver = 'gpio'\nbuzzer = 0\n[[reader]]\ndriver = 'wiegand'\n"
    )

    found = main("provision", "stick", "--name", "e", "--gate", "e", "--wiring", "wiring.toml")

    assert (found[0], found[2]) == (0, "")


def test_a_relay_that_is_low_active_and_peers_that_are_found_are_wired(desk, main):
    wiring = "[relayd]\nactive_high = false\n[relay]\npulse_ms = 1200\n[sync]\ndiscover = true\n"
    (desk / "wiring.toml").write_bytes(b"\xef\xbb\xbf" + wiring.encode())  # as some editors save

    found = main("provision", "stick", "--name", "e", "--gate", "e", "--wiring", "wiring.toml")

    assert (found[0], found[2]) == (0, "")
    tables = tomllib.loads((desk / "stick" / "site.toml").read_text())
    assert (tables["relayd"]["pin"], tables["relayd"]["active_high"]) == (17, False)
    assert (tables["relay"]["driver"], tables["relay"]["pulse_ms"]) == ("relayd", 1200)
    assert (tables["sync"]["listen"], tables["sync"]["discover"]) == ("0.0.0.0:7461", True)


def test_a_folder_with_other_things_is_not_written_to(desk, main):
    (desk / "stick").mkdir()
    (desk / "stick" / "holiday.jpg").write_bytes(b"")

    code, _, err = provisioned(main)

    assert (code, "holds other things" in err) == (1, True)


@pytest.fixture
def box(stick, desk, main):
    booted(main, stick, desk / "home")
    return (stick / taker.ENROLMENT).read_text().strip()


def test_a_code_of_another_name_is_not_enrolled(box, main):
    code, _, err = main("office", "terminal", "west-1", "--enrol", box)

    assert (code, "this code is of east-1, not of west-1" in err) == (1, True)


def test_an_enrolment_can_be_rehearsed_and_changes_nothing(box, desk, main):
    before = everything(desk / "office")

    code, out, err = main("office", "terminal", "east-1", "--enrol", box, "--dry-run")

    assert (code, err) == (0, "")
    assert "east-1" in out
    assert everything(desk / "office") == before


def test_a_box_of_another_office_is_not_enrolled(box, main):
    main("office", "init", "--site", "HZ07", "--office", "other")

    code, _, err = main("office", "terminal", "east-1", "--enrol", box, "--office", "other")

    assert (code, "believes another genesis policy" in err) == (1, True)


def test_a_name_that_another_box_has_is_given_away_only_when_that_is_gone(box, stick, desk, main):
    main("office", "terminal", "east-1", "--enrol", box)
    shutil.rmtree(stick)
    assert provisioned(main)[0] == 0
    booted(main, stick, desk / "second")
    second = (stick / taker.ENROLMENT).read_text().strip()

    code, _, err = main("office", "terminal", "east-1", "--enrol", second)
    assert (code, "yardpass office gone east-1" in err) == (1, True)

    words = ("--name", "east-1", "--gate", "east", "--camera", "files", "--relay", "sim")
    code, _, err = main("office", "terminal", "third", *words)
    assert (code, "yardpass office gone east-1" in err) == (1, True)
    assert list((desk / "third").iterdir()) == []
    code, _, err = main("office", "gone", "east1")
    assert (code, "no terminal 'east1' in the ledger; it has east-1, north-1" in err) == (1, True)

    assert main("office", "gone", "east-1")[0] == 0
    assert main("office", "terminal", "east-1", "--enrol", second)[0] == 0


@pytest.mark.parametrize(
    ("given_as", "step"),
    [
        ("YPT1:AAAA", "put it in single quotes, or give the file enrolment.txt"),
        (
            "IMG_2.HEIC",
            "neither a text nor a picture that can be read here; send it as PNG or JPEG",
        ),
        ("scan.pdf", "send it as PNG or JPEG"),
        ("none.txt", "give the text or a file"),
    ],
)
def test_how_a_code_may_be_given_is_said(desk, main, given_as, step):
    (desk / "IMG_2.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(900))
    (desk / "scan.pdf").write_bytes(b"%PDF-1.7\n" + b"x" * 900)

    code, _, err = main("office", "terminal", "east-1", "--enrol", given_as)

    assert (code, step in err) == (1, True), err


@pytest.mark.parametrize("given_as", ["YPT1:", "YPK1:ABC", "YPT1:AAAA", "none.png", "none.txt"])
def test_what_is_no_code_is_not_enrolled(desk, main, given_as):
    code, out, err = main("office", "terminal", "east-1", "--enrol", given_as)

    assert (code, out) == (1, "")
    assert err.startswith("yardpass: ")


# --- the parts


NETWORKS = [
    (Network("yard", "ab" * 32), ["type=wifi", "ssid=121;97;114;100;", "key-mgmt=wpa-psk"]),
    (Network("a;b\n[x]"), ["ssid=97;59;98;10;91;120;93;"]),
    (
        Network("", "", "10.0.0.5/24", "10.0.0.1", ("10.0.0.1", "10.0.0.2")),
        ["type=ethernet", "address1=10.0.0.5/24,10.0.0.1", "dns=10.0.0.1;10.0.0.2;"],
    ),
    (Network("", "", "fd00::5/64", "", ()), ["address1=fd00::5/64"]),
    (Network(), ["type=ethernet", "method=auto"]),
]


@pytest.mark.parametrize(("told", "lines"), NETWORKS)
def test_a_network_reaches_the_box_as_it_was_told(told, lines):
    assert network.network_in(network.text_of(told).encode()) == told

    name, text = network.keyfile_of(told)

    assert set(lines) <= set(text.splitlines())
    assert name == f"yardpass-{'wifi' if told.ssid else 'ethernet'}.nmconnection"


def test_the_key_of_a_network_follows_from_its_password_as_the_standard_says():
    """IEEE 802.11i H.4.3, test case 1."""
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"

    assert network.psk_of("IEEE", "password") == key


@given(st.binary(max_size=300) | st.text(max_size=80).map(str.encode))
def test_whatever_stands_in_the_files_of_a_stick_is_read_or_refused(data):
    """Each parser gives a value or raises Refused, never anything else."""
    for parse in (
        network.network_in,
        parcel.listed_in,
        ssh_keys.keys_in,
        terminal_text.enrolment_in,
    ):
        with suppress(Refused):
            parse(data)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=40)
    | st.lists(st.text(max_size=9), max_size=5)
)


@given(st.fixed_dictionaries({key: VALUES for key in sorted(network._KEYS)}))
def test_whatever_a_network_says_is_read_or_refused_and_never_a_line_of_its_own(told):
    try:
        found = network.network_in(json.dumps(told).encode())
    except Refused:
        return
    _, text = network.keyfile_of(found)
    keys = {line.partition("=")[0] for line in text.splitlines() if "=" in line}
    assert keys <= {
        "id",
        "uuid",
        "type",
        "mode",
        "ssid",
        "key-mgmt",
        "psk",
        "method",
        "address1",
        "dns",
    }


@pytest.mark.parametrize(
    "told",
    [
        {"psk": "ab" * 32},
        {"ssid": "x", "psk": "AB" * 32},
        {"address": 7},
        {"address": "10.0.0.5/24", "gateway": 7},
        {"address": "10.0.0.5/33"},
        {"dns": ["10.0.0.1"]},
        {"address": "10.0.0.5/24", "dns": ["a"] * 4},
        {"address": "10.0.0.5/24", "dns": "10.0.0.1"},
        {"ssid": 7},
    ],
)
def test_a_network_that_cannot_be_is_refused(told):
    with pytest.raises(Refused, match="no network of a box"):
        network.checked(Network()._asdict() | told)


LISTED = Listed(
    "yardpass/hz07",
    "a",
    "b",
    ("[::1]:7461",),
    bytes(32),
    {name: (1, "a" * 64) for name in parcel.NEEDED},
)


def test_a_list_is_read_as_it_was_written_and_each_bit_of_it_counts():
    data = parcel.text_of(LISTED)
    assert parcel.listed_in(data) == LISTED

    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1
        with pytest.raises(Refused):
            parcel.listed_in(bytes(spoilt))


@pytest.mark.parametrize(
    ("listed_files", "said"),
    [
        ({"evil.sh": (1, "a" * 64)}, "names evil.sh"),
        ({"site.toml": (16_385, "a" * 64)}, "at most 16384"),
        ({}, "names no"),
    ],
)
def test_a_list_of_other_things_is_refused(listed_files, said):
    whole = {**LISTED.files, **listed_files} if listed_files else {"network.json": (1, "a" * 64)}
    data = parcel.text_of(
        Listed(*[*(getattr(LISTED, one) for one in Listed.__slots__[:-1]), whole])
    )

    with pytest.raises(Refused, match=said):
        parcel.listed_in(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "ssh-dss AAAA",
        f"no-pty {KEY}",
        KEY[:60],
        KEY[:61],
        KEY.replace("ed25519 ", "rsa "),
        "\n".join([KEY] * 17),
    ],
)
def test_only_bare_public_keys_may_log_in(text):
    with pytest.raises(Refused, match="ssh keys"):
        ssh_keys.keys_in(text.encode())


def test_a_public_key_loses_its_comment():
    assert ssh_keys.keys_in(f"# mine\n{KEY} me@bench\n".encode()) == [KEY]
