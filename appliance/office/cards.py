"""Cards of residents: by the key they prove, by the pass written to them, or by a bare number."""

from typing import NamedTuple

from appliance.office.issuing import Issuing
from appliance.office.names import name_of
from appliance.office.office import DAY, Enrolled, Office
from appliance.office.residents import Resident
from appliance.office.roll import Line
from appliance.passes import token
from appliance.passes.card import carrier_of, handle_of_number
from appliance.passes.token import Assurance, HolderClass
from ledger_sync.cards import Cards
from ledger_sync.entries import CARD, CERTIFIED_CARD, Pass
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256, PublicKey


class Rights(NamedTuple):
    """What a card is for: class, zones (mask), for so many days from now (Unix seconds) on."""

    klass: HolderClass
    zones: int
    now: int
    days: int


def enrol_key(
    office: Office, resident: str, key: PublicKey, rights: Rights, *, is_certified: bool = False
) -> Enrolled:
    """A pass for the P-256 key of a PKOC card, which must prove it at every tap; `is_certified`:
    with its maker's certificate, too. Raises `Refused` for a key of another kind."""
    if key.alg != ES256:
        raise Refused("the key of a card is a P-256 point, 65 bytes from 04 on")
    card = CERTIFIED_CARD if is_certified else CARD
    issuing = office.issuing(rights.now, assurance=Assurance.HARDWARE_KEY, card=card)
    return _enrol(office, resident, key, "card", rights, issuing=issuing)


def enrol_written(
    office: Office, resident: str, number: bytes, bits: int, rights: Rights
) -> Enrolled:
    """A pass without a key, to be written to the card of this number: it is good from there
    alone."""
    issuing = office.issuing(rights.now, bound=carrier_of(number, bits))
    return _enrol(office, resident, None, "card", rights, issuing=issuing)


def _enrol(
    office: Office,
    resident: str,
    key: PublicKey | None,
    carrier: str,
    rights: Rights,
    *,
    issuing: Issuing,
) -> Enrolled:
    line = Line(0, name_of(resident), rights.klass, rights.zones, rights.days, key, carrier)
    (made,) = office.enrol_by(issuing, [line])
    return Enrolled(made.token, made.handle)


def check_not_anothers(office: Office, resident: str, key: PublicKey, *, now: int) -> None:
    """Raises `Refused` for the key of a card that somebody else holds in force."""
    with office.book() as (book, residents):
        found = Cards(book.store).by_key(key)
        holder = residents.holder_in_force(found[0], now=now) if found else None
    if holder not in (None, name_of(resident)):
        step = "revoke it there first, or take another card"
        raise Refused(f"this card is {holder!r}'s; {step}", reason="R-CARD")


def check_free(office: Office, number: bytes, bits: int) -> None:
    """Raises `Refused` for what is no number, and for one that somebody has already."""
    handle = handle_of_number(office.secret(), number, bits)
    with office.book() as (_, residents):
        if before := residents.holder_of(handle):
            raise Refused(f"{before!r} has this card number already; give another card")


def enrol_number(
    office: Office, resident: str, number: bytes, bits: int, rights: Rights, *, card: int = 0
) -> bytes:
    """Enrols the bare number of a card, which proves nothing; its handle. A gate lets nobody in on
    it alone unless the site's rule says so, and never if `card` (CARD, CERTIFIED_CARD) says that
    the card must prove its key. The number itself stays in no file.

    Raises `Refused` for a number that somebody has already."""
    resident = name_of(resident)
    handle = handle_of_number(office.secret(), number, bits)
    subject, until = token.subject_of(office.secret(), resident), rights.now + rights.days * DAY
    kid = office.issuing(rights.now).issuer.public.kid
    with office.book() as (book, residents):
        if before := residents.holder_of(handle):
            raise Refused(f"{before!r} has this card number already; give another card")
        uri, idx = next(residents.places(office.site))
        place = (uri, idx, int(rights.klass), rights.zones)
        row = Resident(resident, handle, subject, *place, until, "uid", b"")
        new = Pass(handle, kid, subject, *place, card, rights.now, until, None)
        book.add([new], within=lambda db: residents.insert([row]))
    return handle
