"""Section 8: what stands in a terminal's feed, how it is handed on, and the same gone wrong.

A batch is its bundle; its header lines say what comes with it (`start`, `count`, `note`, `sealed`)
and what is held before: `held` entries, end to end as a bundle.
"""

import hashlib
from collections.abc import Iterator

from golden.case import Case
from golden.ledgers import ITEM, QUORUM_AT, RULE, TERMINAL, entry_list
from makers import ALL_CLASSES, AT, DAY, GATE, PHONE, STRANGER, enrolled, pass_token, signer
from nacl.bindings import crypto_box_beforenm, crypto_box_easy_afternm, crypto_box_seed_keypair

from appliance.passes import token
from appliance.passes.verify import REQUIRED
from appliance.policy import site_rule
from appliance.policy.facts import Audience, Facts, Invitation
from ledger_sync import cbor, feed, masks, note
from ledger_sync.batch import sealed_bundle
from ledger_sync.feed import BUNDLE, Check
from ledger_sync.gate_alarm import GateAlarm
from ledger_sync.keys import SigningKey
from ledger_sync.merkle import frontier_of
from ledger_sync.sealing import auditor_key_of
from ledger_sync.tiles import bundle_of

SECRET = b"site secret of the examples"
AUDITOR = signer("auditor")
INCARNATION = bytes(range(8))
FEED = feed.origin_of("hz07", "north-1", INCARNATION)
HANDLE = token.handle_of(pass_token(PHONE))
_KEY = TERMINAL.public.raw


def cases() -> Iterator[Case]:
    yield from _openings()
    yield from _checks()
    yield from _facts()
    yield from _forgotten()
    yield from _sealed()
    yield from _heads()
    yield from _batches()


# 8.1 and 8.2: entries.

START = (_KEY, 3, bytes(8), 1204, "0.1.0", QUORUM_AT)


def _openings() -> Iterator[Case]:
    what = "entry 0 of a feed"
    opening = feed.Opening(*START).to_bytes()
    yield Case("feed-opening", what, opening, "8.1.1", "accepted", kind="opening")
    for name, what, items in (
        ("opening-key-31", "a key of 31 bytes", (_KEY[:31], *START[1:])),
        ("opening-after-7", "7 bytes of an incarnation", (*START[:2], bytes(7), *START[3:])),
        ("opening-boots-true", "true for a boot count", (_KEY, True, *START[2:])),
        ("opening-size-below-0", "less than no entries", (*START[:3], -1, *START[4:])),
        ("opening-time-2-to-63", "a time floor of 64 bits", (*START[:5], 2**63)),
    ):
        body = cbor.encode([0, *items])
        yield Case(name, what, body, "8.1.1", "R-LEDGER", kind="opening")
    body = cbor.encode([1, *START])
    yield Case("opening-kind-1", "a 1 in front", body, "8.1.1", "R-LEDGER", kind="opening")


