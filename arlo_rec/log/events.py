"""Every kind of log entry as a type with its fields; the log is written, replayed, shown and verified by these types.

`read` returns the event of an entry. Subclasses of `TakesIn` hold the digest of the row of a recording that was taken
in, subclasses of `Erases` the ids that were erased; all other events leave every recording as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from arlo_rec.log.event import AuditEvent, form_of
from arlo_rec.log.rows import Applied, CopyState, MadeCopy, Rows
from arlo_rec.model.records import RecordingId
from arlo_rec.model.spans import Span
from arlo_rec.policy import Action, Purpose, Role, may

Ids = tuple[RecordingId, ...]
_MAKING = frozenset({Action.PSEUDONYMISE, Action.REVIEW, Action.REVIEW_LISTEN, Action.RELEASE})  # of a training copy


class Forgettable(AuditEvent):
    """What somebody looked for, saw, heard, asked for or was refused: the store is no other for it.

    What such an entry tells is forgotten when the policy says so (`erasure.old_entries`); all others are kept.
    """


class Opens(AuditEvent):
    """Recordings are about to be opened, and a copy of them may leave the store (`leaves`)."""

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """It counts always: a false entry would say only that its own signer has a copy."""
        return True

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        if self.leaves is not None:
            rows.disclose(entry, self.leaves)


# -- refusals and failures ----------------------------------------------------------------------------


class Denied(Forgettable):
    """An action was denied by a rule; what was asked for, as far as the log may keep it."""

    OUTCOME = "denied"
    action: str
    rule: str
    code: str
    purpose: str | None = None
    reason: str | None = None
    recordings: Ids = ()
    asked: str | None = None  # the id that was asked for, or its length
    to: str | None = None  # the person whom a grant was meant for
    due: int | None = None  # the number of recordings that a purge would have erased
    source: str | None = None  # the blind index of a call's source id


class Failed(Forgettable):
    """An allowed action failed."""

    OUTCOME = "failed"
    action: str
    rule: str
    code: str


# -- identities and keys ------------------------------------------------------------------------------


class ChangesPeople(AuditEvent):
    """The roster's identities changed; `people` is the digest of the present and former identities afterwards."""

    OUTCOME = "done"
    RIGHT = Action.PEOPLE
    RULE = "access.officer"
    people: str


class Initialised(ChangesPeople):
    """A store was made."""

    ACTION = "init"
    officer: str


class PersonAdded(ChangesPeople):
    """A person or service was added."""

    ACTION = "person add"
    added: str
    role: str


class OfficerProposed(AuditEvent):
    """An officer adds another, who waits (`waits`, an id) for a second officer, or for one more."""

    ACTION, OUTCOME, RULE = "person propose", "done", "access.officer"
    RIGHT = Action.PEOPLE
    proposed: str
    waits: str


class OfficerDenied(AuditEvent):
    """A second officer denied whom another added as an officer, and said why."""

    ACTION, OUTCOME, RULE = "person propose", "done", "access.officer"
    RIGHT = Action.PEOPLE
    proposed: str
    why: str


class PersonRemoved(ChangesPeople):
    """A person or service was removed."""

    ACTION = "person remove"
    removed: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.void_keys(self.removed, renewed=False)


class PersonReset(ChangesPeople):
    """A person or service got new keys; the old ones are void."""

    ACTION = "person reset"
    person: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.void_keys(self.person, renewed=True)


class PersonLogin(ChangesPeople):
    """From now on a person comes to the door from another login account."""

    ACTION = "person login"
    person: str
    login: str


class AuthorityChanged(AuditEvent):
    """A link was added to the chain of authority: roster, policy or settings are others from now on."""

    ACTION, OUTCOME, RULE = "authority", "done", "access.officer"
    RIGHT = Action.PEOPLE
    link: int
    digest: str


class PassphraseChanged(AuditEvent):
    """A person changed their own passphrase."""

    ACTION, OUTCOME, RULE = "passphrase", "done", "security.password"


class Unlocked(Forgettable):
    """A person's keys are kept in the kernel for their session until `until`: no passphrase is asked for meanwhile.

    Purpose and reason are those that commands of this time have where none was typed.
    """

    ACTION, OUTCOME, RULE = "unlock", "allowed", "security.password"
    until: str
    purpose: str | None = None
    reason: str | None = None


