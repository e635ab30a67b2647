"""The store: never made by accident, and every way a file or a disk can fail has a next step."""

import contextlib
import os
import resource
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlite_utils import Database
from yard import NOW, ORIGIN, Yard, issuer, key_of, pass_of, small_yard, status

from ledger_sync import entries, migrations
from ledger_sync import store as module
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.replica import Replica
from ledger_sync.state_digest import state_digest
from ledger_sync.store import Store, unavailable

FILL = "INSERT INTO bundle VALUES (?, zeroblob(?))"
COUNT = "SELECT count(*) FROM bundle"


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
    small_yard().fill(Replica(store))
    before = list(store.db.iterdump())

    migrations.migrate(path)

    assert list(store.db.iterdump()) == before
    steps = list(store.rows("SELECT migration_set, name FROM _sqlite_migrations ORDER BY id"))
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
    assert steps == [("yardpass", name) for name in names]


# A store that an older version made.


def made_by_the_first_version(path, bodies):
    """A store with its first tables, the entries one by one, and a pass with a status."""
    db = Database(path)
    migrations.store_schema.apply(db, stop_before="second")
    yard = Yard(entries=bodies)
    root, peaks = yard.position.root, b"".join(yard.frontier.peaks)
    ledger = (1, 5, ORIGIN, len(bodies), root, peaks, yard.note, NOW, NOW, 4)
    db.execute(f"INSERT INTO ledger VALUES ({', '.join('?' * 10)})", ledger)
    db.conn.executemany("INSERT INTO ledger_entry VALUES (?, ?)", enumerate(bodies))
    one = issuer()
    row = (one.key.kid, one.name, one.key.alg, one.key.raw, one.since, one.until, one.classes)
    db.execute(f"INSERT INTO issuer VALUES ({', '.join('?' * 7)})", row)
    db.conn.commit()
    db.close()


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_the_entries_of_an_older_store_are_kept_in_bundles(path, count):
    bodies = [entries.to_bytes(entries.Unpass(n.to_bytes(8, "big"))) for n in range(count)]
    made_by_the_first_version(path, bodies)

    with Store(path) as store:
        replica = Replica(store)

        assert [entry for bundle in replica.bundles() for entry in bundle] == bodies
        assert (replica.frontier().root(), replica.ledger().size) == (replica.ledger().root, count)
        assert replica.ledger()[:2] == (5, ORIGIN)
        assert "ledger_entry" not in {name for (name,) in store.rows(NAMES)}


NAMES = "SELECT name FROM sqlite_schema"


def test_an_older_store_is_like_a_new_one_and_grows_as_one(path, tmp_path):
    yard = Yard().add(issuer())
    made_by_the_first_version(path, yard.entries)
    yard.add(pass_of(), status((7, 1)), entries.Unknown("x", 4))

    with (
        Store(path) as old,
        Store.create(tmp_path / "new.db", origin=ORIGIN, floor=0) as new,
    ):
        for store in (old, new):
            yard.fill(Replica(store))

        assert state_digest(old.db) == state_digest(new.db)
        assert sorted(old.rows(SCHEMA)) == sorted(new.rows(SCHEMA))
        assert Replica(old).issuers() == Replica(new).issuers()


SCHEMA = "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL"


