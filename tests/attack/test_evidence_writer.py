"""What anybody's own code strikes or invents, with sums in order, and `verify` does not name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.access.audience_keys import access_key
from arlo_rec.commands.run import Run
from arlo_rec.crypto import primitives
from arlo_rec.dsar import register, subjects
from arlo_rec.dsar.register import Intake
from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import (
    CaseAnswered,
    CaseOpened,
    CasesEnded,
    CopyConfirmed,
    DeletionConfirmed,
    LeftNothing,
    Withdrawn,
)
from arlo_rec.model.records import RecordingId, to_iso
from arlo_rec.model.strict_json import canonical
from arlo_rec.offsite import feed
from tests.support import world as worlds
from tests.support.answers import opened
from tests.support.attack import own_code, problem_codes
from tests.support.catalogue import append_to_log, catalogue, insider, spoil_note
from tests.support.copies import CONFIRM, propose
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("security.monitored")
CALLED = ("--identity", "called back on the number of the contract")


def log(world: World, who: str, event: AuditEvent) -> None:
    """An entry of somebody's own code, in the own name, as the program would write it."""
    with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
        change.log(event)


def test_an_access_request_that_is_struck_or_changed_is_named(twin: World) -> None:
    with insider(twin) as db:
        assert db.run("DELETE FROM cases")
    assert problem_codes(twin, "--read-data")


def test_an_erasure_that_is_struck_with_its_receipt_is_named(twin: World) -> None:
    with insider(twin) as db:
        numbers = [str(row[0]) for row in db.rows("SELECT number FROM erasures")]
        db.run("DELETE FROM erasures")
        db.run("DELETE FROM proofs")
    for number in numbers:
        (twin.store / "receipts" / f"{number}.json").unlink()
    assert problem_codes(twin, "--read-data")


def test_somebody_elses_export_is_no_disclosure_less_because_an_auditor_says_that_no_file_came(twin: World) -> None:
    with insider(twin) as db:
        ((seq,),) = db.rows("SELECT seq FROM recipients WHERE kind = 'export'")
        db.run("DELETE FROM recipients WHERE seq = ?", (seq,))
    log(twin, "iver", LeftNothing(of=int(seq)))
    assert problem_codes(twin, "--read-data")


def test_nobody_but_an_officer_or_who_took_it_confirms_a_deletion(twin: World) -> None:
    with insider(twin) as db:
        ((seq,),) = db.rows("SELECT seq FROM recipients WHERE kind = 'package'")
        db.run("UPDATE recipients SET state = 'confirmed' WHERE seq = ?", (seq,))
    log(twin, "iver", DeletionConfirmed(of=int(seq), by="sigrid"))
    assert problem_codes(twin, "--read-data")


def test_a_recording_that_an_auditor_destroys_is_named(twin: World) -> None:
    """Also where an entry in the own name calls it a withdrawal."""
    with insider(twin) as db:
        ids = [bytes(row[0]) for row in db.rows("SELECT id FROM recordings WHERE state = 'held'")]
        db.run("DELETE FROM shares")
        db.run("DELETE FROM metadata")
        db.run("UPDATE recordings SET state = 'erased' WHERE state = 'held'")
        db.run("UPDATE recipients SET state = 'open'")
    for one in ids:
        (twin.store / "objects" / one.hex()[:2] / one.hex()).unlink()
    recordings = tuple(RecordingId(one) for one in ids)
    event = Withdrawn(rule="consent.withdraw", recordings=recordings, count=2, tombstones=feed.digest_of([]))
    log(twin, "iver", event)
    assert problem_codes(twin, "--read-data")


