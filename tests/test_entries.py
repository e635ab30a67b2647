"""Ledger entries: what is written is read back, and no other bytes are read as the same."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yard import LIST, NOW, charter, handle_of, issuer, key_of, pass_of, status

from ledger_sync import cbor, entries, fields
from ledger_sync.entries import (
    KINDS,
    Blob,
    Issuer,
    Pass,
    Policy,
    Recognise,
    Rule,
    Shard,
    Snapshot,
    Status,
    Terminal,
    Unknown,
    Unpass,
    parse,
    to_bytes,
)
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256

MOST = 2**53 - 1


def bytes_up_to(most):
    return st.binary(max_size=most)


def exactly(size):
    return st.binary(min_size=size, max_size=size)


def texts(most):
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=most)


def tuples(values, most, least=0):
    return st.lists(values, min_size=least, max_size=most).map(tuple)


names = texts(entries.MAX_NAME)
numbers = st.integers(0, MOST)
masks = st.integers(0, 2**32 - 1)
handles = exactly(8)
hashes = exactly(32)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255)
hints = st.none() | tuples(lines, 8)
keys = st.sampled_from([key_of(w, alg).public for w in "ab" for alg in (ED25519, ES256)])
pairs = st.tuples(st.integers(0, entries.MAX_STATUS_INDEX), st.integers(0, 3))
KNOWN = {
    "policy": st.builds(
        Policy,
        numbers,
        bytes_up_to(300),
        tuples(hashes, 16, 1),
        st.integers(0, 16),
        tuples(hashes, 64),
        st.none() | hashes,
        tuples(st.tuples(handles, exactly(64)), 32, 1),
    ),
    "issuer": st.builds(
        Issuer, names, keys, numbers, numbers, masks, st.none() | st.integers(0, 15)
    ),
    "recognise": st.builds(
        Recognise,
        names,
        st.none() | hashes,
        st.none() | masks,
        st.none() | st.tuples(*[st.integers(0, 3)] * 4),
        st.none() | numbers,
        st.none() | numbers,
    ),
    "terminal": st.builds(
        Terminal,
        names,
        st.none() | keys,
        st.none() | names,
        st.none() | names,
        st.none() | bytes_up_to(300),
        hints,
    ),
    "pass": st.builds(
        Pass,
        handles,
        handles,
        names,
        names,
        st.integers(0, entries.MAX_STATUS_INDEX),
        st.integers(0, 31),
        numbers,
        st.integers(0, 5),
        numbers,
        numbers,
        st.none() | keys,
    ),
    "unpass": st.builds(Unpass, handles),
    "status": st.builds(Status, names, numbers, tuples(pairs, 128, 1)),
    "shard": st.builds(Shard, bytes_up_to(300)),
    "rule": st.builds(Rule, names, bytes_up_to(300)),
    "snapshot": st.builds(Snapshot, numbers, hashes, numbers, hashes),
    "blob": st.builds(Blob, names, hashes, numbers, hints),
}
FULL = [
    charter(2, after=charter(), by=("root 1", "root 2")),
    issuer(),
    Issuer("Hofzeile 7", key_of("issuer", ES256).public, NOW, NOW + 1, 6, 3),
    Recognise("yardpass/bj01", bytes(range(32)), 6, (0, 1, 1, 3), 3_600, NOW),
    Terminal("n", key_of("n").public, "north", "gate", b"DER", ("10.0.0.7:4711", "n.local")),
    pass_of(),
    pass_of(alg=ES256),
    Unpass(handle_of("anna")),
    status((7, 1), (0, 3)),
    Shard(b"token"),
    Rule("gate", b"{}"),
    Snapshot(4, bytes(range(32)), 4_096, bytes(32)),
    Blob("update", bytes(range(32)), 1 << 20, ("https://hz07.example/update", "usb")),
]
"""Every kind with every optional field."""
BARE = [
    charter(),
    pass_of(alg=None),
    Recognise("yardpass/bj01"),
    Terminal("n"),
    Terminal("n", addresses=()),
    Blob("update", bytes(32), 0),
    Shard(b""),
    Rule("gate", b""),
]
"""Kinds without an optional field, and empty ones."""
EXAMPLES = FULL + BARE


def body_of(entry):
    return cbor.decode(to_bytes(entry), max_size=cbor.MAX_ENTRY)


def bytes_of(kind, body, *, version=1, critical=0):
    return cbor.encode([version, kind, critical, body])


@pytest.mark.parametrize("kind", KNOWN)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_entry_is_read_back_as_it_was_written(kind, data):
    entry = data.draw(KNOWN[kind])
    critical = data.draw(masks)

    raw = to_bytes(entry, critical=critical)

    assert parse(raw) == entry
    assert to_bytes(parse(raw), critical=critical) == raw
    assert cbor.decode(raw, max_size=cbor.MAX_ENTRY)[:3] == [1, kind, critical]


def test_there_is_an_example_of_every_kind_and_a_strategy():
    assert set(KNOWN) == set(KINDS) == {body_of(entry)[1] for entry in FULL}


def test_every_field_of_every_kind_is_in_an_example_and_left_out_in_one_if_it_may_be():
    there, absent = set(), set()
    for entry in EXAMPLES:
        _, kind, _, body = body_of(entry)
        there |= {(kind, field) for field in body}
        absent |= {(kind, one.number) for one in KINDS[kind].fields if one.number not in body}
    every = {(kind, one.number) for kind in KINDS for one in KINDS[kind].fields}

    assert there == every
    assert absent == {
        (kind, one.number) for kind in KINDS for one in KINDS[kind].fields if one.optional
    }


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


NO_NAME = ["", "n" * 65, b"name", 1, None]
NO_NUMBER = [-1, 2**53, True, "1", b"1", None]
NO_MASK = [-1, 2**32, True, [1], None]
NO_HASH = [bytes(31), bytes(33), "h" * 32, 1, None]
NO_KEY = [
    *(None, {}, bytes(32), {1: 1, -1: 6, -2: bytes(31)}, {1: 2, -1: 1, -2: bytes(32)}),
    *({1: 1, -1: 6, -2: bytes(32), -3: 1}, {1: 4, -1: b"secret"}, {1: True, -1: 6, -2: bytes(32)}),
]
NO_HINTS = [None, "n", b"", [1], [b"n"], [""], ["n" * 256], ["n"] * 9]
NO_HINTS += [["a\nb"], ["\n"], ["a", "b\x00"], ["\x1f"], ["\t"]]
WRONG = {
    "policy": {
        1: NO_NUMBER,
        2: ["text", None, 1, bytes(16_385)],
        3: [None, [], bytes(32), [bytes(31)], ["r" * 32], [None], [bytes(32)] * 17],
        4: [-1, 17, True, None],
        5: [None, bytes(32), [bytes(31)], ["r" * 32], [bytes(32)] * 65],
        6: NO_HASH,
        7: [
            *(None, [], b"", [bytes(8)], [bytes(8), bytes(64), bytes(8)], [[bytes(8), bytes(64)]]),
            *([bytes(7), bytes(64)], [bytes(8), bytes(63)], ["n" * 8, bytes(64)]),
            *([bytes(64), bytes(8)], [bytes(8), bytes(64)] * 33),
        ],
    },
    "issuer": {
        1: NO_NAME,
        2: NO_KEY,
        3: NO_NUMBER,
        4: NO_NUMBER,
        5: NO_MASK,
        6: [-1, 64, True, "1", None],
    },
    "recognise": {
        1: NO_NAME,
        2: NO_HASH,
        3: NO_MASK,
        4: [None, [], [0, 1, 2], [0, 1, 2, 3, 0], [0, 1, 2, 4], [0, 1, 2, True], b"\0\1\2\3"],
        5: NO_NUMBER,
        6: NO_NUMBER,
    },
    "terminal": {
        1: NO_NAME,
        2: NO_KEY,
        3: NO_NAME,
        4: NO_NAME,
        5: ["text", None, 1, bytes(4_097)],
        6: NO_HINTS,
    },
    "pass": {
        1: [bytes(7), bytes(9), "handle--", 1, None],
        2: [b"", bytes(9), "kid-kid-", None],
        3: ["", "s" * 65, b"subject", None],
        4: ["", "u" * 65, 4, None],
        5: [-1, 131_072, True, None],
        6: [-1, 32, False, None],
        7: [-1, 2**53, None],
        8: [-1, 7, True, None],
        9: [-1, 2**53, None],
        10: [-1, 2**53, None],
        11: NO_KEY,
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
    "shard": {1: ["text", None, 1, bytes(60_001)]},
    "rule": {1: NO_NAME, 2: ["text", None, 1, bytes(60_001)]},
    "snapshot": {1: NO_NUMBER, 2: NO_HASH, 3: NO_NUMBER, 4: NO_HASH},
    "blob": {1: NO_NAME, 2: NO_HASH, 3: NO_NUMBER, 4: NO_HINTS},
}
FIELDS = [(kind, field) for kind, fields in WRONG.items() for field in fields]
BODIES = {body_of(entry)[1]: body_of(entry)[3] for entry in FULL}


def test_every_field_of_every_kind_is_in_the_table_of_wrong_values():
    assert set(FIELDS) == {(kind, one.number) for kind in KINDS for one in KINDS[kind].fields}


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_field_of_another_shape_or_range_is_refused(kind, field):
    for value in WRONG[kind][field]:
        raw = bytes_of(kind, {**BODIES[kind], field: value})
        with pytest.raises(Refused, match="ledger entry: ") as caught:
            parse(raw)
        assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_missing_field_is_refused_unless_it_is_optional_and_reads_as_nothing(kind, field):
    body = {key: value for key, value in BODIES[kind].items() if key != field}
    place, spec = next(
        (at, one) for at, one in enumerate(KINDS[kind].fields) if one.number == field
    )

    if spec.optional:
        whole, found = (parse(bytes_of(kind, one)) for one in (BODIES[kind], body))
        values = [list(map(one.__getattribute__, _names_of(one))) for one in (whole, found)]
        values[0][place] = None
        assert values[0] == values[1]
    else:
        with pytest.raises(Refused):
            parse(bytes_of(kind, body))


def _names_of(entry):
    return entry._fields if isinstance(entry, Pass) else entry.__slots__


def test_the_optional_fields_are_these():
    optional = {(kind, one.number) for kind in KINDS for one in KINDS[kind].fields if one.optional}

    assert optional == {
        *(("policy", 6), ("issuer", 6), ("pass", 11), ("blob", 4)),
        *(("recognise", number) for number in range(2, 7)),
        *(("terminal", number) for number in range(2, 7)),
    }


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("field", [0, 12, 99, -1, "1", ""])
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
    edges = [
        pass_of()._replace(klass=31, idx=131_071, zones=MOST, assurance=3),
        pass_of()._replace(klass=0, idx=0, zones=0, assurance=0, issued_at=0, expires_at=MOST),
        Rule("r" * entries.MAX_NAME, bytes(entries.MAX_RULE)),
        Shard(bytes(entries.MAX_SHARD)),
        Status(LIST, 0, ((0, 0),)),
        Status("u" * 64, MOST, tuple((131_071, 3) for _ in range(128))),
        Issuer("n", key_of("a").public, 0, MOST, 2**32 - 1, entries.ALL_RIGHTS),
        Terminal(
            *("n" * 64, key_of("a").public, "g" * 64, "r" * 64, bytes(4_096), ("h" * 255,) * 8)
        ),
        Recognise("é" * 64, bytes(32), 2**32 - 1, (3, 3, 3, 3), MOST, MOST),
        Policy(
            MOST,
            bytes(entries.MAX_POLICY),
            (bytes(32),) * 16,
            16,
            (bytes(32),) * 64,
            bytes(32),
            ((bytes(8), bytes(64)),) * 32,
        ),
        Snapshot(MOST, bytes(32), MOST, bytes(32)),
        Blob("n" * 64, bytes(32), MOST, ("h" * 255,) * 8),
    ]

    for edge in edges:
        assert parse(to_bytes(edge)) == edge


def test_what_does_not_fit_an_entry_cannot_be_written_or_read():
    too_many = status(*[(index, 1) for index in range(129)])

    with pytest.raises(Refused):
        to_bytes(too_many)
    with pytest.raises(Refused, match="at most 65535"):
        parse(bytes_of("photo", {1: bytes(65_535)}))


# Policies are found by how they begin, before anything is parsed.


@pytest.mark.parametrize("entry", EXAMPLES)
def test_policies_begin_as_no_other_entry_does(entry):
    for critical in (0, 1, 2**32 - 1):
        raw = to_bytes(entry, critical=critical)
        assert raw.startswith(entries.POLICY_HEAD) == isinstance(entry, Policy)


@settings(max_examples=100, deadline=None)
@given(bytes_up_to(40))
def test_what_begins_like_a_policy_is_one_or_refused(rest):
    try:
        assert isinstance(parse(entries.POLICY_HEAD + rest), Policy)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"


# The fast path for passes: what it takes, the codec takes too, to the same value.


def codec(raw):
    """What the codec alone makes of an entry, None if it refuses."""
    try:
        return entries._parse(raw)
    except Refused:
        return None


def is_no_different(raw):
    fast = entries._common_pass(raw)

    assert fast is None or fast == codec(raw)
    assert fast is None or [type(value) for value in fast] == [type(v) for v in codec(raw)]
    return fast is not None


plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24)
times = st.sampled_from([0, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, MOST]) | numbers
indexes = st.sampled_from([0, 23, 24, 255, 256, 65_535, 65_536, 131_071]) | st.integers(0, 131_071)
common = st.builds(
    Pass,
    handles,
    handles,
    plain | names,
    plain | names,
    indexes,
    st.integers(0, 31),
    st.integers(0, 30) | numbers,
    st.integers(0, 3),
    times | st.integers(65_536, 2**32 - 1),
    times | st.integers(65_536, 2**32 - 1),
    st.just(key_of("a").public) | keys | st.none(),
)
"""Passes on both sides of every bound of the fast path."""


@settings(max_examples=300, deadline=None)
@given(common, masks)
def test_the_fast_path_reads_a_valid_pass_as_the_codec_does_or_leaves_it_alone(entry, critical):
    is_no_different(to_bytes(entry))
    is_no_different(to_bytes(entry, critical=critical))


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(common, st.data())
def test_the_fast_path_is_never_different_after_one_byte_was_changed(entry, data):
    raw = to_bytes(entry)
    at = data.draw(st.integers(0, len(raw)))
    byte = bytes((data.draw(st.integers(0, 255)),))

    is_no_different(raw[:at] + byte + raw[at + 1 :])
    is_no_different(raw[:at] + byte + raw[at:])
    is_no_different(raw[:at] + raw[at + 1 :])


@pytest.mark.long
@pytest.mark.parametrize("index", [300])
def test_the_fast_path_is_never_different_for_any_byte_at_any_place(index):
    raw = to_bytes(pass_of(uri="yp:hz07/s/1", index=index))
    taken = 0
    for at in range(len(raw) + 1):
        is_no_different(raw[:at] + raw[at + 1 :])
        for byte in range(256):
            put = bytes((byte,))
            taken += is_no_different(raw[:at] + put + raw[at + 1 :])
            is_no_different(raw[:at] + put + raw[at:])

    assert taken > 10_000


@settings(max_examples=100, deadline=None)
@given(common, common, st.integers(0, 200), st.integers(0, 200))
@example(pass_of(uri="u"), pass_of("bela", uri="u"), 60, 60)
def test_the_fast_path_is_never_different_for_two_passes_joined(one, other, here, there):
    is_no_different(to_bytes(one)[:here] + to_bytes(other)[there:])


@pytest.mark.parametrize("index", [0, 7, 23, 24, 255, 256, 65_535, 65_536, 131_071])
@pytest.mark.parametrize("at", [65_536, NOW, 2**32 - 1])
def test_the_fast_path_takes_what_passes_are_mostly_like(index, at):
    entry = pass_of(uri="yp:hz07/s/1", index=index)._replace(issued_at=at, expires_at=at)

    assert entries._common_pass(to_bytes(entry)) == parse(to_bytes(entry)) == entry


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "é"},
        {"subject": "n" * 24},
        {"uri": "u" * 24},
        {"uri": "\x7f"},
        {"klass": 24},
        {"zones": 24},
        {"issued_at": 65_535},
        {"expires_at": 2**32},
        {"key": None},
        {"key": key_of("a", ES256).public},
    ],
)
def test_the_fast_path_leaves_the_others_to_the_codec_which_reads_them(changed):
    entry = pass_of()._replace(**{"uri": "yp:hz07/s/1", **changed})

    assert entries._common_pass(to_bytes(entry)) is None
    assert parse(to_bytes(entry)) == entry


# Fields, as the codec reads them.


def test_a_refused_field_is_named():
    for raw, why in [
        (bytes_of("unpass", {1: bytes(7)}), "field 1 is not 8 bytes"),
        (bytes_of("unpass", {}), "field 1 is not 8 bytes"),
        (bytes_of("unpass", {1: bytes(8), 2: 1, "b": 2}), "unknown field 2"),
        (bytes_of("rule", {1: "", 2: b""}), "field 1 is no text of 1 to 64 characters"),
        (bytes_of("shard", {1: 5}), "field 1 is no byte string of at most 60000"),
        (bytes_of("snapshot", {1: -1}), "field 1 is no number from 0 to 9007199254740991"),
        (bytes_of("status", {1: "u", 2: 1, 3: []}), "field 3 is no list of 1 to 128 pairs"),
        (bytes_of("terminal", {1: "n", 6: ["h"] * 9}), "field 6 is no list of 0 to 8 items"),
    ]:
        with pytest.raises(Refused, match=why):
            parse(raw)


def test_as_many_values_as_fields_are_written():
    with pytest.raises(ValueError, match="zip"):
        fields.write([1], KINDS["rule"].fields)
