"""Visitors, a lockdown, and the rules of a house before the gate of the small compound."""

from typing import NamedTuple

from compound import (
    ANN,
    BOB,
    DAY,
    DENIED,
    GOOD,
    HOUR,
    IN,
    NEVER,
    NOW,
    NUMBER,
    OFFICE,
    OUT,
    PARCEL,
    POOR,
    REVOKED,
    SITE,
    SUSPENDED,
    TRUST,
    B,
    C,
    Compound,
    Person,
    key_named,
    person,
    show,
    use,
)

from appliance.gate.withdrawing import verifier_of
from appliance.passes import code, invite
from appliance.passes.token import handle_of
from appliance.policy.facts import Direction
from ledger_sync import deny, entries, order
from ledger_sync.denials import Denials
from ledger_sync.keys import ES256, SigningKey
from ledger_sync.orders import Orders
from ledger_sync.state import number_of
from ledger_sync.withdrawals import Withdrawals

VICTOR, VERA = key_named("victor"), key_named("vera", ES256)
STAFF = person("staff", klass=3)
LOCKED_ZONE = 20
BEHIND = person("behind", zones=1 | 1 << LOCKED_ZONE)
MEDIC = person("medic", klass=6, zones=1 | 1 << LOCKED_ZONE)
CAPTAIN = key_named("captain")
ORDERING = entries.Issuer("captain", CAPTAIN.public, NOW - DAY, NOW + DAY, 0, entries.MAY_ORDER)


class Given(NamedTuple):
    """What a host gives away in a scenario."""

    begin: int = NOW - 60
    last: int = HOUR
    zones: int = 1
    uses: int = 2
    flags: int = 0
    cti: bytes = b"visit001"
    audience: str | None = None


def given(host: Person, key: SigningKey | None, terms: Given = Given(), *, by=None, carried=False):  # noqa: B008 - a constant
    """The invite (form D); `by` signs it instead of the host's own key."""
    claims = invite.Invite(
        terms.begin, terms.begin + terms.last, terms.cti, key.public if key else None,
        terms.audience, terms.zones, terms.uses, terms.flags,
    )  # fmt: skip
    named = invite.by_pass(host.token) if carried else invite.by_handle(handle_of(host.token))
    return invite.invite(claims, host=named, key=by or host.key)


def visit(host, terms=Given(), at=NOW, *, key=VICTOR, nonce=None, audience=SITE, **more):  # noqa: B008 - a constant
    """The code of a visitor (form E)."""
    made = given(host, key, terms, **more)
    return invite.visitor_code(made, audience=audience, issued_at=at, key=key, nonce=nonce)


def paper(host, terms=Given(), **more):  # noqa: B008 - a constant
    """A printed invite (form F)."""
    return invite.bearer(given(host, None, terms, **more))


WITHDRAWN, BLOCKED = Given(cti=b"visit-04"), Given(cti=b"visit-05")
USED, USED_UP = Given(cti=b"visit-02"), Given(cti=b"visit-03", uses=1)


def furnish_guests(compound: Compound) -> Compound:
    """The people of these scenarios, invites that were used, and a lockdown of one zone."""
    compound.publish(ORDERING, *(who.enrolment() for who in (STAFF, BEHIND, MEDIC)))
    for terms in (USED, USED_UP):
        credential = invite.credential_of(handle_of(ANN.token), terms.cti)
        compound._log_size += 1
        used = use(number_of(credential), NOW - 30)._replace(zone=9)
        compound.log.append(compound.feed, compound._log_size, b"check", use=used)
    host = invite.by_handle(handle_of(ANN.token))
    taken_back = invite.revocation(WITHDRAWN.cti, issued_at=NOW - 5, host=host, key=ANN.key)
    Withdrawals(compound.store, verifier_of(compound.store)).add(code.to_text(taken_back), now=NOW)
    blocked = number_of(invite.credential_of(handle_of(ANN.token), BLOCKED.cti))
    denial = deny.sign("yardpass/hz07", [], issued_at=NOW - 9, key=OFFICE, visitors=[blocked])
    Denials(compound.store).add(denial, trust=TRUST, now=NOW)
    note = order.sign(
        "yardpass/hz07", order.Kind.LOCKDOWN, 1 << LOCKED_ZONE, issued_at=NOW - 60, key=CAPTAIN
    )
    Orders(compound.store).add(note, trust=TRUST, now=NOW)
    return compound


