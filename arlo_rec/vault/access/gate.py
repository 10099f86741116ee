"""The one way to a recording: admission, permit, and only then its sound.

    admit       role, a store that knows its erasures, a clock that is not behind the log, purpose and reason where
                the action needs them, live grants
    permit      this id: found, granted, decided by the policy; the entry durable, then a Permit
    listen_to   root locked shared, one view of the catalogue: still held, keys, header; no lock while sound flows

`listen_to` and `data_key` take a `Permit`. Only this module creates one, for one recording, after its log entry is
durable. Every refusal is logged before it is raised. An unknown, malformed or forbidden id is refused in the same
words. `policy` decides; this module asks it, and carries the answer out. The default is no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO, Final, NoReturn

from arlo_rec.law.log.events import Denied, Opened, OpenedForSubject
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import ArloError, GrantEnded, Integrity, NotGranted, NotOpen, NotUnlocked, Refused, Usage
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.policy_versions import PolicyVersion
from arlo_rec.law.model.records import Grant, Recording, RecordingId
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import (
    NO_OBJECTIONS,
    ObjectionScope,
    OpenRequest,
    closing,
    may_copy,
    may_hear,
    may_open,
    unless_objected,
)
from arlo_rec.policy import Action, Decision, Purpose, Role, State, may, needs_grant, needs_purpose, needs_reason
from arlo_rec.vault.access import disclosures, holds, limits, objections, revisions
from arlo_rec.vault.access.holds import Holds
from arlo_rec.vault.access.keyrings import GrantKeyring, Keyring, OfficerKeyring
from arlo_rec.vault.access.short_ids import as_logged, matching, short_ids
from arlo_rec.vault.crypto import object_file
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class Intent:
    """The action, purpose and reason as typed."""

    action: Action
    purpose: str | None = None
    reason: str | None = None
    file: str | None = None  # path of the file that gets the sound
    shows: bool = True  # False: the person is shown nothing of a call, so that no reason is needed

    @property
    def given_purpose(self) -> Purpose:
        """The purpose as typed, once it is known to be one; training for making and reviewing copies."""
        return Purpose(self.purpose) if self.purpose is not None else Purpose.TRAINING


# -- decisions (pure) --------------------------------------------------------------------------------


NO_GRANT: Final = Decision.no("access.managers", "no_grant")


def admitted(role: Role, intent: Intent, live: Sequence[Grant], version: PolicyVersion) -> Decision:
    """Whether a role with these *live* grants may begin what is intended.

    *version* of the policy says how a reason begins. Copies are made and reviewed for training, by the right to hear
    their originals for quality.
    """
    action, purpose = intent.action, intent.purpose
    decision = may(role, action)
    if not decision.allowed or not (needs_grant(action) or (needs_reason(action) and intent.shows)):
        return decision
    if needs_purpose(action) and purpose not in set(Purpose):
        return Decision.no("scope.only", "purpose_missing" if purpose is None else "purpose_unknown")
    if not needs_purpose(action) and purpose not in {None, Purpose.TRAINING}:
        return Decision.no("scope.only", "purpose_of_copies")
    if problem := version.reason_problem(intent.reason, intent.given_purpose):
        return Decision.no("security.reason", problem)
    wanted = intent.given_purpose if needs_purpose(action) else Purpose.QUALITY
    return decision if not needs_grant(action) or any(grant.purpose is wanted for grant in live) else NO_GRANT


def opened(role: Role, action: Action, purpose: Purpose | None, request: OpenRequest, now: datetime) -> Decision:
    """Whether a recording opens to an admitted person.

    For making and reviewing copies the policy decides on the original, or on the officer's right.
    """
    if action is Action.REJECT:  # it erases a copy, which neither an objection nor a hold prevents
        request = request._replace(objections=NO_OBJECTIONS, on_hold=False, withdrawn=False)
    if action is Action.REVIEW_LISTEN:
        return may_hear(request, now=now, officer=role is Role.OFFICER)
    if purpose is None:
        return may_copy(request, now=now, officer=role is Role.OFFICER)
    return may_open(request, now=now)


_MADE_HERE = object()
RECHECK = timedelta(seconds=1)  # so that playing stops after a withdrawal


@dataclass(frozen=True, slots=True)
class Admission:
    """A person whose role permits the action, with their live grants for it."""

    action: Action
    purpose: Purpose | None  # None: making and reviewing training copies
    reason: str | None
    grants: tuple[Grant, ...]
    as_officer: bool  # may open without a grant, as an officer
    is_officer: bool = False  # opens by the subject-access key
    file: str | None = None  # path of the file that gets the sound

    @property
    def heard_for(self) -> Purpose:
        """The purpose whose grants apply: the right to hear an original is the right to decide on cuts of it."""
        return self.purpose or Purpose.QUALITY

    def grant_for(self, team: str) -> Grant | None:
        """The first grant that opens recordings of *team*."""
        return next((grant for grant in self.grants if grant.opens(self.heard_for, team)), None)

    def grants_for(self, team: str) -> list[Grant]:
        """Every grant that opens recordings of *team*: an older one may hold a key that a newer one lacks."""
        return [grant for grant in self.grants if grant.opens(self.heard_for, team)]

    def quality_grants(self) -> list[Grant]:
        """The grants for hearing originals."""
        return [grant for grant in self.grants if grant.purpose is Purpose.QUALITY]

    def covers(self, team: str) -> bool:
        """Whether recordings of *team* are open to this person, by a grant or as an officer."""
        return self.as_officer or self.grant_for(team) is not None


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to open one recording; its log entry is durable already."""

    recording: Recording
    keyring: Keyring = field(repr=False)
    grant: Grant | None
    seq: int  # of its log entry
    seal: object = field(repr=False)
    closed_by: frozenset[ObjectionScope] = frozenset()  # the employee's objections that end it
    agent: str | None = field(default=None, repr=False)  # the employee's name; None if its metadata is damaged

    def __post_init__(self) -> None:
        if self.seal is not _MADE_HERE:
            raise TypeError("only the gate makes permits")


