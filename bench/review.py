"""How long a person reviews a call: on the page, and by commands, as minutes of a person per minute of call.

Nobody is timed: what has to be heard follows from the plan of each made call (tests/calls/given, by its transcript),
and the person's share is counted by the keystroke-level model (Card, Moran and Newell, Communications of the ACM 23(7),
1980): a key 0.28 s, a decision 1.35 s, a command typed from the history. A command's start is measured. *Asked for* is
what a confirmation takes, and the copy heard through: on the page at double speed, by commands in a player without
it. *Each cut* hears every cut in the original besides, with 1.5 s around it.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import startup

CALLS = Path(__file__).resolve().parent.parent / "tests" / "calls" / "given"
KEY, DECISION = 0.28, 1.35  # seconds: a key of an average typist, and what goes before a decision
FROM_HISTORY = 8  # keys: a command of before, with another number in it
TYPED = 30  # keys: a short command that is typed anew, by completion
CONTEXT = 1.5  # seconds around what is heard


class Work(NamedTuple):
    """What a plan gives a reviewer to do, in seconds of sound."""

    call: float
    cuts: tuple[float, ...]
    unsure: tuple[float, ...]

    def page(self, *, each: bool) -> float:
        """Seconds of a person on the page: a key to hear something, a decision and a key, the copy at double speed."""
        heard = self._heard(each=each)
        keys = 2 * len(heard) + 4
        return sum(heard) + self.call / 2 + KEY * keys + DECISION * (len(heard) + 1)

    def commands(self, start: float, *, each: bool) -> float:
        """Seconds by commands: a file for each cut, one for what was heard badly, one of the copy; then they go."""
        files = (len(self.cuts) if each else 0) + bool(self.unsure) + 1
        typed = files * 2 * FROM_HISTORY + 4 * TYPED  # write and play each; accept, confirm, delete, look
        heard = self._heard(each=each)
        waits = (files + 3) * start
        return sum(heard) + self.call + KEY * typed + waits + DECISION * (len(heard) + 1)

    def _heard(self, *, each: bool) -> list[float]:
        """The lengths of what is heard, with what is around."""
        return [length + 2 * CONTEXT for length in (*(self.cuts if each else ()), *self.unsure)]


def run() -> Iterator[str]:
    """Both ways for each call, and of all together."""
    start = _start()
    yield f"A command takes {start:.2f} s here."
    yield ""
    shares = "page, asked for | commands, asked for | page, each cut | commands, each cut"
    yield f"| call | min | cuts | heard badly | {shares} |"
    yield "|---|---|---|---|---|---|---|---|"
    works = {path.stem: _work(path) for path in sorted(CALLS.glob("call*.wav"))}
    for name, work in works.items():
        yield _row(name, [work], start)
    yield _row("all", list(works.values()), start)


def _row(name: str, works: list[Work], start: float) -> str:
    call = sum(work.call for work in works)
    cuts, unsure = sum(len(work.cuts) for work in works), sum(len(work.unsure) for work in works)
    seconds = [
        sum(seconds)
        for each in (False, True)
        for seconds in (
            [work.page(each=each) for work in works],
            [work.commands(start, each=each) for work in works],
        )
    ]
    shares = " | ".join(f"{one / call:.2f}" for one in seconds)
    return f"| {name} | {call / 60:.1f} | {cuts} | {unsure} | {shares} |"


def _work(path: Path) -> Work:
    from arlo_rec import audio
    from arlo_rec.speech import planner, transcript_reading

    raw = path.read_bytes()
    sound = audio.read_wav(io.BytesIO(raw), len(raw))
    names = list(json.loads(path.with_suffix(".json").read_text("utf-8"))["known"].values())
    words = transcript_reading.read((CALLS / "words-base" / f"{path.stem}.json").read_bytes())
    plan = planner.plan(sound, [words], names, strict=False)
    unsure = tuple(end - start for start, end, _ in plan.unsure)
    return Work(sound.duration, tuple(cut.end - cut.start for cut in plan.cuts), unsure)


def _start() -> float:
    """Seconds of a command that opens a store, the best of five."""
    with tempfile.TemporaryDirectory() as folder:
        environment, key = startup.make_store(Path(folder))
        words = [startup.PROGRAM, "status", "--key-file", key]
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run(words, env=environment, capture_output=True, check=False)
            times.append(time.perf_counter() - began)
    return min(times)