class Locked(Forgettable):
    """A person ended their own unlock, which would have run until `until`."""

    ACTION, OUTCOME, RULE = "lock", "done", "security.password"
    until: str


class CatalogueRekeyed(AuditEvent):
    """The catalogue and the log got new keys."""

    ACTION, OUTCOME, RULE = "rekey", "done", "access.secure"


class UnlockFailed(Forgettable):
    """An unlock failed, at `at`, under the claimed name `name`, from the login account `login`.

    The entry's person is who took the note in: nobody who failed to unlock has signed anything.
    """

    ACTION, OUTCOME, RULE = "unlock", "denied", "security.unauthorised"
    at: str
    name: str
    login: str


class UnlockNoteUnreadable(Forgettable):
    """The note of a failed unlock could not be read."""

    ACTION, OUTCOME, RULE = "unlock", "denied", "security.unauthorised"
    code: str = "attempt_unreadable"


class UnlockNotesCut(AuditEvent):
    """The file of failed unlocks became shorter, or was written to and did not become longer: notes may be gone."""

    ACTION, OUTCOME, RULE = "unlock", "failed", "security.unauthorised"
    code: str = "attempts_cut"


# -- access -------------------------------------------------------------------------------------------


class _OfGrant(AuditEvent):
    """A grant, as it is afterwards."""

    OUTCOME, RULE = "done", "access.managers"
    RIGHT = Action.GRANT
    purpose: str
    reason: str
    grant: str
    to: str
    teams: Sequence[str] | None  # None: all
    until: str
    state: str
    limits: Mapping[str, Any] | None = None  # None: none
    glass: bool | None = None  # True: in an emergency


class GrantGiven(_OfGrant):
    """A grant was given; `own` where an officer gives it to herself, as far as can be known."""

    ACTION = "grant"
    own: bool
    request: str | None = None  # that it answers


class GrantApproved(_OfGrant):
    """A second officer approved a grant that waited for one."""

    ACTION = "approve"


class GrantDenied(_OfGrant):
    """A second officer denied a grant that waited for one, and said why."""

    ACTION = "deny"
    why: str


class GrantConfirmed(_OfGrant):
    """An officer confirmed, in the quarter's review, that a grant is still needed."""

    ACTION = "confirm_grant"


class GlassAgreed(AuditEvent):
    """Somebody knows of an officer's own access in an emergency: of the grant `glass`, for `to`."""

    ACTION, OUTCOME, RULE = Action.BREAK_GLASS, "done", "access.officer"
    glass: str
    to: str


class AccessRequested(Forgettable):
    """A manager asks for access of their own, which nobody gave yet."""

    ACTION, OUTCOME, RULE = Action.REQUEST, "done", "access.managers"
    purpose: str
    reason: str
    request: str  # random, so that no two entries are alike: an entry's digest is the id of what it asks for
    teams: Sequence[str] | None  # None: all
    until: str
    limits: Mapping[str, Any] | None = None


class PolicyProposed(AuditEvent):
    """An officer proposes another version of the policy, which is in force for nobody yet."""

    ACTION, OUTCOME, RULE = "policy propose", "done", "purpose.change"
    RIGHT = Action.POLICY
    request: str  # random, as that of AccessRequested
    version: str
    base: str  # SHA-256 of the policy that it changes
    document: Mapping[str, Any]


class PolicyApproved(AuditEvent):
    """An officer approved a proposed version of the policy."""

    ACTION, OUTCOME, RULE = "policy approve", "done", "purpose.change"
    RIGHT = Action.POLICY
    request: str
    version: str
    since: str  # in force from then on

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.approve_policy()


class PolicyDenied(AuditEvent):
    """An officer denied a proposed version of the policy, or took her own back, and said why."""

    ACTION, OUTCOME, RULE = "policy deny", "done", "purpose.change"
    RIGHT = Action.POLICY
    request: str
    version: str
    why: str


class PolicyPublished(AuditEvent):
    """The pages of a version of the policy are signed, each with this digest of what stands in it; no file lies yet."""

    ACTION, OUTCOME, RULE = "policy publish", "done", "info.published"
    RIGHT = Action.POLICY
    version: str
    pages: Mapping[str, Any]  # SHA-256 in hex of what the certificate of a page is over, by the name of its file


class RequestDenied(Forgettable):
    """An officer denied what somebody asked for, and said why."""

    ACTION, OUTCOME, RULE = "deny", "done", "access.managers"
    RIGHT = Action.GRANT
    request: str
    to: str
    why: str


