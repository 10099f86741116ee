"""A throw-away PostgreSQL on a socket and, with TLS, on loopback; a database for each test that asks."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg

from arlo_rec.vault.backends import Connection
from arlo_rec.vault.keys.layout import STORE_FILE_BYTES
from tests.support import needs
from tests.support.authority import LOOPBACK, Authority
from tests.support.engines import KEY
from tests.support.openbao import free_port, until

INSTALLED = {int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("*/bin")}  # programs by version
VERSIONS = sorted({15, 17, *INSTALLED})  # those of Debian 12 and 13, and what else is here
OLDEST, NEWEST = min(INSTALLED, default=VERSIONS[0]), max(INSTALLED, default=VERSIONS[-1])
_NUMBERS = itertools.count()


def lacking(version: int) -> str | None:
    """Why no server of a version can be started here."""
    is_here = version in INSTALLED
    return needs.root() or (None if is_here else f"no PostgreSQL {version}: sudo apt-get install postgresql-{version}")


class Postgres(NamedTuple):
    """A server that runs."""

    programs: Path
    folder: Path
    port: int
    host: str = LOOPBACK

    @property
    def data(self) -> str:
        """The folder of its files."""
        return str(self.folder / "data")

    @property
    def socket(self) -> Path:
        """Its socket."""
        return self.folder / f".s.PGSQL.{self.port}"

    def address(self, database: str) -> str:
        """The address of a database, by the socket."""
        return f"postgres://postgres@{quote(str(self.folder), safe='')}:{self.port}/{database}"

    def address_by_tls(self, database: str) -> str:
        """The address of a database, by TLS."""
        return f"postgres://postgres@{self.host}:{self.port}/{database}?sslrootcert={self.folder}/ca.pem"

    def way(self, database: str) -> tuple[str, ...]:
        """The words by which its programs find a database."""
        return ("-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database)

    def psql(self, script: str, database: str = "postgres", **variables: str) -> str:
        """What `psql` complains of in a script."""
        said = [f"--set={name}={value}" for name, value in {"VERBOSITY": "terse", **variables}.items()]
        return self.run("psql", "-X", "-q", *self.way(database), *said, "-f", "-", script=script).stderr

    def ask(self, query: str, database: str = "postgres") -> str:
        """What `psql` prints for a query: rows, with a bar between columns."""
        asked = self.run("psql", "-X", "-q", *self.way(database), "-t", "-A", "-c", query)
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.strip()

    def run(self, program: str, *words: str, script: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of its programs as the account that it runs as."""
        command = ("runuser", "-u", "postgres", "--", str(self.programs / program), *words)
        return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, input=script)

    def set_tls(self, *, on: bool) -> None:
        """Have it take TLS, or not, from the next connection on."""
        said = "on" if on else "off"
        assert not self.psql(f"ALTER SYSTEM SET ssl = {said};") + self.psql("SELECT pg_reload_conf();")
        until(lambda: said in self.run("psql", "-X", *self.way("postgres"), "-t", "-c", "SHOW ssl").stdout)

    def database(self) -> str:
        """A new, empty database."""
        name = f"c{next(_NUMBERS)}"
        assert not self.psql(f"CREATE DATABASE {name} TEMPLATE template0;")
        return name


class PostgresEngine(NamedTuple):
    """One database."""

    address: str

    def connect(self, key: bytes = KEY) -> Connection:
        from arlo_rec.engines.postgres.postgres import PostgresConnection

        return PostgresConnection(self.address, key)


def address_of(store: Path) -> str | None:
    """The address of a store's catalogue, where it lies in a database."""
    file = store / "store.toml"
    if not file.is_file():  # a named pipe would never end
        return None
    try:
        with file.open(encoding="utf-8") as opened:
            said = tomllib.loads(opened.read(STORE_FILE_BYTES))
    except (OSError, ValueError, RecursionError):  # what a test broke
        return None
    return said.get("catalogue")


def part(store: Path) -> None:
    """Give a copy of a store a database of its own with the same rows, where its catalogue lies in one."""
    if (old := address_of(store)) is not None:
        way, _, name = old.rpartition("/")
        new = f"{name}_{os.getpid()}_{next(_NUMBERS)}"
        _administer(way, f"CREATE DATABASE {new} TEMPLATE {name}")
        file = store / "store.toml"
        file.write_text(file.read_text("utf-8").replace(old, f"{way}/{new}"), "utf-8")


