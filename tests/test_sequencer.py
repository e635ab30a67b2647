"""The sequencer: one log, grown durably, and no second one ever made by accident."""

import errno
import fcntl
import os
import re
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from yard import (
    LIST,
    NOW,
    ORIGIN,
    WITNESSES,
    Yard,
    charter,
    full_yard,
    handle_of,
    issuer,
    key_of,
    log_of,
    note_of,
    pass_of,
    policy_text,
    shard,
    status,
)
from yard import Signer as Witness

from ledger_sync import accept, entries, files, note
from ledger_sync.authority import sequencer as module
from ledger_sync.authority.lock import LOCK
from ledger_sync.authority.sequencer import SIGNED, Sequencer, Signer
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import Frontier, frontier_of, leaf_hash
from ledger_sync.note import Checkpoint
from ledger_sync.trust import pinned

YARD = Yard()
TRUST = YARD.trust
KILLS = 12
BATCH = 3
WRITER = """
import sys
from pathlib import Path
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.entries import Unpass
from ledger_sync.trust import pinned

def batch(size):
    for number in range(size, size + 3):
        print("adding", number, flush=True)
        yield Unpass(number.to_bytes(8, "big"))

folder, origin = Path(sys.argv[1]), sys.argv[2]
trust = pinned((folder / "policy").read_bytes(), origin)
book = Sequencer(folder / "book.db", pinned=trust)
while True:
    print("added", book.add(batch(book.replica.ledger().size)), flush=True)
"""


def signer(one):
    return Signer(one.verifier, one.key)


LOG = signer(log_of(ORIGIN))
make = partial(Sequencer.create, pinned=TRUST, log=LOG)
reopened = partial(Sequencer, pinned=TRUST)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "book.db"


@pytest.fixture
def book(path):
    with make(path) as book:
        yield book


def size_of(book):
    return book.replica.ledger().size


def entries_in(book):
    return list(chain.from_iterable(book.replica.bundles()))


def cosigned(draft, names=WITNESSES, now=NOW):
    """The lines of these cosigners over the draft, whom nobody asked what they saw."""
    text = draft.decode().partition("\n\n")[0] + "\n"
    return [Witness(name).line(text, now) for name in names]


def published(book, names=WITNESSES, *, logs=(LOG,), now=NOW):
    draft = book.draft(logs)
    return book.finish(draft, cosigned(draft, names, now))


def accepted(book, signed, held=None, trust=TRUST):
    """What a gate that holds the log up to `held` makes of this checkpoint."""
    held = held or Frontier()
    known = accept.Position(held.size, held.root())
    candidate = accept.checked(signed, trust=trust, known=known)
    new = list(book.replica.bundles(held.size, candidate.checkpoint.size))
    return accept.accept(candidate, new, trust=trust, frontier=held)


def some(count, start=0):
    return [entries.Unpass(number.to_bytes(8, "big")) for number in range(start, start + count)]


# The start: one log, never begun anew.


def test_a_missing_log_stops_the_start_and_is_not_made(path):
    for missing in (path, path.parent, path / "below"):
        with pytest.raises(Unavailable, match="restore the newest copy of the office"):
            reopened(missing)

    assert list(path.parent.iterdir()) == []


def test_a_second_log_is_not_made_over_the_first(path, book):
    book.add(some(2))

    with pytest.raises(Refused, match="exists; a store is made once"):
        make(path)

    assert size_of(book) == 2


@pytest.mark.parametrize("lost", ["book.db", SIGNED, LOCK])
def test_a_log_of_which_a_part_vanished_is_neither_opened_nor_begun_anew(path, lost):
    make(path).close()
    (path.parent / lost).unlink()
    left = {file.name: file.read_bytes() for file in path.parent.iterdir()}

    with pytest.raises(Unavailable, match="restore the newest copy of the office"):
        reopened(path)
    with pytest.raises(Refused, match="exists"):
        make(path)

    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == left


