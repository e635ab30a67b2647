"""What this package raises: one root for wrong bytes, one for a disk or link that failed."""


class Refused(ValueError):
    """Bytes that came in break a MUST of FORMAT.md. `reason` is the answer FORMAT.md names for it.

    Nothing was changed. The message names the value; it never holds key material.
    """

    def __init__(self, message: str, *, reason: str = "R-FORM") -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(OSError):
    """Disk, database or link cannot be used now. The message ends with what to do."""
