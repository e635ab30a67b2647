"""One gate of the small compound at work: a real terminal and store, the simulated relay."""

from compound import IN, NOW, SITE, Compound, furnish, key_named

from appliance.gate.asking import Asking
from appliance.gate.card_checker import CardChecker
from appliance.gate.card_desk import CardDesk
from appliance.gate.challenge import Challenge
from appliance.gate.challenge_desk import ChallengeDesk
from appliance.gate.opener import RelayOpener
from appliance.gate.recorder import Recorder
from appliance.gate.terminal import Terminal
from appliance.policy.facts import Gate
from hw.sim.relay import SimRelay
from ledger_sync import note
from ledger_sync.cards import Cards
from ledger_sync.checklog import MAX_ENTRIES, CheckLog
from ledger_sync.clock import Reading
from ledger_sync.feed import Feed, check_of
from ledger_sync.merkle import frontier_of
from ledger_sync.store import Store
from ledger_sync.tries import TriesLog

PULSE_MS = 700
SECRET = b"site secret, 32 bytes, not empty"
KEY = key_named("terminal")
GOOD_TIME = Reading(NOW, synchronised=True, error_seconds=1, has_chip=True)


class Stand:
    """One gate of the compound: its terminal, its relay, its clock, and a look at its disk.

    The relay's ticks are the checks on disk: its history tells what was recorded when it moved.
    """

    def __init__(self, folder, way=IN, *, wait=None):
        self.compound = furnish(Compound(folder))
        self.store, self.log = self.compound.store, self.compound.log
        self.reading = GOOD_TIME
        self.relay = SimRelay(clock=self.recorded, wait=wait)
        self.feed = Feed(origin="yardpass/hz07/n/02", key=KEY)
        self.recorder = Recorder(self.log, self.feed, self._number(), SECRET)
        self.checker = self.compound.checker(way)
        self.ticks = 0.0
        self.asking = Asking(KEY.public.raw, ticks=lambda: self.ticks)
        self.feed.head()
        self.asking.stand(*self.feed.stand())
        cards = CardChecker(self.checker, Cards(self.store), SECRET)
        self.desk = CardDesk(cards, TriesLog(self.store), self.asking)
        numbers = (b"number%02d" % number for number in range(100))
        challenge = Challenge(self.checker.audience, lambda size: next(numbers))
        self.challenge = ChallengeDesk(challenge, ticks=lambda: round(self.ticks * 1e9))
        self.terminal = Terminal(
            gate=Gate(SITE, "n", way, 1),
            checker=self.checker,
            desk=self.desk,
            recorder=self.recorder,
            opener=RelayOpener(self.relay, PULSE_MS),
            clock=lambda: self.reading,
            challenge=self.challenge,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.close()

    def _number(self):
        self.feed.append(b"opening")
        return self.log.open_feed(self.feed.origin, b"opening", NOW, kid=KEY.public.kid)

    def checks(self):
        """The checks as another process finds them."""
        with Store(self.compound.path) as other:
            return [check_of(entry) for entry in CheckLog(other).entries(self.feed.origin)[1:]]

    def checks_only(self):
        """The checks alone, where guards have acted as well."""
        with Store(self.compound.path) as other:
            entries = CheckLog(other).entries(self.feed.origin)[1:]
        return [check_of(entry) for entry in entries if entry[:1] == b"\1"]

    def recorded(self):
        """How many checks are on disk, fillers of a full disk aside."""
        first = self.recorder.number * MAX_ENTRIES
        with Store(self.compound.path) as other:
            between = "SELECT count(*) FROM feed_entry WHERE id > ? AND id < ?"
            return other.row(between, first, first + 1_000)[0]

    def head(self):
        """The newest head, verified against what is on disk."""
        size, text = self.log.heads(self.feed.origin)[-1]
        signed = note.open_note(text, [note.Verifier(self.feed.origin, 1, KEY.public.raw)])
        checkpoint = note.checkpoint_of(signed)
        entries = self.log.entries(self.feed.origin)[:size]
        assert checkpoint == note.Checkpoint(
            self.feed.origin, len(entries), frontier_of(entries).root()
        )
        return size


def opened(*rows):
    """The history of a relay that opened when so many checks were on disk."""
    return tuple((event, row, PULSE_MS) for row in rows for event in ("on", "off"))
