"""Whoever strikes a checkpoint, a row like any other, so that an entry of theirs is closed by the next signer's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arlo_rec.catalogue.audit_log import AuditLog
from arlo_rec.catalogue.log_clock import LogClock
from arlo_rec.catalogue.meta import Meta
from arlo_rec.keys import layout
from arlo_rec.keys.catalogue_seed import log_key
from arlo_rec.keys.key_files import read_catalogue_seal
from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import LogShown, PurgeFinished
from arlo_rec.model.records import to_iso
from arlo_rec.policy import POLICY_VERSION
from tests.support.attack import identity
from tests.support.catalogue import insider
from tests.support.world import World


def passed_off(world: World, event: AuditEvent, at: datetime, name: str) -> None:
    """An auditor writes an entry in the name of *name*, waits for their next command, and strikes his checkpoint."""
    place, iver = layout.find(world.store), identity(world, "iver")
    (seed,) = read_catalogue_seal(place, iver)
    with insider(world) as db:
        log = AuditLog(db, place.id, log_key(seed), Meta(db))
        log.append([{**event.to_json(), "at": to_iso(at), "person": name, "policy": POLICY_VERSION}], iver.signing)
        size = log.tree().size
        kept = LogClock(db).get()
    assert kept is not None
    world.run("audit", "show", who=name)  # whatever they do: a refusal is an entry too
    with insider(world) as db:
        db.run("DELETE FROM checkpoints WHERE size = ?", (size,))
        LogClock(db).forget()
    world.run("audit", "show", who=name)  # the index is computed anew


@pytest.mark.rule("security.monitored")
def test_an_entry_in_another_persons_name_is_not_hers_because_his_checkpoint_is_gone(world: World) -> None:
    passed_off(world, LogShown(), datetime.now(UTC), "sigrid")
    found = world.run("verify", "--read-data", "--json", who="iver")
    assert found.exit == 15, found


@pytest.mark.rule("retention.90d")
def test_a_purge_of_the_future_that_an_auditor_passes_off_as_crons_erases_nothing(world: World) -> None:
    world.take_in("call")
    passed_off(world, PurgeFinished(), datetime(2099, 1, 1, tzinfo=UTC), "cron")
    assert world.json("purge", who="cron")["erased"] == 0
