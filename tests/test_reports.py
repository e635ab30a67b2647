"""Reports: records of checks and acts to rows, rows to tables, sheets and documents."""

import csv
import io
import json

import pytest
from compound import DAY, HOUR, NOW
from hypothesis import given
from hypothesis import strategies as st

from appliance.gate.overstays import Overstay
from appliance.office.reports import acts, checks, standing
from appliance.office.reports.record import Record, named, record_of
from appliance.office.reports.span import Span, begin_of, day_named, span_of
from appliance.office.reports.standing import Post
from appliance.office.reports.table import (
    FORMULA,
    MAX_SHOWN,
    Column,
    Kind,
    Table,
    clock,
    day_name,
    to_csv,
    to_json,
    to_text,
)
from appliance.office.residents import Resident
from appliance.policy.schedule import UTC, Zone, moment
from appliance.policy.verdict import Action, Colour
from appliance.zones import zone_of
from ledger_sync import act, masks
from ledger_sync.act import Act, Deed
from ledger_sync.acts import Done
from ledger_sync.errors import Refused

SECRET = b"the secret of a site, 32 bytes.."
ANN, BOB = b"handle 1", b"handle 2"
SHANGHAI = Zone((), (8 * HOUR,))


def record(at=NOW, **stated):
    """A green check of a resident on the way in; `handle` says whose."""
    handle = stated.pop("handle", ANN)
    values = {
        "terminal": "north-1", "gate": "north", "at": at, "hlc": at << 16, "way": 0,
        "colour": Colour.GREEN, "action": Action.OPEN, "reasons": (), "klass": 1,
        "is_guest": False, "ends_at": 0, "holder": "11" * 8, "ledger_size": 9, "heard_at": at - 41,
        "pseudonym": masks.pseudonym(masks.day_key(SECRET, at), handle),
    }  # fmt: skip
    return Record(**values | stated)


def red(reason="R-REVOKED", at=NOW, **stated):
    shut = {"colour": Colour.RED, "action": Action.DENY, "reasons": (reason,), "holder": ""}
    return record(at, **shut | stated)


def guest(at=NOW, way=0, *, ends_at=NOW + HOUR, name="aa" * 8, **stated):
    terms = {"klass": 4, "is_guest": True, "ends_at": ends_at, "way": way, "holder": name}
    return record(at, **terms | stated)


