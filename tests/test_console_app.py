"""The console on a screen: drawn by Textual, driven by its keys."""

import asyncio
import itertools

import pytest
from console_yard import ASKED, OPENED, POST, Paper
from test_console_view import AWAY, COMPOUND, FORCED, GREEN, NOW, RED
from textual.events import Paste

from appliance.console import asking, catalogue
from appliance.console.app import SURVEY_LOOKS, Console, Wires, style_of, text_of
from appliance.console.desk import Desk
from appliance.console.effects import Lock, Sign
from appliance.console.lines import Line, Look
from appliance.console.palette import FULL, LINUX, MONO, palette_of
from appliance.console.view import View
from ledger_sync import act
from ledger_sync.duress import Duress
from ledger_sync.errors import Refused, Unavailable


class Feeds:
    """What the console looks at: batches of what is new, then nothing."""

    def __init__(self, *batches):
        self.batches = list(batches)
        self.looks = 0
        self.fault = ""
        self.kind = Unavailable

    def look(self):
        self.looks += 1
        if self.fault:
            raise self.kind(self.fault)
        return self.batches.pop(0) if self.batches else []


def made(feeds, paper=None, palette=FULL):
    """A console on these feeds, whose clerk is of paper."""
    desk = Desk(View("north-1"), catalogue.load().words, POST)
    paper = paper or Paper([], [])
    wires = Wires(
        ticks=itertools.count(1).__next__,
        look=feeds.look,
        survey=lambda: COMPOUND,
        now=lambda: NOW,
        do=paper.do,
        is_asking=lambda seen: asking.is_asking(seen, "north-1"),
    )
    return Console(desk, wires, palette=palette)


def drive(feeds, steps, size=(80, 25), **options):
    """Runs the console and `steps(app, pilot)` in it; the app."""

    async def run():
        app = made(feeds, **options)
        async with app.run_test(size=size) as pilot:
            await steps(app, pilot)
        return app

    return asyncio.run(run())


async def settle(app, pilot):
    """Until what was begun is done."""
    while True:
        await pilot.pause()
        if not app._desk.is_waiting:
            return


async def keys(app, pilot, *names):
    """Presses them one by one, each once the one before is done."""
    for name in names:
        await pilot.press(name)
        await settle(app, pilot)


def says(app, text):
    """Whether some line says this."""
    return any(text in line for line in shown(app))


