"""Invariant: whatever the bytes, the parsers of the ledger answer with a value or with Refused.

And what they take is what our writers make. Bytes come whole, cut, and with pieces of others in
them.
"""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import diary
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import (
    Signer,
    Yard,
    charter,
    full_yard,
    issuer,
    log_of,
    pass_of,
    policy_text,
    small_yard,
    status,
)

from ledger_sync import accept, cbor, entries, feed, merkle, note, quorum, state, trust
from ledger_sync.archive import ArchiveSource
from ledger_sync.entries import Rule, Unknown
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256
from ledger_sync.sources import Absence
from ledger_sync.tiles import MAX_BUNDLE, bundle_path, entries_of, spans

YARD = small_yard()
POLICY = YARD.policy
TRUST = YARD.trust
KEYS = POLICY.verifiers
with TemporaryDirectory() as folder:
    FULL = full_yard(Path(folder))
    EXPORTS = [one.archive(Path(folder) / "x").read_bytes() for one in (YARD, Yard())]
ENTRIES = [*YARD.entries, *FULL.entries]
ENTRIES += map(entries.to_bytes, (pass_of(alg=ES256), issuer(), pass_of(uri="yp:hz07/s/1")))
ENTRIES += [entries.to_bytes(status(*[(index, index % 4) for index in range(128)]))]
ENTRIES += [entries.to_bytes(Rule("gate", bytes(range(256)))), entries.to_bytes(Unknown("x", 9))]
NOTES = [YARD.note, Yard().note]
POLICIES = [policy_text(YARD.log, YARD.witnesses).encode(), b"# none\nquorum none\n"]
VKEYS = [YARD.log.vkey.encode(), Signer("committee").vkey.encode(), log_of("\u212a").vkey.encode()]
CHARTERS = [entries.to_bytes(charter()), FULL.entries[-3], *POLICIES]
CHECK = diary.check(diary.use(5))._replace(reasons=("G-CLOCK", "R-SIG"))
CHECKS = [
    CHECK.to_bytes(),
    CHECK._replace(reasons=(), facts=b"").to_bytes(),
    diary.check(sealed=b"box").to_bytes(),
]
PIECES = [
    b"",
    b"\0",
    b"\n",
    b"\n\n",
    b" ",
    b"\xff",
    b"\xe2\x80\x94 ",
    b"none",
    b"+",
    b"\x80",
    b"=",
]


@st.composite
def mutated(draw, good):
    """One of `good` with up to four cuts, flips, pieces of another one, or odd bytes."""
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.sampled_from([0, 0, 1, 1, 2, 4, 40, len(data)]))
        other = draw(st.sampled_from(good))
        at = draw(st.integers(0, len(other)))
        put = st.binary(max_size=6) | st.sampled_from([*PIECES, other[at : at + 40]])
        data = data[:start] + draw(put) + data[stop:]
    return data


def value_of(parser, data):
    """What the parser says, None if it refuses. Any other exception fails the test."""
    try:
        return parser(data)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
        assert str(refused).encode()  # it can be logged
        return None


