"""A terminal that begins with a snapshot ends as one that replayed everything, or does not begin.

What a source shows, a file says or a quorum claims can be wrong. A wrong file or source is passed
over, a claim that replaying contradicts is refused, and nothing half done is left.
"""

import hashlib
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import compound
import pytest
from authority import FIRST, SECOND, THIRD, Book, Council, Office, Shelf, Terminal, unpass
from hypothesis import given, settings
from hypothesis import strategies as st
from webserver import answer, following
from yard import LIST, NOW, Signer, issuer, key_of, pass_of, status

from appliance.gate.checker import Checker, Gate
from ledger_sync import archive, cbor, deny, entries, order, snapshot, tiles, trust
from ledger_sync.accept import NOWHERE, checked
from ledger_sync.authority import snapshots
from ledger_sync.authority.publisher import publish
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.bootstrap import image_of, replay, trust_in
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.mirror import Mirror
from ledger_sync.orders import Orders
from ledger_sync.relearn import relearn
from ledger_sync.replica import Replica
from ledger_sync.sources import FolderSource, HttpSource
from ledger_sync.state_digest import TABLES as STATE
from ledger_sync.state_digest import rows_of, state_digest
from ledger_sync.store import Store

PEOPLE = (
    *compound.ISSUERS,
    *(who.enrolment() for who in compound.ENROLLED),
    compound.REVOKED.status(1),
    compound.SUSPENDED.status(2),
    compound.ESCORTED.status(3),
    entries.Rule("gate", b'{"static": "yellow"}'),
)
NOVELTY = entries.Unknown("novelty", 1 << compound.ITEM)  # of a kind that nobody here reads
BOTH = (FIRST, SECOND)


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A folder that costs no disk where the machine has one; replaying happens there as well."""
    with ram() as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@contextmanager
def ram():
    shared = Path("/dev/shm")
    place = shared if shared.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place, prefix="yardpass-") as folder:
        yield Path(folder)


# Logs with snapshots in them.


@dataclass
class Snapped(Book):
    """A book that keeps its newest snapshot and shows it."""

    shot: tuple[entries.Snapshot, bytes] | None = None

    def snap(self, *, rows=list, **lies):
        """Adds a snapshot. `rows` changes what its file holds, `lies` what its entry says."""
        with ram() as folder, Terminal(folder, self.pinned) as terminal:
            terminal.replica.append(self.bodies, trust=self.pinned)
            held = rows(list(rows_of(terminal.store.db)))
            digest = state_digest(terminal.store.db)
        file = snapshot.packed(lies.pop("frontier", frontier_of(self.bodies)), held)
        claim = {"sha256": hashlib.sha256(file).digest(), "length": len(file), "digest": digest}
        entry = entries.Snapshot(len(self.bodies), **(claim | lies))
        self.shot = (entry, file)
        return self.add(entry)

    def files(self, size=None, checkpoint=None):
        found = super().files(size, checkpoint)
        entry, file = self.shot
        return found | {"snapshot": b"%d\n" % entry.size, self.blob: file}

    @property
    def blob(self):
        return f"blob/{self.shot[0].sha256.hex()}"

    def plain(self):
        """The same ledger from somebody who shows no snapshot."""
        found = self.source()
        del found.files["snapshot"]
        return found


def opened():
    return Snapped.opened()


def populated(size=60):
    """A small ledger with people in it."""
    return opened().add(issuer(), pass_of("anna"), status((7, 1), (9, 2))).grow(size)


def lied(**lies):
    """A ledger with a snapshot in the middle, and one change after it; see `Snapped.snap`."""
    return populated().snap(**lies).add(status((7, 0), (8, 3))).grow(70)


@cache
def _small():
    return lied()


def small():
    """The same where nobody lies."""
    return _small().copy()


@cache
def texts():
    """What everybody shows, in every form."""
    people = [*compound.ENROLLED, compound.UNLISTED, compound.NEVER]
    shown = [compound.show(form, who) for who in people for form in (compound.C, compound.B)]
    return [*shown, compound.show(compound.STATIC, compound.PRINTED)]


def verdicts(terminal):
    """What a gate says to everybody."""
    checker = Checker(terminal.replica, Gate(compound.SITE, "n", compound.IN, 1))
    found = [checker.assess(text, compound.NOW, grade=0).verdict for text in texts()]
    assert not terminal.replica.pass_count() or len({one.to_bytes() for one in found}) > 5
    return found, checker.ledger


def standing(terminal):
    """All that a terminal believes and decides by."""
    replica = terminal.replica
    return (
        state_digest(terminal.store.db),
        replica.ledger(),
        replica.note(),
        (replica.frontier().size, replica.frontier().peaks),
        replica.history.trust(terminal.pinned),
    )


def bundles(terminal):
    return list(terminal.store.rows("SELECT * FROM bundle ORDER BY number"))


def has_begun(terminal):
    return terminal.replica.history.base() is not None


@contextmanager
def two(folder, book):
    """Two new terminals of one ledger."""
    with (
        Terminal(folder, book.pinned, name="begun.db") as begun,
        Terminal(folder, book.pinned, name="whole.db") as whole,
    ):
        yield begun, whole


# Equal to one that replayed everything.


def at(size):
    return lambda: opened().add(*PEOPLE).grow(size).snap()


def behind_a_policy(size):
    return lambda: opened().add(*PEOPLE).grow(size).rotate(SECOND).snap()


def before_a_policy(size):
    return lambda: opened().add(*PEOPLE).grow(size).snap().rotate(SECOND)


LOGS = {
    "at 0": lambda: Snapped(councils=[FIRST], policies=[FIRST.policy()]).snap(),
    "at 1": lambda: opened().snap(),
    "at 1, and people": lambda: opened().snap().add(*PEOPLE),
    "at 255": at(255),
    "at 256": at(256),
    "at 257": at(257),
    "at 700": at(700),
    "behind a policy, at 255": behind_a_policy(254),
    "behind a policy, at 256": behind_a_policy(255),
    "behind a policy, at 257": behind_a_policy(256),
    "before a policy, at 255": before_a_policy(255),
    "before a policy, at 256": before_a_policy(256),
    "before a policy, at 600": before_a_policy(600),
    "between policies": lambda: behind_a_policy(300)().rotate(THIRD),
    "behind another snapshot": lambda: at(255)().snap().snap(),
    "behind another, 300 entries on": lambda: at(200)().grow(500).snap(),
}


@pytest.mark.parametrize("name", LOGS)
def test_a_store_begun_with_a_snapshot_is_one_that_replayed_everything(memory, name):
    book = LOGS[name]()
    size, by = book.shot[0].size, book.councils
    shown = book.files(checkpoint=book.note(by=by, at=compound.NOW))
    with two(memory, book) as (begun, whole):
        begun.update(Shelf(shown))
        whole.update(Shelf({path: data for path, data in shown.items() if path != "snapshot"}))

        assert has_begun(begun) and not has_begun(whole)
        assert standing(begun) == standing(whole)
        assert verdicts(begun) == verdicts(whole)
        assert findings(begun.store, begun.pinned) == []

        for end in (size + 5, 256 * (size // 256 + 1), 256 * (size // 256 + 1) + 9):  # follows
            book.add(status((7, end % 4), uri=LIST)).grow(max(end, len(book.bodies)))
            note = book.note(by=by, at=compound.NOW + end)
            for terminal in (begun, whole):
                terminal.update(Shelf(book.files(checkpoint=note)))
            assert standing(begun) == standing(whole)
        assert verdicts(begun) == verdicts(whole)
        assert findings(begun.store, begun.pinned) == []

        assert replay(begun.replica, book.source(), pinned=book.pinned) == size

        assert not has_begun(begun)
        assert bundles(begun) == bundles(whole)
        assert standing(begun) == standing(whole)
        assert findings(begun.store, begun.pinned) == []
        assert replay(begun.replica, Shelf({}), pinned=book.pinned) == 0


def with_novelty(book, folder):
    """Two terminals after a snapshot behind an entry that they cannot read."""
    return two(folder, book.add(*PEOPLE, NOVELTY).grow(300).snap().grow(310))


def test_what_nobody_can_read_before_a_snapshot_is_grey_behind_it(memory):
    book = opened()
    with with_novelty(book, memory) as (begun, whole):
        note = book.note(at=compound.NOW)
        begun.update(book.source(checkpoint=note))
        whole.update(Shelf(Book.files(book, checkpoint=note)))

        assert has_begun(begun) and begun.replica.ledger().critical == NOVELTY.critical
        assert verdicts(begun) == verdicts(whole)
        assert findings(begun.store, begun.pinned) == []


def test_what_nobody_can_read_before_a_snapshot_is_kept_in_mind_once_replayed(memory):
    book = opened()
    with with_novelty(book, memory) as (begun, whole):
        begun.update(book.source())
        whole.update(book.plain())
        replay(begun.replica, book.source(), pinned=book.pinned)

        kept = [list(one.store.rows("SELECT * FROM skipped")) for one in (begun, whole)]
        assert kept[0] == kept[1]
        assert findings(begun.store, begun.pinned) == []


def test_keys_that_terminals_had_before_a_snapshot_are_known_once_replayed(memory):
    keys = [entries.Terminal(name, key_of(word).public) for name, word in NAMED]
    book = opened().add(*keys, entries.Terminal("west")).grow(300).snap().grow(310)
    with two(memory, book) as (begun, whole):
        begun.update(book.source())
        whole.update(book.plain())
        before = feed_keys(begun)
        replay(begun.replica, book.source(), pinned=book.pinned)

        assert len(before) == 1
        assert feed_keys(begun) == feed_keys(whole)
        assert len(feed_keys(begun)) == len(NAMED)


NAMED = (("east", "first key"), ("east", "second key"), ("west", "third key"))


def feed_keys(terminal):
    return dict(terminal.store.rows("SELECT key, name FROM feed_key"))


def test_only_what_is_behind_the_snapshot_and_its_bundle_is_fetched(memory):
    book = at(700)().grow(705)
    with Terminal(memory, book.pinned) as terminal:
        shelf = book.source()
        terminal.update(shelf)

    assert shelf.asked[:3] == ["checkpoint", "snapshot", "tile/entries/002.p/193"]
    assert {path for path in shelf.asked if "entries" in path} == {"tile/entries/002.p/193"}
    assert book.blob in shelf.asked


def test_the_time_of_the_quorum_is_that_of_both_policies(memory):
    book = behind_a_policy(40)().grow(60)
    text = book.text()
    times = {"anna": NOW + 100, "bela": NOW + 90, "dora": NOW + 1}
    signed = book.note(by=BOTH, cosigners=())
    signed += "".join(Signer(name).line(text, time) for name, time in times.items()).encode()
    with two(memory, book) as (begun, whole):
        begun.update(book.source(checkpoint=signed))
        whole.update(Shelf(Book.files(book, checkpoint=signed)))

        assert has_begun(begun)
        assert begun.replica.ledger() == whole.replica.ledger()
        assert begun.replica.ledger().floor == NOW + 1


def test_a_terminal_that_is_not_empty_never_looks_at_a_snapshot(memory):
    book = populated()
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(Shelf(Book.files(book)))
        shelf = book.grow(300).snap().grow(310).source()

        terminal.update(shelf)

        assert terminal.replica.ledger().size == 310
        assert not has_begun(terminal)
        assert not {"snapshot", book.blob} & set(shelf.asked)


def test_a_terminal_that_is_empty_for_good_reason_never_begins_twice(memory):
    book = small()
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        first = terminal.replica.history.base()

        shelf = book.grow(90).snap().grow(95).source()
        terminal.update(shelf)

        assert terminal.replica.history.base() == first
        assert "snapshot" not in shelf.asked


def test_a_cosigner_replays_everything_and_begins_with_no_snapshot(memory):
    book = small()
    pinned = replace(book.pinned, cosigning=True)
    with Terminal(memory, pinned) as terminal:
        shelf = book.source()
        terminal.update(shelf)

        assert not has_begun(terminal)
        assert "snapshot" not in shelf.asked
        assert [one for some in terminal.replica.bundles() for one in some] == book.bodies


# What a source shows is wrong: it is passed over, for the entries are there as well.


def replaced(**files):
    """The files of a shelf with these changed; None takes one away."""

    def change(book, found):
        for name, value in files.items():
            path = {"blob": book.blob, "pointer": "snapshot"}[name]
            if value is None:
                del found[path]
            else:
                found[path] = value(found[path]) if callable(value) else value

    return change


def pointing(data):
    return replaced(pointer=data)


def tiles_changed(change):
    def changed(book, found):
        for path in [path for path in found if path.startswith("tile/0/")]:
            value = change(found.pop(path))
            if value is not None:
                found[path] = value

    return changed


BAD_SHELVES = {
    "an entry that is no snapshot": (pointing(b"59\n"), "entry 59 is no snapshot"),
    "the first entry": (pointing(b"0\n"), "entry 0 is no snapshot"),
    "the last entry": (pointing(b"69\n"), "entry 69 is no snapshot"),
    "an entry beyond": (pointing(b"70\n"), "points to no snapshot of this checkpoint"),
    "an entry far beyond": (pointing(b"9999999999999999\n"), "points to no snapshot"),
    "nothing": (pointing(b""), "points to no snapshot"),
    "a word": (pointing(b"newest\n"), "points to no snapshot"),
    "no line": (pointing(b"60"), "points to no snapshot"),
    "two lines": (pointing(b"60\n60\n"), "points to no snapshot"),
    "a negative number": (pointing(b"-10\n"), "points to no snapshot"),
    "another spelling": (pointing(b"060\n"), "points to no snapshot"),
    "a space": (pointing(b" 60\n"), "points to no snapshot"),
    "another script": (pointing("６０\n".encode()), "points to no snapshot"),
    "no text": (pointing(b"\xff\xfe\n"), "points to no snapshot"),
    "much": (pointing(b"6" * 33), "snapshot is longer than 32 bytes"),
    "no file": (replaced(blob=None), "has no blob/"),
    "an empty file": (replaced(blob=b""), "or another file under that name"),
    "another file": (replaced(blob=lambda data: data[::-1]), "or another file"),
    "a flipped bit": (
        replaced(blob=lambda data: data[:99] + bytes((data[99] ^ 1,)) + data[100:]),
        "or another file under that name",
    ),
    "a file cut short": (replaced(blob=lambda data: data[:-1]), "or another file under that name"),
    "a longer file": (replaced(blob=lambda data: data + b"\n"), "is longer than"),
    "a tile with a flipped bit": (
        tiles_changed(lambda data: data[:-1] + bytes((data[-1] ^ 1,))),
        "does not stand in the signed tree",
    ),
    "other tiles": (tiles_changed(lambda data: bytes(len(data))), "does not stand in the signed"),
    "a tile cut short": (tiles_changed(lambda data: data[:-1]), "bytes, not 70 hashes"),
    "an empty tile": (tiles_changed(lambda data: b""), "0 bytes, not 70 hashes"),
    "no tile": (tiles_changed(lambda data: None), "has no tile/0/000.p/70"),
    "a tile too long": (tiles_changed(lambda data: bytes(8_193)), "is longer than 8192 bytes"),
}


def candidate_of(book, found):
    return checked(found["checkpoint"], trust=book.pinned, known=NOWHERE)


def names_the_reason(book, found, why):
    with pytest.raises(Refused, match=why) as caught:
        image_of(Shelf(found), candidate_of(book, found))
    assert caught.value.reason == "R-LEDGER"


def passes_over(folder, book, found):
    """The terminal replays all, and stands as one that was shown no snapshot."""
    with two(folder, book) as (terminal, whole):
        terminal.update(Shelf(found))
        whole.update(book.plain())

        assert not has_begun(terminal)
        assert terminal.state() == whole.state()


@pytest.mark.parametrize("what", BAD_SHELVES)
def test_a_snapshot_badly_shown_is_passed_over_for_the_entries(memory, what):
    (change, why), book = BAD_SHELVES[what], small()
    found = book.files()
    change(book, found)

    names_the_reason(book, found, why)
    passes_over(memory, book, found)


def test_where_no_snapshot_is_shown_there_is_none(memory):
    book = small()

    assert image_of(book.plain(), candidate_of(book, book.files())) is None


def test_any_tile_of_the_proof_that_is_damaged_is_found_by_the_root(memory):
    book = populated(300).snap().grow(600)
    shelf = book.source()
    image_of(shelf, candidate_of(book, shelf.files))
    paths = [path for path in shelf.asked if re.match("tile/[0-9]", path)]
    assert {path.split("/")[1] for path in paths} == {"0", "1"}

    for path in paths:
        found = shelf.files | {path: bytes(byte ^ 1 for byte in shelf.files[path])}
        names_the_reason(book, found, "does not stand in the signed tree")
    passes_over(memory, book, found)


def test_a_full_tile_and_a_full_bundle_serve_for_the_partial_ones(memory):
    book = populated(200).snap().grow(210)
    found, later = book.files(), book.copy().grow(256).files()
    for path in [path for path in found if path.endswith(".p/210")]:
        del found[path]
        found[path[:-6]] = later[path[:-6]]
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(Shelf(found))

        assert has_begun(terminal) and terminal.replica.ledger().size == 210


class Fickle(Shelf):
    """Shows another file than it should, the first time it is asked for one."""

    def __init__(self, files, path, data):
        super().__init__(files)
        self.other = {path: data}

    def get(self, path, *, most, tag=""):
        if path in self.other:
            whole, self.files = self.files, self.files | {path: self.other.pop(path)}
            try:
                return super().get(path, most=most, tag=tag)
            finally:
                self.files = whole
        return super().get(path, most=most, tag=tag)


@pytest.mark.parametrize("number", [0, 30, 59, 60])
def test_an_entry_altered_in_the_snapshot_s_own_bundle_is_passed_over(memory, number):
    book = small()
    altered = list(book.bodies)
    altered[number] = entries.to_bytes(unpass(9))
    path, files = tiles.bundle_path(0, 70), book.files()
    why = "does not stand in the signed tree" if number == 60 else "are not those of its frontier"
    shelf = Fickle(files, path, tiles.bundle_of(altered))
    with pytest.raises(Refused, match=why):
        image_of(shelf, candidate_of(book, files))
    shelf = Fickle(files, path, tiles.bundle_of(altered))

    with two(memory, book) as (terminal, whole):
        terminal.update(shelf)
        whole.update(book.plain())

        assert not has_begun(terminal)
        assert terminal.state() == whole.state()


def test_entries_altered_behind_a_snapshot_are_refused_and_nothing_is_left(memory):
    book = populated(250).snap().grow(300)
    found = book.files()
    found["tile/entries/001.p/44"] = tiles.bundle_of([b"x"] * 44)
    with Terminal(memory, book.pinned) as terminal:
        before = terminal.state()
        with pytest.raises(Refused, match="do not hash to the signed root"):
            terminal.update(Shelf(found))

        assert terminal.state() == before and not has_begun(terminal)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_a_source_shows_the_state_is_the_signed_one_or_none(data):
    """Any files: the signed state, or `Refused` and an empty store."""
    book = small()
    found = book.files()
    for path in data.draw(st.lists(st.sampled_from(sorted(found)), max_size=3)):
        before = found[path]
        cut = data.draw(st.integers(0, len(before)))
        byte = bytes((data.draw(st.integers(0, 255)),))
        altered = [before[:cut], before + byte, before[:cut] + byte + before[cut + 1 :]]
        found[path] = data.draw(st.sampled_from([*altered, *sorted(found.values())]))
    with ram() as folder, Terminal(folder, book.pinned) as terminal:
        empty = terminal.state()
        try:
            terminal.update(Shelf(found))
        except Refused as refusal:
            assert refusal.reason == "R-LEDGER"
            assert terminal.state() == empty and not has_begun(terminal)
        else:
            assert terminal.outcome()[1:3] == (70, book.position.root)
            assert terminal.outcome()[0] == digest_of_small()


@cache
def digest_of_small():
    book = small()
    with ram() as folder, Terminal(folder, book.pinned) as terminal:
        terminal.replica.append(book.bodies, trust=book.pinned)
        return state_digest(terminal.store.db)


# What the file says is wrong, and its hash is in the log: who writes the log alone can do that.


def rows_of_file(change):
    """A change to the decoded rows of a snapshot."""

    def changed(rows):
        decoded = [cbor.decode(row, max_size=1 << 20) for row in rows]
        return [cbor.encode(row) for row in change(decoded)]

    return changed


def each(table, change):
    return rows_of_file(
        lambda rows: [[table, *change(row[1:])] if row[0] == table else row for row in rows]
    )


def more(*rows):
    return rows_of_file(lambda held: [*held, *map(list, rows)])


BAD_ROWS = {
    "a row altered": each("pass", lambda row: [*row[:5], 63, *row[6:]]),
    "a row left out": rows_of_file(lambda rows: [row for row in rows if row[0] != "pass"]),
    "a revocation left out": each("status", lambda row: [row[0], 2]),
    "a row more": more(["rule", "gate", 3, b"{}"]),
    "a row twice": rows_of_file(lambda rows: [*rows, rows[-1]]),
    "rows in another order": rows_of_file(lambda rows: rows[::-1]),
    "a denial without a note": more(["status", 131_077, 4]),
    "a status that stands for nothing": more(["status", 131_077, 9]),
    "a status that changes nothing": more(["status", 131_077, 0]),
    "a number as text": each("status", lambda row: [str(row[0]), row[1]]),
    "true for one": each("status", lambda row: [row[0], row[1] == 1]),
    "a column too few": more(["rule", "gate", 3]),
    "a column too many": more(["rule", "gate", 3, b"{}", 1]),
    "no columns": more(["rule"]),
    "a list in a column": more(["rule", "gate", 3, [1]]),
    "a number out of range": more(["status", 2**63, 1]),
    "no number": more(["status", None, 1]),
    "text in a column of bytes": more(["rule", "gate", 3, "text"]),
    "a short policy": more(["policy", 3]),
    "a policy that is no entry": more(["policy", 3, 1, b"\x80"]),
    "another entry for a policy": more(["policy", 3, 1, entries.to_bytes(unpass(1))]),
    "two masks": more(["ledger", 1]),
    "no rows at all": rows_of_file(lambda rows: []),
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_rows_altered_under_the_right_digest_are_passed_over(memory, what):
    book = lied(rows=BAD_ROWS[what])

    names_the_reason(book, book.files(), "rows of another state than its entry says")
    passes_over(memory, book, book.files())


BAD_FILES = {
    "no row of its own": (lambda file: b"no snapshot", "not a snapshot file"),
    "another version": (lambda file: file.replace(b"-1\n", b"-2\n", 1), "not a snapshot file"),
    "cut short": (lambda file: file[:-3], "ends early"),
    "with bytes behind": (lambda file: file + b"\0", "bytes behind the snapshot"),
    "that does not inflate": (lambda file: file[:40] + bytes(9) + file[49:], "not inflate|row"),
}


def small_with(file_of, **lies):
    """The small ledger, whose snapshot entry names another file."""
    book = populated()
    honest = book.copy().snap()
    honest_entry, file = honest.shot
    made = file_of(file)
    claim = {"sha256": hashlib.sha256(made).digest(), "length": len(made)} | lies
    entry = entries.Snapshot(**{"size": 60, "digest": honest_entry.digest} | claim)
    book.shot = (entry, made)
    return book.add(entry).add(status((7, 0), (8, 3))).grow(70)


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_file_that_is_no_snapshot_is_passed_over(memory, what):
    change, why = BAD_FILES[what]
    book = small_with(change)

    names_the_reason(book, book.files(), why)
    passes_over(memory, book, book.files())


@pytest.mark.parametrize(
    ("lies", "why"),
    [
        ({"length": 99}, "is longer than 99 bytes"),
        ({"length": 0}, "is longer than 0 bytes"),
        ({"length": snapshot.MAX_FILE + 1}, "at most 67108864 are read"),
        ({"sha256": bytes(32)}, "or another file under that name"),
    ],
)
def test_an_entry_that_names_no_such_file_is_passed_over(memory, lies, why):
    book = small_with(lambda file: file, **lies)

    names_the_reason(book, book.files(), why)
    passes_over(memory, book, book.files())


@pytest.mark.parametrize(
    ("frontier", "why"),
    [
        (frontier_of([b"other"] * 59), "of another size than its entry says"),
        (frontier_of([b"other"] * 61), "of another size than its entry says"),
        (Frontier(), "of another size than its entry says"),
        (frontier_of([b"other"] * 60), "are not those of its frontier"),
    ],
)
def test_a_file_with_the_frontier_of_another_log_is_passed_over(memory, frontier, why):
    book = lied(frontier=frontier)

    names_the_reason(book, book.files(), why)
    passes_over(memory, book, book.files())


def test_a_wrong_hash_of_the_whole_bundles_is_found_by_the_root(memory):
    book = opened().add(issuer(), pass_of("anna")).grow(300)
    held = frontier_of(book.bodies)
    peaks = [bytes(32), *held.peaks[1:]]
    book.snap(frontier=Frontier(300, peaks)).grow(310)
    assert image_of(book.source(), candidate_of(book, book.files())).frontier.peaks == (*peaks,)

    passes_over(memory, book, book.files())


# What the quorum claims is wrong.


def lying(rows):
    """The digest of these rows, as a quorum claims it that wants them believed."""
    return hashlib.sha256(b"".join(len(row).to_bytes(4, "big") + row for row in rows)).digest()


def claimed(change, *, first=populated):
    """A ledger whose quorum signed a snapshot of the changed rows, digest and all."""
    book = first()
    with ram() as folder, Terminal(folder, book.pinned) as terminal:
        terminal.replica.append(book.bodies, trust=book.pinned)
        rows = change(list(rows_of(terminal.store.db)))
    return book.snap(rows=lambda _: rows, digest=lying(rows)).grow(70)


def refuses(terminal, source, why):
    before = terminal.state()
    with pytest.raises(Refused, match=why) as caught:
        terminal.update(source)
    assert caught.value.reason == "R-LEDGER"
    assert terminal.state() == before
    assert not has_begun(terminal)


REPLAYED = "a snapshot of another state than replaying gives"


def test_a_claim_that_not_even_the_file_bears_out_is_refused_by_everybody(memory):
    book = lied(digest=bytes(32))

    names_the_reason(book, book.files(), "rows of another state than its entry says")
    with two(memory, book) as (terminal, whole):
        refuses(terminal, book.source(), REPLAYED)
        refuses(whole, book.plain(), REPLAYED)


@pytest.mark.parametrize("size", [0, 59, 61, 70])
def test_a_snapshot_of_another_size_than_where_it_stands_is_refused_by_everybody(memory, size):
    book = small_with(lambda file: file, size=size)

    names_the_reason(book, book.files() | {"snapshot": b"60\n"}, "entry 60 is no snapshot")
    with two(memory, book) as (terminal, whole):
        refuses(terminal, book.source(), f"a snapshot of {size} entries stands at 60")
        refuses(whole, book.plain(), f"a snapshot of {size} entries stands at 60")


@pytest.mark.parametrize(
    "change",
    [
        each("pass", lambda row: [*row[:5], 63, *row[6:]]),
        each("status", lambda row: [row[0], 3]),
        each("ledger", lambda row: [16]),
        rows_of_file(lambda rows: [row for row in rows if row[0] != "status"]),
    ],
)
def test_a_lie_of_the_whole_quorum_is_found_by_whoever_replays(memory, change):
    book = claimed(change)
    with two(memory, book) as (begun, whole):
        refuses(whole, book.plain(), REPLAYED)
        begun.update(book.source())  # believed until somebody replays
        before = begun.state()
        assert has_begun(begun)

        with pytest.raises(Refused, match="another state than the quorum claimed") as caught:
            replay(begun.replica, book.source(), pinned=book.pinned)

        assert caught.value.reason == "R-LEDGER"
        assert begun.state() == before and has_begun(begun)


WELL_MADE = {"a row altered", "a row left out", "a revocation left out", "a row more"}


@pytest.mark.parametrize("what", sorted(set(BAD_ROWS) - WELL_MADE))
def test_rows_that_make_no_state_are_refused_though_a_quorum_claims_them(memory, what):
    book = claimed(BAD_ROWS[what])
    with Terminal(memory, book.pinned) as terminal:
        refuses(terminal, book.source(), REPLAYED)


TABLES = st.sampled_from(sorted(STATE))
COLUMNS = st.lists(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.text(max_size=4)
    | st.binary(max_size=40)
    | st.lists(st.integers(0, 9), max_size=2)
    | st.just(entries.to_bytes(FIRST.policy())),
    max_size=12,
)


@given(st.lists(st.tuples(TABLES, COLUMNS).map(lambda row: [row[0], *row[1]]), max_size=4))
@settings(max_examples=40, deadline=None)
def test_whatever_rows_a_quorum_claims_a_terminal_begins_or_refuses(rows):
    """Any rows: a state that has the claimed digest, or `Refused` and an empty store."""
    spelled = list(map(cbor.encode, rows))
    digest = lying(spelled)
    book = populated(9).snap(rows=lambda _: spelled, digest=digest).grow(12)
    with ram() as folder, Terminal(folder, book.pinned) as terminal:
        empty = terminal.state()
        try:
            terminal.update(book.source())
        except Refused as refusal:
            assert refusal.reason == "R-LEDGER"
            assert terminal.state() == empty and not has_begun(terminal)
        else:
            assert terminal.replica.history.base().digest == digest


def forged(council, **changes):
    """A policy row that nobody who may has signed."""
    policy = council.policy(2, **changes)
    return ["policy", 2, 7, entries.to_bytes(policy)]


FIRST_DIGEST = trust.digest_of(FIRST.policy())
STRANGERS = Council("log-9", ("ivo", "jon", "kim"), 2, ("root-9",), 1, ())
BAD_POLICIES = {
    "a key nobody announced": (
        forged(STRANGERS, previous=FIRST_DIGEST, by=("root-1", "root-9")),
        "brings a key that was not announced",
    ),
    "not signed by the old root": (
        forged(SECOND, previous=FIRST_DIGEST, by=("root-2",)),
        "0 of the old root keys signed",
    ),
    "not signed by the new root": (
        forged(SECOND, previous=FIRST_DIGEST, by=("root-1",)),
        "0 of the new root keys signed",
    ),
    "behind another policy": (
        forged(SECOND, previous=bytes(32), by=("root-1", "root-2")),
        "does not follow policy 1",
    ),
    "behind a policy left out": (
        ["policy", 3, 7, entries.to_bytes(SECOND.policy(3, FIRST_DIGEST, by=("root-1",)))],
        "policy 3 does not follow policy 1",
    ),
    "of another origin": (
        forged(SECOND, previous=FIRST_DIGEST, by=("root-1", "root-2"), origin="yardpass/bj01"),
        "a root signature of policy 2 does not hold",
    ),
    "under another number": (
        ["policy", 7, 7, forged(SECOND, previous=FIRST_DIGEST, by=("root-1", "root-2"))[3]],
        "a policy row that is no policy",
    ),
    "another entry": (["policy", 2, 7, entries.to_bytes(unpass(1))], "that is no policy"),
    "no entry": (["policy", 2, 7, b"\x80"], "ledger entry: "),
    "no bytes": (["policy", 2, 7, "text"], "a policy row that is no policy"),
    "a column too few": (["policy", 2, 7], "a policy row that is no policy"),
    "a column too many": (["policy", 2, 7, b"", 1], "a policy row that is no policy"),
}


@pytest.mark.parametrize("what", BAD_POLICIES)
def test_policies_among_the_rows_must_follow_from_the_pinned_one(memory, what):
    row, why = BAD_POLICIES[what]
    book = claimed(rows_of_file(lambda rows: [rows[0], row, *rows[1:]]))
    image = image_of(book.source(), candidate_of(book, book.files()))
    with pytest.raises(Refused, match=why) as caught:
        trust_in(image, book.pinned)
    assert caught.value.reason == "R-LEDGER"

    with two(memory, book) as (terminal, whole):
        refuses(terminal, book.source(), REPLAYED)
        refuses(whole, book.plain(), REPLAYED)


def test_a_snapshot_without_the_policies_of_its_log_does_not_lead_to_the_checkpoint(memory):
    left_out = rows_of_file(lambda rows: [row for row in rows if row[:2] != ["policy", 2]])
    book = claimed(left_out, first=lambda: opened().add(issuer()).grow(20).rotate(SECOND))
    book.rotate(THIRD)
    source = book.source(checkpoint=book.note(by=(FIRST, SECOND, THIRD)))
    for number in (1, 2):
        del source.files[f"bridge/{number}"]
    with Terminal(memory, book.pinned) as terminal:
        refuses(terminal, source, REPLAYED)


def test_whom_the_rows_name_must_have_signed_the_checkpoint(memory):
    book = behind_a_policy(40)().grow(60)
    found = book.files(checkpoint=book.note(by=[FIRST]))
    del found["bridge/1"]
    with Terminal(memory, book.pinned) as terminal:
        refuses(terminal, Shelf(found), "log's own key did not sign|no quorum|no known key")


# Filling in the rest.


def test_entries_that_were_altered_fill_in_nothing(memory):
    book, path = populated(300).snap().grow(305), "tile/entries/000"
    found = book.files()
    altered = tiles.entries_of(found[path], 256)
    altered[7] = entries.to_bytes(unpass(1_000))
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        before = terminal.state()

        for data, why in (
            (tiles.bundle_of(altered), "do not hash to its frontier"),
            (b"garbage", "shelf, tile/entries/000: the bundle ends before entry"),
            (found[path] + b"\0", "shelf, tile/entries/000: 1 bytes behind the 256 entries"),
            (None, "shelf has no tile/entries/000"),
        ):
            shelf = Shelf(found | {path: data} if data else {})
            with pytest.raises(Refused, match=why) as caught:
                replay(terminal.replica, shelf, pinned=book.pinned)
            assert caught.value.reason == "R-LEDGER"
            assert terminal.state() == before and has_begun(terminal)


def test_what_the_store_holds_already_is_fetched_from_nobody(memory):
    book = small()
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())

        assert replay(terminal.replica, Shelf({}), pinned=book.pinned) == 60
        assert not has_begun(terminal)
        assert findings(terminal.store, book.pinned) == []


def test_replaying_leaves_nothing_beside_the_store(memory):
    book = populated(300).snap().grow(305)
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        before = sorted(path.name for path in memory.iterdir())
        replay(terminal.replica, book.source(), pinned=book.pinned)

        assert sorted(path.name for path in memory.iterdir()) == before


def test_a_terminal_pinned_to_another_policy_replays_nothing(memory):
    book = populated(300).snap().grow(305)
    other = Book.opened(STRANGERS).pinned
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        with pytest.raises(Refused, match="policy 1 does not follow policy 1"):
            replay(terminal.replica, book.source(), pinned=other)

        assert has_begun(terminal)


# Crashes and failing sources.


class Failing(Shelf):
    """Is unplugged at the n-th read."""

    def __init__(self, files, last):
        super().__init__(files)
        self.last = last

    def get(self, path, *, most, tag=""):
        if len(self.asked) == self.last:
            raise Unavailable(f"{path} cannot be read; plug the stick in")
        return super().get(path, most=most, tag=tag)


def reads_of(book, use):
    """How many reads `use` makes of a shelf that does not fail."""
    shelf = book.source()
    use(shelf)
    return len(shelf.asked)


def test_a_source_that_fails_at_any_read_leaves_the_store_empty(memory):
    book = populated(300).snap().grow(600)
    with Terminal(memory, book.pinned) as terminal, two(memory, book) as (other, _):
        before, count = terminal.state(), reads_of(book, other.update)
        assert count > 7

        for last in range(count):
            with pytest.raises(Unavailable, match="plug the stick in"):
                terminal.update(Failing(book.files(), last))
            assert terminal.state() == before and not has_begun(terminal)

        terminal.update(Failing(book.files(), count))
        assert terminal.state() == other.state()


def test_a_source_that_fails_at_any_read_of_a_replay_leaves_what_was_there(memory):
    book = populated(600).snap().grow(605)
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        before = terminal.state()

        for last in range(2):
            with pytest.raises(Unavailable, match="plug the stick in"):
                replay(terminal.replica, Failing(book.files(), last), pinned=book.pinned)
            assert terminal.state() == before and has_begun(terminal)

        assert replay(terminal.replica, Failing(book.files(), 2), pinned=book.pinned) == 600
        assert not has_begun(terminal)


def copies_of(terminal, folder, use):
    """What a power cut would leave, before each statement of `use`: copies of the store."""
    made = []

    def cut(statement):
        place = folder / f"cut-{len(made)}"
        place.mkdir()
        for path in folder.glob(f"{terminal.path.name}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, place)
        made.append(place / terminal.path.name)

    terminal.store.db.set_trace_callback(cut)
    try:
        use()
    finally:
        terminal.store.db.set_trace_callback(None)
    return made


def look_of(path):
    """What a terminal finds there when it starts again."""
    with Store(path) as store:
        rows = [
            tuple(store.rows("SELECT * FROM bundle ORDER BY number")),
            tuple(store.rows("SELECT size FROM base")),
        ]
        return (state_digest(store.db), Replica(store).ledger(), *rows)


def test_a_power_cut_at_any_statement_leaves_the_empty_store_or_the_whole_state(memory):
    book = populated(20).snap().grow(25)
    with Terminal(memory, book.pinned) as terminal:
        terminal.store.db.execute("PRAGMA cache_spill = 1")
        before = look_of(terminal.path)

        cuts = copies_of(terminal, memory, lambda: terminal.update(book.source()))

        after = look_of(terminal.path)
        found = [look_of(path) for path in cuts]
    assert len(found) > 40
    assert set(found) <= {before, after}
    assert found[0] == before and before[1].size == 0 and after[1].size == 25


def test_a_power_cut_during_a_replay_leaves_what_was_there_or_all_of_it(memory):
    book = populated(300).snap().grow(305)
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())
        before = look_of(terminal.path)

        cuts = copies_of(
            terminal,
            memory,
            lambda: replay(terminal.replica, book.source(), pinned=book.pinned),
        )

        after = look_of(terminal.path)
        found = [look_of(path) for path in cuts]
    assert set(found) <= {before, after}
    assert found[0] == before and before[3] == ((300,),) and after[3] == ()


def test_a_process_that_is_stopped_while_applying_leaves_the_empty_store(memory):
    book = populated(300).snap().grow(600)

    def stop(what, done, total):
        if what == "Applying":
            raise KeyboardInterrupt

    with Terminal(memory, book.pinned) as terminal:
        before = terminal.state()
        update = Mirror(terminal.replica, pinned=book.pinned, now=lambda: NOW, progress=stop)
        with pytest.raises(KeyboardInterrupt):
            update.update(book.source())

        assert terminal.state() == before and not has_begun(terminal)


class Overtaking(Shelf):
    """While its snapshot is read, another process brings the same store in step."""

    def __init__(self, files, path, other):
        super().__init__(files)
        self.path, self.other = path, other

    def get(self, path, *, most, tag=""):
        found = super().get(path, most=most, tag=tag)
        if path.startswith("blob/"):
            with Store(self.path) as store:
                Mirror(Replica(store), pinned=self.other.pinned, now=lambda: NOW).update(
                    self.other.plain()
                )
        return found


def test_a_store_that_another_process_filled_meanwhile_keeps_what_that_wrote(memory):
    book = small()
    with two(memory, book) as (terminal, whole):
        whole.update(book.plain())
        with pytest.raises(Refused, match="the ledger went from 0 to 70 entries meanwhile; retry"):
            terminal.update(Overtaking(book.files(), terminal.path, book))

        assert terminal.state() == whole.state() and not has_begun(terminal)
        terminal.update(book.source())


@pytest.mark.parametrize("status", ["403 Forbidden", "429 Slow", "500 Error", "503 Busy"])
@pytest.mark.parametrize("path", ["snapshot", "blob/", "tile/0/", "bridge/"])
def test_what_a_server_will_not_give_of_a_snapshot_keeps_no_terminal_from_starting(
    memory, path, status
):
    book = behind_a_policy(40)().grow(600)
    shown = book.files(checkpoint=book.note(by=BOTH))

    def script(asked):
        found = shown.get(asked.removeprefix("/"))
        if asked.startswith(f"/{path}"):
            yield answer(b"no", status)
        else:
            yield answer(b"", "404 Not Found") if found is None else answer(found)

    with following(script) as server, Terminal(memory, book.pinned) as terminal:
        assert terminal.update(HttpSource(server.url)).size == 600

        assert has_begun(terminal) == (path == "bridge/")
        assert findings(terminal.store, book.pinned) == []


@pytest.mark.parametrize("path", ["tile/entries/001", "tile/entries/002.p/88"])
def test_entries_that_a_server_will_not_give_are_not_passed_over(memory, path):
    book = at(300)().grow(600)
    source = book.source()

    def get(asked, **bounds):
        if asked == path:
            raise Unavailable("status 503; try again later")
        return Shelf.get(source, asked, **bounds)

    source.get = get
    with Terminal(memory, book.pinned) as terminal:
        before = terminal.state()
        with pytest.raises(Unavailable, match="503; try again later"):
            terminal.update(source)

        assert terminal.state() == before


# A version that reads more.


def test_what_a_snapshot_says_is_restored_under_the_denials_that_hold(memory, monkeypatch):
    """After an update the state is made anew, from the snapshot on."""
    book = opened().add(*PEOPLE).grow(300).snap()
    book.add(entries.Blob("update", bytes(32), 9)).add(status((7, 1), at=compound.NOW)).grow(310)
    held = (compound.REVOKED, compound.ANN)
    places = [(who.claims.uri, who.claims.idx) for who in held]
    stated = {"issued_at": compound.NOW, "key": compound.OFFICE}
    with two(memory, book) as (begun, whole):
        source = book.source(checkpoint=book.note(at=compound.NOW))
        with monkeypatch.context() as older:
            older.delitem(entries.KINDS, "blob")
            begun.update(source)
        whole.update(source)
        for terminal in (begun, whole):
            note = deny.sign(book.origin, places, **stated)
            Denials(terminal.store).add(note, trust=book.pinned, now=compound.NOW)
        assert has_begun(begun) and state_digest(begun.store.db) != state_digest(whole.store.db)

        assert relearn(begun.replica, book.pinned)

        assert state_digest(begun.store.db) == state_digest(whole.store.db)
        assert verdicts(begun)[0] == verdicts(whole)[0]
        assert findings(begun.store, book.pinned) == []


def test_orders_hold_over_a_snapshot_that_is_restored(memory, monkeypatch):
    guard = key_of("guard")
    held = entries.Issuer("guard", guard.public, 0, compound.NOW, 0, entries.MAY_ORDER)
    book = opened().add(*PEOPLE, held).grow(300).snap()
    book.add(entries.Blob("update", bytes(32), 9)).grow(310)
    stated = {"issued_at": compound.NOW, "key": guard}
    text = order.sign(book.origin, order.Kind.LOCKDOWN, 0b101, **stated)
    with two(memory, book) as (begun, _):
        with monkeypatch.context() as older:
            older.delitem(entries.KINDS, "blob")
            begun.update(book.source(checkpoint=book.note(at=compound.NOW)))
        Orders(begun.store).add(text, trust=book.pinned, now=compound.NOW)
        before = Orders(begun.store).in_force()

        assert has_begun(begun) and relearn(begun.replica, book.pinned)

        assert Orders(begun.store).in_force() == before
        assert before[:3] == (0b101, 0, 0)
        assert findings(begun.store, book.pinned) == []


def test_a_version_that_cannot_read_every_entry_calls_nobody_a_liar(memory, monkeypatch):
    book = opened().add(issuer(), entries.Blob("update", bytes(32), 9)).grow(300).snap().grow(305)
    with two(memory, book) as (begun, whole):
        with monkeypatch.context() as older:
            older.delitem(entries.KINDS, "blob")
            begun.update(book.source())
            before = begun.state()
            with pytest.raises(Refused, match="cannot read every entry; update it, then replay"):
                replay(begun.replica, book.source(), pinned=book.pinned)
            assert begun.state() == before and has_begun(begun)
        whole.update(book.plain())

        assert replay(begun.replica, book.source(), pinned=book.pinned) == 300
        assert begun.state() == whole.state()


# Rotations.


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_a_new_terminal_gets_in_though_the_pinned_quorum_is_gone(memory, behind):
    book = opened().add(issuer(), pass_of("anna"), status((7, 1))).grow(20)
    for number, council in enumerate((SECOND, THIRD)):
        if number == behind:
            book.snap()
        book.rotate(council).grow(len(book.bodies) + 9)
    if behind == 2:
        book.snap()
    book.grow(60)
    shelf = book.source(checkpoint=book.note(by=[THIRD]))
    with two(memory, book) as (terminal, whole):
        terminal.update(shelf)
        whole.update(Shelf({path: one for path, one in shelf.files.items() if path != "snapshot"}))

        assert terminal.replica.ledger()._replace(version=0) == (
            whole.replica.ledger()._replace(version=0)
        )
        assert terminal.outcome() == whole.outcome() == (*whole.outcome()[:3], 3)
        assert findings(terminal.store, book.pinned) == []
        assert has_begun(terminal) == (behind == 0)  # those behind a bridge are replayed


def test_a_terminal_that_began_with_a_snapshot_leads_others_over_the_policies_in_it(memory):
    """As one does that replayed: what it publishes later is signed by the new quorum alone."""
    book = behind_a_policy(40)().grow(60)
    with two(memory, book) as (begun, other):
        begun.update(book.source(checkpoint=book.note(by=BOTH)))
        assert has_begun(begun)
        book.grow(70)
        begun.update(book.source(checkpoint=book.note(by=[SECOND])))
        replay(begun.replica, book.source(), pinned=book.pinned)
        publish(begun.replica, begun.replica.note(), memory / "stick")

        other.update(FolderSource(memory / "stick"))

        assert other.outcome() == begun.outcome()


@pytest.mark.parametrize(
    "bridge",
    [
        lambda book: None,
        lambda book: b"",
        lambda book: b"no note",
        lambda book: b"x" * 16_385,
        lambda book: book.note(logs=["log-9"], cosigners=["ivo", "jon"]),
        lambda book: book.note(logs=["log-1"], cosigners=["anna"]),
        lambda book: book.note(by=[FIRST]),
        lambda book: book.note(by=[SECOND]),
        lambda book: book.note(40, by=BOTH),  # ends right before the policy
        lambda book: book.note(3, by=BOTH),
        lambda book: book.copy().grow(61).note(by=BOTH),  # over more than the checkpoint
    ],
)
def test_no_bridge_is_kept_that_does_not_lead_to_the_next_policy(memory, bridge):
    book = behind_a_policy(40)().grow(60)
    source = book.source(checkpoint=book.note(by=BOTH))
    del source.files["bridge/1"]
    source.files |= {"bridge/1": bridge(book)} if bridge(book) is not None else {}
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(source)

        assert has_begun(terminal)
        assert terminal.replica.history.bridges() == []
        assert findings(terminal.store, book.pinned) == []


@pytest.mark.parametrize("size", [41, 42, 60])
def test_any_note_over_the_next_policy_and_by_both_quorums_is_a_bridge(memory, size):
    book = behind_a_policy(40)().grow(60)
    source = book.source(checkpoint=book.note(by=BOTH))
    source.files |= {"bridge/1": book.note(size, by=BOTH)}
    with two(memory, book) as (terminal, other):
        terminal.update(source)
        replay(terminal.replica, source, pinned=book.pinned)
        book.grow(70)
        terminal.update(book.source(checkpoint=book.note(by=[SECOND])))
        publish(terminal.replica, terminal.replica.note(), memory / "stick")

        other.update(FolderSource(memory / "stick"))

        assert terminal.replica.history.bridges() == [(1, source.files["bridge/1"])]
        assert other.outcome() == terminal.outcome()


def test_a_bridge_over_two_policies_needs_the_quorum_of_the_last(memory):
    book = opened().add(*PEOPLE).grow(40).rotate(SECOND).rotate(THIRD).snap().grow(60)
    everybody = (FIRST, SECOND, THIRD)
    for by, kept in (((FIRST, SECOND), []), (everybody, [1]), ((FIRST, THIRD), [1])):
        source = book.source(checkpoint=book.note(by=everybody))
        source.files |= {"bridge/1": book.note(by=by)}
        with Terminal(memory, book.pinned, name=f"{len(by)}{len(kept)}.db") as terminal:
            terminal.update(source)

            assert has_begun(terminal)
            assert [version for version, _ in terminal.replica.history.bridges()] == [*kept, 2]


def test_whenever_a_terminal_is_killed_it_has_the_snapshot_and_its_bridges_or_neither(memory):
    """What is in the files before each of its statements is what a kill there leaves."""
    book = behind_a_policy(40)().grow(60)
    left = []
    with Terminal(memory, book.pinned) as terminal:

        def traced(statement):
            left.append([Path(f"{terminal.path}{end}").read_bytes() for end in ("", "-wal")])

        terminal.store.db.set_trace_callback(traced)
        terminal.update(book.source(checkpoint=book.note(by=BOTH)))
        terminal.store.db.set_trace_callback(None)

    ends = []
    for data, wal in left:
        (memory / "killed.db").write_bytes(data)
        (memory / "killed.db-wal").write_bytes(wal)
        with Terminal(memory, book.pinned, name="killed.db") as killed:
            held = killed.replica.history.bridges()
            ends.append(has_begun(killed))
            assert held == ([(1, book.bridges[1])] if ends[-1] else [])
    assert set(ends) == {False, True}
    assert len(ends) > 20


# Making and publishing snapshots.


@pytest.fixture
def office(memory):
    folder = memory / "office"
    folder.mkdir()
    with Office(folder) as made:
        made.add(issuer(), pass_of("anna"), status((7, 1)))
        yield made


def test_a_snapshot_is_made_of_the_state_and_lies_under_its_hash(office, memory):
    before = state_digest(office.book.store.db)
    size = office.book.replica.ledger().size
    frontier = office.book.replica.frontier()

    made = snapshots.make(office.book, memory / "blobs")

    (path,) = (memory / "blobs").iterdir()
    data = path.read_bytes()
    assert path.name == made.sha256.hex() == hashlib.sha256(data).hexdigest()
    assert (made.size, made.length, made.digest) == (size, len(data), before)
    image = snapshot.opened(data)
    assert (image.frontier.peaks, image.digest()) == (frontier.peaks, before)
    assert office.book.replica.ledger().size == size + 1
    assert office.book.replica.bundle(0)[size] == entries.to_bytes(made)
    assert office.book.replica.history.newest_snapshot(size + 1) == made


class Overtaken(Sequencer):
    """Another process adds an entry just before this one does."""

    def add(self, new, *, within=None):
        with Store(self.store.path) as store:
            body = entries.to_bytes(unpass(77))
            Replica(store).append([body], trust=self.trust)
        return super().add(new, within=within)


def test_no_snapshot_is_made_of_a_log_that_grew_meanwhile(office, memory):
    size = office.book.replica.ledger().size
    with Overtaken(office.folder / "book.db", pinned=office.pinned) as book:
        with pytest.raises(Refused, match=f"a snapshot of {size} entries stands at {size + 1}"):
            snapshots.make(book, memory / "blobs")

        assert book.replica.ledger().size == size + 1
        assert book.replica.history.newest_snapshot(99) is None


def test_a_state_too_large_for_one_file_makes_no_snapshot(office, memory, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_FILE", 99)
    size = office.book.replica.ledger().size

    with pytest.raises(Refused, match="at most 99; terminals replay the log instead") as caught:
        snapshots.make(office.book, memory / "blobs")

    assert caught.value.reason == "R-LEDGER"
    assert office.book.replica.ledger().size == size
    assert not (memory / "blobs").exists()


def test_the_newest_snapshot_is_published_and_no_other(office, memory):
    blobs, public = memory / "blobs", memory / "public"
    first = snapshots.make(office.book, blobs)
    early = office.checkpoint()
    office.add(status((7, 2)))
    second = snapshots.make(office.book, blobs)

    publish(office.book.replica, office.checkpoint(), public, blobs=blobs)
    publish(office.book.replica, early, memory / "early", blobs=blobs)

    for folder, made in ((public, second), (memory / "early", first)):
        assert (folder / "snapshot").read_bytes() == b"%d\n" % made.size
        (blob,) = (folder / "blob").iterdir()
        assert blob.name == made.sha256.hex()
        assert blob.read_bytes() == (blobs / blob.name).read_bytes()
        with Terminal(memory, office.pinned, name=f"{made.size}.db") as terminal:
            terminal.update(FolderSource(folder))
            assert terminal.replica.history.base().size == made.size
            assert findings(terminal.store, office.pinned) == []


@pytest.mark.parametrize("blobs", [None, "empty"])
def test_without_the_file_no_snapshot_is_published(office, memory, blobs):
    snapshots.make(office.book, memory / "blobs")

    where = memory / blobs if blobs else None
    publish(office.book.replica, office.checkpoint(), memory / "public", blobs=where)

    assert not (memory / "public" / "snapshot").exists()
    with Terminal(memory, office.pinned) as terminal:
        terminal.update(FolderSource(memory / "public"))
        assert terminal.replica.ledger().size == office.book.replica.ledger().size


def test_cosigners_do_not_sign_a_snapshot_of_another_state(office):
    office.checkpoint()
    size = office.book.replica.ledger().size
    liar = entries.Snapshot(size, bytes(32), 99, bytes(32))

    with pytest.raises(Refused, match=REPLAYED):
        office.add(liar)

    assert office.book.replica.ledger().size == size


@pytest.mark.parametrize("to", ["folder", "file"])
def test_a_store_without_the_old_entries_says_how_to_get_them_before_it_exports(memory, to):
    book = populated(300).snap().grow(305)
    step = "bundle 0 is not in .*; fetch it with: yardpass ledger import SOURCE --replay"
    with Terminal(memory, book.pinned) as terminal:
        terminal.update(book.source())

        def export():
            if to == "folder":
                publish(terminal.replica, terminal.replica.note(), memory / "stick")
            else:
                some = terminal.replica.bundles()
                archive.write(memory / "stick", terminal.replica.note(), [], some)

        with pytest.raises(Unavailable, match=step):
            export()
        assert not (memory / "stick").exists()

        replay(terminal.replica, book.source(), pinned=book.pinned)
        export()
        if to == "folder":
            shown = book.files()
            for path in ("checkpoint", *(path for path in shown if path.startswith("tile/"))):
                assert (memory / "stick" / path).read_bytes() == shown[path], path


# fsck of a store that began with a snapshot.


@cache
def begun_store():
    """The bytes of a store that began with a snapshot, and whom it believes."""
    book = opened().add(*PEOPLE, NOVELTY).grow(300).snap().add(status((7, 1))).grow(310)
    with ram() as folder:
        with Terminal(folder, book.pinned) as terminal:
            terminal.update(book.source())
            assert has_begun(terminal) and findings(terminal.store, book.pinned) == []
        return terminal.path.read_bytes(), book.pinned


@pytest.fixture
def begun(memory):
    data, pinned = begun_store()
    (memory / "terminal.db").write_bytes(data)
    with Terminal(memory, pinned) as terminal:
        yield terminal


@pytest.mark.parametrize(
    ("table", "column"), [("base", "file"), ("bundle", "body"), ("ledger", "peaks")]
)
def test_fsck_finds_a_flipped_bit_of_what_it_began_with(begun, table, column):
    ((value,),) = begun.store.rows(f"SELECT {column} FROM {table}")

    for at in range(0, len(value), max(1, len(value) // 15)):
        flipped = value[:at] + bytes((value[at] ^ 1 << at % 8,)) + value[at + 1 :]
        begun.store.write(f"UPDATE {table} SET {column} = ?", flipped)
        assert findings(begun.store, begun.pinned), at
    begun.store.write(f"UPDATE {table} SET {column} = ?", value)

    assert findings(begun.store, begun.pinned) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE pass SET zones = zones | 8", "state: pass"),
        ("DELETE FROM pass WHERE handle = (SELECT max(handle) FROM pass)", "state: pass"),
        ("UPDATE issuer SET until = until + 1", "state: issuer"),
        ("DELETE FROM status WHERE value = 1", "state: status"),
        ("UPDATE status SET value = 0 WHERE value = 2", "state: status"),
        ("UPDATE rule SET text = x'7b7d'", "state: rule 'gate'"),
        ("UPDATE status_list SET issued_at = 0", "state: status_list 1"),
        ("UPDATE ledger SET critical = 0", "state: ledger"),
        ("UPDATE snapshot SET digest = zeroblob(32)", "state: snapshot 300"),
        ("UPDATE policy SET seq = 7", "state: policy 1"),
        ("UPDATE base SET size = 299", "the entries before the snapshot are not those"),
    ],
)
def test_fsck_finds_rows_that_do_not_follow_from_the_snapshot(begun, damage, said):
    begun.store.write(damage)

    assert any(said in sentence for sentence in findings(begun.store, begun.pinned))


def test_fsck_finds_a_file_that_the_ledger_does_not_name(begun):
    ((file,),) = begun.store.rows("SELECT file FROM base")
    begun.store.write("UPDATE base SET file = ?", recompressed(file))

    assert findings(begun.store, begun.pinned) == [
        "ledger: the snapshot this store began with is none of the ledger"
    ]


def recompressed(file):
    """The same rows in other bytes."""
    data = snapshot.zlib.decompress(file[len(snapshot.MAGIC) :])
    return snapshot.MAGIC + snapshot.zlib.compress(data, 1)
