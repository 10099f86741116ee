"""A crash or an error at every write: what must always hold is checked then, and again after the next run.

Steps are whole writes below the ports (`tests/support/faults.py`), in this process; `tests/proof` does it
at every system call.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import promises
from tests.support import world as worlds
from tests.support.faults import Crash, Plan, faults
from tests.support.promises import Facts, Scene
from tests.support.properties import share
from tests.support.world import World

SAMPLE = 5  # crash points per command in the ordinary run, and half as many errors; --prove takes all
SEED = 20261125


@pytest.mark.slow
def test_a_crash_at_any_write_breaks_no_promise(scene: Scene, facts: Facts, tmp_path: Path, whole: bool) -> None:
    count = _steps_of(scene, facts, tmp_path)
    assert count >= scene.writes
    for plan in _plans(count, SAMPLE, whole=whole, fails=False):
        world = _fresh(facts, tmp_path)
        with faults(plan), pytest.raises(Crash):
            world.run(*scene.asked(world), who=scene.who)
        _look(scene, facts, world, "", plan)


@pytest.mark.slow
def test_a_write_that_fails_is_told_and_breaks_no_promise(
    scene: Scene, facts: Facts, tmp_path: Path, whole: bool
) -> None:
    count = _steps_of(scene, facts, tmp_path)
    for plan in _plans(count, SAMPLE // 2, whole=whole, fails=True):
        world = _fresh(facts, tmp_path)
        with faults(plan):
            told = world.run(*scene.asked(world), who=scene.who)
        assert told.exit in {0, 3, 11, 15, 16}, (scene.name, str(plan), told)
        _look(scene, facts, world, told.out, plan)


def _plans(count: int, sample: int, *, whole: bool, fails: bool) -> Iterator[Plan]:
    points = [(at, after) for at in range(1, count + 1) for after in (False, True)]
    chosen = points if whole else random.Random(SEED).sample(points, min(share(sample), len(points)))
    return (Plan(at, after=after, fails=fails) for at, after in sorted(chosen))


def _steps_of(scene: Scene, facts: Facts, base: Path) -> int:
    world = _fresh(facts, base)
    with faults(Plan()) as plan:
        result = world.run(*scene.asked(world), who=scene.who)
    assert result.exit == 0, result
    shutil.rmtree(world.base)
    return plan.count


def _fresh(facts: Facts, base: Path) -> World:
    return worlds.copy(World(facts.world.base / "world"), base / "world")


def _look(scene: Scene, facts: Facts, world: World, told: str, plan: Plan) -> None:
    """At once, then after the next run."""
    try:
        told = told if scene.acknowledged(told) else ""
        promises.hold_at_once(scene, facts, world, told)
        promises.hold_afterwards(scene, facts, world, promises.run_again(scene, world) or told)
    except promises.Broken as broken:
        raise AssertionError(f"{scene.name} {plan}: {broken}") from broken
    shutil.rmtree(world.base)
