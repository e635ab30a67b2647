"""Whatever events a keyboard sends, badges come out or nothing: none that a hand typed, none with
a pause or a stray key in it, none shorter than MIN_BADGE or longer than MAX_BADGE; nothing raises.
"""

import os
import random
import struct

import pytest
from reader_rigs import SECOND, WedgeRig
from senders import strokes

from hw.errors import Refused, Unavailable
from hw.ports import CardRead, Health
from hw.readers import keystrokes
from hw.readers.keystrokes import GAP_TICKS, IDLE_TICKS, MAX_BADGE, MIN_BADGE, Keystrokes
from hw.readers.wedge import EVIOCGRAB, EVIOCSCLOCKID, INPUT_EVENT, WedgeOptions, WedgeReader, grab

FUZZ = 100_000
MS = 1_000_000
KEY, ENTER, SHIFT, A = 1, 28, 42, 30
CODE = "YP1:AB12/*%+$-. Z"


def typed(text, step, keys=None, first=SECOND):
    """The badges that come of typing `text`, one key every `step` ticks."""
    keys = keys or Keystrokes()
    found, ticks = [], first
    for code, value in strokes(text):
        ticks += step if value == 1 and code != SHIFT else 0
        found.append(keys.feed(KEY, code, value, ticks))
    return [badge for badge in found if badge]


def test_a_burst_that_ends_with_enter_is_a_badge():
    assert typed(CODE + "\n", 2 * MS) == [CODE.encode()]
    assert typed("0012345678\n", 2 * MS) == [b"0012345678"]


@pytest.mark.parametrize("milliseconds", [101, 200, 500, 1_999, 2_000, 5_000])
def test_a_hand_never_types_a_badge(milliseconds):
    assert typed((CODE + "\n") * 3, milliseconds * MS) == []


