"""Visitors and orders end as the table says, at a gate that reads them from its own store."""

import pytest
from compound import Compound, furnish, outcome
from guest_scenarios import GUEST_SCENARIOS, furnish_guests


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    made = furnish_guests(furnish(Compound(tmp_path_factory.mktemp("guests"))))
    yield made
    made.store.close()


@pytest.mark.parametrize("name", GUEST_SCENARIOS)
def test_a_visitor_or_an_order_ends_as_the_table_says(yard, name):
    scenario = GUEST_SCENARIOS[name]

    verdict = scenario.assess(yard.checker(scenario.way, scenario.zones)).verdict

    assert outcome(verdict) == scenario.ends
