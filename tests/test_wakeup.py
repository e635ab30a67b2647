"""A signal is heard by a loop though Python's own handler did not run yet."""

import os
import select
import signal
import socket
import threading
import time

from appliance.gate.wakeup import naps, woken_by_signals


def test_a_signal_writes_to_the_descriptor_at_once_and_no_more_at_the_end():
    heard = []
    waker, wakes = socket.socketpair()
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        waker.setblocking(False)
        with woken_by_signals(waker.fileno()):
            os.kill(os.getpid(), signal.SIGUSR1)
            assert select.select([wakes], [], [], 5)[0] == [wakes]
            assert wakes.recv(16) == bytes([signal.SIGUSR1])
        os.kill(os.getpid(), signal.SIGUSR1)
        assert select.select([wakes], [], [], 0)[0] == []
    finally:
        signal.signal(signal.SIGUSR1, before)
        waker.close()
        wakes.close()

    assert heard == [signal.SIGUSR1] * 2


def test_a_signal_just_before_a_nap_ends_it_and_the_next_nap_is_a_whole_one():
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with naps() as nap:
            os.kill(os.getpid(), signal.SIGUSR1)  # its handler has run when the nap begins
            began = time.monotonic()
            nap(60)
            assert time.monotonic() - began < 30
            began = time.monotonic()
            nap(0.05)
            assert time.monotonic() - began >= 0.05
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_event_would_have_slept_on_after_that_signal():
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert not threading.Event().wait(0.05)
    finally:
        signal.signal(signal.SIGUSR1, before)
