"""What the commands of `yardpass ledger` share: their options, their clock, how they name what is
wrong."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from appliance.commands.settings_option import settings_here
from ledger_sync.accept import Forked
from ledger_sync.errors import Refused

site_option = click.option(
    "--site",
    type=click.Path(path_type=Path),
    default=lambda: settings_here().parent,
    show_default="this folder, else that of the box",
    help="Folder of a terminal.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def now() -> int:
    return int(time.time())


@contextmanager
def named(where: str) -> Iterator[None]:
    """Puts what was looked at before what is wrong with it."""
    try:
        yield
    except Forked as forked:
        raise Forked(f"{where}: {forked}") from None
    except Refused as refused:
        raise Refused(f"{where}: {refused}", reason=refused.reason) from None
