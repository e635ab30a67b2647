"""What a console and the gate say to each other, in bytes and back. Pure.

?                                        how are you
~                                        judge a code that nobody issued: + if it is refused
! 00000000000f4240 0131 7961...          when it was sent (ms of the machine's monotonic
                                         clock), a signed note, the plain remark of an act
+ done                                   it is done
- stuck                                  it is not, and why in one word, a space, a sentence
= {"door": "closed", ...}                how the gate is
"""

import enum
import json
from typing import NamedTuple

from ledger_sync.act import MAX_NOTE
from ledger_sync.errors import Refused

ASK, TRY = b"?", b"~"
DO, DONE, NOT_DONE, STATE = b"!", b"+", b"-", b"="
MAX_REMARK = 256  # bytes of its plain form
HEAD_BYTES = 1 + 8 + 2
MAX_PACKET = HEAD_BYTES + MAX_NOTE + MAX_REMARK
MAX_ANSWER = 16_384
MAX_DEVICES = 16
MAX_FAULT = 160  # characters


class Why(enum.StrEnum):
    """Why a gate did not do what a guard signed."""

    FORM = "form"  # nothing that can be read
    SIGNER = "signer"  # no guard of the ledger signed it
    TIME = "time"  # the clocks of console and gate differ
    AGAIN = "again"  # it was done before
    PLACE = "place"  # it is for another terminal or gate
    LATE = "late"  # it came too late: who signed it was told that the gate does not answer
    STUCK = "stuck"  # the gate stands open and does not close
    RELAY = "relay"
    DISK = "disk"  # it cannot be recorded, or nothing can be judged
    LEDGER = "ledger"  # an order or a deny note that does not count
    GONE = "gone"  # the gate does not answer (said by the console's side)


class Request(NamedTuple):
    """A note that a guard signed, the plain form of the remark of an act, and when it was sent, in
    milliseconds of the machine's monotonic clock."""

    note: bytes
    remark: bytes = b""
    sent_ms: int = 0

    def to_bytes(self) -> bytes:
        """Raises `Refused` for a note or a remark that is too long."""
        if len(self.note) > MAX_NOTE or len(self.remark) > MAX_REMARK:
            raise Refused(f"a note of {len(self.note)} bytes, at most {MAX_NOTE}")
        sizes = self.sent_ms.to_bytes(8, "big") + len(self.note).to_bytes(2, "big")
        return DO + sizes + self.note + self.remark


class Answer(NamedTuple):
    """Whether it was done; else why not, with a sentence for whoever mends it."""

    is_done: bool
    why: Why | None = None
    detail: str = ""

    def to_bytes(self) -> bytes:
        if self.is_done:
            return DONE
        return (NOT_DONE + f"{self.why} {self.detail}".encode(errors="replace"))[:MAX_ANSWER]


class State(NamedTuple):
    """How a gate is: state of the door (gate.door.State), what holds there (gate.events.Fact), the
    grade of the clock, (device, fault) of each that failed, why nothing can be recorded."""

    door: str = ""
    facts: tuple[str, ...] = ()
    clock: str = ""
    faults: tuple[tuple[str, str], ...] = ()
    fault: str = ""

    def to_bytes(self) -> bytes:
        faults = [(name[:40], why[:MAX_FAULT]) for name, why in self.faults[:MAX_DEVICES]]
        body = {**self._asdict(), "fault": self.fault[:MAX_FAULT], "faults": faults}
        return STATE + json.dumps(body, ensure_ascii=False).encode(errors="replace")


def request_of(packet: bytes) -> Request:
    """The request in a packet that begins with `DO`. Raises `Refused`."""
    length = int.from_bytes(packet[9:HEAD_BYTES], "big")
    end = HEAD_BYTES + length
    note, remark = packet[HEAD_BYTES:end], packet[end:]
    if packet[:1] != DO or len(note) != length or not note:
        raise Refused("not a request of a console")
    found = Request(note, remark, int.from_bytes(packet[1:9], "big"))
    found.to_bytes()
    return found


def answer_of(packet: bytes) -> Answer | State:
    """What the gate says. Raises `Refused` for anything else."""
    text = packet[1:].decode(errors="replace")
    if packet == DONE:
        return Answer(True)
    if packet[:1] == NOT_DONE:
        word, _, detail = text.partition(" ")
        if word in set(Why):
            return Answer(False, Why(word), detail)
    if packet[:1] == STATE:
        return _state_of(text)
    raise Refused("not an answer of a gate")


def _state_of(text: str) -> State:
    try:
        match json.loads(text):
            case {
                "door": str(door),
                "facts": list(facts),
                "clock": str(clock),
                "faults": list(faults),
                "fault": str(fault),
            } if all(isinstance(one, str) for one in facts):
                pairs = tuple((str(name), str(why)) for name, why in faults)
                return State(door, tuple(facts), clock, pairs, fault)
            case _:
                pass
    except (ValueError, TypeError, RecursionError):
        pass
    raise Refused("not how a gate is")
