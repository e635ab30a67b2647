"""Terminals that talk end with the same: checks, heads, denials, orders, evidence, the ledger."""

import pytest
from talkers import (
    GROUND,
    Party,
    Stranger,
    check_of,
    entries_at,
    held_of,
    replica_of,
    store_of,
)

from ledger_sync import frames, note, order
from ledger_sync.denials import Denials
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.exchange import ALLOWANCE, TELLINGS
from ledger_sync.feed import BUNDLE
from ledger_sync.intake import FORK
from ledger_sync.moves import Moves
from ledger_sync.order import ALL_ZONES, Kind
from ledger_sync.orders import Orders
from ledger_sync.shelf import Shelf
from ledger_sync.sim import ground as earth
from ledger_sync.sim.adversary import Adversary
from ledger_sync.sim.ground import CHANGES, ROTATION
from ledger_sync.uses import Uses


@pytest.fixture(autouse=True)
def parties_end():
    yield
    Party.end_all()


EVIDENCE = "SELECT kind, kid, first, second FROM feed_evidence ORDER BY id"


def test_what_one_gate_records_is_at_the_other_entry_for_entry():
    party = Party(2)

    for code in range(5):
        party.check(0, code)
    party.agree()

    one, other = party.nodes
    assert entries_at(other, one) == entries_at(one, one)
    assert len(entries_at(other, one)) == 6


def test_a_check_goes_out_at_once_not_with_the_next_hello():
    party = Party(2)
    party.agree()

    party.check(0, 1)
    party.deliver(party.cables[0, 1], "t0")

    assert len(entries_at(party.nodes[1], party.nodes[0])) == 2


def test_what_happened_apart_is_there_after_meeting():
    party = Party(2, pairs=())
    for number in range(700):
        party.check(number % 2, number, counted=number % 3 == 0)

    party.join(0, 1)
    party.agree()

    one, other = party.nodes
    assert entries_at(other, one) == entries_at(one, one)
    assert entries_at(one, other) == entries_at(other, other)
    assert [size for size, _ in Shelf(store_of(other)).full_heads(2)] == [BUNDLE]


def test_a_terminal_in_the_middle_passes_on_what_the_ends_record():
    party = Party(3)

    party.check(0, 1)
    party.check(2, 2)
    party.agree()

    first, _, last = party.nodes
    assert entries_at(last, first) == entries_at(first, first)
    assert entries_at(first, last) == entries_at(last, last)


def test_quiet_peers_say_little():
    party = Party(3, pairs=((0, 1), (1, 2), (0, 2)))
    party.check(0, 1)
    party.agree()
    for _ in range(10):
        party.turn()

    said = []
    for cable in party.cables.values():
        for wire in cable.wires.values():
            wire.send = lambda data, send=wire.send: (said.append(data), send(data))
    for _ in range(240):
        party.turn()

    assert len(said) <= 6 * 6  # a HELLO each way in 24 to 36 seconds, of two minutes


# Durability.


def test_a_batch_is_vouched_for_when_it_is_durable_with_the_key_of_the_link():
    party = Party(2)
    party.agree()
    party.check(0, 1)
    party.turn()

    one = party.nodes[0]
    (held,) = held_of(one, one)
    party.until(lambda: acknowledged(one, held) == [("t1", 2)])
    text = store_of(one).row("SELECT note FROM acknowledged WHERE feed = ?", held.number)[0]
    cosigner = note.Verifier("t1", note.COSIGNER_KEY, GROUND.links["t1"])
    head = note.checkpoint_of(note.open_note(text, [cosigner]))
    assert (head.origin, head.size) == (held.origin, 2)


def acknowledged(node, held):
    return Shelf(store_of(node)).acknowledged(held.number)


def test_all_that_came_together_is_one_transaction():
    party = Party(1)
    stranger = Stranger(party).greet()
    batches = stranger.batches([b"\x09x"] * 30, cuts=range(1, 30))
    commits = []
    store_of(party.nodes[0]).db.set_trace_callback(
        lambda statement: commits.append(statement) if statement == "COMMIT" else None
    )

    stranger.say(*batches)

    assert len(commits) == 1
    assert len(stranger.heard(frames.Ack)) == 1


