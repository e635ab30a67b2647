"""The wired inputs of a gate: raw levels in, events out. Pure; times as in `debounce.py`.

The first level of an input is how it was found, never something that happened: an exit button that
is pressed at the start asks for nothing, an open contact was not forced. After a gap, when the
inputs were gone, make new `Inputs`: then everything is found again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from appliance.door_config import GateConfig
from appliance.gate.debounce import Debounce
from appliance.gate.events import Event

EVENTS: Mapping[tuple[str, bool | None, bool], Event | None] = {
    # input, level before, level now
    ("contact", None, False): Event.CONTACT_FOUND_CLOSED,
    ("contact", None, True): Event.CONTACT_FOUND_OPEN,
    ("contact", False, True): Event.CONTACT_OPENED,
    ("contact", True, False): Event.CONTACT_CLOSED,
    ("exit", None, False): Event.EXIT_RELEASED,
    ("exit", None, True): None,
    ("exit", False, True): Event.EXIT_PRESSED,
    ("exit", True, False): Event.EXIT_RELEASED,
    ("tamper", None, False): Event.TAMPER_OFF,
    ("tamper", None, True): Event.TAMPER_ON,
    ("tamper", False, True): Event.TAMPER_ON,
    ("tamper", True, False): Event.TAMPER_OFF,
    ("fire", None, False): Event.FIRE_OFF,
    ("fire", None, True): Event.FIRE_ON,
    ("fire", False, True): Event.FIRE_ON,
    ("fire", True, False): Event.FIRE_OFF,
}
"""What an input's new level means; the names are the values of `hw.ports.Sensor`."""

NAMES = ("fire", "exit", "contact", "tamper")
"""Every input. At one and the same time they are heard in this order."""

Heard = tuple[tuple[Event, int], ...]
"""Events, and when each happened: oldest first."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs of one gate; one that is not wired is never told and never heard."""

    config: GateConfig
    inputs: Mapping[str, Debounce] = field(default_factory=dict)

    def seen(self, name: str, is_active: bool, now: int) -> tuple["Inputs", Heard]:
        """A raw level, and what became certain up to `now`."""
        after, heard = self.passed(now)
        is_exit = name == "exit"
        stable = self.config.exit_debounce_ms if is_exit else self.config.debounce_ms
        seen = after.inputs.get(name, Debounce(stable)).seen(is_active, now)
        after = replace(after, inputs={**after.inputs, name: seen})
        if stable:
            return after, heard
        after, at_once = after.passed(now)
        return after, heard + at_once

    def passed(self, now: int) -> tuple["Inputs", Heard]:
        """What became certain up to `now` though no level changed."""
        inputs, heard = dict(self.inputs), []
        for name in filter(inputs.__contains__, NAMES):
            before, at = inputs[name], inputs[name].due()
            inputs[name] = after = before.settled(now)
            if at is None or after.level is before.level or after.level is None:
                continue
            event = EVENTS[name, before.level, after.level]
            if event is not None:
                heard.append((event, at))
        heard.sort(key=lambda one: one[1])  # stable: NAMES decides among equals
        return replace(self, inputs=inputs), tuple(heard)

    def next_due(self) -> int | None:
        """When `passed` should be called; None while nothing is uncertain."""
        times = (one.due() for one in self.inputs.values())
        return min((time for time in times if time is not None), default=None)
