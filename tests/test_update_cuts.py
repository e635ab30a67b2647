"""Power cuts of an update: what a cut leaves of a card, and what the box then starts."""

import mmap
import random
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workshop import board
from workshop.blockdev import served
from workshop.firmware import FLAG, FLAG_BYTES
from workshop.journal import ACK_BYTES, SECTOR, Event, Replay, spread
from workshop.layout import parts_of
from workshop.torn_card import Next, TornCard, Whole, next_of
from workshop.update_cuts import (
    PHASES,
    Moment,
    Recording,
    evenly,
    events_in,
    kept_from,
    phases_of,
)

from appliance.update import autoboot, counter
from appliance.update.counter import Counter
from ledger_sync.errors import Refused, Unavailable

TWIN = board.load("sim", "amd64")
PARTS = {part.name: part for part in parts_of(TWIN)}
FLUSH = Event(0, None)
DISK_SECTORS = 8
DISK_BYTES = DISK_SECTORS * SECTOR
TOLD, NOTHING_TOLD = FLAG.ljust(FLAG_BYTES, b"\0"), bytes(FLAG_BYTES)
NEVER = counter.NOTHING.to_bytes()


def chance(seed=1):
    return random.Random(seed)


def replay(*events, lying=False):
    disk = bytearray(DISK_BYTES + ACK_BYTES)
    return disk, Replay(disk, list(events), is_lying=lying)


def write(sector, letter, sectors=1):
    return Event(sector * SECTOR, letter * SECTOR * sectors)


writes = st.builds(
    lambda at, sectors, letter: write(at, bytes([letter]), min(sectors, DISK_SECTORS - at)),
    st.integers(0, DISK_SECTORS - 1),
    st.integers(1, 4),
    st.integers(1, 255),
)
recordings = st.lists(writes | st.just(FLUSH), max_size=12)


def sectors_of(disk):
    return [bytes(disk[at : at + SECTOR]) for at in range(0, DISK_BYTES, SECTOR)]


@settings(deadline=None)  # no time is asserted
@given(recordings, st.data())
def test_a_torn_disk_holds_only_what_was_written_and_all_that_was_flushed(events, data):
    # Invariant: each sector of a torn disk is the one of the last flush, or one written since;
    # behind the cut the disk is as before it.
    number = data.draw(st.integers(0, len(events)))
    flushed = max((n for n in range(number) if events[n].data is None), default=0)
    disk, played = replay(*events)
    played.go_to(number)
    settled = bytes(disk)

    with played.cut(chance(data.draw(st.integers()))):
        torn = sectors_of(disk)

    assert disk == settled
    allowed = [{one} for one in sectors_of(settled)]
    for event in events[flushed:number]:
        for at in range(0, len(event.data or b""), SECTOR):
            allowed[(event.at + at) // SECTOR].add(bytes(event.data[at : at + SECTOR]))
    assert all(one in some for one, some in zip(torn, allowed, strict=True))
    again, whole = replay(*[one for one in events[:flushed] if one.data is not None], FLUSH)
    whole.go_to(flushed + 1)
    assert settled == bytes(again)


def test_a_disk_that_lies_keeps_nothing_for_sure():
    seen = set()
    for seed in range(20):
        disk, played = replay(write(0, b"a"), FLUSH, lying=True)
        played.go_to(2)
        with played.cut(chance(seed)):
            seen.add(disk[0])

    assert seen == {0, ord("a")}


def test_what_is_told_beside_the_disk_is_never_torn():
    disk, played = replay(Event(DISK_BYTES, TOLD), write(0, b"a"), Event(DISK_BYTES, NOTHING_TOLD))
    told = []
    for number in range(4):
        played.go_to(number)
        told.append(played.beside[: len(FLAG)])

    assert told == [b"", FLAG, FLAG, bytes(len(FLAG))]
    assert bytes(disk[DISK_BYTES:]) == bytes(ACK_BYTES)


@settings(deadline=None)
@given(st.integers(1, 60), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers())
def test_moments_are_in_order_and_each_phase_has_its_share(count, sizes, seed):
    # Invariant: `count` moments, each inside its phase, shares that differ by one at most.
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    phases = [range(end - size, end) for end, size in zip(ends, sizes, strict=True)]

    found = spread(phases, count, chance(seed))

    shares = [sum(phase == n for _, phase in found) for n in range(len(phases))]
    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1
    assert found == sorted(found)
    assert all(number in phases[phase] for number, phase in found)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 80))
def test_cards_to_start_are_spread_over_all(count, wanted):
    found = evenly(count, wanted)

    assert len(found) == min(wanted, count)
    assert found <= set(range(count))


# What a box starts.


@settings(deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=40), st.binary(max_size=8))
def test_whatever_a_card_says_a_slot_is_started_or_none(choice, sector, flag):
    # Invariant: next_of names one of two slots, or raises Refused.
    try:
        found = next_of(choice, sector, flag)
    except Refused:
        return

    assert found.slot in autoboot.SLOTS


