"""What terminals say is bytes in one spelling: each message reads back, nothing else is read."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync import cbor, frames
from ledger_sync.batch import MAX_SEALED_BUNDLE, Batch
from ledger_sync.errors import Refused
from ledger_sync.frame_reader import FrameReader, message_of
from ledger_sync.frames import (
    MAX_FRAME,
    Ack,
    Closed,
    Deny,
    Done,
    Evidence,
    File,
    Hello,
    Kind,
    Parts,
    Row,
    WantFeed,
    WantFile,
    WantRows,
)
from ledger_sync.note import MAX_NOTE

KID, INCARNATION = b"terminal", b"\0incarn8"
ROW = Row(KID, INCARNATION, 2**40, b"rootroot")
BATCH = Batch(KID, INCARNATION, 256, 1, "head\n\n— sig\n", b"\0\x03abc", b"\x01s")
MESSAGES = [
    Hello(KID, b"", (), (), (), ()),
    Hello(KID, b"note", (ROW, ROW), (Closed(KID, 7, bytes(16)),), (b"denial 1",), (b"proof  1",)),
    Parts(BATCH),
    Parts(BATCH._replace(start=0, count=256, bundle=bytes(512), sealed=b"")),
    File("tile/entries/000", 512, 1_024, b"x" * 512),
    File("bridge/1", 0, 0, b""),
    Done(),
    Ack(KID, INCARNATION, b"head"),
    Deny(b"note"),
    Evidence(b"", b"one", b"other"),
    Evidence(KID, b"one", b"other"),
    WantFile("checkpoint", 0),
    WantRows(KID),
    WantFeed(Row(KID, INCARNATION, 3, b"rootroot")),
]
BYTES = [message.to_bytes() for message in MESSAGES]


def framed(kind, item):
    body = item if isinstance(item, bytes) else cbor.encode(item)
    return struct.pack(">IB", len(body), kind) + body


def read(data):
    return list(FrameReader().feed(data))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_reads_back_as_it_was_said(message):
    assert read(message.to_bytes()) == [message]


def test_a_stream_reads_the_same_in_one_piece_and_byte_by_byte():
    reader, found = FrameReader(), []

    for byte in b"".join(BYTES):
        found += reader.feed(bytes((byte,)))

    assert found == MESSAGES == read(b"".join(BYTES))
    assert reader.held == 0


def test_an_unfinished_frame_is_held_and_nothing_else():
    reader = FrameReader()

    found = list(reader.feed(BYTES[1] + BYTES[2][:-1]))

    assert found == [MESSAGES[1]]
    assert reader.held == len(BYTES[2]) - 1


@pytest.mark.parametrize("size", [2**32 - 1, MAX_FRAME + 1])
def test_a_length_past_a_mebibyte_is_refused_before_a_byte_of_it_comes(size):
    with pytest.raises(Refused, match="at most 1048576") as caught:
        read(struct.pack(">IB", size, Kind.BUNDLE))

    assert caught.value.reason == "R-LEDGER"


def test_the_largest_bundle_with_all_that_goes_with_it_fits_a_frame():
    largest = BATCH._replace(
        start=2**32 - 256,
        count=256,
        note="x" * MAX_NOTE,
        bundle=bytes(frames.MAX_PARTS),
        sealed=bytes(MAX_SEALED_BUNDLE),
    )

    data = Parts(largest).to_bytes()

    assert read(data) == [Parts(largest)]


def test_the_largest_hello_fits_a_frame():
    rows, closed = (ROW,) * frames.MAX_ROWS, (Closed(KID, 1, bytes(16)),) * frames.MAX_CLOSED
    marks = (bytes(8),) * frames.MAX_MARKS

    data = Hello(KID, bytes(MAX_NOTE), rows, closed, marks, marks).to_bytes()

    assert len(data) < MAX_FRAME
    assert read(data)[0].rows == rows


def test_a_body_past_a_mebibyte_is_refused_undecoded():
    with pytest.raises(Refused, match="type 4 and 1048577 bytes"):
        message_of(Kind.ACK, bytes(MAX_FRAME + 1))


@pytest.mark.parametrize("kind", [0, 8, 255])
def test_a_frame_of_no_type_is_refused(kind):
    with pytest.raises(Refused, match=f"type {kind}"):
        read(framed(kind, []))


def test_what_stands_before_a_fault_is_heard():
    reader = FrameReader()
    stream = reader.feed(BYTES[6] + framed(9, []))

    first = next(stream)

    assert first == Done()
    with pytest.raises(Refused):
        next(stream)


HELLO = [frames.VERSION, KID, b"", b"", b"", b"", b""]


def hello(**changes):
    names = ("version", "kid", "note", "rows", "closed", "denials", "evidence")
    return [changes.get(name, value) for name, value in zip(names, HELLO, strict=True)]


@pytest.mark.parametrize(
    ("kind", "item", "why"),
    [
        (Kind.HELLO, hello(version=2), "version 2, this terminal speaks 1"),
        (Kind.HELLO, hello(version=b"\x01"), "another content"),
        (Kind.HELLO, hello(kid=b"short"), "another content"),
        (Kind.HELLO, hello(note=bytes(16_385)), "another content"),
        (Kind.HELLO, hello(rows=bytes(33)), "rows of 32"),
        (Kind.HELLO, hello(rows=bytes(32 * 24_001)), "at most 24000"),
        (Kind.HELLO, hello(closed=bytes(27)), "rows of 28"),
        (Kind.HELLO, hello(closed=bytes(28 * 4_097)), "at most 4096"),
        (Kind.HELLO, hello(denials=bytes(9)), "marks of 8"),
        (Kind.HELLO, hello(evidence=bytes(8 * 1_025)), "at most 1024 marks"),
        (Kind.HELLO, [*HELLO, b""], "another content"),
        (Kind.HELLO, "hello", "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, 0, 0, b"", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, 0, 257, b"", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, -1, 1, b"", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, 2**32, 1, b"", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, b"short", 0, 1, b"", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, 0, 1, b"\xff", b"", b""], "another content"),
        (Kind.BUNDLE, [KID, INCARNATION, 0, 1, bytes(16_385), b"", b""], "another content"),
        (
            Kind.BUNDLE,
            [KID, INCARNATION, 0, 1, b"", bytes(frames.MAX_PARTS + 1), b""],
            "another content",
        ),
        (Kind.BUNDLE, [KID, INCARNATION, 0, 1, b"", b"", bytes(70_000)], "another content"),
        (Kind.BUNDLE, ["x" * 129, 0, 1, b"x"], "another content"),
        (Kind.BUNDLE, ["x", 1, 1, b"x"], "another content"),
        (Kind.BUNDLE, ["x", -1, 1, b"x"], "another content"),
        (Kind.BUNDLE, ["x", 0, 2**26 + 1, b"x"], "another content"),
        (Kind.BUNDLE, ["x", 0, 2**20, bytes(2**19 + 1)], "another content"),
        (Kind.BUNDLE, [], "another content"),
        (Kind.DONE, [1], "another content"),
        (Kind.ACK, [KID, INCARNATION, bytes(2_049)], "another content"),
        (Kind.ACK, [KID, KID + b"x", b""], "another content"),
        (Kind.DENY, [bytes(16_385)], "another content"),
        (Kind.DENY, ["text"], "another content"),
        (Kind.EVIDENCE, [b"x", b"", b""], "another content"),
        (Kind.EVIDENCE, [b"", bytes(16_385), b""], "another content"),
        (Kind.EVIDENCE, [b"", b"", bytes(16_385)], "another content"),
        (Kind.WANT, [], "another content"),
        (Kind.WANT, [b"short"], "another content"),
        (Kind.WANT, ["x", -1], "another content"),
        (Kind.WANT, ["x", 2**26 + 1], "another content"),
        (Kind.WANT, ["x" * 129, 0], "another content"),
        (Kind.WANT, [KID, INCARNATION, 2**32, b"rootroot"], "another content"),
        (Kind.WANT, [KID, INCARNATION, 1, b"root"], "another content"),
        (Kind.WANT, [KID, b"", 1, b"rootroot"], "another content"),
        (Kind.DONE, b"\x81", "middle of an item"),
        (Kind.DONE, b"\x9f\xff", "strict profile"),
        (Kind.WANT, b"\x98\x01\x48terminal", "shortest form"),
    ],
)
def test_every_other_content_is_refused(kind, item, why):
    with pytest.raises(Refused, match=why) as caught:
        read(framed(kind, item))

    assert caught.value.reason == "R-LEDGER"


def said(data):
    """The messages in a stream up to its first fault."""
    reader, found = FrameReader(), []
    try:
        for message in reader.feed(data):
            found.append(message)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
    assert reader.held <= MAX_FRAME + 5
    return found


@st.composite
def mutated(draw):
    data = draw(st.sampled_from([*BYTES, b"".join(BYTES)]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.sampled_from([0, 1, 1, 4, len(data)]))
        data = data[:start] + draw(st.binary(max_size=5)) + data[stop:]
    return data


@settings(max_examples=300, deadline=None)
@given(mutated() | st.binary(max_size=60))
def test_any_bytes_are_messages_in_their_one_spelling_or_refused(data):
    found = said(data)

    spelled = b"".join(message.to_bytes() for message in found)
    assert data.startswith(spelled)


@settings(max_examples=100, deadline=None)
@given(mutated(), st.lists(st.integers(0, 400), max_size=6))
def test_how_bytes_are_cut_changes_nothing(data, cuts):
    reader, found = FrameReader(), []
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    try:
        for start, stop in pairwise(places):
            for message in reader.feed(data[start:stop]):
                found.append(message)
    except Refused:
        pass

    assert found == said(data)


@pytest.mark.parametrize("data", BYTES, ids=range(len(BYTES)))
def test_good_bytes_with_any_bit_flipped_are_one_spelling_or_refused(data):
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8

        found = said(bytes(flipped))

        assert bytes(flipped).startswith(b"".join(message.to_bytes() for message in found))
