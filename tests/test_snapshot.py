"""A snapshot file is read back as it was written, and anything else is refused within bounds."""

import hashlib
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import full_yard

from ledger_sync import cbor, snapshot
from ledger_sync.errors import Refused
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.replica import Replica
from ledger_sync.snapshot import MAGIC, MAX_ROW, Image, opened, packed, with_partial
from ledger_sync.state_digest import TABLES, rows_of, state_digest
from ledger_sync.store import Store

ROWS = [["rule", "gate", 7, b"{}"], ["status", 131_079, 1], ["ledger", 0]]
COLUMNS = st.lists(
    st.none() | st.integers(-(2**64), 2**64 - 1) | st.text(max_size=9) | st.binary(max_size=99),
    max_size=12,
)
STATES = st.lists(st.tuples(st.sampled_from(sorted(TABLES)), COLUMNS), max_size=20)
SIZES = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 700]


def bodies(size):
    return [number.to_bytes(8, "big") for number in range(size)]


def record(row):
    return len(row).to_bytes(4, "big") + row


def deflated(*rows, behind=b""):
    """A file whose rows are these bytes, whatever they are."""
    return MAGIC + zlib.compress(b"".join(map(record, rows)) + behind)


def head(size=3):
    """The first row of a file at `size`."""
    frontier = frontier_of(bodies(size))
    return cbor.encode([size, b"".join(frontier.peaks)])


def file_of(rows=ROWS, size=3):
    return packed(frontier_of(bodies(size)), map(cbor.encode, rows))


def read(file):
    """All there is to a file: its frontier, its rows, their digest."""
    image = opened(file)
    rows = [[table, *columns] for table, columns in image.rows()]
    return image.frontier.size, image.frontier.peaks, rows, image.digest()


def refused(file, why):
    with pytest.raises(Refused, match=why) as caught:
        read(file)
    assert caught.value.reason == "R-LEDGER"


# What is written is read back.


@given(STATES, st.integers(0, 600))
@settings(max_examples=40, deadline=None)
def test_what_is_packed_is_read_back(state, size):
    rows = [[table, *columns] for table, columns in state]
    spelled = [cbor.encode(row) for row in rows]
    frontier = frontier_of(bodies(size))

    file = packed(frontier, spelled)

    digest = hashlib.sha256(b"".join(map(record, spelled))).digest()
    assert read(file) == (size, frontier.peaks, rows, digest)
    assert file == packed(frontier, spelled) and file.startswith(b"yardpass-snapshot-1\n")


def test_the_file_of_a_whole_state_has_its_digest(tmp_path):
    held = full_yard(tmp_path)
    with Store.create(tmp_path / "held.db", origin=held.origin, floor=0) as store:
        Replica(store).append(held.entries, trust=held.trust)
        rows = list(rows_of(store.db))
        image = opened(packed(held.frontier, rows))

        assert image.digest() == state_digest(store.db)

    found = [cbor.encode([table, *columns]) for table, columns in image.rows()]
    assert found == rows
    assert {table for table, _ in image.rows()} == set(TABLES)


def test_rows_that_lie_across_the_steps_of_inflating_are_whole():
    rows = [["blob", number, bytes([number]) * (MAX_ROW - 99)] for number in range(40)]

    assert read(file_of(rows))[2] == rows


def test_a_row_may_be_as_long_as_the_bound_and_no_longer():
    room = MAX_ROW - len(cbor.encode(["blob", bytes(MAX_ROW - 16)])) + MAX_ROW - 16
    longest = ["blob", bytes(room)]

    assert len(cbor.encode(longest)) == MAX_ROW
    assert read(file_of([longest]))[2] == [longest]
    refused(deflated(head(), cbor.encode(["blob", bytes(room + 1)])), f"a row of {MAX_ROW + 1}")


