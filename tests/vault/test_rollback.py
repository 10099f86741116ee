"""Whoever puts an older copy back, or forges what is signed, is noticed by the next command: exit 15."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from arlo_rec.vault.backends.sqlite import SqliteConnection
from tests.support import world as worlds
from tests.support.catalogue import catalogue
from tests.support.faults import damage
from tests.support.world import World


def refused(world: World, who: str = "cron") -> str:
    """The code with which a command stops."""
    result = world.run("status", "--json", who=who)
    assert result.exit == 15, result
    return str(result.json["error"]["code"])


def put_back(world: World, older: Path, name: str) -> None:
    """Replace one part of the store by its older copy."""
    target = world.base / name
    if target.is_dir():
        shutil.rmtree(target)
        shutil.copytree(older / name, target)
    else:
        shutil.copy(older / name, target)


@pytest.fixture
def aged(world: World) -> tuple[World, Path]:
    """A world, and a copy from before a grant, a revocation and a withdrawal."""
    world.take_in("a")
    older = world.base / "older"
    older.mkdir()
    for name in ("store", "store.root"):
        shutil.copytree(world.base / name, older / name)
    world.grant()
    world.json("revoke", "leif", who="sigrid")
    world.json("withdraw", "90000001", "--yes", who="siri")
    return world, older


@pytest.mark.in_a_file
def test_an_older_catalogue_is_noticed(aged: tuple[World, Path]) -> None:
    world, older = aged
    put_back(world, older, "store/catalogue.db")
    assert refused(world) in {"roster_rolled_back", "catalogue_older_than_root"}


@pytest.mark.in_a_file
def test_a_chain_that_forked_before_what_an_account_has_seen_is_believed_by_it_no_more(
    aged: tuple[World, Path], tmp_path: Path
) -> None:
    """An officer of then goes on from an older copy, with more links and entries than the true store has."""
    world, older = aged
    fork = World(tmp_path / "fork", {"ARLO_REC_STORE": str(tmp_path / "fork" / "store")})
    fork.base.mkdir()
    for path in (older / "store", older / "store.root", world.base / "passphrase"):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, fork.base / path.name)
    worlds.at_home(fork.store)
    for _ in range(3):
        fork.grant()
        fork.json("revoke", "leif", who="sigrid")
    for name in ("store", "store.root"):
        put_back(world, fork.base, name)
    assert refused(world) == "authority_forged"


def test_an_older_root_is_noticed(aged: tuple[World, Path]) -> None:
    world, older = aged
    put_back(world, older, "store.root/root")
    assert refused(world) == "root_older_than_catalogue"


@pytest.mark.in_a_file
def test_an_older_store_with_its_older_root_is_noticed_by_whoever_saw_the_newer(aged: tuple[World, Path]) -> None:
    world, older = aged
    put_back(world, older, "store")
    put_back(world, older, "store.root")
    assert refused(world) in {"roster_rolled_back", "log_rolled_back"}


def test_a_removed_memory_of_the_newest_state_is_noticed(aged: tuple[World, Path]) -> None:
    world, _ = aged
    (world.root / "seen").write_bytes(bytes(1024))
    assert refused(world) == "seen_unreadable"
    (world.root / "seen").unlink()
    assert refused(world) == "seen_unreadable"
    (world.root / "root").unlink()
    assert refused(world) in {"seen_unreadable", "root_missing"}


def test_a_missing_root_folder_is_noticed(aged: tuple[World, Path]) -> None:
    world, _ = aged
    shutil.rmtree(world.root)
    assert world.run("status", who="cron").exit in (15, 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    "vandal",
    [
        lambda db: db.run("DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)"),
        lambda db: db.run("DELETE FROM entries WHERE seq = 3"),
        pytest.param(
            lambda db: db.run(
                "UPDATE entries SET sealed = sealed_entry(seq, replace(body_of(seq, sealed), 'sigrid', 'nobody')) "
                "WHERE seq = 0"
            ),
            marks=pytest.mark.in_a_file,
        ),
        lambda db: db.run("UPDATE entries SET leaf = ? WHERE seq = 2", (bytes(32),)),
        lambda db: db.run("DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)"),
        lambda db: db.run("UPDATE checkpoints SET note = replace(note, 'A', 'B')"),
        lambda db: db.run("UPDATE recordings SET due_at = due_at + 86400000000"),
        lambda db: db.run("UPDATE recordings SET team = 'other' WHERE state = 'held'"),
        lambda db: db.run("DELETE FROM recordings WHERE state = 'held'"),
        lambda db: db.run("DELETE FROM shares"),
        lambda db: db.run("DELETE FROM metadata"),
    ],
)
def test_a_changed_row_is_named_by_verify(world: World, vandal: Callable[[SqliteConnection], object]) -> None:
    world.take_in("a", "b")
    db = catalogue(world)
    with db.writing():
        vandal(db)
    db.close()
    found = world.run("verify", "--json", who="iver")
    assert found.exit == 15, found


@pytest.mark.parametrize(
    ("vandal", "code"),
    [
        (lambda path, _other: path.write_bytes(path.read_bytes()[:-1]), "object_truncated"),
        (lambda path, _other: path.write_bytes(path.read_bytes() + b"x"), "object_longer"),
        (lambda path, _other: path.unlink(), "object_missing"),
        (lambda path, other: path.write_bytes(other.read_bytes()), "object_swapped"),
        (lambda path, _other: damage(path), "object_damaged"),
        (lambda path, _other: (path.parent / (path.name[:2] + "0" * 30)).write_bytes(b"x"), "object_of_nobody"),
    ],
)
def test_a_changed_object_is_named_by_verify(world: World, vandal: Callable[[Path, Path], object], code: str) -> None:
    one, other = (world.store / "objects" / name[:2] / name for name in world.take_in("a", "b"))
    vandal(one, other)
    found = world.run("verify", "--read-data", "--json", who="iver")
    assert found.exit == 15
    assert {problem["code"] for problem in found.json["problems"]} == {code}


@pytest.mark.rule("purpose.change")
@pytest.mark.in_a_file
def test_a_third_purpose_cannot_be_written_into_the_policy(world: World) -> None:
    db = catalogue(world)
    with db.writing():
        forged = "replace(opened('documents.body', kind, body), '\"quality\"', '\"marketing\"')"
        db.run(f"UPDATE documents SET body = sealed('documents.body', kind, {forged}) WHERE kind = 'policy'")
    db.close()
    assert refused(world) == "policy_forged"


@pytest.mark.slow
def test_an_officer_whom_another_added_may_sign_and_her_rosters_are_believed(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    world.json("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", "sara may do this too", who="sara")
    world.json("person", "remove", "sigrid", "--yes", who="sara")
    assert world.json("status", who="cron")["held"] == 0
    assert world.run("grants", who="sigrid").exit == 12


def test_a_second_officer_must_approve_what_an_officer_grants_herself(world: World) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    hear = ("--purpose", "quality", "--reason", "to hear for myself")
    told = world.json("grant", "sara", "--all-teams", *hear, who="sara")
    assert told["grant"]["state"] == "pending"
    assert world.run("find", *hear, who="sara").exit == 13


def test_a_checkpoint_kept_outside_exposes_a_rewritten_log(world: World) -> None:
    world.take_in("a")
    anchor = world.base / "anchor"
    anchor.write_text(world.json("audit", "checkpoint", who="iver")["note"])
    world.take_in("b", seed=5)
    assert world.run("audit", "verify", "--anchor", str(anchor), who="iver").exit == 0
    other = anchor.read_text().split("\n")
    anchor.write_text("\n".join([other[0], str(int(other[1]) + 1), *other[2:]]))
    told = world.run("audit", "verify", "--anchor", str(anchor), "--json", who="iver")
    assert told.exit == 15
    assert told.json["problems"] == ["anchor_unsigned"]


@pytest.mark.rule("security.unauthorised")
def test_failed_unlocks_and_refusals_are_in_the_log_with_who_and_when(world: World) -> None:
    wrong = world.base / "wrong"
    wrong.write_text("not the passphrase")
    wrong.chmod(0o600)
    assert world.run("find", "--as", "leif", "--passphrase-file", str(wrong)).exit == 12
    words = ("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", "let me in please")
    assert world.run(*words, who="leif").exit == 13
    assert world.run("find", "--purpose", "marketing", "--reason", "let me in please", who="leif").exit == 2
    entries = world.json("audit", "show", "--outcome", "denied", who="iver")["entries"]
    assert [(one["action"], one["rule"]) for one in entries] == [
        ("unlock", "security.unauthorised"),
        ("grant", "access.officer"),
        ("find", "scope.only"),
    ]
    assert (entries[0]["detail"]["name"], set(entries[0]["detail"])) == ("leif", {"at", "login", "name"})


@pytest.mark.slow
def test_a_lost_passphrase_is_mended_by_an_officer_and_by_the_recovery_key(world: World) -> None:
    told = world.json("person", "passphrase", "--reset", "leif", who="sigrid")
    once = world.base / "once"
    once.write_text(told["one_time_passphrase"])
    once.chmod(0o600)
    as_leif = ["--as", "leif", "--passphrase-file", str(once)]
    assert world.run("find", *as_leif).exit == 12, "a one-time passphrase opens nothing else"
    fresh = str(world.base / "passphrase")
    world.grant()
    assert world.run("person", "passphrase", "--new-passphrase-file", fresh, *as_leif).exit == 0
    assert world.run("find", "--purpose", "quality", "--reason", "monthly quality talk", who="leif").exit == 0

    recovery = world.base / "recovery"
    recovery.write_text(json.loads((world.base / "init.json").read_text())["recovery_key"])
    recovery.chmod(0o600)
    as_recovery = ["--as", "recovery", "--passphrase-file", str(recovery)]
    done = world.run("person", "passphrase", "--reset", "sigrid", *as_recovery, "--json")
    assert done.exit == 0, done
    assert world.run("grants", who="sigrid").exit == 12
