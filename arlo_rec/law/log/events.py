"""Every kind of log entry as a type with its fields, by which the log is written, replayed, shown and verified.

`read` returns the event of an entry. Subclasses of `TakesIn` hold the row digest of a recording that was taken in,
subclasses of `Erases` the ids that were erased; all other events leave every recording as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from arlo_rec.law.log.event import AuditEvent, content_id, form_of
from arlo_rec.law.log.rows import Applied, CopyState, DisclosureState, MadeCopy, Rows
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.spans import Span
from arlo_rec.law.rights import ObjectionScope, ObjectionState
from arlo_rec.policy import Action, Purpose, Role, may

Ids = tuple[RecordingId, ...]
_MAKING = frozenset({Action.PSEUDONYMISE, Action.REVIEW, Action.REVIEW_LISTEN, Action.RELEASE})  # of a training copy


class Forgettable(AuditEvent):
    """Searches, views, requests and refusals, which change nothing in the store.

    The policy says when their bodies are forgotten (`erasure.old_entries`); all other entries are kept.
    """


class Opens(AuditEvent):
    """Recordings are about to be opened, and a copy of them may leave the store (`leaves`)."""

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """Count always: a false entry would only say that its own signer has a copy."""
        return True

    def apply(self, rows: Rows, entry: Applied) -> None:
        if self.leaves is not None:
            rows.disclose(entry, self.leaves)


# -- refusals and failures ----------------------------------------------------------------------------


class Denied(Forgettable):
    """An action was denied by a rule; with what was asked for, as far as the log may keep it."""

    OUTCOME = "denied"
    action: str
    rule: str
    code: str
    purpose: str | None = None
    reason: str | None = None
    recordings: Ids = ()
    asked: str | None = None  # the asked-for id, or its length
    to: str | None = None  # the intended person of a grant
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
    PERMISSION = Action.PEOPLE
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
    """An officer proposed another as an officer; the proposal (`waits`, an id) needs a second officer."""

    ACTION, OUTCOME, RULE = "person propose", "done", "access.officer"
    PERMISSION = Action.PEOPLE
    proposed: str
    waits: str


class OfficerDenied(AuditEvent):
    """A second officer denied a proposed officer, with a reason."""

    ACTION, OUTCOME, RULE = "person propose", "done", "access.officer"
    PERMISSION = Action.PEOPLE
    proposed: str
    why: str


class PersonRemoved(ChangesPeople):
    """A person or service was removed."""

    ACTION = "person remove"
    removed: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.void_keys(self.removed, renewed=False)


class PersonReset(ChangesPeople):
    """A person or service got new keys; the old ones are void."""

    ACTION = "person reset"
    person: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.void_keys(self.person, renewed=True)


class PersonLogin(ChangesPeople):
    """A person's login account for the door changed."""

    ACTION = "person login"
    person: str
    login: str


class AuthorityChanged(AuditEvent):
    """A link was added to the chain of authority: roster, policy or settings changed."""

    ACTION, OUTCOME, RULE = "authority", "done", "access.officer"
    PERMISSION = Action.PEOPLE
    link: int
    digest: str


class PassphraseChanged(AuditEvent):
    """A person changed their own passphrase."""

    ACTION, OUTCOME, RULE = "passphrase", "done", "security.password"


class Unlocked(Forgettable):
    """A person's keys are kept in the kernel for their session until `until`, without a passphrase meanwhile.

    Purpose and reason are the defaults of commands in this time.
    """

    ACTION, OUTCOME, RULE = "unlock", "allowed", "security.password"
    until: str
    purpose: str | None = None
    reason: str | None = None


class Locked(Forgettable):
    """A person ended their own unlock, which would have lasted until `until`."""

    ACTION, OUTCOME, RULE = "lock", "done", "security.password"
    until: str


class CatalogueRekeyed(AuditEvent):
    """The catalogue and the log got new keys."""

    ACTION, OUTCOME, RULE = "rekey", "done", "access.secure"


