"""The Merkle tree against a naive recursive one, and against published values."""

import hashlib
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_sync import merkle
from ledger_sync.errors import Refused
from ledger_sync.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_consistency
from ledger_sync.merkle import verify_inclusion as verify

MOST = 130
ENTRIES = [b"entry %d" % number for number in range(MOST)]
OTHER = hashlib.sha256(b"another hash").digest()

# transparency-dev/merkle, proof/verify_test.go: its leaves, its roots, and proofs over them.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
LEAVES += ["606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUDED = {
    (0, 1): "",
    (5, 8): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
    " ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 3): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
}
CONSISTENT = {
    (6, 7): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
    " b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 5): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
    " bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
}


def split_of(count):
    """The largest power of two smaller than `count` (RFC 6962 section 2.1)."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


@cache
def root_of(start, stop):
    """MTH(D[start:stop]) as RFC 6962 section 2.1 writes it."""
    if start == stop:
        return hashlib.sha256().digest()
    if stop - start == 1:
        return hashlib.sha256(b"\x00" + ENTRIES[start]).digest()
    middle = start + split_of(stop - start)
    return hashlib.sha256(b"\x01" + root_of(start, middle) + root_of(middle, stop)).digest()


@cache
def path_of(index, start, stop):
    """PATH(m, D[n]), section 2.1.1, each hash with the side it stands on."""
    if stop - start == 1:
        return ()
    middle = start + split_of(stop - start)
    if index < middle:
        return (*path_of(index, start, middle), ("right", root_of(middle, stop)))
    return (*path_of(index, middle, stop), ("left", root_of(start, middle)))


@cache
def proof_of(size, start, stop, whole=True):
    """SUBPROOF(m, D[n], b), section 2.1.2."""
    if size == stop - start:
        return () if whole else (root_of(start, stop),)
    middle = start + split_of(stop - start)
    if size <= middle - start:
        return (*proof_of(size, start, middle, whole), root_of(middle, stop))
    return (*proof_of(size - (middle - start), middle, stop, False), root_of(start, middle))


def hashes(path):
    return [value for _, value in path]


def sides(index, size):
    return [side for side, _ in path_of(index, 0, size)]


def mutants(proof, *extra):
    """Every proof that differs from this one by one bit, one hash more, less, or moved."""
    for at in range(len(proof)):
        flipped = bytes((proof[at][0] ^ 8,)) + proof[at][1:]
        yield [*proof[:at], flipped, *proof[at + 1 :]]
        yield [*proof[:at], proof[at][:-1], *proof[at + 1 :]]
        yield [*proof[:at], *proof[at + 1 :]]
    for at in range(len(proof) + 1):
        for more in (b"", OTHER, *extra):
            yield [*proof[:at], more, *proof[at:]]
    for at, (here, there) in enumerate(pairwise(proof)):
        yield [*proof[:at], there, here, *proof[at + 2 :]]


def test_the_frontier_has_the_root_of_the_naive_tree_at_every_size():
    frontier = Frontier()
    for size in range(MOST):
        assert (frontier.size, frontier.root()) == (size, root_of(0, size))
        assert len(frontier.peaks) == size.bit_count()
        frontier.append(leaf_hash(ENTRIES[size]))

    assert frontier.root() == merkle.frontier_of(ENTRIES).root()


def test_whole_subtrees_may_be_added_by_their_roots_where_they_begin_and_nowhere_else():
    for size in range(MOST):
        for height in range(7):
            frontier, width = merkle.frontier_of(ENTRIES[:size]), 1 << height
            subtree = merkle.frontier_of(ENTRIES[size : size + width]).root()
            if size % width:
                with pytest.raises(
                    Refused, match=f"no subtree of {width} leaves begins at {size}"
                ):
                    frontier.append_tree(subtree, height)
                assert frontier.root() == root_of(0, size)
            elif size + width <= MOST:
                frontier.append_tree(subtree, height)
                assert (frontier.size, frontier.root()) == (size + width, root_of(0, size + width))
                assert Frontier(frontier.size, frontier.peaks).root() == frontier.root()


def test_a_copy_and_a_restored_frontier_go_on_by_themselves():
    frontier = merkle.frontier_of(ENTRIES[:77])

    copy = frontier.copy()
    restored = Frontier(77, frontier.peaks)
    for entry in ENTRIES[77:]:
        copy.append(leaf_hash(entry))
        restored.append(leaf_hash(entry))

    assert frontier.root() == root_of(0, 77)
    assert copy.root() == restored.root() == root_of(0, MOST)


@pytest.mark.parametrize(
    ("size", "peaks"), [(0, [OTHER]), (1, []), (3, [OTHER]), (1, [OTHER[:31]]), (-1, [OTHER])]
)
def test_a_frontier_of_another_shape_than_its_size_is_refused(size, peaks):
    with pytest.raises(Refused, match="a frontier of size"):
        Frontier(size, peaks)


def test_every_inclusion_proof_of_the_naive_tree_holds():
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = hashes(path_of(index, 0, size))
            assert verify(root_of(index, index + 1), index, size, proof, root_of(0, size))


def test_every_consistency_proof_of_the_naive_tree_holds():
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = proof_of(old, 0, new)
            assert verify_consistency(old, new, proof, root_of(0, old), root_of(0, new))


def test_no_mutated_inclusion_proof_holds():
    for size in range(1, 20):
        root = root_of(0, size)
        for index in range(size):
            leaf, proof = root_of(index, index + 1), hashes(path_of(index, 0, size))
            for mutant in mutants(proof, leaf, root):
                assert not verify(leaf, index, size, mutant, root)
            assert not verify(OTHER, index, size, proof, root)
            assert not verify(leaf, index, size, proof, OTHER)


def test_an_inclusion_proof_holds_at_no_other_index():
    for size in range(1, 34):
        for index in range(size):
            leaf, proof = root_of(index, index + 1), hashes(path_of(index, 0, size))
            for other in set(range(-2, size + 2)) - {index}:
                assert not verify(leaf, other, size, proof, root_of(0, size))


def test_an_inclusion_proof_holds_at_another_size_only_if_the_path_has_the_same_turns():
    for size in range(1, 34):
        for index in range(size):
            leaf, proof = root_of(index, index + 1), hashes(path_of(index, 0, size))
            for other in range(70):
                same = index < other and sides(index, other) == sides(index, size)
                assert verify(leaf, index, other, proof, root_of(0, size)) == same


def test_no_mutated_consistency_proof_holds():
    for new in range(2, 20):
        for old in range(1, new):
            proof, roots = list(proof_of(old, 0, new)), (root_of(0, old), root_of(0, new))
            for mutant in mutants(proof, *roots):
                assert not verify_consistency(old, new, mutant, *roots)
            for wrong in [roots[::-1], (OTHER, roots[1]), (roots[0], OTHER)]:
                assert not verify_consistency(old, new, proof, *wrong)


def test_a_consistency_proof_holds_for_no_other_old_size():
    for new in range(2, 34):
        for old in range(1, new):
            proof, roots = proof_of(old, 0, new), (root_of(0, old), root_of(0, new))
            for other in set(range(-1, new + 2)) - {old}:
                assert not verify_consistency(other, new, proof, *roots)


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (1, 0), (1, 1), (2, 1), (-1, 1), (2**64 - 1, 1), (0, -1)]
)
def test_nothing_is_included_at_or_past_the_size(index, size):
    assert not verify(OTHER, index, size, [], OTHER)
    assert not verify(OTHER, index, size, [], EMPTY_ROOT)


@pytest.mark.parametrize(
    ("leaf", "root"), [(b"", b""), (OTHER, b""), (b"", OTHER), (OTHER + b"\0", OTHER + b"\0")]
)
def test_hashes_of_another_length_are_no_proof_of_inclusion(leaf, root):
    assert verify(OTHER, 0, 1, [], OTHER)
    assert not verify(leaf, 0, 1, [], root)


def test_logs_of_one_size_are_consistent_by_equal_roots_and_no_proof():
    for size in (0, 1, 5):
        assert verify_consistency(size, size, [], OTHER, OTHER)
        assert not verify_consistency(size, size, [], OTHER, EMPTY_ROOT)
        assert not verify_consistency(size, size, [OTHER], OTHER, OTHER)
    assert not verify_consistency(-1, -1, [], OTHER, OTHER)


def test_an_empty_log_is_consistent_with_any_later_one_without_a_proof():
    assert verify_consistency(0, 8, [], EMPTY_ROOT, OTHER)
    assert not verify_consistency(0, 8, [], OTHER, OTHER)
    assert not verify_consistency(0, 8, [OTHER], EMPTY_ROOT, OTHER)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 4), (2, 1), (1, 0), (-1, 1)])
def test_logs_of_two_sizes_are_never_consistent_without_a_proof(old, new):
    assert not verify_consistency(old, new, [], OTHER, OTHER)


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_come_out(size):
    frontier = merkle.frontier_of(bytes.fromhex(leaf) for leaf in LEAVES[:size])

    assert frontier.root().hex() == ROOTS[size - 1]


def test_the_published_proofs_hold():
    roots = [bytes.fromhex(root) for root in ROOTS]
    for (index, size), text in INCLUDED.items():
        proof = [bytes.fromhex(value) for value in text.split()]
        leaf = leaf_hash(bytes.fromhex(LEAVES[index]))
        assert verify(leaf, index, size, proof, roots[size - 1])
    for (old, new), text in CONSISTENT.items():
        proof = [bytes.fromhex(value) for value in text.split()]
        assert verify_consistency(old, new, proof, roots[old - 1], roots[new - 1])


def test_the_hashes_of_nothing_are_those_of_rfc_6962():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert Frontier().root().hex() == EMPTY_ROOT.hex() == empty
    assert leaf_hash(b"").hex() == ROOTS[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=40), st.data())
def test_growing_a_frontier_gives_the_one_built_at_once(entries, data):
    old = data.draw(st.integers(0, len(entries)))

    whole = merkle.frontier_of(entries)
    grown = merkle.frontier_of(entries[:old])
    for entry in entries[old:]:
        grown.append(leaf_hash(entry))

    assert (grown.size, grown.peaks, grown.root()) == (whole.size, whole.peaks, whole.root())
