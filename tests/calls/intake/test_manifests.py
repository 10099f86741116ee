"""Manifests of many calls: every line is judged as a manifest of its own would be, and the file goes with the last."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from arlo_rec.calls.intake.batch import Batch
from arlo_rec.calls.intake.batch_outcome import CODES
from arlo_rec.calls.intake.ingest import BATCH
from arlo_rec.edge.commands.run import Run
from arlo_rec.exchanges.deliveries import COLUMNS, scan
from arlo_rec.law.messages import say
from tests.support import world as worlds
from tests.support.intake import denials, ingest, left, objects, problems, program, withdraw
from tests.support.places import TOP
from tests.support.properties import examples
from tests.support.sounds import tone_wav
from tests.support.tables import OTHER, first_line, gather, lines_of
from tests.support.world import World

DAY = timedelta(days=1)


# What is taken ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_calls_of_one_manifest_are_taken_in_each_from_its_line_and_all_files_go(world: World, form: str) -> None:
    for stem in ("a", "b", "c"):
        world.deliver(stem)
    path, first = gather(world, form), first_line(form)
    told = ingest(world, exit=0)
    assert [one["source"] for one in told["accepted"]] == [f"{path}:{first + number}" for number in range(3)]
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.a", "pbx.b", "pbx.c"]
    assert (told["refused"], told["unclaimed"], told["left"], left(world)) == ([], [], [], set())
    assert len(objects(world)) == 3
    assert problems(world) == []


@pytest.mark.slow
def test_a_manifest_of_many_can_be_named_itself(world: World, form: str) -> None:
    world.deliver("a")
    path = gather(world, form)
    told = world.json("ingest", str(path), str(world.spool), str(path), who="telefon")
    assert (len(told["accepted"]), told["duplicates"], left(world)) == (1, [], set())


@pytest.mark.slow
def test_one_that_is_named_and_not_there_is_refused(world: World, form: str) -> None:
    told = world.json("ingest", str(world.spool / form), who="telefon")
    assert [(one["source"], one["code"]) for one in told["refused"]] == [(str(world.spool / form), "not_a_file")]


@pytest.mark.slow
def test_more_calls_than_a_batch_are_taken_from_one_manifest_and_once(world: World, form: str) -> None:
    count, sound = 2 * BATCH + 10, tone_wav(0.01)
    for number in range(count):
        world.deliver(f"call{number:03}", sound=sound, caller=f"+47900{number:05}")
    gather(world, form)
    told = ingest(world, exit=0)
    assert len({one["id"] for one in told["accepted"]}) == count
    assert left(world) == set()


@pytest.mark.slow
def test_a_refused_line_stays_and_keeps_the_manifest_until_it_is_mended(world: World, form: str) -> None:
    for stem in ("a", "b", "c"):
        world.deliver(stem, consent={"prompt": "unknown" if stem == "b" else "nb-2026-01"})
    path, second = gather(world, form), first_line(form) + 1
    told = ingest(world, exit=3)
    assert lines_of(told, "refused") == [f"{form}:{second}"]
    assert left(world) == {form, "b.wav"}
    again = ingest(world, exit=3)
    assert (again["accepted"], lines_of(again, "refused")) == ([], lines_of(told, "refused"))
    assert again["duplicates"] == told["accepted"]
    assert len(denials(world)) == 1  # the spool is looked at every minute
    path.write_text(path.read_text("utf-8").replace("unknown", "nb-2026-01"), "utf-8")
    last = ingest(world, exit=0)
    assert (lines_of(last, "accepted"), left(world)) == ([f"{form}:{second}"], set())
    assert len(objects(world)) == 3


@pytest.mark.slow
def test_a_refusal_is_logged_once_wherever_its_line_moves(world: World) -> None:
    world.deliver("a", consent={"prompt": "nb-1999-01"})
    path = world.gather("calls.jsonl")
    ingest(world, exit=3)
    path.write_text("\n\n" + path.read_text("utf-8"), "utf-8")
    assert lines_of(ingest(world, exit=3), "refused") == ["calls.jsonl:3"]
    assert len(denials(world)) == 1


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_what_is_withdrawn_or_expired_goes_and_does_not_keep_the_manifest(world: World, form: str) -> None:
    withdraw(world, OTHER)
    world.deliver("a")
    world.deliver("b", caller=OTHER)
    world.deliver("c", started=datetime.now(UTC) - 91 * DAY)
    gather(world, form)
    told = ingest(world, exit=3)
    assert (len(told["accepted"]), sorted(one["code"] for one in told["refused"])) == (1, ["expired", "withdrawn"])
    assert left(world) == set()


@pytest.mark.slow
def test_keep_source_and_dry_run_leave_everything(world: World, form: str) -> None:
    for stem in ("a", "b"):
        world.deliver(stem)
    gather(world, form)
    files = left(world)
    would = ingest(world, "--dry-run", exit=0)
    told = ingest(world, "--keep-source", exit=0)
    assert lines_of(would, "accepted") == lines_of(told, "accepted")
    assert left(world) == files
    assert ingest(world, exit=0)["duplicates"] == told["accepted"]
    assert left(world) == set()


@pytest.mark.slow
def test_a_sound_or_an_id_that_two_lines_name_is_taken_once_and_removed_once(world: World, form: str) -> None:
    world.deliver("a", source_id="same", seed=1)
    world.deliver("b", source_id="same", audio="a.wav")  # the same call twice
    world.deliver("c", source_id="same", seed=2)  # another sound under its id
    world.deliver("d", audio="a.wav")  # another call with its sound
    (world.spool / "b.wav").unlink()
    (world.spool / "d.wav").unlink()
    gather(world, form)
    first = first_line(form)
    told = ingest(world, exit=3)
    assert lines_of(told, "accepted") == [f"{form}:{first}", f"{form}:{first + 3}"]
    assert lines_of(told, "duplicates") == [f"{form}:{first + 1}"]
    assert [one["code"] for one in told["refused"]] == ["conflict"]
    assert (told["left"], left(world)) == ([], {form, "c.wav"})
    again = ingest(world, exit=3)
    assert len(again["duplicates"]) == 3
    assert [one["code"] for one in again["refused"]] == ["conflict"]


@pytest.mark.slow
def test_a_sound_that_no_line_names_is_told_and_left(world: World, form: str) -> None:
    world.deliver("a")
    gather(world, form)
    (world.spool / "alone.wav").write_bytes(tone_wav(0.1))
    told = ingest(world, exit=0)
    assert told["unclaimed"] == [str(world.spool / "alone.wav")]
    assert left(world) == {"alone.wav"}


# The file itself --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"\n \r\n\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("heading", [b"", ",".join(COLUMNS).encode() + b"\r\n\r\n"], ids=["empty", "heading"])
def test_a_manifest_that_tells_of_no_call_yet_is_no_fault_and_stays(
    world: World, form: str, heading: bytes, content: bytes
) -> None:
    world.spool.mkdir()
    (world.spool / form).write_bytes(content + (heading if form.endswith("csv") else b""))
    told = ingest(world, exit=0)
    assert (told["accepted"], told["refused"], left(world)) == ([], [], {form})


@pytest.mark.slow
def test_a_manifest_that_grew_while_it_was_read_stays_and_its_new_lines_wait(
    world: World, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("a")
    world.deliver("b")
    path = gather(world, form)
    *before, new = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before))
    judge = Batch._judge

    def still_written(batch: Batch, *words: Any) -> Any:
        with path.open("ab") as file:
            file.write(new)
        monkeypatch.setattr(Batch, "_judge", judge)
        return judge(batch, *words)

    monkeypatch.setattr(Batch, "_judge", still_written)
    told = ingest(world, exit=0)
    assert (len(told["accepted"]), told["left"], left(world)) == (1, [str(path)], {form, "b.wav"})
    told = ingest(world, exit=0)
    assert (len(told["accepted"]), len(told["duplicates"]), left(world)) == (1, 1, set())


@pytest.mark.slow
def test_a_last_line_that_is_half_written_is_judged_again_when_it_is_whole(world: World) -> None:
    world.deliver("a")
    world.deliver("b")
    path = world.gather("calls.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    told = ingest(world, exit=3)
    assert [(one["source"], one["code"]) for one in told["refused"]] == [(f"{path}:2", "bad_metadata")]
    path.write_bytes(whole.rstrip(b"\n"))
    told = ingest(world, exit=0)
    assert (lines_of(told, "accepted"), left(world)) == (["calls.jsonl:2"], set())


@pytest.mark.slow
def test_a_link_to_a_manifest_of_many_is_refused_and_left(world: World, form: str) -> None:
    world.deliver("a")
    aside = gather(world, form).rename(world.base / form)
    (world.spool / form).symlink_to(aside)
    told = ingest(world, exit=3)
    assert [(Path(one["source"]).name, one["code"]) for one in told["refused"]] == [(form, "not_a_file")]
    assert left(world) == {form, "a.wav"}
    assert aside.exists()


# Tables -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_table_from_a_norwegian_spreadsheet_is_read(world: World) -> None:
    world.deliver("a", agent="Åse Ærlig", known={"caller": ["Kari", "Kari Øksnes"], "agent": []})
    path = world.gather("calls.csv", delimiter=";")
    heading, row = path.read_text("utf-8").splitlines()
    path.write_bytes(b"\xef\xbb\xbf" + f'{heading};merknad\r\n{row};"to\r\nlinjer; og ""hermetegn"""\r\n\r\n'.encode())
    told = ingest(world, exit=0)
    assert lines_of(told, "accepted") == ["calls.csv:2"]
    assert left(world) == set()


