"""From a text to a verdict, through a real store: every form, every reason, every change."""

import random

import compound as yard
import pytest
from compound import ANN, GATE, NOW, NUMBER, OUT, PRINTED, STATIC, B, C, person, show

from appliance.gate.checker import Checker, Gate
from appliance.passes import code, verify
from appliance.policy.facts import Nonce
from ledger_sync import base45, entries
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.state import holder_of, number_of

FORMS = [C, B]


@pytest.fixture(scope="module")
def yards(tmp_path_factory):
    """A compound for each rule; only read."""
    made = {
        rule: yard.furnish(yard.Compound(tmp_path_factory.mktemp(rule)), rule)
        for rule in yard.RULES
    }
    yield made
    for compound in made.values():
        compound.store.close()


@pytest.fixture
def compound(tmp_path):
    """A compound of one's own, to change."""
    made = yard.furnish(yard.Compound(tmp_path))
    yield made
    made.store.close()


@pytest.fixture
def gate(compound):
    return compound.checker()


def ends(gate, text, now=NOW, grade=0, **stated):
    return yard.outcome(gate.assess(text, now, grade=grade, **stated).verdict)


def token_of(text):
    return base45.decode_ascii(text.removeprefix(code.PREFIX))


@pytest.mark.parametrize("name", yard.SCENARIOS)
def test_a_presentation_ends_as_the_table_says(yards, monkeypatch, name):
    scenario = yard.SCENARIOS[name]
    if scenario.forgotten:
        monkeypatch.setattr(verify, scenario.forgotten, lambda *_: 0)

    assessed = scenario.assess(yards[scenario.rule].checker(scenario.way))

    assert yard.outcome(assessed.verdict) == scenario.ends


NOT_OURS = [
    *(b"", b"HC1:6BFOXN", b"https://example.org/YP1:", b"shc:/5676", b"yp1:00", b"YP1", b"YP2:"),
    *(b" YP1:00", b"\x00", b"\xff" * 99, b"A" * 1_000_000),
]
OURS_BROKEN = [
    *(b"", b"0", b"00", b":::", b"::", b"\x80\x80\x80", b"%69 VD92EX0", b"0" * 1_020),
    b"0" * 1_000_000,
]


@pytest.mark.parametrize("way", [yard.IN, OUT])
@pytest.mark.parametrize("number", range(len(NOT_OURS)))
def test_a_text_that_is_not_ours_is_foreign(compound, way, number):
    assessed = compound.checker(way).assess(NOT_OURS[number], NOW, grade=0)

    assert yard.outcome(assessed.verdict) == f"RED {'OPEN' if way is OUT else 'DENY'} R-FOREIGN"
    assert (assessed.credential, assessed.mark, assessed.facts.marks) == (b"", None, 0)


@pytest.mark.parametrize("number", range(len(OURS_BROKEN)))
def test_a_text_with_our_prefix_and_no_token_is_malformed(gate, number):
    assert ends(gate, code.PREFIX + OURS_BROKEN[number]) == "RED DENY R-FORM"


