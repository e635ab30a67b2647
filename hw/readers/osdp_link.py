"""One OSDP reader, asked in turn over an open line by libosdp. Believes no card in plain text."""

from typing import Any

from hw.ports import Signal
from hw.readers import osdp_lib
from hw.readers.osdp_lamp import LAMPS
from hw.readers.osdp_line import SerialLine

MAX_CARDS = 16
"""Cards that one step may bring; what is more is dropped."""
_MOST_STEPS = 5
"""Looks at the line that stopping takes at most; it takes one."""
_BEEP, _NO_BEEP = 2, 1  # tone codes of osdp_BUZ (SIA OSDP 2.2)


class Link:
    """The panel's end (CP) of a line to one reader (PD), from the first question on.

    `step` asks and listens, without waiting. The secure channel is enforced by libosdp, and looked
    at again when a card comes: it must have been up before the step that brought the card.
    libosdp 3.2.9 keeps a card that was slipped to it in plain text before the handshake, and
    hands it out once the channel is up. `close` lets go of the panel, not of the line.
    """

    def __init__(self, line: SerialLine, *, address: int, key: bytes) -> None:
        self._lib = osdp_lib.load()
        self._line = line
        self._told = osdp_lib.device(address, line, key, self._flags())
        self._cards: list[dict[str, Any]] = []
        self._refused = 0
        self._begin()

    def _flags(self) -> int:
        return int(self._lib.FLAG_ENFORCE_SECURE | self._lib.FLAG_ENABLE_NOTIFICATION)

    def _begin(self) -> None:
        """Make a panel, which knows nothing of what was before."""
        osdp_lib.stir()
        self._heard = self._line.heard
        self._is_default_key = self._was_secure = False
        self._panel: Any = self._lib.ControlPanel([self._told])
        self._panel.set_event_callback(self._on_event)

    @property
    def is_secure(self) -> bool:
        """Whether the secure channel is up, with the key that was given."""
        return bool(self._panel.sc_status() & 1) and not self._is_default_key

    def step(self) -> list[dict[str, Any]]:
        """Ask and listen; the cards that came, as libosdp describes them."""
        self._was_secure = self.is_secure
        self._panel.refresh()
        cards, self._cards = self._cards, []
        return cards

    def restart(self) -> None:
        """Ask from the first question on, whatever libosdp waits for: it stays silent for 300 s
        after one spoilt frame. If anything was heard, by a new panel: the old one may hold what
        a stranger said. A new one costs 140 bytes that libosdp 3.2.9 never gives back."""
        if self._has_heard():
            self._begin()
            return
        osdp_lib.stir()
        self._panel.disable_pd(0)
        for _ in range(_MOST_STEPS):
            self._panel.refresh()
            if not self._panel.is_pd_enabled(0):
                break
        self._panel.enable_pd(0)

    def _has_heard(self) -> bool:
        return self._line.heard != self._heard

    def take_refused(self) -> int:
        """How many cards came outside of the secure channel since the last ask."""
        refused, self._refused = self._refused, 0
        return refused

    def close(self) -> None:
        self._panel = None  # libosdp's object and this one know each other

    def show(self, signal: Signal) -> bool:
        """Set lamp and buzzer. Whether the reader will be told."""
        lamp = LAMPS[signal]
        return self._send(
            command=self._lib.CMD_LED, reader=0, led_number=0, temporary=False, control_code=1,
            on_count=lamp.on, off_count=lamp.off, on_color=lamp.colour, off_color=0, timer_count=0,
        ) and self._send(
            command=self._lib.CMD_BUZZER, reader=0, on_count=1, off_count=1,
            control_code=_BEEP if lamp.beeps else _NO_BEEP, rep_count=lamp.beeps or 1,
        )  # fmt: skip

    def _send(self, **command: int) -> bool:
        return bool(self._panel.submit_command(0, command))

    def _on_event(self, _reader: int, event: dict[str, Any]) -> int:
        """Called by libosdp amid `step`."""
        kind = event.get("event")
        if kind == self._lib.EVENT_NOTIFICATION:
            self._on_notification(event)
        elif kind == self._lib.EVENT_CARDREAD:
            self._on_card(event)
        return 0

    def _on_notification(self, event: dict[str, Any]) -> None:
        if event.get("type") == self._lib.EVENT_NOTIFICATION_SC_STATUS:
            self._is_default_key = bool(event.get("arg1"))

    def _on_card(self, event: dict[str, Any]) -> None:
        if not (self._was_secure and self.is_secure):
            self._refused += 1
        elif len(self._cards) < MAX_CARDS:
            self._cards.append(event)
