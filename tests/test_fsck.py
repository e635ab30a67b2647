"""fsck finds what a store should not hold: flipped bits, lost rows, rows nobody signed for.

Of every bit of the file one of two things is shown: fsck tells that it was flipped, or no row of
any table became another one by it, but for the few values that nothing in a store vouches for.
"""

import hashlib
import os
import random
import re
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import compound as yard
import diary
import pytest
from compound import NOW, TRUST
from diary import Diary, use
from yard import (
    LIST,
    Signer,
    Yard,
    charter,
    full_yard,
    issuer,
    key_of,
    log_of,
    pass_of,
    policy_text,
    status,
)
from yard import ORIGIN as ORIGIN_THERE

from ledger_sync import certificate, deny, entries, migrations, order, snapshot, state_digest
from ledger_sync import feed as feeds
from ledger_sync.accept import NOWHERE, accept, checked
from ledger_sync.bootstrap import trust_in
from ledger_sync.checklog import CheckLog
from ledger_sync.denials import Denials
from ledger_sync.entries import Rule, Snapshot, Unpass
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.feed import Head
from ledger_sync.fsck import MAX_FINDINGS, findings
from ledger_sync.intake import Intake
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.masks import DAY_SECONDS
from ledger_sync.order import Kind
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.shelf import Shelf
from ledger_sync.store import Store
from ledger_sync.tries import TriesLog
from ledger_sync.withdrawals import Withdrawals, Withdrawn

AT = diary.NOW
OWN = Diary("north-1").uses(
    *(
        use(seq % 2 - 7, AT - 9 + seq, way=seq % 2, code=b"own %d" % seq, zone=3 + seq % 2)
        for seq in range(1, 7)
    )
)
LATER = Diary("north-1", start=2, previous=OWN.incarnation).uses(use(-7, AT, code=b"later"))
LATER.seal(b"sealed in a row").write(feeds.Pruned(AT, AT - 30 * DAY_SECONDS, 1).to_bytes())
WEST = Diary("west").uses(use(5, AT, way=1, code=b"own 2")).seal(b"sealed in a bundle")
WEST.uses(use(6, AT - 5, code=b"before", zone=0, quota=1), use(6, AT - 8, way=1, zone=5))
WEST.write(*(b"%d" % number for number in range(WEST.size, 256))).uses(
    use(6, AT - 1, at=AT, code=b"of west", zone=0, quota=1)
).seal(b"sealed in a tail")
AGAIN = Diary("west", start=3).uses(use(7, AT - 2, code=b"once more"))
OTHER = Diary("west", start=3).write(b"another", b"history")
LINK = SigningKey(ED25519, b"link key of the terminal in west")
TERMINALS = (
    entries.Terminal("north-1", OWN.key.public),
    entries.Terminal("west", WEST.key.public, "west", "gate", certificate.make("west", LINK.seed)),
)


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    """A folder that costs no disk where the machine has one; fsck replays there as well."""
    shared = Path("/dev/shm")
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(
            dir=shared if shared.is_dir() else tmp_path_factory.mktemp("memory")
        ) as folder,
    ):
        tmp_path_factory.getbasetemp()  # made where it belongs, before the next line
        patch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture(scope="module")
def sound(memory):
    """The bytes of a store with a ledger, two feeds of its own and three of a peer."""
    made = yard.Compound(memory)
    made.publish(*yard.ISSUERS, *(one.enrolment() for one in yard.ENROLLED[:4]))
    made.publish(yard.ANN.status(1), entries.Rule("gate", b"{}"), *TERMINALS)
    TriesLog(made.store).put(b"a reader", 1, AT)
    made.store.write("DELETE FROM feed_entry")
    made.store.write("DELETE FROM feed")
    keep_feeds(made.store)
    made.store.write("PRAGMA wal_checkpoint(TRUNCATE)")
    made.store.close()
    return made.path.read_bytes()


def keep_feeds(store):
    """Feeds of this terminal and of a peer, one of them with two histories: of each row one."""
    log, shelf, intake = CheckLog(store), Shelf(store), Intake(store, diary.SITE, diary.SECRET)
    for mine in (OWN, LATER):
        ids = {"kid": mine.kid, "previous": mine.previous}
        number = log.open_feed(mine.origin, mine.entries[0], AT, **ids)
        for seq in range(1, mine.size):
            one = feeds.use_of(mine.entries[seq], diary.SECRET)
            log.append(number, seq, mine.entries[seq], sealed=mine.sealed[seq], use=one)
    log.sign_off(OWN.key)
    for theirs in (WEST, AGAIN, OTHER):
        for batch in theirs.batches():
            with store.transaction():
                held = shelf.histories(batch.kid, batch.incarnation)
                intake.take(batch, theirs.owner, held, now=AT)
    owners = shelf.owners()
    with store.transaction():
        for held in shelf.feeds():
            intake.settle(held.number, held.size, owners[held.kid], now=AT)
        shelf.put_acknowledged(1, "west", 7, OWN.acknowledged("west", LINK))