class UnlockFailed(Forgettable):
    """An unlock failed, at `at`, under the claimed name `name`, from the login account `login`.

    The entry's person is the one who took the note in: a failed unlock signs nothing.
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
    """The file of failed unlocks became shorter, or was written to without becoming longer: notes may be gone."""

    ACTION, OUTCOME, RULE = "unlock", "failed", "security.unauthorised"
    code: str = "attempts_cut"


# -- access -------------------------------------------------------------------------------------------


class _OfGrant(AuditEvent):
    """A grant in its new state."""

    OUTCOME, RULE = "done", "access.managers"
    PERMISSION = Action.GRANT
    purpose: str
    reason: str
    grant: str
    to: str
    teams: Sequence[str] | None  # None: all
    until: str
    state: str
    limits: Mapping[str, Any] | None = None  # None: no limits
    glass: bool | None = None  # True: emergency access
    may_export: bool | None = None  # True: its person may save sound as a file


class GrantGiven(_OfGrant):
    """A grant was given; `own` if an officer may be giving it to herself."""

    ACTION = "grant"
    own: bool
    request: str | None = None  # the request that it answers


class GrantApproved(_OfGrant):
    """A second officer approved a pending grant."""

    ACTION = "approve"


class GrantDenied(_OfGrant):
    """A second officer denied a pending grant, with a reason."""

    ACTION = "deny"
    why: str


class GrantConfirmed(_OfGrant):
    """An officer confirmed in the quarterly review that a grant is still needed."""

    ACTION = "confirm_grant"


class GlassAgreed(AuditEvent):
    """A manager agreed to an officer's own emergency access: to the grant `glass`, for `to`."""

    ACTION, OUTCOME, RULE = Action.BREAK_GLASS, "done", "access.officer"
    glass: str
    to: str


class AccessRequested(Forgettable):
    """A manager requested access of their own, which is still to be decided."""

    ACTION, OUTCOME, RULE = Action.REQUEST, "done", "access.managers"
    purpose: str
    reason: str
    request: str  # random, so that entries differ: an entry's digest is its request's id
    teams: Sequence[str] | None  # None: all
    until: str
    limits: Mapping[str, Any] | None = None
    may_export: bool | None = None


class PolicyProposed(AuditEvent):
    """An officer proposed another version of the policy, which is not in force yet."""

    ACTION, OUTCOME, RULE = "policy propose", "done", "purpose.change"
    PERMISSION = Action.POLICY
    request: str  # random, as in AccessRequested
    version: str
    base: str  # SHA-256 of the policy that it changes
    document: Mapping[str, Any]


class PolicyApproved(AuditEvent):
    """An officer approved a proposed version of the policy."""

    ACTION, OUTCOME, RULE = "policy approve", "done", "purpose.change"
    PERMISSION = Action.POLICY
    request: str
    version: str
    since: str  # start of its validity

    def apply(self, rows: Rows, entry: Applied) -> None:
        """See `AuditEvent`."""
        rows.approve_policy()


class PolicyDenied(AuditEvent):
    """An officer denied a proposed version of the policy, or withdrew her own, with a reason."""

    ACTION, OUTCOME, RULE = "policy deny", "done", "purpose.change"
    PERMISSION = Action.POLICY
    request: str
    version: str
    why: str


class PolicyPublished(AuditEvent):
    """The pages of a version of the policy are signed, each with the digest of its content; no file is written yet."""

    ACTION, OUTCOME, RULE = "policy publish", "done", "info.published"
    PERMISSION = Action.POLICY
    version: str
    pages: Mapping[str, Any]  # SHA-256 in hex of the content that a page's certificate covers, by file name


class RequestDenied(Forgettable):
    """An officer denied a request, with a reason."""

    ACTION, OUTCOME, RULE = "deny", "done", "access.managers"
    PERMISSION = Action.GRANT
    request: str
    to: str
    why: str


class GrantRevoked(_OfGrant):
    """A grant was revoked."""

    ACTION = "revoke"


class GrantsExpired(AuditEvent):
    """Grants of these people expired, and their keys were withdrawn."""

    ACTION, OUTCOME, RULE = "expire", "done", "access.managers"
    PERMISSION = Action.PURGE
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
        return Action.FIND, self.purpose


class Opened(Opens, Forgettable):
    """A recording or a copy is about to be played or exported."""

    OUTCOME = "allowed"
    action: str
    rule: str
    recordings: Ids
    purpose: str | None = None
    reason: str | None = None

    @property
    def leaves(self) -> str | None:
        return "export" if self.action == Action.EXPORT and self.recordings else None

    @property
    def access(self) -> tuple[str, str | None] | None:
        if self.action in _MAKING:  # the log names no purpose for these
            return self.action, Purpose.TRAINING
        return (self.action, self.purpose) if self.action in {Action.EXPORT, Action.LISTEN} else None


