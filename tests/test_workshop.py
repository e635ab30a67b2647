"""What builds an image: its layout, the firmware that starts it, the card that it goes to."""

import hashlib
import shutil
import subprocess
import types
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from parcels import make_parcel
from workshop import bad_slots, board, card, host, image, layout, scenes, wheels
from workshop.card import Disk, check, disk_of
from workshop.firmware import DEFAULT, partition_of
from workshop.layout import ALIGN_MIB, parts_of, table_of, total_mib
from workshop.ota import make_keys

from appliance.update import autoboot
from ledger_sync.errors import Refused, Unavailable

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "image-build"
ARCHES = ("amd64", "arm64")
SCRIPTS = [
    BUILD / "power-cuts",
    BUILD / "yardpass-image",
    BUILD / "initrd" / "init",
    BUILD / "initrd" / "boots",
    *(BUILD / "rpi-image-gen" / "initramfs-tools").rglob("*yardpass-boots"),
    BUILD / "rootfs" / "usr" / "bin" / "yardpass",
    *(BUILD / "rootfs-sim").rglob("twin-tryboot"),
]


@pytest.fixture(params=ARCHES)
def twin(request):
    return board.load("sim", request.param)


def test_no_two_parts_overlap_and_each_begins_on_a_boundary_of_flash(twin):
    parts = parts_of(twin)

    ends = [part.at_mib + part.size_mib for part in parts]
    assert all(part.at_mib % ALIGN_MIB == 0 for part in parts)
    assert all(end <= later.at_mib for end, later in zip(ends[:-1], parts[1:], strict=True))
    assert total_mib(parts) > ends[-1]


def test_the_slots_are_the_partitions_that_autoboot_names(twin):
    names = [part.name for part in parts_of(twin)]

    assert names[0] == "bootconfig"
    for slot, number in autoboot.PARTITIONS.items():
        assert names[number - 1] == f"boot_{slot}"
    assert names[-1] == "persistent"  # the last one can grow


def test_the_table_is_the_same_for_every_build_and_no_id_twice(twin):
    table = table_of(twin, parts_of(twin))

    assert table == table_of(twin, parts_of(twin))
    ids = [line.partition("uuid=")[2][:36] for line in table.splitlines() if "uuid=" in line]
    assert len(set(ids)) == len(ids) == 7
    assert (
        layout.PERSISTENT_TYPE
        in (BUILD / "rootfs/usr/lib/repart.d/50-persistent.conf").read_text()
    )


@pytest.mark.parametrize("slot", autoboot.SLOTS)
def test_the_firmware_starts_the_chosen_slot_and_the_other_one_on_trial(slot):
    text = autoboot.text_of(slot).decode()

    assert partition_of(text, is_trial=False) == autoboot.PARTITIONS[slot]
    assert partition_of(text, is_trial=True) == autoboot.PARTITIONS[autoboot.other(slot)]


@pytest.mark.parametrize("text", ["", "boot_partition=x\n", "[tryboot]\nboot_partition=3\n"])
def test_a_firmware_that_is_told_nothing_takes_the_first_partition(text):
    assert partition_of(text, is_trial=False) == DEFAULT


@pytest.mark.parametrize(("name", "arch"), [("pi9", "arm64"), ("sim", "riscv64")])
def test_a_board_that_is_not_known_is_named(name, arch):
    with pytest.raises(Refused, match=f"{name}|{arch}"):
        board.load(name, arch)


def test_a_board_claims_what_it_may(tmp_path):
    text = (BUILD / "boards" / "sim.toml").read_text()
    (tmp_path / "sim.toml").write_text(text.replace('claim = "tried"', 'claim = "perfect"'))

    with pytest.raises(Refused, match="claim perfect"):
        board.load("sim", "amd64", tmp_path)


def test_the_mirror_is_that_of_this_machine_and_no_security_archive():
    lines = (
        "http://one.example/debian-security/ main bookworm-security\n"
        "http://two.example/debian/ contrib bookworm\n"
        "http://three.example/debian/ main bookworm\n"
    )

    assert host.mirror_of(lines) == "http://three.example/debian/"
    assert host.mirror_of("") == ""


@pytest.mark.parametrize("arch", ARCHES)
def test_every_package_of_a_box_is_locked_by_its_hash(arch):
    lines = wheels.lock_path(arch).read_text().splitlines()

    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    names = {line.partition("==")[0] for line in lines}
    wanted = {one.partition(">")[0].partition("<")[0] for one in wheels.wanted()}
    assert wanted <= names
    assert names.isdisjoint(wheels.LEFT_OUT)


def test_both_kinds_of_box_run_the_same_versions():
    versions = [
        [line.partition(" ")[0] for line in wheels.lock_path(arch).read_text().splitlines()]
        for arch in ARCHES
    ]

    assert versions[0] == versions[1]


def test_no_address_of_a_package_server_stands_in_a_lock():
    assert not any("://" in wheels.lock_path(arch).read_text() for arch in ARCHES)


