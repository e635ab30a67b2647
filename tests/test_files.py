"""Files that must not be half written: every step may fail, and what was there before stands."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable

OLD, NEW = b"old", b"new and longer"
FAILURES = [
    (errno.ENOSPC, "free disk space"),
    (errno.EDQUOT, "free disk space"),
    (errno.EIO, "free disk space"),
    (errno.EROFS, "check the path and its permissions"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def failing(number, *, at=1):
    """A system call that fails when it is called for the `at`th time, and works before."""
    calls = []

    def call(*arguments):
        calls.append(arguments)
        if len(calls) == at:
            raise OSError(number, os.strerror(number))

    return call


def interrupted(*arguments):
    raise KeyboardInterrupt


def test_a_file_is_made_once_with_its_mode(path):
    files.write_once(path, NEW, mode=0o600)

    assert path.read_bytes() == NEW
    assert mode_of(path) == 0o600


def test_a_file_that_is_there_is_never_overwritten(path):
    files.write_once(path, OLD)

    with pytest.raises(Refused, match=r"file exists; it is made once .* give a new folder"):
        files.write_once(path, NEW)

    assert path.read_bytes() == OLD


def test_a_link_is_not_followed_when_a_file_is_made(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Refused, match="exists"):
        files.write_once(path, NEW)

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("write", [files.write_once, files.replace])
def test_a_missing_folder_is_named_with_the_next_step(tmp_path, write):
    with pytest.raises(Unavailable, match=r"none/file cannot .*No such file.*; check the path"):
        write(tmp_path / "none" / "file", NEW)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [files.write_once, files.replace])
@pytest.mark.parametrize(("number", "step"), FAILURES)
@pytest.mark.parametrize("at", [1, 2], ids=["file", "folder"])
def test_a_disk_that_fails_leaves_no_half_written_file(
    tmp_path, monkeypatch, write, number, step, at
):
    monkeypatch.setattr(os, "fsync", failing(number, at=at))

    with pytest.raises(Unavailable, match=f"file cannot be written .*; {step}") as caught:
        write(tmp_path / "file", NEW)

    assert str(caught.value).count("cannot be written") == 1
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert left in ({}, {"file": NEW} if write is files.replace and at == 2 else {})


@pytest.mark.parametrize("write", [files.write_once, files.replace])
def test_an_interruption_leaves_no_half_written_file(tmp_path, monkeypatch, write):
    monkeypatch.setattr(os, "fsync", interrupted)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "file", NEW)

    assert list(tmp_path.iterdir()) == []


def test_a_replacement_that_fails_leaves_the_old_file(path, monkeypatch):
    path.write_bytes(OLD)
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))

    with pytest.raises(Unavailable, match="free disk space"):
        files.replace(path, NEW)

    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_replaced_whole(path):
    path.write_bytes(OLD)

    files.replace(path, NEW, mode=0o600)

    assert path.read_bytes() == NEW
    assert mode_of(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(path, tmp_path):
    (tmp_path / "real").write_bytes(OLD)
    path.symlink_to("real")

    files.replace(path, NEW)

    assert path.is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


def test_a_draft_that_was_left_behind_is_written_over(path):
    path.with_name(f".file.{os.getpid()}.new").write_bytes(b"half")

    files.replace(path, NEW)

    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_a_draft_of_a_secret_was_never_open_to_others(path):
    path.with_name(f".file.{os.getpid()}.new").touch(mode=0o644)

    files.write_once(path, NEW, mode=0o600)

    assert mode_of(path) == 0o600


def test_a_draft_that_was_left_behind_with_its_name_given_is_not_written_into(path):
    path.write_bytes(OLD)
    path.with_name(f".other.{os.getpid()}.new").hardlink_to(path)

    files.write_once(path.with_name("other"), NEW)

    assert (path.read_bytes(), path.with_name("other").read_bytes()) == (OLD, NEW)


def test_a_file_gets_its_name_when_all_of_it_is_on_the_disk(path, monkeypatch):
    steps = []

    def recorded(name, call):
        def made(*arguments, **options):
            kind = stat.S_IFMT(os.fstat(arguments[0]).st_mode) if name == "fsync" else name
            steps.append((kind, path.exists() and path.read_bytes()))
            return call(*arguments, **options)

        return made

    for name in ("fsync", "link", "unlink"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))

    files.write_once(path, NEW)

    written = [step for step in steps if step != ("unlink", False)]  # of a draft left behind
    assert written == [
        *((stat.S_IFREG, False), ("link", False), ("unlink", NEW), (stat.S_IFDIR, NEW)),
    ]


STEPS = ("open", "fdopen", "fsync", "stat", "link", "unlink", "close")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_of_making_a_file_fails_a_retry_makes_it(path, step, is_done, error):
    ends = set()
    for at in range(1, 5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, step, broken(getattr(os, step), error, at, is_done))
            try:
                files.write_once(path, NEW, mode=0o600)
                ends.add("made")
            except (Unavailable, KeyboardInterrupt, MemoryError):
                ends.add("failed")
                assert not path.exists()
                files.write_once(path, NEW, mode=0o600)
        assert (path.read_bytes(), mode_of(path)) == (NEW, 0o600)
        assert all(
            left.name.startswith(".file.") for left in path.parent.iterdir() if left != path
        )
        path.unlink()
    assert ends == {"made", "failed"}


def broken(call, error, at, is_done):
    """A system call that ends in `error` when it is made for the `at`th time, done or not."""
    calls = []

    def made(*arguments, **options):
        calls.append(arguments)
        if len(calls) == at and not is_done:
            raise error
        found = call(*arguments, **options)
        if len(calls) == at:
            raise error
        return found

    return made


def test_a_process_killed_while_it_makes_a_file_leaves_nothing_or_all_of_it(tmp_path):
    command = [sys.executable, __file__, tmp_path]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    ends = set()

    for folder, is_killed in map(json.loads, done.stdout.splitlines()):
        path = Path(folder, "file")
        left = {one.name for one in path.parent.iterdir()}
        assert all(name == "file" or name.endswith(".new") for name in left)
        if "file" not in left:
            files.write_once(path, NEW, mode=0o600)
        assert (path.read_bytes(), mode_of(path)) == (NEW, 0o600)
        ends.add((is_killed, "file" in left))

    assert ends == {(True, False), (True, True), (False, True)}


def kill_everywhere(folder):
    """Makes a file again and again, killed at its first call out of Python, its second, ..."""
    for number in range(1, 1_000):
        place = folder / str(number)
        place.mkdir()
        child = os.fork()
        if child == 0:
            left = iter(range(1, number))

            def called(_frame, event, _argument, left=left):
                if event == "c_call" and next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.setprofile(called)
            files.write_once(place / "file", NEW, mode=0o600)
            sys.setprofile(None)
            os._exit(0)
        is_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{json.dumps([str(place), is_killed])}\n")
        if not is_killed:
            break


def test_a_folder_a_pipe_or_a_device_is_never_replaced_by_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    handles = os.openpty()
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    Path("folder").mkdir()

    for name in (".", "/", "pipe", "link", "folder", os.ttyname(handles[1])):
        with pytest.raises(Refused, match=r"is no regular file; give the name of a file"):
            files.replace(Path(name), NEW)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder", "link", "pipe"]
    for handle in handles:
        os.close(handle)


def test_a_link_that_leads_nowhere_yet_gets_its_file(path, tmp_path):
    path.symlink_to("real")

    files.replace(path, NEW)

    assert (tmp_path / "real").read_bytes() == NEW


def test_a_folder_is_made_with_those_above_it_and_may_be_there(tmp_path):
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b", mode=0o700)

    assert mode_of(tmp_path / "a" / "b") == 0o700


def test_a_folder_that_cannot_be_made_is_unavailable(path):
    path.write_bytes(OLD)

    for folder in (path, path / "below", path.with_name("x" * 300)):
        with pytest.raises(Unavailable, match=r"cannot be written \(.*; check the path"):
            files.make_folder(folder)

    assert path.read_bytes() == OLD


def test_all_parts_are_made_in_their_order(tmp_path):
    order = []

    def make(part):
        order.append(part.name)
        files.write_once(part, NEW)

    files.make_all(tmp_path, dict.fromkeys("cab", make))

    assert order == ["c", "a", "b"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "c"]


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("no"), KeyboardInterrupt()])
def test_a_part_that_fails_takes_the_others_along_and_nothing_else(tmp_path, error):
    (tmp_path / "old").write_bytes(OLD)

    def fail(part):
        raise error

    parts = {"a": lambda part: files.write_once(part, NEW), "b": fail, "c": fail}
    with pytest.raises(type(error)):
        files.make_all(tmp_path, parts)

    assert [file.name for file in tmp_path.iterdir()] == ["old"]


def test_a_part_that_was_there_before_stays_when_it_is_refused(tmp_path):
    (tmp_path / "b").write_bytes(OLD)

    with pytest.raises(Refused, match="b exists"):
        files.make_all(tmp_path, dict.fromkeys("ab", lambda part: files.write_once(part, NEW)))

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"b": OLD}


def test_a_file_is_read_up_to_its_bound(path):
    path.write_bytes(b"12345")

    assert files.read_bounded(path, 5, hint="make it") == b"12345"
    with pytest.raises(Refused, match="file is longer than 4 bytes"):
        files.read_bounded(path, 4, hint="make it")


def test_what_is_no_file_is_missing_and_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    for name in ("none", "pipe", "", "none/below", "\0"):
        with pytest.raises(Unavailable, match=r"^no file .*; make it$"):
            files.read_bounded(tmp_path / name, 5, hint="make it")


def test_a_file_that_cannot_be_read_says_why_and_what_to_do(path, monkeypatch):
    path.write_bytes(OLD)
    monkeypatch.setattr(type(path), "open", failing(errno.EACCES))

    with pytest.raises(Unavailable, match=r"file cannot be read \(Permission denied\); make it"):
        files.read_bounded(path, 5, hint="make it")


def test_a_name_that_is_too_long_cannot_be_read(tmp_path):
    with pytest.raises(Unavailable, match=r"; make it$"):
        files.read_bounded(tmp_path / ("x" * 300), 5, hint="make it")


if __name__ == "__main__":
    kill_everywhere(Path(sys.argv[1]))
