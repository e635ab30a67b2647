"""The sequencer: one log, grown durably, and no second one ever made by accident."""

import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from yard import LIST, NOW, ORIGIN, Signer, Yard, handle_of, issuer, log_of, pass_of, status

from ledger_sync import accept, entries
from ledger_sync.authority import sequencer as module
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import leaf_hash
from ledger_sync.note import Checkpoint

YARD = Yard()
KILLS = 20
BATCH = 3
WRITER = """
import sys
from pathlib import Path
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.entries import Unpass

def batch(size):
    for number in range(size, size + 3):
        print("adding", number, flush=True)
        yield Unpass(number.to_bytes(8, "big"))

book = Sequencer(Path(sys.argv[1]), origin=sys.argv[2])
while True:
    print("added", book.add(batch(book.size())), flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.db"


@pytest.fixture
def book(path):
    with closing(Sequencer.create(path, origin=ORIGIN)) as book:
        yield book


def signer(one):
    return module.Signer(one.verifier, one.key)


def exported(book, *names, now=NOW):
    cosigners = [signer(Signer(name)) for name in names or YARD.witnesses]
    return book.export(signer(log_of(ORIGIN)), cosigners, now=now)


def accepted(export, known=accept.NOWHERE):
    return accept.accept(export, policy=YARD.policy, origin=ORIGIN, known=known)


def some(count, start=0):
    return [entries.Unpass(number.to_bytes(8, "big")) for number in range(start, start + count)]


def test_a_missing_log_stops_the_start_and_is_not_made(path):
    for missing in (path, path.parent, path / "below"):
        with pytest.raises(Unavailable, match=r"no log at .*; restore the newest copy"):
            Sequencer(missing, origin=ORIGIN)

    assert list(path.parent.iterdir()) == []


def test_a_second_log_is_not_made_over_the_first(path, book):
    book.add(some(2))

    with pytest.raises(Refused, match="exists; it is made once and never overwritten"):
        Sequencer.create(path, origin=ORIGIN)

    assert book.size() == 2


def test_a_log_that_vanished_is_not_begun_anew(path):
    Sequencer.create(path, origin=ORIGIN).close()
    path.unlink()

    with pytest.raises(Unavailable, match="no log at"):
        Sequencer(path, origin=ORIGIN)

    assert not path.exists()


@pytest.mark.parametrize("garbage", [b"", b"SQLite", b"not a database, but long enough" * 40])
def test_a_file_that_is_no_log_is_refused_and_left_as_it_is(path, garbage):
    path.write_bytes(garbage)

    with pytest.raises(Unavailable, match="restore the newest copy of the office"):
        Sequencer(path, origin=ORIGIN)

    assert path.read_bytes() == garbage
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["PRAGMA", "CREATE"])
def test_a_log_that_could_not_be_finished_is_not_left_behind(path, monkeypatch, step):
    class Full(sqlite3.Connection):
        def execute(self, statement, *rest):
            if statement.startswith(step):
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(statement, *rest)

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
        with pytest.raises(Unavailable, match="disk is full"):
            Sequencer.create(path, origin=ORIGIN)

    assert list(path.parent.iterdir()) == []
    Sequencer.create(path, origin=ORIGIN).close()


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%41", "a&mode=memory", "ä"])
def test_a_log_may_have_any_file_name(tmp_path, name):
    with closing(Sequencer.create(tmp_path / name, origin=ORIGIN)) as book:
        book.add(some(1))

    with closing(Sequencer(tmp_path / name, origin=ORIGIN)) as again:
        assert again.size() == 1
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_log_is_readable_by_its_owner_only(path, book):
    book.add(some(1))

    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes == {0o600}


def test_entries_are_added_in_order_and_counted(book):
    first, second = some(2), some(3, start=2)

    sizes = [book.add(first), book.add(second), book.add([])]

    assert sizes == [2, 5, 5]
    assert list(book.entries()) == [entries.to_bytes(entry) for entry in first + second]


def test_what_was_added_is_there_after_a_new_start(path, book):
    book.add(some(2))

    with closing(Sequencer(path, origin=ORIGIN)) as other:
        assert other.size() == 2
        other.add(some(1, start=2))

    assert book.size() == 3


def test_a_batch_that_breaks_off_adds_nothing(book):
    book.add(some(1))

    def half():
        yield from some(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.add(half())

    assert book.size() == 1
    assert book.add(some(1)) == 2


@pytest.mark.parametrize(
    "bad",
    [
        entries.Status(LIST, NOW, ()),
        entries.Status("", NOW, ((1, 1),)),
        entries.Status(LIST, NOW, ((entries.MAX_STATUS_INDEX + 1, 1),)),
        entries.Rule("gate", b" " * (entries.MAX_RULE + 1)),
        entries.Rule("x" * 65, b"{}"),
        entries.Unpass(b"short"),
    ],
    ids=lambda bad: type(bad).__name__,
)
def test_an_entry_that_gates_would_refuse_never_enters_the_log(book, bad):
    with pytest.raises(Refused, match="ledger entry"):
        book.add([*some(1), bad])

    assert book.size() == 0
    assert accepted(exported(book)).checkpoint.size == 0


def test_an_export_is_what_a_gate_accepts(book):
    ours = [issuer(), pass_of("anna"), status((7, 1)), entries.Unpass(handle_of("anna"))]
    book.add(ours)

    found = accepted(exported(book))

    assert [entry for _, _, entry in found.new_entries] == ours
    assert found.quorum_time == NOW
    assert found.checkpoint.origin == ORIGIN


def test_an_empty_log_has_an_export(book):
    found = accepted(exported(book))

    assert found.checkpoint == Checkpoint(ORIGIN, 0, accept.NOWHERE.root)


def test_a_second_export_grows_from_the_first(book):
    book.add(some(3))
    first = accepted(exported(book))
    known = accept.Position(first.checkpoint.size, first.checkpoint.root)
    book.add(some(2, start=3))

    second = accepted(exported(book, now=NOW + 9), known)

    assert [seq for seq, _, _ in second.new_entries] == [3, 4]
    assert second.quorum_time == NOW + 9
    assert second.checkpoint.root != first.checkpoint.root


def test_an_export_without_changes_has_the_same_root(book):
    book.add([pass_of("anna")])

    first, second = (accepted(exported(book, now=at)).checkpoint for at in (NOW, NOW + 1))

    assert first == second
    assert first.root == leaf_hash(entries.to_bytes(pass_of("anna")))


def test_too_few_cosigners_make_an_export_that_gates_refuse(book):
    export = exported(book, "committee")

    with pytest.raises(Refused, match="no quorum"):
        accepted(export)


def test_another_command_at_work_says_so_and_loses_nothing(path, book):
    book._db.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match=r"locked\); another command is writing; try again"):
            book.add(some(1))
        other.execute("ROLLBACK")

    assert book.add(some(1)) == 1


def test_a_full_disk_adds_nothing_and_loses_nothing(book):
    book.add(some(1))
    (pages,) = book._db.execute("PRAGMA page_count").fetchone()
    book._db.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(Unavailable, match=r"full.*; free disk space, then try again"):
        book.add(some(5_000))

    assert book.size() == 1


def test_a_closed_log_is_unavailable(book):
    book.close()

    with pytest.raises(Unavailable, match="cannot be used"):
        book.size()


@pytest.mark.parametrize("point", range(1, KILLS + 1))
def test_a_killed_writer_leaves_whole_batches_and_all_that_it_acknowledged(path, point):
    Sequencer.create(path, origin=ORIGIN).close()
    command = [sys.executable, "-c", WRITER, str(path), ORIGIN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        lines = [writer.stdout.readline() for _ in range(point)]
        writer.kill()
        lines += writer.stdout.readlines()

    added = [int(line.split()[1]) for line in lines if line.startswith("added ")]
    with closing(Sequencer(path, origin=ORIGIN)) as book:
        size = book.size()
        assert size % BATCH == 0
        assert size >= max(added, default=0)
        assert list(book.entries()) == [entries.to_bytes(entry) for entry in some(size)]
        assert accepted(exported(book)).checkpoint.size == size
        assert book.add(some(1, start=size)) == size + 1
    assert writer.returncode == -signal.SIGKILL
