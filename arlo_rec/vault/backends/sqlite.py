"""The catalogue as one SQLCipher file. Only this module imports sqlcipher3, and sqlite-utils for the schema.

Measured choices: a raw key opens in 0.1 ms where a passphrase takes 133 ms; synchronous=FULL because NORMAL
lost acknowledged erasures; BEGIN IMMEDIATE because deferred transactions lost updates of parallel writers.

For most tables `sums` keeps a sum over all rows: triggers pass every row that is added or deleted, as text, to `tally`,
and the transaction writes the new sums before it commits. A row that is deleted, changed or restored from an older page
of the file breaks its table's sum, which `verify` compares. The sum is a multiset hash: the hashes of rows added modulo
2^256 (Clarke et al., "Incremental Multiset Hash Functions and Their Application to Memory Integrity Checking",
ASIACRYPT 2003).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from enum import IntEnum
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from arlo_rec.law.model.errors import Integrity, InUse, NotUnlocked, Unreachable
from arlo_rec.vault.backends import AT_ONCE, Connection, Recalling, Row, Schema, in_order, marks, mounts
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.files import is_full, until
from arlo_rec.vault.backends.holders import STILL_FOR_ERASURE, Every, Kind, Watch
from arlo_rec.vault.crypto.primitives import ColumnKey

BUSY_MS = 30_000  # milliseconds to wait for another writer
POLL_MS = 200  # milliseconds between looks at who is in the way
CHECK_KIB = 96 * 1024  # of the cache while the file is checked: a third of it takes half as long again
_SETTINGS = (
    "cipher_compatibility=4",
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # so that a row that INSERT OR REPLACE deletes is subtracted from the sum
    "temp_store=MEMORY",
    "cache_size=-32768",
    f"busy_timeout={BUSY_MS}",
)
_READING = tuple(each for each in _SETTINGS if not each.startswith(("journal_mode", "secure_delete")))


@contextmanager
def _translated(path: Path | None) -> Iterator[None]:
    """Turn the engine's errors into ArloErrors; a full disk can show as an I/O error."""
    try:
        yield
    except dbapi2.DatabaseError as error:
        said = str(error)
        if "file is not a database" in said or "hmac check failed" in said:
            raise NotUnlocked("wrong_catalogue_key") from None
        if "locked" in said or "busy" in said:
            raise InUse("in_use") from None
        if "full" in said or ("disk I/O" in said and path and is_full(path.parent)):
            raise Unreachable("no_space", **({"path": str(path)} if path else {})) from None
        if "readonly" in said or "unable to open" in said:
            if path and mounts.is_read_only(path):
                raise Unreachable("read_only_disk", path=str(path)) from None
            raise Unreachable("catalogue_unwritable", reason=said) from None
        if "malformed" in said or "decode to UTF-8" in said:  # a page, or a text in a row
            raise Integrity("catalogue_damaged") from None
        if isinstance(error, dbapi2.IntegrityError):  # a row of an older page beside the rest
            raise Integrity("catalogue_damaged") from None
        if isinstance(error, dbapi2.ProgrammingError | dbapi2.NotSupportedError):
            raise
        raise Unreachable("catalogue_failed", reason=said) from None


class _Lock(IntEnum):
    """The locks of the journal: each begins before this byte of its shared memory (sqlite.org/walformat.html)."""

    WRITER = 121
    READERS = 128  # at 128 itself each open connection has one


