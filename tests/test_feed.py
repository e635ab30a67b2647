"""A terminal's own log: its records have one spelling, its heads verify, its names link nobody."""

import hashlib
import hmac

import diary
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yard import NOW, key_of

from ledger_sync import cbor, feed, masks, note
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
    way=1,
    is_counted=1,
    zone=52,
    at=NOW,
    hlc=NOW << 20,
    error_seconds=2,
    ledger_size=41,
    pseudonym=b"pseudonym" + bytes(7),
    digest=b"digest" + bytes(10),
    carrier=2**64 - 2,
    code_at=NOW - 1,
    quota=258,
    sealed=b"sealed" + bytes(26),
    gate="main",
    reasons=("G-CLOCK", "Y-ESCORT"),
    facts=b"facts",
)
short = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
words = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=8)
u64 = st.integers(0, 2**64 - 1)
checks = st.builds(
    Check,
    colour=st.integers(0, 255),
    action=st.integers(0, 255),
    way=st.sampled_from([0, 1]),
    is_counted=st.just(1),
    zone=st.sampled_from([*range(53), 255]),
    at=u64,
    hlc=u64,
    error_seconds=st.integers(0, 2**32 - 1),
    ledger_size=u64,
    pseudonym=st.binary(min_size=16, max_size=16),
    digest=st.binary(min_size=16, max_size=16),
    carrier=u64,
    code_at=u64,
    quota=st.integers(0, 2**16 - 1),
    sealed=st.binary(min_size=32, max_size=32),
    gate=short,
    reasons=st.lists(words, max_size=6).map(tuple),
    facts=st.binary(max_size=255),
)


def head_of(entries):
    live = Feed(origin=ORIGIN, key=KEY)
    for entry in entries:
        live.append(entry)
    return live.head().note


def test_a_check_is_one_record_of_known_bytes():
    assert (
        CHECK.to_bytes()
        == bytes.fromhex(
            "01 00 01 01 01 34 0000000068e77800 00068e7780000000 00000002"  # kind, ..., error
            " 0000000000000029"  # ledger size
            " 70736575646f6e796d00000000000000 64696765737400000000000000000000"
            " fffffffffffffffe 0000000068e777ff 0102"  # carrier, code time, quota
            " 7365616c65640000000000000000000000000000000000000000000000000000"
            " 04 10 05"  # bytes of the three texts
        )
        + b"mainG-CLOCK Y-ESCORTfacts"
    )


@settings(max_examples=100, deadline=None)
@given(checks)
def test_a_check_is_read_back_as_it_was_written(check):
    uncounted = check._replace(is_counted=0, carrier=0, code_at=0, quota=0)

    assert check_of(check.to_bytes()) == check
    assert check_of(uncounted.to_bytes()) == uncounted


def test_a_check_cut_anywhere_or_with_a_byte_more_is_refused():
    raw = CHECK.to_bytes()

    for wrong in (*(raw[:cut] for cut in range(len(raw))), raw + b"\0"):
        with pytest.raises(Refused) as caught:
            check_of(wrong)
        assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize("kind", [feed.OPEN, feed.PRUNED, 255])
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


@pytest.mark.parametrize(
    "change",
    [
        {"is_counted": 2},
        {"way": 2},
        {"is_counted": 0},
        {"is_counted": 0, "carrier": 0},
        {"is_counted": 0, "code_at": 0},
        {"is_counted": 0, "carrier": 0, "code_at": 0},
    ],
)
def test_a_check_that_neither_counts_nor_does_not_is_refused(change):
    with pytest.raises(Refused, match="neither counted nor not") as caught:
        check_of(CHECK._replace(**change).to_bytes())

    assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize("zone", [53, 128, 254])
def test_a_zone_that_no_site_has_is_refused_and_no_use(zone):
    raw = CHECK._replace(zone=zone).to_bytes()

    assert feed.use_of(raw, b"secret") is None
    with pytest.raises(Refused, match=f"in zone {zone}") as caught:
        check_of(raw)
    assert caught.value.reason == "R-LEDGER"


@pytest.mark.parametrize("zone", [0, 52, 255])
def test_a_use_says_in_which_zone_and_how_many_entries_are_allowed(zone):
    use = feed.use_of(CHECK._replace(zone=zone).to_bytes(), b"secret")

    assert (use.zone, use.quota) == (zone, 258)
    assert (use.code_at, use.way, use.at, use.hlc) == (NOW - 1, 1, NOW, NOW << 20)


