"""Training copies from what was said: planned from transcripts, reviewed, released; and when none is made."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.sound import audio
from arlo_rec.words.engine import whisper as WHISPER
from tests.support.answers import opened
from tests.support.copies import (
    CONFIRM,
    ROLES,
    SAID,
    WHY,
    call,
    made_of,
    propose,
    transcripts,
    truth_of,
    words,
    written,
)
from tests.support.models import MODEL, needs_model
from tests.support.places import GIVEN
from tests.support.world import REASON, World


def covered(made: dict[str, Any], truth: dict[str, Any], shift: float = 0.0) -> list[str]:
    """The identifiers of a call that no cut covers."""
    return [
        one["text"]
        for one in truth["identifiers"]
        if not any(cut["start"] <= one["start"] + shift and one["end"] + shift <= cut["end"] for cut in made["cuts"])
    ]


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
def test_a_call_with_its_transcript_becomes_a_copy_that_a_person_looks_through_and_trainers_hear(world: World) -> None:
    recording = call(world)
    world.grant("turid", "training")
    made = made_of(world, recording, "--transcript", words(), "--transcript", words(folder="words-base-hints"))
    assert (made["state"], made["mode"], covered(made, truth_of("call000"))) == ("needs_review", "detect", [])
    assert made["cover_of_speech"] > 0.9 and abs(made["offset_s"]) < 0.3
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    given = world.json("release", made["copy"], "--reason", WHY, who="sigrid")["copy"]
    out = world.base / "copy.wav"
    find = ("--purpose", "training", "--reason", REASON)
    world.json("export", given["copy"], *find, "--out", str(out), who="turid")
    heard = audio.read_wav(io.BytesIO(out.read_bytes()), out.stat().st_size)
    for one in truth_of("call000")["identifiers"]:
        first, last = (int(at * heard.rate) * heard.frame_bytes for at in (one["start"], one["end"]))
        assert set(heard.data[first:last]) == {0xFF}, one["text"]


@pytest.mark.slow
def test_strict_keeps_only_what_is_harmless_and_a_person_looks_all_the_same(world: World) -> None:
    recording = call(world)
    passes = ("--transcript", words(), "--transcript", words(folder="words-base-hints"))
    detect, strict = made_of(world, recording, *passes), made_of(world, recording, *passes, "--mode", "strict")
    assert strict["cover_of_call"] > detect["cover_of_call"]
    assert (strict["state"], covered(strict, truth_of("call000"))) == ("needs_review", [])


@pytest.mark.slow
def test_a_transcript_of_the_whole_call_fits_what_was_kept_from_the_key_press(world: World) -> None:
    recording = call(world, before=4.0)
    told = json.loads(Path(words()).read_text("utf-8"))
    for one in told["words"]:
        one["s"] += 4.0
        one["e"] += 4.0
    told["words"].insert(0, {"w": "press", "s": 1.0, "e": 1.4, "p": 0.9, "ch": 0})
    from_key = made_of(world, recording, "--transcript", words())
    from_begin = made_of(world, recording, "--transcript", written(world, told))
    assert from_begin["cuts"] == from_key["cuts"]
    assert from_begin["offset_s"] == pytest.approx(from_key["offset_s"] - 4.0)


@pytest.mark.slow
def test_each_channel_may_have_a_transcript_of_its_own(world: World) -> None:
    recording = call(world)
    told = json.loads(Path(words()).read_text("utf-8"))
    bare = {"w", "s", "e", "p"}
    sides = {
        side: written(
            world,
            {"words": [{k: v for k, v in one.items() if k in bare} for one in told["words"] if one["ch"] == channel]},
            f"{side}.json",
        )
        for side, channel in ROLES.items()
    }
    one = made_of(world, recording, "--transcript", words())
    two = made_of(
        world, recording, "--transcript", f"caller={sides['caller']}", "--transcript", f"agent={sides['agent']}"
    )
    assert two["cuts"] == one["cuts"]
    unknown = world.run("pseudonymise", *SAID, recording, "--transcript", f"7={sides['agent']}", "--json", who="sigrid")
    assert (unknown.exit, unknown.json["error"]["code"]) == (2, "track_unknown")


@pytest.mark.slow
def test_a_name_that_is_known_to_the_call_is_found_by_managers_too(world: World) -> None:
    world.grant("leif", "quality")
    recording = call(world, "call003")
    passes = ("--transcript", words("call003"))
    assert made_of(world, recording, *passes, who="leif")["cuts"] == made_of(world, recording, *passes)["cuts"]
    sources = {source for cut in made_of(world, recording, *passes)["cuts"] for source in cut["sources"]}
    assert "known" in sources


def wrong_transcripts(world: World) -> dict[str, tuple[Any, str, str]]:
    told = json.loads(Path(words()).read_text("utf-8"))["words"]
    late = [{**one, "s": one["s"] * 1000, "e": one["e"] * 1000} for one in told]
    turned = [*told[40:80], *told[:40]]
    return {
        "of another call": (json.loads(Path(words("call005")).read_text("utf-8")), "transcript_misfit", "another"),
        "empty": ({"words": []}, "transcript_wrong", "no words"),
        "out of order": ({"words": turned}, "transcript_wrong", "order"),
        "before the begin": ({"words": [{**told[0], "s": -3}]}, "transcript_wrong", "before"),
        "in milliseconds": ({"words": late}, "transcript_misfit", "milliseconds"),
        "of the first words alone": ({"words": told[:30]}, "transcript_misfit", ""),
        "no transcript": ("Dear Sir or Madam", "transcript_wrong", "not supported"),
        "a million words": (
            '{"words":[' + ",".join(['{"w":"ja","s":0,"e":1}'] * 1_000_000) + "]}",
            "transcript_wrong",
            "too many",
        ),
        "larger than any call": ("x" * (65 * 1024 * 1024), "file_too_large", "larger"),
    }


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
def test_a_transcript_that_does_not_fit_makes_no_copy_and_says_why(world: World) -> None:
    recording = call(world)
    held = sorted((world.store / "objects").rglob("*"))
    for name, (told, code, said) in wrong_transcripts(world).items():
        result = world.run(
            "pseudonymise",
            *SAID,
            recording,
            "--transcript",
            written(world, told),
            "--json",
            "--lang",
            "en",
            who="sigrid",
        )
        assert (result.exit, result.json["error"]["code"]) == (2, code), (name, result)
        assert "words.json" in result.json["error"]["message"]
        assert said in result.json["error"]["message"], name
    assert sorted((world.store / "objects").rglob("*")) == held


@pytest.mark.slow
def test_without_words_and_without_a_list_there_is_no_copy(world: World) -> None:
    recording = call(world)
    for more, code in (
        ((), "words_missing"),
        (("--mode", "strict"), "words_missing"),
        (("--mode", "manual"), "cuts_missing"),
        (("--mode", "best"), "mode_unknown"),
        (("--engine", "none"), "words_missing"),
        (("--engine", "other"), "engine_unknown"),
        (("--engine", "faster-whisper"), "model_missing"),
        (("--model", "m") * 5, "too_many_models"),
        (("--model", "/nowhere"), "model_not_found"),
        (("--model", str(world.base)), "model_incomplete"),
        (("--transcript", "/nowhere"), "file_unreadable"),
        (("--pending",), "recordings_or_pending"),
    ):
        result = world.run("pseudonymise", *SAID, recording, *more, "--json", who="sigrid")
        assert (result.exit, result.json["error"]["code"]) == (2, code), more
    world.setting("asr.workers = 0")
    assert world.code("pseudonymise", *SAID, recording, who="sigrid") == (2, "workers_out_of_range")


@pytest.mark.slow
def test_a_list_is_added_to_what_is_found(world: World) -> None:
    recording = call(world)
    listed = written(world, "7.0\t7.5\tother\n", "cuts.txt")
    made = made_of(world, recording, "--transcript", words(), "--cuts", listed)
    assert made["mode"] == "detect"
    assert {"manual"} in [set(cut["sources"]) for cut in made["cuts"]]


@pytest.mark.slow
def test_a_reviewer_sees_what_was_heard_and_accepts_and_moves_cuts(world: World) -> None:
    recording = call(world)
    copy = made_of(world, recording, "--transcript", words())["copy"]
    shown = world.json("review", *SAID, copy, who="sigrid")["copy"]
    assert shown["unsure"] and {"start", "end", "channel"} == set(shown["unsure"][0])
    assert "Charles" in world.run("review", *SAID, copy, "--lang", "en", who="sigrid").out
    world.grant("sigrid")
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("export", copy, *why, "--out", str(world.base / "copy.wav"), who="sigrid")
    raw = (world.base / "copy.wav").read_bytes()
    heard = audio.read_wav(io.BytesIO(raw), len(raw))
    first, last = (int(shown["cuts"][0][at] * 8000) * 2 for at in ("start", "end"))
    edge = 2 * int(audio.FADE * 8000)
    assert heard.duration == pytest.approx(75.9, abs=0.1) and set(heard.data[first + 2 + edge : last - edge]) == {0xFF}
    changed = world.json("review", *SAID, copy, "--accept", "1", "--change", "2:12.5-16.9", who="sigrid")["copy"]
    assert [one["status"] for one in changed["cuts"][:3]] == ["accepted", "changed", "proposed"]
    assert (changed["cuts"][1]["start"], changed["cuts"][1]["end"]) == (12.5, 16.9)
    assert changed["unsure"] == shown["unsure"]
    for wrong in ("x", "2", "2:5", "99:1-2"):
        assert world.run("review", *SAID, changed["copy"], "--change", wrong, who="sigrid").exit == 2, wrong


@pytest.mark.slow
def test_the_words_and_the_list_are_never_in_the_trainers_domain(world: World) -> None:
    recording = call(world)
    world.grant("turid", "training")
    made = made_of(world, recording, "--transcript", words())
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    given = world.json("release", made["copy"], "--reason", WHY, who="sigrid")["copy"]["copy"]
    (found,) = world.json("find", "--purpose", "training", "--reason", REASON, who="turid")["recordings"]
    assert found["id"] == given and "cuts" not in found
    for command in (("review", *SAID, given), ("review", *SAID, recording)):
        assert world.run(*command, "--json", who="turid").exit == 13


@pytest.mark.slow
def test_no_name_stands_in_a_cut_list_or_in_the_log(world: World) -> None:
    recording = call(world)
    made = made_of(world, recording, "--transcript", words())
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    told = json.dumps(made["cuts"]) + world.run("audit", "show", "--json", who="iver").out
    for name in ("Brandon", "Foster", "Charles", "Derek", "gmail"):
        assert name not in told


@pytest.mark.slow
def test_what_was_heard_is_on_no_disk_in_clear(world: World) -> None:
    recording = call(world)
    copy = made_of(world, recording, "--transcript", words())["copy"]
    seen = world.run("review", *SAID, copy, who="sigrid").out
    copy = world.json("review", *SAID, copy, "--add", "30-31", who="sigrid")["copy"]["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    world.json("release", copy, "--reason", WHY, who="sigrid")
    heard = [name for name in ("Charles", "Brandon", "Foster", "gmail") if name in seen]
    assert len(heard) >= 2
    files = [one for one in world.base.rglob("*") if one.is_file()]
    assert {"objects", "catalogue.db"} <= {each for one in files for each in one.parts}
    for one in files:
        kept = one.read_bytes().lower()
        assert not [name for name in heard if name.casefold().encode() in kept], one


def backlog(world: World) -> list[str]:
    """Three calls of which the last is the next to go, and one whose caller did not consent to training."""
    now = datetime.now(UTC)
    return [call(world, f"call00{at}", started=now - timedelta(hours=1 + at)) for at in (0, 2, 4)]


@pytest.mark.slow
def test_a_backlog_without_words_and_without_a_model_is_one_error(world: World) -> None:
    backlog(world)
    told = world.run("pseudonymise", *SAID, "--pending", "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"], "results" in told.json) == (2, "words_missing", False)
    assert not [
        entry for entry in world.json("audit", "show", who="iver")["entries"] if entry["action"] == "pseudonymise"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_backlog_is_processed_and_who_stopped_goes_on(world: World, workers: str) -> None:
    world.setting(f"asr.workers = {workers}")
    first, second, third = backlog(world)
    folder = transcripts(world, {"call000": first, "call002": second})
    told = world.json("pseudonymise", *SAID, "--pending", "--transcript", folder, who="sigrid")
    states = {one["id"]: one["state"] for one in told["results"]}
    assert states == {first: "needs_review", second: "needs_review", third: "failed"}
    assert told["results"][0]["id"] == third, "the next to be erased comes first"
    failed = next(one for one in told["results"] if one["state"] == "failed")
    assert failed["error"]["code"] == "words_missing"
    transcripts(world, {"call004": third})
    again = world.json("pseudonymise", *SAID, "--pending", "--transcript", folder, who="sigrid")
    assert [one["id"] for one in again["results"]] == [third]
    assert world.json("pseudonymise", *SAID, "--pending", "--transcript", folder, who="sigrid")["results"] == []


@pytest.mark.slow
def test_some_failed_is_exit_3_and_one_that_fails_alone_is_its_own_error(world: World) -> None:
    first, second, _ = backlog(world)
    folder = transcripts(world, {"call000": first})
    result = world.run("pseudonymise", *SAID, first, second, "--transcript", folder, "--json", who="sigrid")
    assert (result.exit, result.json["ok"]) == (3, True)
    assert world.run("pseudonymise", *SAID, second, "--transcript", folder, "--json", who="sigrid").exit == 2
    gone = world.run("pseudonymise", *SAID, "0" * 32, "--transcript", words(), "--json", who="sigrid")
    assert (gone.exit, gone.json["error"]["code"]) == (13, "no_grant")


@pytest.mark.slow
def test_the_backlog_of_a_manager_holds_what_they_may_hear_and_nothing_else(world: World) -> None:
    world.grant("leif", "quality", "--team", "salg")
    mine = call(world, "call000", team="salg")
    call(world, "call002")
    folder = transcripts(world, {"call000": mine})
    told = world.json("pseudonymise", *SAID, "--pending", "--transcript", folder, who="leif")
    assert [one["id"] for one in told["results"]] == [mine]
    refused = world.run("pseudonymise", *SAID, "--pending", "--transcript", folder, "--json", who="siri")
    assert refused.exit == 13


@pytest.mark.slow
def test_the_bench_measures_labelled_calls_and_keeps_nothing(world: World, tmp_path: Path) -> None:
    for name in ("call000", "call001"):
        for ending in ("wav", "json"):
            (tmp_path / f"{name}.{ending}").write_bytes((GIVEN / f"{name}.{ending}").read_bytes())
        (tmp_path / f"{name}.words.json").write_bytes(Path(words(name)).read_bytes())
    told = world.json("pseudonymise", "--bench", str(tmp_path))["bench"]
    assert told["calls"] == 2 and set(told["layouts"]) == {"stereo", "mono"}
    stereo = told["layouts"]["stereo"]
    phone = stereo["types"]["PHONE"]
    assert (phone["count"], phone["cover"], phone["mean_cover"], phone["residual_s"]) == (1, 1.0, 1.0, 0.0)
    assert phone["cover_within"] == [0.2065, 1.0], "one that is found says little of the next"
    assert told["languages"]["en"]["calls"] == 2 and told["languages"]["en"]["circumstances"]["count"] == 0
    assert 0 < stereo["over_cut"] < 0.5
    assert "PHONE" in world.run("pseudonymise", "--bench", str(tmp_path)).out
    (tmp_path / "call000.json").write_text('{"identifiers": [{"type": "NAME", "start": 3}]}', "utf-8")
    wrong = world.run("pseudonymise", "--bench", str(tmp_path), "--json")
    assert (wrong.exit, wrong.json["error"]["code"]) == (2, "bench_wrong")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert world.run("pseudonymise", "--bench", str(empty), "--json").json["error"]["code"] == "bench_empty"


# -- the engine ---------------------------------------------------------------------------------------

STAND_IN = """
import json, os, signal, socket, sys
sys.path[:] = json.loads(sys.argv[1])
from arlo_rec.words.engine_process import receive_request, send
pipe = socket.socket(fileno=0)
receive_request(pipe)
send(pipe, {"languages": ["en", "no"]})
while request := receive_request(pipe):
    asked, samples = request
    %s
    send(pipe, {"language": "en", "words": words})
