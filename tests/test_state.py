"""Entries to effects: what each kind writes, in order, nothing else, and what may stand where."""

import hashlib
import typing
import zlib
from dataclasses import replace

import pytest
from yard import LIST, NOW, Yard, charter, handle_of, issuer, key_of, pass_of, shard, status

from ledger_sync import cbor, entries, state, status_list, trust
from ledger_sync.entries import (
    MAY_DENY,
    MAY_ISSUE,
    Blob,
    Issuer,
    Recognise,
    Rule,
    Shard,
    Snapshot,
    Status,
    Terminal,
    Unknown,
    Unpass,
)
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256
from ledger_sync.state import LIST_SIZE, Known, ListHead, effects_of, holder_of, may, number_of
from ledger_sync.status_list import packed, sign

KEY = key_of("issuer").public
KID = KEY.kid
OTHER = LIST + "2"
SEQ = 3
FIRST = charter()


@pytest.fixture
def known():
    """An authority with one issuer, whose policy has root keys."""
    made = Known(trust.genesis(FIRST, Yard().origin))
    effects_of(issuer(), 0, made)
    return made


def refused(entry, known, seq=SEQ):
    with pytest.raises(Refused) as caught:
        effects_of(entry, seq, known)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def token(*, size=LIST_SIZE, bits=2, uri=LIST, at=NOW, word="issuer", alg=ED25519):
    raw = packed({7: 1} if size else {}, size=size, bits=bits)
    return Shard(sign(raw, uri=uri, issued_at=at, key=key_of(word, alg), bits=bits))


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("0000000000000000", 0),
        ("00000000000000ff", 255),
        ("7fffffffffffffff", 2**63 - 1),
        ("8000000000000000", -(2**63)),
        ("ffffffffffffffff", -1),
    ],
)
def test_every_handle_is_a_number_that_sqlite_holds(raw, number):
    assert number_of(bytes.fromhex(raw)) == number


def test_a_holder_is_named_by_the_hash_of_the_key():
    raw = KEY.raw

    assert holder_of(raw) == number_of(hashlib.sha256(raw).digest()[:8])
    assert holder_of(raw) != holder_of(raw[::-1])


def test_every_kind_of_entry_has_its_rule_and_no_rule_is_without_a_kind():
    kinds = set(typing.get_args(entries.Entry))

    assert set(state._EFFECTS) == kinds
    assert kinds - {Unknown} == {kind.value for kind in entries.KINDS.values()}


# Passes, and the lists they stand in.


@pytest.mark.parametrize("alg", [ED25519, ES256])
def test_a_pass_is_a_list_and_a_row_with_its_holder(known, alg):
    entry = pass_of("anna", alg=alg)

    assert effects_of(entry, SEQ, known) == [
        ("list", (1, LIST, 0)),
        (
            "pass",
            (
                *(number_of(handle_of("anna")), KID, "anna", LIST_SIZE + 7, 2, 5, 1),
                *(NOW - 100, NOW + 100, alg, entry.key.raw, holder_of(entry.key.raw)),
            ),
        ),
    ]


def test_a_bearer_pass_has_no_holder(known):
    (_, (name, row)) = effects_of(pass_of(alg=None), SEQ, known)

    assert (name, row[-3:]) == ("pass", (None, None, None))


def test_lists_are_numbered_in_the_order_of_the_log_and_made_once(known):
    ours, theirs = pass_of("anna"), pass_of("bela", uri=OTHER, index=131_071)

    found = [effects_of(entry, SEQ, known) for entry in (ours, theirs, ours, theirs)]

    assert [[name for name, _ in effects] for effects in found] == [
        *([["list", "pass"]] * 2),
        *([["pass"]] * 2),
    ]
    assert [effects[-1][1][3] for effects in found] == [
        *(LIST_SIZE + 7, 2 * LIST_SIZE + 131_071) * 2
    ]
    assert known.lists == {LIST: ListHead(1, 0), OTHER: ListHead(2, 0)}


