"""Refused files that are removed, by their code or on demand: which go, and what the log says of each."""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.intake.batch_outcome import CODES
from arlo_rec.exchanges import spool
from arlo_rec.law.messages import every
from arlo_rec.policy import RETENTION, SOUND_WAITS, leaves_spool
from tests.support import world as worlds
from tests.support.faults import Crash, Plan, faults
from tests.support.intake import denials, ingest, left, objects, problems
from tests.support.tables import first_line, gather, lines_of
from tests.support.world import World

WARNED = ["no_feed", "one_officer"]


def removals(world: World) -> list[dict[str, Any]]:
    return list(world.json("audit", "show", "--action", "ingest", "--outcome", "done", who="iver")["entries"])


def gone(told: dict[str, Any], code: str) -> list[str]:
    """What was removed for that reason."""
    return [each["source"] for each in told["removed"] if each["code"] == code]


def refused_files(world: World) -> dict[str, int]:
    """What `status` says is lying in the spool."""
    return {one["code"]: one["count"] for one in world.json("status", who="iver")["refused"]}


@pytest.mark.rule("consent.press2")
@pytest.mark.parametrize("form", ["", "calls.jsonl", "calls.csv"], ids=["single", "json lines", "table"])
def test_a_call_without_consent_goes_and_the_log_tells_each(world: World, form: str) -> None:
    world.deliver("a")
    for stem in ("b", "c"):
        world.deliver(stem, consent={"key": "2"})
    if form:
        world.gather(form)
    would = ingest(world, "--dry-run", exit=3)
    assert len(left(world)) == 4 if form else 6
    assert (ingest(world, "--keep-source", exit=3)["removed"], refused_files(world)) == ([], {"no_consent": 2})
    told = ingest(world, exit=3)
    assert gone(told, "no_consent") == [one["source"] for one in told["refused"]] == gone(would, "no_consent")
    assert gone(told, "duplicate") == [one["source"] for one in told["duplicates"]] == gone(would, "taken_in")
    assert (len(gone(told, "no_consent")), left(world), refused_files(world)) == (2, set(), {})
    status = world.json("status", who="iver")
    assert (status["recorded_unasked"], "recorded_unasked" in status["critical"]) == (2, True)
    entries = removals(world)
    shown = [(one["rule"], one["detail"]["code"], one["detail"]["step"]) for one in entries]
    assert shown == [("consent.press2", "no_consent", "removed")] * 2
    assert {one["detail"]["source"] for one in entries} == {one["detail"]["source"] for one in denials(world)}
    assert not [word for word in ("pbx.", "calls", ".wav", ".json", "9000") if word in json.dumps(entries)]
    assert problems(world) == []


def test_other_refusals_stay_and_only_named_codes_go(world: World) -> None:
    world.deliver("a", consent={"key": "2"})
    world.deliver("b", consent={"prompt": "nb-1999-01"})
    world.deliver("c", sound=b"RIFF")
    told = ingest(world, "--remove-refused", "bad_audio", exit=3)
    assert [one["code"] for one in told["removed"]] == ["no_consent", "bad_audio"]
    assert left(world) == {"b.json", "b.wav"}
    assert refused_files(world) == {"prompt_unknown": 1}
    (task,) = [each for each in world.json("todo", who="sigrid")["todo"] if each["kind"] == "refused"]
    (row,) = world.json("status", who="iver")["refused"]
    assert (task["id"], task["since"], "unknown" in task["text"]) == ("prompt_unknown", row["oldest"], True)
    ingest(world, "--remove-refused", "prompt_unknown", exit=3)
    assert "refused" not in world.tasks("sigrid")


@pytest.mark.rule("consent.press2")
def test_what_was_recorded_unasked_is_critical_and_a_task_of_the_officer_for_a_week(
    world: World, clock: Callable[[datetime], None]
) -> None:
    assert "recorded_unasked" not in world.tasks("sigrid")
    world.deliver("a", consent={"key": "2"})
    ingest(world, exit=3)
    now = datetime.now(UTC)
    for ahead, is_told in ((timedelta(0), True), (timedelta(days=6, hours=23), True), (timedelta(days=7), False)):
        clock(now + ahead)
        found = world.run("status", "--json", who="iver")
        assert ("recorded_unasked" in found.json["critical"]) == is_told
        assert ("recorded_unasked" in world.tasks("sigrid")) == is_told
    assert "recorded_unasked" not in world.tasks("leif")


