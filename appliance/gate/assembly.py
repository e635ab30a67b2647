"""Wiring: settings to a terminal that works. No logic; what is missing stops the start.

Nothing is created here but a new incarnation of the feed. Keys, stores and policies are made by
`yardpass office terminal`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from appliance import version
from appliance.gate.checker import Checker
from appliance.gate.terminal import Clock, Recorder, Terminal
from appliance.settings import Settings
from hw import drivers
from hw.decoder import DecoderChild
from hw.eye import Eye
from hw.ports import Camera, Relay
from hw.wall_clock import WallClock
from ledger_sync import feed as feeds
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Reading
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import Feed
from ledger_sync.files import read_bounded
from ledger_sync.keyfile import read_key, read_secret
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.quorum import MAX_POLICY, Policy, parse_policy
from ledger_sync.replica import Replica
from ledger_sync.store import Store

_HINT = "make the terminal with: yardpass office terminal"


def system_clock() -> Clock:
    """The clock of this machine, as readings."""
    wall = WallClock()

    def read() -> Reading:
        now = wall.read()
        return Reading(now.now, now.synchronised, now.error_seconds, now.has_chip)

    return read


def policy_of(path: Path) -> Policy:
    """The pinned quorum policy of a terminal."""
    return parse_policy(read_bounded(path, MAX_POLICY, hint=_HINT))


def _key_of(path: Path) -> SigningKey:
    key = read_key(path, hint=_HINT)
    if key.alg != ED25519:
        raise Refused(f"{path} must be an Ed25519 key to sign heads; {_HINT}", reason="R-SETTINGS")
    return key


@contextmanager
def open_replica(settings: Settings) -> Iterator[Replica]:
    """The replica of a terminal, for reading and for accepting a new ledger."""
    with Store(settings.store) as store:
        replica = Replica(store)
        _check_origin(replica.ledger().origin, settings)
        yield replica


@contextmanager
def open_terminal(
    settings: Settings, *, clock: Clock, incarnation: bytes, relay: Relay | None = None
) -> Iterator[Terminal]:
    """A terminal at work; closed, released and signed off at the end.

    `incarnation` is 8 random bytes, new at every start. `relay` stands in for the one in the
    settings (the demo brings its own).
    """
    policy_of(settings.policy)  # of no use here, but without it no ledger can ever be loaded
    key = _key_of(settings.key)
    secret = read_secret(settings.site_secret, hint=_HINT)
    with ExitStack() as stack:
        store = stack.enter_context(Store(settings.store))
        checker = Checker(Replica(store), settings.gate, build_time=version.BUILD_TIME)
        _check_origin(checker.ledger.origin, settings)
        contact = relay or cast(Relay, _make("relay", settings))
        stack.callback(contact.close)
        reading = clock()
        log = CheckLog(store)
        origin = feeds.origin_of(settings.gate.site, settings.terminal, incarnation)
        opening = _opening(log, key.public.raw, checker.floor)
        number = log.open_feed(origin, opening, reading.now)
        feed = Feed(origin=origin, key=key)
        feed.append(opening)
        terminal = Terminal(
            gate=settings.gate.name,
            direction=settings.gate.direction,
            checker=checker,
            recorder=Recorder(log, feed, number, secret),
            relay=contact,
            pulse_ms=settings.pulse_ms,
            clock=clock,
        )
        stack.callback(terminal.close)
        yield terminal


def _check_origin(held: str, settings: Settings) -> None:
    """The store must be of the ledger that the settings pin, not of another compound."""
    if held != settings.origin:
        why = f"store {settings.store} is of {held}, the settings pin {settings.origin}"
        raise Refused(f"{why}; put the right store back", reason="R-SETTINGS")


def _opening(log: CheckLog, key: bytes, floor: int) -> bytes:
    tail = log.tail()
    try:
        previous = bytes.fromhex(tail.origin.rpartition("/")[2])
    except ValueError:
        raise Unavailable(
            f"the store is damaged (a feed named {tail.origin[:80]!r}); keep it for evidence and "
            "run: yardpass ledger fsck"
        ) from None
    software = version.software()
    return feeds.Opening(key, tail.feed_count, previous, tail.size, software, floor).to_bytes()


@contextmanager
def open_eye(settings: Settings) -> Iterator[Eye]:
    """The camera of the settings behind the sandboxed decoder."""
    decoder = DecoderChild(settings.engines, deadline_seconds=settings.deadline_ms / 1_000)
    with ExitStack() as stack:
        stack.callback(decoder.close)
        eye = Eye(cast(Camera, _make("camera", settings)), decoder)
        stack.callback(eye.close)
        yield eye


def _make(kind: str, settings: Settings) -> object:
    driver = settings.camera if kind == "camera" else settings.relay
    options = dict(driver.options)
    if driver.name == "files" and "paths" in options:
        options["paths"] = [str(settings.folder / path) for path in options["paths"]]
    return drivers.make(kind, driver.name, options)
