"""The one way to a recording: purpose and reason, grant, decision, log entry, and only then a permit.

`listen_to` takes a `Permit`, and only this room makes one, for one recording, after the entry that tells of
it is durable. Every refusal is in the log before it is told, and an id that is unknown, malformed or
forbidden is refused in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, NoReturn

from arlo_rec.access import disclosures, listening_keys
from arlo_rec.crypto import object_file, primitives
from arlo_rec.model.errors import ArloError, Integrity, NotGranted, NotUnlocked, Refused, Usage
from arlo_rec.model.records import Entry, Grant, Kind, Recording, RecordingId
from arlo_rec.policy import Action, Decision, Purpose, Role, State, Wish, may, may_copy, may_open, reason_problem
from arlo_rec.store import Store

_ID = re.compile(r"[0-9a-f]{32}")
_MADE_HERE = object()
RECHECK = timedelta(seconds=1)  # a withdrawal that was acknowledged silences what is running


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody with a live grant, a purpose and a reason; searching may begin."""

    purpose: Purpose
    reason: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to open one recording; the log already says so."""

    recording: Recording
    keys: Mapping[bytes, primitives.SealingKey] = field(repr=False)
    grant: Grant | None
    seq: int  # of the log entry that says so
    seal: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.seal is not _MADE_HERE:
            raise TypeError("only the gate makes permits")


def admit(store: Store, action: Action, purpose: str | None, reason: str | None, now: datetime) -> Admission:
    """Purpose, reason and a live grant; raises Usage or NotGranted, each after its log entry."""
    decision = may(store.person.role, action)
    if not decision.allowed:
        _refuse(store, action, decision.rule, now, NotGranted(decision.code, rule=decision.rule))
    store.demand_replayed(action, now)
    wanted = _purpose(store, action, purpose, now)
    problem = reason_problem(reason)
    if problem or reason is None:
        _refuse(store, action, "security.reason", now, Usage(str(problem), rule="security.reason"))
    grants = tuple(
        one for one in store.roster.live_grants(store.person.name, store.today(now)) if one.purpose is wanted
    )
    if not grants:
        no_grant = NotGranted("no_grant", rule="access.managers")
        _refuse(store, action, "access.managers", now, no_grant, purpose=wanted, reason=reason)
    return Admission(wanted, reason, grants)


def permit(store: Store, admission: Admission, shown_id: str, action: Action, now: datetime) -> Permit:
    """Leave to open the recording of that id; raises NotGranted or Refused, each after its log entry."""
    recording = _find(store, shown_id)
    grant = _grant_for(admission, recording)
    decision = _decide(recording, grant, admission.purpose, store.today(now))
    told = (recording.id,) if recording else ()
    if not decision.allowed or recording is None:
        error: ArloError = (
            NotGranted("no_grant", rule=decision.rule) if grant is None else Refused(decision.code, rule=decision.rule)
        )
        _refuse(
            store, action, decision.rule, now, error,
            purpose=admission.purpose, reason=admission.reason, recordings=told, asked=_shape(shown_id),
        )  # fmt: skip
    keys = listening_keys.keyring(store, admission.purpose)
    entry = Entry(
        str(action),
        "allowed",
        decision.rule,
        store.person.name,
        now,
        admission.purpose,
        admission.reason,
        told,
    )
    with store.change(now) as change:
        seq = store.book.tree().size
        change.log(entry)
        disclosures.note(store, seq, str(action), now)
    return Permit(recording, keys, grant, seq, _MADE_HERE)


def admit_maker(store: Store, action: Action, now: datetime) -> list[Grant]:
    """The live grants of somebody whose role makes training copies; raises NotGranted after its log entry."""
    decision = may(store.person.role, action)
    if not decision.allowed:
        _refuse(store, action, decision.rule, now, NotGranted(decision.code, rule=decision.rule))
    store.demand_replayed(action, now)
    return list(store.roster.live_grants(store.person.name, store.today(now)))


def permit_maker(store: Store, shown_id: str, action: Action, now: datetime) -> Permit:
    """Leave to open an original, or a copy that is not released, to make, look at or release a training copy.

    An officer opens it through the subject-access key; a manager needs a live grant for quality of that team, for who
    may hear the original may say what of it goes. Raises NotGranted or Refused, each after its log entry.
    """
    live = admit_maker(store, action, now)
    officer = store.person.role is Role.OFFICER
    recording = _find(store, shown_id)
    grant = next((one for one in live if recording and one.opens(Purpose.QUALITY, recording.team)), None)
    decision = Decision(allowed=False, rule="access.managers", code="no_grant")
    if recording is not None:
        wish = Wish(
            Purpose.TRAINING,
            grant is not None,
            recording.purposes,
            pseudonymised=False,
            started_at=recording.started_at,
        )
        decision = may_copy(wish, now=store.today(now), officer=officer)
    if not decision.allowed or recording is None:
        hidden = recording is None or (grant is None and not officer)
        error: ArloError = (
            NotGranted("no_grant", rule="access.managers") if hidden else Refused(decision.code, rule=decision.rule)
        )
        told = (recording.id,) if recording else ()
        _refuse(store, action, decision.rule, now, error, recordings=told, asked=_shape(shown_id))
    keys = listening_keys.access_keyring(store) if officer else listening_keys.keyring(store, Purpose.QUALITY)
    entry = Entry(str(action), "allowed", decision.rule, store.person.name, now, recordings=(recording.id,))
    with store.change(now) as change:
        seq = store.book.tree().size
        change.log(entry)
    return Permit(recording, keys, None if officer else grant, seq, _MADE_HERE)


def permits_for_subject(store: Store, recordings: list[Recording], entry: Entry, now: datetime) -> list[Permit]:
    """Leave to open what a data subject asked for, through the subject-access key; one log entry for all."""
    keys = listening_keys.access_keyring(store)
    with store.change(now) as change:
        seq = store.book.tree().size
        change.log(entry)
        disclosures.note(store, seq, "package", now)
    return [Permit(one, keys, None, seq, _MADE_HERE) for one in recordings]


def listen_to(store: Store, given: Permit, clock: Callable[[], datetime]) -> Iterator[bytes]:
    """The sound of a permitted recording as canonical WAV, in pieces.

    The keys are fetched under the root's lock and in one view of the catalogue; while sound flows no lock is
    held, and at least once a second the store is asked whether the recording is still there to be heard.
    Raises Refused once it is not, Integrity where the object was changed.
    """
    recording = given.recording
    header, ke = _fetch(store, recording, clock())
    kf = object_file.open_stanza(header, given.keys)
    if kf is None:
        raise NotGranted("no_grant", rule="access.managers")
    asked = clock()
    with _open(store, recording) as stream:
        stream.seek(len(header.encode()))
        for piece in object_file.open_body(object_file.DataKey(kf, ke), header, object_file.body_in(stream)):
            if abs(clock() - asked) >= RECHECK:
                still_open(store, given, clock())
                asked = clock()
            yield piece
    still_open(store, given, clock())


def data_key(store: Store, given: Permit, now: datetime) -> tuple[object_file.DataKey, object_file.Header]:
    """The key of a permitted recording, behind which a consent stands, for a copy of it; raises as `listen_to`."""
    header, ke = _fetch(store, given.recording, now)
    kf = object_file.open_stanza(header, given.keys)
    if kf is None:
        raise NotGranted("no_grant", rule="access.managers")
    return object_file.DataKey(kf, ke), header


def still_open(store: Store, given: Permit, now: datetime) -> None:
    """Raise Refused where the recording was withdrawn, came of age, or the grant ended meanwhile."""
    still_held(store, given.recording, now)
    if given.grant is not None and not _still_granted(store, given.grant, store.today(now)):
        raise Refused("gone_meanwhile", rule="access.managers")


def still_held(store: Store, recording: Recording, now: datetime) -> Recording:
    """A recording as it stands now; raises Refused where it was withdrawn or came of age."""
    row = store.catalogue.get(recording.id)
    if row is None or row.state is not State.HELD or row.due_at <= store.today(now):
        raise Refused("gone_meanwhile", rule="consent.withdraw")
    return row


def _still_granted(store: Store, grant: Grant, now: datetime) -> bool:
    """Whether a grant lives on in the roster as it stands now, which somebody may have changed."""
    if store.document("roster").counter != store.roster.counter:
        try:
            store.load_documents()
        except NotUnlocked:  # who asked was removed
            return False
    return any(one.id == grant.id and one.live(now) for one in store.roster.grants)


def reach_keys(store: Store, recordings: list[Recording]) -> dict[RecordingId, bytes]:
    """The erasure keys of recordings that are held, fetched under the lock in one view."""
    found = {}
    with store.root.lock(exclusive=False, wait=store.lock_wait), store.reading():
        tree = store.tree(store.read_root())
        for one in recordings:
            try:
                found[one.id] = tree.reach(one.id)
            except KeyError:
                continue  # erased since it was listed
    return found


def _fetch(store: Store, recording: Recording, now: datetime) -> tuple[object_file.Header, bytes]:
    with store.root.lock(exclusive=False, wait=store.lock_wait), store.reading():
        row = still_held(store, recording, now)
        ke = store.tree(store.read_root()).reach(recording.id)
        with _open(store, row) as stream:
            header = object_file.read_header(stream.read(object_file.HEADER_LONGEST))
    if header.recording != recording.id or header.kind is not recording.kind:
        raise Integrity("object_damaged")
    return header, ke


def _open(store: Store, recording: Recording) -> BinaryIO:
    try:
        return store.blobs.open(recording.id.hex())
    except KeyError:
        raise Integrity("object_missing") from None


def _purpose(store: Store, action: Action, text: str | None, now: datetime) -> Purpose:
    try:
        return Purpose(text or "")
    except ValueError:
        code = "purpose_missing" if text is None else "purpose_unknown"
        _refuse(store, action, "scope.only", now, Usage(code, rule="scope.only"))


def _find(store: Store, shown_id: str) -> Recording | None:
    if not _ID.fullmatch(shown_id):
        return None
    found = store.catalogue.get(RecordingId(bytes.fromhex(shown_id)))
    return found if found and found.state is State.HELD else None


def _grant_for(admission: Admission, recording: Recording | None) -> Grant | None:
    if recording is None:
        return None
    opening = (one for one in admission.grants if one.opens(admission.purpose, recording.team))
    return next(opening, None)


def _decide(recording: Recording | None, grant: Grant | None, purpose: Purpose, now: datetime) -> Decision:
    if recording is None:
        return Decision(allowed=False, rule="access.managers", code="no_grant")
    wish = Wish(
        purpose,
        grant is not None,
        recording.purposes,
        recording.kind is Kind.PSEUDONYMISED,
        recording.started_at,
    )
    return may_open(wish, now=now)


def _shape(shown_id: str) -> str:
    """What the log keeps of an id that was asked for: itself if it looks like one, else only its length."""
    return shown_id if _ID.fullmatch(shown_id) else f"{len(shown_id)} characters"


def _refuse(
    store: Store,
    action: Action,
    rule: str,
    now: datetime,
    error: ArloError,
    *,
    purpose: Purpose | None = None,
    reason: str | None = None,
    recordings: tuple[RecordingId, ...] = (),
    **detail: str,
) -> NoReturn:
    """Log a denied attempt, then raise it (security.unauthorised)."""
    told = Entry(
        str(action),
        "denied",
        rule,
        store.person.name,
        now,
        purpose,
        reason,
        recordings,
        {"code": error.code, **detail},
    )
    with store.change(now) as change:
        change.log(told)
    raise error
