"""What a scheduler that was taken over, or that is none, gets; and who may have one spoken to."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder
from arlo_rec.engines.dask import confinement
from arlo_rec.engines.dask import planners as planners_of_cluster
from arlo_rec.engines.dask.link import CLIENT
from arlo_rec.engines.dask.planners import TlsFiles, cluster
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.policy import Mode
from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.words import engine_process
from tests.support import needs
from tests.support.authority import Authority
from tests.support.copies import SAID
from tests.support.hostile_scheduler import ATTEMPTS, Aim, Asleep, Attack, Saying, scheduler
from tests.support.places import TOP
from tests.support.world import World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster"), needs.mark(needs.call_filter())]
PENDING = ("pseudonymise", *SAID, "--pending")
FIRST = 10  # messages
SOUND = Sound(Encoding.PCM16, 16_000, 1, bytes(3200))


@pytest.fixture
def aim(tmp_path: Path) -> Iterator[Aim]:
    """A key file, and a port that listens."""
    key = tmp_path / "keys" / "telefon.key"
    key.parent.mkdir()
    for path in (key, key.with_suffix(".key.old")):
        path.write_text("secret")
        path.chmod(0o400)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Aim(key, listening.getsockname()[1])
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert sorted(path.name for path in key.parent.iterdir()) == ["telefon.key", "telefon.key.old"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "authority")
    made.sign("client")
    return made


def files(authority: Authority) -> TlsFiles:
    return TlsFiles(authority.ca, authority.folder / "client.pem", authority.folder / "client.key")


def cluster_of(world: World, authority: Authority, address: str) -> World:
    """The same world, whose owner has the settings of a cluster."""
    world.setting(f'cluster.address = "{address}"')
    for name, path in files(authority)._asdict().items():
        world.setting(f'cluster.{name} = "{path}"')
    return world


def reached(authority: Authority, changed: Callable[[int, Any], Any], *, role: str = "scheduler") -> Unreachable:
    """How it ends to speak to a scheduler with such messages, and the certificate of a role."""
    with (
        scheduler(authority, changed, role=role) as address,
        cluster(address, files(authority)) as planners,
        pytest.raises(Unreachable) as ended,
    ):
        planners.start()
    return ended.value


def test_an_attack_reaches_everything_where_nothing_confines_it(tmp_path: Path) -> None:
    """So that an attempt that fails for another reason is not taken for one that is refused."""
    (tmp_path / "key").write_text("secret")
    (tmp_path / "key.old").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        source = Aim(tmp_path / "key", listening.getsockname()[1]).source() + "print(*sorted(done))"
        told = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert set(told.stdout.split()) == {*ATTEMPTS}


def test_no_pickle_in_the_first_ten_messages_of_a_scheduler_reaches_anything(
    world: World, aim: Aim, authority: Authority
) -> None:
    def changed(number: int, answer: Any) -> Any:
        return Attack(answer, aim, number, last=number == FIRST)

    with scheduler(authority, changed) as address:
        told = cluster_of(world, authority, address).run(*PENDING, "--cluster", "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (16, "cluster_version")
    assert f"here is {FIRST}, in the cluster ;" in told.json["error"]["message"], "so many attacked, and got nothing"


def test_no_pickle_that_comes_late_reaches_anything(aim: Aim, authority: Authority) -> None:
    """The scheduler says that a worker is there, waits for a call, and then attacks."""
    given = False

    def changed(number: int, answer: Any) -> Any:
        if given:
            return Attack(answer, aim, number, last=True)
        if isinstance(answer, dict) and "workers" in answer:
            return answer | {"workers": {"tls://127.0.0.1:9": {"nthreads": 1}}}
        return answer

    with scheduler(authority, changed) as address, cluster(address, files(authority)) as planners:
        planners.start()
        given = True
        plan = planners.submit(CallSound(SOUND), CopyOrder(Mode.DETECT))
        with pytest.raises(Unreachable) as ended:
            plan.result(timeout=20)
    assert (ended.value.code, ended.value.detail["there"]) == ("cluster_version", "")


def test_what_a_relay_says_is_no_other_problem_than_it_has(authority: Authority) -> None:
    told = {"problem": "wrong_passphrase", "kind": "Usage", "detail": {}}

    def changed(number: int, answer: Any) -> Any:
        return Saying(told, answer) if number > 3 else answer

    assert reached(authority, changed).code == "cluster_died"


def test_a_relay_that_falls_silent_ends_the_command(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planners_of_cluster, "CLIENT", CLIENT._replace(patience=4.0))
    assert reached(authority, lambda number, answer: Asleep() if number > 3 else answer).code == "cluster_died"


def test_a_worker_s_certificate_is_no_scheduler_s(authority: Authority) -> None:
    sent = list[int]()

    def changed(number: int, answer: Any) -> Any:
        sent.append(number)
        return answer

    assert reached(authority, changed, role="worker").code == "cluster_certificate"
    assert not sent, "no byte of its own was read"


CONFINED = """
import errno, socket, threading
from arlo_rec.engines.dask.confinement import confine
ours, theirs = socket.socketpair()
loose = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line = socket.socket()
hold, early = threading.Event(), []
def tried(way):
    try: return way() and "done"
    except OSError as error: return errno.errorcode[error.errno]
