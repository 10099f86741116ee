"""An erasure that a power cut ended is told as what it is, is no damage, and the next erasure clears it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.machine.status import left_by_erasure
from arlo_rec.vault.backends import SLOT_BYTES
from arlo_rec.vault.erasure import receipts
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import SlotRoot, open_root
from tests.support.attack import own_code
from tests.support.faults import Crash
from tests.support.watchers import ALL, told_by
from tests.support.world import World

DIES: dict[str, tuple[Any, str]] = {  # where the power goes: behind the first, before the others
    "begun": (SlotRoot, "begin"),
    "committed": (SlotRoot, "settle"),
    "settled": (receipts, "write"),
}


def cut_off(world: World, step: str) -> None:
    """Withdraw, until the power goes."""
    place, name = DIES[step]
    work: Callable[..., Any] = getattr(place, name)

    def dies(*words: Any, **named: Any) -> None:
        if step == "begun":
            work(*words, **named)
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, dies)
        with pytest.raises(Crash):
            world.run("withdraw", "90000001", "--yes", who="siri")


def is_told(world: World) -> bool:
    """Whether every watcher tells of it; all or none of them do, and `verify` finds nothing else."""
    verified = world.run("verify", "--json", who="iver")
    is_cut_off = verified.json["erasure_cut_off"]
    assert (verified.exit, verified.json["problems"]) == (3 if is_cut_off else 0, [])
    assert told_by(world, "erasure_cut_off") == (ALL if is_cut_off else set())
    return bool(is_cut_off)


@pytest.mark.parametrize("step", DIES)
def test_an_erasure_that_was_cut_off_is_told_by_every_watcher_until_a_purge(world: World, step: str) -> None:
    world.take_in("a")
    cut_off(world, step)
    assert is_told(world)
    words = world.run("verify", "--lang", "en", who="iver").out
    assert "arlo-rec purge" in words and "restore" not in words
    world.json("purge", who="cron")
    assert not is_told(world)
    findings = world.json("status", who="iver")["findings"]
    assert "verify_found" not in {each["code"] for each in findings}
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == (step == "begun")


@pytest.mark.parametrize("step", ["begun", "committed"])
def test_half_a_write_of_an_erasure_is_no_damage(world: World, step: str) -> None:
    world.take_in("a")
    file = world.root / "root"
    (old, _), half = halves(file), 64
    cut_off(world, step)
    slots = halves(file)
    written = next(index for index, slot in enumerate(slots) if slot != old)
    if step == "begun":
        slots[written] = slots[written][:half] + old[half:]
    else:
        slots[1 - written] = slots[written][:half] + old[half:]
    file.write_bytes(b"".join(slots))
    assert is_told(world)
    world.json("purge", who="cron")
    assert not is_told(world)
    assert len({*halves(file)}) == 1


def halves(file: Path) -> list[bytes]:
    """The two slots of a root."""
    content = file.read_bytes()
    return [content[:SLOT_BYTES], content[SLOT_BYTES:]]


def test_a_slot_that_was_spoilt_where_no_erasure_was_cut_off_is_damage(world: World) -> None:
    file = world.root / "root"
    file.write_bytes(file.read_bytes()[: SLOT_BYTES + 64] + bytes(SLOT_BYTES - 64))
    verified = world.run("verify", "--json", who="iver")
    assert (verified.exit, verified.json["erasure_cut_off"]) == (15, False)
    assert [each["code"] for each in verified.json["problems"]] == ["root_slot_damaged"]
    assert "root_slot_damaged" in world.run("status", "--json", who="iver").json["critical"]


def test_an_erasure_that_is_at_work_is_none_that_was_cut_off(world: World) -> None:
    place = find(world.store)
    with own_code(world, "iver") as store:
        root = open_root(place)
        with root.lock(exclusive=True, wait=0):
            root.begin(store.meta.number("generation"), bytes(32), 1)
            assert not left_by_erasure(store).is_cut_off
        assert left_by_erasure(store).is_cut_off
