"""The gate rings and never waits; one process listens, whatever the one before it left behind."""

import stat

import pytest

from appliance.gate import doorbell
from appliance.gate.doorbell import MAX_MESSAGE, Doorbell, listen
from ledger_sync.errors import Unavailable


@pytest.fixture
def path(tmp_path):
    return tmp_path / doorbell.NAME


@pytest.fixture
def bell(path):
    made = Doorbell(path)
    yield made
    made.close()


def heard(listener):
    """All that was rung."""
    found = []
    while True:
        try:
            found.append(listener.recv(MAX_MESSAGE).decode())
        except BlockingIOError:
            return found


def test_what_is_rung_is_heard_in_order(path, bell):
    with listen(path) as listener:
        for head in ("first\n", "second — signed\n", "x" * 4_000):
            bell.ring(head)

        assert heard(listener) == ["first\n", "second — signed\n", "x" * 4_000]


def test_a_bell_that_nobody_hears_rings_for_nothing(path, bell):
    bell.ring("head")

    assert not path.exists()


def test_a_full_queue_drops_what_comes_and_the_gate_goes_on(path, bell):
    with listen(path) as listener:
        for number in range(5_000):
            bell.ring(f"head {number}")

        found = heard(listener)

        assert 0 < len(found) < 5_000
        assert found == [f"head {number}" for number in range(len(found))]
        bell.ring("next")
        assert heard(listener) == ["next"]


def test_the_bell_finds_a_listener_that_came_later_or_came_back(path, bell):
    bell.ring("lost")
    with listen(path) as listener:
        bell.ring("first")
        assert heard(listener) == ["first"]
    bell.ring("lost as well")

    with listen(path) as listener:
        bell.ring("second")
        assert heard(listener) == ["second"]


def test_a_closed_bell_is_silent(path, bell):
    bell.close()
    with listen(path) as listener:
        bell.ring("head")

        assert heard(listener) == []


def test_a_socket_that_a_dead_process_left_is_replaced(path):
    listen(path).close()
    assert path.is_socket()

    with listen(path):
        pass


def test_a_second_listener_is_refused_and_the_first_goes_on_hearing(path, bell):
    with listen(path) as listener:
        with pytest.raises(Unavailable, match=r"sync.sock cannot be listened at .*running here\?"):
            listen(path)

        bell.ring("head")
        assert heard(listener) == ["head"]


def test_only_user_and_group_may_ring(path):
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_file_that_is_no_socket_is_left_alone(path):
    path.write_text("somebody's notes")

    with pytest.raises(Unavailable, match="cannot be listened at"):
        listen(path)

    assert path.read_text() == "somebody's notes"


@pytest.mark.parametrize("name", ["missing/sync.sock", "x" * 200])
def test_a_place_that_holds_no_socket_is_told_with_the_reason(tmp_path, name):
    path = tmp_path / name

    with pytest.raises(Unavailable, match=r"cannot be listened at \((?!None)"):
        listen(path)

    bell = Doorbell(path)
    bell.ring("head")  # and the gate does not care
    bell.close()