"""
DIES = "os.kill(os.getpid(), signal.SIGKILL)"
HEARS_BRANDON = 'words = [["thanks", 1.0, 1.4, 0.9], ["Brandon", 1.4, 2.0, 0.9]]'
HEARS_NOTHING = "words = []"


def engine_that(world: World, monkeypatch: pytest.MonkeyPatch, does: str) -> str:
    """A model's folder, and an engine of which the process does what a test wants."""
    from functools import partial

    from arlo_rec.words import engine

    folder = world.base / "model"
    folder.mkdir(exist_ok=True)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).touch()
    monkeypatch.setattr(engine, "whisper", partial(WHISPER, program=STAND_IN % does))
    return str(folder)


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
def test_an_engine_that_is_killed_makes_nothing_and_in_the_backlog_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = call(world)
    model = engine_that(world, monkeypatch, DIES)
    result = world.run("pseudonymise", *SAID, recording, "--model", model, "--json", who="sigrid")
    assert (result.exit, result.json["error"]["code"]) == (16, "engine_died")
    second = call(world, "call002")
    world.setting("asr.workers = 2")
    many = world.run("pseudonymise", *SAID, "--pending", "--model", model, "--json", who="sigrid")
    assert many.exit == 3
    assert {one["id"]: one["error"]["code"] for one in many.json["results"]} == {
        recording: "engine_died",
        second: "engine_died",
    }
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


