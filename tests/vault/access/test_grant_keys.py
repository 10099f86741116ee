"""The key pair of a grant and its history: what is held and what comes, in parts, through crashes and ends."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec import store as opening
from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.errors import InUse
from arlo_rec.law.model.progress import Phase, Progress
from arlo_rec.office import grants
from arlo_rec.store import open_store
from arlo_rec.vault.access import grant_history
from arlo_rec.vault.catalogue.grant_keys import GrantKeys
from arlo_rec.vault.crypto.primitives import SealingKey, fingerprint
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Store
from tests.support.attack import identity, loot
from tests.support.catalogue import catalogue
from tests.support.world import REASON, World

WHY = "responsible for quality"


def opened(world: World, name: str = "sigrid") -> AbstractContextManager[Store]:
    return open_store(find(world.store), identity(world, name), now(), StateFolder(None))


def now() -> datetime:
    return datetime.now(UTC)


def terms(name: str = "leif", *teams: str) -> grants.Terms:
    return grants.Terms(name, "quality", teams or None, now() + grants.GRANT_LONGEST / 2, WHY)


def commits(world: World, count: int) -> set[str]:
    """Calls, each taken in by a run of its own."""
    return {world.take_in(f"call{number}", seed=number)[0] for number in range(count)}


def count(world: World, table: str) -> int:
    db = catalogue(world)
    (row,) = db.rows(f"SELECT count(*) FROM {table}")
    db.close()
    return int(row[0])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grant_history, "PART", 2)


class Stopped(Exception):
    """The run that gave the grant was killed."""


def test_a_grant_that_was_interrupted_is_finished_by_the_next_command_of_any_officer(world: World) -> None:
    held = commits(world, 5)

    def stop(progress: Progress) -> None:
        if progress.done >= 2:
            raise Stopped

    with opened(world) as store, pytest.raises(Stopped):
        grants.grant(store, terms(), now(), stop)
    assert len(loot(world, "leif").sounds) == 2
    world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")
    assert len(loot(world, "leif").sounds) == 2, "a manager cannot go on with it"
    world.json("grants", who="sigrid")
    assert set(loot(world, "leif").sounds) == held


def test_a_call_that_is_taken_in_while_a_grant_is_given_opens_too(world: World) -> None:
    held, new = commits(world, 4), list[str]()

    def meanwhile(_progress: Progress) -> None:
        if len(new) < 3:
            new.extend(world.take_in(f"new{len(new)}", seed=10 + len(new)))

    with opened(world) as store:
        grants.grant(store, terms(), now(), meanwhile)
    assert len(new) == 3
    assert set(loot(world, "leif").sounds) == held | set(new)
    assert count(world, "audience_wraps") == 4, "what came later is sealed to the grant, and not wrapped for it as well"


def test_a_call_that_is_withdrawn_while_a_grant_is_given_leaves_no_key(world: World) -> None:
    commits(world, 3)
    wrapped = grant_history._wrapped

    def meanwhile(*words: Any) -> Any:
        made = wrapped(*words)
        if count(world, "recordings WHERE state = 'held'"):
            world.json("withdraw", "+4790000001", "--yes", who="siri")
        return made

    with opened(world) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(grant_history, "_wrapped", meanwhile)
        grants.grant(store, terms(), now())
    assert [count(world, table) for table in ("audience_keys", "audience_wraps", "commit_keys")] == [0, 0, 0]


@pytest.mark.slow
def test_a_grant_that_is_revoked_while_it_is_given_gets_nothing_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits(world, 5)
    wrapped = grant_history._wrapped

    def meanwhile(*words: Any) -> Any:
        made = wrapped(*words)
        world.run("revoke", "leif", who="sigrid")
        return made

    monkeypatch.setattr(grant_history, "_wrapped", meanwhile)
    with opened(world) as store:
        grants.grant(store, terms(), now())
    assert [count(world, table) for table in ("grant_seeds", "grant_histories", "audience_wraps")] == [0, 0, 0]
    assert not loot(world, "leif").kf


@pytest.mark.slow
def test_a_history_goes_on_under_the_newest_pair_where_an_officer_leaves_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who left could open the pair before, and so whatever was wrapped under it later."""
    words = ("--role", "officer", "--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "solveig", *words, who="sigrid")
    held, wrapped = commits(world, 3), grant_history._wrapped

    def meanwhile(*words: Any) -> Any:
        made = wrapped(*words)
        monkeypatch.setattr(grant_history, "_wrapped", wrapped)
        monkeypatch.setattr(opening, "_go_on_with_grants", lambda *_words: None)  # else it would be done before
        world.run("person", "remove", "solveig", "--yes", who="sigrid")
        return made

    monkeypatch.setattr(grant_history, "_wrapped", meanwhile)
    with opened(world) as store:
        grants.grant(store, terms(), now())
        newest = {fingerprint(grant.public) for grant in store.roster.grants}
    db = catalogue(world)
    assert {bytes(row[0]) for row in db.rows("SELECT pair FROM audience_wraps")} == newest
    db.close()
    assert set(loot(world, "leif").sounds) == held


def test_what_was_wrapped_for_a_grant_that_ended_goes_in_parts_and_an_officers_next_command_does_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits(world, 5)
    world.grant()
    monkeypatch.setattr(grant_history, "SWEPT", 2)
    sweep, left = GrantKeys.sweep, list[int]()

    def stopped(table: GrantKeys, grant_id: str, at_most: int) -> bool:
        if len(left) == 1:
            left.append(0)
            raise InUse("in_use")
        left.append(at_most)
        return sweep(table, grant_id, at_most)

    monkeypatch.setattr(GrantKeys, "sweep", stopped)
    assert world.run("revoke", "leif", who="sigrid").exit == 0, "the grant is over, whatever is left to be tidied"
    assert [count(world, table) for table in ("grant_seeds", "audience_wraps", "grant_histories")] == [0, 3, 1]
    assert not loot(world, "leif").kf
    world.json("grants", who="sigrid")
    assert [count(world, table) for table in ("audience_wraps", "grant_histories")] == [0, 0]


@pytest.mark.in_a_file
def test_keys_are_opened_outside_every_lock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commits(world, 3)
    wrapped, seen = grant_history._wrapped, list[bool]()

    def watched(store: Store, *words: Any) -> Any:
        seen.append(store.db._db.in_transaction)  # type: ignore[attr-defined]
        return wrapped(store, *words)

    monkeypatch.setattr(grant_history, "_wrapped", watched)
    with opened(world) as store:
        grants.grant(store, terms(), now())
    assert seen == [False, False]


def test_a_grant_opens_its_teams_and_is_told_how_far_it_is(world: World) -> None:
    ours = world.take_in("a", "b", seed=1)
    world.take_in("c", seed=3, team="salg")
    told = list[Progress]()
    with opened(world) as store:
        grants.grant(store, terms("leif", "kundeservice"), now(), told.append)
    assert told[-1] == Progress(Phase.GRANT, 1, 1), "one key of one commit, for two calls"
    assert set(loot(world, "leif").sounds) == set(ours)


def test_a_pending_grant_is_sealed_to_nobody_until_it_is_made_live(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--role", "officer", "--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "solveig", *words, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=8))
    world.catch_up()
    (before,) = world.take_in("before", seed=1)
    words = ("grant", "solveig", "--all-teams", "--purpose", "quality", "--reason", "responsible for quality")
    pending = world.json(*words, who="solveig")["grant"]
    assert pending["state"] == "pending"
    (then,) = world.take_in("then", seed=2)
    db = catalogue(world)
    access = {bytes(row[0]) for row in db.rows("SELECT access_key FROM commit_keys")}
    assert {bytes(row[0]) for row in db.rows("SELECT holder FROM grant_seeds")} == access
    db.close()
    assert [count(world, table) for table in ("audience_seals", "audience_wraps", "grant_histories")] == [0, 0, 0]
    world.json("approve", pending["id"], who="sigrid")
    words = ("find", "--purpose", "quality", "--reason", REASON)
    assert {one["id"] for one in world.json(*words, who="solveig")["recordings"]} == {before, then}
    (after,) = world.take_in("after", seed=3)
    assert after in {one["id"] for one in world.json(*words, who="solveig")["recordings"]}


