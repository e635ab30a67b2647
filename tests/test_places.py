"""Where a holder was last, from the text of a mark; and which moves cannot all be true."""

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync.feed import NO_ZONE
from ledger_sync.places import IN, OUT, PASSBACK, QUOTA, Move, contradictions, key_of, last_in

AT = 1_767_225_600


def test_who_was_never_seen_is_nowhere():
    assert last_in("{}", 0) == (-1, 0)


def test_the_example_of_the_format_is_read():
    places = '{"z0":3534451200,"z7":3534451263}'

    assert last_in(places, 0) == (IN, AT)
    assert last_in(places, 7) == (OUT, AT + 31)
    assert last_in(places, 1) == last_in(places, NO_ZONE) == (-1, 0)


@given(st.dictionaries(st.integers(0, 52), st.integers(0, 2**63 - 1)), st.integers(0, 52))
def test_a_place_is_what_a_json_reader_finds(held, zone):
    text = json.dumps({f"z{one}": move for one, move in held.items()}, separators=(",", ":"))

    way, at = last_in(text, zone)

    assert (at * 2 + way if at else held.get(zone, 0)) == held.get(zone, 0)
    assert (way == -1) == (zone not in held)


@pytest.mark.parametrize(
    "places",
    [
        *("", "{", "}", "null", '{"z3":}', '{"z3":x}', '{"z3":-5}', '{"z3":"5"}', '{"z3": 5}'),
        *('{"z3":5.0}', '{"z3":' + "9" * 20 + "}", '{"z3":\u0665}', '{"z3":\xb2}', '{"z3":[5]}'),
        *('{"z33":5}', '{"z3"'),
    ],
)
def test_what_is_no_number_there_is_none(places):
    assert last_in(places, 3) == (-1, 0)


@given(st.text('z3"{}:,019', max_size=30))
def test_any_text_is_read_as_some_place_or_none(text):
    way, at = last_in(text, 3)

    assert way in (-1, 0, 1) and 0 <= at < 10**19


def test_a_zone_has_a_key_and_no_zone_has_none():
    assert [key_of(zone) for zone in (0, 52, NO_ZONE)] == ['"z0":', '"z52":', ""]


# Contradictions.


def move(number, at=AT, way=IN, *, holder=5, zone=3, quota=0, code=b"", code_at=1, feed="feed"):
    digest = (code or b"%d" % number).ljust(16, b"\0")
    return Move(at, digest, feed, number, number, holder, zone, way, code_at, quota)


def told(*moves):
    """(kind, first, second) of what contradicts each other, by their numbers."""
    return {
        (kind, pair.first.seq, second) for (kind, second), pair in contradictions(moves).items()
    }


def test_who_goes_in_and_out_in_turn_contradicts_nothing():
    assert told(*(move(number, AT + number, number % 2) for number in range(9))) == set()


def test_an_entry_behind_an_entry_is_told_and_a_way_out_behind_a_way_out_is_not():
    ways = (OUT, IN, IN, IN, OUT, OUT, IN)

    found = told(*(move(number, AT + number, way) for number, way in enumerate(ways)))

    assert found == {(PASSBACK, 1, 2), (PASSBACK, 2, 3)}


def test_holders_zones_and_gates_without_a_zone_are_apart():
    apart = [
        move(1),
        move(2, holder=6),
        move(3, zone=4),
        move(4, zone=NO_ZONE),
        move(5, zone=NO_ZONE),
    ]

    assert told(*apart) == set()


def test_of_one_second_the_digest_says_which_came_first_and_then_the_feed():
    assert told(move(1, code=b"b"), move(2, code=b"a")) == {(PASSBACK, 2, 1)}
    two = move(1, code=b"a", code_at=0, feed="west"), move(2, code=b"a", code_at=0, feed="east")
    assert told(*two) == told(*two[::-1]) == {(PASSBACK, 2, 1)}


def test_one_code_at_two_gates_is_left_to_the_conflicts_of_codes():
    assert told(move(1, code=b"a"), move(2, AT + 1, code=b"a")) == set()
    assert told(move(1, code=b"a", quota=1), move(2, AT + 1, code=b"a", quota=1)) == set()


def test_entries_beyond_a_quota_are_told_with_the_last_within_it_whatever_the_zone():
    ways = (IN, OUT, IN, OUT, IN, OUT, IN)
    moves = [
        move(number, AT + number, way, zone=(3, NO_ZONE)[number == 4], quota=2)
        for number, way in enumerate(ways)
    ]

    assert told(*moves) == {(QUOTA, 2, 4), (QUOTA, 2, 6)}


def test_entries_without_a_quota_are_not_counted_against_one():
    quotas = (0, 2, 0, 2)
    moves = [move(n, AT + n, zone=NO_ZONE, quota=quota) for n, quota in enumerate(quotas)]

    assert told(*moves) == set()


few_moves = st.lists(
    st.builds(
        move,
        st.integers(0, 99),
        st.integers(AT, AT + 4),
        st.sampled_from([IN, OUT]),
        holder=st.sampled_from([5, -5]),
        zone=st.sampled_from([0, 3, NO_ZONE]),
        quota=st.sampled_from([0, 1, 2]),
        code=st.sampled_from([b"a", b"b", b"c"]),
        code_at=st.sampled_from([0, 1]),
    ),
    max_size=9,
    unique_by=lambda one: one.place,
)


@settings(max_examples=300)
@given(few_moves, st.randoms(use_true_random=False))
def test_what_contradicts_is_what_a_plain_reading_of_the_rules_finds_in_any_order(moves, chance):
    ordered, expected = sorted(moves), set()
    for (low, first), (high, second) in product(enumerate(ordered), repeat=2):
        if low >= high or first.holder != second.holder or (first.way, second.way) != (IN, IN):
            continue
        if first.digest == second.digest and first.code_at:
            continue
        between = [one for one in ordered[low + 1 : high] if (one.holder, one.zone) == second[5:7]]
        if not between and first.zone == second.zone != NO_ZONE:
            expected.add((PASSBACK, first.seq, second.seq))
        limited = [
            one for one in ordered if one.holder == first.holder and one.way == IN and one.quota
        ]
        if second in limited[second.quota :] and first is limited[second.quota - 1]:
            expected.add((QUOTA, first.seq, second.seq))
    chance.shuffle(moves)

    assert told(*moves) == expected
