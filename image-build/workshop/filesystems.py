"""The filesystems of an image, made by the toolbox without mounting anything."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from workshop.host import chrooted, epoch
from workshop.layout import id_of

FAT_SERIAL = "59415244"
EROFS_OPTIONS = ("-zzstd,3", "-C65536", "-Eztailpacking")  # level 15 is 1 MiB less, and minutes


def erofs(tools: Path, label: str, target: Path) -> None:
    """The read-only system slot from `work/system` of the toolbox."""
    own = ("-T", str(epoch()), "-U", id_of(label, "system"), "--quiet")
    chrooted(tools, ["mkfs.erofs", *EROFS_OPTIONS, *own, "/work/system.erofs", "/work/system"])
    shutil.move(tools / "work" / "system.erofs", target)


def ext4(tools: Path, label: str, mib: int, target: Path) -> None:
    """The data partition, empty."""
    stage = tools / "work" / "persistent"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    stage.chmod(0o755)
    ids = f"hash_seed={id_of(label, 'hash seed')},lazy_itable_init=0,lazy_journal_init=0"
    options = ("-q", "-F", "-t", "ext4", "-b", "4096", "-L", "persistent", "-E", ids)
    own = ("-U", id_of(label, "persistent filesystem"), "-d", "/work/persistent")
    fake = ["/usr/bin/env", f"E2FSPROGS_FAKE_TIME={epoch()}"]
    command = [*fake, "mke2fs", *options, *own, "/work/persistent.ext4", f"{mib}M"]
    chrooted(tools, command)
    shutil.move(tools / "work" / "persistent.ext4", target)


def vfat(tools: Path, label: str, mib: int, files: Mapping[str, bytes], target: Path) -> None:
    """A FAT with these files in its root."""
    stage, image = tools / "work" / "fat", tools / "work" / "fat.img"
    shutil.rmtree(stage, ignore_errors=True)
    image.unlink(missing_ok=True)
    stage.mkdir()
    with image.open("wb") as made:
        made.truncate(mib << 20)
    options = ("--invariant", "-i", FAT_SERIAL, "-n", label.upper()[:11])
    chrooted(tools, ["mkfs.vfat", *options, "/work/fat.img"])
    for name, data in files.items():
        (stage / name).write_bytes(data)
        touch = ["touch", "-d", f"@{epoch()}", f"/work/fat/{name}"]
        chrooted(tools, touch)
        chrooted(tools, ["mcopy", "-m", "-i", "/work/fat.img", f"/work/fat/{name}", f"::{name}"])
    shutil.move(image, target)


def write_into(image: Path, part: Path, at: int) -> None:
    """Copies a part to its place; zeros are left out, so that the image stays sparse."""
    with image.open("r+b") as target, part.open("rb") as source:
        target.seek(at)
        while block := source.read(1 << 20):
            if block.count(0) == len(block):
                target.seek(len(block), 1)
            else:
                target.write(block)
