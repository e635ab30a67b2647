"""PC/SC as calls that raise: a context with pcscd, one reader of it, one card on that.

The only importer of pyscard, and of its plain bindings: its own monitor thread dies for good when
pcscd restarts. Return values: PC/SC part 5, and pcsclite.h.
"""

from typing import Any, NamedTuple

from hw.errors import Unavailable

MAX_NAME = 128  # characters of a reader's name in a message


class CardGone(Unavailable):
    """The card left or does not answer; the reader is well."""


class Status(NamedTuple):
    """What is on the reader. `raw` is PC/SC's own, `counter` grows with each coming and going."""

    raw: int
    is_present: bool
    counter: int


def load() -> Any:
    """The bindings. Raises `Unavailable` when they are not installed."""
    try:
        from smartcard import scard
    except ImportError as error:
        raise Unavailable(
            f"pyscard cannot be loaded ({error}); run 'sudo apt install pcscd python3-pyscard', "
            "or pip install 'yardpass[pcsc]' with swig and libpcsclite-dev"
        ) from error
    return scard


class Link:
    """A context, and the first reader whose name holds `wanted`. Raises `Unavailable` if pcscd or
    the reader is not there, at any call."""

    def __init__(self, scard: Any, wanted: str) -> None:
        self._scard = scard
        code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        self.check(code)
        try:
            self.name = self._find(wanted)
        except Unavailable:
            self.close()
            raise

    def _find(self, wanted: str) -> str:
        code, names = self._scard.SCardListReaders(self._context, [])
        if code != self._scard.SCARD_E_NO_READERS_AVAILABLE:
            self.check(code)
        for name in names:
            if wanted in name:
                return str(name)
        others = f", only {', '.join(names):.{MAX_NAME}}" if names else ""
        what = f"no card reader named {wanted!r}{others}" if wanted else "no card reader"
        raise Unavailable(f"{what}; plug it in, and see 'pcsc_scan -r'")

    def look(self, known: int, seconds: float) -> Status | None:
        """The reader as it is once it differs from `known` (0: nothing is known); None if it did
        not within so many seconds."""
        code, states = self._scard.SCardGetStatusChange(
            self._context, int(seconds * 1000), [(self.name, known)]
        )
        if code == self._scard.SCARD_E_TIMEOUT:
            return None
        self.check(code)
        raw = int(states[0][1])
        if raw & (self._scard.SCARD_STATE_UNKNOWN | self._scard.SCARD_STATE_UNAVAILABLE):
            raise Unavailable(f"the card reader {self.name:.{MAX_NAME}} is gone; plug it in again")
        present, mute = self._scard.SCARD_STATE_PRESENT, self._scard.SCARD_STATE_MUTE
        is_present = raw & present and not raw & mute
        return Status(raw & ~self._scard.SCARD_STATE_CHANGED, bool(is_present), raw >> 16)

    def connect(self) -> "Card":
        """The card on the reader, for us alone. Raises `CardGone` if there is none any more."""
        protocols = self._scard.SCARD_PROTOCOL_T0 | self._scard.SCARD_PROTOCOL_T1
        code, handle, protocol = self._scard.SCardConnect(
            self._context, self.name, self._scard.SCARD_SHARE_EXCLUSIVE, protocols
        )
        self.check(code)
        return Card(self, self._scard, handle, protocol)

    def close(self) -> None:
        self._scard.SCardReleaseContext(self._context)

    def check(self, code: int) -> None:
        """Raises what a return value means, if it is no success."""
        if code == self._scard.SCARD_S_SUCCESS:
            return
        said = str(self._scard.SCardGetErrorMessage(code)).rstrip(".")
        if code in self._of_card():
            raise CardGone(f"the card left ({said}); hold it still")
        hint = "run 'sudo systemctl restart pcscd.socket pcscd'"
        if code == self._scard.SCARD_W_SECURITY_VIOLATION:  # also when it ends amid a call
            hint += ", and let polkit grant org.debian.pcsc-lite.access_pcsc to this user"
        raise Unavailable(f"pcscd does not answer ({said}); {hint}")

    def _of_card(self) -> set[int]:
        scard = self._scard
        return {
            scard.SCARD_E_NOT_TRANSACTED,
            scard.SCARD_E_NO_SMARTCARD,
            scard.SCARD_E_PROTO_MISMATCH,
            scard.SCARD_E_SHARING_VIOLATION,
            scard.SCARD_W_REMOVED_CARD,
            scard.SCARD_W_RESET_CARD,
            scard.SCARD_W_UNPOWERED_CARD,
            scard.SCARD_W_UNRESPONSIVE_CARD,
            scard.SCARD_W_UNSUPPORTED_CARD,
        }


class Card:
    """A connected card. `lost` is set when a command failed because the reader or pcscd went."""

    def __init__(self, link: Link, scard: Any, handle: int, protocol: int) -> None:
        self._link = link
        self._scard = scard
        self._handle = handle
        self._protocol = protocol
        self.lost: Unavailable | None = None

    def transmit(self, sent: bytes) -> bytes:
        """The card's answer. Raises `CardGone`, or `Unavailable` if the reader went."""
        code, answer = self._scard.SCardTransmit(self._handle, self._protocol, list(sent))
        try:
            self._link.check(code)
        except CardGone:
            raise
        except Unavailable as lost:
            self.lost = lost
            raise
        if not answer:
            raise CardGone("the card left without an answer; hold it still")
        return bytes(answer)

    def close(self) -> None:
        """Leaves the card powered: it may go on lying there."""
        self._scard.SCardDisconnect(self._handle, self._scard.SCARD_LEAVE_CARD)
