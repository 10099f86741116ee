"""Parts of messages on a socket to a child process: a length, then as many bytes."""

from __future__ import annotations

import socket
import struct
from typing import Final

LENGTH: Final = struct.Struct(">I")


def receive_exactly(connection: socket.socket, length: int) -> bytearray | None:
    """Receive *length* bytes; None where the other end was closed before."""
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        count = connection.recv_into(rest)
        if not count:
            return None
        rest = rest[count:]
    return content
