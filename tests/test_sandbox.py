"""The lock: a process that locked itself is asked to misbehave."""

import signal
import struct
import subprocess
import sys

import pytest

from hw import sandbox
from hw.errors import Unavailable

ATTEMPTS = {
    "open": "os.open('/etc/hostname', os.O_RDONLY)",
    "create": "os.open('/tmp/yardpass-sandbox', os.O_CREAT | os.O_WRONLY)",
    "list": "os.listdir('/')",
    "delete": "os.unlink('/tmp/yardpass-sandbox')",
    "socket": "socket.socket()",
    "unix socket": "socket.socket(socket.AF_UNIX)",
    "connect": "made.connect('/run/nothing')",
    "fork": "os.fork()",
    "thread": "threading.Thread(target=print).start()",
    "signal another": "os.kill(os.getppid(), 0)",
    "signal itself": "os.kill(os.getpid(), 9)",
    "duplicate": "os.dup(0)",
    "pipe": "os.pipe()",
    "executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC | mmap.PROT_READ)",
    "map a file": "mmap.mmap(stdin, 4096, prot=mmap.PROT_READ)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
    "too much memory": "bytearray(3 * sandbox.HEADROOM_BYTES // 2)",
    "a file that is open already": "os.write(file, b'x')",
}

REFUSALS = {b"PermissionError", b"RuntimeError", b"MemoryError", b"OSError", b"ValueError"}

HOSTILE = {
    "exec": "os.execv('/bin/true', ['true'])",
    "ptrace": "ctypes.CDLL(None).ptrace(0, 0, 0, 0)",
}

SCRIPT = """
import ctypes, mmap, os, resource, signal, socket, sys, tempfile, threading
from hw import sandbox
made = socket.socket(socket.AF_UNIX)
file = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_WRONLY)
stdin = file
ctypes.CDLL(None)
sandbox.lock()
try:
    {attempt}
except (OSError, MemoryError, RuntimeError, ValueError) as error:
    os.write(1, type(error).__name__.encode())
else:
    os.write(1, b"done")
os._exit(0)
"""


def locked(attempt: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(attempt=attempt)],
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
def test_a_locked_process_is_refused(attempt):
    process = locked(attempt)

    assert (process.returncode, process.stderr) == (0, b"")
    assert process.stdout in REFUSALS


@pytest.mark.parametrize("attempt", HOSTILE.values(), ids=HOSTILE)
def test_a_locked_process_is_killed_for(attempt):
    process = locked(attempt)

    assert (process.returncode, process.stdout) == (-signal.SIGSYS, b"")


@pytest.mark.parametrize(
    "attempt",
    ["bytearray(100_000_000)", "sys.stderr.flush()", "os.getpid()", "[[] for _ in range(10**6)]"],
)
def test_a_locked_process_may_still_compute(attempt):
    assert locked(attempt).stdout == b"done"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("sandbox._install = lambda *_: None", "not applied"),
        ("sandbox.SECCOMP_SET_MODE_FILTER = 99", "no system call filter"),
        ("sandbox.platform.machine = lambda: 'riscv64'", "no sandbox for linux riscv64"),
        ("sandbox.lock()", "failed"),
    ],
)
def test_a_kernel_that_does_not_lock_is_unavailable_and_never_ignored(spoil, message):
    script = (
        SCRIPT.replace("sandbox.lock()", "ready = True")
        .format(attempt=f"{spoil}; sandbox.lock()")
        .replace("type(error).__name__", "repr(error)")
    )

    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=False
    )

    assert process.stdout.startswith(b"Unavailable(")
    assert message in process.stdout.decode()


def verdict(program: bytes, number: int, arch: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    """Runs the filter as the kernel does: a few lines of classic BPF."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *arguments)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        operation, if_true, if_false, operand = steps[at]
        at += 1
        match operation:
            case sandbox.LOAD:
                loaded = struct.unpack_from("=I", data, operand)[0]
            case sandbox.IF_EQUAL:
                at += if_true if loaded == operand else if_false
            case sandbox.IF_ANY_BIT:
                at += if_true if loaded & operand else if_false
            case sandbox.RETURN:
                return operand


@pytest.mark.parametrize("machine", sandbox.MACHINES)
def test_the_filter_allows_its_list_and_nothing_else(machine):
    calls = sandbox.calls_of(machine)
    program = sandbox.filter_of(calls)

    verdicts = {number: verdict(program, number, calls.arch) for number in range(600)}

    assert {n for n, v in verdicts.items() if v == sandbox.ALLOW} == {
        *calls.allowed,
        calls.mprotect,
    }
    assert {n for n, v in verdicts.items() if v == sandbox.KILL} == set(calls.hostile)
    assert verdict(program, calls.allowed[0] | 0x40000000, calls.arch) == sandbox.REFUSE  # x32
    assert verdict(program, calls.allowed[0], 0x40000003) == sandbox.KILL  # 32-bit x86


@pytest.mark.parametrize("machine", sandbox.MACHINES)
def test_memory_is_mapped_only_anonymous_and_never_executable(machine):
    calls = sandbox.calls_of(machine)
    program = sandbox.filter_of(calls)

    def mapped(call: int, protection: int, flags: int) -> int:
        return verdict(program, call, calls.arch, (0, 0, protection, flags, 0, 0))

    assert mapped(calls.mmap, 3, 0x22) == sandbox.ALLOW
    assert mapped(calls.mmap, 7, 0x22) == sandbox.REFUSE
    assert mapped(calls.mmap, 3, 0x02) == sandbox.REFUSE
    assert mapped(calls.mprotect, 3, 0) == sandbox.ALLOW
    assert mapped(calls.mprotect, 5, 0) == sandbox.REFUSE


def test_an_unknown_machine_is_unavailable_and_the_known_ones_are_named():
    with pytest.raises(Unavailable, match=r"armv7l .*x86_64, aarch64"):
        sandbox.calls_of("armv7l")