def test_a_use_that_says_no_more_is_in_no_zone_and_for_any_number_of_entries():
    assert feed.Use(b"", 1, 2, 0, 3, 4)[6:] == (255, 0)


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
        {"hlc": 2**64},
        {"carrier": -1},
        {"code_at": 2**64},
        {"way": 256},
        {"error_seconds": 2**32},
        {"zone": 256},
        {"quota": 2**16},
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
        heads.append((live.head().note, live.head().note))

    assert heads == [(head_of(entries[:size]),) * 2 for size in range(1, 21)]
    assert live.size == 20


def test_a_bundle_is_full_without_a_head_until_its_head_is_signed():
    live = Feed(origin=ORIGIN, key=KEY)
    full = []

    for _ in range(feed.BUNDLE):
        full.append(live.has_full_bundle)
        live.append(b"entry")
    full.append(live.has_full_bundle)
    live.head()

    assert full == [False] * 256 + [True]
    assert not live.has_full_bundle


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600, 768])
def test_every_full_bundle_gets_a_head_that_verifies(count):
    entries = [b"entry %d" % number for number in range(count)]
    live = Feed(origin=ORIGIN, key=KEY)
    for entry in entries:
        live.append(entry)

    heads = [*live.full_heads(), live.head()]

    sizes = [*range(256, count + 1, 256), count]
    assert [head.size for head in heads] == sizes
    for size, text, peaks in heads:
        found = frontier_of(entries[:size])
        assert checkpoint_of(open_note(text, [VERIFIER])).root == found.root()
        assert peaks == found.peaks
    assert live.full_heads() == []


def test_a_feed_goes_on_from_a_stored_frontier_and_leaves_that_alone():
    entries = [b"entry %d" % number for number in range(300)]
    stored = frontier_of(entries[:200])
    live = Feed(origin=ORIGIN, key=KEY, frontier=stored)

    for entry in entries[200:]:
        live.append(entry)

    assert live.size == 300
    assert [head.size for head in live.full_heads()] == [256]
    assert live.head().note == head_of(entries)
    assert stored.size == 200


