"""Who may change whom a terminal believes: the threshold of old and new root keys, nobody else."""

from dataclasses import replace

import pytest
from authority import FIRST, SECOND, Council, hash_of, log_signer
from yard import NOW, ORIGIN, Signer, key_of, log_of, policy_text

from ledger_sync import entries, note, trust
from ledger_sync.errors import Refused

GENESIS = FIRST.policy()
PINNED = trust.pinned(entries.to_bytes(GENESIS), ORIGIN)
BOTH = ("root-1", "root-2")


def second(council=SECOND, *, by=BOTH, version=2, previous=PINNED.digest, **changes):
    """The policy behind the first, with `changes` made before it is signed."""
    bare = replace(council.policy(version, previous, by=()), **changes)
    return trust.signed(bare, ORIGIN, [key_of(word) for word in by])


def refused(entry, *, before=PINNED):
    """Why this entry may not follow."""
    with pytest.raises(Refused) as caught:
        trust.succeed(before, entry)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def refused_first(data, origin=ORIGIN):
    with pytest.raises(Refused) as caught:
        trust.pinned(data if isinstance(data, bytes) else entries.to_bytes(data), origin)
    assert caught.value.reason == "R-LEDGER"
    return str(caught.value)


def opened(by, *, logs=("log-1",), origin=ORIGIN):
    """A checkpoint text signed by these logs and, at these times, these cosigners."""
    text = note.Checkpoint(origin, 4, bytes(32)).to_text()
    signers = [log_signer(word, origin) for word in logs]
    lines = [note.sign_note(text, one.verifier, one.key) for one in signers]
    lines += [Signer(name).line(text, at) for name, at in by.items()]
    known = [one.verifier for one in signers] + [Signer(name).verifier for name in by]
    return note.open_note(f"{text}\n{''.join(lines)}", known)


# What a terminal is provisioned with.


def test_a_first_policy_is_pinned_under_the_digest_that_technicians_compare():
    pinned = trust.pinned(entries.to_bytes(GENESIS), ORIGIN)

    assert pinned == trust.genesis(GENESIS, ORIGIN)
    assert (pinned.version, pinned.origin, pinned.threshold) == (1, ORIGIN, 1)
    assert pinned.roots == (key_of("root-1").public.raw,)
    assert pinned.announced == {hash_of("root-2"), hash_of("log-2")}
    assert pinned.digest == trust.digest_of(GENESIS)
    assert set(pinned.quorum.witnesses) == {"anna", "bela", "cora"}


def test_the_digest_of_a_policy_is_that_of_what_its_roots_signed():
    again = trust.signed(GENESIS, ORIGIN, [key_of("root-1"), key_of("root-9")])

    assert trust.digest_of(again) == trust.digest_of(GENESIS)
    assert trust.digest_of(replace(GENESIS, threshold=2)) != trust.digest_of(GENESIS)
    assert len(again.signatures) == 2
    assert trust.signed(again, ORIGIN, [key_of("root-1")]) == GENESIS


def test_nothing_can_follow_a_bare_policy_text():
    text = policy_text(log_of(ORIGIN), ["anna", "bela"], "quorum anna\n").encode()

    pinned = trust.pinned(text, ORIGIN)

    assert (pinned.version, pinned.roots, pinned.announced) == (0, (), frozenset())
    for entry in (second(), GENESIS, second(version=1), second(version=1, previous=pinned.digest)):
        assert "no root keys" in refused(entry, before=pinned)


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"version": 0}, {"previous": bytes(32)}], ids=str
)
def test_only_a_policy_with_none_before_it_can_be_the_first(changes):
    bare = replace(GENESIS, **changes)

    assert "not a first policy" in refused_first(trust.signed(bare, ORIGIN, [key_of("root-1")]))


def test_another_kind_of_entry_is_no_policy():
    other = entries.Unpass(bytes(8))

    with pytest.raises(Refused, match="not a first policy"):
        trust.genesis(other, ORIGIN)
    with pytest.raises(Refused, match="not a policy entry"):
        trust.in_force(entries.to_bytes(other), ORIGIN)
    assert not trust.descends(entries.to_bytes(other), PINNED)


@pytest.mark.parametrize("by", [("root-2",), ("log-1",), ("anna", "bela", "cora")])
def test_a_first_policy_its_own_roots_did_not_sign_is_refused(by):
    assert "0 of the new root keys signed" in refused_first(FIRST.policy(by=by))


