"""The suite notices: every check, step, constant and comparison, broken one at a time.

A mutant is our own source with one place changed. All scenarios are run against it end to end; one
of them must end otherwise than the table says. At the end, bugs that terminals elsewhere had.
"""

import ast
import copy
import inspect
from types import ModuleType

import compound as yard
import pytest
from card_scenarios import CARD_SCENARIOS, furnish_cards
from compound import ANN, HOUR, NOW, OFFICE, SCENARIOS, B, C, show
from guest_scenarios import GUEST_SCENARIOS, furnish_guests
from house_scenarios import HOUSE_SCENARIOS, furnish_house
from invite_scenarios import Modules, outcome, scenarios
from test_invited import BESIDE
from test_invited import CASES as TERMS

from appliance.gate import card_checker, checker
from appliance.passes import card, code, invite, token, verify, verify_invite
from appliance.policy import invited, rules
from appliance.policy.rules import CHECKS, CheckList
from appliance.policy.verdict import Check
from ledger_sync import base45, cose
from ledger_sync.keys import _ORDER, key_of
from ledger_sync.state import holder_of

pytestmark = pytest.mark.long

ALL = {**SCENARIOS, **CARD_SCENARIOS, **GUEST_SCENARIOS, **HOUSE_SCENARIOS}
EXPECTED = {name: scenario.ends for name, scenario in ALL.items()}
STEPS = {
    "check_enrolled": lambda enrolled: (1, key_of(enrolled.key)),
    "check_issuer_known": lambda issuers: 2,
    "check_pass_signed": lambda code, issuers: (4, issuers[0]),
    "check_pass_claims": lambda held, issuer: 8,
    "check_bearer": lambda held, carrier: 16,
    "check_holder_signed": lambda code, key: 32,
}
"""The steps of verify.py, each replaced by one that always succeeds and leaves its mark."""
CARD_STEPS = {
    "check_asked": lambda is_asked: 128,
    "check_signed": lambda tap: 32,
    "check_certified": lambda tap, certificate, certifiers: 2 | 4,
    "check_in_force": lambda certificate, days: 8,
}
"""The same of card.py; the other two say whose card it is, and nothing goes on without."""


@pytest.fixture(scope="module")
def yards(tmp_path_factory):
    folder = tmp_path_factory.mktemp
    made = {
        rule: furnish_cards(yard.furnish(yard.Compound(folder(rule)), rule)) for rule in yard.RULES
    }
    for compound in made.values():
        furnish_house(furnish_guests(compound))
    yield made
    for compound in made.values():
        compound.store.close()


@pytest.fixture
def ending(yards, monkeypatch):
    """Runs a scenario; how it ends or what it raises."""

    def ending(scenario):
        with monkeypatch.context() as patch:
            if scenario.forgotten:
                patch.setattr(checker.verify, scenario.forgotten, lambda *_: 0)
            try:
                gate = yards[scenario.rule].gate_of(scenario)
                return yard.outcome(scenario.assess(gate).verdict)
            except Exception as error:  # noqa: BLE001 - whatever a mutant raises is noticed
                return type(error).__name__

    return ending


@pytest.fixture
def run(ending):
    """Runs all scenarios; the name of each, and how it ends."""
    return lambda: {name: ending(scenario) for name, scenario in ALL.items()}


@pytest.fixture
def is_noticed(ending):
    """Whether some scenario ends otherwise than the table says; the first one is enough."""
    return lambda: any(ending(scenario) != scenario.ends for scenario in ALL.values())


def changed(endings):
    return sorted(name for name in endings if endings[name] != EXPECTED[name])


def test_what_is_not_broken_ends_as_the_table_says(run):
    assert changed(run()) == []


@pytest.mark.parametrize("dropped", Check)
def test_a_check_that_is_dropped_is_noticed_and_nothing_is_green(run, monkeypatch, dropped):
    rest = CheckList([entry for entry in CHECKS if entry[0] is not dropped])
    monkeypatch.setattr(checker, "decide", rest.decide)

    endings = run()

    assert changed(endings)
    assert not {ending for ending in endings.values() if ending.startswith("GREEN")}
    ways_in = [name for name, scenario in ALL.items() if scenario.way is yard.IN]
    assert {endings[name].split()[1] for name in ways_in} == {"DENY"}


