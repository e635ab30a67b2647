"""What two terminals say they hold is enough to tell what each lacks, in few bytes."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync.batch import MAX_BRANCHES
from ledger_sync.errors import Refused
from ledger_sync.frames import MAX_ROWS, Closed, Hello, Row
from ledger_sync.vector import LISTED, Send, plan, sum_of, vector_of

KID, OTHER = b"terminal", b"other   "


def root_of(history, size):
    """The root of a history, a word a letter an entry, at this size."""
    return hashlib.sha256(history[:size].encode()).digest()[:8]


def row_of(history, name=1, kid=KID):
    return Row(kid, name.to_bytes(8, "big"), len(history), root_of(history, len(history)))


class Side:
    """A terminal that holds histories: (kid, number) -> words, in the order they came."""

    def __init__(self, feeds):
        self.feeds = {feed: list(words) for feed, words in feeds.items()}
        self.asked = set()

    def rows(self):
        found = {}
        for (kid, name), words in self.feeds.items():
            found.setdefault(kid, []).extend(row_of(word, name, kid) for word in words)
        return found

    def root_at(self, row, size):
        words = self.feeds[row.kid, int.from_bytes(row.incarnation, "big")]
        (word,) = (word for word in words if row_of(word)[2:] == row[2:])
        return root_of(word, size)

    def word_of(self, row):
        words = self.feeds[row.kid, int.from_bytes(row.incarnation, "big")]
        return next(word for word in words if row_of(word)[2:] == row[2:])

    def take(self, kid, name, start, word):
        """A history from `start` on: goes on from what is held, or is another one."""
        words = self.feeds.setdefault((kid, name), [])
        for number, mine in enumerate(words):
            if word.startswith(mine):
                words[number] = word
                return None
            if mine.startswith(word):
                return None
        if start and not any(mine[:start] == word[:start] for mine in words):
            return row_of(word, name, kid)  # another history: all of it is wanted
        words.append(word)
        return None


def hear(one, other):
    """`one` says HELLO to `other`, which sends what follows; whether anything was said then."""
    rows, closed = vector_of(one.rows(), one.asked)
    one.asked.clear()
    found = plan(other.rows(), rows, closed, other.root_at)
    wanted = []
    for row, start in found.sends:
        name = int.from_bytes(row.incarnation, "big")
        wanted.append(one.take(row.kid, name, start, other.word_of(row)))
    for row in filter(None, wanted):
        one.take(row.kid, int.from_bytes(row.incarnation, "big"), 0, other.word_of(row))
    for row in found.wants:
        other.take(row.kid, int.from_bytes(row.incarnation, "big"), 0, one.word_of(row))
    one.asked.update(found.unknown)
    return bool(found.sends or found.wants or found.unknown)


def settle(one, other):
    """Carries out plans both ways until nothing follows any more."""
    for _ in range(30):
        said = [hear(one, other), hear(other, one)]
        if not any(said):
            return
    raise AssertionError("they never come to rest")


def held(side):
    return {feed: set(words) for feed, words in side.feeds.items()}


words = st.text("ab", min_size=1, max_size=5)
histories = st.lists(words, min_size=1, max_size=3).map(
    lambda found: [one for one in found if not any(o != one and o.startswith(one) for o in found)]
)
sides = st.dictionaries(
    st.tuples(st.sampled_from([KID, OTHER]), st.integers(0, 12)),
    histories.map(lambda found: sorted(set(found))),
    max_size=24,
)


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(sides, sides)
def test_two_sides_that_carry_out_their_plans_end_with_the_same(first, second):
    one, other = Side(first), Side(second)

    settle(one, other)

    assert held(one) == held(other)


@settings(max_examples=100, deadline=None)
@given(sides, st.randoms())
def test_equal_sides_have_nothing_to_say_whatever_order_feeds_came_in(first, chance):
    order = list(first)
    chance.shuffle(order)
    one, other = Side(first), Side({feed: first[feed] for feed in order})

    settle(one, other)

    assert held(one) == held(other) == held(Side(first))


def test_both_histories_of_a_forked_feed_end_on_both_sides():
    one, other = Side({(KID, 1): ["aab"]}), Side({(KID, 1): ["aac"]})

    settle(one, other)

    assert held(one) == held(other) == {(KID, 1): {"aab", "aac"}}


def old_feeds(count, kid=KID):
    return {(kid, number): ["a" * (number % 3 + 1)] for number in range(count)}


@pytest.mark.long
def test_twenty_thousand_old_feeds_are_less_than_3_kb_of_hello():
    side = Side(old_feeds(20_000) | old_feeds(20_000, OTHER))

    rows, closed = vector_of(side.rows())
    hello = Hello(KID, b"x" * 700, rows, closed, (), ()).to_bytes()

    assert len(hello) < 3_000
    assert [one.count for one in closed] == [20_000 - LISTED] * 2


def test_one_new_feed_among_many_does_not_make_all_be_listed():
    known = Side(old_feeds(2_000))
    newer = Side(old_feeds(2_001))

    towards = plan(known.rows(), *vector_of(newer.rows()), known.root_at)
    back = plan(newer.rows(), *vector_of(known.rows()), newer.root_at)

    assert (towards.sends, towards.unknown, towards.is_behind) == ([], [], True)
    assert back.sends == [Send(row_of("aaa", 2_000), 0)]
    assert (back.unknown, back.is_behind) == ([], False)


def test_old_feeds_that_differ_are_listed_once_asked_for():
    one = Side(old_feeds(40))
    other = Side({feed: words for feed, words in old_feeds(40).items() if feed[1] != 7})

    found = plan(one.rows(), *vector_of(other.rows()), one.root_at)
    listed = plan(one.rows(), *vector_of(other.rows(), found.unknown), one.root_at)

    assert (found.sends, found.unknown) == ([], [KID])
    assert listed.sends == [Send(row_of("aa", 7), 0)]


def test_a_list_of_all_is_cut_at_what_fits_a_frame_and_the_rest_is_summed_up():
    side = Side(old_feeds(MAX_ROWS + 500))

    rows, closed = vector_of(side.rows(), [KID])

    assert MAX_ROWS - 2 * MAX_BRANCHES - LISTED <= len(rows) <= MAX_ROWS
    assert len(rows) + closed[0].count == MAX_ROWS + 500
    assert plan(side.rows(), rows, closed, side.root_at).unknown == []


def test_more_terminals_than_fit_are_summed_up():
    many = {number.to_bytes(8, "big"): [row_of("a")] for number in range(MAX_ROWS + 10)}

    rows, closed = vector_of(many)

    assert len(rows) == MAX_ROWS
    assert len(closed) == 10


def test_no_feed_of_several_histories_is_cut_in_two():
    feeds = {(KID, 1): ["ab", "ac", "ad"]} | {(KID, number): ["a"] for number in range(2, 5)}

    rows, closed = vector_of(Side(feeds).rows())

    assert len(rows) == 6
    assert closed == ()


def test_a_sum_does_not_depend_on_the_order_and_changes_with_every_row():
    rows = [row_of("a" * size, size) for size in range(1, 20)]

    assert sum_of(rows) == sum_of(rows[::-1])
    assert len({sum_of(rows[:size]) for size in range(20)}) == 20


@pytest.mark.parametrize("count", [0, 100])
def test_a_sum_that_nothing_here_gives_asks_for_the_list(count):
    side = Side(old_feeds(10))

    found = plan(side.rows(), (), [Closed(KID, count, b"\xff" * 16)], side.root_at)

    assert (found.sends, found.unknown, found.is_behind) == ([], [KID], True)


def test_a_vector_of_more_histories_than_are_kept_is_refused():
    rows = [row_of("a" * size) for size in range(1, MAX_BRANCHES + 2)]

    with pytest.raises(Refused, match="more than 8 histories"):
        plan({}, rows, (), None)


def full(letters):
    """As many histories of one feed as are kept, the first letter of each from these."""
    return Side({(KID, 1): [letter + "a" for letter in letters[:MAX_BRANCHES]]})


def test_whoever_keeps_enough_histories_is_sent_and_wants_no_more():
    one, other = full("abcdefgh"), full("klmnopqr")

    found = plan(one.rows(), *vector_of(other.rows()), one.root_at)

    assert found == ([], [], [], False)


def test_a_history_that_grew_is_sent_to_whoever_keeps_enough_of_them():
    one, other = full("abcdefgh"), full("abcdefgh")
    one.feeds[KID, 1][0] += "b"

    found = plan(one.rows(), *vector_of(other.rows()), one.root_at)

    assert found.sends == [Send(row_of("aab"), 2)]
