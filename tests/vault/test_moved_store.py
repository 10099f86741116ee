"""A copy of a store is known as one and only looked at; a store that was moved opens once an officer says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import back_up, places
from tests.support.disks import mounted
from tests.support.watchers import ALL, told_by
from tests.support.world import REASON, World

WRITES = {
    "siri": ("withdraw", "90000001", "--yes"),
    "cron": ("purge",),
    "telefon": ("ingest", "SPOOL"),
    "leif": ("find", "--purpose", "quality", "--reason", REASON),
    "sigrid": ("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", REASON),
}
LOOKS = (
    ("verify",),
    ("verify", "--read-data"),
    ("audit", "show"),
    ("audit", "verify"),
    ("audit", "checkpoint"),
    ("clock",),
)


def at(world: World, store: Path) -> World:
    """The same people and accounts, with another store."""
    return World(world.base, {**world.environment, "ARLO_REC_STORE": str(store)})


def copied(world: World, how: str) -> World:
    """A copy as IT makes one: beside the store, below whose root it then lies, or of both folders."""
    if how == "beside":
        target = world.store.with_name("store.copy")
        shutil.copytree(world.store, target)
    else:
        target = world.base / "aside" / "store"
        shutil.copytree(world.store, target)
        shutil.copytree(world.root, target.with_name("store.root"))
    return at(world, target)


def content(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("how", ["beside", "both"])
def test_a_copy_is_looked_at_and_nothing_is_written_by_it(world: World, how: str) -> None:
    world.take_in("a")
    copy = copied(world, how)
    store = Path(copy.environment["ARLO_REC_STORE"])
    before = content(store, world.root, store.with_name("store.root"), world.base / "state")
    assert told_by(copy, "store_moved") == ALL
    status = copy.run("status", "--json", who="iver")
    assert (status.exit, status.json["critical"], status.json["held"]) == (3, ["store_moved"], 1)
    for words in LOOKS:
        told = copy.run(*words, "--json", who="iver")
        assert told.exit == (3 if words[0] == "verify" else 0), (words, told)
        assert not told.json.get("problems") and told.json.get("store_moved", True)
    assert content(store, world.root, store.with_name("store.root"), world.base / "state") == before
    world.spool.mkdir(exist_ok=True)
    for who, words in WRITES.items():
        told = copy.run(*(str(world.spool) if word == "SPOOL" else word for word in words), "--json", who=who)
        assert (told.exit, told.json["error"]["code"]) == (15, "store_moved"), words
        assert str(store) in told.json["error"]["message"] and "status --store" in told.json["error"]["message"]
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert world.json("verify", who="iver")["problems"] == [], "the store itself goes on"


@pytest.mark.in_a_file  # else it has the rows of the store itself
def test_an_older_copy_says_that_it_is_older_too_and_no_officers_word_makes_it_the_store(world: World) -> None:
    world.take_in("a")
    copy = copied(world, "beside")
    world.json("withdraw", "90000001", "--yes", who="siri")
    critical = copy.run("status", "--json", who="iver").json["critical"]
    assert "store_moved" in critical and len(critical) > 1
    assert copy.run("verify", who="iver").exit == 15
    shown = copy.run("audit", "show", "--lang", "en", who="iver")
    assert (shown.exit, "is a copy of the store" in shown.err) == (0, True)
    assert copy.code("status", "--root", str(world.root), who="sigrid")[0] == 15
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.parametrize("by", ["hand", "a link at the old place"])
def test_a_store_that_was_moved_opens_once_an_officer_says_so(world: World, by: str) -> None:
    world.take_in("a")
    store, root = world.base / "new" / "store", world.base / "new" / "store.root"
    store.parent.mkdir()
    world.store.rename(store)
    world.root.rename(root)
    moved = at(world, store)
    if by == "hand":
        assert moved.code("purge", who="cron") == (15, "store_moved")
        assert moved.code("status", "--root", str(root), who="iver") == (15, "store_moved")
        assert moved.code("status", "--root", str(world.root), who="sigrid") == (15, "store_moved")
        assert moved.run("status", "--root", str(root), "--json", who="sigrid").json["critical"] == []
        newest = moved.json("audit", "show", "--person", "sigrid", who="iver")["entries"][-1]
        assert newest["action"] == "authority", "her word is in the log"
    else:
        for path in (store, root):
            world.base.joinpath(path.name).symlink_to(path)
        moved = world
    assert moved.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert moved.json("status", who="iver")["critical"] == []
    assert moved.json("verify", "--read-data", who="iver") == moved.json("verify", who="iver")


def test_a_copy_that_an_officer_made_the_store_leaves_a_store_that_says_why_it_is_closed(world: World) -> None:
    world.take_in("a")
    copy = copied(world, "beside")
    assert copy.run("status", "--root", str(world.root), who="sigrid").exit == 0
    assert copy.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert world.code("purge", who="cron") == (15, "store_moved")


@pytest.fixture
def bound(world: World) -> Iterator[World]:
    """A world that is mounted at a second place."""
    place = world.base.with_name(f"{world.base.name}-bound")
    place.mkdir()
    with mounted("--bind", world.base, place):
        yield at(world, place / "store")


def test_a_store_is_the_same_through_a_link_and_through_another_mount(world: World, bound: World) -> None:
    world.take_in("a")
    link = world.base / "link"
    link.symlink_to(world.store)
    (world.base / "link.root").symlink_to(world.root)
    for same in (at(world, link), bound, world):
        assert same.json("status", who="iver")["critical"] == []
        assert same.run("purge", who="cron").exit == 0


def test_a_restored_store_lies_where_it_was_restored_to(world: World) -> None:
    world.take_in("a")
    back_up(world)
    folder, ring = places(world)
    other = at(world, world.base / "other")
    words = ("restore", str(folder), "--escrow", str(ring), "--accept-without-feed", "--reason", REASON, "--yes")
    other.json(*words, who="sigrid")
    assert "store_moved" not in other.json("status", who="sigrid")["critical"]
    assert world.json("status", who="iver")["critical"] == []
