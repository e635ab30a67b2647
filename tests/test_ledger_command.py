"""`yardpass ledger`, and the entry of the command line: what is refused changes nothing."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import click
import pytest
from compound import key_named
from desk import ORIGIN, YARDPASS
from webserver import answering, publishing

from appliance.gate.assembly import open_replica
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes.token import HolderClass
from appliance.settings import load
from appliance.version import BUILD_TIME
from ledger_sync import archive, entries, keyfile
from ledger_sync.errors import Unavailable
from ledger_sync.feed import Opening

NOW = BUILD_TIME + 86_400
SITE = "yp:hz07"
POST = terminal_kit.Post("north-1", "north", "in", [0])
OLD, NEW = 4, 5  # entries: policy, issuer, rule, terminal; then a pass
MANY = 5_000
SOURCES = ("file", "folder", "server")


@pytest.fixture(scope="module")
def compound(tmp_path_factory):
    """A terminal, and ledgers of its office and of others, as folders and files, to be copied."""
    folder = tmp_path_factory.mktemp("compound")
    office = Office.create(folder / "office", site=SITE, now=NOW)
    terminal_kit.make(office, folder / "north-1", POST, seed=bytes(32))
    write(office, folder / "old", NOW)
    copy = Office.open(shutil.copytree(folder / "office", folder / "copy"))
    for name, one in {"new": office, "fork": copy}.items():
        enrol(one, "Chen")
        write(one, folder / name, NOW + 60)
    for name, site in {"other": "yp:bj01", "imposter": SITE}.items():
        other = Office.create(folder / f"office of {name}", site=site, now=NOW)
        write(other, folder / name, NOW)
    return folder


def write(office, place, now):
    """Publishes the ledger to the folder `place`, and to one file beside it."""
    authority = office.authority
    made = authority.checkpoint(lambda: now)
    authority.publish(made, place)
    with authority.book() as book:
        bridges, bundles = book.replica.history.bridges(), book.replica.bundles()
        archive.write(place.with_suffix(".ledger"), made, bridges, bundles)


@pytest.fixture
def yard(compound, tmp_path, monkeypatch):
    shutil.copytree(compound, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW + 101)
    return tmp_path


@pytest.fixture(params=SOURCES)
def source(request, yard):
    """Gives the name under which a ledger is had: of a file, a folder, or on a server."""
    with contextlib.ExitStack() as stack:

        def of(name):
            if request.param == "server":
                return stack.enter_context(publishing(yard / name)).url
            return f"{name}.ledger" if request.param == "file" else name

        yield of


def enrol(office, name):
    key = key_named(name).public
    return office.enrol(name, key=key, klass=HolderClass.RESIDENT, zones=1, now=NOW, days=30)


def held():
    """Everything the terminal's store holds."""
    with closing(sqlite3.connect("north-1/store.db")) as db:
        return list(db.iterdump())


def flipped(at):
    """The new ledger with one bit turned, at this part of its length."""
    data = bytearray(Path("new.ledger").read_bytes())
    data[int(at * len(data))] ^= 1
    return bytes(data)


@pytest.mark.long
def test_a_ledger_is_imported_and_the_status_says_how_much_and_how_old(yard, main, source):
    imported = main("ledger", "import", source("new"), "--site", "north-1")
    status, said, why = main("ledger", "status", "--site", "north-1", "--json")

    assert imported == (0, f"{ORIGIN}: {NEW} entries, {NEW} new\n", "")
    assert (status, why) == (0, "")
    found = json.loads(said)
    digest = found.pop("genesis")
    assert [len(bytes.fromhex(one)) for one in (found.pop("root"), digest)] == [32, 32]
    assert found == {
        "origin": ORIGIN,
        "size": NEW,
        "passes": 1,
        "age_seconds": 41,
        "policy_version": 1,
        "forks": 0,
        "peers": None,
        "alarms": [],
        "orders": [],
        "conflicts": [],
        "duress": [],
    }
    status, said, why = main("ledger", "status", "--site", "north-1")
    lines = [
        f"{ORIGIN}: {NEW} entries, 1 passes, 41 s old",
        f"policy 1, genesis {digest[:32]}",
        "yardpass sync is not running here: no peer hears of these checks",
    ]
    assert (status, said.splitlines(), why) == (0, lines, "")


