"""Orders as an office gives them and a terminal takes them: by the commands, in words and JSON."""

from dataclasses import replace
from pathlib import Path

import pytest
from desk import NOW, SIZE, loaded, run, snapshot, status

from appliance.commands.order_words import in_zones
from appliance.office.office import ALL_CLASSES, OWN_RIGHTS, Office
from appliance.settings import load
from ledger_sync import entries, keyfile, order
from ledger_sync.materialise import known_of
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.orders import Orders
from ledger_sync.store import Store

ORIGIN = "yardpass/hz07"
TAKE = ("ledger", "order", "gates.order", "--site", "north-1")


@pytest.fixture
def gates(desk):
    """A terminal with the ledger of its office."""
    loaded()
    return desk


def said(result):
    assert result.exit_code == 0, result.output
    return result.output


def given(*arguments, file="gates.order"):
    """The text of the order that the office writes."""
    said(run("office", "order", *arguments[:1], file, *arguments[1:]))
    return Path(file).read_text().partition("\n\n")[0].split("\n")


def masks():
    with Store(load(Path("north-1/site.toml")).store) as store:
        return Orders(store).in_force()[:3]


def rights_of(key):
    """What the office's ledger says of it."""
    with Office.open(Path("office")).authority.book() as book:
        (found,) = known_of(book.store.db, book.trust).issuers[key.public.kid]
    return found


def key_at(name):
    return keyfile.read_key(Path(f"office/keys/{name}.key"), hint="")


def old_office(*, rights=None):
    """Makes the office one of a version before there were orders."""
    office = Office.open(Path("office"))
    office.add(replace(rights_of(office.issuer()), rights=rights))


# Written at the office.


@pytest.mark.parametrize(
    ("options", "zones", "words"),
    [
        ((), "zones *", "in all zones"),
        (("--zone", "3"), "zones 3", "in zone 3"),
        (("--zone", "7", "--zone", "0"), "zones 0 7", "in zones 0 and 7"),
        (("--zone", "7", "--zone", "0", "--zone", "7"), "zones 0 7", "in zones 0 and 7"),
    ],
)
@pytest.mark.parametrize("kind", Kind)
def test_an_order_is_written_for_its_zones_and_says_what_comes_next(
    desk, main, kind, options, zones, words
):
    answer = main("office", "order", kind, "gates.order", *options)

    next_step = "next: yardpass ledger order gates.order --site FOLDER"
    assert answer == (0, f"wrote gates.order, {kind} {words}; {next_step}\n", "")
    text = Path("gates.order").read_text().partition("\n\n")[0].split("\n")
    assert text == [f"{ORIGIN}/order", str(NOW), kind, zones]


def test_a_new_office_may_give_orders_and_nothing_else_is_new(desk):
    own = rights_of(key_at("issuer"))

    assert own.rights == OWN_RIGHTS == 11
    assert (own.name, own.classes) == ("yp:hz07", ALL_CLASSES)


@pytest.mark.parametrize("rights", [None, entries.MAY_ISSUE, entries.MAY_ISSUE | entries.MAY_DENY])
def test_an_older_office_is_told_how_its_key_gets_the_right(desk, main, rights):
    old_office(rights=rights)
    before = rights_of(key_at("issuer"))

    refused = main("office", "order", "lockdown", "gates.order")

    why = "the key of this office may give no orders, it was made before there were any"
    step = "run first: yardpass office issuer yp:hz07 --orders"
    assert refused == (1, "", f"yardpass: {why}; {step}\n")
    assert not Path("gates.order").exists()

    answer = said(run("office", "issuer", "yp:hz07", "--orders"))

    assert answer == ("the key of this office may give orders; next: yardpass office publish\n")
    stated = (rights if rights is not None else 3) | entries.MAY_ORDER
    assert rights_of(key_at("issuer")) == replace(before, rights=stated)
    loaded()
    given("lockdown")
    assert said(run(*TAKE)) == "lockdown in all zones\n"


def test_the_right_is_given_to_the_office_once(desk, main):
    before = snapshot(desk)

    answer = main("office", "issuer", "yp:hz07", "--orders")

    assert answer == (0, "the key of this office may give orders already\n", "")
    assert snapshot(desk) == before


def test_a_key_whose_time_is_over_gives_no_orders(desk, main, monkeypatch):
    monkeypatch.setattr("time.time", lambda: NOW + 11 * 365 * 86_400)

    refused = main("office", "order", "free", "gates.order")

    assert refused[0] == 1
    assert "outside the time its signer was given" in refused[2]
    assert not Path("gates.order").exists()


def test_an_office_whose_key_is_in_no_ledger_says_so(desk, main):
    run("office", "issuer", "other", "--orders")
    Path("office/keys/issuer.key").write_bytes(Path("office/keys/log-1.key").read_bytes())

    refused = main("office", "order", "free", "gates.order")

    assert refused[:2] == (1, "")
    assert "the key of this office is none of its ledger; is office damaged?" in refused[2]


# Keys of guards.


