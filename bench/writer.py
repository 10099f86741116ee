"""One large file through the encrypting writer, against a plain copy and against age.

Each side reads the same file from the page cache, writes one that does not exist yet, and syncs it: the writer
and the copy with fsync(2), age (which does not sync) with sync(1) of its output. Two rows are ours: what makes an
object of a sound, and the same with the digest that intake keeps of every object.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import peers
from bench.machine import least

SIZE = 1 << 30
BLOCK = 96 * 1024
PAIRS = 7
NAME = "ab" * 16
SMALLEST = {"SIZE": 1 << 20, "PAIRS": 1}


def run() -> Iterator[str]:
    """Medians of PAIRS alternating rounds, with processor seconds a GiB."""
    peers.require("age")
    with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
        base = Path(folder)
        source = base / "source"
        with source.open("wb") as file:
            for _ in range(SIZE // (1 << 20)):
                file.write(os.urandom(1 << 20))
        ways = _ways(base, source)
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(PAIRS):
            names = list(ways)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:  # each is first in its turn
                rounds[name].append(_timed(ways[name]))
                (base / "out").unlink(missing_ok=True)
                shutil.rmtree(base / "objects", ignore_errors=True)
        yield f"{SIZE >> 20} MiB of random bytes, {PAIRS} alternating rounds; {peers.version('age')}"
        yield ""
        yield "| way | s | MiB/s | CPU s per GiB | speed against the copy | against age |"
        yield "|---|---|---|---|---|---|"
        yield from _table(rounds)


def _table(rounds: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    for name, times in rounds.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        copy, age = (_ratio(rounds[peer], times) for peer in ("copy", "age"))
        marks = ("", "")
        if name == "encrypting writer":
            marks = (f", {least(copy, 0.8)}", f", {least(age, 1.5)}")
        speed, effort = SIZE / wall / (1 << 20), cpu * (1 << 30) / SIZE
        ratios = f"{copy:.2f}{marks[0]} | {age:.2f}{marks[1]}"
        yield f"| {name} | {wall:.2f} | {speed:.0f} | {effort:.2f} | {ratios} |"


def _ratio(peer: list[tuple[float, float]], ours: list[tuple[float, float]]) -> float:
    """The median over rounds of how much faster ours was in the same round."""
    return statistics.median(theirs[0] / mine[0] for theirs, mine in zip(peer, ours, strict=True))


def _ways(base: Path, source: Path) -> dict[str, Callable[[], None]]:
    identity = base / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, stderr=subprocess.DEVNULL)
    words = ["age-keygen", "-y", str(identity)]
    recipient = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    out = base / "out"

    def age() -> None:
        subprocess.run(["age", "-r", recipient, "-o", str(out), str(source)], check=True)
        subprocess.run(["sync", str(out)], check=True)

    def copy() -> None:
        with source.open("rb", buffering=0) as reading, out.open("wb", buffering=0) as writing:
            while block := reading.read(BLOCK):
                writing.write(block)
            os.fsync(writing.fileno())

    return {
        "copy": copy,
        "encrypting writer": lambda: _write(base, source, hashing=False),
        "with the object's digest": lambda: _write(base, source, hashing=True),
        "age": age,
    }


def _write(base: Path, source: Path, *, hashing: bool) -> None:
    """What intake does with a sound: header, seal, write, settle."""
    from arlo_rec.law.model.records import Kind, RecordingId
    from arlo_rec.vault.backends.files import FileBlobs
    from arlo_rec.vault.crypto import object_file, primitives

    folder = base / "objects"
    folder.mkdir(exist_ok=True)
    blobs = FileBlobs(folder)
    key = object_file.DataKey(primitives.fresh(), primitives.fresh())
    audience = object_file.AudienceSecret(primitives.fresh(16), primitives.fresh())
    header = object_file.make_header(key, Kind.ORIGINAL, RecordingId(bytes.fromhex(NAME)), None, audience, bytes(32))
    with source.open("rb", buffering=0) as reading:
        pieces: Iterable[bytes] = object_file.seal_body(key, header, iter(lambda: reading.read(BLOCK), b""))
        blobs.put(NAME, _hashed(pieces) if hashing else pieces)
    blobs.settle([NAME])


def _hashed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    from arlo_rec.vault.crypto import primitives

    digest = primitives.hasher()
    for piece in pieces:
        digest.update(piece)
        yield piece


def _timed(way: Callable[[], None]) -> tuple[float, float]:
    """Wall and processor seconds, children's included."""
    os.sync()
    before, begun = os.times(), time.perf_counter()
    way()
    elapsed, after = time.perf_counter() - begun, os.times()
    return elapsed, sum(after[:4]) - sum(before[:4])
