"""The watchlist: alarms of all gates that nothing has ended, as a terminal has heard of them."""

from collections.abc import Iterator

from ledger_sync.errors import Refused
from ledger_sync.feed import hlc_of
from ledger_sync.gate_alarm import ALARM, GateAlarm, alarm_of, standing
from ledger_sync.recent import recent
from ledger_sync.shelf import Held, Shelf
from ledger_sync.store import Store


def standing_alarms(store: Store) -> list[tuple[str, GateAlarm]]:
    """(terminal, alarm), terminals by name. A terminal that was restarted begins anew: it says
    again what still holds. Raises `Unavailable`."""
    shelf = Shelf(store)
    feeds = shelf.feeds()
    earlier = {(one.kid, one.previous) for one in feeds}
    newest: dict[str, Held] = {}
    for held in feeds:  # in the order they came, which need not be that in which they were begun
        if (held.kid, held.incarnation) not in earlier:
            newest[held.origin.split("/")[-2]] = held
    return [
        (name, alarm)
        for name, held in sorted(newest.items())
        for alarm in standing(list(_alarms(shelf, held)))
    ]


def _alarms(shelf: Shelf, held: Held) -> Iterator[GateAlarm]:
    """What of the last entries is an alarm that can be read, in their order."""
    pairs = sorted(recent(shelf, held, 0), key=lambda pair: hlc_of(pair[0]))
    for entry, _ in pairs:
        if entry[:1] == bytes((ALARM,)):
            try:
                yield alarm_of(entry)
            except Refused:
                continue  # a feed of a later version, or of a broken terminal
