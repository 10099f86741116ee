"""A store whose root secret lies in OpenBao: its whole life, a death in every step, a cluster without its leader."""

from __future__ import annotations

import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from arlo_rec.engines.openbao import openbao
from arlo_rec.engines.openbao.address import KeyAddress
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.backups import back_up, places
from tests.support.faults import Crash
from tests.support.openbao import OpenBao, until
from tests.support.world import REASON, Result, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openbao")]


class InBao(NamedTuple):
    """A world whose root secret lies in OpenBao, and the server."""

    world: World
    server: OpenBao
    key: KeyAddress


def made(server: OpenBao, base: Path) -> InBao:
    key, folder = server.fresh_key()
    return InBao(worlds.found(base, "--root", str(key), environment=server.environment(folder)), server, key)


@pytest.fixture
def kept(bao: OpenBao, tmp_path: Path) -> InBao:
    return made(bao, tmp_path)


def wrapped_days(world: World) -> dict[int, bytes]:
    """The wrapped keys of days, as they lie in the catalogue."""
    place = layout.find(world.store)
    (seed,) = read_catalogue_seal(place, identity(world, "sigrid"))
    db = SqliteConnection(place.catalogue, catalogue_key(seed))
    try:
        return {day: bytes(key) for day, key in db.rows("SELECT day, wrapped FROM day_keys")}
    finally:
        db.close()


def listens(world: World, recording: str) -> Result:
    out = world.base / f"{recording[:8]}.wav"
    out.unlink(missing_ok=True)
    words = ("export", recording, "--out", str(out), "--purpose", "quality", "--reason", REASON, "--json")
    return world.run(*words, who="leif")


def withdraw(world: World, recording: str) -> Result:
    return world.run("withdraw", "--call", recording, "--yes", "--json", who="siri")


def assert_sound(world: World) -> None:
    assert world.json("verify", "--read-data", who="sigrid")["problems"] == []


def opens_in_openbao(kept: InBao, day: int, wrapped: bytes) -> bool:
    """Whether an operator with every right gets anything out of a wrapped key of a day, by any version of the key."""
    text, path = b64encode(wrapped).decode(), f"{kept.key.mount}/decrypt/{kept.key.key}"
    place = layout.find(kept.world.store)
    newest = kept.server.key(kept.key)["latest_version"]
    for version in range(1, newest + 1):  # which is the generation of a store that was not restored
        of = b"root\0" + place.id + version.to_bytes(8, "big") + b"day\0" + str(day).encode()
        body = {"ciphertext": f"vault:v{version}:{text}", "associated_data": b64encode(of).decode()}
        if "data" in kept.server.ask("POST", path, body, may_fail=True):
            return True
    return False


# -- the life of a store ------------------------------------------------------------------------------


def test_a_store_is_made_filled_heard_and_erased(kept: InBao) -> None:
    world = kept.world
    assert f'root = "{kept.key}"' in (world.store / "store.toml").read_text("utf-8")
    assert layout.is_root_elsewhere(world.store) and layout.root_of(world.store) == world.root
    assert {each.name for each in world.root.iterdir()} == {"CACHEDIR.TAG", "README", "lock"}
    first, second = world.take_in("a", "b")
    world.grant()
    assert listens(world, first).exit == 0
    old = wrapped_days(world)
    assert any(opens_in_openbao(kept, *each) for each in old.items())
    before = kept.server.key(kept.key)
    assert withdraw(world, first).exit == 0
    after = kept.server.key(kept.key)
    assert after["latest_version"] == before["latest_version"] + 1
    assert after["min_available_version"] == after["min_decryption_version"] == after["latest_version"]
    assert not any(opens_in_openbao(kept, *each) for each in old.items())
    assert listens(world, first).exit == 13
    assert listens(world, second).exit == 0
    assert_sound(world)
    assert world.json("purge", who="cron")["erased"] == 0
    told = world.json("status", who="iver")
    assert told["held"] == 1 and not {"root_missing", "bao_key_weak"} & {*told["critical"]}
    worlds.assert_no_bug(world)


