"""Updating a replica from places nobody trusts: they can withhold, never alter.

Every attack ends with nothing applied and the reason named.
"""

import random
import re
import zlib
from contextlib import contextmanager
from dataclasses import replace

import pytest
from authority import (
    FIRST,
    SECOND,
    Book,
    Council,
    Shelf,
    Terminal,
    signed,
    size_of,
    unpass,
)
from webserver import publishing
from yard import LIST, NOW, ORIGIN, Yard, issuer, key_of, log_of, pass_of, policy_text, status

from ledger_sync import accept, entries, history, mirror, note, status_list, tiles, trust
from ledger_sync.accept import Damaged, Forked
from ledger_sync.archive import ArchiveSource
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.mirror import Outcome
from ledger_sync.sources import FolderSource, HttpSource
from ledger_sync.state_digest import state_digest

DAY = 86_400


def small():
    """Two dozen entries: the authority's own, people, and some more."""
    book = Book.opened().add(issuer(), pass_of("anna"), pass_of("bela", index=8), status((7, 1)))
    return book.grow(24)


@pytest.fixture
def terminal(tmp_path):
    with Terminal(tmp_path, small().pinned) as terminal:
        yield terminal


@pytest.fixture
def filled(terminal):
    """A terminal that holds `small`."""
    terminal.update(small().source())
    return terminal


def refused(terminal, source, why, *, error=Refused, evidence=0):
    """The update fails so, and leaves everything as it was."""
    before = terminal.state()
    with pytest.raises(error, match=why) as caught:
        terminal.update(source)
    if isinstance(caught.value, Refused):
        assert caught.value.reason == "R-LEDGER"
    assert terminal.state() == before
    assert len(terminal.evidence) == evidence


@contextmanager
def offered(book, kind, folder):
    """What the book shows, by each kind of source."""
    if kind == "archive":
        source = ArchiveSource(book.archive(folder / "hz07.ledger"))
        yield source
        source.close()
    elif kind == "http":
        with publishing(book.write(folder / "www")) as server:
            yield HttpSource(server.url)
    else:
        yield FolderSource(book.write(folder / "www"))


SOURCES = pytest.mark.parametrize("kind", ["folder", "http", "archive"])


# What an update does when all is well.


@SOURCES
def test_every_kind_of_source_gives_the_same_ledger(terminal, tmp_path, kind):
    book = small().grow(600)

    with offered(book, kind, tmp_path) as source:
        assert terminal.update(source) == Outcome(600, 600, 1)
        assert terminal.update(source) == Outcome(600, 0, 1)

    assert terminal.replica.position() == book.position
    assert [one for bundle in terminal.replica.bundles() for one in bundle] == book.bodies
    assert findings(terminal.store, terminal.pinned) == []


def test_an_update_fetches_only_what_is_new(filled):
    shelf = small().grow(700).source()

    assert filled.update(shelf) == Outcome(700, 676, 1)
    assert shelf.asked == [
        *("checkpoint", "tile/entries/000", "tile/entries/001", "tile/entries/002.p/188"),
    ]
    shelf.asked.clear()
    shelf.files |= small().grow(701).files()
    filled.update(shelf)
    assert shelf.asked == ["checkpoint", "tile/entries/002.p/189"]


def test_no_bundle_is_fetched_for_a_checkpoint_that_is_not_believed(filled):
    book = small().grow(600)
    shelf = book.source(checkpoint=book.note(cosigners=["anna"]))

    refused(filled, shelf, "1 cosignatures are no quorum")
    assert shelf.asked == ["checkpoint", "bridge/1"]


def test_an_unchanged_checkpoint_is_not_looked_at_again_a_refused_one_is(filled):
    book = small().grow(30)
    bad, good = book.source(checkpoint=book.note(cosigners=[])), book.source()
    for _ in range(2):
        refused(filled, bad, "no quorum")

    assert filled.update(good).new_count == 6
    good.files = {"checkpoint": good.files["checkpoint"]}
    assert filled.update(good) == Outcome(30, 0, 1)


