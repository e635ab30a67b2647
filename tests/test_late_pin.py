"""Who waits for the relay's pin: how long between two tries, and what is said of it."""

import logging

from appliance.gate.late_pin import awaited
from hw.errors import Unavailable


class Chip:
    """Is there at the last of these outcomes; `history` is all that was done meanwhile."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.history = []

    def make(self):
        self.history.append("try")
        if self.faults:
            raise Unavailable(self.faults.pop(0))
        return "pin"

    def beat(self):
        self.history.append("beat")

    def wait(self, seconds):
        self.history.append(seconds)


def test_a_pin_that_is_there_is_had_without_a_word(caplog):
    chip = Chip()
    assert awaited(chip.make, chip.beat, chip.wait) == "pin"
    assert (chip.history, caplog.messages) == (["try"], [])


def test_pauses_double_to_the_longest_with_a_beat_before_each(caplog):
    chip = Chip(*["no chip"] * 6)
    assert awaited(chip.make, chip.beat, chip.wait) == "pin"
    pauses = [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert chip.history == [x for pause in pauses for x in ("try", "beat", pause)] + ["try"]


def test_each_new_reason_is_told_once(caplog):
    chip = Chip("no chip", "no chip", "busy", "busy", "no chip")
    with caplog.at_level(logging.WARNING):
        awaited(chip.make, chip.beat, chip.wait)
    begin = "the gate cannot be opened: "
    assert caplog.messages == [begin + reason for reason in ("no chip", "busy", "no chip")]