def test_what_lies_in_openbao_opens_no_key_without_the_root_seed(kept: InBao) -> None:
    kept.world.take_in("a")
    ((day, wrapped),) = wrapped_days(kept.world).items()
    place = layout.find(kept.world.store)
    version = kept.server.key(kept.key)["latest_version"]
    of = b"root\0" + place.id + version.to_bytes(8, "big") + b"day\0" + str(day).encode()
    body = {
        "ciphertext": f"vault:v{version}:{b64encode(wrapped).decode()}",
        "associated_data": b64encode(of).decode(),
    }
    told = kept.server.ask("POST", f"{kept.key.mount}/decrypt/{kept.key.key}", body)
    inner = b64decode(told["data"]["plaintext"])
    assert len(inner) == primitives.WRAP_OF_KEY
    for secret in (bytes(32), inner[:32]):
        with pytest.raises(primitives.Sealed):
            primitives.unwrap(secret, inner, of)


def test_people_come_and_go_and_keys_are_renewed(kept: InBao) -> None:
    world = kept.world
    (call,) = world.take_in("a")
    world.grant()
    secret = str(world.base / "passphrase")
    add = ("person", "add", "nora", "--role", "officer", "--new-passphrase-file", secret)
    world.json(*add, who="sigrid")
    assert listens(world, call).exit == 0
    world.json("person", "remove", "turid", "--yes", who="sigrid")
    assert listens(world, call).exit == 0
    assert withdraw(world, call).exit == 0
    assert_sound(world)


def test_a_backup_comes_back_into_a_file_and_into_another_key(kept: InBao) -> None:
    world, server = kept.world, kept.server
    first, second = world.take_in("a", "b")
    back_up(world)
    assert withdraw(world, first).exit == 0
    folder, ring = places(world)
    shutil.move(world.store, world.base / "lost")
    shutil.move(world.root, world.base / "lost.root")
    shutil.rmtree(world.base / "state")
    key, _ = server.fresh_key()
    environment = server.environment(server.folder / key.key)
    for root, used in ((), world.environment), (("--root", str(key)), environment):
        world.environment = dict(used)
        words = ("restore", str(folder), "--escrow", str(ring), "--accept-without-feed", "--reason", REASON, "--yes")
        told = world.run(*words, *root, "--json", who="sigrid")
        assert told.exit in {0, 3}, told
        assert told.json["held"] == 2
        world.grant()
        assert listens(world, second).exit == 0
        assert withdraw(world, second).exit == 0
        assert_sound(world)
        assert layout.find(world.store).root_at == (str(key) if root else None)
        for path in (world.store, world.root, world.base / "state"):
            shutil.rmtree(path)
    taken = world.run(*words, "--root", str(key), "--json", who="sigrid")
    assert taken.json["error"]["code"] == "bao_key_taken"
    assert not world.store.exists()


def test_a_store_with_its_root_in_a_file_moves_into_openbao_by_its_backup(world: World, bao: OpenBao) -> None:
    first, second = world.take_in("a", "b")
    back_up(world)
    assert withdraw(world, first).exit == 0
    for path in (world.store, world.root, world.base / "state"):
        shutil.rmtree(path)
    key, folder = bao.fresh_key()
    world.environment = bao.environment(folder)
    backup, ring = places(world)
    words = ("restore", str(backup), "--escrow", str(ring), "--accept-without-feed", "--reason", REASON, "--yes")
    assert world.json(*words, "--root", str(key), who="sigrid")["held"] == 2
    world.grant()
    assert listens(world, second).exit == 0
    before = wrapped_days(world)
    assert withdraw(world, second).exit == 0
    assert not before.items() <= wrapped_days(world).items()
    assert_sound(world)
    assert not (world.root / "root").exists()


def test_a_drill_opens_a_backup_without_openbao(kept: InBao) -> None:
    world = kept.world
    world.take_in("a")
    back_up(world)
    versions = kept.server.key(kept.key)["latest_version"]
    folder, ring = places(world)
    told = world.json("drill", str(folder), "--escrow", str(ring), who="sigrid")
    assert (told["opened"], told["recordings"], told["problems"]) == (True, 1, [])
    assert kept.server.key(kept.key)["latest_version"] == versions