def test_an_older_store_learns_whose_feeds_its_terminals_sign_also_of_a_key_under_two_names(path):
    east, west = (key_of(name).public for name in ("east", "west"))
    named = [("a", east), ("b", west), ("c", east)]
    db = Database(path)
    migrations.store_schema.apply(db, stop_before="third")
    for name, key in named:
        row = (name, key.alg, key.raw, "", "", None, "")
        db.execute("INSERT INTO terminal VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    db.conn.commit()
    db.close()

    with Store(path) as store:
        found = dict(store.rows("SELECT key, name FROM feed_key"))

    assert found == {east.raw: "c", west.raw: "b"}


def test_an_older_store_keeps_its_ledger_and_not_its_check_log(path):
    made_by_the_first_version(path, [])
    db = Database(path)
    migrations.store_schema.apply(db, stop_before="sixth")
    db.execute("INSERT INTO feed VALUES (1, x'00', x'01', 0, 'a', 0, 1, x'', '', 1, 1, x'')")
    db.execute("INSERT INTO feed_entry VALUES (1 << 32, x'01', x'', 5, 1, 0, 1)")
    db.execute("INSERT INTO conflict VALUES (1, 2, 3)")
    db.execute("UPDATE hybrid SET hlc = 9")
    db.conn.commit()
    db.close()

    with Store(path) as store:
        counts = [
            store.row(f"SELECT count(*) FROM {table}")
            for table in ("issuer", "feed", "feed_entry", "holder_mark", "conflict", "move")
        ]
        assert counts == [(1,), (0,), (0,), (0,), (0,), (0,)]
        assert store.row("SELECT hlc FROM hybrid") == (0,)


@pytest.mark.parametrize("table", ["blob", "feed_key", "move"])  # of steps further and further on
def test_a_step_that_fails_leaves_the_older_store_as_it_was(path, table):
    made_by_the_first_version(path, [b"entry"])
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TABLE {table} (is_in_the_way)")
        before = list(db.iterdump())

    with pytest.raises(Unavailable, match=f"table {table} already exists"):
        Store(path)

    with contextlib.closing(sqlite3.connect(path)) as db:
        assert list(db.iterdump()) == before


def test_of_two_processes_that_find_an_older_store_both_open_it(path, monkeypatch):
    made_by_the_first_version(path, [b"entry"])
    migrate = migrations.migrate

    def as_the_slower_of_two(path):
        migrate(path)
        raise sqlite3.OperationalError("table bundle already exists")

    monkeypatch.setattr(migrations, "migrate", as_the_slower_of_two)

    with Store(path) as store:
        assert list(Replica(store).bundles()) == [[b"entry"]]


def test_many_that_find_an_older_store_at_once_all_open_it(path):
    made_by_the_first_version(path, [b"entry"])
    start = threading.Barrier(4)

    def opened(_):
        start.wait()
        with Store(path) as store:
            return list(Replica(store).bundles())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [[[b"entry"]]] * 4


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
            small_yard().fill(Replica(store))
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


def test_a_store_whose_very_error_cannot_be_read_is_damaged(path):
    Store.create(path, origin=ORIGIN, floor=NOW).close()
    raw = path.read_bytes()
    assert raw.count(b"CREATE TABLE pass (") == 1
    path.write_bytes(raw.replace(b"CREATE TABLE pass (", b"CREATE TABLE pass \xc9"))

    with pytest.raises(Unavailable, match=r"is damaged .*keep it for evidence"):
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
        "CREATE TEMP TRIGGER t BEFORE INSERT ON bundle BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
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

    assert list(store.rows("SELECT number FROM bundle WHERE number > ?", 0)) == [(1,), (2,)]
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


def test_others_logs_stop_before_the_disk_is_full(store, monkeypatch):
    store.check_room()
    status = os.statvfs(store.path)
    monkeypatch.setattr(module, "RESERVED_BYTES", status.f_bavail * status.f_frsize * 2)

    with pytest.raises(Unavailable, match="kept for its own checks; free disk space"):
        store.check_room()
    store.write(FILL, 1, 10)  # its own go on

    assert store.row(COUNT) == (1,)


def test_a_store_that_was_taken_away_has_no_room(store, path):
    path.unlink()

    with pytest.raises(Unavailable, match="cannot be used"):
        store.check_room()


def test_what_was_written_is_moved_into_the_file_in_a_quiet_moment(store, path):
    before = path.stat().st_size
    for number in range(40):
        store.write(FILL, number, 4_096)
    logged = path.stat().st_size
    store.look()

    store.checkpoint()

    assert (logged, path.stat().st_size > before + 40 * 4_096) == (before, True)
    assert store.row(COUNT) == (40,)
