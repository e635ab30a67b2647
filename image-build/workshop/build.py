"""Builds one image: slots, table, and what says what is in it."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance.update import autoboot
from ledger_sync.errors import Unavailable
from workshop import filesystems, initrd, layout, machine, rootfs, roots
from workshop.board import Board
from workshop.host import check_root, chrooted, epoch, run

PARTS = ("system.erofs", "initrd", "persistent.ext4", "boot.vfat", "bootconfig.vfat")
CMDLINE = "console={console} quiet panic=10 rootfstype=erofs ro mitigations=auto"
Say = Callable[[str], None]


class Built(NamedTuple):
    """An image and its parts, in one folder."""

    image: Path
    folder: Path
    version: str


def version_of() -> str:
    """`0.1.0-1795305600`: the release and the build's time, which orders builds of one release."""
    import tomllib

    from workshop.host import PROJECT

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['version']}-{epoch()}"


def build(board: Board, target: Path, say: Say, *, keyring: Path | None = None) -> Built:
    """Raises `Unavailable` for what this machine lacks or a part that is larger than its floor."""
    check_root("a system slot has files of other users, so a build")
    target.mkdir(parents=True, exist_ok=True)
    version = version_of()
    with tempfile.TemporaryDirectory(prefix="yardpass-image-", dir=target) as name:
        folder, tools, tree = Path(name), Path(name, "tools"), Path(name, "kernel")
        say("Debian's packages, or the ones that are kept")
        roots.unpack(roots.toolbox(board), tools)
        (tools / "work").mkdir()
        roots.unpack(roots.kernel(board), tree)
        chrooted_depmod(tools, tree)
        say("the system slot")
        rootfs.make(board, tools, tree, version, keyring)
        filesystems.erofs(tools, board.label, target / "system.erofs")
        say("initrd and boot partitions")
        initrd.make(tree, board.initrd_modules, tools, target / "initrd")
        _make_boot(board, tools, tree, target)
        for described in tree.glob(f"usr/lib/linux-image-*/broadcom/{machine.RASPI3B_TREE}"):
            shutil.copy(described, target / machine.RASPI3B_TREE)  # no part of the image
        filesystems.ext4(tools, board.label, board.sizes.persistent, target / "persistent.ext4")
        check_floors(board, target)
        say("the image")
        image = assemble(board, tools, target)
        del folder
    (target / "build.json").write_text(manifest(board, version, target), encoding="utf-8")
    return Built(image, target, version)


def chrooted_depmod(tools: Path, tree: Path) -> None:
    """Which module needs which: an unpacked kernel does not say so yet."""
    folder = initrd.modules_folder(tree)
    place = tools / "work" / "kernel" / "usr" / "lib" / "modules"
    shutil.copytree(folder, place / folder.name, symlinks=True)
    chrooted(tools, ["depmod", "-b", "/work/kernel/usr", folder.name])
    for path in (place / folder.name).glob("modules.*"):
        shutil.copy(path, folder / path.name)
    shutil.rmtree(tools / "work" / "kernel")


def _make_boot(board: Board, tools: Path, tree: Path, target: Path) -> None:
    sizes = board.sizes
    files = {
        "vmlinuz": initrd.kernel_file(tree).read_bytes(),
        "initrd.img": (target / "initrd").read_bytes(),
        "cmdline.txt": f"{CMDLINE.format(console=board.console)}\n".encode(),
    }
    filesystems.vfat(tools, "boot", sizes.boot, files, target / "boot.vfat")
    choice = {"autoboot.txt": autoboot.text_of("a")}
    filesystems.vfat(tools, "bootconfig", sizes.bootconfig, choice, target / "bootconfig.vfat")


def check_floors(board: Board, target: Path) -> None:
    limits = {"system.erofs": board.floors.system, "initrd": board.floors.initrd}
    for name, mib in limits.items():
        size = (target / name).stat().st_size
        if size > mib << 20:
            raise Unavailable(f"{name} has {size / 2**20:.1f} MiB, more than its floor of {mib}")


def assemble(board: Board, tools: Path, target: Path) -> Path:
    """The parts behind one table."""
    parts, image = layout.parts_of(board), target / f"yardpass-{board.label}.img"
    image.unlink(missing_ok=True)
    with image.open("wb") as made:
        made.truncate(layout.total_mib(parts) << 20)
    inside = tools / "work" / image.name
    shutil.move(image, inside)
    table = layout.table_of(board, parts).encode()
    chrooted(tools, ["sfdisk", "--quiet", f"/work/{image.name}"], stdin=table)
    shutil.move(inside, image)
    for part in parts:
        if part.file:
            filesystems.write_into(image, target / part.file, part.at)
    return image


def release(board: Board, built: Built) -> Path:
    """The image as it is handed out. Raises `Unavailable` if it is larger than its floor."""
    packed = built.image.with_suffix(".img.zst")
    run("zstd", "-q", "-f", "-T0", "-12", built.image, "-o", packed)
    if packed.stat().st_size > board.floors.released << 20:
        size = packed.stat().st_size / 2**20
        raise Unavailable(f"{packed.name} has {size:.1f} MiB, floor {board.floors.released}")
    return packed


def manifest(board: Board, version: str, target: Path) -> str:
    """What is in the image: one JSON document."""
    files = {name: _about(target / name) for name in PARTS}
    found = {"board": board.label, "claim": board.claim, "version": version, "parts": files}
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


def _about(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
