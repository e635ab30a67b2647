"""The PC/SC reader with a pcscd in memory behind it, for the contract of the Reader port."""

import pytest
from standins.scard_standin import Pcscd

from hw.readers.pcsc import Patience, PcscReader
from hw.sim.card import SimCard

NAME = "ACS ACR1252 Dual Reader [PICC] 00 00"
QUICK = Patience(look=0.05, retry=0.01)


class PcscRig:
    """`show` takes anything with a `uid` and a `text`; `noise` is a card that gives no sign."""

    tells_gone = True

    def __init__(self, tmp_path=None, patience=QUICK):
        self._patch = pytest.MonkeyPatch()
        self.pcscd = Pcscd(NAME).install(self._patch)
        self.reader = PcscReader(patience=patience)

    def reads(self, card):
        return card.uid, 8 * len(card.uid), card.text

    def show(self, card):
        self.pcscd.show(SimCard(card.uid, text=card.text))

    def stay(self):
        self.pcscd.wait_for_looks(4)

    def remove(self):
        self.pcscd.remove()

    def unplug(self):
        self.pcscd.unplug()

    def plug(self):
        self.pcscd.plug(NAME)

    def noise(self):
        self.pcscd.show(SimCard(), is_mute=True)
        self.pcscd.remove()

    def close(self):
        self.reader.close()
        self._patch.undo()
