"""What a gate knows beside the pass, and what orders and hours make of the gate itself."""

import json

import pytest
from compound import ANN, DAY, NOW, TRUST, C, Compound, furnish, outcome, show
from guest_scenarios import CAPTAIN, ORDERING

from appliance.gate.company import Company
from appliance.gate.neighbours import Here
from appliance.gate.surroundings import Surroundings, Who, counted_zone
from appliance.policy.facts import Direction, Gate
from appliance.policy.site_rule import read
from appliance.zones import zone_of
from ledger_sync import entries, order
from ledger_sync.clock import Grade
from ledger_sync.order import Kind
from ledger_sync.orders import InForce, Orders
from ledger_sync.presence import Inside

NOBODY = InForce(0, 0, 0, ())
NOBODY_KNOWN = Who(b"handle-1", "{}")
GATE = Gate("yp:hz07", "n", Direction.IN, 0b1010)
ASKS = [{"id": "a", "reason": "R-CURFEW", "logic": {"!": [{"var": "external.curfew"}]}}]
MORNING = 1_700_006_400  # 2023-11-15T00:00:00Z, a Wednesday, 08:00 in Shanghai


def rule_of(**values):
    values = {"time_zone": "Asia/Shanghai", "rules": ASKS} | values
    return read(json.dumps(values).encode(), zone_of)


def known(rule=None, orders=NOBODY, gate=GATE):
    made = Surroundings(gate, Company({}.get))
    made.follow(rule or rule_of(), orders)
    return made


def test_a_rule_that_asks_for_nothing_costs_no_look():
    assert not known(rule_of(rules=[])).is_asked
    assert known().is_asked


def test_the_time_is_that_of_the_site():
    there = known(rule_of(holidays=["2023-11-15"])).at(MORNING, Grade.GOOD, NOBODY_KNOWN)

    assert (there.minute, there.weekday, there.holiday) == (480, 3, 1)


def test_without_a_clock_there_is_no_time_and_no_curfew_by_hours():
    curfew = [{"from": "00:00", "to": "24:00"}]
    here = known(rule_of(curfew=curfew, holidays=["2023-11-15"])).at(
        MORNING, Grade.POOR, NOBODY_KNOWN
    )

    assert (here.minute, here.weekday, here.holiday, here.orders) == (-1, 0, 0, 0)


@pytest.mark.parametrize(("second", "orders"), [(-1, 0), (0, 2), (3_599, 2), (3_600, 0)])
def test_it_is_curfew_in_its_hours(second, orders):
    here = known(rule_of(curfew=[{"from": "08:00", "to": "09:00", "days": [3]}]))

    assert here.at(MORNING + second, Grade.FAIR, NOBODY_KNOWN).orders == orders
    assert here.at(MORNING + second + DAY, Grade.FAIR, NOBODY_KNOWN).orders == 0


@pytest.mark.parametrize("zones", [0b0010, 0b1000, 0b1111])
def test_an_order_for_any_zone_behind_a_gate_is_for_the_gate(zones):
    locked = known(orders=InForce(zones, 0, 0, ()))
    curfew = known(orders=InForce(0, 0, zones, ()))

    assert (locked.still.orders, curfew.still.orders) == (1, 2)
    assert locked.at(MORNING, Grade.POOR, NOBODY_KNOWN).orders == 1
    assert known(orders=InForce(0b0101, 0, 0, ())).still.orders == 0


def test_a_gate_counts_for_the_first_of_its_zones():
    assert [counted_zone(mask) for mask in (0b1010, 1, 1 << 52, 0)] == [1, 0, 52, 255]
    assert known().still.zone == 1


def test_a_gate_stands_open_in_its_hours_and_by_order_but_never_in_a_lockdown():
    hours = [{"gate": "n", "from": "08:00", "to": "09:00"}]
    other = [{"gate": "s", "from": "00:00", "to": "24:00"}]
    every = [{"from": "08:00", "to": "09:00"}]

    def stands(hold_open, orders=NOBODY, grade=Grade.GOOD, at=MORNING):
        return tuple(known(rule_of(hold_open=hold_open), orders).standing(at, grade))

    free, both = InForce(0, 0b10, 0, ()), InForce(0b10, 0b1000, 0, ())
    assert stands(hours) == stands(every) == (False, True)
    assert stands(other) == stands([]) == stands(hours, at=MORNING + 3_600) == (False, False)
    assert stands(hours, grade=Grade.POOR) == (False, False)
    assert stands([], free, Grade.POOR) == (False, True)
    assert stands(hours, both) == (True, False)


