"""What PostgreSQL alone brings with it: addresses, lost connections, roles, and hands beside the program."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psycopg
import pytest

from arlo_rec.engines.postgres import postgres as engine
from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.engines.postgres.postgres_address import demanded_address
from arlo_rec.engines.postgres.postgres_sql import of_postgres
from arlo_rec.law.model.errors import Integrity, InUse, Unreachable, Usage
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.copying import copy
from arlo_rec.vault.catalogue.schema import DIGESTS, SUMMED, VERSION, digest_of, migrate
from tests.support.engines import KEY, first_tables
from tests.support.line import line
from tests.support.places import TOP
from tests.support.postgres import Postgres, drop_database

pytestmark = pytest.mark.xdist_group("postgres")
_PROBES = ("idle", "interval", "count")
ADD = "INSERT INTO t (number, word, raw) VALUES (?, ?, ?)"


@pytest.fixture
def address(each_postgres: Postgres) -> Iterator[str]:
    """The address of an empty database."""
    made = each_postgres.address(each_postgres.database())
    yield made
    drop_database(made)


@pytest.fixture
def db(address: str) -> Iterator[Connection]:
    """A catalogue with the tables of `first_tables`."""
    with closing(PostgresConnection(address, KEY)) as connection:
        connection.schema.build([("0001_first", first_tables)])
        yield connection


@contextmanager
def administrator(address: str) -> Iterator[psycopg.Connection]:
    """A connection of somebody who runs the server, and knows nothing of the program."""
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def rows(db: Connection) -> int:
    return int(db.rows("SELECT count(*) FROM t")[0][0])


# -- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "postgres://db.example.org/arlo",
        "postgresql://arlo@db.example.org:5433/arlo?sslrootcert=/etc/ssl/company.pem",
        "postgres://arlo@a.example.org,b.example.org/arlo",
        "postgres://arlo@%2Frun%2Fpostgresql/arlo",
    ],
)
def test_an_address_names_host_and_database(text: str) -> None:
    assert demanded_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "files",
        "host=a dbname=b",
        "mysql://a/b",
        "postgres://",
        "postgres:///arlo",
        "postgres://host",
        "postgres://arlo:geheim@host/arlo",
        "postgres://arlo:ge/heim:geheim@host/arlo",
        "postgres://arlo:geheim",
        "postgres://host/arlo?password=geheim",
        "host=a dbname=b password = geheim",
        "postgres://host/arlo?sslmode=disable",
        "postgres://host/arlo?options=-csynchronous_commit%3Doff",
        "postgres://host/arlo?hostaddr=10.0.0.1",
        "postgres://[::1/arlo",
    ],
)
def test_an_address_that_says_more_or_less_is_refused_and_shows_no_password(text: str) -> None:
    with pytest.raises(Usage) as refused:
        demanded_address(text)
    assert "geheim" not in str(refused.value)


# -- what a server is told ----------------------------------------------------------------------------

PASSWORD = "riktig-hest"
_ASKS = {"in clear": struct.pack(">cii", b"R", 8, 3), "md5": struct.pack(">cii4s", b"R", 12, 5, b"salt")}


@contextmanager
def asking_server(folder: Path, request: bytes) -> Iterator[list[bytes]]:
    """A server on a socket that answers each start with a request for the password, and what it then gets."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / ".s.PGSQL.5432"))
        listening.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    asked, _ = listening.accept()
                    with asked:
                        asked.recv(4096)
                        asked.sendall(request)
                        heard.append(asked.recv(4096))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield heard
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of passwords that libpq reads, in a short folder; empty."""
    with TemporaryDirectory(prefix="pg-") as folder:
        file = Path(folder, "passwords")
        file.touch(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
        yield file


def beside(passwords: Path) -> str:
    """The address of a database on a socket in that folder."""
    return f"postgres://arlo@{quote(str(passwords.parent), safe='')}/arlo"


@pytest.mark.parametrize("request_", _ASKS.values(), ids=_ASKS)
def test_a_server_that_asks_for_the_password_in_clear_or_its_md5_gets_none(passwords: Path, request_: bytes) -> None:
    passwords.write_text(f"{passwords.parent}:5432:arlo:arlo:{PASSWORD}\n", "utf-8")
    with asking_server(passwords.parent, request_) as heard:
        with pytest.raises(Unreachable) as refused:
            PostgresConnection(beside(passwords), KEY)
        assert refused.value.code == "database_unreachable"
    assert heard == [b""]


def test_a_password_that_is_for_every_host_is_refused_before_a_server_is_asked(passwords: Path) -> None:
    passwords.write_text(f"# ours\n*:*:arlo:arlo:{PASSWORD}\n", "utf-8")
    with asking_server(passwords.parent, _ASKS["in clear"]) as heard:
        with pytest.raises(Usage) as refused:
            PostgresConnection(beside(passwords), KEY)
        assert (refused.value.code, refused.value.detail["line"]) == ("database_password_for_all", 2)
    assert heard == [] and PASSWORD not in str(refused.value)


def test_a_password_is_proven_by_scram(postgres_server: Postgres, passwords: Path) -> None:
    name = postgres_server.database()
    assert not postgres_server.psql(
        f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO {name}", name
    )
    rules = Path(postgres_server.data, "pg_hba.conf")
    before = rules.read_text("utf-8")
    rules.write_text(f"local {name} {name} scram-sha-256\n{before}", "utf-8")
    try:
        assert not postgres_server.psql("SELECT pg_reload_conf();")
        passwords.write_text(f"{postgres_server.folder}:{postgres_server.port}:{name}:{name}:{PASSWORD}\n", "utf-8")
        address = postgres_server.address(name).replace("postgres@", f"{name}@")
        with closing(PostgresConnection(address, KEY)) as db:
            assert db.rows("SELECT current_user::text") == [(name,)]
        passwords.write_text("", "utf-8")
        with pytest.raises(Unreachable):
            PostgresConnection(address, KEY)
    finally:
        rules.write_text(before, "utf-8")
        postgres_server.psql("SELECT pg_reload_conf();")


# -- round trips --------------------------------------------------------------------------------------


def test_changes_travel_with_the_next_question(each_postgres: Postgres, address: str) -> None:
    with line(each_postgres.socket) as between:
        beside = each_postgres._replace(folder=between.folder).address(address.rpartition("/")[2])
        db = PostgresConnection(beside, KEY)
        db.schema.build([("0001_first", first_tables)])
        before = between.trips
        with db.writing():  # 1: begun, and locked
            for number in range(50):
                db.run(ADD, (number, None, None))
            assert rows(db) == 50  # 2
            db.run("DELETE FROM t WHERE number = ?", (7,))
        assert between.trips == before + 4  # 3: what was added to the sums; 4: the sums, and the commit
        before = between.trips
        with db.reading():
            assert rows(db) == 49
        assert between.trips == before + 3
        db.close()


# -- the line -----------------------------------------------------------------------------------------


def test_a_server_on_a_line_is_reached_by_tls_whose_certificate_names_it(each_postgres: Postgres) -> None:
    address = each_postgres.address_by_tls(each_postgres.database())
    with closing(PostgresConnection(address, KEY)) as db:
        assert db.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]
    other = address.partition("?")[0]
    for way in (other, address.replace("127.0.0.1", "localhost.localdomain")):
        with pytest.raises(Unreachable) as refused:
            PostgresConnection(way, KEY)
        assert refused.value.code == "database_unreachable"


def test_both_ends_probe_a_silent_line(postgres_server: Postgres) -> None:
    with closing(PostgresConnection(postgres_server.address_by_tls(postgres_server.database()), KEY)) as db:
        waits = [int(db.rows(f"SELECT current_setting('tcp_keepalives_{each}')::int")[0][0]) for each in _PROBES]
        assert waits[0] + waits[1] * waits[2] == engine.DEAD
        timeout = "SELECT setting::int FROM pg_settings WHERE name = 'tcp_user_timeout'"
        assert db.rows(timeout) == [(engine.DEAD * 1000,)]
        with socket.socket(fileno=os.dup(db._db.fileno())) as ours:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [ours.getsockopt(socket.IPPROTO_TCP, each) for each in options] == waits
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == engine.DEAD * 1000


def test_a_server_without_tls_is_not_spoken_to(each_postgres: Postgres) -> None:
    address = each_postgres.address_by_tls(each_postgres.database())
    each_postgres.set_tls(on=False)
    try:
        with psycopg.connect(address):
            pass  # the server itself would
        with pytest.raises(Unreachable) as refused:
            PostgresConnection(address, KEY)
    finally:
        each_postgres.set_tls(on=True)
    assert "SSL" in str(refused.value.detail["reason"])


@pytest.mark.parametrize("name", ["nobody-here", "postgres"])
def test_a_database_that_is_not_there_and_a_server_that_is_not_are_unreachable(
    each_postgres: Postgres, tmp_path: Path, name: str
) -> None:
    address = each_postgres.address(name) if name != "postgres" else f"postgres://%2Fnowhere{tmp_path.name}/x"
    with pytest.raises(Unreachable) as refused:
        PostgresConnection(address, KEY)
    assert refused.value.code == "database_unreachable"
    assert refused.value.detail["reason"]


def test_a_lost_connection_is_unreachable_and_leaves_nothing_half_done(db: Connection, address: str) -> None:
    with pytest.raises(Unreachable), db.writing():
        db.run(ADD, (1, None, None))
        with administrator(address) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'arlo-rec'")
        db.run(ADD, (2, None, None))
    db.open()
    assert rows(db) == 0
    with db.writing():
        db.run(ADD, (1, None, None))
    assert rows(db) == 1


def test_a_commit_whose_answer_is_lost_raises(db: Connection, address: str) -> None:
    with pytest.raises(Unreachable), db.writing():
        db.run(ADD, (1, None, None))
        with administrator(address) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'arlo-rec'")


def test_a_server_that_never_answers_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CONNECT", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable) as refused:
        PostgresConnection(f"postgres://postgres@127.0.0.1:{silent.getsockname()[1]}/x", KEY)
    assert refused.value.code == "database_unreachable"


def test_an_older_server_is_not_used(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_OLDEST", 990_000)
    with pytest.raises(Unreachable) as refused:
        PostgresConnection(address, KEY)
    assert refused.value.code == "database_too_old"


@pytest.fixture
def small(postgres_server: Postgres) -> Iterator[tuple[str, str]]:
    """A database on a disk of its own with little room, and that disk."""
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "small", disk], check=True)
        try:
            shutil.chown(disk, "postgres")
            for statement in (
                f"TABLESPACE small LOCATION '{disk}'",
                "DATABASE small TABLESPACE small TEMPLATE template0",
            ):
                assert not postgres_server.psql(f"CREATE {statement};")
            yield postgres_server.address("small"), disk
            for statement in ("DATABASE small WITH (FORCE)", "TABLESPACE small"):
                assert not postgres_server.psql(f"DROP {statement};")
        finally:
            subprocess.run(["umount", disk], check=True)


def test_a_full_disk_of_the_server_refuses_and_leaves_nothing_half_done(small: tuple[str, str]) -> None:
    address, disk = small
    with closing(PostgresConnection(address, KEY)) as db:
        db.schema.build([("first", first_tables)])
        with db.writing():
            db.run(ADD, (1, None, None))
        with pytest.raises(Unreachable) as refused, db.writing():
            for number in range(2, 1000):
                db.run(ADD, (number, None, os.urandom(100_000)))
        assert refused.value.code == "database_refuses"
        assert rows(db) == 1
        assert db.sum_matches("t")
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        with db.writing():
            db.run(ADD, (2, None, None))
        assert rows(db) == 2


def test_a_server_that_only_reads_is_unreachable(db: Connection, address: str) -> None:
    with administrator(address) as other:
        other.execute(f"ALTER DATABASE {address.rpartition('/')[2]} SET default_transaction_read_only = on")
    with pytest.raises(Unreachable):
        PostgresConnection(address, KEY)


def test_a_role_without_the_right_is_refused_by_the_server(db: Connection, address: str) -> None:
    with administrator(address) as other:
        other.execute("CREATE ROLE looks LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO looks")
    with closing(PostgresConnection(address.replace("postgres@", "looks@"), KEY)) as weak:
        assert rows(weak) == 0
        with pytest.raises(Unreachable) as refused, weak.writing():
            weak.run(ADD, (1, None, None))
        with pytest.raises(Unreachable), weak.writing():
            weak.schema.carry_out("CREATE TABLE more (name TEXT)")
    assert refused.value.code == "database_refuses"


def test_a_writer_that_waits_too_long_says_that_the_store_is_in_use(db: Connection, address: str) -> None:
    with closing(PostgresConnection(address, KEY)) as other:
        other.rows("SET lock_timeout = 50")
        with db.writing():
            with pytest.raises(InUse), other.writing():
                raise AssertionError("two writers")
            assert rows(other) == 0
        with other.writing():
            other.run(ADD, (1, None, None))


def test_what_is_acknowledged_is_on_disk_whatever_the_database_says(db: Connection, address: str) -> None:
    with administrator(address) as other:
        other.execute(f"ALTER DATABASE {address.rpartition('/')[2]} SET synchronous_commit = off")
    with closing(PostgresConnection(address, KEY)) as again:
        assert again.rows("SHOW synchronous_commit") == [("on",)]


# -- hands beside the program -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE t SET word = 'other' WHERE number = 1",
        "DELETE FROM t WHERE number = 2",
        "INSERT INTO t (number) VALUES (9)",
        "TRUNCATE t",
        "ALTER TABLE t DISABLE TRIGGER ALL; UPDATE t SET raw = NULL",
        "UPDATE sums SET value = '\\x00'",
    ],
)
def test_a_row_that_the_administrator_changed_breaks_the_sum_of_its_table(
    db: Connection, address: str, deed: str
) -> None:
    with db.writing():
        db.run_many(ADD, [(at, "word", b"raw") for at in range(5)])
    assert db.sum_matches("t")
    with administrator(address) as other:
        other.execute(deed)
    assert not db.sum_matches("t")


@pytest.mark.parametrize(
    "deed",
    [
        "ALTER TABLE t DISABLE TRIGGER t_goes",
        "DROP TRIGGER t_comes ON t",
        "CREATE OR REPLACE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE RULE kept AS ON DELETE TO t DO INSTEAD NOTHING",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        'ALTER TABLE t ALTER word TYPE text COLLATE "POSIX"',
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE counter ALTER n DROP NOT NULL",
        "ALTER TABLE t ALTER word SET DEFAULT 'x'",
    ],
)
def test_a_description_differs_with_what_only_this_engine_has(db: Connection, address: str, deed: str) -> None:
    before = db.schema.described()
    with administrator(address) as other:
        other.execute(deed)
    assert db.schema.described() != before


@pytest.mark.parametrize("values", [(1, "a\0b", None), (2**64, "a", None), (None, "a", None)])
def test_a_value_that_the_server_refuses_is_damage_and_leaves_nothing(
    db: Connection, values: tuple[int | None, str, None]
) -> None:
    with db.writing():
        db.run(ADD, (0, None, None))
    with pytest.raises(Integrity), db.writing():
        db.run("DELETE FROM t")
        db.run(ADD, values)
    assert db.rows("SELECT number FROM t") == [(0,)]


def test_a_refused_statement_that_was_passed_over_ends_the_transaction(db: Connection) -> None:
    """The server rolls such a transaction back at its commit, and says so in a word that is easy to miss."""
    with pytest.raises(Unreachable), db.writing():
        db.run(ADD, (1, None, None))
        with suppress(Integrity):
            db.changed(ADD, (1, None, None))
    assert rows(db) == 0


def test_a_change_that_the_server_refuses_prints_nothing(address: str) -> None:
    """The driver would warn of a pipeline that ended early, on a person's terminal."""
    program = (
        "import sys\nfrom arlo_rec.engines.postgres.postgres import PostgresConnection\n"
        "from arlo_rec.law.model.errors import *\n"
        "from tests.support.engines import first_tables\n"
        "db = PostgresConnection(sys.argv[1], b'k' * 32); db.schema.build([('first', first_tables)])\n"
        "try:\n"
        "    with db.writing():\n"
        "        db.run('INSERT INTO nothing VALUES (1)')\n"
        "        for number in range(1500): db.run(f'UPDATE counter SET n = n + {number}')\n"
        "        db.rows('SELECT 1')\n"
        "except Integrity: db.close(); print('refused')\n"
    )
    words = [sys.executable, "-c", program, address]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=TOP)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_a_refused_question_that_was_passed_over_is_no_commit(db: Connection) -> None:
    """The server answers COMMIT with ROLLBACK then, and with no error."""
    with pytest.raises(Unreachable), db.writing():
        db.run(ADD, (1, None, None))
        db.sums()
        with suppress(Integrity):
            db.rows("SELECT nothing FROM t")
    assert rows(db) == 0