@pytest.mark.slow
def test_an_engine_that_hears_nothing_in_a_call_makes_no_copy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = call(world)
    model = engine_that(world, monkeypatch, HEARS_NOTHING)
    result = world.run("pseudonymise", *SAID, recording, "--model", model, "--json", who="sigrid")
    assert (result.exit, result.json["error"]["code"]) == (2, "engine_heard_too_little")


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize("mode", ["detect", "strict"])
def test_a_copy_whose_words_nobody_understood_never_becomes_ready_and_a_list_of_a_person_is_the_way_on(
    world: World, mode: str
) -> None:
    recording = call(world)
    guesses = json.loads(Path(words()).read_text("utf-8"))["words"]
    guessed = written(world, {"words": [{**one, "p": one["p"] / 2} for one in guesses]})
    made = made_of(world, recording, "--transcript", guessed, "--mode", mode)
    assert "engine_not_understood" in made["warnings"]
    world.json("review", *SAID, made["copy"], "--accept", "all", who="sigrid")
    for lang, told in (("nb", "forstod ikke"), ("en", "did not understand")):
        for more in ((), ("--reason", WHY)):
            refused = world.run("review", made["copy"], "--confirm", *more, "--json", "--lang", lang, who="sigrid")
            error = refused.json["error"]
            assert (refused.exit, error["code"]) == (14, "engine_not_understood")
            assert told in error["message"] and "--mode manual --cuts" in error["message"]
    assert world.run("release", made["copy"], "--reason", WHY, "--json", who="sigrid").exit == 14
    world.json("reject", made["copy"], "--reason", WHY, who="sigrid")
    by_hand = propose(world, recording)
    assert by_hand["warnings"] == []
    world.json("review", by_hand["copy"], *CONFIRM, who="sigrid")
    assert world.json("release", by_hand["copy"], "--reason", WHY, who="sigrid")["copy"]["state"] == "released"