def drop(store: Path) -> None:
    """Drop the database of a store that a test needs no more."""
    if (address := address_of(store)) is not None:
        drop_database(address)


def drop_database(address: str) -> None:
    """Drop a database that a test needs no more."""
    way, _, name = address.rpartition("/")
    _administer(way, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _administer(way: str, statement: str) -> None:
    with psycopg.connect(f"{way}/postgres", autocommit=True) as server:
        server.execute(statement)


@contextmanager
def running(version: int, *settings: str, host: str = LOOPBACK) -> Iterator[Postgres]:
    """A server with these settings until the block ends; its files are gone then."""
    with _place(version, host) as server:
        cluster = ("-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8")
        made = server.run("initdb", "-D", server.data, *cluster)
        assert made.returncode == 0, made.stderr
        with Path(server.data, "pg_hba.conf").open("a", encoding="utf-8") as rules:
            rules.write("hostssl all all samenet trust\n")
        Authority(server.folder).sign("server", host=host)
        shutil.chown(server.folder / "server.key", "postgres")
        (server.folder / "server.key").chmod(0o600)
        tls = (f"ssl_cert_file={server.folder}/server.pem", f"ssl_key_file={server.folder}/server.key")
        with _started(server, *tls, *settings):
            server.set_tls(on=True)
            yield server


class Pair(NamedTuple):
    """A server, and a standby that has every commit before it is acknowledged."""

    first: Postgres
    standby: Postgres

    def address(self, database: str) -> str:
        """The address of a database, on whichever of the two writes."""
        hosts = ",".join(f"{quote(str(each.folder), safe='')}:{each.port}" for each in self)
        return f"postgres://postgres@{hosts}/{database}"

    def fail_over(self) -> None:
        """Kill the first, and have the standby write."""
        stopped = self.first.run("pg_ctl", "-D", self.first.data, "-m", "immediate", "-w", "stop")
        assert stopped.returncode == 0, stopped.stderr
        promoted = self.standby.run("pg_ctl", "-D", self.standby.data, "-w", "promote")
        assert promoted.returncode == 0, promoted.stderr


@contextmanager
def pair(version: int) -> Iterator[Pair]:
    """Two servers until the block ends, the second a synchronous standby of the first."""
    with running(version) as first, _place(version) as standby:
        way = ("-h", str(first.folder), "-p", str(first.port), "-U", "postgres")
        copied = standby.run("pg_basebackup", "-D", standby.data, *way, "-R", "-X", "stream", "-c", "fast", "-N")
        assert copied.returncode == 0, copied.stderr
        with _started(standby, "hot_standby=on", "ssl=off"):
            assert not first.psql("ALTER SYSTEM SET synchronous_standby_names = '*';")
            assert not first.psql("SELECT pg_reload_conf();")
            asked = ("-t", "-c", "SELECT sync_state FROM pg_stat_replication")
            until(lambda: "sync" in first.run("psql", *first.way("postgres"), *asked).stdout.split())
            yield Pair(first, standby)


@contextmanager
def _place(version: int, host: str = LOOPBACK) -> Iterator[Postgres]:
    near = os.environ.get("PYTEST_DEBUG_TEMPROOT")  # where another account comes to; a socket's name is short
    with tempfile.TemporaryDirectory(prefix="pg-", dir=near) as made:
        shutil.chown(made, "postgres")
        yield Postgres(INSTALLED[version], Path(made), free_port(), host)


@contextmanager
def _started(server: Postgres, *settings: str) -> Iterator[None]:
    place = (f"port={server.port}", f"unix_socket_directories={server.folder}", f"listen_addresses={server.host}")
    asked = " ".join(f"-c {each}" for each in (*place, "fsync=off", *settings))
    begun = server.run("pg_ctl", "-D", server.data, "-l", str(server.folder / "log"), "-o", asked, "-w", "start")
    assert begun.returncode == 0, begun.stderr
    try:
        yield
    finally:
        server.run("pg_ctl", "-D", server.data, "-m", "immediate", "-w", "stop")
