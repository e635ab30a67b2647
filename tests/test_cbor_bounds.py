"""The bounds of the strict codec: size, items, depth, and lengths that promise too much."""

import pytest

from ledger_sync import cbor
from ledger_sync.cbor import MAX_DEPTH, MAX_ENTRY, MAX_ITEMS, MAX_TOKEN, Tag18
from ledger_sync.errors import Refused


@pytest.mark.parametrize("size", [MAX_TOKEN, MAX_ENTRY])
def test_size_is_bounded_before_anything_is_read(size):
    fits = cbor.head(2, size - 3) + bytes(size - 3)
    over = cbor.head(2, size - 2) + bytes(size - 2)

    read = cbor.decode(fits, max_size=size)

    assert len(read) == size - 3
    with pytest.raises(Refused, match=f"at most {size}"):
        cbor.decode(over, max_size=size)


def test_a_token_is_bounded_by_default():
    with pytest.raises(Refused, match="4097 bytes, at most 4096"):
        cbor.decode(b"\x59\x0f\xfe" + bytes(4094))


@pytest.mark.parametrize(
    ("start", "one"), [(b"\x99", b"\x00"), (b"\xb9", None)], ids=["array", "map"]
)
def test_one_container_holds_256_items_and_no_more(start, one):
    items = [one or cbor.encode(number) + b"\x00" for number in range(MAX_ITEMS + 1)]
    fits = start + b"\x01\x00" + b"".join(items[:-1])
    over = start + b"\x01\x01" + b"".join(items)

    assert len(cbor.decode(fits)) == MAX_ITEMS
    with pytest.raises(Refused, match="257 items"):
        cbor.decode(over)


@pytest.mark.parametrize("length", ["9bffffffffffffffff", "bbffffffffffffffff", "9affffffff"])
def test_a_length_beyond_the_bound_is_refused_before_it_is_used(length):
    with pytest.raises(Refused, match="items in one array or map"):
        cbor.decode(bytes.fromhex(length))


@pytest.mark.parametrize("length", ["5bffffffffffffffff", "7bffffffffffffffff"])
def test_a_string_longer_than_the_input_is_cut_short(length):
    with pytest.raises(Refused, match="ends in the middle"):
        cbor.decode(bytes.fromhex(length))


@pytest.mark.parametrize(
    ("level", "end"), [(b"\x81", b"\x00"), (b"\xa1\x00", b"\x00"), (b"\xd2", b"\x00")]
)
def test_eight_levels_are_read_and_nine_refused(level, end):
    read = cbor.decode(level * MAX_DEPTH + end)

    assert cbor.encode(read) == level * MAX_DEPTH + end
    with pytest.raises(Refused, match="deeper than 8"):
        cbor.decode(level * (MAX_DEPTH + 1) + end)


@pytest.mark.parametrize("wrap", [lambda item: [item], lambda item: {0: item}, Tag18])
def test_nine_levels_are_not_written(wrap):
    value = 0
    for _ in range(MAX_DEPTH + 1):
        value = wrap(value)
    with pytest.raises(Refused, match="bounds are 256 and 8"):
        cbor.encode(value)
