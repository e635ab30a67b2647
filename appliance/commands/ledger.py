"""`yardpass ledger`: load a ledger into a terminal, and say what the terminal holds."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from appliance.commands import conflicts as conflicts_here
from appliance.commands import ledger_notes
from appliance.commands.bars import Bars
from appliance.commands.ledger_options import json_option, named, now, site_option
from appliance.commands.order_words import document, sentence
from appliance.commands.sources import is_folder, opened
from appliance.commands.stick import put_checks, take_checks
from appliance.gate import doorbell, words
from appliance.gate.assembly import open_replica
from appliance.gate.identity import trust_of
from appliance.gate.taps import verify_taps
from appliance.gate.withdrawing import verifier_of
from appliance.settings import FILE_NAME, Settings, load
from ledger_sync import archive, peers_file
from ledger_sync.accept import Forked
from ledger_sync.authority.publisher import publish
from ledger_sync.bootstrap import replay as replay_from
from ledger_sync.duress import Duress, duresses, kid_of
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.keyfile import read_secret
from ledger_sync.mirror import Mirror
from ledger_sync.orders import Orders
from ledger_sync.replica import Ledger, Replica
from ledger_sync.store import Store
from ledger_sync.watchlist import standing_alarms


@click.group()
def ledger() -> None:
    """The ledger a terminal believes: signed by the log, cosigned by a quorum."""


ledger.add_command(ledger_notes.deny)
ledger.add_command(ledger_notes.order)
ledger.add_command(ledger_notes.withdraw)


@contextmanager
def _staying(replica: Replica) -> Iterator[None]:
    """Says behind what is wrong where the ledger stays."""
    try:
        yield
    except Forked as forked:
        alarm = "ALARM: both checkpoints are kept as evidence; tell the authority"
        raise Forked(f"{forked}; {_standing(replica)}. {alarm}") from None
    except Refused as refused:
        raise Refused(f"{refused}; {_standing(replica)}", reason=refused.reason) from None


def _standing(replica: Replica) -> str:
    held = replica.ledger()
    return f"{held.origin} stays at {held.size} entries"


@ledger.command("import")
@click.argument("source")
@site_option
@click.option("--replay", is_flag=True, help="Also replay what is older than a snapshot.")
def import_(source: str, site: Path, replay: bool) -> None:
    """Verify what SOURCE shows and make it the terminal's ledger.

    SOURCE is a folder or stick, a web address (http, https) that serves such a folder, or one
    ledger file. A stick may hold the terminals' checks as well, which are taken in. A refused
    ledger changes nothing. A new terminal begins with the newest snapshot,
    if there is one; --replay checks that it says what the whole log says.
    """
    settings = load(site / FILE_NAME)
    trust = trust_of(settings)
    with open_replica(settings) as replica, _staying(replica):
        with opened(source) as there, Bars() as bars, named(there.where):
            made = Mirror(replica, pinned=trust, now=now, progress=bars).update(there)
            old = replay_from(replica, there, pinned=trust) if replay else 0
        base, age = replica.history.base(), _age(replica.ledger())
        checks = take_checks(source, settings, replica.store)
    is_still = not made.new_count and age is not None  # a source that is frozen shows by its age
    new = f"{made.new_count} new" + (f", {words.age(age or 0)} old" if is_still else "")
    replayed = f", {old} replayed" if old else ""
    began = f"; began with a snapshot at {base.size}, see --replay" if base else ""
    click.echo(f"{settings.origin}: {made.size} entries, {new}{replayed}{began}{checks}")


def _age(held: Ledger) -> int | None:
    """How long ago its quorum vouched for the ledger, in seconds; None for no quorum time."""
    return max(0, now() - held.quorum_time) if held.quorum_time else None


@ledger.command()
@site_option
@json_option
def status(site: Path, as_json: bool) -> None:
    """How large and how old the terminal's ledger is, whom it believes, whether it was forked, and
    how its peers are, which alarms of gates and which orders stand, which checks contradict each
    other, who used a duress key at another terminal in the last day.

    Exits 1 if two histories of the ledger were seen.
    """
    settings = load(site / FILE_NAME)
    pinned = trust_of(settings)
    with open_replica(settings) as replica:
        held, passes = replica.ledger(), replica.pass_count()
        forks, trust = replica.history.evidence(), replica.history.trust(pinned)
        alarms, conflicts = standing_alarms(replica.store), conflicts_here.told(replica.store)
        orders = Orders(replica.store).in_force().orders
        duress = _duresses(settings, replica.store)
    age, folder = _age(held), settings.store.parent
    peers = peers_file.read(folder) if doorbell.is_answered(folder / doorbell.NAME) else None
    if as_json:
        found = {
            "origin": held.origin,
            "size": held.size,
            "root": held.root.hex(),
            "passes": passes,
            "age_seconds": age,
            "policy_version": trust.version,
            "genesis": pinned.digest.hex(),
            "forks": len(forks),
            "peers": peers,
            "alarms": [{"terminal": name, "kind": one.kind, "at": one.at} for name, one in alarms],
            "orders": [document(one) for one in orders],
            "conflicts": [one._asdict() for one in conflicts],
            "duress": [one._asdict() for one in duress],
        }
        click.echo(json.dumps(found))
    else:
        heard = "nothing accepted yet" if age is None else f"{words.age(age)} old"
        click.echo(f"{held.origin}: {held.size} entries, {passes} passes, {heard}")
        click.echo(f"policy {trust.version}, genesis {pinned.digest.hex()[:32]}")
        for said in _of_peers(peers):
            click.echo(said)
        for order in orders:
            click.echo(sentence(order))
        for told in conflicts_here.sentences(conflicts):
            click.echo(told)
        alarming = [f"ALARM at {name}: {one.kind}, since {_when(one.at)}" for name, one in alarms]
        alarming += [
            f"DURESS at {terminal}, gate {words.plain(gate)}, {_when(at)}: send help"
            for terminal, gate, at in duress
        ]
        when = (_when(at) for at, _, _ in forks)
        alarming += [f"ALARM: two histories of this ledger, seen {seen}" for seen in when]
        for told in alarming:
            click.echo(told, err=True)
    sys.exit(1 if forks else 0)


def _of_peers(peers: list[dict[str, Any]] | None) -> list[str]:
    if peers is None:
        return ["yardpass sync is not running here: no peer hears of these checks"]
    none = "this ledger names no other terminal: import a newer one if there are any"
    return [peers_file.sentence(one) for one in peers] or [none]


_LAST = 253_402_300_799  # the end of the year 9999


def _when(at: int) -> str:
    """Of a time that another terminal may have made up: no year behind 9999."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(at, _LAST)))


