"""What a device adapter raises: one root for what came in, one for what is gone.

`ledger_sync.errors` has the same two names: the packages must not import each other, and
`appliance` catches both.
"""


class Refused(ValueError):
    """What came in is wrong: a picture too large, a payload too long. Nothing was changed."""

    def __init__(self, message: str, *, reason: str = "R-IMAGE") -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(OSError):
    """A device, or the library behind it, cannot be used now. The message ends with what to do."""
