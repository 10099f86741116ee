"""Who was removed, revoked or rotated out: what the keys that they kept still open, whatever rows they write with them.

With everything that they could open while they were allowed to, the owner's account, and somebody who is still here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.strict_json import canonical, from_base64, parse_object
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import Identity
from tests.support.attack import Loot, identity, loot, problem_codes, rob
from tests.support.catalogue import catalogue, own_code
from tests.support.world import REASON, World

# -- an officer, and a manager with new keys ----------------------------------------------------------


@pytest.fixture
def former(world: World) -> Loot:
    """What solveig could open: the subject-access key, every seed of a grant, every key of a commit."""
    words = ("--role", "officer", "--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "solveig", *words, who="sigrid")
    world.take_in("before", seed=1)
    world.grant("leif")
    world.take_in("then", seed=2)
    found = loot(world, "solveig")
    assert found.seeds and found.commits
    return found


def heard(world: World, former: Loot, accomplice: str) -> Loot:
    access = [seed for name, seed in former.parts.items() if name.startswith("access:")]
    keys = (*former.audiences.values(), *former.commits.values())
    return rob(layout.find(world.store), identity(world, accomplice), (*former.seeds.values(), *access), keys)


def test_nothing_that_comes_after_her_removal_opens_with_what_she_kept(world: World, former: Loot) -> None:
    world.json("person", "remove", "solveig", "--yes", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert new not in heard(world, former, "cron").kf


def test_nothing_that_comes_after_a_reset_opens_with_what_was_kept_of_the_keys_before(
    world: World, former: Loot
) -> None:
    world.json("person", "passphrase", "--reset", "solveig", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert new not in heard(world, former, "cron").kf


def test_whoever_has_a_grant_hears_old_and_new_calls_after_her_removal(world: World, former: Loot) -> None:
    words = ("find", "--purpose", "quality", "--reason", REASON)
    before = {one["id"] for one in world.json(*words, who="leif")["recordings"]}
    world.json("person", "remove", "solveig", "--yes", who="sigrid")
    (new,) = world.take_in("after", seed=9)
    assert {one["id"] for one in world.json(*words, who="leif")["recordings"]} == before | {new}
    assert set(loot(world, "leif").sounds) == before | {new}


def test_a_manager_with_new_keys_hears_old_and_new_calls_and_the_old_seed_no_new_one(world: World) -> None:
    world.take_in("before", seed=1)
    world.grant("leif")
    world.take_in("then", seed=2)
    kept = loot(world, "leif")
    told = world.json("person", "passphrase", "--reset", "leif", who="sigrid")
    once, new_file = world.base / "once", world.base / "passphrase"
    once.write_text(told["one_time_passphrase"])
    once.chmod(0o600)
    words = ("--passphrase-file", str(once), "--new-passphrase-file", str(new_file))
    world.json("person", "passphrase", "--as", "leif", *words)
    (new,) = world.take_in("after", seed=9)
    assert set(loot(world, "leif").sounds) == {*kept.sounds, new}
    assert new not in rob(layout.find(world.store), identity(world, "iver"), kept.seeds.values()).kf


# -- whoever unwrapped a key before ------------------------------------------------------------------


def opened(world: World, name: str, halves: tuple[bytes, bytes]) -> bool:
    """Whether an object in the store opens with the two halves of its key alone."""
    raw = Path(world.store, "objects", name[:2], name).read_bytes()
    header = object_file.read_header(raw)
    try:
        body = object_file.open_body(object_file.DataKey(*halves), header, [raw[len(header.encode()) :]])
        return b"".join(body).startswith(b"RIFF")
    except Integrity:
        return False


def test_what_a_removed_person_unwrapped_before_opens_that_recording_while_its_object_lies_there(world: World) -> None:
    """SECURITY.md says so, and what ends it: 64 bytes of key need no key of the store."""
    (call,) = world.take_in("call")
    world.grant()
    kept, before = loot(world, "leif").halves, identity(world, "leif")
    assert set(kept) == {call}
    world.json("person", "remove", "leif", "--yes", who="sigrid")
    (new,) = world.take_in("new", seed=5, caller="+4790000002")
    assert not rob(layout.find(world.store), before).catalogue
    assert opened(world, call, kept[call]), "the object is as it was"
    assert not opened(world, new, kept[call])
    copy = Path(world.store, "objects", call[:2], call).read_bytes()
    world.json("withdraw", "90000001", "--yes", who="siri")
    with pytest.raises(FileNotFoundError):
        opened(world, call, kept[call])
    Path(world.store, "objects", call[:2], call).write_bytes(copy)
    assert opened(world, call, kept[call]), "and a copy of the object opens after its erasure too"


# -- a manager whose grant for one team was revoked and who has another -------------------------------

TABLES = ("grant_seeds", "grant_histories", "commit_keys", "audience_keys", "audience_seals", "audience_wraps")


@dataclass
class Kept:
    """What the manager kept of the time of their grant: every row, and every key that they could open."""

    rows: dict[str, list[tuple[Any, ...]]]
    loot: Loot


@pytest.fixture
def held(world: World) -> dict[str, str]:
    """A call of each of two teams."""
    ours = {"kundeservice": world.take_in("ours", seed=1)[0], "salg": world.take_in("theirs", seed=2, team="salg")[0]}
    return ours


@pytest.fixture
def revoked(world: World, held: dict[str, str]) -> Kept:
    """leif heard kundeservice and salg; kundeservice was revoked. R comes back to him with the other grant."""
    grant = world.grant("leif", "quality", "--team", "kundeservice")
    world.grant("leif", "quality", "--team", "salg")
    world.take_in("meanwhile", seed=3)
    db = catalogue(world)
    kept = Kept({table: db.rows(f"SELECT * FROM {table}") for table in TABLES}, loot(world, "leif"))
    db.close()
    world.json("revoke", "leif", "--grant", grant["id"], who="sigrid")
    return kept


def everything(world: World, kept: Kept) -> Loot:
    keys = (*kept.loot.audiences.values(), *kept.loot.commits.values())
    return rob(layout.find(world.store), identity(world, "leif"), kept.loot.seeds.values(), keys)


def put_back(db: SqliteConnection, kept: Kept) -> None:
    for table, rows in kept.rows.items():
        for row in rows:
            db.run(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)


@pytest.mark.parametrize("how", ["delete", "put back"])
def test_nothing_that_comes_later_opens_whatever_of_their_rows_they_delete_or_put_back(
    world: World, revoked: Kept, how: str
) -> None:
    with own_code(world) as db:
        if how == "put back":
            put_back(db, revoked)
            db.run("UPDATE grant_histories SET reached = 0")
        else:
            for table in TABLES:
                db.run(f"DELETE FROM {table}")
    (new,) = world.take_in("after", seed=9)
    assert world.run("grants", who="sigrid").exit == 0, "an officer's next command, which finishes what was left"
    found = everything(world, revoked)
    assert new not in found.kf
    if how == "put back":
        assert found.sounds, "what was open to them while they copied stays so: SECURITY.md says it"


def test_the_program_opens_nothing_with_a_grant_that_ended_though_its_rows_are_back(
    world: World, revoked: Kept, held: dict[str, str]
) -> None:
    with own_code(world) as db:
        put_back(db, revoked)
    words = ("--purpose", "quality", "--reason", REASON)
    found = world.json("find", *words, who="leif")["recordings"]
    assert [one["id"] for one in found] == [held["salg"]]
    out = ("--out", str(world.base / "out.wav"))
    assert world.run("export", held["kundeservice"], *words, *out, who="leif").exit == 13


def test_a_grant_that_was_revoked_leaves_no_seed_and_nothing_wrapped(world: World, revoked: Kept) -> None:
    db = catalogue(world)
    live = {row[0] for row in db.rows("SELECT grant_id FROM grant_histories")}
    assert len(live) == 1
    for table in ("grant_seeds", "audience_wraps"):
        assert {row[0] for row in db.rows(f"SELECT grant_id FROM {table}")} == live
    db.close()


def test_yesterdays_rows_of_a_call_lend_no_later_call_their_key(world: World, revoked: Kept) -> None:
    """The id of an audience key that they know, put in place of the one that a later call's object names."""
    (new,) = world.take_in("after", seed=9)
    db = catalogue(world)
    named = {row[0] for row in db.rows("SELECT id FROM audience_keys")} - {
        row[1] for row in revoked.rows["audience_keys"]
    }
    db.close()
    (later,) = named
    known = next(iter(revoked.loot.audiences))
    with own_code(world) as db:
        for table, column in (("audience_keys", "id"), ("audience_seals", "audience_key")):
            db.run(f"DELETE FROM {table} WHERE {column} = ?", (later,))
            db.run(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (later, known))
    assert new not in everything(world, revoked).kf
    assert problem_codes(world) & {"audience_key_missing", "audience_key_changed"}