@pytest.mark.parametrize("at", range(1, 9))
def test_one_pause_spoils_the_line_wherever_it_is(at):
    keys = Keystrokes()
    assert typed("12345678"[:at], MS, keys) == []
    later = SECOND + at * MS + GAP_TICKS + MS
    assert typed("12345678"[at:] + "\n", MS, keys, first=later) == []
    assert typed("87654321\n", MS, keys, first=later + SECOND // 2) == [b"87654321"]


def test_what_was_left_without_enter_is_forgotten_after_some_time():
    keys = Keystrokes()
    typed("12", 200 * MS, keys)
    assert typed("87654321\n", MS, keys, first=SECOND + IDLE_TICKS + SECOND) == [b"87654321"]


@pytest.mark.parametrize("stray", [59, 1, 14, 15, 29, 58, 103, 600])
def test_a_key_that_no_reader_has_spoils_the_line(stray):
    keys = Keystrokes()
    typed("1234", MS, keys)
    keys.feed(KEY, stray, 1, SECOND + 5 * MS)
    assert typed("5678\n", MS, keys, first=SECOND + 6 * MS) == []
    assert typed("5678\n", MS, keys, first=SECOND + 12 * MS) == [b"5678"]


def test_a_badge_is_neither_short_nor_long():
    for size, badges in (
        (MIN_BADGE - 1, []),
        (MIN_BADGE, [b"1" * MIN_BADGE]),
        (MAX_BADGE, [b"1" * MAX_BADGE]),
        (MAX_BADGE + 1, []),
        (5 * MAX_BADGE, []),
    ):
        keys = Keystrokes()
        assert typed("1" * size + "\n", MS, keys) == badges
        assert len(keys._typed) == 0


def test_events_that_the_kernel_threw_away_spoil_the_line():
    keys = Keystrokes()
    keys.feed(KEY, SHIFT, 1, SECOND)
    typed("1234", MS, keys)
    keys.feed(keystrokes.EV_SYN, keystrokes.SYN_DROPPED, 0, SECOND)
    assert typed("56\n", MS, keys) == []
    assert typed("1234\n", MS, keys, first=2 * SECOND) == [b"1234"]


def test_shift_holds_until_it_is_released_and_a_held_key_is_one_letter():
    keys = Keystrokes()
    events = [(SHIFT, 1), (SHIFT, 2), (A, 1), (A, 2), (A, 2), (A, 0), (54, 1), (SHIFT, 0), (A, 1)]
    events += [(54, 0), (54, 0), (A, 1), (5, 1), (ENTER, 1)]
    found = [keys.feed(KEY, code, value, SECOND) for code, value in events]
    assert found[-1] == b"AAa4"


def test_a_clock_that_goes_back_ends_what_was_begun():
    keys = Keystrokes()
    typed("1234", MS, keys)
    assert typed("5678\n", MS, keys, first=0) == [b"5678"]


def test_every_key_of_the_keypad_types_what_is_on_it():
    keys = Keystrokes()
    for code in (71, 72, 73, 75, 76, 77, 79, 80, 81, 82, 83, 98, 55):
        keys.feed(KEY, code, 1, SECOND)
    assert keys.feed(KEY, 96, 1, SECOND) == b"7894561230./*"


def test_any_events_are_badges_or_nothing():
    chance = random.Random(13)
    keys, ticks, found = Keystrokes(), 0, 0
    codes = [*range(2, 12)] * 8 + [*range(60), *[ENTER] * 20, SHIFT]
    steps = [MS] * 60 + [99 * MS, 101 * MS, -5 * MS, 3 * SECOND]
    for _ in range(FUZZ):
        ticks += chance.choice(steps)
        kind = chance.choice((0, 1, 1, 1, 1, 4))
        code, value = chance.choice(codes), chance.randrange(-1, 3)
        badge = keys.feed(kind, code, value, ticks)
        assert badge == b"" or MIN_BADGE <= len(badge) <= MAX_BADGE
        assert len(keys._typed) <= MAX_BADGE and len(keys._shifts) <= 2
        found += bool(badge)
    assert found > 100


# -- the reader


@pytest.fixture
def rig(tmp_path):
    made = WedgeRig(tmp_path)
    yield made
    made.close()


def test_a_keyboard_is_grabbed_each_time_it_is_opened_and_before_it_is_read(rig):
    assert len(rig.grabbed) == 1
    events = rig.reader.events(lambda: b"")
    next(events)
    assert len(rig.grabbed) == 2
    rig.unplug()
    assert next(events).fault
    rig.plug()
    assert next(events).fault == ""
    assert len(rig.grabbed) == 3


def refuse(descriptor):
    raise OSError(16, "Device or resource busy")


def test_a_keyboard_that_cannot_be_grabbed_stops_the_start_and_says_why(rig):
    with pytest.raises(Unavailable, match=r"cannot be grabbed .*busy.* is no reader; stop what"):
        WedgeReader(WedgeOptions(str(rig.path)), grab=refuse)


def test_one_that_comes_later_and_cannot_be_grabbed_is_never_read(tmp_path):
    rig = WedgeRig(tmp_path)
    rig.unplug()
    reader = WedgeReader(WedgeOptions(str(rig.path)), grab=refuse, retry_s=0.01)
    events = reader.events(lambda: b"")
    first = next(events)
    assert isinstance(first, Health) and "No such file" in first.fault
    rig.plug()
    rig.type("12345678\n")
    reader.close()
    assert list(events) == []
    rig.close()


def test_the_real_grab_refuses_what_is_no_keyboard(rig):
    with pytest.raises(Unavailable, match="cannot be grabbed"):
        WedgeReader(WedgeOptions(str(rig.path)))
    assert (EVIOCGRAB, EVIOCSCLOCKID) == (0x40044590, 0x400445A0)


def test_the_real_grab_asks_for_all_and_for_the_monotonic_clock(monkeypatch):
    asked = []
    monkeypatch.setattr("hw.readers.wedge.fcntl.ioctl", lambda *call: asked.append(call))
    grab(7)
    assert asked == [(7, EVIOCGRAB, 1), (7, EVIOCSCLOCKID, struct.pack("i", 1))]


def test_an_event_has_24_bytes_on_64_bit():
    assert INPUT_EVENT.size == (24 if struct.calcsize("P") == 8 else 16)


def test_a_hand_at_a_grabbed_keyboard_types_no_badge(rig):
    events = rig.reader.events(lambda: b"")
    next(events)
    rig.type("12345678\n", step=200 * MS)
    rig.ticks += SECOND
    rig.type("4711-4711\n")
    assert next(events).text == b"4711-4711"


def test_half_an_event_makes_the_reader_start_anew(rig):
    events = rig.reader.events(lambda: b"")
    next(events)
    os.write(rig._writer, b"\x00" * 7)
    assert "half an event" in next(events).fault
    assert next(events).fault == ""
    rig.type("4711-4711\n")
    assert next(events).text == b"4711-4711"


@pytest.mark.parametrize(
    ("types", "badge", "number"),
    [
        ("decimal", "0123456789", "075bcd15"),
        ("decimal", "4294967295", "ffffffff"),
        ("decimal", "4294967296", "0000000100000000"),
        ("decimal", "9" * 19, "8ac7230489e7ffff"),
        ("hex", "04A1B2C3D4E5F6", "04a1b2c3d4e5f6"),
    ],
)
def test_a_typed_number_is_a_number(rig, types, badge, number):
    reader = WedgeReader(WedgeOptions(str(rig.path), types=types), grab=rig.grabbed.append)
    events = reader.events(lambda: b"")
    next(events)
    rig.type("ABCDEFGZ\n" + "1" * 67 + "\n" + badge + "\n")
    read = next(events)
    reader.close()

    expected = bytes.fromhex(number)
    assert read == CardRead(str(rig.path), read.ticks, expected, 8 * len(expected))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "ls /dev/input/by-id"),
        ({"device": "a\0b"}, "ls /dev/input/by-id"),
        ({"device": "/dev/null", "types": "octal"}, "code, decimal, hex"),
        ({"device": "/dev/null", "again_ms": 60_001}, "0 to 60000"),
    ],
)
def test_wrong_options_are_refused_with_what_to_give(options, said):
    with pytest.raises(Refused, match=said):
        WedgeReader(WedgeOptions(**options))
