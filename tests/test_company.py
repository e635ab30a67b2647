"""Who else was at the gate: one person is one, whatever they carry, and is forgotten soon."""

from appliance.gate.company import MAX_REMEMBERED, REMEMBERED_SECONDS, Company
from appliance.policy.facts import UNKNOWN

NOW = 1_700_000_000
SUBJECTS = {b"phone-a1": "ann", b"card--a1": "ann", b"phone-b1": "bob"}


def company(*seen):
    made = Company(SUBJECTS.get)
    for handle, klass, age in seen:
        made.note(handle, klass, NOW - age)
    return made


def test_a_host_is_here_by_whichever_carrier_was_shown_last():
    here = company((b"phone-a1", 1, 50), (b"card--a1", 1, 9), (b"phone-b1", 3, 2))

    assert here.escort_age(b"phone-a1", NOW) == 9
    assert here.escort_age(b"phone-b1", NOW) == 2
    assert here.escort_age(b"nobody's", NOW) == UNKNOWN


def test_a_second_person_is_not_the_same_one_with_another_carrier():
    here = company((b"phone-b1", 3, 20), (b"card--a1", 1, 5))

    assert here.second(b"phone-a1", NOW) == (20, 3)
    assert here.second(b"phone-b1", NOW) == (5, 1)
    assert company((b"card--a1", 1, 5)).second(b"phone-a1", NOW) == (UNKNOWN, 0)


def test_who_is_in_no_ledger_is_told_apart_by_the_pass():
    here = company((b"paper-01", 4, 7))

    assert here.second(b"paper-01", NOW) == (UNKNOWN, 0)
    assert here.second(b"paper-02", NOW) == (7, 4)


def test_people_are_forgotten_after_two_minutes_and_by_a_clock_that_went_back():
    here = company((b"phone-b1", 3, REMEMBERED_SECONDS))

    assert here.second(b"phone-a1", NOW) == (REMEMBERED_SECONDS, 3)
    assert here.second(b"phone-a1", NOW + 1) == (UNKNOWN, 0)
    assert here.escort_age(b"phone-b1", NOW - REMEMBERED_SECONDS - 1) == UNKNOWN


def test_no_more_people_are_kept_than_a_gate_lets_through():
    here = company((b"phone-b1", 3, 60), *((b"crowd-%02d" % n, 1, 5) for n in range(99)))

    assert here.escort_age(b"phone-b1", NOW) == UNKNOWN
    assert len(here._seen) == MAX_REMEMBERED
