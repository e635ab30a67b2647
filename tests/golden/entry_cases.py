"""Section 5 gone wrong: entries, status lists and policies that may not stand where they do."""

import zlib
from collections.abc import Iterator
from dataclasses import replace

from golden.case import Case
from golden.ledger_kinds import (
    FIRST,
    FORGOTTEN,
    GUARD,
    LOG_2,
    LST,
    PINNED,
    RECOGNISED,
    STATUSES,
    TERMINAL,
    TEXT,
    TEXT_2,
    UNDER,
    UPDATE,
    entry,
    kinds,
    list_token,
    named,
    policy,
    stored,
    third,
)
from golden.ledgers import LOG, LOG_VERIFIER, ORIGIN
from makers import AT, DAY, LIST, OFFICE, STRANGER

from ledger_sync import cbor, entries
from ledger_sync.entries import Shard, to_bytes
from ledger_sync.note import NOTE_KEY, Verifier
from ledger_sync.state import LIST_SIZE
from ledger_sync.status_list import packed


def cases() -> Iterator[Case]:
    yield from _shapes()
    yield from _standing()
    yield from _statuses()
    yield from _lists()
    yield from _first_policies()
    yield from _policies()
    yield from _site_rules()


def _odd(
    kind: str, body: dict[cbor.Key, cbor.Value], version: int = 1, critical: int = 0
) -> bytes:
    return cbor.encode([version, kind, critical, body])


def _changed(value: entries.Entry, **changes: cbor.Value) -> bytes:
    """The entry with fields `f1`, `f2`, ... changed; None takes one away."""
    _, kind, _, body = cbor.decode(to_bytes(value), max_size=cbor.MAX_ENTRY)
    body |= {int(name[1:]): new for name, new in changes.items()}
    return _odd(kind, {number: new for number, new in body.items() if new is not None})


def _shapes() -> Iterator[Case]:
    """What is malformed by itself."""
    handle = bytes(8)
    known = named()
    issuer, pass_1 = known["issuer-only"][2], known["enrol"][2]
    key = issuer.key.to_cose()
    for name, what, body, rule in (
        ("entry-trailing-byte", "a byte after the end", FORGOTTEN + b"\x00", "5.1.1"),
        ("entry-number-long", "a version in two bytes", b"\x84\x18" + FORGOTTEN[1:], "5.1.1"),
        ("entry-of-three", "no body", cbor.encode([1, "unpass", 0]), "5.1.2"),
        ("entry-critical-2-to-32", "a class 32", _odd("tariff", {}, 1, 1 << 32), "5.1.2"),
        ("entry-version-true", "true for version 1", _odd("unpass", {1: handle}, True), "5.1.2"),
        ("entry-field-9", "a field nobody knows", _odd("unpass", {1: handle, 9: 0}), "5.1.4"),
        ("entry-no-field", "a field is missing", _odd("unpass", {}), "5.1.4"),
        ("entry-name-65", "a name of 65 characters", _changed(issuer, f1="n" * 65), "5.1.4"),
        ("issuer-rights-64", "a right nobody knows", _changed(issuer, f6=64), "5.2.1"),
        ("issuer-key-typed", "a key that names its use", _changed(issuer, f2=key | {3: -8}),
         "5.2.1"),
        ("enrol-class-32", "a class that fits no mask", _changed(pass_1, f6=32), "5.3.1"),
        ("enrol-assurance-7", "an assurance past the last", _changed(pass_1, f8=7), "5.3.1"),
        ("enrol-idx-131072", "a place past its list", _changed(pass_1, f5=131_072), "5.3.1"),
        ("unpass-handle-7", "a handle of 7 bytes", _odd("unpass", {1: bytes(7)}), "5.4.1"),
        ("rule-text", "a rule of text, not bytes", _odd("rule", {1: "gate", 2: "{}"}), "5.6.1"),
        ("shard-text", "a token of text", _odd("shard", {1: "eyJ"}), "5.7.7"),
        ("recognise-3-colours", "a status too few", _changed(RECOGNISED, f4=[0, 1, 2]), "5.9.1"),
        ("recognise-colour-4", "a status 4", _changed(RECOGNISED, f4=[0, 1, 2, 4]), "5.9.1"),
        ("terminal-9-addresses", "nine addresses", _changed(TERMINAL, f6=["a"] * 9), "5.10.1"),
        ("snapshot-no-digest", "no digest", _changed(kinds()[1], f4=None), "5.11.1"),
        ("blob-hash-31", "a hash of 31 bytes", _changed(UPDATE, f2=bytes(31)), "5.12.1"),
    ):  # fmt: skip
        yield entry(name, what, body, rule, "R-LEDGER")
    what = "an unknown kind, critical for couriers"
    yield entry("entry-kind-unknown", what, _odd("parcel", {}, 1, 1 << 5), "5.1.3", "G-UPDATE")
    what = "a known kind of another version, critical for couriers"
    yield entry("entry-version-2", what, _odd("unpass", {}, 2, 1 << 5), "5.1.3", "G-UPDATE")


