"""Wiring: settings to a terminal that works. No logic; what is missing stops the start, except
a device (devices.py).

Nothing is created here but a new incarnation of the feed. Keys, stores and policies are made by
`yardpass office terminal`.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from appliance import version
from appliance.gate import devices, doorbell
from appliance.gate.asking import Asking
from appliance.gate.card_checker import CardChecker
from appliance.gate.card_desk import CardDesk
from appliance.gate.checker import Checker
from appliance.gate.disk_watch import DiskWatch, free_bytes
from appliance.gate.doorbell import Doorbell
from appliance.gate.doorman import Doorman, Tell
from appliance.gate.guard_desk import GuardDesk
from appliance.gate.identity import HINT, key_of, site_of, trust_of
from appliance.gate.neighbours import Neighbours, connected
from appliance.gate.recorder import Recorder
from appliance.gate.surroundings import counted_zone
from appliance.gate.terminal import Clock, Terminal, Withdraw
from appliance.gate.update_watch import UpdateWatch
from appliance.gate.withdrawing import verifier_of
from appliance.policy.facts import Direction
from appliance.settings import Settings
from appliance.update import outcome_file
from appliance.update.box import Box
from hw.indicators import Together
from hw.ports import Relay
from hw.wall_clock import WallClock
from ledger_sync import feed as feeds
from ledger_sync.cards import Cards
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Reading
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import Feed
from ledger_sync.files import read_bounded
from ledger_sync.keyfile import read_secret
from ledger_sync.keys import SigningKey
from ledger_sync.relearn import relearn
from ledger_sync.replica import Replica
from ledger_sync.sealing import Sealer, auditor_key_of
from ledger_sync.store import Store
from ledger_sync.tries import TriesLog
from ledger_sync.trust import Trust
from ledger_sync.withdrawals import Withdrawals

_log = logging.getLogger("yardpass.gate")
MAX_AUDITOR = 128  # bytes of the file with the auditor's key


def system_clock() -> Clock:
    """The clock of this machine, as readings."""
    wall = WallClock()

    def read() -> Reading:
        now = wall.read()
        return Reading(now.now, now.synchronised, now.error_seconds, now.has_chip)

    return read


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
    """`open_gate` where no guard stands."""
    with open_gate(settings, clock=clock, incarnation=incarnation, relay=relay) as (terminal, _):
        yield terminal


@contextmanager
def open_gate(
    settings: Settings, *, clock: Clock, incarnation: bytes, relay: Relay | None = None
) -> Iterator[tuple[Terminal, GuardDesk]]:
    """A terminal at work, and its guard's desk; closed, released and signed off at the end.

    `incarnation` is 8 random bytes, new at every start. `relay` stands in for the one in the
    settings (the demo brings its own).
    """
    trust = trust_of(settings)  # without it no ledger can ever be loaded
    key = key_of(settings.key)
    secret = read_secret(settings.site_secret, hint=HINT)
    with ExitStack() as stack:
        store = stack.enter_context(Store(settings.store))
        _relearn(Replica(store), trust)
        checker = Checker(
            Replica(store),
            settings.gate,
            build_time=version.BUILD_TIME,
            neighbours=_neighbours(settings, store),
        )
        _check_origin(checker.ledger.origin, settings)
        contact = relay or devices.relay(settings)
        stack.callback(contact.close)
        reading = clock()
        log = CheckLog(store)
        log.sign_off(key)
        origin = feeds.origin_of(site_of(settings), settings.terminal, incarnation)
        feed, number = _feed(log, origin, key, checker.floor, reading.now)
        bell = Doorbell(settings.store.parent / doorbell.NAME)
        stack.callback(bell.close)
        sealer = Sealer(_auditor_of(settings.auditor))
        recorder = Recorder(log, feed, number, secret, sealer, bell.ring)
        asking = Asking(key.public.raw)
        asking.stand(*feed.stand())
        cards = CardChecker(checker, Cards(store), secret)
        terminal = Terminal(
            gate=settings.gate,
            checker=checker,
            desk=CardDesk(cards, TriesLog(store), asking),
            recorder=recorder,
            opener=_doorman(settings, contact, recorder, clock),
            clock=clock,
            withdraw=_withdraw(store),
        )
        stack.callback(terminal.close)
        tell = _teller(settings, recorder, clock)
        yield terminal, _desk(settings, terminal, store, secret, tell)


def _teller(settings: Settings, recorder: Recorder, clock: Clock) -> Tell:
    """Who is told of the alarms of this gate: every terminal, by its log."""

    def tell(kind: str) -> None:
        try:
            recorder.alarm(kind, settings.gate.name, clock().now)
        except (Unavailable, Refused) as error:
            _log.error("the alarm is not recorded: %s", error)

    return tell


def _desk(
    settings: Settings, terminal: Terminal, store: Store, secret: bytes, tell: Tell
) -> GuardDesk:
    history, folder = Replica(store).history, settings.store.parent
    disk = DiskWatch(partial(free_bytes, folder), tell, time.monotonic)
    read = partial(outcome_file.read, Box().data)
    return GuardDesk(
        terminal,
        store,
        name=settings.terminal,
        gate=settings.gate,
        site_secret=secret,
        trust=lambda: history.trust(trust_of(settings)),
        watches=(disk, UpdateWatch(read, terminal.now, time.monotonic)),
    )


def _neighbours(settings: Settings, store: Store) -> Neighbours:
    """What the other terminals tell, by way of this terminal's sync process."""
    zone = counted_zone(settings.gate.zones)
    heard = partial(connected, settings.store.parent)
    return Neighbours(store, settings.terminal, zone, heard=heard)


