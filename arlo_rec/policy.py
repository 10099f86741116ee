"""The guidelines as data and as decisions. Pure: no clock, no disk, and no import from this program.

`RuleId` names the rules that refusals, log entries and documents cite; `law.rules` has their texts. `Purpose` is a
closed set of two.
`LIFECYCLE` maps state and event to the next state. Every decision returns a `Decision` that names its rule, allowed
or refused; this module decides and carries nothing out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cache, lru_cache
from typing import Final, Literal, NamedTuple, assert_never

RuleId = Literal[  # the rules of the guidelines; `law.rules` has their texts
    "scope.only",
    "access.need",
    "purpose.training",
    "purpose.quality",
    "purpose.change",
    "data.employee",
    "data.customer",
    "data.pseudonymised",
    "consent.basis",
    "consent.prompt",
    "consent.purposes",
    "consent.press1",
    "consent.press2",
    "consent.withdraw",
    "info.customers",
    "info.employees",
    "info.published",
    "access.secure",
    "access.officer",
    "access.managers",
    "access.subject",
    "retention.90d",
    "security.password",
    "security.monitored",
    "security.unauthorised",
    "security.reason",
]
POLICY_VERSION = "2026-01"
ZONE = "Europe/Oslo"  # where a plain date begins and ends

RETENTION = timedelta(hours=90 * 24)  # retention.90d: between instants in UTC, independent of daylight saving
WITHDRAWN_MARGIN = timedelta(days=7)  # an exchange that was down for a week may deliver late
GRANT_DEFAULT = timedelta(days=30)
FOUR_EYES = timedelta(days=7)  # in which a giver of new keys can act with them, and a grant awaits a second officer
GLASS_LONGEST = timedelta(hours=24)  # longest emergency access of an officer without a second one
GLASS_ALARMS = timedelta(days=7)  # for which `status` reports emergency access
REQUEST_WAITS = timedelta(days=7)  # until an undecided request expires
GRANT_LONGEST = timedelta(days=90)  # no grant lasts longer than the recordings that it opened
REASON_SHORTEST = 10  # characters
REASON_WORDS = 2  # of two letters or more: "opplæring!" says too little
REASON_LETTERS = 5  # different ones: "aaaa aaaa aa" says nothing
EXPORT_ALARM_AFTER = timedelta(days=7)  # a saved file is outside all control: for as long as its use may take
RING_LONGEST = timedelta(hours=7 * 24)  # longest stay of an old root secret in an escrow, where it opens a backup
CLOCK_JUMP = timedelta(days=7)  # by which a clock may be ahead of the newest instant that the store vouches for
CLOCK_MARGIN = timedelta(minutes=10)  # tolerated lag of the clock behind the log: corrections of a drifting clock
REFUSED_FOR_GOOD: Final[Mapping[str, RuleId]] = {  # by code of a refusal: calls that may be kept nowhere
    "withdrawn": "consent.withdraw",
    "expired": "retention.90d",
    "agent_objected": "data.employee",
}
REFUSED_WITHOUT_CONSENT: Final[Mapping[str, RuleId]] = {  # by code of a refusal: calls without a yes
    "outbound": "scope.only",
    "no_consent": "consent.press2",
    "prompt_not_completed": "consent.prompt",
    "consent_after_call": "consent.press1",
}
SOUND_WAITS = timedelta(hours=24)  # after a call without its sound, which may still arrive and be refused or taken in
PART_WAITS = timedelta(hours=1)  # for the sound of a recorded call, or a side of it, from when its record was written
CLOCK_AHEAD = timedelta(hours=24)  # of a key press that waits for its time; further ahead it says nothing
OVERDUE_AFTER = timedelta(hours=2)  # a purge runs hourly; two runs were missed
SUPPLIER_SOON = timedelta(days=30)  # before the day on which a supplier is to be controlled
BREACH_NOTICE = timedelta(hours=72)  # to the authority, after the controller became aware (GDPR 33(1)); weekends count


class Purpose(StrEnum):
    """The two purposes of a recording; there is no other."""

    TRAINING = "training"
    QUALITY = "quality"


class Role(StrEnum):
    """The role of a person or a service."""

    OFFICER = "officer"
    MANAGER = "manager"
    SUPPORT = "support"
    INGEST = "ingest"
    RETENTION = "retention"
    AUDITOR = "auditor"


class Action(StrEnum):
    """The actions on a store that a role may permit."""

    PEOPLE = "people"
    POLICY = "policy"  # change the guidelines of the store
    GRANT = "grant"
    SEE_GRANTS = "see_grants"
    BREAK_GLASS = "break_glass"  # agree to an officer's own emergency access
    REQUEST = "request"  # ask for access of one's own
    INGEST = "ingest"
    FIND = "find"
    EXPORT = "export"
    LISTEN = "listen"  # on a page that leaves nothing behind
    WITHDRAW = "withdraw"
    SEE_RECEIPT = "see_receipt"  # of an erasure, by its number
    PURGE = "purge"
    DSAR = "dsar"
    BACKUP = "backup"
    RESTORE = "restore"
    MOVE_OBJECTS = "move_objects"  # to another disk or service; what they are stays sealed
    MOVE_CATALOGUE = "move_catalogue"  # to a database or back
    SEE_RECIPIENTS = "see_recipients"  # a manager: their own
    CONFIRM_DELETED = "confirm_deleted"
    PSEUDONYMISE = "pseudonymise"
    REVIEW = "review"
    REVIEW_LISTEN = "review_listen"  # on a page that leaves nothing behind: a copy under review and its original
    RELEASE = "release"
    REJECT = "reject"
    HOLD = "hold"  # keep calls beyond their retention, on a ground of the law
    OBJECTION = "objection"  # enter and decide an employee's objection
    AUDIT_SHOW = "audit_show"
    CLOCK = "clock"  # accept a clock that is behind the log
    LOOK_AFTER = "look_after"  # status, verify, audit verify, checkpoint: no personal data


class State(StrEnum):
    """The states of a recording; it never returns to an earlier one."""

    ARRIVING = "arriving"
    HELD = "held"
    ERASING = "erasing"
    ERASED = "erased"


class Event(StrEnum):
    """The events that change the state of a recording."""

    TAKEN_IN = "taken_in"
    ABANDONED = "abandoned"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DISCARDED = "discarded"  # a training copy: edited, rejected, released under another id; or objected to
    ERASED_BEFORE = "erased_before"  # in a restored store: erased after the backup, or without an object
    GONE = "gone"  # its object is deleted


LIFECYCLE: Final[Mapping[tuple[State, Event], State]] = {
    (State.ARRIVING, Event.TAKEN_IN): State.HELD,
    (State.ARRIVING, Event.ABANDONED): State.ERASED,
    (State.HELD, Event.WITHDRAWN): State.ERASING,
    (State.HELD, Event.EXPIRED): State.ERASING,
    (State.HELD, Event.DISCARDED): State.ERASING,
    (State.HELD, Event.ERASED_BEFORE): State.ERASING,
    (State.ERASING, Event.GONE): State.ERASED,
}


def after(state: State, event: Event) -> State:
    """The state after *event*; raises ValueError if LIFECYCLE has no such transition."""
    try:
        return LIFECYCLE[state, event]
    except KeyError:
        raise ValueError(f"no {event} from {state}") from None


def transition(event: Event) -> tuple[State, State]:
    """The state before and the state after *event*."""
    [before] = [state for state, moved_by in LIFECYCLE if moved_by is event]
    return before, LIFECYCLE[before, event]


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision and its rule; `code` names a refusal for scripts."""

    allowed: bool
    rule: RuleId
    code: str = "ok"

    @classmethod
    def yes(cls, rule: RuleId) -> Decision:
        """Allowed, by that rule."""
        return cls(allowed=True, rule=rule)

    @classmethod
    def no(cls, rule: RuleId, code: str) -> Decision:
        """Refused, by that rule."""
        return cls(allowed=False, rule=rule, code=code)


