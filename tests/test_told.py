"""What an entry says before it is signed: one line for each kind, with the names of the roll."""

import pytest
from compound import DAY, NOW, SITE, key_named

from appliance.office.told import told
from ledger_sync import entries
from ledger_sync.kinds import CALLS_HELP, MAY_ACT

KEY = key_named("told").public
HANDLE, LIST = b"handle 1", "yp:hz07/s/1"
PASS = entries.Pass(HANDLE, bytes(8), "sub", LIST, 7, 2, 0b101, 1, NOW, NOW + 9 * DAY, KEY)
HASH = bytes(32)
TOLD = [
    (PASS, "pass of Chen: household, zones 0 2, until 2023-11-23"),
    (
        PASS._replace(handle=b"another."),
        "pass of somebody: household, zones 0 2, until 2023-11-23",
    ),
    (entries.Unpass(HANDLE), "Chen: forgotten by gates"),
    (entries.Unpass(b"another."), "a pass: forgotten by gates"),
    (entries.Status(LIST, NOW, ((7, 1), (8, 2))), "Chen: revoked, a pass: suspended"),
    (entries.Shard(b"token"), "a whole status list, 5 bytes"),
    (
        entries.Policy(2, b"log a\nwitness b\nwitness c\nquorum b\n", (), 1, (), None, ()),
        "policy 2: whom gates believe, 2 cosigners",
    ),
    (
        entries.Issuer(SITE, KEY, NOW, NOW + DAY, 2),
        "issuer yp:hz07: may issue passes, sign deny notes, until 2023-11-15",
    ),
    (
        entries.Issuer("li", KEY, NOW, NOW + DAY, 0, MAY_ACT | CALLS_HELP),
        "issuer li: may open gates by hand, until 2023-11-15",
    ),
    (entries.Issuer("x", KEY, NOW, NOW, 0, 0), "issuer x: may nothing, until 2023-11-14"),
    (entries.Terminal("north-1"), "terminal north-1: gone"),
    (
        entries.Terminal("north-1", KEY, "north", "gate"),
        "terminal north-1 at gate north, no address",
    ),
    (
        entries.Terminal("n", KEY, "north", "gate", b"", ("a:1", "b:2")),
        "terminal n at gate north, a:1, b:2",
    ),
    (entries.Recognise("bj01"), "bj01: recognised no more"),
    (
        entries.Recognise("bj01", HASH, 2, (0, 1, 2, 3), 9, NOW + DAY),
        "bj01: recognised until 2023-11-15",
    ),
    (entries.Rule("gate", b"{}"), "rule gate, 2 bytes"),
    (
        entries.Snapshot(9, HASH, 801, HASH),
        "a snapshot of the state after 9 entries, 801 bytes",
    ),
    (entries.Blob("update", HASH, 7), "file update, 7 bytes"),
    (entries.Unknown("novelty", 0), "an entry of kind novelty"),
]


@pytest.mark.parametrize(("entry", "line"), TOLD, ids=lambda value: type(value).__name__)
def test_an_entry_is_told_in_a_line(entry, line):
    assert told(entry, {HANDLE: "Chen"}, {(LIST, 7): "Chen"}) == line


def test_every_kind_of_entry_is_told():
    kinds = {type(entry).__name__ for entry, _ in TOLD}

    assert kinds == {kind.__name__ for kind in entries.Entry.__args__}
