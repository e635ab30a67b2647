"""What a bundle says of itself, once RAUC has verified who signed it (pure)."""

import json
from typing import NamedTuple

from ledger_sync.errors import Refused

MAX_TEXT = 65_536  # of what RAUC tells


class Offered(NamedTuple):
    """For which boxes a bundle is, and which version it brings."""

    compatible: str
    version: str


def offered_of(told: str) -> Offered:
    """From `rauc info --output-format=json`. Raises `Refused` for anything else."""
    try:
        found = json.loads(told[:MAX_TEXT])
        compatible, version = found["compatible"], found["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"rauc told nothing of the bundle that can be read ({error})") from error
    if not isinstance(compatible, str) or not isinstance(version, str):
        raise Refused("the bundle names no version or no kind of box")
    return Offered(compatible, version)
