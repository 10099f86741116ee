"""Exports that take in against a no, lose a withdrawal or a call, leave a voice, or stop the intake of all others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.calls.intake import ingest as intake
from arlo_rec.edge.commands.run import Run
from arlo_rec.exchanges import spool
from arlo_rec.exchanges.maps import read
from arlo_rec.sound.audio import sound_file
from tests.support.compressed import SOUNDFILE
from tests.support.exports import MAKERS, Told, approve, iso, sound
from tests.support.faults import Crash
from tests.support.intake import ingest, left, objects, problems
from tests.support.sounds import tone_wav
from tests.support.world import World, assert_no_bug

pytestmark = [pytest.mark.rule("consent.withdraw"), pytest.mark.slow]
Clock = Callable[[datetime], None]
OURS = """format = "jsonl"
audio = "{ref}.wav"
only = "pressed && !cancelled"

[fields]
source_id = "ref"
direction = {value = "inbound"}
started_at = {path = "begin", time = "iso"}
caller = "cli"
agent = "op"
team = "grp"
"consent.key" = "pressed"
"consent.at" = {path = "at", time = "iso"}
"consent.prompt" = "text"
"consent.prompt_completed" = {value = true}
"known.caller" = "name"
"""
IN_ROWS = [name for name in MAKERS if name != "kamailio"]  # where one row is both a call and its withdrawal
OLD = 315_532_800  # a file time of 1980, as of an archive


@pytest.fixture
def folder(world: World) -> Path:
    world.spool.mkdir(exist_ok=True)
    return world.spool


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the time of every command."""
    return lambda at: monkeypatch.setattr(Run, "now", lambda _: at)


def ours(world: World, *changes: tuple[str, str]) -> str:
    """A map of our own, approved."""
    text = OURS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (world.base / "map.toml").write_text(text, "utf-8")
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    return str(world.base / "map.toml")


def row(ref: str, **changes: Any) -> dict[str, Any]:
    at = iso(datetime.now(UTC) - timedelta(hours=1))
    told = {"ref": ref, "begin": at, "cli": "+4790000001", "op": "ola", "grp": "kundeservice", "pressed": "1", "at": at}
    return {key: value for key, value in ({**told, "text": "nb-2026-01"} | changes).items() if value is not None}


def export(folder: Path, *rows: dict[str, Any], name: str = "calls.jsonl", with_sound: bool = True) -> None:
    """Rows of an exchange, each with its sound."""
    (folder / name).write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    for seed, ref in enumerate(dict.fromkeys(each["ref"] for each in rows)):
        if with_sound:
            sound(folder, f"{ref}.wav", seed)


# -- against a no -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_ROWS)
def test_a_call_in_which_somebody_withdrew_is_not_kept_though_the_number_is_withheld(
    world: World, folder: Path, name: str
) -> None:
    approve(world, name)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    MAKERS[name](folder, Told(1, caller="anonymous", withdrawn=at))
    ingest(world, "--map", name, exit=3)
    assert (objects(world), list(folder.rglob("*.wav"))) == (set(), [])


@pytest.mark.parametrize("at", ["", "|wat=", "|wat=99999999999", "|wat=1"])
def test_a_withdrawal_with_any_time_keeps_its_own_call_out(world: World, folder: Path, at: str) -> None:
    approve(world, "freepbx")
    MAKERS["freepbx"](folder, Told(1))
    file = folder / "Master.csv"
    file.write_text(file.read_text("utf-8").replace("|heard=1", f"|heard=1|withdrawn=9{at}"), "utf-8")
    ingest(world, "--map", "freepbx", exit=3)
    assert (objects(world), list(folder.rglob("*.wav"))) == (set(), [])


def test_a_row_that_the_map_passes_over_is_never_taken_in(world: World, folder: Path, clock: Clock) -> None:
    by = ours(world)
    export(folder, row("a", cancelled=True), row("b"))
    assert len(ingest(world, "--map", by, exit=0)["accepted"]) == 1
    clock(datetime.now(UTC) + timedelta(minutes=61))
    assert [each["code"] for each in ingest(world, "--map", by, exit=3)["refused"]] == ["no_consent"]
    assert (len(objects(world)), left(world)) == (1, set())


