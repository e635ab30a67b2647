"""Sections 6 and 7: the files a ledger is published as, archives and deny notes, and gone wrong.

Archives are shown to an empty terminal, or with `held` to one that holds the ledger named so.
`published` files stand at `path` among those of the ledger `under`.
"""

from collections.abc import Iterator

from golden.case import Case
from golden.ledger_kinds import (
    FORGOTTEN,
    GUARD,
    PINNED,
    UNDER,
    archived,
    kinds,
    one,
    signed,
    stored,
)
from golden.ledgers import LOG_VERIFIER, ORIGIN, POLICY
from golden.notes import BARE
from makers import AT, DAY, LIST, OFFICE, STRANGER

from ledger_sync import cbor, deny, merkle, note, snapshot, tiles
from ledger_sync.entries import Unpass, to_bytes
from ledger_sync.note import NOTE_KEY, Verifier
from ledger_sync.state import number_of

ONE = ("under", "ledger-one")


def cases() -> Iterator[Case]:
    yield from _paths()
    yield from _bundles()
    yield from _histories()
    yield from _archives()
    yield from _policy_texts()
    yield from _places()
    yield from _snapshots()
    yield from _denials()


# Section 6.


def _paths() -> Iterator[Case]:
    for name, what, path in (
        ("path-tile", "a full hash tile", "tile/0/x001/x234/067"),
        ("path-tile-partial", "a hash tile of 17", "tile/1/000.p/17"),
        ("path-bundle", "a bundle of 112", "tile/entries/273.p/112"),
    ):
        yield Case(name, what, path.encode(), "6.1", "accepted", kind="path", is_text=True)
    for name, what, path in (
        ("path-level-64", "a level that no tree has", "tile/64/000"),
        ("path-level-00", "a level in two digits", "tile/00/000"),
        ("path-group-first", "a group of zeros in front", "tile/0/x000/001"),
        ("path-group-bare", "a first group without x", "tile/0/001/067"),
        ("path-width-256", "the full width, spelled", "tile/0/000.p/256"),
        ("path-width-0", "no hash at all", "tile/0/000.p/0"),
        ("path-width-012", "a width with a zero in front", "tile/0/000.p/012"),
        ("path-number-19", "a number of 19 digits", "tile/0/x001" + "/x000" * 5 + "/000"),
        ("path-data", "another name for bundles", "tile/data/000"),
    ):
        yield Case(name, what, path.encode(), "6.1", "R-LEDGER", kind="path", is_text=True)


def _bundles() -> Iterator[Case]:
    log = kinds()[0]
    tile = b"".join(map(merkle.leaf_hash, log.bodies))
    place = ("path", f"tile/0/000.p/{len(log.bodies)}")
    for name, what, body, expect in (
        ("tile", "the leaf hashes of all entries", tile, "accepted"),
        ("tile-short", "a hash too few", tile[:-32], "R-LEDGER"),
    ):
        yield Case(name, what, body, "6.2", expect, kind="published", more=(UNDER, place))
    bundle = tiles.bundle_of([FORGOTTEN, FORGOTTEN])
    count = (("count", "2"),)
    for name, what, body, expect in (
        ("bundle", "two entries", bundle, "accepted"),
        ("bundle-cut", "an entry cut short", bundle[:-1], "R-LEDGER"),
        ("bundle-of-3", "an entry more", bundle + bundle[:23], "R-LEDGER"),
        ("bundle-length-high", "a length above what follows", b"\x00\xff" + bundle[2:],
         "R-LEDGER"),
    ):  # fmt: skip
        yield Case(name, what, body, "6.3", expect, kind="bundle", more=count)


# Sections 7.3 and 7.4, whole ledgers.


def _archive(name: str, what: str, body: bytes, rule: str, *more: tuple[str, str]) -> Case:
    return Case(name, what, body, rule, "R-LEDGER", kind="archive", more=more)