def test_two_ways_to_one_ledger_end_in_one_state(fresh):
    rest = random.Random(7)
    whole, steps = small().grow(900), small()
    at_once, in_steps = fresh(whole.pinned), fresh(whole.pinned)

    at_once.update(whole.source())
    while len(steps.bodies) < 900:
        steps.grow(min(900, len(steps.bodies) + rest.randrange(1, 300)))
        in_steps.update(steps.source())

    assert in_steps.outcome() == at_once.outcome()
    bundles = [list(one.replica.bundles()) for one in (at_once, in_steps)]
    assert bundles[0] == bundles[1]


def test_progress_counts_entries_up_to_all_of_them(terminal):
    said = []
    make = mirror.Mirror(
        terminal.replica,
        pinned=terminal.pinned,
        now=lambda: NOW,
        progress=lambda *step: said.append(step),
    )
    terminal.update(small().source())

    make.update(small().grow(300).source())

    steps = [("Fetching", 232, 276), ("Fetching", 276, 276)]
    assert said == [*steps, *(("Applying", *rest) for _, *rest in steps)]


def test_a_place_without_a_checkpoint_is_refused(filled):
    refused(filled, Shelf({}), "shelf has no checkpoint")


# Damage: every byte of every file.


def outcomes(book, folder):
    """What a terminal may come to know on its way through the book: nothing, each bridge, all."""
    with Terminal(folder, book.pinned, name="honest.db") as honest:
        found = [honest.outcome()]
        for bridge in book.bridges.values():
            honest.update(book.source(size_of(bridge), bridge))
            found.append(honest.outcome())
        honest.update(book.source())
        return [*found, honest.outcome()]


def tried(terminal, source, allowed):
    """Updates from a damaged source; what comes of it was there before, or is the whole truth."""
    before = terminal.state()
    try:
        terminal.update(source)
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER"
        assert terminal.state() == before or terminal.outcome() in allowed[:-1]
    else:
        assert terminal.outcome() == allowed[-1]
    assert terminal.evidence == []
    return terminal.outcome() != allowed[0]


def flipped(data, at):
    return data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]


@pytest.fixture
def fresh(tmp_path):
    """Makes one new terminal after the other."""
    made = []

    def make(pinned):
        made.append(Terminal(tmp_path, pinned, name=f"{len(made)}.db"))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


@pytest.mark.long
def test_a_flipped_bit_in_a_published_file_is_refused_or_changes_nothing(tmp_path, fresh):
    book = Book.opened().add(issuer(), pass_of("anna")).grow(255).rotate(SECOND).grow(259)
    allowed, files, got = outcomes(book, tmp_path), book.files(), set()
    read = ["checkpoint", "bridge/1", "tile/entries/000", "tile/entries/001.p/3"]
    for path in read:
        step = 9 if len(files[path]) < 1_500 else 211
        terminal = fresh(book.pinned)
        for at in range(len(path) % step, len(files[path]), step):
            if tried(terminal, Shelf(files | {path: flipped(files[path], at)}), allowed):
                got.add(path)
                terminal = fresh(book.pinned)

    # Signatures of strangers, and of cosigners who are not needed, may be anything.
    assert got == {"checkpoint", "bridge/1"} | {"tile/entries/001.p/3"}


@pytest.mark.long
def test_a_flipped_bit_in_an_archive_is_refused_or_changes_nothing(tmp_path, fresh):
    book = Book.opened().add(issuer(), pass_of("anna")).grow(20).rotate(SECOND).grow(40)
    allowed = outcomes(book, tmp_path)
    path = book.archive(tmp_path / "hz07.ledger")
    data, terminal = path.read_bytes(), fresh(book.pinned)
    for at in range(0, len(data), 17):
        path.write_bytes(flipped(data, at))
        try:
            source = ArchiveSource(path)
        except Refused as refusal:
            assert refusal.reason == "R-LEDGER"
            continue
        if tried(terminal, source, allowed):
            terminal = fresh(book.pinned)
        source.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data[:-1], "ends before entry"),
        (lambda data: data[:5], "ends before entry"),
        (lambda data: b"", "ends before entry"),
        (lambda data: data + b"\0", "1 bytes behind the"),
        (lambda data: data + b"\0\0", "2 bytes behind the"),
        (lambda data: data * 2, "bytes behind the"),
        (lambda data: bytes(tiles.MAX_BUNDLE), "bytes behind the"),
        (lambda data: bytes(tiles.MAX_BUNDLE + 1), "longer than"),
    ],
    ids=["cut", "cut short", "empty", "byte more", "entry more", "twice", "zeros", "oversized"],
)
def test_a_bundle_of_another_length_is_refused(filled, change, why):
    files = small().grow(300).files()
    for path in ("tile/entries/000", "tile/entries/001.p/44"):
        refused(filled, Shelf(files | {path: change(files[path])}), why)