@pytest.mark.parametrize("garbage", [b"", b"SQLite", b"not a database, but long enough" * 40])
def test_a_file_that_is_no_log_is_refused_and_left_as_it_is(path, garbage):
    make(path).close()
    path.write_bytes(garbage)

    with pytest.raises(Unavailable, match="restore the newest copy of the office"):
        reopened(path)

    assert path.read_bytes() == garbage
    assert sorted(file.name for file in path.parent.iterdir()) == ["book.db", LOCK, SIGNED]


@pytest.mark.parametrize("garbage", [b"", b"garbage", YARD.note[:-9], bytes(note.MAX_NOTE + 1)])
def test_a_damaged_note_beside_the_log_stops_the_start(path, garbage):
    make(path).close()
    (path.parent / SIGNED).write_bytes(garbage)

    with pytest.raises(Refused):
        reopened(path)

    assert (path.parent / SIGNED).read_bytes() == garbage


def test_a_log_older_than_what_was_signed_stops_the_start(path, tmp_path):
    with make(path) as book:
        book.add(some(2))
        published(book)
    old = path.read_bytes()
    with reopened(path) as book:
        book.add(some(2, start=2))
        published(book)
    path.write_bytes(old)

    with pytest.raises(Refused, match="is older than what was signed: 4 entries, 2 are here"):
        reopened(path)


def test_a_log_that_went_another_way_than_what_was_signed_stops_the_start(path):
    with make(path) as book:
        book.add(some(2))
        published(book)
        ours = (path.parent / SIGNED).read_bytes()
    for part in (path.name, LOCK, SIGNED):
        (path.parent / part).unlink()
    with make(path) as book:
        book.add(some(5, start=7))
    (path.parent / SIGNED).write_bytes(ours)

    with pytest.raises(Refused, match="is older than what was signed: 2 entries, 5 are here"):
        reopened(path)


def test_a_note_of_another_log_or_of_nobody_stops_the_start(path):
    with make(path) as book:
        book.add(some(2))
    text = Checkpoint(ORIGIN, 0, accept.NOWHERE.root).to_text()
    theirs = note_of(text, log_of("yardpass/other").line(text))
    other = Checkpoint("yardpass/other", 0, accept.NOWHERE.root).to_text()

    for signed in (theirs, note_of(other, log_of(ORIGIN).line(other))):
        (path.parent / SIGNED).write_text(signed)
        with pytest.raises(Refused):
            reopened(path)


def test_a_crash_after_signing_and_before_the_store_knew_is_no_reason_to_stop(path, monkeypatch):
    with make(path) as book:
        book.add(some(2))
        with monkeypatch.context() as patch:
            patch.setattr(files, "replace", _then(files.replace, KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                book.draft([LOG])
        before = book.replica.note()

    with reopened(path) as book:
        assert before == b""
        assert published(book).decode().split("\n")[1] == "2"


def _then(done, error):
    def call(*arguments, **options):
        done(*arguments, **options)
        raise error

    return call


def test_a_log_under_another_policy_than_the_pinned_one_is_not_opened(path, book):
    book.add(some(1))

    for trust in (
        pinned(policy_text(log_of(ORIGIN, "other"), WITNESSES).encode(), ORIGIN),
        pinned(policy_text(log_of("yardpass/other"), WITNESSES).encode(), "yardpass/other"),
    ):
        with pytest.raises(Refused):
            Sequencer(path, pinned=trust)


@pytest.mark.parametrize("step", ["PRAGMA journal", "CREATE", "INSERT INTO ledger"])
def test_a_log_that_could_not_be_finished_is_not_left_behind(path, monkeypatch, step):
    class Full(sqlite3.Connection):
        def execute(self, statement, *rest):
            if statement.strip().startswith(step):
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(statement, *rest)

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "factory": Full}))
        with pytest.raises(Unavailable, match="disk is full"):
            make(path)

    assert list(path.parent.iterdir()) == []
    make(path).close()


@pytest.mark.parametrize("part", [LOCK, SIGNED])
def test_a_log_whose_first_note_or_lock_could_not_be_written_is_not_left_behind(
    path, monkeypatch, part
):
    write = files.write_once

    def fill(where, *arguments, **options):
        if where.name == part:
            raise Unavailable("full")
        write(where, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_once", fill)
        with pytest.raises(Unavailable, match="full"):
            make(path)

    assert list(path.parent.iterdir()) == []
    make(path).close()


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%41", "a&mode=memory", "ä"])
def test_a_log_may_have_any_file_name(tmp_path, name):
    with make(tmp_path / name) as book:
        book.add(some(1))

    with reopened(tmp_path / name) as again:
        assert size_of(again) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, LOCK, SIGNED])


