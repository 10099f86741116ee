"""Calls that have no training copy yet, worked off one after the other or several at once.

The store is touched by one thread alone: it opens a call, hands it to a worker that hears and plans (which is what
takes the time), and makes the copy when that is done. Each copy is committed by itself, so whoever stops in the
middle goes on where they stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from queue import SimpleQueue

from arlo_rec.access import gate
from arlo_rec.model.errors import ArloError, Integrity, NotGranted, Refused, SoundError, Unreachable, Usage
from arlo_rec.model.records import Kind, Recording, to_micros
from arlo_rec.policy import Action, Purpose, Role
from arlo_rec.store import Store
from arlo_rec.training import build, copies
from arlo_rec.training.build import Helpers, Made, Opened, Order, Planned
from arlo_rec.training.copies import Copy

_OF_ONE_CALL = (Usage, NotGranted, Refused, Integrity, SoundError)


@dataclass(frozen=True, slots=True)
class Failed:
    """A call of which no copy was made, and why."""

    id: str
    error: ArloError


def pending(store: Store, now: datetime) -> list[Recording]:
    """Originals that this person may make a copy of and that have none, the next to be erased first.

    Raises NotGranted for a role that makes none.
    """
    live = gate.admit_maker(store, Action.PSEUDONYMISE, now)
    found = store.catalogue.where(
        "state = 'held' AND kind = ? AND due_at > ? AND NOT EXISTS "
        "(SELECT 1 FROM recordings c WHERE c.parent = recordings.id AND c.state = 'held' AND c.kind = ?)",
        (int(Kind.ORIGINAL), to_micros(store.today(now)), int(Kind.PSEUDONYMISED)),
    )
    officer = store.person.role is Role.OFFICER
    mine = [one for one in found if officer or any(each.opens(Purpose.QUALITY, one.team) for each in live)]
    return sorted((one for one in mine if Purpose.TRAINING in one.purposes), key=lambda one: (one.due_at, one.id))


def waiting(store: Store, now: datetime) -> list[tuple[Copy, datetime]]:
    """Copies that wait for a person and that this one may look through, oldest first; raises NotGranted."""
    live = gate.admit_maker(store, Action.REVIEW, now)
    officer = store.person.role is Role.OFFICER
    return [
        (copy, made_at)
        for copy, made_at, team in copies.under_review(store)
        if officer or any(each.opens(Purpose.QUALITY, team) for each in live)
    ]


def work_off(
    store: Store,
    shown_ids: Sequence[str],
    order_of: Callable[[str], Order],
    helpers: Sequence[Helpers],
    clock: Callable[[], datetime],
    *,
    unless_copied: bool = False,
) -> Iterator[Made | Failed]:
    """Make a copy of each call, in order, as many at once as there are *helpers*; a call that fails stops no other.

    Raises what concerns all of them: a full disk, a store that is in use, an engine that cannot be started.
    """
    free: SimpleQueue[Helpers] = SimpleQueue()
    for one in helpers:
        free.put(one)
    running: deque[tuple[str, Opened, Order, Future[Planned]]] = deque()
    begun: set[str] = set()
    with ThreadPoolExecutor(len(helpers)) as workers:
        try:
            for shown_id in shown_ids:
                if shown_id in begun or (unless_copied and copies.has_copy(store, shown_id)):
                    continue  # named twice, or somebody made one meanwhile
                begun.add(shown_id)
                if len(running) == len(helpers):
                    yield _finished(store, *running.popleft(), clock)
                try:
                    order = order_of(shown_id)
                    build.demand_words(order, helpers[0])
                    source = build.original(store, shown_id, clock)
                except _OF_ONE_CALL as error:
                    yield Failed(shown_id, error)
                    continue
                running.append((shown_id, source, order, workers.submit(_planned, free, source, order)))
            while running:
                yield _finished(store, *running.popleft(), clock)
        except BaseException:  # Ctrl-C too: nobody waits for what is still being heard
            for *_, waiting in running:
                waiting.cancel()
            for one in helpers:
                if one.engine is not None:
                    one.engine.stop()
            raise


def _planned(free: SimpleQueue[Helpers], source: Opened, order: Order) -> Planned:
    mine = free.get()
    try:
        return build.planned(source, order, mine)
    finally:
        free.put(mine)


def _finished(
    store: Store, shown_id: str, source: Opened, order: Order, plan: Future[Planned], clock: Callable[[], datetime]
) -> Made | Failed:
    try:
        made = build.make(store, source, plan.result(), order, clock())
        return replace(made, planned=replace(made.planned, words=()))  # a backlog is long, and nobody reads them here
    except _OF_ONE_CALL as error:
        return Failed(shown_id, error)
    except Unreachable as error:
        if error.code in {"engine_died", "engine_silent", "engine_garbled"}:
            return Failed(shown_id, error)
        raise
