"""The option of all daemons: where the settings are."""

from pathlib import Path

import click

from appliance.document import FILE_NAME

BOX = Path("/var/lib/yardpass")  # where systemd/ keeps the terminal of a box


def settings_here() -> Path:
    """The settings in this folder; elsewhere on a box, the box's own."""
    here, box = Path(FILE_NAME), BOX / FILE_NAME
    return box if box.exists() and not here.exists() else here


settings_option = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    default=settings_here,
    show_default=f"{FILE_NAME} here, else that of the box",
    help="Settings of the terminal.",
)