class Heard(Forgettable):
    """Seconds of what the entry `of` opened that were played, by the page or the player, and seconds that left."""

    ACTION, OUTCOME, RULE = Action.LISTEN, "done", "security.monitored"
    of: int
    heard_s: int
    given_s: int


class DeletionConfirmed(AuditEvent):
    """The copy of the disclosure of the log entry `of`, taken by `by`, is confirmed as deleted."""

    ACTION, OUTCOME, RULE = Action.CONFIRM_DELETED, "done", "consent.withdraw"
    of: int
    by: str

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """Count if the signer is an officer, or took the copy."""
        return role is Role.OFFICER or rows.taker(self.of) == entry.person

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.mark_file(self.of, DisclosureState.CONFIRMED)


class LeftNothing(AuditEvent):
    """No file was written of the copy that the entry `of` allowed: there is no disclosure."""

    ACTION, OUTCOME, RULE = "handed out", "failed", "consent.withdraw"
    of: int

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """Count if the signer took the copy."""
        return rows.taker(self.of) == entry.person

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.leave_nothing(self.of)


class LogShown(Forgettable):
    """The log was read."""

    ACTION, OUTCOME, RULE = Action.AUDIT_SHOW, "allowed", "security.monitored"


class ConsentShown(Forgettable):
    """The record of consent to a recording is about to be shown."""

    ACTION, OUTCOME, RULE = "consent", "allowed", "consent.basis"
    PERMISSION = Action.DSAR
    recordings: Ids

    @property
    def access(self) -> tuple[str, str | None] | None:
        return "consent_shown", "consent"


# -- intake and erasure -------------------------------------------------------------------------------


class TakesIn(AuditEvent):
    """A recording is held from now on; `sworn` is `Recording.row_digest`."""

    recordings: Ids
    sworn: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.take_in(self.recordings)


class CallTakenIn(TakesIn):
    """A call with proven consent was taken in; its `prompt`, and the `week` of the key press; its `key`, if not 1.

    `map` is the digest of the map by which its export was read, if it came with no manifest of our own. A call can be
    delivered weeks later, so the entry's own time does not tell the week.
    """

    ACTION, OUTCOME, RULE = Action.INGEST, "allowed", "consent.press1"
    prompt: str | None = None
    week: str | None = None  # of ISO 8601, in the policy's zone
    key: str | None = None  # of consent
    map: str | None = None


class CallDeclined(AuditEvent):
    """A caller declined with key 2, after that `prompt` and in that `week`; once for each delivered call.

    It names no call, because nothing of one is kept: the refusal itself is a `Denied`, which can be forgotten.
    """

    ACTION, OUTCOME, RULE = "decline", "done", "consent.press2"
    PERMISSION = Action.INGEST
    prompt: str
    week: str


class CopyMade(TakesIn):
    """A training copy was made of `parent`; it replaces the copy `replaces` after an edit or a release.

    `revision` counts from 1 with each edit; `first` is the id of the first revision, if this is a later one.
    """

    ACTION, OUTCOME, RULE = Action.PSEUDONYMISE, "done", "data.pseudonymised"
    parent: str
    state: str
    revision: int = 1
    replaces: str | None = None
    first: str | None = None

    def apply(self, rows: Rows, entry: Applied) -> None:
        made_from = RecordingId(bytes.fromhex(self.replaces)) if self.replaces is not None else None
        first = RecordingId(bytes.fromhex(self.first)) if self.first is not None else None
        parent, state = RecordingId(bytes.fromhex(self.parent)), CopyState(self.state)
        rows.take_in(self.recordings)
        rows.make_copy(entry, MadeCopy(entry.person, entry.at, parent, state, made_from, first, self.revision))


class RefusedRemoved(AuditEvent):
    """The files of a refused call were removed, by its code or on request."""

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
        rows.erase(entry)


class Withdrawn(Erases):
    """A consent was withdrawn; `tombstones` is the digest of the tombstones that refuse late deliveries."""

    ACTION = Action.WITHDRAW
    count: int
    tombstones: str
    kept: Sequence[str] | None = None  # ids of recordings on hold, which the person asked to be kept
    of: int | None = None  # the entry of an earlier withdrawal: this one adds later calls to it, and has no receipt
    key: str | None = None  # that the caller pressed at the exchange
    map: str | None = None  # digest of the map that read it

    def apply(self, rows: Rows, entry: Applied) -> None:
        kept = [RecordingId(bytes.fromhex(text)) for text in self.kept or ()]
        rows.erase(entry, self.tombstones, kept, anew=self.of is None)


