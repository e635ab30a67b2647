"""Whatever edges come on the two wires, numbers with the right length and parity come out or
nothing, no more than one number's bits are kept, and nothing raises.
"""

import itertools
import random

import pytest
from gpiozero.pins.mock import MockFactory
from reader_rigs import SECOND, WiegandRig
from senders import wiegand_bits

from hw import drivers
from hw.errors import Refused, Unavailable
from hw.ports import CardRead, Health
from hw.readers.wiegand import MAX_EDGES, WiegandOptions, WiegandReader
from hw.readers.wiegand_bits import GAP_TICKS, LENGTHS, MAX_BITS, WiegandBits, WiegandNumber

FUZZ = 100_000
MS = 1_000_000
ALLOWED = WiegandOptions(allow_unencrypted=True, factory="mock")


def heard(bits, decoder=None, first=SECOND):
    """What `bits`, one every 2 ms and then a pause, are told as."""
    decoder = decoder or WiegandBits()
    early = [decoder.edge(bit, first + at * 2 * MS) for at, bit in enumerate(bits)]
    assert early == [None] * len(bits)
    return decoder.pause()


def test_the_26_bits_of_a_known_card_are_its_number():
    # H10301, facility 118, card 3157: parity 1, then 0111 0110 0000 1100 0101 0101, parity 1
    bits = [int(bit) for bit in "10111011000001100010101011"]
    assert heard(bits) == WiegandNumber(bytes.fromhex("760c55"), 24, SECOND + 25 * 2 * MS)


@pytest.mark.parametrize(("count", "size"), [(24, 3), (32, 4), (35, 5)])
def test_any_number_of_each_length_comes_back(count, size):
    chance = random.Random(count)
    for _ in range(2_000):
        number = chance.getrandbits(count)
        told = heard(wiegand_bits(number, count))
        assert (told.number, told.bits) == (number.to_bytes(size), count)


@pytest.mark.parametrize("count", [24, 32, 35])
def test_one_flipped_bit_is_never_a_number(count):
    decoder = WiegandBits()
    bits = wiegand_bits(0x5A5A5A5A5 & (1 << count) - 1, count)
    for at in range(len(bits)):
        flipped = [bit ^ (place == at) for place, bit in enumerate(bits)]
        assert heard(flipped, decoder, first=(at + 1) * SECOND) is None
    assert decoder.dropped == count + 2


def test_two_flipped_bits_pass_in_48_percent_which_is_why_it_is_off():
    bits = wiegand_bits(0x760C55, 24)
    pairs = list(itertools.combinations(range(26), 2))
    passed = 0
    for pair in pairs:
        passed += heard([bit ^ (at in pair) for at, bit in enumerate(bits)]) is not None
    assert round(100 * passed / len(pairs)) == 48


@pytest.mark.parametrize("count", [n for n in range(1, 60) if n not in LENGTHS])
def test_another_length_is_no_number_and_the_next_one_is_read(count):
    decoder = WiegandBits()
    assert heard([1] * count, decoder) is None
    assert heard(wiegand_bits(1, 24), decoder, first=10 * SECOND).number == b"\x00\x00\x01"
    assert decoder.dropped == 1


def test_a_pause_between_two_numbers_is_seen_without_being_told():
    decoder = WiegandBits()
    first, second = wiegand_bits(1, 24), wiegand_bits(2, 24)
    for at, bit in enumerate(first):
        decoder.edge(bit, at * MS)
    ended = decoder.edge(second[0], 25 * MS + GAP_TICKS)
    assert ended == WiegandNumber(b"\x00\x00\x01", 24, 25 * MS)
    for at, bit in enumerate(second[1:], start=1):
        assert decoder.edge(bit, 25 * MS + GAP_TICKS + at * MS) is None
    assert decoder.pause().number == b"\x00\x00\x02"
    assert decoder.pause() is None and decoder.dropped == 0


def test_edges_that_come_with_an_earlier_time_begin_anew():
    decoder = WiegandBits()
    decoder.edge(1, SECOND)
    assert decoder.edge(1, SECOND - 1) is None
    assert decoder.dropped == 1


def test_any_edges_are_numbers_or_nothing():
    chance = random.Random(17)
    decoder, ticks, found = WiegandBits(), 0, 0
    for _ in range(FUZZ):
        ticks += chance.choice([MS] * 40 + [60 * MS, -MS])
        told = decoder.edge(chance.randrange(2), ticks)
        assert told is None or told.bits + 2 in LENGTHS
        assert len(decoder._bits) <= MAX_BITS + 1
        found += told is not None
    assert found > 10 and decoder.dropped > 100


# -- the reader


def test_it_is_off_unless_the_settings_allow_it_and_says_why():
    with pytest.raises(
        Refused, match=r"off by default.*replay.*allow_unencrypted = true"
    ) as caught:
        drivers.make("reader", "wiegand", {"factory": "mock"})
    assert caught.value.reason == "R-SETTINGS"


def test_only_falling_edges_are_asked_for():
    reader = WiegandReader(ALLOWED)
    assert [(pin.edges, pin.pull, pin.function) for pin in reader.pins] == [
        ("falling", "up", "input")
    ] * 2
    reader.close()


def test_three_hundred_cards_are_three_hundred_reads(tmp_path):
    rig = WiegandRig(tmp_path)
    events = rig.reader.events(lambda: b"")
    assert isinstance(next(events), Health)
    for number in range(300):
        rig.ticks += SECOND
        rig.pulse(wiegand_bits(number, 24))
        if number:  # each one ends the one before
            read = next(events)
            name, expected = "wiegand 23,24", (number - 1).to_bytes(3)
            assert read == CardRead(name, read.ticks, expected, 24)
    rig.close()


def test_times_of_edges_are_those_of_the_factory_of():
    reader = WiegandReader(ALLOWED, pause_s=0.3)
    events = reader.events(lambda: b"")
    before = next(events).ticks
    for bit in wiegand_bits(77, 24):
        reader.pins[bit].drive_low()
        reader.pins[bit].drive_high()
    read = next(events)
    assert (read.number, read.bits) == (b"\x00\x00\x4d", 24)
    assert before <= read.ticks <= reader._clock()
    reader.close()


def test_edges_that_nobody_looks_at_are_bounded(tmp_path):
    rig = WiegandRig(tmp_path)
    rig.pulse([0, 1] * MAX_EDGES)
    assert rig.reader._edges.qsize() == MAX_EDGES
    rig.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"d0": 23, "d1": 23}, "both 23"),
        ({"d0": 1}, "2 to 27"),
        ({"d1": 28}, "2 to 27"),
    ],
)
def test_pins_that_cannot_be_are_refused(options, said):
    with pytest.raises(Refused, match=said):
        WiegandReader(WiegandOptions(allow_unencrypted=True, factory="mock", **options))


def test_pins_that_another_device_has_are_unavailable_and_free_again_later(monkeypatch):
    board = MockFactory()
    monkeypatch.setattr("hw.readers.wiegand.factory_of", lambda name: board)
    first = WiegandReader(ALLOWED)
    with pytest.raises(Unavailable, match=r"23,24 cannot be set up .*in use.*group gpio"):
        WiegandReader(ALLOWED)
    first.close()
    WiegandReader(ALLOWED).close()