@pytest.mark.parametrize("check", Check)
def test_a_check_that_finds_nothing_is_noticed(run, monkeypatch, check):
    blind = [(c, (lambda facts, now: None) if c is check else test) for c, test in CHECKS]
    monkeypatch.setattr(checker, "decide", CheckList(blind).decide)

    endings = run()

    assert changed(endings)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_always_succeeds_is_noticed(run, monkeypatch, name):
    monkeypatch.setattr(verify, name, STEPS[name])

    assert changed(run())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_is_forgotten_never_gives_green(run, monkeypatch, name):
    marks = {"check_enrolled": lambda enrolled: (0, key_of(enrolled.key))}
    marks["check_pass_signed"] = lambda code, issuers: (0, issuers[0])
    monkeypatch.setattr(verify, name, marks.get(name, lambda *_: 0))

    endings = run()

    assert any("R-INCOMPLETE" in ending for ending in endings.values())
    attacks = [name for name, ends in EXPECTED.items() if "DENY" in ends]
    assert not [name for name in attacks if "OPEN" in endings[name]]


def test_the_table_of_steps_names_every_step_of_the_list():
    assert set(STEPS) == {name for name in vars(verify) if name.startswith("check_")}
    steps = {name for name in vars(card) if name.startswith("check_")}
    assert set(CARD_STEPS) | {"check_card", "check_number"} == steps


@pytest.mark.parametrize("name", CARD_STEPS)
def test_a_step_of_a_card_that_always_succeeds_is_noticed(run, monkeypatch, name):
    monkeypatch.setattr(card, name, CARD_STEPS[name])

    assert changed(run())


@pytest.mark.parametrize("name", CARD_STEPS)
def test_a_step_of_a_card_that_is_forgotten_never_gives_green(run, monkeypatch, name):
    monkeypatch.setattr(card, name, lambda *_: 0)

    endings = run()

    assert any("R-INCOMPLETE" in ending for ending in endings.values())
    attacks = [name for name, ends in EXPECTED.items() if "DENY" in ends]
    assert not [name for name in attacks if "OPEN" in endings[name]]


# Mutants of the source itself.

_SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
}
EQUIVALENT = ["_payload: signed.payload if signed else b'' -> signed.payload if True else b''"]
"""What no scenario can notice: the other branch is there for the types alone."""


EQUIVALENT_OF_CARDS = []


def _changes_of(node):
    """(what to do, how it reads) for every mutation of one node."""
    match node:
        case ast.Compare():
            for at, operator in enumerate(node.ops):
                for swap in _SWAPS[type(operator)]:
                    yield lambda n, at=at, swap=swap: n.ops.__setitem__(at, swap())
        case ast.BoolOp() | ast.BinOp() if type(node.op) in _SWAPS:
            yield from (lambda n, s=s: setattr(n, "op", s()) for s in _SWAPS[type(node.op)])
        case ast.UnaryOp(op=ast.Not()):
            yield lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
        case ast.Constant(value=int(value)) if type(value) is int:
            yield from (lambda n, v=v: setattr(n, "value", v) for v in (value + 1, value - 1))
        case ast.If() | ast.IfExp():
            yield from (lambda n, v=v: setattr(n, "test", ast.Constant(v)) for v in (True, False))
        case _:
            return


def _bodies(tree, constants):
    """The nodes that may change: functions' bodies, and the constants named."""
    for node in ast.walk(tree):
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        name = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else name
        if isinstance(node, ast.FunctionDef) or name in constants:
            yield name or node.name, [n for part in _parts(node) for n in ast.walk(part)]


def _parts(node):
    return node.body if isinstance(node, ast.FunctionDef) else [node.value]


def mutants_of(module, constants=()):
    """(name, module) for each single change of `module` that still compiles."""
    tree = ast.parse(inspect.getsource(module))
    for place, (name, nodes) in enumerate(_bodies(tree, constants)):
        for at, node in enumerate(nodes):
            for change in _changes_of(node):
                mutant = copy.deepcopy(tree)
                target = list(_bodies(mutant, constants))[place][1][at]
                change(target)
                before, after = (ast.unparse(n).split("\n")[0] for n in (node, target))
                yield f"{name}: {before} -> {after}", _built(module, mutant)


def _built(module, tree):
    mutant = ModuleType(module.__name__)
    exec(compile(ast.fix_missing_locations(tree), module.__file__, "exec"), mutant.__dict__)
    return mutant


def test_every_change_of_a_rule_or_its_constants_is_noticed(is_noticed, monkeypatch):
    survivors, names = [], []
    for name, mutant in mutants_of(
        rules, ("WINDOWS", "PASS_AHEAD_SECONDS", "_STATUS", "_NUMBERS")
    ):
        monkeypatch.setattr(checker, "decide", mutant.decide)
        names.append(name)
        survivors += [] if is_noticed() else [name]

    assert survivors == []
    assert len(names) > 120
    assert {f"WINDOWS: {bound} -> {bound + 1}" for bound in (20, 5, 30, 10)} <= set(names)
    assert {"PASS_AHEAD_SECONDS: 300 -> 301", "PASS_AHEAD_SECONDS: 300 -> 299"} <= set(names)


