"""One second of sound out of a two-hour call: opening the file, the sound in it, and reading one place."""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from arlo_rec.law.model.records import Kind, RecordingId
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.object_file import DataKey, Header, open_sound
from bench.machine import most

RATE = 8000  # frames in a second of telephone sound
CHANNELS = 2
SECONDS = 2 * 3600
PLACES = 200
LIMIT_MS = 0.3
WAV_HEAD = 44  # bytes before the first frame of PCM, about as many of G.711
ENCODINGS = {"PCM16": 2, "u-law": 1}  # bytes per sample
SMALLEST = {"SECONDS": 9, "PLACES": 2}


def run() -> Iterator[str]:
    """Median and slowest of PLACES random seconds; the header is open already and the file in the page cache.

    The first of all counts too; it is the slowest, because the library warms up in it.
    """
    key = DataKey(primitives.fresh(), primitives.fresh())
    audience = object_file.AudienceSecret(primitives.fresh(16), primitives.fresh())
    header = object_file.make_header(key, Kind.ORIGINAL, RecordingId(bytes(16)), None, audience, bytes(32))
    yield f"{PLACES} random places in {SECONDS / 3600:g} hours of stereo at 8 kHz, each in a file opened anew"
    for name, width in ENCODINGS.items():
        second = RATE * CHANNELS * width
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            sound = (os.urandom(second) for _ in range(SECONDS))
            with path.open("wb") as file:
                file.writelines(object_file.seal_body(key, header, sound))
            times = [_one(path, key, header, second) for _ in range(PLACES)]
            size = path.stat().st_size
        yield (
            f"{name}, {size / 1e6:.0f} MB, {second} bytes a second: "
            f"median {statistics.median(times):.3f} ms, {most(statistics.median(times), LIMIT_MS, ' ms')}, "
            f"slowest {max(times):.3f} ms"
        )


def _one(path: Path, key: DataKey, header: Header, second: int) -> float:
    """Milliseconds from the closed file to a second of sound."""
    start = WAV_HEAD + random.randrange(SECONDS - 1) * second
    begun = time.perf_counter()
    with path.open("rb") as stream:
        heard = open_sound(key, header, stream).read(start, start + second)
    elapsed = time.perf_counter() - begun
    assert len(heard) == second
    return elapsed * 1000
