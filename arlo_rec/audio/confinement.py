"""Giving up everything that a decoder of hostile sound does not need; there is no way back.

Three walls, each of which is enough against an honest library that goes wrong, and together against one that
was taken over: limits of memory, of processor time and of file size; no new descriptor, so that no file and
no socket can be opened; and on Linux a system call filter that leaves little more than reading, writing and
asking for memory. It cannot read another process or signal it. What is not Linux on x86-64 or arm64 has the
first two walls.

Sources: setrlimit(2); seccomp(2) and Documentation/userspace-api/seccomp_filter.rst of the kernel (the
filter is a program of the classic BPF machine); asm/unistd.h for the numbers.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoding may use: seconds of processor time, and bytes of memory beyond what is there already."""

    cpu_s: int
    memory: int


# x86-64, arm64
_ALLOWED: Final = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "exit": (60, 93),
    "futex": (202, 98),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),
    "getrandom": (318, 278),
}
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of _ALLOWED, AUDIT_ARCH_*

LOAD, JUMP_IF, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NUMBER_AT, ARCH_AT = 0, 4  # in struct seccomp_data
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # SECCOMP_RET_ALLOW, _KILL_PROCESS, _ERRNO with EPERM
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER, _PR_SET_DUMPABLE = 38, 22, 2, 4


def confine(limits: Limits) -> None:
    """Give up what decoding does not need; raises OSError where the system does not let us."""
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CPU, limits.cpu_s)
    limit(resource.RLIMIT_AS, used() + limits.memory)
    limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux":
        filter_calls(_program)


def limit(what: int, most: int) -> None:
    """Set a limit of resources; never more than the hard limit that is there already."""
    hard = resource.getrlimit(what)[1]
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (value, value))


def used() -> int:
    """Bytes of address space in use; 0 where the system does not tell, so the limit is the tighter one."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def filter_calls(program_of: Callable[[int, int], bytes]) -> None:
    """Install a filter of system calls, made for this machine's numbers (a column of a table) and its AUDIT_ARCH.

    Nothing happens on a machine whose numbers are not known. Raises OSError where the system does not let us.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _control(libc, _PR_SET_DUMPABLE, 0)  # nobody else's process reads this one either
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return
    program = program_of(*machine)
    steps = len(program) // 8
    held = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a short, padded to the pointer that follows
    wanted = ctypes.create_string_buffer(struct.pack("@HP", steps, ctypes.addressof(held)))
    _control(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _control(libc, _PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(wanted))


def _control(libc: ctypes.CDLL, what: int, value: int, address: int = 0) -> None:
    """prctl(2); raises OSError."""
    words = [ctypes.c_ulong(one) for one in (value, address, 0, 0)]
    if libc.prctl(what, *words) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _program(column: int, arch: int) -> bytes:
    """The filter: another machine's call kills, a call of ours passes, every other fails with EPERM."""
    numbers = sorted(call[column] for call in _ALLOWED.values())
    steps = [(LOAD, 0, 0, ARCH_AT), (JUMP_IF, 1, 0, arch), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER_AT)]
    steps += [(JUMP_IF, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    steps += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