def _histories() -> Iterator[Case]:
    log = one()[0]
    good = archived(signed(log.text()), log.bodies, [])
    what = "the last entry is not there"
    yield _archive("entry-lost", what, good[: -len(log.bodies[1]) - 2], "7.3.6", *BARE)
    flipped = good[:-1] + bytes((good[-1] ^ 1,))
    yield _archive("entry-flipped", "a flipped bit", flipped, "7.3.7", *BARE)
    other = to_bytes(Unpass(bytes(8)))
    bodies = (other, other, FORGOTTEN)
    fork = _point(bodies)
    what = "a longer ledger with another first entry, signed by all"
    body = archived(signed(fork), bodies, [])
    yield _archive("history-other", what, body, "7.3.7", *BARE, ("held", "ledger-one"))
    long = kinds()[0]
    body = archived(signed(long.text(-1)), long.bodies[:-1], [])
    what = "a second policy, and only the quorum of the first signed"
    yield _archive("policy-not-cosigned", what, body, "7.3.8", *PINNED)
    bodies = (FORGOTTEN, b"\x80")
    body = archived(signed(_point(bodies)), bodies, [])
    yield _archive("entry-malformed", "no entry, signed by all", body, "7.3.9", *BARE)


def _point(bodies: tuple[bytes, ...]) -> str:
    held = merkle.frontier_of(bodies)
    return note.Checkpoint(ORIGIN, held.size, held.root()).to_text()


def _archives() -> Iterator[Case]:
    log = one()[0]
    good = archived(signed(log.text()), log.bodies, [])
    magic = good[:18]
    body = magic.replace(b"2", b"1") + good[18:]
    yield _archive("archive-1", "the magic of version 1", body, "7.4.1", *BARE)
    yield _archive("archive-cut", "an entry is cut", good[:-1], "7.4.1", *BARE)
    body = magic + b"\x02" + good[19:]
    yield _archive("archive-count", "a checkpoint announced and not there", body, "7.4.2", *BARE)
    body = magic + b"\x00" + good[19:]
    yield _archive("archive-no-note", "no checkpoint", body, "7.4.2", *BARE)
    body = good[:23] + (16_385).to_bytes(4, "big") + good[27:]
    yield _archive("archive-long-note", "a note past its bound", body, "7.4.2", *BARE)


# Sections 7.5 and 7.6.


def _policy_texts() -> Iterator[Case]:
    log, witness, quorum = POLICY
    twin = witness.replace("witness committee", "witness property")
    wrong_id = log.replace(LOG_VERIFIER.key_id.hex(), "00000000")
    for name, what, rule, lines in (
        ("quorum-return", "a carriage return", "7.5.1", (f"{log}\r", witness, quorum)),
        ("quorum-key-type", "a log key for a witness", "7.5.2",
         (log, f"witness committee {LOG_VERIFIER.to_vkey()}", quorum)),
        ("quorum-key-id", "a wrong key id", "7.5.2", (wrong_id, witness, quorum)),
        ("quorum-key-twice", "one key under two names", "7.5.2", (log, witness, twin, quorum)),
        ("quorum-undefined", "a name nobody has", "7.5.3", (log, witness, "quorum all")),
        ("quorum-name-none", "a witness none", "7.5.3",
         (log, witness.replace("witness committee", "witness none"), "quorum none")),
        ("quorum-2-groups", "a member of two groups", "7.5.3",
         (log, witness, "group a any committee", "group b any committee", "quorum b")),
        ("quorum-2-of-1", "two of one", "7.5.4",
         (log, witness, "group a 2 committee", "quorum a")),
        ("quorum-0-of-1", "none of one", "7.5.4",
         (log, witness, "group a 0 committee", "quorum a")),
        ("quorum-no-line", "no quorum", "7.5.5", (log, witness)),
        ("quorum-2-lines", "two quorums", "7.5.5", (log, witness, quorum, quorum)),
        ("quorum-word", "a word nobody knows", "7.5.6", (log, witness, quorum, "deny all")),
    ):  # fmt: skip
        body = "\n".join(lines).encode()
        is_text = b"\r" not in body
        yield Case(name, what, body, rule, "R-LEDGER", kind="genesis", is_text=is_text,
                   more=BARE[:1])  # fmt: skip


