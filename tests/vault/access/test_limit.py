"""`find --limit`: the newest, and how many older ones there are, with and without the name of an agent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.catalogue import own_code
from tests.support.world import REASON, World

WHY = ("find", "--purpose", "quality", "--reason", REASON)


@pytest.fixture
def five(world: World) -> World:
    """Five calls of two agents, an hour apart."""
    world.grant()
    now = datetime.now(UTC)
    for number in range(5):
        agent = "Prøve Prøvesen" if number % 2 else "Ola Oppdiktet"
        world.deliver(f"call{number}", seed=number, started=now - timedelta(hours=number + 1), agent=agent)
    world.json("ingest", str(world.spool), who="telefon")
    return world


@pytest.mark.parametrize(
    ("words", "shown", "older"),
    [
        ((), 5, 0),
        (("--limit", "2"), 2, 3),
        (("--limit", "5"), 5, 0),
        (("--limit", "9"), 5, 0),
        (("--limit", "1", "--agent", "prøve prøvesen"), 1, 1),
        (("--limit", "2", "--agent", "prøve prøvesen"), 2, 0),
        (("--limit", "1", "--team", "nowhere"), 0, 0),
    ],
)
def test_a_limit_shows_the_newest_and_tells_how_many_are_older(
    five: World, words: tuple[str, ...], shown: int, older: int
) -> None:
    answer = five.json(*WHY, *words, who="leif")
    starts = [recording["started_at"] for recording in answer["recordings"]]
    assert (len(starts), answer["older"]) == (shown, older)
    assert starts == sorted(starts, reverse=True)
    told = five.run(*WHY, *words, "--lang", "en", who="leif").out
    assert (f"Older recordings that are not shown: {older}." in told) is bool(older)


@pytest.mark.in_a_file
def test_what_is_damaged_is_told_as_damaged_and_not_as_older(five: World) -> None:
    newest = five.json(*WHY, who="leif")["recordings"][0]["id"]
    with own_code(five) as db:
        db.run("UPDATE metadata SET sealed = randomblob(100) WHERE recording = ?", (bytes.fromhex(newest),))
    answer = five.json(*WHY, "--limit", "2", who="leif")
    assert (len(answer["recordings"]), answer["damaged"], answer["older"]) == (2, [newest], 2)


@pytest.mark.slow
@pytest.mark.rule("access.need")
def test_a_search_shows_fifty_at_most_whatever_limit_is_typed(world: World) -> None:
    world.grant()
    now = datetime.now(UTC)
    for number in range(52):
        world.deliver(f"call{number}", seed=number, seconds=0.1, started=now - timedelta(minutes=number + 1))
    world.json("ingest", str(world.spool), who="telefon")
    for words in ((), ("--limit", "1000"), ("--agent", "Ola Oppdiktet", "--csv")):
        told = world.run(*WHY, *words, *(() if "--csv" in words else ("--json",)), who="leif")
        if "--csv" in words:
            assert len(told.out.splitlines()) == 51
        else:
            assert (len(told.json["recordings"]), told.json["older"]) == (50, 2)
    assert len(world.json(*WHY, "--limit", "3", who="leif")["recordings"]) == 3