def test_an_unchanged_store_is_backed_up_anew_because_its_root_goes_into_no_ring(kept: InBao) -> None:
    kept.world.take_in("a")
    assert [back_up(kept.world)["number"] for _ in range(2)] == [1, 2]


def test_a_copy_of_the_store_is_only_looked_at_although_it_names_the_same_key(kept: InBao) -> None:
    (call,) = kept.world.take_in("a")
    for ending in ("", ".root"):
        shutil.copytree(f"{kept.world.store}{ending}", f"{kept.world.store}.copy{ending}")
    at_copy = ("--store", f"{kept.world.store}.copy")
    told = kept.world.run("status", *at_copy, "--json", who="iver")
    assert (told.exit, told.json["critical"]) == (3, ["store_moved"])
    assert kept.world.code("withdraw", "--call", call, "--yes", *at_copy, who="siri") == (15, "store_moved")
    assert withdraw(kept.world, call).exit == 0
    assert_sound(kept.world)


def test_old_state_is_noticed_although_the_root_folder_is_old_too(kept: InBao) -> None:
    world = kept.world
    (call,) = world.take_in("a")
    for path in (world.store, world.root):
        shutil.copytree(path, world.base / f"old-{path.name}")
    assert withdraw(world, call).exit == 0
    for path in (world.store, world.root):
        shutil.rmtree(path)
        (world.base / f"old-{path.name}").rename(path)
    shutil.rmtree(world.base / "state")
    assert world.code("status", who="iver")[0] == 15


def test_a_key_that_is_gone_and_one_that_may_leave_are_named(kept: InBao) -> None:
    world, path = kept.world, f"{kept.key.mount}/keys/{kept.key.key}"
    world.take_in("a")
    kept.server.ask("POST", f"{path}/config", {"exportable": True, "deletion_allowed": True})
    told = world.json("status", who="iver")
    assert "bao_key_weak" in told["critical"]
    doctor = world.json("doctor", who="iver")
    assert "bao_key_weak" in {each["code"] for each in doctor["findings"]}
    kept.server.ask("DELETE", path)
    assert world.code("purge", who="cron") == (15, "bao_key_missing")
    found = world.run("verify", "--json", who="iver")
    assert "bao_key_missing" in {each["code"] for each in found.json["problems"]}


def test_a_snapshot_of_openbao_that_is_put_back_is_noticed_and_opens_an_old_copy_alone(kept: InBao) -> None:
    """What docs/operating.md says of snapshots, and why they are destroyed within the ring's hours."""
    world, server = kept.world, kept.server
    call, stays = world.take_in("a", "b")
    world.grant()
    folders = (world.store, world.root, world.base / "state")
    for path in folders:
        shutil.copytree(path, world.base / f"old-{path.name}")
    old = wrapped_days(world)
    snapshot = server.snapshot()
    assert withdraw(world, call).exit == 0
    assert not any(opens_in_openbao(kept, *each) for each in old.items())
    server.put_back(snapshot)
    assert "root_older_than_catalogue" in world.json("status", who="iver")["critical"]
    assert world.code("purge", who="cron") == (15, "root_older_than_catalogue")
    assert listens(world, stays).exit == 15
    for path in folders:
        shutil.rmtree(path)
        (world.base / f"old-{path.name}").rename(path)
    assert listens(world, call).exit == 0, "so a snapshot that is kept undoes erasures"


# -- a death in every step ----------------------------------------------------------------------------


@contextmanager
def at_request(number: int, happens: Callable[[], None], *, after: bool) -> Iterator[list[str]]:
    """Have something happen before or after the request of that number (from 1) that changes something or reads R."""
    asked, original = list[str](), openbao.OpenBao.ask

    def ask(self: openbao.OpenBao, method: str, path: str, body: Any = None) -> Any:
        asked.append(f"{method} {path}")
        if len(asked) == number and not after:
            happens()
        answer = original(self, method, path, body)
        if len(asked) == number and after:
            happens()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openbao.OpenBao, "ask", ask)
        yield asked


def dies() -> None:
    raise Crash


def fails() -> None:
    raise Unreachable("bao_unreachable", address="127.0.0.1", reason="cut off")


