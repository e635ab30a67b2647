"""Feeds of terminals in memory, for tests: what each start of one wrote, and the batches of it.

Keys are made from names, so that the same terminal lives in every test.
"""

import hashlib
from collections.abc import Iterator

from yard import NOW, key_of

from ledger_sync import batch as batches
from ledger_sync import feed as feeds
from ledger_sync import masks, note
from ledger_sync.batch import Batch
from ledger_sync.feed import BUNDLE, Check, Opening, Use
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import frontier_of
from ledger_sync.shelf import Owner
from ledger_sync.tiles import bundle_of

SITE, SECRET = "hz07", b"site secret of the diaries, here"


def digest_of(code: bytes) -> bytes:
    """What a check says of the code that was shown."""
    return hashlib.sha256(code).digest()[:16]


def use(
    holder: int,
    code_at: int = NOW,
    *,
    way: int = 0,
    at: int = 0,
    code: bytes = b"",
    zone: int = 0,
    quota: int = 0,
) -> Use:
    """A use of a code; seen when it was made unless `at` says otherwise."""
    return Use(digest_of(code), holder, code_at, way, at or code_at, 0, zone, quota)


def check(used: Use | None = None, *, at: int = NOW, hlc: int = 0, sealed: bytes = b"") -> Check:
    """A check that counts as this use, or a red one."""
    red = Use(digest_of(b"red"), 0, 0, 0, at, 0)
    digest, holder, code_at, way, seen_at, _, zone, quota = used or red
    key = masks.day_key(SECRET, seen_at)
    return Check(
        colour=0 if used else 3,
        action=0,
        way=way,
        is_counted=int(used is not None),
        zone=zone,
        at=seen_at,
        hlc=hlc,
        error_seconds=1,
        ledger_size=9,
        pseudonym=b"pseudonym, 16 by",
        digest=digest,
        carrier=masks.masked(holder, key, digest) if used else 0,
        code_at=code_at,
        quota=quota,
        sealed=hashlib.sha256(sealed).digest() if sealed else feeds.NOTHING_SEALED,
        gate="north",
        reasons=(),
        facts=b"facts",
    )


class Diary:
    """One feed as its terminal has it: `entries`, what is `sealed` beside each, signed heads."""

    def __init__(
        self, name: str = "east", start: int = 1, *, previous: bytes = b"", word: str = ""
    ) -> None:
        self.name = name
        self.key = key_of(word or name)
        self.incarnation = bytes((start,)) * 8
        self.previous = previous
        self.origin = feeds.origin_of(SITE, name, self.incarnation)
        opening = Opening(self.key.public.raw, start - 1, previous, 0, "diary", NOW)
        self.entries, self.sealed = [opening.to_bytes()], [b""]

    @property
    def kid(self) -> bytes:
        return self.key.public.kid

    @property
    def owner(self) -> Owner:
        return Owner(self.name, self.key.public.raw, True)

    @property
    def size(self) -> int:
        return len(self.entries)

    def write(self, *entries: bytes) -> "Diary":
        """Adds entries of any bytes."""
        self.entries += entries
        self.sealed += [b""] * len(entries)
        return self

    def uses(self, *uses: Use) -> "Diary":
        """Adds checks that count."""
        return self.write(*(check(one).to_bytes() for one in uses))

    def fill(self, size: int) -> "Diary":
        """Adds red checks, no two alike, up to this size."""
        return self.write(*(check(hlc=number).to_bytes() for number in range(self.size, size)))

    def seal(self, box: bytes, *, at: int = NOW) -> "Diary":
        """Adds a check with this sealed beside it."""
        self.write(check(at=at, hlc=self.size, sealed=box).to_bytes())
        self.sealed[-1] = box
        return self

    def copy(self) -> "Diary":
        """The same, to go on in another way."""
        made = Diary.__new__(Diary)
        vars(made).update(vars(self), entries=[*self.entries], sealed=[*self.sealed])
        return made

    def head(self, size: int | None = None, *, origin: str = "") -> str:
        """The signed head over the first `size` entries."""
        size, origin = self.size if size is None else size, origin or self.origin
        text = note.Checkpoint(origin, size, frontier_of(self.entries[:size]).root()).to_text()
        verifier = feeds.verifier_of(origin, self.key.public.raw)
        return text + "\n" + note.sign_note(text, verifier, self.key)

    def batch(self, start: int = 0, stop: int | None = None) -> Batch:
        """The entries from `start` up to `stop`, closed by the head there."""
        stop = self.size if stop is None else stop
        bundle = bundle_of(self.entries[start:stop])
        sealed = batches.sealed_bundle(self.sealed[start:stop])
        text = self.head(stop)
        return Batch(self.kid, self.incarnation, start, stop - start, text, bundle, sealed)

    def acknowledged(self, peer: str, link: SigningKey, size: int | None = None) -> str:
        """What a peer signs with the key of its links when it holds so much durably."""
        text = self.head(size).partition("\n\n")[0] + "\n"
        cosigner = note.Verifier(peer, note.COSIGNER_KEY, link.public.raw)
        return text + "\n" + note.sign_note(text, cosigner, link, time=NOW)

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """All from `start` on, a batch for each bundle."""
        while start < self.size:
            stop = min(self.size, (start // BUNDLE + 1) * BUNDLE)
            yield self.batch(start, stop)
            start = stop
