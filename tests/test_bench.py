"""The bench: ratios that a busy machine cannot spoil, floors that fail when they are missed."""

import json
import os
import random
from collections import deque
from dataclasses import replace
from enum import StrEnum, auto

import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.bench import crossing, crowd, gossip, ledger, memory, passing, scan, verdicts
from appliance.bench.measure import (
    Row,
    as_where_set,
    interleaved_ratio,
    piece_of_python,
    row_of,
    thread_ns,
    with_process,
)

pytestmark = pytest.mark.long

HELD = Row("decide C / verify", 1.2, 1.1, 1.31, at_most=1.35, aim=1.15)
RATE = Row("decode rate", 1.07, 1.0, 1.12, at_least=1.05, note="48 pictures")
TOLD = Row("flush", 8.5, 8.0, 9.0, note="reported")


class Story:
    """Work that is written down, and a clock that says what each piece took."""

    def __init__(self, *costs):
        self.calls = []
        self.costs = deque(costs)

    def work(self, name):
        return lambda: self.calls.append(name)

    def clock(self, work):
        work()
        return self.costs.popleft()


@pytest.fixture
def bench(monkeypatch):
    """The command with parts that give these rows; what it exits with and says."""

    def call(*rows, arguments=()):
        def part(name, found):
            def rows_of(progress):
                progress(f"{name} at work")
                return found

            return rows_of

        monkeypatch.setattr(verdicts, "rows", part("verdicts", rows[:1]))
        monkeypatch.setattr(ledger, "rows", part("ledger", rows[1:2]))
        monkeypatch.setattr(memory, "rows", part("memory", rows[2:3]))
        monkeypatch.setattr(scan, "rows", part("scan", rows[3:]))
        for module in (gossip, passing, crowd):
            name = module.__name__.rpartition(".")[2]
            monkeypatch.setattr(module, "rows", part(name, ()))
        return CliRunner().invoke(cli.cli, ["bench", *arguments], catch_exceptions=False)

    return call


def test_a_ratio_is_that_of_the_medians_of_each_run():
    story = Story(10, 5, 90, 5, 20, 4, *[3, 1] * 3)

    ratios = interleaved_ratio(
        [(list, dict)] * 3, runs=2, clock=lambda work: story.costs.popleft()
    )

    assert ratios == [20 / 5, 3.0]
    assert not story.costs


def test_both_sides_of_a_pair_are_timed_next_to_each_other_after_a_warm_up():
    story = Story(*[1] * 12)
    pairs = [(story.work(f"ours {n}"), story.work(f"theirs {n}")) for n in range(3)]

    interleaved_ratio(pairs, runs=2, clock=story.clock)

    turn = ["ours 0", "theirs 0", "ours 1", "theirs 1", "ours 2", "theirs 2"]
    assert story.calls == [*turn[:2], *turn, *turn]


def test_a_tenth_of_many_pairs_warms_up():
    story = Story(*[1] * 80)
    pairs = [(story.work(n), story.work(n)) for n in range(40)]

    interleaved_ratio(pairs, runs=1, clock=story.clock)

    assert story.calls[:8] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(story.calls) == 8 + 80


def test_only_work_counts_as_time():
    assert thread_ns(lambda: None) < thread_ns(lambda: sum(range(200_000)))


def test_a_row_is_the_median_and_the_spread_of_its_runs():
    row = row_of("a", [3.0, 1.0, 2.0], at_most=2.5, note="why")

    assert row == Row("a", 2.0, 1.0, 3.0, at_most=2.5, note="why")


@pytest.mark.parametrize(
    ("floor", "ok"),
    [
        ({}, True),
        ({"at_most": 2.0}, True),
        ({"at_most": 1.99}, False),
        ({"at_least": 2.0}, True),
        ({"at_least": 2.01}, False),
        ({"at_most": 3.0, "at_least": 1.0}, True),
        ({"at_most": 3.0, "at_least": 2.5}, False),
        ({"at_most": 1.0, "at_least": 0.5}, False),
        ({"aim": 1.0}, True),
        ({"at_most": 0.0}, False),
    ],
)
def test_a_row_holds_when_its_value_is_within_its_floor_the_bound_included(floor, ok):
    assert Row("a", 2.0, 0.0, 9.0, **floor).ok is ok


def test_a_figure_that_is_no_number_holds_no_floor():
    assert not Row("a", float("nan"), 0, 0, at_most=1.0).ok
    assert not Row("a", float("nan"), 0, 0, at_least=1.0).ok


def test_a_row_as_json_has_all_its_fields_and_whether_it_holds():
    found = json.loads(json.dumps(HELD.as_json()))

    assert found == {
        "name": "decide C / verify",
        "value": 1.2,
        "low": 1.1,
        "high": 1.31,
        "unit": "ratio",
        "at_most": 1.35,
        "at_least": None,
        "aim": 1.15,
        "note": "",
        "ok": True,
    }


