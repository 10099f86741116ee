"""The content of the answer to an access request (GDPR 15), as frozen values.

`request` fills them from the store, `letter` and `package` present them; `data.json` has every field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.policy_versions import ENTRIES_DAYS
from arlo_rec.policy import RETENTION


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """How it was checked that an identifier is the person's."""

    of: str = field(repr=False)  # the number, reference or name
    way: str = field(repr=False)  # one of `rights.IDENTITY_WAYS`, or the officer's own words


@dataclass(frozen=True, slots=True)
class Case:
    """An access request: its receipt, its deadline, and how the person's identity was checked.

    `identity` has a statement for each part of the request: one of `rights.IDENTITY_WAYS`, or the officer's own words.
    """

    id: str
    state: str
    received_at: datetime
    due_on: date
    identity: tuple[str, ...] = field(repr=False)
    stood_still_days: int = 0  # for which the deadline stood still, because identity was being checked
    extension: str | None = None  # why the deadline was extended, in the officer's words
    checks: tuple[IdentityCheck, ...] = field(default=(), repr=False)  # of each identifier


@dataclass(frozen=True, slots=True)
class RecordedAccess:
    """An access to a recording by its log entry: with the role of the person, never the name."""

    at: datetime
    action: str  # find, export, dsar, dsar_other ...: a code with a sentence in `letter.json`
    purpose: str | None  # training, quality, or None for an access request
    role: str
    of_another: bool = False  # for another person's access request, of which only the day is told
    certain: bool = True  # False: the person in the entry did not sign it, so that it is told as possible


@dataclass(frozen=True, slots=True)
class PossibleAccess:
    """A grant under which a recording could have been opened: role, time, purpose, and the right to save it."""

    purpose: str
    role: str
    starts_at: datetime
    until: datetime
    may_export: bool  # whether the sound could be saved as a file


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """A training copy of a recording, which is pseudonymised and still personal data."""

    made_at: datetime
    state: str  # needs_review, ready, released: the letter has a sentence for each
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExportFacts:
    """A file that staff saved outside the recording system, and when its deletion was confirmed."""

    at: datetime
    kind: str  # recording, copy (for training), answer (an earlier one): words of the letter
    role: str  # of the person who saved it, never the name
    confirmed_at: datetime | None  # None if its deletion is not confirmed


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A hold on a recording, which keeps it until then and closes it to both purposes."""

    ground: str | None  # a code with a sentence in `letter.json`; None: it is for another person
    until: datetime
    withdrawn: bool = False  # the consent, since: the person asked that it be kept


@dataclass(frozen=True, slots=True)
class ErasedSince:
    """A recording that was held at the request and is erased by now: when, why, and the accesses until then.

    `erased_at` is None if retention has ended and the next purge is about to erase it.
    """

    id: str
    taken_in_at: datetime
    erased_at: datetime | None
    why: str  # withdrawn, expired, objection, or other: a code with a sentence in `letter.json`
    accesses: tuple[RecordedAccess, ...] = ()  # to it and to its copies
    exports: tuple[ExportFacts, ...] = ()  # sound files of it and of its copies, oldest first


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of the person concerned, with their place in the recording; never another person's."""

    starts_s: float
    ends_s: float
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SaidAbout:
    """Words of the employee about the caller, chosen by an officer (CJEU C-434/16), with their place."""

    starts_s: float
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsure:
    """A stretch of an enclosed sound that is silent because it is not clear who speaks there."""

    starts_s: float
    ends_s: float


