"""Rows of recordings, metadata and tombstones as nouns: portable SQL over the connection port, nothing else.

Changes belong into a transaction of the caller. What a row means, and who may see it, is decided above.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from arlo_rec.backends import Connection, Row, marks, portions
from arlo_rec.model.records import Kind, Recording, RecordingId, from_micros, to_micros
from arlo_rec.policy import Purpose, State

_COLUMNS = (
    "id, kind, parent, state, started_at, due_at, team, caller, agent, source, content, purposes, prompt, "
    "prompt_sha256, policy, object_sha256, object_bytes"
)
_KINDS = {int(one): one for one in Kind}
_STATES = {one.value: one for one in State}


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

    def where(self, condition: str, values: Sequence[Any] = ()) -> list[Recording]:
        """Recordings by a condition of ours (never a user's text), oldest first.

        They are sorted here: an engine that is asked for an order may read a million rows that have it already,
        rather than sort the four that are wanted.
        """
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM recordings WHERE {condition}", values)  # noqa: S608
        return sorted((_recording(row) for row in rows), key=lambda one: (one.started_at, one.id))

    def of_caller(self, tag: bytes) -> list[Recording]:
        """What is held of a caller, with everything derived from it."""
        return self._with_derived(self.where("caller = ? AND state = 'held'", (tag,)))

    def of_call(self, recording: RecordingId | None, source: bytes) -> list[Recording]:
        """What is held of one call, by our id or the exchange's, with everything derived from it."""
        return self._with_derived(self.where("(id = ? OR source = ?) AND state = 'held'", (recording or b"", source)))

    def due(self, now: datetime) -> list[Recording]:
        """What is held although its last day is over."""
        return self.where("state = 'held' AND due_at <= ?", (to_micros(now),))

    def count_due(self, now: datetime) -> int:
        """How many these are."""
        return self.count("state = 'held' AND due_at <= ?", (to_micros(now),))

    def by_source(self, source: bytes) -> list[Recording]:
        """Recordings of that source id, erased ones included while their tag is kept."""
        return self.where("source = ? AND state <> 'arriving'", (source,))

    def in_team(self, teams: frozenset[str] | None, since: int, before: int) -> list[Recording]:
        """Held recordings of some teams (None: all) that started in [since, before), in microseconds."""
        condition = "state = 'held' AND started_at >= ? AND started_at < ?"
        if teams is None:
            return self.where(condition, (since, before))
        return self.where(f"team IN ({marks(sorted(teams))}) AND {condition}", (*sorted(teams), since, before))

    def mark_erasing(self, recordings: Collection[RecordingId], erasure: str) -> None:
        """From now on nobody may open them; what identifies anybody leaves the row, and metadata the catalogue.

        A metadata key goes with the last row that used it: who looked for unused ones would read them all.
        """
        self._db.run_many(
            "UPDATE recordings SET state = 'erasing', erasure = ?, caller = NULL, agent = NULL, content = NULL "
            "WHERE id = ? AND state = 'held'",
            [(erasure, one) for one in sorted(recordings)],
        )
        self._db.run_many("DELETE FROM copies WHERE recording = ?", [(one,) for one in sorted(recordings)])
        used: set[bytes] = set()
        for some in portions(recordings):
            going = f"FROM metadata WHERE recording IN ({marks(some)})"
            used |= {row[0] for row in self._db.rows(f"SELECT DISTINCT metadata_key {going}", some)}
            self._db.run(f"DELETE {going}", some)
        self._db.run_many(
            "DELETE FROM metadata_keys WHERE id = ? AND NOT EXISTS (SELECT 1 FROM metadata WHERE metadata_key = ?)",
            [(key, key) for key in sorted(used)],
        )

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

    # -- all of them, piece by piece ------------------------------------------------------------------

    def row_numbers(self) -> tuple[int, int]:
        """The smallest and the largest number of a row; a new row's is larger than all."""
        first, last = self._db.rows("SELECT min(rowid), max(rowid) FROM recordings")[0]
        return (int(first), int(last)) if last is not None else (1, 0)

    def held_among(self, recordings: Collection[RecordingId]) -> Iterator[tuple[int, Recording]]:
        """Those of *recordings* that are held, each with the number of its row."""
        for some in portions(recordings):
            sql = f"SELECT rowid, {_COLUMNS} FROM recordings WHERE id IN ({marks(some)}) AND state = 'held'"  # noqa: S608
            for number, *row in self._db.rows(sql, some):
                yield number, _recording(tuple(row))

    def held_rows(self, at_once: int) -> Iterator[tuple[int, RecordingId]]:
        """Every held recording with the number of its row, in the order of intake."""
        number = 0
        while True:
            rows = self._db.rows(
                "SELECT rowid, id FROM recordings WHERE rowid > ? AND +state = 'held' ORDER BY rowid LIMIT ?",
                (number, at_once),
            )
            if not rows:
                return
            yield from ((int(number), RecordingId(one)) for number, one in rows)
            number = rows[-1][0]

    def ids_not_held(self) -> dict[RecordingId, State]:
        """What is arriving, on its way out, or erased and remembered for late deliveries."""
        rows = self._db.rows("SELECT id, state FROM recordings WHERE state IN ('arriving', 'erasing', 'erased')")
        return {RecordingId(one): State(state) for one, state in rows}

    def ids(self, beginning: bytes, having: Literal["shares", "metadata"] | None = None) -> set[RecordingId]:
        """Every id that begins so; or of what has shares or metadata, instead of a row."""
        table, column = (having, "recording") if having else ("recordings", "id")
        low, high = beginning.ljust(16, b"\0"), beginning.ljust(16, b"\xff")
        sql = f"SELECT {column} FROM {table} WHERE {column} BETWEEN ? AND ?"  # noqa: S608 - our names
        return {RecordingId(row[0]) for row in self._db.rows(sql, (low, high))}

    # -- tombstones -----------------------------------------------------------------------------------

    def bury(self, kind: str, tag: bytes, at: datetime) -> None:
        """Remember a withdrawal of a caller or of a source id; the newest counts."""
        self._db.run(
            "INSERT INTO tombstones (kind, tag, at) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, tag) DO UPDATE SET at = max(at, excluded.at)",
            (kind, tag, to_micros(at)),
        )

    def swear(self, seq: int, kind: str, tag: bytes, at: datetime) -> None:
        """That the log entry of that number buried somebody, for whoever is told of it outside."""
        self._db.run(
            "INSERT OR IGNORE INTO burials (seq, kind, tag, at) VALUES (?, ?, ?, ?)", (seq, kind, tag, to_micros(at))
        )

    def buried(self, kind: str, tag: bytes) -> datetime | None:
        """When that caller or source id was withdrawn."""
        found = self._db.rows("SELECT at FROM tombstones WHERE kind = ? AND tag = ?", (kind, tag))
        return from_micros(found[0][0]) if found else None

    def clear_old(self, before: datetime) -> None:
        """Drop tombstones and erased rows that can no longer meet a late delivery."""
        self._db.run("DELETE FROM tombstones WHERE at < ?", (to_micros(before),))
        self._db.run("DELETE FROM burials WHERE at < ?", (to_micros(before),))
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
        one.agent or None,
        one.source or None,  # a copy has none of its own
        one.content or None,
        ",".join(sorted(one.purposes)),
        one.prompt,
        one.prompt_sha256,
        one.policy,
        one.object_sha256,
        one.object_bytes,
    )


@lru_cache(maxsize=16)
def _purposes(kept: str) -> frozenset[Purpose]:
    return frozenset(Purpose(one) for one in kept.split(",") if one)


def _recording(row: Row) -> Recording:
    return Recording(
        id=RecordingId(bytes(row[0])),
        kind=_KINDS[row[1]],
        parent=RecordingId(bytes(row[2])) if row[2] else None,
        state=_STATES[row[3]],
        started_at=from_micros(row[4]),
        due_at=from_micros(row[5]),
        team=row[6],
        caller=bytes(row[7]) if row[7] else None,
        agent=bytes(row[8] or b""),
        source=bytes(row[9] or b""),
        content=bytes(row[10] or b""),
        purposes=_purposes(row[11]),
        prompt=row[12],
        prompt_sha256=bytes(row[13]),
        policy=row[14],
        object_sha256=bytes(row[15] or b""),
        object_bytes=int(row[16] or 0),
    )