@pytest.fixture
def machine(tmp_path):
    """A machine with a card in sda, and its own disk, nvme0n1: what the kernel says of them."""

    def add(name, *, gigabytes, removable, parts=(), holders=()):
        folder = tmp_path / "sys" / name
        (folder / "device").mkdir(parents=True)
        (folder / "holders").mkdir()
        (folder / "size").write_text(f"{gigabytes * 10**9 // 512}\n")
        (folder / "removable").write_text(f"{removable}\n")
        (folder / "ro").write_text("0\n")
        (folder / "dev").write_text(f"{8 + removable}:0\n")
        (folder / "device" / "model").write_text("SD Reader  \n")
        for number, part in enumerate(parts, 1):
            (folder / part / "holders").mkdir(parents=True)
            (folder / part / "partition").write_text(f"{number}\n")
            (folder / part / "dev").write_text(f"{8 + removable}:{number}\n")
        for part in holders:
            (folder / part / "holders" / "dm-0").touch()

    add("sda", gigabytes=32, removable=1, parts=["sda1", "sda2"])
    add("nvme0n1", gigabytes=500, removable=0, parts=["nvme0n1p1", "nvme0n1p2"])
    (tmp_path / "mounts").write_text("1 0 8:1 / / rw - ext4 /dev/nvme0n1p1 rw\n")
    (tmp_path / "swaps").write_text("Filename Type Size Used Priority\n")

    def look(name):
        return disk_of(
            Path("/dev", name),
            sys=tmp_path / "sys",
            mounts=tmp_path / "mounts",
            swaps=tmp_path / "swaps",
        )

    look.folder = tmp_path
    return look


def test_a_card_is_shown_with_its_model_and_size(machine):
    disk = machine("sda")

    check(disk, 10**9, is_forced=False)
    assert disk.sentence == "/dev/sda: SD Reader, 32.0 GB"


@pytest.mark.parametrize("is_forced", [False, True])
def test_a_disk_that_is_mounted_is_never_written(machine, is_forced):
    with pytest.raises(Refused, match=r"in use \(/\)"):
        check(machine("nvme0n1"), 10**9, is_forced=is_forced)


def test_a_disk_with_swap_or_with_a_volume_on_it_is_in_use(machine):
    (machine.folder / "swaps").write_text("Filename Type\n/dev/sda2 partition\n")
    (machine.folder / "sys/sda/sda1/holders/dm-0").touch()

    assert set(machine("sda").uses) == {"swap", "dm-0"}


def test_a_disk_that_cannot_be_taken_out_needs_force(machine):
    (machine.folder / "mounts").write_text("")
    disk = machine("nvme0n1")

    with pytest.raises(Refused, match="--force"):
        check(disk, 10**9, is_forced=False)
    check(disk, 10**9, is_forced=True)


@pytest.mark.parametrize("name", ["sda1", "null", "sdz"])
def test_what_is_no_whole_disk_is_refused(machine, name):
    with pytest.raises(Refused, match="no whole disk"):
        machine(name)


def test_a_card_that_is_too_small_or_locked_is_refused():
    small = Disk(Path("/dev/sda"), "", 10**8, True, False, ())

    with pytest.raises(Refused, match="too small"):
        check(small, 10**9, is_forced=True)
    with pytest.raises(Refused, match="read-only"):
        check(small._replace(is_read_only=True), 10, is_forced=True)


def test_what_was_written_is_read_again(tmp_path):
    image, device, seen = tmp_path / "image", tmp_path / "device", []
    image.write_bytes(bytes(range(256)) * 20_000)
    device.write_bytes(b"\xff" * 6_000_000)

    digest = card.write(image, device, lambda done, size: seen.append((done, size)))

    assert digest == hashlib.sha256(image.read_bytes()).hexdigest()
    assert seen[-1] == (5_120_000, 5_120_000)
    card.verify(device, 5_120_000, digest, lambda *_: None)
    assert device.read_bytes()[5_120_000:] == b"\xff" * 880_000


def test_a_card_that_forgets_is_found_out(tmp_path):
    image, device = tmp_path / "image", tmp_path / "device"
    image.write_bytes(b"good" * 1_000)
    device.write_bytes(bytes(8_000))
    digest = card.write(image, device, lambda *_: None)
    data = bytearray(device.read_bytes())
    data[100] ^= 1
    device.write_bytes(data)

    with pytest.raises(Unavailable, match="other bytes"):
        card.verify(device, 4_000, digest, lambda *_: None)


def test_a_disk_that_is_gone_is_told_with_the_next_step(tmp_path):
    (tmp_path / "image").write_bytes(b"x")

    with pytest.raises(Unavailable, match="are you root"):
        card.write(tmp_path / "image", tmp_path / "none", lambda *_: None)


def test_only_the_parcel_of_this_terminal_goes_onto_its_card(tmp_path):
    with pytest.raises(Refused, match="yardpass provision"):
        card.check_parcel(tmp_path)
    make_parcel(tmp_path)

    assert card.check_parcel(tmp_path, "north-1") == card.check_parcel(tmp_path) == "north-1"
    with pytest.raises(Refused, match="is for north-1, not for south-1"):
        card.check_parcel(tmp_path, "south-1")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="no file"):
        card.check_parcel(tmp_path)


