"""A gate's socket that answers as it is told."""

import threading
from contextlib import contextmanager

from appliance.gate.console_socket import ConsoleSocket, path_beside


@contextmanager
def answering(store, answer):
    """A gate's socket beside `store`, where whoever asks is told `answer`, or what it has for what
    was asked; None for silence."""
    consoles = ConsoleSocket(path_beside(store))

    def serve():
        for asked in consoles.asked():
            said = answer.get(asked.packet) if isinstance(answer, dict) else answer
            if said is not None:
                asked.answer(said)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        consoles.close()
        thread.join()
