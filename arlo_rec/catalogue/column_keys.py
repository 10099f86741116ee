"""The key of the columns that say nothing to a reader of the rows; it comes from the seed of the catalogue.

A re-keying gives the file its new key first, and the columns theirs in the transaction that hands the log over. So the
newest key of the log tells whose the columns are, wherever a crash came.
"""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.catalogue.entry_index import EntryKind, tag_of
from arlo_rec.crypto import merkle
from arlo_rec.crypto.primitives import ColumnKey
from arlo_rec.keys.key_files import catalogue_key, log_key


@reads_rows
def choose(connection: SqliteConnection, seeds: Sequence[bytes]) -> None:
    """Read the columns with the key of the seed whose log key is the newest; there are two only during a re-keying."""
    for (vkey,) in connection.rows("SELECT vkey FROM log_keys ORDER BY number DESC LIMIT 1"):
        _, public = merkle.parse_vkey(vkey)
        for seed in seeds:
            if log_key(seed).public == public:
                connection.columns = ColumnKey(catalogue_key(seed))


def move(connection: SqliteConnection, seed: bytes) -> None:
    """Write the columns anew under the key of another seed, inside a transaction of the caller."""
    before, after = connection.columns, ColumnKey(catalogue_key(seed))
    for kind in EntryKind:
        connection.run("UPDATE entries SET kind = ? WHERE kind = ?", (tag_of(kind, after), tag_of(kind, before)))
    connection.columns = after
