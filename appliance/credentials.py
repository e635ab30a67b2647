"""Secrets as systemd hands them to a service: copies that its user alone reads (LoadCredential).

On a box the files themselves are root's. Knows no device and reads no secret.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from appliance.settings import Settings
from ledger_sync.keyfile import HANDED


def handed(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """The settings with each secret that this service was handed, by its file's name, in the place
    of the file; a service gets only those that it needs."""
    folder = environment.get(HANDED)
    if not folder:
        return settings

    def place(file: Path) -> Path:
        copy = Path(folder, file.name)
        return copy if copy.is_file() else file

    return replace(
        settings,
        key=place(settings.key),
        link_key=place(settings.link_key),
        site_secret=place(settings.site_secret),
    )
