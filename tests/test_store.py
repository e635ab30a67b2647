"""The store: never made by accident, and every way a file or a disk can fail has a next step."""

import contextlib
import resource
import sqlite3
import stat

import pytest
from yard import NOW, ORIGIN, small_yard

from ledger_sync import migrations
from ledger_sync import store as module
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica
from ledger_sync.store import Store, unavailable

FILL = "INSERT INTO ledger_entry VALUES (?, zeroblob(?))"
COUNT = "SELECT count(*) FROM ledger_entry"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with Store.create(path, origin=ORIGIN, floor=NOW) as store:
        yield store


@contextlib.contextmanager
def files_of_at_most(size):
    """Every write past `size` bytes of a file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_missing_store_is_named_with_its_command_and_never_made(path):
    for missing in (path, path.parent, path / "below", path.parent / "none" / "store.db"):
        with pytest.raises(Unavailable, match=r"no store at .*; make it with: yardpass office"):
            Store(missing)

    assert list(path.parent.iterdir()) == []


def test_a_path_that_cannot_be_looked_up_is_unavailable(tmp_path):
    too_long = tmp_path / ("x" * 300)

    for ask in (Store, lambda path: Store.create(path, origin=ORIGIN, floor=NOW)):
        with pytest.raises(Unavailable, match="check the path"):
            ask(too_long)


def test_a_store_is_made_once(path, store):
    before = path.read_bytes()

    with pytest.raises(Refused, match="exists; a store is made once") as caught:
        Store.create(path, origin="yardpass/other", floor=0)

    assert caught.value.reason == "R-LEDGER"
    assert path.read_bytes() == before
    assert Replica(store).ledger().origin == ORIGIN


def test_a_store_in_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(Unavailable, match="check the path and its permissions"):
        Store.create(tmp_path / "none" / "store.db", origin=ORIGIN, floor=NOW)

    assert list(tmp_path.iterdir()) == []


def test_a_new_store_is_readable_by_its_owner_and_group_only(path, store):
    store.write(FILL, 0, 10)

    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert modes <= {0o640, 0o600}
    assert len(list(path.parent.iterdir())) == 3  # the file, its WAL, its shared memory


def test_a_new_store_is_durable_and_waits_for_others(store):
    pragmas = {name: store.row(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous")}

    assert pragmas == {"journal_mode": "wal", "synchronous": 2}  # FULL
    assert store.row("PRAGMA busy_timeout") == (module.BUSY_MS,)


def test_the_schema_is_recorded_and_migrating_again_changes_nothing(path, store):
    Replica(store).apply(small_yard().accepted())
    before = list(store.db.iterdump())

    migrations.migrate(path)

    assert list(store.db.iterdump()) == before
    assert store.row("SELECT migration_set, name FROM _sqlite_migrations") == ("yardpass", "first")


def test_the_office_has_a_schema_of_its_own(path):
    migrations.migrate(path, migrations.office_schema)

    with contextlib.closing(sqlite3.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    assert "resident" in names
    assert "ledger" not in names


@pytest.mark.parametrize("name", ["a b", "a?b", "a#b", "a%41", "ä", "a&mode=memory", "-"])
def test_a_store_may_have_any_file_name(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name

    Store.create(path, origin=ORIGIN, floor=NOW).close()

    with Store(type(path)(name)) as store:
        assert Replica(store).ledger().origin == ORIGIN
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("size", [0, 4_096, 40_000])
def test_a_store_that_could_not_be_finished_is_not_left_behind(path, size):
    with files_of_at_most(size), pytest.raises(Unavailable, match="free disk space"):
        Store.create(path, origin=ORIGIN, floor=NOW)

    assert not path.exists()
    Store.create(path, origin=ORIGIN, floor=NOW).close()


def test_a_locked_store_says_so_and_works_again_afterwards(path, store):
    store.write("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="is locked by another process"):
            store.write(FILL, 0, 10)
        with pytest.raises(Unavailable, match="is locked by another process"):
            Replica(store).apply(small_yard().accepted())
        other.execute("ROLLBACK")

    store.write(FILL, 0, 10)

    assert store.row(COUNT) == (1,)


def test_a_store_held_by_another_process_alone_cannot_be_opened(path, monkeypatch):
    Store.create(path, origin=ORIGIN, floor=NOW).close()
    monkeypatch.setattr(module, "BUSY_MS", 0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute(FILL, (0, 10))
        with pytest.raises(Unavailable, match=r"is locked .*fuser"):
            Store(path)

    with Store(path) as store:
        assert store.row(COUNT) == (1,)


def test_a_store_that_may_only_be_read_refuses_to_write_and_keeps_reading(store):
    store.write("PRAGMA query_only = ON")

    with pytest.raises(Unavailable, match="check the path and its permissions"):
        store.write(FILL, 0, 10)

    assert store.row(COUNT) == (0,)


@pytest.mark.parametrize("garbage", [b"", b"SQLite", b"not a database, but long enough" * 40])
def test_a_file_that_is_no_store_is_damaged_and_left_as_it_is(path, garbage):
    path.write_bytes(garbage)

    with pytest.raises(Unavailable, match="keep it for evidence and run: yardpass ledger fsck"):
        Store(path)

    assert path.read_bytes() == garbage


def test_a_store_with_a_damaged_header_is_damaged(path):
    Store.create(path, origin=ORIGIN, floor=NOW).close()
    raw = path.read_bytes()
    path.write_bytes(b"\xff" * 100 + raw[100:])

    with pytest.raises(Unavailable, match="is damaged"):
        Store(path)


def test_a_damaged_page_fails_the_reads_that_need_it_and_no_other(path):
    with Store.create(path, origin=ORIGIN, floor=NOW) as store:
        (page,) = store.row("SELECT rootpage FROM sqlite_schema WHERE name = 'ledger'")
        (size,) = store.row("PRAGMA page_size")
    raw = bytearray(path.read_bytes())
    raw[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(raw)

    with Store(path) as store:
        with pytest.raises(Unavailable, match="is damaged"):
            Replica(store).ledger()
        assert store.row(COUNT) == (0,)


def test_a_full_disk_stores_nothing_and_loses_nothing(store):
    store.write(FILL, 0, 10)
    (pages,) = store.row("PRAGMA page_count")
    store.write(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(Unavailable, match="free disk space"), store.transaction():
        for seq in range(1, 100):
            store.write(FILL, seq, 4_000)

    assert store.row(COUNT) == (1,)
    assert not store.db.in_transaction
    store.write(f"PRAGMA max_page_count = {pages + 100}")
    store.write(FILL, 1, 4_000)
    assert store.row(COUNT) == (2,)


def test_a_write_ahead_log_that_cannot_grow_stores_nothing(path, store):
    with files_of_at_most(20_000), pytest.raises(Unavailable, match="free disk space"):
        store.write(FILL, 0, 60_000)

    assert store.row(COUNT) == (0,)
    store.write(FILL, 0, 60_000)
    assert store.row(COUNT) == (1,)


def test_a_transaction_that_sqlite_rolled_back_by_itself_is_over(store):
    store.write(
        "CREATE TEMP TRIGGER t BEFORE INSERT ON ledger_entry BEGIN"
        " SELECT RAISE(ROLLBACK, 'no'); END"
    )

    with pytest.raises(Unavailable, match="no"), store.transaction():
        store.write("UPDATE ledger SET floor = 0")
        store.write(FILL, 0, 10)

    assert Replica(store).ledger().floor == NOW


def test_a_refusal_inside_a_transaction_undoes_it_and_passes(store):
    with pytest.raises(Refused, match="as it is"), store.transaction():
        store.write(FILL, 0, 10)
        raise Refused("as it is")

    assert store.row(COUNT) == (0,)


def test_rows_come_one_by_one_and_fail_as_unavailable(store):
    for seq in range(3):
        store.write(FILL, seq, seq)

    assert list(store.rows("SELECT seq FROM ledger_entry WHERE seq > ?", 0)) == [(1,), (2,)]
    with pytest.raises(Unavailable, match="is damaged"):
        list(store.rows("SELECT nothing FROM nowhere"))


def test_a_closed_store_is_unavailable(store):
    store.close()

    with pytest.raises(Unavailable, match="cannot be used"):
        store.row(COUNT)


def test_an_unavailable_store_is_named_once(path):
    first = unavailable(path, sqlite3.OperationalError("why"))

    assert unavailable(path, first) is first
    assert str(first).count(str(path)) == 1
