"""Any bytes are an act of a guard who may, of its one spelling, or `Refused`; nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yard import NOW, ORIGIN, key_of

from ledger_sync import act, urgent
from ledger_sync.act import MAX_LINES, MAX_NOTE, Deed, Kind
from ledger_sync.act_record import ActRecord, act_record_of
from ledger_sync.entries import ALL_RIGHTS, CALLS_HELP, MAY_ACT, MAY_ISSUE, Issuer
from ledger_sync.errors import Refused
from ledger_sync.feed import at_of, hlc_of, sealed_hash_of, use_of
from ledger_sync.keys import ES256, PublicKey

ANNA, BORIS, FORCED = key_of("anna"), key_of("boris"), key_of("anna, forced")
SINCE, UNTIL = NOW - 1_000, NOW + 1_000
HASH = hashlib.sha256(b"said").digest()


def guard(name, key, rights=MAY_ACT):
    return Issuer(name, key.public, SINCE, UNTIL, 0, rights)


ISSUERS = (
    guard("anna", ANNA),
    guard("boris", BORIS),
    guard("anna", FORCED, MAY_ACT | CALLS_HELP),
)
OPEN = Deed(NOW, Kind.OPEN, "north", "north-1", HASH)
TO_BORIS = Deed(NOW, Kind.HANDOVER, BORIS.public.kid.hex(), "north-1", b"", ("3 red",))
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,31}", fullmatch=True)
HEX = st.binary(min_size=8, max_size=8).map(bytes.hex)
OBJECTS = {
    **dict.fromkeys((Kind.BEGIN, Kind.END, Kind.NOTE), st.just("-")),
    Kind.OPEN: NAMES,
    **dict.fromkeys((Kind.IN, Kind.OUT), HEX),
}
SINGLE = st.sampled_from(list(OBJECTS)).flatmap(
    lambda kind: st.builds(
        Deed,
        *(st.integers(SINCE, UNTIL), st.just(kind), OBJECTS[kind], NAMES, st.just(HASH)),
        lines=st.just(()),
    )
)


def open_(data, issuers=ISSUERS, origin=ORIGIN):
    return act.opened(data, origin=origin, issuers=issuers)


def refused(data, why=".", **stated):
    with pytest.raises(Refused, match=why) as caught:
        open_(data, **stated)
    assert caught.value.reason == "R-LEDGER"


@given(SINGLE)
def test_what_a_guard_signed_is_read_back_as_it_was(deed):
    found = open_(act.sign(ORIGIN, deed, [ANNA]))

    text = act.text_of(ORIGIN, deed).encode()
    assert found == act.Act(deed, ("anna",), False, hashlib.sha256(text).digest())


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), min_size=1))
def test_a_handover_is_read_back_with_both_names_or_could_not_be_signed(lines):
    deed = TO_BORIS._replace(lines=tuple(lines))
    try:
        signed = act.sign(ORIGIN, deed, [ANNA, BORIS])
    except Refused as why:
        assert why.reason == "R-LEDGER"
        assert len(lines) > MAX_LINES or not all(map(str.isprintable, lines))
    else:
        if len(signed) <= MAX_NOTE:
            assert (open_(signed).deed, open_(signed).guards) == (deed, ("anna", "boris"))


@given(st.binary(max_size=200), st.integers(0, 400), st.binary(max_size=3))
def test_any_change_of_an_act_is_refused(noise, at, put):
    signed = act.sign(ORIGIN, OPEN, [ANNA])
    changed = signed[: at % len(signed)] + put + signed[at % len(signed) + 1 :]

    for data in (noise, changed):
        try:
            found = open_(data)
        except Refused as why:
            assert why.reason == "R-LEDGER"
        else:
            assert found.deed == OPEN and data.split(b"\n\n")[0] == signed.split(b"\n\n")[0]


def test_a_forced_guard_acts_under_the_same_name_and_is_told_apart():
    free, forced = (open_(act.sign(ORIGIN, OPEN, [key])) for key in (ANNA, FORCED))

    assert forced == free._replace(is_forced=True)


@pytest.mark.parametrize("rights", [MAY_ACT, ALL_RIGHTS])
def test_a_key_with_the_right_acts(rights):
    assert open_(act.sign(ORIGIN, OPEN, [ANNA]), [guard("anna", ANNA, rights)]).guards == ("anna",)


@pytest.mark.parametrize("rights", [MAY_ISSUE, ALL_RIGHTS & ~MAY_ACT, None])
def test_a_key_without_the_right_does_not(rights):
    refused(
        act.sign(ORIGIN, OPEN, [ANNA]),
        "whom the ledger here names",
        issuers=[guard("anna", ANNA, rights)],
    )


def test_a_p256_key_does_not_act_whatever_its_rights():
    odd = Issuer("anna", PublicKey(ES256, key_of("p", ES256).public.raw), SINCE, UNTIL, 0, MAY_ACT)
    refused(act.sign(ORIGIN, OPEN, [ANNA]), "whom the ledger here names", issuers=[odd])


@pytest.mark.parametrize("at", [SINCE - 1, UNTIL + 1])
def test_out_of_the_time_of_its_key_nothing_counts(at):
    refused(act.sign(ORIGIN, OPEN._replace(issued_at=at), [ANNA]), "one guard")


@pytest.mark.parametrize(
    ("deed", "keys", "why"),
    [
        (OPEN, (ANNA, BORIS), "one guard"),
        (OPEN, (ANNA, FORCED), "one guard"),
        (TO_BORIS, (ANNA,), "two guards"),
        (TO_BORIS, (BORIS,), "two guards"),
        (TO_BORIS, (BORIS, ANNA), "signed last"),
        (TO_BORIS._replace(object=FORCED.public.kid.hex()), (ANNA, FORCED), "two guards"),
    ],
)
def test_as_many_guards_sign_as_the_deed_asks_for(deed, keys, why):
    refused(act.sign(ORIGIN, deed, keys), why)


@pytest.mark.parametrize(
    "deed",
    [
        OPEN._replace(object="North"),
        OPEN._replace(remark=b""),
        OPEN._replace(terminal="../north"),
        OPEN._replace(lines=("more",)),
        OPEN._replace(issued_at=-1),
        Deed(NOW, Kind.NOTE, "-", "north-1"),
        Deed(NOW, Kind.BEGIN, "x", "north-1"),
        TO_BORIS._replace(lines=()),
        TO_BORIS._replace(lines=("x" * 101,)),
        TO_BORIS._replace(lines=("a\nb",)),
        TO_BORIS._replace(lines=("",)),
        TO_BORIS._replace(lines=("x",) * (MAX_LINES + 1)),
    ],
)
def test_what_no_note_may_say_is_not_signed(deed):
    with pytest.raises(Refused):
        act.sign(ORIGIN, deed, [ANNA, BORIS])


def test_a_note_that_is_too_long_is_not_looked_into():
    refused(b"x" * (MAX_NOTE + 1), "at most")


def test_another_site_s_act_and_other_notes_are_none():
    refused(act.sign("yardpass/hz08", OPEN, [ANNA]), "not an act of")
    assert not act.is_act(urgent.sign(f"{ORIGIN}/order\n1\n", ANNA))
    assert act.is_act(act.sign(ORIGIN, OPEN, [ANNA]))


# The record in a feed.


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=300),
)
def test_a_record_is_read_back_as_it_was(at, hlc, sealed, rest):
    made = ActRecord(at, hlc, sealed, b"yardpass/hz07/act\n" + rest)
    data = made.to_bytes()

    assert act_record_of(data) == made
    assert (at_of(data), hlc_of(data), sealed_hash_of(data)) == (at, hlc, sealed)
    assert use_of(data, b"secret") is None


@given(st.binary(max_size=120).map(lambda data: b"\4" + data) | st.binary(max_size=60))
def test_any_bytes_are_a_record_or_refused(data):
    try:
        found = act_record_of(data)
    except Refused as why:
        assert why.reason == "R-LEDGER"
    else:
        assert found.to_bytes() == data


@pytest.mark.parametrize("size", range(49))
def test_a_record_cut_short_has_no_time_and_states_nothing(size):
    data = b"\4" + b"\1" * size
    assert (at_of(data), hlc_of(data), sealed_hash_of(data)) == (
        (0, 0, bytes(32)) if size < 48 else (0x0101010101010101, 0x0101010101010101, b"\1" * 32)
    )


@pytest.mark.parametrize(
    "odd",
    [
        ActRecord(-1, 0, bytes(32), b"a/act\n"),
        ActRecord(0, 2**64, bytes(32), b"a/act\n"),
        ActRecord(0, 0, bytes(32), b"a/act\n".ljust(MAX_NOTE + 1)),
    ],
)
def test_what_is_no_record_is_not_written(odd):
    with pytest.raises(Refused):
        odd.to_bytes()
