"""Moving the objects of a store: between its folder and a bucket, killed, refused, and while others work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from arlo_rec.edge.commands.run import Run
from arlo_rec.engines.objects import ObjectBlobs
from arlo_rec.engines.s3 import bucket as s3
from arlo_rec.law.model.errors import InUse, Unreachable
from arlo_rec.machine import object_move
from arlo_rec.machine.object_copy import BlobCopier
from arlo_rec.store import OpenOptions, open_store
from arlo_rec.vault.backends.files import FileBlobs
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity, loot
from tests.support.backups import back_up, places
from tests.support.places import TOP
from tests.support.seaweed import Service
from tests.support.world import REASON, World, memory_of

PLACE = "s3://recordings/store"
GROUP = pytest.mark.xdist_group("s3")


class Buckets(dict[tuple[str, str], MemoryStore]):
    """Buckets in memory, by bucket and prefix; away ones do not answer."""

    away = False

    def keys_of(self, place: str = PLACE) -> set[str]:
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        listed = self[bucket, prefix].list() if (bucket, prefix) in self else ()
        return {str(about["path"])[3:] for chunk in listed for about in chunk}

    def content(self, name: str) -> bytes:
        return bytes(self["recordings", "store"].get(f"{name[:2]}/{name}").bytes())

    def replace(self, name: str, content: bytes) -> None:
        self["recordings", "store"].put(f"{name[:2]}/{name}", content)


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Buckets]:
    """Every place of a service is a bucket in memory."""
    made = Buckets()

    def bucket(name: str, prefix: str, access: s3.Access, patience: timedelta) -> MemoryStore:
        if made.away:
            raise Unreachable("objects_unreachable")
        return made.setdefault((name, prefix), MemoryStore())

    monkeypatch.setattr(s3, "s3_bucket", bucket)
    yield made


def in_folder(world: World) -> set[str]:
    return {path.name for path in (world.store / "objects").glob("*/*")}


def move(world: World, to: str = PLACE) -> dict[str, object]:
    told = world.json("objects", "move", "--to", to, who="sigrid")
    return {key: told[key] for key in ("to", "moved", "verified", "left")}


def is_sound(world: World) -> bool:
    return world.json("verify", "--read-data", who="iver")["problems"] == []


def test_all_objects_move_to_a_bucket_and_back(world: World, buckets: Buckets) -> None:
    ids = set(world.take_in("a", "b"))
    assert move(world) == {"to": PLACE, "moved": 2, "verified": 2, "left": []}
    assert (buckets.keys_of(), in_folder(world)) == (ids, set())
    assert is_sound(world)
    ids |= set(world.take_in("c", seed=5))
    assert (buckets.keys_of(), in_folder(world)) == (ids, set())
    assert move(world, "files") == {"to": "files", "moved": 3, "verified": 3, "left": []}
    assert (buckets.keys_of(), in_folder(world)) == (set(), ids)
    assert is_sound(world)


@pytest.mark.in_a_file
def test_a_store_that_moved_back_has_the_bytes_that_it_had(world: World, buckets: Buckets) -> None:
    before = (world.store / "store.toml").read_bytes()
    move(world)
    assert layout.find(world.store).objects_at == PLACE
    assert b"format = 4\n" in (world.store / "store.toml").read_bytes()
    move(world, "files")
    assert (world.store / "store.toml").read_bytes() == before


def test_a_manager_hears_what_lies_in_a_bucket(world: World, buckets: Buckets) -> None:
    (recording,) = world.take_in("a")
    world.grant("leif")
    words = ("export", recording, "--purpose", "quality", "--reason", REASON, "--out")
    world.json(*words, str(world.base / "here.wav"), who="leif")
    move(world)
    world.json(*words, str(world.base / "there.wav"), who="leif")
    assert (world.base / "here.wav").read_bytes() == (world.base / "there.wav").read_bytes()


def test_a_withdrawal_erases_what_lies_in_a_bucket(world: World, buckets: Buckets) -> None:
    gone, stays = world.take_in("a", "b")
    move(world)
    told = world.json("withdraw", "--call", gone, "--yes", who="skranke")
    assert Path(told["receipt"]).exists()
    assert buckets.keys_of() == {stays}


def test_an_erasure_needs_no_bucket_and_is_finished_by_the_next_run(world: World, buckets: Buckets) -> None:
    gone, stays = world.take_in("a", "b")
    move(world)
    buckets.away = True
    result = world.run("withdraw", "--call", gone, "--yes", "--json", who="skranke")
    assert (result.exit, result.json["erased"], result.json["receipt"]) == (3, 1, None)
    assert buckets.keys_of() == {gone, stays}
    buckets.away = False
    world.json("purge", who="cron")
    assert buckets.keys_of() == {stays}
    assert is_sound(world)


def test_what_a_service_kept_of_an_erased_recording_opens_with_no_key_of_the_store(
    world: World, buckets: Buckets
) -> None:
    gone, stays = world.take_in("a", "b")
    move(world)
    contents = {name: buckets.content(name) for name in (gone, stays)}
    world.json("withdraw", "--call", gone, "--yes", who="skranke")
    for name, content in contents.items():  # where `loot` looks for objects
        (world.store / "objects" / name[:2]).mkdir(exist_ok=True)
        (world.store / "objects" / name[:2] / name).write_bytes(content)
    assert set(loot(world, "sigrid").sounds) == {stays}


def test_what_a_service_puts_back_or_exchanges_is_named_and_opens_for_nobody(world: World, buckets: Buckets) -> None:
    gone, first, second = world.take_in("a", "b", "c")
    world.grant("leif")
    move(world)
    kept = buckets.content(gone)
    world.json("withdraw", "--call", gone, "--yes", who="skranke")
    exchanged = buckets.content(second)
    buckets.replace(gone, kept)
    buckets.replace(first, exchanged)
    problems = {(each["code"], each["what"]) for each in world.run("verify", "--json", who="iver").json["problems"]}
    assert problems == {("object_of_nobody", gone), ("object_swapped", first)}
    words = ("--purpose", "quality", "--reason", REASON, "--out", str(world.base / "out.wav"))
    assert world.code("export", gone, *words, who="leif") == (13, "no_grant")
    assert world.code("export", first, *words, who="leif")[0] == 15


def test_calls_wait_in_the_spool_while_the_service_is_away(world: World, buckets: Buckets) -> None:
    move(world)
    world.deliver("late")
    buckets.away = True
    assert world.code("ingest", str(world.spool), who="telefon") == (16, "objects_unreachable")
    assert (world.spool / "late.wav").exists()
    buckets.away = False
    assert len(world.json("ingest", str(world.spool), who="telefon")["accepted"]) == 1
    assert len(buckets.keys_of()) == 1 and is_sound(world)


def test_a_backup_of_a_bucket_comes_back_as_files(world: World, buckets: Buckets) -> None:
    ids = set(world.take_in("a", "b"))
    move(world)
    told = back_up(world)
    assert (told["held"], told["copied"]) == (2, 2)
    folder, escrow = places(world)
    assert {path.name for path in (folder / "objects").glob("*/*")} == ids
    words = ("restore", str(folder), "--escrow", str(escrow), "--yes", "--store", str(world.base / "back"))
    assert world.run(*words, "--json", who="sigrid").json["held"] == 2
    assert {path.name for path in (world.base / "back" / "objects").glob("*/*")} == ids


@pytest.mark.parametrize("who", ["iver", "leif", "siri"])
def test_only_an_officer_moves_objects(world: World, buckets: Buckets, who: str) -> None:
    assert world.code("objects", "move", "--to", PLACE, who=who) == (13, "not_your_role")
    assert not buckets


@pytest.mark.parametrize(
    "place",
    ["", "s3://", "s3://UPPER/x", "s3://bucket/../x", "s3://b", "s3://bucket/a b", "https://bucket/x", "/srv/x"],
)
def test_what_is_no_place_is_refused(world: World, buckets: Buckets, place: str) -> None:
    assert world.code("objects", "move", "--to", place, who="sigrid") == (2, "bad_objects_place")


def test_a_place_with_objects_is_not_taken(world: World, buckets: Buckets) -> None:
    world.take_in("a")
    foreign = MemoryStore()
    foreign.put(f"ab/{'ab' * 16}", b"of another store")
    buckets["recordings", "store"] = foreign
    assert world.code("objects", "move", "--to", PLACE, who="sigrid") == (2, "objects_not_empty")
    assert len(in_folder(world)) == 1 and buckets.keys_of() == {"ab" * 16}


def test_a_move_to_another_place_waits_for_the_one_that_began(world: World, buckets: Buckets) -> None:
    (recording,) = world.take_in("a")
    _damage(world, recording)
    assert world.run("objects", "move", "--to", PLACE, who="sigrid").exit == 3
    assert world.code("objects", "move", "--to", "s3://elsewhere/x", who="sigrid") == (2, "objects_move_unfinished")
    assert "objects_move_unfinished" in json.dumps(world.json("status", who="iver"))


def _damage(world: World, recording: str) -> None:
    path = world.store / "objects" / recording[:2] / recording
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_damaged_object_stays_until_it_is_erased(world: World, buckets: Buckets) -> None:
    bad, good = world.take_in("a", "b")
    _damage(world, bad)
    result = world.run("objects", "move", "--to", PLACE, "--json", who="sigrid")
    assert (result.exit, result.json["moved"], result.json["left"]) == (3, 1, [bad])
    assert (buckets.keys_of(), in_folder(world)) == ({good}, {bad})
    world.json("withdraw", "--call", bad, "--yes", who="skranke")
    assert (buckets.keys_of(), in_folder(world)) == ({good}, set())
    assert move(world)["moved"] == 0
    assert layout.find(world.store).objects_from is None


def test_the_log_says_that_objects_moved(world: World, buckets: Buckets) -> None:
    world.take_in("a")
    move(world)
    entries = world.json("audit", "show", who="sigrid")["entries"]
    (entry,) = [entry for entry in entries if entry["action"] == "move_objects"]
    assert (entry["person"], entry["detail"]) == ("sigrid", {"to": PLACE, "moved": 1, "left": 0})


# -- two officers -------------------------------------------------------------------------------------

OTHER = "s3://recordings/other"


@pytest.fixture
def two(world: World, buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with two officers who know each other for eight days, and a call."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    on_day(monkeypatch, 8)
    world.catch_up()
    world.take_in("a", started=datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1))
    return world


def on_day(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Go on to that day from today."""
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=number))


