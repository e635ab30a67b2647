"""What QEMU is started as, and how a disk is plugged into it (pure)."""

from dataclasses import dataclass
from pathlib import Path

_QUIET = ("-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot")
_VIRTIO = ("-m", "1024", "-nic", "none", "-device", "virtio-rng-pci")
_RUNNING = ("-accel", "tcg,thread=multi", "-smp", "2")
_COUNTED = ("-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0,sleep=off")
_TWINS = {
    "amd64": ("qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-vga", "none"),
    "arm64": ("qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on"),
}
RASPI3B_TREE = "bcm2837-rpi-3-b.dtb"
"""The device tree of a Pi 3B, as Debian's kernel has it; a build for arm64 leaves it beside."""
_RASPI3B = ("qemu-system-aarch64", "-M", "raspi3b", "-accel", "tcg,thread=multi", "-smp", "4")


@dataclass(frozen=True, slots=True)
class Machine:
    """`has_card`: the image is a card in its slot, and nothing else can be plugged in."""

    words: tuple[str, ...]
    has_card: bool = False

    def disk(self, file: Path | str, serial: str, options: str = "") -> list[str]:
        """The words that plug in a disk, a file or an NBD export's URI; `serial` names it, for us
        and for the guest."""
        drive = f"file={file},format=raw,cache=writeback{options}"
        if self.has_card:
            return ["-drive", f"{drive},if=sd"] if serial == "card" else []
        device = f"virtio-blk-pci,drive={serial},serial={serial}"
        return ["-drive", f"{drive},if=none,id={serial}", "-device", device]


def twin(arch: str, *, is_counted: bool = False) -> Machine:
    """The machine that a twin runs on. Counted, its clock goes by the instructions it executes,
    1 ns each, about what a core of a Pi 4 needs, and not by this machine's (QEMU,
    docs/devel/tcg-icount.rst)."""
    pace = _COUNTED if is_counted else _RUNNING
    return Machine((*_TWINS[arch], *pace, *_QUIET, *_VIRTIO))


def raspi3b(tree: Path) -> Machine:
    """A Raspberry Pi 3B with the device tree in the file `tree`: its pins, watchdog and card are
    those of the real chip. Its card has a size that is a power of two (QEMU, system/arm/raspi)."""
    return Machine((*_RASPI3B, *_QUIET, "-m", "1024", "-dtb", str(tree)), has_card=True)