def test_entries_dropped_doubled_reordered_or_swapped_are_refused(filled):
    files, bodies = small().grow(300).files(), small().grow(300).bodies
    first, last = bodies[:256], bodies[256:]
    turned = [*last[1:], last[0]]
    lost, doubled = [*last[:3], last[3], last[3], *last[5:]], [*last[:-1], last[0]]
    for changed in (turned, lost, doubled, last[::-1], bodies[:44]):
        bundle = tiles.bundle_of(changed)
        refused(filled, Shelf(files | {"tile/entries/001.p/44": bundle}), "do not hash")
    swapped = [*first[:100], first[101], first[100], *first[102:]]
    for bundle in (tiles.bundle_of(swapped), tiles.bundle_of(first[::-1])):
        refused(filled, Shelf(files | {"tile/entries/000": bundle}), "do not hash")


def test_a_missing_bundle_is_named(filled):
    files = small().grow(300).files()
    for path in ("tile/entries/000", "tile/entries/001.p/44"):
        kept = {name: data for name, data in files.items() if name != path}
        refused(filled, Shelf(kept), f"shelf has no {re.escape(path)}$")


def test_a_partial_bundle_that_went_is_read_from_the_full_one(filled):
    book = small().grow(300)
    later = book.copy().grow(600).files()

    files = later | {"checkpoint": book.note()}

    assert "tile/entries/001.p/44" not in files
    assert filled.update(Shelf(files)) == Outcome(300, 276, 1)


# Steps 2 to 5: whose checkpoint it is, who signed, and that it goes on.


def test_the_ledger_of_another_origin_is_refused(filled):
    text = small().grow(30).text().replace(ORIGIN, "yardpass/other")

    source = small().grow(30).source(checkpoint=signed(text))

    refused(filled, source, "ledger of yardpass/other, not of yardpass/hz07")


@pytest.mark.parametrize(
    ("logs", "cosigners", "why"),
    [
        ((), ("anna", "bela", "cora"), "own key did not sign"),
        (("log-2",), ("anna", "bela", "cora"), "own key did not sign"),
        (("thief",), ("anna", "bela", "cora"), "own key did not sign"),
        (("log-1",), (), "0 cosignatures are no quorum"),
        (("log-1",), ("bela",), "1 cosignatures"),
        (("log-1",), ("bela", "bela"), "1 cosignatures"),
        (("log-1", "log-1"), ("bela", "bela", "bela"), "1 cosignatures"),
        (("log-1",), ("bela", "dora"), "1 cosignatures"),
        (("log-1",), ("dora", "emil", "thief"), "0 cosignatures"),
        ((), (), "without signature lines"),
        (("log-2",), ("dora",), "no known key signed"),
    ],
)
def test_a_checkpoint_the_quorum_did_not_sign_is_refused(filled, logs, cosigners, why):
    book = small().grow(30)

    refused(filled, book.source(checkpoint=signed(book.text(), logs, cosigners)), why)


def test_signatures_taken_from_another_checkpoint_are_refused(filled):
    book = small().grow(30)
    old = small().note().decode().partition("\n\n")[2]

    refused(filled, book.source(checkpoint=f"{book.text()}\n{old}".encode()), "does not hold")


def test_a_ledger_smaller_than_the_one_held_is_refused(filled):
    for size in (0, 1, 23):
        source = small().source(size)
        refused(filled, source, f"{size} entries, 24 were accepted before")


def test_a_checkpoint_past_its_bound_is_refused_unparsed(filled):
    refused(filled, small().source(checkpoint=bytes(note.MAX_NOTE + 1)), "longer than 16384")


