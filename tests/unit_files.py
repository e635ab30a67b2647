"""Reads systemd's unit files as these tests need them: sections with all values of each key."""

import shlex
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "systemd"
UNITS = sorted((FOLDER / "system").glob("*.service"))
IMAGE = FOLDER.parent / "image-build/rootfs/usr/lib/systemd/system"
"""What an image has over that."""


def read(path):
    """section -> key -> its values, in the order of the file."""
    found, section = {}, None
    for line in path.read_text().splitlines():
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        if text.startswith("["):
            section = found.setdefault(text.strip("[]"), {})
            continue
        key, _, value = text.partition("=")
        section.setdefault(key, []).append(value)
    return found


def service(name):
    return read(FOLDER / "system" / name)["Service"]


def commands(unit):
    """The words of each line that starts something of ours."""
    keys = [key for key in unit["Service"] if key.startswith("Exec")]
    starts = [shlex.split(value.lstrip("-+")) for key in keys for value in unit["Service"][key]]
    return [words[1:] for words in starts if words[0] == "/usr/bin/yardpass"]


def sysusers():
    """The users and groups that sysusers.d makes."""
    users, groups = set(), set()
    for line in (FOLDER / "sysusers.d/yardpass.conf").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind in ("u", "g"):
            (users if kind == "u" else groups).add(rest.split()[0])
    return users, groups | users


def tmpfiles():
    """path -> (type, mode, user, group)"""
    found = {}
    for line in (FOLDER / "tmpfiles.d/yardpass.conf").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, path, mode, user, group, *_ = line.split()
            found.setdefault(path, (kind, mode, user, group))
    return found
