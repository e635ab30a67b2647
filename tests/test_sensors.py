"""Inputs on pins and in memory, beyond their contract (test_ports.py): wiring, faults, looks.

Pins are gpiozero's own mock pins."""

import sys
from itertools import islice

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from hw import board, drivers
from hw.errors import Refused, Unavailable
from hw.level_queue import MAX_PENDING, LevelQueue
from hw.ports import Level, Sensor
from hw.sensors import GpioSensors, GpioSensorsOptions
from hw.sim.sensors import MAX_HISTORY, SimSensors, SimSensorsOptions


def made(**options):
    return GpioSensors(GpioSensorsOptions(factory="mock", **options))


def told(levels, count):
    return [(level.sensor, level.is_active) for level in islice(levels, count)]


# -- wiring


@pytest.mark.parametrize("pull", ["up", "down", "none"])
@pytest.mark.parametrize("active", ["high", "low"])
def test_a_pull_and_an_active_level_are_chosen_apart(pull, active):
    sensors = made(contact=17, contact_pull=pull, contact_active=active)
    pin = sensors.pins[Sensor.CONTACT]
    assert pin.pull == {"up": "up", "down": "down", "none": "floating"}[pull]
    pin.drive_high()
    levels = sensors.levels()
    first = told(levels, 1)
    pin.drive_low()
    second = told(levels, 1)

    assert first == [(Sensor.CONTACT, active == "high")]
    assert second == [(Sensor.CONTACT, active == "low")]
    sensors.close()


def test_a_cut_wire_is_never_all_being_well_by_default():
    sensors = made(contact=17, exit=22, tamper=23, fire=24)  # nothing drives them: wires cut

    assert sorted(told(sensors.levels(), 4), key=str) == sorted(
        [
            (Sensor.CONTACT, True),
            (Sensor.EXIT, False),
            (Sensor.TAMPER, True),
            (Sensor.FIRE, True),
        ],
        key=str,
    )
    sensors.close()


def test_only_wired_inputs_are_told():
    sensors = made(exit=22)
    assert told(sensors.levels(), 1) == [(Sensor.EXIT, False)]
    assert list(sensors.pins) == [Sensor.EXIT]
    sensors.close()


def test_closed_inputs_hear_nothing_and_let_go_of_their_pins():
    sensors = made(exit=22)
    pin = sensors.pins[Sensor.EXIT]
    assert pin.when_changed is not None
    sensors.close()
    assert pin.when_changed is None
    pin.drive_low()


@pytest.mark.parametrize("pin", range(board.MIN_PIN, board.MAX_PIN + 1))
def test_every_accepted_pin_exists(pin):
    sensors = made(contact=pin)
    assert told(sensors.levels(), 1) == [(Sensor.CONTACT, True)]
    sensors.close()


def test_every_fault_of_the_wiring_is_told_at_once():
    with pytest.raises(Refused) as caught:
        made(
            contact=1,
            exit=28,
            tamper=3,
            tamper_pull="none",
            fire=3,
            fire_active="hot",
            contact_pull="left",
        )
    assert str(caught.value) == (
        "contact = 1; give a GPIO from 2 to 27, or 0 for not wired; "
        "exit = 28; give a GPIO from 2 to 27, or 0 for not wired; "
        "tamper and fire are both on GPIO 3; give each its own; "
        "contact_pull = 'left'; give one of up, down, none; "
        "tamper = 3 is pulled up on the board; give tamper_pull = 'up'; "
        "fire_active = 'hot'; give one of high, low"
    )
    assert caught.value.reason == "R-SETTINGS"


def test_inputs_without_a_pin_are_refused():
    with pytest.raises(Refused, match="no input is wired; give the pin of one of contact, exit"):
        made()


def test_the_table_of_drivers_makes_both():
    sensors = drivers.make("sensors", "gpio", {"exit": 22, "factory": "mock"})
    assert isinstance(sensors, GpioSensors)
    sensors.close()
    sensors = drivers.make("sensors", "sim", {"wired": ["fire"]})
    assert isinstance(sensors, SimSensors)
    assert told(sensors.levels(), 1) == [(Sensor.FIRE, False)]
    assert drivers.faults("sensors", "gpio", {"exit": 28, "exit_pull": "left"}) == [
        "sensors gpio: exit = 28; give a whole number from 0 to 27",
        "sensors gpio: exit_pull = 'left'; give one of up, down, none",
    ]


# -- faults


def test_an_unknown_factory_is_refused_with_the_accepted_names():
    with pytest.raises(Refused, match="pin factory 'native'; give one of lgpio, mock"):
        GpioSensors(GpioSensorsOptions(contact=17, factory="native"))


def test_a_missing_lgpio_is_unavailable_and_nothing_stands_in_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(Unavailable, match="apt install python3-lgpio"):
        GpioSensors(GpioSensorsOptions(contact=17))
    assert gpiozero.Device.pin_factory is None


