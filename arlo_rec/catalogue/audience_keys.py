"""The tables `commit_keys`, `audience_keys` and `audience_seals`: what the recordings of one commit open with.

A commit key is sealed to the officers; each audience key of the commit is wrapped under it and sealed to the grants
that were live then. `access.audience_keys` makes and opens them; nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from arlo_rec.backends import Row, marks, portions
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.decoding import reads_rows, recording_id
from arlo_rec.model.audiences import Audience
from arlo_rec.model.records import RecordingId

_COLUMNS = "k.id, k.commit_key, k.audience, k.team, k.wrapped"


class CommitKeyRow(NamedTuple):
    """A commit key, sealed to a subject-access key."""

    id: bytes
    access_key: bytes
    sealed: bytes


class AudienceKeyRow(NamedTuple):
    """An audience key, wrapped under its commit key; whom it is for counts only as far as it opens."""

    id: bytes
    commit_key: bytes
    audience: Audience
    team: str
    wrapped: bytes


class AudienceSeal(NamedTuple):
    """An audience key, sealed to the key pair of a grant."""

    audience_key: bytes
    grant_id: str
    pair: bytes
    sealed: bytes


class AudienceKeys:
    """Commit keys, audience keys and their seals. Changes need a transaction of the caller."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._db = connection

    def add_commit_key(self, row: CommitKeyRow) -> None:
        """Insert a commit key."""
        self._db.run(
            "INSERT INTO commit_keys (id, access_key, sealed) VALUES (?, ?, ?)", (row.id, row.access_key, row.sealed)
        )

    def add(self, row: AudienceKeyRow, seals: Iterable[AudienceSeal]) -> None:
        """Insert an audience key with its seals."""
        self._db.run(
            "INSERT INTO audience_keys (id, commit_key, audience, team, wrapped) VALUES (?, ?, ?, ?, ?)",
            (row.id, row.commit_key, row.audience.value, row.team, row.wrapped),
        )
        self._db.run_many(
            "INSERT INTO audience_seals (audience_key, grant_id, pair, sealed) VALUES (?, ?, ?, ?)",
            [(seal.audience_key, seal.grant_id, seal.pair, seal.sealed) for seal in seals],
        )

    @reads_rows
    def commit_keys(self, keys: Collection[bytes]) -> dict[bytes, CommitKeyRow]:
        """The commit keys of these ids."""
        found = {}
        for some in portions(set(keys)):
            sql = f"SELECT id, access_key, sealed FROM commit_keys WHERE id IN ({marks(some)})"  # noqa: S608 - marks
            for key, access_key, sealed in self._db.rows(sql, some):
                found[bytes(key)] = CommitKeyRow(bytes(key), bytes(access_key), bytes(sealed))
        return found

    @reads_rows
    def rows(self, keys: Collection[bytes]) -> dict[bytes, AudienceKeyRow]:
        """The audience keys of these ids."""
        found: dict[bytes, AudienceKeyRow] = {}
        for some in portions(set(keys)):
            sql = f"SELECT {_COLUMNS} FROM audience_keys k WHERE k.id IN ({marks(some)})"  # noqa: S608 - our columns
            found |= {bytes(row[0]): _audience_key(row) for row in self._db.rows(sql, some)}
        return found

    @reads_rows
    def of_commits(self, commit_keys: Collection[bytes]) -> list[AudienceKeyRow]:
        """The audience keys of some commits."""
        found: list[AudienceKeyRow] = []
        for some in portions(set(commit_keys)):
            sql = f"SELECT {_COLUMNS} FROM audience_keys k WHERE k.commit_key IN ({marks(some)})"  # noqa: S608
            found += [_audience_key(row) for row in self._db.rows(sql, some)]
        return found

    @reads_rows
    def seals(self, keys: Collection[bytes], grants: Collection[str]) -> list[AudienceSeal]:
        """The seals of these audience keys to these grants."""
        found = []
        for some in portions(set(keys)):
            rows = self._db.rows(
                "SELECT audience_key, grant_id, pair, sealed FROM audience_seals "  # noqa: S608 - marks
                f"WHERE audience_key IN ({marks(some)}) AND grant_id IN ({marks(list(grants))})",
                (*some, *grants),
            )
            found += [AudienceSeal(bytes(key), str(grant), bytes(pair), bytes(seal)) for key, grant, pair, seal in rows]
        return found

    # -- the history of a grant -----------------------------------------------------------------------

    @reads_rows
    def count_for(self, audiences: Collection[Audience], teams: Collection[str] | None, *, behind: int) -> int:
        """How many keys there are for some audiences and teams (None: all) behind that row number."""
        condition, values = _for(audiences, teams)
        sql = f"SELECT count(*) FROM audience_keys k WHERE k.rowid > ? AND {condition}"  # noqa: S608 - our conditions
        return int(self._db.rows(sql, (behind, *values))[0][0])

    @reads_rows
    def page_for(
        self, audiences: Collection[Audience], teams: Collection[str] | None, *, behind: int, at_most: int
    ) -> list[tuple[int, AudienceKeyRow]]:
        """Keys for some audiences and teams (None: all) in the order of intake, each with its row number."""
        condition, values = _for(audiences, teams)
        rows = self._db.rows(
            f"SELECT k.rowid, {_COLUMNS} FROM audience_keys k WHERE k.rowid > ? AND {condition} "  # noqa: S608
            "ORDER BY k.rowid LIMIT ?",
            (behind, *values, at_most),
        )
        return [(int(number), _audience_key(tuple(row))) for number, *row in rows]

    # -- the end --------------------------------------------------------------------------------------

    @reads_rows
    def remove(self, unused: Collection[bytes]) -> set[bytes]:
        """Delete keys that nothing is sealed under any more, given by id, and all that hangs from these commit keys.

        Gives the ids of the audience keys that went.
        """
        gone = set()
        for some in portions(set(unused)):
            those = f"FROM audience_keys WHERE id IN ({marks(some)}) OR commit_key IN ({marks(some)})"
            gone |= {bytes(row[0]) for row in self._db.rows(f"SELECT id {those}", (*some, *some))}
            self._db.run(f"DELETE {those}", (*some, *some))
            self._db.run(f"DELETE FROM commit_keys WHERE id IN ({marks(some)})", some)  # noqa: S608 - marks
        for some in portions(gone):
            self._db.run(f"DELETE FROM audience_seals WHERE audience_key IN ({marks(some)})", some)  # noqa: S608
        return gone


