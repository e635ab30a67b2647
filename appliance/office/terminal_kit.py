"""The folder a terminal starts from: its own key, the pinned policy, an empty store, settings."""

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
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    values = {**post._asdict(), "zones": ", ".join(map(str, post.zones))}
    values["camera_options"] = _CAMERA_OPTIONS.get(post.camera, "")
    text = _SITE.format(origin=office.origin, site=office.site, **values)
    files.write_once(folder / FILE_NAME, text.encode())
    try:
        settings = load(folder / FILE_NAME)
        files.write_once(settings.policy, office.policy())
        keyfile.write_key(settings.key, SigningKey(ED25519, seed))
        keyfile.write_secret(settings.site_secret, office.secret())
        Store.create(settings.store, origin=office.origin, floor=BUILD_TIME).close()
    except Exception:
        (folder / FILE_NAME).unlink(missing_ok=True)  # without settings it is no terminal
        raise
    return settings
