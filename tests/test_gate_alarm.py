"""Any bytes are an alarm, written again to the same bytes, or `Refused`; nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gate import disk_watch
from appliance.gate.machine import FOR_PEERS
from ledger_sync import gate_alarm
from ledger_sync.errors import Refused
from ledger_sync.gate_alarm import KINDS, GateAlarm, alarm_of, standing

AT = 1_767_225_600
EXAMPLE = bytes.fromhex("03 01 000000006955b900 019b76daa8000000 6e6f727468")


def alarm(kind, at=AT):
    return GateAlarm(kind, at, at * 1_000 << 16, "north")


def test_the_example_is_what_it_says():
    assert alarm("forced").to_bytes() == EXAMPLE
    assert alarm_of(EXAMPLE) == alarm("forced")


@given(st.sampled_from(KINDS), st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1), st.text())
def test_an_alarm_is_read_back_as_it_was(kind, at, hlc, gate):
    made = GateAlarm(kind, at, hlc, gate[:60])

    assert alarm_of(made.to_bytes()) == made


@given(st.binary(max_size=300).map(lambda data: b"\3" + data) | st.binary(max_size=40))
def test_any_bytes_are_an_alarm_or_refused(data):
    try:
        found = alarm_of(data)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
    else:
        assert found.kind not in KINDS or found.to_bytes() == data


def test_a_kind_of_a_later_version_is_shown_by_its_number():
    assert alarm_of(b"\3\xff" + EXAMPLE[2:]).kind == "kind 255"


@pytest.mark.parametrize(
    "odd",
    [
        GateAlarm("shut", AT, 0, "north"),
        GateAlarm("held", -1, 0, "north"),
        GateAlarm("held", AT, 2**64, "north"),
        GateAlarm("held", AT, 0, "n" * 256),
    ],
)
def test_what_is_no_alarm_is_not_written(odd):
    with pytest.raises(Refused):
        odd.to_bytes()


def test_the_kinds_are_what_gate_machine_and_disk_watch_tell_peers():
    told = [*(output.value for output in FOR_PEERS), disk_watch.LOW, disk_watch.WELL]
    assert sorted(KINDS) == sorted(told)


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ([], []),
        (["forced"], ["forced"]),
        (["held", "stuck"], ["stuck"]),
        (["held", "stuck", "cleared"], []),
        (["tamper", "forced", "cleared"], ["tamper"]),
        (["tamper", "tamper over", "tamper"], ["tamper"]),
        (["fire", "lockdown", "fire over"], ["lockdown"]),
        (["relay failed", "relay works"], []),
        (["exit jammed over"], []),
    ],
)
def test_what_nothing_ended_stands(told, left):
    alarms = [alarm(kind, AT + number) for number, kind in enumerate(told)]

    assert [one.kind for one in standing(alarms)] == left
    assert all(one in alarms for one in standing(alarms))


def test_every_end_ends_what_can_begin():
    assert {kind for kinds in gate_alarm.ENDS.values() for kind in kinds} | set(
        gate_alarm.ENDS
    ) == set(KINDS)


def test_an_alarm_after_the_end_of_time_is_refused():
    with pytest.raises(Refused, match="at no time"):
        alarm_of(b"\3\1" + b"\xff" * 16)
