"""Invariant: whatever the bytes, the parsers of the ledger answer with a value or with Refused.

And what they take is what our writers make. Bytes come whole, cut, and with pieces of others in
them.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import (
    NOW,
    ORIGIN,
    Signer,
    Yard,
    issuer,
    log_of,
    pass_of,
    policy_text,
    small_yard,
    status,
)

from ledger_sync import accept, cbor, entries, feed, merkle, note, quorum
from ledger_sync.entries import Rule, Unknown
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256

YARD = small_yard()
POLICY = YARD.policy
KEYS = POLICY.verifiers
ENTRIES = [*YARD.entries, *(entries.to_bytes(entry) for entry in (pass_of(alg=ES256), issuer()))]
ENTRIES += [entries.to_bytes(status(*[(index, index % 4) for index in range(128)]))]
ENTRIES += [entries.to_bytes(Rule("gate", bytes(range(256)))), entries.to_bytes(Unknown("x", 9))]
NOTES = [YARD.note, Yard().note]
POLICIES = [policy_text(YARD.log, YARD.witnesses).encode(), b"# none\nquorum none\n"]
VKEYS = [YARD.log.vkey.encode(), Signer("committee").vkey.encode(), log_of("\u212a").vkey.encode()]
EXPORTS = [YARD.export, Yard().export]
CHECK = feed.Check(0, 1, NOW, 2, 7, bytes(16), bytes(16), "main", ("G-CLOCK", "R-SIG"), b"facts")
CHECKS = [CHECK.to_bytes(), CHECK._replace(reasons=(), facts=b"").to_bytes()]
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
    return accept.accept(data, policy=POLICY, origin=ORIGIN, known=YARD.position)


@settings(max_examples=300, deadline=None)
@given(mutated(ENTRIES) | st.binary(max_size=80))
def test_any_bytes_are_an_entry_or_refused(data):
    found = value_of(entries.parse, data)

    if found is not None and not isinstance(found, Unknown):
        critical = cbor.decode(data, max_size=cbor.MAX_ENTRY)[2]
        assert entries.to_bytes(found, critical=critical) == data


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


@settings(max_examples=300, deadline=None)
@given(mutated(EXPORTS) | st.binary(max_size=80))
def test_any_bytes_are_the_known_ledger_or_refused(data):
    found = value_of(accept_of, data)

    if found is not None:
        assert accept.Position(found.checkpoint.size, found.checkpoint.root) == YARD.position


@settings(max_examples=300, deadline=None)
@given(mutated(CHECKS) | st.binary(max_size=120))
def test_any_bytes_are_a_check_or_refused(data):
    found = value_of(feed.check_of, data)

    if found is not None:
        assert found.to_bytes() == data


@pytest.mark.parametrize(
    ("parser", "good"),
    [
        (entries.parse, ENTRIES),
        (lambda data: note.open_note(data, KEYS), NOTES),
        (quorum.parse_policy, POLICIES),
        (feed.check_of, CHECKS),
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
