"""The office: what it enrols and revokes is what gates do, and no name leaves its own book."""

import shutil
import sqlite3
import stat
import unicodedata
from collections import Counter
from contextlib import closing
from functools import partial
from itertools import chain, cycle

import pytest
from compound import DAY, NUMBER, key_named, outcome

from appliance import settings
from appliance.gate.assembly import open_replica
from appliance.gate.checker import Checker
from appliance.gate.identity import trust_of
from appliance.office import cards, issuing, residents, roll, standing, terminal_kit
from appliance.office.cards import Rights
from appliance.office.office import Office
from appliance.office.residents import Residents
from appliance.passes import code, token
from appliance.passes.token import HolderClass
from appliance.version import BUILD_TIME
from ledger_sync import entries, files, keyfile, migrations, state
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.clock import Grade
from ledger_sync.cose import open1
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256, SigningKey
from ledger_sync.mirror import Mirror
from ledger_sync.sources import FolderSource
from ledger_sync.status_list import StatusList

NOW = BUILD_TIME + DAY
SITE = "yp:hz07"
RIGHTS = Rights(HolderClass.RESIDENT, 1, NOW, 30)
POST = terminal_kit.Post("north-1", "north", "in", [0])
ENDS = {1: "RED DENY R-REVOKED", 2: "RED DENY R-SUSPENDED", 3: "YELLOW ASK Y-CONDITION"}
NAMES = ["Ünal", "李小龍", "👩‍👩‍👧 flat 3", "x'; DROP TABLE resident; --", "%s {0} \\n", "a" * 200]
FEW = 64  # places of a list in tests that fill one
PARTS = ["keys", "cosigners", "book.db", "log.lock", "signed.note"]


@pytest.fixture(scope="module")
def compound(tmp_path_factory):
    """A new office and a terminal of it, to be copied."""
    folder = tmp_path_factory.mktemp("compound")
    made = Office.create(folder / "office", site=SITE, now=NOW - DAY)
    terminal_kit.make(made, folder / "north-1", POST, seed=bytes(32))
    return folder


@pytest.fixture
def office(compound, tmp_path):
    return Office.open(shutil.copytree(compound / "office", tmp_path / "office"))


@pytest.fixture
def gate(compound, tmp_path):
    return settings.load(shutil.copytree(compound / "north-1", tmp_path / "north-1") / "site.toml")


@pytest.fixture
def short_lists(monkeypatch):
    """Status lists of few places, wherever the office looks at their size."""
    for where in (residents, standing, state):
        monkeypatch.setattr(where, "LIST_SIZE", FEW)


def enrol(office, name="Chen", *, key=None, at=NOW - 100, **more):
    public = key.public if key else None
    more = {"klass": HolderClass.RESIDENT, "zones": 1, "days": 30} | more
    return office.enrol(name, key=public, now=at, **more)


def enrol_many(office, count, prefix="r"):
    lines = [roll.Line(n, f"{prefix}{n}", *NOBODY) for n in range(count)]
    return office.enrol_all(lines, now=NOW - 100)


NOBODY = (HolderClass.RESIDENT, 1, 30, None, "print")


def shown(office, held, key=None):
    """What the holder shows now: a fresh code, or the printed pass."""
    if key is None:
        return code.to_text(held.token)
    return code.by_reference(held.handle, audience=office.site, issued_at=NOW, key=key)


def published(office, gate):
    """The folder with the office's ledger, which the terminal has imported."""
    folder, authority = office.folder.parent / "public", office.authority
    authority.publish(authority.checkpoint(lambda: NOW), folder)
    with open_replica(gate) as replica:
        Mirror(replica, pinned=trust_of(gate), now=lambda: NOW).update(FolderSource(folder))
    return folder


def claims_of(held):
    return token.claims_of(open1(held.token).payload)


def verdict(gate, text):
    with open_replica(gate) as replica:
        checker = Checker(replica, gate.gate)
        return outcome(checker.assess(text, NOW, grade=Grade.GOOD, nonce=NUMBER).verdict)


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def log_of(office):
    with office.authority.book() as book:
        return list(chain.from_iterable(book.replica.bundles()))


def in_book(office):
    """How much is in the log, and who is in the book."""
    return len(log_of(office)), office.residents()


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


