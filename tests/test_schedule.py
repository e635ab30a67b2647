"""Local time: the clocks on the wall, on the days they are moved as on all others."""

from datetime import UTC as WORLD
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.policy.schedule import (
    MINUTES,
    UTC,
    Moment,
    Window,
    Zone,
    day_of,
    is_within,
    minute_of,
    moment,
)
from appliance.zones import FIRST_YEAR, LAST_YEAR, zone_of
from ledger_sync.errors import Refused

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe",
         "Africa/Casablanca", "Pacific/Apia", "UTC"]  # fmt: skip
FIRST = int(datetime(FIRST_YEAR, 1, 1, tzinfo=WORLD).timestamp())
LAST = int(datetime(LAST_YEAR, 1, 1, tzinfo=WORLD).timestamp())


def on_the_wall(name, now):
    """What the standard library says of the same moment."""
    local = datetime.fromtimestamp(now, ZoneInfo(name))
    day = local.date().toordinal() - date(1970, 1, 1).toordinal()
    return Moment(local.hour * 60 + local.minute, local.isoweekday(), day)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), st.integers(FIRST, LAST - 1))
@example("Europe/Berlin", 1_774_746_000)
def test_a_moment_is_what_the_clocks_on_the_wall_show(name, now):
    assert moment(zone_of(name), now) == on_the_wall(name, now)


@pytest.mark.parametrize("name", ZONES)
def test_each_second_around_a_change_of_the_clocks_is_told_right(name):
    zone = zone_of(name)
    for change in zone.changes[:12]:
        for now in (change - 1, change, change + 1):
            assert moment(zone, now) == on_the_wall(name, now)


def test_a_day_of_the_spring_has_no_hour_and_one_of_autumn_has_it_twice():
    zone = zone_of("Europe/Berlin")
    spring, autumn = 1_774_738_800, 1_792_879_200  # 2026-03-29 and 2026-10-25, midnight there
    hours = [
        [moment(zone, begin + minute * 60).minute // 60 for minute in range(0, 24 * 60, 60)]
        for begin in (spring, autumn)
    ]

    assert hours[0][:4] == [0, 1, 3, 4]
    assert hours[1][:5] == [0, 1, 2, 2, 3]


def test_before_the_first_change_the_first_offset_stands():
    zone = Zone((100, 200), (0, 3_600, 7_200))

    assert [moment(zone, now).minute for now in (99, 100, 199, 200)] == [1, 61, 63, 123]
    assert moment(UTC, -60) == Moment(1_439, 3, -1)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "Asia", "../x", "/etc/passwd", "A\0B"])
def test_a_zone_that_does_not_exist_is_refused_by_name(name):
    with pytest.raises(Refused, match="is no IANA time zone") as refused:
        zone_of(name)
    assert refused.value.reason == "R-SETTINGS"


def test_a_window_holds_from_its_first_minute_to_before_its_last_on_its_days():
    night = (Window(1_320, 1_440), Window(0, 360, days=0b1100_0000))

    def at(minute, weekday):
        return is_within(night, Moment(minute, weekday, 0))

    assert [at(minute, 1) for minute in (1_319, 1_320, 1_439)] == [False, True, True]
    assert [at(359, day) for day in range(1, 8)] == [False] * 5 + [True] * 2
    assert not at(360, 7)
    assert not is_within((), Moment(0, 1, 0))


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        *(("00:00", 0), ("07:05", 425), ("23:59", 1_439), ("24:00", MINUTES)),
        *(("24:01", None), ("25:00", None), ("7:05", None), ("07:60", None), ("07:05 ", None)),
        *(("٠٧:٠٥", None), (425, None), (None, None), ("-1:00", None)),
    ],
)
def test_a_time_of_day_has_one_spelling(text, minute):
    assert minute_of(text) == minute


@settings(max_examples=300, deadline=None)
@given(st.dates(date(1970, 1, 1)))
def test_a_date_is_counted_as_the_calendar_does(day):
    assert day_of(day.isoformat()) == (day - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "text",
    [
        *("2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-01-00"),
        *("1969-12-31", "26-01-01", "2026-1-1", "2026-01-01T00:00", "２026-01-01", 20_454, None),
    ],
)
def test_what_is_no_date_is_none(text):
    assert day_of(text) is None
