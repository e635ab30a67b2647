"""What the doctor says of whatever is found: whatever is not well comes with what to do."""

import inspect
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.doctor import device_lines, lines, machine_lines, site_lines, update_lines
from appliance.doctor.device_lines import Picture, RelayState
from appliance.doctor.lines import Fault, Level, Line, Missing
from appliance.doctor.machine_lines import Clock, Commits, Disk, Power, Space, Unit
from appliance.doctor.site_lines import DAY, HOUR, Identity, LedgerAge, Peers
from appliance.doctor.update_lines import Slots
from appliance.update.outcome import Outcome, State
from ledger_sync.clock import Grade
from ledger_sync.store import RESERVED_BYTES

GOOD_PICTURE = Picture(1280, 720, 110.0, 0.01, 0.02, 400.0)
GOOD_POWER = Power(False, False, False, False)
AGES = {"fresh": HOUR, "stale": 3 * DAY, "old": 14 * DAY}
NOW = 1_800_000_000

SLOTS = Slots("a", "0.1.0-9", True, "b", True, "0.0.9-9", 0)


def level_of(state):
    return {State.KEPT: Level.OK, State.FAILED: Level.FAIL}.get(state, Level.WARN)


CASES = {
    "camera": (
        device_lines.camera,
        [
            (GOOD_PICTURE, Level.OK),
            (GOOD_PICTURE._replace(mean=3.0), Level.FAIL),
            (GOOD_PICTURE._replace(bright=0.6), Level.WARN),
            (GOOD_PICTURE._replace(mean=30.0), Level.WARN),
            (GOOD_PICTURE._replace(sharpness=2.0), Level.WARN),
        ],
    ),
    "relay": (
        device_lines.relay,
        [
            (RelayState(False, 0, 0), Level.OK),
            (RelayState(True, 300, 0), Level.OK),
            (RelayState(False, 0, 2), Level.WARN),
        ],
    ),
    "click": (device_lines.click, [(300, Level.OK)]),
    "reader": (lambda found: device_lines.reader("reader 1", found), [("pcsc", Level.OK)]),
    "clock": (
        machine_lines.clock,
        [
            (Clock("now", Grade.GOOD, True, 1), Level.OK),
            (Clock("now", Grade.FAIR, False, 16), Level.WARN),
            (Clock("now", Grade.POOR, False, 16), Level.FAIL),
        ],
    ),
    "chip": (machine_lines.chip, [(True, Level.OK), (False, Level.WARN)]),
    "watchdog": (machine_lines.watchdog, [(True, Level.OK), (False, Level.WARN)]),
    "commits": (
        machine_lines.commits,
        [
            (Commits(100, 12.0), Level.OK),
            (Commits(100, 200.0), Level.WARN),
            (Commits(100, 900.0), Level.FAIL),
        ],
    ),
    "disk": (
        machine_lines.disk,
        [
            (Disk("mmcblk0p6", False, 0, None), Level.OK),
            (Disk("mmcblk0p6", False, 0, 20), Level.OK),
            (Disk("mmcblk0p6", False, 0, 90), Level.WARN),
            (Disk("mmcblk0p6", False, 1, None), Level.FAIL),
            (Disk("mmcblk0p6", True, 0, None), Level.FAIL),
        ],
    ),
    "space": (
        machine_lines.space,
        [
            (Space(2 << 30, 4 << 30), Level.OK),
            (Space(300 << 20, 4 << 30), Level.WARN),
            (Space(RESERVED_BYTES - 1, 4 << 30), Level.FAIL),
        ],
    ),
    "heat": (machine_lines.heat, [(50.0, Level.OK), (72.0, Level.WARN), (85.0, Level.FAIL)]),
    "power": (
        machine_lines.power,
        [
            (GOOD_POWER, Level.OK),
            (GOOD_POWER._replace(is_low=True, was_low=True), Level.FAIL),
            (GOOD_POWER._replace(was_low=True), Level.WARN),
            (GOOD_POWER._replace(is_throttled=True), Level.WARN),
            (GOOD_POWER._replace(was_throttled=True), Level.WARN),
        ],
    ),
    "unit": (
        lambda found: machine_lines.unit(found, "yardpass-gate"),
        [
            (Unit("yardpass-gate", "active", "success", 0), Level.OK),
            (Unit("yardpass-gate", "active", "success", 9), Level.WARN),
            (Unit("yardpass-gate", "inactive", "success", 0), Level.WARN),
            (Unit("yardpass-gate", "failed", "watchdog", 0), Level.FAIL),
        ],
    ),
    "failed": (
        machine_lines.failed,
        [((), Level.OK), (("yardpass-stick.service", "yardpass-update.service"), Level.FAIL)],
    ),
    "slots": (
        update_lines.slots,
        [
            (SLOTS, Level.OK),
            (SLOTS._replace(other_version=""), Level.OK),
            (SLOTS._replace(is_kept=False), Level.WARN),
            (SLOTS._replace(is_other_whole=False), Level.WARN),
            (SLOTS._replace(starts=2), Level.WARN),
        ],
    ),
    "update": (
        update_lines.update,
        [
            (None, Level.OK),
            *(
                (Outcome("0.1.1-9", "stick", state, NOW, "why"), level_of(state))
                for state in State
            ),
        ],
    ),
    "versions": (machine_lines.versions, [("yardpass 0.1.0", Level.OK)]),
    "first_boot": (
        site_lines.first_boot,
        [("", Level.WARN), ("a file is missing; write it anew", Level.FAIL), ("x", Level.FAIL)],
    ),
    "settings": (site_lines.settings, [("site.toml", Level.OK)]),
    "identity": (
        site_lines.identity,
        [
            (Identity("north-1", "cafe", True), Level.OK),
            (Identity("north-1", "cafe", False), Level.FAIL),
        ],
    ),
    "ledger": (
        site_lines.ledger,
        [
            (LedgerAge(9, NOW - 60, NOW, **AGES), Level.OK),
            (LedgerAge(9, NOW - 2 * HOUR, NOW, **AGES), Level.WARN),
            (LedgerAge(9, NOW - 20 * DAY, NOW, **AGES), Level.FAIL),
            (LedgerAge(9, NOW - 60, 0, **AGES), Level.WARN),
            (LedgerAge(0, 0, NOW, **AGES), Level.FAIL),
        ],
    ),
    "peers": (
        site_lines.peers,
        [
            (Peers(True, [("a", "here")]), Level.OK),
            (Peers(True, []), Level.OK),
            (Peers(True, [("a", "here"), ("b", "away")]), Level.WARN),
            (Peers(True, [("a", "misbehaved")]), Level.FAIL),
            (Peers(False, []), Level.WARN),
        ],
    ),
}
"""part -> its judgement, and what it says of each finding."""

