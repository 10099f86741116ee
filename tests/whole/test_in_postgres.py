"""The life of a store whose catalogue lies in PostgreSQL: the program does there what it does in a file.

`--engine postgres` runs any other test there too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arlo_rec.vault.keys import layout
from tests.support import postgres
from tests.support import world as worlds
from tests.support.attack import identity, rob
from tests.support.backups import back_up, lose, opened, with_feed
from tests.support.catalogue import catalogue
from tests.support.feed import configure
from tests.support.postgres import Postgres
from tests.support.world import REASON, World, assert_no_bug

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture(scope="module")
def founded(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with people; never change it."""
    where = postgres_server.address(postgres_server.database())
    return worlds.found(tmp_path_factory.mktemp("founded"), "--catalogue", where)


@pytest.fixture
def there(founded: World, tmp_path: Path) -> Iterator[World]:
    """A store with a feed and two calls, whose catalogue lies in a database."""
    world = worlds.copy(founded, tmp_path / "world")
    (world.base / "mount").mkdir()
    configure(world)
    world.grant()
    world.take_in("a", "b")
    yield world
    assert_no_bug(world)
    postgres.drop(world.store)


def found_calls(world: World) -> set[str]:
    return {call["id"] for call in world.json("find", *WHY, who="leif")["recordings"]}


def test_there_is_no_file_of_the_catalogue_and_an_older_program_would_refuse(there: World) -> None:
    assert not (there.store / "catalogue.db").exists()
    assert "format = 5\n" in (there.store / "store.toml").read_text("utf-8")


def test_a_call_is_found_and_saved_and_everything_is_whole(there: World) -> None:
    (first, _) = sorted(found_calls(there))
    there.json("export", first, *WHY, "--out", str(there.base / "a.wav"), who="leif")
    assert (there.base / "a.wav").read_bytes()[:4] == b"RIFF"
    assert there.json("verify", "--read-data", who="iver")["problems"] == []
    assert there.run("audit", "verify", who="iver").exit == 0


def test_what_is_withdrawn_is_gone_and_no_key_opens_it(there: World) -> None:
    assert opened(there) == found_calls(there)
    assert len(opened(there)) == 2
    there.json("withdraw", "90000001", "--yes", who="siri")
    assert opened(there) == found_calls(there) == set()
    assert there.json("verify", "--read-data", who="iver")["problems"] == []


def test_a_removed_officer_s_key_opens_the_database_no_more(there: World) -> None:
    kept = identity(there, "iver")
    assert rob(layout.find(there.store), kept).catalogue
    there.json("person", "remove", "iver", "--yes", who="sigrid")
    there.json("status", who="sigrid")
    assert not rob(layout.find(there.store), kept).catalogue
    assert found_calls(there)
    assert there.json("verify", who="sigrid")["problems"] == []


def test_a_restore_from_a_backup_has_its_catalogue_in_a_file_and_revives_nothing(there: World) -> None:
    (kept,) = there.take_in("other", caller="+4790000009")
    back_up(there)
    there.json("withdraw", "90000001", "--yes", who="siri")
    lose(there)
    with_feed(there)
    assert (there.store / "catalogue.db").exists()
    assert opened(there) == {kept}


def test_a_catalogue_that_was_put_back_is_noticed_and_opens_nothing_that_was_erased(there: World) -> None:
    """The administrator of the server restores a dump of yesterday, or reads one, a replica or a journal of then."""
    older = layout.find(there.store).catalogue_at
    twin = worlds.copy(there, there.base.parent / "twin")
    files = [path for path in (there.store / "objects").rglob("*") if path.is_file()]
    objects = {path.relative_to(there.store): path.read_bytes() for path in files}
    assert len(objects) == len(opened(there)) == 2
    there.json("withdraw", "90000001", "--yes", who="siri")
    file = there.store / "store.toml"
    file.write_text(file.read_text("utf-8").replace(older, layout.find(twin.store).catalogue_at), "utf-8")
    assert there.code("status", who="iver")[0] == 15
    for path, sealed in objects.items():  # the sealed sound was kept too
        (there.store / path).parent.mkdir(parents=True, exist_ok=True)
        (there.store / path).write_bytes(sealed)
    assert opened(there) == set()
    assert len(opened(twin)) == 2  # with the root secret of then, which no server has
    file.write_text(file.read_text("utf-8").replace(layout.find(twin.store).catalogue_at, older), "utf-8")
    assert there.run("status", who="iver").exit in (0, 3)
    postgres.drop(twin.store)