def test_a_new_office_keeps_its_secrets_to_its_owner(office):
    modes = {
        str(path.relative_to(office.folder)): stat.S_IMODE(path.stat().st_mode)
        for path in office.folder.rglob("*")
    }

    keys = {name for name in modes if name.endswith(".key")}
    signing = ("root-1", "root-2", "log-1", "log-2", "issuer", "auditor")
    own = [f"keys/{name}.key" for name in signing]
    beside = [f"cosigners/{n}/cosigner.key" for n in ("committee", "property", "integrator")]
    assert keys == {*own, *beside}
    assert {modes[name] for name in (*keys, "site.secret", "book.db")} == {0o600}
    folders = ["keys", *(f"cosigners/{name}" for name in ("committee", "property", "integrator"))]
    assert {modes[name] for name in folders} == {0o700}
    assert Office.open(office.folder) == office


def test_the_first_entries_are_the_policy_the_issuer_and_the_rule(office):
    first = [entries.parse(raw) for raw in log_of(office)[:3]]

    assert [type(one) for one in first] == [entries.Policy, entries.Issuer, entries.Rule]
    assert entries.to_bytes(first[0]) == (office.folder / "genesis.policy").read_bytes()
    assert (first[1].name, first[1].since) == (SITE, NOW - DAY)


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_office_is_made_once_also_when_it_lost_its_settings(office, is_lost):
    if is_lost:
        (office.folder / "office.toml").unlink()
    before = snapshot(office.folder)

    with pytest.raises(Refused, match="restore .* give a new folder" if is_lost else "already"):
        Office.create(office.folder, site="yp:other", now=NOW)

    assert snapshot(office.folder) == before


@pytest.mark.parametrize("part", PARTS)
def test_no_office_is_made_over_a_part_of_another(office, part):
    for path in office.folder.iterdir():
        if path.name != part:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = snapshot(office.folder)

    with pytest.raises(Refused, match=f"holds {part} but no office.toml.* give a new folder"):
        Office.create(office.folder, site=SITE, now=NOW)

    assert snapshot(office.folder) == before


@pytest.mark.parametrize(
    ("owner", "name", "error"),
    [
        (keyfile, "write_secret", Unavailable("disk")),
        (migrations, "migrate", sqlite3.OperationalError("disk")),
        (Sequencer, "create", Unavailable("disk")),
        (Sequencer, "add", KeyboardInterrupt("disk")),
        (Cosigner, "pin", Unavailable("disk")),
        (files, "sync_folder", OSError(28, "disk")),
    ],
)
def test_an_office_that_cannot_be_finished_leaves_nothing(
    tmp_path, monkeypatch, owner, name, error
):
    folder = tmp_path / "office"
    make = partial(Office.create, folder, site=SITE, now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing(error))
        with pytest.raises((OSError, sqlite3.Error, KeyboardInterrupt)):
            make()

    assert list(folder.iterdir()) == []
    assert Office.open(make().folder).site == SITE


def test_a_site_that_gates_would_refuse_makes_no_office(tmp_path):
    with pytest.raises(Refused, match="1 to 64 characters"):
        Office.create(tmp_path / "o", site="yp:" + "x" * 64, now=NOW)

    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.parametrize("alg", [ED25519, ES256, None], ids=["ed25519", "p256", "print"])
def test_who_is_enrolled_gets_in_after_the_next_ledger_and_not_before(office, gate, alg):
    key = key_named("chen", alg) if alg else None
    published(office, gate)
    held = enrol(office, key=key)
    text = shown(office, held, key)

    before = verdict(gate, text)
    published(office, gate)

    assert before == ("RED DENY R-UNKNOWN" if key else "GREY ASK G-NO-STATUS")
    assert verdict(gate, text) == "GREEN OPEN"
    assert claims_of(held).assurance == (1 if key else 0)


# A resident and the entry of his pass: both or neither.


@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk full"), KeyboardInterrupt()])
def test_without_the_resident_in_the_book_there_is_no_entry(office, monkeypatch, count, error):
    before, insert = in_book(office), Residents.insert

    def insert_and_fail(book, new):
        insert(book, new)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Residents, "insert", insert_and_fail)
        with pytest.raises((Unavailable, KeyboardInterrupt)):
            enrol_many(office, count)

    assert in_book(office) == before
    enrol_many(office, count)
    assert [len(one) for one in (log_of(office), office.residents())] == [before[0] + count, count]


