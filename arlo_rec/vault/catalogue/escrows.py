"""The table `escrows`: the newest backup of each escrow.

Only the signed settings say where escrows and backups lie (`keys.settings`): a row names no place to write to, and one
that does not open is none.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from arlo_rec.law.model.records import EPOCH, from_micros, to_micros
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.catalogue.columns import SealedColumn, reads_rows

_NEVER = -1  # in `changes`: no backup is up to date


class EscrowRow(NamedTuple):
    """An escrow of this store, and the newest backup that it opens."""

    escrow: Path
    folder: Path  # of the backup
    number: int  # of the newest backup; 0 before the first
    changes: int  # `meta.changes` at the newest backup
    at: datetime

    @classmethod
    def never(cls, escrow: Path, folder: Path) -> EscrowRow:
        """An escrow without a backup in the catalogue."""
        return cls(escrow, folder, 0, _NEVER, EPOCH)


class Escrows:
    """The escrows of a store, which are few. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._paths = SealedColumn(connection, "escrows", "path")
        self._folders = SealedColumn(connection, "escrows", "folder")

    def every(self) -> list[EscrowRow]:
        """Every escrow, by path."""
        return sorted(self._by_id().values())

    def register(self, escrow: Path, folder: Path) -> None:
        """Insert an escrow, or change its backup folder; either way no backup is up to date."""
        known = {row.escrow: row for row in self.every()}.get(escrow, EscrowRow.never(escrow, folder))
        self._put(known._replace(folder=folder, changes=_NEVER))

    def forget(self, escrow: Path) -> None:
        """Delete an escrow."""
        self._db.run_many("DELETE FROM escrows WHERE id = ?", [(each,) for each in self._ids(escrow)])

    def restored_from(self, escrow: Path, folder: Path, number: int, at: datetime) -> None:
        """Insert the escrow that this store was restored with; its newest backup is not up to date."""
        self._put(EscrowRow(escrow, folder, number, _NEVER, at))

    def enter(self, escrow: Path, number: int, changes: int, at: datetime) -> None:
        """Set the newest backup of an escrow: its number, the store's `changes` then, and its time."""
        sql = "UPDATE escrows SET number = ?, changes = ?, at = ? WHERE id = ?"
        self._db.run_many(sql, [(number, changes, to_micros(at), each) for each in self._ids(escrow)])

    def _put(self, row: EscrowRow) -> None:
        known = self._by_id()
        key = next((each for each, other in known.items() if other.escrow == row.escrow), max(known, default=0) + 1)
        path, folder = (os.fsencode(each) for each in (row.escrow, row.folder))
        self._db.run(
            "INSERT INTO escrows (id, path, folder, number, changes, at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET path = excluded.path, folder = excluded.folder, number = excluded.number, "
            "changes = excluded.changes, at = excluded.at",
            (
                *(key, self._paths.seal(key, path), self._folders.seal(key, folder)),
                *(row.number, row.changes, to_micros(row.at)),
            ),
        )

    def _ids(self, escrow: Path) -> list[int]:
        return [each for each, row in self._by_id().items() if row.escrow == escrow]

    @reads_rows
    def _by_id(self) -> dict[int, EscrowRow]:
        rows = self._db.rows("SELECT id, path, folder, number, changes, at FROM escrows ORDER BY id")
        named = ((self._named(key, path, folder), key, rest) for key, path, folder, *rest in rows)
        return {
            int(key): EscrowRow(*places, int(number), int(changes), from_micros(at))
            for places, key, (number, changes, at) in named
            if places is not None
        }

    def _named(self, key: int, path: bytes, folder: bytes) -> tuple[Path, Path] | None:
        with suppress(ValueError):
            escrow, backup = self._paths.open(key, path), self._folders.open(key, folder)
            return Path(os.fsdecode(escrow)), Path(os.fsdecode(backup))
        return None