def test_a_record_of_a_refused_call_ends_when_a_run_no_longer_finds_it_and_stays_while_it_lies(
    world: World, clock: Callable[[datetime], None]
) -> None:
    now = datetime.now(UTC)
    world.deliver("a", consent={"prompt": "nb-1999-01"})
    world.deliver("b", consent={"prompt": "nb-1999-01"}, seed=1)
    world.deliver("c", sound=b"RIFF")
    elsewhere = world.base / "elsewhere"
    elsewhere.mkdir()
    ingest(world, exit=3)
    assert refused_files(world) == {"bad_audio": 1, "prompt_unknown": 2}
    for stem in "ac":
        for ending in (".json", ".wav"):
            (world.spool / f"{stem}{ending}").unlink()
    world.run("ingest", str(elsewhere), who="telefon")
    ingest(world, "--dry-run", exit=3)
    assert refused_files(world) == {"bad_audio": 1, "prompt_unknown": 2}, "neither looked there, or may note it"
    ingest(world, exit=3)
    assert refused_files(world) == {"prompt_unknown": 1}
    clock(now + timedelta(hours=25))
    found = world.json("status", who="iver")
    assert ([one["count"] for one in found["refused"]], "spool_not_looked_at" in found["warnings"]) == ([1], True)
    assert {"refused", "spool_not_looked_at"} <= set(world.tasks("sigrid")), "it may lie there still"
    ingest(world, exit=3)
    assert "spool_not_looked_at" not in world.tasks("sigrid")
    for file in world.spool.iterdir():
        file.unlink()
    clock(now + timedelta(hours=26))
    ingest(world, exit=0)
    assert (refused_files(world), {"refused", "spool_not_looked_at"} & {*world.tasks("sigrid")}) == ({}, set())


def test_a_file_that_comes_back_is_told_of_from_then_and_logged_once(
    world: World, clock: Callable[[datetime], None]
) -> None:
    now = datetime.now(UTC)
    path = world.deliver("a", consent={"prompt": "nb-1999-01"})
    ingest(world, exit=3)
    raw = path.read_bytes()
    path.unlink()
    clock(now + timedelta(hours=1))
    ingest(world, exit=0)
    path.write_bytes(raw)
    clock(now + timedelta(hours=2))
    assert [one["told"] for one in ingest(world, exit=3)["refused"]] == [True]
    (row,) = world.json("status", who="iver")["refused"]
    assert row["oldest"] >= (now + timedelta(hours=2)).isoformat()[:19]
    assert len(denials(world)) == 1


def test_where_a_folder_cannot_be_read_no_record_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.deliver("a", consent={"prompt": "nb-1999-01"})
    ingest(world, exit=3)
    below, reached = world.spool / "below", spool.Home.reached
    below.mkdir()
    path.rename(below / path.name)

    def readable(home: spool.Home, folder: Path, *flags: int) -> Any:
        if folder == below:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return reached(home, folder, *flags)

    monkeypatch.setattr(spool.Home, "reached", readable)
    result = world.run("ingest", str(world.spool), "--json", who="telefon")
    assert (result.exit, result.json["error"]["code"]) == (16, "spool_unreachable")
    assert refused_files(world) == {"prompt_unknown": 1}


@pytest.mark.rule("consent.press2")
def test_a_recording_that_was_stopped_during_the_call_leaves_nothing_and_is_no_fault_of_the_exchange(
    world: World,
) -> None:
    for stem, key in (("a", "9"), ("b", "2")):
        world.deliver(stem, consent={"stopped": {"key": key, "at": datetime.now(UTC).isoformat()}})
    world.deliver("untimed", consent={"stopped": {"key": "9"}})
    world.deliver("c", consent={"stopped": None})
    told = ingest(world, exit=3)
    assert [(one["code"], one["rule"]) for one in told["refused"]] == [("no_consent", "consent.press2")] * 3
    assert (len(told["accepted"]), left(world)) == (1, set())
    status = world.json("status", who="iver")
    assert (status["recorded_unasked"], status["warnings"], status["critical"]) == (0, WARNED, [])