@dataclass(frozen=True, slots=True)
class PastWithdrawal:
    """A withdrawal of the caller: how many recordings it erased, and until when a code is kept of it.

    Accesses and exports are those of its recordings that are not among `Answer.erased_since`.
    """

    at: datetime
    erased: int
    kept_until: datetime
    code_of: str = "number"  # the source of the code: the number, or the `reference` of a call
    accesses: tuple[RecordedAccess, ...] = ()  # to its recordings and their copies
    exports: tuple[ExportFacts, ...] = ()  # sound files of these, oldest first


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """A recording with everything that the store knows about it."""

    id: str
    started_at: datetime
    duration_s: float
    team: str
    purposes: tuple[str, ...]  # that the caller consented to
    consent_at: datetime | None  # the caller's key press; None in the answer to an employee
    prompt_version: str
    prompt_lang: str
    prompt_text: str = field(repr=False)
    prompt_sha256: str
    policy_version: str  # in force at the key press
    number: str | None = field(repr=False)
    reference: str = field(repr=False)  # the exchange's id of the call
    identifiers: tuple[str, ...] = field(repr=False)  # came with it from the telephone system; an employee's name first
    erased_on: datetime
    own_speech: bool  # only the person's words: one channel as MP3, the other channel exact digital zero as WAV
    withheld: str | None  # code of why sound is missing: "mono", "roles_unknown", "damaged"
    copies: tuple[CopyFacts, ...]
    accesses: tuple[RecordedAccess, ...]  # to it and to its copies
    grants: tuple[PossibleAccess, ...]  # to the recording itself
    copy_grants: tuple[PossibleAccess, ...]  # to its copies that were given to training
    exports: tuple[ExportFacts, ...] = ()  # sound files of it and of its copies, oldest first
    hold: HoldFacts | None = None  # until its end it opens for no purpose, and is not erased
    transcript_held: bool = False  # whether there is a transcript of the call, also one that does not say who speaks
    transcript: tuple[Utterance, ...] = field(default=(), repr=False)  # own words; empty where none can be told apart
    said_about: tuple[SaidAbout, ...] = field(default=(), repr=False)  # by the employee about the caller; as text
    unsure: tuple[Unsure, ...] | None = None  # of a single track, on which others are silent; None: no such sound
    peaks: tuple[int, ...] = field(default=(), repr=False)  # 0..99: how loud the enclosed sound is, from left to right
    consent_key: str | None = None  # that the caller pressed; None in the answer to an employee

    def consented_at(self) -> datetime:
        """The time at which the caller pressed the key of consent; raises ValueError in the answer to an employee."""
        if self.consent_at is None:
            raise ValueError("the consent is the caller's")
        return self.consent_at

    @property
    def ended_at(self) -> datetime:
        """The time at which the recording ended."""
        return self.started_at + timedelta(seconds=self.duration_s)


@dataclass(frozen=True, slots=True)
class DamagedRecording:
    """A recording that cannot be given, because its row was changed or its metadata is damaged.

    Accesses to it are in the log, and are told all the same.
    """

    id: str
    started_at: datetime  # by its row, which may be changed
    erased_on: datetime  # no later than that
    problem: str  # a code: "recording_changed", "metadata_damaged" ...
    purposes: tuple[str, ...] = ()
    copies: tuple[CopyFacts, ...] = ()
    accesses: tuple[RecordedAccess, ...] = ()
    grants: tuple[PossibleAccess, ...] = ()
    copy_grants: tuple[PossibleAccess, ...] = ()
    exports: tuple[ExportFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class NotTakenIn:
    """A call in the telephone system's folder that is no recording."""

    at: datetime  # when it began, or when it was delivered
    refused_as: str  # "unasked", "stopped", "faulty", "no_sound" or "waits"
    gone_by: datetime  # when its files are removed at the latest


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of all held recordings that the person asks for; every given condition must hold."""

    calls: tuple[str, ...] = field(default=(), repr=False)  # ids of recordings, and references of the exchange
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ObjectionFacts:
    """An employee's objection to one use of their calls, as it stands."""

    objected_to: str  # recording, quality, training: the letter has words for each
    state: str  # pending, upheld, rejected, lifted: the letter has a sentence for each
    received_on: date
    due_on: date | None  # of the decision; None once it is made
    at: datetime  # when it was entered or decided
    reason: str | None = field(default=None, repr=False)  # of the decision, in the officer's words


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer."""

    case: Case
    answered_at: datetime
    identifiers: tuple[str, ...] = field(repr=False)
    recordings: tuple[RecordingFacts, ...]
    damaged: tuple[DamagedRecording, ...]  # that are not among `recordings`
    scope: Scope | None  # None: everything that is held
    outside_scope: int  # held recordings that the person did not ask for
    sound_format: str  # "mp3" or "wav"; one that has no MP3 is given as WAV
    withdrawals: tuple[PastWithdrawal, ...]
    backup_hours: int | None  # for which a backup can still open erased recordings; None without a backup
    whole_call_reason: str | None
    particulars: Particulars
    policy_version: str
    log_vkey: str
    erased_since: tuple[ErasedSince, ...] = ()
    side: str = "caller"  # the person's in the calls; "agent" of an employee
    retention_days: int = RETENTION.days  # after which a recording is deleted, by the policy of the answer
    entries_days: int = ENTRIES_DAYS  # after which the log no longer tells who searched, saw and heard
    objections: tuple[ObjectionFacts, ...] = ()  # of an employee, by each of their names
    withheld_reason: str | None = None  # why sounds that are not separated are refused; None: they are not
    not_taken_in: tuple[NotTakenIn, ...] = ()  # calls that the telephone system delivered, and that were not taken in
    spool_read: bool = True  # whether every folder that it delivers to could be read