class Zone:
    """Neighbours that say what the test says; how often they were looked at."""

    def __init__(self, heard_for, inside):
        self.told, self.looks = Here(heard_for, inside), []

    def here(self):
        return self.told

    def look(self, now):
        self.looks.append(now)


def asking(name, zone=None, company=None, **values):
    """A gate whose rule asks for this fact."""
    logic = {"===": [{"var": f"external.{name}"}, 1]}
    rules = [{"id": "a", "reason": "R-APB", "logic": logic}]
    made = Surroundings(GATE, company or Company({}.get), zone)
    made.follow(rule_of(rules=rules, **values), NOBODY)
    return made


def test_where_the_holder_was_last_and_how_the_zone_stands_is_told_to_rules_that_ask():
    zone = Zone(300, Inside(70_000, 7))
    who = Who(b"handle-1", '{"z0":99,"z1":201}')

    there = asking("last_direction", zone).at(MORNING, Grade.GOOD, who)
    silent = asking("zone_heard", zone, heard_seconds=299).at(MORNING, Grade.POOR, who)
    other = asking("weekday", zone).at(MORNING, Grade.GOOD, who)

    assert (there.zone, there.zone_way, there.zone_at, there.heard) == (1, 1, 100, 1)
    assert (there.inside, there.unsure) == (65_534, 7)
    assert (silent.heard, silent.zone_way, silent.minute) == (0, 1, -1)
    assert (other.zone_way, other.inside, other.heard) == (-1, 65_535, 0)


def test_where_nobody_tells_of_other_gates_no_zone_is_heard():
    alone = asking("last_direction").at(MORNING, Grade.GOOD, Who(b"handle-1", '{"z1":200}'))

    assert (alone.zone_way, alone.heard, alone.inside) == (0, 0, 65_535)


def test_neighbours_are_looked_at_in_quiet_moments_if_a_rule_asks():
    zone = Zone(0, Inside(0, 0))
    asking("occupancy", zone).look(NOW)
    asking("weekday", zone).look(NOW + 1)
    asking("occupancy").look(NOW + 2)

    assert zone.looks == [NOW]


def test_company_is_told_to_rules_that_ask_and_the_host_to_every_visitor():
    company = Company({}.get)
    gate = asking("second_person_age", company=company)
    gate.note(b"somebody", 3, MORNING - 20)
    idle = Surroundings(GATE, company)
    idle.follow(rule_of(rules=[]), NOBODY)

    asked = gate.at(MORNING, Grade.GOOD, NOBODY_KNOWN)
    visit = idle.at(MORNING, Grade.GOOD, Who(b"handle-1", "{}", b"somebody"))

    assert (asked.second_age, asked.second_class, asked.escort_age) == (20, 3, 65_535)
    assert (visit.second_age, visit.escort_age) == (65_535, 20)


@pytest.fixture
def compound(tmp_path):
    made = furnish(Compound(tmp_path))
    made.publish(ORDERING)
    yield made
    made.store.close()


def give(compound, kind, at):
    """An order, by another process."""
    note = order.sign("yardpass/hz07", kind, 1, issued_at=at, key=CAPTAIN)
    Orders(compound.store).add(note, trust=TRUST, now=NOW)


def test_an_order_is_heard_in_a_quiet_moment_and_at_the_next_check(compound):
    gate = compound.checker()

    def looked():
        gate.look(NOW)
        return tuple(gate.standing(NOW, Grade.GOOD))

    assert looked() == (False, False)
    give(compound, Kind.LOCKDOWN, NOW - 9)
    assert outcome(gate.assess(show(C, ANN), NOW, grade=0).verdict) == "RED DENY R-LOCKDOWN"
    assert looked() == (True, False)
    give(compound, Kind.FREE, NOW - 8)
    assert looked() == (False, True)
    give(compound, Kind.RELEASE, NOW - 7)
    assert outcome(gate.assess(show(C, ANN), NOW, grade=0).verdict) == "GREEN OPEN"
    assert looked() == (False, False)


def test_a_rule_that_cannot_be_read_leaves_the_gate_as_it_stood(compound):
    gate = compound.checker()
    give(compound, Kind.LOCKDOWN, NOW - 9)
    gate.look(NOW)
    compound.publish(entries.Rule("gate", b'{"static": "blue"}'))
    gate.look(NOW)

    assert gate.standing(NOW, Grade.GOOD).locked