@pytest.mark.parametrize("number", [1, 200, 300])
def test_without_the_entry_of_the_last_one_nobody_of_a_roll_is_in_the_book(
    office, monkeypatch, number
):
    before, pass_for = in_book(office), issuing.Issuing.pass_for

    def of_another_issuer(self, line, uri, idx):
        row, entry = pass_for(self, line, uri, idx)
        return row, entry._replace(kid=bytes(8)) if line.number == number - 1 else entry

    monkeypatch.setattr(issuing.Issuing, "pass_for", of_another_issuer)

    with pytest.raises(Refused, match="is of no issuer in this ledger"):
        enrol_many(office, 300)

    assert in_book(office) == before


def test_a_roll_that_was_compared_with_an_older_book_enrols_nobody(office):
    held = office.held(now=NOW)
    enrol(office, "Ünal")
    before = in_book(office)

    with pytest.raises(Refused, match="somebody was enrolled meanwhile; import once more"):
        office.enrol_all([roll.Line(2, "Chen", *NOBODY)], now=NOW, held=held)

    assert in_book(office) == before


def test_a_key_that_is_not_in_the_ledger_enrols_nobody(office):
    path = office.folder / "keys" / "issuer.key"
    path.unlink()
    keyfile.write_key(path, key_named("thief"))
    before = in_book(office)

    with pytest.raises(Refused, match="is of no issuer in this ledger"):
        enrol(office)

    assert in_book(office) == before


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk full"), KeyboardInterrupt()])
def test_a_status_that_is_not_in_the_book_is_not_in_the_ledger(office, monkeypatch, error):
    enrol(office)
    before = in_book(office)

    monkeypatch.setattr(Residents, "set_status", failing(error))
    with pytest.raises((Unavailable, KeyboardInterrupt)):
        office.set_status("Chen", 1, now=NOW)

    assert in_book(office) == before


# Places in the status lists.


def test_indices_are_unique_and_scattered_over_the_list(office):
    places = [claims_of(enrol(office, f"r{n}")).idx for n in range(30)]

    assert len(set(places)) == 30
    assert max(places) - min(places) > state.LIST_SIZE // 4
    assert places not in (sorted(places), sorted(places, reverse=True))


def test_a_taken_index_is_drawn_again_and_lists_stay_half_empty(office, monkeypatch):
    draws = cycle([3, 3, 1])
    monkeypatch.setattr(residents, "LIST_SIZE", 4)
    monkeypatch.setattr(residents.secrets, "randbelow", lambda size: next(draws))

    held = [claims_of(enrol(office, f"r{n}")) for n in range(7)]

    assert [one.uri[-1] for one in held] == list("1122334")
    assert [one.idx for one in held] == [3, 1, 3, 1, 3, 1, 3]


