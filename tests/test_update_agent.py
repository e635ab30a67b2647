"""What `yardpass update` does on a box, with RAUC and systemd played by the test."""

import errno
import json
import os
from dataclasses import replace
from functools import partial

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from appliance.commands import update as commands
from appliance.commands import update_box
from appliance.update import agent as agents
from appliance.update import autoboot, gate, health, programs
from appliance.update.agent import Agent
from appliance.update.box import Box
from appliance.update.bundle import Offered, offered_of
from appliance.update.counter import Counter
from appliance.update.outcome import State
from ledger_sync.errors import Refused, Unavailable

KIND = "yardpass-sim-amd64"
OLD, NEW = "0.1.0-1795305600", "0.1.0-1795305601"


class Machine:
    """A box in a folder, whose programs answer as told and are written down."""

    def __init__(self, folder, *, trial=False):
        (folder / "autoboot.txt").write_bytes(autoboot.text_of("a"))
        (folder / "counter").write_bytes(Counter("a", 2).to_bytes())
        running = 3 if trial else 2
        told = f"quiet yardpass.partition={running} yardpass.tryboot={int(trial)}\n"
        (folder / "cmdline").write_text(told)
        (folder / "os-release").write_text(f"IMAGE_ID={KIND}\nIMAGE_VERSION={OLD}\n")
        for name in ("system_a", "system_b", "boot_a", "boot_b"):
            (folder / name).write_bytes(b"full" * 1_000_000)
        self.folder, self.called, self.answers = folder, [], {}
        self.is_open = False
        self.asked, self.fails = [], {}
        self.box = Box(
            choice=folder / "autoboot.txt",
            counter=folder / "counter",
            firmware=folder / "firmware",
            cmdline=folder / "cmdline",
            release=folder / "os-release",
            data=folder,
            slots=folder,
        )
        asks = (partial(self.ask, "gate"), partial(self.ask, "relay"))
        self.agent = Agent(self.box, self.run, lambda: self.is_open, *asks)

    def ask(self, process, settings):
        self.asked.append((process, settings.name))
        if process in self.fails:
            raise self.fails[process]

    def run(self, command, **_):
        self.called.append(" ".join(command))
        for words, answer in self.answers.items():
            if words in self.called[-1]:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return ""

    def offer(self, version, compatible=KIND):
        bundle = self.folder / "bundle"
        bundle.write_bytes(b"bundle")
        told = json.dumps({"compatible": compatible, "version": version})
        self.answers["rauc info"] = told
        return bundle


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setattr(programs, "run", made.run)
    monkeypatch.setattr(agents.time, "sleep", lambda _: None)
    return made


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """A box that tries slot b."""
    made = Machine(tmp_path, trial=True)
    monkeypatch.setattr(programs, "run", made.run)
    monkeypatch.setattr(agents.time, "sleep", lambda _: None)
    return made


def test_an_update_is_written_and_tried_and_nothing_is_chosen_yet(machine):
    assert machine.agent.install(machine.offer(NEW)).version == NEW
    machine.agent.try_other()

    assert machine.called[-3:] == [
        "/usr/bin/systemctl start rauc.service",
        f"/usr/bin/rauc install {machine.folder}/bundle",
        "/usr/bin/systemctl reboot --reboot-argument=0 tryboot",
    ]
    assert machine.box.chosen() == "a"


@pytest.mark.parametrize("version", [OLD, "0.0.9-1", "soon"])
def test_what_is_not_newer_is_never_given_to_rauc(machine, version):
    with pytest.raises(Refused):
        machine.agent.install(machine.offer(version))

    assert not any("rauc install" in one for one in machine.called)


def test_a_bundle_of_another_key_is_not_even_compared(machine):
    bundle = machine.offer(NEW)
    machine.answers["rauc info"] = Unavailable("rauc failed: signature verification failed")

    with pytest.raises(Unavailable, match="signature"):
        machine.agent.install(bundle)
    with pytest.raises(Unavailable, match="no bundle at"):
        machine.agent.install(machine.folder / "none")


