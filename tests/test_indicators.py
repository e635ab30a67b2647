"""What signals look and sound like, and lamps on pins beyond their contract (test_ports.py).

Pins are gpiozero's own mock pins; every assertion on them compares their whole history."""

import sys
import threading
from itertools import combinations

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from hw import drivers, indicators
from hw.errors import Refused, Unavailable
from hw.indicators import GpioIndicator, GpioIndicatorOptions, Together
from hw.patterns import PATTERNS, Part, at
from hw.player import Player
from hw.ports import Signal
from hw.sim.indicator import MAX_HISTORY, IndicatorEvent, SimIndicator
from hw.tones import HERTZ, tone

MS = 1_000_000  # ns
PAIRS = list(combinations(Signal, 2))


# -- the table


def colour(signal):
    """Which lamps are lit at the same time, whatever the rhythm."""
    return frozenset(step.parts for step in PATTERNS[signal].light if step.parts)


def rhythm(signal):
    """Flashes and pauses as long (L) or short (s), from the first one, whatever the colour."""
    steps = PATTERNS[signal].light
    if len(steps) == 1:
        return "steady" if steps[0].parts else "dark"
    return " ".join(
        ("on" if step.parts else "off") + ("L" if step.ms >= 700 else "s") for step in steps
    )


def sound(signal):
    """Beeps as long (L) or short (s), and whether they go on."""
    pattern = PATTERNS[signal]
    beeps = "".join("L" if step.ms >= 600 else "s" for step in pattern.beeps if step.parts)
    return beeps, pattern.beeps_repeat


CHANNELS = {"colour": colour, "rhythm": rhythm, "sound": sound}


@pytest.mark.parametrize("channel", CHANNELS)
def test_any_two_signals_differ_in_every_channel(channel):
    """But trouble, which is for whoever looks after the box, is as silent as nobody there."""
    of = CHANNELS[channel]
    same = [(Signal.IDLE, Signal.TROUBLE)] if channel == "sound" else []
    assert [pair for pair in PAIRS if of(pair[0]) == of(pair[1])] == same


def test_rhythms_differ_wherever_one_begins_to_look():
    def rotations(signal):
        words = rhythm(signal).split()
        return {" ".join(words[n:] + words[:n]) for n in range(0, len(words), 2)}

    assert [pair for pair in PAIRS if rotations(pair[0]) & rotations(pair[1])] == []


def test_long_and_short_are_told_apart_by_ear_and_eye():
    for pattern in PATTERNS.values():
        for steps in (pattern.light, pattern.beeps):
            lit = {step.ms for step in steps if step.parts} if len(steps) > 1 else set()
            assert all(ms <= 200 or ms >= 600 for ms in lit)


def test_every_signal_has_a_pattern_and_none_is_of_duress():
    assert set(PATTERNS) == set(Signal)
    assert {signal.name for signal in Signal} == {
        *("IDLE", "GREEN", "YELLOW", "RED", "GREY", "ALARM", "TROUBLE")
    }


def test_green_is_lit_for_green_alone():
    lit = {signal for signal in Signal if any(Part.GREEN in parts for parts in colour(signal))}
    assert lit == {Signal.GREEN}


@pytest.mark.parametrize("signal", Signal)
def test_no_light_flashes_more_than_three_times_in_any_second(signal):
    lit = [bool(at(PATTERNS[signal], ms)[0] - {Part.BUZZER}) for ms in range(0, 10_000, 10)]
    rises = [n for n in range(1, len(lit)) if lit[n] and not lit[n - 1]]
    assert all(len([n for n in rises if start <= n < start + 100]) <= 3 for start in rises)


@pytest.mark.parametrize("signal", Signal)
def test_a_pattern_is_the_same_however_it_is_looked_at(signal):
    pattern, elapsed, hops = PATTERNS[signal], 0, []
    while elapsed < 5_000:
        parts, left = at(pattern, elapsed)
        assert left is None or left > 0
        upto = 5_000 if left is None else min(elapsed + left, 5_000)
        hops += [parts] * (upto - elapsed)
        elapsed = upto
    assert hops == [at(pattern, ms)[0] for ms in range(5_000)]


def test_only_an_alarm_goes_on_beeping():
    for signal in Signal:
        beeping = any(Part.BUZZER in at(PATTERNS[signal], ms)[0] for ms in range(5_000, 10_000))
        assert beeping is (signal is Signal.ALARM)


# -- lamps on pins


class Clock:
    """Ticks that a test adds to."""

    def __init__(self):
        self.ms = 0

    def __call__(self):
        return self.ms * MS


class Lamps:
    """A lamp row on mock pins, whose player's thread is at rest: the test plays instead."""

    def __init__(self, monkeypatch, **options):
        monkeypatch.setattr(Player, "_run", lambda player: None)
        self.clock = Clock()
        options = GpioIndicatorOptions(factory="mock", **options)
        self.indicator = GpioIndicator(options, clock=self.clock)
        self.seen = []

    def play(self, milliseconds):
        """Plays on; the time and the parts that were on, after each change."""
        end = self.clock.ms + milliseconds
        while self.clock.ms < end:
            left = round(self.indicator._player._tick() * 1_000)
            self.note()
            self.clock.ms = min(self.clock.ms + left, end)
        return self.seen

    def note(self):
        on = "".join(part.name[0] for part, pin in self.indicator.pins.items() if pin.state)
        if not self.seen or self.seen[-1][1] != on:
            self.seen.append((self.clock.ms, on))

    def history(self, part):
        return [int(entry.state) for entry in self.indicator.pins[part].states]


