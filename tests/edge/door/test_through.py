"""Whole commands through the door: what the person's machine refuses, and what of a command is left then."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.desk import session
from arlo_rec.edge.door import calls, frames
from arlo_rec.edge.door.frames import WINDOW, as_count, of_channel
from tests.support.disks import fill, small_disk
from tests.support.door import frame
from tests.support.places import TOP
from tests.support.serving import Answer, ordered, polite, serving
from tests.support.world import REASON, World, assert_no_bug

pytestmark = pytest.mark.slow
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def heard(world: World) -> tuple[World, World, str]:
    """A world, the same through its door, and a call that Leif may hear."""
    world.grant()
    (recording,) = world.take_in("call")
    return world, replace(world, door=True), recording


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of the person's that is full."""
    with small_disk(tmp_path / "full", "64k") as folder:
        fill(folder)
        yield folder


def exports(world: World) -> list[dict[str, Any]]:
    return list(world.json("audit", "show", "--action", "export", who="iver")["entries"])


def test_a_full_disk_of_the_person_is_told_and_holds_nothing_half(heard: tuple[World, World, str], disk: Path) -> None:
    world, through, recording = heard
    for direct in (world, through):
        told = direct.run("export", recording, *WHY, "--out", str(disk / "call.wav"), "--json", who="leif")
        assert (told.exit, told.json["error"]["code"]) == (16, "no_space"), told
    assert [path.name for path in disk.iterdir()] == ["filler"]
    assert [each["outcome"] for each in exports(world)] == ["allowed", "allowed"], "the log said so before"
    assert_no_bug(world)


def test_a_file_that_lies_there_is_refused_before_anything_is_noted(heard: tuple[World, World, str]) -> None:
    world, through, recording = heard
    (world.base / "call.wav").write_bytes(b"mine")
    for direct in (world, through):
        assert direct.code("export", recording, *WHY, "--out", str(world.base / "call.wav"), who="leif")[0] == 2
    assert (world.base / "call.wav").read_bytes() == b"mine"
    assert exports(world) == []


@pytest.mark.parametrize("out", ["sound of the call.wav", "no/such/folder.wav"])
def test_a_file_of_the_person_is_written_as_without_a_door(heard: tuple[World, World, str], out: str) -> None:
    world, through, recording = heard
    written = list[bytes | None]()
    for direct in (world, through):
        path = world.base / out
        direct.run("export", recording, *WHY, "--out", str(path), who="leif")
        written.append(path.read_bytes() if path.exists() else None)
        if path.exists():
            assert path.stat().st_mode & 0o777 == 0o600
            path.unlink()
    assert written[0] == written[1]
    assert (written[0] is None) == out.startswith("no/")


def test_an_answer_that_becomes_an_archive_is_written_beside_its_name(heard: tuple[World, World, str]) -> None:
    _, through, _ = heard
    out = through.base / "answer.html"
    words = ("dsar", "+4790000001", "--identity", "called-back", "--out", str(out))
    told = through.json(*words, who="sigrid")
    written = [Path(each) for each in through.base.glob("answer*")]
    assert len(written) == 1, told
    assert written[0].read_bytes()


def test_an_answer_that_nobody_can_read_is_not_said_to_be_done(heard: tuple[World, World, str]) -> None:
    _, through, _ = heard
    words = ["find", *WHY, "--json", *through._who("leif")]
    environment = {**os.environ, **through._environment(words)}
    environment.pop("PYTHONUNBUFFERED", None)  # then the end of the program would write what is left in a stream
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "arlo_rec", *words], check=False, stdout=full, stderr=subprocess.PIPE, cwd=TOP,
            env=environment,
        )  # fmt: skip
    assert done.returncode == 16, done
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_number_that_is_piped_in_goes_through_once(heard: tuple[World, World, str]) -> None:
    world, through, _ = heard
    told = through.json("withdraw", "-", "--yes", who="siri", stdin=b"+47 900 00 001\n")
    assert told["erased"] == 1
    assert world.json("status", who="iver")["held"] == 0


def test_a_front_that_says_that_a_sound_was_not_kept_has_it_all_the_same(heard: tuple[World, World, str]) -> None:
    world, _, recording = heard

    def answer(document: dict[str, Any], data: bytes) -> Answer:
        if document["name"] == "name":
            return {"error": {"kind": "Usage", "code": "out_exists", "rule": None, "detail": {"path": "o"}}}, b""
        return polite(document, data)

    words = ("export", recording, *WHY, "--out", "o.wav", "--as", "leif")
    with serving(world, person="leif") as end:
        end.say(ordered(*words))
        ended = end.answer(answer)
    assert ended.status == 2, ended
    listed = world.json("recipients", "list", who="sigrid")["recipients"]
    assert [each["file"] for each in listed] == ["o.wav"], "it went to another machine"


def test_a_front_that_is_silent_while_a_recording_is_played_hears_no_more_of_it(
    heard: tuple[World, World, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _, _ = heard
    (recording,) = world.take_in("long", seconds=120, caller="+4790000002")
    monkeypatch.setattr(session, "STALE", 0.2)
    monkeypatch.setattr(session, "PATIENCE", 0.5)
    monkeypatch.setattr(calls, "ANSWER_WAIT", 4.0)
    with serving(world, person="leif") as end:
        end.say(ordered("listen", recording, "--player", "p", *WHY, "--as", "leif"))
        end.answer_until("play_wait", itself=False)
        assert world.run("withdraw", "--call", recording, "--yes", who="siri").exit == 0
        time.sleep(0.5)  # longer than STALE: nothing is given where nobody looked since
        came = 0
        for each in end.frames():
            if each.kind == frames.DATA:
                taken = len(each.body) - 4
                came += taken
                end.say(frame(frames.TAKEN, of_channel(1, as_count(taken))))
        ended = end.ended()
    assert ended.status in {14, 130}, ended
    assert came <= 2 * WINDOW, "what was on its way, of nearly two million bytes"
