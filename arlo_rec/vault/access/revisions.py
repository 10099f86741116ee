"""Revisions of training copies: what the id of a copy means today.

Each edit of a copy under review makes a new recording with fresh keys and a new object. So the version with fewer cuts
is erased like everything else. People go on using the id of the first revision.
"""

from __future__ import annotations

from arlo_rec.law.log.events import CopyMade
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.records import RecordingId
from arlo_rec.policy import Purpose
from arlo_rec.vault.access.short_ids import WHOLE, Covers, is_one
from arlo_rec.vault.opened import Store


def newest(store: Store, copy: RecordingId) -> RecordingId:
    """The newest revision of a copy; the id itself for everything else."""
    rows = store.catalogue.copies.revisions(copy)
    return rows[0].id if rows else copy


def replacement(store: Store, covers: Covers, text: str, *, as_officer: bool) -> RecordingId | None:
    """The copy that replaced an erased one, named by its id or the beginning of it.

    It is given only to a person to whom the call of both is open.
    """
    if not is_one(text):
        return None
    whole = WHOLE.fullmatch(text) is not None
    gone = [RecordingId(bytes.fromhex(text))] if whole else store.catalogue.copies.erased_beginning_with(text)
    places = {place for copy in gone if (place := _in_place_of(store, covers, copy, as_officer=as_officer)) is not None}
    return places.pop() if len(places) == 1 else None


def _in_place_of(store: Store, covers: Covers, copy: RecordingId, *, as_officer: bool) -> RecordingId | None:
    """The id of the released copy made from a copy, or of the copy that it was an earlier revision of.

    An erased copy has no row, so the log says what it was.
    """
    made = _made(store, copy)
    call = store.catalogue.recordings.held(RecordingId(bytes.fromhex(made.parent))) if made is not None else None
    if made is None or call is None or not covers(call.team) or not (as_officer or Purpose.QUALITY in call.purposes):
        return None
    known_as = _first(store, copy)
    for row in store.catalogue.copies.every_of_original(call.id):
        if row.id == copy:
            continue
        if row.state is not CopyState.RELEASED and row.first == known_as:
            return known_as
        if row.state is CopyState.RELEASED and row.made_from is not None and _first(store, row.made_from) == known_as:
            return row.id
    return None


def _first(store: Store, copy: RecordingId) -> RecordingId:
    """The id of a copy's first revision, by the entry that made it."""
    made = _made(store, copy)
    return RecordingId(bytes.fromhex(made.first)) if made is not None and made.first is not None else copy


def _made(store: Store, copy: RecordingId) -> CopyMade | None:
    entry = store.log.entries.taking_in([copy]).get(copy)
    event = entry.event if entry is not None else None
    return event if isinstance(event, CopyMade) else None
