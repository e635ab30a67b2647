"""A second key of a phone, which opens as the first does and tells other terminals silently."""

from appliance.office.issuing import Issuing
from appliance.office.names import name_of
from appliance.office.office import Enrolled, Office
from appliance.office.residents import DURESS_CARRIER, Resident
from appliance.office.roll import Line
from appliance.passes import token
from appliance.passes.token import Assurance, HolderClass
from ledger_sync.cose import open1
from ledger_sync.entries import DURESS
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey


def enrol(office: Office, resident: str, key: PublicKey, *, now: int) -> Enrolled:
    """A pass for the duress key of `resident`, alike in all to the one that the phone has: gates
    must not tell them apart. Raises `Refused` if no phone's pass is in force without condition,
    or if the key opens a gate already."""
    with office.book() as (book, residents):
        first = residents.phone_of(name_of(resident), now=now)
        if first is None:
            what = f"no pass of {resident!r} on a phone is in force"
            raise Refused(f"{what}; enrol the phone's first key: yardpass office enrol --key")
        if book.store.row("SELECT 1 FROM pass WHERE key = ?", key.raw):
            raise Refused("this key has a pass already; let the phone make another one")
        made: list[Resident] = []
        issuing, line = _alike(office, first, key)
        new = issuing.passes([line], residents.places(office.site), made)
        book.add(new, within=lambda db: residents.insert(made))
    return Enrolled(made[0].token, made[0].handle)


def _alike(office: Office, first: Resident, key: PublicKey) -> tuple[Issuing, Line]:
    """How a pass is made that differs from the first in its key alone."""
    begins_at = token.claims_of(open1(first.token).payload).issued_at
    klass = HolderClass(first.klass)
    rights = (klass, first.zones, 1, key, DURESS_CARRIER, first.expires_at)
    level = Assurance.SOFTWARE_KEY
    issuing = Issuing(office.site, office.issuer(), office.secret(), begins_at, level, DURESS)
    return issuing, Line(0, first.resident, *rights)
