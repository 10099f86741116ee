"""What somebody with the owner's account and a role's key does not get by rows, entries and files that they write.

Nobody's sound under another's row, no approval of what was not read, no revocation or erasure that is stopped unseen,
and no access that is hidden. What `verify` names of it stands in `test_owners_account`, and beside each of these.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.calls.intake import batch, sealing
from arlo_rec.law.log import events as say
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.model import policy_versions
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.records import Recording, RecordingId, to_iso
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.office import policy_changes
from arlo_rec.policy import RETENTION, Action
from arlo_rec.vault.access import metadata
from arlo_rec.vault.access.audience_keys import CommitKeys, access_key, commit_info, commit_key_id
from arlo_rec.vault.catalogue.audience_keys import CommitKeyRow
from arlo_rec.vault.catalogue.recordings import COLUMNS, to_row
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.primitives import fresh
from arlo_rec.vault.opened import Store
from tests.fuzz.judge import limited
from tests.support import copies
from tests.support.answers import opened
from tests.support.attack import log_alone, log_as, loot, meanwhile, own_code, problem_codes
from tests.support.backups import back_up, lose, restore
from tests.support.catalogue import append_raw, spoil_note, strike
from tests.support.policies import propose
from tests.support.world import REASON, World, assert_no_bug

pytestmark = pytest.mark.rule("security.monitored")
CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)
YEARS = timedelta(days=3650)


def asked(world: World, caller: str = "90000001", *more: str) -> dict[str, Any]:
    """An access answer: how it ended, what was told, the letter, and its files."""
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    told = world.run("dsar", caller, *CALLED, "--lang", "en", "--out", str(out), "--json", *more, who="sigrid")
    assert out.exists(), told
    inside = opened(out.read_bytes(), told.json["passphrase"].encode())
    return {"exit": told.exit, "told": told.json, "letter": inside["letter_html"], "files": inside["bodies"]}


def data_of(answer: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(answer["files"]["data.json"])
    return data


# -- what the telephone system's key takes in with own code -------------------------------------------


def take_in(world: World, monkeypatch: pytest.MonkeyPatch, alter: Callable[[Recording], Recording], **how: Any) -> str:
    """Take in a call whose row says what *alter* makes of it; its entry commits to that row."""
    kept = sealing.recording_of
    with monkeypatch.context() as own:
        own.setattr(sealing, "recording_of", lambda *given: alter(kept(*given)))
        (call,) = world.take_in("a", **how)
    return call


@pytest.mark.rule("retention.90d")
def test_a_call_that_is_due_in_ten_years_is_named_and_opens_no_longer_than_90_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = datetime.now(UTC) - timedelta(days=80)
    take_in(world, monkeypatch, lambda row: row._replace(due_at=row.due_at + YEARS), started=started)
    world.grant("leif")
    (shown,) = world.json("find", *WHY, who="leif")["recordings"]
    assert datetime.fromisoformat(shown["expires_at"]) == started + RETENTION
    assert problem_codes(world) == {"deadline_differs"}


@pytest.mark.rule("retention.90d")
def test_a_call_that_begins_in_ten_years_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its 90 days would begin then."""
    later = lambda row: row._replace(started_at=row.started_at + YEARS, due_at=row.due_at + YEARS)  # noqa: E731
    take_in(world, monkeypatch, later)
    assert problem_codes(world) == {"deadline_differs"}


@pytest.mark.rule("scope.only")
def test_a_call_that_support_takes_in_with_own_code_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that nobody's exchange delivered, of which the caller is told that it is theirs."""
    world.deliver("invented")
    kept = Store.demand

    def demand(store: Store, action: Action, now: datetime) -> None:
        if action is not Action.INGEST:
            kept(store, action, now)

    monkeypatch.setattr(Store, "demand", demand)
    assert world.json("ingest", str(world.spool), who="skranke")["accepted"], "the attacker's own code is right"
    assert problem_codes(world) == {"entry_without_right", "recording_not_in_log"}


