"""The roll: what spreadsheets save is read, and every fault in it is named with its line."""

import base64
import csv
import hashlib
import io
from contextlib import suppress

import pytest
from compound import key_named
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.office import roll, sheet
from appliance.office.roll import Faults, Line
from appliance.passes.token import HolderClass
from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256

DAY = 86_400
MIDNIGHT = 19_675 * DAY  # the first second of 2023-11-14
NOON = MIDNIGHT + DAY // 2
PHONES = [key_named("phone", alg).public for alg in (ED25519, ES256)]
CARD = key_named("card", ES256).public
POINT = CARD.raw.hex()
OFF_CURVE = "04" + "11" * 64
CHEN = Line(2, "Chen", HolderClass.RESIDENT, 1, 30, None, "print")
HEADER = "resident,class,zones,days,until,key,card\n"
EASY = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def read(text, *, now=NOON, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return roll.read(data, now=now, **options)


def faults(text):
    """All faults of the roll. The message names the same ones."""
    with pytest.raises(Faults) as refusal:
        read(text)
    found = refusal.value.faults
    assert str(refusal.value) == "\n".join(f"line {number}: {what}" for number, what in found)
    return found


def sheet_of(rows, **dialect):
    out = io.StringIO()
    csv.writer(out, **dialect).writerows([HEADER.strip().split(","), *rows])
    return out.getvalue()


def row(**cells):
    return [cells.get(column, "") for column in roll.COLUMNS]


def url64(raw):
    return base64.urlsafe_b64encode(raw).decode()


def test_a_line_says_who_gets_what_and_for_how_long():
    lines = read(f"{HEADER}Chen,staff,0 2-3,7,,,{POINT}\n")

    assert lines == [Line(2, "Chen", HolderClass.STAFF, 0b1101, 7, CARD, "card")]


@pytest.mark.parametrize("text", ["resident\nChen", "resident,class,zones,key,days\nChen,,, ,"])
def test_an_empty_cell_and_an_absent_column_give_the_default(text):
    assert read(text) == [CHEN]


def test_columns_stand_in_any_order_and_case_with_spaces_around():
    lines = read(' Days ,RESIDENT\u00a0,\u3000class\n 7 , Chen ,  "Courier"\n')

    assert lines == [CHEN._replace(days=7, klass=HolderClass.COURIER)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_a_spreadsheet_saves_gives_the_same_lines(separator, end, encoding):
    rows = [["resident", "zones"], ["李小龍", "0+2"], ['"Chen ""Bo"", Jr;"', "3"]]

    lines = read(end.join(separator.join(cells) for cells in rows).encode(encoding))

    found = [(line.number, line.resident, line.zones) for line in lines]
    assert found == [(2, "李小龍", 0b101), (3, 'Chen "Bo", Jr;', 0b1000)]


def test_utf_16_of_the_other_byte_order_is_read():
    assert read(b"\xfe\xff" + "resident\nChen".encode("utf-16-be")) == [CHEN]


@pytest.mark.parametrize("end", ["\r\n", "\n\n\n", "\n,,,\n,\n", "\n \n\t\n;;;", '\n"",""\n'])
def test_what_spreadsheets_leave_below_and_beside_a_roll_is_nothing(end):
    assert read("resident,class" + "," * 99 + "\nChen,,,,,," + end) == [CHEN]


def test_empty_lines_are_counted_and_passed_over():
    assert read('\n;\nresident;days\n\n;;;\n"";""\nChen;\n') == [CHEN._replace(number=7)]


def test_a_roll_that_names_nobody_has_no_lines():
    assert read("resident,class\n") == []


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(1)", "+49", 'O"Neil', "👩‍👩‍👧"])
def test_a_name_is_just_text(name):
    assert read(f"resident\n{name}") == [CHEN._replace(resident=name)]


def test_a_name_has_one_spelling():
    assert read("resident\nJose\u0301") == [CHEN._replace(resident="José")]


@pytest.mark.parametrize("public", PHONES, ids=["ed25519", "p256"])
@pytest.mark.parametrize("spell", [bytes.hex, lambda raw: raw.hex().upper(), url64])
def test_a_holder_key_is_read_in_every_spelling(public, spell):
    for raw in (public.raw, cbor.encode(public.to_cose())):
        for text in {spell(raw), spell(raw).rstrip("=")}:
            assert read(f"resident,key\nChen,{text}") == [CHEN._replace(key=public, carrier="key")]


@pytest.mark.parametrize(
    ("cell", "zones"),
    [
        *[("0", {0}), ("52", {52}), ("1 3", {1, 3}), ("1;3", {1, 3}), ("1 + 3", {1, 3})],
        *[("0-3", {0, 1, 2, 3}), ("7-7 0 7", {0, 7}), ("0-52", set(range(53))), ("03", {3})],
    ],
)
def test_zones_are_numbers_and_ranges(cell, zones):
    (line,) = read(f"resident,zones\nChen,{cell}")

    assert {zone for zone in range(64) if line.zones >> zone & 1} == zones


@pytest.mark.parametrize(("day", "days"), [(14, 1), (15, 2), (30, 17)])
def test_until_is_the_last_second_of_that_day_and_days_reach_it(day, days):
    (line,) = read(f"resident,until\nChen,2023-11-{day}")

    assert line == CHEN._replace(until=MIDNIGHT + (day - 13) * DAY - 1, days=days)
    assert NOON + (days - 1) * DAY < line.until <= NOON + days * DAY


def test_a_date_is_past_with_its_last_second_and_no_sooner():
    text, end = "resident,until\nChen,2023-11-14", MIDNIGHT + DAY - 1

    assert read(text, now=end - 1) == [CHEN._replace(until=end, days=1)]
    with pytest.raises(Faults, match="line 2: until: 2023-11-14 is past"):
        read(text, now=end)


def test_the_last_date_is_that_of_3650_days():
    (line,) = read("resident,until\nChen,2033-11-10")

    assert line.days == roll.MAX_DAYS


DATE = "is no date such as 2027-01-31"
ZONES = "is no list of zones 0 to 52, such as 0 2 or 0-3"
NO_KEY = "bytes that are no holder key: a COSE_Key, 32 bytes of Ed25519 or 65 of P-256"
NO_TEXT = "neither hex nor base64url; make the column text before pasting keys"
NO_CARD = "no key of a card: 130 hex digits that begin with 04"
NO_NAME = "is no name: it holds line breaks, control characters or bad UTF-8"
KNOWN = "known are resident, household, staff, visitor, courier, emergency, vehicle, item"
LONG = cbor.encode({1: 1, -1: 4, -2: bytes(32)}).hex()  # X25519: a key, but none that signs
CELLS = [
    ("resident", "", "empty"),
    ("resident", "a" * 201, "a resident's name has 1 to 200 characters"),
    *[("resident", cell, f"{cell!r} {NO_NAME}") for cell in ["a\nb", "a\x1b[2J", "a\tb", "a\x85"]],
    ("class", "visiter", "'visiter' is unknown; did you mean 'visitor'?"),
    ("class", "7", f"'7' is unknown; {KNOWN}"),
    *[("zones", cell, f"'{cell}' {ZONES}") for cell in ["53", "-1", "3-1", "a", "0,1", "0/1"]],
    *[("zones", cell, f"'{cell}' {ZONES}") for cell in ["1 - 3", "01.Mrz", "²", "0-53", "1;"]],
    *[
        ("days", cell, f"'{cell}' is no whole number from 1 to 3650")
        for cell in ["0", "3651", "-1", "1.5", "٣", "00030"]
    ],
    *[("until", cell, f"'{cell}' {DATE}") for cell in ["31.12.2026", "20261231", "2027-W01-1"]],
    *[("until", cell, f"'{cell}' {DATE}") for cell in ["2027-02-29", "0000-01-01", "٢٠٢٧-01-01"]],
    *[("until", cell, f"{cell} is past") for cell in ["2023-11-13", "0001-01-01"]],
    ("until", "2033-11-11", "2033-11-11 is more than 3650 days ahead"),
    *[("key", cell, NO_TEXT) for cell in ["6.02E+76", "é", "A", "_w=", "++//", "_x", "=AAA"]],
    *[("key", cell, f"1 {NO_KEY}") for cell in ["a3", "_w==", "_w"]],
    *[
        ("key", cell, f"{len(cell) // 2} {NO_KEY}")
        for cell in ["a3" * 31, "02" + POINT[2:66], LONG]
    ],
    *[("key", cell, "not a point of P-256") for cell in [OFF_CURVE, "06" + POINT[2:]]],
    *[("card", cell, NO_CARD) for cell in ["04", "00" * 32, POINT[:-1], POINT[:-1] + "g"]],
    *[("card", cell, "not a point of P-256") for cell in [OFF_CURVE, "03" + POINT[2:]]],
]


@pytest.mark.parametrize(("column", "cell", "what"), CELLS)
def test_a_wrong_cell_is_named_with_its_line(column, cell, what):
    wrong = {"resident": "Chen", "class": "staff", column: cell}

    found = faults(sheet_of([row(resident="Okafor"), row(**wrong), row(resident="Ünal")]))

    assert found == [(3, f"{column}: {what}")]


COLUMNS = "known are resident, class, zones, days, until, key, card"
ABSENT = f"no column 'resident' in the header; {COLUMNS}"
NO_COLUMN = "stands under no column; a cell that holds the separator needs quotes"
SAVE = 'save the sheet as "CSV UTF-8"'
NUL = f"a NUL: this is no text; {SAVE}"
QUOTES = "quotes that do not pair, or too long a cell: "
AFTER, OPEN = "',' expected after '\"'", "unexpected end of data"
ROLLS = [
    ("", [(1, ABSENT)]),
    ("\n\nChen,", [(3, f"column 'Chen' is unknown; {COLUMNS}"), (3, ABSENT)]),
    ("resident,phone number\nChen", [(1, f"column 'phone number' is unknown; {COLUMNS}")]),
    ("resident,Dyas\nChen", [(1, "column 'Dyas' is unknown; did you mean 'days'?")]),
    ("days,days,resident\n7,8,Chen", [(1, "column 'days' stands twice")]),
    ('"1;2;3",resident\n,Chen', [(1, f"column '1;2;3' is unknown; {COLUMNS}")]),
    ("resident,,days\nChen,7", [(2, f"'7' {NO_COLUMN}")]),
    ("resident\nChen,7", [(2, f"'7' {NO_COLUMN}")]),
    (
        "Resdent,zone,zones\n,99,98\n",
        [
            (1, "column 'Resdent' is unknown; did you mean 'resident'?"),
            (1, "column 'zone' is unknown; did you mean 'zones'?"),
            (2, "resident: empty"),
            (2, f"zones: '98' {ZONES}"),
        ],
    ),
    (f"{HEADER}Chen,,,7,2027-01-31,,", [(2, "days and until on one line: give one of them")]),
    (
        f"{HEADER}Chen,,,,,{PHONES[0].raw.hex()},{POINT}",
        [(2, "key and card on one line: give each a line of its own")],
    ),
    (
        "resident\nChen\n\nJose\u0301\nchen\nJosé\nChen",
        [
            (6, "resident: 'José' has a print on line 4 already"),
            (7, "resident: 'Chen' has a print on line 2 already"),
        ],
    ),
    (
        f"{HEADER}Chen,,,,,,\nChen,,,,,,{POINT}\nChen,,,,,{url64(PHONES[1].raw)},\n"
        f"Wu,,,,,,{POINT.upper()}\nWu,,,,,{POINT},\nWu,,,,,{PHONES[1].raw.hex()},",
        [
            (5, "card: the same key as on line 3"),
            (6, "key: the same key as on line 3"),
            (7, "key: the same key as on line 4"),
            (7, "resident: 'Wu' has a key on line 6 already"),
        ],
    ),
    (
        'resident,zones\n"a\nb",99\nChen\n"W\nu"x\n,98\n"Bo\n',
        [
            (2, f"resident: 'a\\nb' {NO_NAME}"),
            (2, f"zones: '99' {ZONES}"),
            (5, QUOTES + AFTER),
            (7, "resident: empty"),
            (7, f"zones: '98' {ZONES}"),
            (8, QUOTES + OPEN),
        ],
    ),
    ('"resident"x\nChen\n""x', [(1, QUOTES + AFTER)]),
    (f"resident\n{'x' * 1_025}\nChen", [(2, f"{QUOTES}field larger than field limit (1024)")]),
    (b"resident\r\nChen\rJos\xe9\n\xff", [(3, "byte 0xe9 is not UTF-8; " + SAVE)]),
    (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xe9", [(1, "byte 0xe9 is not UTF-8; " + SAVE)]),
    ("resident\nChen\n".encode("utf-16") + b"x", [(3, "byte 0x78 is not UTF-16; " + SAVE)]),
    (b"\xff\xfea\x00\n\x00\x00\xd8a\x00", [(2, "byte 0x00 is not UTF-16; " + SAVE)]),
    ("resident\nChen".encode("utf-16-le"), [(1, NUL)]),
    ("resident\nCh\0en", [(2, NUL)]),
]


@pytest.mark.parametrize(("text", "found"), ROLLS)
def test_all_faults_are_named_in_the_order_of_their_lines(text, found):
    assert faults(text) == found


def test_a_message_shows_no_key_and_stays_short():
    rows = [row(resident="R", key=cell) for cell in (POINT[:-2], OFF_CURVE, "x" * 900)]
    rows += [row(resident="R", **{column: "y" * 900}) for column in ("class", "zones", "until")]

    for _, what in faults(sheet_of(rows)):
        assert len(what) < 150
        assert POINT[2:20] not in what


def test_a_thousand_faults_are_named_and_the_rest_counted():
    with pytest.raises(Faults) as refusal:
        read("resident,days\n" + "Chen,0\n" * 1_001)

    lines = str(refusal.value).splitlines()
    assert len(refusal.value.faults) == 1_001 + 1_000
    assert lines[999] == "line 502: days: '0' is no whole number from 1 to 3650"
    assert lines[1_000:] == ["and 1001 more"]


def test_a_roll_at_the_maxima_is_read_and_one_beyond_is_refused_at_once(monkeypatch):
    text = "resident,days\nChen,\nBo,\n\n,,\n"
    monkeypatch.setattr(roll, "MAX_LINES", 2)
    monkeypatch.setattr(roll, "MAX_ROLL", len(text))

    assert len(read(text)) == 2
    with pytest.raises(Refused, match="a roll of 29 bytes, at most 28 are read"):
        read(text + "\n")
    with pytest.raises(Refused, match="3 lines below the first, at most 2 are read; divide it"):
        read("resident\n,\n,\r\nx")
    monkeypatch.setattr(sheet, "MAX_COLUMNS", 2)
    with pytest.raises(Refused, match="more than 4 cells"):
        read("resident\n,,,,,x")
    with pytest.raises(Refused, match="3 columns, at most 2 are read"):
        read("resident,a,b")


@pytest.mark.parametrize(
    "text", ["resident\nChen", "resident\n,0", '"x', "resident" + "\n" * 9 + "x"]
)
def test_the_limit_of_csv_is_given_back(text, monkeypatch):
    monkeypatch.setattr(roll, "MAX_LINES", 8)
    before = csv.field_size_limit(54_321)

    with suppress(Refused):
        read(text)

    assert csv.field_size_limit(before) == 54_321


def test_progress_is_told_every_thousand_lines_and_may_stop_the_reading():
    text = "resident\n" + "".join(f"Chen {number}\n" for number in range(2_500))
    told = []

    read(text, progress=told.append)

    assert told == [1_000, 2_000]
    with pytest.raises(ZeroDivisionError):
        read(text, progress=lambda number: number // 0)


def test_the_template_is_a_roll_and_its_keys_belong_to_nobody():
    printed, phone, card = read(roll.template())

    assert [line.carrier for line in (printed, phone, card)] == ["print", "key", "card"]
    assert [line.klass for line in (printed, phone, card)] == [1, 2, 3]
    assert roll.template().splitlines()[0].split(",") == list(roll.COLUMNS)
    assert phone.key.raw == hashlib.sha256(b"yardpass example key 9").digest()
    assert card.key.raw[1:33] == hashlib.sha256(b"yardpass example card 1").digest()


def outcome(data):
    try:
        return read(data)
    except Refused as refused:
        assert refused.reason == "R-FORM"
        return None


TOKENS = [*"\r\n\t,; +-\"'=\0", "\r\n", '""', *roll.COLUMNS, "resident,", "visitor", "0-3", "52"]
TOKENS += [
    "2027-01-31",
    POINT,
    url64(PHONES[0].raw),
    "é",
    "李",
    "\ufeff",
    "\u2028",
    "\x1b",
    "x" * 200,
]
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=40).map("".join)
ENCODED = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])


@EASY
@given(st.binary(max_size=200) | st.builds(str.encode, TEXTS | TEXTS.map(HEADER.__add__), ENCODED))
@example(b"\xff\xfe")
@example(b"\xff\xfe\x00\xdc")
@example(b"\xef\xbb\xbf")
def test_any_bytes_give_lines_or_refused_and_nothing_else(data):
    """Any bytes give lines or `Refused`, nothing else, and the same again."""
    lines = outcome(data)

    assert lines is None or all(type(line) is Line and line.number > 1 for line in lines)
    assert outcome(data) == lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_roll_cut_anywhere_gives_its_first_lines_or_refused(encoding):
    """A roll cut at any byte gives lines that begin as the whole does, or `Refused`."""
    data = roll.template().encode(encoding)
    names = [line.resident for line in read(data)]

    for end in range(len(data)):
        for line, name in zip(outcome(data[:end]) or [], names, strict=False):
            assert name.startswith(line.resident)


NAMES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=60)


@pytest.mark.long
@EASY
@given(
    st.lists(NAMES.map(str.strip).filter(bool), unique_by=roll.name_of, max_size=8),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(names, delimiter, end, quoting, encoding):
    """Names written by any spreadsheet come back in the spelling of the office, in order."""
    rows = [row(resident=name, zones="0 5", days="7") for name in names]
    text = sheet_of(rows, delimiter=delimiter, lineterminator=end, quoting=quoting)

    lines = read(text.encode(encoding))

    assert [line.resident for line in lines] == [roll.name_of(name) for name in names]
    assert {(line.zones, line.days) for line in lines} <= {(0b100001, 7)}
