"""Work beside the program: in forked processes for large work, in threads for small work.

Threads that work on many small things wait for one interpreter. A process is forked before the program has a thread. It
inherits everything, the file locks too, which so stay held as long as a process writes. It must not use a connection to
the catalogue that was open before, and ends with the program, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any, Generic, NamedTuple, TypeVar

from arlo_rec.law.model.errors import ELSEWHERE, Unreachable
from arlo_rec.sound.processes.hardening import end_with_parent

SIDES = 2  # orders that are worked on at once: more only contend for two cores
_AHEAD = 2 * SIDES  # orders that are given before the first answer is fetched
_Order = TypeVar("_Order")
_Answer = TypeVar("_Answer")


class Workers(Generic[_Order, _Answer]):
    """Workers that take orders, one at a time each."""

    def __init__(self, sides: Iterable[Callable[[_Order], _Answer]], threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._sides = list(sides)
        self._free: queue.SimpleQueue[Callable[[_Order], _Answer]] = queue.SimpleQueue()
        for side in self._sides:
            self._free.put(side)

    def submit(self, order: _Order) -> Future[_Answer]:
        """The future answer; it raises the errors of the work, and Unreachable if a process was killed."""
        return self._threads.submit(self._done, order)

    def map(self, orders: Iterable[_Order]) -> Iterator[_Answer]:
        """The answer to each order, in order; a few orders are taken before their answers are requested."""
        coming = iter(orders)
        begun = deque(map(self.submit, islice(coming, _AHEAD)))
        try:
            while begun:
                answer = begun.popleft().result()
                begun.extend(map(self.submit, islice(coming, 1)))
                yield answer
        finally:
            for future in begun:
                future.cancel()
            wait(begun)  # the cleanup after an error runs alone

    def stop(self) -> None:
        """Wait until no order is worked on; orders that were not begun are refused from now on.

        This includes an order whose `submit` was interrupted before it returned the future.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
        for _ in self._sides:
            self._free.get()
        for _ in self._sides:
            self._free.put(_refuse)

    def _done(self, order: _Order) -> _Answer:
        side = self._free.get()
        try:
            return side(order)
        finally:
            self._free.put(side)


def _refuse(_order: object) -> Any:
    raise CancelledError


Begin = Callable[[], AbstractContextManager[Callable[[_Order], _Answer]]]


@contextmanager
def workers(
    begin: Begin[_Order, _Answer], *, forked: bool, sides: int = SIDES, disposable: bool = False
) -> Iterator[Workers[_Order, _Answer]]:
    """Provide workers until the block ends; *begin* opens resources in each worker, and orders are pickled.

    With *forked* it is entered before the program has a thread, and without a connection to the catalogue; threads do
    the work where `can_fork` says no. Processes
    whose work is *disposable*, because it changes nothing, are killed if the block ends with an error.
    """
    with ExitStack() as ending:
        processes = [ending.enter_context(_process(begin)) for _ in range(sides if forked and _forks else 0)]
        work: list[Callable[[_Order], _Answer]] = [partial(_ask, process.worker) for process in processes]
        work = work or [ending.enter_context(begin())] * sides
        threads = ending.enter_context(ThreadPoolExecutor(sides))
        try:
            yield Workers(work, threads)
        except BaseException:
            for process in processes if disposable else ():
                process.process.kill()
            raise


_forks = True


def stay_in_one_process() -> None:
    """Fork no more in this process: a library has threads now, which a forked process would not have."""
    global _forks
    _forks = False


def can_fork() -> bool:
    """Whether `workers` forks where it is asked to; otherwise threads do the work."""
    return _forks


class _Process(NamedTuple):
    """A process that works for us, and our end of the pipe to it."""

    worker: Connection
    process: ForkProcess


@contextmanager
def _process(begin: Begin[_Order, _Answer]) -> Iterator[_Process]:
    """Start a process that works for us until the block ends; raises Unreachable if the system refuses."""
    forking = multiprocessing.get_context("fork")
    try:
        ours, theirs = forking.Pipe()
        process = forking.Process(target=_serve, args=(ours, theirs, begin, os.getpid()), daemon=True)
        with warnings.catch_warnings():  # of threads, of which the program has none here
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
    except OSError:
        raise Unreachable("worker_ended") from None
    theirs.close()
    try:
        yield _Process(ours, process)
    finally:
        ours.close()
        process.join()
        process.close()


def _ask(worker: Connection, order: object) -> Any:
    try:
        worker.send(order)
        answer = worker.recv()
    except (EOFError, OSError):
        raise Unreachable("worker_ended") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _serve(others: Connection, orders: Connection, begin: Begin[_Order, _Answer], parent: int) -> None:
    """Work on orders until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which cleans up
    end_with_parent(parent)
    others.close()
    with begin() as work, suppress(EOFError, OSError):
        while True:
            orders.send(_answer(work, orders.recv()))


def _answer(work: Callable[[_Order], _Answer], order: _Order) -> _Answer | Exception:
    """The result of an order, or its error, which is raised when the answer is awaited."""
    try:
        return work(order)
    except Exception as error:  # noqa: BLE001
        vars(error)[ELSEWHERE] = traceback.format_tb(error.__traceback__)  # which itself goes through no pipe
        return error


_M_ARENA_MAX = -8  # mallopt(3) of glibc: how many heaps there may be


def share_one_heap() -> None:
    """Make all threads take memory from one heap, if the C library can; called before there are any.

    Otherwise each thread has its own heap, which keeps freed memory, such as pages of the catalogue: an intake of
    20,000 calls then takes 215 MB, and more with each call, instead of 122 from its first to its last.
    """
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
