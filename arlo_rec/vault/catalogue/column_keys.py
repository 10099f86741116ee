"""The key of sealed columns and tags, which comes from the seed of the catalogue and changes with it.

A re-keying gives the file its new key first, and the columns theirs in the transaction that hands the log over. So the
newest key of the log tells whose the columns are, wherever a crash came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from arlo_rec.vault.backends import Connection, Row
from arlo_rec.vault.catalogue.columns import SEALED, encoded, place, reads_rows
from arlo_rec.vault.catalogue.entry_index import EntryKind, tag_of
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import ColumnKey, Sealed
from arlo_rec.vault.keys.key_files import catalogue_key, log_key

_AT_ONCE = 5000  # rows: some MB


@reads_rows
def choose(connection: Connection, seeds: Sequence[bytes]) -> None:
    """Read the columns with the key of the seed whose log key is the newest; there are two only during a re-keying."""
    for (vkey,) in connection.rows("SELECT vkey FROM log_keys ORDER BY number DESC LIMIT 1"):
        _, public = merkle.parse_vkey(vkey)
        for seed in seeds:
            if log_key(seed).public == public:
                connection.columns = ColumnKey(catalogue_key(seed))


def move(connection: Connection, seed: bytes) -> None:
    """Write the columns anew under the key of another seed, inside a transaction of the caller.

    A value that does not open stays as it is, and `verify` reports it. Each row is written once.
    """
    before, after = connection.columns, ColumnKey(catalogue_key(seed))
    for table, (key, *columns) in SEALED.items():
        places = [place(table, column) for column in columns]
        sql = f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE {key} = ?"  # noqa: S608
        for rows in _batches(connection, table, key, columns):
            anew = [
                [_again(value, at + encoded(row), before, after) for value, at in zip(values, places, strict=True)]
                for row, *values in rows
            ]
            connection.run_many(sql, [(*values, row[0]) for values, row in zip(anew, rows, strict=True)])
    for kind in EntryKind:
        connection.run("UPDATE entries SET kind = ? WHERE kind = ?", (tag_of(kind, after), tag_of(kind, before)))
    connection.columns = after


@reads_rows
def _batches(connection: Connection, table: str, key: str, columns: Sequence[str]) -> Iterator[list[Row]]:
    select = f"SELECT {key}, {', '.join(columns)} FROM {table} WHERE {columns[0]} IS NOT NULL"  # noqa: S608 - ours
    behind, values = "", tuple[Any, ...]()
    while rows := connection.rows(f"{select} {behind} ORDER BY {key} LIMIT ?", (*values, _AT_ONCE)):
        yield rows
        behind, values = f"AND {key} > ?", (rows[-1][0],)


def _again(value: bytes | None, at: bytes, before: ColumnKey, after: ColumnKey) -> bytes | None:
    if value is not None:
        with suppress(Sealed):
            return after.seal(before.open(value, at), at)
    return value
