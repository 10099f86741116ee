"""Confine a process that runs a model, irrevocably: no network access, no writing of files, no other programs.

On Linux on x86-64 and arm64 the process cannot create or connect a socket, open a file for writing, create, rename,
lock or delete one or change what is known of it, start a program, read, signal or limit another process, or leave
something in a queue, a shared memory, a key ring or a terminal: these calls fail with EPERM in all its threads, and so
do calls that are newer than this program (`system_calls`). So nothing that is recognised is stored or sent, whatever a
library does: onnxruntime keeps a database for Microsoft in the home folder, and sends it. On other systems files stay
empty, and network access depends on the libraries' switches (`process`). No system leaves a core dump.
Reading files stays possible, since libraries and models are files.

A deny list is weaker than the allow list of a decoder (`audio.confinement`): it stops an honest library from sending
data, but not a hostile one from all harm. The threads and the many system calls of the libraries leave no better
choice; the sound that arrives here is already decoded, so no parser reads a crafted file.

Source: as for `audio.confinement`; onnxruntime 1.29, docs/Privacy.md.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
from collections.abc import Sequence
from typing import Final

from arlo_rec.audio import confinement
from arlo_rec.speech.engines import system_calls as calls

_JUMP_FROM, _JUMP_ANY = 0x35, 0x45  # BPF_JMP|JGE|K, BPF_JMP|JSET|K
_X32 = 0x40000000  # on x86-64 the same calls have second numbers from here on
_ARGUMENTS_AT = 16  # in struct seccomp_data: 8 bytes each, the lower half first on both machines
_Step = tuple[int, int, int, int]  # an instruction: code, how far to jump if true and if not, constant
_ALLOW: Final[_Step] = (confinement.RETURN, 0, 0, confinement.ALLOW)
_REFUSE: Final[_Step] = (confinement.RETURN, 0, 0, confinement.REFUSE)


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
    """The BPF program: a call of another architecture kills, a listed or unknown call fails with EPERM, others pass."""
    kill: _Step = (confinement.RETURN, 0, 0, confinement.KILL)
    steps: list[_Step] = [(confinement.LOAD, 0, 0, confinement.ARCH_AT), (confinement.JUMP_IF, 1, 0, arch), kill]
    steps += [(confinement.LOAD, 0, 0, confinement.NUMBER_AT), (_JUMP_FROM, 0, 1, _X32), _REFUSE]
    for numbers in calls.REFUSED.values():
        steps += _if(numbers[column], [_REFUSE])
    for number in calls.KNOWN.values():
        steps += _if(number, [_ALLOW])
    steps += [(_JUMP_FROM, 0, 1, calls.SAME_FROM), _REFUSE]
    for numbers, argument in calls.OPENING.values():
        steps += _if(numbers[column], [_argument(argument), (_JUMP_ANY, 0, 1, calls.WRITING), _REFUSE, _ALLOW])
    for numbers, argument in calls.CONTROLLING.values():
        steps += _if(numbers[column], [_argument(argument), *_each(calls.LOCKING, _REFUSE), _ALLOW])
    for numbers, argument in calls.TERMINAL.values():
        steps += _if(numbers[column], [_argument(argument), *_each(calls.HARMLESS, _ALLOW), _REFUSE])
    for numbers, argument in calls.OF_ITSELF.values():
        steps += _if(numbers[column], [_argument(argument), *_each((0, os.getpid()), _ALLOW), _REFUSE])
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, _ALLOW])


def _if(value: int, then: list[_Step]) -> list[_Step]:
    """*then* where the loaded number is *value*; nothing for a call that this machine does not have."""
    return [] if value == calls.NONE else [(confinement.JUMP_IF, 0, len(then), value), *then]


def _each(values: Sequence[int], then: _Step) -> list[_Step]:
    return [step for value in values for step in _if(value, [then])]


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: all of these are ints of 32 bits to the kernel."""
    return (confinement.LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)
