"""Facts as they are logged: one spelling, read back to equal facts, everything else refused."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.passes.code import Form
from appliance.policy.facts import (
    NOWHERE,
    UNINVITED,
    Around,
    Audience,
    Direction,
    Facts,
    Invitation,
    Nonce,
    facts_of,
    glance_in,
    invitation_in,
    receipt_in,
)
from appliance.policy.reasons import Reason
from appliance.policy.rules import decide
from appliance.policy.site_rule import DEFAULT, SiteRule, read
from ledger_sync.clock import Grade
from ledger_sync.errors import Refused

STRICT = read(b'{"static": "red"}')
RULES = {rule.digest: rule for rule in (DEFAULT, STRICT)}
RED = sorted(str(reason) for reason in Reason if reason[0] == "R")
FACTS = Facts(
    *(1, "", 97, 0, 7, 1, 3, 2, 11, 12, 13, 14, 15, 1, 2, 16, 17, 1, 21, 22, 3, 18, 19, 20, 1),
    Around(1439, 7, 1, 3, 52, 1, 23, 1, 24, 25, 26, 27, 8),
    UNINVITED,
    STRICT,
)
SIZE = 145  # bytes of the record
PLACES = {
    **{"form": 0, "direction": 4, "audience": 59, "nonce": 60},
    **{"last_way": 77, "status": 90, "grade": 111},
}
AROUND_PLACES = {
    **{"weekday": 114, "holiday": 115, "orders": 116, "zone": 117, "zone_way": 118},
    **{"heard": 127, "second_class": 136},
}
"""Where the fields with a closed set of values stand in the record."""

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
u64 = st.integers(0, 2**64 - 1)
any_around = st.builds(
    Around,
    minute=st.integers(-1, 1439),
    weekday=st.integers(0, 7),
    holiday=st.integers(0, 1),
    orders=st.integers(0, 3),
    zone=st.integers(0, 52) | st.just(255),
    zone_way=st.integers(-1, 1),
    zone_at=u64,
    heard=st.integers(0, 1),
    inside=u16,
    unsure=u16,
    escort_age=u16,
    second_age=u16,
    second_class=st.integers(0, 8),
)
any_invite = st.builds(
    Invitation,
    *(u64, u64, u64, u8, u8, u8, st.integers(-1, 4), st.integers(0, 1), st.integers(0, 2)),
)
GUESTS = (Form.VISITOR, Form.BEARER_INVITE)


def with_invite(facts):
    """Whoever comes by an invite has one."""
    if facts.form not in GUESTS:
        return st.just(facts)
    return any_invite.map(lambda invite: facts._replace(invite=invite))


any_facts = st.builds(
    Facts,
    form=st.sampled_from(Form),
    refused=st.sampled_from(["", *RED]),
    marks=u16,
    direction=st.sampled_from(Direction),
    gate_zones=u64,
    klass=u8,
    zones=u64,
    assurance=u8,
    issued_at=u64,
    expires_at=u64,
    issuer_since=u64,
    issuer_until=u64,
    issuer_classes=u32,
    audience=st.sampled_from(Audience),
    nonce=st.sampled_from(Nonce),
    code_at=u64,
    last_at=u64,
    last_way=st.sampled_from([-1, *Direction]),
    seen_at=u64,
    uses=u32,
    status=st.integers(-1, 4),
    quorum_time=u64,
    floor=u64,
    critical=u32,
    grade=st.sampled_from(Grade),
    around=any_around,
    invite=st.just(UNINVITED),
    rule=st.sampled_from([DEFAULT, STRICT]),
).flatmap(with_invite)


def refusal(data, reasons=(), rules=RULES):
    with pytest.raises(Refused) as refused:
        facts_of(data, reasons, rules)
    return refused.value.reason


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(any_facts)
def test_logged_facts_read_back_equal_and_are_decided(facts):
    found = facts_of(facts.to_bytes(), (facts.refused,), RULES)

    assert found == facts
    assert found.rule.digest == facts.rule.digest
    assert decide(found, 1_700_000_000).to_bytes() == decide(facts, 1_700_000_000).to_bytes()


def test_the_record_stays_what_old_logs_hold():
    assert FACTS.to_bytes().hex() == (
        "0100006100" "0000000000000007" "01" "0000000000000003" "02"
        "000000000000000b" "000000000000000c" "000000000000000d" "000000000000000e"
        "0000000f" "01" "02" "0000000000000010" "0000000000000011"
        "01" "0000000000000015" "00000016" "03"
        "0000000000000012" "0000000000000013" "00000014" "01"
        "059f" "07010334" "01" "0000000000000017" "01" "0018" "0019" "001a" "001b" "08"
    ) + STRICT.digest.hex()  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=160) | st.binary(min_size=SIZE, max_size=SIZE),
    st.lists(st.text(), max_size=2),
)
def test_any_bytes_are_refused_or_are_facts_in_their_one_spelling(data, reasons):
    try:
        facts = facts_of(data, reasons, RULES | {data[-8:]: DEFAULT})
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
    else:
        assert facts.to_bytes() == data


@settings(max_examples=300, deadline=None)
@given(st.integers(0, SIZE - 1), u8, st.sampled_from(["", "R-SIG"]))
def test_a_changed_byte_is_refused_or_read_as_other_facts_that_can_be_decided(at, value, reason):
    facts = FACTS._replace(refused=reason)
    data = bytearray(facts.to_bytes())
    data[at] = value

    try:
        found = facts_of(bytes(data), ("R-SIG",), RULES)
    except Refused as refused:
        assert refused.reason == "R-LEDGER"
    else:
        assert (found == facts) is (bytes(data) == facts.to_bytes())
        decide(found, 1_700_000_000)


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE + 1, 1_000_000])
def test_another_length_is_refused(size):
    assert refusal(bytes(size)) == "R-LEDGER"


@pytest.mark.parametrize("name", PLACES)
def test_a_value_that_no_gate_writes_is_refused(name):
    data = bytearray(FACTS.to_bytes())
    data[PLACES[name]] = 77

    assert struct.unpack(">b", FACTS.to_bytes()[PLACES[name] :][:1]) == (getattr(FACTS, name),)
    assert refusal(bytes(data)) == "R-LEDGER"


@pytest.mark.parametrize("name", AROUND_PLACES)
def test_a_value_of_the_surroundings_that_no_gate_writes_is_refused(name):
    data = bytearray(FACTS.to_bytes())
    at = AROUND_PLACES[name]
    assert struct.unpack(">b", data[at : at + 1]) == (getattr(FACTS.around, name),)
    data[at] = 99

    assert refusal(bytes(data)) == "R-LEDGER"


@pytest.mark.parametrize("minute", [-2, 1440])
def test_a_minute_that_is_on_no_clock_is_refused(minute):
    facts = FACTS._replace(around=NOWHERE._replace(minute=minute))

    assert refusal(facts.to_bytes()) == "R-LEDGER"


def test_a_truth_value_other_than_one_is_another_spelling():
    data = bytearray(FACTS._replace(refused="R-SIG").to_bytes())
    data[1] = 2

    assert refusal(bytes(data), ("R-SIG",)) == "R-LEDGER"


@pytest.mark.parametrize("reasons", [(), ("R-NEW",), ("G-CLOCK",), ("",), ("garbage", "R-SIG")])
def test_a_refused_check_whose_reason_is_not_a_known_red_one_is_refused(reasons):
    data = FACTS._replace(refused="R-SIG").to_bytes()

    assert refusal(data, reasons) == "R-LEDGER"


def test_the_reasons_of_a_check_that_was_not_refused_are_not_facts():
    assert facts_of(FACTS.to_bytes(), ("R-ZONE",), RULES) == FACTS


def test_facts_whose_rule_is_not_at_hand_are_refused():
    assert refusal(FACTS.to_bytes(), rules={DEFAULT.digest: DEFAULT}) == "R-LEDGER"


def test_two_rules_that_say_the_same_in_other_words_are_told_apart_in_the_log():
    again = read(b'{ "static": "red" }')

    assert again == STRICT
    assert FACTS._replace(rule=again).to_bytes() != FACTS.to_bytes()
    assert refusal(FACTS._replace(rule=again).to_bytes()) == "R-LEDGER"


def test_the_default_rule_is_logged_as_zeros():
    assert SiteRule() == DEFAULT
    assert FACTS._replace(rule=DEFAULT).to_bytes()[-8:] == bytes(8)


def test_a_receipt_beside_what_no_card_signed_is_refused():
    assert refusal(FACTS.to_bytes() + bytes(96)) == "R-LEDGER"


def test_facts_of_a_visitor_hold_what_the_host_gave():
    given_away = Invitation(1, 2, 3, 4, 5, 6, -1, 0, 2)
    facts = FACTS._replace(form=7, marks=0x0FFF, invite=given_away)
    data = facts.to_bytes()

    assert data[SIZE:].hex() == (
        "0000000000000001" "0000000000000002" "0000000000000003" "04" "05" "06" "ff" "00" "02"
    )  # fmt: skip
    assert facts_of(data, (), RULES) == facts
    assert receipt_in(data) is None
    assert refusal(data[:SIZE]) == refusal(data + bytes(1)) == "R-LEDGER"


def test_an_invitation_alone_is_read_from_facts_of_the_right_length():
    given_away = Invitation(1, 2, 3, 4, 5, 6, 0, 1, 0)
    data = FACTS._replace(form=8, invite=given_away).to_bytes()

    assert invitation_in(data) == given_away
    assert invitation_in(FACTS.to_bytes()) is invitation_in(b"") is None
    for wrong in (data[:-1], data + b"\0", data[:1]):
        with pytest.raises(Refused) as refused:
            invitation_in(wrong)
        assert refused.value.reason == "R-LEDGER"


@pytest.mark.parametrize(("at", "value"), [(27, 5), (28, 2), (29, 3)])
def test_a_value_of_an_invitation_that_no_gate_writes_is_refused(at, value):
    data = bytearray(FACTS._replace(form=8, invite=Invitation()).to_bytes())
    data[SIZE + at] = value

    assert refusal(bytes(data)) == "R-LEDGER"


def test_facts_of_a_tap_are_read_beside_its_receipt():
    tap = FACTS._replace(form=4, marks=161)

    assert facts_of(tap.to_bytes() + bytes(96), (), RULES) == tap
    assert facts_of(tap.to_bytes(), (), RULES) == tap
    assert receipt_in(tap.to_bytes() + bytes(96)).to_bytes() == bytes(96)
    assert receipt_in(tap.to_bytes()) is None


def test_a_glance_reads_three_facts_of_the_right_length():
    data = FACTS.to_bytes()

    assert glance_in(data) == (FACTS.form, FACTS.klass, FACTS.quorum_time)
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(Refused) as refused:
            glance_in(wrong)
        assert refused.value.reason == "R-LEDGER"
