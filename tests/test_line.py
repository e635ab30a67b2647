"""A line that is let go of and opened anew while somebody waits on it."""

import os
import select
import threading

import pytest

from hw.errors import Unavailable
from hw.readers.line import Line

WAIT = 30.0


class Pipes:
    """Opens a new pipe each time: `ends` are (what the line reads, what writes to it)."""

    def __init__(self):
        self.ends = []

    def __call__(self):
        near, far = os.pipe()
        os.set_blocking(near, False)
        self.ends.append((near, far))
        return near

    def close(self):
        for _, far in self.ends:
            os.close(far)


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.fixture
def pipes():
    made = Pipes()
    yield made
    made.close()


@pytest.fixture
def line(pipes):
    made = Line("the line", pipes)
    yield made
    made.close()


class Waiter(threading.Thread):
    """Reads once. Woken, it does not go on before `may_leave`: as late as a thread may be."""

    def __init__(self, line, monkeypatch):
        super().__init__()
        self.line, self.got = line, None
        self.is_waiting, self.may_leave = threading.Event(), threading.Event()
        real, waiter = select.poll, self

        class SlowPoll:
            def __init__(self):
                self.real = real()
                self.register = self.real.register

            def poll(self, *timeout):
                if threading.current_thread() is not waiter:
                    return self.real.poll(*timeout)
                waiter.is_waiting.set()
                ready = self.real.poll(*timeout)
                assert waiter.may_leave.wait(WAIT)
                return ready

        monkeypatch.setattr(select, "poll", SlowPoll)
        self.start()
        assert self.is_waiting.wait(WAIT)

    def run(self):
        self.got = self.line.read(WAIT)


def test_a_line_that_is_opened_anew_while_its_reader_still_waits_keeps_the_new_device(
    line, pipes, monkeypatch
):
    line.open()
    waiter = Waiter(line, monkeypatch)

    line.shut()
    line.open()
    waiter.may_leave.set()
    waiter.join(WAIT)

    (old, _), (new, far) = pipes.ends
    assert waiter.got == b""
    assert (is_open(old), is_open(new)) == (False, True)
    os.write(far, b"card")
    assert line.read(WAIT) == b"card"


def test_a_line_that_is_closed_while_its_reader_waits_lets_go_of_all_it_opened(
    line, pipes, monkeypatch
):
    line.open()
    waiter = Waiter(line, monkeypatch)

    line.shut()
    line.open()
    line.close()
    waiter.may_leave.set()
    waiter.join(WAIT)

    assert [is_open(near) for near, _ in pipes.ends] == [False, False]
    assert line.read(WAIT) == b""
    with pytest.raises(Unavailable, match="it is closed"):
        line.open()


def test_a_line_that_was_let_go_of_says_so_until_it_is_opened(line):
    with pytest.raises(Unavailable, match="it is not open"):
        line.read(0)
    line.open()
    line.shut()
    line.shut()
    with pytest.raises(Unavailable, match="it is not open"):
        line.read(0)
