"""A gate on a disk that is full to its last block, a real filesystem: it starts, and decides."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 160 << 20
PROGRAMS = ("mke2fs", "mount", "umount")
YARDPASS = Path(sys.executable).with_name("yardpass")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
    pytest.mark.skipif(
        not all(shutil.which(one) for one in PROGRAMS), reason=f"{PROGRAMS} are not all here"
    ),
]


def run(*words, cwd=None):
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def disk(tmp_path):
    image, place = tmp_path / "disk", tmp_path / "mounted"
    image.touch()
    os.truncate(image, SIZE)
    place.mkdir()
    run("mke2fs", "-q", "-F", image)
    run("mount", "-o", "loop", image, place)
    yield place
    run("umount", place)


@pytest.fixture
def home(disk, tmp_path):
    """A terminal that leads out, on the disk, with a printed pass before its camera."""
    home, out = disk / "home", ("--direction", "out", "--camera", "files", "--relay", "sim")
    for words in (
        ("office", "init", "--site", "HZ07"),
        ("office", "enrol", "Chen", "--print", "pass.png"),
        ("provision", "parcel", "--name", "north-1", "--gate", "north", *out),
        ("first-boot", "--from", "parcel", "--home", home),
        ("office", "terminal", "north-1", "--enrol", "parcel/enrolment.txt"),
        ("office", "publish", "ledger.yardpass"),
        ("ledger", "import", "ledger.yardpass", "--site", home),
    ):
        run(YARDPASS, *words, cwd=tmp_path)
    (home / "pictures").mkdir(exist_ok=True)
    shutil.copy(tmp_path / "pass.png", home / "pictures")
    return home


def fill(disk):
    """To the last block, as root may."""
    for name, piece in (("full", 1 << 20), ("rest", 512)):
        with (disk / name).open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(piece))
                except OSError:
                    break


def first_line(home, wanted):
    """What the gate says until a line with one of these words, which must come."""
    command = [YARDPASS, "gate", "--settings", home / "site.toml"]
    said = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as gate:
        for line in gate.stderr:
            said.append(line)
            if any(word in line for word in wanted):
                break
        gate.send_signal(signal.SIGTERM)
    assert any(word in said[-1] for word in wanted), said
    return said


def test_a_gate_starts_on_a_full_disk_decides_and_records(disk, home):
    verdicts = ("GREEN", "GREY")  # grey where this machine's clock is not synchronised
    first_line(home, verdicts)
    assert (home / "store" / "reserve").exists()
    fill(disk)

    said = first_line(home, verdicts)
    assert "the disk is full" in said[0]
    assert "opens" in said[-1]
    assert "NOT RECORDED" not in said[-1]
    assert "sound" in run(YARDPASS, "ledger", "fsck", "--site", home)


def test_without_what_was_kept_the_full_disk_is_told_with_the_next_step(disk, home):
    first_line(home, ("GREEN", "GREY"))
    (home / "store" / "reserve").unlink()
    fill(disk)

    said = first_line(home, ("free disk space",))
    assert "cannot be written" in said[-1]
