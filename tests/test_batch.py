"""A batch is taken whole or refused: it goes on from what is held and ends at a signed head."""

from functools import partial

import pytest
from diary import Diary, check
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync import batch as batches
from ledger_sync import feed as feeds
from ledger_sync.batch import MAX_FEED_ENTRY, Diverged, sealed_bundle, sealed_of, verified
from ledger_sync.errors import Refused
from ledger_sync.feed import BUNDLE
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.tiles import bundle_of

EAST = Diary().fill(40).seal(b"box").seal(b"x" * 255).fill(300)
START = 100


def take(batch, diary=EAST, *, size=None, key=None):
    """What comes of a batch where so much of a feed is held."""
    frontier = frontier_of(diary.entries[: batch.start if size is None else size])
    return verified(batch, frontier=frontier, origin=diary.origin, key=key or diary.key.public.raw)


def refusal(batch, diary=EAST, **stated):
    with pytest.raises(Refused) as caught:
        take(batch, diary, **stated)
    assert caught.value.reason == "R-LEDGER"
    return caught.value


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (0, 256), (1, 2), (41, 43), (100, 256), (255, 256), (256, 300)]
)
def test_a_batch_that_goes_on_to_a_signed_head_is_taken(start, stop):
    batch = EAST.batch(start, stop)
    before = frontier_of(EAST.entries[:start])

    found = verified(batch, frontier=before, origin=EAST.origin, key=EAST.key.public.raw)

    assert found.batch == batch and batch.end == stop
    assert list(found.entries) == EAST.entries[start:stop]
    assert found.sealed == (EAST.sealed[start:stop] if stop - start < BUNDLE else [])
    whole = frontier_of(EAST.entries[:stop])
    assert (found.frontier.peaks, found.root) == (whole.peaks, whole.root())
    assert before.size == start  # what was held is as it was


@pytest.mark.parametrize("held", [0, START - 1, START + 1, 2**40])
def test_a_batch_that_does_not_begin_where_the_feed_ends_here_is_refused(held):
    peaks = [bytes(32)] * held.bit_count()

    with pytest.raises(Refused, match=f"a batch of 9 at {START}, {held} are held"):
        verified(
            EAST.batch(START, START + 9),
            frontier=Frontier(held, peaks),
            origin=EAST.origin,
            key=EAST.key.public.raw,
        )


@pytest.mark.parametrize("count", [-1, 0, BUNDLE - START + 1, BUNDLE, 2**40])
def test_a_count_of_none_or_across_a_bundle_is_refused(count):
    batch = EAST.batch(START, 256)._replace(count=count)

    assert f"a batch of {count} at {START}" in str(refusal(batch))


def test_a_batch_across_the_end_of_a_bundle_is_refused_though_all_of_it_is_signed():
    assert "a batch of 10 at 250" in str(refusal(EAST.batch(250, 260)))


def test_a_head_that_another_key_signed_is_refused():
    other = EAST.copy()
    other.key = Diary("west").key

    assert "no known key" in str(refusal(EAST.batch(0, 99)._replace(note=other.head(99))))


@pytest.mark.parametrize("of", [{"name": "west", "word": "east"}, {"start": 2}])
def test_a_head_of_another_terminal_or_incarnation_is_refused(of):
    other = Diary(**of)
    other.entries = EAST.entries

    assert "no known key" in str(refusal(EAST.batch(0, 99)._replace(note=other.head(99))))


def test_a_head_that_names_another_origin_is_refused_though_its_own_key_signed_it():
    text = EAST.head(99).replace(EAST.origin, Diary("west").origin, 1)
    body = text.split("\n\n")[0] + "\n"
    verifier = feeds.verifier_of(EAST.origin, EAST.key.public.raw)
    signed = body + "\n" + batches.note.sign_note(body, verifier, EAST.key)

    found = refusal(EAST.batch(0, 99)._replace(note=signed))

    assert str(found) == f"a head of {Diary('west').origin}, not of {EAST.origin}"


@pytest.mark.parametrize("size", [0, 1, 98, 100, 300])
def test_a_head_of_another_size_than_where_the_batch_ends_is_refused(size):
    batch = EAST.batch(0, 99)._replace(note=EAST.head(size))

    assert f"a head over {size} behind a batch that ends at 99" in str(refusal(batch))


def altered(diary, at, entry):
    made = diary.copy()
    made.entries[at] = entry
    return made


@pytest.mark.parametrize("at", [0, 50, 98])
def test_entries_that_do_not_hash_to_the_head_diverge(at):
    other = altered(EAST, at, check(hlc=2**40).to_bytes())
    batch = EAST.batch(0, 99)._replace(bundle=bundle_of(other.entries[:99]))

    assert isinstance(refusal(batch), Diverged)


def test_a_batch_of_another_history_diverges_from_what_is_held():
    other = altered(EAST, 50, check(hlc=2**40).to_bytes())

    with pytest.raises(Diverged, match="100 to 256 do not hash to the signed head"):
        verified(
            other.batch(START, 256),
            frontier=frontier_of(EAST.entries[:START]),
            origin=EAST.origin,
            key=EAST.key.public.raw,
        )


def test_a_feed_that_opens_with_another_terminals_key_is_refused():
    forged = altered(EAST, 0, Diary("west").entries[0])

    assert "another terminal's key" in str(refusal(forged.batch(0, 9), forged))


