"""Signed notes, checkpoints and timestamped cosignatures, as C2SP wrote them down.

signed-note, tlog-checkpoint and tlog-cosignature, byte for byte: notes of other logs open here and
ours open elsewhere. Knows no quorum and no file. FORMAT.md section 7.

    yardpass/hz07
    1204
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — yardpass/hz07 Az3grl...
    — hz07-committee jWbPPwAAAABkGFDL...
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, SigningKey, verify_ed25519
from ledger_sync.merkle import HASH_BYTES

MAX_NOTE = 16_384  # bytes of one signed note
MAX_SIGNATURES = 64  # signature lines of one note
MAX_NUMBER = 2**63 - 1  # largest tree size and time stamp
NOTE_KEY = 1  # Ed25519 over the note text
COSIGNER_KEY = 4  # timestamped Ed25519 cosignature

_MARK = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NO_NAME = re.compile(r"[+\x00-\x20\s\ud800-\udfff]")
_DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that notes are checked with: its name, its type byte, and 32 bytes of Ed25519."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        body = self.name.encode() + b"\n" + bytes((self.kind,)) + self.public
        return hashlib.sha256(body).digest()[:4]

    def to_vkey(self) -> str:
        raw = base64.b64encode(bytes((self.kind,)) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{raw}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that holds: who signed, and when if it is a cosignature (Unix seconds)."""

    name: str
    verifier: Verifier
    time: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """The text of a note (with its final newline) and the signatures that were verified."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log at one size: whose log, how many entries, the Merkle root over them."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def is_key_name(name: str) -> bool:
    """Not empty, UTF-8, no white space, no plus sign (signed-note, "Format")."""
    return bool(name) and not _NO_NAME.search(name)


def parse_vkey(text: str) -> Verifier:
    """`name+key id in hex+base64(type | key)`. Raises `Refused` for another spelling or type."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not is_key_name(parts[0]):
        raise Refused(f"{text[:80]!r} is not a verifier key: name+id+key", reason="R-LEDGER")
    raw = _base64(parts[2], "verifier key")
    if len(raw) != 33 or raw[0] not in (NOTE_KEY, COSIGNER_KEY):
        raise Refused(f"verifier key {parts[0]} is neither type 1 nor 4", reason="R-LEDGER")
    verifier = Verifier(parts[0], raw[0], raw[1:])
    if parts[1] != verifier.key_id.hex():
        raise Refused(f"verifier key {parts[0]} has a wrong key id", reason="R-LEDGER")
    return verifier


def open_note(text: str | bytes, verifiers: Iterable[Verifier]) -> Note:
    """The note, if at least one known key signed it.

    Unknown signers are ignored; a known one whose signature fails refuses the whole note; of two
    that hold by one key the first counts. Raises `Refused` (R-LEDGER) for a failing one, for no
    known signer, for two keys under one name and id, and for anything off the format.
    """
    body, lines = _split(text)
    known = _by_name(verifiers)
    found: dict[Verifier, Signature] = {}
    for name, raw in map(_signature_line, lines):
        verifier = known.get((name, raw[:4]))
        if verifier is not None:
            found.setdefault(verifier, _verified(verifier, raw[4:], body))
    if not found:
        raise Refused("no known key signed this note; is it of another site?", reason="R-LEDGER")
    return Note(body, tuple(found.values()))


def _by_name(verifiers: Iterable[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise Refused(f"two keys {verifier.name} with one key id", reason="R-LEDGER")
    return known


def _split(text: str | bytes) -> tuple[str, list[str]]:
    """The note text, and its signature lines, after the bounds."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    if len(raw) > MAX_NOTE:
        raise Refused(f"a note of {len(raw)} bytes, at most {MAX_NOTE}", reason="R-LEDGER")
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise Refused("a note that is not UTF-8", reason="R-LEDGER") from None
    if _CONTROL.search(whole):
        raise Refused("a note with a control character", reason="R-LEDGER")
    body, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise Refused("a note without signature lines", reason="R-LEDGER")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Refused(f"{len(lines)} signatures, at most {MAX_SIGNATURES}", reason="R-LEDGER")
    return body + "\n", lines


def _signature_line(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not is_key_name(name):
        raise Refused(f"{line[:40]!r} is not a signature line", reason="R-LEDGER")
    raw = _base64(encoded, "signature")
    if len(raw) < 5:
        raise Refused(f"a signature of {len(raw)} bytes", reason="R-LEDGER")
    return name, raw


def _verified(verifier: Verifier, signature: bytes, text: str) -> Signature:
    """The signature by this key over the text. Raises `Refused` when it does not hold."""
    time = None
    message = text.encode()
    if verifier.kind == COSIGNER_KEY:
        time = int.from_bytes(signature[:8], "big")
        signature = signature[8:]
        message = cosigned(time, text)
    if (time or 0) > MAX_NUMBER or not verify_ed25519(verifier.public, signature, message):
        raise Refused(f"the signature of {verifier.name} does not hold", reason="R-LEDGER")
    return Signature(verifier.name, verifier, time)


def cosigned(time: int, text: str) -> bytes:
    """What a cosigner signs: header line, time line, the whole note text."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def checkpoint_of(note: Note) -> Checkpoint:
    """The checkpoint in a note's text (tlog-checkpoint): origin, size, root, extension lines."""
    lines = note.text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise Refused("a checkpoint has three lines or more, none empty", reason="R-LEDGER")
    if not _DECIMAL.fullmatch(lines[1]) or len(lines[1]) > 19 or int(lines[1]) > MAX_NUMBER:
        raise Refused(f"{lines[1][:40]!r} is not a tree size", reason="R-LEDGER")
    root = _base64(lines[2], "root hash")
    if len(root) != HASH_BYTES:
        raise Refused(f"a root hash of {len(root)} bytes", reason="R-LEDGER")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign_note(text: str, verifier: Verifier, key: SigningKey, *, time: int = 0) -> str:
    """The signature line of this key over `text`; a cosigner's carries `time` (Unix seconds)."""
    if key.alg != ED25519 or key.public.raw != verifier.public:
        raise Refused(f"this is not the private key of {verifier.name}", reason="R-LEDGER")
    stamp, message = b"", text.encode()
    if verifier.kind == COSIGNER_KEY:
        stamp, message = time.to_bytes(8, "big"), cosigned(time, text)
    line = base64.b64encode(verifier.key_id + stamp + key.sign(message)).decode()
    return f"{_MARK}{verifier.name} {line}\n"


def _base64(text: str, what: str) -> bytes:
    """Standard Base64 in its one spelling (RFC 4648 section 4; unused bits zero)."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Refused(f"the {what} is not Base64", reason="R-LEDGER") from None
    if base64.b64encode(raw).decode() != text:
        raise Refused(f"the {what} is not in its one Base64 spelling", reason="R-LEDGER")
    return raw