@pytest.mark.parametrize("sworn", [False, True])
def test_a_case_that_support_plants_with_an_identity_that_nobody_checked_is_not_taken_for_the_officers(
    world: World, sworn: bool
) -> None:
    """Nor where an entry of theirs commits to it."""
    world.take_in("a")
    with own_code(world, "siri") as store:
        tag = primitives.caller_tag(store.secret("index"), b"+4790000001")
        access, case = access_key(store), "0123456789ab"
        info = b"arlo-rec/1/case\0" + store.layout.id + case.encode()
        stated = canonical({"identity": ["showed a passport at the counter"], "known_by": [["caller", "+4790000001"]]})
        sealed = access.id + primitives.seal(access.public, stated, info)
        at, due = datetime.now(UTC), (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
        with store.change(at) as change:
            store.db.run("INSERT INTO cases VALUES (?,0,?,?)", (case, sealed, b"n" + tag))
            if sworn:
                (row,) = store.catalogue.cases.rows()
                told = {"received": to_iso(at), "due": due, "stood_still": 0}
                change.log(CaseOpened(case=case, sworn=row.digest(), **told))
    out = str(world.base / "answer.html")
    told = world.run("dsar", "90000001", "--out", out, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (14, "identity_missing"), "as if it were not there"
    assert "case_differs" in problem_codes(world)
    told = world.run("dsar", "90000001", *CALLED, "--out", out, "--json", who="sigrid")
    assert (told.exit, told.json["case"]["id"] == case) == (0, False), "and it stops nobody's request"


@pytest.mark.parametrize("sworn", [False, True])
def test_a_copy_that_own_code_calls_confirmed_is_not_released(world: World, sworn: bool) -> None:
    (call,) = world.take_in("a", seconds=1)
    world.grant("turid", "training")
    copy = str(propose(world, call)["copy"])
    with insider(world) as db:
        db.run("UPDATE copies SET state = 'ready', reviewed_by = 'leif'")
    if sworn:
        log(world, "siri", CopyConfirmed(recordings=(RecordingId(bytes.fromhex(copy)),)))
    told = world.run("release", copy, "--reason", REASON, "--json", who="sigrid")
    assert told.exit == 14, told


@pytest.mark.parametrize("years", [0, 10])
def test_a_tombstone_that_somebody_moves_into_the_future_is_named_or_destroys_no_new_call(
    twin: World, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """The exchange delivers a call of an hour after the withdrawal, and its files go as if it were withdrawn."""
    with insider(twin) as db:
        assert db.run("UPDATE tombstones SET at = at + ?", (years * 31_536_000_000_000,))
    if problem_codes(twin, "--read-data"):
        return
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(hours=2))
    twin.deliver("again", caller="+4790000002", started=datetime.now(UTC) + timedelta(hours=1))
    told = twin.json("ingest", str(twin.spool), who="telefon")
    assert [each["source_id"] for each in told["accepted"]] == ["pbx.again"]


def test_the_time_of_a_disclosure_that_is_changed_is_named(twin: World) -> None:
    with insider(twin) as db:
        db.run("UPDATE recipients SET at = 0")
    assert problem_codes(twin, "--read-data")


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("change", ["part = 7", "sealed = x'00', tags = x''"])
def test_a_case_ends_90_days_after_its_answer_whatever_its_row_says(
    twin: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """When it was answered stands in no row, only in what the officer signed."""
    with insider(twin) as db:
        db.run(f"UPDATE cases SET {change}")
    twin.json("purge", who="cron")
    assert "case_differs" in problem_codes(twin), "named, and still there"
    assert held_cases(twin) == 1
    now = datetime.now(UTC)
    for days, left in ((89, 1), (91, 0)):
        monkeypatch.setattr(Run, "now", lambda _run, days=days: now + timedelta(days=days))
        twin.json("purge", "--allow-large", who="cron")
        assert held_cases(twin) == left, days


@pytest.mark.rule("access.subject")
def test_an_answer_that_an_auditor_invents_keeps_no_case(twin: World, monkeypatch: pytest.MonkeyPatch) -> None:
    db = catalogue(twin)
    ((case,),) = db.rows("SELECT id FROM cases")
    db.close()
    now = datetime.now(UTC)
    for days, left in ((60, 1), (91, 0)):
        monkeypatch.setattr(Run, "now", lambda _run, days=days: now + timedelta(days=days))
        append_to_log(
            twin, "iver", {**CaseAnswered(case=case, sha256="00").to_json(), "at": to_iso(now + timedelta(days=60))}
        )
        twin.json("purge", "--allow-large", who="cron")
        assert held_cases(twin) == left, days


@pytest.mark.rule("access.subject")
def test_a_case_that_waits_for_its_answer_stays_until_90_days_after_its_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever somebody wrote into its row."""
    with own_code(world, "sigrid") as store:
        known_by = subjects.identifiers(store, ["90000001"], [], [])
        register.take(store, known_by, Intake("login"), datetime.now(UTC))
    with insider(world) as db:
        assert db.run("UPDATE cases SET sealed = x'00'")
    now = datetime.now(UTC)
    for days, left in ((1, 1), (117, 1), (130, 0)):  # a month for the answer, then 90 days
        monkeypatch.setattr(Run, "now", lambda _run, days=days: now + timedelta(days=days))
        world.json("purge", "--allow-large", who="cron")
        assert held_cases(world) == left, days


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("change", ["id = 'another'", "id = 'another', part = 3"])
def test_a_case_under_another_id_ends_as_its_own_and_not_before(
    twin: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with insider(twin) as db:
        assert db.run(f"UPDATE cases SET {change}")
    now = datetime.now(UTC)
    for days, left in ((0, 1), (89, 1), (130, 0)):
        monkeypatch.setattr(Run, "now", lambda _run, days=days: now + timedelta(days=days))
        twin.json("purge", "--allow-large", who="cron")
        assert held_cases(twin) == left, days
    assert ("case_differs" in problem_codes(twin)) is ("part" in change), "known by what was sworn"


@pytest.mark.rule("access.subject")
def test_a_case_that_nobody_opened_goes_where_no_other_could_be_meant(twin: World) -> None:
    with insider(twin) as db:
        db.run("INSERT INTO cases SELECT 'another', part, sealed, x'00' FROM cases")
    assert held_cases(twin) == 2
    twin.json("purge", who="cron")
    assert held_cases(twin) == 1
    assert problem_codes(twin) == set()


@pytest.mark.rule("access.subject")
def test_a_case_whose_opening_was_made_nobodys_does_not_stay_for_ever(twin: World) -> None:
    spoil_note(twin, b'"case":"')
    twin.json("purge", who="cron")
    assert held_cases(twin) == 0


@pytest.mark.rule("access.subject")
def test_a_case_that_is_ended_before_its_time_is_named(twin: World) -> None:
    """By somebody who may purge, with own code that asks nothing."""
    with insider(twin) as db:
        ((case,),) = db.rows("SELECT id FROM cases")
        db.run("DELETE FROM cases")
    log(twin, "cron", CasesEnded(cases=[str(case)]))
    assert "case_differs" in problem_codes(twin)


def held_cases(world: World) -> int:
    db = catalogue(world)
    ((count,),) = db.rows("SELECT count(*) FROM cases")
    db.close()
    return int(count)


@pytest.fixture(scope="module")
def released(template: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, str]:
    """A store with a released training copy, and its id."""
    world = worlds.copy(template, tmp_path_factory.mktemp("released"))
    (call,) = world.take_in("a", seconds=1)
    copy = str(propose(world, call)["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    told = world.json("release", copy, "--reason", REASON, "--engine", "none", who="sigrid")
    return world, str(told["copy"]["copy"])


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("change", ["state = 'replaced'", "state = 'needs_review'", "made_at = 0"])
def test_the_letter_tells_of_a_training_copy_what_the_log_says(
    released: tuple[World, str], tmp_path: Path, change: str
) -> None:
    world, copy = worlds.copy(released[0], tmp_path), released[1]
    with insider(world) as db:
        assert db.run(f"UPDATE copies SET {change}")
    assert {"code": "copy_differs", "what": copy} in world.run("verify", "--json", who="iver").json["problems"]
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid")
    (recording,) = data_of(out, told["passphrase"])["recordings"]
    assert [each["state"] for each in recording["copies"]] == ["released"]
    assert recording["copies"][0]["made_at"].startswith(f"{datetime.now(UTC):%Y-}")


@pytest.mark.rule("access.subject")
def test_the_letter_tells_of_a_release_that_was_interrupted_as_one_copy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=1)
    copy = str(propose(world, call)["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    monkeypatch.setattr(
        "arlo_rec.training.under_review.erase", lambda *_: None
    )  # killed before the copy under review went
    world.json("release", copy, "--reason", REASON, "--engine", "none", who="sigrid")
    assert not problem_codes(world)
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid")
    (recording,) = data_of(out, told["passphrase"])["recordings"]
    assert [each["state"] for each in recording["copies"]] == ["released"]


@pytest.mark.parametrize("change", ["made_by = 'leif'", "reviewed_by = 'leif'", "made_from = randomblob(16)"])
def test_who_made_and_reviewed_a_training_copy_is_compared_with_the_log(
    released: tuple[World, str], tmp_path: Path, change: str
) -> None:
    world = worlds.copy(released[0], tmp_path)
    with insider(world) as db:
        assert db.run(f"UPDATE copies SET {change}")
    assert "copy_differs" in problem_codes(world)


def test_a_copy_under_review_is_not_erased_because_a_row_says_that_it_was_replaced(world: World) -> None:
    (call,) = world.take_in("a", seconds=1)
    copy = str(propose(world, call)["copy"])
    with insider(world) as db:
        assert db.run("UPDATE copies SET state = 'replaced'")
    assert world.json("review", copy, who="sigrid")["copy"]["state"] == "needs_review"
    assert world.json("review", copy, *CONFIRM, who="sigrid")["copy"]["state"] == "ready"


def data_of(out: Path, passphrase: str) -> dict[str, Any]:
    """The data.json of an access answer."""
    data: dict[str, Any] = json.loads(opened(out.read_bytes(), passphrase.encode())["bodies"]["data.json"])
    return data


@pytest.mark.parametrize("state", ["x", ""])
def test_a_receipt_that_is_gone_is_named_whatever_state_its_erasure_is_in(twin: World, state: str) -> None:
    (receipt,) = (twin.store / "receipts").glob("*.json")
    with insider(twin) as db:
        assert db.run("UPDATE erasures SET state = ? WHERE number = ?", (state, receipt.stem))
    receipt.unlink()
    assert "catalogue_damaged" in problem_codes(twin)
    twin.json("purge", who="cron")
    assert receipt.exists(), "the next run that holds the root writes it"
    assert not problem_codes(twin)


def test_a_count_of_what_is_held_that_somebody_changes_is_named(world: World) -> None:
    """Status and the guard of the purge go by the counts of the shards."""
    world.take_in("a", "b", "c")
    with insider(world) as db:
        db.run("UPDATE shard_keys SET shares = shares + 1000")
    assert "shard_key_damaged" in problem_codes(world)