class SqliteConnection(Recalling):
    """One open SQLCipher file; see Connection for the promises."""

    def __init__(self, path: Path | None, key: bytes, *, reads_only: bool = False, still: float | None = None) -> None:
        """Open *path* (None: in memory) with the raw *key*; raises NotUnlocked for a wrong key.

        *reads_only*: the disk cannot be written. What lies in the journal of the file is read from a copy of both.
        For *still* see `files.lock_handle`.
        """
        self._still = STILL_FOR_ERASURE if still is None else still
        self._path, self._key, self.reads_only = path, key, reads_only
        self.columns = ColumnKey(key)  # after `rekey` still of the old key, until `catalogue.column_keys` moves them
        self._copied: tempfile.TemporaryDirectory[str] | None = None
        self._sums: dict[str, int] = defaultdict(int)
        self.snapshots = 0
        self.schema: Schema = SqliteSchema(self)
        self.open()

    def open(self) -> None:
        """Open it again, in a process that was forked inside `closed`."""
        path = self._path
        with _translated(path):
            name = self._address() if self.reads_only else str(path) if path else ":memory:"
            self._db = dbapi2.connect(name, isolation_level=None, check_same_thread=False, uri=self.reads_only)
            self._db.set_key(_raw(self._key))
            self._db.create_function("tally", 3, self._tally)
            self._db.create_function("summed", 2, self._summed)
            self._db.execute("PRAGMA cipher_log=off").fetchall()
            try:
                for setting in _READING if self.reads_only else _SETTINGS:
                    self._db.execute(f"PRAGMA {setting}").fetchall()
                self._db.execute("SELECT count(*) FROM sqlite_master").fetchall()
            except dbapi2.DatabaseError:
                self._db.close()
                raise

    def _address(self) -> str:
        """The address of a file that cannot be written, or of a copy with its journal; raises Unreachable."""
        assert self._path is not None
        journal = self._path.with_name(f"{self._path.name}-wal")
        if self._copied is None and journal.exists() and journal.stat().st_size:
            self._copied = tempfile.TemporaryDirectory(prefix="arlo-rec-")  # encrypted, as what is copied
            with disk():
                for file in (self._path, journal):
                    shutil.copyfile(file, Path(self._copied.name) / file.name)
        if self._copied is not None:
            return (Path(self._copied.name) / self._path.name).as_uri()
        return f"{self._path.as_uri()}?mode=ro&immutable=1"

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Row]:
        with _translated(self._path):
            return self._db.execute(sql, values).fetchall()  # type: ignore[no-any-return]

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Execute a statement inside `writing`."""
        self.changed(sql, values)

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute a statement once per row of values, inside `writing`."""
        if not self._db.in_transaction:
            raise RuntimeError("a change outside a transaction")
        with _translated(self._path):
            self._db.executemany(sql, values)

    def changed(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement inside `writing`; the number of rows that it changed."""
        if not self._db.in_transaction:
            raise RuntimeError("a change outside a transaction")
        with _translated(self._path):
            return int(self._db.execute(sql, values).rowcount)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read one consistent snapshot of the database inside the block."""
        with _translated(self._path):
            self._db.execute("BEGIN")
        with self._transaction(self._end_view):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open the only write transaction: durable when the block ends, rolled back when it raises."""
        self._until(self._is_begun, BUSY_MS / 1000, _Lock.WRITER)
        self._answers = None
        with self._transaction(self._end_change):
            yield

    @contextmanager
    def _transaction(self, end: Callable[[], None]) -> Iterator[None]:
        self.snapshots += 1
        try:
            yield
            end()
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self.snapshots += 1
            self._sums.clear()

    def _end_view(self) -> None:
        with _translated(self._path):
            self._db.execute("COMMIT")

    def _end_change(self) -> None:
        self._write_sums()
        self._commit()

    def _tally(self, table: str, sign: int, row: str) -> None:
        """Add (1) or subtract (-1) a row: the SQL function that the triggers call."""
        self._sums[table] += sign * int.from_bytes(hashlib.blake2b(row.encode("utf-8"), digest_size=32).digest())

    def _summed(self, table: str, before: bytes) -> bytes:
        """A table's sum after this transaction: the SQL function with which it writes the sums."""
        return ((int.from_bytes(before) + self._sums.pop(table, 0)) % 2**256).to_bytes(32)

    def _write_sums(self) -> None:
        if self._sums:
            names = sorted(self._sums)
            self.run(f"UPDATE sums SET value = summed(name, value) WHERE name IN ({marks(names)})", names)  # noqa: S608

    def sums(self) -> dict[str, bytes]:
        """The sum over all rows of each table that has one, with the changes of this transaction."""
        self._write_sums()
        sums = {str(name): bytes(value) for name, value in self.rows("SELECT name, value FROM sums ORDER BY name")}
        if not all(name.isascii() for name in sums):
            raise Integrity("catalogue_damaged", table="sums")
        return sums

    def sum_matches(self, table: str) -> bool:
        """Whether the sum over all rows of a table, computed again, equals the stored sum. May take long.

        The sum is computed with the expression of the insert trigger.
        """
        with nullcontext() if self._db.in_transaction else self.reading():
            trigger = self.rows(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (f"{table}_comes",)
            )
            if not trigger:
                return False
            words = str(trigger[0][0]).split("BEGIN SELECT ", 1)[1].removesuffix("; END").replace("NEW.", "")
            self.rows(f"SELECT count({words}) FROM {table}")  # noqa: S608 - an expression of the schema
            anew = self._sums.pop(table, 0) % 2**256
            return anew == int.from_bytes(self.sums().get(table, b""))

    def _commit(self) -> None:
        with _translated(self._path):
            self._db.execute("COMMIT")

    def flush(self, wait: float) -> bool:
        """Write the journal into the database file and empty it; False if a reader prevented it for *wait* seconds."""
        try:
            self._until(lambda: not self._busy(), wait, _Lock.READERS)
        except InUse:
            return False
        return True

    def _busy(self) -> bool:
        """Try a checkpoint; whether a reader prevented it, by the first column of the result."""
        try:
            with _translated(self._path):
                return bool(self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0])
        except InUse:
            return True

    def _is_begun(self) -> bool:
        try:
            with _translated(self._path):
                self._db.execute("BEGIN IMMEDIATE")
        except InUse:
            return False
        return True

    def _until(self, attempt: Callable[[], bool], wait: float, lock: _Lock) -> None:
        """Try until it is done, and have those watched who are in the way; raises InUse after *wait* seconds."""
        watch = None
        if self._path is not None:
            with suppress(FileNotFoundError):  # never opened: closing it would drop the engine's locks (fcntl(2))
                shared = self._path.with_name(f"{self._path.name}-shm").stat()
                watch = Every(Watch(shared.st_ino, self._still, kind=Kind.RANGE, below=lock).look)
        self._db.execute(f"PRAGMA busy_timeout={POLL_MS}").fetchall()
        try:
            until(attempt, wait, watch)
        finally:
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}").fetchall()

    def copy_to(
        self,
        path: Path,
        copy: Callable[[Connection, Connection], object],
        change: Callable[[Connection], None] | None = None,
    ) -> None:
        """Copy the database to a new file under the same key; inside `reading` it is a copy of that snapshot.

        *change* is made in a transaction of the copy, which is one file again afterwards.
        The engine copies the pages: closing another descriptor of the file would drop its locks.
        """
        del copy
        with _translated(path):
            beside = dbapi2.connect(str(path), isolation_level=None)
            try:
                beside.set_key(_raw(self._key))
                self._db.backup(beside)
                beside.execute("PRAGMA journal_mode=DELETE").fetchall()
            finally:
                beside.close()
        if change is not None:
            with new_file(path, self._key) as copied, copied.writing():
                change(copied)

    def rekey(self, key: bytes) -> None:
        """Encrypt the whole database again under *key*; no other connection may be open."""
        with _translated(self._path):
            self._db.reset_key(_raw(key))
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._key = key

    def check_file(self) -> list[str]:
        """The problems of the file: SQLCipher's page MACs, then SQLite's integrity_check, on a connection of its own.

        integrity_check, unlike quick_check, compares indexes with their tables: an older page of an index would lack
        calls of a caller, and no other check would notice.

        The check of the MACs does not read the journal: a page that was torn by a power cut, and is whole in the
        journal, would be reported as damaged. So the journal is written home first, except for the part that a reader
        needs.
        """
        beside = SqliteConnection(self._path, self._key, reads_only=self.reads_only) if self._path else self
        pages: list[str] = []
        try:
            beside.rows(f"PRAGMA cache_size=-{CHECK_KIB}")
            beside.rows("PRAGMA wal_checkpoint(PASSIVE)")
            pages = [str(row[0]) for row in beside.rows("PRAGMA cipher_integrity_check")]
            structure = beside._structure()
        except (Integrity, NotUnlocked) as problem:  # a page that does not open
            structure = [] if pages else [problem.code]
        finally:
            if beside is not self:
                beside.close()
        return pages + structure

    def _structure(self) -> list[str]:
        return [str(row[0]) for row in self.rows("PRAGMA integrity_check") if row[0] != "ok"]

    def close(self) -> None:
        """Close the connection."""
        with _translated(self._path):
            self._db.close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close the connection inside the block: a forked process may not inherit it, and opens its own (`open`)."""
        self.close()
        try:
            yield
        finally:
            self.open()


@contextmanager
def new_file(path: Path, key: bytes) -> Iterator[Connection]:
    """A file that is filled inside the block; no journal lies beside it afterwards."""
    with closing(SqliteConnection(path, key)) as connection:
        yield connection
        connection.rows("PRAGMA journal_mode=DELETE")


class SqliteSchema:
    """The tables of one file; sqlite-utils notes which steps were carried out. See Schema for the promises."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection

    def build(self, steps: Iterable[tuple[str, Callable[[Schema], None]]]) -> None:
        """Carry out each step that the file lacks, in the caller's `writing` or in one of its own."""
        import sys

        sys.modules.setdefault("pysqlite3", sys.modules["sqlcipher3"])
        sys.modules.setdefault("pysqlite3.dbapi2", dbapi2)
        import sqlite_utils
        from sqlite_utils.migrations import Migrations

        missing = Migrations("arlo_rec")
        for name, step in steps:
            missing(name=name)(self._carrying(step))
        db, path = self._connection._db, self._connection._path
        with nullcontext() if db.in_transaction else self._connection.writing(), _translated(path):
            missing.apply(sqlite_utils.Database(db, execute_plugins=False))

    def _carrying(self, step: Callable[[Schema], None]) -> Callable[[object], None]:
        def carry_out(_database: object) -> None:
            step(self)

        return carry_out

    def carry_out(self, statements: str) -> None:
        """Execute statements that end in semicolons, inside `build`."""
        for statement in statements.split(";"):
            if statement.strip():
                self._connection.run(statement)

    def keep_sum(self, table: str) -> None:
        """Begin the sum over all rows of a table: triggers tally every row that is added, deleted or changed."""
        db = self._connection
        columns = self.columns(table)
        rows = {side: " || ',' || ".join(f"quote({side}.{column})" for column in columns) for side in ("OLD", "NEW")}
        comes, goes = (f"tally('{table}', {sign}, {rows[side]})" for side, sign in (("NEW", 1), ("OLD", -1)))
        for name, event, calls in (
            ("comes", "INSERT", comes),
            ("goes", "DELETE", goes),
            ("changes", "UPDATE", f"{goes}, {comes}"),
        ):
            db.run(f"DROP TRIGGER IF EXISTS {table}_{name}")
            db.run(f"CREATE TRIGGER {table}_{name} AFTER {event} ON {table} BEGIN SELECT {calls}; END")
        db.run("INSERT OR REPLACE INTO sums VALUES (?, zeroblob(32))", (table,))
        db.rows("SELECT summed(?, zeroblob(32))", (table,))  # forget what was tallied before
        db.rows(f"SELECT count({comes.replace('NEW.', '')}) FROM {table}")  # noqa: S608 - an expression of the schema

    def set_figures(self, figures: Iterable[tuple[str, str, str]]) -> None:
        """Fix the figures by which the engine chooses an index; it never counts anew."""
        named = [(table, index or f"sqlite_autoindex_{table}_1", numbers) for table, index, numbers in figures]
        self._connection.run("ANALYZE sums")  # makes the table of the figures
        self._connection.run("DELETE FROM sqlite_stat1")
        self._connection.run_many("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", named)
        self._connection.run("ANALYZE sqlite_master")

    def owner_beside(self) -> None:
        """See Schema: whoever writes the file alters it."""

    def described(self) -> list[Row]:
        """Type, name, table and SQL of every table, index, view and trigger, except sqlite-utils' own table."""
        return self._connection.rows(
            "SELECT type, name, tbl_name, sql FROM sqlite_master "
            "WHERE type != 'table' OR name != '_sqlite_migrations' ORDER BY type, name"
        )

    def size(self) -> int:
        """See Schema."""
        ((pages, each),) = self._connection.rows(
            "SELECT page_count, page_size FROM pragma_page_count(), pragma_page_size()"
        )
        return int(pages) * int(each)

    def columns(self, table: str) -> list[str]:
        """See Schema."""
        return [name for name, _ in self._about(table)]

    def portions(self, table: str) -> Iterator[list[Row]]:
        """See Schema."""
        db, about = self._connection, self._about(table)
        key = (name for name, at in sorted(about, key=itemgetter(1)) if at)
        with _translated(db._path):
            cursor = db._db.execute(in_order(table, [name for name, _ in about], key))
            while rows := cursor.fetchmany(AT_ONCE):
                yield rows

    def fill(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See Schema; the engine numbers from the highest."""
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(columns)})"  # noqa: S608 - names of the schema
        self._connection.run_many(sql, rows)

    def _about(self, table: str) -> list[tuple[str, int]]:
        """Each column of a table, and its place in the key from 1 on, or 0."""
        return [(row[1], row[5]) for row in self._connection.rows(f"PRAGMA table_info({table})")]


def _raw(key: bytes) -> str:
    return f"x'{key.hex()}'"
