"""Hardening of processes: no core dumps, no life beyond the parent's, and confinement for decoding hostile sound.

`confine` irrevocably sets three barriers. Each suffices against a faulty library, and all together against one that
was taken over: limits of memory, processor time and file size; no new descriptor, so that no file and no socket can
be opened; and on Linux a system call filter that allows little more than reading, writing and allocating memory. The
process cannot read or signal another one. Other systems than Linux on x86-64 or arm64 have the first two barriers.
`words.engine_process` has a filter of its own, installed by `filter_calls`.

Sources: setrlimit(2); prctl(2); seccomp(2) and Documentation/userspace-api/seccomp_filter.rst of the kernel (the
filter is a program of the classic BPF machine); asm/unistd.h for the numbers.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from socket import socket
    from subprocess import Popen

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when the thread that forked it ends
_PR_SET_DUMPABLE = 4  # prctl(2): 0 also keeps other processes of the account from reading this one


def forbid_core_dumps() -> None:
    """Disable core dumps, also those piped to a program; continue if the system refuses."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def start_child(code: str, environment: Mapping[str, str]) -> tuple[Popen[bytes], socket]:
    """Start a process that runs Python *code* with our module path, and has no secret, terminal or folder of ours.

    Its end of the socket is its descriptor 0; *environment* is all that it gets of one, and may be
    Python's own. Raises OSError.
    """
    import json
    import socket
    import subprocess

    path = "import json, sys; sys.dont_write_bytecode = True; sys.path[:] = json.loads(sys.argv[1]); "
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module, with the interpreter that runs here
                [sys.executable, "-s", "-P", "-c", path + code, json.dumps(sys.path)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
            )
    except OSError:
        ours.close()
        raise
    return process, ours


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when *parent*, which forked it, is killed; continue if it cannot."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # killed before
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for decoding one file: seconds of processor time, and bytes of memory beyond those in use."""

    cpu_s: int
    memory: int


NONE: Final = -1  # arm64 lacks the older of two calls
Numbers = tuple[int, int]  # of a call on x86-64 and arm64
ALLOWED: Final[dict[str, Numbers]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "mmap": (9, 222),
    "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "mremap": (25, 216),
    "madvise": (28, 233), "exit": (60, 93), "futex": (202, 98), "clock_gettime": (228, 113),
    "exit_group": (231, 94), "newfstatat": (262, 79), "getrandom": (318, 278),
}  # fmt: skip
MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of ALLOWED, AUDIT_ARCH_*

LOAD, JUMP_IF, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NUMBER_AT, ARCH_AT = 0, 4  # in struct seccomp_data
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # SECCOMP_RET_ALLOW, _KILL_PROCESS, _ERRNO with EPERM
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_SECCOMP = (317, 277)  # seccomp(2), by column of ALLOWED
_SET_MODE_FILTER, _EVERY_THREAD = 1, 1  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC
_KEYCTL, _JOIN_SESSION = (250, 219), 1  # keyctl(2), by column of ALLOWED; KEYCTL_JOIN_SESSION_KEYRING


def confine(limits: Limits) -> None:
    """Set all limits and the filter for this process; raises OSError if the system refuses."""
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_FSIZE, 0)
    set_limit(resource.RLIMIT_CPU, limits.cpu_s)
    set_limit(resource.RLIMIT_AS, measure_used() + limits.memory)
    set_limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux":
        filter_calls(partial(build_allow_list, ALLOWED, {}))


def leave_session() -> None:
    """Join a new, empty session keyring: this process and its children lose every key of the old one.

    For processes that read foreign data. Without keyrings on the system, there is nothing to leave.
    """
    machine = MACHINES.get(os.uname().machine) if sys.platform == "linux" else None
    if machine is not None:
        call = ctypes.c_long(_KEYCTL[machine[0]])
        ctypes.CDLL(None).syscall(call, ctypes.c_long(_JOIN_SESSION), None)


def set_limit(resource_id: int, maximum: int) -> None:
    """Set a resource limit, soft and hard, to *maximum* or to the present hard limit if that is lower."""
    hard = resource.getrlimit(resource_id)[1]
    value = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
    resource.setrlimit(resource_id, (value, value))


def measure_used() -> int:
    """Bytes of address space in use; 0 if unknown, which makes the limit tighter."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def filter_calls(build_program: Callable[[int, int], bytes], *, every_thread: bool = False) -> None:
    """Install the system call filter of *build_program*, called with this machine's table column and its AUDIT_ARCH.

    It binds the thread that calls and those that it starts, or *every_thread* of the process. Does nothing on a machine
    with unknown call numbers. Raises OSError if the system refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _control(libc, _PR_SET_DUMPABLE, 0)  # no other process of this user may read this one
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return
    program = build_program(*machine)
    count = len(program) // 8
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a short, padded to the pointer that follows
    header = ctypes.create_string_buffer(struct.pack("@HP", count, ctypes.addressof(code)))
    _control(libc, _PR_SET_NO_NEW_PRIVS, 1)
    if not every_thread:
        _control(libc, _PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))
        return
    call = ctypes.c_long(_SECCOMP[machine[0]])
    if libc.syscall(call, _SET_MODE_FILTER, _EVERY_THREAD, ctypes.c_void_p(ctypes.addressof(header))) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _control(libc: ctypes.CDLL, option: int, value: int, address: int = 0) -> None:
    """Call prctl(2); raises OSError."""
    arguments = [ctypes.c_ulong(argument) for argument in (value, address, 0, 0)]
    if libc.prctl(option, *arguments) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


# -- programs of a filter -----------------------------------------------------------------------------

Step = tuple[int, int, int, int]  # an instruction: code, how far to jump if true and if not, constant
ALLOWING: Final[Step] = (RETURN, 0, 0, ALLOW)
REFUSING: Final[Step] = (RETURN, 0, 0, REFUSE)
JUMP_ANY: Final = 0x45  # BPF_JMP|JSET|K
_ARGUMENTS_AT = 16  # in struct seccomp_data: 8 bytes each, the lower half first on both machines


def build_allow_list(
    calls: Mapping[str, Numbers], conditions: Mapping[Numbers, Sequence[Step]], column: int, arch: int
) -> bytes:
    """The BPF program: an allowed call passes, every other fails with EPERM; one of another architecture kills.

    The steps under the numbers of a call decide about it by its arguments.
    """
    steps = begun(arch)
    for numbers in calls.values():
        steps += when(numbers[column], [ALLOWING])
    for numbers, deciding in conditions.items():
        steps += when(numbers[column], deciding)
    return assembled([*steps, REFUSING])


def begun(arch: int) -> list[Step]:
    """The first steps: kill for another architecture, else load the number of the call."""
    return [(LOAD, 0, 0, ARCH_AT), (JUMP_IF, 1, 0, arch), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER_AT)]


def when(value: int, then: Sequence[Step]) -> list[Step]:
    """*then* where that value is loaded; nothing for a call that this machine does not have."""
    return [] if value == NONE else [(JUMP_IF, 0, len(then), value), *then]


def among(values: Sequence[int], then: Step) -> list[Step]:
    """*then* where one of the values is loaded."""
    return [step for value in values for step in when(value, [then])]


def argument(index: int, *, upper: bool = False) -> Step:
    """Load the lower half of an argument, which is all of an int of 32 bits, or the *upper* half."""
    return (LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4 * upper)


def assembled(steps: Sequence[Step]) -> bytes:
    """The steps as the kernel reads them."""
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
