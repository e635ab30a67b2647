"""The senses and the duty of the gate's thread: everything that happens comes one after the other,
nothing is lost, what fails is told, and closing ends every thread."""

import logging
import threading

import pytest
from card_scenarios import NUMBERED, furnish_cards
from compound import ANN, C, show
from stand import Stand

from appliance.gate import duty
from appliance.gate.duty import serve, take
from appliance.gate.loop import Stop
from appliance.gate.senses import MAX_WAITING, Ended, Lost, Senses
from hw.errors import Refused, Unavailable
from hw.eye import Sighting
from hw.ports import CardRead, Health, Level, Sensor
from hw.sim.reader import HeldCard, SimReader
from hw.sim.sensors import SimSensors

WAIT = 10.0


@pytest.fixture
def senses():
    made = Senses()
    yield made
    made.close()
    assert not [one for one in made._threads if one.is_alive()]


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        furnish_cards(made.compound)
        yield made


def test_a_camera_whose_loop_turns_no_more_is_hung_until_it_turns_or_ends():
    now = [0]
    senses = Senses(lambda: now[0])
    found = [senses.is_hung()]

    for act, seconds in (
        (senses.turned, 90),
        (nothing, 1),
        (senses.turned, 0),
        (senses.ended, 999),
    ):
        act()
        now[0] += seconds * 1_000_000_000
        found.append(senses.is_hung())

    assert found == [False, False, True, False, False]


@pytest.mark.parametrize("then", ["looks", "is given up", "takes too long"])
def test_a_gate_is_settled_once_its_camera_was_looked_through_or_had_its_time(then):
    now = [0]
    senses = Senses(lambda: now[0])
    found = [senses.is_settled()]  # no camera

    senses.turned()
    found.append(senses.is_settled())
    now[0] += 10_000_000_000
    found.append(senses.is_settled())
    if then == "takes too long":
        now[0] += 1
    else:
        {"looks": senses.turned, "is given up": senses.ended}[then]()
    found.append(senses.is_settled())

    assert found == [True, False, False, True]


def test_what_was_seen_in_the_first_look_was_told_before_the_gate_is_settled():
    """Else a terminal were called ready just before its first decision."""
    senses = Senses()
    senses.turned()
    seen = duty._Seen(senses)
    seen.see(b"YP1:CODE", 1)
    assert not senses.is_settled()
    seen.rest()
    assert senses.is_settled()
    assert senses.next(0) == Sighting(b"YP1:CODE", 1)


def told(senses, count):
    return [senses.next(WAIT) for _ in range(count)]


def nothing():
    """Stops what needs no stopping."""


def test_what_a_sense_tells_comes_in_its_order_and_then_its_end(senses):
    sightings = [Sighting(b"%d" % number, number) for number in range(3)]
    senses.add("camera", lambda: iter(sightings), nothing)

    assert told(senses, 4) == [*sightings, Ended("camera", None)]
    assert senses.next(0.0) is None


def test_a_sense_that_fails_ends_with_its_error(senses):
    error = Unavailable("it is gone; plug it in")

    def broken():
        yield Sighting(b"x", 1)
        raise error

    senses.add("camera", broken, nothing)

    assert told(senses, 2) == [Sighting(b"x", 1), Ended("camera", error)]


def test_nothing_is_lost_when_the_gate_is_slow_and_who_tells_waits(senses):
    many, reached = 3 * MAX_WAITING, threading.Event()

    def fast():
        for number in range(many):
            if number == MAX_WAITING:
                reached.set()
            yield Sighting(b"x", number)

    senses.add("camera", fast, nothing)
    assert reached.wait(WAIT)

    assert [one.ticks for one in told(senses, many)] == list(range(many))


def test_closing_ends_who_waits_for_room():
    senses, stopped = Senses(), []

    def endless():
        while True:
            yield Sighting(b"x", 1)

    senses.add("camera", endless, lambda: stopped.append(True))
    senses.next(WAIT)
    senses.close()

    assert stopped == [True]
    assert not senses._threads[0].is_alive()


def test_a_reader_and_the_inputs_tell_beside_each_other(senses):
    reader, sensors = SimReader(), SimSensors()
    senses.add_reader("reader 1", reader, lambda: bytes(32))
    senses.add_sensors(sensors)
    found = told(senses, 1 + len(Sensor))

    reader.show(HeldCard(NUMBERED, 64))
    sensors.drive(Sensor.CONTACT, True)
    found += told(senses, 2)

    assert {type(one) for one in found} == {Health, Level, CardRead}
    assert sum(isinstance(one, Level) for one in found) == len(Sensor) + 1


