"""What the doctor looks at: the files of a board, made up here, and drivers made of memory."""

import os
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from gatehouse import house
from test_update_agent import OLD, Machine

from appliance.doctor import device_probes, machine_probes, site_probes, update_probes
from appliance.doctor.device_lines import RelayState
from appliance.doctor.lines import Fault, Missing
from appliance.doctor.machine_lines import Disk, Power, Unit
from appliance.doctor.update_lines import Slots
from appliance.gate.exchange import PUBLIC_KEY
from appliance.gate.identity import key_of
from appliance.outfit import Driver
from appliance.settings import load
from appliance.update.outcome import State
from hw.picture_quality import quality_of
from hw.sim import album
from hw.sim.optics import Shot
from hw.sim.photos import empty_scene, photograph
from ledger_sync import disk_probe
from ledger_sync.clock import Grade, Reading
from ledger_sync.errors import Unavailable


def put(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


# --- the slots


RAUC = """\
[slot.system.0]
bundle.version=0.1.0-1
[slot.system.1]
bundle.version=0.0.9-7
"""


@pytest.fixture
def slots(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("text", "holds"), [(RAUC, "0.0.9-7"), ("", ""), ("no file of RAUC", ""), (None, "")]
)
def test_what_runs_and_what_the_other_slot_holds_is_read_of_the_box_and_of_rauc(
    slots, text, holds
):
    if text is not None:
        put(slots.folder, {update_probes.RAUC_FILE: text})

    found = update_probes.slots(slots.box)
    slots.agent.note_step("0.1.1-9", "stick", State.WAITING)
    (slots.folder / ".slot-b-is-bad").touch()

    assert found == Slots("a", OLD, True, "b", True, holds, 2)
    assert update_probes.slots(slots.box).is_other_whole is False
    assert update_probes.update(slots.box).state is State.WAITING


def test_a_machine_without_slots_has_none_and_a_damaged_choice_says_what_to_do(slots, tmp_path):
    none = replace(slots.box, choice=tmp_path / "none")
    (slots.folder / "autoboot.txt").write_text("damaged")

    assert isinstance(update_probes.slots(none), Missing)
    assert isinstance(update_probes.update(none), Missing)
    assert isinstance(update_probes.slots(slots.box), Fault)


# --- the machine


def nothing_here(command):
    raise FileNotFoundError(command[0])


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        ("0", Power(False, False, False, False)),
        ("50005", Power(True, True, True, True)),
        ("50000", Power(False, True, False, True)),
    ],
)
def test_the_firmwares_flags_are_read_from_its_file_or_its_command(tmp_path, flags, found):
    path = "sys/devices/platform/soc/soc:firmware/get_throttled"

    by_file = machine_probes.power(put(tmp_path, {path: f"{flags}\n"}), nothing_here)
    by_command = machine_probes.power(tmp_path / "none", lambda _: f"throttled=0x{flags}\n")

    assert (by_file, by_command) == (found, found)


@pytest.mark.parametrize("ask", [nothing_here, lambda _: "what?"])
def test_who_has_no_such_firmware_has_no_such_flags(tmp_path, ask):
    assert isinstance(machine_probes.power(tmp_path, ask), Missing)


def test_the_hottest_thermometer_counts_and_nonsense_does_not(tmp_path):
    zone = "sys/class/thermal/thermal_zone{}/temp"
    texts = {zone.format(0): "41000\n", zone.format(1): "52500\n", zone.format(2): "-273000\n"}

    assert machine_probes.heat(put(tmp_path, texts | {zone.format(3): "hot\n"})) == 52.5
    assert machine_probes.heat(tmp_path / "none") == Missing("no thermometer")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, Missing("no hardware watchdog")),
        ({"watchdog0/state": "inactive\n"}, False),
        ({"watchdog0/state": "inactive\n", "watchdog1/state": "active\n"}, True),
        ({"watchdog0/identity": "softdog\n"}, False),
    ],
)
def test_a_watchdog_is_fed_or_not_or_not_here(tmp_path, files, found):
    root = put(tmp_path, {f"sys/class/watchdog/{name}": text for name, text in files.items()})

    assert machine_probes.watchdog(root) == found


