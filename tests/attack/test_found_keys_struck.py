"""Keys that anybody's own code strikes or spoils, with the sums in order: recordings are lost, and `verify` is content."""

from __future__ import annotations

import pytest

from tests.support.catalogue import insider
from tests.support.copies import propose
from tests.support.world import REASON, World, assert_no_bug

pytestmark = pytest.mark.rule("security.monitored")


@pytest.mark.parametrize("who", ["iver", "sigrid"])
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM day_keys",
        "UPDATE day_keys SET wrapped = zeroblob(length(wrapped))",
        "DELETE FROM shard_keys",
        "UPDATE shares SET wrapped = zeroblob(length(wrapped))",
        "DELETE FROM seals WHERE part LIKE 'access:%'",
        "DELETE FROM seals",
        "UPDATE commit_keys SET access_key = zeroblob(16)",
        "UPDATE audience_keys SET wrapped = zeroblob(length(wrapped))",
        "DELETE FROM metadata WHERE rowid = (SELECT min(rowid) FROM metadata)",
        "UPDATE metadata SET sealed = zeroblob(length(sealed))",
        "DELETE FROM grant_seeds",
        "DELETE FROM copies",
        "DELETE FROM escrows",
        "DELETE FROM links WHERE number < 5",
    ],
)
def test_what_is_struck_or_spoilt_is_named(world: World, sql: str, who: str) -> None:
    (call,) = world.take_in("a", seconds=1)
    propose(world, call)
    world.grant("leif")
    backup = ("backup", str(world.base / "backup"), "--escrow", str(world.base / "escrow"))
    world.json(*backup, who="sigrid")
    with insider(world) as db:
        assert db.run(sql)
    found = world.run("verify", "--read-data", "--json", who=who)
    assert found.exit not in (0, 3), found


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE recordings SET kind = 7",
        "UPDATE recordings SET state = 'x'",
        "UPDATE recordings SET purposes = 'x'",
        "UPDATE audience_keys SET audience = 'x'",
        "UPDATE erasures SET recordings = 'x'",
        "UPDATE recipients SET state = 'x'",
        "UPDATE recipients SET at = 9223372036854775807",
        "UPDATE log_keys SET vkey = vkey || 'x'",
        "UPDATE tombstones SET at = 9223372036854775807",
        "UPDATE log_clock SET at = 9223372036854775807",
        "UPDATE vouchers SET role = 'x'",
        "UPDATE meta SET value = 'x' WHERE key = 'generation'",
        "UPDATE meta SET value = x'00' WHERE key = 'log'",
        "UPDATE proofs SET path = x'00'",
        "UPDATE checkpoints SET note = 'x'",
        "UPDATE copies SET state = 'x'",
        "UPDATE cases SET due_on = 'x'",
        "UPDATE refusals SET first_seen = 9223372036854775807",
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_no_bug(world: World, sql: str) -> None:
    call, _ = world.take_in("a", "b", seconds=1)
    world.take_in("c", caller="+4790000002", seconds=0.7)
    propose(world, call)
    world.grant("leif")
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("export", call, *why, "--out", str(world.base / "out.wav"), who="leif")
    said = ("--identity", "called back on the number of the contract", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *said, who="sigrid")
    world.json("withdraw", "90000002", "--yes", who="siri")
    world.deliver("bad", consent={"key": "2"})
    world.run("ingest", str(world.spool), who="telefon")
    with insider(world) as db:
        assert db.run(sql)
    world.run("verify", "--read-data", "--json", who="iver")
    world.run("status", "--json", who="iver")
    world.run("withdraw", "90000001", "--yes", who="siri")
    assert_no_bug(world)
