"""Whoever has the owner's account, with or without a role's key and with own code: every change of a store is noticed.

They can write every row and every file, and a command believes the rows of its own database. What they changed is named
by `verify`, also where the sums of rows and the number of changes were put in order.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.log import events as say
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.model.policy_versions import Policy
from arlo_rec.law.model.records import RecordingId, to_iso
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Event, Purpose
from arlo_rec.vault.backends import SLOT_BYTES
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.catalogue import audit_log
from arlo_rec.vault.catalogue.tombstones import Tombstone
from arlo_rec.vault.crypto.primitives import SigningKey, fresh
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.keys import layout, root_secret
from arlo_rec.vault.offsite import feed
from arlo_rec.vault.opened import Change
from tests.fuzz.judge import limited
from tests.support.attack import log_as, own_code, problem_codes
from tests.support.backups import back_up, lose, restore
from tests.support.catalogue import append_raw, append_to_log, catalogue, insider, spoil_note, strike
from tests.support.faults import damage
from tests.support.policies import put
from tests.support.world import REASON, World, assert_clean, assert_no_bug

pytestmark = pytest.mark.rule("security.monitored")
CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)
FAR = datetime(2099, 1, 1, tzinfo=UTC)
OPENED: dict[str, Any] = {
    **{"sworn": "00" * 32, "received": to_iso(FAR), "due": "2099-02-01", "stood_still": 0},
    **{"subject_right": "access", "identified": True},
}
YEARS = timedelta(days=3650)
IDS = (RecordingId(b"\xab" * 16),)
HELD, ERASED = "WHERE state = 'held'", "WHERE state = 'erased'"


# -- rows ---------------------------------------------------------------------------------------------

NOBODY = "zeroblob(length(holder))"
ROWS: dict[str, tuple[str, ...]] = {
    "recording_changed": (
        f"UPDATE recordings SET caller = NULL {HELD}",
        f"UPDATE recordings SET caller = randomblob(32) {HELD}",
        f"UPDATE recordings SET team = 'x' {HELD}",
        f"UPDATE recordings SET purposes = 'quality' {HELD}",
        f"UPDATE recordings SET parent = randomblob(16) {HELD}",
        f"UPDATE recordings SET started_at = started_at - 1000000 {HELD}",
        f"UPDATE recordings SET due_at = due_at + 315360000000000 {HELD}",
        f"UPDATE recordings SET due_at = 0 {HELD}",
    ),
    "recording_missing": (
        f"DELETE FROM recordings {HELD}",
        f"UPDATE recordings SET state = 'erased' {HELD}",
        f"UPDATE recordings SET state = 'arriving' {HELD}",
        f"UPDATE recordings SET state = 'erasing' {HELD}",
    ),
    "recording_not_in_log": (f"UPDATE recordings SET state = 'held' {ERASED}",),
    "share_missing": ("DELETE FROM shares",),
    "share_damaged": ("UPDATE shares SET wrapped = x'00'",),
    "shard_key_missing": ("DELETE FROM shard_keys",),
    "shard_key_damaged": ("UPDATE shard_keys SET shares = shares + 1000",),
    "day_key_missing": ("DELETE FROM day_keys",),
    "day_key_damaged": ("UPDATE day_keys SET wrapped = x'00'", "INSERT INTO day_keys VALUES (5, randomblob(60))"),
    "secret_missing": ("DELETE FROM seals WHERE part = 'root'", "DELETE FROM seals WHERE part LIKE 'access:%'"),
    "seal_forged": ("UPDATE seals SET sealed = zeroblob(length(sealed)) WHERE part = 'index'",),
    "secret_of_nobody": (
        f"INSERT INTO seals SELECT {NOBODY}, part, 0, sealed, signed_by, signature FROM seals LIMIT 1",
    ),
    "grant_seed_missing": ("DELETE FROM grant_seeds",),
    "grant_seed_of_nobody": (
        f"INSERT INTO grant_seeds SELECT grant_id, pair, {NOBODY}, sealed FROM grant_seeds LIMIT 1",
    ),
    "commit_key_missing": ("DELETE FROM commit_keys",),
    "commit_key_changed": (
        "UPDATE commit_keys SET access_key = zeroblob(16)",
        "UPDATE commit_keys SET sealed = zeroblob(1168)",
    ),
    "audience_key_missing": ("DELETE FROM audience_keys",),
    "audience_key_changed": (
        "UPDATE audience_keys SET wrapped = x'00'",
        "UPDATE audience_keys SET audience = 'officer'",
        "UPDATE audience_keys SET team = 'x'",
    ),
    "metadata_missing": ("DELETE FROM metadata WHERE rowid = (SELECT max(rowid) FROM metadata)",),
    "copy_missing": ("DELETE FROM copies", "UPDATE copies SET parent = zeroblob(16)"),
    "copy_differs": (
        "UPDATE copies SET state = 'replaced'",
        "UPDATE copies SET state = 'needs_review'",
        "UPDATE copies SET made_at = 0",
        "UPDATE copies SET made_by = sealed('copies.made_by', recording, 'leif')",
        "UPDATE copies SET reviewed_by = sealed('copies.reviewed_by', recording, 'leif')",
        "UPDATE copies SET made_from = randomblob(16)",
    ),
    "disclosure_differs": (
        "DELETE FROM recipients WHERE kind = 'export'",
        "UPDATE recipients SET state = 'confirmed'",
        "UPDATE recipients SET person = sealed('recipients.person', seq, 'turid')",
        "UPDATE recipients SET at = 0",
        "INSERT INTO recipients (seq, kind, person, at, state) "
        "SELECT 1, kind, sealed('recipients.person', 1, 'leif'), at, state FROM recipients LIMIT 1",
    ),
    "erasure_differs": (
        "DELETE FROM erasures",
        "DELETE FROM proofs",
        "UPDATE erasures SET recordings = ''",
        "UPDATE erasures SET number = '../evil' WHERE number = (SELECT max(number) FROM erasures)",
    ),
    "receipt_changed": ("UPDATE proofs SET path = x'00'",),
    "tombstone_missing": ("DELETE FROM tombstones", "DELETE FROM burials"),
    "tombstone_of_nobody": (
        "UPDATE tombstones SET at = at - 1",
        "UPDATE tombstones SET at = at + 315360000000000",
        "INSERT INTO tombstones SELECT kind, x'00', at FROM tombstones",
    ),
    "case_differs": (
        "DELETE FROM cases",
        "UPDATE cases SET id = 'another'",
        "UPDATE cases SET part = 7",
        "UPDATE cases SET sealed = x'00', tags = x''",
        "INSERT INTO cases VALUES ('planted', 0, x'00', x'00')",
    ),
    "mentions_differ": (
        "DELETE FROM mentions WHERE seq = (SELECT max(seq) FROM mentions)",
        "INSERT OR IGNORE INTO mentions SELECT recording, 0 FROM mentions",
        "UPDATE mentions SET seq = -1 WHERE seq = (SELECT max(seq) FROM mentions)",
    ),
    "voucher_missing": ("DELETE FROM vouchers WHERE role = 'support'", "UPDATE vouchers SET since = -1"),
    "link_broken": (
        "DELETE FROM links WHERE number < 5",
        "UPDATE links SET signature = zeroblob(64) WHERE number = 1",
        "UPDATE meta SET bytes = CAST(substr(bytes, 1, 8) || randomblob(32) AS BLOB) WHERE key = 'link'",
    ),
    "roster_rolled_back": ("DELETE FROM meta WHERE key = 'link'",),
    "roster_forged": ("UPDATE documents SET body = sealed('documents.body', kind, '{}') WHERE kind = 'roster'",),
    "policy_forged": ("UPDATE documents SET body = sealed('documents.body', kind, '{}') WHERE kind = 'policy'",),
    "settings_missing": ("DELETE FROM documents WHERE kind = 'settings'",),
    "entry_missing": ("DELETE FROM entries WHERE seq = 30",),
    "entry_changed": (
        "UPDATE entries SET sealed = NULL WHERE seq = 30",
        "UPDATE entries SET sealed = sealed_entry(seq, '{}') WHERE seq = 30",
        "UPDATE entries SET sealed = randomblob(length(sealed)) WHERE seq = 30",
        "UPDATE entries SET leaf = randomblob(32) WHERE seq = 30",
    ),
    "log_cut_off": (
        "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
        "DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)",
        "DELETE FROM meta WHERE key = 'log'",
    ),
    "log_damaged": ("DELETE FROM checkpoints", "UPDATE meta SET bytes = x'00' WHERE key = 'log'"),
    "log_key_unknown": ("DELETE FROM log_keys",),
    "checkpoint_missing": ("DELETE FROM checkpoints WHERE size = 30",),
    "checkpoint_unsigned": ("UPDATE checkpoints SET note = 'x'",),
    "clock_index_differs": ("DELETE FROM meta WHERE key = 'log_clock'",),
    "rows_changed": ("DELETE FROM sums",),
}
UNREADABLE = (
    f"UPDATE recordings SET kind = 7 {HELD}",
    "UPDATE recordings SET state = 'x'",
    f"UPDATE recordings SET purposes = 'x' {HELD}",
    f"UPDATE recordings SET id = x'00' WHERE id = (SELECT min(id) FROM recordings {ERASED})",
    "UPDATE audience_keys SET audience = 'x'",
    "UPDATE erasures SET recordings = 'x'",
    "UPDATE erasures SET state = 'x'",
    "UPDATE recipients SET state = 'x'",
    "UPDATE recipients SET person = x'00'",
    "UPDATE copies SET made_by = x'00'",
    "UPDATE recipients SET kind = 'x'",
    "UPDATE recipients SET at = 9223372036854775807",
    "UPDATE log_keys SET vkey = vkey || 'x'",
    "UPDATE tombstones SET at = 9223372036854775807",
    "UPDATE copies SET state = 'x'",
    "UPDATE sums SET name = 'ø' WHERE name = 'copies'",
    "UPDATE meta SET number = NULL, bytes = x'00' WHERE key = 'generation'",
    "UPDATE meta SET number = 9223372036854775807 WHERE key = 'generation'",
    *(f"UPDATE meta SET bytes = x'00' WHERE key = '{key}'" for key in ("link", "log_clock")),
    "UPDATE meta SET number = 1, bytes = NULL WHERE key = 'log'",
)


@pytest.mark.parametrize(("code", "sql"), [(code, sql) for code, some in ROWS.items() for sql in some])
def test_a_row_that_is_struck_changed_or_planted_is_named(twin: World, code: str, sql: str) -> None:
    strike(twin, sql)
    assert code in problem_codes(twin)


@pytest.mark.parametrize("sql", UNREADABLE)
def test_a_row_that_cannot_be_read_is_damage_and_ends_every_command_in_words(twin: World, sql: str) -> None:
    strike(twin, sql)
    assert "catalogue_damaged" in problem_codes(twin)
    for who, *command in (("iver", "status"), ("siri", "withdraw", "90000001", "--yes"), ("cron", "purge")):
        assert_clean(twin.run(*command, who=who))
    assert_no_bug(twin)


def test_a_row_that_cannot_be_read_hides_nothing_that_other_checks_find(twin: World) -> None:
    strike(twin, "UPDATE copies SET state = 'x'", "DELETE FROM day_keys")
    assert problem_codes(twin) == {"catalogue_damaged", "day_key_missing"}


@pytest.mark.parametrize(
    ("sql", "code", "who", "more"),
    [
        ("UPDATE day_keys SET wrapped = zeroblob(length(wrapped))", "day_key_damaged", "siri", ()),
        ("UPDATE shard_keys SET wrapped = zeroblob(length(wrapped))", "shard_key_damaged", "siri", ()),
        ("UPDATE shares SET wrapped = zeroblob(length(wrapped))", "share_damaged", "siri", ("--read-data",)),
        ("UPDATE grant_seeds SET sealed = zeroblob(length(sealed))", "grant_seed_damaged", "sigrid", ()),
        ("UPDATE grant_seeds SET sealed = zeroblob(length(sealed))", "grant_seed_damaged", "leif", ()),
        (
            "UPDATE audience_keys SET wrapped = zeroblob(length(wrapped))",
            "audience_key_damaged",
            "sigrid",
            ("--read-data",),
        ),
        ("UPDATE metadata SET sealed = zeroblob(length(sealed))", "metadata_damaged", "sigrid", ("--read-data",)),
    ],
)
def test_a_key_that_was_overwritten_is_named_to_who_holds_the_key_above_it_and_to_no_auditor(
    twin: World, sql: str, code: str, who: str, more: tuple[str, ...]
) -> None:
    strike(twin, sql)
    assert problem_codes(twin, *more, who=who) == {code}
    assert problem_codes(twin, "--read-data") == set()


def test_a_commit_key_that_is_said_to_be_for_another_subject_access_key_is_named_to_an_officer(twin: World) -> None:
    """There are two since an officer left; to which a commit key is sealed, only opening it tells."""
    secret = str(twin.base / "passphrase")
    twin.json("person", "add", "vera", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    twin.json("person", "remove", "vera", "--yes", who="sigrid")
    with insider(twin) as db:
        (old,) = db.rows("SELECT DISTINCT access_key FROM commit_keys")
        parts = {str(row[0]) for row in db.rows("SELECT part FROM seals WHERE part LIKE 'access:%'")}
        (new,) = parts - {f"access:{old[0].hex()}"}
        db.run("UPDATE commit_keys SET access_key = ?", (bytes.fromhex(new.removeprefix("access:")),))
    assert problem_codes(twin, "--read-data", who="sigrid") == {"commit_key_damaged"}


def test_what_was_sealed_to_nobody_goes_when_anybody_gets_new_keys(twin: World) -> None:
    strike(twin, *ROWS["secret_of_nobody"], *ROWS["grant_seed_of_nobody"])
    twin.json("person", "rotate", "cron", "--key-out", str(twin.base / "cron2.key"), who="sigrid")
    assert problem_codes(twin) == set()


def test_who_takes_vouchers_away_is_noticed_and_an_officers_next_change_signs_them_anew(twin: World) -> None:
    strike(twin, ROWS["voucher_missing"][0])
    twin.json("withdraw", "90000001", "--yes", who="siri")
    assert problem_codes(twin) == {"voucher_missing", "receipt_changed"}
    twin.grant()
    assert problem_codes(twin) == {"receipt_changed"}, "the one that was written without"


@pytest.mark.parametrize("state", ["x", ""])
def test_a_receipt_that_is_gone_is_named_whatever_state_its_erasure_is_in_and_written_again(
    twin: World, state: str
) -> None:
    receipt = min((twin.store / "receipts").glob("*.json"))
    strike(twin, f"UPDATE erasures SET state = '{state}' WHERE number = '{receipt.stem}'")
    receipt.unlink()
    assert "catalogue_damaged" in problem_codes(twin)
    twin.json("purge", who="cron")
    assert receipt.exists() and not problem_codes(twin)


SCHEMAS = (
    ("CREATE TRIGGER t BEFORE DELETE ON shares BEGIN SELECT RAISE(IGNORE); END",),
    ("CREATE TRIGGER t AFTER INSERT ON entries WHEN NEW.seq > 99 BEGIN DELETE FROM day_keys; END",),
    ("DROP TRIGGER recordings_comes",),
    ("DROP TRIGGER shares_comes", "CREATE TRIGGER shares_comes AFTER INSERT ON shares BEGIN DELETE FROM days; END"),
    ("DROP INDEX recordings_by_caller",),
    ("CREATE INDEX t ON recordings (team)",),
    ("CREATE VIEW t AS SELECT 1",),
    ("ALTER TABLE refusals RENAME TO t", "CREATE VIEW refusals AS SELECT * FROM t"),
)


@pytest.mark.parametrize("statements", SCHEMAS, ids=lambda some: some[-1][:30])
def test_a_schema_that_is_not_ours_is_named_and_nothing_of_it_is_run(twin: World, statements: tuple[str, ...]) -> None:
    with closing(catalogue(twin)) as db, db.writing():
        for each in statements:
            db.run(each)
    assert problem_codes(twin, "--read-data") == {"schema_changed"}
    assert_no_bug(twin)


# -- entries ------------------------------------------------------------------------------------------


ENTRIES: list[tuple[str, AuditEvent, str]] = [
    ("iver", say.Purged(rule="retention.90d", recordings=IDS, count=1), "entry_without_right"),
    ("leif", say.PurgeFinished(), "entry_without_right"),
    ("cron", say.ClockAccepted(reason=REASON, before=1, newest=to_iso(FAR)), "entry_without_right"),
    ("telefon", say.LogShown(), "entry_without_right"),
    ("iver", say.SearchShown(purpose="quality", reason=REASON, recordings=IDS, shown=1), "entry_without_right"),
    ("siri", say.CopyConfirmed(recordings=IDS), "entry_without_right"),
    ("iver", say.CallTakenIn(recordings=IDS, sworn="00" * 32, prompt="x", week="x"), "entry_without_right"),
    ("telefon", say.CallTakenIn(recordings=IDS, sworn="00" * 32, prompt="x", week="x"), "recording_missing"),
    ("leif", say.CopyMade(recordings=IDS, sworn="00" * 32, parent="00" * 16, state="released"), "recording_missing"),
    ("siri", say.Withdrawn(rule="consent.withdraw", recordings=IDS, count=1, tombstones="00" * 32), "erasure_differs"),
    ("siri", say.Withdrawn(rule="consent.withdraw", count=0, tombstones="00" * 32, of=1), "tombstone_missing"),
    ("siri", say.CaseOpened(case="a" * 12, **OPENED),
     "entry_without_right"),
    ("sigrid", say.CaseOpened(case="a" * 12, **OPENED),
     "case_differs"),
    ("cron", say.EntriesForgotten(before=20, days=400, entries=[[1, 2]]), "forgotten_unasked"),
    ("leif", say.AccessRequested(purpose="curiosity", reason=REASON, request="x", teams=None, until=to_iso(FAR)),
     "entry_unreadable"),
    ("turid", say.AccessRequested(purpose="quality", reason=REASON, request="x", teams=None, until="tomorrow"),
     "entry_unreadable"),
    ("sigrid", say.PolicyProposed(request="x", version="x", base="x", document={}), "policy_differs"),
]  # fmt: skip


@pytest.mark.parametrize(("who", "event", "code"), ENTRIES, ids=lambda value: getattr(type(value), "ACTION", value))
def test_an_entry_that_says_what_was_not_so_is_named(twin: World, who: str, event: AuditEvent, code: str) -> None:
    log_as(twin, who, event)
    assert code in problem_codes(twin)


FOUND: dict[str, Any] = {**say.LogShown().to_json(), "at": "2026-11-26T12:00:00Z"}


@pytest.mark.parametrize("odd", [{"at": "tomorrow"}, {"at": 7}, {"detail": 7}, {"action": 7}, {"rule": None}], ids=str)
def test_an_entry_in_which_something_is_odd_is_named(twin: World, odd: dict[str, Any]) -> None:
    append_to_log(twin, "iver", {**FOUND, **odd})
    assert problem_codes(twin) == {"entry_unreadable"}


@pytest.mark.parametrize("raw", [b"garbage", b"[]", b'{"a":1e999}', b'{"b":1,"a":1}', b'garbage "sworn":"'], ids=str)
def test_an_entry_of_any_bytes_is_named_and_stops_nobody(twin: World, raw: bytes) -> None:
    append_raw(twin, "iver", raw + b' "recordings":["' + b"ab" * 16 + b'"] "case":"')
    assert "entry_of_another_person" in problem_codes(twin)
    for who, *command in (("iver", "status"), ("siri", "withdraw", "90000001", "--yes"), ("cron", "purge")):
        assert twin.run(*command, who=who).exit in (0, 3)
    assert_no_bug(twin)


NO_TIME = {**say.SearchShown(purpose="quality", reason=REASON, recordings=(), shown=1).to_json(), "at": "tomorrow"}
ODD: dict[str, tuple[str, dict[str, Any], str, tuple[str, ...]]] = {
    "dsar": ("leif", NO_TIME, "sigrid", ("case", "open", "90000001", *CALLED)),
    "report": ("leif", NO_TIME, "iver", ("audit", "report")),
    "request": ("leif", ENTRIES[-3][1].to_json(), "sigrid", ("todo",)),
    "policy": ("sigrid", ENTRIES[-1][1].to_json(), "sigrid", ("todo",)),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_entry_in_which_something_is_odd_ends_no_command_as_an_unexpected_error(world: World, odd: str) -> None:
    by, entry, who, words = ODD[odd]
    calls = world.take_in("a") if odd in {"dsar", "report"} else []
    append_to_log(world, by, {**FOUND, **entry, "recordings": calls} if calls else {**FOUND, **entry})
    out = ("--out", str(world.base / "answer.html")) if odd == "dsar" else ()
    world.run(*words, *out, who=who)
    assert_no_bug(world)


NAMED = b'"person":"leif"'
IN_DETAIL = {"criteria": {"outcome": "allowed", "person": "iver", "policy": "2026-01"}}


@pytest.mark.parametrize(
    ("detail", "spelled"),
    [({}, NAMED), (IN_DETAIL, NAMED), (IN_DETAIL, b'"person" : "leif"'), (IN_DETAIL, b'"p\\u0065rson":"leif"')],
    ids=["plain", "named in its detail", "with spaces", "with an escape"],
)
def test_an_entry_in_another_persons_name_is_reported(
    twin: World, monkeypatch: pytest.MonkeyPatch, detail: dict[str, Any], spelled: bytes
) -> None:
    """Also where its detail says the right name in the place in which a hasty reader looks."""
    monkeypatch.setattr(audit_log, "canonical", lambda body: canonical(body).replace(NAMED, spelled))
    denied = {"action": "export", "outcome": "denied", "rule": "purpose.quality", "at": "2026-11-26T12:00:00Z"}
    append_to_log(twin, "iver", {**denied, "detail": detail}, name="leif")
    twin.json("audit", "show", who="iver")
    assert "entry_of_another_person" in problem_codes(twin)
    assert twin.run("audit", "verify", who="iver").exit == 15


def test_an_entry_in_another_persons_name_is_not_hers_because_his_checkpoint_is_struck(twin: World) -> None:
    """He waits for her next command, so that her checkpoint closes his entry."""
    append_to_log(twin, "iver", FOUND, name="sigrid")
    with insider(twin) as db:
        ((size,),) = db.rows("SELECT max(size) FROM checkpoints")
    twin.json("audit", "show", who="sigrid")
    strike(twin, f"DELETE FROM checkpoints WHERE size = {size}")
    assert "checkpoint_missing" in problem_codes(twin)


@pytest.mark.parametrize("how", ["nobody's key", "spoilt"])
def test_a_checkpoint_that_nobody_signed_who_is_known_is_named(twin: World, how: str) -> None:
    if how == "spoilt":
        spoil_note(twin, b'"action":"export"')
    else:
        append_to_log(twin, "iver", FOUND, key=SigningKey.from_seed(fresh()))
    assert problem_codes(twin) & {"checkpoint_of_nobody", "checkpoint_unsigned"}


def test_nobody_has_a_name_like_that_of_somebody_who_left_in_which_they_could_sign(world: World) -> None:
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    name = "sigrid (until 2026-01-01)"
    assert world.code("person", "add", name, "--role", "auditor", *secret, who="sigrid") == (2, "bad_name")


@pytest.mark.parametrize(("who", "by"), [("iver", "an auditor"), ("cron", "who purges, before its time")])
def test_a_case_a_disclosure_and_a_recording_that_an_entry_explains_away_are_named(
    twin: World, who: str, by: str
) -> None:
    with insider(twin) as db:
        ((case,),) = db.rows("SELECT id FROM cases")
        ((export,),) = db.rows("SELECT seq FROM recipients WHERE kind = 'export'")
        ((package,),) = db.rows("SELECT seq FROM recipients WHERE kind = 'package'")
        held = tuple(RecordingId(bytes(row[0])) for row in db.rows(f"SELECT id FROM recordings {HELD}"))
        db.run("DELETE FROM cases")
        db.run("DELETE FROM recipients WHERE seq = ?", (export,))
        db.run("UPDATE recipients SET state = 'confirmed' WHERE seq = ?", (package,))
        db.run(f"UPDATE recordings SET state = 'erased' {HELD}")
    log_as(twin, who, say.CasesEnded(cases=[str(case)]))
    log_as(twin, who, say.LeftNothing(of=int(export)))
    log_as(twin, who, say.DeletionConfirmed(of=int(package), by="sigrid"))
    log_as(twin, who, say.Purged(rule="retention.90d", recordings=held, count=len(held)))
    missing = {"recording_missing"} if who == "iver" else {"erasure_differs", "erased_too_early"}
    assert problem_codes(twin) >= {"case_differs", "disclosure_differs", *missing}, by


@pytest.mark.rule("retention.90d")
def test_a_call_that_is_erased_as_due_before_its_day_is_named(world: World) -> None:
    """Somebody who may purge, with own code that asks nothing."""
    (call,) = world.take_in("a")
    recording = RecordingId(bytes.fromhex(call))
    with own_code(world, "cron") as store:
        order = protocol.Order("expiry", "retention.90d", Event.EXPIRED, (recording,))
        event = say.Purged(rule="retention.90d", recordings=(recording,), count=1)
        protocol.carry_out(store, lambda: order, datetime.now(UTC), lambda change, _: change.log(event))
    assert problem_codes(world) == {"erased_too_early"}


@pytest.mark.rule("consent.withdraw")
def test_a_call_that_was_hidden_from_its_withdrawal_is_named_when_its_row_is_put_back(world: World) -> None:
    world.take_in("a", "b")
    with insider(world) as db:
        rows = db.rows("SELECT id, caller FROM recordings")
        db.run("UPDATE recordings SET caller = zeroblob(32) WHERE id = ?", (rows[0][0],))
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert "recording_changed" in problem_codes(world)
    with insider(world) as db:
        db.run("UPDATE recordings SET caller = ? WHERE id = ?", (rows[0][1], rows[0][0]))
    assert problem_codes(world) == {"withdrawn_but_held"}


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("ground", [None, "order"])
def test_a_withdrawal_that_says_it_left_a_call_on_hold_that_was_on_none_is_reported(
    world: World, ground: str | None
) -> None:
    """Somebody who may withdraw, with own code that erases nothing and says that the person wanted it so."""
    (call,) = world.take_in("a")
    if ground is not None:
        why = ("--until", "30d", "--reason", "order of the district court")
        world.json("hold", "set", call, "--ground", ground, *why, who="sigrid")
    with own_code(world, "siri") as store:
        tag = store.catalogue.recordings.held(RecordingId(bytes.fromhex(call)))
        assert tag is not None
        tombstone = Tombstone("caller", bytes(tag.caller or b""), datetime.now(UTC))
        order = protocol.Order("withdrawal", "consent.withdraw", Event.WITHDRAWN, ())

        def log(change: Change, _: protocol.Order) -> None:
            digest = feed.digest_of([tombstone])
            event = say.Withdrawn(rule="consent.withdraw", recordings=(), count=0, tombstones=digest, kept=[call])
            store.catalogue.tombstones.add(tombstone, change.log(event))

        protocol.carry_out(store, lambda: order, datetime.now(UTC), log)
    assert problem_codes(world) == {"withdrawn_but_held"}


@pytest.mark.rule("purpose.change")
@pytest.mark.parametrize("how", ["edited", "dropped", "a purpose more"])
def test_a_policy_that_an_officers_own_code_edits_drops_or_widens_is_named(world: World, how: str) -> None:
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        first, second = store.policy.versions
        wider = tuple(replace(prompt, purposes=frozenset(Purpose)) for prompt in first.prompts)
        store.put(
            {
                "edited": Policy((first, replace(second, retention_days=10))),
                "dropped": Policy((first,)),
                "a purpose more": Policy((replace(first, prompts=wider), second)),
            }[how]
        )
    assert problem_codes(world) == {"policy_differs"}
    assert world.run("policy", "check", "--json", who="iver").json["drift"]


# -- files --------------------------------------------------------------------------------------------


def receipt_of(world: World) -> Path:
    return min((world.store / "receipts").iterdir())


def object_of(world: World, at: int = 0) -> Path:
    db = catalogue(world)
    name = bytes(db.rows(f"SELECT id FROM recordings {HELD} ORDER BY object_bytes, id")[at][0]).hex()
    db.close()
    return world.store / "objects" / name[:2] / name


def recounted(receipt: Path) -> None:
    receipt.write_bytes(canonical({**json.loads(receipt.read_bytes()), "count": 7}) + b"\n")


def key_file(world: World) -> Path:
    return layout.find(world.store).key_file("leif")


def seal_file(world: World) -> Path:
    return layout.find(world.store).seal_file("cron")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def shorter(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def terabyte(path: Path) -> None:
    os.truncate(path, 1 << 40)


FILES: dict[str, tuple[Callable[[World], object], str]] = {
    "a receipt that is empty": (lambda w: receipt_of(w).write_bytes(b""), "receipt_changed"),
    "a receipt with another count": (lambda w: recounted(receipt_of(w)), "receipt_changed"),
    "a receipt that is gone": (lambda w: receipt_of(w).unlink(), "file_missing"),
    "a key file with another bit": (lambda w: damage(key_file(w)), "file_changed"),
    "a key file that is gone": (lambda w: key_file(w).unlink(), "file_missing"),
    "a seal with another bit": (lambda w: damage(seal_file(w)), "file_changed"),
    "a seal that is gone": (lambda w: seal_file(w).unlink(), "file_missing"),
    "a lock that is gone": (lambda w: (w.store / "intake.lock").unlink(), "file_missing"),
    "the ballast that is gone": (lambda w: (w.store / "ballast").unlink(), "ballast_missing"),
    "an object that is gone": (lambda w: object_of(w).unlink(), "object_missing"),
    "an object with another bit": (lambda w: damage(object_of(w)), "object_damaged"),
    "an object that is cut": (lambda w: shorter(object_of(w)), "object_truncated"),
    "an object that is longer": (lambda w: longer(object_of(w)), "object_longer"),
    "an object under the name of another": (lambda w: shutil.copy(object_of(w), object_of(w, 1)), "object_swapped"),
    "an object of nobody": (lambda w: under_another_name(object_of(w)), "object_of_nobody"),
    "a slot of the root that is empty": (lambda w: emptied(w.root / "root"), "root_slot_damaged"),
    "a slot of the root of long ago": (lambda w: aged(w.root / "root"), "root_slot_damaged"),
    "a slot of the root with another bit": (lambda w: another_bit(w.root / "root"), "root_slot_damaged"),
    "a root that is a pipe": (lambda w: pipe(w.root / "root"), "root_unreadable"),
    "a root of a terabyte": (lambda w: terabyte(w.root / "root"), "root_unreadable"),
    "what was seen is gone": (lambda w: (w.root / "seen").unlink(), "seen_unreadable"),
    "another folder of the root": (lambda w: root_elsewhere(w), "root_moved"),
    "a catalogue with another bit": (lambda w: damage(w.store / "catalogue.db"), "catalogue_damaged"),
}


def emptied(path: Path) -> None:
    path.write_bytes(bytes(SLOT_BYTES) + path.read_bytes()[SLOT_BYTES:])


def another_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[SLOT_BYTES + 60] ^= 1
    path.write_bytes(content)


def aged(path: Path) -> None:
    """Put R of a generation that was overwritten long ago back into one of the slots."""
    long_ago = root_secret.encode_slot(bytes(16), bytes(32), 1, 1, fresh()).ljust(SLOT_BYTES, b"\0")
    path.write_bytes(path.read_bytes()[:SLOT_BYTES] + long_ago)


def under_another_name(path: Path) -> None:
    shutil.copy(path, path.with_name(path.name[:2] + "ab" * 15))


def root_elsewhere(world: World) -> None:
    moved = world.base / "moved"
    world.root.rename(moved)
    config = world.store / "store.toml"
    config.write_text(config.read_text().replace('root = "store.root"', f'root = "{moved}"'))


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_changed_exchanged_or_gone_is_named(twin: World, what: str) -> None:
    change, code = FILES[what]
    change(twin)
    with limited():
        assert code in problem_codes(twin, "--read-data")
    assert_no_bug(twin)


def test_the_ballast_that_is_gone_alarms_and_the_next_erasure_lays_it_anew(twin: World) -> None:
    (twin.store / "ballast").unlink()
    unasked = "recorded_unasked"  # the call without a yes in the life of every test here
    assert sorted(twin.run("status", "--json", who="iver").json["critical"]) == ["ballast_missing", unasked]
    twin.json("withdraw", "90000001", "--yes", who="siri")
    assert not problem_codes(twin)


def ends_in_words(world: World) -> None:
    """Whatever lies there: commands end in one of our answers, at once, and write nothing to a terminal but text."""
    for who, *command in (("iver", "status"), ("siri", "withdraw", "90000001", "--yes"), ("iver", "verify")):
        with limited():
            result = world.run(*command, who=who)
        assert result.exit in {0, 3, 11, 12, 15, 16}, result
        assert_clean(result)
    assert_no_bug(world)


@pytest.mark.parametrize("spoil", ["link", "pipe", "folder", "terabyte"])
@pytest.mark.parametrize("place", ["store/open.lock", "store/attempts", "store/catalogue.db", "store.root/seen"])
def test_what_is_no_file_in_the_place_of_one_ends_every_command_in_words(twin: World, place: str, spoil: str) -> None:
    path, elsewhere = twin.base / place, twin.base / "elsewhere"
    path.rename(elsewhere)
    before = elsewhere.read_bytes()
    if spoil == "link":
        path.symlink_to(elsewhere)
    elif spoil == "pipe":
        os.mkfifo(path)
    elif spoil == "folder":
        path.mkdir()
    else:
        path.touch()
        terabyte(path)
    ends_in_words(twin)
    assert elsewhere.read_bytes() == before


def renumber(world: World, number: str, state: str) -> None:
    with insider(world) as db:
        ((last,),) = db.rows("SELECT max(number) FROM erasures")
        db.run("UPDATE erasures SET number = ?, state = ? WHERE number = ?", (number, state, last))
        db.run("UPDATE proofs SET number = ? WHERE number = ?", (number, last))


@pytest.mark.parametrize("state", ["open", "done"])
@pytest.mark.parametrize("number", ["../evil", "x" * 5000, "\x1b[2J", ""], ids=["a way", "long", "escape", "none"])
def test_the_number_of_an_erasure_stops_no_command_reaches_no_terminal_and_is_named(
    twin: World, number: str, state: str
) -> None:
    renumber(twin, number, state)
    ends_in_words(twin)
    assert "erasure_differs" in problem_codes(twin)


def test_a_number_of_an_erasure_that_can_be_no_files_ends_no_command_as_an_unexpected_error(twin: World) -> None:
    renumber(twin, "a\0b", "open")
    ends_in_words(twin)


@pytest.mark.parametrize(
    "note",
    ['{"name": "\x1b[2J\u202eleif", "command": "\x07", "pid": 0, "since": ""}', '{"name": ["x"]}', "x", "[" * 10**6],
    ids=["escapes", "another type", "no JSON", "a megabyte"],
)
def test_what_stands_in_a_lock_is_shown_bounded_and_harmless_or_not_at_all(world: World, note: str) -> None:
    config = world.base / "config.toml"
    config.write_text("lock_wait_s = 0\n", "utf-8")
    world.environment["ARLO_REC_CONFIG"] = str(config)
    path = world.root / "lock"
    path.write_text(note.replace('"pid": 0', f'"pid": {os.getpid()}'), "utf-8")
    with file_lock(path, exclusive=True, wait=0):
        result = world.run("withdraw", "90000001", "--yes", who="siri")
    assert result.exit == 11 and len(result.err) < 500
    assert_clean(result)


# -- notes of failed unlocks --------------------------------------------------------------------------


def fail_to_unlock(world: World) -> None:
    wrong = world.base / "wrong"
    wrong.write_text("no passphrase of anybody\n")
    wrong.chmod(0o600)
    assert world.run("status", "--as", "iver", "--passphrase-file", str(wrong)).exit == 12


def told_of_unlocks(world: World) -> list[tuple[str, str | None]]:
    """Outcome and code of every entry about a failed unlock."""
    entries = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    return [(one["outcome"], one.get("detail", {}).get("code")) for one in entries]


@pytest.mark.rule("security.unauthorised")
@pytest.mark.parametrize("later", [False, True], ids=["nothing since", "another since"])
def test_notes_that_are_cut_before_they_were_taken_in_are_told(world: World, later: bool) -> None:
    """That there was something; what it was is gone. A note that comes later is told as such, and hides the cut."""
    notes = world.store / "attempts"
    before = notes.read_bytes()
    fail_to_unlock(world)
    notes.write_bytes(before)
    if later:
        fail_to_unlock(world)
    expected = ("denied", None) if later else ("failed", "attempts_cut")
    assert told_of_unlocks(world) == [expected]
    assert told_of_unlocks(world) == [expected], "it is told once"


@pytest.mark.rule("security.unauthorised")
def test_a_note_that_was_taken_in_stays_whatever_becomes_of_the_file(world: World) -> None:
    fail_to_unlock(world)
    assert told_of_unlocks(world) == [("denied", None)]
    (world.store / "attempts").write_bytes(b"")
    assert sorted(told_of_unlocks(world), key=str) == [("denied", None), ("failed", "attempts_cut")]


@pytest.mark.rule("security.unauthorised")
def test_only_who_owns_the_file_can_cut_a_note_unseen(world: World) -> None:
    """The promise ends where the time of the last writing can be set: this is the attack that stays."""
    notes = world.store / "attempts"
    before, about = notes.read_bytes(), notes.stat()
    fail_to_unlock(world)
    notes.write_bytes(before)
    os.utime(notes, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert told_of_unlocks(world) == []


@pytest.mark.rule("security.unauthorised")
def test_a_store_that_was_restored_tells_of_no_cut(world: World) -> None:
    """Its file of notes is a new one."""
    fail_to_unlock(world)
    back_up(world)
    lose(world)
    assert restore(world).exit == 14, "without a feed the reading paths stay closed"
    assert ("failed", "attempts_cut") not in told_of_unlocks(world)


@pytest.mark.parametrize("name", ["store", "store.root"])
def test_a_folder_that_was_opened_to_other_accounts_is_named(world: World, name: str) -> None:
    (world.base / name).chmod(0o750)
    assert problem_codes(world) == {"folder_open"}
    (world.base / name).chmod(0o700)
    assert problem_codes(world) == set()
