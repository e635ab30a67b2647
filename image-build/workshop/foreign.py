"""Programs of another processor, run here in software: for a root that dpkg configures.

The kernel hands such a program to QEMU's user mode, by binfmt_misc (Linux, admin-guide).
"""

import subprocess
from pathlib import Path

from ledger_sync.errors import Unavailable
from workshop.host import check_programs, run

HANDLERS = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}
REGISTRY = Path("/proc/sys/fs/binfmt_misc")


def make_ready(arch: str, native: str) -> None:
    """Afterwards programs of `arch` run here. Raises `Unavailable` with what to install."""
    if arch == native:
        return
    handler = HANDLERS[arch]
    check_programs({"arch-test": "arch-test"})
    if runs(arch):
        return
    check_programs({"update-binfmts": "binfmt-support", f"{handler}-static": "qemu-user-static"})
    if not (REGISTRY / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", REGISTRY)
    run("update-binfmts", "--enable", handler)
    if not runs(arch):
        raise Unavailable(f"this machine runs no programs of {arch}: see {REGISTRY / handler}")


def runs(arch: str) -> bool:
    """Whether a small program of this architecture runs here."""
    return (
        subprocess.run(  # noqa: S603 - our own words
            ["arch-test", arch],  # noqa: S607 - of the PATH
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )
