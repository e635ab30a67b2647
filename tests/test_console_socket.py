"""Consoles ask one after the other, none can fill the gate's queue, and all are let go."""

import socket
import threading
from contextlib import closing

import pytest

from appliance.gate.console_socket import MAX_CONSOLES, ConsoleSocket, path_beside
from appliance.gate.remote import MAX_PACKET
from hw.errors import Unavailable

WAIT = 10


@pytest.fixture
def place(tmp_path):
    return path_beside(tmp_path / "store.db")


@pytest.fixture
def heard(place):
    """Packets, each answered by itself in capitals; what was heard so far."""
    consoles, found = ConsoleSocket(place), []

    def serve():
        for asked in consoles.asked():
            found.append(asked.packet)
            asked.answer(asked.packet.upper())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield found
    consoles.close()
    thread.join(WAIT)
    assert not thread.is_alive()


def caller(place):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.settimeout(WAIT)
    made.connect(str(place))
    return made


def test_each_console_gets_the_answer_to_its_own_packet(place, heard):
    with closing(caller(place)) as one, closing(caller(place)) as two:
        one.send(b"one")
        two.send(b"two")

        assert (one.recv(9), two.recv(9)) == (b"ONE", b"TWO")
    assert sorted(heard) == [b"one", b"two"]


def test_a_console_that_leaves_without_its_answer_harms_nobody(place, heard):
    for _ in range(3):
        with closing(caller(place)) as one:
            one.send(b"bye")
    with closing(caller(place)) as two:
        two.send(b"two")
        assert two.recv(9) == b"TWO"


def test_a_packet_that_is_too_long_is_hung_up_on(place, heard):
    with closing(caller(place)) as one:
        one.send(b"x" * (MAX_PACKET + 1))
        assert one.recv(9) == b""
    assert heard == []


def test_for_one_console_too_many_the_one_that_asked_last_longest_ago_makes_room(place, heard):
    callers = [caller(place) for _ in range(MAX_CONSOLES)]
    for one in (*callers, callers[0]):
        one.send(b"x")
        assert one.recv(9) == b"X"
    with closing(caller(place)) as late:
        late.send(b"z")
        assert late.recv(9) == b"Z"
    with closing(callers.pop(1)) as left:
        assert left.recv(9) == b""
    for one in callers:
        one.send(b"y")
        assert one.recv(9) == b"Y"
        one.close()


def test_its_socket_is_for_user_and_group_and_goes_with_it(place):
    consoles = ConsoleSocket(place)
    assert place.stat().st_mode & 0o777 == 0o660

    consoles.close()
    assert list(consoles.asked()) == []

    assert not place.exists()


def test_two_gates_do_not_listen_at_one_place(place, heard):
    with pytest.raises(Unavailable, match="another yardpass gate"):
        ConsoleSocket(place)
