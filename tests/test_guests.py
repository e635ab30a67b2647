"""Visitors and orders end as the table says, at a gate that reads them from its own store."""

import pytest
from compound import Compound, furnish, outcome
from guest_scenarios import GUEST_SCENARIOS, furnish_guests
from house_scenarios import HOUSE_SCENARIOS, furnish_house

ALL = {**GUEST_SCENARIOS, **HOUSE_SCENARIOS}


@pytest.fixture(scope="module")
def yards(tmp_path_factory):
    made = {
        rule: furnish_house(furnish_guests(furnish(Compound(tmp_path_factory.mktemp(rule)), rule)))
        for rule in ("green", "house")
    }
    yield made
    for one in made.values():
        one.store.close()


@pytest.mark.parametrize("name", ALL)
def test_a_visitor_an_order_or_a_rule_of_the_house_ends_as_the_table_says(yards, name):
    scenario = ALL[name]

    verdict = scenario.assess(yards[scenario.rule].gate_of(scenario)).verdict

    assert outcome(verdict) == scenario.ends
