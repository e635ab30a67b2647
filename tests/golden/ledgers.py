"""The ledger that the golden codes are shown against: sections 5 to 7."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from golden.case import Case
from makers import (
    ALL_CLASSES,
    AT,
    DAY,
    HOLDERS,
    LIST,
    OFFICE,
    OFFICE_P256,
    SITE,
    enrolled,
    pass_token,
    signer,
)

from appliance.passes import token
from ledger_sync import archive, cose, entries, merkle, note
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
        idx=claims.idx,
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


def _archive() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        archive.write(path, signed_note(), [], [entry_list()])
        return path.read_bytes()


def cases() -> Iterator[Case]:
    policy = tuple(("policy", line) for line in POLICY)
    export = _archive()
    what = "the ledger that all golden codes are shown against"
    more = (("origin", ORIGIN), *policy)
    yield Case("ledger", what, export, "7.4.1", "accepted", kind="export", more=more)
