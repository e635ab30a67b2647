"""What a publisher shows: the whole tree, the checkpoint last, and never another past."""

import errno
import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from authority import SECOND, THIRD, Book, Office, Shelf, Terminal, signed, unpass
from yard import NOW, ORIGIN, issuer

from ledger_sync import files, tiles
from ledger_sync.authority import publisher
from ledger_sync.authority.publisher import ReplicaSource, publish, publish_draft
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.merkle import frontier_of, leaf_hash, verify_consistency, verify_inclusion
from ledger_sync.mirror import Outcome
from ledger_sync.note import checkpoint_of, open_note, parse_vkey
from ledger_sync.sources import Absence, FolderSource
from ledger_sync.tiles import TileTree, entries_of, tiles_of
from ledger_sync.trust import digest_of


@pytest.fixture
def shown(tmp_path):
    return tmp_path / "www"


@pytest.fixture
def keeper(tmp_path):
    """A replica to publish from; `hold` fills it."""
    with Terminal(tmp_path, Book.opened().pinned) as terminal:
        yield terminal


def hold(terminal, book, checkpoint=None):
    """Brings the replica to the end of the book; its checkpoint."""
    terminal.update(book.source(checkpoint=checkpoint))
    return terminal.replica.note()


def listing(folder):
    """Every file below the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(terminal, checkpoint, folder, why, *, how=publish):
    before = listing(folder)
    with pytest.raises(Refused, match=why) as caught:
        how(terminal.replica, checkpoint, folder)
    assert caught.value.reason == "R-LEDGER"
    assert listing(folder) == before


# What is there.


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 600])
def test_every_file_of_the_tree_is_there_and_verifies(keeper, shown, size):
    book = Book.opened().grow(size)
    publish(keeper.replica, hold(keeper, book), shown)

    found = listing(shown)
    assert set(found) == {"checkpoint", *(one.to_path() for one in tiles_of(size))}
    opened = open_note(found["checkpoint"], book.pinned.quorum.verifiers)
    point = checkpoint_of(opened)
    tree = TileTree(size, found.__getitem__)
    assert (point.size, point.root) == (size, tree.root()) == book.position
    index = 0
    for number, width, _ in tiles.spans(0, size):
        for entry in entries_of(found[tiles.bundle_path(number, width)], width):
            assert entry == book.bodies[index]
            proof = tree.inclusion_proof(index)
            assert verify_inclusion(leaf_hash(entry), index, size, proof, point.root)
            index += 1
    assert index == size


def test_what_grows_by_steps_ends_in_the_same_files_and_stays_consistent(keeper, shown, tmp_path):
    book, roots = Book.opened(), []
    for size in (1, 200, 256, 300, 301, 511, 700):
        publish(keeper.replica, hold(keeper, book.grow(size)), shown)
        roots.append(book.position)

    found, tree = listing(shown), TileTree(700, listing(shown).__getitem__)
    for size, root in roots:
        proof = tree.consistency_proof(size)
        assert verify_consistency(size, 700, proof, root, book.position.root)
    publish(keeper.replica, keeper.replica.note(), tmp_path / "anew")
    anew = listing(tmp_path / "anew")
    assert {path: found[path] for path in anew} == anew
    older = set(found) - set(anew)
    assert all(tiles.parse_path(path).width < tiles.WIDTH for path in older)


def test_an_empty_log_is_published(tmp_path, shown):
    with Office(tmp_path) as office:
        office.publish(shown)
        with Terminal(tmp_path, office.pinned) as terminal:
            assert terminal.update(FolderSource(shown)) == Outcome(0, 0, 1)
    assert set(listing(shown)) == {"checkpoint"}


def test_partial_tiles_go_when_their_tile_is_full(keeper, shown):
    book = Book.opened()
    for size in (100, 200, 255):
        publish(keeper.replica, hold(keeper, book.grow(size)), shown)
    assert {path for path in listing(shown) if ".p/" in path} == {
        f"tile/{level}/000.p/{width}" for level in (0, "entries") for width in (100, 200, 255)
    }

    publish(keeper.replica, hold(keeper, book.grow(256)), shown)

    assert {path for path in listing(shown) if ".p/" in path} == {"tile/1/000.p/1"}


def test_partial_tiles_a_killed_publisher_left_go_the_next_time(keeper, shown):
    publish(keeper.replica, hold(keeper, Book.opened().grow(300)), shown)
    left = shown / "tile/entries/000.p/77"
    left.parent.mkdir()
    left.write_bytes(b"")
    (left.parent / "a folder").mkdir()

    publish(keeper.replica, keeper.replica.note(), shown)

    assert not left.exists()


def test_only_what_is_new_or_damaged_is_written(keeper, shown, monkeypatch):
    publish(keeper.replica, hold(keeper, Book.opened().grow(600)), shown)
    whole, written = listing(shown), []
    real = files.replace

    def replace(path, data, **options):
        written.append(str(path.relative_to(shown)))
        real(path, data, **options)

    monkeypatch.setattr(publisher.files, "replace", replace)
    publish(keeper.replica, keeper.replica.note(), shown)
    assert written == []

    (shown / "tile/entries/001").write_bytes(whole["tile/entries/001"][:-1] + b"?")
    (shown / "tile/0/000").write_bytes(b"")
    (shown / "tile/1/000.p/2").unlink()
    publish(keeper.replica, keeper.replica.note(), shown)

    assert sorted(written) == ["tile/0/000", "tile/1/000.p/2", "tile/entries/001"]
    assert listing(shown) == whole


@pytest.mark.parametrize(
    "left", [b"", b"yardpass/hz07\n6", b"\xff\xfe", b"\0" * 512, b"a" * 20_000]
)
def test_a_checkpoint_that_a_pulled_stick_left_is_mended(keeper, shown, left):
    shown.mkdir()
    (shown / "checkpoint").write_bytes(left)

    publish(keeper.replica, hold(keeper, Book.opened().grow(9)), shown)

    assert listing(shown)["checkpoint"] == keeper.replica.note()


def test_it_says_how_far_it_is(keeper, shown):
    said = []
    checkpoint = hold(keeper, Book.opened().grow(600))

    publish(keeper.replica, checkpoint, shown, progress=lambda *step: said.append(step))

    assert said == [(256, 600), (512, 600), (600, 600)]


# What it never does.


@pytest.mark.parametrize("size", [1, 100, 599])
def test_a_shorter_ledger_is_not_published_over_a_longer_one(keeper, shown, tmp_path, size):
    book = Book.opened().grow(600)
    publish(keeper.replica, hold(keeper, book), shown)
    with Terminal(tmp_path, book.pinned, name="old.db") as old:
        checkpoint = hold(old, Book.opened().grow(size))

        refused(old, checkpoint, shown, "shows 600 entries.*restore the newest copy")
        refused(old, checkpoint, shown, "shows 600 entries", how=publish_draft)


@pytest.mark.parametrize("size", [300, 301, 900])
def test_another_past_is_not_published_over_what_is_shown(keeper, shown, tmp_path, size):
    publish(keeper.replica, hold(keeper, Book.opened().grow(300)), shown)
    other = Book.opened().add(issuer()).grow(size)
    with Terminal(tmp_path, other.pinned, name="other.db") as rogue:
        checkpoint = hold(rogue, other)

        refused(rogue, checkpoint, shown, "shows 300 entries that are not in the")
        refused(rogue, checkpoint, shown, "shows 300 entries", how=publish_draft)


def test_the_ledger_of_a_neighbour_is_not_overwritten(keeper, shown):
    shown.mkdir()
    text = Book.opened().text().replace(ORIGIN, "yardpass/hz08")
    (shown / "checkpoint").write_bytes(signed(text))
    checkpoint = hold(keeper, Book.opened().grow(9))

    refused(keeper, checkpoint, shown, "holds the ledger of yardpass/hz08")
    refused(keeper, checkpoint, shown, "holds the ledger of yardpass/hz08", how=publish_draft)


def test_a_checkpoint_of_other_entries_than_are_stored_is_not_published(keeper, shown):
    hold(keeper, Book.opened().grow(300))
    other = Book.opened().add(issuer()).grow(300)

    for checkpoint in (other.note(), Book.opened().grow(301).note(), other.note(200)):
        refused(keeper, checkpoint, shown, "not those of the checkpoint")
        refused(keeper, checkpoint, shown, "not those of the checkpoint", how=publish_draft)
    assert not shown.exists()


def test_a_bit_flipped_in_the_store_does_not_reach_what_is_published(keeper, shown):
    publish(keeper.replica, hold(keeper, Book.opened().grow(300)), shown)
    (body,) = keeper.store.row("SELECT body FROM bundle WHERE number = 0")
    body = body[:-1] + bytes((body[-1] ^ 4,))
    keeper.store.write("UPDATE bundle SET body = ? WHERE number = 0", body)

    refused(keeper, keeper.replica.note(), shown, "not those of the checkpoint")


def test_a_folder_that_cannot_be_written_is_unavailable(keeper, tmp_path):
    checkpoint = hold(keeper, Book.opened().grow(9))
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="cannot be written"):
        publish(keeper.replica, checkpoint, tmp_path / "file" / "www")
    (tmp_path / "www" / "tile" / "entries" / "000.p" / "9").mkdir(parents=True)
    with pytest.raises(Refused, match="no regular file"):
        publish(keeper.replica, checkpoint, tmp_path / "www")


# Readers, while it writes.


def failing_at(monkeypatch, count):
    """The disk fails at the n-th file; what was written so far is told."""
    real, done = files.replace, []

    def replace(path, data, **options):
        if len(done) == count:
            raise Unavailable(f"{path} cannot be written (full); free disk space") from OSError(
                errno.ENOSPC, "full"
            )
        done.append(path)
        real(path, data, **options)

    monkeypatch.setattr(publisher.files, "replace", replace)
    return done


def test_a_reader_in_the_middle_of_a_publish_sees_the_old_ledger_or_the_new(
    keeper, shown, tmp_path, monkeypatch
):
    before, after = Book.opened().grow(200), Book.opened().grow(200).rotate(SECOND).grow(600)
    publish(keeper.replica, hold(keeper, before), shown)
    checkpoint, count, sizes = hold(keeper, after), 0, []
    while sizes[-1:] != [600]:
        with monkeypatch.context() as patch:
            done = failing_at(patch, count)
            try:
                publish(keeper.replica, checkpoint, shown)
            except Unavailable:
                assert shown / "checkpoint" not in done
            else:
                assert done == [] or done[-1] == shown / "checkpoint"
        with Terminal(tmp_path, after.pinned, name=f"reader-{count}.db") as reader:
            sizes.append(reader.update(FolderSource(shown)).size)
            tree = TileTree(sizes[-1], lambda path: full_or(shown, path))
            assert tree.root() == reader.replica.position().root
        count += 1
    assert set(sizes) == {200, 600}
    assert len(sizes) > 3


def full_or(folder, path):
    """A tile as a reader gets it: partial, or cut from the full one (tlog-tiles)."""
    found = folder / path
    if found.exists():
        return found.read_bytes()
    width = tiles.parse_path(path).width
    return (folder / path.partition(".p/")[0]).read_bytes()[: width * 32]


def test_a_stick_pulled_while_it_is_written_is_completed_in_the_end(keeper, shown, monkeypatch):
    checkpoint, count = hold(keeper, Book.opened().grow(600)), 0
    while not (shown / "checkpoint").exists():
        with monkeypatch.context() as patch, suppress(Unavailable):
            failing_at(patch, 1)
            count += 1
            publish(keeper.replica, checkpoint, shown)

    assert count == len(listing(shown)) == 8
    publish(keeper.replica, checkpoint, shown.parent / "anew")
    assert listing(shown) == listing(shown.parent / "anew")


# Other people's code.


@pytest.fixture
def interop(tmp_path):
    """interop.go, built with the packages that the go command brings along."""
    if shutil.which("go") is None:
        pytest.skip("needs the Go toolchain: apt-get install golang-go")
    root = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True)
    home = tmp_path / "go" / "src"
    (home / "interop").mkdir(parents=True)
    (home / "golang.org").symlink_to(Path(root.stdout.strip(), "src/cmd/vendor/golang.org"))
    shutil.copy(Path(__file__).with_name("interop.go"), home / "interop")
    places = {"GOPATH": home.parent, "GOCACHE": tmp_path / "cache", "GOFLAGS": ""}
    environment = {**os.environ, **places, "GO111MODULE": "off"}
    command = ["go", "build", "-o", tmp_path / "interop", "."]
    subprocess.run(command, check=True, cwd=home / "interop", env=environment)

    def call(*arguments):
        command = [tmp_path / "interop", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    return call


@pytest.mark.heavy
def test_go_reads_our_notes_and_tiles_and_we_read_those_of_go(keeper, shown, tmp_path, interop):
    book, older = Book.opened(), []
    for size in (1, 200, 256, 300, 5_000):
        publish(keeper.replica, hold(keeper, book.grow(size)), shown)
        older.append(tmp_path / f"older-{size}")
        older[-1].write_bytes(keeper.replica.note())
    keys = tmp_path / "vkeys"
    keys.write_text("\n".join(one.to_vkey() for one in book.pinned.quorum.verifiers))

    done = interop(shown, keys, *older)

    assert (done.returncode, done.stderr) == (0, "read 5000 entries, 4 signatures\n")
    made = json.loads(done.stdout)
    point = checkpoint_of(open_note(made["note"], [parse_vkey(made["vkey"])]))
    tree = TileTree(point.size, lambda path: bytes.fromhex(made["tiles"][path]))
    leaves = [leaf_hash(entry.encode()) for entry in made["entries"]]
    frontier = frontier_of(entry.encode() for entry in made["entries"])
    assert (tree.root(), frontier.root()) == (point.root, point.root)
    ours = {path: data.hex() for path, data in tiles.hash_tiles(leaves)}
    assert ours.items() <= made["tiles"].items()  # Go lists further partial ones
    for index in range(0, point.size, 997):
        proof = tree.inclusion_proof(index)
        assert verify_inclusion(leaves[index], index, point.size, proof, point.root)

    for path in ("tile/0/003", "tile/entries/007", "checkpoint"):
        data = (shown / path).read_bytes()
        (shown / path).write_bytes(data[:40] + bytes((data[40] ^ 1,)) + data[41:])
        assert interop(shown, keys).returncode == 1
        (shown / path).write_bytes(data)


# Those who are behind: bridges, drafts, cosigners in the same process.


def test_a_folder_made_after_a_rotation_still_leads_over_the_bridges(tmp_path):
    """The last bundle of a bridge may be one that no checkpoint there ever had."""
    with Office(tmp_path) as office:
        office.add(*(unpass(number) for number in range(99)))
        for council in (SECOND, THIRD):
            office.checkpoint()
            office.rotate(council)
        for count, name in [(5, "partial"), (400, "full")]:
            office.checkpoint()
            office.add(*(unpass(number) for number in range(count)))
            office.publish(tmp_path / name)

            with Terminal(tmp_path, office.pinned, name=f"{name}.db") as late:
                found = late.update(FolderSource(tmp_path / name))
                assert found.policy_version == 3
                assert found.size == office.book.replica.ledger().size


@pytest.mark.parametrize("at_once", [True, False])
def test_a_policy_waits_until_the_one_before_it_is_published(tmp_path, at_once):
    """Two at once, and no terminal, cosigner or bridge could lead anybody over both."""
    with Office(tmp_path) as office:
        office.add(issuer())
        office.checkpoint()
        second = SECOND.policy(2, office.pinned.digest, by=("root-1", "root-2"))
        third = THIRD.policy(3, digest_of(second), by=("root-2", "root-3"))
        if not at_once:
            office.book.add([second])
        before = office.book.replica.ledger()

        with pytest.raises(Refused, match="publish the last policy before the next"):
            office.book.add([second, third] if at_once else [third])
        assert office.book.replica.ledger() == before


def test_a_draft_for_cosigners_elsewhere_is_shown_with_all_it_needs(tmp_path, shown):
    with Office(tmp_path) as office:
        office.add(issuer(), *(unpass(number) for number in range(300)))
        draft = office.draft()
        publish_draft(office.book.replica, draft, shown)

        line = office.cosigner("anna").cosign(FolderSource(shown), now=lambda: NOW)

        assert set(listing(shown)) == {"draft", "tile/entries/000", "tile/entries/001.p/46"}
        assert line in office.book.finish(draft, [line, *office.lines(draft, "bela")]).decode()


def test_a_draft_shows_no_checkpoint_and_changes_none(tmp_path, shown):
    with Office(tmp_path) as office:
        office.add(issuer())
        office.publish(shown)
        before = (shown / "checkpoint").read_bytes()
        office.add(*(unpass(number) for number in range(300)))
        publish_draft(office.book.replica, office.draft(), shown)

        assert (shown / "checkpoint").read_bytes() == before
        with Terminal(tmp_path, office.pinned) as terminal:
            assert terminal.update(FolderSource(shown)).size == 2


def test_a_replica_is_a_source_of_its_bundles_its_bridges_and_a_draft(keeper):
    book = Book.opened().grow(280).rotate(SECOND).grow(300)
    hold(keeper, book)
    source, shelf = ReplicaSource(keeper.replica, b"draft"), Shelf(book.files())

    assert source.get("draft", most=99).data == b"draft"
    for path in ("tile/entries/000", "tile/entries/001.p/44", "tile/entries/001.p/25", "bridge/1"):
        assert source.get(path, most=99_999).data == shelf.get(path, most=99_999).data
    for path in ("tile/entries/001", "tile/entries/001.p/45", "tile/0/000", "bridge/2", "x"):
        assert source.get(path, most=99_999) is Absence.MISSING


def test_a_pipe_in_the_place_of_the_checkpoint_is_neither_read_nor_written(keeper, shown):
    shown.mkdir()
    os.mkfifo(shown / "checkpoint")

    with pytest.raises(Refused, match="no regular file"):
        publish(keeper.replica, hold(keeper, Book.opened().grow(9)), shown)
