"""The table `recordings`: one row for each call and each training copy, without a name or a number.

A row changes its state only along `policy.LIFECYCLE`. Changes need a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from arlo_rec.law.model.consent import CLOCK_TOLERANCE
from arlo_rec.law.model.records import Kind, Recording, RecordingId, Subject, from_micros, ids_beginning, to_micros
from arlo_rec.policy import Event, Purpose, State, transition
from arlo_rec.vault.backends import Connection, Expected, Row, marks, portions
from arlo_rec.vault.catalogue.columns import reads_rows, recording_id

COLUMNS: Final = (
    "id, kind, parent, state, started_at, due_at, team, caller, agent, source, content, purposes, prompt, "
    "prompt_sha256, policy, object_digest, object_bytes, commit_key"
)
KINDS: Final = {int(kind): kind for kind in Kind}
_STATES: Final = {state.value: state for state in State}


def to_row(recording: Recording) -> Row:
    """A recording as it is stored."""
    return (
        recording.id,
        int(recording.kind),
        recording.parent,
        recording.state.value,
        to_micros(recording.started_at),
        to_micros(recording.due_at),
        recording.team,
        recording.caller,
        recording.agent or None,
        recording.source or None,  # a copy has none
        recording.content or None,
        ",".join(sorted(recording.purposes)),
        recording.prompt,
        recording.prompt_sha256,
        recording.policy,
        recording.object_digest,
        recording.object_bytes,
        recording.commit_key,
    )


@lru_cache(maxsize=16)
def read_purposes(kept: str) -> frozenset[Purpose]:
    """The purposes of a row."""
    return frozenset(Purpose(word) for word in kept.split(",") if word)


def from_row(row: Row) -> Recording:
    """The recording of a row; raises one of `decoding.UNREADABLE` for a row that the program does not write."""
    return Recording(
        id=recording_id(row[0]),
        kind=KINDS[row[1]],
        parent=recording_id(row[2]) if row[2] else None,
        state=_STATES[row[3]],
        started_at=from_micros(row[4]),
        due_at=from_micros(row[5]),
        team=row[6],
        caller=bytes(row[7]) if row[7] else None,
        agent=bytes(row[8] or b""),
        source=bytes(row[9] or b""),
        content=bytes(row[10] or b""),
        purposes=read_purposes(row[11]),
        prompt=row[12],
        prompt_sha256=bytes(row[13]),
        policy=row[14],
        object_digest=bytes(row[15] or b""),
        object_bytes=int(row[16] or 0),
        commit_key=bytes(row[17] or b""),
    )


# States as SQL: written into the statements, so that the engine sees them when it chooses an index
_ARRIVING, _HELD, _ERASING, _ERASED = (f"'{state.value}'" for state in State)
_IS_HELD: Final = f"state = {_HELD}"
_IS_HELD_UNINDEXED: Final = f"state || '' = {_HELD}"  # the same of an expression, for which the engine has no index
# Any day: the index by caller begins with the day in the id
_DAYS = ", ".join(f"x'{day:02x}'" for day in range(256))
_OF_ANY_DAY: Final = f"substr(id, 1, 1) IN ({_DAYS})"
_OF_CALLER: Final = f"{_OF_ANY_DAY} AND caller = ?"
# The SQL form of `policy.is_due` of `Policy.ends_at`; in two parts, so that the engine uses an index for each
_IS_PAST_RETENTION: Final = f"({_IS_HELD} AND due_at <= ?) OR ({_IS_HELD} AND started_at <= ?)"


class Tally(NamedTuple):
    """The number of held recordings of a team with the same kind and purposes."""

    team: str
    kind: Kind
    purposes: frozenset[Purpose]
    held: int


class _Table:
    """The table, queried by conditions."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def _where(self, condition: str, values: Sequence[Any] = ()) -> list[Recording]:
        """Recordings that meet a condition, oldest first.

        Sorted in Python: for an ORDER BY the engine may read a million rows through an index, instead of sorting the
        four that meet the condition.
        """
        rows = self._db.rows(f"SELECT {COLUMNS} FROM recordings WHERE {condition}", values)  # noqa: S608
        return sorted((from_row(row) for row in rows), key=lambda recording: (recording.started_at, recording.id))

    def _first(self, condition: str, recording: RecordingId) -> Recording | None:
        return next(iter(self._where(condition, (recording,))), None)

    @reads_rows
    def _count(self, condition: str, values: Sequence[Any] = ()) -> int:
        return int(self._db.rows(f"SELECT count(*) FROM recordings WHERE {condition}", values)[0][0])  # noqa: S608

    @reads_rows
    def _counts(self, condition: str, pairs: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """The number of recordings that meet a condition on two instants, for each pair of them, by one statement."""
        each = f"(SELECT count(*) FROM recordings WHERE {condition})"  # noqa: S608
        values = [to_micros(at) for pair in pairs for at in pair]
        return [int(count) for count in self._db.rows(f"SELECT {', '.join([each] * len(pairs))}", values)[0]]


class Recordings(_Table):
    """The recordings of one store, from their intake to their erasure."""

    def get(self, recording: RecordingId) -> Recording | None:
        """A recording in any state after intake."""
        return self._first(f"id = ? AND state <> {_ARRIVING}", recording)

    def held(self, recording: RecordingId) -> Recording | None:
        """A recording that is held."""
        return self._first(f"id = ? AND {_IS_HELD}", recording)

    @reads_rows
    def is_there(self, recording: RecordingId) -> bool:
        """Whether there is a row that is not erased."""
        sql = f"SELECT 1 FROM recordings WHERE id = ? AND state <> {_ERASED}"  # noqa: S608 - our states
        return bool(self._db.rows(sql, (recording,)))

    def announce(self, recordings: Iterable[RecordingId]) -> None:
        """Insert rows before the objects are written, so that no crash leaves an object without a row."""
        self._db.run_many(
            "INSERT INTO recordings (id, kind, state, started_at, due_at, team, purposes, prompt, "  # noqa: S608
            f"prompt_sha256, policy) VALUES (?, 0, {_ARRIVING}, 0, 0, '', '', '', x'', '')",
            [(recording,) for recording in recordings],
        )

    @reads_rows
    def arriving(self) -> list[RecordingId]:
        """Announced rows; without a running intake, those of a killed one."""
        rows = self._db.rows(f"SELECT id FROM recordings WHERE state = {_ARRIVING}")  # noqa: S608 - our states
        return [recording_id(row[0]) for row in rows]

    def hold(self, recording: Recording) -> None:
        """Complete an announced row, so that the recording is held; raises KeyError without such a row."""
        before, after = transition(Event.TAKEN_IN)
        if recording.state is not after:
            raise ValueError(f"a row that is taken in is {after}")
        row = to_row(recording)
        settings = ", ".join(f"{name.strip()} = ?" for name in COLUMNS.split(",")[1:])
        changed = self._db.changed(
            f"UPDATE recordings SET {settings} WHERE id = ? AND state = ?",  # noqa: S608 - our columns
            (*row[1:], row[0], before.value),
        )
        if changed != 1:
            raise KeyError(recording.id.hex())

    def abandon(self, recordings: Iterable[RecordingId]) -> None:
        """Delete announced rows that never became recordings."""
        before, _ = transition(Event.ABANDONED)
        self._db.run_many(
            "DELETE FROM recordings WHERE id = ? AND state = ?", [(recording, before.value) for recording in recordings]
        )

    def begin_erasure(self, recordings: Collection[RecordingId], erasure: str, event: Event) -> None:
        """Mark recordings as being erased, and delete what identifies a person from their rows."""
        before, after = transition(event)
        self._db.run_many(
            "UPDATE recordings SET state = ?, erasure = ?, caller = NULL, agent = NULL, content = NULL "
            "WHERE id = ? AND state = ?",
            [(after.value, erasure, recording, before.value) for recording in sorted(recordings)],
        )

    @reads_rows
    def being_erased(self, erasure: str) -> list[RecordingId]:
        """Recordings of an erasure whose objects may still exist."""
        rows = self._db.rows(
            f"SELECT id FROM recordings WHERE erasure = ? AND state = {_ERASING} ORDER BY id",  # noqa: S608 - our states
            (erasure,),
        )
        return [recording_id(row[0]) for row in rows]

    def finish_erasure(self, erasure: str) -> None:
        """Mark the recordings of an erasure as erased: their objects are deleted."""
        before, after = transition(Event.GONE)
        self._db.run(
            "UPDATE recordings SET state = ? WHERE erasure = ? AND state = ?", (after.value, erasure, before.value)
        )

    @reads_rows
    def by_erasure(self) -> Iterator[tuple[RecordingId, str | None]]:
        """Every recording that is erased, being erased or numbered by an erasure, with that number."""
        rows = self._db.rows(
            "SELECT id, erasure FROM recordings "  # noqa: S608 - our states
            f"WHERE state IN ({_ERASING}, {_ERASED}) OR erasure IS NOT NULL"
        )
        yield from ((recording_id(row[0]), None if row[1] is None else str(row[1])) for row in rows)

    @reads_rows
    def started_of_erasure(self, erasure: str) -> list[datetime]:
        """The start times of the recordings of an erasure."""
        rows = self._db.rows("SELECT started_at FROM recordings WHERE erasure = ?", (erasure,))
        return [from_micros(row[0]) for row in rows]

    def forget_erased(self, before: datetime) -> None:
        """Delete erased rows of calls from before *before*, which a late delivery can no longer match."""
        self._db.run(
            f"DELETE FROM recordings WHERE state = {_ERASED} AND started_at < ?",  # noqa: S608 - our states
            (to_micros(before),),
        )


class RecordingSearch(_Table):
    """Queries by id, source, subject, team or deadline."""

    @reads_rows
    def held_among(self, recordings: Collection[RecordingId]) -> Iterator[tuple[int, Recording]]:
        """The held ones of *recordings*, each with its row number."""
        for ids in portions(recordings):
            sql = f"SELECT number, {COLUMNS} FROM recordings WHERE id IN ({marks(ids)}) AND {_IS_HELD}"  # noqa: S608
            for number, *row in self._db.rows(sql, ids):
                yield number, from_row(tuple(row))

    @reads_rows
    def beginning_with(self, signs: str) -> list[tuple[RecordingId, str]]:
        """Id and team of held recordings whose ids begin with *signs* (hexadecimal, at most 32).

        A training copy is found only by the id of its first revision, which may be erased.
        """
        ends = ids_beginning(signs)
        sql = (
            f"SELECT id, team FROM recordings WHERE id BETWEEN ? AND ? AND length(id) = 16 AND {_IS_HELD} "  # noqa: S608
            "AND NOT EXISTS (SELECT 1 FROM copies WHERE recording = id AND first <> id) UNION "
            "SELECT c.first, r.team FROM copies c JOIN recordings r ON r.id = c.recording "
            f"WHERE c.first BETWEEN ? AND ? AND length(c.first) = 16 AND c.first <> c.recording AND r.{_IS_HELD}"
        )
        return [(recording_id(name), str(team)) for name, team in self._db.rows(sql, (*ends, *ends))]

    def of_sources(self, sources: Iterable[bytes]) -> list[Recording]:
        """Recordings of these source ids, erased ones included."""
        found = (self._where(f"source IN ({marks(tags)}) AND state <> {_ARRIVING}", tags) for tags in portions(sources))
        return [*chain.from_iterable(found)]

    @reads_rows
    def made_of(self, originals: Iterable[RecordingId]) -> Iterator[RecordingId]:
        """The ids of the copies of some recordings, in any state after intake."""
        for ids in portions(originals):
            sql = f"SELECT id FROM recordings WHERE parent IN ({marks(ids)})"  # noqa: S608 - marks
            yield from (recording_id(row[0]) for row in self._db.rows(sql, ids))

    def of_subject(self, subject: Subject) -> list[Recording]:
        """Held recordings of a caller, an employee or a call, with their copies.

        An employee is looked for in every row: a second or two for a million. A copy is found by its original's id,
        even after the original's row is gone.
        """
        if subject.caller:
            originals = self._where(f"{_OF_CALLER} AND {_IS_HELD}", (subject.caller,))
        elif subject.agent:
            originals = self._where(f"agent = ? AND {_IS_HELD}", (subject.agent,))
        else:
            values = (subject.recording or b"", subject.recording or b"", subject.source)
            originals = self._where(f"(id = ? OR parent = ? OR source = ?) AND {_IS_HELD}", values)
        return self._with_derived(originals)

    @reads_rows
    def of_withdrawn(self, end: int) -> list[tuple[int, Recording]]:
        """Held recordings whose caller or source an entry before number *end* withdrew, with the newest such entry.

        Calls that began after the instant of a withdrawal, and what clocks may differ, are none of its.
        """
        withdrawn = []
        for column, tagged in (("caller", f"{_OF_ANY_DAY} AND caller"), ("source", "source")):
            sql = "SELECT tag, seq, at FROM burials WHERE kind = ? AND seq < ? ORDER BY seq DESC"
            burials: dict[bytes, list[tuple[int, datetime]]] = {}
            for tag, seq, at in self._db.rows(sql, (column, end)):
                burials.setdefault(bytes(tag), []).append((int(seq), from_micros(at) + CLOCK_TOLERANCE))
            for tags in portions(burials):
                for row in self._where(f"{tagged} IN ({marks(tags)}) AND {_IS_HELD_UNINDEXED}", tags):
                    tag = row.caller if column == "caller" else row.source
                    newest = next((seq for seq, until in burials[tag or b""] if row.started_at < until), None)
                    if newest is not None:
                        withdrawn.append((newest, row))
        return withdrawn

    def of_teams(self, teams: frozenset[str] | None, since: int, before: int) -> list[Recording]:
        """Held recordings of some teams (None: all) that started in [since, before), in microseconds."""
        condition = f"{_IS_HELD} AND started_at >= ? AND started_at < ?"
        if teams is None:
            return self._where(condition, (since, before))
        return self._where(f"team IN ({marks(sorted(teams))}) AND {condition}", (*sorted(teams), since, before))

    def past_retention(self, now: datetime, latest: datetime) -> list[Recording]:
        """Held recordings that are past retention.

        Here and below, *latest* is the latest start that is due by the policy (`Policy.latest_due`).
        """
        return self._where(_IS_PAST_RETENTION, (to_micros(now), to_micros(latest)))

    def without_copy(self, now: datetime, latest: datetime) -> list[Recording]:
        """Held originals within retention and without a held training copy, by due time."""
        originals = self._where(
            f"{_IS_HELD} AND kind = ? AND due_at > ? AND started_at > ? AND NOT EXISTS "  # noqa: S608 - our states
            f"(SELECT 1 FROM recordings c WHERE c.parent = recordings.id AND c.state = {_HELD} AND c.kind = ?)",
            (int(Kind.ORIGINAL), to_micros(now), to_micros(latest), int(Kind.PSEUDONYMISED)),
        )
        return sorted(originals, key=lambda recording: (recording.latest_end, recording.id))

    @reads_rows
    def teams(self) -> list[str]:
        """The teams that recordings have or had, by name: each is one step in the index, however many there are."""
        rows = self._db.rows(
            "WITH RECURSIVE teams (team) AS (SELECT min(team) FROM recordings UNION ALL "
            "SELECT (SELECT min(team) FROM recordings WHERE team > teams.team) FROM teams WHERE team IS NOT NULL) "
            "SELECT team FROM teams WHERE team IS NOT NULL",
            (),
        )
        return [str(team) for (team,) in rows]

    @reads_rows
    def tallies(self, now: datetime, latest: datetime) -> list[Tally]:
        """The numbers of held recordings within retention, by team, kind and purposes."""
        rows = self._db.rows(
            f"SELECT team, kind, purposes, count(*) FROM recordings WHERE {_IS_HELD} AND due_at > ? "  # noqa: S608
            "AND started_at > ? GROUP BY team, kind, purposes",
            (to_micros(now), to_micros(latest)),
        )
        return [
            Tally(str(team), KINDS[kind], read_purposes(purposes), int(held)) for team, kind, purposes, held in rows
        ]

    @reads_rows
    def prompts_since(self, since: datetime) -> dict[str, datetime]:
        """The prompts of held calls that started from *since* on, each with its newest start."""
        rows = self._db.rows(
            f"SELECT prompt, max(started_at) FROM recordings WHERE {_IS_HELD} AND started_at >= ? "  # noqa: S608
            "GROUP BY prompt",
            (to_micros(since),),
        )
        return {str(prompt): from_micros(int(newest)) for prompt, newest in rows}

    def count_held(self) -> int:
        """The number of held recordings."""
        return self._count(_IS_HELD)

    def count_past_retention(self, instants: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """The number of held recordings past retention at each instant, with the latest start by the policy."""
        return self._counts(_IS_PAST_RETENTION, instants)

    def count_unfinished(self) -> int:
        """The number of recordings that are arriving or being erased."""
        return self._count(f"state IN ({_ARRIVING}, {_ERASING})")

    def _with_derived(self, originals: list[Recording]) -> list[Recording]:
        every = {recording.id: recording for recording in originals}
        for original in originals:
            for copy in self._where(f"parent = ? AND {_IS_HELD}", (original.id,)):
                every.setdefault(copy.id, copy)
        return list(every.values())


class Inventory(_Table):
    """Every recording of a store, in the order of rows or ids: for checks and backups."""

    def count_started(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        """The number of held recordings that started within each span, from its begin on and before its end."""
        return self._counts(f"{_IS_HELD} AND started_at >= ? AND started_at < ?", spans)

    @reads_rows
    def bytes_of_newest(self, since: datetime, most: int) -> list[int]:
        """The sizes of the newest held objects of calls from *since* on, in bytes."""
        rows = self._db.rows(
            f"SELECT object_bytes FROM recordings WHERE {_IS_HELD} AND started_at >= ? "  # noqa: S608
            "ORDER BY started_at DESC LIMIT ?",
            (to_micros(since), most),
        )
        return [int(size) for (size,) in rows if size is not None]

    @reads_rows
    def row_numbers(self) -> tuple[int, int]:
        """The smallest and the largest row number; a new row gets a larger one."""
        first, last = self._db.rows("SELECT min(number), max(number) FROM recordings")[0]
        return (int(first), int(last)) if last is not None else (1, 0)

    @reads_rows
    def held_rows(self, at_once: int) -> Iterator[tuple[int, RecordingId]]:
        """Every held recording with its row number, in the order of intake."""
        number = 0
        while True:
            rows = self._db.rows(
                f"SELECT number, id FROM recordings WHERE number > ? AND {_IS_HELD_UNINDEXED} "  # noqa: S608 - our states
                "ORDER BY number LIMIT ?",
                (number, at_once),
            )
            if not rows:
                return
            yield from ((int(number), recording_id(recording)) for number, recording in rows)
            number = rows[-1][0]

    @reads_rows
    def held_bytes(self) -> int:
        """The bytes of all held objects; reads every row."""
        held = "coalesce(sum(CAST(object_bytes AS DOUBLE PRECISION)), 0)"  # a sum of whole numbers may overflow
        rows = self._db.rows(f"SELECT {held} FROM recordings WHERE {_IS_HELD}")  # noqa: S608 - our states
        return int(rows[0][0])

    @reads_rows
    def not_held(self) -> dict[RecordingId, State]:
        """The recordings that are arriving, being erased or erased, with their states."""
        states = f"{_ARRIVING}, {_ERASING}, {_ERASED}"
        rows = self._db.rows(f"SELECT id, state FROM recordings WHERE state IN ({states})")  # noqa: S608 - our states
        return {recording_id(recording): State(state) for recording, state in rows}

    @reads_rows
    def ids(self, prefix: bytes) -> set[RecordingId]:
        """Every id that begins with *prefix*."""
        low, high = prefix.ljust(16, b"\0"), prefix.ljust(16, b"\xff")
        return {
            recording_id(row[0])
            for row in self._db.rows("SELECT id FROM recordings WHERE id BETWEEN ? AND ?", (low, high))
        }

    @reads_rows
    def held_objects(self, prefix: bytes) -> Iterator[tuple[RecordingId, Expected]]:
        """The held recordings whose id begins with *prefix*, by id, each with what its object must hold."""
        low, high = prefix.ljust(16, b"\0"), prefix.ljust(16, b"\xff")
        columns = "id, object_digest, object_bytes"
        sql = f"SELECT {columns} FROM recordings WHERE id BETWEEN ? AND ? AND {_IS_HELD} ORDER BY id"  # noqa: S608
        for recording, digest, length in self._db.rows(sql, (low, high)):
            yield recording_id(recording), Expected(bytes(digest or b""), int(length or 0))


class Agents:
    """The employees in held calls, by blind indexes without a name."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def last_calls(self) -> dict[bytes, RecordingId]:
        """The newest held call of each blind index; a million rows take a second or two."""
        rows = self._db.rows(
            "SELECT agent, id FROM recordings WHERE number IN (SELECT max(number) FROM recordings "  # noqa: S608
            f"WHERE {_IS_HELD_UNINDEXED} AND kind = ? AND agent IS NOT NULL GROUP BY agent)",
            (int(Kind.ORIGINAL),),
        )
        return {bytes(agent): recording_id(call) for agent, call in rows}

    @reads_rows
    def since(self, since: datetime) -> set[bytes]:
        """The blind indexes in held calls that started from *since* on."""
        rows = self._db.rows(
            f"SELECT DISTINCT agent FROM recordings WHERE {_IS_HELD} AND started_at >= ? "  # noqa: S608 - our state
            "AND kind = ? AND agent IS NOT NULL",
            (to_micros(since), int(Kind.ORIGINAL)),
        )
        return {bytes(agent) for (agent,) in rows}
