"""One presentation to one verdict: parse, one read of the replica, verify, decide.

Reads and computes only. Recording and opening are for terminal.py; `yardpass check` stops here.
"""

from contextlib import suppress
from typing import NamedTuple

from appliance.gate import guest, surroundings
from appliance.gate.company import Company, was_here
from appliance.gate.guest import nonce_of
from appliance.gate.neighbours import Neighbours
from appliance.gate.surroundings import Surroundings, Who
from appliance.passes import code as codes
from appliance.passes import token, verify, verify_invite
from appliance.passes.code import Code, Form
from appliance.policy import site_rule
from appliance.policy.facts import UNINVITED, Around, Audience, Facts, Gate, Nonce
from appliance.policy.rules import decide
from appliance.policy.site_rule import SiteRule
from appliance.policy.verdict import Verdict
from appliance.zones import zone_of
from ledger_sync.clock import Grade, floor_of
from ledger_sync.denials import DENIED, Denials
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey
from ledger_sync.orders import Orders
from ledger_sync.replica import Enrolled, IssuerKey, Ledger, Replica, Standing
from ledger_sync.state import holder_of, number_of
from ledger_sync.subjects import Subjects
from ledger_sync.withdrawals import Withdrawals

_NOBODY = (IssuerKey(PublicKey(0, b""), 1, 0, 0, ""),)  # an issuer that may issue nothing

_new = tuple.__new__  # a NamedTuple of many fields costs three times as much by its own name
_OTHER, _ABSENT, _REFERENCE = int(Audience.OTHER), int(Nonce.ABSENT), int(Form.REFERENCE)


class Assessed(NamedTuple):
    """A verdict and what it rests on.

    `credential` stands for the pass in pseudonyms: its handle, empty if there is none. `mark` is
    (holder, code time) of a code whose replay must be refused from now on; the time is 0 for a
    printed pass, whose holder is known by its handle.
    """

    verdict: Verdict
    facts: Facts
    ledger_size: int
    credential: bytes
    mark: tuple[int, int] | None


