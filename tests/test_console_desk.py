"""What a guard does: every key, every step, what is asked for and what is said. No screen."""

import json
import string
from dataclasses import replace
from importlib import resources

import pytest
from console_yard import (
    ASKED,
    COMPOUND,
    GREEN,
    INSIDE,
    MAYA,
    NOW,
    OPENED,
    POST,
    RED,
    VISITORS,
    Guard,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.console import catalogue
from appliance.console.desk import HELP_KEYS, IDLE_SECONDS
from appliance.console.effects import Deny, Done, Hand, Load, Lock, Look, Order, Sign, Unlock
from appliance.console.flow import Flow
from appliance.console.flow_gate import MEANT, QUICK_REASONS
from appliance.console.keys import Key
from appliance.console.lines import cells
from appliance.console.panels import MAX_FIELD
from appliance.console.rows import WIDTHS
from appliance.console.shift import lines_of, shift_of
from appliance.console.view import Filter
from appliance.console.words import Words, catalogue_of, places_in
from appliance.gate.events import Fact
from appliance.gate.remote import State, Why
from appliance.passes.token import HolderClass
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action, Colour
from appliance.update.outcome import UNDER_WAY, WRONG, Outcome
from appliance.update.outcome import State as Step
from ledger_sync import act, order
from ledger_sync.gate_alarm import KINDS
from ledger_sync.order import ALL_ZONES
from ledger_sync.orders import Stands

ENGLISH = catalogue.load().words["en"]
PIN = "271828"


# Unlocking.


def test_a_guard_unlocks_with_a_name_and_a_pin_that_is_not_shown():
    guard = Guard().press("u").type("anna").press("enter").type(PIN)
    typed = guard.lines()
    guard.press("enter")

    assert " > PIN: ******_" in typed and PIN not in "".join(typed)
    assert guard.done == [Unlock("anna", PIN)]
    assert guard.desk.guard == "anna"
    assert guard.said() == "Welcome, anna. Lock with u when you leave."
    assert " guard anna " in guard.lines()[0]


def test_the_only_guard_of_a_terminal_types_the_pin_alone():
    guard = Guard(post=POST._replace(guards=("anna",))).press("u").type(PIN).press("enter")

    assert guard.done == [Unlock("anna", PIN)]


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        (("pin",), "Wrong PIN."),
        (("tries", "", 30), "Too many wrong PINs. Try again in 30 s."),
        (("key", "no file"), "The key of this guard cannot be used: no file"),
        (("store", "locked"), "Not done, the store does not answer: locked"),
    ],
)
def test_a_pin_that_opens_nothing_is_told_and_typed_anew(fails, said):
    guard = Guard(fails=[fails]).press("u").type("1").press("enter").type(PIN).press("enter")

    assert guard.said() == said
    assert guard.desk.guard == ""
    assert " > PIN: _" in guard.lines()

    guard.type(PIN).press("enter")
    assert guard.desk.guard == "anna"


def test_a_short_pin_is_not_even_tried():
    guard = Guard().press("u").type("1").press("enter").type("12345").press("enter")

    assert guard.done == []
    assert guard.said() == "PIN: at least 6 characters"


def test_u_locks_again_and_so_does_leaving_it_alone():
    guard = Guard().unlock().press("u")
    assert (guard.desk.guard, guard.done[-1], guard.said()) == (
        "", Lock(), "Locked. Press u to unlock.",
    )  # fmt: skip

    guard.unlock().press("n").type("half a no")
    guard.tick(IDLE_SECONDS - 1)
    assert guard.desk.guard == "anna"
    guard.tick(1)
    assert (guard.desk.guard, guard.done[-1]) == ("", Lock())
    assert "half a no" not in "".join(guard.lines())


def test_a_clock_that_goes_back_locks_nothing_and_idling_counts_from_there():
    guard = Guard().unlock().tick(-90_000)
    assert guard.desk.guard == "anna"
    assert guard.tick(IDLE_SECONDS).desk.guard == ""