class GuestScenario(NamedTuple):
    """One presentation; `rule` as in `compound.Scenario`."""

    text: bytes
    ends: str
    now: int = NOW
    grade: int = GOOD
    way: Direction = IN
    rule: str = "green"
    zones: int = 1
    nonce: bytes | None = None
    forgotten: str = ""

    def assess(self, checker):
        return checker.assess(self.text, self.now, grade=self.grade, nonce=self.nonce)


def _visits():
    clock = {"grade": POOR, "nonce": NUMBER}
    other = Given(zones=0b1100)
    two = 1 << LOCKED_ZONE
    return {
        "visitor": GuestScenario(visit(ANN), "GREEN OPEN"),
        "visitor, P-256 both": GuestScenario(visit(BOB, key=VERA), "GREEN OPEN"),
        "visitor, host's pass carried": GuestScenario(visit(NEVER, carried=True), "GREEN OPEN"),
        "visitor of a resident nobody enrolled": GuestScenario(visit(NEVER), "RED DENY R-UNKNOWN"),
        "visitor, another resident signed": GuestScenario(
            visit(ANN, by=BOB.key), "RED DENY R-SIG"
        ),
        "visitor's code without end": GuestScenario(
            visit(ANN, Given(last=12 * HOUR + 1)), "RED DENY R-INVITE"
        ),
        "visitor, as long as allowed": GuestScenario(
            visit(ANN, Given(last=12 * HOUR)), "GREEN OPEN"
        ),
        "visitor, too many uses": GuestScenario(visit(ANN, Given(uses=21)), "RED DENY R-INVITE"),
        "visitor of staff": GuestScenario(visit(STAFF), "RED DENY R-INVITE"),
        "visitor of an item": GuestScenario(visit(PARCEL), "RED DENY R-INVITE G-UPDATE"),
        "visitor of who was revoked": GuestScenario(visit(REVOKED), "RED DENY R-HOST"),
        "visitor of who was suspended": GuestScenario(visit(SUSPENDED), "RED DENY R-HOST"),
        "visitor of who was denied": GuestScenario(visit(DENIED), "RED DENY R-HOST"),
        "visitor of who was denied, carried": GuestScenario(
            visit(DENIED, carried=True), "RED DENY R-HOST"
        ),
        "visitor of who was revoked, carried": GuestScenario(
            visit(REVOKED, carried=True), "RED DENY R-HOST"
        ),
        "visitor, too early": GuestScenario(
            visit(ANN, Given(begin=NOW + 301)), "RED DENY R-BEGIN"
        ),
        "visitor, over": GuestScenario(
            visit(ANN, Given(begin=NOW - HOUR)), "RED DENY R-EXP"
        ),
        "visitor, another zone": GuestScenario(visit(ANN, other), "RED DENY R-ZONE"),
        "visitor, more zones than the host": GuestScenario(
            visit(ANN, Given(zones=two)), "RED DENY R-ZONE", zones=two
        ),
        "visitor for another gate": GuestScenario(
            visit(ANN, Given(audience=f"{SITE}/s")), "RED DENY R-AUD"
        ),
        "visitor for this gate": GuestScenario(
            visit(ANN, Given(audience=f"{SITE}/n")), "GREEN OPEN"
        ),
        "visitor's code for another site": GuestScenario(
            visit(ANN, audience="yp:hz08"), "RED DENY R-AUD"
        ),
        "visitor's old code": GuestScenario(visit(ANN, at=NOW - 21), "RED DENY R-STALE"),
        "visitor's code of the future": GuestScenario(visit(ANN, at=NOW + 6), "RED DENY R-FUTURE"),
        "visitor, second entry": GuestScenario(visit(ANN, USED), "GREEN OPEN"),
        "visitor, the code used before": GuestScenario(
            visit(ANN, USED, NOW - 30), "RED DENY R-STALE"
        ),
        "visitor, used up": GuestScenario(visit(ANN, USED_UP), "RED DENY R-QUOTA"),
        "visitor, used up, leaves": GuestScenario(visit(ANN, USED_UP), "GREEN OPEN", way=OUT),
        "visitor without escort": GuestScenario(
            visit(ANN, Given(flags=1)), "YELLOW ASK Y-ESCORT"
        ),
        "visitor, no clock": GuestScenario(visit(ANN), "GREY ASK G-CLOCK", grade=POOR),
        "visitor, no clock, right nonce": GuestScenario(
            visit(ANN, nonce=NUMBER), "GREY ASK G-CLOCK", **clock
        ),
        "visitor, wrong nonce": GuestScenario(
            visit(ANN, nonce=b"anothers"), "RED DENY R-NONCE", nonce=NUMBER
        ),
        "visitor, taken back": GuestScenario(visit(ANN, WITHDRAWN), "RED DENY R-WITHDRAWN"),
        "visitor, taken back, leaves": GuestScenario(
            visit(ANN, WITHDRAWN), "RED OPEN R-WITHDRAWN", way=OUT
        ),
        "visitor, blocked": GuestScenario(visit(ANN, BLOCKED), "RED DENY R-BLOCKED"),
        "visitor, blocked a day ago": GuestScenario(
            visit(ANN, Given(cti=b"visit-05", begin=NOW + DAY - 60), NOW + DAY),
            "GREY ASK G-STALE-STATUS", now=NOW + DAY,
        ),
        "paper, taken back": GuestScenario(paper(ANN, WITHDRAWN), "RED DENY R-WITHDRAWN"),
        "paper, blocked": GuestScenario(paper(ANN, BLOCKED), "RED DENY R-BLOCKED"),
        "paper": GuestScenario(paper(ANN), "GREEN OPEN"),
        "paper, as long as allowed": GuestScenario(paper(ANN, Given(last=4 * HOUR)), "GREEN OPEN"),
        "paper, longer": GuestScenario(
            paper(ANN, Given(last=4 * HOUR + 1)), "RED DENY R-INVITE"
        ),
        "paper, used once": GuestScenario(paper(ANN, USED), "GREEN OPEN"),
        "paper, used up": GuestScenario(paper(ANN, USED_UP), "RED DENY R-QUOTA"),
        "paper for another gate": GuestScenario(
            paper(ANN, Given(audience=f"{SITE}/s")), "RED DENY R-AUD"
        ),
        "keyed invite shown bare": GuestScenario(
            code.to_text(given(ANN, VICTOR)), "RED DENY R-PROOF"
        ),
        "taken back": GuestScenario(
            code.to_text(
                invite.revocation(
                    b"visit001", issued_at=NOW, key=ANN.key,
                    host=invite.by_handle(handle_of(ANN.token)),
                )
            ),
            "RED DENY R-WITHDRAWN",
        ),
        "taken back by a stranger": GuestScenario(
            code.to_text(
                invite.revocation(
                    b"visit001", issued_at=NOW, key=VICTOR,
                    host=invite.by_handle(handle_of(ANN.token)),
                )
            ),
            "RED DENY R-SIG",
        ),
    }  # fmt: skip


def _orders():
    two = 1 << LOCKED_ZONE
    return {
        "lockdown": GuestScenario(show(C, BEHIND), "RED DENY R-LOCKDOWN", zones=two),
        "lockdown, carried": GuestScenario(show(B, BEHIND), "RED DENY R-LOCKDOWN", zones=two),
        "lockdown, emergency": GuestScenario(show(C, MEDIC), "GREEN OPEN", zones=two),
        "lockdown, out": GuestScenario(
            show(C, BEHIND), "RED OPEN R-LOCKDOWN", way=OUT, zones=two
        ),
        "lockdown of another zone": GuestScenario(show(C, BEHIND), "GREEN OPEN"),
        "lockdown, a gate to both": GuestScenario(
            show(C, ANN), "RED DENY R-LOCKDOWN", zones=two | 1
        ),
    }  # fmt: skip


GUEST_SCENARIOS = {**_visits(), **_orders()}
