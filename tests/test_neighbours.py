"""What other terminals tell of a zone: who is heard, who counts for it, how many are inside."""

import json

import pytest
from compound import NOW, Compound, furnish, key_named
from diary import check, use

from appliance.gate.neighbours import LOOK_SECONDS, Here, Neighbours, connected
from ledger_sync import entries
from ledger_sync.presence import Inside

SECOND, DAY = 1_000_000_000, 86_400
FOREVER = DAY  # as good as never heard


class Stage:
    """A store with terminals in its ledger, a clock that tests move, and who is connected."""

    def __init__(self, folder, *names, zone=3):
        self.compound = furnish(Compound(folder))
        named = [entries.Terminal(name, key_named(name).public, "g", "gate") for name in names]
        if named:
            self.compound.publish(*named)
        self.ticks, self.heard, self.looked = 10 * DAY * SECOND, [], 0
        self.neighbours = Neighbours(
            self.compound.store, "mine", zone, heard=self._heard, ticks=lambda: self.ticks
        )

    def _heard(self):
        self.looked += 1
        return list(self.heard)

    def pass_by(self, seconds):
        self.ticks += seconds * SECOND

    def after(self, seconds=LOOK_SECONDS):
        """How the zone stands some seconds later, looked at then."""
        self.pass_by(seconds)
        self.neighbours.look(NOW)
        return self.neighbours.here()

    def counts(self, name, zone):
        """A terminal recorded a check that counts for this zone."""
        log = self.compound.log
        origin = f"yardpass/hz07/{name}/{name.encode().hex():0<16.16}"
        number = log.open_feed(origin, b"o", NOW, kid=name.encode())
        log.append(number, 1, check(use(5, zone=zone)).to_bytes())
        log.append(number, 2, b"what a later version wrote")


@pytest.fixture
def stage(tmp_path):
    made = []

    def stage(*names, **more):
        made.append(Stage(tmp_path, *names, **more))
        return made[-1]

    yield stage
    for one in made:
        one.compound.store.close()


def test_a_terminal_alone_hears_its_zone(stage):
    assert stage("mine").after() == Here(0, Inside(0, 0))


def test_a_zone_is_heard_for_as_long_as_its_most_silent_terminal(stage):
    zone = stage("mine", "east", "west")

    assert zone.after().heard_for >= FOREVER
    zone.heard = ["east", "west"]
    assert zone.after().heard_for == 0
    zone.heard = ["east"]
    assert zone.after(60).heard_for == 60
    assert zone.after(60).heard_for == 120
    zone.heard = ["west"]
    assert zone.after(60).heard_for == 60


def test_a_terminal_that_was_never_heard_is_silent_from_the_start(stage):
    zone = stage("mine", "east", "west")
    zone.heard = ["east"]

    assert zone.after().heard_for >= FOREVER


def test_a_terminal_of_another_zone_may_be_silent(stage):
    zone = stage("mine", "east", "west")
    zone.counts("east", 4)
    zone.counts("west", 3)
    zone.heard = ["west"]

    assert zone.after().heard_for == 0
    zone.heard = []
    assert zone.after(30).heard_for == 30


def test_a_terminal_that_counts_for_no_zone_yet_might_be_of_this_one(stage):
    zone = stage("mine", "east")
    zone.counts("east", 255)

    assert zone.after().heard_for >= FOREVER


def test_it_is_looked_at_every_five_seconds_at_most_and_never_where_nothing_counts(stage):
    zone, nowhere = stage("mine", "east"), None
    for _ in range(LOOK_SECONDS * 2):
        zone.after(1)

    assert zone.looked == 2
    nowhere = Neighbours(
        zone.compound.store, "mine", 255, heard=zone._heard, ticks=lambda: zone.ticks
    )
    nowhere.look(NOW)
    assert zone.looked == 2


def test_people_are_counted_as_of_the_last_look(stage):
    zone = stage("mine")
    zone.after()
    log = zone.compound.log
    for number, at in ((7, NOW - 60), (8, NOW - 2 * DAY)):
        zone.compound._log_size += 1
        log.append(
            zone.compound.feed, zone.compound._log_size, b"x", use=use(number, at=at, zone=3)
        )

    assert zone.after(1).inside == Inside(0, 0)
    assert zone.after().inside == Inside(1, 1)


def test_nobody_is_connected_where_no_sync_is_running(tmp_path):
    peers = [{"name": "east", "state": "here", "faults": 0, "fault": ""}]
    (tmp_path / "peers.json").write_text(json.dumps({"at": NOW, "peers": peers}))

    assert connected(tmp_path) == []
