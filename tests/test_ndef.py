"""Whatever a tag holds, it carries one code, none, or is `Refused` (R-CARD); never another end."""

import random

import pytest

from hw.cards import ndef
from hw.cards.apdu import Channel
from hw.cards.ndef import MAX_MESSAGE, MAX_TEXT, Record, code_in, read, records
from hw.errors import Refused
from hw.sim.card import CONTAINER_FILE, SimCard

CODE = b"YP1:6BFO+ADYB"
FUZZED = 30_000


def refusal(act, *arguments):
    with pytest.raises(Refused) as caught:
        act(*arguments)
    assert caught.value.reason == "R-CARD"
    return str(caught.value)


def record(kind, payload, flags=0xC1, identifier=None):
    """One record; flags C1: the first and the last, of a type of the NFC Forum."""
    short = len(payload) < 0x100
    flags |= (0x10 if short else 0) | (0x08 if identifier is not None else 0)
    size = len(payload).to_bytes(1 if short else 4, "big")
    id_size = b"" if identifier is None else bytes((len(identifier),))
    head = bytes((flags, len(kind))) + size + id_size
    return head + kind + (identifier or b"") + payload


def text(content, language=b"en"):
    return bytes((len(language),)) + language + content


BEGINS, AMID, ENDS = 0x81, 0x01, 0x41
URI = b"\x00" + CODE


# -- messages


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (record(b"T", text(CODE)), CODE),
        (record(b"T", text(CODE, b"")), CODE),
        (record(b"T", text(CODE, b"zh-Hant-TW")), CODE),
        (record(b"T", text(CODE), identifier=b"pass"), CODE),
        (record(b"T", text(CODE), identifier=b""), CODE),
        (record(b"T", text(CODE + b"A" * 300)), CODE + b"A" * 300),
        (record(b"T", text(CODE + b"A" * (MAX_TEXT - 13))), CODE + b"A" * (MAX_TEXT - 13)),
        (record(b"U", URI), CODE),
        (record(b"example.org:pass", CODE, flags=0xC4), CODE),
        (record(b"U", b"\x04example.org", BEGINS) + record(b"T", text(CODE), ENDS), CODE),
        (record(b"T", text(CODE), BEGINS) + record(b"U", b"\x04example.org", ENDS), CODE),
        (record(b"T", text(b"hello")), b""),
        (record(b"T", text(b"x" + CODE)), b""),
        (record(b"T", b"\x82en" + CODE), b""),  # says that it is UTF-16
        (record(b"T", b""), b""),
        (record(b"T", b"\x3f" + CODE), b""),  # a language longer than the record
        (record(b"U", b"\x01" + CODE), b""),  # http://www. before it
        (record(b"U", b""), b""),
        (record(b"", b"", flags=0xC0), b""),  # an empty record, as formatted tags have
        (record(b"text/plain", CODE, flags=0xC2), b""),
        (b"", b""),
    ],
)
def test_a_message_carries_this_code(message, found):
    assert code_in(message) == found


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (record(b"T", text(CODE), BEGINS) + record(b"T", text(CODE), ENDS), "2 codes on one tag"),
        (record(b"T", text(CODE + b"A" * MAX_TEXT)), "at most 1024"),
        (record(b"T", text(CODE))[:-1], "cut off"),
        (record(b"T", text(CODE))[:1], "cut off"),
        (record(b"T", text(CODE))[:3], "cut off"),
        (b"\xc1\x01\xff\xff\xff\xffT", "cut off"),
        (b"\xd9\x01\x00\xffT", "cut off"),
        (record(b"T", text(CODE), flags=0xE1), "chunks"),
        (record(b"T", text(CODE), ENDS), "begins or ends amid"),
        (record(b"T", text(CODE), BEGINS), "begins or ends amid"),
        (record(b"T", text(CODE)) + b"\0", "begins or ends amid"),
        (record(b"T", b"", BEGINS) + record(b"T", b"", BEGINS), "begins or ends amid"),
        (record(b"", b"", BEGINS) + record(b"", b"", AMID) * 16, "more than 16 records"),
    ],
)
def test_any_other_message_is_refused(message, said):
    assert said in refusal(code_in, message)


def test_records_are_taken_apart():
    two = record(b"T", b"one", BEGINS, b"id") + record(b"a:b", b"2" * 300, 0x44)
    assert records(two) == [Record(1, b"T", b"one"), Record(4, b"a:b", b"2" * 300)]


