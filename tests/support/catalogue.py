"""The catalogue of a world, opened behind the program's back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from arlo_rec.policy import POLICY_VERSION
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import log_clock
from arlo_rec.vault.catalogue.audit_log import AuditLog, RawEntries, RawEntry, SignedCheckpoint
from arlo_rec.vault.catalogue.columns import encoded, place
from arlo_rec.vault.catalogue.log_clock import LogClock
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import SigningKey, fresh
from arlo_rec.vault.keys import engines, layout
from arlo_rec.vault.keys.key_files import catalogue_key, log_key, read_catalogue_seal
from tests.support.attack import identity
from tests.support.world import World


def catalogue(world: World) -> Connection:
    """The catalogue, as somebody who holds its key and ignores the program opens it."""
    where = layout.find(world.store)
    (seed,) = read_catalogue_seal(where, identity(world, "iver"))
    return with_seals(engines.catalogue(where, catalogue_key(seed)))


def with_seals(db: Connection) -> Connection:
    """A catalogue with functions of SQL for whoever has its key: `sealed` and `opened` of a place, row and value.

    `sealed_entry` seals a number and body of the log, and `body_of` opens the two. A server has no such functions, but
    gets those of SQLite that make bytes.
    """
    if not isinstance(db, SqliteConnection):
        for statement in FUNCTIONS:
            db.rows(statement)
        return db

    def sealed(at: str, row: Any, value: Any) -> bytes:
        plain = value.encode("utf-8") if isinstance(value, str) else value
        return db.columns.seal(plain, place(*at.split(".")) + encoded(row))

    def opened(at: str, row: Any, value: bytes) -> str:
        return db.columns.open(value, place(*at.split(".")) + encoded(row)).decode("utf-8")

    def sealed_entry(seq: int, body: str) -> bytes | None:
        salt, raw = bytes(merkle.SALT_BYTES), body.encode("utf-8")
        return RawEntries(db).sealed(RawEntry(seq, salt, raw, b""))

    def body_of(seq: int, value: bytes | None) -> str | None:
        ((_, body),) = RawEntries(db).bodies_of([(seq, value)])
        return None if body is None else body.decode("utf-8", "replace")

    for function, values in ((sealed, 3), (opened, 3), (sealed_entry, 2), (body_of, 2)):
        db._db.create_function(function.__name__, values, function)
    return db


def newest(db: Connection, table: str) -> str:
    """The condition of the newest row; all rows of a table without row numbers."""
    number = "rowid" if isinstance(db, SqliteConnection) else "number" if table == "recordings" else "ctid"
    return "" if table in {"mentions", "audience_wraps"} else f"WHERE {number} = (SELECT max({number}) FROM {table})"


FUNCTIONS = (  # of SQLite, beside the tables of the catalogue, for this connection alone
    "CREATE SCHEMA IF NOT EXISTS vandal",
    "CREATE OR REPLACE FUNCTION vandal.randomblob(size int) RETURNS bytea LANGUAGE sql VOLATILE AS $$ "
    "SELECT substr(string_agg(sha256(gen_random_uuid()::text::bytea), ''::bytea), 1, size) "
    "FROM generate_series(0, size / 32) $$",
    "CREATE OR REPLACE FUNCTION vandal.max(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT greatest(a, b)'",
    "SET search_path = public, vandal",
)
REFERENCES = ("recordings", "metadata")  # tables with a reference between them


@contextmanager
def own_code(world: World) -> Iterator[Connection]:
    """One transaction in the catalogue, as anybody with a role's key writes it who wants no command to stop at it."""
    db = catalogue(world)
    if isinstance(db, SqliteConnection):
        db.rows("PRAGMA foreign_keys=OFF")
    else:
        _have_each(db, "DISABLE TRIGGER ALL", "ENABLE TRIGGER USER")
    with db.writing():
        yield db
        db.run("UPDATE meta SET number = number + 1 WHERE key = 'changes'")
    if not isinstance(db, SqliteConnection):
        _have_each(db, "ENABLE TRIGGER ALL")
    db.close()


