"""The lenient reader: legal CBOR of others is read, bounds hold, nothing but Refused is raised."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sync import cbor, cbor_foreign
from ledger_sync.cbor_foreign import MAX_DEPTH, MAX_ITEMS, Tag, decode
from ledger_sync.errors import Refused

KEYS = st.integers(-(2**63), 2**63) | st.text(max_size=6) | st.binary(max_size=6)
VALUES = st.recursive(
    st.integers(-(2**64), 2**64 - 1)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@pytest.mark.long
@given(VALUES)
def test_what_cbor2_writes_is_read_to_the_same_value(value):
    assert decode(cbor2.dumps(value)) == value


@given(VALUES.filter(lambda value: not isinstance(value, float)))
def test_everything_the_strict_reader_accepts_is_read_to_the_same_value(value):
    data = cbor2.dumps(value, canonical=True)
    try:
        strict = cbor.decode(data)
    except Refused:
        return

    assert decode(data) == strict


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("9f0102ff", [1, 2]),  # RFC 8949 appendix A
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("f93c00", 1.0),
        ("fb3ff199999999999a", 1.1),
        ("f7", None),
        ("c11a514b67b0", Tag(1, 1363896240)),
        ("1800", 0),
        ("a202010103", {2: 1, 1: 3}),
        ("5fff", b""),
    ],
)
def test_legal_spellings_outside_our_profile_are_read(spelled, value):
    assert decode(bytes.fromhex(spelled)) == value


@pytest.mark.parametrize(
    "spelled",
    [
        "",
        "18",
        "62ff61",
        "61ff",
        "1c",
        "1f",
        "3f",
        "df00",
        "ff",
        "9f01",
        "5f6161ff",
        "5f5fffff",
        "a1f600",
        "a181010 0".replace(" ", ""),
        "a2010101 02".replace(" ", ""),
        "f8",
        "f818",
        "e0",
        "0000",
        "5bffffffffffffffff",
        "9bffffffffffffffff",
    ],
)
def test_what_is_malformed_is_refused(spelled):
    with pytest.raises(Refused):
        decode(bytes.fromhex(spelled))


def test_depth_items_chunks_and_size_are_bounded():
    deep = b"\x81" * (MAX_DEPTH + 1) + b"\x00"
    wide = b"\x9f" + b"\x00" * (MAX_ITEMS + 1) + b"\xff"
    chunks = b"\x5f" + b"\x40" * (MAX_ITEMS + 1) + b"\xff"

    assert decode(b"\x81" * MAX_DEPTH + b"\x00")
    for data in (deep, wide, chunks, bytes(cbor_foreign.MAX_SIZE + 1)):
        with pytest.raises(Refused):
            decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_refused(data):
    """Invariant: nothing but Refused is ever raised, whatever the bytes."""
    try:
        decode(data)
    except Refused as refused:
        assert refused.reason == "R-FORM"
