"""A store whose catalogue has another version is refused, by opening and by restoring, and stays as it was."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.schema import DIGESTS, VERSION, digest_of, migrate
from tests.support.catalogue import catalogue
from tests.support.packed import unpack
from tests.support.places import STORES
from tests.support.postgres import Postgres
from tests.support.world import World


@pytest.fixture
def old(tmp_path: Path) -> World:
    """A store as the first, unreleased version of the catalogue left it."""
    unpack(STORES / "schema-1.tar.xz", tmp_path)
    return World(tmp_path / "schema-1")


def set_schema(world: World, version: int) -> None:
    """Write another number into `meta`, past the program."""
    db = catalogue(world)
    with db.writing():
        db.run("UPDATE meta SET number = ? WHERE key = 'schema'", (version,))
    db.close()


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("cron", ("status",)),
        ("cron", ("verify",)),
        ("cron", ("purge",)),
        ("skranke", ("withdraw", "90000001", "--yes")),
        ("sigrid", ("grants",)),
    ],
)
def test_a_store_of_an_unreleased_version_is_refused_and_not_changed(
    old: World, who: str, words: tuple[str, ...]
) -> None:
    before = (old.store / "catalogue.db").read_bytes()
    ran = old.run(*words, "--json", who=who)
    assert (ran.exit, ran.json["error"]["code"]) == (16, "store_too_old")
    assert (old.store / "catalogue.db").read_bytes() == before


@pytest.mark.parametrize(("version", "code"), [(VERSION - 1, "store_too_old"), (VERSION + 1, "store_too_new")])
def test_every_number_but_todays_is_refused(world: World, version: int, code: str) -> None:
    set_schema(world, version)
    ran = world.run("status", "--json", who="cron")
    assert (ran.exit, ran.json["error"]["code"]) == (16, code)
    set_schema(world, VERSION)
    assert world.run("status", who="cron").exit == 0


def test_the_digest_that_is_demanded_is_of_what_the_steps_make() -> None:
    """Whoever changes the schema writes the new digest beside the new version."""
    made = SqliteConnection(None, b"k" * 32)
    migrate(made)
    assert digest_of(made) == DIGESTS[VERSION].sqlite


@pytest.mark.xdist_group("postgres")
def test_each_version_of_the_other_engine_describes_the_same_steps_alike(each_postgres: Postgres) -> None:
    with closing(PostgresConnection(each_postgres.address(each_postgres.database()), b"k" * 32)) as made:
        migrate(made)
        assert digest_of(made) == DIGESTS[VERSION].postgres


def test_the_figures_for_the_planner_are_those_of_indexes_that_exist(template: World) -> None:
    db = catalogue(template)
    indexes = set(db.rows("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'"))
    figures = set(db.rows("SELECT tbl, idx FROM sqlite_stat1"))
    db.close()
    assert figures <= indexes, "the engine says nothing about a name that it does not know"
    assert {index for index in indexes if index[0] in {"recordings", "metadata", "shares"}} <= figures