def test_lgpio_has_one_factory_for_the_whole_process(monkeypatch):
    monkeypatch.setitem(board.FACTORIES, "lgpio", board.FACTORIES["mock"])
    board._shared.cache_clear()
    first, second = board.factory_of("lgpio"), board.factory_of("lgpio")
    board._shared.cache_clear()
    assert first is second
    assert board.factory_of("mock") is not board.factory_of("mock")


def test_pins_that_cannot_be_reached_are_unavailable(monkeypatch):
    def broken():
        raise gpiozero.PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", broken)
    with pytest.raises(Unavailable, match=r"finds no pins.*revision.*group gpio"):
        made(contact=17)


def test_a_pin_in_use_is_unavailable_and_the_others_are_let_go(monkeypatch):
    factory = MockFactory()
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: factory)
    first = made(exit=22)
    with pytest.raises(Unavailable, match="GPIO 22 cannot be read"):
        made(contact=17, exit=22)
    second = made(contact=17)
    first.close()
    second.close()


def test_a_pin_that_takes_no_pull_is_unavailable_and_let_go(monkeypatch):
    take = MockPin._set_pull

    def broken(pin, pull):
        if pull == "up":
            raise gpiozero.PinFixedPull("has a physical resistor")
        take(pin, pull)

    factory = MockFactory()
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: factory)
    with monkeypatch.context() as patch:
        patch.setattr(MockPin, "_set_pull", broken)
        with pytest.raises(Unavailable, match="physical resistor"):
            made(contact=17)
    made(contact=17).close()


# -- the queue


def test_an_edge_that_the_kernel_lost_is_found_by_a_look(monkeypatch):
    monkeypatch.setattr("hw.level_queue.LOOK_S", 0.01)
    state = {Sensor.FIRE: False}
    queue = LevelQueue(lambda: state, iter(range(100)).__next__)
    levels = queue.levels()
    assert next(levels) == Level(Sensor.FIRE, False, 0)
    state[Sensor.FIRE] = True  # and no edge comes
    assert told(levels, 1) == [(Sensor.FIRE, True)]


def test_edges_of_before_the_first_look_are_part_of_it():
    queue = LevelQueue(lambda: {Sensor.EXIT: False}, lambda: 7)
    queue.put(Sensor.EXIT, True)
    queue.put(Sensor.EXIT, False)
    levels = queue.levels()
    assert next(levels) == Level(Sensor.EXIT, False, 7)
    queue.put(Sensor.EXIT, True)
    assert next(levels) == Level(Sensor.EXIT, True, 7)


def test_a_full_share_takes_edges_again_when_it_was_read():
    state = {Sensor.EXIT: False}
    queue = LevelQueue(lambda: state, lambda: 0)
    levels = queue.levels()
    told(levels, 1)
    for number in range(3 * MAX_PENDING):
        queue.put(Sensor.EXIT, number % 2 == 0)
    assert len(told(levels, MAX_PENDING)) == MAX_PENDING
    queue.put(Sensor.EXIT, True)
    assert told(levels, 1) == [(Sensor.EXIT, True)]
    queue.close()
    queue.put(Sensor.EXIT, False)
    assert list(levels) == []


# -- what only the inputs made of memory have


def test_the_inputs_of_memory_record_what_and_when():
    ticks = iter(range(100, 200))
    sensors = SimSensors(clock=lambda: next(ticks))
    sensors.drive(Sensor.CONTACT, True)
    sensors.drive(Sensor.CONTACT, False)
    sensors.close()
    assert sensors.history == (
        Level(Sensor.CONTACT, True, 100),
        Level(Sensor.CONTACT, False, 102),
    )


def test_the_history_is_bounded_and_keeps_the_newest():
    sensors = SimSensors(clock=lambda: 0)
    for number in range(MAX_HISTORY + 1):
        sensors.drive(Sensor.FIRE, number % 2 == 0)
    assert len(sensors.history) == MAX_HISTORY and sensors.history[-1].is_active


def test_unplugged_inputs_of_memory_can_be_plugged_in_again():
    sensors = SimSensors()
    sensors.unplug()
    with pytest.raises(Unavailable, match="unplugged"):
        next(sensors.levels())
    sensors.plug()
    assert len(told(sensors.levels(), 4)) == 4


def test_an_input_that_is_not_wired_cannot_be_driven_or_asked_for():
    sensors = SimSensors(SimSensorsOptions(wired=("exit",)))
    with pytest.raises(Refused, match="fire is not wired; it has exit"):
        sensors.drive(Sensor.FIRE, True)
    with pytest.raises(Refused, match="not wired; it has nothing"):
        SimSensors(SimSensorsOptions(wired=())).drive(Sensor.FIRE, True)
    with pytest.raises(Refused, match="wired = door; there is contact, exit, tamper, fire"):
        SimSensors(SimSensorsOptions(wired=("exit", "door")))
