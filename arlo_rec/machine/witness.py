"""A witness of the log: IT cosigns its newest checkpoint if the log continues the one cosigned before.

The whole log is checked first. Reading entries, hashing them and verifying two signatures of each checkpoint take
long. So a large log is shared between processes; the tree over its leaves is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial

from msgspec import UNSET, UnsetType

from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.progress import Observer, unobserved
from arlo_rec.policy import Action
from arlo_rec.sound.processes.workers import can_fork, workers
from arlo_rec.vault.catalogue import audit_check
from arlo_rec.vault.catalogue.log_stretch import Anchors, Checked, Stretch, StretchCheck, ended
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.offsite.witness_key import Seat
from arlo_rec.vault.opened import Store

MANY = 20_000  # entries of a log that justify processes


def check(store: Store, anchors: Sequence[Anchors] = (), *, observer: Observer = unobserved) -> list[str]:
    """The problems of the log with all signatures; those of *anchors* are added to them (see `audit_check.check`).

    Called before the program has a thread.
    """
    whole = partial(audit_check.check, store.log, store.roster.signers(), anchors, signatures=True, observer=observer)
    if closed_size(store) < MANY or not can_fork():
        return whole()
    with ExitStack() as ending:
        with store.db.closed():
            checking = ending.enter_context(workers(partial(_checking, store), forked=True, disposable=True))
        return whole(elsewhere=checking.map)


class CheckpointShown(Record, frozen=True):
    """A checkpoint with its signed note and the log's verifier key, and where the note was kept."""

    size: int
    root: bytes
    note: str
    vkey: str
    appended: bool | UnsetType = UNSET  # false: the file had it before
    out: str | UnsetType = UNSET


def newest_checkpoint(store: Store, now: datetime) -> CheckpointShown:
    """The newest checkpoint; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    checkpoint, note = store.log.checkpoints.newest()
    return CheckpointShown(checkpoint.size, checkpoint.root, note, store.log.vkey())


def verified(
    store: Store, anchors: Sequence[Anchors], now: datetime, observer: Observer = unobserved
) -> tuple[list[str], merkle.Tree]:
    """The problems that `check` finds, and the log's tree; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    return check(store, anchors, observer=observer), store.log.tree()


def closed_size(store: Store) -> int:
    """The number of entries that the newest checkpoint closes; 0 if unreadable, which the log's check reports."""
    with suppress(Integrity):
        return next((checkpoint.size for checkpoint in store.log.checkpoints.last(1)), 0)
    return 0


@contextmanager
def _checking(store: Store) -> Iterator[Callable[[Stretch], Checked]]:
    store.db.open()
    yield StretchCheck(store.log, store.roster.signers())


# -- witness ----------------------------------------------------------------------------------------


class Witnessed(Record, frozen=True):
    """The result of a run: the cosigned note, or the reasons for none."""

    name: str
    vkey: str
    note: str | None
    first: bool  # nothing was cosigned before, so earlier entries are trusted
    problems: list[str]


def run(
    store: Store,
    seat: Callable[[], AbstractContextManager[Seat]],
    now: datetime,
    observer: Observer = unobserved,
) -> Witnessed:
    """Check the whole log and its continuation of the last cosigned checkpoint, and have the newest one cosigned.

    The witness itself checks the leaves. Raises NotGranted, and what *seat* raises.
    """
    store.demand(Action.LOOK_AFTER, now)
    with seat() as witness:
        newest, note = store.log.checkpoints.newest()
        before = Anchors([note] if witness.seen is None else [witness.seen, note])
        problems = check(store, [before], observer=observer) + before.problems
        cosigned = None
        if not problems:
            try:
                cosigned = witness.cosign(note, store.log.raw.leaves_in_order(newest.size), int(now.timestamp()))
            except Integrity as problem:
                problems = [problem.code]
    return Witnessed(witness.name, witness.vkey, cosigned, witness.seen is None, problems)


def parse_vkeys(vkeys: Sequence[str]) -> list[tuple[str, bytes]]:
    """The names and public keys of witnesses; raises Usage for an invalid key."""
    try:
        return [merkle.parse_witness_vkey(vkey) for vkey in vkeys]
    except ValueError:
        raise Usage("not_a_witness_vkey") from None


def unwitnessed(notes: Sequence[str], witnesses: Sequence[tuple[str, bytes]]) -> list[str]:
    """A problem for each missing cosignature of a note."""
    return [
        "anchor_not_witnessed"
        for note in notes
        for name, public in witnesses
        if merkle.cosigned_at(ended(note), name, public) is None
    ]
