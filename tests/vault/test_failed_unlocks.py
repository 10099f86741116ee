"""Notes of failed unlocks on a disk without room: each guess leaves one, or is refused as one that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import world as worlds
from tests.support.disks import fill, small_disk
from tests.support.world import World

SIZE = "40m"  # the store, its ballast, and a little


def wrong(folder: Path) -> Path:
    file = folder / "wrong"
    file.write_text("not the passphrase", "utf-8")
    file.chmod(0o600)
    return file


def notes(world: World) -> list[bytes]:
    return [line for line in (world.store / "attempts").read_bytes().split(b"\n") if line]


def test_on_a_full_disk_each_guess_is_noted(template: World, tmp_path: Path) -> None:
    """By room of the ballast, which the next erasure with room makes whole; the guesses are in the log then."""
    with small_disk(tmp_path / "disk", SIZE) as disk:
        world = worlds.copy(template, disk / "world")
        before, whole = len(notes(world)), (world.store / "ballast").stat().st_size
        filler = fill(disk)
        bad = ("--as", "leif", "--passphrase-file", str(wrong(tmp_path)))
        guesses = 60  # more than fit into what is left of the last page of the file
        for _ in range(guesses):
            assert world.run("status", *bad).exit == 12
        assert len(notes(world)) == before + guesses
        assert (world.store / "ballast").stat().st_size < whole
        filler.unlink()
        world.json("purge", who="cron")
        assert (world.store / "ballast").stat().st_size == whole
        shown = world.json("audit", "show", "--denied", who="iver")["entries"]
        assert len([each for each in shown if each["action"] == "unlock"]) == guesses


@pytest.mark.parametrize("without", ["room", "the file"])
def test_a_failed_unlock_that_cannot_be_noted_is_refused_as_such(template: World, tmp_path: Path, without: str) -> None:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        world = worlds.copy(template, disk / "world")
        (world.store / "ballast").unlink()
        if without == "room":
            (world.store / "attempts").write_bytes(bytes(4096))  # to the end of a page
            fill(disk)
        else:
            (world.store / "attempts").unlink()
        bad = ("--as", "leif", "--passphrase-file", str(wrong(tmp_path)), "--json")
        result = world.run("status", *bad)
        assert (result.exit, result.json["error"]["code"]) == (16, "attempt_unnoted"), result
