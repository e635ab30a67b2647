"""Receipts of taps: this card was at that gate at that point of its log.

Whoever holds the feed verifies them, with the ledger and the site's secret. FORMAT.md section 8.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from appliance.passes.code import Form
from appliance.passes.receipt import SHORT_BYTES, Receipt
from appliance.policy.facts import receipt_in
from ledger_sync import masks
from ledger_sync.cards import Cards
from ledger_sync.errors import Refused
from ledger_sync.feed import CHECK, check_of
from ledger_sync.keys import PublicKey
from ledger_sync.merkle import Frontier, leaf_hash
from ledger_sync.shelf import Held, Shelf
from ledger_sync.store import Store

CHUNK = 2_048  # entries in memory
MAX_DAYS = 8  # days whose pseudonyms are kept


@dataclass(slots=True)
class Verified:
    """How many receipts hold; of how many the card is in no ledger here; what is wrong."""

    good: int
    unknown: int
    faults: list[str]


class _Tap(NamedTuple):
    """What is kept of a tap until the roots are known: 300 bytes."""

    seq: int
    at: int
    pseudonym: bytes
    is_short: bool
    receipt: Receipt


def verify_taps(store: Store, site_secret: bytes) -> Verified:
    """Looks at every receipt in every feed of a store. Raises `Unavailable`."""
    shelf, found = Shelf(store), Verified(0, 0, [])
    owners, names = shelf.owners(), _Names(Cards(store).keys(), site_secret)
    for held in shelf.feeds():
        owner = owners.get(held.kid)
        if owner is not None:
            _verify_feed(shelf, held, owner.key, names, found)
    return found


def _verify_feed(
    shelf: Shelf, held: Held, gate_key: bytes, names: "_Names", found: Verified
) -> None:
    taps, sizes = [], set()
    for seq, entry in _entries(shelf, held):
        try:
            tap = _tap_of(seq, entry)
        except Refused as refused:
            found.faults.append(f"{held.origin}: entry {seq}: {refused}")
            continue
        if tap is not None:
            taps.append(tap)
            sizes.add(tap.receipt.size)
    roots = _roots(shelf, held, sizes) if taps else {}
    for tap in taps:
        key = names.key_of(tap.at, tap.pseudonym)
        if key is None:
            found.unknown += 1
        elif _holds(tap, gate_key, roots, key):
            found.good += 1
        else:
            found.faults.append(f"{held.origin}: entry {tap.seq}: the receipt does not hold")


def _entries(shelf: Shelf, held: Held) -> Iterator[tuple[int, bytes]]:
    for start in range(0, 1 << 32, CHUNK):
        bodies = shelf.bodies(held.number, start, start + CHUNK)
        yield from enumerate(bodies, start=start)
        if len(bodies) < CHUNK:
            return


def _tap_of(seq: int, entry: bytes) -> _Tap | None:
    if entry[:1] != bytes((CHECK,)):
        return None
    check = check_of(entry)
    receipt = receipt_in(check.facts)
    if receipt is None:
        return None
    return _Tap(seq, check.at, check.pseudonym, check.facts[0] == Form.TAP, receipt)


def _roots(shelf: Shelf, held: Held, sizes: set[int]) -> dict[int, bytes]:
    """The root of a feed at each of these sizes."""
    frontier, roots = Frontier(), {}
    if 0 in sizes:
        roots[0] = frontier.root()
    for _, entry in _entries(shelf, held):
        frontier.append(leaf_hash(entry))
        if frontier.size in sizes:
            roots[frontier.size] = frontier.root()
    return roots


def _holds(tap: _Tap, gate_key: bytes, roots: dict[int, bytes], key: PublicKey) -> bool:
    """Whether the card signed the head of the feed as it was before the check."""
    root = roots.get(tap.receipt.size)
    if root is None or tap.receipt.size > tap.seq:
        return False
    signed = tap.receipt.transaction(gate_key, root)
    if tap.is_short:
        signed = signed[:SHORT_BYTES]
    return key.holds(-7, tap.receipt.signature, signed)


class _Names:
    """Which card a pseudonym is of."""

    def __init__(self, keys: list[tuple[bytes, PublicKey]], site_secret: bytes) -> None:
        self._keys = keys
        self._secret = site_secret
        self._days: dict[int, dict[bytes, PublicKey]] = {}

    def key_of(self, at: int, pseudonym: bytes) -> PublicKey | None:
        day = at // masks.DAY_SECONDS
        if day not in self._days:
            if len(self._days) >= MAX_DAYS:
                self._days.clear()
            secret = masks.day_key(self._secret, at)
            self._days[day] = {masks.pseudonym(secret, handle): key for handle, key in self._keys}
        return self._days[day].get(pseudonym)
