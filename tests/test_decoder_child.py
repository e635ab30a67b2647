"""The messages of the decoding process, and its loop run in this one."""

import mmap
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from hw import codes, decoder_child
from hw.codes import Effort, Scanner
from hw.decoder_child import encode_reply, parse_reply
from hw.errors import Refused
from hw.sim.optics import Shot
from hw.sim.photos import photograph

PAYLOAD = b"YP1:7K9%2ABF.QQ0/CC+ZZ $1XX:40-*E"
GOOD = photograph(PAYLOAD.decode(), Shot(), seed=5)


def test_the_child_answers_until_its_channel_ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    slot = mmap.mmap(-1, GOOD.size)
    slot[:] = GOOD.tobytes()
    with ours, theirs, slot:
        ours.send(decoder_child.REQUEST.pack(7, *GOOD.shape, Effort.QUICK))
        ours.shutdown(socket.SHUT_WR)

        decoder_child.serve(theirs.fileno(), slot, Scanner())

        assert parse_reply(ours.recv(4096), 7) == [PAYLOAD]


def test_the_example_in_the_docstring_is_a_reply():
    assert parse_reply(bytes.fromhex("07000000 0100 0400 5950313a"), 7) == [b"YP1:"]


REPLIES = st.builds(
    lambda payloads: encode_reply(7, payloads),
    st.lists(st.binary(min_size=1, max_size=20), unique=True, max_size=5),
)


@given(st.binary(max_size=80).map(lambda rest: bytes.fromhex("07000000") + rest) | REPLIES)
@example(b"")
@example(bytes(6))
@example(bytes.fromhex("07000000 0200 0100 61 0100 61"))
@example(bytes.fromhex("07000000 0101") + b"\x01\x00a" * 257)
@example(bytes.fromhex("07000000 0100 0102") + bytes(513))
@example(bytes(decoder_child.MAX_REPLY_BYTES + 1))
def test_a_reply_is_parsed_or_refused_and_nothing_else(message):
    """Invariant: what is accepted is bounded, and is exactly what the writer writes for it."""
    try:
        payloads = parse_reply(message, 7)
    except Refused as refusal:
        assert refusal.reason == "R-DECODER"
        return
    assert encode_reply(7, payloads) == message
    assert codes.bounded(payloads) == payloads


@given(REPLIES, st.integers(0, 200), st.integers(1, 255))
def test_a_reply_with_one_byte_changed_or_missing_never_reads_past_its_end(reply, at, change):
    """Invariant: parsed or refused, as above, for replies that are almost right."""
    changed = bytearray(reply)
    changed[at % len(changed)] ^= change

    for message in (bytes(changed), reply[: at % len(reply)]):
        try:
            assert encode_reply(7, parse_reply(message, 7)) == message
        except Refused:
            continue
