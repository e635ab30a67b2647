"""Every check is one durable entry that says whether it counts, and one ring with its head."""

import hashlib
import json

import compound as yard
import pytest
from compound import ANN, BOB, IN, NOW, NUMBER, OUT, PRINTED, STATIC, B, C, key_named, show
from stand import KEY, SECRET, Stand

from appliance.gate.recorder import (
    AGAIN_SECONDS,
    KEEP_SEALED_SECONDS,
    PRUNE_SECONDS,
    SAVE_SECONDS,
)
from appliance.policy.facts import NOWHERE, UNINVITED
from ledger_sync import feed as feeds
from ledger_sync import masks
from ledger_sync.batch import root_of
from ledger_sync.clock import Reading
from ledger_sync.errors import Unavailable
from ledger_sync.feed import check_of
from ledger_sync.merkle import frontier_of
from ledger_sync.sealing import Sealer, auditor_key_of, unsealed
from ledger_sync.shelf import Shelf
from ledger_sync.state import holder_of, number_of

AUDITOR = key_named("auditor")
POOR_TIME = Reading(NOW, synchronised=False, error_seconds=16, has_chip=False)
FOREIGN = b"HTTPS://EXAMPLE.ORG/"


@pytest.fixture
def stand(tmp_path):
    yield from standing(tmp_path, IN)


@pytest.fixture
def way_out(tmp_path):
    yield from standing(tmp_path, OUT)


def standing(folder, way):
    """A gate whose bell writes down what it rang, `stand.rung`."""
    with Stand(folder, way) as made:
        made.store.row("PRAGMA synchronous = OFF")
        made.rung = []
        made.recorder.bell = made.rung.append
        yield made


def last(stand):
    return stand.checks()[-1]


def key_of_day(at=NOW):
    return masks.day_key(SECRET, at)


# Rings.


def test_every_check_rings_once_with_a_head_over_all_that_is_durable(stand):
    sizes = []
    for text in (show(C, ANN), FOREIGN, show(B, BOB), b""):
        stand.terminal.present(text)
        sizes.append(len(stand.rung))
        entries = stand.log.entries(stand.feed.origin)
        head = root_of(stand.rung[-1], origin=stand.feed.origin, key=KEY.public.raw)
        assert (head.size, head.root) == (len(entries), frontier_of(entries).root())

    assert sizes == [1, 2, 3, 4]


def test_a_check_that_was_not_recorded_rings_nothing(stand):
    stand.store.row("PRAGMA query_only = ON")

    outcome = stand.terminal.present(show(C, ANN))

    assert (outcome.is_recorded, stand.rung) == (False, [])


def test_a_full_bundle_rings_after_its_head_is_kept_and_not_before(stand):
    for number in range(feeds.BUNDLE - 2):
        stand.terminal.present(b"menu %d" % number)
    before = len(stand.rung)

    stand.terminal.present(FOREIGN)
    at_once = len(stand.rung)
    stand.terminal.present(show(C, ANN))
    stand.terminal.rest()

    assert at_once == before
    heads = [root_of(text, origin=stand.feed.origin, key=KEY.public.raw) for text in stand.rung]
    assert [head.size for head in heads[before:]] == [feeds.BUNDLE + 1]
    assert [size for size, _ in stand.log.heads(stand.feed.origin)] == [feeds.BUNDLE]


def test_a_quiet_gate_rings_again_now_and_then_for_who_came_late(stand):
    seen = []
    for seconds in (0, 0, AGAIN_SECONDS - 1, AGAIN_SECONDS, AGAIN_SECONDS, -9):
        stand.recorder.rest(NOW + seconds)
        seen.append(len(stand.rung))

    assert seen == [1, 1, 1, 2, 2, 3]  # a clock that goes back silences nobody


def test_the_newest_head_is_kept_once_in_a_while_and_not_of_what_has_one(stand):
    kept = []
    for seconds in (0, 1, SAVE_SECONDS - 1, SAVE_SECONDS, 2 * SAVE_SECONDS, 3 * SAVE_SECONDS):
        if seconds < SAVE_SECONDS or seconds == 2 * SAVE_SECONDS:
            stand.terminal.present(FOREIGN)
        stand.recorder.rest(NOW + seconds)
        kept.append([size for size, _ in stand.log.heads(stand.feed.origin)])

    assert kept == [[], [], [], [4], [5], [5]]


def test_a_head_behind_a_full_bundle_is_kept_as_well_when_it_stays_quiet(stand):
    stand.recorder.rest(NOW)
    for number in range(feeds.BUNDLE + 1):
        stand.terminal.present(b"menu %d" % number)

    stand.recorder.rest(NOW + 1)
    stand.recorder.rest(NOW + SAVE_SECONDS)

    heads = [size for size, _ in stand.log.heads(stand.feed.origin)]
    assert heads == [feeds.BUNDLE, feeds.BUNDLE + 2]


def test_what_was_there_at_the_first_look_is_kept_though_nothing_comes(stand):
    stand.terminal.present(FOREIGN)

    for seconds in (0, SAVE_SECONDS):
        stand.recorder.rest(NOW + seconds)

    assert stand.head() == 2