def proposed(world: World, to: str = PLACE, who: str = "sigrid") -> str:
    """The id of the move that waits behind the run of one officer."""
    ended = world.run("objects", "move", "--to", to, "--json", who=who)
    assert (ended.exit, ended.json["error"]["code"]) == (13, "move_waits"), ended
    return str(ended.json["error"]["message"].partition("arlo-rec approve ")[2][:16])


def test_one_of_two_officers_moves_nothing_alone(two: World, buckets: Buckets) -> None:
    waits = proposed(two)
    assert proposed(two) == waits
    assert two.code("approve", waits, who="sigrid") == (13, "not_second")
    assert proposed(two) == waits
    assert (buckets.keys_of(), len(in_folder(two)), layout.find(two.store).objects_at) == (set(), 1, "files")


def test_what_both_officers_approved_is_moved_once(two: World, buckets: Buckets) -> None:
    waits = proposed(two)
    (task,) = [task for task in two.json("todo", who="astrid")["todo"] if task["kind"] == "approve_move"]
    assert task["id"] == waits and f"the objects from files to {PLACE}" in task["text"]
    told = two.json("approve", waits, who="astrid")["move"]
    assert (told["to"], told["by"], told["approved_by"], told["state"]) == (PLACE, "sigrid", "astrid", "approved")
    assert proposed(two, OTHER) != waits
    assert move(two)["moved"] == 1
    shown = two.json("audit", "show", who="sigrid")["entries"]
    assert [each["detail"]["request"] for each in shown if each["action"] == "move_objects"] == [waits]
    back = proposed(two, "files")
    two.json("approve", back, who="astrid")
    assert move(two, "files")["moved"] == 1
    assert proposed(two) not in {waits, back}


