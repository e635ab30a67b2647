"""fsck finds what a store should not hold: flipped bits, lost rows, rows nobody signed for."""

import compound as yard
import pytest
from compound import NOW, POLICY

from ledger_sync import feed as feeds
from ledger_sync.checklog import CheckLog
from ledger_sync.feed import Check, Feed, Opening
from ledger_sync.fsck import MAX_FINDINGS, findings
from ledger_sync.keys import ED25519, SigningKey
from ledger_sync.store import Store

KEY = SigningKey(ED25519, b"t" * 32)
ORIGIN = feeds.origin_of("hz07", "north-1", b"\x01" * 8)


def check(number):
    digest = number.to_bytes(16, "big")
    return Check(0, 0, NOW, 1, 9, b"p" * 16, digest, "north", (), b"facts").to_bytes()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a store with a ledger and a feed of two heads."""
    folder = tmp_path_factory.mktemp("fsck")
    made = yard.Compound(folder)
    made.publish(*yard.ISSUERS, *(one.enrolment() for one in yard.ENROLLED[:4]))
    made.publish(yard.ANN.status(1), yard.entries.Rule("gate", b"{}"))
    made.store.write("DELETE FROM feed_entry")
    made.store.write("DELETE FROM feed")
    log, feed = CheckLog(made.store), Feed(origin=ORIGIN, key=KEY)
    opening = Opening(KEY.public.raw, 1, b"", 0, "yardpass", NOW).to_bytes()
    number = log.open_feed(ORIGIN, opening, NOW)
    feed.append(opening)
    for seq in range(1, 7):
        log.append(number, seq, check(seq))
        feed.append(check(seq))
        if seq % 3 == 0:
            log.save_head(number, feed.size, feed.head())
    made.store.write("PRAGMA wal_checkpoint(TRUNCATE)")
    made.store.close()
    return made.path.read_bytes()


@pytest.fixture
def store(sound, tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(sound)
    with Store(path) as opened:
        yield opened


def flips(store, table, column):
    """For some bits of each value of a column: the store with that bit flipped, then mended."""
    for rowid, value in list(store.rows(f"SELECT rowid, {column} FROM {table}")):
        raw = value if isinstance(value, bytes) else value.encode()
        for at in range(0, len(raw), max(1, len(raw) // 24)):
            damaged = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
            wanted = damaged if isinstance(value, bytes) else damaged.decode("latin-1")
            store.write(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", wanted, rowid)
            yield f"{table} {rowid} byte {at}"
            store.write(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", value, rowid)


def test_a_sound_store_has_no_findings(store):
    assert findings(store, POLICY) == []


def test_a_store_that_has_accepted_nothing_is_sound(tmp_path):
    with Store.create(tmp_path / "new.db", origin="yardpass/hz07", floor=0) as store:
        assert findings(store, POLICY) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [("ledger_entry", "body"), ("ledger", "note"), ("ledger", "peaks"), ("ledger", "root")],
)
def test_a_flipped_bit_in_the_ledger_is_found(store, table, column):
    for where in flips(store, table, column):
        assert findings(store, POLICY), where


def test_a_flipped_bit_in_a_check_is_found_and_its_place_is_named(store):
    for where in flips(store, "feed_entry", "body"):
        found = findings(store, POLICY)
        assert found and all(ORIGIN in sentence for sentence in found), where


def test_a_flipped_bit_in_a_head_is_found(store):
    for size, text in list(store.rows("SELECT size, note FROM head")):
        for at in range(0, len(text), 9):
            damaged = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            store.write("UPDATE head SET note = ? WHERE size = ?", damaged, size)
            assert findings(store, POLICY), at
        store.write("UPDATE head SET note = ? WHERE size = ?", text, size)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM ledger_entry WHERE seq = 2", "entries stored, the checkpoint counts"),
        ("UPDATE pass SET zones = 63", "pass"),
        ("DELETE FROM status", "status"),
        ("INSERT INTO issuer SELECT kid, 'x', alg, zeroblob(32), 0, 9, 255 FROM issuer", "issuer"),
        ("UPDATE rule SET text = x'7b20207d'", "rule"),
        ("UPDATE ledger SET size = size - 1", "checkpoint"),
        ("UPDATE ledger SET origin = 'yardpass/bj01'", "ledger of yardpass/hz07"),
        ("DELETE FROM feed_entry WHERE id % 4294967296 = 4", "entry 4 is missing"),
        ("DELETE FROM feed_entry", "head at"),
        ("DELETE FROM ledger", "no ledger"),
        ("DROP TABLE status", "no such table"),
    ],
)
def test_what_is_lost_added_or_altered_is_named(store, damage, said):
    store.write(damage)

    found = findings(store, POLICY)

    assert any(said in sentence for sentence in found), found


def test_findings_end_where_a_store_is_simply_bad(store):
    log = CheckLog(store)
    for number in range(MAX_FINDINGS + 50):
        log.open_feed(f"yardpass/hz07/x/{number:016x}", b"no opening", NOW)
        log.save_head(number + 2, 1, "no head")

    assert len(findings(store, POLICY)) == MAX_FINDINGS


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", check(1), Opening(b"k" * 31, 1, b"", 0, "s", 0).to_bytes(), b"\x80"],
)
def test_what_is_no_opening_is_refused(data):
    with pytest.raises(feeds.Refused) as caught:
        feeds.opening_of(data)

    assert caught.value.reason == "R-LEDGER"


def test_an_opening_is_read_back_as_it_was_written():
    opening = Opening(KEY.public.raw, 7, b"\x02" * 8, 41, "yardpass 0.1.0", NOW)

    assert feeds.opening_of(opening.to_bytes()) == opening
