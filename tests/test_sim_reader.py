"""The reader made of memory: for the demo, for training and for tests of what stands behind it."""

from hw import drivers
from hw.ports import CardRead, Health, KeyProof
from hw.sim.reader import MAX_HISTORY, MAX_WAITING, HeldCard, SimReader, SimReaderEvent

CARD = HeldCard(b"\x01\x02\x03", text=b"YP1:A")


def make():
    ticks = iter(range(100, 100_000))
    return SimReader(clock=lambda: next(ticks))


def test_it_tells_what_was_held_to_it_when_it_was_held():
    reader = make()
    reader.show(CARD)
    reader.show(CARD)
    reader.remove()
    reader.show(HeldCard(b"\x0f\xff", bits=12, fault="it stopped"))
    events = reader.events(lambda: b"")

    assert [next(events) for _ in range(3)] == [
        Health("sim", 104),
        CardRead("sim", 100, b"\x01\x02\x03", 24, b"YP1:A"),
        CardRead("sim", 103, b"\x0f\xff", 12, fault="it stopped"),
    ]
    reader.close()
    assert list(events) == []


def test_a_card_with_a_key_signs_what_it_is_asked_to():
    reader = make()
    reader.show(HeldCard(prove=lambda asked: KeyProof(b"point", b"signed " + asked, asked)))
    events = reader.events(lambda: b"now")
    next(events)

    assert next(events).proof == KeyProof(b"point", b"signed now", b"now")


def test_its_history_tells_everything_in_order():
    reader = make()
    reader.show(CARD)
    reader.remove()
    reader.unplug()
    reader.plug()
    reader.close()
    reader.close()

    assert reader.history == (
        SimReaderEvent("show", 100, CARD),
        SimReaderEvent("remove", 101),
        SimReaderEvent("unplug", 102),
        SimReaderEvent("plug", 103),
        SimReaderEvent("closed", 104),
    )


def test_what_is_held_to_an_unplugged_reader_is_told_when_it_is_back():
    reader = make()
    reader.unplug()
    reader.unplug()
    events = reader.events(lambda: b"")
    assert next(events).fault.endswith("plug it in again")
    reader.show(CARD)
    reader.plug()
    reader.plug()

    assert next(events).fault == ""
    assert next(events).text == b"YP1:A"


def test_history_and_what_waits_are_bounded():
    reader = make()
    for number in range(MAX_HISTORY + 10):
        reader.show(HeldCard(number.to_bytes(4)))
    assert len(reader.history) == MAX_HISTORY
    events = reader.events(lambda: b"")
    next(events)
    assert next(events).number == (MAX_HISTORY + 10 - MAX_WAITING).to_bytes(4)


def test_it_is_a_driver_with_a_name():
    reader = drivers.make("reader", "sim", {"name": "north"})
    assert next(reader.events(lambda: b"")).device == "north"
