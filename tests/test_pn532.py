"""Whatever bytes a PN532's line brings, the frame reader raises nothing, holds less than one frame
of them, and tells the same frames whether they come at once or one by one; a card's description is
a card, nobody, or `Refused`.
"""

import random
import threading
from contextlib import closing
from dataclasses import dataclass

import pytest

from hw.cards.tap import Found
from hw.errors import Refused, Unavailable
from hw.ports import CardRead, Health, KeyProof
from hw.readers.pn532 import TAP_S, Pace, Pn532Options, Pn532Reader
from hw.readers.pn532_chip import CHUNK, MAX_ANSWER, CardGone, Chip
from hw.readers.pn532_frame import (
    ACK,
    MAX_INSIDE,
    NACK,
    Frame,
    FrameReader,
    Kind,
    Target,
    frame_of,
    target_of,
)
from hw.readers.presence import MAX_HELD, Presence
from hw.readers.serial_port import serial_line
from hw.sim.pn532 import MAX_PART, SimCard, SimPn532

FUZZ = 100_000
BYTE_BY_BYTE = 2_000
LONGEST_KEPT = 7 + MAX_INSIDE  # a header, and all but the check byte
UID = bytes.fromhex("04a1b2c3d4e5f6")
RANDOM_UID = bytes.fromhex("08112233")
FAST = Pace(look_s=0.02, patience_s=0.2, retry_s=0.02)
WAIT = 10.0
LISTED = bytes.fromhex("010100442007 04a1b2c3d4e5f6 0578807002")


def data(text):
    return Frame(Kind.DATA, bytes.fromhex(text))


# -- frames


def test_the_frames_of_the_manual_are_read_and_written():
    ask = bytes.fromhex("0000ff02fed4022a00")
    answer = bytes.fromhex("0000ff06fad50332010607e800")
    frames = FrameReader()

    assert frame_of(bytes.fromhex("d402")) == ask
    assert frame_of(bytes.fromhex("d50332010607")) == answer
    assert frames.feed(ask + ACK + answer + NACK + bytes.fromhex("0000ff01ff7f8100")) == [
        data("d402"),
        Frame(Kind.ACK),
        data("d50332010607"),
        Frame(Kind.NACK),
        Frame(Kind.ERROR, b"\x7f"),
    ]
    assert frames.damaged == 0


@pytest.mark.parametrize("count", [1, 2, 254, 255, 256, MAX_INSIDE])
def test_a_frame_of_any_length_comes_back(count):
    inside = bytes(at * 7 & 0xFF for at in range(count))
    assert FrameReader().feed(frame_of(inside)) == [Frame(Kind.DATA, inside)]


def test_a_frame_over_255_bytes_is_an_extended_one():
    assert frame_of(bytes(256))[:8] == bytes.fromhex("0000ffffff0100ff")


@pytest.mark.parametrize("count", [0, MAX_INSIDE + 1])
def test_a_frame_that_no_chip_takes_is_refused(count):
    with pytest.raises(Refused, match=str(count)):
        frame_of(bytes(count))


@pytest.mark.parametrize(
    "damaged",
    [
        "0000ff02ffd4022a00",  # length against its check byte
        "0000ff02fed4022b00",  # body against its check byte
        "0000ff0000000000",  # nothing inside
        "0000ffffff010a f5 00",  # 266 bytes
        "0000ffffff000000",  # nothing inside, extended
        "0000ffffff010100",  # extended length against its check byte
    ],
)
def test_a_damaged_frame_is_counted_and_the_next_one_is_found(damaged):
    frames = FrameReader()
    found = frames.feed(bytes.fromhex(damaged) + frame_of(b"\xd5\x03"))

    assert found == [data("d503")]
    assert frames.damaged >= 1


def test_a_lost_byte_costs_one_frame():
    whole = frame_of(bytes.fromhex("d54100112233"))
    for at in range(2, len(whole) - 1):
        frames = FrameReader()
        found = frames.feed(whole[:at] + whole[at + 1 :] + 3 * frame_of(b"\xd5\x03"))
        assert found[-2:] == [data("d503")] * 2