def test_a_first_policy_cut_or_flipped_anywhere_is_refused():
    data = entries.to_bytes(GENESIS)
    for at in range(len(data)):
        flipped = data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]
        for damaged in (flipped, data[:at]):
            try:
                found = trust.pinned(damaged, ORIGIN)
            except Refused as refusal:
                assert refusal.reason == "R-LEDGER"
            else:  # the mask of critical classes says nothing about whom to believe
                assert found == PINNED


def test_a_first_policy_of_another_log_is_refused():
    assert "names no log key of yardpass/other" in refused_first(GENESIS, "yardpass/other")


# The root keys and how many of them must sign.


@pytest.mark.parametrize(
    ("roots", "threshold"),
    [
        (("root-1",), 0),
        (("root-1",), 2),
        (("root-1", "root-2"), 3),
        (("root-1", "root-1"), 1),
        (("root-1", "root-2", "root-1"), 2),
    ],
)
def test_a_threshold_nobody_or_everybody_twice_could_reach_is_refused(roots, threshold):
    first = Council(roots=roots, threshold=threshold).policy(by=sorted(set(roots)))

    assert f"{threshold} of {len(roots)} roots" in refused_first(first)
    made = second(
        replace(SECOND, roots=roots, threshold=threshold), by=("root-1", *sorted(set(roots)))
    )
    assert f"{threshold} of {len(roots)} roots" in refused(made)


def test_every_root_key_counts_once_however_often_it_signs():
    council = Council(roots=("root-1", "root-2", "root-3"), threshold=2)
    once = council.policy(by=("root-1",))
    twice = replace(once, signatures=once.signatures * 2)

    assert "1 of the new root keys signed, 2 must" in refused_first(twice)
    assert trust.genesis(council.policy(by=("root-1", "root-3")), ORIGIN).threshold == 2


def test_a_failing_signature_of_a_root_refuses_though_enough_others_hold():
    council = Council(roots=("root-1", "root-2"), threshold=1)
    good = council.policy(by=("root-1", "root-2"))
    (name, _), other = good.signatures

    assert "does not hold" in refused_first(replace(good, signatures=((name, bytes(64)), other)))


def test_signatures_of_strangers_are_passed_over():
    stranger = (b"stranger", bytes(64))
    entry = second()

    after = trust.succeed(PINNED, replace(entry, signatures=(stranger, *entry.signatures)))

    assert after == trust.succeed(PINNED, entry)


# One policy after another.


def test_a_policy_signed_by_old_and_new_roots_follows():
    entry = second()

    after = trust.succeed(PINNED, entry)

    assert (after.version, after.digest) == (2, trust.digest_of(entry))
    assert set(after.quorum.witnesses) == {"bela", "cora", "dora"}
    assert after == trust.in_force(entries.to_bytes(entry), ORIGIN)


def test_the_pinned_policy_may_stand_in_its_own_log():
    assert trust.succeed(PINNED, GENESIS) is PINNED


@pytest.mark.parametrize(
    ("by", "which"),
    [
        (("root-1",), "new"),
        (("root-2",), "old"),
        ((), "old"),
        (("log-1", "log-2"), "old"),
        (("log-1", "anna", "bela", "cora", "dora"), "old"),
    ],
    ids=["old only", "new only", "nobody", "log keys", "log and all cosigners"],
)
def test_a_policy_without_both_thresholds_is_refused(by, which):
    assert f"0 of the {which} root keys signed, 1 must" in refused(second(by=by))


def test_a_stolen_log_key_cannot_name_its_successor():
    thief = replace(FIRST, log="thief", announced=("root-2", "thief-2"))

    assert "not announced" in refused(second(thief, by=("log-1", "thief")))
    announced = replace(FIRST, log="log-2")
    assert "not announced" in refused(second(announced, by=("log-1", "log-2")))  # root-1 stays
    assert "0 of the old" in refused(second(SECOND, by=("log-1", "log-2")))


@pytest.mark.parametrize(
    "council",
    [replace(SECOND, roots=("thief",)), replace(SECOND, log="thief")],
    ids=["root", "log"],
)
def test_a_key_nobody_announced_enters_with_no_signatures_whatever(council):
    made = second(council, by=(*BOTH, *council.roots))

    assert "brings a key that was not announced" in refused(made)


