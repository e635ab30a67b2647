"""A cosigner: keeps and replays a whole log, and only then says that it has seen it.

Its signature is what gates believe, so it signs nothing it has not stored: every entry is checked
by the authority's rules (state.py), the root is computed anew from the stored bytes, and a log
that shows two histories is never signed again. A folder of its own, best at another party:

    cosigner.key  cosigner.toml  genesis.policy  store.db

FORMAT.md section 7.6.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ledger_sync import files, keyfile, note
from ledger_sync.authority.sequencer import root_of
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey
from ledger_sync.mirror import Mirror, Progress
from ledger_sync.note import Checkpoint
from ledger_sync.replica import Replica
from ledger_sync.sources import Source
from ledger_sync.store import Store
from ledger_sync.trust import MAX_GENESIS, pinned

DRAFT = "draft"
_HINT = "make a cosigner with: yardpass office cosigner"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """One cosigner of one log, under the name that the log's policy knows it by."""

    folder: Path
    name: str
    origin: str

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        name: str,
        origin: str,
        key: SigningKey,
        genesis: bytes | None = None,
        passphrase: str | None = None,
    ) -> "Cosigner":
        """Makes its folder, or nothing. Raises `Refused` if there is a cosigner already.

        Its key stands in the first policy, so a cosigner elsewhere is made before there is one:
        without `genesis`, which `pin` adds.
        """
        for word in (name, origin):
            if not (note.is_key_name(word) and word.isprintable()):
                raise Refused(f"{word!r} cannot be a key's name", reason="R-SETTINGS")
        made = cls(folder, name, origin)
        quoted = [json.dumps(word, ensure_ascii=False) for word in (name, origin)]
        text = "name = {}\norigin = {}\n".format(*quoted)
        files.make_folder(folder, mode=0o700)
        parts: dict[str, Callable[[Path], object]] = {
            "cosigner.key": partial(keyfile.write_key, key=key, passphrase=passphrase),
            "store.db": lambda path: Store.create(path, origin=origin, floor=0).close(),
        }
        if genesis is not None:
            parts["genesis.policy"] = lambda path: made.pin(genesis)
        parts["cosigner.toml"] = partial(files.write_once, data=text.encode())
        files.make_all(folder, parts)
        return made

    def pin(self, genesis: bytes) -> None:
        """Takes the first policy of the log, once. Raises `Refused` if it is none."""
        pinned(genesis, self.origin)
        files.write_once(self.folder / "genesis.policy", genesis)

    @classmethod
    def open(cls, folder: Path) -> "Cosigner":
        """The cosigner in `folder`. Raises `Unavailable` if there is none."""
        data = files.read_bounded(folder / "cosigner.toml", 4_096, hint=_HINT)
        try:
            values = tomllib.loads(data.decode())
            return cls(folder, str(values["name"]), str(values["origin"]))
        except (ValueError, KeyError):
            what = f"{folder}/cosigner.toml is damaged"
            raise Refused(f"{what}; restore it", reason="R-SETTINGS") from None

    def cosign(
        self,
        source: Source,
        *,
        now: Callable[[], int],
        progress: Progress | None = None,
        passphrase: Callable[[Path], str] | None = None,
    ) -> str:
        """The signature line over the draft that `source` shows.

        Raises `Refused` for a draft this cosigner cannot stand for: of another history, smaller
        than one it has seen, with an entry the authority may not add. Nothing is signed then.
        """
        genesis = files.read_bounded(self.folder / "genesis.policy", MAX_GENESIS, hint=_HINT)
        trust = replace(pinned(genesis, self.origin), cosigning=True)
        with Store(self.folder / "store.db") as store:
            replica = Replica(store)
            if replica.history.evidence():
                what = f"{self.origin} showed two histories; the evidence is in {store.path}"
                raise Refused(f"{what}; ask its authority, sign nothing", reason="R-LEDGER")
            Mirror(replica, pinned=trust, now=now, progress=progress).update(source, path=DRAFT)
            held = replica.ledger()
            if root_of(replica) != held.root:
                what = f"{store.path}: the stored entries do not hash to the accepted root"
                raise Refused(f"{what}; make the cosigner anew", reason="R-LEDGER")
        key = self._key(passphrase)
        text = Checkpoint(held.origin, held.size, held.root).to_text()
        return note.sign_note(text, self._verifier(key), key, time=now())

    def vkey(self, passphrase: Callable[[Path], str] | None = None) -> str:
        """How policies name this cosigner."""
        return self._verifier(self._key(passphrase)).to_vkey()

    def _key(self, passphrase: Callable[[Path], str] | None) -> SigningKey:
        hint = "restore it, or make a cosigner anew"
        return keyfile.read_key(self.folder / "cosigner.key", hint=hint, passphrase=passphrase)

    def _verifier(self, key: SigningKey) -> note.Verifier:
        return note.Verifier(self.name, note.COSIGNER_KEY, key.public.raw)
