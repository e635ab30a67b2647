"""The doorman: what the machine says is done on relay and lamps, and told to the peers.

Virtual milliseconds; the relay, the lamps and the peers each tell their whole history.
"""

import pytest

from appliance.door_config import GateConfig
from appliance.gate.doorman import COLOURS, SHOW_MS, Doorman
from appliance.policy.verdict import Colour
from hw.errors import Refused, Unavailable
from hw.ports import Level, Sensor, Signal
from hw.sim.indicator import SimIndicator
from hw.sim.relay import SimRelay

CONFIG = GateConfig(debounce_ms=20, exit_debounce_ms=20)
CONTACT, EXIT, FIRE, TAMPER = Sensor.CONTACT, Sensor.EXIT, Sensor.FIRE, Sensor.TAMPER


class Gatehouse:
    """A gate, its relay and lamps, a clock that tests move."""

    def __init__(self, config=CONFIG, *, out=False, relay=None, lamps=True):
        self.now, self.told = 1_000, []
        self.relay = relay or SimRelay(clock=lambda: self.now)
        self.lamps = SimIndicator(clock=lambda: self.now) if lamps else None
        self.doorman = Doorman(
            config,
            self.relay,
            pulse_ms=700,
            is_way_out=out,
            now=lambda: self.now,
            tell=lambda kind: self.told.append((self.now, kind)),
            indicator=self.lamps,
        )

    def find(self, *active):
        """The first look at the inputs."""
        for sensor in Sensor:
            self.set(sensor, sensor in active)
        self.live(50)

    def set(self, sensor, is_active):
        self.doorman.seen(Level(sensor, is_active, self.now * 1_000_000))

    def live(self, ms):
        """Time goes by, and the doorman is woken when he said."""
        end = self.now + ms
        while (due := self.doorman.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.doorman.tick()
        self.now = end
        self.doorman.tick()

    def moved(self):
        return [event.event for event in self.relay.history]

    def shown(self):
        return [signal for signal, _ in self.lamps.history] if self.lamps else []


def test_a_verdict_is_shown_and_then_the_gate_is_opened():
    gate = Gatehouse()
    gate.find()

    opening = gate.doorman.open(Colour.GREEN)
    gate.live(SHOW_MS)

    assert opening == (True, "")
    assert gate.moved() == ["on", "off"]
    assert gate.shown() == [Signal.GREEN, Signal.IDLE]
    assert gate.told == []


def test_trouble_is_shown_while_nobody_is_there_and_behind_every_verdict():
    gate = Gatehouse()
    gate.find()

    gate.doorman.trouble(True)
    gate.doorman.trouble(True)
    gate.doorman.open(Colour.GREEN)
    gate.doorman.trouble(False)
    gate.doorman.trouble(True)
    gate.live(SHOW_MS)
    gate.doorman.trouble(False)

    assert gate.shown() == [Signal.TROUBLE, Signal.GREEN, Signal.TROUBLE, Signal.IDLE]


def test_trouble_is_not_shown_over_an_alarm_but_after_it():
    gate = Gatehouse()
    gate.find(TAMPER)
    seen = gate.shown()

    gate.doorman.trouble(True)
    assert gate.shown() == seen == [Signal.ALARM]
    gate.set(TAMPER, False)
    gate.live(50)

    assert gate.shown() == [Signal.ALARM, Signal.TROUBLE]


@pytest.mark.parametrize("colour", Colour)
def test_a_verdict_that_opens_nothing_is_shown_for_a_moment(colour):
    gate = Gatehouse()
    gate.find()

    gate.doorman.show(colour)
    gate.live(SHOW_MS - 1)
    before = gate.shown()
    gate.live(1)

    assert before == [COLOURS[colour]]
    assert gate.shown() == [COLOURS[colour], Signal.IDLE]
    assert gate.moved() == []


def test_nothing_moves_at_the_start_whatever_stands_at_the_inputs():
    gate = Gatehouse(GateConfig(debounce_ms=20))
    gate.find(CONTACT, EXIT, TAMPER)

    assert gate.moved() == []
    assert [kind for _, kind in gate.told] == ["open at start", "tamper"]


def test_a_gate_that_is_opened_by_nobody_is_told_to_the_peers_and_shown_until_it_is_shut():
    gate = Gatehouse()
    gate.find()
    gate.live(2_000)

    gate.set(CONTACT, True)
    gate.live(30_000)
    gate.set(CONTACT, False)
    gate.live(100)

    assert [kind for _, kind in gate.told] == ["forced", "cleared"]
    assert gate.shown() == [Signal.ALARM, Signal.IDLE]
    assert gate.moved() == []


def test_a_gate_that_does_not_close_lets_nobody_in_and_everybody_out():
    for out in (False, True):
        gate = Gatehouse(out=out)
        gate.find()
        gate.doorman.open(Colour.GREEN)
        gate.live(500)
        gate.set(CONTACT, True)
        gate.live(CONFIG.stuck_ms + 1_000)

        opening = gate.doorman.open(Colour.GREEN)

        assert [kind for _, kind in gate.told] == ["held", "stuck"]
        assert opening.is_opened is out
        assert gate.moved() == ["on", "off"] * (1 + out)
        assert ("does not close" in opening.fault) is not out


def test_the_exit_button_opens_shows_green_and_excuses_the_opening():
    gate = Gatehouse()
    gate.find()

    gate.set(EXIT, True)
    gate.live(100)
    gate.set(EXIT, False)
    gate.set(CONTACT, True)
    gate.live(3_000)

    assert gate.moved() == ["on", "off"]
    assert gate.shown()[0] is Signal.GREEN
    assert gate.told == []


def test_a_fire_holds_the_gate_open_until_it_is_over():
    gate = Gatehouse()
    gate.find()

    gate.set(FIRE, True)
    gate.live(5_000)
    during = gate.moved()
    passing = gate.doorman.open(Colour.GREEN)
    gate.set(FIRE, False)
    gate.live(100)

    assert during == ["on"]
    assert passing.is_opened
    assert gate.moved() == ["on", "off"]
    assert [kind for _, kind in gate.told] == ["fire", "fire over"]


def test_a_relay_that_fails_is_told_once_and_again_when_it_works():
    gate = Gatehouse()
    gate.find()
    gate.relay.unplug()

    failed = [gate.doorman.open(Colour.GREEN) for _ in range(2)]
    gate.relay.plug()
    works = gate.doorman.open(Colour.GREEN)

    assert [one.is_opened for one in failed] == [False, False]
    assert all("the relay failed" in one.fault for one in failed)
    assert works == (True, "")
    assert [kind for _, kind in gate.told] == ["relay failed", "relay works"]


def test_a_relay_that_is_asked_too_often_has_not_failed():
    class Busy(SimRelay):
        def pulse(self, milliseconds, *, way_out=False):
            raise Refused("30 pulses in a minute; wait", reason="R-PULSE")

    gate = Gatehouse(relay=Busy())
    gate.find()

    assert "30 pulses in a minute" in gate.doorman.open(Colour.GREEN).fault
    assert gate.told == []


def test_lamps_that_fail_hold_nobody_up_and_are_told_once(caplog):
    class Dark(SimIndicator):
        def show(self, signal):
            raise Unavailable("the lamps are gone; check the wiring")

    gate = Gatehouse()
    gate.doorman._indicator = Dark()
    gate.find()

    opened = [gate.doorman.open(Colour.GREEN).is_opened for _ in range(3)]

    assert opened == [True] * 3
    assert len([one for one in caplog.records if "lamps" in one.getMessage()]) == 1


def test_inputs_that_come_back_are_found_anew():
    gate = Gatehouse()
    gate.find()
    gate.live(5_000)

    gate.doorman.lost()
    gate.find(CONTACT)

    assert [kind for _, kind in gate.told] == ["open at start"]


def test_without_lamps_and_inputs_a_gate_opens_and_nothing_is_due():
    gate = Gatehouse(GateConfig(has_contact=False), lamps=False)

    assert gate.doorman.open(Colour.GREEN).is_opened
    gate.doorman.show(Colour.RED)
    gate.live(60_000)
    assert gate.doorman.next_due() is None
    gate.doorman.close()
    assert gate.moved() == ["on", "off", "closed"]


def test_closing_releases_a_gate_that_is_held():
    gate = Gatehouse()
    gate.find(FIRE)

    gate.doorman.close()

    assert gate.moved() == ["on", "off", "closed"]
    assert gate.shown() == [None]


def test_a_loose_wire_is_told_ten_times_and_then_by_its_last_word_once_a_minute():
    gate = Gatehouse()
    gate.find()

    for number in range(600):
        gate.set(TAMPER, number % 2 == 0)
        gate.live(100)
    gate.live(300_000)

    kinds = [kind for _, kind in gate.told]
    assert 10 <= len(kinds) <= 12
    assert kinds[-1] == "tamper over"
    assert gate.doorman.next_due() is None


@pytest.mark.parametrize("fault", [None, Unavailable("it is gone; start it")])
def test_a_relay_that_answers_late_holds_up_nothing_but_its_own_answer(fault):
    """In a fire, with a relay that takes longer to answer than a lease may wait."""

    class Slow(SimRelay):
        asked = 0

        def hold(self, *, way_out=False):
            Slow.asked += 1
            gate.now += 2 * CONFIG.renew_ms
            if fault:
                raise fault
            return 2.0

        renew = hold

    gate = Gatehouse(relay=Slow())
    gate.find()
    gate.set(FIRE, True)
    gate.live(10_000)

    assert 3 <= Slow.asked <= 25


def test_a_lease_that_ran_out_is_taken_anew_and_lets_pass_at_once():
    class Lapsed(SimRelay):
        def renew(self):
            self.release()
            raise Refused("the lease has run out; hold again", reason="R-PULSE")

    gate = Gatehouse(relay=Lapsed())
    gate.find()
    gate.set(FIRE, True)
    gate.live(100)

    assert gate.doorman.open(Colour.GREEN) == (True, "")
    assert gate.moved() == ["on", "off", "on"]


def test_what_lets_people_out_says_so_and_a_refused_button_shows_no_green():
    ways = []

    class Busy(SimRelay):
        def pulse(self, milliseconds, *, way_out=False):
            ways.append(way_out)
            if not way_out:
                raise Refused("too many pulses; wait", reason="R-PULSE")
            super().pulse(milliseconds)

        def hold(self, *, way_out=False):
            ways.append(way_out)
            return super().hold()

    gate = Gatehouse(relay=Busy())
    gate.find()

    entry = gate.doorman.open(Colour.GREEN)
    gate.set(EXIT, True)
    gate.live(100)
    gate.set(FIRE, True)
    gate.live(100)

    assert not entry.is_opened
    assert ways == [False, True, True]
    assert gate.shown()[:2] == [Signal.GREEN, Signal.GREEN]


def test_a_button_whose_relay_fails_shows_no_green():
    gate = Gatehouse()
    gate.find()
    gate.relay.unplug()

    gate.set(EXIT, True)
    gate.live(100)

    assert Signal.GREEN not in gate.shown()


def test_orders_and_hours_are_done_once_each_and_a_lockdown_ends_the_hours():
    gate = Gatehouse()
    gate.find()

    gate.doorman.stand(locked=False, held_open=False)
    assert gate.moved() == []
    gate.doorman.stand(locked=False, held_open=True)
    gate.doorman.stand(locked=False, held_open=True)
    assert gate.moved() == ["on"]
    gate.doorman.stand(locked=True, held_open=False)
    assert gate.moved()[-1] == "off"
    assert not gate.doorman.open(Colour.GREEN).is_opened
    assert [kind for _, kind in gate.told] == ["lockdown"]
    gate.doorman.stand(locked=False, held_open=False)
    assert gate.doorman.open(Colour.GREEN).is_opened
    assert [kind for _, kind in gate.told] == ["lockdown", "lockdown over"]


def test_a_lockdown_keeps_nobody_in():
    gate = Gatehouse(out=True)
    gate.find()
    gate.doorman.stand(locked=True, held_open=False)

    assert gate.doorman.open(Colour.RED).is_opened
