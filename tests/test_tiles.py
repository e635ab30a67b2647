"""The files of a log against tlog-tiles, against other implementations, and against liars."""

import hashlib
from collections import Counter
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger_sync import merkle, tiles
from ledger_sync.errors import Refused
from ledger_sync.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from ledger_sync.tiles import Span, TilePath, TileTree, bundle_of, entries_of, parse_path

MOST = 65_537
EDGES = [255, 256, 257, 258, 511, 512, 513, 65_535, 65_536, 65_537]
LEAVES = [hashlib.sha256(b"leaf %d" % number).digest() for number in range(MOST)]

# tlog-tiles, "Merkle Tree"; tessera, api/layout/paths_test.go; x/mod/sumdb/tlog, tlog_test.go.
PUBLISHED = {
    "tile/0/x001/x234/067": TilePath(0, 1_234_067, 256),
    "tile/0/x001/x234/067.p/89": TilePath(0, 1_234_067, 89),
    "tile/0/000": TilePath(0, 0, 256),
    "tile/0/000.p/255": TilePath(0, 0, 255),
    "tile/1/000.p/1": TilePath(1, 0, 1),
    "tile/5/x123/x456/078.p/2": TilePath(5, 123_456_078, 2),
    "tile/15/x455/667": TilePath(15, 455_667, 256),
    "tile/63/x999/x999/x999/x999/x999/999.p/255": TilePath(63, 10**18 - 1, 255),
    "tile/entries/x123/x456/x789/000": TilePath(None, 123_456_789_000, 256),
    "tile/entries/255.p/253": TilePath(None, 255, 253),
    "tile/entries/001.p/1": TilePath(None, 1, 1),
}
MISSPELLED = """
0 00 05 0005 1000 x001 x001/ x001/x234 x001/x234/ x001/x234/67 001/234 X001/234 x001//234 /000
000/ x000/000 x000/005 x000/x001/234 x01/234 x0001/234 x001/0002 x001/-02 -01 +01 x001/+34 00a 0x1
000.p 000.p/ 000.p/0 000.p/00 000.p/01 000.p/012 000.p/256 000.p/300 000.p/999 000.p/1000 000.p/-1
000.p/+1 000.p/abc 000.p/1/ 000.P/1 000p/1 000.p1 .p/1 x001/.p/1 000.p/1.p/1 ٠٠٠ 00²
000.p/١ 000.p/² x999/x999/x999/x999/x999/x999/999 x001/x000/x000/x000/x000/x000/000
"""
OTHER_ROOTS = """
tile tile/ tile/0 tile/0/ tile//000 0/000 /tile/0/000 ./tile/0/000 tile/../0/000 tiles/0/000
Tile/0/000 tile/00/000 tile/01/000 tile/-1/000 tile/+1/000 tile/64/000 tile/99/000 tile/100/000
tile/abc/000 tile/٣/000 tile/data/000 tile/Entries/000 tile/entries tile/8/0/000 checkpoint
"""


def tree_of(size):
    return TileTree(size, dict(tiles.hash_tiles(LEAVES[:size])).__getitem__)


def frontier_of(leaves):
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier


@cache
def roots():
    """The root at each size, by the frontier."""
    frontier, found = Frontier(), []
    for leaf in LEAVES:
        found.append(frontier.root())
        frontier.append(leaf)
    return [*found, frontier.root()]


def refused(match, call, *arguments):
    with pytest.raises(Refused, match=match) as error:
        call(*arguments)
    assert error.value.reason == "R-LEDGER"


@pytest.mark.parametrize("path", PUBLISHED)
def test_a_published_path_is_read_and_written(path):
    tile = PUBLISHED[path]

    assert parse_path(path) == tile
    assert tile.to_path() == path


@pytest.mark.parametrize("path", ["", "000", *OTHER_ROOTS.split()])
def test_a_path_outside_the_layout_is_refused(path):
    refused(".", parse_path, path)


