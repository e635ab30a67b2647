"""What opens a gate when a verdict says so; here the relay alone, where no more of it is known."""

from typing import NamedTuple, Protocol

from appliance.policy.verdict import Colour
from hw.errors import Refused, Unavailable
from hw.ports import Level, Relay


class Opening(NamedTuple):
    """Whether the gate was opened; else why not, empty if nobody asked for more."""

    is_opened: bool
    fault: str = ""


JAMMED_OPEN = "stuck"  # why a gate does not open for whoever is let pass


class Condition(NamedTuple):
    """How a gate is: the state of its door (door.State) and what holds (events.Fact), as words;
    empty where nothing tells."""

    door: str = ""
    facts: tuple[str, ...] = ()


class Opener(Protocol):
    """A gate, as the terminal sees it. Owned by the terminal's thread.

    `trouble` says whether something of the box needs mending, which lamps show while nobody is
    there. `stand` says what orders and hours ask of it from now on: a lockdown, standing open.
    `open` opens it once for whoever was let pass and shows the verdict; `weighed` says that this
    was decided in view of a lockdown that stands, which is no reason against it then. `show` shows
    a verdict that opens nothing. `seen` is told the levels of its inputs, `lost` that they are
    gone. `tick` does what is due, `next_due` says when that is next (milliseconds of the monotonic
    clock), None for never. `refusal` is `JAMMED_OPEN` if it would not open now whatever anybody
    says, else empty. `condition` is how it is. `close` releases it for good.
    """

    def trouble(self, is_troubled: bool) -> None: ...
    def stand(self, *, locked: bool, held_open: bool) -> None: ...
    def open(self, colour: Colour, *, weighed: bool = False) -> Opening: ...
    def show(self, colour: Colour) -> None: ...
    def seen(self, level: Level) -> None: ...
    def lost(self) -> None: ...
    def tick(self) -> None: ...
    def next_due(self) -> int | None: ...
    def refusal(self) -> str: ...
    def condition(self) -> Condition: ...
    def close(self) -> None: ...


class RelayOpener:
    """A pulse, whatever the gate does; no lamps, no inputs."""

    def __init__(self, relay: Relay, pulse_ms: int) -> None:
        self._relay = relay
        self._pulse_ms = pulse_ms

    def trouble(self, is_troubled: bool) -> None:
        """Nothing shows it."""

    def stand(self, *, locked: bool, held_open: bool) -> None:
        """A relay alone neither stands open nor shut; the verdicts know of a lockdown."""

    def open(self, colour: Colour, *, weighed: bool = False) -> Opening:
        try:
            self._relay.pulse(self._pulse_ms)
        except (Unavailable, Refused) as error:
            return Opening(False, f"the relay failed: {error}")
        return Opening(True)

    def show(self, colour: Colour) -> None:
        """Nothing shows it."""

    def seen(self, level: Level) -> None:
        """Nothing follows from it."""

    def lost(self) -> None:
        """Nothing is lost."""

    def tick(self) -> None:
        """Nothing is due."""

    def next_due(self) -> int | None:
        return None

    def refusal(self) -> str:
        return ""

    def condition(self) -> Condition:
        return Condition()

    def close(self) -> None:
        self._relay.close()
