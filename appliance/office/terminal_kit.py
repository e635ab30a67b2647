"""The folder a terminal starts from: its own key, the pinned policy, an empty store, settings."""

import hmac
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.office import auditor
from appliance.office.office import Office
from appliance.settings import FILE_NAME, Settings, load
from appliance.version import BUILD_TIME
from ledger_sync import certificate, entries, files, keyfile
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
policy = "genesis.policy"        # whom it believes at first, pinned
store = "store.db"
key = "terminal.key"
site_secret = "site.secret"
link_key = "link.key"            # secures its links to the other terminals
certificate = "link.crt"         # as the ledger names it
auditor = "auditor.pub"          # who alone can read who passed

[sync]
listen = "{listen}"       # where other terminals reach this one

[camera]
driver = "{camera}"              # files, v4l2 or picamera2
{camera_options}
[relay]
driver = "{relay}"                 # relayd moves the pin below; sim moves nothing
pulse_ms = 700

[relayd]
pin = {pin}                         # BCM number, 9 to 27; only yardpass relay drives it

[eye]
deadline_ms = 1000               # a picture that takes longer is dropped, its decoder killed
engines = ["zxing", "zbar"]
"""

_LINK_PURPOSE = b"yardpass/link/v1"
ROLE = "gate"  # what its entry in the ledger says it is
_CAMERA_OPTIONS = {"files": 'paths = ["pictures"]           # files, or folders of them\n'}
_RELAYS = {"gpio": "relayd"}


class Post(NamedTuple):
    """Where a terminal stands: its name, its gate, which way it leads, to which zones.

    `addresses` are those the other terminals find it at (host:port), `listen` its own side.
    `relay` is "gpio" for a relay on `pin`, which relayd drives, or a driver's name.
    """

    name: str
    gate: str
    direction: str
    zones: list[int]
    camera: str = "files"
    relay: str = "sim"
    listen: str = "0.0.0.0:7461"
    addresses: tuple[str, ...] = ()
    pin: int = 17


def make(office: Office, folder: Path, post: Post, *, seed: bytes) -> Settings:
    """Makes the folder, names the terminal in the ledger, and gives its settings. `seed` is 32
    random bytes for its key.

    Raises `Refused` if the folder holds a terminal already, or for a fault in the names.
    """
    given = {**post._asdict(), "relay": _RELAYS.get(post.relay, post.relay), "pin": [post.pin]}
    values = {key: _toml(value) for key, value in given.items() if key != "addresses"}
    values["camera_options"] = _CAMERA_OPTIONS.get(post.camera, "")
    text = _SITE.format(origin=office.origin, site=office.site, **values)
    secret = office.secret()
    files.make_folder(folder, mode=0o750)
    key = SigningKey(ED25519, seed)
    link = SigningKey(ED25519, hmac.digest(seed, _LINK_PURPOSE, "sha256"))
    made = certificate.make(post.name, link.seed)

    def finish(path: Path) -> None:
        _write_settings(path, text)
        try:
            addresses = post.addresses or None
            named = (post.name, key.public, post.gate, ROLE, made, addresses)
            office.add(entries.Terminal(*named))
        except BaseException:
            path.unlink()
            raise

    parts: dict[str, Callable[[Path], object]] = {
        "genesis.policy": partial(files.write_once, data=office.authority.genesis()),
        "terminal.key": partial(keyfile.write_key, key=key),
        "site.secret": partial(keyfile.write_secret, secret=secret),
        "link.key": partial(keyfile.write_key, key=link),
        "link.crt": partial(files.write_once, data=made),
        auditor.PUBLIC: partial(files.write_once, data=office.auditor()),
        "store.db": lambda path: _make_store(path, office.origin),
        FILE_NAME: finish,  # last: without it, no terminal
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
