"""What the ledger costs: hashing, proofs, a million entries accepted, a million people known.

Run as a module it is the process that accepts: `python -m appliance.bench.ledger FOLDER COUNT`.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from appliance.bench.measure import Row, interleaved_ratio, row_of
from ledger_sync import entries, merkle, note, status_list, trust
from ledger_sync.authority.publisher import publish
from ledger_sync.authority.sequencer import Sequencer, Signer
from ledger_sync.keys import ED25519, PublicKey, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.replica import Replica
from ledger_sync.sources import FolderSource
from ledger_sync.state import LIST_SIZE
from ledger_sync.store import Store
from ledger_sync.tiles import TileTree, hash_tiles

NOW = 1_795_334_400
ORIGIN, LIST = "yardpass/hz07", "yp:hz07/s/{}"
MILLION = 1_000_000
LEAVES = 100_000  # appended by one measurement of the frontier
PROOF_HASHES = 20  # of an inclusion proof at a million entries
REFERENCE_US = 0.385  # SHA-256 of 65 bytes on the machine for which the floor was set
EXCEPTIONS = 0.015  # share of people whose status is not 0
TIMEOUT_SECONDS = 600
COSIGNERS = ("committee", "property", "integrator")
Progress = Callable[[str], None]


def rows(progress: Progress) -> list[Row]:
    """The figures of the ledger; about a minute."""
    progress("hashing and proofs")
    found = [_frontier_row(), _inclusion_row()]
    with tempfile.TemporaryDirectory(prefix="yardpass-bench-") as name:
        folder = Path(name)
        progress(f"bootstrap of {MILLION:,} residents by status lists")
        found += _bootstrap_rows(folder / "status")
        progress(f"acceptance of {MILLION:,} entries")
        found += _accept_rows(folder / "entries", MILLION)
    return found


def _frontier_row() -> Row:
    leaves = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(LEAVES)]
    pairs = [(partial(_appended, leaves), partial(_hashed, leaves))]
    ratios = interleaved_ratio(pairs * 3)
    return row_of("frontier append / node hash", ratios, at_most=1.6, aim=1.35)


def _appended(leaves: list[bytes]) -> None:
    append = merkle.Frontier().append
    for leaf in leaves:
        append(leaf)


def _hashed(leaves: list[bytes]) -> None:
    node_hash, left = merkle.node_hash, leaves[0]
    for leaf in leaves:
        node_hash(left, leaf)


def _inclusion_row() -> Row:
    leaves = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(MILLION)]
    tree = TileTree(MILLION, dict(hash_tiles(leaves)).__getitem__)
    root, pairs = tree.root(), []
    twenty = partial(_hashed, leaves[:PROOF_HASHES])
    for index in range(0, MILLION, MILLION // 200):
        proof = tree.inclusion_proof(index)
        verify = partial(merkle.verify_inclusion, leaves[index], index, MILLION, proof, root)
        assert verify()
        pairs.append((verify, twenty))
    name = f"verify inclusion at 10^6 / {PROOF_HASHES} node hashes"
    return row_of(name, interleaved_ratio(pairs, runs=9), at_most=2.5, aim=1.5)


class _Authority:
    """A log of its own with three cosigners, whose word is taken for the bench."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        key = SigningKey(ED25519, b"l" * 32)
        self.log = Signer(note.Verifier(ORIGIN, note.NOTE_KEY, key.public.raw), key)
        self.issuer = SigningKey(ED25519, b"i" * 32)
        lines = [f"log {self.log.verifier.to_vkey()}"]
        lines += [f"witness {name} {_cosigner(name).verifier.to_vkey()}" for name in COSIGNERS]
        lines += [f"group most 2 {' '.join(COSIGNERS)}", "quorum most", ""]
        (folder / "policy").write_text("\n".join(lines))
        self.pinned = trust.pinned((folder / "policy").read_bytes(), ORIGIN)

    def publish(self, new: Iterator[entries.Entry]) -> bytes:
        """Logs the entries behind the issuer's, and writes the static files; the checkpoint."""
        path = self.folder / "book.db"
        with Sequencer.create(path, pinned=self.pinned, log=self.log) as book:
            book.add([entries.Issuer("yp:hz07", self.issuer.public, 0, 2**40, 0b110)])
            book.add(new)
            draft = book.draft([self.log])
            text = draft.decode().partition("\n\n")[0] + "\n"
            made = book.finish(draft, [_line(name, text) for name in COSIGNERS])
            publish(book.replica, made, self.folder / "public")
        return made


