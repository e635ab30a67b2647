"""Runs the programs of the system that an update needs; what they say, or why they would not."""

import re
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from ledger_sync.errors import Unavailable

_SECONDS = 60
INSTALL_SECONDS = 1_800  # a slow card takes minutes
_REASON = re.compile(r"^LastError: (.+)$", re.MULTILINE)
Run = Callable[[Sequence[str]], str]
"""Runs a program; its standard output. Raises `Unavailable` if it fails or hangs."""


def run(command: Sequence[str], *, seconds: float = _SECONDS) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words; a bundle's path is one argument
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        said = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()[-600:]
        raise Unavailable(f"{command[0]} failed: {said or f'exit {done.returncode}'}")
    return done.stdout


def install(bundle: str) -> str:
    """RAUC verifies the bundle as it writes it: a byte that was changed stops it. Raises
    `Unavailable` with RAUC's reason, without the progress that it prints before."""
    # On a busy box its service takes longer to start than a call on the bus waits for an answer,
    # 25 s. Where this fails, the call that follows starts it, and says what is wrong.
    with suppress(Unavailable):
        run(["/usr/bin/systemctl", "start", "rauc.service"], seconds=2 * _SECONDS)
    try:
        return run(["/usr/bin/rauc", "install", bundle], seconds=INSTALL_SECONDS)
    except Unavailable as error:
        reason = _REASON.search(str(error))
        raise Unavailable(f"rauc failed: {reason[1]}" if reason else str(error)) from error


def restart(*, is_trial: bool) -> None:
    """Restarts the box; a trial starts the other slot once."""
    argument = ["--reboot-argument=0 tryboot"] if is_trial else []
    run(["/usr/bin/systemctl", "reboot", *argument])
