"""A restore that is only a drill: the copy and the store open beside each other, and neither passes for the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from arlo_rec.vault.keys.authority import Pin
from arlo_rec.vault.keys.root_secret import Instance, Memory, Seen, StateFolder, decode_memory, encode_memory
from tests.support import postgres
from tests.support.backups import back_up, kept, places
from tests.support.feed import path as feed_path
from tests.support.world import World


@pytest.fixture
def backed_up(world: World) -> World:
    world.take_in("a")
    back_up(world)
    return world


def drill(world: World, *more: str) -> Path:
    """Restore the newest backup beside the store, with the account that owns both, and look at the copy."""
    copy = world.base / "prove"
    (world.base / "plain.toml").write_text("")
    folder, ring = places(world)
    words = ("restore", str(folder), "--escrow", str(ring), "--store", str(copy), "--yes", "--json", *more)
    done = world.run(*words, "--config", str(world.base / "plain.toml"), who="sigrid")
    assert done.exit == (0 if "--feed" in more else 14), done
    assert looked_at(world, copy) == (0, "")
    return copy


def looked_at(world: World, store: Path, who: str = "sigrid") -> tuple[int, str]:
    exit_status, code = world.code("status", "--store", str(store), "--config", str(world.base / "plain.toml"), who=who)
    return (0 if exit_status == 3 else exit_status), code


def moved(store: Path, to: Path) -> None:
    """Put a copy of a store, with its root folder, at another place."""
    for ending in ("", ".root"):
        target = Path(f"{to}{ending}")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(f"{store}{ending}", target)
    postgres.part(to)


def swapped_in(world: World, store: Path) -> None:
    """Let another store lie in the place of this world's store; its root folder stays where it is."""
    shutil.rmtree(world.store)
    shutil.copytree(store, world.store)
    shutil.rmtree(world.root)
    settings = world.store / "store.toml"
    settings.write_text(settings.read_text().replace(f'"{store.name}.root"', f'"{store}.root"'))


@pytest.mark.slow
@pytest.mark.parametrize("has_feed", [False, True])
def test_a_drill_closes_the_store_to_nobody_who_opened_the_copy(fed: World, has_feed: bool) -> None:
    fed.take_in("a")
    back_up(fed)
    shutil.copy(feed_path(fed), fed.base / "feed")
    copy = drill(fed, *(("--feed", str(fed.base / "feed")) if has_feed else ()))
    fed.grant()
    assert fed.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert fed.run("purge", who="cron").exit == 0
    for _ in range(2):
        assert looked_at(fed, copy) == (0, "")
        assert looked_at(fed, fed.store) == (0, "")


@pytest.mark.slow
def test_after_a_drill_an_older_copy_of_the_store_is_noticed_as_before(backed_up: World) -> None:
    older = backed_up.base / "older"
    moved(backed_up.store, older)
    drill(backed_up)
    backed_up.grant()
    moved(backed_up.store, backed_up.base / "newer")
    moved(older, backed_up.store)
    assert looked_at(backed_up, backed_up.store) == (15, "roster_rolled_back")


@pytest.mark.slow
def test_a_stale_copy_of_the_store_is_noticed_wherever_it_lies(backed_up: World) -> None:
    stale = backed_up.base / "stale" / "store"
    stale.parent.mkdir()
    moved(backed_up.store, stale)
    backed_up.grant()
    (backed_up.base / "plain.toml").write_text("")
    told = backed_up.run("status", "--store", str(stale), "--json", who="sigrid")
    assert (told.exit, {"store_moved", "roster_rolled_back"} <= {*told.json["critical"]}) == (3, True)
    assert backed_up.code("purge", "--store", str(stale), who="cron") == (15, "store_moved")
    told = backed_up.code("status", "--root", f"{stale}.root", "--store", str(stale), who="sigrid")
    assert told == (15, "roster_rolled_back"), "no officer's word makes it the store"


@pytest.mark.slow
def test_the_copy_of_a_drill_does_not_pass_for_the_store(backed_up: World) -> None:
    copy = drill(backed_up)
    backed_up.grant()
    swapped_in(backed_up, copy)
    assert backed_up.code("status", "--root", f"{copy}.root", who="sigrid") == (15, "restored_unknown")


