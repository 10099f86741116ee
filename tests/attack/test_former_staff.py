"""Who was removed, with what they kept from when they were allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from arlo_rec.crypto import object_file
from arlo_rec.keys import layout
from arlo_rec.model.errors import Integrity
from tests.support.attack import identity, loot, rob
from tests.support.world import World


def opened(world: World, name: str, halves: tuple[bytes, bytes]) -> bool:
    """Whether an object in the store opens with the two halves of its key alone."""
    raw = Path(world.store, "objects", name[:2], name).read_bytes()
    header = object_file.read_header(raw)
    try:
        body = object_file.open_body(object_file.DataKey(*halves), header, [raw[len(header.encode()) :]])
        return b"".join(body).startswith(b"RIFF")
    except Integrity:
        return False


def test_what_a_removed_person_unwrapped_before_opens_that_recording_while_its_object_lies_there(world: World) -> None:
    """SECURITY.md says so, and what ends it: 64 bytes of key need no key of the store."""
    (call,) = world.take_in("call")
    world.grant()
    kept, before = loot(world, "leif").halves, identity(world, "leif")
    assert set(kept) == {call}
    world.json("person", "remove", "leif", "--yes", who="sigrid")
    (new,) = world.take_in("new", seed=5, caller="+4790000002")
    assert not rob(layout.find(world.store), before).catalogue
    assert opened(world, call, kept[call]), "the object is as it was"
    assert not opened(world, new, kept[call])
    copy = Path(world.store, "objects", call[:2], call).read_bytes()
    world.json("withdraw", "90000001", "--yes", who="siri")
    with pytest.raises(FileNotFoundError):
        opened(world, call, kept[call])
    Path(world.store, "objects", call[:2], call).write_bytes(copy)
    assert opened(world, call, kept[call]), "and a copy of the object opens after its erasure too"
