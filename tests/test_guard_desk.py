"""The guard's desk does what a guard of the ledger signed, here and now, once, on record first."""

import pytest
from compound import IN, NOW, OUT, SITE, TRUST, key_named
from stand import GOOD_TIME, KEY, PULSE_MS, SECRET, Stand
from test_terminal import full

from appliance.console.gate_link import ANSWER_SECONDS
from appliance.door_config import GateConfig
from appliance.gate.disk_watch import LOOK_SECONDS, DiskWatch
from appliance.gate.doorman import Doorman
from appliance.gate.guard_desk import LATE_MS, GuardDesk
from appliance.gate.opener import JAMMED_OPEN
from appliance.gate.remote import ASK, TRY, Answer, Request, State, Why, answer_of
from appliance.gate.update_watch import UpdateWatch
from appliance.policy.facts import Gate
from appliance.policy.verdict import Colour
from appliance.update import outcome
from appliance.update.outcome import Outcome
from ledger_sync import act, deny, order, remark
from ledger_sync.act import Deed, Kind
from ledger_sync.acts import Acts
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Reading
from ledger_sync.denials import Denials
from ledger_sync.duress import Duress, duresses
from ledger_sync.entries import CALLS_HELP, MAY_ACT, MAY_DENY, MAY_ORDER, Issuer
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.orders import Orders
from ledger_sync.remark import Remark
from ledger_sync.shelf import MAX_ENTRIES, Shelf

ANNA, BORIS, FORCED, EVE = map(key_named, ("anna", "boris", "anna forced", "eve"))
RIGHTS = MAY_ACT | MAY_ORDER | MAY_DENY
ORIGIN = "yardpass/hz07"
SAID = Remark(bytes(16), "Courier, two parcels")
OPEN = Deed(NOW, Kind.OPEN, "n", "n", SAID.digest)
OPENED = (("on", 1, PULSE_MS), ("off", 1, PULSE_MS))


class Desk:
    """A stand whose ledger names guards, and its guard's desk."""

    def __init__(self, folder, way=IN):
        self.stand, self.ticks_ms = Stand(folder, way), 10_000
        span = (NOW - 99, NOW + 99, 0)
        self.stand.compound.publish(
            Issuer("anna", ANNA.public, *span, RIGHTS),
            Issuer("boris", BORIS.public, *span, RIGHTS),
            Issuer("anna", FORCED.public, *span, RIGHTS | CALLS_HELP),
        )
        self.watches = ()
        self.make()

    def make(self):
        self.desk = GuardDesk(
            self.stand.terminal,
            self.stand.store,
            name="n",
            gate=Gate(SITE, "n", IN, 1),
            site_secret=SECRET,
            trust=lambda: TRUST,
            ticks_ms=lambda: self.ticks_ms,
            watches=self.watches,
        )

    def ask_raw(self, packet):
        return answer_of(self.desk.answer(packet))

    def ask(self, note, said=None, sent_ms=None):
        plain = said.to_bytes() if said else b""
        request = Request(note, plain, self.ticks_ms if sent_ms is None else sent_ms)
        return self.ask_raw(request.to_bytes())

    def act(self, deed=OPEN, *keys, said=SAID):
        return self.ask(act.sign(ORIGIN, deed, keys or (ANNA,)), said)

    def done(self):
        """What stands in the log, as another reads it."""
        return Acts(self.stand.store, SECRET).since(0)


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    with made.stand:
        yield made


@pytest.fixture
def way_out(tmp_path):
    made = Desk(tmp_path, OUT)
    with made.stand:
        yield made


def test_a_guard_opens_by_hand_and_it_is_on_record_before_the_relay_moves(desk):
    assert desk.act() == Answer(True)

    (done,) = desk.done()
    assert (done.act.deed, done.act.guards, done.said) == (OPEN, ("anna",), SAID.text)
    assert (done.terminal, done.at, done.act.is_forced) == ("n", NOW, False)
    assert desk.stand.relay.history == OPENED


def test_what_was_written_stands_in_no_log_in_clear(desk):
    desk.act()

    (entry,) = CheckLog(desk.stand.store).entries(desk.stand.feed.origin)[1:]
    assert b"Courier" not in entry
    assert Acts(desk.stand.store, b"").since(0)[0].said == ""
    assert Acts(desk.stand.store, b"another secret").since(0)[0].said == ""
    with_log = findings(desk.stand.store, TRUST)
    assert not [one for one in with_log if "entry 1" in one]


def test_a_forced_guard_opens_alike_and_the_log_tells(desk):
    free = desk.act()
    forced = desk.act(OPEN, FORCED)

    assert forced == free == Answer(True)
    assert [done.act.is_forced for done in desk.done()] == [False, True]
    assert len(desk.stand.relay.history) == 4


