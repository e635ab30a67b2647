"""`yardpass office`: publishing. Policies, checkpoints, cosigners here and elsewhere."""

import secrets
from pathlib import Path

import click

from appliance.commands.bars import Bars
from appliance.commands.dry_run import rehearsable
from appliance.commands.office_options import (
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
from appliance.commands.sources import is_folder, opened
from appliance.office import moment, unlock, updating
from appliance.version import BUILD_TIME
from ledger_sync import archive, files
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SEED_BYTES, SigningKey
from ledger_sync.trust import MAX_GENESIS


@click.command()
@folder_option
@click.option("--new-log", is_flag=True, help="Move the log on to its announced key, too.")
@seal_options("Seal the keys that are announced next, in an office whose keys are plain.")
@terms_options
@rehearsable()
def rotate(
    folder: Path,
    new_log: bool,
    passphrase: bool,
    plain: bool,
    local: tuple[str, ...],
    remote: tuple[str, ...],
    quorum: int | None,
) -> None:
    """Add the next policy: root keys move on to those announced, cosigners change if named."""
    if quorum and not (local or remote):
        raise click.UsageError("--quorum goes with the names of all cosigners")
    terms = terms_of(local, remote, quorum) if local or remote else None
    authority = open_office(folder).authority
    own = authority.passphrase
    seal = seal_of(own, lambda: own() or unlock.choose(), passphrase=passphrase, plain=plain)
    version = authority.rotate(terms, secrets.token_bytes, new_log=new_log, seal=seal)
    click.echo(f"policy {version}; {PUBLISH}")


@click.command()
@folder_option
@click.argument("target", type=FILE)
@click.option(
    "--cosignature",
    "lines",
    type=FILE,
    multiple=True,
    help="Line from a cosigner elsewhere; repeat.",
)
@click.option(
    "--draft", is_flag=True, help="Write what cosigners elsewhere must see, no checkpoint."
)
@click.option(
    "--clock-is-right", is_flag=True, help="Sign at a time years ahead of what is known."
)
@rehearsable("target")
def publish(
    folder: Path, target: Path, lines: tuple[Path, ...], draft: bool, clock_is_right: bool
) -> None:
    """Sign the log as it is now and write the ledger to TARGET.

    TARGET is a folder of static files (C2SP tlog-tiles) for a web server or a stick, or, with a
    suffix such as .ledger, one file. Terminals import either.
    """
    authority = open_office(folder).authority
    if draft:
        authority.publish_draft(target)
        click.echo(f"wrote the draft to {target}; next: yardpass office cosign")
        return
    texts = [line_in(one) for one in lines]
    if not clock_is_right:
        moment.check(now(), max(BUILD_TIME, authority.heard_at()))
    with Bars() as bars:
        made = authority.checkpoint(now, texts, progress=bars)
        if is_folder(target):
            authority.publish(made, target, progress=bars)
        else:
            with authority.book() as book:
                bridges = book.replica.history.bridges()
                archive.write(target, made, bridges, book.replica.bundles())
    click.echo(f"wrote {target}; next: yardpass ledger import {target} --site FOLDER")


@click.command()
@folder_option
@click.argument("bundle", type=FILE)
@click.argument("target", type=FILE)
@click.option(
    "--url",
    "places",
    multiple=True,
    metavar="URL",
    help="Where boxes find TARGET on the web; repeat, at most 7.",
)
@rehearsable("target")
def update(folder: Path, bundle: Path, target: Path, places: tuple[str, ...]) -> None:
    """Name an update of boxes in the ledger, and put its file where the ledger is published.

    BUNDLE is what yardpass-image bundle made; TARGET the folder of the published ledger. The
    ledger says its version, hash and length; boxes of its kind with [update] automatic = true
    fetch it from URL and install it when nobody is there, if the maker of their images signed it.
    """
    made = updating.publish(open_office(folder).authority, bundle, target, places)
    click.echo(
        f"update {made.version} for {made.kind}, {made.length >> 20} MiB; {PUBLISH} {target}"
    )
    if not places:
        tell("no --url: boxes cannot fetch it; give one, or bring it by a stick")


def line_in(file: Path) -> str:
    """The signature line in a file, as `cosign` printed it, however its end came along."""
    data = files.read_bounded(file, 4_096, hint="yardpass office cosign prints one")
    return data.decode(errors="replace").strip() + "\n"


@click.command()
@click.argument("target", type=FILE)
@click.option("--name", required=True, help="Name of the cosigner, letters and digits.")
@click.option("--site", required=True, help="Short name of the compound, e.g. hz07.")
@click.option("--passphrase", is_flag=True, help="Seal its private key with a passphrase.")
@rehearsable("target")
def cosigner(target: Path, name: str, site: str, passphrase: bool) -> None:
    """Make the folder TARGET of a cosigner, at the party that shall run it; print its key."""
    if not name.isalnum():
        raise click.UsageError("--name takes letters and digits")
    origin = f"yardpass/{site.lower()}"
    made = Cosigner.create(
        target,
        name=f"{origin}/{name}",
        origin=origin,
        key=SigningKey(ED25519, secrets.token_bytes(SEED_BYTES)),
        passphrase=unlock.choose() if passphrase else None,
    )
    click.echo(f"{name}={made.vkey(unlock.ask)}")
    tell("give this line to the office: yardpass office init --cosigner ...")


@click.command()
@click.argument("target", type=FILE)
@click.argument("source")
@click.option("--genesis", type=FILE, help="The office's genesis.policy, at the first time.")
@click.option("--out", type=FILE, help="File for the signature line; stdout without.")
@rehearsable("target", "out")
def cosign(target: Path, source: str, genesis: Path | None, out: Path | None) -> None:
    """Let the cosigner in TARGET replay the draft that SOURCE shows, and sign it if all is well.

    SOURCE is a folder or a web address that `publish --draft` wrote to.
    """
    one = Cosigner.open(target)
    if not genesis and not (target / "genesis.policy").exists():
        raise Refused(
            f"{target} cosigns for nobody yet; give the office's --genesis", reason="R-SETTINGS"
        )
    if genesis:
        one.pin(files.read_bounded(genesis, MAX_GENESIS, hint="the office has it"))
    with opened(source) as files_there, Bars() as bars:
        line = one.cosign(files_there, now=now, progress=bars, passphrase=unlock.ask)
    if out:
        files.replace(out, line.encode())
    else:
        click.echo(line, nl=False)
    tell(f"cosigned; give the line to: yardpass office publish --cosignature {out or 'FILE'}")
