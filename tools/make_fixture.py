"""Make the store that stands for every format of this version: `python -m tools.make_fixture`.

A release has one, in tests/fixtures/formats/<version>. Later versions open, verify, hear, withdraw and restore it for
ever (tests/whole/test_formats.py), so one that exists is never made again. Everything in it is invented.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arlo_rec import __version__
from arlo_rec.edge.commands.run import Run
from arlo_rec.sound import audio
from arlo_rec.vault.catalogue import schema
from tests.support import world as worlds
from tests.support.copies import CONFIRM, SAID, labels
from tests.support.places import FORMATS
from tests.support.policies import put
from tests.support.world import REASON, World

AT = datetime(2026, 10, 1, 8, tzinfo=UTC)  # in its life; tests set the clock a little ahead of it
OTHER = "+4790000002"
MAP = """format = "jsonl"
audio = "{audio}"
only = "source_id"

[fields]
source_id = "source_id"
direction = "direction"
started_at = {path = "started_at", time = "iso"}
caller = "caller"
agent = "agent"
team = "team"
"consent.key" = "consent.key"
"consent.at" = {path = "consent.at", time = "iso"}
"consent.prompt" = "consent.prompt"
"consent.prompt_completed" = "consent.prompt_completed"
"""
LEFT_OUT = ("./config", "./spool", "./init.json", "./proposal.toml", "./cuts.txt")  # of this machine, or of no format


def main() -> int:
    """Exit 1 where this version has its fixture."""
    folder = FORMATS / __version__
    if folder.exists():
        print(f"{folder} exists, and is never made again: remove it by hand while {__version__} is not released")
        return 1
    with tempfile.TemporaryDirectory(prefix="arlo-rec-fixture-") as base, _clock():
        world = worlds.found(_made(Path(base) / "world"))
        about = _lived(world)
        folder.mkdir(parents=True)
        (folder / "about.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n", "utf-8")
        _pack(world.base, folder / "world.tar.xz")
    print(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir()) // 1024} KiB")
    return 0


@contextmanager
def _clock() -> Iterator[None]:
    now, Run.now = Run.now, lambda _run: AT  # type: ignore[method-assign]
    try:
        yield
    finally:
        Run.now = now  # type: ignore[method-assign]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _lived(world: World) -> dict[str, Any]:
    """A little of everything that a store keeps; returns what later versions must find."""
    base, calls = world.base, {"started": AT - timedelta(hours=3), "seconds": 0.4}
    (base / "mount").mkdir()
    world.setting(f'feed = "{base / "mount" / "feed.jsonl"}"')
    world.grant("leif")
    world.grant("turid", "training")
    held = world.take_in("a", "b", **calls)
    other, gone = world.take_in("c", caller=OTHER, **calls), world.take_in("d", caller="+4790000003", **calls)
    world.deliver("refused", caller="+4790000004", consent={"prompt": "unknown-1"}, **calls)
    world.run("ingest", str(world.spool), "--remove-refused", "prompt_unknown", who="telefon")
    (base / "map.toml").write_text(MAP, "utf-8")
    put(world, 'version = "2026-02"\nmost_found = 60\n[[map]]\nname = "ours"\nfile = "map.toml"\n')
    copy = _copy(world, held[0])
    (base / "recovery.key").write_text(json.loads((base / "init.json").read_text("utf-8"))["recovery_key"] + "\n")
    (base / "recovery.key").chmod(0o600)
    split = ("recovery", "split", "--shares", "3", "--threshold", "2")
    shares = world.json(*split, "--passphrase-file", str(base / "recovery.key"))["shares"]
    for number, share in enumerate(shares, 1):
        (base / f"share-{number}").write_text(share + "\n", "utf-8")
    receipt = world.json("withdraw", "90000003", "--yes", "--receipt-out", str(base / "receipt.json"), who="siri")
    world.json("policy", "publish", "--out", str(base / "pages"), who="sigrid")
    answer = world.json("dsar", OTHER, "--identity", "called-back", "--out", str(base / "answer.html"), who="sigrid")
    world.json("hold", "set", other[0], "--ground", "18c", "--reason", REASON, "--until", "30d", who="sigrid")
    for person in ("sigrid", "iver"):
        world.json("audit", "checkpoint", "--append", str(base / "anchors"), who=person)
    world.json("backup", str(base / "backup"), "--escrow", str(base / "escrow"), who="sigrid")
    world.take_in("late", caller=OTHER, seed=7, **calls)
    return {
        "version": __version__,
        "schema": schema.VERSION,
        "digest": schema.DIGESTS[schema.VERSION].sqlite.hex(),
        "at": AT.isoformat().replace("+00:00", "Z"),
        "held": [*held, *other],
        "late": 1,
        "copy": copy,
        "withdrawn": gone,
        "receipt": receipt["number"],
        "answer": answer["passphrase"],
        "sounds": {recording: _heard(world, recording) for recording in held},
    }


def _copy(world: World, recording: str) -> str:
    """A released training copy."""
    words = ("pseudonymise", *SAID, recording, "--cuts", labels(world, (0.1, 0.2)))
    (made,) = world.json(*words, who="sigrid")["results"]
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    released: str = world.json("release", made["copy"], "--reason", REASON, who="sigrid")["copy"]["copy"]
    return released


def _heard(world: World, recording: str) -> str:
    """SHA-256 of the sound of a recording, as its manager saves it."""
    out = world.base / "heard.wav"
    world.json("export", recording, "--purpose", "quality", "--reason", REASON, "--out", str(out), who="leif")
    raw = out.read_bytes()
    out.unlink()
    return hashlib.sha256(audio.read_wav(io.BytesIO(raw), len(raw)).data).hexdigest()


def _pack(base: Path, archive: Path) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = int(AT.timestamp())
        return None if member.name.startswith(LEFT_OUT) else member

    with tarfile.open(archive, "w:xz", preset=9) as packed:
        packed.add(base, ".", filter=plain)


if __name__ == "__main__":
    sys.exit(main())
