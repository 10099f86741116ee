"""On a file system that is full to the last byte: erasing succeeds, all else ends cleanly and can be run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.crashes import Subject
from tests.support import promises
from tests.support import world as worlds
from tests.support.disks import fill, small_disk
from tests.support.promises import Facts, Scene

pytestmark = pytest.mark.slow

ERASES = {"withdraw caller", "withdraw call", "purge", "purge of 100", "person objection"}
SIZE = "40m"  # the store, its ballast, and what an erasure of a hundred writes


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with small_disk(tmp_path / "disk", SIZE) as folder:
        yield folder


@pytest.mark.sampled(12)
def test_a_full_disk(scene: Scene, facts: Facts, disk: Path, tmp_path: Path) -> None:
    subject = Subject(scene, facts, tmp_path / "subject")
    world = worlds.copy(subject.template, disk / "world")
    filler = fill(disk)
    told = promises.in_a_process(scene, world)
    assert told.exit == (0 if scene.name in ERASES else 16), told
    assert "Traceback" not in told.out + told.err
    filler.unlink()
    subject.look(world, told.out)
    if scene.name in ERASES:
        assert (world.store / "ballast").exists(), "the room is kept again"
