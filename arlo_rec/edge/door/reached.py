"""The two ways to the other end of a door: the socket of a service, or a command that the front starts.

By a socket the server has nothing of the person's process: systemd starts it in a control group of its own. What sudo
starts has their control group, which may be stopped or slowed by them.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import Final, Protocol

from arlo_rec.edge.door.frames import Broken, Link
from arlo_rec.edge.door.words import SOCKET, socket_of
from arlo_rec.law.model.errors import ArloError, Usage

REASON_BYTES: Final = 4096  # of the last output of the door's command
REASON_LONGEST: Final = 300  # characters that are shown
LEAVE_WAIT: Final = 5.0  # seconds for the door's command to end once it is shut
Failed = Callable[[str], ArloError]  # makes an error of the reason why there is no door


class Reached(Protocol):
    """The other end of a door."""

    link: Link

    def follow(self, thread: threading.Thread) -> None:
        """Start a thread that reads from the link, and have it joined before the link is closed."""

    def forget(self, thread: threading.Thread) -> None:
        """Join no thread that has ended."""

    def give_up(self) -> None:
        """End what does not answer."""


@contextmanager
def reach(via: Sequence[str], failed: Failed) -> Iterator[Reached]:
    """The other end inside the block; raises the error that *failed* makes, at the beginning or where it breaks off."""
    path = socket_of(via)
    with _by_command(via, failed) if path is None else _by_socket(path, failed) as reached:
        yield reached


class _Threads:
    """The threads that read from a link."""

    def __init__(self) -> None:
        self.readers = list[threading.Thread]()

    def follow(self, thread: threading.Thread) -> None:
        """See Reached."""
        self.readers.append(thread)
        thread.start()

    def forget(self, thread: threading.Thread) -> None:
        """See Reached."""
        self.readers.remove(thread)


# -- a socket -----------------------------------------------------------------------------------------


class _BySocket(_Threads):
    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection, self.stream = connection, connection.makefile("rb")
        self.link = Link(self.stream, socket.SocketIO(connection, "w"), is_front=True)

    def give_up(self) -> None:
        """See Reached."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _by_socket(path: str, failed: Failed) -> Iterator[_BySocket]:
    if not hasattr(socket, "AF_UNIX"):
        raise Usage("not_on_this_machine", name=SOCKET)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with connection:
        try:
            connection.connect(path)
        except (OSError, ValueError) as error:
            raise failed(getattr(error, "strerror", None) or str(error)) from None
        reached = _BySocket(connection)
        try:
            yield reached
        except Broken:
            raise failed("door_closed") from None
        finally:
            reached.give_up()  # by which its readers end
            for thread in reached.readers:
                thread.join(LEAVE_WAIT)
            reached.stream.close()


# -- a command ----------------------------------------------------------------------------------------


class _ByCommand(_Threads):
    """The door's command, started by this process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process, self._stderr = process, process.stderr
        self._said = bytearray()
        self.drain = threading.Thread(target=self._drain, name="door said", daemon=True)
        self.follow(self.drain)
        reader = os.fdopen(process.stdout.fileno(), "rb", closefd=False)
        self.link = Link(reader, process.stdin, is_front=True)

    def give_up(self) -> None:
        """See Reached. Another account's process ends when its pipes do."""
        with suppress(PermissionError):
            self._process.terminate()

    def _drain(self) -> None:
        """Keep the last output of the door's command, to be shown if the door does not open."""
        with suppress(OSError, ValueError):
            while piece := self._stderr.read(REASON_BYTES):
                self._said += piece
                del self._said[:-REASON_BYTES]

    def last_words(self) -> str:
        """The last that the door's command said, once it has ended or a while has passed."""
        self.close_input()
        self.drain.join(LEAVE_WAIT)
        lines = bytes(self._said).decode("utf-8", "replace").split("\n")
        return " ".join(line.strip() for line in lines if line.strip())[-REASON_LONGEST:] or "not_a_door"

    def close_input(self) -> None:
        """Close its input, by which it ends."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def shut(self) -> None:
        """Have it ended, and close its pipes."""
        process = self._process
        self.close_input()
        try:
            process.wait(LEAVE_WAIT)
        except subprocess.TimeoutExpired:
            with suppress(PermissionError):
                process.kill()
                process.wait()
        assert process.stdout is not None and process.stderr is not None
        for stream, thread in zip_longest((process.stderr, process.stdout), self.readers):
            if thread is not None:
                thread.join(LEAVE_WAIT)
            if thread is None or not thread.is_alive():  # not if a process that was left behind holds it
                stream.close()


@contextmanager
def _by_command(via: Sequence[str], failed: Failed) -> Iterator[_ByCommand]:
    """Run the door's command inside the block."""
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is not for sudo
    try:
        process = subprocess.Popen(  # noqa: S603 - what the settings name
            list(via) or [""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
    except (OSError, ValueError) as error:
        raise failed(getattr(error, "strerror", None) or "") from None
    finally:
        signal.signal(signal.SIGINT, usual)
    reached = _ByCommand(process)
    try:
        yield reached
    except Broken:
        raise failed(reached.last_words()) from None
    finally:
        reached.shut()
