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


class Desk:
    """One request at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # of those who ask
        self._asked = threading.Event()
        self._answered = threading.Event()
        self._request: dict[str, Any] | None = None
        self._answer: Answered | None = None
        self._is_closed = False

    def ask(self, request: dict[str, Any]) -> Answered | None:
        """Hand in a request and wait for its answer; None where nobody answers any more."""
        with self._turn:
            self._answered.clear()
            self._answer, self._request = None, request
            if self._is_closed:
                return None
            self._asked.set()
            self._answered.wait(PATIENCE)
            return self._answer

    def serve(self, answer: Callable[[dict[str, Any]], Answered]) -> None:
        """Answer the request that is there, if there is one."""
        request, self._request = self._request, None
        self._asked.clear()
        if request is not None:
            self._answer = answer(request)
            self._answered.set()

    def wait(self, seconds: float) -> None:
        """Wait until somebody asks or nobody can any more, at most so long."""
        self._asked.wait(seconds)

    def close(self) -> None:
        """Answer nobody any more; who is being answered gets that answer."""
        self._is_closed = True
        self._asked.set()
        if self._request is not None:
            self._answered.set()
