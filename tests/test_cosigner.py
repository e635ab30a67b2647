"""A cosigner signs what it has replayed and stored, and nothing a rogue sequencer makes up."""

from dataclasses import replace

import pytest
from authority import (
    FIRST,
    SECOND,
    THIRD,
    Book,
    Office,
    Shelf,
    Terminal,
    make_cosigner,
    signed,
    unpass,
)
from yard import NOW, ORIGIN, Signer, issuer, key_of, pass_of, status

from ledger_sync import entries, note, tiles
from ledger_sync.accept import Forked
from ledger_sync.authority import snapshots
from ledger_sync.authority.cosigner import Cosigner
from ledger_sync.authority.publisher import publish, publish_draft
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.fsck import findings
from ledger_sync.quorum import parse_policy
from ledger_sync.sources import FolderSource


def small():
    return Book.opened().add(issuer(), pass_of("anna"), status((7, 1))).grow(24)


def shown(book, draft=None, *, entries_of=None):
    """What a sequencer shows its cosigners: a draft that the log alone has signed."""
    files = (entries_of or book).files()
    return Shelf(files | {"draft": draft or book.note(cosigners=())})


@pytest.fixture
def anna(tmp_path):
    return make_cosigner(tmp_path / "anna", "anna", small().genesis)


def cosign(cosigner, source, at=NOW):
    return cosigner.cosign(source, now=lambda: at)


def held(cosigner):
    """All that stands in the store of a cosigner."""
    pinned = replace(small().pinned, cosigning=True)
    with Terminal(cosigner.folder, pinned, name="store.db") as terminal:
        assert findings(terminal.store, pinned) == []
        return terminal.state()


def evidence(cosigner):
    with Terminal(cosigner.folder, small().pinned, name="store.db") as terminal:
        return terminal.evidence


def refused(cosigner, source, why, *, error=Refused):
    """It does not sign, keeps what it had, and says why."""
    before = held(cosigner)
    with pytest.raises(error, match=why) as caught:
        cosign(cosigner, source)
    if isinstance(caught.value, Refused):
        assert caught.value.reason == "R-LEDGER"
    assert held(cosigner) == before


# What it signs.


def test_two_cosigners_and_the_log_make_a_checkpoint_that_any_tlog_policy_opens(tmp_path, anna):
    book, bela = small(), make_cosigner(tmp_path / "bela", "bela", small().genesis)
    draft = book.note(cosigners=())
    lines = [cosign(anna, shown(book), NOW), cosign(bela, shown(book), NOW + 5)]

    policy = parse_policy(FIRST.text)
    opened = note.open_note(draft + "".join(lines).encode(), policy.verifiers)

    assert policy.cosigners_of(opened) == {"anna": NOW, "bela": NOW + 5}
    assert policy.satisfied(policy.cosigners_of(opened))
    assert note.checkpoint_of(opened) == note.Checkpoint(ORIGIN, *book.position)
    alone = note.open_note(draft + lines[0].encode(), policy.verifiers)
    assert not policy.satisfied(policy.cosigners_of(alone))


def test_its_line_is_that_of_its_key_in_the_policy(anna):
    line = cosign(anna, shown(small()))

    assert line == Signer("anna").line(small().text(), NOW)
    assert anna.vkey() == Signer("anna").vkey


def test_it_signs_a_log_as_it_grows_and_one_that_rests_again(anna):
    for size, at in [(1, 1), (24, 2), (24, 3), (256, 4), (257, 5), (600, 6), (600, 7)]:
        book = small() if size > 1 else Book.opened()
        book.grow(size)

        assert cosign(anna, shown(book), NOW + at) == Signer("anna").line(book.text(), NOW + at)


def test_it_signs_an_empty_log(anna):
    empty = Book(councils=[FIRST])

    assert cosign(anna, shown(empty)) == Signer("anna").line(empty.text(), NOW)


