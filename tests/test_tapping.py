"""A card is enrolled by what two taps agree on, and by nothing else."""

import threading

import click
import pytest
from compound import key_named
from desk import run
from hypothesis import given
from hypothesis import strategies as st
from pcsc_rig import PcscRig
from reader_rigs import ANNA, BO, RIGS

from appliance.commands.reader_spec import driver_of
from appliance.office.tapping import twice
from hw.errors import Unavailable as HardwareUnavailable
from hw.ports import KeyProof
from hw.sim.card import SimCard, Trick
from hw.sim.pn532 import SimCard as Tag
from hw.sim.pn532 import SimPn532
from hw.sim.reader import UNPLUGGED, HeldCard, SimReader
from ledger_sync.errors import Refused, Unavailable
from ledger_sync.keys import ES256

KEY, OTHER = key_named("card", ES256), key_named("other card", ES256)
LONG, SHORT = 30, 0.3  # seconds: for what comes, and for what never comes
NUMBERS = ("pn532", "wiegand", "sim", "pcsc", "osdp")
CODES = ("serial_qr", "wedge")


def proving(key, *, signs=None, asked=True):
    """How a card with this key proves it, or another thing than was asked."""

    def prove(transaction):
        said = transaction if asked else bytes(32)
        return KeyProof(key.public.raw, (signs or key).sign(said), said)

    return prove


class Hand:
    """Holds one card after the other to a reader, each when the manager is asked for it."""

    def __init__(self, show, remove, *cards):
        self._show, self._remove = show, remove
        self._cards = list(cards)
        self.said = []

    def __call__(self, text):
        self.said.append(text)
        if "hold" in text and self._cards:
            self._remove()
            self._show(self._cards.pop(0))


def tapped(*cards, seconds=LONG):
    reader = SimReader()
    hand = Hand(reader.show, reader.remove, *cards)
    return twice(reader, hand, seconds=seconds), hand.said


def test_a_card_that_proves_its_key_twice_is_that_card():
    card = HeldCard(ANNA.uid, prove=proving(KEY))

    found, said = tapped(card, card)

    assert found == (KEY.public.raw, False, ANNA.uid, 56)
    assert said[0] == "hold the card to the reader"
    assert said[1].endswith("take it away, then hold it there once more")


def test_a_phone_that_draws_a_number_for_each_tap_has_none():
    found, _ = tapped(*(HeldCard(one.uid, prove=proving(KEY)) for one in (ANNA, BO)))

    assert found == (KEY.public.raw, False, b"", 0)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (HeldCard(b"\1", prove=proving(KEY)), HeldCard(b"\1", prove=proving(OTHER)), "twice"),
        (HeldCard(b"\1", prove=proving(KEY)), HeldCard(b"\1"), "a card with the number 01"),
        (HeldCard(b"\1"), HeldCard(b"\1", prove=proving(KEY)), "a card with the key 04"),
        (
            HeldCard(b"\1"),
            HeldCard(b"\2"),
            r"01 \(8 bits\) at first, .* 02 \(8 bits\) then",
        ),
        (HeldCard(b"\1"), HeldCard(b"\1", bits=7), "twice"),
    ],
)
def test_another_card_the_second_time_enrols_nothing(first, second, why):
    with pytest.raises(Refused, match=f"{why}.*nothing was enrolled|nothing was enrolled.*{why}"):
        tapped(first, second)


@pytest.mark.parametrize(
    "prove", [proving(KEY, signs=OTHER), proving(KEY, asked=False)], ids=["forged", "recorded"]
)
def test_a_card_that_does_not_prove_its_key_now_enrols_nothing(prove):
    with pytest.raises(Refused, match="did not prove its key; nothing was enrolled"):
        tapped(HeldCard(b"\1", prove=prove))


def test_without_a_card_in_time_nothing_is_enrolled():
    with pytest.raises(Refused, match=r"no card in 0\.3 seconds; nothing was enrolled"):
        tapped(seconds=SHORT)
    with pytest.raises(Refused, match=r"no card in 0\.3 seconds"):
        tapped(HeldCard(b"\1"), seconds=SHORT)  # one that stays is told once


