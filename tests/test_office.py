"""The office: what it enrols and revokes is what gates do, and no name leaves its own book."""

import shutil
import sqlite3
import stat
import unicodedata
from contextlib import closing
from functools import partial
from itertools import cycle

import pytest
from compound import DAY, NUMBER, key_named, outcome

from appliance import settings
from appliance.gate.assembly import open_replica, policy_of
from appliance.gate.checker import Checker
from appliance.office import office as module
from appliance.office import terminal_kit
from appliance.office.office import Office
from appliance.passes import code, token
from appliance.passes.token import HolderClass
from appliance.version import BUILD_TIME
from ledger_sync import accept, files, keyfile, migrations
from ledger_sync.authority.sequencer import Sequencer
from ledger_sync.clock import Grade
from ledger_sync.cose import open1
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ED25519, ES256

NOW = BUILD_TIME + DAY
SITE = "yp:hz07"
POST = terminal_kit.Post("north-1", "north", "in", [0])
ENDS = {1: "RED DENY R-REVOKED", 2: "RED DENY R-SUSPENDED", 3: "YELLOW ASK Y-CONDITION"}
NAMES = ["Ünal", "李小龍", "👩‍👩‍👧 flat 3", "x'; DROP TABLE resident; --", "%s {0} \\n", "a" * 200]


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


def enrol(office, name="Chen", *, key=None, at=NOW - 100):
    public = key.public if key else None
    return office.enrol(name, key=public, klass=HolderClass.RESIDENT, zones=1, now=at, days=30)


def shown(office, held, key=None):
    """What the holder shows now: a fresh code, or the printed pass."""
    if key is None:
        return code.to_text(held.token)
    return code.by_reference(held.handle, audience=office.site, issued_at=NOW, key=key)


def published(office, gate):
    """The office's ledger, imported by the terminal."""
    data = office.publish(now=NOW)
    with open_replica(gate) as replica:
        policy, known = policy_of(gate.policy), replica.position()
        replica.apply(accept.accept(data, policy=policy, origin=gate.origin, known=known))
    return data


def claims_of(held):
    return token.claims_of(open1(held.token).payload)


def verdict(gate, text):
    with open_replica(gate) as replica:
        checker = Checker(replica, gate.gate)
        return outcome(checker.assess(text, NOW, grade=Grade.GOOD, nonce=NUMBER).verdict)


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def size_of(office):
    with closing(Sequencer(office.folder / "book.db", origin=office.origin)) as book:
        return book.size()


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


def test_a_new_office_keeps_its_secrets_to_its_owner(office):
    modes = {
        str(path.relative_to(office.folder)): stat.S_IMODE(path.stat().st_mode)
        for path in office.folder.rglob("*")
    }

    private = [f"keys/{name}.key" for name in ("log", "cosigner", "issuer")]
    private += ["site.secret", "residents.db", "book.db"]
    assert {modes[name] for name in private} == {0o600}
    assert modes["keys"] == 0o700
    assert Office.open(office.folder) == office


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_office_is_made_once_also_when_it_lost_its_settings(office, is_lost):
    if is_lost:
        (office.folder / "office.toml").unlink()
    before = snapshot(office.folder)

    with pytest.raises(Refused, match="restore .* give a new folder" if is_lost else "already"):
        Office.create(office.folder, site="yp:other", now=NOW)

    assert snapshot(office.folder) == before


@pytest.mark.parametrize(
    ("owner", "name", "error"),
    [
        (keyfile, "write_secret", Unavailable("disk")),
        (migrations, "migrate", sqlite3.OperationalError("disk")),
        (Sequencer, "create", Unavailable("disk")),
        (Sequencer, "add", KeyboardInterrupt("disk")),
        (files, "sync_folder", OSError(28, "disk")),
    ],
)
def test_an_office_that_cannot_be_finished_leaves_nothing(
    tmp_path, monkeypatch, owner, name, error
):
    folder = tmp_path / "office"
    make = partial(Office.create, folder, site=SITE, now=NOW)
    with monkeypatch.context() as patch, pytest.raises((OSError, KeyboardInterrupt)):
        patch.setattr(owner, name, failing(error))
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


def test_indices_are_unique_and_scattered_over_the_list(office):
    places = [claims_of(enrol(office, f"r{n}")).idx for n in range(30)]

    assert len(set(places)) == 30
    assert max(places) - min(places) > module.LIST_SIZE // 4
    assert places not in (sorted(places), sorted(places, reverse=True))


def test_a_taken_index_is_drawn_again_and_lists_stay_half_empty(office, monkeypatch):
    draws = cycle([3, 3, 1])
    monkeypatch.setattr(module, "LIST_SIZE", 4)
    monkeypatch.setattr(module.secrets, "randbelow", lambda size: next(draws))

    held = [claims_of(enrol(office, f"r{n}")) for n in range(7)]

    assert [one.uri[-1] for one in held] == list("1122334")
    assert [one.idx for one in held] == [3, 1, 3, 1, 3, 1, 3]


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
    before = size_of(office), office.residents()

    with pytest.raises(Refused, match=r"nobody is enrolled as .*; see: yardpass office list"):
        office.set_status(name, 1, now=NOW)

    assert (size_of(office), office.residents()) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_hold_any_letters_and_leaves_the_office_in_no_file(office, gate, name):
    enrol(office, name)

    data = published(office, gate)
    office.set_status(name, 2, now=NOW)

    assert [row[0] for row in office.residents()] == [name]
    public = {**snapshot(gate.folder), 1: data, 2: (office.folder / "book.db").read_bytes()}
    for spelling in (name.encode(), name.encode("utf-16-le"), name.casefold().encode()):
        assert [path for path, held in public.items() if spelling in held] == []


@pytest.mark.parametrize("name", ["", " ", "a" * 201, "a\nb", "a\x1b[2Jb", "a\u2028b", "\udcff"])
def test_a_name_that_no_list_could_show_is_refused_and_changes_nothing(office, name):
    before = size_of(office)

    for ask in (partial(enrol, office, name), partial(office.set_status, name, 1, now=NOW)):
        with pytest.raises(Refused, match="name"):
            ask()

    assert (size_of(office), office.residents()) == (before, [])


def test_a_name_typed_on_another_keyboard_is_the_same_name(office):
    enrol(office, unicodedata.normalize("NFD", "José"))

    assert office.set_status(unicodedata.normalize("NFC", "José"), 1, now=NOW) == 1
