"""The connections of the process that speaks to a Dask cluster, and its confinement before it reads a byte of them.

Dask unpickles what a scheduler sends, so a scheduler can run code in this process. From the confinement on a system
call filter lets all threads use open descriptors and memory, and nothing else. They open no file and no socket, connect
none, start no process and no thread, and signal none. A pickle is left with the memory of this process and with
its connections: those to the one scheduler, and the socket to the program, which reads strictly (`link`).

The filter is an allow list, as a decoder's (`processes.hardening`, with sources). Systems without one speak to no
cluster.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.engines.dask.connection import PATIENCE_S
from arlo_rec.sound.processes import hardening
from arlo_rec.sound.processes.hardening import (
    ALLOWING,
    JUMP_ANY,
    JUMP_IF,
    NONE,
    REFUSING,
    Numbers,
    Step,
    among,
    argument,
)

if TYPE_CHECKING:
    from tornado.iostream import IOStream

LINES: Final = 8  # one of messages, five of outcomes (Dask fetches so many at once), two of questions
STILL_S: Final = 60  # without a byte, until the kernel asks whether the other end of a line is there

ALLOWED: Final[dict[str, Numbers]] = {
    **{name: numbers for name, numbers in hardening.ALLOWED.items() if name != "newfstatat"},  # it looks for files
    "epoll_wait": (232, NONE), "epoll_pwait": (281, 22), "epoll_ctl": (233, 21), "clock_nanosleep": (230, 115),
    "restart_syscall": (219, 128), "sched_yield": (24, 124), "getpid": (39, 172), "gettid": (186, 178),
    "recvfrom": (45, 207), "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52, 205),
    "getsockopt": (55, 209),
}  # fmt: skip
_FIONBIO: Final = 0x5421
_FASTOPEN: Final = 0x20000000  # a flag with which sending connects
_LEVELS: Final = (1, 6)  # SOL_SOCKET, IPPROTO_TCP
CONDITIONS: Final[dict[str, tuple[Numbers, list[Step]]]] = {  # calls with the steps that decide by their arguments
    "sendto": (  # without an address, of which both halves are looked at
        (44, 206),
        [argument(4), (JUMP_IF, 0, 3, 0), argument(4, upper=True), *among([0], ALLOWING), REFUSING],
    ),
    "sendmsg": ((46, 211), [argument(2), (JUMP_ANY, 0, 1, _FASTOPEN), REFUSING, ALLOWING]),
    "setsockopt": ((54, 208), [argument(1), *among(_LEVELS, ALLOWING), REFUSING]),
    "ioctl": ((16, 29), [argument(1), *among([_FIONBIO], ALLOWING), REFUSING]),
}


class Lines:
    """Connections that are open, in the place of Dask's own client of TCP."""

    def __init__(self, host: str, port: int) -> None:
        """Open all of them; raises OSError."""
        self._left = [socket.create_connection((host, port), PATIENCE_S) for _ in range(LINES)]
        for line in self._left:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform == "linux":
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, STILL_S)
        host, port, *_ = self._left[0].getpeername()
        self.address = f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"  # no name is looked up later

    async def connect(self, _host: str, _port: int, **settings: Any) -> IOStream:
        """The next of them; raises StreamClosedError where none is left."""
        from tornado.iostream import IOStream, StreamClosedError

        if not self._left:
            raise StreamClosedError
        return IOStream(self._left.pop(), **settings)


def confine() -> None:
    """Confine all threads of this process for good; raises OSError where that is not possible."""
    if sys.platform != "linux" or os.uname().machine not in hardening.MACHINES:
        raise OSError(errno.ENOSYS, "no filter")
    hardening.end_with_parent(os.getppid())
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        hardening.set_limit(limit, 0)
    hardening.filter_calls(partial(hardening.build_allow_list, ALLOWED, dict(CONDITIONS.values())), every_thread=True)
