"""Who was given a copy is known, is told to delete it when it must go, and stays open until that was confirmed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.policy import EXPORT_ALARM_AFTER, is_kept_too_long
from tests.support.backups import back_up
from tests.support.catalogue import own_code
from tests.support.faults import damage
from tests.support.world import DUE_SOON, REASON, World, wait_until_due


def export(world: World, recording: str, out: Path, who: str = "leif") -> int:
    words = ("export", recording, "--purpose", "quality", "--reason", REASON, "--out", str(out))
    return world.run(*words, who=who).exit


def listed(world: World, *more: str) -> list[dict[str, Any]]:
    return list(world.json("recipients", "list", *more, who="sigrid")["recipients"])


def withdraw(world: World) -> dict[str, Any]:
    return world.json("withdraw", "90000001", "--yes", who="skranke")


def test_an_export_is_listed_with_what_it_holds_and_open_once_that_is_erased(world: World) -> None:
    (mine,) = world.take_in("a")
    (other,) = world.take_in("b", caller="+4790000002", seed=4)
    world.grant()
    assert export(world, mine, world.base / "one.wav") == 0
    assert export(world, other, world.base / "other.wav") == 0
    assert [(one["kind"], one["person"], one["recordings"], one["state"]) for one in listed(world)] == [
        ("export", "leif", 1, "out"),
        ("export", "leif", 1, "out"),
    ]
    assert world.json("status", who="iver")["unconfirmed"] == 0
    told = withdraw(world)
    assert [(one["person"], one["erased"], one["state"]) for one in told["recipients"]] == [("leif", 1, "open")]
    assert [one["state"] for one in listed(world)] == ["open", "out"]
    assert world.json("status", who="iver")["unconfirmed"] == 1


@pytest.mark.rule("access.secure")
def test_a_saved_file_is_reported_from_the_seventh_day_until_it_is_confirmed_as_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = world.take_in("a", "b")
    world.grant()
    assert export(world, mine, world.base / "one.wav") == export(world, other, world.base / "two.wav") == 0
    world.json("dsar", "90000001", "--identity", "called-back", "--out", str(world.base / "a.html"), who="sigrid")
    saved = datetime.fromisoformat(listed(world)[0]["at"])
    seventh = saved + timedelta(days=7)
    assert (is_kept_too_long(saved, seventh), is_kept_too_long(saved, seventh - timedelta(seconds=1))) == (True, False)
    assert world.json("status", who="iver")["exports_overdue"] == 0
    assert "file_kept" not in world.tasks("leif")
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=7))
    told = world.run("status", "--json", who="iver")
    assert (told.exit, told.json["exports_overdue"]) == (3, 2), "an access answer is handed over, and no such file"
    assert "exports_overdue" in told.json["critical"] and "one.wav" not in told.out
    assert "one.wav" in world.run("todo", "--lang", "nb", who="leif").out
    assert [world.tasks(who).count("file_kept") for who in ("leif", "sigrid", "turid")] == [2, 2, 0]
    first, second, _ = (one["id"] for one in listed(world))
    world.delete_saved(first)
    world.json("recipients", "confirm", second, who="sigrid")
    status = world.json("status", who="iver")
    assert ("exports_overdue" in status["critical"], "file_kept" in world.tasks("sigrid")) == (False, False)


def test_a_file_of_what_is_erased_is_reported_too_and_waits_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine,) = world.take_in("a")
    world.grant()
    assert export(world, mine, world.base / "one.wav") == 0
    withdraw(world)
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + EXPORT_ALARM_AFTER)
    assert world.json("status", who="iver")["exports_overdue"] == 1
    assert [kind for kind in world.tasks("leif") if kind in {"delete", "file_kept"}] == ["delete"]


def test_whoever_has_the_copy_or_an_officer_confirms_and_the_log_says_so(world: World) -> None:
    ids = world.take_in("a", "b")
    world.grant("leif")
    world.grant("turid")
    assert export(world, ids[0], world.base / "one.wav", "leif") == 0
    assert export(world, ids[1], world.base / "two.wav", "turid") == 0
    first, second = (one["id"] for one in withdraw(world)["recipients"])
    refused = world.run("recipients", "confirm", second, "--json", who="leif")
    assert (refused.exit, refused.json["error"]["code"]) == (13, "not_your_copy")
    assert world.run("recipients", "confirm", first, second, who="leif").exit == 13
    assert world.json("status", who="iver")["unconfirmed"] == 2, "all or none"
    assert world.delete_saved(first)["confirmed"][0]["state"] == "confirmed"
    world.json("recipients", "confirm", second, who="sigrid")
    assert world.json("status", who="iver")["unconfirmed"] == 0
    assert listed(world) == [] and len(listed(world, "--all")) == 2
    entries = world.json("audit", "show", "--action", "confirm_deleted", who="iver")["entries"]
    assert [(one["person"], one["detail"]["by"]) for one in entries] == [("leif", "leif"), ("sigrid", "turid")]


def test_an_access_answer_is_a_copy_too(world: World) -> None:
    world.take_in("a", "b")
    answer = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *answer, who="sigrid")
    (told,) = withdraw(world)["recipients"]
    assert (told["kind"], told["person"], told["recordings"], told["erased"]) == ("package", "sigrid", 2, 2)


def test_a_backup_is_listed_and_closes_itself_when_it_has_forgotten(world: World) -> None:
    world.take_in("a")
    back_up(world)
    (told,) = withdraw(world)["recipients"]
    assert (told["kind"], told["state"]) == ("backup", "open")
    assert world.json("status", who="iver")["unconfirmed"] == 1
    back_up(world)
    assert world.json("status", who="iver")["unconfirmed"] == 0
    assert [(one["kind"], one["erased"], one["state"]) for one in listed(world)] == [("backup", 0, "out")]


def test_an_export_of_which_nothing_came_is_not_listed(world: World) -> None:
    (mine,) = world.take_in("a")
    world.grant()
    path = world.store / "objects" / mine[:2] / mine
    damage(path)
    assert export(world, mine, world.base / "one.wav") == 15
    assert listed(world) == []


@pytest.mark.slow
def test_a_purge_says_who_must_delete_what(world: World) -> None:
    (mine,) = world.take_in("a", started=datetime.now(UTC) - DUE_SOON)
    world.grant()
    assert export(world, mine, world.base / "one.wav") == 0
    wait_until_due(world, 1)
    told = world.run("purge", who="cron")
    (one,) = listed(world)
    assert f"recipients confirm {one['id']}" in told.out and "leif" in told.out


def test_a_withdrawal_says_to_people_who_must_delete_what(world: World) -> None:
    (mine,) = world.take_in("a")
    world.grant()
    assert export(world, mine, world.base / "one.wav") == 0
    told = world.run("withdraw", "90000001", "--yes", who="sigrid")
    assert told.exit == 0 and "leif must delete the copy of" in told.out


@pytest.mark.parametrize(("who", "words"), [("siri", ("list",)), ("cron", ("list",)), ("siri", ("confirm", "1"))])
def test_lists_are_for_officers_auditors_and_managers_alone(world: World, who: str, words: tuple[str, ...]) -> None:
    assert world.run("recipients", *words, who=who).exit == 13


@pytest.mark.parametrize("wrong", ["99999", "x", "1; DROP TABLE recipients", "٣"])
def test_a_copy_that_is_none_cannot_be_confirmed(world: World, wrong: str) -> None:
    assert world.run("recipients", "confirm", wrong, who="sigrid").exit == 4


def test_the_name_of_the_file_stands_in_the_list_and_in_no_entry_of_the_log(world: World) -> None:
    world.grant()
    (mine,) = world.take_in("a")
    assert export(world, mine, world.base / "Kari Eksempel.wav") == 0
    (row,) = world.json("recipients", "list", who="leif")["recipients"]
    assert row["file"] == str(world.base / "Kari Eksempel.wav")
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert f"Delete {world.base}/Kari Eksempel.wav" in world.run("todo", "--lang", "en", who="leif").out
    assert "Kari" not in world.run("audit", "show", "--json", who="iver").out
    assert [row["file"] for row in world.json("recipients", "list", who="sigrid")["recipients"]] == [
        str(world.base / "Kari Eksempel.wav")
    ]
    assert [row["file"] for row in world.json("recipients", "list", who="iver")["recipients"]] == [None]


def test_the_name_of_a_file_goes_when_its_deletion_is_confirmed(world: World) -> None:
    world.grant()
    (mine,) = world.take_in("a")
    assert export(world, mine, world.base / "Kari Eksempel.wav") == 0
    (row,) = world.json("recipients", "list", who="leif")["recipients"]
    assert world.delete_saved(row["id"])["confirmed"][0]["file"] is None
    assert [row["file"] for row in listed(world, "--all")] == [None]
    with own_code(world) as db:
        assert list(db.rows("SELECT file FROM recipients")) == [(None,)]


@pytest.mark.rule("access.need")
def test_support_is_not_told_which_file_answered_a_request(world: World) -> None:
    world.take_in("a", seconds=0.2)
    answer = ("dsar", "90000001", "--identity", "called-back", "--out", str(world.base / "a.html"))
    case = world.json(*answer, who="sigrid")["case"]["id"]
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    [package] = told.json["recipients"]
    assert (package["kind"], package["case"], package["sha256"], package["file"]) == ("package", None, None, None)
    assert case not in told.out
    assert world.json("recipients", "list", who="sigrid")["recipients"][0]["case"] == case


@pytest.mark.rule("consent.withdraw")
def test_a_file_that_still_lies_there_is_not_confirmed_as_deleted(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a", seconds=0.2)
    out = world.base / "one.wav"
    assert export(world, call, out) == 0
    world.json("withdraw", "90000001", "--yes", who="siri")
    [waits] = world.json("recipients", "list", who="leif")["recipients"]
    assert world.code("recipients", "confirm", waits["id"], who="leif") == (14, "file_still_there")
    assert world.tasks("leif") == ["delete"]
    out.unlink()
    assert world.json("recipients", "confirm", waits["id"], who="leif")["confirmed"][0]["state"] == "confirmed"
