"""A command whose catalogue lies in PostgreSQL is killed: at each of its writes, and at all that it says to the server.

`tests/proof` does the first with a file. The ordinary run takes a few kills of each command, `--prove` all of them.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.proof import crashes
from tests.proof.crashes import Point, Subject
from tests.proof.trace import SENDS, WATCHED, Traced
from tests.support import needs, postgres, promises
from tests.support import world as worlds
from tests.support.postgres import Postgres
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("postgres"),
    needs.mark(needs.program("strace")),
]
SAMPLE = 1  # kills at writes of files, and as many at what is said to the server


@pytest.fixture(scope="module")
def lived_in_there(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The store that every scene begins with, in a database; never change it."""
    where = postgres_server.address(postgres_server.database())
    found = worlds.found(tmp_path_factory.mktemp("there"), "--catalogue", where)
    return promises.lived_in(found, tmp_path_factory.mktemp("lived-in-there"))


@pytest.mark.parametrize("name", ["ingest", "withdraw caller", "purge"])
def test_a_command_that_is_killed_at_any_write_or_word_to_the_server_keeps_both_promises(
    name: str, lived_in_there: World, tmp_path: Path, seed: int, *, whole: bool
) -> None:
    scene = promises.BY_NAME[name]
    subject = Subject(scene, promises.set_up(scene, lived_in_there, tmp_path / "known"), tmp_path / "tries")
    subject.program = Traced(watched=(*WATCHED, *SENDS))
    writes = [point for point in crashes.points(subject) if point.how == "kill"]
    words = said(subject)
    assert len(words) > 20 and len(writes) > 5
    chance = random.Random(f"{seed} {name}")
    for points in (writes, words):
        for point in points if whole else chance.sample(points, SAMPLE):
            crashes.try_out(subject, point)
    postgres.drop(subject.template.store)


def said(subject: Subject) -> list[Point]:
    """A kill before each thing that the command says to the server: a statement, a commit, its farewell."""
    world = subject.fresh()
    ran = subject.run(world)
    assert ran.exit == 0, ran
    crashes.forget(world)
    return [Point(call, "kill") for call in ran.calls if call.name in SENDS and "socket:" in call.words]
