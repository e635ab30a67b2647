"""The strict codec: what it reads, what it refuses, and that it writes what it reads.

The accepted and refused items are those of RFC 8949 appendix A, transcribed value by value.
"""

import pytest

from ledger_sync import cbor
from ledger_sync.cbor import MAX_UINT, Tag18
from ledger_sync.errors import Refused

APPENDIX_A = {
    "00": 0,
    "01": 1,
    "0a": 10,
    "17": 23,
    "1818": 24,
    "1819": 25,
    "1864": 100,
    "1903e8": 1000,
    "1a000f4240": 1_000_000,
    "1b000000e8d4a51000": 1_000_000_000_000,
    "1bffffffffffffffff": 18_446_744_073_709_551_615,
    "3bffffffffffffffff": -18_446_744_073_709_551_616,
    "20": -1,
    "29": -10,
    "3863": -100,
    "3903e7": -1000,
    "f4": False,
    "f5": True,
    "f6": None,
    "40": b"",
    "4401020304": b"\x01\x02\x03\x04",
    "60": "",
    "6161": "a",
    "6449455446": "IETF",
    "62225c": '"\\',
    "62c3bc": "\u00fc",
    "63e6b0b4": "\u6c34",
    "64f0908591": "\U00010151",
    "80": [],
    "83010203": [1, 2, 3],
    "8301820203820405": [1, [2, 3], [4, 5]],
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819": list(range(1, 26)),
    "a0": {},
    "a201020304": {1: 2, 3: 4},
    "a26161016162820203": {"a": 1, "b": [2, 3]},
    "826161a161626163": ["a", {"b": "c"}],
    "a56161614161626142616361436164614461656145": dict(
        zip("abcde", "ABCDE", strict=True),
    ),
}

REFUSED_OF_APPENDIX_A = [
    "c249010000000000000000",  # bignums
    "c349010000000000000000",
    "f90000",  # floats of every width, as numbers, infinities, not a number
    "f98000",
    "f93c00",
    "fb3ff199999999999a",
    "f93e00",
    "f97bff",
    "fa47c35000",
    "fa7f7fffff",
    "fb7e37e43c8800759c",
    "f90001",
    "f90400",
    "f9c400",
    "fbc010666666666666",
    "f97c00",
    "f97e00",
    "f9fc00",
    "fa7f800000",
    "fa7fc00000",
    "faff800000",
    "fb7ff0000000000000",
    "fb7ff8000000000000",
    "fbfff0000000000000",
    "f7",  # undefined and other simple values
    "f0",
    "f818",
    "f8ff",
    "c074323031332d30332d32315432303a30343a30305a",  # tags
    "c11a514b67b0",
    "c1fb41d452d9ec200000",
    "d74401020304",
    "d818456449455446",
    "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    "5f42010243030405ff",  # indefinite lengths
    "7f657374726561646d696e67ff",
    "9fff",
    "9f018202039f0405ffff",
    "9f01820203820405ff",
    "83018202039f0405ff",
    "83019f0203ff820405",
    "bf61610161629f0203ffff",
    "826161bf61626163ff",
    "bf6346756ef563416d7421ff",
]

LONGER_THAN_NEEDED = [
    "1817",
    "190017",
    "1900ff",
    "1a0000ffff",
    "1b00000000ffffffff",
    "3817",
    "3b0000000000000001",
    "5800",
    "580100",
    "590001ff",
    "7801" + "61",
    "9800",
    "980100",
    "b800",
    "b8010000",
    "d81280",  # tag 18 in two bytes
]

NEVER_AN_INITIAL_BYTE = [
    *range(0x1C, 0x20),
    *range(0x3C, 0x40),
    *range(0x5C, 0x60),
    *range(0x7C, 0x80),
    *range(0x9C, 0xA0),
    *range(0xBC, 0xC0),
    *(byte for byte in range(0xC0, 0x100) if byte not in (0xD2, 0xF4, 0xF5, 0xF6)),
]


@pytest.mark.parametrize(("spelled", "value"), APPENDIX_A.items())
def test_a_value_of_appendix_a_is_read_and_written(spelled, value):
    decoded = cbor.decode(bytes.fromhex(spelled))
    assert repr(decoded) == repr(value)
    assert cbor.encode(value).hex() == spelled


