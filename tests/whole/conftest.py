"""What tests of whole commands share: one store that was lived in, and what is known of each scene before it begins."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.support import promises
from tests.support.promises import Facts, Scene
from tests.support.world import World


@pytest.fixture(scope="session")
def lived_in(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The store that every scene begins with; never change it. See `promises.lived_in`."""
    return promises.lived_in(template, tmp_path_factory.mktemp("lived-in"))


@pytest.fixture(scope="session")
def known(lived_in: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scene], Facts]:
    """What is known of a scene before it begins, found out once; never change its world."""

    @cache
    def facts(name: str) -> Facts:
        return promises.set_up(promises.BY_NAME[name], lived_in, tmp_path_factory.mktemp("known"))

    return lambda scene: facts(scene.name)


def _marks(scene: Scene) -> list[pytest.MarkDecorator]:
    """What is known of a scene is found out in one process; of a hundred calls it takes seconds."""
    return [pytest.mark.xdist_group(scene.name), *([pytest.mark.slow] if scene.name == "purge of 100" else [])]


@pytest.fixture(params=[pytest.param(one, id=one.name, marks=_marks(one)) for one in promises.SCENES])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Each command that is cut off."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def facts(scene: Scene, known: Callable[[Scene], Facts]) -> Facts:
    """What is known of the scene before it begins."""
    return known(scene)