@pytest.fixture
def store(sound, memory):
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(sound)
        with Store(path) as opened:
            yield opened


def flips(store, table, column):
    """For some bits of each value of a column: the store with that bit flipped, then mended."""
    for rowid, value in list(store.rows(f"SELECT rowid, {column} FROM {table}")):
        raw = value if isinstance(value, bytes) else value.encode()
        for at in range(0, len(raw), max(1, len(raw) // 12)):
            damaged = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
            wanted = damaged if isinstance(value, bytes) else damaged.decode("latin-1")
            store.write(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", wanted, rowid)
            yield f"{table} {rowid} byte {at}"
            store.write(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", value, rowid)


def told(store, pinned=TRUST):
    """What fsck says of a store whose site's secret is at hand."""
    return findings(store, pinned, site_secret=diary.SECRET, verify=withdrawn)


def withdrawn(text):
    """What stands in for a host's signature: the text in its one spelling."""
    found = re.fullmatch(rb"YP1:(7) (1760000000)", text)
    if found is None:
        raise Refused("no such text")
    return Withdrawn(int(found[1]), int(found[2]), 3)


def test_a_sound_store_has_no_findings(store):
    assert told(store) == []


def test_a_store_that_has_accepted_nothing_is_sound(tmp_path):
    with Store.create(tmp_path / "new.db", origin="yardpass/hz07", floor=0) as store:
        assert told(store) == []


def test_a_store_may_hold_the_tables_of_the_office_too(store):
    migrations.migrate(store.path, migrations.office_schema)

    assert told(store) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("INSERT INTO rule VALUES ('gate', 0, x'7b7d')", "rule 'gate' does not follow"),
        ("INSERT INTO status VALUES (131073, 1)", "status 131073 does not follow"),
        ("INSERT INTO bundle VALUES (0, x'0000')", "the checkpoint counts 0"),
        ("UPDATE ledger SET root = zeroblob(32)", "not those of the accepted root"),
        ("UPDATE ledger SET quorum_time = 5", "no checkpoint it is of"),
        ("UPDATE ledger SET note = x'0a'", "without signature lines"),
        ("UPDATE ledger SET peaks = zeroblob(32)", "a frontier of size 0"),
        ("UPDATE ledger SET origin = 'yardpass/bj01'", "pinned policy of yardpass/hz07"),
    ],
)
def test_a_store_that_has_accepted_nothing_holds_nothing(tmp_path, damage, said):
    with Store.create(tmp_path / "new.db", origin="yardpass/hz07", floor=0) as store:
        store.write(damage)

        found = told(store)

    assert any(said in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("table", "column"),
    [("bundle", "body"), ("ledger", "note"), ("ledger", "peaks"), ("ledger", "root")],
)
def test_a_flipped_bit_in_the_ledger_is_found(store, table, column):
    for where in flips(store, table, column):
        assert told(store), where


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "column"),
    [("feed_entry", "body"), ("feed_bundle", "body"), ("feed_bundle", "sealed"), ("feed", "note")],
)
def test_a_flipped_bit_in_a_feed_is_found_and_the_feed_is_named(store, table, column):
    origins = dict(store.rows("SELECT id, origin FROM feed"))

    for where in flips(store, table, column):
        number = int(where.split()[1])
        origin = origins[number if table == "feed" else number >> 32]
        assert any(f"feed {origin}" in sentence for sentence in told(store)), where


@pytest.mark.long
def test_a_flipped_bit_in_a_head_is_found(store):
    for size, text in list(store.rows("SELECT size, note FROM head")):
        for at in range(0, len(text), 9):
            damaged = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            store.write("UPDATE head SET note = ? WHERE size = ?", damaged, size)
            assert told(store), at
        store.write("UPDATE head SET note = ? WHERE size = ?", text, size)


