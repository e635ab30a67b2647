"""`yardpass office`: the authority. Keys, policy, terminals, rule, publishing, cosigning."""

import secrets
from pathlib import Path

import click

from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import (
    CLASSES,
    FILE,
    PUBLISH,
    folder_option,
    now,
    open_office,
    seal_of,
    seal_options,
    tell,
    terms_of,
    terms_options,
)
from appliance.gate import identity
from appliance.office import ordering, unlock
from appliance.office.authority import LOCAL_COSIGNERS
from appliance.office.office import ALL_CLASSES, DAY, YEAR, Office
from appliance.passes.token import HolderClass
from ledger_sync import cbor, entries, files, keyfile
from ledger_sync.errors import Refused
from ledger_sync.fields import HASH_BYTES
from ledger_sync.keys import ED25519, SEED_BYTES, PublicKey, SigningKey, public_key


@click.command()
@folder_option
@click.option("--site", required=True, help="Short name of the compound, e.g. hz07.")
@click.option("--passphrase", is_flag=True, help="Seal the private keys with a passphrase.")
@terms_options
@rehearsable()
def init(
    folder: Path,
    site: str,
    passphrase: bool,
    local: tuple[str, ...],
    remote: tuple[str, ...],
    quorum: int | None,
) -> None:
    """Make a new office: keys, site secret, quorum policy, an empty log.

    Without --local and --cosigner three cosigners are kept beside the office, of which two must
    sign: good for a trial, no protection from the office itself. Back the folder up: whoever loses
    its keys must enrol everybody again.
    """
    if not site.isascii() or not site.isalnum() or len(site) > 24:
        raise click.UsageError("--site takes 1 to 24 letters and digits")
    terms = terms_of(local if local or remote else LOCAL_COSIGNERS, remote, quorum)
    made = Office.create(
        folder,
        site=f"yp:{site.lower()}",
        now=now(),
        terms=terms,
        passphrase=unlock.choose() if passphrase else None,
    )
    click.echo(f"office of {made.site} in {folder}; next: yardpass office enrol, then publish")
    click.echo(f"genesis policy {fingerprint(made)}: compare it at every terminal")


def fingerprint(office: Office) -> str:
    with office.authority.book() as book:
        return identity.fingerprint(book.pinned.digest)


@click.command()
@folder_option
@click.argument("name")
@click.option("--key", "key_file", type=FILE, help="Public key (COSE_Key) of an issuer elsewhere.")
@click.option(
    "--class",
    "classes",
    type=click.Choice(CLASSES),
    multiple=True,
    help="Class it may issue; repeat.",
)
@click.option(
    "--years",
    type=click.IntRange(1, 50),
    default=10,
    show_default=True,
    help="How long its passes may begin.",
)
@click.option("--deny-only", is_flag=True, help="May sign deny notes, not passes: a guard's key.")
@click.option("--cards-only", is_flag=True, help="May certify keys of cards: a maker's P-256 key.")
@click.option(
    "--orders",
    is_flag=True,
    help="May sign orders to gates, not passes: a guard's key; deny notes, too, with --deny-only.",
)
@seal_options("Seal the new private key with a passphrase of its own.")
@rehearsable(says=True)
def issuer(
    folder: Path,
    name: str,
    key_file: Path | None,
    classes: tuple[str, ...],
    years: int,
    deny_only: bool,
    cards_only: bool,
    orders: bool,
    **sealing: bool,
) -> None:
    """Name another issuer NAME in the ledger; without --key its private key is made here.

    With the name of the site (yp:hz07) --orders gives that right to the office's own key, which an
    office made by an older version lacks.
    """
    rights = _rights(deny_only=deny_only, cards_only=cards_only, orders=orders)
    if rights and classes:
        raise click.UsageError("--deny-only, --cards-only and --orders issue no --class")
    if cards_only and (rights != entries.MAY_CERTIFY or not key_file):
        raise click.UsageError("--cards-only needs the --key of the maker, and is all it may do")
    office, at = open_office(folder), now()
    if rights == entries.MAY_ORDER and name == office.site and not key_file:
        _allow_orders(office)
        return
    own = office.authority.passphrase
    seal = seal_of(own, unlock.choose, **sealing)
    mask = sum(1 << HolderClass[klass.upper()] for klass in set(classes)) or ALL_CLASSES
    terms = (0, rights) if rights else (mask, None)

    def add(public: PublicKey) -> None:
        office.add(entries.Issuer(name, public, at, at + years * YEAR, *terms))

    if key_file:
        add(_public_key(key_file))
    else:
        if not name.isalnum():
            raise click.UsageError("the name of an issuer made here is letters and digits")
        path = folder / "keys" / f"issuer-{name}.key"
        made = SigningKey(ED25519, secrets.token_bytes(SEED_BYTES))
        keyfile.write_key(path, made, passphrase=seal())
        try:
            add(made.public)
        except BaseException:
            path.unlink()
            raise
        tell(f"its key is {path}; take it where it is used")
    click.echo(f"issuer {name}; {PUBLISH}")


