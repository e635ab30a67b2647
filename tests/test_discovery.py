"""Terminals that announce themselves are hints: of this ledger, with an address, not oneself."""

import socket
import sys

import pytest

from ledger_sync.discovery import Discovery
from ledger_sync.errors import Refused


def discovery(name, origin="yardpass/hz07"):
    found = []
    return Discovery(origin, name, lambda *one: found.append(one)), found


def announced(name, *addresses, origin="yardpass/hz07", port=7461):
    made = discovery(name, origin)[0].announcement(port)
    made.addresses = [
        socket.inet_pton(socket.AF_INET6 if ":" in one else socket.AF_INET, one)
        for one in addresses
    ]
    return made


def test_a_terminal_of_the_same_ledger_is_told_of_with_all_its_addresses():
    one, found = discovery("north-1")

    one.heard(announced("south-1", "10.0.0.7", "fe80::7"))

    assert found == [("south-1", "10.0.0.7:7461"), ("south-1", "[fe80::7]:7461")]


@pytest.mark.parametrize(
    ("name", "change"),
    [("north-1", {}), ("south-1", {"origin": "yardpass/bj01"}), ("south-1", {"port": 0})],
    ids=["itself", "another compound's", "one without a port"],
)
def test_others_are_passed_over(name, change):
    one, found = discovery("north-1")

    one.heard(announced(name, "10.0.0.7", **change))

    assert found == []


def test_an_announcement_names_nobody_but_the_terminal():
    made = discovery("north-1")[0].announcement(7461)

    assert made.port == 7461
    assert set(made.properties) == {b"site", b"name"}
    assert b"hz07" not in made.properties[b"site"]


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeroconf", None)

    with pytest.raises(Refused, match="pip install 'yardpass\\[discover\\]'"):
        discovery("north-1")[0].announcement(7461)
