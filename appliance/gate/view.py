"""What is in view of the camera: a phone is held up for many pictures, and is one presentation."""

from collections import OrderedDict

from appliance.passes import code as codes
from ledger_sync.errors import Refused

HOLD_NS = 2_000_000_000  # a text not seen for this long, in ticks, is a new presentation
MAX_HELD = 512  # texts remembered as still being shown; more than a picture can hold (256)


class View:
    """One presentation lasts until its text has been out of sight for `HOLD_NS`, and so do the
    next codes of a phone that was let through and is still held up."""

    def __init__(self) -> None:
        self._held: OrderedDict[bytes, int] = OrderedDict()
        self._through: OrderedDict[bytes, int] = OrderedDict()  # who was let through, `_shown_by`

    def is_held(self, text: bytes, ticks: int) -> bool:
        """Whether a text in a picture taken at `ticks` is still being shown."""
        shown = _shown_by(text)
        is_same = _is_in_view(self._held, text, ticks)
        if shown in self._through and _is_in_view(self._through, shown, ticks):
            return True
        self._through.pop(shown, None)
        return is_same

    def let_through(self, text: bytes, ticks: int) -> None:
        """Whoever shows this came through at `ticks`."""
        shown = _shown_by(text)
        if shown:
            _is_in_view(self._through, shown, ticks)


def _is_in_view(seen: OrderedDict[bytes, int], what: bytes, ticks: int) -> bool:
    """Whether this was seen a moment before; it is seen now."""
    last = seen.pop(what, None)
    seen[what] = ticks
    if len(seen) > MAX_HELD:
        seen.popitem(last=False)
    return last is not None and ticks - last < HOLD_NS


def _shown_by(text: bytes) -> bytes:
    """What stays the same while a phone makes new codes: the pass, or the invite. Nothing is
    proven of it: it only says that what is in view is what was in view. Empty for other texts."""
    try:
        code = codes.parse(text)
    except Refused:
        return b""
    return code.handle + (code.invite.payload if code.invite else b"")
