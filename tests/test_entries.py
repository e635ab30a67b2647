"""Ledger entries: what is written is read back, and no other bytes are read as the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import LIST, handle_of, issuer, key_of, pass_of, status

from ledger_sync import cbor, entries
from ledger_sync.entries import Issuer, Pass, Rule, Status, Unknown, Unpass, parse, to_bytes
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=entries.MAX_NAME)
numbers = st.integers(0, 2**53 - 1)
masks = st.integers(0, 2**32 - 1)
handles = st.binary(min_size=8, max_size=8)
keys = st.sampled_from([key_of(w, alg).public for w in "ab" for alg in (ED25519, ES256)])
pairs = st.tuples(st.integers(0, entries.MAX_STATUS_INDEX), st.integers(0, 3))
KNOWN = {
    "issuer": st.builds(Issuer, names, keys, numbers, numbers, masks),
    "pass": st.builds(
        Pass,
        handles,
        handles,
        names,
        names,
        st.integers(0, entries.MAX_STATUS_INDEX),
        st.integers(0, 31),
        numbers,
        st.integers(0, 3),
        numbers,
        numbers,
        st.none() | keys,
    ),
    "unpass": st.builds(Unpass, handles),
    "status": st.builds(
        Status, names, numbers, st.lists(pairs, min_size=1, max_size=128).map(tuple)
    ),
    "rule": st.builds(Rule, names, st.binary(max_size=300)),
}
EXAMPLES = [issuer(), pass_of(), pass_of(alg=ES256), pass_of(alg=None), status((7, 1), (0, 3))]
EXAMPLES += [Unpass(handle_of("anna")), Rule("gate", b"{}")]


def body_of(entry):
    return cbor.decode(to_bytes(entry), max_size=cbor.MAX_ENTRY)


def bytes_of(kind, body, *, version=1, critical=0):
    return cbor.encode([version, kind, critical, body])


@pytest.mark.parametrize("kind", KNOWN)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_entry_is_read_back_as_it_was_written(kind, data):
    entry = data.draw(KNOWN[kind])
    critical = data.draw(masks)

    raw = to_bytes(entry, critical=critical)

    assert parse(raw) == entry
    assert cbor.decode(raw, max_size=cbor.MAX_ENTRY)[:3] == [1, kind, critical]


@settings(max_examples=60, deadline=None)
@given(names.filter(lambda kind: kind not in KNOWN), masks)
def test_an_unknown_kind_is_kept_with_its_critical_classes(kind, critical):
    entry = Unknown(kind, critical)

    assert parse(to_bytes(entry)) == entry
    assert parse(bytes_of(kind, {1: "more", "x": [1]}, critical=critical)) == entry


@pytest.mark.parametrize("version", [0, 2, -1, 2**64 - 1])
def test_another_version_of_a_known_kind_is_an_unknown_entry(version):
    body = body_of(issuer())[3]

    assert parse(bytes_of("issuer", body, version=version, critical=6)) == Unknown("issuer", 6)


def test_a_long_unknown_kind_is_cut_not_refused():
    assert parse(bytes_of("k" * 300, {})) == Unknown("k" * 64, 0)


def test_the_example_of_the_module_is_an_entry():
    raw = bytes.fromhex("84 01 66 756e70617373 00 a1 01 48 1e7d000000000000")

    assert parse(raw) == Unpass(bytes.fromhex("1e7d000000000000"))
    assert to_bytes(parse(raw)) == raw


@pytest.mark.parametrize(
    "item",
    [
        None,
        1,
        "unpass",
        {},
        [],
        [1, "unpass", 0],
        [1, "unpass", 0, {}, 0],
        ["1", "unpass", 0, {1: bytes(8)}],
        [True, "unpass", 0, {1: bytes(8)}],
        [None, "unpass", 0, {1: bytes(8)}],
        [1, b"unpass", 0, {1: bytes(8)}],
        [1, 5, 0, {1: bytes(8)}],
        [1, "unpass", False, {1: bytes(8)}],
        [1, "unpass", -1, {1: bytes(8)}],
        [1, "unpass", 2**32, {1: bytes(8)}],
        [1, "unpass", b"", {1: bytes(8)}],
        [1, "unpass", 0, [bytes(8)]],
        [1, "unpass", 0, None],
        cbor.Tag18([1, "unpass", 0, {1: bytes(8)}]),
    ],
)
def test_anything_but_version_kind_critical_body_is_refused(item):
    with pytest.raises(Refused, match="ledger entry: ") as caught:
        parse(cbor.encode(item))

    assert caught.value.reason == "R-LEDGER"


WRONG = {
    "issuer": {
        1: ["", "n" * 65, b"name", 1, None],
        2: [None, {}, bytes(32), {1: 1, -1: 6, -2: bytes(31)}, {1: 2, -1: 1, -2: bytes(32)}],
        3: [-1, 2**53, True, "1", None],
        4: [-1, 2**53, False, b"1", None],
        5: [-1, 2**32, True, [1], None],
    },
    "pass": {
        1: [bytes(7), bytes(9), "handle--", 1, None],
        2: [b"", bytes(9), "kid-kid-", None],
        3: ["", "s" * 65, b"subject", None],
        4: ["", "u" * 65, 4, None],
        5: [-1, 131_072, True, None],
        6: [-1, 32, False, None],
        7: [-1, 2**53, None],
        8: [-1, 4, True, None],
        9: [-1, 2**53, None],
        10: [-1, 2**53, None],
        11: [None, bytes(32), {}, {1: 1, -1: 6, -2: bytes(32), -3: 1}, {1: 4, -1: b"secret"}],
    },
    "unpass": {1: [bytes(7), bytes(9), "handle--", 1, None]},
    "status": {
        1: ["", "u" * 65, b"list", None],
        2: [-1, 2**53, True, None],
        3: [
            *(None, 1, b"", {}, [], [1], [1, 2, 3], [1, True], [[1, 2]], ["1", 1], [None, 1]),
            *([-1, 1], [1, -1], [1, 4], [131_072, 1], [7, 1, 8, 4]),
        ],
    },
    "rule": {1: ["", "n" * 65, b"name", None], 2: ["text", None, 1, bytes(60_001)]},
}
FIELDS = [(kind, field) for kind, fields in WRONG.items() for field in fields]
BODIES = {body_of(entry)[1]: body_of(entry)[3] for entry in reversed(EXAMPLES)}


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_field_of_another_shape_or_range_is_refused(kind, field):
    for value in WRONG[kind][field]:
        raw = bytes_of(kind, {**BODIES[kind], field: value})
        with pytest.raises(Refused, match="ledger entry: ") as caught:
            parse(raw)
        assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_missing_field_is_refused_unless_it_is_the_key_of_a_bearer_pass(kind, field):
    body = {key: value for key, value in BODIES[kind].items() if key != field}

    if (kind, field) == ("pass", 11):
        assert parse(bytes_of(kind, body)) == pass_of(alg=None)
    else:
        with pytest.raises(Refused):
            parse(bytes_of(kind, body))


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("field", [0, 12, -1, "1", ""])
def test_an_unknown_field_is_refused(kind, field):
    with pytest.raises(Refused, match="unknown field"):
        parse(bytes_of(kind, {**BODIES[kind], field: 1}))


@pytest.mark.parametrize("entry", EXAMPLES)
def test_an_entry_cut_anywhere_or_with_a_byte_more_is_refused(entry):
    raw = to_bytes(entry)

    for cut in range(len(raw)):
        with pytest.raises(Refused):
            parse(raw[:cut])
    with pytest.raises(Refused):
        parse(raw + b"\0")


@pytest.mark.parametrize("entry", EXAMPLES)
def test_whatever_is_read_as_a_known_kind_is_spelt_as_our_writer_spells_it(entry):
    raw = to_bytes(entry)

    for at in range(len(raw)):
        for bit in range(8):
            other = raw[:at] + bytes((raw[at] ^ 1 << bit,)) + raw[at + 1 :]
            try:
                found = parse(other)
            except Refused as refused:
                assert refused.reason == "R-LEDGER"
                continue
            critical = cbor.decode(other, max_size=cbor.MAX_ENTRY)[2]
            assert isinstance(found, Unknown) or to_bytes(found, critical=critical) == other


def test_values_at_their_bounds_are_read():
    most = 2**53 - 1
    edge = replace(pass_of(), klass=31, index=131_071, zones=most, assurance=3)
    rule = Rule("r" * entries.MAX_NAME, bytes(entries.MAX_RULE))

    assert parse(to_bytes(edge)) == edge
    assert parse(to_bytes(rule)) == rule
    assert parse(to_bytes(status((0, 0), at=0))) == Status(LIST, 0, ((0, 0),))


def test_what_does_not_fit_an_entry_cannot_be_written_or_read():
    too_many = status(*[(index, 1) for index in range(129)])

    with pytest.raises(Refused):
        to_bytes(too_many)
    with pytest.raises(Refused, match="at most 65535"):
        parse(bytes_of("blob", {1: bytes(65_535)}))