def test_a_head_that_could_not_be_kept_is_kept_later(stand):
    stand.recorder.rest(NOW)
    stand.terminal.present(FOREIGN)
    stand.store.row("PRAGMA query_only = ON")
    with pytest.raises(Unavailable):
        stand.recorder.rest(NOW + SAVE_SECONDS)
    stand.store.row("PRAGMA query_only = OFF")

    stand.recorder.rest(NOW + 2 * SAVE_SECONDS)

    assert stand.head() == 2


def test_the_last_head_is_kept_and_rung(stand):
    stand.terminal.present(show(C, ANN))

    stand.terminal.close()

    assert stand.head() == 2
    assert stand.rung[-1] == stand.log.heads(stand.feed.origin)[-1][1]


# What counts.


@pytest.mark.parametrize("form", [C, B])
@pytest.mark.parametrize("kind", yard.PEOPLE)
def test_an_accepted_code_counts_for_its_holder(stand, form, kind):
    who = yard.PEOPLE[kind]

    stand.terminal.present(show(form, who, NOW - 2))

    check = last(stand)
    holder = holder_of(who.key.public.raw)
    assert (check.is_counted, check.code_at, check.way) == (1, NOW - 2, IN)
    assert masks.unmasked(check.carrier, key_of_day(), check.digest) == holder
    standing = stand.compound.replica.standing("no list", 0, holder)
    assert standing[1:5] == (NOW - 2, IN, NOW, 1)


def test_a_carrier_is_read_with_the_key_of_the_day_of_this_site_alone(stand):
    stand.terminal.present(show(C, ANN))

    check, holder = last(stand), holder_of(ANN.key.public.raw)
    wrong = [key_of_day(NOW + masks.DAY_SECONDS), masks.day_key(b"another site", NOW)]
    assert check.carrier != holder % 2**64
    assert holder not in [masks.unmasked(check.carrier, key, check.digest) for key in wrong]
    assert feeds.use_of(check.to_bytes(), SECRET).holder == holder


def test_a_printed_pass_counts_for_its_handle_and_locks_nobody_out(stand):
    outcomes = [stand.terminal.present(show(STATIC, PRINTED)) for _ in range(3)]

    assert all(outcome.is_opened for outcome in outcomes)
    checks, number = stand.checks(), number_of(PRINTED.enrolment().handle)
    assert [(check.is_counted, check.code_at) for check in checks] == [(1, 0)] * 3
    for check in checks:
        assert masks.unmasked(check.carrier, key_of_day(), check.digest) == number
    assert stand.compound.replica.standing("no list", 0, number).uses == 3
    assert [outcome.assessed.facts.uses for outcome in outcomes] == [0, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        FOREIGN,
        show(C, yard.REVOKED),
        show(B, yard.REVOKED),
        show(C, ANN, NOW - 60),
        show(C, ANN, nonce=NUMBER),
        show(C, yard.NEVER),
    ],
    ids=["foreign", "revoked", "revoked, carried", "stale", "nonce", "unknown"],
)
@pytest.mark.parametrize("way", [IN, OUT])
def test_a_red_check_counts_for_nobody_whichever_way_it_leads(tmp_path, text, way):
    with Stand(tmp_path, way) as stand:
        before = stand.store.row("SELECT count(*), sum(uses) FROM holder_mark")

        stand.terminal.present(text)

        check = last(stand)
        assert (check.is_counted, check.carrier, check.code_at) == (0, 0, 0)
        assert (check.colour, check.way) == (3, way)
        assert stand.store.row("SELECT count(*), sum(uses) FROM holder_mark") == before


def test_a_code_counts_once_and_its_replay_does_not(stand):
    for _ in range(2):
        stand.terminal.present(show(C, ANN))

    assert [check.is_counted for check in stand.checks()] == [1, 0]


def test_a_yellow_check_counts_for_the_guard_may_let_them_in(stand):
    stand.terminal.present(show(C, yard.ESCORTED))

    assert (last(stand).colour, last(stand).is_counted) == (2, 1)


def test_a_way_out_counts_as_a_way_out(way_out):
    way_out.terminal.present(show(C, ANN))

    standing = way_out.compound.replica.standing("no list", 0, holder_of(ANN.key.public.raw))
    assert (last(way_out).way, standing.last_way, standing.uses) == (OUT, OUT, 0)


def test_a_check_counts_in_the_zone_and_for_as_many_entries_as_it_is_told(stand):
    outcome = stand.terminal.present(show(C, ANN)).assessed
    again, red = Reading(NOW + 1, True, 1, True), stand.terminal.present(show(C, yard.REVOKED))

    for assessed in (outcome, red.assessed):
        around, given = NOWHERE._replace(zone=7), UNINVITED._replace(quota=2)
        facts = assessed.facts._replace(around=around, invite=given)
        stand.recorder.record(b"text", "north", assessed._replace(facts=facts), again)

    standing = stand.compound.replica.standing("no list", 0, holder_of(ANN.key.public.raw))
    found = [(check.is_counted, check.zone, check.quota) for check in stand.checks()]
    assert found == [(1, 0, 0), (0, 255, 0), (1, 7, 2), (0, 255, 0)]
    assert standing.uses == 2
    assert json.loads(standing.places) == {"z0": 2 * NOW, "z7": 2 * NOW + 2}


