"""The parts of the OSDP reader that know no line. Invariant of the card parser: any event gives a
number of as many bytes as its bits need, with zeros in front, or none at all, and never raises."""

import os
import random
import sys
import threading
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.osdp_forger import (
    ACK,
    CCRYPT,
    IDENTITY,
    NAK,
    PLAIN_CARD,
    RMAC_I,
    capabilities,
    frame,
)
from rigs.osdp_rig import key_file

from hw import drivers
from hw.errors import Refused, Unavailable
from hw.ports import CardRead, Health, Signal
from hw.readers import osdp_lib
from hw.readers.osdp import BAUDS, OsdpOptions, OsdpReader
from hw.readers.osdp_card import MAX_BITS, Repeats, number_of
from hw.readers.osdp_inbox import MAX_EVENTS, Inbox
from hw.readers.osdp_key import KEY_BYTES, is_weak, read_key, text_of
from hw.readers.osdp_lamp import LAMPS
from hw.readers.osdp_line import SerialLine
from hw.readers.osdp_link import Link
from hw.readers.osdp_watch import (
    GONE_NS,
    IDLE_NS,
    LEAST_TRY_NS,
    MOST_TRY_NS,
    SECOND,
    SILENT_NS,
    Line,
    Told,
    Watch,
)

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SCBK_D = bytes(range(0x30, 0x40))


def raw(data, bits, form=0):
    return {"event": 1, "reader_no": 0, "format": form, "length": bits, "data": data}


# -- the number of a card


def test_the_example_of_the_docstring():
    assert number_of(raw(bytes.fromhex("01020340"), 26)) == (bytes.fromhex("0004080d"), 26)


