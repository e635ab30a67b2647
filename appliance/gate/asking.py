"""What this gate asks of cards: numbers to be signed, each good once and for a moment.

The gate's thread says where its feed stands; any reader's thread asks. See passes.receipt.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from appliance.passes.receipt import RANDOM_BYTES, SHORT_BYTES, Asked
from ledger_sync.merkle import EMPTY_ROOT

ANSWER_SECONDS = 30.0  # from the question until its answer was waited for behind other people
MAX_OPEN = 64  # questions that were not answered yet; the oldest are forgotten


class Asking:
    """`ticks` are seconds of a monotonic clock."""

    def __init__(
        self,
        gate_key: bytes,
        *,
        random: Callable[[int], bytes] = os.urandom,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = gate_key
        self._random = random
        self._ticks = ticks
        self._lock = threading.Lock()  # of all below: readers ask from their own threads
        self._open: OrderedDict[bytes, tuple[Asked, float]] = OrderedDict()
        self._stand = (0, EMPTY_ROOT)
        self._counter = 0

    def stand(self, size: int, root: bytes) -> None:
        """The feed has this many entries and this root now."""
        with self._lock:
            self._stand = (size, root)

    def ask(self) -> bytes:
        """The 32 bytes that the card before a reader is to sign."""
        with self._lock:
            asked = Asked(*self._stand, self._counter, self._random(RANDOM_BYTES))
            self._counter += 1
            transaction = asked.transaction(self._key)
            self._open[transaction[:SHORT_BYTES]] = (asked, self._ticks())
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        return transaction

    def take(self, transaction: bytes) -> Asked | None:
        """What was asked, once and in time; else None. Some cards sign the first 16 bytes."""
        with self._lock:
            asked, at = self._open.pop(transaction[:SHORT_BYTES], (None, 0.0))
        if asked is None or self._ticks() - at > ANSWER_SECONDS:
            return None
        whole = asked.transaction(self._key)
        return asked if transaction in (whole, whole[:SHORT_BYTES]) else None
