"""Declined calls in the spool: the run that counts them, the runs after it, and a day of a busy exchange by the minute.

A caller who presses 2 leaves a record without a sound. A record with a file of its own is gone in the run that counts
it. A line of a file that stays, because another line of it does, is passed over from then on: that is what is read
again each minute, so it may take no longer than a run of a minute's timer can.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.machine import most
from bench.spool import fill, number_of
from bench.startup import PROGRAM, make_store

COUNTS = (3_000, 30_000)
DAY = 10_000  # calls, of which a third declines
MINUTES = 1_440
SOUND_BYTES = 8_000
LIMIT = 2.0  # seconds of a run
SMALLEST = {"COUNTS": (5,), "DAY": 6, "MINUTES": 2}


def run() -> Iterator[str]:
    """Wall times of single commands."""
    yield "| declined calls lying there | the run that counts them, s | the next run, s | limit |"
    yield "|---|---|---|---|"
    for count in COUNTS:
        for form, write in (("lines of a file that stays", _lines), ("a file each", _files)):
            with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
                spool, words, environment = _store(Path(folder))
                write(spool, count)
                first, again = (_seconds(words, environment) for _ in range(2))
            yield f"| {count} as {form} | {first:.2f} | {again:.2f} | {most(again, LIMIT)} |"
    yield ""
    slowest, whole = _day()
    yield f"a day of {DAY} calls, a third of them declined, in {MINUTES} runs: the slowest {slowest:.2f} s, "
    yield f"{most(slowest, LIMIT)}; all of them {whole:.0f} s"


def _day() -> tuple[float, float]:
    """The slowest run of a day, and the sum of all: in each minute its calls come, and are taken in."""
    with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
        spool, words, environment = _store(Path(folder))
        made = fill(Path(folder) / "made", DAY - DAY // 3, DAY, SOUND_BYTES)
        _files(made, DAY // 3)
        times, files = [], sorted(made.iterdir(), key=lambda file: file.stem)
        for minute in range(MINUTES):
            stems = {file.stem for file in files[minute * len(files) // MINUTES : (minute + 1) * len(files) // MINUTES]}
            for stem in stems:
                for ending in (".wav", ".json"):
                    if (file := made / f"{stem}{ending}").exists():
                        file.rename(spool / file.name)
            times.append(_seconds(words, environment))
        return max(times), sum(times)


def _store(base: Path) -> tuple[Path, list[str], dict[str, str]]:
    environment, _ = make_store(base)
    spool = base / "spool"
    spool.mkdir()
    return spool, [PROGRAM, "ingest", str(spool), "--quiet", "--key-file", str(base / "telefon.key")], environment


def _seconds(words: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    return time.perf_counter() - begun


def _manifests(count: int) -> Iterator[dict[str, Any]]:
    at = datetime.now(UTC) - timedelta(hours=2)
    for number in range(count):
        pressed = (at + timedelta(seconds=number / 10)).isoformat()
        consent = {"key": "2", "at": pressed, "prompt": "nb-2026-01", "prompt_completed": True}
        call = {"source_id": f"declined.{number}", "audio": f"{number}-none.wav", "direction": "inbound"}
        call |= {"started_at": pressed, "caller": number_of(number), "agent": "bench", "team": "bench"}
        yield {**call, "consent": consent}


def _files(folder: Path, count: int) -> None:
    for number, manifest in enumerate(_manifests(count)):
        (folder / f"declined-{number:06}.json").write_text(json.dumps(manifest), "utf-8")


def _lines(folder: Path, count: int) -> None:
    """A file of many calls, which stays because of its last one."""
    with (folder / "calls.jsonl").open("w", encoding="utf-8") as file:
        for manifest in _manifests(count):
            file.write(json.dumps(manifest) + "\n")
        file.write(json.dumps({**manifest, "source_id": "odd", "caller": "no number"}) + "\n")
