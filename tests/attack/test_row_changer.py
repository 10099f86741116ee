"""A row that an auditor's own code changes and swears to again: the newest entry that takes a recording in counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from arlo_rec.model.audit_events import CallTakenIn
from arlo_rec.model.records import RecordingId
from tests.support.answers import opened
from tests.support.attack import own_code
from tests.support.catalogue import insider
from tests.support.world import REASON, World

CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)


def resworn(world: World, call: str, sql: str, *values: object, who: str = "iver") -> None:
    recording = RecordingId(bytes.fromhex(call))
    with insider(world) as db:
        assert db.run(sql, (*values, recording))
    with own_code(world, who) as store:
        row = store.catalogue.recordings.get(recording)
        assert row is not None
        with store.change(datetime.now(UTC)) as change:
            change.log(CallTakenIn(recordings=(recording,), sworn=row.row_digest()))


def clean(world: World) -> bool:
    return world.run("verify", "--read-data", "--json", who="iver").exit == 0


@pytest.mark.rule("scope.only")
@pytest.mark.parametrize("who", ["iver", "telefon"])
def test_a_row_that_is_sworn_to_once_more_is_named_and_opens_nothing(world: World, who: str) -> None:
    """Also by the telephone system's own key: it swears once, when it takes a call in."""
    (call,) = world.take_in("a")
    world.grant("leif")
    resworn(world, call, "UPDATE recordings SET started_at = started_at - 1000000 WHERE id = ?", who=who)
    told = world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (15, "recording_changed")
    found = world.run("verify", "--json", who="iver")
    assert {"code": "recording_changed", "what": call} in found.json["problems"]


@pytest.mark.rule("retention.90d")
def test_a_recording_that_is_due_in_ten_years_since_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = world.take_in("a")
    resworn(world, call, "UPDATE recordings SET due_at = due_at + 315360000000000 WHERE id = ?")
    if not clean(world):
        return
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=100))
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    world.grant("leif")
    assert world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif").exit == 13


@pytest.mark.rule("access.subject")
def test_nobody_is_given_the_call_of_somebody_else(world: World) -> None:
    """Tags stand in the rows for everybody; the number itself is in the metadata that the officer opens."""
    (hers,) = world.take_in("hers", seconds=1)
    (his,) = world.take_in("his", caller="+4790000002", seed=7, seconds=1)
    with insider(world) as db:
        ((tag,),) = db.rows("SELECT caller FROM recordings WHERE id = ?", (bytes.fromhex(his),))
    resworn(world, hers, "UPDATE recordings SET caller = ? WHERE id = ?", tag)
    out = world.base / "answer.html"
    told = world.run("dsar", "90000002", *CALLED, "--out", str(out), "--json", who="sigrid")
    if told.exit == 15:
        return
    answer = opened(out.read_bytes(), told.json["passphrase"].encode())
    assert "+4790000001" not in answer["letter_html"], "her number, and her voice, for him"


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_finds_every_call_or_verify_says_why_not(world: World) -> None:
    (hers,) = world.take_in("hers")
    resworn(world, hers, "UPDATE recordings SET caller = NULL WHERE id = ?")
    assert not clean(world) or world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