@pytest.mark.slow
def test_a_thin_second_transcript_is_left_out_and_named_to_whoever_makes_and_reviews_the_copy(world: World) -> None:
    recording = call(world)
    other = json.loads(Path(words("call005")).read_text("utf-8"))["words"]
    few = written(world, {"words": [one for one in other if one["e"] < 60][::6]}, "second-pass.json")
    told = world.run(
        "pseudonymise", *SAID, recording, "--transcript", words(), "--transcript", few, "--lang", "en", who="sigrid"
    )
    assert told.exit == 0 and "second-pass.json (words and speech do not match" in told.out + told.err
    made = made_of(world, recording, "--transcript", words(), "--transcript", few)
    assert made["unused"] == [{"file": "second-pass.json", "why": "another_call"}]
    assert "transcript_dropped" in made["warnings"]
    assert world.json("review", *SAID, made["copy"], who="sigrid")["copy"]["unused"] == made["unused"]
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    assert world.json("release", made["copy"], "--reason", WHY, who="sigrid")["copy"]["unused"] == made["unused"]


@pytest.mark.slow
@pytest.mark.rule("data.pseudonymised")
def test_no_copy_is_released_in_which_a_known_name_is_still_heard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = made_of(world, call(world), "--transcript", words())["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    model = engine_that(world, monkeypatch, HEARS_BRANDON)
    release = ("release", copy, "--reason", WHY, "--model", model, "--json")
    refused = world.run(*release, who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "still_heard")
    assert "1.4-2.0" in refused.json["error"]["message"] and "Brandon" not in refused.out
    engine_that(world, monkeypatch, HEARS_NOTHING)
    assert world.json(*release[:-1], who="sigrid")["copy"]["state"] == "released"


@pytest.mark.slow
@needs_model
def test_a_real_engine_hears_a_call_and_its_copy_once_more(world: World) -> None:
    recording = call(world)
    world.setting('asr.language = "en"')
    made = made_of(world, recording, "--model", str(MODEL))
    assert made["cover_of_speech"] > 0.8
    truth = truth_of("call000")
    assert len(covered(made, truth)) <= 3, "a small model hears most of them"
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    done = world.run("release", made["copy"], "--reason", WHY, "--model", str(MODEL), "--json", who="sigrid")
    assert done.exit in (0, 14) and (done.exit == 0 or done.json["error"]["code"] == "still_heard")


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_an_access_answer_tells_of_the_copies_and_of_who_heard_them(world: World) -> None:
    recording = call(world)
    world.grant("turid", "training")
    made = made_of(world, recording, "--transcript", words())
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    given = world.json("release", made["copy"], "--reason", WHY, who="sigrid")["copy"]["copy"]
    purpose = ("--purpose", "training", "--reason", REASON)
    world.json("export", given, *purpose, "--out", str(world.base / "copy.wav"), who="turid")
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", "--out", str(out), "--identity", "called-back", who="sigrid")
    inside = opened(out.read_bytes(), told["passphrase"].encode())
    (one,) = json.loads(inside["bodies"]["data.json"])["recordings"]
    assert told["recordings"] == 1, "a copy is no recording of its own to the caller"
    assert [copy["state"] for copy in one["copies"]] == ["released"]
    did = [(each["action"], each["purpose"]) for each in one["accesses"]]
    assert [each for each in did if each[0] == "export"] == [("export", "training")]
    making = {action: purpose for action, purpose in did if action in {"pseudonymise", "review", "release"}}
    assert making.keys() >= {"pseudonymise", "release"}
    assert set(making.values()) == {"training"}  # not the purpose of an access request
    assert [(each["purpose"], each["role"]) for each in one["copy_grants"]] == [("training", "manager")]
    assert one["grants"] == [], "nobody could hear the recording itself"