def requests_of_an_erasure(world: World) -> int:
    (call,) = world.take_in("counted")
    with at_request(0, dies, after=False) as asked:
        assert withdraw(world, call).exit == 0
    assert any(request.endswith("/trim") for request in asked)
    return len(asked)


def holds_after(kept: InBao, call: str, stays: str, old: dict[int, bytes], *, told: bool) -> None:
    """The next command finishes what a death left: all of it, or nothing."""
    world = kept.world
    purged = world.run("purge", "--json", who="cron")
    assert purged.exit in {0, 3}, purged
    held = {
        each["id"] for each in world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]
    }
    assert stays in held
    if call in held:
        assert not told, "an erasure that was reported is undone"
        assert listens(world, call).exit == 0
        assert withdraw(world, call).exit == 0
    assert listens(world, call).exit == 13
    assert listens(world, stays).exit == 0
    versions = kept.server.key(kept.key)
    assert versions["min_available_version"] == versions["min_decryption_version"]
    assert not any(opens_in_openbao(kept, *each) for each in old.items())
    assert_sound(world)


def test_an_erasure_that_dies_or_is_cut_off_at_any_request_is_whole_or_nothing(kept: InBao, whole: bool) -> None:
    world = kept.world
    count = requests_of_an_erasure(world)
    world.grant()
    for number in range(1, count + 1, 1 if whole else 3):
        for after in (False, True) if whole else (number % 2 == 0,):
            call, stays = world.take_in(f"goes{number}{after}", f"stays{number}{after}")
            old = wrapped_days(world)
            with at_request(number, dies, after=after), pytest.raises(Crash):
                withdraw(world, call)
            holds_after(kept, call, stays, old, told=False)
    worlds.assert_no_bug(world)


@pytest.fixture(scope="module")
def clustered(bao_cluster: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> InBao:
    kept = made(bao_cluster, tmp_path_factory.mktemp("clustered"))
    kept.world.grant()
    return kept


def test_a_leader_that_is_killed_in_any_step_of_an_erasure_loses_nothing(clustered: InBao, whole: bool) -> None:
    world, server = clustered.world, clustered.server
    count = requests_of_an_erasure(world)
    chosen = range(1, count + 1) if whole else (count // 2, count - 3)
    for number in chosen:
        for after in (False, True) if whole else (True,):
            killed = []

            def kill(killed: list[Any] = killed) -> None:
                killed.append(server.leader())
                server.kill(killed[0])

            call, stays = world.take_in(f"goes{number}{after}", f"stays{number}{after}")
            old = wrapped_days(world)
            with at_request(number, kill, after=after):
                ended = withdraw(world, call)
            assert ended.exit in {0, 16}, ended
            server.leader()
            holds_after(clustered, call, stays, old, told=ended.exit == 0)
            server.start(killed[0])
            server.unseal(killed[0])
    worlds.assert_no_bug(world)


def test_a_store_goes_on_with_two_of_three_nodes_and_neither_takes_opens_nor_erases_with_one(
    clustered: InBao,
) -> None:
    """A leader that lost the others still says that it is active, and answers what it knows."""
    world, server = clustered.world, clustered.server
    server.kill(server.nodes[0])
    leader = server.leader()
    until(lambda: server.ask("PUT", "secret/data/elected", {"data": {}}, node=leader, may_fail=True).get("data"))
    (call,) = world.take_in("with-two")
    follower = next(node for node in server.nodes[1:] if node is not leader)
    server.kill(follower)
    world.deliver("with-one")
    for words, who in (
        (("ingest", str(world.spool)), "telefon"),
        (("export", call, "--out", str(world.base / "x.wav"), "--purpose", "quality", "--reason", REASON), "leif"),
        (("withdraw", "--call", call, "--yes"), "siri"),
        (("purge",), "cron"),
    ):
        ended = world.run(*words, "--json", who=who)
        assert ended.exit == 16 and ended.json["error"]["code"].startswith("bao_"), ended
    assert not (world.base / "x.wav").exists()
    for node in (server.nodes[0], follower):
        server.start(node)
        server.unseal(node)
    until(lambda: listens(world, call).exit == 0)
    assert world.json("ingest", str(world.spool), who="telefon")["refused"] == []
    assert_sound(world)
