"""Confine a process that runs a model, irrevocably: no network access, no writing of files, no other programs.

On Linux on x86-64 and arm64 the process cannot create or connect a socket, open a file for writing, create, rename or
delete one, start a program, or read another process: these calls fail with EPERM in all its threads. So nothing that is
recognised is stored or sent, whatever a library does: onnxruntime keeps a database for Microsoft in the home folder,
and sends it. On other systems files stay empty, and network access depends on the libraries' switches (`process`). No
system leaves a core dump. Reading files stays possible, since libraries and models are files.

A deny list is weaker than the allow list of a decoder (`audio.confinement`): it stops an honest library from sending
data, but not a hostile one from all harm. The threads and the many system calls of the libraries leave no better
choice; the sound that arrives here is already decoded, so no parser reads a crafted file.

Source: as for `audio.confinement`; asm/unistd.h for the numbers; onnxruntime 1.29, docs/Privacy.md.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from typing import Final

from arlo_rec.audio import confinement

_NONE = -1  # arm64 lacks the older of two calls
# x86-64, arm64
_REFUSED: Final = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "io_uring_setup": (425, 425),  # a ring creates sockets and opens files without these calls
    "creat": (85, _NONE),
    "openat2": (437, 437),  # its flags are in memory that a filter cannot read
    "truncate": (76, 45),
    "mkdir": (83, _NONE),
    "mkdirat": (258, 34),
    "mknod": (133, _NONE),
    "mknodat": (259, 33),
    "link": (86, _NONE),
    "linkat": (265, 37),
    "symlink": (88, _NONE),
    "symlinkat": (266, 36),
    "rename": (82, _NONE),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, _NONE),
    "unlinkat": (263, 35),
    "rmdir": (84, _NONE),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
}
_OPENING: Final = {
    "open": ((2, _NONE), 1),
    "openat": ((257, 56), 2),
}  # numbers, and the index of the argument with the flags
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_JUMP_FROM, _JUMP_ANY = 0x35, 0x45  # BPF_JMP|JGE|K, BPF_JMP|JSET|K
_X32 = 0x40000000  # on x86-64 the same calls have second numbers from here on
_ARGUMENTS_AT = 16  # in struct seccomp_data: 8 bytes each, the lower half first on both machines


def confine() -> None:
    """Confine this process; call it before loading a library or starting a thread. Raises OSError if refused."""
    confinement.set_limit(resource.RLIMIT_CORE, 0)
    confinement.set_limit(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":
        confinement.filter_calls(_build_program)


def limit_memory(more: int) -> None:
    """Limit the address space to *more* bytes beyond what is in use now."""
    confinement.set_limit(resource.RLIMIT_AS, confinement.measure_used() + more)


def _build_program(column: int, arch: int) -> bytes:
    """The BPF program: a call of another architecture kills, a listed call fails with EPERM, every other passes."""
    load, equal, leave = confinement.LOAD, confinement.JUMP_IF, confinement.RETURN
    steps = [(leave, 0, 0, confinement.ALLOW), (leave, 0, 0, confinement.REFUSE)]  # written from the end
    for numbers, argument in _OPENING.values():
        if numbers[column] != _NONE:
            end = len(steps)
            steps = [
                (equal, 0, 2, numbers[column]),
                (load, 0, 0, _ARGUMENTS_AT + 8 * argument),
                (_JUMP_ANY, end - 1, end - 2, _WRITING),
                *steps,
            ]
    for number in [call[column] for call in _REFUSED.values() if call[column] != _NONE]:
        steps.insert(0, (equal, len(steps) - 1, 0, number))
    steps.insert(0, (_JUMP_FROM, len(steps) - 1, 0, _X32))
    start = [(load, 0, 0, confinement.ARCH_AT), (equal, 1, 0, arch), (leave, 0, 0, confinement.KILL)]
    steps = [*start, (load, 0, 0, confinement.NUMBER_AT), *steps]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
