"""`yardpass ledger deny`, `order` and `withdraw`: notes that take effect at a terminal at once."""

import time
from pathlib import Path

import click

from appliance.commands.ledger_options import named, now, site_option
from appliance.commands.order_words import in_zones
from appliance.gate.identity import trust_of
from appliance.gate.withdrawing import verifier_of
from appliance.passes.code import MAX_TEXT
from appliance.settings import FILE_NAME, load
from ledger_sync.denials import Denials
from ledger_sync.files import read_bounded
from ledger_sync.note import MAX_NOTE
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.store import Store
from ledger_sync.withdrawals import Withdrawals

_file = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@_file
@site_option
def deny(file: Path, site: Path) -> None:
    """Take the deny note in FILE into effect at this terminal, for the rest of its day."""
    settings = load(site / FILE_NAME)
    data = read_bounded(file, MAX_NOTE, hint="yardpass office deny writes one")
    pinned = trust_of(settings)
    with Store(settings.store) as store, named(str(file)):
        found = Denials(store).add(data, trust=pinned, now=now())
    until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(found.until))
    denied = f"{len(found.places)} pass(es) denied" if found.places else ""
    blocked = f"{len(found.visitors)} visitor(s) blocked" if found.visitors else ""
    click.echo(f"{', '.join(filter(None, (denied, blocked)))} until {until} UTC")


@click.command()
@_file
@site_option
def order(file: Path, site: Path) -> None:
    """Take the order in FILE into effect at this terminal, and by gossip at all others.

    It stands until a newer one; `yardpass office order release` makes one that ends it.
    """
    settings = load(site / FILE_NAME)
    data = read_bounded(file, MAX_NOTE, hint="yardpass office order writes one")
    with Store(settings.store) as store, named(str(file)):
        trust = Replica(store).history.trust(trust_of(settings))
        found = Orders(store).add(data, trust=trust, now=now())
    click.echo(in_zones(found.kind, found.zones))


@click.command()
@_file
@site_option
def withdraw(file: Path, site: Path) -> None:
    """Take back, at this terminal and by gossip at all others, the invite that the text in FILE
    takes back: what a resident's phone shows who no longer invites somebody.

    A gate that is shown it does the same.
    """
    settings = load(site / FILE_NAME)
    data = read_bounded(file, MAX_TEXT + 2, hint="the phone of the host shows the text").strip()
    with Store(settings.store) as store, named(str(file)):
        found = Withdrawals(store, verifier_of(store)).add(data, now=now())
    name = found.credential.to_bytes(8, "big", signed=True).hex()
    click.echo(f"the invite {name} is taken back")