@pytest.mark.rule("consent.press2")
def test_what_was_recorded_with_a_key_of_consent_is_removed_and_not_counted_as_unasked(world: World) -> None:
    for stem, wrong in (("a", {"direction": "outbound"}), ("b", {"consent": {"prompt_completed": False}})):
        world.deliver(stem, **wrong)
    assert len(ingest(world, exit=3)["removed"]) == 2
    assert world.json("status", who="iver")["recorded_unasked"] == 0


@pytest.mark.parametrize(
    "stopped", [True, "9", {}, {"key": "3"}, {"key": "3", "at": "2026-10-01T08:15:45Z"}, {"key": "9", "at": "now"}]
)
def test_an_end_of_a_recording_that_says_nothing_is_a_mistake_and_stays(world: World, stopped: object) -> None:
    world.deliver("a", consent={"stopped": stopped})
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["bad_metadata"]
    assert left(world) == {"a.json", "a.wav"}


@pytest.mark.rule("consent.press2")
def test_a_declined_call_without_a_sound_is_no_refusal_and_gone_in_the_run_that_counts_it(
    world: World, form: str
) -> None:
    world.deliver("a", consent={"key": "2"})
    (world.spool / "a.wav").unlink()
    path, first = gather(world, form), first_line(form)
    told = ingest(world, exit=0)
    assert (told["declined"], told["refused"], left(world)) == (1, [], set())
    assert gone(told, "declined") == [f"{path}:{first}"]
    (entry,) = world.json("audit", "show", "--action", "decline", who="iver")["entries"]
    assert entry["rule"] == "consent.press2"
    assert (denials(world), refused_files(world)) == ([], {})


@pytest.mark.rule("consent.press2")
def test_a_declined_call_whose_file_stays_is_counted_once_and_passed_over(world: World, form: str) -> None:
    world.deliver("a", consent={"key": "2"})
    (world.spool / "a.wav").unlink()
    world.deliver("b", consent={"prompt": "nb-1999-01"})
    path = gather(world, form)
    assert [ingest(world, exit=3)["declined"] for _ in range(3)] == [1, 0, 0]
    assert len(world.json("audit", "show", "--action", "decline", who="iver")["entries"]) == 1
    assert refused_files(world) == {"prompt_unknown": 1}
    path.write_text(path.read_text("utf-8").replace("nb-1999-01", "nb-2026-01"), "utf-8")
    assert (len(ingest(world, exit=0)["accepted"]), left(world)) == (1, set())


@pytest.mark.rule("consent.press2")
def test_a_declined_call_that_comes_again_counts_once_and_one_with_a_sound_is_an_incident(world: World) -> None:
    started = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(2):
        world.deliver("a", consent={"key": "2"}, started=started)
        (world.spool / "a.wav").unlink()
        assert ingest(world, exit=0)["declined"] == 1
    world.deliver("a", consent={"key": "2"}, started=started)
    told = ingest(world, exit=3)
    assert ([one["code"] for one in told["refused"]], told["declined"]) == (["no_consent"], 0)
    assert len(world.json("audit", "show", "--action", "decline", who="iver")["entries"]) == 1
    assert world.json("status", who="iver")["recorded_unasked"] == 1


@pytest.mark.parametrize("wrong", [{"prompt": "nb-1999-01"}, {"at": None}, {"key": "5"}])
def test_a_no_that_says_too_little_is_refused_and_stays_to_be_mended(world: World, wrong: dict[str, Any]) -> None:
    world.deliver("a", consent={"key": "2", **wrong})
    (world.spool / "a.wav").unlink()
    told = ingest(world, exit=3)
    assert ([one["code"] for one in told["refused"]], told["declined"]) == (["not_a_file"], 0)
    assert left(world) == {"a.json"}


