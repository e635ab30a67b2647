"""`yardpass provision` and `first-boot`: from the office to a new box without typing."""

from pathlib import Path
from typing import Any

import click

from appliance.commands.ledger_options import now
from appliance.commands.office_options import FILE, open_office
from appliance.commands.office_terminal import post_options
from appliance.gate.identity import fingerprint
from appliance.office.terminal_kit import Post
from appliance.provision import network, writer
from appliance.provision.network import Network
from appliance.provision.writer import Extras
from ledger_sync import files

MAX_TEXT = 16_384  # bytes of wiring, of keys
MAX_PASSWORD = 128


@click.command()
@click.argument("folder", type=FILE)
@click.option(
    "--site",
    "--office",
    "office",
    type=FILE,
    default="office",
    show_default=True,
    help="Folder of the office.",
)
@post_options(are_needed=True)
@click.option(
    "--wiring", type=FILE, help="Tables for its settings: readers, inputs, lamps, relay."
)
@click.option("--ledger", type=FILE, help="Ledger in one file; else what was published last.")
@click.option(
    "--guards", type=FILE, help="Folder with keys of guards, as office guard --to makes it."
)
@click.option("--wifi", metavar="SSID", help="Wi-Fi network (WPA2); else a cable.")
@click.option("--wifi-password", type=FILE, metavar="FILE", help="File with its password.")
@click.option(
    "--ip", default="", metavar="CIDR", help="Fixed address, such as 10.0.0.5/24; else DHCP."
)
@click.option("--gateway", default="", metavar="ADDRESS", help="Router of that network.")
@click.option("--dns", multiple=True, metavar="ADDRESS", help="Name server; repeat.")
@click.option(
    "--ssh-key",
    "ssh_keys",
    type=FILE,
    multiple=True,
    help="Public key (.pub) that may log in; repeat. Without one, ssh is off.",
)
def provision(
    folder: Path,
    office: Path,
    zones: tuple[int, ...],
    wiring: Path | None,
    ledger: Path | None,
    guards: Path | None,
    ssh_keys: tuple[Path, ...],
    **given: Any,
) -> None:
    """Write FOLDER for a new box: onto a stick, or the boot partition of its card.

    The box takes it at its first boot, makes its own keys, and shows a code for `office terminal
    NAME --enrol CODE`. FOLDER holds the site's secret until then: do not leave it about.
    """
    names = ("wifi", "wifi_password", "ip", "gateway", "dns")
    reached = _network(*(given.pop(name) for name in names))
    extras = Extras(
        wiring=_text(wiring).decode("utf-8-sig", "replace") if wiring else "",
        network=reached,
        ssh=b"\n".join(_text(key) for key in ssh_keys),
        ledger=ledger,
        guards=guards,
    )
    post = Post(zones=list(zones), **given)
    genesis = writer.write(open_office(office), folder, post, extras, now=now)
    click.echo(f"{folder} is for {post.name}; genesis policy {fingerprint(genesis)}")
    click.echo("the box must show the same; it holds the site's secret until the box has taken it")


def _text(file: Path) -> bytes:
    return files.read_bounded(file, MAX_TEXT, hint="give the name of a file")


def _network(
    ssid: str | None, password: Path | None, address: str, gateway: str, dns: tuple[str, ...]
) -> Network | None:
    if password and not ssid:
        raise click.UsageError("--wifi-password goes with --wifi SSID")
    if not (ssid or address or gateway or dns):
        return None
    psk = ""
    if ssid and password:
        text = files.read_bounded(password, MAX_PASSWORD, hint="a file with the password alone")
        psk = network.psk_of(ssid, text.decode(errors="replace").rstrip("\r\n"))
    told = Network(ssid or "", psk, address, gateway, tuple(dns))
    return network.checked(told._asdict())