def admit(store: Store, intent: Intent, now: datetime) -> Admission:
    """Check role, purpose, reason and live grants; raises NotGranted, Refused or Usage, each after its log entry."""
    action, role = intent.action, store.person.role
    decision = may(role, action)
    if decision.allowed:
        store.demand_replayed(action, now)
        store.demand_clock(action, now)
        if action is not Action.REJECT:  # it takes away
            store.demand_approved(action, now)
        live = store.roster.live_grants(store.person.name, store.clock.today(now))
        version = store.policy.at(store.clock.today(now))
        decision = admitted(role, intent, live, version)
    if not decision.allowed:
        logged = intent if decision == NO_GRANT else Intent(action)
        _refuse(store, logged, _not_admitted(store, intent, decision, now), now)
    is_officer = role is Role.OFFICER
    if not needs_grant(action):
        return Admission(action, None, intent.reason, live, as_officer=is_officer, is_officer=is_officer)
    purpose = Purpose(intent.purpose) if needs_purpose(action) and intent.purpose is not None else None
    grants = tuple(grant for grant in live if grant.purpose is (purpose or Purpose.QUALITY))
    admission = Admission(action, purpose, intent.reason, grants, as_officer=False, file=intent.file)
    return replace(admission, is_officer=is_officer and purpose is None)


def _not_admitted(store: Store, intent: Intent, decision: Decision, now: datetime) -> ArloError:
    """The error of a decision; of a reason that begins with no code, or another purpose's, with those that it may."""
    if decision == NO_GRANT:
        wanted = intent.given_purpose if needs_purpose(intent.action) else Purpose.QUALITY
        ended = store.roster.ended_grant(store.person.name, wanted, store.clock.today(now))
        return NotGranted(decision.code, rule=decision.rule) if ended is None else _ended(ended, decision)
    if decision.code == "not_your_role":
        return NotGranted(decision.code, rule=decision.rule)
    if not decision.code.startswith("reason_"):
        return Usage(decision.code, rule=decision.rule)
    codes = store.policy.at(store.clock.today(now)).codes_for(intent.given_purpose)
    detail = {"codes": ", ".join(codes)} if decision.code in {"reason_without_code", "reason_of_other_purpose"} else {}
    return Usage(decision.code, rule=decision.rule, **detail)


