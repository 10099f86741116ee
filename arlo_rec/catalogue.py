"""Rows of recordings, metadata and tombstones as nouns: portable SQL over the connection port, nothing else.

Changes belong into a transaction of the caller. What a row means, and who may see it, is decided above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from arlo_rec.backends import Connection, Row
from arlo_rec.policy import Purpose, State
from arlo_rec.records import Kind, Recording, RecordingId, from_micros, to_micros

_COLUMNS = (
    "id, kind, parent, state, started_at, due_at, team, caller, agent, source, content, purposes, prompt, "
    "prompt_sha256, policy, object_sha256, object_bytes"
)


class Catalogue:
    """The recordings of one store."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def arrive(self, recordings: Iterable[RecordingId]) -> None:
        """Announce recordings whose objects are about to be written, so that a crash leaves no orphan."""
        self._db.run_many(
            "INSERT INTO recordings (id, kind, state, started_at, due_at, team, purposes, prompt, "
            "prompt_sha256, policy) VALUES (?, 0, 'arriving', 0, 0, '', '', '', x'', '')",
            [(one,) for one in recordings],
        )

    def hold(self, recording: Recording) -> None:
        """Fill an announced row: from now on the recording is held."""
        row = _row(recording)
        columns = [name.strip() for name in _COLUMNS.split(",")]
        settings = ", ".join(f"{name} = ?" for name in columns[1:])
        changed = self._db.run(
            f"UPDATE recordings SET {settings} WHERE id = ? AND state = 'arriving'",  # noqa: S608 - our columns
            (*row[1:], row[0]),
        )
        if changed != 1:
            raise KeyError(recording.id.hex())

    def forget(self, recordings: Iterable[RecordingId]) -> None:
        """Drop rows that never became recordings."""
        self._db.run_many("DELETE FROM recordings WHERE id = ? AND state = 'arriving'", [(one,) for one in recordings])

    def arriving(self) -> list[RecordingId]:
        """Rows that were announced; where no intake runs, what a dead one left."""
        rows = self._db.rows("SELECT id FROM recordings WHERE state = 'arriving'")
        return [RecordingId(bytes(row[0])) for row in rows]

    def get(self, recording: RecordingId) -> Recording | None:
        """One recording that was taken in, whatever became of it."""
        found = self.where("id = ? AND state <> 'arriving'", (recording,))
        return found[0] if found else None

    def where(self, condition: str, values: Sequence[Any] = (), limit: int = -1) -> list[Recording]:
        """Recordings by a condition of ours (never a user's text), oldest first."""
        sql = f"SELECT {_COLUMNS} FROM recordings WHERE {condition} ORDER BY started_at, id LIMIT ?"  # noqa: S608
        return [_recording(row) for row in self._db.rows(sql, (*values, limit))]

    def of_caller(self, tag: bytes) -> list[Recording]:
        """What is held of a caller, with everything derived from it."""
        return self._with_derived(self.where("caller = ? AND state = 'held'", (tag,)))

    def of_call(self, recording: RecordingId | None, source: bytes) -> list[Recording]:
        """What is held of one call, by our id or the exchange's, with everything derived from it."""
        return self._with_derived(self.where("(id = ? OR source = ?) AND state = 'held'", (recording or b"", source)))

    def due(self, now: datetime) -> list[Recording]:
        """What is held although its last day is over."""
        return self.where("state = 'held' AND due_at <= ?", (to_micros(now),))

    def by_source(self, source: bytes) -> list[Recording]:
        """Recordings of that source id, erased ones included while their tag is kept."""
        return self.where("source = ? AND state <> 'arriving'", (source,))

    def in_team(self, teams: frozenset[str] | None, since: int, before: int) -> list[Recording]:
        """Held recordings of some teams (None: all) that started in [since, before), in microseconds."""
        condition = "state = 'held' AND started_at >= ? AND started_at < ?"
        if teams is None:
            return self.where(condition, (since, before))
        marks = ", ".join("?" for _ in teams)
        return self.where(f"team IN ({marks}) AND {condition}", (*sorted(teams), since, before))

    def mark_erasing(self, recordings: Iterable[RecordingId], erasure: str) -> None:
        """From now on nobody may open them; what identifies anybody leaves the row."""
        self._db.run_many(
            "UPDATE recordings SET state = 'erasing', erasure = ?, caller = NULL, agent = NULL, content = NULL "
            "WHERE id = ? AND state = 'held'",
            [(erasure, one) for one in recordings],
        )
        self._db.run_many("DELETE FROM metadata WHERE recording = ?", [(one,) for one in recordings])

    def erasing(self, erasure: str) -> list[RecordingId]:
        """Recordings of an erasure whose objects may still lie there."""
        rows = self._db.rows(
            "SELECT id FROM recordings WHERE erasure = ? AND state = 'erasing' ORDER BY id", (erasure,)
        )
        return [RecordingId(bytes(row[0])) for row in rows]

    def mark_erased(self, erasure: str) -> None:
        """Their objects are gone."""
        self._db.run("UPDATE recordings SET state = 'erased' WHERE erasure = ? AND state = 'erasing'", (erasure,))

    def count(self, condition: str, values: Sequence[Any] = ()) -> int:
        """How many rows fulfil a condition of ours."""
        return int(self._db.rows(f"SELECT count(*) FROM recordings WHERE {condition}", values)[0][0])  # noqa: S608

    # -- tombstones -----------------------------------------------------------------------------------

    def bury(self, kind: str, tag: bytes, at: datetime) -> None:
        """Remember a withdrawal of a caller or of a source id; the newest counts."""
        self._db.run(
            "INSERT INTO tombstones (kind, tag, at) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, tag) DO UPDATE SET at = max(at, excluded.at)",
            (kind, tag, to_micros(at)),
        )

    def buried(self, kind: str, tag: bytes) -> datetime | None:
        """When that caller or source id was withdrawn."""
        found = self._db.rows("SELECT at FROM tombstones WHERE kind = ? AND tag = ?", (kind, tag))
        return from_micros(found[0][0]) if found else None

    def clear_old(self, before: datetime) -> None:
        """Drop tombstones and erased rows that can no longer meet a late delivery."""
        self._db.run("DELETE FROM tombstones WHERE at < ?", (to_micros(before),))
        self._db.run("DELETE FROM recordings WHERE state = 'erased' AND started_at < ?", (to_micros(before),))

    # -- sealed metadata ------------------------------------------------------------------------------

    def put_metadata_key(self, key: bytes, listening_key: bytes, sealed: bytes, day: int) -> None:
        """Keep a metadata key, sealed to one listening key."""
        self._db.run(
            "INSERT INTO metadata_keys (id, listening_key, sealed, day) VALUES (?, ?, ?, ?)",
            (key, listening_key, sealed, day),
        )

    def put_metadata(self, recording: RecordingId, metadata_key: bytes, sealed: bytes) -> None:
        """Keep a recording's metadata for one audience."""
        self._db.run(
            "INSERT INTO metadata (recording, metadata_key, sealed) VALUES (?, ?, ?)",
            (recording, metadata_key, sealed),
        )

    def metadata_of(self, recording: RecordingId) -> list[Row]:
        """Per audience: metadata key's id, its listening key, the sealed key, the sealed metadata."""
        return self._db.rows(
            "SELECT k.id, k.listening_key, k.sealed, m.sealed FROM metadata m "
            "JOIN metadata_keys k ON k.id = m.metadata_key WHERE m.recording = ?",
            (recording,),
        )

    def _with_derived(self, originals: list[Recording]) -> list[Recording]:
        found = {one.id: one for one in originals}
        for one in originals:
            for copy in self.where("parent = ? AND state = 'held'", (one.id,)):
                found.setdefault(copy.id, copy)
        return list(found.values())


def _row(one: Recording) -> Row:
    return (
        one.id,
        int(one.kind),
        one.parent,
        one.state.value,
        to_micros(one.started_at),
        to_micros(one.due_at),
        one.team,
        one.caller,
        one.agent,
        one.source,
        one.content,
        ",".join(sorted(one.purposes)),
        one.prompt,
        one.prompt_sha256,
        one.policy,
        one.object_sha256,
        one.object_bytes,
    )


def _recording(row: Row) -> Recording:
    return Recording(
        id=RecordingId(bytes(row[0])),
        kind=Kind(row[1]),
        parent=RecordingId(bytes(row[2])) if row[2] else None,
        state=State(row[3]),
        started_at=from_micros(row[4]),
        due_at=from_micros(row[5]),
        team=row[6],
        caller=bytes(row[7]) if row[7] else None,
        agent=bytes(row[8] or b""),
        source=bytes(row[9] or b""),
        content=bytes(row[10] or b""),
        purposes=frozenset(Purpose(one) for one in row[11].split(",") if one),
        prompt=row[12],
        prompt_sha256=bytes(row[13]),
        policy=row[14],
        object_sha256=bytes(row[15] or b""),
        object_bytes=int(row[16] or 0),
    )
