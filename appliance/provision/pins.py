"""Which pin of a board is wired to what, and which to two things at once."""

from collections.abc import Iterator

from appliance.outfit import Driver, Outfit
from hw import drivers
from ledger_sync.errors import Refused

_PINS = {
    ("sensors", "gpio"): ("contact", "exit", "tamper", "fire"),
    ("indicator", "gpio"): ("green", "yellow", "red", "buzzer"),
    ("reader", "wiegand"): ("d0", "d1"),
}
"""Options that are pins (BCM numbers), 0 where nothing is wired."""


def check(outfit: Outfit, relay: int | None) -> None:
    """Raises `Refused` (R-SETTINGS) if two parts are wired to one pin; `relay` is that of relayd,
    None where nothing drives one. The options are without faults."""
    taken = {relay: "the relay"} if relay is not None else {}
    for part, pin in _wired(outfit):
        if pin in taken:
            what = f"GPIO {pin} is wired to {taken[pin]} and to {part}"
            raise Refused(f"{what}; give one of them another pin", reason="R-SETTINGS")
        taken[pin] = part


def _wired(outfit: Outfit) -> Iterator[tuple[str, int]]:
    """(part, pin), those that the settings leave at their defaults as well."""
    if outfit.sensors:
        yield from _pins_of("sensors", "[sensors]", outfit.sensors)
    for one in outfit.indicators:
        yield from _pins_of("indicator", "[indicator]", one)
    for number, one in enumerate(outfit.readers, 1):
        yield from _pins_of("reader", f"reader {number},", one)


def _pins_of(kind: str, table: str, driver: Driver) -> Iterator[tuple[str, int]]:
    names = _PINS.get((kind, driver.name), ())
    if not names:
        return
    known = drivers.options_of(kind, driver.name)()
    for name in names:
        if pin := driver.options.get(name, getattr(known, name)):
            yield f"{table} {name}", pin
