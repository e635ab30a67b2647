"""A small compound for tests: issuers, people of both key types, a store filled by accept + apply.

Everything is made from names, so the same people live in every compound. `SCENARIOS` is the table
of presentations, honest and hostile, with the verdict each must end in.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from appliance.gate.checker import Assessed, Checker, Gate
from appliance.passes import code
from appliance.passes.code import Form
from appliance.passes.token import Pass, handle_of, issue
from appliance.policy.facts import Direction
from appliance.policy.verdict import Verdict
from ledger_sync import cbor, cose, deny, entries, note
from ledger_sync.accept import accept, checked
from ledger_sync.checklog import CheckLog
from ledger_sync.clock import Grade
from ledger_sync.denials import Denials
from ledger_sync.feed import Use
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.merkle import frontier_of
from ledger_sync.replica import Replica
from ledger_sync.state import holder_of
from ledger_sync.store import Store
from ledger_sync.trust import pinned

NOW, HOUR, DAY = 1_700_000_000, 3_600, 86_400
RESIDENT, VISITOR, ITEM = 1, 4, 8
SITE, GATE, LIST = "yp:hz07", "yp:hz07/n", "yp:hz07/s/1"
IN, OUT = Direction.IN, Direction.OUT
GOOD, FAIR, POOR = Grade
C, B, STATIC = Form.REFERENCE, Form.SELF_CONTAINED, Form.STATIC
NUMBER = b"gatenmbr"  # the nonce the gate shows


def key_named(name: str, alg: int = ED25519) -> SigningKey:
    return SigningKey(alg, hashlib.sha256(name.encode()).digest())


OFFICE, RETIRED, KIOSK = key_named("office"), key_named("retired"), key_named("kiosk")
STRANGER = key_named("stranger")
ISSUERS = (
    entries.Issuer(SITE, OFFICE.public, NOW - 300 * DAY, NOW + 300 * DAY, 0b1_1111_1110),
    entries.Issuer(SITE, RETIRED.public, NOW - 9 * DAY, NOW - 5 * DAY, 0b10),
    entries.Issuer(SITE, KIOSK.public, NOW - 300 * DAY, NOW + 300 * DAY, 1 << VISITOR),
)
_LOG, _WITNESS = key_named("log"), key_named("witness")
_LOG_KEY = note.Verifier("yardpass/hz07", note.NOTE_KEY, _LOG.public.raw)
_WITNESS_KEY = note.Verifier("committee", note.COSIGNER_KEY, _WITNESS.public.raw)
_POLICY = f"log {_LOG_KEY.to_vkey()}\nwitness w {_WITNESS_KEY.to_vkey()}\nquorum w\n"
TRUST = pinned(_POLICY.encode(), _LOG_KEY.name)


class Person(NamedTuple):
    """A pass, and the key of its holder; None for the holder of a printed pass."""

    key: SigningKey | None
    claims: Pass
    token: bytes
    issuer: SigningKey

    def enrolment(self) -> entries.Pass:
        at = self.claims
        ours = (at.subject, at.uri, at.idx, at.klass, at.zones, at.assurance)
        key = self.key.public if self.key else None
        kid, handle = self.issuer.public.kid, handle_of(self.token)
        return entries.Pass(handle, kid, *ours, at.issued_at, at.expires_at, key)

    def status(self, value: int) -> entries.Status:
        return entries.Status(self.claims.uri, NOW, ((self.claims.idx, value),))


def person(
    name: str, *, alg: int = ED25519, issuer: SigningKey = OFFICE, bearer: bool = False, **claims
) -> Person:
    key = None if bearer else key_named(name, alg)
    index = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big")
    begin, end, public = NOW - DAY, NOW + 30 * DAY, key.public if key else None
    held = Pass(SITE, name, begin, end, public, LIST, index, RESIDENT, 1, int(not bearer))
    held = held._replace(**claims)
    return Person(key, held, issue(held, issuer), issuer)


def use(holder: int, at: int) -> Use:
    """What a gate notes that accepted a code of this holder and time."""
    return Use(bytes(16), holder, at, int(IN), at, 0)


def show(
    form: Form,
    who: Person,
    at: int = NOW,
    *,
    audience: str = SITE,
    nonce: bytes | None = None,
    key: SigningKey | None = None,
) -> bytes:
    """The text of a code; `key` signs it instead of the holder's own."""
    if form is STATIC:
        return code.to_text(who.token)
    stated = {"audience": audience, "issued_at": at, "key": key or who.key, "nonce": nonce}
    if form is C:
        return code.by_reference(handle_of(who.token), **stated)
    return code.self_contained(who.token, **stated)


