"""Replica, feeds and gossip. Knows no device, no gate and no rule of a compound."""

from ledger_sync.errors import Refused, Unavailable

__all__ = ["Refused", "Unavailable"]
