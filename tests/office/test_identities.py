"""Adding people and giving them new keys, also where it breaks off."""

from __future__ import annotations

import shlex

import pytest

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.office import identities
from arlo_rec.vault.keys import layout
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


@pytest.mark.parametrize("name", ["Nora Nordmann", "Siri O'Nord", "ola$HOME"])
def test_the_command_that_is_shown_for_a_new_person_runs_as_it_is_pasted(world: World, name: str) -> None:
    told = world.run("person", "add", name, "--role", "manager", "--lang", "en", who="sigrid")
    assert told.exit == 0
    command = shlex.split(told.out.rsplit("arlo-rec ", 1)[1])
    one_time = told.out.split("one-time passphrase ")[1].split("\n")[0]
    (world.base / "one-time").write_text(one_time + "\n")
    (world.base / "one-time").chmod(0o600)
    new = ("--new-passphrase-file", str(world.base / "passphrase"))
    assert world.run(*command, "--passphrase-file", str(world.base / "one-time"), *new).exit == 0


def test_a_successor_who_is_an_officer_already_is_told_how_to_take_over(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "tora", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    told = world.run("person", "remove", "sigrid", "--successor", "tora", "--yes", "--lang", "en", who="sigrid")
    assert told.exit == 2
    assert "tora removes you: arlo-rec person remove sigrid" in told.err
    assert world.run("person", "remove", "sigrid", "--yes", who="tora").exit == 0
