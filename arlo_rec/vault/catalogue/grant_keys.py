"""The tables `grant_seeds`, `grant_histories` and `audience_wraps`: key pairs of grants, and earlier keys wrapped for
them.

A holder is the fingerprint of a person's sealing key, or the id of a subject-access key. `access.grant_keys` makes
and opens the seeds, `access.grant_history` the wrapped keys; nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from arlo_rec.vault.backends import Connection, marks, portions
from arlo_rec.vault.catalogue.columns import reads_rows


class SealedSeed(NamedTuple):
    """The seed of a grant's key pair (by fingerprint), sealed to a holder."""

    grant_id: str
    pair: bytes
    holder: bytes
    sealed: bytes


class WrappedKey(NamedTuple):
    """An audience key from before a grant, wrapped for it under the pair of that fingerprint."""

    grant_id: str
    audience_key: bytes
    pair: bytes
    wrapped: bytes


class GrantKeys:
    """Seeds of grants, and the audience keys wrapped for them. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put_seed(self, seed: SealedSeed) -> None:
        """Insert or replace a sealed seed."""
        self._db.run(
            "INSERT INTO grant_seeds (grant_id, pair, holder, sealed) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (grant_id, pair, holder) DO UPDATE SET sealed = excluded.sealed",
            (seed.grant_id, seed.pair, seed.holder, seed.sealed),
        )

    @reads_rows
    def seeds(self, grant_id: str) -> list[SealedSeed]:
        """Every sealed seed of a grant."""
        rows = self._db.rows("SELECT grant_id, pair, holder, sealed FROM grant_seeds WHERE grant_id = ?", (grant_id,))
        return [SealedSeed(str(grant), bytes(pair), bytes(holder), bytes(seal)) for grant, pair, holder, seal in rows]

    @reads_rows
    def holders(self) -> set[tuple[str, bytes]]:
        """Every grant with each holder of a seed of it."""
        return {
            (str(grant), bytes(holder)) for grant, holder in self._db.rows("SELECT grant_id, holder FROM grant_seeds")
        }

    def keep_seeds(self, grant_id: str, holders: Collection[bytes]) -> None:
        """Delete a grant's seeds except those sealed to *holders*."""
        sql = f"DELETE FROM grant_seeds WHERE grant_id = ? AND holder NOT IN ({marks(list(holders))})"  # noqa: S608
        self._db.run(sql, (grant_id, *holders))

    @reads_rows
    def grants(self) -> set[str]:
        """The grants with a seed or a complete history."""
        rows = self._db.rows(
            "SELECT grant_id FROM grant_seeds UNION SELECT grant_id FROM grant_histories WHERE reached IS NULL"
        )
        return {str(row[0]) for row in rows}

    def remove_seeds(self, grants: Collection[str]) -> None:
        """Delete the seeds of grants; their histories become unfinished, and `sweep` deletes them."""
        ids = [(grant,) for grant in sorted(grants)]
        self._db.run_many("DELETE FROM grant_seeds WHERE grant_id = ?", ids)
        self._db.run_many("UPDATE grant_histories SET reached = 0 WHERE grant_id = ?", ids)

    def begin_history(self, grant_id: str) -> None:
        """Note that the keys from before a grant are to be wrapped for it, from the first."""
        self._db.run(
            "INSERT INTO grant_histories (grant_id, reached) VALUES (?, 0) "
            "ON CONFLICT (grant_id) DO UPDATE SET reached = excluded.reached",
            (grant_id,),
        )

    @reads_rows
    def reached(self, grant_id: str) -> int | None:
        """The row number up to which keys are wrapped; None if complete, or without a history."""
        rows = self._db.rows("SELECT reached FROM grant_histories WHERE grant_id = ?", (grant_id,))
        return None if not rows or rows[0][0] is None else int(rows[0][0])

    def reach(self, grant_id: str, number: int | None) -> None:
        """Note how far the keys are wrapped; None: to the end."""
        self._db.run("UPDATE grant_histories SET reached = ? WHERE grant_id = ?", (number, grant_id))

    @reads_rows
    def unfinished(self) -> list[str]:
        """The grants whose history is incomplete, or is to be deleted."""
        return [str(row[0]) for row in self._db.rows("SELECT grant_id FROM grant_histories WHERE reached IS NOT NULL")]

    def sweep(self, grant_id: str, at_most: int) -> bool:
        """Delete up to *at_most* keys wrapped for a grant, then its history; True once nothing is left."""
        swept = self._db.changed(
            "DELETE FROM audience_wraps WHERE grant_id = ? AND audience_key IN "
            "(SELECT audience_key FROM audience_wraps WHERE grant_id = ? LIMIT ?)",
            (grant_id, grant_id, at_most),
        )
        if swept == at_most:
            return False
        self._db.run("DELETE FROM grant_histories WHERE grant_id = ?", (grant_id,))
        return True

    def add_wrapped(self, keys: Iterable[WrappedKey]) -> None:
        """Insert or replace wrapped keys, for existing audience keys only."""
        self._db.run_many(
            "INSERT INTO audience_wraps (grant_id, audience_key, pair, wrapped) "
            "SELECT ?, id, ?, ? FROM audience_keys WHERE id = ? "
            "ON CONFLICT (grant_id, audience_key) DO UPDATE SET pair = excluded.pair, wrapped = excluded.wrapped",
            [(key.grant_id, key.pair, key.wrapped, key.audience_key) for key in keys],
        )

    @reads_rows
    def wrapped(self, keys: Collection[bytes], grants: Collection[str]) -> list[WrappedKey]:
        """The audience keys of these ids, as wrapped for these grants."""
        wraps = []
        for ids in portions(set(keys)):
            rows = self._db.rows(
                "SELECT grant_id, audience_key, pair, wrapped FROM audience_wraps "  # noqa: S608 - marks
                f"WHERE grant_id IN ({marks(list(grants))}) AND audience_key IN ({marks(ids)})",
                (*grants, *ids),
            )
            wraps += [WrappedKey(str(grant), bytes(key), bytes(pair), bytes(wrap)) for grant, key, pair, wrap in rows]
        return wraps

    @reads_rows
    def forget_keys(self, keys: Collection[bytes]) -> None:
        """Delete what is wrapped of deleted audience keys, for any grant."""
        if not keys:
            return
        grants = [row[0] for row in self._db.rows("SELECT grant_id FROM grant_histories")]
        if not grants:
            return
        for ids in portions(keys):
            self._db.run(
                f"DELETE FROM audience_wraps WHERE grant_id IN ({marks(grants)}) "  # noqa: S608 - marks
                f"AND audience_key IN ({marks(ids)})",
                (*grants, *ids),
            )
