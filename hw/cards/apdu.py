"""Commands to a card and its answers: APDUs of ISO/IEC 7816-4 (2020) section 5. Pure.

    00A40400 08 A000000898000001 00  ->  5C020100 9000

A command: class, instruction, two parameters, length and data, expected length. An answer: data,
then two bytes of status. A long answer comes in rounds: 61xx says that more is to be fetched.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from hw.cards.tlv import refused

Transmit: TypeAlias = Callable[[bytes], bytes]
"""Sends a command to the card and gives its answer. Raises `Unavailable` when the card is gone."""

MAX_PART = 256  # bytes of data in one round, the most that a short expected length asks for
MAX_ANSWER = 4_096  # bytes of data in all rounds of one answer
MAX_ROUNDS = 32  # rounds of one answer
MAX_EXCHANGES = 160  # commands to one card in one tap

OK = 0x9000
_MORE = 0x61  # more data waits; ISO/IEC 7816-4 table 6
_WRONG_LENGTH = 0x6C  # ask again with this expected length; table 6
_GET_RESPONSE = 0xC0


class Answer(NamedTuple):
    """The data of all rounds, and the last status."""

    data: bytes
    status: int

    @property
    def is_ok(self) -> bool:
        return self.status == OK


def command(head: str, data: bytes = b"", *, expects: int | None = None) -> bytes:
    """A short command: `head` is class, instruction and parameters in hex; `expects` how many
    bytes are to come back, 256 for any number, None for none."""
    body = bytes((len(data),)) + data if data else b""
    tail = b"" if expects is None else bytes((expects % MAX_PART,))
    return bytes.fromhex(head) + body + tail


def answer_of(response: bytes) -> Answer:
    """One round taken apart. Raises `Refused` (R-CARD)."""
    if not 2 <= len(response) <= MAX_PART + 2:
        raise refused(f"an answer of {len(response)} bytes, 2 to {MAX_PART + 2} are possible")
    return Answer(response[:-2], int.from_bytes(response[-2:], "big"))


class Channel:
    """The commands of one tap, counted: no card keeps a reader busy for ever."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._left = MAX_EXCHANGES

    def ask(self, sent: bytes) -> Answer:
        """The whole answer to a command. Raises `Refused` (R-CARD) for an answer
        out of bounds, and what `transmit` raises."""
        part = self._exchange(sent)
        if part.status >> 8 == _WRONG_LENGTH and len(sent) in {5, 6 + sent[4]}:
            part = self._exchange(sent[:-1] + bytes((part.status & 0xFF,)))
        data = part.data
        for _ in range(MAX_ROUNDS):
            if part.status >> 8 != _MORE:
                return Answer(data, part.status)
            part = self._exchange(bytes((0, _GET_RESPONSE, 0, 0, part.status & 0xFF)))
            data += part.data
            if len(data) > MAX_ANSWER:
                raise refused(f"an answer of more than {MAX_ANSWER} bytes")
        raise refused(f"an answer in more than {MAX_ROUNDS} rounds")

    def _exchange(self, sent: bytes) -> Answer:
        if not self._left:
            raise refused(f"more than {MAX_EXCHANGES} commands for one card")
        self._left -= 1
        return answer_of(self._transmit(sent))
