"""The console on a screen: drawn by Textual, driven by its keys."""

import asyncio

import pytest
from test_console_view import AWAY, COMPOUND, FORCED, GREEN, NOW, RED

from appliance.console.app import STYLES, WIDE, Console, text_of
from appliance.console.lines import Line, Look
from appliance.console.view import View
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


def drive(feeds, steps, size=(80, 25)):
    """Runs the console and `steps(app, pilot)` in it; the app."""

    async def run():
        app = Console(View("north-1"), look=feeds.look, survey=lambda: COMPOUND, now=lambda: NOW)
        async with app.run_test(size=size) as pilot:
            await steps(app, pilot)
        return app

    return asyncio.run(run())


def shown(app):
    """The screen as text, as its widget draws it."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


@pytest.mark.parametrize("size", [(80, 25), (120, 40)])
def test_the_screen_shows_what_the_view_says(size):
    async def steps(app, pilot):
        await pilot.pause()
        view = View("north-1")
        view.add([GREEN, AWAY, FORCED, RED])
        wanted = [line.text.rstrip() for line in view.lines(COMPOUND, NOW, *size)]
        assert shown(app) == wanted

    drive(Feeds([GREEN, AWAY, FORCED, RED]), steps, size)


def test_f_filters_and_q_ends():
    async def steps(app, pilot):
        await pilot.press("f")
        assert " CHECKS, all but green" in shown(app)
        await pilot.press("x", "enter", "escape", "f")
        assert " CHECKS, alarms" in shown(app)
        await pilot.press("q")
        assert not app.is_running

    drive(Feeds([GREEN, RED]), steps)


def test_what_is_new_appears_at_the_next_look():
    async def steps(app, pilot):
        await pilot.pause()
        assert "   ● GREEN  opens" in shown(app)
        app.tick()
        await pilot.pause()
        assert "   ■ RED    stays shut" in shown(app)

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
        assert "   ● GREEN  opens" in told
        assert "   ■ RED    stays shut" in shown(app)
        assert not [line for line in shown(app) if "this screen is old" in line]

    drive(feeds, steps)


@pytest.mark.parametrize("size", [(20, 5), (4, 2), (300, 90)])
def test_a_screen_of_another_size_is_drawn_anew(size):
    async def steps(app, pilot):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert shown(app) == [line.text.rstrip() for line in app.lines(*size)]

    drive(Feeds([GREEN, RED]), steps)


def test_a_text_that_is_pasted_does_nothing():
    async def steps(app, pilot):
        from textual.events import Paste

        app.post_message(Paste("q" * 1_000_000))
        await pilot.pause()
        assert app.is_running
        assert " CHECKS, all gates" in shown(app)

    drive(Feeds([GREEN]), steps)


def test_every_look_has_a_style_and_every_verdict_one_across_the_screen():
    assert set(STYLES) == set(Look)
    assert set(WIDE) == set(Look) - {Look.PLAIN}


def test_lines_keep_their_look():
    text = text_of([Line("a", Look.RED), Line("b", Look.RED, is_wide=True), Line("c")])

    assert text.plain == "a\nb\nc"
    assert [str(span.style) for span in text.spans] == [
        str(STYLES[Look.RED]), str(WIDE[Look.RED]),
    ]  # fmt: skip