def test_no_two_of_many_rolls_and_single_ones_share_a_place(office, short_lists):
    made = enrol_many(office, 50) + enrol_many(office, 3, "s")
    held = [claims_of(one) for one in (*made, *(enrol(office, f"t{n}") for n in range(27)))]

    places = Counter((one.uri, one.idx) for one in held)
    lists = Counter(one.uri[-1] for one in held)
    assert set(places.values()) == {1}
    assert lists == {"1": FEW // 2, "2": FEW // 2, "3": 80 - FEW}
    assert max(idx for _, idx in places) < FEW


# A baseline: every status list as one entry, and nobody can count who was revoked.


def newest_list(office):
    """The status list in the newest entry that is one."""
    *_, shard = (one for one in map(entries.parse, log_of(office)) if type(one) is entries.Shard)
    issuer = keyfile.read_key(office.folder / "keys" / "issuer.key", hint="")
    return StatusList.from_cwt(shard.token, lambda header: issuer.public)


def standing_of(office):
    with office.authority.book() as book:
        return Residents(book.store.db).standing()[f"{SITE}/s/1"]


def test_a_baseline_says_of_everybody_what_the_book_says(office, gate):
    texts = [code.to_text(one.token) for one in enrol_many(office, 300)[:8]]
    for name, status in {"r1": 1, "r2": 2, "r3": 3, "r4": 2}.items():
        office.set_status(name, status, now=NOW)
    office.set_status("r4", 0, now=NOW)
    published(office, gate)
    before = [verdict(gate, text) for text in texts]

    count = office.baseline(now=NOW)
    published(office, gate)

    listed, held = newest_list(office), standing_of(office)
    assert (count, listed.uri, len(listed)) == (1, f"{SITE}/s/1", state.LIST_SIZE)
    assert {idx: listed[idx] for idx in held} == held
    assert [verdict(gate, text) for text in texts] == before
    assert before == ["GREEN OPEN", *ENDS.values(), *["GREEN OPEN"] * 4]


def test_free_places_look_taken_in_the_proportion_of_the_taken_ones(office):
    enrol_many(office, 100)
    for number in range(10):
        office.set_status(f"r{number}", 1 if number < 8 else 2, now=NOW)

    office.baseline(now=NOW)

    held, listed = standing_of(office), dict(newest_list(office).exceptions())
    decoys = {idx: status for idx, status in listed.items() if idx not in held}
    assert len(decoys) == 10 * (state.LIST_SIZE - 100) // 100
    assert 0.77 < Counter(decoys.values())[1] / len(decoys) < 0.83
    assert set(decoys.values()) == {1, 2}


def test_a_compound_where_nobody_was_revoked_needs_no_decoys(office):
    assert office.baseline(now=NOW) == 0
    enrol_many(office, 3)

    assert office.baseline(now=NOW) == 1

    assert list(newest_list(office).exceptions()) == []


def test_decoys_stay_over_the_next_baseline(office):
    enrol_many(office, 50)
    office.set_status("r0", 1, now=NOW)
    office.baseline(now=NOW)
    first = dict(newest_list(office).exceptions())

    office.set_status("r1", 2, now=NOW)
    office.baseline(now=NOW + 60)

    second = dict(newest_list(office).exceptions())
    assert first.items() <= second.items()
    assert len(second) == 2 + 2 * (state.LIST_SIZE - 50) // 50


def test_a_place_that_serves_as_decoy_is_never_given_away(office, short_lists):
    enrol_many(office, 8)
    for number in range(4):
        office.set_status(f"r{number}", 1, now=NOW)
    office.baseline(now=NOW)
    decoys = {idx for idx, _ in newest_list(office).exceptions()} - standing_of(office).keys()

    new = [claims_of(one) for one in enrol_many(office, FEW // 2 - 8, "s")]

    assert len(decoys) == 4 * (FEW - 8) // 8
    assert {one.uri for one in new} == {f"{SITE}/s/1"}
    assert decoys.isdisjoint(one.idx for one in new)


def test_decoys_leave_room_for_residents_to_come(office, short_lists):
    enrol(office)
    office.set_status("Chen", 1, now=NOW)
    office.baseline(now=NOW)

    new = [claims_of(one) for one in enrol_many(office, FEW // 2)]

    assert len(list(newest_list(office).exceptions())) == 1 + FEW // 2
    assert Counter(one.uri[-1] for one in new) == {"1": FEW // 2 - 1, "2": 1}


def test_who_stands_where_decoys_were_is_revoked_and_reinstated_all_the_same(office, gate):
    office.set_status(enrol_many(office, 200)[0].resident, 1, now=NOW)
    office.baseline(now=NOW)
    text = shown(office, enrol(office))

    office.set_status("Chen", 2, now=NOW)
    published(office, gate)
    suspended = verdict(gate, text)
    office.set_status("Chen", 0, now=NOW)
    office.baseline(now=NOW)
    published(office, gate)

    assert (suspended, verdict(gate, text)) == (ENDS[2], "GREEN OPEN")


@pytest.mark.parametrize("with_baseline", [False, True])
def test_a_status_can_change_after_the_clock_was_set_back(office, gate, with_baseline):
    enrol_many(office, 200)
    text = shown(office, enrol(office))
    office.set_status("Chen", 2, now=NOW + 3_600)
    if with_baseline:
        office.baseline(now=NOW + 7_200)

    office.set_status("Chen", 3, now=NOW)
    office.baseline(now=NOW)
    published(office, gate)

    assert verdict(gate, text) == ENDS[3]


# How residents stand.


def test_a_resident_has_one_subject_here_and_another_elsewhere(office, tmp_path):
    other = Office.create(tmp_path / "other", site="yp:bj01", now=NOW - DAY)

    here, again, there = (
        token.claims_of(open1(enrol(one).token).payload).subject for one in (office, office, other)
    )

    assert here == again
    assert here != there


@pytest.mark.parametrize(("status", "ends"), ENDS.items())
@pytest.mark.parametrize("alg", [ED25519, None], ids=["phone", "print"])
def test_a_status_reaches_the_gate_with_the_next_ledger(office, gate, status, ends, alg):
    key = key_named("chen", alg) if alg else None
    text = shown(office, enrol(office, key=key), key)
    published(office, gate)

    count = office.set_status("Chen", status, now=NOW)
    before = verdict(gate, text)
    published(office, gate)

    assert (count, before, verdict(gate, text)) == (1, "GREEN OPEN", ends)
    assert [row[-1] for row in office.residents()] == [status]


@pytest.mark.parametrize("status", [2, 3])
def test_who_is_reinstated_gets_in_again(office, gate, status):
    text = shown(office, enrol(office))
    office.set_status("Chen", status, now=NOW)
    published(office, gate)

    office.set_status("Chen", 0, now=NOW)
    published(office, gate)

    assert verdict(gate, text) == "GREEN OPEN"


def test_a_revoked_pass_comes_back_by_no_later_status(office, gate):
    stolen = shown(office, enrol(office))
    office.set_status("Chen", 1, now=NOW)
    new = shown(office, enrol(office))

    counts = [office.set_status("Chen", status, now=NOW) for status in (2, 3, 0)]
    published(office, gate)

    assert counts == [1, 1, 1]
    assert [verdict(gate, text) for text in (stolen, new)] == [ENDS[1], "GREEN OPEN"]


def test_revoking_twice_is_no_fault_and_reinstating_then_says_what_to_do(office):
    enrol(office)

    counts = [office.set_status("Chen", 1, now=NOW) for _ in range(2)]

    assert counts == [1, 1]
    with pytest.raises(Refused, match="revoked for good; enrol again"):
        office.set_status("Chen", 0, now=NOW)


def test_all_passes_of_a_resident_share_their_status(office, gate):
    texts = [shown(office, enrol(office, name)) for name in ("Chen", "Chen", "Okafor")]

    count = office.set_status("Chen", 1, now=NOW)
    published(office, gate)

    assert count == 2
    assert [verdict(gate, text) for text in texts] == [ENDS[1], ENDS[1], "GREEN OPEN"]


@pytest.mark.parametrize("name", ["Nobody", "chen", "' OR 1=1 --", "%"])
def test_a_stranger_has_no_status_and_nobody_elses_changes(office, name):
    enrol(office)
    before = in_book(office)

    with pytest.raises(Refused, match=r"nobody is enrolled as .*; see: yardpass office list"):
        office.set_status(name, 1, now=NOW)

    assert in_book(office) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_hold_any_letters_and_stands_in_the_book_alone(office, gate, name):
    enrol(office, name)
    office.set_status(name, 2, now=NOW)
    public = published(office, gate)

    assert [row.resident for row in office.residents()] == [name]
    (office.folder / "book.db").rename(office.folder.parent / "book")
    found = {**snapshot(gate.folder), **snapshot(public), **snapshot(office.folder)}
    assert len(found) > 20
    for spelling in (name.encode(), name.encode("utf-16-le"), name.casefold().encode()):
        assert [path for path, held in found.items() if spelling in held] == []


def test_a_name_is_in_no_entry_of_the_log(office):
    enrol(office, "Chen Wei")

    assert [raw for raw in log_of(office) if b"Chen" in raw] == []


@pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\nb", "a\x1b[2Jb", "a\u2028b", "\udcff"])
def test_a_name_that_no_list_could_show_is_refused_and_changes_nothing(office, name):
    before = in_book(office)

    for ask in (
        partial(enrol, office, name),
        partial(office.set_status, name, 1, now=NOW),
        partial(office.issued, name, now=NOW),
        partial(cards.enrol_number, office, name, b"1234", 32, Rights(1, 1, NOW, 1)),
    ):
        with pytest.raises(Refused, match="name"):
            ask()

    assert in_book(office) == before


def test_a_name_typed_on_another_keyboard_is_the_same_name(office):
    enrol(office, unicodedata.normalize("NFD", "José"))

    assert office.set_status(unicodedata.normalize("NFC", "José"), 1, now=NOW) == 1


# Passes shown again, cards, terminals.


def test_the_pass_that_is_issued_again_is_the_last_one_in_force(office):
    first, second, last = (enrol(office, days=days) for days in (30, 30, 1))

    assert office.issued("Chen", now=NOW).token == last.token
    assert office.issued("Chen", now=NOW + DAY).token == second.token
    office.set_status("Chen", 1, now=NOW)
    new = enrol(office)
    assert office.issued("Chen", now=NOW).token == new.token
    assert len({first.token, second.token, last.token, new.token}) == 4


@pytest.mark.parametrize("why", ["never", "revoked", "expired"])
def test_nothing_is_issued_again_to_who_has_no_pass_in_force(office, why):
    if why != "never":
        enrol(office, at=NOW - 40 * DAY if why == "expired" else NOW)
    if why == "revoked":
        office.set_status("Chen", 1, now=NOW)

    with pytest.raises(Refused, match="no pass of 'Chen' is in force; see: yardpass office list"):
        office.issued("Chen", now=NOW)


def test_cards_are_the_printed_passes_in_force_by_name(office):
    enrol(office, "Old", at=NOW - 40 * DAY)
    enrol(office, "Phone", key=key_named("phone"))
    enrol(office, "Plastic", key=key_named("card", ES256), carrier="card")
    cards.enrol_number(office, "Number", b"1234", 32, RIGHTS)
    held = {name: enrol(office, name).token for name in ("Okafor", "Gone", "Chen", "Sue")}
    office.set_status("Gone", 1, now=NOW)
    office.set_status("Sue", 2, now=NOW)

    found = [(one.resident, one.token) for one in office.cards(now=NOW)]

    assert found == [(name, held[name]) for name in ("Chen", "Okafor", "Sue")]


def test_a_bare_card_number_lets_nobody_in_and_stands_in_no_file(office, gate):
    uid = bytes.fromhex("04a1b2c3d4e5f6a7")
    handle = cards.enrol_number(office, "Chen", uid, 64, RIGHTS._replace(now=NOW - 100))
    published(office, gate)
    any_key = key_named("any")
    proof = code.by_reference(handle, audience=SITE, issued_at=NOW, key=any_key)

    assert verdict(gate, proof) == "RED DENY R-UNKNOWN"
    assert verdict(gate, uid.hex().encode()) == "RED DENY R-FOREIGN"
    assert [(row.resident, row.carrier) for row in office.residents()] == [("Chen", "uid")]
    files_there = snapshot(office.folder.parent)
    assert [path for path, held in files_there.items() if uid in held] == []
    assert [path for path, held in files_there.items() if uid.hex().encode() in held] == []


def test_a_card_number_has_one_holder(office):
    cards.enrol_number(office, "Chen", b"1234", 32, RIGHTS)
    before = in_book(office)

    with pytest.raises(Refused, match="'Chen' has this card number already; give another card"):
        cards.enrol_number(office, "Okafor", b"1234", 32, RIGHTS)

    assert in_book(office) == before


def test_a_card_number_has_no_code_to_show_but_the_phone_of_its_holder_has(office):
    cards.enrol_number(office, "Okafor", b"1", 8, RIGHTS)
    phone = enrol(office, key=key_named("phone"))
    cards.enrol_number(office, "Chen", b"2", 8, RIGHTS)

    assert office.issued("Chen", now=NOW).token == phone.token
    with pytest.raises(Refused, match="bare card number, which has no code to show"):
        office.issued("Okafor", now=NOW)


def test_a_terminal_is_in_the_ledger_until_it_is_gone(office, gate):
    published(office, gate)
    there = terminals_of(gate)

    office.take_away("north-1")
    published(office, gate)

    public = SigningKey(ED25519, bytes(32)).public.raw
    assert there == [("north-1", public, "north", "gate")]
    assert terminals_of(gate) == []


def terminals_of(gate):
    with closing(sqlite3.connect(gate.store)) as db:
        return db.execute("SELECT name, key, gate, role FROM terminal").fetchall()


def test_a_terminal_that_was_never_there_cannot_go(office):
    before = in_book(office)

    with pytest.raises(Refused, match="no terminal 'nroth-1' in the ledger; it has north-1"):
        office.take_away("nroth-1")

    assert in_book(office) == before


@pytest.mark.parametrize(
    ("ended", "phone_ends", "paper_ends"),
    [
        ("print", "GREEN OPEN", "RED DENY R-REVOKED"),
        ("key", "RED DENY R-REVOKED", "GREEN OPEN"),
    ],
)
def test_either_carrier_of_a_person_is_ended_alone(office, gate, ended, phone_ends, paper_ends):
    key = key_named("phone")
    phone, paper = enrol(office, key=key, at=NOW - 9), enrol(office, at=NOW - 9)
    office.set_status("Chen", 1, now=NOW - 5, carrier=ended)
    published(office, gate)
    shown = code.by_reference(phone.handle, audience=SITE, issued_at=NOW, key=key)

    assert verdict(gate, shown) == phone_ends
    assert verdict(gate, code.to_text(paper.token)) == paper_ends
