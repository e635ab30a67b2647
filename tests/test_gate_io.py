"""The pin of a relay: low whenever in doubt. Pins are gpiozero's own mock pins, or kept in a file.

Every assertion compares the whole recorded history of the pin, beginning with its first level. Any
bytes in the file of levels are edges or passed over; nothing else is ever raised.
"""

import os
import subprocess
import sys
import threading

import gpiozero
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw import gate_io
from hw.errors import Refused, Unavailable
from hw.gate_io import MAX_PIN, MIN_PIN, OutputPin, PinOptions, check_pulse
from hw.ports import MAX_PULSE_MS
from hw.sim import pins
from hw.sim.pins import Edge, edges_of

MOCK = PinOptions(factory="mock")


def levels(pin):
    return [int(entry.state) for entry in pin.pin.states]


@pytest.fixture
def pin():
    made = OutputPin(MOCK)
    yield made
    made.close()


def test_making_and_closing_a_pin_never_switches_it(pin):
    pin.off()
    pin.close()
    pin.off()
    assert levels(pin) == [0]


def test_a_pin_is_on_from_on_to_off(pin):
    for act in (pin.on, pin.on, pin.off, pin.off, pin.on, pin.close):
        act()
    assert levels(pin) == [0, 1, 0, 1, 0]


def test_an_active_low_board_rests_high_and_is_on_when_low():
    pin = OutputPin(PinOptions(factory="mock", active_high=False))
    pin.on()
    pin.close()
    assert levels(pin) == [0, 1, 0, 1]


def test_a_closed_pin_is_not_switched_on_again(pin):
    pin.close()
    pin.close()
    with pytest.raises(Unavailable, match=r"closed; start"):
        pin.on()
    assert levels(pin) == [0]


@pytest.mark.parametrize("length", [0, -1, MAX_PULSE_MS + 1, 1.5, True, "200", None, 10**30])
def test_a_length_out_of_range_is_refused(length):
    with pytest.raises(Refused, match="whole number from 1 to 5000"):
        check_pulse(length)


def test_every_length_in_range_is_taken():
    assert [check_pulse(length) for length in (1, 700, MAX_PULSE_MS)] == [None] * 3


@pytest.mark.parametrize("pin", [MIN_PIN - 1, MAX_PIN + 1, -1])
def test_a_pin_that_is_pulled_up_at_power_on_or_missing_is_refused(pin):
    with pytest.raises(Refused, match=f"GPIO {pin}; wire it to 9 to 27"):
        OutputPin(PinOptions(pin=pin, factory="mock"))


def test_every_accepted_pin_exists():
    for pin in range(MIN_PIN, MAX_PIN + 1):
        made = OutputPin(PinOptions(pin=pin, factory="mock"))
        states = [state.state for state in made.pin.states]
        made.close()

        assert not states[-1]


def test_an_unknown_factory_is_refused_with_the_accepted_names():
    with pytest.raises(Refused, match="pin factory 'native'; give one of lgpio, mock, file"):
        OutputPin(PinOptions(factory="native"))


def test_a_missing_lgpio_is_unavailable_and_nothing_stands_in_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(Unavailable, match="apt install python3-lgpio"):
        OutputPin()
    assert gpiozero.Device.pin_factory is None


def test_pins_that_cannot_be_reached_are_unavailable(monkeypatch):
    def broken():
        raise gpiozero.PinUnknownPi("unable to locate Pi revision")

    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", broken)
    with pytest.raises(Unavailable, match=r"finds no pins.*revision.*group gpio"):
        OutputPin(MOCK)


def test_a_pin_in_use_is_unavailable(monkeypatch):
    board = gpiozero.pins.mock.MockFactory()
    monkeypatch.setattr("gpiozero.pins.mock.MockFactory", lambda: board)
    first = OutputPin(MOCK)
    with pytest.raises(Unavailable, match="GPIO 17 cannot be set up"):
        OutputPin(MOCK)
    first.close()


def test_a_pin_that_cannot_be_switched_on_is_unavailable(pin, monkeypatch):
    def fail():
        raise gpiozero.PinSetInput("cannot set state of pin")

    monkeypatch.setattr(pin._device, "on", fail)
    with pytest.raises(Unavailable, match="cannot be switched on"):
        pin.on()
    assert levels(pin) == [0]


def test_a_pin_that_does_not_take_its_off_level_becomes_an_input_and_says_so(pin, monkeypatch):
    def fail():
        raise gpiozero.PinSetInput("cannot set state of pin")

    pin.on()
    monkeypatch.setattr(pin._device, "off", fail)
    with pytest.raises(Unavailable, match="may be on"):
        pin.off()
    assert pin.pin.function == "input"
    with pytest.raises(Unavailable, match="cannot be switched on"):
        pin.on()
    with pytest.raises(Unavailable, match="may be on"):
        pin.close()
    pin.close()