@pytest.mark.parametrize("start", ["tile/0/", "tile/entries/"])
def test_an_index_in_another_spelling_is_refused(start):
    assert parse_path(start + "000")
    for text in [
        *MISSPELLED.split(),
        "",
        " 000",
        "000 ",
        "000\n",
        "000\0",
        "000.p/1\n",
        "000.p/ 1",
    ]:
        refused(".", parse_path, start + text)


@settings(deadline=None)
@given(
    st.text(alphabet="tile/entries/x01239.p/", max_size=40)
    | st.from_regex(
        r"tile/[0-9]{1,2}/(x[0-9]{3}/){0,6}[0-9]{3,4}(\.p/[0-9]{1,3})?", fullmatch=True
    )
)
def test_any_path_is_refused_or_is_the_one_that_is_written(path):
    """Any text gives a tile path or Refused, and the tile path gives the same text again."""
    try:
        tile = parse_path(path)
    except Refused as error:
        assert error.reason == "R-LEDGER"
    else:
        assert tile.to_path() == path


@given(
    st.none() | st.integers(0, 63), st.integers(0, tiles.MAX_INDEX), st.integers(1, tiles.WIDTH)
)
def test_every_written_path_is_read_back(level, number, width):
    tile = TilePath(level, number, width)

    assert parse_path(tile.to_path()) == tile


@pytest.mark.parametrize(
    ("level", "number", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 10**18, 1), (0, 0, 0), (0, 0, 257), (0, 0, -1)],
)
def test_a_tile_that_cannot_be_has_no_path(level, number, width):
    refused("no tile", tiles.tile_path, level, number, width)
    if level == 0:
        refused("no tile", tiles.bundle_path, number, width)


def test_the_largest_tree_has_a_path_for_every_tile():
    last = (tiles.MAX_SIZE - 1) // tiles.WIDTH

    assert last < tiles.MAX_INDEX
    assert tiles.bundle_path(last).count("x") == 5


def test_a_bundle_is_each_entry_behind_its_length():
    entries = [b"", b"a", b"bc" * 200]

    bundle = bundle_of(entries)

    assert bundle == b"\0\0" + b"\0\1a" + b"\1\x90" + b"bc" * 200
    assert entries_of(bundle, 3) == entries


def test_the_largest_bundle_is_read_and_nothing_larger_is_made():
    entry = b"x" * tiles.MAX_ENTRY

    bundle = bundle_of([entry] * tiles.WIDTH)

    assert len(bundle) == tiles.MAX_BUNDLE
    assert entries_of(bundle, tiles.WIDTH) == [entry] * tiles.WIDTH
    refused("65536 bytes", bundle_of, [b"", entry + b"x"])
    refused("257 entries", bundle_of, [b""] * 257)
    refused("0 entries", bundle_of, [])


@pytest.mark.parametrize("count", [-1, 0, 257, 10**9])
def test_no_bundle_holds_another_count_than_1_to_256(count):
    refused(f"a bundle of {count} entries", entries_of, b"\0\0", count)


def test_a_bundle_cut_anywhere_is_refused_with_the_entry_that_is_cut():
    entries = [b"", b"first", b"", b"second one"]
    bundle = bundle_of(entries)

    for length in range(len(bundle)):
        whole = sum(len(bundle_of(entries[: k + 1])) <= length for k in range(4))
        refused(f"entry {whole + 1} of 4", entries_of, bundle[:length], 4)


def test_a_bundle_with_more_or_fewer_entries_than_asked_for_is_refused():
    bundle = bundle_of([b"one", b"two", b"three"])

    refused("7 bytes behind the 2 entries", entries_of, bundle, 2)
    refused("entry 4 of 4", entries_of, bundle, 4)
    for more in (b"\0", b"\0\0", b"\0\1a"):
        refused(f"{len(more)} bytes behind", entries_of, bundle + more, 3)