class WithdrawalShown(Forgettable):
    """The plan of a withdrawal was shown, even if it was not carried out."""

    ACTION, OUTCOME = Action.WITHDRAW, "allowed"
    rule: str
    recordings: Ids
    shown: int

    @property
    def access(self) -> tuple[str, str | None] | None:
        return "withdraw_shown", "withdrawal"  # a letter would report `withdraw` as done


class Purged(Erases):
    """Recordings past retention were erased."""

    ACTION = Action.PURGE
    count: int


class PurgeFinished(AuditEvent):
    """A purge finished with no due recording left."""

    ACTION, OUTCOME, RULE = Action.PURGE, "done", "retention.90d"
    mark: bool = True


class EntriesForgotten(AuditEvent):
    """The bodies of old entries about what people did were deleted, as the policy says; their leaves are kept.

    All of them came before the finished purge of entry *before*, which is older than *days*.
    """

    ACTION, OUTCOME, RULE = "forget", "done", "data.employee"
    PERMISSION = Action.PURGE
    before: int
    days: int
    entries: Sequence[tuple[int, int]]  # first and last number of each run

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.forget_entries(entry, self.days)


class ClockAccepted(AuditEvent):
    """An officer accepted a clock behind the log: entries before `before`, this one's number, no longer count as time.

    `newest` is the time of the newest entry until then.
    """

    ACTION, OUTCOME, RULE = Action.CLOCK, "done", "retention.90d"
    reason: str
    before: int
    newest: str


# -- training copies ----------------------------------------------------------------------------------


class CopyErased(Erases):
    """A copy under review of `parent` was erased: edited, released under another id, or rejected (`action`)."""

    ACTIONS: ClassVar[tuple[str, ...]] = (Action.REVIEW, Action.RELEASE, Action.REJECT)
    action: str
    parent: str
    why: str


class CopyShown(Forgettable):
    """The cut list of a copy is shown to a reviewer; `shown` is the number of its cuts."""

    ACTION, OUTCOME, RULE = Action.REVIEW, "allowed", "data.pseudonymised"
    recordings: Ids
    shown: int


class HeardInReview(Forgettable):
    """Parts heard by a reviewer of what the entry `of` opened, so far: `spans`, in hundredths of a second.

    `heard_s` and `given_s` as of `Heard`. The last such entry of an `of` counts.
    """

    ACTION, OUTCOME, RULE = Action.REVIEW_LISTEN, "done", "security.monitored"
    recordings: Ids
    of: int
    heard_s: int
    given_s: int
    spans: Sequence[tuple[int, int]]

    def heard_spans(self) -> list[Span]:
        """The parts in seconds; empty if unreadable."""
        try:
            return [(begin / 100, end / 100) for begin, end in self.spans]
        except (TypeError, ValueError):
            return []


class CopyConfirmed(AuditEvent):
    """The cut list of a copy was confirmed; with a reason if cuts were undecided or parts unheard."""

    ACTION, OUTCOME, RULE = Action.REVIEW, "allowed", "data.pseudonymised"
    recordings: Ids
    confirmed: bool = True
    reason: str | None = None
    undecided: int | None = None
    unheard: int | None = None

    @property
    def access(self) -> tuple[str, str | None] | None:
        return Action.REVIEW, Purpose.TRAINING

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.review_copies(entry)


class CopyReleased(AuditEvent):
    """A confirmed copy was released to training."""

    ACTION, OUTCOME, RULE = Action.RELEASE, "allowed", "data.pseudonymised"
    recordings: Ids
    heard_again: bool

    @property
    def access(self) -> tuple[str, str | None] | None:
        return Action.RELEASE, Purpose.TRAINING


# -- employees ----------------------------------------------------------------------------------------


class NoticeShown(AuditEvent):
    """A privacy notice was shown to these people on that day (`shown`), in that version of the policy.

    `tags` are the blind indexes of their names, by which intake and IT compare without a name.
    """

    ACTION, OUTCOME, RULE = "notify", "done", "info.employees"
    PERMISSION = Action.PEOPLE
    request: str
    people: Sequence[str]
    tags: Sequence[str]
    notice: str
    version: str
    shown: str


