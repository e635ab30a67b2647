"""One small compound of fixed keys, for tests of bytes: passes, codes, and tokens gone wrong.

Everything here is a pure function of its arguments: the same call gives the same bytes.
"""

import hashlib
from functools import lru_cache
from random import Random

from appliance.passes import token
from appliance.passes.token import Assurance, HolderClass, Pass
from ledger_sync import cbor, cose
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.replica import Enrolled, IssuerKey
from ledger_sync.state import holder_of

AT = 1_767_225_600  # 2026-01-01T00:00:00Z, when the examples are shown to the gate
DAY = 86_400
SITE = "yp:hz07"
GATE = "north"
LIST = "yp:hz07/s/1"
NONCE = bytes.fromhex("0102030405060708")
ALL_CLASSES = 0b1_1111_1110
TAG_ARRAY4 = b"\xd2\x84"


@lru_cache
def signer(name: str, alg: int = ED25519) -> SigningKey:
    """The private key of `name`: anyone can make it again, so it guards nothing."""
    return SigningKey(alg, hashlib.sha256(f"yardpass example {name}".encode()).digest())


OFFICE = signer("office")
OFFICE_P256 = signer("office", ES256)
PHONE = signer("phone")
PHONE_P256 = signer("phone", ES256)
STRANGER = signer("stranger")
HOLDERS = {"ed25519": PHONE, "p256": PHONE_P256}
OFFICES = {"ed25519": OFFICE, "p256": OFFICE_P256}


def claims(holder: SigningKey | None = None, **changes) -> Pass:
    """The claims of a usual pass; a bearer pass without `holder`."""
    usual = Pass(
        issuer=SITE,
        subject="mgECAwQFBgc",
        issued_at=AT - DAY,
        expires_at=AT + 29 * DAY,
        key=holder.public if holder else None,
        uri=LIST,
        idx=40_211,
        klass=int(HolderClass.RESIDENT),
        zones=3,
        assurance=int(Assurance.HARDWARE_KEY if holder else Assurance.BEARER),
    )
    return usual._replace(**changes)


def pass_token(holder: SigningKey | None = None, office: SigningKey = OFFICE, **changes) -> bytes:
    return token.issue(claims(holder, **changes), office)


def pass_payload(holder: SigningKey | None = None, **changes) -> dict:
    """The payload of that pass as a map, to be spoiled before it is signed."""
    return cbor.decode(cose.open1(pass_token(holder, **changes)).payload)


def issuer_key(office: SigningKey = OFFICE, classes: int = ALL_CLASSES) -> IssuerKey:
    return IssuerKey(office.public, AT - 365 * DAY, AT + 365 * DAY, classes, SITE)


def enrolled(held: bytes, **changes) -> Enrolled:
    """What the replica knows of the pass in this token, as if its ledger had enrolled it."""
    opened = cose.open1(held)
    stated = token.claims_of(opened.payload)
    raw = stated.key.raw if stated.key else b""
    row = Enrolled(
        kid=token.kid_of(opened.protected),
        klass=stated.klass,
        zones=stated.zones,
        assurance=stated.assurance,
        issued_at=stated.issued_at,
        expires_at=stated.expires_at,
        key=raw,
        holder=holder_of(raw),
        status=0,
        last_at=0,
        last_way=-1,
        seen_at=0,
        uses=0,
        places="{}",
        version=1,
    )
    return row._replace(**changes)


# Tokens as no writer of ours makes them: every part is given as bytes.


def bstr(raw: bytes) -> bytes:
    return cbor.head(2, len(raw)) + raw


def signature(protected: bytes, payload: bytes, key: SigningKey) -> bytes:
    return key.sign(cose.sig_structure(protected, payload))


def envelope(
    protected: bytes,
    payload: bytes,
    key: SigningKey,
    *,
    start: bytes = TAG_ARRAY4,
    unprotected: bytes = b"\xa0",
    end: bytes = b"",
) -> bytes:
    """A COSE_Sign1 of these very bytes, truly signed by `key`."""
    signed = bstr(signature(protected, payload, key))
    return start + bstr(protected) + unprotected + bstr(payload) + signed + end


def pass_header(office: SigningKey = OFFICE) -> bytes:
    """The protected header of a pass of this office."""
    return cbor.encode({1: office.alg, 4: office.public.kid, 16: token.PASS_TYPE})


def odd_pass(
    payload: dict | bytes, *, header: bytes | None = None, office: SigningKey = OFFICE, **parts
) -> bytes:
    """A pass with this payload, whatever it says, truly signed by the office."""
    raw = payload if isinstance(payload, bytes) else cbor.encode(payload)
    protected = pass_header(office) if header is None else header
    return envelope(protected, raw, office, **parts)


def odd_code(
    payload: dict | bytes, *, header: dict | bytes, key: SigningKey = PHONE, **parts
) -> bytes:
    """A code with this payload and header, truly signed by the holder."""
    raw = payload if isinstance(payload, bytes) else cbor.encode(payload)
    protected = header if isinstance(header, bytes) else cbor.encode(header)
    return envelope(protected, raw, key, **parts)


def edited(data: bytes, dice: Random) -> bytes:
    """`data` after one to three random edits: bits, lengths, cuts, insertions, repetitions."""
    spoiled = bytearray(data)
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(spoiled) + 1)
        edit = dice.randrange(6) if place < len(spoiled) else 5
        match edit:
            case 0:
                spoiled[place] ^= 1 << dice.randrange(8)
            case 1:
                spoiled[place] = (spoiled[place] + dice.choice((-1, 1))) % 256
            case 2:
                spoiled[place] = dice.choice(HEADS)
            case 3:
                del spoiled[place : place + dice.choice((1, 2, 8, 64))]
            case 4:
                spoiled[place:place] = spoiled[place : place + dice.choice((1, 2, 9, 66, 200))]
            case _:
                spoiled[place:place] = dice.randbytes(dice.randint(1, 2))
    return bytes(spoiled)


HEADS = bytes.fromhex(
    "00171819 1a1b1c1f 20393b3f 40585b5f 60787b7f 80989b9f a0b8bbbf c2d2d8 f4f6f7f9fbff"
)
"""Initial bytes of every kind of item, sizes that promise much, indefinite lengths, a stop."""
