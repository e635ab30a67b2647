"""`yardpass office card`: a card for a resident, by its key or number, or to carry a pass."""

from pathlib import Path
from typing import Any

import click

from appliance.commands.office_options import (
    PUBLISH,
    class_option,
    days_option,
    folder_option,
    now,
    open_office,
    zones_option,
)
from appliance.office import cards
from appliance.office.cards import Rights
from appliance.office.office import Office
from appliance.passes import code
from appliance.passes.token import HolderClass
from ledger_sync.entries import CARD, CERTIFIED_CARD
from ledger_sync.errors import Refused
from ledger_sync.keys import checked_key

POINT_BYTES = 65  # an uncompressed P-256 point
MAX_NUMBER = 64  # bytes
_BITS = click.IntRange(1, 8 * MAX_NUMBER)


@click.command()
@folder_option
@click.argument("resident")
@click.argument("card")
@click.option("--certified", is_flag=True, help="It must bring its maker's certificate, too.")
@click.option("--number", help="Its number in hex: a copy that shows only that is caught.")
@click.option("--write", "is_written", is_flag=True, help="Print a pass to write to the card.")
@click.option("--bits", type=_BITS, help="Length of the number, if it is not whole bytes.")
@class_option
@zones_option("Zone the card covers; repeat for more.")
@days_option
def card(
    folder: Path,
    resident: str,
    card: str,
    certified: bool,
    number: str | None,
    is_written: bool,
    bits: int | None,
    **rights: Any,
) -> None:
    """Enrol the card of RESIDENT. CARD is what it shows, in hex, as any reader program tells it.

    The public key of a PKOC card (65 bytes): the card proves it at every tap and cannot be copied.
    A bare number: whoever has seen it can copy it, so gates ask the guard (rule "number"). With
    --write, a number becomes the card that a pass is good on: write the pass that is printed to
    it, as one NDEF text.

    A resident may have a phone and cards; each is ended alone by: office revoke --carrier.
    """
    raw, has_key = _hex(card), len(card) == 2 * POINT_BYTES
    if has_key and is_written:
        raise click.UsageError("a card that proves a key needs no pass written to it")
    if (certified or number) and not has_key:
        raise click.UsageError("--certified and --number are for a card with a key")
    office, terms = open_office(folder), _rights(**rights)
    if has_key:
        _enrol_key(office, resident, raw, terms, certified, _number_of(number, bits))
        return
    size = bits or 8 * len(raw)
    if is_written:
        made = cards.enrol_written(office, resident, raw, size, terms)
        click.echo(code.to_text(made.token).decode())
        click.echo(PUBLISH, err=True)
        return
    handle = cards.enrol_number(office, resident, raw, size, terms)
    click.echo(f"{handle.hex()}: a bare card number, which proves nothing; {PUBLISH}")


def _enrol_key(
    office: Office,
    resident: str,
    raw: bytes,
    rights: Rights,
    certified: bool,
    number: tuple[bytes, int] | None,
) -> None:
    if number:
        cards.check_free(office, *number)  # before anything is enrolled
    made = cards.enrol_key(office, resident, checked_key(raw), rights, is_certified=certified)
    click.echo(f"{made.handle.hex()}: a card that proves its key; {PUBLISH}")
    if number:
        level = CERTIFIED_CARD if certified else CARD
        handle = cards.enrol_number(office, resident, *number, rights, card=level)
        click.echo(f"{handle.hex()}: its number, never good alone")


def _rights(klass: str, zones: tuple[int, ...], days: int) -> Rights:
    mask = sum(1 << zone for zone in set(zones))
    return Rights(HolderClass[klass.upper()], mask, now(), days)


def _number_of(text: str | None, bits: int | None) -> tuple[bytes, int] | None:
    if text is None:
        return None
    raw = _hex(text)
    return raw, bits or 8 * len(raw)


def _hex(text: str) -> bytes:
    """Raises `Refused` for what is no key and no number."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if not 1 <= len(raw) <= POINT_BYTES:
        raise Refused(f"{text[:80]!r} is not 1 to {POINT_BYTES} bytes in hex")
    return raw
