"""What the ledger side answers to a golden file: `accepted`, `G-UPDATE`, or why it is refused.

A file says what is there before it is shown. `under` names the ledger that a store holds, `first`
how many of its entries; `held` the ledger that a terminal has accepted before; `origin` and
`pinned` (the name of a golden file) what a new terminal pins; `path` where it is published.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from golden import acts, feed_answers, terminals
from golden.case import Case, read_all

from appliance.commands import office_publish
from appliance.office import unlock
from appliance.office.office import Office
from appliance.passes import challenge_text, code, phone_text, terminal_text
from appliance.passes.verify import REQUIRED, UNINVITE_MARKS
from appliance.passes.verify_invite import prove_invite, prove_revocation
from appliance.policy import site_rule
from ledger_sync import (
    act,
    bootstrap,
    certificate,
    keyfile,
    passphrase,
    remark,
    snapshot,
    tiles,
    trust,
)
from ledger_sync.accept import NOWHERE, Position, checked
from ledger_sync.act_record import act_record_of
from ledger_sync.archive import ArchiveSource
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.denials import Denials
from ledger_sync.entries import parse
from ledger_sync.errors import Refused
from ledger_sync.frame_reader import FrameReader
from ledger_sync.materialise import known_of
from ledger_sync.merkle import frontier_of, leaf_hash
from ledger_sync.mirror import Mirror
from ledger_sync.note import MAX_NOTE
from ledger_sync.orders import Orders
from ledger_sync.replica import Replica
from ledger_sync.sources import Absence, Found
from ledger_sync.status_list import StatusList
from ledger_sync.store import Store

CASES = {case.name: case for case in read_all()}
ALL = 10**9


def answer(case: Case, folder: Path) -> str:
    """The answer to this file; `folder` is empty and may be written to."""
    try:
        return ANSWERS[case.kind](case, folder) or "accepted"
    except Refused as refused:
        return refused.reason


def trust_of(case: Case) -> trust.Trust:
    named = CASES.get(case.get("pinned"))
    pinned = named.body if named else "\n".join(case.all("policy")).encode()
    return trust.pinned(pinned, case.get("origin"))


def notes_and_entries(case: Case) -> tuple[bytes, list[bytes]]:
    """The checkpoint and the entries of an archive of one bundle."""
    with TemporaryDirectory() as name:
        path = Path(name) / "ledger"
        path.write_bytes(case.body)
        with closing(ArchiveSource(path)) as source:
            note = source.get("checkpoint", most=MAX_NOTE)
            size = int(note.data.split(b"\n")[1])
            bundle = source.get(tiles.bundle_path(0, size), most=tiles.MAX_BUNDLE)
    return note.data, tiles.entries_of(bundle.data, size)


_BUILT: dict[tuple[str, int], bytes] = {}


@contextmanager
def built(name: str, folder: Path, first: int = ALL) -> Iterator[Store]:
    """A store that holds the first entries of this ledger."""
    case = CASES[name]
    origin, path = case.get("origin"), folder / "built.db"
    if (name, first) not in _BUILT:
        with Store.create(path, origin=origin, floor=0) as store:
            if entries := notes_and_entries(case)[1][:first]:
                Replica(store).append(entries, trust=trust_of(case))
        _BUILT[name, first] = path.read_bytes()
        path.unlink()
    path.write_bytes(_BUILT[name, first])
    with Store(path) as store:
        yield store


def _entry(case: Case, folder: Path) -> str:
    under = CASES[case.get("under")]
    with built(under.name, folder, int(case.get("first") or ALL)) as store:
        replica = Replica(store)
        before = replica.ledger().critical
        replica.append([case.body], trust=replica.history.trust(trust_of(under)))
        return "G-UPDATE" if replica.ledger().critical != before else ""


def _list(case: Case, folder: Path) -> None:
    under = CASES[case.get("under")]
    with built(under.name, folder) as store:
        known = known_of(store.db, trust_of(under))
    StatusList.from_cwt(case.body, known.keys_for)


def _genesis(case: Case, folder: Path) -> None:
    trust.pinned(case.body, case.get("origin"))


def _rule(case: Case, folder: Path) -> None:
    site_rule.read(case.body)


def _path(case: Case, folder: Path) -> None:
    path = case.body.decode()
    assert tiles.parse_path(path).to_path() == path


def _bundle(case: Case, folder: Path) -> None:
    found = tiles.entries_of(case.body, int(case.get("count")))
    assert tiles.bundle_of(found) == case.body


def _note(case: Case, folder: Path) -> None:
    known = NOWHERE
    if held := case.get("held"):
        frontier = frontier_of(notes_and_entries(CASES[held])[1])
        known = Position(frontier.size, frontier.root())
    checked(case.body, trust=trust_of(case), known=known)


def _archive(case: Case, folder: Path) -> None:
    with Store.create(folder / "terminal.db", origin=case.get("origin"), floor=0) as store:
        mirror = Mirror(Replica(store), pinned=trust_of(case), now=lambda: case.at)
        for one in filter(None, (CASES.get(case.get("held")), case)):
            (folder / one.name).write_bytes(one.body)
            with closing(ArchiveSource(folder / one.name)) as source:
                mirror.update(source)
        assert Replica(store).ledger().size == len(notes_and_entries(case)[1])


class Shelf:
    """The files of a published ledger in memory, as a source."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.where, self.received, self._files = "golden", 0, files

    def get(self, path: str, *, most: int, tag: str = "") -> Found | Absence:
        return Found(self._files[path], "") if path in self._files else Absence.MISSING