def test_an_approval_of_a_move_ends_after_seven_days_and_with_its_officers(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = proposed(two)
    on_day(monkeypatch, 15)
    assert two.code("approve", early, who="astrid") == (4, "no_pending_grant")
    late = proposed(two)
    two.json("approve", late, who="astrid")
    on_day(monkeypatch, 23)
    gone = proposed(two)
    assert len({early, late, gone}) == 3
    two.json("approve", gone, who="astrid")
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    assert proposed(two) != gone


def test_a_move_is_denied_with_a_reason_or_taken_back(two: World) -> None:
    denied = two.json("deny", proposed(two), "--reason", "we keep our own disks", who="astrid")["move"]
    assert denied["state"] == "denied"
    two.json("deny", proposed(two), "--reason", "another place is better", who="sigrid")
    assert "approve_move" not in two.tasks("astrid")


# -- while others work --------------------------------------------------------------------------------


def test_while_a_move_is_on_new_calls_go_to_the_new_place_and_all_are_read(world: World, buckets: Buckets) -> None:
    old = set(world.take_in("a", "b"))
    begin(world)
    new = set(world.take_in("c", seed=5))
    assert (buckets.keys_of(), in_folder(world)) == (new, old)
    assert is_sound(world)
    gone = sorted(old)[0]
    world.json("withdraw", "--call", gone, "--yes", who="skranke")
    assert in_folder(world) == old - {gone}
    assert move(world)["moved"] == 1
    assert (buckets.keys_of(), in_folder(world)) == (old - {gone} | new, set())
    assert is_sound(world)


def begin(world: World, to: str = PLACE) -> None:
    """Steps 1 and 2 of a move, as a run that was killed behind them."""
    place = layout.find(world.store)
    layout.finish(place._replace(objects_at=to, objects_from=place.objects_at))


def test_a_move_that_began_may_be_turned_back(world: World, buckets: Buckets) -> None:
    old = set(world.take_in("a"))
    begin(world)
    new = set(world.take_in("b", seed=5))
    assert move(world, "files")["moved"] == 1
    assert (buckets.keys_of(), in_folder(world)) == (set(), old | new)
    assert is_sound(world)


def test_what_is_erased_while_it_is_copied_is_left_at_neither_place(
    world: World, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = world.take_in("a", "b")
    copy = BlobCopier.__call__

    def withdrawn_meanwhile(copier: BlobCopier, wanted: object) -> list[str]:
        answer = copy(copier, wanted)  # type: ignore[arg-type]
        world.json("withdraw", "--call", gone, "--yes", who="skranke")
        return answer

    monkeypatch.setattr(BlobCopier, "__call__", withdrawn_meanwhile)
    assert move(world)["moved"] == 1
    assert (buckets.keys_of(), in_folder(world)) == ({stays}, set())
    assert is_sound(world)


def test_what_is_erased_before_its_copy_is_put_is_not_revived(
    world: World, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, stays = world.take_in("a", "b")
    put = BlobCopier._put

    def withdrawn_before(copier: BlobCopier, name: str, digest: bytes) -> bool:
        if name == gone:
            with copier.source.open(name) as stream:
                content = stream.read()
            world.json("withdraw", "--call", gone, "--yes", who="skranke")
            copier.target.put(name, [content])
            return True
        return put(copier, name, digest)

    monkeypatch.setattr(BlobCopier, "_put", withdrawn_before)
    assert move(world)["moved"] == 1
    assert (buckets.keys_of(), in_folder(world)) == ({stays}, set())


@pytest.mark.parametrize("step", ["settle", "delete_all", "put"])
@pytest.mark.parametrize("to", [PLACE, "files"])
def test_a_move_that_breaks_at_any_write_goes_on(
    world: World, buckets: Buckets, monkeypatch: pytest.MonkeyPatch, step: str, to: str
) -> None:
    """Each call of the step breaks once, before and after it took effect; the next run goes on."""
    ids = set(world.take_in("a", "b", "c"))
    if to == "files":
        move(world)
    for kind in (ObjectBlobs, FileBlobs):
        for after in (False, True):
            with monkeypatch.context() as patched:
                done = _breaking(patched, kind, step, after=after)
                result = world.run("objects", "move", "--to", to, "--json", who="sigrid")
            assert result.exit == (16 if done else 0)
            assert is_sound(world)
    move(world, to)
    assert (buckets.keys_of(), in_folder(world)) == ((ids, set()) if to == PLACE else (set(), ids))
    assert is_sound(world)


def _breaking(patched: pytest.MonkeyPatch, kind: type, step: str, *, after: bool) -> list[int]:
    whole, done = getattr(kind, step), list[int]()

    def once(blobs: object, *values: object) -> None:
        if after:
            whole(blobs, *values)
        done.append(1)
        raise Unreachable("objects_unreachable")

    patched.setattr(kind, step, once)
    return done


def test_a_move_begins_alone(world: World, buckets: Buckets) -> None:
    world.take_in("a")
    (world.base / "config.toml").write_text("lock_wait_s = 0\n", "utf-8")
    world.environment["ARLO_REC_CONFIG"] = str(world.base / "config.toml")
    place = layout.find(world.store)
    who = identity(world, "iver")
    with open_store(place, who, datetime.now(UTC), StateFolder(None), OpenOptions(command="status")):
        assert world.code("objects", "move", "--to", PLACE, who="sigrid") == (11, "in_use")
    assert layout.find(world.store) == place


def test_two_moves_do_not_run_at_once(world: World, buckets: Buckets) -> None:
    world.take_in("a")
    begin(world)
    who = identity(world, "sigrid")
    with open_store(layout.find(world.store), who, datetime.now(UTC), StateFolder(None)) as store:
        layout.shared_folder.touch(store.layout.lock_file("objects"), 0o600)
        with (
            object_move.file_lock(store.layout.lock_file("objects"), exclusive=True, wait=0),
            pytest.raises(InUse),
        ):
            object_move.carry_out(store, datetime.now(UTC))
    assert in_folder(world) and not buckets.keys_of()


def test_a_store_is_made_in_a_bucket_and_an_unfit_one_makes_nothing(
    world: World, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = world.base / "secret"
    secret.write_text("riktig hest batteri stift", "utf-8")
    secret.chmod(0o600)
    words = ("init", "--officer", "sigrid", "--objects", PLACE, "--passphrase-file", str(secret), "--json")
    buckets.away = True
    result = world.run(*words, "--store", str(world.base / "other"))
    assert (result.exit, result.json["error"]["code"]) == (16, "objects_unreachable")
    assert not (world.base / "other").exists()
    buckets.away = False
    assert world.run(*words, "--store", str(world.base / "other")).exit == 0
    assert layout.find(world.base / "other").objects_at == PLACE


@pytest.mark.parametrize("line", ['objects = "s3://x"', "objects = 7", 'objects_from = "s3://X/y"', 'objects = ""'])
def test_a_place_that_is_none_in_the_store_file_is_damage(world: World, line: str) -> None:
    path = world.store / "store.toml"
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    assert world.code("status", who="iver") == (15, "store_file_damaged")


@pytest.mark.parametrize(
    "line",
    [
        'objects = "gs://x/y"',
        'objects_from = "https://x/y"',
        'catalogue = "mysql://x/y"',
        'catalogue_to = "mysql://x"',
    ],
)
def test_a_store_whose_engine_is_not_installed_says_so_and_is_not_called_damaged(world: World, line: str) -> None:
    path = world.store / "store.toml"
    before = path.read_text("utf-8")
    path.write_text(before + line + "\n", "utf-8")
    told = world.run("status", "--json", who="iver")
    path.write_text(before, "utf-8")
    assert (told.exit, told.json["error"]["code"]) == (16, "elsewhere_missing")
    assert line.split('"')[1].partition(":")[0] in told.json["error"]["message"]


@pytest.mark.in_a_file
def test_an_older_program_is_refused_by_the_format(world: World, buckets: Buckets) -> None:
    move(world)
    path = world.store / "store.toml"
    assert layout.ELSEWHERE > layout.FORMAT
    path.write_text(path.read_text("utf-8").replace("format = 4", f"format = {layout.IN_DATABASE + 1}"), "utf-8")
    assert world.code("status", who="iver") == (16, "store_too_new")


# -- a real service -----------------------------------------------------------------------------------


@pytest.mark.slow
@GROUP
def test_a_store_lives_in_a_real_service(world: World, s3: Service) -> None:
    world.environment |= s3.environment
    s3.make_bucket("lives")
    ids = set(world.take_in("a", "b"))
    move(world, "s3://lives/one/store")
    assert set(s3.keys("lives")) == {f"one/store/{name[:2]}/{name}" for name in ids}
    ids |= set(world.take_in("c", seed=5))
    assert is_sound(world) and len(s3.keys("lives")) == 3
    findings = [finding["code"] for finding in world.json("doctor", who="iver")["findings"]]
    assert "objects_unfit" not in findings and "store_closed" not in findings
    gone = ids.pop()
    world.json("withdraw", "--call", gone, "--yes", who="skranke")
    assert {key.rpartition("/")[2] for key in s3.keys("lives")} == ids
    s3.make_bucket("lives", versions="Enabled")
    assert "objects_unfit" in [finding["code"] for finding in world.json("doctor", who="iver")["findings"]]


@pytest.mark.slow
@GROUP
def test_many_calls_are_sealed_in_processes_that_have_clients_of_their_own(world: World, s3: Service) -> None:
    world.environment |= s3.environment
    s3.make_bucket("many")
    move(world, "s3://many/store")
    for number in range(30):
        world.deliver(f"call-{number}", seed=number, seconds=0.2)
    _, told = memory_of(world, "ingest", str(world.spool))
    assert len(told["accepted"]) == 30
    assert len(s3.keys("many")) == 30 and is_sound(world)


@pytest.mark.slow
@GROUP
@pytest.mark.parametrize("to", ["s3", "files"])
@pytest.mark.parametrize("count", [0, 5, 20])
def test_a_move_that_is_killed_goes_on(world: World, s3: Service, to: str, count: int) -> None:
    bucket = s3.make_bucket(f"killed-{count}-{to}")
    place = f"s3://{bucket}/store"
    world.environment |= s3.environment
    for number in range(30):
        world.deliver(f"call-{number}", seed=number, seconds=0.2)
    ids = {each["id"] for each in memory_of(world, "ingest", str(world.spool))[1]["accepted"]}
    if to == "files":
        move(world, place)
    target = place if to == "s3" else to

    def moved() -> int:
        return len(s3.keys(bucket) if to == "s3" else in_folder(world))

    words = [sys.executable, "-m", "arlo_rec", "objects", "move", "--to", target, *world._who("sigrid")]
    environment = {**os.environ, **world._environment(), "PYTHONPATH": str(TOP)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as moving:
        while moving.poll() is None and moved() < count:
            pass
        moving.kill()
    assert move(world, target)["left"] == [] and is_sound(world)
    found = {key.rpartition("/")[2] for key in s3.keys(bucket)}
    assert (found, in_folder(world)) == ((ids, set()) if to == "s3" else (set(), ids))


@pytest.mark.slow
@GROUP
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "objects_refused"),
        ({"AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}, "objects_certificate"),
        ({"AWS_CA_BUNDLE": "/nowhere"}, "objects_no_secret"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:1"}, "objects_unreachable"),
        ({"AWS_ACCESS_KEY_ID": ""}, "objects_no_key"),
    ],
)
def test_each_trouble_is_16_and_nothing_is_moved(world: World, s3: Service, change: dict[str, str], code: str) -> None:
    ids = set(world.take_in("a"))
    world.environment |= s3.environment | change
    assert world.code("objects", "move", "--to", "s3://troubles/store", who="sigrid") == (16, code)
    assert in_folder(world) == ids
    assert layout.find(world.store).objects_at == layout.FILES


@pytest.mark.slow
@GROUP
def test_the_secret_may_be_a_file_or_a_credential(world: World, s3: Service) -> None:
    (world.base / "secret").write_text(s3.environment["AWS_SECRET_ACCESS_KEY"] + "\n", "utf-8")
    (world.base / "secret").chmod(0o600)
    (world.base / "credentials").mkdir()
    os.link(world.base / "secret", world.base / "credentials" / "arlo-rec.s3")
    lines = ["[s3]", f'endpoint = "{s3.environment["AWS_ENDPOINT_URL"]}"', f'ca = "{s3.authority}"']
    lines += [f'key_id = "{s3.environment["AWS_ACCESS_KEY_ID"]}"']
    config = world.base / "config.toml"
    world.take_in("a")
    world.environment["ARLO_REC_CONFIG"] = str(config)
    config.write_text("\n".join([*lines, f'secret_file = "{world.base / "secret"}"']), "utf-8")
    assert move(world, "s3://by-file/store")["moved"] == 1
    config.write_text("\n".join(lines), "utf-8")
    assert world.code("objects", "move", "--to", "files", who="sigrid") == (16, "objects_no_key")
    world.environment["CREDENTIALS_DIRECTORY"] = str(world.base / "credentials")
    assert move(world, "files")["moved"] == 1