def test_nothing_is_changed_while_the_gate_is_open(machine):
    machine.is_open = True

    for change in (
        lambda: machine.agent.install(machine.offer(NEW)),
        machine.agent.try_other,
        machine.agent.revert,
        machine.agent.factory_reset,
    ):
        with pytest.raises(Unavailable, match="gate is open"):
            change()
    assert not any("reboot" in one or "install" in one for one in machine.called)
    assert machine.box.chosen() == "a"
    assert not (machine.folder / "factory-reset").exists()


def test_an_open_gate_is_waited_for_as_long_as_was_said(machine, monkeypatch):
    waited = []
    machine.is_open = True
    monkeypatch.setattr(agents.time, "sleep", waited.append)

    with pytest.raises(Unavailable, match="gate is open"):
        replace(machine.agent, wait_seconds=3).install(machine.offer(NEW))

    assert waited == [1, 1, 1]


def test_nothing_is_installed_that_no_trial_could_find_well(machine, monkeypatch):
    fault = f"{health.FULL} /persistent takes no write (No space left on device)"
    monkeypatch.setattr(health, "disk_faults", lambda _: iter([fault]))

    with pytest.raises(Unavailable, match="nothing is installed: disk full"):
        machine.agent.install(machine.offer(NEW))

    assert not any("rauc install" in one for one in machine.called)


def test_what_rauc_says_is_its_reason_without_its_progress(machine):
    said = "rauc failed: 45% Copying\nLastError: Failed to copy data\nidle\nInstalling failed"
    machine.answers["rauc install"] = Unavailable(said)

    with pytest.raises(Unavailable, match=r"^rauc failed: Failed to copy data$"):
        machine.agent.install(machine.offer(NEW))
    machine.answers["rauc install"] = Unavailable("cannot run rauc: no such file")
    with pytest.raises(Unavailable, match="no such file"):
        machine.agent.install(machine.offer(NEW))


def test_where_rauc_s_service_cannot_be_started_first_its_own_call_starts_it(machine):
    machine.answers["start rauc"] = Unavailable("systemctl failed: no permission")

    machine.agent.install(machine.offer(NEW))

    assert f"/usr/bin/rauc install {machine.folder}/bundle" in machine.called


def test_a_slot_that_was_half_written_is_never_gone_back_to(machine):
    machine.answers["rauc install"] = Unavailable("rauc failed: a block is not what it was")
    with pytest.raises(Unavailable):
        machine.agent.install(machine.offer(NEW))

    with pytest.raises(Refused, match="prevented"):
        machine.agent.revert()
    with pytest.raises(Refused, match="not whole"):
        machine.agent.try_other()


def test_a_slot_that_is_well_is_kept_and_its_starts_are_forgotten(trial):
    assert trial.agent.validate() == "b"

    assert trial.box.chosen() == "b"
    assert trial.box.starts() == Counter("b", 0)


def test_going_back_chooses_the_other_slot_and_restarts(machine):
    assert machine.agent.revert() == "b"

    assert machine.box.chosen() == "b"
    assert machine.called == ["/usr/bin/systemctl reboot"]


def test_who_prevents_going_back_empties_the_other_slot(machine):
    assert machine.agent.prevent_revert() == "b"

    for name in ("system_b", "boot_b"):
        assert (machine.folder / name).read_bytes()[: 1 << 20] == bytes(1 << 20)
    assert (machine.folder / "system_a").read_bytes()[:4] == b"full"
    with pytest.raises(Refused, match="prevented"):
        machine.agent.revert()


def test_a_slot_on_trial_is_not_emptied_away_from_under_the_one_that_works(trial):
    with pytest.raises(Refused, match="on trial"):
        trial.agent.prevent_revert()
    with pytest.raises(Refused, match="on trial"):
        trial.agent.install(trial.offer(NEW))


def test_rauc_is_answered_in_its_own_words(machine):
    agent = machine.agent

    assert list(agent.backend(("get-primary",))) == ["A"]
    assert list(agent.backend(("get-current",))) == ["A"]
    assert list(agent.backend(("set-state", "B", "bad"))) == []
    assert list(agent.backend(("get-state", "B"))) == ["bad"]
    assert list(agent.backend(("set-state", "B", "good"))) == []
    assert list(agent.backend(("get-state", "B"))) == ["good"]
    assert list(agent.backend(("set-primary", "B"))) == []
    assert machine.box.chosen() == "a"