@pytest.mark.parametrize("key", ["o", "v", "d", "t", "k", "n", "h", "f2"])
def test_what_a_guard_must_answer_for_asks_for_the_pin_first_and_then_goes_on(key):
    guard = Guard().press(key)
    assert any("UNLOCK" in line for line in guard.lines())

    guard.type("1").press("enter").type(PIN).press("enter")

    assert guard.desk.guard == "anna"
    assert not any("UNLOCK" in line for line in guard.lines())
    assert guard.desk._flow is not None


# The gate.


def test_the_gate_is_opened_by_hand_with_a_reason():
    guard = Guard().unlock().press("o").type("Courier, two parcels").press("enter")

    assert guard.done[1:] == [Sign(act.Kind.OPEN, "north", "Courier, two parcels")]
    assert guard.said() == "north was opened; it is on record under your name."


def test_a_digit_types_a_usual_reason():
    for number in range(1, QUICK_REASONS + 1):
        guard = Guard().unlock().press("f2").type(str(number)).press("enter")
        assert guard.done[-1] == Sign(act.Kind.OPEN, "north", ENGLISH(f"reason_{number}"))


def test_without_a_reason_nothing_is_opened():
    guard = Guard().unlock().press("o").type("abc").press("enter")

    assert guard.done == [Unlock("anna", PIN)]
    assert guard.said() == "Reason: at least 4 characters"


def test_who_waits_for_the_guard_is_told_beside_the_reason():
    assert Guard().unlock().press("o").said() == ENGLISH("reason.Y-IDCHECK")
    assert Guard(GREEN).unlock().press("o").said() == ""
    assert Guard(ASKED, RED._replace(hlc=50)).unlock().press("o").said() == ""
    assert Guard(ASKED).unlock().tick(301).press("o").said() == ""


@pytest.mark.parametrize("why", list(Why))
def test_a_gate_that_does_not_do_it_says_why_and_the_reason_stays_typed(why):
    guard = Guard(fails=[None, (why, "the pin is gone")]).unlock()
    guard.press("o").type("Courier").press("enter")

    assert guard.said() == ENGLISH(f"why.{why}", detail="the pin is gone", age="0 s")
    assert " > Reason: Courier_" in guard.lines()

    guard.press("enter")
    assert guard.done[-1] == guard.done[-2]


@pytest.mark.parametrize("name", list(MEANT))
def test_an_order_takes_two_steps(name):
    row = list(MEANT).index(name)
    guard = Guard().unlock().press("k", *["down"] * row, "enter")
    assert guard.done[1:] == []

    guard.press("enter", "x")
    assert guard.done[1:] == []
    guard.press("y")

    kind, is_everywhere = MEANT[name]
    assert guard.done[1:] == [Order(kind, ALL_ZONES if is_everywhere else 0b1001)]
    assert "The order is given" in guard.said()


def test_an_order_is_left_by_escape():
    assert Guard().unlock().press("k", "enter", "escape", "y").done[1:] == []


def test_orders_that_stand_are_told_and_a_gate_of_no_zone_orders_none_for_itself():
    stands = Stands(order.Kind.LOCKDOWN, 1, NOW - 60, "k", "office", b"")
    standing = COMPOUND._replace(orders=(stands,))
    guard = Guard(standing=standing, post=POST._replace(zones=0)).unlock().press("k")
    assert guard.said() == "In force: LOCKDOWN"

    guard.press("enter")
    assert guard.said().startswith("This gate leads to no zone")


# People.


def test_visitors_are_listed_and_go_in_and_out_by_a_yes():
    guard = Guard().unlock().press("v").type("maya")
    assert any("> Maya Lin, flat 12" in line and "OVERDUE" in line for line in guard.lines())

    guard.press("enter", "enter")

    assert guard.done[1:] == [Sign(act.Kind.OUT, MAYA.key)]
    assert guard.said() == "The visitor is out, on record."
    guard.press("v").type("plumb").press("enter", "enter")
    assert guard.done[-1] == Sign(act.Kind.IN, "0a0b0c0d0e0f0a0b")


