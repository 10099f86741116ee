"""Who signed an entry: asked one by one, and of many at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arlo_rec.access import signed
from arlo_rec.access.signed import Signed, in_order, name_of
from arlo_rec.model.audit_events import LogShown
from tests.support.attack import own_code
from tests.support.world import REASON, World


@pytest.fixture
def busy(world: World) -> World:
    """A log of several people's, with entries in others' names, and checkpoints that somebody struck or changed."""
    world.grant()
    world.take_in("one", "two")
    for who in ("leif", "turid", "siri"):
        world.run("find", "--purpose", "quality", "--reason", REASON, who=who)
    now = datetime.now(UTC)
    with own_code(world, "leif") as store:
        store.note(LogShown(), now)
        with store.db.writing():
            store.log.append([{"action": "find", "person": "turid"}, {}], store.identity.signing)
        sizes = [size for size, _ in store.log.notes_after(20)]
        with store.db.writing():
            store.db.run("DELETE FROM checkpoints WHERE size = ?", (sizes[1],))
            store.db.run("UPDATE checkpoints SET note = ? WHERE size = ?", ("no note", sizes[3]))
            store.db.run("UPDATE checkpoints SET root = ? WHERE size = ?", (bytes(32), sizes[4]))
    return world


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_many_at_once_are_the_same_as_one_by_one(busy: World, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(signed, "_AT_ONCE", at_once)
    with own_code(busy, "iver") as store:
        seqs = [entry.seq for entry in store.log.entries()]
        one_by_one = [Signed(store).by(seq) for seq in seqs]
        assert None in one_by_one
        assert len({name_of(each) for each in one_by_one if each is not None}) > 3
        together = list(in_order(store, [(seq, seq) for seq in seqs], None))
        assert together == list(zip(seqs, one_by_one, strict=True))
        for name in ("leif", "turid", "nobody"):
            wanted = [each if each is not None and name_of(each) == name else None for each in one_by_one]
            assert [signer for _, signer in in_order(store, [(seq, seq) for seq in seqs], name)] == wanted
        some = seqs[::3]
        assert [signer for _, signer in in_order(store, [(seq, seq) for seq in some], None)] == one_by_one[::3]