def _places() -> Iterator[Case]:
    log, made, _ = kinds()
    at = f"{made.size}\n".encode()
    for name, what, body, rule, expect in (
        ("pointer", "where the newest snapshot stands", at, "7.6.5", "accepted"),
        ("pointer-padded", "a zero in front", b"0" + at, "7.6.5", "R-LEDGER"),
        ("pointer-no-newline", "no newline", at[:-1], "7.6.5", "R-LEDGER"),
        ("pointer-past", "past the checkpoint", b"%d\n" % len(log.bodies), "7.6.5", "R-LEDGER"),
        ("pointer-elsewhere", "at another entry", b"5\n", "7.7.1", "R-LEDGER"),
    ):
        place = ("path", "snapshot")
        yield Case(name, what, body, rule, expect, kind="published", more=(UNDER, place))
    tile = bytes(32) + b"".join(map(merkle.leaf_hash, log.bodies))[32:]
    place = ("path", f"tile/0/000.p/{len(log.bodies)}")
    what = "hashes of another tree"
    yield Case("tile-other", what, tile, "7.7.1", "R-LEDGER", kind="published",
               more=(UNDER, place))  # fmt: skip
    place = ("path", f"blob/{made.sha256.hex()}")
    what = "another file under the hash of the snapshot"
    yield Case("snapshot-file-other", what, one()[2], "7.7.2", "R-LEDGER", kind="published",
               more=(UNDER, place))  # fmt: skip


# Section 7.7.


def _snapshots() -> Iterator[Case]:
    what = "the state after ten entries of all kinds"
    body = kinds()[2]
    yield Case("snapshot-file-kinds", what, body, "7.7.6", "accepted", kind="snapshot",
               more=(UNDER, *PINNED))  # fmt: skip
    _, _, file, raw = one()
    frontier, rows = raw[:40], raw[40:]
    assert cbor.decode(frontier[4:]) == [1, merkle.leaf_hash(FORGOTTEN)]
    other = _row([1, bytes(32)])
    half = _row([1, bytes(31)])
    for name, what, rule, body in (
        ("snapshot-file", "the state after one entry, which left nothing", "7.7.6", file),
        ("snapshot-file-magic", "another version", "7.7.3", file.replace(b"t-1", b"t-2", 1)),
        ("snapshot-file-cut", "the stream is cut", "7.7.3", file[:-1]),
        ("snapshot-file-behind", "a byte behind the stream", "7.7.3", file + b"\x00"),
        ("snapshot-row-cut", "the last row is cut", "7.7.4", _file(raw[:-1])),
        ("snapshot-row-long", "a length past its bound", "7.7.4",
         _file(frontier + b"\x00\x02\x00\x01" + rows[4:])),
        ("snapshot-row-spelled", "a row that is not in one spelling", "7.7.4",
         _file(frontier + _length(b"\x82\x66ledger\x18\x00"))),
        ("snapshot-no-frontier", "no first row", "7.7.5", _file(rows)),
        ("snapshot-peak-31", "a hash of 31 bytes", "7.7.5", _file(half + rows)),
        ("snapshot-peak-other", "hashes of another log", "7.7.5", _file(other + rows)),
        ("snapshot-no-table", "a row of no table", "7.7.6", _file(raw + _row(["ban", 1]))),
        ("snapshot-columns", "a column too many", "7.7.6",
         _file(raw + _row(["blob", "a", bytes(32), 1, "", 1]))),
        ("snapshot-row-twice", "a row twice", "7.7.6", _file(raw + _row(["ledger", 0]))),
        ("snapshot-row-more", "a row that replaying does not give", "7.7.6",
         _file(raw + _row(["blob", "a", bytes(32), 1, ""]))),
        ("snapshot-policy-other", "a policy that does not follow", "7.7.7",
         _file(raw + _row(["policy", 1, 0, kinds()[0].pinned]))),
    ):  # fmt: skip
        expect = "accepted" if name == "snapshot-file" else "R-LEDGER"
        yield Case(name, what, body, rule, expect, kind="snapshot", more=(ONE, *BARE))