def demand_reason(store: Store, purpose: Purpose, reason: str, now: datetime) -> None:
    """Raise Usage, after its log entry, for the reason of an unlock that no search for that purpose would take."""
    problem = store.policy.at(store.clock.today(now)).reason_problem(reason, purpose)
    if problem is not None:
        intent, decision = Intent(Action.FIND, purpose), Decision.no("security.reason", problem)
        _refuse(store, Intent(Action.FIND), _not_admitted(store, intent, decision, now), now)


def _ended(grant: Grant, decision: Decision) -> GrantEnded:
    teams = ", ".join(sorted(grant.teams)) if grant.teams is not None else "all_teams"
    about = {"purpose": str(grant.purpose), "teams": teams, "at": str(local_date(grant.over_at))}
    return GrantEnded(decision.code, rule=decision.rule, **about, options=grant.options)


# -- permits ------------------------------------------------------------------------------------------


def permit(store: Store, admission: Admission, shown_id: str, now: datetime) -> Permit:
    """A Permit for the recording with that id, an original or a copy.

    An officer who makes or reviews training copies uses the subject-access key; everybody else, and an officer who
    listens, uses the grant that covers the team. Raises NotGranted or Refused, each after its log entry.
    """
    ids = matching(store, admission.covers, shown_id)
    recording = store.catalogue.recordings.held(revisions.newest(store, ids[0])) if len(ids) == 1 else None
    grants = limits.within(store, admission.grants_for(recording.team), recording) if recording else []
    if admission.action is Action.EXPORT:  # a file leaves by a grant that allows files; another one only says why not
        grants = [grant for grant in grants if grant.may_export] or grants
    grant = next(iter(grants), None)
    keyring: Keyring = OfficerKeyring(store) if admission.is_officer else GrantKeyring(store, grants)
    decision = _decide(store, recording, admission, grant, keyring, now)
    if decision.allowed and recording is not None and admission.action in limits.HEARD:
        grant = limits.with_room(store, grants, recording.id, now)
        decision = decision if grant is not None else limits.HEARD_ENOUGH
    if not decision.allowed or recording is None:
        error: ArloError = Refused(decision.code, rule=decision.rule)
        if decision.code == NO_GRANT.code:
            error = _not_open(store, admission, shown_id, several=len(ids) > 1)
        elif decision.code == "no_export_grant":
            error = NotGranted(decision.code, rule=decision.rule)
        intent = Intent(admission.action, admission.purpose, _logged_reason(admission))
        _refuse(store, intent, error, now, recordings=(recording.id,) if recording else (), asked=as_logged(shown_id))
    grant = None if admission.as_officer else grant
    event = Opened(
        action=admission.action,
        rule=decision.rule,
        recordings=(recording.id,),
        purpose=admission.purpose or Purpose.TRAINING,
        reason=_logged_reason(admission),
    )
    is_full = False
    with store.change(now) as change:
        if grant is not None and grant.limits.per_day is not None:  # another process may have opened one meanwhile
            is_full = limits.with_room(store, [grant], recording.id, now) is None
        if not is_full:
            seq = change.log(event)
        if not is_full and event.leaves is not None:
            disclosures.name_file(store, seq, admission.file)
    if is_full:
        full = Refused(limits.HEARD_ENOUGH.code, rule=limits.HEARD_ENOUGH.rule)
        _refuse(store, Intent(admission.action, admission.purpose, event.reason), full, now, recordings=(recording.id,))
    return _permitted(store, admission, Permit(recording, keyring, grant, seq, _MADE_HERE))


