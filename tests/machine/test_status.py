"""What `status` says of a store that is new, that nothing saves from a loss, or that came back without its feed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.vault.backends import Row
from arlo_rec.vault.backends.sqlite import SqliteConnection
from tests.support.backups import back_up, lose, restore
from tests.support.feed import configure
from tests.support.world import Result, World


def status(world: World) -> Result:
    return world.run("status", "--json", who="iver")


@pytest.mark.in_a_file
@pytest.mark.parametrize(("who", "most"), [("iver", 30), ("leif", 30), ("cron", 32), ("sigrid", 36)])
def test_a_status_asks_the_catalogue_little(world: World, monkeypatch: pytest.MonkeyPatch, who: str, most: int) -> None:
    """A store in a database answers each question over a network."""
    world.json("status", who=who)  # the first run of an account notes what it saw
    asked, ask = list[str](), SqliteConnection._ask

    def counted(connection: SqliteConnection, sql: str, values: Sequence[object]) -> list[Row]:
        asked.append(sql)
        return ask(connection, sql, values)

    monkeypatch.setattr(SqliteConnection, "_ask", counted)
    world.json("status", who=who)
    assert 10 < len(asked) <= most


def test_a_new_store_shows_no_purge_until_one_ran(world: World) -> None:
    assert status(world).json["last_purge"] is None
    assert "No purge has run yet." in world.run("status", "--lang", "en", who="iver").out
    assert "Ingen sletting er kjørt ennå." in world.run("clock", "--lang", "nb", who="iver").out
    assert world.json("clock", who="iver")["last_purge"] is None
    world.json("purge", who="cron")
    assert status(world).json["last_purge"] is not None
    assert "Last purge: 20" in world.run("status", "--lang", "en", who="iver").out


def test_that_a_clock_was_accepted_is_shown_as_no_purge(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(hours=2))
        world.json("audit", "show", who="iver")  # which the log has with that time
    world.accept_clock()
    assert status(world).json["last_purge"] is None
    world.json("purge", who="cron")
    assert status(world).json["last_purge"] is not None


def test_a_store_without_a_feed_and_with_one_officer_is_warned_of_until_it_has_both(world: World) -> None:
    found = status(world)
    assert (found.exit, found.json["warnings"], found.json["critical"]) == (0, ["no_feed", "one_officer"], [])
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    assert status(world).json["warnings"] == ["no_feed"]
    (world.base / "mount").mkdir()
    configure(world)
    assert status(world).json["warnings"] == []
    world.json("person", "remove", "sara", "--yes", who="sigrid")
    assert status(world).json["warnings"] == ["one_officer"], "the recovery key is an officer on paper only"


def test_a_store_that_came_back_without_its_feed_is_critical_until_an_officer_accepts_that(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    lose(fed)
    assert restore(fed).exit == 14
    found = fed.run("status", "--json", who="sigrid")
    assert (found.exit, found.json["critical"]) == (3, ["unreplayed"])
    assert "--accept-without-feed" in fed.run("status", "--lang", "en", who="sigrid").out
    fed.json("restore", "--accept-without-feed", "--reason", "the feed burnt too", who="sigrid")
    found = fed.run("status", "--json", who="sigrid")
    assert (found.exit, found.json["critical"]) == (0, [])


@pytest.mark.rule("access.need")
def test_requests_and_objections_are_shown_to_officers_and_it_alone(world: World) -> None:
    world.json("case", "open", "90000001", "--identity", "called-back", who="sigrid")
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "training", who="sigrid")
    counts = {
        who: (len(told["requests"]), len(told["objections"]))
        for who in ("sigrid", "iver", "leif", "siri", "telefon", "cron")
        if (told := world.json("status", who=who))
    }
    assert counts == {"sigrid": (1, 1), "iver": (1, 1)} | dict.fromkeys(("leif", "siri", "telefon", "cron"), (0, 0))
