"""Calls are taken as they come, and none is left behind open when the listening ends.

Warnings are errors here: a socket that nobody closed fails the test that left it.
"""

import asyncio
import gc
import socket
from contextlib import closing

import pytest

from ledger_sync import sockets
from ledger_sync.errors import Unavailable
from ledger_sync.sockets import Listener

HERE = "127.0.0.1"


def call(port):
    """Somebody calls; the connection is made by the kernel, taken or not."""
    return closing(socket.create_connection((HERE, port), timeout=10))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def test_each_call_is_handed_on_as_a_socket_that_does_not_block():
    async def listen():
        taken, failed = [], []
        with Listener(HERE, 0, taken.append, failed.append) as listener:
            with call(listener.port), call(listener.port):
                await until(lambda: len(taken) == 2)
            assert {sock.getblocking() for sock in taken} == {False}
        for sock in taken:
            sock.close()
        assert failed == []

    asyncio.run(listen())


def test_a_call_that_comes_as_the_listening_ends_is_left_to_the_kernel():
    async def listen():
        taken = []
        with Listener(HERE, 0, taken.append, taken.append) as listener:
            caller = call(listener.port)
        with caller as sock:
            await asyncio.sleep(0)
            with pytest.raises(OSError):
                while sock.recv(1):
                    pass
                raise OSError  # an end is as good as a reset
        assert taken == []

    asyncio.run(listen())
    gc.collect()


def test_without_descriptors_it_is_told_and_calls_are_taken_a_moment_later(monkeypatch):
    monkeypatch.setattr(sockets, "PAUSE_SECONDS", 0.0)

    async def listen():
        taken, failed = [], []
        with Listener(HERE, 0, taken.append, failed.append) as listener:
            real = listener._server

            class Full:
                """A listening socket that has no descriptor for the first call."""

                fileno = real.fileno
                close = real.close

                def accept(self):
                    listener._server = real
                    raise OSError(24, "Too many open files")

            listener._server = Full()
            with call(real.getsockname()[1]):
                await until(lambda: taken)
        taken[0].close()
        assert [error.errno for error in failed] == [24]

    asyncio.run(listen())


def test_a_try_that_was_due_after_the_end_does_nothing(monkeypatch):
    async def listen():
        listener = Listener(HERE, 0, print, print)
        with listener:
            pass
        listener._watch()
        assert listener._server.fileno() == -1

    asyncio.run(listen())


def test_an_address_that_is_taken_is_refused_with_the_next_step():
    with socket.socket() as other:
        other.bind((HERE, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"{HERE}:{port} cannot be listened at .*\[sync\]"):
            Listener(HERE, port, print, print)