class GrantRevoked(_OfGrant):
    """A grant was revoked."""

    ACTION = "revoke"


class GrantsExpired(AuditEvent):
    """Grants of these people expired, and the keys they had were taken back."""

    ACTION, OUTCOME, RULE = "expire", "done", "access.managers"
    RIGHT = Action.PURGE
    expired: Sequence[str]


class SearchBegun(Forgettable):
    """A search begins; its criteria, logged before anything is read."""

    ACTION, OUTCOME, RULE = Action.FIND, "allowed", "security.reason"
    purpose: str
    reason: str
    criteria: Mapping[str, Any]


class SearchShown(Forgettable):
    """The results of a search, logged before they are shown."""

    ACTION, OUTCOME, RULE = Action.FIND, "allowed", "security.reason"
    purpose: str
    reason: str
    recordings: Ids
    shown: int

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        return Action.FIND, self.purpose


class Opened(Opens, Forgettable):
    """A recording, or a copy of it, is about to be played or exported."""

    OUTCOME = "allowed"
    action: str
    rule: str
    recordings: Ids
    purpose: str | None = None
    reason: str | None = None

    @property
    def leaves(self) -> str | None:
        """See `AuditEvent`."""
        return "export" if self.action == Action.EXPORT and self.recordings else None

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        if self.action in _MAKING:  # the log names no purpose for these
            return self.action, Purpose.TRAINING
        return (self.action, self.purpose) if self.action in {Action.EXPORT, Action.LISTEN} else None


class Heard(Forgettable):
    """How much was heard of what the entry `of` opened: seconds that were played, by what the page or the player said,
    and seconds that left.
    """

    ACTION, OUTCOME, RULE = Action.LISTEN, "done", "security.monitored"
    of: int
    heard_s: int
    given_s: int


class DeletionConfirmed(AuditEvent):
    """The disclosure of the log entry `of`, made by `by`, is confirmed as deleted."""

    ACTION, OUTCOME, RULE = Action.CONFIRM_DELETED, "done", "consent.withdraw"
    of: int
    by: str

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """It counts where it is of an officer, or of the person who took the copy."""
        return role is Role.OFFICER or rows.taker(self.of) == entry.person

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.confirm_deleted(self.of)


class LeftNothing(AuditEvent):
    """No file came into being of the copy that the entry `of` let go: it is no disclosure."""

    ACTION, OUTCOME, RULE = "handed out", "failed", "consent.withdraw"
    of: int

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """It counts where it is of the person who took the copy."""
        return rows.taker(self.of) == entry.person

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.leave_nothing(self.of)


class LogShown(Forgettable):
    """The log was read."""

    ACTION, OUTCOME, RULE = Action.AUDIT_SHOW, "allowed", "security.monitored"


class ConsentShown(Forgettable):
    """The record of the consent to a recording is about to be shown."""

    ACTION, OUTCOME, RULE = "consent", "allowed", "consent.basis"
    RIGHT = Action.DSAR
    recordings: Ids

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        return "consent_shown", "consent"


# -- intake and erasure -------------------------------------------------------------------------------


class TakesIn(AuditEvent):
    """A recording is held from now on; `sworn` is `Recording.row_digest`."""

    recordings: Ids
    sworn: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.take_in(self.recordings)


class CallTakenIn(TakesIn):
    """A call with a proven consent was taken in: after which `prompt`, and in which `week` the key was pressed.

    A call can be delivered weeks later, so the entry's own time does not say that.
    """

    ACTION, OUTCOME, RULE = Action.INGEST, "allowed", "consent.press1"
    prompt: str | None = None
    week: str | None = None  # of ISO 8601, in the policy's zone


class CallDeclined(AuditEvent):
    """A caller said no with key 2, after that `prompt` and in that `week`; once for each call that was delivered.

    It names no call, because nothing of one is kept: the refusal itself is a `Denied`, which can be forgotten.
    """

    ACTION, OUTCOME, RULE = "decline", "done", "consent.press2"
    RIGHT = Action.INGEST
    prompt: str
    week: str