def _duresses(settings: Settings, store: Store) -> list[Duress]:
    """Those of other terminals, as far as this one can tell."""
    secret = _site_secret(settings)
    own = kid_of(store, settings.terminal)
    return duresses(store, secret, own, now=now()) if secret else []


def _site_secret(settings: Settings) -> bytes:
    """What tells whose a check is; empty, and said so, where it cannot be read."""
    try:
        return read_secret(settings.site_secret, hint="it is made by: yardpass office terminal")
    except (Refused, Unavailable) as error:
        click.echo(f"{error}; what peers reported of holders is not checked", err=True)
        return b""


@ledger.command()
@site_option
@json_option
def fsck(site: Path, as_json: bool) -> None:
    """Check every stored entry, row and head of a terminal; exit 1 on any damage.

    Reads only. What is damaged is named, in the ledger, in the state made of it, in the feeds.
    """
    settings = load(site / FILE_NAME)
    trust = trust_of(settings)
    secret = _site_secret(settings)
    with Store(settings.store) as store:
        found = findings(store, trust, site_secret=secret, verify=verifier_of(store))
    if as_json:
        click.echo(json.dumps({"ok": not found, "findings": found}))
    else:
        for sentence in found:
            click.echo(sentence)
        if found:
            next_step = "keep the store for evidence and make the terminal anew"
            click.echo(f"{len(found)} finding(s); {next_step}", err=True)
        else:
            click.echo(f"{settings.store}: sound")
    sys.exit(1 if found else 0)


@ledger.command()
@click.argument("target", type=click.Path(path_type=Path))
@site_option
def export(target: Path, site: Path) -> None:
    """Write the terminal's ledger to TARGET, a folder or stick, or one file if it has a suffix.

    Another terminal, or this one later, can import it. On a stick goes what is known of all
    terminals' checks, too: what gossip would have carried.
    """
    settings = load(site / FILE_NAME)
    with open_replica(settings) as replica, Bars() as bars:
        note, size = replica.note(), replica.ledger().size
        if not note:
            raise Refused(f"{settings.origin} has accepted no ledger yet", reason="R-LEDGER")
        if is_folder(target):
            publish(replica, note, target, progress=lambda *at: bars("Writing", *at))
            checks = put_checks(target, settings, replica.store)
        else:
            archive.write(target, note, replica.history.bridges(), replica.bundles())
            checks = ""
    click.echo(f"wrote {target}, {size} entries of {settings.origin}{checks}")


@ledger.command()
@click.argument("source", required=False)
@site_option
def verify(source: str | None, site: Path) -> None:
    """Verify a ledger as this terminal would, from nothing; exit 1 if it is not good.

    Without SOURCE, verify the receipts of all card taps in the logs that this terminal holds, its
    own and those of its peers: each card was at that gate, at that point of its log.
    """
    settings = load(site / FILE_NAME)
    if source is None:
        _verify_taps(settings)
        return
    trust = trust_of(settings)
    with tempfile.TemporaryDirectory(prefix="yardpass-verify-") as name:
        path = Path(name) / "store.db"
        with (
            Store.create(path, origin=settings.origin, floor=0) as store,
            opened(source) as there,
            Bars() as bars,
            named(there.where),
        ):
            replica = Replica(store)
            made = Mirror(replica, pinned=trust, now=now, progress=bars).update(there)
            replay_from(replica, there, pinned=trust)  # what a snapshot stood in for
            root, where = replica.ledger().root.hex(), there.where
    click.echo(f"{where}: {settings.origin}, {made.size} entries, root {root[:16]}..., sound")


def _verify_taps(settings: Settings) -> None:
    secret = read_secret(settings.site_secret, hint="it is made by: yardpass office terminal")
    with Store(settings.store) as store:
        found = verify_taps(store, secret)
    for fault in found.faults:
        click.echo(fault, err=True)
    unknown = f", {found.unknown} of cards that no ledger here knows" if found.unknown else ""
    click.echo(f"{found.good} receipts of taps hold{unknown}, {len(found.faults)} do not")
    sys.exit(1 if found.faults else 0)