ODD: list[dict[str, Any]] = [
    {"duration_s": 1e308},
    {"channels": {"caller": 7, "agent": 0}},
    {"known": {"caller": [5]}},
    {"agent": 7},
    {"consent": {"at": "tomorrow"}},
    {"caller": {"x": 1}},
    {"consent": ...},
]


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_what_is_odd_of_a_call_stops_no_search_and_an_answer_names_the_call(
    world: World, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    world.take_in("a", seconds=0.2)
    kept = sealing.facts_of

    def facts_of(*given: Any) -> sealing.Facts:
        whole, heard = ({**each, **odd} for each in (kept(*given).whole, kept(*given).heard))
        whole, heard = ({key: value for key, value in each.items() if value is not ...} for each in (whole, heard))
        return sealing.Facts(whole, {key: value for key, value in heard.items() if key in sealing.FOR_MANAGERS})

    with monkeypatch.context() as own:
        own.setattr(sealing, "facts_of", facts_of)
        (call,) = world.take_in("odd", seconds=0.2)
    world.grant("leif")
    damaged = [call] if set(odd) & set(sealing.FOR_MANAGERS) else []
    assert world.json("find", *WHY, who="leif")["damaged"] == damaged
    answer = asked(world)
    assert (answer["told"]["recordings"], answer["told"]["damaged"]) == (1, [call])
    assert_no_bug(world)


@pytest.mark.rule("access.subject")
def test_details_that_do_not_open_stop_no_search_either(world: World) -> None:
    kept, spoilt = world.take_in("a", "b", seconds=0.2)
    strike(world, f"UPDATE metadata SET sealed = randomblob(100) WHERE recording = x'{spoilt}'")
    world.grant("leif")
    found = world.json("find", *WHY, who="leif")
    assert ([one["id"] for one in found["recordings"]], found["damaged"]) == ([kept], [spoilt])


# -- somebody else's voice ----------------------------------------------------------------------------


def described(row: Recording, number: str, **changes: Any) -> dict[str, Any]:
    """Details of a call as an intake could have sealed them."""
    facts = {"agent": "Ola", "caller": number, "channels": {"caller": 0, "agent": 1}, "duration_s": 0.5, "tracks": 2}
    facts |= {"encoding": "ulaw", "known": {}, "lead_s": 0.0, "rate": 8000, "source_id": "x"}
    consent = {"at": to_iso(row.started_at), "key": "1", "prompt": row.prompt, "prompt_completed": True}
    return {**facts, "consent": consent, **changes}


def thiefs(store: Store, recording: RecordingId, number: str) -> None:
    """Make a held call the thief's own with the telephone system's key: its row, its details and the log say so."""
    row, access = store.catalogue.recordings.get(recording), access_key(store)
    assert row is not None
    secret = primitives.fresh()
    sealed = primitives.seal(access.public, secret, commit_info(store, access.id))
    tag = primitives.caller_tag(store.secret(INDEX_SEED), number.encode())
    new = row._replace(caller=tag, source=fresh(16), commit_key=commit_key_id(sealed))
    ke = store.erasure_keys().unwrap(recording)
    with store.change(datetime.now(UTC)) as change:
        store.db.run(
            "UPDATE entries SET sealed = NULL WHERE seq = ?", (store.log.entries.taking_in([recording])[recording].seq,)
        )
        change.log(say.CallTakenIn(recordings=(recording,), sworn=new.row_digest(), prompt=row.prompt, week="2026-W48"))
        store.catalogue.audience_keys.add_commit_key(CommitKeyRow(new.commit_key, access.id, sealed))
        store.db.run("DELETE FROM metadata WHERE recording = ? AND key = ?", (recording, row.commit_key))
        facts = canonical(described(row, number))
        store.catalogue.metadata.add(
            recording, new.commit_key, object_file.seal_metadata(secret, ke, recording, new.binding, facts)
        )
        columns = ", ".join(f"{column.strip()} = ?" for column in COLUMNS.split(",")[1:])
        store.db.run(f"UPDATE recordings SET {columns} WHERE id = ?", (*to_row(new)[1:], recording))


@pytest.mark.rule("access.subject")
def test_a_call_that_the_telephone_systems_key_makes_the_thiefs_own_gives_them_no_sound(world: World) -> None:
    calls = world.take_in("a", "b", seconds=0.5)
    world.grant("leif")
    with own_code(world, "telefon") as store, store.root.lock(exclusive=False, wait=1):
        for call in calls:
            thiefs(store, RecordingId(bytes.fromhex(call)), "+4799999901")
    answer = asked(world, "99999901")
    assert set(answer["told"]["damaged"]) == set(calls)
    assert not [name for name in answer["files"] if name.endswith(".mp3")]
    out = ("--out", str(world.base / "out.wav"))
    assert world.code("export", calls[0], *WHY, *out, who="leif") == (15, "object_damaged")
    assert problem_codes(world) >= {"entry_changed", "audience_key_changed"}


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (("caller",), "recording_changed"),
        (("caller", "agent", "team", "started_at", "object_digest", "commit_key"), "recording_changed"),
        ((), "object_swapped"),
    ],
    ids=["caller", "row", "object"],
)
def test_a_call_under_the_row_or_the_name_of_another_opens_for_nobody(
    world: World, columns: tuple[str, ...], code: str
) -> None:
    (hers,) = world.take_in("hers", seconds=0.5)
    (his,) = world.take_in("his", caller="+4790000002", seed=7, seconds=0.5)
    world.grant("leif")
    spoilt, mine = (hers, {his}) if columns else (his, set())
    for column in columns:
        of_his = f"(SELECT {column} FROM recordings WHERE id = x'{his}')"
        strike(world, f"UPDATE recordings SET {column} = {of_his} WHERE id = x'{hers}'")
    if not columns:
        shutil.copy(world.store / "objects" / hers[:2] / hers, world.store / "objects" / his[:2] / his)
    answer = asked(world, "90000002")
    with_sound = {each["id"] for each in data_of(answer)["recordings"] if each["withheld"] is None}
    assert (answer["told"]["damaged"], with_sound) == ([spoilt], mine)
    assert len([name for name in answer["files"] if name.endswith(".mp3")]) == len(mine)
    heard = world.code("export", spoilt, *WHY, "--out", str(world.base / "out.wav"), who="leif")
    assert heard == (15, "object_damaged") and not (world.base / "out.wav").exists()
    assert code in problem_codes(world)