def test_a_row_that_the_map_passes_over_takes_no_sound_from_the_one_that_counts(world: World, folder: Path) -> None:
    by = ours(world)
    export(folder, row("a", pressed=None, op="nobody"), row("a"))
    assert [each["source"][-2:] for each in ingest(world, "--map", by, exit=0)["accepted"]] == [":2"]
    assert (len(objects(world)), problems(world)) == (1, [])


def test_a_row_of_a_call_that_goes_on_destroys_nothing(world: World, folder: Path) -> None:
    by = ours(world)
    export(folder, row("a", pressed=None))
    assert len(ingest(world, "--map", by, exit=0)["waiting"]) == 1
    export(folder, row("a"), with_sound=False)
    assert len(ingest(world, "--map", by, exit=0)["accepted"]) == 1


@pytest.mark.parametrize("later", [{"recordingStopped": "9"}, {"consentWithdrawn": "9"}])
def test_a_newer_record_that_says_stopped_erases_what_was_taken_in(
    world: World, folder: Path, later: dict[str, str]
) -> None:
    approve(world, "connect")
    MAKERS["connect"](folder, Told(1, caller="anonymous"))
    record = json.loads((folder / "contacts.jsonl").read_text("utf-8").splitlines()[-1])
    assert len(ingest(world, "--map", "connect", exit=0)["accepted"]) == 1
    record |= {"LastUpdateTimestamp": iso(datetime.now(UTC))}
    record["Attributes"] |= later
    (folder / "contacts.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
    would = world.json("ingest", str(folder), "--map", "connect", "--dry-run", who="telefon")["withdrawn"]
    assert [each["would_erase"] for each in would if each.get("would_erase")] == [1]
    told = ingest(world, "--map", "connect", exit=3)
    assert [each["erased"] for each in told["withdrawn"] if each["erased"]] == [1]
    assert (objects(world), problems(world)) == (set(), [])


def test_a_dry_run_knows_of_the_withdrawals_of_its_own_spool(world: World) -> None:
    world.deliver("b")
    notice = {"withdrawal": {"caller": "+4790000001", "at": iso(datetime.now(UTC))}}
    (world.spool / "a.json").write_text(json.dumps(notice), "utf-8")
    assert [each["code"] for each in ingest(world, "--dry-run", exit=3)["refused"]] == ["withdrawn"]


# -- what must not be lost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"withdrawal": {"caller": "+4790000001", "at": "2026-10-05 10:00"}}',
        '{"withdrawal": {"caller": "+4790000001", "at": "2026-10-05T09:12:30Z", ',
        "{withdraw +4790000001",
    ],
)
@pytest.mark.parametrize("name", ["notice.json", "notices.jsonl"])
def test_no_file_time_removes_a_withdrawal(world: World, folder: Path, text: str, name: str) -> None:
    (folder / name).write_text(text + "\n", "utf-8")
    os.utime(folder / name, (OLD, OLD))
    ingest(world, exit=3)
    assert left(world) == {name}


def test_no_file_time_removes_a_call_that_can_be_mended(world: World) -> None:
    path = world.deliver("call")
    path.write_text(path.read_text("utf-8").replace('Z"', '"'), "utf-8")
    os.utime(path, (OLD, OLD))
    ingest(world, exit=3)
    assert left(world) == {"call.json", "call.wav"}


def test_a_side_of_another_call_is_no_duplicate(world: World, clock: Clock) -> None:
    world.take_in("call")
    world.deliver("call", audio={"caller": "in.wav", "agent": "out.wav"}, caller="+4790000002")
    (world.spool / "call.wav").unlink()
    (world.spool / "in.wav").write_bytes(tone_wav(0.5, channels=1, seed=5))
    assert len(ingest(world, exit=0)["waiting"]) == 1
    (world.spool / "out.wav").write_bytes(tone_wav(0.5, channels=1, seed=6))
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["conflict"]
    clock(datetime.now(UTC) + timedelta(hours=2))
    assert {"in.wav", "out.wav"} < left(world)


