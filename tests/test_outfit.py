"""What a gate is fitted with, from its settings: all of it may be missing, and every fault is told
with its line, all at once."""

import pytest

from appliance import document, outfit
from appliance.door_config import GateConfig
from appliance.outfit import Driver, Outfit


def read(tmp_path, text, *, has_devices=True):
    path = tmp_path / "site.toml"
    path.write_text(text)
    found, faults = outfit.of(document.read(path), has_devices=has_devices)
    return found, [f"{line}: {what}" for line, what in faults]


def test_nothing_is_needed(tmp_path):
    assert read(tmp_path, "") == (Outfit(), [])
    assert Outfit().door == GateConfig(has_contact=False)


def test_everything_that_is_fitted_is_there_in_its_order(tmp_path):
    text = """
[[reader]]
driver = "pn532"
port = "/dev/ttyS0"
[[reader]]
driver = "sim"
[sensors]
driver = "gpio"
contact = 23
fire = 24
[indicator]
driver = "sim"
[sounds]
folder = "/clips"
[door]
held_alarm_ms = 45000
fail_safe = false
"""
    found, faults = read(tmp_path, text)

    assert faults == []
    assert found == Outfit(
        readers=(Driver("pn532", {"port": "/dev/ttyS0"}), Driver("sim", {})),
        sensors=Driver("gpio", {"contact": 23, "fire": 24}),
        indicators=(Driver("sim", {}), Driver("sounds", {"folder": "/clips"})),
        door=GateConfig(held_alarm_ms=45_000, fail_safe=False, has_contact=True),
    )


@pytest.mark.parametrize(
    ("sensors", "has_contact"),
    [
        ('driver = "gpio"\nfire = 24', False),
        ('driver = "gpio"\ncontact = 23', True),
        ('driver = "sim"', True),
        ('driver = "sim"\nwired = ["fire"]', False),
    ],
)
def test_a_gate_has_a_contact_if_one_is_wired(tmp_path, sensors, has_contact):
    found, faults = read(tmp_path, f"[sensors]\n{sensors}\n")

    assert (found.door.has_contact, faults) == (has_contact, [])


def test_a_single_reader_may_stand_in_a_plain_table(tmp_path):
    assert read(tmp_path, '[reader]\ndriver = "sim"\n')[0].readers == (Driver("sim", {}),)


FAULTS = {
    "a driver nobody knows": (
        '[[reader]]\ndriver = "nfc"\n',
        "2: reader.driver = 'nfc'; ",
    ),
    "no driver": ("[[reader]]\nport = 1\n", "1: reader.driver = nothing; accepted"),
    "an option of another": (
        '[[reader]]\ndriver = "pn532"\nkey = "x"\n',
        "3: reader pn532 has no option 'key'",
    ),
    "a pin out of range": ('[sensors]\ndriver = "gpio"\ncontact = 99\n', "3: sensors gpio"),
    "lamps that are no table": ("indicator = 7\n", "1: indicator is no table"),
    "sensors that are no table": ("sensors = 7\n", "1: sensors is no table"),
    "readers that are no tables": ("reader = [7]\n", "1: reader is no table"),
    "too many readers": ('[[reader]]\ndriver = "sim"\n' * 9, "1: 9 tables [[reader]]; at most 8"),
    "lamps among sounds": ('[sounds]\ndriver = "gpio"\n', "2: sounds.driver is unknown"),
    "sounds that are no table": ("sounds = 7\n", "1: sounds is no table"),
    "a door that is no table": ("door = 7\n", "1: door is no table"),
    "a time nobody knows": ("[door]\nopen_s = 8\n", "2: door.open_s is unknown; known are"),
    "a word for a choice": ('[door]\nfail_safe = "no"\n', "2: door.fail_safe = 'no'; accepted"),
    "times out of order": ("[door]\nheld_alarm_ms = 5000\n", "1: [door] give held_warning_ms"),
    "a time that is none": ('[door]\nopen_ms = "8"\n', "1: [door] open_ms = '8'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_line_and_what_is_accepted(tmp_path, name):
    text, begins = FAULTS[name]

    _, faults = read(tmp_path, text)

    assert [one for one in faults if one.startswith(begins)] == faults[:1]
    assert len(faults) == 1


def test_all_faults_are_told_at_once(tmp_path):
    text = "".join(text for text, _ in (FAULTS["no driver"], FAULTS["a time nobody knows"]))

    assert len(read(tmp_path, text)[1]) == 2


def test_without_devices_no_option_is_looked_at(tmp_path):
    text = '[[reader]]\ndriver = "pn532"\nkey = "x"\n[sensors]\ndriver = "gpio"\ncontact = 99\n'

    found, faults = read(tmp_path, text, has_devices=False)

    assert faults == []
    assert found.readers == (Driver("pn532", {"key": "x"}),)
