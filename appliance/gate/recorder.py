"""The recorder: one check to one durable entry of this process's feed, and its signed heads.

Reads no verdict anew and moves no relay. FORMAT.md section 8.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.gate.checker import Assessed
from appliance.policy.verdict import Action, Colour
from ledger_sync import feed as feeds
from ledger_sync import masks
from ledger_sync.act_record import ActRecord
from ledger_sync.checklog import CheckLog, Outdated
from ledger_sync.clock import Grade, Hybrid, Reading
from ledger_sync.feed import Feed, Use
from ledger_sync.gate_alarm import GateAlarm
from ledger_sync.sealing import Sealer

MAX_PSEUDONYMS = 4_096  # kept of a day
KEEP_SEALED_SECONDS = 30 * masks.DAY_SECONDS
PRUNE_SECONDS = masks.DAY_SECONDS // 4  # between two looks for what is to be forgotten
SAVE_SECONDS = 60  # between two heads that are kept of an unfinished bundle: a write each
AGAIN_SECONDS = 5  # between two rings when nothing new was recorded

Bell = Callable[[str], None]
"""Told the newest signed head; whoever carries it to the peers may or may not be there."""


def _silent(head: str) -> None:
    """Nobody to be told."""


@dataclass(slots=True)
class Recorder:
    """The feed of this process and where its entries go. Owned by one thread."""

    log: CheckLog
    feed: Feed
    number: int
    site_secret: bytes = field(repr=False)
    sealer: Sealer = field(default_factory=Sealer)
    bell: Bell = _silent
    hybrid: Hybrid = field(default_factory=Hybrid)
    _day: int = -1
    _day_key: bytes = field(default=b"", repr=False)
    _pseudonyms: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    _rang_at: int = 0
    _saved: int = 0
    _saved_at: int = 0
    _pruned_at: int = -1

    def record(
        self, text: bytes, gate: str, outcome: Assessed, reading: Reading, *, receipt: bytes = b""
    ) -> None:
        """Makes the check durable, with what a card signed if it did. Raises `Unavailable`, or
        `Refused` for a number that no record holds: then nothing was stored."""
        verdict, facts, ledger_size, credential, mark = outcome
        zone, quota = feeds.NO_ZONE, 0
        if verdict.action is Action.OPEN:  # who waits for the guard has not come in
            zone, quota = facts.around.zone, facts.invite.quota
        key = self._key_of(reading.now)
        digest = hashlib.sha256(text).digest()[:16]
        is_used = verdict.colour is not Colour.RED and facts.grade != Grade.POOR
        carrier, code_at, use = 0, 0, None
        if is_used and mark is not None:  # a time that cannot be checked must lock nobody out
            holder, code_at = mark
            carrier = masks.masked(holder, key, digest)
            made = (digest, holder, code_at, facts.direction, reading.now, 0, zone, quota)
            use = tuple.__new__(Use, made)
        sealed = self.sealer.seal(credential.ljust(8, b"\0")) if credential else b""
        entry = feeds.record_of(
            verdict.colour,
            verdict.action,
            facts.direction,
            use is not None,
            zone,
            reading.now,
            self.hybrid.next(reading.now),
            reading.error_seconds,
            ledger_size,
            self._pseudonyms.get(credential) or self._pseudonym(credential),
            digest,
            carrier,
            code_at,
            quota if use is not None else 0,
            hashlib.sha256(sealed).digest() if sealed else feeds.NOTHING_SEALED,
            gate,
            verdict.reasons,
            facts.to_bytes() + receipt,
        )
        self.log.append(self.number, self.feed.size, entry, sealed=sealed, use=use)
        self.feed.append(entry)

    def alarm(self, kind: str, gate: str, now: int) -> None:
        """Makes an alarm of the gate durable and tells it at once. Raises `Unavailable`."""
        self._tell(GateAlarm(kind, now, self.hybrid.next(now), gate).to_bytes())

    def act(self, signed: bytes, sealed: bytes, now: int) -> None:
        """Makes an act of a guard durable, with what is sealed beside it, and tells it at once.
        Raises `Unavailable`, `Refused`."""
        stated = hashlib.sha256(sealed).digest() if sealed else feeds.NOTHING_SEALED
        self._tell(ActRecord(now, self.hybrid.next(now), stated, signed).to_bytes(), sealed)

    def _tell(self, entry: bytes, sealed: bytes = b"") -> None:
        try:
            self.log.append(self.number, self.feed.size, entry, sealed=sealed)
        except Outdated:  # it rests on no view
            self.log.append(self.number, self.feed.size, entry, sealed=sealed)
        self.feed.append(entry)
        self.ring()

    def _key_of(self, now: int) -> bytes:
        day = now // masks.DAY_SECONDS
        if day != self._day:
            self._day, self._day_key = day, masks.day_key(self.site_secret, now)
            self._pseudonyms.clear()
        return self._day_key

    def _pseudonym(self, credential: bytes) -> bytes:
        """The name of a credential for the day; kept, for who goes in comes out again."""
        if len(self._pseudonyms) >= MAX_PSEUDONYMS:
            self._pseudonyms.clear()
        made = masks.pseudonym(self._day_key, credential)
        self._pseudonyms[credential] = made
        return made

    def ring(self) -> None:
        """Tells whoever gossips that there is a new check, by the signed head over it."""
        if not self.feed.has_full_bundle:  # then `rest` signs the heads in between first
            self.bell(self.feed.head().note)

    def rest(self, now: int) -> None:
        """Work for a quiet moment: heads over full bundles, boxes for the next checks, what is to
        be forgotten. Raises `Unavailable` when the disk refuses."""
        if self.feed.has_full_bundle:
            self.log.save_heads(self.number, self.feed.full_heads())
            self.log.checkpoint()
            self._rang_at, self._saved = 0, self.feed.size // feeds.BUNDLE * feeds.BUNDLE
        if not 0 <= now - self._saved_at < SAVE_SECONDS:
            self._keep(now)
        if not 0 <= now - self._rang_at < AGAIN_SECONDS:
            self._rang_at = now
            self.bell(self.feed.head().note)
            self.hybrid.heard(self.log.newest_hlc())
        self.sealer.prepare()
        if not 0 <= now - self._pruned_at < PRUNE_SECONDS:
            self._pruned_at = now
            self._prune(now)

    def _keep(self, now: int) -> None:
        """Keeps the newest head of an unfinished bundle, but at the first look, if it is newer
        than the last that was kept."""
        is_first, self._saved_at = not self._saved_at, now
        if not is_first and self._saved < self.feed.size:
            self.log.save_heads(self.number, [self.feed.head()])
            self._saved = self.feed.size

    def _prune(self, now: int) -> None:
        """Forgets sealed remainders past their time; that it did is an entry."""
        entry = self.log.forget(self.number, self.feed.size, now, now - KEEP_SEALED_SECONDS)
        if entry:
            self.feed.append(entry)

    def close(self) -> None:
        """Signs and keeps the last head."""
        heads = [*self.feed.full_heads(), self.feed.head()]
        self.log.save_heads(self.number, heads)
        self.bell(heads[-1].note)
