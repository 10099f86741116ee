"""The guidelines as data and as decisions. Pure: no clock, no disk, nothing of ours is imported.

`RULES` holds every rule by the id that refusals, log entries and documents cite. `Purpose` is closed: there
is no third. `LIFECYCLE` says which event may move a recording from which state to which. Every decision
returns a `Decision` that names its rule, a yes as carefully as a no; who carries it out takes that value.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from arlo_rec.rules import RULES, Rule

__all__ = ["RULES", "Rule"]

POLICY_VERSION = "2026-01"
ZONE = "Europe/Oslo"  # where a plain date begins and ends

RETENTION = timedelta(hours=90 * 24)  # retention.90d: instants in UTC, so no daylight saving moves it
CLOCK_TOLERANCE = timedelta(minutes=5)  # two machines' clocks: exchange and store
CONSENT_LEAD = timedelta(hours=1)  # a key press longer before the recording belongs to another call
WITHDRAWN_MARGIN = timedelta(days=7)  # an exchange that was down for a week still delivers
GRANT_DEFAULT = timedelta(days=30)
GRANT_LONGEST = timedelta(days=90)  # no grant outlives the recordings it opened
REASON_SHORTEST = 10  # characters: "opplæring!" says something, "test" does not
OVERDUE_AFTER = timedelta(hours=2)  # purge runs hourly; two missed runs are worth a look


class Purpose(StrEnum):
    """What a recording may be used for. There is no third."""

    TRAINING = "training"
    QUALITY = "quality"


class Role(StrEnum):
    """What a person or a service is here for."""

    OFFICER = "officer"
    MANAGER = "manager"
    SUPPORT = "support"
    INGEST = "ingest"
    RETENTION = "retention"
    AUDITOR = "auditor"


class Action(StrEnum):
    """What can be done with a store."""

    PEOPLE = "people"
    GRANT = "grant"
    SEE_GRANTS = "see_grants"
    INGEST = "ingest"
    FIND = "find"
    EXPORT = "export"
    WITHDRAW = "withdraw"
    PURGE = "purge"
    DSAR = "dsar"
    AUDIT_SHOW = "audit_show"
    LOOK_AFTER = "look_after"  # status, verify, audit verify, checkpoint: no personal data


class State(StrEnum):
    """Where a recording is in its life; it only ever moves on."""

    ARRIVING = "arriving"
    HELD = "held"
    ERASING = "erasing"
    ERASED = "erased"


class Event(StrEnum):
    """What moves a recording from one state to the next."""

    TAKEN_IN = "taken_in"
    ABANDONED = "abandoned"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    GONE = "gone"


LIFECYCLE: Final[Mapping[tuple[State, Event], State]] = {
    (State.ARRIVING, Event.TAKEN_IN): State.HELD,
    (State.ARRIVING, Event.ABANDONED): State.ERASED,
    (State.HELD, Event.WITHDRAWN): State.ERASING,
    (State.HELD, Event.EXPIRED): State.ERASING,
    (State.ERASING, Event.GONE): State.ERASED,
}


def after(state: State, event: Event) -> State:
    """The state that *event* leads to; raises ValueError where the table has no such step."""
    try:
        return LIFECYCLE[state, event]
    except KeyError:
        raise ValueError(f"no {event} from {state}") from None


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer and the rule that it follows from; `code` names the refusal for scripts."""

    allowed: bool
    rule: str
    code: str = "ok"

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"no rule {self.rule}")


def _yes(rule: str) -> Decision:
    return Decision(allowed=True, rule=rule)


def _no(rule: str, code: str) -> Decision:
    return Decision(allowed=False, rule=rule, code=code)


# -- who may do what ----------------------------------------------------------------------------------

_EVERYBODY = frozenset(Role)
_MAY: Final[Mapping[Action, tuple[frozenset[Role], str]]] = {
    Action.PEOPLE: (frozenset({Role.OFFICER}), "access.officer"),
    Action.GRANT: (frozenset({Role.OFFICER}), "access.officer"),
    Action.SEE_GRANTS: (frozenset({Role.OFFICER, Role.AUDITOR}), "access.officer"),
    Action.INGEST: (frozenset({Role.INGEST}), "scope.only"),
    Action.FIND: (frozenset({Role.MANAGER, Role.OFFICER}), "access.managers"),
    Action.EXPORT: (frozenset({Role.MANAGER, Role.OFFICER}), "access.managers"),
    Action.WITHDRAW: (frozenset({Role.SUPPORT, Role.OFFICER}), "consent.withdraw"),
    Action.PURGE: (frozenset({Role.RETENTION, Role.OFFICER}), "retention.90d"),
    Action.DSAR: (frozenset({Role.OFFICER}), "access.subject"),
    Action.AUDIT_SHOW: (frozenset({Role.AUDITOR, Role.OFFICER}), "security.monitored"),
    Action.LOOK_AFTER: (_EVERYBODY, "security.monitored"),
}


