"""Accepting a checkpoint and its entries: each step, once passed and every way it can fail."""

from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest
from yard import (
    NOW,
    ORIGIN,
    WITNESSES,
    Signer,
    Yard,
    charter,
    issuer,
    log_of,
    note_of,
    pass_of,
    policy_text,
    small_yard,
    status,
)

from ledger_sync import accept, entries
from ledger_sync.accept import NOWHERE, Candidate, Damaged, Forked, Position, checked, is_fork
from ledger_sync.archive import MAGIC, ArchiveSource
from ledger_sync.errors import Refused
from ledger_sync.merkle import Frontier, frontier_of
from ledger_sync.note import Checkpoint
from ledger_sync.sources import Absence
from ledger_sync.tiles import MAX_BUNDLE, bundle_path, entries_of, spans
from ledger_sync.trust import digest_of, pinned

ALL = WITNESSES
SIZE = len(small_yard().entries)


def refused(note, *, by=None, trust=None, known=NOWHERE):
    """Why the terminal of this yard refuses a checkpoint, before it asks for an entry."""
    with pytest.raises(Refused) as caught:
        checked(note, trust=trust or (by or small_yard()).trust, known=known)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def damaged(yard, listed, *, held=None, kind=Damaged):
    """Why the terminal refuses these entries behind `held` under the checkpoint of this yard."""
    with pytest.raises(kind) as caught:
        accept.accept(yard.candidate(), [listed], trust=yard.trust, frontier=held or Frontier())
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def signed_over(yard, text):
    """A checkpoint text of somebody's choice, rightly signed."""
    lines = [yard.log.line(text), *(Signer(name).line(text) for name in ALL)]
    return note_of(text, *lines).encode()


def accept_file(path, trust):
    """What a terminal that has accepted nothing makes of a file, acceptance as in mirror.py."""
    with closing(ArchiveSource(path)) as source:
        candidate = checked(part(source, "checkpoint"), trust=trust, known=NOWHERE)
        wanted = [(bundle_path(n, width), width) for n, width, _ in spans(0, candidate[0].size)]
        chunks = [entries_of(part(source, name), width) for name, width in wanted]
        return accept.accept(candidate, chunks, trust=trust, frontier=Frontier())


def part(source, name):
    """What the file holds under this name; nothing if it is not there."""
    found = source.get(name, most=MAX_BUNDLE)
    return b"" if isinstance(found, Absence) else found.data


def file_refused(path, data, trust):
    path.write_bytes(data)
    with pytest.raises(Refused) as caught:
        accept_file(path, trust)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def test_a_whole_ledger_is_accepted():
    yard = small_yard()

    candidate = yard.candidate()
    accepted = yard.accepted()

    assert candidate == (Checkpoint(ORIGIN, SIZE, yard.position.root), yard.note, NOW)
    assert accepted[:3] == candidate
    assert (accepted.frontier.size, accepted.frontier.root()) == yard.position
    assert (accepted.start, accepted.chunks) == (0, [yard.entries])
    assert accepted.trust == yard.trust


def test_an_empty_ledger_is_accepted():
    accepted = Yard().accepted()

    assert (accepted.checkpoint.size, accepted.start, list(accepted.chunks)) == (0, 0, [])


@pytest.mark.parametrize("known", range(SIZE + 1))
def test_only_the_entries_past_the_known_size_are_asked_for(known):
    yard = small_yard()
    held = frontier_of(yard.entries[:known])
    before = (held.size, held.peaks)

    accepted = yard.accepted(held)

    assert accepted.start == known
    assert [entry for chunk in accepted.chunks for entry in chunk] == yard.entries[known:]
    assert accepted.frontier.peaks == yard.frontier.peaks
    assert (held.size, held.peaks) == before