def _have_each(db: Connection, *words: str) -> None:
    for table in REFERENCES:
        for each in words:
            db.rows(f"ALTER TABLE {table} {each}")


@contextmanager
def vandal(world: World) -> Iterator[Connection]:
    """The catalogue, as somebody opens it who takes care that no sum follows what is changed, and leaves no trace."""
    db = catalogue(world)
    if isinstance(db, SqliteConnection):
        db.rows("PRAGMA foreign_keys=OFF")
        triggers = db.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        with db.writing():
            for name, _ in triggers:
                db.run(f"DROP TRIGGER {name}")
            yield db
            for _, sql in triggers:
                db.run(sql)
    else:
        db.rows("SET session_replication_role = replica")  # in which no trigger runs
        with db.writing():
            yield db
    db.close()


def vandalism(*statements: str) -> Callable[[World], None]:
    """What changes a world's catalogue as a vandal does, by these statements."""

    def change(world: World) -> None:
        with vandal(world) as db:
            for statement in statements:
                db.run(statement)

    return change


@contextmanager
def insider(world: World) -> Iterator[Connection]:
    """The catalogue, as own code with the owner's account writes it: every sum follows, and a change is counted."""
    db = catalogue(world)
    with db.writing():
        yield db
        db.run("UPDATE meta SET number = number + 1 WHERE key = 'changes'")
    db.close()


def strike(world: World, *statements: str) -> None:
    """Change rows as an insider does; each statement changes some."""
    with insider(world) as db:
        for statement in statements:
            assert db.changed(statement), statement


def append_to_log(
    world: World, who: str, *bodies: dict[str, Any], name: str | None = None, key: SigningKey | None = None
) -> int:
    """Entries of somebody's own code, closed by a checkpoint with their own key as the program closes it.

    They are in the name of *name* and closed with *key* where these are given; gives the number of the first.
    """
    where, person = layout.find(world.store), identity(world, who)
    (seed,) = read_catalogue_seal(where, person)
    with insider(world) as db:
        log = AuditLog(db, where.id, log_key(seed), Meta(db))
        first = log.tree().size
        log.append(
            [{**body, "person": name or who, "policy": POLICY_VERSION} for body in bodies], key or person.signing
        )
        LogClock(log._meta).put(log_clock.computed(log.raw.bodies()))
    return first


def append_raw(world: World, who: str, raw: bytes, *mentioned: str) -> int:
    """One entry of any bytes, closed like any other with somebody's own key; gives its number."""
    where, person = layout.find(world.store), identity(world, who)
    (seed,) = read_catalogue_seal(where, person)
    with insider(world) as db:
        log = AuditLog(db, where.id, log_key(seed), Meta(db))
        seq, salt = log.tree().size, fresh(merkle.SALT_BYTES)
        entry = RawEntry(seq, salt, raw, merkle.leaf_hash(merkle.commit(salt, raw)))
        tree = log.tree().add(entry.leaf)
        said = merkle.Checkpoint(log.origin, seq, tree.size, tree.root())
        names = [(log.origin, log.key), (merkle.signer_name(log.origin, person.signing.public), person.signing)]
        log._insert([entry])
        log._close([SignedCheckpoint(tree.size, said.root, merkle.sign_note(said.text(), names))], tree)
        for call in mentioned:
            db.run("INSERT INTO mentions VALUES (?, ?)", (bytes.fromhex(call), seq))
        LogClock(log._meta).put(log_clock.computed(log.raw.bodies()))
    return seq


def spoil_note(world: World, text: bytes) -> None:
    """Make nobody's the checkpoint that closes the first entry in which *text* stands."""
    with insider(world) as db:
        ((seq,),) = db.rows("SELECT min(seq) FROM entries WHERE instr(body_of(seq, sealed), ?) > 0", (text.decode(),))
        size = "(SELECT min(size) FROM checkpoints WHERE size > ?)"
        assert db.changed(f"UPDATE checkpoints SET note = 'x' WHERE size = {size}", (seq,))
