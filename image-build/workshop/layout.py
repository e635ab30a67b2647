"""Where each part of the image lies (pure). One GPT with seven partitions, in this order:

bootconfig   FAT   autoboot.txt alone: which slot is started, see appliance/update/autoboot.py
boot_a boot_b      FAT   kernel, initrd and command line of a slot
system_a system_b  erofs, read-only
counter      one sector: how often a slot was started and not found well, see initrd/init
persistent   ext4  what is this box's own; grows over the card at the first boot
"""

import uuid
from typing import NamedTuple

from workshop.board import Board

ALIGN_MIB = 4
FAT_TYPE = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
LINUX_TYPE = "0fc63daf-8483-4772-8e79-3d69d8477de4"
PERSISTENT_TYPE = "8c6b1b0a-3d1f-4f57-9a0f-7a9d70617264"  # as in repart.d
_SECTORS_A_MIB = 2_048
_NAMESPACE = uuid.UUID("5d0c9e0e-8f0a-4d0b-9a35-79617264706a")


class Part(NamedTuple):
    """One partition: its name, place and size in MiB, and what it is made of."""

    name: str
    kind: str
    at_mib: int
    size_mib: int
    file: str  # in the folder of parts; "" for one that stays empty

    @property
    def at(self) -> int:
        """Its first byte."""
        return self.at_mib << 20


def parts_of(board: Board) -> list[Part]:
    sizes = board.sizes
    wanted = (
        ("bootconfig", FAT_TYPE, sizes.bootconfig, "bootconfig.vfat"),
        ("boot_a", FAT_TYPE, sizes.boot, "boot.vfat"),
        ("boot_b", FAT_TYPE, sizes.boot, "boot.vfat"),
        ("system_a", LINUX_TYPE, sizes.system, "system.erofs"),
        ("system_b", LINUX_TYPE, sizes.system, "system.erofs"),
        ("counter", LINUX_TYPE, sizes.counter, ""),
        ("persistent", PERSISTENT_TYPE, sizes.persistent, "persistent.ext4"),
    )
    made, at = [], ALIGN_MIB
    for name, kind, size, file in wanted:
        made.append(Part(name, kind, at, size, file))
        at += size + -size % ALIGN_MIB
    return made


def part_of(board: Board, name: str) -> Part:
    """The part of that name, as `system_b`."""
    return next(one for one in parts_of(board) if one.name == name)


def total_mib(parts: list[Part]) -> int:
    """With room for the second table at the end."""
    return parts[-1].at_mib + parts[-1].size_mib + ALIGN_MIB


def table_of(board: Board, parts: list[Part]) -> str:
    """The script that sfdisk makes the table from; every id is derived from the board's name."""
    lines = ["label: gpt", f"label-id: {id_of(board.label, 'disk')}", "unit: sectors"]
    for part in parts:
        start, size = part.at_mib * _SECTORS_A_MIB, part.size_mib * _SECTORS_A_MIB
        own = id_of(board.label, part.name)
        lines.append(
            f'start={start}, size={size}, type={part.kind}, uuid={own}, name="{part.name}"'
        )
    return "\n".join(lines) + "\n"


def id_of(label: str, what: str) -> str:
    """The same for every build: nothing may depend on it being one card's alone."""
    return str(uuid.uuid5(_NAMESPACE, f"{label}/{what}"))