def test_a_handler_that_closes_amid_a_write_leaves_the_pin_low(pin, monkeypatch):
    switch_on = pin._device.on

    def closed_by_a_handler():
        switch_on()
        pin.close()

    monkeypatch.setattr(pin._device, "on", closed_by_a_handler)
    pin.on()
    assert levels(pin) == [0, 1, 0]


def test_two_threads_never_leave_the_pin_on_after_the_last_off(pin):
    def flicker():
        for _ in range(200):
            pin.on()
            pin.off()

    threads = [threading.Thread(target=flicker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert levels(pin)[-1] == 0


def test_closing_takes_the_exit_hook_away(monkeypatch):
    hooks = []
    monkeypatch.setattr(gate_io.atexit, "register", hooks.append)
    monkeypatch.setattr(gate_io.atexit, "unregister", hooks.remove)
    pin = OutputPin(MOCK)
    assert hooks == [pin.close]
    pin.close()
    pin.close()
    assert hooks == []


# -- pins kept in a file


def kept(tmp_path, number=17):
    return PinOptions(pin=number, factory="file", pins_file=str(tmp_path / "pins.txt"))


def history(tmp_path):
    return [(edge.pin, edge.level) for edge in edges_of((tmp_path / "pins.txt").read_bytes())]


def in_a_process(tmp_path, script):
    """Runs the script with `pin` made in a process of its own; its exit code."""
    begin = f"import os, sys\nfrom hw.gate_io import *\npin = OutputPin({kept(tmp_path)!r})\n"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", begin + script]
    return subprocess.run(command, check=False, timeout=60, env=env).returncode


def test_a_level_outlives_the_process_that_died_with_it_and_the_next_one_drives_it_low(tmp_path):
    assert in_a_process(tmp_path, "pin.on(); os.kill(os.getpid(), 9)") == -9
    assert history(tmp_path) == [(17, 1)]
    pin = OutputPin(kept(tmp_path))
    assert history(tmp_path) == [(17, 1), (17, 0)]
    pin.close()
    OutputPin(kept(tmp_path)).close()
    assert history(tmp_path) == [(17, 1), (17, 0)]


def test_a_process_that_ends_by_itself_leaves_its_pin_low(tmp_path):
    assert in_a_process(tmp_path, "pin.on(); sys.exit(3)") == 3
    assert history(tmp_path) == [(17, 1), (17, 0)]


def test_each_pin_of_a_file_has_its_own_level(tmp_path):
    first, second = OutputPin(kept(tmp_path)), OutputPin(kept(tmp_path, 27))
    for act in (first.on, second.on, first.close, second.off, second.close):
        act()
    assert history(tmp_path) == [(17, 1), (27, 1), (17, 0), (27, 0)]


def test_an_edge_is_a_line_with_time_pin_level_and_process(tmp_path):
    pin = OutputPin(kept(tmp_path))
    pin.on()
    pin.close()
    text = (tmp_path / "pins.txt").read_bytes()
    high, low = edges_of(text)
    assert high._replace(ticks=0) == Edge(0, 17, 1, os.getpid()) and high.ticks <= low.ticks
    assert edges_of(b"81234567890123 17 1 4711\n") == [Edge(81234567890123, 17, 1, 4711)]


def test_only_the_end_of_a_long_file_is_read_and_a_huge_one_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(pins, "MAX_BYTES", 3 * pins.TAIL_BYTES)
    line = b"1 17 %d 1\n"
    text = b"".join(line % (number % 2) for number in range(pins.MAX_BYTES // 9 + 9))
    (tmp_path / "pins.txt").write_bytes(text + line % 0 + line % 1)
    OutputPin(kept(tmp_path)).close()
    assert history(tmp_path) == [(17, 1), (17, 0)]
    assert (tmp_path / "pins.txt.old").stat().st_size > pins.MAX_BYTES - len(line)


def test_a_full_disk_is_a_pin_that_does_not_obey(tmp_path):
    pin = OutputPin(kept(tmp_path))
    factory = pin._own_factory
    os.close(factory._file)
    factory._file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(Unavailable, match="No space left"):
        pin.on()
    pin.close()
    assert history(tmp_path) == []


@pytest.mark.parametrize("options", [PinOptions(factory="file"), PinOptions(pins_file="pins.txt")])
def test_a_file_of_levels_belongs_to_the_factory_file_and_to_no_other(options):
    with pytest.raises(Refused, match="the factory 'file' needs one"):
        OutputPin(options)


def test_a_file_that_cannot_be_written_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="finds no pins"):
        OutputPin(PinOptions(factory="file", pins_file=str(tmp_path / "none" / "pins.txt")))


@given(data=st.binary(max_size=80) | st.from_regex(rb"[0-9 \n-]{0,60}"))
def test_any_bytes_are_edges_or_passed_over(data):
    for edge in edges_of(data):
        assert all(number >= 0 for number in edge)
