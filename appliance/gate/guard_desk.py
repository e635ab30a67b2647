"""The guard's desk of the gate process: does what a guard signed, and tells how the gate is.

A console has no right of its own: only what a key of the ledger signed moves anything, and what is
done is on record before. FORMAT.md section 7.11.
"""

import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from appliance.gate.remote import ASK, TRY, Answer, Request, State, Why, request_of
from appliance.gate.terminal import Terminal
from appliance.policy.facts import Gate
from appliance.policy.verdict import Colour
from ledger_sync import act, order, remark
from ledger_sync.act import NO_REMARK, WINDOW_SECONDS, Act, Kind
from ledger_sync.acts import Acts, guards
from ledger_sync.clock import Grade
from ledger_sync.denials import Denials
from ledger_sync.entries import Issuer
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.orders import Orders
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.trust import Trust

MAX_DONE = 4_096  # acts remembered within the window
LAST_FEEDS, LAST_ENTRIES = 16, 512  # of this terminal, looked through at the start
LATE_MS = 6_000  # after which a console has told its guard that the gate does not answer
QUIET_SECONDS = 1.0  # between two lines of the log about what was not done

_log = logging.getLogger("yardpass.gate")


def _ticks_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Watch(Protocol):
    """Something of the box that may come to need mending; `look` may look seldom."""

    @property
    def is_wrong(self) -> bool: ...

    def look(self) -> None: ...


