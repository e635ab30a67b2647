"""A gate's socket that answers as it is told."""

import threading
from contextlib import contextmanager

from appliance.gate.console_socket import ConsoleSocket, path_beside


@contextmanager
def answering(store, answer):
    """A gate's socket beside `store`, where whoever asks is told `answer`; None for silence."""
    consoles = ConsoleSocket(path_beside(store))

    def serve():
        for asked in consoles.asked():
            if answer is not None:
                asked.answer(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        consoles.close()
        thread.join()