def may(role: Role, action: Action) -> Decision:
    """Whether this role does that here. To open a recording takes a grant on top (`may_open`)."""
    roles, rule = _MAY[action]
    return _yes(rule) if role in roles else _no(rule, "not_your_role")


def may_be_granted(role: Role) -> Decision:
    """Whether the officer may give this role access to recordings."""
    if role in {Role.MANAGER, Role.OFFICER}:
        return _yes("access.managers")
    return _no("access.managers", "not_a_manager")


def grant_state(*, to_oneself: bool, officers: int) -> str:
    """`live`, or `pending` where an officer would grant to herself although a second one could decide."""
    return "pending" if to_oneself and officers > 1 else "live"


def holds_root(role: Role, *, live_grant: bool) -> bool:
    """Whether this role needs the root seed: whoever takes in, opens or destroys (access.need)."""
    return role in {Role.OFFICER, Role.SUPPORT, Role.RETENTION, Role.INGEST} or (role is Role.MANAGER and live_grant)


def holds_index(role: Role) -> bool:
    """Whether this role needs to find a caller by number (access.need)."""
    return role in {Role.OFFICER, Role.SUPPORT, Role.INGEST}


# -- purposes and reasons -----------------------------------------------------------------------------

_DIGITS = re.compile(r"\d{5}")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def reason_problem(reason: str) -> str | None:
    """Why this is no valid reason, as a code; None if it is one (security.reason).

    A reason is kept for long and read by many: it must say something, and must not hold a telephone
    number or an address itself.
    """
    if has_hidden_characters(reason):
        return "reason_hidden_characters"
    if len(reason.strip()) < REASON_SHORTEST:
        return "reason_too_short"
    if len(reason) > 500:
        return "reason_too_long"
    if _DIGITS.search(reason) or _MAIL.search(reason):
        return "reason_holds_identifier"
    return None


_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_hidden_characters(text: str) -> bool:
    """Whether a terminal or a page could be fooled by it: controls, bidi marks, line separators."""
    return any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in _BIDI for c in text)


# -- consent ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that callers hear before anything is recorded, and the purposes that it names."""

    version: str
    lang: str
    text: str
    purposes: frozenset[Purpose]
    since: date

    @property
    def sha256(self) -> bytes:
        """What the evidence on each recording names, so that the very words can be shown."""
        return hashlib.sha256(self.text.encode("utf-8")).digest()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a source says about one call's consent, before anybody believed it.

    `key` is whatever the source held there: only the string "1" is consent. `frames` and `rate` are None
    while the sound has not been looked at.
    """

    direction: str
    key: object
    key_at: datetime | None
    prompt: object
    prompt_completed: object
    started_at: datetime
    cut: int | None = None
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A caller's proven consent: key 1, after a known prompt that was heard to its end.

    Only `prove` makes one, and only with one can a data key be made.
    """

    at: datetime
    prompt: str
    prompt_sha256: bytes
    purposes: frozenset[Purpose]
    policy: str

    def covers(self, purpose: Purpose) -> bool:
        """Whether the prompt named that purpose (consent.purposes)."""
        return purpose in self.purposes


def judge(claim: Claim, prompts: Mapping[str, Prompt], *, now: datetime) -> Decision:
    """Whether a call may be kept, and by which rule; the first refusal that applies, in the contract's order.

    Withdrawal and duplicates depend on the store and are asked afterwards, by `after_withdrawal`.
    """
    return (
        _judge_route(claim)
        or _judge_key(claim)
        or _judge_prompt(claim, prompts)
        or _judge_time(claim, now)
        or _judge_length(claim)
        or _yes("consent.press1")
    )


def prove(claim: Claim, prompts: Mapping[str, Prompt], *, now: datetime) -> Consent:
    """The consent that *claim* proves; raises ValueError where `judge` says no."""
    decision = judge(claim, prompts, now=now)
    if not decision.allowed or claim.key_at is None:
        raise ValueError(f"no consent: {decision.code}")
    prompt = prompts[str(claim.prompt)]
    return Consent(claim.key_at, prompt.version, prompt.sha256, prompt.purposes, POLICY_VERSION)