def accept_of(data):
    """What a terminal that stands where the yard does makes of this whole file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.ledger"
        path.write_bytes(data)
        with closing(ArchiveSource(path)) as source:
            return accept_all(source)


def accept_all(source):
    def part(name):
        found = source.get(name, most=MAX_BUNDLE)
        return b"" if isinstance(found, Absence) else found.data

    candidate = accept.checked(part("checkpoint"), trust=TRUST, known=YARD.position)
    wanted = [(bundle_path(n, width), width) for n, width, _ in spans(0, candidate[0].size)]
    chunks = [entries_of(part(name), width) for name, width in wanted]
    return accept.accept(candidate, chunks, trust=TRUST, frontier=merkle.Frontier())


@settings(max_examples=300, deadline=None)
@given(mutated(ENTRIES) | st.binary(max_size=80))
def test_any_bytes_are_an_entry_or_refused(data):
    found = value_of(entries.parse, data)

    if found is not None and not isinstance(found, Unknown):
        critical = cbor.decode(data, max_size=cbor.MAX_ENTRY)[2]
        assert entries.to_bytes(found, critical=critical) == data


def known_to_all():
    """What an authority knows before its first entry but one: its policy and an issuer."""
    known = state.Known(FULL.trust)
    state.effects_of(issuer(), 0, known)
    return known


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(mutated(ENTRIES) | st.binary(max_size=80), st.sampled_from([0, 1, 7, 24, 2**53 - 1]))
def test_any_bytes_have_effects_or_are_refused(data, seq):
    known = known_to_all()

    found = value_of(lambda data: state.effects_of(entries.parse(data), seq, known), data)

    for name, row in found or ():
        assert isinstance(name, str) and isinstance(row, tuple)
        assert all(type(value) is not int or -(2**63) <= value < 2**63 for value in row)


@settings(max_examples=200, deadline=None)
@given(mutated(CHARTERS) | st.binary(max_size=80))
def test_any_bytes_are_a_pinned_policy_or_refused(data):
    found = value_of(lambda data: trust.pinned(data, YARD.origin), data)

    if found is not None and found.version:
        assert found.digest == trust.digest_of(charter())


@settings(max_examples=300, deadline=None)
@given(mutated(NOTES) | st.binary(max_size=80))
def test_any_bytes_are_a_note_or_refused(data):
    found = value_of(lambda data: note.open_note(data, KEYS), data)

    if found is not None:
        assert data.startswith(found.text.encode() + b"\n")
        assert found.text in (YARD.text, Yard().text)


@settings(max_examples=200, deadline=None)
@given(mutated([YARD.text.encode(), b"go.sum database tree\n1\n" + b"A" * 43 + b"=\n"]))
def test_any_text_is_a_checkpoint_or_refused(data):
    text = data.decode("utf-8", "surrogateescape")

    found = value_of(note.checkpoint_of, note.Note(text, ()))

    if found is not None:
        assert text.startswith(found.to_text())


@settings(max_examples=200, deadline=None)
@given(mutated(VKEYS))
def test_any_text_is_a_key_or_refused(data):
    text = data.decode("utf-8", "surrogateescape")

    found = value_of(note.parse_vkey, text)

    if found is not None:
        assert found.to_vkey() == text


@settings(max_examples=300, deadline=None)
@given(mutated(POLICIES) | st.binary(max_size=80), st.booleans())
def test_any_bytes_are_a_policy_or_refused(data, as_text):
    text = data.decode("utf-8", "surrogateescape") if as_text else data

    found = value_of(quorum.parse_policy, text)

    if found is not None:
        assert found.satisfied(found.witnesses)
        assert found.satisfied([]) == (found.quorum == "none")


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(mutated(EXPORTS) | st.binary(max_size=80))
def test_any_bytes_are_the_known_ledger_or_refused(data):
    found = value_of(accept_of, data)

    if found is not None:
        held = accept.Position(found.checkpoint.size, found.checkpoint.root)
        assert (held, [*found.chunks]) == (YARD.position, [YARD.entries])


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(mutated(CHECKS) | st.binary(max_size=120))
def test_any_bytes_are_a_check_or_refused(data):
    found = value_of(feed.check_of, data)

    if found is not None:
        assert found.to_bytes() == data


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(mutated(CHECKS) | st.binary(max_size=120))
def test_any_bytes_of_a_peer_are_a_use_that_a_store_can_take_or_none(data):
    found = feed.use_of(data, diary.SECRET)

    if found is not None:
        assert found.way in (0, 1)
        assert all(0 <= value < 2**63 for value in (found.at, found.code_at))
        assert -(2**63) <= found.holder < 2**63
    assert len(feed.sealed_hash_of(data)) == 32
    assert min(feed.at_of(data), feed.hlc_of(data)) >= 0


@pytest.mark.long
@pytest.mark.parametrize(
    ("parser", "good"),
    [
        (entries.parse, ENTRIES),
        (lambda data: note.open_note(data, KEYS), NOTES),
        (quorum.parse_policy, POLICIES),
        (lambda data: trust.pinned(data, YARD.origin), CHARTERS),
        (feed.check_of, CHECKS),
        (feed.opening_of, diary.Diary().entries),
        (feed.pruned_of, [feed.Pruned(9, 8, 7).to_bytes()]),
        (accept_of, EXPORTS),
    ],
)
def test_good_bytes_fed_byte_by_byte_are_never_more_than_refused(parser, good):
    for data in good:
        for cut in range(len(data)):
            value_of(parser, data[:cut])
            value_of(parser, data[cut:])


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-2, 2**70),
    st.integers(-2, 2**70),
    st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=3), max_size=70),
    st.binary(min_size=32, max_size=32),
)
def test_proofs_of_any_shape_are_answered_and_random_ones_never_hold(low, high, proof, root):
    other = merkle.leaf_hash(root)

    assert not merkle.verify_inclusion(root, low, high, proof, other)
    assert not merkle.verify_consistency(low, high, proof, root, other)