@pytest.fixture
def lamps(monkeypatch):
    made = Lamps(monkeypatch)
    yield made
    made.indicator.close()


PLAYED = {  # B: the buzzer
    Signal.IDLE: [(0, "")],
    Signal.GREEN: [(0, "GB"), (150, "G")],
    Signal.YELLOW: [
        *((0, "YB"), (150, "Y"), (300, "YB"), (450, "Y"), (700, "")),
        *((1400, "Y"), (2100, ""), (2800, "Y")),
    ],
    Signal.RED: [
        *((0, "RB"), (200, "B"), (400, "RB"), (600, ""), (800, "R"), (1000, ""), (1200, "R")),
        *((1400, ""), (1600, "R"), (1800, ""), (2000, "R"), (2200, ""), (2400, "R")),
        *((2600, ""), (2800, "R")),
    ],
    Signal.TROUBLE: [(0, "Y"), (200, "YR"), (400, "")],
    Signal.GREY: [
        *((0, "YRB"), (200, "B"), (400, "YRB"), (600, ""), (750, "B"), (900, "")),
        *((1400, "YR"), (1600, ""), (1800, "YR"), (2000, ""), (2800, "YR")),
    ],
    Signal.ALARM: [
        *((0, "RB"), (200, "B"), (400, "YB"), (600, ""), (800, "R"), (1000, "B"), (1600, "")),
        *((1800, "R"), (2000, "B"), (2200, "YB"), (2400, "B"), (2600, "R"), (2800, "")),
    ],
}


@pytest.mark.parametrize("signal", Signal)
def test_three_seconds_of_a_signal_are_on_the_pins_to_the_millisecond(lamps, signal):
    lamps.indicator.show(signal)
    assert lamps.play(3_000) == PLAYED[signal]


def test_the_history_of_each_pin_is_the_pattern_and_ends_off(lamps):
    lamps.indicator.show(Signal.YELLOW)
    lamps.play(3_000)
    lamps.indicator.close()
    assert lamps.history(Part.YELLOW) == [0, 1, 0, 1, 0, 1, 0]
    assert lamps.history(Part.BUZZER) == [0, 1, 0, 1, 0]
    assert lamps.history(Part.GREEN) == lamps.history(Part.RED) == [0]


def test_the_newest_signal_wins_and_begins_from_its_start(lamps):
    lamps.indicator.show(Signal.RED)
    lamps.play(100)
    lamps.indicator.show(Signal.GREEN)
    lamps.play(1_000)
    assert lamps.seen == [(0, "RB"), (100, "GB"), (250, "G")]


def test_a_signal_shown_again_beeps_again(lamps):
    lamps.indicator.show(Signal.GREEN)
    lamps.play(500)
    lamps.indicator.show(Signal.GREEN)
    lamps.play(500)
    assert lamps.seen == [(0, "GB"), (150, "G"), (500, "GB"), (650, "G")]
    assert lamps.history(Part.GREEN) == [0, 1]


def test_lamps_may_be_active_low_and_a_buzzer_may_be_missing(monkeypatch):
    lamps = Lamps(monkeypatch, lamps_active="low", buzzer=0)
    lamps.indicator.show(Signal.GREEN)
    lamps.play(1_000)
    lamps.indicator.close()
    assert lamps.history(Part.GREEN) == [0, 1, 0, 1]  # a mock pin is born low
    assert lamps.history(Part.RED) == [0, 1]
    assert Part.BUZZER not in lamps.indicator.pins


def test_a_failing_lamp_is_told_and_tried_again(lamps):
    pin = lamps.indicator.pins[Part.RED]
    pin.function = "input"
    with pytest.raises(Unavailable, match=r"cannot be switched.*; check"):
        lamps.indicator.show(Signal.RED)
    pin.function = "output"
    lamps.indicator.show(Signal.RED)
    lamps.play(100)
    assert lamps.seen == [(0, "RB")]


# -- with its own thread


class Watched(MockPin):
    """A mock pin whose changes can be waited for."""

    rises = None

    def _change_state(self, value):
        changed = super()._change_state(value)
        if changed and value and self.rises is not None:
            self.rises.release()
        return changed


@pytest.fixture
def rises(monkeypatch):
    """Released at every rise of any pin of a board made from now on."""
    semaphore = threading.Semaphore(0)
    monkeypatch.setattr(Watched, "rises", semaphore)
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: MockFactory(pin_class=Watched))
    return semaphore


