"""A signal is heard by a loop though Python's own handler did not run yet."""

import os
import select
import signal
import socket

from appliance.gate.wakeup import woken_by_signals


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
