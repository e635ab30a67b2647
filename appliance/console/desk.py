"""The guard's desk: keys to panels and effects, results to what is said. Pure.

What the guard sees is `View` with the desk's panel; what is to be done leaves as effects, one at a
time, and comes back by `told`.
"""

from collections.abc import Callable, Mapping

from appliance.console.degraded import wrongs
from appliance.console.effects import Done, Effect, Lock, Result
from appliance.console.flow import Flow, Next, Post, Room, Said
from appliance.console.flow_gate import Opening, Ordering
from appliance.console.flow_guard import HandingOver, Noting, Unlocking
from appliance.console.flow_people import Denying, LookingUp, Mustering, Visiting
from appliance.console.keys import Key
from appliance.console.lines import Line, Look
from appliance.console.panels import Chosen, Closed, Page, Panel
from appliance.console.standing import Standing
from appliance.console.view import Shown, View
from appliance.console.words import Words

IDLE_SECONDS = 600  # without a key, and the console locks itself
BURST_MS = 100  # between two keys of a hand scanner; people are slower
CALM_MS = 300  # after such keys, before one that means yes
AFTER_MS = 500  # after something was done, before a key that begins something
HELP_KEYS = "ovpdtiknhsafguq"

_FLOWS: Mapping[str, Callable[[Room], Flow]] = {
    "o": Opening,
    "f2": Opening,
    "v": Visiting,
    "p": LookingUp,
    "d": Denying,
    "t": lambda room: Visiting(room, overdue=True),
    "i": Mustering,
    "k": Ordering,
    "n": Noting,
    "h": HandingOver,
}