class NoticeRequired(AuditEvent):
    """Calls of employees who were never shown the notice are refused from now on, or no longer (`required`)."""

    ACTION, OUTCOME, RULE = "notify", "done", "info.employees"
    PERMISSION = Action.PEOPLE
    request: str
    required: bool


class NamesCompared(Forgettable):
    """An officer is about to see which employees had calls and no notice; `named` is the number of calls read."""

    ACTION, OUTCOME, RULE = "notify", "allowed", "info.employees"
    PERMISSION = Action.PEOPLE
    notice: str
    named: int


class ObjectionReceived(AuditEvent):
    """An employee (`agent`) objected to some uses of their calls (`scopes`), on that day: they are closed from now."""

    ACTION, OUTCOME, RULE = Action.OBJECTION, "done", "data.employee"
    request: str
    agent: str
    scopes: Sequence[ObjectionScope]
    received: str


class ObjectionUpheld(Erases):
    """Objections of an employee were upheld, and the recordings that they concern were erased.

    `files` are the entries of saved sound files for the closed uses, which have to be deleted now.
    """

    ACTION = Action.OBJECTION
    request: str
    agent: str
    scopes: Sequence[ObjectionScope]
    reason: str
    files: Sequence[str] | None = None

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.erase(entry)
        for of in self.files or ():
            rows.mark_file(int(of), DisclosureState.OPEN)


class ObjectionEnded(AuditEvent):
    """Objections were rejected, or upheld ones lifted (`decision`)."""

    ACTION, OUTCOME, RULE = Action.OBJECTION, "done", "data.employee"
    request: str
    agent: str
    scopes: Sequence[ObjectionScope]
    decision: ObjectionState
    reason: str


# -- access requests ----------------------------------------------------------------------------------


class OfCase(AuditEvent):
    """An event in the case of a person's request."""

    OUTCOME, RULE = "done", "access.subject"
    case: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.follow(entry, self)


class CaseOpened(OfCase):
    """A case was opened for a request that was received at that instant and is due on that day.

    `stood_still` is the number of days for the check of the person's identity; `asked` is the day since which the
    deadline stands still, until they have shown who they are (`identified`).
    """

    ACTION = Action.DSAR
    sworn: str  # digest of the row of its first part
    received: str
    due: str
    stood_still: int
    subject_right: str
    identified: bool
    asked: str | None = None

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.follow(entry, self, self.sworn)


class CaseIdentified(OfCase):
    """The person of a case has shown who they are, so that its deadline runs again."""

    ACTION = Action.DSAR
    due: str
    stood_still: int
    shown: bool = True


class CaseWidened(OfCase):
    """A part with further identifiers of the same person was added to a case; `sworn` is the digest of its row."""

    ACTION = Action.DSAR
    sworn: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.follow(entry, self, self.sworn)


class CaseHolds(OfCase):
    """The recordings held when a case was opened or widened: the answer covers them even if they are erased later."""

    ACTION = Action.DSAR
    recordings: Ids
    held: int


class AnswerSigned(AuditEvent):
    """The content of an answer is written, and its certificate will prove this entry; its file has no name yet.

    `sha256` and `bytes` are those of the file without its certificate; `of` is the entry that opened recordings.
    """

    ACTION, OUTCOME, RULE = Action.DSAR, "allowed", "access.subject"
    case: str
    sha256: str
    bytes: int
    of: int | None = None
    step: str = "signed"


class CaseAnswered(OfCase):
    """The answer to a case was written; the digest is that of its file.

    `of` is the entry that opened its recordings.
    """

    ACTION = Action.DSAR
    sha256: str
    of: int | None = None
    step: str = "answered"
    damaged: Sequence[str] | None = None  # ids


class CaseExtended(OfCase):
    """The deadline of a case was extended to `due`, with a reason for the person."""

    ACTION = Action.DSAR
    reason: str
    due: str
    extended: bool = True


class CaseGranted(OfCase):
    """A request of another right than access was granted, what was done about it, and what was left at that time.

    `files` are outside the system. `on_hold` and `asked_for` are recordings that stay because another person has a
    claim to them. `rejected` are uses to which an employee objected without success.
    """

    ACTION = Action.DSAR
    reason: str
    granted: bool = True
    files: int | None = None
    backup_until: str | None = None
    hold_until: str | None = None  # of the hold that ends first
    on_hold: int | None = None
    asked_for: int | None = None
    rejected: Sequence[str] | None = None


