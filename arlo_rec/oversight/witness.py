"""A witness of the log: IT cosigns its newest checkpoint, where it goes on from the one that IT cosigned before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, NamedTuple

from arlo_rec.catalogue.anchors import Anchors, ended
from arlo_rec.crypto import merkle
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.progress import Observer, unobserved
from arlo_rec.offsite.witness_key import Seat
from arlo_rec.oversight.log_check import check
from arlo_rec.policy import Action
from arlo_rec.store import Store

_AT_ONCE: Final = 20_000  # leaves


class Witnessed(NamedTuple):
    """What a run of a witness came to: the note and its size, or why it cosigned nothing."""

    name: str
    vkey: str
    note: str | None
    problems: list[str]
    is_first: bool  # nothing was cosigned before, so what came before is taken on trust


def run(
    store: Store,
    seat: Callable[[], AbstractContextManager[Seat]],
    now: datetime,
    observer: Observer = unobserved,
) -> Witnessed:
    """Check the whole log and that it goes on from what was cosigned before, and have its newest checkpoint cosigned.

    The witness looks itself whether the leaves go on. Raises NotGranted, and what *seat* raises.
    """
    store.demand(Action.LOOK_AFTER, now)
    with seat() as witness:
        newest, note = store.log.newest()
        before = Anchors([note] if witness.seen is None else [witness.seen, note])
        problems = check(store, [before], observer=observer) + before.problems
        cosigned = None
        if not problems:
            try:
                cosigned = witness.cosign(note, _leaves(store, newest.size), int(now.timestamp()))
            except Integrity as problem:
                problems = [problem.code]
    return Witnessed(witness.name, witness.vkey, cosigned, problems, witness.seen is None)


def _leaves(store: Store, size: int) -> Iterator[bytes]:
    for begin in range(0, size, _AT_ONCE):
        some = store.log.leaves(begin, min(begin + _AT_ONCE, size))
        yield from (some[seq] for seq in sorted(some))


def parse_vkeys(vkeys: Sequence[str]) -> list[tuple[str, bytes]]:
    """The names and public keys of witnesses; raises Usage for what is no key."""
    try:
        return [merkle.parse_witness_vkey(vkey) for vkey in vkeys]
    except ValueError:
        raise Usage("not_a_witness_vkey") from None


def unwitnessed(notes: Sequence[str], witnesses: Sequence[tuple[str, bytes]]) -> list[str]:
    """A problem for every note and every witness of whom it has no cosignature."""
    return [
        "anchor_not_witnessed"
        for note in notes
        for name, public in witnesses
        if merkle.cosigned_at(ended(note), name, public) is None
    ]
