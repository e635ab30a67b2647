"""An order says what its format allows and nothing else, by a key that may, in its time; and of
two orders the same one stands everywhere."""

import hashlib
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yard import NOW, ORIGIN, issuer, key_of

from ledger_sync import deny, note, order, urgent
from ledger_sync.entries import (
    ALL_RIGHTS,
    MAY_CERTIFY,
    MAY_DENY,
    MAY_ISSUE,
    MAY_ORDER,
    Issuer,
)
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256, PublicKey
from ledger_sync.kinds import USUAL_RIGHTS
from ledger_sync.order import ALL_ZONES, ZONE_COUNT, Kind, Order, opened, sign, zones_of

GUARD, OFFICE, PHONE = key_of("guard"), key_of("office"), key_of("phone", ES256)
SINCE, UNTIL = NOW - 1_000, NOW + 1_000


def issuer_of(key, rights=MAY_ORDER, *, since=SINCE, until=UNTIL):
    return Issuer("yp:hz07", key.public, since, until, 0, rights)


ISSUERS = (issuer_of(GUARD), issuer_of(OFFICE))
HEAD = (f"{ORIGIN}/order", str(NOW))
SMALL = sign(ORIGIN, Kind.LOCKDOWN, 0b1000_1001, issued_at=NOW, key=GUARD)
TEXT = f"{ORIGIN}/order\n{NOW}\nlockdown\nzones 0 3 7\n"
KINDS = st.sampled_from(Kind)
MASKS = st.integers(1, ALL_ZONES)


def noted(*lines, keys=(GUARD,)):
    """A note of these lines, truly signed by the keys."""
    text = "".join(f"{line}\n" for line in lines)
    signed = [urgent.sign(text, key).decode().rpartition("\n\n")[2] for key in keys]
    return f"{text}\n{''.join(signed)}".encode()


def open_(data, *, issuers=ISSUERS, now=NOW, origin=ORIGIN):
    return opened(data, origin=origin, issuers=issuers, now=now)


def refused(data, why=".", **stated):
    with pytest.raises(Refused, match=why) as caught:
        open_(data, **stated)
    assert caught.value.reason == "R-LEDGER"


# The format.


def test_an_order_is_spelled_as_the_format_says():
    text, _, line = SMALL.decode().partition("\n\n")

    assert text + "\n" == TEXT
    signed = re.fullmatch("— ([0-9a-f]{16}) [A-Za-z0-9+/]+=*\n", line)
    assert signed[1] == GUARD.public.kid.hex()


def test_what_is_signed_is_read_back():
    found = open_(SMALL)

    digest = hashlib.sha256(TEXT.encode()).digest()
    assert found == Order(GUARD.public.kid.hex(), NOW, Kind.LOCKDOWN, 0b1000_1001, digest)
    assert order.digest_in(SMALL) == found.digest


@given(KINDS, st.one_of(MASKS, st.integers(0, ZONE_COUNT - 1).map(lambda zone: 1 << zone)),
       st.integers(0, NOW + 300))  # fmt: skip
@example(Kind.FREE, ALL_ZONES, 0)
@example(Kind.RELEASE, ALL_ZONES - 1, NOW + 300)
@settings(max_examples=80, deadline=None)
def test_every_order_is_read_back_as_it_was_signed(kind, zones, issued_at):
    made = sign(ORIGIN, kind, zones, issued_at=issued_at, key=GUARD)

    found = open_(made, issuers=[issuer_of(GUARD, since=0)])

    assert (found.kind, found.zones, found.issued_at) == (kind, zones, issued_at)
    assert zones_of(zones) == [zone for zone in range(64) if zones & 1 << zone]


@pytest.mark.parametrize("zones", [0, -1, ALL_ZONES + 1, 1 << 53])
def test_an_order_for_zones_that_are_none_is_not_signed(zones):
    with pytest.raises(Refused, match="some of the zones 0 to 52"):
        sign(ORIGIN, Kind.FREE, zones, issued_at=NOW, key=GUARD)


