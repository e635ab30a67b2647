"""`yardpass office card`: a card for a resident, by its key or number, or to carry a pass."""

from pathlib import Path
from typing import Any, NamedTuple

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import (
    PUBLISH,
    class_option,
    days_option,
    folder_option,
    now,
    open_office,
    tell,
    zones_option,
)
from appliance.commands.reader_spec import driver_of
from appliance.office import cards, tapping
from appliance.office.cards import Rights
from appliance.office.names import name_of
from appliance.office.office import Office
from appliance.office.tapping import Tapped
from appliance.passes import code
from appliance.passes.token import HolderClass
from ledger_sync.entries import CARD, CERTIFIED_CARD
from ledger_sync.errors import Refused
from ledger_sync.keys import checked_key

POINT_BYTES = 65  # an uncompressed P-256 point
MAX_NUMBER = 64  # bytes
_BITS = click.IntRange(1, 8 * MAX_NUMBER)


class What(NamedTuple):
    """What a card is enrolled as: with its maker's certificate, its own number beside the key, to
    carry a pass, by nothing but its number."""

    is_certified: bool
    number: str | None
    bits: int | None
    is_written: bool
    is_bare: bool


@click.command()
@folder_option
@click.argument("resident")
@click.argument("card", required=False)
@click.option(
    "--tap", metavar="DRIVER[:OPTION=VALUE,...]", help="Read it: pcsc, pn532:port=/dev/ttyAMA0 ..."
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 600),
    default=30,
    show_default=True,
    help="With --tap: how long each tap is waited for.",
)
@click.option("--bare", "is_bare", is_flag=True, help="With --tap: a card without a key will do.")
@click.option(
    "--certified", "is_certified", is_flag=True, help="It must bring its maker's certificate, too."
)
@click.option("--number", help="Its number in hex: a copy that shows only that is caught.")
@click.option("--write", "is_written", is_flag=True, help="Print a pass to write to the card.")
@click.option("--bits", type=_BITS, help="Length of the number, if it is not whole bytes.")
@class_option
@zones_option("Zone the card covers; repeat for more.")
@days_option
@rehearsable()
def card(
    folder: Path,
    resident: str,
    card: str | None,
    tap: str | None,
    seconds: int,
    klass: str,
    zones: tuple[int, ...],
    days: int,
    **what: Any,
) -> None:
    """Enrol the card of RESIDENT. CARD is what it shows, in hex, as any reader program tells it;
    with --tap a reader here reads it instead, twice.

    The public key of a PKOC card (65 bytes): the card proves it at every tap and cannot be copied.
    A bare number: whoever has seen it can copy it, so gates ask the guard (rule "number"). With
    --write, a number becomes the card that a pass is good on: write the pass that is printed to
    it, as one NDEF text.

    A card that is tapped proves its key here and now; its number is enrolled beside the key if it
    is the same each time. One without a key needs --bare or --write.

    A resident may have a phone and cards; each is ended alone by: office revoke --carrier.
    """
    given = What(**what)
    _check(card, tap, given)
    driver = driver_of(tap) if tap else None
    office, terms = open_office(folder), _rights(klass, zones, days)
    _doubt(office, resident)
    if driver:
        shown = tapping.twice(driver(), _say, seconds=seconds)
        _enrol_tapped(office, resident, shown, terms, given)
    else:
        assert card is not None  # checked
        _enrol_typed(office, resident, card, terms, given)


def _doubt(office: Office, resident: str) -> None:
    """A card is mostly for somebody who is here. Raises `Refused` for what is no name."""
    with office.book() as (_, residents):
        near = residents.unlike(name_of(resident))
    if near:
        _say(f"note: nobody here is called {resident!r} yet; did you mean {near!r}?")


def _check(card: str | None, tap: str | None, given: What) -> None:
    """Raises `UsageError` for what cannot be meant together."""
    if bool(card) is bool(tap):
        raise click.UsageError("give CARD, or --tap to read it")
    if given.is_bare and not tap:
        raise click.UsageError("--bare is for --tap: a CARD that is typed says what it is")
    if tap and (given.number or given.bits):
        raise click.UsageError("--number and --bits are read with --tap")
    if card and len(card) != 2 * POINT_BYTES and (given.is_certified or given.number):
        raise click.UsageError("--certified and --number are for a card with a key")
    if given.is_written and given.is_bare:
        raise click.UsageError("give --write or --bare, not both")


def _enrol_typed(office: Office, resident: str, card: str, rights: Rights, given: What) -> None:
    raw, has_key = _hex(card), len(card) == 2 * POINT_BYTES
    if has_key and given.is_written:
        raise click.UsageError("a card that proves a key needs no pass written to it")
    if has_key:
        number = _number_of(given.number, given.bits)
        _enrol_key(office, resident, raw, rights, given.is_certified, number)
    else:
        _enrol_bare(office, resident, (raw, given.bits or 8 * len(raw)), rights, given)


def _enrol_tapped(
    office: Office, resident: str, shown: Tapped, rights: Rights, given: What
) -> None:
    if shown.point and given.is_written:
        raise click.UsageError("a card that proves a key needs no pass written to it")
    if given.is_certified and not shown.is_certified:
        what = f"{shown.name} brought no certificate of its maker"
        raise Refused(f"{what}; leave --certified out, or take a card of SE V2", reason="R-CARD")
    if not shown.point and not (given.is_bare or given.is_written):
        what = f"{shown.name} proves no key, and whoever has seen a number can copy it"
        raise Refused(f"{what}; if that will do, give --bare", reason="R-CARD")
    number = (shown.number, shown.bits)
    if not shown.point:
        _enrol_bare(office, resident, number, rights, given)
        return
    cards.check_not_anothers(office, resident, checked_key(shown.point), now=rights.now)
    beside = number if shown.number else None
    _enrol_key(office, resident, shown.point, rights, given.is_certified, beside)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _enrol_bare(
    office: Office, resident: str, number: tuple[bytes, int], rights: Rights, given: What
) -> None:
    if given.is_written:
        made = cards.enrol_written(office, resident, *number, rights)
        click.echo(code.to_text(made.token).decode())
        tell(PUBLISH)
        return
    handle = cards.enrol_number(office, resident, *number, rights)
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