@pytest.mark.parametrize(
    ("deed", "keys", "why"),
    [
        (OPEN, (EVE,), Why.SIGNER),
        (OPEN, (ANNA, BORIS), Why.SIGNER),
        (OPEN._replace(issued_at=NOW - 61), (ANNA,), Why.TIME),
        (OPEN._replace(issued_at=NOW + 61), (ANNA,), Why.TIME),
        (OPEN._replace(object="south"), (ANNA,), Why.PLACE),
        (OPEN._replace(terminal="south-2"), (ANNA,), Why.PLACE),
        (OPEN._replace(remark=b"\1" * 32), (ANNA,), Why.FORM),
    ],
)
def test_what_no_guard_signed_for_here_and_now_moves_and_records_nothing(desk, deed, keys, why):
    answer = desk.act(deed, *keys)

    assert (answer.is_done, answer.why) == (False, why)
    assert desk.done() == []
    assert desk.stand.relay.history == ()


@pytest.mark.parametrize("said", [None, Remark(bytes(16), "another")])
def test_a_reason_that_is_not_the_signed_one_opens_nothing(desk, said):
    assert desk.act(said=said).why is Why.FORM
    assert desk.stand.relay.history == ()


def test_the_same_command_again_moves_nothing(desk):
    first, second = desk.act(), desk.act()

    assert (first, second.why) == (Answer(True), Why.AGAIN)
    assert desk.stand.relay.history == OPENED


def test_nor_does_it_after_the_gate_was_started_again(desk):
    desk.act()
    desk.make()

    assert desk.act().why is Why.AGAIN
    assert desk.stand.relay.history == OPENED


def test_a_digest_is_forgotten_when_its_time_has_passed(desk):
    for seconds in range(0, 600, 60):
        desk.stand.reading = Reading(NOW + seconds, True, 1, True)
        deed = Deed(NOW + seconds, Kind.BEGIN, "-", "n")
        assert desk.act(deed, ANNA, said=None).is_done is (seconds < 99)
    assert len(desk.desk._done) <= 4


@pytest.mark.parametrize(
    "packet", [b"", b"!", b"!" + bytes(9) + b"\5abc", b"=", b"?!", b"!" * 300]
)
def test_nonsense_is_answered_and_moves_nothing(desk, packet):
    answer = answer_of(desk.desk.answer(packet))

    assert not answer.is_done and answer.why in (Why.FORM, Why.LEDGER, Why.SIGNER, Why.LATE)
    assert desk.stand.relay.history == ()


def test_a_full_disk_keeps_the_way_in_shut_and_the_way_out_open(desk, tmp_path):
    full(desk.stand)

    assert desk.act().why is Why.DISK
    assert desk.stand.relay.history == ()


def test_a_full_disk_keeps_nobody_in(way_out):
    full(way_out.stand)

    assert way_out.act() == Answer(True)
    assert [one[0] for one in way_out.stand.relay.history] == ["on", "off"]


def test_a_gate_that_may_not_open_says_why_and_records_nothing(desk, monkeypatch):
    opener = desk.stand.terminal._opener
    monkeypatch.setattr(opener, "refusal", lambda: JAMMED_OPEN)
    assert desk.act() == Answer(False, Why.STUCK)
    assert desk.done() == []


def test_a_relay_that_fails_is_told_and_the_act_stays_on_record(desk):
    desk.stand.relay.unplug()

    answer = desk.act()

    assert (answer.why, "the relay failed" in answer.detail) == (Why.RELAY, True)
    assert len(desk.done()) == 1


def test_visitors_notes_and_handovers_are_recorded_and_open_nothing(desk):
    lines = ("checks 3",)
    deeds = [
        (Deed(NOW, Kind.BEGIN, "-", "n"), (ANNA,), None),
        (Deed(NOW, Kind.IN, "87a414cf0c834483", "n", SAID.digest), (ANNA,), SAID),
        (Deed(NOW, Kind.NOTE, "-", "n", SAID.digest), (ANNA,), SAID),
        (Deed(NOW, Kind.HANDOVER, BORIS.public.kid.hex(), "n", b"", lines), (ANNA, BORIS), None),
        (Deed(NOW, Kind.END, "-", "n"), (BORIS,), None),
    ]

    answers = [desk.act(deed, *keys, said=said) for deed, keys, said in deeds]

    assert answers == [Answer(True)] * 5
    assert [done.act.deed for done in desk.done()] == [deed for deed, _, _ in deeds]
    assert desk.stand.relay.history == ()


