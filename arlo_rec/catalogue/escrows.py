"""The table `escrows`: the newest backup of each escrow.

Only the signed settings say where escrows and backups lie (`keys.settings`): a row names no place to write to.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.model.records import EPOCH, from_micros, to_micros

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
    """The escrows of a store. Changes need a transaction of the caller."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._db = connection

    @reads_rows
    def every(self) -> list[EscrowRow]:
        """Every escrow, by path."""
        rows = self._db.rows("SELECT path, folder, number, changes, at FROM escrows ORDER BY path")
        return [
            EscrowRow(Path(path), Path(folder), int(number), int(changes), from_micros(at))
            for path, folder, number, changes, at in rows
        ]

    def register(self, escrow: Path, folder: Path) -> None:
        """Insert an escrow, or change its backup folder; either way no backup is up to date."""
        self._db.run(
            "INSERT INTO escrows (path, folder, number, changes, at) VALUES (?, ?, 0, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET folder = excluded.folder, changes = excluded.changes",
            (str(escrow), str(folder), _NEVER, to_micros(EPOCH)),
        )

    def forget(self, escrow: Path) -> None:
        """Delete an escrow."""
        self._db.run("DELETE FROM escrows WHERE path = ?", (str(escrow),))

    def restored_from(self, escrow: Path, folder: Path, number: int, at: datetime) -> None:
        """Insert the escrow that this store was restored with; its newest backup is not up to date."""
        self._db.run(
            "INSERT INTO escrows (path, folder, number, changes, at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET folder = excluded.folder, number = excluded.number, "
            "changes = excluded.changes, at = excluded.at",
            (str(escrow), str(folder), number, _NEVER, to_micros(at)),
        )

    def enter(self, escrow: Path, number: int, changes: int, at: datetime) -> None:
        """Set the newest backup of an escrow: its number, the store's `changes` then, and its time."""
        self._db.run(
            "UPDATE escrows SET number = ?, changes = ?, at = ? WHERE path = ?",
            (number, changes, to_micros(at), str(escrow)),
        )