FEED_DAMAGES = [
    ("UPDATE feed_entry SET holder = holder - 2 WHERE id >> 32 = 1", "its holder is another"),
    ("UPDATE feed_entry SET code_at = code_at - 1 WHERE holder < 0", "its mark is not that of"),
    ("UPDATE feed_entry SET way = 1 - way WHERE holder < 0", "its mark is not that of the check"),
    ("UPDATE feed_entry SET seen_at = seen_at - 1 WHERE holder < 0", "its mark is not that of"),
    ("UPDATE feed_entry SET zone = 9 WHERE holder < 0", "its mark is not that of the check"),
    ("UPDATE feed_entry SET zone = NULL WHERE holder < 0", "a holder without the time of a code"),
    ("UPDATE feed_entry SET sealed = x'00' WHERE id & 4294967295 = 1", "what is sealed is not"),
    ("UPDATE feed_entry SET id = id + 1 WHERE id & 4294967295 = 257", "there twice"),
    (
        "INSERT INTO feed_entry VALUES ((3 << 32) + 9, x'', x'', NULL, NULL, NULL, NULL, NULL)",
        "entry 9 is missing, or there twice",
    ),
    ("UPDATE feed_bundle SET id = id + 1", "a bundle of no feed, or across two bundles"),
    ("UPDATE feed_bundle SET id = id + (1 << 36)", "a bundle of no feed, or across two bundles"),
    ("UPDATE feed_bundle SET body = x'00'", "0101010101010101: the bundle ends before"),
    ("UPDATE feed_bundle SET sealed = x'00'", "from entry 0 on: what is sealed is not what"),
    ("DELETE FROM feed_bundle", "entry 0 is missing"),
    ("DELETE FROM head", "heads of its bundles are missing"),
    ("INSERT INTO head VALUES (1, 5, 'x')", "heads of its bundles are missing, or too many"),
    ("UPDATE feed SET note = ''", "head at 7: it is not there"),
    ("UPDATE feed SET note = '', size = 0, peaks = x'' WHERE id = 3", "under a head over 0"),
    ("UPDATE feed SET peaks = zeroblob(length(peaks))", "the stored frontier is not that"),
    ("UPDATE feed SET size = size - 1", "are not those of its head"),
    ("UPDATE feed SET size = size + 1 WHERE id = 3", "258 entries under a head over 259"),
    ("UPDATE feed SET kid = x'0011223344556677' WHERE id = 1", "its start is not in its opening"),
    ("UPDATE feed SET incarnation = zeroblob(8) WHERE id = 3", "its start is not in its opening"),
    ("UPDATE feed SET previous = zeroblob(8) WHERE id = 3", "its start is not in its opening"),
    ("UPDATE feed SET branch = 2 WHERE branch = 1", "histories of one feed are not counted"),
    ("UPDATE feed SET own = 0 WHERE id = 1", "kept as if this terminal wrote it"),
    ("UPDATE feed SET own = 0 WHERE id = 1", "it does not follow the feed before it"),
    ("UPDATE feed SET own = 1 WHERE id = 3", "it does not follow the feed before it"),
    ("UPDATE feed SET own = 2 WHERE id = 3", "neither this terminal's nor a peer's"),
    ("UPDATE feed SET taken = 1 WHERE id = 3", "its code is known and was not looked at"),
    ("UPDATE feed SET taken = 6 WHERE id = 1", "its code is known and was not looked at"),
    ("UPDATE feed SET taken = taken + 1", "more was looked at than there is"),
    ("UPDATE feed SET id = 1 << 40 WHERE id = 5", "no feed has the number 1099511627776"),
    ("DELETE FROM feed_key WHERE name = 'west'", "the ledger gave its key to no terminal"),
    ("DELETE FROM feed_key WHERE name = 'west'", "feed_key 'west' is missing or altered"),
    ("UPDATE feed_key SET name = 'east' WHERE name = 'west'", "feed_key 'east' does not follow"),
    ("INSERT INTO feed_key VALUES (zeroblob(32), 'x')", "feed_key 'x' does not follow"),
    ("UPDATE holder_mark SET way = 1 - way", "the marks of holder 5 follow from no checks"),
    ("UPDATE holder_mark SET seen_at = seen_at + 1", "the marks of holder 5 follow from no"),
    ("UPDATE holder_mark SET uses = uses + 1", "the marks of holder 5 follow from no checks"),
    ("UPDATE holder_mark SET uses = uses - 1", "the high-water mark is too low for holder -7"),
    ("UPDATE holder_mark SET holder = 9 WHERE holder = 5", "the marks of holder 9 follow from no"),
    *(
        (f"UPDATE holder_mark SET places = {places} WHERE holder = {holder}", said)
        for holder, places, said in (
            (6, """replace(places, '"z5"', '"z6"')""", "the marks of holder 6 follow from no"),
            (6, "replace(places, '}', ',\"z7\":9}')", "the marks of holder 6 follow from no"),
            (6, "replace(places, '\"z0\":', '\"z0\":0')", "the marks of holder 6 follow from no"),
            (6, "places || ' '", "the marks of holder 6 follow from no checks"),
            (6, "''", "the marks of holder 6 follow from no checks"),
            (5, "'{\"z0\":9}'", "the marks of holder 5 follow from no checks"),
            (-7, "'{}'", "the mark of holder -7 is too low in zone 3"),
            (-7, "'{\"z3\":8}'", "the mark of holder -7 is too low in zone 3"),
        )
    ),
    ("UPDATE move SET holder = 9", "is in no check there"),
    ("UPDATE move SET zone = 9", "is in no check there"),
    ("UPDATE move SET at = at - 1", "is in no check there"),
    ("UPDATE move SET way = 1 - way", "is in no check there"),
    ("UPDATE move SET digest = zeroblob(16)", "is in no check there"),
    ("UPDATE move SET code_at = 1", "is in no check there"),
    ("UPDATE move SET quota = 9", "is in no check there"),
    ("UPDATE move SET place = -place", "the move at -4294967297 is in no check there"),
    ("UPDATE move SET place = place + (9 << 32)", "is in no check there"),
    ("UPDATE feed SET taken = 6 WHERE id = 1", "its move is known and was not looked at"),
    ("DELETE FROM move WHERE holder = 6 AND way = 0", "the quota conflict of"),
    ("DELETE FROM move WHERE holder = 6 AND way = 0", "the passback conflict of"),
    ("UPDATE presence_conflict SET first = first + 1", "is in no moves"),
    ("UPDATE presence_conflict SET second = second + 1", "is in no moves"),
    ("UPDATE presence_conflict SET kind = 'x' WHERE kind = 'quota'", "the x conflict of"),
    (
        "INSERT INTO presence_conflict VALUES ('passback', 4294967297, 4294967299, 0)",
        "the passback conflict of 4294967297 and 4294967299 is in no moves",
    ),
    ("UPDATE used SET code = code + 1", "is in no check there"),
    ("UPDATE used SET at = at + 1", "is in no check there"),
    ("UPDATE used SET place = place + 2", "is in no check there"),
    ("UPDATE used SET place = -1 WHERE place >> 32 = 3", "used at -1 is in no check there"),
    ("UPDATE used SET place = place + (9 << 32)", "is in no check there"),
    ("DELETE FROM used WHERE place >> 32 = 1", "is in no checks"),
    ("UPDATE conflict SET first = first + 1", "is in no checks"),
    ("UPDATE conflict SET second = first", "is in no checks"),
    ("UPDATE conflict SET second = second + (1 << 40)", "is in no checks"),
    ("UPDATE conflict SET second = 9223372036854775807", "is in no checks"),
    ("INSERT INTO conflict VALUES (4294967297, 12884901889, 0)", "4294967297 and 12884901889 is"),
    ("UPDATE acknowledged SET size = 6", "the acknowledgement of west is damaged"),
    ("UPDATE acknowledged SET size = 900", "the acknowledgement of west is damaged"),
    ("UPDATE acknowledged SET feed = 3", "the acknowledgement of west is damaged"),
    ("UPDATE acknowledged SET feed = 9", "an acknowledgement of no feed is of west"),
    ("UPDATE acknowledged SET peer = 'north-1'", "the acknowledgement of north-1 is damaged"),
    ("UPDATE acknowledged SET note = ''", "the acknowledgement of west is damaged"),
    *(
        (f"UPDATE feed_evidence SET {change}", "the evidence against")
        for change in (
            "kind = 'other'",
            "kind = 'fork' WHERE kind = 'clone'",
            "kind = 'clone' WHERE kind = 'fork'",
            "kid = zeroblob(8)",
            "one = zeroblob(8)",
            "other = zeroblob(8)",
            "first = second WHERE kind = 'fork'",
            "second = first",
            "first = ''",
        )
    ),
    ("UPDATE hybrid SET hlc = hlc + 1", "the hybrid time that was heard is in no check"),
    ("DELETE FROM hybrid", "the hybrid time that was heard is in no check"),
    ("DROP TRIGGER named", "schema 'named' is missing or altered"),
]
"""What else may happen to feeds and to what follows from them, and what is said of it."""


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM bundle", "bundles []... are there, the checkpoint counts 11"),
        ("INSERT INTO bundle VALUES (1, x'0000')", "bundles [0, 1]... are there, the checkpoint"),
        (
            "INSERT INTO bundle VALUES (-1, x'0000')",
            "bundles [-1, 0]... are there, the checkpoint",
        ),
        ("UPDATE pass SET zones = 63", "pass"),
        ("DELETE FROM status", "status"),
        ("INSERT INTO issuer SELECT kid, 'x', alg, x'', 0, 9, 255, 3 FROM issuer", "issuer"),
        ("UPDATE rule SET text = x'7b20207d'", "rule"),
        ("UPDATE ledger SET size = size - 1", "bytes behind the 10 entries"),
        ("UPDATE ledger SET size = size + (1 << 62)", "the checkpoint counts 4611686018427387915"),
        ("UPDATE ledger SET size = -1", "the checkpoint counts -1"),
        ("UPDATE ledger SET origin = 'yardpass/bj01'", "pinned policy of yardpass/hz07"),
        ("UPDATE ledger SET quorum_time = quorum_time - 1", "quorum time"),
        ("UPDATE ledger SET floor = quorum_time - 1", "time floor"),
        ("UPDATE ledger SET critical = 8", "ledger 8 does not follow"),
        ("UPDATE status SET value = 9", "is 9, which stands for nothing"),
        ("UPDATE status SET value = value | 4", "the mark or the note is missing"),
        ("INSERT INTO bridge VALUES (0, x'6e6f7465')", "led on from policy 0 is damaged"),
        ("INSERT INTO bridge VALUES (1, x'6e6f7465')", "led on from policy 1 is damaged"),
        ("INSERT INTO evidence VALUES (1, 5, x'00', x'00')", "the evidence of 5 is damaged"),
        ("DELETE FROM feed_entry WHERE id % 4294967296 = 4", "entry 4 is missing"),
        ("DELETE FROM feed_entry", "entry 0 is missing"),
        ("DELETE FROM feed", "an entry of no feed"),
        ("UPDATE head SET feed = feed + 9", "a head of no feed"),
        ("DELETE FROM holder_mark", "the high-water mark is too low for holder"),
        ("UPDATE holder_mark SET code_at = code_at - 1", "the high-water mark is too low"),
        ("UPDATE feed_entry SET holder = 0 WHERE holder IS NULL", "without the time of a code"),
        ("UPDATE feed_entry SET code_at = 0 WHERE holder IS NULL", "a time without a holder"),
        *FEED_DAMAGES,
        ("DROP TRIGGER mark", "schema 'mark' is missing or altered"),
        ("DELETE FROM _sqlite_migrations", "migration 'yardpass' is missing"),
        ("DELETE FROM ledger", "no ledger"),
        ("DROP TABLE status", "no such table"),
    ],
)
def test_what_is_lost_added_or_altered_is_named(store, damage, said):
    store.write(damage)

    found = told(store)

    assert any(said in sentence for sentence in found), found


