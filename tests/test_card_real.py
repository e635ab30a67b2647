"""Cards on a real block device: a loop device stands where the card reader's disk would."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parcels import make_parcel

PROJECT = Path(__file__).resolve().parents[1]
MIB = 1 << 20
FAT_MIB = 4  # where the image's first partition begins
PROGRAMS = ("losetup", "sfdisk", "mkfs.vfat", "mtype", "mount", "partx", "mke2fs")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root"),
    pytest.mark.skipif(
        not all(shutil.which(one) for one in PROGRAMS), reason=f"{PROGRAMS} are not all here"
    ),
]


def run(*words, stdin=None):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def image(tmp_path):
    """As a build leaves one: a GPT whose first partition is a FAT; 48 MiB."""
    fat, path = tmp_path / "fat", tmp_path / "yardpass-sim-amd64.img"
    fat.write_bytes(bytes(33 * MIB))
    run("mkfs.vfat", "-F", "32", "-n", "bootconfig", str(fat))
    path.write_bytes(os.urandom(48 * MIB))
    table = f"label: gpt\nstart={FAT_MIB}MiB, size=33MiB, name=bootconfig\n"
    run("sfdisk", "--quiet", "--wipe", "always", str(path), stdin=table)
    with path.open("r+b") as file:
        file.seek(FAT_MIB * MIB)
        file.write(fat.read_bytes())
    return path


@pytest.fixture
def disk(tmp_path):
    """A disk of 64 MiB that held something else before."""
    behind = tmp_path / "card"
    behind.write_bytes(b"\xa5" * (64 * MIB))
    device = run("losetup", "--find", "--show", "--partscan", str(behind))
    yield Path(device)
    run("losetup", "--detach", device)


@pytest.fixture
def parcel(tmp_path):
    folder = tmp_path / "parcel"
    folder.mkdir()
    make_parcel(folder)
    return folder


def card(*words):
    """`yardpass-image card`: exit code, and all that it said."""
    command = [sys.executable, "-m", "workshop.image", "card", "--yes", *map(str, words)]
    path = f"{PROJECT / 'image-build'}:{PROJECT}"
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    return done.returncode, done.stdout + done.stderr


def test_an_image_and_a_parcel_reach_the_disk_and_nothing_behind_them(image, disk, parcel):
    code, said = card("--image", image, "--parcel", parcel, "--name", "north-1", "--force", disk)

    assert code == 0, said
    assert f"{disk} holds {image.name}, for north-1" in said
    written, sent = disk.read_bytes(), image.read_bytes()
    end = (FAT_MIB + 33) * MIB
    assert written[: FAT_MIB * MIB] == sent[: FAT_MIB * MIB]
    assert written[end : len(sent)] == sent[end:]
    assert set(written[len(sent) :]) == {0xA5}
    place = f"{disk}@@{FAT_MIB * MIB}"
    planted = run("mtype", "-i", place, "::yardpass/parcel.txt")
    assert planted == (parcel / "parcel.txt").read_text().strip()


def test_a_card_without_a_parcel_says_that_the_box_will_wait_for_one(image, disk):
    code, said = card("--image", image, "--force", disk)

    assert (code, "no parcel: the box will wait for one on a stick" in said) == (0, True)


def test_a_disk_that_is_no_card_is_left_alone_without_force(image, disk):
    code, said = card("--image", image, disk)

    assert code == 1
    assert "no removable disk; --force" in said
    assert set(disk.read_bytes()) == {0xA5}


def test_a_disk_with_a_mounted_partition_is_left_alone_even_by_force(image, disk, tmp_path):
    assert card("--image", image, "--force", disk)[0] == 0
    run("partx", "--update", str(disk))
    run("mke2fs", "-q", "-F", f"{disk}p1")  # not every kernel has FAT
    before, place = disk.read_bytes(), tmp_path / "mounted"
    place.mkdir()
    run("mount", "-o", "ro", f"{disk}p1", str(place))
    try:
        code, said = card("--image", image, "--force", disk)
    finally:
        run("umount", str(place))

    assert code == 1
    assert f"is in use ({place})" in said
    assert disk.read_bytes() == before


def test_a_disk_that_is_too_small_is_left_alone(image, disk):
    with image.open("ab") as file:
        file.truncate(80 * MIB)

    code, said = card("--image", image, "--force", disk)
    assert code == 1
    assert "too small" in said
    assert set(disk.read_bytes()) == {0xA5}
