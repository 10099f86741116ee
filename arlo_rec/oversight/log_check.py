"""The check of a whole log by itself: that of a large one is shared between processes.

What takes long is to read the entries, to hash them and to verify two signatures of each checkpoint; the tree over the
leaves is computed here meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from arlo_rec.backends.workers import workers
from arlo_rec.catalogue import audit_check
from arlo_rec.catalogue.anchors import Anchors
from arlo_rec.catalogue.log_stretch import Checked, Stretch, StretchCheck
from arlo_rec.model.errors import Integrity
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.store import Store

MANY = 20_000  # entries of a log that are worth processes


def check(store: Store, anchors: Sequence[Anchors] = (), *, observer: Observer = unobserved) -> list[str]:
    """The problems of the log with all signatures, and those of *anchors* in them (see `audit_check.check`).

    Called before the program has a thread.
    """
    whole = partial(audit_check.check, store.log, store.signers(), anchors, signatures=True, observer=observer)
    if closed_size(store) < MANY:
        return whole()
    with ExitStack() as ending:
        with store.db.closed():
            checking = ending.enter_context(workers(partial(_checking, store), forked=True, disposable=True))
        return whole(elsewhere=checking.map)


def closed_size(store: Store) -> int:
    """How many entries the newest checkpoint closes; 0 where it cannot be read, which the check of the log tells."""
    with suppress(Integrity):
        return next((checkpoint.size for checkpoint in store.log.newest_checkpoints(1)), 0)
    return 0


@contextmanager
def _checking(store: Store) -> Iterator[Callable[[Stretch], Checked]]:
    store.db.open()
    yield StretchCheck(store.log, store.signers())