def test_findings_end_where_a_store_is_simply_bad(store):
    log = CheckLog(store)
    for number in range(MAX_FINDINGS + 50):
        made = log.open_feed(f"yardpass/hz07/x/{number:016x}", b"no opening", NOW)
        log.save_heads(made, [Head(1, "no head", (bytes(32),))])

    assert len(told(store)) == MAX_FINDINGS


# Stores with a past: policies that were replaced, a snapshot instead of the first entries.


def succession():
    """A first policy, and one under another log key and other cosigners."""
    first = charter(announced=("root 2", "log 2"))
    text = policy_text(log_of(ORIGIN_THERE, "log 2"), ("treasurer",), "quorum treasurer\n")
    stated = {"roots": ("root 2",), "announced": ("root 3",), "by": ("root 1", "root 2")}
    return first, charter(2, after=first, text=text, **stated)


def test_bridges_and_evidence_under_a_policy_that_was_replaced_are_sound(memory):
    first, second = succession()
    held, fork = (Yard(genesis=first).add(first, issuer(word)) for word in ("issuer", "other"))
    with Store.create(memory / "rotated.db", origin=held.origin, floor=0) as store:
        replica = Replica(store)
        held.fill(replica)
        replica.history.keep_evidence(held.note, fork.note, at=NOW)
        held.add(second)
        lines = [
            log_of(ORIGIN_THERE, "log 2").line(held.text),
            Signer("treasurer").line(held.text),
        ]
        both = (held.note.decode() + "".join(lines)).encode()
        frontier = replica.frontier()
        candidate = checked(both, trust=held.trust, known=replica.position())
        found = accept(candidate, held.chunks(2), trust=held.trust, frontier=frontier)
        replica.apply(found, trust=held.trust)

        assert findings(store, held.trust) == []
        for damage in ("evidence SET second", "evidence SET first", "bridge SET note"):
            store.write("SAVEPOINT whole")
            column = damage.split()[-1]
            store.write(f"UPDATE {damage} = CAST(replace({column}, '=', 'A') AS BLOB)")
            assert any("is damaged" in sentence for sentence in findings(store, held.trust))
            store.write("ROLLBACK TO whole")
            store.write("RELEASE whole")


