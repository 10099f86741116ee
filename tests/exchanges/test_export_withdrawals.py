"""Withdrawals by a key that stand in an export of a telephone system, read by a map."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arlo_rec.exchanges.maps import read
from arlo_rec.exchanges.maps.fields import instant, read_field
from tests.support.exports import MAKERS, Told, approve, sound
from tests.support.intake import ingest, objects, problems
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.withdraw")
OTHER, THEIRS = "+4790000001", "+4790000009"
OURS = """format = "csv"
audio = "{id}.wav"
only = "key"

[fields]
source_id = "id"
direction = {value = "inbound"}
started_at = {path = "begun", time = "iso"}
caller = "from"
agent = "agent"
team = "team"
"consent.key" = "key"
"consent.at" = {path = "begun", time = "iso"}
"consent.prompt" = "prompt"
"consent.prompt_completed" = {value = true}

[withdrawal]
only = "stop"
caller = "from"
at = {path = "stop", time = "iso"}
"""


def hours_ago(hours: float) -> datetime:
    return (datetime.now(UTC) - timedelta(hours=hours)).replace(microsecond=0)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_a_key_in_the_call_erases_what_is_held_of_that_number_and_the_call_itself(world: World, name: str) -> None:
    world.spool.mkdir(exist_ok=True)
    approve(world, name)
    MAKERS[name](world.spool, Told(1, caller=THEIRS, pressed=hours_ago(3)))
    MAKERS[name](world.spool, Told(2, caller=OTHER, pressed=hours_ago(3)))
    assert len(ingest(world, "--map", name, exit=0)["accepted"]) == 2
    MAKERS[name](world.spool, Told(3, caller=THEIRS, pressed=hours_ago(2), withdrawn=hours_ago(1.5)))
    MAKERS[name](world.spool, Told(4, caller=THEIRS, key=None, withdrawn=hours_ago(1)))
    MAKERS[name](world.spool, Told(5, caller=THEIRS, pressed=hours_ago(0.2)))
    told = ingest(world, "--map", name, exit=3)
    assert sum(each["erased"] for each in told["withdrawn"]) == 1
    assert {each["code"] for each in told["refused"]} & {"withdrawn", "no_consent"}
    assert len(told["accepted"]) == 1
    assert (len(objects(world)), problems(world)) == (2, [])
    entries = world.json("audit", "show", "--action", "withdraw", "--outcome", "done", who="iver")["entries"]
    digest = read.digest(read.shipped_text(name).encode("utf-8"))
    assert {(each["detail"]["key"], each["detail"]["map"]) for each in entries} == {("9", digest)}
    again = ingest(world, "--map", name)
    assert (sum(each["erased"] for each in again["withdrawn"]), len(objects(world))) == (0, 2)


@pytest.mark.parametrize("name", MAKERS)
def test_the_files_of_a_withdrawal_go_when_it_is_carried_out(world: World, name: str) -> None:
    world.spool.mkdir(exist_ok=True)
    approve(world, name)
    MAKERS[name](world.spool, Told(1, caller=THEIRS, pressed=hours_ago(3), withdrawn=hours_ago(2)))
    ingest(world, "--map", name, exit=3)
    assert files(world.spool) == []


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a,,+4790000009,yesterday", "notice"),
        ("a,,x9,2026-10-01T10:00:00Z", "notice"),
        ("a,,,2026-10-01T10:00:00Z", "withheld"),
    ],
)
def test_a_withdrawal_that_is_not_clear_is_refused_and_stays(world: World, row: str, why: str) -> None:
    file = _map(world)
    (world.spool / "calls.csv").write_text(f"id,key,from,stop\n{row}\n", "utf-8")
    told = ingest(world, "--map", file, exit=3)
    assert [(each["code"], each["why"]) for each in told["refused"]] == [("bad_metadata", why)]
    assert len(files(world.spool)) == 1
    assert "withdrawal_refused" in world.tasks("sigrid")


def test_a_withdrawal_is_carried_out_though_the_map_is_that_of_a_store_that_takes_nothing_in(world: World) -> None:
    """An approved map is read where the policy closes the intake."""
    file = _map(world)
    (world.spool / "calls.csv").write_text(f"id,key,from,stop\na,,{THEIRS},2026-10-01T10:00:00Z\n", "utf-8")
    assert len(ingest(world, "--map", file, exit=0)["withdrawn"]) == 1


def test_no_constant_and_no_table_stands_for_a_withdrawal(world: World) -> None:
    for wrong, code in (
        ('at = {value = "2026-10-01"}', "constant_evidence"),
        ('key = {path = "stop", values = {x = "9"}}', "constant_evidence"),
        ('key = {value = "9"}', "constant_evidence"),
        ('caller = {value = "+4790000009"}', "constant_evidence"),
        ('number = "from"', "unknown_field"),
    ):
        key = wrong.partition(" =")[0]
        lines = [line for line in OURS.splitlines() if not (line.startswith(f"{key} =") and "[withdrawal]" in OURS)]
        if key == "caller":
            lines.insert(lines.index("[fields]") + 1, 'caller = "from"')
        file = world.base / "map.toml"
        file.write_text("\n".join([*lines, wrong]) + "\n", "utf-8")
        found = world.json("map", "check", str(file))["findings"]
        assert [(each["code"], each["line"]) for each in found] == [(code, len(lines) + 1)], wrong


@pytest.mark.parametrize("lacks", ["only", "caller", "at"])
def test_a_withdrawal_without_its_condition_number_or_time_is_no_map(world: World, lacks: str) -> None:
    before, _, behind = OURS.partition("[withdrawal]")
    kept = [line for line in behind.splitlines() if not line.startswith(f"{lacks} =")]
    file = world.base / "map.toml"
    file.write_text(before + "[withdrawal]" + "\n".join(kept) + "\n", "utf-8")
    found = world.json("map", "check", str(file))["findings"]
    assert [(each["code"] in {"missing", "path"}, each["field"]) for each in found] == [(True, f"withdrawal.{lacks}")]


def test_both_the_call_and_the_withdrawal_of_a_row_are_explained(world: World) -> None:
    file = _map(world)
    row = f"a,1,2026-10-01T10:00:00Z,{THEIRS},2026-10-01T11:00:00Z"
    (world.spool / "calls.csv").write_text(f"id,key,begun,from,stop\n{row}\n", "utf-8")
    words = ("ingest", str(world.spool / "calls.csv"), "--map", file, "--explain", "2")
    fields = {each["field"]: each["value"] for each in world.json(*words, who="telefon")["fields"]}
    assert (fields["withdrawal.at"], fields["withdrawal.caller"]) == ("2026-10-01T11:00:00Z", THEIRS)
    assert fields["consent.key"] == "1"


def test_a_withdrawal_at_a_local_time_that_exists_twice_reaches_every_call_before_it() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    assert instant("2026-10-25 02:30:00", "iso", oslo, fold=1) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert instant("2026-10-25 02:30:00", "iso", oslo) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant("2026-03-29 02:30:00", "iso", oslo, fold=1) is None


def test_as_the_map_reads_it_the_later_of_two_such_times_counts() -> None:
    by = read.read(OURS.replace('"csv"\n', '"csv"\nzone = "Europe/Oslo"\n', 1).encode("utf-8"), "map.toml")
    assert by.withdrawal is not None
    at = by.withdrawal.fields["withdrawal.at"]
    assert read_field("withdrawal.at", at, {"stop": "2026-10-25T02:30:00"}).value == "2026-10-25T01:30:00Z"


def test_a_row_whose_call_and_whose_withdrawal_are_refused_is_told_as_two(world: World) -> None:
    file = _map(world)
    row = "a,1,2026-10-01T10:00:00Z,x9,2026-10-01T11:00:00Z"
    (world.spool / "calls.csv").write_text(f"id,key,begun,from,stop\n{row}\n", "utf-8")
    sound(world.spool, "a.wav", 1)
    told = ingest(world, "--map", file, exit=3)
    assert [each["code"] for each in told["refused"]] == ["bad_metadata"] * 2
    counted = {each["code"]: each["count"] for each in world.json("status", who="iver")["refused"]}
    assert counted == {"withdrawal_refused": 1, "bad_metadata": 1}


def _map(world: World) -> str:
    world.spool.mkdir(exist_ok=True)
    file = world.base / "map.toml"
    file.write_text(OURS, "utf-8")
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    return str(file)


def test_the_map_of_an_unreadable_row_is_no_withdrawal(world: World) -> None:
    file = world.base / "map.toml"
    file.write_text(OURS.replace('"csv"', '"jsonl"'), "utf-8")
    world.spool.mkdir(exist_ok=True)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    (world.spool / "calls.jsonl").write_text(json.dumps({"stop": "", "from": THEIRS}) + "\n{\n", "utf-8")
    told = ingest(world, "--map", str(file), exit=3)
    assert (told["withdrawn"], [each["code"] for each in told["refused"]]) == ([], ["bad_metadata"])