EVERY = [(name, judge, *case) for name, (judge, cases) in CASES.items() for case in cases]
NOT_HAD = [name for name in CASES if name not in ("clock", "chip", "versions", "first_boot")]


@pytest.mark.parametrize(
    ("name", "judge", "found", "level"), EVERY, ids=[f"{one[0]}-{one[3].name}" for one in EVERY]
)
def test_each_finding_has_its_level(name, judge, found, level):
    assert judge(found).level is level


@pytest.mark.parametrize("name", NOT_HAD)
def test_what_could_not_be_had_fails_with_its_step_and_what_is_not_here_does_not(name):
    judge, _ = CASES[name]

    fault, missing = judge(Fault("it is broken", "mend it")), judge(Missing("there is none"))

    assert fault[1:] == (Level.FAIL, "it is broken", "mend it")
    assert missing[1:] == (Level.ABSENT, "there is none", "")


@pytest.mark.parametrize(("is_on", "says"), [(True, "after 10 min"), (False, "off, to change")])
@pytest.mark.parametrize(("named", "told"), [("", "names none; "), ("0.1.1-9", "names 0.1.1-9; ")])
def test_a_box_says_which_update_the_ledger_names_and_whether_it_is_installed(
    is_on, says, named, told
):
    line = update_lines.automatic(is_on, 10, named)

    assert (line.level, says in line.found, told in line.found) == (Level.OK, True, True)
    assert update_lines.automatic(is_on, 10, Missing("no box")).level is Level.ABSENT


@pytest.mark.parametrize("name", device_lines.INPUTS)
@pytest.mark.parametrize("is_active", [True, False])
def test_each_input_has_a_line_of_its_own(name, is_active):
    found = {line.part: line for line in device_lines.inputs({name: is_active})}

    assert list(found) == list(device_lines.INPUTS)
    worse = {"tamper": Level.FAIL, "fire": Level.FAIL}.get(name, Level.WARN)
    assert found.pop(name).level is (worse if is_active else Level.OK)
    assert {line.found for line in found.values()} == {"not wired"}


def test_inputs_that_are_not_here_or_broken():
    absent = device_lines.inputs(Missing("no inputs"))
    (broken,) = device_lines.inputs(Fault("cut", "mend it"))

    assert {line.found for line in absent} == {"no inputs"}
    assert broken == Line("inputs", Level.FAIL, "cut", "mend it")


