"""Objects in an S3 service beside objects in the store's folder: the same calls, the same commands, in one run.

The service is SeaweedFS on this machine, with TLS, so it takes processor time from the program. The peer is the same
client without the program: puts of as many bytes, eight beside each other, as `settle` makes them. What is measured is
the wall time of whole commands, and of the first sound what a page reads of an object before it can play.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from arlo_rec.vault.backends import Blobs
from arlo_rec.vault.backends.files import FileBlobs
from arlo_rec.vault.crypto.object_file import HEADER_BYTES
from arlo_rec.vault.crypto.primitives import CHUNK
from bench.fill import Yard, make_yard
from bench.machine import NotRun, least, most, watch
from bench.spool import fill
from tests.support import seaweed
from tests.support.seaweed import Service

CALLS = 1500
SOUND_BYTES = 480_000  # half a minute of stereo G.711
LONG_BYTES = 57_600_000  # an hour of it
ROUNDS = 3
ASKED = 9  # first sounds
LEAST_OF_RAW = 0.5
FIRST_SOUND = 500.0  # milliseconds
LIMIT_MEMORY = 1.5  # times that of a verification of the folder
NAME = "ab" * 16
SMALLEST = {"CALLS": 8, "SOUND_BYTES": 40_000, "LONG_BYTES": 320_000, "ROUNDS": 1, "ASKED": 1}


@dataclass(frozen=True)
class Place(Yard):
    """A store whose objects lie in its folder, or in the service."""

    service: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """What the program is started with."""
        return {**super().environment, **self.service}


def run() -> Iterator[str]:
    """Medians of ROUNDS alternating intakes; then one store of each kind is read, verified, moved and purged."""
    if seaweed.program() is None:
        raise NotRun("SeaweedFS, which ./dev engines installs")
    with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
        base = Path(folder)
        (base / "service").mkdir()
        with seaweed.running(base / "service") as service:
            yield from _run(base, service)


def _run(base: Path, service: Service) -> Iterator[str]:
    spool = fill(base / "spool", CALLS, CALLS // 4, SOUND_BYTES)
    yield f"{CALLS} calls of {SOUND_BYTES} bytes; {ROUNDS} rounds, medians of wall time"
    raw, folder, bucket = list[float](), list[float](), list[float]()
    for turn in range(ROUNDS):
        raw.append(_raw(service, turn))
        folder.append(_taken_in(_place(base / f"folder-{turn}"), spool))
        bucket.append(_taken_in(_place(base / f"bucket-{turn}", service), spool))
    rates = [CALLS / statistics.median(times) for times in (raw, folder, bucket)]
    ratio = statistics.median(puts / ours for puts, ours in zip(raw, bucket, strict=True))
    yield ""
    yield "| intake | calls/s | of the raw puts |"
    yield "|---|---|---|"
    yield f"| puts of the same client alone | {rates[0]:.0f} |  |"
    yield f"| into the store's folder | {rates[1]:.0f} | {rates[1] / rates[0]:.2f} |"
    yield f"| into the service | {rates[2]:.0f} | {ratio:.2f}, {least(ratio, LEAST_OF_RAW)} |"
    yield ""
    here, there = Place(base / "folder-0", {}), Place(base / "bucket-0", service.environment)
    yield from _first_sounds(base / "first", service)
    sizes = [watch(each.words("kontroll", "verify", "--read-data"), each.environment) for each in (here, there)]
    seconds = [_timed(each, "kontroll", "verify", "--read-data") for each in (here, there)]
    memory = sizes[1].megabytes / sizes[0].megabytes
    yield f"verify --read-data: {seconds[0]:.1f} s in the folder, {seconds[1]:.1f} s in the service"
    told = f"{sizes[1].megabytes:.0f} MB in the service, {memory:.2f} times that in the folder"
    yield f"the most memory of a process there: {told}, {most(memory, LIMIT_MEMORY)}"
    out, back = (_timed(there, "sigrid", "objects", "move", "--to", to) for to in ("files", "s3://bench/back"))
    rates = [CALLS / seconds for seconds in (out, back)]
    yield f"objects move of {CALLS}: {rates[0]:.0f}/s to the folder, {rates[1]:.0f}/s to the service"


def _place(base: Path, service: Service | None = None) -> Place:
    """A new store; of the service its objects lie there from the first one on."""
    place = Place(base, service.environment if service is not None else {})
    base.mkdir()
    make_yard(base)
    if service is not None:
        place.run("sigrid", "objects", "move", "--to", f"s3://bench/{base.name}")
    return place


def _timed(place: Place, who: str, *words: str) -> float:
    begun = time.perf_counter()
    place.run(who, *words)
    return time.perf_counter() - begun


def _taken_in(place: Place, spool: Path) -> float:
    os.sync()
    return _timed(place, "telefon", "ingest", str(spool), "--keep-source")


def _raw(service: Service, turn: int) -> float:
    """Seconds of the same puts by the client alone; what is put differs, since a service may know equal bytes."""
    blobs, content = service.blobs("bench", f"raw-{turn}"), os.urandom(SOUND_BYTES)
    names = [f"{number % 256:02x}{number:030x}" for number in range(CALLS)]
    bodies = {name: name.encode() + content[32:] for name in names}
    begun = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: blobs._create(name, bodies[name]), names))
    return time.perf_counter() - begun


def _first_sounds(folder: Path, service: Service) -> Iterator[str]:
    folder.mkdir()
    for what, length in (("half a minute", SOUND_BYTES), ("an hour", LONG_BYTES)):
        content, found = os.urandom(length), list[float]()
        for made in (lambda: FileBlobs(folder), lambda: service.blobs("bench", "first")):
            blobs: Blobs = made()
            blobs.put(NAME, [content])
            blobs.settle([NAME])
            found.append(statistics.median(_first_sound(made()) for _ in range(ASKED)))
            blobs.delete(NAME)
        limit = most(found[1], FIRST_SOUND, " ms")
        yield f"first sound of {what}: {found[0]:.1f} ms in the folder, {found[1]:.0f} ms in the service, {limit}"


def _first_sound(blobs: Blobs) -> float:
    """Milliseconds of what a page reads before it can play: the head, the last chunk, the first chunks."""
    begun = time.perf_counter()
    with blobs.open(NAME) as stream:
        stream.read(HEADER_BYTES)
        stream.seek(-CHUNK, os.SEEK_END)
        stream.read(CHUNK)
        stream.seek(HEADER_BYTES)
        stream.read(2 * CHUNK)
    return 1000 * (time.perf_counter() - begun)
