"""Hearing by a Dask cluster: what a second worker gains, and what a job costs beside its recognition.

A scheduler and one or two workers on this machine, one processor each, hear the same calls as one engine of this
machine does. A call is four minutes of speech in two channels. A job without recognition is one with a list of cuts.
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import NotRun, least, most

if TYPE_CHECKING:
    from arlo_rec.calls.training.cut_plan import CallSound
    from arlo_rec.calls.training.planners import Planners

TOP = Path(__file__).resolve().parent.parent
MODEL = TOP / ".models" / "tiny.en"  # `./dev model tiny.en`; a larger one makes every share smaller
SAID = TOP / "tests" / "calls" / "given" / "call000.wav"
MINUTES, CALLS = 4, 4
SMALLEST = {"MINUTES": 1, "CALLS": 2}
CONFIG = 'asr.language = "en"\nasr.threads = 1\n'


def run() -> Iterator[str]:
    """The time of four calls, by each way, and that of jobs without recognition."""
    if any(importlib.util.find_spec(name) is None for name in ("distributed", "faster_whisper")) or not MODEL.is_dir():
        raise NotRun("needs Dask, faster-whisper and a model (./dev model tiny.en)")
    from arlo_rec.calls.training.planners import local
    from arlo_rec.words.engine import whisper

    call = _call()
    with whisper(MODEL, 1, "en") as engine, local([[engine]]) as planners:
        alone = _hear(planners, [call])
    with _cluster(1) as planners:
        one = _hear(planners, [call] * CALLS)
        overhead = min(_pass_through(planners, call) for _ in range(5))
        single = _hear(planners, [call])
    with _cluster(2) as planners:
        two = _hear(planners, [call] * CALLS)
    yield f"- {CALLS} calls of {MINUTES} minutes: one worker {one:.1f} s, two {two:.1f} s"
    yield f"- speed-up of the second worker: {one / two:.2f}, {least(one / two, 1.7)}"
    yield f"- one call: this machine's own engine {alone:.1f} s, a worker {single:.1f} s, which loads its model for it"
    share = 100 * overhead / alone
    yield f"- a job without recognition, sound there and plan back: {1000 * overhead:.0f} ms"
    yield f"- that is {share:.1f} % of the recognition, {most(share, 3)}"


def _call() -> CallSound:
    """A call of so many minutes, from one of the test's calls said again and again."""
    from arlo_rec.calls.training.cut_plan import CallSound
    from arlo_rec.sound.audio import Sound, read_wav

    raw = SAID.read_bytes()
    sound = read_wav(io.BytesIO(raw), len(raw))
    data = sound.data * (1 + int(60 * MINUTES / sound.duration))
    length = 60 * MINUTES * sound.rate * sound.frame_bytes
    return CallSound(Sound(sound.encoding, sound.rate, sound.channels, data[:length]), ("Kari Eksempel",))


def _hear(planners: Planners, calls: Sequence[CallSound]) -> float:
    """Seconds in which calls are planned."""
    from arlo_rec.calls.training.cut_plan import CopyOrder
    from arlo_rec.policy import Mode

    began = time.perf_counter()
    for plan in [planners.submit(call, CopyOrder(Mode.DETECT)) for call in calls]:
        plan.result()
    return time.perf_counter() - began


def _pass_through(planners: Planners, call: CallSound) -> float:
    """Seconds of a job that only passes through."""
    from arlo_rec.calls.training.cut_plan import CopyOrder
    from arlo_rec.policy import Mode
    from arlo_rec.sound.audio.cut_list import Cut

    began = time.perf_counter()
    planners.submit(call, CopyOrder(Mode.MANUAL, cuts=(Cut(1.0, 2.0),))).result()
    return time.perf_counter() - began


@contextmanager
def _cluster(workers: int) -> Iterator[Planners]:
    """Planners on a cluster of so many workers."""
    from arlo_rec.engines.dask.planners import TlsFiles
    from arlo_rec.engines.dask.planners import cluster as connected
    from tests.support.cluster import cluster

    with tempfile.TemporaryDirectory() as name, cluster(Path(name)) as started:
        for _ in range(workers):
            started.start_worker("--model", str(MODEL), config=CONFIG)
        certificates = started.authority.folder
        files = TlsFiles(started.authority.ca, certificates / "client.pem", certificates / "client.key")
        with connected(started.address, files) as planners:
            planners.start()
            while planners.workers != workers:
                time.sleep(0.1)
            yield planners