def test_what_it_signs_is_on_its_disk(anna):
    cosign(anna, shown(small().grow(300)))

    with Terminal(anna.folder, small().pinned, name="store.db") as terminal:
        stored = [one for bundle in terminal.replica.bundles() for one in bundle]
    assert stored == small().grow(300).bodies


def test_it_asks_for_no_other_cosigner_and_minds_none(anna):
    book = small()
    draft = book.note(cosigners=["bela", "stranger"])

    assert cosign(anna, shown(book, draft)) == Signer("anna").line(book.text(), NOW)


# What it never signs.


def rogue(at):
    """The same log with another entry at this place."""
    other = small()
    other.bodies[at] = entries.to_bytes(unpass(1_000 + at))
    return other


@pytest.mark.parametrize("at", [1, 12, 23])
def test_another_history_of_one_size_is_kept_as_evidence_and_ends_all_signing(anna, at):
    cosign(anna, shown(small()))

    refused(anna, shown(rogue(at)), "two histories", error=Forked)

    notes = [(small().note(cosigners=()), rogue(at).note(cosigners=()))]
    assert evidence(anna) == notes
    for source in (shown(small()), shown(small().grow(30)), shown(rogue(at)), Shelf({})):
        refused(Cosigner.open(anna.folder), source, "showed two histories.*sign nothing")
    assert evidence(anna) == notes


@pytest.mark.parametrize("size", [25, 300])
def test_another_history_behind_a_longer_one_ends_all_signing(anna, size):
    cosign(anna, shown(small()))

    refused(anna, shown(rogue(5).grow(size)), "two histories", error=Forked)

    assert len(evidence(anna)) == 1
    refused(anna, shown(small().grow(30)), "showed two histories")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"", "ledger entry"),
        (b"\x84\x01", "ledger entry"),
        (entries.to_bytes(pass_of("eve")._replace(kid=b"nobody--")), "of no issuer"),
        (entries.to_bytes(status((7, 1), at=NOW - 1)), "was applied before"),
        (entries.to_bytes(entries.Snapshot(24, bytes(32), 1, bytes(32))), "another state"),
        (entries.to_bytes(entries.Shard(b"\xd2\x80")), "shard"),
        (entries.to_bytes(SECOND.policy(2, bytes(32))), "does not follow"),
        (entries.to_bytes(small().next_policy(SECOND, by=["log-1", "log-2"])), "root keys signed"),
        (entries.to_bytes(small().next_policy(replace(SECOND, roots=("thief",)))), "announced"),
    ],
    ids=lambda value: value[:9].hex() if isinstance(value, bytes) else value,
)
def test_an_entry_the_authority_may_not_add_is_not_signed(anna, entry, why):
    cosign(anna, shown(small()))
    book = small()
    book.bodies.append(entry)
    book.grow(300)

    refused(anna, shown(book, book.note(by=[FIRST, SECOND], cosigners=())), why)

    assert evidence(anna) == []
    assert cosign(anna, shown(small().grow(25)))


def test_entries_that_do_not_hash_to_the_root_are_not_signed(anna):
    cosign(anna, shown(small()))
    book = small().grow(300)
    other = small().grow(300)
    other.bodies[200] = entries.to_bytes(unpass(7))

    refused(anna, shown(book, entries_of=other), "do not hash")
    files = book.files() | {"draft": book.note(cosigners=())}
    cut = tiles.bundle_of(book.bodies[256:299])
    refused(anna, Shelf(files | {"tile/entries/001.p/44": cut}), "ends before entry")

    assert evidence(anna) == []
    assert cosign(anna, shown(book))


@pytest.mark.parametrize("size", [0, 1, 23])
def test_a_log_that_shrank_is_not_signed(anna, size):
    cosign(anna, shown(small()))

    refused(anna, shown(small(), small().note(size, cosigners=())), "24 were accepted before")


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (signed(small().text(), (), ("anna", "bela", "cora")), "own key did not sign"),
        (signed(small().text(), ("log-2",), ("bela",)), "own key did not sign"),
        (signed(small().text(), ("thief",), ()), "no known key signed"),
        (
            signed(small().text().replace("hz07", "hz08"), ("log-1",), ()),
            "ledger of yardpass/hz08",
        ),
        (small().text().encode(), "without signature lines"),
        (b"", "without signature lines"),
    ],
)
def test_a_draft_that_is_not_of_the_log_itself_is_not_signed(anna, draft, why):
    files = small().files() | {"draft": draft}

    refused(anna, Shelf(files), why)