def test_a_pass_of_an_issuer_that_is_not_in_the_ledger_is_refused(known):
    stranger = pass_of()._replace(kid=key_of("stranger").public.kid)

    assert "of no issuer in this ledger" in refused(stranger, known)
    assert "of no issuer in this ledger" in refused(pass_of(), Known(known.trust))
    assert known.lists == {}


@pytest.mark.parametrize("rights", [0, MAY_DENY])
def test_a_pass_of_a_key_that_may_not_issue_is_refused(known, rights):
    effects_of(replace(issuer(), rights=rights), 1, known)

    assert "of no issuer in this ledger" in refused(pass_of(), known)
    assert known.lists == {}


# Status: changes, and whole lists.


def test_a_status_is_a_list_its_time_and_its_changes_in_order(known):
    assert effects_of(status((7, 1), (9, 3), (7, 0)), SEQ, known) == [
        ("list", (1, LIST, 0)),
        ("list_time", (NOW, 1)),
        ("status", (LIST_SIZE + 7, 1)),
        ("status", (LIST_SIZE + 9, 3)),
        ("status", (LIST_SIZE + 7, 0)),
    ]


def test_a_shard_clears_its_list_and_writes_all_that_are_not_valid(known):
    effects_of(pass_of(uri=OTHER), 2, known)

    assert effects_of(shard((131_071, 2), (0, 1), (7, 0)), SEQ, known) == [
        ("list", (2, LIST, 0)),
        ("list_time", (NOW, 2)),
        ("clear", (2 * LIST_SIZE, 2 * LIST_SIZE + 131_071)),
        ("status", (2 * LIST_SIZE, 1)),
        ("status", (2 * LIST_SIZE + 131_071, 2)),
    ]
    assert effects_of(shard(), SEQ, known) == [
        ("list_time", (NOW, 2)),
        ("clear", (2 * LIST_SIZE, 2 * LIST_SIZE + 131_071)),
    ]


@pytest.mark.parametrize("first", [status((7, 1)), shard((7, 1))])
@pytest.mark.parametrize("make", [lambda at: status((7, 0), at=at), lambda at: shard(at=at)])
def test_a_list_never_goes_back_in_time_and_may_stand_still(known, first, make):
    effects_of(first, 1, known)

    assert f"at {NOW - 1}, {NOW} was applied before" in refused(make(NOW - 1), known)
    assert ("list_time", (NOW, 1)) in effects_of(make(NOW), SEQ, known)
    assert ("list_time", (NOW + 9, 1)) in effects_of(make(NOW + 9), SEQ, known)
    assert f"{NOW + 9} was applied before" in refused(make(NOW + 8), known)
    assert known.lists == {LIST: ListHead(1, NOW + 9)}


def test_the_time_of_one_list_does_not_bind_another(known):
    effects_of(status((7, 1)), 1, known)

    assert effects_of(status((7, 1), at=0, uri=OTHER), SEQ, known)