def test_a_search_opens_no_more_keys_than_it_shows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.grant()
    commits(world, 5)
    opener, opens = SealingKey.open, list[bytes]()

    def counted(key: SealingKey, sealed: bytes, info: bytes) -> bytes:
        if info.startswith(b"arlo-rec/1/audience seal"):
            opens.append(info)
        return opener(key, sealed, info)

    monkeypatch.setattr(SealingKey, "open", counted)
    words = ("find", "--purpose", "quality", "--reason", REASON)
    assert len(world.json(*words, "--limit", "2", who="leif")["recordings"]) == 2
    assert len(opens) == 2
    assert len(world.json(*words, who="leif")["recordings"]) == 5
    assert len(opens) == 7


def test_a_batch_is_sealed_once_for_each_team_and_grant_however_many_calls_it_has(world: World) -> None:
    world.grant("leif")
    world.grant("turid", "quality", "--team", "salg")
    for number in range(6):
        world.deliver(f"call{number}", seed=number, team="salg" if number % 2 else "kundeservice")
    world.json("ingest", str(world.spool), who="telefon")
    assert [count(world, table) for table in ("commit_keys", "audience_keys", "audience_seals")] == [1, 2, 3]


def test_the_roster_keeps_no_public_half_of_a_grant_that_ended(world: World) -> None:
    world.grant()
    world.json("revoke", "leif", who="sigrid")
    with opened(world) as store:
        assert [(grant.public, grant.earlier_pairs) for grant in store.roster.grants] == [(b"", ())]