def wild(chance):
    """Good frames, damaged ones, and noise that is rich in start codes."""
    pieces = []
    for _ in range(chance.randrange(1, 4)):
        piece = bytearray(frame_of(chance.randbytes(chance.randrange(1, 12))))
        if chance.random() < 0.6:
            piece[chance.randrange(len(piece))] = chance.randrange(256)
        noise = bytes(chance.choices((0, 0xFF, 1, 0xFE, 0xD5), k=chance.randrange(6)))
        pieces += [bytes(piece[: chance.randrange(2, 30)]), noise]
    return b"".join(pieces)


@pytest.mark.long
def test_any_bytes_are_frames_or_nothing():
    chance = random.Random(7)
    frames = FrameReader()
    found = 0
    for _ in range(FUZZ):
        told = frames.feed(wild(chance))
        found += len(told)
        assert all(frame.inside or frame.kind in (Kind.ACK, Kind.NACK) for frame in told)
        assert len(frames._bytes) < LONGEST_KEPT
    assert found > FUZZ // 4 and frames.damaged > FUZZ // 4


def test_bytes_one_by_one_are_the_same_frames_as_at_once():
    chance = random.Random(8)
    for _ in range(BYTE_BY_BYTE):
        line = wild(chance)
        whole, single = FrameReader(), FrameReader()
        at_once = whole.feed(line)
        one_by_one = [frame for at in range(len(line)) for frame in single.feed(line[at : at + 1])]
        assert (at_once, whole.damaged) == (one_by_one, single.damaged)


# -- what a chip says of a card


def test_a_card_is_known_by_its_number_sak_and_uid():
    target = target_of(LISTED)
    assert target == Target(1, 0x20, UID)
    assert target.speaks_apdu and not target.is_random
    assert target_of(b"\x00") is None


def test_only_four_bytes_that_begin_with_08_are_random():
    assert Target(1, 0x20, RANDOM_UID).is_random
    assert not Target(1, 0x20, b"\x08" + UID[1:]).is_random
    assert not Target(1, 0x20, b"\x18" + RANDOM_UID[1:]).is_random


@pytest.mark.parametrize("cut", range(1, 13))
def test_a_cut_description_is_refused(cut):
    with pytest.raises(Refused, match="PN532"):
        target_of(LISTED[:cut])


def test_any_description_is_a_card_nobody_or_refused():
    chance = random.Random(9)
    for _ in range(FUZZ):
        answer = bytearray(LISTED[: chance.randrange(len(LISTED) + 1)])
        for _ in range(chance.randrange(3)):
            if answer:
                answer[chance.randrange(len(answer))] = chance.randrange(256)
        try:
            target = target_of(bytes(answer))
        except Refused:
            continue
        assert target is None or len(target.uid) in (4, 7, 10)


def test_more_cards_than_asked_for_and_odd_uids_are_refused():
    for answer in (b"", b"\x02" + LISTED[1:], LISTED[:5] + b"\x05" + bytes(5)):
        with pytest.raises(Refused, match="PN532"):
            target_of(answer)


# -- whether a card is still there


def test_a_card_is_gone_after_two_looks_without_it():
    presence = Presence(2)
    looks = [b"a", b"a", b"", b"a", b"", b"", b"a", b"b", b"a", b"", b""]
    assert [presence.is_new(one) for one in looks] == [
        True, False, False, False, False, False, True, True, False, False, False,
    ]  # fmt: skip


def test_no_more_than_some_cards_are_remembered():
    presence = Presence(10_000)
    for number in range(1, 100):
        assert presence.is_new(bytes((number,)))
    assert len(presence._held) == MAX_HELD


# -- the chip


@pytest.fixture
def sim(tmp_path):
    with closing(SimPn532(tmp_path / "port")) as made:
        yield made