def test_how_the_entries_are_cut_into_lists_does_not_matter():
    yard = small_yard()
    roots = set()
    for cuts in ([], [1], [1, 2, 3], range(SIZE + 1)):
        edges = [0, *cuts, SIZE]
        chunks = [yard.entries[a:b] for a, b in pairwise(edges)]
        found = accept.accept(yard.candidate(), chunks, trust=yard.trust, frontier=Frontier())
        roots.add(found.frontier.root())

    assert roots == {yard.position.root}


# Step 1: bounds and form.


def test_a_file_cut_at_any_byte_is_refused(tmp_path):
    yard, path = small_yard(), tmp_path / "x.ledger"
    whole, trust = yard.archive(path).read_bytes(), yard.trust

    for cut in range(len(whole)):
        why = file_refused(path, whole[:cut], trust)
        assert "ends early" in why or "ends before entry" in why, (cut, why)


def test_bytes_behind_the_entries_of_a_file_are_never_read_as_entries(tmp_path):
    yard, path = small_yard(), tmp_path / "x.ledger"
    whole = yard.archive(path).read_bytes()

    path.write_bytes(whole + b"\0\0")
    found = accept_file(path, yard.trust)

    assert found.checkpoint == yard.accepted().checkpoint
    assert list(found.chunks) == [yard.entries]


@pytest.mark.parametrize("at", range(len(MAGIC)))
def test_another_magic_is_refused(tmp_path, at):
    yard, path = small_yard(), tmp_path / "x.ledger"
    whole = yard.archive(path).read_bytes()

    why = file_refused(path, whole[:at] + b"?" + whole[at + 1 :], yard.trust)

    assert why == f"{path} is no ledger file"


def test_a_note_off_the_format_or_past_its_bounds_is_refused():
    yard = small_yard()

    assert "without signature lines" in refused(b"")
    assert "at most 16384" in refused(yard.note + bytes(16_384))
    assert "not a tree size" in refused(
        signed_over(yard, yard.text.replace(f"\n{SIZE}\n", f"\n0{SIZE}\n"))
    )


# Steps 2 and 3: whose ledger it is.


def test_another_origin_than_the_pinned_one_is_refused():
    yard = small_yard()
    theirs = pinned(policy_text(yard.log, yard.witnesses).encode(), "yardpass/other")

    assert "not of yardpass/other" in refused(yard.note, trust=theirs)
    other = signed_over(yard, yard.text.replace(ORIGIN, "yardpass/other"))
    assert "ledger of yardpass/other" in refused(other)


def test_a_checkpoint_without_the_signature_of_the_log_is_refused():
    yard = small_yard()
    cosigned = [Signer(name).line(yard.text) for name in ALL]

    unsigned = note_of(yard.text, *cosigned).encode()

    assert refused(unsigned) == "the log's own key did not sign this checkpoint"


def test_a_strangers_signature_under_the_name_of_the_log_is_refused():
    stranger = small_yard()
    stranger.log = log_of("stranger")
    renamed = stranger.note.decode().replace("— stranger", f"— {ORIGIN}")

    assert "own key did not sign" in refused(stranger.note)
    assert "own key did not sign" in refused(renamed.encode())


def test_another_log_of_the_same_policy_cannot_sign_for_this_one():
    both = Yard(quorum=f"log {log_of('yardpass/hz08').vkey}\n{Yard().quorum}")
    yard = small_yard()
    yard.log = log_of("yardpass/hz08")

    assert "own key did not sign" in refused(yard.note, by=both)


# Step 4: the quorum.


@pytest.mark.parametrize("names", [(), ALL[:1], ALL[1:2], ALL[2:], ("stranger", "committee")])
def test_too_few_cosigners_are_no_quorum(names):
    yard = small_yard()
    yard.cosigned = dict.fromkeys(names, NOW)

    assert "are no quorum" in refused(yard.note)


@pytest.mark.parametrize("names", [ALL[:2], ALL[1:], ALL[::2], ALL, (*ALL, "stranger")])
def test_two_of_three_are_a_quorum(names):
    yard = small_yard()
    yard.cosigned = dict.fromkeys(names, NOW)

    assert yard.accepted().checkpoint.size == SIZE


