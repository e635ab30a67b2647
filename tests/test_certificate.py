"""The certificate of a terminal's link: whatever the clock says it holds, and nothing but the one
spelling that its own key signed is taken."""

import datetime
import random
import shutil
import ssl
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from ledger_sync import certificate
from ledger_sync.certificate import MAX_CERTIFICATE, key_of, make, pem_of
from ledger_sync.errors import Refused

SEED = b"seed of a link key, 32 bytes long"[:32]
OTHER = b"seed of another key, 32 bytes lo"
DER = make("north-1", SEED)


def private(seed):
    return Ed25519PrivateKey.from_private_bytes(seed)


def public(seed):
    return private(seed).public_key().public_bytes_raw()


def signed_by(signer, subject_key, algorithm=None, *, issuer="north-1"):
    """A certificate of a key that this signer signed."""
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("north-1", issuer)
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(subject_key)
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))
        .sign(signer, algorithm)
    )
    return made.public_bytes(serialization.Encoding.DER)


def reason(der):
    with pytest.raises(Refused) as caught:
        key_of(der)
    return caught.value.reason


def test_the_key_of_a_certificate_is_that_of_its_seed():
    assert key_of(DER) == public(SEED)
    assert make("north-1", SEED) == DER
    assert len(DER) < 400


def test_a_certificate_is_valid_from_1970_to_9999():
    found = x509.load_der_x509_certificate(DER)

    assert found.not_valid_before_utc == datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert found.not_valid_after_utc.year == 9999


@pytest.mark.parametrize("at", ["1", "253402300798"])  # 1970, 9999
def test_openssl_takes_the_certificate_at_the_ends_of_time(tmp_path, at):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    file = tmp_path / "link.pem"
    file.write_bytes(pem_of(DER, SEED))

    done = subprocess.run(
        ["openssl", "verify", "-attime", at, "-CAfile", file, "-partial_chain", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, f"{file}: OK\n")


def test_ssl_loads_the_certificate_with_its_key(tmp_path):
    file = tmp_path / "link.pem"
    file.write_bytes(pem_of(DER, SEED))

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)

    with pytest.raises(ssl.SSLError):
        file.write_bytes(pem_of(DER, OTHER))
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)


@pytest.mark.parametrize("name", ["", "\udcff", "ü" * 64, "x" * 200, "a\nb", "\0", "名"])
def test_any_name_gives_a_certificate(name):
    assert key_of(make(name, SEED)) == public(SEED)


EC_KEY = ec.derive_private_key(7, ec.SECP256R1())
FOREIGN = {
    "signed by another key": signed_by(private(OTHER), private(SEED).public_key()),
    "issued under another name": signed_by(
        private(SEED), private(SEED).public_key(), issuer="authority"
    ),
    "of P-256": signed_by(EC_KEY, EC_KEY.public_key(), hashes.SHA256()),
    "signed by P-256": signed_by(EC_KEY, private(SEED).public_key(), hashes.SHA256()),
    "nothing": b"",
    "no certificate": b"\x30\x82certificate",
    "a byte more": DER + b"\0",
    "in PEM": pem_of(DER, SEED),
    "too long": bytes(MAX_CERTIFICATE + 1),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_its_own_ed25519_key_did_not_sign_is_no_certificate(name):
    assert reason(FOREIGN[name]) == "R-LEDGER"


def test_a_self_signed_certificate_of_another_make_is_taken():
    der = signed_by(private(SEED), private(SEED).public_key())

    assert key_of(der) == public(SEED)


def test_a_certificate_with_any_bit_flipped_or_cut_anywhere_is_refused():
    for at in range(len(DER)):
        for bit in range(8):
            assert reason(DER[:at] + bytes((DER[at] ^ 1 << bit,)) + DER[at + 1 :]) == "R-LEDGER"
        assert reason(DER[:at]) == "R-LEDGER"


def test_any_bytes_are_the_known_key_or_refused():
    chance = random.Random(8)
    for _ in range(2_000):
        data = bytearray(DER)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if bytes(data) != DER:
            assert reason(bytes(data)) == "R-LEDGER"


def test_an_odd_certificate_is_refused_without_a_word_on_stderr():
    at = DER.index(b"\x02\x01\x01") + 2  # its serial number
    odd = DER[:at] + b"\xff" + DER[at + 1 :]
    program = (
        "from ledger_sync import certificate, errors\n"
        f"try: certificate.key_of({odd!r})\n"
        "except errors.Refused: pass\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert certificate.key_of(DER)