# -- a telephone service's key file that was stolen, or rotated out -----------------------------------

SEED, SECRET = b"k" * 32, b"s" * 32  # known to the attacker


@pytest.fixture
def granted(world: World) -> dict[str, Any]:
    """A grant, a call that was taken in before it, and one that came after it."""
    world.take_in("before", seed=1)
    grant = world.grant("leif", "quality", "--team", "kundeservice")
    world.take_in("then", seed=2)
    return grant


@pytest.fixture
def stolen(world: World, granted: dict[str, Any]) -> Iterator[Identity]:
    """The telephone service's identity, whose key was rotated after it was stolen."""
    thief = identity(world, "telefon")
    new = world.base / "new.key"
    world.json("person", "rotate", "telefon", "--key-out", str(new), who="sigrid")
    new.replace(world.key("telefon"))
    yield thief


def plant(world: World, db: SqliteConnection, grant: str) -> None:
    """Keys of every kind that the catalogue has, with secrets that the attacker knows, for whoever could use them."""
    place = layout.find(world.store)
    public = primitives.SealingKey.from_seed(SEED).public
    pair = primitives.fingerprint(public)
    known_pair = next(row[0] for row in db.rows("SELECT DISTINCT pair FROM grant_seeds WHERE grant_id = ?", (grant,)))
    ((roster,),) = db.rows("SELECT opened('documents.body', kind, body) FROM documents WHERE kind = 'roster'")
    document = parse_object(roster.encode())
    publics = [from_base64(person["seal_key"]) for person in document["people"]]
    holders = {primitives.fingerprint(each): each for each in publics}
    holders |= {from_base64(each["id"]): from_base64(each["public"]) for each in document["access_keys"]}
    access = from_base64(document["access_keys"][-1]["id"])
    for each in (pair, known_pair):
        for holder, key in holders.items():
            info = b"arlo-rec/1/grant seed\0" + place.id + each + holder + grant.encode()
            sealed = primitives.seal(key, SEED, info)
            db.run("INSERT OR REPLACE INTO grant_seeds VALUES (?, ?, ?, ?)", (grant, each, holder, sealed))
    db.run("UPDATE grant_histories SET reached = 0")
    sealed = primitives.seal(public, SECRET, b"arlo-rec/1/commit key\0" + place.id + access)
    commit = primitives.sha256(sealed)[:16]
    db.run("INSERT INTO commit_keys VALUES (?, ?, ?)", (commit, access, sealed))
    for audience in ("original", "review", "training", "officer"):
        key, bound = primitives.fresh(16), {"audience": audience, "team": "kundeservice"}
        wrapped = primitives.wrap(SECRET, SECRET, b"audience key\0" + place.id + key + canonical(bound))
        values = (key, commit, audience, "kundeservice", wrapped)
        db.run("INSERT INTO audience_keys (id, commit_key, audience, team, wrapped) VALUES (?, ?, ?, ?, ?)", values)
        to = canonical({**bound, "grant": grant, "purpose": "quality"})
        info = b"arlo-rec/1/audience seal\0" + place.id + key + pair + to
        row = (key, grant, pair, primitives.seal(public, SECRET, info))
        db.run("INSERT INTO audience_seals VALUES (?, ?, ?, ?)", row)