@pytest.fixture
def line(sim):
    with closing(serial_line(sim.path, 115200)) as made:
        made.open()
        yield made


@pytest.fixture
def chip(line):
    made = Chip(line, patience_s=0.2)
    made.start()
    return made


def commands(sim):
    return [event.data.hex() for event in sim.history if event.event == "command"]


def test_a_start_wakes_the_chip_asks_who_it_is_and_sets_it_up(sim, chip):
    assert commands(sim) == ["14011401", "02", "3205000101"]


def test_the_field_is_off_between_two_looks(sim, chip):
    sim.show(SimCard(UID))
    for _ in range(2):
        assert chip.find() == Target(1, 0x08, UID)
        chip.rest()

    fields = [event.data for event in sim.history if event.event == "field"]
    assert fields == [b"\x01", b"\x00", b"\x01", b"\x00"]


def echo(apdu):
    return apdu + b"\x90\x00"


@pytest.mark.parametrize(
    "count", [1, CHUNK, CHUNK + 1, MAX_PART - 2, MAX_PART - 1, 2 * CHUNK, 3 * MAX_PART, 4000]
)
def test_an_apdu_of_any_length_goes_and_comes_back_in_parts(sim, chip, count):
    apdu = bytes(at * 3 & 0xFF for at in range(count))
    sim.show(SimCard(UID, 0x20, echo))

    assert chip.exchange(chip.find(), apdu, 1.0) == apdu + b"\x90\x00"


def test_an_answer_without_end_is_cut_off(sim, chip):
    sim.show(SimCard(UID, 0x20, lambda apdu: bytes(MAX_ANSWER + MAX_PART)))
    target = chip.find()
    with pytest.raises(CardGone, match=str(MAX_ANSWER)):
        chip.exchange(target, b"\x00", 1.0)


def test_a_card_that_is_pulled_away_is_gone_and_the_chip_stays(sim, chip):
    sim.show(SimCard(UID, 0x20, echo))
    target = chip.find()
    assert chip.exchange(target, b"\x01", 1.0) == b"\x01\x90\x00"
    sim.remove()
    with pytest.raises(CardGone, match="hold it still"):
        chip.exchange(target, b"\x02", 1.0)
    assert chip.find() is None


def test_a_damaged_answer_is_asked_for_again_and_the_card_sees_one_command(sim, chip):
    seen = []
    sim.show(SimCard(UID, 0x20, lambda apdu: seen.append(apdu) or echo(apdu)))
    target = chip.find()
    damage_answers(sim)

    assert chip.exchange(target, b"\x01\x02\x03", 1.0) == b"\x01\x02\x03\x90\x00"
    assert seen == [b"\x01\x02\x03"]


def damage_answers(sim):
    """Damage the next thing that is sent behind an acknowledgement."""
    send = sim.line.send

    def damaged(sent):
        if sent != ACK:
            sim.line.send = send
            sim.line.corrupt(1)
        send(sent)

    sim.line.send = damaged


def test_a_damaged_acknowledgement_costs_nothing(sim, chip):
    sim.show(SimCard(UID))
    sim.line.corrupt(1)
    assert chip.find() == Target(1, 0x08, UID)
    assert commands(sim).count("4a0100") == 1


def test_a_silent_chip_is_unavailable_with_what_to_do(sim, chip):
    sim.line.cut()
    with pytest.raises(Unavailable, match="does not answer command 4a; check its cable"):
        chip.find()


def test_a_command_that_the_chip_does_not_know_is_unavailable(sim, chip):
    with pytest.raises(Unavailable, match="command 99"):
        chip._command(0x99)


def test_a_card_that_the_chip_misread_is_nobody(sim, chip, monkeypatch):
    monkeypatch.setitem(sim._ACTS, b"\x4a", lambda sim, data: b"\x01\x01\x00")
    assert chip.find() is None


def test_another_chip_is_told_apart(sim, line, monkeypatch):
    monkeypatch.setitem(sim._ACTS, b"\x02", lambda sim, data: b"\x33\x01")
    with pytest.raises(Unavailable, match="something else than a PN532"):
        Chip(line, patience_s=0.2).start()


