"""Visitors who are inside past the end of their invite, by the checks of all terminals."""

import pytest
from compound import ANN, DAY, HOUR, IN, NOW, OUT, SITE, key_named
from guest_scenarios import Given, given, visit
from stand import SECRET, Stand

from appliance.gate.overstays import LOOKED_BACK_SECONDS, overstays
from appliance.passes import invite
from appliance.passes.token import handle_of
from ledger_sync.clock import Reading

VISIT = Given(cti=b"visit-77", uses=9)
NAME = invite.credential_of(handle_of(ANN.token), VISIT.cti).hex()
ENDS = NOW - 60 + HOUR


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        yield made


def comes(stand, at=NOW, terms=VISIT, way=IN):
    """The visitor at the gate, on the way in or out."""
    stand.reading = Reading(at, True, 1, True)
    checker = stand.compound.checker(way)
    stand.terminal._checker = checker
    return stand.terminal.present(visit(ANN, terms, at))


def late(stand, now):
    return [(one.visitor, one.since, one.ended_at) for one in overstays(stand.store, SECRET, now)]


def test_a_visitor_is_overdue_from_the_second_in_which_the_invite_ends(stand):
    assert comes(stand).is_opened

    assert late(stand, ENDS - 1) == []
    assert late(stand, ENDS) == [(NAME, NOW, ENDS)]
    (one,) = overstays(stand.store, SECRET, ENDS)
    assert (one.gate, one.zone) == ("n", 0)


def test_who_left_is_not_overdue_and_who_came_back_is(stand):
    comes(stand)
    assert comes(stand, NOW + 60, way=OUT).is_opened
    assert late(stand, ENDS) == []
    comes(stand, NOW + 120)

    assert late(stand, ENDS) == [(NAME, NOW + 120, ENDS)]


def test_who_was_refused_is_not_inside(stand):
    assert not comes(stand, terms=VISIT._replace(last=13 * HOUR)).is_opened

    assert late(stand, NOW + DAY) == []


def test_who_came_by_a_pass_of_their_own_is_never_overdue(stand):
    from compound import C, show

    stand.terminal.present(show(C, ANN))

    assert late(stand, NOW + DAY) == []


def test_the_one_who_is_overdue_longest_stands_first_and_is_forgotten_after_two_days(stand):
    short = Given(cti=b"visit-78", last=600)
    comes(stand)
    comes(stand, NOW + 5, short)

    found = late(stand, NOW + DAY)

    assert [ended for *_, ended in found] == [NOW - 60 + 600, ENDS]
    assert len(late(stand, NOW + LOOKED_BACK_SECONDS)) == 2
    assert [at for _, at, _ in late(stand, NOW + LOOKED_BACK_SECONDS + 1)] == [NOW + 5]


def test_with_another_secret_nobody_can_be_told_apart_and_nothing_is_raised(stand):
    comes(stand)

    assert NAME not in str(overstays(stand.store, b"x" * 32, ENDS))


def test_the_helper_of_this_module_makes_real_invites():
    assert invite.invite_in(given(ANN, key_named("v"), VISIT)).uses == 9
    assert SITE == "yp:hz07"
