"""The box's side: takes a parcel, makes its own keys, becomes a terminal.

Everything is verified before the first byte is written. What is written is not a terminal before
its settings stand there, which come last; a marker tells the leftovers of a start that was cut off
from a terminal that lost its settings, and only those are cleared.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.gate import guard_keys
from appliance.gate.exchange import PUBLIC_KEY
from appliance.gate.identity import keys_of
from appliance.passes import terminal_text
from appliance.provision import network, parcel, ssh_keys
from appliance.provision.first_ledger import Now, make_store
from appliance.provision.parcel import Parcel
from appliance.settings import FILE_NAME, Settings, load
from ledger_sync import files, keyfile
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.sealing import auditor_key_of
from ledger_sync.trust import Trust, pinned

BEGUN = ".first-boot"  # while a parcel is being taken
ENROLMENT = "enrolment.txt"  # the code for the office, in the terminal and on the stick
STORE = "store/store.db"
NETWORK, SSH = "network", "ssh"  # folders
GUARDS = guard_keys.FOLDER
MADE = (
    *("genesis.policy", "auditor.pub", "link.crt", PUBLIC_KEY, ENROLMENT),
    *("site.secret", "terminal.key", "link.key"),
)
"""Files of a terminal beside its settings, its store and its folders."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a box has become. `genesis` is for people to compare."""

    terminal: str
    origin: str
    genesis: bytes
    code: bytes
    entries: int


def take(place: Path, home: Path, *, seed: bytes, now: Now) -> Taken:
    """Makes the terminal in `home` from the parcel in `place`. `seed` is 32 random bytes.

    Raises `Refused` if `home` is a terminal already or the parcel is not what it says,
    `Unavailable` if it cannot be read or written. Then nothing has changed.
    """
    check_free(home)
    found = parcel.opened(place)
    trust = _verified(found)
    mask = os.umask(0o022)  # the services, other users, read what is no secret
    try:
        code, entries = _made(found, trust, home, seed, now)
    finally:
        os.umask(mask)
    listed = found.listed
    return Taken(listed.terminal, listed.origin, listed.genesis, code, entries)


def _made(found: Parcel, trust: Trust, home: Path, seed: bytes, now: Now) -> tuple[bytes, int]:
    """All of it, or nothing."""
    _clear(home)
    files.make_folder(home)
    files.make_folder(home / "store", mode=0o770)
    files.replace(home / BEGUN, b"a parcel is being taken\n")
    try:
        made = _make(found, trust, home, seed, now)
    except BaseException:
        _clear(home)
        raise
    (home / BEGUN).unlink()
    files.sync_folder(home)
    return made


def check_free(home: Path) -> None:
    """Raises `Refused` if `home` is a terminal, or parts of one that nobody should clear."""
    if (home / FILE_NAME).exists():
        step = "to begin anew, reset it: yardpass update factory-reset"
        raise Refused(f"{home} is a terminal already; {step}", reason="R-SETTINGS")
    parts = [name for name in (*MADE, STORE) if (home / name).exists()]
    if parts and not (home / BEGUN).exists():
        what = f"{home} holds {', '.join(parts)} but no {FILE_NAME}: a terminal that was damaged"
        step = "keep it for evidence, then reset it: yardpass update factory-reset"
        raise Refused(f"{what}; {step}", reason="R-SETTINGS")


def _verified(found: Parcel) -> Trust:
    """Everything in the parcel that can be wrong, before anything is written."""
    data, listed = found.data, found.listed
    trust = pinned(data["genesis.policy"], listed.origin)
    if trust.digest != listed.genesis:
        what = "the genesis policy is not the one that the parcel names"
        raise Refused(f"{what}; {parcel.HINT}", reason="R-LEDGER")
    keyfile.secret_in(data["site.secret"], hint=parcel.HINT)
    if data["auditor.pub"]:
        _auditor(data["auditor.pub"])
    if "network.json" in data:
        network.network_in(data["network.json"])
    if "authorized_keys" in data:
        ssh_keys.keys_in(data["authorized_keys"])
    return trust


def _auditor(data: bytes) -> None:
    try:
        auditor_key_of(bytes.fromhex(data.decode("ascii").strip()))
    except (ValueError, UnicodeDecodeError):
        raise Refused(f"auditor.pub is no key; {parcel.HINT}", reason="R-SETTINGS") from None


