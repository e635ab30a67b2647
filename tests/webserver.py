"""Web servers on this machine, each in one thread: a folder, or bytes that a test writes down."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from socketserver import TCPServer

NOTE = b"hz07.example/ledger\n5\nroot\n"


class Server(HTTPServer):
    """Writes down what it is asked: pairs of path and headers."""

    def __init__(self, handler, tls=None):
        super().__init__(("127.0.0.1", 0), handler)
        self.asked = []
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def server_bind(self):
        """Without HTTPServer's look at the DNS for its own name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hung up is no error here."""


class Published(SimpleHTTPRequestHandler):
    """Serves a folder as the stdlib does, with Last-Modified."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        super().do_GET()

    def log_message(self, *_):
        pass


class Scripted(BaseHTTPRequestHandler):
    """Answers with the bytes that the script yields for a path, as they are."""

    def __init__(self, *arguments, script):
        self.script = script
        super().__init__(*arguments)

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        for piece in self.script(self.path):
            self.wfile.write(piece)


@contextmanager
def serving(handler, tls=None):
    with Server(handler, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.002,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def publishing(folder):
    return serving(partial(Published, directory=str(folder)))


def following(script, tls=None):
    """A server that answers with the pieces of `script(path)`."""
    return serving(partial(Scripted, script=script), tls)


def answering(*pieces, tls=None):
    """A server whose every answer is these bytes, end to end."""
    return following(lambda path: pieces, tls)


def answer(body=NOTE, status="200 OK", *, length=None, **head):
    """The bytes of an answer; an empty `length` announces none."""
    head = {"Content-Length": len(body) if length is None else length} | head
    fields = [(name.replace("_", "-"), value) for name, value in head.items() if value != ""]
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1") + body


CHUNKED = answer(b"", length="", Transfer_Encoding="chunked")


def moved(location, status=307):
    return answer(b"moved", f"{status} Moved", Location=location)
