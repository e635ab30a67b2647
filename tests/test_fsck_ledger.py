"""fsck of a large ledger: it is walked, never held, and what differs is named all the same."""

import tracemalloc

import pytest
from authority import Book, Terminal
from hypothesis import given
from hypothesis import strategies as st
from yard import LIST, NOW, issuer, key_of, status

from ledger_sync import materialise
from ledger_sync.entries import Pass
from ledger_sync.fsck_ledger import _unmatched, findings
from ledger_sync.keys import ED25519, PublicKey

KID = key_of("issuer").public.kid
VALUES = st.none() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "ä"]) | st.binary()
ROWS = st.sets(st.tuples(VALUES, st.sampled_from([1, 2, b"x", None])), max_size=8)


def pass_number(number):
    rights = (LIST, number, 1, 1, 1, NOW - 9, NOW + 9)
    key = PublicKey(ED25519, number.to_bytes(32, "big"))
    return Pass(number.to_bytes(8, "big"), KID, "somebody", *rights, key)


def crowded(folder, count):
    """A terminal with so many passes and statuses."""
    book = Book.opened().add(issuer(), *(pass_number(number) for number in range(count)))
    book.add(*(status((number, 1), (number + 1, 2)) for number in range(0, count, 2)))
    terminal = Terminal(folder, book.pinned, name=f"{count}.db")
    terminal.update(book.source())
    return terminal


def peak(terminal):
    """The most bytes that are held at once while the ledger is looked at; it is sound."""
    tracemalloc.start()
    try:
        assert list(findings(terminal.store, terminal.pinned)) == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_the_memory_it_takes_does_not_grow_with_the_ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(materialise, "BATCH", 256)  # else a small ledger fits into one
    with crowded(tmp_path, 1_000) as small, crowded(tmp_path, 6_000) as large:
        peak(small)  # imports what it needs

        assert peak(large) < 1.4 * peak(small)


def test_few_rows_that_differ_among_many_are_the_ones_that_are_named(tmp_path):
    with crowded(tmp_path, 1_500) as terminal:
        for damage in (
            "DELETE FROM pass WHERE handle IN (0, 700)",
            "UPDATE pass SET zones = 63 WHERE handle IN (3, 1499)",
            "INSERT INTO pass SELECT 5000, kid, subject, slot, klass, zones, assurance,"
            " issued_at, expires_at, alg, key, holder FROM pass WHERE handle = 5",
            "INSERT INTO rule VALUES ('gate', 0, x'7b7d')",
            "DELETE FROM issuer",
        ):
            terminal.store.write(damage)

        found = list(findings(terminal.store, terminal.pinned))

    altered, lost, new = (3, 1_499), (0, 700), 5_000
    assert sorted(found) == sorted(
        [
            *(f"state: pass {handle} is missing or altered" for handle in (*altered, *lost)),
            *(f"state: pass {handle} does not follow from the ledger" for handle in altered),
            f"state: pass {new} does not follow from the ledger",
            "state: rule 'gate' does not follow from the ledger",
            f"state: issuer {KID!r} is missing or altered",
        ]
    )


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM bundle WHERE number = 2", "bundles [0, 1, 3, 4, 5, 6, 7, 8]... are there"),
        ("UPDATE bundle SET body = substr(body, 1, 99) WHERE number = 2", "ends before entry"),
        ("UPDATE bundle SET body = x'' WHERE number = 8", "ends before entry 1 of 204"),
    ],
)
def test_a_bundle_that_is_lost_or_cut_is_named(tmp_path, damage, said):
    with crowded(tmp_path, 1_500) as terminal:
        terminal.store.write(damage)

        found = list(findings(terminal.store, terminal.pinned))

    assert said in found[0]


def test_a_ledger_that_is_wholly_other_is_told_from_the_first_row_on(tmp_path):
    with crowded(tmp_path, 1_500) as terminal:
        terminal.store.write("UPDATE pass SET zones = 63")

        first = next(findings(terminal.store, terminal.pinned))

    assert first.startswith("state: pass 0 ")


@given(ROWS, ROWS)
def test_rows_of_one_side_alone_are_all_found_whatever_their_types(ours, theirs):
    def rank(row):
        kinds = (type(None), int, str, bytes)
        return [(kinds.index(type(value)), value) for value in row]

    found = list(_unmatched(iter(sorted(ours, key=rank)), iter(sorted(theirs, key=rank))))

    assert len(found) == len(set(found))
    assert {row for is_ours, row in found if is_ours} == ours - theirs
    assert {row for is_ours, row in found if not is_ours} == theirs - ours


def test_rows_come_in_the_order_that_the_walk_takes_them_for(tmp_path):
    """The statements sort by their first columns, and SQLite as Python does."""
    with crowded(tmp_path, 600) as terminal:
        terminal.store.write("INSERT INTO rule VALUES ('ä', 0, x''), ('z', 0, x''), ('Z', 0, x'')")

        found = list(findings(terminal.store, terminal.pinned))

    names = ("Z", "z", "ä")
    assert found == [f"state: rule {name!r} does not follow from the ledger" for name in names]