def test_a_feed_that_opens_with_no_opening_is_refused():
    forged = altered(EAST, 0, EAST.entries[1])

    assert "not an opening" in str(refusal(forged.batch(0, 9), forged))


def test_entries_of_any_bytes_are_taken_up_to_their_bound():
    odd = Diary().write(b"", b"\xff", bytes(MAX_FEED_ENTRY))
    long = Diary().write(bytes(MAX_FEED_ENTRY + 1))

    assert list(take(odd.batch(), odd).entries) == odd.entries
    assert "more than 3072 bytes" in str(refusal(long.batch(), long))


@pytest.mark.parametrize("bundle", [b"", b"\0", bundle_of([b"x"] * 8), bundle_of([b"x"] * 10)])
def test_a_bundle_of_another_shape_is_refused(bundle):
    assert not isinstance(refusal(EAST.batch(0, 9)._replace(bundle=bundle)), Diverged)


# What is sealed beside the checks.


def test_remainders_that_were_forgotten_are_taken_as_none():
    batch = EAST.batch(0, 200)

    for forgotten in (b"", bytes(200)):
        found = take(batch._replace(sealed=forgotten))

        assert found.sealed == [b""] * 200
        assert sealed_bundle(found.sealed) == b""


def test_one_remainder_may_be_forgotten_and_another_there():
    (one, other) = (b"\x03box", b"\xff" + b"x" * 255)

    found = take(EAST.batch(40, 42)._replace(sealed=one + b"\0"))
    again = take(EAST.batch(40, 42)._replace(sealed=b"\0" + other))

    assert (found.sealed, again.sealed) == ([b"box", b""], [b"", b"x" * 255])


@pytest.mark.parametrize(
    "sealed",
    [
        b"\x03bax\0",
        b"\x02bo\0",
        b"\0\x03box",
        sealed_bundle([b"x" * 255, b"box"]),
        b"\x03box",
        b"\x03box\0\0",
        b"\x03box\x05ab",
        b"\x03bo",
    ],
)
def test_a_remainder_that_is_not_that_of_its_check_is_refused(sealed):
    assert "sealed remainder" in str(refusal(EAST.batch(40, 42)._replace(sealed=sealed)))


def test_beside_a_whole_bundle_remainders_are_looked_at_when_they_are_asked_for():
    good, bad = EAST.batch(0, 256), EAST.batch(0, 256)._replace(sealed=b"\3bad" + bytes(255))

    for batch in (good, bad, bad._replace(sealed=b"\xff")):
        assert take(batch).batch == batch

    entries = EAST.entries[:256]
    assert batches.has_its_sealed(entries, good.sealed)
    assert batches.has_its_sealed(entries, b"")
    assert not batches.has_its_sealed(entries, bad.sealed)
    assert not batches.has_its_sealed(entries, b"\xff")


def test_the_checkpoint_of_a_head_that_was_verified_is_read_without_its_key():
    found = batches.head_in(EAST.head(99))

    assert (found.origin, found.size) == (EAST.origin, 99)
    assert found.root == frontier_of(EAST.entries[:99]).root()


def test_nothing_is_sealed_beside_what_states_no_hash_of_it():
    for at in (0, 1):
        batch = EAST.batch(0, 2)._replace(
            sealed=sealed_bundle([b"box" * (at == n) for n in (0, 1)])
        )

        assert "not the one of its check" in str(refusal(batch))


def test_a_remainder_is_forgotten_where_its_check_states_a_hash_and_it_is_gone():
    assert batches.is_forgotten(EAST.entries[40], b"")
    assert not batches.is_forgotten(EAST.entries[40], b"box")
    assert not batches.is_forgotten(EAST.entries[0], b"")
    assert not batches.is_forgotten(EAST.entries[1], b"")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=255), min_size=1, max_size=9))
def test_remainders_are_read_back_as_they_were_bundled(parts):
    data = sealed_bundle(parts)

    assert data == b"" if not any(parts) else sealed_of(data, len(parts)) == parts


# Whatever comes: taken as it was signed, or refused.


def mutation():
    bundle, sealed = EAST.batch(0, 99).bundle, EAST.batch(0, 99).sealed
    return st.fixed_dictionaries(
        {},
        optional={
            "start": st.integers(-2, 300),
            "count": st.integers(-2, 300),
            "note": st.sampled_from([EAST.head(size) for size in (0, 98, 99, 100)])
            | st.text(max_size=40)
            | cut(EAST.head(99).encode()).map(partial(str, encoding="utf-8", errors="replace")),
            "bundle": cut(bundle) | st.binary(max_size=40),
            "sealed": cut(sealed) | st.binary(max_size=300),
        },
    )


def cut(data):
    """The same bytes with some of them replaced by others."""
    places = st.tuples(st.integers(0, len(data)), st.integers(0, 9), st.binary(max_size=9))
    return places.map(lambda at: data[: at[0]] + at[2] + data[at[0] + at[1] :])


@settings(max_examples=300, deadline=None)
@given(mutation())
def test_any_batch_is_taken_as_it_was_signed_or_refused(changes):
    batch = EAST.batch(0, 99)._replace(**changes)

    try:
        found = verified(batch, frontier=Frontier(), origin=EAST.origin, key=EAST.key.public.raw)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
    else:
        assert list(found.entries) == EAST.entries[: found.batch.count]
        assert all(
            one in (b"", held) for one, held in zip(found.sealed, EAST.sealed, strict=False)
        )
