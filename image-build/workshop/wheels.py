"""The Python packages of a box, chosen on the builder's machine for the target, by hash.

`locks/wheels-ARCH.txt` names every package with its version and the SHA-256 of its one file.
Nothing is built here: what has no wheel for the target is built by sources.py.
"""

import json
import os
import sys
import tempfile
import tomllib
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop.host import IMAGE_BUILD, PROJECT, cache, making, run

PYTHON = "3.13"  # of Debian trixie and Raspberry Pi OS trixie
EXTRAS = ("webcam", "discover", "osdp")  # pcsc comes from Debian, see boards
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = ("2_34", "2_28", "2_27", "2_26", "2_17")  # manylinux tags that Debian trixie satisfies
LEFT_OUT = ("pip", "setuptools", "mdit-py-plugins", "linkify-it-py")
"""Named by packages that need them for nothing that a box does."""


def lock_path(arch: str) -> Path:
    return IMAGE_BUILD / "locks" / f"wheels-{arch}.txt"


def wanted() -> list[str]:
    """What pyproject.toml says a terminal needs."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(one for name in EXTRAS for one in extras[name])]


def lock(arch: str) -> int:
    """Resolves anew and writes the lock; how many packages it names."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name, "report.json")
        options = ("--dry-run", "--ignore-installed", "--report", report, "--target", name)
        _pip("install", *options, *_platform(arch), *wanted())
        found = json.loads(report.read_text(encoding="utf-8"))
    lines = sorted(line for one in found["install"] if (line := _line(one)))
    text = "".join(f"{line}\n" for line in lines)
    lock_path(arch).write_text(text, encoding="utf-8")
    return len(lines)


def _line(one: dict[str, dict[str, dict[str, dict[str, str]]]]) -> str:
    """`name==version --hash=sha256:...`, "" for what is left out."""
    about = one["metadata"]
    name = str(about["name"]).lower().replace("_", "-")
    if name in LEFT_OUT:
        return ""
    digest = one["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{name}=={about['version']} --hash=sha256:{digest}"


def install(arch: str, folder: Path, lock: Path | None = None) -> None:
    """Unpacks the locked wheels into `folder`. Raises `Unavailable` if one is gone or differs."""
    store = cache() / f"wheels-{arch}"
    lines = lock or lock_path(arch)
    options = ("--require-hashes", "--no-deps", "--requirement", str(lines))
    if not lines.exists():
        raise Unavailable(f"no {lines}; make it with: image-build/yardpass-image lock")
    kept = ("--dest", str(store), "--find-links", str(store))
    with making():
        _pip("download", *kept, *_platform(arch), *options)
    local = ["--no-index", "--find-links", str(store), "--no-compile", "--target", str(folder)]
    # Else it asks whether what it unpacks suits this machine's own Python.
    local.append("--ignore-requires-python")
    _pip("install", *local, *_platform(arch), *options)


def _platform(arch: str) -> list[str]:
    tags = [f"--platform=manylinux_{one}_{MACHINES[arch]}" for one in GLIBC]
    tags.append(f"--platform=manylinux2014_{MACHINES[arch]}")
    version = PYTHON.replace(".", "")
    abis = [f"--abi={one}" for one in (f"cp{version}", "abi3", "none")]
    own = [f"--python-version={PYTHON}", "--implementation=cp", "--only-binary=:all:"]
    return [*tags, *abis, *own]


def _pip(*words: str | Path) -> None:
    quiet = ("-q", "--disable-pip-version-check", "--no-input")
    settings = {"PIP_USER": "0", "PYTHONPATH": "", "PATH": os.environ.get("PATH", "")}
    run(sys.executable, "-m", "pip", words[0], *quiet, *words[1:], settings=settings)


def build(source: Path, folder: Path) -> None:
    """The wheel of Yardpass itself."""
    options = ("--no-deps", "--wheel-dir", str(folder))
    _pip("wheel", *options, str(source))


def put(wheel: Path, folder: Path, arch: str) -> None:
    """Unpacks a wheel beside the others: it was made here, for the target."""
    own = (*_platform(arch), f"--platform=linux_{MACHINES[arch]}")
    options = ("--no-deps", "--no-compile", "--no-index", "--target", str(folder))
    _pip("install", *options, *own, str(wheel))


def download_sources(lock: Path, folder: Path) -> None:
    """The locked source packages, whose hashes are those of the lock."""
    options = ("--no-deps", "--no-binary=:all:", "--require-hashes", "--requirement", str(lock))
    _pip("download", "--dest", str(folder), *options)