def test_any_message_is_read_or_refused():
    rng = random.Random(5)
    seeds = (
        record(b"T", text(CODE)),
        record(b"U", b"\x04a", BEGINS) + record(b"a:b", CODE, 0x44, b"i"),
        record(b"T", text(CODE + b"A" * 300)),
    )
    ends = {"code": 0, "none": 0, "refused": 0}
    for number in range(FUZZED):
        data = bytearray(seeds[number % 3])
        for _ in range(1 + number % 2):
            data[rng.randrange(min(len(data), 24))] = rng.randrange(256)
        data = data[: rng.choice((len(data), len(data), rng.randrange(len(data))))]
        try:
            found = code_in(bytes(data))
        except Refused as refused:
            assert refused.reason == "R-CARD"
            ends["refused"] += 1
        else:
            assert found == b"" or found.startswith(b"YP1:")
            ends["code" if found else "none"] += 1
    assert min(ends.values()) > 300


# -- the exchange


class Tag(SimCard):
    """A tag whose container and NDEF file are given as bytes."""

    def __init__(self, file, container=CONTAINER_FILE):
        super().__init__(text=CODE)
        self._files = {b"\xe1\x03": container, b"\xe1\x04": file}


def container(**changes):
    """The usual container with some bytes set: `at3=b'..'`."""
    data = bytearray(CONTAINER_FILE)
    for place, value in changes.items():
        at = int(place.removeprefix("at"))
        data[at : at + len(value)] = value
    return bytes(data)


def sized(message):
    return len(message).to_bytes(2, "big") + message


def test_a_tag_is_read_in_the_order_of_the_standard():
    card = SimCard(text=CODE)

    assert read(Channel(card.answer)) == CODE
    assert [exchange.sent.hex() for exchange in card.history] == [
        "00a4040007d276000085010100",
        "00a4000c02e103",
        "00b000000f",
        "00a4000c02e104",
        "00b0000002",
        "00b0000214",
    ]


@pytest.mark.parametrize("at_once", [15, 16, 100, 240, 255, 65_535])
def test_a_long_code_is_read_in_parts_that_the_tag_can_give(at_once):
    code = b"YP1:" + b"B" * (MAX_TEXT - 4)
    card = Tag(sized(record(b"T", text(code))), container(at3=at_once.to_bytes(2, "big")))

    assert read(Channel(card.answer)) == code
    parts = [exchange.sent[4] for exchange in card.history if exchange.sent[1] == 0xB0]
    assert max(parts[2:]) == min(at_once, 240)


@pytest.mark.parametrize(
    "card",
    [
        SimCard(),
        Tag(b"\x00\x00"),
        Tag(sized(bytes(MAX_MESSAGE + 1))),
        Tag(sized(record(b"T", text(CODE))), container(at2=b"\x10")),  # mapping 1.0
        Tag(sized(record(b"T", text(CODE))), container(at3=b"\x00\x0e")),
        Tag(sized(record(b"T", text(CODE))), container(at7=b"\x05")),
        Tag(sized(record(b"T", text(CODE))), container(at13=b"\x80")),  # needs a key
        Tag(sized(record(b"T", text(CODE))), container(at9=b"\xe1\x05")),  # no such file
        Tag(sized(record(b"T", text(CODE))), CONTAINER_FILE[:14]),
    ],
    ids=["no tag", "blank", "large", "mapping", "small", "control", "locked", "absent", "cut"],
)
def test_a_tag_without_a_code_for_us_carries_none(card):
    assert read(Channel(card.answer)) == b""


def test_mapping_3_is_read_like_2():
    tag = Tag(sized(record(b"T", text(CODE))), container(at2=b"\x30"))
    assert read(Channel(tag.answer)) == CODE


@pytest.mark.parametrize("refused_command", ["00a4000c02e103", "00b000000f"])
def test_a_tag_whose_container_cannot_be_read_carries_none(refused_command):
    card = SimCard(text=CODE)

    def answer(sent):
        return b"\x6a\x82" if sent.hex() == refused_command else card.answer(sent)

    assert read(Channel(answer)) == b""


def test_a_file_that_is_shorter_than_it_says_is_refused():
    message = record(b"T", text(CODE))
    cut = Tag(sized(message)[:-1])
    assert "bytes 2 to 22" in refusal(read, Channel(cut.answer))
    empty = Tag(b"")
    assert "bytes 0 to 2" in refusal(read, Channel(empty.answer))
    assert ndef.PREFIX == b"YP1:"


def test_a_file_that_cannot_be_read_is_refused():
    card = SimCard(text=CODE)

    def answer(sent):
        return b"\x69\x82" if sent.hex() == "00b0000002" else card.answer(sent)

    assert "does not give bytes 0 to 2" in refusal(read, Channel(answer))
