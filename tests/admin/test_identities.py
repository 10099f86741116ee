"""Adding people and giving them new keys, also where it breaks off."""

from __future__ import annotations

import pytest

from arlo_rec.admin import identities
from arlo_rec.keys import layout
from arlo_rec.model.errors import Unreachable
from tests.support.attack import identity, rob
from tests.support.world import World

pytestmark = pytest.mark.rule("access.officer")


def test_somebody_whose_adding_broke_off_before_the_end_opens_nothing_until_they_get_new_keys(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on the roster, `verify` names the file that they lack, and a reset writes it."""

    def fails(*_words: object) -> None:
        raise Unreachable("no_space")

    add = ("person", "add", "eve", "--role", "auditor", "--new-passphrase-file", str(world.base / "passphrase"))
    with monkeypatch.context() as full:
        full.setattr(identities, "write_catalogue_seal", fails)
        assert world.run(*add, who="sigrid").exit == 16
    place = layout.find(world.store)
    assert not rob(place, identity(world, "eve")).catalogue
    (problem,) = world.run("verify", "--json", who="iver").json["problems"]
    assert (problem["code"], problem["what"]) == ("file_missing", f"seals/{place.seal_file('eve').name}")
    world.json("person", "passphrase", "--reset", "eve", who="sigrid")
    assert world.run("verify", who="iver").exit == 0
