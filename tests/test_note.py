"""Signed notes and cosignatures by the rules of C2SP, and notes that others signed."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW, Signer, key_of, log_of, note_of

from ledger_sync import note
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256
from ledger_sync.note import Checkpoint, Note, checkpoint_of, open_note, parse_vkey

# C2SP signed-note.md, "Verifier keys" and "Example".
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501 - lines as they were published  # one line of the published note

# golang.org/x/mod/sumdb/note, note_test.go.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH_KEY = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)
ENOCH = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWL"
    "ox33WWd1RvMc+QQ=\n"
)

# The Go checksum database at 20,852,163 entries: the checkpoint that C2SP tlog-checkpoint.md shows
# under another origin. Its key stands in golang.org/x/mod.
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = """go.sum database tree
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501 - lines as they were published

# A checkpoint of the public log arche2025h1.staging.ct.transparency.dev: two types of signature
# of the log, and cosignatures of four public witnesses.
ARCHE_KEY = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)
REMORA_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
ARCHE_NOTE = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""  # noqa: E501 - lines as they were published

LOG, COMMITTEE = log_of("yardpass/hz07"), Signer("hz07-committee")
KEYS = [LOG.verifier, COMMITTEE.verifier]
HEAD = Checkpoint("yardpass/hz07", 1204, bytes(range(32))).to_text()
GOOD = note_of(HEAD, LOG.line(HEAD), COMMITTEE.line(HEAD))


def names(opened):
    return [signature.name for signature in opened.signatures]


def bad(line, *, at=-3):
    """The line with one character of its signature changed, still canonical Base64."""
    at += len(line) - 2
    return line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1 :]


@pytest.mark.parametrize(
    ("text", "vkey"),
    [
        (EXAMPLE_NOTE, EXAMPLE_KEY),
        (note_of(TEXT, PETER), PETER_KEY),
        (note_of(TEXT, ENOCH, PETER), PETER_KEY),
        (SUMDB_NOTE, SUMDB_KEY),
        (ARCHE_NOTE, ARCHE_KEY),
        (ARCHE_NOTE, REMORA_KEY),
    ],
)
def test_a_published_note_opens_with_its_published_key_and_no_other(text, vkey):
    opened = open_note(text, [parse_vkey(vkey)])

    assert opened.text == text.rpartition("\n\n")[0] + "\n"
    assert names(opened) == [vkey.split("+")[0]]
    assert opened == open_note(text.encode(), [parse_vkey(vkey)])
    with pytest.raises(Refused, match="no known key"):
        open_note(text, [LOG.verifier])
    with pytest.raises(Refused, match="no known key"):
        open_note(text, [])


def test_our_signature_is_the_published_one():
    peter = replace(key_of("peter"), seed=PETER_SEED)

    assert note.sign_note(TEXT, parse_vkey(PETER_KEY), peter) == PETER


def test_a_published_cosignature_brings_its_time():
    opened = open_note(ARCHE_NOTE, [parse_vkey(ARCHE_KEY), parse_vkey(REMORA_KEY)])

    assert [(one.name, one.time) for one in opened.signatures] == [
        ("arche2025h1.staging.ct.transparency.dev", None),
        ("remora.n621.de", 1_779_573_024),
    ]
    assert checkpoint_of(opened).size == 1_432_088_532


def test_a_cosigner_signs_the_message_of_the_specification():
    # C2SP tlog-cosignature.md, "Ed25519 signed message".
    body = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

    message = note.cosigned(1_679_315_147, body)

    assert message == b"cosignature/v1\ntime 1679315147\n" + body.encode()


@pytest.mark.parametrize("vkey", [EXAMPLE_KEY, PETER_KEY, ENOCH_KEY, SUMDB_KEY, REMORA_KEY])
def test_a_published_key_is_written_back_as_it_was(vkey):
    assert parse_vkey(vkey).to_vkey() == vkey


def test_every_part_and_every_misspelling_of_a_key_is_refused():
    key, size = PETER_KEY, len(PETER_KEY)
    parts = {key[start:stop] for start in range(size) for stop in range(size + 1)} - {key}
    misspelt = {key[:at] + chr(ord(key[at]) + 1) + key[at + 1 :] for at in range(size)}

    for text in parts | misspelt:
        with pytest.raises(Refused) as caught:
            parse_vkey(text)
        assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize(
    "vkey",
    [
        # golang.org/x/mod note_test.go: a longer key and an unknown type, both with their ids.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER_KEY.replace("c74f20a3", "C74F20A3"),
        PETER_KEY + "\n",
        PETER_KEY + "=",
        " " + PETER_KEY,
        note.Verifier("a\u2003b", 1, bytes(32)).to_vkey(),
        note.Verifier("a\x7f", 2, bytes(32)).to_vkey(),
        *(PETER_KEY.replace("PeterNeumann", half) for half in ("\ud800", "\udc80", "\udfff")),
        "ключ+00000000+Ключ",
        "",
    ],
)
def test_another_spelling_of_a_key_is_refused(vkey):
    with pytest.raises(Refused) as caught:
        parse_vkey(vkey)

    assert caught.value.reason == "R-LEDGER"


