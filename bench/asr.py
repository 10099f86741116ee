"""Speech engine: time and memory of hearing the made calls, and how much of what was said it hears."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import resource
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from bench.machine import NotRun, most

CALLS = Path(__file__).resolve().parent.parent / "tests" / "calls" / "given"
TARGET = 0.2  # seconds for each second of a call of two channels, one pass
FILES = "call*.wav"
MODELS = Path(__file__).resolve().parent.parent / ".models"  # `./dev model base` fills one
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh", "o")
_DIGITS = dict(zip(_SPOKEN, "012345678900", strict=True))
SMALLEST = {"FILES": "call000.wav"}


def run() -> Iterator[str]:
    """For each model: a pass without hints, and one with the names that the company has."""
    folders = [folder for folder in MODELS.glob("*") if (folder / "model.bin").is_file()]
    folders.sort(key=lambda folder: (folder / "model.bin").stat().st_size)  # the peak is that of the largest so far
    if not folders or importlib.util.find_spec("faster_whisper") is None:
        raise NotRun("needs faster-whisper and a model (./dev model base)")
    calls = [_call(path) for path in sorted(CALLS.glob(FILES))]
    seconds, channels = sum(call[1] for call in calls), sum(call[1] * len(call[0]) for call in calls)
    yield f"{len(calls)} calls, {seconds:.0f} s, {channels:.0f} s of channels; two threads."
    yield ""
    yield "| model | pass | time / call's | / channel's | processor / call's | heard of what was said | not said | MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for folder in folders:
        for hints in (False, True):
            wall, processor, heard, said, extra = _pass(folder, calls, hints=hints)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            name = "with names" if hints else "plain"
            of_call = f"{wall / seconds:.3f}, {most(wall / seconds, TARGET)}"
            times = f"{of_call} | {wall / channels:.3f} | {processor / seconds:.3f}"
            yield f"| {folder.name} | {name} | {times} | {heard / said:.3f} | {extra / said:.3f} | {peak:.0f} |"


def _call(path: Path) -> tuple[list[bytes], float, dict[str, Any]]:
    """Each channel as the engine takes it, seconds, and the truth."""
    import numpy

    from arlo_rec.sound.audio import as_pcm16, read_wav
    from arlo_rec.words.engine import resample

    body = path.read_bytes()
    sound = as_pcm16(read_wav(io.BytesIO(body), len(body)))
    samples = numpy.frombuffer(sound.data, "<i2").reshape(-1, sound.channels)
    channels = [resample(samples[:, channel].tobytes(), sound.rate) for channel in range(sound.channels)]
    return channels, sound.duration, json.loads(path.with_suffix(".json").read_bytes())


def _pass(folder: Path, calls: Sequence[Any], *, hints: bool) -> tuple[float, float, int, int, int]:
    """Seconds of hearing, processor seconds with loading; words heard, words said, words heard that were not said."""
    from arlo_rec.words.engine import whisper

    heard = said = extra = 0
    wall, before = 0.0, _processor()
    with whisper(folder, threads=2, language="en") as engine:
        for channels, _, truth in calls:
            for at, samples in enumerate(channels):
                names = list(truth["known"].values()) if hints else []
                start = time.perf_counter()
                words = engine.hear(samples, None, names)
                wall += time.perf_counter() - start
                wanted = _plain(turn["text"] for turn in truth["ref"] if len(channels) == 1 or turn["ch"] == at)
                ours = _plain(word.text for word in words)
                blocks = SequenceMatcher(None, wanted, ours, autojunk=False).get_matching_blocks()
                same = sum(block.size for block in blocks)
                heard, said, extra = heard + same, said + len(wanted), extra + len(ours) - same
    return wall, _processor() - before, heard, said, extra


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _plain(texts: Iterator[str]) -> list[str]:
    """Words in lower case, numbers digit by digit, since one writes "460" and the other "four six oh"."""
    words = []
    for word in re.findall(r"[a-z']+|[0-9]", " ".join(texts).lower()):
        words.append(_DIGITS.get(word, word))
    return words
