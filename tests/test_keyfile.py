"""Keys and secrets on disk: only their owner reads them, and no message ever tells one."""

import base64
import errno
import os
import stat
import subprocess
from functools import partial

import pytest

from ledger_sync import keyfile
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256, SigningKey

SEED = bytes(range(32))
TEXT = base64.b64encode(SEED).decode()
HINT = "make one with: yardpass office init"
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
        f"yardpass-key 2 ed25519 {TEXT}",
        f"yardpass-key 1 rsa {TEXT}",
        f"yardpass-key 1 ed25519 {TEXT} more",
        f"minisign-key 1 ed25519 {TEXT}",
        TEXT,
    ],
)
def test_what_is_no_key_file_is_refused(path, text):
    private(path, text)

    with pytest.raises(Refused, match=f"some.key is not a key file; {HINT}") as caught:
        keyfile.read_key(path, hint=HINT)

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
