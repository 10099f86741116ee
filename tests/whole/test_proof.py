"""A sample of `python -m tests.proof`: every kind of try on every command, some races, some bugs that must be found."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.proof import bugs, load, plan, races, wires
from tests.proof.bugs import Bug
from tests.proof.crashes import Subject
from tests.proof.plan import Try
from tests.proof.races import Course
from tests.support import needs, promises
from tests.support import world as worlds
from tests.support.promises import Facts, Scene
from tests.support.world import World

pytestmark = [pytest.mark.slow, needs.mark(needs.program("strace"))]

RACES = random.Random(7).sample(races.PAIRS, 4)
SOWN = [  # of each kind of try that finds bugs, the ones that it finds soon
    bugs.BY_NAME[name]
    for name in ("both slots before the commit", "old slot kept", "folder not synced", "R and rows of two generations")
]
PLACES = 16  # of so many calls after which the power may be cut, one is looked at
MISSES = 5  # so many tries are made until one strikes


@pytest.fixture(scope="module")
def shop() -> Iterator[Path]:
    """A folder in memory."""
    base = plan.workshop()
    yield base
    shutil.rmtree(base)


@pytest.mark.sampled(4)
def test_a_command_that_is_cut_off_anywhere_keeps_both_promises(
    scene: Scene, facts: Facts, shop: Path, seed: int
) -> None:
    """A try of each kind, and two of power cuts; `python -m tests.proof` takes them all."""
    base = shop / f"scene {scene.name}"
    tries = list(plan.of_scene(Subject(scene, facts, base), seed, PLACES))
    random.Random(f"{seed} {scene.name}").shuffle(tries)
    kinds = [kind for kind in plan.KINDS if kind != "race" and (kind != "wire" or wires.goes_through(scene))]
    for kind in kinds:
        of_kind = iter([one for one in tries if one.kind == kind])
        for _ in range(2 if kind == "cut" else 1):
            struck = next(one for one in _outcomes(of_kind) if one[1] != "missed")
            assert struck[1] == "", (kind, struck[0])
    shutil.rmtree(base)


def _outcomes(tries: Iterator[Try]) -> Iterator[tuple[str, str]]:
    """What came of one try after the other: where threads share the work, the ninth write of one may never come."""
    return ((one.what, plan.outcome(one)) for one in islice(tries, MISSES))


@pytest.mark.parametrize(("first", "rival"), RACES, ids=lambda one: str(one))
def test_a_command_that_is_stopped_while_another_runs_keeps_both_promises(
    first: str, rival: str, lived_in: World, shop: Path, seed: int
) -> None:
    course = Course(promises.BY_NAME[first], promises.BY_NAME[rival], lived_in, shop / f"race {first} {rival}")
    course.run(random.Random(seed).choice(course.races()))


@pytest.mark.parametrize("bug", SOWN, ids=lambda one: one.name)
def test_a_bug_that_was_sown_is_found(bug: Bug, lived_in: World, shop: Path, seed: int) -> None:
    tries, because = plan.find_bug(bug, lived_in, shop / f"bug {bug.name}", seed)
    assert tries <= plan.BUG_TRIES and because


def test_four_at_once_see_no_error_and_nothing_of_who_withdrew(lived_in: World, shop: Path, seed: int) -> None:
    played = load.play(worlds.copy(lived_in, shop / "load"), 6.0, seed)
    assert played.counts["ingest"] and played.counts["find"]


def test_a_bug_is_sown_for_every_kind_of_try_that_finds_any() -> None:
    assert {one.found_by for one in SOWN} == {one.found_by for one in bugs.BUGS}
