"""What an office has published, for a guest that reaches nothing else: HTTP for one connection.

QEMU starts this file for each connection that the guest makes to `HOST` (QEMU, "-netdev user",
guestfwd), with the connection as standard input and output. Nobody listens anywhere.
"""

import re
import sys
from pathlib import Path

HOST = "10.0.2.100"
URL = f"http://{HOST}/"
MAX_HEAD = 16_384  # bytes of a question
_ASKED = re.compile(rb"GET /([a-z0-9._/-]{1,200}) HTTP/1\.[01]\r\n")
_RANGE = re.compile(rb"(?i)\r\nrange: *bytes=([0-9]{1,12})-([0-9]{1,12})\r\n")


def nic(folder: Path) -> list[str]:
    """The words that give a guest a network in which there is `HOST` with this folder alone."""
    program = f"cmd:{sys.executable} {__file__} {folder}"
    net = f"user,id=net,restrict=on,guestfwd=tcp:{HOST}:80-{program}"
    return ["-netdev", net, "-device", "virtio-net-pci,netdev=net"]


def answer(asked: bytes, folder: Path) -> bytes:
    """To a question with its headers: the file, or the part of it that was asked for."""
    found, part = _ASKED.match(asked), _RANGE.search(asked)
    path = folder / found[1].decode() if found and b".." not in found[1] else folder / "none"
    if not path.is_file():
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    data, head = path.read_bytes(), "200 OK"
    if part:
        first, last, size = int(part[1]), min(int(part[2]), len(data) - 1), len(data)
        data = data[first : last + 1]
        head = f"206 Partial Content\r\nContent-Range: bytes {first}-{last}/{size}"
    head = f"HTTP/1.1 {head}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data


def main() -> None:
    asked = b""
    for line in sys.stdin.buffer:
        asked += line
        if line == b"\r\n" or len(asked) > MAX_HEAD:
            break
    sys.stdout.buffer.write(answer(asked, Path(sys.argv[1])))


if __name__ == "__main__":
    main()