def test_swapped_entries_are_read_as_they_stand_and_hash_to_another_tree():
    entries = entries_of(bundle_of([b"two", b"one"]), 2)

    assert entries == [b"two", b"one"]
    assert merkle.frontier_of(entries).root() != merkle.frontier_of([b"one", b"two"]).root()


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(st.binary(max_size=9), min_size=1, max_size=6).map(bundle_of)
    | st.lists(st.sampled_from([b"\0", b"\1", b"\2", b"\xff"]), max_size=20).map(b"".join),
    st.integers(-1, 8) | st.integers(250, 260),
)
@example(b"\0\0" * 256, 256)
def test_any_bundle_is_refused_or_is_the_one_that_is_written(bundle, count):
    """Any bytes give entries or Refused, and entries give the same bytes again."""
    for length in range(len(bundle) + 1):
        try:
            entries = entries_of(bundle[:length], count)
        except Refused as error:
            assert error.reason == "R-LEDGER"
        else:
            assert len(entries) == count
            assert bundle_of(entries) == bundle[:length]


@pytest.mark.parametrize(
    ("start", "size", "expected"),
    [
        (0, 0, []),
        (7, 7, []),
        (256, 256, []),
        (0, 1, [(0, 1, 0)]),
        (255, 256, [(0, 256, 255)]),
        (256, 257, [(1, 1, 0)]),
        (300, 400, [(1, 144, 44)]),
        (10, 600, [(0, 256, 10), (1, 256, 0), (2, 88, 0)]),
        (2**63 - 2, 2**63 - 1, [(2**55 - 1, 255, 254)]),
    ],
)
def test_spans_are_the_bundles_from_start_on(start, size, expected):
    assert list(tiles.spans(start, size)) == [Span(*one) for one in expected]


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_spans_cover_every_entry_from_start_once(first, second):
    start, size = sorted((first, second))

    covered = [
        number * 256 + at
        for number, width, skip in tiles.spans(start, size)
        for at in range(skip, width)
    ]

    assert covered == list(range(start, size))


@pytest.mark.parametrize(("start", "size"), [(-1, 5), (6, 5), (0, -1), (-2, -1), (0, 2**63)])
def test_there_are_no_spans_of_a_tree_that_cannot_be(start, size):
    refused("no entries from", tiles.spans, start, size)


def test_the_tree_of_70_000_has_the_tiles_that_tlog_tiles_counts():
    files = list(tiles.tiles_of(70_000))
    kinds = Counter((level, width) for level, _, width in files)

    full, part = 256, [(0, 112), (1, 17), (2, 1), (None, 112)]
    assert kinds == {(0, full): 273, (1, full): 1, (None, full): 273} | dict.fromkeys(part, 1)
    assert len(set(files)) == len(files)


def test_a_full_tile_begins_the_level_above_and_an_empty_tree_has_no_file():
    names = [[file.to_path() for file in tiles.tiles_of(size)] for size in (0, 256)]

    assert names == [[], ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]]


@pytest.mark.parametrize("size", [-1, -256, 2**63])
def test_a_tree_that_cannot_be_has_no_tiles(size):
    refused(".", tiles.tiles_of, size)
    refused("no tree", TileTree, size, dict().__getitem__)


def test_hash_tiles_are_the_tiles_of_the_size_each_with_the_hashes_of_the_formula():
    size = MOST
    made = dict(tiles.hash_tiles(iter(LEAVES)))

    assert set(made) == {one.to_path() for one in tiles.tiles_of(size) if one.level is not None}
    for path, data in made.items():
        level, number, width = parse_path(path)
        below = 256**level
        for at in range(width) if level else ():
            first = (number * 256 + at) * below
            root = frontier_of(LEAVES[first : first + below]).root()
            assert data[at * 32 : at * 32 + 32] == root
        if not level:
            assert data == b"".join(LEAVES[number * 256 : number * 256 + width])
        assert len(data) == width * 32 <= tiles.MAX_TILE


