"""An invite that its host took back opens nothing any more: at this gate at once, at all others
with gossip or by stick, whatever order things come in and whatever fails."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from compound import ANN, BOB, DAY, NEVER, NOW, OUT, REVOKED, TRUST, C, outcome, show
from compound import key_named as key
from guest_scenarios import VERA, Given, paper, visit
from hypothesis import given, settings
from hypothesis import strategies as st
from stand import GOOD_TIME, Stand
from talkers import GROUND, Party, Stranger, store_of

from appliance.gate.withdrawing import verifier_of
from appliance.passes import code, invite
from appliance.passes.token import handle_of
from ledger_sync import frames, stick
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.fsck_withdrawals import findings as withdrawal_findings
from ledger_sync.gossip import Gossip
from ledger_sync.kinds import Unpass
from ledger_sync.replica import Replica
from ledger_sync.sim.disk import Crash, Disk
from ledger_sync.state import number_of
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store
from ledger_sync.withdrawals import (
    KEEP_SECONDS,
    MAX_OF_HOST,
    Withdrawals,
    Withdrawn,
    is_withdrawal,
)

WITHDRAWN = "RED DENY R-WITHDRAWN"
ROWS = "SELECT credential, issued_at, note FROM withdrawal ORDER BY credential"
CTI = Given().cti


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        made.terminal._withdraw = taking(made.store)
        yield made


def taking(store):
    held = Withdrawals(store, verifier_of(store))
    return lambda text, now: held.add(text, now=now)


def taken_back(host=ANN, cti=CTI, at=NOW, *, carried=False, by=None):
    """What the phone of a host shows who takes an invite back (form R)."""
    named = invite.by_pass(host.token) if carried else invite.by_handle(handle_of(host.token))
    token = invite.revocation(cti, issued_at=at, host=named, key=by or host.key)
    return code.to_text(token)


def name_of(host=ANN, cti=CTI):
    return number_of(invite.credential_of(handle_of(host.token), cti))


def give(store, text, now=NOW):
    return Withdrawals(store, verifier_of(store)).add(text, now=now)


def held(store):
    return [(name, at, bytes(text)) for name, at, text in store.rows(ROWS)]


def version(store):
    return Replica(store).ledger().version


def refused(store, text, why, now=NOW):
    before = held(store), version(store)
    with pytest.raises(Refused, match=why) as caught:
        give(store, text, now)
    assert caught.value.reason == "R-LEDGER"
    assert (held(store), version(store)) == before


def ends(stand, text, **more):
    return outcome(stand.compound.checker(**more).assess(text, NOW, grade=0).verdict)


# At the gate.


@pytest.mark.parametrize("shown", [visit(ANN), paper(ANN), visit(ANN, key=VERA)])
def test_what_a_host_takes_back_at_a_gate_opens_nothing_from_then_on(stand, shown):
    first = stand.terminal.present(paper(ANN, Given(cti=b"visit-09")))
    assert ends(stand, shown) == "GREEN OPEN"

    said = stand.terminal.present(taken_back())

    assert (outcome(said.verdict), said.is_recorded, said.fault) == (WITHDRAWN, True, "")
    assert outcome(stand.terminal.present(shown).verdict) == WITHDRAWN
    assert [one.reasons for one in stand.checks()] == [(), ("R-WITHDRAWN",), ("R-WITHDRAWN",)]
    assert first.is_opened and len(stand.relay.history) == 2  # on and off, once


def test_the_facts_say_who_ended_it(stand):
    give(stand.store, taken_back())

    facts = stand.compound.checker().assess(visit(ANN), NOW, grade=0).facts

    assert facts.invite.ended == 1
    assert stand.compound.checker().assess(show(C, ANN), NOW, grade=0).facts.invite.ended == 0


def test_the_way_out_stays_open_to_a_visitor_who_is_no_longer_invited(tmp_path):
    with Stand(tmp_path, OUT) as stand:
        give(stand.store, taken_back())

        assert outcome(stand.terminal.present(visit(ANN)).verdict) == "RED OPEN R-WITHDRAWN"


def test_it_outlives_a_restart_and_is_of_that_invite_alone(stand):
    stand.terminal.present(taken_back())

    with Store(stand.compound.path) as again:
        assert Withdrawals(again).is_withdrawn(name_of())
        assert not Withdrawals(again).is_withdrawn(name_of(BOB))
    assert ends(stand, visit(ANN, Given(cti=b"visit-09"))) == "GREEN OPEN"
    assert ends(stand, visit(BOB)) == "GREEN OPEN"
    assert ends(stand, show(C, ANN)) == "GREEN OPEN"


@pytest.mark.parametrize(
    "text",
    [
        taken_back(by=key("stranger")),
        taken_back(NEVER),
        taken_back()[:-3],
        visit(ANN),
        show(C, ANN),
        b"https://example.org",
    ],
)
def test_what_no_host_signed_takes_nothing_back(stand, text):
    stand.terminal.present(text)

    assert held(stand.store) == []


def test_nothing_is_taken_back_whose_check_is_not_on_record(stand):
    with closing(sqlite3.connect(stand.compound.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stand.store.db.execute("PRAGMA busy_timeout = 0")
        said = stand.terminal.present(taken_back())

    assert (said.is_recorded, outcome(said.verdict)) == (False, WITHDRAWN)
    assert held(stand.store) == []


def test_a_gate_that_cannot_keep_it_says_so_beside_the_verdict(stand):
    said = stand.terminal.present(taken_back(at=NOW + 301))

    assert outcome(said.verdict) == WITHDRAWN
    assert f"an invite taken back at {NOW + 301}, it is {NOW} here" in said.fault
    assert held(stand.store) == []
    assert ends(stand, visit(ANN)) == "GREEN OPEN"


def test_a_gate_without_a_memory_for_it_still_confirms(tmp_path):
    with Stand(tmp_path) as stand:
        assert outcome(stand.terminal.present(taken_back()).verdict) == WITHDRAWN
        assert held(stand.store) == []


def test_reads_happen_for_invites_alone(stand):
    checker = stand.compound.checker()
    seen = []
    stand.store.db.set_trace_callback(seen.append)

    checker.assess(show(C, ANN), NOW, grade=0)
    before = [one for one in seen if "withdrawal" in one]
    checker.assess(visit(ANN), NOW, grade=0)

    assert before == []
    assert len([one for one in seen if "withdrawal" in one]) == 1


# What is kept.


def test_a_withdrawal_is_kept_once_and_moves_the_version_once(stand):
    before = version(stand.store)

    first, again = (give(stand.store, taken_back()) for _ in range(2))

    assert first == again == Withdrawn(name_of(), NOW, number_of(handle_of(ANN.token)))
    assert held(stand.store) == [(name_of(), NOW, taken_back())]
    assert version(stand.store) == before + 1


@pytest.mark.parametrize("carried", [False, True])
def test_a_pass_that_is_carried_proves_its_host_as_well(stand, carried):
    give(stand.store, taken_back(carried=carried))

    assert ends(stand, visit(ANN)) == WITHDRAWN
    found = findings(stand.store, TRUST, verify=verifier_of(stand.store))
    assert [one for one in found if not one.startswith("feed")] == []  # those of a stand are none


def test_a_host_who_is_revoked_may_still_take_back(stand):
    assert give(stand.store, taken_back(REVOKED)).credential == name_of(REVOKED)


def test_one_from_ahead_of_time_is_refused_beyond_what_clocks_differ(stand):
    refused(stand.store, taken_back(at=NOW + 301), f"it is {NOW} here")

    assert give(stand.store, taken_back(at=NOW + 300)).issued_at == NOW + 300


@pytest.mark.parametrize("now", [0, NOW + 10**9])
def test_a_clock_that_cannot_be_right_is_as_good_as_the_floor(stand, now):
    refused(stand.store, taken_back(at=NOW + 301), f"it is {NOW} here", now=now)
    give(stand.store, taken_back(), now=now)


def test_it_is_kept_until_no_invite_can_last_any_more_and_forgotten_then(stand):
    give(stand.store, taken_back())
    stand.compound.publish(at=NOW + KEEP_SECONDS - 1)
    give(stand.store, taken_back(BOB, at=NOW + DAY), now=NOW + KEEP_SECONDS)
    assert {row[0] for row in held(stand.store)} == {name_of(), name_of(BOB)}
    assert len(Withdrawals(stand.store).notes()) == 2

    stand.compound.publish(at=NOW + KEEP_SECONDS)

    assert Withdrawals(stand.store).notes() == [taken_back(BOB, at=NOW + DAY)]
    refused(stand.store, taken_back(), "over a year ago")
    give(stand.store, taken_back(BOB, at=NOW + 2 * DAY), now=NOW + KEEP_SECONDS)
    assert [row[0] for row in held(stand.store)] == [name_of(BOB)]


def test_no_state_that_follows_from_the_ledger_changes(stand):
    before = state_digest(stand.store.db)

    give(stand.store, taken_back())

    assert state_digest(stand.store.db) == before


def test_without_somebody_who_can_tell_nothing_is_taken_in(stand):
    with pytest.raises(Refused, match="nobody here can tell"):
        Withdrawals(stand.store).add(taken_back(), now=NOW)


def test_what_left_a_step_out_is_not_believed(stand, monkeypatch):
    monkeypatch.setattr("appliance.passes.verify_invite.check_host_signed", lambda *_: 0)

    refused(stand.store, taken_back(by=key("stranger")), "was not verified")


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda d: b"YP1:" + d)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_withdrawal_or_refused(data):
    """Any text: what a host signed, or `Refused` (R-LEDGER), and nothing is held."""
    with closing(Disk(GROUND.disk).store) as store:
        refused(store, data, ".", now=GROUND_AT)


@pytest.mark.parametrize("text", [taken_back(), taken_back(BOB)])
def test_a_text_with_any_character_altered_cut_or_doubled_takes_nothing_back(stand, text):
    store = stand.store
    for at in range(len(text)):
        other = b"0" if text[at : at + 1] != b"0" else b"1"
        for wrong in (text[:at], text[:at] + other + text[at + 1 :], text[:at] + text[at - 1 :]):
            with pytest.raises(Refused):
                give(store, wrong)
    assert held(store) == []


# In whatever order they come.


CTIS = (b"visit-11", b"visit-12")
ONE = st.tuples(
    st.sampled_from([ANN, BOB]), st.sampled_from(CTIS), st.integers(NOW - 2, NOW), st.booleans()
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two stores of one compound."""
    with (
        Stand(tmp_path_factory.mktemp("one")) as one,
        Stand(tmp_path_factory.mktemp("two")) as two,
    ):
        yield one.store, two.store


