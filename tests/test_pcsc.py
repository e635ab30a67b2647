"""The PC/SC reader against a pcscd in memory: what it tells, once, and how it comes back.

What no memory can show is in tests/test_pcsc_real.py, on the real daemon.
"""

import sys
import threading
import time

import pytest
from makers import signer
from standins.scard_standin import CODES, Pcscd

from hw import drivers
from hw.cards.tap import STOPPED, TORN
from hw.errors import Unavailable
from hw.ports import CardRead, Health
from hw.readers.pcsc import HANGS, NO_BEEP, Patience, PcscOptions, PcscReader, number_of
from hw.sim.card import UID, SimCard, Trick, certificate
from ledger_sync.keys import ES256, verify_es256

NAME = "ACS ACR1252 Dual Reader [PICC] 00 00"
CARD, ISSUER = signer("card", ES256), signer("issuer", ES256)
ASKED = bytes(range(32))
CODE = b"YP1:6BFO+ADYB"
QUICK = Patience(look=0.05, retry=0.01)
WAIT_S = 10.0


def ask():
    return ASKED


def pkoc_card(trick=Trick.NONE):
    held = certificate(CARD.public.raw, ISSUER.sign)
    return SimCard(point=CARD.public.raw, sign=CARD.sign, certificate=held, trick=trick)