# Freshness: a frozen source is not an error; its age shows.


def test_a_frozen_source_changes_nothing_and_its_age_shows(filled):
    book, before = small(), filled.state()
    for days in (1, 30, 400):
        assert filled.update(book.source(), at=NOW + days * DAY) == Outcome(24, 0, 1)

    assert filled.state() == before
    assert filled.replica.ledger().quorum_time == NOW


def test_new_cosignatures_at_one_size_make_the_ledger_younger(filled):
    book, before = small(), filled.replica.ledger()

    assert filled.update(book.source(checkpoint=book.note(at=NOW + 60))) == Outcome(24, 0, 1)

    held = filled.replica.ledger()
    assert (held.quorum_time, held.floor) == (NOW + 60, NOW + 60)
    assert held.version == before.version + 1
    assert filled.replica.note() == book.note(at=NOW + 60)


def test_an_older_checkpoint_played_back_does_not_make_the_ledger_older(filled):
    book = small()
    filled.update(book.source(checkpoint=book.note(at=NOW + 60)))
    before = filled.state()

    for at in (NOW, NOW + 60, 0):
        filled.update(book.source(checkpoint=book.note(at=at)))

    assert filled.state() == before


def test_old_cosignatures_on_a_longer_ledger_do_not_make_it_older(filled):
    book = small().grow(30)

    filled.update(book.source(checkpoint=book.note(at=NOW - DAY)))

    held = filled.replica.ledger()
    assert (held.size, held.quorum_time, held.floor) == (30, NOW, NOW)


def test_one_cosigner_cannot_make_the_ledger_younger(filled):
    book = small()
    later = signed(book.text(), cosigners=("anna",), at=NOW + DAY).decode().splitlines()[-1]

    mixed = book.note(cosigners=["bela"]) + f"{later}\n".encode()

    assert filled.update(book.source(checkpoint=mixed)).size == 24
    assert filled.replica.ledger().quorum_time == NOW


# Forks: two histories under the same signatures are kept as evidence.


def fork_of(book, at):
    """The book with another entry at this place."""
    other = book.copy()
    other.bodies[at] = entries.to_bytes(unpass(1_000 + at))
    return other


def test_another_root_at_the_size_held_is_a_fork_and_both_notes_are_kept_once(filled):
    fork = fork_of(small(), 3)

    refused(filled, fork.source(), "two histories", error=Forked, evidence=1)
    refused(filled, fork.source(), "two histories", error=Forked, evidence=1)

    assert filled.evidence == [(small().note(), fork.note())]
    assert filled.update(small().grow(25).source()).size == 25  # the old history goes on


@pytest.mark.parametrize("at", [1, 23, 24, 255, 256, 299])
def test_a_longer_ledger_with_another_past_is_a_fork(terminal, at):
    terminal.update(small().grow(300).source())
    fork = fork_of(small().grow(900), at)
    shelf = fork.source()

    refused(terminal, shelf, "entries accepted before differ", error=Forked, evidence=1)

    assert terminal.evidence == [(small().grow(300).note(), fork.note())]
    assert shelf.asked[-4:] == [
        tiles.bundle_path(number, width) for number, width, _ in tiles.spans(0, 900)
    ]


def test_a_fork_that_cannot_be_fetched_whole_is_refused_without_evidence(terminal):
    terminal.update(small().grow(300).source())
    files = fork_of(small().grow(900), 1).files()
    del files["tile/entries/000"]

    refused(terminal, Shelf(files), "has no tile/entries/000")
    refused(terminal, Shelf(files | {"tile/entries/000": b""}), "ends before", error=Damaged)


@pytest.mark.parametrize("at", [24, 255, 256, 260])
def test_damage_is_no_fork(filled, at):
    """The new entries do not fit the checkpoint; nor does anything else the source has."""
    files = small().grow(300).files()
    other = fork_of(small().grow(300), at).files()

    refused(filled, Shelf(other | {"checkpoint": files["checkpoint"]}), "do not hash")


