"""The console's screen: draws what the desk says, twice a second, and tells it the keys."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ClassVar, NamedTuple

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from appliance.console import asking
from appliance.console.desk import Desk
from appliance.console.effects import Effect, Failed, Result
from appliance.console.keys import Key
from appliance.console.lines import Line, Look
from appliance.console.palette import FULL, Ink, Palette
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.gate.remote import State
from ledger_sync.errors import Refused, Unavailable

LOOK_SECONDS = 0.5  # between two looks at the feeds and at the gate
SURVEY_LOOKS = 10  # looks to one survey of how the compound stands
MAX_PASTE = 4_096  # characters of a pasted text that anything looks at


def _locked(effect: Effect) -> Result:
    return Failed(effect, "locked")


def _nothing() -> None:
    """Nothing was opened."""


def _never(seen: list[Seen]) -> bool:
    return False


class Wires(NamedTuple):
    """Where a console is connected to. `look` gives what is new, `survey` how the compound stands;
    either may raise `Refused` or `Unavailable`, which is told on the screen until it works again.
    `gate` says how the gate process is, None while it is gone; `do` does an effect, `end` is the
    last thing that is done, both in a thread of their own. It rings where `is_asking` says so of
    what is new. `ticks` are seconds of a monotonic clock; `beat` is called at each look: the loop
    lives."""

    look: Callable[[], list[Seen]]
    survey: Callable[[], Standing]
    now: Callable[[], int]
    gate: Callable[[], State | None] = State
    do: Callable[[Effect], Result] = _locked
    end: Callable[[], None] = _nothing
    is_asking: Callable[[list[Seen]], bool] = _never
    ticks: Callable[[], float] = time.monotonic
    beat: Callable[[], None] = _nothing


class Console(App[None]):
    """One screen. Its desk decides what it shows and what a key does."""

    BINDINGS: ClassVar[list[BindingType]] = []
    ENABLE_COMMAND_PALETTE = False
    CSS = "Sheet { width: 100%; height: 100%; }"

    def __init__(self, desk: Desk, wires: Wires, *, palette: Palette = FULL) -> None:
        super().__init__()
        self._desk = desk
        self._wires = wires
        self._palette = palette
        self._standing = Standing()
        self._looks = 0
        self._key_ms = 0  # when the last key was pressed
        self._fault = ""
        self._drawn: tuple[tuple[int, int], list[Line]] | None = None
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="clerk")

    def compose(self) -> ComposeResult:
        yield Sheet()

    def on_mount(self) -> None:
        self.tick()
        self.set_interval(LOOK_SECONDS, self.tick)

    def on_unmount(self) -> None:
        self._clerk.submit(self._wires.end)
        self._clerk.shutdown(wait=True)

    def tick(self) -> None:
        """Looks and draws."""
        try:
            seen = self._wires.look()
            self._desk.view.add(seen)
            if self._looks and self._wires.is_asking(seen):
                self.bell()
            if self._looks % SURVEY_LOOKS == 0 or self._fault:
                before, self._standing = self._standing, self._wires.survey()
                if self._looks and asking.is_calling(before, self._standing):
                    self.bell()
            self._fault = ""
        except (Refused, Unavailable) as error:
            self._fault = str(error)
        self._looks += 1
        standing = self._standing._replace(gate=self._wires.gate())
        self._start(self._desk.look(standing, self._wires.now()))
        self.draw()
        self._wires.beat()

    def draw(self) -> None:
        """Draws, if anything is another than what stands there. At the end the sheet goes before
        the last tick and the last answer of the clerk do; then there is nothing to draw on."""
        for sheet in self.query(Sheet):
            size = (sheet.size.width, sheet.size.height)
            if self._drawn != (size, self.lines(*size)):
                sheet.refresh()

    def lines(self, width: int, height: int) -> list[Line]:
        """What a screen of this size shows now."""
        return self._desk.lines(width, height, self._fault)

    def drawn(self, width: int, height: int) -> Text:
        """The same with its colours, remembered as drawn."""
        lines = self.lines(width, height)
        self._drawn = ((width, height), lines)
        return text_of(lines, self._palette)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        now_ms = round(1_000 * self._wires.ticks())
        gap_ms, self._key_ms = now_ms - self._key_ms, now_ms
        self._start(self._desk.press(Key(event.key, event.character or "", gap_ms)))
        if self._desk.is_over:
            self.exit()
        self.draw()

    async def action_quit(self) -> None:
        """The library's own key for the end: the guard's time ends with it."""
        self._start(self._desk.leave())
        self.exit()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._desk.paste(event.text[:MAX_PASTE])
        self.draw()

    def _start(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._clerk.submit(self._wires.do, effect).add_done_callback(
                partial(self._done, effect)
            )

    def _done(self, effect: Effect, done: Future[Result]) -> None:
        """In the clerk's thread; a fault of ours is told as one, and the screen goes on."""
        error = done.exception()
        result = Failed(effect, "store", type(error).__name__) if error else done.result()
        if self.is_running:
            self.call_later(self._tell, result)

    def _tell(self, result: Result) -> None:
        self._start(self._desk.told(result))
        self.draw()


class Sheet(Widget):
    """The whole screen, drawn anew whenever it changes its size."""

    app: Console

    def render(self) -> Text:
        return self.app.drawn(*self.size)


def text_of(lines: list[Line], palette: Palette = FULL) -> Text:
    """Lines with their colours."""
    styles = {look: style_of(ink) for look, ink in palette.lines.items()}
    wide = {look: style_of(ink) for look, ink in palette.wide.items()}
    return _text(lines, styles, wide, palette.glyphs)


def _text(
    lines: list[Line],
    styles: Mapping[Look, Style],
    wide: Mapping[Look, Style],
    glyphs: Mapping[int, str],
) -> Text:
    text = Text(no_wrap=True)
    for number, line in enumerate(lines):
        style = wide.get(line.look) if line.is_wide else None
        text.append("\n" * (number > 0))
        text.append(line.text.translate(glyphs), style or styles[line.look])
    return text


def style_of(ink: Ink) -> Style:
    """The style of an ink."""
    return Style(
        color=ink.colour or None,
        bgcolor=ink.ground or None,
        bold=ink.is_bold or None,
        dim=ink.is_dim or None,
        reverse=ink.is_reversed or None,
    )
