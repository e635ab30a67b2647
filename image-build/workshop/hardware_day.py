"""What happens in the guest that has hardware, done and looked at from inside, as root.

Each fact is one line: `FACT camera: what was seen`, or `FALSE camera: why`. Runs from the stick,
with the product's packages on the path, and knows of the workshop only what is there as well.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from hw.relay_line import RelayLine, RelayLineOptions
from workshop.inside import (
    GATE,
    Canary,
    Wrong,
    await_line,
    decided,
    highs_since,
    is_high,
    line_of,
    output_of,
    pid_of,
    said,
    shown,
    tell,
    wait,
    watched,
)
from workshop.keyboard import Keyboard

CONTACT_PIN = 27
LEAST_MS, MAX_PULSE_MS, SLACK_MS = 500, 5_000, 50  # the office's 700 begin with the asking
RELAY, SYNC = "yardpass-relay", "yardpass-sync"
CONSOLE = "yardpass-console@tty1"
UNITS = (RELAY, GATE, SYNC, CONSOLE)
SOCKET = "/run/yardpass-relay/relay.sock"
STICK, FRAMES, WEDGE = Path("/run/stick"), Path("/run/frames"), Path("/run/twin/wedge")
SYNC_PORT = 7461
CLIENT_PORTS = {68, 546}  # of DHCP (RFC 2131, 4.1; RFC 8415, 7.2)
MS = 1_000_000  # of nanoseconds
TRIES = 60  # of typing: a busy machine stops amid a code, which spoils it, as a hand's pause would


def pulsed() -> None:
    """Has relayd switch on for as long as it does at most; the line is high on return. The gate
    asks too: who comes too soon after another is refused, and asks again."""
    for _ in range(10):
        wait("the line to be low", lambda: not is_high(), every=0.05)
        asker = threading.Thread(target=_hold, daemon=True)
        asker.start()
        end = time.monotonic() + 2
        while asker.is_alive() and time.monotonic() < end:
            if is_high():
                return
            time.sleep(0.02)
        asker.join(2 * MAX_PULSE_MS / 1000)
    raise Wrong("relayd switches nothing on")


def _hold() -> None:
    try:
        RelayLine(RelayLineOptions(SOCKET)).pulse(MAX_PULSE_MS, way_out=True)
    except Exception as error:  # noqa: BLE001 - relayd may be what was killed
        tell(f"no pulse, or its end: {error}")


def low() -> None:
    wait("the line to go low", lambda: not is_high(), 30, every=0.05)


def told_of(since: int, late_ms: float) -> str:
    """The longest time high from then on. Raises `Wrong` if it is longer than a longest pulse,
    SLACK_MS, and what the machine wakes a sleeping thread late."""
    found = max(highs_since(since), key=lambda one: one.least)
    text = (
        f"line high {found.least / MS:.0f} to {found.most / MS:.0f} ms, woken {late_ms:.0f} late"
    )
    if found.least > (MAX_PULSE_MS + SLACK_MS + late_ms) * MS:
        raise Wrong(text)
    return text


# --- the facts


def is_running(unit: str, guard: Keyboard) -> bool:
    """A console of a box that nobody has enrolled yet waits for Enter."""
    state = shown(unit, "SubState")
    if state == "start-pre" and unit == CONSOLE:
        guard.type("")
    return state == "running"


def services(guard: Keyboard) -> str:
    """Each runs, as a user of its own, without a capability, behind a filter of calls."""
    told = []
    for unit in UNITS:
        wait(f"{unit} to run", partial(is_running, unit, guard))
        status = Path(f"/proc/{pid_of(unit)}/status").read_text()
        found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        uid, caps = found["Uid"].split()[0], int(found["CapEff"], 16)
        if uid == "0" or caps or found["Seccomp"] != "2" or found["NoNewPrivs"] != "1":
            raise Wrong(f"{unit} is not locked in: user {uid}, capabilities {caps:x}")
        told.append(f"{unit.removeprefix('yardpass-')} uid {uid}")
    return ", ".join(told)


def camera() -> str:
    """A code before the virtual camera opens the gate, by libcamera, Picamera2 and the eye."""
    said_green = decided(0, "GREEN")
    wait("the relay's pulse", lambda: len(highs_since(0)) >= 1)
    pulse = highs_since(0)[0]
    if pulse.most < LEAST_MS * MS or pulse.least > (MAX_PULSE_MS + SLACK_MS) * MS:
        raise Wrong(f"a pulse of {pulse.least / MS:.0f} to {pulse.most / MS:.0f} ms")
    gate = pid_of(GATE)
    maps = Path(f"/proc/{gate}/maps").read_text()
    if "libcamera.so" not in maps or "libzbar" in maps:
        raise Wrong("the gate has no libcamera, or decodes by itself")
    eye = eye_of(gate)
    if "Seccomp:\t2" not in Path(f"/proc/{eye}/status").read_text():
        raise Wrong("the eye is not locked in")
    return f"{said_green}; line high {pulse.least / MS:.0f} to {pulse.most / MS:.0f} ms"


def eye_of(gate: int) -> int:
    """The gate's child that decodes."""
    for task in Path(f"/proc/{gate}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"decoder_child" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    raise Wrong("the gate has no eye")


def reader(keyboard: Keyboard) -> str:
    """A code that a keyboard types is decided: this one was revoked, so nothing opens."""
    text, since, moment = (STICK / "revoked.txt").read_text().strip(), len(said(GATE)), now()
    for tries in range(1, TRIES + 1):
        keyboard.type(text)
        time.sleep(2)
        lines = [line for line in said(GATE)[since:] if "R-REVOKED" in line]
        if lines:
            if highs_since(moment):
                raise Wrong("the relay moved")
            return f"{lines[0]}; typed {tries} times"
    raise Wrong("a typed code is not decided")


def now() -> int:
    return time.monotonic_ns()


def door() -> str:
    """The contact opens without anybody let in, then shuts: an alarm, and its end."""
    time.sleep(10)  # whoever was let in last has had their time
    since, pull = len(said(GATE)), line_of(CONTACT_PIN) / "pull"
    pull.write_text("pull-up")
    forced = await_line(GATE, ("gate: forced",), since, "the gate to say that it was forced")
    pull.write_text("pull-down")
    time.sleep(2)
    return forced


def restarted(unit: str, before: int, guard: Keyboard) -> float:
    """Seconds until the unit runs with another process."""
    began = time.monotonic()
    wait(
        f"{unit} to run again",
        lambda: is_running(unit, guard) and pid_of(unit) not in (0, before),
    )
    return time.monotonic() - began


def killed(victims: Mapping[str, tuple[str, int]], guard: Keyboard) -> str:
    """SIGKILL of processes, one after the other, while the line is high: it is low in time, they
    are there again, and the gate decides again. Name -> unit and process."""
    since = now()
    before = {unit: pid_of(unit) for unit, _ in victims.values()}
    with Canary() as canary:
        pulsed()
        for _, pid in victims.values():
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
        low()
    high, lines, told = told_of(since, canary.late_ms), len(said(GATE)), []
    for name, (unit, _) in victims.items():
        seconds = 0.0 if name == "eye" else restarted(unit, before[unit], guard)
        told.append(f"{name} runs again {seconds:.0f} s later")
    decision = decided(lines).split("  ")[0].strip()
    return f"{', '.join(victims)} killed: {high}; {', '.join(told)}; then {decision}"


def others() -> dict[str, tuple[str, int]]:
    """Who the relay does not depend on at all."""
    eye = (GATE, eye_of(pid_of(GATE)))
    return {"eye": eye, "sync": (SYNC, pid_of(SYNC)), "console": (CONSOLE, pid_of(CONSOLE))}


def heir_of(relay: int) -> int:
    return int(Path(f"/proc/{relay}/task/{relay}/children").read_text().split()[0])


def stopped(guard: Keyboard, *units: str) -> str:
    """SIGSTOP: nobody answers the watchdog, so systemd starts the process again."""
    show("empty")  # from the gate's next start on
    before, began, told = {unit: pid_of(unit) for unit in units}, time.monotonic(), []
    for pid in before.values():
        os.kill(pid, signal.SIGSTOP)
    for unit in units:
        restarted(unit, before[unit], guard)
        if not any("Watchdog timeout" in line for line in said(unit)):
            raise Wrong(f"{unit} came back without its watchdog")
        told.append(f"{unit} runs again {time.monotonic() - began:.0f} s after SIGSTOP")
    since = now()
    with Canary() as canary:
        pulsed()
        low()
    return f"{', '.join(told)}; then {told_of(since, canary.late_ms)}"


def quiet() -> str:
    """Nothing has failed, the root cannot be written, nobody listens but sync."""
    failed = output_of("systemctl", "--failed", "--no-legend", "--plain")
    if failed:
        raise Wrong(f"failed: {failed}")
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next(one for one in mounts if one[1] == "/")
    if root[2] != "erofs" or "ro" not in root[3].split(","):
        raise Wrong(f"root: {root}")
    ports = listening("tcp") | listening("tcp6")
    open_to_all = (listening("udp") | listening("udp6")) - CLIENT_PORTS
    if ports != {SYNC_PORT} or open_to_all:
        raise Wrong(f"listening: {sorted(ports)}, by UDP {sorted(open_to_all)}")
    sound = output_of("yardpass", "ledger", "fsck", "--site", "/var/lib/yardpass")
    if "store.db: sound" not in sound:
        raise Wrong(sound)
    return f"no failed unit, root {root[2]} read-only, only port {SYNC_PORT}, store sound"


def listening(kind: str) -> set[int]:
    """The ports that can be reached from outside: those of the box's own resolver cannot."""
    state = "0A" if kind.startswith("tcp") else "07"  # listens; takes from anybody
    lines = Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
    places = [line.split()[1].partition(":") for line in lines if line.split()[3] == state]
    return {int(port, 16) for address, _, port in places if not address.endswith("7F")}


def show(frames: str) -> None:
    """What the camera shows from its next start on."""
    for path in (STICK / frames).iterdir():
        (FRAMES / path.name).write_bytes(path.read_bytes())


def day() -> int:
    """How many facts are not so."""
    keyboard, guard = Keyboard("Yardpass twin's reader"), Keyboard("Yardpass twin's guard")
    output_of("udevadm", "settle")
    WEDGE.symlink_to(keyboard.path())
    watched()
    facts: list[tuple[str, Callable[[], str]]] = [
        ("services", lambda: services(guard)),
        ("camera", camera),
        ("kill", lambda: killed({"relay": (RELAY, pid_of(RELAY))}, guard)),
        ("kill", lambda: killed({"heir": (RELAY, heir_of(pid_of(RELAY)))}, guard)),
        ("kill", lambda: killed(others(), guard)),
        ("kill", lambda: killed({"gate": (GATE, pid_of(GATE))}, guard)),
        ("watchdog", lambda: stopped(guard, RELAY, GATE)),
        ("reader", lambda: reader(keyboard)),
        ("door", door),
        ("quiet", quiet),
    ]
    return sum(not is_so(name, fact) for name, fact in facts)


def is_so(name: str, fact: Callable[[], str]) -> bool:
    try:
        seen = fact()
        tell(f"FACT {name}: {seen} [{time.monotonic():.0f} s after the start]")
    except Exception as error:  # noqa: BLE001 - whatever it is, the fact is not so
        tell(f"FALSE {name}: {type(error).__name__}: {error}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(min(day(), 1))
