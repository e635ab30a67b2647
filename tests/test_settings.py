"""A terminal's settings file: all faults at once, each with its line and what is accepted."""

import codecs
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settings_faults import faults, written

from appliance.document import MAX_DEPTH, MAX_FILE
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.outfit import Outfit
from appliance.policy.facts import Direction, Gate
from appliance.settings import FILE_NAME, Driver, Settings, load
from hw.errors import Unavailable as HardwareUnavailable
from ledger_sync.errors import Refused, Unavailable

PLAIN = """\
[site]
origin = "yardpass/hz07"
audience = "yp:hz07"

[terminal]
name = "north-1"
gate = "north"
direction = "in"
zones = [0, 2]

[camera]
driver = "files"
paths = ["pictures"]

[relay]
driver = "sim"
pulse_ms = 700

[files]

[eye]
deadline_ms = 1000
"""
NAMES = "accepted: a-z, 0-9, dot, dash"
ORIGINS = "accepted: a-z, 0-9 and . / : -"
ADDRESSES = 'accepted: an address such as "0.0.0.0:7461", the port 1 to 65535'
ZONES = "accepted: a list of zone numbers from 0 to 52, such as [0, 1]"


@pytest.fixture
def file(tmp_path):
    return tmp_path / FILE_NAME


def test_a_plain_file_says_all_with_its_defaults(file):
    made = load(written(file, PLAIN))

    folder = file.parent
    assert made == Settings(
        folder=folder,
        gate=Gate("yp:hz07", "north", Direction.IN, 0b101),
        terminal="north-1",
        origin="yardpass/hz07",
        policy=folder / "policy.txt",
        store=folder / "store.db",
        key=folder / "terminal.key",
        site_secret=folder / "site.secret",
        camera=Driver("files", {"paths": ["pictures"]}),
        relay=Driver("sim", {}),
        outfit=Outfit(),
        pulse_ms=700,
        deadline_ms=1_000,
        engines=("zxing", "zbar"),
        link_key=folder / "link.key",
        certificate=folder / "link.crt",
        auditor=folder / "auditor.pub",
        guards=folder / "guards",
        listen="",
        discover=False,
    )


@pytest.mark.parametrize(
    "address", ["0.0.0.0:7461", "[::]:1", "[fe80::1]:65535", "north-1.local:7461"]
)
def test_where_others_reach_it_and_that_it_looks_for_them_is_said_in_the_file(file, address):
    text = PLAIN.replace("[eye]", f'[sync]\nlisten = "{address}"\ndiscover = true\n[eye]')

    made = load(written(file, text))

    assert (made.listen, made.discover) == (address, True)


def test_three_mistakes_are_told_at_once_each_with_its_line_and_what_is_accepted(file):
    text = PLAIN.replace('"in"', '"both"').replace("pulse_ms = 700", "pulse_ms = 9_000")
    text = text.replace('driver = "files"', 'driver = "webcam"')

    with pytest.raises(Refused) as caught:
        load(written(file, text))

    assert str(caught.value) == (
        f"{file}:8: terminal.direction = 'both'; accepted: in, out\n"
        f"{file}:12: camera.driver = 'webcam'; accepted: files, picamera2, v4l2\n"
        f"{file}:17: relay.pulse_ms = 9000; accepted: a whole number from 50 to 5000"
    )


