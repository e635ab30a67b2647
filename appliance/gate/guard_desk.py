"""The guard's desk of the gate process: does what a guard signed, and tells how the gate is.

A console has no right of its own: only what a key of the ledger signed moves anything, and an
opening is on record before the gate moves. FORMAT.md section 7.11.
"""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable

from appliance.gate.remote import ASK, Answer, Request, State, Why, request_of
from appliance.gate.terminal import Terminal
from appliance.policy.facts import Gate
from ledger_sync import act, order, remark
from ledger_sync.act import NO_REMARK, Act, Kind
from ledger_sync.acts import Acts, guards
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.orders import Orders
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.trust import Trust

WINDOW_SECONDS = 60  # between the clock of a console and that of the gate: they are one machine's
MAX_DONE = 4_096  # acts remembered within the window
LAST_FEEDS, LAST_ENTRIES = 2, 512  # of this terminal, looked through at the start

_log = logging.getLogger("yardpass.gate")


def _nothing() -> None:
    """Nothing else is due."""


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
        rest: Callable[[], None] = _nothing,
    ) -> None:
        """`name` is the terminal's; `trust` the policy in force, asked when an order comes; `rest`
        is done whenever the gate rests."""
        self.rest = rest
        self._terminal = terminal
        self._store = store
        self._name = name
        self._gate = gate.name
        self._secret = site_secret
        self._trust = trust
        self._done: OrderedDict[Act, int] = OrderedDict()
        self._faults: dict[str, str] = {}
        self._fault = ""
        for done in self._done_lately(terminal.now() - WINDOW_SECONDS):
            self._remember(done, terminal.now())

    def health(self, device: str, fault: str) -> None:
        """A device of the gate failed, or is well again with an empty `fault`."""
        self._faults.pop(device, None)
        if fault:
            self._faults[device] = fault

    def recorded(self, fault: str) -> None:
        """Why the last check is not on record, empty if it is."""
        self._fault = fault

    def answer(self, packet: bytes) -> bytes:
        """What a console is told. Raises nothing: a console that asks for nonsense is told so."""
        if packet == ASK:
            return self._state().to_bytes()
        try:
            answer = self._do(request_of(packet))
        except Refused as refused:
            answer = Answer(False, Why.FORM, str(refused))
        except Unavailable as error:
            answer = Answer(False, Why.DISK, str(error))
        if not answer.is_done:
            _log.warning("guard: not done, %s: %s", answer.why, answer.detail)
        return answer.to_bytes()

    def _state(self) -> State:
        door, facts = self._terminal.condition()
        clock = self._terminal.grade().name
        return State(door, facts, clock, tuple(self._faults.items()), self._fault)

    def _do(self, request: Request) -> Answer:
        if act.is_act(request.note):
            return self._act(request)
        held = Orders if order.is_order(request.note) else Denials
        try:
            held(self._store).add(request.note, trust=self._trust(), now=self._terminal.now())
        except Refused as refused:
            return Answer(False, Why.LEDGER, str(refused))
        _log.info("guard: %s", "an order" if held is Orders else "a denial")
        return Answer(True)

    def _act(self, request: Request) -> Answer:
        try:
            found = act.opened(request.note, origin=self._origin(), issuers=guards(self._store))
        except Refused as refused:
            return Answer(False, Why.SIGNER, str(refused))
        now = self._terminal.now()
        refusal = self._unfit(found, request, now)
        if refusal is not None:
            return refusal
        sealed = self._sealed(request.remark)
        is_opening = found.deed.kind is Kind.OPEN
        opening = self._terminal.by_hand(request.note, sealed, is_opening=is_opening)
        if not opening.is_recorded and not opening.is_opened:
            return Answer(False, Why.DISK, opening.fault)
        self._remember(found, now)
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
        for holds, why, detail in (
            (is_said, Why.FORM, "a remark that is not the one of its act"),
            (is_here, Why.PLACE, f"an act at {deed.terminal}, this is {self._name}"),
            (abs(now - deed.issued_at) <= WINDOW_SECONDS, Why.TIME, f"signed at {deed.issued_at}"),
            (found not in self._done, Why.AGAIN, "this was done before"),
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
        self._done[found] = now
        while len(self._done) > MAX_DONE or self._oldest() < now - 2 * WINDOW_SECONDS:
            self._done.popitem(last=False)

    def _oldest(self) -> int:
        return next(iter(self._done.values()))

    def _origin(self) -> str:
        row = self._store.row("SELECT origin FROM ledger WHERE id = 1")
        return str(row[0]) if row else ""

    def _done_lately(self, since: int) -> list[Act]:
        """What this terminal logged since then, before it was started again: what was done once
        is not done again."""
        shelf, acts, found = Shelf(self._store), Acts(self._store, b""), []
        for held in shelf.own_feeds()[:LAST_FEEDS]:
            for entry in shelf.bodies(held.number, max(0, held.size - LAST_ENTRIES)):
                done = acts.done(self._name, entry)
                if done is not None and done.act is not None and done.at >= since:
                    found.append(done.act)
        return found
