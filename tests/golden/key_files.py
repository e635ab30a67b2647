"""Section 11: keys, secrets and passphrases on disk, cosigners' lines, settings; and gone wrong.

A sealed key is opened with the passphrase of the file `words`, and holds the seed `seed`.
"""

import base64
import re
import unicodedata
from collections.abc import Iterator

from golden.case import Case
from golden.ledger_kinds import one
from golden.ledgers import COMMITTEE, COMMITTEE_VERIFIER, ORIGIN, QUORUM_AT
from golden.notes import BARE
from makers import OFFICE, OFFICE_P256, STRANGER

from ledger_sync import keyfile, note, passphrase
from ledger_sync.keys import SigningKey
from ledger_sync.note import COSIGNER_KEY, Verifier

WORD = "correct horse Ñandú"
SALT, NONCE, CHEAP = bytes(range(16)), bytes(range(24)), passphrase.Cost(1, passphrase.MIN_MEM)
SEALED = keyfile.sealed_line(OFFICE, WORD, salt=SALT, nonce=NONCE, cost=CHEAP)

OTHERWISE = {"11.1.1": "R-FORM", "11.5.1": "R-FORM", "11.5.2": "R-LEDGER", "11.6.1": "R-FORM"}
"""Rules that are not answered by R-SETTINGS."""


def cases() -> Iterator[Case]:
    yield from _plain()
    yield from _sealed()
    yield from _secrets()
    yield from _words()
    yield from _lines()
    yield from _settings()


def _case(kind: str, name: str, what: str, rule: str, body: bytes, *more: tuple[str, str]) -> Case:
    """One that is refused."""
    expect = OTHERWISE.get(rule, "R-SETTINGS")
    is_text = body.isascii() and not re.search(rb"[\t\r]", body)
    return Case(name, what, body, rule, expect, kind=kind, is_text=is_text, more=more)


def _good(case: Case) -> Case:
    return case._replace(expect="accepted")


def _seed(key: SigningKey) -> tuple[str, str]:
    return ("seed", key.seed.hex())


def _plain() -> Iterator[Case]:
    plain, p256 = keyfile.plain_line(OFFICE), keyfile.plain_line(OFFICE_P256)
    seed = plain.split()[3]
    for name, what, body, key in (
        ("keyfile", "a plain key", plain, OFFICE),
        ("keyfile-p256", "a plain key for P-256", p256, OFFICE_P256),
        ("keyfile-tabs", "tabs between the words", plain.replace(b" ", b"\t"), OFFICE),
    ):
        yield _good(_case("key", name, what, "11.1.3", body, _seed(key)))
    short = base64.b64encode(OFFICE.seed[:31])
    for name, what, rule, body in (
        ("keyfile-257", "257 bytes", "11.1.1", plain + b" " * (257 - len(plain))),
        ("keyfile-version-3", "version 3", "11.1.3", plain.replace(b" 1 ", b" 3 ")),
        ("keyfile-rsa", "a kind of key that is none", "11.1.3", plain.replace(b"ed25519", b"rsa")),
        ("keyfile-no-kind", "no kind of key", "11.1.3", plain.replace(b"ed25519 ", b"")),
        ("keyfile-5-words", "a word more", "11.1.3", plain[:-1] + b" more\n"),
        ("keyfile-31-bytes", "a seed of 31 bytes", "11.1.4", plain.replace(seed, short)),
        ("keyfile-no-padding", "Base64 without its end", "11.1.4", plain.replace(b"=\n", b"\n")),
    ):
        yield _case("key", name, what, rule, body)


def _sealed() -> Iterator[Case]:
    words = ("words", "passphrase")
    yield _good(_case("key", "keyfile-sealed", "a sealed key", "11.2.5", SEALED, words,
                      _seed(OFFICE)))  # fmt: skip
    *head, salt, box = SEALED.split()
    raw = base64.b64decode(box)
    bare = passphrase.seal(OFFICE.seed, WORD, salt=SALT, nonce=NONCE, cost=CHEAP)
    flipped = base64.b64encode(raw[:-1] + bytes((raw[-1] ^ 1,)))
    spare = salt[:-3] + bytes((salt[-3] + 1,)) + b"=="
    assert base64.b64decode(spare) == SALT
    for name, what, rule, body in (
        ("sealed-scrypt", "another function", "11.2.1", SEALED.replace(b"argon2id", b"scrypt")),
        ("sealed-no-cost", "no cost", "11.2.1", SEALED.replace(b" 1 8192 ", b" ")),
        ("sealed-01", "a zero in front", "11.2.1", SEALED.replace(b" 1 8192 ", b" 01 8192 ")),
        ("sealed-17", "17 passes", "11.2.2", SEALED.replace(b" 1 8192 ", b" 17 8192 ")),
        ("sealed-4096", "too little memory", "11.2.2", SEALED.replace(b" 8192 ", b" 4096 ")),
        ("sealed-8193", "no whole KiB", "11.2.2", SEALED.replace(b" 8192 ", b" 8193 ")),
        ("sealed-over-1-gib", "more than 1 GiB", "11.2.2",
         SEALED.replace(b" 8192 ", b" 1073742848 ")),
        ("sealed-spare-bit", "an unused bit set", "11.2.3", SEALED.replace(salt, spare)),
        ("sealed-salt-15", "a salt of 15 bytes", "11.2.3",
         SEALED.replace(salt, base64.b64encode(SALT[:15]))),
        ("sealed-box-39", "no room for nonce and tag", "11.2.3",
         SEALED.replace(box, base64.b64encode(raw[:39]))),
        ("sealed-flipped", "a bit of the box flipped", "11.2.4", SEALED.replace(box, flipped)),
        ("sealed-as-p256", "passed off as another kind", "11.2.5",
         SEALED.replace(b"ed25519", b"p256")),
        ("sealed-bare", "a seed and no kind in the box", "11.2.5",
         b" ".join([*head[:3], bare]) + b"\n"),
    ):  # fmt: skip
        assert body != SEALED
        yield _case("key", name, what, rule, body, words)
    other = ("words", "passphrase-other")
    yield _case("key", "sealed-other", "another passphrase", "11.2.4", SEALED, other)


