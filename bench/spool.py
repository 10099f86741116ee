"""A folder of calls as a telephone system leaves it, for benchmarks."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arlo_rec.sound import audio

SPAN = timedelta(seconds=7000)  # in which the calls of a folder began


def fill(
    folder: Path, calls: int, callers: int, sound_bytes: int, *, source: str = "bench", first_caller: int = 0
) -> Path:
    """So many *calls* of so many *callers*, each with its manifest; no two sounds are alike."""
    folder.mkdir(parents=True)
    started = datetime.now(UTC) - timedelta(hours=2)
    header = audio.canonical_header(audio.Header(audio.Encoding.ULAW, 8000, 2, sound_bytes // 2))
    for number in range(calls):
        at = (started + SPAN * number / calls).isoformat().replace("+00:00", "Z")
        manifest = {
            "source_id": f"{source}.{number}", "direction": "inbound", "started_at": at, "team": "bench",
            "caller": number_of(first_caller + number % callers),
            "agent": "bench", "channels": {"caller": 0, "agent": 1},
            "consent": {"key": "1", "at": at, "prompt": "nb-2026-01", "prompt_completed": True},
        }  # fmt: skip
        (folder / f"{number}.wav").write_bytes(header + os.urandom(sound_bytes))
        (folder / f"{number}.json").write_text(json.dumps(manifest))
    return folder


def number_of(caller: int) -> str:
    """The number of one of the callers: none of them is in use."""
    return f"+4790{caller:06d}"
