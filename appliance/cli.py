"""`yardpass`: the command line. Finds the command, prints what went wrong, sets the exit code.

Exit codes: 0 yes, 1 no (a refusal, a fault of a device or file), 2 misused. Commands are loaded
when they are called, so that a start costs no more than it must.
"""

import importlib
import io
import sys

import click

from appliance.version import software
from hw.errors import Refused as HardwareRefused
from hw.errors import Unavailable as HardwareUnavailable
from ledger_sync.errors import Refused, Unavailable

COMMANDS = {
    "bench": ("appliance.commands.bench:bench", "Measure the floors on this machine, as ratios."),
    "challenge": (
        "appliance.commands.challenge:challenge",
        "Show or print the number that a gate without the time asks for.",
    ),
    "check": ("appliance.commands.check:check", "Judge a code in a picture or a text file."),
    "console": (
        "appliance.commands.console:console",
        "Show what all gates see, on the guard's screen.",
    ),
    "demo": ("appliance.commands.demo:demo", "Show a whole compound on this machine."),
    "doctor": (
        "appliance.commands.doctor:doctor",
        "Examine this terminal, and say what to do.",
    ),
    "first-boot": (
        "appliance.commands.first_boot:first_boot",
        "Make this box a terminal from what the office wrote.",
    ),
    "gate": ("appliance.commands.gate:gate", "Run a terminal: camera, verdict, relay, log."),
    "ledger": ("appliance.commands.ledger:ledger", "Load and look at a terminal's ledger."),
    "office": ("appliance.commands.office:office", "Enrol, issue, revoke, publish."),
    "osdp-install": (
        "appliance.commands.osdp_install:osdp_install",
        "Give an OSDP reader a key of its own.",
    ),
    "presence": (
        "appliance.commands.presence:presence",
        "Count who is inside, name visitors who are overdue.",
    ),
    "provision": (
        "appliance.commands.provision:provision",
        "Write a stick that makes a new box a terminal.",
    ),
    "relay": ("appliance.commands.relay:relay", "Own the relay pin, for the gate to ask."),
    "sim": ("appliance.commands.sim:sim", "Stand in for a reader or a camera."),
    "simulate": (
        "appliance.commands.simulate:simulate",
        "Let terminals gossip under faults, from seeds.",
    ),
    "sync": ("appliance.commands.sync:sync", "Exchange checks with the other terminals."),
    "update": (
        "appliance.commands.update:update",
        "Bring a new system onto this box, or go back.",
    ),
    "wallet": ("appliance.commands.wallet:wallet", "Serve or export the page for phones."),
}


class _Lazy(click.Group):
    """A group whose commands live in modules that are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


def _tell_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        click.echo(software())
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_tell_version,
    help="Show the version and exit.",
)  # fmt: skip
def cli() -> None:
    """Yardpass: a gate terminal that verifies signed passes offline.

    Try `yardpass demo`. Exit codes: 0 yes, 1 no, 2 misused.
    """


def main() -> None:
    """The entry point: runs the command and turns errors into one clear message."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console that knows no such letter
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(1)
    except (Refused, Unavailable, HardwareRefused, HardwareUnavailable) as error:
        click.echo(f"yardpass: {error}", err=True)
        sys.exit(1)
