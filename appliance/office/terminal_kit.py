"""The folder a terminal starts from: its own key, the pinned policy, an empty store, settings."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.office.office import Office
from appliance.settings import FILE_NAME, Settings, load
from appliance.version import BUILD_TIME
from ledger_sync import files, keyfile
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.store import Store

_SITE = """\
# Settings of one terminal. Every fault in here is reported at the start, with its line.

[site]
origin = "{origin}"      # the ledger this terminal believes, pinned
audience = "{site}"            # what codes must be made for

[terminal]
name = "{name}"
gate = "{gate}"
direction = "{direction}"                # in or out; the way out is never blocked
zones = [{zones}]                      # zones this gate leads to, 0 to 52

[files]
policy = "policy.txt"
store = "store.db"
key = "terminal.key"
site_secret = "site.secret"

[camera]
driver = "{camera}"              # files, v4l2 or picamera2
{camera_options}
[relay]
driver = "{relay}"                 # gpio on the Pi; sim moves nothing
pulse_ms = 700

[eye]
deadline_ms = 1000               # a picture that takes longer is dropped, its decoder killed
engines = ["zxing", "zbar"]
"""

_CAMERA_OPTIONS = {"files": 'paths = ["pictures"]           # files, or folders of them\n'}


class Post(NamedTuple):
    """Where a terminal stands: its name, its gate, which way it leads, to which zones."""

    name: str
    gate: str
    direction: str
    zones: list[int]
    camera: str = "files"
    relay: str = "sim"


def make(office: Office, folder: Path, post: Post, *, seed: bytes) -> Settings:
    """Makes the folder and gives its settings. `seed` is 32 random bytes for the terminal's key.

    Raises `Refused` if the folder holds a terminal already, or for a fault in the names.
    """
    values = {key: _toml(value) for key, value in post._asdict().items()}
    values["camera_options"] = _CAMERA_OPTIONS.get(post.camera, "")
    text = _SITE.format(origin=office.origin, site=office.site, **values)
    secret = office.secret()
    files.make_folder(folder, mode=0o750)
    parts: dict[str, Callable[[Path], object]] = {
        "policy.txt": partial(files.write_once, data=office.policy()),
        "terminal.key": partial(keyfile.write_key, key=SigningKey(ED25519, seed)),
        "site.secret": partial(keyfile.write_secret, secret=secret),
        "store.db": lambda path: _make_store(path, office.origin),
        FILE_NAME: lambda path: _write_settings(path, text),  # last: without it, no terminal
    }
    files.make_all(folder, parts)
    return load(folder / FILE_NAME)


def _toml(value: str | list[int]) -> str:
    """The value between its quotes or brackets; what JSON escapes, TOML escapes alike."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _make_store(path: Path, origin: str) -> None:
    Store.create(path, origin=origin, floor=BUILD_TIME).close()


def _write_settings(path: Path, text: str) -> None:
    files.write_once(path, text.encode(errors="replace"))
    try:
        load(path)
    except BaseException:
        path.unlink()
        raise
