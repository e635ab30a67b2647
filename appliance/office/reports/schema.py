"""What stands in the SQLite file that a site's days are written to: tables, columns, views. Pure.

The page appliance/office/README.md explains each; a test holds it to this and to a real file.
"""

from typing import NamedTuple


class Field(NamedTuple):
    """A column: its name, its type, what it holds."""

    name: str
    kind: type[int] | type[str]
    what: str


TABLES: dict[str, tuple[Field, ...]] = {
    "about": (
        Field("name", str, "what is told"),
        Field("value", str, "and its value: site, terminal, from, to, written, ledger_size"),
    ),
    "checks": (
        Field("id", str, "the feed's origin, a colon, the number of the entry: its own for good"),
        Field("at", int, "when, Unix seconds by the terminal's clock"),
        Field("time", str, "the same by the site's clocks, YYYY-MM-DD HH:MM"),
        Field("day", str, "the day of that"),
        Field("hour", int, "the hour of that, 0 to 23"),
        Field("terminal", str, "which terminal"),
        Field("gate", str, "which gate"),
        Field("way", str, "in or out"),
        Field("verdict", str, "GREEN, YELLOW, RED or GREY"),
        Field("action", str, "OPEN, ASK (the guard was asked) or DENY"),
        Field("reason", str, "the reason that decided, empty for a plain green"),
        Field("reasons", str, "all reasons, with spaces between"),
        Field("class", str, "of the pass, empty where nothing was proven"),
        Field("resident", str, "whose pass it was by the office's roll, empty if not on it"),
        Field("visitor", str, "an invited visitor as office deny --visitor takes one, else empty"),
        Field("until_at", int, "when the visitor's invite ends, Unix seconds; 0 for none"),
        Field("ledger_size", int, "entries of the ledger that was judged by"),
        Field("ledger_age_seconds", int, "how long the office had not been heard; null for never"),
        Field("software", str, "what made the check: the version that the terminal ran"),
    ),
    "alarms": (
        Field("at", int, "when, Unix seconds"),
        Field("time", str, "the same by the site's clocks"),
        Field("day", str, "the day of that"),
        Field("terminal", str, "which terminal"),
        Field("gate", str, "which gate"),
        Field("kind", str, "forced, held, stuck, tamper, fire ..., or that it is over"),
    ),
    "acts": (
        Field("at", int, "when, Unix seconds"),
        Field("time", str, "the same by the site's clocks"),
        Field("day", str, "the day of that"),
        Field("terminal", str, "which terminal"),
        Field("guard", str, "who signed it, by the ledger; UNSIGNED where no guard did"),
        Field("kind", str, "open, in, out, note, begin, end or handover"),
        Field("object", str, "the gate, the visitor, or the key that took over; - for none"),
        Field("remark", str, "what the guard wrote, empty after 30 days"),
    ),
    "terminals": (
        Field("name", str, "which terminal"),
        Field("gate", str, "its gate"),
        Field("last_record_at", int, "its newest record, Unix seconds; 0 for none"),
        Field("ledger_of_at", int, "when it had heard of the office at its last check; 0: never"),
        Field("entries_behind", int, "how many entries its ledger lacked then; null before any"),
        Field("software", str, "what made its newest check, empty before any"),
    ),
    "passes": (
        Field("resident", str, "whose, by the office's roll"),
        Field("class", str, "resident, household, staff ..."),
        Field("carrier", str, "key (a phone), card, uid (a bare number), print"),
        Field("zones", str, "numbers of the zones, with spaces between"),
        Field("expires_at", int, "when it ends, Unix seconds"),
        Field("expires", str, "the same by the site's clocks"),
        Field("status", str, "in force, suspended or condition"),
    ),
    "reasons": (
        Field("code", str, "a reason code"),
        Field("meaning", str, "what the guard reads"),
    ),
}

KEYS = {"about": "name", "checks": "id", "terminals": "name", "reasons": "code"}
"""Table -> its primary key."""

INDEXES = {"checks": ("day", "gate", "resident"), "alarms": ("day",), "acts": ("day",)}


class View(NamedTuple):
    """A view: what it is for, its columns, its query."""

    what: str
    columns: tuple[str, ...]
    query: str


VIEWS = {
    "reasons_by_day": View(
        "how often each reason decided, by day and gate, whatever the gate did",
        ("day", "gate", "reason", "meaning", "checks"),
        """SELECT day, gate, reason, meaning, count(*) AS checks
FROM checks LEFT JOIN reasons ON code = reason WHERE reason <> ''
GROUP BY day, gate, reason ORDER BY day, checks DESC""",
    ),
    "denied": View(
        "every check that was denied, the newest first",
        ("time", "gate", "reason", "meaning", "resident", "software"),
        """SELECT time, gate, reason, meaning, resident, software
FROM checks LEFT JOIN reasons ON code = reason WHERE action = 'DENY' ORDER BY at DESC""",
    ),
    "opens": View(
        "every opening by hand with its guard and reason, the newest first",
        ("time", "object", "guard", "remark"),
        """SELECT time, object, guard, remark FROM acts WHERE kind = 'open' ORDER BY at DESC""",
    ),
    "people_by_hour": View(
        "how many the gates let through, by day, hour, gate and way",
        ("day", "hour", "gate", "way", "people"),
        """SELECT day, hour, gate, way, count(*) AS people
FROM checks WHERE action = 'OPEN' GROUP BY day, hour, gate, way ORDER BY day, hour, gate""",
    ),
    "visitor_moves": View(
        "where invited visitors went, in order",
        ("time", "gate", "way", "visitor", "until_at"),
        """SELECT time, gate, way, visitor, until_at
FROM checks WHERE visitor <> '' AND action = 'OPEN' ORDER BY at""",
    ),
}
