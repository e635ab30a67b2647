"""The console's screen: draws what the view says, twice a second. Keys only."""

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from appliance.console.lines import Line, Look
from appliance.console.seen import Seen
from appliance.console.standing import Standing
from appliance.console.view import View
from ledger_sync.errors import Refused, Unavailable

LOOK_SECONDS = 0.5  # between two looks at the feeds
SURVEY_LOOKS = 10  # looks to one survey of how the compound stands
GREEN, YELLOW, RED = "#009e73", "#f0e442", "#8b0000"  # told apart by colour-blind eyes
STYLES = {
    Look.PLAIN: Style(),
    Look.TITLE: Style(bold=True),
    Look.DIM: Style(dim=True),
    Look.GREEN: Style(color=GREEN),
    Look.GREY: Style(color="bright_black"),
    Look.YELLOW: Style(color=YELLOW),
    Look.RED: Style(color="bright_red"),
    Look.ALARM: Style(color="bright_red", bold=True),
}
WIDE = {
    Look.TITLE: Style(bold=True, reverse=True),
    Look.DIM: Style(dim=True),
    Look.GREEN: Style(color="white", bgcolor=GREEN, bold=True),
    Look.GREY: Style(color="white", bgcolor="bright_black", bold=True),
    Look.YELLOW: Style(color="black", bgcolor=YELLOW, bold=True),
    Look.RED: Style(color="white", bgcolor=RED, bold=True),
    Look.ALARM: Style(color="white", bgcolor=RED, bold=True),
}


class Console(App[None]):
    """`look` gives what is new, `survey` how the compound stands; either may raise `Refused` or
    `Unavailable`, which is told on the screen until it works again."""

    BINDINGS: ClassVar[list[BindingType]] = [("f", "filter", "Filter"), ("q", "quit", "Quit")]
    ENABLE_COMMAND_PALETTE = False
    CSS = "Sheet { width: 100%; height: 100%; }"

    def __init__(
        self,
        view: View,
        *,
        look: Callable[[], list[Seen]],
        survey: Callable[[], Standing],
        now: Callable[[], int],
    ) -> None:
        super().__init__()
        self._view = view
        self._look = look
        self._survey = survey
        self._now = now
        self._standing = Standing()
        self._looks = 0
        self._fault = ""

    def compose(self) -> ComposeResult:
        yield Sheet()

    def on_mount(self) -> None:
        self.tick()
        self.set_interval(LOOK_SECONDS, self.tick)

    def tick(self) -> None:
        """Looks and draws."""
        try:
            self._view.add(self._look())
            if self._looks % SURVEY_LOOKS == 0 or self._fault:
                self._standing = self._survey()
            self._fault = ""
        except (Refused, Unavailable) as error:
            self._fault = f"this screen is old: {error}"
        self._looks += 1
        self.draw()

    def draw(self) -> None:
        self.query_one(Sheet).refresh()

    def lines(self, width: int, height: int) -> list[Line]:
        """What a screen of this size shows now."""
        return self._view.lines(self._standing, self._now(), width, height, self._fault)

    def action_filter(self) -> None:
        self._view.next_filter()
        self.draw()


class Sheet(Widget):
    """The whole screen, drawn anew whenever it changes its size."""

    app: Console

    def render(self) -> Text:
        return text_of(self.app.lines(*self.size))


def text_of(lines: list[Line]) -> Text:
    """Lines with their colours."""
    text = Text(no_wrap=True)
    for number, line in enumerate(lines):
        style = WIDE.get(line.look) if line.is_wide else None
        text.append("\n" * (number > 0))
        text.append(line.text, style or STYLES[line.look])
    return text
