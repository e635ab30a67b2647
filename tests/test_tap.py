"""Whatever a card does at a tap, it ends in one `Found`: a code, a proof, a fault, or nothing.

And a card that began to prove a key never ends as anything weaker.
"""

import random

import pytest
from makers import signer

from hw.cards import pkoc, tlv
from hw.cards.tap import STOPPED, TORN, Found, tap
from hw.errors import Unavailable
from hw.ports import KeyProof
from hw.sim.card import SimCard, Trick, certificate
from ledger_sync.keys import ES256, verify_es256

CARD, ISSUER = signer("card", ES256), signer("issuer", ES256)
POINT = CARD.public.raw
HELD = certificate(POINT, ISSUER.sign)
ASKED = bytes(range(32))
CODE = b"YP1:6BFO+ADYB"


def v1(trick=Trick.NONE):
    return SimCard(point=POINT, sign=CARD.sign, trick=trick, text=CODE)


def v2(trick=Trick.NONE, held=HELD):
    return SimCard(point=POINT, sign=CARD.sign, certificate=held, trick=trick, text=CODE)


class Asks:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return ASKED


@pytest.fixture
def ask():
    return Asks()


def commands(card):
    return [exchange.sent[:4].hex() for exchange in card.history]


SELECT, INFO, HELD_COMMAND = "00a40400", "00ca7f63", "00ca7f21"
SIGN_V1, SIGN_V2, MORE = "80800001", "00880000", "00c00000"


def test_a_card_with_a_certificate_proves_its_key(ask):
    card = v2()

    found = tap(card.answer, ask)

    assert found.proof is not None and found == Found(proof=found.proof)
    assert found.proof == KeyProof(POINT, found.proof.signature, ASKED, HELD)
    assert verify_es256(POINT, found.proof.signature, ASKED)
    assert commands(card) == [SELECT, INFO, HELD_COMMAND, SIGN_V2]
    assert ask.count == 1


def test_a_card_without_a_certificate_proves_its_key(ask):
    card = v1()

    found = tap(card.answer, ask)

    assert found.proof is not None and found == Found(proof=found.proof)
    assert found.proof == KeyProof(POINT, found.proof.signature, ASKED[:16])
    assert verify_es256(POINT, found.proof.signature, ASKED[:16])
    assert commands(card) == [SELECT, INFO, SIGN_V1]
    assert ask.count == 1


def test_a_tag_gives_its_code_and_is_not_asked_to_sign(ask):
    assert tap(SimCard(text=CODE).answer, ask) == Found(text=CODE)
    assert ask.count == 0


def test_a_bare_card_gives_nothing(ask):
    card = SimCard()
    assert tap(card.answer, ask) == Found()
    assert commands(card) == [SELECT, SELECT]
    assert ask.count == 0


def test_an_answer_in_many_rounds_is_the_same_answer(ask):
    card = v2(Trick.CHAINED)

    found = tap(card.answer, ask)

    assert found.proof is not None and found.proof.certificate == HELD
    assert verify_es256(POINT, found.proof.signature, ASKED)
    assert commands(card).count(MORE) == 13 + 4  # 214 and 66 bytes in rounds of 16


@pytest.mark.parametrize("make", [v1, v2])
@pytest.mark.parametrize(
    ("trick", "fault"),
    [
        (Trick.OVERSIZE, "an answer of more than 4096 bytes"),
        (Trick.DUPLICATE, "item 9E comes twice"),
        (Trick.STOPS, STOPPED),
    ],
)
def test_a_card_that_fails_amid_its_proof_is_a_fault_and_nothing_weaker(ask, make, trick, fault):
    card = make(trick)

    assert tap(card.answer, ask) == Found(fault=fault)
    assert commands(card).count(SELECT) == 1  # no look for a code on it
    assert (SIGN_V1 in commands(card)) == (make is v1)


@pytest.mark.parametrize("trick", [Trick.BIT_FLIP, Trick.REPLAY])
def test_a_wrong_signature_is_handed_over_to_whoever_verifies(ask, trick):
    found = tap(v2(trick).answer, ask)

    assert found.proof is not None
    assert not verify_es256(POINT, found.proof.signature, ASKED)


def test_a_card_that_hides_its_certificate_has_none_in_its_proof(ask):
    found = tap(v2(Trick.DOWNGRADE).answer, ask)
    assert found.proof is not None and found.proof.certificate == b""


