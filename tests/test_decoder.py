"""The decoding process: real children, killed, stopped and replaced by ones that misbehave."""

import mmap
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw import codes, decoder
from hw.codes import Effort, Scanner
from hw.decoder import DecoderChild
from hw.errors import Refused, Unavailable
from hw.sim.optics import Shot
from hw.sim.photos import Condition, photo_of, photograph, wallpaper

PAYLOAD = b"YP1:7K9%2ABF.QQ0/CC+ZZ $1XX:40-*E"
GOOD = photograph(PAYLOAD.decode(), Shot(), seed=5)
EMPTY = np.full((720, 1280), 128, np.uint8)


class Clock:
    """Monotonic ticks that move when told."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def is_gone(pid: int) -> bool:
    """Whether the process ended within ten seconds and left no zombie of ours."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], 10)[0])
    finally:
        os.close(watch)


def misbehaving(monkeypatch, code: str) -> None:
    """Replaces the program of the children to come."""
    monkeypatch.setattr(decoder, "CHILD", f"import os, sys, signal; c = int(sys.argv[2]); {code}")


@pytest.mark.long
def test_the_child_reads_what_the_engines_read_in_process():
    planes = [photo_of(PAYLOAD.decode(), condition, seed=1) for condition in Condition]
    scanner = Scanner()

    with DecoderChild(deadline_seconds=20) as child:
        assert [child.read(plane) for plane in planes] == [scanner.read(plane) for plane in planes]


@pytest.mark.long
def test_the_effort_that_is_asked_for_reaches_the_engines():
    seeds = range(20)
    planes = [photo_of(PAYLOAD.decode(), Condition.BORDERLESS, seed=seed) for seed in seeds]
    plane = next(each for each in planes if not Scanner().read(each, Effort.QUICK))

    with DecoderChild() as child:
        assert [child.read(plane, Effort.QUICK), child.read(plane)] == [[], [PAYLOAD]]


def test_text_beyond_ascii_reads_the_same_in_the_child_again_and_again():
    plane = codes._sample()
    scanner = Scanner(("zbar",))

    with DecoderChild(("zbar",)) as child:
        assert [child.read(plane) for _ in range(6)] == [scanner.read(plane)] * 6
    assert scanner.read(plane) == ["\xe9t\xe9".encode()]


def test_a_crashed_decoder_is_respawned_and_the_next_frame_is_read():
    with DecoderChild() as child:
        first = child.pid
        os.kill(first, signal.SIGKILL)

        lost, read = child.read(GOOD), child.read(GOOD)

        assert (lost, read) == ([], [PAYLOAD])
        assert (child.losses.crashed, child.losses.respawned) == (1, 1)
        assert child.pid != first
        assert not Path(f"/proc/{first}").exists()


def test_a_decoder_that_is_late_is_killed_and_the_next_frame_is_read():
    with DecoderChild(deadline_seconds=0.1) as child:
        first = child.pid
        os.kill(first, signal.SIGSTOP)

        lost, read = child.read(EMPTY), child.read(GOOD, Effort.QUICK)

        assert (lost, read) == ([], [PAYLOAD])
        assert (child.losses.late, child.losses.killed, child.losses.respawned) == (1, 1, 1)
        assert not Path(f"/proc/{first}").exists()


def test_after_a_wallpaper_of_finder_patterns_the_next_good_code_is_read():
    with DecoderChild(deadline_seconds=0.15) as child:
        hostile = child.read(wallpaper(seed=1)), child.read(wallpaper(seed=2))

        assert hostile == ([], [])
        assert child.losses.late == 2
        assert child.read(GOOD, Effort.QUICK) == [PAYLOAD]


def test_decoders_that_crash_in_a_row_are_replaced_after_a_growing_pause(monkeypatch):
    clock = Clock()
    with monkeypatch.context() as broken:
        misbehaving(broken, "os.write(c, b'ready'); os.read(c, 99)")
        child = DecoderChild(ticks=clock)
        assert [child.read(GOOD), child.read(GOOD)] == [[], []]  # the first is replaced at once
    with child:
        assert child.pid is None
        assert child.read(GOOD) == []
        assert (child.losses.crashed, child.losses.skipped) == (2, 1)

        clock.now += round(decoder.FIRST_PAUSE_SECONDS * 1e9)

        assert child.read(GOOD) == [PAYLOAD]
        assert child.losses.respawned == 2


