"""The real wire: who is no terminal gets no further than TLS; who is one and misbehaves costs
itself. Over loopback sockets, with the product's own exchangers.
"""

import asyncio
import datetime
import gc
import logging
import socket
import ssl
import tempfile
from asyncio.sslproto import _SSLProtocolTransport
from contextlib import asynccontextmanager, suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from ledger_sync import certificate, frames, wire
from ledger_sync.batch import Batch
from ledger_sync.errors import Refused
from ledger_sync.exchanger import MAX_HANDSHAKES, MAX_LINES
from ledger_sync.feed import Feed, Opening, origin_of
from ledger_sync.order import Kind
from ledger_sync.orders import Orders
from ledger_sync.sim import ground as earth
from ledger_sync.sim.ground import ground
from ledger_sync.sim.ring import NOW, Terminal, running, until
from ledger_sync.tiles import bundle_of

COUNT = 6  # terminals that the ledger names


def terminals(tmp_path, count=2):
    return [Terminal(number, COUNT, tmp_path / str(number)) for number in range(count)]


def box(number):
    return ground(COUNT).boxes[number]


def client(number):
    """A TLS context with the certificate of a terminal that nobody runs."""
    one = box(number)
    peers = [certificate.make(other.name, other.link.seed) for other in ground(COUNT).boxes]
    der = certificate.make(one.name, one.link.seed)
    return wire.context(server=False, der=der, seed=one.link.seed, peers=peers)


def pem_context(private, certificate_):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.NamedTemporaryFile() as file:
        key = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write(certificate_.public_bytes(serialization.Encoding.PEM) + key)
        file.flush()
        made.load_cert_chain(file.name)
    return made


def issued(subject, issuer, by, *, begin=1970, end=9999):
    """A certificate for a new key, signed by `by`."""
    private = Ed25519PrivateKey.generate()
    name = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)]) for word in (subject, issuer)
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name[0])
        .issuer_name(name[1])
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(begin, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(end, 1, 1, tzinfo=datetime.UTC))
        .sign(by or private, None)
    )
    return pem_context(private, made)


async def refused(port, context):
    """Whether a caller is let go without a single frame."""
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="x"
        )
    except (OSError, ssl.SSLError):
        return True
    try:
        return await asyncio.wait_for(reader.read(1), 10) == b""
    except (OSError, ssl.SSLError):
        return True
    finally:
        writer.transport.abort()


@pytest.fixture(autouse=True)
def nothing_is_left_open():
    """What a test left open is found here, not in whichever test the collector runs next."""
    yield
    gc.collect()


