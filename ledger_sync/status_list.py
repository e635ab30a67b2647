"""Token Status List (IETF OAuth), CWT form: one small number for each of many passes.

    18([<<{1: alg, 16: "application/statuslist+cwt"}>>, {4: kid}, <<{2: uri, 6: iat, 4: exp,
        65534: ttl, 65533: {"bits": 2, "lst": zlib bytes}}>>, signature])

Reads lists of any issuer, in the foreign profile, inflating within bounds; writes its own in the
strict one. FORMAT.md section 5.7.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from ledger_sync import cbor, cbor_foreign
from ledger_sync.cbor_foreign import Foreign, Key, Tag
from ledger_sync.cose import sig_structure
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, SigningKey, candidates

TYPE = "application/statuslist+cwt"
ALG, CRIT, KID, TYP = 1, 2, 4, 16
SUB, EXP, IAT, LIST, TTL = 2, 4, 6, 65533, 65534
MAX_LIST_BYTES = 1 << 22  # inflated bytes of one list: 16 million passes at 2 bits
BITS = (1, 2, 4, 8)

Header = dict[Key, Foreign]
KeyFor = Callable[[Header], "PublicKey | bytes | Sequence[PublicKey] | None"]


class StatusList:
    """One verified list. `list[index]` is the status of a pass; `len(list)` how many it has.

    `uri` names it; `issued_at` and `expires_at` are Unix seconds, `ttl` seconds, None if absent.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        bits: int,
        uri: str,
        issued_at: int,
        expires_at: int | None = None,
        ttl: int | None = None,
    ) -> None:
        if bits not in BITS:
            raise Refused(f"{bits} bits for one status; 1, 2, 4 and 8 exist")
        self._raw = raw
        self.bits = bits
        self.uri = uri
        self.issued_at = issued_at
        self.expires_at = expires_at
        self.ttl = ttl

    @classmethod
    def from_cwt(cls, data: bytes, key_for: KeyFor) -> "StatusList":
        """The list in a token whose signature holds.

        `key_for(header)` names the key or keys to try, the header being the protected one with
        the key id of the other. Raises `Refused`: R-FORM, R-ISSUER, R-SIG.
        """
        payload = _verified(data, key_for)
        claims = cbor_foreign.decode(payload)
        if not isinstance(claims, dict):
            raise Refused("the claims of a status list are not a map")
        held = claims.get(LIST)
        if not isinstance(held, dict):
            raise Refused("a status list token without a status list")
        return cls(
            _inflated(held.get("lst")),
            bits=_number(held, "bits"),
            uri=_text(claims, SUB),
            issued_at=_number(claims, IAT),
            expires_at=_number(claims, EXP) if EXP in claims else None,
            ttl=_number(claims, TTL) if TTL in claims else None,
        )

    def __len__(self) -> int:
        return len(self._raw) * 8 // self.bits

    def __getitem__(self, index: int) -> int:
        """Raises `IndexError` outside the list: nothing is said of such a pass."""
        if not 0 <= index < len(self):
            raise IndexError(f"status {index} of a list of {len(self)}")
        byte, place = divmod(index * self.bits, 8)
        return self._raw[byte] >> place & ((1 << self.bits) - 1)

    def exceptions(self) -> Iterator[tuple[int, int]]:
        """(index, status) of everybody whose status is not 0, in order."""
        count = 8 // self.bits
        for at, byte in enumerate(self._raw):
            if byte:
                for index in range(at * count, at * count + count):
                    if status := self[index]:
                        yield index, status


def packed(statuses: Mapping[int, int], *, size: int, bits: int = 2) -> bytes:
    """The bytes of a list of `size` subjects; who is not in `statuses` has status 0.

    Raises `Refused` for a subject or a status that has no place: it would be another's.
    """
    raw = bytearray((size * bits + 7) // 8)
    for index, status in statuses.items():
        if not 0 <= index < size or not 0 <= status < 1 << bits:
            raise Refused(f"status {status} of subject {index} in a list of {size} at {bits} bits")
        byte, place = divmod(index * bits, 8)
        raw[byte] |= status << place
    return bytes(raw)


def sign(raw: bytes, *, uri: str, issued_at: int, key: SigningKey, bits: int = 2) -> bytes:
    """The list in `raw` (see `packed`) as a token, in the strict profile."""
    held: dict[cbor.Key, cbor.Value] = {"bits": bits, "lst": zlib.compress(raw, 9)}
    claims = cbor.encode({SUB: uri, IAT: issued_at, LIST: held})
    header = cbor.encode({ALG: key.alg, KID: key.public.kid, TYP: TYPE})
    signature = key.sign(sig_structure(header, claims))
    return cbor.encode(cbor.Tag18([header, {}, claims, signature]))


def _verified(data: bytes, key_for: KeyFor) -> bytes:
    """The payload of a COSE_Sign1 whose signature holds; alg counts only if it is protected."""
    item = cbor_foreign.decode(data)
    if isinstance(item, Tag) and item.number == 18:
        item = item.value
    match item:
        case [bytes(raw), dict(unprotected), bytes(payload), bytes(signature)]:
            pass
        case _:
            raise Refused("not a COSE_Sign1 with an attached payload")
    protected = cbor_foreign.decode(raw)
    if not isinstance(protected, dict) or CRIT in protected or ALG in unprotected:
        raise Refused("a header with critical fields, or an algorithm outside the protected one")
    if protected.get(TYP) != TYPE:
        raise Refused(f"not a status list: type {str(protected.get(TYP))[:40]!r}")
    header: Header = dict(protected)
    if KID in unprotected:
        header.setdefault(KID, unprotected[KID])
    _check(header, key_for, signature, sig_structure(raw, payload))
    return payload


def _check(header: Header, key_for: KeyFor, signature: bytes, message: bytes) -> None:
    known = candidates(key_for(header))
    if not known:
        raise Refused("nobody known here signed this status list", reason="R-ISSUER")
    alg = header.get(ALG)
    if type(alg) is not int or not any(key.holds(alg, signature, message) for key in known):
        raise Refused("the signature of the status list does not hold", reason="R-SIG")


def _inflated(packed: Foreign) -> bytes:
    if not isinstance(packed, bytes):
        raise Refused("a status list whose bytes are missing")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, MAX_LIST_BYTES + 1)
    except zlib.error:
        raise Refused("a status list that does not inflate") from None
    if len(raw) > MAX_LIST_BYTES or not inflater.eof or inflater.unused_data:
        raise Refused(f"a status list of more than {MAX_LIST_BYTES} bytes, or with a wrong end")
    return raw


def _number(claims: dict[Key, Foreign], key: Key) -> int:
    value = claims.get(key)
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise Refused(f"claim {key!r} of a status list is no whole number in range")
    return value


def _text(claims: dict[Key, Foreign], key: Key) -> str:
    value = claims.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= 2_048:
        raise Refused(f"claim {key!r} of a status list is no text of 1 to 2048 characters")
    return value