def test_a_damaged_store_is_no_fork(filled):
    held = filled.store.row("SELECT size, root, peaks FROM ledger")
    for column, at in (("root", 1), ("root", 31), ("peaks", 0), ("peaks", 63)):
        damaged = flipped(held[("size", "root", "peaks").index(column)], at)
        filled.store.write(f"UPDATE ledger SET {column} = ?", damaged)
        for book in (small(), small().grow(300)):
            source = book.source(checkpoint=book.note(at=NOW + 9))
            refused(filled, source, "is damaged.*yardpass ledger fsck", error=Unavailable)
        filled.store.write("UPDATE ledger SET size = ?, root = ?, peaks = ?", *held)

    assert filled.update(small().grow(300).source()).size == 300


def test_a_fork_nobody_signed_is_no_evidence(filled):
    fork = fork_of(small(), 3)
    for checkpoint in (fork.note(cosigners=["anna"]), fork.note(logs=["thief"])):
        refused(filled, fork.source(checkpoint=checkpoint), "did not sign|no quorum")


def test_more_signature_lines_on_a_fork_make_no_more_evidence(filled):
    fork = fork_of(small(), 3)
    for count in range(5):
        stranger = signed(fork.text(), (), ["stranger"], at=NOW + count).partition(b"\n\n")[2]
        checkpoint = fork.note(at=NOW + count) + stranger
        refused(filled, fork.source(checkpoint=checkpoint), "two histories", evidence=1)


def test_evidence_is_bounded(filled, monkeypatch):
    monkeypatch.setattr(history, "MAX_EVIDENCE", 3)
    for at in range(1, 9):
        refused(filled, fork_of(small(), at).source(), "two histories", evidence=min(at, 3))


def test_evidence_verifies_long_after(filled):
    fork = fork_of(small(), 3)
    refused(filled, fork.source(), "two histories", evidence=1)

    for text in filled.evidence[0]:
        found = accept.checked(text, trust=filled.pinned, known=accept.NOWHERE)
        assert found.checkpoint.size == 24


# Entries that everybody signed and that still may not stand there.


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"", "ledger entry"),
        (b"\xff" * 40, "ledger entry"),
        (entries.to_bytes(unpass(1)) + b"\0", "ledger entry"),
        (entries.to_bytes(pass_of("eve")._replace(kid=b"nobody--")), "of no issuer"),
        (entries.to_bytes(status((7, 1), at=NOW - 1)), "was applied before"),
        (entries.to_bytes(entries.Snapshot(99, bytes(32), 1, bytes(32))), "stands at 24"),
        (entries.to_bytes(entries.Snapshot(24, bytes(32), 1, bytes(32))), "another state"),
        (entries.to_bytes(entries.Shard(b"\xd2\x80")), "shard"),
        (entries.POLICY_HEAD, "ledger entry"),
        (entries.POLICY_HEAD + b"\0\xa0", "ledger entry"),
    ],
    ids=lambda value: value[:12].hex() if isinstance(value, bytes) else value,
)
def test_an_entry_that_may_not_stand_there_takes_nothing_in(filled, entry, why):
    book = small()
    book.bodies.append(entry)

    refused(filled, book.grow(300).source(), why)


def shard(raw, *, by="issuer", uri=LIST, at=NOW):
    return entries.Shard(status_list.sign(raw, uri=uri, issued_at=at, key=key_of(by)))


def full_list(*revoked):
    return status_list.packed(dict.fromkeys(revoked, 1), size=131_072)


def test_a_status_list_of_the_issuer_is_applied(filled):
    filled.update(small().add(shard(full_list(7, 9))).source())

    found = [filled.replica.standing(LIST, index, None).status for index in (7, 8, 9)]
    assert found == [1, 0, 1]


def test_a_status_list_that_inflates_without_end_is_refused(filled, monkeypatch):
    bomb = zlib.compress(bytes(40 << 20))
    monkeypatch.setattr(status_list.zlib, "compress", lambda raw, level: bomb)
    token = status_list.sign(b"", uri=LIST, issued_at=NOW, key=key_of("issuer"))
    monkeypatch.undo()

    refused(filled, small().add(entries.Shard(token)).source(), "more than 4194304 bytes")


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (shard(full_list(7), by="stranger"), "nobody known here signed"),
        (shard(full_list(7)[:-1]), "has not 131072 subjects"),
        (shard(full_list(7) * 2), "has not 131072 subjects"),
        (shard(full_list(7), at=NOW - 1), "was applied before"),
    ],
    ids=["stranger", "short", "long", "older"],
)
def test_a_status_list_the_issuer_may_not_add_is_refused(filled, made, why):
    refused(filled, small().add(made).source(), why)