def facts() -> Facts:
    """Those of a green check by reference."""
    row = enrolled(pass_token(PHONE))
    return Facts(
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


def check() -> Check:
    """The record of a green check by reference."""
    day = masks.day_key(SECRET, AT)
    digest = hashlib.sha256(b"what was presented").digest()[:16]
    return Check(
        colour=0,
        action=0,
        way=0,
        is_counted=1,
        zone=0,
        at=AT,
        hlc=AT * 1_000 << 16,
        error_seconds=1,
        ledger_size=len(entry_list()),
        pseudonym=masks.pseudonym(day, HANDLE),
        digest=digest,
        carrier=masks.masked(enrolled(pass_token(PHONE)).holder, day, digest),
        code_at=AT,
        quota=0,
        sealed=hashlib.sha256(box_of(HANDLE)).digest(),
        gate=GATE,
        reasons=(),
        facts=facts().to_bytes(),
    )


HOUR = 3_600
UNCOUNTED = {"is_counted": 0, "carrier": 0, "code_at": 0}


def red(facts_of_it: bytes, *reasons: str) -> Check:
    """A red check that counts for nobody."""
    made = check()._replace(colour=3, action=2, sealed=bytes(32), **UNCOUNTED)
    return made._replace(reasons=reasons, facts=facts_of_it)


def _checks() -> Iterator[Case]:
    green, raw = check(), check().to_bytes()
    what = "the record of a green check by reference"
    yield Case("check-green", what, raw, "8.2.1", "accepted", kind="check")
    what = "the record of an invite for two entries, at a gate that counts for no zone"
    invited = green._replace(zone=feed.NO_ZONE, quota=2).to_bytes()
    yield Case("check-invited", what, invited, "8.2.2", "accepted", kind="check")
    refused = Facts(form=1, refused="R-SIG", marks=0, rule=site_rule.read(RULE)).to_bytes()
    what = "the record of a code with a wrong signature"
    body = red(refused, "R-SIG").to_bytes()
    yield Case("check-refused", what, body, "8.2.4", "accepted", kind="check")
    two_spaces = green._replace(reasons=("G-CLOCK  G-UPDATE",)).to_bytes()
    for name, what, rule, body in (
        ("check-cut", "a check without its last byte", "8.2.1", raw[:-1]),
        ("check-longer", "a byte behind a check", "8.2.1", raw + b"\0"),
        ("check-latin", "a gate in Latin-1", "8.2.1", raw.replace(b"north", b"n\xf6rth")),
        ("check-two-spaces", "two spaces between reasons", "8.2.1", two_spaces),
        ("check-kind-2", "another kind", "8.2.1", b"\2" + raw[1:]),
        ("check-way-2", "neither in nor out", "8.2.2", green._replace(way=2).to_bytes()),
        ("check-counted-2", "counted twice", "8.2.2", green._replace(is_counted=2).to_bytes()),
        (
            "check-carrier",
            "a carrier of a check that does not count",
            "8.2.2",
            green._replace(is_counted=0, code_at=0).to_bytes(),
        ),
        ("check-zone-53", "a zone of no site", "8.2.2", green._replace(zone=53).to_bytes()),
        ("check-zone-254", "a zone of no site", "8.2.2", green._replace(zone=254).to_bytes()),
        (
            "check-quota",
            "a quota of a check that does not count",
            "8.2.2",
            green._replace(**UNCOUNTED, quota=1).to_bytes(),
        ),
    ):
        yield Case(name, what, body, rule, "R-LEDGER", kind="check")
    alarm = GateAlarm("forced", AT, AT * 1_000 << 16, "north").to_bytes()
    yield Case("alarm", "a gate was forced", alarm, "8.2.5", "accepted", kind="alarm")
    latin = alarm.replace(b"north", b"n\xf6rth")
    yield Case("alarm-latin", "a gate in Latin-1", latin, "8.2.5", "R-LEDGER", kind="alarm")


def guest() -> Facts:
    """Those of a green check of a visitor."""
    given = Invitation(AT - HOUR, AT + HOUR, 1, 2, 0, host_class=1)
    return facts()._replace(form=7, marks=REQUIRED[7], klass=4, assurance=1, uses=1, invite=given)


def _facts() -> Iterator[Case]:
    body = check()._replace(facts=guest().to_bytes()).to_bytes()
    what = "the record of a visitor, with what the host gave"
    yield Case("check-visitor", what, body, "8.2.3", "accepted", kind="check")
    whole = facts().to_bytes()
    last_way = len(whole) - 68
    assert whole[last_way : last_way + 1] == b"\xff"
    for name, what, body in (
        ("facts-144", "facts without their last byte", whole[:-1]),
        ("facts-form-10", "a form that nothing has", b"\x0a" + whole[1:]),
        ("facts-way-2", "a last way of no direction", _with(whole, last_way, 2)),
        ("facts-refused-2", "2 for refused", _with(whole, 1, 2)),
        ("facts-rule", "a rule that is not at hand", whole[:-8] + b"no rule!"),
        ("facts-weekday-8", "a weekday of no week", _with(whole, len(whole) - 31, 8)),
        ("facts-invite", "an invitation beside another form", whole + bytes(30)),
        ("facts-visitor-bare", "a visitor without an invitation", b"\x07" + whole[1:]),
    ):
        raw = check()._replace(facts=body).to_bytes()
        yield Case(name, what, raw, "8.2.3", "R-LEDGER", kind="check")
    refused = Facts(form=1, refused="R-SIG", marks=0, rule=site_rule.read(RULE)).to_bytes()
    for name, what, reasons in (
        ("check-refused-bare", "a refused check without a reason", ()),
        ("check-refused-grey", "a refused check that begins with a grey reason", ("G-CLOCK",)),
    ):
        body = red(refused, *reasons).to_bytes()
        yield Case(name, what, body, "8.2.4", "R-LEDGER", kind="check")


def _with(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes((value,)) + data[at + 1 :]


# 8.3: what only the auditor reads.


def box_of(plain: bytes, auditor: SigningKey = AUDITOR) -> bytes:
    """A sealed box whose key pair is made of a seed, so that it is the same each time."""
    to = auditor_key_of(auditor.public.raw)
    ephemeral, secret = crypto_box_seed_keypair(signer("ephemeral").seed)
    nonce = hashlib.blake2b(ephemeral + to, digest_size=24).digest()
    return ephemeral + crypto_box_easy_afternm(plain, nonce, crypto_box_beforenm(to, secret))


def _sealed() -> Iterator[Case]:
    box, more = box_of(HANDLE), (("opens", HANDLE.hex()),)
    what = "the handle, sealed for the auditor"
    yield Case("box", what, box, "8.3.1", "accepted", kind="box", more=more)
    for name, what, body in (
        ("box-other", "sealed for somebody else", box_of(HANDLE, STRANGER)),
        ("box-cut", "a box without its last byte", box[:-1]),
        ("box-flipped", "a box with a flipped bit", _with(box, 40, box[40] ^ 1)),
    ):
        yield Case(name, what, body, "8.3.1", "R-LEDGER", kind="box", more=more)


def _forgotten() -> Iterator[Case]:
    body = feed.Pruned(AT, AT - 30 * DAY, 12).to_bytes()
    what = "that sealed remainders were forgotten"
    yield Case("feed-forgotten", what, body, "8.3.3", "accepted", kind="forgotten")
    for name, what, items in (
        ("forgotten-true", "true for a number", [2, AT, AT - 30 * DAY, True]),
        ("forgotten-below-0", "a time before 1970", [2, AT, -1, 12]),
        ("forgotten-more", "an item more", [2, AT, AT - 30 * DAY, 12, 0]),
    ):
        body = cbor.encode(items)
        yield Case(name, what, body, "8.3.3", "R-LEDGER", kind="forgotten")


# 8.4: heads and batches.

ENTRIES = [
    feed.Opening(_KEY, 0, b"", 0, "0.1.0", QUORUM_AT).to_bytes(),
    check().to_bytes(),
    feed.Pruned(AT, AT - 30 * DAY, 12).to_bytes(),
]
SEALED = [b"", box_of(HANDLE), b""]


def head(
    entries: list[bytes], *, key: SigningKey = TERMINAL, name: str = FEED, text: str = ""
) -> str:
    """The signed head over these entries; `name` is whose it says to be, under the feed's key."""
    text = text or note.Checkpoint(name, len(entries), frontier_of(entries).root()).to_text()
    verifier = feed.verifier_of(FEED, key.public.raw)
    return text + "\n" + note.sign_note(text, verifier, key)


def _heads() -> Iterator[Case]:
    body, what = head(ENTRIES).encode(), "the head over three entries"
    more = (("origin", FEED), ("key", _KEY.hex()))
    yield Case("feed-head", what, body, "8.4.2", "accepted", kind="head", more=more)


def batch(
    name: str,
    what: str,
    rule: str,
    expect: str = "R-LEDGER",
    *,
    start: int = 1,
    entries: list[bytes] = ENTRIES,
    held: int = 1,
    count: int | None = None,
    text: str = "",
    bundle: bytes | None = None,
    sealed: bytes | None = None,
) -> Case:
    """Entries from `start` on, where the first `held` are there."""
    new = entries[start:]
    boxes = sealed_bundle(SEALED[start:]) if entries is ENTRIES else b""
    more = (
        ("origin", FEED),
        ("key", _KEY.hex()),
        ("start", str(start)),
        ("count", str(len(new) if count is None else count)),
        ("note", (text or head(entries)).encode().hex()),
        ("sealed", (boxes if sealed is None else sealed).hex()),
        ("has", str(held)),
        ("held", bundle_of(entries[:held]).hex() if held else ""),
    )
    body = bundle_of(new) if bundle is None else bundle
    return Case(name, what, body, rule, expect, kind="batch", more=more)


def _batches() -> Iterator[Case]:
    long = [ENTRIES[0], *[b"."] * BUNDLE]
    other = [ENTRIES[0], b"another check", *ENTRIES[2:]]
    foreign = feed.Opening(STRANGER.public.raw, 0, b"", 0, "0.1.0", QUORUM_AT).to_bytes()
    named = feed.origin_of("hz07", "south-1", INCARNATION)
    yield batch("batch", "what comes behind an opening", "8.4.5", "accepted")
    yield batch("batch-first", "a feed from its start", "8.4.6", "accepted", start=0, held=0)
    yield batch("batch-forgotten", "nothing sealed any more", "8.4.8", "accepted", sealed=b"")
    yield batch("batch-early", "what comes before is missing", "8.4.1", start=2)
    yield batch("batch-late", "what is held already", "8.4.1", start=1, held=2)
    yield batch("batch-none", "no entry", "8.4.1", count=0)
    at = {"start": BUNDLE - 1, "held": BUNDLE - 1}
    yield batch("batch-across", "past the end of a bundle", "8.4.1", entries=long, **at)
    yield batch("batch-key", "a head of another key", "8.4.2", text=head(ENTRIES, key=STRANGER))
    yield batch("batch-origin", "a head of another feed", "8.4.2", text=head(ENTRIES, name=named))
    yield batch("batch-head", "a head over less", "8.4.3", text=head(ENTRIES[:2]))
    yield batch("batch-cut", "a bundle that is cut", "8.4.4", bundle=bundle_of(ENTRIES[1:])[:-1])
    yield batch("batch-diverged", "of another history", "8.4.5", bundle=bundle_of(other[1:]))
    entries, at = [foreign, *ENTRIES[1:]], {"start": 0, "held": 0}
    yield batch("batch-foreign", "an opening of another key", "8.4.6", entries=entries, **at)
    yield batch("batch-no-opening", "a check first", "8.4.6", entries=ENTRIES[1:], **at)
    yield batch("batch-sealed-cut", "remainders that are cut", "8.4.8", sealed=b"\x38")
    wrong = sealed_bundle([box_of(b"another!"), b""])
    yield batch("batch-sealed-other", "a remainder of another check", "8.3.2", sealed=wrong)