class Compound:
    """A store and its ledger; whoever makes one closes its store."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"
        self.store = Store.create(self.path, origin=_LOG_KEY.name, floor=0)
        self.replica, self.log = Replica(self.store), CheckLog(self.store)
        self.feed = self.log.open_feed("yardpass/hz07/n/01", b"opening", NOW)
        self._entries: list[bytes] = []
        self._log_size = 0

    def publish(self, *new: entries.Entry, at: int = NOW) -> None:
        """Applied through a connection of its own, as another process does it."""
        self._entries += map(entries.to_bytes, new)
        root = frontier_of(self._entries).root()
        text = note.Checkpoint(_LOG_KEY.name, len(self._entries), root).to_text()
        signed = text + "\n" + note.sign_note(text, _LOG_KEY, _LOG)
        signed += note.sign_note(text, _WITNESS_KEY, _WITNESS, time=at)
        with Store(self.path, synchronous="OFF") as store:
            replica = Replica(store)
            held = replica.frontier()
            candidate = checked(signed.encode(), trust=TRUST, known=replica.position())
            fresh = [self._entries[held.size :]] if self._entries[held.size :] else []
            replica.apply(accept(candidate, fresh, trust=TRUST, frontier=held), trust=TRUST)

    def used(self, who: Person, at: int) -> None:
        """The log of a gate that accepted a code of this person."""
        self._log_size += 1
        used = use(holder_of(who.key.public.raw), at)
        self.log.append(self.feed, self._log_size, b"check", use=used)

    def checker(self, way: Direction = IN, zones: int = 1, neighbours: Any = None) -> Checker:
        return Checker(self.replica, Gate(SITE, "n", way, zones), neighbours=neighbours)

    def gate_of(self, scenario: Any) -> Checker:
        """The checker of the gate that a scenario of any table is played at."""
        zones = getattr(scenario, "zones", 1)
        return self.checker(scenario.way, zones, getattr(scenario, "neighbours", None))


def outcome(verdict: Verdict) -> str:
    """A verdict in words: GREEN OPEN, or RED DENY R-SIG."""
    return " ".join((verdict.colour.name, verdict.action.name, *verdict.reasons))


class Scenario(NamedTuple):
    """One presentation; `rule` names the compound by its rule for printed passes."""

    text: bytes
    ends: str
    now: int = NOW
    grade: int = GOOD
    nonce: bytes | None = None
    way: Direction = IN
    rule: str = "green"
    forgotten: str = ""  # a step of verify.py that neither looks nor leaves a mark

    def assess(self, checker: Checker) -> Assessed:
        return checker.assess(self.text, self.now, grade=self.grade, nonce=self.nonce)


ANN, BOB = person("ann"), person("bob", alg=ES256)
PEOPLE = {"ed": ANN, "p256": BOB}
PRINTED, PRINTED_VISITOR = person("card", bearer=True), person("note", bearer=True, klass=VISITOR)
GUEST, PARCEL = person("vic", klass=VISITOR), person("parcel", klass=ITEM)
REVOKED, SUSPENDED, ESCORTED = person("rex"), person("sue"), person("con")
USED, ELSEWHERE = person("use"), person("else", zones=0b1100)
LATE, GONE = person("late", expires_at=NOW + 1), person("gone", expires_at=NOW)
EARLY, TOO_EARLY = person("early", issued_at=NOW + 300), person("sooner", issued_at=NOW + 301)
FIRST = person("first", issuer=RETIRED, issued_at=NOW - 9 * DAY)
TOO_FIRST = person("first2", issuer=RETIRED, issued_at=NOW - 9 * DAY - 1)
LAST = person("last", issuer=RETIRED, issued_at=NOW - 5 * DAY)
TOO_LAST = person("last2", issuer=RETIRED, issued_at=NOW - 5 * DAY + 1)
NOT_THEIRS, THEIRS = person("kim", issuer=KIOSK), person("vee", issuer=KIOSK, klass=VISITOR)
UNLISTED = person("nolist", uri="yp:hz07/s/9")
DENIED, DENIED_AT = person("denny"), NOW - HOUR
NEVER, SELF_MADE = person("never"), person("self", issuer=STRANGER)
_ALIAS = ANN.claims._replace(issuer="yp:bj01")
ALIAS = ANN._replace(claims=_ALIAS, token=issue(_ALIAS, OFFICE))
FORGED = ANN._replace(token=ANN.token[:-64] + person("ann", issuer=STRANGER).token[-64:])
FORGED_PRINT = PRINTED._replace(token=PRINTED.token[:-1] + bytes((PRINTED.token[-1] ^ 1,)))
ENROLLED = (
    *(ANN, BOB, GUEST, PARCEL, REVOKED, SUSPENDED, ESCORTED, USED, ELSEWHERE, LATE, GONE, EARLY),
    *(TOO_EARLY, FIRST, TOO_FIRST, LAST, TOO_LAST, NOT_THEIRS, THEIRS, DENIED),
)


def _ask(name: str) -> dict[str, str]:
    return {"var": f"external.{name}"}


_HOUSE = (
    # id, reason, for whom, what must be true; NOW is a Tuesday, 22:13 in UTC
    ("hours", "R-TIME", "staff", {"<=": [360, _ask("minute_of_day"), 1_260]}),
    ("curfew", "R-CURFEW", "courier", {"!": [_ask("curfew")]}),
    ("handed on", "R-APB", "household", {"!": [{"and": [_ask("zone_heard"), {
        "===": [_ask("last_direction"), "in"]}]}]}),
    ("inside", "Y-APB", "household", {"!": [{"===": [_ask("last_direction"), "in"]}]}),
    ("full", "R-FULL", "visitor", {"<": [_ask("occupancy"), 2]}),
    ("never", "R-RULE", "vehicle", False),
    ("guard", "Y-RULE", "item", False),
    ("second", "Y-SECOND", "emergency", {"if": [
        _ask("second_person_age"), {"<=": [_ask("second_person_age"), 20]}, False]}),
)  # fmt: skip
HOUSE = json.dumps(
    {
        "curfew": [{"from": "22:00", "to": "24:00"}],
        "soft": ["Y-CONDITION"],
        "rules": [
            {"id": name, "reason": reason, "for": [who], "logic": logic}
            for name, reason, who, logic in _HOUSE
        ],
    }
).encode()
"""The rule of the compound "house": one rule of its own for each class but residents."""


def furnish(compound: Compound, rule: str = "green") -> Compound:
    """The population of the scenarios, and the rule for printed passes."""
    text = b'{"static": "%b", "number": "%b"}' % (rule.encode(), rule.encode())
    compound.publish(
        *ISSUERS,
        *(who.enrolment() for who in ENROLLED),
        *(REVOKED.status(1), SUSPENDED.status(2), ESCORTED.status(3)),
        entries.Rule("gate", HOUSE if rule == "house" else text),
    )
    compound.publish(entries.Unknown("novelty", 1 << ITEM))
    compound.used(USED, NOW - 7)
    place = (DENIED.claims.uri, DENIED.claims.idx)
    note_of_office = deny.sign(_LOG_KEY.name, [place], issued_at=DENIED_AT, key=OFFICE)
    Denials(compound.store).add(note_of_office, trust=TRUST, now=NOW)
    return compound


def _bare(claims: dict[cbor.Key, cbor.Value]) -> bytes:
    header: cose.Header = {cose.KID: handle_of(ANN.token)}
    return code.to_text(cose.sign1(cbor.encode(claims), protected=header, key=ANN.key))


def _scenarios_of_forms() -> dict[str, Scenario]:
    table = {}
    for form in (C, B):
        for kind, who in PEOPLE.items():
            other = key_named("other", who.key.alg)
            name = f"{form.name} {kind}"
            table[name] = Scenario(show(form, who), "GREEN OPEN")
            table[f"{name} for this gate"] = Scenario(show(form, who, audience=GATE), "GREEN OPEN")
            for audience in ("yp:hz08", "yp:hz07/s", "yp:hz07/", "n"):
                text = show(form, who, audience=audience)
                table[f"{name} for {audience}"] = Scenario(text, "RED DENY R-AUD")
            text = show(form, who, key=other)
            table[f"{name} signed by another"] = Scenario(text, "RED DENY R-SIG")
            right, wrong = show(form, who, nonce=NUMBER), show(form, who, nonce=b"anothers")
            table[f"{name} right nonce"] = Scenario(right, "GREEN OPEN", nonce=NUMBER)
            table[f"{name} wrong nonce"] = Scenario(wrong, "RED DENY R-NONCE", nonce=NUMBER)
            table[f"{name} nonce of no gate"] = Scenario(right, "RED DENY R-NONCE")
        for grade, back, ahead in ((GOOD, 20, 5), (FAIR, 30, 10)):
            for age, ends in (
                *((back, "GREEN OPEN"), (back + 1, "RED DENY R-STALE")),
                *((-ahead, "GREEN OPEN"), (-ahead - 1, "RED DENY R-FUTURE")),
            ):
                text = show(form, ANN, NOW - age)
                table[f"{form.name} {grade.name} {age} s"] = Scenario(text, ends, grade=grade)
    return table


def _scenarios_of_people() -> dict[str, Scenario]:
    stale, old = NOW + HOUR + 1, NOW + 3 * DAY + 1
    grey, dark = "GREY OPEN G-STALE-STATUS", "GREY OPEN G-CLOCK"
    clock = {"grade": POOR, "nonce": NUMBER}
    poor = show(C, ANN, nonce=NUMBER)
    guest, late = show(C, GUEST, nonce=NUMBER), show(C, LATE, nonce=NUMBER)
    soon, before = show(B, TOO_EARLY, nonce=NUMBER), NOW - 9
    forged, step = show(C, ANN, key=STRANGER), "check_holder_signed"
    both = "YELLOW ASK Y-CONDITION G-STALE-STATUS"
    over = DENIED_AT + DAY
    return {
        "foreign": Scenario(b"HC1:6BFOXN", "RED DENY R-FOREIGN"),
        "damaged": Scenario(show(C, ANN)[:-1], "RED DENY R-FORM"),
        "claims of another kind": Scenario(_bare({1: 2}), "RED DENY R-FORM"),
        "nobody's handle": Scenario(show(C, NEVER), "RED DENY R-UNKNOWN"),
        "self-made issuer": Scenario(show(B, SELF_MADE), "RED DENY R-ISSUER"),
        "another issuer's name": Scenario(show(B, ALIAS), "RED DENY R-ISSUER"),
        "issuer's signature forged": Scenario(show(B, FORGED), "RED DENY R-SIG"),
        "print forged": Scenario(show(STATIC, FORGED_PRINT), "RED DENY R-SIG"),
        "pass without its proof": Scenario(show(STATIC, ANN), "RED DENY R-PROOF"),
        "print in a code": Scenario(show(B, PRINTED, key=STRANGER), "RED DENY R-PROOF"),
        "not enrolled but carried": Scenario(show(B, NEVER), "GREEN OPEN"),
        "forgotten step": Scenario(forged, "RED DENY R-INCOMPLETE", forgotten=step),
        "issuer's first second": Scenario(show(C, FIRST), "GREEN OPEN"),
        "before the issuer": Scenario(show(B, TOO_FIRST), "RED DENY R-CLASS"),
        "issuer's last second": Scenario(show(B, LAST), "GREEN OPEN"),
        "after the issuer": Scenario(show(C, TOO_LAST), "RED DENY R-CLASS"),
        "class not theirs": Scenario(show(C, NOT_THEIRS), "RED DENY R-CLASS"),
        "class theirs": Scenario(show(C, THEIRS), "GREEN OPEN"),
        "begins as far ahead as allowed": Scenario(show(B, EARLY), "GREEN OPEN"),
        "begins later": Scenario(show(B, TOO_EARLY), "RED DENY R-BEGIN"),
        "last second": Scenario(show(C, LATE), "GREEN OPEN"),
        "expired": Scenario(show(C, LATE, NOW + 1), "RED DENY R-EXP", now=NOW + 1),
        "expired before the floor": Scenario(show(C, GONE, before), "RED DENY R-EXP", before),
        "next code": Scenario(show(C, USED, NOW - 6), "GREEN OPEN"),
        "used code": Scenario(show(C, USED, NOW - 7), "RED DENY R-REPLAY"),
        "used code in another form": Scenario(show(B, USED, NOW - 7), "RED DENY R-REPLAY"),
        "older code": Scenario(show(B, USED, NOW - 8), "RED DENY R-REPLAY"),
        "other zone": Scenario(show(C, ELSEWHERE), "RED DENY R-ZONE"),
        "revoked": Scenario(show(C, REVOKED), "RED DENY R-REVOKED"),
        "revoked, carried": Scenario(show(B, REVOKED), "RED DENY R-REVOKED"),
        "suspended": Scenario(show(C, SUSPENDED), "RED DENY R-SUSPENDED"),
        "conditional": Scenario(show(B, ESCORTED), "YELLOW ASK Y-CONDITION"),
        "denied": Scenario(show(C, DENIED), "RED DENY R-DENIED"),
        "denied, carried": Scenario(show(B, DENIED), "RED DENY R-DENIED"),
        "denied a day less a second": Scenario(
            show(C, DENIED, over - 1), "RED DENY R-DENIED", now=over - 1
        ),
        "denied a day ago": Scenario(show(C, DENIED, over), grey, now=over),
        "denied a day ago, carried": Scenario(show(B, DENIED, over), grey, now=over),
        "no clock, denied a day ago": Scenario(
            show(C, DENIED, nonce=NUMBER), "RED DENY R-DENIED", **clock, now=over
        ),
        "out, denied": Scenario(show(C, DENIED), "RED OPEN R-DENIED", way=OUT),
        "no list": Scenario(show(B, UNLISTED), "GREY ASK G-NO-STATUS"),
        "print": Scenario(show(STATIC, PRINTED), "GREEN OPEN"),
        "print, yellow": Scenario(show(STATIC, PRINTED), "YELLOW ASK Y-IDCHECK", rule="yellow"),
        "print, red": Scenario(show(STATIC, PRINTED), "RED DENY R-STATIC", rule="red"),
        "code, red prints": Scenario(show(C, ANN), "GREEN OPEN", rule="red"),
        "print, stale": Scenario(show(STATIC, PRINTED), grey, now=stale),
        "print, no clock": Scenario(show(STATIC, PRINTED), "GREY ASK G-CLOCK", **clock),
        "unreadable entry": Scenario(show(C, PARCEL), "GREY ASK G-UPDATE"),
        "fresh list": Scenario(show(C, ANN, stale - 1), "GREEN OPEN", now=stale - 1),
        "stale list": Scenario(show(C, ANN, stale), grey, now=stale),
        "stale list, visitor": Scenario(show(C, GUEST, stale), grey.replace("OPEN", "ASK"), stale),
        "stalest list": Scenario(show(C, ANN, old - 1), grey, now=old - 1),
        "old list": Scenario(show(C, ANN, old), "GREY ASK G-OLD-STATUS", now=old),
        "oldest list": Scenario(
            show(C, ANN, NOW + 14 * DAY), "GREY ASK G-OLD-STATUS", now=NOW + 14 * DAY
        ),
        "list that is too old": Scenario(
            show(C, ANN, NOW + 14 * DAY + 1), "GREY DENY G-OLD-STATUS", now=NOW + 14 * DAY + 1
        ),
        "no list, right nonce": Scenario(
            show(B, UNLISTED, nonce=NUMBER), "GREY ASK G-NO-STATUS", nonce=NUMBER
        ),
        "conditional, soft": Scenario(show(B, ESCORTED), "YELLOW OPEN Y-CONDITION", rule="house"),
        "stale and conditional": Scenario(show(B, ESCORTED, stale), both, now=stale),
        "no clock": Scenario(show(C, ANN), "GREY ASK G-CLOCK", **clock),
        "no clock, right nonce": Scenario(poor, dark, **clock),
        "no clock, wrong nonce": Scenario(poor, "RED DENY R-NONCE", grade=POOR, nonce=b"12345678"),
        "no clock, visitor": Scenario(guest, "GREY ASK G-CLOCK", **clock),
        "no clock, days off": Scenario(poor, f"{dark} G-STALE-STATUS", now=old, **clock),
        "no clock, expired": Scenario(show(C, GONE, nonce=NUMBER), "RED DENY R-EXP", **clock),
        "no clock, not expired": Scenario(late, dark, **clock, now=NOW + 1),
        "no clock, begins later": Scenario(soon, dark, **clock),
        "unreadable rule": Scenario(show(C, ANN), "RED DENY R-SETTINGS", rule="blue"),
        "out, unreadable rule": Scenario(
            show(B, ANN), "RED OPEN R-SETTINGS", way=OUT, rule="blue"
        ),
        "out, foreign": Scenario(b"HC1:6BFOXN", "RED OPEN R-FOREIGN", way=OUT),
        "out, revoked": Scenario(show(C, REVOKED), "RED OPEN R-REVOKED", way=OUT),
        "out, conditional": Scenario(show(B, ESCORTED), "YELLOW OPEN Y-CONDITION", way=OUT),
        "out, no clock": Scenario(show(C, ANN), "GREY OPEN G-CLOCK", way=OUT, grade=POOR),
        "out": Scenario(show(C, ANN), "GREEN OPEN", way=OUT),
    }


SCENARIOS = {**_scenarios_of_forms(), **_scenarios_of_people()}
RULES = ("green", "yellow", "red", "blue", "house")  # blue is a fault: its rule is unreadable
