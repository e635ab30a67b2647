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

MAX_FILE = 16_384  # bytes; tomllib takes a second for the worst that fits
MAX_DEPTH = 8  # tables and lists within each other
FILE_NAME = "site.toml"
_HEADER = re.compile(r"\s*\[+\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*(?:\.\s*([\w-]+)\s*)?=")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Driver:
    """Which driver, and its options as the file gives them."""

    name: str
    options: Mapping[str, Any]


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
        text = data.decode("utf-8-sig")  # some editors begin a file with a byte order mark
        document = tomllib.loads(text)
        _check_bounds(document)
    except (ValueError, RecursionError) as error:  # TOML's, UTF-8's, and limits of Python's own
        raise Refused(f"{path} is not TOML: {error}", reason="R-SETTINGS") from None
    return _Reader(path, document, _lines_of(text)).settings()


def _check_bounds(document: dict[str, Any]) -> None:
    """Raises `ValueError` for what tomllib takes and no message could show."""
    rest: list[tuple[Any, int]] = [(document, 0)]
    while rest:
        value, depth = rest.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"tables and lists are nested more than {MAX_DEPTH} deep")
        if type(value) is int and value.bit_length() > 63:
            raise ValueError("a whole number has more than 64 bits")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            rest += [(each, depth + 1) for each in inner]


def _lines_of(text: str) -> dict[tuple[str, str], int]:
    """(table, key) -> the line that sets it, counted from 1; of the table itself for key ""."""
    found: dict[tuple[str, str], int] = {}
    current = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            current = header[1]
            found.setdefault((current, ""), number)
        elif key := _KEY.match(line):
            place = (current, key[1]) if current else (key[1], key[2] or "")
            found.setdefault(place, number)
    return found


@dataclass(slots=True)
class _Reader:
    """Walks the known keys of one document and collects what is wrong with it."""

    path: Path
    document: dict[str, Any]
    lines: dict[tuple[str, str], int]
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
            folder=self.path.parent,
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
        return self.lines.get((table, key)) or self.lines.get((table, ""), 1)

    def _table(self, name: str, keys: set[str] | None, *, required: bool = True) -> dict[str, Any]:
        table = self.document.get(name)
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
        known = ("site", "terminal", "files", "camera", "relay", "eye")
        for name in self.document:
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
