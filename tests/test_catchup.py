"""A ledger that a peer holds is taken over file by file, all at once, within bounds."""

import errno

import pytest
from authority import FIRST, SECOND, THIRD, Book, Terminal
from yard import NOW

from ledger_sync import catchup
from ledger_sync.catchup import AHEAD, Catchup, Stage
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.frames import MAX_PIECE, File
from ledger_sync.mirror import Mirror
from ledger_sync.serving import file_of


@pytest.fixture(scope="module")
def long_book():
    return Book.opened().grow(20 * 256 + 17)


def catch_up(terminal, note, *, in_memory=True):
    return Catchup(
        terminal.replica,
        "t1",
        note,
        pinned=terminal.pinned,
        now=lambda: NOW,
        in_memory=in_memory,
    )


def pieces(files, want):
    data = files.get(want.path, b"")
    return File(want.path, want.start, len(data), data[want.start : want.start + MAX_PIECE])


def carry_out(attempt, files):
    """Answers what is asked for until nothing is; every file asked for, in order."""
    asked = []
    try:
        open_wants = attempt.step()
        while open_wants:
            want = open_wants.pop(0)
            asked.append(want.path)
            open_wants += attempt.take(pieces(files, want))
    finally:
        attempt.close()
    return asked


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_long_ledger_comes_bundle_by_bundle_and_each_once(tmp_path, long_book, in_memory):
    with Terminal(tmp_path, long_book.pinned) as terminal:
        attempt = catch_up(terminal, long_book.note(), in_memory=in_memory)

        asked = carry_out(attempt, long_book.files())

        assert terminal.replica.position() == long_book.position
    assert sorted(set(asked)) == sorted(asked)
    assert len(asked) == 21


def test_no_more_files_are_asked_for_ahead_than_a_few(tmp_path, long_book):
    with Terminal(tmp_path, long_book.pinned) as terminal:
        attempt = catch_up(terminal, long_book.note())

        first = attempt.step()
        then = attempt.take(pieces(long_book.files(), first[0]))
        attempt.close()

    assert (len(first), len(then)) == (AHEAD, 1)
    assert attempt.has_asked


def test_the_mirror_runs_no_oftener_than_files_make_it_go_on(tmp_path, long_book, monkeypatch):
    runs = []
    plain = Mirror.update
    monkeypatch.setattr(
        Mirror, "update", lambda mirror, source: runs.append(1) or plain(mirror, source)
    )

    with Terminal(tmp_path, long_book.pinned) as terminal:
        carry_out(catch_up(terminal, long_book.note()), long_book.files())

    assert len(runs) == 3  # nothing there; all full bundles; the last one


def test_changes_of_policy_are_walked_over_their_bridges(tmp_path):
    book = Book.opened(FIRST).grow(5)
    for council in (SECOND, THIRD):
        book.rotate(council)
    with Terminal(tmp_path, book.pinned) as terminal:
        asked = carry_out(catch_up(terminal, book.note()), book.files())

        assert terminal.replica.position() == book.position
    assert {"bridge/1", "bridge/2"} <= set(asked)


def test_files_that_are_not_those_of_the_checkpoint_change_nothing(tmp_path, long_book):
    files = long_book.files()
    path = next(path for path in files if path.startswith("tile/entries/001"))
    files[path] = files[path][:-1] + b"\0"
    with Terminal(tmp_path, long_book.pinned) as terminal:
        before = terminal.outcome()

        with pytest.raises(Refused, match="hash"):
            carry_out(catch_up(terminal, long_book.note()), files)

        assert terminal.outcome() == before


def test_an_unasked_file_is_passed_over(tmp_path, long_book):
    with Terminal(tmp_path, long_book.pinned) as terminal:
        attempt = catch_up(terminal, long_book.note())
        attempt.step()

        assert attempt.take(File("bridge/9", 0, 1, b"x")) == []
        attempt.close()


# The stage.


@pytest.fixture
def stage(tmp_path):
    made = Stage("terminal t1", tmp_path)
    yield made
    made.close()


def test_a_file_in_pieces_is_whole_when_the_last_has_come(stage):
    data = bytes(range(256)) * 4_096 + b"end"
    total = len(data)

    starts = []
    while None not in starts:
        at = starts[-1] if starts else 0
        starts.append(stage.add(File("x", at, total, data[at : at + MAX_PIECE])))

    assert starts == [MAX_PIECE, 2 * MAX_PIECE, None]
    assert stage.get("x", most=total).data == data


def test_files_that_grow_side_by_side_are_not_held_in_memory(stage, monkeypatch):
    monkeypatch.setattr(catchup, "IN_MEMORY", 1)

    for path in ("x", "y"):
        stage.add(File(path, 0, 2 * MAX_PIECE, path.encode() * MAX_PIECE))
    for path in ("x", "y"):
        stage.add(File(path, MAX_PIECE, 2 * MAX_PIECE, path.encode() * MAX_PIECE))

    for path in ("x", "y"):
        assert stage.get(path, most=2**21).data == path.encode() * 2 * MAX_PIECE


@pytest.mark.parametrize(
    "piece",
    [
        File("x", 1, 10, b"a"),
        File("x", 0, 10, b""),
        File("x", 0, 10, b"short"),
        File("whole", 0, 4, b"data"),
        File("whole", 4, 8, b"more"),
    ],
)
def test_a_piece_that_does_not_go_on_is_refused(stage, piece):
    stage.put("whole", b"data")

    with pytest.raises(Refused):
        stage.add(piece)


def test_a_file_that_the_peer_has_not_is_missing(stage):
    stage.add(File("x", 0, 0, b""))

    assert stage.get("x", most=1).name == "MISSING"
    assert stage.get("snapshot", most=1).name == "MISSING"


def test_a_file_past_its_bound_is_refused_unread(stage):
    stage.put("x", b"data")

    with pytest.raises(Refused, match="over 3 bytes"):
        stage.get("x", most=3)


def test_more_than_a_ledger_may_have_is_refused(stage, monkeypatch):
    monkeypatch.setattr(catchup, "MAX_STAGE", 10)

    with pytest.raises(Refused, match="more than 10 bytes"):
        stage.put("x", bytes(11))


def test_a_disk_that_is_full_on_the_way_is_told(stage, monkeypatch):
    def full(data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stage._file, "write", full)

    with pytest.raises(Unavailable, match="No space left"):
        stage.put("x", b"data")


# What a terminal gives to others.


def test_a_terminal_gives_what_it_took_and_nothing_else(tmp_path):
    book = Book.opened(FIRST).grow(300)
    with Terminal(tmp_path, book.pinned) as terminal:
        before = book.source()
        terminal.update(before)
        book.rotate(SECOND).grow(310)
        terminal.update(book.source())
        files = book.files()

        given = {path: file_of(terminal.replica, path) for path in files}

        wanted = {
            p for p in files if p.startswith(("tile/entries", "bridge")) or p == "checkpoint"
        }
        assert {path for path, data in given.items() if data} == wanted
        assert [path for path in wanted if given[path] != files[path]] == []
        assert file_of(terminal.replica, "tile/entries/009") == b""
        assert file_of(terminal.replica, "../../etc/passwd") == b""
        assert file_of(terminal.replica, "bridge/7") == b""


def test_a_bundle_that_is_older_than_a_snapshot_is_not_given(tmp_path):
    book = Book.opened(FIRST).grow(10)
    with Terminal(tmp_path, book.pinned) as terminal:
        terminal.update(book.source())
        terminal.store.write("DELETE FROM bundle")

        assert file_of(terminal.replica, "tile/entries/000.p/5") == b""
