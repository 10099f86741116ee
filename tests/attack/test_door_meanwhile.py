"""The person at the door: what one command does between the moments at which another looks and writes."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from arlo_rec import retention
from arlo_rec.law.model.records import Person
from arlo_rec.office import identities
from arlo_rec.vault.access import gate
from arlo_rec.vault.access.grant_keys import GrantPair
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.backends.holders import holder_note
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import Identity
from arlo_rec.vault.opened import Store
from tests.support.attack import accomplished, identity, meanwhile, own_code, problem_codes, rob
from tests.support.world import REASON, Result, World

pytestmark = pytest.mark.rule("access.officer")
CHECKED = "called back on the number of the contract"
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def three(world: World) -> World:
    """A store with three officers: sigrid, astrid and bodil."""
    for name in ("astrid", "bodil"):
        secret = str(world.base / "passphrase")
        world.json("person", "add", name, "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    return world


def code(result: Result) -> tuple[int, str]:
    return result.exit, result.json["error"]["code"]


def exported(world: World, call: str, who: str) -> int:
    out = world.base / f"heard-{len(list(world.base.glob('heard-*')))}"
    return world.run("export", call, *WHY, "--out", str(out), who=who).exit


def all_is_well(world: World) -> bool:
    return not problem_codes(world) and world.run("audit", "verify", who="iver").exit == 0


# -- who gets it ---------------------------------------------------------------------------------------


def test_who_is_removed_while_a_grant_is_given_gets_neither_its_seed_nor_the_root(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = identity(three, "leif")
    meanwhile(monkeypatch, GrantPair, "fresh", lambda: three.json("person", "remove", "leif", "--yes", who="astrid"))
    assert code(three.run("grant", "leif", "--all-teams", *WHY, "--json", who="sigrid")) == (4, "no_such_person")
    (later,) = three.take_in("later")
    loot = accomplished(three, kept)
    assert (set(loot.parts), later in loot.sounds) == (set(), False)


def test_keys_that_become_void_while_a_grant_is_given_get_nothing_of_it(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen = identity(three, "leif")
    reset = ("person", "passphrase", "--reset", "leif")
    meanwhile(monkeypatch, GrantPair, "fresh", lambda: three.json(*reset, who="astrid"))
    three.grant("leif")
    (later,) = three.take_in("later")
    loot = accomplished(three, stolen)
    assert (set(loot.parts), later in loot.sounds) == (set(), False)


def test_an_officer_who_is_removed_while_she_gets_new_keys_is_given_nothing(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh: list[Identity] = []
    renew, remove = identities._renew, ("person", "remove", "bodil", "--yes")

    def renewed(store: Store, old: Person, new: Identity, now: datetime) -> Person:
        fresh.append(new)
        three.json(*remove, who="astrid")
        return renew(store, old, new, now)

    monkeypatch.setattr(identities, "_renew", renewed)
    refused = three.run("person", "passphrase", "--reset", "bodil", "--json", who="sigrid")
    assert code(refused) == (11, "changed_meanwhile")
    (later,) = three.take_in("later")
    loot = accomplished(three, fresh[0])
    assert (set(loot.parts), later in loot.kf) == (set(), False)


def test_a_removal_takes_the_keys_of_now_or_none(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reset = ("person", "passphrase", "--reset", "leif")
    meanwhile(monkeypatch, protocol, "replace_root", lambda: three.json(*reset, who="astrid"))
    removal = ("person", "remove", "leif", "--yes", "--json")
    assert code(three.run(*removal, who="sigrid")) == (11, "changed_meanwhile")
    assert three.run(*removal, who="sigrid").exit == 0


def test_two_officers_who_remove_each_other_leave_one(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    three.json("person", "remove", "bodil", "--yes", who="sigrid")
    remove = ("person", "remove", "sigrid", "--yes")
    meanwhile(monkeypatch, protocol, "replace_root", lambda: three.json(*remove, who="astrid"))
    assert code(three.run("person", "remove", "astrid", "--yes", "--json", who="sigrid")) == (12, "secret_not_given")
    assert three.run("status", who="astrid").exit == 0


def test_a_revocation_ends_what_was_given_while_it_began(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.grant("leif")
    meanwhile(monkeypatch, protocol, "replace_root", lambda: world.grant("leif"))
    assert len(world.json("revoke", "leif", who="sigrid")["revoked"]) == 2
    (later,) = world.take_in("later")
    assert exported(world, later, "leif") == 13


# -- who signs -----------------------------------------------------------------------------------------


@pytest.mark.rule("security.unauthorised")
def test_a_key_that_becomes_void_during_a_purge_signs_nothing_and_the_next_one_finishes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = world.base / "cron2.key"
    rotate = ("person", "rotate", "cron", "--key-out", str(new))
    meanwhile(monkeypatch, retention, "_tidy", lambda: world.json(*rotate, who="sigrid"))
    assert code(world.run("purge", "--json", who="cron")) == (12, "no_longer_here")
    assert all_is_well(world)
    assert world.run("purge", "--key-file", str(new)).exit == 0
    assert all_is_well(world)


@pytest.mark.rule("security.unauthorised")
def test_an_erasure_that_began_with_a_key_that_is_void_by_now_is_finished_by_the_next_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever withdraws is removed once the keys are destroyed: the objects and the receipt are left to the next."""
    (call,) = world.take_in("a")

    def gone() -> None:  # as a removal that waited for the root
        with own_code(world, "sigrid") as store:
            left = tuple(each for each in store.roster.people if each.name != "siri")
            with store.change(store.roster.at):
                store.put(store.roster.next(store.roster.at, people=left))

    meanwhile(monkeypatch, protocol, "_finish_erasure", gone)
    assert code(world.run("withdraw", "90000001", "--yes", "--json", who="siri")) == (12, "no_longer_here")
    assert (world.store / "objects" / call[:2] / call).exists() is False
    assert world.json("status", who="sigrid")["unfinished"] == 0
    assert [path.suffix for path in (world.store / "receipts").iterdir()]


