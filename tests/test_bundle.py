"""Any bytes are the entries of a bundle with their leaf hashes, as `entries_of` cuts them, or
`Refused`; nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_sync.bundle import Entries
from ledger_sync.errors import Refused
from ledger_sync.merkle import leaf_hash
from ledger_sync.tiles import bundle_of, entries_of

MOST = 3_072
SOME = st.lists(st.binary(max_size=600), min_size=1, max_size=256)


@given(SOME)
def test_entries_and_their_hashes_are_those_of_the_bundle(entries):
    found = Entries(bundle_of(entries), len(entries), most=MOST)

    assert list(found) == entries
    assert found.leaves == [leaf_hash(one) for one in entries]
    assert len(found) == len(entries)


@given(st.binary(max_size=80), st.integers(-1, 300))
def test_what_entries_of_refuses_is_refused_with_the_same_words(data, count):
    try:
        entries = entries_of(data, count)
    except Refused as refused:
        with pytest.raises(Refused) as again:
            Entries(data, count, most=MOST)
        assert (str(again.value), again.value.reason) == (str(refused), refused.reason)
    else:
        assert list(Entries(data, count, most=MOST)) == entries


def test_single_ones_and_slices_are_those_of_a_list():
    entries = [bytes([number]) * number for number in range(9)]

    found = Entries(bundle_of(entries), 9, most=MOST)

    assert (found[0], found[8], found[-1], found[-9]) == (b"", entries[8], entries[8], b"")
    assert (found[2:5], found[7:], found[::-2]) == (entries[2:5], entries[7:], entries[::-2])
    for outside in (9, -10):
        with pytest.raises(IndexError):
            found[outside]


@pytest.mark.parametrize("size", [MOST, MOST + 1])
def test_an_entry_over_the_limit_is_refused(size):
    bundle = bundle_of([b"", bytes(size), b"x"])

    if size == MOST:
        assert len(Entries(bundle, 3, most=MOST)[1]) == MOST
    else:
        with pytest.raises(Refused, match="an entry of more than 3072 bytes"):
            Entries(bundle, 3, most=MOST)
