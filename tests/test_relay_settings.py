"""relayd's part of the settings: all its faults at once, and nothing of the rest of the file.

Any bytes are settings, or refused with a line for each fault.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settings_faults import faults, written

from appliance import relay_settings
from appliance.relay_limits import Limits
from appliance.relay_settings import RelaydSettings
from appliance.settings import Driver
from appliance.settings import load as load_all
from hw.gate_io import PinOptions
from hw.ports import MAX_PULSE_MS
from ledger_sync.errors import Refused, Unavailable

PLAIN = '[relay]\ndriver = "relayd"\n\n[relayd]\npin = 17\n'
REST = """
[site]
origin = "yardpass/hz07"
audience = "yp:hz07"
[terminal]
name = "north-1"
gate = "north"
direction = "in"
zones = [0, 2]
[camera]
driver = "files"
paths = ["pictures"]
[files]
"""
PIN = "accepted: a whole number from 9 to 27"
USERS = 'accepted: a list of user names or numbers, such as ["yardpass"]'
KNOWN = (
    "known are pin, active_high, factory, pins_file, users, max_pulse_ms, gap_ms, "
    "pulses_a_minute, duty_percent, lease_ms"
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "site.toml"


def test_a_pin_is_enough_and_the_rest_has_defaults(file):
    assert relay_settings.load(written(file, PLAIN)) == RelaydSettings(
        socket=file.parent / "relay.sock",
        pin=PinOptions(17, True, "lgpio", ""),
        limits=Limits(),
        users=(),
    )


def test_every_key_is_taken(file):
    text = PLAIN.replace('"relayd"', '"relayd"\nsocket = "/run/yardpass/relay.sock"') + (
        "active_high = false\nfactory = 'file'\npins_file = 'p'\nusers = ['yardpass', 7]\n"
        "max_pulse_ms = 50\ngap_ms = 60000\npulses_a_minute = 600\nduty_percent = 1\n"
        "lease_ms = 100\n"
    )

    made = relay_settings.load(written(file, text))

    assert str(made.socket) == "/run/yardpass/relay.sock"
    assert made.pin == PinOptions(17, False, "file", str(file.parent / "p"))
    assert made.limits == Limits(50, 60_000, 600, 1, 100)
    assert made.users == ("yardpass", 7)


WRONG = [
    ("pin = 17", "", f"4: relayd.pin = nothing; {PIN}"),
    ("17", "8", f"5: relayd.pin = 8; {PIN}"),
    ("17", "28", f"5: relayd.pin = 28; {PIN}"),
    ("17", "true", f"5: relayd.pin = True; {PIN}"),
    ("17", "17.0", f"5: relayd.pin = 17.0; {PIN}"),
    ("pin", "pins", f"5: relayd.pins is unknown; {KNOWN}"),
    ("17", "17\nactive_high = 1", "6: relayd.active_high = 1; accepted: true, false"),
    ("17", "17\nfactory = 'native'", "6: relayd.factory = 'native'; accepted: lgpio, mock, file"),
    ("17", "17\nfactory = ['mock']", "6: relayd.factory = ['mock']; accepted: lgpio, mock, file"),
    ("17", "17\npins_file = ''", "6: relayd.pins_file = ''; accepted: a path"),
    ("17", "17\nusers = 'root'", f"6: relayd.users = 'root'; {USERS}"),
    ("17", "17\nusers = ['Root']", f"6: relayd.users = ['Root']; {USERS}"),
    ("17", "17\nusers = [-1]", f"6: relayd.users = [-1]; {USERS}"),
    ("17", "17\nusers = [true]", f"6: relayd.users = [True]; {USERS}"),
    (
        "17",
        "17\nmax_pulse_ms = 5001",
        "6: relayd.max_pulse_ms = 5001; accepted: a whole number from 50 to 5000",
    ),
    ("17", "17\ngap_ms = -1", "6: relayd.gap_ms = -1; accepted: a whole number from 0 to 60000"),
    (
        "17",
        "17\nlease_ms = 99",
        "6: relayd.lease_ms = 99; accepted: a whole number from 100 to 60000",
    ),
    ('"relayd"', '"relayd"\nsocket = 1', "3: relay.socket = 1; accepted: a path"),
    ('"relayd"', '"relayd"\nsocket = "a\\u0000"', "3: relay.socket = 'a\\x00'; accepted: a path"),
    ("[relayd]\npin = 17", "", "1: [relayd] is missing; write one line [relayd], then its keys"),
    ("[relay]\n", "", "1: [relay] is missing; write one line [relay], then its keys"),
]


@pytest.mark.parametrize(("old", "new", "fault"), WRONG)
def test_a_wrong_key_is_told_with_its_line_by_relayd_and_by_the_gate(file, old, new, fault):
    text = PLAIN.replace(old, new, 1)
    assert text != PLAIN
    assert fault in faults(relay_settings.load, file, text)
    if "[relay] is" not in fault:
        assert fault in faults(load_all, file, text + REST)


def test_all_faults_are_told_at_once(file):
    text = PLAIN.replace("17", "3\ngap_ms = 'a'\nusers = 1")

    assert faults(relay_settings.load, file, text) == [
        f"5: relayd.pin = 3; {PIN}",
        "6: relayd.gap_ms = 'a'; accepted: a whole number from 0 to 60000",
        f"7: relayd.users = 1; {USERS}",
    ]


def test_a_fault_elsewhere_does_not_take_the_relay_away(file):
    text = PLAIN + "[camera]\ndriver = 7\n[eye]\nno = 1\n[new]\n"

    assert relay_settings.load(written(file, text)).pin.pin == 17


def test_no_longest_pulse_is_longer_than_a_relay_driver_accepts():
    (longest,) = (
        one for one in Limits.__dataclass_fields__.values() if one.name == "max_pulse_ms"
    )
    assert longest.metadata["most"] == MAX_PULSE_MS


# -- what the gate makes of it


def test_the_gate_is_told_where_relayd_is_and_which_way_it_leads(file):
    for way, is_out in (("in", False), ("out", True)):
        text = PLAIN + REST.replace('"in"', f'"{way}"')
        made = load_all(written(file, text))
        options = {"socket": str(file.parent / "relay.sock"), "way_out": is_out}
        assert made.relay == Driver("relayd", options)


def test_a_gate_that_would_drive_a_pin_itself_is_told_what_to_write_instead(file):
    text = PLAIN.replace('"relayd"', '"gpio"\npin = 17')

    assert faults(load_all, file, text + REST) == [
        "2: relay.driver = 'gpio'; a gate drives no pin itself: write driver = \"relayd\", "
        "and under [relayd] pin = N",
        "3: relay.pin is unknown; known are driver, pulse_ms, socket; the pin and its limits "
        "stand under [relayd]",
    ]


def test_the_way_out_is_what_the_terminal_says_and_no_setting_of_the_relay(file):
    text = PLAIN.replace('"relayd"', '"relayd"\nway_out = true')

    (fault,) = faults(load_all, file, text + REST)

    assert fault.startswith("3: relay.way_out is unknown; ")


def test_a_pulse_longer_than_relayd_allows_is_told_before_anybody_waits_at_the_gate(file):
    text = PLAIN.replace('"relayd"', '"relayd"\npulse_ms = 900').replace(
        "17", "17\nmax_pulse_ms = 800"
    )

    assert faults(load_all, file, text + REST) == [
        "3: relay.pulse_ms = 900 is longer than relayd.max_pulse_ms = 800; make one of them fit"
    ]


def test_a_relay_that_moves_nothing_needs_no_relayd(file):
    text = '[relay]\ndriver = "sim"\n' + REST

    assert load_all(written(file, text)).relay == Driver("sim", {})


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cut=st.tuples(st.integers(0, len(PLAIN)), st.integers(0, 12), st.binary(max_size=12)),
    whole=st.none() | st.binary(max_size=100),
)
def test_any_bytes_are_settings_or_refused(file, cut, whole):
    at, size, put = cut
    plain = PLAIN.encode()
    written(file, plain[:at] + put + plain[at + size :] if whole is None else whole)
    try:
        assert isinstance(relay_settings.load(file), RelaydSettings)
    except (Refused, Unavailable) as error:
        assert str(error)
    assert list(file.parent.iterdir()) == [file]