class CopyMade(TakesIn):
    """A training copy was made of `parent`, in the place of the copy `replaces` where it was edited or released.

    `revision` counts from 1 with each edit; `first` is the id of the first one, where this is a later one.
    """

    ACTION, OUTCOME, RULE = Action.PSEUDONYMISE, "done", "data.pseudonymised"
    parent: str
    state: str
    revision: int = 1
    replaces: str | None = None
    first: str | None = None

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        made_from = RecordingId(bytes.fromhex(self.replaces)) if self.replaces is not None else None
        first = RecordingId(bytes.fromhex(self.first)) if self.first is not None else None
        parent, state = RecordingId(bytes.fromhex(self.parent)), CopyState(self.state)
        rows.take_in(self.recordings)
        rows.make_copy(entry, MadeCopy(entry.person, entry.at, parent, state, made_from, first, self.revision))


class RefusedRemoved(AuditEvent):
    """The files of a refused call were removed on request."""

    ACTION, OUTCOME = Action.INGEST, "done"
    rule: str
    code: str
    source: str | None = None
    step: str = "removed"


class Erases(AuditEvent):
    """Recordings were erased."""

    OUTCOME = "done"
    rule: str
    recordings: Ids = ()

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.erase(entry)


class Withdrawn(Erases):
    """A consent was withdrawn; `tombstones` is the digest of the tombstones that refuse late deliveries."""

    ACTION = Action.WITHDRAW
    count: int
    tombstones: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.erase(entry, self.tombstones)


class WithdrawalShown(Forgettable):
    """The plan of a withdrawal was shown, whether it was carried out or not."""

    ACTION, OUTCOME = Action.WITHDRAW, "allowed"
    rule: str
    recordings: Ids
    shown: int

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        return "withdraw_shown", "withdrawal"  # a letter would word `withdraw` as done


class Purged(Erases):
    """Recordings past retention were erased."""

    ACTION = Action.PURGE
    count: int


class PurgeFinished(AuditEvent):
    """A purge finished with no recording left that is due."""

    ACTION, OUTCOME, RULE = Action.PURGE, "done", "retention.90d"
    mark: bool = True


class EntriesForgotten(AuditEvent):
    """What old entries told of what people did was deleted, as the policy says; their leaves are kept.

    All of them came before the finished purge of entry *before*, which is older than *days*.
    """

    ACTION, OUTCOME, RULE = "forget", "done", "data.employee"
    RIGHT = Action.PURGE
    before: int
    days: int
    entries: Sequence[tuple[int, int]]  # the first and the last number of each run of them

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.forget_entries(entry, self.days)


class ClockAccepted(AuditEvent):
    """An officer accepted a clock that is behind the log: entries before `before`, this one's number, count no more.

    `newest` is the time of the newest entry until then.
    """

    ACTION, OUTCOME, RULE = Action.CLOCK, "done", "retention.90d"
    reason: str
    before: int
    newest: str


# -- training copies ----------------------------------------------------------------------------------


class CopyErased(Erases):
    """A copy under review of `parent` was erased: changed, released under another id, or rejected (`action`)."""

    ACTIONS: ClassVar[tuple[str, ...]] = (Action.REVIEW, Action.RELEASE, Action.REJECT)
    action: str
    parent: str
    why: str


class CopyShown(Forgettable):
    """A reviewer is shown the cut list of a copy: the number of its cuts."""

    ACTION, OUTCOME, RULE = Action.REVIEW, "allowed", "data.pseudonymised"
    recordings: Ids
    shown: int


class HeardInReview(Forgettable):
    """What a reviewer heard on a page of what the entry `of` opened, up to now: `spans`, in hundredths of a second.

    `heard_s` and `given_s` as of `Heard`. The last such entry of an `of` counts.
    """

    ACTION, OUTCOME, RULE = Action.REVIEW_LISTEN, "done", "security.monitored"
    recordings: Ids
    of: int
    heard_s: int
    given_s: int
    spans: Sequence[tuple[int, int]]

    def heard_spans(self) -> list[Span]:
        """The parts, in seconds; none where they are not to be read."""
        try:
            return [(begin / 100, end / 100) for begin, end in self.spans]
        except (TypeError, ValueError):
            return []


class CopyConfirmed(AuditEvent):
    """The cut list of a copy was confirmed; with a reason where cuts were not decided or parts not heard."""

    ACTION, OUTCOME, RULE = Action.REVIEW, "allowed", "data.pseudonymised"
    recordings: Ids
    confirmed: bool = True
    reason: str | None = None
    undecided: int | None = None
    unheard: int | None = None

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        return Action.REVIEW, Purpose.TRAINING

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.review_copies(entry)


