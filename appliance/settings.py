"""A terminal's settings: one TOML file to frozen dataclasses, every fault reported at once.

Nothing here opens a device or a database. Paths are relative to the folder of the file.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance import document, outfit, relay_settings
from appliance.document import Document
from appliance.document import shown as _shown
from appliance.outfit import Driver, Outfit
from appliance.policy.facts import Direction, Gate
from hw import drivers

MAX_PORT = 65_535
MAX_PULSE_MS = 5_000  # of hw.ports, which brings numpy
FILE_NAME = document.FILE_NAME
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]{2,39}\]|[A-Za-z0-9.-]{1,200}):[0-9]{1,5}")
_LINK_FILES = {"link_key": "link.key", "certificate": "link.crt", "auditor": "auditor.pub"}
_FILES = {"policy", "store", "key", "site_secret", "guards", *_LINK_FILES}
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./:-]{0,63}")


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """Whether updates that the ledger names are installed, and for how many minutes nobody must
    have come before."""

    is_automatic: bool = False
    quiet_minutes: int = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """All a terminal must know to start. Times in the unit of their name.

    `folder` holds the settings file; relative paths start there.
    """

    folder: Path
    gate: Gate
    terminal: str
    origin: str
    policy: Path
    store: Path
    key: Path
    site_secret: Path
    camera: Driver | None  # None: cards alone
    relay: Driver
    outfit: Outfit
    pulse_ms: int
    deadline_ms: int
    engines: tuple[str, ...]
    link_key: Path
    certificate: Path
    auditor: Path
    guards: Path
    listen: str
    discover: bool
    update: UpdateRules = field(default_factory=UpdateRules)


def load(path: Path, *, has_devices: bool = True) -> Settings:
    """The settings in `path`. Raises `Unavailable` if there is no such file, and `Refused`
    (R-SETTINGS) with one line for each fault: where, what stands there, what is accepted.

    Without `has_devices` the options of drivers are not looked at, which spares a process without
    devices their libraries."""
    return _Reader(document.read(path), has_devices).settings()


@dataclass(slots=True)
class _Reader:
    """Walks the known keys of one document and collects what is wrong with it."""

    document: Document
    has_devices: bool
    faults: list[tuple[int, str]] = field(default_factory=list)

    def settings(self) -> Settings:
        site = self._table("site", {"origin", "audience"})
        terminal = self._table("terminal", {"name", "gate", "direction", "zones"})
        files = self._table("files", _FILES)
        sync = self._table("sync", {"listen", "discover"}, required=False)
        update = self._table("update", {"automatic", "quiet_minutes"}, required=False)
        eye = self._table("eye", {"deadline_ms", "engines"}, required=False)
        relay = self._table("relay", None)
        name = self._text(terminal, "terminal", "name", _NAME, "a-z, 0-9, dot, dash")
        gate = self._text(terminal, "terminal", "gate", _NAME, "a-z, 0-9, dot, dash")
        audience = self._text(site, "site", "audience", _ORIGIN, "a-z, 0-9 and . / : -")
        direction = self._choice(terminal, "terminal", "direction", ("in", "out"))
        settings = Settings(
            folder=self.document.path.parent,
            gate=Gate(audience, gate, Direction[direction.upper()], self._zones(terminal)),
            terminal=name,
            origin=self._text(site, "site", "origin", _ORIGIN, "a-z, 0-9 and . / : -"),
            policy=self._path(files, "policy", "policy.txt"),
            store=self._path(files, "store", "store.db"),
            key=self._path(files, "key", "terminal.key"),
            site_secret=self._path(files, "site_secret", "site.secret"),
            pulse_ms=self._number(relay, "relay", "pulse_ms", 700, (50, MAX_PULSE_MS)),
            camera=self._camera(),
            outfit=self._outfit(),
            relay=self._relay(relay, is_way_out=direction == "out"),
            deadline_ms=self._number(eye, "eye", "deadline_ms", 1_000, (50, 10_000)),
            engines=self._engines(eye),
            link_key=self._path(files, "link_key", _LINK_FILES["link_key"]),
            certificate=self._path(files, "certificate", _LINK_FILES["certificate"]),
            auditor=self._path(files, "auditor", _LINK_FILES["auditor"]),
            guards=self._path(files, "guards", "guards"),
            listen=self._listen(sync),
            discover=self._flag(sync, "sync", "discover"),
            update=UpdateRules(
                self._flag(update, "update", "automatic"),
                self._number(update, "update", "quiet_minutes", 10, (1, 1_440)),
            ),
        )
        self._check_lease(settings)
        self._unknown_tables()
        if self.faults:
            raise self.document.refusal(self.faults)
        return settings

    def _check_lease(self, settings: Settings) -> None:
        """A hold that is renewed later than it ends would flap."""
        renewed = settings.outfit.door.renew_ms
        lease = relay_settings.of(self.document)[0].limits.lease_ms
        if settings.relay.name == "relayd" and 2 * renewed > lease:
            what = f"door.renew_ms = {renewed} is more than half of relayd.lease_ms = {lease}"
            self._fault("door", "renew_ms", f"{what}; make one of them fit")

    def _camera(self) -> Driver | None:
        """A gate without a reader needs one."""
        tables = self.document.tables
        if "camera" not in tables and tables.get("reader"):
            return None
        return self._driver("camera", self._table("camera", None))

    def _outfit(self) -> Outfit:
        found, faults = outfit.of(self.document, has_devices=self.has_devices)
        self.faults += faults
        return found

    def _fault(self, table: str, key: str, what: str) -> None:
        self.faults.append((self.document.line(table, key), what))

    def _table(self, name: str, keys: set[str] | None, *, required: bool = True) -> dict[str, Any]:
        table = self.document.tables.get(name)
        if not isinstance(table, dict):
            if required or table is not None:
                state = "missing" if table is None else "not a table"
                self._fault(
                    name, "", f"[{name}] is {state}; write one line [{name}], then its keys"
                )
            return {}
        for key in table if keys is not None else ():
            if key not in (keys or ()):
                known = ", ".join(sorted(keys or ()))
                self._fault(name, key, f"{name}.{key} is unknown; known are {known}")
        return table

    def _unknown_tables(self) -> None:
        known = (
            *("site", "terminal", "files", "sync", "camera", "relay", "relayd", "eye"),
            "update",
            *outfit.TABLES,
        )
        for name in self.document.tables:
            if name not in known:
                self._fault(name, "", f"[{name}] is unknown; known are {', '.join(known)}")

    def _text(
        self, table: dict[str, Any], where: str, key: str, shape: re.Pattern[str], accepted: str
    ) -> str:
        value = table.get(key)
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        self._fault(where, key, f"{where}.{key} = {_shown(value)}; accepted: {accepted}")
        return ""

    def _choice(
        self, table: dict[str, Any], where: str, key: str, choices: tuple[str, ...]
    ) -> str:
        value = table.get(key)
        if value in choices:
            return str(value)
        accepted = ", ".join(choices)
        self._fault(where, key, f"{where}.{key} = {_shown(value)}; accepted: {accepted}")
        return choices[0]

    def _number(
        self,
        table: dict[str, Any],
        where: str,
        key: str,
        default: int,
        bounds: tuple[int, int],
    ) -> int:
        value = table.get(key, default)
        if type(value) is int and bounds[0] <= value <= bounds[1]:
            return value
        accepted = f"a whole number from {bounds[0]} to {bounds[1]}"
        self._fault(where, key, f"{where}.{key} = {_shown(value)}; accepted: {accepted}")
        return default

    def _list(self, table: dict[str, Any], key: str, fits: Callable[[Any], bool]) -> list[Any]:
        value = table.get(key)
        is_list = isinstance(value, list) and bool(value) and all(map(fits, value))
        return list(value) if is_list and isinstance(value, list) else []

    def _zones(self, terminal: dict[str, Any]) -> int:
        zones = self._list(terminal, "zones", lambda zone: type(zone) is int and 0 <= zone < 53)
        if not zones:
            value = _shown(terminal.get("zones"))
            accepted = "a list of zone numbers from 0 to 52, such as [0, 1]"
            self._fault("terminal", "zones", f"terminal.zones = {value}; accepted: {accepted}")
        return sum(1 << zone for zone in set(zones))

    def _engines(self, eye: dict[str, Any]) -> tuple[str, ...]:
        if "engines" not in eye:
            return ("zxing", "zbar")
        engines = self._list(eye, "engines", lambda name: name in ("zxing", "zbar"))
        if not engines:
            value = _shown(eye["engines"])
            accepted = 'a list of "zxing", "zbar"'
            self._fault("eye", "engines", f"eye.engines = {value}; accepted: {accepted}")
        return tuple(engines)

    def _listen(self, sync: dict[str, Any]) -> str:
        if "listen" not in sync:
            return ""
        accepted = f'an address such as "0.0.0.0:7461", the port 1 to {MAX_PORT}'
        value = self._text(sync, "sync", "listen", _ADDRESS, accepted)
        if value and not 1 <= int(value.rpartition(":")[2]) <= MAX_PORT:
            self._fault("sync", "listen", f"sync.listen = {value!r}; accepted: {accepted}")
        return value

    def _flag(self, table: dict[str, Any], where: str, key: str) -> bool:
        value = table.get(key, False)
        if isinstance(value, bool):
            return value
        self._fault(where, key, f"{where}.{key} = {_shown(value)}; accepted: true, false")
        return False

    def _path(self, files: dict[str, Any], key: str, default: str) -> Path:
        value = files.get(key, default)
        if not isinstance(value, str) or not value:
            self._fault("files", key, f"files.{key} = {_shown(value)}; accepted: a path")
            value = default
        return self.document.path.parent / value

    def _driver(self, kind: str, table: dict[str, Any]) -> Driver:
        options = {key: value for key, value in table.items() if key != "driver"}
        name = self._choice(table, kind, "driver", drivers.names(kind))
        if table.get("driver") == name and self.has_devices:
            for key, value in options.items():
                for fault in drivers.faults(kind, name, {key: value}):
                    self._fault(kind, key, fault)
        return Driver(name, options)

    def _relay(self, table: dict[str, Any], *, is_way_out: bool) -> Driver:
        """The relay's driver. A gate drives no pin itself; what relayd is told is checked here as
        well, so that all faults of a file come at once."""
        options = {key: value for key, value in table.items() if key != "pulse_ms"}
        if table.get("driver") == "gpio":
            what = "relay.driver = 'gpio'; a gate drives no pin itself"
            step = 'write driver = "relayd", and under [relayd] pin = N'
            self._fault("relay", "driver", f"{what}: {step}")
        if table.get("driver") not in ("gpio", "relayd"):
            return self._driver("relay", options)
        for key in options.keys() - {"driver", "socket"}:
            known = "driver, pulse_ms, socket; the pin and its limits stand under [relayd]"
            self._fault("relay", key, f"relay.{key} is unknown; known are {known}")
        relayd, faults = relay_settings.of(self.document)
        self.faults += faults
        most = relayd.limits.max_pulse_ms
        if type(pulse := table.get("pulse_ms")) is int and most < pulse <= MAX_PULSE_MS:
            what = f"relay.pulse_ms = {pulse} is longer than relayd.max_pulse_ms = {most}"
            self._fault("relay", "pulse_ms", f"{what}; make one of them fit")
        return Driver("relayd", {"socket": str(relayd.socket), "way_out": is_way_out})
