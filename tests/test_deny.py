"""A deny note says what its format allows and nothing else, by a key that may, in its time."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yard import LIST, NOW, ORIGIN, handle_of, issuer, key_of, pass_of

from ledger_sync import deny, note
from ledger_sync.deny import EARLY_SECONDS, LASTS_SECONDS, Denial, opened, sign
from ledger_sync.entries import ALL_RIGHTS, MAX_STATUS_INDEX, MAY_DENY, MAY_ISSUE, Issuer
from ledger_sync.errors import Refused
from ledger_sync.keys import ES256, PublicKey

GUARD, OFFICE, PHONE = key_of("guard"), key_of("office"), key_of("phone", ES256)
SINCE, UNTIL = NOW - 1_000, NOW + 1_000


def issuer_of(key, rights=MAY_DENY, *, since=SINCE, until=UNTIL):
    return Issuer("yp:hz07", key.public, since, until, 0, rights)


ISSUERS = (issuer_of(GUARD), issuer_of(OFFICE, None))


def line_of(key, text, *, name="", kind=note.NOTE_KEY):
    verifier = note.Verifier(name or key.public.kid.hex(), kind, key.public.raw)
    return note.sign_note(text, verifier, key, time=NOW)


def noted(*lines, keys=(GUARD,)):
    """A note of these lines, truly signed by the keys."""
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}\n{''.join(line_of(key, text) for key in keys)}".encode()


def open_(data, *, issuers=ISSUERS, now=NOW, origin=ORIGIN):
    return opened(data, origin=origin, issuers=issuers, now=now)


def refused(data, why=".", **stated):
    with pytest.raises(Refused, match=why) as caught:
        open_(data, **stated)
    assert caught.value.reason == "R-LEDGER"


HEAD = (f"{ORIGIN}/deny", str(NOW))
SMALL = noted(*HEAD, f"7 {LIST}")
URIS = st.text(
    st.characters(exclude_characters="\n", exclude_categories=("Cc", "Cs")),
    min_size=1,
    max_size=64,
)
PLACES = st.tuples(URIS, st.integers(0, MAX_STATUS_INDEX))


# The format.


def test_a_note_is_spelled_as_the_format_says():
    made = sign(ORIGIN, [(LIST, 7), ("yp:hz07/s/2", 0)], issued_at=NOW, key=GUARD)

    assert made.decode().split("\n")[:5] == [
        *(f"{ORIGIN}/deny", f"{NOW}", f"7 {LIST}", "0 yp:hz07/s/2", ""),
    ]
    signed = re.fullmatch("— ([0-9a-f]{16}) [A-Za-z0-9+/]+=*", made.decode().split("\n")[5])
    assert signed[1] == GUARD.public.kid.hex()


def test_what_is_signed_is_read_back():
    denial = open_(SMALL)

    assert denial == Denial(GUARD.public.kid.hex(), NOW, ((LIST, 7),))
    assert denial.until == NOW + LASTS_SECONDS == NOW + 86_400
    assert sign(ORIGIN, denial.places, issued_at=NOW, key=GUARD) == SMALL


@given(
    st.lists(PLACES, max_size=32),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=32),
    st.integers(0, NOW + 300),
)
@example([("x" * 64, MAX_STATUS_INDEX)] * 64, [], 0)
@example([], [0] * 64, 0)
@settings(max_examples=60, deadline=None)
def test_every_denial_is_read_back_as_it_was_signed(places, visitors, issued_at):
    made = sign(ORIGIN, places, issued_at=issued_at, key=GUARD, visitors=visitors)
    issuers = [issuer_of(GUARD, since=0)]

    if len(made) > note.MAX_NOTE:  # 64 lists with long names in some scripts
        return refused(made, "at most 16384", issuers=issuers)
    if not places + visitors:
        return refused(made, "for 1 to 64", issuers=issuers)
    found = open_(made, issuers=issuers)
    signer = GUARD.public.kid.hex()
    assert found == Denial(signer, issued_at, tuple(places), tuple(visitors))


NO_NOTE = {
    "another origin": ("yardpass/bj01/deny", HEAD[1], f"7 {LIST}"),
    "a longer origin": (f"{ORIGIN}/deny/deny", HEAD[1], f"7 {LIST}"),
    "no purpose": (ORIGIN, HEAD[1], f"7 {LIST}"),
    "a space behind the purpose": (f"{HEAD[0]} ", HEAD[1], f"7 {LIST}"),
    "a checkpoint": (ORIGIN, "7", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="),
    "no place": HEAD,
    "no time": (HEAD[0],),
    "no line": ("",),
    "64 places and a visitor": (
        *HEAD,
        *(f"{idx} {LIST}" for idx in range(64)),
        "visitor 0123456789abcdef",
    ),
    "65 places": (*HEAD, *(f"{idx} {LIST}" for idx in range(65))),
    "an empty line first": ("", *HEAD, f"7 {LIST}"),
}
NO_PLACE = {
    "an empty line between": (*HEAD, "", f"7 {LIST}"),
    "an empty line last": (*HEAD, f"7 {LIST}", ""),
    "no index": (*HEAD, LIST),
    "no list": (*HEAD, "7"),
    "an index beyond the list": (*HEAD, f"{MAX_STATUS_INDEX + 1} {LIST}"),
    "an index beyond the list behind a good one": (*HEAD, f"7 {LIST}", f"131072 {LIST}"),
    "an empty list": (*HEAD, "7 "),
    "a list behind no index, behind a visitor": (*HEAD, LIST, "visitor 0123456789abcdef"),
    "a list of 65 characters": (*HEAD, f"7 {'x' * 65}"),
}
NO_NUMBER = {
    "a time with a zero": (HEAD[0], f"0{NOW}", f"7 {LIST}"),
    "a time with a sign": (HEAD[0], f"+{NOW}", f"7 {LIST}"),
    "a negative time": (HEAD[0], "-1", f"7 {LIST}"),
    "a time with a fraction": (HEAD[0], f"{NOW}.0", f"7 {LIST}"),
    "a time in another script": (HEAD[0], "１７６００００００", f"7 {LIST}"),
    "a time with a space": (HEAD[0], f" {NOW}", f"7 {LIST}"),
    "a time of 17 digits": (HEAD[0], "1" * 17, f"7 {LIST}"),
    "an empty time": (HEAD[0], "", f"7 {LIST}"),
    "an index of many digits": (*HEAD, f"{'9' * 99} {LIST}"),
    "an index with a zero": (*HEAD, f"07 {LIST}"),
    "a negative index": (*HEAD, f"-7 {LIST}"),
    "an index in another script": (*HEAD, f"７ {LIST}"),
    "an empty index": (*HEAD, f" {LIST}"),
    "a pass behind a visitor": (*HEAD, "visitor 0123456789abcdef", f"7 {LIST}"),
    "a visitor in capitals": (*HEAD, "visitor 0123456789ABCDEF"),
    "a visitor of 15 digits": (*HEAD, "visitor 123456789abcdef"),
    "a visitor of 17 digits": (*HEAD, "visitor 00123456789abcdef"),
    "a visitor behind two spaces": (*HEAD, "visitor  123456789abcdef"),
    "a visitor in another script": (*HEAD, "visitor ０123456789abcdef"),
    "a visitor in capital letters": (*HEAD, "Visitor 0123456789abcdef"),
}
WRONG = {
    **{what: (lines, "not a deny note of yardpass/hz07") for what, lines in NO_NOTE.items()},
    **{what: (lines, "is no place in a status list") for what, lines in NO_PLACE.items()},
    **{what: (lines, "is no number") for what, lines in NO_NUMBER.items()},
}


@pytest.mark.parametrize("what", WRONG)
def test_another_format_is_refused_though_the_right_key_signed(what):
    lines, why = WRONG[what]

    refused(noted(*lines), why)


def test_one_and_64_places_are_taken_and_the_largest_index():
    for count in (1, 64):
        made = noted(*HEAD, *(f"{MAX_STATUS_INDEX - idx} {LIST}" for idx in range(count)))
        assert len(open_(made).places) == count


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "without signature lines"),
        (SMALL[:-1], "without signature lines"),
        (SMALL + b"\n", "without signature lines"),
        (SMALL + b"7 places\n", "is not a signature line"),
        (SMALL.replace(b"\n", b"\r\n"), "control character"),
        (SMALL.replace(b" ", b"\t", 1), "control character"),
        (b"\xff" + SMALL, "not UTF-8"),
        (b" " + SMALL, "does not hold"),
        (SMALL.partition(b"\n\n")[0] + b"\n\n", "without signature lines"),
        (noted(*HEAD, *["7 " + "x" * 62] * 260), "at most 16384"),
    ],
)
def test_what_is_no_signed_note_is_refused(data, why):
    refused(data, why)


def test_a_note_with_any_byte_altered_cut_or_added_is_refused():
    for at in range(len(SMALL)):
        refused(SMALL[:at])
        refused(SMALL[:at] + SMALL[at + 1 :])
        for bit in range(8):
            refused(SMALL[:at] + bytes((SMALL[at] ^ 1 << bit,)) + SMALL[at + 1 :])


LINES = st.one_of(
    st.sampled_from([*HEAD, f"7 {LIST}", "", " ", "0", "-1", str(NOW + 301)]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=70),
    PLACES.map(lambda place: f"{place[1]} {place[0]}"),
    st.integers(0, 2**64 - 1).map(lambda name: f"visitor {name:016x}"),
)


LISTED = st.lists(LINES, max_size=70).map(lambda more: [*HEAD, *more])


@given(st.one_of(st.lists(LINES, max_size=6), LISTED))
@settings(max_examples=150, deadline=None)
def test_any_signed_text_is_a_denial_in_its_one_spelling_or_refused(lines):
    """Any text under a good signature: a denial that is signed to the same bytes, or `Refused`."""
    data = noted(*lines)
    try:
        denial = open_(data)
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER"
    else:
        visitors = denial.visitors
        again = sign(
            ORIGIN, denial.places, issued_at=denial.issued_at, key=GUARD, visitors=visitors
        )
        assert data == again
        assert 0 < len((*denial.places, *visitors)) <= 64 and denial.issued_at <= NOW + 300


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=99).map(lambda data: SMALL + data)))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_denial_or_refused(data):
    """Any bytes: a denial, or `Refused` (R-LEDGER)."""
    if data == SMALL:
        return
    try:
        assert open_(data) == open_(SMALL)  # lines of signers nobody knows change nothing
    except Refused as refusal:
        assert refusal.reason == "R-LEDGER"


# Who may deny.


@pytest.mark.parametrize("rights", [MAY_DENY, ALL_RIGHTS, None])
def test_a_key_with_the_right_denies(rights):
    assert open_(SMALL, issuers=[issuer_of(GUARD, rights)]).signer == GUARD.public.kid.hex()


@pytest.mark.parametrize(
    "issuers",
    [
        (),
        (issuer_of(GUARD, MAY_ISSUE),),
        (issuer_of(GUARD, 0),),
        (issuer_of(OFFICE, ALL_RIGHTS),),
        (issuer(), issuer_of(GUARD, MAY_ISSUE), issuer_of(OFFICE)),
        (Issuer("guard", PublicKey(ES256, GUARD.public.raw), SINCE, UNTIL, 0, MAY_DENY),),
    ],
)
def test_a_key_without_the_right_denies_nothing(issuers):
    refused(SMALL, "no known key signed", issuers=issuers)


def test_a_p_256_key_signs_no_deny_note_and_none_by_it_is_taken():
    with pytest.raises(Refused, match="not the private key") as caught:
        sign(ORIGIN, [(LIST, 7)], issued_at=NOW, key=PHONE)
    assert caught.value.reason == "R-LEDGER"

    text = "".join(f"{line}\n" for line in (*HEAD, f"7 {LIST}"))
    for raw in (PHONE.public.raw, PHONE.public.raw[1:33]):
        verifier = note.Verifier(PHONE.public.kid.hex(), note.NOTE_KEY, raw)
        line = note.base64.b64encode(verifier.key_id + PHONE.sign(text.encode())).decode()
        data = f"{text}\n— {verifier.name} {line}\n".encode()
        refused(data, "no known key signed", issuers=[*ISSUERS, issuer_of(PHONE)])


def test_a_signature_of_another_kind_or_under_another_name_denies_nothing():
    text = SMALL.decode().partition("\n\n")[0] + "\n"
    for line in (
        line_of(GUARD, text, kind=note.COSIGNER_KEY),
        line_of(GUARD, text, name="guard"),
        line_of(GUARD, text, name=OFFICE.public.kid.hex()),
    ):
        refused(f"{text}\n{line}".encode(), "no known key signed")


def test_a_signature_over_another_text_denies_nothing():
    other = line_of(GUARD, "".join(f"{line}\n" for line in (*HEAD, f"8 {LIST}")))

    refused(SMALL.partition("— ".encode())[0] + other.encode(), "does not hold")


def test_a_deny_note_is_no_checkpoint():
    verifier = note.Verifier(GUARD.public.kid.hex(), note.NOTE_KEY, GUARD.public.raw)

    with pytest.raises(Refused, match="root hash is not Base64"):
        note.checkpoint_of(note.open_note(SMALL, [verifier]))


# In its time.


@pytest.mark.parametrize(("since", "until"), [(NOW, UNTIL), (SINCE, NOW), (NOW, NOW), (0, 2**53)])
def test_a_signer_denies_from_the_first_to_the_last_second_it_was_given(since, until):
    assert open_(SMALL, issuers=[issuer_of(GUARD, since=since, until=until)]).issued_at == NOW


@pytest.mark.parametrize(("since", "until"), [(NOW + 1, UNTIL), (SINCE, NOW - 1), (UNTIL, SINCE)])
def test_a_signer_denies_nothing_outside_the_time_it_was_given(since, until):
    issuers = [issuer_of(GUARD, since=since, until=until)]

    refused(SMALL, "from outside the time its signer was given", issuers=issuers)


def test_a_note_from_the_future_is_refused_beyond_what_clocks_differ():
    assert EARLY_SECONDS == 300
    assert open_(SMALL, now=NOW - 300).issued_at == NOW

    refused(SMALL, f"a deny note from {NOW}, it is {NOW - 301} here", now=NOW - 301)


def test_whether_a_note_has_lapsed_is_told_not_judged():
    assert open_(SMALL, now=NOW + 10 * LASTS_SECONDS).until == NOW + LASTS_SECONDS


# Two signers.


BOTH = noted(*HEAD, f"7 {LIST}", keys=(GUARD, OFFICE))


def test_of_two_signers_the_first_is_named():
    assert open_(BOTH).signer == GUARD.public.kid.hex()
    assert open_(noted(*HEAD, f"7 {LIST}", keys=(OFFICE, GUARD))).signer == OFFICE.public.kid.hex()


EXCUSED = (
    issuer_of(GUARD, until=NOW - 1),
    issuer_of(GUARD, since=NOW + 1),
    issuer_of(GUARD, MAY_ISSUE),
)


@pytest.mark.parametrize("first", EXCUSED)
def test_of_two_signers_the_one_who_may_now_is_named(first):
    denial = open_(BOTH, issuers=[first, issuer_of(OFFICE)])

    assert denial.signer == OFFICE.public.kid.hex()


def test_of_two_signers_neither_of_whom_may_now_none_denies():
    issuers = [replace(one, until=NOW - 1) for one in ISSUERS]

    refused(BOTH, "outside the time", issuers=issuers)


def test_a_second_signature_that_does_not_hold_refuses_the_note():
    wrong = line_of(OFFICE, "another text\n").encode()

    refused(SMALL + wrong, f"signature of {OFFICE.public.kid.hex()} does not hold")
    assert open_(SMALL + wrong, issuers=[issuer_of(GUARD)]) == open_(SMALL)  # nobody knows it


def test_the_same_signature_twice_counts_once():
    assert open_(SMALL + SMALL.partition(b"\n\n")[2]) == open_(SMALL)


def test_a_pass_is_denied_by_its_place_and_not_by_its_handle():
    bela = pass_of("bela", index=8)

    assert open_(sign(ORIGIN, [(bela.uri, bela.idx)], issued_at=NOW, key=GUARD)).places == (
        (LIST, 8),
    )
    refused(noted(*HEAD, handle_of("bela").hex()), "is no place")
    assert deny.MAX_PLACES == 64
