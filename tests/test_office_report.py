"""`yardpass office report`: a day at a compound's gates as its manager is told of it."""

import csv
import io
import json
import re
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from compound import DAY, HOUR, key_named
from desk import run

from appliance import cli, version
from appliance.demo.compound import START, Compound
from appliance.gate import doorbell
from appliance.office.logbook import Logbook
from appliance.office.reports import schema
from appliance.office.reports.span import Span
from appliance.passes import invite
from appliance.passes.token import HolderClass, handle_of
from ledger_sync import act, entries, masks, peers_file, remark
from ledger_sync.act import Deed, Kind
from ledger_sync.act_record import ActRecord
from ledger_sync.checklog import CheckLog
from ledger_sync.gate_alarm import GateAlarm
from ledger_sync.remark import Remark
from ledger_sync.shelf import MAX_ENTRIES
from ledger_sync.store import Store

LI = key_named("li")
FORMULA = '=HYPERLINK("http://x")'
PAGE = (Path(__file__).parents[1] / "appliance" / "office" / "README.md").read_text("utf-8")


@pytest.fixture
def yard(tmp_path, monkeypatch):
    """A compound with a formula for a resident, a guard, and gates in Shanghai."""
    with Compound(tmp_path / "yard") as made:
        made.ann, made.bob = made.phone("Ann"), made.phone(FORMULA)
        made.plumber = made.phone("Plumber", klass=HolderClass.VISITOR)
        guard = entries.Issuer("Li", LI.public, START - DAY, START + DAY, 0, entries.MAY_ACT)
        made.office.add(entries.Rule("gate", b'{"time_zone": "Asia/Shanghai"}'), guard)
        made.open()
        monkeypatch.setattr(time, "time", lambda: float(made.clock.now))
        yield made


def report(yard, kind, *words, gate="north-1", ok=0):
    site = () if kind == "expiring" else ("--site", str(yard.folder / gate))
    office = ("--office", str(yard.folder / "office"))
    texts = ["office", "report", kind, *words, *office, *site]
    said = CliRunner().invoke(cli.cli, texts, catch_exceptions=ok == 0)
    assert said.exit_code == ok, said.output
    return said


def rows(yard, kind, *words):
    return json.loads(report(yard, kind, *words, "--json").stdout)["rows"]


def shows(yard, text, gate="north"):
    return yard.stations[gate].terminal.present(text)


def invited(yard, seconds, cti=b"visit-01"):
    """A printed invite of Ann's, good for so long."""
    now = yard.clock.now
    claims = invite.Invite(now - 60, now + seconds, cti, None, None, 1, 5)
    named = invite.by_handle(yard.ann.held.handle)
    return invite.bearer(invite.invite(claims, host=named, key=yard.ann.key))


def visitor(cti=b"visit-01", *, yard):
    return invite.credential_of(handle_of(yard.ann.held.token), cti).hex()


def signs(yard, kind, thing, said=""):
    """Li did something at the north gate."""
    settings, now = yard.stations["north"].settings, yard.clock.now
    told = Remark(bytes(16), said)
    digest = told.digest if said else b""
    sealed = remark.seal(told, yard.office.secret(), nonce=bytes(24)) if said else b""
    note = act.sign(settings.origin, Deed(now, kind, thing, "north-1", digest), [LI])
    write(yard, ActRecord(now, now << 16, bytes(32), note).to_bytes(), sealed)


def write(yard, entry, sealed=b""):
    """An entry in a feed of the north terminal's own."""
    with Store(yard.stations["north"].settings.store) as store:
        log = CheckLog(store)
        count = store.row("SELECT count(*) FROM feed")[0]
        number = log.open_feed(f"yardpass/hz07/north-1/{count:016x}", b"o", yard.clock.now)
        log.append(number, 1, entry, sealed=sealed)


def day(yard):
    """Two residents, one of whom is revoked at noon, a forger, a visitor."""
    shows(yard, yard.ann.reference(yard.clock.now))
    shows(yard, yard.ann.reference(yard.clock.now))  # once more: a replay
    yard.office.set_status(FORMULA, 1, now=yard.clock.now)
    yard.clock.now += 60
    yard.publish()
    for _ in range(2):
        yard.clock.now += 1
        shows(yard, yard.bob.reference(yard.clock.now))
    shows(yard, b"HC1:foreign")


def test_who_was_denied_is_counted_and_named_in_the_clocks_of_the_site(yard):
    day(yard)

    counted, each = rows(yard, "denied"), rows(yard, "denied", "--each")

    assert [(at["reason"], at["gate"], at["checks"]) for at in counted] == [
        ("R-REVOKED", "north", 2),
        ("R-FOREIGN", "north", 1),
        ("R-REPLAY", "north", 1),
    ]
    assert [at["resident"] for at in each] == ["", FORMULA, FORMULA, "Ann"]
    said = report(yard, "denied").stdout.splitlines()
    assert said[0] == "on 2026-11-22"
    assert said[3].split()[:5] == ["R-REVOKED", "north", "2", "1", "16:01"]


