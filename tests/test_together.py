"""A line's batches: how long they wait to be made durable together. Over a transport in memory."""

import asyncio

import pytest
from talkers import Party, Stranger

from ledger_sync import gossip, wire
from ledger_sync.frames import Hello
from ledger_sync.wire import Line


class Pipe(asyncio.Transport):
    """A transport that goes nowhere, and is its own TLS object."""

    def get_extra_info(self, name, default=None):
        return self if name == "ssl_object" else default

    def getpeercert(self, *, binary_form):
        return b"certificate"

    def set_write_buffer_limits(self, high=None, low=None):
        pass

    def is_closing(self):
        return False

    def write(self, data):
        pass


class Board:
    """Knows one terminal."""

    def __init__(self, name, kid):
        self.peer = name, kid

    def peer_of(self, der):
        return self.peer

    def connected(self, line):
        return True


@pytest.fixture
def said(monkeypatch):
    """A line to a node, and what a terminal says over it: HELLO, then three batches. Two fill a
    transaction, and whatever comes is much."""
    monkeypatch.setattr(gossip, "BATCHES", 2)
    monkeypatch.setattr(wire, "MUCH", 1)
    party = Party(1)
    stranger = Stranger(party)
    gossips = stranger.node.gossip
    gossips.end(stranger.talk)
    hello = Hello(stranger.kid, b"", (), (), (), ())
    batches = stranger.batches([b"\x09one", b"\x09two"], cuts=(1, 2))
    line = Line(gossips, Board(stranger.box.name, stranger.kid), lambda: party.ticks)
    yield line, gossips, [message.to_bytes() for message in (hello, *batches)]
    Party.end_all()


async def turns():
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_batches_wait_for_others_and_not_for_ever(said, monkeypatch, seconds):
    line, gossips, (hello, first, *_) = said
    monkeypatch.setattr(wire, "TOGETHER_SECONDS", seconds)

    async def play():
        line.connection_made(Pipe())
        line.data_received(hello)
        line.data_received(first)
        before = gossips.pending_count
        await turns()
        return before, gossips.pending_count

    assert asyncio.run(play()) == (1, 1 if seconds else 0)


def test_what_comes_behind_a_full_transaction_is_not_hurried_by_its_time(said, monkeypatch):
    line, gossips, (hello, first, second, third) = said

    async def play():
        monkeypatch.setattr(wire, "TOGETHER_SECONDS", 0.0)
        line.connection_made(Pipe())
        line.data_received(hello)
        line.data_received(first)
        line.data_received(second)
        full = gossips.pending_count
        monkeypatch.setattr(wire, "TOGETHER_SECONDS", 60.0)
        line.data_received(third)
        await turns()
        return full, gossips.pending_count

    assert asyncio.run(play()) == (0, 1)