def test_orders_and_denials_of_a_guard_take_effect_and_a_stranger_s_do_not(desk):
    lock = order.sign(ORIGIN, order.Kind.LOCKDOWN, 1, issued_at=NOW, key=ANNA)
    block = deny.sign(ORIGIN, [], issued_at=NOW, key=ANNA, visitors=[5])
    foreign = order.sign(ORIGIN, order.Kind.RELEASE, 1, issued_at=NOW + 1, key=EVE)

    assert desk.ask(lock).why is Why.LEDGER  # nobody says that they give it
    for kind, note in ((Kind.ORDER, lock), (Kind.DENY, block)):
        deed = Deed(NOW, kind, act.name_of(note), "n")
        assert desk.act(deed, ANNA, said=None) == Answer(True)
        assert desk.ask(note) == Answer(True)
        assert desk.ask(note).why is Why.LEDGER  # once
    desk.act(Deed(NOW, Kind.ORDER, act.name_of(foreign), "n"), ANNA, said=None)
    assert desk.ask(foreign).why is Why.LEDGER
    assert [done.act.deed.kind for done in desk.done()] == [Kind.ORDER, Kind.DENY, Kind.ORDER]
    assert Orders(desk.stand.store).in_force().lockdown == 1
    assert Denials(desk.stand.store).blocked_until(5) == NOW + 86_400


def test_the_state_tells_what_failed_and_what_is_well_again(desk):
    desk.desk.health("reader 1", "its cable is loose")
    desk.desk.health("camera", "no picture")
    desk.desk.health("camera", "")
    desk.desk.recorded("the disk is full")

    state = answer_of(desk.desk.answer(ASK))

    assert state == State(
        "", (), "GOOD", (("reader 1", "its cable is loose"),), "the disk is full"
    )


def test_a_gate_that_is_tried_out_refuses_and_leaves_no_trace(desk):
    def traces():
        rows = desk.stand.store.rows("SELECT * FROM feed_entry")
        return [*rows], [*desk.stand.relay.history]

    before = traces()

    assert desk.ask_raw(TRY) == Answer(True)
    assert traces() == before


@pytest.mark.parametrize("failure", ["GREEN", Unavailable("the store is damaged")])
def test_a_gate_that_judges_wrongly_or_not_at_all_says_so(desk, monkeypatch, failure):
    def try_out():
        if isinstance(failure, Exception):
            raise failure
        return Colour[failure]

    monkeypatch.setattr(desk.stand.terminal, "try_out", try_out)

    answer = desk.ask_raw(TRY)

    assert (answer.is_done, answer.why) == (False, Why.DISK)
    assert str(failure) in answer.detail


def test_a_gate_is_troubled_by_whatever_needs_mending_and_not_after(desk):
    free, minute, last = [10**12], [0.0], [None]
    desk.watches = (
        DiskWatch(lambda: free[0], lambda kind: None, lambda: minute[0]),
        UpdateWatch(lambda: last[0], lambda: NOW, lambda: minute[0]),
    )
    desk.make()
    seen = []

    def look(*, at_rest=False):
        if at_rest:
            minute[0] += LOOK_SECONDS
            desk.desk.rest()
        seen.append(desk.desk.is_troubled())

    look()
    for fault in ("its cable is loose", ""):
        desk.desk.health("reader 1", fault)
        look()
    for fault in ("the disk is full", ""):
        desk.desk.recorded(fault)
        look()
    for free[0] in (1, 10**12):
        look(at_rest=True)
    for state in (outcome.State.REFUSED, outcome.State.KEPT):
        last[0] = Outcome("0.1.1-1", "stick", state, NOW - 60)
        look(at_rest=True)
    for desk.stand.reading in (Reading(9, False, 0, False), GOOD_TIME):
        look()

    assert seen == [False, *[True, False] * 5]


def test_what_a_terminal_made_up_moved_or_repeated_counts_for_nothing_and_is_told(desk):
    good = act.sign(ORIGIN, OPEN, [ANNA])
    elsewhere = act.sign(ORIGIN, OPEN._replace(terminal="south-2"), [ANNA])
    spoilt = good.replace(b"open n", b"open m")
    unknown = act.sign(ORIGIN, OPEN, [EVE])
    for note, at in (
        (good, NOW), (good, NOW), (good, NOW + 61), (elsewhere, NOW), (spoilt, NOW),
        (b"yardpass/hz07/act\nnonsense", NOW), (unknown, NOW),
    ):  # fmt: skip
        desk.stand.recorder.act(note, b"", at)

    assert [done.fault for done in desk.done()] == ["", *["forged"] * 4, "unread", "unread"]
    assert [done.act is None for done in desk.done()] == [False, *[True] * 6]


def test_an_act_that_came_before_its_guard_is_read_once_the_ledger_names_them(desk):
    acts = Acts(desk.stand.store, SECRET)
    desk.stand.recorder.act(act.sign(ORIGIN, OPEN, [EVE]), b"", NOW)
    assert [done.fault for done in acts.since(0)] == ["unread"]

    desk.stand.compound.publish(Issuer("eve", EVE.public, NOW - 9, NOW + 9, 0, MAY_ACT))

    assert [done.act.guards for done in acts.since(0)] == [("eve",)]


