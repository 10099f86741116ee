"""A socket before that of a PostgreSQL, which counts round trips and makes each of them as long as a network does."""

from __future__ import annotations

import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_AT_ONCE = 1 << 18


@dataclass
class Line:
    """What went over the line: a round trip is whatever the program sends before it waits for an answer."""

    folder: Path  # of its socket
    delay: float = 0.0  # seconds that each round trip takes longer
    trips: int = 0
    waited: float = 0.0  # seconds, of the program for the line

    def carry(self, program: socket.socket, server: socket.socket) -> None:
        """Carry both ways until one end closes."""
        waits = False  # whether the program waits for an answer
        with program, server:
            while True:
                for end in select.select([program, server], [], [])[0]:
                    data = end.recv(_AT_ONCE)
                    if not data:
                        return
                    if end is program and not waits:
                        self.trips += 1
                        self.waited -= time.perf_counter()
                        time.sleep(self.delay)
                        self.waited += time.perf_counter()
                    waits = end is program
                    (server if waits else program).sendall(data)


@contextmanager
def line(server: Path) -> Iterator[Line]:
    """A line to the socket *server*, whose own has the same name in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="line-") as folder,  # the name of a socket is short
        socket.socket(socket.AF_UNIX) as listening,
    ):
        made = Line(Path(folder))
        listening.bind(str(made.folder / server.name))
        listening.listen()

        def accept() -> None:
            while True:
                try:
                    program, _ = listening.accept()
                except OSError:  # closed
                    return
                behind = socket.socket(socket.AF_UNIX)
                behind.connect(str(server))
                threading.Thread(target=made.carry, args=(program, behind), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)
