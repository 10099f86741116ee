"""A drill: the backup comes back in a throw-away copy, of which nothing is left, and the store goes on as before."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arlo_rec.machine import surroundings
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.keys.layout import find
from tests.support.attack import own_code
from tests.support.backups import OTHER, age_ring, back_up, places
from tests.support.disks import small_disk
from tests.support.faults import damage
from tests.support.feed import path as feed_path
from tests.support.places import TOP
from tests.support.world import Result, World

pytestmark = pytest.mark.slow


@pytest.fixture
def backed_up(fed: World) -> World:
    """A store with a feed, of which a backup was made."""
    fed.take_in("a", "b")
    back_up(fed)
    return fed


def drill(world: World, *more: str, who: str = "sigrid") -> Result:
    folder, ring = places(world)
    return world.run("drill", str(folder), "--escrow", str(ring), "--json", *more, who=who)


def code(result: Result) -> tuple[int, str]:
    return result.exit, result.json.get("error", {}).get("code", "")


def files(world: World) -> dict[str, bytes]:
    """What a drill must not touch: feed, ring, backup, and what the account has seen."""
    folder, ring = places(world)
    found = [path for top in (folder, ring) for path in sorted(top.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in found}


def goes_on(world: World) -> None:
    """Nothing of a copy is left, and the store works for everybody as before."""
    left = [path for path in (world.store / "drill", world.root / "drill") if path.exists()]
    assert left == []
    assert not [path for path in world.base.rglob("*") if "restoring" in path.name]
    for who in ("sigrid", "iver", "cron"):
        assert world.run("status", "--json", who=who).exit in (0, 3)
    assert world.run("verify", "--read-data", "--json", who="iver").exit == 0
    assert world.run("backup", *_backup_words(world), who="cron").exit == 0


def _backup_words(world: World) -> tuple[str, ...]:
    folder, ring = places(world)
    return str(folder), "--escrow", str(ring)


def test_a_drill_says_what_comes_back_and_what_would_be_lost_now(backed_up: World) -> None:
    backed_up.take_in("c", "d", "e", seed=9, caller=OTHER)
    backed_up.json("withdraw", "90000001", "--yes", who="siri")
    done = drill(backed_up)
    assert done.exit == 0, done
    numbers = {key: done.json[key] for key in ("opened", "recordings", "erased_again", "lost", "damaged", "problems")}
    assert numbers == {
        "opened": True,
        "recordings": 0,
        "erased_again": 2,
        "lost": 3,
        "damaged": 0,
        "problems": [],
    }
    goes_on(backed_up)


def test_a_drill_writes_to_nothing_but_the_log_of_the_store(backed_up: World) -> None:
    before, state = files(backed_up), sorted(path.name for path in (backed_up.base / "state").rglob("*"))
    lines = feed_path(backed_up).read_text("utf-8").count("\n")
    assert drill(backed_up).exit == 0
    assert files(backed_up) == before
    assert sorted(path.name for path in (backed_up.base / "state").rglob("*")) == state
    entries = backed_up.json("audit", "show", who="iver")["entries"]
    assert [each["action"] for each in entries].count("restore") == 0
    assert [each["action"] for each in entries].count("drill") == 1
    assert "restore" not in feed_path(backed_up).read_text("utf-8")
    assert feed_path(backed_up).read_text("utf-8").count("\n") > lines, "with the entry of the drill"


def test_the_account_that_drilled_still_notices_an_older_copy_of_the_store(backed_up: World) -> None:
    older = backed_up.base / "older"
    for ending in ("", ".root"):
        shutil.copytree(f"{backed_up.store}{ending}", f"{older}{ending}")
    assert drill(backed_up).exit == 0
    for ending in ("", ".root"):
        shutil.rmtree(f"{backed_up.store}{ending}")
        shutil.copytree(f"{older}{ending}", f"{backed_up.store}{ending}")
    assert backed_up.run("status", who="sigrid").exit == 15


def test_the_newest_drill_of_an_officer_is_known_with_its_outcome(backed_up: World) -> None:
    def last() -> surroundings.LastDrill | None:
        with own_code(backed_up, "iver") as store:
            return surroundings.last_drill(store)

    assert last() is None
    assert drill(backed_up, who="cron").exit == 0
    assert last() is None, "a look opens nothing"
    assert drill(backed_up).exit == 0
    good = last()
    assert good is not None and good.is_good
    damage(places(backed_up)[0] / "1" / "catalogue.db")
    assert drill(backed_up).exit == 15
    bad = last()
    assert bad is not None and not bad.is_good and bad.at > good.at


@pytest.mark.parametrize("who", ["cron", "iver"])
def test_without_the_key_of_an_officer_the_backup_is_compared_and_not_opened(backed_up: World, who: str) -> None:
    backed_up.take_in("c", seed=9, caller=OTHER)
    looked = drill(backed_up, who=who)
    numbers = {key: looked.json[key] for key in ("opened", "recordings", "erased_again", "lost", "damaged")}
    assert (looked.exit, numbers) == (
        0,
        {"opened": False, "recordings": 2, "erased_again": None, "lost": 1, "damaged": 0},
    )
    goes_on(backed_up)


# -- trouble -------------------------------------------------------------------------------------------


def test_a_damaged_object_is_counted_and_by_a_look_named(backed_up: World) -> None:
    (broken,) = [path for path in (places(backed_up)[0] / "objects").rglob("*") if path.is_file()][:1]
    damage(broken)
    done = drill(backed_up)
    assert (done.exit, done.json["damaged"], done.json["lost"], done.json["recordings"]) == (3, 1, 1, 1)
    looked = drill(backed_up, who="cron")
    assert (looked.exit, looked.json["without"]) == (3, [broken.name])
    broken.unlink()
    goes_on(backed_up)


@pytest.mark.parametrize("who", ["sigrid", "cron"])
@pytest.mark.parametrize("what", ["catalogue", "slot", "keys"])
def test_a_backup_that_would_not_come_back_is_told(backed_up: World, who: str, what: str) -> None:
    folder, ring = places(backed_up)
    if what == "catalogue":
        damage(folder / "1" / "catalogue.db")
    elif what == "keys":
        for path in (folder / "1" / "people").iterdir():
            path.unlink()
    else:
        content = bytearray((ring / "ring").read_bytes())
        content[200] ^= 1
        (ring / "ring").write_bytes(content)
    done = drill(backed_up, who=who)
    assert done.exit in ({12, 15} if what == "keys" else {14, 15}), done
    assert "Traceback" not in done.err
    shutil.rmtree(folder)
    backed_up.json("backup", "--forget", str(folder), who="sigrid")
    back_up(backed_up, who="sigrid")
    goes_on(backed_up)


def test_a_newer_backup_that_is_damaged_is_passed_over_and_named(backed_up: World) -> None:
    backed_up.take_in("c", seed=9, caller=OTHER)
    back_up(backed_up)
    damage(places(backed_up)[0] / "2" / "catalogue.db")
    done = drill(backed_up)
    assert (done.exit, done.json["backup"], done.json["passed_over"], done.json["lost"]) == (3, 1, [2], 1)
    goes_on(backed_up)


def test_a_passphrase_that_was_changed_since_the_backup_is_told_apart(backed_up: World) -> None:
    new = backed_up.base / "new"
    new.write_text("et helt annet passord\n", "utf-8")
    new.chmod(0o600)
    backed_up.json("person", "passphrase", "--new-passphrase-file", str(new), who="sigrid")
    (backed_up.base / "passphrase").write_bytes(new.read_bytes())
    assert code(drill(backed_up)) == (12, "wrong_passphrase_backup")
    back_up(backed_up)
    assert drill(backed_up).exit == 0


def test_a_ring_that_is_too_old_is_told(backed_up: World) -> None:
    age_ring(backed_up, 30)
    for who in ("sigrid", "cron"):
        assert code(drill(backed_up, who=who)) == (14, "backup_too_old")
    goes_on(backed_up)


def test_places_that_are_away_are_told(backed_up: World) -> None:
    folder, ring = places(backed_up)
    for place, missing in ((folder, "no_backup"), (ring, "no_ring")):
        place.rename(backed_up.base / "away")
        for who in ("sigrid", "cron"):
            assert code(drill(backed_up, who=who)) == (16, missing)
        (backed_up.base / "away").rename(place)
    feed_path(backed_up).rename(backed_up.base / "away")
    for who in ("sigrid", "cron"):
        assert code(drill(backed_up, who=who)) == (16, "feed_unreachable")
    (backed_up.base / "away").rename(feed_path(backed_up))
    goes_on(backed_up)


def test_with_a_wrong_passphrase_nothing_is_tried(backed_up: World) -> None:
    wrong = backed_up.base / "wrong"
    wrong.write_text("et helt annet passord\n", "utf-8")
    wrong.chmod(0o600)
    folder, ring = places(backed_up)
    words = ("drill", str(folder), "--escrow", str(ring), "--json", "--as", "sigrid", "--passphrase-file", str(wrong))
    assert code(backed_up.run(*words)) == (12, "wrong_passphrase")
    goes_on(backed_up)


def test_two_drills_at_once_are_one(backed_up: World) -> None:
    with file_lock(find(backed_up.store).lock_file("drill"), exclusive=True, wait=0):
        assert drill(backed_up).exit == 11
    assert drill(backed_up).exit == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with small_disk(tmp_path / "small", "32m") as folder:
        yield folder


def test_a_drill_takes_no_room_that_erasing_needs(backed_up: World, small: Path) -> None:
    for ending in ("", ".root"):
        shutil.move(f"{backed_up.store}{ending}", small)
        Path(f"{backed_up.store}{ending}").symlink_to(small / f"store{ending}")
    done = drill(backed_up)
    assert code(done) == (16, "drill_no_room")
    goes_on(backed_up)


# -- killed --------------------------------------------------------------------------------------------


def killed(world: World, at: str, by: signal.Signals = signal.SIGKILL) -> int:
    """Run a drill in a process of its own, and send it a signal when the copy has a file of that name; how it ended."""
    folder, ring = places(world)
    words = ["drill", str(folder), "--escrow", str(ring), "--json", *world._who("sigrid")]
    environment = {**os.environ, **world._environment(), "PYTHONPATH": str(TOP)}
    process = subprocess.Popen(
        [sys.executable, "-m", "arlo_rec", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if list(world.store.glob(f"drill/{at}")) or list(world.root.glob(f"drill/{at}")):
            process.send_signal(by)
            break
    return process.wait()


@pytest.mark.parametrize("at", ["feed", "store/restoring", "store/objects/*/*", "root", "store/store.toml"])
@pytest.mark.parametrize("swept_by", ["drill", "purge"])
def test_the_copy_of_a_killed_drill_is_swept_and_the_store_goes_on_meanwhile(
    backed_up: World, at: str, swept_by: str
) -> None:
    assert killed(backed_up, at) == -signal.SIGKILL
    assert (backed_up.store / "drill").exists()
    assert backed_up.run("status", "--json", who="sigrid").exit in (0, 3)
    assert backed_up.run("verify", "--read-data", "--json", who="iver").exit == 0
    done = drill(backed_up) if swept_by == "drill" else backed_up.run("purge", who="cron")
    assert done.exit == 0, done
    goes_on(backed_up)


def test_the_root_secret_of_a_copy_is_overwritten_before_its_file_goes(
    backed_up: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert killed(backed_up, "store/store.toml") == -signal.SIGKILL
    (backed_up.root / "drill").rename(backed_up.root / "elsewhere")
    (backed_up.root / "drill").mkdir(mode=0o700)
    os.link(backed_up.root / "elsewhere" / "root", backed_up.base / "second-name")
    shutil.move(backed_up.root / "elsewhere" / "root", backed_up.root / "drill" / "root")
    held = os.open(backed_up.root / "drill" / "root", os.O_RDONLY)
    (backed_up.base / "second-name").unlink()
    assert any(os.pread(held, 1024, 0))
    assert backed_up.run("purge", who="cron").exit == 0
    assert os.pread(held, 1024, 0) == bytes(1024)
    os.close(held)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_drill_that_is_interrupted_removes_its_copy_or_leaves_it_to_the_purge(
    backed_up: World, interruptible: None, by: signal.Signals
) -> None:
    assert killed(backed_up, "store/objects", by) in (130, -by)
    assert by is signal.SIGTERM or not (backed_up.store / "drill").exists()
    assert backed_up.run("purge", who="cron").exit == 0
    goes_on(backed_up)


def test_a_purge_leaves_the_copy_of_a_drill_that_runs(backed_up: World) -> None:
    place = find(backed_up.store)
    place.drill.mkdir(mode=0o700)
    with file_lock(place.lock_file("drill"), exclusive=True, wait=0):
        assert backed_up.run("purge", who="cron").exit == 0
        assert place.drill.exists()
    assert backed_up.run("purge", who="cron").exit == 0
    goes_on(backed_up)


def test_a_link_in_the_place_of_a_copy_leads_nowhere(backed_up: World) -> None:
    place, before = find(backed_up.store), (backed_up.root / "root").read_bytes()
    place.drill_root.symlink_to(backed_up.root)
    place.drill.symlink_to(backed_up.store)
    assert backed_up.run("purge", who="cron").exit == 0
    assert (backed_up.root / "root").read_bytes() == before
    goes_on(backed_up)
