"""The child's side of a process that a model runs in: how it is asked and answers. `process` is the other end.

It is started with one end of a socket as descriptor 0, gives up network and files (`nonetwork`) before it loads a
library, and is asked one thing after the other until the other end is closed.

    asked     4 bytes: length of what follows, JSON, 4 bytes: length of what follows, bytes (big-endian)
    answer    one line of JSON

An answer that does not come is a process that died.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from arlo_rec.speech.engines.no_network import give_up

LENGTH = struct.Struct(">I")
UNUSABLE, UNCONFINED = "model_unusable", "engine_unconfined"

Answer = dict[str, Any]


def serve(load: Callable[..., str | tuple[Answer, Callable[[dict[str, Any], bytes], Answer]]]) -> None:
    """Load by the first question, then answer until the other end of descriptor 0 is closed.

    *load* gives the code of a problem, or what to say when loaded and what answers a question and its bytes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and that ends this
    with socket.socket(fileno=0) as asked:
        first = next_request(asked)
        if first is None:
            return
        try:
            give_up()
        except OSError:
            say(asked, {"problem": UNCONFINED})
            return
        loaded = load(**first[0])
        if isinstance(loaded, str):
            say(asked, {"problem": loaded})
            return
        say(asked, loaded[0])
        while request := next_request(asked):
            say(asked, loaded[1](*request))


def next_request(asked: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """What is asked, and the bytes behind it; None where the other end was closed."""
    length = _exactly(asked, LENGTH.size)
    if length is None:
        return None
    told = _exactly(asked, LENGTH.unpack(length)[0])
    size = _exactly(asked, LENGTH.size)
    body = _exactly(asked, LENGTH.unpack(size)[0]) if size is not None else None
    return (json.loads(told), bytes(body)) if told is not None and body is not None else None


def _exactly(asked: socket.socket, length: int) -> bytearray | None:
    """None where the other end was closed before."""
    found = bytearray(length)
    rest = memoryview(found)
    while rest:
        taken = asked.recv_into(rest)
        if not taken:
            return None
        rest = rest[taken:]
    return found


def say(asked: socket.socket, answer: Answer) -> None:
    """One line of JSON."""
    asked.sendall(json.dumps(answer).encode("utf-8") + b"\n")
