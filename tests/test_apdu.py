"""Whatever a card sends, TLV and APDU are values that are written again byte by byte, or `Refused`
(R-CARD), never any other end; and no card keeps a reader busy for ever.
"""

import random

import pytest

from hw.cards import apdu, tlv
from hw.cards.apdu import (
    MAX_ANSWER,
    MAX_EXCHANGES,
    MAX_ROUNDS,
    Answer,
    Channel,
    answer_of,
    command,
)
from hw.errors import Refused

FUZZED = 100_000


def refusal(act, *arguments):
    with pytest.raises(Refused) as caught:
        act(*arguments)
    assert caught.value.reason == "R-CARD"
    return str(caught.value)


# -- TLV


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("", []),
        ("5C020100", [(0x5C, b"\x01\x00")]),
        ("5A00", [(0x5A, b"")]),
        ("7F63045C020200", [(0x7F63, b"\x5c\x02\x02\x00")]),
        ("5F1F00", [(0x5F1F, b"")]),
        ("4C014D4D014C", [(0x4C, b"M"), (0x4D, b"L")]),
        ("42817F" + "00" * 0x7F, None),
        ("428180" + "00" * 0x80, [(0x42, bytes(0x80))]),
        ("4281FF" + "00" * 0xFF, [(0x42, bytes(0xFF))]),
        ("42820100" + "00" * 0x100, [(0x42, bytes(0x100))]),
        ("428200FF" + "00" * 0xFF, None),
    ],
)
def test_a_row_has_one_spelling(data, found):
    data = bytes.fromhex(data)
    if found is None:
        assert "shortest form" in refusal(tlv.items, data)
    else:
        assert tlv.items(data) == found
        assert b"".join(tlv.encode(tag, value) for tag, value in found) == data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("00", "00 is no tag"),
        ("FF01", "FF is no tag"),
        ("7F", "cut off"),
        ("7F1E00", "7F1E is not in its shortest form"),
        ("7F8121", "7F81 is not in its shortest form, or too long"),
        ("5C", "cut off"),
        ("5C80", "indefinite"),
        ("5C81", "cut off"),
        ("5C8201", "cut off"),
        ("5C83000100", "too long"),
        ("5C0201", "5C ends 1 bytes too early"),
        ("5C" + "82FFFF", "ends 65535 bytes too early"),
        ("5A00" * 65, "more than 64 items"),
    ],
)
def test_bytes_that_are_no_row_are_refused(data, said):
    assert said in refusal(tlv.items, bytes.fromhex(data))


def test_a_tag_that_comes_twice_is_refused():
    assert tlv.fields(b"\x5a\x00\x5c\x00") == {0x5A: b"", 0x5C: b""}
    assert refusal(tlv.fields, b"\x5a\x00\x5a\x00") == "item 5A comes twice"


def test_a_closed_set_holds_what_it_names_and_no_more():
    row = bytes.fromhex("9E0102 5A0101")
    assert tlv.exactly(row, 0x5A, 0x9E) == (b"\x01", b"\x02")
    assert refusal(tlv.exactly, row, 0x5A) == "items 9E 5A instead of 5A"
    assert refusal(tlv.exactly, b"", 0x5A) == "items nothing instead of 5A"


def test_any_bytes_are_a_row_that_is_written_again_or_refused():
    rng = random.Random(7)
    seeds = (
        tlv.encode(0x7F21, tlv.encode(0x7F4E, bytes(140)) + tlv.encode(0x5F37, bytes(64))),
        tlv.encode(0x5A, bytes(65)) + tlv.encode(0x9E, bytes(64)),
        tlv.encode(0x5C, b"\x01\x00"),
    )
    rows = 0
    for number in range(FUZZED):
        data = (
            bytearray(seeds[number % 3]) if number % 2 else bytearray(rng.randbytes(number % 12))
        )
        for _ in range(number % 3):
            if data:
                data[rng.randrange(min(len(data), 12))] = rng.choice(
                    (0, 0x7F, 0x81, 0x82, 0x1F, 3)
                )
        try:
            found = tlv.items(bytes(data))
        except Refused as refused:
            assert refused.reason == "R-CARD"
        else:
            rows += 1
            assert b"".join(tlv.encode(tag, value) for tag, value in found) == data
    assert 0.02 * FUZZED < rows < 0.98 * FUZZED  # both ends are reached


# -- APDU


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        (command("00A40400", b"\xa0\x01", expects=256), "00A4040002A00100"),
        (command("00CA7F63", expects=256), "00CA7F6300"),
        (command("00B00002", expects=15), "00B000020F"),
        (command("00A4000C", b"\xe1\x03"), "00A4000C02E103"),
        (command("00A40000"), "00A40000"),
    ],
)
def test_a_command_is_these_bytes(made, sent):
    assert made == bytes.fromhex(sent)


