"""The child's side of a process that runs a model: receive requests and answer them. `process` is the other end.

The child is started with one end of a socket as descriptor 0, gives up network and files (`no_network`) before it loads
a library, and serves one request after the other until the other end is closed.

    request   4 bytes: length, that many bytes of JSON, 4 bytes: length, that many bytes (lengths are big-endian)
    answer    one line of JSON

A missing answer means that the process died.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from arlo_rec.crypto.kernel_keyring import leave_session
from arlo_rec.speech.engines.no_network import confine

LENGTH = struct.Struct(">I")
UNUSABLE, UNCONFINED = "model_unusable", "engine_unconfined"

Answer = dict[str, Any]


def serve(load: Callable[..., str | tuple[Answer, Callable[[dict[str, Any], bytes], Answer]]]) -> None:
    """Load a model as the first request asks, then answer requests until the other end of descriptor 0 is closed.

    *load* returns the code of a problem, or the first answer and a function that answers a request and its bytes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends this
    leave_session()  # an unlock of the person who runs this is no business of a model
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
    length = _receive_exactly(connection, LENGTH.size)
    if length is None:
        return None
    question = _receive_exactly(connection, LENGTH.unpack(length)[0])
    size = _receive_exactly(connection, LENGTH.size)
    body = _receive_exactly(connection, LENGTH.unpack(size)[0]) if size is not None else None
    return (json.loads(question), bytes(body)) if question is not None and body is not None else None


def _receive_exactly(connection: socket.socket, length: int) -> bytearray | None:
    """Receive *length* bytes; None where the other end was closed before."""
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        count = connection.recv_into(rest)
        if not count:
            return None
        rest = rest[count:]
    return content


def send(connection: socket.socket, answer: Answer) -> None:
    """Send an answer as one line of JSON."""
    connection.sendall(json.dumps(answer).encode("utf-8") + b"\n")
