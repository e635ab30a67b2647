"""What the console shows: exact lines from what happened, at any size, without colour."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.console import catalogue
from appliance.console.lines import Look, apart, cells, fit
from appliance.console.palette import PLAIN_GLYPHS
from appliance.console.rows import LOOKS, headline
from appliance.console.seen import Seen, seen_of
from appliance.console.standing import Standing
from appliance.console.view import (
    MAX_ALARMS,
    MAX_GATES,
    MAX_KEPT,
    MAX_OF_ONE,
    Filter,
    Shown,
    View,
)
from appliance.gate.remote import State
from appliance.policy.schedule import Zone
from appliance.policy.verdict import Action, Colour, Verdict
from ledger_sync import peers_file
from ledger_sync.clock import Grade
from ledger_sync.duress import Duress
from ledger_sync.gate_alarm import KINDS, GateAlarm
from ledger_sync.order import Kind
from ledger_sync.orders import Stands

NOW = 1_767_225_600 + 14 * 3_600 + 180  # 14:03 in UTC
BUILT = "yardpass 0.1.0-1795305600"
GREEN = Seen(
    *(10, "north-1", "north", NOW - 120, 0, Colour.GREEN, Action.OPEN), software="yardpass 0.0.9"
)
RED = Seen(
    *(30, "north-1", "north", NOW, 0, Colour.RED, Action.DENY, ("R-REVOKED",)),
    heard_at=NOW - 41, software=BUILT,
)  # fmt: skip
AWAY = Seen(
    *(20, "exit-1", "exit", NOW - 60, 1, Colour.RED, Action.OPEN, ("R-REPLAY",)), software=BUILT
)
FORCED = Seen(25, "exit-1", "exit", NOW - 30, alarm="forced")
COMPOUND = Standing(
    "yardpass/hz07", 9, NOW - 41, names=("exit-1", "garage-1", "north-1"),
    links={"exit-1": "here", "garage-1": "away"},
)  # fmt: skip


ENGLISH = catalogue.load().words["en"]


class Screen(View):
    """A view in English, with nothing open."""

    def lines(self, standing, now, width, height, fault="", **shown):
        return super().lines(standing, now, width, height, Shown(ENGLISH, fault=fault, **shown))


def view(*seen):
    made = Screen("north-1")
    made.add(seen)
    return made


def texts(lines):
    return [line.text.rstrip() for line in lines]


def test_a_screen_of_80_by_25_says_all_that_matters():
    shown = view(GREEN, AWAY, FORCED, RED).lines(COMPOUND, NOW, 80, 25)

    assert texts(shown) == [
        " YARDPASS  hz07  north-1  console locked                ledger 41 s old   14:03",
        "   █████      ███   ████  ███",
        "   █████      █  █  █     █  █",
        "   █████      ███   ███   █  █",
        "   █████      █ █   █     █  █",
        "   █████      █  █  ████  ███",
        "   stays shut   in by north, 14:03   0.1.0-1795305600",
        "   The office revoked this pass.",
        "",
        " TERMINAL     LINK          LEDGER  CLOCK GATE            LAST CHECK",
        " exit-1       here          -       good  well            ■ RED    14:02 0.1.0",
        " garage-1     SILENT        -       -     well            -",
        " north-1      this terminal 41 s    good  well            ■ RED    14:03 0.1.0",
        " CHECKS, all gates",
        " 14:03   north-1      in  ■ RED    stays shut    R-REVOKED     0.1.0-1795305600",
        " 14:02   exit-1       ! FORCED",
        " 14:02   exit-1       out ■ RED    opens         R-REPLAY      0.1.0-1795305600",
        " 14:01   north-1      in  ● GREEN  opens                                  0.0.9",
        *4 * [""],
        " F1 help   u unlock   o open   v visitor   p look up   d deny   t overdue",
        " i inside   k orders   n note   h hand over   s what is wrong   a all gates",
        " f filter   g language   q end",
    ]


def test_the_newest_check_fills_its_lines_with_its_colour_and_says_it_in_words():
    for colour, shape in zip(Colour, "●◆▲■", strict=True):
        one = RED._replace(colour=colour)

        banner = view(one).lines(COMPOUND, NOW, 80, 20)[1:6]

        assert {(line.look, line.is_wide) for line in banner} == {(LOOKS[colour], True)}
        assert banner[1].text.startswith(f"   {shape} {colour.name} ")


@given(st.integers(0, 200), st.integers(0, 80), st.booleans())
def test_any_size_of_a_screen_is_filled_exactly(width, height, is_faulty):
    """Any width and height: so many lines, each of so many columns."""
    fault = "no store" if is_faulty else ""
    shown = view(GREEN, AWAY, FORCED, RED).lines(COMPOUND, NOW, width, height, fault)

    assert len(shown) == height
    assert all(cells(line.text) == width for line in shown)


def test_a_small_screen_keeps_the_verdict_and_the_keys():
    shown = view(GREEN, RED).lines(COMPOUND, NOW, 40, 8)

    assert texts(shown) == [
        " YARDPASS  hz07  north-1  console locked",
        " ■ RED    stays shut",
        " The office revoked this pass.",
        " in by north, 14:03   0.1.0-1795305600",
        " CHECKS, all gates",
        " 14:03   north-1      in  ■ RED    stay…",
        " 14:01   north-1      in  ● GREEN  opens",
        " F1 help   u unlock   o open   q end",
    ]


def test_nothing_happened_yet():
    shown = texts(view().lines(Standing(links={}), NOW, 80, 17))

    assert shown[1] == " No check at this gate yet."
    assert shown[-1] == " f filter   g language   q end"
    assert " nothing" in shown
    assert shown[0].endswith("no ledger   14:03")


def test_a_green_says_that_all_checks_hold_and_an_unknown_reason_its_code():
    for reasons, said in (((), "All checks hold."), (("X-NEW\n",), "X-NEW?")):
        shown = texts(view(RED._replace(reasons=reasons)).lines(COMPOUND, NOW, 80, 25))

        assert shown[7].strip() == said


def test_filters_go_round_and_list_what_they_say():
    seen, listed = view(GREEN, AWAY, FORCED, RED), {}
    for wanted in Filter:
        assert seen.filter is wanted
        lines = texts(seen.lines(COMPOUND, NOW, 80, 25))
        listing = ENGLISH(f"filter.{wanted.value}")
        begin = lines.index(f" CHECKS, {listing}")
        rows = [line.partition(" 0.")[0] for line in lines[begin + 1 : -3] if line]
        listed[wanted] = [row.split()[-1] for row in rows]
        seen.next_filter()

    assert seen.filter is Filter.ALL
    assert listed == {
        Filter.ALL: ["R-REVOKED", "FORCED", "R-REPLAY", "opens"],
        Filter.STOPPED: ["R-REVOKED", "FORCED", "R-REPLAY"],
        Filter.ALARMS: ["FORCED"],
        Filter.ACTS: ["nothing"],
        Filter.OWN: ["R-REVOKED", "opens"],
    }


def test_a_line_cuts_codes_for_the_version_that_made_the_check_and_the_verdict_for_nothing():
    stale = RED._replace(reasons=("R-STALE", "R-REPLAY"))

    pages = [texts(view(stale).lines(COMPOUND, NOW, width, 14)) for width in (86, 80, 64, 48)]
    last = [next(line for line in page if "stays" in line[25:]) for page in pages]

    assert last == [
        " 14:03   north-1      in  ■ RED    stays shut    R-STALE R-REPLAY    0.1.0-1795305600",
        " 14:03   north-1      in  ■ RED    stays shut    R-STALE R-REPLAY         0.1.0",
        " 14:03   north-1      in  ■ RED    stays shut    R-STALE… 0.1.0",
        " 14:03   north-1      in  ■ RED    stays shut  …",
    ]


def test_what_a_peer_tells_late_stands_where_it_happened_and_changes_no_newer_row():
    seen = view(RED)
    seen.add([AWAY, AWAY._replace(hlc=5, at=NOW - 600), FORCED])

    lines = texts(seen.lines(COMPOUND, NOW, 80, 25))

    begin = lines.index(" CHECKS, all gates")
    assert [line[1:6] for line in lines[begin + 1 : begin + 5]] == [
        "14:03", "14:02", "14:02", "13:53",
    ]  # fmt: skip
    assert next(line for line in lines if line.startswith(" exit-1")).endswith("14:02 0.1.0")


def test_the_newest_are_kept_and_no_more_of_one_terminal_than_leaves_room_for_the_others():
    seen = view(
        *(
            GREEN._replace(hlc=n, at=NOW - 10_000 + n, terminal=f"gate-{n % 9}")
            for n in range(2 * MAX_KEPT)
        )
    )
    assert len(seen.kept) == MAX_KEPT
    assert {one.hlc for one in seen.kept} == set(range(MAX_KEPT, 2 * MAX_KEPT))

    seen.add([RED._replace(hlc=2**62 + n, terminal="liar") for n in range(2 * MAX_KEPT)])

    assert len(seen.kept) == MAX_KEPT
    assert sum(one.terminal == "liar" for one in seen.kept) == MAX_OF_ONE


def test_what_stands_is_told_the_gravest_first_and_counted_where_it_is_too_much():
    order = Stands(Kind.LOCKDOWN, 1, NOW - 60, "k", "office", b"")
    standing = COMPOUND._replace(
        duress=(Duress("exit-1", "ex\x1b[2Jit", NOW - 60),),
        alarms=(("exit-1", "forced", NOW - 120),),
        orders=(order,),
        links=None,
    )

    few = view().lines(standing, NOW, 100, 25)
    standing = standing._replace(alarms=3 * standing.alarms)
    many = texts(view().lines(standing, NOW, 100, 25))

    assert texts(few)[2 : 2 + MAX_ALARMS] == [
        " ! DURESS at ex?[2Jit, 14:02: send help",
        " ! FORCED at exit-1, since 14:01",
        " ! ORDER LOCKDOWN, since 14:02",
        " ! yardpass sync is not running here: no other gate hears of these checks",
    ]
    assert {line.look for line in few[2 : 2 + MAX_ALARMS]} == {Look.ALARM}
    assert many[2 + MAX_ALARMS - 1] == " ! FORCED at exit-1, since 14:01   (and 2 more: press s)"


def test_more_terminals_than_rows_are_counted():
    names = tuple(f"gate-{letter}" for letter in string.ascii_lowercase[: MAX_GATES + 2])

    shown = texts(view().lines(COMPOUND._replace(names=names), NOW, 80, 40))

    assert " and 3 more" in shown


def test_a_fault_says_that_the_screen_is_old():
    shown = view(RED).lines(COMPOUND, NOW, 80, 25, "no store")

    assert shown[1].text.strip() == "this screen is old: no store"
    assert shown[1].look is Look.ALARM


def test_times_are_those_of_the_clocks_of_the_site():
    shown = view(RED).lines(COMPOUND._replace(zone=Zone((), (8 * 3_600,))), NOW, 80, 25)

    assert texts(shown)[6] == "   stays shut   in by north, 22:03   0.1.0-1795305600"


def test_what_happened_on_another_day_says_how_long_ago():
    old = RED._replace(at=NOW - 2 * 86_400)

    shown = texts(view(old).lines(COMPOUND, NOW, 80, 25))

    assert shown[6] == "   stays shut   in by north, 14:03, 2 d ago   0.1.0-1795305600"
    assert (
        " 2 d     north-1      in  ■ RED    stays shut    R-REVOKED     0.1.0-1795305600" in shown
    )


def test_every_state_of_a_peer_has_a_word():
    assert all(ENGLISH.has(f"link.{state}") for state in peers_file.SENTENCES)


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("abc", 5, "abc  "), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("东门东", 5, "东门…"),
        ("东门东", 4, "东… "), ("é", 2, "é "), ("e\u0301", 2, "e\u0301 "),
        ("abc", 1, "…"), ("abc", 0, ""), ("", 0, ""),
    ],
)  # fmt: skip
def test_a_text_is_cut_or_filled_to_its_columns(text, width, fitted):
    assert fit(text, width) == fitted


def test_of_two_texts_on_a_line_the_right_one_gives_way():
    assert apart("left", "right", 12) == "left   right"
    assert apart("left", "right", 9) == "left     "


# What an entry of a feed says.


def test_a_row_tells_door_and_alarm_clock_and_ledger_of_its_gate():
    poor = AWAY._replace(hlc=40, grade=int(Grade.POOR), heard_at=NOW - 7_260)
    standing = COMPOUND._replace(
        gate=State("opening"), alarms=(("exit-1", "tamper", NOW), ("exit-1", "disk low", NOW))
    )
    rows = texts(view(RED, poor).lines(standing, NOW, 80, 40))

    assert " exit-1       here          2 h     LOST  DISK LOW        ■ RED    14:02 0.1.0" in rows
    assert " north-1      this terminal 41 s    good  unlocked        ■ RED    14:03 0.1.0" in rows


@pytest.mark.parametrize("kind", KINDS)
def test_an_alarm_is_seen_as_what_it_is(kind):
    entry = GateAlarm(kind, NOW, 7, "north").to_bytes()

    assert seen_of("north-1", entry) == Seen(7, "north-1", "north", NOW, alarm=kind)


@given(st.binary(max_size=120))
def test_any_bytes_are_something_seen_or_nothing(data):
    """Any entry: what it says, or None."""
    assert seen_of("north-1", data) is None or data[0] in (1, 3)


# Languages and glyphs.


@pytest.mark.parametrize(
    "words", catalogue.load().words.values(), ids=lambda words: words.language
)
def test_verdicts_are_told_apart_by_shape_and_word_without_any_colour(words):
    lines = [
        headline(Verdict(colour, Action.OPEN, ()), words).translate(glyphs)
        for colour in Colour
        for glyphs in ({}, PLAIN_GLYPHS)
    ]

    assert len({line[0] for line in lines}) == 8
    assert len({line[2:].strip() for line in lines}) == 4
    assert len({cells(line) for line in lines}) == 1
