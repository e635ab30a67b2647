"""One presentation to one verdict: parse, one read of the replica, verify, decide.

Reads and computes only. Recording and opening are for terminal.py; `yardpass check` stops here.
"""

from contextlib import suppress
from typing import NamedTuple

from appliance.passes import code as codes
from appliance.passes import verify
from appliance.passes.code import Code, Form
from appliance.policy import site_rule
from appliance.policy.facts import Audience, Facts, Gate, Nonce
from appliance.policy.rules import decide
from appliance.policy.site_rule import SiteRule
from appliance.policy.verdict import Verdict
from ledger_sync.clock import floor_of
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.replica import IssuerKey, Ledger, Replica, Standing
from ledger_sync.state import holder_of

_NOBODY = (IssuerKey(PublicKey(0, b""), 1, 0, 0, ""),)  # an issuer that may issue nothing

_OTHER, _ABSENT, _REFERENCE = int(Audience.OTHER), int(Nonce.ABSENT), int(Form.REFERENCE)


class Assessed(NamedTuple):
    """A verdict and what it rests on.

    `credential` stands for the pass in pseudonyms: its handle, empty if there is none. `mark` is
    (holder, code time) of a code whose replay must be refused from now on.
    """

    verdict: Verdict
    facts: Facts
    ledger_size: int
    credential: bytes
    mark: tuple[int, int] | None


class Checker:
    """Judges texts against a replica. Issuer keys and rule are kept until the ledger grows."""

    def __init__(self, replica: Replica, gate: Gate, *, build_time: int = 0) -> None:
        """`build_time` of this software (Unix seconds) is a moment that is certainly past."""
        self._build_time = build_time
        self._replica = replica
        self._way = (int(gate.direction), gate.zones)
        gate_audience = f"{gate.site}/{gate.name}"
        self._audiences = {gate.site: int(Audience.SITE), gate_audience: int(Audience.GATE)}
        self._issuers: dict[bytes, tuple[IssuerKey, ...]] = {}
        self._rule: SiteRule = site_rule.DEFAULT
        self._version = -1
        with suppress(Refused):  # a rule that cannot be read refuses check by check, not the start
            self._reload()

    def _reload(self) -> None:
        self.ledger: Ledger = self._replica.ledger()
        heard_at, stored = self.ledger.quorum_time, self.ledger.floor
        self.floor = floor_of(stored=stored, quorum_time=heard_at, build_time=self._build_time)
        self._ages = (heard_at, self.floor, self.ledger.critical)
        self._issuers = self._replica.issuers()
        text = self._replica.rule(site_rule.RULE_NAME)
        self._rule = site_rule.DEFAULT if text is None else site_rule.read(text)
        self._version = self.ledger.version  # last: until the rule can be read, every check tries

    def look(self) -> None:
        """For quiet moments: opens a view of the replica, so that the next read is quicker."""
        self._replica.look()

    @property
    def rule(self) -> SiteRule:
        return self._rule

    def assess(self, text: bytes, now: int, *, grade: int, nonce: bytes | None = None) -> Assessed:
        """The verdict on `text` at `now`, by a clock of this `grade` (ledger_sync.clock.Grade).

        `nonce` is the number this gate shows, if it shows one.
        Raises `Unavailable` only when the store cannot be read.
        """
        try:
            code = codes.parse(text)
        except Refused as refused:
            return self._refused(Form.UNREADABLE, refused, b"", now, grade)
        try:
            if code.form is Form.REFERENCE:
                return self._by_reference(code, now, grade, nonce)
            return self._carried(code, now, grade, nonce)
        except Refused as refused:
            return self._refused(code.form, refused, code.handle, now, grade)

    def _refused(
        self, form: Form, refused: Refused, credential: bytes, now: int, grade: int
    ) -> Assessed:
        facts = Facts(int(form), refused.reason, 0, self._way[0], grade=grade, rule=self._rule)
        return Assessed(decide(facts, now), facts, self.ledger.size, credential, None)

    def _by_reference(self, code: Code, now: int, grade: int, nonce: bytes | None) -> Assessed:
        enrolled = self._replica.enrolled(code.handle)
        marks, (audience, code_at, stated) = verify.prove_reference(code, enrolled)
        assert enrolled is not None  # proven by step 2
        (
            kid, klass, zones, assurance, issued_at, expires_at, _, holder,
            status, last_at, version,
        ) = enrolled  # fmt: skip
        if version != self._version:
            self._reload()
        _, since, until, classes, _ = self._issuers.get(kid, _NOBODY)[0]
        quorum_time, floor, critical = self._ages
        direction, gate_zones = self._way
        facts = Facts(
            _REFERENCE, "", marks, direction, gate_zones, klass, zones, assurance, issued_at,
            expires_at, since, until, classes, self._audiences.get(audience, _OTHER),
            _ABSENT if stated is None else _nonce(stated, nonce), code_at, last_at, status,
            quorum_time, floor, critical, grade, self._rule,
        )  # fmt: skip
        mark = (holder, code_at)
        return Assessed(decide(facts, now), facts, self.ledger.size, code.handle, mark)

    def _carried(self, code: Code, now: int, grade: int, nonce: bytes | None) -> Assessed:
        if code.kid not in self._issuers and self._replica.ledger().version != self._version:
            self._reload()
        proof = verify.prove_carried(code, self._issuers.get(code.kid, ()))
        held = proof.held
        holder = holder_of(held.key.raw) if held.key else None
        standing = self._replica.standing(held.uri, held.idx, holder)
        if standing.version != self._version:
            self._reload()  # an issuer may have been withdrawn: verify against the new keys
            return self._carried(code, now, grade, nonce)
        facts = self._carried_facts(code, proof, standing, grade, nonce)
        mark = (holder, facts.code_at) if holder else None
        return Assessed(decide(facts, now), facts, self.ledger.size, code.handle, mark)

    def _carried_facts(
        self,
        code: Code,
        proof: verify.PassProof,
        standing: Standing,
        grade: int,
        nonce: bytes | None,
    ) -> Facts:
        held, claims, issuer = proof.held, proof.claims, proof.issuer
        return Facts(
            int(code.form),
            "",
            proof.marks,
            *self._way,
            held.klass,
            held.zones,
            held.assurance,
            held.issued_at,
            held.expires_at,
            issuer.since,
            issuer.until,
            issuer.classes,
            self._audiences.get(claims.audience, _OTHER) if claims else _OTHER,
            _nonce(claims.nonce if claims else None, nonce),
            claims.issued_at if claims else 0,
            standing.last_at,
            standing.status,
            *self._ages,
            grade,
            self._rule,
        )


def _nonce(stated: bytes | None, shown: bytes | None) -> int:
    if stated is None:
        return _ABSENT
    return int(Nonce.RIGHT if stated == shown else Nonce.WRONG)