@pytest.mark.slow
def test_a_row_is_told_by_the_line_where_it_begins(world: World) -> None:
    world.deliver("a")
    world.deliver("b", consent={"key": "2"})
    path = world.gather("calls.csv")
    heading, *rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([heading + ",note", rows[0] + ',"1\n2\n3"', "", rows[1] + ","]), "utf-8")
    told = ingest(world, exit=3)
    assert (lines_of(told, "accepted"), lines_of(told, "refused")) == (["calls.csv:2"], ["calls.csv:6"])


@pytest.mark.slow
def test_columns_may_stand_in_any_order_and_unknown_ones_are_ignored(world: World) -> None:
    world.deliver("a")
    path = world.gather("calls.csv")
    heading, row = (line.split(",") for line in path.read_text("utf-8").splitlines())
    mixed = [*zip(heading, row, strict=True), ("consent", "x"), ("known.other", "y"), ("", "z"), ("", "")][::-1]
    path.write_text("\n".join(",".join(line) for line in zip(*mixed, strict=True)) + "\n", "utf-8")
    assert len(ingest(world, exit=0)["accepted"]) == 1


CELLS = [  # column, cell, and what becomes of the call
    ("caller", "", "taken"), ("caller", "anonymous", "taken"), ("caller", "12", "bad_metadata"),
    ("consent.key", "1 ", "no_consent"), ("consent.key", "١", "no_consent"), ("consent.key", "", "no_consent"),
    ("consent.key", "1.0", "no_consent"), ("consent.key", "true", "no_consent"), ("consent.key", "01", "no_consent"),
    ("consent.at", "", "no_consent"), ("consent.at", "2026-10-01 08:15", "bad_metadata"),
    ("consent.prompt", "", "prompt_unknown"), ("consent.prompt_completed", "", "prompt_not_completed"),
    *[("consent.prompt_completed", one, "prompt_not_completed") for one in ("false", "True", "TRUE", "1", "true ")],
    ("channels.caller", "", "bad_metadata"), ("channels.caller", "1", "bad_metadata"),
    *[("channels.caller", one, "bad_metadata") for one in ("2", "00", "0 ", "0.0", "true", "٠")],
    ("known.caller", "Kari||Ola", "bad_metadata"), ("known.caller", "|".join(["x"] * 101), "bad_metadata"),
    ("known.caller", "Kari|Ola", "taken"), ("known.caller", "Kari,Ola;Per", "taken"),
    ("audio", "", "not_a_file"), ("audio", "/etc/passwd", "not_a_file"), ("audio", "../a.wav", "not_a_file"),
    *[(one, "", "bad_metadata") for one in ("source_id", "direction", "started_at", "agent", "team")],
    ("agent", "a\nb", "bad_metadata"), ("agent", "x" * 201, "bad_metadata"), ("direction", "Inbound", "outbound"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.rule("consent.press1")
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_cell_is_text_and_means_what_its_column_says(world: World, delimiter: str) -> None:
    for number, _ in enumerate(CELLS):
        world.deliver(f"call{number:02}", seconds=0.05)
    path = world.gather("calls.csv", delimiter=delimiter)
    table = [dict(zip(COLUMNS, line.split(delimiter), strict=True)) for line in path.read_text().splitlines()[1:]]
    for row, (column, cell, _) in zip(table, CELLS, strict=True):
        row[column] = f'"{cell}"'
    text = delimiter.join(COLUMNS) + "\n" + "".join(delimiter.join(row.values()) + "\n" for row in table)
    path.write_text(text, "utf-8")
    told = ingest(world, "--dry-run", exit=3)
    found = {one["source"]: one["code"] for one in told["refused"]}
    found |= {one["source"]: "taken" for one in told["accepted"]}
    assert sorted(found.values()) == sorted(ending for _, _, ending in CELLS)
    in_order = sorted(found, key=lambda one: int(one.rsplit(":")[-1]))
    assert [(*CELLS[number][:2], found[one]) for number, one in enumerate(in_order)] == CELLS


@pytest.mark.slow
@pytest.mark.parametrize("column", ["source_id", "direction", "started_at", "caller", "agent", "team", "audio"])
def test_a_column_that_is_missing_refuses_each_call_as_a_missing_key_does(world: World, column: str) -> None:
    world.deliver("a")
    world.deliver("b")
    path = world.gather("calls.csv")
    place = list(COLUMNS).index(column)
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(",".join(row[:place] + row[place + 1 :]) for row in rows) + "\n", "utf-8")
    told = ingest(world, "--dry-run", exit=3)
    code = "not_a_file" if column == "audio" else "bad_metadata"
    assert [(Path(one["source"]).name, one["code"]) for one in told["refused"]] == [
        ("calls.csv:2", code),
        ("calls.csv:3", code),
    ]


@pytest.mark.slow
def test_the_table_in_the_manual_is_taken_in_and_names_every_column(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "now", lambda _: datetime(2026, 11, 26, tzinfo=UTC))
    world.accept_clock()
    manual = (TOP / "docs" / "telephone.md").read_text("utf-8")
    (table,) = re.findall(r"^```\n(source_id;.*?)^```", manual, re.MULTILINE | re.DOTALL)
    world.spool.mkdir()
    (world.spool / "report.csv").write_text(table, "utf-8")
    (world.spool / "call-0001.wav").write_bytes(tone_wav(1))
    assert lines_of(ingest(world, exit=0), "accepted") == ["report.csv:2"]
    assert not [one for one in COLUMNS if f"`{one}`" not in manual]


SOUNDS = {"good.wav": tone_wav(0.1), "other.wav": tone_wav(0.1, seed=1), "bad.wav": b"RIFF"}
VALUES: dict[str, list[Any]] = {  # what a table can say as well as JSON; None: it is not told
    "source_id": ["one", "two", "three", "a;b,c", 'say "x"', " ", None],
    "audio": [*SOUNDS, "none.wav", "../good.wav", None],
    "direction": ["inbound", "outbound", None],
    "caller": ["+4790000001", OTHER, "", "anonymous", "12", "a\nb"],
    "agent": ["Ola", "Åse, Ærlig;", "two\nlines", "a\u202eb", "x" * 201, None],
    "team": ["salg", None],
    "consent.key": ["1", "2", "1 ", "١", None],
    "consent.prompt": ["nb-2026-01", "nb-2025-01", "nb-1999-01", None],
    "known.caller": [["Kari"], ["Kari", "Per"], ["a\tb"], None],
    "channels": [{"caller": 0, "agent": 1}, {"caller": 1, "agent": 1}, {"caller": 0}, None],
    "consent.prompt_completed": [True, False, None],
    "started": [timedelta(hours=-1), timedelta(days=-91), timedelta(days=1), None],
}


def call_with(now: datetime, **strange: Any) -> dict[str, Any]:
    """A manifest with these values in place of good ones."""
    value = {key: strange.get(key, values[0]) for key, values in VALUES.items()}
    started = value.pop("started")
    manifest: dict[str, Any] = {"consent": {}, "known": {}}
    if started is not None:
        manifest["started_at"] = manifest["consent"]["at"] = (now + started).isoformat()
    for key, content in value.items():
        outer, _, inner = key.partition(".")
        if content is not None:
            manifest |= {outer: manifest[outer] | {inner: content}} if inner else {outer: content}
    return manifest


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> dict[str, Any]:
    """A call with up to two things about it that are not as they should be."""
    strange = draw(st.sets(st.sampled_from(list(VALUES)), max_size=2))
    value = {key: draw(st.sampled_from(VALUES[key])) for key in sorted(strange)}
    value["source_id"] = draw(st.sampled_from(VALUES["source_id"]))
    if "audio" not in strange:
        value["audio"] = draw(st.sampled_from(["good.wav", "other.wav"]))
    return call_with(now, **value)


def one_of_each_value(now: datetime) -> list[dict[str, Any]]:
    """Calls of which each has one thing about it that is not as it should be, so that every verdict is met."""
    strange = [
        call_with(now, **{"source_id": f"pbx.{key}.{number}", key: value})
        for key, values in VALUES.items()
        for number, value in enumerate(values)
    ]
    again = [call_with(now, source_id="again", audio=audio) for audio in ("good.wav", "good.wav", "other.wav")]
    return strange + again  # the last two: a duplicate, and a conflict


@pytest.mark.slow
def test_any_calls_are_judged_the_same_as_single_manifests_as_json_lines_and_as_tables(
    template: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, now = worlds.copy(template, tmp_path), datetime.now(UTC)
    withdraw(world, OTHER)
    monkeypatch.setattr(Run, "now", lambda _: now)
    seen: set[str] = set()

    def verdicts(write: Any) -> list[str]:
        shutil.rmtree(world.spool, ignore_errors=True)
        world.spool.mkdir()
        for name, sound in SOUNDS.items():
            (world.spool / name).write_bytes(sound)
        write()
        told = ingest(world, "--dry-run")
        found = [(one["source"], one["source_id"], one["code"]) for one in told["refused"]]
        found += [(one["source"], one["source_id"], what) for what in ("accepted", "duplicates") for one in told[what]]
        found += [(one["source"], "?", "declined") for one in told["removed"] if one["code"] == "declined"]
        in_order = sorted(found, key=lambda one: int("".join(c for c in Path(one[0]).name if c.isdigit())))
        seen.update(one[2] for one in found)
        return [f"{source_id} {code}" for _, source_id, code in in_order]

    def single(told: list[dict[str, Any]]) -> None:
        for number, one in enumerate(told):
            one = one if "audio" in one else {**one, "audio": None}  # there it would be the sound beside it
            (world.spool / f"{number:03}.json").write_text(json.dumps(one), "utf-8")

    @examples(60, suppress_health_check=list(HealthCheck))
    @example(one_of_each_value(now))
    @given(st.lists(calls(now), min_size=6, max_size=12))
    def property(told: list[dict[str, Any]]) -> None:
        apart = verdicts(lambda: single(told))
        assert len(apart) == len(told)
        lines = "".join(json.dumps(one) + "\n" for one in told)
        assert verdicts(lambda: (world.spool / "x.jsonl").write_text(lines, "utf-8")) == apart
        for delimiter in ",;":
            table = "\ufeff" + worlds.as_table(told, delimiter)
            assert verdicts(lambda table=table: (world.spool / "x.csv").write_text(table, "utf-8", newline="")) == apart

    property()
    every = {"accepted", "duplicates", "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown"}
    assert every | {"prompt_not_completed", "future", "expired", "withdrawn", "conflict", "bad_audio"} <= seen


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_a_dry_run_tells_people_what_would_become_of_each_thing_that_lies_there(world: World, lang: str) -> None:
    world.take_in("a")
    for stem, changes in (("a", {}), ("b", {"seed": 1}), ("c", {"consent": {"key": "2"}}), ("d", {"sound": b"RIFF"})):
        world.deliver(stem, **changes)
    path = world.gather("calls.csv")
    (world.spool / "alone.wav").write_bytes(tone_wav(0.1))
    files, order = left(world), ("--remove-refused", "no_consent")
    result = world.run("ingest", str(world.spool), "--dry-run", *order, "--lang", lang, who="telefon")
    _heading, *rows = (re.split(r" {2,}", line) for line in result.out.splitlines()[:6])
    found = {row[0]: (row[1], row[-1]) for row in rows}
    why = {code: say(f"refused.{code}", lang) for code in CODES}
    assert found == {
        f"{path}:2": (say("would.duplicate", lang), say("would.duplicate_why", lang)),
        f"{path}:3": (say("would.taken", lang), say("would.taken_why", lang)),
        f"{path}:4": (say("would.removed", lang), why["no_consent"]),
        f"{path}:5": (say("would.refused", lang), f"{why['bad_audio']}: {say('sound.truncated', lang)}"),
        str(world.spool / "alone.wav"): (say("would.unclaimed", lang), say("would.unclaimed_why", lang)),
    }
    assert (result.exit, left(world)) == (3, files)


# Size and time ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_manifest_of_any_length_is_read_in_little_memory_and_in_order(tmp_path: Path, ending: str) -> None:
    count, path = 20_000, tmp_path / f"calls.{ending}"
    filler = "x" * 900
    with path.open("w", encoding="utf-8") as file:
        if ending == "csv":
            file.write("source_id,audio,note\n")
        for number in range(count):
            told = {"source_id": f"id{number}", "audio": "a.wav", "note": filler}
            file.write((json.dumps(told) if ending == "jsonl" else ",".join(told.values())) + "\n")
    contents = scan([tmp_path])
    assert contents.count() == count
    tracemalloc.start()
    try:
        for number, delivery in enumerate(contents.deliveries()):
            delivery.read()
            assert delivery.source_id == f"id{number}"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == count - 1
    assert peak < 1024 * 1024, f"{peak} bytes for {path.stat().st_size}"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["", "calls.jsonl", "calls.csv"], ids=["single", "json lines", "table"])
def test_a_run_killed_in_the_middle_ends_after_the_next_with_every_call_in_once(world: World, form: str) -> None:
    count, sound = 2 * BATCH + 30, tone_wav(0.01)
    for number in range(count):
        world.deliver(f"call{number:03}", sound=sound, caller=None)
    if form:
        world.gather(form)
    words, environment = program(world, "ingest", str(world.spool))
    process = subprocess.Popen(words, env=environment)
    deadline = time.monotonic() + 60
    while (gone := count - sum(1 for _ in world.spool.glob("*.wav"))) < 10:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL  # else nothing was tested
    assert gone < count
    assert (world.spool / form).exists()
    told = ingest(world, exit=0)
    assert len(told["accepted"]) + len(told["duplicates"]) == count if form else len(told["accepted"]) < count
    assert (left(world), told["left"]) == (set(), [])
    world.json("purge", who="cron")  # what the killed run's sealers wrote last goes with the next erasure
    assert len(objects(world)) == world.json("status", who="iver")["held"] == count
    assert problems(world) == []
