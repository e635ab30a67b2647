"""Receipts of taps: a peer that never met the card verifies them from what it holds; with another
head, gate, counter, moment or card none holds."""

import pytest
from card_scenarios import LOST, PLAIN, SIGNED, certified, furnish_cards, tap
from compound import key_named
from stand import KEY, SECRET, Stand

from appliance.gate.taps import verify_taps
from appliance.passes.receipt import RECEIPT_BYTES
from ledger_sync import entries

FACTS = 119  # bytes before the receipt
PLAIN_GATE = key_named("another gate").public


@pytest.fixture
def stand(tmp_path):
    with Stand(tmp_path) as made:
        furnish_cards(made.compound)
        made.compound.publish(entries.Terminal("n", KEY.public))
        yield made


def taps(stand, *people):
    """These cards at the gate, one after the other, and codes between them."""
    for who in people:
        asked = stand.terminal.ask()
        made = certified(who) if who is SIGNED else None
        stand.terminal.meet(tap(who, asked=asked if made else asked[:16], made=made))
        stand.terminal.present(b"nothing of ours")


def verified(store, secret=SECRET):
    found = verify_taps(store, secret)
    return found.good, found.unknown, len(found.faults)


ROW = "SELECT id, body FROM feed_entry WHERE substr(body, 1, 1) = x'01' AND length(body) > 300"


def altered(stand, at, change):
    """The store with another byte in the check of a tap, counted from 0."""
    number, held = list(stand.store.rows(ROW))[at]
    body = bytearray(held)
    change(body)
    stand.store.write("UPDATE feed_entry SET body = ? WHERE id = ?", bytes(body), number)


def flip(place):
    def change(body):
        body[place] ^= 1

    return change


def test_all_receipts_hold_and_those_who_were_refused_left_theirs_too(stand):
    taps(stand, PLAIN, SIGNED, LOST, PLAIN)

    assert verified(stand.store) == (4, 0, 0)


def test_without_the_site_s_secret_nobody_is_known(stand):
    taps(stand, PLAIN)

    assert verified(stand.store, b"another") == (0, 1, 0)


PLACES = {
    "size": range(FACTS, FACTS + 8),
    "counter": range(FACTS + 8, FACTS + 16),
    "random": range(FACTS + 16, FACTS + 32),
    "signature": range(FACTS + 32, FACTS + 96),
}


@pytest.mark.parametrize("part", PLACES)
def test_a_receipt_with_another_byte_anywhere_does_not_hold(stand, part):
    taps(stand, PLAIN, SIGNED)
    facts_at = len(stand.checks()[0].to_bytes()) - FACTS - RECEIPT_BYTES

    for place in PLACES[part]:
        altered(stand, 0, flip(facts_at + place))
        assert verified(stand.store) == (0, 0, 2), place  # the second signed a head over the first
        altered(stand, 0, flip(facts_at + place))
    assert verified(stand.store) == (2, 0, 0)


def test_another_entry_before_it_is_another_head(stand):
    taps(stand, PLAIN, SIGNED)

    (number,) = stand.store.row("SELECT max(id) FROM feed")
    stand.store.write("UPDATE feed_entry SET body = x'0099' WHERE id = ?", number << 32)

    assert verified(stand.store)[0] == 0


def test_a_receipt_holds_for_its_own_gate_alone(stand):
    taps(stand, PLAIN)
    stand.compound.publish(entries.Terminal("n"), entries.Terminal("m", PLAIN_GATE))

    stand.store.write("UPDATE feed SET kid = ?", PLAIN_GATE.kid)

    assert verified(stand.store) == (0, 0, 1)


def test_a_peer_that_never_met_the_card_verifies_it(stand, tmp_path):
    taps(stand, PLAIN, SIGNED)
    (tmp_path / "peer").mkdir()
    with Stand(tmp_path / "peer") as peer:
        furnish_cards(peer.compound)
        peer.compound.publish(entries.Terminal("n", KEY.public))
        before = verified(peer.store)
        peer.store.write("DELETE FROM feed_entry")
        for row in stand.store.rows("SELECT id, body FROM feed_entry"):
            peer.store.write("INSERT INTO feed_entry (id, body, sealed) VALUES (?, ?, x'')", *row)

        assert before == (0, 0, 0)
        assert verified(peer.store) == (2, 0, 0)


def test_a_damaged_check_is_told_and_the_others_are_verified(stand):
    taps(stand, PLAIN, SIGNED)

    altered(stand, 1, lambda body: body.__delitem__(slice(-1, None)))

    assert verified(stand.store) == (1, 0, 1)
