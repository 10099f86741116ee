"""Consent: a source's claim, judged by the guidelines, and the proof that intake needs. Pure; nothing is stored here.

A `Claim` is what a manifest states; `prove` makes a `Consent` of it, and the key of an original needs a `Consent`.
Each prompt carries the purposes that it names, and the keys that it offers for them: `{"1": both, "3": training}`. A
consent covers the purposes of the key that was pressed, and no other. Key 2, and every key that the prompt does not
offer, is no consent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, ZONE, Decision, Purpose, due_at, is_due

CLOCK_TOLERANCE = timedelta(minutes=5)  # two machines' clocks: exchange and store
CONSENT_LEAD = timedelta(hours=1)  # an earlier key press belongs to another call
DECLINED: Final = "2"
STOPPED_BY: Final = (DECLINED, "9")  # the keys that end a recording during the call
OFFERABLE: Final = "1345678"  # the keys of which a prompt can make a consent


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that callers hear before a recording, and the purposes that it names."""

    version: str
    lang: str
    text: str
    purposes: frozenset[Purpose]
    since: date  # first day of its use, in the policy's zone
    until: date | None = None  # last day of its use; None: no end is set
    sound_sha256: bytes | None = None  # of the file that the exchange plays; None: not stated
    keys: Mapping[str, frozenset[Purpose]] | None = None  # the purposes of each key of consent; None: key 1, for all
    line: str | None = None  # of the exchange, where callers hear it; None: every line without a prompt of its own
    taken_after_end: bool = False  # whether a call that is still delivered with it after its end is taken in

    @property
    def sha256(self) -> bytes:
        """The hash by which each recording refers to the exact text."""
        return hashlib.sha256(self.text.encode("utf-8")).digest()

    @property
    def offered(self) -> Mapping[str, frozenset[Purpose]]:
        """The keys of consent, and the purposes of each (consent.purposes)."""
        return {"1": self.purposes} if self.keys is None else self.keys

    def in_use(self, at: datetime) -> bool:
        """Whether callers heard it at that instant, by its days."""
        day = _local_date(at)
        return self.since <= day and (self.until is None or day <= self.until)

    def is_taken(self, at: datetime, line: str | None) -> bool:
        """Whether a call on that line, whose key was pressed at that instant, may be taken in with it."""
        in_time = self.in_use(at) or (self.is_ended(at) and self.taken_after_end)
        return in_time and (line is None or self.line in (None, line))

    def is_ended(self, at: datetime) -> bool:
        """Whether its last day is before that instant."""
        return self.until is not None and self.until < _local_date(at)


class Stopped(NamedTuple):
    """The end of a recording during the call, by the caller or by the agent: the key that was pressed, and when."""

    key: str
    at: datetime | None  # None: not told


class Claim(NamedTuple):
    """A source's statement of a call's consent, before it is judged.

    `key` is the manifest's value, of any type: only a string that the prompt offers is consent. `frames` and `rate`
    are None until the sound is read.
    """

    direction: str
    key: object
    key_at: datetime | None
    prompt: object
    prompt_completed: object
    started_at: datetime
    line: str | None = None
    stopped: Stopped | None = None
    cut: int | None = None
    frames: int | None = None


class Consent(NamedTuple):
    """A caller's proven consent: a key of a known prompt that was heard to its end, and the purposes of that key.

    Only `prove` makes one, and a data key needs one.
    """

    at: datetime
    prompt: str
    prompt_sha256: bytes
    purposes: frozenset[Purpose]
    policy: str
    key: str = "1"

    def covers(self, purpose: Purpose) -> bool:
        """Whether the key that was pressed covers that purpose (consent.purposes)."""
        return purpose in self.purposes


def judge(
    claim: Claim,
    prompts: Mapping[str, Prompt],
    *,
    now: datetime,
    deadline: Callable[[datetime], datetime] = due_at,
) -> Decision:
    """Whether a call may be kept: the first refusal that applies, in the order of docs/telephone.md, or the rule that
    allows.

    *prompts* are those of the policy in force at the key press; *deadline* says when a call that began then is due.
    Withdrawals and duplicates depend on the store and are checked later, by `after_withdrawal`.
    """
    return (
        _judge_route(claim)
        or _judge_key(claim, prompts)
        or _judge_prompt(claim, prompts)
        or _judge_time(claim, deadline, now)
        or _judge_length(claim)
        or _judge_key_time(claim, now)
        or Decision.yes("consent.press1")
    )


def prove(
    claim: Claim,
    prompts: Mapping[str, Prompt],
    policy: str,
    *,
    now: datetime,
    deadline: Callable[[datetime], datetime] = due_at,
) -> Consent:
    """The consent that *claim* proves, under that version of the policy; raises ValueError if `judge` refuses it."""
    decision = judge(claim, prompts, now=now, deadline=deadline)
    if not decision.allowed or claim.key_at is None:
        raise ValueError(f"no consent: {decision.code}")
    prompt, key = prompts[str(claim.prompt)], str(claim.key)
    return Consent(claim.key_at, prompt.version, prompt.sha256, prompt.offered[key], policy, key)


