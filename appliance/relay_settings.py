"""The part of a settings file that relayd reads: `[relay] socket` and `[relayd]`.

relayd looks at nothing else: a fault under [camera] must not take the relay away from a gate.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from appliance.document import Document, shown
from appliance.document import read as read_document
from appliance.relay_limits import Limits
from hw.gate_io import FACTORIES, MAX_PIN, MIN_PIN, PinOptions

SOCKET = "relay.sock"  # beside the settings, unless they say otherwise
PINS_FILE = "pins.txt"  # where the factory "file" keeps its levels, beside the settings
MAX_UID = 2**32 - 2
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_OWN_KEYS = ("pin", "active_high", "factory", "pins_file", "users")
_KEYS = (*_OWN_KEYS, *(one.name for one in fields(Limits)))


@dataclass(frozen=True, slots=True)
class RelaydSettings:
    """All that relayd must know. `users` may ask it, beside root and the user it runs as."""

    socket: Path
    pin: PinOptions
    limits: Limits
    users: tuple[str | int, ...]


def load(path: Path) -> RelaydSettings:
    """relayd's part of the settings in `path`. Raises `Unavailable` if there is no such file, and
    `Refused` (R-SETTINGS) with one line for each fault in that part."""
    document = read_document(path)
    settings, faults = of(document)
    if faults:
        raise document.refusal(faults)
    return settings


def of(document: Document) -> tuple[RelaydSettings, list[tuple[int, str]]]:
    """relayd's part, with what is wrong in it as (line, sentence)."""
    reader = _Reader(document)
    return reader.settings(), reader.faults


@dataclass(slots=True)
class _Reader:
    """Walks the keys of two tables and collects what is wrong with them."""

    document: Document
    faults: list[tuple[int, str]] = field(default_factory=list)

    def settings(self) -> RelaydSettings:
        relay, table = self._table("relay"), self._table("relayd")
        folder = self.document.path.parent
        for key in table:
            if key not in _KEYS:
                self._fault(
                    "relayd", key, f"relayd.{key} is unknown; known are {', '.join(_KEYS)}"
                )
        return RelaydSettings(
            socket=folder / self._path("relay", relay, "socket", SOCKET),
            pin=self._pin(table, folder),
            limits=Limits(**{one.name: self._limit(table, one) for one in fields(Limits)}),
            users=self._users(table),
        )

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self.document.tables.get(name)
        if isinstance(table, dict):
            return table
        state = "missing" if table is None else "not a table"
        self._fault(name, "", f"[{name}] is {state}; write one line [{name}], then its keys")
        return {}

    def _pin(self, table: Mapping[str, Any], folder: Path) -> PinOptions:
        factory = self._value(
            table,
            "factory",
            "lgpio",
            lambda value: value in tuple(FACTORIES),
            ", ".join(FACTORIES),
        )
        levels = self._path("relayd", table, "pins_file", PINS_FILE)
        return PinOptions(
            pin=self._number(table, "pin", None, MIN_PIN, MAX_PIN),
            active_high=self._value(
                table, "active_high", True, lambda value: type(value) is bool, "true, false"
            ),
            factory=factory,
            pins_file=str(folder / levels) if factory == "file" else "",
        )

    def _limit(self, table: Mapping[str, Any], one: Any) -> int:
        bounds = one.metadata["least"], one.metadata["most"]
        return self._number(table, one.name, one.default, *bounds)

    def _users(self, table: Mapping[str, Any]) -> tuple[str | int, ...]:
        accepted = 'a list of user names or numbers, such as ["yardpass"]'
        value = self._value(
            table,
            "users",
            [],
            lambda users: type(users) is list and all(map(_is_user, users)),
            accepted,
        )
        return tuple(value)

    def _number(
        self, table: Mapping[str, Any], key: str, default: int | None, least: int, most: int
    ) -> int:
        """A number; one without a default must be given: nobody should have to guess a pin."""
        accepted = f"a whole number from {least} to {most}"
        value = self._value(
            table, key, default, lambda n: type(n) is int and least <= n <= most, accepted
        )
        return least if value is None else int(value)

    def _value(
        self,
        table: Mapping[str, Any],
        key: str,
        default: Any,
        fits: Callable[[Any], bool],
        accepted: str,
    ) -> Any:
        value = table.get(key, default)
        if isinstance(value, str | int | bool | list) and fits(value):
            return value
        self._fault("relayd", key, f"relayd.{key} = {shown(value)}; accepted: {accepted}")
        return default

    def _path(self, name: str, table: Mapping[str, Any], key: str, default: str) -> str:
        value = table.get(key, default)
        if isinstance(value, str) and value and "\0" not in value:
            return value
        self._fault(name, key, f"{name}.{key} = {shown(value)}; accepted: a path")
        return default

    def _fault(self, table: str, key: str, what: str) -> None:
        self.faults.append((self.document.line(table, key), what))


def _is_user(value: object) -> bool:
    if isinstance(value, str):
        return bool(_USER.fullmatch(value))
    return type(value) is int and 0 <= value <= MAX_UID