@pytest.mark.parametrize("critical", [0, 6])
def test_an_unknown_kind_is_kept_and_hashed_and_only_marks_its_classes(filled, critical):
    book = small().add(entries.Unknown("lockdown", critical))
    before = filled.replica.ledger()

    assert filled.update(book.source()) == Outcome(25, 1, 1)

    held = filled.replica.ledger()
    assert filled.replica.bundle(0)[24] == book.bodies[24]
    assert held.root == book.position.root
    assert held.critical == before.critical | critical
    with Terminal(filled.path.parent, filled.pinned, name="without.db") as without:
        without.update(small().grow(25).source())
        without.store.write("UPDATE ledger SET critical = ?", critical)
        assert state_digest(filled.store.db) == state_digest(without.store.db)
    assert findings(filled.store, filled.pinned) == []


def test_an_entry_of_a_later_version_is_kept_not_applied(filled):
    later = entries.to_bytes(issuer("later"), critical=2)
    book = small()
    book.bodies.append(later[:1] + b"\x02" + later[2:])

    filled.update(book.source())

    assert key_of("later").public.kid not in filled.replica.issuers()
    assert filled.replica.ledger().critical == 2


# Policies: who signs, and those who were away meanwhile.


def test_a_terminal_follows_a_rotation(filled):
    book = small().rotate(SECOND)

    assert filled.update(book.source(checkpoint=book.bridges[1])) == Outcome(25, 1, 2)
    assert filled.update(book.grow(30).source()) == Outcome(30, 5, 2)
    assert filled.replica.history.bridges() == [(1, book.bridges[1])]
    assert findings(filled.store, filled.pinned) == []


@pytest.mark.parametrize(
    ("by", "changes", "why"),
    [
        (("root-1",), {}, "0 of the new root keys signed"),
        (("root-2",), {}, "0 of the old root keys signed"),
        (("log-1", "log-2"), {}, "0 of the old root keys signed"),
        (None, {"previous": bytes(32)}, "does not follow"),
        (None, {"version": 3}, "does not follow"),
        (None, {"threshold": 0}, "0 of 1 roots"),
        (None, {"threshold": 2}, "2 of 1 roots"),
        (None, {"roots": (key_of("root-2").public.raw,) * 2}, "1 of 2 roots"),
        (None, {"roots": (key_of("thief").public.raw,)}, "not announced"),
    ],
    ids=[
        *("old roots only", "new roots only", "log keys", "wrong previous", "version skipped"),
        *("threshold 0", "threshold too large", "duplicate roots", "unannounced"),
    ],
)
def test_a_rotation_that_may_not_follow_takes_nothing_in(filled, by, changes, why):
    book = small()
    book.add(book.next_policy(SECOND, by=by, **changes)).grow(300)

    everybody = book.note(by=[FIRST, SECOND])

    refused(filled, book.source(checkpoint=everybody), why)


def test_a_stolen_log_key_and_all_cosigners_cannot_rotate(filled):
    thief = Council(log="thief", cosigners=("thief-a", "thief-b"), roots=("root-1",))
    book = small()
    book.add(book.next_policy(thief, by=["log-1", "thief"])).grow(30)
    source = book.source(checkpoint=book.note(by=[FIRST, thief]))

    refused(filled, source, "not announced")


def test_a_checkpoint_only_the_old_quorum_signed_is_refused_behind_a_rotation(filled):
    book = small().rotate(SECOND).grow(30)
    book.bridges.clear()

    refused(filled, book.source(checkpoint=book.note(by=[FIRST])), "own key did not sign")
    both_logs = book.note(by=[FIRST], logs=["log-1", "log-2"], cosigners=["anna", "bela"])
    refused(filled, book.source(checkpoint=both_logs), "1 cosignatures are no quorum")


