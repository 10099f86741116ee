"""Intake of a folder of calls, against restic and borg backing up the very same folder.

The peers do less for a call (no consent, no caller's tag, no log entry, no key per recording) and more for a
folder (they look for duplicate chunks). Each run begins with a fresh store and repository and with the folder
in the page cache; what is measured is the wall time of the whole command. Nothing is deleted before the end: for
five minutes ext4 looks around every inode that was deleted, so a new file costs 0.7 ms instead of 0.05. The page
cache is emptied before each run (by root alone; else of what earlier rounds wrote), and the folder read into it again.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import peers
from bench.machine import least, most, watch
from bench.spool import fill
from bench.startup import PROGRAM, make_store

CALLS = 2000
CALLERS = 400
SOUND_BYTES = 480_000  # half a minute of stereo G.711
ROUNDS = 3
LEAST_PER_SECOND = 60
FEWER = 8
LIMIT_MEMORY = 1.2  # times that of an eighth of the calls
DROP = Path("/proc/sys/vm/drop_caches")
SMALLEST = {"CALLS": 8, "CALLERS": 4, "SOUND_BYTES": 8_000, "ROUNDS": 1, "FEWER": 4, "DROP": Path("/dev/full/none")}
Prepared = Callable[[], tuple[list[str], dict[str, str]]]  # makes a command ready; its words and environment


def run() -> Iterator[str]:
    """Medians of ROUNDS alternating runs, the calls a second where every caller is another, and memory."""
    peers.require("restic", "borg")
    with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
        base = Path(folder)
        written = base / "written"
        written.mkdir()
        spool = fill(base / "spool", CALLS, CALLERS, SOUND_BYTES)
        yield f"{CALLS} calls of {SOUND_BYTES} bytes from {CALLERS} callers; {ROUNDS} rounds, medians of wall time"
        yield f"{peers.version('restic')}; {peers.version('borg')}"
        yield ""
        yield "| program | s | calls/s | CPU s | peer's time / ours | limit |"
        yield "|---|---|---|---|---|---|"
        yield from _against_peers(written, spool)
        others = fill(base / "others", CALLS, CALLS, SOUND_BYTES)
        seconds, _ = timed(lambda: _ingest(written, others), written, others)
        rate = CALLS / seconds
        yield f"every caller another: {rate:.0f} calls/s, {least(rate, LEAST_PER_SECOND)}"
        few = fill(base / "few", CALLS // FEWER, CALLERS // FEWER, SOUND_BYTES)
        small, large = (watch(*_ingest(written, one)).megabytes for one in (few, spool))
        grown = f"{large / small:.2f} times that of {CALLS // FEWER}, {most(large / small, LIMIT_MEMORY)}"
        yield f"the most memory of a process: {large:.0f} MB, {grown}"


def _against_peers(base: Path, spool: Path) -> Iterator[str]:
    ways: dict[str, Prepared] = {
        "arlo-rec ingest": lambda: _ingest(base, spool),
        "restic backup": lambda: restic(base, spool),
        "borg create": lambda: _borg(base, spool),
    }
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            rounds[name].append(timed(way, base, spool))
    medians = {
        name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in rounds.items()
    }
    ours = medians["arlo-rec ingest"][0]
    for name, (wall, cpu) in medians.items():
        ratio = wall / ours
        limit = "" if name == "arlo-rec ingest" else least(ratio, 1.0)
        yield f"| {name} | {wall:.2f} | {CALLS / wall:.0f} | {cpu:.2f} | {ratio:.2f} | {limit} |"


def timed(prepare: Prepared, written: Path, spool: Path) -> tuple[float, float]:
    """Wall and processor seconds of the command that *prepare* made ready; the disk is quiet before it starts.

    What earlier ones wrote lies below *written*.
    """
    words, environment = prepare()
    os.sync()
    _leave_cache(written)
    _warm(spool)
    before, begun = os.times(), time.perf_counter()
    subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    elapsed, after = time.perf_counter() - begun, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return elapsed, cpu


def _leave_cache(folder: Path) -> None:
    """Have the kernel keep nothing that lies on the disk: all where we may say so, else what is below *folder*."""
    if os.access(DROP, os.W_OK):
        DROP.write_text("3")
        return
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def _warm(folder: Path) -> None:
    """Read a folder, so that it lies in the page cache."""
    for path in folder.iterdir():
        path.read_bytes()


def _ingest(base: Path, spool: Path) -> tuple[list[str], dict[str, str]]:
    home = _new(base, "ours")
    environment, _ = make_store(home)
    key = str(home / "telefon.key")
    return [PROGRAM, "ingest", str(spool), "--keep-source", "--key-file", key], environment


def restic(base: Path, spool: Path) -> tuple[list[str], dict[str, str]]:
    """A backup of the folder into a fresh repository."""
    repository = _new(base, "restic")
    environment = {**os.environ, "RESTIC_PASSWORD": "riktig hest", "RESTIC_REPOSITORY": str(repository)}
    environment["XDG_CACHE_HOME"] = str(base / "cache")
    subprocess.run(["restic", "init", "--quiet"], check=True, env=environment, stdout=subprocess.DEVNULL)
    return ["restic", "backup", "--quiet", str(spool)], environment


def _borg(base: Path, spool: Path) -> tuple[list[str], dict[str, str]]:
    repository = _new(base, "borg")
    environment = {**os.environ, "BORG_PASSPHRASE": "riktig hest", "BORG_BASE_DIR": str(base / "borg-home")}
    make = ["borg", "init", "--encryption", "repokey-blake2", str(repository)]
    subprocess.run(make, check=True, env=environment, stderr=subprocess.DEVNULL)
    return ["borg", "create", f"{repository}::one", str(spool)], environment


def _new(base: Path, name: str) -> Path:
    """An empty folder of its own for one round."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