def test_the_thread_plays_on_by_itself_and_closing_amid_it_leaves_all_off(rises):
    indicator = GpioIndicator(GpioIndicatorOptions(factory="mock", buzzer=0))
    indicator.show(Signal.RED)
    for _ in range(3):
        assert rises.acquire(timeout=10)
    indicator.close()
    pins = indicator.pins
    states = [int(entry.state) for entry in pins[Part.RED].states]

    assert states[:6] == [0, 1, 0, 1, 0, 1] and states[-1] == 0
    assert [pin.state for pin in pins.values()] == [False] * 3
    assert {pin.function for pin in pins.values()} == {"input"}
    assert "indicator" not in {thread.name for thread in threading.enumerate()}


def test_a_lamp_that_fails_amid_a_pattern_ends_no_thread(rises):
    indicator = GpioIndicator(GpioIndicatorOptions(factory="mock", buzzer=0))
    indicator.show(Signal.RED)
    pin = indicator.pins[Part.RED]
    assert rises.acquire(timeout=10)
    pin.function = "input"
    with pytest.raises(Unavailable, match="check"):
        indicator.show(Signal.GREEN)
    pin.function = "output"
    indicator.show(Signal.RED)
    assert rises.acquire(timeout=10)
    assert rises.acquire(timeout=10)
    indicator.close()


def test_a_closed_player_writes_nothing_more():
    written = []
    player = Player(written.append, Clock())
    player.show(Signal.GREEN)
    player.close()
    count = len(written)
    player.show(Signal.RED)
    player.close()
    assert next(parts for parts in written if parts) == {Part.GREEN, Part.BUZZER}
    assert len(written) == count


def test_closing_takes_the_exit_hook_away(monkeypatch):
    hooks = []
    monkeypatch.setattr(indicators.atexit, "register", hooks.append)
    monkeypatch.setattr(indicators.atexit, "unregister", hooks.remove)
    indicator = GpioIndicator(GpioIndicatorOptions(factory="mock"))
    assert hooks == [indicator.close]
    indicator.close()
    indicator.close()
    assert hooks == []


# -- faults


def test_every_fault_of_the_wiring_is_told_at_once():
    with pytest.raises(Refused) as caught:
        GpioIndicator(
            GpioIndicatorOptions(
                green=0, yellow=6, red=6, buzzer=1, lamps_active="on", factory="mock"
            )
        )
    assert str(caught.value) == (
        "buzzer = 1; give a GPIO from 2 to 27, or 0 for not wired; "
        "yellow and red are both on GPIO 6; give each its own; "
        "green = 0; wire all three lamps, or choose another indicator; "
        "lamps_active = 'on'; give one of high, low"
    )


def test_a_missing_lgpio_is_unavailable_and_nothing_stands_in_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(Unavailable, match="apt install python3-lgpio"):
        GpioIndicator()
    assert gpiozero.Device.pin_factory is None


def test_a_pin_in_use_is_unavailable_and_the_others_are_let_go(monkeypatch):
    factory = MockFactory()
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: factory)
    first = GpioIndicator(
        GpioIndicatorOptions(green=20, yellow=21, red=22, buzzer=13, factory="mock")
    )
    with pytest.raises(Unavailable, match="GPIO 13 cannot be set up"):
        GpioIndicator(GpioIndicatorOptions(factory="mock"))
    first.close()
    GpioIndicator(GpioIndicatorOptions(factory="mock")).close()


def test_the_table_of_drivers_makes_them():
    lamps = drivers.make("indicator", "gpio", {"factory": "mock"})
    assert isinstance(lamps, GpioIndicator)
    lamps.close()
    assert isinstance(drivers.make("indicator", "sim", {}), SimIndicator)


# -- several as one, and the one made of memory


def test_one_indicator_that_fails_keeps_no_other_from_showing_or_closing():
    first, second = SimIndicator(clock=lambda: 0), SimIndicator(clock=lambda: 0)
    both = Together(first, second)
    first.unplug()
    with pytest.raises(Unavailable, match="unplugged"):
        both.show(Signal.RED)
    first.plug()
    both.show(Signal.GREEN)
    both.close()
    assert [entry.signal for entry in first.history] == [Signal.GREEN, None]
    assert [entry.signal for entry in second.history] == [Signal.RED, Signal.GREEN, None]


def test_the_indicator_of_memory_records_what_and_when():
    ticks = iter(range(100, 200))
    indicator = SimIndicator(clock=lambda: next(ticks))
    indicator.show(Signal.GREEN)
    indicator.show(Signal.IDLE)
    indicator.close()
    indicator.close()
    assert indicator.history == (
        IndicatorEvent(Signal.GREEN, 100),
        IndicatorEvent(Signal.IDLE, 101),
        IndicatorEvent(None, 102),
    )


def test_the_history_is_bounded_and_keeps_the_newest():
    indicator = SimIndicator(clock=lambda: 0)
    for _ in range(MAX_HISTORY):
        indicator.show(Signal.RED)
    indicator.close()
    assert len(indicator.history) == MAX_HISTORY and indicator.history[-1].signal is None


# -- tones


def test_every_signal_that_beeps_has_a_tone_of_its_own_pitch():
    assert {signal for signal in Signal if tone(signal)} == {
        signal for signal in Signal if PATTERNS[signal].beeps
    }
    assert len(set(HERTZ.values())) == len(HERTZ)
