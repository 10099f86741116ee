"""What the id of a training copy means today: its newest revision, or the copy that came in its place.

Each edit of a copy under review makes another recording, with fresh keys and a new object, so that what was cut less is
erased like everything else. People go on with the id of the first revision. Rows say which revisions there are, and
count as far as the log swears the same: anybody's own code can write a row.
"""

from __future__ import annotations

from collections.abc import Callable

from arlo_rec.access.short_ids import WHOLE, Covers, is_one
from arlo_rec.access.sworn import SwornRows
from arlo_rec.catalogue.copies import CopyState
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.policy import Purpose
from arlo_rec.store import Store


def newest(store: Store, copy: RecordingId) -> RecordingId:
    """The newest revision of the copy of that id; the id itself where there is no other, and where it is no copy's."""
    rows = store.catalogue.copies.revisions(copy)
    if not rows or rows[0].id == copy:
        return copy
    log, counted = SwornRows(store), [(1, copy)]
    for row in rows:
        sworn, its_first = log.of_id(row.id), log.of_id(copy)
        if sworn is None or its_first is None or (sworn.first, sworn.parent) != (copy.hex(), its_first.parent):
            continue
        counted.append((sworn.revision, row.id))
    return max(counted)[1]


def first(log: SwornRows, copy: RecordingId) -> RecordingId:
    """The id that people know a copy by, of any revision of it."""
    sworn = log.of_id(copy)
    try:
        return RecordingId(bytes.fromhex(sworn.first)) if sworn is not None and sworn.first is not None else copy
    except ValueError:
        return copy


def replacement(store: Store, covers: Covers, text: str, *, as_officer: bool) -> RecordingId | None:
    """The copy that came in the place of one that is gone, named by its id or the beginning of it.

    It is told to whom the call is open of which both were made, and to nobody else.
    """
    if not is_one(text):
        return None
    table, log = store.catalogue.copies, SwornRows(store)

    def is_open(call: Recording) -> bool:
        return covers(call.team) and (as_officer or Purpose.QUALITY in call.purposes)

    gone = [RecordingId(bytes.fromhex(text))] if WHOLE.fullmatch(text) else table.erased_beginning_with(text)
    places = {place for copy in gone if (place := _in_place_of(store, log, is_open, copy)) is not None}
    return places.pop() if len(places) == 1 else None


def _in_place_of(
    store: Store, log: SwornRows, is_open: Callable[[Recording], bool], copy: RecordingId
) -> RecordingId | None:
    """The id of the released copy that was made of a copy, or of the copy that it was an earlier revision of."""
    sworn = log.of_id(copy)
    call = store.catalogue.recordings.held(sworn.parent) if sworn is not None and sworn.parent is not None else None
    if call is None or not is_open(call) or not log.is_sworn(call):
        return None
    known_as = first(log, copy)
    for row in store.catalogue.copies.every_of_original(call.id):
        made = log.of_id(row.id)
        if made is None or made.parent != call.id or row.id == copy:
            continue
        if made.state == CopyState.RELEASED and made.replaces is not None:
            if first(log, RecordingId(bytes.fromhex(made.replaces))) == known_as:
                return row.id
        elif first(log, row.id) == known_as:
            return known_as
    return None