def test_the_disk_of_a_folder_tells_its_errors_and_its_age(tmp_path):
    root, folder = tmp_path / "root", tmp_path / "store"
    folder.mkdir()
    device = folder.stat().st_dev
    block = root / "sys/devices/mmc0/block/mmcblk0/mmcblk0p6"
    put(root, {"sys/fs/ext4/mmcblk0p6/errors_count": "3\n"})
    put(block.parent / "device", {"life_time": "0x02 0x03\n"})
    block.mkdir(parents=True)
    link = root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(block)

    found = machine_probes.disk(folder, root)
    missing = machine_probes.disk(tmp_path / "none", root)

    assert found == Disk("mmcblk0p6", False, 3, 30)
    assert isinstance(missing, Fault)
    assert isinstance(machine_probes.space(tmp_path / "none"), Fault)


SHOWN = "LoadState=loaded\nActiveState=failed\nResult=watchdog\nNRestarts=4\n"


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (lambda _: SHOWN, Unit("u", "failed", "watchdog", 4)),
        (lambda _: "LoadState=not-found\nActiveState=inactive\n", Missing("no such unit here")),
        (lambda _: "", Missing("no such unit here")),
        (lambda _: "LoadState=loaded\nNRestarts=many\n", Unit("u", "unknown", "", 0)),
        (nothing_here, Missing("no systemd here")),
    ],
)
def test_a_unit_is_as_systemctl_says(ask, found):
    assert machine_probes.unit("u", ask) == found


def test_the_other_units_that_failed_are_named():
    rows = (
        "yardpass-stick.service loaded failed failed Yardpass first boot\n"
        "yardpass-gate.service  loaded failed failed Yardpass gate\n\n"
    )

    assert machine_probes.failed(lambda _: rows) == ("yardpass-stick.service",)
    assert machine_probes.failed(lambda _: "") == ()
    assert machine_probes.failed(nothing_here) == Missing("no systemd here")


def test_the_gate_is_at_work_when_systemd_runs_it():
    assert machine_probes.is_gate_at_work(lambda _: SHOWN.replace("failed", "active"))
    assert not machine_probes.is_gate_at_work(lambda _: SHOWN)
    assert not machine_probes.is_gate_at_work(nothing_here)


