"""A manager whom nothing was granted, with the catalogue's key and own code: a row that they write gives nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.model.audit_events import CallTakenIn
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


@pytest.mark.rule("consent.purposes")
def test_a_purpose_that_is_written_into_a_row_opens_nothing_for_it(world: World) -> None:
    """A call for training alone, and one whose row says a later day: a row counts where the log commits to it."""
    (call,) = world.take_in("a", consent={"prompt": "nb-2025-01"})
    (other,) = world.take_in("b", seed=5)
    world.grant("leif")
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.1\t0.2\tname\n")
    with own_code(world, "turid") as store, store.change(datetime.now(UTC)):
        store.db.run("UPDATE recordings SET purposes = 'quality,training' WHERE id = ?", (bytes.fromhex(call),))
        store.db.run("UPDATE recordings SET due_at = due_at + 1 WHERE id = ?", (bytes.fromhex(other),))
    for recording, who in ((call, "leif"), (other, "leif")):
        words = ("export", recording, "--purpose", "quality", "--reason", "monthly quality talk", "--out")
        refused = world.run(*words, str(world.base / f"{recording}.wav"), "--json", who=who)
        assert (refused.exit, refused.json["error"]["code"]) == (15, "recording_changed")
    assert world.run("pseudonymise", call, "--cuts", str(cuts), who="sigrid").exit in {3, 15}
    answer = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    assert world.run("dsar", "90000001", *answer, who="sigrid").exit == 15


def test_an_entry_of_somebody_who_takes_nothing_in_makes_no_row_true(world: World) -> None:
    (call,) = world.take_in("a")
    world.grant("leif")
    with own_code(world, "turid") as store, store.change(datetime.now(UTC)) as change:
        store.db.run("UPDATE recordings SET due_at = due_at + 1")
        (row,) = store.catalogue.recordings.of_teams(None, -(2**60), 2**60)
        change.log(CallTakenIn(recordings=(row.id,), sworn=row.row_digest()))
    words = ("export", call, "--purpose", "quality", "--reason", "monthly quality talk", "--out")
    refused = world.run(*words, str(world.base / "out.wav"), "--json", who="leif")
    assert (refused.exit, refused.json["error"]["code"]) == (15, "recording_changed")