def test_a_name_that_is_a_formula_is_a_text_in_the_sheet(yard):
    day(yard)

    said = report(yard, "denied", "--each", "--csv").stdout_bytes

    assert said.count(b"\r\n") == said.count(b"\n") == 5
    found = list(csv.reader(io.StringIO(said.decode(), newline="")))
    assert [row[3] for row in found] == ["resident", "", f"'{FORMULA}", f"'{FORMULA}", "Ann"]


def test_other_days_are_other_days(yard):
    day(yard)

    assert rows(yard, "denied", "--to", "2026-11-21") == []
    assert len(rows(yard, "denied", "--from", "2026-11-22", "--to", "2026-11-22")) == 3
    assert "nobody was denied" in report(yard, "denied", "--to", "2026-11-21").stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["--from", "soon"], 1, "'soon' is no day such as 2026-01-31"),
        (["--from", "2026-11-30", "--to", "2026-11-22"], 1, "give the earlier day first"),
        (["--csv", "--json"], 2, "give --csv or --json, not both"),
        (["--days", "401"], 2, "401 is not in the range"),
    ],
)
def test_what_cannot_be_meant_is_refused(yard, main, words, code, why):
    office, site = yard.folder / "office", yard.folder / "north-1"

    said = main("office", "report", "denied", "--office", office, "--site", site, *words)

    assert said[:2] == (code, "")
    assert why in said[2]


def test_a_terminal_of_another_site_is_refused(yard, main, tmp_path):
    yard.stranger()
    office, site = yard.folder / "elsewhere", yard.folder / "north-1"

    said = main("office", "report", "denied", "--office", office, "--site", site)

    assert said[:2] == (1, "")
    assert "is a terminal of yardpass/hz07, this office is of yardpass/bj01" in said[2]


def test_visitors_of_the_day_are_listed_and_who_is_overdue(yard):
    text = invited(yard, 2 * HOUR)
    assert shows(yard, text).is_opened
    assert shows(yard, invited(yard, 600, b"visit-02")).is_opened
    assert shows(yard, yard.plumber.reference(yard.clock.now)).is_opened
    shows(yard, yard.ann.reference(yard.clock.now))  # no visitor
    yard.clock.now += HOUR

    found, late = rows(yard, "visitors"), rows(yard, "overstays")

    assert [(at["visitor"], at["known_as"], at["hour"], at["state"]) for at in found] == [
        (visitor(yard=yard), "", 16, "inside"),
        (visitor(b"visit-02", yard=yard), "", 16, "overdue"),
        (found[2]["visitor"], "Plumber", 16, "inside"),
    ]
    assert [(at["visitor"], at["minutes_over"]) for at in late] == [
        (visitor(b"visit-02", yard=yard), 50)
    ]
    told = report(yard, "visitors").stdout.splitlines()
    assert told[-2:] == ["3 came, 0 left, 2 inside, 1 overdue", "north: 16 h 3"]
    assert rows(yard, "visitors", "--day", "2026-11-21") == []


def test_a_guard_signs_a_visitor_in_and_out_and_opens_by_hand(yard):
    signs(yard, Kind.IN, "ee" * 8, "Courier, two parcels")
    signs(yard, Kind.OPEN, "north", "let the courier through")
    yard.clock.now += 600
    signs(yard, Kind.OUT, "ee" * 8)

    (came,), (opened,) = rows(yard, "visitors"), rows(yard, "opens")

    assert (came["known_as"], came["state"]) == ("Li: Courier, two parcels", "left")
    assert opened == {
        "opened_at": START,
        "guard": "Li",
        "gate": "north",
        "terminal": "north-1",
        "reason": "let the courier through",
    }
    assert "1 by hand: Li 1" in report(yard, "opens").stdout


def test_gates_that_never_recorded_and_those_that_are_silent_are_stale(yard, monkeypatch):
    shows(yard, yard.ann.reference(yard.clock.now))

    first = rows(yard, "stale")
    yard.clock.now += 3 * DAY
    second = rows(yard, "stale", "--hours", "48")
    monkeypatch.setattr(doorbell, "is_answered", lambda path: True)
    state = {"name": "exit-1", "state": "away", "faults": 0, "fault": ""}
    (yard.folder / "north-1" / peers_file.NAME).write_text(json.dumps({"peers": [state]}))
    third = rows(yard, "stale", "--all")

    assert [at["terminal"] for at in first] == ["exit-1", "garage-1"]
    assert [at["terminal"] for at in second] == ["exit-1", "garage-1", "north-1"]
    assert second[2]["what"] == "no record for 3 d"
    assert [at["link"] for at in third] == ["silent", "", "this terminal"]


