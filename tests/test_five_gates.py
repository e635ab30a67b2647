"""Five gates of a compound and the rule against handing a pass on, through a split and its end.

Real stores, gossip and verdicts; links in memory. What the gates must tell is worked out from all
that was recorded, apart from the code under test.
"""

import json
import random
from collections import defaultdict
from itertools import pairwise

import pytest
from talkers import Party, store_of
from test_rules import FACTS as GREEN

from appliance.gate.company import Company
from appliance.gate.neighbours import Here
from appliance.gate.surroundings import Surroundings, Who
from appliance.policy.facts import Direction, Gate
from appliance.policy.rules import decide
from appliance.policy.site_rule import read
from appliance.policy.verdict import Action
from ledger_sync.moves import Moves
from ledger_sync.orders import InForce
from ledger_sync.presence import Inside
from ledger_sync.replica import Replica

pytestmark = pytest.mark.long

GATES, HOLDERS, ZONES = 5, 5, 3
IN, OUT = Direction
HARD = {"!": [{"and": [{"var": "external.zone_heard"},
                       {"===": [{"var": "external.last_direction"}, "in"]}]}]}  # fmt: skip
SOFT = {"!": [{"===": [{"var": "external.last_direction"}, "in"]}]}
RULE = read(
    json.dumps(
        {
            "soft": ["Y-APB"],
            "rules": [
                {"id": "hard", "reason": "R-APB", "logic": HARD},
                {"id": "soft", "reason": "Y-APB", "logic": SOFT},
            ],
        }
    ).encode()
)


class Zone:
    """How a gate hears the others of its zone."""

    def __init__(self, is_whole):
        self.is_whole = is_whole

    def here(self):
        return Here(0 if self.is_whole() else RULE.heard_seconds + 1, Inside(0, 0))

    def look(self, now):
        """Told at once."""


class Yard:
    """Five gates, who came where, and what was let in."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.pairs = [(a, b) for a in range(GATES) for b in range(a + 1, GATES)]
        self.party = Party(GATES, pairs=self.pairs)
        self.codes = 0
        self.moves = defaultdict(list)  # (holder, zone) -> [(at, number, gate, way)]
        self.verdicts = []

    def is_whole(self, gate):
        """Whether this gate is joined to all others."""
        return sum(gate in pair for pair in self.party.cables) == GATES - 1

    def comes(self, gate, holder, way):
        """Somebody shows a fresh code; the verdict, which is on record if it opened."""
        zone, node = holder % ZONES, self.party.nodes[gate]
        here = Surroundings(
            Gate("yp:hz07", "g", way, 1 << zone),
            Company({}.get),
            Zone(lambda: self.is_whole(gate)),
        )
        here.follow(RULE, InForce(0, 0, 0, ()))
        standing = Replica(store_of(node)).standing("", 0, holder)
        around = here.at(self.party.now, 0, Who(b"%08d" % holder, standing.places))
        facts = GREEN._replace(around=around, rule=RULE, direction=way)
        now = self.party.now
        facts = facts._replace(code_at=now, quorum_time=now, expires_at=now + 9, issued_at=0,
                               issuer_since=0, issuer_until=now)  # fmt: skip
        verdict = decide(facts, now)
        if verdict.action is Action.OPEN:
            self._record(gate, holder, way)
        self.verdicts.append((gate, holder, way, verdict.action, verdict.reasons))
        return verdict

    def _record(self, gate, holder, way):
        while self.codes % HOLDERS != holder or self.codes // 7 % 2 != way:
            self.codes += 1
        self.party.check(gate, self.codes)
        number = len(self.moves[holder, holder % ZONES])
        self.moves[holder, holder % ZONES].append((self.party.now, number, gate, int(way)))
        self.codes += 1

    def goes_on(self, steps):
        for _ in range(steps):
            gate, holder = self.draw.randrange(GATES), self.draw.randrange(HOLDERS)
            self.comes(gate, holder, self.draw.choice((IN, IN, OUT)))
            for _ in range(3):  # more than a second: times tell the order
                self.party.turn()

    def split(self, one, other):
        for pair in self.pairs:
            if (pair[0] in one) is not (pair[1] in one):
                assert set(pair) <= one | other
                self.party.part(*pair)

    def heal(self):
        for pair in self.pairs:
            if pair not in self.party.cables:
                self.party.join(*pair)
        self.party.agree()
        for _ in range(4):
            self.party.turn()

    def double_entries(self):
        """Entries behind an entry of the same holder into the same zone, counted by hand."""
        count = 0
        for moves in self.moves.values():
            ways = [way for *_, way in sorted(moves)]
            count += sum(one == two == IN for one, two in pairwise(ways))
        return count

    def told(self):
        """What each gate tells of people who were let in twice."""
        return [
            sorted(one[1:5] for one in Moves(store_of(node)).conflicts() if one.kind == "passback")
            for node in self.party.nodes
        ]


@pytest.fixture(autouse=True)
def parties():
    yield
    Party.end_all()


@pytest.mark.parametrize("seed", range(6))
def test_nobody_is_let_in_twice_while_the_gates_hear_each_other(seed):
    yard = Yard(seed)
    yard.party.agree()

    yard.goes_on(40)

    assert yard.double_entries() == 0
    assert yard.told() == [[]] * GATES
    refused = [reasons for *_, action, reasons in yard.verdicts if action is Action.DENY]
    assert set(refused) == {("R-APB",)}
    assert not [one for one in yard.verdicts if one[2] is OUT and one[3] is not Action.OPEN]


@pytest.mark.parametrize("seed", range(6))
def test_after_a_split_every_gate_tells_each_conflict_once(seed):
    yard = Yard(seed)
    yard.party.agree()
    yard.goes_on(10)
    sides = {0, 1}, {2, 3, 4}

    yard.split(*sides)
    yard.goes_on(40)
    yard.heal()

    expected = yard.double_entries()
    told = yard.told()
    assert expected > 0
    assert [len(each) for each in told] == [expected] * GATES
    assert len({str(each) for each in told}) == 1
    assert len(set(map(tuple, told[0]))) == expected
    yard.goes_on(20)
    assert yard.double_entries() == expected
    assert [len(each) for each in yard.told()] == [expected] * GATES


def test_a_gate_that_is_cut_off_lets_people_in_flagged_and_nobody_is_locked_out_or_in():
    yard = Yard(9)
    yard.party.agree()
    yard.comes(0, 1, IN)
    yard.party.agree()
    yard.split({4}, {0, 1, 2, 3})

    inside = yard.comes(3, 1, IN), yard.comes(4, 1, IN), yard.comes(4, 1, OUT)

    assert [one.action for one in inside] == [Action.OPEN] * 3
    assert [one.reasons for one in inside] == [("Y-APB",), ("Y-APB",), ()]
