"""What an access request is answered with (GDPR 15), as frozen values without behaviour.

`request` fills them from the store, `letter` and `package` make them readable; every field stands in `data.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum


class CaseState(StrEnum):
    """Where a case is."""

    OPEN = "open"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Case:
    """One request: when it came, until when it must be answered, and how identity was checked."""

    id: str
    state: str
    received_at: datetime
    due_on: date
    identity: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordedAccess:
    """An access to a recording that the log knows: never the name of staff, only the role."""

    at: datetime
    action: str  # find, export, dsar ...: a code whose words stand in `letter.json`
    purpose: str | None  # training, quality, or None for an access request
    role: str


@dataclass(frozen=True, slots=True)
class PossibleAccess:
    """Who could have listened, by role, in which time and for which purpose."""

    purpose: str
    role: str
    starts_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """A training copy of a recording: pseudonymised, and still personal data."""

    made_at: datetime
    state: str  # needs_review, ready, released: the letter has a sentence for each


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """One recording with all that is known about it."""

    id: str
    started_at: datetime
    duration_s: float
    team: str
    purposes: tuple[str, ...]  # those that the prompt named
    consent_at: datetime
    prompt_version: str
    prompt_text: str = field(repr=False)
    prompt_sha256: str
    number: str | None = field(repr=False)
    reference: str = field(repr=False)  # the exchange's id of the call
    identifiers: tuple[str, ...] = field(repr=False)  # what the company had noted about the caller
    erased_on: datetime
    sound: bytes | None = field(repr=False)  # WAV, 16-bit PCM; None where it is withheld
    own_speech: bool  # the other channel is exact digital zero
    withheld: str | None  # code of why sound is missing: "mono", "roles_unknown"
    copies: tuple[CopyFacts, ...]
    accesses: tuple[RecordedAccess, ...]  # to it and to its copies
    grants: tuple[PossibleAccess, ...]

    @property
    def ended_at(self) -> datetime:
        """When the recording ended."""
        return self.started_at + timedelta(seconds=self.duration_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer."""

    case: Case
    answered_at: datetime
    identifiers: tuple[str, ...] = field(repr=False)
    recordings: tuple[RecordingFacts, ...]
    whole_call_reason: str | None
    policy_version: str
    log_vkey: str