def test_inputs_that_are_gone_are_told_and_looked_for_again(senses):
    class Loose(SimSensors):
        """Fails the first time."""

        looks = 0

        def levels(self):
            self.looks += 1
            if self.looks == 1:
                raise Unavailable("the pins are gone; check the wiring")
            return super().levels()

    senses.add_sensors(Loose())

    found = told(senses, 2 + len(Sensor))

    assert found[0] == Lost("the pins are gone; check the wiring")
    assert (found[1].device, found[1].fault) == ("inputs", "")
    assert all(isinstance(one, Level) for one in found[2:])


def test_inputs_that_stay_away_are_told_once_for_each_reason(senses, monkeypatch):
    monkeypatch.setattr("appliance.gate.senses.RETRY_SECONDS", 0)

    class Away(SimSensors):
        """Fails three times, for two reasons."""

        reasons = iter(("no chip", "no chip", "busy"))

        def levels(self):
            for reason in self.reasons:
                raise Unavailable(reason)
            return super().levels()

    senses.add_sensors(Away())

    found = told(senses, 3 + len(Sensor))

    assert found[:2] == [Lost("no chip"), Lost("busy")]
    assert (found[2].device, found[2].fault) == ("inputs", "")


# -- the duty


def test_the_gate_serves_codes_cards_and_inputs_until_the_camera_is_used_up(stand, senses, caplog):
    caplog.set_level(logging.INFO, "yardpass.gate")
    senses.add("camera", lambda: iter([Sighting(show(C, ANN), 1)]), nothing)

    serve(senses, stand.terminal, Stop())

    (check,) = stand.checks()
    assert check.reasons == ()
    assert len(stand.relay.history) == 2
    assert [one.getMessage()[:7] for one in caplog.records] == ["● GREEN"]


def test_a_gate_with_readers_goes_on_until_it_is_told_to_stop(stand, senses):
    stop, reader = Stop(), SimReader()
    senses.add_reader("reader 1", reader, stand.terminal.ask)
    reader.show(HeldCard(NUMBERED, 64))

    class Once:
        """The terminal, which sets the stop behind the first card."""

        def __getattr__(self, name):
            return getattr(stand.terminal, name)

        def meet(self, read):
            stop.set()
            return stand.terminal.meet(read)

    serve(senses, Once(), stop)

    assert len(stand.checks()) == 1


@pytest.mark.parametrize("error", [Unavailable("used up"), Refused("no file")])
def test_a_camera_that_ends_by_a_fault_stops_the_gate(stand, senses, error):
    def broken():
        raise error
        yield

    senses.add("camera", broken, nothing)

    with pytest.raises(type(error)):
        serve(senses, stand.terminal, Stop())


def test_a_reader_that_breaks_is_told_and_the_last_one_ends_the_duty(stand, senses, caplog):
    def broken():
        raise ValueError("a bug")
        yield

    reader, stop = SimReader(), Stop()
    senses.add_reader("reader 2", reader, stand.terminal.ask)
    senses.add("reader 1", broken, nothing)
    senses._threads[1].join(WAIT)
    first = senses.next(WAIT)  # the health of the one that works
    take(first, stand.terminal)
    reader.close()

    serve(senses, stand.terminal, stop)

    assert "reader 1 has failed (ValueError: a bug)" in caplog.text


def test_the_last_sense_that_fails_ends_the_gate_with_its_error(stand, senses):
    def broken():
        raise ValueError("a bug")
        yield

    senses.add("reader 1", broken, nothing)

    with pytest.raises(ValueError, match="a bug"):
        serve(senses, stand.terminal, Stop())


def test_what_goes_and_comes_back_is_one_line_each(stand, caplog):
    caplog.set_level(logging.INFO, "yardpass.gate")

    for fault in ("it is gone; plug it in", ""):
        take(Health("pcsc", 1, fault), stand.terminal)
    take(Lost("the pins are gone"), stand.terminal)

    assert [one.getMessage() for one in caplog.records] == [
        "pcsc: it is gone; plug it in",
        "pcsc: is here",
        "the inputs of the gate are gone: the pins are gone",
    ]
