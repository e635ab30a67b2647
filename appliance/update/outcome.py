"""What became of the last update: told on the screen, by the doctor and on the stick, and kept so
that an update that did not work is not tried again and again by itself (pure).

    {"version": "0.1.1-1796000000", "source": "stick", "state": "kept", "at": 1796000300,
     "why": "", "tries": {}}

Steps that nobody asked for go by it; whoever types `yardpass update install` is not held up.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ledger_sync.errors import Refused

MAX_WHY = 600  # characters
MAX_TRIES = 2  # of one version: a power cut may end one trial, not two
MAX_VERSIONS = 8  # whose tries are remembered
TOLD_SECONDS = 7 * 86_400  # how long an update that did not work is told to people at the box


class State(enum.Enum):
    """How far an update came."""

    COPYING = "copying"
    WAITING = "waiting"
    WRITING = "writing"
    WRITTEN = "written"
    TRYING = "trying"
    KEPT = "kept"
    FAILED = "failed"
    REFUSED = "refused"
    GIVEN_UP = "given up"  # no update, but the system that ran before this one


UNDER_WAY = frozenset({State.COPYING, State.WAITING, State.WRITING, State.WRITTEN, State.TRYING})
WRONG = frozenset({State.FAILED, State.REFUSED, State.GIVEN_UP})
_SAYS = {
    State.COPYING: "update {version} is being copied: leave the stick and the power alone",
    State.WAITING: "update {version} waits until the gate is closed",
    State.WRITING: "update {version} is being written: leave the power alone",
    State.WRITTEN: "update {version} is written; the box restarts to try it",
    State.TRYING: "update {version} is on trial",
    State.KEPT: "update {version} works and is kept",
    State.FAILED: "update {version} did not work and was taken back: {why}",
    State.REFUSED: "an update was refused: {why}",
    State.GIVEN_UP: "{why}",
}
_NO_WHY = "nobody wrote down why"  # a record that something else than this version wrote

_CUT_OFF = {
    State.COPYING: "the box stopped while it was copied; put the stick in again",
    State.WRITING: "the box stopped while it was written; it is written again if it waits, else"
    " bring it again",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the last update. `source` is stick, ledger or hand, `at` Unix seconds by the box's clock,
    `why` a sentence where it went wrong, `tries` how often a version was started on trial."""

    version: str
    source: str
    state: State
    at: int
    why: str = ""
    tries: Mapping[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        version, why = self.version or "of no version", self.why or _NO_WHY
        return _SAYS[self.state].format(version=version, why=why)

    def is_wrong(self, now: int) -> bool:
        """Whether people at the box are told of it at the Unix second `now`: of an update that did
        not work for a week, of a box that has one slot left until it gets another."""
        is_news = abs(now - self.at) < TOLD_SECONDS  # a clock may have been set back since
        return self.state is State.GIVEN_UP or (self.state in WRONG and is_news)

    def to_bytes(self) -> bytes:
        found = asdict(replace(self, tries={})) | {"state": self.state.value}
        return json.dumps(found | {"tries": dict(self.tries)}).encode() + b"\n"


def outcome_of(data: bytes) -> Outcome | None:
    """What stands in the file; None for anything that is not ours."""
    try:
        found = json.loads(data)
        state, tries = State(found["state"]), found["tries"]
        made = Outcome(
            _text(found["version"]), _text(found["source"]), state, _number(found["at"]),
            _text(found["why"]), {_text(one): _number(count) for one, count in tries.items()},
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_WHY or not value.isprintable():
        raise ValueError("no text of ours")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("no number of ours")
    return value


def tried(before: Outcome) -> Outcome:
    """It is started on trial now, once more."""
    return replace(before, state=State.TRYING, tries=_counted(before.tries, before.version))


def _counted(tries: Mapping[str, int], version: str) -> Mapping[str, int]:
    """With one more try of this version; the last `MAX_VERSIONS` are kept."""
    others = {one: count for one, count in tries.items() if one != version}
    kept = dict(list(others.items())[1 - MAX_VERSIONS :])
    return kept | {version: tries.get(version, 0) + 1}


def settled(before: Outcome, running: str, why: str = "") -> Outcome:
    """At a start, when it is known whether the box is well, or `why` not: a trial that went well
    is kept, one that did not is never tried again by itself; one that ended without a word, by a
    hang or a power cut, may be once more. What was cut off before its trial is told."""
    if before.state in _CUT_OFF:
        return replace(before, state=State.REFUSED, why=_CUT_OFF[before.state])
    if before.state is not State.TRYING:
        return before
    tries = dict(before.tries)
    if before.version == running:
        if not why:
            tries.pop(running, None)
            return replace(before, state=State.KEPT, why="", tries=tries)
        tries[running] = MAX_TRIES
        return replace(before, state=State.FAILED, why=_short(why), tries=tries)
    what = "its trial ended without a word: it did not start, it hung, or the power went"
    return replace(before, state=State.FAILED, why=what)


def check_tries(before: Outcome | None, version: str) -> None:
    """Raises `Refused` for a version that was tried and did not work."""
    if before is not None and before.tries.get(version, 0) >= MAX_TRIES:
        what = f"version {version} was tried and did not work"
        raise Refused(f"{what}; bring a newer one, or insist: yardpass update install BUNDLE")


def struck(before: Outcome | None, version: str) -> Outcome:
    """A version that comes by itself was not taken: after `MAX_TRIES` it shall come no more."""
    last = before or Outcome(version, "", State.REFUSED, 0)
    return replace(last, tries=_counted(last.tries, version))


def refused(
    before: Outcome | None, version: str, source: str, why: str, *, now: int
) -> Outcome | None:
    """That something was refused; None where what stands matters more: an update that is under
    way, or why the one did not work that is refused for that."""
    if before is not None and before.state in (State.WRITTEN, State.TRYING):
        return None
    if before is not None and before.state is State.FAILED and before.version in why:
        return None
    return Outcome(version, source, State.REFUSED, now, _short(why), _tries(before))


def given_up(before: Outcome | None, slot: str, *, now: int) -> Outcome:
    """The initrd gave a kept slot up for the one that runs."""
    why = f"slot {slot} did not start, or was never found well, and was given up for this one"
    return Outcome("", "box", State.GIVEN_UP, now, why, _tries(before))


def begun(before: Outcome | None, version: str, source: str, state: State, *, now: int) -> Outcome:
    """An update of this version is at this step."""
    return Outcome(version, source, state, now, "", _tries(before))


def _tries(before: Outcome | None) -> Mapping[str, int]:
    return before.tries if before else {}


def _short(text: str) -> str:
    words = "".join(one if one.isprintable() else " " for one in text).split()
    return " ".join(words)[:MAX_WHY]
