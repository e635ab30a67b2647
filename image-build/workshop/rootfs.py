"""The system slot as a folder: Debian's base, the kernel's modules, our packages, our files.

Everything that could differ between two builds from one snapshot is set or left out here: times,
caches, bytecode that carries times, machine ids.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from workshop import initrd, roots, sources, wheels
from workshop.board import Board
from workshop.host import IMAGE_BUILD, PROJECT, chrooted, epoch, run

SITE = "usr/lib/yardpass/site"
_SHARE = (
    "doc",
    "man",
    "locale",
    "info",
    "lintian",
    "bash-completion",
    "i18n",
    "zoneinfo/right",
    "perl5",
)
_LEFT_OUT = (
    *(f"usr/share/{name}" for name in _SHARE),
    *("var/cache/apt", "var/lib/apt", "var/log", "var/cache/debconf", "boot", "usr/include"),
    *("etc/apt", "usr/lib/apt", "usr/bin/perl*", "etc/kernel", "usr/lib/*-linux-gnu*/perl*"),
    *("usr/lib/udev/hwdb*", "usr/lib/*-linux-gnu*/gconv", "usr/lib/valgrind"),
    *(f"usr/lib/python3.13/{name}" for name in ("ensurepip", "idlelib", "lib2to3", "pydoc_data")),
)
_SITE_LEFT_OUT = (
    "bin",
    "*/tests",
    "*/*/tests",
    "*.dist-info/RECORD",
    "*.dist-info/direct_url.json",
)
_FOLDERS = ("persistent", "bootfs", "boot", "proc", "sys", "dev", "run", "tmp", "mnt", "var")
_PYTHON = ("usr/lib/python3.13", "usr/lib/python3", SITE)


def make(board: Board, tools: Path, tree: Path, version: str, keyring: Path | None) -> Path:
    """The folder, inside the toolbox, of a slot with the kernel in `tree`, which takes updates by
    whoever `keyring` names."""
    stage = tools / "work" / "system"
    shutil.rmtree(stage, ignore_errors=True)
    roots.unpack(roots.base(board), stage)
    for pattern in _LEFT_OUT:
        for path in list(stage.glob(pattern)):
            _remove(path)
    for name in _FOLDERS:
        (stage / name).mkdir(exist_ok=True)
    _put_modules(board, tree, stage)
    wheels.install(board.arch, stage / SITE)
    if board.has_lgpio:
        sources.install(board, stage / SITE)
    _put_product(board, stage / SITE)
    _put_files(board, stage, version)
    _put_update(board, stage, keyring)
    _settle(tools)
    return stage


def make_stage(board: Board, folder: Path, version: str, keyring: Path | None) -> None:
    """What a box has over its distribution, for whoever builds that: rpi-image-gen. Its units are
    enabled, its users made and its bytecode compiled over there."""
    wheels.install(board.arch, folder / SITE)
    _put_product(board, folder / SITE)
    for name in ("usr/lib", "etc"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _put_files(board, folder, version)
    _put_update(board, folder, keyring)
    for name in ("etc/fstab", "usr/lib/os-release", "etc/resolv.conf"):
        _remove(folder / name)  # the distribution's, or the layout's
    lay_over(IMAGE_BUILD / "rpi-image-gen" / "initramfs-tools", folder / "etc/initramfs-tools")
    shutil.copy(IMAGE_BUILD / "initrd" / "boots", folder / "usr/lib/yardpass/boots")
    about = f"IMAGE_ID=yardpass-{board.label}\nIMAGE_VERSION={version}\n"
    (folder / "usr/lib/yardpass/image-release").write_text(about, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put_modules(board: Board, tree: Path, stage: Path) -> None:
    """The part of the kernel's modules that the board's file keeps."""
    source = initrd.modules_folder(tree)
    target = stage / "usr/lib/modules" / source.name
    _remove(target.parent)
    target.mkdir(parents=True)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(source / name, target / name)
    for name in board.keep_modules:
        for found in (source / "kernel" / name, *(source / "kernel").glob(f"{name}.ko*")):
            place = target / "kernel" / found.relative_to(source / "kernel")
            if found.is_dir():
                shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True)
            elif found.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, place)


def _put_product(board: Board, site: Path) -> None:
    """Yardpass itself, from the files that are under version control."""
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name, "source"), Path(name, "made")
        source.mkdir()
        listed = run("git", "-c", "safe.directory=*", "-C", PROJECT, "ls-files", "-z")
        for file in listed.split("\0"):
            if (PROJECT / file).is_file():
                (source / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / file, source / file)
        wheels.build(source, made)
        wheels.put(next(made.glob("yardpass-*.whl")), site, board.arch)
    for pattern in _SITE_LEFT_OUT:
        for path in site.glob(pattern):
            _remove(path)
    for path in (*site.rglob("*.pyi"), *site.rglob("*.a"), *site.rglob("*.h")):
        path.unlink()


def _put_files(board: Board, stage: Path, version: str) -> None:
    """Our overlay, the units, and what names the image."""
    for overlay in (IMAGE_BUILD / "rootfs", IMAGE_BUILD / f"rootfs-{board.name}"):
        lay_over(overlay, stage)
    if (PROJECT / "systemd" / "install").exists():
        run(PROJECT / "systemd" / "install", stage)
    (stage / "etc/hostname").write_text(f"{board.hostname}\n", encoding="utf-8")
    (stage / "etc/hosts").write_text(f"127.0.0.1 localhost {board.hostname}\n", encoding="utf-8")
    _remove(stage / "etc/machine-id")
    (stage / "etc/machine-id").touch()  # each boot has its own: nothing here depends on it
    _remove(stage / "etc/resolv.conf")
    (stage / "etc/resolv.conf").symlink_to("/run/systemd/resolve/stub-resolv.conf")
    about = f"IMAGE_ID=yardpass-{board.label}\nIMAGE_VERSION={version}\n"
    with (stage / "usr/lib/os-release").open("a", encoding="utf-8") as file:
        file.write(about)


def _put_update(board: Board, stage: Path, keyring: Path | None) -> None:
    """Without a keyring nobody can sign for this image."""
    text = (IMAGE_BUILD / "ota" / "system.conf.in").read_text(encoding="utf-8")
    folder = stage / "etc/rauc"
    folder.mkdir(exist_ok=True)
    made = text.replace("@COMPATIBLE@", f"yardpass-{board.label}")
    (folder / "system.conf").write_text(made, encoding="utf-8")
    if keyring:
        shutil.copy(keyring, folder / "keyring.pem")
        (folder / "keyring.pem").chmod(0o644)


def lay_over(overlay: Path, stage: Path) -> None:
    """Copies an overlay's files; who may run them follows from its own mode."""
    if not overlay.is_dir():
        return
    shutil.copytree(overlay, stage, symlinks=True, dirs_exist_ok=True)
    for path in (one for one in overlay.rglob("*") if not one.is_symlink()):
        is_run = path.is_dir() or os.access(path, os.X_OK)
        (stage / path.relative_to(overlay)).chmod(0o755 if is_run else 0o644)


def _settle(tools: Path) -> None:
    """Users, units, bytecode, indexes, by tools of the box's own release; then all times."""
    stage = "/work/system"
    chrooted(tools, ["systemd-sysusers", f"--root={stage}"])
    chrooted(tools, ["systemctl", f"--root={stage}", "preset-all"])
    version = next((tools / "work/system/usr/lib/modules").iterdir()).name
    chrooted(tools, ["depmod", "-b", stage, version])
    # Bytecode that carries no time: what is compared with a source's time would never be believed.
    compiled = ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    places = [f"{stage}/{name}" for name in _PYTHON]
    subprocess.run(  # noqa: S603 - our own words; Debian ships a few files that do not compile
        ["chroot", tools, *compiled, "-f", "-s", stage, "-p", "/", *places],  # noqa: S607 - of the PATH
        env={"PATH": "/usr/bin:/bin:/usr/sbin", "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
        check=False,
        capture_output=True,
    )
    for path in (tools / "work/system/etc").glob("*-"):  # backups of what sysusers changed
        path.unlink()
    _remove(tools / "work/system/etc/.pwd.lock")
    initrd.touch(tools / "work/system")
    assert epoch()
