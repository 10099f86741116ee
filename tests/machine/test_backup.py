"""Backups that forget: what one holds, what it costs, and when nobody can open it any more."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arlo_rec.law.model.records import Person
from arlo_rec.policy import Role
from arlo_rec.vault.backends.ringfile import RING_SLOTS, RingFile
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from tests.support.attack import identity
from tests.support.backups import age_ring, back_up, kept, places
from tests.support.faults import damage
from tests.support.world import World


def names(world: World) -> set[str]:
    return {path.name for path in (places(world)[0] / "objects").glob("*/*")}


def test_a_backup_holds_every_sealed_object_and_a_key_for_the_officers(world: World) -> None:
    ids = world.take_in("a", "b")
    told = back_up(world)
    assert (told["held"], told["copied"], told["changed"]) == (2, 2, True)
    assert names(world) == set(ids)
    (slot,) = kept(world)
    officer = identity(world, "sigrid")
    secret = escrow.open_sealed(officer.store, slot, officer.sealing)
    assert secret is not None and len(secret) == primitives.KEY
    assert escrow.open_sealed(officer.store, slot, identity(world, "leif").sealing) is None


def test_the_next_backup_copies_what_is_new_and_forgets_what_was_erased(world: World) -> None:
    old, other = world.take_in("a", "b")
    back_up(world)
    world.json("withdraw", "--call", old, "--yes", who="skranke")
    (new,) = world.take_in("c", seed=5)
    told = back_up(world)
    assert (told["copied"], told["removed"]) == (1, 1)
    assert names(world) == {other, new}


def test_of_an_unchanged_store_only_the_time_is_written(world: World) -> None:
    world.take_in("a")
    back_up(world)
    (before,) = kept(world)
    files = {path: path.stat().st_mtime_ns for path in places(world)[0].rglob("*") if path.is_file()}
    told = back_up(world)
    (after,) = kept(world)
    assert (told["changed"], told["copied"]) == (False, 0)
    assert (after.number, after.catalogue) == (before.number, before.catalogue) and after.at > before.at
    assert files == {path: path.stat().st_mtime_ns for path in places(world)[0].rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_oldest_slot_is_overwritten_and_its_catalogue_goes(world: World) -> None:
    for count in range(RING_SLOTS + 2):
        world.take_in(f"call-{count}", seed=count)
        back_up(world)
    assert [slot.number for slot in kept(world)] == list(range(RING_SLOTS + 2, 2, -1))
    assert {int(path.name) for path in places(world)[0].iterdir() if path.name.isdigit()} == set(
        range(3, RING_SLOTS + 3)
    )


def test_a_purge_empties_what_is_older_than_the_ring(world: World) -> None:
    world.take_in("a")
    back_up(world)
    age_ring(world, 25)
    assert world.run("status", "--json", who="iver").json["critical"] == ["backup_old"]
    assert world.json("purge", who="cron")["rings_left"] == []
    assert not kept(world)
    assert not (places(world)[1] / "ring").read_bytes().strip(b"\0"), "not a byte is left"


def test_status_is_critical_where_a_ring_was_not_emptied_or_cannot_be_reached(world: World) -> None:
    world.take_in("a")
    back_up(world)
    assert world.run("status", who="iver").exit == 0
    age_ring(world, 27)
    found = world.run("status", "--json", who="iver")
    assert (found.exit, found.json["critical"]) == (3, ["ring_not_emptied"])
    assert found.json["backups"][0]["newest"] is None, "what restore refuses is not said to be restorable"
    shutil.move(places(world)[1], world.base / "unmounted")
    found = world.run("status", "--json", who="iver")
    assert (found.exit, found.json["critical"]) == (3, ["escrow_unreachable"])
    purged = world.run("purge", "--json", who="cron")
    assert (purged.exit, purged.json["rings_left"]) == (3, [str(places(world)[1])])


def test_half_of_a_slot_is_emptied_too(world: World) -> None:
    world.take_in("a")
    back_up(world)
    file = RingFile(places(world)[1])
    file.write(5, file.read()[0][:1500])
    assert world.run("status", "--json", who="iver").json["critical"] == ["ring_not_emptied"]
    world.json("purge", who="cron")
    assert escrow.is_empty(file.read()[5]) and len(kept(world)) == 1


@pytest.mark.parametrize("hours", ["0", "169"])
def test_a_ring_of_no_or_too_many_hours_is_refused(world: World, hours: str) -> None:
    folder, ring_folder = places(world)
    words = ("backup", str(folder), "--escrow", str(ring_folder), "--ring-hours", hours)
    assert world.run(*words, who="cron").exit == 2


@pytest.mark.parametrize(
    ("folder", "ring_folder"), [("store/backup", "e"), ("b", "store.root/e"), ("b", "b/e"), ("b", "b"), ("b", ".")]
)
def test_backup_and_escrow_lie_apart_from_the_store_and_each_other(world: World, folder: str, ring_folder: str) -> None:
    words = ("backup", str(world.base / folder), "--escrow", str(world.base / ring_folder))
    assert world.run(*words, who="cron").exit == 2


def test_a_damaged_object_is_named_and_not_copied(world: World) -> None:
    good, bad = world.take_in("a", "b")
    path = world.store / "objects" / bad[:2] / bad
    damage(path)
    folder, ring_folder = places(world)
    told = world.run("backup", str(folder), "--escrow", str(ring_folder), "--json", who="sigrid")
    assert (told.exit, told.json["damaged"]) == (3, [bad])
    assert names(world) == {good}


@pytest.mark.parametrize("who", ["leif", "iver", "siri", "telefon"])
def test_only_officers_and_retention_back_up(world: World, who: str) -> None:
    folder, ring_folder = places(world)
    assert world.run("backup", str(folder), "--escrow", str(ring_folder), who=who).exit == 13


def test_a_slot_says_what_was_put_into_it_and_nothing_else_does() -> None:
    store, officer = bytes(range(16)), primitives.SealingKey.from_seed(bytes(32))
    at, maker = datetime(2026, 11, 25, tzinfo=UTC), primitives.SigningKey.from_seed(bytes(32))
    person = Person("nora", Role.OFFICER, officer.public, maker.public, at)
    plain = EscrowSlot(2, 3, 7, 1, at, 24, 5, b"c" * 32, {})
    slot = escrow.seal(store, plain, b"R" * 32, [person], maker)
    content = escrow.encode(store, slot)
    padded = content.ljust(escrow.RING_SLOT_BYTES, b"\0")
    assert escrow.decode(store, 2, padded) == slot
    assert escrow.open_sealed(store, slot, officer) == b"R" * 32
    assert escrow.is_signed(store, slot, [maker.public])
    changes = {"number": 4, "generation": 8, "seed_version": 2, "at": at + timedelta(hours=1), "hours": 25}
    for field, value in {**changes, "held": 6, "catalogue": b"d" * 32}.items():
        other = replace(slot, **{field: value})
        assert escrow.open_sealed(store, other, officer) is None, field
        assert not escrow.is_signed(store, other, [maker.public]), field
    assert escrow.decode(bytes(16), 2, padded) is None
    for at_byte in range(0, len(content), 7):
        broken = bytearray(padded)
        broken[at_byte] ^= 1
        assert escrow.decode(store, 2, bytes(broken)) is None, at_byte


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077], ids=oct)
def test_folders_and_files_of_a_backup_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    world, before = World(tmp_path), os.umask(0o077)
    secret = tmp_path / "passphrase"
    secret.write_text("riktig hest batteri stift\n")
    assert world.run("init", "--officer", "sigrid", "--passphrase-file", str(secret)).exit == 0
    for name, role in (("telefon", "ingest"), ("skranke", "support")):
        words = ("person", "add", name, "--role", role, "--service", "--key-out", str(world.key(name)))
        world.json(*words, who="sigrid")
    world.take_in("a", "b")
    world.json("withdraw", "--call", world.take_in("c", seed=5)[0], "--yes", who="skranke")
    os.umask(umask)
    try:
        back_up(world, who="sigrid")
    finally:
        os.umask(before)
    for place in places(world):
        for path in (place, *place.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert {path.name for path in places(world)[0].iterdir()} >= {"objects", "receipts", "1", "lock", "backup.toml"}


@pytest.mark.parametrize("who", ["cron", "sigrid"])
@pytest.mark.parametrize("away", ["backup", "escrow"])
def test_a_place_that_is_away_is_never_made_anew_until_an_officer_gives_it_up(
    world: World, away: str, who: str
) -> None:
    back_up(world)
    place = world.base / away
    place.rename(world.base / "disk")
    words = ("backup", *map(str, places(world)[:1]), "--escrow", str(places(world)[1]))
    for is_mount_point in (False, True):
        place.mkdir() if is_mount_point else None
        told = world.run(*words, "--json", who=who)
        assert (told.exit, told.json["error"]["code"]) == (16, "backup_unreachable"), told
        assert str(place) in told.json["error"]["message"]
    assert not list(place.iterdir()), "an empty mount point stays empty"
    assert world.run("status", "--json", who="iver").exit == 3
    place.rmdir()
    (world.base / "disk").rename(place)
    assert world.run(*words, who=who).exit == 0
    assert world.json("status", who="iver")["critical"] == []


def test_a_ring_that_was_given_up_full_is_made_anew_once_the_officer_says_that_it_is_destroyed(world: World) -> None:
    back_up(world)
    ring = places(world)[1]
    ring.rename(world.base / "disk")
    words = ("backup", str(places(world)[0]), "--escrow", str(ring))
    for _ in range(2):
        assert world.code(*words, who="sigrid") == (16, "backup_unreachable")
        assert world.run("backup", "--forget", str(ring), who="sigrid").exit == 3
    assert world.run(*words, who="sigrid").exit == 0


@pytest.mark.parametrize("missing", ["backup", "escrow"])
def test_a_backup_makes_no_folder_where_a_disk_is_not_mounted(world: World, missing: str) -> None:
    paths = {name: world.base / name for name in ("backup", "escrow")}
    paths[missing] = world.base / "unmounted" / missing
    words = ("backup", str(paths["backup"]), "--escrow", str(paths["escrow"]), "--json")
    told = world.run(*words, who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "no_such_folder")
    assert not (world.base / "unmounted").exists() and not (world.base / "backup").exists()
    assert str(world.base / "unmounted") in told.json["error"]["message"]