def shown(app):
    """The screen as text, as its widget draws it."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


@pytest.mark.parametrize("size", [(80, 25), (120, 40)])
@pytest.mark.parametrize("palette", [FULL, LINUX, MONO], ids=["full", "linux", "mono"])
def test_the_screen_shows_what_the_desk_says(size, palette):
    async def steps(app, pilot):
        await pilot.pause()
        wanted = [line.text.translate(palette.glyphs).rstrip() for line in app.lines(*size)]
        assert shown(app) == wanted
        assert any("FORCED" in line for line in wanted)

    drive(Feeds([GREEN, AWAY, FORCED, RED]), steps, size, palette=palette)


def test_f_filters_and_q_ends():
    async def steps(app, pilot):
        await keys(app, pilot, "f")
        assert " CHECKS, all but green" in shown(app)
        await keys(app, pilot, "x", "enter", "escape", "f")
        assert " CHECKS, alarms" in shown(app)
        await pilot.press("q")
        assert not app.is_running

    drive(Feeds([GREEN, RED]), steps)


def test_what_is_new_appears_at_the_next_look():
    async def steps(app, pilot):
        await pilot.pause()
        assert says(app, "opens   in by north")
        app.tick()
        await pilot.pause()
        assert says(app, "stays shut   in by north")

    drive(Feeds([GREEN], [RED]), steps)


@pytest.mark.parametrize("kind", [Unavailable, Refused])
def test_a_store_that_fails_is_told_until_it_works_and_nothing_is_lost(kind):
    feeds = Feeds([GREEN])
    feeds.kind = kind

    async def steps(app, pilot):
        await pilot.pause()
        feeds.fault = "the store is locked; wait"
        app.tick()
        await pilot.pause()
        told = shown(app)
        feeds.fault, feeds.batches = "", [[RED]]
        app.tick()
        await pilot.pause()
        assert " this screen is old: the store is locked; wait" in told
        assert says(app, "stays shut   in by north")
        assert says(app, "stays shut   in by north")
        assert not [line for line in shown(app) if "this screen is old" in line]

    drive(feeds, steps)


@pytest.mark.parametrize("size", [(20, 5), (4, 2), (300, 90)])
def test_a_screen_of_another_size_is_drawn_anew(size):
    async def steps(app, pilot):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert shown(app) == [line.text.rstrip() for line in app.lines(*size)]

    drive(Feeds([GREEN, RED]), steps)


def test_a_text_that_is_pasted_is_typed_where_something_is_typed_and_cut():
    async def steps(app, pilot):
        app.post_message(Paste("q" * 1_000_000))
        await pilot.pause()
        assert app.is_running
        assert " CHECKS, all gates" in shown(app)
        await keys(app, pilot, "p")
        app.post_message(Paste("YP1:" + "A" * 1_000_000))
        await pilot.pause()
        assert says(app, "> Code (scan it here, or paste it): YP1:AAAA")
        await keys(app, pilot, "enter")
        assert says(app, "Resident; the pass holds for another 25 h")

    drive(Feeds([GREEN]), steps)


@pytest.mark.long
def test_a_guard_unlocks_opens_and_hands_over_by_keys_alone():
    paper = Paper([], [])

    async def steps(app, pilot):
        await keys(app, pilot, "o", "1", "enter", *"271828", "enter", "3", "enter")
        assert says(app, "north was opened")
        await keys(app, pilot, "h", "enter", "enter", *"271828", "enter")
        assert says(app, "The shift is boris's.")
        await keys(app, pilot, "u")
        assert says(app, "console locked")

    drive(Feeds([GREEN]), steps, paper=paper)
    names = [type(one).__name__ for one in paper.seen]
    assert names == ["Unlock", "Sign", "Load", "Hand", "Lock"]
    assert paper.seen[1] == Sign(act.Kind.OPEN, "north", "Delivery")


def test_a_clerk_that_breaks_is_told_and_the_screen_goes_on():
    class Broken(Paper):
        def do(self, effect):
            raise ZeroDivisionError

    async def steps(app, pilot):
        await keys(app, pilot, "p", *"YP1:", "enter")
        assert says(app, "Not done, the store does not answer: ZeroDivisionError")

    drive(Feeds([GREEN]), steps, paper=Broken([], []))


def test_a_tick_while_the_screen_is_being_taken_down_is_no_fault():
    async def steps(app, pilot):
        await app.query("Sheet").remove()
        before = feeds.looks
        app.tick()
        assert feeds.looks == before + 1

    feeds = Feeds([GREEN])
    drive(feeds, steps)  # raises what a tick raised


def test_it_rings_for_who_waits_and_for_alarms_and_not_for_what_was_before():
    rung = []

    async def steps(app, pilot):
        app.bell = lambda: rung.append(app._looks)
        for _ in range(4):
            app.tick()
            await pilot.pause()

    feeds = Feeds([FORCED], [RED], [ASKED], [FORCED._replace(hlc=90)], [OPENED])
    drive(feeds, steps)
    assert rung == [2, 3]


def test_it_rings_when_somebody_calls_for_help():
    rung, calls = [], []
    feeds = Feeds([GREEN])

    async def steps(app, pilot):
        app.bell = lambda: rung.append(app._looks)
        app._wires = app._wires._replace(survey=lambda: COMPOUND._replace(duress=tuple(calls)))
        for _ in range(2):
            calls.append(Duress("exit-1", "exit", NOW - len(calls)))
            app._looks = SURVEY_LOOKS
            app.tick()
        app._looks = SURVEY_LOOKS
        app.tick()

    drive(feeds, steps)
    assert len(rung) == 2


def test_the_library_s_own_key_for_the_end_locks_the_console_as_well():
    paper = Paper([], [])

    async def steps(app, pilot):
        await keys(app, pilot, "u", "1", "enter", *"271828", "enter")
        await pilot.press("ctrl+q")

    app = drive(Feeds([GREEN]), steps, paper=paper)
    assert isinstance(paper.seen[-1], Lock) and not app.is_running


def test_nothing_new_draws_nothing():
    async def steps(app, pilot):
        await pilot.pause()
        drawn = []
        app.query_one("Sheet").refresh = lambda *args, **more: drawn.append(args)
        for _ in range(5):
            app.tick()
        assert drawn == []

    drive(Feeds([GREEN, RED]), steps)


@pytest.mark.parametrize("palette", [FULL, LINUX, MONO], ids=["full", "linux", "mono"])
def test_every_look_has_an_ink_and_every_verdict_one_across_the_screen(palette):
    assert set(palette.lines) == set(Look)
    assert set(palette.wide) == set(Look) - {Look.PLAIN}
    for ink in (*palette.lines.values(), *palette.wide.values()):
        style_of(ink)


def test_a_screen_without_colours_gets_none():
    inks = (*MONO.lines.values(), *MONO.wide.values())
    assert {(ink.colour, ink.ground) for ink in inks} == {("", "")}
    assert MONO.wide[Look.RED].is_reversed and not MONO.lines[Look.RED].is_reversed


def test_a_linux_console_gets_named_colours_and_glyphs_that_its_font_has():
    inks = (*LINUX.lines.values(), *LINUX.wide.values())
    assert not any(one.startswith("#") for ink in inks for one in (ink.colour, ink.ground))
    text = "".join(line.text for line in made(Feeds()).lines(80, 25)).translate(LINUX.glyphs)
    assert text.isascii()


@pytest.mark.parametrize(
    ("environment", "palette"),
    [({"TERM": "linux"}, LINUX), ({"TERM": "xterm-256color"}, FULL), ({}, FULL),
     ({"TERM": "xterm", "NO_COLOR": "1"}, MONO), ({"TERM": "vt100"}, MONO)],
)  # fmt: skip
def test_the_palette_is_that_of_the_screen(environment, palette):
    assert palette_of(environment) is palette


def test_lines_keep_their_look():
    text = text_of([Line("a", Look.RED), Line("b", Look.RED, is_wide=True), Line("c")])

    assert text.plain == "a\nb\nc"
    assert [str(span.style) for span in text.spans] == [
        str(style_of(FULL.lines[Look.RED])), str(style_of(FULL.wide[Look.RED])),
    ]  # fmt: skip