class Told:
    """The events of a reader, taken by a thread. `all` is everything so far, `error` what ended
    them."""

    def __init__(self, reader, ask=ask):
        self.all = []
        self.error = None
        self._taken = 0
        self._news = threading.Condition()
        self._events = reader.events(ask)
        self.thread = threading.Thread(target=self._take)
        self.thread.start()

    def _take(self):
        try:
            for event in self._events:
                with self._news:
                    self.all.append(event)
                    self._news.notify_all()
        except (KeyError, Unavailable) as error:
            self.error = error

    def next(self):
        """The next event nobody has asked for."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.all) > self._taken, WAIT_S), self.all
            self._taken += 1
            return self.all[self._taken - 1]

    def ends(self):
        self.thread.join(WAIT_S)
        return not self.thread.is_alive()

    @property
    def kinds(self):
        """`well` or `gone` for each health, `card` or its fault for each card."""
        return [
            ("gone" if event.fault else "well")
            if isinstance(event, Health)
            else event.fault or "card"
            for event in self.all
        ]


@pytest.fixture
def pcscd(monkeypatch):
    return Pcscd(NAME).install(monkeypatch)


@pytest.fixture
def reader(pcscd):
    made = PcscReader(patience=QUICK)
    yield made
    made.close()


@pytest.fixture
def told(reader):
    made = Told(reader)
    assert made.next().fault == ""
    yield made
    reader.close()
    assert made.ends()


# -- cards


def test_the_first_event_says_that_the_reader_is_well(told):
    (health,) = told.all
    assert (health.device, health.fault) == ("pcsc", "")
    assert 0 <= time.monotonic_ns() - health.ticks < WAIT_S * 1e9


def test_a_card_is_told_with_number_and_proof(pcscd, told):
    pcscd.show(pkoc_card())

    card = told.next()

    assert isinstance(card, CardRead)
    assert (card.reader, card.number, card.bits, card.text, card.fault) == (
        *("pcsc", UID, 56, b"", ""),
    )
    assert card.proof is not None and card.proof.transaction == ASKED
    assert verify_es256(CARD.public.raw, card.proof.signature, ASKED)
    assert card.ticks >= told.all[0].ticks


def test_a_tag_is_told_with_its_code(pcscd, told):
    pcscd.show(SimCard(text=CODE))
    card = told.next()
    assert (card.number, card.text, card.proof, card.fault) == (UID, CODE, None, "")


def test_a_card_that_stays_is_told_once_and_again_when_it_was_away(pcscd, told):
    card = SimCard()
    for _ in range(3):
        pcscd.show(card)
        told.next()
        pcscd.wait_for_looks(4)
        pcscd.remove()
        pcscd.wait_for_looks(2)

    assert told.kinds == ["well", "card", "card", "card"]


def test_cards_that_change_places_unseen_are_both_told(pcscd, told):
    pcscd.show(SimCard(b"\1\2\3\4"))
    first = told.next()
    pcscd.swap(SimCard(b"\4\3\2\1"))
    second = told.next()
    assert (first.number, second.number) == (b"\1\2\3\4", b"\4\3\2\1")


def test_a_card_that_lies_there_at_the_start_is_told(pcscd, reader):
    pcscd.show(SimCard())
    told = Told(reader)
    assert told.next().fault == "" and told.next().number == UID


def test_a_card_that_gives_no_sign_is_not_told(pcscd, told):
    pcscd.show(SimCard(), is_mute=True)
    pcscd.wait_for_looks(3)
    pcscd.remove()
    pcscd.show(SimCard())
    told.next()
    assert told.kinds == ["well", "card"]


def test_a_card_that_stops_is_a_fault_and_the_next_is_read(pcscd, told):
    for trick in (Trick.STOPS, Trick.OVERSIZE, Trick.NONE):
        pcscd.show(pkoc_card(trick))
        told.next()
        pcscd.remove()

    assert told.kinds == ["well", STOPPED, "an answer of more than 4096 bytes", "card"]
    assert [card.proof is None for card in told.all[1:]] == [True, True, False]


@pytest.mark.parametrize("call", ["connect", "transmit"])
@pytest.mark.parametrize(
    "code",
    [
        "SCARD_E_NO_SMARTCARD",
        "SCARD_E_NOT_TRANSACTED",
        "SCARD_E_SHARING_VIOLATION",
        "SCARD_W_REMOVED_CARD",
        "SCARD_W_UNRESPONSIVE_CARD",
    ],
)
def test_a_card_that_leaves_at_once_is_a_fault_of_the_card(pcscd, told, call, code):
    pcscd.faults[call] = CODES[code]
    pcscd.show(SimCard())

    assert told.next().fault == TORN
    assert told.kinds == ["well", TORN]


class EmptyAnswers(SimCard):
    def answer(self, sent):
        return b""


def test_an_answer_without_a_byte_is_a_card_that_left(pcscd, told):
    pcscd.show(EmptyAnswers())
    assert told.next().fault == TORN


class Clock:
    """Ticks that are moved by hand."""

    def __init__(self):
        self.ticks = 1_000_000_000

    def __call__(self):
        return self.ticks


class Slow(SimCard):
    """Takes so many seconds over its signature."""

    def __init__(self, clock, seconds):
        super().__init__(point=CARD.public.raw, sign=CARD.sign, text=CODE)
        self._clock, self._seconds = clock, seconds

    def _signed(self, transaction):
        self._clock.ticks += int(self._seconds * 1e9)
        return super()._signed(transaction)


@pytest.mark.parametrize(("seconds", "fault"), [(3.0, ""), (3.1, STOPPED)])
def test_a_card_may_take_three_seconds(pcscd, seconds, fault):
    clock = Clock()
    reader = PcscReader(clock=clock)
    told = Told(reader)
    told.next()
    pcscd.show(Slow(clock, seconds))

    card = told.next()

    assert (card.fault, card.proof is None) == (fault, fault != "")
    reader.close()
    assert told.ends()


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("010203049000", "01020304"),
        ("080203049000", ""),  # drawn anew each time
        ("080203040506079000", "08020304050607"),
        ("04A1B2C3D4E5F69000", "04A1B2C3D4E5F6"),
        ("E0040100112233449000", "E004010011223344"),
        ("0102030405060708090A9000", "0102030405060708090A"),
        ("0102039000", ""),
        ("9000", ""),
        ("6A81", ""),
        ("01020304" + "6A81", ""),
        ("90", ""),
        ("", ""),
    ],
)
def test_a_number_is_what_the_reader_gives_if_the_card_keeps_it(answer, number):
    assert number_of(bytes.fromhex(answer)) == bytes.fromhex(number)


def test_a_phone_is_told_without_its_number(pcscd, told):
    pcscd.show(SimCard(b"\x08\1\2\3"))
    card = told.next()
    assert (card.number, card.bits, card.fault) == (b"", 0, "")


# -- the reader goes and comes back


def test_a_reader_that_is_unplugged_is_followed_back_20_of_20_times(pcscd, told):
    for number in range(20):
        pcscd.unplug()
        gone = told.next()
        pcscd.plug(NAME)
        well = told.next()
        pcscd.show(SimCard(bytes((16 + number, 2, 3, 4))))
        card = told.next()

        assert gone.fault.endswith(("plug it in again", "see 'pcsc_scan -r'"))
        assert well.fault == ""
        assert card.number[0] == 16 + number
        assert card.ticks - well.ticks < 5e9
    assert told.kinds == ["well", *["gone", "well", "card"] * 20]
    assert len(pcscd.contexts) == 1


def test_a_pcscd_that_restarts_is_followed_back_20_of_20_times(pcscd, told):
    for _ in range(20):
        pcscd.stop()
        gone = told.next()
        pcscd.start()
        well = told.next()
        pcscd.show(pkoc_card())
        card = told.next()
        pcscd.remove()

        assert "systemctl restart pcscd" in gone.fault
        assert card.proof is not None and card.ticks - well.ticks < 5e9
    assert told.kinds == ["well", *["gone", "well", "card"] * 20]
    assert len(pcscd.contexts) == 1


def test_a_reader_that_stays_away_is_told_once(pcscd, told):
    pcscd.stop()
    told.next()
    pcscd.start()
    told.next()
    pcscd.unplug()
    assert "plug it in" in told.next().fault
    pcscd.stop()
    pcscd.start()  # pcscd is back, the reader is not
    pcscd.plug(NAME)
    told.next()
    assert told.kinds == ["well", "gone", "well", "gone", "well"]


def test_without_pcscd_the_first_event_is_that_it_is_gone(pcscd, reader):
    pcscd.stop()
    told = Told(reader)
    gone = told.next()
    pcscd.start()
    assert told.next().fault == ""
    assert "Service" in gone.fault or "SERVICE" in gone.fault


def test_a_user_whom_polkit_keeps_out_reads_what_to_do(pcscd, reader):
    pcscd.faults["establish"] = CODES["SCARD_W_SECURITY_VIOLATION"]
    told = Told(reader)
    assert "let polkit grant org.debian.pcsc-lite.access_pcsc" in told.next().fault


class Fatal(SimCard):
    """A card amid whose first proof the daemon dies."""

    def __init__(self, pcscd):
        super().__init__(point=CARD.public.raw, sign=CARD.sign)
        self._deaths = iter([pcscd.stop])

    def _signed(self, transaction):
        next(self._deaths, int)()
        return super()._signed(transaction)


def test_a_pcscd_that_dies_amid_a_proof_is_not_the_fault_of_the_card(pcscd, told):
    pcscd.show(Fatal(pcscd))
    assert "pcscd does not answer" in told.next().fault
    pcscd.start()
    told.next()
    card = told.next()  # it lies there still, and nobody has told it yet

    assert card.proof is not None
    assert told.kinds == ["well", "gone", "well", "card"]


@pytest.mark.parametrize("name", ["ACR1252", "00 00", ""])
def test_a_reader_is_found_by_a_part_of_its_name(pcscd, name):
    pcscd.plug("Other 01 00")
    reader = PcscReader(PcscOptions(name=name), patience=QUICK)
    told = Told(reader)
    assert told.next() == Health(f"pcsc {name}".rstrip(), told.all[0].ticks)
    reader.close()
    assert told.ends()


def test_a_reader_of_another_name_is_not_taken(pcscd):
    reader = PcscReader(PcscOptions(name="PN532"), patience=QUICK)
    told = Told(reader)
    fault = told.next().fault
    reader.close()
    assert told.ends()
    assert fault.startswith(f"no card reader named 'PN532', only {NAME}; plug it in")
    assert pcscd.contexts == set()


# -- what hangs


class Hanging(SimCard):
    """Does not answer until it is let go."""

    def __init__(self):
        super().__init__()
        self.is_asked, self.let_go = threading.Event(), threading.Event()

    def answer(self, sent):
        self.is_asked.set()
        self.let_go.wait(WAIT_S)
        return super().answer(sent)


@pytest.fixture
def hanging(pcscd):
    """A card that hangs at a reader, whose events have told so."""
    clock, card = Clock(), Hanging()
    reader = PcscReader(patience=QUICK, clock=clock)
    told = Told(reader)
    told.next()
    pcscd.show(card)
    assert card.is_asked.wait(WAIT_S)
    clock.ticks += 6 * 10**9
    assert told.next().fault == HANGS
    yield reader, told, card, clock
    card.let_go.set()
    reader.close()
    assert told.ends()


def test_a_card_that_does_not_answer_is_told_once_and_so_is_its_end(hanging):
    _, told, card, _ = hanging
    card.let_go.set()
    told.next()
    told.next()

    assert told.kinds == ["well", "gone", "well", TORN]


def test_close_ends_the_events_soon_though_a_card_hangs(hanging):
    reader, told, *_ = hanging

    began = time.monotonic()
    reader.close()

    assert told.ends()
    assert time.monotonic() - began < 0.5


# -- the end


def test_close_from_another_thread_ends_the_events_within_half_a_second(pcscd):
    reader = PcscReader()
    told = Told(reader)
    told.next()

    began = time.monotonic()
    reader.close()
    reader.close()

    assert told.ends()
    assert time.monotonic() - began < 0.5
    assert pcscd.contexts == set()
    assert list(reader.events(ask)) == []


def test_close_ends_the_wait_for_a_reader_that_is_gone(pcscd):
    pcscd.stop()
    reader = PcscReader()
    told = Told(reader)
    told.next()

    began = time.monotonic()
    reader.close()

    assert told.ends()
    assert time.monotonic() - began < 0.5


def test_a_closed_reader_tells_nothing(pcscd, reader):
    reader.close()
    assert list(reader.events(ask)) == []
    assert pcscd.contexts == set()


def test_events_that_nobody_wants_any_more_leave_nothing_open(pcscd, reader):
    events = reader.events(ask)
    assert next(events).fault == ""
    events.close()
    assert pcscd.contexts == set()


def test_a_second_ask_for_events_ends_the_first(pcscd, reader):
    first = Told(reader)
    first.next()
    second = Told(reader)
    second.next()

    assert first.ends()
    pcscd.show(SimCard())
    assert second.next().number == UID
    assert first.kinds == ["well"]


def test_no_card_is_read_before_the_last_was_taken(pcscd, reader):
    card = SimCard()
    events = reader.events(ask)
    next(events)
    pcscd.show(card)
    assert list(card.history) == []
    assert next(events).number == UID
    events.close()


def test_what_ask_raises_ends_the_events_with_it(pcscd, reader):
    def no_ask():
        raise KeyError("no gate")

    told = Told(reader, no_ask)
    pcscd.show(pkoc_card())
    assert told.ends()
    assert isinstance(told.error, KeyError)
    assert told.kinds == ["well"]
    assert pcscd.contexts == set()


# -- settings


@pytest.mark.parametrize(("feedback", "quiet"), [(True, False), (False, True)])
@pytest.mark.parametrize("name", ["ACS ACR122U PICC Interface 00 00", NAME])
def test_an_acr122_is_kept_from_beeping_when_asked(monkeypatch, feedback, quiet, name):
    pcscd = Pcscd(name).install(monkeypatch)
    reader = PcscReader(PcscOptions(feedback=feedback), patience=QUICK)
    told = Told(reader)
    card = SimCard()
    told.next()
    pcscd.show(card)
    told.next()
    reader.close()
    assert told.ends()
    sent = [exchange.sent for exchange in card.history]
    assert (NO_BEEP in sent) == (quiet and "ACR122U" in name)


def test_without_pyscard_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(Unavailable, match=r"python3-pyscard.*yardpass\[pcsc\]"):
        drivers.make("reader", "pcsc", {})


def test_a_reader_is_made_by_its_name_also_without_pcscd(pcscd):
    pcscd.stop()
    made = drivers.make("reader", "pcsc", {"name": "ACR1252", "feedback": False})
    assert isinstance(made, PcscReader)
    made.close()
