"""Exports of telephone systems, read by maps: what counts as consent, what is refused, and what a map may not say."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.exchanges.deliveries import Lines, scan
from arlo_rec.exchanges.maps import read, records
from arlo_rec.exchanges.maps.fields import instant, mapped_field, read_field
from arlo_rec.exchanges.maps.records import MappedFiles
from arlo_rec.exchanges.maps.sounds import SoundNames, audio_pattern, filled
from tests.support.exports import FOLDERS, MAKERS, Told, approve, example, sound
from tests.support.exports import records as records_of
from tests.support.intake import denials, ingest, objects, problems
from tests.support.places import TOP
from tests.support.policies import put
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.basis")
GOOD = """format = "jsonl"
audio = "{id}.wav"

[fields]
source_id = "id"
direction = {value = "inbound"}
started_at = {path = "begun", time = "iso"}
caller = "from"
agent = "agent"
team = "team"
"consent.key" = "key"
"consent.at" = {path = "pressed", time = "iso"}
"consent.prompt" = "prompt"
"consent.prompt_completed" = {value = true}
"""


@pytest.fixture
def spool(world: World) -> Path:
    world.spool.mkdir(exist_ok=True)
    return world.spool


@pytest.mark.parametrize("name", MAKERS)
def test_an_export_is_taken_in_as_far_as_its_callers_pressed_1(world: World, spool: Path, name: str) -> None:
    approve(world, name)
    deliver = MAKERS[name]
    for told in (
        Told(1),
        Told(2, key="2"),
        Told(3),
        Told(4, heard=False),
        Told(5, key=None),
        Told(6, prompt="nb-1999-01"),
    ):
        deliver(spool, told)
    told = ingest(world, "--map", name, exit=3)
    refused = sorted(each["code"] for each in told["refused"] if each["field"] is None)
    assert len(told["accepted"]) == 2
    assert {"no_consent", "prompt_not_completed", "prompt_unknown"} <= set(refused)
    assert (len(objects(world)), problems(world)) == (2, [])
    again = ingest(world, "--map", name)
    assert (again["accepted"], len(objects(world))) == ([], 2)


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_of_an_export_is_gone_once_all_of_it_is_taken_in(world: World, spool: Path, name: str) -> None:
    approve(world, name)
    for number in range(3):
        MAKERS[name](spool, Told(number))
    assert len(ingest(world, "--map", name, exit=0)["accepted"]) == 3
    assert [path for path in spool.rglob("*") if path.is_file()] == []


def test_the_log_names_the_map_of_each_call(world: World, spool: Path) -> None:
    approve(world, "vcon")
    MAKERS["vcon"](spool, Told(1))
    ingest(world, "--map", "vcon", exit=0)
    (entry,) = world.json("audit", "show", "--action", "ingest", "--outcome", "allowed", who="iver")["entries"]
    assert entry["detail"]["map"] == read.digest(read.shipped_text("vcon").encode("utf-8"))


def test_a_map_that_no_officer_approved_takes_nothing_in(world: World, spool: Path) -> None:
    MAKERS["kamailio"](spool, Told(1))
    before = sorted(spool.iterdir())
    for changed in ("kamailio", str(_written(spool.parent, GOOD))):
        result = world.run("ingest", str(spool), "--map", changed, "--json", who="telefon")
        assert (result.exit, result.json["error"]["code"]) == (14, "map_not_approved")
    assert (objects(world), sorted(spool.iterdir())) == (set(), before)
    assert len(ingest(world, "--map", "kamailio", "--dry-run", exit=0)["accepted"]) == 1
    assert (objects(world), sorted(spool.iterdir())) == (set(), before)
    assert "map_not_approved" in {entry["detail"].get("code") for entry in denials(world)}
    approve(world, "kamailio")
    assert len(ingest(world, "--map", "kamailio", exit=0)["accepted"]) == 1


def test_one_changed_letter_of_an_approved_map_is_another_map(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a")
    file.write_text(GOOD.replace('"prompt"\n', '"prompts"\n'), "utf-8")
    assert world.code("ingest", str(spool), "--map", str(file), who="telefon") == (14, "map_not_approved")
    file.write_text(GOOD, "utf-8")
    assert len(ingest(world, "--map", str(file), exit=0)["accepted"]) == 1
    shown = world.json("policy", "show", who="sigrid")
    assert [each["name"] for each in shown["maps"]] == ["ours"]
    assert 'name = "ours"' in world.run("policy", "show", "--toml", who="sigrid").out


@pytest.mark.parametrize(
    ("lacks", "code"),
    [
        ("key", "no_consent"),
        ("pressed", "no_consent"),
        ("prompt", "prompt_unknown"),
        ("begun", "bad_metadata"),
        ("from", "bad_metadata"),
        ("agent", "bad_metadata"),
        ("team", "bad_metadata"),
        ("id", "not_a_file"),
    ],
)
def test_a_missing_field_refuses_its_call_by_name_and_no_other(
    world: World, spool: Path, lacks: str, code: str
) -> None:
    names = {"key": "consent.key", "pressed": "consent.at", "prompt": "consent.prompt", "begun": "started_at"}
    names |= {"from": "caller", "id": None}  # type: ignore[dict-item]
    file = _written(world.base, GOOD)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", lacks=lacks)
    _row(spool, "b")
    told = ingest(world, "--map", str(file), exit=3)
    assert [(each["code"], each["field"]) for each in told["refused"]] == [(code, names.get(lacks, lacks))]
    assert len(told["accepted"]) == 1


def test_one_row_is_explained_and_nothing_is_taken_in(world: World, spool: Path) -> None:
    MAKERS["freepbx"](spool, Told(1))
    MAKERS["freepbx"](spool, Told(2, caller="+4790000009"))
    told = world.json("ingest", str(spool / "Master.csv"), "--map", "freepbx", "--explain", "1", who="telefon")
    fields = {each["field"]: each for each in told["fields"]}
    assert (told["row"], told["accepted"], objects(world)) == (1, [], set())
    assert fields["consent.key"] == {"field": "consent.key", "from": "userfield", "value": "1", "why": "read"}
    assert fields["audio"]["value"].startswith("2026/10/in-22334455-")
    assert "90000009" not in json.dumps(told)
    assert world.code("ingest", str(spool / "Master.csv"), "--map", "freepbx", "--explain", "7", who="telefon") == (
        4,
        "no_row",
    )


@pytest.mark.parametrize("name", MAKERS)
def test_the_example_of_an_export_has_every_field_of_its_map(world: World, spool: Path, name: str) -> None:
    folder = TOP / "examples" / "telephony" / FOLDERS.get(name, name) / "export"
    example(name, spool)
    assert records_of(spool) == records_of(folder), "write it anew: what the maker writes is the example"
    explained = 0
    for file in records_of(folder):
        for row in (1, 2):
            told = world.run(
                "ingest", str(folder / file), "--map", name, "--explain", str(row), "--json", who="telefon"
            )
            fields = told.json.get("fields", [])
            key = next((each["value"] for each in fields if each["field"] == "consent.key"), None)
            lacking = {each["field"] for each in fields if each["value"] is None}
            if key == "1":
                assert lacking <= {"audio", "consent.stopped.key", "consent.stopped.at"}
                explained += 1
    assert explained == 1


def test_a_word_of_a_menu_is_explained_as_no_key(world: World, spool: Path) -> None:
    _row(spool, "a", key="T1")
    file = str(_written(world.base, GOOD))
    words = ("ingest", str(spool / "calls.jsonl"), "--map", file, "--explain", "1")
    fields = {each["field"]: each["why"] for each in world.json(*words, who="telefon")["fields"]}
    assert (fields["consent.key"], fields["consent.prompt"]) == ("no_key", "read")


def test_a_refusal_for_another_reason_names_no_evidence(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD.replace('{value = "inbound"}', '"way"'))
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", way="outbound", lacks="key")
    assert [(each["code"], each["field"]) for each in ingest(world, "--map", str(file))["refused"]] == [
        ("outbound", None)
    ]


def test_a_refused_call_of_an_export_is_told_to_the_person_who_asks(world: World, spool: Path) -> None:
    approve(world, "connect")
    MAKERS["connect"](spool, Told(1, prompt="nb-1999-01", caller="+4790000009"))
    ingest(world, "--map", "connect", exit=3)
    told = world.json("withdraw", "+4790000009", "--yes", who="skranke")
    assert len(told["spool"]) == 1


JOINED = GOOD.replace('format = "jsonl"', 'format = "csv"\njoin = "linked"').replace(
    '"agent"\n', "\"rows[?agent!=''].agent | [0]\"\n"
)


def test_rows_of_one_call_are_one_call(world: World, spool: Path) -> None:
    file = _written(world.base, JOINED)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows = ["linked,id,begun,from,agent,team,key,pressed,prompt"]
    for agent in ("", "ola", "kari"):
        rows += [f"{name},{name},{at},+4790000001,{agent},kundeservice,1,{at},nb-2026-01" for name in "ab"]
    (spool / "calls.csv").write_text("\n".join(rows) + "\n", "utf-8")
    for name in "ab":
        sound(spool, f"{name}.wav", ord(name))
    told = world.json("ingest", str(spool / "calls.csv"), "--map", str(file), "--explain", "2", who="telefon")
    assert {each["field"]: each["value"] for each in told["fields"]}["agent"] == "ola"
    assert len(ingest(world, "--map", str(file), exit=0)["accepted"]) == 2
    assert list(spool.iterdir()) == []


def test_each_recording_of_a_conversation_is_a_call_of_its_own(world: World, spool: Path) -> None:
    approve(world, "vcon")
    MAKERS["vcon"](spool, Told(1))
    (file,) = spool.glob("*.json")
    document = json.loads(file.read_text("utf-8"))
    again = {**document["dialog"][1], "filename": "second.wav"}
    file.write_text(json.dumps({**document, "dialog": [*document["dialog"], again]}), "utf-8")
    sound(spool, "second.wav", 9)
    assert len(ingest(world, "--map", "vcon", exit=0)["accepted"]) == 2


@pytest.mark.parametrize(("hours", "code"), [(-1.1, "no_consent"), (1.1, "consent_after_call")])
def test_an_hour_between_two_clocks_of_one_call_refuses_that_call(
    world: World, spool: Path, hours: float, code: str
) -> None:
    file = _written(world.base, GOOD)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", later=hours)
    _row(spool, "b")
    told = ingest(world, "--map", str(file), exit=3)
    assert ([each["code"] for each in told["refused"]], len(told["accepted"])) == ([code], 1)


def test_a_large_export_is_sealed_in_processes(world: World, spool: Path) -> None:
    approve(world, "kamailio")
    for number in range(60):
        MAKERS["kamailio"](spool, Told(number))
    assert len(ingest(world, "--map", "kamailio", exit=0)["accepted"]) == 60
    assert (list(spool.iterdir()), problems(world)) == ([], [])


NEWEST = GOOD.replace('format = "jsonl"', 'format = "jsonl"\njoin = "id"\nnewest = "changed"')


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ("2026-10-01T10:00:00Z", "2026-10-01T10:00:00.5Z", False),
        ("2026-10-01T10:00:00Z", "2026-10-01T11:30:00+02:00", True),
        (9, 10, False),
        (10, 9, True),
        (5, 5, False),
        (5, "yesterday", False),
        (5, None, False),
    ],
)
def test_the_newest_row_of_a_call_decides(world: World, spool: Path, first: Any, second: Any, taken: bool) -> None:
    file = _written(world.base, NEWEST)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", changed=first)
    _row(spool, "a", changed=second, key="2")
    assert len(ingest(world, "--map", str(file))["accepted"]) == taken
    assert len(objects(world)) == taken


def test_the_newest_row_decides_also_where_it_is_passed_over(
    world: World, spool: Path, clock: Callable[[datetime], None]
) -> None:
    file = _written(world.base, 'only = "key"\n' + NEWEST)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", changed=1)
    _row(spool, "a", changed=2, lacks="key")
    assert len(ingest(world, "--map", str(file), exit=0)["waiting"]) == 1
    clock(datetime.now(UTC) + timedelta(minutes=61))
    assert [each["code"] for each in ingest(world, "--map", str(file), exit=3)["refused"]] == ["no_consent"]
    assert (objects(world), list(spool.iterdir())) == (set(), [])


def test_a_call_of_too_many_rows_or_with_a_strange_id_is_refused(world: World, spool: Path) -> None:
    file = _written(world.base, NEWEST)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    for number in range(1001):
        _row(spool, "a", changed=number, key="2" if number == 1000 else "1")
    _row(spool, "b", id=1.5, changed=1)
    assert [each["code"] for each in ingest(world, "--map", str(file), exit=3)["refused"]] == ["bad_metadata"] * 2


def test_a_recording_whose_end_cannot_be_read_is_refused(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD + '"consent.stopped.key" = "stop"\n')
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", stop={"k": "2"})
    _row(spool, "b", stop="2")
    _row(spool, "c")
    told = ingest(world, "--map", str(file), exit=3)
    assert (sorted(each["code"] for each in told["refused"]), len(told["accepted"])) == (
        ["bad_metadata", "no_consent"],
        1,
    )


def test_a_row_that_is_passed_over_leaves_no_sound_behind(
    world: World, spool: Path, clock: Callable[[datetime], None]
) -> None:
    file = _written(world.base, 'only = "key"\n' + GOOD)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a")
    _row(spool, "b", lacks="key")
    _row(spool, "c", lacks="key")
    (spool / "c.wav").unlink()
    told = ingest(world, "--map", str(file), exit=0)
    assert (len(told["waiting"]), len(told["accepted"])) == (1, 1)  # its newer row may still come
    clock(datetime.now(UTC) + timedelta(minutes=61))
    assert [each["code"] for each in ingest(world, "--map", str(file), exit=3)["refused"]] == ["no_consent"]
    assert list(spool.iterdir()) == []


def test_no_file_that_is_no_sound_is_taken_for_one(world: World, spool: Path) -> None:
    approve(world, "vcon")
    MAKERS["vcon"](spool, Told(1, key="2"))
    (file,) = spool.glob("*.json")
    other = spool / "other.vcon.json"
    other.write_text("{}", "utf-8")
    file.write_text(file.read_text("utf-8").replace(f"{Told(1).uuid}.wav", other.name), "utf-8")
    told = ingest(world, "--map", "vcon", exit=0)
    assert (told["declined"], other.exists()) == (1, True)


@pytest.mark.parametrize(("pattern", "others"), [("{id}-*.wav", "a-b-1.wav"), ("*-{id}.wav", "1-b-a.wav")])
def test_no_call_has_the_sound_of_one_whose_id_begins_or_ends_with_its_own(
    world: World, spool: Path, pattern: str, others: str
) -> None:
    file = _written(world.base, GOOD.replace("{id}.wav", pattern))
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a")
    (spool / "a.wav").rename(spool / others)
    assert len(ingest(world, "--map", str(file), exit=0)["waiting"]) == 1
    _row(spool, "c")
    (spool / "c.wav").rename(spool / pattern.replace("{id}", "c").replace("*", "1"))
    assert len(ingest(world, "--map", str(file))["accepted"]) == 1
    assert (spool / others).exists()


def test_an_id_with_the_sign_of_the_pattern_has_no_sound(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD.replace("{id}.wav", "*-{id}.wav"))
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", id="b-a")
    (spool / "a.wav").rename(spool / "1-b-a.wav")
    assert [each["code"] for each in ingest(world, "--map", str(file), exit=3)["refused"]] == ["not_a_file"]


def test_rows_of_one_call_are_joined_across_ten_thousand_others_and_no_more() -> None:
    by = read.read(NEWEST.encode("utf-8"), "map.toml")
    for between, calls in ((9_999, 1), (10_001, 2)):
        rows = [{"id": "a", "changed": 1}, *({"id": str(each), "changed": 1} for each in range(between))]
        text = b"".join(json.dumps(row).encode() + b"\n" for row in [*rows, {"id": "a", "changed": 2}])
        found = list(MappedFiles(by).records(Lines(io.BytesIO(text), len(text)), Path(), list))
        assert len(found) == between + calls
        assert [each.record["changed"] for each in found if each.record and each.record["id"] == "a"][-1] == 2


def test_joined_rows_take_no_more_memory_than_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "WAITING_BYTES", 1_000)
    by = read.read(NEWEST.encode("utf-8"), "map.toml")
    text = b"".join(json.dumps({"id": str(each), "x": "x" * 300}).encode() + b"\n" for each in range(50))
    stream = io.BytesIO(text)
    first = next(MappedFiles(by).records(Lines(stream, len(text)), Path(), list))
    assert first.line == 1 and stream.tell() < 2_000


def test_a_process_that_seals_gets_neither_records_nor_the_names_of_the_spool(spool: Path) -> None:
    for number in range(200):
        MAKERS["kamailio"](spool, Told(number))
    by = read.read(read.shipped_text("kamailio").encode("utf-8"), "kamailio")
    delivery = next(scan([spool], mapped=MappedFiles(by)).deliveries())
    delivery.read()
    assert len(pickle.dumps(delivery)) < 2_000
    assert pickle.loads(pickle.dumps(delivery)).audio_names() == delivery.audio_names()


def test_a_map_that_this_program_reads_no_longer_closes_no_right(
    world: World, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(world, "kamailio")
    MAKERS["kamailio"](spool, Told(1, prompt="nb-1999-01", caller="+4790000009"))
    ingest(world, "--map", "kamailio", exit=3)
    monkeypatch.setattr(read, "MAP_BYTES", 10)
    told = world.json("withdraw", "+4790000009", "--yes", who="skranke")
    assert (told["erased"], told["spool"]) == (0, [])


def test_a_map_that_was_mended_tells_a_refused_call_once(world: World, spool: Path) -> None:
    approve(world, "kamailio", f'[[map]]\nname = "mended"\nsha256 = "{read.digest(_MENDED.encode("utf-8"))}"')
    MAKERS["kamailio"](spool, Told(1, prompt="nb-1999-01", caller="+4790000009"))
    ingest(world, "--map", "kamailio", exit=3)
    ingest(world, "--map", str(_written(world.base, _MENDED)), exit=3)
    assert len(world.json("withdraw", "+4790000009", "--yes", who="skranke")["spool"]) == 1


_MENDED = read.shipped_text("kamailio") + "\n# mended\n"


def test_two_sounds_that_fit_one_call_are_none(world: World, spool: Path) -> None:
    approve(world, "genesys")
    MAKERS["genesys"](spool, Told(1))
    (found,) = spool.rglob("*.wav")
    found.with_suffix(".flac").write_bytes(found.read_bytes())
    assert [each["code"] for each in ingest(world, "--map", "genesys", exit=3)["refused"]] == ["not_a_file"]
    assert len(list(found.parent.iterdir())) == 3


def test_a_call_without_its_sound_takes_no_other_calls(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD.replace("{id}.wav", "{id}.*"))
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a")
    for name in ("aa.wav", "a.b.wav", "ba.wav", "a-a.wav"):
        (spool / "a.wav").with_name(name).write_bytes((spool / "a.wav").read_bytes())
    (spool / "a.wav").unlink()
    told = ingest(world, "--map", str(file), exit=0)
    assert (len(told["waiting"]), told["accepted"], len(told["unclaimed"])) == (1, [], 4)


# -- what a map may say -------------------------------------------------------------------------------

MISTAKES = [
    ('"consent.key" = "key"', '"consent.key" = {value = "1"}', "constant_evidence"),
    ('"consent.key" = "key"', '"consent.key" = "key || \'1\'"', "path_literal"),
    ('"consent.key" = "key"', '"consent.key" = "`\\"1\\"`"', "path_literal"),
    ('"consent.key" = "key"', '"consent.key" = "not_null(key, \'1\')"', "path_literal"),
    ('"consent.key" = "key"', '"consent.key" = "to_string(length(id))"', "path_function"),
    ('"consent.key" = "key"', '"consent.key" = {path = "key", values = {"" = "1"}}', "constant_evidence"),
    ('"consent.key" = "key"', '"consent.key" = {path = "dir", values = {inbound = "1"}}', "constant_evidence"),
    ('"consent.prompt" = "prompt"', '"consent.prompt" = {path = "key", values = {1 = "nb"}}', "constant_evidence"),
    ('{path = "pressed", time = "iso"}', '{path = "key", values = {1 = "2026"}, time = "iso"}', "constant_evidence"),
    ('{path = "pressed", time = "iso"}', '{path = "pressed", time = "%Y-%m-%d %H:%M %Y"}', "time_form"),
    ('agent = "agent"', "agent = {path = 'agent', regex = '(a{1000000000})'}", "regex"),
    ('agent = "agent"', "agent = {path = 'agent', regex = '((?:a{300}){300})'}", "regex"),
    ('audio = "{id}.wav"', "audio = \"{'call'}.wav\"", "path_literal"),
    ('"consent.prompt" = "prompt"', "\"consent.prompt\" = \"join('', ['nb-2026-01'])\"", "path_function"),
    ('"consent.prompt" = "prompt"', '"consent.prompt" = "[prompt, prompt] | [0]"', "path_part"),
    ('{path = "pressed", time = "iso"}', '"pressed"', "time_missing"),
    ('{path = "pressed", time = "iso"}', '{path = "pressed", time = "%Y-%m-%d"}', "time_form"),
    ('{path = "pressed", time = "iso"}', '{path = "pressed", time = "%Y-%m-%d %H:%M"}', "time_form"),
    ('caller = "from"', 'caller = {value = "+4790000001"}', "constant_evidence"),
    ('source_id = "id"', 'source_id = {value = "x"}', "constant_evidence"),
    ('agent = "agent"', 'agent = "agent["', "path"),
    ('agent = "agent"', "agent = {path = 'agent', regex = '('}", "regex"),
    ('agent = "agent"', "agent = {path = 'agent', regex = 'x'}", "regex_group"),
    ('agent = "agent"', "agent = {path = 'agent', zone = 'Europe/Atlantis'}", "zone"),
    ('agent = "agent"', "agents = 'agent'", "unknown_field"),
    ('agent = "agent"', "agent = {from = 'agent'}", "unknown_key"),
    ('audio = "{id}.wav"', 'audio = "call.wav"', "audio_constant"),
    ('audio = "{id}.wav"', 'audio = "../{id}.wav"', "audio_pattern"),
    ('audio = "{id}.wav"', 'audio = "*-{id}-*"', "audio_pattern"),
    ('audio = "{id}.wav"', 'audio = "{id}-*a*b*c*d*.wav"', "audio_pattern"),
    ('audio = "{id}.wav"', 'audio = "{id}*.wav"', "audio_touching"),
    ('audio = "{id}.wav"', 'audio = "{id}{agent}.wav"', "audio_touching"),
    ('format = "jsonl"', 'format = "xml"', "format"),
    ('format = "jsonl"', 'format = "jsonl"\ninclude = "/etc/passwd"', "unknown_key"),
    ('format = "jsonl"', 'format = "jsonl"\nnewest = "at"', "newest_without_join"),
    ('format = "jsonl"', "format = ", "not_toml"),
]


@pytest.mark.parametrize(("right", "wrong", "code"), MISTAKES)
def test_a_mistake_of_a_map_is_told_with_its_line_and_column(right: str, wrong: str, code: str) -> None:
    text = GOOD.replace(right, wrong)
    found = read.check(text.encode("utf-8"), "map.toml")
    line = GOOD[: GOOD.index(right)].count("\n") + 1 + wrong.count("\n")
    assert code in [each.code for each in found]
    assert line in [each.line for each in found if each.code == code]
    with pytest.raises(read.BadMap):
        read.read(text.encode("utf-8"), "map.toml")


def test_a_map_without_mistakes_is_told_with_its_digest(world: World) -> None:
    file = _written(world.base, GOOD)
    told = world.json("map", "check", str(file), who="telefon")
    assert (told["sha256"], told["findings"]) == (read.digest(GOOD.encode("utf-8")), [])
    file.write_text(GOOD.replace('team = "team"\n', ""), "utf-8")
    result = world.run("map", "check", str(file), who="telefon")
    assert result.exit == 3 and "team" in result.out


@pytest.mark.parametrize("name", read.shipped())
def test_a_map_that_comes_with_the_program_has_no_mistakes_and_an_export_in_the_tests(name: str) -> None:
    assert read.check(read.shipped_text(name).encode("utf-8"), name) == []
    assert name in MAKERS


_LETTERS = st.text(st.sampled_from("ab*?{}[]().|'`&@\"=\n #019"), max_size=60)


@given(_LETTERS, _LETTERS, st.binary(max_size=200))
def test_a_hostile_map_is_read_or_refused(path: str, pattern: str, raw: bytes) -> None:
    read.check(raw, "map.toml")
    for text in (GOOD.replace('"agent"', json.dumps(path)), GOOD.replace("{id}.wav", pattern)):
        read.check(text.encode("utf-8"), "map.toml")


# -- times and names ----------------------------------------------------------------------------------


def test_a_local_time_that_exists_twice_is_the_earlier_and_no_evidence_and_one_that_was_skipped_is_none() -> None:
    oslo, form = ZoneInfo("Europe/Oslo"), "%Y-%m-%d %H:%M:%S"
    assert instant("2026-10-25 02:30:00", form, oslo) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant("2026-10-25 02:30:00", form, oslo, fold=None) is None
    assert instant("2026-10-25 03:30:00", form, oslo, fold=None) == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    assert instant("2026-03-29 02:30:00", form, oslo) is None
    assert instant("2026-03-29 03:30:00", form, oslo) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_parts_of_a_microsecond_of_a_key_press_are_rounded_up() -> None:
    at = datetime(2026, 10, 1, 8, 15, 44, 1, tzinfo=UTC)
    assert instant("2026-10-01T08:15:44.0000001Z", "iso", None, fold=None) == at
    assert instant(f"{int(at.timestamp())}.0000001", "epoch", None, fold=None) == at


@pytest.mark.parametrize("text", ["2026-10-01", "2026-W40-4", "20261001T081544Z", "2026-10-01T08", "2026-10-01T08:15"])
def test_a_day_or_an_hour_or_a_time_without_a_zone_is_no_instant(text: str) -> None:
    assert instant(text, "iso", None) is None


@pytest.mark.parametrize("text", ["1e999999999", "9" * 400, "inf", "nan", "", "1_000", "0x10", "١"])
def test_what_is_no_plain_number_is_no_time(text: str) -> None:
    assert instant(text, "epoch", None) is None


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year >= 1970))
def test_every_notation_of_an_instant_gives_that_instant(at: datetime) -> None:
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert instant(at.isoformat(), "iso", None) == at
    assert instant(str(micros), "epoch_us", None) == at
    assert instant(f"{micros // 1_000_000}.{micros % 1_000_000:06}", "epoch", None) == at


@given(
    st.lists(st.text(st.sampled_from("ab.-_1"), min_size=1, max_size=6), max_size=20),
    st.text(st.sampled_from("ab1"), min_size=1, max_size=2),
    st.sampled_from(["{id}.wav", "{id}.*", "*-{id}.*", "*-{id}.wav", "{id}_*.*", "{id}-*-*.wav", "a{id}.wav"]),
)
def test_a_pattern_finds_the_sounds_that_looking_at_each_would_find(names: list[str], id: str, written: str) -> None:
    sounds, pattern = sorted({f"{name}.wav" for name in names}), audio_pattern(written)
    form = re.escape(written).replace(r"\{id\}", re.escape(id))
    form = re.sub(r"\\\.\\\*$", r"\\.[^.]+", form)  # any ending
    form = form.replace(r"\*", f"[^{''.join(pattern.signs)}]*" if pattern.signs else ".*")
    found = SoundNames(Path("/s"), [Path("/s") / name for name in sounds]).fitting(filled(pattern, {"id": id}), pattern)
    assert found == [name for name in sounds if re.fullmatch(form, name)]


def _written(folder: Path, text: str) -> Path:
    path = folder / "map.toml"
    path.write_text(text, "utf-8")
    return path


def _row(spool: Path, name: str, lacks: str | None = None, later: float = 0.0, **more: Any) -> None:
    begun = datetime.now(UTC) - timedelta(hours=3)
    at, key_at = begun.isoformat(), (begun + timedelta(hours=later)).isoformat()
    row: dict[str, Any] = {"id": name, "begun": at, "from": "+4790000001", "agent": "ola", "team": "kundeservice"}
    row |= {"key": "1", "pressed": key_at, "prompt": "nb-2026-01"}
    row |= {key: value for key, value in more.items() if value is not None}
    row.pop(str(lacks), None)
    with (spool / "calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    sound(spool, f"{name}.wav", ord(name))


# -- which key counts ---------------------------------------------------------------------------------

HISTORY = GOOD.replace('"consent.key" = "key"', '"consent.key" = "press.digit"').replace('"pressed", ', '"press.at", ')
HISTORY = 'presses = "keys"\n' + HISTORY + '"consent.asked_at" = {path = "asked", time = "iso"}\n'


def _pressed(*keys: tuple[str, float], began: float = 60.0) -> dict[str, Any]:
    """A history of keys, each so many seconds before the sound; the prompt began so long before it, too."""
    sound = datetime.now(UTC) - timedelta(hours=1)
    history = [{"digit": key, "at": (sound - timedelta(seconds=before)).isoformat()} for key, before in keys]
    return {"begun": sound.isoformat(), "keys": history, "asked": (sound - timedelta(seconds=began)).isoformat()}


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ([("1", 2)], True),
        ([("1", 300), ("1", 2)], True),
        ([("2", 300), ("9", 200), ("1", 2)], True),
        ([("1", 300), ("2", 2)], False),
        ([("1", 300)], False),
        ([("2", 20), ("1", 2)], False),
        ([("1", 20), ("2", 2)], False),
        ([("1", 20), ("1", 2)], True),
        ([("1", 2), ("5", -30)], True),
        ([("1", 2), ("9", -30)], False),
        ([("1", 2), ("2", -30)], False),
        ([("1", -30)], False),
        ([], False),
    ],
)
def test_of_a_history_the_last_key_of_the_prompt_decides_and_the_others_agree(
    world: World, spool: Path, keys: list[tuple[str, float]], taken: bool
) -> None:
    file = _written(world.base, HISTORY)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", **_pressed(*keys))
    told = ingest(world, "--map", str(file), exit=0 if taken else 3)
    assert ([each["code"] for each in told["refused"]], len(told["accepted"])) == (
        [] if taken else ["no_consent"],
        taken,
    )


@pytest.mark.parametrize(("keys", "taken"), [([("1", 2)], True), ([("1", 30)], False), ([("9", 30), ("1", 2)], False)])
def test_where_no_prompt_is_told_a_key_counts_only_shortly_before_the_sound(
    world: World, spool: Path, keys: list[tuple[str, float]], taken: bool
) -> None:
    file = _written(world.base, HISTORY)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    _row(spool, "a", **{**_pressed(*keys), "asked": None})
    assert len(ingest(world, "--map", str(file))["accepted"]) == taken


def test_every_key_of_a_row_is_explained(world: World, spool: Path) -> None:
    _row(spool, "a", **_pressed(("1", 300), ("2", 20), ("1", 2), ("5", -30)))
    file = str(_written(world.base, HISTORY))
    words = ("ingest", str(spool / "calls.jsonl"), "--map", file, "--explain", "1")
    told = world.json(*words, who="telefon")
    keys = [(each["row"], each["value"], each["why"]) for each in told["keys"]]
    roles = ["before_prompt", "contradicts", "decides", "in_call"]
    assert keys == [(1, key, role) for key, role in zip("1215", roles, strict=True)]
    assert {each["field"]: each["why"] for each in told["fields"]}["consent.key"] == "several_values"
    assert "In 1 calls the keys contradict each other" in world.run(*words, who="telefon").out


def test_every_key_of_an_export_is_counted_before_the_map_is_used(world: World, spool: Path) -> None:
    for number, key in enumerate("1121"):
        MAKERS["freepbx"](spool, Told(number, key=key, clock=timedelta(hours=number == 3)))
    told = world.json("map", "check", "freepbx", str(spool / "Master.csv"))
    assert [each["why"] for each in told["keys"]] == ["decides", "decides", "decides", "outside_call"]
    out = world.run("map", "check", "freepbx", str(spool / "Master.csv")).out
    assert "Key 1, 2 times: decides" in out
    assert "Key 1, 1 times: outside the call: compare the clocks, and zone" in out


def test_a_map_that_tells_no_call_and_no_prompt_says_so_and_can_be_used(world: World) -> None:
    told = world.json("map", "check", str(_written(world.base, HISTORY.replace('"consent.asked_at"', "#"))))
    assert (told["findings"], [each["code"] for each in told["notices"]]) == ([], ["no_call_times", "no_prompt_time"])


def test_a_folder_is_no_file_to_explain_and_a_bad_map_has_its_place_in_json(world: World, spool: Path) -> None:
    file = str(_written(world.base, GOOD.replace('"consent.key" = "key"', '"consent.key" = {value = "1"}')))
    told = world.run("ingest", str(spool), "--map", file, "--json", who="telefon").json["error"]
    assert (told["code"], told["line"], told["column"]) == ("bad_map", 11, 1)
    good = str(_written(world.base, GOOD))
    assert world.code("ingest", str(spool), "--map", good, "--explain", "1", who="telefon") == (2, "is_a_folder")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("consent=1|text=x", "1"),
        ("consent=11|text=x", "11"),
        ("consent=12|text=x", "12"),
        ("consent=1 |text=x", "1 "),
        ("noconsent=1|text=x", None),
        ("consent=2|text=x|consent=1", None),
        ("text=x|consent=1", "1"),
    ],
)
def test_the_whole_value_of_a_key_is_judged(line: str, field: str | None) -> None:
    by = read.read(read.shipped_text("freepbx").encode("utf-8"), "freepbx")
    assert read_field("consent.key", by.fields["consent.key"], {"userfield": line}).value == field


@pytest.mark.parametrize(
    ("pattern", "text", "why"),
    [
        ("consent=([0-9])", "consent=1|", "part"),
        ("consent=([0-9]+)", "consent=1 |", "part"),
        ("([0-9])$", "consent=21", "part"),
        ("^T([0-9])$", "T1", "read"),
        ("^T([0-9])$", "T12", "no_match"),
        ("k=([^;]*)", "k=1;k=2", "several_values"),
        ("k=([^;]*)", "k=1;k=1", "read"),
    ],
)
def test_a_pattern_that_finds_a_part_of_a_key_or_several_finds_none(pattern: str, text: str, why: str) -> None:
    wanted = mapped_field("consent.key", {"path": "field", "regex": pattern}, None, url_encoded=False)
    assert read_field("consent.key", wanted, {"field": text}).why == why


def test_rows_of_one_call_that_are_joined_contradict_each_other(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD.replace('format = "jsonl"', 'format = "jsonl"\njoin = "id"'))
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for id, key in (("a", "1"), ("a", "2"), ("b", "1"), ("b", "1")):
        _row(spool, id, key=key, begun=at, pressed=at)
    told = ingest(world, "--map", str(file), exit=3)
    assert ([each["code"] for each in told["refused"]], len(told["accepted"])) == (["no_consent"], 1)


@pytest.mark.parametrize(
    ("call", "granted", "field"),
    [
        ({"started_at": -30, "ended_at": 300}, True, None),
        ({"started_at": -30}, True, None),
        ({"started_at": 1800}, True, "consent.at"),
        ({"started_at": -7200, "ended_at": -1800}, True, "consent.at"),
        ({"started_at": 62}, True, "consent.at"),
        ({"started_at": 55}, True, None),
        ({}, False, "consent.granted"),
        ({}, "true", "consent.granted"),
        ({}, 1, "consent.granted"),
        ({}, None, None),
    ],
)
def test_a_manifest_may_tell_of_the_call_and_of_a_grant(
    world: World, spool: Path, call: dict[str, float], granted: object, field: str | None
) -> None:
    world.deliver("a")
    manifest = json.loads((spool / "a.json").read_text("utf-8"))
    begin = datetime.fromisoformat(manifest["consent"]["at"])
    manifest["call"] = {name: (begin + timedelta(seconds=at)).isoformat() for name, at in call.items()}
    manifest["consent"]["granted"] = granted
    (spool / "a.json").write_text(json.dumps(manifest), "utf-8")
    told = ingest(world, exit=0 if field is None else 3)
    assert [(each["code"], each["field"]) for each in told["refused"]] == ([("no_consent", field)] if field else [])


def test_what_an_earlier_version_of_a_map_took_in_is_listed(world: World, spool: Path) -> None:
    file = _written(world.base, GOOD)
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"', "vcon")
    _row(spool, "a")
    taken = ingest(world, "--map", str(file), exit=0)["accepted"][0]["id"]
    before = read.digest(GOOD.encode("utf-8"))
    assert world.json("verify", who="iver")["earlier_maps"] == []
    _written(world.base, GOOD + "# corrected\n")
    put(world, 'version = "2026-06"\n[[map]]\nname = "ours"\nfile = "map.toml"\n')
    told = world.run("verify", "--json", who="iver")
    assert told.json["earlier_maps"] == [{"map": "ours", "sha256": before, "recordings": [taken]}]
    assert (told.exit, told.json["problems"]) == (0, [])
    assert taken in world.run("verify", who="iver").out
    world.json("withdraw", "--call", taken, "--yes", who="skranke")
    assert world.json("verify", who="iver")["earlier_maps"] == []


def test_what_a_version_of_a_shipped_map_took_in_that_comes_no_more_is_listed(
    world: World, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(world, "vcon")
    MAKERS["vcon"](spool, Told(1))
    taken = ingest(world, "--map", "vcon", exit=0)["accepted"][0]["id"]
    text = read.shipped_text
    monkeypatch.setattr(read, "shipped_text", lambda name: text(name) + "# corrected\n")
    (earlier,) = world.json("verify", who="iver")["earlier_maps"]
    assert (earlier["map"], earlier["recordings"]) == ("vcon", [taken])
