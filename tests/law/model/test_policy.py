"""Every decision, each pinned to the rule of the guidelines that it carries out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec import policy
from arlo_rec.law import rights
from arlo_rec.law.model import consent, records
from arlo_rec.law.model.consent import Claim, Prompt
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import Audience, Stage
from arlo_rec.law.rights import OpenRequest
from arlo_rec.law.rules import RULES
from arlo_rec.policy import (
    POLICY_VERSION,
    RETENTION,
    Action,
    Decision,
    Event,
    GuardLimits,
    Purpose,
    Role,
    RuleId,
    State,
)

START = datetime(2026, 10, 1, 8, 15, 45, tzinfo=UTC)
NOW = START + timedelta(hours=1)
PROMPTS = {one.version: one for one in SHIPPED}
GOOD = Claim("inbound", "1", START, "nb-2026-01", prompt_completed=True, started_at=START)


def judged(**changes: object) -> str:
    return consent.judge(GOOD._replace(**changes), PROMPTS, now=NOW).code  # type: ignore[arg-type]


# -- scope, purposes, roles ---------------------------------------------------------------------------


@pytest.mark.rule("scope.only")
@pytest.mark.parametrize("direction", ["outbound", "internal", "INBOUND", "inbound ", ""])
def test_only_incoming_calls_are_kept(direction: str) -> None:
    assert judged(direction=direction) == "outbound"


@pytest.mark.rule("purpose.training")
@pytest.mark.rule("purpose.quality")
def test_there_are_two_purposes_and_no_third() -> None:
    assert {one.value for one in Purpose} == {"training", "quality"}
    with pytest.raises(ValueError, match="evaluation"):
        Purpose("evaluation")


@pytest.mark.rule("access.officer")
def test_only_an_officer_gives_access_and_handles_people() -> None:
    for action in (Action.GRANT, Action.PEOPLE, Action.DSAR):
        assert [role for role in Role if policy.may(role, action).allowed] == [Role.OFFICER]


@pytest.mark.rule("access.managers")
def test_only_managers_and_officers_can_be_granted_access() -> None:
    assert {role for role in Role if policy.may_be_granted(role).allowed} == {Role.MANAGER, Role.OFFICER}


@pytest.mark.rule("security.monitored")
def test_it_sees_the_state_and_the_log_and_no_recording() -> None:
    allowed = {action for action in Action if policy.may(Role.AUDITOR, action).allowed}
    assert allowed == {Action.LOOK_AFTER, Action.AUDIT_SHOW, Action.SEE_GRANTS, Action.SEE_RECIPIENTS}


def test_every_action_has_its_roles_and_a_rule() -> None:
    for action in Action:
        for role in Role:
            assert policy.may(role, action).rule in RULES


def test_officers_also_do_what_support_and_retention_do() -> None:
    assert policy.may(Role.OFFICER, Action.WITHDRAW).allowed
    assert policy.may(Role.OFFICER, Action.PURGE).allowed
    assert not policy.may(Role.OFFICER, Action.INGEST).allowed


def test_a_decision_can_name_no_other_rule_than_those_of_the_guidelines() -> None:
    assert get_args(RuleId) == tuple(RULES)


@pytest.mark.rule("access.need")
def test_each_role_holds_the_secrets_it_needs_and_no_more() -> None:
    holders = {role for role in Role if policy.holds_root(role, live_grant=False)}
    assert holders == {Role.OFFICER, Role.SUPPORT, Role.RETENTION, Role.INGEST}
    assert policy.holds_root(Role.MANAGER, live_grant=True)
    assert not policy.holds_root(Role.AUDITOR, live_grant=True)
    assert {role for role in Role if policy.holds_index(role)} == {Role.OFFICER, Role.SUPPORT, Role.INGEST}


# -- consent ------------------------------------------------------------------------------------------


@pytest.mark.rule("consent.press1")
def test_key_1_after_a_known_prompt_heard_to_its_end_is_consent() -> None:
    decision = consent.judge(GOOD, PROMPTS, now=NOW)
    assert decision == Decision(allowed=True, rule="consent.press1")
    proven = consent.prove(GOOD, PROMPTS, POLICY_VERSION, now=NOW)
    assert proven.purposes == set(Purpose)
    assert proven.prompt_sha256 == PROMPTS["nb-2026-01"].sha256


BY_KEY = {"1": frozenset(Purpose), "3": frozenset({Purpose.TRAINING})}
OFFERING = {"x": Prompt("x", "nb", "…", frozenset(Purpose), date(2026, 1, 1), keys=BY_KEY)}


@pytest.mark.rule("consent.purposes")
@given(st.one_of(st.sampled_from([*"0123456789", "3 ", "٣", 3, None]), st.text(max_size=2)))
def test_a_consent_is_for_the_purposes_of_the_key_that_was_pressed(key: object) -> None:
    claim = GOOD._replace(prompt="x", key=key)
    if key in BY_KEY:
        proven = consent.prove(claim, OFFERING, POLICY_VERSION, now=NOW)
        assert (proven.key, proven.purposes) == (key, BY_KEY[str(key)])
    else:
        assert consent.judge(claim, OFFERING, now=NOW) == Decision.no("consent.press2", "no_consent")


def test_what_another_key_means_only_its_prompt_says() -> None:
    assert judged(key="3") == "no_consent"
    assert judged(key="3", prompt="nb-1999-01") == "prompt_unknown"
    assert judged(key="9", prompt="nb-1999-01") == judged(key="2", prompt="nb-1999-01") == "no_consent"


@pytest.mark.rule("consent.press2")
@pytest.mark.parametrize("key", ["2", "9"])
def test_a_recording_that_was_stopped_during_the_call_is_no_consent(key: str) -> None:
    stopped = consent.Stopped(key, START + timedelta(minutes=1))
    assert consent.judge(GOOD._replace(stopped=stopped), PROMPTS, now=NOW).rule == "consent.press2"
    assert judged(stopped=stopped) == "no_consent"


@pytest.mark.rule("consent.prompt")
def test_an_ended_prompt_is_taken_only_where_the_policy_says_so() -> None:
    ended = Prompt("x", "nb", "…", frozenset(Purpose), date(2026, 1, 1), until=date(2026, 9, 30))
    late = Prompt("y", "nb", "…", frozenset(Purpose), date(2026, 1, 1), until=date(2026, 9, 30), taken_after_end=True)
    codes = [
        consent.judge(GOOD._replace(prompt=one.version), {one.version: one}, now=NOW).code for one in (ended, late)
    ]
    assert codes == ["prompt_unknown", "ok"]
    assert not late.in_use(START)
    last, next_ = (
        datetime(2026, 9, 30, 22, tzinfo=UTC) + ahead for ahead in (timedelta(microseconds=-1), timedelta(0))
    )
    assert (late.is_ended(last), late.is_ended(next_)) == (False, True), "at midnight in Oslo"


def test_a_prompt_of_one_line_is_not_heard_on_another() -> None:
    prompts = {"x": Prompt("x", "nb", "…", frozenset(Purpose), date(2026, 1, 1), line="salg")}
    codes = {
        line: consent.judge(GOOD._replace(prompt="x", line=line), prompts, now=NOW).code for line in ("salg", "a", None)
    }
    assert codes == {"salg": "ok", "a": "prompt_unknown", None: "ok"}


@pytest.mark.rule("consent.press2")
@pytest.mark.parametrize("key", ["2", "3", "", " 1", "1 ", "١", "11", 1, 1.0, True, None, ["1"], {"1": 1}])
def test_anything_but_the_key_1_is_no_consent(key: object) -> None:
    decision = consent.judge(GOOD._replace(key=key), PROMPTS, now=NOW)
    assert (decision.code, decision.rule) == ("no_consent", "consent.press2")
    with pytest.raises(ValueError, match="no consent"):
        consent.prove(GOOD._replace(key=key), PROMPTS, POLICY_VERSION, now=NOW)


@pytest.mark.rule("consent.basis")
def test_a_consent_without_a_time_cannot_be_proved() -> None:
    assert judged(key_at=None) == "no_consent"


def test_a_key_pressed_over_an_hour_before_belongs_to_another_call() -> None:
    assert judged(key_at=START - timedelta(hours=1)) == "ok"
    assert judged(key_at=START - timedelta(hours=1, microseconds=1)) == "no_consent"


@pytest.mark.rule("consent.prompt")
@pytest.mark.parametrize("prompt", ["nb-1999-01", "", None, 7, ["nb-2026-01"]])
def test_a_prompt_that_nobody_knows_proves_nothing(prompt: object) -> None:
    assert judged(prompt=prompt) == "prompt_unknown"


@pytest.mark.rule("consent.prompt")
@pytest.mark.parametrize("completed", [False, None, 1, "true"])
def test_a_prompt_that_was_not_heard_to_its_end_proves_nothing(completed: object) -> None:
    assert judged(prompt_completed=completed) == "prompt_not_completed"


def test_a_prompt_counts_from_the_day_it_is_in_use() -> None:
    future = {"x": Prompt("x", "nb", "…", frozenset(Purpose), date(2026, 10, 2))}
    assert consent.judge(GOOD._replace(prompt="x"), future, now=NOW).code == "prompt_unknown"


def test_a_prompt_comes_into_use_at_midnight_where_its_callers_live() -> None:
    midnight = datetime(2026, 9, 30, 22, 0, tzinfo=UTC)  # Oslo has summer time
    used = {"x": Prompt("x", "nb", "…", frozenset(Purpose), date(2026, 10, 1))}
    for at, code in ((midnight, "ok"), (midnight - timedelta(seconds=1), "prompt_unknown")):
        claim = GOOD._replace(prompt="x", key_at=at, started_at=at)
        assert consent.judge(claim, used, now=NOW).code == code


def test_a_recording_from_the_future_is_refused_beyond_what_clocks_differ() -> None:
    for ahead, code in ((timedelta(minutes=5), "ok"), (timedelta(minutes=5, microseconds=1), "future")):
        claim = GOOD._replace(started_at=NOW + ahead, key_at=NOW + ahead)
        assert consent.judge(claim, PROMPTS, now=NOW).code == code


def test_a_consent_after_the_last_sample_covers_nothing() -> None:
    assert judged(cut=99, frames=100) == "ok"
    assert judged(cut=100, frames=100) == "consent_after_call"


@pytest.mark.rule("consent.purposes")
def test_the_shipped_prompts_name_both_purposes_and_the_old_one_training_only() -> None:
    assert PROMPTS["nb-2026-01"].purposes == PROMPTS["en-2026-01"].purposes == set(Purpose)
    assert PROMPTS["nb-2025-01"].purposes == {Purpose.TRAINING}
    assert [one.since for one in SHIPPED] == [date(2026, 1, 1), date(2026, 1, 1), date(2025, 1, 1)]
    assert [one.until for one in SHIPPED] == [None, None, date(2025, 12, 31)]


@pytest.mark.rule("consent.withdraw")
def test_a_consent_counts_again_five_minutes_after_a_withdrawal() -> None:
    later, tick = NOW + timedelta(hours=1), timedelta(microseconds=1)
    for press, now, code in (
        (NOW - timedelta(days=1), later, "withdrawn"),
        (NOW, later, "withdrawn"),
        (NOW + timedelta(minutes=5) - tick, later, "withdrawn"),
        (NOW + timedelta(minutes=5), later, "ok"),
        (NOW + timedelta(minutes=5, seconds=20), NOW + timedelta(seconds=1), "future"),
        (later, later - tick, "future"),
        (later, later, "ok"),
    ):
        assert consent.after_withdrawal(press, NOW, now=now).code == code, (press, now)


@given(st.permutations(range(6)).map(lambda order: order[:3]))
def test_the_first_refusal_that_applies_is_told(faults: list[int]) -> None:
    """Whatever is wrong at once, the code is the one that the contract lists first."""
    table = [
        ("outbound", {"direction": "outbound"}),
        ("no_consent", {"key": "2"}),
        ("prompt_unknown", {"prompt": "?"}),
        ("prompt_not_completed", {"prompt_completed": False}),
        ("expired", {"started_at": NOW - RETENTION, "key_at": NOW - RETENTION}),
        ("consent_after_call", {"cut": 5, "frames": 5}),
    ]
    changes: dict[str, object] = {}
    for fault in faults:
        changes |= table[fault][1]
    assert judged(**changes) == table[min(faults)][0]


# -- retention ----------------------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
def test_a_recording_goes_at_90_days_and_not_a_moment_before() -> None:
    due_at = policy.due_at(START)
    assert policy.is_due(due_at, START + RETENTION)
    assert not policy.is_due(due_at, START + RETENTION - timedelta(microseconds=1))


@pytest.mark.rule("retention.90d")
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_ninety_days_are_2160_hours_whatever_the_clocks_do(start: datetime) -> None:
    at = start.replace(tzinfo=UTC)
    assert policy.due_at(at) - at == timedelta(hours=2160)


def test_a_purge_that_would_take_much_or_follows_a_jump_is_not_believed() -> None:
    def code(due: int, held: int, ahead: timedelta = timedelta(hours=1)) -> str:
        return policy.guard(now=NOW + ahead, mark=NOW, due=due, held=held, limits=GuardLimits()).code

    assert code(20, 20) == "ok"
    assert code(21, 21) == "large_share"
    assert code(21, 63) == "ok"
    assert code(21, 62) == "large_share"
    assert code(0, 0, timedelta(days=7)) == "ok"
    assert code(0, 0, timedelta(days=7, microseconds=1)) == "clock_jumped"
    limits = GuardLimits((1, 2), 100, timedelta(days=30))
    assert policy.guard(now=NOW + timedelta(days=9), mark=NOW, due=99, held=99, limits=limits).allowed


def test_no_event_moves_a_recording_backwards() -> None:
    order = list(State)
    for (state, _), to in policy.LIFECYCLE.items():
        assert order.index(to) > order.index(state)
    for state in State:
        for event in Event:
            if (state, event) not in policy.LIFECYCLE:
                with pytest.raises(ValueError, match="no "):
                    policy.after(state, event)
    assert {event for _, event in policy.LIFECYCLE} == set(Event)


# -- opening ------------------------------------------------------------------------------------------

DUE = policy.due_at(START)
REQUEST = OpenRequest(Purpose.QUALITY, granted=True, consented=frozenset(Purpose), released=False, due_at=DUE)


def test_a_granted_consented_recording_opens_for_quality() -> None:
    assert rights.may_open(REQUEST, now=NOW) == Decision(allowed=True, rule="purpose.quality")


@given(st.sampled_from(Purpose), st.booleans(), st.sets(st.sampled_from(Purpose)), st.booleans(), st.booleans())
def test_without_a_grant_nothing_is_learnt_and_with_one_the_guidelines_decide(
    purpose: Purpose, granted: bool, consented: set[Purpose], released: bool, due: bool
) -> None:
    request = OpenRequest(purpose, granted, frozenset(consented), released, DUE)
    decision = rights.may_open(request, now=START + RETENTION if due else NOW)
    expected = granted and not due and purpose in consented and released is (purpose is Purpose.TRAINING)
    assert decision.allowed == expected
    if not granted:
        assert decision.code == "no_grant"
    saved = rights.may_open(request._replace(may_leave=False), now=START + RETENTION if due else NOW)
    assert saved == (Decision.no("access.managers", "no_export_grant") if decision.allowed else decision)


@pytest.mark.rule("data.pseudonymised")
def test_an_original_is_never_sealed_to_a_training_key() -> None:
    both = set(Purpose)
    only_training, only_quality = {Purpose.TRAINING}, {Purpose.QUALITY}
    expected = {
        Stage.ORIGINAL: (Audience.ORIGINAL, Audience.OFFICER, Audience.ORIGINAL),
        Stage.UNDER_REVIEW: (Audience.REVIEW, Audience.OFFICER, Audience.REVIEW),
        Stage.RELEASED: (Audience.TRAINING, Audience.TRAINING, Audience.OFFICER),
    }
    for stage, wanted in expected.items():
        assert tuple(records.audience_of(named, stage) for named in (both, only_training, only_quality)) == wanted
    opened = {audience: records.purpose_of(audience) for audience in Audience}
    quality = dict.fromkeys((Audience.ORIGINAL, Audience.REVIEW), Purpose.QUALITY)
    assert opened == {**quality, Audience.TRAINING: Purpose.TRAINING, Audience.OFFICER: None}
    decision = rights.may_open(REQUEST._replace(purpose=Purpose.TRAINING), now=NOW)
    assert decision.code == "no_released_copy"


# -- reasons ------------------------------------------------------------------------------------------


@pytest.mark.rule("security.reason")
@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("monthly quality talk", None),
        ("test", "reason_too_short"),
        ("         x         ", "reason_too_short"),
        (". . . . . . . . . .", "reason_too_short"),
        ("\u00ad" * 20 + "ok", "reason_too_short"),
        ("asked by 900 00 001, a customer", "reason_holds_identifier"),
        ("asked by +47 90 00 00 01 at noon", "reason_holds_identifier"),
        ("asked by 020-7946-0018 at noon", "reason_holds_identifier"),
        ("the call of 15.11.2026 and of 2026-11-16", None),
        ("calls from 1.11.2026 to 15.11.2026 at 10.30", None),
        ("weeks 47-48 2026, three of 1 000 calls", None),
        ("about caller 12345", "reason_holds_identifier"),
        ("about caller ١٢٣٤٥", "reason_holds_identifier"),
        ("case 1234 of the week", None),
        ("ola@example.com asked", "reason_holds_identifier"),
        ("a reason\x1b[31m in red", "reason_hidden_characters"),
        ("a reason\u202ebackwards", "reason_hidden_characters"),
        ("a reason\non two lines", "reason_hidden_characters"),
        ("x" * 501, "reason_too_long"),
        ("aaaaaaaaaaaa", "reason_says_nothing"),
        ("aaaa bbbb aaaa", "reason_says_nothing"),
        ("test test test", "reason_says_nothing"),
        ("quality Quality quality", "reason_says_nothing"),
        ("abab cdcd dcba", "reason_says_nothing"),
        ("abab cdcd ecba", None),
        (f"quality talk{'.' * 488}", None),
        (f"quality talk{'.' * 489}", "reason_too_long"),
        ("monthlyqualitytalk", "reason_says_nothing"),
        ("quality-sample", None),
    ],
)
def test_a_reason_says_something_and_names_nobody(reason: str, problem: str | None) -> None:
    assert policy.reason_problem(reason) == problem


@pytest.mark.rule("access.subject")
def test_an_access_request_says_how_identity_was_checked() -> None:
    assert rights.identity_stated("called back on the contract's number").allowed
    assert rights.identity_stated("yes").code == "identity_missing"


@pytest.mark.rule("access.subject")
def test_an_answer_that_is_not_the_persons_own_speech_needs_a_reason() -> None:
    assert rights.may_differ("x", "both parties agreed to it").allowed
    assert [rights.may_differ("x", reason).code for reason in (None, "because")] == ["x", "x"]


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize(
    "word", ["ikke", "ikkje", "ingen", "aldri", "ennå", "not", "never", "none", "yet", "nobody", "Ikke"]
)
def test_no_words_that_deny_it_say_how_identity_was_checked(word: str) -> None:
    assert rights.identity_stated(f"it was {word} checked by us").code == "identity_says_none"
    assert rights.identity_stated(f"it was {word}s checked by us").allowed, "a part of another word denies nothing"
