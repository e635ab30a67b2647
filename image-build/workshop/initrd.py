"""The box's own initrd: a static busybox, the modules that the system slot needs, one script.

Two megabytes instead of forty; bit for bit the same for the same kernel.
"""

import lzma
import shutil
from collections.abc import Sequence
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop.host import IMAGE_BUILD, chrooted, epoch, run

FOLDER = IMAGE_BUILD / "initrd"
SCRIPTS = {"init": 0o755, "boots": 0o644}
"""The first process, and what it sources."""
_PACK = """cd /work/initrd
find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet --reproducible -R 0:0 |
    zstd -q -19 -f -o /work/initrd.zst"""
FOLDERS = ("bin", "dev", "proc", "sys", "mnt", "lib/modules")


def modules_of(tree: Path, wanted: Sequence[str]) -> list[Path]:
    """The files of these modules, each behind those it needs. A module that is built into the
    kernel has none. Raises `Unavailable` for one that the kernel does not have."""
    folder = modules_folder(tree)
    needs = _needs(folder)
    built_in = (folder / "modules.builtin").read_text(encoding="utf-8")
    found: list[str] = []
    for name in wanted:
        path = next((one for one in needs if _name_of(one) == name), None)
        if path is not None:
            found += [one for one in (*reversed(needs[path]), path) if one not in found]
        elif f"/{name}.ko" not in built_in.replace("-", "_"):
            raise Unavailable(f"the kernel has no module {name}; see the board's initrd_modules")
    return [folder / one for one in found]


def modules_folder(tree: Path) -> Path:
    """`usr/lib/modules/VERSION` of an unpacked kernel."""
    return next(one for one in (tree / "usr/lib/modules").iterdir() if one.is_dir())


def kernel_file(tree: Path) -> Path:
    """The kernel itself: in /boot, or from Debian's 7.x on beside its modules."""
    beside = modules_folder(tree) / "vmlinuz"
    return beside if beside.exists() else next((tree / "boot").glob("vmlinuz-*"))


def _needs(folder: Path) -> dict[str, list[str]]:
    """modules.dep: file -> the files it needs, the nearest first."""
    lines = (folder / "modules.dep").read_text(encoding="utf-8").splitlines()
    parts = (line.partition(":") for line in lines)
    return {path: needs.split() for path, _, needs in parts}


def _name_of(path: str) -> str:
    return Path(path).name.partition(".")[0].replace("-", "_")


def make(tree: Path, wanted: Sequence[str], tools: Path, target: Path) -> None:
    """Writes the initrd of the kernel in `tree` to `target`."""
    stage = tools / "work" / "initrd"
    shutil.rmtree(stage, ignore_errors=True)
    for folder in FOLDERS:
        (stage / folder).mkdir(parents=True)
    shutil.copy(tree / "usr/bin/busybox", stage / "bin/busybox")
    (stage / "bin/busybox").chmod(0o755)
    for name, mode in SCRIPTS.items():
        shutil.copy(FOLDER / name, stage / name)
        (stage / name).chmod(mode)
    names = []
    for path in modules_of(tree, wanted):
        name = f"{_name_of(path.name)}.ko"
        packed = path.read_bytes()
        plain = lzma.decompress(packed) if path.suffix == ".xz" else packed
        (stage / "lib/modules" / name).write_bytes(plain)
        names.append(f"{name}\n")
    (stage / "lib/modules/order").write_text("".join(names), encoding="utf-8")
    touch(stage)
    chrooted(tools, ["/bin/sh", "-ec", _PACK])
    shutil.move(tools / "work" / "initrd.zst", target)


def touch(folder: Path) -> None:
    """Sets the time of everything in a folder to that of the build."""
    run("find", folder, "-exec", "touch", "-h", "-d", f"@{epoch()}", "{}", "+")
