"""A source that shows the same old ledger for ever: a terminal cannot know why, but tells that."""

import json
import time
from pathlib import Path

import pytest
from desk import NOW, ORIGIN, SIZE, iso, loaded, run, status
from webserver import publishing

from appliance.gate.assembly import open_terminal
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync.clock import Reading

HOUR, DAY = 3_600, 86_400


@pytest.fixture(params=["folder", "file", "server"])
def frozen(request, desk):
    """The name of a source that nobody brings up to date any more."""
    target = "public.ledger" if request.param == "file" else "public"
    loaded(target)
    if request.param == "server":
        with publishing(desk / target) as server:
            yield server.url
    else:
        yield target


@pytest.fixture
def at(monkeypatch):
    """Puts the clock of the commands this many seconds ahead."""
    return lambda seconds: monkeypatch.setattr(time, "time", lambda: NOW + seconds)


def imported(source):
    return run("ledger", "import", source, "--site", "north-1").stdout


def presented(seconds):
    """What a gate that starts then makes of Chen's pass, and whether it opens."""
    clock = Reading(NOW + seconds, synchronised=True, error_seconds=1, has_chip=True)
    stated = {"clock": lambda: clock, "incarnation": seconds.to_bytes(8), "relay": SimRelay()}
    with open_terminal(load(Path("north-1/site.toml")), **stated) as terminal:
        outcome = terminal.present(Path("chen.txt").read_bytes().strip())
    verdict = outcome.verdict
    assert outcome.assessed.facts.quorum_time == NOW
    return " ".join((verdict.colour.name, verdict.action.name, *verdict.reasons))


@pytest.mark.parametrize(
    ("seconds", "age", "verdict"),
    [
        (41, "41 s", "GREEN OPEN"),
        (HOUR, "60 min", "GREEN OPEN"),
        (HOUR + 1, "60 min", "GREY OPEN G-STALE-STATUS"),
        (7 * HOUR, "7 h", "GREY OPEN G-STALE-STATUS"),
        (3 * DAY, "3 d", "GREY OPEN G-STALE-STATUS"),
        (3 * DAY + 1, "3 d", "GREY ASK G-OLD-STATUS"),
        (20 * DAY, "20 d", "GREY DENY G-OLD-STATUS"),
    ],
)
def test_a_ledger_that_stays_old_lowers_what_the_gate_says_and_its_age_is_shown(
    frozen, at, seconds, age, verdict
):
    run("office", "revoke", "Chen")
    run("office", "publish", "elsewhere")  # which this terminal never gets to see
    for step in (seconds // 2, seconds):
        at(step)
        said = imported(frozen)

    assert said == f"{ORIGIN}: {SIZE} entries, 0 new, {age} old\n"
    assert presented(seconds) == verdict
    assert status()["age_seconds"] == seconds
    seen = run("check", "chen.txt", "--site", "north-1", "--at", iso(NOW + seconds)).stdout
    assert f"; ledger {age} old." in seen
    when = ("--at", iso(NOW + seconds), "--json")
    (found,) = json.loads(run("check", "chen.txt", "--site", "north-1", *when).stdout)["checks"]
    assert found["ledger_age_seconds"] == seconds
    assert " ".join((found["verdict"], found["action"], *found["reasons"])) == verdict


def test_the_ledger_that_comes_at_last_is_believed_and_what_it_says_holds(frozen, at):
    at(7 * HOUR)
    run("office", "revoke", "Chen")
    run("office", "publish", "elsewhere")
    imported(frozen)
    before = presented(7 * HOUR)

    said = imported("elsewhere")

    assert before == "GREY OPEN G-STALE-STATUS"
    assert said == f"{ORIGIN}: {SIZE + 1} entries, 1 new\n"
    assert run("ledger", "status", "--site", "north-1").stdout.splitlines()[0].endswith(" 0 s old")
    seen = run("check", "chen.txt", "--site", "north-1", "--at", iso(NOW + 7 * HOUR)).stdout
    assert "R-REVOKED" in seen
