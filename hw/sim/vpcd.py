"""A card in the virtual reader of vsmartcard, which pcscd takes for a real one.

vpcd listens on TCP. Each message is its length in two bytes and its body; from vpcd a body of one
byte is off, on, reset or "your ATR", anything else a command to the card (manual of vsmartcard,
virtual smart card, "vpicc"). Connecting is holding the card to the reader, closing takes it away.
"""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from hw.errors import Unavailable
from hw.sim.card import SimCard

PORT = 0x8C7B
ATR = bytes.fromhex("3B80800101")
"""Answer to reset that a PC/SC reader makes for a contactless card; PC/SC part 3, 3.1.3.2.3."""
CONNECT_S = 2.0
MAX_BODY = 0xFFFF
_OFF, _ON, _RESET, _GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"


class VpcdField:
    """Holds one card to the virtual reader until `remove`, or until either side leaves.

    Raises `Unavailable` when there is no vpcd. A context manager: inside, the card is there.
    `asked` is set once vpcd has said something to the card.
    """

    def __init__(self, card: SimCard, port: int = PORT) -> None:
        self._card = card
        self.asked = threading.Event()
        try:
            self._line = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)
        except OSError as error:
            raise Unavailable(
                f"no vpcd on port {port} ({error}); install vsmartcard-vpcd and start pcscd"
            ) from error
        self._line.settimeout(None)  # a card lies there as long as it likes; `remove` ends it
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._serve, name="vpcd card", daemon=True)
        self._thread.start()

    def remove(self) -> None:
        """Takes the card away; may be called twice."""
        with suppress(OSError):  # the other side may have left before
            self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=CONNECT_S)
        self._line.close()

    def wait(self, seconds: float) -> bool:
        """Whether the card has left within so many seconds, by itself or because vpcd went."""
        self._thread.join(timeout=seconds)
        return not self._thread.is_alive()

    def __enter__(self) -> "VpcdField":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def _serve(self) -> None:
        try:
            while True:
                answer = self._answer(self._receive(int.from_bytes(self._receive(2), "big")))
                if answer is not None:
                    self._line.sendall(len(answer).to_bytes(2, "big") + answer)
        except (OSError, EOFError):  # `Unavailable` is an OSError: the card left
            self._card.reset()
        finally:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _answer(self, body: bytes) -> bytes | None:
        self.asked.set()
        if body == _GET_ATR:
            return ATR
        if body in {_OFF, _ON, _RESET}:
            self._card.reset()
            return None
        return self._card.answer(body)

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            # vpcd sends length and body apart; a delayed acknowledgement costs 40 ms each.
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            part = self._line.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data