thread = threading.Thread(target=lambda: hold.wait() and early.append(tried(lambda: open("/etc/hostname"))))
thread.start()
confine(); hold.set(); thread.join()
place = ("127.0.0.1", 9)
print(*early, *map(tried, [
    lambda: loose.sendto(b"x", place), lambda: line.sendmsg([b"x"], [], 0x20000000, place), lambda: line.connect(place),
    lambda: line.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9) or 1, lambda: ours.sendmsg([b"x"]),
    lambda: theirs.recv(1), lambda: theirs.sendall(b"y") or ours.recv(1), lambda: ours.setblocking(False) or 1,
    lambda: line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) or 1,
]))
"""


def test_sockets_that_are_open_reach_their_other_end_alone_and_threads_from_before_are_confined_too() -> None:
    words = [sys.executable, "-c", CONFINED]
    told = subprocess.run(words, capture_output=True, text=True, check=True, cwd=TOP).stdout
    assert told.split() == ["EPERM"] * 5 + ["done"] * 5


def test_the_filter_allows_no_call_that_is_refused_to_an_engine() -> None:
    assert not {*confinement.ALLOWED} & {*engine_process.REFUSED}


# -- who may have one spoken to ---------------------------------------------------------------------------


@pytest.fixture
def unspoken(world: World, authority: Authority) -> Iterator[World]:
    """A world whose cluster nothing connects to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield cluster_of(world, authority, f"tls://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("door", [False, True], ids=["here", "through the door"])
def test_nothing_is_connected_to_before_the_identity_and_its_right_are_known(unspoken: World, door: bool) -> None:
    typed = replace(unspoken, door=door)
    assert typed.code(*PENDING, "--cluster", who="siri") == (13, "not_your_role")
    (unspoken.base / "passphrase").write_text("a passphrase of another", "utf-8")
    assert typed.code(*PENDING, "--cluster", who="sigrid") == (12, "wrong_passphrase")


def test_an_address_is_not_named_through_the_door(unspoken: World) -> None:
    address = ("--cluster", "tls://127.0.0.1:9")
    through = replace(unspoken, door=True)
    assert through.code(*PENDING, *address, who="sigrid") == (13, "not_through_door")
    assert unspoken.code(*PENDING, *address, who="sigrid") == (16, "cluster_unreachable"), "but by the owner's account"


def test_without_an_address_in_the_settings_there_is_no_cluster(world: World) -> None:
    told = world.run(*PENDING, "--cluster", "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "cluster_setting_missing")
    assert "cluster.address" in told.out
