"""Who must have cosigned a checkpoint: C2SP tlog-policy, read and evaluated.

log yardpass/hz07+5f0c...+AV...
witness committee hz07-committee+9a..+BP...
witness property  hz07-property+1c..+BH...
group both all committee property
quorum both
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from ledger_sync.errors import Refused
from ledger_sync.note import COSIGNER_KEY, NOTE_KEY, Note, Verifier, parse_vkey

MAX_POLICY = 65_536  # bytes of one policy text
MAX_LINES = 1_024  # lines of one policy text


@dataclass(frozen=True, slots=True)
class Group:
    """Satisfied when `threshold` of its members are; a member is a witness or a group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Known logs, known witnesses by name, groups, and the name of the quorum (or "none")."""

    logs: tuple[Verifier, ...]
    witnesses: dict[str, Verifier]
    groups: dict[str, Group]
    quorum: str

    def satisfied(self, signers: Collection[str]) -> bool:
        """Whether the witnesses of these names are enough. Unknown names count nothing."""
        if self.quorum == "none":
            return True
        reached = {name for name in signers if name in self.witnesses}
        for name, group in self.groups.items():  # members precede their group
            if sum(member in reached for member in group.members) >= group.threshold:
                reached.add(name)
        return self.quorum in reached

    def quorum_time(self, cosigners: Mapping[str, int]) -> int:
        """The newest time that a quorum of these cosigners has reached, 0 if none has.

        One cosigner with a wrong clock, or a wrong intent, cannot move it past the others.
        """
        if self.quorum == "none":
            return 0
        for time in sorted(cosigners.values(), reverse=True):
            if self.satisfied([name for name, at in cosigners.items() if at >= time]):
                return time
        return 0

    @property
    def verifiers(self) -> list[Verifier]:
        return [*self.logs, *self.witnesses.values()]

    def cosigners_of(self, note: Note) -> dict[str, int]:
        """Witness name -> time of its cosignature, for the verified signatures of `note`."""
        names = {verifier: name for name, verifier in self.witnesses.items()}
        return {
            names[signature.verifier]: signature.time or 0
            for signature in note.signatures
            if signature.verifier in names
        }


def parse_policy(text: str | bytes) -> Policy:
    """The policy in `text`. Raises `Refused` (R-LEDGER) naming the line that is wrong."""
    if len(text) > MAX_POLICY:
        raise Refused(f"a policy of {len(text)}, at most {MAX_POLICY}", reason="R-LEDGER")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise Refused(f"{len(lines)} policy lines, at most {MAX_LINES}", reason="R-LEDGER")
    if any((c < " " and c not in "\t\n") or c == "\x7f" for c in text):
        raise Refused("a policy with a control character", reason="R-LEDGER")
    reader = _Reader()
    for number, line in enumerate(lines, start=1):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        if words and not words[0].startswith("#"):
            reader.read(number, words)
    return reader.policy()


@dataclass(slots=True)
class _Reader:
    """Collects the lines of one policy; every rule of the format is checked where it applies."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Verifier] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    quorum: str = ""
    number: int = 0

    def read(self, number: int, words: list[str]) -> None:
        self.number = number
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self.logs.append(self._key(vkey, NOTE_KEY, self.logs))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                known = list(self.witnesses.values())
                self.witnesses[self._new(name)] = self._key(vkey, COSIGNER_KEY, known)
            case ["group", name, threshold, *members] if members:
                needed = self._threshold(threshold, len(members))
                self.groups[self._new(name)] = Group(needed, self._members(members))
            case ["quorum", name] if not self.quorum:
                self.quorum = name if name == "none" else self._defined(name)
            case _:
                self._fail(f"cannot be read: {' '.join(words)[:60]!r}")

    def policy(self) -> Policy:
        if not self.quorum:
            raise Refused("a policy needs one quorum line", reason="R-LEDGER")
        return Policy(tuple(self.logs), self.witnesses, self.groups, self.quorum)

    def _key(self, vkey: str, kind: int, known: list[Verifier]) -> Verifier:
        try:
            verifier = parse_vkey(vkey)
        except Refused as refused:
            self._fail(str(refused))
        if verifier.kind != kind:
            self._fail(f"key {verifier.name} has type {verifier.kind}, {kind} belongs here")
        if any(verifier.public == other.public for other in known):
            self._fail(f"key {verifier.name} stands twice")
        return verifier

    def _new(self, name: str) -> str:
        if name == "none" or name in self.witnesses or name in self.groups:
            self._fail(f"the name {name!r} is taken")
        return name

    def _defined(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            self._fail(f"{name!r} is not defined on a line before")
        return name

    def _members(self, members: list[str]) -> tuple[str, ...]:
        for member in members:
            if self._defined(member) in self.grouped:
                self._fail(f"{member!r} is a member already")
            self.grouped.add(member)
        return tuple(members)

    def _threshold(self, word: str, count: int) -> int:
        if word in ("all", "any"):
            return count if word == "all" else 1
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < 5 else 0
        if not 1 <= number <= count or word.startswith("0"):
            self._fail(f"threshold {word!r} of {count} members")
        return number

    def _fail(self, why: str) -> NoReturn:
        raise Refused(f"policy line {self.number}: {why}", reason="R-LEDGER")
