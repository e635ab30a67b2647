"""A terminal's own log: its records have one spelling, its heads verify, its names link nobody."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW, key_of

from ledger_sync import cbor, feed, note
from ledger_sync.errors import Refused
from ledger_sync.feed import Check, Feed, Opening, check_of
from ledger_sync.merkle import frontier_of
from ledger_sync.note import Checkpoint, checkpoint_of, open_note

ORIGIN = feed.origin_of("hz07", "main-gate", bytes.fromhex("00112233445566ff"))
KEY = key_of("main-gate")
VERIFIER = note.Verifier(ORIGIN, note.NOTE_KEY, KEY.public.raw)
CHECK = Check(
    colour=0,
    action=1,
    at=NOW,
    error_seconds=2,
    ledger_size=41,
    pseudonym=b"pseudonym" + bytes(7),
    digest=b"digest" + bytes(10),
    gate="main",
    reasons=("G-CLOCK", "Y-ESCORT"),
    facts=b"facts",
)
short = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
words = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=8)
checks = st.builds(
    Check,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=16, max_size=16),
    short,
    st.lists(words, max_size=6).map(tuple),
    st.binary(max_size=255),
)


def head_of(entries):
    live = Feed(origin=ORIGIN, key=KEY)
    for entry in entries:
        live.append(entry)
    return live.head()


def test_a_check_is_one_record_of_known_bytes():
    assert (
        CHECK.to_bytes()
        == bytes.fromhex(
            "01 00 01 0000000068e77800 00000002 0000000000000029"  # kind, colour, action, at, ...
            " 70736575646f6e796d00000000000000 64696765737400000000000000000000"
            " 04 10 05"  # bytes of the three texts
        )
        + b"mainG-CLOCK Y-ESCORTfacts"
    )


@settings(max_examples=100, deadline=None)
@given(checks)
def test_a_check_is_read_back_as_it_was_written(check):
    assert check_of(check.to_bytes()) == check


def test_a_check_cut_anywhere_or_with_a_byte_more_is_refused():
    raw = CHECK.to_bytes()

    for wrong in (*(raw[:cut] for cut in range(len(raw))), raw + b"\0"):
        with pytest.raises(Refused) as caught:
            check_of(wrong)
        assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize("kind", [feed.OPEN, 2, 255])
def test_another_kind_of_record_is_no_check(kind):
    with pytest.raises(Refused, match="not a check"):
        check_of(bytes((kind,)) + CHECK.to_bytes()[1:])


@pytest.mark.parametrize(
    "reasons",
    [" G-CLOCK", "G-CLOCK ", "G-CLOCK  Y-ESCORT", "G-CLOCK\tY-ESCORT", "G-CLOCK\u00a0Y", " "],
)
def test_reasons_in_another_spelling_are_refused(reasons):
    raw = CHECK._replace(reasons=(reasons,)).to_bytes()

    with pytest.raises(Refused, match="another spelling"):
        check_of(raw)


@pytest.mark.parametrize("old", [b"main", b"G-CL"])
def test_text_that_is_not_utf_8_is_refused(old):
    with pytest.raises(Refused, match="not UTF-8"):
        check_of(CHECK.to_bytes().replace(old, b"\xff" * 4))


@pytest.mark.parametrize(
    "change",
    [
        {"colour": 256},
        {"colour": -1},
        {"at": 2**64},
        {"at": -1},
        {"error_seconds": 2**32},
        {"ledger_size": -1},
        {"gate": "é" * 128},
        {"reasons": ("R",) * 129},
        {"facts": bytes(256)},
    ],
)
def test_a_check_that_does_not_fit_its_record_is_refused_not_cut(change):
    with pytest.raises(Refused, match="255 bytes"):
        CHECK._replace(**change).to_bytes()


def test_an_opening_is_entry_zero_in_strict_cbor():
    opening = Opening(KEY.public.raw, 7, bytes(8), 41, "yardpass 0.1.0", NOW)

    raw = opening.to_bytes()

    assert cbor.decode(raw) == [feed.OPEN, *opening]
    with pytest.raises(Refused, match="not a check"):
        check_of(raw)


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257])
def test_a_head_verifies_and_covers_every_entry(count):
    entries = [b"entry %d" % number for number in range(count)]

    opened = open_note(head_of(entries), [VERIFIER])

    assert checkpoint_of(opened) == Checkpoint(ORIGIN, count, frontier_of(entries).root())


def test_heads_on_the_way_change_nothing_about_the_last_one():
    live = Feed(origin=ORIGIN, key=KEY)
    entries = [b"entry %d" % number for number in range(20)]

    heads = []
    for entry in entries:
        live.append(entry)
        heads.append((live.head(), live.head()))

    assert heads == [(head_of(entries[:size]),) * 2 for size in range(1, 21)]
    assert live.size == 20


def test_a_head_is_needed_when_a_bundle_is_full_and_not_after_it():
    live = Feed(origin=ORIGIN, key=KEY)
    needed = []

    for _ in range(feed.BUNDLE):
        needed.append(live.needs_head)
        live.append(b"entry")
    needed.append(live.needs_head)
    live.head()

    assert needed == [False] * 256 + [True]
    assert not live.needs_head


def test_two_incarnations_of_one_key_sign_under_two_names():
    other = feed.origin_of("hz07", "main-gate", bytes(8))
    verifier = note.Verifier(other, note.NOTE_KEY, KEY.public.raw)

    head = Feed(origin=other, key=KEY).head()

    assert ORIGIN == "yardpass/hz07/main-gate/00112233445566ff"
    assert checkpoint_of(open_note(head, [verifier])).origin == other
    with pytest.raises(Refused, match="no known key"):
        open_note(head, [VERIFIER])


@pytest.mark.parametrize("terminal", ["main gate", "main+gate", "main\ngate", "main\u2003gate"])
def test_a_name_that_cannot_sign_heads_is_refused_at_the_start(terminal):
    with pytest.raises(Refused, match="cannot sign heads"):
        Feed(origin=feed.origin_of("hz07", terminal, bytes(8)), key=KEY)


def test_a_pseudonym_links_one_credential_for_one_day():
    def name(at, credential, secret=b"secret"):
        return feed.pseudonym(feed.day_key(secret, at), credential)

    day = NOW // feed.DAY_SECONDS * feed.DAY_SECONDS
    one = name(day, b"anna")

    key = hmac.digest(b"secret", b"yardpass/day/v1" + (day // 86_400).to_bytes(8), "sha256")
    assert one == hashlib.blake2b(b"anna", key=key, digest_size=16).digest()
    assert one == name(day + feed.DAY_SECONDS - 1, b"anna")
    others = {
        name(day - 1, b"anna"),
        name(day + feed.DAY_SECONDS, b"anna"),
        name(day, b"bela"),
        name(day, b"anna", b"other secret"),
    }
    assert len(others | {one}) == 5