EVERY = " ".join(map(str, range(53)))
NO_ORDER = {
    "another origin": ("yardpass/bj01/order", HEAD[1], "free", "zones 0"),
    "a longer origin": (f"{ORIGIN}/order/order", HEAD[1], "free", "zones 0"),
    "a deny note": (f"{ORIGIN}/deny", HEAD[1], "7 yp:hz07/s/1"),
    "no purpose": (ORIGIN, HEAD[1], "free", "zones 0"),
    "a space behind the purpose": (f"{HEAD[0]} ", HEAD[1], "free", "zones 0"),
    "no zones": (*HEAD, "free"),
    "no kind": HEAD,
    "no line": ("",),
    "a line more": (*HEAD, "free", "zones 0", "zones 1"),
    "an empty line last": (*HEAD, "free", "zones 0", ""),
    "an empty line first": ("", *HEAD, "free", "zones 0"),
}
NO_KIND = {
    what: (*HEAD, kind, "zones 0")
    for what, kind in {
        "an unknown kind": "siege",
        "no kind at all": "",
        "a capital": "Lockdown",
        "a space behind the kind": "lockdown ",
        "two kinds": "lockdown curfew",
        "the name of the value": "Kind.FREE",
    }.items()
}
NO_ZONES = {
    what: (*HEAD, "lockdown", line)
    for what, line in {
        "no zone": "zones",
        "an empty zone": "zones ",
        "an empty line": "",
        "a zone past the last": "zones 53",
        "a zone past the last behind a good one": "zones 0 53",
        "a zone past the last before a good one": "zones 53 54",
        "a zone with a zero": "zones 00",
        "a zone with a zero in front": "zones 3 07",
        "a negative zone": "zones -1",
        "a zone with a sign": "zones +1",
        "a zone in another script": "zones ７",
        "zones that descend": "zones 3 0",
        "a zone twice": "zones 3 3",
        "two spaces": "zones 0  3",
        "a space last": "zones 0 3 ",
        "a space first": "zones  0",
        "a comma": "zones 0, 3",
        "a range": "zones 0-3",
        "all and one": "zones * 0",
        "all twice": "zones * *",
        "all zones one by one": f"zones {EVERY}",
        "another word": "zone 0",
        "a capital letter": "Zones 0",
        "no word": "0",
        "a number of many digits": f"zones {'9' * 999}",
    }.items()
}
NO_NUMBER = {
    what: (HEAD[0], time, "free", "zones 0")
    for what, time in {
        "a time with a zero": f"0{NOW}",
        "a time with a sign": f"+{NOW}",
        "a negative time": "-1",
        "a time with a fraction": f"{NOW}.0",
        "a time in another script": "１７６００００００",
        "a time with a space": f" {NOW}",
        "a time of 17 digits": "1" * 17,
        "an empty time": "",
    }.items()
}
WRONG = {
    **{what: (lines, "not an order of yardpass/hz07") for what, lines in NO_ORDER.items()},
    **{what: (lines, "is no kind of order") for what, lines in NO_KIND.items()},
    **{what: (lines, "names no zones: ascending numbers") for what, lines in NO_ZONES.items()},
    **{what: (lines, "is no number") for what, lines in NO_NUMBER.items()},
}


@pytest.mark.parametrize("what", WRONG)
def test_another_format_is_refused_though_the_right_key_signed(what):
    lines, why = WRONG[what]

    refused(noted(*lines), why)


def test_all_zones_but_one_are_spelled_one_by_one_and_all_by_a_star():
    assert (
        open_(noted(*HEAD, "free", f"zones {EVERY.removesuffix(' 52')}")).zones == ALL_ZONES >> 1
    )
    assert open_(noted(*HEAD, "free", "zones *")).zones == ALL_ZONES


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "without signature lines"),
        (SMALL[:-1], "without signature lines"),
        (SMALL + b"\n", "without signature lines"),
        (SMALL + b"zones 0\n", "is not a signature line"),
        (SMALL.replace(b"\n", b"\r\n"), "control character"),
        (b"\xff" + SMALL, "not UTF-8"),
        (b" " + SMALL, "does not hold"),
        (noted(*HEAD, "free", f"zones {EVERY * 400}"), "at most 16384"),
    ],
)
def test_what_is_no_signed_note_is_refused(data, why):
    refused(data, why)


