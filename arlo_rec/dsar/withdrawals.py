"""What is kept of a caller's withdrawals, for the letter.

A withdrawal of everything is kept under the number, one of a single call under the call's reference alone: no number
leads to it, and who asks by that reference is told of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from arlo_rec.dsar.answer import PastWithdrawal
from arlo_rec.dsar.subjects import Identifier, KnownBy
from arlo_rec.model.audit_events import Withdrawn
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN
from arlo_rec.store import Store

_KEPT_UNDER: Final[Mapping[KnownBy, tuple[str, str]]] = {  # the kind of the tag, and what a letter calls it
    KnownBy.CALLER: ("caller", "number"),
    KnownBy.CALL: ("source", "reference"),
}


def of_callers(store: Store, known_by: Iterable[Identifier]) -> tuple[PastWithdrawal, ...]:
    """The withdrawals of which a code of somebody's numbers or calls is still kept, the oldest first."""
    found = {one for each in known_by for one in _of(store, each)}
    return tuple(sorted(found, key=lambda withdrawal: withdrawal.at))


def _of(store: Store, identifier: Identifier) -> Iterator[PastWithdrawal]:
    """The withdrawals that are kept under the blind index of an identifier."""
    if identifier.kind not in _KEPT_UNDER:
        return
    table, (kind, code_of) = store.catalogue.tombstones, _KEPT_UNDER[identifier.kind]
    for seq in table.entries_of(kind, identifier.tag):
        entry, kept = store.log.entry(seq), table.of_entry(seq)
        if entry is not None and isinstance(event := entry.event, Withdrawn):
            until = max(tombstone.at for tombstone in kept) + RETENTION + WITHDRAWN_MARGIN
            yield PastWithdrawal(entry.at, len(event.recordings), until, code_of)
