"""The office's side: writes the folder that a new box takes. Its keys are not in it: the box makes
them."""

import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from appliance import relay_settings
from appliance.gate import guard_keys
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.office.terminal_kit import BOX, Post
from appliance.provision import network, parcel, pins, ssh_keys
from appliance.provision.first_ledger import Now, make_store
from appliance.provision.network import Network
from appliance.provision.parcel import LEDGER, LIST, Listed
from appliance.provision.wiring import Laid, laid
from appliance.settings import load
from ledger_sync import files, keyfile
from ledger_sync.archive import TooLarge, is_archive
from ledger_sync.errors import Refused
from ledger_sync.trust import Trust

MAX_OWN_LEDGER = 8 << 20  # bytes of what the office published; more comes over the network


class Extras(NamedTuple):
    """What a parcel may hold beside the terminal: more tables for its settings (readers, inputs,
    lamps), its network, keys that may log in, the ledger as one file instead of what the office
    published last, guards' keys."""

    wiring: str = ""
    network: Network | None = None
    ssh: bytes = b""
    ledger: Path | None = None
    guards: Path | None = None


def write(office: Office, folder: Path, post: Post, extras: Extras, *, now: Now) -> bytes:
    """Writes the parcel and gives the digest of the genesis policy. Raises `Refused` for faults in
    the names, the wiring, the ledger or the keys, and if the folder holds anything."""
    data = _data(office, post, extras)
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} holds other things; give a new folder, or empty it")
    with office.authority.book() as book:
        trust = book.pinned
    if extras.ledger is not None:
        _check_ledger(extras.ledger, office.origin, trust, now)
    files.make_folder(folder, mode=0o700)
    genesis = trust.digest
    held = {name: (len(one), hashlib.sha256(one).hexdigest()) for name, one in data.items()}
    for name, one in data.items():
        files.replace(folder / name, one, mode=0o600)
    if extras.ledger is not None:
        held[LEDGER] = _copied(extras.ledger, folder / LEDGER)
    elif _has_published(office, folder / LEDGER):
        held[LEDGER] = parcel.digest_of(folder / LEDGER)
    listed = Listed(office.origin, post.name, post.gate, post.addresses, genesis, held)
    files.replace(folder / LIST, parcel.text_of(listed), mode=0o600)  # last: now it is one
    return genesis


def _has_published(office: Office, target: Path) -> bool:
    """Whether the ledger as it was published last is there now."""
    try:
        return office.authority.write_published(target, MAX_OWN_LEDGER)
    except TooLarge:
        return False


def _data(office: Office, post: Post, extras: Extras) -> dict[str, bytes]:
    text = terminal_kit.settings_text(office, post, BOX)
    whole = laid(text, extras.wiring)
    _check(whole)
    data = {
        "site.toml": whole.text.encode(),
        "genesis.policy": office.authority.genesis(),
        "auditor.pub": office.auditor(),
        "site.secret": keyfile.plain_secret(office.secret()),
    }
    if extras.network is not None:
        data["network.json"] = network.text_of(extras.network).encode()
    if extras.guards is not None:
        data |= _guards(extras.guards)
    if extras.ssh:
        data["authorized_keys"] = ("\n".join(ssh_keys.keys_in(extras.ssh)) + "\n").encode()
    return data


def _guards(folder: Path) -> dict[str, bytes]:
    """Both files of each guard whose keys are in the folder, or in its folder `guards`, sealed as
    they are."""
    if not guard_keys.names(folder):
        folder /= guard_keys.FOLDER
    found = {}
    for name in guard_keys.names(folder):
        for path in guard_keys.paths(folder, name):
            if not keyfile.is_sealed(path, hint=guard_keys.HINT):
                raise Refused(f"{path} is not sealed; {guard_keys.HINT}", reason="R-SETTINGS")
            found[path.name] = keyfile.read_private(path, hint=guard_keys.HINT)
    if not found:
        raise Refused(f"{folder} holds no guard's key; {guard_keys.HINT}", reason="R-SETTINGS")
    return found


def _check(whole: Laid) -> None:
    """The settings are looked at as the box will: all but whether its devices are there."""
    with TemporaryDirectory() as place:
        file = Path(place) / "site.toml"
        file.write_text(whole.text, encoding="utf-8")
        try:
            settings = load(file)
            is_driven = settings.relay.name == "relayd"
            pins.check(settings.outfit, relay_settings.load(file).pin.pin if is_driven else None)
        except Refused as refused:
            what = whole.told(str(refused), str(file))
            raise Refused(what, reason=refused.reason) from None


def _check_ledger(source: Path, origin: str, trust: Trust, now: Now) -> None:
    """The ledger is taken in as the box will."""
    if not is_archive(source):
        step = "make one with: yardpass office publish ledger.yardpass"
        raise Refused(f"{source} is no ledger in one file; {step}", reason="R-LEDGER")
    if source.stat().st_size > parcel.MAX_LEDGER:
        what = f"{source} has more than {parcel.MAX_LEDGER >> 20} MiB"
        raise Refused(f"{what}; leave it out, the box hears the ledger from its peers")
    with TemporaryDirectory() as place:
        make_store(Path(place) / "store.db", origin, source, trust, now)


def _copied(source: Path, target: Path) -> tuple[int, str]:
    shutil.copyfile(source, target)
    return parcel.digest_of(target)
