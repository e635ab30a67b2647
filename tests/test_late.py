"""A device that is not there at the start: the gate has it when it comes."""

import pytest

from appliance.gate.late import RETRY_SECONDS, LateIndicator, LateSensors
from hw.errors import Refused, Unavailable
from hw.ports import Sensor, Signal
from hw.sim.indicator import SimIndicator
from hw.sim.sensors import SimSensors

GONE = Unavailable("no /dev/gpiochip0; check the wiring")


class Shop:
    """Makes what stands next on its list, or raises it; counts."""

    def __init__(self, *found):
        self.found, self.now, self.made = list(found), 0.0, 0

    def __call__(self):
        self.made += 1
        one = self.found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def ticks(self):
        return self.now


def test_a_device_that_is_there_is_made_once_and_used():
    lamps = SimIndicator(clock=lambda: 0)
    shop = Shop(lamps)
    late = LateIndicator(shop, shop.ticks)

    late.show(Signal.GREEN)
    late.show(Signal.RED)

    assert [signal for signal, _ in lamps.history] == [Signal.GREEN, Signal.RED]
    assert shop.made == 1


def test_one_that_is_missing_says_so_and_is_looked_for_now_and_then():
    lamps = SimIndicator(clock=lambda: 0)
    shop = Shop(GONE, Unavailable("busy"), lamps)
    late = LateIndicator(shop, shop.ticks)

    for second in (0, RETRY_SECONDS - 1):
        shop.now = second
        with pytest.raises(Unavailable, match="gpiochip0"):
            late.show(Signal.RED)
    for second in (RETRY_SECONDS, 2 * RETRY_SECONDS - 1):
        shop.now = second
        with pytest.raises(Unavailable, match="busy"):
            late.show(Signal.RED)
    shop.now = 2 * RETRY_SECONDS
    late.show(Signal.GREY)

    assert [signal for signal, _ in lamps.history] == [Signal.GREY]
    assert shop.made == 3


def test_a_wrong_setting_is_no_device_that_may_come():
    with pytest.raises(Refused, match="wire all three"):
        LateIndicator(Shop(Refused("wire all three lamps")))


def test_inputs_that_come_later_are_all_told():
    shop = Shop(GONE, SimSensors())
    late = LateSensors(shop, shop.ticks)
    with pytest.raises(Unavailable, match="gpiochip0"):
        late.levels()
    shop.now = RETRY_SECONDS

    levels = late.levels()
    found = {next(levels).sensor for _ in Sensor}
    late.close()

    assert found == set(Sensor)
    assert list(levels) == []


def test_one_that_was_closed_is_not_looked_for_any_more():
    shop = Shop(GONE, SimSensors())
    late = LateSensors(shop, shop.ticks)
    late.close()
    shop.now = RETRY_SECONDS

    with pytest.raises(Unavailable, match="gpiochip0"):
        late.levels()

    assert shop.made == 1