def test_with_more_on_its_way_batches_wait_for_each_other():
    party = Party(1)
    stranger = Stranger(party).greet()
    first, second = stranger.batches([b"\x09x"], cuts=[1])

    stranger.say(first, more=True)
    waiting = (party.nodes[0].gossip.pending_count, stranger.heard(frames.Ack))
    stranger.say(second)

    assert waiting == (1, [])
    assert party.nodes[0].gossip.pending_count == 0
    assert len(stranger.heard(frames.Ack)) == 1


def test_a_full_disk_keeps_nothing_of_what_came_together_and_vouches_for_nothing():
    party = Party(1)
    stranger = Stranger(party).greet()
    stranger.heard()
    node = party.nodes[0]
    before = list(store_of(node).rows("SELECT id, size FROM feed"))
    node.disk.fuse.is_full = True

    with pytest.raises(Unavailable, match="free disk space"):
        stranger.say(*stranger.batches([b"\x09x"], cuts=[1]))
    node.disk.fuse.is_full = False

    assert list(store_of(node).rows("SELECT id, size FROM feed")) == before
    assert stranger.heard(frames.Ack) == []
    assert node.gossip.pending_count == 0


def test_what_came_before_a_fault_stays():
    party = Party(1)
    stranger = Stranger(party).greet()
    first, second = stranger.batches([b"\x09x"], cuts=[1])
    forged = second.batch._replace(bundle=b"\0\x02\x09y")

    with pytest.raises(Refused):
        stranger.say(first, frames.Parts(forged._replace(note="forged")))

    assert [held.size for held in held_of(party.nodes[0], stranger)] == [1]
    assert len(stranger.heard(frames.Ack)) == 1


def test_a_peer_whose_repeats_cost_too_much_loses_nothing_it_brought():
    party = Party(1)
    stranger = Stranger(party).greet()
    first, second = stranger.batches([b"\x09x"], cuts=[1])
    stranger.say(first)
    stranger.talk.session.charge(395.5)

    with pytest.raises(Refused, match="share"):
        stranger.say(*[first] * 40, second)

    assert [held.size for held in held_of(party.nodes[0], stranger)] == [2]


def test_an_acknowledgement_that_was_lost_is_given_again_when_the_owner_comes_back():
    party = Party(2)
    party.agree()
    one = party.nodes[0]
    (held,) = held_of(one, one)
    one.gossip.acknowledged.clear()
    store_of(one).write("DELETE FROM acknowledged")

    party.part(0, 1)
    party.join(0, 1)
    party.until(lambda: acknowledged(one, held) == [("t1", 1)])


@pytest.mark.parametrize("wrong", ["size", "root", "key", "feed"])
def test_an_acknowledgement_of_what_the_gate_did_not_record_counts_nothing(wrong):
    party = Party(1)
    stranger, node = Stranger(party).greet(), party.nodes[0]
    (held,) = held_of(node, node)
    (row,) = node.gossip.feeds()[node.kid]
    origin = held.origin + "x" if wrong == "feed" else held.origin
    root = note.checkpoint_of(note.Note(node.head().partition("\n\n")[0] + "\n", ())).root
    head = note.Checkpoint(
        origin, row.size + (wrong == "size"), bytes(32) if wrong == "root" else root
    )
    key = stranger.box.feed if wrong == "key" else stranger.box.link
    cosigner = note.Verifier("t5", note.COSIGNER_KEY, key.public.raw)
    text = head.to_text() + "\n" + note.sign_note(head.to_text(), cosigner, key)

    try:
        stranger.say(frames.Ack(node.kid, held.incarnation, text.encode()))
    except Refused:
        assert wrong == "key"

    assert node.gossip.acknowledged == {}


# What follows from checks.


def test_a_use_moves_the_marks_of_its_holder_at_the_other_gate():
    party = Party(2)
    code = 1

    party.check(0, code)
    at = party.now
    party.agree()

    def standing():
        return replica_of(party.nodes[1]).standing(earth.LIST, 0, code % 5)

    assert (standing().last_at, standing().last_way, standing().seen_at) == (at, 0, at)
    party.until(lambda: standing().uses == 1)


