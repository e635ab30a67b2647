"""Slots that do not work, each in its own way: what their boot partition has over a good one."""

import base64
import shutil
from pathlib import Path
from typing import NamedTuple

from workshop import initrd
from workshop.host import run

_CRASH = """\
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'kill -SEGV 1; sleep 9999'
"""
_ENDLESS = """\
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sleep infinity
TimeoutStartSec=infinity
"""
_SOON = "[Unit]\nJobTimeoutSec=30\n"  # instead of minutes; what follows is the box's own
_HANGS = "count_boot\nbb mount"  # in the initrd, where everything is at work


_RESTARTS = "reboot: Restarting system"


class Bad(NamedTuple):
    """More words on its command line; another first process in its initrd; what its console says
    as it ends, nothing if the hardware's watchdog ends it."""

    words: str = ""
    init: str = ""
    ends: str = ""


def credential(name: str, text: str) -> str:
    """A word of a kernel's command line by which systemd gets this file, systemd.exec(5)."""
    packed = base64.b64encode(text.encode()).decode()
    return f"systemd.set_credential_binary={name}:{packed}"


def slots() -> dict[str, Bad]:
    """By the scene's name."""
    init = (initrd.FOLDER / "init").read_text(encoding="utf-8")
    assert _HANGS in init
    hung = init.replace(_HANGS, f"bb sleep 99999\n{_HANGS}")
    wanted = "systemd.wants=bad.service"
    crash = credential("systemd.extra-unit.bad.service", _CRASH)
    endless = credential("systemd.extra-unit.bad.service", _ENDLESS)
    soon = credential("systemd.unit-dropin.basic.target", _SOON)
    return {
        "panic": Bad("rdinit=/nowhere", ends="Kernel panic"),
        "hang-initrd": Bad(init=hung),
        "hang-systemd": Bad(f"{crash} {wanted}"),
        "hang-start": Bad(f"{endless} {wanted} {soon}", ends=_RESTARTS),
        "unhealthy": Bad("systemd.mask=persistent.mount", ends=_RESTARTS),
    }


NAMES = tuple(slots())


def make_boot(good: Path, bad: Bad, target: Path) -> Path:
    """A boot partition that is as bad as that."""
    shutil.copy(good, target)
    part = target.with_suffix(".part")
    part.write_text(f"{run('mtype', '-i', target, '::cmdline.txt').strip()} {bad.words}\n")
    run("mcopy", "-o", "-i", target, part, "::cmdline.txt")
    if bad.init:
        run("mcopy", "-o", "-i", target, "::initrd.img", part)
        part.write_bytes(with_archive(part.read_bytes(), archive_of("init", bad.init)))
        run("mcopy", "-o", "-i", target, part, "::initrd.img")
    return target


def with_archive(image: bytes, archive: bytes) -> bytes:
    """An initrd with one more archive behind it, which begins at a multiple of four bytes: the
    kernel drops any other ("invalid magic") and starts without it, init/initramfs.c."""
    return image + b"\0" * (-len(image) % 4) + archive


def archive_of(name: str, text: str) -> bytes:
    """One executable file as a cpio archive, behind which an initrd's own file of that name stands
    back. Linux Documentation/driver-api/early-userspace/buffer-format.rst."""
    made = b""
    for file, data, mode in ((name, text.encode(), 0o100755), ("TRAILER!!!", b"", 0)):
        numbers = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(file) + 1, 0)
        head = "070701" + "".join(f"{one:08x}" for one in numbers)
        for part in (head.encode() + file.encode() + b"\0", data):
            made += part + b"\0" * (-len(part) % 4)
    return made