def _published(case: Case, folder: Path) -> None:
    """A new terminal, whose policy is that of the checkpoint, looks for a snapshot."""
    under = CASES[case.get("under")]
    note, entries = notes_and_entries(under)
    file = CASES["snapshot-file-kinds"].body
    with built(under.name, folder) as store:
        newest = Replica(store).history.newest_snapshot(ALL)
        believed = Replica(store).history.trust(trust_of(under))
    files = dict(tiles.hash_tiles(map(leaf_hash, entries)))
    files |= {tiles.bundle_path(0, len(entries)): tiles.bundle_of(entries)}
    files |= {"snapshot": b"%d\n" % newest.size, f"blob/{newest.sha256.hex()}": file}
    assert case.get("path") in files
    files[case.get("path")] = case.body
    candidate = checked(note, trust=believed, known=NOWHERE)
    image = bootstrap.image_of(Shelf(files), candidate)
    assert image is not None and image.frontier.size == newest.size


def _snapshot(case: Case, folder: Path) -> None:
    """A new terminal begins with it, and takes in the entries behind it."""
    entries = notes_and_entries(CASES[case.get("under")])[1]
    image = snapshot.opened(case.body)
    size = len(entries) - 1  # its own entry is the last
    image = snapshot.with_partial(image, entries[:size])
    believed = bootstrap.trust_in(image, trust_of(case))
    with Store.create(folder / "terminal.db", origin=case.get("origin"), floor=0) as store:
        assert Replica(store).append(entries[size:], trust=believed, base=image) == size + 1
    if image.digest() != parse(entries[size]).digest:  # as bootstrap.image_of
        raise Refused("rows of another state", reason="R-LEDGER")


def _deny(case: Case, folder: Path) -> None:
    under = CASES[case.get("under")]
    with built(under.name, folder) as store:
        believed = Replica(store).history.trust(trust_of(under))
        heard = checked(notes_and_entries(under)[0], trust=believed, known=NOWHERE).quorum_time
        store.write("UPDATE ledger SET floor = ?", heard)
        Denials(store).add(case.body, trust=trust_of(under), now=case.at)


def _order(case: Case, folder: Path) -> None:
    under = CASES[case.get("under")]
    with built(under.name, folder) as store:
        believed = Replica(store).history.trust(trust_of(under))
        Replica(store).append([CASES["issuer-orders"].body], trust=believed)
        heard = checked(notes_and_entries(under)[0], trust=believed, known=NOWHERE).quorum_time
        store.write("UPDATE ledger SET floor = ?", heard)
        for one in filter(None, (CASES.get(case.get("held")), case)):
            Orders(store).add(one.body, trust=believed, now=case.at)


def _act(case: Case, folder: Path) -> None:
    act.opened(case.body, origin=acts.ORIGIN, issuers=acts.ISSUERS)


def _act_record(case: Case, folder: Path) -> None:
    assert act_record_of(case.body).to_bytes() == case.body


