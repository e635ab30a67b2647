"""The decoding process, and the messages on its channel.

Pictures arrive in shared memory that this process can only read. Requests and replies are single
messages on a socket pair:

    request  07 00 00 00 | d0 02 | 00 05 | 02            sequence 7, 720 rows, 1280 columns, effort
    reply    07 00 00 00 | 01 00 | 04 00 | 59 50 31 3a   sequence 7, one payload: its length, bytes

What starts it is `decoder.DecoderChild`. Knows no camera and nothing of what a payload means.
"""

import mmap
import os
import struct
from collections.abc import Iterable

import numpy as np

from hw import sandbox
from hw.codes import (
    MAX_PAYLOAD_BYTES,
    MAX_PAYLOAD_BYTES_IN_ALL,
    MAX_PAYLOADS,
    MAX_PICTURE_PX,
    Effort,
    Scanner,
)
from hw.errors import Refused

REQUEST = struct.Struct("<IHHB")
REPLY = struct.Struct("<IH")
LENGTH = struct.Struct("<H")

MAX_REPLY_BYTES = REPLY.size + MAX_PAYLOADS * LENGTH.size + MAX_PAYLOAD_BYTES_IN_ALL

MAX_REASON_BYTES = 500
"""Longest explanation of a process that cannot start."""

MAX_DESCRIPTORS = 4096
"""Descriptors above the channel that are closed, were there any."""

READY = b"ready"


def encode_reply(sequence: int, payloads: Iterable[bytes]) -> bytes:
    """One reply message; `payloads` are already within the bounds of `codes.bounded`."""
    listed = list(payloads)
    body = b"".join(LENGTH.pack(len(payload)) + payload for payload in listed)
    return REPLY.pack(sequence, len(listed)) + body


def parse_reply(message: bytes, sequence: int) -> list[bytes]:
    """The payloads of a reply to request `sequence`. Accepts what `encode_reply` makes, only.

    Raises `Refused` for any other length, count, sequence, order or repetition.
    """
    if not REPLY.size <= len(message) <= MAX_REPLY_BYTES:
        raise Refused(f"a reply of {len(message)} bytes", reason="R-DECODER")
    answered, count = REPLY.unpack_from(message)
    if answered != sequence or count > MAX_PAYLOADS:
        raise Refused(f"reply {answered} with {count} payloads to {sequence}", reason="R-DECODER")
    payloads: dict[bytes, None] = {}
    at = REPLY.size
    for _ in range(count):
        length = LENGTH.unpack_from(message, at)[0] if at + LENGTH.size <= len(message) else 0
        payload = message[at + LENGTH.size : at + LENGTH.size + length]
        if not 0 < length <= MAX_PAYLOAD_BYTES or len(payload) != length or payload in payloads:
            raise Refused(
                f"a payload of {length} bytes at byte {at} of a reply", reason="R-DECODER"
            )
        payloads[payload] = None
        at += LENGTH.size + length
    if at != len(message):
        raise Refused(f"{len(message) - at} bytes behind the last payload", reason="R-DECODER")
    return list(payloads)


def run(arguments: list[str]) -> None:
    """The child: load everything, lock, then look until the parent closes the channel."""
    channel, slot_file, parent = (int(text) for text in arguments[:3])
    try:
        slot = mmap.mmap(slot_file, MAX_PICTURE_PX, prot=mmap.PROT_READ)
        scanner = Scanner(arguments[3:])
        scanner.warm_up()
        os.closerange(3, channel)  # the picture stays mapped without its descriptors
        os.closerange(channel + 1, MAX_DESCRIPTORS)
        sandbox.lock()
    except (OSError, ValueError) as error:
        os.write(channel, str(error).encode()[:MAX_REASON_BYTES])
        os._exit(1)
    if os.getppid() == parent:  # else it died before the lock could bind this process to it
        os.write(channel, READY)
        serve(channel, slot, scanner)
    os._exit(0)


def serve(channel: int, slot: mmap.mmap, scanner: Scanner) -> None:
    """Answers requests, one at a time, until the channel ends."""
    while request := os.read(channel, REQUEST.size):
        sequence, height, width, effort = REQUEST.unpack(request)
        luma = np.frombuffer(slot, np.uint8, height * width).reshape(height, width)
        os.write(channel, encode_reply(sequence, scanner.read(luma, Effort(effort))))
