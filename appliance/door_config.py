"""How long things may take at a gate, and how it is built; checked when made. Pure."""

from dataclasses import dataclass

from ledger_sync.errors import Refused

MAX_DEBOUNCE_MS = 200
"""IEC 60839-11-1: an input active for more than 400 ms must be processed; half of it is left for
the way from the pin to the machine."""
MAX_MS = 24 * 3_600_000
"""Longest time of any kind, milliseconds: a day."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    """The settings of one gate. Times in milliseconds; raises `Refused` naming every fault."""

    open_ms: int = 8_000  # how long who was let pass may take to open it
    settle_ms: int = 1_000  # after closing, an opening is a rebound
    held_warning_ms: int = 20_000  # open for so long: those at the gate are told
    held_alarm_ms: int = 30_000  # everybody is told
    stuck_ms: int = 120_000  # it counts as stuck; also after it was forced
    exit_jammed_ms: int = 120_000  # an exit button pressed for so long excuses nothing more
    renew_ms: int = 500  # how often the lease of the relay is renewed; well below the lease
    debounce_ms: int = 50  # an input counts when it was stable for so long
    exit_debounce_ms: int = 20  # less: a crash bar moves both; it is heard before the contact
    fail_safe: bool = True  # a fire holds it open; False: only exits open it
    has_contact: bool = True  # False: no door contact is wired, nothing is forced or held
    exit_pulse: bool = True  # False: the exit button opens in hardware, the terminal only hears it

    def __post_init__(self) -> None:
        faults = [*self._out_of_range(), *self._out_of_order()]
        if faults:
            raise Refused("; ".join(faults), reason="R-SETTINGS")

    def _out_of_range(self) -> list[str]:
        limits = {
            "open_ms": (500, MAX_MS),
            "settle_ms": (0, 10_000),
            "held_warning_ms": (1_000, MAX_MS),
            "held_alarm_ms": (1_000, MAX_MS),
            "stuck_ms": (1_000, MAX_MS),
            "exit_jammed_ms": (1_000, MAX_MS),
            "renew_ms": (50, 5_000),
            "debounce_ms": (0, MAX_DEBOUNCE_MS),
            "exit_debounce_ms": (0, MAX_DEBOUNCE_MS),
        }
        return [
            f"{name} = {value!r}; give a whole number from {least} to {most}"
            for name, (least, most) in limits.items()
            if type(value := getattr(self, name)) is not int or not least <= value <= most
        ]

    def _out_of_order(self) -> list[str]:
        faults = []
        if not self.held_warning_ms < self.held_alarm_ms < self.stuck_ms:
            faults.append("give held_warning_ms < held_alarm_ms < stuck_ms")
        if self.exit_debounce_ms > self.debounce_ms:
            faults.append("give exit_debounce_ms <= debounce_ms")
        return faults