def test_every_change_of_the_terms_of_an_invite_is_noticed():
    asked = [(facts._replace(**good), None) for facts, good, _, _ in TERMS]
    asked += [(facts._replace(**bad), reason) for facts, _, bad, reason in TERMS]
    asked += BESIDE
    survivors, names = [], []
    for name, mutant in mutants_of(invited, ("EARLY_SECONDS", "_ENDED")):
        names.append(name)
        try:
            noticed = any(mutant.invited(facts, NOW) is not reason for facts, reason in asked)
        except Exception:  # noqa: BLE001 - whatever a mutant raises is noticed
            noticed = True
        survivors += [] if noticed else [name]

    assert survivors == []
    assert len(names) > 20


def test_every_change_of_the_verification_list_is_noticed(is_noticed, monkeypatch):
    survivors, names = [], []
    for name, mutant in mutants_of(verify):
        monkeypatch.setattr(checker, "verify", mutant)
        names.append(name)
        survivors += [] if is_noticed() else [name]

    assert survivors == EQUIVALENT
    assert len(names) > 20


def test_every_change_of_the_list_for_cards_is_noticed(is_noticed, monkeypatch):
    survivors, names = [], []
    for name, mutant in mutants_of(card):
        monkeypatch.setattr(card_checker, "card", mutant)
        names.append(name)
        survivors += [] if is_noticed() else [name]

    assert survivors == EQUIVALENT_OF_CARDS
    assert len(names) > 20


# Invites: what is read, proven and written without a gate (invite_scenarios.py).

INVITES = scenarios()
INVITE_STEPS = {
    "check_host_signed": lambda code, key: 512,
    "check_visitor_signed": lambda code, invite: 2048,
    "check_keyless": lambda invite: 4096,
}
"""The steps of verify_invite.py as those of verify.py above; check_host says who the host is."""
READERS = ("general", "_key_binding", "_by_host", "_names_of")
"""What of code.py takes invites apart."""
CONSTANTS_OF_INVITES = ("(AUD, NBF, CTI)", "CTI_BYTES", "MAX_USES", "ESCORTED")


@pytest.fixture
def notices(monkeypatch):
    """Whether some scenario ends otherwise with a module in place of ours."""

    def notices(**mutants):
        with monkeypatch.context() as patch:
            modules = Modules(**mutants)
            patch.setattr(modules.verify_invite, "invites", modules.invite)
            ends = (outcome(one.run, modules) != one.ends for one in INVITES.values())
            return any(ends)

    return notices


def unchanged(module):
    return _as_ours(_built(module, ast.parse(inspect.getsource(module))))


def _as_ours(mutant):
    """Enumerations are compared by identity, so that of a mutant would be noticed for itself."""
    if hasattr(mutant, "general"):
        mutant.Form = code.Form
    return mutant


def survivors_among(mutants, notices, name):
    """The names of the mutants that nothing notices, and how many there were."""
    survivors, count = [], 0
    for what, mutant in mutants:
        count += 1
        survivors += [] if notices(**{name: _as_ours(mutant)}) else [what]
    return survivors, count


def test_invites_that_nobody_broke_end_as_the_table_says(notices):
    assert len(INVITES) > 100
    assert not notices()
    for name, module in Modules()._asdict().items():
        assert not notices(**{name: unchanged(module)})


@pytest.mark.parametrize("name", INVITE_STEPS)
def test_a_step_of_an_invite_that_always_succeeds_is_noticed(notices, monkeypatch, name):
    monkeypatch.setattr(verify_invite, name, INVITE_STEPS[name])

    assert notices()


@pytest.mark.parametrize("name", INVITE_STEPS)
def test_a_step_of_an_invite_that_is_forgotten_is_never_complete(monkeypatch, name):
    monkeypatch.setattr(verify_invite, name, lambda *_: 0)
    hostile = [one for one in INVITES.values() if one.ends in ("R-SIG", "R-PROOF")]

    ends = [outcome(one.run, Modules()) for one in hostile]

    proofs = [end for end in ends if isinstance(end, tuple)]
    complete = {*verify.REQUIRED.values(), verify.UNINVITE_MARKS}
    assert proofs
    assert not {proof[0] for _, proof, _ in proofs} & complete


@pytest.mark.parametrize("name", sorted(set(STEPS) - {"check_bearer", "check_holder_signed"}))
def test_a_step_of_the_host_that_always_succeeds_is_noticed(notices, monkeypatch, name):
    monkeypatch.setattr(verify, name, STEPS[name])

    assert notices()


def test_the_table_of_steps_names_every_step_of_an_invite():
    steps = {name for name in vars(verify_invite) if name.startswith("check_")}
    assert set(INVITE_STEPS) | {"check_host"} == steps


def test_every_change_of_the_list_for_invites_is_noticed(notices):
    survivors, count = survivors_among(mutants_of(verify_invite), notices, "verify_invite")

    assert survivors == EQUIVALENT
    assert count > 20


