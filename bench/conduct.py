"""The reports about people in a log of a hundred thousand entries, or with --million a million, against `grep`.

A store of ten thousand recordings and a log of a million entries of 90 days: calls that were taken in, a hundred at a
time, and between them what a manager did, as many as twenty busy managers do: a search with ten hits, one of them
opened and heard, each signed by itself. Whole commands are measured, with start and unlocking.
"""

from __future__ import annotations

import json
import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import CallTakenIn, Heard, Opened, SearchBegun, SearchShown
from arlo_rec.law.model.records import RecordingId, to_iso
from arlo_rec.policy import POLICY_VERSION, Action
from arlo_rec.store import open_store
from arlo_rec.vault.catalogue import log_clock
from arlo_rec.vault.keys import key_files, layout
from arlo_rec.vault.keys.root_secret import StateFolder
from bench import fill
from bench.fill import Filling, Yard
from bench.machine import most

SIZE = 100_000  # entries
RECORDINGS = 10_000
DEEDS = 4  # searches and what follows, for each batch of calls
LIVED = timedelta(days=89)
LIMIT_S = 10.0
MILLION = {"SIZE": 1_000_000}
SMALLEST = {"SIZE": 300, "RECORDINGS": 20}
_WHY = {"purpose": "quality", "reason": "complaint: the customer says that the price was another"}


def run() -> Iterator[str]:
    """Each report's line."""
    with fill.yard() as where:
        now = datetime.now(UTC)
        names = fill.fill(where, Filling(RECORDINGS, now - LIVED, LIVED, 1))
        bodies = _lived(where, [RecordingId(bytes.fromhex(name)) for name in names], now - LIVED, SIZE)
        done = sum(body["person"] == "leif" for body in bodies)
        yield f"{SIZE} entries, of which {done} tell what a manager did with {RECORDINGS} recordings"
        opened = next(body["recordings"][0] for body in bodies if body["action"] == Action.LISTEN)
        theirs = _grep(where.base / "entries.jsonl", bodies)
        yield "| | seconds | limit | times `grep -c` of the same entries |"
        yield "|---|---|---|---|"
        since = f"{now - LIVED - timedelta(days=1):%Y-%m-%d}"
        for words in (
            ("audit", "breach", "--person", "leif"),
            ("audit", "breach", "--recording", opened),
            ("audit", "breach", "--from", since),
            ("audit", "report", "--from", since),
        ):
            begun = time.perf_counter()
            answer = json.loads(where.run("iver", *words, "--json"))
            ours = time.perf_counter() - begun
            assert answer["people"], answer
            yield _row(" ".join(words[:3]), ours, theirs, limited=words[:2] == ("audit", "breach"))


def _row(command: str, ours: float, theirs: float, *, limited: bool) -> str:
    limit = most(ours, LIMIT_S) if limited else "none"
    return f"| `{command}` | {ours:.1f} | {limit} | {ours / theirs:.0f} |"


def _lived(where: Yard, recordings: list[RecordingId], begin: datetime, entries: int) -> list[dict[str, Any]]:
    """Write the log of those days; its entries."""
    chance, every = random.Random(1), list[dict[str, Any]]()
    step = LIVED / entries
    place = layout.find(where.store)
    leif, telefon = key_files.unlock(place, "leif", fill.PASSPHRASE.encode()), where.identity("telefon")
    with open_store(place, leif, begin, StateFolder(None)) as store:
        with store.db.writing():
            size = store.log.tree().size
            while len(every) < entries:
                at = to_iso(begin + step * len(every))
                for event in _deeds(chance, recordings, size + len(every)) * DEEDS:
                    every.append({**event.to_json(), "at": at, "person": "leif", "policy": POLICY_VERSION})
                    store.log.append(every[-1:], leif.signing)
                taken = [
                    {**_taken_in().to_json(), "at": at, "person": "telefon", "policy": POLICY_VERSION}
                    for _ in range(fill.BATCH)
                ]
                store.log.append(taken, telefon.signing)
                every += taken
            store.catalogue.log_clock.put(log_clock.computed(store.log.raw.bodies()))
        with store.change(datetime.now(UTC)):
            pass
    return every


def _taken_in() -> CallTakenIn:
    """A call that was erased since."""
    return CallTakenIn(recordings=(RecordingId(secrets.token_bytes(16)),), sworn=secrets.token_hex(32))


def _deeds(chance: random.Random, recordings: list[RecordingId], seq: int) -> list[AuditEvent]:
    hits = tuple(chance.sample(recordings, 10))
    opened = Opened(action=Action.LISTEN, rule="purpose.quality", recordings=hits[:1], **_WHY)
    return [
        SearchBegun(criteria={"team": "team 0"}, **_WHY),
        SearchShown(recordings=hits, shown=len(hits), **_WHY),
        opened,
        Heard(of=seq + 2, heard_s=95, given_s=120),
    ]


def _grep(file: Path, bodies: list[dict[str, Any]]) -> float:
    """Seconds in which `grep` counts the lines that name one action, in a plain file of the same entries."""
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(body, separators=(",", ":"), sort_keys=True) + "\n" for body in bodies)
    grep = shutil.which("grep") or "grep"
    begun = time.perf_counter()
    subprocess.run([grep, "-c", '"action":"listen"', str(file)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