@pytest.mark.parametrize(
    "reply",
    [
        "b'x'",
        "bytes(6)",  # answers another request
        "sys.stdin and b'' or r[:4] + b'\\x01\\x00\\x05\\x00abc'",
        "r[:4] + b'\\x00\\x00' + bytes(60_000)",
    ],
)
def test_a_decoder_that_answers_nonsense_is_killed_and_nothing_is_read(reply, monkeypatch):
    misbehaving(
        monkeypatch,
        f"os.write(c, b'ready'); r = os.read(c, 99); os.write(c, {reply}); os.read(c, 9)",
    )
    with DecoderChild() as child:
        first = child.pid

        assert child.read(GOOD) == []
        assert (child.losses.malformed, child.losses.killed) == (1, 1)
        assert not Path(f"/proc/{first}").exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("sys.exit(3)", "ended with 3"),
        ("os.write(c, b'no \\x1b[31mmemory'); signal.pause()", r"no \?\[31mmemory; it needs"),
        ("signal.pause()", r"not ready after 0\.3 s"),
        ("os.kill(os.getpid(), 11)", "ended with -11"),
    ],
)
def test_a_decoder_that_cannot_start_is_unavailable_with_the_next_step(
    program, message, monkeypatch
):
    misbehaving(monkeypatch, program)

    with pytest.raises(Unavailable, match=f"{message}.*seccomp"):
        DecoderChild(start_seconds=0.3 if "pause()" in program else 20)


def test_a_decoder_that_cannot_start_again_is_unavailable_until_it_can(monkeypatch):
    clock = Clock()
    with DecoderChild(ticks=clock) as child:
        with monkeypatch.context() as broken:
            misbehaving(broken, "sys.exit(3)")
            os.kill(child.pid, signal.SIGKILL)
            assert child.read(GOOD) == []
            with pytest.raises(Unavailable, match="cannot start"):
                child.read(GOOD)

        clock.now += round(decoder.LONGEST_PAUSE_SECONDS * 1e9)

        assert child.read(GOOD) == [PAYLOAD]


def test_an_interpreter_that_is_gone_is_unavailable(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with pytest.raises(Unavailable, match="no decoding process can be started"):
        DecoderChild()


def test_closing_twice_leaves_no_process_and_no_descriptor():
    before = len(list(Path("/proc/self/fd").iterdir()))
    child = DecoderChild()
    pid = child.pid

    child.close()
    child.close()

    assert not Path(f"/proc/{pid}").exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(Unavailable, match="closed"):
        child.read(GOOD)


def test_the_child_ends_with_its_parent_even_when_the_parent_is_killed():
    script = (
        "from hw.decoder import DecoderChild; import os; print(DecoderChild().pid, flush=True)"
    )
    parent = subprocess.run(
        [sys.executable, "-c", f"{script}; os.kill(os.getpid(), 9)"],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert parent.returncode == -signal.SIGKILL
    assert is_gone(int(parent.stdout))


def test_the_child_is_locked_and_holds_nothing_but_its_channel():
    with DecoderChild() as child:
        status = Path(f"/proc/{child.pid}/status").read_text("ascii")
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

        assert (facts["Seccomp"].strip(), facts["NoNewPrivs"].strip()) == ("2", "1")
        assert facts["Threads"].strip() == "1"
        if os.geteuid() == 0:  # others may not look: the child is not dumpable
            held = [str(each.readlink()) for each in Path(f"/proc/{child.pid}/fd").iterdir()]
            assert sorted(each.split(":")[0] for each in held) == ["/dev/null"] * 3 + ["socket"]


def test_only_the_parent_can_write_the_picture_and_nobody_can_resize_it():
    file, slot = decoder._sealed_slot()
    try:
        with pytest.raises(PermissionError):
            mmap.mmap(file, codes.MAX_PICTURE_PX)
        with pytest.raises(PermissionError):
            os.ftruncate(file, 0)
        mmap.mmap(file, codes.MAX_PICTURE_PX, prot=mmap.PROT_READ).close()
    finally:
        slot.close()
        os.close(file)


def test_a_strided_and_a_turned_plane_are_read():
    wide = np.zeros((720, 1344), np.uint8)
    wide[:, :1280] = GOOD

    with DecoderChild() as child:
        assert child.read(wide[:, :1280]) == [PAYLOAD]
        assert child.read(np.rot90(GOOD)) == [PAYLOAD]


def test_the_largest_picture_is_read_and_a_larger_one_is_refused_before_the_child_sees_it():
    largest = np.full((4096, 4096), 200, np.uint8)
    largest[2000:2720, 1000:2280] = GOOD

    with DecoderChild(("zxing",), deadline_seconds=20) as child:
        assert child.read(largest) == [PAYLOAD]
        with pytest.raises(Refused, match="at most"):
            child.read(np.broadcast_to(np.uint8(0), (4097, 4096)))
        assert child.losses == codes.Losses()


def test_an_unknown_engine_is_refused_before_a_child_is_started():
    with pytest.raises(Refused, match="zxing, zbar"):
        DecoderChild(("opencv",))
