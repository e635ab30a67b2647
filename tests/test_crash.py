"""Whatever is killed or full at whatever moment: afterwards the old state or the new, no third.

Each kill is real, see arena.py.
"""

import json
import random
import shutil
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from arena import SEED, killed, tell
from authority import FIRST, SECOND, Book, Office, Terminal, full_disk, log_signer, unpass
from yard import issuer, pass_of, status

from ledger_sync.authority.sequencer import Sequencer, root_of
from ledger_sync.entries import Rule, Unknown
from ledger_sync.errors import Unavailable
from ledger_sync.fsck import findings
from ledger_sync.note import checkpoint_of, open_note

pytestmark = pytest.mark.long

OLD, NEW = 300, 1_000
BATCH = 3  # entries of one add


@cache
def before():
    """A ledger with something of most kinds."""
    book = Book.opened().add(issuer(), pass_of("anna"), status((7, 1)), Rule("gate", b"{}"))
    return book.grow(OLD)


@cache
def after():
    """The same, grown, under another policy: one acceptance takes all of it in."""
    book = before().copy().add(Unknown("lockdown", 2), pass_of("bela", index=9))
    book.add(*(pass_of(f"guest {n}", index=n) for n in range(100, 400)), status((8, 1), (9, 2)))
    return book.rotate(SECOND).grow(NEW)


@cache
def source():
    return after().source(checkpoint=after().note(by=[FIRST, SECOND]))


def update(folder):
    """Is killed: a terminal takes in a ledger, and ends in good order."""
    with Terminal(folder, before().pinned) as terminal:
        terminal.update(source())


def write(folder):
    """Is killed: a sequencer adds and signs, and tells what it promised."""
    with (
        (folder / "told").open("ab", buffering=0) as told,
        closing(Sequencer(folder / "book.db", pinned=before().pinned)) as book,
    ):
        for _ in range(2):
            told.write(b"added %d\n" % book.add([unpass(number) for number in range(BATCH)]))
            draft = book.draft([log_signer("log-1")])
            told.write(b"signed %s\n" % draft.hex().encode())


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """A folder with a terminal that holds the old ledger."""
    folder = tmp_path_factory.mktemp("pattern")
    with Terminal(folder, before().pinned) as terminal:
        terminal.update(before().source())
    return folder


@pytest.fixture(scope="module")
def states(pattern, tmp_path_factory):
    """The old state and the new one, of a terminal that nothing happened to."""
    folder = tmp_path_factory.mktemp("states")
    shutil.copytree(pattern, folder, dirs_exist_ok=True)
    with Terminal(folder, before().pinned) as terminal:
        old = terminal.state()
        terminal.update(source())
        return [old, terminal.state()]


def judged(folder, states, *, is_thorough=True):
    """Whether the terminal came to the new state; whatever happened, it is sound, and goes on."""
    with Terminal(folder, before().pinned) as terminal:
        found = states.index(terminal.state())
        if is_thorough:
            assert findings(terminal.store, terminal.pinned) == []
        assert terminal.evidence == []
        terminal.update(source())
        assert terminal.state() == states[1]
        return found


def check_kills(pattern, states, tmp_path, count):
    places = enumerate(killed(update, pattern, tmp_path, count))
    ends = {judged(place, states, is_thorough=count > 99 or at % 3 == 0) for at, place in places}
    assert ends == {0, 1}


def test_a_terminal_killed_at_any_moment_has_the_old_ledger_or_the_new(pattern, states, tmp_path):
    check_kills(pattern, states, tmp_path, 6)


@pytest.mark.draws
@pytest.mark.heavy
def test_a_terminal_killed_at_200_more_moments_has_the_old_ledger_or_the_new(
    pattern, states, tmp_path
):
    check_kills(pattern, states, tmp_path, 200)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A folder with a log of one's own."""
    folder = tmp_path_factory.mktemp("log")
    with Office(folder) as office:
        office.add(*(unpass(number) for number in range(30)))
        office.draft()
    return folder


def keeps_its_word(folder):
    """A killed sequencer has all it told of, whole batches, and nothing that contradicts it."""
    promises = (folder / "told").read_text().split() if (folder / "told").exists() else []
    told = list(zip(promises[::2], promises[1::2], strict=False))
    last = (folder / "signed.note").read_bytes()
    notes = [bytes.fromhex(text) for what, text in told if what == "signed"]
    with closing(Sequencer(folder / "book.db", pinned=before().pinned)) as book:
        held = book.replica.ledger()
        assert root_of(book.replica) == held.root
        assert (held.size - 31) % BATCH == 0
        assert all(int(size) <= held.size for what, size in told if what == "added")
        for point in map(point_of, [*notes, last]):
            assert root_of(book.replica, point.size) == point.root
            assert point.size <= point_of(last).size  # a copy of the store cannot undo it
        assert book.add([unpass(1)]) == held.size + 1
        assert point_of(book.draft([log_signer("log-1")])).size == held.size + 1
    return held.size


def point_of(signed):
    return checkpoint_of(open_note(signed, [log_signer("log-1").verifier]))


def check_log_kills(log, tmp_path, count):
    sizes = {keeps_its_word(place) for place in killed(write, log, tmp_path, count)}
    assert len(sizes) == 3


def test_a_log_killed_at_any_moment_keeps_what_it_acknowledged_and_signed(log, tmp_path):
    check_log_kills(log, tmp_path, 6)


