"""Keys and signatures against published answers, and against signatures that must never count.

Known answers: RFC 8032 section 7.1, RFC 6979 appendix A.2.5.
"""

import hashlib

import pytest
from makers import PHONE, PHONE_P256

from ledger_sync import cbor
from ledger_sync.errors import Refused
from ledger_sync.keys import (
    ED25519,
    ES256,
    PublicKey,
    SigningKey,
    checked_key,
    key_of,
    public_key,
    verify_ed25519,
    verify_es256,
)

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip
P256_SCALAR = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
P256_POINT = bytes.fromhex(
    "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
RFC_6979 = {
    b"sample": "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    b"test": "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
L = 2**252 + 27742317777372353535851937790883648493
LOW_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NOT_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]
"""Points y >= p or x = -0 of order 1, 2 and 4, each a second spelling of a low-order point."""


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_ed25519_signs_and_verifies_as_rfc_8032_says(seed, public, message, signature):
    key = SigningKey(ED25519, bytes.fromhex(seed))
    raw, text, signed = map(bytes.fromhex, (public, message, signature))

    assert key.public == PublicKey(ED25519, raw)
    assert key.sign(text) == signed
    assert verify_ed25519(raw, signed, text)
    assert not verify_ed25519(raw, signed, text + b"\x00")


@pytest.mark.parametrize(("message", "signature"), RFC_6979.items())
def test_es256_signs_and_verifies_as_rfc_6979_says(message, signature):
    key = SigningKey(ES256, (P256_SCALAR - 1).to_bytes(32, "big"))
    signed = bytes.fromhex(signature)

    assert key.public == PublicKey(ES256, P256_POINT)
    assert key.sign(message) == signed
    assert verify_es256(P256_POINT, signed, message)
    assert not verify_es256(P256_POINT, signed, message + b"\x00")


@pytest.mark.parametrize("seed", [0, 1, P256_ORDER - 2, P256_ORDER - 1, 2**256 - 1])
def test_every_seed_makes_a_p256_key_that_works(seed):
    key = SigningKey(ES256, seed.to_bytes(32, "big"))
    assert key.public.holds(ES256, key.sign(b"m"), b"m")


def test_a_compressed_point_verifies_like_the_whole_one():
    compressed = bytes((2 + P256_POINT[64] % 2,)) + P256_POINT[1:33]
    signed = bytes.fromhex(RFC_6979[b"test"])
    assert verify_es256(compressed, signed, b"test")


def test_the_larger_s_of_es256_verifies_too():
    signed = bytes.fromhex(RFC_6979[b"test"])
    s = P256_ORDER - int.from_bytes(signed[32:], "big")
    assert verify_es256(P256_POINT, signed[:32] + s.to_bytes(32, "big"), b"test")


@pytest.mark.parametrize("key", LOW_ORDER + NOT_CANONICAL)
def test_no_signature_holds_under_a_key_of_low_order(key):
    signatures = [bytes.fromhex(r) + bytes(32) for r in LOW_ORDER + NOT_CANONICAL]
    for signature in signatures:
        for number in range(8):  # with eight messages, each equation of a lax verifier holds once
            assert not verify_ed25519(bytes.fromhex(key), signature, bytes((number,)))


@pytest.mark.parametrize("times", range(1, 16))
def test_an_s_at_or_above_the_group_order_is_refused(times):
    signed = PHONE.sign(b"m")
    s = int.from_bytes(signed[32:], "little") + times * L
    if s < 2**256:
        assert not verify_ed25519(PHONE.public.raw, signed[:32] + s.to_bytes(32, "little"), b"m")


@pytest.mark.parametrize("point", LOW_ORDER + NOT_CANONICAL)
def test_an_r_of_low_order_is_refused_under_a_good_key(point):
    """A holder who knows the key can make s fit such an R; the fleet must still say no."""
    digest = hashlib.sha512(PHONE.seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    r = bytes.fromhex(point)
    challenge = hashlib.sha512(r + PHONE.public.raw + b"m").digest()
    s = int.from_bytes(challenge, "little") * scalar % L
    assert not verify_ed25519(PHONE.public.raw, r + s.to_bytes(32, "little"), b"m")


@pytest.mark.parametrize("size", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_false_not_an_error(size):
    ed, es = PHONE.sign(b"m"), PHONE_P256.sign(b"m")
    assert not verify_ed25519(PHONE.public.raw, (ed * 2)[:size], b"m")
    assert not verify_es256(PHONE_P256.public.raw, (es * 2)[:size], b"m")


def test_a_signature_that_borrows_a_byte_of_the_message_is_false():
    signed = PHONE.sign(b"m")
    assert not verify_ed25519(PHONE.public.raw, signed[:63], signed[63:] + b"m")
    assert not verify_ed25519(PHONE.public.raw, signed + b"m", b"")


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64, 65, 66])
def test_an_ed25519_key_of_another_length_is_false_not_an_error(size):
    assert not verify_ed25519((PHONE.public.raw * 3)[:size], PHONE.sign(b"m"), b"m")


@pytest.mark.parametrize(
    "point",
    [
        b"",
        b"\x00",
        P256_POINT[:64],
        P256_POINT + b"\x00",
        b"\x06" + P256_POINT[1:],
        b"\x07" + P256_POINT[1:],
        b"\x05" + P256_POINT[1:33],
        P256_POINT[:64] + bytes((P256_POINT[64] ^ 1,)),
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        b"\x02" + b"\xff" * 32,
    ],
    ids=lambda point: point.hex()[:8],
)
def test_a_wrong_p256_point_is_false_not_an_error(point):
    assert not verify_es256(point, bytes.fromhex(RFC_6979[b"test"]), b"test")


@pytest.mark.parametrize("r", [0, 1, P256_ORDER, P256_ORDER + 1, 2**256 - 1])
@pytest.mark.parametrize("s", [0, P256_ORDER, 2**256 - 1])
def test_r_and_s_outside_the_group_are_false_not_an_error(r, s):
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert not verify_es256(P256_POINT, signature, b"test")


def test_a_key_holds_only_under_the_names_of_its_own_algorithm():
    ed, es = PHONE.sign(b"m"), PHONE_P256.sign(b"m")
    names = [-8, -19, -7, -9, -35, 0, True]
    assert [name for name in names if PHONE.public.holds(name, ed, b"m")] == [-8, -19]
    assert [name for name in names if PHONE_P256.public.holds(name, es, b"m")] == [-7, -9]


@pytest.mark.parametrize("key", [PHONE, PHONE_P256], ids=["ed25519", "p256"])
def test_a_public_key_goes_through_cose_key_and_raw_bytes_unchanged(key):
    public = key.public
    assert public_key(cbor.decode(cbor.encode(public.to_cose()))) == public
    assert key_of(public.raw) == checked_key(public.raw) == public
    assert public.kid == hashlib.sha256(public.raw).digest()[:8]


X, Y = P256_POINT[1:33], P256_POINT[33:]


@pytest.mark.parametrize(
    "cose_key",
    [
        None,
        [],
        {},
        X,
        {1: 1, -1: 6},
        {1: 1, -1: 6, -2: X[:31]},
        {1: 1, -1: 6, -2: X + b"\x00"},
        {1: 1, -1: 6, -2: "x" * 32},
        {1: 1, -1: 6, -2: X, 2: b"kid"},
        {1: 1, -1: 6, -2: X, -4: X},
        {1: True, -1: 6, -2: X},
        {1: 1, -1: 4, -2: X},
        {1: 2, -1: 6, -2: X},
        {1: 2, -1: 1, -2: X},
        {1: 2, -1: 1, -2: X, -3: True},
        {1: 2, -1: True, -2: X, -3: Y},
        {1: 2, -1: 1, -2: X[:31], -3: X[31:] + Y},
        {1: 2, -1: 1, -2: X + Y[:1], -3: Y[1:]},
        {1: 2, -1: 1, -2: X, -3: Y, 3: -7},
        {1: 2, -1: 2, -2: X, -3: Y},
        {1: 2, -1: 1, -2: X, -3: Y[:31] + bytes((Y[31] ^ 1,))},
        {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 3, -1: X, -2: b"\x01\x00\x01"},
        {1: 4, -1: X},
    ],
    ids=repr,
)
def test_another_shape_or_a_point_off_the_curve_is_no_cose_key(cose_key):
    with pytest.raises(Refused) as refused:
        public_key(cose_key)
    assert refused.value.reason == "R-SIG"


@pytest.mark.parametrize(("alg", "size"), [(-8, 31), (-7, 33), (-19, 32), (-9, 32), (0, 32)])
def test_a_signing_key_needs_an_algorithm_we_write_and_32_bytes(alg, size):
    with pytest.raises(Refused, match="32 bytes of seed"):
        SigningKey(alg, bytes(size))


def test_a_signing_key_never_shows_its_seed():
    assert "seed" not in repr(PHONE)
    assert PHONE.seed.hex() not in repr(PHONE)