def test_with_keep_source_and_in_a_dry_run_no_file_of_a_declined_call_goes(world: World) -> None:
    world.deliver("a", consent={"key": "2"})
    (world.spool / "a.wav").unlink()
    assert ingest(world, "--dry-run", exit=0)["declined"] == 1
    assert [ingest(world, "--keep-source", exit=0)["declined"] for _ in range(2)] == [1, 0]
    assert left(world) == {"a.json"}
    assert (ingest(world, exit=0)["declined"], left(world)) == (0, set())


UNASKED = {
    *("outbound", "no_consent", "prompt_not_completed", "consent_after_call"),
    *("withdrawn", "expired", "agent_objected"),
}


STAYS = timedelta(days=7)
AGES = st.timedeltas(timedelta(0), timedelta(days=99))


@given(st.sampled_from(CODES), st.booleans(), st.booleans(), st.booleans(), AGES, st.none() | AGES)
def test_only_what_nobody_said_yes_to_or_what_may_not_stay_leaves_the_spool_and_by_a_rule(
    code: str, said_no: bool, withdrawn: bool, is_past: bool, ago: timedelta, refused: timedelta | None
) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    since = None if refused is None else now - refused
    facts = {"said_no": said_no, "withdrawn": withdrawn, "is_past": is_past}
    decision = leaves_spool(code, began=now - ago, now=now, since=since, stays=STAYS, **facts)
    waits, is_old = code == "not_a_file" and ago < SOUND_WAITS, refused is not None and refused >= STAYS
    leaves = said_no or withdrawn or is_past or is_old
    expected = is_past if code == "expired" else code in UNASKED or (not waits and leaves)
    assert decision.allowed == expected


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("code", CODES)
def test_what_may_be_a_mistake_leaves_the_spool_on_its_90th_day_and_the_rest_at_once(code: str) -> None:
    now = datetime(2026, 10, 1, tzinfo=UTC)
    ages = (timedelta(0), timedelta(days=90, microseconds=-1), timedelta(days=90))
    facts = {"said_no": False, "withdrawn": False, "since": None, "stays": STAYS}
    decided = [leaves_spool(code, began=now - ago, now=now, is_past=ago >= RETENTION, **facts) for ago in ages]
    at_once = code in UNASKED and code != "expired"
    assert [decision.allowed for decision in decided] == [at_once, at_once, True]


def test_a_removed_line_is_done_with_though_others_keep_its_manifest(world: World, form: str) -> None:
    world.deliver("a", consent={"key": "2"})
    world.deliver("b", consent={"prompt": "nb-1999-01"})
    path, first = gather(world, form), first_line(form)
    told = ingest(world, exit=3)
    assert told["removed"] == [{"source": f"{path}:{first}", "code": "no_consent"}]
    assert left(world) == {form, "b.wav"}
    for _ in range(2):
        again = ingest(world, exit=3)
        assert lines_of(again, "refused") == [f"{form}:{first + 1}"]
        assert refused_files(world) == {"prompt_unknown": 1}
    path.write_text(path.read_text("utf-8").replace("nb-1999-01", "nb-2026-01"), "utf-8")
    told = ingest(world, exit=0)
    assert (lines_of(told, "accepted"), left(world)) == ([f"{form}:{first + 1}"], set())
    assert len(removals(world)) == 1


def test_a_removed_call_that_comes_again_is_refused_and_logged_again(world: World, form: str) -> None:
    started = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(2):
        world.deliver("a", consent={"key": "2"}, started=started)
        gather(world, form)
        told = ingest(world, exit=3)
        assert (len(told["removed"]), left(world)) == (1, set())
    assert len(removals(world)) == len(denials(world)) == 2


@pytest.mark.parametrize("content", [b"{", b'{"audio": 5}', b"{}"])
def test_a_manifest_that_says_nothing_goes_with_the_sound_beside_it(world: World, content: bytes) -> None:
    world.deliver("a").write_bytes(content)
    codes = ("--remove-refused", "bad_metadata", "--remove-refused", "not_a_file")
    told = ingest(world, *codes, exit=3)
    assert len(told["removed"]) == 1
    assert left(world) == ({"a.wav"} if b"audio" in content else set())


