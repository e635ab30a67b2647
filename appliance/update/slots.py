"""What may be done with the two slots, by what they are in now (pure).

A new system is written to the slot that does not run, started once on trial, and kept only when
its own health check says so. Every other end of a trial (panic, hang, power cut, failed check)
starts the slot that ran before, since nothing names the new one yet.
"""

import re
from typing import NamedTuple

from appliance.update.autoboot import other
from ledger_sync.errors import Refused

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})-(\d{1,12})")


class Standing(NamedTuple):
    """Which slot runs, which one is started from now on, whether this start is a trial."""

    running: str
    chosen: str
    is_on_trial: bool

    @property
    def is_committed(self) -> bool:
        """Whether the slot that runs is the one that will be started again."""
        return self.running == self.chosen

    @property
    def target(self) -> str:
        """The slot that an update is written to."""
        return other(self.running)


def version_key(version: str) -> tuple[int, ...]:
    """What orders versions: release, then time of the build. Raises `Refused` for any other text.

    >>> version_key("0.1.0-1795305600")
    (0, 1, 0, 1795305600)
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise Refused(f"{version[:40]!r} is no version of an image, like 0.1.0-1795305600")
    return tuple(map(int, found.groups()))


def check_install(standing: Standing, running: str, offered: str) -> None:
    """Raises `Refused` for an update that may not be installed now: on trial the other slot is the
    only one that is known to work; an older version would bring back what was mended."""
    if not standing.is_committed:
        raise Refused(
            f"slot {standing.running} is on trial and not yet found well; wait for its health"
            " check, or: yardpass update validate"
        )
    check_newer(running, offered)


def check_newer(running: str, offered: str) -> None:
    """Raises `Refused` for what is not newer than what runs."""
    if version_key(offered) <= version_key(running):
        raise Refused(f"version {offered} is not newer than {running}, which runs; nothing done")


def check_kind(box: str, bundle: str) -> None:
    """Raises `Refused` for a bundle for boxes of another kind."""
    if box != bundle:
        raise Refused(f"it is for boxes {bundle[:64]!r}, this one is {box!r}; take its own bundle")


def check_revert(standing: Standing, *, is_prevented: bool) -> None:
    """Raises `Refused` where there is nothing good to go back to."""
    if is_prevented:
        raise Refused("going back was prevented: the other slot was emptied; install an update")
    if not standing.is_committed:
        raise Refused("this slot is on trial: restart, and the one before is started")
