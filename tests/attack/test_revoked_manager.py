"""A manager whose grant for one team was revoked and who has another: with own code, and with everything they kept."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

import pytest

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.keys import layout
from tests.support.attack import Loot, identity, loot, rob
from tests.support.catalogue import catalogue, own_code
from tests.support.world import REASON, World

TABLES = ("grant_seeds", "grant_histories", "commit_keys", "audience_keys", "audience_seals", "audience_wraps")


@dataclass
class Kept:
    """What the manager kept of the time of their grant: every row, and every key that they could open."""

    rows: dict[str, list[tuple[Any, ...]]]
    loot: Loot


@pytest.fixture
def held(world: World) -> dict[str, str]:
    """A call of each of two teams."""
    ours = {"kundeservice": world.take_in("ours", seed=1)[0], "salg": world.take_in("theirs", seed=2, team="salg")[0]}
    return ours


@pytest.fixture
def revoked(world: World, held: dict[str, str]) -> Kept:
    """leif heard kundeservice and salg; kundeservice was revoked. R comes back to him with the other grant."""
    grant = world.grant("leif", "quality", "--team", "kundeservice")
    world.grant("leif", "quality", "--team", "salg")
    world.take_in("meanwhile", seed=3)
    db = catalogue(world)
    kept = Kept({table: db.rows(f"SELECT * FROM {table}") for table in TABLES}, loot(world, "leif"))
    db.close()
    world.json("revoke", "leif", "--grant", grant["id"], who="sigrid")
    return kept


def everything(world: World, kept: Kept) -> Loot:
    keys = (*kept.loot.audiences.values(), *kept.loot.commits.values())
    return rob(layout.find(world.store), identity(world, "leif"), kept.loot.seeds.values(), keys)


def put_back(db: SqliteConnection, kept: Kept) -> None:
    for table, rows in kept.rows.items():
        for row in rows:
            db.run(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def test_nothing_that_comes_later_opens_whatever_of_their_rows_they_delete(world: World, revoked: Kept) -> None:
    with own_code(world) as db:
        for table in TABLES:
            db.run(f"DELETE FROM {table}")
    (new,) = world.take_in("after", seed=9)
    assert new not in everything(world, revoked).kf


def test_nothing_that_comes_later_opens_whatever_of_their_rows_they_put_back(world: World, revoked: Kept) -> None:
    with own_code(world) as db:
        put_back(db, revoked)
        db.run("UPDATE grant_histories SET reached = 0")
    (new,) = world.take_in("after", seed=9)
    assert world.run("grants", who="sigrid").exit == 0, "an officer's next command, which finishes what was left"
    found = everything(world, revoked)
    assert new not in found.kf
    assert found.sounds, "what was open to them while they copied stays so: SECURITY.md says it"


def test_the_program_opens_nothing_with_a_grant_that_ended_though_its_rows_are_back(
    world: World, revoked: Kept, held: dict[str, str]
) -> None:
    with own_code(world) as db:
        put_back(db, revoked)
    words = ("--purpose", "quality", "--reason", REASON)
    found = world.json("find", *words, who="leif")["recordings"]
    assert [one["id"] for one in found] == [held["salg"]]
    out = ("--out", str(world.base / "out.wav"))
    assert world.run("export", held["kundeservice"], *words, *out, who="leif").exit == 13


def test_a_grant_that_was_revoked_leaves_no_seed_and_nothing_wrapped(world: World, revoked: Kept) -> None:
    db = catalogue(world)
    live = {row[0] for row in db.rows("SELECT grant_id FROM grant_histories")}
    assert len(live) == 1
    for table in ("grant_seeds", "audience_wraps"):
        assert {row[0] for row in db.rows(f"SELECT grant_id FROM {table}")} == live
    db.close()


@pytest.mark.parametrize("tables", [("recordings",), ("recordings", "audience_keys")], ids=["row", "row and key"])
def test_a_call_of_another_team_does_not_open_because_its_row_says_another_team(
    world: World, held: dict[str, str], tables: tuple[str, ...]
) -> None:
    """leif may hear kundeservice; he writes that into the rows of a call of salg. Then the officer searches, too."""
    world.grant("leif", "quality", "--team", "kundeservice")
    with own_code(world) as db:
        for table in tables:
            db.run(f"UPDATE {table} SET team = 'kundeservice' WHERE team = 'salg'")
    assert held["salg"] not in loot(world, "leif").kf
    out = ("--out", str(world.base / "out.wav"))
    told = world.run("export", held["salg"], "--purpose", "quality", "--reason", REASON, *out, who="leif")
    assert told.exit in (13, 15)
    assert not (world.base / "out.wav").exists()
    assert any(one["what"] == held["salg"] for one in world.run("verify", "--json", who="iver").json["problems"])


def test_a_row_that_says_another_team_than_its_key_is_named_to_the_officer_who_answers_and_not_opened(
    world: World, held: dict[str, str]
) -> None:
    with own_code(world) as db:
        db.run("UPDATE recordings SET team = 'kundeservice' WHERE team = 'salg'")
    words = ("--identity", "called back on the number of the contract", "--out", str(world.base / "a.html"))
    told = world.run("dsar", "90000001", *words, "--json", who="sigrid")
    assert (told.exit, told.json["changed"]) == (15, [held["salg"]])


def test_yesterdays_rows_of_a_call_lend_no_later_call_their_key(world: World, revoked: Kept) -> None:
    """The id of an audience key that they know, put in place of the one that a later call's object names."""
    (new,) = world.take_in("after", seed=9)
    db = catalogue(world)
    named = {row[0] for row in db.rows("SELECT id FROM audience_keys")} - {
        row[0] for row in revoked.rows["audience_keys"]
    }
    db.close()
    (later,) = named
    known = next(iter(revoked.loot.audiences))
    with own_code(world) as db:
        for table, column in (("audience_keys", "id"), ("audience_seals", "audience_key")):
            db.run(f"DELETE FROM {table} WHERE {column} = ?", (later,))
            db.run(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (later, known))
    assert new not in everything(world, revoked).kf
    codes = {one["code"] for one in world.run("verify", "--json", who="iver").json["problems"]}
    assert {"audience_key_missing", "audience_key_changed"} & codes
    shutil.rmtree(world.spool)