class Answers(SimCard):
    """A card with certificate that answers one command with other bytes."""

    def __init__(self, head, answer):
        super().__init__(point=POINT, sign=CARD.sign, certificate=HELD, text=CODE)
        self._head, self._other = head, answer

    def _answer(self, sent):
        return self._other if sent[:4].hex() == self._head else super()._answer(sent)


OK = b"\x90\x00"


@pytest.mark.parametrize(
    ("head", "answer", "fault"),
    [
        (SELECT, OK, "the card names no PKOC version"),
        (SELECT, b"\x5c\x02\x01\x01" + OK, "the card speaks no PKOC version that is known here"),
        (SELECT, b"\x5c\x02\x01" + OK, "item 5C ends 1 bytes too early"),
        (SELECT, b"", "an answer of 0 bytes, 2 to 258 are possible"),
        (INFO, b"\x7f\x63\x80" + OK, "a length is cut off, indefinite or too long"),
        (HELD_COMMAND, b"\x6a\x88", "the card refuses its certificate with status 6A88"),
        (HELD_COMMAND, OK, "items nothing instead of 7F21"),
        (HELD_COMMAND, HELD[:-1] + OK, "item 7F21 ends 1 bytes too early"),
        (SIGN_V2, b"\x69\x82", "the card refuses its proof with status 6982"),
        (SIGN_V2, OK, "items nothing instead of 9E"),
        (SIGN_V2, tlv.encode(pkoc.SIGNATURE, bytes(63)) + OK, "a signature of 63 bytes, not 64"),
    ],
)
def test_a_card_that_answers_otherwise_is_a_fault_and_nothing_weaker(ask, head, answer, fault):
    card = Answers(head, answer)

    assert tap(card.answer, ask) == Found(fault=fault)
    assert SIGN_V1 not in commands(card)
    assert commands(card).count(SELECT) == 1


@pytest.mark.parametrize("info", [b"\x6a\x88", b"\x6d\x00", b"\x7f\x63\x00" + OK, OK])
def test_a_card_that_says_it_has_no_certificate_is_asked_as_one_without(ask, info):
    card = Answers(INFO, info)
    found = tap(card.answer, ask)
    assert found.proof is not None and found.proof.certificate == b""
    assert commands(card) == [SELECT, INFO, SIGN_V1]


@pytest.mark.parametrize("make", [v1, v2, lambda: SimCard(text=CODE), SimCard])
def test_a_card_taken_away_at_any_moment_is_a_fault(ask, make):
    whole = make()
    tap(whole.answer, ask)
    has_key = whole._point != b""
    for moment in range(len(whole.history)):
        card = make()

        def transmit(sent, card=card, moment=moment):
            if len(card.history) == moment:
                raise Unavailable("the card left; hold it still")
            return card.answer(sent)

        fault = STOPPED if has_key and moment else TORN
        assert tap(transmit, ask) == Found(fault=fault)


def test_what_ask_raises_is_not_the_fault_of_the_card():
    def ask():
        raise KeyError("no gate")

    with pytest.raises(KeyError, match="no gate"):
        tap(v2().answer, ask)


def test_any_card_ends_in_one_found(ask):
    """Cards whose answers have bytes changed, cut or added."""
    rng = random.Random(11)
    ends = {"proof": 0, "text": 0, "fault": 0, "nothing": 0}
    sign = {}
    cards = [v1(), v2(), SimCard(text=CODE)]
    for card in cards[:2]:
        card._sign = lambda message: sign.setdefault(message, CARD.sign(message))
    for number in range(6_000):
        card = cards[number % 3]
        count = 0

        def transmit(sent, card=card):
            nonlocal count
            count += 1
            answer = bytearray(card.answer(sent))
            match rng.randrange(12):
                case 0:
                    answer[rng.randrange(len(answer))] ^= 1 << rng.randrange(8)
                case 1:
                    del answer[rng.randrange(len(answer)) :]
                case 2:
                    answer[-2:] = rng.randbytes(2)
                case 3:
                    answer += rng.randbytes(2)
            return bytes(answer)

        found = tap(transmit, ask)
        assert count <= 160
        kinds = {"text": found.text, "proof": found.proof, "fault": found.fault}
        said = [kind for kind, value in kinds.items() if value]
        assert len(said) <= 1
        end = said[0] if said else "nothing"
        ends[end] += 1
    assert min(ends.values()) > 50
