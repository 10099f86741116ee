"""Intake of an export by a map, against the same calls in our own JSON Lines and against restic of the same folder.

The export is that of Kamailio: one file with a line for each call, and the sounds beside it. Each run begins with a
fresh store and repository, and with the folder in the page cache; what is measured is the wall time of the whole
command. Sources are kept. The most memory is that of a process of the run with the map.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arlo_rec.sound import audio
from bench import intake, peers
from bench.machine import least, most, watch
from bench.spool import SPAN, number_of
from bench.startup import PROGRAM, make_store

CALLS = 2000
CALLERS = 400
SOUND_BYTES = 480_000  # half a minute of stereo G.711
FEWER = 8
LEAST_PER_SECOND = 200
LIMIT_MEMORY = 1.2  # times that of an eighth of the calls
POLICY = 'version = "2026-12"\n[[map]]\nname = "kamailio"\n'
SMALLEST = {"CALLS": 8, "CALLERS": 4, "SOUND_BYTES": 8_000, "FEWER": 4}


def run() -> Iterator[str]:
    """The seconds of one run each, the calls a second by the map, and its memory."""
    peers.require("restic")
    with tempfile.TemporaryDirectory(prefix="arlo-bench-") as folder:
        base = Path(folder)
        (written := base / "written").mkdir()
        export, own = _fill(base / "export", CALLS), base / "own"
        _as_own(export, own)
        ways = {
            "arlo-rec ingest --map": (lambda: _ingest(written, export, "--map", "kamailio"), export),
            "arlo-rec ingest, our own lines": (lambda: _ingest(written, own), own),
            "restic backup": (lambda: intake.restic(written, export), export),
        }
        seconds = {name: intake.timed(way, written, spool)[0] for name, (way, spool) in ways.items()}
        ours = seconds["arlo-rec ingest --map"]
        yield f"{CALLS} calls of {SOUND_BYTES} bytes from {CALLERS} callers; {peers.version('restic')}"
        yield ""
        yield "| program | s | calls/s | its time / ours with the map |"
        yield "|---|---|---|---|"
        for name, taken in seconds.items():
            yield f"| {name} | {taken:.2f} | {CALLS / taken:.0f} | {taken / ours:.2f} |"
        yield f"by the map {CALLS / ours:.0f} calls/s, {least(CALLS / ours, LEAST_PER_SECOND)}"
        few = _fill(base / "few", CALLS // FEWER)
        runs = [_ingest(written, one, "--map", "kamailio") for one in (few, export)]
        small, large = (watch(*one).megabytes for one in runs)
        grown = f"{large / small:.2f} times that of {CALLS // FEWER}, {most(large / small, LIMIT_MEMORY)}"
        yield f"the most memory of a process: {large:.0f} MB, {grown}"


def _fill(folder: Path, calls: int) -> Path:
    """The export of so many calls; no two sounds are alike."""
    folder.mkdir()
    started = datetime.now(UTC) - timedelta(hours=2)
    header = audio.canonical_header(audio.Header(audio.Encoding.ALAW, 8000, 2, SOUND_BYTES // 2))
    with (folder / "calls.jsonl").open("w", encoding="utf-8") as lines:
        for number in range(calls):
            at = f"{(started + SPAN * number / calls).timestamp():.6f}"
            told = {"recording": f"{number:032x}-1", "call_id": f"{number}@bench.invalid", "direction": "inbound"}
            told |= {"caller": number_of(number % CALLERS), "agent": "bench", "team": "bench", "key": "1"}
            told |= {"key_at": at, "recorded_from": at, "prompt": "nb-2026-01", "prompt_heard": True}  # type: ignore[dict-item]
            (folder / f"{told['recording']}.wav").write_bytes(header + os.urandom(SOUND_BYTES))
            lines.write(json.dumps(told) + "\n")
    return folder


def _as_own(export: Path, folder: Path) -> None:
    """The same calls in our own form, with copies of the sounds."""
    folder.mkdir()
    with (folder / "calls.jsonl").open("w", encoding="utf-8") as lines:
        for line in (export / "calls.jsonl").read_text("utf-8").splitlines():
            told = json.loads(line)
            at = datetime.fromtimestamp(float(told["key_at"]), UTC).isoformat()
            consent = {"key": "1", "at": at, "prompt": told["prompt"], "prompt_completed": True}
            manifest = {key: told[key] for key in ("direction", "caller", "agent", "team")}
            manifest |= {"source_id": told["recording"], "audio": f"{told['recording']}.wav", "started_at": at}
            lines.write(json.dumps({**manifest, "channels": {"caller": 0, "agent": 1}, "consent": consent}) + "\n")
            (folder / manifest["audio"]).write_bytes((export / manifest["audio"]).read_bytes())


def _ingest(base: Path, spool: Path, *by: str) -> tuple[list[str], dict[str, str]]:
    home = Path(tempfile.mkdtemp(prefix="ours-", dir=base))
    environment, _ = make_store(home)
    (home / "policy.toml").write_text(POLICY, "utf-8")
    officer = ["--as", "sigrid", "--passphrase-file", str(home / "passphrase"), "--json"]
    quiet = {"check": True, "env": environment, "stdout": subprocess.PIPE}
    told = subprocess.run([PROGRAM, "policy", "propose", str(home / "policy.toml"), *officer], **quiet).stdout
    subprocess.run([PROGRAM, "approve", json.loads(told)["proposal"]["id"], *officer], **quiet)
    return [PROGRAM, "ingest", str(spool), *by, "--keep-source", "--key-file", str(home / "telefon.key")], environment
