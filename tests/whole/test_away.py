"""A place that is away: every row of the table in exit-statuses.md of `./dev docs` is measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.store import open_store
from arlo_rec.vault.backends import mounts
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support import needs
from tests.support.attack import identity
from tests.support.feed import configure
from tests.support.places import TOP
from tests.support.world import World

ROWS = tomllib.loads((TOP / "tools" / "away.toml").read_text("utf-8"))["away"]
WHO = {"ingest": "telefon", "backup": "cron", "drill": "cron", "purge": "cron", "status": "iver", "verify": "iver"}


@pytest.fixture
def spread(world: World) -> World:
    """A store whose spool, feed, backup and ring lie below folders of their own, as disks do."""
    (world.base / "mount").mkdir()
    configure(world)
    for name in ("mnt-backup", "mnt-escrow"):
        (world.base / name).mkdir()
    world.take_in("a")
    world.json("backup", *_places(world), who="sigrid")
    world.json("purge", who="cron")
    return world


def _places(world: World) -> tuple[str, str, str]:
    return str(world.base / "mnt-backup" / "arlo"), "--escrow", str(world.base / "mnt-escrow" / "arlo")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['place']} {row['how']} {row['command']}")
def test_a_place_that_is_away_has_its_status_and_its_sentence(
    spread: World, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any]
) -> None:
    folder = {
        **{"store": spread.store, "root": spread.root, "spool": spread.spool, "feed": spread.base / "mount"},
        **{"backup": spread.base / "mnt-backup", "ring": spread.base / "mnt-escrow"},
    }[row["place"]]
    shutil.rmtree(folder)
    if row["how"] == "fstab":
        table = spread.base / "fstab"
        table.write_text(f"# a comment\nUUID=1 / ext4 defaults 0 1\nUUID=2 {folder} ext4 nofail 0 2\n", "utf-8")
        monkeypatch.setattr(mounts, "_TABLE", table)
    if row["how"] == "empty" or (row["how"] == "fstab" and row["place"] != "store"):
        folder.mkdir(mode=0o700)  # the mount point
        if row["place"] == "store" and os.geteuid() == 0:
            os.chown(folder, 65534, 65534)  # as root has it on a machine where another account owns the store
    for command in ["status", "purge"] if row["command"] == "every command" else [row["command"]]:
        words = {"ingest": [str(spread.spool)], "backup": [*_places(spread)], "drill": [*_places(spread)]}.get(
            command, []
        )
        told = spread.run(command, *words, "--json", who=WHO[command])
        assert told.exit == row["exit"], told
        codes = [told.json.get("error", {}).get("code"), *told.json.get("critical", [])]
        assert not row["code"] or row["code"] in codes, told
        if told.exit == 16:
            words_of_it = told.json["error"]["message"]
            assert str(folder) in words_of_it or str(folder.parent) in words_of_it, words_of_it


def test_a_mount_point_with_a_blank_is_read_as_the_system_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "fstab"
    table.write_text(f"UUID=2 {tmp_path}/two\\040words/æ ext4 defaults 0 2\n/dev/x none swap sw 0 0\n", "utf-8")
    monkeypatch.setattr(mounts, "_TABLE", table)
    wanted = tmp_path / "two words" / "æ"
    assert mounts.missing(wanted / "store") == wanted
    assert mounts.missing(tmp_path / "elsewhere") is None
    mounted = mounts.of(Path("/proc/self"))
    assert mounted is not None and (mounted.point, mounted.kind) == (Path("/proc"), "proc")


LOOKS = ["status", "verify", "verify --read-data", "audit show", "audit verify", "audit checkpoint", "check", "doctor"]


@pytest.mark.slow
@needs.mark(needs.root(), needs.program("unshare"))
@pytest.mark.parametrize("has_journal", [False, True])
def test_a_copy_that_cannot_be_written_can_be_looked_at(world: World, tmp_path: Path, has_journal: bool) -> None:
    world.take_in("a")
    if has_journal:  # as in a snapshot of a store at work
        kept = tmp_path / "kept"
        place = find(world.store)
        with open_store(place, identity(world, "iver"), datetime.now(UTC), StateFolder(None)):
            world.take_in("b")
            shutil.copytree(world.store, kept)
        shutil.rmtree(world.store)
        kept.rename(world.store)
        assert (world.store / "catalogue.db-wal").stat().st_size
    who = f"--as iver --passphrase-file {world.base / 'passphrase'} --store {world.store} --json"
    lines = [f"mount --bind {path} {path}; mount -o remount,ro,bind {path}" for path in (world.store, world.root)]
    for number, look in enumerate(LOOKS):
        lines.append(f"{sys.executable} -m arlo_rec {look} {who} >{tmp_path}/{number}; echo $? >>{tmp_path}/statuses")
    environment = {**os.environ, "XDG_STATE_HOME": str(world.base / "other"), "PYTHONPATH": str(TOP)}
    words = ["unshare", "--mount", "sh", "-c", "\n".join(lines)]
    subprocess.run(words, check=True, env=environment, stdin=subprocess.DEVNULL)
    ended = dict(zip(LOOKS, (tmp_path / "statuses").read_text().split(), strict=True))
    assert {look for look, status in ended.items() if status != "0"} <= {"status", "check", "doctor"}, ended
    told = json.loads((tmp_path / "0").read_text())
    assert (told["held"], {*told["critical"]} - {"store_in_memory"}) == (1 + has_journal, {"store_read_only"})
    assert json.loads((tmp_path / "2").read_text())["problems"] == []
