"""What fsck.py asks of signatures by peers: acknowledgements of feeds, evidence against feeds.

FORMAT.md sections 8.6 and 8.7.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from ledger_sync import certificate, entries, note, snapshot
from ledger_sync.batch import root_of
from ledger_sync.errors import Refused
from ledger_sync.intake import CLONE, FORK
from ledger_sync.merkle import Frontier
from ledger_sync.replica import Replica
from ledger_sync.shelf import Held
from ledger_sync.store import Store

_ACKNOWLEDGED = "SELECT peer, size, note FROM acknowledged WHERE feed = ? ORDER BY peer"
_EVIDENCE = "SELECT kind, kid, one, other, first, second FROM feed_evidence ORDER BY id"
_TERMINAL = b"\x68terminal"  # how the kind of such an entry is spelled


class Peers:
    """What peers signed, as one store keeps it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._links: dict[str, set[bytes]] | None = None

    def sizes(self, number: int) -> list[int]:
        """The sizes that somebody acknowledged of a feed."""
        return [size for _, size, _ in self._store.rows(_ACKNOWLEDGED, number)]

    def acknowledgements(
        self, held: Held, name: str, frontiers: Mapping[int, Frontier]
    ) -> Iterator[str]:
        """Those of this feed that its peer did not sign, or not over these entries."""
        for peer, size, text in list(self._store.rows(_ACKNOWLEDGED, held.number)):
            frontier = frontiers.get(size)
            root = frontier.root() if frontier else b""
            if not self._is_signed(text, note.Checkpoint(held.origin, size, root), peer):
                yield f"feed {name}: the acknowledgement of {peer} is damaged"

    def _is_signed(self, text: str, stated: note.Checkpoint, peer: str) -> bool:
        if self._links is None:
            self._links = _link_keys(self._store)
        keys = self._links.get(peer, ())
        verifiers = [note.Verifier(peer, note.COSIGNER_KEY, key) for key in keys]
        try:
            return note.checkpoint_of(note.open_note(text, verifiers)) == stated
        except Refused:
            return False

    def evidence(self, keys: Mapping[bytes, bytes]) -> Iterator[str]:
        """Evidence that proves nothing; `keys` are those that feeds are signed with, by kid."""
        for kind, kid, one, other, *texts in self._store.rows(_EVIDENCE):
            between = (bytes(one), bytes(other))
            try:
                pairs = zip(between, texts, strict=True)
                heads = [_head(text, each, keys.get(bytes(kid), b"")) for each, text in pairs]
                is_sound = _prove(kind, between, heads)
            except Refused:
                is_sound = False
            if not is_sound:
                yield f"feed: the evidence against {bytes(kid).hex()} is damaged"


def _head(text: str, incarnation: bytes, key: bytes) -> note.Checkpoint:
    origin = text.partition("\n")[0]
    if origin.rpartition("/")[2] != incarnation.hex():
        raise Refused("a head of another incarnation", reason="R-LEDGER")
    return root_of(text, origin=origin, key=key)


def _prove(kind: str, between: tuple[bytes, bytes], heads: list[note.Checkpoint]) -> bool:
    """Whether two heads that are signed are of the kind of contradiction they stand for."""
    (one, other), (first, second) = between, heads
    if kind == CLONE:
        return one < other
    is_contradiction = first.size != second.size or first.root != second.root
    return kind == FORK and one == other and first.origin == second.origin and is_contradiction


def _link_keys(store: Store) -> dict[str, set[bytes]]:
    """name -> every key that the ledger ever gave the links of a terminal."""
    found: defaultdict[str, set[bytes]] = defaultdict(set)
    for name, der in _certificates(Replica(store)):
        with suppress(Refused):
            found[name].add(certificate.key_of(der))
    return found


def _certificates(replica: Replica) -> Iterable[tuple[str, bytes]]:
    base = replica.history.base()
    if base is not None:
        for table, columns in snapshot.opened(base.file).rows():
            match columns:
                case [str(name), _, _, _, _, bytes(der), _] if table == "terminal":
                    yield name, der
                case _:
                    pass
    for bundle in replica.bundles(base.size if base else 0):
        for raw in bundle:
            if _TERMINAL in raw:
                entry = entries.parse(raw)
                if isinstance(entry, entries.Terminal):
                    yield entry.name, entry.certificate or b""