def rows(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_a_check_is_named_by_the_roll_on_its_own_day_and_by_no_other_secret():
    seen = [record(NOW), record(NOW + DAY), record(NOW, handle=BOB), record(NOW, handle=b"nobody")]
    roll = [(ANN, "Ann"), (BOB, "Bob")]

    assert [one.who for one in named(seen, roll, SECRET)] == ["Ann", "Ann", "Bob", ""]
    assert [one.who for one in named(seen, roll, bytes(32))] == [""] * 4


@given(st.binary(max_size=400))
def test_any_bytes_are_a_record_or_none(data):
    assert record_of("north-1", data, SECRET) is None or data[0] == 1


def test_denials_are_counted_by_the_reason_that_decided_and_by_gate():
    seen = named(
        [
            red(), red(at=NOW + 1), red(at=NOW + 2, handle=BOB), red(gate="south"),
            red("R-FOREIGN", handle=b"nobody"), record(), red(action=Action.OPEN, way=1),
            record(colour=Colour.YELLOW, action=Action.ASK, reasons=("Y-IDCHECK",)),
        ],
        [(ANN, "Ann"), (BOB, "Bob")],
        SECRET,
    )  # fmt: skip

    found = rows(checks.denied(seen))

    assert [(at["reason"], at["gate"], at["checks"], at["known_people"]) for at in found] == [
        ("R-REVOKED", "north", 3, 2),
        ("R-FOREIGN", "north", 1, 0),
        ("R-REVOKED", "south", 1, 1),
    ]
    assert found[0]["last_at"] == NOW + 2
    assert found[0]["meaning"] == "The office revoked this pass."


def test_each_denial_is_named_the_newest_first_also_by_a_reason_of_a_later_version():
    later = red("R-LATER", NOW + 9, reasons=("R-LATER", "R-MORE"))
    seen = named([red(), later, red(at=NOW + 3, reasons=())], [(ANN, "Ann")], SECRET)

    found = rows(checks.denied_each(seen))

    assert [at["reasons"] for at in found] == ["R-LATER R-MORE", "", "R-REVOKED"]
    assert [at["resident"] for at in found] == ["Ann"] * 3
    assert [at["meaning"] for at in found][:2] == ["", ""]


TODAY = Span(NOW - NOW % DAY, NOW - NOW % DAY + DAY)


def visitors(*moves, now=NOW + 2 * HOUR, span=TODAY, zone=UTC):
    return checks.visitors(moves, span, now, zone)


def test_visitors_are_listed_by_gate_and_hour_with_how_they_stand():
    seen = [
        guest(NOW),
        guest(NOW + HOUR, 1, gate="exit"),
        guest(NOW + 60, name="bb" * 8, ends_at=NOW + 9 * HOUR),
        guest(NOW + 70, name="cc" * 8, gate="garage"),
    ]

    table = visitors(*checks.checked(seen))

    assert [(at["gate"], at["visitor"][:2], at["state"]) for at in rows(table)] == [
        ("garage", "cc", "overdue"),
        ("north", "aa", "left"),
        ("north", "bb", "inside"),
    ]
    assert rows(table)[1]["left_by"] == "exit"
    assert table.notes == (
        "3 came, 1 left, 1 inside, 1 overdue",
        f"garage: {checks.hour_of(UTC, NOW):02} h 1",
        f"north: {checks.hour_of(UTC, NOW):02} h 2",
    )


def test_only_visitors_who_were_let_through_came():
    seen = [
        record(),
        guest(action=Action.ASK),
        guest(holder=""),
        record(klass=4, who="Plumber", holder="dd" * 8),
    ]

    found = rows(visitors(*checks.checked(seen)))

    assert [(at["visitor"][:2], at["known_as"]) for at in found] == [("dd", "Plumber")]


def test_who_came_yesterday_is_listed_today_while_inside_and_not_once_they_left():
    before = TODAY.begin - HOUR
    stays = guest(before, name="aa" * 8, ends_at=NOW + DAY)
    left = [guest(before, name="bb" * 8), guest(before + 60, 1, name="bb" * 8)]
    tomorrow = guest(TODAY.end, name="cc" * 8)

    table = visitors(*checks.checked([stays, *left, tomorrow]))

    assert [at["visitor"][:2] for at in rows(table)] == ["aa"]
    assert table.notes[0] == "0 came, 0 left, 1 inside, 0 overdue"


def test_a_second_entry_is_a_visit_of_its_own_and_an_exit_ends_the_last():
    seen = [guest(NOW), guest(NOW + 10), guest(NOW + 20, 1), guest(NOW + 30, 1)]

    found = rows(visitors(*checks.checked(seen)))

    assert [(at["came_at"], at["left_at"]) for at in found] == [(NOW, 0), (NOW + 10, NOW + 20)]


def done(kind, thing, at=NOW, guards=("Li",), said="", terminal="north-1"):
    deed = Deed(at, kind, thing, terminal)
    return Done(at << 16, terminal, at, Act(deed, guards, False, bytes(32)), said)


def test_visitors_whom_guards_signed_in_and_out_are_visits_as_well():
    signed = [
        done(act.Kind.IN, "ee" * 8, said="Plumber for flat 7"),
        done(act.Kind.OUT, "ee" * 8, NOW + HOUR, terminal="exit-1"),
        done(act.Kind.OPEN, "north"),
        Done(NOW << 16, "north-1", NOW, None),
    ]
    moves = checks.by_hand(signed, {"north-1": "north"})

    (found,) = rows(visitors(*moves))

    assert (found["gate"], found["left_by"], found["state"]) == ("north", "exit-1", "left")
    assert found["known_as"] == "Li: Plumber for flat 7"


def test_openings_by_hand_are_told_with_guard_and_reason_and_counted():
    seen = [
        done(act.Kind.OPEN, "north", said="ambulance"),
        done(act.Kind.OPEN, "south", NOW + 9, ("Wu",)),
        done(act.Kind.OPEN, "south", NOW + 1, ("Wu",), "courier"),
        done(act.Kind.NOTE, "-"),
    ]

    table = acts.opens(seen)

    assert [(at["guard"], at["gate"], at["reason"]) for at in rows(table)] == [
        ("Wu", "south", ""),
        ("Wu", "south", "courier"),
        ("Li", "north", "ambulance"),
    ]
    assert table.notes == ("3 by hand: Li 1, Wu 2", acts.FORGOTTEN)


def test_what_no_guard_signed_is_told_as_that():
    table = acts.opens([Done(0, "north-1", NOW, None)])

    assert rows(table)[0]["guard"] == "UNSIGNED"
    assert "no guard of the ledger signed it" in table.notes[-1]


def test_nothing_to_report_is_said():
    for table, said in (
        (checks.denied([]), "nobody was denied in these days"),
        (checks.denied_each([record()]), "nobody was denied in these days"),
        (visitors(), "no visitor came"),
        (acts.opens([]), "no gate was opened by hand in these days"),
        (standing.overdue([], NOW), "no visitor is overdue"),
        (standing.expiring([], NOW, 30 * DAY), "no pass ends in the next 30 days"),
        (standing.behind([], 0, NOW, DAY, with_all=False), "all 0 terminals were heard"),
    ):
        assert to_text(table, UTC).startswith(said)
        assert json.loads(to_json(table))["rows"] == []
        assert to_csv(table, UTC).count(b"\r\n") == 1


def test_overdue_visitors_are_told_with_the_minutes():
    late = [Overstay("aa" * 8, "north", 0, NOW, NOW + HOUR)]

    (found,) = rows(standing.overdue(late, NOW + 2 * HOUR))

    assert found["minutes_over"] == 60


def behind(*posts, with_all=False):
    return rows(standing.behind(posts, 20, NOW, DAY, with_all=with_all))


def test_a_gate_is_behind_that_is_silent_or_was_never_heard_or_had_an_old_ledger():
    fresh = (NOW - 60, NOW - 60, NOW - 99, 20)
    found = behind(
        Post("a", "a", *fresh, "here"),
        Post("b", "b"),
        Post("c", "c", NOW - 3 * DAY, NOW - 3 * DAY, NOW - 3 * DAY, 15),
        Post("d", "d", NOW - 60, NOW - 60, NOW - 4 * DAY, 9),
        Post("e", "e", NOW - 60, NOW - 60, 0, 0),
        Post("f", "f", *fresh, "silent"),
        Post("g", "g", *fresh, "this terminal"),
        Post("h", "h", NOW - 60),  # started, and nobody came yet
    )

    assert [(at["gate"], at["behind"]) for at in found] == [
        ("b", None), ("c", 5), ("d", 11), ("e", 20), ("f", 0),
    ]  # fmt: skip
    assert [at["what"] for at in found] == [
        "never heard",
        "no record for 3 d",
        "its ledger was 3 d old",
        "its ledger was missing",
        "silent now",
    ]


def test_gates_that_are_as_they_should_be_are_listed_when_asked_for():
    (found,) = behind(Post("a", "a", NOW, NOW, NOW, 20), with_all=True)

    assert found["what"] == "as it should be"


def held(resident, ends, carrier="key", status=0):
    return Resident(resident, b"", "", "", 0, 1, 1, ends, carrier, b""), status


def test_passes_that_end_soon_are_told_and_not_those_of_whoever_holds_a_longer_one():
    found = rows(
        standing.expiring(
            [
                held("Chen", NOW + 9 * DAY, "print", 2),
                held("Ann", NOW + 2 * DAY),
                held("Bob", NOW + 2 * DAY),
                held("Bob", NOW + 99 * DAY),
                held("Bob", NOW + 3 * DAY, "card"),
                held("Rex", NOW + DAY, status=1),
                held("Gone", NOW),
                held("Late", NOW + 31 * DAY),
            ],
            NOW,
            30 * DAY,
        )
    )

    told = [(at["resident"], at["carrier"], at["days_left"], at["status"]) for at in found]
    assert told == [
        ("Ann", "phone", 2, "in force"),
        ("Bob", "card", 3, "in force"),
        ("Chen", "printed pass", 9, "suspended"),
    ]


# Days


def test_a_span_is_of_whole_local_days():
    day = moment(SHANGHAI, NOW).day

    whole = Span(begin_of(SHANGHAI, day), begin_of(SHANGHAI, day + 1))
    assert span_of(SHANGHAI, NOW, None, None, 1) == whole
    assert span_of(SHANGHAI, NOW, None, None, 7).begin == begin_of(SHANGHAI, day - 6)
    assert span_of(UTC, NOW, "2026-01-30", "2026-01-31", 7) == Span(1_769_731_200, 1_769_904_000)
    assert NOW in span_of(UTC, NOW, None, None, 1)
    assert "today" not in span_of(UTC, NOW, None, None, 1)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/Havana", "Asia/Shanghai", "Asia/Beirut"]
)
def test_a_day_begins_with_its_first_second_also_where_clocks_change(name):
    zone = zone_of(name)

    for day in range(day_named("2026-01-01"), day_named("2027-01-01")):
        at = begin_of(zone, day)
        assert (moment(zone, at).day, moment(zone, at - 1).day) == (day, day - 1)


