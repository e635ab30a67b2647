"""Checks on a stick are those of a peer that says nothing more: taken in whole, or refused."""

import json

import pytest
from talkers import GROUND, Party, store_of

from appliance.gate.assembly import open_replica, open_terminal
from appliance.gate.exchange import gossip_of
from appliance.settings import load
from hw.sim.relay import SimRelay
from ledger_sync import frames, stick
from ledger_sync.clock import Reading
from ledger_sync.denials import Denials
from ledger_sync.errors import Unavailable
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.orders import Orders
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store

FOREIGN = b"HC1:something else"


@pytest.fixture
def two(desk, main):
    """Two terminals of one compound, the first with three checks on record, signed off."""
    words = ("--gate", "south", "--camera", "files", "--relay", "sim")
    assert main("office", "terminal", "south-1", "--name", "south-1", *words)[0] == 0
    assert main("office", "publish", "public")[0] == 0
    for site in ("north-1", "south-1"):
        assert main("ledger", "import", "public", "--site", site)[0] == 0
    settings = load(desk / "north-1" / "site.toml")
    clock = lambda: Reading(1_900_000_000, True, 1, True)  # noqa: E731 - a clock
    with open_terminal(settings, clock=clock, incarnation=b"i" * 8, relay=SimRelay()) as terminal:
        for _ in range(3):
            terminal.present(FOREIGN)
    return settings, load(desk / "south-1" / "site.toml")


def sizes(settings):
    with Store(settings.store) as store:
        return {held.origin: held.size for held in Shelf(store).feeds()}


def test_a_stick_carries_the_checks_of_one_terminal_to_another(two, main):
    north, south = two

    written = main("ledger", "export", "stick", "--site", "north-1")
    read = main("ledger", "import", "stick", "--site", "south-1")
    again = main("ledger", "import", "stick", "--site", "south-1")

    assert written[0] == read[0] == again[0] == 0
    assert "and 4 entries of the terminals' feeds" in written[1]
    assert read[1].rstrip().endswith("; checks: 4 new")
    assert again[1].rstrip().endswith("; checks: 0 new")
    assert sizes(south) == sizes(north) != {}


@pytest.mark.parametrize("spoiled", [b"", b"\0" * 40, frames.Done().to_bytes()])
def test_what_no_terminal_wrote_is_refused_and_changes_nothing(two, main, desk, spoiled):
    main("ledger", "export", "stick", "--site", "north-1")
    (desk / "stick" / stick.NAME).write_bytes(spoiled)
    before = sizes(two[1])

    code, _, err = main("ledger", "import", "stick", "--site", "south-1")

    assert code == 1
    assert err
    assert sizes(two[1]) == before


def test_a_flipped_bit_anywhere_on_a_stick_brings_in_nothing_that_was_not_recorded(
    two, desk, main
):
    main("ledger", "export", "stick", "--site", "north-1")
    path = desk / "stick" / stick.NAME
    good, whole = path.read_bytes(), sizes(two[0])
    found = set()

    for at in range(0, len(good), max(1, len(good) // 60)):
        path.write_bytes(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
        code = main("ledger", "import", "stick", "--site", "south-1")[0]
        found.add(json.dumps([code, sizes(two[1])]))

    held = [json.loads(one)[1] for one in found]
    assert all(one.items() <= whole.items() for one in held)
    assert {json.loads(one)[0] for one in found} <= {0, 1}


def test_a_stick_that_was_pulled_is_told(two, tmp_path):
    with Store(two[1].store) as store:
        gossip = gossip_of(two[1], store)

        with pytest.raises(Unavailable, match="plug the stick in again"):
            stick.read(tmp_path / "nothing", gossip)


def test_a_ledger_without_checks_is_imported_as_before(two, main):
    code, out, _ = main("ledger", "import", "public", "--site", "south-1")

    assert code == 0
    assert "checks" not in out


def test_a_terminal_that_the_ledger_does_not_name_yet_takes_checks_as_well(two, main):
    main("ledger", "export", "stick", "--site", "north-1")
    with open_replica(two[1]) as replica:
        replica.store.write("DELETE FROM terminal WHERE name = 'south-1'")

    code, out, _ = main("ledger", "import", "stick", "--site", "south-1")

    assert code == 0
    assert out.rstrip().endswith("; checks: 4 new")


def test_a_stick_with_more_notes_than_a_peer_may_say_at_once_is_taken_in_whole(tmp_path):
    party = Party(2, pairs=())
    writer, reader = party.nodes
    for index in range(150):
        stated = {"trust": GROUND.pinned, "now": party.now}
        Denials(store_of(writer)).add(GROUND.denial(index, party.now), **stated)
    for zone in range(53):
        text = GROUND.order(Kind.LOCKDOWN, 1 << zone, party.now)
        Orders(store_of(writer)).add(text, **stated)
    for code in range(600):
        party.check(0, code)
    stick.write(tmp_path / "checks", store_of(writer), writer.kid)

    new = stick.read(tmp_path / "checks", reader.gossip)

    assert new >= 512
    assert Orders(store_of(reader)).in_force() == Orders(store_of(writer)).in_force()
    assert Orders(store_of(reader)).in_force().lockdown == ALL_ZONES
    assert len(Denials(store_of(reader)).notes()) == 150
    Party.end_all()


def test_a_hello_longer_than_what_is_heard_at_once_is_read(tmp_path):
    party = Party(1)
    kid, own = GROUND.boxes[5].feed.public.kid, range(frames.MAX_ROWS)
    rows = tuple(frames.Row(bytes(8), one.to_bytes(8, "big"), 1, bytes(8)) for one in own)
    hello = frames.Hello(kid, b"", rows, (), (), ()).to_bytes()
    (tmp_path / "checks").write_bytes(hello + frames.Done().to_bytes())

    assert len(hello) > 700_000
    assert stick.read(tmp_path / "checks", party.nodes[0].gossip) == 0
    Party.end_all()