def test_a_remark_that_was_exchanged_is_not_shown(desk):
    other = remark.seal(Remark(bytes(16), "lies"), SECRET, nonce=bytes(24))
    desk.stand.recorder.act(act.sign(ORIGIN, OPEN, [ANNA]), other, NOW)

    assert [done.said for done in desk.done()] == [""]


def test_other_terminals_hear_a_forced_guard_call_for_help_and_this_one_does_not(desk):
    own = desk.stand.store
    desk.act(OPEN, ANNA)
    desk.act(OPEN._replace(kind=Kind.BEGIN, object="-", remark=b""), FORCED, said=None)
    desk.stand.terminal.close()

    here = duresses(own, SECRET, b"", now=NOW + 1)
    own.write("UPDATE feed SET own = 0")
    there = duresses(own, SECRET, b"", now=NOW + 1)
    at_its_peer = duresses(own, SECRET, KEY.public.kid, now=NOW + 1)

    assert (here, there, at_its_peer) == ([], [Duress("n", "n", NOW)], [])
    assert duresses(own, SECRET, b"", now=NOW + 86_401) == []


# What stands between a gate and its guards at the worst of times.


def test_what_waited_so_long_that_the_guard_was_told_of_it_opens_nothing(desk):
    note = act.sign(ORIGIN, OPEN, [ANNA])

    late = desk.ask(note, SAID, sent_ms=desk.ticks_ms - LATE_MS - 1)
    ahead = desk.ask(note, SAID, sent_ms=desk.ticks_ms + 1)

    assert (late.why, ahead.why, desk.stand.relay.history) == (Why.LATE, Why.LATE, ())
    assert LATE_MS <= 1_000 * ANSWER_SECONDS


@pytest.mark.parametrize("now", [0, NOW - 40 * 365 * 86_400, NOW + 90 * 365 * 86_400])
def test_a_gate_that_lost_the_time_obeys_its_guards_by_the_time_that_is_certain(desk, now):
    desk.stand.store.write("UPDATE ledger SET floor = ?", NOW)
    desk.stand.checker.look(NOW)
    desk.stand.reading = Reading(now, False, 10**6, False)
    desk.make()

    assert desk.act() == Answer(True)
    assert [done.at for done in desk.done()] == [NOW]


def test_a_guard_whose_time_is_over_does_nothing_though_the_clock_goes_back(desk):
    desk.stand.store.write("UPDATE ledger SET floor = ?", NOW + 200)
    desk.stand.checker.look(NOW + 200)
    desk.stand.reading = Reading(NOW, False, 10**6, False)

    assert desk.act().why is Why.TIME
    assert desk.act(OPEN._replace(issued_at=NOW + 200)).why is Why.SIGNER


def test_a_damaged_feed_of_its_own_keeps_no_gate_from_its_start(desk):
    desk.act()
    desk.stand.store.write("INSERT INTO feed_bundle VALUES (?, x'ff', x'')", 2 * MAX_ENTRIES)
    with pytest.raises(Refused):
        Shelf(desk.stand.store).bodies(2)
    desk.stand.reading = Reading(NOW + 1, True, 1, True)
    desk.make()

    assert desk.act(OPEN._replace(issued_at=NOW + 1)) == Answer(True)


def test_what_was_signed_before_the_start_is_not_done_after_it(desk):
    early = act.sign(ORIGIN, OPEN, [ANNA])
    desk.stand.reading = Reading(NOW + 1, True, 1, True)
    desk.make()

    assert desk.ask(early, SAID).why is Why.AGAIN


def test_in_a_lockdown_a_guard_lets_an_ambulance_in(tmp_path):
    desk = Desk(tmp_path)
    with desk.stand:
        doorman = Doorman(
            GateConfig(has_contact=False), desk.stand.relay, pulse_ms=PULSE_MS, is_way_out=False,
            now=lambda: 1_000, tell=lambda kind: None,
        )  # fmt: skip
        doorman.stand(locked=True, held_open=False)
        desk.stand.terminal._opener = doorman

        assert desk.act() == Answer(True)
        assert [one[0] for one in desk.stand.relay.history] == ["on", "off"]


def test_an_exit_opens_by_hand_though_the_store_is_gone(way_out):
    assert way_out.act(OPEN._replace(kind=Kind.BEGIN, object="-", remark=b""), said=None).is_done
    way_out.stand.store.close()

    assert way_out.act().is_done
    assert len(way_out.stand.relay.history) == 2


def test_whoever_floods_the_gate_with_nonsense_fills_no_log(desk, caplog):
    for _ in range(1_000):
        desk.desk.answer(b"nonsense")
    assert len(caplog.records) == 1
    desk.ticks_ms += 1_000
    desk.desk.answer(b"nonsense")
    assert len(caplog.records) == 2
