"""Who holds the backup, its ring or the feed: parts of several ones mixed, and files with holes that have no end.

What is erased stays erased, what is here is whole, and a restore ends in a moment. Planted slots and changed logs
stand in `test_backup_holder`, links and pipes in `test_backup_writer`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.judge import limited
from tests.support import world as worlds
from tests.support.backups import back_up, is_whole, lose, opened, places, restore, with_feed
from tests.support.feed import path as feed_path
from tests.support.world import World


def object_of(world: World, call: str) -> Path:
    return places(world)[0] / "objects" / call[:2] / call


def exchange(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


# -- parts of several backups ---------------------------------------------------------------------------


def older_catalogue(world: World) -> None:
    """The catalogue of the first backup in the place of the second's."""
    shutil.copy(places(world)[0] / "1" / "catalogue.db", places(world)[0] / "2" / "catalogue.db")


def older_whole(world: World) -> None:
    """The whole folder as it was, with the ring of today."""
    shutil.rmtree(places(world)[0])
    shutil.copytree(world.base / "yesterday", places(world)[0])


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("mix", [older_catalogue, older_whole], ids=lambda mix: mix.__name__)
def test_an_older_backup_with_the_ring_of_today_brings_back_nothing_that_was_erased(
    fed: World, mix: Callable[[World], None]
) -> None:
    fed.take_in("a")
    (stays,) = fed.take_in("b", caller="+4790000002", seed=5)
    back_up(fed)
    shutil.copytree(places(fed)[0], fed.base / "yesterday")
    fed.json("withdraw", "90000001", "--yes", who="siri")
    back_up(fed)
    mix(fed)
    lose(fed)
    told = with_feed(fed)
    assert (told["passed_over"], told["erased"], told["held"]) == ([2], 1, 1)
    assert opened(fed) == {stays}
    is_whole(fed)


def test_an_object_in_the_place_of_another_is_lost_and_opens_as_nobodys(fed: World) -> None:
    one, other = fed.take_in("a", "b")
    back_up(fed)
    (stays,) = fed.take_in("c", seed=9)
    back_up(fed)
    exchange(object_of(fed, one), object_of(fed, other))
    lose(fed)
    assert (with_feed(fed)["lost"], opened(fed)) == (2, {stays})
    is_whole(fed)


def test_the_ring_of_another_machines_copy_opens_no_backup(fed: World, template: World, tmp_path: Path) -> None:
    """It even has the same id, people and keys, and went on otherwise."""
    other = worlds.copy(template, tmp_path / "other")
    for world in (fed, other):
        world.take_in("a")
        back_up(world)
    shutil.copy(places(other)[1] / "ring", places(fed)[1] / "ring")
    lose(fed)
    told = restore(fed, "--feed", str(feed_path(fed)))
    assert (told.exit, told.json["error"]["code"]) == (15, "backup_damaged")
    assert not fed.store.exists() and not fed.root.exists()


def test_of_the_files_beside_the_receipts_none_comes_into_the_store(fed: World) -> None:
    fed.take_in("a")
    receipt = Path(fed.json("withdraw", "--call", fed.take_in("b", seed=4)[0], "--yes", who="skranke")["receipt"])
    back_up(fed)
    for name in ("x.json", "a\nb.json", "..\\..\\evil.json", "-rf.json", ".json"):
        (places(fed)[0] / "receipts" / name).write_bytes(b"{}")
    lose(fed)
    with_feed(fed)
    assert [path.name for path in (fed.store / "receipts").iterdir()] == [receipt.name]


# -- lines of a feed in another order -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "ends"),
    [(lambda told: [line for line in told for _ in range(2)], 0), (lambda told: told[::-1], 15)],
    ids=["doubled", "backwards"],
)
def test_lines_of_a_feed_that_come_twice_say_it_once_and_backwards_they_are_refused(
    fed: World, change: Callable[[list[bytes]], list[bytes]], ends: int
) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="siri")
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    first, *told = feed_path(fed).read_bytes().splitlines(keepends=True)
    feed_path(fed).write_bytes(first + b"".join(change(told)))
    lose(fed)
    ended = restore(fed, "--feed", str(feed_path(fed)))
    assert (ended.exit, fed.store.exists()) == (ends, ends == 0)
    if not ends:
        assert (ended.json["erased"], ended.json["removed"], opened(fed)) == (1, ["turid"], set())


# -- files with holes -----------------------------------------------------------------------------------


def in_an_object(world: World) -> Path:
    return next((places(world)[0] / "objects").glob("*/*"))


def in_the_catalogue(world: World) -> Path:
    return places(world)[0] / "2" / "catalogue.db"


HOLES = {
    in_an_object: {"lost": 1, "held": 2},
    in_the_catalogue: {"passed_over": [2], "held": 2},
    feed_path: {"held": 3},
}


@pytest.mark.parametrize("place", HOLES, ids=["object", "catalogue", "feed"])
def test_a_file_of_holes_larger_than_the_disk_holds_no_restore_up(fed: World, place: Callable[[World], Path]) -> None:
    fed.take_in("a", "b")
    back_up(fed)
    fed.take_in("c", seed=9)
    back_up(fed)
    path = place(fed)
    os.truncate(path, max(1 << 40, shutil.disk_usage(fed.base).total))
    lose(fed)
    with limited():
        told = with_feed(fed)
    assert {key: told[key] for key in HOLES[place]} == HOLES[place]