class Desk:
    """Of one console. `quit` tells that the guard wants to end it."""

    def __init__(
        self,
        view: View,
        catalogue: Mapping[str, Words],
        post: Post,
        *,
        language: str = "en",
        languages: tuple[str, ...] = (),
    ) -> None:
        """`languages` are those that this screen can show, in the order of the key."""
        self.view = view
        self.guard = ""
        self.is_over = False
        self._catalogue = catalogue
        self._languages = languages or tuple(catalogue)
        self._language = language if language in catalogue else "en"
        self._post = post
        self._flow: Flow | None = None
        self._waits: Effect | None = None
        self._said = Said("")
        self._standing = Standing()
        self._now = 0
        self._touched_at: int | None = None
        self._is_burst = False  # the key before came as fast as a machine types
        self._since_done_ms = AFTER_MS

    @property
    def words(self) -> Words:
        return self._catalogue[self._language]

    @property
    def is_waiting(self) -> bool:
        """Whether something is being done, and keys but escape are for later."""
        return self._waits is not None

    def look(self, standing: Standing, now: int) -> list[Effect]:
        """How the compound stands now; the console may lock itself."""
        self._standing, self._now = standing, now
        if self._touched_at is None or now < self._touched_at:
            self._touched_at = now
        if isinstance(self._flow, _Reading):
            self._flow.refresh()
        if self.guard and now - self._touched_at >= IDLE_SECONDS:
            return self._lock()
        return []

    def press(self, key: Key) -> list[Effect]:
        """A key; what is to be done for it. What a hand scanner types fills a field, and neither
        begins nor confirms anything but looking a code up."""
        self._touched_at = self._now
        was_burst, self._is_burst = self._is_burst, key.gap_ms < BURST_MS
        self._since_done_ms = min(AFTER_MS, self._since_done_ms + key.gap_ms)
        if self._waits is not None:
            return []
        if self._flow is None:
            is_meant = not self._is_burst and self._since_done_ms >= AFTER_MS
            if is_meant:
                self._said = Said("")
            return self._command(key) if is_meant else []
        is_fast = self._is_burst or (was_burst and key.gap_ms < CALM_MS)
        if is_fast and self._flow.panel.is_yes(key) and not self._flow.takes_codes:
            self._flow.panel.told = self.words("calm")
            return []
        outcome = self._flow.panel.press(key)
        if isinstance(outcome, Closed):
            self._flow = None
        elif isinstance(outcome, Chosen):
            return self._follow(self._flow.chosen(self._room(), outcome.values))
        return []

    def paste(self, text: str) -> None:
        """A text that was pasted, into the panel that is open."""
        if self._flow is not None and self._waits is None:
            self._flow.panel.paste(text)

    def told(self, result: Result) -> list[Effect]:
        """What became of the effect that was waited for; of another one nothing follows."""
        if result.effect is not self._waits or self._flow is None:
            return []
        self._waits = None
        if isinstance(result, Done) and result.guard is not None:
            self.guard = result.guard
        self._flow.panel.told = ""
        return self._follow(self._flow.told(self._room(), result))

    def leave(self) -> list[Effect]:
        """The console ends."""
        self.is_over = True
        return self._lock() if self.guard else []

    def lines(self, width: int, height: int, fault: str = "") -> list[Line]:
        """What a screen of this size shows now."""
        panel = self._flow.panel if self._flow else None
        said, look = self._said.text, Look.GREEN
        if self._waits is not None:
            said, look = self.words("wait"), Look.DIM
        elif panel is not None:
            said, look = panel.told, Look.ALARM
        shown = Shown(self.words, self.guard, fault, panel, said, look)
        return self.view.lines(self._standing, self._now, width, height, shown)

    def _command(self, key: Key) -> list[Effect]:
        name = key.name if len(key.name) > 1 else key.typed.lower()
        match name:
            case "f1" | "?" | "question_mark":
                self._flow = _Reading(Page(self.words("help.title"), self._help()))
            case "s":
                self._flow = _Reading(Page(self.words("state.title"), []), self._state)
                self._flow.refresh()
            case "a":
                self._flow = _Reading(Page(self.words("gates.title"), []), self._gates)
                self._flow.refresh()
            case "f":
                self.view.next_filter()
            case "g":
                at = (*self._languages, self._language).index(self._language) + 1
                self._language = (*self._languages, *self._languages)[at]
            case "u":
                return self._lock() if self.guard else self._follow(Unlocking(self._room()))
            case "q":
                return self.leave()
            case _:
                return self._follow(_FLOWS[name](self._room())) if name in _FLOWS else []
        return []

    def _follow(self, next_: Next) -> list[Effect]:
        """Goes on; behind a PIN, if that needs a guard and there is none."""
        if isinstance(next_, Flow) and next_.needs_guard and not self.guard:
            next_ = Unlocking(self._room(), next_)
        if next_ is None or isinstance(next_, Said):
            self._flow, self._said = None, next_ or Said("")
            self._since_done_ms = 0
            return []
        if not isinstance(next_, Flow):
            self._waits = next_
            return [next_]
        is_new, self._flow = next_ is not self._flow, next_
        first = getattr(next_, "first", None)
        if is_new and first is not None:
            self._waits = first
            return [first]
        return []

    def _lock(self) -> list[Effect]:
        """Nobody is at the console; what was begun is left."""
        self.guard, self._flow, self._waits = "", None, None
        self._since_done_ms = 0
        self._said = Said(self.words("locked"))
        return [Lock()]

    def _room(self) -> Room:
        return Room(
            *(self.words, self._catalogue["en"], self._post, self._standing, self._now),
            *(self.view.kept, self.guard),
        )

    def _help(self) -> list[Line]:
        words = self.words
        keys = [Line(f"  {one}   {words(f'help.{one}')}") for one in HELP_KEYS]
        shapes = [Line(f"  {words(f'help.{one}')}") for one in ("green", "yellow", "red", "grey")]
        return [*keys, *shapes]

    def _gates(self) -> list[Line]:
        return self.view.gates(self._standing, self._now, self.words)

    def _state(self) -> list[Line]:
        words = self.words
        found: list[Line] = []
        for one in wrongs(self._standing, self._now, words, self._post.faults):
            found += [Line(f" ! {one.what}", Look.ALARM), Line(f"   {one.step}")]
        return found or [Line(f" {words('state.well')}", Look.GREEN)]


class _Reading(Flow):
    """A page that is read and left."""

    def __init__(self, page: Page, live: Callable[[], list[Line]] | None = None) -> None:
        """`live` gives the text as of now, at each look."""
        self.panel: Panel = page
        self._page = page
        self._live = live

    def refresh(self) -> None:
        if self._live is not None:
            self._page.text = self._live()
