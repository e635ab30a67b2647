"""Whatever happens at a gate, the console, the log and the sounds say one and the same of it."""

import pytest
from compound import ANN, BOB, ESCORTED, GUEST, NOW, REVOKED, SUSPENDED, B, C, show
from hypothesis import given, settings
from hypothesis import strategies as st
from stand import Stand

from appliance.console import catalogue
from appliance.console.standing import Standing
from appliance.console.view import Shown, View
from appliance.console.watch import Watch
from appliance.door_config import GateConfig
from appliance.gate import words
from appliance.gate.doorman import COLOURS, Doorman
from appliance.policy.facts import Direction
from appliance.policy.verdict import SHAPES, Action, Colour
from hw.ports import Level, Sensor, Signal
from hw.sim.indicator import SimIndicator
from ledger_sync.store import Store

PEOPLE = (ANN, BOB, GUEST, REVOKED, SUSPENDED, ESCORTED)
TIMES = st.integers(NOW - 40, NOW + 9)
CODES = st.builds(show, st.sampled_from([C, B]), st.sampled_from(PEOPLE), at=TIMES)
NOISE = st.binary(max_size=20)
EVENTS = st.lists(CODES | NOISE | st.sampled_from(Sensor), min_size=1, max_size=12)
SHOWN = {signal: colour for colour, signal in COLOURS.items()}
LANGUAGES = catalogue.load().words.values()


def with_lamps(stand, way):
    """The stand's gate with lamps and sounds, on a clock of its own; what they were told."""
    lamps, now = SimIndicator(), [1_000]

    def tick():
        now[0] += 10_000
        return now[0]

    stand.terminal._opener = Doorman(
        GateConfig(), stand.relay, pulse_ms=700, is_way_out=way is Direction.OUT,
        now=tick, tell=lambda kind: stand.recorder.alarm(kind, "n", NOW), indicator=lamps,
    )  # fmt: skip
    return lamps


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(EVENTS, st.sampled_from(Direction))
def test_console_log_and_sound_agree_on_every_verdict(tmp_path_factory, events, way):
    with Stand(tmp_path_factory.mktemp("gate"), way) as stand, Store(stand.compound.path) as store:
        lamps, eyes, view = with_lamps(stand, way), Watch(store), View("n")
        for number, event in enumerate(events):
            if isinstance(event, Sensor):
                stand.terminal.seen(Level(event, bool(number % 2), number * 10**10))
                view.add(eyes.look())
                continue
            before = len(lamps.history)
            outcome = stand.terminal.present(event)
            seen = [one for one in eyes.look() if one.is_check]
            view.add(seen)
            verdict, (newest,) = outcome.verdict, seen

            assert (newest.colour, newest.action, newest.reasons) == verdict
            assert heard(lamps.history[before:], verdict.colour, outcome)
            line = words.line(outcome)
            assert line.startswith(f"{SHAPES[verdict.colour]} {verdict.colour.name}")
            for language in LANGUAGES:
                screen = view.lines(Standing(), NOW, 80, 20, Shown(language))
                headline = screen[2].text
                assert SHAPES[verdict.colour] in headline
                assert language(f"colour.{verdict.colour.name}") in headline


def heard(history, colour, outcome):
    """Whether the sound was that of the verdict; red where the gate itself let nobody in by a
    green, since it is stuck open: the alarm of that stands on the console, too."""
    told = [event.signal for event in history if event.signal in SHOWN]
    if colour is Colour.GREEN and not outcome.is_opened and outcome.fault:
        return told[-1:] == [Signal.RED]
    return SHOWN[told[0]] is colour if told else outcome.verdict.action is not Action.OPEN
