"""How long a person reviews a call: on the page, and by commands, as seconds of a person per minute of call.

Nobody is timed: what has to be heard follows from the plan of each made call (tests/calls/given, by the words that its
engine heard in two passes). The person's share is counted by the keystroke-level model (Card, Moran and Newell,
Communications of the ACM 23(7), 1980): a key 0.28 s, a decision 1.35 s, a command typed from the history; and the words
that stay are read, 238 a minute (Brysbaert, Journal of Memory and Language 109, 2019). A command's start is measured.
*By kind* decides the cuts of each kind at once, by their words, and hears the unclear places;
`test_a_review_takes_the_keys_that_are_counted` presses these keys on the page. *Each cut* hears every cut in the
original besides, with 1.5 s around it.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import startup
from bench.machine import most

CALLS = Path(__file__).resolve().parent.parent / "tests" / "calls" / "given"
KEY, DECISION = 0.28, 1.35  # seconds: a key of an average typist, and what goes before a decision
READ = 238 / 60  # words a second
FROM_HISTORY = 8  # keys: a command of before, with another number in it
TYPED = 30  # keys: a short command that is typed anew, by completion
CONTEXT, BRIEFLY = 1.5, 0.5  # seconds around a cut that is heard, and around an unclear place
TARGET = 45.0  # seconds a minute
FILES = "call*.wav"
SMALLEST = {"FILES": "call000.wav"}


class Work(NamedTuple):
    """What a plan gives a reviewer to do, in seconds of sound."""

    call: float
    cuts: tuple[float, ...]
    kinds: int
    unclear: tuple[float, ...]  # with neighbours that are heard together
    staying: int  # words

    def page(self, *, each: bool) -> float:
        """Seconds of a person on the page: a key and a decision for each kind and each place, four keys to confirm."""
        heard = self._heard(each=each)
        decided = len(heard) + (0 if each else self.kinds)
        return sum(heard) + self.staying / READ + KEY * (decided + 4) + DECISION * (decided + 1)

    def commands(self, start: float, *, each: bool) -> float:
        """Seconds by commands: a file for each cut, one for what was heard badly; then they go."""
        files = (len(self.cuts) if each else 0) + bool(self.unclear)
        typed = files * 2 * FROM_HISTORY + 4 * TYPED  # write and play each; accept, confirm, delete, look
        heard = self._heard(each=each)
        decided = len(heard) + (0 if each else self.kinds)
        return sum(heard) + self.staying / READ + KEY * typed + (files + 3) * start + DECISION * (decided + 1)

    def _heard(self, *, each: bool) -> list[float]:
        """The lengths of what is heard, with what is around."""
        cuts = [length + 2 * CONTEXT for length in self.cuts] if each else []
        return [*cuts, *(length + 2 * BRIEFLY for length in self.unclear)]


def run() -> Iterator[str]:
    """Both ways for each call, and of all together."""
    start = _start()
    yield f"A command takes {start:.2f} s here."
    yield ""
    shares = "page, by kind | commands, by kind | page, each cut | commands, each cut"
    yield f"| call | min | cuts | kinds | unclear | {shares} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    works = {path.stem: _work(path) for path in sorted(CALLS.glob(FILES))}
    for name, work in works.items():
        yield _row(name, [work], start)
    yield _row("all", list(works.values()), start)
    page = 60 * sum(work.page(each=False) for work in works.values()) / sum(work.call for work in works.values())
    yield ""
    yield f"By kind on the page: {page:.0f} s a minute, {most(page, TARGET)}"


def _row(name: str, works: list[Work], start: float) -> str:
    call = sum(work.call for work in works)
    counts = [sum(count) for count in zip(*((len(w.cuts), w.kinds, len(w.unclear)) for w in works), strict=True)]
    seconds = [
        sum(seconds)
        for each in (False, True)
        for seconds in (
            [work.page(each=each) for work in works],
            [work.commands(start, each=each) for work in works],
        )
    ]
    shares = " | ".join(f"{60 * one / call:.0f}" for one in seconds)
    return f"| {name} | {call / 60:.1f} | {' | '.join(map(str, counts))} | {shares} |"


def _work(path: Path) -> Work:
    from arlo_rec.sound import audio
    from arlo_rec.words import planner, transcript_reading

    raw = path.read_bytes()
    sound = audio.read_wav(io.BytesIO(raw), len(raw))
    names = list(json.loads(path.with_suffix(".json").read_text("utf-8"))["known"].values())
    passes = [
        transcript_reading.read((CALLS / folder / f"{path.stem}.json").read_bytes())
        for folder in ("words-base", "words-base-hints")
    ]
    plan = planner.plan(sound, passes, names, strict=False)
    looks = [(cut.start, cut.end) for cut in plan.cuts if not cut.is_cut]
    cuts = [cut for cut in plan.cuts if cut.is_cut]
    unclear = tuple(end - start for start, end in [*looks, *together((start, end) for start, end, _ in plan.unsure)])
    staying = [
        word for word in plan.words[0] if not any(cut.start <= word.start and word.end <= cut.end for cut in cuts)
    ]
    lengths = tuple(cut.end - cut.start for cut in cuts)
    return Work(sound.duration, lengths, len({cut.types for cut in cuts}), unclear, len(staying))


def together(places: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield places, each with the neighbours that are heard with it."""
    last: tuple[float, float] | None = None
    for start, end in sorted(places):
        if last is not None and start - last[1] < 2 * BRIEFLY:
            last = last[0], max(last[1], end)
            continue
        if last is not None:
            yield last
        last = start, end
    if last is not None:
        yield last


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
