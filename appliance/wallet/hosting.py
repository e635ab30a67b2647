"""Carries the wallet's static files to a phone: a trial server, or a folder for any HTTPS host.

Knows no pass: what the page does with passes is in its own files, and never comes back here.
"""

import http.server
import socket
import socketserver
import sys
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable

PAGE = Path(__file__).parent
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""Endings of the page's files, and what a server calls them."""
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), screen-wake-lock=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""What every answer carries; an HTTPS host should send the same."""


class File(NamedTuple):
    """One file of the page: its address below the page's own, its kind, its bytes."""

    name: str
    kind: str
    data: bytes


def page() -> dict[str, File]:
    """Every file of the page by name, `index.html` among them."""
    found = sorted(path for path in PAGE.rglob("*") if path.suffix in KINDS)
    names = [(path.relative_to(PAGE).as_posix(), path) for path in found]
    return {name: File(name, KINDS[path.suffix], path.read_bytes()) for name, path in names}


def export(folder: Path) -> list[str]:
    """Writes the page to `folder`, each file whole or not at all; their names.

    Raises `Refused` if the folder holds something else, `Unavailable` if it cannot be written.
    """
    wanted = page()
    there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    foreign = sorted(set(there) - set(wanted))
    if foreign:
        what = f"{folder} holds other files, such as {foreign[0]}; give a new folder"
        raise Refused(what, reason="R-SETTINGS")
    # sw.js last: a phone that looks meanwhile takes the new page only when all of it is there
    for name in sorted(wanted, key=lambda one: one == "sw.js"):
        files.make_folder((folder / name).parent)
        files.replace(folder / name, wanted[name].data)
    return sorted(wanted)


class Server(http.server.ThreadingHTTPServer):
    """Serves the page to whoever asks, and nothing else; `url` is where."""

    daemon_threads = True

    def __init__(self, bind: str, port: int) -> None:
        self.files = page()
        self.bound = bind
        if ":" in bind:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((bind, port), _Answer)
        except OSError as error:
            where = f"{bind} port {port}"
            what = f"cannot listen at {where}: {error.strerror}; try another --port"
            raise Unavailable(what) from error
        shown = "localhost" if bind in ("127.0.0.1", "::1") else bind
        shown = f"[{shown}]" if ":" in shown else shown
        self.url = f"http://{shown}:{self.server_port}/"

    def server_bind(self) -> None:
        """Without asking name servers who this machine is, as http.server does for minutes."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.bound, self.socket.getsockname()[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A phone that goes away amid an answer is no error of ours; all else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Server
    server_version = "yardpass"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds for one request to come in

    def do_GET(self) -> None:  # the name is http.server's
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # the name is http.server's
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        found = self.server.files.get(name)
        status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
        sent = found or File(name, "text/plain; charset=utf-8", b"no such file\n")
        self.send_response(status)
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.send_header("Content-Type", sent.kind)
        self.send_header("Content-Length", str(len(sent.data)))
        self.end_headers()
        if with_body:
            self.wfile.write(sent.data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asks for the page is nobody's business."""