def declined_after(claim: Claim, prompts: Mapping[str, Prompt], *, now: datetime) -> str | None:
    """The prompt, heard to its end or not, after which a caller declined with key 2; None in all other cases.

    No key, another key, a call that ended, an impossible prompt or time: all that is neither consent nor answer.
    """
    if claim.key != DECLINED or claim.key_at is None:
        return None
    if claim.started_at - claim.key_at > CONSENT_LEAD or claim.key_at > now + CLOCK_TOLERANCE:
        return None
    if _judge_route(claim) or _judge_prompt(claim._replace(prompt_completed=True), prompts):
        return None
    return str(claim.prompt)


def _judge_route(claim: Claim) -> Decision | None:
    return None if claim.direction == "inbound" else Decision.no("scope.only", "outbound")


def has_said_no(claim: Claim) -> bool:
    """Whether somebody said no to the recording: key 2 at the question, or a key that ended it during the call."""
    return claim.key == DECLINED or claim.stopped is not None


def _judge_key(claim: Claim, prompts: Mapping[str, Prompt]) -> Decision | None:
    """Refuse what is no key of consent; only its prompt says what a key means, so an unknown prompt is refused next."""
    prompt = prompts.get(claim.prompt) if isinstance(claim.prompt, str) else None
    named = isinstance(claim.prompt, str) and prompt is None
    offered = frozenset(prompt.offered) if prompt is not None else frozenset(OFFERABLE if named else "1")
    if not isinstance(claim.key, str) or claim.key not in offered or claim.stopped is not None:
        return Decision.no("consent.press2", "no_consent")
    if claim.key_at is None:
        return Decision.no("consent.basis", "no_consent")
    if claim.started_at - claim.key_at > CONSENT_LEAD:
        return Decision.no("consent.press1", "no_consent")
    return None


def _judge_prompt(claim: Claim, prompts: Mapping[str, Prompt]) -> Decision | None:
    prompt = prompts.get(claim.prompt) if isinstance(claim.prompt, str) else None
    if prompt is None or claim.key_at is None or not prompt.is_taken(claim.key_at, claim.line):
        return Decision.no("consent.prompt", "prompt_unknown")
    if claim.prompt_completed is not True:
        return Decision.no("consent.prompt", "prompt_not_completed")
    return None


def _local_date(at: datetime) -> date:
    """The calendar day of an instant in the policy's zone."""
    try:
        return at.astimezone(ZoneInfo(ZONE)).date()
    except OverflowError:  # first and last day of the calendar
        return at.date()


def _judge_time(claim: Claim, deadline: Callable[[datetime], datetime], now: datetime) -> Decision | None:
    if claim.started_at > now + CLOCK_TOLERANCE:
        return Decision.no("scope.only", "future")
    if is_due(deadline(claim.started_at), now):
        return Decision.no("retention.90d", "expired")
    return None


def _judge_length(claim: Claim) -> Decision | None:
    if claim.cut is None or claim.frames is None or claim.cut < claim.frames:
        return None
    return Decision.no("consent.press1", "consent_after_call")


def _judge_key_time(claim: Claim, now: datetime) -> Decision | None:
    """Refuse a key press in the future, in a call whose length includes it."""
    if claim.frames is None or claim.key_at is None or claim.key_at <= now + CLOCK_TOLERANCE:
        return None
    return Decision.no("scope.only", "future")


def judge_notice(withdrawn_at: datetime, *, now: datetime) -> Decision:
    """Whether a withdrawal that an exchange delivers counts: a past one, of whose calls any may be held."""
    if withdrawn_at > now + CLOCK_TOLERANCE:
        return Decision.no("scope.only", "future")
    if withdrawn_at + RETENTION + WITHDRAWN_MARGIN <= now:
        return Decision.no("retention.90d", "expired")
    return Decision.yes("consent.withdraw")


def after_withdrawal(consent_at: datetime, withdrawn_at: datetime, *, now: datetime) -> Decision:
    """Whether a consent counts despite an earlier withdrawal: a newer one, already given (consent.withdraw).

    Clocks may differ by five minutes: the call in which a caller withdraws was consented to before, and must not
    survive. A key press in the future gets no tolerance, because it would count at once if an exchange's clock is
    ahead; it is refused (`future`, which leaves the call for a later run).
    """
    if consent_at < withdrawn_at + CLOCK_TOLERANCE:
        return Decision.no("consent.withdraw", "withdrawn")
    if consent_at > now:
        return Decision.no("scope.only", "future")
    return Decision.yes("consent.withdraw")
