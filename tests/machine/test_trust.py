"""A store that was restored without its feed: whoever saw a newer one asks for the check word before going on."""

from __future__ import annotations

import shutil

import pytest

from tests.support.backups import back_up, lose, restore
from tests.support.world import REASON, Result, World


@pytest.fixture
def restored(world: World) -> World:
    """The desk saw a grant that the backup does not have; its account's memory outlived the machine."""
    world.take_in("a")
    back_up(world)
    world.grant("turid")
    shutil.copytree(world.base / "state", world.base / "desk")
    lose(world)
    word = restore(world, "--accept-without-feed", "--reason", REASON).json["check_word"]
    (world.base / "word").write_text(word)
    return world


def at_the_desk(world: World, *words: str, who: str = "iver") -> Result:
    world.environment["XDG_STATE_HOME"] = str(world.base / "desk")
    result = world.run(*words, "--json", who=who)
    del world.environment["XDG_STATE_HOME"]
    return result


@pytest.mark.rule("access.officer")
def test_an_account_that_saw_a_newer_store_refuses_until_the_check_word_is_typed(restored: World) -> None:
    refused = at_the_desk(restored, "status")
    assert (refused.exit, refused.json["error"]["code"]) == (15, "restored_unknown")
    wrong = at_the_desk(restored, "trust", "aaaa-aaaa-aaaa-aaaa-aaaa")
    assert (wrong.exit, wrong.json["error"]["code"]) == (15, "trust_differs")
    assert at_the_desk(restored, "status").exit == 15
    word = restored.json("status", who="sigrid")["check_word"]
    assert at_the_desk(restored, "trust", word.upper()).exit == 0
    assert at_the_desk(restored, "status").exit == 0
    assert at_the_desk(restored, "trust", word).json["error"]["code"] == "nothing_to_trust"


def test_an_account_that_saw_nothing_newer_goes_on_by_itself(restored: World) -> None:
    assert restored.run("status", who="iver").exit == 0


def test_the_check_word_of_the_answer_is_that_of_the_status(world: World) -> None:
    world.take_in("a")
    back_up(world)
    lose(world)
    said = restore(world).json
    assert world.json("status", who="iver")["check_word"] == said["check_word"]


def test_who_was_away_while_an_officer_left_is_asked_to_compare(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    world.run("status", who="iver")
    shutil.copytree(world.base / "state", world.base / "desk")
    world.run("person", "remove", "sara", "--yes", who="sigrid")
    word = world.json("status", who="sigrid")["check_word"]
    assert word in at_the_desk(world, "status").err
    assert word not in at_the_desk(world, "status").err, "said once"
