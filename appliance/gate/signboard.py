"""The signboard: the gate's number where others can show it, and printed numbers on their way in.

    challenge.txt       what a phone scans, then the monotonic nanosecond at which it changes
    printed-challenge   16 hex digits of a number on paper, then the seconds it is good for

Both lie beside the store. The first is there only while the clock is POOR; whoever shows it reads
the first line. The second is taken away before its number is believed: so no restart of the gate
begins its time anew, or forgets who has answered it.
"""

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from appliance.gate.challenge import GOOD_NS, SECOND_NS, SHOWN_NS
from appliance.gate.terminal import Terminal
from appliance.passes.code import NONCE_BYTES
from ledger_sync import files
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused, Unavailable

NAME, PRINTED_NAME = "challenge.txt", "printed-challenge"
MAX_FILE = 600  # bytes of either
MAX_PRINTED_HOURS = 72

Show = Callable[[bytes], None]
"""Told the text whenever it is another one."""

_log = logging.getLogger("yardpass.gate")
_SIGN = re.compile(rb"(YPN1:[ -~]+)\n([0-9]{1,20})\n")
_PRINTED = re.compile(rb"([0-9a-f]{%d}) ([0-9]{1,6})\n" % (2 * NONCE_BYTES))


class Sign(NamedTuple):
    """What is shown, and for how many seconds until it changes."""

    text: bytes
    seconds: float


def _nobody(text: bytes) -> None:
    """There is no screen."""


class Signboard:
    """Keeps challenge.txt for a terminal; taken down at the end. Owned by the gate's thread."""

    def __init__(self, terminal: Terminal, folder: Path, *, show: Show = _nobody) -> None:
        self._terminal = terminal
        self._path, self._printed = folder / NAME, folder / PRINTED_NAME
        self._show = show
        self._text = b""  # on the screen
        self._written = b""  # on the disk
        self._faults: dict[str, str] = {}  # what does not work now, and is told already

    def __enter__(self) -> "Signboard":
        self._written = b"?"  # what a gate that was killed has left
        self._try(self._take_down)
        self.look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._try(self._take_down)

    def look(self) -> None:
        """For quiet moments: what is to be shown now. A fault is told once, in the log."""
        self._try(self._take_printed)
        self._try(self._keep)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (Refused, Unavailable) as error:
            if self._faults.get(work.__name__) != str(error):
                _log.error("%s", error)
            self._faults[work.__name__] = str(error)
        else:
            self._faults.pop(work.__name__, None)

    def _keep(self) -> None:
        if self._terminal.grade() is not Grade.POOR:
            self._take_down()
            return
        text, changes_at = self._terminal.challenge.shown()
        if text != self._text:
            self._text = text
            self._show(text)
        if text != self._written:
            files.replace(self._path, b"%b\n%d\n" % (text, changes_at))
            self._written = text

    def _take_down(self) -> None:
        self._text = b""
        if self._written:
            _remove(self._path)
            self._written = b""

    def _take_printed(self) -> None:
        if not os.path.lexists(self._printed):
            return
        data = files.read_bounded(self._printed, MAX_FILE, hint="print the number again")
        _remove(self._printed)
        found = _PRINTED.fullmatch(data)
        if found is None or not 0 < int(found[2]) <= MAX_PRINTED_HOURS * 3_600:
            raise Refused(f"{self._printed} was no number and is gone; print it again")
        self._terminal.challenge.take_printed(bytes.fromhex(found[1].decode()), int(found[2]))
        _log.info("a printed number is taken for %d h", int(found[2]) // 3_600)


def sign_in(folder: Path, ticks: int) -> Sign | None:
    """What the gate of this folder shows at these monotonic nanoseconds; None if it shows nothing,
    or has left an old number behind. Raises `Refused` for another file of that name."""
    path = folder / NAME
    if not path.exists():
        return None
    data = files.read_bounded(path, MAX_FILE, hint="start the gate again")
    found = _SIGN.fullmatch(data)
    if found is None:
        raise Refused(f"{path} is no number of a gate; remove it, the gate writes it anew")
    left = int(found[2]) - ticks
    is_old = not SHOWN_NS - GOOD_NS < left <= SHOWN_NS  # of this start of the machine or another
    return None if is_old else Sign(found[1], max(0, left) / SECOND_NS)


def put_printed(folder: Path, nonce: bytes, seconds: int) -> None:
    """Leaves the number on a paper for the gate, which may be another user of the group that the
    folder belongs to. Raises `Unavailable`."""
    files.replace(folder / PRINTED_NAME, b"%b %d\n" % (nonce.hex().encode(), seconds), mode=0o640)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        files.sync_folder(path.parent)
    except OSError as error:
        what = f"{path} cannot be taken away ({error.strerror})"
        raise Unavailable(f"{what}; check the rights of its folder") from error