@pytest.mark.parametrize("who", ["turid", "cron"])
def test_no_planted_key_opens_what_the_real_telephone_system_takes_in_later(
    world: World, granted: dict[str, Any], stolen: Identity, who: str
) -> None:
    """With every accomplice who still gets into the catalogue."""
    with own_code(world) as db:
        plant(world, db, granted["id"])
    (new,) = world.take_in("after", seed=9)
    found = rob(layout.find(world.store), identity(world, who), (SEED, *seeds_of(stolen)), (SECRET,))
    assert new not in found.kf
    assert set(loot(world, "sigrid").sounds) >= {new}


def seeds_of(thief: Identity) -> tuple[bytes, ...]:
    return (primitives.derive(thief.seed, "sealing", context=thief.store),)


def pairs_sealed_to(world: World, recording: str) -> set[bytes]:
    """The pairs that the audience key of a call is sealed to."""
    db = catalogue(world)
    rows = db.rows(
        "SELECT s.pair FROM recordings r JOIN audience_keys k ON k.commit_key = r.commit_key "
        "JOIN audience_seals s ON s.audience_key = k.id WHERE r.id = ?",
        (bytes.fromhex(recording),),
    )
    db.close()
    assert rows
    return {bytes(row[0]) for row in rows}


def test_a_later_call_is_sealed_to_the_pairs_of_the_signed_roster_alone(
    world: World, granted: dict[str, Any], stolen: Identity
) -> None:
    (true,) = pairs_sealed_to(world, world.take_in("now", seed=5)[0])
    with own_code(world) as db:
        plant(world, db, granted["id"])
    assert pairs_sealed_to(world, world.take_in("after", seed=9)[0]) == {true}


def test_an_officers_next_command_wraps_nothing_under_a_planted_seed_and_is_not_stopped_by_it(
    world: World, granted: dict[str, Any], stolen: Identity
) -> None:
    """Whoever makes a history begin anew under a key that they know would hear everything that is held."""
    with own_code(world) as db:
        plant(world, db, granted["id"])
    assert world.run("grants", who="sigrid").exit == 0
    assert not rob(layout.find(world.store), identity(world, "iver"), (SEED,), (SECRET,)).kf
    words = ("grant", "turid", "--all-teams", "--purpose", "quality", "--reason", "responsible for quality")
    told = world.run(*words, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (15, "grant_key_forged"), "she is told of the attack"
    assert len(loot(world, "turid").kf) == 2, "and the grant that she gave is whole"


def test_a_planted_seed_keeps_no_officer_from_revoking_or_removing(
    world: World, granted: dict[str, Any], stolen: Identity
) -> None:
    with own_code(world) as db:
        plant(world, db, granted["id"])
    world.json("revoke", "leif", who="sigrid")
    world.grant("leif")
    with own_code(world) as db:
        db.run("UPDATE grant_seeds SET sealed = x'00'")
    world.json("person", "remove", "leif", "--yes", who="sigrid")
    assert not layout.find(world.store).key_file("leif").exists()
    db = catalogue(world)
    assert db.rows("SELECT grant_id FROM grant_seeds") == []
    db.close()
