"""The table `copies`: training copies, each with its original, state, maker and reviewer.

Each edit of a copy under review makes another recording, with its own keys and object: its next revision. People use
the id of the first one, which the table keeps for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Self

from arlo_rec.law.log.rows import CopyState, MadeCopy
from arlo_rec.law.model.records import Kind, RecordingId, from_micros, ids_beginning, to_micros
from arlo_rec.policy import State
from arlo_rec.vault.backends import Connection, Row
from arlo_rec.vault.catalogue.columns import SealedColumn, reads_rows, recording_id


class Copy(NamedTuple):
    """A training copy and its state."""

    id: RecordingId  # of the recording; differs for each revision
    parent: RecordingId
    state: CopyState
    made_by: str
    made_at: datetime
    first: RecordingId  # id of its first revision, which people use
    revision: int  # from 1; of a released copy that of the reviewed one
    reviewed_by: str | None = None
    made_from: RecordingId | None = None  # the copy that it replaces

    @classmethod
    def of(cls, copy: RecordingId, made: MadeCopy) -> Self:
        """A copy as the entry that made it tells, before any review."""
        by, at, parent, state, made_from, first, revision = made
        return cls(copy, parent, state, by, at, first or copy, revision, made_from=made_from)


_COLUMNS = "c.recording, c.parent, c.state, c.made_by, c.made_at, c.reviewed_by, c.made_from, c.first, c.revision"
_SELECT = (
    f"SELECT {_COLUMNS} FROM copies c "  # noqa: S608 - our columns and our state
    f"JOIN recordings r ON r.id = c.recording WHERE r.state = '{State.HELD.value}' AND "
)


class Copies:
    """Training copies that are held. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._makers = SealedColumn(connection, "copies", "made_by")
        self._reviewers = SealedColumn(connection, "copies", "reviewed_by")

    def add(self, copy: Copy) -> None:
        """Insert a new copy."""
        self._db.run(
            "INSERT INTO copies (recording, parent, state, made_by, made_at, made_from, first, revision) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(copy.id, copy.parent, copy.state.value, self._makers.seal_text(copy.id, copy.made_by)),
                to_micros(copy.made_at),
                *(copy.made_from, copy.first, copy.revision),
            ),
        )

    @reads_rows
    def get(self, copy: RecordingId) -> Copy | None:
        """The copy of that id, if it is held."""
        rows = self._db.rows(f"{_SELECT} c.recording = ?", (copy,))
        return self._copy(rows[0]) if rows else None

    @reads_rows
    def every(self) -> list[Copy]:
        """Every copy that is held."""
        return [self._copy(row) for row in self._db.rows(f"{_SELECT} 1 = 1")]

    @reads_rows
    def of_original(self, original: RecordingId) -> list[Copy]:
        """The copies of a recording, oldest first, without replaced ones."""
        values = (original, CopyState.REPLACED.value)
        return [
            self._copy(row)
            for row in self._db.rows(f"{_SELECT} c.parent = ? AND c.state <> ? ORDER BY c.made_at", values)
        ]

    @reads_rows
    def revisions(self, first: RecordingId) -> list[Copy]:
        """The held revisions of a copy, replaced ones included, the newest first."""
        return [self._copy(row) for row in self._db.rows(f"{_SELECT} c.first = ? ORDER BY c.revision DESC", (first,))]

    @reads_rows
    def every_of_original(self, original: RecordingId) -> list[Copy]:
        """The copies of a recording, replaced ones included, oldest first."""
        return [self._copy(row) for row in self._db.rows(f"{_SELECT} c.parent = ? ORDER BY c.made_at", (original,))]

    @reads_rows
    def made_from(self, replaced: RecordingId) -> Copy | None:
        """The copy that was made from *replaced*."""
        rows = self._db.rows(f"{_SELECT} c.made_from = ?", (replaced,))
        return self._copy(rows[0]) if rows else None

    @reads_rows
    def under_review(self) -> list[tuple[Copy, str]]:
        """Copies that await a review or a release, oldest first, each with the team of its call."""
        states = (CopyState.NEEDS_REVIEW.value, CopyState.READY.value)
        sql = _SELECT.replace(" FROM", ", r.team FROM", 1) + " c.state IN (?, ?) ORDER BY c.made_at"
        return [(self._copy(row[:-1]), str(row[-1])) for row in self._db.rows(sql, states)]

    @reads_rows
    def erased_beginning_with(self, signs: str) -> list[RecordingId]:
        """Copies that are erased or being erased and whose ids begin with *signs* (hexadecimal)."""
        sql = (
            "SELECT id FROM recordings WHERE id BETWEEN ? AND ? AND length(id) = 16 AND kind = ? "  # noqa: S608 - ours
            f"AND state IN ('{State.ERASING.value}', '{State.ERASED.value}')"
        )
        values = (*ids_beginning(signs), int(Kind.PSEUDONYMISED))
        return [recording_id(copy) for (copy,) in self._db.rows(sql, values)]

    @reads_rows
    def unmatched(self) -> list[RecordingId]:
        """Held copies without a row here or with another original, and rows of recordings that are no copies."""
        rows = self._db.rows(
            "SELECT r.id FROM recordings r LEFT JOIN copies c ON c.recording = r.id "  # noqa: S608 - our state
            f"WHERE r.parent IS NOT NULL AND r.state || '' = '{State.HELD.value}' AND r.kind = ? "
            "AND (c.recording IS NULL OR c.parent <> r.parent) UNION "
            "SELECT c.recording FROM copies c JOIN recordings r ON r.id = c.recording "
            f"WHERE r.state = '{State.HELD.value}' AND r.kind <> ?",
            (int(Kind.PSEUDONYMISED), int(Kind.PSEUDONYMISED)),
        )
        return [recording_id(row[0]) for row in rows]

    def replace(self, copy: RecordingId) -> None:
        """Mark a copy as replaced by another."""
        self._db.run("UPDATE copies SET state = ? WHERE recording = ?", (CopyState.REPLACED.value, copy))

    def confirm(self, copy: RecordingId, reviewer: str) -> None:
        """Mark a copy as reviewed by *reviewer*."""
        self._db.run(
            "UPDATE copies SET state = ?, reviewed_by = ? WHERE recording = ?",
            (CopyState.READY.value, self._reviewers.seal_text(copy, reviewer), copy),
        )

    def remove(self, recordings: Iterable[RecordingId]) -> None:
        """Delete the rows of copies among recordings that are being erased."""
        self._db.run_many("DELETE FROM copies WHERE recording = ?", [(recording,) for recording in sorted(recordings)])

    def _copy(self, row: Row) -> Copy:
        copy, parent, state, made_by, made_at, reviewed_by, made_from, first, revision = row
        return Copy(
            recording_id(copy),
            recording_id(parent),
            CopyState(state),
            str(self._makers.open_text(copy, made_by)),
            from_micros(made_at),
            recording_id(first),
            int(revision),
            self._reviewers.open_text(copy, reviewed_by),
            None if made_from is None else recording_id(made_from),
        )
