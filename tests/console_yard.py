"""A guard's desk with a compound before it: what happened, how it stands, and a clerk of paper.

The paper clerk answers each effect as it is told to; the real one is tested in test_clerk.py.
"""

from typing import NamedTuple

from test_console_view import AWAY, BUILT, COMPOUND, FORCED, GREEN, NOW, RED

from appliance.console import catalogue
from appliance.console.desk import Desk
from appliance.console.effects import (
    Denied,
    Done,
    Failed,
    Hand,
    Inside,
    Judged,
    Load,
    Loaded,
    Look,
    Unlock,
)
from appliance.console.flow import Post
from appliance.console.keys import Key, typed
from appliance.console.seen import Seen
from appliance.console.shift import shift_of
from appliance.console.view import View
from appliance.gate.visitors import Visitor
from appliance.policy.reasons import Reason
from appliance.policy.verdict import Action, Colour, Verdict
from ledger_sync.act import Act, Deed, Kind

POST = Post("north-1", "north", 0b1001, ("anna", "boris"))
ASKED = Seen(
    *(40, "north-1", "north", NOW, 0, Colour.YELLOW, Action.ASK, ("Y-IDCHECK",)),
    pseudonym=b"\5" * 16,
    is_proven=True,
    software=BUILT,
)
BY_HAND = Deed(NOW - 50, Kind.OPEN, "north", "north-1", b"\1" * 32)
OPENED = Seen(
    *(35, "north-1", "north", NOW - 50), act=Act(BY_HAND, ("anna",), False, b""), said="Courier"
)
MAYA = Visitor("87a414cf0c834483", "Maya Lin, flat 12", 0, "north", NOW - 9_000, NOW - 60)
POST_MAN = Visitor("0102030405060708", "", 0, "north", NOW - 600, NOW + 600)
GONE = Visitor("0a0b0c0d0e0f0a0b", "Plumber", 1, "exit", NOW - 300, NOW + 600)
VISITORS = (POST_MAN, GONE, MAYA)
INSIDE = (Inside(0, 3, 1, (("87a414cf0c834483", NOW - 9_000), ("00000000000000aa", NOW - 60))),)


DENIED = (Denied("ab" * 16, False, NOW + 600), Denied(MAYA.key, True, NOW + 90_000))


KEPT = (GREEN, AWAY, FORCED, OPENED, ASKED)


class Paper(NamedTuple):
    """A clerk of paper: `fails` is what it answers instead, once for each effect it is given."""

    seen: list
    fails: list

    def do(self, effect):
        self.seen.append(effect)
        if self.fails:
            why = self.fails.pop(0)
            if why is not None:
                return Failed(effect, *why)
        match effect:
            case Unlock(guard) | Hand(guard):
                return Done(effect, guard)
            case Load(what):
                inside = INSIDE if what == "inside" else ()
                shift = shift_of(KEPT, VISITORS, NOW - 86_400) if what == "shift" else None
                return Loaded(effect, VISITORS, inside, DENIED if what == "denied" else (), shift)
            case Look(text):
                visitor = MAYA.key if "visitor" in text else ""
                visitor = "ff" * 8 if "new" in text else visitor
                holder = "visitor" if visitor else "" if "nobody" in text else "resident"
                verdict = Verdict(Colour.RED, Action.DENY, (Reason.REVOKED,))
                return Judged(effect, verdict, holder, NOW + 90_000, visitor)
        return Done(effect)


class Guard:
    """Somebody at the console: presses keys, and what they cause is done at once."""

    def __init__(self, *seen, standing=COMPOUND, language="en", post=POST, fails=()):
        self.desk = Desk(View("north-1"), catalogue.load().words, post, language=language)
        self.desk.view.add(seen or KEPT)
        self.paper = Paper([], list(fails))
        self.standing, self.now = standing, NOW
        self.tick()

    def tick(self, seconds=0):
        self.now += seconds
        self._do(self.desk.look(self.standing, self.now))
        return self

    def press(self, *names):
        for name in names:
            self._do(self.desk.press(Key(name, name if len(name) == 1 else "")))
        return self

    def type(self, text):
        for key in typed(text):
            self._do(self.desk.press(key))
        return self

    def scan(self, text, gap_ms=2):
        """A hand scanner types a code and enter: the first key comes whenever it is held up."""
        for number, one in enumerate(text):
            name = "enter" if one == "\n" else one
            gap = gap_ms if number else 5_000
            self._do(self.desk.press(Key(name, "" if one == "\n" else one, gap)))
        return self

    def unlock(self, name="anna"):
        self.press("u")
        return (
            self.type(f"{POST.guards.index(name) + 1}")
            .press("enter")
            .type("271828")
            .press("enter")
        )

    def _do(self, effects):
        for effect in effects:
            self._do(self.desk.told(self.paper.do(effect)))

    @property
    def done(self):
        """What was asked to be done, without what only looks."""
        return [one for one in self.paper.seen if not isinstance(one, Load | Look)]

    def lines(self, width=80, height=25):
        return [line.text.rstrip() for line in self.desk.lines(width, height)]

    def said(self):
        """The sentence below the verdict, whatever else stands there."""
        return self.desk._said.text or (self.desk._flow.panel.told if self.desk._flow else "")


__all__ = ["NOW", "RED", "Guard"]
