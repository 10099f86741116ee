"""A manager whom nothing was granted, with the catalogue's key and own code: a row that they write gives nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.model.records import to_micros
from tests.support.attack import own_code
from tests.support.backups import back_up, places
from tests.support.world import World

COMMAND = "touch /dev/null; echo caught"


def test_a_path_in_a_row_makes_the_officer_write_nowhere(world: World) -> None:
    """A refused reason is logged; where the log went to a file that her shell reads, it would run as the officer."""
    profile = world.base / ".bashrc"
    profile.write_text("# hers\n")
    with own_code(world, "turid") as store, store.change(datetime.now(UTC)):
        store.db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('feed', ?), ('fed', 0)", (str(profile),))
    assert world.run("find", "--purpose", "quality", "--reason", COMMAND, who="turid").exit == 13
    world.json("grants", who="sigrid")
    assert profile.read_text() == "# hers\n"


@pytest.mark.parametrize("first_line", [b"# hers\n", b""])
def test_even_a_signed_path_takes_no_file_that_is_not_this_stores_feed(world: World, first_line: bytes) -> None:
    profile = world.base / ".bashrc"
    profile.write_bytes(first_line)
    config = world.base / "config" / "arlo-rec" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'feed = "{profile}"\n')
    world.run("find", "--purpose", COMMAND, "--reason", COMMAND, who="turid")
    world.run("grants", who="sigrid")
    lines = profile.read_bytes().splitlines(keepends=True)
    assert lines == ([first_line] if first_line else lines)
    assert not any(COMMAND.encode() in line for line in lines[:1])


def test_a_row_of_escrows_makes_no_purge_overwrite_a_file_elsewhere(world: World) -> None:
    world.take_in("a")
    back_up(world)
    victim = world.base / "elsewhere"
    victim.mkdir()
    (victim / "ring").write_bytes(b"x" * 8 * 65_536)
    with own_code(world, "turid") as store, store.change(datetime.now(UTC)) as _:
        row = (str(victim), str(victim), 1, 1, to_micros(datetime.now(UTC)))
        store.db.run("INSERT INTO escrows (path, folder, number, changes, at) VALUES (?, ?, ?, ?, ?)", row)
    world.json("purge", who="cron")
    assert (victim / "ring").read_bytes() == b"x" * 8 * 65_536
    assert [each["escrow"] for each in world.json("status", who="iver")["backups"]] == [str(places(world)[1])]


@pytest.mark.rule("access.officer")
def test_cron_names_no_place_for_backups(world: World) -> None:
    words = ("backup", str(world.base / "b"), "--escrow", str(world.base / "e"), "--json")
    refused = world.run(*words, who="cron")
    assert (refused.exit, refused.json["error"]["code"]) == (13, "escrow_not_named")
    assert not Path(world.base / "b").exists() and not Path(world.base / "e").exists()
    assert world.run(*words, who="sigrid").exit == 0
    assert world.run(*words, who="cron").exit == 0


def test_a_root_folder_elsewhere_is_refused_until_an_officer_names_it(world: World) -> None:
    elsewhere = world.base / "moved" / "root"
    elsewhere.parent.mkdir()
    world.root.rename(elsewhere)
    config = world.store / "store.toml"
    config.write_text(config.read_text().replace('root = "store.root"', f'root = "{elsewhere}"'))
    for who in ("cron", "leif", "sigrid"):
        refused = world.run("status", "--json", who=who)
        assert (refused.exit, refused.json["error"]["code"]) == (15, "root_moved")
    assert world.run("status", "--root", str(elsewhere), who="cron").exit == 15
    assert world.run("status", "--root", str(elsewhere), who="sigrid").exit == 0
    assert world.run("status", who="cron").exit == 0


def test_a_closed_store_is_not_opened_by_a_row(world: World) -> None:
    """Restored without its feed: that it is closed stands in the signed settings."""
    from tests.support.backups import lose, restore

    world.take_in("a")
    back_up(world)
    lose(world)
    restore(world)
    world.grant("leif")
    with own_code(world, "leif") as store, store.change(datetime.now(UTC)):
        store.db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('unreplayed', 0)")
        assert store.settings.unknown_since is not None
    assert world.run("find", "--purpose", "quality", "--reason", "monthly quality talk", who="leif").exit == 14