def test_an_answer_is_data_and_a_status():
    assert answer_of(b"\x90\x00") == Answer(b"", 0x9000)
    assert answer_of(bytes(256) + b"\x6a\x82") == Answer(bytes(256), 0x6A82)
    assert Answer(b"", 0x9000).is_ok and not Answer(b"", 0x6A82).is_ok


@pytest.mark.parametrize("size", [0, 1, 259, 10_000])
def test_an_answer_of_another_length_is_refused(size):
    assert f"of {size} bytes" in refusal(answer_of, bytes(size))


class Script:
    """A card that gives these answers in turn, then the last for ever."""

    def __init__(self, *answers):
        self.answers = [bytes.fromhex(one) if isinstance(one, str) else one for one in answers]
        self.asked = []

    def __call__(self, sent):
        self.asked.append(sent.hex())
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def test_a_chained_answer_is_fetched_round_by_round():
    card = Script("01026103", "030461FF", "059000")
    assert Channel(card).ask(command("00CA7F21", expects=256)) == (b"\1\2\3\4\5", 0x9000)
    assert card.asked == ["00ca7f2100", "00c0000003", "00c00000ff"]


def test_a_wrong_expected_length_is_put_right_once():
    card = Script("6C04", "010203049000")
    assert Channel(card).ask(command("00CA7F21", expects=256)) == (b"\1\2\3\4", 0x9000)
    assert card.asked == ["00ca7f2100", "00ca7f2104"]
    stubborn = Script("6C04")
    assert Channel(stubborn).ask(command("00CA7F21", expects=256)) == (b"", 0x6C04)
    assert len(stubborn.asked) == 2


def test_a_command_that_expects_nothing_is_not_given_a_length():
    card = Script("6C04")
    assert Channel(card).ask(command("00A4000C", b"\xe1\x03")) == (b"", 0x6C04)
    assert card.asked == ["00a4000c02e103"]


def test_a_chain_may_end_in_any_status():
    assert Channel(Script("016101", "6F00")).ask(b"\0\0\0\0\0") == (b"\1", 0x6F00)


def test_an_answer_in_endless_rounds_is_refused():
    card = Script("6101")
    assert (
        refusal(Channel(card).ask, b"\0\0\0\0\0") == f"an answer in more than {MAX_ROUNDS} rounds"
    )
    assert len(card.asked) == 1 + MAX_ROUNDS


def test_an_answer_of_endless_bytes_is_refused():
    card = Script(bytes(256) + b"\x61\x00")
    assert str(MAX_ANSWER) in refusal(Channel(card).ask, b"\0\0\0\0\0")
    assert len(card.asked) == 1 + MAX_ANSWER // 256


def test_the_largest_answer_is_taken():
    card = Script(*[bytes(256) + b"\x61\x00"] * 15, bytes(256) + b"\x90\x00")
    assert len(Channel(card).ask(b"\0\0\0\0\0").data) == MAX_ANSWER


def test_the_commands_of_one_tap_are_counted():
    card = Script("9000")
    channel = Channel(card)
    for _ in range(MAX_EXCHANGES):
        channel.ask(b"\0\0\0\0\0")
    assert f"more than {MAX_EXCHANGES} commands" in refusal(channel.ask, b"\0\0\0\0\0")
    assert len(card.asked) == MAX_EXCHANGES


def test_any_answers_end_in_an_answer_or_refused_within_bounds():
    rng = random.Random(9)
    kinds = [0, 0]
    asked = 0

    def card(_sent):
        nonlocal asked
        asked += 1
        size = rng.choice((0, 0, 1, 2, 2, 3, 200, 258, 259)) if rng.random() < 0.2 else 3
        status = rng.choice((b"\x90\x00", b"\x61\x10", b"\x61\x00", b"\x6c\x02", b"\x6a\x82"))
        return bytes(size)[:-2] + status[: max(size, 0)]

    exchanges = 0
    while exchanges < FUZZED:
        asked = 0
        try:
            answer = Channel(card).ask(b"\0\0\0\0\0")
            assert len(answer.data) <= MAX_ANSWER
            kinds[0] += 1
        except Refused as refused:
            assert refused.reason == "R-CARD"
            kinds[1] += 1
        assert 0 < asked <= MAX_ROUNDS + 2
        exchanges += asked
    assert min(kinds) > 1_000


def test_a_transmission_that_fails_is_passed_on():
    def gone(sent):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        apdu.Channel(gone).ask(b"\0\0\0\0\0")