def test_two_incarnations_of_one_key_sign_under_two_names():
    other = feed.origin_of("hz07", "main-gate", bytes(8))
    verifier = note.Verifier(other, note.NOTE_KEY, KEY.public.raw)

    head = Feed(origin=other, key=KEY).head().note

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
        return masks.pseudonym(masks.day_key(secret, at), credential)

    day = NOW // masks.DAY_SECONDS * masks.DAY_SECONDS
    one = name(day, b"anna")

    key = hmac.digest(b"secret", b"yardpass/day/v1" + (day // 86_400).to_bytes(8), "sha256")
    assert one == hashlib.blake2b(b"anna", key=key, digest_size=16).digest()
    assert one == name(day + masks.DAY_SECONDS - 1, b"anna")
    others = {
        name(day - 1, b"anna"),
        name(day + masks.DAY_SECONDS, b"anna"),
        name(day, b"bela"),
        name(day, b"anna", b"other secret"),
    }
    assert len(others | {one}) == 5


# Who showed a code: readable with the key of its day, and with no other.

holders = st.integers(-(2**63), 2**63 - 1)
keys = st.binary(min_size=32, max_size=32)
digests = st.binary(min_size=16, max_size=16)


@settings(max_examples=200, deadline=None)
@given(holders, keys, digests)
def test_a_holder_is_read_back_with_the_key_that_masked_it(holder, key, digest):
    carrier = masks.masked(holder, key, digest)

    assert 0 <= carrier < 2**64
    assert masks.unmasked(carrier, key, digest) == holder


def test_a_mask_is_keyed_blake2b_of_the_digest():
    key, digest = b"k" * 32, b"d" * 16
    mask = hashlib.blake2b(digest, key=key, digest_size=8).digest()

    carriers = [masks.masked(holder, key, digest) for holder in (0, -1)]

    assert carriers[0].to_bytes(8, "big") == mask
    assert carriers[1].to_bytes(8, "big") == bytes(255 - byte for byte in mask)


def test_another_day_or_another_code_masks_the_same_holder_otherwise():
    days = [masks.day_key(b"secret", at) for at in (NOW, NOW + masks.DAY_SECONDS)]
    codes = [bytes(16), b"d" * 16]

    carriers = {masks.masked(7, key, code) for key in days for code in codes}

    assert len(carriers) == 4
    assert masks.unmasked(masks.masked(7, days[0], codes[0]), days[1], codes[0]) != 7


def test_a_use_says_who_passed_by_which_code_when_and_which_way():
    used = diary.use(-5, NOW - 1, way=1, at=NOW, code=b"code")
    entry = diary.check(used, hlc=9).to_bytes()

    assert feed.use_of(entry, diary.SECRET) == used._replace(hlc=9)
    assert feed.use_of(entry, b"another site").holder != -5


def test_a_use_is_read_also_where_the_texts_behind_it_are_malformed():
    entry = diary.check(diary.use(7)).to_bytes()

    assert feed.use_of(entry + b"\xff", diary.SECRET).holder == 7


COUNTED = diary.check(diary.use(7)).to_bytes()
NO_USES = {
    "an opening": Opening(KEY.public.raw, 0, b"", 0, "s", NOW).to_bytes(),
    "what was forgotten": feed.Pruned(NOW, NOW - 9, 1).to_bytes(),
    "a red check": diary.check().to_bytes(),
    "half a check": COUNTED[:100],
    "another kind": bytes((9,)) + COUNTED[1:],
    "neither in nor out": COUNTED[:3] + b"\2" + COUNTED[4:],
    "counted twice": COUNTED[:4] + b"\2" + COUNTED[5:],
    "nothing": b"",
}


@pytest.mark.parametrize("name", NO_USES)
def test_what_counts_for_nobody_is_no_use(name):
    assert feed.use_of(NO_USES[name], diary.SECRET) is None


def test_times_and_the_sealed_hash_stand_where_a_check_has_them():
    raw = CHECK.to_bytes()

    assert feed.at_of(raw) == CHECK.at
    assert feed.hlc_of(raw) == CHECK.hlc
    assert feed.sealed_hash_of(raw) == CHECK.sealed


@pytest.mark.parametrize("name", ["an opening", "what was forgotten", "half a check", "nothing"])
def test_any_other_entry_has_no_time_and_nothing_sealed(name):
    entry = NO_USES[name]

    assert (feed.at_of(entry), feed.hlc_of(entry)) == (0, 0)
    assert feed.sealed_hash_of(entry) == feed.NOTHING_SEALED == bytes(32)


# The entries that are no checks.


@pytest.mark.parametrize("previous", [b"", bytes(8)])
def test_an_opening_is_read_back_as_it_was_written(previous):
    opening = Opening(KEY.public.raw, 7, previous, 41, "yardpass 0.1.0", NOW)

    assert feed.opening_of(opening.to_bytes()) == opening


OPENING = (KEY.public.raw, 1, b"", 0, "s", 0)
NO_OPENINGS = {
    "nothing": b"",
    "a check": CHECK.to_bytes(),
    "a list of nothing": b"\x80",
    "a number": b"\x00",
    "a key of 31 bytes": cbor.encode([0, bytes(31), *OPENING[1:]]),
    "an incarnation of 7 bytes": cbor.encode([0, *OPENING[:2], bytes(7), *OPENING[3:]]),
    "true for a boot count": cbor.encode([0, KEY.public.raw, True, *OPENING[2:]]),
    "false for the kind": cbor.encode([False, *OPENING]),
    "entries below none": cbor.encode([0, *OPENING[:3], -1, *OPENING[4:]]),
    "a time of 64 bits": cbor.encode([0, *OPENING[:5], 2**63]),
    "a byte more": cbor.encode([0, *OPENING]) + b"\0",
    "an item more": cbor.encode([0, *OPENING, 0]),
    "a text for the software": cbor.encode([0, *OPENING[:4], b"s", 0]),
}


@pytest.mark.parametrize("name", NO_OPENINGS)
def test_what_is_no_opening_is_refused(name):
    with pytest.raises(Refused) as caught:
        feed.opening_of(NO_OPENINGS[name])

    assert caught.value.reason == "R-LEDGER"


def test_what_was_forgotten_is_read_back_as_it_was_written():
    entry = feed.Pruned(NOW, NOW - 30 * masks.DAY_SECONDS, 12)

    assert entry.to_bytes()[:2] == b"\x84\x02"
    assert feed.pruned_of(entry.to_bytes()) == entry


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", *(cbor.encode([2, *rest]) for rest in ([1, 2], [1, 2, True], [1, -1, 1]))],
)
def test_what_says_nothing_of_forgetting_is_refused(data):
    with pytest.raises(Refused) as caught:
        feed.pruned_of(data)

    assert caught.value.reason == "R-LEDGER"