def test_a_checkpoint_only_the_new_quorum_signed_needs_the_bridge(filled):
    book = small().rotate(SECOND).grow(30)
    bridges = dict(book.bridges)
    book.bridges.clear()
    refused(filled, book.source(), "own key did not sign")

    book.bridges |= bridges

    assert filled.update(book.source()) == Outcome(30, 6, 2)


def test_the_quorum_time_behind_a_rotation_is_one_that_both_quorums_reached(filled):
    book = small().rotate(SECOND)
    old = signed(book.text(), ["log-1", "log-2"], ["anna", "bela"], at=NOW + DAY)
    new = signed(book.text(), [], ["cora", "dora"], at=NOW + 7).partition(b"\n\n")[2]

    filled.update(book.source(checkpoint=old + new))

    assert filled.replica.ledger().quorum_time == NOW + 7


def council(number):
    """The policy of this version in a log that changes everything each time."""
    return Council(
        log=f"log-{number}",
        cosigners=(f"a{number}", f"b{number}"),
        roots=(f"root-{number}",),
        announced=(f"root-{number + 1}", f"log-{number + 1}"),
    )


def many(count, *, step=1):
    """A log that has come to policy `count`, with some entries before each."""
    book = Book.opened(council(1))
    for number in range(2, count + 1):
        book.grow(len(book.bodies) + step).rotate(council(number))
    return book.grow(len(book.bodies) + step)


@SOURCES
def test_a_terminal_many_policies_behind_follows_the_bridges(tmp_path, kind):
    book = many(7, step=50)

    with Terminal(tmp_path, book.pinned) as terminal, offered(book, kind, tmp_path) as source:
        assert terminal.update(source) == Outcome(357, 357, 7)
        assert terminal.replica.history.bridges() == sorted(book.bridges.items())
        assert findings(terminal.store, book.pinned) == []


def test_more_policies_than_one_update_follows_are_left_to_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror, "MAX_BRIDGES", 4)
    book = many(7)

    with Terminal(tmp_path, book.pinned) as terminal:
        with pytest.raises(Refused, match="more than 4 policies at once"):
            terminal.update(book.source())
        assert terminal.replica.history.trust(book.pinned).version == 5
        assert terminal.update(book.source()).policy_version == 7


@pytest.mark.parametrize("leads", ["to nothing new", "to itself", "to a stranger", "nowhere"])
def test_a_bridge_that_leads_nowhere_ends_refused_not_in_a_loop(filled, leads):
    book = small().rotate(SECOND).grow(30)
    files = book.files()
    files["bridge/1"] = {
        "to nothing new": small().note(),
        "to itself": small().grow(26).note(at=NOW + 1),
        "to a stranger": book.note(logs=["thief"]),
        "nowhere": b"",
    }[leads]
    shelf = Shelf(files)
    if leads == "to itself":  # rightly signed, but without the policy in it
        shelf.files |= {
            path: data
            for path, data in small().grow(26).files().items()
            if path.startswith("tile/entries")
        }
        with pytest.raises(Refused, match="own key did not sign"):
            filled.update(shelf)
        assert filled.replica.ledger().size == 26
    else:
        refused(filled, shelf, "own key did not sign|no known key|without signature lines")
    assert shelf.asked.count("checkpoint") == 1
    assert len(shelf.asked) <= 4


def test_a_bridge_into_another_history_is_a_fork(filled):
    fork = fork_of(small(), 3).rotate(SECOND).grow(30)

    refused(filled, fork.source(), "two histories", error=Forked, evidence=1)

    assert filled.evidence == [(small().note(), fork.bridges[1])]


def test_a_damaged_bridge_leaves_the_old_policy_in_force(filled):
    book = small().rotate(SECOND).grow(30)
    files = book.files()
    path = "tile/entries/000.p/25"
    files[path] = flipped(files[path], len(files[path]) - 9)

    refused(filled, Shelf(files), "do not hash|ends before|bytes behind")


def test_more_policies_than_one_acceptance_walks_through_are_refused(filled, monkeypatch):
    monkeypatch.setattr(accept, "MAX_POLICIES", 3)
    book = small()
    book.add(*[book.policies[0]] * 4)

    refused(filled, book.source(), "too many policies", error=Damaged)