def test_every_change_of_what_an_invite_states_is_noticed(notices):
    mutants = mutants_of(invite, CONSTANTS_OF_INVITES)

    survivors, count = survivors_among(mutants, notices, "invite")

    assert survivors == []
    assert count > 50


def test_every_change_of_how_an_invite_is_taken_apart_is_noticed(notices):
    mutants = (one for one in mutants_of(code, ("KBT_TYPE",)) if _is_reader(one[0]))

    survivors, count = survivors_among(mutants, notices, "code")

    assert survivors == []
    assert count > 15


def _is_reader(name):
    return name.partition(":")[0] in (*READERS, "KBT_TYPE")


# Bugs of terminals elsewhere. Each attack is refused here, and opens once the bug is let in.


def ends(gate, text, now=NOW):
    return yard.outcome(gate.assess(text, now, grade=0).verdict)


def self_signed(kid):
    """A pass whose holder signed it, under the issuer's key hint `kid`, and its code."""
    payload = cose.open1(ANN.token).payload
    header = {cose.KID: kid, cose.TYP: token.PASS_TYPE}
    forged = ANN._replace(token=cose.sign1(payload, protected=header, key=ANN.key))
    return show(B, forged)


def test_bug_a_an_issuer_key_inside_the_token_is_never_used(yards, monkeypatch):
    gate = yards["green"].checker()
    ours, theirs = self_signed(OFFICE.public.kid), self_signed(ANN.key.public.kid)

    assert (ends(gate, ours), ends(gate, theirs)) == ("RED DENY R-SIG", "RED DENY R-ISSUER")

    def with_the_key_inside(code, issuers):
        inner, key = code.inner, token.claims_of(code.inner.payload).key
        assert key.holds(inner.alg, inner.signature, inner.to_be_signed)
        return 4, issuers[0]

    monkeypatch.setattr(verify, "check_pass_signed", with_the_key_inside)
    assert ends(gate, ours) == "GREEN OPEN"


def test_bug_b_the_issuer_s_signature_is_looked_at(yards, monkeypatch):
    gate, forged = yards["green"].checker(), show(B, yard.FORGED)

    assert ends(gate, forged) == "RED DENY R-SIG"

    monkeypatch.setattr(verify, "check_pass_signed", STEPS["check_pass_signed"])
    assert ends(gate, forged) == "GREEN OPEN"


def test_bug_c_a_code_of_another_time_zone_is_not_fresh(yards, monkeypatch):
    gate, zones = yards["green"].checker(), (-8 * HOUR, 8 * HOUR)
    codes = [show(form, ANN, NOW + zone) for form in (C, B) for zone in zones]

    assert [ends(gate, text) for text in codes] == ["RED DENY R-STALE", "RED DENY R-FUTURE"] * 2

    def muddled(facts, now):
        return min(rules.decide(facts, now + zone) for zone in (0, *zones))

    monkeypatch.setattr(checker, "decide", muddled)
    assert {ends(gate, text).split()[1] for text in codes} == {"OPEN"}


def test_bug_d_a_code_from_the_future_is_not_fresh(yards, monkeypatch):
    gate = yards["green"].checker()
    codes = [show(C, ANN, NOW + ahead) for ahead in (6, 60, 8 * HOUR, 24 * HOUR)]

    assert {ends(gate, text) for text in codes} == {"RED DENY R-FUTURE"}

    one_sided = [(c, rules.fresh if c is Check.NOT_FUTURE else test) for c, test in CHECKS]
    monkeypatch.setattr(checker, "decide", CheckList(one_sided).decide)
    assert {ends(gate, text) for text in codes} == {"GREEN OPEN"}


def test_bug_e_a_code_signed_again_is_not_a_new_one(tmp_path):
    compound = yard.furnish(yard.Compound(tmp_path))
    gate, first = compound.checker(), show(C, yard.BOB)
    bytes_of = base45.decode_ascii(first.removeprefix(code.PREFIX))
    other_s = _ORDER - int.from_bytes(bytes_of[-32:], "big")  # holds as well, and needs no key
    again = code.to_text(bytes_of[:-32] + other_s.to_bytes(32, "big"))
    holder, at = gate.assess(first, NOW, grade=0).mark

    fresh = ends(gate, again)
    compound.log.append(compound.feed, 50, b"check", use=yard.use(holder_of(first), at))
    by_bytes = ends(gate, again)
    compound.log.append(compound.feed, 51, b"check", use=yard.use(holder, at))
    by_holder = ends(gate, again)
    compound.store.close()

    assert (fresh, by_bytes, by_holder) == ("GREEN OPEN", "GREEN OPEN", "RED DENY R-REPLAY")
