"""What runs in the guest that has hardware: a line that is watched, a keyboard, the facts."""

import itertools
import random
from pathlib import Path

import pytest
from workshop import first_boot, hardware, sources
from workshop.guest import is_emulators_fault
from workshop.hardware import FACTS, facts_of
from workshop.keyboard import keys_of
from workshop.line_history import Change, change_of, changes, highs

from hw.readers.keystrokes import EV_KEY, PRESS, Keystrokes
from ledger_sync.errors import Unavailable


def looked(levels):
    """The history of a line that showed these levels, one a look; the clock goes on by 10 ns each
    time it is asked."""
    clock = itertools.count(0, 10)
    told = iter(levels)
    seen = changes(lambda: next(told), lambda: next(clock))
    return [change for change in itertools.islice(seen, len(levels)) if change]


def test_a_change_lies_between_the_look_before_it_and_the_look_that_saw_it():
    assert looked([0, 0, 1, 1, 0]) == [Change(0, 20, 0), Change(30, 50, 1), Change(60, 80, 0)]


def test_a_high_lasted_at_least_as_it_was_seen_and_at_most_between_two_lows():
    assert highs(looked([0, 0, 1, 1, 0])) == [(30, 10, 50)]


def test_a_high_that_one_look_saw_may_have_been_an_instant():
    assert [one.least for one in highs(looked([0, 1, 0]))] == [0]


def test_a_high_that_has_not_ended_is_none_yet():
    assert highs(looked([0, 1, 0, 1])) == highs(looked([0, 1, 0]))
    assert highs(looked([0, 0])) == []


def test_a_line_that_was_high_at_the_first_look_counts_from_there():
    assert len(highs(looked([1, 0]))) == 1


def test_however_late_the_looks_the_true_time_lies_between_least_and_most():
    chance = random.Random(5)
    for _ in range(200):
        ends = list(itertools.accumulate(chance.randint(40, 400) for _ in range(16)))
        truth = list(zip(ends[::2], ends[1::2], strict=True))
        steps = itertools.accumulate(chance.randint(1, 9) for _ in itertools.count())
        moments = []

        def clock(steps=steps, moments=moments):
            moments.append(next(steps))
            return moments[-1]

        def read(truth=truth, moments=moments):
            return int(any(rise <= moments[-1] < fall for rise, fall in truth))

        seen = itertools.takewhile(
            lambda _, moments=moments: moments[-1] < 7_000, changes(read, clock)
        )
        found = highs(change for change in seen if change)
        assert len(found) == len(truth)
        for one, (rise, fall) in zip(found, truth, strict=True):
            assert one.began <= rise
            assert one.least <= fall - rise <= one.most


def test_a_change_is_read_as_it_is_written():
    change = Change(123, 456, 1)

    assert change_of(change.text) == change
    with pytest.raises(ValueError):
        change_of("1 2")


@pytest.mark.parametrize("text", ["YP1:AZ09 $%*+-./:", "hello, World!", "0123456789"])
def test_what_the_keyboard_types_is_what_a_reader_takes(text):
    taken = Keystrokes()
    ticks, badge = 0, b""
    for code, is_shifted in keys_of(text):
        shift = [(42, PRESS)] if is_shifted else []
        for key, value in [*shift, (code, PRESS), (code, 0), *([(42, 0)] if is_shifted else [])]:
            ticks += 1_000_000
            badge = badge or taken.feed(EV_KEY, key, value, ticks)

    assert badge.decode() == text


def test_a_character_that_no_key_has_is_named():
    with pytest.raises(ValueError, match="no key for 'é'"):
        keys_of("é")


PULSE = ["1 2 0", "1000000000 1001000000 1", "1690000000 1699000000 0"]


def test_each_time_high_is_a_pulse_and_there_is_one():
    first_boot.check_line([f"LINE {line}" for line in PULSE])


@pytest.mark.parametrize(
    "lines",
    [
        PULSE[:1],  # nothing moved
        PULSE[:2],  # it stayed high
        [*PULSE, "1800000000 1801000000 1", "1900000000 1901000000 0"],  # too short
        [*PULSE[:2], "6051000000 6052000000 0"],  # too long
    ],
)
def test_a_line_that_is_not_a_pulse_fails_the_first_boot(lines):
    with pytest.raises(Unavailable, match="no pulse"):
        first_boot.check_line([f"LINE {line}" for line in lines])


def told(verdicts):
    return [f"noise FACT {name}: so" if is_so else f"FALSE {name}: no" for name, is_so in verdicts]


def test_all_facts_in_their_order_are_a_day_that_went_well():
    assert facts_of(told((name, True) for name in FACTS)) == [f"{name}: so" for name in FACTS]


@pytest.mark.parametrize("at", range(len(FACTS)))
def test_a_fact_that_is_false_or_missing_fails_the_day(at):
    with pytest.raises(Unavailable, match=f"FALSE {FACTS[at]}: no"):
        facts_of(told((name, number != at) for number, name in enumerate(FACTS)))
    with pytest.raises(Unavailable, match="not every fact"):
        facts_of(told((name, True) for name in FACTS[:at] + FACTS[at + 1 :]))


@pytest.mark.parametrize(
    "path", sorted(sources.LOCK.parent.glob("*.txt")), ids=lambda one: one.stem
)
def test_every_lock_names_a_version_and_one_hash_a_line(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]

    assert lines
    assert all("==" in line and line.count("--hash=sha256:") == 1 for line in lines)
    assert "://" not in path.read_text()


def test_what_runs_in_the_guest_imports_nothing_that_is_not_there():
    """The stick holds these files alone; the product's packages are the guest's own."""
    folder = Path(hardware.__file__).parent
    here = {Path(name).stem for name in hardware._INSIDE}
    for name in hardware._INSIDE:
        for line in (folder / name).read_text().splitlines():
            if line.startswith("from workshop import "):
                assert line.split()[3] in here
            elif line.startswith("from workshop."):
                assert line.split()[1].removeprefix("workshop.") in here


@pytest.mark.parametrize(
    ("line", "is_so"),
    [
        ("[    2.392941] Oops: int3: 0000 [#2] SMP NOPTI", True),
        ("[   62.392941] Oops: int3: 0000 [#2] SMP NOPTI", False),  # the box is at work by then
        ("[    2.392941] Oops: general protection fault: 0000", False),
        ("[    2.397106] Kernel panic - not syncing: Fatal exception in interrupt", False),
    ],
)
def test_only_a_breakpoint_of_a_kernel_that_begins_is_the_emulators_fault(line, is_so):
    assert is_emulators_fault(["", line]) is is_so