@pytest.fixture(params=[0, 252, 600])
def begun(request, memory):
    """A store that began with a snapshot, and took in a policy and more after it."""
    first, second = succession()
    held = Yard(genesis=first).add(first, issuer(), pass_of(), second)
    held.add(*(Unpass(number.to_bytes(8, "big")) for number in range(request.param)))
    size = len(held.entries)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        with Store.create(Path(folder) / "whole.db", origin=held.origin, floor=0) as whole:
            Replica(whole).append(held.entries, trust=held.trust)
            file = snapshot.packed(held.frontier, state_digest.rows_of(whole.db))
            digest = state_digest.state_digest(whole.db)
        roots, text = ("root 2", "root 3"), second.text.decode()
        third = charter(3, after=second, roots=roots[1:], by=roots, text=text)
        held.add(Snapshot(size, hashlib.sha256(file).digest(), len(file), digest), third)
        held.add(status((7, 1)), Rule("gate", b"{}"))
        partial = held.entries[size // 256 * 256 : size]
        image = snapshot.with_partial(snapshot.opened(file), partial)
        trust = trust_in(image, held.trust)
        lines = [
            log_of(ORIGIN_THERE, "log 2").line(held.text),
            Signer("treasurer").line(held.text),
        ]
        both = (held.note.decode() + "".join(lines)).encode()
        candidate = checked(both, trust=trust, known=NOWHERE)
        new = [held.entries[size:]]
        found = accept(candidate, new, trust=trust, frontier=image.frontier)
        with Store.create(Path(folder) / "begun.db", origin=held.origin, floor=0) as store:
            Replica(store).apply(found, trust=trust, base=image)
            yield store, held.trust


def test_a_store_that_began_with_a_snapshot_is_sound(begun):
    store, pinned = begun

    assert findings(store, pinned) == []
    assert store.row("SELECT count(*) FROM base") == (1,)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM bundle",
        "UPDATE base SET size = size + 1",
        "UPDATE base SET size = size - 256",
        "UPDATE base SET size = -1",
        "UPDATE base SET size = 1 << 62",
        "UPDATE base SET file = x''",
        "UPDATE base SET file = zeroblob(40)",
        "UPDATE base SET file = CAST(substr(file, 1, 99) || 'x' || substr(file, 101) AS BLOB)",
        "UPDATE base SET file = CAST(substr(file, 1, length(file) - 1) AS BLOB)",
        "UPDATE snapshot SET sha256 = zeroblob(32)",
        "UPDATE issuer SET classes = 255",
        "DELETE FROM pass",
        "UPDATE ledger SET root = zeroblob(32)",
        "UPDATE ledger SET size = size - 1",
        "UPDATE ledger SET size = 0",
    ],
)
@pytest.mark.parametrize("begun", [252], indirect=True)
def test_what_is_altered_in_a_store_that_began_with_a_snapshot_is_found(begun, damage):
    store, pinned = begun
    store.write("PRAGMA ignore_check_constraints = ON")
    store.write(damage)

    assert findings(store, pinned)


