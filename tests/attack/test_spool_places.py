"""A service at the door, and any path for an intake: nothing is read or removed but in the spools of the store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import TypedFiles
from arlo_rec.exchanges import spool
from tests.support import feed as feeds
from tests.support.backups import back_up, places
from tests.support.world import World

SQUASHED = 4_000_000  # the account of a mount that shows every file as another's, so that none is the owner's
REMOVING = ("--remove-refused", "not_a_file", "--remove-refused", "bad_metadata")


@pytest.fixture
def at_the_door(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(TypedFiles, "account_of_store", lambda _files: SQUASHED)


@pytest.fixture
def share(world: World) -> Path:
    """A share with the store's feed and its backup, whose files are not shown as the owner's."""
    world.setting(f'feed = "{feeds.path(world)}"')
    feeds.path(world).parent.mkdir(exist_ok=True)
    feeds.empty(world)
    world.take_in("held")
    world.json("withdraw", "90000001", "--yes", who="siri")
    back_up(world)
    return feeds.path(world).parent


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_through_the_door_calls_are_taken_in_from_the_named_spools_alone(
    world: World, share: Path, at_the_door: Callable[[], None]
) -> None:
    """A path outside them ends in the same words whether it is there, and lists no name."""
    backup, ring = places(world)
    elsewhere = [share, backup / "receipts", ring, world.store, world.base, feeds.path(world), world.spool / ".." / "x"]
    before = files(world.base)
    at_the_door()
    for paths in ((*elsewhere, world.spool), elsewhere):
        for path in paths:
            result = world.run("ingest", str(path), *REMOVING, "--json", who="telefon")
            assert (result.exit, result.json["error"]["code"]) == (2, "not_a_spool"), path
        world.setting(f'spool = "{world.spool}"')
    assert {name for name in before if not name.startswith((str(world.store), str(world.root)))} <= files(
        world.base
    ).keys()
    world.deliver("call", caller="+4790000002")
    below = world.spool / "day"
    below.mkdir()
    for part in list(world.spool.glob("call.*")):
        part.rename(below / part.name)
    assert len(world.json("ingest", str(below), who="telefon")["accepted"]) == 1


def test_a_way_into_a_spool_that_became_a_link_leads_nowhere(
    world: World, monkeypatch: pytest.MonkeyPatch, at_the_door: Callable[[], None]
) -> None:
    """Between the look at the path and the first look at the folder."""
    at_the_door()
    world.setting(f'spool = "{world.spool}"')
    (world.spool / "way" / "day").mkdir(parents=True)
    outside = world.base / "outside"
    (outside / "day").mkdir(parents=True)
    world.deliver("call")
    for part in list(world.spool.glob("call.*")):
        part.rename(outside / "day" / part.name)
    real = spool.home_of

    def meanwhile(path: Path, **named: object) -> spool.Home:
        if "within" in named:
            shutil.rmtree(world.spool / "way")
            (world.spool / "way").symlink_to(outside)
        return real(path, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(spool, "home_of", meanwhile)
    result = world.run("ingest", str(world.spool / "way" / "day"), *REMOVING, "--json", who="telefon")
    assert "call" not in result.out and len(list((outside / "day").iterdir())) == 2


def test_the_owners_account_takes_nothing_in_from_a_place_of_the_store(world: World, share: Path) -> None:
    """Nor from a folder above or below one."""
    backup, ring = places(world)
    config = world.base / "config" / "arlo-rec"
    key = world.base / "keys"
    key.mkdir()
    shutil.copy(world.base / "telefon.key", key / "telefon.key")
    for path in (share, feeds.path(world), backup, backup / "receipts", ring.parent, world.base, config):
        assert world.code("ingest", str(path), *REMOVING, who="telefon") == (2, "spool_is_store"), path
    opened_with = ("--key-file", str(key / "telefon.key"), "--json")
    assert world.run("ingest", str(key), *opened_with).json["error"]["code"] == "spool_is_store"
    world.setting(f'spool = "{world.spool}"')
    assert world.code("ingest", str(key), who="telefon") == (2, "not_a_spool"), "where spools are named, for all"


def test_a_file_that_is_no_delivery_is_refused_and_stays(
    world: World, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another store's feed and receipts, a foreign JSON; and what a description names as its sound."""
    backup, _ = places(world)
    foreign = world.spool / "others"
    shutil.copytree(backup, foreign / "backup")
    shutil.copytree(world.store / "receipts", foreign / "receipts")
    shutil.copy(feeds.path(world), foreign / "feed.jsonl")
    (foreign / "package.json").write_text('{"name": "player", "version": "1.0"}', "utf-8")
    (foreign / "cut.json").write_text('{"name": "pl', "utf-8")
    kept = files(foreign)
    (foreign / "naming.json").write_text('{"audio": "feed.jsonl"}', "utf-8")
    told = world.json("ingest", str(world.spool), *REMOVING, who="telefon")
    assert files(foreign) == kept, "and only what named a sound is gone"
    assert str(foreign / "package.json") in told["left"]
    later = datetime.now(UTC) + timedelta(days=8)
    monkeypatch.setattr(Run, "now", lambda _run: later)
    world.json("purge", "--allow-large", who="cron")
    world.json("ingest", str(world.spool), who="telefon")
    assert files(foreign) == kept, "however long it lies there"


def test_a_file_beside_the_store_names_no_sound_in_it(world: World) -> None:
    """Else its refusal, as past its day, would remove the sound."""
    world.deliver("old", started=datetime.now(UTC) - timedelta(days=200), audio="store/ballast")
    beside = world.base / "old.json"
    (world.spool / "old.json").rename(beside)
    told = world.json("ingest", str(beside), "--remove-refused", "not_a_file", who="telefon")
    assert [each["code"] for each in told["refused"]] == ["not_a_file"]
    assert (world.store / "ballast").exists() and beside.exists()
