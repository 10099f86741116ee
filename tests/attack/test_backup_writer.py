"""The spool writer, who also writes into the folders of a backup and its ring: links, pipes, folders, huge files.

Nobody is made to read or write elsewhere by it, to wait, or to fill their memory. What a copied or planted slot of a
ring is worth stands in `test_backup_holder`.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.judge import limited
from tests.support.backups import back_up, lose, places, restore
from tests.support.world import Result, World, assert_clean, assert_no_bug, memory_of

TERABYTE = 1 << 40
LITTLE = 150_000_000  # bytes of memory
WITHOUT = ("--accept-without-feed", "--reason", "there never was a feed")


@pytest.fixture
def kept(world: World) -> World:
    """A store that is backed up, with a recording and a receipt."""
    world.take_in("a", "b")
    world.json("withdraw", "--call", world.take_in("c", seed=7)[0], "--yes", who="skranke")
    back_up(world)
    return world


def everything(world: World) -> dict[str, Result]:
    """One command of each kind that writes into a backup or its ring, or looks at them."""
    folder, ring = map(str, places(world))
    commands = {
        "backup": ("cron", "backup", folder, "--escrow", ring),
        "withdraw": ("siri", "withdraw", "90000001", "--yes"),
        "purge": ("cron", "purge"),
        "remove": ("sigrid", "person", "remove", "turid", "--yes"),
        "again": ("cron", "backup", folder, "--escrow", ring),
        "status": ("iver", "status"),
    }
    results = {}
    for name, (who, *words) in commands.items():
        with limited():
            results[name] = world.run(*words, who=who)
        assert results[name].exit in {0, 3, 11, 12, 14, 15, 16}, (name, results[name])
        assert_clean(results[name])
    assert results["withdraw"].exit == 0, "whatever lies there, it erases"
    assert_no_bug(world)
    return results


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder, with modes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else b""
        found[str(path.relative_to(folder))] = (about.st_mode, content)
    return found


PLACES: dict[str, Callable[[World], Path]] = {
    **{name: lambda w, name=name: places(w)[0] / name for name in ("objects", "receipts", "lock", "1", "backup.toml")},
    "a folder of objects": lambda w: next((places(w)[0] / "objects").iterdir()),
    "people": lambda w: places(w)[0] / "1" / "people",
    "catalogue": lambda w: places(w)[0] / "1" / "catalogue.db",
    "a backup that is being made": lambda w: places(w)[0] / "2.part",
    "a backup that was not finished": lambda w: places(w)[0] / "2",
    "ring": lambda w: places(w)[1] / "ring",
}  # fmt: skip


def linked(path: Path, elsewhere: Path) -> None:
    """Move what lies there elsewhere, and leave a link in its place."""
    elsewhere.mkdir()
    target = elsewhere / path.name
    if path.exists():
        path.rename(target)
    elif path.name == "2.part":
        target.mkdir()
    else:
        (target / "people").mkdir(parents=True)
        (target / "people" / "mine").write_bytes(b"mine")
    path.symlink_to(target)


@pytest.mark.parametrize("place", PLACES)
def test_a_link_anywhere_makes_nobody_write_elsewhere(kept: World, place: str) -> None:
    elsewhere = kept.base / "elsewhere"
    linked(PLACES[place](kept), elsewhere)
    before = contents(elsewhere)
    everything(kept)
    assert contents(elsewhere) == before


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o660)


def folder(path: Path) -> None:
    path.mkdir(mode=0o770)


def terabyte(path: Path) -> None:
    path.touch(mode=0o660)
    os.truncate(path, TERABYTE)


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_or_far_too_large_holds_no_command_up(
    kept: World, place: str, spoil: Callable[[Path], None]
) -> None:
    path = PLACES[place](kept)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    spoil(path)
    everything(kept)


@pytest.mark.parametrize("place", ["ring", "backup.toml"])
def test_a_terabyte_of_nothing_in_its_place_takes_no_memory(kept: World, place: str) -> None:
    path = PLACES[place](kept)
    path.unlink()
    terabyte(path)
    folders = [str(one) for one in places(kept)]
    try:
        most, _ = memory_of(kept, "backup", folders[0], "--escrow", folders[1], who="cron")
    except ValueError:  # it ended with an error, which is not one JSON
        return
    assert most < LITTLE


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", ["ring", "backup.toml", "receipts", "1", "people"])
def test_a_restore_is_told_so_as_well(kept: World, place: str, spoil: Callable[[Path], None]) -> None:
    path = PLACES[place](kept)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    spoil(path)
    lose(kept)
    with limited():
        told = restore(kept, *WITHOUT)
    assert told.exit in {0, 2, 12, 14, 15, 16}, told
    assert_no_bug(kept)


def test_a_link_in_a_backup_leads_a_restore_nowhere(kept: World) -> None:
    elsewhere = kept.base / "elsewhere"
    linked(places(kept)[0] / "receipts", elsewhere)
    lose(kept)
    told = restore(kept, *WITHOUT)
    assert (told.exit, told.json["error"]["code"]) == (16, "not_plain_file")
    assert not kept.store.exists()
