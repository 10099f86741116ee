"""A copy of a catalogue in another engine, row by row, and the sums by which the two are compared.

The sums that an engine keeps are over its own texts of rows. These are over values, and the same in every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple

import msgspec

from arlo_rec.law.model.errors import Integrity
from arlo_rec.vault.backends import Connection, Row
from arlo_rec.vault.catalogue.columns import reads_rows
from arlo_rec.vault.catalogue.schema import SUMMED, migrate
from arlo_rec.vault.crypto.primitives import hasher

TABLES: Final = (*SUMMED, "entries")  # of a catalogue but its sums, in an order in which no row refers to a later one


class Sum(NamedTuple):
    """The number of rows of a table, and BLAKE3 over them in the order of their key."""

    rows: int
    digest: bytes


def copy(source: Connection, target: Connection, told: Callable[[int], None] = lambda _rows: None) -> dict[str, Sum]:
    """Make the tables of *target*, fill them, and give the sums of what was read, by table.

    Inside `reading` of the source. In the caller's `writing` of the target, or each portion in one of its own, after
    which *told* gets the number of its rows.
    """
    migrate(target)  # a source before its upgrade lacks what newer steps make
    return {table: _sum(_filled(source, target, table, told)) for table in TABLES if source.schema.columns(table)}


def _filled(source: Connection, target: Connection, table: str, told: Callable[[int], None]) -> Iterator[list[Row]]:
    def change() -> AbstractContextManager[None]:
        return target.writing() if target.snapshots % 2 == 0 else nullcontext()

    with change():
        target.run(f"DELETE FROM {table}")  # noqa: S608 - what the making of the tables wrote
    columns = source.schema.columns(table)
    for rows in source.schema.portions(table):
        with change():
            target.schema.fill(table, columns, rows)
        told(len(rows))
        yield rows


def demand_same(connection: Connection, read: dict[str, Sum]) -> None:
    """Raise Integrity unless the tables have the rows that were *read* from another catalogue."""
    with connection.reading():
        for table, expected in read.items():
            if _sum(connection.schema.portions(table)) != expected:
                raise Integrity("catalogue_damaged", table=table)


def demand_unchanged(connection: Connection) -> None:
    """Raise Integrity if the rows of a table are not those of which the engine keeps the sum."""
    for table in SUMMED:
        if not connection.sum_matches(table):
            raise Integrity("catalogue_damaged", table=table)


@reads_rows
def count(connection: Connection) -> int:
    """The number of all rows. May take seconds."""
    return sum(connection.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES)  # noqa: S608 - ours


def _sum(portions: Iterable[list[Row]]) -> Sum:
    encode, digest, rows = msgspec.msgpack.Encoder().encode, hasher(), 0
    for portion in portions:
        digest.update(b"".join(map(encode, portion)))
        rows += len(portion)
    return Sum(rows, digest.digest())
