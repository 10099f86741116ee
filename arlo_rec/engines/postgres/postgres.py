"""The catalogue as one database of PostgreSQL, from 15 on, by psycopg (the extra `[postgres]`).

A write transaction takes an advisory lock before it reads, so there is one writer, and each reads what the one before
it committed. Statements are those of SQLite: `of_postgres` gives them the placeholders, literals and types of the
server. The rows say nothing to its administrator (`catalogue.columns`); a sealed mark tells whether a key is
that of the catalogue.

A change waits for the next question, and both go to the server in one round trip.

For most tables `sums` keeps the sum over all rows, as in `backends.sqlite`. Triggers hash the text of each row that a
statement added or deleted (SHA-256). They add the four signed words of the hash, each in its place, modulo 2^256. What
a transaction adds lies in settings of its own until its commit writes the sums.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.adapt import Loader

from arlo_rec.engines.postgres.postgres_address import (
    SECURED,
    demand_bound_passwords,
    demanded_address,
    shown,
    translated,
)
from arlo_rec.engines.postgres.postgres_sql import (
    COLUMNS,
    DESCRIPTION,
    END_STILL,
    NUMBERED,
    TALLY,
    of_postgres,
    sum_over,
)
from arlo_rec.law.model.errors import Integrity, InUse, NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends import AT_ONCE, LOCKS, Connection, Recalling, Row, Schema, in_order
from arlo_rec.vault.backends.files import until
from arlo_rec.vault.backends.holders import STILL, YOUNG, Every
from arlo_rec.vault.crypto.primitives import ColumnKey, Sealed

WAIT_MS = 30_000  # milliseconds to wait for another writer
logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of is raised, too
_OLDEST: Final = 150_000  # version 15
CONNECT = 10  # seconds to wait for a server
DEAD = 15  # seconds after which a silent line is no line, at either end: shorter than a command waits for a lock
_PROBED: Final = {"idle": 6, "interval": 3, "count": 3}  # of the system: seconds, seconds, probes
_WRITER: Final = 0x61726C6F  # the advisory lock of the one writer of a database
_MARK: Final = b"catalogue"  # the place of the sealed mark of the key
_SETTINGS: Final = (  # of the session, before those of database and user
    "client_encoding=UTF8",
    "bytea_output=hex",  # the form of bytes in the text of a row, of which sums are
    "standard_conforming_strings=on",
    "search_path=public",
    "synchronous_commit=on",  # what was acknowledged is on disk, and on the standby where the server names one
    f"lock_timeout={WAIT_MS}",
    *(f"tcp_keepalives_{name}={value}" for name, value in _PROBED.items()),
    f"tcp_user_timeout={DEAD * 1000}",
)
_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"  # which takes the snapshot
_WRITING: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({_WRITER})"
_WAITING: Final = 1000  # changes that are sent together: some MB
_SUM_IS: Final = "UPDATE sums SET value = ? WHERE name = ? RETURNING set_config('arlo_rec.sum_of_' || name, '', true)"
_OWN_TABLES: Final = (
    "CREATE TABLE steps (name TEXT PRIMARY KEY) STRICT",
    "CREATE TABLE marks_of_key (mark BLOB NOT NULL) STRICT",
)
_OWN_NAMES: Final = ("sums", "steps", "marks_of_key")


class _Undone(Exception):
    """The end of a change that was only tried."""


class _WholeNumber(Loader):
    """Read a sum of whole numbers, which the server gives as `numeric`."""

    def load(self, data: bytes | bytearray | memoryview) -> int:
        return int(bytes(data))


def demand_empty(connection: PostgresConnection) -> None:
    """Raise Usage where the database has tables, and Unreachable where this role can make none."""
    if connection.schema.described():
        raise Usage("database_taken", value=connection._address[:80])
    with suppress(_Undone), connection.writing():
        connection.changed(_OWN_TABLES[0])
        raise _Undone


def drop(connection: PostgresConnection, tables: Iterable[str]) -> None:
    """Drop the tables of a catalogue and what stands beside them, all at once: the database is empty then."""
    connection.rows(f"DROP TABLE IF EXISTS {', '.join((*tables, *_OWN_NAMES))}; DROP FUNCTION IF EXISTS tally()")


class PostgresSession:
    """One session of a server, whose locks hold for every host: they end with it, and so does what it would commit.

    It needs no key of the catalogue.
    """

    def __init__(self, address: str, *, reads_only: bool = False) -> None:
        """Connect to the database at *address*; *reads_only*: a standby will do. Raises Usage and Unreachable."""
        self.address, self.reads_only = demanded_address(address), reads_only
        self._held: dict[str, bool] = {}  # names of locks, and whether exclusive
        demand_bound_passwords()
        with translated(address):
            self.db = psycopg.connect(
                address,
                autocommit=True,
                cursor_factory=psycopg.RawCursor[Row],
                **SECURED,
                target_session_attrs="any" if reads_only else "read-write",
                connect_timeout=CONNECT,
                options=" ".join(f"-c {setting}" for setting in _SETTINGS),
                application_name="arlo-rec",
                prepare_threshold=None,  # a statement that is prepared in a pipeline may be lost with it
                keepalives_idle=_PROBED["idle"],
                keepalives_interval=_PROBED["interval"],
                keepalives_count=_PROBED["count"],
                tcp_user_timeout=DEAD * 1000,
            )
            try:
                self._demand_version()
                self.db.server_cursor_factory = psycopg.RawServerCursor
                self.db.adapters.register_loader("numeric", _WholeNumber)
            except BaseException:
                self.db.close()
                raise

    def _demand_version(self) -> None:
        if self.db.info.server_version < _OLDEST:
            raise Unreachable("database_too_old", address=shown(self.address))

    @contextmanager
    def lock(self, name: str, *, exclusive: bool, wait: float) -> Iterator[None]:
        """See Locks. The server would give a session its own lock again, whatever its kind."""
        number, is_outer = LOCKS.index(name), name not in self._held
        if not is_outer and (exclusive or self._held[name]):
            raise InUse("in_use")
        deadline = time.monotonic() + wait
        with ExitStack() as turn:
            if (
                is_outer and name == "root"
            ):  # who comes after an erasure that waits, waits behind it: as `files.FileRoot`
                turn.enter_context(self._taken(len(LOCKS) + number, wait, exclusive=exclusive, is_brief=True))
            left = max(0.0, deadline - time.monotonic())
            with self._taken(number, left, exclusive=exclusive, is_brief=name == "root"):
                turn.close()
                self._held.setdefault(name, exclusive)
                try:
                    yield
                finally:
                    if is_outer:
                        del self._held[name]

    @contextmanager
    def _taken(self, number: int, wait: float, *, exclusive: bool, is_brief: bool) -> Iterator[None]:
        """One lock of the server; of one that *is_brief*, a holder that stands still is ended."""
        kind, numbers = "" if exclusive else "_shared", (_WRITER, number)

        def attempt() -> bool:
            with translated(self.address):
                return self.db.execute(f"SELECT pg_try_advisory_lock{kind}($1, $2)", numbers).fetchone() == (True,)

        def end_still() -> None:
            with translated(self.address):
                self.db.execute(END_STILL, (*numbers, YOUNG, STILL))

        until(attempt, wait, Every(end_still) if is_brief else None)
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # the lock of a lost session is none
                self.db.execute(f"SELECT pg_advisory_unlock{kind}($1, $2)", numbers)

    def close(self) -> None:
        """End the session, and its locks with it."""
        self.db.close()


class PostgresConnection(Recalling):
    """One connection to a database; see Connection for the promises."""

    def __init__(
        self, address: str, key: bytes, *, reads_only: bool = False, session: PostgresSession | None = None
    ) -> None:
        """Open the catalogue at *address* with its raw *key*, in a *session* there or in one of its own.

        *reads_only*: a standby will do. Raises NotUnlocked for a wrong key.
        """
        self._address, self._key, self.reads_only = address, key, reads_only
        self.columns = ColumnKey(key)
        self.snapshots = 0
        self.schema: Schema = PostgresSchema(self)
        self._writes = False
        self._waiting: list[tuple[str, Sequence[Any]]] = []  # changes that go to the server with the next question
        self._is_summed = True  # whether the sums have every change
        self._sessions = [session or PostgresSession(address, reads_only=reads_only)]
        try:
            self._demand_key()
        except BaseException:
            if session is None:
                self.close()
            raise

    @property
    def _db(self) -> psycopg.Connection[Row]:
        return self._sessions[-1].db

    def open(self) -> None:
        """Open it again, in a process that was forked inside `closed`; libpq leaves its parent's session alone."""
        self._sessions.append(PostgresSession(self._address, reads_only=self.reads_only))
        self._demand_key()

    def _demand_key(self) -> None:
        with translated(self._address):
            try:
                found = self._db.execute("SELECT mark FROM marks_of_key").fetchall()
            except errors.UndefinedTable:
                return
        for (mark,) in found:
            with suppress(Sealed):
                ColumnKey(self._key).open(mark, _MARK)
                return
        raise NotUnlocked("wrong_catalogue_key")

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Row]:
        done = self._asked(of_postgres(sql), values)
        return done.fetchall() if done.description is not None else []

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Have a statement executed inside `writing`, with the next question."""
        self.run_many(sql, [values])

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Have a statement executed once per row of values, inside `writing`, with the next question."""
        self._demand_transaction()
        translated, self._is_summed = of_postgres(sql), False
        for row in values:
            self._waiting.append((translated, row))
            if len(self._waiting) == _WAITING:
                self._send_all()

    def changed(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute a statement inside `writing`; the number of rows that it changed."""
        self._demand_transaction()
        self._is_summed = False
        return self._asked(of_postgres(sql), values).rowcount

    def _asked(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[Row]:
        """A statement after the changes that wait, in one round trip."""
        with translated(self._address):
            if not self._waiting:
                return self._db.execute(sql, values)
            with self._db.pipeline():
                self._send()
                return self._db.execute(sql, values)

    def _send_all(self) -> None:
        """Have the changes that wait executed now."""
        with translated(self._address), self._db.pipeline():
            self._send()

    def _send(self) -> None:
        """Send the changes that wait, in a pipeline of the caller's: after one that fails none is carried out."""
        waiting, self._waiting = self._waiting, []
        with self._db.cursor() as cursor:
            for sql, changes in groupby(waiting, itemgetter(0)):
                cursor.executemany(sql, [values for _, values in changes])

    def _demand_transaction(self) -> None:
        if self.snapshots % 2 == 0:
            raise RuntimeError("a change outside a transaction")

    def reading(self) -> AbstractContextManager[None]:
        """Read one consistent snapshot of the database inside the block."""
        return self._transaction(_READING)

    def writing(self) -> AbstractContextManager[None]:
        """Open the only write transaction: durable when the block ends, rolled back when it raises."""
        return self._transaction(_WRITING, writes=True)

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool = False) -> Iterator[None]:
        try:
            self._begin(begin)
            self.snapshots, self._writes = self.snapshots + 1, writes
            self._answers = None if writes else self._answers
            try:
                yield
                if not self._is_summed:
                    self._write_sums()
                self._commit()
            finally:
                self.snapshots, self._writes = self.snapshots + 1, False
        except BaseException:
            self._waiting, self._is_summed = [], True
            with suppress(psycopg.Error):  # a connection that is lost is rolled back by the server
                self._db.execute("ROLLBACK")
            raise

    def _begin(self, begin: str) -> None:
        """Begin a transaction; a writer that stands still while this one waited for it is ended."""
        try:
            with translated(self._address):
                self._db.execute(begin)
        except InUse:
            with translated(self._address):
                self._db.execute("ROLLBACK")
                self._db.execute(END_STILL, (0, _WRITER, YOUNG, STILL))
                self._db.execute(begin)

    def _commit(self) -> None:
        said = self._asked("COMMIT").statusmessage
        if said != "COMMIT":  # ROLLBACK, without an error, where one was passed over before
            raise Unreachable("database_refuses", address=shown(self._address), reason=str(said))

    def _write_sums(self) -> dict[str, bytes]:
        """Have the sums changed by what the transaction changed; all of them, as they are then."""
        sql = "SELECT name, value, nullif(current_setting('arlo_rec.sum_of_' || name, true), '')::numeric FROM sums"
        sums = {}
        for name, value, more in self.rows(f"{sql} ORDER BY name"):
            sums[name] = bytes(value)
            if more is not None:
                sums[name] = _summed(int.from_bytes(value) + more)
                self.run(_SUM_IS, (sums[name], name))
        self._is_summed = True
        return sums

    def sums(self) -> dict[str, bytes]:
        """The sum over all rows of each table that has one, with the changes of this transaction."""
        sums = self._write_sums() if self._writes else dict(self.rows("SELECT name, value FROM sums ORDER BY name"))
        if not all(str(name).isascii() for name in sums):
            raise Integrity("catalogue_damaged", table="sums")
        return sums

    def sum_matches(self, table: str) -> bool:
        """Whether the sum over all rows of a table, computed again, equals the stored sum. May take long."""
        with self.reading() if self.snapshots % 2 == 0 else nullcontext():
            name = f"{table}_comes"
            if not self.rows("SELECT 1 FROM pg_trigger WHERE tgname = ? AND tgrelid = to_regclass(?)", (name, table)):
                return False
            return _computed_sum(self, table) == self.sums().get(table)

    def flush(self, wait: float) -> bool:
        """See Connection. Dead rows, journal and dumps keep old wrapped keys; the R above them is no more."""
        del wait
        return True

    def copy_to(
        self,
        path: Path,
        copy: Callable[[Connection, Connection], object],
        change: Callable[[Connection], None] | None = None,
    ) -> None:
        """Copy the rows to a new file of SQLCipher under the same key; inside `reading` those of that snapshot."""
        from arlo_rec.vault.backends.sqlite import new_file

        with self.reading() if self.snapshots % 2 == 0 else nullcontext(), new_file(path, self._key) as copied:
            copy(self, copied)
            if change is not None:
                with copied.writing():
                    change(copied)

    def rekey(self, key: bytes) -> None:
        """Have the catalogue open with another *key* alone; no other connection may be open."""
        with self.writing():
            self.run("UPDATE marks_of_key SET mark = ?", (ColumnKey(key).seal(b"", _MARK),))
        self._key = key

    def check_file(self) -> list[str]:
        """See Connection: none. Pages and indexes are the server's, which checks them by its own means."""
        return []

    def close(self) -> None:
        """End the session."""
        self._sessions[-1].close()

    def closed(self) -> AbstractContextManager[None]:
        """See Connection. The session stays, for its locks would end with it."""
        return nullcontext()


