"""What a power cut may leave of a recorded disk; and the real thing, hundreds of times."""

import json
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workshop import blockdev
from workshop.journal import ACK_BYTES, HEAD, SECTOR, Event, cuts, events_of
from workshop.power_cuts import Result, verdict
from workshop.workload import Ack, chained

ROOT = Path(__file__).resolve().parents[1]
BLOCK = 4_096
DISK = bytes(4 * BLOCK + ACK_BYTES)
ACK_AT = 4 * BLOCK


def write(at, letter, size=BLOCK):
    return Event(at, letter * size)


FLUSH = Event(0, None)
ACK = Event(ACK_AT, b"one" + bytes(509))


def as_bytes(*events):
    return b"".join(
        HEAD.pack(b"F" if one.data is None else b"W", one.at, len(one.data or b""))
        + (one.data or b"")
        for one in events
    )


def cut_after(*events, count=10_000, seed=1):
    return list(cuts(DISK, list(events), count, random.Random(seed)))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_journal_or_are_refused(data):
    # Invariant: events_of gives events that print to the same bytes, or raises ValueError.
    try:
        found = events_of(data)
    except ValueError:
        return

    heads = [HEAD.unpack_from(part) for part in map(as_bytes, found)]
    assert len(as_bytes(*found)) == len(data)
    assert len(heads) == len(found)


def test_a_journal_says_what_was_done_in_its_order():
    done = [write(0, b"a"), FLUSH, write(BLOCK, b"b", SECTOR)]

    assert events_of(as_bytes(*done)) == done


@pytest.mark.parametrize("short", range(1, 13))
def test_a_journal_that_ends_inside_an_event_is_refused(short):
    whole = as_bytes(write(0, b"a"))

    with pytest.raises(ValueError, match="journal"):
        events_of(whole[:-short] if short < 2 else whole[: HEAD.size - short])


def test_what_was_flushed_survives_every_cut():
    made = cut_after(write(0, b"a"), FLUSH, ACK, write(BLOCK, b"b"), FLUSH, write(0, b"c"))

    assert {one.image[:SECTOR] for one in made[:-1]} == {b"a" * SECTOR}
    assert made[-2].image[BLOCK : 2 * BLOCK] == b"b" * BLOCK


def test_what_was_not_flushed_survives_by_sectors():
    ends = [cut_after(ACK, write(0, b"a"), seed=seed)[-1].image for seed in range(20)]
    sectors = Counter(image[at : at + SECTOR] for image in ends for at in range(0, BLOCK, SECTOR))

    assert set(sectors) == {b"a" * SECTOR, bytes(SECTOR)}
    assert min(sectors.values()) > 40  # of 160: a fair coin


def test_a_later_write_may_survive_without_an_earlier_one():
    ends = [
        cut_after(ACK, write(0, b"a", SECTOR), write(BLOCK, b"b", SECTOR), seed=seed)[-1].image
        for seed in range(40)
    ]

    assert {(image[0:1], image[BLOCK : BLOCK + 1]) for image in ends} == {
        (early, late) for early in (b"a", b"\0") for late in (b"b", b"\0")
    }


def test_cuts_begin_behind_the_first_acknowledgement_and_tell_the_last():
    second = Event(ACK_AT, b"two" + bytes(509))
    made = cut_after(write(0, b"a"), ACK, FLUSH, second, FLUSH)

    assert [one.acknowledged[:3] for one in made] == [b"one", b"one", b"two", b"two"]
    assert all(one.image[ACK_AT:] == bytes(ACK_BYTES) for one in made)


def test_no_more_cuts_are_made_than_there_are_moments():
    assert len(cut_after(ACK, FLUSH, FLUSH, count=2)) == 2
    assert len(cut_after(ACK, FLUSH, FLUSH, count=99)) == 3


def test_an_acknowledgement_says_which_entries_it_is_of():
    ack = Ack(3, 9, chained([b"a", b"b", b"c"]))

    assert Ack.from_bytes(ack.to_bytes().ljust(BLOCK, b"\0")) == ack
    assert chained([b"ab"]) != chained([b"a", b"b"])
    with pytest.raises(ValueError, match="no acknowledgement"):
        Ack.from_bytes(bytes(BLOCK))


def result(synchronous, **counts):
    return Result(synchronous, Counter(counts), 0, "", 9, 1.0)


def test_the_rig_passes_only_if_its_control_fails():
    good, control = result("FULL", sound=9), result("NORMAL", sound=1, lost=8)

    assert verdict([good, control])
    assert not verdict([good, result("NORMAL", sound=9)])
    assert not verdict([result("FULL", sound=8, lost=1), control])
    assert not verdict([result("FULL", sound=8, corrupt=1), control])


@pytest.mark.heavy
def test_600_torn_power_cuts_lose_no_acknowledged_check_and_corrupt_nothing():
    if blockdev.missing() or os.geteuid():
        pytest.skip("needs root, nbdkit with its Python plugin, and nbdfuse")

    done = subprocess.run(
        [ROOT / "image-build" / "power-cuts", "--cuts", "600", "--control", "60", "--json"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )

    assert done.returncode == 0, done.stderr or done.stdout
    full, control = json.loads(done.stdout)["runs"]
    assert full["counts"] == {"sound": 600, "lost": 0, "corrupt": 0}
    assert control["counts"]["lost"] > 0