@pytest.mark.parametrize("begun", [252, 600], indirect=True)
def test_a_store_that_forgot_the_snapshot_it_began_with_is_told_from_a_whole_one(begun):
    store, pinned = begun
    store.write("DELETE FROM base")

    assert "are there, the checkpoint counts" in findings(store, pinned)[0]


# A store with every kind of row, and one bit of it flipped.


@pytest.fixture(scope="module")
def full(memory):
    """The bytes of a store with rows in every table, and what it is pinned to."""
    held = full_yard(memory).add(*TERMINALS)
    fork = Yard(genesis=held.genesis).add(held.genesis)
    with Store.create(memory / "full.db", origin=held.origin, floor=0) as store:
        replica = Replica(store)
        held.fill(replica)
        trust = replica.history.trust(held.trust)
        places = [(LIST, 7), (LIST + "2", 9)]
        signed = {"issued_at": NOW_THERE, "key": key_of("guard")}
        note = deny.sign(held.origin, places, visitors=[7, -9], **signed)
        Denials(store).add(note, trust=trust, now=NOW_THERE)
        for kind, zones in ((Kind.LOCKDOWN, 0b1001), (Kind.RELEASE, 0b110)):
            note = order.sign(held.origin, kind, zones, issued_at=NOW_THERE, key=key_of("guard"))
            Orders(store).add(note, trust=trust, now=NOW_THERE)
        Withdrawals(store, withdrawn).add(b"YP1:7 %d" % NOW_THERE, now=NOW_THERE)
        replica.history.keep_evidence(fork.note, held.note, at=NOW)
        replica.history.keep_tag("https://hz07.example checkpoint", "tag")
        keep_feeds(store)
        TriesLog(store).put(b"a reader", 1, AT)
        store.write("PRAGMA wal_checkpoint(TRUNCATE)")
    return (memory / "full.db").read_bytes(), held.trust