class CopyReleased(AuditEvent):
    """A confirmed copy was released to training."""

    ACTION, OUTCOME, RULE = Action.RELEASE, "allowed", "data.pseudonymised"
    recordings: Ids
    heard_again: bool

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        return Action.RELEASE, Purpose.TRAINING


# -- employees ----------------------------------------------------------------------------------------


class NoticeShown(AuditEvent):
    """These people were shown a privacy notice on that day (`shown`), as that version of the policy has it."""

    ACTION, OUTCOME, RULE = "notify", "done", "info.employees"
    RIGHT = Action.PEOPLE
    people: Sequence[str]
    notice: str
    version: str
    shown: str


class NamesCompared(Forgettable):
    """An officer is about to be shown who answered calls and was shown no notice: `named`, of so many calls' names."""

    ACTION, OUTCOME, RULE = "notify", "allowed", "info.employees"
    RIGHT = Action.PEOPLE
    notice: str
    named: int


class ObjectionUpheld(Erases):
    """The objection of an employee (`agent`) to training copies was upheld, and the copies of their calls erased."""

    ACTION = Action.OBJECTION
    request: str
    agent: str
    reason: str


class ObjectionEnded(AuditEvent):
    """An objection was rejected, or one that was upheld was lifted (`decision`)."""

    ACTION, OUTCOME, RULE = Action.OBJECTION, "done", "data.employee"
    request: str
    agent: str
    decision: str
    reason: str


# -- access requests ----------------------------------------------------------------------------------


class OfCase(AuditEvent):
    """Something was done in the case of an access request."""

    OUTCOME, RULE = "done", "access.subject"
    case: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.follow_case(entry, self)


class CaseOpened(OfCase):
    """A case was opened for an access request that was received at that instant and is due on that day.

    `stood_still` is the number of days that the check of the person's identity took.
    """

    ACTION = Action.DSAR
    sworn: str  # the digest of the row of its first part
    received: str
    due: str
    stood_still: int

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.follow_case(entry, self, self.sworn)


class CaseWidened(OfCase):
    """A part with further identifiers of the same person was added to a case; `sworn` is the digest of its row."""

    ACTION = Action.DSAR
    sworn: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.follow_case(entry, self, self.sworn)


class CaseHolds(OfCase):
    """The recordings that were held when a case was opened or widened: what is erased later is still answered for."""

    ACTION = Action.DSAR
    recordings: Ids
    held: int


class AnswerSigned(AuditEvent):
    """The content of an answer is written, and its certificate will prove this entry; its file has no name yet.

    `sha256` and `bytes` are those of the file without its certificate, `of` is the entry that let recordings be opened.
    """

    ACTION, OUTCOME, RULE = Action.DSAR, "allowed", "access.subject"
    case: str
    sha256: str
    bytes: int
    of: int | None = None
    step: str = "signed"


class CaseAnswered(OfCase):
    """The answer to a case was written; the digest is that of its file.

    `of` is the entry that let its recordings be opened.
    """

    ACTION = Action.DSAR
    sha256: str
    of: int | None = None
    step: str = "answered"
    damaged: Sequence[str] | None = None  # ids


class CaseExtended(OfCase):
    """The deadline of a case was extended to `due`, for a reason that the person is told."""

    ACTION = Action.DSAR
    reason: str
    due: str
    extended: bool = True


class CaseRefused(OfCase):
    """A request was refused, for a reason that the person is told."""

    ACTION = Action.DSAR
    reason: str
    refused: bool = True


class CaseClosed(OfCase):
    """A case was closed: its answer was handed over, or, for a reason, none is to be given."""

    ACTION = Action.DSAR
    reason: str | None = None
    closed: bool = True


class CasesEnded(AuditEvent):
    """Cases ended, and what was kept of them was deleted."""

    ACTION, OUTCOME, RULE = Action.PURGE, "done", "access.subject"
    cases: Sequence[str]

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.end_cases(entry, self.cases)