@pytest.mark.parametrize("kept", autoboot.SLOTS)
@pytest.mark.parametrize("starts", range(counter.LIMIT + 2))
@pytest.mark.parametrize("flag", [TOLD, NOTHING_TOLD, b""])
def test_the_kept_slot_is_started_unless_told_or_given_up(kept, starts, flag):
    other = autoboot.other(kept)
    sector = Counter(kept, starts).to_bytes()

    found = next_of(autoboot.text_of(kept), sector, flag)

    if flag == TOLD:
        assert found == Next(other, is_trial=True)
    else:
        assert found == Next(other if starts >= counter.LIMIT else kept, is_trial=False)


def test_starts_of_the_other_slot_do_not_count():
    sector = Counter("b", counter.LIMIT).to_bytes()

    assert next_of(autoboot.text_of("a"), sector, b"") == Next("a", is_trial=False)


def test_a_slot_is_whole_to_the_last_byte_of_both_its_partitions(tmp_path):
    image = tmp_path / "card.img"
    end = PARTS["persistent"].at
    with image.open("wb") as file:
        file.truncate(end)
    slots = {"system_a": Whole(3, ABC), "boot_a": Whole(3, ABC)}
    with image.open("r+b") as file, mmap.mmap(file.fileno(), 0) as disk:
        for name in slots:
            disk[PARTS[name].at : PARTS[name].at + 3] = b"abc"
        card = TornCard(TWIN, image, disk, slots, tmp_path)
        found = [card.is_whole("a")]
        for name in slots:
            disk[PARTS[name].at + 2] ^= 1
            found.append(card.is_whole("a"))
            disk[PARTS[name].at + 2] ^= 1
        disk[PARTS["boot_a"].at + 3] ^= 1  # behind its end

        assert [*found, card.is_whole("a")] == [True, False, False, True]


ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc", FIPS 180-4."""


# The phases of a recording.


def at(name, data=b"x" * SECTOR):
    return Event(PARTS[name].at, data)


KEPT = at("bootconfig", autoboot.text_of("b").ljust(SECTOR, b"\0"))
UPDATE: Sequence[Event] = [
    at("persistent"),
    FLUSH,
    at("boot_b"),  # 2: from behind it on it is being written
    at("system_b"),
    FLUSH,
    at("persistent"),
    at("persistent"),  # 6: the trial
    FLUSH,
    at("bootconfig"),  # 8: mounted to be written
    KEPT,
    FLUSH,  # 10: kept
    at("counter"),
    FLUSH,
    at("persistent"),
]
TRIAL = 6


def test_an_update_is_written_then_tried_then_kept():
    assert phases_of(TWIN, UPDATE, [0, TRIAL]) == [range(3, 6), range(6, 9), range(9, 14)]
    assert len(PHASES) == 3


@pytest.mark.parametrize("left_out", [("boot_b", "system_b"), ("bootconfig", "counter")])
def test_a_recording_without_an_update_is_none(left_out):
    places = {PARTS[name].at for name in left_out}
    events = [one for one in UPDATE if one.data is None or one.at not in places]

    with pytest.raises(Unavailable, match="no update"):
        phases_of(TWIN, events, [0, TRIAL])


def test_a_slot_is_kept_for_sure_when_its_choice_is_flushed():
    assert kept_from(UPDATE) == 11
    with pytest.raises(Unavailable, match="keeps no slot"):
        kept_from(UPDATE[:10])


def test_the_firmware_takes_its_flag_at_each_start(tmp_path):
    before = tmp_path / "before.img"
    before.write_bytes(bytes(DISK_BYTES + ACK_BYTES))
    first, second = [write(0, b"a"), Event(DISK_BYTES, TOLD)], [FLUSH]

    events = Recording(before, [first, second]).events

    assert events == [*first, Event(DISK_BYTES, bytes(ACK_BYTES)), *second]


def test_a_cut_says_what_is_wrong_or_what_is_started():
    moment = Moment(7, "trial", Next("a", is_trial=False), ())

    assert moment.sentence == "cut at event 7, trial: slot a is started"
    assert "not whole" in moment._replace(faults=("slot b, not whole",)).sentence
    assert "nothing is started" in moment._replace(next=None).sentence


# The recorder itself.


@pytest.mark.heavy
def test_what_is_told_beside_a_card_is_written_down_and_no_flush_of_the_card(tmp_path):
    if shutil.which("nbdcopy") is None or shutil.which("nbdkit") is None:
        pytest.skip("needs nbdkit with its Python plugin, and libnbd-bin")
    disk, socket, events = tmp_path / "disk", tmp_path / "nbd", tmp_path / "journal"
    disk.write_bytes(bytes(DISK_BYTES + ACK_BYTES))
    flag, block = tmp_path / "flag", tmp_path / "block"
    flag.write_bytes(b"f" * ACK_BYTES)
    block.write_bytes(b"b" * SECTOR)

    with served(disk, events, socket):
        for file, export in ((flag, "beside"), (block, "card")):
            place = f"nbd+unix:///{export}?socket={socket}"
            subprocess.run(["nbdcopy", "--flush", file, place], check=True)

    assert events_in(events) == [
        Event(DISK_BYTES, b"f" * ACK_BYTES),
        Event(0, b"b" * SECTOR),
        FLUSH,
    ]
    assert disk.read_bytes() == (b"b" * SECTOR + bytes(DISK_BYTES - SECTOR) + b"f" * ACK_BYTES)
