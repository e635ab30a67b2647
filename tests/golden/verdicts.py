"""Section 4.6: true codes that a gate does not open for, each for the one reason named."""

from collections.abc import Iterator

from golden.case import Case
from golden.ledgers import CONDITION, ITEM, ORIGIN, REVOKED, SUSPENDED
from golden.showings import by_reference, self_contained, token_in
from makers import (
    AT,
    DAY,
    LIST,
    NONCE,
    OFFICE,
    OFFICE_P256,
    PHONE,
    SITE,
    odd_code,
    pass_token,
)

from appliance.passes import code
from appliance.passes.token import handle_of
from ledger_sync import deny

HOUR = 3_600


def cases() -> Iterator[Case]:
    yield from _rights()
    yield from _audiences()
    yield from _times()
    yield from _replays()
    yield from _doubts()


def _rights() -> Iterator[Case]:
    body = pass_token(office=OFFICE_P256, klass=4)
    what = "a visitor's pass of an issuer of residents"
    yield Case("class-not-granted", what, body, "4.6.3", "R-CLASS")
    body = pass_token(issued_at=AT + 400 * DAY, expires_at=AT + 401 * DAY)
    yield Case("issued-too-late", "issued when the key had ended", body, "4.6.3", "R-CLASS")
    body = pass_token(issued_at=AT + 301, expires_at=AT + DAY)
    yield Case("begins-later", "a pass that begins in 301 s", body, "4.6.6", "R-BEGIN")
    body = pass_token(issued_at=AT - DAY, expires_at=AT)
    yield Case("expired", "a pass that ends now", body, "4.6.7", "R-EXP")
    yield Case("zone-other", "a pass for zone 2", pass_token(zones=4), "4.6.11", "R-ZONE")
    for name, idx, expect in (
        ("status-revoked", REVOKED, "R-REVOKED"),
        ("status-suspended", SUSPENDED, "R-SUSPENDED"),
        ("status-condition", CONDITION, "Y-CONDITION"),
    ):
        what = f"its place in the status list says {name.removeprefix('status-')}"
        yield Case(name, what, pass_token(idx=idx), "4.6.12", expect)
    body = pass_token(uri="yp:hz07/s/2")
    yield Case("status-list-unknown", "a list that is not here", body, "4.6.12", "G-NO-STATUS")
    for name, what, at, expect in (
        ("status-denied", "a guard denied it a moment ago", AT, "R-DENIED"),
        ("status-denied-before", "a denial that lapsed a second ago", AT - DAY, "accepted"),
    ):
        denial = deny.sign(ORIGIN, [(LIST, 40_211)], issued_at=at, key=OFFICE)
        more = (("denied", denial.hex()),)
        yield Case(name, what, pass_token(), "4.6.12", expect, more=more)


def _audiences() -> Iterator[Case]:
    body = by_reference("ed25519", audience="yp:hz08")
    yield Case("aud-other-site", "a code for another site", body, "4.6.4", "R-AUD")
    body = by_reference("ed25519", audience=f"{SITE}/south")
    yield Case("aud-other-gate", "a code for another gate", body, "4.6.4", "R-AUD")
    body = by_reference("ed25519", nonce=NONCE)
    other = (("nonce", NONCE[::-1].hex()),)
    yield Case("nonce-other", "a nonce of another moment", body, "4.6.5", "R-NONCE", more=other)
    yield Case("nonce-unasked", "the gate shows no nonce", body, "4.6.5", "R-NONCE")


def _times() -> Iterator[Case]:
    body = by_reference("ed25519")
    for name, what, rule, expect, at in (
        ("age-21-seconds", "a second past the window", "4.6.8", "R-STALE", AT + 21),
        ("age-8-hours", "8 hours old: times are UTC alone", "4.6.8", "R-STALE", AT + 8 * HOUR),
        ("ahead-6-seconds", "a second before the window", "4.6.9", "R-FUTURE", AT - 6),
        ("ahead-8-hours", "8 hours ahead", "4.6.9", "R-FUTURE", AT - 8 * HOUR),
    ):
        yield Case(name, what, body, rule, expect, at=at)
    what = "21 s old, by a clock that is only FAIR"
    fair = (("grade", "1"),)
    yield Case("age-21-fair", what, body, "4.6.8", "accepted", at=AT + 21, more=fair)


def _replays() -> Iterator[Case]:
    holder = ("holder", PHONE.public.raw.hex())
    used = (("last", str(AT)), holder)
    body = by_reference("ed25519")
    yield Case("shown-again", "the same code once more", body, "4.6.10", "R-REPLAY", more=used)
    header = {1: -19, 4: handle_of(pass_token(PHONE))}
    body = odd_code({3: SITE, 6: AT}, header=header)
    what = "the content of a used code, signed anew into other bytes"
    yield Case("resigned-same-time", what, body, "4.6.10", "R-REPLAY", more=used)
    body = self_contained("ed25519")
    what = "another form, made in the second of a used code"
    yield Case("other-form-same-time", what, body, "4.6.10", "R-REPLAY", more=used)
    body = by_reference("ed25519", at=AT - 1)
    what = "a code made before one that was used"
    yield Case("overtaken", what, body, "4.6.10", "R-REPLAY", more=used)


def _doubts() -> Iterator[Case]:
    body = pass_token(klass=ITEM)
    what = "a class the ledger holds something unreadable about"
    yield Case("class-needs-update", what, body, "4.6.14", "G-UPDATE")
    body = by_reference("ed25519")
    poor = ("grade", "2")
    yield Case("clock-poor", "the gate has no time", body, "4.6.15", "G-CLOCK", more=(poor,))
    later = AT + 2 * HOUR
    text = code.by_reference(
        handle_of(pass_token(PHONE)), audience=SITE, issued_at=later, key=PHONE
    )
    what = "the ledger is two hours old"
    body = token_in(text)
    yield Case("ledger-old", what, body, "4.6.16", "G-STALE-STATUS", at=later)
