"""A tarball for support: what this list names and nothing beside, without secrets and names.

    doctor.json     the lines of the doctor
    settings.json   the settings as they are understood, not the file: comments stay at home
    peers.json      how the peers are
    ledger.json     size, age and policy of the ledger
    update.json     what became of the last update
    journal.txt     the last lines of our own services

Whatever is to be written is looked through first: what looks like a key or a code is struck out,
and a file that still holds one of this terminal's secrets is left out and named.
"""

import base64
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.doctor import lines, site_probes
from appliance.doctor.lines import Line
from appliance.settings import Settings
from appliance.update import outcome_file
from appliance.update.box import Box
from ledger_sync import files, peers_file
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keyfile import read_key, read_secret
from ledger_sync.replica import Replica

JOURNAL_LINES = 2_000
MAX_MEMBER = 1 << 20  # bytes of one file
STRUCK = "[struck out]"
KEYS, SECRET = ("terminal.key", "link.key"), "site.secret"  # where the office puts them
_CODES = re.compile(
    r"\bYP[A-Z]?1:\S*|yardpass-key [^\n]*|\b[0-9a-fA-F]{32,}\b|[A-Za-z0-9+/]{40,}=*"
)

Run = Callable[[Sequence[str]], str]


def write(path: Path, settings: Settings | Path, found: Iterable[Line], *, run: Run) -> list[str]:
    """Makes the tarball and gives the names of what it holds. `settings` is the terminal's folder
    where they cannot be read: what is known without them is packed. Raises `Unavailable`."""
    members = cleaned(_members(settings, found, run), secrets_of(settings))
    files.replace(path, packed(members), mode=0o600)
    return sorted(members)


def cleaned(members: Mapping[str, str], secrets: Iterable[bytes]) -> dict[str, bytes]:
    """The members without what looks like a key or a code; one that holds a secret in any
    spelling after that is replaced by a sentence."""
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    found = {}
    for name, text in members.items():
        data = _CODES.sub(STRUCK, text).encode(errors="replace")[-MAX_MEMBER:]
        if any(spelling in data for spelling in spellings):
            data = b"left out: it held a secret of this terminal\n"
        found[name] = data
    return found


def packed(members: Mapping[str, bytes]) -> bytes:
    """The members as a .tar.gz, with no owner and no time in it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, data in sorted(members.items()):
            entry = tarfile.TarInfo(f"yardpass-doctor/{name}")
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def secrets_of(settings: Settings | Path) -> list[bytes]:
    """What must never leave: the seeds of this terminal's keys, the site's secret. Those that
    cannot be read here cannot be given away either."""
    if isinstance(settings, Path):
        keys, secret = [settings / name for name in KEYS], settings / SECRET
    else:
        keys, secret = [settings.key, settings.link_key], settings.site_secret
    found = []
    for path in keys:
        with suppress(Refused, Unavailable):
            found.append(read_key(path, hint="").seed)
    with suppress(Refused, Unavailable):
        found.append(read_secret(secret, hint=""))
    return found


def _spellings(secret: bytes) -> list[bytes]:
    text = secret.hex()
    plain = base64.b64encode(secret).rstrip(b"=")
    return [
        secret,
        plain,
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        text.encode(),
        text.upper().encode(),
    ]


def _members(settings: Settings | Path, found: Iterable[Line], run: Run) -> dict[str, str]:
    members = {
        "doctor.json": _json([lines.document(line) for line in found]),
        "update.json": _json(_update(Box())),
        "journal.txt": _journal(run),
    }
    if isinstance(settings, Path):
        return members
    return members | {
        "settings.json": _json(_settings(settings)),
        "peers.json": _json(peers_file.read(settings.store.parent)),
        "ledger.json": _json(_ledger(settings)),
    }


def _settings(settings: Settings) -> dict[str, Any]:
    """Names, pins and drivers. Paths by their file's name: folders may be named after people."""
    return {name: _plain(value) for name, value in asdict(settings).items() if name != "folder"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Path):
        return value.name
    return value if isinstance(value, int | bool | None) else str(value)


def _ledger(settings: Settings) -> dict[str, Any]:
    with site_probes.opened(settings) as replica:
        if not isinstance(replica, Replica):
            return {"missing": str(replica)}
        held = replica.ledger()
        return {"origin": held.origin, "size": held.size, "quorum_time": held.quorum_time}


def _update(box: Box) -> dict[str, Any]:
    last = outcome_file.read(box.data)
    return json.loads(last.to_bytes()) if last else {}


def _journal(run: Run) -> str:
    shown = ("--no-pager", f"--lines={JOURNAL_LINES}", "--output=short-iso")
    try:
        return run(["journalctl", *shown, "--unit=yardpass-*"])
    except OSError as error:
        return f"no journal here ({error})\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, default=str) + "\n"