@pytest.mark.rule("access.managers")
@pytest.mark.parametrize("tables", [("recordings",), ("recordings", "audience_keys")], ids=["row", "row and key"])
def test_a_call_of_another_team_does_not_open_because_its_row_says_another_team(
    world: World, tables: tuple[str, ...]
) -> None:
    (call,) = world.take_in("a", team="salg")
    world.grant("leif", "quality", "--team", "kundeservice")
    strike(world, *(f"UPDATE {table} SET team = 'kundeservice'" for table in tables))
    assert call not in loot(world, "leif").kf
    assert world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif").exit in (13, 15)
    assert not (world.base / "out.wav").exists()
    assert "recording_changed" in problem_codes(world)


SWORN_FIRST: dict[str, Callable[[RecordingId], AuditEvent]] = {
    "telefon": lambda each: say.CallTakenIn(recordings=(each,), sworn="00" * 32, prompt="x", week="x"),
    "iver": lambda each: say.CallTakenIn(recordings=(each,), sworn="00" * 32, prompt="x", week="x"),
    "leif": lambda each: say.CopyMade(recordings=(each,), sworn="00" * 32, parent="00" * 16, state="needs_review"),
}


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("who", SWORN_FIRST)
def test_a_call_whose_id_an_entry_names_before_it_is_taken_in_is_taken_in_under_another(
    world: World, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Its row shows the id while the sound is being sealed; what somebody swears of it then is nobody's call."""
    world.deliver("a", seconds=0.5)

    def swear_first() -> None:
        with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
            ((arriving,),) = store.db.rows("SELECT id FROM recordings WHERE state = 'arriving'")
            log_alone(change, SWORN_FIRST[who](RecordingId(bytes(arriving))))

    meanwhile(monkeypatch, batch.Batch, "_commit", swear_first)
    assert world.code("ingest", str(world.spool), who="telefon") == (15, "id_taken")
    assert len(world.json("ingest", str(world.spool), who="telefon")["accepted"]) == 1
    assert (asked(world)["told"]["recordings"], asked(world)["told"]["damaged"]) == (1, [])
    assert problem_codes(world) == {"entry_without_right" if who == "iver" else "recording_missing"}
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1


def sealed_anew(world: World, call: str) -> None:
    """Details of a call in which the sides are exchanged, sealed by support under a commit key of their own."""
    recording, at = RecordingId(bytes.fromhex(call)), datetime.now(UTC)
    with own_code(world, "siri") as store:
        row = store.catalogue.recordings.held(recording)
        assert row is not None
        ke = metadata.erasure_keys(store, [row])[recording]
        with store.change(at):
            keys = CommitKeys(store, at)
            facts = described(row, "+4790000001", channels={"caller": 1, "agent": 0})
            keys.add_metadata(row, keys.commit_key, ke, facts)
            store.db.run("UPDATE recordings SET commit_key = ? WHERE id = ?", (keys.commit_key.id, recording))


def test_details_that_support_seals_anew_are_named(world: World) -> None:
    sealed_anew(world, world.take_in("a", seconds=0.5)[0])
    assert problem_codes(world) == {"audience_key_changed", "recording_changed"}


@pytest.mark.rule("access.subject")
def test_details_that_support_seals_anew_give_nobody_the_other_side_of_a_call(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.5)
    own = asked(world)["files"]["recording-01.mp3"]
    sealed_anew(world, call)
    assert asked(world)["files"].get("recording-01.mp3", own) == own


@pytest.mark.rule("access.subject")
def test_a_copy_of_another_call_that_an_entry_calls_one_of_this_gives_no_words_of_it(world: World) -> None:
    mine = world.take_in("a", seconds=0.5)[0]
    other = copies.call(world, caller="+4790000002")
    copy = RecordingId(bytes.fromhex(copies.made_of(world, other, "--transcript", copies.words())["copy"]))
    log_as(world, "leif", say.CopyMade(recordings=(copy,), sworn="00" * 32, parent=mine, state="needs_review"))
    assert problem_codes(world) == {"sworn_twice"}
    (one,) = data_of(asked(world))["recordings"]
    assert one["transcript"] == []


# -- what stops a revocation, changes what is approved, or hides an access ----------------------------


@pytest.mark.parametrize("how", ["planted", "overwritten"])
def test_a_key_of_a_day_that_does_not_open_keeps_nobody_from_withdrawing_revoking_or_restoring(
    world: World, how: str
) -> None:
    world.take_in("a", started=datetime.now(UTC) - timedelta(days=10))
    world.take_in("b", caller="+4790000002", seed=4)
    world.grant("leif")
    planted = "INSERT INTO day_keys VALUES (5, randomblob(60))"
    first = "WHERE day = (SELECT min(day) FROM day_keys)"
    strike(world, planted if how == "planted" else f"UPDATE day_keys SET wrapped = randomblob(60) {first}")
    assert "day_key_damaged" in problem_codes(world, who="iver" if how == "planted" else "siri")
    back_up(world)
    for who, *command in (
        ("siri", "withdraw", "90000001", "--yes"),
        ("sigrid", "revoke", "leif"),
        ("sigrid", "person", "remove", "turid", "--yes"),
        ("sigrid", "person", "passphrase", "--reset", "leif"),
        ("cron", "purge"),
    ):
        assert world.run(*command, who=who).exit == 0, command
    lose(world)
    assert restore(world, "--accept-without-feed", "--reason", "the store is lost").json["held"] >= 1
    assert world.json("withdraw", "90000002", "--yes", who="siri")["erased"] == 1


def test_a_pin_of_no_link_keeps_a_manager_from_being_revoked_and_is_named(world: World) -> None:
    world.grant("leif")
    strike(world, "UPDATE meta SET bytes = CAST(substr(bytes, 1, 8) || randomblob(32) AS BLOB) WHERE key = 'link'")
    assert world.code("revoke", "leif", who="sigrid") == (11, "in_use")
    assert "link_broken" in problem_codes(world)


@pytest.mark.rule("access.officer")
@pytest.mark.parametrize("spoilt", [False, True], ids=["as it is", "the first is nobody's"])
def test_what_an_officer_approves_is_what_she_read_although_two_requests_call_themselves_alike(
    world: World, spoilt: bool
) -> None:
    world.take_in("a", team="salg")
    for teams, days in ((["salg"], 2), (None, 30)):
        until = to_iso(datetime.now(UTC) + timedelta(days=days))
        event = say.AccessRequested(purpose="quality", reason=REASON, request="a" * 16, teams=teams, until=until)
        log_as(world, "leif", event)
    waits = [each for each in world.json("todo", who="sigrid")["todo"] if each["kind"] == "request"]
    modest, more = sorted(waits, key=lambda each: "teams: salg" not in each["text"])
    assert modest["id"] != more["id"]
    if spoilt:
        spoil_note(world, b'"action":"request"')
    assert world.json("approve", modest["id"], who="sigrid")["grant"]["teams"] == ["salg"]


@pytest.mark.rule("purpose.change")
def test_what_is_approved_of_a_policy_is_what_was_read_although_two_call_themselves_alike(world: World) -> None:
    modest = propose(world, 'version = "2026-02"\nmost_found = 49\n')
    with own_code(world, "sigrid") as store:
        bodies = [json.loads(raw.body or b"{}") for raw in store.log.raw.entries(0, store.log.tree().size)]
        (salt,) = [each["detail"]["request"] for each in bodies if each["action"] == "policy propose"]
        version = replace(store.policy.newest, by="sigrid", version="2026-02", own_a_day=1000)
        base, document = policy_changes.digest(store.policy), policy_versions.version_to_json(version)
    log_as(world, "sigrid", say.PolicyProposed(request=salt, version="2026-02", base=base, document=document))
    before = world.json("policy", "show", who="iver")
    world.json("approve", modest["id"], who="sigrid")
    now = world.json("policy", "show", who="iver")
    assert (now["most_found"], now["own_a_day"]) == (49, before["own_a_day"])
    assert problem_codes(world) == set()


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("what", ["row", "entry"])
def test_what_cannot_be_read_of_a_case_costs_no_purge_its_time(world: World, what: str) -> None:
    asked(world)
    if what == "row":
        strike(world, "UPDATE cases SET tags = x'00'")
    else:
        append_raw(world, "iver", b'garbage "case":"')
    assert world.json("status", who="iver")["last_purge"] is None
    assert world.run("purge", "--json", who="cron").exit == 0
    assert world.json("status", who="iver")["last_purge"] is not None


def test_a_huge_entry_costs_no_command_more_than_a_moment_and_is_named(world: World) -> None:
    world.take_in("a")
    raw = b'{"action":"x","detail":{"a":[' + b"[]," * 1_000_000 + b'[]],"case":"","request":"x"},"person":"iver"}'
    append_raw(world, "iver", raw)
    for who, *command in (
        ("sigrid", "todo"),
        ("sigrid", "dsar", "90000001", *CALLED, "--out", str(world.base / "a.html")),
        ("siri", "withdraw", "90000001", "--yes"),
        ("cron", "purge"),
        ("iver", "status"),
    ):
        with limited():
            assert world.run(*command, who=who).exit in (0, 3), command
    assert_no_bug(world)
    assert problem_codes(world) == {"entry_of_another_person"}


def test_nothing_longer_than_what_the_program_writes_is_written(world: World) -> None:
    with own_code(world, "iver") as store, pytest.raises(Usage), store.change(datetime.now(UTC)) as change:
        change.bodies.append({**say.LogShown().to_json(), "person": "iver", "detail": {"x": "y" * 100_000}})


@pytest.mark.rule("access.subject")
def test_a_part_of_a_case_that_is_lost_leaves_no_call_out_unseen(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.take_in("b", caller="+4790000002", seed=1, seconds=0.2)
    case = asked(world)["told"]["case"]["id"]
    asked(world, "90000002", "--case", case)
    strike(world, "DELETE FROM cases WHERE part = 1")
    out = ("--out", str(world.base / "again.html"))
    assert world.code("dsar", "--case", case, *out, who="sigrid") == (14, "case_part_lost")
    assert problem_codes(world) == {"case_differs"}


@pytest.mark.rule("access.subject")
def test_an_access_whose_signature_was_spoilt_is_told_as_possible_and_counted(world: World) -> None:
    (call,) = world.take_in("a", seconds=0.5)
    world.grant("leif")
    world.json("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif")
    spoil_note(world, b'"action":"export"')
    answer = asked(world)
    assert (answer["exit"], answer["told"]["unsigned"]) == (0, 1)
    assert "may have happened: we cannot confirm who it was" in answer["letter"]
    listed = json.loads(answer["files"]["accesses.json"])["entries"]
    assert [each["role"] for each in listed if each["what"] == "possible"] == ["manager"]
    assert problem_codes(world) == {"checkpoint_unsigned"}
    assert [each["exports"] for each in world.json("audit", "report", who="iver")["people"] if each["exports"]] == [1]
