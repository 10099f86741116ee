"""What a key file holds beside the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arlo_rec.vault.keys import key_files
from tests.support.remembered import NEW_SALT
from tests.support.world import World


def test_two_people_who_chose_the_same_passphrase_have_keys_of_their_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_files, "new_salt", NEW_SALT)
    people = world.store / "people"
    before = set(people.iterdir())
    for name in ("nora", "nils"):
        secret = ("--new-passphrase-file", str(world.base / "passphrase"))
        world.json("person", "add", name, "--role", "support", *secret, who="sigrid")
    assert len({_salt(path) for path in set(people.iterdir()) - before}) == 2


def _salt(key_file: Path) -> str:
    return str(json.loads(key_file.read_bytes())["salt"])