class CaseRefusalProposed(OfCase):
    """An officer wants to refuse a request, which a second officer decides; `request` is random (`id`)."""

    ACTION = Action.DSAR
    ground: str
    reason: str
    request: str

    @property
    def id(self) -> str:
        """The id of the pending decision."""
        return content_id(self.to_json())


class CaseRefusalDenied(OfCase):
    """A second officer denied a refusal, or the first withdrew it: the request is still to be answered."""

    ACTION = Action.DSAR
    waits: str
    why: str


class CaseRefused(OfCase):
    """A request was refused on a ground of the law, with a reason for the person.

    `waits` is the id of the proposed refusal, if a second officer approved one.
    """

    ACTION = Action.DSAR
    ground: str
    reason: str
    refused: bool = True
    waits: str | None = None


class CaseClosed(OfCase):
    """A case was closed: its answer was handed over, or there is a ground and a reason for none."""

    ACTION = Action.DSAR
    reason: str | None = None
    ground: str | None = None
    closed: bool = True


class CasesEnded(AuditEvent):
    """Cases ended, and their rows were deleted."""

    ACTION, OUTCOME, RULE = Action.PURGE, "done", "access.subject"
    cases: Sequence[str]

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.end_cases(entry, self.cases)


class OpenedForSubject(Opens):
    """Recordings are about to be opened for the recorded person: a caller, or an employee (`side`: agent).

    `transcripts` has the ids of copies under review whose words of the person are read. `withheld`: sounds that are not
    separated are refused; `about`: the employee's words about the caller are given. Each has the reason.
    """

    ACTION, OUTCOME, RULE = Action.DSAR, "allowed", "access.subject"
    recordings: Ids
    case: str
    whole_call: bool
    side: str
    reason: str | None = None
    transcripts: Sequence[str] | None = None
    withheld: bool | None = None
    about: bool | None = None

    @property
    def leaves(self) -> str | None:
        return "package" if self.recordings else None

    @property
    def access(self) -> tuple[str, str | None] | None:
        of_employee, whole = "_employee" if self.side == "agent" else "", "_whole" if self.whole_call else ""
        return f"dsar{of_employee}{whole}", None


# -- holds --------------------------------------------------------------------------------------------


class OfHold(AuditEvent):
    """An event of a hold: `request` is its id."""

    ACTION, OUTCOME, RULE = Action.HOLD, "done", "access.subject"
    request: str

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.follow(entry, self)


class HoldProposed(OfHold):
    """A hold on calls until an instant is asked for; `request` is random here (`id`)."""

    recordings: Ids
    reason: str
    ground: str
    until: str

    @property
    def id(self) -> str:
        """The id of the hold."""
        return content_id(self.to_json())


class HoldSet(OfHold):
    """A hold is in force: a second officer approved it, or there is none."""

    is_set: bool = True


class HoldDenied(OfHold):
    """A second officer denied a hold, or the first took it back."""

    why: str


class HoldLifted(OfHold):
    """A hold was lifted before its end."""

    reason: str
    lifted: bool = True


# -- backup and restore -------------------------------------------------------------------------------


class EscrowRegistered(AuditEvent):
    """An escrow was registered; every purge empties it from now on."""

    ACTION, OUTCOME, RULE = Action.BACKUP, "allowed", "access.secure"
    escrow: str
    folder: str
    ring_hours: int

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.name_escrow(self.escrow)


class EscrowForgotten(AuditEvent):
    """A place of backups was given up; *emptied*: its ring opens nothing any more."""

    ACTION, OUTCOME, RULE = Action.BACKUP, "allowed", "access.secure"
    escrow: str
    folder: str
    emptied: bool


class BackupMade(AuditEvent):
    """A backup was made."""

    ACTION, OUTCOME, RULE = Action.BACKUP, "done", "access.secure"
    number: int
    held: int
    copied: int | None = None
    damaged: int | None = None


class OfMove(AuditEvent):
    """An event of a move that needs two officers: `request` is its id."""

    ACTION, OUTCOME, RULE = "move propose", "done", "access.officer"
    PERMISSION = Action.MOVE_CATALOGUE  # which is that of the objects
    request: str