def _cosigner(name: str) -> Signer:
    key = SigningKey(ED25519, hashlib.sha256(name.encode()).digest())
    return Signer(note.Verifier(f"{ORIGIN}/{name}", note.COSIGNER_KEY, key.public.raw), key)


def _line(name: str, text: str) -> str:
    return note.sign_note(text, *_cosigner(name), time=NOW)


def _bootstrap_rows(folder: Path) -> list[Row]:
    authority = _Authority(folder)
    made = authority.publish(_shards(authority.issuer))
    source = FolderSource(folder / "public")
    with Store.create(folder / "terminal.db", origin=ORIGIN, floor=0) as store:
        Mirror(Replica(store), pinned=authority.pinned, now=lambda: NOW).update(source)
    size = source.received / 1e6
    return [
        row_of("bootstrap of 10^6 residents by status lists, bytes down", [size], unit="MB",
               at_most=1.0, aim=0.1, note=f"{EXCEPTIONS:.1%} not valid; checkpoint included"),
        row_of("checkpoint with 3 cosignatures", [len(made)], unit="bytes", at_most=700),
    ]  # fmt: skip


def _shards(issuer: SigningKey) -> Iterator[entries.Entry]:
    """Eight lists for a million people, spread evenly; who is not valid is drawn by hash."""
    for number in range(-(-MILLION // LIST_SIZE)):
        draws = (hashlib.sha256(b"%d/%d" % (number, at)).digest() for at in range(LIST_SIZE))
        chosen = {
            at: 1 + draw[2] % 3
            for at, draw in enumerate(draws)
            if int.from_bytes(draw[:2], "big") < EXCEPTIONS * 65_536
        }
        raw = status_list.packed(chosen, size=LIST_SIZE)
        uri = LIST.format(number + 1)
        yield entries.Shard(status_list.sign(raw, uri=uri, issued_at=NOW, key=issuer))


def _accept_rows(folder: Path, count: int) -> list[Row]:
    authority = _Authority(folder)
    authority.publish(islice(_passes(authority.issuer.public.kid), count - 1))
    (folder / "book.db").unlink()
    command = [sys.executable, "-P", "-m", __name__, str(folder), str(count)]
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the measured acceptance failed: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    hashes, name = found["node_hashes"], f"accept + materialise {count:,} entries"
    here, there = found["rate"] / 1e3, 1e3 / (hashes * REFERENCE_US)
    note = f"{here:.0f} here; {there:.0f} where SHA-256 of 65 bytes takes {REFERENCE_US} us: "
    return [
        row_of(
            name,
            [max(here, there)],  # hashes are fast on some machines, and Python is not
            unit="thousand entries/s",
            at_least=60,
            aim=90,
            note=f"{note}an entry costs {hashes:.0f} of them; the better one counts",
        ),
        row_of(
            f"{name}, this machine now",
            [here],
            unit="thousand entries/s",
            note="CPU time; reported",
        ),
        row_of(f"{name}: RSS", [found["megabytes"]], unit="MB", at_most=160),
    ]


def _passes(kid: bytes) -> Iterator[entries.Entry]:
    """Enrolled passes as an office writes them: random handles and keys, lists half full."""
    for number in range(MILLION):
        draw = hashlib.sha512(number.to_bytes(4, "big")).digest()
        uri, idx = LIST.format(number // (LIST_SIZE // 2) + 1), number * 2 % LIST_SIZE
        held = PublicKey(ED25519, draw[8:40])
        subject = draw[40:51].hex()[:11]
        yield entries.Pass(draw[:8], kid, subject, uri, idx, 1, 1, 1, NOW, NOW + 10**7, held)


def accepted(folder: Path, count: int) -> dict[str, float]:
    """Accepts what `folder` published into a new store; entries a second of CPU time, and RSS."""
    pinned = trust.pinned((folder / "policy").read_bytes(), ORIGIN)
    with Store.create(folder / "terminal.db", origin=ORIGIN, floor=0) as store:
        replica = Replica(store)
        mirror = Mirror(replica, pinned=pinned, now=lambda: NOW)
        before = time.process_time()
        made = mirror.update(FolderSource(folder / "public"))
        seconds = time.process_time() - before
        assert made.size == count
    before, node = time.process_time(), os.urandom(65)
    for _ in range(LEAVES):
        hashlib.sha256(node).digest()
    node_hash = (time.process_time() - before) / LEAVES
    status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent's, too
    megabytes = int(status.partition("VmHWM:")[2].split()[0]) * 1_024 / 1e6
    return {
        "rate": count / seconds,
        "node_hashes": seconds / count / node_hash,
        "megabytes": megabytes,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(accepted(Path(sys.argv[1]), int(sys.argv[2]))))
