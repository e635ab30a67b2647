"""The launcher `./yardpass`, run for real on a machine of stand-ins: no network, root or pip.

`Machine.path` holds every program the launcher may find. What a stand-in python3, apt-get or pip
does is decided by files in `Machine.state`, and each of their calls is a line in `Machine.calls`.
"""

import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
APT_LINE = "+ apt-get install -y --no-install-recommends python3-venv libzbar0"
REAL_TOOLS = (
    *("sh", "cat", "cksum", "cp", "dirname", "env", "find", "flock", "head", "ln", "ls"),
    *("mkdir", "readlink", "rm", "sync", "touch", "true"),
)

PYTHON3 = """\
echo "python3 $*" >>"$STATE/calls"
case "$*" in
    *version_info*) [ ! -e "$STATE/too-old" ] ;;
    --version) echo "Python 3.9.2" ;;
    *ensurepip*) [ -e "$STATE/has-venv" ] ;;
    *zbar*) [ -e "$STATE/has-zbar" ] ;;
    "-m venv "*)
        for folder; do :; done
        mkdir -p "$folder/bin"
        touch "$folder/pyvenv.cfg"
        ln -s "$STATE/python3.11" "$folder/bin/python" ;;
    *) exit 1 ;;
esac
"""
VENV_PYTHON = """\
echo "venv $*" >>"$STATE/calls"
case "$*" in
    "-m pip install "*)
        echo "noise of pip"
        [ ! -e "$STATE/pip-is-killed" ] || { rm "$STATE/pip-is-killed"; kill -9 $PPID; exit 1; }
        [ ! -e "$STATE/pip-fails" ] || exit 1
        cp "$STATE/command" "${0%/*}/yardpass" ;;
    "-m pytest"*) echo "tests in $PWD: $*" ;;
esac
"""
COMMAND = """\
echo "{'cwd': '$PWD', 'arguments': '$*', 'safe': '$PYTHONSAFEPATH'}"
"""
APT_GET = """\
echo "apt-get $*" >>"$STATE/calls"
echo "noise of apt"
case $1 in
    update) touch "$STATE/lists" ;;
    install) [ -e "$STATE/lists" ] && touch "$STATE/has-venv" "$STATE/has-zbar" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A checkout with the launcher, and the programs on the machine it runs on."""

    root: Path

    @property
    def checkout(self) -> Path:
        return self.root / "checkout"

    @property
    def path(self) -> Path:
        return self.root / "bin"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "yardpass.stamp"

    @property
    def calls(self) -> list[str]:
        """Every call of a stand-in since the last look, which this is."""
        log = self.state / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def program(self, name: str, body: str, folder: Path | None = None) -> None:
        program = (folder or self.path) / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{body}")
        program.chmod(0o755)

    def set(self, *facts: str) -> None:
        for fact in facts:
            (self.state / fact).touch()

    def unset(self, *facts: str) -> None:
        for fact in facts:
            (self.state / fact).unlink()

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.path), "HOME": str(self.root), "STATE": str(self.state)} | extra

    def start(
        self, *arguments: str, cwd: Path | None = None, launcher: Path | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [launcher or self.checkout / "yardpass", *arguments],
            cwd=cwd or self.checkout,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine with python3 and neither python3-venv nor libzbar0, its user an ordinary one."""
    machine = Machine(tmp_path.resolve())
    for folder in (machine.checkout, machine.path, machine.state):
        folder.mkdir()
    shutil.copy(CHECKOUT / "yardpass", machine.checkout)
    (machine.checkout / "pyproject.toml").write_text("[project]\n")
    for tool in REAL_TOOLS:
        found = shutil.which(tool, path="/usr/bin:/bin")
        assert found, f"{tool} is part of every Debian"
        (machine.path / tool).symlink_to(found)
    machine.program("python3", PYTHON3)
    machine.program("python3.11", VENV_PYTHON, machine.state)
    machine.program("command", COMMAND, machine.state)
    machine.program("apt-get", APT_GET)
    machine.program("sudo", "exit 1\n")
    machine.program("id", "echo 1000\n")
    return machine


@pytest.fixture
def ready(bare: Machine) -> Machine:
    """A machine where the packages are there; nothing was started yet."""
    bare.set("has-venv", "has-zbar")
    return bare


@pytest.fixture
def installed(ready: Machine) -> Machine:
    """A machine after a first start, its calls forgotten."""
    assert ready.start("demo").returncode == 0
    assert ready.calls
    return ready


def pip_calls(calls: list[str]) -> list[str]:
    return [call for call in calls if " pip install " in call]


def venv_calls(calls: list[str]) -> list[str]:
    return [call for call in calls if call.startswith("python3 -m venv")]


@pytest.mark.parametrize("script", ["yardpass", ".ci/run", ".ci/bare-debian"])
def test_each_script_parses_is_executable_and_names_no_host(script: str) -> None:
    file = CHECKOUT / script
    shell = file.read_text().splitlines()[0].removeprefix("#!").split("/")[-1].split()[-1]

    parsed = subprocess.run([shell, "-n", file], capture_output=True, text=True, check=False)

    assert (parsed.returncode, parsed.stderr) == (0, "")
    assert os.access(file, os.X_OK)
    assert not re.search(r"https?://", file.read_text())


def test_without_root_the_apt_line_is_printed_first_and_the_exit_is_1(bare: Machine) -> None:
    ended = bare.start("demo")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0] == APT_LINE
    assert "as root" in ended.stderr
    assert ended.stdout == ""
    assert not [call for call in bare.calls if call.startswith("apt-get")]


def test_only_the_missing_package_is_named(bare: Machine) -> None:
    bare.set("has-venv")

    ended = bare.start("demo")

    assert ended.stderr.splitlines()[0] == APT_LINE.replace("python3-venv ", "")


def test_root_gets_the_packages_after_the_lists_are_refreshed(bare: Machine) -> None:
    bare.program("id", "echo 0\n")

    ended = bare.start("demo", "--json")

    install = "apt-get install -y --no-install-recommends python3-venv libzbar0"
    assert [call for call in bare.calls if call.startswith("apt-get")] == [
        install,
        "apt-get update",
        install,
    ]
    assert ended.returncode == 0
    assert "noise" not in ended.stdout


def test_sudo_without_a_password_is_used(bare: Machine) -> None:
    bare.set("lists")
    bare.program("sudo", '[ "$1" = -n ] && shift\necho "sudo $*" >>"$STATE/calls"\nexec "$@"\n')

    ended = bare.start("demo")

    assert ended.returncode == 0
    assert [call for call in bare.calls if call.startswith("sudo env")]


def test_packages_that_apt_cannot_bring_end_the_start(bare: Machine) -> None:
    bare.program("id", "echo 0\n")
    bare.program("apt-get", 'echo "E: no such package" >&2\nexit 100\n')

    ended = bare.start("demo")

    assert ended.returncode == 1
    assert ended.stderr.count("E: no such package") == 2  # of the update and the second try
    assert not bare.stamp.exists()


def test_python_that_is_too_old_is_named_with_its_version(ready: Machine) -> None:
    ready.set("too-old")

    ended = ready.start("demo")

    assert ended.returncode == 1
    assert "Python 3.9.2" in ended.stderr
    assert "3.11 or newer" in ended.stderr


def test_python_that_is_missing_is_said_in_a_sentence(ready: Machine) -> None:
    (ready.path / "python3").unlink()

    ended = ready.start("demo")

    assert ended.returncode == 1
    assert "python3 is not installed" in ended.stderr


def test_a_first_start_says_so_on_stderr_and_keeps_stdout_for_the_command(ready: Machine) -> None:
    ended = ready.start("demo", "--json")

    assert ended.returncode == 0
    assert "first start: installing into .venv" in ended.stderr
    assert ended.stdout.splitlines() == [
        f"{{'cwd': '{ready.checkout}', 'arguments': 'demo --json', 'safe': '1'}}"
    ]


def test_a_second_start_calls_neither_pip_nor_the_system_python(installed: Machine) -> None:
    installed.set("pip-fails")
    (installed.path / "python3").unlink()

    ended = installed.start("demo")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert installed.calls == []


def test_tests_run_in_the_checkout_wherever_they_are_started(installed: Machine) -> None:
    elsewhere = installed.root / "elsewhere"
    elsewhere.mkdir()

    ended = installed.start("test", "-k", "gate", cwd=elsewhere)

    asked = "-m pytest --numprocesses auto -k gate"
    assert ended.stdout == f"tests in {installed.checkout}: {asked}\n"


def test_a_command_through_a_link_runs_where_the_user_stands(installed: Machine) -> None:
    elsewhere = installed.root / "else where"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(installed.checkout / "yardpass")
    (elsewhere / "link to link").symlink_to("link")

    ended = installed.start("check", "a.png", cwd=elsewhere, launcher=elsewhere / "link to link")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"'cwd': '{elsewhere}', 'arguments': 'check a.png'" in ended.stdout


def test_a_failed_install_is_tried_again_at_the_next_start(ready: Machine) -> None:
    ready.set("pip-fails")
    failed = ready.start("demo")
    ready.unset("pip-fails")

    healed = ready.start("demo")

    assert (failed.returncode, failed.stdout) == (1, "")
    assert "pip failed" in failed.stderr
    assert healed.returncode == 0
    assert ready.start("demo").stderr == ""


def test_an_install_that_was_killed_is_made_anew_and_leaves_no_lock(ready: Machine) -> None:
    ready.set("pip-is-killed")
    assert ready.start("demo").returncode != 0
    half = ready.venv / "half-written"
    half.touch()

    healed = ready.start("demo")

    assert healed.returncode == 0
    assert "waiting" not in healed.stderr
    assert not half.exists()


def test_a_changed_pyproject_is_installed_into_the_same_environment(installed: Machine) -> None:
    (installed.checkout / "pyproject.toml").write_text("[project]\nversion = '2'\n")

    ended = installed.start("demo")

    calls = installed.calls
    assert ended.returncode == 0
    assert len(pip_calls(calls)) == 1
    assert venv_calls(calls) == []


def test_a_moved_checkout_gets_a_new_environment(installed: Machine) -> None:
    moved = installed.root / "moved"
    installed.checkout.rename(moved)

    ended = installed.start("demo", cwd=moved, launcher=moved / "yardpass")

    assert ended.returncode == 0
    (venv,) = venv_calls(installed.calls)
    assert venv.endswith(f" {moved}/.venv")


def test_another_python_version_gets_a_new_environment(installed: Machine) -> None:
    (installed.state / "python3.11").rename(installed.state / "python3.13")
    (installed.venv / "bin" / "python").unlink()
    (installed.venv / "bin" / "python").symlink_to(installed.state / "python3.13")
    installed.program("python3.11", VENV_PYTHON, installed.state)

    ended = installed.start("demo")

    assert ended.returncode == 0
    assert len(venv_calls(installed.calls)) == 1


def test_an_environment_made_by_hand_is_kept(installed: Machine) -> None:
    installed.stamp.unlink()
    tool = installed.venv / "bin" / "own-tool"
    tool.touch()

    ended = installed.start("demo")

    assert ended.returncode == 0
    assert tool.exists()
    assert installed.stamp.exists()


def test_a_folder_of_other_things_is_refused_and_left_alone(ready: Machine) -> None:
    precious = ready.root / "home" / "precious"
    precious.parent.mkdir()
    precious.touch()

    ended = ready.start("demo", YARDPASS_VENV=str(precious.parent))

    assert ended.returncode == 1
    assert "holds other things" in ended.stderr
    assert [*precious.parent.iterdir()] == [precious]


def test_a_place_that_cannot_be_written_is_named_with_the_way_out(ready: Machine) -> None:
    ended = ready.start("demo", YARDPASS_VENV="/proc/yardpass")

    assert ended.returncode == 1
    assert "cannot write /proc/yardpass" in ended.stderr
    assert "YARDPASS_VENV=" in ended.stderr


def test_another_place_is_used_when_named_even_relative_to_the_user(ready: Machine) -> None:
    elsewhere = ready.root / "elsewhere"
    elsewhere.mkdir()

    ended = ready.start("demo", cwd=elsewhere, YARDPASS_VENV="own")

    assert ended.returncode == 0
    assert (elsewhere / "own" / "yardpass.stamp").exists()
    assert not ready.venv.exists()


def test_a_start_beside_a_first_start_waits_and_installs_nothing(installed: Machine) -> None:
    stamp = installed.stamp.read_text()
    installed.stamp.write_text("begun\n")  # as the first start leaves it while pip works
    lock = os.open(installed.checkout, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    second = subprocess.Popen(
        [installed.checkout / "yardpass", "demo"],
        env=installed.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with second:
        assert second.stderr is not None
        assert "waiting" in second.stderr.readline()

        installed.stamp.write_text(stamp)
        os.close(lock)
        stdout, stderr = second.communicate(timeout=20)

    assert (second.returncode, stderr) == (0, "")
    assert "'arguments': 'demo'" in stdout
    assert pip_calls(installed.calls) == []
