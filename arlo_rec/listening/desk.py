"""Where a page hands in what somebody decided: threads that answer ask, and the one with the store open answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

PATIENCE: Final = 120.0  # seconds that a page waits: a copy of a long call is made anew


class Answered(NamedTuple):
    """What a page is told."""

    status: HTTPStatus
    told: dict[str, Any]


class _Request:
    """A request, until somebody took it, and its answer."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.answer: Answered | None = None
        self.is_answered = threading.Event()


class Desk:
    """One request at a time: it is taken once, or given up by who asked, and never both."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # of those who ask
        self._lock = threading.Lock()  # of what lies on the desk
        self._lies_there = threading.Event()
        self._request: _Request | None = None
        self._is_closed = False

    def ask(self, asked: dict[str, Any]) -> Answered | None:
        """Hand in a request and wait for its answer; None where nobody took it."""
        with self._turn:
            request = _Request(asked)
            with self._lock:
                if self._is_closed:
                    return None
                self._request = request
                self._lies_there.set()
            if not request.is_answered.wait(PATIENCE) and self._take() is None:
                request.is_answered.wait()  # somebody took it, and is at work
            return request.answer

    def serve(self, answer: Callable[[dict[str, Any]], Answered]) -> bool:
        """Take the request that is there and answer it; whether there was one."""
        request = self._take()
        if request is not None:
            try:
                request.answer = answer(request.asked)
            finally:
                request.is_answered.set()
        return request is not None

    def _take(self) -> _Request | None:
        with self._lock:
            request, self._request = self._request, None
            if not self._is_closed:
                self._lies_there.clear()
            return request

    def wait(self, seconds: float) -> None:
        """Wait until somebody asks or nobody can any more, at most so long."""
        self._lies_there.wait(seconds)

    def close(self) -> None:
        """Take nothing any more; who is being answered gets that answer."""
        with self._lock:
            self._is_closed = True
            self._lies_there.set()
        request = self._take()
        if request is not None:
            request.is_answered.set()