def test_a_row_that_the_administrator_changed_is_named(there: World) -> None:
    db = catalogue(there)
    db.rows("SET session_replication_role = replica")  # in which no trigger runs
    with db.writing():
        assert db.changed("UPDATE recordings SET team = 'salg'") == 2
    db.close()
    told = there.run("verify", "--read-data", "--json", who="iver")
    assert told.exit == 15
    assert {"code": "rows_changed", "what": "recordings"} in told.json["problems"]


@pytest.mark.parametrize(
    "deed",
    [
        "ALTER TABLE shares DISABLE TRIGGER shares_goes",
        "CREATE OR REPLACE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE RULE kept AS ON DELETE TO shares DO INSTEAD NOTHING",
        "ALTER TABLE shares ENABLE ROW LEVEL SECURITY",
    ],
)
def test_a_table_trigger_or_function_that_the_administrator_changed_is_named(there: World, deed: str) -> None:
    db = catalogue(there)
    db.rows(deed)
    db.close()
    told = there.run("verify", "--json", who="iver")
    assert (told.exit, told.json["problems"]) == (15, [{"code": "schema_changed", "what": "catalogue"}]), told


def test_a_database_that_is_away_ends_a_command_and_calls_wait_in_the_spool(there: World) -> None:
    there.deliver("later")
    file = there.store / "store.toml"
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(layout.find(there.store).catalogue_at, "postgres://x@%2Fnowhere/x"), "utf-8")
    assert there.code("ingest", str(there.spool), who="telefon") == (16, "database_unreachable")
    assert there.code("withdraw", "90000001", "--yes", who="siri") == (16, "database_unreachable")
    assert (there.spool / "later.json").exists()
    file.write_text(whole, "utf-8")
    assert len(there.json("ingest", str(there.spool), who="telefon")["accepted"]) == 1


def test_a_database_with_tables_is_not_taken_and_nothing_is_made(there: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other")
    other.base.mkdir()
    taken = layout.find(there.store).catalogue_at
    secret = str(there.base / "passphrase")
    made = other.run("init", "--officer", "sigrid", "--passphrase-file", secret, "--catalogue", taken, "--json")
    assert (made.exit, json.loads(made.out)["error"]["code"]) == (2, "database_taken")
    assert not other.store.exists()
    assert not other.root.exists()
    assert len(found_calls(there)) == 2


# -- versions of the server ---------------------------------------------------------------------------


def live(world: World) -> None:
    """What a store does in its life, from the first call to an erasure, and whether all is whole."""
    (world.base / "mount").mkdir(exist_ok=True)
    configure(world)
    world.grant()
    (kept,) = world.take_in("kept", caller="+4790000009")
    world.take_in("a", "b", "c", seed=5)
    back_up(world)
    world.json("withdraw", "90000001", "--yes", who="siri")
    world.json("person", "remove", "turid", "--yes", who="sigrid")  # and so the catalogue has a new key
    assert world.run("purge", who="cron").exit == 0
    assert opened(world) == found_calls(world) == {kept}
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    assert world.run("audit", "verify", who="iver").exit == 0


def test_every_version_that_is_tried_keeps_a_store_through_its_life(each_postgres: Postgres, tmp_path: Path) -> None:
    where = each_postgres.address(each_postgres.database())
    live(worlds.found(tmp_path, "--catalogue", where))


def test_a_store_goes_on_in_a_newer_server_into_which_its_dump_was_restored(
    postgres_servers: Callable[[int], Postgres], tmp_path: Path
) -> None:
    """The schema is as the program made it, the sums hold, and nothing counts as put back."""
    older, newer = (postgres_servers(version) for version in (postgres.VERSIONS[0], postgres.VERSIONS[-1]))
    database, restored = older.database(), newer.database()
    world = worlds.found(tmp_path, "--catalogue", older.address(database))
    live(world)
    dumped = newer.run("pg_dump", *older.way(database))
    assert not dumped.stderr
    assert not newer.psql(dumped.stdout, restored)
    file = world.store / "store.toml"
    file.write_text(file.read_text("utf-8").replace(older.address(database), newer.address(restored)), "utf-8")
    assert world.run("status", who="iver").exit in (0, 3)
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    (new,) = world.take_in("new", caller="+4790000009", seed=20)  # numbered after those that came before
    assert new in opened(world)
    assert len(opened(world)) == 2
    world.json("withdraw", "90000009", "--yes", who="siri")
    assert opened(world) == found_calls(world) == set()
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
