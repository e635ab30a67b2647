"""Who waits for settings and pins: how long between two tries, and what is said of it."""

import logging

import pytest

from appliance.gate.late_start import LateStart
from hw.errors import Unavailable


class Chip:
    """Is there behind all of these faults; `history` is all that was done meanwhile."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.history = []
        self.start = LateStart(self.beat, is_patient=True, wait=self.history.append)

    def make(self):
        self.history.append("try")
        if self.faults:
            raise Unavailable(self.faults.pop(0))
        return "pin"

    def beat(self):
        self.history.append("beat")


def test_a_pin_that_is_there_is_had_without_a_word(caplog):
    chip = Chip()
    assert chip.start.of(chip.make) == "pin"
    assert (chip.history, caplog.messages) == (["try"], [])


def test_pauses_double_to_the_longest_with_a_beat_before_each():
    chip = Chip(*["no chip"] * 6)
    assert chip.start.of(chip.make) == "pin"
    pauses = [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert chip.history == [x for pause in pauses for x in ("try", "beat", pause)] + ["try"]


def test_each_new_reason_is_told_once(caplog):
    chip = Chip("no chip", "no chip", "busy", "busy", "no chip")
    with caplog.at_level(logging.WARNING):
        chip.start.of(chip.make)
    begin = "the gate cannot be opened: "
    assert caplog.messages == [begin + reason for reason in ("no chip", "busy", "no chip")]


def test_without_patience_the_first_fault_is_the_end():
    chip = Chip("no chip")
    start = LateStart(chip.beat, is_patient=False, wait=chip.history.append)
    with pytest.raises(Unavailable, match="no chip"):
        start.of(chip.make)
    assert chip.history == ["try"]