WRONG = [
    ('origin = "yardpass/hz07"', "", f"1: site.origin = nothing; {ORIGINS}"),
    ('"yardpass/hz07"', '"Yardpass"', f"2: site.origin = 'Yardpass'; {ORIGINS}"),
    ('"yardpass/hz07"', "7", f"2: site.origin = 7; {ORIGINS}"),
    ('"yp:hz07"', '"yp hz07"', f"3: site.audience = 'yp hz07'; {ORIGINS}"),
    ('"yp:hz07"', f'"{"a" * 65}"', f"3: site.audience = '{'a' * 59}; {ORIGINS}"),
    ('"north-1"', '""', f"6: terminal.name = ''; {NAMES}"),
    ('"north-1"', '"north/1"', f"6: terminal.name = 'north/1'; {NAMES}"),
    ('"north"', '"-north"', f"7: terminal.gate = '-north'; {NAMES}"),
    ('"north"', '"north\\n"', f"7: terminal.gate = 'north\\n'; {NAMES}"),
    ('"in"', "true", "8: terminal.direction = True; accepted: in, out"),
    ('"in"', '["in"]', "8: terminal.direction = ['in']; accepted: in, out"),
    ("zones = [0, 2]", "", f"5: terminal.zones = nothing; {ZONES}"),
    ("[0, 2]", "[]", f"9: terminal.zones = []; {ZONES}"),
    ("[0, 2]", "[53]", f"9: terminal.zones = [53]; {ZONES}"),
    ("[0, 2]", "[-1]", f"9: terminal.zones = [-1]; {ZONES}"),
    ("[0, 2]", "[true]", f"9: terminal.zones = [True]; {ZONES}"),
    ("[0, 2]", "0", f"9: terminal.zones = 0; {ZONES}"),
    ("[0, 2]", "{ a = 0 }", f"9: terminal.zones = {{'a': 0}}; {ZONES}"),
    ("zones =", "zone =", f"5: terminal.zones = nothing; {ZONES}"),
    ('driver = "files"', "", "11: camera.driver = nothing; accepted: files, picamera2, v4l2"),
    ('["pictures"]', '"pictures"', "13: camera files: paths = 'pictures'; give a list of texts"),
    ("paths =", "path =", "13: camera files has no option 'path'; it has paths, repeat"),
    ('"sim"', '"gpoi"', "16: relay.driver = 'gpoi'; accepted: relayd, sim"),
    ('"sim"', '"sim"\nreal_time = 1', "17: relay sim: real_time = 1; give true or false"),
    ("= 700", "= 49", "17: relay.pulse_ms = 49; accepted: a whole number from 50 to 5000"),
    ("= 700", "= 70.0", "17: relay.pulse_ms = 70.0; accepted: a whole number from 50 to 5000"),
    ("= 700", "= true", "17: relay.pulse_ms = True; accepted: a whole number from 50 to 5000"),
    ("[files]", "[files]\nstore = 1", "20: files.store = 1; accepted: a path"),
    ("[files]", '[files]\nkey = ""', "20: files.key = ''; accepted: a path"),
    (
        "[files]",
        "[files]\nkeys = 'k'",
        "20: files.keys is unknown; known are auditor, certificate, guards, key, link_key, "
        "policy, site_secret, store",
    ),
    ("= 1000", "= 49", "22: eye.deadline_ms = 49; accepted: a whole number from 50 to 10000"),
    (
        "deadline_ms = 1000",
        "engines = []",
        '22: eye.engines = []; accepted: a list of "zxing", "zbar"',
    ),
    (
        "deadline_ms = 1000",
        'engines = ["opencv"]',
        '22: eye.engines = [\'opencv\']; accepted: a list of "zxing", "zbar"',
    ),
    (
        "[site]",
        "pulse = 1\n[site]",
        "1: [pulse] is unknown; known are site, terminal, files, sync, camera, relay, relayd, "
        "eye, update, reader, sensors, indicator, sounds, door",
    ),
    (
        "[eye]\ndeadline_ms = 1000",
        "[eyes]",
        "21: [eyes] is unknown; known are site, terminal, files, sync, camera, relay, relayd, "
        "eye, update, reader, sensors, indicator, sounds, door",
    ),
    *(
        ("[eye]", f"[sync]\nlisten = {value}\n[eye]", f"22: sync.listen = {shown}; {ADDRESSES}")
        for value, shown in (
            ("7461", "7461"),
            ("':7461'", "':7461'"),
            ("'0.0.0.0'", "'0.0.0.0'"),
            ("'0.0.0.0:0'", "'0.0.0.0:0'"),
            ("'0.0.0.0:65536'", "'0.0.0.0:65536'"),
            ("'::1:7461'", "'::1:7461'"),
            ("'north 1:7461'", "'north 1:7461'"),
            ("'[::1]:'", "'[::1]:'"),
        )
    ),
    (
        "[eye]",
        "[sync]\ndiscover = 1\n[eye]",
        "22: sync.discover = 1; accepted: true, false",
    ),
    (
        "[eye]",
        "[sync]\nport = 1\n[eye]",
        "22: sync.port is unknown; known are discover, listen",
    ),
    ("[files]", "[files]\nlink_key = 1", "20: files.link_key = 1; accepted: a path"),
    ("[files]\n", "", "1: [files] is missing; write one line [files], then its keys"),
    (
        "[files]",
        "[[files]]",
        "19: [files] is not a table; write one line [files], then its keys",
    ),
    (
        "[eye]\ndeadline_ms = 1000",
        "[[eye]]",
        "21: [eye] is not a table; write one line [eye], then its keys",
    ),
]


@pytest.mark.parametrize(("old", "new", "fault"), WRONG)
def test_a_wrong_key_is_told_with_its_line_and_what_is_accepted(file, old, new, fault):
    assert old in PLAIN
    text = PLAIN.replace(old, new, 1)

    found = faults(load, file, text)

    assert fault in found