def _length(row: bytes) -> bytes:
    return len(row).to_bytes(4, "big") + row


def _row(columns: list[cbor.Value]) -> bytes:
    return _length(cbor.encode(columns))


def _file(rows: bytes) -> bytes:
    return snapshot.MAGIC + stored(rows)


# Section 7.8.

GUEST_HEX = "87a414cf0c834483"  # the name of the invite in section 4.7
GUEST = number_of(bytes.fromhex(GUEST_HEX))


def _denials() -> Iterator[Case]:
    place = (LIST, 40_211)

    def made(**changes: object) -> bytes:
        usual = {"places": [place], "issued_at": AT, "key": GUARD}
        parts = usual | changes
        return deny.sign(ORIGIN, **parts)

    for name, what, rule, body, at in (
        ("deny", "a guard denies one pass", "7.8.6", made(), AT),
        ("deny-visitor", "a visitor is blocked", "7.8.1", made(places=[], visitors=[GUEST]), AT),
        ("deny-both", "a pass and a visitor", "7.8.1", made(visitors=[GUEST]), AT),
        ("deny-visitor-first", "a pass behind a visitor", "7.8.1",
         _written(AT, f"visitor {GUEST_HEX}", f"7 {LIST}"), AT),
        ("deny-visitor-upper", "a visitor in capitals", "7.8.1",
         _written(AT, f"visitor {GUEST_HEX.upper()}"), AT),
        ("deny-visitor-15", "a visitor of 15 digits", "7.8.1",
         _written(AT, f"visitor {GUEST_HEX[1:]}"), AT),
        ("deny-65", "65 passes", "7.8.1", made(places=[place] * 65), AT),
        ("deny-nobody", "no pass", "7.8.1", made(places=[]), AT),
        ("deny-idx-131072", "a place past its list", "7.8.1", made(places=[(LIST, 131_072)]), AT),
        ("deny-time-01", "a time with a zero in front", "7.8.1", _written("01", f"7 {LIST}"), AT),
        ("deny-no-idx", "a list without a place", "7.8.1", _written(AT, LIST), AT),
        ("deny-neighbour", "of a neighbour", "7.8.1",
         deny.sign("yardpass/hz08", [place], issued_at=AT, key=GUARD), AT),
        ("deny-stranger", "a key that is not in the ledger", "7.8.2", made(key=STRANGER), AT),
        ("deny-no-right", "a key that may only issue", "7.8.2", made(key=OFFICE), AT),
        ("deny-early", "301 s ahead of the terminal", "7.8.3", made(), AT - 301),
        ("deny-outside", "after the time of its key", "7.8.4",
         made(issued_at=AT + 366 * DAY), AT + 366 * DAY),
        ("deny-lapsed", "a day old", "7.8.5", made(), AT + DAY),
        ("deny-decades", "a clock 30 years ahead", "7.8.5",
         made(issued_at=AT - 300), AT + 30 * 365 * DAY),
        ("deny-no-list", "a list that is not here", "7.8.6", made(places=[(f"{LIST}0", 7)]), AT),
    ):  # fmt: skip
        is_good = name in ("deny", "deny-visitor", "deny-both", "deny-decades")
        expect = "accepted" if is_good else "R-LEDGER"
        yield Case(name, what, body, rule, expect, at=at, kind="deny", more=(UNDER,))


def _written(*lines: object) -> bytes:
    text = "".join(f"{line}\n" for line in (f"{ORIGIN}/deny", *lines))
    verifier = Verifier(GUARD.public.kid.hex(), NOTE_KEY, GUARD.public.raw)
    return f"{text}\n{note.sign_note(text, verifier, GUARD)}".encode()
