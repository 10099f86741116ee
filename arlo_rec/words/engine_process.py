"""The child's side of a process that runs a model: give up network and files, then receive requests and answer them.

The child starts with one end of a socket as descriptor 0 (`engine` is the other end), and confines itself before it
loads a library. It serves one request after the other until the other end is closed.

    request   4 bytes: length, that many bytes of JSON, 4 bytes: length, that many bytes (lengths are big-endian)
    answer    one line of JSON

A missing answer means that the process died.

On Linux on x86-64 and arm64 the process cannot create or connect a socket, nor write, create, rename, lock or delete a
file. It cannot change attributes, start a program, or read, signal or limit another process. It cannot write to a
queue, a shared memory, a key ring or a terminal: these calls fail with EPERM in all its threads, and so do calls that
are newer than this program. So no library can store or send recognised words: onnxruntime keeps a database for
Microsoft in the home folder, and sends it. On other systems files stay empty, and network access depends on the
libraries' switches (`engine`). No system leaves a core dump. Reading files stays possible, since libraries and models
are files. Calls that only change the process itself are not listed: threads, memory, its own limits.

A deny list is weaker than the allow list of a decoder (`processes.hardening`): it stops an honest library from sending
data, but not a hostile one from all harm. The threads and the many system calls of the libraries leave no better
choice; the sound that arrives here is already decoded, so no parser reads a crafted file.

Sources: as for `processes.hardening`; asm/unistd.h and asm-generic/unistd.h of Linux 6.12; fcntl.h,
asm-generic/ioctls.h; onnxruntime 1.29, docs/Privacy.md.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from arlo_rec.sound.processes import hardening
from arlo_rec.sound.processes.hardening import (
    ALLOWING,
    JUMP_ANY,
    NONE,
    REFUSING,
    among,
    argument,
    assembled,
    begun,
    leave_session,
    when,
)
from arlo_rec.sound.processes.pipes import LENGTH, receive_exactly

REFUSED: Final = {
    # sockets
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "io_uring_setup": (425, 425),
    # files that are written, named or removed
    "creat": (85, NONE), "openat2": (437, 437), "truncate": (76, 45), "ftruncate": (77, 46),
    "fallocate": (285, 47), "mkdir": (83, NONE), "mkdirat": (258, 34), "mknod": (133, NONE), "mknodat": (259, 33),
    "link": (86, NONE), "linkat": (265, 37), "symlink": (88, NONE), "symlinkat": (266, 36), "rename": (82, NONE),
    "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, NONE), "unlinkat": (263, 35),
    "rmdir": (84, NONE), "copy_file_range": (326, 285), "sendfile": (40, 71), "splice": (275, 76),
    "tee": (276, 77), "vmsplice": (278, 75), "io_setup": (206, 0), "io_submit": (209, 2),
    # attributes of a file
    "chmod": (90, NONE), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, NONE), "fchown": (93, 55),
    "lchown": (94, NONE), "fchownat": (260, 54), "utime": (132, NONE), "utimes": (235, NONE),
    "futimesat": (261, NONE), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "flock": (73, 32), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # programs and other processes
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "kcmp": (312, 272), "kill": (62, 129), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274), "migrate_pages": (256, 238), "move_pages": (279, 239), "setpgid": (109, 154),
    "setsid": (112, 157),
    # channels to other processes
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184), "mq_getsetattr": (245, 185), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190),
    "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189),
    "msgrcv": (70, 188), "msgctl": (71, 187), "inotify_init": (253, NONE), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # the machine
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "swapon": (167, 224),
    "swapoff": (168, 225), "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "unshare": (272, 97),
    "setns": (308, 268), "vhangup": (153, 58), "iopl": (172, NONE), "ioperm": (173, NONE),
    "personality": (135, 92), "nfsservctl": (180, 42), "lookup_dcookie": (212, 18),
}  # fmt: skip

# From here on numbers are the same on both machines. A call that came later than this program knows is refused too.
SAME_FROM: Final = 424
KNOWN: Final = {
    "clone3": 435, "close_range": 436, "faccessat2": 439, "epoll_pwait2": 441, "futex_waitv": 449, "cachestat": 451,
    "map_shadow_stack": 453, "futex_wake": 454, "futex_wait": 455, "mseal": 462,
}  # fmt: skip

# Calls that depend on an argument: their numbers, and its index
OPENING: Final = {"open": ((2, NONE), 1), "openat": ((257, 56), 2)}
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC  # flags of these that are refused

CONTROLLING: Final = {"fcntl": ((72, 25), 1)}
LOCKING: Final = (  # commands that lock a file, even one open for reading only, or have a process signalled
    *(5, 6, 7),  # F_GETLK, F_SETLK, F_SETLKW
    *(8, 10, 15),  # F_SETOWN, F_SETSIG, F_SETOWN_EX
    *(36, 37, 38),  # the same locks of an open file
    *(1024, 1026),  # F_SETLEASE, F_NOTIFY
)

TERMINAL: Final = {"ioctl": ((16, 29), 1)}
HARMLESS: Final = (  # allowed commands of ioctl: another, TIOCSTI, types words into a terminal
    *(0x5401, 0x802C542A, 0x5413),  # TCGETS, TCGETS2, TIOCGWINSZ: is it a terminal, how wide?
    *(0x5450, 0x5451, 0x5421, 0x541B),  # FIONCLEX, FIOCLEX, FIONBIO, FIONREAD
)

OF_ITSELF: Final = {"tgkill": ((234, 131), 0), "prlimit64": ((302, 261), 0)}  # allowed for the process itself alone


_JUMP_FROM = 0x35  # BPF_JMP|JGE|K
_X32 = 0x40000000  # on x86-64 the same calls have second numbers from here on


def confine() -> None:
    """Confine this process; call it before loading a library or starting a thread. Raises OSError if refused."""
    hardening.set_limit(resource.RLIMIT_CORE, 0)
    hardening.set_limit(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":
        hardening.filter_calls(build_program)


def limit_memory(more: int) -> None:
    """Limit the address space to *more* bytes beyond what is in use now."""
    hardening.set_limit(resource.RLIMIT_AS, hardening.measure_used() + more)


def build_program(column: int, arch: int) -> bytes:
    """The BPF program: a call of another architecture kills, a listed or unknown call fails with EPERM, others pass."""
    steps = [*begun(arch), (_JUMP_FROM, 0, 1, _X32), REFUSING]
    for numbers in REFUSED.values():
        steps += when(numbers[column], [REFUSING])
    for number in KNOWN.values():
        steps += when(number, [ALLOWING])
    steps += [(_JUMP_FROM, 0, 1, SAME_FROM), REFUSING]
    for numbers, index in OPENING.values():
        steps += when(numbers[column], [argument(index), (JUMP_ANY, 0, 1, WRITING), REFUSING, ALLOWING])
    for numbers, index in CONTROLLING.values():
        steps += when(numbers[column], [argument(index), *among(LOCKING, REFUSING), ALLOWING])
    for numbers, index in TERMINAL.values():
        steps += when(numbers[column], [argument(index), *among(HARMLESS, ALLOWING), REFUSING])
    for numbers, index in OF_ITSELF.values():
        steps += when(numbers[column], [argument(index), *among((0, os.getpid()), ALLOWING), REFUSING])
    return assembled([*steps, ALLOWING])


ENGINE_RATE = 16_000  # Hz: what Whisper and Silero were trained on
WORD_LONGEST = 100  # characters
MISSING, UNUSABLE, UNCONFINED = "engine_missing", "model_unusable", "engine_unconfined"
INCOMPLETE = "model_incomplete"  # preprocessor_config.json is missing, so features are computed for another model

Answer = dict[str, Any]


def serve(load: Callable[..., str | tuple[Answer, Callable[[dict[str, Any], bytes], Answer]]]) -> None:
    """Load a model as the first request asks, then answer requests until the other end of descriptor 0 is closed.

    *load* returns the code of a problem, or the first answer and a function that answers a request and its bytes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    leave_session()  # a model must not reach the user's unlocked key
    with socket.socket(fileno=0) as connection:
        first = receive_request(connection)
        if first is None:
            return
        try:
            confine()
        except OSError:
            send(connection, {"problem": UNCONFINED})
            return
        loaded = load(**first[0])
        if isinstance(loaded, str):
            send(connection, {"problem": loaded})
            return
        send(connection, loaded[0])
        while request := receive_request(connection):
            send(connection, loaded[1](*request))


def receive_request(connection: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """Receive the JSON of a request and its bytes; None where the other end was closed."""
    length = receive_exactly(connection, LENGTH.size)
    if length is None:
        return None
    question = receive_exactly(connection, LENGTH.unpack(length)[0])
    size = receive_exactly(connection, LENGTH.size)
    body = receive_exactly(connection, LENGTH.unpack(size)[0]) if size is not None else None
    return (json.loads(question), bytes(body)) if question is not None and body is not None else None


def send(connection: socket.socket, answer: Answer) -> None:
    """Send an answer as one line of JSON."""
    connection.sendall(json.dumps(answer).encode("utf-8") + b"\n")
