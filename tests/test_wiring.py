"""Invariant: a wiring is laid over the settings so that both say what they said, the wiring last;
or it is refused. Whatever it says, who and where the terminal is stays the office's."""

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.provision.wiring import laid
from ledger_sync.errors import Refused

SETTINGS = """\
# Of one terminal.

[site]
origin = "yardpass/hz07"
[terminal]
name = "north-1"
[sync]
listen = "0.0.0.0:7461"  # where others reach it

[camera]
driver = "picamera2"
[relayd]
pin = 17
"""


def test_without_a_wiring_the_settings_are_the_office_s():
    assert laid(SETTINGS, "").text == SETTINGS


def test_new_tables_stand_behind_and_more_of_a_table_in_it():
    found = laid(SETTINGS, "[sync]\ndiscover = true\n[[reader]]\ndriver = 'sim'\n").text

    assert found == SETTINGS.replace("[sync]\n", "[sync]\ndiscover = true\n") + (
        "\n[[reader]]\ndriver = 'sim'\n"
    )


def test_what_the_wiring_says_of_a_part_goes_over_what_the_office_said():
    wiring = "[relayd]  # low-active\npin = 22\nactive_high = false\n[camera]\ndriver = 'v4l2'\n"

    tables = tomllib.loads(laid(SETTINGS, wiring).text)

    assert tables["relayd"] == {"pin": 22, "active_high": False}
    assert tables["camera"] == {"driver": "v4l2"}
    assert tables["sync"] == {"listen": "0.0.0.0:7461"}


@pytest.mark.parametrize("name", ["site", "terminal", "files"])
def test_who_and_where_a_terminal_is_no_wiring_says(name):
    with pytest.raises(Refused, match=rf"\[{name}\] is the office's") as refused:
        laid(SETTINGS, f"[{name}]\nname = 'south-1'\n")

    assert refused.value.reason == "R-SETTINGS"


@pytest.mark.parametrize(
    ("wiring", "why"),
    [
        ("[sync", r"no TOML \(Expected"),
        ("[sync]\ndiscover = true\ndiscover = true\n", r"no TOML \(.*line 3"),
        ("sync.discover = true", "each table as"),
        ("sync = { discover = true }", "each table as"),
        ("[[camera]]\ndriver = 'sim'", "each table as"),
        ("[x]\na = [\n[1],\n[sync]\n]", "no TOML"),
    ],
)
def test_what_cannot_be_laid_in_by_lines_is_refused(wiring, why):
    with pytest.raises(Refused, match=f"the wiring: .*{why}"):
        laid(SETTINGS, wiring)


def test_a_fault_is_told_by_its_line_in_the_wiring():
    made = laid(SETTINGS, "# ours\n[sync]\ndiscover = 1\n[sensors]\ncontct = 23\n")
    lines = [line.text for line in made.lines]
    discover, contact, driver = (
        1 + lines.index(text) for text in ("discover = 1", "contct = 23", 'driver = "picamera2"')
    )

    said = made.told(
        f"/x/a:{discover}: one\n/x/a:{contact}: two\n/x/a:{driver}: 3\n/x/a: 4", "/x/a"
    )

    assert said.splitlines() == [
        "the wiring, line 3: one",
        "the wiring, line 5: two",
        "the settings with this wiring: 3",
        "the settings with this wiring: 4",
    ]


def test_settings_that_are_none_are_left_to_whoever_loads_them():
    assert laid("name = \x7f", "[sync]\n").text == "name = \x7f\n"


names = st.sampled_from(["site", "terminal", "sync", "camera", "relayd", "sensors", "a-b"])
keys = st.sampled_from(["pin", "driver", "listen", "x"])
values = st.sampled_from(
    ["1", "true", "'a'", '"[sync]"', "[1, [2]]", "[\n  'a',\n]", "'''\n[sync]\n'''"]
)
tables = st.dictionaries(names, st.dictionaries(keys, values, max_size=3), max_size=4)


@given(tables)
@example({"sync": {"x": "'''\n[camera]\npin = 1\n'''"}})
@example({"sensors": {"x": "[\n[1]\n]"}})
def test_any_tables_are_in_the_settings_or_refused(wanted):
    wiring = "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())
        for name, table in wanted.items()
    )
    own, more = tomllib.loads(SETTINGS), tomllib.loads(wiring)
    try:
        found = tomllib.loads(laid(SETTINGS, wiring).text)
    except Refused:
        return
    for name in own | more:
        assert found[name] == own.get(name, {}) | more.get(name, {})
    assert (found["site"], found["terminal"]) == (own["site"], own["terminal"])


@given(st.text() | st.text(alphabet="[]=\n\"'#.ax1 \r"))
def test_any_text_is_laid_in_or_refused(wiring):
    try:
        made = laid(SETTINGS, wiring)
    except Refused:
        return
    assert tomllib.loads(made.text)["site"] == {"origin": "yardpass/hz07"}
    told = [line.text for line in made.lines if line.number]
    assert all(one in wiring.split("\n") for one in told)
