"""What is sealed for the auditor opens with libsodium's own sealed box, and for nobody else."""

import pytest
from nacl.bindings import crypto_sign_ed25519_sk_to_curve25519, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox
from yard import key_of

from ledger_sync.errors import Refused
from ledger_sync.sealing import READY, Sealer, auditor_key_of, unsealed

AUDITOR, OTHER = key_of("auditor"), key_of("another auditor")
PUBLIC = auditor_key_of(AUDITOR.public.raw)
OVERHEAD = 48  # bytes of a sealed box around what is in it


def box_of(key):
    """PyNaCl's own reader."""
    secret = crypto_sign_seed_keypair(key.seed)[1]
    return SealedBox(PrivateKey(crypto_sign_ed25519_sk_to_curve25519(secret)))


@pytest.mark.parametrize("is_prepared", [True, False])
@pytest.mark.parametrize("size", [0, 1, 8, 207])
def test_a_sealed_box_opens_with_libsodiums_own_reader(is_prepared, size):
    sealer, plain = Sealer(PUBLIC), bytes(range(size))
    if is_prepared:
        sealer.prepare()

    sealed = sealer.seal(plain)

    assert box_of(AUDITOR).decrypt(sealed) == plain == unsealed(sealed, AUDITOR)
    assert len(sealed) == size + OVERHEAD


def test_a_box_that_libsodium_sealed_is_read_alike():
    sealed = SealedBox(PrivateKey(crypto_key()).public_key).encrypt(b"plain")

    assert unsealed(sealed, AUDITOR) == b"plain"


def crypto_key():
    return crypto_sign_ed25519_sk_to_curve25519(crypto_sign_seed_keypair(AUDITOR.seed)[1])


def test_more_boxes_than_were_prepared_are_sealed_all_the_same():
    sealer = Sealer(PUBLIC)
    sealer.prepare()
    sealer.prepare()

    sealed = [sealer.seal(b"%d" % number) for number in range(READY + 3)]

    assert [unsealed(one, AUDITOR) for one in sealed] == [b"%d" % n for n in range(READY + 3)]
    assert len({one[:32] for one in sealed}) == READY + 3  # no key serves twice


def test_the_public_half_of_the_auditor_is_all_that_sealing_needs():
    assert bytes(box_of(AUDITOR)._public_key) == PUBLIC


def test_without_an_auditor_nothing_is_sealed():
    sealer = Sealer()
    sealer.prepare()

    assert sealer.seal(b"plain") == b""


def test_another_auditor_reads_nothing():
    sealed = Sealer(PUBLIC).seal(b"plain")

    with pytest.raises(Refused) as caught:
        unsealed(sealed, OTHER)

    assert caught.value.reason == "R-LEDGER"
    with pytest.raises(CryptoError):
        box_of(OTHER).decrypt(sealed)


def test_a_damaged_box_is_refused():
    sealed = Sealer(PUBLIC).seal(b"plain")

    for at in range(len(sealed)):
        with pytest.raises(Refused):
            unsealed(sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :], AUDITOR)
        with pytest.raises(Refused):
            unsealed(sealed[:at], AUDITOR)


@pytest.mark.parametrize("key", [b"k", bytes(31), bytes(33), bytes(64)])
def test_a_key_of_another_length_seals_for_nobody(key):
    for make in (Sealer, auditor_key_of):
        with pytest.raises(Refused) as caught:
            make(key)
        assert caught.value.reason == "R-SETTINGS"


@pytest.mark.parametrize(
    "key",
    [bytes(32), b"\1" + bytes(31), b"\xff" * 32, b"\x02" + bytes(31)],
    ids=["of order 4", "of order 1", "beyond the field", "off the curve"],
)
def test_what_is_no_key_is_none_of_an_auditor(key):
    with pytest.raises(Refused) as caught:
        auditor_key_of(key)

    assert caught.value.reason == "R-SETTINGS"
