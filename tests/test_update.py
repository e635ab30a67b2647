"""Updates: one sector chooses the slot, a trial is kept only when it is well."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.update import autoboot, counter, slots
from appliance.update.box import Box
from appliance.update.counter import NOTHING, Counter, counter_of
from appliance.update.slots import Standing, check_install, check_revert, version_key
from ledger_sync.errors import Refused, Unavailable

ROOT = Path(__file__).resolve().parents[1]
OLD, NEW = "0.1.0-1795305600", "0.1.0-1795305601"


@pytest.mark.parametrize("slot", autoboot.SLOTS)
def test_what_is_written_for_a_slot_names_it_and_has_the_one_length(slot):
    text = autoboot.text_of(slot)

    assert autoboot.slot_of(text) == slot
    assert len(text) == autoboot.SIZE < counter.SECTOR


def test_the_firmware_starts_one_slot_and_tries_the_other():
    assert autoboot.text_of("b") == (
        b"[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n"
    )


@given(st.binary(max_size=100))
def test_any_other_file_names_no_slot(data):
    # Invariant: slot_of returns the slot whose text this is, or raises Refused.
    try:
        slot = autoboot.slot_of(data)
    except Refused:
        return

    assert data == autoboot.text_of(slot)


@given(st.binary(max_size=counter.SECTOR))
def test_any_sector_is_a_count_or_nothing(data):
    # Invariant: counter_of never raises, and what it finds prints to a sector that says the same.
    found = counter_of(data)

    assert counter_of(found.to_bytes()) == found
    assert found._replace(given_up="") == NOTHING or found.slot in autoboot.SLOTS
    assert found.given_up in ("", *autoboot.SLOTS)


@pytest.mark.parametrize("text", [b"YPBOOTS1 c 1\n", b"YPBOOTS1 a 100\n", b"YPBOOTS1 a -1\n", b""])
def test_a_count_that_the_initrd_would_not_read_is_nothing(text):
    assert counter_of(text) == NOTHING


def test_the_initrd_and_the_box_agree_on_the_files_between_them():
    init = (ROOT / "image-build" / "initrd" / "boots").read_text()

    made = autoboot.text_of("a").decode().replace("\n", "\\n")
    assert made.replace("=2", "=%s").replace("=3", "=%s") in init
    assert "YPBOOTS1 %s %s\\nGIVENUP %s\\n" in init
    assert f"\nlimit={counter.LIMIT}\n" in init


BOOTS = """\
bb() { "$@"; }
mkdir() { :; }
mount() { mkdir -p boot; return 1; }
reboot() { exit 7; }
sync() { :; }
sleep() { :; }
cat() { case $1 in /proc/cmdline) echo "yardpass.partition=$partition_now $trial" ;; esac; }
dd() { /usr/bin/dd "$@"; }
. "$boots"
device_of() { echo "$PWD/$1"; }
say() { echo "$*"; }
count_boot
"""


def started(folder, slot, *, is_trial=False):
    """What the initrd's own lines make of the sector at a start of this slot, and say."""
    sector = folder / "counter"
    if not sector.exists():
        sector.write_bytes(bytes(counter.SECTOR))
    told = {
        "boots": str(ROOT / "image-build" / "initrd" / "boots"),
        "partition_now": {"a": "2", "b": "3"}[slot],
        "trial": "yardpass.tryboot=1" if is_trial else "",
    }
    done = subprocess.run(
        ["sh", "-c", BOOTS],
        cwd=folder,
        env=os.environ | told,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, counter_of(sector.read_bytes())


def test_a_slot_that_is_never_well_is_given_up_and_the_other_one_hears_of_it(tmp_path):
    counted = [started(tmp_path, "b")[2] for _ in range(counter.LIMIT)]
    assert counted == [counter.Counter("b", 1), counter.Counter("b", 2), counter.Counter("b", 3)]

    code, said, found = started(tmp_path, "b")
    assert (code, found) == (7, NOTHING._replace(given_up="b"))
    assert "slot b was started 3 times and never well: the other one is taken" in said

    assert started(tmp_path, "a")[2] == counter.Counter("a", 1, "b")
    assert started(tmp_path, "a")[2] == counter.Counter("a", 2, "b")  # until the box has heard
    (tmp_path / "counter").write_bytes(counter.Counter("a", 0).to_bytes())
    assert started(tmp_path, "a") == (0, "", counter.Counter("a", 1))


def test_a_trial_is_not_counted(tmp_path):
    assert started(tmp_path, "b", is_trial=True)[1:] == ("", NOTHING)


@pytest.mark.parametrize("bad", ["", "1", "0.1.0", "0.1.0-", "v0.1.0-1", "0.1.0-1 ", "0.1.0-1\n"])
def test_a_version_that_is_none_is_refused(bad):
    with pytest.raises(Refused, match="is no version"):
        version_key(bad)


def test_versions_are_ordered_as_numbers_and_by_the_time_of_their_build():
    ordered = ["0.1.0-9", "0.1.0-10", "0.2.0-1", "0.10.0-1", "1.0.0-0"]

    assert sorted(ordered, key=version_key) == ordered


def test_only_what_is_newer_is_installed():
    well = Standing("a", "a", is_on_trial=False)

    check_install(well, OLD, NEW)
    for offered in (OLD, "0.0.9-1795305601"):
        with pytest.raises(Refused, match="not newer"):
            check_install(well, OLD, offered)


def test_nothing_is_installed_over_the_slot_that_works_while_another_is_on_trial():
    trial = Standing("b", "a", is_on_trial=True)

    with pytest.raises(Refused, match="on trial"):
        check_install(trial, OLD, NEW)
    with pytest.raises(Refused, match="on trial"):
        check_revert(trial, is_prevented=False)


def test_who_prevented_going_back_cannot_go_back():
    well = Standing("b", "b", is_on_trial=False)

    check_revert(well, is_prevented=False)
    with pytest.raises(Refused, match="prevented"):
        check_revert(well, is_prevented=True)
    assert well.target == "a"


@pytest.fixture
def box(tmp_path):
    """A box whose firmware started slot b on trial."""
    (tmp_path / "autoboot.txt").write_bytes(autoboot.text_of("a"))
    (tmp_path / "counter").write_bytes(bytes(counter.SECTOR))
    (tmp_path / "cmdline").write_text("quiet yardpass.partition=3 yardpass.tryboot=1\n")
    (tmp_path / "os-release").write_text(f'ID=debian\nIMAGE_VERSION="{OLD}"\n')
    names = ("choice", "counter", "cmdline", "release", "firmware", "data", "slots")
    files = ("autoboot.txt", "counter", "cmdline", "os-release", "firmware", "", "")
    return Box(**{name: tmp_path / file for name, file in zip(names, files, strict=True)})


def test_a_box_knows_what_runs_and_what_is_chosen(box):
    assert (box.running(), box.chosen(), box.is_on_trial()) == ("b", "a", True)
    assert box.version() == OLD


def test_the_device_tree_of_a_pi_is_believed_before_the_command_line(box):
    box.firmware.mkdir()
    (box.firmware / "partition").write_bytes((2).to_bytes(4, "big"))
    (box.firmware / "tryboot").write_bytes((0).to_bytes(4, "big"))

    assert (box.running(), box.is_on_trial()) == ("a", False)


def test_a_choice_is_overwritten_in_place(box):
    before = box.choice.stat()

    box.choose("b")

    assert box.chosen() == "b"
    after = box.choice.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


def test_a_file_of_another_length_is_not_overwritten(box):
    box.choice.write_bytes(autoboot.text_of("a") + b"# by hand\n")

    with pytest.raises(Refused, match="names no slot"):
        box.choose("b")

    assert box.choice.read_bytes().endswith(b"# by hand\n")


def test_starts_are_counted_in_one_sector(box):
    box.set_starts(Counter("b", 2))

    assert box.starts() == Counter("b", 2)
    assert box.counter.stat().st_size == counter.SECTOR


@pytest.mark.parametrize("name", ["choice", "counter", "cmdline", "release"])
def test_a_machine_that_is_no_box_is_told_so(box, name):
    getattr(box, name).unlink()

    with pytest.raises(Unavailable, match="an image of Yardpass has"):
        (box.chosen(), box.starts(), box.running(), box.version())


def test_a_command_line_that_names_no_partition_tells_nothing(box):
    box.cmdline.write_text("quiet xyardpass.partition=3\n")

    with pytest.raises(Unavailable, match="which slot"):
        box.running()
    assert not box.is_on_trial()
    assert slots.Standing("a", "a", is_on_trial=False).is_committed
