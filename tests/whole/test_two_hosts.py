"""Two hosts work in one store at once, and one of them dies, or loses its line.

Sound lies in an S3 service, the root secret in OpenBao, the catalogue in PostgreSQL; the hosts share the small files of
the store's folder. Nothing that was acknowledged is lost, nothing erased comes back, and the other host goes on.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arlo_rec.engines.openbao.address import KeyAddress
from arlo_rec.engines.postgres.postgres import DEAD
from tests.support import hosts, needs
from tests.support.hosts import Host, Place
from tests.support.openbao import until
from tests.support.world import EVERYTHING, REASON, World, assert_no_bug

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hosts")]
WITHDRAW = ("withdraw", "90000001", "--yes")
FIND = ("find", "--purpose", "quality", "--reason", REASON)
MOMENTS = 8
_NUMBERS = itertools.count()
_Trouble = Callable[[Host], None]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    needs.demand(hosts.lacking())
    with hosts.place(tmp_path_factory.mktemp("hosts")) as place:
        yield place


@pytest.fixture
def world(there: Place, tmp_path: Path) -> Iterator[World]:
    """A store of both hosts, and twenty calls of each of two people in the spool."""
    made = there.found(tmp_path, f"store{next(_NUMBERS)}")
    made.grant("leif")
    for number in range(20):
        made.deliver(f"hers{number}", seed=number)
        made.deliver(f"his{number}", seed=100 + number, caller="+4790000009")
    yield made
    for host in (there.one, there.other):
        host.end()
    assert_no_bug(made)
    for host in (there.one, there.other):
        log = made.base / f"state-{host.name}" / "arlo-rec" / "errors.log"
        assert not log.exists(), log.read_text("utf-8")


def killed(host: Host) -> None:
    host.kill()


def cut_off(host: Host) -> None:
    """Its line is dead for longer than the server waits for it, and then carries again."""
    host.cut()
    time.sleep(DEAD + 5)
    host.mend()


def held(there: Place, world: World) -> int:
    """How many recordings have a key in the catalogue, as its server sees them."""
    (database,) = re.findall(r":[0-9]+/([a-z0-9]+)[?]", toml(world))
    return int(there.database.ask("SELECT count(*) FROM shares", database))


def nothing_older_opens(there: Place, world: World) -> bool:
    """Whether OpenBao has no root secret but the newest: no copy of an erased key opens below it."""
    (key,) = re.findall(r'"bao://(.*)"', toml(world))
    versions = there.bao.key(KeyAddress(*key.split("/")))
    return bool(versions["min_available_version"] == versions["latest_version"])


def toml(world: World) -> str:
    return (world.store / "store.toml").read_text("utf-8")


def all_is_well(there: Place, world: World) -> None:
    """After the spool was taken in by whichever host: his twenty calls are held, once each, and none of hers."""
    for _ in range(2):  # the second run finds nothing
        taken = there.one.run(world, "ingest", str(world.spool), who="telefon")
        assert taken.exit in (0, 3), taken
    assert there.other.run(world, *WITHDRAW, who="siri").exit == 0
    assert held(there, world) == 20
    assert nothing_older_opens(there, world)
    ((bucket, prefix),) = re.findall(r"s3://(\w+)/(\w+)", toml(world))
    assert len([key for key in there.s3.keys(bucket) if key.startswith(f"{prefix}/")]) == 20
    assert world.json("verify", "--read-data", who="sigrid")["problems"] == []
    assert world.run("audit", "verify", who="iver").exit == 0
    his = there.other.run(world, "withdraw", "90000009", "--yes", who="siri")
    assert (his.exit, his.json["erased"]) == (0, 20), his


def test_two_hosts_take_in_grant_withdraw_and_listen_at_once(there: Place, world: World) -> None:
    taking = there.one.start(world, "ingest", str(world.spool), who="telefon")
    given = ("grant", "turid", "--purpose", "quality", "--reason", "responsible for quality", *EVERYTHING)
    if shutil.which("faketime") is not None:
        there.other.fast = -3600
        refused = there.other.run(world, *given, who="sigrid")
        there.other.fast = 0
        assert (refused.exit, refused.json["error"]["code"]) == (14, "retention.guard"), refused
    assert there.other.run(world, *given, who="sigrid").exit == 0
    until(lambda: held(there, world) > 0 or taking.poll() is not None)
    erased = there.other.run(world, *WITHDRAW, who="siri")
    assert erased.exit == 0, erased
    out, _ = taking.communicate(timeout=180)
    assert taking.returncode in (0, 3), out
    (call, *_) = json.loads(there.other.run(world, *FIND, who="turid").out)["recordings"]
    saved = world.base / "heard.wav"
    heard = there.one.run(
        world, "export", call["id"], "--purpose", "quality", "--reason", REASON, "--out", str(saved), who="turid"
    )
    assert heard.exit == 0, heard
    assert saved.read_bytes()[:4] == b"RIFF"
    all_is_well(there, world)


DIE = pytest.mark.parametrize(("moment", "trouble"), list(itertools.product(range(MOMENTS), [killed, cut_off])))


@pytest.mark.sampled(1)
@DIE
def test_an_intake_whose_host_is_gone_loses_no_call(there: Place, world: World, moment: int, trouble: _Trouble) -> None:
    taking = there.one.start(world, "ingest", str(world.spool), who="telefon")
    until(lambda: there.sessions_of(there.one) > 0)
    time.sleep(moment * 0.15)
    there.one.kill() if trouble is killed else there.one.cut()
    erased = there.other.run(world, *WITHDRAW, who="siri")  # waits for the dead host's locks
    assert erased.exit in (0, 3, 13), erased
    there.one.mend()
    out, err = taking.communicate(timeout=180)
    assert taking.returncode in ((0, 3, -9, 137) if trouble is killed else (0, 3, 16)), (out, err)
    all_is_well(there, world)


@pytest.mark.sampled(1)
@DIE
def test_an_erasure_whose_host_is_gone_is_finished_by_the_other(
    there: Place, world: World, moment: int, trouble: _Trouble
) -> None:
    there.one.run(world, "ingest", str(world.spool), who="telefon")
    assert held(there, world) == 40
    erasing = there.other.start(world, *WITHDRAW, who="siri")
    until(lambda: there.sessions_of(there.other) > 0)
    time.sleep(moment * 0.04)
    trouble(there.other)
    again = there.one.run(world, *WITHDRAW, who="siri")
    assert again.exit == 0, again
    assert held(there, world) == 20
    assert nothing_older_opens(there, world)
    there.other.mend()
    out, err = erasing.communicate(timeout=180)
    assert erasing.returncode in ((0, -9, 137) if trouble is killed else (0, 16)), (out, err)
    all_is_well(there, world)
