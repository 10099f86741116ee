"""The port of words: without anything behind it all works but what needs words, and another may stand there."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from arlo_rec.sound import speech
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.cut_list import Cut
from arlo_rec.sound.speech import Plan, Transcript, Word
from arlo_rec.words import port
from tests.support.copies import CONFIRM, SAID, propose
from tests.support.places import TOP
from tests.support.world import World

WHY = "heard and confirmed by two people"


class Others:
    """Words of another maker: every word of a transcript is cut."""

    def read(self, raw: bytes, channel: int | None = None) -> Transcript:
        return Transcript("others", tuple(Word(*each, channel=channel) for each in json.loads(raw)))

    def plan(self, sound: Sound, transcripts: Sequence[Transcript], people: Sequence[str], **_: Any) -> Plan:
        words = transcripts[0].words
        cuts = tuple(Cut(word.start, word.end, sources=("others",)) for word in words)
        return Plan(cuts, 1.0, (0.0,), (), (), (words,))

    def tells(self, text: str) -> bool:
        return False


@pytest.fixture(params=["nothing", "others"])
def registered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    found = importlib.metadata.entry_points
    behind = [SimpleNamespace(load=Others)] if request.param == "others" else []

    def entry_points(**asked: str) -> Any:
        return behind if asked.get("group") == speech.GROUP else found(**asked)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    speech.words.cache_clear()
    yield request.param
    speech.words.cache_clear()


@pytest.mark.slow
def test_what_needs_words_says_what_is_missing_or_asks_whoever_is_registered(world: World, registered: str) -> None:
    first, second = world.take_in("a", "b")
    words = world.base / "words.json"
    words.write_text(json.dumps([["Solveig", 0.1, 0.2], ["Testdatter", 0.25, 0.4]]))
    told = world.run("pseudonymise", *SAID, first, "--transcript", str(words), "--json", who="sigrid")
    if registered == "nothing":
        assert (told.exit, told.json["error"]["code"]) == (16, "words_not_installed")
    else:
        cuts = told.json["results"][0]["cuts"]
        assert [(cut["start"], cut["end"], cut["sources"]) for cut in cuts] == [
            (0.1, 0.2, ["others"]),
            (0.25, 0.4, ["others"]),
        ]
    by_list = propose(world, second)["copy"]
    world.json("review", by_list, *CONFIRM, who="sigrid")
    assert world.json("release", by_list, "--reason", WHY, who="sigrid")["copy"]["state"] == "released"


def test_what_is_registered_here_is_found() -> None:
    speech.words.cache_clear()
    assert speech.words() is port


def test_no_other_room_loads_words() -> None:
    """Every module outside `words` and `engines` is imported in a process of its own."""
    code = """
import pathlib, sys
for path in sorted(pathlib.Path("arlo_rec").rglob("*.py")):
    parts = path.with_suffix("").parts
    if not {"words", "engines", "__main__"} & set(parts):
        __import__(".".join(parts).removesuffix(".__init__"))
print(sorted(name for name in sys.modules if name.startswith(("arlo_rec.words", "arlo_rec.engines"))))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