def findings():
    """Anything that a probe of each part can find."""
    number = st.integers(0, 2**62)
    real = st.floats(0, 1e9)
    word = st.text("abc", min_size=1, max_size=4)
    share = st.floats(0, 1)
    picture = st.builds(Picture, number, number, st.floats(0, 255), share, share, real)
    yield device_lines.camera, picture
    yield device_lines.relay, st.builds(RelayState, st.booleans(), number, number)
    yield (
        machine_lines.clock,
        st.builds(Clock, word, st.sampled_from([0, 1, 2]), st.booleans(), number),
    )
    yield machine_lines.commits, st.builds(Commits, number, real)
    yield (
        machine_lines.disk,
        st.builds(Disk, word, st.booleans(), number, st.none() | st.integers(0, 100)),
    )
    yield machine_lines.space, st.builds(Space, number, number)
    yield machine_lines.heat, st.floats(-50, 200)
    yield machine_lines.power, st.builds(Power, *[st.booleans()] * 4)
    states = st.sampled_from(["active", "failed", "inactive", "activating", "unknown"])
    unit = st.builds(Unit, word, states, word, number)
    yield lambda found: machine_lines.unit(found, "yardpass-gate"), unit
    yield machine_lines.failed, st.lists(word, max_size=3).map(tuple)
    yield site_lines.ledger, st.builds(LedgerAge, *[number] * 6)
    peer = st.tuples(word, st.sampled_from(["here", "away", "connecting", "misbehaved"]))
    yield site_lines.peers, st.builds(Peers, st.booleans(), st.lists(peer, max_size=3))
    yield site_lines.identity, st.builds(Identity, word, word, st.booleans())
    both = st.booleans()
    yield update_lines.slots, st.builds(Slots, word, word, both, word, both, word, number)
    state = st.sampled_from(State)
    yield update_lines.update, st.none() | st.builds(Outcome, word, word, state, number, word)


@given(st.data())
def test_whatever_is_found_a_line_that_is_not_well_says_what_to_do_and_one_that_is_does_not(data):
    judge, strategy = data.draw(st.sampled_from(list(findings())))

    line = judge(data.draw(strategy))

    assert line.part
    assert line.found
    assert (line.level in (Level.WARN, Level.FAIL)) == bool(line.step)
    assert "\n" not in lines.text(line)


def test_no_line_without_a_step_can_be_made_for_what_is_not_well():
    for make in (lines.warn, lines.fail):
        with pytest.raises(ValueError, match="says not what to do"):
            make("part", "found", "")


def test_every_judgement_is_examined_here():
    modules = (device_lines, machine_lines, site_lines, update_lines)
    judges = {
        name
        for module in modules
        for name, one in vars(module).items()
        if inspect.isfunction(one)
        and one.__module__ == module.__name__
        and not name.startswith("_")
    }

    without_cases = {"inputs", "at_work", "decision", "simulated_relay", "spoken", "automatic"}
    assert judges - set(CASES) == without_cases


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("it is broken; mend it", Fault("it is broken", "mend it")),
        ("a; b; c", Fault("a; b", "c")),
        ("it is broken", Fault("it is broken", "call somebody")),
    ],
)
def test_the_step_of_an_error_is_what_follows_its_last_semicolon(error, fault):
    assert lines.fault_of(OSError(error), "call somebody") == fault


def test_a_line_as_text_and_as_a_document():
    bad, good = lines.warn("disk", "old", "buy one"), lines.ok("clock", "runs")

    assert lines.text(bad) == "WARN     disk                   old; buy one"
    assert lines.text(good) == "OK       clock                  runs"
    assert lines.document(bad) == {
        "part": "disk",
        "level": "WARN",
        "found": "old",
        "step": "buy one",
    }
    assert lines.is_well([good, bad, lines.absent("fire", "not wired")])
    assert not lines.is_well([good, lines.fail("disk", "full", "empty it")])


def test_a_relay_that_moves_nothing_is_told_and_so_is_the_grade_of_a_clock():
    assert device_lines.simulated_relay().level is Level.WARN
    assert list(Grade) == [machine_lines.GOOD, machine_lines.FAIR, machine_lines.POOR]
    assert machine_lines.LEAST_FREE == RESERVED_BYTES
    assert issubclass(Level, Enum)


@pytest.mark.parametrize(
    ("seconds", "said"), [(120, "2 min"), (7_300, "2 h"), (3 * DAY, "3 days")]
)
def test_ages_are_said_in_words(seconds, said):
    assert site_lines.spoken(seconds) == said