NOW_THERE = 1_760_000_000
UNVOUCHED = {
    ("ledger", "version"),
    ("evidence", "id"),
    ("evidence", "found_at"),
    ("source", "place"),
    ("source", "tag"),
    ("feed", "opened_at"),
    ("feed_evidence", "id"),
    ("feed_evidence", "found_at"),
    ("conflict", "found_at"),
    ("presence_conflict", "found_at"),
    ("tries", "name"),
    ("tries", "count"),
    ("tries", "at"),
    ("_sqlite_migrations", "id"),
    ("_sqlite_migrations", "applied_at"),
}
"""Columns that nothing else in a store says anything about: in which order and when a thing was
found here, how often the ledger moved, what a web server called its file."""


def is_vouched(table, column, before, after):
    """Whether anything in the full store contradicts `after` where `before` stood."""
    if column == "id" and table == "_sqlite_migrations":
        return after <= 0
    if table == "ledger" and column == "floor":
        return after < NOW_THERE  # it may be higher: a build or an earlier ledger raised it
    match table, column, before:
        case "holder_mark", "uses", 0 | 1:  # of a peer's check, which need not have counted
            return after not in (0, 1)
        case "feed", "taken", 2 | 3:  # of histories whose codes count for nothing
            return not 0 <= after <= before
    return (table, column) not in UNVOUCHED