def test_the_status_tells_checks_that_contradict_each_other_the_newest_of_many(yard, main):
    with closing(sqlite3.connect("north-1/store.db", isolation_level=None)) as db:
        for number, name in enumerate(("north-1", "south-1"), start=1):
            origin = f"{ORIGIN}/{name}/{number:016x}"
            row = (number, b"", bytes((number,)), 0, origin, 0, 0, b"", "", 0, 0, b"")
            db.execute(f"INSERT INTO feed VALUES ({', '.join('?' * 12)})", row)
        begun = Opening(bytes(32), 0, b"", 0, "yardpass 0.0.9", 0).to_bytes()
        row = (1 << 32, begun, b"", *5 * [None])
        db.execute("INSERT INTO feed_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        places = [(1 << 32) + 7, (2 << 32) + 8]
        db.execute("INSERT INTO conflict VALUES (?, ?, 180)", places)
        for kind, at in (("quota", 120), ("passback", 60)):
            db.execute("INSERT INTO presence_conflict VALUES (?, ?, ?, ?)", (kind, *places, at))
        few = main("ledger", "status", "--site", "north-1")
        found = json.loads(main("ledger", "status", "--site", "north-1", "--json")[1])
        for seq in range(20):
            row = (places[0] + seq, places[1] + 1 + seq, 240)
            db.execute("INSERT INTO presence_conflict VALUES ('passback', ?, ?, ?)", row)
    many = main("ledger", "status", "--site", "north-1")

    checks = "north-1 check 7 (by 0.0.9) and south-1 check 8, found 1970-01-01 00"
    said = [
        f"one person went in twice and not out between: {checks}:01 UTC",
        f"more entries than the credential is good for: {checks}:02 UTC",
        f"one code counted twice: {checks}:03 UTC",
    ]
    assert (few[0], few[1].splitlines()[3:]) == (0, said)
    assert [one["kind"] for one in found["conflicts"]] == ["passback", "quota", "code"]
    assert found["conflicts"][1] == {
        "kind": "quota",
        "first": f"{ORIGIN}/north-1/0000000000000001",
        "first_seq": 7,
        "second": f"{ORIGIN}/south-1/0000000000000002",
        "second_seq": 8,
        "found_at": 120,
        "first_software": "yardpass 0.0.9",
        "second_software": "",
    }
    assert many[1].splitlines()[3] == "3 earlier conflicts, see --json"
    assert len(many[1].splitlines()) == 3 + 1 + 20


def test_a_new_terminal_says_that_it_has_accepted_nothing(yard, main):
    status, said, why = main("ledger", "status", "--site", "north-1")
    found = json.loads(main("ledger", "status", "--site", "north-1", "--json")[1])

    assert (status, why) == (0, "")
    assert said.startswith(f"{ORIGIN}: 0 entries, 0 passes, nothing accepted yet\npolicy 1, ")
    assert (found["size"], found["age_seconds"], found["policy_version"]) == (0, None, 1)


def test_importing_a_ledger_again_changes_nothing(yard, main, source):
    place = source("new")
    main("ledger", "import", place, "--site", "north-1")
    before = held()

    said = main("ledger", "import", place, "--site", "north-1")

    assert said == (0, f"{ORIGIN}: {NEW} entries, 0 new, 41 s old\n", "")
    assert held() == before


def test_a_newer_ledger_adds_only_what_is_new(yard, main, source):
    main("ledger", "import", "old.ledger", "--site", "north-1")

    said = main("ledger", "import", source("new"), "--site", "north-1")

    assert said == (0, f"{ORIGIN}: {NEW} entries, {NEW - OLD} new\n", "")


def without_last():
    with Office.open(Path("office")).authority.book() as book:
        (bodies,) = book.replica.bundles()
        archive.write(Path("bad.ledger"), Path("new/checkpoint").read_bytes(), [], [bodies[:-1]])
    return Path("bad.ledger").read_bytes()


def shown_in(name):
    return Path(f"{name}.ledger").read_bytes()


REFUSED = {
    "empty": (OLD, lambda: b"", "is no ledger file"),
    "picture": (OLD, lambda: b"\x89PNG\r\n", "is no ledger file"),
    "magic only": (OLD, lambda: archive.MAGIC, "ends early"),
    "cut short": (OLD, lambda: shown_in("new")[:-1], "ends early"),
    "cut at an entry": (OLD, without_last, f"ends before entry {NEW} of {NEW}"),
    "bit of the note": (OLD, lambda: flipped(0.1), ""),
    "bit of a signature": (OLD, lambda: flipped(0.2), ""),
    "bit of an entry": (OLD, lambda: flipped(0.97), "do not hash to the signed root"),
    "other site": (OLD, lambda: shown_in("other"), "no known key signed"),
    "same name": (OLD, lambda: shown_in("imposter"), "no known key signed"),
    "rolled back": (NEW, lambda: shown_in("old"), f"{OLD} entries, {NEW} were accepted before"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_file_changes_nothing_and_is_named_with_its_fault(yard, main, name):
    size, make, fault = REFUSED[name]
    Path("bad.ledger").write_bytes(make())
    main("ledger", "import", "new.ledger" if size == NEW else "old.ledger", "--site", "north-1")
    before = held()

    status, said, why = main("ledger", "import", "bad.ledger", "--site", "north-1")

    assert (status, said) == (1, "")
    assert why.splitlines()[-1].startswith("yardpass: bad.ledger")
    assert fault in why
    assert why.endswith(f"; {ORIGIN} stays at {size} entries\n")
    assert held() == before


@pytest.mark.parametrize("name", ["checkpoint", f"tile/entries/000.p/{NEW}"])
@pytest.mark.parametrize("spoil", [bytes.upper, lambda data: data[:-1], None])
@pytest.mark.parametrize("is_web", [False, True], ids=["folder", "server"])
def test_what_a_place_shows_wrong_changes_nothing_and_names_it(yard, main, name, spoil, is_web):
    path = yard / "new" / name
    path.write_bytes(spoil(path.read_bytes())) if spoil else path.unlink()
    main("ledger", "import", "old.ledger", "--site", "north-1")
    before = held()

    with publishing(yard / "new") as server:
        where = server.url if is_web else "new"
        status, said, why = main("ledger", "import", where, "--site", "north-1")

    assert (status, said) == (1, "")
    assert why.startswith(f"yardpass: {where}: ")
    assert why.endswith(f"; {ORIGIN} stays at {OLD} entries\n")
    assert held() == before


def test_two_histories_raise_an_alarm_that_stays_and_change_nothing_else(yard, main, source):
    main("ledger", "import", "new.ledger", "--site", "north-1")
    before = held()
    place = source("fork")

    status, said, why = main("ledger", "import", place, "--site", "north-1")
    after = held()
    told = main("ledger", "status", "--site", "north-1")
    found = main("ledger", "status", "--site", "north-1", "--json")

    assert (status, said) == (1, "")
    assert "the same size with another root: two histories" in why
    assert f"; {ORIGIN} stays at {NEW} entries. ALARM: both checkpoints are kept as " in why
    new = [line.split(" VALUES")[0] for line in after if line not in before]
    assert new == ['INSERT INTO "evidence"']
    assert (told[0], found[0]) == (1, 1)
    assert told[2].startswith("ALARM: two histories of this ledger, seen 2026-")
    assert (json.loads(found[1])["forks"], found[2]) == (1, "")
    assert main("ledger", "import", "new.ledger", "--site", "north-1")[0] == 0
    assert main("ledger", "status", "--site", "north-1")[0] == 1


@pytest.mark.parametrize("place", ["none", "none.ledger"])
def test_a_missing_place_is_named_with_what_to_try(yard, main, place):
    said = main("ledger", "import", place, "--site", "north-1")

    why = f"{place} cannot be read (No such file or directory)"
    step = "plug the stick in or give another folder"
    assert said == (1, "", f"yardpass: {why}; {step}\n")


@pytest.mark.parametrize("place", ["", "ftp://example.org", "http://", "http://a b/", "a\nb"])
def test_what_is_no_place_is_refused(yard, main, place):
    status, said, why = main("ledger", "import", place, "--site", "north-1")

    assert (status, said) == (1, "")
    assert re.search(r"no source of a ledger; give |no web address; write it like https://", why)


def test_a_server_that_is_down_is_named_and_changes_nothing(yard, main):
    with publishing(yard / "new") as server:
        where = server.url
    main("ledger", "import", "old.ledger", "--site", "north-1")
    before = held()

    status, said, why = main("ledger", "import", where, "--site", "north-1")

    assert (status, said) == (1, "")
    assert why.startswith(f"yardpass: {where}/checkpoint cannot be read ")
    assert held() == before


@pytest.mark.parametrize("command", ["import", "verify"])
def test_a_password_in_an_address_is_never_shown(yard, main, command):
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnote") as bad:
        place = bad.url.replace("://", "://guard:sekret@")
        refused = main("ledger", command, place, "--site", "north-1")
    with publishing(yard / "new") as good:
        place = good.url.replace("://", "://guard:sekret@")
        said = main("ledger", command, place, "--site", "north-1")

    assert (refused[0], said[0]) == (1, 0)
    assert refused[2].startswith(f"yardpass: {bad.url}: ")
    assert "sekret" not in " ".join((*refused[1:], *said[1:]))


@pytest.mark.parametrize("command", [["import", "new.ledger"], ["status"]])
def test_a_folder_that_is_no_terminal_is_named_with_the_next_step(yard, main, command):
    status, said, why = main("ledger", *command)

    assert (status, said) == (1, "")
    assert why == "yardpass: no file site.toml; make one with: yardpass office terminal\n"


def on_a_terminal(*arguments):
    """What a command prints, and what it shows on the terminal that its errors go to."""
    ours, theirs = os.openpty()
    command, shown = [YARDPASS, *arguments], b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # how the end of a terminal reads
            while data := os.read(ours, 4_096):
                shown += data
        said = process.stdout.read()
    os.close(ours)
    return process.returncode, said, shown.decode()


@pytest.mark.long
def test_many_passes_are_imported_with_bars_on_a_terminal(yard):
    office, number, key = Office.open(Path("office")), int.to_bytes, key_named("many").public
    issuer = keyfile.read_key(Path("office/keys/issuer.key"), hint="").public.kid
    issued = (1, 1, 1, NOW, NOW + 9, key)
    office.add(
        *(
            entries.Pass(number(n, 8, "big"), issuer, f"s{n}", "yp:hz07/s/1", n, *issued)
            for n in range(MANY)
        )
    )

    published = on_a_terminal("office", "publish", "many")
    imported = on_a_terminal("ledger", "import", "many", "--site", "north-1")

    size = NEW + MANY
    assert imported[:2] == (0, f"{ORIGIN}: {size} entries, {size} new\n")
    assert all(word in published[2] for word in ("Fetching", "Applying", "Publishing", "100%"))
    assert all(word in imported[2] for word in ("Fetching", "Applying", "100%"))
    with open_replica(load(Path("north-1/site.toml"))) as replica:
        assert replica.pass_count() == MANY + 1


@pytest.mark.long
def test_json_is_one_document_even_on_a_terminal(yard):
    for command in (["status"], ["fsck"]):
        returned, said, shown = on_a_terminal("ledger", *command, "--site", "north-1", "--json")

        assert (returned, shown, said.count("\n")) == (0, "", 1)
        assert isinstance(json.loads(said), dict)


def test_an_exported_file_is_the_one_that_was_imported(yard, main):
    refused = main("ledger", "export", "out.ledger", "--site", "north-1")
    main("ledger", "import", "new.ledger", "--site", "north-1")

    said = main("ledger", "export", "out.ledger", "--site", "north-1")

    assert refused == (1, "", f"yardpass: {ORIGIN} has accepted no ledger yet\n")
    assert said == (0, f"wrote out.ledger, {NEW} entries of {ORIGIN}\n", "")
    assert Path("out.ledger").read_bytes() == Path("new.ledger").read_bytes()


def test_an_exported_stick_shows_what_the_office_published(yard, main):
    main("ledger", "import", "new.ledger", "--site", "north-1")

    said = main("ledger", "export", "stick", "--site", "north-1")

    assert said == (0, f"wrote stick, {NEW} entries of {ORIGIN}\n", "")
    shown = {path.relative_to("stick"): path.read_bytes() for path in walk("stick")}
    for path, data in shown.items():
        assert (Path("new") / path).read_bytes() == data
    assert len(shown) == len(list(walk("new")))


def walk(folder):
    return (path for path in Path(folder).rglob("*") if path.is_file())


def test_a_stick_with_a_longer_ledger_is_not_overwritten(yard, main):
    shutil.copytree("new", "stick")
    main("ledger", "import", "old.ledger", "--site", "north-1")
    before = {path: path.read_bytes() for path in walk("stick")}

    status, said, why = main("ledger", "export", "stick", "--site", "north-1")

    assert (status, said) == (1, "")
    assert f"stick shows {NEW} entries that are not in the {OLD} of this ledger" in why
    assert {path: path.read_bytes() for path in walk("stick")} == before


def test_verify_judges_a_ledger_from_nothing_and_changes_nothing(yard, main, source):
    main("ledger", "import", "new.ledger", "--site", "north-1")
    Path("bad.ledger").write_bytes(flipped(0.97))
    before, old = held(), source("old")

    good, bad = (main("ledger", "verify", n, "--site", "north-1") for n in (old, "bad.ledger"))

    assert (good[0], good[2]) == (0, "")
    assert good[1].startswith(f"{old}: {ORIGIN}, {OLD} entries, root ")
    assert bad == (1, "", "yardpass: bad.ledger: the entries do not hash to the signed root\n")
    assert held() == before


def test_fsck_exits_with_one_on_damage_and_says_where(yard, main):
    main("ledger", "import", "new.ledger", "--site", "north-1")
    sound = [main("ledger", "fsck", "--site", "north-1", *more) for more in ([], ["--json"])]
    with closing(sqlite3.connect("north-1/store.db", isolation_level=None)) as db:
        db.execute("UPDATE bundle SET body = CAST(body || x'00' AS BLOB)")

    text, document = (main("ledger", "fsck", "--site", "north-1", *m) for m in ([], ["--json"]))

    assert sound[0] == (0, "north-1/store.db: sound\n", "")
    assert json.loads(sound[1][1]) == {"ok": True, "findings": []}
    assert (text[0], document[0], document[2]) == (1, 1, "")
    assert json.loads(document[1]) == {"ok": False, "findings": text[1].splitlines()}
    assert "keep the store for evidence" in text[2]


def test_fsck_goes_on_without_the_sites_secret_and_says_what_it_leaves_out(yard, main):
    with closing(sqlite3.connect("north-1/store.db", isolation_level=None)) as db:
        db.execute("INSERT INTO holder_mark VALUES (5, 0, 0, 0, 1, '{}')")
    whole = main("ledger", "fsck", "--site", "north-1")
    Path("north-1/site.secret").unlink()

    status, said, why = main("ledger", "fsck", "--site", "north-1")

    assert (whole[0], "the marks of holder 5 follow from no checks" in whole[1]) == (1, True)
    assert (status, said) == (0, "north-1/store.db: sound\n")
    assert "no file north-1/site.secret" in why
    assert why.endswith("what peers reported of holders is not checked\n")


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
    enrol(Office.open(Path("office")), "李")

    done = subprocess.run(
        [YARDPASS, "office", "list"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert b"\\u674e " in done.stdout
