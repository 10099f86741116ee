"""Consent: a source's claim, judged by the guidelines, and the proof that intake needs. Pure; nothing is stored here.

A `Claim` is what a manifest states; `prove` makes a `Consent` of it, and the key of an original needs a `Consent`.
Each prompt carries the purposes that it names, and the keys that it offers for them: `{"1": both, "3": training}`. A
consent covers the purposes of the key that was pressed, and no other. Key 2, and every key that the prompt does not
offer, is no consent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, ZONE, Decision, Purpose, due_at, is_due

CLOCK_TOLERANCE = timedelta(minutes=5)  # two machines' clocks: exchange and store
CONSENT_LEAD = timedelta(hours=1)  # an earlier key press belongs to another call
CALL_GRACE = timedelta(minutes=1)  # two clocks of one exchange: that of its record, and that of what asked the caller
PROMPT_SHORTEST = timedelta(seconds=10)  # the shipped prompts take over 20; between a menu's key and the sound lies one
ANSWER_LATE = timedelta(seconds=1)  # by which a recording may begin before the key that starts it
DECLINED: Final = "2"
WITHDRAWN: Final = "9"
STOPPED_BY: Final = (DECLINED, WITHDRAWN)  # the keys that end a recording during the call
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


class CallTimes(NamedTuple):
    """When a call began and ended, of which its sound is a part; None: not told."""

    began: datetime | None = None
    ended: datetime | None = None

    def include(self, at: datetime) -> bool:
        """Whether an instant lies within the call, as far as its times are told, by clocks that differ by the grace."""
        is_before = self.began is not None and self.began - at > CALL_GRACE
        return not is_before and not (self.ended is not None and at - self.ended > CALL_GRACE)


class Claim(NamedTuple):
    """A source's statement of a call's consent, before it is judged.

    `key` is the manifest's value, of any type: only a string that the prompt offers is consent. `granted` is what a
    source says beside the key: None if nothing. `frames` and `rate` are None until the sound is read.
    """

    direction: str
    key: object
    key_at: datetime | None
    prompt: object
    prompt_completed: object
    started_at: datetime
    line: str | None = None
    stopped: Stopped | None = None
    granted: object = None
    call: CallTimes = CallTimes()
    cut: int | None = None
    frames: int | None = None


class Press(NamedTuple):
    """A key as an exchange's history has it, and when it was pressed; None: not told."""

    key: object
    at: datetime | None


class PressRole(StrEnum):
    """The meaning of one key of a history for the question of consent."""

    DECIDES = "decides"
    AGREES = "agrees"  # the same key, earlier at the same prompt
    CONTRADICTS = "contradicts"  # another key at the same prompt
    BEFORE_PROMPT = "before_prompt"  # of a menu
    IN_CALL = "in_call"  # after the sound began
    UNTIMED = "no_time"


def press_roles(presses: Sequence[Press], *, asked_at: datetime | None, until: datetime | None) -> list[PressRole]:
    """The role of each key: the last one between the begin of the prompt and *until* decides.

    *until* is when the sound begins, which is at the answer: a later key is one of the call. Where the begin of the
    prompt is not told, a key may be a menu's. Then it decides only shortly before the sound, and every other before it
    counts as one of the same prompt.
    """
    timed = sorted((press.at, number) for number, press in enumerate(presses) if press.at is not None)
    asked = [each for each in timed if asked_at is None or each[0] >= asked_at]
    answers = [each for each in asked if until is None or each[0] <= until + ANSWER_LATE]
    if asked_at is None and until is not None and answers and until - answers[-1][0] > PROMPT_SHORTEST:
        answers = []
    roles = [PressRole.UNTIMED] * len(presses)
    for at, number in timed:
        is_later = (at, number) in asked and until is not None and at > until
        roles[number] = PressRole.IN_CALL if is_later else PressRole.BEFORE_PROMPT
    for _, number in answers:
        is_same = presses[number].key == presses[answers[-1][1]].key
        roles[number] = PressRole.AGREES if is_same else PressRole.CONTRADICTS
    if answers:
        roles[answers[-1][1]] = PressRole.DECIDES
    return roles


def answer_of(presses: Sequence[Press], roles: Sequence[PressRole]) -> Press | None:
    """The key that answers the prompt; None where another contradicts it, or a time is missing."""
    if PressRole.CONTRADICTS in roles or PressRole.UNTIMED in roles:
        return None
    return next((press for press, role in zip(presses, roles, strict=True) if role is PressRole.DECIDES), None)


def stopped_by(presses: Sequence[Press], roles: Sequence[PressRole]) -> Stopped | None:
    """The first key in the call that ends a recording; None without one."""
    ends = [
        (press.at, str(press.key))
        for press, role in zip(presses, roles, strict=True)
        if role is PressRole.IN_CALL and press.at is not None and press.key in STOPPED_BY
    ]
    return Stopped(min(ends)[1], min(ends)[0]) if ends else None


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
    if not _is_of_call(claim, claim.key_at) or claim.key_at > now + CLOCK_TOLERANCE:
        return None
    if _judge_route(claim) or _judge_prompt(claim._replace(prompt_completed=True), prompts):
        return None
    return str(claim.prompt)


def _judge_route(claim: Claim) -> Decision | None:
    return None if claim.direction == "inbound" else Decision.no("scope.only", "outbound")


def has_said_no(claim: Claim) -> bool:
    """Whether somebody said no to the recording: key 2 at the question, a key that ended it, or a grant of false."""
    return claim.key == DECLINED or claim.stopped is not None or claim.granted is False


def _judge_key(claim: Claim, prompts: Mapping[str, Prompt]) -> Decision | None:
    """Refuse what is no key of consent; only its prompt says what a key means, so an unknown prompt is refused next."""
    prompt = prompts.get(claim.prompt) if isinstance(claim.prompt, str) else None
    named = isinstance(claim.prompt, str) and prompt is None
    offered = frozenset(prompt.offered) if prompt is not None else frozenset(OFFERABLE if named else "1")
    if not isinstance(claim.key, str) or claim.key not in offered or claim.stopped is not None:
        return Decision.no("consent.press2", "no_consent")
    if claim.granted is not None and claim.granted is not True:
        return Decision.no("consent.press2", "no_consent")
    if claim.key_at is None:
        return Decision.no("consent.basis", "no_consent")
    if not _is_of_call(claim, claim.key_at):
        return Decision.no("consent.press1", "no_consent")
    return None


def _is_of_call(claim: Claim, key_at: datetime) -> bool:
    """Whether key and sound are of one call: by clocks an hour apart, sound from before the key would be kept."""
    is_near = claim.started_at - key_at <= CONSENT_LEAD
    return is_near and claim.call.include(key_at) and claim.call.include(claim.started_at)


def wrong_part(claim: Claim) -> str | None:
    """The field of a refused claim that is missing or contradicts the others; None where the evidence is whole."""
    parts = {"key": claim.key, "at": claim.key_at, "prompt": claim.prompt, "prompt_completed": claim.prompt_completed}
    lacking = next((f"consent.{part}" for part, value in parts.items() if value is None), None)
    if lacking is not None or claim.key_at is None:
        return lacking
    if claim.granted is not None and claim.granted is not True and claim.key not in STOPPED_BY:
        return "consent.granted"
    if not claim.call.include(claim.key_at):
        return "consent.at"
    return None if claim.call.include(claim.started_at) else "started_at"


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