@pytest.mark.parametrize("form", [C, B, STATIC])
def test_no_changed_bit_of_a_token_ever_opens(yards, form):
    gate, who = yards["green"].checker(), PRINTED if form is STATIC else ANN
    token = token_of(show(form, who))

    verdicts = set()
    for bit in range(len(token) * 8):
        changed = bytearray(token)
        changed[bit // 8] ^= 1 << bit % 8
        verdicts.add(ends(gate, code.to_text(bytes(changed))))

    refusals = {f"RED DENY R-{why}" for why in ("FORM", "SIG", "UNKNOWN", "ISSUER", "PROOF")}
    assert verdicts <= refusals


def test_cut_joined_and_shuffled_tokens_never_open_and_raise_nothing(yards):
    chance, gate = random.Random(45), yards["green"].checker()
    tokens = [token_of(show(form, who)) for form in (C, B) for who in (ANN, yard.BOB)]

    verdicts = set()
    for _ in range(1_500):
        one, other = chance.choice(tokens), chance.choice(tokens)
        here, there = chance.randrange(len(one)), chance.randrange(len(other))
        mixed = one[:here] + chance.randbytes(chance.randrange(3)) + other[there:]
        if mixed not in tokens:
            verdicts.add(ends(gate, code.to_text(mixed)).split()[1])

    assert verdicts == {"DENY"}


@pytest.mark.parametrize("form", FORMS)
def test_a_code_opens_its_own_gate_and_no_other_of_the_site(compound, form):
    other = Checker(compound.replica, Gate(yard.SITE, "s", yard.IN, 1))
    text = show(form, ANN, audience=GATE)

    assert ends(compound.checker(), text) == "GREEN OPEN"
    assert ends(other, text) == "RED DENY R-AUD"


def test_facts_name_the_issuer_s_own_rights_and_the_audience(gate):
    by_office = gate.assess(show(C, ANN, audience=GATE), NOW, grade=0).facts
    by_kiosk = gate.assess(show(B, yard.THEIRS), NOW, grade=0).facts

    assert (by_office.issuer_classes, by_office.audience) == (yard.ISSUERS[0].classes, 2)
    assert (by_kiosk.issuer_classes, by_kiosk.audience) == (yard.ISSUERS[2].classes, 1)


def test_both_forms_of_one_pass_rest_on_the_same_facts(gate):
    reference = gate.assess(show(C, ANN, nonce=NUMBER), NOW, grade=0, nonce=NUMBER)
    carried = gate.assess(show(B, ANN, nonce=NUMBER), NOW, grade=0, nonce=NUMBER)

    same = {"form": 0, "marks": 0}
    assert reference.facts._replace(**same) == carried.facts._replace(**same)
    assert reference[2:] == carried[2:]
    assert reference.facts.nonce == Nonce.RIGHT


def test_a_print_is_known_by_its_handle_and_has_no_code_time(gate):
    assessed = gate.assess(show(STATIC, PRINTED), NOW, grade=0)

    handle = PRINTED.enrolment().handle
    assert (assessed.credential, assessed.mark) == (handle, (number_of(handle), 0))


@pytest.mark.parametrize("form", FORMS)
def test_a_status_written_by_another_connection_is_noticed_at_the_next_check(compound, gate, form):
    text, seen = show(form, ANN), []
    for value in (1, 0, 2, 3, 0):
        seen.append(ends(gate, text))
        compound.publish(ANN.status(value))

    assert [*seen, ends(gate, text)] == [
        *("GREEN OPEN", "RED DENY R-REVOKED", "GREEN OPEN"),
        *("RED DENY R-SUSPENDED", "YELLOW ASK Y-CONDITION", "GREEN OPEN"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_an_issuer_that_loses_a_class_is_noticed_without_a_restart(compound, gate, form):
    text = show(form, ANN)
    before = ends(gate, text)

    compound.publish(entries.Issuer(yard.SITE, yard.OFFICE.public, 0, NOW + yard.DAY, 0b100))

    assert (before, ends(gate, text)) == ("GREEN OPEN", "RED DENY R-CLASS")


def test_an_issuer_withdrawn_at_a_time_keeps_the_passes_from_before_it(compound, gate):
    old, new = person("ann"), person("nan", issued_at=NOW - yard.HOUR)
    before = [ends(gate, show(B, who)) for who in (old, new)]

    compound.publish(entries.Issuer(yard.SITE, yard.OFFICE.public, 0, NOW - yard.HOUR - 1, 0b10))

    assert before == ["GREEN OPEN"] * 2
    assert [ends(gate, show(B, who)) for who in (old, new)] == ["GREEN OPEN", "RED DENY R-CLASS"]


def test_an_issuer_that_arrives_is_noticed_without_a_restart(compound, gate):
    text = show(B, person("newcomer", issuer=yard.STRANGER))
    before = ends(gate, text)

    compound.publish(entries.Issuer(yard.SITE, yard.STRANGER.public, 0, NOW + yard.DAY, 0b10))

    assert (before, ends(gate, text)) == ("RED DENY R-ISSUER", "GREEN OPEN")


def test_a_pass_whose_issuer_is_not_in_the_ledger_may_do_nothing(compound, gate):
    orphan = person("orphan", issuer=yard.STRANGER)
    with pytest.raises(Refused, match="of no issuer in this ledger"):
        compound.publish(orphan.enrolment())
    unknown = ends(gate, show(C, orphan))

    compound.store.write("DELETE FROM issuer WHERE kid = ?", yard.OFFICE.public.kid)
    restarted = compound.checker()

    assert unknown == "RED DENY R-UNKNOWN"
    assert ends(restarted, show(C, ANN)) == "RED DENY R-CLASS"


def test_a_pass_taken_off_the_ledger_is_unknown_at_the_next_check(compound, gate):
    before = ends(gate, show(C, ANN))

    compound.publish(entries.Unpass(ANN.enrolment().handle))

    assert (before, ends(gate, show(C, ANN))) == ("GREEN OPEN", "RED DENY R-UNKNOWN")


def test_a_fresh_checkpoint_turns_a_stale_list_fresh(compound, gate):
    later = NOW + 2 * yard.HOUR
    before = ends(gate, show(C, ANN, later), later)

    compound.publish(at=later)

    assert (before, ends(gate, show(C, ANN, later), later)) == (
        "GREY OPEN G-STALE-STATUS",
        "GREEN OPEN",
    )


@pytest.mark.parametrize("kind", yard.PEOPLE)
@pytest.mark.parametrize(("first", "second"), [(C, C), (C, B), (B, C), (B, B)])
def test_replay_is_judged_by_holder_and_second_not_by_bytes(compound, gate, kind, first, second):
    who = yard.PEOPLE[kind]
    opened = gate.assess(show(first, who), NOW, grade=0)
    compound.log.append(compound.feed, 50, b"check", use=yard.use(*opened.mark))

    again = [ends(gate, show(second, who, NOW - age)) for age in (0, 1)]
    other_bytes = ends(gate, show(second, who, audience=GATE))

    assert opened.mark == (holder_of(who.key.public.raw), NOW)
    assert [*again, other_bytes] == ["RED DENY R-REPLAY"] * 3
    assert ends(gate, show(second, who, NOW + 1)) == "GREEN OPEN"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nonce", [b"", b"gatenmbR", bytes(8)])
def test_only_the_number_this_gate_shows_is_its_nonce(gate, form, nonce):
    assert ends(gate, show(form, ANN, nonce=NUMBER), nonce=nonce) == "RED DENY R-NONCE"


@pytest.mark.parametrize("form", [C, B, STATIC])
def test_a_rule_that_cannot_be_read_shuts_the_way_in_and_not_the_way_out(compound, form):
    gate, exit_gate = compound.checker(), compound.checker(OUT)
    text, broken = show(form, PRINTED if form is STATIC else ANN), "R-SETTINGS"

    compound.publish(entries.Rule("gate", b"not JSON"))

    restarted, restarted_exit = compound.checker(), compound.checker(OUT)
    for _ in range(2):
        assert {ends(one, text) for one in (gate, restarted)} == {f"RED DENY {broken}"}
        assert {ends(one, text) for one in (exit_gate, restarted_exit)} == {f"RED OPEN {broken}"}


def test_a_rule_that_is_mended_opens_the_way_in_again(compound, gate):
    compound.publish(entries.Rule("gate", b"{"))
    shut = [ends(gate, show(C, ANN)), ends(gate, show(C, ANN))]

    compound.publish(entries.Rule("gate", b'{"static": "yellow"}'))

    assert shut == ["RED DENY R-SETTINGS"] * 2
    assert ends(gate, show(C, ANN)) == "GREEN OPEN"
    assert gate.rule.static == "yellow"


def test_without_a_rule_for_gates_the_default_decides(tmp_path):
    compound = yard.Compound(tmp_path)
    compound.publish(*yard.ISSUERS, ANN.enrolment(), entries.Rule("pool", b"not JSON"))
    verdict = ends(compound.checker(), show(C, ANN))
    compound.store.close()

    assert verdict == "GREEN OPEN"


def test_a_store_that_cannot_be_read_is_unavailable_and_nothing_else(compound, gate):
    compound.store.close()

    for form in FORMS:
        with pytest.raises(Unavailable):
            gate.assess(show(form, ANN), NOW, grade=0)


def test_a_code_is_judged_by_one_read_of_the_store(compound, gate):
    seen = []
    ends(gate, show(B, ANN))
    compound.store.db.set_trace_callback(seen.append)

    for text in (show(C, ANN), show(B, ANN), show(STATIC, PRINTED)):
        ends(gate, text)

    assert len(seen) == 3


def test_a_newer_build_raises_the_floor_of_an_older_store(compound):
    older = Checker(compound.replica, Gate(yard.SITE, "n", yard.IN, 1), build_time=NOW - 1)
    newer = Checker(compound.replica, Gate(yard.SITE, "n", yard.IN, 1), build_time=NOW + 90)

    assert (older.floor, newer.floor) == (NOW, NOW + 90)
    assert newer.assess(show(C, ANN), NOW, grade=0).facts.floor == NOW + 90