@pytest.mark.parametrize("words", [(), ("get-state", "C"), ("set-state", "A", "ugly"), ("x",)])
def test_what_rauc_never_asks_is_refused(machine, words):
    with pytest.raises(Refused):
        list(machine.agent.backend(words))


@given(st.text(max_size=60))
def test_whatever_rauc_tells_is_an_offer_or_is_refused(told):
    # Invariant: offered_of returns two texts, or raises Refused.
    try:
        found = offered_of(told)
    except Refused:
        return

    assert isinstance(found, Offered)


@pytest.mark.parametrize(
    "told", ["", "[]", "{}", '{"compatible": 1, "version": "1"}', '{"compatible": "a"}', "null"]
)
def test_an_offer_without_a_version_is_refused(told):
    with pytest.raises(Refused):
        offered_of(told)


# Health.


def site_of(folder):
    site = folder / "site"
    site.mkdir()
    (site / "site.toml").touch()
    return site


def faults(machine, site=None):
    asks = (machine.agent.ask_relay, machine.agent.ask_gate)
    site = site or site_of(machine.folder)
    return list(health.faults(machine.run, *asks, data=machine.folder, site=site))


def test_a_box_is_well_when_it_writes_runs_answers_and_refuses(machine):
    assert faults(machine) == []
    assert sum("is-active" in one for one in machine.called) == 3
    assert machine.asked == [("relay", "site.toml"), ("gate", "site.toml")]


@pytest.mark.parametrize("unit", health.UNITS)
def test_a_service_that_is_down_is_told(machine, unit):
    machine.answers[unit] = Unavailable("exit 3")

    assert faults(machine) == [f"{unit}: exit 3"]


@pytest.mark.parametrize(("process", "what"), [("relay", "relay"), ("gate", "decision")])
@pytest.mark.parametrize("error", [Unavailable("nobody answers"), Refused("no settings")])
def test_a_process_that_does_not_answer_as_it_must_is_told(machine, process, what, error):
    machine.fails[process] = error

    assert faults(machine) == [f"{what}: {error}"]


def test_a_disk_that_takes_no_write_is_told(machine):
    [fault] = health.disk_faults(machine.folder / "none")

    assert "takes no write" in fault