@pytest.mark.parametrize("way", [IN, OUT])
def test_nothing_counts_by_a_clock_that_may_be_wrong(tmp_path, way):
    with Stand(tmp_path, way) as stand:
        stand.reading = POOR_TIME

        outcome = stand.terminal.present(show(C, ANN, NOW + 2**31))

        assert outcome.verdict.reasons[0] == "G-CLOCK"
        assert (last(stand).is_counted, last(stand).carrier) == (0, 0)


# What the auditor reads.


@pytest.mark.parametrize("is_prepared", [True, False])
def test_the_handle_is_sealed_for_the_auditor_beside_the_check(stand, is_prepared):
    stand.recorder.sealer = Sealer(auditor_key_of(AUDITOR.public.raw))
    if is_prepared:
        stand.terminal.rest()

    stand.terminal.present(show(C, ANN))

    part = Shelf(stand.store).part(stand.recorder.number, 1, 2)
    sealed = part.sealed[1:]
    assert hashlib.sha256(sealed).digest() == last(stand).sealed
    assert unsealed(sealed, AUDITOR) == ANN.enrolment().handle


def test_where_there_is_no_pass_nothing_is_sealed(stand):
    stand.recorder.sealer = Sealer(auditor_key_of(AUDITOR.public.raw))

    stand.terminal.present(FOREIGN)

    assert last(stand).sealed == feeds.NOTHING_SEALED
    assert Shelf(stand.store).part(stand.recorder.number, 1, 2).sealed == b""


def test_without_an_auditor_nothing_is_sealed(stand):
    stand.terminal.present(show(C, ANN))

    assert last(stand).sealed == feeds.NOTHING_SEALED


def test_what_was_sealed_is_forgotten_after_its_days_and_an_entry_says_so(stand):
    stand.recorder.sealer = Sealer(auditor_key_of(AUDITOR.public.raw))
    stand.terminal.present(show(C, ANN))
    with stand.store.transaction():
        Shelf(stand.store).put_acknowledged(stand.recorder.number, "west", 2, "")
    sizes, later = [], KEEP_SEALED_SECONDS + PRUNE_SECONDS

    for seconds in (0, KEEP_SEALED_SECONDS, later, 2 * KEEP_SEALED_SECONDS):
        stand.recorder.rest(NOW + seconds)
        sizes.append(stand.feed.size)

    entries = stand.log.entries(stand.feed.origin)
    assert sizes == [2, 2, 3, 3]
    assert feeds.pruned_of(entries[2]) == feeds.Pruned(NOW + later, NOW + PRUNE_SECONDS, 1)
    assert Shelf(stand.store).part(stand.recorder.number, 1, 2).sealed == b""
    stand.terminal.close()
    assert stand.head() == 3


def test_what_is_to_be_forgotten_is_looked_for_a_few_times_a_day(stand, monkeypatch):
    looked = []
    monkeypatch.setattr(stand.log, "forget", lambda *stated: looked.append(stated[2]) or b"")

    for seconds in (0, 1, PRUNE_SECONDS - 1, PRUNE_SECONDS, PRUNE_SECONDS + 9, -1):
        stand.recorder.rest(NOW + seconds)

    assert looked == [NOW, NOW + PRUNE_SECONDS, NOW - 1]


# The order of checks for readers.


def test_checks_of_one_second_have_an_order_and_a_clock_that_goes_back_keeps_it(stand):
    for seconds in (0, 0, -60, 5):
        stand.reading = Reading(NOW + seconds, True, 1, True)
        stand.terminal.present(FOREIGN)

    times = [check.hlc for check in stand.checks()]
    assert times == sorted(set(times))
    assert times[-1] == (NOW + 5) * 1_000 << 16


def test_a_check_is_behind_all_that_was_heard_of_peers(stand):
    ahead = (NOW + 100) * 1_000 << 16
    stand.store.write("UPDATE hybrid SET hlc = ?", ahead)

    stand.terminal.rest()
    stand.terminal.present(FOREIGN)

    assert last(stand).hlc == ahead + 1


# Failures.


@pytest.mark.parametrize("again", ["record", "rest", "close"])
def test_a_disk_that_refuses_is_told_and_the_feed_goes_on_when_it_is_mended(stand, again):
    stand.terminal.present(show(C, ANN))
    stand.store.row("PRAGMA query_only = ON")
    steps = {
        "record": lambda: stand.log.append(stand.recorder.number, 2, b"check"),
        "rest": lambda: stand.recorder.rest(NOW),
        "close": stand.recorder.close,
    }

    with pytest.raises(Unavailable):
        steps[again]()

    stand.store.row("PRAGMA query_only = OFF")
    assert stand.terminal.present(show(C, BOB)).is_recorded
    stand.terminal.close()
    assert stand.head() == 3
    assert [check_of(entry).colour for entry in stand.log.entries(stand.feed.origin)[1:]] == [0, 0]
