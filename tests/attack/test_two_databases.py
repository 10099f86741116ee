"""The keeper of the catalogue's database, who leads one of two hosts to a copy of yesterday and the other to today's.

A store of yesterday's rows is noticed when it is opened (`test_in_postgres`). Here a run is open already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.law.log.events import Denied
from arlo_rec.law.model.errors import Integrity
from arlo_rec.policy import Action
from arlo_rec.store import open_store
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Store
from tests.support import postgres
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.postgres import Postgres
from tests.support.world import REASON, World

pytestmark = pytest.mark.xdist_group("postgres")
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def shared(postgres_server: Postgres, tmp_path: Path) -> Iterator[World]:
    """A store of two hosts with two calls, whose catalogue lies in a database."""
    world = worlds.found(tmp_path, "--catalogue", postgres_server.address(postgres_server.database()))
    world.grant()
    world.take_in("a", "b")
    yield world
    postgres.drop(world.store)


@contextmanager
def on_the_other_host(world: World, copy: str) -> Iterator[None]:
    """Commands run on a host that remembers nothing, and that is led to a *copy* of the database."""
    file, today = world.store / "store.toml", layout.find(world.store).catalogue_at
    told, before = file.read_text("utf-8"), dict(world.environment)
    file.write_text(told.replace(today, copy), "utf-8")
    world.environment["XDG_STATE_HOME"] = str(world.base / "state-other")
    try:
        yield
    finally:
        file.write_text(told, "utf-8")
        world.environment = before


def opened(world: World, who: str) -> AbstractContextManager[Store]:
    return open_store(layout.find(world.store), identity(world, who), datetime.now(UTC), StateFolder(None))


def look(store: Store) -> None:
    """What a run does before anything is heard."""
    store.note(Denied(action=Action.FIND, rule="access.manager", code="no_grant"), datetime.now(UTC))


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize(
    ("words", "who"),
    [
        (("find", *WHY), "leif"),
        (("withdraw", "90000077", "--yes"), "siri"),
        (("person", "remove", "turid", "--yes"), "sigrid"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else one,
)
def test_a_run_that_is_open_hears_nothing_once_another_host_went_on_in_a_copy(
    shared: World, postgres_server: Postgres, words: tuple[str, ...], who: str
) -> None:
    today = layout.find(shared.store).catalogue_at
    name = today.rpartition("/")[2]
    assert not postgres_server.psql(f"CREATE DATABASE {name}_copy TEMPLATE {name};")
    with opened(shared, "iver") as here:
        look(here)
        with opened(shared, "siri") as beside:
            look(beside)
        look(here)  # another run of the same database is none of that
    with opened(shared, "iver") as here, on_the_other_host(shared, f"{today}_copy"):
        assert shared.code("status", who="iver")[0] == 15, "what this host did since is known to both"
    assert not postgres_server.psql(f"DROP DATABASE {name}_copy; CREATE DATABASE {name}_copy TEMPLATE {name};")
    with opened(shared, "iver") as here:
        with on_the_other_host(shared, f"{today}_copy"):
            shared.json(*words, who=who)
        for _ in range(3):  # as many as it takes to overtake the other
            with pytest.raises(Integrity, match=r"older|rolled_back"):
                look(here)
    assert shared.code("find", *WHY, who="leif")[0] == 15, "until the owner says which of the two counts"
    postgres.drop_database(f"{today}_copy")


def test_a_host_that_is_led_to_an_empty_database_opens_nothing_and_makes_nothing_there(
    shared: World, postgres_server: Postgres
) -> None:
    today = layout.find(shared.store).catalogue_at
    empty = f"{today}_empty"
    assert not postgres_server.psql(f"CREATE DATABASE {empty.rpartition('/')[2]} TEMPLATE template0;")
    try:
        with on_the_other_host(shared, empty):
            for who in ("iver", "sigrid"):
                assert shared.code("status", who=who) == (15, "catalogue_missing")
            assert shared.code("withdraw", "90000077", "--yes", who="siri") == (15, "catalogue_missing")
        with on_the_other_host(shared, empty):
            assert shared.code("status", who="iver") == (15, "catalogue_missing"), "nothing was made there"
    finally:
        postgres.drop_database(empty)
