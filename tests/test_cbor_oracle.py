"""cbor2 as second opinion on the strict codec: whatever is accepted here means the same there."""

from collections.abc import Mapping

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger_sync import cbor
from ledger_sync.cbor import MAX_DEPTH, MAX_ENTRY, Tag18
from ledger_sync.errors import Refused

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)

keys = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=30)
scalars = (
    st.integers(-(2**64), 2**64 - 1)
    | st.integers(-300, 300)
    | st.binary(max_size=300)
    | st.text(max_size=100)
    | st.booleans()
    | st.none()
)


def containers(inner):
    return (
        st.lists(inner, max_size=6) | st.dictionaries(keys, inner, max_size=6) | inner.map(Tag18)
    )


values = st.recursive(scalars, containers, max_leaves=12).filter(
    lambda value: depth_of(value) <= MAX_DEPTH
)


def depth_of(value):
    match value:
        case Tag18(inner):
            return 1 + depth_of(inner)
        case list():
            return 1 + max(map(depth_of, value), default=0)
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
    return 0


def plain(value):
    """A value of either codec in one form; it keeps types apart that Python calls equal."""
    match value:
        case Tag18(inner):
            return "tag", 18, plain(inner)
        case cbor2.CBORTag():
            return "tag", value.tag, plain(value.value)
        case list() | tuple():
            return "array", tuple(map(plain, value))
        case Mapping():
            return "map", {plain(key): plain(item) for key, item in value.items()}
    return type(value).__name__, value


def bytewise(value):
    """The same value with its maps in the order the strict codec writes, for cbor2 to write."""
    match value:
        case Tag18(inner):
            return cbor2.CBORTag(18, bytewise(inner))
        case list():
            return [bytewise(item) for item in value]
        case dict():
            ordered = sorted(value.items(), key=lambda pair: cbor2.dumps(pair[0]))
            return {key: bytewise(item) for key, item in ordered}
    return value


def accepted(data):
    """The value and True, or None and False."""
    try:
        return cbor.decode(data), True
    except Refused:
        return None, False


@pytest.mark.long
@given(values)
@REPEATABLE
def test_what_is_written_is_read_back_and_cbor2_reads_the_same(value):
    spelled = cbor.encode(value)
    assert plain(cbor.decode(spelled, max_size=MAX_ENTRY)) == plain(value)
    assert plain(cbor2.loads(spelled)) == plain(value)


@pytest.mark.long
@given(values)
@REPEATABLE
def test_what_cbor2_writes_in_bytewise_order_is_what_is_written_here(value):
    assert cbor2.dumps(bytewise(value)) == cbor.encode(value)


@pytest.mark.long
@given(st.binary(max_size=40))
@example(b"\xa2\x01\x02\x20\x03")
@settings(REPEATABLE, max_examples=1_500)
def test_any_bytes_are_refused_or_read_as_cbor2_reads_them(data):
    value, is_accepted = accepted(data)
    if is_accepted:
        assert cbor.encode(value) == data
        assert plain(cbor2.loads(data)) == plain(value)


@pytest.mark.long
@given(values, st.integers(0), st.integers(1, 255))
@settings(REPEATABLE, max_examples=1_000)
def test_spoiled_items_are_refused_or_read_as_cbor2_reads_them(value, place, change):
    spelled = bytearray(cbor.encode(value))
    spelled[place % len(spelled)] ^= change

    read, is_accepted = accepted(bytes(spelled))

    if is_accepted:
        assert cbor.encode(read) == spelled
        assert plain(cbor2.loads(bytes(spelled))) == plain(read)