def test_an_order_with_any_byte_altered_cut_or_added_is_refused():
    for at in range(len(SMALL)):
        refused(SMALL[:at])
        refused(SMALL[:at] + SMALL[at + 1 :])
        for bit in range(8):
            refused(SMALL[:at] + bytes((SMALL[at] ^ 1 << bit,)) + SMALL[at + 1 :])


LINES = st.one_of(
    st.sampled_from([*HEAD, *Kind, "zones *", "zones 0", "", " ", "0", str(NOW + 301)]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    st.lists(st.integers(0, 60), max_size=6).map(lambda them: f"zones {' '.join(map(str, them))}"),
)
NEARLY = st.tuples(
    st.just(HEAD[0]), st.one_of(st.just(HEAD[1]), LINES), st.one_of(st.sampled_from(Kind), LINES),
    LINES,
)  # fmt: skip


@pytest.mark.long
@given(st.one_of(st.lists(LINES, max_size=6), NEARLY))
@settings(max_examples=300, deadline=None)
def test_any_signed_text_is_an_order_in_its_one_spelling_or_refused(lines):
    """Any text under a good signature: an order that is signed to the same bytes, or `Refused`."""
    data = noted(*lines)
    try:
        found = open_(data)
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER"
    else:
        again = sign(ORIGIN, found.kind, found.zones, issued_at=found.issued_at, key=GUARD)
        assert data == again
        assert 0 < found.zones <= ALL_ZONES and found.issued_at <= NOW + 300


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=99).map(lambda data: SMALL + data)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_an_order_or_refused(data):
    """Any bytes: an order, or `Refused` (R-LEDGER)."""
    order.is_order(data), order.digest_in(data)
    try:
        assert open_(data) == open_(SMALL)  # lines of signers nobody knows change nothing
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER"


def test_a_first_line_says_whether_a_note_is_an_order():
    denial = deny.sign(ORIGIN, [("yp:hz07/s/1", 7)], issued_at=NOW, key=GUARD)

    assert order.is_order(SMALL) and order.is_order(b"yardpass/bj01/order\n")
    assert not any(map(order.is_order, (denial, b"", b"\n" + SMALL, b"order", b"/order \n")))


def test_an_order_is_no_deny_note_and_a_deny_note_no_order():
    denial = deny.sign(ORIGIN, [("yp:hz07/s/1", 7)], issued_at=NOW, key=GUARD)
    both = [issuer_of(GUARD, MAY_DENY | MAY_ORDER)]

    refused(denial, "not an order", issuers=both)
    with pytest.raises(Refused, match="not a deny note"):
        deny.opened(SMALL, origin=ORIGIN, issuers=both, now=NOW)


# Who may give orders.


@pytest.mark.parametrize("rights", [MAY_ORDER, MAY_ORDER | MAY_DENY, ALL_RIGHTS])
def test_a_key_with_the_right_gives_orders(rights):
    assert open_(SMALL, issuers=[issuer_of(GUARD, rights)]).signer == GUARD.public.kid.hex()


@pytest.mark.parametrize(
    "issuers",
    [
        (),
        (issuer_of(GUARD, None),),
        (issuer_of(GUARD, USUAL_RIGHTS | MAY_CERTIFY),),
        (issuer_of(GUARD, MAY_DENY),),
        (issuer_of(GUARD, MAY_ISSUE),),
        (issuer_of(GUARD, 0),),
        (issuer_of(OFFICE, ALL_RIGHTS),),
        (issuer(), issuer_of(OFFICE)),
        (Issuer("guard", PublicKey(ES256, GUARD.public.raw), SINCE, UNTIL, 0, MAY_ORDER),),
    ],
)
def test_a_key_without_the_right_gives_none(issuers):
    refused(SMALL, "no known key signed", issuers=issuers)


def test_the_right_is_none_of_the_usual_ones():
    assert MAY_ORDER == 8 and not USUAL_RIGHTS & MAY_ORDER and ALL_RIGHTS == 63


