"""Accepting a checkpoint and its entries: each step, once passed and every way it can fail."""

import pytest
from yard import NOW, ORIGIN, Signer, Yard, issuer, log_of, note_of, pass_of, small_yard, status

from ledger_sync import accept, entries
from ledger_sync.accept import MAGIC, NOWHERE, Position, join, split
from ledger_sync.errors import Refused
from ledger_sync.note import Checkpoint

ALL = ("committee", "property", "integrator")


def refused(export, *, by=None, origin=ORIGIN, known=NOWHERE):
    """Why the terminal of this yard refuses the export."""
    with pytest.raises(Refused) as caught:
        accept.accept(export, policy=(by or small_yard()).policy, origin=origin, known=known)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def signed_over(yard, text):
    """The yard's entries under a checkpoint text of somebody's choice, rightly signed."""
    lines = [yard.log.line(text), *(Signer(name).line(text) for name in ALL)]
    return join(note_of(text, *lines).encode(), yard.entries)


def test_a_whole_ledger_is_accepted():
    yard = small_yard()

    accepted = yard.accepted()

    assert accepted.checkpoint == Checkpoint(ORIGIN, 7, yard.position.root)
    assert accepted.note == yard.note
    assert accepted.quorum_time == NOW
    assert (accepted.frontier.size, accepted.frontier.root()) == yard.position
    assert accepted.new_entries == [
        (seq, raw, entries.parse(raw)) for seq, raw in enumerate(yard.entries)
    ]


def test_an_empty_ledger_is_accepted():
    accepted = Yard().accepted()

    assert accepted.checkpoint.size == 0
    assert accepted.new_entries == []


@pytest.mark.parametrize("known", range(8))
def test_only_the_entries_past_the_known_size_are_new(known):
    yard = small_yard()
    old = Yard(entries=yard.entries[:known])

    accepted = yard.accepted(old.position)

    assert [seq for seq, _, _ in accepted.new_entries] == list(range(known, 7))
    assert accepted.frontier.size == 7


# Step 1: bounds and form.


def test_a_file_cut_at_any_byte_is_refused():
    yard = small_yard()
    export, policy, whole = yard.export, yard.policy, set()
    for count in range(7):
        whole.add(len(join(yard.note, yard.entries[:count])))

    for cut in range(len(export)):
        with pytest.raises(Refused) as caught:
            accept.accept(export[:cut], policy=policy, origin=ORIGIN, known=NOWHERE)
        why = "entries, the checkpoint says 7" if cut in whole else "that ends early"
        assert why in str(caught.value) or cut < len(MAGIC)


def test_a_file_with_a_byte_more_is_refused():
    export = small_yard().export

    assert refused(export + b"\0") == "a ledger file that ends early"
    assert refused(export + b"\0\0") == "8 entries, the checkpoint says 7"


@pytest.mark.parametrize("at", range(len(MAGIC)))
def test_another_magic_is_refused(at):
    export = small_yard().export

    assert refused(export[:at] + b"?" + export[at + 1 :]) == "not a Yardpass ledger file"


def test_a_file_past_its_bound_is_refused_unread(monkeypatch):
    export = small_yard().export
    monkeypatch.setattr(accept, "MAX_FILE", len(export))

    assert small_yard().accepted()
    assert refused(export[:-1]) == "a ledger file that ends early"
    assert refused(export + b"\0") == "not a Yardpass ledger file"


def test_a_note_off_the_format_or_past_its_bounds_is_refused():
    yard = small_yard()

    assert "without signature lines" in refused(join(b"", yard.entries))
    assert "at most 16384" in refused(join(yard.note + bytes(16_384), yard.entries))
    assert "not a tree size" in refused(signed_over(yard, yard.text.replace("\n7\n", "\n07\n")))


# Steps 2 and 3: whose ledger it is.


def test_another_origin_than_the_pinned_one_is_refused():
    yard = small_yard()

    assert "not of yardpass/other" in refused(yard.export, origin="yardpass/other")
    other = signed_over(yard, yard.text.replace(ORIGIN, "yardpass/other"))
    assert "ledger of yardpass/other" in refused(other)


def test_a_checkpoint_without_the_signature_of_the_log_is_refused():
    yard = small_yard()
    cosigned = [Signer(name).line(yard.text) for name in ALL]

    unsigned = join(note_of(yard.text, *cosigned).encode(), yard.entries)

    assert refused(unsigned) == "the log's own key did not sign this checkpoint"


def test_a_strangers_signature_under_the_name_of_the_log_is_refused():
    yard = small_yard()
    stranger = Yard(log=log_of("stranger"), entries=yard.entries)
    renamed = stranger.note.decode().replace("— stranger", f"— {ORIGIN}")

    assert "own key did not sign" in refused(stranger.export)
    assert "own key did not sign" in refused(join(renamed.encode(), yard.entries))


def test_another_log_of_the_same_policy_cannot_sign_for_this_one():
    both = Yard(quorum=f"log {log_of('yardpass/hz08').vkey}\n{Yard().quorum}")
    yard = small_yard()
    yard.log = log_of("yardpass/hz08")

    assert "own key did not sign" in refused(yard.export, by=both)


# Step 4: the quorum.


@pytest.mark.parametrize("names", [(), ALL[:1], ALL[1:2], ALL[2:], ("stranger", "committee")])
def test_too_few_cosigners_are_no_quorum(names):
    yard = small_yard()
    yard.cosigned = dict.fromkeys(names, NOW)

    assert "are no quorum" in refused(yard.export)


