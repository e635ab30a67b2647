"""Power cuts while a slot is chosen: what is whole is found whole, and each damage is found."""

import random
import shutil
from collections import Counter

import pytest
from workshop import commit_cuts
from workshop.host import copied, run
from workshop.journal import ACK_BYTES, SECTOR, Event

from appliance.update import autoboot

NEEDED = ("mkfs.vfat", "fsck.vfat", "mcopy", "mtype")
pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason="needs dosfstools and mtools"),
]


@pytest.fixture(scope="module")
def fat(tmp_path_factory):
    """The FAT that the twin gets, and where the sector of its autoboot.txt is."""
    folder = tmp_path_factory.mktemp("fat")
    commit_cuts._make_fat(folder, folder / "base.img")
    at = (folder / "base.img").read_bytes().index(autoboot.text_of("a"))
    return folder / "base.img", at


def told(size, number):
    return Event(size - ACK_BYTES, number.to_bytes(8, "little"))


def found(fat, tmp_path, writes, count=40):
    """What cuts find of a disk on which each of these (offset, sector) was flushed and told."""
    base = copied(fat[0], tmp_path / "cut.img")
    events = [told(base.stat().st_size, 0)]
    for number, (at, data) in enumerate(writes, 1):
        events += [Event(at, data), Event(0, None), told(base.stat().st_size, number)]
    return commit_cuts.cut(base, events, count, random.Random(5))


def test_a_sector_overwritten_in_place_is_the_old_one_or_the_new_one(fat, tmp_path):
    chosen = [(fat[1], autoboot.text_of(autoboot.SLOTS[n % 2])) for n in range(1, 31)]

    seen = found(fat, tmp_path, chosen, 80)

    assert set(seen) == {"old", "new"} and seen.total() >= 80
    assert commit_cuts.is_sound(seen)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda at: (at, b"[all]\ngarbage".ljust(SECTOR)), "garbled"),
        (lambda at: (0, bytes(SECTOR)), "unreadable"),
        (lambda at: (68 * SECTOR + 64, b"\x09\x00" * 8), "FAT damaged"),  # its second table
    ],
)
def test_each_damage_is_found_out(fat, tmp_path, wrong, what):
    seen = found(fat, tmp_path, [wrong(fat[1])], 3)

    assert what in seen and not commit_cuts.is_sound(seen)


def test_a_disk_is_cut_in_place_and_is_whole_again_for_the_next_cut(fat, tmp_path):
    base = copied(fat[0], tmp_path / "cut.img")

    assert commit_cuts.cut(base, [told(base.stat().st_size, 0)], 1, random.Random(1)) == Counter(
        old=1
    )
    assert base.read_bytes() == fat[0].read_bytes()
    assert run("mtype", "-i", base, "::autoboot.txt").encode() == autoboot.text_of("a")
