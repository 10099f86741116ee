"""Whoever once was an officer, or has a key file that was rotated out: what they still sign, and who believes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.catalogue.audit_log import AuditLog
from arlo_rec.catalogue.log_clock import LogClock
from arlo_rec.catalogue.meta import Meta
from arlo_rec.commands.run import Run
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys import layout, log_handover
from arlo_rec.keys.catalogue_seed import log_key
from arlo_rec.keys.key_files import Identity, read_catalogue_seal
from arlo_rec.keys.layout import find
from arlo_rec.model.audit_events import ClockAccepted, PurgeFinished
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import to_base64
from arlo_rec.policy import POLICY_VERSION
from tests.support.attack import identity, problem_codes
from tests.support.backups import back_up, lose, opened, with_feed
from tests.support.catalogue import insider
from tests.support.feed import append, line_on, path, tree_of
from tests.support.world import REASON, World

FAR = datetime(2099, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def sara(world: World) -> tuple[World, Identity]:
    """Sara was an officer and was removed; iver, an auditor, helps her: together they have a log key and hers."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    kept = identity(world, "sara")
    world.json("person", "remove", "sara", "--yes", who="sigrid")
    world.json("status", who="sigrid")
    return world, kept


def write(world: World, kept: Identity, event: dict[str, object], at: datetime) -> int:
    """An entry of a time that she chooses, with a checkpoint that her old key signs; an auditor has the log's key."""
    place = layout.find(world.store)
    (seed,) = read_catalogue_seal(place, identity(world, "iver"))
    with insider(world) as db:
        log = AuditLog(db, place.id, log_key(seed), Meta(db))
        seq = log.tree().size
        body = {**event, "at": to_iso(at), "person": kept.name, "policy": POLICY_VERSION}
        log.append([body], kept.signing)
        LogClock(db).forget()
    return seq


def assert_noticed(world: World) -> None:
    """The purge erases nothing, for the entry counts nowhere; and it is named."""
    assert world.json("purge", who="cron")["erased"] == 0
    assert world.json("status", who="iver")["held"] == 1
    assert "checkpoint_of_nobody" in problem_codes(world)


@pytest.mark.rule("retention.90d")
def test_a_former_officers_purge_of_the_future_erases_nothing(sara: tuple[World, Identity]) -> None:
    world, kept = sara
    world.take_in("call")
    write(world, kept, PurgeFinished().to_json(), FAR)
    assert_noticed(world)


@pytest.mark.rule("retention.90d")
def test_a_key_file_of_cron_that_was_rotated_out_invents_no_purge(world: World) -> None:
    world.take_in("call")
    kept = identity(world, "cron")
    world.json("person", "rotate", "cron", "--key-out", str(world.base / "new.key"), who="sigrid")
    (world.base / "new.key").replace(world.key("cron"))
    world.json("status", who="sigrid")
    write(world, kept, PurgeFinished().to_json(), FAR)
    assert_noticed(world)


@pytest.mark.rule("retention.90d")
def test_a_former_officers_acceptance_opens_nothing(
    sara: tuple[World, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, kept = sara
    (call,) = world.take_in("call")
    world.grant("leif", "quality", "--days", "1")
    words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + 2 * DAY)
    assert world.run(*words, str(world.base / "a"), who="leif").exit == 13
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC))
    assert world.run(*words, str(world.base / "b"), who="leif").exit == 14
    size = int(world.json("clock", who="iver")["newest"]["entry"]) + 2
    event = ClockAccepted(reason="a reason of hers", before=size, newest=to_iso(FAR)).to_json()
    assert write(world, kept, event, datetime.now(UTC)) == size
    assert world.run(*words, str(world.base / "c"), who="leif").exit == 14
    assert "checkpoint_of_nobody" in problem_codes(world)


@pytest.mark.rule("access.officer")
def test_a_former_officer_alone_writes_nothing_into_the_feed(fed: World) -> None:
    """She has no key of the log: an officer's word makes her one."""
    secret = str(fed.base / "passphrase")
    fed.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    kept = identity(fed, "sara")
    fed.json("person", "remove", "sara", "--yes", who="sigrid")
    fed.json("status", who="sigrid")
    (mine,) = fed.take_in("a")
    back_up(fed)
    store, tree, own = find(fed.store).id, tree_of(fed), primitives.SigningKey.from_seed(b"\x07" * 32)
    origin = f"arlo-rec/{store.hex()}"
    word = kept.signing.public + kept.signing.sign(log_handover.restoration(origin, own.public))
    key = {"from": tree.size, "statement": to_base64(word), "vkey": merkle.vkey(origin, own.public)}
    purged = {"action": "purge", "at": "2026-10-01T08:00:00Z", "outcome": "done", "person": "cron"}
    body = {**purged, "rule": "retention.90d", "recordings": [mine], "detail": {"count": 1}}
    append(fed, line_on(store, tree, [body], own, keys=[key]))
    lose(fed)
    with_feed(fed)
    assert opened(fed) == {mine}
    assert path(fed).exists()