def test_a_card_that_was_taken_away_too_early_may_be_held_there_again():
    torn = HeldCard(fault="stopped amid its proof")
    whole = HeldCard(b"\1", prove=proving(KEY))

    found, said = tapped(torn, whole, whole)

    assert found.point == KEY.public.raw
    assert said[1] == "the card stopped amid its proof; hold it still and try again"


def test_a_reader_that_is_gone_is_told_and_one_that_ends_is_an_error():
    reader = SimReader()
    reader.unplug()
    said = []

    with pytest.raises(Unavailable, match=r"the reader is not there after 0\.3 seconds; nothing"):
        twice(reader, said.append, seconds=SHORT)
    with pytest.raises(Unavailable, match="the reader has ended"):
        twice(reader, said.append, seconds=LONG)  # closed by the first
    assert said == [f"the reader: {UNPLUGGED}"]


def test_what_a_driver_raises_reaches_whoever_enrols():
    class Broken(SimReader):
        def events(self, ask):
            raise HardwareUnavailable("no such port; check its cable")
            yield

    with pytest.raises(HardwareUnavailable, match="no such port"):
        twice(Broken(), lambda text: None, seconds=LONG)


@pytest.mark.parametrize("name", NUMBERS)
def test_every_reader_of_cards_enrols_a_number(name, tmp_path):
    rig = RIGS[name](tmp_path)
    hand = Hand(rig.show, rig.remove, ANNA, ANNA)
    number, bits, _ = rig.reads(ANNA)

    try:
        found = twice(rig.reader, hand, seconds=LONG)
    finally:
        rig.close()

    assert found == (b"", False, number, bits)


@pytest.mark.parametrize("name", CODES)
def test_a_reader_of_codes_enrols_no_card(name, tmp_path):
    rig = RIGS[name](tmp_path)

    try:
        with pytest.raises(Refused, match="read a code, and no card; nothing was enrolled"):
            twice(rig.reader, Hand(rig.show, rig.remove, ANNA), seconds=LONG)
    finally:
        rig.close()


@pytest.mark.parametrize("trick", [Trick.NONE, Trick.CHAINED, Trick.BIT_FLIP, Trick.REPLAY])
def test_a_card_on_a_pcsc_reader_is_held_to_its_key(trick):
    rig = PcscRig()
    card = SimCard(point=KEY.public.raw, sign=KEY.sign, trick=trick)
    hand = Hand(rig.pcscd.show, rig.remove, card, card)

    try:
        if trick in (Trick.NONE, Trick.CHAINED):
            assert twice(rig.reader, hand, seconds=LONG).point == KEY.public.raw
        else:
            with pytest.raises(Refused, match="did not prove its key"):
                twice(rig.reader, hand, seconds=LONG)
    finally:
        rig.close()


@pytest.fixture
def field(tmp_path):
    """A PN532 on a port of its own; `hold` puts cards into its field, one for each look."""
    made = Field(tmp_path)
    yield made
    made.close()


class Field:
    def __init__(self, tmp_path):
        self.sim = SimPn532(tmp_path / "port")
        self.tap = ("--tap", f"pn532:port={self.sim.path}")
        self._is_over = threading.Event()
        self._threads = []

    def hold(self, *cards):
        """Each card comes and goes, for good."""

        def play():
            while not self._is_over.is_set():
                for card in cards:
                    self.sim.show(card)
                    self.sim.wait_looks(3, SHORT)
                    self.sim.remove()
                    self.sim.wait_looks(8, 1.0)

        self._threads.append(threading.Thread(target=play, daemon=True))
        self._threads[-1].start()

    def close(self):
        self._is_over.set()
        self.sim.close()
        for thread in self._threads:
            thread.join(LONG)


def tag(key=None, uid=ANNA.uid):
    if key is None:
        return Tag(uid)
    brain = SimCard(uid, point=key.public.raw, sign=key.sign)
    return Tag(uid, sak=0x20, answer=brain.answer)


def listed():
    return [line.split()[:3] for line in run("office", "list").stdout.splitlines()]