class GuardDesk:
    """Of one gate. Owned by the gate's thread."""

    def __init__(
        self,
        terminal: Terminal,
        store: Store,
        *,
        name: str,
        gate: Gate,
        site_secret: bytes,
        trust: Callable[[], Trust],
        watches: Sequence[Watch] = (),
        ticks_ms: Callable[[], int] = _ticks_ms,
    ) -> None:
        """`name` is the terminal's; `trust` the policy in force, asked when an order comes;
        `watches` look whenever the gate rests; `ticks_ms` is the machine's monotonic clock."""
        self._watches = watches
        self._terminal = terminal
        self._store = store
        self._name = name
        self._gate = gate.name
        self._secret = site_secret
        self._trust = trust
        self._ticks_ms = ticks_ms
        self._origin, self._guards = "", list[Issuer]()
        self._done: OrderedDict[Act, int] = OrderedDict()
        self._promised: dict[str, None] = {}  # notes of orders and denials that are on record
        self._faults: dict[str, str] = {}
        self._fault = ""
        self._told_at = -QUIET_SECONDS
        self._began_at = terminal.now()
        self._look_back(self._began_at - 2 * WINDOW_SECONDS)

    def health(self, device: str, fault: str) -> None:
        """A device of the gate failed, or is well again with an empty `fault`."""
        self._faults.pop(device, None)
        if fault:
            self._faults[device] = fault

    def rest(self) -> None:
        """Work for a quiet moment."""
        for watch in self._watches:
            watch.look()

    def is_troubled(self) -> bool:
        """Whether something needs mending: a device, the record, the disk, the time, an update
        that did not work."""
        is_wrong = bool(self._faults or self._fault) or any(one.is_wrong for one in self._watches)
        return is_wrong or self._terminal.grade() is Grade.POOR

    def recorded(self, fault: str) -> None:
        """Why the last check is not on record, empty if it is."""
        self._fault = fault

    def answer(self, packet: bytes) -> bytes:
        """What a console is told. Raises nothing: a console that asks for nonsense is told so."""
        if packet == ASK:
            return self._state().to_bytes()
        try:
            answer = self._tried() if packet == TRY else self._do(request_of(packet))
        except Refused as refused:
            answer = Answer(False, Why.FORM, str(refused))
        except Unavailable as error:
            answer = Answer(False, Why.DISK, str(error))
        self._complain(answer)
        return answer.to_bytes()

    def _tried(self) -> Answer:
        """For a health check: whether this process still judges."""
        colour = self._terminal.try_out()
        if colour is Colour.RED:
            return Answer(True)
        return Answer(False, Why.DISK, f"a code that nobody issued was judged {colour.name}")

    def _complain(self, answer: Answer) -> None:
        """A line for what was not done; whoever floods the gate fills no log with it."""
        now = self._ticks_ms() / 1_000
        if not answer.is_done and now - self._told_at >= QUIET_SECONDS:
            self._told_at = now
            _log.warning("guard: not done, %s: %s", answer.why, answer.detail)

    def _state(self) -> State:
        door, facts = self._terminal.condition()
        clock = self._terminal.grade().name
        return State(door, facts, clock, tuple(self._faults.items()), self._fault)

    def _do(self, request: Request) -> Answer:
        if not 0 <= self._ticks_ms() - request.sent_ms <= LATE_MS:
            return Answer(False, Why.LATE, "whoever signed this was told that nothing was done")
        return self._act(request) if act.is_act(request.note) else self._note(request.note)

    def _note(self, note: bytes) -> Answer:
        """An order or a denial, whose act is on record."""
        name = act.name_of(note)
        if name not in self._promised:
            return Answer(False, Why.LEDGER, "no act on record says that a guard gives this")
        del self._promised[name]
        held = Orders if order.is_order(note) else Denials
        try:
            held(self._store).add(note, trust=self._trust(), now=self._terminal.now())
        except Refused as refused:
            return Answer(False, Why.LEDGER, str(refused))
        return Answer(True)

    def _act(self, request: Request) -> Answer:
        with suppress(Unavailable):  # else by what was known before: an exit opens all the same
            self._know()
        try:
            found = act.opened(request.note, origin=self._origin, issuers=self._guards)
        except Refused as refused:
            return Answer(False, Why.SIGNER, str(refused))
        now = self._terminal.now()
        refusal = self._unfit(found, request, now)
        if refusal is not None:
            return refusal
        return self._did(found, request, now)

    def _know(self) -> None:
        row = self._store.row("SELECT origin FROM ledger WHERE id = 1")
        self._origin, self._guards = str(row[0]) if row else "", guards(self._store)

    def _did(self, found: Act, request: Request, now: int) -> Answer:
        sealed = self._sealed(request.remark)
        is_opening = found.deed.kind is Kind.OPEN
        opening = self._terminal.by_hand(request.note, sealed, is_opening=is_opening)
        if not opening.is_recorded and not opening.is_opened:
            return Answer(False, Why.DISK, opening.fault)
        self._remember(found, now)
        if found.deed.kind in (Kind.ORDER, Kind.DENY):
            self._promised = {found.deed.object: None}
        _log.info("guard: %s by %s", found.deed.kind, " and ".join(found.guards))
        if is_opening and not opening.is_opened:
            return Answer(False, Why.RELAY, opening.fault)
        return Answer(True)

    def _unfit(self, found: Act, request: Request, now: int) -> Answer | None:
        """Why an act that a guard signed is not done here and now; None if it is."""
        deed = found.deed
        is_here = deed.terminal == self._name
        if deed.kind is Kind.OPEN:
            is_here = is_here and deed.object == self._gate
        is_said = bool(request.remark) is (deed.remark != NO_REMARK)
        if request.remark and remark.remark_of(request.remark).digest != deed.remark:
            is_said = False
        is_timed = self._terminal.grade() is not Grade.POOR
        is_new = found not in self._done
        for holds, why, detail in (
            (is_said, Why.FORM, "a remark that is not the one of its act"),
            (is_here, Why.PLACE, f"an act at {deed.terminal}, this is {self._name}"),
            (abs(now - deed.issued_at) <= WINDOW_SECONDS, Why.TIME, f"signed at {deed.issued_at}"),
            (is_new and (deed.issued_at >= self._began_at or not is_timed), Why.AGAIN, ""),
        ):
            if not holds:
                return Answer(False, why, detail)
        refusal = self._terminal.refusal() if deed.kind is Kind.OPEN else ""
        return Answer(False, Why(refusal)) if refusal else None

    def _sealed(self, plain: bytes) -> bytes:
        if not plain:
            return b""
        nonce = os.urandom(remark.NONCE_BYTES)
        return remark.seal(remark.remark_of(plain), self._secret, nonce=nonce)

    def _remember(self, found: Act, now: int) -> None:
        """For as long as its time is good here; later it is refused by that."""
        self._done[found] = max(now, found.deed.issued_at)
        while len(self._done) > MAX_DONE or self._oldest() < now - 2 * WINDOW_SECONDS:
            self._done.popitem(last=False)

    def _oldest(self) -> int:
        return next(iter(self._done.values()))

    def _look_back(self, since: int) -> None:
        """What this terminal logged since then, before it was started again, is not done again. A
        feed that is damaged is for fsck to tell; the gate starts all the same."""
        shelf, acts = Shelf(self._store), Acts(self._store, b"")
        feeds = []
        with suppress(Unavailable, Refused):
            feeds = shelf.own_feeds()[:LAST_FEEDS]
        for held in feeds:
            with suppress(Unavailable, Refused):
                for entry in shelf.bodies(held.number, max(0, held.size - LAST_ENTRIES)):
                    done = acts.done(self._name, entry)
                    if done is not None and done.act is not None and done.at >= since:
                        self._remember(done.act, done.at)
