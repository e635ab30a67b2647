"""A terminal's reader and the cards before it, in a process inside the namespace of pcscd.

Commands come as lines: `insert MODE`, `remove`, `close`. What the reader tells goes out as lines
of JSON, with what it had asked and when; so does what a card was asked, once it was removed.
"""

import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path

from appliance.commands.sim_card import Keys, make_card
from hw.drivers import make
from hw.errors import Unavailable
from hw.ports import Health
from hw.readers.scard import Link, load
from hw.sim.card import UID
from hw.sim.vpcd import VpcdField
from ledger_sync.keys import ES256, SigningKey

KEYS = Keys(*(SigningKey(ES256, hashlib.sha256(b"pcsc %d" % n).digest()) for n in range(3)))
CODE = b"YP1:6BFO+ADYB"
FILES = Path("/proc/self/fd")
PATIENCE_S = 20.0
UNSEEN_S = 5.0  # vpcd looks for a card every 0.4 s; on a busy machine it has missed one for good
_printing = threading.Lock()


def say(**said):
    with _printing:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def watch(reader):
    asked = []

    def ask():
        asked.append(os.urandom(32))
        return asked[-1]

    for event in reader.events(ask):
        at = time.monotonic()
        if isinstance(event, Health):
            say(health=event.fault, at=at)
            continue
        proof = event.proof and {
            name: getattr(event.proof, name).hex()
            for name in ("point", "signature", "transaction", "certificate")
        }
        told = {"number": event.number.hex(), "text": event.text.decode(), "fault": event.fault}
        say(card=told, proof=proof, asked=[one.hex() for one in asked], at=at)
        asked.clear()
    say(ended=True, at=time.monotonic())


def patiently(act):
    """The result of `act`, as soon as it does not raise `Unavailable`."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except Unavailable:
            if time.monotonic() > until:
                raise
            threading.Event().wait(0.02)


def wait_until(is_present):
    """Until pcscd knows of the card, or knows that it went."""
    link = patiently(lambda: Link(load(), ""))
    status = link.look(0, 0.5)
    while status is None or status.is_present != is_present:
        status = link.look(status.raw if status else 0, 0.5) or status
    link.close()


def main():
    reader = make("reader", "pcsc", {})
    watching = threading.Thread(target=watch, args=(reader,))
    watching.start()
    field = card = None
    for line in sys.stdin:
        match line.split():
            case ["insert", mode]:
                text = CODE if mode == "ndef" else b""
                card = make_card(mode, KEYS, UID, text)
                field = patiently(lambda card=card: VpcdField(card))
                say(inserted=mode, at=time.monotonic())
                while not field.asked.wait(UNSEEN_S):  # no reader of ours has been told of it
                    say(unseen=mode)
                    field.remove()
                    field = patiently(lambda card=card: VpcdField(card))
            case ["remove"]:
                field.remove()
                wait_until(False)
                history = [(one.sent.hex(), one.answered.hex()) for one in card.history]
                say(removed=history, open_files=len(list(FILES.iterdir())))
            case ["close"]:
                say(closing=True, at=time.monotonic())
                reader.close()
    reader.close()
    watching.join()


if __name__ == "__main__":
    main()
