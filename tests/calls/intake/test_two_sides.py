"""Calls of which the exchange writes two files, the caller's side and the agent's."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.exchanges import spool
from arlo_rec.sound import audio
from tests.support.exports import MAKERS, Told, approve
from tests.support.faults import Crash
from tests.support.intake import ingest, left, objects, problems, withdraw
from tests.support.sounds import tone, tone_wav
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("consent.basis")
SIDES = {"caller": "call-in.wav", "agent": "call-out.wav"}
TWO_LEGS = """audio = {caller = "in-{uniqueid}.wav", agent = "out-{uniqueid}.wav"}"""


def deliver(world: World, *, seconds: tuple[float, float] = (0.5, 0.4), **changes: Any) -> Path:
    """A call with a file for each side, and no word of its channels."""
    manifest = world.deliver("call", audio=SIDES, **changes)
    told = json.loads(manifest.read_text("utf-8"))
    del told["channels"]
    manifest.write_text(json.dumps(told), "utf-8")
    (world.spool / "call.wav").unlink()
    for seed, (name, length) in enumerate(zip(SIDES.values(), seconds, strict=True)):
        (world.spool / name).write_bytes(tone_wav(length, channels=1, seed=seed))
    return manifest


def heard(world: World, call: str) -> bytes:
    """The file that a manager saves."""
    world.grant()
    out = world.base / "out.wav"
    world.json("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(out), who="leif")
    return out.read_bytes()


def read(file: bytes) -> tuple[int, bytes]:
    """The channels and the samples of a file."""
    sound = audio.read_wav(io.BytesIO(file), len(file))
    return sound.channels, sound.data


def test_two_files_of_one_call_are_one_recording_of_caller_and_agent(world: World) -> None:
    deliver(world)
    (call,) = ingest(world, exit=0)["accepted"]
    assert (left(world), len(objects(world)), problems(world)) == (set(), 1, [])
    sides = [tone(0.5, channels=1, seed=0), tone(0.4, channels=1, seed=1) + b"\xff" * 800]
    frames = bytes(sample for pair in zip(*sides, strict=True) for sample in pair)
    assert read(heard(world, call["id"])) == (2, frames)
    deliver(world)
    assert len(ingest(world, exit=0)["duplicates"]) == 1
    deliver(world, seconds=(0.5, 0.3))
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["conflict"]


def test_what_lies_before_the_key_is_cut_from_both_sides(world: World) -> None:
    deliver(world, pressed_after=0.25)
    (call,) = ingest(world, exit=0)["accepted"]
    assert len(read(heard(world, call["id"]))[1]) == 2 * 2000


@pytest.mark.parametrize(
    "named",
    [
        {"caller": "call-in.wav", "agent": "call-in.wav"},
        {"caller": "call-in.wav"},
        {"caller": "call-in.wav", "agent": "../call-out.wav"},
        {"caller": "call-in.wav", "agent": ["call-out.wav"]},
        {},
    ],
)
def test_anything_but_two_names_is_no_sound(world: World, named: object) -> None:
    manifest = deliver(world)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "audio": named}))
    assert [each["code"] for each in ingest(world, exit=3)["refused"]] == ["not_a_file"]
    assert {*SIDES.values(), manifest.name} == left(world)


def test_sides_that_are_not_alike_are_refused_and_stay(world: World) -> None:
    deliver(world)
    (world.spool / SIDES["agent"]).write_bytes(tone_wav(0.4, channels=1, rate=16000))
    told = ingest(world, exit=3)
    (refused,) = told["refused"]
    assert (refused["code"], refused["why"], told["unclaimed"]) == ("bad_audio", "legs", [])
    assert "mono" in refused["message"]
    assert len(left(world)) == 3


@pytest.mark.rule("consent.press2")
def test_of_a_call_without_consent_both_sides_go(world: World) -> None:
    deliver(world, consent={"key": "2"})
    ingest(world, exit=3)
    assert (left(world), objects(world)) == (set(), set())


@pytest.mark.slow
@pytest.mark.parametrize("what", ["taken in", "no consent", "withdrawn"])
@pytest.mark.parametrize("removals", [1, 2, 3])  # of both sides, then of the manifest
def test_a_run_that_is_killed_between_two_removals_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str, removals: int
) -> None:
    if what == "withdrawn":
        withdraw(world, "+4790000001")
    deliver(world, **({"consent": {"key": "2"}} if what == "no consent" else {}))
    done, real = [], spool.remove

    def remove(file: spool.SpoolFile) -> bool:
        done.append(real(file))
        if len(done) == removals:
            raise Crash
        return done[-1]

    with monkeypatch.context() as patch, suppress(Crash):
        patch.setattr(spool, "remove", remove)
        ingest(world)
    assert len(left(world)) == 3 - removals
    ingest(world)
    assert (left(world), len(objects(world)), problems(world)) == (set(), int(what == "taken in"), [])


@pytest.mark.parametrize("side", SIDES.values())
def test_a_side_that_changes_while_it_is_read_is_left_for_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    deliver(world)
    real = audio.sound_file.read_at

    def touched(stream: Any, start: int, length: int) -> bytes:
        os.utime(world.spool / side)
        return real(stream, start, length)

    with monkeypatch.context() as patch:
        patch.setattr(audio.sound_file, "read_at", touched)
        told = ingest(world, exit=0)
    assert (told["accepted"], told["refused"], len(told["waiting"])) == ([], [], 1)
    assert len(ingest(world, exit=0)["accepted"]) == 1


def test_a_map_names_both_sides(world: World) -> None:
    world.spool.mkdir(exist_ok=True)
    shipped = (Path("arlo_rec/exchanges/maps/shipped/freepbx.toml")).read_text("utf-8")
    lines = [line for line in shipped.splitlines() if not line.startswith("audio = ")]
    file = world.base / "map.toml"
    file.write_text("\n".join([TWO_LEGS, *lines]) + "\n", "utf-8")
    assert world.json("map", "check", str(file))["findings"] == []
    approve(world, '[[map]]\nname = "ours"\nfile = "map.toml"')
    MAKERS["freepbx"](world.spool, Told(1))
    (sound,) = world.spool.rglob("*.wav")
    unique = sound.stem.rpartition("-")[2]
    for side in ("in", "out"):
        (sound.parent / f"{side}-{unique}.wav").write_bytes(tone_wav(0.3, channels=1, seed=len(side)))
    sound.unlink()
    words = ("ingest", str(world.spool / "Master.csv"), "--map", str(file), "--explain", "1")
    told = [each["value"] for each in world.json(*words, who="telefon")["fields"] if each["field"] == "audio"]
    assert told == [f"2026/10/in-{unique}.wav", f"2026/10/out-{unique}.wav"]
    assert len(ingest(world, "--map", str(file), exit=0)["accepted"]) == 1
    assert [path for path in world.spool.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("named", ['{caller = "a-{id}.wav"}', '{caller = "{id}.wav", agent = "x.wav"}', "7"])
def test_a_map_with_anything_but_two_patterns_is_no_map(world: World, named: str) -> None:
    file = world.base / "map.toml"
    file.write_text(f"format = 'csv'\naudio = {named}\n", "utf-8")
    codes = {each["code"] for each in world.json("map", "check", str(file))["findings"]}
    assert codes & {"audio_legs", "audio_constant", "audio_pattern"}
