"""The server's end of the door: calls to the person's machine, and their answers.

A thread reads the frames of the front. If the front is gone, the command is interrupted, as by Ctrl-C, and every call
raises Lost.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from arlo_rec.edge.door import frames
from arlo_rec.edge.door.frames import Broken, Channel, Channels, Frame, Link, raised, take
from arlo_rec.law.model.errors import Lost

ANSWER_WAIT: Final = 120.0  # seconds for an answer: a front may wait a minute for a lock of its own machine
PATIENT: Final = frozenset(  # calls that may wait for a person to type, to read, or to pipe in and out
    {"stdin", "stdout", "ask_secret", "show_pages", "secret", "read", "read_on"}
)


Result = TypeVar("Result")


def _anything(value: Any) -> Any:
    return value


class _Waiting:
    """A call that waits for its answer."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.answer: tuple[dict[str, Any], bytes] | None = None


class ServersLink(Link):
    """The server's link: it interrupts the command, but never in the middle of a frame.

    The front would wait for the rest of a half one. It tells of each Ctrl-C, also of one that sudo passes on, which is
    none here.
    """

    is_answered = False  # the one answer was given to the front: Ctrl-C comes too late
    _is_told = _is_sending = _is_pressed = False

    def send(self, kind: bytes, *parts: bytes) -> None:
        """See Link; raises KeyboardInterrupt after a frame that was sent."""
        if threading.current_thread() is not threading.main_thread():  # which alone is interrupted
            return super().send(kind, *parts)
        self._is_pressed, self._is_sending = False, True
        try:
            super().send(kind, *parts)
        finally:
            self._is_sending = False
        if self._is_pressed:
            raise KeyboardInterrupt
        return None

    def interrupt(self) -> None:
        """Interrupt the command."""
        self._is_told = True
        os.kill(os.getpid(), signal.SIGINT)

    def pressed(self, _number: int, _frame: object) -> None:
        """The handler of SIGINT; raises KeyboardInterrupt, now or when the frame is sent."""
        is_told, self._is_told = self._is_told, False
        if not is_told or self.is_answered:
            return
        if not self._is_sending:
            raise KeyboardInterrupt
        self._is_pressed = True


class Door:
    """The server's end of the door: calls, and their answers."""

    def __init__(self, link: ServersLink, *, has_one_answer: bool) -> None:
        self.link, self.has_one_answer = link, has_one_answer
        self.channels = Channels(link)
        self.connections: Callable[[Channel], None] | None = None  # the handler of a browser's connections
        self.is_lost = self.had_page = False
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting: dict[int, _Waiting] = {}
        self._thread = threading.Thread(target=self._read, name="door", daemon=True)

    def open(self) -> None:
        """Begin to read frames."""
        self._thread.start()

    def call(
        self, name: str, data: bytes = b"", *, gives: Callable[[Any], Result] = _anything, **values: Any
    ) -> tuple[Result, bytes]:
        """Call the person's machine: the result, read by *gives*, and bytes.

        Raises the error raised there, and Lost, also if *gives* cannot read the result.
        """
        document, more = self._answer(name, data, values)
        if "error" in document:
            raise raised(document["error"], name)
        try:
            return gives(document.get("is")), more
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise Lost from None

    def _answer(self, name: str, data: bytes, values: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The answer of the front; raises Lost without one."""
        with self._lock:
            if self.is_lost:  # the reader of the answers has ended
                raise Lost
            self._calls += 1
            number, waiting = self._calls, _Waiting()
            self._waiting[number] = waiting
        try:
            self.link.send(frames.CALL, frames.packed({"call": number, "name": name, **values}, data))
            if not waiting.came.wait(None if name in PATIENT else ANSWER_WAIT):
                self._lose()
        except Broken:
            raise Lost from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if waiting.answer is None:
            raise Lost
        return waiting.answer

    # -- frames that arrive ---------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            with suppress(Broken):
                while True:
                    self._take(self.link.receive())
        finally:
            self._lose()

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.ANSWER:
            self._answered(*frames.unpacked(frame.body))
        elif frame.kind == frames.INTERRUPT:
            self.link.interrupt()
        elif frame.kind == frames.OPEN:
            channel = self.channels.add(frames.channel_of(frame.body)[0])
            if self.connections is not None:
                self.connections(channel)
            elif self.had_page:  # too late
                self.channels.forget(channel)
            else:
                raise Broken
        elif frame.kind in (frames.DATA, frames.TAKEN, frames.CLOSE):
            take(self.channels, frame)
        else:
            raise Broken  # a second order

    def _answered(self, document: dict[str, Any], data: bytes) -> None:
        number = document.get("call")
        if not isinstance(number, int):
            raise Broken
        with self._lock:
            waiting = self._waiting.get(number)
        if waiting is None:  # of a call that was interrupted
            return
        waiting.answer = document, data
        waiting.came.set()

    def _lose(self) -> None:
        """End everything after the front is gone: calls, connections and the command."""
        with self._lock:
            self.is_lost = True
            waiting = list(self._waiting.values())
        for call in waiting:
            call.came.set()
        self.channels.end()
        self.link.interrupt()