@pytest.mark.draws
@pytest.mark.heavy
def test_a_log_killed_at_200_more_moments_keeps_what_it_acknowledged_and_signed(log, tmp_path):
    check_log_kills(log, tmp_path, 200)


# What a power cut leaves of the last write: a write-ahead log that ends early, or in garbage.


@pytest.fixture(scope="module")
def torn(pattern, tmp_path_factory):
    """The store file and its write-ahead log right behind the commit of an update."""
    folder = tmp_path_factory.mktemp("torn")
    shutil.copytree(pattern, folder, dirs_exist_ok=True)
    with Terminal(folder, before().pinned) as terminal:
        terminal.store.db.execute("PRAGMA wal_autocheckpoint = 0")
        terminal.update(source())
        return [(folder / f"terminal.db{end}").read_bytes() for end in ("", "-wal")]


def left_behind(folder, torn, wal):
    (folder / "terminal.db").write_bytes(torn[0])
    (folder / "terminal.db-wal").write_bytes(wal)
    (folder / "terminal.db-shm").unlink(missing_ok=True)
    return folder


def test_a_write_cut_off_at_any_page_leaves_the_old_ledger_or_the_new(torn, states, tmp_path):
    wal, found = torn[1], []
    ends = [*range(0, len(wal), 512 * 37), *range(len(wal) - 2_048, len(wal), 512), len(wal)]
    for end in ends:
        with Terminal(left_behind(tmp_path, torn, wal[:end]), before().pinned) as terminal:
            found.append(states.index(terminal.state()))
            if end % 11 == 0:
                assert findings(terminal.store, terminal.pinned) == []
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == 1


def test_a_byte_that_never_reached_the_disk_leaves_the_old_ledger_or_the_new(
    torn, states, tmp_path
):
    wal, rest = torn[1], random.Random(SEED)
    for at in sorted(rest.randrange(len(wal)) for _ in range(25)):
        sector = at // 512 * 512
        damaged = wal[:sector] + bytes(512) + wal[sector + 512 :]
        with Terminal(left_behind(tmp_path, torn, damaged), before().pinned) as terminal:
            assert terminal.state() in states


# Full disks.


def test_an_update_on_a_disk_that_is_full_at_any_byte_leaves_the_old_ledger(
    pattern, states, tmp_path
):
    shutil.copytree(pattern, tmp_path, dirs_exist_ok=True)
    steps, failed = random.Random(SEED), 0
    sizes = [0, 1, 512, 4_096, 32_768, *(steps.randrange(500_000) for _ in range(12))]
    for most in sizes:
        try:
            with full_disk(most), Terminal(tmp_path, before().pinned) as terminal:
                terminal.update(source())
        except Unavailable as error:
            assert "free disk space" in str(error) or "cannot be used" in str(error)
            failed += 1
        with Terminal(tmp_path, before().pinned) as terminal:
            found = states.index(terminal.state())
            assert findings(terminal.store, terminal.pinned) == []
        if found:
            shutil.copytree(pattern, tmp_path, dirs_exist_ok=True)
    assert failed > 6
    assert judged(tmp_path, states) == 0


def test_a_log_on_a_full_disk_acknowledges_nothing_it_does_not_hold(log, tmp_path):
    shutil.copytree(log, tmp_path, dirs_exist_ok=True)
    rest = random.Random(SEED)
    for most in [0, 100, *(rest.randrange(150_000) for _ in range(20))]:
        try:
            with full_disk(most):
                write(tmp_path)
        except Unavailable as error:
            assert "free disk space" in str(error) or "check the path" in str(error)
        keeps_its_word(tmp_path)
        (tmp_path / "told").unlink(missing_ok=True)
        shutil.copytree(log, tmp_path, dirs_exist_ok=True)


def squeeze(pattern, folder, count):
    """Updates on disks of growing size, in a mount namespace of its own."""
    size = sum(path.stat().st_size for path in pattern.iterdir()) // 1024
    with Terminal(folder, before().pinned, name="honest.db") as honest:
        honest.update(before().source())
        old = honest.state()
        honest.update(source())
        states = [old, honest.state()]
    place = folder / "disk"
    place.mkdir()
    for number in range(count):
        options = f"size={size + 40 + number * 40}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
        shutil.copytree(pattern, place, dirs_exist_ok=True)
        said = ""
        try:
            update(place)
        except Unavailable as error:
            said = str(error)
        with Terminal(place, before().pinned) as terminal:
            found = states.index(terminal.state())
            assert findings(terminal.store, terminal.pinned) == []
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert judged(place, states) == found
        subprocess.run(["umount", place], check=True)
        tell([found, said])


@pytest.mark.heavy
def test_an_update_on_a_small_disk_leaves_the_old_ledger_until_there_is_room(pattern, tmp_path):
    apart = ["unshare", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("needs unshare(1) and the right to mount")
    command = [*apart, sys.executable, __file__, pattern, tmp_path, "30"]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert [found for found, _ in ends] == sorted(found for found, _ in ends)
    assert {found for found, _ in ends} == {0, 1}
    for found, said in ends:
        assert not said if found else "free disk space" in said


if __name__ == "__main__":
    start, place, times = sys.argv[1:]
    squeeze(Path(start), Path(place), int(times))