def _secrets() -> Iterator[Case]:
    secret = base64.b64encode(bytes(range(32)))
    good = _case("secret", "site-secret", "a site secret", "11.3.1", secret + b"\n")
    yield _good(good._replace(more=(("seed", bytes(range(32)).hex()),)))
    short = base64.b64encode(bytes(31)) + b"\n"
    yield _case("secret", "site-secret-31", "a secret of 31 bytes", "11.3.1", short)
    yield _case("secret", "site-secret-hex", "digits", "11.3.1", bytes(32).hex().encode() + b"\n")


def _words() -> Iterator[Case]:
    apart = unicodedata.normalize("NFD", WORD).replace(" ", "\u00a0")
    opens = ("opens", "keyfile-sealed")
    for name, what, body in (
        ("passphrase", "a passphrase", f"{WORD}\n"),
        ("passphrase-mark", "behind a mark, its line ended as on Windows", f"\ufeff{WORD}\r\n"),
        ("passphrase-apart", "letters and accents apart, other spaces", apart),
    ):
        yield _good(_case("words", name, what, "11.4.3", body.encode(), opens))
    yield _good(_case("words", "passphrase-other", "another", "11.4.3", b"incorrect horse\n"))
    for name, what, rule, body in (
        ("passphrase-2-lines", "two lines", "11.4.2", f"{WORD}\n{WORD}\n".encode()),
        ("passphrase-none", "no line", "11.4.2", b""),
        ("passphrase-latin", "Latin-1", "11.4.2", WORD.encode("latin-1")),
        ("passphrase-7", "seven characters", "11.4.3", b"correct\n"),
        ("passphrase-1025", "1,025 characters", "11.4.3", b"x" * 1_025),
        ("passphrase-tab", "a control character", "11.4.3", b"correct\thorse\n"),
    ):
        yield _case("words", name, what, rule, body)


def _lines() -> Iterator[Case]:
    text = one()[0].text()
    line = note.sign_note(text, COMMITTEE_VERIFIER, COMMITTEE, time=QUORUM_AT)
    stranger = Verifier("hz08-committee", COSIGNER_KEY, STRANGER.public.raw)
    strange = note.sign_note(text, stranger, STRANGER, time=QUORUM_AT)
    older = note.sign_note(one()[0].text(1), COMMITTEE_VERIFIER, COMMITTEE, time=QUORUM_AT)
    under = (*BARE, ("under", "quorum-missing"))
    for name, what, body in (
        ("cosignature", "a cosigner's line", line),
        ("cosignature-spaces", "an end as on Windows and a line more", f" {line[:-1]}\r\n\n"),
    ):
        yield _good(_case("line", name, what, "11.5.2", body.encode(), *under))
    for name, what, rule, body in (
        ("cosignature-4097", "4,097 bytes", "11.5.1", "x" * 4_097),
        ("cosignature-stranger", "a cosigner of another log", "11.5.2", strange),
        ("cosignature-older", "over another draft", "11.5.2", older),
        ("cosignature-cut", "the dash alone", "11.5.2", line[:1]),
    ):
        yield _case("line", name, what, rule, body.encode(), *under)


def _settings() -> Iterator[Case]:
    name, origin = f'name = "{ORIGIN}/anna"\n', f'origin = "{ORIGIN}"\n'
    site = 'site = "yp:hz07"\n'
    yield _good(
        _case("cosigner", "cosigner-toml", "settings", "11.6.2", f"{name}{origin}".encode())
    )
    yield _good(_case("office", "office-toml", "settings", "11.6.3", f"{site}{origin}".encode()))
    for kind, case, what, rule, text in (
        ("cosigner", "cosigner-toml-4097", "4,097 bytes", "11.6.1", name + origin + "#" * 4_097),
        ("cosigner", "cosigner-toml-no-name", "no name", "11.6.2", origin),
        ("cosigner", "cosigner-toml-cut", "a string without end", "11.6.2", name[:-2]),
        ("office", "office-toml-no-site", "no site", "11.6.3", origin),
        ("office", "office-toml-number", "an origin that is a number", "11.6.3",
         site + "origin = 7\n"),
    ):  # fmt: skip
        yield _case(kind, case, what, rule, text.encode()[: 4_097 if "4097" in case else None])
