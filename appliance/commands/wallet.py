"""`yardpass wallet`: the phone page, served for a trial or written for a host."""

from pathlib import Path

import click

from appliance.wallet import hosting

DEFAULT_PORT = 8_443
LOOPBACK = ("127.0.0.1", "::1", "localhost")
NO_HTTPS = "phones give a page its keys only over HTTPS: put a proxy with a certificate in front"


@click.group()
def wallet() -> None:
    """The page on which a resident's phone keeps its pass and shows codes."""


@wallet.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen at.",
)
@click.option("--bind", default=LOOPBACK[0], show_default=True, help="Address to listen at.")
def serve(port: int, bind: str) -> None:
    """Serve the page for a trial until interrupted; browsers trust localhost without HTTPS."""
    with hosting.Server(bind, port) as server:
        click.echo(f"the wallet is at {server.url} until Ctrl-C")
        if bind not in LOOPBACK:
            click.echo(NO_HTTPS, err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


@wallet.command()
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Write the page to FOLDER, for any host that serves static files over HTTPS."""
    count = len(hosting.export(folder))
    click.echo(f"wrote {count} files to {folder}; next: serve it over HTTPS, with these headers:")
    for name, value in hosting.HEADERS.items():
        click.echo(f"  {name}: {value}")
