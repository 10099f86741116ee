"""Whoever has a telephone service's key file, stolen or rotated out, and writes keys whose secrets they know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.crypto import primitives
from arlo_rec.keys import layout
from arlo_rec.keys.key_files import Identity
from arlo_rec.model.strict_json import canonical, from_base64, parse_object
from tests.support.attack import identity, loot, rob
from tests.support.catalogue import catalogue, own_code
from tests.support.world import World

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
    ((roster,),) = db.rows("SELECT body FROM documents WHERE kind = 'roster'")
    document = parse_object(bytes(roster))
    publics = [from_base64(person["seal"]) for person in document["people"]]
    holders = {primitives.fingerprint(each): each for each in publics}
    holders |= {bytes.fromhex(each["id"]): from_base64(each["public"]) for each in document["access_keys"]}
    access = bytes.fromhex(document["access_keys"][-1]["id"])
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
        db.run("INSERT INTO audience_keys VALUES (?, ?, ?, ?, ?)", (key, commit, audience, "kundeservice", wrapped))
        to = canonical({**bound, "grant": grant, "purpose": "quality"})
        info = b"arlo-rec/1/audience seal\0" + place.id + key + pair + to
        row = (key, grant, pair, primitives.seal(public, SECRET, info))
        db.run("INSERT INTO audience_seals VALUES (?, ?, ?, ?)", row)


@pytest.mark.parametrize("who", ["turid", "iver", "cron", "skranke"])
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
    told = world.run(
        "grant", "turid", "--purpose", "quality", "--reason", "responsible for quality", "--json", who="sigrid"
    )
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


def test_a_key_that_is_not_what_its_id_says_is_named_by_verify(world: World, granted: dict[str, Any]) -> None:
    """The log entry of the intake commits to the seal of the commit key through its id."""
    with own_code(world) as db:
        db.run("UPDATE commit_keys SET sealed = zeroblob(1168)")
    problems = world.run("verify", "--json", who="iver").json["problems"]
    assert {one["code"] for one in problems} >= {"commit_key_changed"}
    with own_code(world) as db:
        db.run("DELETE FROM commit_keys")
        db.run("DELETE FROM audience_keys")
    problems = world.run("verify", "--json", who="iver").json["problems"]
    assert {one["code"] for one in problems} >= {"commit_key_missing", "audience_key_missing"}