def test_somebody_without_an_invite_comes_in_by_a_name():
    guard = Guard().unlock().press("v", "enter").type("Wu Lei").press("enter")
    guard.type("flat 7").press("enter")

    assert guard.done[1:] == [Sign(act.Kind.IN, "", "Wu Lei, flat 7")]
    assert guard.said() == "The visitor is in, on record."


def test_only_those_who_are_overdue_stand_under_t():
    guard = Guard().unlock().press("t")
    listed = [line for line in guard.lines() if " inside " in line or " left " in line]
    assert len(listed) == 1 and "Maya" in listed[0]


def test_a_code_is_looked_up_without_a_pin_and_nothing_is_opened():
    guard = Guard().press("p").type("YP1:ABC").press("enter")

    assert guard.paper.seen == [Look("YP1:ABC")]
    lines = guard.lines()
    assert " ■ RED    stays shut" in lines
    assert " The office revoked this pass." in lines
    assert " Resident; the pass holds for another 25 h" in lines
    assert guard.done == []


def test_a_visitor_whose_code_was_looked_up_is_checked_in_from_there():
    guard = Guard().unlock().press("p").type("a new visitor's code").press("enter", "enter")
    guard.type("Maya").press("enter", "enter")

    assert guard.done[1:] == [Sign(act.Kind.IN, "ff" * 8, "Maya")]


def test_a_visitor_who_is_inside_is_checked_out_by_the_code():
    guard = Guard().press("p").type("a visitor's code").press("enter", "enter")
    guard.type("1").press("enter").type(PIN).press("enter", "enter")

    assert guard.done[1:] == [Sign(act.Kind.OUT, MAYA.key)]


def test_who_is_denied_stands_below_and_cannot_be_chosen():
    guard = Guard().unlock().press("d")
    assert any("denied until 14:13: pass abababab" in line for line in guard.lines())
    assert any("until 15:03, in 1 d: visitor Maya Lin, flat 12" in one for one in guard.lines())

    guard.type("denied until").press("enter")
    assert guard.said().startswith("This ends by itself") and guard.done[1:] == []


def test_all_gates_stand_on_a_page_of_their_own_as_of_now():
    names = tuple(f"gate-{number}" for number in range(12))
    guard = Guard(standing=COMPOUND._replace(names=names)).press("a")
    assert sum("gate-" in line for line in guard.lines()) == 12

    guard.desk.view.add([RED._replace(hlc=99, terminal="gate-3")])
    assert any("gate-3" in line and "RED" in line for line in guard.tick().lines())


def test_the_one_who_just_came_is_denied_in_two_steps():
    guard = Guard().unlock().press("d", "enter", "enter", "y")

    assert guard.done[1:] == [Deny(ASKED.pseudonym, ASKED.at)]
    assert guard.said().startswith("Denied for a day")


def test_a_muster_list_is_ticked_off_and_kept_nowhere():
    guard = Guard().unlock().press("i")
    assert any("Zone 0: 3 inside, 1 more not seen for a day" in line for line in guard.lines())
    assert any("[ ]   Maya Lin, flat 12" in line for line in guard.lines())

    guard.press("down", "space")

    assert any("> [x]   Maya Lin, flat 12" in line for line in guard.lines())
    guard.press("enter")
    assert any("> [ ]   Maya Lin, flat 12" in line for line in guard.lines())
    assert guard.done[1:] == []
    assert len(INSIDE[0].people) + len(VISITORS) == 5


# The shift.


def test_a_note_is_left():
    guard = Guard().unlock().press("n").type("Gate squeaks").press("enter")

    assert guard.done[1:] == [Sign(act.Kind.NOTE, said="Gate squeaks")]