# -- permissions ----------------------------------------------------------------------------------------

_EVERYBODY: Final = frozenset(Role)
_MANAGERS: Final = frozenset({Role.MANAGER, Role.OFFICER})
_OFFICERS: Final = frozenset({Role.OFFICER})


class _Needs(IntEnum):
    """Demands of an action beside a role; each with all before it."""

    NOTHING = 0
    REASON = 1
    GRANT = 2
    PURPOSE = 3


class _Permission(NamedTuple):
    """The roles that permit an action, by which rule, and what the action needs beside."""

    roles: frozenset[Role]
    rule: RuleId
    needs: _Needs = _Needs.NOTHING


@cache
def _permission(action: Action) -> _Permission:
    match action:
        case Action.PEOPLE | Action.GRANT | Action.RESTORE | Action.MOVE_OBJECTS | Action.MOVE_CATALOGUE:
            return _Permission(_OFFICERS, "access.officer")
        case Action.POLICY:
            return _Permission(_OFFICERS, "purpose.change")
        case Action.SEE_GRANTS:
            return _Permission(frozenset({Role.OFFICER, Role.AUDITOR}), "access.officer")
        case Action.BREAK_GLASS:
            return _Permission(_MANAGERS, "access.officer")
        case Action.REQUEST:
            return _Permission(_MANAGERS, "access.managers")
        case Action.FIND | Action.EXPORT | Action.LISTEN:
            return _Permission(_MANAGERS, "access.managers", _Needs.PURPOSE)
        case Action.REVIEW_LISTEN:
            return _Permission(_MANAGERS, "data.pseudonymised", _Needs.GRANT)
        case Action.PSEUDONYMISE | Action.REVIEW:
            return _Permission(_MANAGERS, "data.pseudonymised", _Needs.REASON)
        case Action.RELEASE | Action.REJECT:
            return _Permission(_MANAGERS, "data.pseudonymised")
        case Action.INGEST:
            return _Permission(frozenset({Role.INGEST}), "scope.only")
        case Action.WITHDRAW:
            return _Permission(frozenset({Role.SUPPORT, Role.OFFICER, Role.INGEST}), "consent.withdraw")
        case Action.SEE_RECEIPT:
            return _Permission(frozenset({Role.SUPPORT, Role.OFFICER}), "consent.withdraw")
        case Action.CONFIRM_DELETED:
            return _Permission(_MANAGERS, "consent.withdraw")
        case Action.PURGE:
            return _Permission(frozenset({Role.RETENTION, Role.OFFICER}), "retention.90d")
        case Action.CLOCK:
            return _Permission(_OFFICERS, "retention.90d")
        case Action.DSAR | Action.HOLD:
            return _Permission(_OFFICERS, "access.subject")
        case Action.OBJECTION:
            return _Permission(_OFFICERS, "data.employee")
        case Action.BACKUP:
            return _Permission(frozenset({Role.RETENTION, Role.OFFICER}), "access.secure")
        case Action.SEE_RECIPIENTS:
            return _Permission(frozenset({Role.OFFICER, Role.AUDITOR, Role.MANAGER}), "access.officer")
        case Action.AUDIT_SHOW:
            return _Permission(frozenset({Role.AUDITOR, Role.OFFICER}), "security.monitored")
        case Action.LOOK_AFTER:
            return _Permission(_EVERYBODY, "security.monitored")
    assert_never(action)


