"""The schema of the catalogue is in no sum: a trigger that anybody's own code plants runs in everybody's commands."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from arlo_rec.backends.files import FileRoot
from arlo_rec.catalogue.erasure_keys import ErasureKeys
from arlo_rec.crypto import object_file
from arlo_rec.keys import layout, root_secret
from arlo_rec.keys.layout import Layout
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId
from tests.fuzz.judge import limited
from tests.support.attack import identity, loot, rob
from tests.support.catalogue import catalogue, insider
from tests.support.world import World, assert_no_bug

KEEP = "CREATE TRIGGER kept BEFORE DELETE ON shares BEGIN SELECT RAISE(IGNORE); END"


def plant(world: World, *sql: str) -> None:
    """An auditor, who has no key but the catalogue's."""
    with closing(catalogue(world)) as db, db.writing():
        for one in sql:
            db.run(one)


@pytest.mark.rule("consent.withdraw")
def test_what_was_withdrawn_opens_for_nobody_though_an_auditor_planted_a_trigger(world: World) -> None:
    (call,) = world.take_in("call")
    world.grant("leif")
    plant(world, KEEP)
    yesterday = world.base / "yesterday"
    shutil.copytree(world.store, yesterday)
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    if told.exit == 15:
        return
    assert (told.exit, told.json["erased"]) == (0, 1)
    assert world.run("verify", "--read-data", "--json", who="iver").exit == 15 or not opens(world, yesterday, call)


@pytest.mark.rule("consent.withdraw")
def test_what_was_withdrawn_opens_for_nobody_though_its_wrapped_key_had_another_name_meanwhile(world: World) -> None:
    """The same without a trigger: whoever erases finds no wrapped key, and takes it for destroyed already."""
    (call,) = world.take_in("call")
    world.take_in("other", caller="+4790000002", seed=3)
    world.grant("leif")
    yesterday, name, other = world.base / "yesterday", bytes.fromhex(call), bytes(16)
    shutil.copytree(world.store, yesterday)
    rename = "UPDATE shares SET recording = ? WHERE recording = ?"
    with insider(world) as db:
        assert db.run(rename, (other, name))
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    if told.exit == 15:
        return
    assert (told.exit, told.json["erased"]) == (0, 1)
    with insider(world) as db:
        db.run(rename, (name, other))
    assert world.run("verify", "--read-data", "--json", who="iver").exit == 15 or not opens(world, yesterday, call)


def opens(world: World, yesterday: object, call: str) -> bytes:
    """With yesterday's copy of STORE, today's STORE and STORE.root, and leif's key file: the sound."""
    place, leif = layout.find(world.store), identity(world, "leif")
    old = rob(Layout(yesterday, place.root, place.id), leif)  # type: ignore[arg-type]
    raw = (yesterday / "objects" / call[:2] / call).read_bytes()  # type: ignore[operator]
    header = object_file.read_header(raw)
    kf = object_file.listening_half(header, old.audiences[header.audience_key])
    slot = root_secret.decode_slot(0, FileRoot(place.root).read()[0])
    assert slot is not None
    root = root_secret.open_slot(place.id, loot(world, "leif").parts["root"], slot)
    with closing(catalogue(world)) as db:
        try:
            ke = ErasureKeys(db, root).unwrap(RecordingId(bytes.fromhex(call)))
        except (KeyError, Integrity):
            return b""
    body = object_file.open_body(object_file.DataKey(kf, ke), header, [raw[len(header.encode()) :]])
    return b"".join(body)


@pytest.mark.rule("security.monitored")
@pytest.mark.parametrize(
    "sql",
    [
        (KEEP,),
        ("CREATE TRIGGER t BEFORE INSERT ON tombstones BEGIN SELECT RAISE(IGNORE); END",),
        ("CREATE TRIGGER t AFTER INSERT ON entries WHEN NEW.seq > 99 BEGIN DELETE FROM day_keys; END",),
        ("DROP TRIGGER recordings_comes",),
        (
            "DROP TRIGGER recordings_comes",
            "CREATE TRIGGER recordings_comes AFTER INSERT ON recordings BEGIN SELECT 1; END",
        ),
        (
            "DROP TRIGGER shares_comes",
            "CREATE TRIGGER shares_comes AFTER INSERT ON shares BEGIN DELETE FROM day_keys; END",
        ),
    ],
    ids=lambda sql: sql[-1][:40],
)
def test_a_schema_that_is_not_ours_is_named_and_stops_no_command_as_a_bug(world: World, sql: tuple[str, ...]) -> None:
    world.take_in("call")
    plant(world, *sql)
    found = world.run("verify", "--read-data", "--json", who="iver")
    assert_no_bug(world)
    assert found.exit == 15, found


@pytest.mark.rule("security.monitored")
def test_a_trigger_makes_no_command_run_for_ever(world: World) -> None:
    world.take_in("call")
    plant(world, "CREATE TRIGGER t BEFORE UPDATE ON grant_histories BEGIN SELECT RAISE(IGNORE); END")
    with limited():
        world.run("grant", "leif", "--purpose", "quality", "--reason", "responsible for quality", who="sigrid")
    assert_no_bug(world)