def is_made(db: Connection) -> bool:
    """Whether the database has tables of a catalogue."""
    return db.rows("SELECT to_regclass('marks_of_key') IS NOT NULL") == [(True,)]


class PostgresSchema:
    """The tables of one database; see Schema for the promises."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    def build(self, steps: Iterable[tuple[str, Callable[[Schema], None]]]) -> None:
        """Carry out each step that the database lacks, in the caller's `writing` or in one of its own."""
        db = self._connection
        with nullcontext() if db._writes else db.writing():
            if not is_made(db):
                for statement in (*_OWN_TABLES, TALLY):
                    db.run(statement)
                db.run("INSERT INTO marks_of_key VALUES (?)", (ColumnKey(db._key).seal(b"", _MARK),))
            done = {name for (name,) in db.rows("SELECT name FROM steps")}
            for name, step in steps:
                if name not in done:
                    step(self)
                    db.run("INSERT INTO steps VALUES (?)", (name,))

    def carry_out(self, statements: str) -> None:
        """Execute statements that end in semicolons, inside `build`."""
        for statement in statements.split(";"):
            if statement.strip():
                self._connection.run(statement)

    def keep_sum(self, table: str) -> None:
        """Begin the sum over all rows of a table: a trigger of each kind of statement tallies what it changed."""
        db = self._connection
        for name, event, rows in (
            ("comes", "INSERT", "NEW TABLE AS added"),
            ("goes", "DELETE", "OLD TABLE AS deleted"),
            ("changes", "UPDATE", "OLD TABLE AS deleted NEW TABLE AS added"),
        ):
            db.run(
                f"CREATE OR REPLACE TRIGGER {table}_{name} AFTER {event} ON {table} REFERENCING {rows} "
                "FOR EACH STATEMENT EXECUTE FUNCTION tally()"
            )
        sql = "INSERT INTO sums (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        db.run(sql, (table, _computed_sum(db, table)))
        db.run("SELECT set_config('arlo_rec.sum_of_' || ?, '', true)", (table,))  # forget what was tallied before

    def set_figures(self, figures: Iterable[tuple[str, str, str]]) -> None:
        """See Schema: the server takes none, and counts itself."""

    def owner_beside(self) -> str | None:
        """See Schema."""
        sql = (
            "SELECT pg_get_userbyid(relowner)::text FROM pg_class "
            "WHERE oid = to_regclass('steps') AND NOT pg_has_role(relowner, 'USAGE')"
        )
        return next((str(owner) for (owner,) in self._connection.rows(sql)), None)

    def described(self) -> list[Row]:
        """Every column, constraint, index, view, trigger, rule and function of the catalogue's own tables."""
        return sorted(self._connection.rows(DESCRIPTION))

    def size(self) -> int:
        """See Schema; with the indexes."""
        ((size,),) = self._connection.rows(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        return int(size)

    def columns(self, table: str) -> list[str]:
        """See Schema."""
        return [name for name, _ in self._connection.rows(COLUMNS, (table,))]

    def portions(self, table: str) -> Iterator[list[Row]]:
        """See Schema."""
        db = self._connection
        about = db.rows(COLUMNS, (table,))
        key = sorted((at, name) for name, at in about if at is not None)
        with translated(db._address), db._db.cursor(name="portions") as cursor:
            cursor.execute(in_order(table, [name for name, _ in about], [name for _, name in key]))
            while rows := cursor.fetchmany(AT_ONCE):
                yield rows

    def fill(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """See Schema; by COPY, which runs the triggers once."""
        db = self._connection
        db._demand_transaction()
        db._send_all()
        db._is_summed = False
        into = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with translated(db._address), db._db.cursor() as cursor, cursor.copy(into) as copy:
            for row in rows:
                copy.write_row(row)
        for (column,) in db.rows(NUMBERED, (table,)):
            newest = f"SELECT max({column}) AS newest FROM {table}"  # noqa: S608 - names of the schema
            sql = f"SELECT setval(pg_get_serial_sequence(?, ?), newest) FROM ({newest}) AS numbers WHERE newest > 0"  # noqa: S608
            db.rows(sql, (table, column))


def _computed_sum(db: PostgresConnection, table: str) -> bytes:
    return _summed(db.rows(f"SELECT {sum_over(table)}")[0][0])


def _summed(total: int) -> bytes:
    return (total % 2**256).to_bytes(32)