def test_lines_are_found_in_every_spelling_of_toml(file):
    inline = 'camera = { driver = "x" }\nrelay.driver = "y"\n"eye" = {}\n'
    rest = PLAIN[: PLAIN.index("[camera]")] + "[files] # \u2028 \x85 [relay]\n  'key' = 3\n"

    assert faults(load, file, inline + rest) == [
        "1: camera.driver = 'x'; accepted: files, picamera2, v4l2",
        "2: relay.driver = 'y'; accepted: relayd, sim",
        "15: files.key = 3; accepted: a path",
    ]


def test_an_empty_file_lists_every_table_that_is_missing(file):
    missing = [line for line in faults(load, file, "") if "is missing" in line]

    assert [line.split()[1] for line in missing] == [
        "[camera]",
        "[files]",
        "[relay]",
        "[site]",
        "[terminal]",
    ]


NOT_TOML = [
    (b"[site", "Expected ']'"),
    (b"\xff\xfe", "invalid start byte"),
    (b"\x00", "Invalid statement"),
    (PLAIN.encode() * 2, "Cannot declare ('site',) twice"),
    (PLAIN.replace("[eye]", "[site]").encode(), "Cannot declare ('site',) twice"),
    (b"a = 1\na = 2", "Cannot overwrite a value"),
    (b"a = " + b"1" * 5_000, "Exceeds the limit"),
    (b"a = 0x" + b"f" * 5_000, "more than 64 bits"),
    (b"a = " + b"[" * 8_000, ""),
    (b".".join([b"a"] * 1_000) + b" = 1", f"nested more than {MAX_DEPTH} deep"),
]


@pytest.mark.parametrize("number", range(len(NOT_TOML)))
def test_a_file_that_is_not_toml_is_refused_in_one_line(file, number):
    data, why = NOT_TOML[number]

    (fault,) = faults(load, file, data)

    assert fault.startswith(f"{file} is not TOML: ") and why in fault
    assert len(fault) < 500


def test_a_byte_order_mark_and_foreign_line_ends_are_taken(file):
    text = codecs.BOM_UTF8 + PLAIN.replace("\n", "\r\n").encode()

    assert load(written(file, text)) == load(written(file, PLAIN))


def test_a_missing_file_says_how_one_is_made(file):
    for path in (file, file.parent):
        with pytest.raises(Unavailable) as caught:
            load(path)

        assert str(caught.value) == f"no file {path}; make one with: yardpass office terminal"


def test_a_huge_file_is_refused_before_it_is_read_as_toml(file):
    with pytest.raises(Refused, match=f"longer than {MAX_FILE} bytes"):
        load(written(file, PLAIN + "#" * MAX_FILE))


def test_relative_paths_start_at_the_file_and_absolute_ones_stay(file):
    files = '[files]\nstore = "/var/lib/yardpass/store.db"\nkey = "keys/t.key"\n'

    made = load(written(file, PLAIN.replace("[files]\n", files)))

    assert made.store == Path("/var/lib/yardpass/store.db")
    assert made.key == file.parent / "keys" / "t.key"
    assert made.folder == file.parent


def test_the_file_that_office_terminal_writes_loads(tmp_path):
    office = Office.create(tmp_path / "office", site="yp:hz07", now=1_800_000_000)
    for camera in ("files", "v4l2", "picamera2"):
        for direction in ("in", "out"):
            folder = tmp_path / f"{camera}-{direction}"
            post = terminal_kit.Post("exit-1", "exit", direction, [0, 52], camera, "gpio")

            made = terminal_kit.make(office, folder, post, seed=bytes(32))

            assert load(folder / FILE_NAME) == made
            assert made.gate == Gate("yp:hz07", "exit", Direction[direction.upper()], 1 | 1 << 52)
            assert made.listen == post.listen
            for path in (made.link_key, made.certificate, made.auditor):
                assert path.is_file()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
CUTS = st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 12), st.binary(max_size=12))


@pytest.mark.long
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=200) | CUTS | st.lists(st.tuples(st.sampled_from(WRONG), VALUES)))
def test_any_bytes_are_settings_or_refused(file, data):
    match data:
        case bytes():
            text = data
        case (int(at), int(size), bytes(put)):
            plain = PLAIN.encode()
            text = plain[:at] + put + plain[at + size :]
        case _:
            text = PLAIN
            for (old, _new, _fault), value in data:
                text = text.replace(old, f"{old.split(' =')[0]} = {value!r}", 1)
    written(file, text)

    try:
        assert isinstance(load(file), Settings)
    except (Refused, Unavailable, HardwareUnavailable) as error:
        assert str(error)