def test_a_shift_is_handed_over_by_both():
    guard = Guard().unlock().press("h")
    page = guard.lines()
    guard.press("enter")
    assert any("> Guard who takes over: boris_" in line for line in guard.lines())
    guard.press("enter").type(PIN).press("enter")

    (hand,) = guard.done[1:]
    assert isinstance(hand, Hand) and (hand.guard, hand.pin) == ("boris", PIN)
    assert set(f" {line}" for line in hand.lines) & set(page) >= {
        " Checks: 1 green, 1 yellow, 1 red, 0 grey",
        " Opened by hand: 1",
        " Visitors inside: 2, of them overdue: 1",
    }
    assert guard.desk.guard == "boris"
    assert guard.said() == "The shift is boris's. Both signatures are on record."


def test_nobody_hands_over_to_themselves():
    guard = Guard().unlock().press("h", "enter").press(*["backspace"] * 9).type("anna")
    guard.press("enter").type(PIN).press("enter")

    assert guard.said() == "Somebody else takes over: another name."
    assert guard.done == [Unlock("anna", PIN)]


def test_what_both_sign_names_nobody_and_is_the_same_in_every_language():
    hands = []
    for language in catalogue.LANGUAGES:
        guard = Guard(language=language).unlock().press("h", "enter", "enter")
        hands.append(guard.type(PIN).press("enter").done[-1])

    assert len({hand.lines for hand in hands}) == 1
    assert not any("Maya" in line or "Courier" in line for line in hands[0].lines)


# What is wrong.


def test_a_compound_that_is_well_has_nothing_to_say():
    links = {"exit-1": "here"}
    guard = Guard(standing=COMPOUND._replace(links=links)).press("s")
    assert " Everything works." in guard.lines()


def test_all_that_is_wrong_comes_with_what_to_do():
    state = State("forced", ("tamper", "exit"), "POOR", (("camera", "no picture"),), "disk full")
    standing = COMPOUND._replace(gate=state, heard_at=NOW - 9_000, free_bytes=1 << 20)
    guard = Guard(standing=standing, post=POST._replace(faults=("es.json: broken",))).press("s")

    text = "\n".join(line.text for line in guard.desk._flow.panel.text)

    for said in (
        "not on record: disk full", "box of the terminal is open", "opened by force",
        "does not know the time", "camera does not work: no picture", "2 h old",
        "garage-1 has been silent", "Only 1 MB", "es.json: broken",
    ):  # fmt: skip
        assert said in text
    assert text.count(" ! ") == 9


@pytest.mark.parametrize("state", Step)
def test_an_update_is_told_while_it_is_under_way_for_a_week_or_as_long_as_a_slot_is_missing(state):
    last = Outcome("0.1.1-1796000000", "stick", state, NOW - 60, "another key")
    guard = Guard(standing=COMPOUND._replace(links={}, update=last))

    shown = "\n".join(guard.lines())
    wrong = "\n".join(guard.press("s").lines())
    guard.standing = guard.standing._replace(update=replace(last, at=NOW - 8 * 86_400))
    later = "\n".join(guard.tick().lines())

    assert (" ! UPDATE 0.1.1-1796000000: " in shown) == (state in UNDER_WAY)
    assert ("another key" in wrong) == (state in WRONG)
    assert ("Everything works" in later) == (state is not Step.GIVEN_UP)


def test_a_gate_that_is_gone_is_told_above_all_and_first_of_what_is_wrong():
    guard = Guard(standing=COMPOUND._replace(gate=None))
    assert any("THE GATE PROCESS IS GONE" in line for line in guard.lines())
    assert any("does not answer" in line for line in guard.press("s").lines())


def test_what_is_wrong_is_told_as_of_now_while_it_is_read():
    guard = Guard().press("s")
    guard.standing = COMPOUND._replace(gate=State("forced"))

    assert any("opened by force" in line for line in guard.tick().lines())