@given(st.lists(ONE, min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_in_whatever_order_and_however_often_they_come_the_same_is_held(stores, given_, chance):
    """Any permutation with duplicates: equal rows, equal notes, and every invite taken back."""
    texts = [taken_back(host, cti, at, carried=more) for host, cti, at, more in given_]
    shuffled = texts * 2
    chance.shuffle(shuffled)
    for store, series in zip(stores, (texts, shuffled), strict=True):
        store.write("DELETE FROM withdrawal")
        for text in series:
            give(store, text)

    one, two = stores
    assert held(one) == held(two)
    assert Withdrawals(one).notes() == Withdrawals(two).notes()
    for host, cti, *_ in given_:
        assert Withdrawals(one).is_withdrawn(name_of(host, cti))


def many(host, first, count):
    """Texts of one host of the simulator's, each a second later."""
    return [b"YP1:%d %d" % (host * 10**6 + n, GROUND_AT - first + n) for n in range(count)]


def test_of_one_host_the_newest_are_kept_and_of_the_others_all():
    few, flood = many(1, 900, 3), many(2, 800, MAX_OF_HOST + 40)
    told, order = [], random.Random(5)
    for _ in range(3):
        with closing(Disk(GROUND.disk).store) as store:
            for text in order.sample(few + flood, len(few + flood)):
                Withdrawals(store, said).add(text, now=GROUND_AT)
            told.append(Withdrawals(store).notes())
            assert list(withdrawal_findings(store, said)) == []

    assert told[0] == told[1] == told[2]
    assert set(told[0]) == {*few, *flood[-MAX_OF_HOST:]}


def test_each_host_is_told_of_before_more_of_any_other():
    few, flood = many(1, 900, 2), many(2, 800, 5)
    with closing(Disk(GROUND.disk).store) as store:
        for text in (*few, *flood):
            Withdrawals(store, said).add(text, now=GROUND_AT)

        newest_first = Withdrawals(store).notes()[::-1]

    assert newest_first == [flood[4], few[1], flood[3], few[0], *flood[2::-1]]


def test_one_that_is_behind_what_is_kept_of_its_host_changes_nothing():
    flood = many(2, 800, MAX_OF_HOST + 1)
    with closing(Disk(GROUND.disk).store) as store:
        for text in flood[1:]:
            Withdrawals(store, said).add(text, now=GROUND_AT)
        before = held(store), version(store)

        Withdrawals(store, said).add(flood[0], now=GROUND_AT)

        assert (held(store), version(store)) == before


def test_fsck_tells_more_of_one_host_than_are_kept(monkeypatch):
    with closing(Disk(GROUND.disk).store) as store:
        for text in many(2, 800, 3):
            Withdrawals(store, said).add(text, now=GROUND_AT)
        monkeypatch.setattr("ledger_sync.fsck_withdrawals.MAX_OF_HOST", 2)

        found = list(withdrawal_findings(store, said))

    assert found == ["withdrawal: more are kept of host 2 than are of one"]


# When the store fails.


with closing(Disk(GROUND.disk).store) as _ground:
    GROUND_AT = Replica(_ground).ledger().floor


def said(text):
    """A verifier for ledgers of the simulator: `YP1:name at`, each million names of one host."""
    try:
        name, at = text.removeprefix(b"YP1:").split(b" ")
        return Withdrawn(int(name), int(at), int(name) // 10**6)
    except ValueError:
        raise Refused("no such text") from None


def test_a_crash_at_any_write_leaves_the_old_or_the_new():
    seen = set()
    for writes in range(50):
        disk = Disk(GROUND.disk)
        Withdrawals(disk.store, said).add(b"YP1:7 %d" % GROUND_AT, now=GROUND_AT)
        before = held(disk.store), version(disk.store)
        disk.fuse.writes = writes
        try:
            Withdrawals(disk.store, said).add(b"YP1:8 %d" % GROUND_AT, now=GROUND_AT)
            outcome_ = "new"
        except Crash:
            disk.recover()
            outcome_ = "old"
        assert ((held(disk.store), version(disk.store)) == before) is (outcome_ == "old")
        seen.add(outcome_)
        disk.store.close()
        if outcome_ == "new":
            break
    assert seen == {"old", "new"}


def test_a_full_disk_takes_nothing_back():
    disk = Disk(GROUND.disk)
    disk.fuse.is_full = True

    with pytest.raises(Unavailable, match="free disk space"):
        Withdrawals(disk.store, said).add(b"YP1:7 %d" % GROUND_AT, now=GROUND_AT)

    assert held(disk.store) == []
    disk.store.close()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE withdrawal SET issued_at = issued_at - 1", "its text says otherwise"),
        ("UPDATE withdrawal SET credential = 7", "its text says otherwise"),
        ("UPDATE withdrawal SET note = x'59'", "not a Yardpass code"),
    ],
)
def test_fsck_finds_an_altered_withdrawal(stand, damage, why):
    give(stand.store, taken_back())
    verify = verifier_of(stand.store)
    assert list(withdrawal_findings(stand.store, verify)) == []

    stand.store.write(damage)

    (found,) = withdrawal_findings(stand.store, verify)
    assert found.startswith("withdrawal of ") and why in found
    assert list(withdrawal_findings(stand.store, None)) == []


def test_fsck_forgives_that_the_host_left_the_ledger_since(stand):
    give(stand.store, taken_back())
    stand.compound.publish(Unpass(handle_of(ANN.token)))

    assert list(withdrawal_findings(stand.store, verifier_of(stand.store))) == []


def test_a_store_of_a_version_before_gets_a_place_for_withdrawals(stand):
    path = stand.compound.path
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("DROP TABLE withdrawal")
        older.execute("DROP TABLE block")
        older.execute("DELETE FROM _sqlite_migrations WHERE name = 'seventh'")

    with Store(path) as store:
        give(store, taken_back())
        assert len(held(store)) == 1


# To the others.


@pytest.fixture(autouse=True)
def _no_party_stays():
    yield
    Party.end_all()


def party_of(count, *, deaf=()):
    """Terminals in a row that can tell what takes an invite back, but for those."""
    party = Party(count, pairs=())
    for number, node in enumerate(party.nodes):
        if number not in deaf:
            me = replace(node.gossip._me, verify=said)
            options = {"pinned": GROUND.pinned, "now": lambda: party.now, "in_memory": True}
            node.gossip = Gossip(store_of(node), me, chance=random.Random(number), **options)
    for number in range(count - 1):
        party.join(number, number + 1)
    return party


def take_back(party, number, text):
    node = party.nodes[number]
    Withdrawals(store_of(node), said).add(text, now=party.now)
    node.gossip.denials_changed()


def everywhere(party, texts):
    return all(Withdrawals(store_of(node)).notes() == texts for node in party.nodes)


def test_a_withdrawal_reaches_everybody_through_two_hops():
    party = party_of(3)
    text = b"YP1:7 %d" % party.now

    take_back(party, 0, text)
    party.until(lambda: everywhere(party, [text]), rounds=6)

    assert all(Withdrawals(store_of(node)).is_withdrawn(7) for node in party.nodes)


def test_who_held_other_texts_of_one_invite_holds_the_same_in_the_end():
    party = party_of(2)
    older, newer = b"YP1:7 %d" % (party.now - 9), b"YP1:7 %d" % party.now
    party.part(0, 1)
    take_back(party, 0, older)
    take_back(party, 1, newer)

    party.join(0, 1)

    party.until(lambda: everywhere(party, [newer]))


def test_where_nobody_can_tell_it_is_passed_over_and_nobody_is_refused():
    party = party_of(2, deaf=(1,))

    take_back(party, 0, b"YP1:7 %d" % party.now)
    for _ in range(9):
        party.turn()

    assert held(store_of(party.nodes[1])) == []
    assert len(party.nodes[0].gossip.talks) == 1


def test_orders_and_denials_are_named_and_told_before_all_withdrawals():
    party = party_of(1)
    for number in range(20):
        take_back(party, 0, b"YP1:%d %d" % (number, party.now))
    denial = GROUND.denial(7, party.now)
    stranger = Stranger(party)
    Denials(store_of(party.nodes[0])).add(denial, trust=GROUND.pinned, now=party.now)
    party.nodes[0].gossip.denials_changed()
    stranger.greet()

    told = [one.note for one in stranger.heard(frames.Deny)]

    assert told[0] == denial
    assert all(map(is_withdrawal, told[1:])) and len(told) == 16


def test_a_peer_that_says_it_holds_a_withdrawal_is_not_told_it():
    party = party_of(1)
    text = b"YP1:7 %d" % party.now
    take_back(party, 0, text)
    first = Stranger(party).greet()
    (hello,) = first.heard(frames.Hello)[-1:]

    again = Stranger(party, number=4).greet(denials=hello.denials)

    assert len(hello.denials) == 1
    assert again.heard(frames.Deny) == []


def test_a_stick_carries_withdrawals(tmp_path):
    party = party_of(2)
    party.part(0, 1)
    one, two = party.nodes
    text = b"YP1:7 %d" % party.now
    take_back(party, 0, text)

    stick.write(tmp_path / "checks", store_of(one), one.kid)
    stick.read(tmp_path / "checks", two.gossip)

    assert stick.urgent(store_of(one)) == [text]
    assert Withdrawals(store_of(two)).notes() == [text]


def test_a_newer_ledger_lets_in_what_came_before_its_host(stand):
    refused(stand.store, taken_back(NEVER), "no pass with this handle")

    stand.compound.publish(NEVER.enrolment())

    give(stand.store, taken_back(NEVER))
    assert ends(stand, visit(NEVER)) == WITHDRAWN


def test_the_marks_of_a_withdrawn_invite_are_still_counted(stand):
    """What was used before it was taken back stays a use."""
    assert stand.terminal.present(visit(ANN)).is_opened
    stand.reading = replace(GOOD_TIME, now=NOW + 1)
    stand.terminal.present(taken_back(at=NOW + 1))

    facts = stand.compound.checker().assess(visit(ANN, at=NOW + 2), NOW + 2, grade=0).facts

    assert (facts.uses, facts.invite.ended) == (1, 1)