@pytest.mark.slow
def test_an_older_copy_of_a_drill_is_noticed(backed_up: World) -> None:
    copy = drill(backed_up)
    moved(copy, backed_up.base / "older")
    words = ("person", "add", "sara", "--role", "support", "--store", str(copy))
    assert backed_up.run(*words, who="sigrid").exit == 0
    moved(backed_up.base / "older", copy)
    assert looked_at(backed_up, copy) == (15, "roster_rolled_back")


@pytest.mark.slow
def test_a_drill_leaves_the_ring_as_it_was_and_can_be_made_again_at_the_same_place(backed_up: World) -> None:
    ring = kept(backed_up)
    copy = drill(backed_up)
    assert kept(backed_up) == ring
    for ending in ("", ".root"):
        shutil.rmtree(f"{copy}{ending}")
    backed_up.grant()
    back_up(backed_up)
    assert looked_at(backed_up, drill(backed_up)) == (0, "")
    assert looked_at(backed_up, backed_up.store) == (0, "")


@pytest.mark.slow
def test_who_saw_the_copy_of_a_drill_first_opens_the_store_by_its_check_word(backed_up: World) -> None:
    copy = drill(backed_up)
    shutil.rmtree(backed_up.base / "state")
    assert looked_at(backed_up, copy, who="iver") == (0, "")
    backed_up.environment["XDG_STATE_HOME"] = str(backed_up.base / "officer")
    word = backed_up.json("status", who="sigrid")["check_word"]
    del backed_up.environment["XDG_STATE_HOME"]
    assert looked_at(backed_up, backed_up.store, who="iver") == (15, "restored_unknown")
    assert backed_up.run("trust", word, who="iver").exit == 0
    for store in (backed_up.store, copy):
        assert looked_at(backed_up, store, who="iver") == (0, "")


# -- the memory ---------------------------------------------------------------------------------------

OWN, DRILL, SECOND = bytes(32), b"\1" * 32, b"\2" * 32  # branches
HERE, THERE, ELSEWHERE = b"h" * 32, b"t" * 32, b"e" * 32  # places


def seen(number: int) -> Seen:
    return Seen(number, Pin(number, bytes([number]) * 32), number, bytes(32), number, bytes(32))


BOTH = Memory({Instance(OWN, HERE): seen(3), Instance(DRILL, THERE): seen(5)})


@pytest.mark.parametrize(
    ("branch", "place", "numbers"),
    [
        (OWN, HERE, {3}),
        (OWN, ELSEWHERE, {3}),
        (OWN, THERE, {3, 5}),
        (DRILL, HERE, {3, 5}),
        (SECOND, ELSEWHERE, {3, 5}),
        (OWN, None, {3}),
        (SECOND, None, set()),
    ],
)
def test_a_store_is_compared_with_its_own_state_and_with_what_lay_at_its_place_and_a_new_one_with_all(
    branch: bytes, place: bytes | None, numbers: set[int]
) -> None:
    assert {state.generation for state in BOTH.demanded(Instance(branch, place)).values()} == numbers


def test_what_is_opened_at_a_place_takes_the_place_of_what_lay_there(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    for instance, state in BOTH.states.items():
        folder.remember(bytes(16), instance, state)
    assert folder.memory(bytes(16)) == BOTH
    folder.remember(bytes(16), Instance(SECOND, HERE), seen(7))
    assert set(folder.memory(bytes(16)).states) == {Instance(DRILL, THERE), Instance(SECOND, HERE)}
    folder.remember(bytes(16), Instance(DRILL, ELSEWHERE), seen(4))
    assert folder.memory(bytes(16)).states[Instance(DRILL, ELSEWHERE)] == seen(5), "never moves back"


def test_of_very_many_copies_the_one_used_longest_ago_is_forgotten() -> None:
    memory = BOTH
    for number in range(20):
        memory = memory.with_state(Instance(bytes([number + 9]) * 32, bytes([number]) * 32), seen(number))
        memory = memory.with_state(Instance(OWN, HERE), seen(number))
    assert decode_memory(encode_memory(memory)) == memory
    assert Instance(OWN, HERE) in memory.states
    assert Instance(DRILL, THERE) not in memory.states
