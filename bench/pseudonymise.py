"""Training copies: an hour of stereo telephone sound planned, cut and proved, everything but the recognition."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from bench.machine import least, most

CALLS = Path(__file__).resolve().parent.parent / "tests" / "calls" / "given"
STEREO = ("call000", "call002", "call003", "call004", "call005", "call006")
SECONDS = 3600
FASTEST_WANTED = 500  # times real time on one core
MOST_MB = 200
SMALLEST = {"SECONDS": 60, "STEREO": ("call000",)}


def run() -> Iterator[str]:
    """Each mode in a process of its own, so that its peak of memory is its own; sndfile's copy is the peer."""
    yield f"An hour made of {len(STEREO)} calls, two transcripts."
    yield ""
    yield "| what | processor, s | times real time | of libsndfile's copy | peak, MB |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        _make_hour(Path(folder))
        peer = _measured("copy", folder)
        for name, label in (("copy", "libsndfile reads and writes it"), ("detect", "detect"), ("strict", "strict")):
            measured = peer if name == "copy" else _measured(name, folder)
            seconds, peak = measured["seconds"], measured["peak_mb"]
            real_time, ours = SECONDS / seconds, name != "copy"
            fast, small = (f", {least(real_time, FASTEST_WANTED)}", f", {most(peak, MOST_MB)}") if ours else ("", "")
            times = f"{real_time:.0f}{fast} | {seconds / peer['seconds']:.1f}"
            yield f"| {label} | {seconds:.1f} | {times} | {peak:.0f}{small} |"


def _measured(what: str, folder: str) -> dict[str, float]:
    one_core = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # its idle threads would count as work
    words = [sys.executable, "-m", "bench.pseudonymise", what, folder]
    done = subprocess.run(words, check=True, capture_output=True, env=one_core)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _make_hour(folder: Path) -> None:
    """An hour of calls one after the other, as a sound and two transcripts, and the names that are known."""
    from arlo_rec.sound import audio
    from arlo_rec.sound.audio import Sound
    from arlo_rec.words import transcript_reading

    data, names, passes, at = [], set(), {"words-base": [], "words-base-hints": []}, 0.0
    while at < SECONDS:
        for name in STEREO:
            raw = (CALLS / f"{name}.wav").read_bytes()
            sound = audio.read_wav(io.BytesIO(raw), len(raw))
            names |= set(json.loads((CALLS / f"{name}.json").read_text("utf-8"))["known"].values())
            for kind, lines in passes.items():
                for word in transcript_reading.read((CALLS / kind / f"{name}.json").read_bytes()).words:
                    if word.end + at < SECONDS:
                        lines.append({**asdict(word), "start": word.start + at, "end": word.end + at})
            data.append(sound.data)
            at += sound.duration
    whole = Sound(sound.encoding, sound.rate, 2, b"".join(data)[: SECONDS * sound.rate * 2])
    (folder / "hour.wav").write_bytes(audio.canonical_wav(whole))
    (folder / "names.json").write_text(json.dumps(sorted(names)), "utf-8")
    for kind, lines in passes.items():
        (folder / f"{kind}.json").write_text(json.dumps({"words": lines}), "utf-8")


def _hour(folder: Path) -> tuple[object, list[object], list[str]]:
    """The sound, two transcripts, and the names that are known."""
    from arlo_rec.sound import audio
    from arlo_rec.words import transcript_reading

    path = folder / "hour.wav"
    with path.open("rb") as stream:
        sound = audio.read_wav(stream, path.stat().st_size)
    words = [transcript_reading.read(path.read_bytes()) for path in sorted(folder.glob("words*.json"))]
    return sound, words, json.loads((folder / "names.json").read_text("utf-8"))


def _planned(sound: object, words: list[object], names: list[str], mode: str) -> None:
    from arlo_rec.calls.training import build
    from arlo_rec.sound import audio
    from arlo_rec.sound.audio import Fill
    from arlo_rec.words import planner

    plan = planner.plan(sound, words, names, strict=mode == "strict")
    cut = audio.cut(sound, build.stretches(plan.cuts), Fill.SILENCE, bytes(32))
    build.prove(sound, cut, plan.cuts, Fill.SILENCE, bytes(32))


def _short(sound: object, words: list[object]) -> tuple[object, list[object]]:
    """The first of the calls alone."""
    frames = 75 * sound.rate
    first = replace(sound, data=sound.data[: frames * sound.frame_bytes])
    return first, [replace(each, words=tuple(word for word in each.words if word.end < 75)) for each in words]


def _copied(sound: object) -> None:
    import soundfile

    from arlo_rec.sound import audio

    out = io.BytesIO()
    samples, rate = soundfile.read(io.BytesIO(audio.canonical_wav(sound)), dtype="int16")
    soundfile.write(out, samples, rate, format="WAV", subtype="ULAW")


def main() -> None:
    """One measurement in this process, as JSON."""
    what, folder = sys.argv[1:]
    sound, words, names = _hour(Path(folder))
    _planned(*_short(sound, words), names, "detect")  # what is loaded once is not counted as the work of an hour
    Path("/proc/self/clear_refs").write_text("5")  # nor is the peak of making that hour
    begun = time.process_time()
    if what == "copy":
        _copied(sound)
    else:
        _planned(sound, words, names, what)
    seconds = time.process_time() - begun
    peak = next(
        int(line.split()[1]) for line in Path("/proc/self/status").read_text("ascii").splitlines() if "VmHWM" in line
    )
    print(json.dumps({"seconds": seconds, "peak_mb": peak / 1024}))


if __name__ == "__main__":
    main()
