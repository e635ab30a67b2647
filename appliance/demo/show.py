"""Plays the script: each scene's picture goes through the file camera, the sandboxed decoder and a
terminal; what came of it is compared with the script."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.demo.compound import HEARD_AT, Compound, Station
from appliance.demo.scenes import Scene, picture_of, script
from appliance.gate import telling, words
from appliance.gate.assembly import open_replica
from appliance.gate.terminal import Outcome
from appliance.policy.facts import facts_of
from appliance.policy.rules import decide
from appliance.policy.site_rule import SiteRule, read
from appliance.policy.verdict import Verdict
from appliance.version import software
from hw.camera.files import FilesCamera, FilesOptions
from hw.codes import Decoder
from hw.decoder import DecoderChild
from hw.eye import Eye
from hw.sim import album
from ledger_sync.feed import check_of

TICKS_A_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Played:
    """One scene and what came of it. `milliseconds` is from the picture file to the relay."""

    scene: Scene
    outcome: Outcome | None
    milliseconds: float
    ok: bool
    sentence: str = ""  # what a guard can read out

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "scene": self.scene.title,
            "gate": self.scene.gate,
            "ok": self.ok,
            "milliseconds": round(self.milliseconds, 1),
        }
        if self.outcome is not None and self.outcome.assessed is not None:
            at, facts = self.outcome.at, self.outcome.assessed.facts
            found |= words.document(
                self.outcome.verdict, facts, at, heard_at=HEARD_AT, software=software()
            )
            found["sentence"] = self.sentence
            found["opened"] = self.outcome.is_opened
            found["recorded"] = self.outcome.is_recorded
        return found


def play(yard: Compound, told: Callable[[Played], None]) -> dict[str, Any]:
    """Plays all scenes, calls `told` after each; the document of `yardpass demo --json`."""
    pictures = yard.folder / "pictures"
    pictures.mkdir()
    played = []
    scenes = script(yard)
    with DecoderChild() as decoder:
        for number, scene in enumerate(scenes):
            yard.clock.now += scene.wait
            played.append(_play(yard, scene, decoder, pictures / f"{number + 1:02}.png"))
            told(played[-1])
    stations = {gate: _account(station, played) for gate, station in yard.stations.items()}
    is_ok = all(one.ok for one in played) and all(one["ok"] for one in stations.values())
    return {
        "ok": is_ok,
        "site": yard.office.site,
        "scenes": [one.as_json() for one in played],
        "terminals": stations,
    }


def _play(yard: Compound, scene: Scene, decoder: DecoderChild, path: Path) -> Played:
    station, now = yard.stations[scene.gate], yard.clock.now
    text = scene.payload(now) if scene.payload else None
    album.save(picture_of(scene, text, seed=len(path.stem) + now % 97), path)
    before = (len(station.records()), station.pulse_count)
    began = time.monotonic_ns()
    outcome = None
    for payload in _seen(path, decoder):
        outcome = station.terminal.see(payload, now * TICKS_A_SECOND)
    milliseconds = (time.monotonic_ns() - began) / 1e6
    after = (len(station.records()), station.pulse_count)
    ok = _is_as_told(scene, outcome, before, after)
    return Played(scene, outcome, milliseconds, ok, _sentence(station, outcome))


def _sentence(station: Station, outcome: Outcome | None) -> str:
    if outcome is None or outcome.assessed is None:
        return ""
    with open_replica(station.settings) as replica:
        zone = outcome.assessed.facts.rule.zone
        return telling.sentence(replica, zone, outcome.assessed, outcome.at)


def _seen(path: Path, decoder: DecoderChild) -> Iterator[bytes]:
    """The payloads that the eye sights in one picture file. The decoder stays for the next."""
    eye = Eye(FilesCamera(FilesOptions(paths=(str(path),))), _Lent(decoder))
    try:
        for sighting in eye.sightings():
            if sighting is not None:
                yield sighting.payload
    finally:
        eye.close()


class _Lent:
    """A decoder that outlives the eyes it is lent to."""

    def __init__(self, owner: Decoder) -> None:
        self.read = owner.read
        self.losses = owner.losses

    def close(self) -> None:
        """The owner closes it."""


def _is_as_told(
    scene: Scene, outcome: Outcome | None, before: tuple[int, int], after: tuple[int, int]
) -> bool:
    if scene.ends is None or outcome is None:
        return scene.ends is None and outcome is None and before == after
    colour, action, reasons = scene.ends
    opened = 1 if action.name == "OPEN" else 0
    is_recorded = after == (before[0] + 1, before[1] + opened)
    return is_recorded and outcome.verdict == Verdict(colour, action, reasons)


def _account(station: Station, played: list[Played]) -> dict[str, Any]:
    """What a terminal has on record, and whether replaying it gives the same verdicts."""
    rule = read(b"{}")
    checks = [check_of(record) for record in station.records()[1:]]
    same = sum(_replays(check_bytes, {rule.digest: rule}) for check_bytes in station.records()[1:])
    gate = station.settings.gate.name
    opened = sum(
        one.scene.gate == gate and one.outcome is not None and one.outcome.is_opened
        for one in played
    )
    return {
        "checks": len(checks),
        "replayed_equal": same,
        "pulses": station.pulse_count,
        "ok": same == len(checks) and station.pulse_count == opened,
    }


def _replays(record: bytes, rules: dict[bytes, SiteRule]) -> bool:
    check = check_of(record)
    facts = facts_of(check.facts, check.reasons, rules)
    logged = (check.colour, check.action, check.reasons)
    return decide(facts, check.at) == logged
