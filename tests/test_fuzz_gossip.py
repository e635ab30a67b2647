"""Invariant: whatever a peer says, hearing it ends in Refused or not at all, and alters nothing of
what honest gates recorded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkers import GROUND, Party, Stranger, check_of, entries_at, held_of, replica_of

from ledger_sync import frames, note
from ledger_sync.batch import Batch
from ledger_sync.errors import Refused
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.sim import ground as earth

KIDS = [*GROUND.kids.values(), b"whoever?"]
INCARNATIONS = [b"stranger", bytes(8), b"\xff" * 8]
sizes = st.sampled_from([0, 1, 2, 3, 4, 255, 256, 2**32 - 1])
eights = st.sampled_from([bytes(8), b"rootroot"])
kids = st.sampled_from(KIDS)
incarnations = st.sampled_from(INCARNATIONS)
rows = st.builds(frames.Row, kids, incarnations, sizes | st.just(2**64 - 1), eights)
paths = st.sampled_from(["checkpoint", "bridge/1", "tile/entries/000", "tile/0/000", "../x", ""])
entries = st.sampled_from(
    [
        b"",
        b"\x09",
        check_of(at=earth.START),
        check_of(at=2**64 - 1, code_at=2**64 - 1),
        check_of(at=earth.START, way=9),
    ]
)
texts = st.sampled_from(
    [b"", b"\xff", GROUND.rogue, *(signed for signed, _ in GROUND.ledgers[:3])]
) | st.binary(max_size=20)


@pytest.fixture(autouse=True)
def parties_end():
    yield
    Party.end_all()


@st.composite
def own_feeds(draw):
    """A feed that the peer signs itself, in batches, perhaps with something wrong about them."""

    def made(stranger):
        cut = draw(st.integers(1, 3))
        wrong = draw(st.sampled_from(["", "start", "count", "note", "sealed"]))
        found = stranger.batches(
            draw(st.lists(entries, min_size=3, max_size=4)),
            incarnation=draw(incarnations),
            cuts=[cut],
        )
        changes = {"start": 7, "count": 9, "note": "x", "sealed": b"\x05"}
        if wrong:
            found[1] = frames.Parts(found[1].batch._replace(**{wrong: changes[wrong]}))
        return found

    return made


@st.composite
def own_notes(draw):
    """Evidence or an acknowledgement, well signed, of anything."""
    tail = draw(st.sampled_from([b"stranger".hex(), "zz", "", "00" * 8]))
    roots = [draw(st.sampled_from([bytes(32), bytes([1] * 32)])) for _ in range(2)]
    size = draw(st.sampled_from([0, 1, 2**63 - 1]))

    def made(stranger):
        origin = f"yardpass/{earth.SITE}/{stranger.box.name}/{tail}"
        heads = [stranger.head(note.Checkpoint(origin, size, r).to_text()) for r in roots]
        return [frames.Evidence(stranger.kid, *heads)]

    return made


URGENT = (
    GROUND.denial(3, earth.START),
    GROUND.order(Kind.LOCKDOWN, 5, earth.START),
    GROUND.order(Kind.RELEASE, ALL_ZONES, earth.START + 1),
    GROUND.order(Kind.FREE, ALL_ZONES, earth.START, signer="office"),
    b"yardpass/hz07/order\n",
)
plain = st.one_of(
    st.builds(
        frames.Hello,
        st.just(GROUND.boxes[5].feed.public.kid),
        texts,
        st.lists(rows, max_size=5).map(tuple),
        st.lists(st.builds(frames.Closed, kids, sizes, st.just(bytes(16))), max_size=3).map(tuple),
        st.lists(eights, max_size=3).map(tuple),
        st.lists(eights, max_size=3).map(tuple),
    ),
    st.builds(
        frames.Parts,
        st.builds(
            Batch, kids, incarnations, st.integers(0, 300), st.integers(1, 256), st.just("x"),
            st.binary(max_size=9), st.binary(max_size=3),
        ),
    ),
    st.builds(
        lambda path, data: frames.File(path, 0, len(data), data), paths, st.binary(max_size=9)
    ),
    st.just(frames.Done()),
    st.builds(frames.Ack, kids, incarnations, texts),
    st.builds(frames.Deny, texts | st.sampled_from(URGENT)),
    st.builds(frames.Evidence, kids | st.just(b""), texts, texts),
    st.builds(frames.WantFile, paths, st.integers(0, 2**26)),
    st.builds(frames.WantRows, kids),
    st.builds(frames.WantFeed, rows.map(lambda row: row._replace(size=min(row.size, 2**32 - 1)))),
).map(lambda message: lambda stranger: [message])  # fmt: skip


@pytest.mark.long
@settings(max_examples=120, deadline=None)
@given(st.lists(plain | own_feeds() | own_notes(), min_size=1, max_size=12))
def test_whatever_a_peer_says_ends_refused_or_not_at_all(sayings):
    party = Party(2)
    party.check(0, 1)
    party.agree()
    node = party.nodes[0]
    before = entries_at(node, node), replica_of(node).position()
    stranger = Stranger(party).greet()

    for saying in sayings:
        try:
            stranger.say(*saying(stranger))
        except Refused as refused:
            assert refused.reason
            node.gossip.end(stranger.talk)
            stranger = Stranger(party).greet()
        party.turn()
    party.agree()

    assert (entries_at(node, node), replica_of(node).position()) == before
    assert [held.branch for held in held_of(party.nodes[1], node)] == [0]
    Party.end_all()
