"""One entry of anybody's own code, and what commands make of it: every role has the log's key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from arlo_rec.crypto.primitives import SigningKey, fresh
from arlo_rec.keys.roster import digest_of_people
from arlo_rec.model.audit_events import AuthorityChanged, LeftNothing
from tests.support.attack import own_code, problem_codes
from tests.support.backups import back_up, lose, opened, restore, with_feed
from tests.support.catalogue import append_raw, append_to_log, insider
from tests.support.feed import path as feed_path
from tests.support.world import REASON, World, assert_no_bug

pytestmark = pytest.mark.rule("security.monitored")
CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)
NOW = "2026-11-26T12:00:00Z"


def write(world: World, who: str, body: dict[str, Any]) -> int:
    """An entry of somebody's own code, in the own name and of any content."""
    with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
        change.bodies.append({"person": who, "policy": "2026-01", "at": NOW, **body})
        seq: int = change.next_seq - 1
    return seq


@pytest.mark.parametrize("link", [1, 999, 10**30, "x", "once more"])
def test_an_entry_that_names_a_link_stops_neither_a_command_nor_the_feed(fed: World, link: object) -> None:
    fed.take_in("a")
    back_up(fed)
    event = AuthorityChanged(link=link, digest="00")  # type: ignore[arg-type]
    if link == "once more":
        with own_code(fed, "iver") as store:
            first = store.authority.links.get(1)
        assert first is not None
        event = AuthorityChanged(link=1, digest=first.digest.hex())
    write(fed, "iver", event.to_json())
    assert fed.run("withdraw", "90000001", "--yes", who="siri").exit == 0
    assert_no_bug(fed)
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    lose(fed)
    with_feed(fed)
    assert opened(fed) == set(), "withdrawn since the backup"


def said(action: str, rule: str, detail: dict[str, Any], *recordings: str) -> dict[str, Any]:
    entry = {"action": action, "outcome": "done", "rule": rule, "at": NOW, "detail": detail}
    return entry | ({"recordings": sorted(recordings)} if recordings else {})


@pytest.mark.rule("retention.90d")
def test_a_purge_that_no_role_of_theirs_may_carry_out_erases_nothing_at_a_restore(fed: World) -> None:
    calls = fed.take_in("a", "b")
    back_up(fed)
    append_to_log(fed, "iver", said("purge", "retention.90d", {"count": 2}, *calls))
    fed.json("purge", who="cron")
    assert problem_codes(fed) == {"entry_without_right"}
    lose(fed)
    assert with_feed(fed)["held"] == 2


@pytest.mark.rule("access.officer")
@pytest.mark.parametrize("named", [("sigrid",), ("sigrid", "recovery")], ids=len)
def test_a_removal_that_no_role_of_theirs_may_carry_out_keeps_nobody_from_a_restore(
    fed: World, named: tuple[str, ...]
) -> None:
    fed.take_in("a")
    back_up(fed)
    with own_code(fed, "iver") as store:
        people = digest_of_people(store.roster)
    gone = [said("person remove", "access.officer", {"people": people, "removed": name}) for name in named]
    append_to_log(fed, "iver", *gone)
    fed.json("purge", who="cron")
    lose(fed)
    assert with_feed(fed)["removed"] == []
    assert fed.run("status", who="sigrid").exit == 0


def test_an_entry_of_theirs_with_other_fields_than_ours_stops_no_restore(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "iver", said("withdraw", "consent.withdraw", {"tombstones": "00", "more": 1}))
    fed.json("purge", who="cron")
    lose(fed)
    assert with_feed(fed)["held"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage",
        b"[]",
        b'{"a":1e999}',
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"action":"find","at":"2026-11-26T12:00:00Z"}',
    ],
    ids=str,
)
def test_an_entry_of_any_bytes_ends_no_feed_and_stops_no_restore(fed: World, raw: bytes) -> None:
    fed.take_in("a")
    back_up(fed)
    append_raw(fed, "iver", raw)
    fed.json("withdraw", "90000001", "--yes", who="siri")
    assert fed.json("status", who="iver")["critical"] == []
    lose(fed)
    assert with_feed(fed)["erased"] == 1
    assert opened(fed) == set()


