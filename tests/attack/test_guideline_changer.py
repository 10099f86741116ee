"""Whoever would change the guidelines behind the officers' backs, with own code, a struck signature or another's haste.

An officer's own code can sign a policy; every role's own code can write rows, spoil signatures and date entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.access import gate
from arlo_rec.admin import policy_changes
from arlo_rec.keys import policy_document
from arlo_rec.model.audit_events import LogShown, PolicyProposed
from arlo_rec.model.errors import Refused
from arlo_rec.model.policy_versions import Policy, PolicyVersion
from arlo_rec.model.records import RecordingId
from arlo_rec.model.times import end_of_day, local_date, start_of_day
from arlo_rec.policy import Purpose
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, with_feed
from tests.support.catalogue import insider, spoil_note
from tests.support.clock import later
from tests.support.policies import NEW_PROMPT, NEW_TEXT, another_release, became, new_prompt, propose, put, refused
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("purpose.change"), pytest.mark.slow]
ASKED = ("find", "--purpose", "quality", "--reason", REASON)
APPROVAL = b'"action":"policy approve"'


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def _edited(policy: Policy) -> Policy:
    return Policy((policy.versions[0], replace(policy.newest, retention_days=10)))


def _first_edited(policy: Policy) -> Policy:
    return Policy((replace(policy.versions[0], retention_days=10), *policy.versions[1:]))


def _dropped(policy: Policy) -> Policy:
    return Policy(policy.versions[:1])


@pytest.mark.parametrize("changed", [_edited, _first_edited, _dropped])
def test_a_policy_that_an_officers_own_code_edits_or_drops_closes_the_store(
    world: World, changed: Callable[[Policy], Policy]
) -> None:
    world.take_in("old", started=ago(days=20))
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        store.put_policy(changed(store.policy))
    for words, who in ((("purge",), "cron"), (ASKED, "leif")):
        assert world.code(*words, who=who) == (14, "policy_drift")
    assert world.run("policy", "check", "--json", who="iver").json["drift"] == [{"what": "policy", "where": "store"}]
    put(world, 'version = "2026-03"\n')  # as it stands: what officers approve opens again
    assert world.code("todo", who="leif") == (0, "")


def test_nobody_closes_a_store_by_a_signature_or_a_link_that_they_strike(world: World) -> None:
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    spoil_note(world, APPROVAL)
    with insider(world) as db:
        db.run("DELETE FROM links WHERE number = 1")
    assert world.code("withdraw", "90000001", "--yes", who="skranke") == (0, "")
    assert world.run("verify", who="iver").exit == 15


def test_a_release_that_nobody_approved_and_a_clock_that_is_behind_can_be_put_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_code(world, "iver") as store:
        store.note(LogShown(), datetime(2099, 1, 1, tzinfo=UTC))
    another_release(monkeypatch, "rules")
    assert refused(world, 'version = "2026-02"\n') == (14, "retention.guard")
    world.json("clock", "--accept", "--reason", "an entry of that year is nobody's", who="sigrid")
    put(world, 'version = "2026-02"\n')
    assert world.code("todo", who="leif") == (0, "")


def test_where_the_second_officer_is_gone_she_is_removed_and_the_release_approved(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_release(monkeypatch, "rules")
    proposal = propose(two, 'version = "2026-02"\n')
    assert two.code("policy", "approve", proposal["id"], who="sigrid") == (13, "policy_needs_second")
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    later(monkeypatch, days=16)
    put(two, 'version = "2026-03"\n')
    assert two.code("todo", who="leif") == (0, "")


def test_an_entry_before_the_calendar_stops_nobodys_command(two: World) -> None:
    now = datetime.now(UTC) + timedelta(days=8)
    with own_code(two, "sigrid") as store:
        version = replace(store.policy.newest, by="sigrid", version="2026-02", most_found=60)
        document = policy_document.version_to_json(version) | {"since": "0001-01-01T00:00:00+14:00"}
        base, request = policy_changes.digest(store.policy), "0123456789abcdef"
        store.note(PolicyProposed(request=request, version="2026-02", base=base, document=document), now)
    assert two.code("todo", who="astrid") == (0, "")
    assert two.code("policy", "approve", "0123456789abcdef", who="astrid") == (4, "no_policy_proposal")


def test_of_two_proposals_of_one_id_the_approved_one_is_what_verify_and_a_restore_know(fed: World) -> None:
    back_up(fed)
    with own_code(fed, "sigrid") as store:
        now = datetime.now(UTC)
        base = policy_changes.digest(store.policy)
        good = replace(store.policy.newest, by="sigrid", version="2026-02", most_found=60, since=now)
        for version in (replace(good, most_found=10**9), good):
            store.note(_proposal(version, base), now)
    fed.json("policy", "approve", "0123456789abcdef", who="sigrid")
    assert fed.json("verify", who="iver")["problems"] == []
    lose(fed)
    with_feed(fed)
    assert fed.json("policy", "show", who="leif")["most_found"] == 60


def _proposal(version: PolicyVersion, base: str) -> PolicyProposed:
    document = policy_document.version_to_json(version)
    return PolicyProposed(request="0123456789abcdef", version=version.version, base=base, document=document)


# -- haste, and clocks --------------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
def test_a_change_of_something_else_says_that_it_brings_a_shorter_retention_forward(world: World) -> None:
    world.take_in("a", started=ago(days=40))
    day = (datetime.now(UTC) + timedelta(days=200)).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    proposal = propose(world, 'version = "2026-03"\nmost_found = 70\n')
    assert [each["what"] for each in proposal["changes"]] == ["most_found", "retention_days", "rule retention.90d"]
    assert proposal["consequences"] == [{"code": "due", "count": 1, "days": 30}]
    shown = world.json("policy", "show", proposal["id"], who="sigrid")["proposal"]
    assert (shown["changes"], shown["consequences"]) == (proposal["changes"], proposal["consequences"])


@pytest.mark.rule("retention.90d")
def test_a_clock_that_jumped_to_the_day_of_a_shorter_retention_erases_no_large_share(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in(*(f"c{number}" for number in range(30)), started=ago(days=40))
    world.json("purge", who="cron")
    day = (datetime.now(UTC) + timedelta(days=5)).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    later(monkeypatch, days=6)
    assert world.code("purge", who="cron") == (14, "retention.guard")


@pytest.mark.rule("retention.90d")
def test_a_clock_that_is_set_back_and_accepted_makes_no_retention_longer_for_what_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("call", started=ago(days=20))
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    later(monkeypatch, hours=-1)
    world.json("clock", "--accept", "--reason", "the clock was an hour ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    later(monkeypatch, days=35)
    world.grant()
    assert world.json(*ASKED, who="leif")["recordings"] == []


@pytest.mark.rule("retention.90d")
def test_what_was_erased_by_a_retention_of_its_time_alarms_nobody_once_the_clock_is_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=6)
    world.take_in("a", started=ago(days=40))
    put(world, 'version = "2026-02"\nretention_days = 30\n')
    world.json("purge", "--allow-large", who="cron")
    later(monkeypatch, days=0)
    world.json("clock", "--accept", "--reason", "the clock was six days ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


@pytest.mark.rule("consent.prompt")
def test_prompts_of_a_day_begin_and_end_at_midnight_in_oslo(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day = local_date(datetime.now(UTC)) + timedelta(days=2)
    ends = f'[[prompt]]\nversion = "nb-2026-01"\nuntil = {day}\n'
    put(world, new_prompt().replace("\n", f"\nfrom = {day}\n", 1) + ends)
    later(monkeypatch, days=4)
    begin, end, second = start_of_day(day), end_of_day(day), timedelta(seconds=1)
    each = [became(world, NEW_PROMPT, started=at) for at in (begin - second, begin)]
    each += [became(world, "nb-2026-01", started=at) for at in (end - second, end)]
    assert each == [["prompt_unknown"], ["taken"], ["taken"], ["prompt_unknown"]]


@pytest.mark.parametrize(
    "text",
    [
        '[[rule]]\nid = []\nnb="a"\nen="a"',
        '[[reason]]\ncode="good"\nnb="a"\nen="a"\npurposes=[[]]',
        '[[prompt]]\nversion="nb-2026-12"\nlang="nb"\ntext="abc"\npurposes=[{}]',
    ],
)
def test_a_table_where_a_word_belongs_is_told_in_words(world: World, text: str) -> None:
    status, code = refused(world, f'version = "2026-02"\n{text}')
    assert status == 2 and code.startswith("policy_bad_")


def test_a_store_may_have_many_prompts(world: World) -> None:
    def table(number: int) -> str:
        name = f'[[prompt]]\nversion = "nb-2027-01.{number}"\nlang = "nb"\n'
        return f'{name}text = "{NEW_TEXT}"\npurposes = ["quality"]\n'

    put(world, 'version = "2026-02"\n' + "".join(map(table, range(1, 101))))
    put(world, 'version = "2026-03"\n' + "".join(map(table, range(101, 151))))
    assert refused(world, 'version = "2026-04"\n' + "".join(map(table, range(151, 251)))) == (2, "config_bad_value")


def test_a_struck_body_of_an_approval_closes_nothing_and_lets_nothing_else_in(world: World) -> None:
    """Of a store that is too large to be looked through by every command."""
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    [entry] = world.json("audit", "show", "--action", "policy approve", who="iver")["entries"]
    with own_code(world, "cron") as store:
        with store.change(datetime.now(UTC)):
            store.log.forget([entry["seq"]])
        assert policy_changes.is_approved(store)
    with own_code(world, "sigrid") as store:
        with store.change(datetime.now(UTC)):
            store.put_policy(_edited(store.policy))
        assert not policy_changes.is_approved(store)


def test_a_prompt_whose_text_does_not_name_its_purposes_is_named(world: World) -> None:
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        first = store.policy.versions[0]
        wider = first.prompts[2]._replace(purposes=frozenset(Purpose))
        store.put_policy(Policy((replace(first, prompts=(*first.prompts[:2], wider)),)))
    drift = world.run("policy", "check", "--json", who="iver").json["drift"]
    assert {"what": "purposes", "where": f"prompt {wider.version}"} in drift


@pytest.mark.rule("retention.90d")
def test_a_recording_that_is_open_closes_when_its_retention_is_shortened(world: World) -> None:
    [call] = world.take_in("call", started=ago(days=40))
    with own_code(world, "sigrid") as store:
        row = store.catalogue.recordings.held(RecordingId(bytes.fromhex(call)))
        assert row is not None and gate.still_held(store, row, datetime.now(UTC)) == row
        put(world, 'version = "2026-02"\nretention_days = 30\n')
        store.load_documents()
        with pytest.raises(Refused):
            gate.still_held(store, row, datetime.now(UTC))


@pytest.mark.rule("retention.90d")
def test_what_a_clock_that_was_ahead_erased_by_a_version_to_come_alarms_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", started=ago(days=40))
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    later(monkeypatch, days=5)
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    later(monkeypatch, days=0)
    world.json("clock", "--accept", "--reason", "the clock was five days ahead", who="sigrid")
    put(world, 'version = "2026-03"\nretention_days = 90\n')
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
