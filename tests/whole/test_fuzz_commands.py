"""Ten thousand whole commands over changed files: each ends in words, in time, and writes where it may.

The ordinary run takes a sample.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.machine import status
from tests.fuzz import confined
from tests.fuzz.commands import Stage, staged
from tests.fuzz.judge import judged
from tests.support.compressed import AV, SOUNDFILE
from tests.support.world import World

pytestmark = pytest.mark.slow

ALL, SAMPLE = 10_000, 80  # commands


@cache
def compressed_sounds() -> list[bytes]:
    """One of each kind that is installed."""
    found = [make() for _, make in SOUNDFILE.values()]
    if importlib.util.find_spec("av"):
        found += [AV[kind][1]() for kind in ("amr", "aac", "aac in mp4", "g722 in wav", "g726 in wav")]
    return found


@pytest.fixture
def stage(template: World, tmp_path: Path) -> Iterator[Stage]:
    with staged(template, tmp_path, compressed_sounds()) as one:
        yield one


def test_what_the_program_wrote_itself_is_taken_in_every_scene(stage: Stage) -> None:
    refused = [one.name for one in stage.scenes if not stage.judged(one, one.seeds[0])]
    assert refused == ["word"]  # of which few make sense where they stand


def test_a_command_over_a_changed_file_ends_in_words_and_in_time_and_writes_where_it_may(
    stage: Stage, whole: bool, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    played: Counter[str] = Counter()
    scene = stage.scenes[0]

    def make(number: int) -> bytes:
        nonlocal scene
        scene, raw = stage.make(seed, number)
        played[scene.name] += 1
        return raw

    report = judged("commands", range(ALL if whole else SAMPLE), make, lambda raw: stage.judged(scene, raw))
    if whole:
        with capsys.disabled():
            sys.stdout.write(f"\nseed {seed}\n{report}\n{dict(played)}\n")
    assert report.findings == {}, f"seed {seed}\n{report}"
    assert len(played) == len(stage.scenes) if whole else len(played) > 10
    assert 0 < report.taken < report.inputs


def test_a_mistake_of_ours_and_a_write_elsewhere_are_findings(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = next(one for one in stage.scenes if one.name == "seal")
    unchanged = status.status

    def mistaken(*_: Any) -> None:
        raise ZeroDivisionError

    def stray(*words: Any) -> Any:
        Path("stray").touch()
        return unchanged(*words)

    assert stage.judged(scene, scene.seeds[0])
    for planted, told in ((mistaken, "ZeroDivisionError"), (stray, "elsewhere/stray")):
        monkeypatch.setattr(status, "status", planted)
        with pytest.raises(AssertionError, match=told):
            stage.judged(scene, scene.seeds[0])


def test_a_write_elsewhere_is_seen(tmp_path: Path) -> None:
    allowed, elsewhere = tmp_path / "allowed", tmp_path / "elsewhere"
    for folder in (allowed, elsewhere):
        folder.mkdir()
    with confined.watched() as written:
        (allowed / "a").write_bytes(b"x")
        (elsewhere / "b").write_bytes(b"x")
        os.close(os.open(elsewhere / "c", os.O_CREAT | os.O_RDWR))
        (elsewhere / "b").rename(elsewhere / "d")
        (elsewhere / "d").unlink()
        (elsewhere / "c").read_bytes()
        os.system("true")
    found = confined.outside(written, [allowed])
    assert [Path(one).name for one in found[:-1]] == ["b", "c", "b", "d", "d"]
    assert found[-1].startswith("os.system")
    before = confined.lying_in(tmp_path, but=[allowed])
    (allowed / "e").touch()
    assert confined.lying_in(tmp_path, but=[allowed]) == before
    (elsewhere / "e").touch()
    assert confined.lying_in(tmp_path, but=[allowed]) != before
