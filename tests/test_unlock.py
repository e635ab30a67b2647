"""A passphrase comes from a private file or a terminal, and is never shown."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.office import unlock
from ledger_sync import keyfile, passphrase
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, SigningKey

KEY = Path("keys/log.key")
WORD = "correct horse Ñandú"
PATIENCE = 30  # seconds


@pytest.fixture(autouse=True)
def no_file_named(monkeypatch):
    monkeypatch.delenv(unlock.FILE_VARIABLE, raising=False)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The private file that the variable names, still empty."""
    path = tmp_path / "passphrase"
    path.touch(0o600)
    monkeypatch.setenv(unlock.FILE_VARIABLE, str(path))
    return path


def at_a_terminal(call, *lines):
    """Types one line at each prompt of a child; (stdout, stderr, what the terminal showed)."""
    keyboard, terminal = os.openpty()
    code = f"from pathlib import Path; from appliance.office import unlock; print({call})"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
    )
    told = b""
    for line in lines:
        told += until_asked(child.stderr)
        os.write(keyboard, f"{line}\n".encode())
    said, rest = child.communicate(timeout=PATIENCE)
    os.close(terminal)
    os.set_blocking(keyboard, False)
    try:
        shown = os.read(keyboard, 4_096)
    except OSError:
        shown = b""
    os.close(keyboard)
    return said.decode().strip(), (told + rest).decode(), shown.decode()


def until_asked(stream):
    told = b""
    while not told.endswith(b": "):
        assert select.select([stream], [], [], PATIENCE)[0], told
        part = os.read(stream.fileno(), 4_096)
        assert part, told
        told += part
    return told


def test_a_terminal_is_asked_which_key_it_is_for_and_shows_nothing():
    said, told, shown = at_a_terminal("unlock.ask(Path('keys/log.key'))", WORD)

    assert said == WORD
    assert told.startswith("passphrase of keys/log.key: ")
    assert WORD not in told + shown


def test_a_new_passphrase_is_typed_twice_until_it_is_the_same():
    said, told, shown = at_a_terminal("unlock.choose()", WORD, "a slip of it", WORD, WORD)

    assert said == WORD
    assert told.startswith("new passphrase, 8 to 1024 characters: ")
    assert told.count("new passphrase") == 2
    assert WORD not in told + shown


def test_a_new_passphrase_that_is_too_short_is_refused():
    said, told, _ = at_a_terminal("unlock.choose()", "short", "short")

    assert not said
    assert "a passphrase has 8 to 1024 characters" in told


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_private_file_gives_its_one_line(file, end, mark):
    file.write_bytes(f"{mark}{WORD}{end}".encode())

    assert unlock.ask(KEY) == WORD
    assert unlock.choose() == WORD


def test_the_spaces_of_a_line_belong_to_it(file):
    file.write_text(f"  {WORD} \n")

    assert unlock.ask(KEY) == f"  {WORD} "


def test_a_line_of_the_longest_passphrase_is_taken_however_it_is_spelled(file):
    longest = "e\u0301" * passphrase.MAX_CHARACTERS
    file.write_text(longest, "utf-8")

    assert unlock.choose() == longest


@pytest.mark.parametrize("data", [b"", WORD.encode() + b"\nmore\n", b"\n\n", b"\xff" * 12])
def test_a_file_of_anything_else_is_refused_and_not_shown(file, data):
    file.write_bytes(data)

    for call in (lambda: unlock.ask(KEY), unlock.choose):
        with pytest.raises(Refused) as caught:
            call()
        assert str(caught.value) == (
            f"{file} does not hold one line of UTF-8; write the passphrase and nothing else"
        )
        assert caught.value.reason == "R-SETTINGS"


def test_a_file_with_a_short_line_is_no_new_passphrase(file):
    file.write_text("short\n")

    with pytest.raises(Refused, match="has 8 to 1024 characters"):
        unlock.choose()


def test_a_file_that_others_may_read_is_refused_as_a_key_is(file):
    file.write_text(WORD)
    file.chmod(0o640)

    with pytest.raises(Refused, match="can be read by others; run: chmod 600 "):
        unlock.ask(KEY)


def test_a_file_too_long_is_refused_and_a_missing_one_is_named(file):
    file.write_bytes(b"x" * (unlock.MAX_FILE + 1))
    with pytest.raises(Refused, match="longer than 8192 bytes"):
        unlock.ask(KEY)

    file.unlink()
    with pytest.raises(Unavailable, match=r"no file .*; YARDPASS_PASSPHRASE_FILE names it"):
        unlock.ask(KEY)


@pytest.mark.parametrize("name", [None, ""])
def test_without_file_and_terminal_the_next_step_is_told(name, monkeypatch):
    if name is not None:
        monkeypatch.setenv(unlock.FILE_VARIABLE, name)

    with pytest.raises(Refused) as asked:
        unlock.ask(KEY)
    with pytest.raises(Refused) as chosen:
        unlock.choose()

    step = "set YARDPASS_PASSPHRASE_FILE or run on a terminal"
    assert str(asked.value) == f"{KEY} is sealed; give its passphrase: {step}"
    assert str(chosen.value) == f"no passphrase; {step}"


def test_a_key_sealed_with_what_was_chosen_opens_with_what_is_asked(file, tmp_path):
    file.write_text(WORD)
    key = SigningKey(ED25519, bytes(range(32)))
    cheap = passphrase.Cost(1, passphrase.MIN_MEM)

    keyfile.write_key(tmp_path / "log.key", key, passphrase=unlock.choose(), cost=cheap)

    assert keyfile.read_key(tmp_path / "log.key", hint="", passphrase=unlock.ask) == key
