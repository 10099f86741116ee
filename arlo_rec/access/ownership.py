"""Whose a recording is, by what the log swears: a withdrawal erases by it, and an access request is answered by it.

Anybody's own code can write another caller into a row. A changed row that agrees with the log once it names this caller
is theirs. One that may be of anybody is left to a person to decide, and whoever asked is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from arlo_rec.access.sworn import SwornRow, SwornRows
from arlo_rec.catalogue.recordings import Recordings
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose recordings (a caller's or agent's, by blind index), or which call (the exchange's id, our original's)."""

    caller: bytes | None = None
    agent: bytes | None = None
    source: bytes | None = None
    recording: RecordingId | None = None


class Owned(NamedTuple):
    """The recordings that are surely a subject's, as the log swears them, and those of which nobody can tell."""

    recordings: tuple[Recording, ...]
    changed: tuple[RecordingId, ...]  # their rows are not what the log swears: any of them may be the subject's


def of_subject(store: Store, subject: Subject) -> Owned:
    """The held recordings of a subject, with the copies made of them.

    Of a small catalogue every row is compared with the log, of a larger one the rows that name the subject, because
    100,000 take some seconds. `verify` compares all of them.
    """
    table = store.catalogue.recordings
    found = _named(table, subject)
    rows = {row.id: row for row in (*found, *(table.every_held() if store.is_small() else ()))}
    log = SwornRows(store)
    sworn = log.of(rows.values())
    parents = {each.parent for each in sworn.values() if each.parent is not None} - rows.keys()
    rows_and_parents = {**rows, **{row.id: row for _, row in table.held_among(parents)}}
    sworn |= log.of(rows_and_parents.values())
    theirs: dict[RecordingId, bool | None] = {}
    for row in sorted(rows_and_parents.values(), key=lambda row: _is_copy(sworn.get(row.id))):
        theirs[row.id] = _is_theirs(subject, row, sworn.get(row.id), theirs)
    hidden = table.hidden_of_caller(subject.caller) if subject.caller else ()
    changed = (*(each for each in rows if theirs[each] is None), *hidden)
    return Owned(tuple(_true(subject, row, sworn.get(row.id)) for row in rows.values() if theirs[row.id]), changed)


def _named(table: Recordings, subject: Subject) -> list[Recording]:
    """The held recordings whose rows name the subject."""
    if subject.caller:
        return table.of_caller(subject.caller)
    return table.of_agent(subject.agent) if subject.agent else table.of_call(subject.recording, subject.source)


def _is_copy(sworn: SwornRow | None) -> bool:
    return sworn is not None and sworn.parent is not None


def _is_theirs(
    subject: Subject, row: Recording, sworn: SwornRow | None, originals: Mapping[RecordingId, bool | None]
) -> bool | None:
    """Whether a recording is the subject's by what the log swears of it; None where nobody can tell from a changed row.

    *originals* says it of every original that is held: whose copy it is stands in the log itself, and a copy whose
    original is hidden may be anybody's.
    """
    if row.id == subject.recording:
        return True
    if sworn is None:
        return None
    if sworn.parent is not None:
        return sworn.parent == subject.recording or originals.get(sworn.parent)
    theirs = _as_theirs(subject, row)
    if sworn.is_of(row):
        return theirs == row
    return True if sworn.is_of(theirs) else None


def _true(subject: Subject, row: Recording, sworn: SwornRow | None) -> Recording:
    """The row of a subject's recording as the log swears it, where it was changed to name somebody else."""
    theirs = _as_theirs(subject, row)
    return theirs if sworn is not None and not sworn.is_of(row) and sworn.is_of(theirs) else row


def _as_theirs(subject: Subject, row: Recording) -> Recording:
    """The row with the subject in its place."""
    if subject.caller:
        return row._replace(caller=subject.caller)
    return row._replace(agent=subject.agent) if subject.agent else row._replace(source=subject.source or b"")
