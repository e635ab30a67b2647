"""QEMU's own line to whoever started it: QMP, JSON on a Unix socket (QEMU, interop/qmp-spec).

Memory is read by the command `xp` of the human monitor: QMP has none of its own for it.
"""

import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger_sync.errors import Unavailable

WORD = re.compile(r"^[0-9a-f]{16}: 0x([0-9a-f]{8})\s*$")
MAX_LINE = 65_536  # bytes of an answer
_PATIENCE_SECONDS = 20.0


class Monitor:
    """One connection. Raises `Unavailable` when QEMU is gone or says something else."""

    def __init__(self, path: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._socket = _connected(path, sleep)
        self._file = self._socket.makefile("rb")
        self._line()  # the greeting
        self.ask("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, command: str, **words: object) -> Any:
        """What the command returns."""
        asked = {"execute": command, "arguments": words}
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise Unavailable(f"the emulator is gone: {error}") from error
        while "return" not in (answer := self._line()):
            if "error" in answer:
                raise Unavailable(f"the emulator refuses {command}: {answer['error']}")
        return answer["return"]

    def word(self, address: int) -> int:
        """32 bits of the guest's physical memory; a device's registers are some of it."""
        return word_of(
            self.ask("human-monitor-command", **{"command-line": f"xp /1wx {address:#x}"})
        )

    def _line(self) -> dict[str, Any]:
        """The next message; events, which come in between, are as good as any other."""
        try:
            raw = self._file.readline(MAX_LINE)
            found = json.loads(raw)
        except (OSError, ValueError) as error:
            raise Unavailable(f"the emulator does not answer: {error}") from error
        if not isinstance(found, dict):
            raise Unavailable(f"the emulator says {raw!r}")
        return found


def word_of(text: str) -> int:
    """The number in an answer of `xp /1wx`, such as `000000003f200034: 0x00020000`."""
    found = WORD.match(text)
    if found is None:
        raise Unavailable(f"the emulator tells no word of memory: {text.strip()!r}")
    return int(found[1], 16)


def _connected(path: Path, sleep: Callable[[float], None]) -> socket.socket:
    """QEMU makes its socket a moment after it was started."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(_PATIENCE_SECONDS)
    for _ in range(200):
        try:
            line.connect(str(path))
        except OSError:
            sleep(0.05)
        else:
            return line
    line.close()
    raise Unavailable(f"the emulator opens no {path}")