@asynccontextmanager
async def caller(terminal, number=3):
    """A conversation with a terminal in the name of another one of the ledger."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", terminal.exchanger.port, ssl=client(number), server_hostname="x"
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def hello(number=3, **changes):
    kid = box(number).feed.public.kid
    return frames.Hello(kid, b"", (), (), (), ())._replace(**changes).to_bytes()


async def is_cut_off(reader):
    with suppress(OSError, ssl.SSLError):
        while await asyncio.wait_for(reader.read(1 << 16), 10):
            pass
    return True


def serves(one, other):
    """A check recorded at one is held by the other in the end."""
    one.check(9_999)
    return until(lambda: other.held() == {**other.held(), **own(one)})


def own(terminal):
    return {place: len(found) for place, found in terminal.truth.entries.items()}


def test_terminals_of_one_ledger_meet_and_hold_the_same(tmp_path):
    async def play():
        three = terminals(tmp_path, 3)
        async with running(three) as ring:
            await ring.introduce()
            for code in range(20):
                three[code % 3].check(code)
            await until(ring.is_equal)
            return [one.held() for one in three]

    held = asyncio.run(play())

    assert held[0] == held[1] == held[2]
    assert sum(held[0].values()) == 23


@pytest.mark.long
def test_a_cut_terminal_goes_on_and_catches_up_when_it_is_mended(tmp_path):
    async def play():
        three = terminals(tmp_path, 3)
        async with running(three) as ring:
            await ring.introduce()
            await until(ring.is_equal)
            ring.cut({"t0"})
            for code in range(30):
                three[code % 3].check(code)
            await until(lambda: three[1].held() == three[2].held())
            apart = three[0].held() != three[1].held()
            ring.heal()
            await until(ring.is_equal)
            return apart

    assert asyncio.run(play())


def test_an_order_that_another_process_took_is_told_to_all(tmp_path):
    async def play():
        three = terminals(tmp_path, 3)
        async with running(three) as ring:
            await ring.introduce()
            await until(ring.is_equal)
            gate = three[0].disk.store  # not the connection of the exchanger
            text = ground(COUNT).order(Kind.LOCKDOWN, 0b101, NOW)
            Orders(gate).add(text, trust=ground(COUNT).pinned, now=NOW)
            stores = [one.disk.store for one in three]
            await until(lambda: all(Orders(one).notes() == [text] for one in stores))

    asyncio.run(play())


@pytest.mark.parametrize("year", [1970, 1999, 2026, 2100])
def test_the_certificate_holds_whatever_the_clock_says(year):
    found = x509.load_der_x509_certificate(certificate.make("t0", b"s" * 32))
    now = datetime.datetime(year, 6, 1, tzinfo=datetime.UTC)

    assert found.not_valid_before_utc <= now <= found.not_valid_after_utc


def test_strangers_are_refused_and_the_others_go_on(tmp_path, caplog):
    caplog.set_level(logging.WARNING, "yardpass.sync")
    link = Ed25519PrivateKey.from_private_bytes(box(3).link.seed)
    strangers = {
        "no certificate": _bare(),
        "an unknown one": issued("t3", "t3", None),
        "an expired one": issued("t3", "t3", None, begin=1990, end=1991),
        "one issued by a pinned terminal": issued("t9", "t3", link),
    }

    async def play():
        two = terminals(tmp_path)
        async with running(two) as ring:
            await ring.introduce()
            port = two[0].exchanger.port
            found = {name: await refused(port, one) for name, one in strangers.items()}
            await serves(*two)
            return found

    assert asyncio.run(play()) == dict.fromkeys(strangers, True)
    said = [
        one.getMessage()
        for one in caplog.records
        if "a caller was turned away" in one.getMessage()
    ]
    assert len(said) == 1  # logged once, whoever knocks


def test_of_a_caller_that_no_ledger_names_is_said_that_and_not_what_openssl_says(tmp_path, caplog):
    """All certificates here are self-signed."""
    caplog.set_level(logging.WARNING, "yardpass.sync")

    async def play():
        two = terminals(tmp_path)
        async with running(two):
            return await refused(two[0].exchanger.port, issued("t3", "t3", None))

    assert asyncio.run(play())
    [said] = {one.getMessage() for one in caplog.records}
    assert said.startswith("a caller was turned away: the ledger here does not name its key;")


def _bare():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def test_a_terminal_that_is_taken_out_of_the_ledger_is_cut_off(tmp_path):
    async def play():
        two = terminals(tmp_path)
        async with running(two) as ring:
            await ring.introduce()
            await until(ring.is_met)
            two[0].disk.store.write("DELETE FROM terminal WHERE name = 't1'")
            await until(lambda: not two[0].exchanger.gossip.talks)
            context = two[1].exchanger.client_context
            return await refused(two[0].exchanger.port, context)

    assert asyncio.run(play())


def test_the_answering_terminal_must_be_the_one_that_was_called(tmp_path):
    async def play():
        three = terminals(tmp_path, 3)
        async with running(three):
            port = three[2].exchanger.port
            three[0].exchanger.hint("t1", f"127.0.0.1:{port}")
            peer = three[0].exchanger.peers.get("t1")
            await until(lambda: peer.faults or peer.failures)
            return peer.last_fault, [talk.name for talk in three[0].exchanger.gossip.talks]

    fault, talks = asyncio.run(play())

    assert fault == "t1 was called, t2 answered"
    assert talks == []


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", bytes(2_000), b"\x16\x03\x01\xff\xff" + bytes(100)],
    ids=["http", "zeros", "half a record"],
)
def test_rubbish_instead_of_tls_is_turned_away(tmp_path, data, monkeypatch):
    monkeypatch.setattr(wire, "HANDSHAKE_SECONDS", 0.3)

    async def play():
        two = terminals(tmp_path)
        async with running(two) as ring:
            await ring.introduce()
            reader, writer = await asyncio.open_connection("127.0.0.1", two[0].exchanger.port)
            writer.write(data)
            await is_cut_off(reader)
            writer.transport.abort()
            await serves(*two)

    asyncio.run(play())


FAULTS = {
    "a frame of 4 GiB": lambda: hello() + b"\xff\xff\xff\xff\x02",
    "no HELLO first": lambda: frames.Done().to_bytes(),
    "another terminal's HELLO": lambda: hello(4),
    "an unknown frame": lambda: hello() + b"\0\0\0\1\x09\xf6",
    "a bundle of a wrong count": lambda: hello() + _feed(count=3),
    "a head from the future": lambda: hello() + _feed(beyond=5),
    "a bundle that is not its head's": lambda: hello() + _feed(spoil=True),
    "a file nobody asked for": lambda: hello() + frames.File("checkpoint", 0, 1, b"x").to_bytes(),
}


def _feed(*, count=2, beyond=0, spoil=False):
    """A batch of terminal 3, with a fault."""
    one, incarnation = box(3), b"i" * 8
    origin = origin_of(earth.SITE, one.name, incarnation)
    feed = Feed(origin=origin, key=one.feed)
    opening = Opening(one.feed.public.raw, 0, b"", 0, "x", 0).to_bytes()
    entries = [opening, b"\x09entry"]
    for entry in entries + [b"\x09later"] * beyond:
        feed.append(entry)
    if spoil:
        entries[1] = b"\x09other"
    batch = Batch(
        one.feed.public.kid, incarnation, 0, count, feed.head().note, bundle_of(entries), b""
    )
    return frames.Parts(batch).to_bytes()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_terminal_that_misbehaves_is_cut_off_and_costs_only_itself(tmp_path, fault, caplog):
    caplog.set_level(logging.WARNING, "yardpass.sync")

    async def play():
        two = terminals(tmp_path)
        async with running(two) as ring:
            await ring.introduce()
            await until(ring.is_equal)
            held = two[0].held()
            async with caller(two[0]) as (reader, writer):
                writer.write(FAULTS[fault]())
                await is_cut_off(reader)
            peer = two[0].exchanger.peers.get("t3")
            await until(lambda: peer.faults == 1)
            again = await refused(two[0].exchanger.port, client(3))
            same = two[0].held() == held
            await serves(*two)
            return again, same, peer.last_fault

    again, same, why = asyncio.run(play())

    assert again and same and why
    assert [record.args[0] for record in caplog.records] == ["t3"]  # one line


def test_who_says_nothing_after_the_handshake_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "GREETING_SECONDS", 0.2)

    async def play():
        two = terminals(tmp_path)
        async with running(two), caller(two[0]) as (reader, _):
            return await is_cut_off(reader)

    assert asyncio.run(play())


def test_a_frame_that_comes_byte_by_byte_for_ever_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "FRAME_SECONDS", 0.2)

    async def play():
        two = terminals(tmp_path)
        async with running(two), caller(two[0]) as (reader, writer):
            writer.write(hello() + b"\x00\x0f\xff\xff\x02")
            ended = asyncio.ensure_future(is_cut_off(reader))
            while not ended.done():
                with suppress(OSError):
                    writer.write(b"x")
                await asyncio.sleep(0.01)
            return two[0].exchanger.peers.get("t3").last_fault

    assert asyncio.run(play()) == "a frame that does not end"


def test_a_peer_that_is_silent_is_gone_and_no_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "SILENT_SECONDS", 0.3)

    async def play():
        two = terminals(tmp_path)
        async with running(two):
            async with caller(two[0]) as (reader, writer):
                writer.write(hello())
                await is_cut_off(reader)
            peer = two[0].exchanger.peers.get("t3")
            await until(lambda: not peer.is_up)
            return peer.faults

    assert asyncio.run(play()) == 0


@pytest.mark.long
def test_ten_thousand_calls_leave_the_others_undisturbed(tmp_path):
    """As many as may be open at once stay open; all the others are turned away at once."""

    async def play():
        two = terminals(tmp_path)
        async with running(two) as ring:
            await ring.introduce()
            await until(ring.is_met)
            port, idle = two[0].exchanger.port, []
            for number in range(10_000):
                sock = socket.socket()
                sock.setblocking(False)
                with suppress(OSError):
                    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
                if len(idle) < 200:
                    idle.append(sock)
                else:
                    sock.close()
                if number % 1_000 == 0:
                    await serves(*two)
            busy = two[0].exchanger.handshakes
            await serves(*two)
            for sock in idle:
                sock.close()
            return busy

    assert asyncio.run(play()) <= MAX_HANDSHAKES <= MAX_LINES


def test_a_peer_is_called_soon_when_it_was_away_and_late_when_it_misbehaved(tmp_path):
    (one,) = terminals(tmp_path, 1)
    peers = one.exchanger.peers
    peer = peers.get("t1")

    pauses = []
    for _ in range(6):
        peers.failed(peer, 100.0)
        pauses.append(peer.next_call - 100.0)
        peer.next_call = 0.0
    peers.went(peer, 100.0, "a fault")
    first = peer.next_call - 100.0
    for _ in range(9):
        peers.went(peer, 100.0, "a fault")

    assert max(pauses) <= 1.5
    assert first == 10.0
    assert peer.next_call - 100.0 == 300.0
    assert not peers.may_talk(peer, 399.0)
    assert peers.may_talk(peer, 400.0)
    one.close()


@pytest.mark.long
@pytest.mark.parametrize("text", ["", "host", "host:", ":7", "host:x", "host:65536", "[::1]"])
def test_what_is_no_address_is_named(text):
    with pytest.raises(Refused, match="write host:port"):
        wire.address_of(text)


def test_an_address_of_version_6_stands_in_brackets():
    assert wire.address_of("[fe80::1]:7461") == ("fe80::1", 7461)


@pytest.mark.long
def test_the_gate_is_not_held_up_while_its_terminal_catches_up(tmp_path):
    """Checks at the gate go on while another process takes in a long log; none is refused."""

    async def play():
        two = terminals(tmp_path)
        for code in range(2_000):
            two[0].gate.check(two[0].truth, code)
        two[0].ring()
        async with running(two) as ring:
            await ring.introduce()
            count = 0
            while own(two[0]).items() - two[1].held().items():
                two[1].check(10_000 + count)
                count += 1
                await asyncio.sleep(0)
            await until(ring.is_equal)
            return count

    assert asyncio.run(play()) > 0


def test_a_transport_of_tls_that_was_closed_twice_is_ended_without_an_error():
    transport = _SSLProtocolTransport(None, None)  # as close() twice leaves it
    transport._closed = True

    wire.aborted(transport)

    assert transport.is_closing()