def test_one_cosigner_twice_is_no_quorum():
    yard = small_yard()
    lines = [yard.log.line(yard.text), *(Signer("property").line(yard.text, at) for at in (1, 2))]

    assert refused(note_of(yard.text, *lines).encode()) == "1 cosignatures are no quorum"


def test_a_cosignature_of_another_checkpoint_refuses_the_note():
    yard, other = small_yard(), Yard()
    lines = [yard.lines[0], *other.lines[1:]]

    assert "does not hold" in refused(note_of(yard.text, *lines).encode())


def test_one_cosigner_ahead_of_the_others_does_not_move_the_quorum_time():
    yard = small_yard()
    yard.cosigned = {"committee": 2**63 - 1, "property": NOW, "integrator": NOW - 5}

    assert yard.accepted().quorum_time == NOW


# Step 5: sizes never fall, one size has one root.


@pytest.mark.parametrize("size", range(SIZE))
def test_a_ledger_shorter_than_the_known_one_is_refused(size):
    short = Yard(entries=small_yard().entries[:size])

    assert refused(short.note, known=small_yard().position) == (
        f"{size} entries, {SIZE} were accepted before"
    )


def test_another_root_at_the_known_size_is_a_fork():
    fork = small_yard()
    fork.entries[3] = entries.to_bytes(status((7, 0)))

    with pytest.raises(Forked, match="two histories") as caught:
        fork.candidate(small_yard().position)

    assert caught.value.reason == "R-LEDGER"


def test_the_same_size_and_root_is_accepted_again_with_newer_cosignatures():
    yard = small_yard()
    yard.cosigned = dict.fromkeys(ALL, NOW + 60)

    accepted = yard.accepted(yard.frontier)

    assert accepted.quorum_time == NOW + 60
    assert (accepted.start, list(accepted.chunks)) == (SIZE, [])


# Steps 6 and 7: behind those accepted before, the entries hash to the new root.


@pytest.mark.parametrize("at", range(SIZE))
def test_a_rewritten_history_is_refused_though_all_signed_it_and_is_proven_to_be_a_fork(at):
    honest = small_yard()
    fork = small_yard().add(pass_of("mallory"))
    fork.entries[at] = entries.to_bytes(issuer("mallory"))

    why = damaged(fork, fork.entries[SIZE:], held=honest.frontier)

    assert "do not hash" in why
    assert is_fork(fork.candidate(), fork.chunks(), honest.position)


@pytest.mark.parametrize("held", [0, 4])
def test_an_entry_flipped_cut_added_dropped_or_moved_is_refused_and_proves_no_fork(held):
    good = small_yard()
    frontier, known = frontier_of(good.entries[:held]), Yard(entries=good.entries[:held]).position

    def is_damage(listed, expected):
        assert expected in damaged(good, listed[held:], held=frontier)
        assert not is_fork(good.candidate(), [listed], known)

    for at in range(held, SIZE):
        entry, others = good.entries[at], (good.entries[:at], good.entries[at + 1 :])
        flipped = entry[:-1] + bytes((entry[-1] ^ 1,))
        for changed in (flipped, entry[:-1], entry + b"\0", b""):
            is_damage([*others[0], changed, *others[1]], "do not hash")
        is_damage([*others[0], *others[1]], f"{SIZE - 1} entries, the checkpoint says {SIZE}")
        more = [*others[0], entry, entry, *others[1]]
        is_damage(more, f"more entries than the {SIZE} of the checkpoint")
    moved = [*good.entries[:held], *good.entries[held + 1 :], good.entries[held]]
    is_damage(moved, "do not hash")