def test_a_full_tile_comes_before_the_hashes_after_it_are_taken():
    def leaves():
        yield from LEAVES[:256]
        raise AssertionError("read on")

    assert next(tiles.hash_tiles(leaves())) == ("tile/0/000", b"".join(LEAVES[:256]))
    assert list(tiles.hash_tiles([])) == []


def test_every_full_tile_comes_before_the_one_above_it():
    paths = [path for path, _ in tiles.hash_tiles(LEAVES)]

    assert paths.index("tile/0/255") + 1 == paths.index("tile/1/000")
    assert paths[-2:] == ["tile/0/256.p/1", "tile/2/000.p/1"]


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_leaf_hash_of_another_length_is_refused(wrong):
    made = tiles.hash_tiles([*LEAVES[:300], wrong])

    assert next(made)[0] == "tile/0/000"
    refused("not 32 bytes", list, made)


@pytest.mark.long
def test_every_proof_of_a_small_tree_holds():
    for size in range(1, 131):
        tree = tree_of(size)
        assert tree.root() == roots()[size]
        for at in range(size):
            proof = tree.inclusion_proof(at)
            assert verify_inclusion(LEAVES[at], at, size, proof, roots()[size])
        for old in range(size + 1):
            assert tree.root_at(old) == roots()[old]
            proof = tree.consistency_proof(old)
            assert verify_consistency(old, size, proof, roots()[old], roots()[size])