@pytest.mark.rule("security.unauthorised")
@pytest.mark.parametrize("at", ["data_key", "still_open"])
def test_a_manager_who_is_removed_during_an_export_signs_nothing_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    (call,) = world.take_in("a")
    world.grant("leif")
    meanwhile(monkeypatch, gate, at, lambda: world.json("person", "remove", "leif", "--yes", who="sigrid"))
    out = world.base / "x.wav"
    assert world.run("export", call, *WHY, "--out", str(out), who="leif").exit == 12
    assert not out.exists()
    assert all_is_well(world)
    (left,) = world.json("recipients", "list", who="sigrid")["recipients"]
    assert left["state"] == "out", "that nothing was written she cannot say any more: an officer asks, and confirms"


def test_what_a_change_put_into_force_that_was_not_committed_is_no_ground_for_the_next(world: World) -> None:
    with own_code(world, "sigrid") as store:
        now, only_sigrid = store.roster.at, store.roster.next(store.roster.at, people=(store.person,))
        with pytest.raises(KeyError), store.change(now):
            store.put(only_sigrid)
            raise KeyError
        with store.change(now):
            assert store.roster.person("leif") is not None


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize(("command", "at"), [("dsar", "permits_for_subject"), ("export", "_decide")])
def test_a_call_that_is_withdrawn_between_two_looks_at_it_is_withdrawn_and_no_damage(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str, at: str
) -> None:
    (call,) = world.take_in("a")
    world.grant()
    out = ("--out", str(world.base / "out"))
    words = ("dsar", "90000001", "--identity", CHECKED, *out) if command == "dsar" else ("export", call, *WHY, *out)
    meanwhile(monkeypatch, gate, at, lambda: world.json("withdraw", "90000001", "--yes", who="siri"))
    assert world.run(*words, who="sigrid" if command == "dsar" else "leif").exit == 14
    assert not (world.base / "out").exists()
    assert all_is_well(world)


# -- who holds the store ---------------------------------------------------------------------------------


@pytest.fixture
def hurried(world: World) -> World:
    """A world in which nobody waits 20 seconds."""
    config = world.base / "config.toml"
    config.write_text("lock_wait_s = 0\n", "utf-8")
    world.environment["ARLO_REC_CONFIG"] = str(config)
    return world


@pytest.mark.parametrize("place", ["root/lock", "store/open.lock"])
@pytest.mark.parametrize("noted", [True, False], ids=["with a note", "without one"])
def test_a_withdrawal_that_waits_in_vain_says_who_holds_the_store(hurried: World, place: str, noted: bool) -> None:
    path = hurried.root / "lock" if place == "root/lock" else hurried.store / "open.lock"
    note = holder_note("telefon", "ingest", datetime(2026, 11, 26, 12, tzinfo=UTC)) if noted else b""
    with file_lock(path, exclusive=True, wait=0, note=note):
        result = hurried.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (result.exit, result.json["error"]["code"]) == (11, "in_use")
    message = result.json["error"]["message"]
    assert f"process {os.getpid()} of login account" in message
    assert ("ingest by telefon" in message) is noted


def test_whose_command_ended_is_named_by_no_lock(world: World) -> None:
    world.take_in("call")
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert [(world.root / "lock").read_bytes(), (world.store / "open.lock").read_bytes()] == [b"", b""]


@pytest.mark.rule("access.need")
@pytest.mark.parametrize("service", [False, True])
def test_who_could_not_be_added_because_somebody_held_the_root_opens_nothing(hurried: World, service: bool) -> None:
    add = ["person", "add", "eve", "--role", "auditor"]
    add += ["--service", "--key-out", str(hurried.key("eve"))] if service else []
    add += [] if service else ["--new-passphrase-file", str(hurried.base / "passphrase")]
    with file_lock(hurried.root / "lock", exclusive=True, wait=0):
        assert hurried.run(*add, who="sigrid").exit == 11
    assert not layout.find(hurried.store).seal_file("eve").exists()
    assert not hurried.key("eve").exists()
    assert hurried.run(*add, who="sigrid").exit == 0, "and it can be tried again"
    assert rob(layout.find(hurried.store), identity(hurried, "eve")).catalogue