def test_a_place_that_shows_a_checkpoint_but_no_draft_gets_no_signature(anna):
    refused(anna, small().source(), "has no draft")


def test_a_bit_flipped_on_its_own_disk_is_not_signed(anna):
    cosign(anna, shown(small().grow(300)))
    with Terminal(anna.folder, small().pinned, name="store.db") as terminal:
        (body,) = terminal.store.row("SELECT body FROM bundle WHERE number = 0")
        body = body[:-1] + bytes((body[-1] ^ 1,))
        terminal.store.write("UPDATE bundle SET body = ? WHERE number = 0", body)

    for book in (small().grow(300), small().grow(600)):
        with pytest.raises(Refused, match="do not hash to the accepted root; make the cosigner"):
            cosign(anna, shown(book))


def test_a_snapshot_spares_it_no_entry(tmp_path):
    with Office(tmp_path, FIRST) as office:
        office.add(issuer(), *(unpass(number) for number in range(300)))
        made = snapshots.make(office.book, tmp_path / "blobs")
        publish(
            office.book.replica, office.checkpoint(), tmp_path / "www", blobs=tmp_path / "blobs"
        )
        publish_draft(office.book.replica, office.draft(), tmp_path / "www")
    late = make_cosigner(tmp_path / "late", "late", office.genesis)
    shown = FolderSource(tmp_path / "www")
    with Terminal(tmp_path, office.pinned) as terminal:
        terminal.update(shown)
        assert terminal.replica.history.base().size == made.size  # terminals do begin with it

    assert cosign(late, shown)

    with Terminal(late.folder, office.pinned, name="store.db") as terminal:
        assert terminal.replica.history.base() is None
        assert sum(map(len, terminal.replica.bundles())) == made.size + 1


# Rotations.


def test_it_follows_a_rotation_that_old_and_new_keys_signed(anna):
    cosign(anna, shown(small()))
    book = small().rotate(SECOND)

    line = cosign(anna, shown(book, book.note(by=[FIRST, SECOND], cosigners=())))

    assert line == Signer("anna").line(book.text(), NOW)


def test_behind_a_rotation_the_old_log_key_alone_gets_no_signature(anna):
    book = small().rotate(SECOND)
    book.bridges.clear()

    for logs in (["log-1"], ["log-2"]):
        with pytest.raises(Refused, match=r"own key did not sign|no known key signed"):
            cosign(anna, shown(book, book.note(logs=logs, cosigners=())))


def test_one_that_was_away_for_two_rotations_follows_the_bridges(anna, tmp_path):
    (tmp_path / "office").mkdir()
    with Office(tmp_path / "office") as office:
        office.add(issuer())
        for council in (SECOND, THIRD):
            office.checkpoint()
            office.rotate(council)
        draft = office.draft()

        late = office.cosigner("fina")
        assert office.lines(draft, "fina") == [
            Signer("fina").line(draft.decode().partition("\n\n")[0] + "\n", NOW)
        ]
        assert late.folder.is_dir()
        assert office.book.finish(draft, office.lines(draft))


# Its folder.


def test_it_is_found_again(anna):
    assert Cosigner.open(anna.folder) == anna


def test_names_that_a_policy_allows_are_found_again(tmp_path):
    for number, name in enumerate(['a"b', "a\\b", "yardpass/hz07/anna", "Ánna", "a#b", "'"]):
        made = make_cosigner(tmp_path / str(number), name, small().genesis)
        assert Cosigner.open(made.folder).name == name


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\x7f", "\ud800"])
def test_names_that_no_policy_allows_are_refused(tmp_path, name):
    for words in ({"name": name, "origin": ORIGIN}, {"name": "anna", "origin": name}):
        with pytest.raises(Refused, match="cannot be a key's name"):
            Cosigner.create(tmp_path / "x", key=key_of("anna"), **words)
    assert list(tmp_path.iterdir()) == []