def values_of(store):
    """(table, key columns, key, column, value) of every value in every table of ours."""
    for (table,) in list(store.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")):
        about = list(store.rows(f"PRAGMA table_info({table})"))
        keys = [name for _, name, *_, is_key in about if is_key] or ["rowid"]
        for _, column, *_ in about:
            for row in list(store.rows(f"SELECT {', '.join(keys)}, {column} FROM {table}")):
                if row[-1] is not None:
                    yield table, keys, row[:-1], column, row[-1]


def flipped(value, at, bit):
    """The value with one bit of its byte `at` flipped, and how SQL takes it."""
    match value:
        case int():
            raw = bytearray(value.to_bytes(8, "big", signed=True))
            raw[at] ^= bit
            return int.from_bytes(raw, "big", signed=True), "?"
        case bytes():
            return value[:at] + bytes((value[at] ^ bit,)) + value[at + 1 :], "?"
        case _:
            return flipped(value.encode(), at, bit)[0], "CAST(? AS TEXT)"


def size_of(value):
    return (
        8
        if isinstance(value, int)
        else len(value)
        if isinstance(value, bytes)
        else len(value.encode())
    )


def flip_values(memory, full, places):
    """Flips one bit at each of `places(size)` of every value: (how many, those told wrongly)."""
    chance, wrong, count = random.Random(7), [], 0
    (memory / "values.db").write_bytes(full[0])
    with Store(memory / "values.db") as store:
        store.write("PRAGMA ignore_check_constraints = ON")
        assert told(store, full[1]) == []
        zero = {slot for (slot,) in store.rows("SELECT slot FROM status WHERE value = 0")}
        for table, keys, key, column, value in list(values_of(store)):
            for at in places(chance, size_of(value)):
                other, spelled = flipped(value, at, 1 << chance.randrange(8))
                if table == "status" and column == "slot" and value in zero:
                    continue  # whose status is 0, with a row or without one
                store.write("SAVEPOINT whole")
                where = " AND ".join(f"{name} = ?" for name in keys)
                statement = f"UPDATE {table} SET {column} = {spelled} WHERE {where}"
                with suppress(sqlite3.IntegrityError):  # a second row of this key: see below
                    store.db.execute(statement, (other, *key))
                    is_told = bool(told(store, full[1]))
                    if is_told != is_vouched(table, column, value, other):
                        wrong.append((table, key, column, at, value, other))
                    count += 1
                store.write("ROLLBACK TO whole")
                store.write("RELEASE whole")
        assert told(store, full[1]) == []
    return count, wrong


def test_the_full_store_has_rows_in_every_table_but_one(memory, full):
    with closing(sqlite3.connect(memory / "full.db")) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        empty = [name for (name,) in tables if not db.execute(f"SELECT 1 FROM {name}").fetchone()]

    assert empty == ["base"]


@pytest.mark.long
def test_a_flipped_bit_in_any_column_is_told_but_for_what_nothing_vouches_for(memory, full):
    def places(chance, size):
        return chance.sample(range(size), min(size, 1))

    count, wrong = flip_values(memory, full, places)

    assert wrong == []
    assert count > 350


EVERY = "YARDPASS_FLIPS" in os.environ
"""With it each byte of each column is flipped, and a third of the file's: a quarter of an hour."""


@pytest.mark.draws
@pytest.mark.heavy  # the same for an eighth of all bytes, or every one: minutes
@pytest.mark.parametrize("part", range(0, 8, 1 if EVERY else 8))
def test_a_flipped_bit_in_any_byte_of_any_column_is_told(memory, full, part):
    count, wrong = flip_values(memory, full, lambda chance, size: range(part, size, 8))

    assert wrong == []
    assert count > 500


# The file itself: a flipped bit is told, or it stands where SQLite keeps nothing that we wrote.


PARTLY = {("ledger", "floor"), ("feed", "taken"), ("holder_mark", "uses")}
"""Columns of which `is_vouched` says which values nothing contradicts."""


def what_it_says(path):
    """Every row of every table, with all columns that something vouches for."""
    found = []
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        tables = [name.decode() for (name,) in db.execute(TABLES)]
        for table in tables:
            names = [row[1].decode() for row in db.execute(f"PRAGMA table_info({table})")]
            told = [f'"{name}"' for name in names if (table, name) not in UNVOUCHED | PARTLY]
            where = "WHERE value" if table == "status" else ""  # 0 is what no row says, too
            for row in db.execute(f"SELECT {', '.join(told) or 1} FROM {table} {where}"):
                found.append((table, *row))
        found += [*db.execute(SCHEMA), *db.execute(STEPS)]
    return sorted(found, key=repr)


OURS = "FROM sqlite_schema WHERE lower(tbl_name) <> '_sqlite_migrations'"
TABLES = f"SELECT name {OURS} AND type = 'table'"
SCHEMA = f"SELECT type, name, tbl_name, sql {OURS}"
STEPS = "SELECT 'step', migration_set, name FROM _sqlite_migrations"


def flip_file(memory, full, offsets):
    """Offsets at which a flipped bit is not told, and those of them where it altered a row."""
    data, trust = full
    path, chance = memory / "flipped.db", random.Random(8)
    path.write_bytes(data)
    sound = what_it_says(path)
    silent, wrong = [], []
    for at in offsets:
        for beside in memory.glob("flipped.db-*"):
            beside.unlink()
        path.write_bytes(
            data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
        )
        if not is_told(path, trust):
            silent.append(at)
            wrong += [] if what_it_says(path) == sound else [at]
    return silent, wrong


def is_told(path, trust):
    try:
        with Store(path) as store:
            return bool(told(store, trust))
    except Unavailable:
        return True


def written(data):
    """The offsets of the file at which, or beside which, anything was ever written."""
    return [at for at in range(len(data)) if any(data[max(0, at - 4) : at + 5])]


@pytest.mark.long
def test_a_flipped_bit_of_the_file_is_told_or_alters_no_row(memory, full):
    offsets = random.Random(9).sample(written(full[0]), 120)

    silent, wrong = flip_file(memory, full, offsets)

    assert wrong == []
    assert len(silent) < 25


@pytest.mark.draws
@pytest.mark.heavy  # the same for more of what was written, and some of the rest: minutes
def test_any_flipped_bit_of_the_file_is_told_or_alters_no_row(memory, full):
    data = full[0]
    used, step = written(data), 1 if EVERY else 4
    flipped = used[:: 3 * step]

    silent, wrong = flip_file(memory, full, flipped)
    rest = set(range(0, len(data), 61 * step)) - set(used)
    _, also_wrong = flip_file(memory, full, sorted(rest))

    assert wrong == also_wrong == []
    assert len(silent) < len(flipped) // 5
