"""The usual tokens, each taken apart by one expression that allows one spelling.

What phones and offices write every day has a fixed layout, so a regular expression reads it in one
step, at a fraction of the price of the general reader. An expression here may miss a valid token
(an odd audience, a nonce, a time after 2106): the general reader decides then. It must never
accept what the general reader refuses, nor read it differently; tests compare the two.
Verifies nothing. FORMAT.md sections 3 and 4.
"""

import re
from typing import NamedTuple

_SIGNATURE = rb"\x58\x40(.{64})"
_TIME = rb"\x1a((?!\x00\x00).{4})"  # 65,536 and later, in its only spelling
_STATED = rb"\xa2\x03[\x61-\x6e]([\x20-\x7e]{1,14})\x06" + _TIME

_REFERENCE = re.compile(
    rb"\xd2\x84(\x4d\xa2\x01([\x26\x27])\x04\x48(.{8}))\xa0([\x4a-\x57]%b)%b"
    % (_STATED, _SIGNATURE),
    re.DOTALL,
)
_PASS = (
    rb"\xd2\x84(\x51\xa3\x01\x27\x04\x48(.{8})\x10\x19\x01\x25)\xa0(\x58.(.{24,255}))" + _SIGNATURE
)
_SELF_CONTAINED = re.compile(
    rb"\xd2\x84((\x58.|\x59..)\xa3\x01([\x26\x27])\x0d(%b)\x10\x19\x01\x26)\xa0"
    rb"([\x4a-\x57]%b)%b" % (_PASS, _STATED, _SIGNATURE),
    re.DOTALL,
)
_UINT = rb"([\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00).{2}|\x1a\x00\x01.{2})"  # up to 131,071
_TEXT = rb"([\x61-\x77][\x20-\x7e]{1,23})"
_ED25519 = rb"\xa3\x01\x01\x20\x06\x21\x58\x20(.{32})"
_P256 = rb"\xa4\x01\x02\x20\x01\x21\x58\x20(.{32})\x22\x58\x20(.{32})"
_CLAIMS = re.compile(
    rb"([\xa6\xa7])\x01%b\x02%b\x04%b\x06%b(?:\x08\xa1\x01(?:%b|%b))?"
    rb"\x19\xff\xff\xa1\x6bstatus_list\xa2\x63idx%b\x63uri%b"
    rb"\x3a\x00\x01\x00\x00\x83([\x01-\x08])%b([\x00-\x03])"
    % (_TEXT, _TEXT, _TIME, _TIME, _ED25519, _P256, _UINT, _TEXT, _UINT),
    re.DOTALL,
)
_SIGNATURE1 = b"\x84\x6aSignature1"


class Layer(NamedTuple):
    """One signature: the algorithm named, what was signed, the signature, the payload."""

    alg: int
    to_be_signed: bytes
    signature: bytes
    payload: bytes


def reference(token: bytes) -> tuple[bytes, Layer, str, int] | None:
    """(handle, holder's layer, audience, time) of a usual code by reference, else None."""
    match = _REFERENCE.fullmatch(token)
    if match is None:
        return None
    protected, alg, handle, payload, audience, time, signature = match.groups()
    size = len(audience)
    if payload[0] != 0x49 + size or payload[3] != 0x60 + size:
        return None
    to_be_signed = _SIGNATURE1 + protected + b"\x40" + payload
    layer = tuple.__new__(Layer, (31 - alg[0], to_be_signed, signature, payload[1:]))
    return handle, layer, audience.decode(), int.from_bytes(time, "big")


def self_contained(token: bytes) -> tuple[bytes, bytes, Layer, Layer, str, int] | None:
    """(pass, kid, issuer's layer, holder's layer, audience, time) of a usual form B, else None."""
    match = _SELF_CONTAINED.fullmatch(token)
    if match is None:
        return None
    protected, head, alg, held, inner_protected, kid, *rest = match.groups()
    inner_payload, claims, inner_signature, payload, audience, time, signature = rest
    size, header_size = len(audience), len(protected) - len(head)
    if payload[0] != 0x49 + size or payload[3] != 0x60 + size or inner_payload[1] != len(claims):
        return None
    if head[1] == 0 or int.from_bytes(head[1:], "big") != header_size:
        return None
    inner_signed = _SIGNATURE1 + inner_protected + b"\x40" + inner_payload
    outer_signed = _SIGNATURE1 + protected + b"\x40" + payload
    inner = tuple.__new__(Layer, (-8, inner_signed, inner_signature, claims))
    outer = tuple.__new__(Layer, (31 - alg[0], outer_signed, signature, payload[1:]))
    return held, kid, inner, outer, audience.decode(), int.from_bytes(time, "big")


class PassFields(NamedTuple):
    """The fields of a usual pass payload; `key` is 32 bytes, 65, or None. Ranges unchecked."""

    issuer: str
    subject: str
    expires_at: int
    issued_at: int
    key: bytes | None
    idx: int
    uri: str
    klass: int
    zones: int
    assurance: int


def pass_fields(payload: bytes) -> PassFields | None:
    """The fields of a usual pass payload, else None."""
    match = _CLAIMS.fullmatch(payload)
    if match is None:
        return None
    head, issuer, subject, expires, issued, ed, x, y, index, uri, *rights = match.groups()
    key = ed or (b"\x04" + x + y if x else None)
    if head[0] != (0xA6 if key is None else 0xA7):
        return None
    for text in (issuer, subject, uri):
        if text[0] != 0x5F + len(text):
            return None
    spelled = (
        issuer[1:].decode(),
        subject[1:].decode(),
        int.from_bytes(expires, "big"),
        int.from_bytes(issued, "big"),
        key,
        _number(index),
        uri[1:].decode(),
        *map(_number, rights),
    )
    return tuple.__new__(PassFields, spelled)


def _number(spelled: bytes) -> int:
    return spelled[0] if len(spelled) == 1 else int.from_bytes(spelled[1:], "big")
