"""The guard's desk does what a guard of the ledger signed, here and now, once, on record first."""

import pytest
from compound import IN, NOW, OUT, SITE, TRUST, key_named
from stand import KEY, PULSE_MS, SECRET, Stand
from test_terminal import full

from appliance.gate.guard_desk import GuardDesk
from appliance.gate.opener import JAMMED_OPEN, LOCKED
from appliance.gate.remote import ASK, Answer, Request, State, Why, answer_of
from appliance.policy.facts import Gate
from ledger_sync import act, deny, order, remark
from ledger_sync.act import Deed, Kind
from ledger_sync.acts import Acts
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Reading
from ledger_sync.denials import Denials
from ledger_sync.duress import Duress, duresses
from ledger_sync.entries import CALLS_HELP, MAY_ACT, MAY_DENY, MAY_ORDER, Issuer
from ledger_sync.fsck import findings
from ledger_sync.orders import Orders
from ledger_sync.remark import Remark

ANNA, BORIS, FORCED, EVE = map(key_named, ("anna", "boris", "anna forced", "eve"))
RIGHTS = MAY_ACT | MAY_ORDER | MAY_DENY
ORIGIN = "yardpass/hz07"
SAID = Remark(bytes(16), "Courier, two parcels")
OPEN = Deed(NOW, Kind.OPEN, "n", "n", SAID.digest)
OPENED = (("on", 1, PULSE_MS), ("off", 1, PULSE_MS))


class Desk:
    """A stand whose ledger names guards, and its guard's desk."""

    def __init__(self, folder, way=IN):
        self.stand = Stand(folder, way)
        span = (NOW - 99, NOW + 99, 0)
        self.stand.compound.publish(
            Issuer("anna", ANNA.public, *span, RIGHTS),
            Issuer("boris", BORIS.public, *span, RIGHTS),
            Issuer("anna", FORCED.public, *span, RIGHTS | CALLS_HELP),
        )
        self.make()

    def make(self):
        self.desk = GuardDesk(
            self.stand.terminal,
            self.stand.store,
            name="n",
            gate=Gate(SITE, "n", IN, 1),
            site_secret=SECRET,
            trust=lambda: TRUST,
        )

    def ask(self, note, said=None):
        plain = said.to_bytes() if said else b""
        return answer_of(self.desk.answer(Request(note, plain).to_bytes()))

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


@pytest.mark.parametrize("packet", [b"", b"!", b"!\0\5abc", b"!\0\1x", b"=", b"?!", b"!" * 300])
def test_nonsense_is_answered_and_moves_nothing(desk, packet):
    answer = answer_of(desk.desk.answer(packet))

    assert not answer.is_done and answer.why in (Why.FORM, Why.LEDGER, Why.SIGNER)
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
    for refusal, why in ((LOCKED, Why.LOCKDOWN), (JAMMED_OPEN, Why.STUCK)):
        monkeypatch.setattr(opener, "refusal", lambda said=refusal: said)
        assert desk.act() == Answer(False, why)
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

    assert [desk.ask(note) for note in (lock, block)] == [Answer(True)] * 2
    assert desk.ask(foreign).why is Why.LEDGER
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


def test_an_act_that_a_terminal_made_up_is_told_as_nobody_s(desk):
    forged = act.sign(ORIGIN, OPEN, [EVE])
    elsewhere = act.sign(ORIGIN, OPEN._replace(terminal="south-2"), [ANNA])
    for note in (forged, elsewhere, b"yardpass/hz07/act\nnonsense"):
        desk.stand.recorder.act(note, b"", NOW)

    assert [done.act for done in desk.done()] == [None] * 3


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
