"""One card to one verdict: what it proved, whose it is in the ledger, how they stand.

Reads and computes only, as checker.py does for codes. What a card showed is not verified when it
comes here; which steps it takes, FORMAT.md section 4.5 lists.
"""

import time

from appliance.gate.checker import Assessed, Checker
from appliance.passes import card
from appliance.passes.card import Certificate, Date, Days, Tap
from appliance.passes.code import Form
from appliance.passes.verify import Mark
from hw.cards import pkoc
from hw.errors import Refused as HardwareRefused
from hw.ports import CardRead, KeyProof
from ledger_sync.cards import Cards
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256, PublicKey


class CardChecker:
    """Judges cards against a replica. Owned by the checker's thread."""

    def __init__(self, checker: Checker, cards: Cards, site_secret: bytes) -> None:
        self._checker = checker
        self._cards = cards
        self._secret = site_secret

    def assess(
        self,
        read: CardRead,
        now: int,
        *,
        grade: int,
        is_asked: bool,
        nonces: tuple[bytes, ...] = (),
    ) -> Assessed:
        """The verdict on a card at `now`. `is_asked`: what its proof signed is what this gate
        asked; `nonces`: what a code may carry that it shows. Raises `Unavailable` only when the
        store cannot be read."""
        form, handle = self.form_of(read), b""
        try:
            if read.fault:
                raise Refused(f"the card {read.fault}", reason="R-CARD")
            if read.text:
                carrier = card.carrier_of(read.number, read.bits) if read.bits else None
                return self._checker.assess(
                    read.text, now, grade=grade, nonces=nonces, carrier=carrier
                )
            if read.proof:
                return self._tapped(read.proof, form, now, grade, is_asked)
            handle = self.handle_of(read)
            found = self._cards.by_number(handle)
            marks = card.check_number(found)
            assert found is not None  # proven by step 14
            return self._checker.of_card(form, marks, handle, found, now, grade)
        except Refused as refused:
            return self._checker.refused(form, refused, handle, now, grade)

    def form_of(self, read: CardRead) -> Form:
        """What was shown; UNREADABLE for a code, which says so itself, and for a fault."""
        if read.fault or read.text:
            return Form.UNREADABLE
        if read.proof is None:
            return Form.NUMBER
        return Form.CERTIFIED_TAP if read.proof.certificate else Form.TAP

    def handle_of(self, read: CardRead) -> bytes:
        """What a bare number is enrolled by. Raises `Refused` (R-FORM) for none."""
        return card.handle_of_number(self._secret, read.number, read.bits)

    def refused(self, form: Form, reason: str, handle: bytes, now: int, grade: int) -> Assessed:
        """The verdict on a card that is not even looked at."""
        why = Refused("this reader takes no bare numbers now", reason=reason)
        return self._checker.refused(form, why, handle, now, grade)

    def _tapped(
        self, proof: KeyProof, form: Form, now: int, grade: int, is_asked: bool
    ) -> Assessed:
        tap = Tap(
            proof.point, proof.transaction, proof.signature, _certificate_of(proof.certificate)
        )
        handle, found = self._cards.by_key(PublicKey(ES256, proof.point)) or (b"", None)
        days = Days(_date(self._checker.floor), None if grade == Grade.POOR else _date(now))
        sure = self._checker.floor if grade == Grade.POOR else max(now, self._checker.floor)
        certifiers = self._cards.certifiers(sure) if tap.certificate else ()
        try:
            marks = card.prove_tap(tap, found, certifiers, is_asked=is_asked, days=days)
        except Refused as refused:
            return self._checker.refused(form, refused, handle, now, grade)
        assert found is not None  # proven by step 10
        return self._checker.of_card(form, marks, handle, found, now, grade)


def carrier_class(form: int) -> str:
    """The class of a card by what it proved, `A` to `D`; empty for a phone's code. A: its key and
    its maker's certificate. B: its key. C: a pass that was issued for it. D: nothing."""
    return _CLASSES.get(form, "")


_CLASSES = {
    int(Form.CERTIFIED_TAP): "A",
    int(Form.TAP): "B",
    int(Form.STATIC): "C",
    int(Form.NUMBER): "D",
}
_PROVEN = int(Mark.ASKED)


def is_proven(marks: int) -> bool:
    """Whether a card proved its key to this gate, and leaves a receipt."""
    return bool(marks & _PROVEN)


def _certificate_of(data: bytes) -> Certificate | None:
    """Raises `Refused` (R-CARD) for one that is malformed."""
    if not data:
        return None
    try:
        held = pkoc.certificate_of(data)
    except HardwareRefused as refused:
        raise Refused(str(refused), reason=refused.reason) from None
    return Certificate(held.point, held.signed, held.signature, held.since, held.until)


def _date(at: int) -> Date:
    """The day of a moment, in UTC."""
    found = time.gmtime(min(max(at, 0), _LAST))
    return found.tm_year, found.tm_mon, found.tm_mday


_LAST = 253_402_300_799  # the end of the year 9999