def _permitted(store: Store, admission: Admission, permit: Permit) -> Permit:
    """The permit with what an objection would end; none ends the rejection of a copy, which erases it."""
    if admission.action is Action.REJECT:
        return permit
    scopes, agent = closing(admission.purpose, officer=store.person.role is Role.OFFICER), None
    with suppress(Integrity):
        agent = objections.agent_of(store, permit.recording, permit.keyring)
    return replace(permit, closed_by=scopes, agent=agent)


def _not_open(store: Store, admission: Admission, shown_id: str, *, several: bool) -> ArloError:
    """The error for an id that is not open; it names the copy's replacement to a person who may hear the call."""
    if admission.heard_for is Purpose.QUALITY and not several and not limits.are_limited(admission.grants):
        place = revisions.replacement(store, admission.covers, shown_id, as_officer=admission.as_officer)
        if place is not None:
            return NotGranted(
                "copy_replaced", rule="data.pseudonymised", copy=short_ids(store, admission.covers, [place])[place]
            )
    return NotOpen(several=several and not limits.are_limited(admission.grants))


def permits_for_subject(
    store: Store, recordings: list[Recording], event: OpenedForSubject, file: str | None, now: datetime
) -> list[Permit]:
    """Permits for the recordings of an access request, by the subject-access key; one log entry for all."""
    keyring = OfficerKeyring(store)
    with store.change(now) as change:
        seq = change.log(event)
        disclosures.name_file(store, seq, file)
    return [Permit(recording, keyring, None, seq, _MADE_HERE) for recording in recordings]


def _decide(
    store: Store,
    recording: Recording | None,
    admission: Admission,
    grant: Grant | None,
    keyring: Keyring,
    now: datetime,
) -> Decision:
    """The policy's decision on one recording.

    Without a grant no other table is read: a forbidden id must take as long as an unknown one.
    """
    if recording is None:
        return NO_GRANT
    is_covered = grant is not None or admission.as_officer
    copy = store.catalogue.copies.get(recording.id) if is_covered else None
    on_hold = holds.at(store, now) if is_covered else None
    request = OpenRequest(
        purpose=admission.purpose or Purpose.TRAINING,
        granted=grant is not None,
        consented=recording.purposes,
        released=copy is not None and copy.state is CopyState.RELEASED,
        due_at=store.policy.ends_at(recording),
        on_hold=on_hold is not None and bool(on_hold.every(recording)),
        withdrawn=on_hold is not None and recording.id in on_hold.withdrawn,
    )
    decided = partial(opened, store.person.role, admission.action, admission.purpose, now=store.clock.today(now))
    standing = objections.in_force(store) if decided(request).allowed else {}
    if standing:
        agent = objections.agent_of(store, recording, keyring)
        if agent is None:
            return NO_GRANT
        request = request._replace(objections=standing.get(agent_name(agent), NO_OBJECTIONS))
    leaves = admission.action is Action.EXPORT
    return decided(request._replace(may_leave=not leaves or (grant is not None and grant.may_export)))


def _logged_reason(admission: Admission) -> str | None:
    """The reason, if the action takes one; an unneeded reason is not logged."""
    return admission.reason if needs_reason(admission.action) else None


def _refuse(
    store: Store,
    intent: Intent,
    error: ArloError,
    now: datetime,
    *,
    recordings: tuple[RecordingId, ...] = (),
    asked: str | None = None,
) -> NoReturn:
    """Log a denied attempt, then raise it (security.unauthorised)."""
    denied = Denied(
        action=intent.action,
        rule=error.rule or "access.managers",
        code=error.code,
        purpose=intent.purpose,
        reason=intent.reason,
        recordings=recordings,
        asked=asked,
    )
    store.note(denied, now)
    raise error


# -- sound --------------------------------------------------------------------------------------------