def test_a_line_that_says_nothing_counts_as_done_with(world: World, form: str) -> None:
    world.deliver("a")
    path = gather(world, form)
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    assert gone(ingest(world, exit=3), "bad_metadata") == []
    told = ingest(world, "--remove-refused", "bad_metadata", exit=3)
    assert (len(gone(told, "bad_metadata")), len(told["duplicates"]), left(world)) == (1, 1, set())


@pytest.mark.parametrize("spoil", [os.symlink, os.link], ids=["symlink", "hard link"])
@pytest.mark.parametrize("which", ["a.json", "a.wav"])
def test_what_is_no_plain_file_is_never_removed_nor_anything_beside_it(world: World, which: str, spoil: Any) -> None:
    world.deliver("a")
    aside = (world.spool / which).rename(world.base / which)
    spoil(aside, world.spool / which)
    told = ingest(world, "--remove-refused", "not_a_file", exit=3)
    assert (told["removed"], told["left"]) == ([], [str(world.spool / "a.json")])
    assert left(world) == {"a.json", "a.wav"}
    assert removals(world) == []


def test_a_sound_outside_the_folder_is_not_removed_with_its_manifest(world: World) -> None:
    world.deliver("a", audio="../outside.wav")
    (world.spool / "a.wav").rename(world.base / "outside.wav")
    told = ingest(world, "--remove-refused", "not_a_file", exit=3)
    assert (len(told["removed"]), left(world), (world.base / "outside.wav").exists()) == (1, set(), True)


@pytest.mark.parametrize("raw", [b'"never\nclosed\n', b"\0,\n"], ids=["quote", "row"])
def test_the_rest_of_a_table_that_cannot_be_read_is_never_removed(world: World, raw: bytes) -> None:
    world.deliver("a")
    world.deliver("b")
    path = world.gather("calls.csv")
    *above, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(above) + raw + last)
    told = ingest(world, "--remove-refused", "bad_metadata", exit=3)
    if raw.startswith(b'"'):
        removed = gone(told, "bad_metadata")
        assert (removed, told["left"], left(world)) == ([], [f"{path}:3"], {"calls.csv", "b.wav"})
    else:
        assert (len(gone(told, "bad_metadata")), told["left"], left(world)) == (1, [], set())


@pytest.mark.parametrize("words", [("nothing",), ("",), ("no_consent", "--keep-source"), ("No_Consent",)])
def test_a_code_that_no_refusal_has_and_keeping_what_is_to_go_are_wrong_usage(
    world: World, words: tuple[str, ...]
) -> None:
    world.deliver("a", consent={"key": "2"})
    result = world.run("ingest", str(world.spool), "--json", "--remove-refused", *words, who="telefon")
    assert result.exit == 2, result
    assert left(world) == {"a.json", "a.wav"}


def test_every_refusal_can_be_named() -> None:
    assert {f"refused.{one}" for one in CODES} == {one for one in every() if one.startswith("refused.")}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["", "calls.jsonl"], ids=["single", "json lines"])
def test_no_refused_file_goes_before_the_log_says_so_and_the_next_run_ends_it(
    template: World, tmp_path: Path, form: str
) -> None:
    def offered(name: str) -> World:
        world = worlds.copy(template, tmp_path / name)
        world.deliver("a", seconds=0.05, consent={"key": "2"})
        world.deliver("b", seconds=0.05)
        if form:
            world.gather(form)
        return world

    with faults(Plan()) as plan:
        ingest(offered("count"), exit=3)
    steps = [at for at, name in enumerate(plan.names, 1) if name == "remove"]
    commit = max(at for at, name in enumerate(plan.names[: steps[0]], 1) if name == "_commit")
    assert len(steps) == (3 if form else 4)
    for at, after in itertools.product([commit, *steps], (False, True)):
        world = offered(f"{at}-{after}")
        before = left(world)
        with faults(Plan(at, after=after)), pytest.raises(Crash):
            world.run("ingest", str(world.spool), who="telefon")
        logged = len(removals(world))
        assert logged == (0 if (at, after) == (commit, False) else 1), (at, after)
        assert logged or left(world) == before
        told = ingest(world)
        assert (left(world), refused_files(world)) == (set(), {}), (at, after, told)
        assert len(objects(world)) == 1
        assert problems(world) == []
