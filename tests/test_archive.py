"""A ledger in one file: written whole or not at all, read as far as it can be trusted to be."""

import os
import struct

import pytest
from authority import SECOND, Book, Terminal, full_disk

from ledger_sync import archive
from ledger_sync.archive import MAGIC, ArchiveSource, is_archive
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.note import MAX_NOTE
from ledger_sync.sources import Absence
from ledger_sync.tiles import MAX_BUNDLE, bundle_of, bundle_path


def book():
    return Book.opened().grow(270).rotate(SECOND).grow(600)


@pytest.fixture
def path(tmp_path):
    return book().archive(tmp_path / "hz07.ledger")


@pytest.fixture
def source(path):
    source = ArchiveSource(path)
    yield source
    source.close()


def refused(data, path, why):
    """Opening it, or taking it in, is refused; the terminal keeps what it had."""
    path.write_bytes(data)
    with Terminal(path.parent, book().pinned) as terminal:
        before = terminal.state()
        with pytest.raises(Refused, match=why) as caught:
            source = ArchiveSource(path)
            try:
                terminal.update(source)
            finally:
                source.close()
        assert caught.value.reason == "R-LEDGER"
        assert terminal.state() == before


def test_it_gives_the_files_of_the_ledger_byte_for_byte(source):
    files = book().files()

    for name in ("checkpoint", "bridge/1", *(bundle_path(*one) for one in [(0,), (1,), (2, 88)])):
        assert source.get(name, most=MAX_BUNDLE).data == files[name]
        assert source.get(name, most=MAX_BUNDLE).tag == ""
    assert source.received == 2 * sum(
        len(files[name])
        for name in files
        if name[:6] in ("checkp", "bridge")
        or name in (*("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"),)
    )


def test_it_gives_a_bundle_of_any_width_in_any_order(source):
    bodies = book().bodies
    for number, width in [(2, 88), (0, 1), (1, 256), (2, 1), (0, 255)]:
        found = source.get(bundle_path(number, width), most=MAX_BUNDLE)
        assert found.data == bundle_of(bodies[number * 256 :][:width])


@pytest.mark.parametrize(
    "name", ["draft", "bridge/2", "tile/entries/003", "tile/entries/x001/000", "tile/0/000"]
)
def test_what_it_does_not_hold_is_missing(source, name):
    assert source.get(name, most=MAX_BUNDLE) is Absence.MISSING
    assert source.received == 0


def test_more_than_was_asked_for_is_refused(source):
    size = len(source.get("tile/entries/000", most=MAX_BUNDLE).data)

    assert source.get("tile/entries/000", most=size)
    for name in ("tile/entries/000", "checkpoint"):
        with pytest.raises(Refused, match=f"{name} of .* has over 99 bytes"):
            source.get(name, most=99)


def test_the_largest_and_the_smallest_entry_go_through(tmp_path):
    bundle = [b"a" * 65_535, b"", b"b"]
    archive.write(tmp_path / "x", b"note", [], [bundle])
    source = ArchiveSource(tmp_path / "x")

    assert source.get(bundle_path(0, 3), most=MAX_BUNDLE).data == bundle_of(bundle)
    source.close()


def test_a_file_cut_anywhere_is_refused(path):
    data = Book.opened().grow(600).archive(path).read_bytes()
    ends = [0, 1, len(MAGIC) - 1, len(MAGIC), len(MAGIC) + 1, len(MAGIC) + 8, 600, len(data) - 1]
    for end in (*ends, *range(700, len(data), 2_111)):
        refused(data[:end], path, "is no ledger file|ends early|ends before|has no tile")


def test_bytes_behind_the_last_entry_are_never_read(path):
    path.write_bytes(path.read_bytes() + b"\xff" * 99)
    source = ArchiveSource(path)

    with Terminal(path.parent, book().pinned) as terminal:
        assert terminal.update(source).size == 600
    source.close()


@pytest.mark.parametrize("at", range(len(MAGIC)))
def test_a_file_that_begins_otherwise_is_none(path, at):
    data = path.read_bytes()

    path.write_bytes(data[:at] + b"?" + data[at + 1 :])

    assert not is_archive(path)
    with pytest.raises(Refused, match="is no ledger file"):
        ArchiveSource(path)


