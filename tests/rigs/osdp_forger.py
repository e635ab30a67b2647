"""A reader that lies: answers OSDP without knowing any key, byte by byte as it likes."""

import threading

ACK, NAK, PDID, PDCAP, RAW, CCRYPT, RMAC_I = 0x40, 0x41, 0x45, 0x46, 0x50, 0x76, 0x78
POLL, ID, CAP, CHLNG, SCRYPT = 0x60, 0x61, 0x62, 0x76, 0x77
CARD = bytes.fromhex("c0ffee42")  # 32 bits that no honest card in these tests has
PLAIN_CARD = bytes([RAW, 0, 0, 32, 0]) + CARD
IDENTITY = bytes([PDID, 1, 2, 3, 1, 1, 4, 5, 6, 7, 1, 0, 0])


def capabilities(*, secure):
    return bytes([PDCAP, 9, secure, secure, 8, 1, 0, 3, 1, 1])


def crc(data):
    """CRC-16 of SIA OSDP 2.2: polynomial 1021, first value 1D0F."""
    value = 0x1D0F
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def frame(address, control, body, *, block=b""):
    """A reply. `block` is a security block."""
    control = control & 3 | 4 | (8 if block else 0)
    content = block + body
    head = bytes([0x53, address | 0x80]) + (7 + len(content)).to_bytes(2, "little")
    packet = head + bytes([control]) + content
    return packet + crc(packet).to_bytes(2, "little")


def commands(buffer):
    """Takes whole commands off the front of `buffer`: (control, code, the rest)."""
    while (start := buffer.find(0x53)) >= 0:
        del buffer[:start]
        length = int.from_bytes(buffer[2:4], "little")
        if len(buffer) < 4 or len(buffer) < length:
            return
        packet = bytes(buffer[:length])
        del buffer[:length]
        control = packet[4]
        content = packet[5 + (packet[5] if control & 8 else 0) :]
        yield control, content[0], content[1:]


class Forger:
    """Answers each command code as `answers` says; what it has no answer for, with `otherwise`.

    `asked` is every code that came. An answer may be a function of the command's data.
    """

    def __init__(self, wire, address, answers, *, otherwise=PLAIN_CARD, block=b""):
        self.asked = []
        self._wire, self._address = wire, address
        self._answers, self._otherwise, self._block = answers, otherwise, block
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="forger", daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join(1)

    def answer(self, control, code, data):
        """The bytes that go back."""
        answer = self._answers.get(code, self._otherwise)
        body = answer(data) if callable(answer) else answer
        return frame(self._address, control, body, block=self._block)

    def _run(self):
        buffer = bytearray()
        while not self._stop.wait(0.005):
            buffer += self._wire.read(4096)
            for control, code, data in commands(buffer):
                self.asked.append(code)
                self._wire.write(self.answer(control, code, data))
