"""The port behind which the cuts of a backlog are planned, and its implementation by engines of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from arlo_rec.calls.training import cut_plan
from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder, CutPlan

if TYPE_CHECKING:
    from arlo_rec.sound.speech import Engines


class Planners(Protocol):
    """Planners of the cuts of several calls at once. They know no store; what they get is a sound and its names."""

    def start(self) -> None:
        """Reach what plans, once a person may have calls planned; raises Unreachable. No call is given before."""

    @property
    def at_once(self) -> int:
        """The number of calls that are worth being given before the first plan is fetched; it may change."""

    @property
    def workers(self) -> int | None:
        """The number of machines' processes that plan; None where all is done here."""

    def demand_words(self, order: CopyOrder) -> None:
        """Raise Usage for an order with neither words nor a list, before a call is opened."""

    def submit(self, call: CallSound, order: CopyOrder) -> Future[CutPlan]:
        """The future plan; it raises what `cut_plan.plan_cuts` raises."""

    def give_up(self, plan: Future[CutPlan]) -> None:
        """Nobody waits for a plan any more; a cluster stops to work on it within two seconds."""

    def stop(self) -> None:
        """Stop all work at once, from any thread."""


class LocalPlanners:
    """Planners with engines of this machine: as many calls at once as there are groups of engines."""

    def __init__(self, engines: Sequence[Engines], threads: ThreadPoolExecutor) -> None:
        self._engines, self._threads = engines, threads
        self._free: SimpleQueue[Engines] = SimpleQueue()
        for group in engines:
            self._free.put(group)

    def start(self) -> None:
        """See Planners: the engines are there."""

    @property
    def at_once(self) -> int:
        """See Planners."""
        return len(self._engines)

    @property
    def workers(self) -> int | None:
        """See Planners."""
        return None

    def demand_words(self, order: CopyOrder) -> None:
        """See Planners."""
        cut_plan.demand_words(order, hears=bool(self._engines[0]))

    def submit(self, call: CallSound, order: CopyOrder) -> Future[CutPlan]:
        """See Planners."""
        return self._threads.submit(self._plan, call, order)

    def give_up(self, plan: Future[CutPlan]) -> None:
        """See Planners."""
        plan.cancel()

    def stop(self) -> None:
        """See Planners."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for engine in chain.from_iterable(self._engines):
            engine.stop()

    def _plan(self, call: CallSound, order: CopyOrder) -> CutPlan:
        """Plan the cuts of a call with engines of its own."""
        engines = self._free.get()
        try:
            return cut_plan.plan_cuts(call, order, engines)
        finally:
            self._free.put(engines)


@contextmanager
def local(engines: Sequence[Engines]) -> Iterator[LocalPlanners]:
    """Plan with groups of engines, one group for each call at once; an empty group reads transcripts alone."""
    with ThreadPoolExecutor(len(engines)) as threads:
        yield LocalPlanners(engines, threads)
