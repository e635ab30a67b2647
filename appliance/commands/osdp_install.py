"""`yardpass osdp-install`: gives an OSDP reader a key of its own. For technicians."""

import os
import secrets
from contextlib import closing
from pathlib import Path

import click

from hw.readers.osdp import BAUDS
from hw.readers.osdp_install import install
from hw.readers.osdp_key import KEY_BYTES, is_weak, text_of
from hw.readers.osdp_line import SerialLine
from ledger_sync import files
from ledger_sync.errors import Refused, Unavailable

_NEXT = """\
the reader proves its key; it is in {path}, which only its owner may read
next: give the file to the user that runs the gate (chown), and say in the reader's settings
  port = "{port}"
  address = {address}
  baud = {baud}
  key = "{path}"
then start the gate and hold a card to the reader"""


@click.command("osdp-install")
@click.option("--settings-port", "port", required=True, help="Serial port, as in the settings.")
@click.option(
    "--address", type=click.IntRange(0, 126), required=True, help="The reader's address."
)
@click.option(
    "--baud", type=click.Choice([str(baud) for baud in BAUDS]), default="9600", show_default=True,
    help="The reader's speed.",
)  # fmt: skip
@click.option(
    "--key", "path", type=click.Path(path_type=Path), required=True,
    help="File to be made for the key; never one that is there.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.IntRange(2, 600), default=60, show_default=True,
    help="How long install mode lasts at most.",
)  # fmt: skip
def osdp_install(port: str, address: int, baud: str, path: Path, seconds: int) -> None:
    """Set a new random key in an OSDP reader that waits for one, prove it, write it to a file.

    Whoever listens to the wire meanwhile has the key: wire the reader straight to this machine.
    Put the reader into install mode before; its maker says how. Stop the gate: a port has one
    user. When it fails nothing is written.
    """
    _check(path)
    key = _new_key()
    click.echo(f"looking for the reader at address {address} on {port}, {seconds} s at most")
    with closing(SerialLine(port, int(baud))) as line:
        install(line, address=address, key=key, seconds=seconds, say=click.echo)
    try:
        files.write_once(path, text_of(key), mode=0o600)
    except (Refused, Unavailable) as error:
        raise Unavailable(
            f"{error}; the reader has a key now that nobody knows: reset it and begin again"
        ) from error
    click.echo(_NEXT.format(port=port, address=address, baud=baud, path=path.resolve()))


def _check(path: Path) -> None:
    """Before the reader is told anything: nothing there, and a place to write to."""
    if os.path.lexists(path):
        raise Refused(
            f"{path} is there already; give another name, or move it away if the reader was reset",
            reason="R-SETTINGS",
        )
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Unavailable(
            f"nothing can be written in {path.parent}; check the path and its rights"
        )


def _new_key() -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    return _new_key() if is_weak(key) else key