def test_without_ledger_and_sync_it_says_so():
    guard = Guard(standing=COMPOUND._replace(heard_at=0, links=None)).press("s")
    text = "\n".join(guard.lines())
    assert "no ledger yet" in text and "no other gate hears" in text


# Keys.


def test_every_key_has_its_line_of_help_and_nothing_else_does_anything():
    page = Guard().press("f1").desk._flow.panel.text
    for key in HELP_KEYS:
        assert any(line.text.startswith(f"  {key}   ") for line in page)

    silent = set(string.ascii_lowercase + string.digits) - set(HELP_KEYS)
    guard = Guard()
    before = guard.lines()
    assert guard.press(*silent, "enter", "tab", "escape", "space").lines() == before


def test_f_goes_round_the_filters_and_q_ends_and_locks():
    guard = Guard()
    for wanted in (*list(Filter)[1:], Filter.ALL):
        assert guard.press("f").desk.view.filter is wanted
    assert guard.press("q").desk.is_over and guard.done == []
    guard = Guard().unlock().press("q")
    assert guard.desk.is_over and guard.done[-1] == Lock()


def test_g_goes_round_the_languages_and_back():
    guard, titles = Guard(), []
    for _ in catalogue.LANGUAGES:
        titles.append(guard.lines()[13])
        guard.press("g")
    assert guard.lines()[13] == titles[0]


def test_capital_letters_are_keys_as_well():
    assert any("UNLOCK" in line for line in Guard().press("O").lines())


def test_a_key_that_is_pressed_while_something_is_done_does_nothing():
    guard = Guard()
    guard.desk.press(Key("i", "i"))  # and nobody answers
    assert guard.desk.is_waiting
    guard.press("down", "enter", "escape", "x")
    assert guard.paper.seen == [] and any("one moment" in line for line in guard.lines())


def test_an_answer_to_what_was_left_meanwhile_changes_nothing():
    guard = Guard().unlock()
    (waits,) = guard.desk.press(Key("i", "i"))
    guard.tick(IDLE_SECONDS)
    before = guard.lines()

    assert guard.desk.told(guard.paper.do(waits)) == []
    assert guard.desk.told(guard.paper.do(Load("inside"))) == []
    assert guard.lines() == before


def test_a_megabyte_that_is_pasted_is_cut_and_lost_where_nothing_is_typed():
    guard = Guard()
    guard.desk.paste("x" * 1_000_000)
    before = guard.lines()
    guard.press("p")
    guard.desk.paste("YP1:\x1b[2J\n" * 100_000)

    field = guard.desk._flow.panel.fields[0].text
    assert "UNLOCK" not in "".join(before)
    assert len(field) <= MAX_FIELD and field.isprintable()
    guard.press("escape", "v", "escape", "f1")
    guard.desk.paste("x")
    guard = Guard().unlock().press("v")
    guard.desk.paste("maya\n" + "x" * 1_000_000)
    assert len(guard.desk._flow.panel.typed) <= MAX_FIELD


# Whatever fails is told where it failed, and nothing that was typed is lost.


