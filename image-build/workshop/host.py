"""What the builder's machine lends: programs, its package mirror, a folder that keeps things."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ledger_sync.errors import Unavailable

DEFAULT_MIRROR = "http://deb.debian.org/debian"
_TIMEOUT_SECONDS = 1_800
YARDPASS = Path(sys.executable).with_name("yardpass")  # of this environment
PROJECT = Path(__file__).resolve().parents[2]
IMAGE_BUILD = PROJECT / "image-build"


def run(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    settings: Mapping[str, str] | None = None,
) -> str:
    """Runs a program; what it printed. Raises `Unavailable` with the end of what it said."""
    try:
        done = subprocess.run(  # noqa: S603 - words of ours and paths
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            cwd=cwd,
            env={**os.environ, **(settings or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Unavailable(f"{command[0]} failed with {done.returncode}:\n{said[-2000:]}")
    return done.stdout.decode(errors="replace")


def check_programs(packages: Mapping[str, str]) -> None:
    """Raises `Unavailable` with the apt line for what is missing. Program -> Debian package."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = {packages[name] for name in packages if shutil.which(name, path=path) is None}
    if absent:
        line = f"apt-get install --no-install-recommends {' '.join(sorted(absent))}"
        raise Unavailable(f"this machine lacks programs; {line}")


def check_root(why: str) -> None:
    if os.geteuid():
        raise Unavailable(f"{why} needs root: use sudo")


def cache() -> Path:
    """What may be made again: ${YARDPASS_CACHE:-~/.cache/yardpass}/image."""
    folder = os.environ.get("YARDPASS_CACHE") or Path.home() / ".cache" / "yardpass"
    made = Path(folder) / "image"
    made.mkdir(parents=True, exist_ok=True)
    return made


@contextmanager
def making() -> Iterator[None]:
    """One at a time makes what is kept, whatever builds beside: who comes second finds it made."""
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def mirror() -> str:
    """The archive that this machine itself installs from if it is a Debian, else Debian's own."""
    if "\nID=debian\n" not in f"\n{_os_release()}":
        return DEFAULT_MIRROR
    lines = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(RELEASE)")
    return mirror_of(lines) or DEFAULT_MIRROR


def mirror_of(index_targets: str) -> str:
    """The first archive with Debian's main component of a whole release, "" for none.

    >>> mirror_of("http://deb.debian.org/debian/ main bookworm")
    'http://deb.debian.org/debian/'
    """
    for line in index_targets.splitlines():
        words = line.split()
        if (
            len(words) == 3
            and words[1] == "main"
            and words[2].isalpha()
            and "security" not in line
        ):
            return words[0]
    return ""


def _os_release() -> str:
    path = Path("/etc/os-release")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def epoch() -> int:
    """The time that everything in an image carries: SOURCE_DATE_EPOCH, or the last commit's."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    git = ("git", "-c", "safe.directory=*", "-C", PROJECT, "log", "-1", "--format=%ct")
    return int(run(*git))


def chrooted(root: Path, command: Sequence[str], *, stdin: bytes | None = None) -> str:
    """Runs a program of another root with a clean environment."""
    bare = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    settings = [f"{key}={value}" for key, value in bare.items()]
    settings.append(f"SOURCE_DATE_EPOCH={epoch()}")
    return run("chroot", root, "/usr/bin/env", "-i", *settings, *command, stdin=stdin)


def copied(source: Path, target: Path) -> Path:
    """A copy of a disk, in which zeros take no room."""
    run("cp", "--sparse=always", "--reflink=auto", source, target)
    return target