def test_a_log_without_end_is_dropped_at_the_first_list_too_many():
    yard, asked = small_yard(), []

    def endless():
        while True:
            asked.append(1)
            yield yard.entries

    with pytest.raises(Damaged, match="more entries than the 7 of the checkpoint"):
        accept.accept(yard.candidate(), endless(), trust=yard.trust, frontier=Frontier())

    assert len(asked) == 2


def test_entries_that_hash_to_the_root_held_before_prove_no_fork():
    honest = small_yard()
    longer = small_yard().add(pass_of("carl"))

    assert not is_fork(longer.candidate(), longer.chunks(), honest.position)
    assert not is_fork(longer.candidate(), longer.chunks(), longer.position)
    assert not is_fork(longer.candidate(), longer.chunks(), NOWHERE)


def test_entries_that_are_not_the_candidate_s_prove_nothing_against_it():
    honest, other = small_yard(), Yard().add(*[issuer("mallory")] * SIZE)

    assert not is_fork(honest.candidate(), other.chunks(), honest.position)
    assert is_fork(other.candidate(), other.chunks(), honest.position)


def test_any_bit_flipped_in_a_file_refuses_it_or_leaves_the_same_ledger(tmp_path):
    yard, path = small_yard(), tmp_path / "x.ledger"
    whole, trust = yard.archive(path).read_bytes(), yard.trust
    good = yard.accepted().checkpoint

    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1 << at % 8,)) + whole[at + 1 :])
        try:
            found = accept_file(path, trust)
        except Refused as error:
            assert error.reason == "R-LEDGER"
        else:  # a flipped key id or name is a stranger's signature, and two are left
            assert found.checkpoint == good
            assert list(found.chunks) == [yard.entries]


# Step 8: policies, and nobody else, are parsed here; only then, and in order.


def ruled(*more):
    """A yard under a first policy entry, which stands in the ledger too."""
    first = charter()
    return Yard(genesis=first).add(first, issuer(), *more), first


def successor(first, **changed):
    stated = {"roots": ("root 2",), "announced": ("root 3",), "by": ("root 1", "root 2")}
    return charter(2, after=first, **{**stated, **changed})


def test_nothing_is_parsed_before_the_root_holds():
    yard = small_yard()
    yard.entries[5] = entries.POLICY_HEAD + b"\xff"

    assert "do not hash" in damaged(small_yard(), yard.entries)
    assert "ledger entry" in damaged(yard, yard.entries, kind=Refused)


def test_entries_of_other_kinds_are_not_parsed_before_they_are_applied():
    yard = Yard(entries=[b"\xff", b""]).add(issuer())

    assert yard.accepted().checkpoint.size == 3


def test_policies_accepted_before_are_not_parsed_again():
    yard = Yard(entries=[entries.POLICY_HEAD + b"\xff"])
    held = yard.frontier
    yard.add(issuer())

    assert [*yard.accepted(held).chunks] == [[entries.to_bytes(issuer())]]


def test_the_pinned_policy_in_its_own_log_changes_nothing():
    yard, first = ruled()

    accepted = yard.accepted()

    assert accepted.trust == yard.trust
    assert (accepted.trust.version, accepted.trust.digest) == (1, digest_of(first))


def test_a_log_under_a_bare_policy_text_can_hold_no_policy_entry():
    yard = small_yard().add(charter())

    assert "no root keys" in damaged(yard, yard.entries, kind=Refused)


def test_a_policy_that_follows_is_in_force_after_the_last_entry():
    yard, first = ruled()
    second = successor(first)
    third = charter(
        3, roots=("root 3",), announced=(), after=second, by=("root 2", "root 3"), text=""
    )
    yard.add(second, pass_of(), third, status((7, 1)))

    trust = yard.accepted().trust

    assert (trust.version, trust.digest) == (3, digest_of(third))


