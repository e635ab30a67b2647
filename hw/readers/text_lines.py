"""Texts out of bytes that come in pieces and may be damaged. Knows no port and no clock. (pure)

`b"YP1:6BF...\\r\\n"` is one text. What has no end is ended by a pause of the line, so half a text
that was cut off does not damage the one behind it.
"""

MIN_TEXT, MAX_TEXT = 4, 1024
"""Bytes of a text. A code of Yardpass has up to 745; what is shorter than 4 is noise."""
_ENDS = b"\r\n"


class TextLines:
    """Collects bytes and gives texts. `dropped` counts what was too long or no text at all."""

    def __init__(self) -> None:
        self.dropped = 0
        self._bytes = bytearray()
        self._is_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """The texts that `data` completes."""
        found = []
        for piece in data.replace(b"\r", b"\n").splitlines(keepends=True):
            self._add(piece.rstrip(_ENDS))
            if piece[-1:] == b"\n":
                found += self.pause()
        return found

    def pause(self) -> list[bytes]:
        """The line was silent: what is there is all."""
        text, is_long = bytes(self._bytes), self._is_long
        self._bytes.clear()
        self._is_long = False
        if len(text) >= MIN_TEXT and not is_long and is_text(text):
            return [text]
        self.dropped += bool(text)
        return []

    def _add(self, piece: bytes) -> None:
        room = MAX_TEXT - len(self._bytes)
        self._is_long = self._is_long or len(piece) > room
        self._bytes += piece[:room]


def is_text(data: bytes) -> bool:
    """Whether this can be what a code carries: UTF-8 without control characters. Noise of a line
    rarely is."""
    try:
        return data.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False
