"""A catalogue of an earlier version becomes today's when it is opened, whoever opens it and however many at once."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue import schema
from arlo_rec.catalogue.schema import VERSION, migrate
from arlo_rec.keys import layout
from arlo_rec.keys.key_files import read_catalogue_seal, unlock
from arlo_rec.model.errors import InUse
from arlo_rec.store import catalogue_key
from tests.support.places import STORES
from tests.support.world import PASSPHRASE, REASON, World

KEY = b"k" * 32


@pytest.fixture
def old(tmp_path: Path) -> World:
    """A store as the first version left it."""
    with tarfile.open(STORES / "schema-1.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return World(tmp_path / "schema-1")


def connection(world: World) -> SqliteConnection:
    """The catalogue, opened past the program, which would migrate it."""
    where = layout.find(world.store)
    (seed,) = read_catalogue_seal(where, unlock(where, "sigrid", PASSPHRASE.encode()))
    return SqliteConnection(where.catalogue, catalogue_key(seed))


def shape(db: SqliteConnection) -> list[tuple[str, str]]:
    """Every table and index, as it was made."""
    return [
        (name, sql) for name, sql in db.rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY 1")
    ]


def schema_of(world: World) -> int:
    """The number that the catalogue goes by."""
    db = connection(world)
    (found,) = db.rows("SELECT value FROM meta WHERE key = 'schema'")
    db.close()
    return int(found[0])


def test_a_store_of_the_first_version_opens_for_everybody_and_is_whole(old: World) -> None:
    assert schema_of(old) == 1
    assert old.json("status", who="cron")["held"] == 2
    assert schema_of(old) == VERSION
    assert old.json("verify", "--read-data", who="cron")["problems"] == []
    assert old.json("audit", "verify", who="cron")["problems"] == []
    assert old.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 2
    assert old.json("verify", "--read-data", who="sigrid")["problems"] == []


def test_a_search_finds_in_a_migrated_store_what_was_taken_in_before(old: World) -> None:
    old.grant("leif", "quality")
    told = old.json("find", "--purpose", "quality", "--reason", REASON, who="leif")
    assert {one["id"] for one in told["recordings"]} <= _held(old), "the calls may be past their day by now"
    old.take_in("new")
    assert len(old.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]) >= 1


def _held(world: World) -> set[str]:
    db = connection(world)
    found = {row[0].hex() for row in db.rows("SELECT id FROM recordings WHERE state = 'held'")}
    db.close()
    return found


def test_a_migrated_catalogue_has_the_shape_of_a_new_one(old: World, template: World) -> None:
    old.json("status", who="cron")
    migrated, made = connection(old), connection(template)
    assert shape(migrated) == shape(made)
    figures = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY idx"
    assert migrated.rows(figures) == made.rows(figures)
    for db in (migrated, made):
        db.close()


def test_what_was_remembered_before_a_migration_raises_no_alarm_after_it(old: World) -> None:
    for who in ("cron", "skranke", "sigrid", "cron"):
        assert old.run("status" if who != "sigrid" else "grants", who=who).exit == 0


def test_the_figures_for_the_planner_are_those_of_indexes_that_exist(template: World) -> None:
    db = connection(template)
    indexes = set(db.rows("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'"))
    told = set(db.rows("SELECT tbl, idx FROM sqlite_stat1"))
    assert told <= indexes, "the engine says nothing about a name that it does not know"
    assert {one for one in indexes if one[0] in {"recordings", "metadata", "shares"}} <= told
    db.close()


def test_metadata_keys_that_no_row_uses_do_not_outlive_the_migration(old: World) -> None:
    db = connection(old)
    with db.writing():
        db.run("INSERT INTO metadata_keys (id, listening_key, sealed, day) VALUES (x'00', x'00', x'00', 0)")
    used = db.rows("SELECT DISTINCT metadata_key FROM metadata ORDER BY 1")
    db.close()
    old.json("status", who="cron")
    db = connection(old)
    assert db.rows("SELECT id FROM metadata_keys ORDER BY 1") == used
    db.close()


def test_a_migration_that_dies_leaves_the_catalogue_as_it_was(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_BY_TIME_AND_USE", schema._BY_TIME_AND_USE + "SELECT nothing FROM nowhere;")
        assert old.run("status", who="cron").exit == 16
    assert schema_of(old) == 1
    assert old.run("status", who="cron").exit == 0
    assert schema_of(old) == VERSION


def test_of_two_commands_that_find_an_old_catalogue_at_once_one_migrates_and_the_other_waits(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    one = SqliteConnection(path, KEY)
    one.build(lambda database: migrate(database, upto="0002_by_time_and_use"))
    with one.writing():
        one.run("INSERT INTO meta (key, value) VALUES ('schema', 1)")
    other = SqliteConnection(path, KEY)
    other.rows("PRAGMA busy_timeout=0")
    looked = []

    def meanwhile(database: Any) -> None:
        """Nobody else may even look what is missing while somebody is about to add it."""
        with pytest.raises(InUse):
            other.build(looked.append)
        migrate(database)

    one.build(meanwhile)
    other.build(migrate)
    assert not looked
    assert other.rows("SELECT value FROM meta WHERE key = 'schema'") == [(VERSION,)]
    assert other.rows("SELECT count(*) FROM _sqlite_migrations") == [(VERSION,)]
    for db in (one, other):
        db.close()