def test_a_code_that_counts_at_two_gates_apart_is_one_conflict_at_both():
    party = Party(2, pairs=())
    party.check(0, 11)
    party.check(1, 11)

    party.join(0, 1)
    party.agree()
    party.until(lambda: all(Uses(store_of(node)).conflicts() for node in party.nodes))
    for _ in range(4):
        party.turn()

    found = [Uses(store_of(node)).conflicts() for node in party.nodes]
    assert [len(conflicts) for conflicts in found] == [1, 1]
    origins = {held_of(node, node)[0].origin for node in party.nodes}
    assert [{one.first, one.second} for (one,) in found] == [origins, origins]


def test_who_was_let_in_at_two_gates_apart_is_told_until_a_third_has_seen_them_leave():
    party = Party(3, pairs=())
    for node, code in ((0, 1), (2, 11), (1, 16)):  # in, out and in again
        party.check(node, code)
        for _ in range(4):
            party.turn()
    told = [Moves(store_of(node)).conflicts for node in party.nodes]

    party.join(0, 1)
    party.until(lambda: all(one() for one in told[:2]))
    found = [[one[:5] for one in conflicts()] for conflicts in told]
    party.join(1, 2)
    party.agree()
    party.until(lambda: not any(one() for one in told))

    first, second = (held_of(node, node)[0].origin for node in party.nodes[:2])
    assert found == [[("passback", first, 1, second, 1)]] * 2 + [[]]
    places = [store_of(node).row("SELECT places FROM holder_mark") for node in party.nodes]
    assert len(set(places)) == 1


@pytest.mark.parametrize(
    "entry",
    [
        check_of(at=2**64 - 1, code_at=0),
        check_of(at=2**63, code_at=2**63),
        check_of(at=earth.START, code_at=2**63),
        check_of(at=earth.START, way=2),
    ],
)
def test_a_use_that_no_gate_writes_is_kept_as_an_entry_and_moves_nothing(entry):
    party = Party(1)
    stranger = Stranger(party).greet()

    stranger.say(*stranger.batches([entry]))
    party.turn()

    node = party.nodes[0]
    assert entries_at(node, stranger)[1:] == [entry]
    assert list(store_of(node).rows("SELECT holder FROM holder_mark")) == []


def test_the_feed_of_a_terminal_that_is_gone_still_spreads_and_moves_nobody():
    party = Party(2, pairs=())
    for node in party.nodes:
        store_of(node).write("DELETE FROM terminal WHERE name = 't5'")
        node.gossip.ledger_changed()
    stranger = Stranger(party).greet()
    stranger.say(*stranger.batches([check_of(at=party.now)]))

    party.join(0, 1)
    party.agree()

    for node in party.nodes:
        assert len(entries_at(node, stranger)) == 2
        assert list(store_of(node).rows("SELECT holder FROM holder_mark")) == []