def _standing() -> Iterator[Case]:
    """What may not stand where it does."""
    pass_1 = named()["enrol"][2]
    other = pass_1._replace(kid=STRANGER.public.kid)
    yield entry("enrol-stranger", "a pass of nobody known here", other, "5.3.2", "R-LEDGER")
    other = pass_1._replace(kid=GUARD.public.kid)
    what = "a pass of a key that may only deny"
    yield entry("enrol-deny-only", what, other, "5.3.2", "R-LEDGER")
    made = kinds()[1]
    what = "a snapshot one entry too late"
    yield entry("snapshot-late", what, made, "5.11.2", "R-LEDGER", made.size + 1)
    what = "a snapshot of another state"
    other = replace(made, digest=bytes(32))
    yield entry("snapshot-other-state", what, other, "5.11.3", "R-LEDGER", made.size)


def _statuses() -> Iterator[Case]:
    at = AT - DAY
    for name, what, rule, uri, iat, pairs in (
        ("status-no-pair", "no pair", "5.5.1", LIST, at, []),
        ("status-half-pair", "an idx without its value", "5.5.1", LIST, at, [7, 1, 8]),
        ("status-value-4", "a status 4", "5.5.1", LIST, at, [7, 4]),
        ("status-earlier", "a second before the list", "5.5.2", LIST, at - 1, [7, 0]),
    ):
        body = _odd("status", {1: uri, 2: iat, 3: pairs})
        yield entry(name, what, body, rule, "R-LEDGER")
    for name, what, uri, iat in (
        ("status-same-time", "the same second as its list", LIST, at),
        ("status-other-list", "an earlier second, of another list", f"{LIST}0", at - 1),
    ):
        body = _odd("status", {1: uri, 2: iat, 3: [7, 0]})
        yield entry(name, what, body, "5.5.2", "accepted")


def _lists() -> Iterator[Case]:
    """Status lists of their own, then as shards."""
    assert zlib.decompress(LST) == packed(STATUSES, size=LIST_SIZE)
    guard = {4: GUARD.public.kid}
    good = list_token()
    for name, what, rule, expect, body in (
        ("list", "a status list token", "5.7.6", "accepted", good),
        ("list-trailing-byte", "a byte after it", "5.7.1", "R-FORM", good + b"\x00"),
        ("list-detached", "no payload", "5.7.2", "R-FORM", cbor.encode([b"\xa0", {}, None, b""])),
        ("list-typ", "a token of another type", "5.7.2", "R-FORM", list_token(header={16: 293})),
        ("list-crit", "something critical", "5.7.2", "R-FORM", list_token(header={2: [4]})),
        ("list-stranger", "signed by nobody known", "5.7.3", "R-ISSUER", list_token(STRANGER)),
        ("list-guard", "by a key that may only deny", "5.7.3", "R-ISSUER", list_token(GUARD)),
        ("list-kid-borrowed", "another key under the issuer's kid", "5.7.4", "R-SIG",
         list_token(STRANGER, header={4: OFFICE.public.kid})),
        ("list-no-sub", "a list without a name", "5.7.5", "R-FORM", list_token(claims={2: None})),
        ("list-3-bits", "statuses of 3 bits", "5.7.5", "R-FORM", list_token(bits=3)),
        ("list-lst-cut", "a stream that ends early", "5.7.6", "R-FORM", list_token(lst=LST[:-1])),
        ("list-lst-behind", "a byte behind it", "5.7.6", "R-FORM", list_token(lst=LST + b"\x00")),
    ):  # fmt: skip
        yield Case(name, what, body, rule, expect, kind="list", more=(UNDER,))
    early, long = {6: AT - DAY - 1}, {2: "u" * 65}
    for name, what, rule, token in (
        ("shard-stranger", "signed by nobody known here", "5.7.8", list_token(STRANGER)),
        ("shard-guard", "a key that may not issue", "5.7.8", list_token(OFFICE, header=guard)),
        ("shard-4-subjects", "four subjects", "5.7.9", list_token(lst=stored(b"\x00"))),
        ("shard-1-bit", "statuses of 1 bit", "5.7.9", list_token(bits=1)),
        ("shard-name-65", "a name of 65 characters", "5.7.9", list_token(claims=long)),
        ("shard-earlier", "a second before its list", "5.7.10", list_token(claims=early)),
    ):
        yield entry(name, what, Shard(token), rule, "R-LEDGER")


