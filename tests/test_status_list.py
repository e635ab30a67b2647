"""Token status lists: the draft's own example, every bit width, and every way to be wrong."""

import random
import zlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.passes.status import StatusList
from ledger_sync import cbor, status_list
from ledger_sync.cose import sig_structure
from ledger_sync.errors import Refused
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.status_list import packed, sign

KEY, OTHER = SigningKey(ES256, b"k" * 32), SigningKey(ED25519, b"o" * 32)
URI = "https://example.com/statuslists/1"
EXAMPLE = bytes.fromhex("78dadbb918000217015d")
"""`lst` of the one-bit example in draft-ietf-oauth-status-list, section 4."""


def claims(**changed):
    made = {2: URI, 6: 1686920170, 4: 2291720170, 65534: 43200}
    held = {"bits": changed.pop("bits", 1), "lst": changed.pop("lst", EXAMPLE)}
    return {**made, 65533: held, **changed.pop("claims", {})}


def token(payload, *, key=KEY, protected=None, unprotected=None, tag=True):
    header = {1: key.alg, 16: status_list.TYPE} if protected is None else protected
    raw = header if isinstance(header, bytes) else cbor2.dumps(header)
    body = payload if isinstance(payload, bytes) else cbor2.dumps(payload)
    signature = key.sign(sig_structure(raw, body))
    parts = [raw, {4: b"12"} if unprotected is None else unprotected, body, signature]
    return cbor2.dumps(cbor2.CBORTag(18, parts) if tag else parts)


def read(data, key=KEY):
    return StatusList.from_cwt(data, lambda header: key.public)


