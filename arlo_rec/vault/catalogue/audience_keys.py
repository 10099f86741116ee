"""The tables `commit_keys`, `audience_keys`, `audience_seals` and `metadata`: keys of one commit, and sealed metadata.

A commit key is sealed to the officers; each audience key of the commit is wrapped under it, and sealed to the grants
that were live then. Metadata under an audience key is for managers, under a commit key for officers alone.
`access.audience_keys` makes and opens keys; nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from arlo_rec.law.model.records import Audience, RecordingId
from arlo_rec.vault.backends import Connection, Row, marks, portions
from arlo_rec.vault.catalogue.columns import reads_rows, recording_id

_COLUMNS = "k.id, k.commit_key, k.audience, k.team, k.wrapped"


class CommitKeyRow(NamedTuple):
    """A commit key, sealed to a subject-access key."""

    id: bytes
    access_key: bytes
    sealed: bytes


class AudienceKeyRow(NamedTuple):
    """An audience key, wrapped under its commit key; its audience is unverified until it opens."""

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

    def __init__(self, connection: Connection) -> None:
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
        commit_rows = {}
        for ids in portions(set(keys)):
            sql = f"SELECT id, access_key, sealed FROM commit_keys WHERE id IN ({marks(ids)})"  # noqa: S608 - marks
            for key, access_key, sealed in self._db.rows(sql, ids):
                commit_rows[bytes(key)] = CommitKeyRow(bytes(key), bytes(access_key), bytes(sealed))
        return commit_rows

    @reads_rows
    def rows(self, keys: Collection[bytes]) -> dict[bytes, AudienceKeyRow]:
        """The audience keys of these ids."""
        key_rows: dict[bytes, AudienceKeyRow] = {}
        for ids in portions(set(keys)):
            sql = f"SELECT {_COLUMNS} FROM audience_keys k WHERE k.id IN ({marks(ids)})"  # noqa: S608 - our columns
            key_rows |= {bytes(row[0]): _audience_key(row) for row in self._db.rows(sql, ids)}
        return key_rows

    @reads_rows
    def of_commits(self, commit_keys: Collection[bytes]) -> list[AudienceKeyRow]:
        """The audience keys of some commits."""
        key_rows: list[AudienceKeyRow] = []
        for ids in portions(set(commit_keys)):
            sql = f"SELECT {_COLUMNS} FROM audience_keys k WHERE k.commit_key IN ({marks(ids)})"  # noqa: S608
            key_rows += [_audience_key(row) for row in self._db.rows(sql, ids)]
        return key_rows

    @reads_rows
    def seals(self, keys: Collection[bytes], grants: Collection[str]) -> list[AudienceSeal]:
        """The seals of these audience keys to these grants."""
        seals = []
        for ids in portions(set(keys)):
            rows = self._db.rows(
                "SELECT audience_key, grant_id, pair, sealed FROM audience_seals "  # noqa: S608 - marks
                f"WHERE audience_key IN ({marks(ids)}) AND grant_id IN ({marks(list(grants))})",
                (*ids, *grants),
            )
            seals += [AudienceSeal(bytes(key), str(grant), bytes(pair), bytes(seal)) for key, grant, pair, seal in rows]
        return seals

    @reads_rows
    def count_for(self, audiences: Collection[Audience], teams: Collection[str] | None, *, behind: int) -> int:
        """The number of keys for some audiences and teams (None: all) behind a row number."""
        condition, values = _for(audiences, teams)
        sql = f"SELECT count(*) FROM audience_keys k WHERE k.number > ? AND {condition}"  # noqa: S608 - our conditions
        return int(self._db.rows(sql, (behind, *values))[0][0])

    @reads_rows
    def page_for(
        self, audiences: Collection[Audience], teams: Collection[str] | None, *, behind: int, at_most: int
    ) -> list[tuple[int, AudienceKeyRow]]:
        """Keys for some audiences and teams (None: all) in the order of intake, each with its row number."""
        condition, values = _for(audiences, teams)
        rows = self._db.rows(
            f"SELECT k.number, {_COLUMNS} FROM audience_keys k WHERE k.number > ? AND {condition} "  # noqa: S608
            "ORDER BY k.number LIMIT ?",
            (behind, *values, at_most),
        )
        return [(int(number), _audience_key(tuple(row))) for number, *row in rows]

    @reads_rows
    def remove(self, unused: Collection[bytes]) -> set[bytes]:
        """Delete unused keys by id, and everything below the commit keys among them.

        Returns the ids of the deleted audience keys.
        """
        gone = set()
        for ids in portions(set(unused)):
            selected = f"FROM audience_keys WHERE id IN ({marks(ids)}) OR commit_key IN ({marks(ids)})"
            gone |= {bytes(row[0]) for row in self._db.rows(f"SELECT id {selected}", (*ids, *ids))}
            self._db.run(f"DELETE {selected}", (*ids, *ids))
            self._db.run(f"DELETE FROM commit_keys WHERE id IN ({marks(ids)})", ids)  # noqa: S608 - marks
        for ids in portions(gone):
            self._db.run(f"DELETE FROM audience_seals WHERE audience_key IN ({marks(ids)})", ids)  # noqa: S608
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


class Metadata:
    """Sealed metadata by recording and key. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, recording: RecordingId, key: bytes, sealed: bytes) -> None:
        """Insert a recording's metadata, sealed under the audience key or the commit key of that id."""
        self._db.run("INSERT INTO metadata (recording, key, sealed) VALUES (?, ?, ?)", (recording, key, sealed))

    @reads_rows
    def of(self, recordings: Collection[RecordingId]) -> dict[RecordingId, dict[bytes, bytes]]:
        """The sealed metadata of recordings, by the id of its key."""
        sealed_metadata: dict[RecordingId, dict[bytes, bytes]] = {}
        for ids in portions(recordings):
            sql = f"SELECT recording, key, sealed FROM metadata WHERE recording IN ({marks(ids)})"  # noqa: S608
            for recording, key, sealed in self._db.rows(sql, ids):
                sealed_metadata.setdefault(recording_id(recording), {})[bytes(key)] = bytes(sealed)
        return sealed_metadata

    @reads_rows
    def keys(self, recordings: Collection[RecordingId]) -> set[tuple[bytes, bytes]]:
        """Recording and key id of all metadata of *recordings*, from the index alone."""
        pairs: set[tuple[bytes, bytes]] = set()
        for ids in portions(recordings):
            sql = f"SELECT recording, key FROM metadata WHERE recording IN ({marks(ids)})"  # noqa: S608 - marks
            pairs.update(self._db.rows(sql, ids))
        return pairs

    @reads_rows
    def remove(self, recordings: Collection[RecordingId]) -> set[bytes]:
        """Delete the metadata of recordings; return the ids of the keys under which none is left."""
        used: set[bytes] = set()
        for ids in portions(recordings):
            going = f"FROM metadata WHERE recording IN ({marks(ids)})"
            used |= {bytes(row[0]) for row in self._db.rows(f"SELECT DISTINCT key {going}", ids)}
            self._db.run(f"DELETE {going}", ids)
        left: set[bytes] = set()
        for keys in portions(used):
            sql = f"SELECT DISTINCT key FROM metadata WHERE key IN ({marks(keys)})"  # noqa: S608 - marks
            left |= {bytes(row[0]) for row in self._db.rows(sql, keys)}
        return used - left
