"""What of a verification is done beside the pass over the log: the engine's check of its file, and the consistency.

In a store of many recordings each is done in a process of its own, with a connection of its own, so that none waits for
another's interpreter; the second reads the log for itself. They change nothing, and are killed where the verification
ends with an error. In a small store the first is done in a thread, and the second with the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from arlo_rec.backends.workers import workers
from arlo_rec.model.progress import Observer
from arlo_rec.oversight.consistency import ConsistencyCheck, Parsed, Problem, parsed
from arlo_rec.oversight.log_check import MANY, closed_size
from arlo_rec.store import Store

_LATER = 5  # niceness of the check of the file: the consistency takes longest, and should not wait for it
_AT_ONCE = 5000  # entries read at once


class _Job(StrEnum):
    FILE = "file"
    CONSISTENCY = "consistency"


class Check(Protocol):
    """A check that follows the log and then says what is wrong."""

    def follow(self, entries: Sequence[Parsed], /) -> None:
        """Look at a batch of the log's entries; batches are passed in order."""

    def problems_of_ids(self) -> list[Problem]:
        """What is wrong with ids, keys and objects whatever the log says."""

    def problems(self) -> list[Problem]:
        """Every other problem, after `follow` had the last batch."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The findings of the engine about its file, which will come; and the check of consistency, to be called once."""

    file_check: Future[list[str]]
    consistency: Callable[[], Check]


@contextmanager
def beside(store: Store, *, read_data: bool, observer: Observer) -> Iterator[Beside]:
    """Begin what is done beside; entered before the program has a thread.

    Where sound is read, which takes most of the time and lets go of the interpreter, the consistency is checked here,
    so that *observer* is told how far it is.
    """
    forked = closed_size(store) >= MANY
    apart = forked and not read_data
    with ExitStack() as ending:
        with store.db.closed() if forked else nullcontext():
            begin = partial(_working, store, forked=forked)
            side = ending.enter_context(workers(begin, forked=forked, sides=2 if apart else 1, disposable=True))
        file_check = side.submit(_Job.FILE)
        if apart:
            answer = side.submit(_Job.CONSISTENCY)
            yield Beside(file_check, lambda: _Apart(store, answer))
        else:
            yield Beside(file_check, lambda: ConsistencyCheck(store, read_data=read_data, observer=observer))


class _Apart:
    """The check of consistency, of which most is made in a process."""

    def __init__(self, store: Store, answer: Future[list[Problem]]) -> None:
        self._store, self._answer = store, answer

    def follow(self, entries: Sequence[Parsed], /) -> None:
        """Nothing: the process reads the log itself."""

    def problems_of_ids(self) -> list[Problem]:
        """Found here, which has less to do."""
        return ConsistencyCheck(self._store, read_data=False).problems_of_ids()

    def problems(self) -> list[Problem]:
        """What the process found."""
        return self._answer.result()


@contextmanager
def _working(store: Store, *, forked: bool) -> Iterator[Callable[[_Job], Any]]:
    if forked:
        store.db.open()

    def work(job: _Job) -> Any:
        if job is _Job.CONSISTENCY:
            return _inconsistencies(store)
        if forked:
            with suppress(OSError):
                os.nice(_LATER)
        return store.db.check_file()

    yield work


def _inconsistencies(store: Store) -> list[Problem]:
    check, end = ConsistencyCheck(store, read_data=False), closed_size(store)
    for bodies in store.log.body_batches(_AT_ONCE):
        check.follow(parsed([body for body in bodies if body[0] < end]))
    return check.problems()
