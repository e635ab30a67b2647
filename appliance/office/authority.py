"""The authority behind an office: its keys, its policy, its log, the cosigners beside it.

    keys/{root,log}-<n>.key  genesis.policy  book.db  log.lock  signed.note  cosigners/<name>/

Root keys sign policies and nothing else; `root-2` and `log-2` are announced by hash in the first
policy and wait. In earnest both roots lie on a stick in a safe, and the cosigners with other
parties; a trial keeps all of it in one folder.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ledger_sync import archive, entries, files, keyfile, note, trust
from ledger_sync.authority import snapshots
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.authority.publisher import ReplicaSource, publish, publish_draft
from ledger_sync.authority.sequencer import Sequencer, Signer
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SEED_BYTES, SigningKey
from ledger_sync.mirror import Progress
from ledger_sync.trust import MAX_GENESIS, Trust

RESTORE = "restore the newest copy of the office"
MORE_LINES = "run publish --draft, let more cosign it, give their lines with --cosignature"
LOCAL_COSIGNERS = ("committee", "property", "integrator")
Random = Callable[[int], bytes]
Unlock = Callable[[Path], str]
Seal = Callable[[], str | None]
"""Gives what a new key is sealed with, None for a plain one; asked once all else is in order."""


class Terms(NamedTuple):
    """Who cosigns: names of those beside the office, keys of those elsewhere, how many must."""

    local: tuple[str, ...] = LOCAL_COSIGNERS
    remote: Mapping[str, str] = {}  # name -> vkey
    needed: int = 2


@dataclass(frozen=True, slots=True)
class Authority:
    """An open authority. `unlock` gives the passphrase of a sealed key file."""

    folder: Path
    origin: str
    unlock: Unlock | None = None

    def parts(
        self, terms: Terms, random: Random, passphrase: str | None
    ) -> dict[str, Callable[[Path], object]]:
        """What makes each file of a new authority, in order; for `files.make_all`."""
        made = {
            name: SigningKey(ED25519, random(SEED_BYTES))
            for name in ("root-1", "root-2", "log-1", "log-2")
        }
        local = {name: SigningKey(ED25519, random(SEED_BYTES)) for name in terms.local}
        log = self._signer(made["log-1"])
        witnesses = dict(terms.remote) | {
            name: self.cosigner_key(name, key).to_vkey() for name, key in local.items()
        }
        first = entries.Policy(
            version=1,
            text=policy_text([log.verifier.to_vkey()], witnesses, terms.needed),
            roots=(made["root-1"].public.raw,),
            threshold=1,
            announced=(_hash(made["root-2"]), _hash(made["log-2"])),
            previous=None,
            signatures=(),
        )
        genesis = entries.to_bytes(trust.signed(first, self.origin, [made["root-1"]]))
        pinned = trust.pinned(genesis, self.origin)

        def cosigner(name: str, path: Path) -> None:
            Cosigner.create(
                path.parent, name=f"{self.origin}/{name}", origin=self.origin, genesis=genesis,
                key=local[name], passphrase=passphrase,
            )  # fmt: skip

        return {
            **{
                f"keys/{name}.key": partial(keyfile.write_key, key=key, passphrase=passphrase)
                for name, key in made.items()
            },
            "genesis.policy": partial(files.write_once, data=genesis),
            "book.db": lambda path: Sequencer.create(path, pinned=pinned, log=log).close(),
            **{f"cosigners/{name}/cosigner.toml": partial(cosigner, name) for name in terms.local},
        }

    def genesis(self) -> bytes:
        """The first policy, which terminals and cosigners are provisioned with."""
        data = files.read_bounded(self.folder / "genesis.policy", MAX_GENESIS, hint=RESTORE)
        try:
            trust.pinned(data, self.origin)
        except Refused as refused:
            what = f"{self.folder}/genesis.policy is damaged ({refused}); {RESTORE}"
            raise Refused(what, reason=refused.reason) from None
        return data

    def book(self) -> Sequencer:
        """The log, opened; the caller closes it."""
        pinned = trust.pinned(self.genesis(), self.origin)
        return Sequencer(self.folder / "book.db", pinned=pinned)

    def checkpoint(
        self, now: Callable[[], int], lines: Iterable[str] = (), progress: Progress | None = None
    ) -> bytes:
        """The log as it is, signed, cosigned by those at hand and by `lines` from elsewhere.

        Raises `Refused` while the quorum is not reached: give the draft to more cosigners.
        """
        with self.book() as book:
            draft = book.draft(self._log_signers(book))
            source = ReplicaSource(book.replica, draft)
            ours = [
                one.cosign(source, now=now, progress=progress, passphrase=self.unlock)
                for one in self.cosigners()
            ]
            try:
                made = book.finish(draft, [*ours, *lines])
            except Refused as refused:
                what = f"{refused} over these {book.replica.ledger().size} entries"
                raise Refused(f"{what}; {MORE_LINES}", reason=refused.reason) from None
        files.replace(self.folder / "checkpoint", made)
        return made

    def heard_at(self) -> int:
        """The time that a quorum signed when this office published last, Unix seconds; 0 before.
        Raises `Refused` for a checkpoint that is not ours."""
        with self.book() as book:
            opened = self._published(book)[1]
            return max(by.quorum_of(opened) or 0 for by in book.believed()) if opened else 0

    def publish(self, checkpoint: bytes, target: Path, progress: Progress | None = None) -> None:
        """Writes the static files of the log into `target`, up to this checkpoint."""
        with self.book() as book:
            blobs, bar = self.folder / "blobs", _as(progress, "Publishing")
            publish(book.replica, checkpoint, target, blobs=blobs, progress=bar)

    def write_published(self, target: Path, most: int) -> bool:
        """The ledger as it was published last, in one file; whether it ever was. Raises
        `archive.TooLarge` for more than `most` bytes."""
        with self.book() as book:
            made, opened = self._published(book)
            if opened is not None:
                bundles = book.replica.bundles(size=note.checkpoint_of(opened).size)
                archive.write(target, made, book.replica.history.bridges(), bundles, most=most)
        return opened is not None

    def _published(self, book: Sequencer) -> tuple[bytes, note.Note | None]:
        """The checkpoint that was published last, and its text opened; nothing before."""
        path = self.folder / "checkpoint"
        if not path.exists():
            return b"", None
        made = files.read_bounded(path, note.MAX_NOTE, hint="take it away, publish anew")
        known = [one for by in book.believed() for one in by.quorum.verifiers]
        return made, note.open_note(made, known)

    def publish_draft(self, target: Path) -> None:
        """Writes what cosigners elsewhere must see before they sign."""
        with self.book() as book:
            publish_draft(book.replica, book.draft(self._log_signers(book)), target)

    def snapshot(self) -> int:
        """Adds a snapshot of the state as it is; its size in bytes."""
        with self.book() as book:
            return snapshots.make(book, self.folder / "blobs").length

    def cosigners(self) -> list[Cosigner]:
        """The cosigners beside the office, by name."""
        found = sorted((self.folder / "cosigners").glob("*/cosigner.toml"))
        return [Cosigner.open(path.parent) for path in found]

    def passphrase(self) -> str | None:
        """The one that the keys here are sealed with, tried on one of them: a slip would lock the
        next keys up for good. None if all of them are plain."""
        for pattern in ("root-*.key", "log-*.key", "issuer.key"):
            for path in sorted((self.folder / "keys").glob(pattern)):
                if keyfile.is_sealed(path, hint=RESTORE):
                    return self._proven(path)
        return None

    def _proven(self, path: Path) -> str:
        word = ""

        def ask(path: Path) -> str:
            nonlocal word
            assert self.unlock is not None
            word = self.unlock(path)
            return word

        keyfile.read_key(path, hint=RESTORE, passphrase=self.unlock and ask)
        return word

    def rotate(
        self, terms: Terms | None, random: Random, *, new_log: bool, seal: Seal | None = None
    ) -> int:
        """Adds the next policy; its version. Root keys always move on to the announced ones.

        With `new_log` the log's key does, too; `terms` change the cosigners, None keeps them. The
        keys announced next are sealed as those that are here, or with what `seal` gives.
        Publish before the next rotation: gates follow one change at a time.
        """
        with self.book() as book:
            before = book.trust
            if len(book.believed()) > 1:  # before any key is made for it
                what = f"policy {before.version} is not published yet"
                raise Refused(f"{what}; run first: yardpass office publish", reason="R-LEDGER")
            number = before.version
            log_number = self._log_number(book) + new_log
            old_root, root = self._key(f"root-{number}"), self._key(f"root-{number + 1}")
            log = self._signer(self._key(f"log-{log_number}"))
            text = self._text(before, log, terms)
            passphrase = (seal or self.passphrase)()
            # Without a new log key this one has been announced before, and may be damaged.
            spare_log = self._spare(f"log-{log_number + 1}", random, passphrase, is_new=new_log)
            spare = self._spare(f"root-{number + 2}", random, passphrase, is_new=True)
            entry = entries.Policy(
                version=number + 1,
                text=text,
                roots=(root.public.raw,),
                threshold=1,
                announced=(_hash(spare), _hash(spare_log)),
                previous=before.digest,
                signatures=(),
            )
            book.add([trust.signed(entry, self.origin, [old_root, root])])
        return number + 1

    def _text(self, before: Trust, log: Signer, terms: Terms | None) -> bytes:
        vkeys = [log.verifier.to_vkey()]
        if terms is None:
            held = {name: key.to_vkey() for name, key in before.quorum.witnesses.items()}
            group = before.quorum.groups[before.quorum.quorum]
            return policy_text(vkeys, held, group.threshold)
        local = {one.name.removeprefix(f"{self.origin}/"): one for one in self.cosigners()}
        missing = [name for name in terms.local if name not in local]
        if missing:
            known = f"those beside the office are: {', '.join(local) or 'none'}"
            raise Refused(f"no cosigner {missing[0]!r}; {known}", reason="R-SETTINGS")
        keys = {name: local[name].vkey(self.unlock) for name in terms.local}
        return policy_text(vkeys, keys | dict(terms.remote), terms.needed)

    def _spare(
        self, name: str, random: Random, passphrase: str | None, *, is_new: bool
    ) -> SigningKey:
        """The key that waits for the rotation after this one, made if it is not there yet.

        One that `is_new`, which no policy has named, is made again if writing it was cut off."""
        path = self.folder / "keys" / f"{name}.key"
        if is_new and path.exists() and keyfile.is_cut_off(path, hint=RESTORE):
            path.unlink()
        if not path.exists():
            made = SigningKey(ED25519, random(SEED_BYTES))
            keyfile.write_key(path, made, passphrase=passphrase)
        return self._key(name)

    def _log_signers(self, book: Sequencer) -> list[Signer]:
        """Who signs a checkpoint: the log's key, and the one before while gates change over."""
        number = self._log_number(book)
        known = {key.public for one in book.believed() for key in one.quorum.logs}
        signers = [self._signer(self._key(f"log-{number}"))]
        if number > 1 and len(known) > 1:
            signers.append(self._signer(self._key(f"log-{number - 1}")))
        return signers

    def _log_number(self, book: Sequencer) -> int:
        """How many log keys there have been, the one in force counted."""
        versions = range(1, book.trust.version + 1)
        held = [book.replica.history.trust(book.pinned, at=at) for at in versions]
        return len(dict.fromkeys(one.quorum.logs for one in held))

    def _key(self, name: str) -> SigningKey:
        path = self.folder / "keys" / f"{name}.key"
        return keyfile.read_key(path, hint=RESTORE, passphrase=self.unlock)

    def _signer(self, key: SigningKey) -> Signer:
        return Signer(note.Verifier(self.origin, note.NOTE_KEY, key.public.raw), key)

    def cosigner_key(self, name: str, key: SigningKey) -> note.Verifier:
        return note.Verifier(f"{self.origin}/{name}", note.COSIGNER_KEY, key.public.raw)


def policy_text(logs: Iterable[str], witnesses: Mapping[str, str], needed: int) -> bytes:
    """A tlog-policy: these logs, these witnesses (name -> vkey), `needed` of them a quorum."""
    lines = [f"log {vkey}" for vkey in logs]
    lines += [f"witness {name} {vkey}" for name, vkey in witnesses.items()]
    lines += [f"group quorum-of-cosigners {needed} {' '.join(witnesses)}"]
    return "\n".join([*lines, "quorum quorum-of-cosigners", ""]).encode()


def _hash(key: SigningKey) -> bytes:
    return hashlib.sha256(key.public.raw).digest()


def _as(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    return partial(progress, what) if progress else None