@pytest.mark.parametrize(
    ("options", "rights"),
    [
        (["--orders"], entries.MAY_ORDER),
        (["--orders", "--deny-only"], entries.MAY_ORDER | entries.MAY_DENY),
        (["--deny-only"], entries.MAY_DENY),
    ],
)
def test_a_guard_s_key_may_what_was_stated_and_issue_nothing(desk, options, rights):
    said(run("office", "issuer", "guard", *options))

    found = rights_of(key_at("issuer-guard"))

    assert (found.rights, found.classes) == (rights, 0)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["guard", "--orders", "--class", "visitor"], "--orders issue no --class"),
        (["maker", "--orders", "--cards-only"], "--cards-only needs the --key of the maker"),
        (["yp:hz07", "--orders", "--deny-only"], "letters and digits"),
        (["yp:hz08", "--orders"], "letters and digits"),
    ],
)
def test_rights_that_do_not_go_together_are_misuse(desk, main, options, why):
    before = snapshot(desk)

    refused = main("office", "issuer", *options)

    assert refused[:2] == (2, "")
    assert why in refused[2]
    assert snapshot(desk) == before


# Taken at a terminal.


def test_an_order_takes_effect_and_ends_by_a_release(gates, monkeypatch):
    given("lockdown", "--zone", "0", "--zone", "7")
    shut = said(run(*TAKE)), masks()
    monkeypatch.setattr("time.time", lambda: NOW + 60)
    given("release", "--zone", "0")
    freed = said(run(*TAKE)), masks()

    assert shut == ("lockdown in zones 0 and 7\n", (0b1000_0001, 0, 0))
    assert freed == ("release in zone 0\n", (0b1000_0000, 0, 0))
    assert said(run("ledger", "fsck", "--site", "north-1")).endswith("sound\n")


def test_an_order_that_stands_already_is_taken_again(gates):
    given("free")

    assert [said(run(*TAKE)), said(run(*TAKE))] == ["free in all zones\n"] * 2
    assert masks() == (0, ALL_ZONES, 0)


def test_an_order_that_came_too_late_is_refused_and_changes_nothing(gates, main, monkeypatch):
    given("lockdown", file="old.order")
    monkeypatch.setattr("time.time", lambda: NOW + 1)
    given("release")
    said(run(*TAKE))

    late = main("ledger", "order", "old.order", "--site", "north-1")

    why = "old.order: this order came too late: newer ones stand in its zones"
    assert late == (1, "", f"yardpass: {why}; see: yardpass ledger status\n")
    assert masks() == (0, 0, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "gates.order: a note without signature lines"),
        (b"yardpass/hz07/order\n", "gates.order: a note without signature lines"),
        (bytes(20_000), "gates.order"),
        (None, "no file gates.order"),
    ],
)
def test_what_is_no_order_is_refused(gates, main, data, why):
    if data is not None:
        Path("gates.order").write_bytes(data)

    refused = main(*TAKE)

    assert refused[:2] == (1, "")
    assert why in refused[2]
    assert masks() == (0, 0, 0)


def test_a_key_that_the_terminal_does_not_know_orders_nothing(gates, main):
    run("office", "issuer", "guard", "--orders")
    made = order.sign(ORIGIN, Kind.FREE, 1, issued_at=NOW, key=key_at("issuer-guard"))
    Path("gates.order").write_bytes(made)

    before = main(*TAKE)
    loaded("newer")
    after = main(*TAKE)

    said = "no known key signed this note; is it of another site?"
    assert before == (1, "", f"yardpass: gates.order: {said}\n")
    assert after == (0, "free in zone 0\n", "")


# Shown.


def test_without_orders_the_status_says_nothing_of_them(gates):
    assert status()["orders"] == []
    assert "ORDER" not in said(run("ledger", "status", "--site", "north-1"))


def test_the_status_shows_the_orders_in_force_in_words_and_json(gates, monkeypatch):
    given("lockdown", "--zone", "0", "--zone", "3", "--zone", "7")
    said(run(*TAKE))
    monkeypatch.setattr("time.time", lambda: NOW + 60)
    given("release", "--zone", "3")
    said(run(*TAKE))

    office = {"signer": key_at("issuer").public.kid.hex(), "name": "yp:hz07"}
    assert status()["orders"] == [{"kind": "lockdown", "zones": [0, 7], "at": NOW, **office}]
    lines = said(run("ledger", "status", "--site", "north-1")).splitlines()
    (line,) = [line for line in lines if line.startswith("ORDER: ")]
    assert line.startswith("ORDER: lockdown in zones 0 and 7, since 20")
    assert line.endswith(" UTC, by yp:hz07")


def test_a_stick_carries_orders_to_another_terminal(gates, main):
    words = ("--gate", "south", "--camera", "files", "--relay", "sim")
    said(run("office", "terminal", "south-1", "--name", "south-1", *words))
    for site in ("north-1", "south-1"):
        said(run("office", "publish", "public"))
        said(run("ledger", "import", "public", "--site", site))
    given("lockdown", "--zone", "5")
    said(run(*TAKE))

    said(run("ledger", "export", "stick", "--site", "north-1"))
    said(run("ledger", "import", "stick", "--site", "south-1"))

    assert status("south-1")["orders"] == status("north-1")["orders"] != []
    assert status("north-1")["size"] == SIZE + 1


def test_zones_are_said_as_people_say_them():
    said_of = {mask: in_zones(Kind.CURFEW, mask) for mask in (1, 0b11, 0b1011, ALL_ZONES)}

    assert said_of == {
        1: "curfew in zone 0",
        0b11: "curfew in zones 0 and 1",
        0b1011: "curfew in zones 0, 1 and 3",
        ALL_ZONES: "curfew in all zones",
    }
