"""A random simulated day: the machine tells exactly what happened at the gate, no more."""

from collections import Counter
from dataclasses import replace

import pytest
from gate_day import Day, news, told

from appliance.door_config import GateConfig
from appliance.gate.door import Output

SAFE = GateConfig(settle_ms=2_000, renew_ms=5_000)
SECURE = replace(SAFE, fail_safe=False)
SEEDS = range(2)


@pytest.mark.parametrize("config", [SAFE, SECURE], ids=["fail-safe", "fail-secure"])
@pytest.mark.parametrize("seed", SEEDS)
def test_exactly_the_injected_events_of_a_day_are_found_each_at_its_time(seed, config):
    day = Day(seed, config)

    found = news(told(day, config))

    assert sorted(found, key=order) == sorted(day.expected, key=order)
    counts = Counter(output for _, output in found)
    assert counts[Output.FORCED] == day.injected["forced"] >= 10
    assert counts[Output.HELD] == day.injected["held"] >= 10
    assert counts[Output.HELD_WARNING] == day.injected["warned"]
    assert counts[Output.STUCK] == day.injected["stuck"] >= 5


def order(one):
    return one[0], one[1].value  # what happens in one millisecond has no order


@pytest.mark.parametrize("seed", SEEDS)
def test_a_machine_that_is_called_late_tells_the_same(seed):
    day = Day(seed, SAFE, hours=8)

    punctual = [output for _, output in news(told(day, SAFE))]
    late = [output for _, output in news(told(day, SAFE, punctual=False))]

    assert late == punctual


@pytest.mark.parametrize(
    "mistake",
    [
        {"debounce_ms": 0, "exit_debounce_ms": 0},
        {"settle_ms": 0},
        {"open_ms": 3_000},
        {"held_warning_ms": 20_001},
        {"held_alarm_ms": 30_001},
        {"stuck_ms": 119_999},
        {"exit_debounce_ms": 50},
        {"fail_safe": False},
        {"has_contact": False},
        {"exit_pulse": False},
    ],
    ids=str,
)
def test_a_day_shows_every_wrong_setting_of_the_machine(mistake):
    day = Day(1, SAFE, hours=8)

    found = news(told(day, replace(SAFE, **mistake)))

    assert sorted(found, key=order) != sorted(day.expected, key=order)
