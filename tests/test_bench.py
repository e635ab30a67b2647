"""The bench: ratios that a busy machine cannot spoil, floors that fail when they are missed."""

import json
from collections import deque
from dataclasses import replace
from enum import StrEnum, auto

import pytest
from click.testing import CliRunner

from appliance import cli
from appliance.bench import memory, scan, verdicts
from appliance.bench.measure import Row, interleaved_ratio, row_of, thread_ns

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
        monkeypatch.setattr(memory, "rows", part("memory", rows[1:2]))
        monkeypatch.setattr(scan, "rows", part("scan", rows[2:]))
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
    said = bench(HELD, replace(RATE, value=1.01), TOLD)

    assert said.exit_code == 1
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["ok", "FAIL", "flush"]
    first, second, third = said.stdout.splitlines()
    assert "1.200 (1.100 to 1.310)" in first
    assert "<= 1.35   aim 1.15" in first
    assert ">= 1.05" in second
    assert second.endswith("48 pictures")
    assert third.endswith("reported")


def test_the_bench_exits_with_zero_when_every_floor_holds(bench):
    said = bench(HELD, RATE, TOLD)

    assert said.exit_code == 0
    assert "FAIL" not in said.stdout


@pytest.mark.parametrize("value", [1.2, 1.4])
def test_the_json_is_one_document_and_the_progress_goes_to_stderr(bench, value):
    said = bench(replace(HELD, value=value), TOLD, RATE, arguments=["--json"])

    found = json.loads(said.stdout)["rows"]
    assert [row["name"] for row in found] == [HELD.name, TOLD.name, RATE.name]
    assert [row["ok"] for row in found] == [value < 1.35, True, True]
    assert said.exit_code == (0 if value < 1.35 else 1)
    assert said.stderr == "... verdicts at work\n... memory at work\n... scan at work\n"


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


def test_a_recorded_decision_can_be_timed_again(small):
    for _ in range(3):
        small.decide_and_record(small.holders[0].reference)

    assert small.recorder.log.tail().size == 1 + 3


def test_a_decision_that_is_not_green_stops_the_bench(small):
    with pytest.raises(AssertionError, match="RED"):
        small.decide(b"YP1:")


def test_the_decision_bench_makes_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(verdicts, "HOLDERS", 2)
    monkeypatch.setattr(verdicts, "RUNS", 1)
    opened, steps = verdicts._opened, []
    monkeypatch.setattr(
        verdicts,
        "_opened",
        lambda stack, folder, count, *rest: opened(stack, folder, count // 500, *rest),
    )

    rows = verdicts.rows(steps.append)

    assert {row.at_most for row in rows} == {1.35, 1.75, 1.3, None}
    assert len({row.name for row in rows}) == len(rows)
    assert all(0 < row.low <= row.value <= row.high for row in rows)
    assert steps == [f"decisions at {count} passes" for count in ("1,000", "100,000", "1,000,000")]


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
    assert set(floors) == {(0.10, None), (1.15, None), (None, 1.05), (None, 1.15), (None, None)}
    assert all(row.low <= row.high for row in rows)
    assert len(steps) == 2 + len(Few)