@pytest.mark.parametrize("spelled", REFUSED_OF_APPENDIX_A)
def test_an_item_of_appendix_a_outside_the_subset_is_refused(spelled):
    with pytest.raises(Refused, match="strict profile"):
        cbor.decode(bytes.fromhex(spelled))


@pytest.mark.parametrize("spelled", LONGER_THAN_NEEDED)
def test_a_longer_spelling_than_needed_is_refused(spelled):
    with pytest.raises(Refused, match=r"shortest form|strict profile"):
        cbor.decode(bytes.fromhex(spelled))


@pytest.mark.parametrize("initial", NEVER_AN_INITIAL_BYTE)
def test_an_unassigned_initial_byte_is_refused_by_its_value(initial):
    with pytest.raises(Refused, match=f"0x{initial:02x} is outside"):
        cbor.decode(bytes((initial,)) + bytes(16))


def test_the_example_of_the_module_is_true():
    spelled = bytes.fromhex("a2 03 67 79703a687a3037 06 1a 6566d2a0")
    assert cbor.decode(spelled) == {3: "yp:hz07", 6: 1701237408}


def test_tag_18_is_read_and_written():
    assert cbor.decode(b"\xd2\x81\x01") == Tag18([1])
    assert cbor.encode(Tag18((1,))) == b"\xd2\x81\x01"


@pytest.mark.parametrize(
    ("spelled", "why"),
    [
        ("", "ends in the middle"),
        ("18", "ends in the middle"),
        ("1a000102", "ends in the middle"),
        ("41", "ends in the middle"),
        ("58ff00", "ends in the middle"),
        ("61", "ends in the middle"),
        ("787f61", "ends in the middle"),
        ("8201", "ends in the middle"),
        ("a1", "ends in the middle"),
        ("a101", "ends in the middle"),
        ("d2", "ends in the middle"),
        ("0000", "1 bytes after the end"),
        ("80ffff", "2 bytes after the end"),
        ("62c328", "not UTF-8"),
        ("63eda080", "not UTF-8"),
        ("7818" + "ff" * 24, "not UTF-8"),
        ("a14000", "neither an integer nor text"),
        ("a18000", "neither an integer nor text"),
        ("a1f500", "neither an integer nor text"),
        ("a1d20000", "neither an integer nor text"),
        ("a201000100", "not sorted, or one stands twice"),
        ("a202000100", "not sorted, or one stands twice"),
        ("a2200001 00".replace(" ", ""), "not sorted, or one stands twice"),
        ("a26162006161 00".replace(" ", ""), "not sorted, or one stands twice"),
        ("a262616100616200", "not sorted, or one stands twice"),
    ],
)
def test_what_is_cut_trailing_or_unsorted_is_refused_with_its_reason(spelled, why):
    with pytest.raises(Refused, match=why) as refused:
        cbor.decode(bytes.fromhex(spelled))
    assert refused.value.reason == "R-FORM"


def test_keys_are_sorted_by_their_bytes_not_by_their_length_or_order():
    unsorted = {"b": 1, "aa": 2, -1: 3, 100: 4, 10: 5, 1000: 6}
    spelled = cbor.encode(unsorted)
    assert spelled.hex() == "a60a051864041903e806200361620162616102"
    assert list(cbor.decode(spelled)) == [10, 100, 1000, -1, "b", "aa"]


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        {1},
        bytearray(1),
        object(),
        MAX_UINT + 1,
        -MAX_UINT - 2,
        [0] * 257,
        dict.fromkeys(range(257)),
        "\ud800",
        {b"": 0},
        {True: 0},
        {None: 0},
        {1.0: 0},
        {MAX_UINT + 1: 0},
        {"\ud800": 0},
        [[{"a": 1.5}]],
    ],
    ids=lambda value: "object" if type(value) is object else repr(value)[:24],
)
def test_a_value_outside_the_subset_is_not_written(value):
    with pytest.raises(Refused) as refused:
        cbor.encode(value)
    assert refused.value.reason == "R-FORM"


def test_a_view_of_bytes_is_read_as_bytes():
    read = cbor.decode(memoryview(b"\x82\x41a\x61b"))
    assert read == [b"a", "b"]


def test_a_head_takes_64_bits():
    widths = [len(cbor.head(2, number)) for number in (23, 24, 2**8, 2**16, 2**32, MAX_UINT)]
    assert widths == [1, 2, 3, 5, 9, 9]
    with pytest.raises(Refused, match="more than 64 bits"):
        cbor.head(2, MAX_UINT + 1)