def test_a_log_is_readable_by_its_owner_only(path, book):
    book.add(some(1))

    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode)
        for file in path.parent.iterdir()
        if file.name != SIGNED  # which everybody will see, and only the owner may write
    }

    assert set(modes.values()) == {0o600}
    assert len(modes) == 4
    assert stat.S_IMODE((path.parent / SIGNED).stat().st_mode) & 0o022 == 0


# Adding: in order, durably, all or none.


def test_entries_are_added_in_order_and_counted(book):
    first, second = some(2), some(3, start=2)

    sizes = [book.add(first), book.add(second), book.add([])]

    assert sizes == [2, 5, 5]
    assert entries_in(book) == [entries.to_bytes(entry) for entry in first + second]


def test_what_was_added_is_there_after_a_new_start(path, book):
    book.add(some(2))

    with reopened(path) as other:
        assert size_of(other) == 2
        other.add(some(1, start=2))

    assert size_of(book) == 3


def test_what_is_added_is_on_the_disk_when_add_returns(book):
    assert book.store.row("PRAGMA synchronous") == (2,)  # FULL
    assert book.store.row("PRAGMA journal_mode") == ("wal",)


def test_a_batch_that_breaks_off_adds_nothing(book):
    book.add(some(1))

    def half():
        yield from some(700)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        book.add(half())

    assert size_of(book) == 1
    assert entries_in(book) == [entries.to_bytes(entry) for entry in some(1)]
    assert book.add(some(1)) == 2


def test_what_is_written_with_a_batch_stands_or_falls_with_it(book):
    def note_down(db):
        db.execute("UPDATE ledger SET floor = 5")

    with pytest.raises(Refused):
        book.add([*some(1), pass_of()], within=note_down)
    before = book.replica.ledger().floor
    book.add(some(1), within=note_down)

    assert (before, book.replica.ledger().floor) == (0, 5)


@pytest.mark.parametrize(
    "bad",
    [
        entries.Status(LIST, NOW, ()),
        entries.Status("", NOW, ((1, 1),)),
        entries.Status(LIST, NOW, ((entries.MAX_STATUS_INDEX + 1, 1),)),
        entries.Status(LIST, NOW - 1, ((1, 1),)),
        entries.Rule("gate", b" " * (entries.MAX_RULE + 1)),
        entries.Rule("x" * 65, b"{}"),
        entries.Unpass(b"short"),
        pass_of()._replace(kid=bytes(8)),
        pass_of()._replace(klass=32),
        shard(word="stranger"),
        shard(at=NOW - 1),
        entries.Snapshot(0, bytes(32), 0, bytes(32)),
        entries.Snapshot(4, bytes(32), 0, bytes(32)),
        charter(),
    ],
    ids=lambda bad: type(bad).__name__,
)
def test_an_entry_that_gates_would_refuse_never_enters_the_log(book, bad):
    book.add([issuer(), status((1, 1)), pass_of()])

    with pytest.raises(Refused) as caught:
        book.add([*some(1), bad])

    assert caught.value.reason == "R-LEDGER"
    assert size_of(book) == 3
    assert accepted(book, published(book)).checkpoint.size == 3


def test_every_kind_of_entry_can_be_added(tmp_path):
    yard = full_yard(tmp_path)
    with Sequencer.create(tmp_path / "book.db", pinned=yard.trust, log=LOG) as book:
        size = book.add(map(entries.parse, yard.entries))

        assert size == len(yard.entries)
        assert entries_in(book) == yard.entries
        assert book.trust.version == 2


# Signing: what gates accept, and nothing the stored bytes do not say.


def test_a_checkpoint_is_what_a_gate_accepts(book):
    ours = [issuer(), pass_of("anna"), status((7, 1)), entries.Unpass(handle_of("anna"))]
    book.add(ours)

    found = accepted(book, published(book))

    assert [entries.parse(raw) for chunk in found.chunks for raw in chunk] == ours
    assert found.quorum_time == NOW
    assert found.checkpoint.origin == ORIGIN


