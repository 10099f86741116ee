"""Training copies: calls with real speech, their transcripts, and copies that are proposed, released and heard."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from arlo_rec.sound import audio
from arlo_rec.sound.audio import Sound
from tests.support.places import GIVEN
from tests.support.world import REASON, Result, World

WHY = "heard and confirmed by two people"
SAID = ("--reason", REASON)  # of making and reviewing copies
CONFIRM = ("--confirm", "--reason", WHY)  # whatever was not decided or heard
ROLES = {"caller": 0, "agent": 1}  # of the manifests that are delivered here


def truth_of(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((GIVEN / f"{name}.json").read_text("utf-8"))
    return told


def call(
    world: World,
    name: str = "call000",
    *,
    before: float = 0.0,
    known: bool = True,
    seconds: int | None = None,
    **changes: Any,
) -> str:
    """A made call with real speech, taken in; *before* are seconds before the key press.

    Of *seconds*, if given: cut off, or said again and again.
    """
    raw = (GIVEN / f"{name}.wav").read_bytes()
    sound = audio.read_wav(io.BytesIO(raw), len(raw))
    if seconds is not None:
        length = seconds * sound.rate * sound.frame_bytes
        said = sound.data * (1 + length // len(sound.data))
        sound = Sound(sound.encoding, sound.rate, sound.channels, said[:length])
    if before:
        quiet = b"\xff" * (int(before * sound.rate) * sound.frame_bytes)
        sound = Sound(sound.encoding, sound.rate, sound.channels, quiet + sound.data)
    truth = truth_of(name)
    names = {side: [each] for side, each in truth["known"].items()} if known else {}
    (made,) = world.take_in(
        name,
        sound=audio.canonical_wav(sound),
        pressed_after=before,
        known=names,
        agent=truth["known"]["agent"],
        **changes,
    )
    return made


def words(name: str = "call000", folder: str = "words-base") -> str:
    return str(GIVEN / folder / f"{name}.json")


def written(world: World, told: Any, name: str = "words.json") -> str:
    path = world.base / name
    path.write_text(told if isinstance(told, str) else json.dumps(told), "utf-8")
    return str(path)


def made_of(world: World, recording: str, *more: str, who: str = "sigrid") -> dict[str, Any]:
    (made,) = world.json("pseudonymise", *SAID, recording, *more, who=who)["results"]
    return dict(made)


def transcripts(world: World, ids: dict[str, str]) -> str:
    folder = world.base / "transcripts"
    folder.mkdir(exist_ok=True)
    for name, recording in ids.items():
        (folder / f"{recording}.json").write_bytes(Path(words(name)).read_bytes())
    return str(folder)


def labels(world: World, *stretches: tuple[float, float], name: str = "cuts.txt") -> str:
    """Audacity's labels, as somebody made them who wrote down what is there."""
    path = world.base / name
    path.write_text("".join(f"{start}\t{end}\tKari Eksempel\n" for start, end in stretches), "utf-8")
    return str(path)


def propose(world: World, recording: str, *more: str, who: str = "sigrid") -> dict[str, Any]:
    words = ("pseudonymise", *SAID, recording, "--cuts", labels(world, (0.1, 0.2), (0.3, 0.35)), *more)
    (made,) = world.json(*words, who=who)["results"]
    return dict(made)


def training(world: World, *words: str, who: str = "turid") -> Result:
    return world.run(*words, "--purpose", "training", "--reason", REASON, "--json", who=who)