def test_a_pass_enrolled_in_a_list_leaves_its_time(known):
    effects_of(status((7, 1)), 1, known)

    effects_of(pass_of(), 2, known)

    assert known.lists == {LIST: ListHead(1, NOW)}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (token(word="stranger"), "nobody known"),
        (token(word="guard"), "nobody known"),
        (token(size=LIST_SIZE // 2), "has not 131072 subjects of 2 bits"),
        (token(size=LIST_SIZE * 2), "has not 131072"),
        (token(size=0), "has not 131072"),
        (token(bits=1), "has not 131072"),
        (token(bits=1, size=LIST_SIZE * 2), "has not 131072"),
        (token(bits=4, size=LIST_SIZE), "has not 131072"),
        (token(bits=8, size=LIST_SIZE // 4), "has not 131072"),
        (token(uri="u" * 65), "has not 131072"),
        (Shard(b""), "shard"),
        (Shard(token().token[:-1]), "shard"),
        (Shard(token().token + b"\0"), "shard"),
    ],
)
def test_a_shard_that_may_not_stand_there_is_refused_and_changes_nothing(known, entry, why):
    effects_of(replace(issuer("guard"), rights=MAY_DENY), 1, known)

    assert why in refused(entry, known)
    assert known.lists == {}


@pytest.mark.parametrize("at", [0, 40, 90, -1, -64])
def test_a_shard_with_a_flipped_bit_is_refused(known, at):
    good = bytearray(token().token)
    good[at] ^= 1

    assert "shard" in refused(Shard(bytes(good)), known)


@pytest.mark.parametrize("size", [LIST_SIZE // 4 + 1, 1 << 22, (1 << 22) + 1])
def test_a_shard_that_inflates_past_its_size_is_refused(known, size):
    bomb = zlib.compress(bytes(size), 9)
    assert len(bomb) < entries.MAX_SHARD
    claims = cbor.encode({2: LIST, 6: NOW, 65533: {"bits": 2, "lst": bomb}})
    header = cbor.encode({1: ED25519, 4: KID, 16: status_list.TYPE})
    message = status_list.sig_structure(header, claims)
    signed = cbor.Tag18([header, {}, claims, key_of("issuer").sign(message)])

    assert "shard" in refused(Shard(cbor.encode(signed)), known)


@pytest.mark.parametrize("rights", [None, MAY_ISSUE, MAY_ISSUE | MAY_DENY])
def test_an_issuer_with_the_right_signs_status_lists(known, rights):
    effects_of(replace(issuer("other"), rights=rights), 1, known)

    assert effects_of(token(word="other"), SEQ, known)


def test_an_issuer_that_lost_the_right_signs_no_more(known):
    before = effects_of(token(), 1, known)
    effects_of(replace(issuer(), rights=MAY_DENY), 2, known)

    assert before
    assert "nobody known" in refused(token(at=NOW + 1), known)


def test_of_two_issuers_with_one_kid_either_may_have_signed(known):
    namesake = issuer("namesake")
    known.issuers[KID] = [namesake, *known.issuers[KID]]

    assert effects_of(token(), SEQ, known)


def test_a_shard_of_a_p256_issuer_is_read(known):
    effects_of(Issuer("phone", key_of("phone", ES256).public, 0, NOW, 1), 1, known)

    assert effects_of(token(word="phone", alg=ES256), SEQ, known)


@pytest.mark.parametrize("kid", [5, "text", None])
def test_a_key_id_that_is_no_byte_string_names_nobody(known, kid):
    assert known.keys_for({4: kid}) == []
    assert known.keys_for({}) == []
    assert known.keys_for({4: KID}) == [KEY]


# Issuers.


@pytest.mark.parametrize("rights", [None, 0, MAY_ISSUE, MAY_DENY, MAY_ISSUE | MAY_DENY])
def test_an_issuer_is_a_row_and_known_from_then_on(rights):
    fresh = Known(Yard().trust)
    entry = replace(issuer(classes=6), rights=rights)

    effects = effects_of(entry, SEQ, fresh)

    terms = (NOW - 1_000, NOW + 1_000, 6, rights)
    assert effects == [("issuer", (KID, "Hofzeile 7", ED25519, KEY.raw, *terms))]
    assert fresh.issuers == {KID: [entry]}
    assert [may(entry, right) for right in (MAY_ISSUE, MAY_DENY)] == [
        rights is None or bool(rights & right) for right in (MAY_ISSUE, MAY_DENY)
    ]


def test_an_issuer_entered_again_takes_the_place_of_the_old_one(known):
    ended = replace(issuer(), until=NOW)

    effects_of(ended, SEQ, known)

    assert known.issuers == {KID: [ended]}


def test_a_pass_of_an_issuer_whose_time_is_over_still_stands_in_the_ledger(known):
    effects_of(replace(issuer(), until=0, classes=0), 1, known)

    assert effects_of(pass_of(), SEQ, known)


# Policies.


def successor(**changed):
    stated = {"roots": ("root 2",), "announced": (), "by": ("root 1", "root 2")}
    return charter(2, after=FIRST, **{**stated, **changed})


def test_a_policy_that_follows_is_a_row_and_in_force_from_then_on(known):
    second = successor()

    found = [effects_of(entry, seq, known) for seq, entry in enumerate((FIRST, second))]

    assert found == [
        [("policy", (number, number - 1, entries.to_bytes(entry)))]
        for number, entry in enumerate((FIRST, second), start=1)
    ]
    assert (known.trust.version, known.trust.digest) == (2, trust.digest_of(second))


@pytest.mark.parametrize(
    ("earlier", "bad"),
    [
        ([], charter(announced=())),
        ([], successor(by=("root 1",))),
        ([], successor(by=("root 2",))),
        ([], successor(roots=("root 3",), by=("root 1", "root 3"))),
        ([successor()], FIRST),
        ([successor()], successor(announced=("root 9",))),
    ],
)
def test_a_policy_that_may_not_follow_is_refused_and_changes_nothing(known, earlier, bad):
    for entry in earlier:
        effects_of(entry, 1, known)
    before = known.trust

    assert "policy" in refused(bad, known)
    assert known.trust is before


def test_under_a_bare_policy_text_no_policy_entry_may_stand():
    assert "no root keys" in refused(FIRST, Known(Yard().trust))


# Snapshots.


@pytest.mark.parametrize("seq", [0, SEQ, 2**40])
def test_a_snapshot_stands_at_its_own_size(known, seq):
    entry = Snapshot(seq, b"f" * 32, 9, b"d" * 32)

    assert effects_of(entry, seq, known) == [("snapshot", (seq, b"f" * 32, 9, b"d" * 32))]
    for other in (seq + 1, seq - 1, 2**53 - 1):
        assert f"stands at {other}" in refused(entry, known, seq=other)


# The kinds that only leave a row.


@pytest.mark.parametrize(
    ("entry", "effect"),
    [
        (Unpass(handle_of("anna")), ("unpass", (number_of(handle_of("anna")),))),
        (Rule("gate", b"{}"), ("rule", ("gate", SEQ, b"{}"))),
        (Unknown("lockdown", 5), ("critical", (5, SEQ))),
        (
            Terminal("n", KEY, "north", "gate", b"DER", ("a:1", "b:2")),
            ("terminal", ("n", ED25519, KEY.raw, "north", "gate", b"DER", "a:1\nb:2")),
        ),
        (Terminal("n", KEY), ("terminal", ("n", ED25519, KEY.raw, "", "", None, ""))),
        (
            Terminal("n", key_of("n", ES256).public, addresses=()),
            ("terminal", ("n", ES256, key_of("n", ES256).public.raw, "", "", None, "")),
        ),
        (Terminal("n"), ("gone", ("n",))),
        (Terminal("n", None, "north", "gate", b"DER", ("a:1",)), ("gone", ("n",))),
        (
            Recognise("a/b", b"p" * 32, 6, (0, 1, 1, 3), 60, NOW),
            ("recognise", ("a/b", b"p" * 32, 6, b"\0\1\1\3", 60, NOW)),
        ),
        (
            Recognise("a/b", b"p" * 32),
            ("recognise", ("a/b", b"p" * 32, 0, b"\0\1\2\3", 0, 0)),
        ),
        (Recognise("a/b"), ("unrecognise", ("a/b",))),
        (Recognise("a/b", None, 6, (0, 1, 2, 3), 9, 9), ("unrecognise", ("a/b",))),
        (
            Blob("update", b"h" * 32, 1 << 40, ("https://a", "usb")),
            ("blob", ("update", b"h" * 32, 1 << 40, "https://a\nusb")),
        ),
        (Blob("update", b"h" * 32, 0), ("blob", ("update", b"h" * 32, 0, ""))),
    ],
)
def test_each_kind_has_its_one_effect(known, entry, effect):
    assert effects_of(entry, SEQ, known) == [effect]


def test_a_status_of_an_earlier_time_than_its_list_is_refused_before_anything_is_written(known):
    effects_of(status((1, 1)), 1, known)
    before = dict(known.lists)

    refused(Status(LIST, NOW - 1, ((1, 0),)), known)

    assert known.lists == before