TWO_SIDES = ('audio = "{ref}.wav"', 'audio = {caller = "in-{ref}.wav", agent = "out-{ref}.wav"}')


def test_both_sides_of_an_export_may_come_late(world: World, folder: Path) -> None:
    by = ours(world, TWO_SIDES)
    export(folder, row("a"), with_sound=False)
    told = ingest(world, "--map", by, "--remove-refused", "not_a_file", exit=0)
    assert (len(told["waiting"]), left(world)) == (1, {"calls.jsonl"})
    for seed, side in enumerate(("in", "out")):
        (folder / f"{side}-a.wav").write_bytes(tone_wav(0.5, channels=1, seed=seed))
    assert len(ingest(world, "--map", by, exit=0)["accepted"]) == 1


def test_a_run_that_was_killed_behind_both_sides_is_finished(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = ours(world, TWO_SIDES)
    export(folder, row("a"), row("b"), with_sound=False)
    for seed, side in enumerate(("in-a", "out-a", "in-b", "out-b")):
        (folder / f"{side}.wav").write_bytes(tone_wav(0.5, channels=1, seed=seed))
    done, real = [], spool.remove

    def remove(file: spool.SpoolFile) -> bool:
        done.append(real(file))
        if len(done) == 4:
            raise Crash
        return done[-1]

    with monkeypatch.context() as patch, suppress(Crash):
        patch.setattr(spool, "remove", remove)
        ingest(world, "--map", by)
    assert left(world) == {"calls.jsonl"}
    assert len(ingest(world, "--map", by, exit=0)["duplicates"]) == 2
    assert (left(world), len(objects(world))) == (set(), 2)


def test_what_is_removed_by_its_age_is_no_sound_that_a_mended_record_takes(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH", 2)
    world.deliver("a", team=7)
    ingest(world, exit=3)
    clock(datetime.now(UTC) + timedelta(days=7, minutes=1))
    world.catch_up()
    for seed, stem in enumerate("mnopq", start=1):
        world.deliver(stem, seed=seed, seconds=0.1)
    world.deliver("z", audio="a.wav")
    (world.spool / "z.wav").unlink()
    told = ingest(world, exit=3)
    assert (len(told["accepted"]), {each["code"] for each in told["removed"]}) == (6, {"taken_in"})
    assert problems(world) == []


def test_two_readings_of_one_folder_each_know_their_own_refusals(world: World, clock: Clock) -> None:
    approve(world, "freepbx")
    now = datetime.now(UTC)
    world.deliver("bad", team=7)
    (world.spool / "n.json").write_text('{"withdrawal": {"caller": "+4790000001", "at": "x"}}', "utf-8")
    for day in (0, 3, 6, 8):
        clock(now + timedelta(days=day))
        ingest(world)
        ingest(world, "--map", "freepbx")
        assert "withdrawal_refused" in world.tasks("sigrid")
    assert left(world) == {"n.json"}


# -- what must not stay, or not be told ----------------------------------------------------------------


def test_a_call_whose_stop_cannot_be_read_is_refused_by_name_found_and_gone(
    world: World, folder: Path, clock: Clock
) -> None:
    approve(world, "freepbx")
    MAKERS["freepbx"](folder, Told(1))
    file = folder / "Master.csv"
    file.write_text(file.read_text("utf-8").replace("|heard=1", "|heard=1|stopped=9|sat=now"), "utf-8")
    now = datetime.now(UTC)
    (refused,) = ingest(world, "--map", "freepbx", exit=3)["refused"]
    assert (refused["code"], refused["field"]) == ("bad_metadata", "consent.stopped.at")
    assert world.json("withdraw", "+4790000001", "--dry-run", who="skranke")["spool"] != []
    clock(now + timedelta(days=7, minutes=1))
    world.catch_up()
    ingest(world, "--map", "freepbx", exit=3)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_call_whose_rows_cannot_be_compared_is_refused_found_and_gone(
    world: World, folder: Path, clock: Clock
) -> None:
    approve(world, "connect")
    MAKERS["connect"](folder, Told(1))
    file = folder / "contacts.jsonl"
    file.write_text(file.read_text("utf-8").replace("LastUpdateTimestamp", "x", 1), "utf-8")
    now = datetime.now(UTC)
    assert [each["code"] for each in ingest(world, "--map", "connect", exit=3)["refused"]] == ["bad_metadata"]
    assert world.json("withdraw", "+4790000001", "--dry-run", who="skranke")["spool"] != []
    clock(now + timedelta(days=7, minutes=1))
    world.catch_up()
    ingest(world, "--map", "connect", exit=3)
    assert (objects(world), [path for path in folder.rglob("*") if path.is_file()]) == (set(), [])


def test_the_parts_of_a_record_that_is_passed_over_leave_no_sound(world: World, folder: Path, clock: Clock) -> None:
    text = f'only = "good"\n{read.shipped_text("vcon")}'
    (world.base / "map.toml").write_text(text, "utf-8")
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    MAKERS["vcon"](folder, Told(1))
    by = str(world.base / "map.toml")
    assert len(ingest(world, "--map", by, exit=0)["waiting"]) == 1
    clock(datetime.now(UTC) + timedelta(minutes=61))
    ingest(world, "--map", by, exit=3)
    assert (objects(world), list(folder.glob("*.wav"))) == (set(), [])


def test_an_empty_name_of_the_caller_refuses_no_call(world: World, folder: Path) -> None:
    by = ours(world)
    export(folder, row("a", name=""))
    assert len(ingest(world, "--map", by, exit=0)["accepted"]) == 1


def test_a_sound_that_never_comes_is_told_though_the_export_grows(world: World, folder: Path, clock: Clock) -> None:
    by, now = ours(world), datetime.now(UTC)
    rows = [row("a", begin=iso(now), at=iso(now))]
    for minutes in (0, 30, 61):
        clock(now + timedelta(minutes=minutes))
        export(folder, *rows, with_sound=False)
        told = ingest(world, "--map", by)
        rows.append(row(f"b{minutes}", pressed="2"))
    assert [each["code"] for each in told["refused"] if each["source"].endswith(":1")] == ["not_a_file"]


def test_what_has_waited_for_an_hour_is_refused_from_then_on(world: World, folder: Path, clock: Clock) -> None:
    by, now = ours(world), datetime.now(UTC)
    export(folder, row("a"), with_sound=False)
    export(folder, row("b", cancelled=True, begin=iso(now), at=iso(now)), name="more.jsonl")
    told = []
    for minutes in (0, 61, 62, 63, 200):
        clock(now + timedelta(minutes=minutes))
        answer = ingest(world, "--map", by)
        told.append((len(answer["waiting"]), [each["code"] for each in answer["refused"]]))
    assert told == [(2, []), (0, ["not_a_file", "no_consent"]), *[(0, ["not_a_file"])] * 3]


def test_no_file_has_the_name_of_a_sound_that_is_to_come(world: World, folder: Path) -> None:
    approve(world, "freepbx")
    MAKERS["freepbx"](folder, Told(1))
    (file,) = folder.rglob("*.wav")
    file.unlink()
    for name in ("*", "caller", ".."):
        sound(folder / "*", "*", 7)
        sound(folder / "2026", name.replace("..", "x"), 7)
    assert ingest(world, "--map", "freepbx", exit=0)["accepted"] == []


def test_files_of_a_clock_that_is_ahead_keep_no_withdrawal_from_being_told(world: World, folder: Path) -> None:
    world.setting("still_s = 1")
    ahead = time.time() + 7200
    for number in range(5):
        (folder / f"a{number}.json").write_text("{", "utf-8")
    (folder / "y.json").write_text('{"withdrawal": {"caller": "+4790000001", "at": "bad"}}', "utf-8")
    for file in folder.iterdir():
        os.utime(file, (ahead, ahead))
    told = ingest(world, exit=3)
    assert (len(told["refused"]), told["waiting"]) == (6, [])
    assert "withdrawal_refused" in world.tasks("sigrid")


# -- what must not stop the others ---------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-(10**11), -62_135_596_900, 10**12])
def test_no_file_time_ends_a_run(world: World, folder: Path, seconds: int) -> None:
    approve(world, "freepbx")
    MAKERS["freepbx"](folder, Told(1))
    (file,) = folder.rglob("*.wav")
    file.unlink()
    for each in folder.iterdir():
        os.utime(each, (seconds, seconds))
    assert len(ingest(world, "--map", "freepbx", exit=0)["waiting"]) == 1
    assert_no_bug(world)


def test_a_document_of_many_parts_is_not_searched_for_each(world: World, folder: Path) -> None:
    approve(world, "vcon")
    parts = [{"type": "recording", "filename": f"{number}.wav"} for number in range(2000)]
    document = {"attachments": [{}] * 16_000, "dialog": parts, "parties": []}
    (folder / "x.vcon.json").write_text(json.dumps(document), "utf-8")
    assert [each["code"] for each in ingest(world, "--map", "vcon", exit=3)["refused"]] == ["bad_metadata"]


def test_a_document_is_no_larger_than_a_manifest(world: World, folder: Path) -> None:
    approve(world, "vcon")
    (folder / "x.vcon.json").write_text(json.dumps({"x": "y" * 1_100_000, "dialog": []}), "utf-8")
    assert [each["code"] for each in ingest(world, "--map", "vcon", exit=3)["refused"]] == ["bad_metadata"]


def test_large_records_are_read_a_few_at_a_time(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_BYTES", 3_000_000)
    sizes, real = [], intake.read

    def reading(run: Any, deliveries: list[Any]) -> Any:
        sizes.append(sum(len(each.raw) for each in deliveries))
        return real(run, deliveries)

    monkeypatch.setattr(intake, "read", reading)
    by = ours(world)
    export(folder, *(row(f"r{number}", pressed="2", more="x" * 900_000) for number in range(12)), with_sound=False)
    ingest(world, "--map", by)
    export(folder, *(row(f"r{number}", more="x" * 900_000) for number in range(12)), with_sound=False)
    ingest(world, "--map", by)
    assert max(sizes) < 5_000_000


def test_no_setting_makes_a_run_sleep_for_a_day(world: World) -> None:
    world.setting("still_s = 100000")
    assert world.code("ingest", str(world.base), who="telefon") == (2, "config_bad_value")


@pytest.mark.parametrize("request_number", [1, 2])
def test_a_fault_at_any_request_to_the_decoder_refuses_no_sound(
    world: World, monkeypatch: pytest.MonkeyPatch, request_number: int
) -> None:
    world.deliver("call", sound=SOUNDFILE["flac"][1]())
    asked, real = [], sound_file.Decoder._ask

    def asking(decoder: sound_file.Decoder, *words: Any) -> None:
        asked.append(words)
        if len(asked) == request_number:
            raise OSError(24, "Too many open files")
        real(decoder, *words)

    with monkeypatch.context() as patch:
        patch.setattr(sound_file.Decoder, "_ask", asking)
        assert world.code("ingest", str(world.spool), who="telefon") == (16, "spool_unreachable")
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_decoder_that_can_make_no_process_refuses_no_sound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deliver("call", sound=SOUNDFILE["flac"][1]())
    broken = "import os\ndef fork(): raise OSError(12, 'no memory')\nos.fork = fork\n"
    with monkeypatch.context() as patch:
        patch.setattr(sound_file, "_START", broken + sound_file._START)
        assert world.code("ingest", str(world.spool), who="telefon") == (16, "spool_unreachable")
    assert len(ingest(world, exit=0)["accepted"]) == 1
