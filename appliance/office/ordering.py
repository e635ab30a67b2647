"""The office gives orders to gates with its own key, if the ledger lets it.

An office made before there were orders has a key without that right, which `allow` gives it.
"""

from dataclasses import replace

from appliance.office.office import OWN_RIGHTS, Office
from ledger_sync import order
from ledger_sync.entries import MAY_ORDER, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.materialise import known_of
from ledger_sync.order import Kind
from ledger_sync.state import may


def sign(office: Office, kind: Kind, zones: int, *, now: int) -> bytes:
    """An order of this office for these zones (bit mask), as gates take it. Raises `Refused` if
    the ledger does not let its key."""
    key = office.issuer()
    own = _own(office, key.public)
    if not may(own, MAY_ORDER):
        what = "the key of this office may give no orders, it was made before there were any"
        raise Refused(f"{what}; run first: yardpass office issuer {office.site} --orders")
    made = order.sign(office.origin, kind, zones, issued_at=now, key=key)
    order.opened(made, origin=office.origin, issuers=[own], now=now)
    return made


def allow(office: Office) -> bool:
    """Adds the right to the office's own key; whether it lacked it."""
    own = _own(office, office.issuer().public)
    if may(own, MAY_ORDER):
        return False
    rights = own.rights | MAY_ORDER if own.rights is not None else OWN_RIGHTS
    office.add(replace(own, rights=rights))
    return True


def _own(office: Office, key: PublicKey) -> Issuer:
    """The entry of the office's key that counts."""
    with office.authority.book() as book:
        known = known_of(book.store.db, book.trust).issuers.get(key.kid, [])
    for one in known:
        if one.key == key:
            return one
    raise Refused(f"the key of this office is none of its ledger; is {office.folder} damaged?")