class OpenedForSubject(Opens):
    """Recordings are about to be opened for the person who was recorded: a caller, or an employee (`side`: agent).

    `transcripts` has the ids of copies under review of which the person's own words are read.
    """

    ACTION, OUTCOME, RULE = Action.DSAR, "allowed", "access.subject"
    recordings: Ids
    case: str
    whole_call: bool
    side: str
    reason: str | None = None
    transcripts: Sequence[str] | None = None

    @property
    def leaves(self) -> str | None:
        """See `AuditEvent`."""
        return "package" if self.recordings else None

    @property
    def access(self) -> tuple[str, str | None] | None:
        """See `AuditEvent`."""
        of_employee, whole = "_employee" if self.side == "agent" else "", "_whole" if self.whole_call else ""
        return f"dsar{of_employee}{whole}", None


# -- backup and restore -------------------------------------------------------------------------------


class EscrowRegistered(AuditEvent):
    """An escrow was registered, which every purge empties from now on."""

    ACTION, OUTCOME, RULE = Action.BACKUP, "allowed", "access.secure"
    escrow: str
    folder: str
    ring_hours: int

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.name_escrow(self.escrow)


class BackupMade(AuditEvent):
    """A backup was made."""

    ACTION, OUTCOME, RULE = Action.BACKUP, "done", "access.secure"
    number: int
    held: int
    copied: int | None = None
    damaged: int | None = None


class Restored(ChangesPeople):
    """The store was restored from a backup; `recordings` were taken in after the backup and are lost."""

    ACTION = Action.RESTORE
    since: int  # the number of the first entry that the backup did not have
    replayed: bool
    lost: int
    removed: Sequence[str]
    recordings: Ids = ()

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.restore(entry, self.since)


class ErasedAgain(Erases):
    """Recordings that were erased after the backup, or have no object, were erased in the restored store."""

    ACTION = Action.RESTORE
    erased: int


class RestoredWithoutFeed(AuditEvent):
    """An officer accepted a restored store for which it is unknown what was erased after the backup."""

    ACTION, OUTCOME, RULE = Action.RESTORE, "allowed", "access.officer"
    reason: str


# -- reading ------------------------------------------------------------------------------------------


def read(entry: Mapping[str, Any]) -> AuditEvent | None:
    """The event of an entry; None where this version knows no such kind."""
    kinds = _kinds()
    action, outcome = str(entry.get("action")), str(entry.get("outcome"))
    for kind in (*kinds.get((action, outcome), ()), *kinds.get((None, outcome), ())):
        try:
            return kind.from_json(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return None


@cache
def taking_in() -> frozenset[tuple[str, str]]:
    """Action and outcome of every event that takes a recording in."""
    return _places_of(TakesIn)


@cache
def erasing() -> frozenset[tuple[str, str]]:
    """Action and outcome of every event that erases recordings."""
    return _places_of(Erases)


@cache
def right_to(action: str) -> Action | None:
    """The right that an entry with that action needs, also one that cannot be read; None where no right allows it."""
    for kind in _descendants(AuditEvent):
        if kind.RIGHT is not None and action == kind.ACTION:
            return kind.RIGHT
    return Action(action) if action in frozenset(Action) else None


def may_say(role: Role, action: str) -> bool:
    """Whether an entry with that action counts where somebody of that role signed it."""
    right = right_to(action)
    return right is not None and may(role, right).allowed


def places() -> frozenset[tuple[str | None, str]]:
    """Action (None: any) and outcome of every event."""
    return frozenset(_kinds())


@cache
def _kinds() -> Mapping[tuple[str | None, str], Sequence[type[AuditEvent]]]:
    """The types by action (None: any) and outcome, those with the most fields first."""
    kinds: dict[tuple[str | None, str], list[type[AuditEvent]]] = {}
    for kind in _descendants(AuditEvent):
        for action in getattr(kind, "ACTIONS", (kind.ACTION or None,)):
            if kind.OUTCOME and (kind.ACTION or "action" in kind.__struct_fields__):
                kinds.setdefault((None if action is None else str(action), kind.OUTCOME), []).append(kind)
    return {place: sorted(some, key=lambda kind: -len(form_of(kind).required)) for place, some in kinds.items()}


def _places_of(base: type[AuditEvent]) -> frozenset[tuple[str, str]]:
    wanted = set(_descendants(base))
    return frozenset(
        (action, outcome) for (action, outcome), kinds in _kinds().items() if action and wanted & set(kinds)
    )


def _descendants(base: type[AuditEvent]) -> Sequence[type[AuditEvent]]:
    every = [kind for child in base.__subclasses__() for kind in (child, *_descendants(child))]
    return list(dict.fromkeys(every))
