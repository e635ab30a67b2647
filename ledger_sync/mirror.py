"""Bringing a replica in step with a published ledger: a server, a folder, a stick, a file.

Fetches no more than the checkpoint until that is signed by those the replica believes, and then
only what is new. The source can withhold, never alter. FORMAT.md sections 7.3 and 7.6.
"""

from collections.abc import Callable
from typing import NamedTuple

from ledger_sync.accept import (
    NOWHERE,
    Accepted,
    Candidate,
    Damaged,
    Forked,
    Position,
    accept,
    checked,
    is_fork,
)
from ledger_sync.bootstrap import bundle_of, image_of, trust_in, with_bridges
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import Frontier
from ledger_sync.note import MAX_NOTE
from ledger_sync.relearn import relearn
from ledger_sync.replica import Replica
from ledger_sync.snapshot import Image
from ledger_sync.sources import Absence, Source
from ledger_sync.spool import Spool
from ledger_sync.tiles import WIDTH, spans
from ledger_sync.trust import Trust

MAX_BRIDGES = 64  # policies that one update walks through
Progress = Callable[[str, int, int], None]
"""Called with "Fetching" or "Applying", the entries done, and how many there are."""


class Outcome(NamedTuple):
    """What an update came to: entries held now, how many of them are new, policy in force."""

    size: int
    new_count: int
    policy_version: int


class Mirror:
    """Updates one replica. `pinned` is what it was provisioned with; `cosigning` see trust.py."""

    def __init__(
        self,
        replica: Replica,
        *,
        pinned: Trust,
        now: Callable[[], int],
        progress: Progress | None = None,
    ) -> None:
        self._replica = replica
        self._pinned = pinned
        self._now = now
        self._progress = progress or (lambda what, done, total: None)

    def update(self, source: Source, *, path: str = "checkpoint") -> Outcome:
        """Accepts what `source` has to offer. Raises `Refused`, `Forked`, `Unavailable`.

        A `Forked` leaves both checkpoints in the store as evidence; nothing else changes then.
        """
        relearn(self._replica, self._pinned)
        before = self._replica.ledger().size
        place = f"{source.where} {path}"
        found = source.get(path, most=MAX_NOTE, tag=self._replica.history.tag(place))
        if found is Absence.MISSING:
            raise Refused(f"{source.where} has no {path}", reason="R-LEDGER")
        if found is not Absence.UNCHANGED:
            self._reach(source, found.data)
            if found.tag:
                self._replica.history.keep_tag(place, found.tag)
        size = self._replica.ledger().size
        return Outcome(size, size - before, self._trust().version)

    def _trust(self) -> Trust:
        return self._replica.history.trust(self._pinned)

    def _reach(self, source: Source, note: bytes) -> None:
        """Accepts `note`, over the checkpoints that changed the policy where it cannot at once."""
        for _ in range(MAX_BRIDGES):
            try:
                return self._take(source, note)
            except (Damaged, Forked):
                raise
            except Refused:
                version = self._trust().version
                bridge = source.get(f"bridge/{version}", most=MAX_NOTE) if version else None
                if bridge is None or isinstance(bridge, Absence):
                    raise
                self._take(source, bridge.data)
                if self._trust().version == version:
                    raise
        raise Refused(f"more than {MAX_BRIDGES} policies at once", reason="R-LEDGER")

    def _take(self, source: Source, note: bytes) -> None:
        trust, held, known = self._trust(), *self._standing()
        try:
            candidate = checked(note, trust=trust, known=known)
            if held.size == candidate.checkpoint.size and self._is_old_news(candidate):
                return
            starts = not held.size and not trust.cosigning  # a cosigner replays it all
            image = self._image(source, candidate) if starts else None
            if image is not None and self._start(source, candidate, image, trust):
                return
            with Spool(self._replica.folder) as spool:
                self._fetch(source, spool, held.size, candidate.checkpoint.size)
                try:
                    accepted = accept(candidate, spool, trust=trust, frontier=held)
                except Damaged:
                    if held.size and self._is_fork(source, candidate, known):
                        raise Forked("entries accepted before differ: two histories") from None
                    raise
                self._apply(accepted, trust)
        except Forked as forked:
            if self._replica.note():
                self._replica.history.keep_evidence(self._replica.note(), note, at=self._now())
            raise forked from None

    def _image(self, source: Source, candidate: Candidate) -> Image | None:
        """The snapshot an empty replica can begin with. One that is not good or cannot be read is
        passed over: the entries themselves are there as well."""
        try:
            return image_of(source, candidate)
        except (Refused, Unavailable):
            return None

    def _start(self, source: Source, candidate: Candidate, image: Image, trust: Trust) -> bool:
        """Begins with a snapshot, if it leads to the checkpoint and its policies from the pinned
        one; whether it did."""
        try:
            newest = trust_in(image, trust)
            again = checked(candidate.note, trust=newest, known=NOWHERE)
            time = min(candidate.quorum_time, again.quorum_time)
            candidate = candidate._replace(quorum_time=time)
            with Spool(self._replica.folder) as spool:
                self._fetch(source, spool, image.frontier.size, candidate.checkpoint.size)
                accepted = accept(candidate, spool, trust=newest, frontier=image.frontier)
                image = with_bridges(image, source, trust, size=candidate.checkpoint.size)
                self._apply(accepted, newest, image)
        except Refused:
            return False
        return True

    def _standing(self) -> tuple[Frontier, Position]:
        """Where the replica stands. A damaged store must never look like a fork."""
        held, known = self._replica.frontier(), self._replica.position()
        if held.size != known.size:
            raise Refused("another process updates this ledger now; retry", reason="R-LEDGER")
        if held.root() != known.root:
            what = f"the store in {self._replica.folder} is damaged: its frontier gives another"
            raise Unavailable(f"{what} root; run: yardpass ledger fsck")
        return held, known

    def _is_old_news(self, candidate: Candidate) -> bool:
        """At the size held, only a newer time of the quorum is worth writing."""
        return bool(self._replica.note()) and (
            candidate.quorum_time <= self._replica.ledger().quorum_time
        )

    def _fetch(self, source: Source, spool: Spool, start: int, size: int) -> None:
        for number, width, skip in spans(start, size):
            spool.add(_bundle(source, number, width)[skip:])
            self._progress("Fetching", number * WIDTH + width - start, size - start)

    def _is_fork(self, source: Source, candidate: Candidate, known: Position) -> bool:
        """Fetches everything again from the first entry on: damage or another history?"""
        with Spool(self._replica.folder) as whole:
            self._fetch(source, whole, 0, candidate.checkpoint.size)
            return is_fork(candidate, whole, known)

    def _apply(self, accepted: Accepted, trust: Trust, base: Image | None = None) -> None:
        start, size = accepted.start, accepted.checkpoint.size

        def applied(seq: int) -> None:
            self._progress("Applying", seq - start, size - start)

        self._replica.apply(accepted, trust=trust, base=base, progress=applied)


def _bundle(source: Source, number: int, width: int) -> list[bytes]:
    try:
        return bundle_of(source, number, width)
    except Refused as refused:
        raise Damaged(str(refused)) from None