def test_the_feed_of_an_unknown_terminal_is_taken_once_the_ledger_names_it():
    party = Party(2, pairs=())
    one, other = party.nodes
    names = "SELECT name, alg, key, gate, role, certificate, addresses FROM terminal"
    (row,) = store_of(other).rows(f"{names} WHERE name = 't5'")
    store_of(other).write("DELETE FROM terminal WHERE name = 't5'")
    store_of(other).write("DELETE FROM feed_key WHERE name = 't5'")
    other.gossip.ledger_changed()
    stranger = Stranger(party).greet()
    stranger.say(*stranger.batches([b"\x09x"]))

    party.join(0, 1)
    for _ in range(20):
        party.turn()
    before = held_of(other, stranger)
    store_of(other).write("INSERT INTO terminal VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
    other.gossip.ledger_changed()
    party.agree()

    assert before == []
    assert entries_at(other, stranger) == entries_at(one, stranger)


# Forks.


def traitor(party):
    return Adversary(GROUND.boxes[5], GROUND, party.nodes[0].chance)


def test_both_histories_of_a_traitor_are_kept_at_every_node_with_the_evidence():
    party = Party(2, pairs=())
    evil = traitor(party)
    for number, history in enumerate(evil._histories):
        Stranger(party, node=number).greet().say(*history)

    party.join(0, 1)
    party.agree()

    for node in party.nodes:
        rows = node.gossip.feeds()[evil.box.feed.public.kid]
        assert [row.size for row in rows] == [3, 3]
        assert [kind for kind, *_ in store_of(node).rows(EVIDENCE)] == [FORK]


def forked_heads(stranger, size=3):
    """Two heads of one feed and size that contradict each other."""
    return [
        stranger.head(note.Checkpoint(stranger.origin(b"evidence"), size, root).to_text())
        for root in (bytes(32), bytes([1] * 32))
    ]


def test_evidence_spreads_without_the_feed():
    party = Party(3)
    party.agree()
    stranger = Stranger(party).greet()

    stranger.say(frames.Evidence(stranger.kid, *forked_heads(stranger)))
    party.until(lambda: all(list(store_of(node).rows(EVIDENCE)) for node in party.nodes))

    kinds = [[kind for kind, *_ in store_of(node).rows(EVIDENCE)] for node in party.nodes]
    assert kinds == [[FORK]] * 3


def test_a_terminal_fills_no_more_than_its_own_share_of_the_evidence():
    party = Party(1)
    noisy, other = Stranger(party).greet(), Stranger(party, number=4).greet()
    for number in range(40):
        party.ticks += 1.0
        origin = noisy.origin(number.to_bytes(8, "big"))
        heads = [noisy.head(note.Checkpoint(origin, 3, bytes([n]) * 32).to_text()) for n in (1, 2)]
        noisy.say(frames.Evidence(noisy.kid, *heads))

    other.say(frames.Evidence(other.kid, *forked_heads(other)))

    kids = [kid for _, kid, *_ in store_of(party.nodes[0]).rows(EVIDENCE)]
    assert (kids.count(noisy.kid), kids.count(other.kid)) == (16, 1)


@pytest.mark.parametrize("tail", ["zz", "ABCDEF0123456789", "00" * 9, "", "0123 567 9abcdef"])
def test_evidence_of_no_incarnation_proves_nothing_and_ends_nothing(tail):
    party = Party(1)
    stranger = Stranger(party).greet()
    origin = f"yardpass/{earth.SITE}/t5/{tail}"
    heads = []
    for root in (bytes(32), bytes([1] * 32)):
        text = note.Checkpoint(origin, 3, root).to_text()
        try:
            heads.append(stranger.head(text))
        except Refused:
            heads.append(text.encode())

    stranger.say(frames.Evidence(stranger.kid, *heads))

    assert list(store_of(party.nodes[0]).rows(EVIDENCE)) == []


def test_evidence_under_keys_that_are_believed_no_more_ends_no_conversation():
    party = Party(1)
    node = party.nodes[0]
    party.publish(0, ROTATION + 1)
    stranger = Stranger(party).greet()
    old, older = GROUND.ledgers[1][0], GROUND.ledgers[2][0]

    stranger.say(frames.Evidence(b"", old, older))

    assert replica_of(node).history.evidence() == []
    stranger.say(frames.Done())


# Denials and the ledger.


def deny(party, number, index=7):
    node = party.nodes[number]
    text = GROUND.denial(index, party.now)
    trust = replica_of(node).history.trust(GROUND.pinned)
    Denials(store_of(node)).add(text, trust=trust, now=party.now)
    node.gossip.denials_changed()
    return text


def notes_of(node):
    return [text for _, text in Denials(store_of(node)).notes()]


def test_a_denial_reaches_everybody():
    party = Party(3)
    party.agree()

    text = deny(party, 0)
    party.until(lambda: all(notes_of(node) == [text] for node in party.nodes))

    standing = replica_of(party.nodes[2]).standing(earth.LIST, 7, None)
    assert standing.status == 4


@pytest.mark.long
def test_three_hundred_denials_reach_a_new_peer_and_nobody_is_refused():
    party = Party(2, pairs=())
    for index in range(300):
        deny(party, 0, index)

    party.join(0, 1)
    party.until(lambda: len(notes_of(party.nodes[1])) == 300, rounds=300)


def test_a_denial_that_has_lapsed_on_the_way_is_told_in_vain_and_ends_nothing():
    party = Party(1)
    stranger = Stranger(party).greet()
    old = GROUND.denial(7, party.now - 2 * 86_400)

    stranger.say(frames.Deny(old), frames.Deny(b"no note"))

    assert notes_of(party.nodes[0]) == []


def give(party, number, kind, zones=1, *, at=0):
    """A guard gives an order at this terminal, `at` seconds from now."""
    node = party.nodes[number]
    text = GROUND.order(kind, zones, party.now + at)
    trust = replica_of(node).history.trust(GROUND.pinned)
    Orders(store_of(node)).add(text, trust=trust, now=party.now)
    node.gossip.denials_changed()
    return text


def orders_of(node):
    return Orders(store_of(node)).notes()


def masks_of(node):
    return Orders(store_of(node)).in_force()[:3]


def test_an_order_reaches_everybody_through_two_hops_and_its_release_too():
    party = Party(3)
    party.agree()

    text = give(party, 0, Kind.LOCKDOWN, ALL_ZONES)
    party.until(lambda: all(orders_of(node) == [text] for node in party.nodes), rounds=2)
    shut = masks_of(party.nodes[2])
    release = give(party, 2, Kind.RELEASE, ALL_ZONES, at=1)
    party.until(lambda: all(orders_of(node) == [release] for node in party.nodes), rounds=2)

    assert shut == (ALL_ZONES, 0, 0)
    assert {masks_of(node) for node in party.nodes} == {(0, 0, 0)}


def test_orders_that_were_given_apart_end_alike_everywhere():
    party = Party(4, pairs=())
    for number, (kind, zones, at) in enumerate(
        [
            (Kind.FREE, ALL_ZONES, 0),
            (Kind.LOCKDOWN, 0b0011, 0),
            (Kind.RELEASE, 0b0110, 1),
            (Kind.CURFEW, 0b1111, -1),
        ]
    ):
        give(party, number, kind, zones, at=at)

    for one in range(3):
        party.join(one, one + 1)
    party.until(lambda: len({tuple(orders_of(node)) for node in party.nodes}) == 1)

    assert {masks_of(node) for node in party.nodes} == {(0b0001, ALL_ZONES - 0b0111, 0)}


def test_who_was_away_gets_the_release_and_brings_no_lockdown_back():
    party = Party(2)
    party.agree()
    give(party, 0, Kind.LOCKDOWN)
    party.until(lambda: masks_of(party.nodes[1]) == (1, 0, 0))
    party.part(0, 1)
    release = give(party, 1, Kind.RELEASE, at=1)

    party.join(0, 1)
    party.until(lambda: [*map(orders_of, party.nodes)] == [[release], [release]])
    for _ in range(130):
        party.turn()

    assert [*map(orders_of, party.nodes)] == [[release], [release]]


def test_an_order_is_told_before_all_denials():
    party = Party(1)
    for index in range(200):
        deny(party, 0, index)
    text = give(party, 0, Kind.LOCKDOWN)
    stranger = Stranger(party).greet()

    told = [message.note for message in stranger.heard(frames.Deny)]

    assert told[0] == text
    assert len(told) == TELLINGS[0]


def test_a_hello_names_the_order_by_its_text_and_is_not_told_it_again():
    party = Party(1)
    text = give(party, 0, Kind.LOCKDOWN)
    mark = order.digest_in(text)[: frames.MARK_BYTES]

    stranger = Stranger(party).greet(denials=(mark,))
    (hello, *_) = [one for one in stranger.heard() if isinstance(one, frames.Hello | frames.Deny)]

    assert hello.denials == (mark,)
    assert stranger.heard(frames.Deny) == []


def test_an_order_with_more_signatures_is_known_and_goes_no_further():
    party = Party(2)
    party.agree()
    text = give(party, 0, Kind.LOCKDOWN)
    party.until(lambda: orders_of(party.nodes[1]) == [text])
    stranger = Stranger(party).greet()

    stranger.say(frames.Deny(text + text.rpartition(b"\n\n")[2]))
    for _ in range(4):
        party.turn()

    assert [*map(orders_of, party.nodes)] == [[text], [text]]


BAD = {
    "a key that may not": lambda now: GROUND.order(Kind.FREE, 1, now, signer="office"),
    "a key of nobody": lambda now: GROUND.order(Kind.FREE, 1, now, signer="rogue"),
    "another site": lambda now: order.sign(
        "yardpass/bj01", Kind.FREE, 1, issued_at=now, key=earth.key_of("guard")
    ),
    "the future": lambda now: GROUND.order(Kind.FREE, 1, now + 900),
    "an older one": lambda now: GROUND.order(Kind.FREE, 1, now - 1),
    "altered": lambda now: GROUND.order(Kind.CURFEW, 1, now + 9).replace(b"curfew", b"free"),
    "no order at all": lambda now: b"yardpass/hz07/order\n",
}


@pytest.mark.parametrize("what", BAD)
def test_an_order_that_may_not_costs_its_sender_alone(what):
    party = Party(2)
    party.agree()
    text = give(party, 0, Kind.LOCKDOWN)
    party.until(lambda: orders_of(party.nodes[1]) == [text])
    stranger = Stranger(party).greet()

    bad = frames.Deny(BAD[what](party.now)).to_bytes()
    stranger.say(bad)
    party.turn()
    with pytest.raises(Refused, match="more than its share"):
        stranger.say(bad * int(ALLOWANCE / 4 + 1))

    assert [*map(orders_of, party.nodes)] == [[text], [text]]
    party.check(0, 1)
    party.agree()


@pytest.mark.parametrize("count", [1, ROTATION, CHANGES])
def test_a_ledger_reaches_everybody_over_any_change_of_policy(count):
    party = Party(3)
    party.agree()

    party.publish(0, count)
    party.until(lambda: len({replica_of(node).note() for node in party.nodes}) == 1)

    assert replica_of(party.nodes[2]).note() == GROUND.ledgers[count][0]


# Who would stop others.


def ask(stranger, checkpoint):
    stranger.greet(checkpoint=checkpoint)
    return [want.path for want in stranger.heard(frames.WantFile)]


def test_a_peer_that_shows_a_real_checkpoint_and_sends_rubbish_stops_nobody_else():
    party = Party(2)
    party.agree()
    node, real = party.nodes[1], GROUND.ledgers[2][0]
    evil = Stranger(party, node=1)
    (path,) = ask(evil, real)
    evil.say(frames.File(path, 0, 4, b"\0\1xx"))

    party.publish(0, 2)
    party.until(lambda: replica_of(node).note() == real)


def test_a_peer_that_never_sends_what_it_shows_loses_its_turn():
    party = Party(2)
    party.agree()
    node, real = party.nodes[1], GROUND.ledgers[2][0]
    evil = Stranger(party, node=1)

    assert ask(evil, real)
    party.publish(0, 2)
    for _ in range(240):
        party.turn()
        if party.ticks % 2 == 0:
            ask(evil, real)

    assert replica_of(node).note() == real


def test_a_rogue_checkpoint_is_looked_at_and_forgotten():
    party = Party(1)
    evil = Stranger(party)

    assert ask(evil, GROUND.rogue) == ["bridge/1"]
    evil.say(frames.File("bridge/1", 0, 0, b""))

    assert replica_of(party.nodes[0]).note() == GROUND.ledgers[0][0]
    assert ask(evil, GROUND.rogue) == []


def test_pieces_of_a_file_must_be_whole():
    party = Party(1)
    evil = Stranger(party)
    (path,) = ask(evil, GROUND.ledgers[1][0])

    evil.say(frames.File(path, 0, 1_000, b"x"))

    assert evil.heard(frames.WantFile) == []
    assert ask(evil, GROUND.ledgers[2][0]) == []  # it rests


def test_a_peer_that_does_not_listen_is_given_no_more_than_its_link_holds():
    party = Party(1)
    deaf = Stranger(party, room=False).greet()
    deaf.heard()

    deaf.say(*[frames.WantFile("checkpoint", 0)] * 60)
    silent = deaf.heard()
    deaf.link.room = True
    party.nodes[0].gossip.pump(deaf.talk)

    assert silent == []
    assert len(deaf.heard(frames.File)) == 60


def test_many_questions_for_lists_are_one_hello():
    party = Party(1)
    node = party.nodes[0]
    asker = Stranger(party).greet()
    asker.heard()

    asker.say(*[frames.WantRows(node.kid)] * 50, frames.WantRows(b"whoever?"))
    party.turn()
    party.turn()

    assert len(asker.heard(frames.Hello)) == 1


def test_repeated_hellos_queue_nothing_twice():
    party = Party(1)
    giver, taker = Stranger(party).greet(), Stranger(party, number=4)
    giver.say(*giver.batches([b"\x09x"]))

    for _ in range(90):
        taker.greet()
    later = len(taker.talk.later)
    for _ in range(8):
        party.turn()

    assert later == 1
    kids = [parts.batch.kid for parts in taker.heard(frames.Parts)]
    assert kids.count(giver.kid) == 1


def test_two_that_can_never_agree_come_to_rest():
    party = Party(1)
    boaster = Stranger(party).greet()
    row = frames.Row(b"whoever?", b"whatever", 9, b"whenever")

    said = 0
    for _ in range(600):
        party.turn()
        boaster.greet(rows=(row,))
        said += len(boaster.heard(frames.Hello))

    assert said < 30


def test_a_batch_of_an_unknown_terminal_is_asked_for_by_nobody():
    party = Party(1)
    stranger = Stranger(party).greet()
    (parts,) = stranger.batches([])
    stranger.heard()

    stranger.say(frames.Parts(parts.batch._replace(kid=b"whoever?")))
    for _ in range(6):
        party.turn()

    assert stranger.heard() == []


def test_a_history_that_cannot_be_placed_is_wanted_whole():
    party = Party(1)
    stranger = Stranger(party).greet()
    stranger.say(*stranger.batches([b"\x09a", b"\x09b"]))
    stranger.heard()

    stranger.say(stranger.batches([b"\x09c", b"\x09d", b"\x09e"], cuts=[3])[1])
    (want,) = stranger.heard(frames.WantFeed)
    stranger.say(*stranger.batches([b"\x09c", b"\x09d", b"\x09e"]))

    assert want.row.size == 4
    assert sorted(held.size for held in held_of(party.nodes[0], stranger)) == [3, 4]


def sealed_rubbish(party, stranger):
    """A whole bundle of the stranger beside which rubbish is sealed, held by the first node."""
    (whole,) = stranger.batches([b"\x09x"] * (BUNDLE - 1))
    rubbish = whole.batch._replace(sealed=b"\x05" * 300)
    stranger.say(frames.Parts(rubbish))
    return whole.batch


@pytest.mark.parametrize("held", [0, 100])
def test_rubbish_sealed_beside_a_bundle_is_forgotten_and_blames_nobody_who_passes_it_on(held):
    party = Party(2, pairs=())
    stranger, second = Stranger(party).greet(), Stranger(party, node=1).greet()
    whole = sealed_rubbish(party, stranger)
    if held:
        second.say(*second.batches([b"\x09x"] * (held - 1)))

    party.join(0, 1)
    party.agree()
    for _ in range(6):
        party.turn()

    for node in party.nodes:
        (feed,) = held_of(node, stranger)
        assert Shelf(store_of(node)).part(feed.number, 0, BUNDLE) == (whole.bundle, b"")


def test_a_wanted_history_is_sent_from_its_first_entry():
    party = Party(1)
    node, stranger = party.nodes[0], Stranger(party).greet()
    party.check(0, 1)
    (row,) = node.gossip.feeds()[node.kid]
    stranger.heard()

    stranger.say(frames.WantFeed(row), frames.WantFeed(row._replace(root=bytes(8))))
    node.gossip.pump(stranger.talk)

    starts = [parts.batch.start for parts in stranger.heard(frames.Parts)]
    assert starts == [0]


def test_no_more_feeds_of_a_terminal_are_taken_than_are_kept(monkeypatch):
    monkeypatch.setattr("ledger_sync.roster.MAX_FEEDS", 2)
    party = Party(1)
    stranger = Stranger(party).greet()

    for number in range(5):
        stranger.say(*stranger.batches([], incarnation=number.to_bytes(8, "big")))

    assert len(held_of(party.nodes[0], stranger)) == 2


def test_a_head_of_another_feed_is_no_ring_of_this_gate():
    party = Party(2)

    with pytest.raises(Refused, match="does not hold"):
        party.nodes[0].gossip.rang(party.nodes[1].head())
    party.nodes[0].gossip.rang(party.nodes[0].head())


def test_a_conversation_that_ends_leaves_nothing_behind():
    party = Party(1)
    stranger = Stranger(party).greet(checkpoint=GROUND.ledgers[1][0])
    stranger.say(stranger.batches([])[0], more=True)

    gossip = party.nodes[0].gossip
    gossip.end(stranger.talk)
    gossip.end(stranger.talk)

    assert (gossip.talks, gossip.pending_count) == ((), 0)
    assert ask(Stranger(party, number=4), GROUND.ledgers[1][0])