def test_an_empty_log_has_a_checkpoint(book):
    found = accepted(book, published(book))

    assert found.checkpoint == Checkpoint(ORIGIN, 0, accept.NOWHERE.root)


def test_a_second_checkpoint_grows_from_the_first(book):
    book.add(some(3))
    first = accepted(book, published(book))
    book.add(some(2, start=3))

    second = accepted(book, published(book, now=NOW + 9), first.frontier)

    assert second.start == 3
    assert [entries.parse(raw) for chunk in second.chunks for raw in chunk] == some(2, start=3)
    assert second.quorum_time == NOW + 9
    assert second.checkpoint.root != first.checkpoint.root


def test_a_checkpoint_without_changes_has_the_same_root(book):
    book.add([issuer()])

    first, second = (accepted(book, published(book, now=at)).checkpoint for at in (NOW, NOW + 1))

    assert first == second
    assert first.root == leaf_hash(entries.to_bytes(issuer()))


def test_too_few_cosigners_finish_nothing_and_gates_refuse_the_draft(book):
    draft = book.draft([LOG])

    with pytest.raises(Refused, match="no quorum"):
        book.finish(draft, cosigned(draft, WITNESSES[:1]))
    with pytest.raises(Refused, match="no quorum"):
        accepted(book, draft)


def test_lines_that_count_nothing_are_left_out_of_the_checkpoint(book):
    draft = book.draft([LOG])
    good = cosigned(draft)
    damaged = good[0].replace(good[0][-9:-5], "AAAA")
    stranger = cosigned(draft, ["stranger"])

    made = book.finish(draft, [*stranger, damaged, "", "no line\n", good[0], good[0], good[1]])

    assert made == draft + "".join(good[:2]).encode()


def test_a_draft_is_kept_beside_the_log_before_anybody_can_see_it(path, book):
    book.add(some(2))

    draft = book.draft([LOG])

    assert (path.parent / SIGNED).read_bytes() == book.replica.note() == draft
    assert note.checkpoint_of(note.open_note(draft, [LOG.verifier])).size == 2


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE bundle SET body = CAST(substr(body, 1, 9) || 'x' || substr(body, 11) AS BLOB)",
        "UPDATE bundle SET body = substr(body, 2)",
        "DELETE FROM bundle",
        "UPDATE ledger SET root = zeroblob(32)",
    ],
)
def test_a_flipped_bit_is_never_signed(path, book, damage):
    book.add(some(2))
    before = (path.parent / SIGNED).read_bytes()
    book.store.write(damage)

    with pytest.raises((Unavailable, Refused)):
        book.draft([LOG])

    assert (path.parent / SIGNED).read_bytes() == before
    assert book.replica.note() == b""


def test_a_key_is_not_used_under_another_s_name(book):
    with pytest.raises(Refused, match="not the private key"):
        book.draft([Signer(LOG.verifier, key_of("other"))])


# Changing the policy.


OTHER_LOG = log_of(ORIGIN, "log 2")
FIRST = charter(announced=("root 2", "log 2"))
RULED = pinned(entries.to_bytes(FIRST), ORIGIN)


def follows(before=FIRST, version=2, **changed):
    words = (f"root {version - 1}", f"root {version}")
    stated = {"roots": words[1:], "announced": (f"root {version + 1}",), "by": words}
    return charter(version, after=before, **{**stated, **changed})


@pytest.fixture
def ruled(path):
    with Sequencer.create(path, pinned=RULED, log=LOG) as book:
        book.add([FIRST, issuer()])
        yield book


def test_the_policy_in_force_is_that_after_the_last_entry(ruled):
    before = ruled.trust
    ruled.add([follows()])

    assert (before.version, ruled.trust.version) == (1, 2)


def test_a_second_policy_waits_until_the_first_is_published(ruled):
    second = follows()
    third = follows(second, 3)
    ruled.add([second])

    with pytest.raises(Refused, match="publish the last policy before the next"):
        ruled.add([third])
    published(ruled)

    assert ruled.add([third]) == 4
    assert ruled.trust.version == 3


