"""The line to the emulator, tried with QEMU itself, stopped before its first step."""

import shutil
import subprocess

import pytest
from workshop.monitor import Monitor

from ledger_sync.errors import Unavailable

QEMU = shutil.which("qemu-system-x86_64")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(QEMU is None, reason="qemu-system-x86_64 is not here"),
]


@pytest.fixture
def emulator(tmp_path):
    """A machine that stands still, and the path of its line."""
    path = tmp_path / "monitor"
    command = [QEMU, "-M", "q35", "-m", "64", "-display", "none", "-nic", "none", "-S"]
    with subprocess.Popen([*command, "-qmp", f"unix:{path},server,nowait"]) as running:
        yield path, running
        running.kill()


def test_it_reads_the_memory_of_a_machine_that_stands_still(emulator):
    with Monitor(emulator[0]) as line:
        assert line.ask("query-status")["running"] is False
        reset = line.word(0xFFFF_FFF0)
        assert reset & 0xFF in (
            0xEA,
            0xE9,
        )  # the firmware begins with a jump: Intel SDM 3A, 10.1.4
        assert line.word(0xFFFF_FFF0) == reset


def test_it_says_what_the_emulator_refuses(emulator):
    with Monitor(emulator[0]) as line, pytest.raises(Unavailable, match="refuses no-such-command"):
        line.ask("no-such-command")


def test_it_says_when_the_emulator_is_gone(emulator):
    path, running = emulator
    with Monitor(path) as line:
        running.kill()
        running.wait()
        with pytest.raises(Unavailable, match="emulator"):
            for _ in range(3):
                line.word(0)


def test_it_gives_up_where_no_emulator_listens(tmp_path):
    waited = []
    with pytest.raises(Unavailable, match="opens no"):
        Monitor(tmp_path / "nothing", sleep=waited.append)
    assert waited == [0.05] * 200