def test_an_answer_of_nothing_is_no_answer_of_the_card(sim, chip, monkeypatch):
    monkeypatch.setitem(sim._ACTS, b"\x40", lambda sim, data: b"")
    with pytest.raises(CardGone, match="status none"):
        chip.exchange(Target(1, 0x20, UID), b"\x00", 0.2)


# -- the reader


@dataclass
class Tapped:
    """A reader on the simulated chip, and a way to wait for what it tells."""

    sim: SimPn532
    reader: Pn532Reader

    def events(self, count, then=lambda event: None):
        found = []
        done = threading.Event()

        def listen():
            for event in self.reader.events(lambda: b"a" * 32):
                found.append(event)
                then(event)
                if len(found) == count:
                    return done.set()
            return None

        thread = threading.Thread(target=listen)
        thread.start()
        is_done = done.wait(WAIT)
        self.reader.close()
        thread.join(WAIT)
        assert is_done, found
        return found


@pytest.fixture
def tapped(sim):
    def make(tap):
        reader = Pn532Reader(Pn532Options(sim.path), pace=FAST, tap=tap)
        return Tapped(sim, reader)

    return make


def proving(transmit, ask):
    transaction = ask()
    return Found(b"text", KeyProof(b"point", transmit(transaction), transaction))


def test_a_card_that_speaks_apdu_is_asked_for_its_proof(sim, tapped):
    sim.show(SimCard(UID, 0x20, echo))
    health, read = tapped(proving).events(2)

    assert isinstance(health, Health)
    transaction = b"a" * 32
    proof = KeyProof(b"point", transaction + b"\x90\x00", transaction)
    assert read == CardRead(sim.path, read.ticks, UID, 56, b"text", proof)


def test_a_card_that_does_not_speak_it_gives_its_uid_alone(sim, tapped):
    sim.show(SimCard(UID, 0x08))
    read = tapped(None).events(2)[1]
    assert read == CardRead(sim.path, read.ticks, UID, 56)


def test_a_phone_with_a_new_uid_each_time_has_no_number_and_is_told_once(sim, tapped, monkeypatch):
    phones = [SimCard(bytes((8, number, 2, 3)), 0x20, echo) for number in range(6)]
    held = iter([*phones, None, None, None, SimCard(UID)])

    def look(chip, data):
        sim._card = next(held, sim._card)
        return SimPn532._list(chip, data)

    monkeypatch.setitem(sim._ACTS, b"\x4a", look)
    _, first, second = tapped(proving).events(3)

    assert (first.number, first.bits, first.text) == (b"", 0, b"text")
    assert second.number == UID


def test_a_card_that_stops_amid_its_proof_is_a_fault_of_the_card(sim, tapped):
    sim.show(SimCard(UID, 0x20, lambda apdu: b""))
    read = tapped(proving).events(2)[1]
    assert read.number == UID and read.proof is None
    assert "hold it longer" in read.fault


def test_close_amid_a_talk_with_a_slow_card_ends_it_within_half_a_second(sim):
    asked, answers, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(apdu):
        asked.set()
        answers.wait(WAIT)
        return echo(apdu)

    def listen():
        told.extend(reader.events(lambda: b""))
        ended.set()

    told = []
    sim.show(SimCard(UID, 0x20, slow))
    reader = Pn532Reader(Pn532Options(sim.path), pace=FAST, tap=lambda send, ask: send(b"\x01"))
    thread = threading.Thread(target=listen)
    thread.start()
    assert asked.wait(WAIT)
    reader.close()

    assert ended.wait(0.5)
    assert [type(event) for event in told] == [Health]
    answers.set()
    thread.join(WAIT)


def test_a_card_that_answers_nonsense_is_a_fault_of_the_card(sim, tapped):
    def nonsense(transmit, ask):
        raise Refused("tag 5A twice; try another card")

    sim.show(SimCard(UID, 0x20, echo))
    read = tapped(nonsense).events(2)[1]
    assert read.fault == "tag 5A twice; try another card"