@given(st.integers(1, MAX_BITS).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**n - 1))))
def test_bits_that_are_sent_are_the_number_that_is_told_whatever_fills_the_last_byte(card):
    bits, value = card
    count = -(-bits // 8)
    left = 8 * count - bits
    numbers = {
        number_of(raw(((value << left) | filling).to_bytes(count, "big"), bits, form))
        for filling in (0, (1 << left) - 1)
        for form in (0, 1)
    }

    assert numbers == {(value.to_bytes(count, "big"), bits)}


@given(
    st.dictionaries(
        st.sampled_from(["event", "format", "length", "data", "reader_no", "x"]),
        st.one_of(
            *(st.none(), st.integers(-2, 600), st.binary(max_size=80)),
            st.sampled_from([0, 1, 2, True, 1.5, float("nan"), "8", b"1", bytearray(1), ()]),
        ),
    )
)
def test_any_event_is_a_bounded_number_or_none(event):
    card = number_of(event)
    if card is not None:
        number, bits = card
        assert 1 <= bits <= MAX_BITS and len(number) == -(-bits // 8)
        assert int.from_bytes(number, "big") < 1 << bits


@pytest.mark.parametrize(
    "event",
    [raw(b"", 0), raw(b"\1", 9), raw(b"\1\2", 8), raw(bytes(65), 513), raw(b"12", 16, 2), {}],
)
def test_what_does_not_fit_together_is_no_card(event):
    assert number_of(event) is None


def test_a_repeated_card_is_new_when_its_time_is_over_since_it_was_last_told():
    repeats = Repeats(700)
    told = [
        repeats.is_new((number, 8), ticks)
        for number, ticks in [
            *((b"\1", 0), (b"\1", 699), (b"\1", 1300), (b"\2", 1301)),
            *((b"\1", 1302), (b"\1", 2002)),
        ]
    ]

    assert told == [True, False, False, True, True, True]


# -- whatever a line answers


class Babbler:
    """A line in memory that answers every question with what the test says."""

    id = 0

    def __init__(self, answer):
        self.heard = 0
        self._answer, self._waiting = answer, b""

    def read(self, max_bytes):
        data, self._waiting = self._waiting[:max_bytes], self._waiting[max_bytes:]
        self.heard += bool(data)
        return data

    def write(self, buf):
        self._waiting = self._answer(buf)
        return len(buf)

    def flush(self):
        self._waiting = b""


BODIES = [
    *(PLAIN_CARD, IDENTITY, capabilities(secure=0), capabilities(secure=1)),
    *(bytes([CCRYPT]) + bytes(32), bytes([RMAC_I]) + bytes(16), bytes([NAK, 6]), bytes([ACK])),
]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_line_answers_opens_no_channel_gives_no_card_and_never_raises(seed):
    chance = random.Random(seed)

    def answer(asked):
        body = chance.choice([*BODIES, chance.randbytes(chance.randrange(1, 80))])
        block = chance.choice([b"", b"\2\x16", b"\2\x18", b"\3\x12\1", b"\3\x14\1"])
        reply = frame(
            1, chance.choice([asked[5], asked[4], chance.randrange(256)]), body, block=block
        )
        hit = chance.randrange(8)
        if hit == 0:
            return chance.randbytes(chance.randrange(2000))
        if hit == 1:
            return reply[: chance.randrange(len(reply))]
        return reply

    line = Babbler(answer)
    link = Link(line, address=1, key=KEY)
    for _ in range(1500):
        assert link.step() == [] and not link.is_secure
        if chance.randrange(2) == 0:
            link.restart()
    link.close()
    assert line.heard > 50


# -- the key


def test_a_key_file_is_read_as_it_was_written(tmp_path):
    assert read_key(str(key_file(tmp_path, KEY))) == KEY
    assert text_of(KEY) == b"2b7e151628aed2a6abf7158809cf4f3c\n"


@pytest.mark.parametrize(
    "key",
    [SCBK_D, bytes(16), b"\xff" * 16, b"\x5a" * 16, bytes(range(16)), bytes(range(250, 234, -1))],
    ids=["SCBK-D", "zeros", "ones", "one byte", "rising", "falling"],
)
def test_a_key_that_everybody_knows_is_refused(tmp_path, key):
    assert is_weak(key)
    with pytest.raises(Refused, match="everybody knows; run: yardpass osdp-install") as caught:
        read_key(str(key_file(tmp_path, key)))
    assert caught.value.reason == "R-SETTINGS" and key.hex() not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"2b7e",
        KEY,
        KEY.hex().upper().encode(),
        KEY.hex().encode() + b"\n\n",
        b"0" * 99,
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, text):
    path = key_file(tmp_path, KEY)
    path.write_bytes(text)
    with pytest.raises(Refused, match="does not hold 16 bytes") as caught:
        read_key(str(path))
    assert KEY.hex() not in str(caught.value).lower()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(Refused, match="chmod 600"):
        read_key(str(key_file(tmp_path, KEY, mode=mode)))


def test_no_key_a_missing_one_a_folder_and_a_pipe_say_what_to_do(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, error in (
        *(("", Refused), (str(tmp_path / "none"), Unavailable)),
        *((str(tmp_path), Refused), (str(tmp_path / "pipe"), Refused)),
    ):
        with pytest.raises(error, match="run: yardpass osdp-install"):
            read_key(path)


# -- when a reader is gone, and when it is asked anew


def well(now):
    return Line(is_secure=True, heard=now, sent=now)


def silent(now):
    return Line(is_secure=True, heard=now - SILENT_NS, sent=now)


def asking(now):
    return Line(is_secure=False, heard=now, sent=now)


def idle(now):
    return Line(is_secure=False, heard=now, sent=now - IDLE_NS)


def test_a_reader_that_never_answers_is_gone_once():
    watch = Watch(0)
    told = [watch.is_changed(now, asking(now)) for now in (0, GONE_NS - 1, GONE_NS, 9 * SECOND)]

    assert told == [False, False, True, False] and watch.told is Told.GONE


def test_a_reader_that_is_well_is_told_at_once_and_only_news_are_told():
    watch = Watch(0)
    seen = [(1, well), (2, well), (3, asking), (GONE_NS + 2, asking), (GONE_NS + 3, well)]
    told = [(watch.is_changed(now, line(now)), watch.told) for now, line in seen]

    assert told == [
        *((True, Told.WELL), (False, Told.WELL), (False, Told.WELL)),
        *((True, Told.GONE), (True, Told.WELL)),
    ]


def test_a_channel_that_is_up_but_silent_does_not_count():
    watch = Watch(0)
    assert watch.is_changed(0, well(0))
    assert watch.is_changed(GONE_NS, silent(GONE_NS)) and watch.told is Told.GONE


def test_a_port_that_is_gone_is_told_once():
    watch = Watch(0)
    assert [watch.lost(), watch.lost(), watch.is_changed(1, well(1)), watch.lost()] == [
        *(True, False, True, True)
    ]


@pytest.mark.parametrize(
    ("after", "line", "is_stuck"),
    [
        (LEAST_TRY_NS - 1, idle, False),
        (LEAST_TRY_NS, idle, True),
        (LEAST_TRY_NS, asking, False),
        (MOST_TRY_NS - 1, asking, False),
        (MOST_TRY_NS, asking, True),
        (LEAST_TRY_NS - 1, silent, False),
        (LEAST_TRY_NS, silent, True),
        (9 * MOST_TRY_NS, well, False),
    ],
)
def test_a_reader_is_asked_anew_when_libosdp_gave_up_or_nothing_comes(after, line, is_stuck):
    watch = Watch(0)
    watch.opened(SECOND)
    assert watch.is_stuck(SECOND + after, line(SECOND + after)) is is_stuck


# -- what nobody took yet


def card(number):
    return CardRead("osdp 0", number, bytes([number]), 8)


def health(number, fault=""):
    return Health("osdp 0", number, fault)


def drained(inbox):
    taken = []
    while len(inbox._events):
        taken.append(inbox.take())
    return taken


def test_a_full_inbox_drops_the_oldest_card_and_keeps_every_health():
    inbox = Inbox()
    events = [health(0), *(card(number) for number in range(1, MAX_EVENTS)), health(99, "gone")]
    for event in events:
        inbox.put(event)

    assert drained(inbox) == [health(0), *events[2:]]


def test_an_inbox_full_of_health_drops_whole_outages():
    inbox = Inbox()
    events = [health(number, "gone" * (number % 2)) for number in range(MAX_EVENTS + 1)]
    for event in events:
        inbox.put(event)

    assert drained(inbox) == events[2:]


def test_closing_an_inbox_ends_who_waits_at_it():
    inbox = Inbox()
    taken = []
    waiter = threading.Thread(target=lambda: taken.append(inbox.take()))
    waiter.start()
    inbox.close()
    waiter.join(1)

    assert taken == [None] and inbox.take() is None
    inbox.put(card(1))
    assert inbox.take() is None


# -- settings


def test_the_driver_is_chosen_by_name_and_its_settings_are_checked(tmp_path):
    assert drivers.options_of("reader", "osdp") is OsdpOptions
    assert {field.name for field in fields(OsdpOptions)} == {
        *("port", "address", "baud", "key", "feedback", "repeat_ms")
    }
    assert drivers.faults("reader", "osdp", {"address": 127, "baud": 1, "key": 5}) == [
        "reader osdp: address = 127; give a whole number from 0 to 126",
        "reader osdp: baud = 1; give a whole number from 9600 to 230400",
        "reader osdp: key = 5; give a text",
    ]
    reader = drivers.make("reader", "osdp", {"key": str(key_file(tmp_path, KEY))})
    assert isinstance(reader, OsdpReader)
    reader.close()


def test_a_speed_that_osdp_does_not_know_is_refused(tmp_path):
    with pytest.raises(Refused, match=f"9601 baud; give one of {', '.join(map(str, BAUDS))}"):
        OsdpReader(OsdpOptions(baud=9601, key=str(key_file(tmp_path, KEY))))


def test_without_libosdp_only_a_terminal_that_asks_for_it_is_told_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "osdp_sys", None)
    assert drivers.faults("reader", "osdp", {}) == []
    with pytest.raises(Unavailable, match=r"run pip install 'yardpass\[osdp\]'"):
        drivers.make("reader", "osdp", {"key": str(key_file(tmp_path, KEY))})


def test_without_pyserial_the_reader_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(Unavailable, match=r"run pip install 'yardpass\[osdp\]'"):
        SerialLine("/dev/null", 9600)


def test_each_stir_gives_other_numbers():
    library = osdp_lib.ctypes.CDLL(None)
    drawn = []
    for _ in range(3):
        osdp_lib.stir()
        drawn.append(tuple(library.rand() for _ in range(8)))

    assert len(set(drawn)) == 3


def test_every_signal_has_its_lamp():
    assert set(LAMPS) == set(Signal) and len(KEY) == KEY_BYTES
