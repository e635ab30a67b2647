"""The option by which a daemon is told its settings."""

from pathlib import Path

import click

from appliance.document import FILE_NAME

settings_option = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    default=FILE_NAME,
    show_default=True,
    help="Settings of the terminal.",
)
