"""The place of a page on the loopback interface: an address where nothing was served before, for one account.

A browser keeps service workers and stored pages by address and port. What another account of the machine served there
once would answer in place of our page, and get its token. So on Linux, which has 16 million addresses of loopback, each
server draws its own. Other systems have one; and a person who came by ssh may forward the port from one of those.

Source: Service Workers (scope and origin), proc_pid_net(5), RFC 1122 3.2.1.3 (127/8).
"""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

ONLY: Final = "127.0.0.1"  # the address that every system has
_EACH: Final = re.compile(r"127(\.(0|[1-9]\d{0,2})){3}", re.ASCII)


class Place(NamedTuple):
    """An address of loopback, and a port."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        """The origin of pages that are served there."""
        return f"http://{self.host}:{self.port}"

    @classmethod
    def read(cls, told: Any) -> Place:
        """The place that the other end of a door told; raises ValueError or TypeError for any other."""
        host, port = told
        if not _EACH.fullmatch(host) or not 0 < int(port) < 1 << 16:
            raise ValueError("not on loopback")
        return cls(host, int(port))


def drawn_host(*, by_ssh: bool) -> str:
    """An address for a new server; *by_ssh*: the person came by ssh."""
    if sys.platform != "linux" or by_ssh:
        return ONLY
    return ".".join(["127", *(str(1 + byte % 254) for byte in os.urandom(3))])


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
