"""A terminal's settings: one TOML file to frozen dataclasses, every fault reported at once.

Nothing here opens a device or a database. Paths are relative to the folder of the file.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.policy.facts import Direction, Gate
from hw import drivers
from ledger_sync.errors import Refused
from ledger_sync.files import read_bounded

MAX_FILE = 65_536  # bytes
FILE_NAME = "site.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Driver:
    """Which driver, and its options as the file gives them."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """All a terminal must know to start. Times in the unit of their name."""

    gate: Gate
    terminal: str
    origin: str
    policy: Path
    store: Path
    key: Path
    site_secret: Path
    camera: Driver
    relay: Driver
    pulse_ms: int
    deadline_ms: int
    engines: tuple[str, ...]


def load(path: Path) -> Settings:
    """The settings in `path`. Raises `Unavailable` if there is no such file, and `Refused`
    (R-SETTINGS) with one line for each fault: where, what stands there, what is accepted."""
    data = read_bounded(path, MAX_FILE, hint="make one with: yardpass office terminal")
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}", reason="R-SETTINGS") from None
    return _Reader(path, text, document).settings()


@dataclass(slots=True)
class _Reader:
    """Walks the known keys of one document and collects what is wrong with it."""

    path: Path
    text: str
    document: dict[str, Any]
    faults: list[tuple[int, str]] = field(default_factory=list)

    def settings(self) -> Settings:
        site = self._table("site", {"origin", "audience"})
        terminal = self._table("terminal", {"name", "gate", "direction", "zones"})
        files = self._table("files", {"policy", "store", "key", "site_secret"})
        eye = self._table("eye", {"deadline_ms", "engines"}, required=False)
        relay = self._table("relay", None)
        name = self._text(terminal, "terminal", "name", _NAME, "a-z, 0-9, dot, dash")
        gate = self._text(terminal, "terminal", "gate", _NAME, "a-z, 0-9, dot, dash")
        audience = self._text(site, "site", "audience", _ORIGIN, "a-z, 0-9 and . / : -")
        direction = self._choice(terminal, "terminal", "direction", ("in", "out"))
        settings = Settings(
            gate=Gate(audience, gate, Direction[direction.upper()], self._zones(terminal)),
            terminal=name,
            origin=self._text(site, "site", "origin", _ORIGIN, "a-z, 0-9 and . / : -"),
            policy=self._path(files, "policy", "policy.txt"),
            store=self._path(files, "store", "store.db"),
            key=self._path(files, "key", "terminal.key"),
            site_secret=self._path(files, "site_secret", "site.secret"),
            pulse_ms=self._number(relay, "relay", "pulse_ms", 700, (50, 5_000)),
            camera=self._driver("camera", self._table("camera", None)),
            relay=self._driver("relay", {k: v for k, v in relay.items() if k != "pulse_ms"}),
            deadline_ms=self._number(eye, "eye", "deadline_ms", 1_000, (50, 10_000)),
            engines=self._engines(eye),
        )
        self._unknown_tables()
        if self.faults:
            lines = [f"{self.path}:{line}: {what}" for line, what in sorted(self.faults)]
            raise Refused("\n".join(lines), reason="R-SETTINGS")
        return settings

    def _fault(self, table: str, key: str, what: str) -> None:
        self.faults.append((self._line(table, key), what))

    def _line(self, table: str, key: str) -> int:
        """The line that sets `key` in `table`; of the table if it is missing; else 1."""
        current, header_line = "", 1
        for number, line in enumerate(self.text.splitlines(), start=1):
            header = re.match(r"\s*\[\s*([\w.-]+)\s*\]", line)
            if header:
                current = header.group(1)
                header_line = number if current == table else header_line
            elif current == table and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return header_line

    def _table(self, name: str, keys: set[str] | None, *, required: bool = True) -> dict[str, Any]:
        table = self.document.get(name)
        if not isinstance(table, dict):
            if required or table is not None:
                self._fault(name, "", f"[{name}] is missing; it is a table")
            return {}
        for key in table if keys is not None else ():
            if key not in (keys or ()):
                known = ", ".join(sorted(keys or ()))
                self._fault(name, key, f"{name}.{key} is unknown; known are {known}")
        return table

    def _unknown_tables(self) -> None:
        known = ("site", "terminal", "files", "camera", "relay", "eye")
        for name in self.document:
            if name not in known:
                self._fault(name, name, f"[{name}] is unknown; known are {', '.join(known)}")

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

    def _path(self, files: dict[str, Any], key: str, default: str) -> Path:
        value = files.get(key, default)
        if not isinstance(value, str) or not value:
            self._fault("files", key, f"files.{key} = {_shown(value)}; accepted: a path")
            value = default
        return self.path.parent / value

    def _driver(self, kind: str, table: dict[str, Any]) -> Driver:
        options = {key: value for key, value in table.items() if key != "driver"}
        name = self._choice(table, kind, "driver", drivers.names(kind))
        if table.get("driver") == name:
            for key, value in options.items():
                for fault in drivers.faults(kind, name, {key: value}):
                    self._fault(kind, key, fault)
        return Driver(name, options)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:60]
