"""Locks the calling process down until only its open descriptors and its memory are left to it.

For a process that must look at hostile bytes. Linux on x86_64 and aarch64, no privilege needed.
Knows nothing of what the process does, and there is no way back.

The filter is classic BPF over `struct seccomp_data` (linux/seccomp.h: nr at 0, arch at 4, the low
half of argument n at 16 + 8n); system call numbers are from asm/unistd_64.h (x86_64) and
asm-generic/unistd.h (aarch64).
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hw.errors import Unavailable

HEADROOM_BYTES = 512 * 1024 * 1024
"""Address space the process may still take after it is locked."""

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_FILTER_FLAG_TSYNC: Final = 1

ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | 1  # SECCOMP_RET_ERRNO | EPERM
KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
AT_NUMBER: Final = 0
AT_ARCH: Final = 4

PROT_EXEC: Final = 4
MAP_ANONYMOUS: Final = 0x20

NEXT_STEP = "decoding is refused without it; use a 64-bit Raspberry Pi OS or Debian kernel"


@dataclass(frozen=True, slots=True)
class Calls:
    """System call numbers of one machine type.

    `allowed` work on what the process already holds; `mmap` and `mprotect` are looked at more
    closely; `hostile` have no innocent use here and end the process. All others fail with EPERM.
    """

    arch: int
    seccomp: int
    mmap: int
    mprotect: int
    allowed: tuple[int, ...]
    hostile: tuple[int, ...]


MACHINES = {
    # allowed: read write futex clock_gettime madvise munmap mremap brk close fstat lseek getpid
    #   getppid gettid gettimeofday getrandom sched_yield rt_sigaction rt_sigprocmask rt_sigreturn
    #   sigaltstack restart_syscall rseq exit exit_group
    # hostile: execve execveat ptrace process_vm_readv process_vm_writev bpf perf_event_open
    #   userfaultfd io_uring_setup init_module finit_module mount kexec_load pidfd_getfd
    "x86_64": Calls(
        arch=0xC000003E,
        seccomp=317,
        mmap=9,
        mprotect=10,
        allowed=(
            *(0, 1, 202, 228, 28, 11, 25, 12, 3, 5, 8, 39),
            *(110, 186, 96, 318, 24, 13, 14, 15, 131, 219, 334, 60, 231),
        ),
        hostile=(59, 322, 101, 310, 311, 321, 298, 323, 425, 175, 313, 165, 246, 438),
    ),
    "aarch64": Calls(
        arch=0xC00000B7,
        seccomp=277,
        mmap=222,
        mprotect=226,
        allowed=(
            *(63, 64, 98, 113, 233, 215, 216, 214, 57, 80, 62, 172),
            *(173, 178, 169, 278, 124, 134, 135, 139, 132, 128, 293, 93, 94),
        ),
        hostile=(221, 281, 117, 270, 271, 280, 241, 282, 425, 105, 273, 40, 104, 438),
    ),
}


def lock(*, headroom_bytes: int = HEADROOM_BYTES) -> None:
    """Locks this process, all its threads, for good. Raises `Unavailable` if any part fails.

    Afterwards: no open, socket, connect, exec, fork, new thread, signal to others or executable
    memory. It dies with the thread that started it. What it still needs must be loaded before.
    """
    calls = calls_of(platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit(headroom_bytes)
    _prctl(libc, PR_SET_DUMPABLE, 0)
    _prctl(libc, PR_SET_NO_NEW_PRIVS, 1)
    _install(libc, calls, filter_of(calls))
    _prove()


def calls_of(machine: str) -> Calls:
    """The call numbers of this machine type, as `uname -m` names it."""
    if machine not in MACHINES or sys.maxsize < 2**32 or sys.platform != "linux":
        known = ", ".join(MACHINES)
        raise Unavailable(
            f"no sandbox for {sys.platform} {machine} (known: Linux {known}); {NEXT_STEP}"
        )
    return MACHINES[machine]


def filter_of(calls: Calls) -> bytes:
    """The BPF program: wrong machine type or hostile call kills, unknown call fails with EPERM."""
    memory_rules = [
        *_when(calls.mprotect, _unless_any_bit(2, PROT_EXEC)),
        *_when(calls.mmap, _unless_any_bit(2, PROT_EXEC, then=_if_any_bit(3, MAP_ANONYMOUS))),
    ]
    program = [
        (LOAD, 0, 0, AT_ARCH),
        (IF_EQUAL, 1, 0, calls.arch),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, AT_NUMBER),
        *(step for number in calls.allowed for step in _when(number, [(RETURN, 0, 0, ALLOW)])),
        *(step for number in calls.hostile for step in _when(number, [(RETURN, 0, 0, KILL)])),
        *memory_rules,
        (RETURN, 0, 0, REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in program)


Step = tuple[int, int, int, int]
"""Operation, steps to skip if true, steps to skip if false, operand: `struct sock_filter`."""


def _when(number: int, steps: list[Step]) -> list[Step]:
    """`steps`, which must all end in RETURN, for the call `number` alone."""
    return [(IF_EQUAL, 0, len(steps), number), *steps]


def _if_any_bit(argument: int, bits: int) -> list[Step]:
    return [
        (LOAD, 0, 0, 16 + 8 * argument),
        (IF_ANY_BIT, 0, 1, bits),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]


def _unless_any_bit(argument: int, bits: int, *, then: list[Step] | None = None) -> list[Step]:
    return [
        (LOAD, 0, 0, 16 + 8 * argument),
        (IF_ANY_BIT, 0, 1, bits),
        (RETURN, 0, 0, REFUSE),
        *(then or [(RETURN, 0, 0, ALLOW)]),
    ]


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3):
        raise Unavailable(f"prctl {option} failed ({_why()}); {NEXT_STEP}")


def _limit(headroom_bytes: int) -> None:
    """Hard limits: no larger memory than now and the headroom, no new descriptor, file or core."""
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    most = pages * resource.getpagesize() + headroom_bytes
    allowed = resource.getrlimit(resource.RLIMIT_AS)[1]
    if allowed != resource.RLIM_INFINITY:
        most = min(most, allowed)
    for limit, value in (
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def _install(libc: ctypes.CDLL, calls: Calls, steps: bytes) -> None:
    program = _Program(len(steps) // struct.calcsize("=HBBI"), steps)
    answer = libc.syscall(
        ctypes.c_long(calls.seccomp),
        ctypes.c_long(SECCOMP_SET_MODE_FILTER),
        ctypes.c_long(SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.byref(program),
    )
    if answer:
        raise Unavailable(f"this kernel has no system call filter ({_why()}); {NEXT_STEP}")


def _prove() -> None:
    """An emulator may accept a filter and not apply it: try what must fail."""
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    except OSError as error:  # the limit on descriptors answered, not the filter
        raise Unavailable(
            f"the system call filter is not applied ({error}); {NEXT_STEP}"
        ) from error
    raise Unavailable(f"the system call filter is not applied; {NEXT_STEP}")


def _why() -> str:
    return os.strerror(ctypes.get_errno())
