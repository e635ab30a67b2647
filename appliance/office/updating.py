"""Names an update in the ledger, and puts its file where the ledger is published.

The ledger vouches for hash and length alone. That it may be installed is the signature of who
makes the images, which no office holds the key of.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from appliance.office.authority import Authority
from appliance.office.bundle_file import described
from appliance.update.slots import version_key
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.files import make_folder, sync_folder
from ledger_sync.updates import Update, named
from ledger_sync.web import address_of


def publish(authority: Authority, bundle: Path, target: Path, places: tuple[str, ...]) -> Update:
    """Adds the entry, and writes the file below `target`; that of the one before goes.

    Raises `Refused` for what is no bundle, no newer version, no web address; `Unavailable` if it
    cannot be read or written. The file is there before the entry is.
    """
    for place in places:
        _check_address(place)
    found = described(bundle)
    made = Update(found.kind, found.version, found.sha256, found.length, places)
    blob = made.to_blob()
    with authority.book() as book:
        before = named(book.replica.store, made.kind)
        if before is not None and version_key(made.version) <= version_key(before.version):
            what = f"{made.version} is not newer than {before.version}, which the ledger names"
            raise Refused(f"{what}; boxes go forward only", reason="R-SETTINGS")
        version_key(made.version)
        _put(bundle, target / made.path)
        book.add([blob])
    if before is not None and before.path != made.path:
        with suppress(OSError):
            (target / before.path).unlink()
    return made


def _check_address(place: str) -> None:
    try:
        found = address_of(place)
    except ValueError:
        step = "give https://host/folder"
        raise Refused(f"{place[:80]!r} is no web address; {step}", reason="R-SETTINGS") from None
    if found.login or found.query:
        raise Refused("the ledger is public: no password and no query", reason="R-SETTINGS")


def _put(bundle: Path, target: Path) -> None:
    """The whole file, on the disk, or nothing."""
    make_folder(target.parent)
    draft = target.parent / f".{target.name}.new"
    try:
        shutil.copyfile(bundle, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise Unavailable(f"{target} cannot be written ({error.strerror}); free space") from error
