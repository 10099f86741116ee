"""The engines that keep a catalogue, each of which one suite holds to the promises of `Connection`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from arlo_rec.vault.backends import Connection, Schema
from arlo_rec.vault.backends.sqlite import SqliteConnection

KEY = b"k" * 32


class Engine(Protocol):
    """One catalogue in an engine; it can be handed to another process."""

    def connect(self, key: bytes = KEY) -> Connection:
        """One more connection to it."""


class SqliteEngine(NamedTuple):
    """One file."""

    path: Path

    def connect(self, key: bytes = KEY) -> Connection:
        return SqliteConnection(self.path, key)


def first_tables(schema: Schema) -> None:
    """A table with a sum, one without, and a first row."""
    schema.carry_out(
        "CREATE TABLE sums (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
        "CREATE TABLE t (number INTEGER PRIMARY KEY, word TEXT, raw BLOB) STRICT;"
        "CREATE TABLE counter (n INTEGER NOT NULL) STRICT;"
        "INSERT INTO counter VALUES (0);"
    )
    schema.set_figures([("t", "", "1000 1")])
    schema.keep_sum("t")
