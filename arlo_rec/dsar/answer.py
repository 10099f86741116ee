"""What an access request is answered with (GDPR 15), as nouns. `dsar` fills them, `package` makes them readable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Case:
    """One request: when it came, until when it must be answered, and how identity was checked."""

    id: str
    state: str
    received_at: datetime
    due_on: date
    identity: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessTold:
    """One look at a recording: never the name of staff, only the role."""

    at: datetime
    action: str  # find, export, dsar: a code that `letter_texts` words
    purpose: str | None  # training, quality, or None for an access request
    role: str


@dataclass(frozen=True, slots=True)
class GrantTold:
    """Who could have listened, by role, in which time and for which purpose."""

    purpose: str
    role: str
    starts_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class CopyTold:
    """A training copy of a recording: pseudonymised, and still personal data."""

    made_at: datetime
    state: str  # needs_review, ready, released: a code that `letter_texts` words


@dataclass(frozen=True, slots=True)
class RecordingTold:
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
    copies: tuple[CopyTold, ...]
    accesses: tuple[AccessTold, ...]  # to it and to its copies
    grants: tuple[GrantTold, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer."""

    case: Case
    answered_at: datetime
    identifiers: tuple[str, ...] = field(repr=False)
    recordings: tuple[RecordingTold, ...]
    whole_call_reason: str | None
    policy_version: str
    log_vkey: str
