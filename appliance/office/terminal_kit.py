"""The folder a terminal starts from: its own key, the pinned policy, an empty store, settings."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.gate.identity import keys_of
from appliance.office import auditor
from appliance.office.office import Office
from appliance.passes.terminal_text import Enrolment
from appliance.settings import FILE_NAME, Settings, load
from appliance.version import BUILD_TIME
from ledger_sync import entries, files, keyfile
from ledger_sync.errors import Refused
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
store = "{store}"
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
{relay_options}
[relayd]
pin = {pin}                         # BCM number, 9 to 27; only yardpass relay drives it
{relayd_options}
[eye]
deadline_ms = 1000               # a picture that takes longer is dropped, its decoder killed
engines = ["zxing", "zbar"]
"""

ROLE = "gate"  # what its entry in the ledger says it is
PICTURES = "pictures"  # the folder that stands in for a camera
_CAMERA_OPTIONS = {"files": f'paths = ["{PICTURES}"]           # files, or folders of them\n'}
_RELAYS = {"gpio": "relayd"}


class Place(NamedTuple):
    """Where a terminal's processes find each other: a folder of one user, or a box, where each
    process is a user of its own."""

    store: str = "store.db"
    relay_options: str = ""
    relayd_options: str = ""


FOLDER = Place()
BOX = Place(
    "store/store.db",
    'socket = "/run/yardpass-relay/relay.sock"\n',
    'users = ["yardpass-gate"]         # who may ask, beside root\n',
)


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

    Raises `Refused` if the folder holds a terminal already, for a fault in the names, and if the
    ledger names another terminal so.
    """
    text = settings_text(office, post)
    secret = office.secret()
    files.make_folder(folder, mode=0o750)
    key, link, made = keys_of(post.name, seed)

    def finish(path: Path) -> None:
        _write_settings(path, text)
        try:
            _check_free(office, post.name, key.public.raw)
            named = (post.name, key.public, post.gate, ROLE, made, post.addresses or None)
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
    if post.camera == "files":
        files.make_folder(folder / PICTURES)
    return load(folder / FILE_NAME)


def settings_text(office: Office, post: Post, place: Place = FOLDER) -> str:
    """The settings file of a terminal."""
    given = {**post._asdict(), "relay": _RELAYS.get(post.relay, post.relay), "pin": [post.pin]}
    values = {key: _toml(value) for key, value in given.items() if key != "addresses"}
    values["camera_options"] = _CAMERA_OPTIONS.get(post.camera, "")
    is_sim = values["relay"] == "sim"  # which has no socket
    here = place._replace(relay_options="") if is_sim else place
    return _SITE.format(origin=office.origin, site=office.site, **values, **here._asdict())


def enrol(office: Office, enrolment: Enrolment) -> None:
    """Names a terminal that made its keys itself in the ledger. Raises `Refused` (R-LEDGER) if it
    believes another authority than this one, or the ledger refuses it."""
    with office.authority.book() as book:
        digest = book.pinned.digest
    _check_free(office, enrolment.name, enrolment.key.raw)
    if not digest.startswith(enrolment.genesis):
        what = f"{enrolment.name} believes another genesis policy than this office's"
        raise Refused(f"{what}; provision it from this office", reason="R-LEDGER")
    named = (enrolment.name, enrolment.key, enrolment.gate, ROLE, enrolment.certificate)
    office.add(entries.Terminal(*named, enrolment.addresses or None))


def _check_free(office: Office, name: str, key: bytes) -> None:
    """Raises `Refused` (R-LEDGER) if another terminal has the name: it would be heard no more."""
    with office.authority.book() as book:
        row = book.store.row("SELECT key FROM terminal WHERE name = ?", name)
    if row is not None and bytes(row[0]) != key:
        what = f"the ledger names a terminal {name} with another key"
        step = f"if that box is gone: yardpass office gone {name}"
        raise Refused(f"{what}; {step}", reason="R-LEDGER")


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