# What nobody wrote is refused.


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "not a snapshot file"),
        (MAGIC[:-1], "not a snapshot file"),
        (b"\n" + file_of(), "not a snapshot file"),
        (b"yardpass-snapshot-2\n" + file_of()[len(MAGIC) :], "not a snapshot file"),
        (MAGIC, "ends early, or is too large"),
        (MAGIC + b"not zlib", "does not inflate"),
        (MAGIC + zlib.compress(b"")[:-1], "ends early"),
        (MAGIC + zlib.compress(b""), "without a frontier"),
        (MAGIC + zlib.compress(b"\0\0\0"), "ends early"),
        (MAGIC + b"\x1f\x8b\x08\x00" + bytes(9), "does not inflate"),
        (file_of() + b"\n", "bytes behind the snapshot"),
        (file_of() + file_of(), "bytes behind the snapshot"),
        (deflated(head(), behind=b"\0"), "ends early"),
        (deflated(head(), behind=b"\0\0\0\x09" + bytes(8)), "ends early"),
        (deflated(head(), behind=b"\xff\xff\xff\xff"), "a row of 4294967295 bytes"),
        (deflated(head(), behind=(MAX_ROW + 1).to_bytes(4, "big")), "a row of 131073 bytes"),
        (deflated(head(), b""), "a row: ends in the middle"),
        (deflated(head(), b"\x82\x64rule"), "a row: ends in the middle"),
        (deflated(head(), b"\x82\x64rule\x18\x07"), "a row: 7 is not in its shortest form"),
        (deflated(head(), b"\x81\x64rule\x00"), "a row: 1 bytes after the end"),
        (deflated(head(), cbor.encode([])), "a row of no table"),
        (deflated(head(), cbor.encode("rule")), "a row of no table"),
        (deflated(head(), cbor.encode({1: "rule"})), "a row of no table"),
        (deflated(head(), cbor.encode([b"rule", "gate"])), "a row of no table"),
        (deflated(head(), cbor.encode(["denial", 7, 9, "k", b""])), "a row of no table"),
        (deflated(head(), cbor.encode(["base", 1, 0, b""])), "a row of no table"),
        (deflated(head(), head()), "a row of no table"),
        (deflated(b""), "a row: ends in the middle"),
        (deflated(cbor.encode(["rule", "gate"])), "without a frontier"),
        (deflated(cbor.encode([0, b"", b""])), "without a frontier"),
        (deflated(cbor.encode([0, ""])), "without a frontier"),
        (deflated(cbor.encode([False, b""])), "without a frontier"),
        (deflated(cbor.encode([True, bytes(32)])), "without a frontier"),
        (deflated(cbor.encode([1, bytes(31)])), "without a frontier"),
        (deflated(cbor.encode([1, bytes(33)])), "without a frontier"),
        (deflated(cbor.encode([1, b""])), "a frontier of size 1 has 1 hashes"),
        (deflated(cbor.encode([2, bytes(64)])), "a frontier of size 2 has 1 hashes"),
        (deflated(cbor.encode([-1, bytes(32)])), "a frontier of size -1"),
        (deflated(cbor.encode([2**64 - 1, bytes(32)])), "has 64 hashes"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused_and_says_why(file, why):
    refused(file, why)


def test_a_file_cut_short_anywhere_is_refused():
    file = file_of()

    for end in range(len(file)):
        refused(file[:end], "snapshot: ")
        with pytest.raises(Refused):
            opened(file[:end]).digest()


def test_no_flipped_bit_anywhere_gives_another_snapshot():
    file = file_of([*ROWS, ["blob", "update", bytes(range(200)), 1, ""]])
    refusals = 0

    for bit in range(len(file) * 8):
        flipped = bytearray(file)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            assert read(bytes(flipped)) == read(file)  # a bit that zlib does not look at
        except Refused as refusal:
            refusals += refusal.reason == "R-LEDGER"

    assert refusals > len(file) * 8 - 8


def test_a_file_above_the_bound_is_not_looked_into(monkeypatch):
    file = file_of()
    monkeypatch.setattr(snapshot, "MAX_FILE", len(file))
    assert read(file)[2] == ROWS

    refused(file + b"\n", "not a snapshot file")


SPOILED = st.one_of(
    st.binary(max_size=400),
    st.binary(max_size=400).map(lambda data: MAGIC + data),
    st.binary(max_size=400).map(lambda data: MAGIC + zlib.compress(data)),
    st.lists(st.binary(max_size=40), max_size=6).map(lambda rows: deflated(*rows)),
    st.lists(st.binary(max_size=40), max_size=6).map(lambda rows: deflated(head(), *rows)),
    st.tuples(STATES, st.binary(max_size=9)).map(
        lambda parts: deflated(head(), *map(cbor.encode, parts[0]), behind=parts[1])
    ),
)


@given(SPOILED)
@settings(max_examples=250, deadline=None)
def test_any_bytes_are_an_image_with_rows_or_refused(file):
    """Any bytes: an image whose rows are all of known tables, or `Refused` (R-LEDGER)."""
    try:
        size, peaks, rows, _ = read(file)
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER" and str(refusal).startswith("snapshot: ")
    else:
        again = packed(Frontier(size, peaks), map(cbor.encode, rows))
        assert read(again) == read(file)  # one spelling of every row


# Bounds.


def bomb(row, megabytes):
    """A file of so many inflated megabytes of this row again and again, and never an end."""
    deflate = zlib.compressobj(9)
    start = deflate.compress(record(head())) + deflate.flush(zlib.Z_FULL_FLUSH)
    rows = record(row) * ((1 << 20) // len(record(row)))
    once = deflate.compress(rows) + deflate.flush(zlib.Z_FULL_FLUSH)
    return MAGIC + start + once * megabytes


USES = pytest.mark.parametrize("use", [Image.digest, lambda image: len(list(image.rows()))])


@USES
def test_a_file_that_inflates_without_end_is_refused_within_little_memory(monkeypatch, use):
    row = cbor.encode(["rule", bytes(MAX_ROW - 99)])
    image = opened(bomb(row, 2_000))
    assert len(image.file) < 4 << 20
    monkeypatch.setattr(snapshot, "MAX_INFLATED", 8 << 20)

    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="is too large") as caught:
            use(image)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert caught.value.reason == "R-LEDGER"
    assert peak < 4 * len(image.file) + (16 << 20)


@USES
def test_a_file_may_inflate_to_the_bound_and_no_further(monkeypatch, use):
    image = opened(deflated(head(), *[cbor.encode(["rule", bytes(MAX_ROW - 99)])] * 40))
    size = len(zlib.decompress(image.file[len(MAGIC) :]))
    monkeypatch.setattr(snapshot, "MAX_INFLATED", size)
    assert use(image)

    monkeypatch.setattr(snapshot, "MAX_INFLATED", size - 1)
    with pytest.raises(Refused, match="is too large"):
        use(image)


def test_opening_inflates_no_more_than_the_first_step():
    file = bomb(b"\xff" * 99, 4_000)  # four times what is ever inflated, and no row holds

    tracemalloc.start()
    try:
        assert opened(file).frontier.size == 3
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * len(file) + (8 << 20)


def test_a_row_that_promises_much_is_refused_before_it_is_read():
    file = MAGIC + zlib.compress(record(head()) + b"\x7f\xff\xff\xff" + bytes(1 << 20))

    refused(file, "a row of 2147483647 bytes")


# The entries before it in its own bundle.


@pytest.mark.parametrize("size", SIZES)
def test_the_entries_before_a_snapshot_are_taken_if_they_lead_to_its_frontier(size):
    image = opened(file_of(size=size))
    partial = bodies(size)[size // 256 * 256 :]

    found = with_partial(image, partial)

    assert found == image._replace(partial=tuple(partial))
    assert list(found.rows()) == list(image.rows())


@pytest.mark.parametrize("size", SIZES)
def test_other_entries_before_a_snapshot_are_refused(size):
    image, partial = opened(file_of(size=size)), bodies(size)[size // 256 * 256 :]
    others = [
        [*partial, b"more"],
        [b"other", *partial],
        partial[:-1] if partial else [b""],
        [*partial[:-1], b"other"],
        *([partial[::-1]] if len(partial) > 1 else []),
    ]

    for other in others:
        with pytest.raises(Refused, match="are not those of its frontier") as caught:
            with_partial(image, other)
        assert caught.value.reason == "R-LEDGER"


def test_two_entries_that_hash_to_a_peak_are_not_the_one_it_stands_for():
    """Else a file could say one size, and the entries before it another."""
    first, second = bodies(2)
    image = opened(deflated(cbor.encode([1, frontier_of([first, second]).peaks[0]])))

    with pytest.raises(Refused, match="are not those of its frontier"):
        with_partial(image, [first, second])