@pytest.mark.parametrize("names", [ALL[:2], ALL[1:], ALL[::2], ALL, (*ALL, "stranger")])
def test_two_of_three_are_a_quorum(names):
    yard = small_yard()
    yard.cosigned = dict.fromkeys(names, NOW)

    assert yard.accepted().checkpoint.size == 7


def test_one_cosigner_twice_is_no_quorum():
    yard = small_yard()
    lines = [yard.log.line(yard.text), *(Signer("property").line(yard.text, at) for at in (1, 2))]

    twice = join(note_of(yard.text, *lines).encode(), yard.entries)

    assert refused(twice) == "1 cosignatures are no quorum"


def test_a_cosignature_of_another_checkpoint_refuses_the_file():
    yard, other = small_yard(), Yard()
    lines = [yard.lines[0], *other.lines[1:]]

    mixed = join(note_of(yard.text, *lines).encode(), yard.entries)

    assert "does not hold" in refused(mixed)


def test_one_cosigner_ahead_of_the_others_does_not_move_the_quorum_time():
    yard = small_yard()
    yard.cosigned = {"committee": 2**63 - 1, "property": NOW, "integrator": NOW - 5}

    assert yard.accepted().quorum_time == NOW


# Step 5: sizes never fall, one size has one root.


@pytest.mark.parametrize("size", range(7))
def test_a_ledger_shorter_than_the_known_one_is_refused(size):
    short = Yard(entries=small_yard().entries[:size])

    assert refused(short.export, known=small_yard().position) == (
        f"{size} entries, 7 were accepted before"
    )


def test_another_root_at_the_known_size_is_a_fork():
    fork = small_yard()
    fork.entries[3] = entries.to_bytes(status((7, 0)))

    assert "two histories" in refused(fork.export, known=small_yard().position)
    old_entries = join(fork.note, small_yard().entries)
    assert "two histories" in refused(old_entries, known=small_yard().position)


def test_the_same_size_and_root_is_accepted_again_with_newer_cosignatures():
    yard = small_yard()
    yard.cosigned = dict.fromkeys(ALL, NOW + 60)

    accepted = yard.accepted(yard.position)

    assert accepted.quorum_time == NOW + 60
    assert accepted.new_entries == []


# Steps 6 and 7: the entries hash to the new root, the old ones to the old root.


@pytest.mark.parametrize("at", range(7))
def test_a_rewritten_history_is_refused_though_all_signed_it(at):
    known = small_yard().position
    fork = small_yard().add(pass_of("mallory"))
    fork.entries[at] = entries.to_bytes(issuer("mallory"))

    assert refused(fork.export, known=known) == ("entries accepted before differ: two histories")


@pytest.mark.parametrize("known", [NOWHERE, Yard(entries=small_yard().entries[:4]).position])
def test_an_entry_flipped_cut_added_dropped_or_moved_is_refused(known):
    good = small_yard()
    for at in range(7):
        entry, others = good.entries[at], (good.entries[:at], good.entries[at + 1 :])
        flipped = entry[:-1] + bytes((entry[-1] ^ 1,))
        for changed in (flipped, entry[:-1], entry + b"\0", b""):
            damaged = join(good.note, [*others[0], changed, *others[1]])
            assert "do not hash" in refused(damaged, known=known)
        for count, listed in [
            (6, [*others[0], *others[1]]),
            (8, [*others[0], entry, entry, *others[1]]),
        ]:
            counted = f"{count} entries, the checkpoint says 7"
            assert refused(join(good.note, listed), known=known) == counted
    moved = [*good.entries[1:], good.entries[0]]
    assert "do not hash" in refused(join(good.note, moved), known=known)


def test_any_bit_flipped_in_a_file_refuses_it_or_leaves_the_same_ledger():
    yard = small_yard()
    export, policy = yard.export, yard.policy
    for at in range(len(export)):
        damaged = export[:at] + bytes((export[at] ^ 1 << at % 8,)) + export[at + 1 :]
        try:
            found = accept.accept(damaged, policy=policy, origin=ORIGIN, known=NOWHERE)
        except Refused as error:
            assert error.reason == "R-LEDGER"
        else:  # a flipped key id or name is a stranger's signature, and two are left
            assert found.checkpoint == yard.accepted().checkpoint


# Step 8: only then are entries parsed.


def test_nothing_is_parsed_before_the_root_holds():
    yard = small_yard()
    yard.entries[5] = b"\xff"

    assert "do not hash" in refused(join(small_yard().note, yard.entries))
    assert "ledger entry" in refused(yard.export)


def test_a_malformed_new_entry_refuses_all_of_them_though_all_signed_it():
    yard = small_yard()
    known = yard.position
    yard.add(pass_of("carl"))
    yard.entries.append(b"")

    assert "ledger entry" in refused(yard.export, known=known)


def test_entries_accepted_before_are_not_parsed_again():
    yard = Yard(entries=[b"\xff"])
    known = yard.position
    yard.add(issuer())

    accepted = yard.accepted(known)

    assert [entry for _, _, entry in accepted.new_entries] == [issuer()]


@pytest.mark.parametrize("listed", [[], [b""], [b"", b"a" * 65_535], small_yard().entries])
def test_a_file_is_split_as_it_was_joined(listed):
    note_bytes, found = split(join(b"note", listed))

    assert (note_bytes, list(found)) == (b"note", listed)
    assert Position(*Yard().position) == NOWHERE