def _withdraw(store: Store) -> Withdraw:
    withdrawals = Withdrawals(store, verifier_of(store))
    return lambda text, now: withdrawals.add(text, now=now)


def _feed(log: CheckLog, origin: str, key: SigningKey, floor: int, now: int) -> tuple[Feed, int]:
    """A new feed of this process, and its number in the store; its head is over the opening."""
    opening = _opening(log, key.public.raw, floor)
    ids = {"kid": key.public.kid, "previous": opening.previous}
    number = log.open_feed(origin, opening.to_bytes(), now, **ids)
    feed = Feed(origin=origin, key=key)
    feed.append(opening.to_bytes())
    feed.head()
    return feed, number


def _doorman(settings: Settings, relay: Relay, recorder: Recorder, clock: Clock) -> Doorman:
    """The gate itself, its lamps and sounds, and who is told of its alarms."""
    lamps = devices.indicators(settings)
    return Doorman(
        settings.outfit.door,
        relay,
        pulse_ms=settings.pulse_ms,
        is_way_out=settings.gate.direction is Direction.OUT,
        now=lambda: time.monotonic_ns() // 1_000_000,
        tell=_teller(settings, recorder, clock),
        indicator=Together(*lamps) if lamps else None,
    )


def _relearn(replica: Replica, trust: Trust) -> None:
    """Applies what the version before had to skip. What may not be applied leaves the state as it
    was, and classes grey: at a gate that does not start, nobody can even ask."""
    try:
        relearn(replica, trust)
    except Refused as refused:
        _log.warning("%s; the state stays that of the version before", refused)


def _check_origin(held: str, settings: Settings) -> None:
    """The store must be of the ledger that the settings pin, not of another compound."""
    if held != settings.origin:
        why = f"store {settings.store} is of {held}, the settings pin {settings.origin}"
        raise Refused(f"{why}; put the right store back", reason="R-SETTINGS")


def _auditor_of(path: Path) -> bytes:
    """The key that remainders are sealed with; nothing is sealed without such a file."""
    if not path.exists():
        return b""
    text = read_bounded(path, MAX_AUDITOR, hint=HINT)
    try:
        raw = bytes.fromhex(text.decode("ascii"))
        return auditor_key_of(raw) if raw else b""
    except ValueError:
        raise Refused(f"{path} is no auditor's key; {HINT}", reason="R-SETTINGS") from None


def _opening(log: CheckLog, key: bytes, floor: int) -> feeds.Opening:
    tail = log.tail()
    try:
        previous = bytes.fromhex(tail.origin.rpartition("/")[2])
    except ValueError:
        raise Unavailable(
            f"the store is damaged (a feed named {tail.origin[:80]!r}); keep it for evidence and "
            "run: yardpass ledger fsck"
        ) from None
    software = version.software()
    return feeds.Opening(key, tail.feed_count, previous, tail.size, software, floor)
