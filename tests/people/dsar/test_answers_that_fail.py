"""Whatever fails or is damaged: no file that the log knows nothing of, no half one, and nothing is left out unsaid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.people.dsar import writing
from arlo_rec.vault.backends import named_files
from tests.support import world as worlds
from tests.support.answers import opened
from tests.support.catalogue import insider
from tests.support.faults import Plan, faults
from tests.support.world import World

pytestmark = [pytest.mark.rule("access.subject"), pytest.mark.slow]
CALLED = ("--identity", "called-back")


def ask(world: World) -> tuple[int, dict[str, Any], Path]:
    """Answer a request into a folder of its own: exit status, JSON and folder."""
    folder = world.base / "out"
    folder.mkdir(exist_ok=True)
    told = world.run("dsar", "90000001", *CALLED, "--out", str(folder / "x.html"), "--json", who="sigrid")
    return told.exit, told.json, folder


def data(told: dict[str, Any]) -> dict[str, Any]:
    raw = Path(told["out"]).read_bytes()
    return dict(json.loads(opened(raw, told["passphrase"].encode())["bodies"]["data.json"]))


def answered(world: World) -> int:
    """How many entries say that an answer was given."""
    entries = world.json("audit", "show", who="iver")["entries"]
    return sum(entry.get("detail", {}).get("step") == "answered" for entry in entries)


def left_nothing(world: World) -> int:
    entries = world.json("audit", "show", "--outcome", "failed", who="iver")["entries"]
    return sum("of" in entry.get("detail", {}) for entry in entries)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whichever_write_fails_a_file_is_there_where_the_log_says_so_and_with_its_passphrase(
    world: World, tmp_path_factory: pytest.TempPathFactory, after: bool
) -> None:
    world.take_in("a", seconds=0.3)
    at, tried = 0, 0
    while tried < 30:
        at += 1
        each = worlds.copy(world, tmp_path_factory.mktemp("each"))
        with faults(Plan(at, after=after, fails=True)) as plan:
            exit_status, told, folder = ask(each)
        if plan.count < at:
            break
        tried += 1
        files, is_answered = [path.name for path in folder.iterdir()], answered(each) > 0
        assert files == (["x.html"] if exit_status == 0 else []), str(plan)
        assert (exit_status == 0) == is_answered == ("passphrase" in told), str(plan)
        assert not (left_nothing(each) and files), str(plan)
        assert each.json("verify", who="iver")["problems"] == [], str(plan)
        shutil.rmtree(each.base)
    assert tried > 5


def test_a_name_that_cannot_be_made_durable_is_taken_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a", seconds=0.3)
    folder = world.base / "out"

    def fails(_: Path) -> None:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(named_files, "_sync", fails)
    assert ask(world)[0] == Unreachable.exit_status
    assert (list(folder.iterdir()), left_nothing(world)) == ([], 1)


DAMAGES = {
    "metadata struck": "DELETE FROM metadata WHERE recording = ?",
    "share struck": "DELETE FROM shares WHERE recording = ?",
    "share changed": "UPDATE shares SET wrapped = zeroblob(length(wrapped)) WHERE recording = ?",
    "share of nobody": "UPDATE shares SET shard = zeroblob(length(shard)) WHERE recording = ?",
}


@pytest.mark.parametrize("how", list(DAMAGES))
def test_a_recording_whose_keys_are_damaged_is_named_and_the_others_are_given(world: World, how: str) -> None:
    bad, good = world.take_in("a", "b", seconds=0.3)
    with insider(world) as db:
        assert db.changed(DAMAGES[how], (bytes.fromhex(bad),))
    exit_status, told, _ = ask(world)
    assert (exit_status, told["damaged"]) == (0, [bad])
    inside = data(told)
    assert [(each["id"], each["withheld"]) for each in inside["recordings"]] == [(good, None)]
    assert [each["id"] for each in inside["damaged"]] == [bad]


def test_an_archive_is_known_by_the_name_that_it_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a", "b", seconds=1)
    monkeypatch.setattr(writing, "MOST", 3000)
    exit_status, told, folder = ask(world)
    assert (exit_status, [path.name for path in folder.iterdir()]) == (0, ["x.zip"])
    (listed,) = world.json("recipients", "list", who="sigrid")["recipients"]
    assert listed["file"] == told["out"] == str(folder / "x.zip")
    world.json("withdraw", "90000001", "--yes", who="siri")
    todo = world.run("todo", "--lang", "en", who="sigrid").out
    assert f"Delete {folder}/x.zip" in todo