def test_the_example_of_the_draft_reads_to_its_sixteen_values():
    found = read(token(claims()))

    assert [found[at] for at in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert (len(found), found.uri, found.issued_at) == (16, URI, 1686920170)
    assert (found.expires_at, found.ttl, found.bits) == (2291720170, 43200, 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_every_width_gives_back_what_was_packed(bits):
    values = [random.Random(bits).randrange(1 << bits) for _ in range(1_000)]
    raw = bytearray(1_000 * bits // 8)
    for at, value in enumerate(values):
        raw[at * bits // 8] |= value << at * bits % 8

    found = read(token(claims(bits=bits, lst=zlib.compress(bytes(raw)))))

    assert [found[at] for at in range(1_000)] == values


@pytest.mark.parametrize("index", [-1, 16, 10**9])
def test_an_index_outside_the_list_is_an_index_error(index):
    found = read(token(claims()))

    with pytest.raises(IndexError):
        found[index]


def test_time_limits_may_be_absent():
    found = read(token({2: URI, 6: 5, 65533: {"bits": 2, "lst": EXAMPLE}}))

    assert (found.expires_at, found.ttl, len(found)) == (None, None, 8)


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize("tag", [True, False])
def test_both_algorithms_and_an_untagged_token_are_read(key, tag):
    assert len(read(token(claims(), key=key, tag=tag), key)) == 16


def test_the_key_is_asked_for_by_the_key_id_of_either_header():
    asked = []

    def key_for(header):
        asked.append(header.get(4))
        return [OTHER.public, KEY.public]

    StatusList.from_cwt(token(claims()), key_for)
    both = {1: KEY.alg, 16: status_list.TYPE, 4: b"in"}
    StatusList.from_cwt(token(claims(), protected=both, unprotected={4: b"out"}), key_for)
    StatusList.from_cwt(token(claims(), unprotected={}), key_for)

    assert asked == [b"12", b"in", None]


def test_a_raw_key_will_do():
    assert len(StatusList.from_cwt(token(claims()), lambda header: KEY.public.raw)) == 16


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (token(claims(), key=OTHER), "R-SIG"),
        (token(claims())[:-1] + bytes((token(claims())[-1] ^ 1,)), "R-SIG"),
        (token(claims(), protected={1: True, 16: status_list.TYPE}), "R-SIG"),
        (token(claims(), protected={1: -8, 16: status_list.TYPE}), "R-SIG"),
        (token(claims(), protected={16: status_list.TYPE}), "R-SIG"),
        (token(claims(), protected={1: -7, 16: "application/cwt"}), "R-FORM"),
        (token(claims(), protected={1: -7, 2: [16], 16: status_list.TYPE}), "R-FORM"),
        (token(claims(), unprotected={1: -7}), "R-FORM"),
        (token(claims(), protected=b"\x01"), "R-FORM"),
        (cbor2.dumps([1, 2]), "R-FORM"),
        (cbor2.dumps(cbor2.CBORTag(17, [])), "R-FORM"),
        (token([1]), "R-FORM"),
        (token({2: URI, 6: 1}), "R-FORM"),
        (token(claims(bits=3)), "R-FORM"),
        (token(claims(bits=True)), "R-FORM"),
        (token(claims(lst="text")), "R-FORM"),
        (token(claims(lst=b"not zlib")), "R-FORM"),
        (token(claims(lst=EXAMPLE[:-2])), "R-FORM"),
        (token(claims(lst=EXAMPLE + b"x")), "R-FORM"),
        (token(claims(claims={6: 1.5})), "R-FORM"),
        (token(claims(claims={4: -1})), "R-FORM"),
        (token(claims(claims={65534: "1"})), "R-FORM"),
        (token(claims(claims={2: ""})), "R-FORM"),
        (token(claims(claims={2: 7})), "R-FORM"),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(made, reason):
    with pytest.raises(Refused) as caught:
        read(made)

    assert caught.value.reason == reason


@pytest.mark.parametrize("nobody", [None, [], ()])
def test_an_unknown_signer_is_refused(nobody):
    with pytest.raises(Refused) as caught:
        StatusList.from_cwt(token(claims()), lambda header: nobody)

    assert caught.value.reason == "R-ISSUER"


def test_a_list_that_inflates_without_end_is_refused():
    bomb = zlib.compress(bytes(status_list.MAX_LIST_BYTES + 1), 9)

    with pytest.raises(Refused):
        read(token(claims(lst=bomb)))


@given(st.data())
def test_a_mutated_token_gives_only_refused(data):
    """Invariant: no mutation is accepted, and nothing but Refused is raised."""
    good = bytearray(token(claims()))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(good))
    except Refused:
        return

    assert found.uri == URI  # only what nobody signs may differ: the key id of the outer header


# Everybody whose status is not 0.


@pytest.mark.parametrize("bits", status_list.BITS)
def test_the_exceptions_are_all_that_are_not_valid_in_order(bits):
    chance = random.Random(bits)
    values = [chance.choice([0, 0, 0, chance.randrange(1 << bits)]) for _ in range(1_000)]

    found = read(token(claims(bits=bits, lst=zlib.compress(packed_by_hand(values, bits)))))

    assert list(found.exceptions()) == [(at, value) for at, value in enumerate(values) if value]


def packed_by_hand(values, bits):
    """As section 4.1 of the draft says: lowest bits first, in each byte."""
    spelled = "".join(format(value, f"0{bits}b")[::-1] for value in values)
    return bytes(int(spelled[at : at + 8][::-1], 2) for at in range(0, len(spelled), 8))


@pytest.mark.parametrize("raw", [b"", b"\0", bytes(1_000)])
@pytest.mark.parametrize("bits", status_list.BITS)
def test_a_list_where_all_are_valid_has_no_exceptions(raw, bits):
    found = StatusList(raw, bits=bits, uri=URI, issued_at=0)

    assert list(found.exceptions()) == []
    assert len(found) == len(raw) * 8 // bits


# Our own lists: packed, signed, read back.


@pytest.mark.parametrize("bits", status_list.BITS)
@given(data=st.data())
def test_what_was_packed_is_read_back(bits, data):
    size = data.draw(st.integers(0, 40)) * (8 // bits)
    places, most = st.integers(0, max(0, size - 1)), (1 << bits) - 1
    given_ = data.draw(st.dictionaries(places, st.integers(0, most))) if size else {}

    raw = packed(given_, size=size, bits=bits)
    found = StatusList(raw, bits=bits, uri=URI, issued_at=0)

    assert raw == packed_by_hand([given_.get(at, 0) for at in range(size)], bits)
    assert dict(found.exceptions()) == {at: value for at, value in given_.items() if value}
    assert [found[at] for at in range(len(found))] == [given_.get(at, 0) for at in range(size)]


@pytest.mark.parametrize(("size", "length"), [(0, 0), (1, 1), (4, 1), (5, 2), (131_072, 32_768)])
def test_a_list_has_room_for_all_its_subjects(size, length):
    assert len(packed({}, size=size)) == length
    assert not size or StatusList(packed({size - 1: 3}, size=size), **OURS)[size - 1] == 3


OURS = {"bits": 2, "uri": URI, "issued_at": 0}


@pytest.mark.parametrize("bits", status_list.BITS)
def test_a_subject_or_status_without_a_place_is_refused_and_never_becomes_another_s(bits):
    for statuses in ({-1: 1}, {16: 1}, {1: 1 << bits}, {1: -1}, {1: 1, 99: 1}):
        with pytest.raises(Refused, match="in a list of 16 at"):
            packed(statuses, size=16, bits=bits)


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize("bits", status_list.BITS)
def test_a_list_we_sign_reads_back_under_our_key_and_no_other(key, bits):
    raw = packed({0: 1, 9: (1 << bits) - 1}, size=4_096, bits=bits)

    made = sign(raw, uri=URI, issued_at=1_760_000_000, key=key, bits=bits)
    found = StatusList.from_cwt(made, lambda header: {key.public.kid: key.public}.get(header[4]))

    assert list(found.exceptions()) == [(0, 1), (9, (1 << bits) - 1)]
    assert (found.uri, found.issued_at, found.bits, len(found)) == (
        URI,
        1_760_000_000,
        bits,
        4_096,
    )
    assert (found.expires_at, found.ttl) == (None, None)
    with pytest.raises(Refused) as caught:
        StatusList.from_cwt(made, lambda header: (OTHER if key is KEY else KEY).public)
    assert caught.value.reason == "R-SIG"


def test_a_list_we_sign_is_in_the_strict_profile_and_the_same_each_time():
    raw = packed({7: 1}, size=131_072)
    made = [sign(raw, uri=URI, issued_at=5, key=KEY) for _ in range(2)]

    opened = cbor.decode(made[0])

    assert made[0] == made[1]
    assert cbor.encode(opened) == made[0]
    assert cbor2.loads(made[0]).tag == 18
    assert cbor.decode(opened.value[0]) == {1: ES256, 4: KEY.public.kid, 16: status_list.TYPE}


@given(st.data())
def test_no_mutation_of_a_list_we_sign_is_read_as_another(data):
    """Invariant: a token of ours with one byte changed is refused."""
    good = bytearray(sign(packed({7: 1}, size=64), uri=URI, issued_at=5, key=OTHER))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(Refused):
        read(bytes(good), OTHER)


def test_the_worst_list_of_a_site_fits_an_entry():
    chance = random.Random(1)
    worst = packed({at: chance.randrange(4) for at in range(131_072)}, size=131_072)

    assert len(sign(worst, uri="u" * 64, issued_at=2**53 - 1, key=KEY)) < 60_000
