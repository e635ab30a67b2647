"""`yardpass presence`: counts that say how sure they are, visitors who are overdue."""

import json
import time

import pytest
from click.testing import CliRunner
from compound import DAY
from diary import check, use

from appliance import cli
from appliance.demo.compound import START, Compound
from appliance.passes import invite
from appliance.passes.token import handle_of
from appliance.settings import FILE_NAME
from ledger_sync import entries
from ledger_sync.checklog import CheckLog
from ledger_sync.store import Store

HOUR = 3_600


@pytest.fixture
def yard(tmp_path, monkeypatch):
    with Compound(tmp_path / "yard") as made:
        made.host = made.phone("Ann")
        made.office.add(entries.Rule("gate", b'{"time_zone": "Asia/Shanghai"}'))
        made.open()
        monkeypatch.setattr(time, "time", lambda: float(made.clock.now))
        yield made


def presence(yard, *words):
    folder = yard.folder / "north-1"
    assert (folder / FILE_NAME).exists()
    return CliRunner().invoke(cli.cli, ["presence", "--site", str(folder), *words])


def visits(yard, seconds):
    """A visitor comes in, whose invite is good for so long."""
    now = yard.clock.now
    claims = invite.Invite(now - 60, now + seconds, b"visit-01", None, None, 1, 5)
    named = invite.by_handle(handle_of(yard.host.held.token))
    text = invite.bearer(invite.invite(claims, host=named, key=yard.host.key))
    assert yard.stations["north"].terminal.present(text).is_opened


def test_nobody_was_seen_and_nobody_is_heard(yard):
    said = presence(yard)

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "yardpass sync is not running here: this is what this terminal alone has seen"
    ]


def test_people_are_counted_by_zone_and_those_of_yesterday_apart(yard):
    yard.stations["north"].terminal.present(yard.host.reference(yard.clock.now))
    with Store(yard.stations["north"].settings.store) as store:
        log = CheckLog(store)
        number = log.open_feed("yardpass/hz07/east/0101010101010101", b"o", START)
        old = use(7, at=START - 2 * DAY, code_at=START - 2 * DAY, zone=4)
        log.append(number, 1, check(old).to_bytes(), use=old)

    said, found = presence(yard), json.loads(presence(yard, "--json").stdout)

    assert said.stdout.splitlines()[:2] == [
        "zone 0: 1 inside",
        "zone 4: 0 inside, and 1 who came in more than a day ago",
    ]
    assert found == {
        "zones": [
            {"zone": 0, "inside": 1, "unsure": 0},
            {"zone": 4, "inside": 0, "unsure": 1},
        ],
        "overdue": [],
        "conflicts": [],
        "silent": None,
    }


def test_a_visitor_who_is_overdue_is_named_in_the_clocks_of_the_site_with_exit_one(yard):
    visits(yard, HOUR)
    assert presence(yard).exit_code == 0
    yard.clock.now += HOUR

    said, found = presence(yard), presence(yard, "--json")

    name = invite.credential_of(handle_of(yard.host.held.token), b"visit-01").hex()
    assert (said.exit_code, found.exit_code) == (1, 1)
    assert f"OVERDUE visitor {name}: in by north 16:00, until 17:00" in said.stdout
    (one,) = json.loads(found.stdout)["overdue"]
    assert one == {
        "visitor": name,
        "gate": "north",
        "zone": 0,
        "since": START,
        "ended_at": START + HOUR,
    }
