"""Entries to effects: what each kind writes, in order, and nothing else."""

import hashlib

import pytest
from yard import LIST, NOW, handle_of, issuer, key_of, pass_of, status

from ledger_sync.entries import Rule, Unknown, Unpass
from ledger_sync.keys import ED25519, ES256
from ledger_sync.state import effects_of, holder_of, number_of

KEY = key_of("issuer").public


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


@pytest.mark.parametrize("alg", [ED25519, ES256])
def test_a_pass_is_a_list_and_a_row_with_its_holder(alg):
    entry = pass_of("anna", alg=alg)

    assert list(effects_of(entry, 3)) == [
        ("list", (LIST,)),
        (
            "pass",
            (
                *(number_of(handle_of("anna")), KEY.kid, "anna", LIST, 7, 2, 5, 1),
                *(NOW - 100, NOW + 100, alg, entry.key.raw, holder_of(entry.key.raw)),
            ),
        ),
    ]


def test_a_bearer_pass_has_no_holder():
    (_, (name, row)) = effects_of(pass_of(alg=None), 3)

    assert (name, row[-3:]) == ("pass", (None, None, None))


@pytest.mark.parametrize(
    ("entry", "effects"),
    [
        (
            issuer(classes=6),
            [("issuer", (KEY.kid, "Hofzeile 7", -8, KEY.raw, NOW - 1_000, NOW + 1_000, 6))],
        ),
        (Unpass(handle_of("anna")), [("unpass", (number_of(handle_of("anna")),))]),
        (
            status((7, 1), (9, 3), (7, 0)),
            [
                ("list", (LIST,)),
                ("list_time", (NOW, LIST)),
                ("status", (LIST, 7, 1)),
                ("status", (LIST, 9, 3)),
                ("status", (LIST, 7, 0)),
            ],
        ),
        (Rule("gate", b"{}"), [("rule", ("gate", 3, b"{}"))]),
        (Unknown("lockdown", 5), [("critical", (5,))]),
    ],
)
def test_each_kind_has_its_effects_in_order(entry, effects):
    assert list(effects_of(entry, 3)) == effects