DESK: Final[Mapping[Role, tuple[str, ...]]] = {  # the views of the desk, in their order; services and support have none
    Role.MANAGER: ("calls", "copies", "files", "access", "tasks"),
    Role.OFFICER: ("tasks", "cases", "grants", "copies", "files", "calls", "status"),
    Role.AUDITOR: ("status", "tasks"),
}


@lru_cache(maxsize=256)  # one for each role and action: a verification asks for every entry of the log
def may(role: Role, action: Action) -> Decision:
    """Whether a role permits an action; opening a recording needs a grant as well (`may_open`)."""
    roles, rule, _ = _permission(action)
    return Decision.yes(rule) if role in roles else Decision.no(rule, "not_your_role")


ERASED_BY: Final[Mapping[str, Action]] = {  # by a receipt's kind of erasure: the action whose roles may sign it
    **{"withdrawal": Action.WITHDRAW, "expiry": Action.PURGE, "restore": Action.RESTORE},
    **{str(action): action for action in (Action.REVIEW, Action.RELEASE, Action.REJECT, Action.OBJECTION)},
}


def signs_receipts(role: Role) -> bool:
    """Whether this role carries out erasures."""
    return any(may(role, action).allowed for action in ERASED_BY.values())


def needs_purpose(action: Action) -> bool:
    """Whether an action needs a purpose, a reason and a grant for the purpose (security.reason)."""
    return _permission(action).needs >= _Needs.PURPOSE