def _remark(case: Case, folder: Path) -> None:
    digest = bytes.fromhex(case.get("digest"))
    assert remark.unsealed(case.body, acts.SECRET, digest=digest) == case.get("says")


def _on_disk(case: Case, folder: Path, name: str = "file") -> Path:
    """The bytes as a file that its owner alone may read."""
    path = folder / name
    path.touch(0o600)
    path.write_bytes(case.body)
    return path


def _key(case: Case, folder: Path) -> None:
    words = CASES.get(case.get("words"))
    ask = (lambda _: unlock.line_in(_on_disk(words, folder, "words"))) if words else None
    key = keyfile.read_key(_on_disk(case, folder), hint="", passphrase=ask)
    assert key.seed.hex() == case.get("seed")


def _secret(case: Case, folder: Path) -> None:
    assert keyfile.read_secret(_on_disk(case, folder), hint="").hex() == case.get("seed")


def _words(case: Case, folder: Path) -> None:
    passphrase.normal(unlock.line_in(_on_disk(case, folder)))
    if opens := CASES.get(case.get("opens")):
        _key(opens._replace(more=(*opens.more, ("words", case.name))), folder)


def _line(case: Case, folder: Path) -> None:
    """The line of a cosigner under a draft that the log alone has signed."""
    line = office_publish.line_in(_on_disk(case, folder))
    signed = CASES[case.get("under")].body + line.encode()
    checked(signed, trust=trust_of(case), known=NOWHERE)


def _challenge(case: Case, folder: Path) -> None:
    assert challenge_text.to_text(*challenge_text.parse(case.body)) == case.body


def _cosigner(case: Case, folder: Path) -> None:
    _on_disk(case, folder, "cosigner.toml")
    assert Cosigner.open(folder).name.startswith(Cosigner.open(folder).origin)


def _frame(case: Case, folder: Path) -> None:
    """What was understood is written again to the same bytes."""
    heard = list(FrameReader().feed(case.body))
    assert b"".join(message.to_bytes() for message in heard) == case.body


def _office(case: Case, folder: Path) -> None:
    _on_disk(case, folder, "office.toml")
    assert Office.open(folder).origin == f"yardpass/{Office.open(folder).site[3:]}"


def _known(shown: code.Code, folder: Path) -> dict:
    """What the ledger of the examples knows of the host of an invite."""
    with built("ledger", folder) as store:
        replica = Replica(store)
        issuers = replica.issuers().get(shown.kid, ())
        return {"enrolled": replica.enrolled(shown.handle), "issuers": issuers}


def _visit(case: Case, folder: Path) -> None:
    shown = code.parse(code.to_text(case.body))
    proof = prove_invite(shown, **_known(shown, folder))
    assert proof.marks == REQUIRED[shown.form]


def _uninvite(case: Case, folder: Path) -> None:
    shown = code.parse(code.to_text(case.body))
    proof = prove_revocation(shown, **_known(shown, folder))
    assert (shown.form, proof.marks) == (code.Form.UNINVITE, UNINVITE_MARKS)


def _enrolment(case: Case, folder: Path) -> None:
    assert phone_text.of_key(phone_text.key_in(case.body)) == case.body


def _newcomer(case: Case, folder: Path) -> None:
    found = terminal_text.enrolment_in(case.body)
    made = certificate.make("north-1", terminals.LINK.seed)
    assert found == ("north-1", "north", (terminals.ADDRESS,), terminals.GENESIS, found.key, made)
    assert found.key == terminals.KEY.public


ANSWERS: dict[str, Callable[[Case, Path], str | None]] = {
    "act": _act,
    "act-record": _act_record,
    "archive": _archive,
    "bundle": _bundle,
    "challenge": _challenge,
    "cosigner": _cosigner,
    "deny": _deny,
    "enrolment": _enrolment,
    "order": _order,
    "entry": _entry,
    "frame": _frame,
    "genesis": _genesis,
    "key": _key,
    "line": _line,
    "list": _list,
    "newcomer": _newcomer,
    "note": _note,
    "office": _office,
    "path": _path,
    "published": _published,
    "remark": _remark,
    "rule": _rule,
    "secret": _secret,
    "snapshot": _snapshot,
    "uninvite": _uninvite,
    "visit": _visit,
    "words": _words,
    **feed_answers.ANSWERS,
}
"""Kind of golden file -> how it is read."""
