"""An OSDP reader made of memory: libosdp's reader role (PD) at the end of a wire. Knows no pass.

Terminals that speak OSDP find no difference, so it serves as a stand-in for training and tests.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from hw.readers import osdp_lib

STEP_S = 0.01
"""Time between two looks at the wire."""
MAX_HISTORY = 10_000
"""Commands kept; the oldest go first."""

Told = Literal["lamp", "buzzer", "key", "other"]


class SimCommand(NamedTuple):
    """One thing that the reader was told: colour of the lamp, number of beeps, else 0."""

    told: Told
    ticks: int
    value: int


class SimOsdp:
    """A reader at `address` that shares `key` with its terminal; None: it waits for one, in
    install mode. It takes no plain text once it has a key.

    `history` is what it was told. `set_key` gives what a terminal set, else the key it was made
    with: what was set outlives `close`. `tell` is called with each command, by another thread.
    """

    def __init__(
        self,
        channel: osdp_lib.Channel,
        *,
        address: int = 101,
        key: bytes | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        tell: Callable[["SimCommand"], object] = lambda command: None,
    ) -> None:
        self._lib = osdp_lib.load()
        self.set_key = key
        self._clock = clock
        self._tell = tell
        self._commands: deque[SimCommand] = deque(maxlen=MAX_HISTORY)
        self._turn = threading.RLock()
        self._stop = threading.Event()
        osdp_lib.stir()
        flags = self._lib.FLAG_INSTALL_MODE if key is None else self._lib.FLAG_ENFORCE_SECURE
        told = osdp_lib.device(address, channel, key, flags)
        self._reader: Any = self._lib.PeripheralDevice(told, capabilities=self._abilities())
        self._reader.set_command_callback(self._on_command)
        self._thread = threading.Thread(target=self._run, name="simulated reader", daemon=True)
        self._thread.start()

    @property
    def history(self) -> tuple[SimCommand, ...]:
        with self._turn:
            return tuple(self._commands)

    @property
    def is_secure(self) -> bool:
        with self._turn:
            return bool(self._reader.is_sc_active())

    def show(self, number: bytes, bits: int) -> None:
        """Hold a card to it: `bits` of it, the number's last ones."""
        count = -(-bits // 8)
        value = int.from_bytes(number, "big") % (1 << bits)
        data = (value << (8 * count - bits)).to_bytes(count, "big")
        self._say(
            event=self._lib.EVENT_CARDREAD, reader_no=0, direction=0,
            format=self._lib.CARD_FMT_RAW_UNSPECIFIED, length=bits, data=data,
        )  # fmt: skip

    def press(self, keys: bytes) -> None:
        """Press keys of its keypad."""
        self._say(event=self._lib.EVENT_KEYPRESS, reader_no=0, data=keys)

    def tamper(self, is_open: bool) -> None:
        """Open or close its housing."""
        report = bytes([is_open, 0])
        self._say(event=self._lib.EVENT_STATUS, type=self._lib.STATUS_REPORT_LOCAL, report=report)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(1)
        with self._turn:
            self._reader = None  # libosdp's object and this one know each other

    def _say(self, **event: Any) -> None:
        with self._turn:
            self._reader.submit_event(event)

    def _run(self) -> None:
        while not self._stop.wait(STEP_S):
            with self._turn:
                self._reader.refresh()

    def _on_command(self, command: dict[str, Any]) -> tuple[int, None]:
        """Called by libosdp amid `refresh`."""
        kind = command.get("command")
        told: Told = "other"
        value = 0
        if kind == self._lib.CMD_LED:
            told, value = "lamp", command["on_color"]
        elif kind == self._lib.CMD_BUZZER:
            told, value = "buzzer", command["rep_count"] if command["control_code"] != 1 else 0
        elif kind == self._lib.CMD_KEYSET:
            told, self.set_key = "key", bytes(command["data"])
        self._commands.append(SimCommand(told, self._clock(), value))
        self._tell(self._commands[-1])
        return 0, None

    def _abilities(self) -> list[dict[str, int]]:
        lib = self._lib
        return [
            {"function_code": code, "compliance_level": 1, "num_items": 1}
            for code in (
                lib.CAP_CARD_DATA_FORMAT,
                lib.CAP_READER_LED_CONTROL,
                lib.CAP_READER_AUDIBLE_OUTPUT,
                lib.CAP_CHECK_CHARACTER_SUPPORT,
                lib.CAP_COMMUNICATION_SECURITY,
                lib.CAP_READERS,
            )
        ]