def test_a_checkpoint_over_a_new_policy_is_finished_by_the_quorum_of_both(ruled):
    names = ("committee", "treasurer", "integrator")
    group = "group both 2 committee treasurer integrator\nquorum both\n"
    ruled.add([follows(text=policy_text(log_of(ORIGIN), names, group))])

    believed = [trust.version for trust in ruled.believed()]
    for few in (("committee", "property"), ("committee", "treasurer")):
        with pytest.raises(Refused, match="no quorum"):
            published(ruled, few)
    signed = published(ruled, ("committee", "property", "treasurer"))

    assert believed == [2, 1]
    assert [trust.version for trust in ruled.believed()] == [2]
    assert ruled.replica.history.bridges() == [(1, signed)]
    assert accepted(ruled, signed, trust=RULED).trust.version == 2


def test_a_checkpoint_over_a_new_log_key_is_signed_by_both_keys(path, ruled):
    ruled.add([follows(text=policy_text(OTHER_LOG, WITNESSES))])

    for logs in ([LOG], [signer(OTHER_LOG)]):
        with pytest.raises(Refused, match="own key did not sign"):
            published(ruled, logs=logs)
    signed = published(ruled, logs=[LOG, signer(OTHER_LOG)])
    ruled.add(some(1))
    alone = published(ruled, logs=[signer(OTHER_LOG)])

    first = accepted(ruled, signed, trust=RULED)
    second = accepted(ruled, alone, first.frontier, first.trust)
    assert (first.trust.version, second.checkpoint.size) == (2, 4)
    with Sequencer(path, pinned=RULED) as again:
        assert again.trust.version == 2


@pytest.mark.parametrize("bad", [follows(by=("root 1",)), follows(charter()), charter()])
def test_of_a_batch_with_a_policy_that_may_not_follow_nothing_is_added(ruled, bad):
    with pytest.raises(Refused, match="policy"):
        ruled.add([*some(1), bad])

    assert size_of(ruled) == 2


def test_the_policy_in_force_once_more_changes_nothing(ruled):
    ruled.add([FIRST])

    assert (ruled.trust.version, ruled.trust.digest) == (1, RULED.digest)
    assert accepted(ruled, published(ruled), trust=RULED).trust == RULED


# One process at a time.


ADDER = """
import os
import sys
from pathlib import Path
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.entries import Unpass
from ledger_sync.errors import Unavailable
from ledger_sync.trust import pinned

folder, origin = Path(sys.argv[1]), sys.argv[2]
trust = pinned((folder / "policy").read_bytes(), origin)
held = Sequencer(folder / "book.db", pinned=trust) if "forked" in sys.argv else None
if held is None or not os.fork():
    try:
        with Sequencer(folder / "book.db", pinned=trust) as book:
            print("added", book.add([Unpass(bytes(8))]))
    except Unavailable as error:
        print(error)
else:
    os.wait()
"""