def test_a_p_256_key_signs_no_order():
    with pytest.raises(Refused, match="not the private key"):
        sign(ORIGIN, Kind.FREE, 1, issued_at=NOW, key=PHONE)


def test_a_signature_of_another_kind_or_under_another_name_orders_nothing():
    for name, kind in (
        (GUARD.public.kid.hex(), note.COSIGNER_KEY),
        ("guard", note.NOTE_KEY),
        (OFFICE.public.kid.hex(), note.NOTE_KEY),
    ):
        line = note.sign_note(TEXT, note.Verifier(name, kind, GUARD.public.raw), GUARD, time=NOW)
        refused(f"{TEXT}\n{line}".encode(), "no known key signed")


def test_a_second_signature_that_does_not_hold_refuses_the_order():
    wrong = noted("another text", keys=[OFFICE]).rpartition(b"\n\n")[2]

    refused(SMALL + wrong, f"signature of {OFFICE.public.kid.hex()} does not hold")
    assert open_(SMALL + wrong, issuers=[issuer_of(GUARD)]) == open_(SMALL)


def test_of_two_signers_the_one_who_may_now_is_named_and_the_order_is_the_same():
    lines = TEXT[:-1].split("\n")
    both, ended = noted(*lines, keys=(GUARD, OFFICE)), issuer_of(GUARD, until=NOW - 1)

    assert open_(both).signer == GUARD.public.kid.hex()
    assert open_(both, issuers=[ended, issuer_of(OFFICE)]).signer == OFFICE.public.kid.hex()
    assert open_(both).rank == open_(SMALL).rank
    assert order.digest_in(both) == order.digest_in(SMALL)


# In its time.


@pytest.mark.parametrize(("since", "until"), [(NOW, UNTIL), (SINCE, NOW), (NOW, NOW), (0, 2**53)])
def test_a_signer_gives_orders_from_the_first_to_the_last_second_it_was_given(since, until):
    assert open_(SMALL, issuers=[issuer_of(GUARD, since=since, until=until)]).issued_at == NOW


@pytest.mark.parametrize(("since", "until"), [(NOW + 1, UNTIL), (SINCE, NOW - 1), (UNTIL, SINCE)])
def test_a_signer_gives_none_outside_the_time_it_was_given(since, until):
    issuers = [issuer_of(GUARD, since=since, until=until)]

    refused(SMALL, "an order from outside the time its signer was given", issuers=issuers)


def test_an_order_from_the_future_is_refused_beyond_what_clocks_differ():
    assert open_(SMALL, now=NOW - 300).issued_at == NOW

    refused(SMALL, f"an order from {NOW}, it is {NOW - 301} here", now=NOW - 301)


def test_an_order_does_not_lapse():
    assert open_(SMALL, now=2**53) == open_(SMALL)


# Which of two stands.


def rank(kind, issued_at=NOW, zones=1):
    made = sign(ORIGIN, kind, zones, issued_at=issued_at, key=GUARD)
    return open_(made).rank


@pytest.mark.parametrize("older", Kind)
@pytest.mark.parametrize("newer", Kind)
def test_the_newer_order_stands_whatever_either_says(older, newer):
    assert rank(older, NOW) < rank(newer, NOW + 1)


def test_in_one_second_lockdown_stands_before_curfew_before_free_before_release():
    kinds = [Kind.RELEASE, Kind.FREE, Kind.CURFEW, Kind.LOCKDOWN]

    assert sorted(kinds, key=rank) == kinds


def test_of_two_alike_the_larger_hash_of_the_text_stands():
    texts = {zones: order.text_of(ORIGIN, Kind.FREE, zones, NOW) for zones in range(1, 9)}
    by_hash = sorted(texts, key=lambda zones: hashlib.sha256(texts[zones].encode()).digest())

    assert sorted(texts, key=lambda zones: rank(Kind.FREE, zones=zones)) == by_hash


@given(st.tuples(KINDS, st.integers(NOW - 2, NOW)), st.tuples(KINDS, st.integers(NOW - 2, NOW)))
@settings(max_examples=60, deadline=None)
def test_two_orders_have_one_rank_only_if_they_are_one(one, other):
    assert (rank(*one) == rank(*other)) == (one == other)