class Checker:
    """Judges texts against a replica. Issuer keys and rule are kept until the ledger grows."""

    def __init__(
        self,
        replica: Replica,
        gate: Gate,
        *,
        build_time: int = 0,
        neighbours: Neighbours | None = None,
    ) -> None:
        """`build_time` of this software (Unix seconds) is a moment that is certainly past;
        `neighbours` tell of the other gates, where there are any."""
        self._build_time = build_time
        self._replica = replica
        self._withdrawals = Withdrawals(replica.store)
        self._denials = Denials(replica.store)
        self._way = (int(gate.direction), gate.zones)
        self.audience = f"{gate.site}/{gate.name}"
        self._audiences = {gate.site: int(Audience.SITE), self.audience: int(Audience.GATE)}
        self._issuers: dict[bytes, tuple[IssuerKey, ...]] = {}
        self._rule: SiteRule = site_rule.DEFAULT
        company = Company(Subjects(replica.store).of)
        self._surroundings = Surroundings(gate, company, neighbours)
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
        self._rule = site_rule.DEFAULT if text is None else site_rule.read(text, zone_of)
        self._surroundings.follow(self._rule, Orders(self._replica.store).in_force())
        self._version = self.ledger.version  # last: until the rule can be read, every check tries

    def look(self, now: int) -> None:
        """For quiet moments: opens a view of the replica, so that the next read is quicker, and
        takes over what has changed in the ledger. Raises `Unavailable`."""
        self._replica.look()
        if self._replica.ledger().version != self._version:
            with suppress(Refused):
                self._reload()
        self._surroundings.look(now)

    def standing(self, now: int, grade: int) -> surroundings.Standing:
        """What orders and hours ask of the gate itself, as of the last look."""
        return self._surroundings.standing(now, grade)

    def _around(self, now: int, grade: int, handle: bytes, places: str) -> Around:
        known = self._surroundings
        return known.at(now, grade, Who(handle, places)) if known.is_asked else known.still

    def remember(self, assessed: Assessed, now: int) -> None:
        """Somebody came through by a verdict that is on record: the company of the next ones."""
        facts = assessed.facts
        if assessed.credential and was_here(assessed.verdict, facts):
            self._surroundings.note(assessed.credential, facts.klass, now)

    @property
    def rule(self) -> SiteRule:
        return self._rule

    def assess(
        self,
        text: bytes,
        now: int,
        *,
        grade: int,
        nonce: bytes | None = None,
        nonces: tuple[bytes, ...] = (),
        carrier: bytes | None = None,
    ) -> Assessed:
        """The verdict on `text` at `now`, by a clock of this `grade` (ledger_sync.clock.Grade).

        `nonce` and `nonces` are the numbers of this gate that a code may carry; `carrier` is the
        name of the card the text was read from (passes.card), None for a picture.
        Raises `Unavailable` only when the store cannot be read.
        """
        try:
            code = codes.parse(text)
        except Refused as refused:
            return self.refused(Form.UNREADABLE, refused, b"", now, grade)
        taken = nonces if nonce is None else (*nonces, nonce)
        try:
            if code.form is Form.REFERENCE:
                return self._by_reference(code, now, grade, taken)
            if code.invite is not None:
                return self._invited(code, now, grade, taken)
            return self._carried(code, now, grade, taken, carrier)
        except Refused as refused:
            return self.refused(code.form, refused, code.handle, now, grade)

    def refused(
        self, form: Form, refused: Refused, credential: bytes, now: int, grade: int
    ) -> Assessed:
        """The verdict on what could not be proven."""
        facts = Facts(int(form), refused.reason, 0, self._way[0], grade=grade, rule=self._rule)
        return Assessed(decide(facts, now), facts, self.ledger.size, credential, None)

    def _by_reference(
        self, code: Code, now: int, grade: int, nonces: tuple[bytes, ...]
    ) -> Assessed:
        enrolled = self._replica.enrolled(code.handle)
        marks, (audience, code_at, stated) = verify.prove_reference(code, enrolled)
        assert enrolled is not None  # proven by step 2
        (
            kid, klass, zones, assurance, issued_at, expires_at, _, holder,
            status, last_at, last_way, seen_at, uses, places, version,
        ) = enrolled  # fmt: skip
        if version != self._version:
            self._reload()
        if status > 3:
            until = self._replica.denied_until(code.handle)
            status = self._standing_of(status, until, now, grade)
        _, since, until, classes, _ = self._issuers.get(kid, _NOBODY)[0]
        quorum_time, floor, critical = self._ages
        direction, gate_zones = self._way
        facts = _new(Facts, (
            _REFERENCE, "", marks, direction, gate_zones, klass, zones, assurance, issued_at,
            expires_at, since, until, classes, self._audiences.get(audience, _OTHER),
            _ABSENT if stated is None else nonce_of(stated, nonces), code_at, last_at, last_way,
            seen_at, uses, status, quorum_time, floor, critical, grade,
            self._around(now, grade, code.handle, places), UNINVITED, self._rule,
        ))  # fmt: skip
        mark = (holder, code_at)
        verdict = decide(facts, now)
        return _new(Assessed, (verdict, facts, self.ledger.size, code.handle, mark))

    def _carried(
        self, code: Code, now: int, grade: int, nonces: tuple[bytes, ...], carrier: bytes | None
    ) -> Assessed:
        if code.kid not in self._issuers and self._replica.ledger().version != self._version:
            self._reload()
        proof = verify.prove_carried(code, self._issuers.get(code.kid, ()), carrier=carrier)
        held = proof.held
        holder = holder_of(held.key.raw) if held.key else number_of(code.handle)
        standing = self._replica.standing(held.uri, held.idx, holder)
        if standing.version != self._version:
            self._reload()  # an issuer may have been withdrawn: verify against the new keys
            return self._carried(code, now, grade, nonces, carrier)
        if standing.status > 3:
            until = self._replica.place_denied_until(held.uri, held.idx)
            status = self._standing_of(standing.status, until, now, grade)
            standing = standing._replace(status=status)
        facts = self._carried_facts(code, proof, standing, now, grade, nonces)
        mark = (holder, facts.code_at)
        verdict = decide(facts, now)
        return _new(Assessed, (verdict, facts, self.ledger.size, code.handle, mark))

    def _invited(self, code: Code, now: int, grade: int, nonces: tuple[bytes, ...]) -> Assessed:
        """The verdict on a visitor: what the host may, what he gave, and how both stand."""
        enrolled = self._replica.enrolled(code.handle) if code.inner is None else None
        if self._replica.ledger().version != self._version:
            self._reload()
        issuers = self._issuers.get(code.kid, ())
        if code.form is Form.UNINVITE:
            verify_invite.prove_revocation(code, enrolled=enrolled, issuers=issuers)
            raise Refused("an invite that is taken back", reason="R-WITHDRAWN")
        proof = verify_invite.prove_invite(code, enrolled=enrolled, issuers=issuers)
        visitor, held = number_of(proof.credential), proof.host.held
        place = (held.uri, held.idx) if held else ("", 0)
        standing = self._replica.standing(*place, visitor)
        status = self._host_status(code, enrolled, standing, now, grade)
        kid = enrolled.kid if enrolled else code.kid
        terms = proof.host.issuer or self._issuers.get(kid, _NOBODY)[0]
        who = Who(code.handle, standing.places, code.handle)
        around = self._surroundings.at(now, grade, who)
        here = guest.Here(
            self._way, self._audiences, nonces, self._ages, grade, around, self._rule
        )
        ended = self._ended(visitor, now, grade)
        facts = guest.facts_of(code.form, proof, standing, status, terms, here, ended)
        mark = (visitor, facts.code_at)
        return Assessed(decide(facts, now), facts, self.ledger.size, proof.credential, mark)

    def _ended(self, visitor: int, now: int, grade: int) -> int:
        """Whether the host took the invite back (1), or a guard blocked the visitor (2)."""
        if self._withdrawals.is_withdrawn(visitor):
            return 1
        until = self._denials.blocked_until(visitor)
        return 2 if self._standing_of(0, until, now, grade) else 0

    def _host_status(
        self, code: Code, enrolled: Enrolled | None, standing: Standing, now: int, grade: int
    ) -> int:
        """The status of a host: by the entry of his pass, or by his place in a status list."""
        if enrolled is None:
            held = token.claims_of(code.inner.payload) if code.inner else None
            until = self._replica.place_denied_until(held.uri, held.idx) if held else 0
            status = standing.status
        else:
            until, status = self._replica.denied_until(code.handle), enrolled.status
        return self._standing_of(status, until, now, grade) if status > 3 else status

    def of_card(
        self, form: Form, marks: int, handle: bytes, enrolled: Enrolled, now: int, grade: int
    ) -> Assessed:
        """The verdict on a card of the ledger, by the steps that were proven (`marks`). A card
        answers this gate and this moment, or proves nothing that has a time."""
        if enrolled.version != self._version:
            self._reload()
        status = enrolled.status
        if status > 3:
            status = self._standing_of(status, self._replica.denied_until(handle), now, grade)
        _, since, until, classes, _ = self._issuers.get(enrolled.kid, _NOBODY)[0]
        rights = enrolled[1:6]
        nonce = _ABSENT if form is Form.NUMBER else int(Nonce.RIGHT)
        facts = Facts(
            *(int(form), "", marks, *self._way, *rights, since, until, classes),
            *(int(Audience.GATE), nonce, 0, *enrolled[9:13], status, *self._ages),
            *(grade, self._around(now, grade, handle, enrolled.places), UNINVITED, self._rule),
        )  # fmt: skip
        mark = (enrolled.holder, 0)
        return Assessed(decide(facts, now), facts, self.ledger.size, handle, mark)

    def _standing_of(self, status: int, until: int, now: int, grade: int) -> int:
        """4 while a denial holds, else the ledger's own status below it. A clock that may be
        wrong ends no denial: then only the floor does."""
        sure = self.floor if grade == Grade.POOR else max(now, self.floor)
        return DENIED if sure < until else status & 3

    def _carried_facts(
        self,
        code: Code,
        proof: verify.PassProof,
        standing: Standing,
        now: int,
        grade: int,
        nonces: tuple[bytes, ...],
    ) -> Facts:
        marks, issuer, held, claims = proof
        _, _, issued_at, expires_at, _, _, _, klass, zones, assurance, _ = held
        _, since, until, classes, _ = issuer
        audience, code_at, stated = claims or ("", 0, None)
        return _new(Facts, (
            int(code.form), "", marks, *self._way, klass, zones, assurance, issued_at, expires_at,
            since, until, classes, self._audiences.get(audience, _OTHER) if claims else _OTHER,
            _ABSENT if stated is None else nonce_of(stated, nonces), code_at,
            *standing[1:5], standing.status, *self._ages, grade,
            self._around(now, grade, code.handle, standing.places), UNINVITED, self._rule,
        ))  # fmt: skip
