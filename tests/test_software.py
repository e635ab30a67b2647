"""Which software made a check: what the opening of its feed names."""

import pytest
from diary import check
from hypothesis import given
from hypothesis import strategies as st

from ledger_sync.checklog import CheckLog
from ledger_sync.feed import Opening
from ledger_sync.shelf import Shelf
from ledger_sync.software import MAX_SHOWN, made_by, makers_of, software_in
from ledger_sync.store import Store

OPENING = Opening(bytes(32), 0, b"", 0, "yardpass 0.1.0-1795305600", 0)


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store.db", origin="yardpass/hz07", floor=0) as made:
        yield made


def begun(store, origin, software):
    return CheckLog(store).open_feed(origin, OPENING._replace(software=software).to_bytes(), 1)


def test_an_opening_names_the_software_and_nothing_else_does():
    assert software_in(OPENING.to_bytes()) == "yardpass 0.1.0-1795305600"
    assert software_in(OPENING._replace(software="x" * 9_000).to_bytes()) == ""
    assert len(software_in(OPENING._replace(software="x" * 900).to_bytes())) == MAX_SHOWN
    assert software_in(check().to_bytes()) == ""


@given(st.binary(max_size=200))
def test_any_entry_names_a_text_or_nothing(data):
    """Any bytes: a text of bounded length."""
    assert len(software_in(data)) <= MAX_SHOWN


def test_every_feed_has_the_software_of_its_own_opening(store):
    first = begun(store, "yardpass/hz07/n/01", "yardpass 0.0.9")
    second = begun(store, "yardpass/hz07/n/02", "yardpass 0.1.0")
    shelf = Shelf(store)

    assert [made_by(shelf, number) for number in (first, second, 99)] == [
        "yardpass 0.0.9",
        "yardpass 0.1.0",
        "",
    ]
    assert makers_of(shelf, ["yardpass/hz07/n/02", "yardpass/hz07/none/01"]) == {
        "yardpass/hz07/n/02": "yardpass 0.1.0"
    }
    assert makers_of(shelf, []) == {}


def test_a_feed_whose_beginning_is_damaged_has_none(store):
    number = begun(store, "yardpass/hz07/n/01", "yardpass 0.1.0")
    store.write("DELETE FROM feed_entry")
    store.write("INSERT INTO feed_bundle VALUES (?, ?, ?)", number << 32, b"damaged", b"")

    assert made_by(Shelf(store), number) == ""