@pytest.mark.parametrize("size", EDGES)
def test_proofs_hold_around_the_edges_of_tiles(size):
    tree = tree_of(size)
    steps = {0, 1, 2, 127, 128, *range(0, size, size // 40), *EDGES}
    steps |= {one - 1 for one in steps} | {size // 2, size - 2, size - 1, size}

    for at in sorted(one for one in steps if 0 <= one <= size):
        assert tree.root_at(at) == roots()[at]
        proof = tree.consistency_proof(at)
        assert verify_consistency(at, size, proof, roots()[at], roots()[size])
        if at < size:
            proof = tree.inclusion_proof(at)
            assert verify_inclusion(LEAVES[at], at, size, proof, roots()[size])


def test_the_rows_above_a_row_leave_an_odd_hash_out():
    one, two, three = LEAVES[:3]

    assert merkle.rows_of(one) == [one]
    assert merkle.rows_of(one + two + three) == [one + two + three, merkle.node_hash(one, two)]
    assert len(merkle.rows_of(b"".join(LEAVES[:255]))) == 8


def read_same(path):
    """The tiles of a log, as large as one likes, whose leaves are all one."""
    level, _, width = parse_path(path)
    value = LEAVES[0]
    for _ in range(level * tiles.HEIGHT):
        value = merkle.node_hash(value, value)
    return value * width


@settings(max_examples=60, deadline=None)
@given(st.integers(1, tiles.MAX_SIZE), st.data())
@example(tiles.MAX_SIZE, None)
@example(2**56, None)
def test_proofs_hold_in_trees_of_any_size_and_read_few_tiles_once(size, data):
    at = data.draw(st.integers(0, size - 1)) if data else size - 1
    read = []

    def counted(path):
        read.append(path)
        return read_same(path)

    root, old = TileTree(size, counted).root(), TileTree(size, counted).root_at(at)
    read.clear()
    inclusion = TileTree(size, counted).inclusion_proof(at)
    assert len(read) == len(set(read)) <= 16 < tiles.MAX_HELD
    read.clear()
    consistency = TileTree(size, counted).consistency_proof(at)
    assert len(read) == len(set(read)) <= 16

    assert verify_inclusion(LEAVES[0], at, size, inclusion, root)
    assert verify_consistency(at, size, consistency, old, root)


def test_a_tree_keeps_the_tiles_it_used_last_and_no_more():
    read, size = [], 256 * tiles.MAX_HELD
    made = dict(tiles.hash_tiles(LEAVES[:size]))
    tree = TileTree(size, lambda path: read.append(path) or made[path])

    for at in range(0, size, 256):
        tree.inclusion_proof(at)
    assert read == ["tile/0/000", f"tile/1/000.p/{tiles.MAX_HELD}", *list(made)[1:-1]]
    tree.inclusion_proof(size - 1)
    assert len(read) == len(made)
    tree.inclusion_proof(0)
    assert read[len(made) :] == ["tile/0/000"]


@pytest.mark.parametrize("at", [-1, 5, 6, 2**64])
def test_there_is_no_proof_outside_the_tree(at):
    tree = tree_of(5)

    refused(f"no entry {at} in a log of 5", tree.inclusion_proof, at)
    if at != 5:
        refused(f"no log of {at}", tree.consistency_proof, at)
        refused(f"no tree of {at}", tree.root_at, at)


def test_the_empty_tree_has_its_root_and_no_tile_is_read_for_it():
    tree = TileTree(0, dict().__getitem__)

    assert tree.root() == tree.root_at(0) == merkle.EMPTY_ROOT
    assert tree.consistency_proof(0) == []
    refused("no entry 0", tree.inclusion_proof, 0)


@pytest.mark.parametrize("change", [bytes(1), bytes(32), None])
def test_a_tile_of_another_length_is_refused(change):
    made = dict(tiles.hash_tiles(LEAVES[:300]))
    tree = TileTree(300, lambda path: made[path] + change if change else made[path][:-1])

    for call in (tree.root, lambda: tree.inclusion_proof(7), lambda: tree.consistency_proof(299)):
        refused(r"tile/.*bytes, not \d+ hashes", call)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_lying_reader_gives_proofs_that_fail_and_never_another_error(data):
    """Any tiles give a proof or Refused, and no proof but the true one holds against the roots."""
    size = data.draw(st.sampled_from([1, 2, 5, 130, 257, 513, 600]))
    at = data.draw(st.integers(0, size - 1))
    true = dict(tiles.hash_tiles(LEAVES[:size]))
    lies = dict(true)
    for path in data.draw(st.lists(st.sampled_from(sorted(true)), min_size=1, max_size=3)):
        lie = bytearray(lies[path])
        lie[data.draw(st.integers(0, len(lie) - 1))] ^= data.draw(st.sampled_from([0, 1, 128]))
        lies[path] = bytes(lie)
    if data.draw(st.booleans()):
        lies[path] = lies[path][: data.draw(st.integers(0, len(lies[path])))]
    honest, liar = TileTree(size, true.__getitem__), TileTree(size, lies.__getitem__)

    for name, holds in {
        "inclusion_proof": lambda p: verify_inclusion(LEAVES[at], at, size, p, roots()[size]),
        "consistency_proof": lambda p: verify_consistency(at, size, p, roots()[at], roots()[size]),
    }.items():
        try:
            proof = getattr(liar, name)(at)
        except Refused as error:
            assert error.reason == "R-LEDGER"
        else:
            assert holds(proof) == (proof == getattr(honest, name)(at))


def test_what_the_reader_raises_passes_through():
    def gone(path):
        raise FileNotFoundError(path)

    with pytest.raises(FileNotFoundError, match=r"tile/0/000\.p/3"):
        TileTree(3, gone).root()


def test_the_entries_of_bundles_have_the_hashes_of_the_tiles():
    entries = [b"entry %d" % number for number in range(600)]
    made = dict(tiles.hash_tiles(leaf_hash(entry) for entry in entries))

    for number, width, _ in tiles.spans(0, 600):
        bundle = bundle_of(entries[number * 256 : number * 256 + width])
        tile = made[tiles.tile_path(0, number, width)]
        assert b"".join(map(leaf_hash, entries_of(bundle, width))) == tile
