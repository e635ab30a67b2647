"""Keys and secrets on disk: only their owner reads them, and no message ever tells one."""

import base64
import errno
import os
import re
import stat
import subprocess
from functools import partial

import pytest

from ledger_sync import keyfile, passphrase
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256, SigningKey

SEED = bytes(range(32))
TEXT = base64.b64encode(SEED).decode()
HINT = "make one with: yardpass office init"
WORD = "correct horse"
CHEAP = passphrase.Cost(1, passphrase.MIN_MEM)
NOT_ASKED = pytest.fail
READERS = {
    "key": (keyfile.read_key, f"yardpass-key 1 ed25519 {TEXT}\n"),
    "secret": (keyfile.read_secret, f"{TEXT}\n"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.key"


@pytest.fixture(params=READERS)
def reader(request):
    """How a file is read, and the text of a good one."""
    read, text = READERS[request.param]
    return partial(read, hint=HINT), text


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("alg", [ED25519, ES256])
def test_a_key_comes_back_as_it_was_written(path, alg):
    key = SigningKey(alg, SEED)

    keyfile.write_key(path, key)

    assert keyfile.read_key(path, hint=HINT) == key
    assert mode_of(path) == 0o600


def test_a_secret_comes_back_as_it_was_written(path):
    keyfile.write_secret(path, SEED)

    assert keyfile.read_secret(path, hint=HINT) == SEED
    assert mode_of(path) == 0o600


def test_the_example_of_the_format_is_what_is_written(path):
    keyfile.write_key(path, SigningKey(ED25519, SEED))

    assert path.read_text() == READERS["key"][1]


def test_a_key_is_written_once(path):
    keyfile.write_key(path, SigningKey(ED25519, SEED))

    for write in (
        partial(keyfile.write_key, key=SigningKey(ED25519, bytes(32))),
        partial(keyfile.write_secret, secret=bytes(32)),
    ):
        with pytest.raises(Refused, match="never overwritten"):
            write(path)

    assert keyfile.read_key(path, hint=HINT).seed == SEED


def test_a_key_that_cannot_be_written_is_not_half_written(path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="free disk space") as caught:
        keyfile.write_key(path, SigningKey(ED25519, SEED))

    assert not path.exists()
    assert TEXT not in str(caught.value)


def test_a_missing_file_ends_with_how_it_is_made(path, reader):
    read, _ = reader

    with pytest.raises(Unavailable, match=f"no file .*some.key; {HINT}"):
        read(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602, 0o777])
def test_a_file_that_others_can_open_is_refused_with_the_line_that_mends_it(path, reader, mode):
    read, text = reader
    private(path, text).chmod(mode)
    with pytest.raises(Refused, match="can be read by others; run: chmod 600 ") as caught:
        read(path)
    assert caught.value.reason == "R-SETTINGS"

    subprocess.run(str(caught.value).partition("run: ")[2], shell=True, check=True)

    assert read(path)


def test_the_line_that_mends_it_holds_for_any_path(tmp_path, reader):
    read, text = reader
    path = tmp_path / "a key; it's mine"
    private(path, text).chmod(0o644)
    with pytest.raises(Refused) as caught:
        read(path)

    subprocess.run(str(caught.value).partition("run: ")[2], shell=True, check=True)

    assert read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yardpass-key",
        f"yardpass-key 1 {TEXT}",
        f"yardpass-key 3 ed25519 {TEXT}",
        f"yardpass-key 1 rsa {TEXT}",
        f"yardpass-key 2 rsa {TEXT}",
        f"yardpass-key 1 ed25519 {TEXT} more",
        f"minisign-key 1 ed25519 {TEXT}",
        TEXT,
    ],
)
def test_what_is_no_key_file_is_refused(path, text):
    private(path, text)

    with pytest.raises(Refused, match=f"some.key is not a key file; {HINT}") as caught:
        keyfile.read_key(path, hint=HINT, passphrase=NOT_ASKED)

    assert caught.value.reason == "R-SETTINGS"
    assert TEXT not in str(caught.value)


@pytest.mark.parametrize(
    "seed", ["*", TEXT[:-4], TEXT[:-1], TEXT + "AAAA", TEXT.replace("A", "!", 1), "ä" * 44, ""]
)
def test_what_is_not_32_bytes_is_refused_and_not_shown(path, seed):
    for read, text in READERS.values():
        private(path, text.replace(TEXT, seed))
        with pytest.raises(Refused) as caught:
            read(path, hint=HINT)
        assert "some.key" in str(caught.value)
        assert not seed or seed not in str(caught.value)


def test_a_long_file_is_refused_unread(path, reader):
    read, text = reader
    private(path, text + " " * keyfile.MAX_FILE)

    with pytest.raises(Refused, match="longer than 256 bytes"):
        read(path)


def test_a_file_that_vanishes_while_it_is_read_is_unavailable(path, reader, monkeypatch):
    read, text = reader
    private(path, text)
    read_bytes = keyfile.read_bounded

    def read_and_lose(path, most, *, hint):
        data = read_bytes(path, most, hint=hint)
        path.unlink()
        return data

    monkeypatch.setattr(keyfile, "read_bounded", read_and_lose)
    with pytest.raises(Unavailable, match=f"cannot be read .*; {HINT}"):
        read(path)


def test_a_key_never_shows_its_seed():
    key = SigningKey(ED25519, SEED)

    shown = f"{key!r} {key!s} {key:}"

    for secret in (TEXT, SEED.hex(), repr(SEED), str(SEED)):
        assert secret not in shown


def sealed(path, alg=ED25519, word=WORD):
    """A sealed key at `path`, and the words of its line."""
    keyfile.write_key(path, SigningKey(alg, SEED), passphrase=word, cost=CHEAP)
    return path.read_text().split()