def _judge_route(claim: Claim) -> Decision | None:
    return None if claim.direction == "inbound" else _no("scope.only", "outbound")


def _judge_key(claim: Claim) -> Decision | None:
    if not isinstance(claim.key, str) or claim.key != "1":
        return _no("consent.press2", "no_consent")
    if claim.key_at is None:
        return _no("consent.basis", "no_consent")
    if claim.started_at - claim.key_at > CONSENT_LEAD:
        return _no("consent.press1", "no_consent")
    return None


def _judge_prompt(claim: Claim, prompts: Mapping[str, Prompt]) -> Decision | None:
    prompt = prompts.get(claim.prompt) if isinstance(claim.prompt, str) else None
    if prompt is None or claim.key_at is None or claim.key_at.date() < prompt.since:
        return _no("consent.prompt", "prompt_unknown")
    if claim.prompt_completed is not True:
        return _no("consent.prompt", "prompt_not_completed")
    return None


def _judge_time(claim: Claim, now: datetime) -> Decision | None:
    if claim.started_at > now + CLOCK_TOLERANCE:
        return _no("scope.only", "future")
    if is_due(claim.started_at, now):
        return _no("retention.90d", "expired")
    return None


def _judge_length(claim: Claim) -> Decision | None:
    if claim.cut is None or claim.frames is None or claim.cut < claim.frames:
        return None
    return _no("consent.press1", "consent_after_call")


def after_withdrawal(consent_at: datetime, withdrawn_at: datetime) -> bool:
    """Whether a consent is newer than a withdrawal, with five minutes for clocks (consent.withdraw).

    The call on which somebody withdraws was consented to before: it must not survive either.
    """
    return consent_at >= withdrawn_at + CLOCK_TOLERANCE


# -- retention ----------------------------------------------------------------------------------------


def due_at(started_at: datetime) -> datetime:
    """The instant at which a recording goes."""
    return started_at + RETENTION


def is_due(started_at: datetime, now: datetime) -> bool:
    """Whether its 90 days are over: at the instant, and not a microsecond before."""
    return now >= due_at(started_at)


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """When a purge stops and asks: it would rather be late than destroy a store by a wrong clock."""

    share: Fraction = Fraction(1, 3)
    count: int = 20
    jump: timedelta = timedelta(days=7)


def guard(*, now: datetime, mark: datetime, due: int, held: int, limits: GuardLimits) -> Decision:
    """Whether a purge of *due* out of *held* is believable at *now*, the last run having been at *mark*."""
    if now - mark > limits.jump:
        return _no("retention.90d", "clock_jumped")
    if due > limits.count and Fraction(due, max(held, 1)) > limits.share:
        return _no("retention.90d", "large_share")
    return _yes("retention.90d")


# -- opening a recording ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody's wish to open one recording for one purpose, with what the store knows about it."""

    purpose: Purpose
    granted: bool
    consented: frozenset[Purpose]
    pseudonymised: bool
    started_at: datetime


def may_open(wish: Wish, *, now: datetime) -> Decision:
    """Whether a recording may be opened: the grant first, so that without one nothing is learnt."""
    if not wish.granted:
        return _no("access.managers", "no_grant")
    if is_due(wish.started_at, now):
        return _no("retention.90d", "past_its_day")
    if wish.purpose not in wish.consented:
        return _no("consent.purposes", "not_consented")
    if wish.purpose is Purpose.TRAINING and not wish.pseudonymised:
        return _no("data.pseudonymised", "no_released_copy")
    return _yes(f"purpose.{wish.purpose}")


def stanza_purposes(purposes: Iterable[Purpose], *, pseudonymised: bool) -> frozenset[Purpose]:
    """The purposes whose listening keys a recording is sealed to: never an original to training."""
    wanted = Purpose.TRAINING if pseudonymised else Purpose.QUALITY
    return frozenset(purposes) & {wanted}


def identity_stated(statement: str) -> Decision:
    """Whether an access request says how the person's identity was checked (access.subject)."""
    if len(statement.strip()) >= REASON_SHORTEST and not has_hidden_characters(statement):
        return _yes("access.subject")
    return _no("access.subject", "identity_missing")


def whole_call(reason: str | None) -> Decision:
    """Whether a mono call, or the agent's channel too, may leave: only by a decision with a reason."""
    if reason is not None and reason_problem(reason) is None:
        return _yes("access.subject")
    return _no("access.subject", "whole_call_without_reason")