def test_a_parcel_that_is_damaged_goes_onto_no_card(tmp_path):
    make_parcel(tmp_path)
    (tmp_path / "site.toml").write_bytes(b"site.toml, changed")

    with pytest.raises(Refused, match=r"site\.toml is damaged"):
        card.check_parcel(tmp_path)


def test_what_is_no_image_is_told_before_a_card_is_overwritten(tmp_path):
    made, packed, other = (tmp_path / name for name in ("a.img", "a.img.zst", "a.iso"))
    made.write_bytes(bytes(512) + b"EFI PART" + bytes(504))
    packed.write_bytes(bytes.fromhex("28b52ffd") + bytes(2_000))
    other.write_bytes(b"x")

    card.check_image(made)
    with pytest.raises(Refused, match=r"unpack it: zstd -d .*a\.img\.zst"):
        card.check_image(packed)
    with pytest.raises(Refused, match=r"a\.iso is no image of a card; name what build made"):
        card.check_image(other)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--name", "north-1"), "--name goes with --site or --parcel"),
        (("--site", "site.toml"), "--site goes with --name, and without --parcel"),
    ],
)
def test_a_card_for_nobody_that_can_be_meant_is_refused(tmp_path, words, why):
    (tmp_path / "a.img").write_bytes(bytes(512) + b"EFI PART" + bytes(504))

    said = CliRunner().invoke(image.cli, ["card", "--image", str(tmp_path / "a.img"), *words, "x"])

    assert (said.exit_code, why in said.output) == (2, True)


def test_the_first_build_makes_the_key_that_signs_updates_and_says_so(tmp_path, capsys):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    first = image._keyring(tmp_path / "keys")
    said, key = capsys.readouterr().err, tmp_path / "keys" / "update.key"
    before = key.read_bytes()

    assert f"{key} is new and signs updates" in said
    assert (image._keyring(tmp_path / "keys"), key.read_bytes()) == (first, before)
    assert key.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().err == ""


def test_keys_that_boxes_trust_are_never_made_anew(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    made = make_keys(tmp_path, "test")

    assert made.key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="boxes in the field"):
        make_keys(tmp_path, "test")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_clean_shell(script):
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not here")
    done = subprocess.run(
        ["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


# Slots that do not work, for rehearsals.


def test_a_slot_that_hangs_in_its_initrd_hangs_behind_the_watchdog_and_before_its_system():
    hung = bad_slots.slots()["hang-initrd"].init

    places = [hung.index(what) for what in (">/dev/watchdog", "sleep 99999", "switch_root")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", bad_slots.NAMES)
def test_each_bad_slot_differs_from_a_good_one_and_fits_a_command_line(name):
    bad = bad_slots.slots()[name]

    assert bad.words or bad.init
    assert len(bad.words) < 1_000  # of 2,048 on x86, which a rehearsal shares
    assert "\n" not in bad.words


@given(st.binary(min_size=1, max_size=9), st.text("abc", min_size=1, max_size=9))
def test_an_archive_behind_an_initrd_begins_where_the_kernel_looks_for_one(image, name):
    # Invariant: at a multiple of four, with nothing but zeros between; else the kernel drops it.
    archive = bad_slots.archive_of(name, "x")
    made = bad_slots.with_archive(image, archive)

    at = len(made) - len(archive)
    assert (at % 4, made[at:]) == (0, archive)
    assert made[: len(image)] == image
    assert not any(made[len(image) : at])


@given(st.text("abc/.", min_size=1, max_size=30), st.text(max_size=200))
def test_an_archive_of_one_file_is_read_again_by_its_own_lengths(name, text):
    # Invariant: headers of 110 bytes, each part padded to four; the file, then the trailer.
    data = bad_slots.archive_of(name, text)

    found, at = [], 0
    while at < len(data):
        head = data[at : at + 110]
        size, length = int(head[54:62], 16), int(head[94:102], 16)
        assert head[:6] == b"070701"
        name_at = at + 110
        body_at = name_at + length + -(name_at + length) % 4
        found.append((data[name_at : name_at + length], data[body_at : body_at + size]))
        at = body_at + size + -size % 4
    assert found == [(name.encode() + b"\0", text.encode()), (b"TRAILER!!!\0", b"")]


def test_a_scene_for_which_there_is_no_time_is_left_out_and_told(monkeypatch):
    said, clock = [], iter([0.0, 5.0, 11.0])
    monkeypatch.setattr(scenes.time, "monotonic", lambda: next(clock))
    day = types.SimpleNamespace(say=said.append)

    begun = [name for name, _ in scenes.Scenes(day).due(["full", "panic", "good"], 10)]

    assert begun == ["full", "panic"]
    assert said == ["good: left out, there is no time for it"]
    assert set(scenes.Scenes(day).all()) == set(scenes.NAMES)
