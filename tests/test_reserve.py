"""A gate keeps room for its own start, gives it up on a full disk and on no other."""

import os

import pytest

from appliance.gate.reserve import FULL_BYTES, NAME, SIZE, SPARE_BYTES, Reserve


class Disk:
    """A disk that tells how much is free."""

    def __init__(self, free):
        self.free = free

    def __call__(self, folder):
        return self.free


@pytest.fixture
def kept(tmp_path):
    Reserve(tmp_path, free=Disk(SIZE + SPARE_BYTES)).keep()
    return tmp_path / NAME


def test_the_room_is_really_taken(kept):
    status = kept.stat()

    assert (status.st_size, status.st_mode & 0o777) == (SIZE, 0o600)
    assert status.st_blocks * 512 >= SIZE
    assert list(kept.parent.iterdir()) == [kept]


def test_it_is_given_up_once_and_on_a_full_disk_only(kept):
    disk = Disk(FULL_BYTES)
    reserve = Reserve(kept.parent, free=disk)

    assert not reserve.give_up()
    disk.free = FULL_BYTES - 1
    assert reserve.give_up()
    assert not kept.exists()
    assert not reserve.give_up()


def test_a_disk_that_tells_nothing_is_not_full(kept):
    reserve = Reserve(kept.parent, free=Disk(-1))

    assert not reserve.give_up()
    assert kept.exists()


@pytest.mark.parametrize("free", [-1, 0, SIZE + SPARE_BYTES - 1])
def test_it_takes_no_room_that_others_need(tmp_path, free):
    Reserve(tmp_path, free=Disk(free)).keep()

    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_nothing_is_no_fault(tmp_path):
    Reserve(tmp_path / "absent", free=Disk(SIZE + SPARE_BYTES)).keep()

    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_meanwhile_keeps_no_half_of_it(tmp_path, monkeypatch):
    def full(handle, at, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    Reserve(tmp_path, free=Disk(SIZE + SPARE_BYTES)).keep()

    assert not list(tmp_path.iterdir())