def listen_to(store: Store, permit: Permit, clock: Callable[[], datetime]) -> Iterator[bytes]:
    """The sound of a permitted recording as canonical WAV, in pieces.

    The keys are read under the root's lock, in one view of the catalogue. No lock is held while sound flows; at
    least once a second the store is asked whether the recording is still open. Raises Refused once it is not,
    Integrity if the object was changed.
    """
    key, header = data_key(store, permit, clock())
    checked_at = clock()
    with open_object(store, permit.recording) as stream:
        stream.seek(len(header.encode()))
        try:
            for piece in object_file.open_body(key, header, object_file.body_in(stream)):
                if abs(clock() - checked_at) >= RECHECK:
                    still_open(store, permit, clock())
                    checked_at = clock()
                yield piece
        except KeyError:  # a service deleted it while it was read
            still_open(store, permit, clock())
            raise Integrity("object_missing") from None
    still_open(store, permit, clock())


def open_object(store: Store, recording: Recording) -> BinaryIO:
    """The sealed object of a recording; raises Integrity if it is missing."""
    try:
        return store.blobs.open(recording.id.hex())
    except KeyError:
        raise Integrity("object_missing") from None


def data_key(store: Store, permit: Permit, now: datetime) -> tuple[object_file.DataKey, object_file.Header]:
    """The key and the header of a permitted recording.

    Raises Refused if it is no longer held, and NotGranted if no key of the permit opens it. Raises Integrity if it is
    damaged, or if its details and its sound were sealed under two commit keys.
    """
    with store.root.lock(exclusive=False, wait=store.lock_wait), store.db.reading():
        recording = still_held(store, permit.recording, now)
        ke = store.erasure_keys().unwrap(recording.id)
        with open_object(store, recording) as stream:
            header = object_file.read_header(stream.read(object_file.HEADER_BYTES))
    opened = permit.keyring.audience_key(header.audience_key)
    if opened is None:
        raise NotOpen
    half = object_file.listening_half(header, opened.key.secret, recording.binding)
    if opened.commit_key != permit.recording.commit_key:  # other details were sealed for this call
        raise Integrity("audience_key_forged")
    return object_file.DataKey(half, ke), header


def still_open(store: Store, permit: Permit, now: datetime) -> None:
    """Raise Refused if the recording is no longer held or is on hold, its grant ended, or its employee objected.

    It takes no lock.
    """
    on_hold = holds.at(store, now)
    row = _still_held(store, permit.recording, on_hold, now)
    if permit.grant is not None and on_hold.every(row):
        raise Refused("on_hold", rule="access.subject")
    if permit.grant is not None and not _is_still_granted(store, permit.grant, store.clock.today(now)):
        raise Refused("gone_meanwhile", rule="access.managers")
    standing = objections.in_force(store) if permit.closed_by else {}
    if standing:
        theirs = standing.get(agent_name(permit.agent), NO_OBJECTIONS) if permit.agent is not None else None
        decision = NO_GRANT if theirs is None else unless_objected(theirs, permit.closed_by)
        if not decision.allowed:
            raise Refused(decision.code, rule=decision.rule)


def still_held(store: Store, recording: Recording, now: datetime) -> Recording:
    """The current row of a recording; raises Refused if it was withdrawn, or is past retention and on no hold."""
    return _still_held(store, recording, holds.at(store, now), now)


def _still_held(store: Store, recording: Recording, on_hold: Holds, now: datetime) -> Recording:
    row = store.catalogue.recordings.get(recording.id)
    if row is None or row.state is not State.HELD or on_hold.is_over(row, store.clock.today(now)):
        raise Refused("gone_meanwhile", rule="consent.withdraw")
    return row


def _is_still_granted(store: Store, grant: Grant, now: datetime) -> bool:
    """Whether a grant is live in the newest roster."""
    if store.has_newer_documents():
        try:
            store.load_documents()
        except NotUnlocked:  # the person was removed
            return False
    return any(current.id == grant.id and current.live(now) for current in store.roster.grants)
