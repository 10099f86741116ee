"""Whether everything in a store is still what was put there: the pages, the log, rows and objects, the root.

Nothing here opens a recording or holds personal data; the auditor's role has no key that could.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from arlo_rec import logbook, root
from arlo_rec.errors import ArloError, Integrity, NotUnlocked
from arlo_rec.inspection import Inspection, Problem
from arlo_rec.policy import Action
from arlo_rec.store import ROOT_PART, Store


def verify(store: Store, now: datetime, *, read_data: bool) -> list[Problem]:
    """Everything that is changed, cut off, exchanged, missing or older than what was seen; empty if nothing."""
    store.demand(Action.LOOK_AFTER, now)
    with ThreadPoolExecutor(max_workers=1) as beside:  # the engine's part is a third of all, and needs no interpreter
        sound = beside.submit(store.db.sound)
        try:
            problems = _compared(store, read_data=read_data)
        except (Integrity, NotUnlocked):  # a page that does not open ends what reads it
            problems = []
            if not sound.result():
                raise
        return [Problem("catalogue_damaged", one) for one in sound.result()] + problems


def _compared(store: Store, *, read_data: bool) -> list[Problem]:
    inspection = Inspection(store, read_data=read_data)
    log = logbook.check(store.book, store.signers(), signatures=True, follow=inspection.follow)
    problems = [Problem(code, "log") for code in log]
    problems += _root_problems(store)
    return problems + inspection.problems()


def _root_problems(store: Store) -> Iterator[Problem]:
    try:
        slot, mend = root.choose(store.root.read(), store.number("generation"))
        if mend:
            yield Problem("root_slot_damaged", f"slot {1 - slot.index}")
        if store.holds(ROOT_PART):
            root.open_slot(store.place.id, store.part(ROOT_PART), slot)
    except ArloError as problem:
        yield Problem(problem.code, "root")
