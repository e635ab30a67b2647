"""The clerk signs with the key that a PIN opened, at a real gate; guessing costs time over a
restart; and what a guard looks up is what the store says."""

import os
import threading
import time
from contextlib import nullcontext
from dataclasses import replace

import pytest
from compound import ANN, GUEST, NOW, REVOKED, SITE, TRUST, B, C, key_named, show
from guest_scenarios import paper
from stand import SECRET, Stand

from appliance.console.clerk import Clerk
from appliance.console.effects import (
    Deny,
    Done,
    Failed,
    Hand,
    Judged,
    Load,
    Lock,
    Look,
    Order,
    Sign,
    Unlock,
)
from appliance.console.looking import Looking
from appliance.console.tries_file import TriesFile
from appliance.gate import guard_keys
from appliance.gate.guard_desk import GuardDesk
from appliance.gate.remote import Answer, Why, answer_of
from appliance.policy.facts import Gate
from appliance.policy.tries import FREE, Tries, locked_seconds
from appliance.policy.verdict import Colour
from ledger_sync import act, keyfile, order
from ledger_sync.acts import Acts
from ledger_sync.entries import CALLS_HELP, MAY_ACT, MAY_DENY, MAY_ORDER, Issuer
from ledger_sync.errors import Unavailable
from ledger_sync.orders import Orders
from ledger_sync.passphrase import Cost

CHEAP = Cost(1, 8_192)
PINS = {"anna": ("271828", "314159"), "boris": ("141421", None)}
RIGHTS = MAY_ACT | MAY_ORDER | MAY_DENY


class Place:
    """What the clerk reads of the settings."""

    def __init__(self, folder):
        self.guards, self.terminal, self.origin = folder / "guards", "n", "yardpass/hz07"


