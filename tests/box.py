"""A box without hardware: Debian's systemd as PID 1 of a container, and our units at work in it.

Needs root, mmdebstrap and systemd-nspawn. The unpacked base is kept in ${YARDPASS_CACHE:-
~/.cache/yardpass}; the libraries are those that pip finds for its Python.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE, PYTHON = "trixie", "3.13"
PACKAGES = "systemd,systemd-sysv,dbus,python3,libzbar0t64,util-linux,network-manager"
LIMIT_SECONDS = 60
CACHE = Path(os.environ.get("YARDPASS_CACHE") or Path.home() / ".cache" / "yardpass")
COMMAND = """\
#!/usr/bin/python3
import sys
sys.path.insert(0, "/usr/lib/yardpass")
from appliance.cli import main
main()
"""
START = """\
set -eu
mount --make-rprivate /
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir -p /sys/fs/cgroup/yardpass-$$
echo $$ >/sys/fs/cgroup/yardpass-$$/cgroup.procs
# CAP_SYS_TIME: without it nspawn refuses the call that only asks how the clock is, too.
exec systemd-nspawn --quiet --directory="$1" --boot --register=no --keep-unit --private-network \\
    --capability=CAP_SYS_TIME --console=read-only --link-journal=no --hostname=box \\
    systemd.unit=yardpass-test.target
"""
MISSING = [name for name in ("mmdebstrap", "systemd-nspawn", "nsenter") if not shutil.which(name)]


def mirror():
    """Where this machine installs from; empty, mmdebstrap's own default, elsewhere."""
    answer = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line.split() for line in answer.stdout.splitlines()]
    uris = [one[0] for one in found if len(one) == 2 and one[1] == "main"]
    return [uri for uri in uris if "security" not in uri][:1]


def base():
    """The tar of a Debian with what the units need; kept by what it holds."""
    content = hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]
    made = CACHE / f"box-{SUITE}-{platform.machine()}-{content}.tar"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = made.with_suffix(f".{os.getpid()}.tar")
        wanted = ("--quiet", "--variant=minbase", f"--include={PACKAGES}")
        call("mmdebstrap", *wanted, SUITE, part, *mirror())
        part.replace(made)
    return made


def libraries(target):
    """The libraries that the command needs, for the box's Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    machine = platform.machine()
    platforms = [f"--platform=manylinux_{one}_{machine}" for one in ("2_28", "2_17")]
    call(
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-compile", f"--target={target}", f"--python-version={PYTHON}", "--only-binary=:all:",
        *platforms, f"--platform=manylinux2014_{machine}",
        *(one.split(";")[0].replace(" ", "") for one in project["dependencies"]),
        env=os.environ | {"PIP_USER": "0"},
    )  # fmt: skip


def call(*command, env=None):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise RuntimeError(f"{words[0]} failed: {done.stderr[-2_000:]}")
    return done.stdout


class Box:
    """`folder` holds its root, and what it says on its console."""

    def __init__(self, folder):
        self.root = folder / "root"
        self._console = folder / "console.log"
        self._process = None
        self._leader = 0

    def furnish(self):
        """Debian, the libraries, the command, the units; their users."""
        self.root.mkdir()
        call("tar", "--extract", "--numeric-owner", "--file", base(), "--directory", self.root)
        libraries(self.root / "usr/lib/yardpass")
        for package in ("appliance", "hw", "ledger_sync"):
            shutil.copytree(ROOT / package, self.root / "usr/lib/yardpass" / package)
        command = self.root / "usr/bin/yardpass"
        command.write_text(COMMAND)
        command.chmod(0o755)
        call(ROOT / "systemd/install", self.root)
        for tool in ("systemd-sysusers", "systemd-tmpfiles --create"):
            call(*tool.split(), f"--root={self.root}", "yardpass.conf")
        unit = self.root / "etc/systemd/system/yardpass-test.target"
        unit.write_text("[Unit]\nRequires=basic.target\nAfter=basic.target\n")

    def start(self):
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", START, "sh", str(self.root)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        self.wait(self._is_up, "the container to start")

    def _is_up(self):
        if self._process.poll() is not None:
            said = self._console.read_text("utf-8", "replace")
            raise RuntimeError(f"no container: {said[-2_000:]}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = children.read_text().split()
        if not found:
            return False
        self._leader = int(found[0])
        return self.run("systemctl", "is-active", "yardpass-test.target").stdout == "active\n"

    def run(self, *command, user=None):
        """A command in the box."""
        words = ["nsenter", f"--target={self._leader}", "--all", *map(str, command)]
        if user:
            group = "yardpass-relay" if user == "yardpass-relay" else "yardpass"
            words[3:3] = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        return subprocess.run(
            words, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )

    def begin(self, *command):
        """A command in the box that goes on."""
        return subprocess.Popen(
            ["nsenter", f"--target={self._leader}", "--all", *command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def get(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def screen(self):
        """All that was drawn on the console of the box so far."""
        return self._console.read_text("utf-8", "replace")

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def wait_for_units(self, units):
        """Until all of them run. What they said instead is told."""
        try:
            self.wait(lambda: all(self.get(unit, "SubState") == "running" for unit in units), "")
        except TimeoutError:
            bad = [unit for unit in units if self.get(unit, "SubState") != "running"]
            said = "".join(f"{unit}: {self.journal(unit)[-1_500:]}" for unit in bad)
            raise TimeoutError(said) from None

    def wait(self, holds, what):
        end = time.monotonic() + LIMIT_SECONDS
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"waited for {what}")
            time.sleep(0.05)

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            if self._leader:
                self.run("systemctl", "poweroff", "--force", "--force")
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(LIMIT_SECONDS)