def test_an_entry_whose_body_was_struck_ends_no_feed(fed: World) -> None:
    """It was written while the feed's disk was not there."""
    fed.take_in("a")
    back_up(fed)
    (fed.base / "mount").rename(fed.base / "unmounted")
    fed.run("find", "--purpose", "quality", "--reason", REASON, who="leif")
    fed.json("audit", "show", who="iver")
    with insider(fed) as db:
        db.run("UPDATE entries SET body = NULL WHERE seq = (SELECT max(seq) - 1 FROM entries)")
    (fed.base / "unmounted").rename(fed.base / "mount")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arlo_rec.store.VERIFIED_WHOLE", 0)  # as in a store that is not verified whole by each command
        fed.json("withdraw", "90000001", "--yes", who="siri")
        assert fed.json("status", who="iver")["critical"] == []
    lose(fed)
    assert with_feed(fed)["erased"] == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"action": "audit_show", "outcome": "allowed", "recordings": ["zz"]},
        {"action": "audit_show", "outcome": "allowed", "at": "x"},
        {"action": "handed out", "outcome": "failed", "detail": {"of": -1}},
        {"action": "confirm_deleted", "outcome": "done", "detail": {"of": "x"}},
        {"action": "export", "outcome": "allowed", "purpose": "quality", "reason": REASON, "at": "x"},
    ],
    ids=lambda odd: odd["action"],
)
def test_an_odd_entry_of_an_auditors_stops_no_restore(fed: World, odd: dict[str, Any]) -> None:
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "iver", {"rule": "security.monitored", "at": NOW, **odd})
    fed.json("purge", who="cron")
    lose(fed)
    assert with_feed(fed)["held"] == 1


def test_what_somebody_may_say_with_other_fields_than_ours_stops_a_restore(fed: World) -> None:
    """It may say who withdrew or who was kept out, in words that this version does not know."""
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "siri", said("withdraw", "consent.withdraw", {"tombstones": "00", "more": 1}))
    fed.json("purge", who="cron")
    lose(fed)
    assert restore(fed, "--feed", str(feed_path(fed))).json["error"]["code"] == "feed_differs"


def test_a_copy_that_somebody_else_says_was_never_written_is_told_after_a_restore(fed: World) -> None:
    (call,) = fed.take_in("a")
    fed.grant()
    back_up(fed)
    fed.json("export", call, *WHY, "--out", str(fed.base / "call.wav"), who="leif")
    (copy,) = (one for one in fed.json("recipients", "list", who="sigrid")["recipients"] if one["kind"] == "export")
    write(fed, "iver", LeftNothing(of=int(copy["id"])).to_json())
    fed.json("purge", who="cron")
    lose(fed)
    with_feed(fed)
    assert copy["id"] in {one["id"] for one in fed.json("recipients", "list", who="sigrid")["recipients"]}


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_of_nobody_that_support_invents_leaves_a_restored_store_closed_until_an_officer_accepts(
    fed: World,
) -> None:
    """Nobody can tell whose late deliveries to refuse."""
    fed.take_in("a")
    back_up(fed)
    append_to_log(fed, "siri", said("withdraw", "consent.withdraw", {"count": 0, "tombstones": "00" * 32}))
    fed.json("purge", who="cron")
    lose(fed)
    told = restore(fed, "--feed", str(feed_path(fed)))
    assert (told.exit, told.json["error"]["code"], told.json["held"]) == (14, "erasure.unreplayed", 1)
    assert told.json["withdrawals_unclear"] == 1
    fed.json("restore", "--accept-without-feed", "--reason", "support invented a withdrawal", who="sigrid")
    fed.grant()
    assert fed.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 0


def test_the_body_of_an_entry_that_is_taken_out_is_named(world: World) -> None:
    """The leaf commits to it and stays, so that the tree is whole; what leif did stands nowhere any more."""
    (call,) = world.take_in("a")
    world.grant("leif")
    why = ("--purpose", "quality", "--reason", REASON)
    world.json("export", call, *why, "--out", str(world.base / "out.wav"), who="leif")
    world.json("audit", "show", who="iver")  # his is not the newest entry any more
    with insider(world) as db:
        ((seq,),) = db.rows("SELECT seq FROM recipients")
        db.run("DELETE FROM recipients")
        db.run("DELETE FROM mentions WHERE seq = ?", (seq,))
        db.run("UPDATE entries SET body = NULL WHERE seq = ?", (seq,))
    found = world.run("verify", "--read-data", "--json", who="iver")
    assert found.exit == 15, found