def test_the_table_shows_every_row_its_floor_and_whether_it_holds(bench):
    said = bench(HELD, replace(RATE, value=1.01), HELD, TOLD)

    assert said.exit_code == 1
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["ok", "FAIL", "ok", "flush"]
    first, second, _, third = said.stdout.splitlines()
    assert "1.200 (1.100 to 1.310)" in first
    assert "<= 1.35   aim 1.15" in first
    assert ">= 1.05" in second
    assert second.endswith("48 pictures")
    assert third.endswith("reported")


def test_the_bench_exits_with_zero_when_every_floor_holds(bench):
    said = bench(HELD, RATE, HELD, TOLD)

    assert said.exit_code == 0
    assert "FAIL" not in said.stdout


@pytest.mark.parametrize(
    ("values", "ends"), [((1.4, 1.3), 0), ((1.5, 1.4, 1.3), 0), ((1.4, 1.6, 1.5), 1)]
)
def test_a_part_that_misses_a_floor_is_measured_again_twice_at_most_and_the_better_counts(
    bench, monkeypatch, values, ends
):
    bench(TOLD)
    left = deque(values)
    monkeypatch.setattr(
        verdicts, "rows", lambda progress: [replace(HELD, value=left.popleft()), TOLD]
    )

    said = CliRunner().invoke(cli.cli, ["bench", "--json"], catch_exceptions=False)

    rows = json.loads(said.stdout)["rows"]
    assert (said.exit_code, left) == (ends, deque())
    assert (rows[0]["value"], rows[1]["value"]) == (min(values), TOLD.value)


@pytest.mark.parametrize("value", [1.2, 1.4])
def test_the_json_is_one_document_and_the_progress_goes_to_stderr(bench, value):
    said = bench(replace(HELD, value=value), TOLD, RATE, TOLD, arguments=["--json"])

    found = json.loads(said.stdout)["rows"]
    assert [row["name"] for row in found] == [HELD.name, TOLD.name, RATE.name, TOLD.name]
    assert [row["ok"] for row in found] == [value < 1.35, True, True, True]
    assert said.exit_code == (0 if value < 1.35 else 1)
    parts = ("verdicts", "ledger", "memory", "scan", "gossip", "passing", "crowd")
    steps = [f"... {part} at work" for part in parts]
    told = [line for line in said.stderr.splitlines() if "missed" not in line]
    missed = [line for line in said.stderr.splitlines() if "missed" in line]
    assert told == steps + (steps[:1] * 2 if value > 1.35 else [])
    assert [line.split("FAIL")[0] for line in missed] == ["... missed, and measured again: "] * (
        2 if value > 1.35 else 0
    )


def test_parts_that_are_named_are_measured_alone_and_each_once(bench):
    said = bench(HELD, RATE, HELD, TOLD, arguments=["scan", "verdicts", "scan", "--json"])

    assert [row["name"] for row in json.loads(said.stdout)["rows"]] == [HELD.name, TOLD.name]
    assert said.stderr.splitlines() == ["... verdicts at work", "... scan at work"]
    assert said.exit_code == 0