class MoveProposed(OfMove):
    """A move of the catalogue or the objects waits for a second officer; `request` is random here (`id`)."""

    part: str
    before: str
    to: str

    @property
    def id(self) -> str:
        """The id of the move: a digest of from where to where."""
        return content_id(self.to_json())


class MoveApproved(OfMove):
    """A second officer approved a move."""

    approved: bool = True


class MoveDenied(OfMove):
    """A second officer denied a move, or the first took it back."""

    why: str


class ObjectsMoved(AuditEvent):
    """Sealed objects were moved to another place; `left` damaged ones stay at the old one."""

    ACTION, OUTCOME, RULE = Action.MOVE_OBJECTS, "done", "access.secure"
    to: str
    moved: int
    left: int
    request: str | None = None  # the approval that it used


class CatalogueMoved(AuditEvent):
    """The catalogue was moved from one kind of place to another, each `files` or `database`."""

    ACTION, OUTCOME, RULE = Action.MOVE_CATALOGUE, "done", "access.secure"
    before: str
    after: str
    request: str | None = None  # the approval that it used


class Restored(ChangesPeople):
    """The store was restored from a backup; `recordings` were taken in after the backup and are lost."""

    ACTION = Action.RESTORE
    since: int  # number of the first entry that the backup lacked
    replayed: bool
    lost: int
    removed: Sequence[str]
    recordings: Ids = ()

    def apply(self, rows: Rows, entry: Applied) -> None:
        rows.restore(entry, self.since)


class ErasedAgain(Erases):
    """Recordings that were erased after the backup, or have no object, were erased in the restored store."""

    ACTION = Action.RESTORE
    erased: int


class RestoredWithoutFeed(AuditEvent):
    """An officer accepted a restored store without knowing what was erased after the backup."""

    ACTION, OUTCOME, RULE = Action.RESTORE, "allowed", "access.officer"
    reason: str


class CatalogueUpgraded(AuditEvent):
    """A newer program upgraded the catalogue; older ones than `needs` are refused from now on."""

    ACTION, OUTCOME, RULE = "upgrade", "done", "access.secure"
    PERMISSION = Action.LOOK_AFTER
    before: int
    after: int
    needs: str
    copied: bool  # whether the catalogue before it was copied


class Drilled(AuditEvent):
    """A backup was restored to a throw-away copy, which was checked and removed; or `problem` says why it was not."""

    ACTION, OUTCOME, RULE = "drill", "done", "access.secure"
    PERMISSION = Action.RESTORE
    problem: str | None = None  # the code of the error that ended it; then nothing below was counted
    number: int | None = None  # of the backup
    held: int | None = None
    erased_again: int | None = None
    lost: int | None = None
    damaged: int | None = None  # recordings of the backup without a whole object there
    problems: int | None = None  # of the copy
    seconds: int | None = None


class BackupLookedAt(AuditEvent):
    """A backup was compared with the store without opening it; `problems` is their number."""

    ACTION, OUTCOME, RULE = "drill look", "done", "access.secure"
    PERMISSION = Action.LOOK_AFTER
    number: int
    held: int
    lost: int
    damaged: int
    problems: int
    seconds: int


# -- reading ------------------------------------------------------------------------------------------


def read(entry: Mapping[str, Any]) -> AuditEvent | None:
    """The event of an entry; None for an unknown kind."""
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
def permission_to(action: str) -> Action | None:
    """The permission that an entry with that action needs, also an unreadable one; None if none allows it."""
    for kind in _descendants(AuditEvent):
        if kind.PERMISSION is not None and action == kind.ACTION:
            return kind.PERMISSION
    return Action(action) if action in frozenset(Action) else None


def may_say(role: Role, action: str) -> bool:
    """Whether an entry with that action counts if signed by that role."""
    permission = permission_to(action)
    return permission is not None and may(role, permission).allowed


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
    return {place: sorted(group, key=lambda kind: -len(form_of(kind).required)) for place, group in kinds.items()}


def _places_of(base: type[AuditEvent]) -> frozenset[tuple[str, str]]:
    wanted = set(_descendants(base))
    return frozenset(
        (action, outcome) for (action, outcome), kinds in _kinds().items() if action and wanted & set(kinds)
    )


def _descendants(base: type[AuditEvent]) -> Sequence[type[AuditEvent]]:
    every = [kind for child in base.__subclasses__() for kind in (child, *_descendants(child))]
    return list(dict.fromkeys(every))