def test_an_entry_that_a_key_of_nobody_closes_stops_no_command_and_is_named(world: World) -> None:
    world.take_in("a")
    entry = {"action": "find", "outcome": "allowed", "rule": "security.reason", "detail": {"shown": 1}}
    append_to_log(world, "iver", entry, key=SigningKey.from_seed(fresh()))
    assert world.run("status", who="iver").exit == 0
    assert world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "a.html"), who="sigrid").exit == 0
    assert world.run("withdraw", "90000001", "--yes", who="siri").exit == 0
    assert world.run("purge", who="cron").exit == 0
    assert "checkpoint_of_nobody" in problem_codes(world)


@pytest.mark.parametrize(
    "odd",
    [
        {"at": "tomorrow"},
        {"at": "9999-12-31T23:59:59Z"},
        {"purpose": "curiosity"},
        {"recordings": [[]]},
        {"recordings": 7},
    ],
    ids=lambda odd: f"{odd}",
)
def test_an_entry_that_names_a_call_keeps_no_officer_from_answering_its_caller(
    world: World, odd: dict[str, Any]
) -> None:
    (call,) = world.take_in("a")
    entry = {"action": "find", "outcome": "allowed", "rule": "security.reason", "purpose": "quality", "reason": call}
    entry |= {"recordings": [call], "detail": {"shown": 1}, **odd}
    if not isinstance(entry["recordings"], list) or entry["recordings"] == [[]]:
        write_raw(world, entry)
    else:
        write(world, "iver", entry)
    world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html"), who="sigrid")
    assert_no_bug(world)


def write_raw(world: World, entry: dict[str, Any]) -> None:
    """The same without the program's index of mentions, which could not read it."""
    from arlo_rec.catalogue.audit_log import AuditLog

    kept, AuditLog._mention = AuditLog._mention, lambda *_: None  # type: ignore[method-assign]
    try:
        write(world, "iver", entry)
    finally:
        AuditLog._mention = kept  # type: ignore[method-assign]


def test_a_disclosure_of_own_code_stops_no_withdrawal_and_no_list(world: World) -> None:
    (call,) = world.take_in("a")
    write_raw(world, {"action": "export", "outcome": "allowed", "rule": "purpose.quality", "recordings": [call, "zz"]})
    with insider(world) as db:
        ((seq,),) = db.rows("SELECT max(seq) FROM entries")
        db.run("INSERT INTO recipients VALUES (?, 'export', 'leif', 0, 'out', NULL)", (seq,))
        db.run("INSERT INTO mentions VALUES (?, ?)", (bytes.fromhex(call), seq))
    world.run("recipients", "list", who="sigrid")
    assert_no_bug(world)
    assert world.run("withdraw", "90000001", "--yes", who="siri").exit == 0
    assert_no_bug(world)


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("garbage", [b'garbage "sworn":"', b"[]"])
def test_an_entry_that_is_none_stops_no_withdrawal_answer_or_export(world: World, garbage: bytes) -> None:
    (hers,) = world.take_in("a", seconds=1)
    (his,) = world.take_in("b", caller="+4790000002", seed=7, seconds=1)
    world.grant("leif")
    for call in (hers, his):
        body = garbage + b' "recordings":["' + call.encode() + b'"] "case":"'
        append_raw(world, "iver", body, hers, his)
    why = ("--purpose", "quality", "--reason", REASON)
    assert world.run("export", his, *why, "--out", str(world.base / "his.wav"), who="leif").exit == 0
    assert world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "a.html"), who="sigrid").exit == 0
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert world.json("withdraw", "--call", his, "--yes", who="siri")["erased"] == 1
    assert problem_codes(world), "and it is named"


@pytest.mark.rule("retention.90d")
def test_an_entry_about_cases_that_is_none_costs_no_purge_its_time(world: World) -> None:
    world.take_in("a", seconds=1)
    assert world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "a.html"), who="sigrid").exit == 0
    append_raw(world, "iver", b'garbage "case":"')
    assert world.json("status", who="iver")["last_purge"] is None
    assert world.run("purge", "--json", who="cron").exit == 0
    assert world.json("status", who="iver")["last_purge"] is not None


@pytest.mark.rule("retention.90d")
def test_a_row_of_a_case_that_cannot_be_read_costs_no_purge_its_time(world: World) -> None:
    world.take_in("a", seconds=1)
    assert world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "a.html"), who="sigrid").exit == 0
    with insider(world) as db:
        assert db.run("UPDATE cases SET tags = x'00'")
    assert world.json("status", who="iver")["last_purge"] is None
    assert world.run("purge", "--json", who="cron").exit == 0
    assert world.json("status", who="iver")["last_purge"] is not None