def test_passes_that_end_are_told_without_a_terminal_and_without_duress_keys(yard):
    yard.office.set_status("Plumber", 2, now=START)
    from appliance.office import duress

    duress.enrol(yard.office, "Ann", key_named("help").public, now=START)

    found = rows(yard, "expiring")

    assert [(at["resident"], at["carrier"], at["status"]) for at in found] == [
        (FORMULA, "phone", "in force"),
        ("Ann", "phone", "in force"),
        ("Plumber", "phone", "suspended"),
    ]
    assert rows(yard, "expiring", "--within", "7") == []
    assert "no pass ends in the next 7 days" in report(yard, "expiring", "--within", "7").stdout


def test_each_check_is_of_the_version_that_made_it_over_an_update(yard, monkeypatch, tmp_path):
    old, new = "yardpass 0.1.0-1795305600", "yardpass 0.1.0-1796000000"
    settings = yard.stations["north"].settings
    yard.close("north")
    for software in (old, new):
        monkeypatch.setattr(version, "software", lambda made=software: made)
        yard.start(settings)
        yard.clock.now += 1
        shows(yard, b"HC1:foreign")
        yard.close("north")
    report(yard, "sqlite", str(tmp_path / "days.db"))

    assert [at["version"] for at in rows(yard, "denied", "--each")] == [new[9:], old[9:]]
    standing = {at["terminal"]: at["version"] for at in rows(yard, "stale", "--all")}
    assert standing == {"north-1": new[9:], "exit-1": "", "garage-1": ""}
    assert query(tmp_path / "days.db", "SELECT software FROM checks ORDER BY at") == [
        (old,),
        (new,),
    ]
    assert query(tmp_path / "days.db", "SELECT software FROM denied") == [(new,), (old,)]


def test_a_damaged_bundle_is_named_and_hides_nothing_else(yard):
    day(yard)
    with Store(yard.stations["north"].settings.store) as store:
        row = (9 * MAX_ENTRIES, b"no bundle", b"")
        store.db.execute("INSERT INTO feed_bundle VALUES (?, ?, ?)", row)
        store.db.execute(
            "INSERT INTO feed (id, kid, incarnation, branch, origin, opened_at, size, peaks, note,"
            " own, taken, previous) VALUES (9, x'01', x'02', 0, 'yardpass/hz07/east/02', 0, 256,"
            " x'', '', 0, 0, x'')"
        )

    said = report(yard, "denied")

    assert "R-REVOKED" in said.stdout
    assert "not read, damaged: yardpass/hz07/east/02 from entry 0; run: yardpass ledger fsck" in (
        said.stderr
    )


def test_a_second_history_adds_only_what_the_first_has_not(yard):
    day(yard)
    settings, span = yard.stations["north"].settings, Span(START - DAY, START + DAY)
    with Store(settings.store) as store:
        first = len(Logbook(store, yard.office.secret()).records(span))
        own = "SELECT max(id) FROM feed WHERE size > 0 OR own"
        number = store.row(own)[0]
        columns = "kid, incarnation, 1, origin, opened_at, size, peaks, note, 0, taken, previous"
        store.db.execute(
            f"INSERT INTO feed SELECT 99, {columns} FROM feed WHERE id = ?", (number,)
        )
        store.db.execute("UPDATE feed SET size = 3 WHERE id = 99")
        store.db.execute(
            "INSERT INTO feed_entry SELECT id + (99 - ?) * 4294967296, body, sealed, NULL, NULL,"
            " NULL, NULL, NULL FROM feed_entry WHERE id / 4294967296 = ? AND id % 4294967296 < 3",
            (number, number),
        )

        again = len(Logbook(store, yard.office.secret()).records(span))

    assert again == first > 3


# The SQLite file


@pytest.fixture
def written(yard):
    day(yard)
    shows(yard, invited(yard, HOUR))
    signs(yard, Kind.OPEN, "north", "ambulance")
    write(yard, GateAlarm("forced", yard.clock.now, yard.clock.now << 16, "north").to_bytes())
    path = yard.folder / "days.db"
    said = report(yard, "sqlite", str(path))
    assert said.stdout == f"wrote {path}: 6 checks, 2 passes\n"
    return path


def query(path, text):
    db = sqlite3.connect(path)
    try:
        return db.execute(text).fetchall()
    finally:
        db.close()


def test_the_file_is_its_owners_only_and_whole(written):
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert query(written, "PRAGMA integrity_check") == [("ok",)]
    assert [path.name for path in written.parent.glob("*days.db*")] == ["days.db"]