def test_root_keys_move_on_every_time():
    """Who stole the old root keys finds them worthless after the next change."""
    stay = replace(SECOND, roots=("root-1",))

    assert "was not announced" in refused(second(stay))
    announced = trust.genesis(Council(announced=("root-1", "log-2")).policy(), ORIGIN)
    made = second(stay, previous=announced.digest)
    assert trust.succeed(announced, made).roots == PINNED.roots


def test_a_log_key_that_stays_and_new_cosigners_need_no_announcement():
    after = trust.succeed(PINNED, second(replace(SECOND, log="log-1")))

    assert [one.public for one in after.quorum.logs] == [key_of("log-1").public.raw]


def test_the_key_of_a_neighbour_does_not_become_our_own_unannounced():
    neighbour = log_signer("other", "yardpass/other").verifier
    first = FIRST.policy(by=())
    text = f"log {neighbour.to_vkey()}\n".encode() + first.text
    signed = trust.signed(replace(first, text=text), ORIGIN, [key_of("root-1")])
    pinned = trust.genesis(signed, ORIGIN)

    ours = second(replace(SECOND, log="other"), previous=pinned.digest)

    assert "was not announced" in refused(ours, before=pinned)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 3},
        {"version": 1},
        {"version": 2**53 - 1},
        {"previous": None},
        {"previous": bytes(32)},
        {"previous": trust.digest_of(second())},
    ],
    ids=["skipped", "again", "far", "no previous", "wrong previous", "own digest"],
)
def test_a_policy_that_does_not_stand_right_behind_its_previous_one_is_refused(changes):
    entry = second(**changes)

    assert f"policy {entry.version} does not follow policy 1" in refused(entry)


def test_an_old_policy_cannot_come_back():
    after = trust.succeed(PINNED, second())

    assert "policy 1 does not follow policy 2" in refused(GENESIS, before=after)
    assert "policy 2 does not follow" in refused(second(replace(SECOND, needed=1)), before=after)


def test_a_policy_signed_for_another_log_is_refused():
    bare = SECOND.policy(2, PINNED.digest, by=())
    elsewhere = trust.signed(bare, "yardpass/other", [key_of(word) for word in BOTH])

    assert "does not hold" in refused(elsewhere)


def test_a_policy_that_names_no_key_of_its_log_is_refused():
    text = second().text.replace(ORIGIN.encode(), b"yardpass/other")

    with pytest.raises(Refused, match="wrong key id"):
        trust.succeed(PINNED, second(text=text))
    other = policy_text(log_of("yardpass/other"), ["bela"], "quorum bela\n").encode()
    assert f"names no log key of {ORIGIN}" in refused(second(text=other))


def test_signatures_were_asked_when_a_policy_was_accepted_not_again():
    entry = replace(second(), signatures=((b"stranger", bytes(64)),))

    assert trust.in_force(entries.to_bytes(entry), ORIGIN).version == 2


def test_a_ledger_descends_from_the_pinned_policy_or_right_from_behind_it():
    raw = entries.to_bytes
    other = trust.genesis(replace(FIRST, needed=1).policy(), ORIGIN)

    assert trust.descends(raw(GENESIS), PINNED)
    assert trust.descends(raw(second()), PINNED)
    assert not trust.descends(raw(GENESIS), other)
    assert not trust.descends(raw(second()), other)


# What a policy says of a checkpoint.


def test_few_cosigners_vouch_for_no_time():
    assert PINNED.quorum_of(opened({"anna": NOW})) is None
    assert PINNED.quorum_of(opened({"anna": NOW, "dora": NOW, "emil": NOW})) is None
    assert PINNED.quorum_of(opened({"anna": NOW, "cora": NOW - 9})) == NOW - 9


def test_a_cosigner_itself_waits_for_no_cosigner():
    cosigning = replace(PINNED, cosigning=True)

    assert cosigning.quorum_of(opened({})) == 0
    assert trust.succeed(cosigning, second()).cosigning


def test_only_a_log_key_of_this_origin_signs_for_the_log():
    assert PINNED.signed_by_log(opened({"anna": NOW}))
    assert not PINNED.signed_by_log(opened({"anna": NOW}, logs=("log-2",)))
    assert not PINNED.signed_by_log(opened({"anna": NOW}, logs=()))
    assert not PINNED.signed_by_log(opened({}, logs=("log-1",), origin="yardpass/other"))
