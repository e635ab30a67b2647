"""The ledger the golden codes are shown against, and the records a gate keeps: sections 5 to 8."""

import hashlib
from collections.abc import Iterator

from golden.case import Case
from makers import (
    ALL_CLASSES,
    AT,
    DAY,
    GATE,
    HOLDERS,
    LIST,
    OFFICE,
    OFFICE_P256,
    PHONE,
    SITE,
    enrolled,
    pass_token,
    signer,
)

from appliance.passes import token
from appliance.passes.verify import REQUIRED
from appliance.policy import site_rule
from appliance.policy.facts import Audience, Facts
from ledger_sync import accept, cose, entries, feed, merkle, note
from ledger_sync.note import COSIGNER_KEY, NOTE_KEY, Verifier

ORIGIN = "yardpass/hz07"
QUORUM_AT = AT - 600
LOG, COMMITTEE, TERMINAL = signer("ledger"), signer("committee"), signer("terminal")
LOG_VERIFIER = Verifier(ORIGIN, NOTE_KEY, LOG.public.raw)
COMMITTEE_VERIFIER = Verifier("hz07-committee", COSIGNER_KEY, COMMITTEE.public.raw)
POLICY = (
    f"log {LOG_VERIFIER.to_vkey()}",
    f"witness committee {COMMITTEE_VERIFIER.to_vkey()}",
    "quorum committee",
)
RULE = (
    b'{"fresh_seconds": 3600, "stale_seconds": 259200, "static": "green",'
    b' "stale_opens": [1, 2, 3]}'
)
REVOKED, SUSPENDED, CONDITION = 7, 8, 9  # places in the status list
LEFT = pass_token(signer("left"), idx=77)
ITEM = 8


def _enrol(held: bytes) -> entries.Pass:
    row = enrolled(held)
    claims = token.claims_of(cose.open1(held).payload)
    return entries.Pass(
        handle=token.handle_of(held),
        kid=row.kid,
        subject=claims.subject,
        uri=claims.uri,
        index=claims.idx,
        klass=row.klass,
        zones=row.zones,
        assurance=row.assurance,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        key=claims.key,
    )


def entry_list() -> list[bytes]:
    """The ledger of the compound, oldest entry first."""
    year = 365 * DAY
    window = (AT - year, AT + year)
    status = entries.Status(LIST, AT - DAY, ((REVOKED, 1), (SUSPENDED, 2), (CONDITION, 3)))
    return [
        entries.to_bytes(entries.Issuer(SITE, OFFICE.public, *window, ALL_CLASSES)),
        entries.to_bytes(entries.Issuer(SITE, OFFICE_P256.public, *window, 0b1110)),
        *(entries.to_bytes(_enrol(pass_token(holder))) for holder in HOLDERS.values()),
        entries.to_bytes(_enrol(pass_token())),
        entries.to_bytes(_enrol(LEFT)),
        entries.to_bytes(entries.Unpass(token.handle_of(LEFT))),
        entries.to_bytes(status),
        entries.to_bytes(entries.Rule("gate", RULE)),
        entries.to_bytes(entries.Unknown("tariff", 1 << ITEM)),
    ]


def signed_note() -> bytes:
    root = merkle.frontier_of(entry_list()).root()
    text = note.Checkpoint(ORIGIN, len(entry_list()), root).to_text()
    log_line = note.sign_note(text, LOG_VERIFIER, LOG)
    cosignature = note.sign_note(text, COMMITTEE_VERIFIER, COMMITTEE, time=QUORUM_AT)
    return f"{text}\n{log_line}{cosignature}".encode()


def _check() -> bytes:
    """The record of a green check by reference."""
    row = enrolled(pass_token(PHONE))
    facts = Facts(
        form=1,
        refused="",
        marks=REQUIRED[1],
        gate_zones=1,
        klass=row.klass,
        zones=row.zones,
        assurance=row.assurance,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        issuer_since=AT - 365 * DAY,
        issuer_until=AT + 365 * DAY,
        issuer_classes=ALL_CLASSES,
        audience=int(Audience.SITE),
        code_at=AT,
        quorum_time=QUORUM_AT,
        floor=QUORUM_AT,
        critical=1 << ITEM,
        rule=site_rule.read(RULE),
    )
    day = feed.day_key(b"site secret of the examples", AT)
    return feed.Check(
        colour=0,
        action=0,
        at=AT,
        error_seconds=1,
        ledger_size=len(entry_list()),
        pseudonym=feed.pseudonym(day, token.handle_of(pass_token(PHONE))),
        digest=hashlib.sha256(b"what was presented").digest()[:16],
        gate=GATE,
        reasons=(),
        facts=facts.to_bytes(),
    ).to_bytes()


def _opening() -> bytes:
    return feed.Opening(TERMINAL.public.raw, 3, bytes(8), 1204, "0.1.0", QUORUM_AT).to_bytes()


def cases() -> Iterator[Case]:
    policy = tuple(("policy", line) for line in POLICY)
    export = accept.join(signed_note(), entry_list())
    what = "the ledger that all golden codes are shown against"
    more = (("origin", ORIGIN), *policy)
    yield Case("ledger", what, export, "7.4.1", "accepted", kind="export", more=more)
    what = "the record of a green check by reference"
    yield Case("check-green", what, _check(), "8.2.1", "accepted", kind="check")
    what = "entry 0 of a feed"
    yield Case("feed-opening", what, _opening(), "1.1", "accepted", kind="opening")
