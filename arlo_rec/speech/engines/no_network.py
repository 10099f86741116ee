"""Taking the network, and what else hearing does not need, away from the process that hears; there is no way back.

On Linux on x86-64 and arm64 it can make or connect no socket, open no file for writing, make, move or remove none,
start no program and look into no other process: these calls fail with EPERM for it and for all its threads. So what
it hears comes to rest nowhere, whatever a library has in mind: onnxruntime keeps a database for Microsoft in the
home folder, and sends it. Elsewhere a file stays empty, and the network is as open as the libraries' switches leave
it (`engine`). Nowhere does it leave a core dump. Reading files stays possible: libraries and a model are files.

A list of what is refused is weaker than the list of what is allowed that a decoder gets (`audio.confinement`): it
keeps an honest library from telling, not a hostile one from every mischief. The libraries' threads and their many
calls leave no better choice; the sound that comes here has been decoded, so no parser meets a crafted file.

Source: as for `audio.confinement`; asm/unistd.h for the numbers; onnxruntime 1.29, docs/Privacy.md.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from typing import Final

from arlo_rec.audio import confinement

_NONE = -1  # arm64 has only the younger of two calls
# x86-64, arm64
_REFUSED: Final = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "io_uring_setup": (425, 425),  # a ring makes sockets and opens files without these calls
    "creat": (85, _NONE),
    "openat2": (437, 437),  # its flags lie where a filter cannot look
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
_OPENING: Final = {"open": ((2, _NONE), 1), "openat": ((257, 56), 2)}  # numbers, and which argument the flags are
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_JUMP_FROM, _JUMP_ANY = 0x35, 0x45  # BPF_JMP|JGE|K, BPF_JMP|JSET|K
_X32 = 0x40000000  # on x86-64 the same calls have second numbers from here on
_ARGUMENTS_AT = 16  # in struct seccomp_data: 8 bytes each, the lower half first on both machines


def give_up() -> None:
    """Before any library is loaded and any thread begun; raises OSError where the system does not let us."""
    confinement.set_limit(resource.RLIMIT_CORE, 0)
    confinement.set_limit(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":
        confinement.filter_calls(_program)


def limit_memory(more: int) -> None:
    """Bytes of address space beyond what is in use now."""
    confinement.set_limit(resource.RLIMIT_AS, confinement.measure_used() + more)


def _program(column: int, arch: int) -> bytes:
    """The filter: another machine's call kills, what is listed fails with EPERM, every other call passes."""
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