def test_a_log_may_leave_out_the_pinned_policy(tmp_path):
    book = Book(councils=[FIRST], policies=[FIRST.policy()]).grow(4)
    with Terminal(tmp_path, book.pinned) as terminal:
        terminal.update(book.source())
        terminal.update(book.rotate(SECOND).source(checkpoint=book.bridges[1]))

        assert terminal.update(book.grow(9).source()) == Outcome(9, 4, 2)
        assert terminal.replica.history.trust(book.pinned, at=1) == book.pinned


def test_a_store_of_another_first_policy_is_refused(filled):
    filled.pinned = trust.genesis(Council(needed=1).policy(), ORIGIN)

    refused(filled, small().grow(30).source(), "does not descend from the pinned policy")
    filled.pinned = Yard().trust
    refused(filled, small().grow(30).source(), "does not descend from the pinned policy")


def test_a_store_of_another_origin_is_refused_and_no_fork(tmp_path):
    with Terminal(tmp_path, small().pinned) as terminal:
        text = policy_text(log_of("yardpass/other"), ["anna"], "quorum anna\n")
        terminal.pinned = trust.pinned(text.encode(), "yardpass/other")

        refused(terminal, small().source(), "the pinned policy of yardpass/other")


def test_under_a_bare_policy_text_no_policy_entry_is_taken(tmp_path):
    text = policy_text(log_of(ORIGIN), ["anna", "bela"], "quorum anna\n").encode()
    with Terminal(tmp_path, trust.pinned(text, ORIGIN)) as terminal:
        book = Book(councils=[replace(FIRST, log=ORIGIN)]).add(issuer())
        assert terminal.update(book.source()) == Outcome(1, 1, 0)

        book.add(FIRST.policy())
        refused(terminal, book.source(), "has no root keys")


# Sources that fail, and others who write meanwhile.


class Pulled(Shelf):
    """A stick that is pulled at the n-th read."""

    def __init__(self, files, at):
        super().__init__(files)
        self.at = at

    def get(self, path, *, most, tag=""):
        if len(self.asked) == self.at:
            raise Unavailable("the stick was pulled; plug it in again")
        return super().get(path, most=most, tag=tag)


def test_a_stick_pulled_at_any_read_leaves_a_state_the_next_update_completes(tmp_path, fresh):
    book = small().grow(600).rotate(SECOND).grow(900)
    allowed, count, whole = outcomes(book, tmp_path), 0, False
    while not whole:
        terminal, stick = fresh(book.pinned), Pulled(book.files(), count)
        try:
            terminal.update(stick)
        except Unavailable as error:
            assert "plug it in again" in str(error)
            assert terminal.outcome() in allowed[:-1]
        else:
            whole = True
        assert terminal.update(book.source()).size == 900
        assert terminal.outcome() == allowed[-1]
        assert terminal.evidence == []
        count += 1
    assert count >= 8


def test_a_store_that_another_process_writes_to_is_unavailable_and_unchanged(filled):
    filled.store.db.execute("PRAGMA busy_timeout = 0")
    with Terminal(filled.path.parent, filled.pinned) as other, other.store.transaction():
        source = small().grow(300).source()
        refused(filled, source, "is locked by another process", error=Unavailable)

    assert filled.update(source).size == 300


class Meanwhile(Shelf):
    """While a bundle is read, somebody else acts."""

    def __init__(self, files, act):
        super().__init__(files)
        self.act = act

    def get(self, path, *, most, tag=""):
        if path.startswith("tile/") and self.act:
            act, self.act = self.act, None
            act()
        return super().get(path, most=most, tag=tag)


@pytest.mark.parametrize("size", [30, 300])
def test_two_updates_at_once_do_not_mix(filled, size):
    def other():
        with Terminal(filled.path.parent, filled.pinned) as same:
            same.update(small().grow(size).source())

    book = small().grow(299)
    with pytest.raises(Refused) as caught:
        filled.update(Meanwhile(book.files(), other))

    assert caught.value.reason == "R-LEDGER"
    assert filled.replica.ledger().size == size
    assert filled.evidence == []
    assert findings(filled.store, filled.pinned) == []
    assert filled.update(small().grow(300).source()).size == 300
