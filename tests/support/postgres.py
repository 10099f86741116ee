"""A throw-away PostgreSQL on a socket and, with TLS, on loopback; a database for each test that asks."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from arlo_rec.backends import Connection
from tests.support.engines import KEY
from tests.support.openbao import free_port, until, write_certificates

VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
_NUMBERS = itertools.count()


def lacking() -> str | None:
    """Why no server can be started here."""
    if not VERSIONS:
        return "no PostgreSQL is installed"
    return None if os.geteuid() == 0 else "needs root, to become the account that PostgreSQL runs as"


class Postgres(NamedTuple):
    """A server that runs."""

    programs: Path
    folder: Path
    port: int

    def address(self, database: str) -> str:
        """The address of a database, by the socket."""
        return f"postgres://postgres@{quote(str(self.folder), safe='')}:{self.port}/{database}"

    def address_on_loopback(self, database: str) -> str:
        """The address of a database, by TLS."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslrootcert={self.folder}/ca.pem"

    def _way(self, database: str) -> tuple[str, ...]:
        return ("-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database, "-X", "-q")

    def psql(self, script: str, database: str = "postgres") -> str:
        """What `psql` complains of in a script."""
        return self.run("psql", *self._way(database), "-v", "VERBOSITY=terse", "-f", "-", script=script).stderr

    def run(self, program: str, *words: str, script: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of its programs as the account that it runs as."""
        command = ("runuser", "-u", "postgres", "--", str(self.programs / program), *words)
        return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, input=script)

    def set_tls(self, *, on: bool) -> None:
        """Have it take TLS, or not, from the next connection on."""
        said = "on" if on else "off"
        assert not self.psql(f"ALTER SYSTEM SET ssl = {said};") + self.psql("SELECT pg_reload_conf();")
        until(lambda: said in self.run("psql", *self._way("postgres"), "-t", "-c", "SHOW ssl").stdout)

    def database(self) -> str:
        """A new, empty database."""
        name = f"c{next(_NUMBERS)}"
        assert not self.psql(f"CREATE DATABASE {name} TEMPLATE template0;")
        return name


class PostgresEngine(NamedTuple):
    """One database."""

    address: str

    def connect(self, key: bytes = KEY) -> Connection:
        from arlo_rec.backends.postgres import PostgresConnection

        return PostgresConnection(self.address, key)


@contextmanager
def running(programs: Path) -> Iterator[Postgres]:
    """A server until the block ends; its files are gone then."""
    with tempfile.TemporaryDirectory(prefix="pg-") as made:  # where another account comes to; a socket's name is short
        folder = Path(made)
        shutil.chown(folder, "postgres")
        server, data = Postgres(programs, folder, free_port()), str(folder / "data")
        begun = server.run(
            "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8"
        )
        assert begun.returncode == 0, begun.stderr
        write_certificates(folder)
        shutil.chown(folder / "server.key", "postgres")
        (folder / "server.key").chmod(0o600)
        asked = (
            f"-c listen_addresses=127.0.0.1 -c port={server.port} -c unix_socket_directories={folder} -c fsync=off "
            f"-c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.key"
        )
        begun = server.run("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", asked, "-w", "start")
        assert begun.returncode == 0, begun.stderr
        try:
            server.set_tls(on=True)
            yield server
        finally:
            server.run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