def _make(found: Parcel, trust: Trust, home: Path, seed: bytes, now: Now) -> tuple[bytes, int]:
    listed, data = found.listed, found.data
    key, link, certificate = keys_of(listed.terminal, seed)
    code = terminal_text.text_of(
        listed.terminal, listed.gate, listed.addresses, listed.genesis, key, link
    )
    public = key.public.raw.hex().encode() + b"\n"
    entries = make_store(home / STORE, listed.origin, found.ledger, trust, now)
    parts: dict[str, Callable[[Path], object]] = {
        "genesis.policy": partial(files.write_once, data=data["genesis.policy"]),
        "auditor.pub": partial(files.write_once, data=data["auditor.pub"]),
        "link.crt": partial(files.write_once, data=certificate),
        PUBLIC_KEY: partial(files.write_once, data=public),
        ENROLMENT: partial(files.write_once, data=code + b"\n"),
        "site.secret": partial(files.write_once, data=data["site.secret"], mode=0o600),
        "terminal.key": partial(keyfile.write_key, key=key),
        "link.key": partial(keyfile.write_key, key=link),
        **_surroundings(home, data, found.guards),
        FILE_NAME: partial(_finish, data=data[FILE_NAME], listed=listed),
    }
    files.make_all(home, parts)
    return code, entries


def _surroundings(
    home: Path, data: dict[str, bytes], guards: dict[str, bytes]
) -> dict[str, Callable[[Path], object]]:
    """Who works at the box, how it is reached, and who may log in: nobody without a key."""
    parts: dict[str, Callable[[Path], object]] = {}
    if "network.json" in data:
        name, text = network.keyfile_of(network.network_in(data["network.json"]))
        files.make_folder(home / NETWORK, mode=0o700)
        parts[f"{NETWORK}/{name}"] = partial(files.write_once, data=text.encode(), mode=0o600)
    for name, sealed in guards.items():
        files.make_folder(home / GUARDS, mode=0o750)
        parts[f"{GUARDS}/{name}"] = partial(files.write_once, data=sealed, mode=0o600)
    if "authorized_keys" in data:
        keys = "\n".join(ssh_keys.keys_in(data["authorized_keys"])) + "\n"
        files.make_folder(home / SSH)
        parts[f"{SSH}/authorized_keys"] = partial(files.write_once, data=keys.encode())
    return parts


def _finish(path: Path, *, data: bytes, listed: parcel.Listed) -> None:
    """The settings come last, and only if they can be read: now it is a terminal."""
    files.write_once(path, data)
    try:
        settings = load(path, has_devices=False)
        _check_names(settings, listed)
    except BaseException:
        path.unlink()
        raise


def _check_names(settings: Settings, listed: parcel.Listed) -> None:
    found = (settings.origin, settings.terminal, settings.gate.name)
    wanted = (listed.origin, listed.terminal, listed.gate)
    if found != wanted:
        what = f"the settings are of {' '.join(found)}, the parcel of {' '.join(wanted)}"
        raise Refused(f"{what}; {parcel.HINT}", reason="R-SETTINGS")


def _clear(home: Path) -> None:
    """Takes away what a start left that did not come to its end."""
    if not (home / BEGUN).exists():
        return
    try:
        for name in (FILE_NAME, *MADE, *(STORE + end for end in ("", "-wal", "-shm"))):
            (home / name).unlink(missing_ok=True)
        for name in (NETWORK, SSH):
            if (home / name).exists():
                shutil.rmtree(home / name)
        for path in (home / GUARDS).glob("*"):  # the folder itself belongs to the console
            path.unlink()
        (home / BEGUN).unlink()
        files.sync_folder(home)
    except OSError as error:
        raise Unavailable(f"{home} cannot be cleared ({error}); check the disk") from error


def give_back(place: Path, code: bytes) -> bool:
    """Leaves the enrolment code on the stick and wipes its secrets. False if it cannot be written:
    then whoever holds it holds them still."""
    try:
        for path in place.iterdir():
            if path.name in parcel.SECRET or parcel.GUARD.fullmatch(path.name):
                _wipe(path)
        files.replace(place / ENROLMENT, code + b"\n")
        (place / parcel.LIST).unlink()  # it is no parcel any more, for no other box
    except (OSError, Unavailable, Refused):
        return False
    return True


def _wipe(path: Path) -> None:
    """Zeros over the bytes, then the name goes. What a flash chip keeps of them, nobody knows."""
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
    with suppress(OSError):
        path.unlink()