def test_the_file_holds_the_tables_and_views_that_are_documented(written):
    kinds = {"INTEGER": int, "TEXT": str}
    for name, fields in schema.TABLES.items():
        found = query(written, f"PRAGMA table_info({name})")
        assert [(row[1], kinds[row[2]]) for row in found] == [(at.name, at.kind) for at in fields]
    for name, view in schema.VIEWS.items():
        found = query(written, f"PRAGMA table_info({name})")
        assert tuple(row[1] for row in found) == view.columns
        assert query(written, f"SELECT * FROM {name}"), f"{name} shows nothing of this day"
    listed = query(written, "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')")
    assert {name for kind, name in listed if kind == "table"} == schema.TABLES.keys()
    assert {name for kind, name in listed if kind == "view"} == schema.VIEWS.keys()


def test_the_page_documents_every_table_column_and_view_and_no_other():
    told = dict(re.findall(r"^### Table `(\w+)`\n\n.*\n.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE))
    types = {int: "INTEGER", str: "TEXT"}
    assert told.keys() == schema.TABLES.keys()
    for name, fields in schema.TABLES.items():
        rows = [f"| `{at.name}` | {types[at.kind]} | {at.what} |" for at in fields]
        assert told[name].splitlines() == rows
    views = PAGE.partition("### Views")[2].splitlines()[4:]
    assert views == [
        f"| `{name}` | {', '.join(f'`{column}`' for column in view.columns)} | {view.what} |"
        for name, view in schema.VIEWS.items()
    ]


def test_the_file_tells_what_happened(written):
    assert query(written, "SELECT reason, checks FROM reasons_by_day") == [
        ("R-REVOKED", 2),
        ("R-FOREIGN", 1),
        ("R-REPLAY", 1),
    ]
    assert query(written, "SELECT kind, gate, day FROM alarms") == [
        ("forced", "north", "2026-11-22")
    ]
    assert query(written, "SELECT object, guard, remark FROM opens") == [
        ("north", "Li", "ambulance")
    ]
    assert query(written, "SELECT resident, class FROM passes ORDER BY 1") == [
        ("Ann", "resident"),
        ("Plumber", "visitor"),
    ]
    assert query(written, "SELECT value FROM about WHERE name = 'site'") == [("yp:hz07",)]
    assert query(written, "SELECT sum(people) FROM people_by_hour") == [(2,)]


def test_the_file_holds_no_secret_no_key_and_nothing_that_opens_a_gate(written, yard):
    data = written.read_bytes()
    secrets = [
        yard.office.secret(),
        yard.ann.held.handle,
        yard.ann.held.token[-64:],
        yard.ann.key.public.raw,
        LI.public.raw,
        masks.pseudonym(masks.day_key(yard.office.secret(), START), yard.ann.held.handle),
    ]

    for one in secrets:
        assert one not in data
        assert one.hex().encode() not in data


def test_a_file_that_cannot_be_written_says_so_and_leaves_nothing(yard, main):
    office, site = yard.folder / "office", yard.folder / "north-1"
    path = yard.folder / "missing" / "days.db"

    said = main("office", "report", "sqlite", path, "--office", office, "--site", site)

    assert said[:2] == (1, "")
    assert "cannot be written" in said[2]


@pytest.mark.long
def test_the_file_is_written_anew_and_never_over_another_one(written, yard, main):
    before = written.read_bytes()
    report(yard, "sqlite", str(written))
    store = yard.folder / "exit-1" / "store.db"
    others = {store, yard.folder / "north-1" / "site.toml", yard.folder / "office" / "book.db"}
    bytes_of = {path: path.read_bytes() for path in others}
    beside = set(store.parent.iterdir())

    for path in others:
        office, site = yard.folder / "office", yard.folder / "north-1"
        said = main("office", "report", "sqlite", path, "--office", office, "--site", site)
        assert said[:2] == (1, "")
        assert "is there, and was not written by this report; give another name" in said[2]
    assert {path: path.read_bytes() for path in others} == bytes_of
    assert set(store.parent.iterdir()) == beside
    assert written.read_bytes() == before


def test_the_sites_own_tool_reads_the_file(written):
    from sqlite_utils.cli import cli as sqlite_utils

    said = CliRunner().invoke(sqlite_utils, ["rows", str(written), "reasons_by_day", "--csv"])

    assert said.stdout.splitlines()[1].startswith("2026-11-22,north,R-REVOKED,")


def test_a_typo_in_a_name_is_answered_with_the_nearest(desk, main):
    run("office", "enrol", "Okafor, flat 7")

    for typed, meant in (("chen", "Chen"), ("Okafor", "Okafor, flat 7"), ("Chem", "Chen")):
        for words in (["revoke", typed], ["deny", typed, "note"], ["issue", typed]):
            exit_code, out, err = main("office", *words)
            assert (exit_code, out) == (1, "")
            assert err.endswith(f" (did you mean '{meant}'?); see: yardpass office list\n")
    assert main("office", "revoke", "Zzz")[2].endswith("; see: yardpass office list\n")
