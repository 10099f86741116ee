"""Actual and possible accesses to a recording, for the letter to the recorded person.

Accesses are read from the log itself, not from an index of it; the page names roles and never people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from arlo_rec.law.log import events
from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.events import (
    CopyConfirmed,
    CopyMade,
    DeletionConfirmed,
    Erases,
    LeftNothing,
    Opened,
    OpenedForSubject,
    may_say,
)
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.records import Person, Recording, RecordingId
from arlo_rec.law.model.times import local_date, start_of_day
from arlo_rec.people.dsar.answer import CopyFacts, ExportFacts, PossibleAccess, RecordedAccess
from arlo_rec.policy import Action, Purpose, Role
from arlo_rec.vault.access import grant_history
from arlo_rec.vault.access.grant_history import Span
from arlo_rec.vault.keys.roster import name_then
from arlo_rec.vault.opened import Store

_MAKING = frozenset({Action.PSEUDONYMISE, Action.REVIEW, Action.REVIEW_LISTEN, Action.RELEASE})  # of a training copy
_PURPOSES = frozenset({*Purpose, "withdrawal", "consent"})  # that an entry names, or that stand for its action
UNKNOWN_ROLE = "unknown"  # of a name that the roster does not have
_OF_ANOTHER = {"dsar_whole": "dsar_other_whole", "dsar_employee_whole": "dsar_other_employee_whole"}
_ACCESSES = _MAKING | {Action.FIND, Action.EXPORT, Action.LISTEN, Action.DSAR, Action.WITHDRAW}


class LogMentions(NamedTuple):
    """Every log entry that names some recordings or their copies, and the checkpoint after the last entry."""

    checkpoint: str  # a signed note
    size: int  # of the log then
    case: str  # whose access request is being answered
    side: str  # of that person in the calls: `caller` or `agent`
    named: Mapping[RecordingId, Collection[RecordingId]]  # each recording with every copy that was ever made of it
    entries: Sequence[LogEntry]
    outcomes: Sequence[LogEntry]  # of a file that left by one of these: they name only the number of its entry
    grants: Mapping[str, Sequence[Span]]  # when each grant was live
    signers: Mapping[int, Person | None]  # of each of the entries

    def ids(self) -> frozenset[RecordingId]:
        """The recordings and their copies."""
        return frozenset(recording for ids in self.named.values() for recording in ids)


class Window(NamedTuple):
    """The time in which a recording or a copy could be opened."""

    since: datetime
    until: datetime


def mentions(store: Store, recordings: Sequence[RecordingId], case: str, side: str) -> LogMentions:
    """The mentions of recordings in one state of the log, for the letter and for `access_list`.

    An employee must not learn that a customer asked: for the side `agent`, entries of callers' cases are left out.
    """
    with store.db.reading():
        checkpoint, note = store.log.checkpoints.newest()
        named = with_copies(store, recordings)
        entries = list(store.log.entries.naming({recording for ids in named.values() for recording in ids}))
        entries = _without_callers_cases(entries, case) if side == "agent" else entries
        outcomes = list(
            store.log.entries.holding([f'"of":{entry.seq}' for entry in entries if _is_export(entry.body or {})])
        )
        seqs = sorted(entry.seq for entry in (*entries, *outcomes))
        signers = dict(zip(seqs, store.log.signers_of(seqs, store.roster.signers()), strict=True))
        spans = grant_history.spans(store)
        return LogMentions(note, checkpoint.size, case, side, named, entries, outcomes, spans, signers)


def _without_callers_cases(entries: Sequence[LogEntry], case: str) -> list[LogEntry]:
    """The entries without those of cases that are not known to be an employee's."""
    opened = [entry.event for entry in entries if isinstance(entry.event, OpenedForSubject)]
    own = {case, *(event.case for event in opened if event.side == "agent")}
    return [entry for entry in entries if getattr(entry.event, "case", case) in own]


def with_copies(store: Store, recordings: Sequence[RecordingId]) -> dict[RecordingId, set[RecordingId]]:
    """Each recording with every copy ever made of it, by the log, which also knows erased copies."""
    named = {recording: {recording} for recording in recordings}
    for entry in store.log.entries.holding(
        [f'"parent":"{recording.hex()}"' for recording in recordings], taken_in=False
    ):
        event = entry.event
        if isinstance(event, CopyMade):
            named[RecordingId(bytes.fromhex(event.parent))].update(event.recordings)
    return named


