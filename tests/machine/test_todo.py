"""What waits for whom: each of it with a command that, as printed, makes it wait no more."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from tests.support.copies import CONFIRM, SAID
from tests.support.world import REASON, World

WHY = ("--purpose", "quality", "--reason", REASON)


def todo(world: World, who: str) -> list[dict[str, Any]]:
    return list(world.json("todo", who=who)["todo"])


def kinds(world: World, who: str) -> list[str]:
    return [task["kind"] for task in todo(world, who)]


def command(world: World, who: str, kind: str) -> list[str]:
    """The words of the command that is printed for what waits first of a kind."""
    text = next(task["text"] for task in todo(world, who) if task["kind"] == kind)
    words = shlex.split(text.partition("arlo-rec ")[2])
    return [REASON if word == "..." else word for word in words]


@pytest.fixture
def busy(world: World) -> World:
    """A file of an erased recording, a copy under review and a request, all of Leif's team; Turid hears another."""
    world.grant()
    world.grant("turid", "quality", "--team", "salg")
    first, second = world.take_in("one", "two")
    for who, name in (("leif", "a"), ("leif", "b")):
        out = str(world.base / name)
        assert world.run("export", first, *WHY, "--out", out, who=who).exit == 0
    cuts = world.base / "cuts.json"
    cuts.write_text(json.dumps([{"start": 0.1, "end": 0.2, "type": "name"}]), "utf-8")
    assert world.run("pseudonymise", *SAID, second, "--cuts", str(cuts), who="leif").exit == 0
    assert world.run("withdraw", "--call", first, "--yes", who="siri").exit == 0
    return world


def test_nothing_waits_in_a_new_store_for_anybody(world: World) -> None:
    for who in ("sigrid", "leif", "siri", "iver", "cron", "telefon"):
        assert todo(world, who) == []
        assert "todo" not in world.run("status", who=who).out


def test_a_manager_is_told_of_own_files_and_of_copies_of_own_teams_alone(busy: World) -> None:
    assert sorted(kinds(busy, "leif")) == ["delete", "delete", "review"]
    assert kinds(busy, "turid") == []


def test_an_officer_is_told_of_everybody_s(busy: World) -> None:
    assert busy.run("case", "open", "90000002", "--identity", "called-back", who="sigrid").exit == 0
    assert sorted(kinds(busy, "sigrid")) == ["case", "delete", "delete", "review"]
    assert "A recording that leif saved has been erased" in busy.run("todo", "--lang", "en", who="sigrid").out


def test_each_printed_command_makes_its_task_go(busy: World) -> None:
    for name in ("a", "b"):
        (busy.base / name).unlink()
    for kind, after in (("delete", 2), ("delete", 1)):
        assert busy.run(*command(busy, "leif", kind), who="leif").exit == 0
        assert len(todo(busy, "leif")) == after
    assert busy.run(*command(busy, "leif", "review"), "--accept", "1", who="leif").exit == 0
    assert busy.run(*command(busy, "leif", "review"), *CONFIRM, who="leif").exit == 0
    assert kinds(busy, "leif") == ["release"]
    assert busy.run(*command(busy, "leif", "release"), who="leif").exit == 0
    assert kinds(busy, "leif") == []


def test_find_and_status_say_in_one_line_that_something_waits_and_scripts_are_spared_it(busy: World) -> None:
    for words in (("find", *WHY), ("status",)):
        assert busy.run(*words, "--lang", "en", who="leif").out.endswith("3 things wait for you: arlo-rec todo\n")
        assert "arlo-rec todo" not in busy.run(*words, who="turid").out
        assert "arlo-rec todo" not in busy.run(*words, "--json", who="leif").out


def test_several_copies_of_one_call_are_marked_and_a_grant_that_ends_is_told(busy: World) -> None:
    (review,) = (task for task in todo(busy, "leif") if task["kind"] == "review")
    assert "(kundeservice)" in review["text"]
    cuts = str(busy.base / "cuts.json")
    (second,) = busy.json("review", who="leif")["copies"]
    assert busy.run("pseudonymise", *SAID, second["id"], "--cuts", cuts, who="leif").exit == 0
    texts = [task["text"] for task in todo(busy, "leif") if task["kind"] == "review"]
    assert len(texts) == 2
    assert all("2" in text and ("same call" in text or "samme samtale" in text) for text in texts)
    assert "grant_ends" not in kinds(busy, "leif")
    busy.json("revoke", "turid", who="sigrid")
    busy.json("grant", "turid", "--all-teams", "--purpose", "quality", "--days", "3", "--reason", REASON, who="sigrid")
    assert "grant_ends" in kinds(busy, "turid")
    busy.json("grant", "turid", "--all-teams", "--purpose", "quality", "--days", "60", "--reason", REASON, who="sigrid")
    assert "grant_ends" not in kinds(busy, "turid")


def test_what_should_have_been_decided_is_told_as_late_and_not_by_days_that_are_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "quality", who="sigrid")
    world.json("case", "open", "90000002", "--identity", "called-back", who="sigrid")
    for days, is_late in ((0, False), (60, True)):
        monkeypatch.setattr(Run, "now", lambda _, days=days: datetime.now(UTC) + timedelta(days=days))
        for lang, late, left in (
            ("nb", ("skulle vært", "fristen var"), "igjen"),
            ("en", ("should have", "was due"), "left"),
        ):
            texts = [task["text"] for task in world.json("todo", "--lang", lang, who="sigrid")["todo"]]
            objection, case = (
                next(text for text in texts if word in text) for word in ("person objection", "case show")
            )
            assert [words in text for words, text in zip(late, (objection, case), strict=True)] == [is_late] * 2
            assert [left in text for text in (objection, case)] == [not is_late] * 2


def test_no_command_is_offered_that_removes_what_may_be_half_written(world: World) -> None:
    world.deliver("a", sound=b"RIFF")
    world.deliver("b", consent={"prompt": "nb-1999-01"})
    world.run("ingest", str(world.spool), who="telefon")
    texts = {task["id"]: task["text"] for task in todo(world, "sigrid")}
    assert {code: "--remove-refused" in text for code, text in texts.items()} == {
        "bad_audio": False,
        "prompt_unknown": True,
    }


def test_asking_leaves_nothing_in_the_log(busy: World) -> None:
    size = busy.json("status", who="iver")["log_size"]
    for who in ("leif", "sigrid", "turid"):
        todo(busy, who)
    assert busy.json("status", who="iver")["log_size"] == size


def test_a_manager_lists_own_files_and_nobody_elses(busy: World) -> None:
    assert [row["person"] for row in busy.json("recipients", "list", who="leif")["recipients"]] == ["leif", "leif"]
    assert busy.json("recipients", "list", "--all", who="turid")["recipients"] == []
    assert busy.run("recipients", "list", who="siri").exit == 13


def test_an_answer_that_was_made_is_handed_over_and_its_case_closed(world: World) -> None:
    world.state_particulars()
    out = str(world.base / "answer.html")
    case = world.json("dsar", "90000002", "--identity", "called-back", "--out", out, who="sigrid")["case"]["id"]
    (task,) = (each for each in todo(world, "sigrid") if each["kind"] == "case_answered")
    assert (task["id"], f"arlo-rec case close {case}" in task["text"]) == (case, True)
    world.json("case", "close", case, who="sigrid")
    assert "case_answered" not in kinds(world, "sigrid")