def test_a_file_without_a_checkpoint_or_with_lying_lengths_is_refused(path):
    head = struct.pack(">II", 0, MAX_NOTE + 1)

    refused(MAGIC + b"\0", path, "has no checkpoint")
    refused(MAGIC + b"\xff", path, "ends early")
    refused(MAGIC + b"\x01" + head + bytes(MAX_NOTE + 1), path, "a note of 16385 bytes")
    refused(MAGIC + b"\x01" + struct.pack(">II", 0, 2**32 - 1), path, "a note of 4294967295 byt")


def test_a_file_past_its_bound_is_refused_unread(path, monkeypatch):
    size = path.stat().st_size
    monkeypatch.setattr(archive, "MAX_FILE", size)
    ArchiveSource(path).close()
    monkeypatch.setattr(archive, "MAX_FILE", size - 1)

    with pytest.raises(Refused, match="is no ledger file"):
        ArchiveSource(path)


def test_a_ledger_that_is_too_large_for_its_place_leaves_no_file(tmp_path):
    given = (b"a checkpoint\n", [], [[b"an entry"]])
    archive.write(tmp_path / "whole", *given)
    size = (tmp_path / "whole").stat().st_size

    archive.write(tmp_path / "other", *given, most=size)
    with pytest.raises(archive.TooLarge, match="does not go into one file"):
        archive.write(tmp_path / "none", *given, most=size - 1)

    assert {one.name for one in tmp_path.iterdir()} == {"whole", "other"}


def test_a_file_cut_while_it_is_read_is_refused(path, source):
    os.truncate(path, 5_000)

    with pytest.raises(Refused, match="ends early"):
        source.get("tile/entries/001", most=MAX_BUNDLE)


def test_a_missing_file_is_unavailable_and_says_what_to_do(tmp_path):
    with pytest.raises(Unavailable, match=r"cannot be read .*; check the path and the stick"):
        ArchiveSource(tmp_path / "none")
    with pytest.raises(Unavailable, match="cannot be read"):
        ArchiveSource(tmp_path)


def test_only_a_file_that_begins_as_one_is_an_archive(path, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()

    assert is_archive(path)
    for other in ("none", ".", "pipe", "empty", "hz07.ledger/below"):
        assert not is_archive(tmp_path / other)


def test_an_archive_replaces_the_old_one_whole_or_not_at_all(path):
    before = path.read_bytes()
    grown = book().grow(3_000)
    for most in (0, 10, 1_000, 20_000):
        with full_disk(most), pytest.raises(Unavailable, match="cannot be written"):
            grown.archive(path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]

    grown.archive(path)

    assert len(path.read_bytes()) > len(before)


def test_a_store_that_fails_meanwhile_is_named_not_the_file(path):
    before = path.read_bytes()

    def bundles():
        yield [b"entry"]
        raise Unavailable("bundle 1 is not in the store; run: yardpass ledger fsck")

    with pytest.raises(Unavailable, match=r"^bundle 1 is not in the store"):
        archive.write(path, b"note", [], bundles())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_ledger_that_fills_a_file_is_written_and_read(tmp_path, path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILE", path.stat().st_size)

    book().archive(tmp_path / "again.ledger")

    source = ArchiveSource(tmp_path / "again.ledger")
    assert source.get("checkpoint", most=MAX_NOTE).data == book().note()
    source.close()


@pytest.mark.parametrize("over", [1, 20_000])
def test_a_ledger_that_no_file_may_hold_is_refused_and_leaves_what_was_there(
    tmp_path, path, monkeypatch, over
):
    before = path.read_bytes()
    monkeypatch.setattr(archive, "MAX_FILE", len(before) - over)

    for name in ("hz07.ledger", "new.ledger"):
        with pytest.raises(Refused, match=r"not go into one file; write it to a folder") as caught:
            book().archive(tmp_path / name)

    assert caught.value.reason == "R-LEDGER"
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {path.name: before}


def test_more_checkpoints_than_their_count_can_say_are_refused(tmp_path):
    path = tmp_path / "x"
    archive.write(path, b"note", [(number, b"b") for number in range(1, 255)], [])
    source = ArchiveSource(path)
    assert source.get("bridge/254", most=9).data == b"b"
    source.close()

    with pytest.raises(Refused, match="256 checkpoints, a file holds 255"):
        archive.write(path, b"note", [(number, b"b") for number in range(1, 256)], [])
