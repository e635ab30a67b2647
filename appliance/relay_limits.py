"""What relayd lets a contact do at most (pure). gate/pulse_law.py holds a contact to it.

Each field's metadata says which values the settings may give.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults suit a barrier or a lock that opens by a short pulse."""

    max_pulse_ms: int = field(default=5_000, metadata={"least": 50, "most": 5_000})
    gap_ms: int = field(default=200, metadata={"least": 0, "most": 60_000})  # off between openings
    pulses_a_minute: int = field(default=30, metadata={"least": 1, "most": 600})
    duty_percent: int = field(default=50, metadata={"least": 1, "most": 100})  # of a minute
    lease_ms: int = field(default=2_000, metadata={"least": 100, "most": 60_000})  # of a hold
