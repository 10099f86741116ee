"""Recognised sound: how much of what identifies is cut where engines heard it, one or several, and what that takes.

Fourteen English calls of `tests/calls/spoken`, written by a hand that saw nothing of the project, spoken by flite and
espeak-ng at 8 kHz, heard by the engines here with the two known names. *Whole* and *over-cut* are those of
tests/calls/figures.md. The callers have rare and foreign names. The calls are dense: one word in five identifies. The
time is that of two passes, on two processors.
"""

from __future__ import annotations

import importlib.util
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import NotRun

if TYPE_CHECKING:
    from arlo_rec.calls.training.evaluation import LabelledCall
    from arlo_rec.policy import Mode
    from arlo_rec.sound.speech import Transcript

TOP = Path(__file__).resolve().parent.parent
CALLS = TOP / "tests" / "calls" / "spoken" / "en.txt"
MODELS = TOP / ".models"  # `./dev model base` fills one
ENGINES = ("base", "tiny.en")
TOGETHER = ((0,), (1,), (0, 1))  # engines by their place
MOST = 14  # calls
TIMED = 3  # of which the time is taken
CONDITIONS = ((25, False), (10, False), (25, True), (10, True))  # decibels of speech over noise; both on one channel
SMALLEST = {"MOST": 1, "TIMED": 1, "CONDITIONS": ((25, False),)}


def run() -> Iterator[str]:
    """Each condition, by each set of engines."""
    if importlib.util.find_spec("faster_whisper") is None or not all((MODELS / name).is_dir() for name in ENGINES):
        raise NotRun("needs faster-whisper and its models (./dev model base; ./dev model tiny.en)")
    if not all(map(shutil.which, ("flite", "espeak-ng"))):
        raise NotRun("needs flite and espeak-ng (apt-get install flite espeak-ng)")
    yield "| engines | channels | noise | mode | identifiers | whole | mean cover | over-cut |"
    yield "|---|---|---|---|---|---|---|---|"
    for decibels, mono in CONDITIONS:
        yield from _condition(decibels, mono=mono)
    yield ""
    yield from _times()


def _condition(decibels: int, *, mono: bool) -> Iterator[str]:
    from arlo_rec.policy import Mode

    calls = _spoken(decibels, mono=mono)
    heard, _ = _hear((0, 1), calls)
    for places, mode in product(TOGETHER, (Mode.DETECT, Mode.STRICT)):
        some = [
            replace(call, transcripts=tuple(each for each in own if each.engine in places))
            for call, own in zip(calls, heard, strict=True)
        ]
        yield _row(places, decibels, some, mode, mono=mono)


def _times() -> Iterator[str]:
    """How long each set of engines takes, and the memory of the largest engine so far."""
    calls = _spoken(25, mono=False)[:TIMED]
    for places in TOGETHER:
        _, share = _hear(places, calls)
        yield f"Heard by {_named(places)}: {share:.2f} of a call's time."
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield f"Peak of the largest engine: {peak:.0f} MB."


def _spoken(decibels: int, *, mono: bool) -> list[LabelledCall]:
    from arlo_rec.calls.training import evaluation
    from tools.speak_calls import speak

    with tempfile.TemporaryDirectory() as folder:
        speak(CALLS, Path(folder), decibels, mono=mono)
        return list(islice(evaluation.labelled_calls(Path(folder)), MOST))


def _hear(places: Sequence[int], calls: Sequence[LabelledCall]) -> tuple[list[list[Transcript]], float]:
    """What these engines hear beside each other, and how long they take, of the calls' time."""
    from arlo_rec.words.engine import transcribe, whisper

    threads = 2 // len(places)
    with ExitStack() as stack:
        engines = [stack.enter_context(whisper(MODELS / ENGINES[place], threads, "en")) for place in places]
        began = time.perf_counter()
        heard = [transcribe(engines, call.sound, "en", call.names) for call in calls]
        took = time.perf_counter() - began
    return heard, took / sum(call.sound.duration for call in calls)


def _named(places: Sequence[int]) -> str:
    return " and ".join(ENGINES[place] for place in places)


def _row(places: Sequence[int], decibels: int, calls: Sequence[LabelledCall], mode: Mode, *, mono: bool) -> str:
    from arlo_rec.calls.training import evaluation
    from arlo_rec.calls.training.cut_plan import CopyOrder

    scores = [evaluation.evaluate(call, CopyOrder(mode)) for call in calls]
    figures = evaluation.figures([cover for score in scores for cover in score.covers])
    (low, high), (least, most) = figures.cover_within, figures.mean_within
    over = sum(score.over_cut for score in scores) / len(scores)
    share = f"{figures.cover:.3f} ({low:.2f} to {high:.2f}) | {figures.mean_cover:.3f} ({least:.2f} to {most:.2f})"
    where = f"{'one' if mono else 'two'} | {decibels} dB | {mode}"
    return f"| {_named(places)} | {where} | {figures.count} | {share} | {over:.3f} |"