FAILING = {
    "note": (*"nhello", "enter"),
    "order": ("k", "enter", "y"),
    "handover": ("h",),
    "relief": ("h", "enter", "enter", *PIN, "enter"),
    "visitors": ("v",),
    "arrival": ("v", "enter", *"Wu Lei", "enter", "enter"),
    "passing": ("v", "down", "enter", "enter"),
    "look-up": ("p", *"YP1:", "enter"),
    "known": ("p", *"visitor", "enter", "enter"),
    "denials": ("d",),
    "denial": ("d", "enter", "y"),
    "inside": ("i",),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("why", ["store", Why.GONE])
def test_what_fails_is_told_on_its_own_panel(name, why):
    guard = Guard().unlock()
    before = len(guard.paper.seen)
    guard.press(*FAILING[name])
    steps = len(guard.paper.seen) - before
    again = Guard(fails=[None] * steps + [(why, "it broke")]).unlock().press(*FAILING[name])

    assert again.said() == ENGLISH(f"why.{why}", detail="it broke")
    assert again.desk._flow is not None and not again.desk.is_waiting


def test_a_flow_that_says_nothing_of_its_own_is_left():
    assert Flow().chosen(None, ()) is None
    assert Flow().told(None, Done(Lock())) is None


def test_a_code_of_nobody_has_no_holder_on_its_page():
    guard = Guard().press("p").type("nobody").press("enter")
    assert " ■ RED    stays shut" in guard.lines()
    assert not any("the pass holds" in line for line in guard.lines())


def test_what_narrows_a_list_can_be_taken_back_and_keys_that_type_nothing_change_nothing():
    guard = Guard().unlock().press("v").type("maya")
    assert sum("north" in line for line in guard.desk._flow.panel.shown()[0].text.split("\n")) == 1
    guard.press("down", "f9", *["backspace"] * 5)
    assert guard.desk._flow.panel.typed == "" and len(guard.desk._flow.panel.shown()) == 4


def test_help_stands_still_while_it_is_read():
    guard = Guard().press("f1")
    before = guard.lines()[5:]
    assert guard.tick(1).lines()[5:] == before


@pytest.mark.parametrize("fault", ["forged", "unread"])
def test_an_act_that_does_not_count_is_told_as_such(fault):
    guard = Guard(OPENED._replace(act=None, fault=fault))
    assert any(f"! {ENGLISH(f'act.{fault}')}" in line for line in guard.lines())


# A hand scanner is a keyboard, and whoever holds up a code types with it.


@pytest.mark.parametrize(
    "code",
    ["oDelivery\n", "kLeave\ny", "kLeave\n\ny", "n" + "x" * 50 + "\n", "d\n\ny", "vBad\n\n",
     "h\n\n271828\n", "http\n" + "z" * 60 + "oDelivery\n", "q", "u"],
)  # fmt: skip
@pytest.mark.parametrize("gap_ms", [0, 2, 40, 99])
def test_what_a_hand_scanner_types_gives_no_command(code, gap_ms):
    guard = Guard().unlock()
    count = len(guard.done)
    guard.press("p").scan(code, gap_ms).press("escape", "escape").scan(code, gap_ms)

    assert [one for one in guard.done[count:] if not isinstance(one, Lock)] == []


def test_a_hand_scanner_looks_a_code_up_and_its_end_begins_nothing():
    guard = Guard().unlock().press("p").scan("YP1:ABC\n")
    assert guard.paper.seen[-1] == Look("YP1:ABC")

    guard.scan("oDelivery\n").press("escape")
    assert guard.done == [Unlock("anna", PIN)]


def test_who_types_fast_is_asked_to_press_the_last_key_again_and_then_it_is_done():
    guard = Guard().unlock().press("o").scan("Delivery\n")
    assert guard.said() == "That came too fast. Press the key again."
    guard.press("enter")
    assert guard.done[-1] == Sign(act.Kind.OPEN, "north", "Delivery")


def test_keys_that_were_meant_for_a_panel_begin_nothing_just_after_it_closed():
    guard = Guard().unlock().press("n").type("hello").press("enter")
    for key in "ok":
        guard._do(guard.desk.press(Key(key, key, 150)))
    assert guard.desk._flow is None
    guard.press("o")
    assert guard.desk._flow is not None


@pytest.mark.parametrize("typed", ["271828", "2 718 28", "Anna 271828", "2718-28"])
def test_a_pin_that_is_typed_as_a_reason_opens_nothing(typed):
    guard = Guard().unlock().press("o").press("x", "backspace").type(f" {typed}").press("enter")

    assert guard.done == [Unlock("anna", PIN)]
    assert guard.said() == ENGLISH("open.number")


def test_digits_behind_a_usual_reason_are_not_taken():
    guard = Guard().unlock().press("o").type("271828").press("enter")
    assert guard.done[-1] == Sign(act.Kind.OPEN, "north", ENGLISH("reason_2"))


def test_only_who_proved_a_pass_can_be_denied_by_a_check():
    named = ASKED._replace(is_proven=False, colour=Colour.RED, reasons=("R-SIG",), hlc=50)
    guard = Guard(named, ASKED).unlock().press("d")

    assert sum("05050505" in line for line in guard.lines()) == 1
    assert any("north-1        05050505  YELLOW" in line for line in guard.lines())


def test_what_guards_wrote_is_not_shown_while_the_console_is_locked():
    guard = Guard()
    assert not any("Courier" in line for line in guard.lines())
    assert not any("Maya" in line for line in guard.press("i").lines())
    guard.press("escape").unlock()
    assert any("Courier" in line for line in guard.lines())


def test_a_handover_of_the_worst_day_still_fits_an_act():
    alarms = [RED._replace(hlc=n, gate="门" * 85, alarm="forced") for n in range(40)]
    shift = shift_of(alarms, VISITORS, 0)
    standing = COMPOUND._replace(
        alarms=tuple(("门" * 32, "forced", NOW) for _ in range(40)),
        gate=State("forced", ("tamper", "jammed", "fire"), "POOR", (("门" * 40, "门" * 160),) * 9),
    )
    for words in catalogue.load().words.values():
        lines = lines_of(shift, standing, NOW, words)
        deed = act.Deed(NOW, act.Kind.HANDOVER, "00" * 8, "n" * 32, bytes(32), lines)
        assert len(act.text_of("yardpass/" + "x" * 55, deed).encode()) + 2 * 130 < act.MAX_NOTE


ANY_KEY = st.sampled_from(
    [*string.ascii_letters, *string.digits, "enter", "escape", "up", "down", "tab", "backspace",
     "pageup", "pagedown", "space", "f1", "f2", "shift+tab", "ctrl+c", "门"]
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(ANY_KEY, max_size=60), st.integers(0, 130), st.integers(0, 50))
def test_whatever_is_pressed_the_screen_is_filled_exactly_and_nothing_is_signed_unlocked(
    names, width, height
):
    """Any keys at any size: never an error, never a signature without a guard."""
    guard = Guard()
    for name in names:
        before = guard.desk.guard
        count = len(guard.done)
        guard.press(name)
        new = guard.done[count:]
        assert all(isinstance(one, Unlock | Lock) for one in new) or before
        lines = guard.desk.lines(width, height)
        assert len(lines) == height and all(cells(line.text) == width for line in lines)


def test_a_guard_who_is_forced_sees_the_same_screens_key_by_key():
    def shift(pin):
        guard, screens = Guard(), []
        steps = [*"u1", "enter", *pin, "enter", *"o3", "enter", *"nhallo", "enter", "h", "enter"]
        steps += ["enter", *pin, "enter", "s", "escape", "u"]
        for step in steps:
            screens.append(guard.press(step).lines())
        return screens

    assert shift("271828") == shift("314159")


# Languages.


def families():
    """Every sentence that code asks for by a name it makes."""
    yield from (f"reason.{one}" for one in Reason)
    yield from (f"colour.{one.name}" for one in Colour)
    yield from (f"action.{one.name}" for one in Action)
    yield from (f"alarm.{one}" for one in KINDS)
    yield from (f"act.{one}" for one in act.Kind)
    yield from (f"order_kind.{one}" for one in order.Kind)
    yield from (f"effect.{one}" for one in order.Kind)
    yield from (f"order.{one}" for one in MEANT)
    yield from (f"why.{one}" for one in Why)
    yield from (f"class.{one.name.lower()}" for one in HolderClass)
    yield from (f"filter.{one.value}" for one in Filter)
    yield from (f"help.{one}" for one in HELP_KEYS)
    for fact in Fact:
        if fact.value not in ("exit", "schedule"):
            yield from (f"wrong.fact.{fact.value}", f"step.fact.{fact.value}")
    yield from (f"told.update.{one.value}" for one in UNDER_WAY)
    for one in WRONG:
        yield from (f"wrong.update.{one.value}", f"step.update.{one.value}")


def sentences(tag):
    path = resources.files("appliance.console") / "words" / f"{tag}.json"
    return catalogue_of(json.loads(path.read_text("utf-8")))


def test_every_sentence_that_is_asked_for_is_there():
    assert [name for name in families() if not ENGLISH.has(name)] == []


@pytest.mark.parametrize("tag", [tag for tag in catalogue.LANGUAGES if tag != "en"])
def test_no_language_lacks_a_sentence_or_a_value_in_one(tag):
    english = {f"reason.{one}": ENGLISH(f"reason.{one}") for one in Reason} | sentences("en")
    found = sentences(tag)

    assert english.keys() == found.keys()
    assert {n for n in found if places_in(found[n]) != places_in(english[n])} == set()


@pytest.mark.parametrize("tag", catalogue.LANGUAGES)
def test_words_fit_their_columns(tag):
    words = catalogue.load().words[tag]
    widths = {"link.": 13, "short.way": 3, "age.": 7, "clock.": 5, "door.": 16}
    columns = zip(("terminal", "link", "ledger", "clock", "gate"), WIDTHS, strict=True)
    widths |= {f"column.{name}": width for name, width in columns}
    for name in sentences(tag):
        for begin, width in widths.items():
            if name.startswith(begin):
                assert cells(words(name, count=99)) <= width, (name, words(name))


@pytest.mark.parametrize(
    "text", ["[]", '{"a": 1}', '{"a": "x\\ny"}', '{"a": "' + "x" * 500 + '"}', "{", "[" * 9_999]
)
def test_a_broken_language_file_is_a_state_and_the_screen_goes_on_in_english(tmp_path, text):
    for tag in catalogue.LANGUAGES:
        source = resources.files("appliance.console") / "words" / f"{tag}.json"
        (tmp_path / f"{tag}.json").write_bytes(source.read_bytes())
    (tmp_path / "es.json").write_text(text)

    loaded = catalogue.load(tmp_path)

    assert len(loaded.faults) == 1 and loaded.faults[0].startswith("es.json: ")
    assert loaded.words["es"]("all_holds") == ENGLISH("all_holds")
    (tmp_path / "es.json").unlink()
    assert "es.json" in catalogue.load(tmp_path).faults[0]


def test_a_name_nobody_knows_is_shown_as_it_is():
    words = Words("xx", {"a": "{known} {unknown}"})
    assert (words("nonsense"), words("a", known=1)) == ("nonsense", "1 {unknown}")


@pytest.mark.parametrize(("seconds", "said"), [(-5, "0 s"), (0, "0 s"), (119, "119 s"),
    (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")])  # fmt: skip
def test_an_age_is_told_in_the_largest_unit_of_which_there_are_two(seconds, said):
    assert ENGLISH.age(seconds) == said


def test_fields_and_pages_are_gone_through_in_both_directions():
    guard = Guard().unlock().press("v", "enter").type("Wu Lei").press("enter").type("x")
    guard.press("up").type("!").press("tab").type("y").press("shift+tab")
    assert [one.text for one in guard.desk._flow.panel.fields] == ["Wu Lei!", "xy"]

    page = Guard().press("f1")
    top = page.lines(80, 12)
    assert page.press("down", "down").lines(80, 12) != top
    assert page.press("up", "up").lines(80, 12) == top
    page.press("pagedown", "pageup")
    assert page.desk._flow is not None
    assert page.press("x").desk._flow is None


def test_a_page_that_asks_for_a_yes_takes_no_other_key_for_one():
    guard = Guard().unlock().press("k", "enter", "n", "enter", "x", "down")
    assert guard.desk._flow is not None and guard.done == [Unlock("anna", PIN)]