def recorded(
    store: Store, mentions: LogMentions, named: Collection[RecordingId], now: datetime
) -> tuple[RecordedAccess, ...]:
    """Every logged access to a recording or its copies (*named*): in a search, exported, opened for a request.

    An entry with a later time than *now*, by a clock that was ahead, is told as of *now*.
    """
    accesses = (access_in(store, mentions, entry, named, now) for entry in mentions.entries)
    return tuple(sorted((access for access in accesses if access is not None), key=lambda access: access.at))


def access_in(
    store: Store, mentions: LogMentions, entry: LogEntry, named: Collection[RecordingId], now: datetime
) -> RecordedAccess | None:
    """The access to one of *named* by an entry; None if the entry is none.

    An access that its person did not sign, or that their role forbids, is told as possible: a spoilt signature hides
    nothing. Another person's request is told without name and time: times would tell which calls are one person's.
    """
    body = entry.body or {}
    access = _access(body) if not set(named).isdisjoint(entry.recordings) else None
    if access is None:
        return None
    (action, purpose), signer = access, mentions.signers.get(entry.seq)
    person = store.roster.signers().named(entry.person, entry.seq)
    role = str(person.role) if person is not None else UNKNOWN_ROLE
    is_signed = signer is not None and name_then(signer.name) == entry.person
    certain = is_signed and signer is not None and may_say(signer.role, str(body["action"]))
    at, known = min(entry.at, now), purpose if purpose in _PURPOSES else None
    if is_of_another(body, mentions.case):
        day, action = start_of_day(local_date(at)), _OF_ANOTHER.get(action, "dsar_other")
        return RecordedAccess(day, action, None, role, of_another=True, certain=certain)
    return RecordedAccess(at, action.replace("_employee", ""), known, role, certain=certain)


def is_of_another(body: Mapping[str, Any], case: str) -> bool:
    """Whether an entry belongs to another person's access request."""
    event = events.read(body)
    return getattr(event, "case", case) != case


def copies(
    store: Store, entries: Sequence[LogEntry], named: Collection[RecordingId], original: RecordingId
) -> tuple[CopyFacts, ...]:
    """The held training copies of a recording (of *named*), oldest first, with their state by the log."""
    held = store.catalogue.recordings.held
    made = _copies_made(entries, named, original)
    return tuple(copy for recording, copy in made.items() if held(recording) is not None)


def _copies_made(
    entries: Sequence[LogEntry], named: Collection[RecordingId], original: RecordingId
) -> dict[RecordingId, CopyFacts]:
    """Every training copy of a recording, erased ones included, except copies that another one replaced."""
    made: dict[RecordingId, CopyFacts] = {}
    replaced: set[str | None] = set()
    for entry in entries:
        event = entry.event
        if not isinstance(event, CopyMade | CopyConfirmed):
            continue
        for recording in event.recordings:
            if isinstance(event, CopyMade) and recording in named and event.parent == original.hex():
                is_done = event.state in (CopyState.READY, CopyState.RELEASED)
                state = event.state if is_done else CopyState.NEEDS_REVIEW  # a word that is none was not ours
                before = made.get(RecordingId(bytes.fromhex(event.replaces))) if event.replaces else None
                released = entry.at if state == CopyState.RELEASED else None  # releasing seals the same sound anew
                made_at = before.made_at if before is not None and released else entry.at
                made.setdefault(recording, CopyFacts(made_at, state, released))
                replaced.add(event.replaces)
            elif isinstance(event, CopyConfirmed) and recording in made:
                made[recording] = replace(made[recording], state=CopyState.READY)
    return {recording: copy for recording, copy in made.items() if recording.hex() not in replaced}