def test_a_part_that_there_is_not_is_refused_with_those_there_are(bench):
    said = bench(HELD, RATE, HELD, TOLD, arguments=["speed"])

    assert said.exit_code == 2
    assert "'verdicts', 'ledger', 'memory', 'scan', 'gossip', 'passing', 'crowd'" in said.stderr
    assert said.stdout == ""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The store of the decision bench with few people."""
    monkeypatch.setattr(verdicts, "HOLDERS", 3)
    made = verdicts.Bench(tmp_path, pass_count=20, synchronous="OFF")
    yield made
    made.store.close()


def test_what_the_decision_bench_times_is_a_green_decision_and_a_true_signature(small):
    for holder in small.holders:
        small.decide(holder.reference)
        small.decide(holder.self_contained)
        small.decide_and_record(holder.reference)
        assert holder.verify()

    assert small.replica.pass_count() == 20
    assert small.recorder.log.tail().size == 1 + 3


def test_the_lookups_are_of_anybody_who_is_enrolled(small, monkeypatch):
    monkeypatch.setattr(verdicts, "LOOKUPS", 400)

    drawn = small.anybody(random.Random(1))

    assert len(drawn) == 400
    assert len(set(drawn)) == 20
    assert {holder.handle for holder in small.holders} < set(drawn)


def test_what_the_lookup_row_times_is_the_read_alone_behind_a_look(small, monkeypatch):
    monkeypatch.setattr(verdicts, "LOOKUPS", 30)
    monkeypatch.setattr(verdicts, "RUNS", 1)
    calls = []
    for where, name in ((small.replica, "enrolled"), (small.store, "look")):
        asked = getattr(where, name)
        monkeypatch.setattr(
            where, name, lambda *given, _=asked, name=name: (calls.append(name), _(*given))[1]
        )

    daily, anybody = verdicts._lookup_rows(small, small)

    assert daily.name == "lookup among 1,000,000 / among 1,000"
    assert anybody.name == f"{daily.name}, of anybody"
    assert calls[-4:] == ["look", "look", "enrolled", "enrolled"]
    assert calls.count("look") == 2 * 30 + 2 * len(small.holders)


def test_a_recorded_decision_can_be_timed_again(small):
    for _ in range(3):
        small.decide_and_record(small.holders[0].reference)

    assert small.recorder.log.tail().size == 1 + 3


def test_a_decision_that_is_not_green_stops_the_bench(small):
    with pytest.raises(AssertionError, match="RED"):
        small.decide(b"YP1:")


def test_the_decision_bench_makes_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "HOLDERS", 2)
    monkeypatch.setattr(verdicts, "LOOKUPS", 50)
    monkeypatch.setattr(verdicts, "RUNS", 1)
    opened, steps = verdicts._opened, []
    monkeypatch.setattr(
        verdicts,
        "_opened",
        lambda stack, folder, count, *rest: opened(stack, folder, count // 500, *rest),
    )

    rows = verdicts.rows(steps.append)

    assert {row.at_most for row in rows} - {1.35, 1.55} == {1.3, 2.0, None}
    raw = [row.note for row in rows if row.aim == 1.15]
    assert len(raw) == 2
    assert all(" on this machine now, where a piece of Python takes 0." in note for note in raw)
    assert len({row.name for row in rows}) == len(rows)
    assert all(0 < row.low <= row.value <= row.high for row in rows)
    counts = ("1,000", "100,000", "1,000,000")
    decisions = [f"decisions at {count} passes" for count in counts]
    assert steps == [*decisions, "rules of a site", "lookups"]
    assert [(row.at_most, row.aim) for row in rows if row.name.startswith("lookup")] == [
        (1.3, 1.1),
        (None, None),
    ]


@pytest.mark.parametrize(("pieces", "floor"), [(0.079, 1.35), (0.115, 1.35), (0.116, 1.55)])
def test_the_floor_of_a_decision_is_that_of_machines_like_this(small, monkeypatch, pieces, floor):
    monkeypatch.setattr(verdicts, "_pieces", lambda bench: pieces)
    monkeypatch.setattr(verdicts, "RUNS", 1)

    rows = verdicts._decide_rows(small)

    assert [row.at_most for row in rows] == [floor, floor]


def test_the_ledger_bench_makes_its_rows(monkeypatch):
    monkeypatch.setattr(ledger, "MILLION", 2_000)
    monkeypatch.setattr(ledger, "LEAVES", 500)
    steps = []

    rows = ledger.rows(steps.append)

    floors = [(row.at_most, row.at_least) for row in rows]
    assert floors == [
        *((1.6, None), (2.5, None), (1.0, None), (700, None), (None, 60), (None, None)),
        (160, None),
    ]
    assert len({row.name for row in rows}) == len(rows)
    assert all(0 < row.low <= row.value <= row.high for row in rows)
    assert rows[3].ok
    assert len(steps) == 3


def test_an_acceptance_that_fails_stops_the_bench(tmp_path, monkeypatch):
    def publish_nothing(authority, new):
        (authority.folder / "book.db").touch()
        (authority.folder / "public").mkdir()

    monkeypatch.setattr(ledger._Authority, "publish", publish_nothing)

    with pytest.raises(RuntimeError, match=r"(?s)the measured acceptance failed: .*no checkpoint"):
        ledger._accept_rows(tmp_path / "entries", 10)


def test_the_memory_bench_measures_a_real_gate_process():
    steps = []

    (row,) = memory.rows(steps.append)

    assert row.unit == "MB"
    assert 10 < row.value == row.low == row.high
    assert len(steps) == 1


def test_a_gate_process_that_fails_stops_the_bench(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)gate process failed: .*no file"):
        memory._measured(tmp_path, tmp_path)


class Few(StrEnum):
    """The conditions that the scan bench asks for by name."""

    PLAIN = auto()
    ROTATED = auto()
    PHONE = auto()
    GRID = auto()


def test_the_scan_bench_makes_its_rows(monkeypatch):
    monkeypatch.setattr(scan, "Condition", Few)
    for name in ("THIRDS", "SEEDS_A_THIRD", "IDLE_SCENES", "LOOKS_A_PICTURE"):
        monkeypatch.setattr(scan, name, 1)
    monkeypatch.setattr(scan, "CODE_PICTURES", 3)
    steps = []

    rows = scan.rows(steps.append)

    floors = [(row.at_most, row.at_least) for row in rows]
    child = max(most for most, _ in floors if most)
    assert child >= 1.15
    assert set(floors) == {(0.10, None), (child, None), (None, 1.05), (None, 1.15), (None, None)}
    assert all(row.low <= row.high for row in rows)
    assert len(steps) == 2 + len(Few)


@pytest.mark.parametrize(("bare", "floor"), [(1.0, 1.15), (1.05, 1.15), (1.134, 1.234)])
def test_the_floor_of_the_child_is_above_what_two_bare_processes_cost(monkeypatch, bare, floor):
    monkeypatch.setattr(crossing, "ratio", lambda: bare)
    for name in ("LOOKS_A_PICTURE", "CODE_PICTURES"):
        monkeypatch.setattr(scan, name, 3)

    child, empty = scan._child_rows(lambda _: None)

    assert (child.at_most, empty.at_most) == (floor, None)
    assert child.note == f"two bare processes that hand a picture over: {bare:.3f}"


def test_the_work_of_another_process_is_counted_and_it_leaves_nothing_behind(monkeypatch):
    before, pids = os.sched_getaffinity(0), []

    def clock_with(pid):
        pids.append(pid)
        return with_process(pid)

    monkeypatch.setattr(crossing, "with_process", clock_with)

    assert crossing.ratio() > 0.5  # the hand-over alone is a tenth of the work
    assert os.sched_getaffinity(0) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(*pids, os.WNOHANG)


def test_the_gossip_bench_makes_its_rows(monkeypatch):
    monkeypatch.setattr(gossip, "CHECKS", 600)
    monkeypatch.setattr(gossip, "DELTA", 20)
    monkeypatch.setattr(gossip, "RUNS", 1)
    steps = []

    rows = gossip.rows(steps.append)

    names = [row.name for row in rows]
    assert names[0] == "anti-entropy of 600 checks / raw TLS copy of the same bytes"
    plain = "raw TLS copy, both without AES and SHA instructions"
    assert names[1] == f"anti-entropy of 600 checks / {plain}"
    assert names[2] == "SHA-256 of 600 checks and of their tree / raw TLS copy"
    assert names[3] == "anti-entropy of 600 checks / rsync --fsync"
    assert rows[0].value > 0 and rows[1].value > 0
    assert [(row.at_most, row.aim) for row in rows[:2]] == [(None, 2.5), (5, 2.5)]
    assert [row.at_most for row in rows[2:]] in ([None, None, 0.25], [None, None])
    assert steps == ["catching up with 600 checks"]


def test_without_rsync_the_bench_says_so_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr(gossip.shutil, "which", lambda name: None)
    monkeypatch.setattr(gossip, "CHECKS", 300)
    monkeypatch.setattr(gossip, "DELTA", 20)
    monkeypatch.setattr(gossip, "RUNS", 1)

    rows = gossip._catch_up_rows(tmp_path)

    assert rows[3].note == "skipped: rsync 3.2.4 or newer is not here"


def test_the_bench_of_checks_on_their_way_makes_its_rows(monkeypatch):
    for name, value in {"PUSHES": 5, "HEALS": 2, "DENIALS": 1, "DELTA": 20}.items():
        monkeypatch.setattr(passing, name, value)
    steps = []

    rows = passing.rows(steps.append)

    assert [(row.unit, row.at_most) for row in rows] == [
        ("ms", 10),
        ("s", 3),
        ("s", 2),
        ("kB", 12),
    ]
    assert all(row.value > 0 for row in rows)
    assert len(steps) == 4


def test_the_bench_of_many_measures_the_daemon_itself(monkeypatch):
    for name, value in {"PEERS": 2, "CHECKS": 1_024, "SEEDS": 1, "SETTLE_SECONDS": 0.1}.items():
        monkeypatch.setattr(crowd, name, value)

    memory_row, broken, pace = crowd.rows(lambda step: None)

    assert memory_row.name == "sync process, 2 peers, 1,024 checks: RSS"
    assert memory_row.note == "yardpass sync itself; 1,024 checks held"
    assert (memory_row.unit, memory_row.at_most) == ("MB", 80)
    assert memory_row.value > 10
    assert (broken.value, broken.at_most) == (0, 0)
    assert (pace.unit, pace.aim) == ("s", 120)


def test_a_ratio_is_carried_over_by_what_python_costs_beside_a_verification():
    assert as_where_set([1.0, 1.5, 2.0], 0.2, 0.1) == [1.0, 1.25, 1.5]
    assert as_where_set([1.3], 0.1, 0.1) == [1.3]


def test_the_piece_of_python_is_always_the_same_work():
    assert {piece_of_python() for _ in range(3)} == {444}
