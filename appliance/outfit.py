"""What a gate is fitted with beside its camera and relay: readers, inputs, lamps, sounds, times.

The tables [[reader]], [sensors], [indicator], [sounds] and [door] of the settings. None of them is
needed. Opens no device.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from appliance.document import Document, shown
from appliance.door_config import GateConfig
from hw import drivers
from ledger_sync.errors import Refused

MAX_READERS = 8
TABLES = ("reader", "sensors", "indicator", "sounds", "door")


@dataclass(frozen=True, slots=True)
class Driver:
    """Which driver, and its options as the file gives them."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outfit:
    """`indicators` are lamps and sounds, each a driver; `sensors` None where none is wired."""

    readers: tuple[Driver, ...] = ()
    sensors: Driver | None = None
    indicators: tuple[Driver, ...] = ()
    door: GateConfig = field(default_factory=lambda: GateConfig(has_contact=False))


def of(document: Document, *, has_devices: bool) -> tuple[Outfit, list[tuple[int, str]]]:
    """The outfit in a settings file, with what is wrong in it as (line, sentence).

    Without `has_devices` options are not looked at, as in settings.py."""
    reader = _Reader(document, has_devices)
    return reader.outfit(), reader.faults


@dataclass(slots=True)
class _Reader:
    """Walks the tables and collects what is wrong with them."""

    document: Document
    has_devices: bool
    faults: list[tuple[int, str]] = field(default_factory=list)

    def outfit(self) -> Outfit:
        sensors = self._one("sensors", "sensors")
        lamps, sounds = self._one("indicator", "indicator"), self._sounds()
        return Outfit(
            readers=self._readers(),
            sensors=sensors,
            indicators=tuple(one for one in (lamps, sounds) if one),
            door=self._door(sensors),
        )

    def _readers(self) -> tuple[Driver, ...]:
        found = self.document.tables.get("reader", [])
        tables = found if isinstance(found, list) else [found]
        if len(tables) > MAX_READERS:
            self._fault("reader", "", f"{len(tables)} tables [[reader]]; at most {MAX_READERS}")
        made = []
        for table in tables[:MAX_READERS]:
            if isinstance(table, dict):
                made.append(self._driver("reader", "reader", table))
            else:
                self._fault("reader", "", "reader is no table; write [[reader]], then its keys")
        return tuple(made)

    def _one(self, name: str, kind: str) -> Driver | None:
        table = self.document.tables.get(name)
        if table is None:
            return None
        if not isinstance(table, dict):
            self._fault(name, "", f"{name} is no table; write one line [{name}], then its keys")
            return None
        return self._driver(name, kind, table)

    def _sounds(self) -> Driver | None:
        """[sounds] is an indicator of its own, beside the lamps."""
        table = self.document.tables.get("sounds")
        if isinstance(table, dict) and "driver" in table:
            self._fault("sounds", "driver", "sounds.driver is unknown; lamps stand in [indicator]")
        if isinstance(table, dict):
            options = {key: value for key, value in table.items() if key != "driver"}
            return self._driver("sounds", "indicator", {"driver": "sounds", **options})
        return self._one("sounds", "indicator")

    def _driver(self, place: str, kind: str, table: dict[str, Any]) -> Driver:
        names = drivers.names(kind)
        options = {key: value for key, value in table.items() if key != "driver"}
        name = table.get("driver")
        if name not in names:
            known = ", ".join(names)
            self._fault(place, "driver", f"{place}.driver = {shown(name)}; accepted: {known}")
            return Driver(names[0], {})
        for key, value in options.items() if self.has_devices else ():
            for fault in drivers.faults(kind, str(name), {key: value}):
                self._fault(place, key, fault)
        return Driver(str(name), options)

    def _door(self, sensors: Driver | None) -> GateConfig:
        table = self.document.tables.get("door", {})
        if not isinstance(table, dict):
            self._fault("door", "", "door is no table; write one line [door], then its keys")
            table = {}
        known = {one.name: one.type for one in fields(GateConfig)}
        given = {"has_contact": self._has_contact(sensors)}
        for key, value in table.items():
            if key not in known:
                names = ", ".join(sorted(known))
                self._fault("door", key, f"door.{key} is unknown; known are {names}")
            elif known[key] in (bool, "bool") and not isinstance(value, bool):
                self._fault("door", key, f"door.{key} = {shown(value)}; accepted: true, false")
            else:
                given[key] = value
        try:
            return GateConfig(**given)
        except Refused as refused:
            self._fault("door", "", f"[door] {refused}")
            return GateConfig()

    def _has_contact(self, sensors: Driver | None) -> bool:
        """Whether a contact is wired: what says how the gate stands."""
        if sensors is None or not self.has_devices or self.faults:
            return False
        options = drivers.options_of("sensors", sensors.name)
        given = {key: tuple(v) if isinstance(v, list) else v for key, v in sensors.options.items()}
        made = options(**given)
        return bool(getattr(made, "contact", 0)) or "contact" in getattr(made, "wired", ())

    def _fault(self, table: str, key: str, what: str) -> None:
        self.faults.append((self.document.line(table, key), what))
