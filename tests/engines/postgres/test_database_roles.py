"""Three roles of a database: one alters its tables, one does the work of every day, one reads.

`examples/postgres/setup.sql` makes them. libpq takes the role from PGUSER, since the address names no user.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import quote

import psycopg
import pytest

from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.vault.catalogue import schema
from tests.support import needs
from tests.support import world as worlds
from tests.support.backups import back_up
from tests.support.engines import KEY
from tests.support.feed import configure
from tests.support.newer import NEXT, Programs, digest_of_newer
from tests.support.places import TOP
from tests.support.postgres import Postgres
from tests.support.world import REASON, World, assert_no_bug

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]
SETUP = (TOP / "examples" / "postgres" / "setup.sql").read_text("utf-8")
READER, MIGRATOR = "arlo_reader", "arlo_migrator"
FORBIDDEN = (
    "ALTER TABLE shares DISABLE TRIGGER ALL",
    "TRUNCATE shares",
    "DROP TABLE shares",
    "CREATE TRIGGER more AFTER INSERT ON shares EXECUTE FUNCTION tally()",
    "CREATE TABLE more (n int)",
    "CREATE TEMPORARY TABLE shares (n int)",
    "CREATE OR REPLACE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE SCHEMA more",
    "ALTER DATABASE arlo SET search_path = more",
    "SET ROLE arlo_migrator",
    "SET session_replication_role = replica",
)


class Database:
    """The database that the example makes on one server."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.address = f"postgres://{quote(str(server.folder), safe='')}:{server.port}/arlo"

    def of(self, role: str) -> str:
        """The address that names a role."""
        return self.address.replace("//", f"//{role}@")


@pytest.fixture(scope="module")
def database(postgres_server: Postgres) -> Iterator[Database]:
    for _ in range(2):  # once more changes nothing
        assert not postgres_server.psql(SETUP, store="arlo")
    yield Database(postgres_server)
    roles = f"arlo, {MIGRATOR}, {READER}"
    assert not postgres_server.psql(f"DROP DATABASE arlo WITH (FORCE); DROP ROLE {roles};")