def needs_grant(action: Action) -> bool:
    """Whether an action needs a live grant and a reason from everybody, officers included: a person hears sound."""
    return _permission(action).needs >= _Needs.GRANT


def needs_reason(action: Action) -> bool:
    """Whether an action needs a reason, because a person hears a call or reads its words (security.reason)."""
    return _permission(action).needs >= _Needs.REASON


def may_be_granted(role: Role) -> Decision:
    """Whether an officer may grant this role access to recordings."""
    return Decision.yes("access.managers") if role in _MANAGERS else Decision.no("access.managers", "not_a_manager")


def holds_root(role: Role, *, live_grant: bool) -> bool:
    """Whether this role needs the root seed, to take in, open or erase recordings (access.need)."""
    return role in {Role.OFFICER, Role.SUPPORT, Role.RETENTION, Role.INGEST} or (role is Role.MANAGER and live_grant)


def holds_index(role: Role) -> bool:
    """Whether this role needs the index seed, to find a caller by number (access.need)."""
    return role in {Role.OFFICER, Role.SUPPORT, Role.INGEST}


# -- purposes and reasons -----------------------------------------------------------------------------

_DIGITS, _SIGNS = re.compile(r"\d{5}"), re.compile(r"[^\W_]")  # a row of dots says nothing
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}([./])\d{1,2}\1\d{4}")
_GROUPS = re.compile(r"\d{1,4}([ \xa0\u202f.-])\d{1,4}(?:\1\d{1,4})+")  # as people write a telephone number
_NUMBER = 8  # digits of the shortest number of a person
_WORDS = re.compile(r"[^\W\d_]{2,}")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def reason_problem(reason: str | None) -> str | None:
    """The problem of a reason, as a code; None if it is valid (security.reason).

    A reason is kept for long and read by many: it must say something, and hold no telephone number or address.
    """
    if reason is None:
        return "reason_missing"
    if has_hidden_characters(reason):
        return "reason_hidden_characters"
    if len(reason.strip()) < REASON_SHORTEST or len(_SIGNS.findall(reason)) < REASON_SHORTEST // 2:
        return "reason_too_short"
    if len(reason) > 500:
        return "reason_too_long"
    if _DIGITS.search(reason) or _MAIL.search(reason) or _holds_number(reason):
        return "reason_holds_identifier"
    words = _WORDS.findall(reason)
    if len({word.casefold() for word in words}) < REASON_WORDS or len(set("".join(words).casefold())) < REASON_LETTERS:
        return "reason_says_nothing"
    return None


def _holds_number(text: str) -> bool:
    """Whether a text has a telephone number in groups of digits, which a date is not."""
    groups = _GROUPS.finditer(_DATE.sub("", text))
    return any(sum(map(str.isdigit, found.group())) >= _NUMBER for found in groups)


_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_hidden_characters(text: str) -> bool:
    """Whether a text has characters that could deceive a reader: controls, bidi marks, line separators."""
    return any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in _BIDI for c in text)


# -- retention ----------------------------------------------------------------------------------------


