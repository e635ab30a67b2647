"""Looks at the machine: clock, disk, heat, power, services. Judges nothing.

`root` is where /sys, /proc and /etc are looked for, so that another tree can be looked at.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from appliance.doctor.lines import Fault, Missing, NotHad, fault_of
from appliance.doctor.machine_lines import Clock, Commits, Disk, Power, Space, Unit
from appliance.version import software
from ledger_sync import disk_probe
from ledger_sync.clock import Reading, grade_of
from ledger_sync.errors import Unavailable

COMMAND_SECONDS = 10.0
ROOT = Path("/")
UNITS = ("yardpass-relay", "yardpass-gate", "yardpass-sync", "yardpass-console@tty1")
_LOW, _THROTTLED, _SINCE_START = 0x1, 0x4, 16  # of get_throttled: Raspberry Pi documentation

Run = Callable[[Sequence[str]], str]
"""What a command prints. Raises `OSError` if it cannot be had."""


def run(command: Sequence[str]) -> str:
    """Runs a command that only looks."""
    found = shutil.which(command[0])
    if found is None:
        raise FileNotFoundError(command[0])
    try:
        done = subprocess.run(  # noqa: S603 - constant commands
            [found, *command[1:]], capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{command[0]} did not end") from error
    return done.stdout.decode(errors="replace")


def clock(reading: Reading, floor: int) -> Clock:
    try:
        text = datetime.fromtimestamp(reading.now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # a year that no calendar has
        text = f"{reading.now} s"
    grade = int(grade_of(reading, floor))
    return Clock(text, grade, reading.synchronised, reading.error_seconds)


def watchdog(root: Path = ROOT) -> bool | NotHad:
    """Whether the hardware watchdog is fed."""
    for state in sorted(root.glob("sys/class/watchdog/watchdog*/state")):
        if _read(state) == "active":
            return True
    if any(root.glob("sys/class/watchdog/watchdog*")):
        return False
    return Missing("no hardware watchdog")


def commits(folder: Path) -> Commits | NotHad:
    try:
        found = sorted(disk_probe.commit_ms(folder))
    except Unavailable as error:
        return fault_of(error, "check the rights of the store's folder")
    return Commits(len(found), found[min(len(found) - 1, len(found) * 99 // 100)])


def disk(folder: Path, root: Path = ROOT) -> Disk | NotHad:
    try:
        device, flags = folder.stat().st_dev, os.statvfs(folder).f_flag
    except OSError as error:
        return Fault(f"{folder}: {error.strerror}", "put the store back, or make its folder")
    place = root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    try:
        name = place.resolve(strict=True).name
    except OSError:
        name = "the disk"
    errors = _number(root / f"sys/fs/ext4/{name}/errors_count") or 0
    return Disk(name, bool(flags & os.ST_RDONLY), errors, _used(place))


def _used(place: Path) -> int | None:
    """Of an eMMC: JEDEC's life time estimates, in tenths (JESD84-B51, EXT_CSD 268 and 269)."""
    for folder in (place / "device", place.parent / "device", place.resolve().parent / "device"):
        words = (_read(folder / "life_time") or "").split()
        with suppress(ValueError):
            tenths = [int(word, 16) for word in words]
            if tenths and all(0 < one <= 11 for one in tenths):
                return min(100, 10 * max(tenths))
    return None


def space(folder: Path) -> Space | NotHad:
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return Fault(f"{folder}: {error.strerror}", "put the store back, or make its folder")
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def heat(root: Path = ROOT) -> float | NotHad:
    zones = (_number(zone) for zone in root.glob("sys/class/thermal/thermal_zone*/temp"))
    found = [zone / 1_000 for zone in zones if zone is not None and -50_000 < zone < 200_000]
    return max(found) if found else Missing("no thermometer")


def power(root: Path = ROOT, ask: Run = run) -> Power | NotHad:
    """By the firmware's file, or by its command."""
    text = _read(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if text is None:
        try:
            text = ask(["vcgencmd", "get_throttled"]).strip().removeprefix("throttled=0x")
        except OSError:
            return Missing("no Raspberry Pi's firmware to ask")
    try:
        flags = int(text, 16)
    except ValueError:
        return Missing("the firmware does not say")
    return Power(
        *(bool(flags & bit << shift) for bit in (_LOW, _THROTTLED) for shift in (0, _SINCE_START))
    )


def unit(name: str, ask: Run = run) -> Unit | NotHad:
    wanted = ("LoadState", "ActiveState", "Result", "NRestarts")
    try:
        lines = ask(["systemctl", "show", f"--property={','.join(wanted)}", name]).splitlines()
    except OSError:
        return Missing("no systemd here")
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    if found.get("LoadState") != "loaded":
        return Missing("no such unit here")
    restarts = found.get("NRestarts", "")
    return Unit(
        name,
        found.get("ActiveState", "unknown"),
        found.get("Result", ""),
        int(restarts) if restarts.isdecimal() else 0,
    )


def failed(ask: Run = run) -> tuple[str, ...] | NotHad:
    """Units of ours that failed, beside those of `UNITS`, each of which has a line."""
    try:
        rows = ask(["systemctl", "list-units", "--failed", "--plain", "--no-legend", "yardpass-*"])
    except OSError:
        return Missing("no systemd here")
    names = [row.split()[0] for row in rows.splitlines() if row.strip()]
    told = {f"{name}.service" for name in UNITS}
    return tuple(sorted(name for name in names if name not in told))


def is_gate_at_work(ask: Run = run) -> bool:
    """Whether systemd runs a gate here, which then has the devices."""
    found = unit("yardpass-gate", ask)
    return isinstance(found, Unit) and found.active in ("active", "activating")


def versions(root: Path = ROOT) -> str:
    """Software, Python, kernel, system, board."""
    release = _read(root / "etc/os-release") or ""
    lines = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    system = lines.get("PRETTY_NAME", "unknown system").strip('"')
    board = (_read(root / "proc/device-tree/model") or platform.machine()).rstrip("\0")
    python = f"Python {platform.python_version()}"
    return ", ".join((software(), python, f"Linux {platform.release()}", system, board))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:4_096].strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
