"""A member of the store's group without any key: every file of the store, its root, a backup or a ring is theirs.

Nobody is made to read or write elsewhere by it, to wait, or to fill their memory.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.judge import limited
from tests.support.backups import back_up, lose, places, restore
from tests.support.world import PASSPHRASE, REASON, Result, World, assert_clean, assert_no_bug, memory_of

TERABYTE = 1 << 40
LITTLE = 150_000_000  # bytes of memory
FOLDERS = ("objects", "people", "seals", "receipts")


@pytest.fixture
def kept(world: World) -> World:
    """A store that is backed up, with a recording, a receipt and a failed unlock."""
    world.take_in("a", "b")
    world.json("withdraw", "--call", world.take_in("c", seed=7)[0], "--yes", who="skranke")
    back_up(world)
    return world


def wrong_passphrase(world: World) -> Result:
    path = world.base / "wrong"
    path.write_text(PASSPHRASE[::-1] + "\n")
    path.chmod(0o600)
    return world.run("status", "--as", "iver", "--passphrase-file", str(path))


def everything(world: World) -> dict[str, Result]:
    """One command of each kind that writes, or looks at everything."""
    secret, folders = str(world.base / "passphrase"), [str(place) for place in places(world)]
    world.deliver("late", seed=9)
    commands: dict[str, Callable[[], Result]] = {
        "unlock": lambda: wrong_passphrase(world),
        "status": lambda: world.run("status", who="iver"),
        "ingest": lambda: world.run("ingest", str(world.spool), who="telefon"),
        "grant": lambda: world.run("grant", "leif", "--purpose", "quality", "--reason", REASON, who="sigrid"),
        "add": lambda: world.run(
            "person", "add", "nina", "--role", "manager", "--new-passphrase-file", secret, who="sigrid"
        ),
        "remove": lambda: world.run("person", "remove", "turid", "--yes", who="sigrid"),
        "withdraw": lambda: world.run("withdraw", "90000001", "--yes", who="skranke"),
        "purge": lambda: world.run("purge", who="cron"),
        "backup": lambda: world.run("backup", folders[0], "--escrow", folders[1], who="cron"),
        "verify": lambda: world.run("verify", "--read-data", who="iver"),
        "audit": lambda: world.run("audit", "verify", who="iver"),
    }
    results = {}
    for name, command in commands.items():
        with limited():
            results[name] = command()
        assert results[name].exit in {0, 3, 11, 12, 14, 15, 16}, (name, results[name])
        assert_clean(results[name])
    assert_no_bug(world)
    return results


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder, with modes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else b""
        found[str(path.relative_to(folder))] = (about.st_mode, content)
    return found


# -- links ---------------------------------------------------------------------------------------------

LINKED: dict[str, Callable[[World], Path]] = {
    **{f"store {name}": lambda w, name=name: w.store / name for name in (*FOLDERS, "ballast", "attempts")},
    **{f"store {name}": lambda w, name=name: w.store / name for name in ("open.lock", "intake.lock", "catalogue.db")},
    **{f"root {name}": lambda w, name=name: w.root / name for name in ("root", "seen", "lock")},
    **{f"backup {name}": lambda w, name=name: places(w)[0] / name for name in ("objects", "receipts", "lock", "1")},
    "a folder of objects": lambda w: next((w.store / "objects").iterdir()),
    "a folder of objects in the backup": lambda w: next((places(w)[0] / "objects").iterdir()),
    "people in the backup": lambda w: places(w)[0] / "1" / "people",
    "backup.toml": lambda w: places(w)[0] / "backup.toml",
    "a backup that is being made": lambda w: places(w)[0] / "2.part",
    "a backup that was not finished": lambda w: places(w)[0] / "2",
    "ring": lambda w: places(w)[1] / "ring",
    "a person's key file": lambda w: next((w.store / "people").iterdir()),
}  # fmt: skip


def linked(path: Path, elsewhere: Path) -> None:
    """Move what lies there elsewhere, and leave a link in its place."""
    elsewhere.mkdir()
    target = elsewhere / path.name
    if path.exists():
        path.rename(target)
    elif path.name == "2.part":
        target.mkdir()
    else:
        (target / "people").mkdir(parents=True)
        (target / "people" / "mine").write_bytes(b"mine")
    path.symlink_to(target)


@pytest.mark.parametrize("place", LINKED)
def test_a_link_anywhere_makes_nobody_write_elsewhere(kept: World, place: str) -> None:
    elsewhere = kept.base / "elsewhere"
    linked(LINKED[place](kept), elsewhere)
    before = contents(elsewhere)
    everything(kept)
    assert contents(elsewhere) == before


@pytest.mark.parametrize("place", ["store ballast", "store attempts", "root seen"])
def test_a_link_to_a_file_that_is_not_there_makes_none(kept: World, place: str) -> None:
    path = LINKED[place](kept)
    path.unlink()
    path.symlink_to(kept.base / "planted")
    for command in (
        lambda: wrong_passphrase(kept),
        lambda: kept.run("withdraw", "90000001", "--yes", who="skranke"),
        lambda: kept.run("purge", who="cron"),
    ):
        command()
    assert not (kept.base / "planted").exists()
    assert_no_bug(kept)


@pytest.mark.parametrize("name", ["root", "seen", "lock"])
def test_a_second_name_of_a_file_makes_nobody_write_to_the_first(kept: World, name: str) -> None:
    mine = kept.base / "mine"
    shutil.copy(kept.root / name, mine)
    (kept.root / name).unlink()
    os.link(mine, kept.root / name)
    before = mine.read_bytes()
    result = kept.run("withdraw", "90000001", "--yes", "--json", who="skranke")
    assert (result.exit, result.json["error"]["code"]) == (16, "not_plain_file")
    assert mine.read_bytes() == before


def test_a_part_that_lies_there_already_is_not_written_to(kept: World) -> None:
    """Names of files that are being written can be guessed: they hold the number of the process."""
    mine = kept.base / "mine"
    mine.write_bytes(b"mine")
    for folder in ("people", "seals", "receipts"):
        for path in [*(kept.store / folder).iterdir()]:
            (path.parent / f".{path.name}.{os.getpid()}.part").symlink_to(mine)
    assert kept.run("person", "passphrase", "--reset", "turid", who="sigrid").exit == 0
    assert kept.run("person", "add", "nina", "--role", "manager", who="sigrid").exit == 0
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_link_as_the_catalogues_journal_makes_nobody_write_elsewhere(kept: World, suffix: str) -> None:
    mine = kept.base / "mine"
    mine.write_bytes(b"")
    (kept.store / f"catalogue.db{suffix}").unlink(missing_ok=True)
    (kept.store / f"catalogue.db{suffix}").symlink_to(mine)
    result = kept.run("withdraw", "90000001", "--yes", who="skranke")
    assert result.exit in {0, 15, 16}
    assert mine.read_bytes() == b""
    assert_no_bug(kept)


# -- pipes, folders, a terabyte --------------------------------------------------------------------------


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o660)


def folder(path: Path) -> None:
    path.mkdir(mode=0o770)


def terabyte(path: Path) -> None:
    path.touch(mode=0o660)
    os.truncate(path, TERABYTE)


SPOILT = {name: path for name, path in LINKED.items() if name not in {"a backup that is being made"}}


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", SPOILT)
def test_what_is_no_file_or_far_too_large_holds_no_command_up(
    kept: World, place: str, spoil: Callable[[Path], None]
) -> None:
    path = SPOILT[place](kept)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    spoil(path)
    everything(kept)


@pytest.mark.parametrize("place", ["ring", "backup.toml", "a person's key file", "root root", "store attempts"])
def test_a_terabyte_of_nothing_in_its_place_takes_no_memory(kept: World, place: str) -> None:
    path = SPOILT[place](kept)
    path.unlink()
    terabyte(path)
    folders = [str(one) for one in places(kept)]
    try:
        most, _ = memory_of(kept, "backup", folders[0], "--escrow", folders[1], who="cron")
    except ValueError:  # it ended with an error, which is not one JSON
        return
    assert most < LITTLE


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
def test_a_root_that_is_none_is_named_by_verify(kept: World, spoil: Callable[[Path], None]) -> None:
    shutil.rmtree(kept.root)
    spoil(kept.root)
    with limited():
        told = kept.run("verify", "--json", who="iver")
    assert told.exit in {15, 16}, told
    assert_no_bug(kept)


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
def test_a_slot_file_that_is_none_is_named_by_verify(kept: World, spoil: Callable[[Path], None]) -> None:
    (kept.root / "root").unlink()
    spoil(kept.root / "root")
    with limited():
        told = kept.run("verify", "--json", who="iver")
    assert told.exit == 15, told
    assert_no_bug(kept)


@pytest.mark.parametrize("spoil", [pipe, folder, terabyte], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("place", ["ring", "backup.toml", "backup receipts", "backup 1", "people in the backup"])
def test_a_restore_is_told_so_as_well(kept: World, place: str, spoil: Callable[[Path], None]) -> None:
    path = SPOILT[place](kept)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    spoil(path)
    for lost in (kept.store, kept.root, kept.base / "state"):
        shutil.rmtree(lost)
    with limited():
        told = restore(kept, "--accept-without-feed", "--reason", "there never was a feed")
    assert told.exit in {0, 2, 12, 14, 15, 16}, told
    assert_no_bug(kept)


def test_a_link_in_a_backup_leads_a_restore_nowhere(kept: World) -> None:
    elsewhere = kept.base / "elsewhere"
    linked(places(kept)[0] / "receipts", elsewhere)
    for lost in (kept.store, kept.root, kept.base / "state"):
        shutil.rmtree(lost)
    told = restore(kept, "--accept-without-feed", "--reason", "there never was a feed")
    assert (told.exit, told.json["error"]["code"]) == (16, "not_plain_file")
    assert not kept.store.exists()


# -- notes of failed unlocks ---------------------------------------------------------------------------


def told_of_unlocks(world: World) -> list[tuple[str, str | None]]:
    """Outcome and code of every entry about a failed unlock."""
    entries = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    return [(one["outcome"], one.get("detail", {}).get("code")) for one in entries]


@pytest.mark.rule("security.unauthorised")
@pytest.mark.parametrize("later", [False, True], ids=["nothing since", "another since"])
def test_notes_that_are_cut_before_they_were_taken_in_are_told(world: World, later: bool) -> None:
    """That there was something; what it was is gone. A note that comes later is told as such, and hides the cut."""
    notes = world.store / "attempts"
    before = notes.read_bytes()
    assert wrong_passphrase(world).exit == 12
    notes.write_bytes(before)
    if later:
        assert wrong_passphrase(world).exit == 12
    expected = ("denied", None) if later else ("failed", "attempts_cut")
    assert told_of_unlocks(world) == [expected]
    assert told_of_unlocks(world) == [expected], "it is told once"


@pytest.mark.rule("security.unauthorised")
def test_a_note_that_was_taken_in_stays_whatever_becomes_of_the_file(world: World) -> None:
    notes = world.store / "attempts"
    assert wrong_passphrase(world).exit == 12
    assert told_of_unlocks(world) == [("denied", None)]
    notes.write_bytes(b"")
    assert sorted(told_of_unlocks(world), key=str) == [("denied", None), ("failed", "attempts_cut")]


@pytest.mark.rule("security.unauthorised")
def test_only_who_owns_the_file_can_cut_a_note_unseen(world: World) -> None:
    """The promise ends where the time of the last writing can be set: this is the attack that stays."""
    notes = world.store / "attempts"
    before, about = notes.read_bytes(), notes.stat()
    assert wrong_passphrase(world).exit == 12
    notes.write_bytes(before)
    os.utime(notes, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert told_of_unlocks(world) == []


@pytest.mark.rule("security.unauthorised")
def test_a_store_that_was_restored_tells_of_no_cut(world: World) -> None:
    """Its file of notes is a new one."""
    assert wrong_passphrase(world).exit == 12
    back_up(world)
    lose(world)
    assert restore(world).exit == 14, "without a feed the reading paths stay closed"
    assert ("failed", "attempts_cut") not in told_of_unlocks(world)