@pytest.fixture(scope="module")
def store(database: Database, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store that the migrator made. No test leaves its tables changed, but the last one."""
    base = tmp_path_factory.mktemp("roles")
    with_secret = base / "passphrase"
    with_secret.write_text(worlds.PASSPHRASE + "\n", "utf-8")
    with_secret.chmod(0o600)
    init = ("init", "--officer", "sigrid", "--passphrase-file", str(with_secret), "--catalogue", database.address)
    early = World(base, {"PGUSER": "arlo"})
    refused = early.run(*init, "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (16, "database_refuses"), refused
    assert not early.store.exists() and not early.root.exists()
    return worlds.found(base, "--catalogue", database.address, environment={"PGUSER": MIGRATOR})


def found_calls(world: World) -> set[str]:
    found = world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]
    return {call["id"] for call in found}


@pytest.fixture
def daily(store: World) -> Iterator[World]:
    """The same store, with the role of every day."""
    world = World(store.base, {"PGUSER": "arlo"})
    yield world
    assert_no_bug(world)


def test_the_role_of_every_day_does_all_work_but_alters_nothing(daily: World, database: Database) -> None:
    (daily.base / "mount").mkdir()
    configure(daily)
    daily.grant()
    daily.take_in("a", "b")
    back_up(daily)
    daily.json("withdraw", "90000001", "--yes", who="siri")
    (kept,) = daily.take_in("kept", caller="+4790000009")
    daily.json("person", "remove", "turid", "--yes", who="sigrid")
    assert daily.run("purge", who="cron").exit == 0
    assert daily.json("verify", "--read-data", who="sigrid")["problems"] == []
    assert found_calls(daily) == {kept}
    with psycopg.connect(database.of("arlo"), autocommit=True) as weak:
        for deed in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                weak.execute(deed)


def test_the_reader_sees_what_lies_there_and_writes_nothing(daily: World, database: Database) -> None:
    reading = World(daily.base, {"PGUSER": READER})
    assert reading.code("grant", "leif", "--reason", REASON, "--purpose", "quality", who="sigrid")[0] == 16
    with psycopg.connect(database.of(READER), autocommit=True) as weak:
        assert weak.execute("SELECT count(*) FROM recordings").fetchone() is not None
        for deed in (*FORBIDDEN, "DELETE FROM shares", "UPDATE sums SET value = ''", "INSERT INTO steps VALUES ('x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                weak.execute(deed)


@needs.mark(needs.root(), needs.program("unshare"))
def test_a_copy_that_cannot_be_written_is_looked_at_by_the_reader(daily: World) -> None:
    looks = ("status", "verify --read-data", "audit verify", "audit show")
    who = f"--as iver --passphrase-file {daily.base / 'passphrase'} --store {daily.store} --json"
    told = daily.base / "told"
    lines = [f"mount --bind {path} {path}; mount -o remount,ro,bind {path}" for path in (daily.store, daily.root)]
    lines += [f"{sys.executable} -m arlo_rec {look} {who} >/dev/null; echo $? >>{told}" for look in looks]
    environment = {"PGUSER": READER, "XDG_STATE_HOME": str(daily.base / "other"), "PYTHONPATH": str(TOP)}
    words = ["unshare", "--mount", "sh", "-c", "\n".join(lines)]
    subprocess.run(words, check=True, env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    assert told.read_text("utf-8").split()[1:] == ["0", "0", "0"]
    assert told.read_text("utf-8").split()[0] in {"0", "3"}


def test_an_upgrade_waits_for_the_migrator_and_its_tables_are_everybody_s(
    daily: World, database: Database, postgres_servers: Callable[[int], Postgres], postgres_server: Postgres
) -> None:
    there = digest_of_newer(PostgresConnection(postgres_server.address(postgres_server.database()), KEY))
    with pytest.MonkeyPatch.context() as patch:
        Programs(schema.Digests(b"", there)).newer(patch)
        for words, who in ((("status",), "iver"), (("purge",), "cron"), (("upgrade", "--dry-run"), "cron")):
            refused = daily.run(*words, "--json", who=who)
            assert (refused.exit, refused.json["error"]["code"]) == (16, "database_takes_owner")
            assert "PGUSER=arlo_migrator" in refused.json["error"]["message"]
    assert daily.json("verify", who="iver")["problems"] == []  # by the older program: nothing was changed
    migrator = World(daily.base, {"PGUSER": MIGRATOR})
    with pytest.MonkeyPatch.context() as patch:
        Programs(schema.Digests(b"", there)).newer(patch)
        assert migrator.json("upgrade", "--dry-run", who="cron")["upgraded"] is False
        done = migrator.json("upgrade", who="cron")
        assert (done["before"], done["after"], done["upgraded"]) == (NEXT - 1, NEXT, True)
        daily.deliver("no", consent={"key": None}, caller="+4790000007")
        daily.run("ingest", str(daily.spool), who="telefon")  # writes into the table with the new column
        daily.json("withdraw", "90000009", "--yes", who="siri")
        assert found_calls(daily) == set()
        assert daily.json("verify", "--read-data", who="iver")["problems"] == []
        entries = daily.json("audit", "show", "--action", "upgrade", who="iver")["entries"]
        assert [entry["detail"]["copied"] for entry in entries] == [False]
        assert not list(daily.store.glob("catalogue-*"))
    with closing(psycopg.connect(database.of("arlo"), autocommit=True)) as weak:
        weak.execute("INSERT INTO marks VALUES ('second', 2)")  # the table that the upgrade made
    with closing(psycopg.connect(database.of(READER), autocommit=True)) as weak:
        assert weak.execute("SELECT count(*) FROM marks").fetchone() == (2,)
    assert daily.code("status", who="iver") == (16, "store_too_new")
