"""Whose a connection on the loopback interface is, as the kernel says; loaded alone at the front of a door."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"


def account_of(client: tuple[str, int], ours: tuple[str, int]) -> int | None:
    """The account whose socket is connected from *client* to *ours*; None where the kernel does not say."""
    wanted = (_as_the_kernel_writes(client), _as_the_kernel_writes(ours))
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if (fields[1][-13:], fields[2][-13:]) == wanted:
                    return int(fields[7])
    return None


def _as_the_kernel_writes(address: tuple[str, int]) -> str:
    """An IPv4 address and port as in /proc/net/tcp, which has the bytes of an address in the machine's order."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