def opened(path, word=WORD):
    return keyfile.read_key(path, hint=HINT, passphrase=lambda _: word)


@pytest.mark.parametrize("alg", [ED25519, ES256])
def test_a_sealed_key_comes_back_to_whoever_knows_the_passphrase(path, alg):
    sealed(path, alg)

    asked = []
    key = keyfile.read_key(path, hint=HINT, passphrase=lambda file: asked.append(file) or WORD)

    assert key == SigningKey(alg, SEED)
    assert asked == [path]
    assert mode_of(path) == 0o600


def test_a_sealed_line_is_what_the_format_says_and_shows_no_seed(path):
    *head, salt, box = sealed(path)

    assert head == ["yardpass-key", "2", "ed25519", "argon2id", "1", "8192"]
    assert len(base64.b64decode(salt)) == 16
    assert len(base64.b64decode(box)) == 24 + 16 + len("yardpass-key 2 ed25519 ") + 32
    assert SEED not in base64.b64decode(box)
    assert path.read_bytes() == " ".join([*head, salt, box]).encode() + b"\n"


def test_a_sealed_key_of_the_dearest_cost_fits_the_bound(path):
    line = " ".join(sealed(path)).replace(" 1 8192 ", f" {passphrase.MAX_OPS} {2**30} ")

    assert len(line) < keyfile.MAX_FILE


@pytest.mark.long
def test_a_key_is_sealed_at_the_real_cost_unless_told(path):
    keyfile.write_key(path, SigningKey(ED25519, SEED), passphrase=WORD)

    assert path.read_text().split()[3:6] == ["argon2id", "3", "268435456"]
    assert opened(path).seed == SEED


def test_two_sealed_files_of_one_key_share_neither_salt_nor_box(path, tmp_path):
    one, other = sealed(path), sealed(tmp_path / "other.key")

    assert one[:6] == other[:6]
    assert not set(one[6:]) & set(other[6:])


def test_an_open_key_asks_nobody(path):
    keyfile.write_key(path, SigningKey(ED25519, SEED))

    assert keyfile.read_key(path, hint=HINT, passphrase=NOT_ASKED).seed == SEED


def test_a_sealed_key_that_nobody_can_open_says_what_to_do(path):
    sealed(path)

    with pytest.raises(Refused) as caught:
        keyfile.read_key(path, hint=HINT)

    step = "give its passphrase: set YARDPASS_PASSPHRASE_FILE or run on a terminal"
    assert str(caught.value) == f"{path} is sealed; {step}"
    assert caught.value.reason == "R-SETTINGS"


def test_a_file_tells_whether_it_is_sealed_before_anybody_is_asked(path, tmp_path):
    sealed(path)
    keyfile.write_key(tmp_path / "open.key", SigningKey(ED25519, SEED))
    private(tmp_path / "no.key", "not a key")

    found = [keyfile.is_sealed(one, hint=HINT) for one in sorted(tmp_path.iterdir())]

    assert [one.name for one in sorted(tmp_path.iterdir())] == ["no.key", "open.key", "some.key"]
    assert found == [False, False, True]


def test_a_wrong_passphrase_is_named_as_that_and_as_nothing_else(path):
    sealed(path)

    with pytest.raises(Refused) as caught:
        opened(path, "incorrect horse")

    assert str(caught.value) == f"wrong passphrase for {path}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("word", ["", "short", "x" * 1_025])
def test_a_bad_new_passphrase_makes_no_file(path, word):
    with pytest.raises(Refused, match="8 to 1024 characters"):
        sealed(path, word=word)

    assert not path.exists()


def test_a_sealed_key_is_not_passed_off_as_one_of_another_kind(path):
    line = " ".join(sealed(path, ED25519))
    private(path, line.replace("ed25519", "p256"))

    with pytest.raises(Refused, match=f"some.key was sealed as another kind of key; {HINT}"):
        opened(path)


@pytest.mark.parametrize("inside", [SEED, b"", b"yardpass-key 2 ed25519 " + SEED[1:]])
def test_a_box_that_holds_something_else_is_no_key(path, inside):
    box = passphrase.seal(inside, WORD, salt=bytes(16), nonce=bytes(24), cost=CHEAP)
    private(path, f"yardpass-key 2 ed25519 {box.decode()}\n")

    with pytest.raises(Refused, match=f"was sealed as another kind of key; {HINT}") as caught:
        opened(path)

    assert TEXT not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (" 8192 ", " 1073742848 ", "argon2id with 1 passes over 1073742848 bytes; at most 16"),
        (" 1 8192", " 17 8192", "argon2id with 17 passes over 8192 bytes; at most 16"),
        (" argon2id ", " scrypt ", "it holds no sealed secret"),
        (" argon2id 1 8192 ", " ", "it holds no sealed secret"),
    ],
)
def test_a_crafted_file_is_refused_before_anybody_is_asked(path, old, new, why):
    line = " ".join(sealed(path))
    private(path, line.replace(old, new))

    with pytest.raises(Refused, match=f"some.key is not a key file: {why}.*; {HINT}"):
        keyfile.read_key(path, hint=HINT, passphrase=NOT_ASKED)


def test_no_changed_letter_of_a_sealed_file_is_taken(path):
    sealed(path)
    line = path.read_bytes().rstrip()

    for place in range(len(line)):
        changed = bytearray(line)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(Refused) as caught:
            opened(path)
        assert not re.search(f"{WORD}|{TEXT}", str(caught.value))


def test_others_may_not_read_a_sealed_key_either(path):
    sealed(path)
    path.chmod(0o644)

    with pytest.raises(Refused, match="can be read by others; run: chmod 600 "):
        keyfile.read_key(path, hint=HINT, passphrase=NOT_ASKED)