def test_a_table_that_the_administrator_dropped_is_damage(db: Connection, address: str) -> None:
    with administrator(address) as other:
        other.execute("DROP TABLE t")
    with pytest.raises(Integrity):
        rows(db)


# -- the catalogue ------------------------------------------------------------------------------------


def test_statements_keep_their_texts(address: str) -> None:
    said = "SELECT '?', 'it''s', x'0aff' FROM t WHERE word = ? AND raw = ?"
    assert of_postgres(said) == "SELECT '?', 'it''s', '\\x0aff'::bytea FROM t WHERE word = $1 AND raw = $2"


def test_a_copy_is_a_file_of_the_same_rows_whose_sums_and_schema_are_those_of_its_engine(
    address: str, tmp_path: Path
) -> None:
    with closing(PostgresConnection(address, KEY)) as db:
        migrate(db)
        with db.writing():
            db.run_many("INSERT INTO shares VALUES (?, ?, ?)", [(b"%d" % at, b"s", b"") for at in range(12_000)])
            db.run("INSERT INTO tombstones VALUES ('caller', x'00', ?)", (2**62,))
        expected = {table: sorted(db.rows(f"SELECT * FROM {table}")) for table in (*SUMMED, "entries")}
        with db.reading():
            with closing(PostgresConnection(address, KEY)) as other, other.writing():
                other.run("DELETE FROM shares")
            db.copy_to(tmp_path / "copy.db", copy, lambda copied: none(copied.run("DELETE FROM tombstones")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db"]
    with closing(SqliteConnection(tmp_path / "copy.db", KEY)) as copied:
        found = {table: sorted(copied.rows(f"SELECT * FROM {table}")) for table in expected}
        assert found == expected | {"tombstones": []}
        assert digest_of(copied) == DIGESTS[VERSION].sqlite
        assert all(copied.sum_matches(table) for table in SUMMED)


def none(_: object) -> None:
    """Nothing of what a change answers."""
