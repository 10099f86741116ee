"""Every person's and service's secrets, alone and without any check of the program, open what docs/design.md says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.vault.keys import key_files, layout
from arlo_rec.vault.keys.key_files import Identity
from tests.support.attack import SECRETS, identity, loot, rob
from tests.support.world import World


@pytest.fixture
def filled(world: World) -> World:
    """Two teams, one training-only call; leif may hear kundeservice for quality, turid nothing."""
    started = datetime.now(UTC) - timedelta(hours=1)
    world.deliver("a", seed=1)
    world.deliver("b", seed=2, team="salg")
    world.deliver("c", seed=3, consent={"prompt": "nb-2025-01"}, started=started)
    told = world.json("ingest", str(world.spool), who="telefon")
    world.ids = {one["source_id"]: one["id"] for one in told["accepted"]}  # type: ignore[attr-defined]
    assert len(told["accepted"]) == 3
    world.grant("leif", "quality", "--team", "kundeservice")
    return world


@pytest.mark.rule("access.secure")
@pytest.mark.parametrize("name", SECRETS)
def test_each_role_holds_exactly_its_secrets(filled: World, name: str) -> None:
    found = loot(filled, name)
    held = ("root" in found.parts, "index" in found.parts, any(one.startswith("access:") for one in found.parts))
    assert found.catalogue
    assert held == SECRETS[name]


@pytest.mark.rule("access.secure")
@pytest.mark.parametrize("name", ["siri", "skranke", "cron", "telefon", "iver", "turid"])
def test_who_may_destroy_or_watch_cannot_listen(filled: World, name: str) -> None:
    found = loot(filled, name)
    assert not found.kf
    assert not found.sounds
    assert not found.seeds
    assert not found.commits
    assert not found.audiences
    assert not found.metadata


def test_a_manager_opens_the_granted_team_and_purpose_alone(filled: World) -> None:
    found = loot(filled, "leif")
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert set(found.sounds) == {ids["pbx.a"]}


def test_a_training_only_call_is_sealed_to_no_manager_and_a_training_grant_opens_no_original(filled: World) -> None:
    filled.grant("leif", "quality")
    filled.grant("turid", "training")
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert set(loot(filled, "leif").sounds) == {ids["pbx.a"], ids["pbx.b"]}
    assert not loot(filled, "turid").sounds


def test_the_officer_opens_everything_through_the_subject_access_key(filled: World) -> None:
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert set(loot(filled, "sigrid").sounds) == set(ids.values())


@pytest.mark.rule("security.password")
def test_a_key_file_alone_opens_nothing(filled: World) -> None:
    where = layout.find(filled.store)
    with pytest.raises(key_files.NotUnlocked):
        key_files.unlock(where, "leif", b"not the passphrase")
    stranger = Identity(where.id, "leif", bytes(32))
    assert not rob(where, stranger).catalogue


def test_a_revocation_bites_by_key_at_the_next_recording(filled: World) -> None:
    filled.json("revoke", "leif", who="sigrid")
    (new,) = filled.take_in("after", seed=9)
    found = loot(filled, "leif")
    assert new not in found.kf
    assert "root" not in found.parts, "and what still exists cannot be reached with the old root seed"
    assert not found.sounds


def test_what_somebody_kept_of_a_key_opens_nothing_that_is_taken_in_after_the_revocation(filled: World) -> None:
    """The seeds and keys, copied while that was allowed; the root comes back with another grant."""
    before = loot(filled, "leif")
    seeds, kept = tuple(before.seeds.values()), tuple(before.audiences.values())
    assert seeds and kept
    filled.json("revoke", "leif", who="sigrid")
    filled.grant("leif", "quality", "--team", "salg")
    (new,) = filled.take_in("after", seed=9)
    found = rob(layout.find(filled.store), identity(filled, "leif"), seeds, kept)
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert new not in found.kf
    assert ids["pbx.a"] in found.sounds, "what was open to them while they copied stays so: SECURITY.md says it"


def test_a_later_grant_of_another_team_does_not_reopen_what_was_revoked(filled: World) -> None:
    filled.json("revoke", "leif", who="sigrid")
    filled.grant("leif", "quality", "--team", "salg")
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert set(loot(filled, "leif").sounds) == {ids["pbx.b"]}
    filled.grant("leif", "quality", "--team", "kundeservice")
    assert set(loot(filled, "leif").sounds) == {ids["pbx.a"], ids["pbx.b"]}


@pytest.mark.slow
def test_a_grant_that_ran_out_is_closed_by_key_though_another_one_lives(filled: World) -> None:
    filled.json("revoke", "leif", who="sigrid")
    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    filled.grant("leif", "quality", "--team", "kundeservice", "--until", soon)
    filled.grant("leif", "quality", "--team", "salg")
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    assert set(loot(filled, "leif").sounds) == {ids["pbx.a"], ids["pbx.b"]}
    while len([one for one in filled.json("grants", who="sigrid")["grants"] if one["person"] == "leif"]) > 1:
        continue
    filled.json("purge", who="cron")
    assert set(loot(filled, "leif").sounds) == {ids["pbx.b"]}


def test_a_removed_person_opens_nothing_with_what_they_kept(filled: World) -> None:
    before = identity(filled, "leif")
    where = layout.find(filled.store)
    kept = where.seal_file("leif").read_bytes()
    filled.json("person", "remove", "leif", "--yes", who="sigrid")
    assert not where.key_file("leif").exists()
    assert not where.seal_file("leif").exists()
    where.seal_file("leif").write_bytes(kept)
    assert not rob(where, before).catalogue


@pytest.mark.slow
@pytest.mark.parametrize("how", ["caller", "call", "purge"])
def test_what_was_erased_opens_for_nobody_with_yesterdays_copies_and_todays_root(filled: World, how: str) -> None:
    """Old objects, the old catalogue and every person's secrets, together with the root as it is today."""
    everybody = [identity(filled, name) for name in SECRETS]
    ids: dict[str, str] = filled.ids  # type: ignore[attr-defined]
    yesterday = filled.base / "yesterday"
    shutil.copytree(filled.store, yesterday)
    if how == "caller":
        filled.json("withdraw", "+4790000001", "--yes", who="siri")
        gone = set(ids.values())
    elif how == "call":
        filled.json("withdraw", "--call", ids["pbx.a"], "--yes", who="siri")
        gone = {ids["pbx.a"]}
    else:
        filled.deliver(
            "old", seed=5, started=datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=3), caller=None
        )
        told = filled.json("ingest", str(filled.spool), who="telefon")
        gone = {told["accepted"][0]["id"]}
        shutil.rmtree(yesterday)
        shutil.copytree(filled.store, yesterday)
        _wait_until_due(filled)
        assert filled.json("purge", who="cron")["erased"] == 1
    old = layout.Layout(yesterday, filled.root, layout.find(filled.store).id)
    for one in everybody:
        assert not gone & set(rob(old, one).sounds), one.name
    today = layout.find(filled.store)
    for one in everybody:
        assert not gone & set(rob(today, one).sounds), one.name


def test_the_attack_itself_works(filled: World) -> None:
    """Yesterday's copies with yesterday's root do open: that is why the root is never backed up in clear."""
    yesterday, old_root = filled.base / "yesterday", filled.base / "yesterday.root"
    shutil.copytree(filled.store, yesterday)
    shutil.copytree(filled.root, old_root)
    sigrid = identity(filled, "sigrid")
    filled.json("withdraw", "+4790000001", "--yes", who="siri")
    assert len(rob(layout.Layout(yesterday, old_root, sigrid.store), sigrid).sounds) == 3


def _wait_until_due(world: World) -> None:
    while not world.json("status", who="iver")["due"]:
        continue