def due_at(started_at: datetime) -> datetime:
    """The instant at which a recording is due to be erased."""
    return started_at + RETENTION


def is_due(due_at: datetime, now: datetime) -> bool:
    """Whether a recording is past retention: from the instant *due_at* on."""
    return now >= due_at


def is_kept_too_long(saved_at: datetime, now: datetime) -> bool:
    """Whether a file that staff saved, not confirmed as deleted, is reported: from EXPORT_ALARM_AFTER on."""
    return now >= saved_at + EXPORT_ALARM_AFTER


def clock_against_log(now: datetime, newest: datetime) -> Decision:
    """Whether the clock is plausible: not behind the newest log entry by more than the margin.

    A clock that was set back would open what a grant's end or the retention deadline has closed.
    """
    is_behind = newest - now > CLOCK_MARGIN
    return Decision.no("retention.90d", "clock_behind") if is_behind else Decision.yes("retention.90d")


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The limits beyond which a purge refuses, because the clock may be wrong."""

    share: tuple[int, int] = (1, 3)  # of the held recordings: so many out of so many
    count: int = 20
    jump: timedelta = CLOCK_JUMP


def clock_jumped(now: datetime, mark: datetime, jump: timedelta) -> Decision:
    """Whether the clock is plausible after *mark*, which the store vouches for: not more than *jump* ahead of it."""
    is_ahead = now - mark > jump
    return Decision.no("retention.90d", "clock_jumped") if is_ahead else Decision.yes("retention.90d")


def guard(*, now: datetime, mark: datetime, due: int, held: int, limits: GuardLimits) -> Decision:
    """Whether a purge of *due* out of *held* recordings is plausible at *now*, after a last run at *mark*."""
    if not (plausible := clock_jumped(now, mark, limits.jump)).allowed:
        return plausible
    part, whole = limits.share
    if due > limits.count and due * whole > max(held, 1) * part:
        return Decision.no("retention.90d", "large_share")
    return Decision.yes("retention.90d")


# -- the spool ----------------------------------------------------------------------------------------


def leaves_spool(
    code: str,
    *,
    said_no: bool,
    withdrawn: bool,
    is_past: bool,
    began: datetime,
    now: datetime,
    since: datetime | None,
    stays: timedelta,
) -> Decision:
    """Whether the files of a refused call are removed from the spool.

    What nobody said yes to may not stay anywhere, nor what was withdrawn or is past retention: *is_past* by a time that
    the store vouches for, as the clock may be ahead. What may be a mistake *stays*, from its first refusal (*since*),
    so that it can be mended. A call without a sound stays for a day: its sound may still arrive.
    """
    if code == "expired":
        return Decision.yes("retention.90d") if is_past else Decision.no("retention.90d", "clock_jumped")
    if (rule := REFUSED_FOR_GOOD.get(code) or REFUSED_WITHOUT_CONSENT.get(code)) is not None:
        return Decision.yes(rule)
    if code == "not_a_file" and now - began < SOUND_WAITS:
        return Decision.no("scope.only", "can_be_mended")
    if withdrawn:
        return Decision.yes("consent.withdraw")
    if is_past:
        return Decision.yes("retention.90d")
    if said_no:
        return Decision.yes("consent.press2")
    if since is not None and now - since >= stays:
        return Decision.yes("scope.only")
    return Decision.no("scope.only", "can_be_mended")


class Mode(StrEnum):
    """The ways to decide the cuts of a training copy."""

    DETECT = "detect"  # cut what identifies a person
    STRICT = "strict"  # cut all that is not confidently harmless
    MANUAL = "manual"  # cut a person's list


def supplier_control(next_at: date, today: date) -> Decision:
    """Whether a supplier's next control is not overdue (security.monitored); a yes may say that it is due soon."""
    if today > next_at:
        return Decision.no("security.monitored", "supplier_overdue")
    is_soon = today > next_at - SUPPLIER_SOON
    return Decision(allowed=True, rule="security.monitored", code="supplier_due" if is_soon else "ok")
