"""Bundles: a build's two parts of a slot, signed for boxes of one kind.

The key is ECDSA P-256 (Ed25519 cannot sign what RAUC reads) and is its own certificate, which
every image that shall take the updates carries. Whoever holds it rules all boxes: keep it
off-line.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger_sync.errors import Refused
from workshop import roots
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

[image.system]
filename=system.img

[image.boot]
filename=boot.img
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


def bundle(
    board: Board,
    build: Path,
    keys: Keys,
    target: Path,
    *,
    version: str = "",
    boot: Path | None = None,
) -> Path:
    """Packs and signs what a build made; `version` and `boot` stand in for the build's own, for
    tests."""
    about = json.loads((build / "build.json").read_text(encoding="utf-8"))
    manifest = _MANIFEST.format(
        compatible=f"yardpass-{board.label}", version=version or about["version"]
    )
    with tempfile.TemporaryDirectory(prefix="yardpass-bundle-", dir=build) as name:
        tools = Path(name, "tools")
        roots.unpack(roots.toolbox(board), tools)
        content = tools / "work" / "content"
        content.mkdir(parents=True)
        (content / "manifest.raucm").write_text(manifest, encoding="utf-8")
        shutil.copy(build / "system.erofs", content / "system.img")
        shutil.copy(boot or build / "boot.vfat", content / "boot.img")
        for source, inside in ((keys.key, "key"), (keys.certificate, "pem")):
            shutil.copy(source, tools / "work" / inside)
        signer = ("--key=/work/key", "--cert=/work/pem")
        packed = "--mksquashfs-args=-comp zstd -Xcompression-level 3"
        command = ["rauc", *signer, packed, "bundle", "/work/content", "/work/out.raucb"]
        with proc_of(tools):
            chrooted(tools, command)
        target.unlink(missing_ok=True)
        shutil.move(tools / "work" / "out.raucb", target)
    return target
