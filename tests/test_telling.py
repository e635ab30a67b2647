"""One sentence a guard can read out, with what the ledger knows of when."""

import pytest
from compound import (
    ANN,
    DAY,
    ESCORTED,
    GUEST,
    NOW,
    REVOKED,
    SUSPENDED,
    B,
    C,
    Compound,
    furnish,
    show,
)

from appliance.gate.telling import sentence
from appliance.policy.schedule import UTC, Zone
from ledger_sync import entries
from ledger_sync.changes import changed_at
from ledger_sync.subjects import Subjects

TOKYO = Zone((), (9 * 3_600,))


@pytest.fixture
def compound(tmp_path):
    made = furnish(Compound(tmp_path))
    yield made
    made.store.close()


def told(compound, text, now=NOW, zone=UTC, way=0):
    checker = compound.checker(way)
    return sentence(compound.replica, zone, checker.assess(text, now, grade=0), now)


def revoke(compound, who, at, value=1):
    place = entries.Status(who.claims.uri, at, ((who.claims.idx, value),))
    compound.publish(place)


def test_a_green_says_who_may_do_what(compound):
    assert told(compound, show(C, ANN)) == (
        "Resident may come in: all checks hold; ledger 0 s old."
    )
    assert told(compound, show(C, GUEST), way=1) == (
        "Visitor may leave: all checks hold; ledger 0 s old."
    )


def test_a_status_is_told_with_its_time_in_the_clocks_of_the_site(compound):
    revoke(compound, ANN, NOW + 60)
    later = NOW + 7_200

    assert told(compound, show(C, ANN, later), later) == (
        "The office revoked this pass, 22:14 1 day ago; ledger 2 h old."
    )
    assert told(compound, show(C, ANN, later), later, TOKYO).startswith(
        "The office revoked this pass, 07:14; "
    )


def test_a_status_of_before_today_says_how_many_days_ago(compound):
    revoke(compound, ANN, NOW + 60)

    later = NOW + 9 * DAY
    assert "revoked this pass, 22:14 9 days ago; " in told(compound, show(B, ANN, later), later)


@pytest.mark.parametrize(
    ("who", "said"),
    [(SUSPENDED, "The office suspended this pass, 22:13"), (ESCORTED, "let them in, 22:13")],
)
def test_whoever_has_a_status_is_told_since_when(compound, who, said):
    assert said in told(compound, show(B, who))


def test_the_newest_change_of_a_place_counts_and_others_do_not(compound):
    revoke(compound, ANN, NOW + 1, 2)
    revoke(compound, REVOKED, NOW + 2)
    revoke(compound, ANN, NOW + 3)
    revoke(compound, GUEST, NOW + 4)

    assert changed_at(compound.replica, ANN.enrolment().handle) == NOW + 3


def test_what_the_ledger_does_not_know_is_left_out(compound):
    assert changed_at(compound.replica, ANN.enrolment().handle) is None
    assert changed_at(compound.replica, b"nobody's") is None
    assert told(compound, b"HC1:6BF") == "This is not a Yardpass code; ledger 0 s old."


def test_an_old_ledger_is_told_and_so_is_none(compound, tmp_path):
    assert told(compound, show(B, ANN, NOW + 7_200), NOW + 7_200).endswith("; ledger 2 h old.")
    (tmp_path / "new").mkdir()
    empty = Compound(tmp_path / "new")
    try:
        assert told(empty, show(C, ANN)).endswith("; no ledger.")
    finally:
        empty.store.close()


def test_a_person_is_one_subject_whatever_they_carry(compound):
    subjects = Subjects(compound.store)

    assert subjects.of(ANN.enrolment().handle) == "ann"
    assert subjects.of(b"nobody's") is None
