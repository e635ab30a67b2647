"""A denial holds at once and for a day, at the gate and in the store, over the ledger's word."""

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import compound as yard
import pytest
from authority import full_disk
from compound import (
    ANN,
    BOB,
    DAY,
    HOUR,
    IN,
    LIST,
    NOW,
    OFFICE,
    OUT,
    PRINTED,
    STATIC,
    TRUST,
    B,
    C,
    Compound,
    person,
    show,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stand import GOOD_TIME, Stand

from appliance.policy.facts import facts_of
from appliance.policy.reasons import Reason
from appliance.policy.rules import decide
from appliance.policy.verdict import Action, Colour, Verdict
from ledger_sync import deny, entries, snapshot, status_list
from ledger_sync.checklog import Outdated
from ledger_sync.clock import PLAUSIBLE_SECONDS, Grade
from ledger_sync.denials import DENIED, Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck_ledger import findings as ledger_findings
from ledger_sync.state import LIST_SIZE
from ledger_sync.state_digest import rows_of, state_digest
from ledger_sync.store import Store

ORIGIN = "yardpass/hz07"
GUARD, PHONE = yard.key_named("guard"), yard.key_named("phone")
GUARDS = entries.Issuer("guard", GUARD.public, NOW - 9 * DAY, NOW + 9 * DAY, 0, entries.MAY_DENY)
FORMS = pytest.mark.parametrize("form", [C, B, STATIC])
LAPSED = NOW + DAY  # when a denial of NOW does
DENIED_ROWS = "SELECT slot, until, signer, note FROM denial ORDER BY slot"
STATUS_ROWS = "SELECT * FROM status ORDER BY slot"


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A folder that costs no disk where the machine has one; fsck replays there as well."""
    shared = Path("/dev/shm")
    place = shared if shared.is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=place, prefix="yardpass-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def stand(memory):
    with Stand(memory, IN) as made:
        made.compound.publish(PRINTED.enrolment())
        made.store.write("DELETE FROM denial")  # that of the scenarios
        made.store.write("DELETE FROM status WHERE value = 4")
        yield made


@pytest.fixture
def store(stand):
    return stand.store


def places_of(*people):
    return [(who.claims.uri, who.claims.idx) for who in people]


def note_for(*people, at=NOW, key=OFFICE, origin=ORIGIN):
    return deny.sign(origin, places_of(*people), issued_at=at, key=key)


def denied(stand, *people, at=NOW, now=NOW, key=OFFICE):
    """Takes a note into effect as another process does it."""
    with Store(stand.compound.path) as other:
        return Denials(other).add(note_for(*people, at=at, key=key), trust=TRUST, now=now)


def slot_of(who):
    return LIST_SIZE + who.claims.idx


def ends(stand, text, now=NOW, *, grade=Grade.GOOD, way=IN):
    checker = stand.compound.checker(way)
    return yard.outcome(checker.assess(text, now, grade=grade).verdict)


def held(store):
    """What a denial may change: its own rows, and the marks on top of the statuses."""
    return list(store.rows(DENIED_ROWS)), list(store.rows(STATUS_ROWS))


def findings(store):
    """What fsck says of the ledger; the feeds of these tests are none."""
    return list(ledger_findings(store, TRUST))


def refused(store, data, why, *, now=NOW):
    before = held(store)
    with pytest.raises(Refused, match=why) as caught:
        Denials(store).add(data, trust=TRUST, now=now)
    assert caught.value.reason == "R-LEDGER"
    assert held(store) == before


# At once.


@FORMS
def test_a_denied_pass_is_refused_by_the_very_next_check(stand, form):
    who = PRINTED if form is STATIC else ANN
    first, second = show(form, who), show(form, who, NOW + 1) if who.key else show(form, who)
    assert stand.terminal.present(first).is_opened

    denied(stand, who)
    outcome = stand.terminal.present(second)

    assert yard.outcome(outcome.verdict) == "RED DENY R-DENIED"
    assert (outcome.is_recorded, outcome.is_opened, outcome.fault) == (True, False, "")
    assert [check.reasons for check in stand.checks()] == [(), ("R-DENIED",)]
    assert len(stand.relay.history) == 2  # on and off, once


@FORMS
def test_a_denial_that_arrives_after_the_look_ahead_is_seen(stand, form):
    who = PRINTED if form is STATIC else BOB
    stand.terminal.rest()

    denied(stand, who)

    assert yard.outcome(stand.terminal.present(show(form, who)).verdict) == "RED DENY R-DENIED"
    assert stand.relay.history == ()


def test_what_was_judged_from_a_view_before_the_denial_is_never_recorded(stand):
    checker = stand.compound.checker()
    checker.look(NOW)
    denied(stand, ANN)
    assert checker.assess(show(C, ANN), NOW, grade=0).facts.status == 0  # that view is old

    with pytest.raises(Outdated):
        stand.log.append(stand.recorder.number, stand.feed.size, b"check", use=yard.use(1, NOW))

    assert checker.assess(show(C, ANN), NOW, grade=0).facts.status == DENIED


def test_a_denial_is_of_its_places_and_of_no_other(stand):
    denied(stand, ANN)

    assert ends(stand, show(C, ANN)) == "RED DENY R-DENIED"
    for form, who in ((C, BOB), (B, BOB), (C, yard.GUEST), (STATIC, PRINTED)):
        assert ends(stand, show(form, who)) == "GREEN OPEN"
    assert ends(stand, show(C, yard.REVOKED)) == "RED DENY R-REVOKED"


@FORMS
def test_the_way_out_is_open_to_a_denied_pass(memory, form):
    who = PRINTED if form is STATIC else ANN
    with Stand(memory, OUT) as stand:
        stand.compound.publish(PRINTED.enrolment())
        denied(stand, who)

        outcome = stand.terminal.present(show(form, who))

        assert yard.outcome(outcome.verdict) == "RED OPEN R-DENIED"
        assert outcome.is_opened


def test_a_pass_that_was_never_in_a_status_list_row_is_denied(stand, store):
    assert store.row("SELECT * FROM status WHERE slot = ?", slot_of(ANN)) is None

    denied(stand, ANN)

    assert store.row("SELECT * FROM status WHERE slot = ?", slot_of(ANN)) == (slot_of(ANN), 4)
    assert findings(store) == []


def test_64_passes_are_denied_by_one_note(stand, store):
    everybody = [ANN._replace(claims=ANN.claims._replace(idx=idx)) for idx in range(63)]

    denied(stand, ANN, *everybody)

    assert store.row("SELECT count(*) FROM denial") == (64,)
    assert Denials(store).notes() == [(LAPSED, note_for(ANN, *everybody))]
    assert ends(stand, show(B, ANN)) == "RED DENY R-DENIED"
    assert findings(store) == []


def test_a_place_named_twice_is_denied_once(stand, store):
    denied(stand, ANN, ANN)

    assert store.row("SELECT count(*) FROM denial") == (1,)
    assert findings(store) == []


def test_who_denies_is_kept_with_what_is_denied(stand, store):
    stand.compound.publish(GUARDS)

    denied(stand, ANN, key=GUARD)

    data = note_for(ANN, key=GUARD)
    assert list(store.rows(DENIED_ROWS)) == [
        (slot_of(ANN), LAPSED, GUARD.public.kid.hex(), data),
    ]


# For a day.


@FORMS
@pytest.mark.parametrize("grade", [Grade.GOOD, Grade.FAIR])
def test_a_denial_lapses_after_a_day_by_a_clock_that_is_known(stand, form, grade):
    who = PRINTED if form is STATIC else ANN
    denied(stand, who)
    before, after = (show(form, who, at) for at in (LAPSED - 1, LAPSED))

    assert ends(stand, before, LAPSED - 1, grade=grade) == "RED DENY R-DENIED"
    assert ends(stand, after, LAPSED, grade=grade) == "GREY OPEN G-STALE-STATUS"


@FORMS
def test_a_clock_that_may_be_wrong_ends_no_denial(stand, form):
    who = PRINTED if form is STATIC else ANN
    denied(stand, who)

    for now in (1, LAPSED, NOW + 20 * DAY):
        text = show(form, who, now)
        assert ends(stand, text, now, grade=Grade.POOR) == "RED DENY R-DENIED"


@FORMS
def test_the_floor_ends_a_denial_whatever_the_clock_says(stand, form):
    who = PRINTED if form is STATIC else ANN
    denied(stand, who)
    stand.compound.publish(at=LAPSED - 1)
    assert ends(stand, show(form, who, 1), 1, grade=Grade.POOR) == "RED DENY R-DENIED"

    stand.compound.publish(at=LAPSED)

    assert "R-DENIED" not in ends(stand, show(form, who, 1), 1, grade=Grade.POOR)
    for now in (LAPSED, LAPSED - 60):  # a clock that is behind the floor
        assert ends(stand, show(form, who, now), now) == "GREEN OPEN"


def test_a_build_time_past_the_day_ends_a_denial(stand):
    denied(stand, ANN)
    gate = yard.Gate(yard.SITE, "n", IN, 1)

    for build_time, status in ((LAPSED - 1, DENIED), (LAPSED, 0)):
        checker = yard.Checker(stand.compound.replica, gate, build_time=build_time)
        assert checker.assess(show(C, ANN), NOW, grade=Grade.POOR).facts.status == status


@pytest.mark.parametrize(
    ("who", "after"),
    [
        (yard.REVOKED, "RED DENY R-REVOKED"),
        (yard.SUSPENDED, "RED DENY R-SUSPENDED"),
        (yard.ESCORTED, "YELLOW ASK Y-CONDITION G-STALE-STATUS"),
        (ANN, "GREY OPEN G-STALE-STATUS"),
    ],
)
def test_the_ledger_s_own_status_stands_again_after_the_day(stand, who, after):
    denied(stand, who)

    for form in (C, B):
        assert ends(stand, show(form, who)) == "RED DENY R-DENIED"
        assert ends(stand, show(form, who, LAPSED), LAPSED) == after


def shard(*changes, at=NOW):
    raw = status_list.packed(dict(changes), size=LIST_SIZE)
    return entries.Shard(status_list.sign(raw, uri=LIST, issued_at=at, key=OFFICE))


@pytest.mark.parametrize("value", [0, 1, 2, 3])
@pytest.mark.parametrize("how", ["status", "shard"])
@pytest.mark.parametrize("before", [ANN, yard.SUSPENDED])
def test_an_entry_changes_what_is_under_a_denial_and_keeps_it(stand, store, how, value, before):
    denied(stand, before)
    change = (before.claims.idx, value)

    entry = entries.Status(LIST, NOW, (change,)) if how == "status" else shard(change)
    stand.compound.publish(entry)

    assert ends(stand, show(C, before)) == "RED DENY R-DENIED"
    assert store.row("SELECT value FROM status WHERE slot = ?", slot_of(before)) == (value | 4,)
    facts = stand.compound.checker().assess(show(B, before, LAPSED), LAPSED, grade=0).facts
    assert facts.status == value
    assert findings(store) == []


def test_a_denial_lasts_over_passes_that_are_enrolled_anew_or_forgotten(stand, store):
    denied(stand, ANN)

    stand.compound.publish(entries.Unpass(ANN.enrolment().handle))
    assert ends(stand, show(B, ANN)) == "RED DENY R-DENIED"
    stand.compound.publish(ANN.enrolment())

    assert ends(stand, show(C, ANN)) == "RED DENY R-DENIED"
    assert findings(store) == []


# Again.


@pytest.mark.parametrize("key", [OFFICE, GUARD])
def test_a_newer_note_prolongs_a_denial(stand, store, key):
    stand.compound.publish(GUARDS)
    denied(stand, ANN)

    denied(stand, ANN, BOB, at=NOW + HOUR, now=NOW + HOUR, key=key)

    signer, data = key.public.kid.hex(), note_for(ANN, BOB, at=NOW + HOUR, key=key)
    expected = [(slot_of(who), LAPSED + HOUR, signer, data) for who in (ANN, BOB)]
    assert list(store.rows(DENIED_ROWS)) == sorted(expected)
    assert Denials(store).notes() == [(LAPSED + HOUR, data)]
    assert ends(stand, show(C, ANN, LAPSED), LAPSED) == "RED DENY R-DENIED"


@pytest.mark.parametrize("older", [0, 1, HOUR])
def test_a_note_that_is_not_newer_changes_nothing(stand, store, older):
    stand.compound.publish(GUARDS)
    denied(stand, ANN)
    before = held(store)

    denied(stand, ANN, at=NOW - older, key=GUARD)

    assert held(store) == before


def test_an_older_note_still_denies_the_others_it_names(stand, store):
    denied(stand, ANN)

    denied(stand, ANN, BOB, at=NOW - HOUR)

    assert [row[:2] for row in store.rows(DENIED_ROWS)] == sorted(
        [(slot_of(ANN), LAPSED), (slot_of(BOB), LAPSED - HOUR)]
    )
    notes = [(LAPSED - HOUR, note_for(ANN, BOB, at=NOW - HOUR)), (LAPSED, note_for(ANN))]
    assert Denials(store).notes() == notes
    assert findings(store) == []


def test_what_has_certainly_lapsed_is_taken_away_with_the_next_note(stand, store):
    denied(stand, ANN, yard.REVOKED)
    denied(stand, BOB, at=NOW + HOUR, now=NOW + HOUR)
    stand.compound.publish(at=LAPSED)
    assert store.row("SELECT count(*) FROM denial") == (3,)

    denied(stand, yard.GUEST, at=LAPSED, now=LAPSED)

    slots = {slot for slot, *_ in store.rows(DENIED_ROWS)}
    assert slots == {slot_of(BOB), slot_of(yard.GUEST)}
    marked = {slot for (slot,) in store.rows("SELECT slot FROM status WHERE value > 3")}
    assert marked == slots
    assert ends(stand, show(C, yard.REVOKED)) == "RED DENY R-REVOKED"
    assert findings(store) == []


def test_a_clock_alone_takes_no_denial_away(stand, store):
    denied(stand, ANN)

    denied(stand, BOB, at=LAPSED + HOUR, now=LAPSED + HOUR)  # by a clock that may be wrong

    assert {slot for slot, *_ in store.rows(DENIED_ROWS)} == {slot_of(ANN), slot_of(BOB)}


# What is no denial here.


def test_a_note_that_has_lapsed_is_refused(stand, store):
    refused(store, note_for(ANN), "has lapsed", now=LAPSED)
    denied(stand, ANN, now=LAPSED - 1)


def test_a_note_that_has_lapsed_by_the_floor_is_refused_whatever_the_clock_says(stand, store):
    stand.compound.publish(at=LAPSED)

    for now in (0, NOW, LAPSED):
        refused(store, note_for(ANN), "has lapsed", now=now)


def test_a_terminal_that_does_not_know_the_time_takes_a_note_up_to_its_floor(stand, store):
    Denials(store).add(note_for(ANN), trust=TRUST, now=0)

    assert ends(stand, show(C, ANN, 1), 1, grade=Grade.POOR) == "RED DENY R-DENIED"
    refused(store, note_for(BOB, at=NOW + 301), f"it is {NOW} here", now=0)


@pytest.mark.parametrize("now", [NOW + PLAUSIBLE_SECONDS + 1, NOW + 90 * 365 * DAY])
def test_a_clock_decades_ahead_lets_no_fresh_note_lapse_nor_takes_one_from_the_future(
    stand, store, now
):
    refused(store, note_for(BOB, at=now), f"it is {NOW} here", now=now)

    denied(stand, ANN, now=now)

    assert ends(stand, show(C, ANN, now), now, grade=Grade.POOR) == "RED DENY R-DENIED"
    refused(store, note_for(BOB), "has lapsed", now=NOW + PLAUSIBLE_SECONDS)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (note_for(ANN, at=NOW + 301), "it is 1700000000 here"),
        (note_for(ANN, origin="yardpass/bj01"), "not a deny note of yardpass/hz07"),
        (note_for(ANN, key=PHONE), "no known key signed"),
        (note_for(ANN, key=yard.RETIRED), "outside the time its signer was given"),
        (note_for(ANN, key=GUARD), "no known key signed"),
        (note_for(yard.UNLISTED), "no status list 'yp:hz07/s/9' here"),
        (note_for(ANN, yard.UNLISTED, BOB), "no status list 'yp:hz07/s/9' here"),
        (b"", "without signature lines"),
        (bytes(9_999), "control character"),
        (note_for(ANN)[:-1], "without signature lines"),
    ],
)
def test_what_nobody_may_deny_denies_nothing(store, data, why):
    refused(store, data, why)


def test_a_key_denies_only_while_the_ledger_gives_it_the_right(stand, store):
    stand.compound.publish(GUARDS)
    denied(stand, ANN, key=GUARD)

    issue_only = entries.Issuer(*(GUARDS.name, GUARDS.key, GUARDS.since, GUARDS.until, 2, 1))
    stand.compound.publish(issue_only)

    refused(store, note_for(BOB, key=GUARD), "no known key signed")
    assert ends(stand, show(C, ANN)) == "RED DENY R-DENIED"  # taken while it might
    assert findings(store) == []


def test_a_store_without_a_ledger_denies_nothing(memory):
    with Store.create(memory / "new.db", origin=ORIGIN, floor=0) as store:
        refused(store, note_for(ANN), "no known key signed")


# When the store fails.


def test_a_note_that_cannot_be_written_denies_nothing(stand, store):
    before = held(store)
    with closing(sqlite3.connect(stand.compound.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(Unavailable, match="locked by another process"):
            Denials(store).add(note_for(ANN), trust=TRUST, now=NOW)

    assert held(store) == before


def test_a_full_disk_denies_all_of_a_note_or_nothing(stand, store):
    people = [ANN._replace(claims=ANN.claims._replace(idx=idx * 997)) for idx in range(64)]
    before, outcomes = held(store), set()
    wal = Path(f"{stand.compound.path}-wal")

    for room in range(0, 60_000, 4_000):
        with full_disk(wal.stat().st_size + room):
            try:
                Denials(store).add(note_for(*people), trust=TRUST, now=NOW)
            except Unavailable:
                assert held(store) == before
                outcomes.add("full")
            else:
                assert len(held(store)[0]) == 64
                outcomes.add("written")

    assert outcomes == {"full", "written"}
    assert findings(store) == []


def test_a_damaged_store_says_so(store):
    store.write("DROP TABLE issuer")

    with pytest.raises(Unavailable, match="run: yardpass ledger fsck"):
        Denials(store).add(note_for(ANN), trust=TRUST, now=NOW)


# No part of the state that follows from the ledger.


def test_denials_change_neither_the_state_nor_what_a_snapshot_says(stand, store):
    def said():
        with closing(sqlite3.connect(stand.compound.path)) as db:
            file = snapshot.packed(stand.compound.replica.frontier(), rows_of(db))
            return state_digest(db), file, stand.compound.replica.ledger()

    before = said()

    denied(stand, ANN, yard.REVOKED, yard.GUEST)
    assert said() == before
    denied(stand, ANN, at=NOW + HOUR, now=NOW + HOUR)
    assert said() == before
    store.write("UPDATE ledger SET floor = ?", LAPSED + HOUR)
    denied(stand, BOB, at=LAPSED + HOUR, now=LAPSED + HOUR)

    assert said()[:2] == before[:2]
    assert store.row("SELECT count(*) FROM denial") == (1,)


def test_a_check_of_a_denied_pass_replays_to_the_same_bytes(stand):
    denied(stand, ANN, PRINTED)
    for text in (show(C, ANN), show(B, ANN), show(STATIC, PRINTED)):
        stand.terminal.present(text)

    rule = stand.compound.checker().rule
    for check in stand.checks():
        facts = facts_of(check.facts, check.reasons, {rule.digest: rule})
        said = Verdict(
            Colour(check.colour), Action(check.action), tuple(map(Reason, check.reasons))
        )
        assert decide(facts, check.at).to_bytes() == said.to_bytes()
        assert (facts.status, facts.to_bytes()) == (DENIED, check.facts)
    assert len(stand.checks()) == 3


# fsck.


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE status SET value = value & 3", "the mark or the note is missing"),
        ("DELETE FROM status WHERE value > 3", "the mark or the note is missing"),
        ("DELETE FROM denial", "the mark or the note is missing"),
        ("UPDATE status SET value = value | 4", "the mark or the note is missing"),
        ("INSERT INTO status VALUES (131075, 4)", "the mark or the note is missing"),
        ("UPDATE denial SET until = until + 1", "its note says otherwise"),
        ("UPDATE denial SET until = until - 1", "its note says otherwise"),
        ("UPDATE denial SET until = until - 9 * 86400", "it is 1699308800 here"),
        ("UPDATE denial SET until = -1", "it is -1 here"),
        ("UPDATE denial SET signer = 'office'", "its note says otherwise"),
        ("UPDATE denial SET signer = upper(signer)", "its note says otherwise"),
        ("UPDATE denial SET slot = slot + 1", "its note says otherwise"),
        ("UPDATE denial SET slot = slot + 131072", "its note says otherwise"),
        ("UPDATE denial SET note = x''", "without signature lines"),
        ("UPDATE denial SET note = zeroblob(99)", "control character"),
        ("UPDATE denial SET note = CAST(replace(note, '17', '16') AS BLOB)", "does not hold"),
    ],
)
def test_fsck_finds_an_altered_denial(stand, store, damage, said):
    denied(stand, ANN)
    assert findings(store) == []
    store.write(damage)

    found = findings(store)

    assert any(said in sentence for sentence in found), found
    assert all(sentence.startswith("denial of ") for sentence in found), found


def test_fsck_finds_a_note_of_a_key_that_never_was_in_the_ledger(stand, store):
    denied(stand, ANN)
    forged = note_for(ANN, key=PHONE)
    store.write("UPDATE denial SET note = ?, signer = ?", forged, PHONE.public.kid.hex())

    assert findings(store) == [
        f"denial of {slot_of(ANN)}: no known key signed this note; is it of another site?"
    ]


def test_fsck_takes_no_note_for_places_that_are_not_in_it(stand, store):
    denied(stand, ANN)
    store.write("INSERT INTO status VALUES (?, 4)", slot_of(BOB))
    store.write(f"INSERT INTO denial SELECT {slot_of(BOB)}, until, signer, note FROM denial")

    assert findings(store) == [f"denial of {slot_of(BOB)}: its note says otherwise"]


# In any order.


SLOTS = range(3)
STEPS = st.one_of(
    st.tuples(st.just("status"), st.sampled_from(SLOTS), st.integers(0, 3)),
    st.tuples(st.just("shard"), st.sampled_from(SLOTS), st.integers(0, 3)),
    st.tuples(st.just("deny"), st.sampled_from(SLOTS), st.integers(-DAY - 9, 299)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, DAY // 2)),
    st.tuples(st.just("hear"), st.just(0), st.just(0)),
)


PEOPLE = [person(f"p{slot}", idx=slot) for slot in SLOTS]


@contextmanager
def small():
    """A small compound: three people, all well."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        made = Compound(Path(folder))
        with made.store:
            made.publish(*yard.ISSUERS, *(who.enrolment() for who in PEOPLE))
            yield made


class Model:
    """What must hold: the ledger's own statuses, and until when each place is denied."""

    def __init__(self, compound):
        self.compound = compound
        self.values, self.until = dict.fromkeys(SLOTS, 0), dict.fromkeys(SLOTS, 0)
        self.now = self.floor = NOW

    def step(self, what, slot, value):
        if what == "status":
            self.compound.publish(entries.Status(LIST, NOW, ((slot, value),)), at=self.floor)
            self.values[slot] = value
        elif what == "shard":
            self.compound.publish(shard((slot, value)), at=self.floor)
            self.values = dict.fromkeys(SLOTS, 0) | {slot: value}
        elif what == "wait":
            self.now += value
        elif what == "hear":
            self.compound.publish(at=self.now)
            self.floor = self.now
        else:
            self.deny(slot, self.now + value)

    def deny(self, slot, at):
        data = note_for(PEOPLE[slot], at=at)
        try:
            Denials(self.compound.store).add(data, trust=TRUST, now=self.now)
        except Refused as refusal:
            assert "has lapsed" in str(refusal) and at + DAY <= self.now
        else:
            self.until[slot] = max(self.until[slot], at + DAY)

    def check(self, checker):
        for slot, who in zip(SLOTS, PEOPLE, strict=True):
            for form in (C, B):
                for grade in (Grade.GOOD, Grade.POOR):
                    sure = self.floor if grade == Grade.POOR else self.now
                    text = show(form, who, self.now)
                    facts = checker.assess(text, self.now, grade=grade).facts
                    expected = DENIED if sure < self.until[slot] else self.values[slot]
                    assert facts.status == expected


@pytest.mark.long
@given(st.lists(STEPS, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_in_any_order_of_notes_entries_and_time_the_gate_says_what_must_hold(steps):
    with small() as compound:
        model, checker = Model(compound), compound.checker()
        for step in steps:
            model.step(*step)
            model.check(checker)

        assert findings(compound.store) == []


def test_the_gate_of_these_tests_knows_the_time():
    assert (GOOD_TIME.now, NOW) == (1_700_000_000, 1_700_000_000)
