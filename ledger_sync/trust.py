"""Whom a terminal believes: the quorum policy in force, and the root keys that may change it.

The first policy is pinned when the terminal is provisioned. Each next one is an entry of the log,
signed by the threshold of the root keys before and after it (The Update Framework 1.0.33, 5.3.4),
and whoever enters with it was announced by hash in the policy before (KERI pre-rotation). Pure.
FORMAT.md section 5.8.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ledger_sync import cbor, entries
from ledger_sync.entries import Policy
from ledger_sync.errors import Refused
from ledger_sync.keys import SigningKey, verify_ed25519
from ledger_sync.note import Note
from ledger_sync.quorum import Policy as Quorum
from ledger_sync.quorum import parse_policy

MAX_GENESIS = 65_536  # bytes of a pinned policy
_PURPOSE = b"yardpass/policy/v1\n"


@dataclass(frozen=True, slots=True)
class Trust:
    """A policy in force. `digest` names it: technicians compare the pinned one.

    Version 0 is a bare tlog-policy text: without root keys, nothing can follow it.
    """

    version: int
    origin: str
    quorum: Quorum
    roots: tuple[bytes, ...]
    threshold: int
    announced: frozenset[bytes]
    digest: bytes
    cosigning: bool = False  # a cosigner asks for the log's own key and nobody else's

    def quorum_of(self, note: Note) -> int | None:
        """The time a quorum of cosigners vouches for, 0 if none is asked; None if they are few."""
        if self.cosigning:
            return 0
        cosigners = self.quorum.cosigners_of(note)
        return self.quorum.quorum_time(cosigners) if self.quorum.satisfied(cosigners) else None

    def signed_by_log(self, note: Note) -> bool:
        """Whether a log key of this origin signed (tlog-policy, "log")."""
        own = [log for log in self.quorum.logs if log.name == self.origin]
        return any(signature.verifier in own for signature in note.signatures)


def pinned(data: bytes, origin: str) -> Trust:
    """The trust in the file a terminal is provisioned with: a first policy entry or a bare text.

    Raises `Refused` (R-LEDGER).
    """
    if data.startswith(entries.POLICY_HEAD):
        return genesis(entries.parse(data), origin)
    quorum = parse_policy(data)
    return Trust(0, origin, quorum, (), 0, frozenset(), hashlib.sha256(data).digest())


def genesis(entry: entries.Entry, origin: str) -> Trust:
    """The trust in a first policy: version 1, signed by the threshold of its own root keys."""
    if not isinstance(entry, Policy) or entry.version != 1 or entry.previous is not None:
        raise _refused("not a first policy: version 1, none before it")
    made = _trust(entry, origin)
    _check_signed(entry, made, made)
    return made


def in_force(entry: bytes, origin: str) -> Trust:
    """The trust in a policy entry that was accepted before: its signatures are not asked again."""
    policy = entries.parse(entry)
    if not isinstance(policy, Policy):
        raise _refused("not a policy entry")
    return _trust(policy, origin)


def descends(entry: bytes, pinned: Trust) -> bool:
    """Whether this policy entry, the first of an accepted ledger, is the pinned one or its next:
    the pinned one need not stand in the log."""
    policy = entries.parse(entry)
    return isinstance(policy, Policy) and pinned.digest in (digest_of(policy), policy.previous)


def succeed(trust: Trust, entry: Policy) -> Trust:
    """The trust after a policy entry of the log. Raises `Refused` for one that may not follow."""
    if entry.version == trust.version and digest_of(entry) == trust.digest:
        return trust  # the pinned policy, where it stands in its own log
    if not trust.roots:
        raise _refused("the pinned policy has no root keys, so no other can follow it")
    if entry.version != trust.version + 1 or entry.previous != trust.digest:
        raise _refused(f"policy {entry.version} does not follow policy {trust.version}")
    made = _trust(entry, trust.origin)
    newcomers = {
        *entry.roots,
        *(log.public for log in made.quorum.logs if log not in trust.quorum.logs),
    }
    if any(hashlib.sha256(key).digest() not in trust.announced for key in newcomers):
        raise _refused(f"policy {entry.version} brings a key that was not announced before")
    _check_signed(entry, trust, made)
    _check_signed(entry, made, made)
    return replace(made, cosigning=trust.cosigning)


def signed(entry: Policy, origin: str, keys: Iterable[SigningKey]) -> Policy:
    """The policy with the signatures of these root keys, in place of any it had."""
    bare = replace(entry, signatures=())
    message = _message(bare, origin)
    made = tuple((_name_of(key.public.raw), key.sign(message)) for key in keys)
    return replace(bare, signatures=made)


def unsigned(entry: Policy) -> bytes:
    """The body without its signatures: what is signed, and what the digest is of."""
    body = entries.body_of(entry)
    body.pop(7, None)
    return cbor.encode(body)


def digest_of(entry: Policy) -> bytes:
    """SHA-256 of the unsigned body: the name of a policy."""
    return hashlib.sha256(unsigned(entry)).digest()


def _trust(entry: Policy, origin: str) -> Trust:
    quorum = parse_policy(entry.text)
    if not any(log.name == origin for log in quorum.logs):
        raise _refused(f"policy {entry.version} names no log key of {origin}")
    if len(set(entry.roots)) != len(entry.roots) or not 1 <= entry.threshold <= len(entry.roots):
        raise _refused(f"policy {entry.version}: {entry.threshold} of {len(entry.roots)} roots")
    announced = frozenset(entry.announced)
    version, roots = entry.version, entry.roots
    return Trust(version, origin, quorum, roots, entry.threshold, announced, digest_of(entry))


def _check_signed(entry: Policy, by: Trust, made: Trust) -> None:
    """Whether the threshold of the root keys of `by` signed; a signature that fails refuses."""
    message = _message(entry, made.origin)
    roots = {_name_of(root): root for root in by.roots}
    signers = set()
    for name, signature in entry.signatures:
        if name in roots:
            if not verify_ed25519(roots[name], signature, message):
                raise _refused(f"a root signature of policy {entry.version} does not hold")
            signers.add(name)
    if len(signers) < by.threshold:
        which = "new" if by is made else "old"
        why = f"{len(signers)} of the {which} root keys signed, {by.threshold} must"
        raise _refused(f"policy {entry.version}: {why}")


def _message(entry: Policy, origin: str) -> bytes:
    return _PURPOSE + origin.encode() + b"\n" + unsigned(entry)


def _name_of(root: bytes) -> bytes:
    return hashlib.sha256(root).digest()[: entries.HANDLE_BYTES]


def _refused(why: str) -> Refused:
    return Refused(why, reason="R-LEDGER")
