"""What stands in the fields of a ledger entry: how each is checked on reading, and written.

Pure. Every reader raises `Refused` naming the field. FORMAT.md section 5.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from ledger_sync.cbor import Key, Value
from ledger_sync.errors import Refused
from ledger_sync.keys import PublicKey, public_key

MAX_NAME = 64  # characters of a name, subject or list address
MAX_NUMBER = 2**53 - 1
HASH_BYTES = 32
Body: TypeAlias = dict[Key, Value]


class Field(NamedTuple):
    """One field of a body: its number, how it is read and written, and whether it may be absent.

    An absent field reads as None, and None is written by leaving the field out.
    """

    number: int
    read: Callable[[Body, int], Any]
    write: Callable[[Any], Value]
    optional: bool = False


def read(body: Body, fields: Sequence[Field]) -> list[Any]:
    """The values of all fields in order. Raises `Refused` for a wrong, missing or unknown one."""
    unknown = set(body) - {field.number for field in fields}
    if unknown:
        raise Refused(f"unknown field {sorted(map(str, unknown))[0]}")
    return [
        None if field.optional and field.number not in body else field.read(body, field.number)
        for field in fields
    ]


def write(values: Sequence[Any], fields: Sequence[Field]) -> Body:
    pairs = zip(fields, values, strict=True)
    return {field.number: field.write(value) for field, value in pairs if value is not None}


def optional(field: Field) -> Field:
    return field._replace(optional=True)


def text(number: int, most: int = MAX_NAME) -> Field:
    return Field(number, lambda body, key: text_of(body, key, most), _same)


def line(number: int, most: int) -> Field:
    """A text without control characters: rows keep several of them, one a line."""

    def take(body: Body, key: int) -> str:
        value = text_of(body, key, most)
        if any(c < " " or c == "\x7f" for c in value):
            raise Refused(f"field {key} holds a control character")
        return value

    return Field(number, take, _same)


def count(number: int, most: int = MAX_NUMBER) -> Field:
    return Field(number, lambda body, key: number_of(body, key, most), _same)


def octets(number: int, size: int) -> Field:
    """A byte string of exactly `size` bytes."""
    return Field(number, lambda body, key: bytes_of(body, key, size), _same)


def blob(number: int, most: int) -> Field:
    """A byte string of at most `most` bytes."""

    def take(body: Body, key: int) -> bytes:
        value = body.get(key)
        if not isinstance(value, bytes) or len(value) > most:
            raise Refused(f"field {key} is no byte string of at most {most}")
        return value

    return Field(number, take, _same)


def key(number: int) -> Field:
    return Field(number, lambda body, at: public_key(body.get(at)), PublicKey.to_cose)


def array(number: int, item: Field, most: int, least: int = 0) -> Field:
    """A list of `least` to `most` items, each as `item` has it, as a tuple."""

    def take(body: Body, key: int) -> tuple[Any, ...]:
        values = body.get(key)
        if not isinstance(values, list) or not least <= len(values) <= most:
            raise Refused(f"field {key} is no list of {least} to {most} items")
        return tuple(item.read({key: value}, key) for value in values)

    return Field(number, take, lambda values: [item.write(value) for value in values])


def pairs(number: int, first: Field, second: Field, most: int) -> Field:
    """A flat list a, b, a, b, ...: one to `most` pairs, as a tuple of pairs."""

    def take(body: Body, key: int) -> tuple[tuple[Any, Any], ...]:
        values = body.get(key)
        if not isinstance(values, list) or not values or len(values) % 2 or len(values) > 2 * most:
            raise Refused(f"field {key} is no list of 1 to {most} pairs")
        firsts = [first.read({key: value}, key) for value in values[0::2]]
        seconds = [second.read({key: value}, key) for value in values[1::2]]
        return tuple(zip(firsts, seconds, strict=True))

    return Field(number, take, lambda values: [part for pair in values for part in pair])


def text_of(body: Body, key: Key, most: int = MAX_NAME) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Refused(f"field {key} is no text of 1 to {most} characters")
    return value


def number_of(body: Body, key: Key, most: int = MAX_NUMBER) -> int:
    value = body.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise Refused(f"field {key} is no number from 0 to {most}")
    return value


def bytes_of(body: Body, key: Key, size: int) -> bytes:
    value = body.get(key)
    if not isinstance(value, bytes) or len(value) != size:
        raise Refused(f"field {key} is not {size} bytes")
    return value


def _same(value: Any) -> Any:
    return value
