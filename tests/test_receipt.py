"""Any 96 bytes are a receipt, written again to the same bytes; others are refused. What a card is
asked names everything it is asked about."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.passes.receipt import RECEIPT_BYTES, Asked, Receipt, receipt_of
from ledger_sync.errors import Refused

GATE, ROOT, RANDOM = b"g" * 32, b"r" * 32, b"n" * 16
ASKED = Asked(7, ROOT, 3, RANDOM)


@given(st.binary(min_size=RECEIPT_BYTES, max_size=RECEIPT_BYTES))
def test_a_receipt_is_read_and_written_again(data):
    assert receipt_of(data).to_bytes() == data


@given(st.binary(max_size=200).filter(lambda data: len(data) != RECEIPT_BYTES))
def test_another_length_is_refused(data):
    with pytest.raises(Refused) as refused:
        receipt_of(data)
    assert refused.value.reason == "R-LEDGER"


def test_what_is_asked_is_the_hash_of_everything_it_is_about():
    told = b"yardpass/tap/v1" + GATE + (7).to_bytes(8, "big") + ROOT + (3).to_bytes(8, "big")

    assert ASKED.transaction(GATE) == hashlib.sha256(told + RANDOM).digest()
    assert Receipt(7, 3, RANDOM, bytes(64)).transaction(GATE, ROOT) == ASKED.transaction(GATE)


@pytest.mark.parametrize(
    "other",
    [ASKED._replace(size=8), ASKED._replace(root=GATE), ASKED._replace(counter=4),
     ASKED._replace(random=b"m" * 16)],
)  # fmt: skip
def test_whatever_else_is_asked_about_is_another_question(other):
    assert other.transaction(GATE) != ASKED.transaction(GATE)
    assert ASKED.transaction(b"h" * 32) != ASKED.transaction(GATE)
