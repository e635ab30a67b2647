"""What is wrong here and what to do, the gravest first: the console's page `s`. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from appliance.console.standing import Standing
from appliance.console.words import Words
from appliance.gate.disk_watch import LOW_BYTES
from appliance.gate.words import plain
from appliance.version import shown

STALE_SECONDS = 3_600  # of the ledger: from then on greens turn grey by the usual rule
DOORS = frozenset({"held warning", "held", "stuck", "forced", "open at start"})
FACTS = frozenset({"jammed", "tamper", "fire", "lockdown", "relay failed"})


class Wrong(NamedTuple):
    """Something that is not as it should be, and what to do."""

    what: str
    step: str


def wrongs(standing: Standing, now: int, words: Words, faults: tuple[str, ...]) -> list[Wrong]:
    """All that is wrong; `faults` are the console's own."""
    return [
        *_of_gate(standing, words),
        *_of_ledger(standing, now, words),
        *_of_update(standing, now, words),
        *(_said(words, "console", detail=plain(one)) for one in faults),
    ]


def _said(words: Words, what: str, /, **values: object) -> Wrong:
    return Wrong(words(f"wrong.{what}", **values), words(f"step.{what}", **values))


def _of_gate(standing: Standing, words: Words) -> Iterator[Wrong]:
    gate = standing.gate
    if gate is None:
        yield _said(words, "gate")
        return
    if gate.fault:
        yield _said(words, "record", detail=plain(gate.fault))
    for name in gate.facts:
        if name in FACTS:
            yield _said(words, f"fact.{name}")
    if gate.door in DOORS:
        yield _said(words, f"door.{gate.door}")
    if gate.clock in ("POOR", "FAIR"):
        yield _said(words, f"clock.{gate.clock}")
    for device, why in gate.faults:
        yield _said(words, "device", device=plain(device), detail=plain(why))


def _of_ledger(standing: Standing, now: int, words: Words) -> Iterator[Wrong]:
    old = now - standing.heard_at
    if not standing.heard_at:
        yield _said(words, "no_ledger")
    elif old > STALE_SECONDS:
        yield _said(words, "ledger", age=words.age(old))
    if standing.links is None:
        yield _said(words, "sync")
    for name, state in sorted((standing.links or {}).items()):
        if state in ("away", "misbehaved"):
            yield _said(words, f"peer.{state}", name=plain(name))
    if 0 <= standing.free_bytes < LOW_BYTES:
        yield _said(words, "disk", free=standing.free_bytes >> 20)


def _of_update(standing: Standing, now: int, words: Words) -> Iterator[Wrong]:
    last = standing.update
    if last is not None and last.is_wrong(now):
        name = f"update.{last.state.value}"
        yield _said(words, name, version=plain(shown(last.version)), detail=plain(last.why))