def _for(audiences: Collection[Audience], teams: Collection[str] | None) -> tuple[str, list[str]]:
    """An SQL condition and its values."""
    values = sorted(audience.value for audience in audiences)
    condition = f"k.audience IN ({marks(values)})"
    if teams is None:
        return condition, values
    return f"{condition} AND k.team IN ({marks(sorted(teams))})", [*values, *sorted(teams)]


def _audience_key(row: Row) -> AudienceKeyRow:
    key, commit_key, audience, team, wrapped = row
    return AudienceKeyRow(bytes(key), bytes(commit_key), Audience(audience), str(team), bytes(wrapped))


# -- metadata ----------------------------------------------------------------------------------------
# The table `metadata`: the metadata of each recording, sealed under its commit key, and under its audience key.
#
# What an audience key opens is for managers, what a commit key opens is for the officers alone.


class Metadata:
    """Sealed metadata by recording and key. Changes need a transaction of the caller."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._db = connection

    def add(self, recording: RecordingId, key: bytes, sealed: bytes) -> None:
        """Insert a recording's metadata, sealed under the audience key or the commit key of that id."""
        self._db.run("INSERT INTO metadata (recording, key, sealed) VALUES (?, ?, ?)", (recording, key, sealed))

    @reads_rows
    def of(self, recordings: Collection[RecordingId]) -> dict[RecordingId, dict[bytes, bytes]]:
        """The sealed metadata of recordings, by the id of its key."""
        found: dict[RecordingId, dict[bytes, bytes]] = {}
        for some in portions(recordings):
            sql = f"SELECT recording, key, sealed FROM metadata WHERE recording IN ({marks(some)})"  # noqa: S608
            for recording, key, sealed in self._db.rows(sql, some):
                found.setdefault(recording_id(recording), {})[bytes(key)] = bytes(sealed)
        return found

    @reads_rows
    def keys(self, recordings: Collection[RecordingId]) -> set[tuple[bytes, bytes]]:
        """Recording and id of the key of all metadata of *recordings*; the index is read, and no metadata."""
        found: set[tuple[bytes, bytes]] = set()
        for some in portions(recordings):
            sql = f"SELECT recording, key FROM metadata WHERE recording IN ({marks(some)})"  # noqa: S608 - marks
            found.update(self._db.rows(sql, some))
        return found

    @reads_rows
    def remove(self, recordings: Collection[RecordingId]) -> set[bytes]:
        """Delete the metadata of recordings, and give the ids of the keys under which none is left."""
        used: set[bytes] = set()
        for some in portions(recordings):
            going = f"FROM metadata WHERE recording IN ({marks(some)})"
            used |= {bytes(row[0]) for row in self._db.rows(f"SELECT DISTINCT key {going}", some)}
            self._db.run(f"DELETE {going}", some)
        left: set[bytes] = set()
        for keys in portions(used):
            sql = f"SELECT DISTINCT key FROM metadata WHERE key IN ({marks(keys)})"  # noqa: S608 - marks
            left |= {bytes(row[0]) for row in self._db.rows(sql, keys)}
        return used - left