@pytest.mark.parametrize("few", [ALL[:2], ("committee", "treasurer")])
def test_a_checkpoint_over_a_new_policy_needs_the_quorum_of_both(few):
    yard, first = ruled()
    group = "group both 2 committee treasurer integrator\nquorum both\n"
    text = policy_text(yard.log, ("committee", "treasurer", "integrator"), group)
    yard.add(successor(first, text=text))

    yard.cosigned = dict.fromkeys(few, NOW)
    with pytest.raises(Refused, match="1 cosignatures are no quorum"):
        yard.accepted()

    yard.cosigned = {"committee": NOW + 1, "property": NOW, "treasurer": NOW + 2}
    accepted = yard.accepted()
    assert (accepted.trust.version, accepted.quorum_time) == (2, NOW)


def test_a_new_policy_never_moves_the_quorum_time_past_what_the_old_one_vouches_for():
    yard, first = ruled()
    one = policy_text(yard.log, WITNESSES, "quorum integrator\n")
    yard.add(successor(first, text=one))
    yard.cosigned = {"committee": NOW, "property": NOW, "integrator": NOW + 500}

    assert yard.accepted().quorum_time == NOW

    yard.cosigned["integrator"] = NOW - 500
    assert yard.accepted().quorum_time == NOW - 500


def test_a_checkpoint_over_a_new_log_key_needs_the_signatures_of_both():
    other = log_of(ORIGIN, "another key")
    first = charter(announced=("another key", "root 2"))
    yard = Yard(genesis=first).add(first, successor(first, text=policy_text(other, WITNESSES)))

    assert "own key did not sign" in damaged(yard, yard.entries, kind=Refused)
    both = note_of(yard.text, other.line(yard.text), *yard.lines).encode()
    candidate = checked(both, trust=yard.trust, known=NOWHERE)
    found = accept.accept(candidate, yard.chunks(), trust=yard.trust, frontier=Frontier())
    assert [log.public for log in found.trust.quorum.logs] == [other.key.public.raw]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"by": ("root 1",)}, "new root keys signed"),
        ({"by": ("root 2",)}, "old root keys signed"),
        ({"roots": ("root 9",), "by": ("root 1", "root 9")}, "not announced"),
        ({"first": charter(announced=())}, "does not follow"),
        ({"text": policy_text(log_of("yardpass/other"), WITNESSES)}, "names no log key"),
    ],
)
def test_a_policy_that_may_not_follow_refuses_the_checkpoint(changed, why):
    yard, first = ruled()
    yard.add(successor(**{"first": first, **changed}))

    assert why in damaged(yard, yard.entries, kind=Refused)


def test_a_policy_out_of_order_refuses_the_checkpoint():
    yard, first = ruled()
    second = successor(first)
    third = charter(3, roots=("root 3",), after=second, by=("root 2", "root 3"))

    assert "does not follow" in damaged(yard.add(third), yard.entries, kind=Refused)
    back, _ = ruled(second, first)
    assert "does not follow" in damaged(back, back.entries, kind=Refused)


def test_more_policies_than_the_bound_are_refused_unparsed(monkeypatch):
    monkeypatch.setattr(accept, "MAX_POLICIES", 2)
    yard, first = ruled()
    yard.add(first)

    assert yard.accepted().trust == yard.trust
    yard.entries += [entries.POLICY_HEAD + b"\xff"]
    assert "too many policies" in damaged(yard, yard.entries)


def test_a_cosigner_s_trust_asks_for_the_log_s_own_key_and_no_quorum():
    yard = small_yard()
    yard.cosigned = {}
    draft = note_of(yard.text, yard.log.line(yard.text)).encode()
    cosigning = replace(yard.trust, cosigning=True)
    cosigned = note_of(yard.text, Signer("committee").line(yard.text)).encode()

    found = checked(draft, trust=cosigning, known=NOWHERE)

    assert found == Candidate(Checkpoint(ORIGIN, SIZE, yard.position.root), draft, 0)
    assert "own key did not sign" in refused(cosigned, trust=cosigning)


def test_nowhere_is_the_position_of_an_empty_ledger():
    assert Position(*Yard().position) == NOWHERE
