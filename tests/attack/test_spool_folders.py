"""The spool writer: the files of others are neither read, nor taken in, nor removed, whenever they swap."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.exchanges import spool
from tests.support.attack import SECRETS, identity
from tests.support.promises import plunder
from tests.support.sounds import tone_wav
from tests.support.world import World, assert_no_bug

MINE, THEIRS = tone_wav(0.3, seed=1), tone_wav(0.3, seed=2)


def lay(world: World) -> tuple[Path, Path]:
    """A folder of the spool with a call in it, and a folder elsewhere with a file of the same name."""
    world.deliver("call", sound=MINE)
    inside, outside = world.spool / "day" / "hour", world.base / "elsewhere"
    inside.mkdir(parents=True)
    for file in list(world.spool.glob("call.*")):
        file.rename(inside / file.name)
    shutil.copytree(inside, outside)
    (outside / "call.wav").write_bytes(THEIRS)
    return inside, outside


def stored(world: World) -> list[bytes]:
    """Every sound that everybody's secrets open."""
    return list(plunder(world, [identity(world, name) for name in SECRETS]).sounds.values())


@contextmanager
def swapped(monkeypatch: pytest.MonkeyPatch, at: int, name: str, swap: Callable[[], None]) -> Iterator[list[int]]:
    """*swap* is done right before the how-manieth call of a function of `spool`."""
    calls = [0]
    real = getattr(spool, name)

    def meanwhile(*words: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == at:
            swap()
        return real(*words, **named)

    with monkeypatch.context() as patch:
        patch.setattr(spool, name, meanwhile)
        yield calls


def by_a_link(folder: Path, outside: Path) -> None:
    folder.rename(folder.with_name("was"))
    folder.symlink_to(outside)


def by_a_link_above(folder: Path, outside: Path) -> None:
    day = folder.parent
    day.rename(day.with_name("was"))
    (outside.parent / "above").mkdir()
    (outside.parent / "above" / folder.name).symlink_to(outside)
    day.symlink_to(outside.parent / "above")


def by_the_folder_itself(folder: Path, outside: Path) -> None:
    """Whoever may write to both can move a folder that they cannot read."""
    folder.rename(folder.with_name("was"))
    shutil.copytree(outside, folder)


@pytest.mark.parametrize("swap", [by_a_link, by_a_link_above, by_the_folder_itself], ids=lambda swap: swap.__name__)
@pytest.mark.parametrize(("name", "at"), [("opened", 2), ("opened", 3), ("remove", 1), ("remove", 2)])
def test_a_folder_that_is_exchanged_for_a_link_leads_nowhere(
    world: World, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Path, Path], None], name: str, at: int
) -> None:
    """Between the manifest and its sound, between judging and reading, and before either is removed."""
    inside, outside = lay(world)
    theirs = {file.name: file.read_bytes() for file in outside.iterdir()}
    with swapped(monkeypatch, at, name, lambda: swap(inside, outside)) as calls:
        world.json("ingest", str(world.spool), who="telefon")
    assert calls[0] >= at, "the moment came"
    assert {file.name: file.read_bytes() for file in outside.iterdir()} == theirs
    assert not any(THEIRS[-1000:] in sound for sound in stored(world))
    if swap is by_the_folder_itself:
        assert {file.name for file in inside.iterdir()} == theirs.keys(), "what took its place stays"
    assert_no_bug(world)


@pytest.mark.parametrize("form", ["calls.jsonl", "calls.csv"])
def test_a_manifest_of_many_does_not_lead_elsewhere_either(
    world: World, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    world.deliver("call", sound=MINE)
    gathered = world.gather(form)
    inside, outside = world.spool / "day" / "hour", world.base / "elsewhere"
    inside.mkdir(parents=True)
    for file in (gathered, world.spool / "call.wav"):
        file.rename(inside / file.name)
    shutil.copytree(inside, outside)
    (outside / "call.wav").write_bytes(THEIRS)
    with swapped(monkeypatch, 3, "opened", lambda: by_a_link(inside, outside)):
        told = world.json("ingest", str(world.spool), who="telefon")
    assert not told["accepted"] and (outside / "call.wav").read_bytes() == THEIRS
    assert not stored(world)


@pytest.mark.parametrize("by", ["a link", "a folder"])
def test_the_folder_that_was_named_is_the_one_that_was_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The exchange may own the folder above, too."""
    world.deliver("call", sound=MINE)
    elsewhere = world.base / "elsewhere"
    shutil.copytree(world.spool, elsewhere)
    (elsewhere / "call.wav").write_bytes(THEIRS)

    def swap() -> None:
        world.spool.rename(world.base / "was")
        if by == "a link":
            world.spool.symlink_to(elsewhere)
        else:
            shutil.copytree(elsewhere, world.spool)

    with swapped(monkeypatch, 1, "opened", swap):
        told = world.json("ingest", str(world.spool), who="telefon")
    assert not told["accepted"] and not stored(world)
    assert len(list((world.base / "was").iterdir())) == 2 and len(list(elsewhere.iterdir())) == 2


def test_a_listing_does_not_follow_a_folder_that_became_a_link(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = lay(world)
    real = spool.Home.reached

    def meanwhile(home: spool.Home, folder: Path, *words: Any) -> Any:
        if folder == inside and not inside.is_symlink():
            by_a_link(inside, outside)
        return real(home, folder, *words)

    monkeypatch.setattr(spool.Home, "reached", meanwhile)
    assert world.code("ingest", str(world.spool), who="telefon") == (16, "spool_unreachable")
    assert not stored(world)
