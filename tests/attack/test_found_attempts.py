"""Whoever guessed at a passphrase, and has no key, but may write the store's files as the group may."""

from __future__ import annotations

import json

import pytest

from tests.support.world import World


@pytest.mark.rule("security.unauthorised")
def test_notes_of_failed_unlocks_that_are_cut_before_they_were_taken_in_are_told(world: World) -> None:
    wrong = world.base / "wrong"
    wrong.write_text("no passphrase of anybody\n")
    wrong.chmod(0o600)
    notes = world.store / "attempts"
    before = notes.read_bytes()
    assert world.run("status", "--as", "sigrid", "--passphrase-file", str(wrong)).exit == 12
    notes.write_bytes(before)
    told = world.json("audit", "show", "--action", "unlock", who="iver")
    assert told["entries"] or world.run("verify", who="iver").exit == 15, json.dumps(told)