def started(path, script, *more):
    policy = policy_text(YARD.log, YARD.witnesses)
    (path.parent / "policy").write_text(policy)
    command = [sys.executable, "-c", script, str(path.parent), ORIGIN, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def elsewhere(path, *more):
    """What another process says that opens the log and adds an entry."""
    with started(path, ADDER, *more) as other:
        return other.communicate(timeout=60)[0].strip()


BUSY = r"^another process has the log of .* open; let it end or stop it \(fuser .*then try again$"


def test_a_log_that_another_process_has_open_is_not_opened(path):
    make(path).close()
    with started(path, WRITER) as writer:
        writer.stdout.readline()
        for _ in range(2):
            with pytest.raises(Unavailable, match=BUSY):
                reopened(path)
        writer.kill()
        writer.communicate()

    with reopened(path) as book:  # what a process held, it holds no more when it is dead
        assert book.add([]) % BATCH == 0


def test_a_log_is_free_again_when_the_last_who_opened_it_here_has_closed_it(path):
    with make(path) as first:
        second = reopened(path)
        second.add(some(1))
        assert re.match(BUSY, elsewhere(path))
        first.close()
        first.close()
        assert re.match(BUSY, elsewhere(path))
        second.close()

        assert elsewhere(path) == "added 2"


def test_a_log_that_could_not_be_opened_is_not_held(path):
    make(path).close()
    signed = (path.parent / SIGNED).read_bytes()
    (path.parent / SIGNED).write_bytes(b"damaged")
    with pytest.raises(Refused):
        reopened(path)
    (path.parent / SIGNED).write_bytes(signed)

    assert elsewhere(path) == "added 1"


def test_a_process_that_was_forked_holds_nothing_that_its_parent_holds(path):
    make(path).close()

    assert re.match(BUSY, elsewhere(path, "forked"))


def test_a_copy_without_its_lock_is_looked_at_before_it_is_used(path):
    make(path).close()
    (path.parent / LOCK).unlink()
    with pytest.raises(Unavailable) as caught:
        reopened(path)

    *_, step = str(caught.value).split(", run: ")
    subprocess.run(shlex.split(step), check=True)

    assert "was this one copied or restored in part? restore the newest copy" in str(caught.value)
    with reopened(path) as book:
        assert book.add(some(1)) == 1


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.ENOLCK, r"cannot be locked \(No locks .*; put the office on a disk of this mac"),
        (errno.EWOULDBLOCK, "another process has the log of"),
    ],
)
def test_a_lock_that_cannot_be_had_is_no_reason_to_go_on_without(path, monkeypatch, number, why):
    make(path).close()
    handles = len(list(Path("/proc/self/fd").iterdir()))

    def flock(handle, how):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        with pytest.raises(Unavailable, match=why):
            reopened(path)

    assert len(list(Path("/proc/self/fd").iterdir())) == handles
    reopened(path).close()


def test_what_is_no_file_is_no_lock(path):
    make(path).close()
    (path.parent / LOCK).unlink()
    (path.parent / LOCK).mkdir()

    with pytest.raises(Unavailable, match=r"cannot be opened \(Is a directory\); check its perm"):
        reopened(path)


# Other commands, full disks, killed writers.


def test_another_command_at_work_says_so_and_loses_nothing(path, book):
    book.store.write("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for ask in (lambda: book.add(some(1)), lambda: book.draft([LOG])):
            with pytest.raises(Unavailable, match=r"locked by another process; .*try again"):
                ask()
        other.execute("ROLLBACK")

    assert book.add(some(1)) == 1


def test_a_full_disk_adds_nothing_and_loses_nothing(book):
    book.add(some(1))
    (pages,) = book.store.row("PRAGMA page_count")
    book.store.write(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(Unavailable, match=r"full.*; free disk space.*, then try again"):
        book.add(some(9_000))

    assert size_of(book) == 1
    assert frontier_of(entries_in(book)).root() == book.replica.ledger().root


def test_a_closed_log_is_unavailable(book):
    book.close()

    for ask in (lambda: book.add(some(1)), lambda: book.draft([LOG]), lambda: book.trust):
        with pytest.raises(Unavailable, match="cannot be used"):
            ask()


@pytest.mark.parametrize("point", range(1, KILLS + 1))
def test_a_killed_writer_leaves_whole_batches_and_all_that_it_acknowledged(path, point):
    make(path).close()
    with started(path, WRITER) as writer:
        lines = [writer.stdout.readline() for _ in range(point)]
        writer.kill()
        lines += writer.stdout.readlines()

    added = [int(line.split()[1]) for line in lines if line.startswith("added ")]
    with reopened(path) as book:
        size = size_of(book)
        assert size % BATCH == 0
        assert size >= max(added, default=0)
        assert entries_in(book) == [entries.to_bytes(entry) for entry in some(size)]
        assert accepted(book, published(book)).checkpoint.size == size
        assert book.add(some(1, start=size)) == size + 1
    assert writer.returncode == -signal.SIGKILL


def test_the_root_of_any_prefix_is_computed_from_the_stored_bytes(book):
    book.add(some(600))

    for size in (0, 1, 255, 256, 257, 600):
        expected = frontier_of(map(entries.to_bytes, some(size))).root()
        assert module.root_of(book.replica, size) == expected
    assert module.root_of(book.replica) == book.replica.ledger().root