def test_a_second_one_is_not_made_over_the_first(anna):
    before = {path: path.read_bytes() for path in anna.folder.iterdir()}

    with pytest.raises(Refused, match="exists"):
        make_cosigner(anna.folder, "bela", small().genesis)

    assert {path: path.read_bytes() for path in anna.folder.iterdir()} == before


@pytest.mark.parametrize(
    "genesis", [b"", b"log", entries.to_bytes(unpass(1)), entries.to_bytes(FIRST.policy(by=()))]
)
def test_with_a_first_policy_that_does_not_hold_nothing_is_made(tmp_path, genesis):
    with pytest.raises(Refused):
        make_cosigner(tmp_path / "anna", "anna", genesis)
    assert list((tmp_path / "anna").iterdir()) == []


def test_one_made_before_the_log_signs_once_it_has_its_first_policy(tmp_path):
    made = Cosigner.create(tmp_path / "anna", name="anna", origin=ORIGIN, key=key_of("anna"))
    with pytest.raises(Unavailable, match=r"genesis\.policy; make a cosigner"):
        cosign(made, shown(small()))
    with pytest.raises(Refused):
        made.pin(entries.to_bytes(FIRST.policy(by=["thief"])))

    made.pin(small().genesis)

    assert cosign(made, shown(small()))
    with pytest.raises(Refused, match="exists"):
        made.pin(small().genesis)


def test_another_first_policy_put_into_its_folder_is_refused(anna):
    cosign(anna, shown(small()))
    other = Book.opened(replace(FIRST, needed=1))
    (anna.folder / "genesis.policy").write_bytes(other.genesis)

    with pytest.raises(Refused, match="does not descend from the pinned policy"):
        cosign(anna, shown(other.grow(30)))


@pytest.mark.parametrize(
    ("name", "error", "step"),
    [
        ("cosigner.toml", Unavailable, "make a cosigner with: yardpass office cosigner"),
        ("genesis.policy", Unavailable, "make a cosigner with: yardpass office cosigner"),
        ("store.db", Unavailable, "no store at"),
        ("cosigner.key", Unavailable, "restore it, or make a cosigner anew"),
    ],
)
def test_a_missing_file_is_named_and_never_made_anew(anna, name, error, step):
    (anna.folder / name).unlink()

    with pytest.raises(error, match=f"{name}.*{step}|{step}.*{name}"):
        cosign(Cosigner.open(anna.folder), shown(small()))
    assert not (anna.folder / name).exists()


@pytest.mark.parametrize("text", [b"", b"name = 'anna'", b"name =", b"\xff", b'name = "\n'])
def test_damaged_settings_of_a_cosigner_are_named(anna, text):
    (anna.folder / "cosigner.toml").write_bytes(text)

    with pytest.raises(Refused, match=r"cosigner\.toml is damaged; restore it"):
        Cosigner.open(anna.folder)


def test_the_key_of_somebody_else_makes_a_line_that_no_policy_counts(anna):
    other = make_cosigner(anna.folder.parent / "other", "other", small().genesis)
    (other.folder / "cosigner.key").replace(anna.folder / "cosigner.key")
    draft = small().note(cosigners=())

    line = cosign(anna, shown(small()))

    opened = note.open_note(draft + line.encode(), small().pinned.quorum.verifiers)
    assert small().pinned.quorum.cosigners_of(opened) == {}


def test_what_it_tells_while_it_works_is_progress(anna):
    said = []

    anna.cosign(shown(small()), now=lambda: NOW, progress=lambda *step: said.append(step))

    assert said == [("Fetching", 24, 24), ("Applying", 24, 24)]
