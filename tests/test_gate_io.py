"""The relay on a pin: low whenever in doubt. Pins are gpiozero's own mock pins.

Every assertion compares the whole recorded history of the pin, beginning with its first level.
"""

import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise

import gpiozero
import pytest

from hw import gate_io
from hw.errors import Refused, Unavailable
from hw.gate_io import MAX_PIN, MIN_PIN, GpioRelay, GpioRelayOptions
from hw.ports import MAX_PULSE_MS

MOCK = GpioRelayOptions(factory="mock")


def levels(relay):
    return [int(entry.state) for entry in relay.pin.states]


@pytest.fixture
def relay():
    made = GpioRelay(MOCK, wait=lambda seconds: None)
    yield made
    made.close()


def test_making_and_closing_a_relay_never_switches_it(relay):
    relay.close()
    assert levels(relay) == [0]


def test_a_pulse_is_one_rise_one_fall_and_the_asked_wait_between():
    seen = []
    relay = GpioRelay(MOCK, wait=lambda seconds: seen.append((seconds, relay.pin.state)))
    relay.pulse(250)
    relay.pulse(MAX_PULSE_MS)
    relay.close()
    assert seen == [(0.25, True), (5.0, True)]
    assert levels(relay) == [0, 1, 0, 1, 0]


def test_an_active_low_board_rests_high_and_pulses_low():
    relay = GpioRelay(
        GpioRelayOptions(factory="mock", active_high=False), wait=lambda seconds: None
    )
    relay.pulse(100)
    relay.close()
    assert levels(relay) == [0, 1, 0, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError, MemoryError])
def test_an_interrupted_pulse_ends_low(error):
    def interrupted(seconds):
        raise error

    relay = GpioRelay(MOCK, wait=interrupted)
    with pytest.raises(error):
        relay.pulse(100)
    assert levels(relay) == [0, 1, 0]
    relay.close()


def test_close_ends_a_running_pulse_early():
    relay = GpioRelay(MOCK)
    running = threading.Thread(target=relay.pulse, args=(MAX_PULSE_MS,))
    running.start()
    while not relay.pin.state:
        pass
    relay.close()
    running.join(timeout=4)
    assert not running.is_alive()
    assert levels(relay) == [0, 1, 0]


def test_a_second_caller_waits_for_the_first_pulse_to_end():
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)

    def wait(seconds):
        entered.release()
        leave.acquire()

    relay = GpioRelay(MOCK, wait=wait)
    callers = [threading.Thread(target=relay.pulse, args=(100,)) for _ in range(2)]
    for caller in callers:
        caller.start()
    entered.acquire()
    assert levels(relay) == [0, 1]
    leave.release(2)
    for caller in callers:
        caller.join()
    relay.close()
    assert levels(relay) == [0, 1, 0, 1, 0]


def test_a_relay_closed_while_a_caller_waits_its_turn_is_not_switched_again():
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)

    def wait(seconds):
        entered.release()
        leave.acquire()

    outcomes = []

    def second():
        try:
            relay.pulse(100)
        except Unavailable as error:
            outcomes.append(str(error))

    relay = GpioRelay(MOCK, wait=wait)
    callers = [threading.Thread(target=relay.pulse, args=(100,)), threading.Thread(target=second)]
    callers[0].start()
    entered.acquire()
    callers[1].start()
    relay.close()
    leave.release()
    for caller in callers:
        caller.join()
    assert outcomes == ["the relay is closed; make a new one"]
    assert levels(relay) == [0, 1, 0]


@pytest.mark.parametrize("length", [0, -1, MAX_PULSE_MS + 1, 1.5, True, "200", None, 10**30])
def test_a_length_out_of_range_is_refused_and_switches_nothing(relay, length):
    with pytest.raises(Refused, match="whole number from 1 to 5000"):
        relay.pulse(length)
    assert levels(relay) == [0]


@pytest.mark.parametrize("pin", [MIN_PIN - 1, MAX_PIN + 1, -1])
def test_a_pin_that_is_pulled_up_at_power_on_or_missing_is_refused(pin):
    with pytest.raises(Refused, match=f"GPIO {pin}; wire it to 9 to 27"):
        GpioRelay(GpioRelayOptions(pin=pin, factory="mock"))


def test_every_accepted_pin_exists():
    for pin in range(MIN_PIN, MAX_PIN + 1):
        relay = GpioRelay(GpioRelayOptions(pin=pin, factory="mock"))
        states = [state.state for state in relay.pin.states]
        relay.close()

        assert not states[-1]