def _first_policies() -> Iterator[Case]:
    """What may be pinned."""
    two = ("root-1", "root-2")
    neighbour = TEXT.replace(LOG_VERIFIER.to_vkey().encode(), _neighbour().encode())
    for name, what, rule, made in (
        ("policy-no-roots", "no root key", "5.8.1", policy(roots=())),
        ("policy-no-text", "a text that is no tlog-policy", "5.8.2", policy(text=b"quorum\n")),
        ("policy-neighbour", "the log key of a neighbour", "5.8.2", policy(text=neighbour)),
        ("policy-threshold-2", "two of one root key", "5.8.3", policy(threshold=2)),
        ("policy-threshold-0", "none of one root key", "5.8.3", policy(threshold=0)),
        ("policy-root-twice", "one root key, twice", "5.8.3", policy(roots=("root-1", "root-1"))),
        ("policy-2-first", "a second one", "5.8.4", policy(2)),
        ("policy-unsigned", "its root key did not sign", "5.8.9", policy(by=("root-2",))),
        ("policy-1-of-2", "one of two signed", "5.8.9", policy(roots=two, threshold=2)),
    ):
        body = to_bytes(made)
        yield Case(name, what, body, rule, "R-LEDGER", kind="genesis", more=PINNED[:1])
    what = "a bare tlog-policy, pinned"
    text, more = TEXT, PINNED[:1]
    yield Case("quorum", what, text, "7.5.5", "accepted", kind="genesis", is_text=True, more=more)


def _neighbour() -> str:
    return Verifier("yardpass/hz08", NOTE_KEY, LOG.public.raw).to_vkey()


def _policies() -> Iterator[Case]:
    """What may follow the second policy."""
    log_2 = TEXT_2.replace(LOG_VERIFIER.to_vkey().encode(), LOG_2.to_vkey().encode())
    moved = Verifier(ORIGIN, NOTE_KEY, STRANGER.public.raw).to_vkey()
    log_9 = TEXT_2.replace(LOG_VERIFIER.to_vkey().encode(), moved.encode())
    good = third(log_2)
    flipped = ((good.signatures[0][0], bytes(64)), *good.signatures)
    stays = {"roots": ("root-2",), "by": ("root-2",)}
    for name, what, rule, made in (
        ("policy-4", "one version skipped", "5.8.5", third(number=4)),
        ("policy-other-previous", "behind another policy", "5.8.5", third(previous=FIRST)),
        ("policy-1-back", "the first policy comes back", "5.8.5", FIRST),
        ("policy-root-stays", "the root key stays", "5.8.7", third(**stays)),
        ("policy-log-new", "a log key nobody announced", "5.8.7", third(log_9)),
        ("policy-old-root-missing", "the old root did not sign", "5.8.8", third(by=("root-3",))),
        ("policy-new-root-missing", "the new root did not sign", "5.8.9", third(by=("root-2",))),
        ("policy-signature-zero", "a root signature fails", "5.8.10",
         replace(good, signatures=flipped)),
    ):  # fmt: skip
        yield entry(name, what, made, rule, "R-LEDGER")
    what = "a policy where a bare text is pinned"
    more = (("under", "ledger-one"),)
    yield Case("policy-under-text", what, to_bytes(FIRST), "5.8.6", "R-LEDGER", kind="entry",
               more=more)  # fmt: skip


def _site_rules() -> Iterator[Case]:
    for name, what, rule, text in (
        ("rule-array", "no object", "5.6.2", "[]"),
        ("rule-key-twice", "a key twice", "5.6.2", '{"static": "red", "static": "green"}'),
        ("rule-key-unknown", "a key nobody knows", "5.6.2", '{"opens": []}'),
        ("rule-fresh-59", "fresh for 59 seconds", "5.6.3", '{"fresh_seconds": 59}'),
        ("rule-stale-first", "stale before it is fresh no more", "5.6.3",
         '{"fresh_seconds": 3600, "stale_seconds": 3599}'),
    ):  # fmt: skip
        body = text.encode()
        yield Case(name, what, body, rule, "R-SETTINGS", kind="rule", is_text=True)
