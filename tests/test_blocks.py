"""A visitor whom a guard blocked opens nothing for a day, whoever invited them; residents do."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from compound import ANN, BOB, DAY, HOUR, NOW, OFFICE, OUT, TRUST, C, outcome, show
from desk import NOW as LATER
from desk import iso, loaded, run
from guest_scenarios import Given, paper, visit
from hypothesis import given, settings
from hypothesis import strategies as st
from stand import Stand
from talkers import GROUND, Party, store_of

from appliance.passes import code, invite
from appliance.passes.invite import Invite
from appliance.passes.token import handle_of
from appliance.settings import load
from ledger_sync import base45, cbor, deny, stick
from ledger_sync.clock import Grade
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck_ledger import findings
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.replica import Replica
from ledger_sync.sim import ground as earth
from ledger_sync.sim.disk import Crash, Disk
from ledger_sync.state import number_of
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store
from ledger_sync.withdrawals import Withdrawals, Withdrawn

BLOCKED = "RED DENY R-BLOCKED"
ROWS = "SELECT credential, until, signer, note FROM block ORDER BY credential"
LAPSED = NOW + DAY


CTI = Given().cti


def name_of(host=ANN, cti=CTI):
    return number_of(invite.credential_of(handle_of(host.token), cti))


def note_for(*visitors, at=NOW, key=OFFICE, places=()):
    return deny.sign("yardpass/hz07", places, issued_at=at, key=key, visitors=visitors)


def block(store, *visitors, at=NOW, now=NOW, **more):
    return Denials(store).add(note_for(*visitors, at=at, **more), trust=TRUST, now=now)


def held(store):
    return [(*row, bytes(data)) for *row, data in store.rows(ROWS)]


def version(store):
    return Replica(store).ledger().version


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        yield made


def ends(stand, text, now=NOW, *, grade=Grade.GOOD):
    return outcome(stand.compound.checker().assess(text, now, grade=grade).verdict)


# At the gate.


@pytest.mark.parametrize("shown", [visit(ANN), paper(ANN)])
def test_a_blocked_visitor_is_refused_by_the_very_next_check(stand, shown):
    assert ends(stand, shown) == "GREEN OPEN"
    stand.terminal.rest()

    with Store(stand.compound.path) as other:  # as another process does it
        block(other, name_of())
    said = stand.terminal.present(shown)

    assert (outcome(said.verdict), said.is_opened) == (BLOCKED, False)
    assert said.assessed.facts.invite.ended == 2


def test_nobody_else_is(stand):
    block(stand.store, name_of())

    for text in (visit(BOB), visit(ANN, Given(cti=b"visit-09")), show(C, ANN)):
        assert ends(stand, text) == "GREEN OPEN"


def test_the_way_out_is_open_to_a_blocked_visitor(tmp_path):
    with Stand(tmp_path, OUT) as stand:
        block(stand.store, name_of())

        assert outcome(stand.terminal.present(visit(ANN)).verdict) == "RED OPEN R-BLOCKED"


def test_what_the_host_took_back_is_said_before_what_a_guard_blocked(stand):
    block(stand.store, name_of())
    taken = Withdrawals(stand.store, lambda _: Withdrawn(name_of(), NOW, 3))
    taken.add(b"YP1:", now=NOW)

    assert ends(stand, visit(ANN)) == "RED DENY R-WITHDRAWN"


@pytest.mark.parametrize("grade", [Grade.GOOD, Grade.FAIR])
def test_a_block_lapses_after_a_day_by_a_clock_that_is_known(stand, grade):
    block(stand.store, name_of())
    lasting = Given(last=12 * HOUR, begin=LAPSED - HOUR)

    def facts(now):
        text = visit(ANN, lasting, at=now)
        return stand.compound.checker().assess(text, now, grade=grade).facts

    assert [facts(now).invite.ended for now in (LAPSED - 1, LAPSED)] == [2, 0]


def test_a_clock_that_may_be_wrong_ends_no_block_and_the_floor_does(stand):
    block(stand.store, name_of())

    def ended(now):
        checker = stand.compound.checker()
        return checker.assess(visit(ANN, at=now), now, grade=Grade.POOR).facts.invite.ended

    assert [ended(now) for now in (1, LAPSED, NOW + 20 * DAY)] == [2, 2, 2]
    stand.compound.publish(at=LAPSED)
    assert ended(1) == 0


def test_reads_happen_for_invites_alone(stand):
    seen = []
    stand.store.db.set_trace_callback(seen.append)

    checker = stand.compound.checker()
    checker.assess(show(C, ANN), NOW, grade=0)
    before = len([one for one in seen if "FROM block" in one])
    checker.assess(visit(ANN), NOW, grade=0)

    assert (before, len([one for one in seen if "FROM block" in one])) == (0, 1)


# What is kept.


def test_a_block_is_kept_with_who_signed_it_and_moves_the_version(stand):
    before = version(stand.store)

    found = block(stand.store, name_of(), -7)

    signer, data = OFFICE.public.kid.hex(), note_for(name_of(), -7)
    assert found.visitors == (name_of(), -7)
    assert held(stand.store) == sorted(
        [(name_of(), LAPSED, signer, data), (-7, LAPSED, signer, data)]
    )
    assert [Denials(stand.store).blocked_until(one) for one in (-7, 7)] == [LAPSED, 0]
    assert version(stand.store) == before + 1
    assert list(findings(stand.store, TRUST)) == []


def test_one_note_denies_a_pass_and_blocks_a_visitor(stand):
    block(stand.store, name_of(BOB), places=[(ANN.claims.uri, ANN.claims.idx)])

    assert ends(stand, show(C, ANN)) == "RED DENY R-DENIED"
    assert ends(stand, visit(BOB)) == BLOCKED
    notes = [data for _, data in Denials(stand.store).notes()]
    assert len(notes) == len(set(notes)) == 2  # the other is of the scenarios


def test_a_note_with_a_list_that_is_not_here_blocks_nobody(stand):
    with pytest.raises(Refused, match="no status list"):
        block(stand.store, name_of(), places=[("yp:hz07/s/9", 7)])

    assert held(stand.store) == []


def test_a_newer_note_prolongs_a_block_and_an_older_one_changes_nothing(stand):
    block(stand.store, name_of(), at=NOW + 9, now=NOW + 9)
    before = held(stand.store)

    block(stand.store, name_of())
    assert held(stand.store) == before
    block(stand.store, name_of(), at=NOW + HOUR, now=NOW + HOUR)

    assert Denials(stand.store).blocked_until(name_of()) == LAPSED + HOUR


def test_what_has_certainly_lapsed_is_taken_away_with_the_next_note(stand):
    block(stand.store, name_of())
    stand.compound.publish(at=LAPSED)

    block(stand.store, 7, at=LAPSED, now=LAPSED)

    assert [row[0] for row in held(stand.store)] == [7]


def test_no_state_that_follows_from_the_ledger_changes(stand):
    before = state_digest(stand.store.db)

    block(stand.store, name_of())

    assert state_digest(stand.store.db) == before


ONE = st.tuples(st.lists(st.integers(-2, 2), min_size=1, max_size=3), st.integers(NOW - 2, NOW))


@pytest.fixture(scope="module")
def grounds():
    stores = [Disk(GROUND.disk).store for _ in range(2)]
    yield stores
    for store in stores:
        store.close()


@given(st.lists(ONE, min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_in_whatever_order_and_however_often_they_come_the_same_is_blocked(grounds, ones, chance):
    """Any permutation of notes with duplicates: equal rows, and of each visitor the latest end."""
    at = earth.START - NOW
    guard = earth.key_of("guard")
    notes = [note_for(*visitors, at=when + at, key=guard) for visitors, when in ones]
    shuffled = notes * 2
    chance.shuffle(shuffled)
    for store, series in zip(grounds, (notes, shuffled), strict=True):
        store.write("DELETE FROM block")
        for data in series:
            Denials(store).add(data, trust=GROUND.pinned, now=earth.START)

    one, two = grounds
    assert held(one) == held(two)
    assert Denials(one).notes() == Denials(two).notes()
    latest = {who: max(at + w for v, w in ones if who in v) for v, _ in ones for who in v}
    assert {row[0]: row[1] for row in held(one)} == {
        who: when + DAY for who, when in latest.items()
    }


# When the store fails.


def test_a_crash_at_any_write_leaves_the_old_or_the_new():
    seen = set()
    guard = earth.key_of("guard")
    notes = [note_for(7, at=earth.START, key=guard), note_for(7, 8, at=earth.START + 1, key=guard)]
    for writes in range(50):
        disk = Disk(GROUND.disk)
        Denials(disk.store).add(notes[0], trust=GROUND.pinned, now=earth.START)
        before = held(disk.store), version(disk.store)
        disk.fuse.writes = writes
        try:
            Denials(disk.store).add(notes[1], trust=GROUND.pinned, now=earth.START)
            is_old = False
        except Crash:
            disk.recover()
            is_old = True
        assert ((held(disk.store), version(disk.store)) == before) is is_old
        seen.add(is_old)
        disk.store.close()
        if not is_old:
            break
    assert seen == {True, False}


def test_a_store_that_is_locked_says_so_and_blocks_nobody(stand):
    with closing(sqlite3.connect(stand.compound.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stand.store.db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(Unavailable, match="locked by another process"):
            block(stand.store, name_of())

    assert held(stand.store) == []


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE block SET credential = 9 WHERE credential = 7", "its note says otherwise"),
        ("UPDATE block SET until = until + 1", "its note says otherwise"),
        ("UPDATE block SET signer = 'guard'", "its note says otherwise"),
        ("UPDATE block SET note = x''", "without signature lines"),
        ("DELETE FROM block WHERE credential = 8", "block of 8: it is missing"),
    ],
)
def test_fsck_finds_an_altered_block(stand, damage, why):
    block(stand.store, 7, 8)
    assert list(findings(stand.store, TRUST)) == []

    stand.store.write(damage)

    found = list(findings(stand.store, TRUST))
    assert any(why in one for one in found) and all(one.startswith("block of") for one in found)


# To the others.


@pytest.fixture(autouse=True)
def _no_party_stays():
    yield
    Party.end_all()


def test_a_block_reaches_everybody_through_two_hops_and_by_stick(tmp_path):
    party = Party(4, pairs=[(0, 1), (1, 2)])
    data = note_for(7, at=party.now, key=earth.key_of("guard"))
    first, *_, last = party.nodes
    Denials(store_of(first)).add(data, trust=GROUND.pinned, now=party.now)
    first.gossip.denials_changed()

    party.until(lambda: all(Denials(store_of(one)).blocked_until(7) for one in party.nodes[:3]))
    stick.write(tmp_path / "checks", store_of(first), first.kid)
    stick.read(tmp_path / "checks", last.gossip)

    assert Denials(store_of(last)).blocked_until(7) == int(data.split(b"\n")[1]) + DAY


# From the guard's screen to the note.


HOST = SigningKey(ED25519, bytes(range(32)))


@pytest.fixture
def site(desk):
    Path("key").write_bytes(cbor.encode(HOST.public.to_cose()))
    text = run("office", "enrol", "Li", "--key", "key").stdout.strip().encode()
    loaded()
    host = invite.by_handle(handle_of(base45.decode_ascii(text[4:])))
    claims = Invite(LATER - 60, LATER + HOUR, b"visit001", None, None, 1, 1)
    Path("visit.txt").write_bytes(invite.bearer(invite.invite(claims, host=host, key=HOST)))
    token = invite.revocation(b"visit-09", issued_at=LATER, host=host, key=HOST)
    Path("back.txt").write_bytes(code.to_text(token))
    return host


def checked(file):
    shown = ("check", file, "--site", "north-1", "--at", iso(LATER), "--json")
    return json.loads(run(*shown).stdout)["checks"][0]


def test_a_guard_finds_the_visitor_where_the_check_is_shown_and_blocks_him(site, main):
    before = checked("visit.txt")
    (handle,) = site.values()
    assert before["visitor"] == invite.credential_of(handle, b"visit001").hex()

    wrote = main("office", "deny", "--visitor", before["visitor"], "v.deny")
    told = run("ledger", "deny", "v.deny", "--site", "north-1").stdout

    assert wrote == (0, "wrote v.deny; next: yardpass ledger deny v.deny --site FOLDER\n", "")
    assert told.startswith("1 visitor(s) blocked until ")
    after = checked("visit.txt")
    assert (after["reasons"], after["visitor"]) == (["R-BLOCKED"], before["visitor"])


def test_only_a_proven_invite_has_a_visitor(site):
    Path("odd.txt").write_bytes(Path("visit.txt").read_bytes()[:-2])

    for file in ("chen.txt", "back.txt", "odd.txt"):
        assert "visitor" not in checked(file)


@pytest.mark.parametrize("name", ["", "87a414cf0c83448", "87A414CF0C834483", "Chen", "0" * 17])
def test_what_is_no_visitor_blocks_nobody(site, main, name):
    status, out, told = main("office", "deny", "--visitor", name, "v.deny")

    assert (status, out) == (1, "") and "is no visitor: 16 hex digits" in told
    assert not Path("v.deny").exists()


def test_one_note_blocks_64_visitors_and_no_more(site, main):
    names = [word for number in range(65) for word in ("--visitor", f"{number:016x}")]

    assert main("office", "deny", *names[:-2], "v.deny")[0] == 0
    assert "65 visitors, one note blocks 1 to 64" in main("office", "deny", *names, "w.deny")[2]
    told = run("ledger", "deny", "v.deny", "--site", "north-1").stdout
    assert told.startswith("64 visitor(s) blocked")
    with Store(load(Path("north-1/site.toml")).store) as store:
        assert Denials(store).blocked_until(63)