def test_twenty_damaged_frames_cost_no_card_and_are_not_told(sim, tapped):
    cards = [SimCard(bytes((4, number, 0, 1)), 0x20, echo) for number in range(20)]
    left = iter(cards)

    def next_card(event):
        sim.show(next(left, cards[-1]))
        sim.line.corrupt(1)

    health, *reads = tapped(proving).events(21, then=next_card)
    assert health.fault == "" and [read.number for read in reads] == [card.uid for card in cards]
    assert {read.text for read in reads} == {b"text"}


def test_a_card_that_takes_for_ever_is_a_fault_of_the_card(sim, tapped, monkeypatch):
    monkeypatch.setattr("hw.readers.pn532.TAP_S", 0.0)

    def endless(transmit, ask):
        while True:
            transmit(b"\x00")

    sim.show(SimCard(UID, 0x20, echo))
    read = tapped(endless).events(2)[1]
    assert read.fault and TAP_S > 0


@pytest.mark.parametrize("swallows", [False, True])
def test_a_cable_that_breaks_amid_a_proof_is_no_fault_of_the_card(
    sim, tapped, monkeypatch, swallows
):
    monkeypatch.setattr("hw.readers.pn532.TAP_S", 0.3)
    breaks = iter([sim.line.cut])

    def answer(apdu):
        next(breaks, bool)()
        return echo(apdu)

    def tap(transmit, ask):
        try:
            return Found(transmit(b"\x01"))
        except Unavailable:
            if swallows:
                return Found(fault="the card stopped")
            raise

    def mend(event):
        if isinstance(event, Health) and event.fault:
            sim.line.mend()

    sim.show(SimCard(UID, 0x20, answer))
    events = tapped(tap).events(4, then=mend)

    assert [type(event) for event in events] == [Health, Health, Health, CardRead]
    assert [bool(event.fault) for event in events] == [False, True, False, False]
    assert events[3].text == b"\x01\x90\x00"


# -- the emulator


def test_the_simulated_chip_records_everything_that_happened(sim, chip):
    sim.show(SimCard(UID))
    chip.find()
    sim.remove()
    chip.find()
    assert [(event.event, event.data.hex()) for event in sim.history] == [
        ("command", "14011401"),
        ("command", "02"),
        ("command", "3205000101"),
        ("show", UID.hex()),
        ("command", "4a0100"),
        ("field", "01"),
        ("remove", ""),
        ("command", "4a0100"),
    ]


def test_the_simulated_chip_obeys_what_libnfc_asks_of_one(sim, line):
    frames = FrameReader()
    for command, answer in [
        ("00006c69626e6663", "d501006c69626e6663"),  # diagnose: the line
        ("04", "d50500000080"),
        ("0863028063038011223344", "d509"),  # three registers and half a one
        ("06630263036304", "d507808000"),
        ("1214", "d513"),
        ("42010b3f80", "d54301"),
        ("4001aa", "d54101"),  # there is no card
        ("5200", "d55300"),
        ("16f0", "d51700"),
        ("99", "7f"),
    ]:
        line.write(frame_of(bytes.fromhex("d4" + command)))
        found = []
        while len(found) < 2:
            found += frames.feed(line.read(WAIT))
        assert found[0] == Frame(Kind.ACK)
        assert found[1].inside.hex() == answer


def test_a_card_must_be_selected_before_it_is_asked(sim, chip):
    sim.show(SimCard(UID, 0x20, echo))
    with pytest.raises(CardGone, match="status 27"):
        chip.exchange(Target(1, 0x20, UID), b"\x00", 0.2)


@pytest.mark.parametrize("count", [0, 3, 5, 11])
def test_a_simulated_card_has_a_uid_that_cards_have(count):
    with pytest.raises(Refused, match="4, 7 or 10"):
        SimCard(bytes(count))