@pytest.mark.parametrize(("number", "is_full"), [(errno.ENOSPC, True), (errno.EROFS, False)])
def test_a_full_disk_is_told_apart_from_one_that_is_broken(machine, monkeypatch, number, is_full):
    def refused(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(health.os, "fsync", refused)

    [fault] = health.disk_faults(machine.folder)

    assert fault.startswith(health.FULL) == is_full
    assert "yardpass doctor" in fault


def test_a_box_that_is_no_terminal_yet_is_well(machine):
    assert faults(machine, machine.folder / "none") == []
    assert machine.called == machine.asked == []


def test_a_trial_without_its_data_partition_ends_at_once(trial):
    trial.agent = replace(trial.agent, box=replace(trial.box, data=trial.folder / "none"))

    [fault] = trial.agent.check(lambda: pytest.fail("nothing is waited for"))

    assert "takes no write" in fault


def test_a_trial_is_looked_at_again_until_its_time_is_over(trial, monkeypatch):
    moments = iter([0.0, 1.0, 2.0, agents.HEALTH_SECONDS + 1])
    monkeypatch.setattr(health, "faults", lambda *_, **__: iter(["gate: it does not run"]))

    assert trial.agent.check(lambda: next(moments)) == ["gate: it does not run"]
    assert next(moments, None) is None


def test_a_relay_that_does_not_answer_holds_up_no_update(tmp_path):
    settings = tmp_path / "site.toml"
    found = [gate.is_open(settings)]
    settings.write_text("[relay]\nsocket = 'none.sock'\n[relayd]\npin = 17\n")
    found.append(gate.is_open(settings))

    assert found == [False, False]


# The commands.


@pytest.fixture
def command(machine, monkeypatch):
    monkeypatch.setattr(update_box, "agent", lambda: machine.agent)
    return lambda *words: CliRunner().invoke(commands.update, words, catch_exceptions=False)


def test_the_status_says_what_runs_and_what_is_next(command):
    assert command("status").stdout == (
        f"slot a runs {OLD}\nit is kept; an update goes to slot b\n"
    )
    assert json.loads(command("status", "--json").stdout)["starts"] == 2


def test_a_healthy_box_keeps_its_slot_at_every_start(command, machine):
    done = command("health")

    assert (done.exit_code, done.stdout) == (0, "well: slot a is kept\n")
    assert machine.box.starts() == Counter("a", 0)


def test_a_slot_that_the_initrd_gave_up_is_told_once_and_never_gone_back_to(command, machine):
    machine.box.set_starts(Counter("a", 1, "b"))

    first, again = command("health"), command("health")

    sentence = "slot b did not start, or was never found well, and was given up for this one"
    assert (first.exit_code, sentence in first.stdout) == (0, True)
    assert again.stdout == "well: slot a is kept\n"
    assert machine.box.starts() == Counter("a", 0)
    assert (machine.agent.last().state, machine.agent.last().sentence) == (
        State.GIVEN_UP,
        sentence,
    )
    with pytest.raises(Refused, match="install an update"):
        machine.agent.revert()
    machine.agent.install(machine.offer(NEW))
    assert machine.agent.last().state is State.WRITTEN


def test_a_disk_that_takes_no_write_leaves_what_the_initrd_did_for_the_next_start(
    command, machine
):
    machine.box.set_starts(Counter("a", 1, "b"))
    (machine.folder / ".slot-b-is-bad").mkdir()  # where the mark would be

    assert command("health").exit_code == 0
    assert machine.box.starts() == Counter("a", 0, "b")


def test_a_trial_that_fails_ends_in_a_restart(trial, monkeypatch):
    monkeypatch.setattr(update_box, "agent", lambda: trial.agent)
    monkeypatch.setattr(health, "faults", lambda *_, **__: iter(["disk: full"]))
    monkeypatch.setattr(agents, "HEALTH_SECONDS", -1.0)

    done = CliRunner().invoke(commands.update, ["health"])

    assert done.exit_code == 1
    assert "disk: full" in done.stderr
    assert trial.called == ["/usr/bin/systemctl reboot"]
    assert trial.box.chosen() == "a"
    assert trial.box.starts() == Counter("a", 2)


def test_a_trial_that_failed_ends_when_the_gate_is_closed_and_not_before(trial, monkeypatch):
    seen = []

    def pass_time(_):
        seen.append(list(trial.called))
        trial.is_open = len(seen) < 500

    trial.is_open = True
    monkeypatch.setattr(agents.time, "sleep", pass_time)

    trial.agent.end_trial()

    assert seen == [[]] * 500
    assert trial.called == ["/usr/bin/systemctl reboot"]


@pytest.mark.parametrize(("what", "starts"), [(health.FULL, 0), ("disk:", 2)])
def test_a_kept_slot_is_not_given_up_for_a_full_disk(command, machine, monkeypatch, what, starts):
    monkeypatch.setattr(health, "disk_faults", lambda _: iter([f"{what} no write"]))

    done = command("health")

    assert done.exit_code == 1
    assert f"{what} no write" in done.stderr
    assert machine.box.starts() == Counter("a", starts)
    assert machine.called == []


def test_a_box_is_made_new_only_after_a_question(command, machine):
    assert command("factory-reset").exit_code == 1
    assert not (machine.folder / "factory-reset").exists()

    command("factory-reset", "--yes")

    assert (machine.folder / "factory-reset").exists()
    assert machine.called == ["/usr/bin/systemctl reboot"]


def test_an_update_may_wait_for_another_time(command, machine):
    bundle = machine.offer(NEW)

    done = command("install", str(bundle), "--no-restart")

    assert "next: yardpass update try" in done.stdout
    assert not any("reboot" in one for one in machine.called)