def test_unknown_signatures_are_ignored_even_if_they_share_a_name_or_an_id():
    twin = replace(COMMITTEE, kind=note.NOTE_KEY).line(HEAD)  # our name, another id
    nameless = COMMITTEE.line(HEAD).replace("committee", "stranger")  # another name, our id

    opened = open_note(note_of(HEAD, bad(twin), bad(nameless), LOG.line(HEAD)), KEYS)

    assert names(opened) == ["yardpass/hz07"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_bad_signature_by_a_known_key_refuses_the_whole_note(order):
    lines = [LOG.line(HEAD), bad(COMMITTEE.line(HEAD))][::order]

    with pytest.raises(Refused, match="the signature of hz07-committee does not hold"):
        open_note(note_of(HEAD, *lines), KEYS)


def test_of_two_signatures_by_one_key_the_first_counts_and_both_must_hold():
    first, second = COMMITTEE.line(HEAD, NOW), COMMITTEE.line(HEAD, NOW + 5)

    opened = open_note(note_of(HEAD, first, second, first), KEYS)

    assert [one.time for one in opened.signatures] == [NOW]
    with pytest.raises(Refused, match="does not hold"):
        open_note(note_of(HEAD, first, bad(second)), KEYS)


def test_two_known_keys_of_one_name_and_id_are_refused_but_one_key_may_stand_twice():
    class Collision(note.Verifier):
        key_id = LOG.verifier.key_id

    assert names(open_note(GOOD, [*KEYS, *KEYS])) == ["yardpass/hz07", "hz07-committee"]
    with pytest.raises(Refused, match="two keys yardpass/hz07"):
        open_note(GOOD, [*KEYS, Collision(LOG.name, 1, bytes(32))])


def test_a_signature_covers_every_byte_of_the_text():
    for at in range(len(HEAD) - 1):
        changed = HEAD[:at] + ("0" if HEAD[at] != "0" else "1") + HEAD[at + 1 :]
        with pytest.raises(Refused):
            open_note(GOOD.replace(HEAD, changed), KEYS)


@pytest.mark.parametrize("time", [0, NOW, 2**63 - 1])
def test_a_cosignature_holds_for_its_own_time_only(time):
    line = COMMITTEE.line(HEAD, time)
    raw = base64.b64decode(line.split(" ")[2])
    moved = raw[:4] + (time ^ 1).to_bytes(8, "big") + raw[12:]

    assert open_note(note_of(HEAD, line), KEYS).signatures[0].time == time
    with pytest.raises(Refused, match="does not hold"):
        open_note(GOOD.replace(COMMITTEE.line(HEAD), line_of(COMMITTEE.name, moved)), KEYS)


def line_of(name, raw):
    return f"— {name} {base64.b64encode(raw).decode()}\n"


def test_a_cosignature_time_beyond_63_bits_is_refused():
    message = note.cosigned(2**63, HEAD)
    raw = COMMITTEE.verifier.key_id + (2**63).to_bytes(8, "big") + COMMITTEE.key.sign(message)

    with pytest.raises(Refused, match="does not hold"):
        open_note(note_of(HEAD, line_of(COMMITTEE.name, raw)), KEYS)


def test_a_plain_signature_is_no_cosignature_and_the_other_way_round():
    as_log = note.Verifier(COMMITTEE.name, note.NOTE_KEY, COMMITTEE.verifier.public)

    with pytest.raises(Refused, match="no known key"):
        open_note(note_of(HEAD, COMMITTEE.line(HEAD)), [as_log])
    with pytest.raises(Refused, match="no known key"):
        open_note(note_of(HEAD, log_of(COMMITTEE.name).line(HEAD)), [COMMITTEE.verifier])


def test_only_the_private_key_of_a_verifier_signs_for_it():
    for key in (key_of("another"), key_of(LOG.name, ES256)):
        with pytest.raises(Refused, match="not the private key"):
            note.sign_note(HEAD, LOG.verifier, key)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60), st.integers(0, NOW))
def test_what_is_signed_opens(text, time):
    text = f"{text}\n\n{text}\n"

    opened = open_note(note_of(text, LOG.line(text), COMMITTEE.line(text, time)), KEYS)

    assert isinstance(opened, Note) and opened.text == text
    assert [one.time for one in opened.signatures] == [None, time]
