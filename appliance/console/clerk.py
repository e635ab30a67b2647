"""The clerk of a console: does what the desk asks. Holds the guard's key while it is unlocked.

Reads the store and signs; what moves a gate, or is written, is the gate process's. Each effect
becomes one result; a store or a file that fails is a result as well.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field

from appliance.console.effects import (
    Deny,
    Done,
    Effect,
    Failed,
    Hand,
    Judged,
    Load,
    Loaded,
    Lock,
    Look,
    Order,
    Result,
    Sign,
    Unlock,
)
from appliance.console.gate_link import GateLink
from appliance.console.looking import Looking
from appliance.console.tries_file import TriesFile
from appliance.gate import guard_keys
from appliance.gate.remote import Request
from appliance.policy import tries
from appliance.settings import Settings
from ledger_sync import act, deny, order, remark
from ledger_sync.act import Deed, Kind
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import SigningKey
from ledger_sync.remark import Remark

_DRAWN = frozenset({Kind.IN, Kind.OUT})


@dataclass(slots=True)
class Clerk:
    """Owned by one thread. `now` is Unix seconds; `open_looking` opens what is looked up in, when
    it is first needed: a store is of the thread that opened it."""

    settings: Settings
    link: GateLink
    open_looking: Callable[[], AbstractContextManager[Looking]]
    tries: TriesFile
    now: Callable[[], int]
    _key: SigningKey | None = field(default=None, repr=False)
    _has_begun: bool = False  # and it is on record
    _looking: Looking | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Ends the guard's time, forgets the key and closes what was opened; in the thread that
        did."""
        with suppress(Refused, Unavailable):
            self._lock(Lock())
        self._key, self._looking = None, None
        self._held.close()

    def do(self, effect: Effect) -> Result:
        """Does it. Raises nothing that a store, a file or a gate can cause."""
        try:
            return self._do(effect)
        except (Refused, Unavailable) as error:
            return Failed(effect, "store", str(error))

    def _do(self, effect: Effect) -> Result:
        match effect:
            case Unlock():
                return self._unlock(effect)
            case Lock():
                return self._lock(effect)
            case Hand():
                return self._hand(effect)
            case Load():
                return self._load(effect)
            case Look():
                return self._look(effect)
            case _:
                return self._signed(effect)

    def _signed(self, effect: Sign | Order | Deny) -> Result:
        if self._key is None:
            return Failed(effect, "locked")
        match effect:
            case Sign(kind, thing, said):
                drawn = secrets.token_hex(8) if kind in _DRAWN and not thing.strip("-") else thing
                return self._act(effect, kind, drawn, said)
            case Order(kind, zones):
                at, key = self._time(), self._key
                note = order.sign(self._origin, kind, zones, issued_at=at, key=key)
                return self._given(effect, Kind.ORDER, note)
            case Deny(pseudonym, at):
                found = self.looking().denied(pseudonym, at)
                if found is None:
                    return Failed(effect, "unknown_pass")
                places, visitors = found
                at, key = self._time(), self._key
                note = deny.sign(self._origin, places, issued_at=at, key=key, visitors=visitors)
                return self._given(effect, Kind.DENY, note)

    def _given(self, effect: Order | Deny, kind: Kind, note: bytes) -> Result:
        """An order or a denial: first that the guard gives it is on record, then it is done."""
        result = self._act(effect, kind, act.name_of(note))
        return self._sent(effect, Request(note)) if isinstance(result, Done) else result

    def _act(self, effect: Effect, kind: Kind, thing: str, said: str = "") -> Result:
        assert self._key is not None
        self._begin()
        return self._sent(effect, self._request(kind, thing, (self._key,), said))

    def _request(
        self,
        kind: Kind,
        thing: str,
        keys: tuple[SigningKey, ...],
        said: str = "",
        lines: tuple[str, ...] = (),
    ) -> Request:
        """An act; its remark makes it another one than the same deed a moment ago, though it says
        nothing."""
        spoken = Remark(os.urandom(remark.SALT_BYTES), remark.fitted(said))
        deed = Deed(self._time(), kind, thing, self.settings.terminal, spoken.digest, lines)
        return Request(act.sign(self._origin, deed, keys), spoken.to_bytes())

    def _sent(self, effect: Effect, request: Request, guard: str | None = None) -> Result:
        answer = self.link.do(request)
        if answer.is_done:
            return Done(effect, guard)
        return Failed(effect, answer.why or "form", answer.detail)

    def _unlock(self, effect: Unlock) -> Result:
        key = self._opened(effect, effect.guard, effect.pin)
        if isinstance(key, Failed):
            return key
        self._key, self._has_begun = key, False
        self._begin()
        return Done(effect, effect.guard)

    def _begin(self) -> None:
        """That a guard is at the console is on record as soon as the gate is there."""
        if self._key is not None and not self._has_begun:
            request = self._request(Kind.BEGIN, "-", (self._key,))
            self._has_begun = self.link.do(request).is_done

    def _opened(self, effect: Unlock | Hand, guard: str, pin: str) -> SigningKey | Failed:
        """The key behind a PIN. Guessing costs time, over a restart as well, and is counted before
        it is known: consoles beside each other get no more tries than one."""
        now = self.now()
        with self.tries.alone():
            before = self.tries.get(guard, now)
            wait = tries.locked_seconds(before, now)
            if wait:
                return Failed(effect, "tries", seconds=wait)
            after = tries.wrong(before, now)
            try:
                guard_keys.check(self.settings.guards, guard)
                self.tries.put(guard, after)
                key = guard_keys.unlock(self.settings.guards, guard, pin)
            except guard_keys.WrongPin:
                wait = tries.locked_seconds(after, now)
                return Failed(effect, "tries" if wait else "pin", seconds=wait)
            except (Refused, Unavailable) as error:
                return Failed(effect, "key", str(error))
            self.tries.put(guard, tries.Tries())
        if not self.looking().is_guard(key.public, now):
            return Failed(effect, "ended")
        return key

    def _time(self) -> int:
        """The time that is signed: the clock's, if it can be right."""
        return self.looking().believed(self.now())

    def _lock(self, effect: Lock) -> Result:
        key, self._key = self._key, None
        if key is not None:
            self.link.do(self._request(Kind.END, "-", (key,)))
        return Done(effect, "")

    def _hand(self, effect: Hand) -> Result:
        if self._key is None:
            return Failed(effect, "locked")
        key = self._opened(effect, effect.guard, effect.pin)
        if isinstance(key, Failed):
            return key
        kid = key.public.kid.hex()
        request = self._request(Kind.HANDOVER, kid, (self._key, key), lines=effect.lines)
        result = self._sent(effect, request, effect.guard)
        if isinstance(result, Done):
            self._key, self._has_begun = key, True
        return result

    def _load(self, effect: Load) -> Result:
        at, looking = self.now(), self.looking()
        inside = looking.inside(at) if effect.what == "inside" else ()
        denied = looking.denied_now(at) if effect.what == "denied" else ()
        shift = looking.shift(self.settings.terminal, at) if effect.what == "shift" else None
        return Loaded(effect, tuple(looking.visitors(at)), inside, tuple(denied), shift)

    def _look(self, effect: Look) -> Result:
        verdict, holder, until, visitor = self.looking().judged(effect.text, self.now())
        return Judged(effect, verdict, holder, until, visitor)

    def looking(self) -> Looking:
        if self._looking is None:
            self._looking = self._held.enter_context(self.open_looking())
        return self._looking

    @property
    def _origin(self) -> str:
        return self.settings.origin
