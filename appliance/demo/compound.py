"""The demo's compound: an office, three terminals, residents with phones or paper.

Everything is made by the product's own office and gate; only the phones are stood in for.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appliance.gate.assembly import open_replica, open_terminal
from appliance.gate.identity import trust_of
from appliance.gate.terminal import Terminal
from appliance.office import guards, terminal_kit
from appliance.office.office import Enrolled, Office
from appliance.passes import code
from appliance.passes.token import HolderClass
from appliance.settings import Settings
from appliance.version import BUILD_TIME
from hw.sim.relay import SimRelay
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Reading
from ledger_sync.keys import ED25519, ES256, SEED_BYTES, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.passphrase import Cost
from ledger_sync.sources import FolderSource
from ledger_sync.store import Store

START = BUILD_TIME + 8 * 3_600  # eight in the morning of the demo's day, Unix seconds
GUARD, PIN = "anna", "271828"  # the guard of the demo, who has no secret from anybody
CHEAP = Cost(1, 8 << 20)
HEARD_AT = START - 41  # when the office cosigned the ledger the terminals hold
POSTS = (
    terminal_kit.Post("north-1", "north", "in", [0]),
    terminal_kit.Post("garage-1", "garage", "in", [1]),
    terminal_kit.Post("exit-1", "exit", "out", [0]),
)


@dataclass(slots=True)
class DemoClock:
    """A clock that moves when it is told to."""

    now: int = START

    def __call__(self) -> Reading:
        return Reading(self.now, synchronised=True, error_seconds=1, has_chip=True)


@dataclass(frozen=True, slots=True)
class Phone:
    """What a resident carries: a holder key, and the pass it is bound to."""

    key: SigningKey
    held: Enrolled
    site: str

    def reference(self, at: int) -> bytes:
        """The code a phone shows at its home site."""
        return code.by_reference(self.held.handle, audience=self.site, issued_at=at, key=self.key)

    def self_contained(self, at: int) -> bytes:
        """The code a phone shows where only the issuer is known."""
        return code.self_contained(self.held.token, audience=self.site, issued_at=at, key=self.key)


class Station:
    """One terminal of the demo, its mock relay, and what it has on record."""

    def __init__(self, settings: Settings, terminal: Terminal, relay: SimRelay) -> None:
        self.settings = settings
        self.terminal = terminal
        self.relay = relay

    @property
    def pulse_count(self) -> int:
        return sum(event.event == "on" for event in self.relay.history)

    def records(self) -> list[bytes]:
        """The feed of this run, its opening entry first."""
        with Store(self.settings.store) as store:
            log = CheckLog(store)
            return log.entries(log.tail().origin)


class Compound:
    """The office, its people and its terminals; closes all terminals at the end."""

    def __init__(self, folder: Path) -> None:
        self.clock = DemoClock()
        self.folder = folder
        self.office = Office.create(folder / "office", site="yp:hz07", now=START - 86_400)
        self.stations: dict[str, Station] = {}
        self.commuter: Phone | None = None  # who may pass at both ways in
        self.passers: list[Callable[[int], bytes]] = []  # the codes of who comes in the evening
        self._stacks: dict[str, ExitStack] = {}

    def __enter__(self) -> "Compound":
        return self

    def __exit__(self, *_: object) -> None:
        for gate in list(self.stations):
            self.close(gate)

    def close(self, gate: str) -> None:
        """Ends the terminal at a gate."""
        del self.stations[gate]
        self._stacks.pop(gate).close()

    def phone(
        self, who: str, *, alg: int = ED25519, klass: HolderClass = HolderClass.RESIDENT,
        zones: int = 1,
    ) -> Phone:  # fmt: skip
        """Enrols somebody with a phone that made its own key."""
        key = SigningKey(alg, os.urandom(SEED_BYTES))
        held = self.office.enrol(
            who, key=key.public, klass=klass, zones=zones, now=START - 3_600, days=30
        )
        return Phone(key, held, self.office.site)

    def paper(self, who: str) -> bytes:
        """Enrols somebody without a phone; the text of their printed pass."""
        resident = HolderClass.RESIDENT
        made = self.office.enrol(
            who, key=None, klass=resident, zones=1, now=START - 3_600, days=30
        )
        return code.to_text(made.token)

    def stranger(self) -> Phone:
        """Somebody enrolled by another compound, which this one does not know."""
        other = Office.create(self.folder / "elsewhere", site="yp:bj01", now=START - 86_400)
        key = SigningKey(ES256, os.urandom(SEED_BYTES))
        resident = HolderClass.RESIDENT
        held = other.enrol("guest", key=key.public, klass=resident, zones=1, now=START, days=30)
        return Phone(key, held, self.office.site)

    def open(self) -> None:
        """Publishes the ledger, makes the terminals, lets each load it, and starts them."""
        guards.add(
            self.office, GUARD, (PIN, None), now=START - 86_400, until=START + 86_400,
            may_order=True, cost=CHEAP,
        )  # fmt: skip
        made = [
            terminal_kit.make(
                self.office, self.folder / post.name, post, seed=os.urandom(SEED_BYTES)
            )
            for post in POSTS
        ]
        self._sign(HEARD_AT)
        for settings in made:
            guards.give(self.office, GUARD, settings.folder)
            self._load(settings, HEARD_AT)
            self.start(settings)

    def start(self, settings: Settings) -> None:
        """Starts a terminal, as its process does: with a feed of its own."""
        gate, relay = settings.gate.name, SimRelay()
        self._stacks[gate] = ExitStack()
        terminal = self._stacks[gate].enter_context(
            open_terminal(settings, clock=self.clock, incarnation=os.urandom(8), relay=relay)
        )
        self.stations[gate] = Station(settings, terminal, relay)

    def publish(self) -> None:
        """Publishes what the office wrote since; every terminal loads it 41 s later."""
        at = self.clock.now - (START - HEARD_AT)
        self._sign(at)
        for station in self.stations.values():
            self._load(station.settings, at)

    def _sign(self, at: int) -> None:
        authority = self.office.authority
        authority.publish(authority.checkpoint(lambda: at), self.folder / "public")

    def _load(self, settings: Settings, at: int) -> None:
        with open_replica(settings) as replica:
            mirror = Mirror(replica, pinned=trust_of(settings), now=lambda: at)
            mirror.update(FolderSource(self.folder / "public"))
