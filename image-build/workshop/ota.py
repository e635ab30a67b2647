"""Bundles: a build's two parts of a slot, signed for boxes of one kind.

The key is ECDSA P-256 (Ed25519 cannot sign what RAUC reads) and is its own certificate, which
every image that shall take the updates carries. Whoever holds it rules all boxes: keep it
off-line.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Refused
from workshop import filesystems, roots
from workshop.board import Board
from workshop.host import IMAGE_BUILD, chrooted, run

KEYS = IMAGE_BUILD / "keys"
_DAYS = "36500"
_MANIFEST = """\
[update]
compatible={compatible}
version={version}

[bundle]
format=verity
"""
_IMAGE = """
[image.{name}]
filename={name}.img
"""


class Keys(NamedTuple):
    """Who may sign updates: the certificate goes into images, the key nowhere."""

    key: Path
    certificate: Path


@contextmanager
def proc_of(tools: Path) -> Iterator[None]:
    """/proc in the toolbox: RAUC opens its own files by it."""
    run("mount", "-t", "proc", "proc", tools / "proc")
    try:
        yield
    finally:
        run("umount", tools / "proc")


def keys_in(folder: Path) -> Keys:
    return Keys(folder / "update.key", folder / "update.pem")


def make_keys(folder: Path, name: str) -> Keys:
    """Raises `Refused` if there are some: boxes that trust them would be lost."""
    made = keys_in(folder)
    if made.key.exists() or made.certificate.exists():
        raise Refused(f"{folder} holds keys already; boxes in the field trust them")
    folder.mkdir(parents=True, exist_ok=True)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
    own = ("-x509", "-days", _DAYS, "-subj", f"/O=Yardpass/CN={name}")
    run("openssl", "req", *curve, *own, "-keyout", made.key, "-out", made.certificate)
    made.key.chmod(0o600)
    return made


class Content(NamedTuple):
    """What a bundle brings to boxes of one kind; without `system` only the boot partition."""

    compatible: str
    version: str
    system: Path | None
    boot: Path


def content_of(board: Board, build: Path) -> Content:
    """What a build made."""
    about = json.loads((build / "build.json").read_text(encoding="utf-8"))
    compatible, version = f"yardpass-{board.label}", about["version"]
    return Content(compatible, version, build / "system.erofs", build / "boot.vfat")


@contextmanager
def toolbox(board: Board, folder: Path) -> Iterator[Path]:
    """RAUC and what it calls, as a root to be changed to, inside `folder` meanwhile."""
    with tempfile.TemporaryDirectory(prefix="yardpass-bundle-", dir=folder) as name:
        tools = Path(name, "tools")
        roots.unpack(roots.toolbox(board), tools)
        (tools / "work").mkdir()
        yield tools


def renamed(tools: Path, board: Board, content: Content, target: Path) -> Content:
    """The same system under the version that it is to have, in a slot of its own: what runs says
    so. It is not the build's, bit for bit."""
    assert content.system is not None
    work = tools / "work"
    shutil.copy(content.system, work / "before.erofs")
    chrooted(tools, ["fsck.erofs", "--extract=/work/system", "/work/before.erofs"])
    release = work / "system" / "usr/lib/os-release"
    text = release.read_text(encoding="utf-8")
    text = re.sub("(?m)^IMAGE_VERSION=.*$", f"IMAGE_VERSION={content.version}", text)
    release.write_text(text, encoding="utf-8")
    filesystems.erofs(tools, board.label, target)
    shutil.rmtree(work / "system")
    (work / "before.erofs").unlink()
    return content._replace(system=target)


def pack(tools: Path, brought: Content, keys: Keys, target: Path) -> Path:
    """Packs and signs a bundle."""
    content = tools / "work" / "content"
    content.mkdir()
    images = {"system": brought.system, "boot": brought.boot}
    manifest = _MANIFEST.format(compatible=brought.compatible, version=brought.version)
    for name, image in images.items():
        if image:
            shutil.copy(image, content / f"{name}.img")
            manifest += _IMAGE.format(name=name)
    (content / "manifest.raucm").write_text(manifest, encoding="utf-8")
    for source, inside in ((keys.key, "key"), (keys.certificate, "pem")):
        shutil.copy(source, tools / "work" / inside)
    signer = ("--key=/work/key", "--cert=/work/pem")
    packed = "--mksquashfs-args=-comp zstd -Xcompression-level 3"
    with proc_of(tools):
        chrooted(tools, ["rauc", *signer, packed, "bundle", "/work/content", "/work/out.raucb"])
    target.unlink(missing_ok=True)
    shutil.move(tools / "work" / "out.raucb", target)
    shutil.rmtree(content)
    return target


def bundle(board: Board, build: Path, keys: Keys, target: Path) -> Path:
    """Packs and signs what a build made."""
    with toolbox(board, build) as tools:
        return pack(tools, content_of(board, build), keys, target)