def test_a_day_that_begins_amid_a_jump_of_the_clocks_begins_there_and_one_that_is_none_somewhere():
    change = 20_000 * DAY - 1_800  # at 23:30 the clocks go to 00:30
    zone = Zone((change,), (0, HOUR))

    assert begin_of(zone, 20_000) == change
    apia = zone_of("Pacific/Apia")  # had no 30 December 2011
    skipped = day_named("2011-12-30")
    assert begin_of(apia, skipped - 1) < begin_of(apia, skipped) < begin_of(apia, skipped + 2)


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("yesterday", None, "'yesterday' is no day such as 2026-01-31"),
        (None, "2026-02-30", "is no day"),
        ("2026-01-31", "2026-01-30", "give the earlier day first"),
        ("2024-01-01", "2026-01-30", "no span of 1 to 400 days"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(first, last, why):
    with pytest.raises(Refused, match=why):
        span_of(UTC, NOW, first, last, 7)


def test_a_time_that_no_calendar_has_is_shown_all_the_same():
    assert clock(UTC, 1_767_225_600) == "2026-01-01 00:00"
    assert day_name(10**9) == "day 1000000000"


# How it looks

TABLE = Table(
    "sample",
    (Column("who"), Column("left_at", Kind.TIME), Column("count", Kind.NUMBER), Column("more")),
    [("Zoë, 40", 1_767_225_600, 3, 'said "no"'), ("陈伟", 0, -1, None)],
    notes=("one note",),
)


def read(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_a_sheet_is_rfc_4180_in_utf_8_with_the_times_of_the_site():
    data = to_csv(TABLE, SHANGHAI)

    assert read(data) == [
        ["who", "left_at", "count", "more"],
        ["Zoë, 40", "2026-01-01 08:00", "3", 'said "no"'],
        ["陈伟", "", "-1", ""],
    ]
    assert data.count(b"\r\n") == data.count(b"\n") == 3
    assert b'"said ""no"""' in data


@given(st.text(min_size=1))
def test_no_text_in_a_sheet_begins_as_a_formula_and_all_of_it_is_there(text):
    table = Table("t", (Column("a"), Column("b")), [(text, "end")])

    _, (first, last) = read(to_csv(table, UTC))

    assert not first.startswith(FORMULA)
    assert last == "end"
    assert first.removeprefix("'") == "".join(
        one if one.isprintable() else "?" for one in text
    ).removeprefix("'")


@pytest.mark.parametrize("sign", [*"=+-@", "＝", "＋", "－", "＠"])
def test_a_cell_that_a_spreadsheet_would_compute_has_an_apostrophe(sign):
    table = Table("t", (Column("a"),), [(f'{sign}HYPERLINK("http://x";A1)',)])

    (_, (cell,)) = read(to_csv(table, UTC))

    assert cell == f'\'{sign}HYPERLINK("http://x";A1)'


def test_a_document_holds_the_values_as_they_are():
    assert json.loads(to_json(TABLE)) == {
        "report": "sample",
        "rows": [
            {"who": "Zoë, 40", "left_at": 1_767_225_600, "count": 3, "more": 'said "no"'},
            {"who": "陈伟", "left_at": 0, "count": -1, "more": None},
        ],
        "notes": ["one note"],
    }


def test_a_table_lines_its_columns_up_with_letters_of_double_width():
    lines = to_text(TABLE, UTC).splitlines()

    assert lines[:2] == ["on 2026-01-01", "who      left   count  more"]
    assert lines[3:] == ['Zoë, 40  00:00      3  said "no"', "陈伟               -1", "one note"]


def test_a_table_of_several_days_says_which_and_hides_what_holds_nothing_or_is_for_sheets():
    columns = (Column("a"), Column("b_at", Kind.TIME), Column("c"), Column("d", Kind.NUMBER, True))
    table = Table("t", columns, [("x", DAY, "", 1), ("y", 2 * DAY, None, 2)])

    lines = to_text(table, UTC).splitlines()

    assert [line.split() for line in lines if "─" not in line] == [
        ["a", "b"],
        ["x", "1970-01-02", "00:00"],
        ["y", "1970-01-03", "00:00"],
    ]
    assert b'"x","1970-01-02 00:00","",1\r\n' in to_csv(table, UTC)


def test_of_very_many_rows_the_first_are_shown_and_the_others_counted():
    table = Table("t", (Column("a"),), [(f"row {n}",) for n in range(MAX_SHOWN + 7)])

    lines = to_text(table, UTC).splitlines()

    assert lines[-2:] == [f"row {MAX_SHOWN - 1}", "and 7 more rows: --csv and --json have all"]
    assert len(json.loads(to_json(table))["rows"]) == MAX_SHOWN + 7


def test_a_table_fits_a_narrow_screen_and_says_nothing_that_a_screen_obeys():
    table = Table("t", (Column("a"), Column("b")), [("\x1b[31mred[bold]" * 3, "y " * 40)])

    lines = to_text(table, UTC, width=30).splitlines()

    assert max(map(len, lines)) <= 30
    assert "\x1b" not in "".join(lines)
    assert "[bold]" in "".join(lines).replace(" ", "")
