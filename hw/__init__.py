"""Devices: bytes and volts. Knows no pass, no rule and no ledger."""

from hw.errors import Refused, Unavailable

__all__ = ["Refused", "Unavailable"]