def exports(store: Store, mentions: LogMentions, original: RecordingId, now: datetime) -> tuple[ExportFacts, ...]:
    """The sound files that staff saved of a recording or its copies, and when each was confirmed as deleted.

    An export that left no file is omitted. A file counts as never saved only by a signed entry of the person who saved
    it, and as deleted by theirs or an officer's.
    """
    saved: dict[int, ExportFacts] = {}
    savers = {entry.seq: entry.person for entry in mentions.entries if entry.body is not None}
    for entry in mentions.entries:
        is_export = _is_export(entry.body or {})
        access = access_in(store, mentions, entry, mentions.named[original], now) if is_export else None
        if access is not None and isinstance(entry.event, OpenedForSubject):
            saved[entry.seq] = ExportFacts(access.at, "answer", access.role, None)
        elif access is not None:
            kind = "recording" if original in entry.recordings else "copy"
            saved[entry.seq] = ExportFacts(access.at, kind, access.role, None)
    for entry in mentions.outcomes:
        event, signer = entry.event, mentions.signers.get(entry.seq)
        if not isinstance(event, LeftNothing | DeletionConfirmed) or event.of not in saved or signer is None:
            continue
        is_own = name_then(signer.name) == savers[event.of]
        if isinstance(event, LeftNothing) and is_own:
            del saved[event.of]
        elif isinstance(event, DeletionConfirmed) and (is_own or signer.role is Role.OFFICER):
            saved[event.of] = replace(saved[event.of], confirmed_at=min(entry.at, now))
    this = _newest_of(mentions)
    return tuple(sorted((file for seq, file in saved.items() if seq != this), key=lambda file: file.at))


def _newest_of(mentions: LogMentions) -> int | None:
    """The entry that opened the recordings for this very answer; it is no earlier export."""
    opened = [(entry.seq, entry.event) for entry in mentions.entries]
    own = [seq for seq, event in opened if isinstance(event, OpenedForSubject) and event.case == mentions.case]
    return max(own, default=None)


def _is_export(body: Mapping[str, Any]) -> bool:
    """Whether an entry lets sound leave as a file: an export, or an answer to an access request."""
    access = _access(body)
    return access is not None and access[0].startswith((Action.EXPORT, Action.DSAR))


def _access(body: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Action and purpose of an entry that is an access; None for every other entry."""
    event = events.read(body)
    if event is not None or body.get("outcome") != Opened.OUTCOME or body.get("action") not in _ACCESSES:
        return event.access if event is not None else None
    looked = body["action"] == Action.WITHDRAW  # of a version that logs more about it than this one
    return ("withdraw_shown", "withdrawal") if looked else (str(body["action"]), body.get("purpose"))


def possible(store: Store, recording: Recording, mentions: LogMentions) -> tuple[PossibleAccess, ...]:
    """The grants under which the recording itself could have been opened while it was held."""
    window = Window(recording.started_at, store.policy.ends_at(recording))
    return _possible(store, recording, Purpose.QUALITY, window, mentions)


def possible_of_copies(store: Store, recording: Recording, mentions: LogMentions) -> tuple[PossibleAccess, ...]:
    """The grants under which released training copies, erased ones included, could have been opened."""
    named, end = mentions.named[recording.id], store.policy.ends_at(recording)
    made = _copies_made(mentions.entries, named, recording.id)
    released = {copy_id: copy.released_at for copy_id, copy in made.items() if copy.released_at is not None}
    gone = _erased(mentions.entries, released)
    windows = [Window(at, gone.get(copy_id, end)) for copy_id, at in released.items()]
    grants = (_possible(store, recording, Purpose.TRAINING, window, mentions) for window in windows)
    return tuple(chain.from_iterable(grants))


def _erased(entries: Sequence[LogEntry], among: Collection[RecordingId]) -> dict[RecordingId, datetime]:
    """The time at which each of some copies was erased."""
    gone: dict[RecordingId, datetime] = {}
    for entry in entries:
        if isinstance(entry.event, Erases):
            for copy in set(among).intersection(entry.recordings) - gone.keys():
                gone[copy] = entry.at
    return gone


def _possible(
    store: Store, recording: Recording, purpose: Purpose, window: Window, mentions: LogMentions
) -> tuple[PossibleAccess, ...]:
    """The times in which grants for that purpose were live within *window*."""
    if purpose not in recording.purposes:
        return ()
    since, end = window
    return tuple(
        PossibleAccess(
            grant.purpose, _role(store, grant.person), max(span.begin, since), min(span.end, end), grant.may_export
        )
        for grant in store.roster.grants
        if grant.opens(purpose, recording.team)
        for span in mentions.grants.get(grant.id, ())
        if span.end > since and span.begin < end
    )


def _role(store: Store, name: str) -> str:
    """The role of the present or former person of that name."""
    everybody = (*store.roster.people, *store.roster.former)
    return next((str(person.role) for person in everybody if person.name == name), str(Role.MANAGER))
