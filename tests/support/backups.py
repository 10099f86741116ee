"""Backups and what becomes of them: made, aged, lost with their store, restored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from arlo_rec.vault.backends.ringfile import RingFile
from arlo_rec.vault.keys import layout
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from tests.support import world as worlds
from tests.support.attack import SECRETS, identity
from tests.support.feed import path as feed_path
from tests.support.promises import plunder
from tests.support.world import REASON, Result, World

OTHER = "+4790000002"


def places(world: World) -> tuple[Path, Path]:
    return world.base / "backup", world.base / "escrow"


def back_up(world: World, *more: str, who: str = "cron") -> dict[str, object]:
    """Back up as *who*, but for the first time as the officer, who alone names the places."""
    folder, ring_folder = places(world)
    who = who if ring_folder.exists() else "sigrid"
    return world.json("backup", str(folder), "--escrow", str(ring_folder), *more, who=who)


def kept(world: World) -> list[EscrowSlot]:
    return escrow.slots(layout.find(world.store).id, RingFile(places(world)[1]).read())


def age_ring(world: World, hours: float) -> None:
    """Make every slot older than it is."""
    file, store = RingFile(places(world)[1]), layout.find(world.store).id
    for slot in kept(world):
        older = replace(slot, at=slot.at - timedelta(hours=hours))
        file.write(slot.index, escrow.encode(store, signed(world, older)))


def signed(world: World, slot: EscrowSlot) -> EscrowSlot:
    """A slot with other words than it was written with, signed by who makes backups; R opens no more."""
    body = escrow._body(layout.find(world.store).id, slot)
    return replace(slot, signature=identity(world, "cron").signing.sign(body))


def lose(world: World) -> None:
    """The machine is gone: the store, its root, and what its accounts remembered."""
    for one in (world.store, world.root, world.base / "state"):
        shutil.rmtree(one)
    (world.base / "config" / "arlo-rec" / "config.toml").unlink(missing_ok=True)


def restore(world: World, *more: str, who: str = "sigrid") -> Result:
    folder, ring_folder = places(world)
    return world.run("restore", str(folder), "--escrow", str(ring_folder), "--yes", "--json", *more, who=who)


def with_feed(world: World, **how: Any) -> dict[str, Any]:
    told = restore(world, "--feed", str(feed_path(world)), **how)
    assert told.exit == 0, told
    return told.json


def opened(world: World) -> set[str]:
    """Everything that everybody's secrets open together."""
    here = [name for name in SECRETS if name in worlds.SERVICES or layout.find(world.store).key_file(name).exists()]
    return set(plunder(world, [identity(world, name) for name in here]).sounds)


def shown(world: World) -> set[str]:
    found = world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")
    return {one["id"] for one in found["recordings"]}


def is_whole(world: World) -> None:
    for words in (("verify", "--read-data"), ("audit", "verify")):
        told = world.run(*words, "--json", who="iver")
        assert told.exit == 0, told
