"""A withdrawal that is asked for again: the first receipt is told, and later calls of the number stay out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.backups import back_up, lose, with_feed
from tests.support.clock import later
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.withdraw")
NUMBER = "90000001"


def withdrawn(world: World, number: str = NUMBER) -> dict[str, Any]:
    return world.json("withdraw", number, "--yes", who="siri")


def receipts(world: World) -> set[str]:
    return {path.stem for path in (world.store / "receipts").iterdir()}


def refused(world: World, stem: str, **how: Any) -> list[str]:
    """The codes by which a call is refused; empty where it is taken in."""
    world.deliver(stem, **how)
    return [call["code"] for call in world.json("ingest", str(world.spool), who="telefon")["refused"]]


def test_the_first_withdrawal_is_told_again_and_nothing_is_erased(world: World) -> None:
    world.take_in("a")
    first = withdrawn(world)
    again = withdrawn(world)
    assert first["already"] is None
    assert again["already"]["number"] == again["number"] == first["number"]
    assert (again["erased"], again["receipt"]) == (0, first["receipt"])
    assert receipts(world) == {first["number"]}
    said = world.run("withdraw", NUMBER, "--yes", who="siri").out
    assert first["number"] in said and "Your consent was withdrawn on" in said
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


def test_every_withdrawal_that_is_asked_for_is_in_the_log(world: World) -> None:
    world.take_in("a")
    for _ in range(3):
        withdrawn(world)
    done = world.json("audit", "show", "--action", "withdraw", "--outcome", "done", who="iver")["entries"]
    assert [entry["detail"]["count"] for entry in done] == [1, 0, 0]
    assert [entry["detail"].get("of") for entry in done] == [None, *2 * [done[0]["seq"]]]


@pytest.mark.parametrize("is_asked_again", [True, False])
def test_a_call_between_the_two_that_arrives_later_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, is_asked_again: bool
) -> None:
    withdrawn(world)
    later(monkeypatch, hours=3)
    if is_asked_again:
        assert withdrawn(world)["already"] is not None
    started = datetime.now(UTC) + timedelta(hours=2)
    assert refused(world, "between", started=started) == (["withdrawn"] if is_asked_again else [])


def test_a_new_recording_is_erased_by_a_withdrawal_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a")
    first = withdrawn(world)
    later(monkeypatch, hours=3)
    assert refused(world, "new", started=datetime.now(UTC) + timedelta(hours=2), seed=3) == []
    second = withdrawn(world)
    assert (second["erased"], second["already"]) == (1, None)
    assert second["number"] != first["number"]
    assert withdrawn(world)["already"]["number"] == second["number"], "the newest"


def test_nobody_elses_receipt_is_told(world: World) -> None:
    one, _ = world.take_in("a", "b", caller="+4790000002")
    assert withdrawn(world, "90000002")["erased"] == 2
    world.take_in("c", caller="+4790000003", seed=4)
    world.json("withdraw", "--call", "pbx.c", "--yes", who="siri")
    for number in ("90000001", "90000003"):
        assert withdrawn(world, number)["already"] is None
    assert world.code("withdraw", "--call", one, "--yes", who="siri") == (4, "no_such_call")


def test_without_a_terminal_it_is_not_done_unasked(world: World) -> None:
    withdrawn(world)
    assert world.code("withdraw", NUMBER, who="siri") == (2, "needs_yes")
    assert world.json("withdraw", NUMBER, "--dry-run", who="siri")["already"] is not None
    done = world.json("audit", "show", "--action", "withdraw", "--outcome", "done", who="iver")["entries"]
    assert len(done) == 1


@pytest.mark.slow
def test_the_second_is_known_after_a_restore_from_the_feed(fed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fed.take_in("a", caller="+4790000002")
    back_up(fed)
    withdrawn(fed)
    later(monkeypatch, hours=3)
    assert withdrawn(fed)["already"] is not None
    lose(fed)
    with_feed(fed)
    assert fed.json("verify", "--read-data", who="iver")["problems"] == []
    assert refused(fed, "between", started=datetime.now(UTC) + timedelta(hours=2)) == ["withdrawn"]
