"""autoboot.txt, by which a Raspberry Pi's firmware chooses the boot partition (pure).

    [all]
    tryboot_a_b=1
    boot_partition=2
    [tryboot]
    boot_partition=3

Two slots: `a` starts from partition 2, `b` from 3. `[all]` names the one that is started from
now on, `[tryboot]` the one that is started once after `reboot "0 tryboot"`. The text has one
length and is overwritten in place: its one sector is old or new after a power cut, and no entry
of the FAT changes. Raspberry Pi documentation, "autoboot.txt".
"""

from ledger_sync.errors import Refused

PARTITIONS = {"a": 2, "b": 3}
SLOTS = tuple(PARTITIONS)
_TEXT = "[all]\ntryboot_a_b=1\nboot_partition={}\n[tryboot]\nboot_partition={}\n"
SIZE = len(_TEXT.format(2, 3))
MAX_BYTES = 4_096


def other(slot: str) -> str:
    """The slot that `slot` is not."""
    return SLOTS[1 - SLOTS.index(slot)]


def text_of(slot: str) -> bytes:
    """The file that starts `slot` from now on, and the other one when told to try it."""
    return _TEXT.format(PARTITIONS[slot], PARTITIONS[other(slot)]).encode()


def slot_of(data: bytes) -> str:
    """Which slot the file starts. Raises `Refused` for any file but our two."""
    for slot in SLOTS:
        if data == text_of(slot):
            return slot
    shown = data[:80].decode("ascii", "backslashreplace")
    raise Refused(f"autoboot.txt names no slot of this box: {shown!r}", reason="R-FORM")
