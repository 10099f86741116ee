"""A sample of `python -m tests.proof`: every kind of try on every command, some races, some bugs that must be found."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof import bugs, load, plan, races
from tests.proof.bugs import Bug
from tests.proof.crashes import Subject
from tests.proof.races import Course
from tests.support import promises
from tests.support import world as worlds
from tests.support.promises import Scene
from tests.support.world import World

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

RACES = random.Random(7).sample(races.PAIRS, 4)
SOWN = [one for one in bugs.BUGS if one.name in {"both slots before the commit", "old slot kept", "folder not synced"}]


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    """A folder in memory."""
    base = plan.workshop()
    yield base
    shutil.rmtree(base)


@pytest.fixture(scope="module")
def ready(shop: Path) -> World:
    """The store that every scene begins with; never change it."""
    return plan.ready(shop)


@pytest.mark.parametrize("scene", promises.SCENES, ids=lambda one: one.name)
def test_a_command_that_is_cut_off_anywhere_keeps_both_promises(
    scene: Scene, ready: World, shop: Path, seed: int
) -> None:
    """One try of each kind; `python -m tests.proof` takes them all."""
    base = shop / f"scene {scene.name}"
    tries = list(plan.of_scene(Subject(scene, ready, base), seed))
    random.Random(f"{seed} {scene.name}").shuffle(tries)
    for kind in plan.KINDS[:-1]:
        one = next(one for one in tries if one.kind == kind)
        assert plan.outcome(one) == "", (kind, one.what)
    shutil.rmtree(base)


@pytest.mark.parametrize(("first", "rival"), RACES, ids=lambda one: str(one))
def test_a_command_that_is_stopped_while_another_runs_keeps_both_promises(
    first: str, rival: str, ready: World, shop: Path, seed: int
) -> None:
    course = Course(promises.BY_NAME[first], promises.BY_NAME[rival], ready, shop / f"race {first} {rival}")
    course.run(random.Random(seed).choice(course.races()))


@pytest.mark.parametrize("bug", SOWN, ids=lambda one: one.name)
def test_a_bug_that_was_sown_is_found(bug: Bug, ready: World, shop: Path, seed: int) -> None:
    tries, because = plan.find_bug(bug, ready, shop / f"bug {bug.name}", seed)
    assert tries <= plan.BUG_TRIES and because


def test_four_at_once_see_no_error_and_nothing_of_who_withdrew(ready: World, shop: Path, seed: int) -> None:
    played = load.play(worlds.copy(ready, shop / "load"), 6.0, seed)
    assert played.counts["ingest"] and played.counts["find"]
