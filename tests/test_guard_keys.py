"""A guard's PIN opens one of two keys, and nothing at the console tells which, or whether there
are two."""

import pytest
from desk import NOW, loaded, run, snapshot, status

from appliance.gate import guard_keys
from appliance.gate.guard_keys import WrongPin, names, paths, unlock
from appliance.office import guards
from appliance.office.office import Office
from ledger_sync import acts, entries, keyfile
from ledger_sync.entries import CALLS_HELP, MAY_ACT, MAY_DENY, MAY_ORDER
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.passphrase import Cost
from ledger_sync.state import may
from ledger_sync.store import Store

CHEAP = Cost(1, 8_192)
PIN, SECOND = "271828", "314159"


@pytest.fixture
def office(desk, monkeypatch):
    monkeypatch.setattr(guard_keys, "COST", CHEAP)
    return Office.open(desk / "office")


@pytest.fixture
def anna(office, desk):
    """A guard with two PINs, whose files are at the terminal; the folder of its files."""
    terms = {"now": NOW, "until": NOW + 99, "may_order": True, "cost": CHEAP}
    guards.add(office, "anna", (PIN, SECOND), **terms)
    guards.give(office, "anna", desk / "north-1")
    return desk / "north-1" / "guards"


def key_of(office, key):
    with office.authority.book() as book:
        (found,) = [one for one in acts.guards(book.store) if one.key == key.public]
    return found


def test_each_pin_opens_its_own_key_and_the_ledger_names_both_alike(office, anna):
    plain, forced = (key_of(office, unlock(anna, "anna", pin)) for pin in (PIN, SECOND))

    assert plain.name == forced.name == "anna"
    assert (
        forced.rights == plain.rights | CALLS_HELP == MAY_ACT | MAY_DENY | MAY_ORDER | CALLS_HELP
    )


def test_a_wrong_pin_opens_nothing(anna):
    for pin in ("000000", "", "27182", "2718281", PIN[::-1], "x" * 99):
        with pytest.raises(WrongPin):
            unlock(anna, "anna", pin)


def test_a_guard_without_a_second_pin_has_the_same_two_files(office, desk, anna):
    terms = {"now": NOW, "until": NOW + 99, "may_order": False, "cost": CHEAP}
    guards.add(office, "boris", (PIN, None), **terms)
    guards.give(office, "boris", desk / "north-1")

    kinds = [
        [(path.suffix, path.stat().st_mode, path.stat().st_size) for path in paths(anna, name)]
        for name in ("anna", "boris")
    ]

    assert kinds[0] == kinds[1]
    assert names(anna) == ["anna", "boris"]
    assert not may(key_of(office, unlock(anna, "boris", PIN)), MAY_ORDER)


def test_both_files_are_tried_whichever_opens(anna, monkeypatch):
    tried = []
    read = keyfile.read_key

    def counted(path, **options):
        tried.append(path.suffix)
        return read(path, **options)

    monkeypatch.setattr(keyfile, "read_key", counted)
    for pin in (PIN, SECOND):
        unlock(anna, "anna", pin)

    assert tried == [".key", ".help"] * 2


@pytest.mark.parametrize("pin", ["12345", "1234567890123", "111111", "121212", "123456", "987654",
                                 "12a456", "１２３４５７", ""])  # fmt: skip
def test_a_pin_that_is_guessed_first_cannot_be_chosen(office, pin):
    before = snapshot(office.folder)
    with pytest.raises(Refused, match="choose another"):
        guards.add(office, "eve", (pin, None), now=NOW, until=NOW + 9, may_order=True, cost=CHEAP)
    with pytest.raises(Refused, match=r"choose another|must be another"):
        guards.add(office, "eve", (PIN, pin or PIN), now=NOW, until=NOW + 9, may_order=True)
    assert snapshot(office.folder) == before


@pytest.mark.parametrize("name", ["Anna", "../anna", "", "a" * 17, "1anna", "anna.key"])
def test_a_name_that_is_no_file_or_word_is_no_guard(office, anna, name):
    with pytest.raises(Refused, match="cannot be one"):
        guards.add(office, name, (PIN, None), now=NOW, until=NOW + 9, may_order=True)
    with pytest.raises(Refused, match="is no guard here"):
        unlock(anna, name, PIN)


@pytest.mark.parametrize("suffix", [".key", ".help"])
def test_files_that_are_missing_damaged_or_plain_are_named_before_a_pin_is_tried(anna, suffix):
    path = anna / f"anna{suffix}"
    sealed = path.read_bytes()
    for data, why in ((b"nonsense\n", "not sealed"), (sealed[:40] + b"\n", "not a key file")):
        path.write_bytes(data)
        with pytest.raises(Refused, match=why):
            unlock(anna, "anna", PIN)
    path.unlink()
    with pytest.raises(Unavailable, match="--to FOLDER"):
        unlock(anna, "anna", PIN)


def test_a_guard_whose_keys_ended_is_none_and_the_name_is_free_again(office, anna):
    assert guards.end(office, "anna", now=NOW) == 2
    assert guards.listed(office, now=NOW) == []
    with pytest.raises(Refused, match="no guard"):
        guards.end(office, "anna", now=NOW)

    guards.add(office, "anna", (SECOND, None), now=NOW, until=NOW + 9, may_order=True, cost=CHEAP)

    assert [one.name for one in guards.listed(office, now=NOW)] == ["anna"]


def test_the_command_names_a_guard_and_brings_the_files(desk):
    pins = desk / "pins"
    pins.touch(0o600)
    pins.write_text(f"{PIN}\n{SECOND}\n")

    made = run("office", "guard", "anna", "--pin-file", pins, "--to", "north-1")
    loaded()
    listed = run("office", "guard")

    assert (made.exit_code, listed.exit_code) == (0, 0), made.output
    assert "can unlock the console of north-1" in made.stdout
    assert listed.stdout.startswith("anna, until 20")
    with Store(desk / "north-1" / "store.db") as store:
        named = [one.name for one in acts.guards(store)]
    assert named == ["anna", "anna"]
    assert status()["size"] == 7
    assert isinstance(unlock(desk / "north-1" / "guards", "anna", PIN), keyfile.SigningKey)
    assert (desk / "north-1" / "guards" / "anna.key").stat().st_mode & 0o777 == 0o600


def test_the_command_types_pins_and_ends_a_guard(desk, monkeypatch):
    monkeypatch.setattr(guard_keys, "COST", CHEAP)
    typed = f"{PIN}\n{PIN}\n\n\n"

    assert run("office", "guard", "boris", input=typed).exit_code == 0
    assert run("office", "guard", "boris", "--end").stdout.startswith("boris is no guard")
    none = run("office", "guard")

    assert (none.stdout, none.stderr) == (
        "",
        "no guards; make one with: yardpass office guard NAME\n",
    )
    assert entries.MAY_ACT
