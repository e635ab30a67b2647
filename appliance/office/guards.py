"""Guards: two keys each in the ledger, and the two files that a console unlocks with a PIN."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from appliance.gate import guard_keys
from appliance.office.office import Office
from ledger_sync import entries, files, keyfile
from ledger_sync.acts import guards
from ledger_sync.entries import CALLS_HELP, MAY_ACT, MAY_DENY, MAY_ORDER, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SEED_BYTES, SigningKey
from ledger_sync.passphrase import Cost

FOLDER = "guards"  # in the folder of the office
HINT = "make the guard with: yardpass office guard NAME"
_RIGHTS = MAY_ACT | MAY_DENY


def add(
    office: Office,
    name: str,
    pins: tuple[str, str | None],
    *,
    now: int,
    until: int,
    may_order: bool,
    cost: Cost = guard_keys.COST,
) -> None:
    """Makes the keys of a guard and names them in the ledger. `pins` are the PIN and the one for
    duress, None without it. Raises `Refused` for a name that is taken or a PIN that is none."""
    if not guard_keys.NAME.fullmatch(name):
        what = "a guard's name is a letter, then at most 15 letters, digits or dashes, lower case"
        raise Refused(f"{name[:40]!r} cannot be one: {what}", reason="R-SETTINGS")
    if _in_force(office, name, now):
        raise Refused(f"{name} is a guard already; end that first: --end", reason="R-SETTINGS")
    words = _words(pins)
    rights = _RIGHTS | (MAY_ORDER if may_order else 0)
    folder = office.folder / FOLDER
    files.make_folder(folder, mode=0o700)
    keys = [SigningKey(ED25519, secrets.token_bytes(SEED_BYTES)) for _ in words]
    parts: dict[str, Callable[[Path], object]] = {
        path.name: partial(keyfile.write_key, key=key, passphrase=word, cost=cost)
        for path, key, word in zip(guard_keys.paths(folder, name), keys, words, strict=True)
    }
    for path in guard_keys.paths(folder, name):
        path.unlink(missing_ok=True)  # of a guard of that name whose keys have ended
    key, forced = (one.public for one in keys)
    named = [
        Issuer(name, key, now, until, 0, rights),
        Issuer(name, forced, now, until, 0, rights | CALLS_HELP),
    ]

    def finish(path: Path) -> None:
        office.add(*named)

    files.make_all(folder, {**parts, f"{name}.done": finish})


def _words(pins: tuple[str, str | None]) -> list[str]:
    pin, second = pins
    if second is not None and guard_keys.good_pin(second) == pin:
        raise Refused("the second PIN must be another one", reason="R-SETTINGS")
    drawn = secrets.token_hex(16)
    word = guard_keys.passphrase_of(second) if second is not None else f"nobody knows {drawn}"
    return [guard_keys.passphrase_of(guard_keys.good_pin(pin)), word]


def give(office: Office, name: str, terminal: Path) -> None:
    """Copies the two files of a guard to the folder of a terminal. Raises `Refused`,
    `Unavailable`."""
    folder = terminal / guard_keys.FOLDER
    files.make_folder(folder, mode=0o750)
    pairs = zip(
        guard_keys.paths(office.folder / FOLDER, name),
        guard_keys.paths(folder, name),
        strict=True,
    )
    for source, target in pairs:
        data = keyfile.read_private(source, hint=HINT)
        files.replace(target, data, mode=0o600)


def end(office: Office, name: str, *, now: int) -> int:
    """Ends the keys of a guard from `now` on; how many. Raises `Refused` if there are none."""
    found = _in_force(office, name, now)
    if not found:
        raise Refused(f"no guard {name!r} in the ledger; is it spelt right?")
    office.add(*(replace(one, until=now) for one in found))
    return len(found)


def listed(office: Office, *, now: int) -> list[Issuer]:
    """The guards in force, by name; not their keys for duress."""
    with office.authority.book() as book:
        known = guards(book.store)
    is_plain = [one for one in known if not (one.rights or 0) & CALLS_HELP]
    return [one for one in is_plain if one.until > now and one.name != office.site]


def _in_force(office: Office, name: str, now: int) -> list[entries.Issuer]:
    with office.authority.book() as book:
        return [one for one in guards(book.store) if one.name == name and one.until > now]