def test_an_unknown_factory_is_refused_with_the_accepted_names():
    with pytest.raises(Refused, match="pin factory 'native'; give one of lgpio, mock"):
        GpioRelay(GpioRelayOptions(factory="native"))


def test_a_missing_lgpio_is_unavailable_and_nothing_stands_in_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(Unavailable, match="apt install python3-lgpio"):
        GpioRelay()
    assert gpiozero.Device.pin_factory is None


def test_pins_that_cannot_be_reached_are_unavailable(monkeypatch):
    def broken():
        raise gpiozero.PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", broken)
    with pytest.raises(Unavailable, match=r"finds no pins.*revision.*group gpio"):
        GpioRelay(MOCK)


def test_a_pin_in_use_is_unavailable(monkeypatch):
    board = gpiozero.pins.mock.MockFactory()
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: board)
    first = GpioRelay(MOCK)
    with pytest.raises(Unavailable, match="GPIO 17 cannot be set up"):
        GpioRelay(MOCK)
    first.close()


def test_a_pin_that_cannot_be_switched_on_is_unavailable_and_tried_off(relay, monkeypatch):
    calls = []

    def fail():
        raise gpiozero.PinSetInput("cannot set state of pin")

    monkeypatch.setattr(relay._device, "on", fail)
    monkeypatch.setattr(relay._device, "off", lambda: calls.append("off"))
    with pytest.raises(Unavailable, match="cannot be switched on"):
        relay.pulse(100)
    assert calls == ["off"]


def test_a_pin_that_does_not_take_its_off_level_becomes_an_input_and_says_so(relay, monkeypatch):
    def fail():
        raise gpiozero.PinSetInput("cannot set state of pin")

    monkeypatch.setattr(relay._device, "off", fail)
    with pytest.raises(Unavailable, match="may be on"):
        relay.pulse(100)
    assert relay.pin.function == "input"
    with pytest.raises(Unavailable, match=r"cannot be switched on|may be on"):
        relay.pulse(100)
    with pytest.raises(Unavailable, match="may be on"):
        relay.close()
    relay.close()


def test_a_handler_that_closes_amid_a_write_leaves_the_pin_low(relay, monkeypatch):
    switch_on = relay._device.on

    def closed_by_a_handler():
        switch_on()
        relay.close()

    monkeypatch.setattr(relay._device, "on", closed_by_a_handler)
    relay.pulse(100)
    assert levels(relay) == [0, 1, 0]


def test_closing_takes_the_exit_hook_away(monkeypatch):
    hooks = []
    monkeypatch.setattr(gate_io.atexit, "register", hooks.append)
    monkeypatch.setattr(gate_io.atexit, "unregister", hooks.remove)
    relay = GpioRelay(MOCK)
    assert hooks == [relay.close]
    relay.close()
    relay.close()
    assert hooks == []


# -- kill tests: a process is stopped amid a pulse and prints the history of its pin on the way out

CHILD = """
import atexit, signal, sys, threading
from hw.gate_io import GpioRelay, GpioRelayOptions

atexit.register(lambda: print([int(s.state) for s in relay.pin.states], flush=True))
relay = GpioRelay(GpioRelayOptions(factory="mock"))

def tell():
    while not relay.pin.state:
        pass
    print("high", flush=True)

def main():
    threading.Thread(target=tell).start()
    relay.pulse(5000)
"""
ENDINGS = {
    "SIGINT, nothing done about it": (signal.SIGINT, "main()"),
    "SIGTERM raises, close in finally": (
        signal.SIGTERM,
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "try: main()\nfinally: relay.close()",
    ),
    "SIGTERM raises, nothing else": (
        signal.SIGTERM,
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nmain()",
    ),
    "SIGTERM handler closes": (
        signal.SIGTERM,
        "signal.signal(signal.SIGTERM, lambda *_: relay.close())\nmain()",
    ),
    "the pulse runs in a forgotten thread": (
        None,
        "threading.Thread(target=relay.pulse, args=(5000,), daemon=True).start()\ntell()",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_stopped_amid_a_pulse_leaves_its_pin_low(ending):
    number, script = ENDINGS[ending]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    with child:
        assert child.stdout.readline() == "high\n"
        if number is not None:
            child.send_signal(number)
        assert child.stdout.read() == "[0, 1, 0]\n"


def test_no_pulse_is_ever_two_rises_in_a_row(relay):
    for length in range(1, 200):
        relay.pulse(length)
    assert all(before != after for before, after in pairwise(levels(relay)))
    assert levels(relay)[-1] == 0