class Counter:
    """A console and its gate in one thread: the link is a call of the gate's own desk."""

    def __init__(self, folder):
        self.stand = Stand(folder)
        self.now, self.is_gone = NOW, False
        self.place, self.tries = Place(folder), TriesFile(folder / "tries.json")
        self._name_guards()
        self.desk = GuardDesk(
            self.stand.terminal, self.stand.store, name="n", gate=Gate(SITE, "n", 0, 1),
            site_secret=SECRET, trust=lambda: TRUST,
        )  # fmt: skip
        self.begin()

    def begin(self):
        """The console is started anew."""
        looking = Looking(
            self.stand.compound.replica, Gate(SITE, "n", 0, 1), SECRET,
            lambda: self.stand.reading, build_time=0,
        )  # fmt: skip
        self.clerk = Clerk(
            self.place, self, lambda: nullcontext(looking), self.tries, lambda: self.now
        )

    def _name_guards(self):
        self.place.guards.mkdir()
        entries = []
        for name, (pin, second) in PINS.items():
            keys = key_named(name), key_named(f"{name} forced")
            words = guard_keys.passphrase_of(pin), guard_keys.passphrase_of(second or "nobody")
            for path, key, word in zip(
                guard_keys.paths(self.place.guards, name), keys, words, strict=True
            ):
                keyfile.write_key(path, key, passphrase=word, cost=CHEAP)
            span = (NOW - 99, NOW + 9_999, 0)
            entries.append(Issuer(name, keys[0].public, *span, RIGHTS))
            entries.append(Issuer(name, keys[1].public, *span, RIGHTS | CALLS_HELP))
        self.stand.compound.publish(*entries)

    def do(self, request):
        """As the link does."""
        if self.is_gone:
            return Answer(False, Why.GONE)
        sent = request._replace(sent_ms=time.monotonic_ns() // 1_000_000)
        return answer_of(self.desk.answer(sent.to_bytes()))

    def acts(self):
        return [
            (done.act.deed.kind, done.act.guards, done.said, done.act.is_forced)
            for done in Acts(self.stand.store, SECRET).since(0)
        ]


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    with made.stand:
        yield made


@pytest.fixture
def anna(counter):
    assert isinstance(counter.clerk.do(Unlock("anna", "271828")), Done)
    return counter


def test_unlocking_opening_and_locking_are_on_record_under_the_guard_s_name(anna):
    opened = anna.clerk.do(Sign(act.Kind.OPEN, "n", "Courier,\ttwo parcels"))
    locked = anna.clerk.do(Lock())

    assert (type(opened), locked.guard) == (Done, "")
    assert anna.acts() == [
        (act.Kind.BEGIN, ("anna",), "", False),
        (act.Kind.OPEN, ("anna",), "Courier, two parcels", False),
        (act.Kind.END, ("anna",), "", False),
    ]
    assert len(anna.stand.relay.history) == 2


def test_the_second_pin_does_all_the_same_and_the_log_calls_for_help(counter):
    results = [
        counter.clerk.do(effect)
        for effect in (
            Unlock("anna", "314159"),
            Sign(act.Kind.OPEN, "n", "Delivery"),
            Lock(),
        )
    ]

    assert [(type(one), one.guard) for one in results] == [
        (Done, "anna"), (Done, None), (Done, ""),
    ]  # fmt: skip
    assert [forced for *_, forced in counter.acts()] == [True] * 3


@pytest.mark.parametrize(
    "effect", [Sign(act.Kind.OPEN, "n", "Delivery"), Order(order.Kind.LOCKDOWN, 1),
               Deny(b"\1" * 16, NOW), Hand("boris", "141421", ("x",))],
)  # fmt: skip
def test_locked_it_signs_nothing(counter, effect):
    assert counter.clerk.do(effect) == Failed(effect, "locked")
    counter.clerk.do(Unlock("anna", "271828"))
    counter.clerk.do(Lock())
    assert counter.clerk.do(effect) == Failed(effect, "locked")


def test_five_wrong_pins_cost_time_over_a_restart_and_the_right_one_is_not_tried_then(counter):
    wrong = Unlock("anna", "000000")
    results = [counter.clerk.do(wrong) for _ in range(FREE)]
    assert [(one.why, one.seconds) for one in results] == [("pin", 0)] * 4 + [("tries", 30)]

    counter.begin()
    assert counter.clerk.do(Unlock("anna", "271828")) == Failed(
        Unlock("anna", "271828"), "tries", seconds=30
    )
    assert isinstance(counter.clerk.do(Unlock("boris", "141421")), Done)
    counter.now += 30
    assert isinstance(counter.clerk.do(Unlock("anna", "271828")), Done)
    assert counter.clerk.do(wrong).why == "pin"


def test_nobody_is_a_guard_whose_files_are_not_here(counter):
    for name in ("eve", "../anna", ""):
        assert counter.clerk.do(Unlock(name, "271828")).why == "key"


def test_a_visitor_without_an_invite_gets_a_key_of_their_own(anna):
    for said in ("Wu Lei, flat 7", "Li Na"):
        assert isinstance(anna.clerk.do(Sign(act.Kind.IN, "", said)), Done)

    found = anna.clerk.do(Load("visitors")).visitors
    assert {one.name for one in found} == {"Wu Lei, flat 7", "Li Na"}
    assert len({one.key for one in found}) == 2
    one = next(one for one in found if one.name == "Li Na")
    anna.now += 60
    anna.stand.reading = replace(anna.stand.reading, now=anna.now)
    assert isinstance(anna.clerk.do(Sign(act.Kind.OUT, one.key)), Done)
    after = {one.name: one.way for one in anna.clerk.do(Load("visitors")).visitors}
    assert after == {"Wu Lei, flat 7": 0, "Li Na": 1}
    assert not one.is_overdue(anna.now) and one.is_overdue(anna.now + 12 * 3_600)


def test_a_visitor_s_checks_and_what_a_guard_wrote_are_one_visitor(anna):
    text = paper(ANN)
    anna.stand.terminal.present(text)
    (came,) = anna.clerk.do(Load("visitors")).visitors

    anna.clerk.do(Sign(act.Kind.IN, came.key, "Maya"))

    (found,) = anna.clerk.do(Load("visitors")).visitors
    assert (found.key, found.name, found.ends_at) == (came.key, "Maya", came.ends_at)
    assert anna.clerk.do(Look(text.decode())).visitor == came.key


def test_an_order_reaches_the_store(anna):
    assert isinstance(anna.clerk.do(Order(order.Kind.LOCKDOWN, 1)), Done)
    assert Orders(anna.stand.store).in_force().lockdown == 1


def test_who_came_is_denied_by_the_check_alone(anna):
    anna.stand.terminal.present(show(C, ANN))
    (check,) = [one for one in anna.stand.checks_only()]

    assert isinstance(anna.clerk.do(Deny(check.pseudonym, check.at)), Done)

    verdict = anna.stand.terminal.present(show(B, ANN, at=NOW + 1)).verdict
    assert verdict.reasons[0] == "R-DENIED"
    denied = anna.clerk.do(Load("denied")).denied
    assert (check.pseudonym.hex(), False, NOW + 86_400) in denied


def test_a_visitor_is_blocked_by_the_check_and_a_stranger_cannot_be(anna):
    text = paper(ANN)
    anna.stand.terminal.present(text)
    (check,) = anna.stand.checks_only()

    assert isinstance(anna.clerk.do(Deny(check.pseudonym, check.at)), Done)
    assert anna.clerk.do(Look(text.decode())).verdict.reasons[0] == "R-BLOCKED"
    assert [one.is_visitor for one in anna.clerk.do(Load("denied")).denied].count(True) == 1
    stranger = Deny(b"\1" * 16, NOW)
    assert anna.clerk.do(stranger) == Failed(stranger, "unknown_pass")


def test_a_shift_goes_to_the_next_guard_with_both_signatures(anna):
    hand = Hand("boris", "141421", ("Checks: 3",))

    assert anna.clerk.do(hand) == Done(hand, "boris")

    anna.clerk.do(Sign(act.Kind.NOTE, said="hello"))
    assert [(kind, guards) for kind, guards, *_ in anna.acts()[1:]] == [
        (act.Kind.HANDOVER, ("anna", "boris")), (act.Kind.NOTE, ("boris",)),
    ]  # fmt: skip


def test_a_shift_that_was_not_taken_stays(anna):
    wrong = Hand("boris", "999999", ("Checks: 3",))
    assert anna.clerk.do(wrong).why == "pin"
    anna.is_gone = True
    assert anna.clerk.do(Hand("boris", "141421", ("Checks: 3",))).why is Why.GONE
    anna.is_gone = False
    anna.clerk.do(Sign(act.Kind.NOTE, said="still me"))
    assert anna.acts()[-1][1] == ("anna",)


def test_a_gate_that_is_gone_is_told_and_the_guard_stays_unlocked(counter):
    counter.is_gone = True
    assert isinstance(counter.clerk.do(Unlock("anna", "271828")), Done)
    assert counter.clerk.do(Sign(act.Kind.OPEN, "n", "Delivery")).why is Why.GONE


@pytest.mark.parametrize(
    ("text", "colour", "holder"),
    [
        (show(C, ANN), Colour.GREEN, "resident"),
        (show(C, REVOKED), Colour.RED, "resident"),
        (show(C, GUEST), Colour.GREEN, "visitor"),
        (b"https://example.org", Colour.RED, ""),
        ("门" .encode() * 5_000, Colour.RED, ""),
    ],
)  # fmt: skip
def test_a_code_is_looked_up_as_the_gate_would_judge_it_and_nothing_is_recorded(
    counter, text, colour, holder
):
    found = counter.clerk.do(Look(text.decode()))

    assert isinstance(found, Judged)
    assert (found.verdict.colour, found.holder, found.visitor) == (colour, holder, "")
    assert counter.stand.checks() == []


def test_who_is_inside_is_what_the_logs_say(anna):
    assert anna.clerk.do(Load("inside")).inside == ()
    anna.stand.terminal.present(show(C, ANN))

    (zone,) = anna.clerk.do(Load("inside")).inside
    assert (zone.zone, zone.known, zone.unsure, len(zone.people)) == (0, 1, 0, 1)


def test_a_store_that_fails_is_a_result(counter):
    def fails():
        raise Unavailable("the store is locked; wait")

    counter.clerk.open_looking = fails
    effect = Load("inside")
    assert counter.clerk.do(effect) == Failed(effect, "store", "the store is locked; wait")


def test_the_key_is_forgotten_at_the_end_and_never_printed(anna):
    assert "SigningKey" not in repr(anna.clerk)
    anna.clerk.do(Load("visitors"))
    anna.clerk.close()
    assert anna.clerk.do(Sign(act.Kind.NOTE, said="after")).why == "locked"


def test_a_guard_whose_key_has_ended_unlocks_and_reads_nothing(counter):
    counter.stand.compound.publish(
        Issuer("anna", key_named("anna").public, NOW - 99, NOW - 1, 0, RIGHTS)
    )
    assert counter.clerk.do(Unlock("anna", "271828")).why == "ended"
    assert counter.acts() == []


def test_orders_and_denials_are_on_record_before_they_are_done(anna):
    anna.clerk.do(Order(order.Kind.FREE, 1))
    anna.clerk.do(Order(order.Kind.RELEASE, 1))
    anna.stand.terminal.present(show(C, ANN))
    (check,) = anna.stand.checks_only()
    anna.clerk.do(Deny(check.pseudonym, check.at))

    kinds = [kind for kind, *_ in anna.acts()[1:]]
    assert kinds == [act.Kind.ORDER, act.Kind.ORDER, act.Kind.DENY]


def test_a_guard_s_time_that_began_while_the_gate_was_gone_is_on_record_once_it_is_back(counter):
    counter.is_gone = True
    counter.clerk.do(Unlock("anna", "314159"))
    counter.is_gone = False
    counter.clerk.do(Order(order.Kind.FREE, 1))

    assert [(kind, forced) for kind, *_, forced in counter.acts()] == [
        (act.Kind.BEGIN, True), (act.Kind.ORDER, True),
    ]  # fmt: skip


def test_ending_the_console_ends_the_guard_s_time(anna):
    anna.clerk.close()
    assert [kind for kind, *_ in anna.acts()] == [act.Kind.BEGIN, act.Kind.END]


def test_a_shift_is_told_from_the_logs_however_much_happened_since(anna):
    anna.clerk.do(Sign(act.Kind.NOTE, said="police called, keep shut"))
    anna.clerk.do(Sign(act.Kind.OPEN, "n", "Delivery"))
    for number in range(700):
        anna.stand.terminal.present(b"nonsense %d" % number)

    shift = anna.clerk.do(Load("shift")).shift

    assert (shift.openings, shift.colours[Colour.RED]) == (1, 700)
    assert [said for _, said, _ in shift.notes] == ["police called, keep shut"]


def test_the_same_visitor_goes_in_and_out_though_the_clock_stands_still(anna):
    for kind in (act.Kind.IN, act.Kind.OUT) * 3:
        assert isinstance(anna.clerk.do(Sign(kind, "ab" * 8)), Done)


# The file of wrong PINs.


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"anna": 1}', '{"anna": [1]}', '{"anna": ["a", "b"]}', "[" * 9_999]
)
def test_a_damaged_file_counts_as_many_from_when_it_was_written_and_is_mended(tmp_path, text):
    path = tmp_path / "tries.json"
    path.write_text(text)
    os.utime(path, (NOW, NOW))
    tries = TriesFile(path)
    assert tries.get("anna", NOW) == Tries(FREE, NOW)
    assert locked_seconds(tries.get("anna", NOW + 31), NOW + 31) == 0

    tries.put("anna", Tries(2, NOW))

    assert tries.get("anna", NOW) == Tries(2, NOW)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_clock_that_was_lost_holds_a_guard_up_from_when_it_was_first_looked_at(tmp_path):
    tries = TriesFile(tmp_path / "tries.json")
    tries.put("anna", Tries(FREE, NOW))

    waits = [locked_seconds(tries.get("anna", at), at) for at in (0, 29, 30, 10_000)]

    assert waits == [30, 1, 0, 0]


def test_two_consoles_at_once_get_no_more_tries_than_one(counter, tmp_path):
    others = [TriesFile(counter.tries._path) for _ in range(2)]
    with others[0].alone():
        got = []

        def second():
            with others[1].alone():
                got.append(others[1].get("anna", NOW))

        thread = threading.Thread(target=second)
        thread.start()
        others[0].put("anna", Tries(FREE, NOW))
    thread.join(10)
    assert got == [Tries(FREE, NOW)]


def test_tries_are_kept_by_name_the_newest_only(tmp_path):
    tries = TriesFile(tmp_path / "tries.json")
    assert tries.get("anna", NOW) == Tries()
    for number in range(300):
        tries.put(f"guard-{number}", Tries(1, NOW))
    assert tries.get("guard-0", NOW) == Tries() and tries.get("guard-299", NOW) == Tries(1, NOW)