def test_a_command_that_is_not_here_or_hangs_is_an_os_error(monkeypatch):
    with pytest.raises(OSError, match="no-such-command"):
        machine_probes.run(["no-such-command"])
    monkeypatch.setattr(machine_probes, "COMMAND_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        machine_probes.run(["sleep", "60"])
    assert machine_probes.run(["echo", "here"]) == "here\n"


@pytest.mark.parametrize("now", [1_800_000_000, 2**62, -(2**62)])
def test_any_clock_can_be_told(now):
    found = machine_probes.clock(Reading(now, False, 16, False), 1_700_000_000)

    assert found.grade == Grade.POOR


def test_the_board_and_the_system_stand_in_the_versions(tmp_path):
    files = {"etc/os-release": 'PRETTY_NAME="Debian 13"\n', "proc/device-tree/model": "Pi 5\0"}

    assert machine_probes.versions(put(tmp_path, files)).endswith(", Debian 13, Pi 5")
    assert "unknown system" in machine_probes.versions(tmp_path / "none")


def test_commits_are_measured_in_a_file_that_is_gone_afterwards(tmp_path):
    found = disk_probe.commit_ms(tmp_path, count=5)

    assert (len(found), min(found) > 0, list(tmp_path.iterdir())) == (5, True, [])
    assert machine_probes.commits(tmp_path).made == disk_probe.COMMITS
    with pytest.raises(Unavailable):
        disk_probe.commit_ms(tmp_path / "none")
    assert isinstance(machine_probes.commits(tmp_path / "none"), Fault)


# --- pictures


def test_a_blurred_a_dark_and_a_blank_picture_measure_as_such():
    shot = photograph("HTTPS://EXAMPLE.ORG/", Shot(side=0.4), seed=1)
    rows = np.asarray(shot, np.float64)
    for _ in range(30):
        rows = (rows + np.roll(rows, 1, 0) + np.roll(rows, 1, 1) + np.roll(rows, -1, 0)) / 4
    blurred = rows.astype(np.uint8)

    sharp, soft = quality_of(shot), quality_of(blurred)

    assert sharp.sharpness > 4 * soft.sharpness
    assert quality_of(np.zeros((48, 64), np.uint8))[2:] == (0.0, 1.0, 0.0, 0.0)
    assert quality_of(np.full((48, 64), 255, np.uint8)).bright == 1.0
    assert quality_of(np.zeros((1, 1), np.uint8)).sharpness == 0.0


# --- devices


@pytest.fixture
def settings(desk):
    (desk / "north-1" / "pictures").mkdir(exist_ok=True)
    for number in range(3):
        album.save(empty_scene(seed=number), desk / "north-1" / "pictures" / f"{number}.png")
    return load(desk / "north-1" / "site.toml")


def test_a_camera_shows_a_picture_or_says_what_is_wrong(settings):
    assert device_probes.camera(settings).width > 0
    assert device_probes.camera(replace(settings, camera=None)) == Missing(
        "the settings name none"
    )
    shutil.rmtree(settings.folder / "pictures")
    assert "pictures" in device_probes.camera(settings).what
    (settings.folder / "pictures").mkdir(exist_ok=True)
    (settings.folder / "pictures" / "0.png").write_bytes(b"no picture")
    assert isinstance(device_probes.camera(settings), Fault)


def fitted(settings, **outfit):
    return replace(settings, outfit=replace(settings.outfit, **outfit))


def test_each_reader_answers_or_says_what_is_wrong(settings, tmp_path):
    both = (Driver("sim", {}), Driver("serial_qr", {"port": str(tmp_path / "no-port")}))

    found = dict(device_probes.readers(fitted(settings, readers=both)))

    assert found["reader 1"] == "sim"
    assert isinstance(found["reader 2"], Fault)
    assert device_probes.readers(settings) == [("reader", Missing("the settings name none"))]
    wrong = fitted(settings, readers=(Driver("osdp", {"port": "/no", "key": "none"}),))
    assert [type(one) for _, one in device_probes.readers(wrong)] == [Fault]


def test_inputs_are_told_as_they_are(settings):
    wired = fitted(settings, sensors=Driver("sim", {"wired": ["contact", "fire"]}))

    assert device_probes.inputs(wired) == {"contact": False, "fire": False}
    assert device_probes.inputs(settings) == Missing("the settings name no inputs")
    bad = fitted(settings, sensors=Driver("gpio", {"contact": 99}))
    assert isinstance(device_probes.inputs(bad), Fault)


def relayed(settings, path):
    return replace(settings, relay=Driver("relayd", {"socket": str(path)}))


def test_the_relay_is_asked_how_it_is_and_clicks_when_it_is_told_to(settings, tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    with house(folder) as made:
        here = relayed(settings, folder / "relay.sock")
        before = device_probes.relay(here)
        assert [state for state in made.levels() if state] == []
        clicked = device_probes.click(here)

    assert before == RelayState(False, 0, 0)
    assert clicked == device_probes.CLICK_MS


def test_a_relay_that_is_away_or_simulated_is_told(settings, tmp_path):
    away = relayed(settings, tmp_path / "relay.sock")

    assert isinstance(device_probes.relay(away), Fault)
    assert isinstance(device_probes.click(away), Fault)
    assert isinstance(device_probes.relay(settings), Missing)
    assert isinstance(device_probes.click(settings), Missing)


def test_what_takes_too_long_is_nothing_and_what_raises_raises():
    with pytest.raises(Unavailable):
        device_probes.within(5, lambda: (_ for _ in ()).throw(Unavailable("gone; plug it in")))
    never = threading.Event()
    assert device_probes.within(0.05, never.wait) is None
    never.set()


# --- the terminal


def test_the_terminal_without_a_ledger_and_without_a_store(settings):
    public = key_of(settings.key).public.raw.hex()
    (settings.folder / PUBLIC_KEY).write_text(public)  # which a box has before any ledger names it
    reading = Reading(1_800_000_000, True, 0, True)
    with site_probes.opened(settings) as replica:
        found = site_probes.ledger(replica, reading)
        who = site_probes.identity(replica, settings)
    (settings.store).unlink()
    with site_probes.opened(settings) as missing:
        without = site_probes.ledger(missing, reading), site_probes.identity(missing, settings)
        floor = site_probes.floor(missing)

    assert (found.size, found.quorum_time) == (0, 0)
    assert (who.name, who.is_named) == ("north-1", False)
    assert [type(one) for one in without] == [Fault, Fault]
    assert floor > 0
