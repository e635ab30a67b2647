"""Entries on their way: whole, in order, as often as asked, and gone with the process."""

import pytest
from authority import Book, Terminal, full_disk, unpass

from ledger_sync import spool
from ledger_sync.entries import to_bytes
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.spool import Spool


def lists(*counts):
    return [[to_bytes(unpass(number)) for number in range(count)] for count in counts]


@pytest.mark.parametrize(
    "put", [[], lists(1), lists(256, 256, 1), [[b""], [b"a" * 65_535, b""]], lists(*range(1, 60))]
)
def test_what_was_put_in_comes_out_as_often_as_asked(tmp_path, put):
    with Spool(tmp_path) as held:
        for one in put:
            held.add(one)

        assert list(held) == put
        for _ in zip(held, range(1), strict=False):
            pass  # a walk that stops early
        assert list(held) == put


def test_entries_may_be_added_after_a_walk(tmp_path):
    first, second = lists(3, 5)
    with Spool(tmp_path) as held:
        held.add(first)
        assert list(held) == [first]
        held.add(second)

        assert list(held) == [first, second]


@pytest.mark.parametrize("count", [0, 257])
def test_a_list_is_that_of_one_bundle_at_most(tmp_path, count):
    with Spool(tmp_path) as held, pytest.raises(Refused, match=f"a bundle of {count} entries"):
        held.add(lists(count)[0])


def test_more_than_the_bound_is_refused(tmp_path, monkeypatch):
    one = lists(10)[0]
    monkeypatch.setattr(spool, "MAX_BYTES", 3 * sum(len(entry) + 2 for entry in one))
    with Spool(tmp_path) as held:
        for _ in range(3):
            held.add(one)
        with pytest.raises(Refused, match="bytes of entries at once") as caught:
            held.add(one)

        assert caught.value.reason == "R-LEDGER"
        assert list(held) == [one] * 3


def test_nothing_lies_in_the_folder_even_meanwhile(tmp_path):
    with Spool(tmp_path) as held:
        held.add(lists(5)[0])
        assert list(held)
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match=r"cannot be kept in .*/none .*; free disk space"):
        Spool(tmp_path / "none")


@pytest.mark.parametrize("most", [0, 1, 6, 7, 500, 8_192, 30_000])
def test_a_disk_that_is_full_is_unavailable_wherever_it_shows(tmp_path, most):
    """What is buffered shows when it is read back; closing must not hide it."""
    with (
        full_disk(most),
        pytest.raises(Unavailable, match=r"cannot be kept in .*; free disk space"),
        Spool(tmp_path) as held,
    ):
        for one in lists(*[256] * 8):
            held.add(one)
        list(held)
    assert list(tmp_path.iterdir()) == []


def test_an_update_on_a_full_disk_leaves_the_old_state(tmp_path):
    book = Book.opened().grow(20)
    with Terminal(tmp_path, book.pinned) as terminal:
        terminal.update(book.source())
        before = terminal.state()
        for most in (0, 100, 9_000, 20_000):
            with full_disk(most), pytest.raises(Unavailable, match="free disk space"):
                terminal.update(book.grow(900).source())
            assert terminal.state() == before

        assert terminal.update(book.source()).size == 900