@pytest.mark.long
def test_a_card_is_enrolled_at_the_command_line_over_a_serial_port(desk, field):
    field.hold(tag(KEY))

    said = run("office", "card", "Okafor", *field.tap)

    assert said.exit_code == 0
    assert "a card that proves its key; next: yardpass office publish" in said.stdout
    assert "its number, never good alone" in said.stdout
    assert "take it away, then hold it there once more" in said.stderr
    assert [row for row in listed() if row[0] == "Okafor"] == [
        ["Okafor", "resident", "card"],
        ["Okafor", "resident", "uid"],
    ]


@pytest.mark.long
def test_a_card_without_a_key_is_refused_unless_that_will_do(desk, main, field):
    field.hold(tag())

    refused = main("office", "card", "Okafor", *field.tap)
    taken = main("office", "card", "Okafor", *field.tap, "--bare")

    assert refused[:2] == (1, "")
    assert "04a1b2c3d4e5f6 (56 bits) proves no key" in refused[2]
    assert refused[2].endswith("if that will do, give --bare\n")
    assert (taken[0], "a bare card number, which proves nothing" in taken[1]) == (0, True)


def test_a_card_that_somebody_else_holds_is_not_given_twice(desk, main, field):
    field.hold(tag(KEY))
    run("office", "card", "Chen", KEY.public.raw.hex())

    refused = main("office", "card", "Okafor", *field.tap)

    assert refused[:2] == (1, "")
    assert "this card is 'Chen's; revoke it there first" in refused[2].replace("''", "'")


def test_a_card_without_the_certificate_that_was_asked_for_is_not_enrolled(desk, main, field):
    field.hold(tag(KEY))

    refused = main("office", "card", "Okafor", *field.tap, "--certified")

    assert refused[:2] == (1, "")
    assert "brought no certificate of its maker" in refused[2]


WRONG = {
    "neither": ([], "give CARD, or --tap"),
    "both": (["04", "--tap", "sim"], "give CARD, or --tap"),
    "bare and typed": (["04", "--bare"], "--bare is for --tap"),
    "a number": (["--tap", "sim", "--number", "04"], "are read with --tap"),
    "bare and written": (["--tap", "sim", "--bare", "--write"], "not both"),
    "no driver": (["--tap", "fax"], "no reader driver 'fax'; there is"),
    "no option": (["--tap", "pn532:speed=1"], "has no option 'speed'; it has port"),
    "no value": (["--tap", "pn532:port"], "'port' is no option; write NAME=VALUE"),
    "no number": (["--tap", "osdp:address=x"], "address = 'x'; give a whole number"),
    "too large": (["--tap", "osdp:address=200"], "give a whole number from 0 to 126"),
    "no flag": (["--tap", "pcsc:feedback=maybe"], "give true or false"),
}


@given(st.text(max_size=60) | st.builds("{}:{}={}".format, *[st.text(max_size=9)] * 3))
def test_any_text_is_a_reader_or_misuse_and_nothing_else(text):
    try:
        assert callable(driver_of(text))
    except click.UsageError as error:
        assert error.message.startswith("--tap ")


@pytest.mark.parametrize("name", WRONG)
def test_a_tap_that_cannot_be_meant_is_misuse_and_enrols_nobody(desk, main, name):
    words, why = WRONG[name]

    exit_code, out, err = main("office", "card", "Okafor", *words)

    assert (exit_code, out) == (2, "")
    assert why in err
    assert [row[0] for row in listed()] == ["Chen"]


def test_a_port_that_is_not_there_is_told_while_it_is_waited_for(desk, main):
    words = ("--tap", "pn532:port=/dev/nowhere", "--seconds", "1")

    exit_code, _, err = main("office", "card", "Okafor", *words)

    assert exit_code == 1
    assert "/dev/nowhere" in err
    assert "the reader is not there after 1 seconds; nothing was enrolled" in err


def test_a_card_for_a_name_that_is_new_and_near_to_another_is_enrolled_with_a_note(desk, main):
    _, _, doubted = main("office", "card", "Chan", "01")
    _, _, sure = main("office", "card", "Chan", "02")

    assert doubted == "note: nobody here is called 'Chan' yet; did you mean 'Chen'?\n"
    assert sure == ""