def _rights(*, deny_only: bool, cards_only: bool, orders: bool) -> int:
    """What a key may do that issues no passes; 0 for one that does."""
    stated = {
        entries.MAY_DENY: deny_only,
        entries.MAY_CERTIFY: cards_only,
        entries.MAY_ORDER: orders,
    }
    return sum(right for right, is_stated in stated.items() if is_stated)


def _allow_orders(office: Office) -> None:
    if ordering.allow(office):
        click.echo(f"the key of this office may give orders; {PUBLISH}")
    else:
        click.echo("the key of this office may give orders already")


def _public_key(file: Path) -> PublicKey:
    data = files.read_bounded(file, 1_024, hint="give a file with a COSE_Key")
    try:
        return public_key(cbor.decode(data))
    except Refused as refused:
        raise Refused(f"{file} is not a COSE_Key: {refused}") from None


@click.command()
@folder_option
@rehearsable()
def baseline(folder: Path) -> None:
    """Write each status list as one entry, with decoys: new gates need not replay the changes."""
    count = open_office(folder).baseline(now=now())
    click.echo(f"{count} status list(s); {PUBLISH}")


@click.command()
@folder_option
@rehearsable()
def snapshot(folder: Path) -> None:
    """Write the whole state to one file and name it in the ledger: new gates begin with it.

    Once a year, or every 100,000 entries. Only for ledgers published as a folder.
    """
    size = open_office(folder).authority.snapshot()
    click.echo(f"a snapshot of {size} bytes; {PUBLISH}")


@click.command()
@folder_option
@click.argument("authority")
@click.option("--policy", help="Digest of its policy in hex; without it recognition ends.")
@click.option(
    "--class",
    "classes",
    type=click.Choice(CLASSES),
    multiple=True,
    help="Class it covers; repeat.",
)
@click.option(
    "--max-age",
    type=click.IntRange(60),
    default=86_400,
    show_default=True,
    help="Seconds its ledger may be old.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3_650),
    default=365,
    show_default=True,
    help="How long the recognition lasts.",
)
@rehearsable()
def recognise(
    folder: Path,
    authority: str,
    policy: str | None,
    classes: tuple[str, ...],
    max_age: int,
    days: int,
) -> None:
    """Recognise the passes of another AUTHORITY, by the origin of its ledger.

    Gates keep it; passes of other authorities are not let in on it yet.
    """
    if policy is None:
        entry = entries.Recognise(authority)
    else:
        mask = sum(1 << HolderClass[klass.upper()] for klass in set(classes))
        entry = entries.Recognise(
            authority, digest_of(policy), mask, (0, 1, 2, 3), max_age, now() + days * DAY
        )
    open_office(folder).add(entry)
    click.echo(f"{authority} {'recognised' if policy else 'is recognised no more'}; {PUBLISH}")


def digest_of(text: str) -> bytes:
    """The digest of a policy as it is written out. Raises `Refused`."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != HASH_BYTES:
        raise Refused(f"{text[:80]!r} is no digest of {HASH_BYTES} bytes in hex")
    return raw
