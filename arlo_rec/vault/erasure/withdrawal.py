"""Withdrawal of consent, while the customer is on the telephone: every recording of the caller is erased at once.

The plan is shown, then made again and carried out, so that recordings that arrived in between are erased too. A
tombstone refuses late deliveries from before the withdrawal. A key press at the exchange (`noticed`) is shown to
nobody, and is for the calls before it.

Where a number withdrew before and nothing of it is held since, that receipt is told again. The exchange may still
deliver a call from between the two. So a log entry without a receipt extends the earlier withdrawal to now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from arlo_rec.law.log.events import Denied, Failed, WithdrawalShown
from arlo_rec.law.log.events import Withdrawn as WithdrawnEvent
from arlo_rec.law.model.consent import CLOCK_TOLERANCE
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, NotGranted, NothingMatched, Usage
from arlo_rec.law.model.phone_numbers import is_in_use, one_number
from arlo_rec.law.model.records import Kind, Private, Recording, RecordingId, Subject
from arlo_rec.policy import Action, Event, Role
from arlo_rec.vault.access import disclosures, holds, metadata, revisions
from arlo_rec.vault.access.disclosures import Disclosure
from arlo_rec.vault.access.keyrings import OfficerKeyring
from arlo_rec.vault.access.short_ids import matching, short_ids
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.catalogue.tombstones import Tombstone
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol, receipts
from arlo_rec.vault.erasure.protocol import ErasedRecording
from arlo_rec.vault.offsite import escrow, feed
from arlo_rec.vault.opened import Change, Store

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The recordings that would be erased, and why."""

    subject: Subject
    recordings: tuple[Recording, ...]
    number: Private | None = None  # of the caller, if given
    others: int = 0  # other calls of the same caller, which stay if one call was named
    at: datetime | None = None  # of a key press at the exchange, which is for the calls before it; None: now
    rule: str = "consent.withdraw"
    kept: int = 0  # recordings on hold, because the person asked that they be kept
    already: Already | None = None  # what leaves nothing to be erased
    key: str | None = None  # that was pressed at the exchange
    map: str | None = None  # digest of the map that read it

    @property
    def calls(self) -> tuple[Recording, ...]:
        """The calls, without derived recordings."""
        return tuple(recording for recording in self.recordings if recording.kind is Kind.ORIGINAL)


class Already(Record, frozen=True):
    """An earlier withdrawal of a number of which nothing is held since."""

    at: datetime
    number: str  # of its receipt


class ShownCall(NamedTuple):
    """A call as shown before it is erased, so that the right caller is recognised."""

    id: str  # the beginning that means it alone
    started_at: datetime
    team: str
    duration_s: float | None  # None without a key for it
    agent: str | None


class Withdrawal(Record, frozen=True, kw_only=True):
    """The recordings that a withdrawal erased, or would erase, and the copies of them that left the store."""

    erased: int
    would_erase: int | UnsetType = UNSET  # of a preview, which erases nothing
    recordings: list[ErasedRecording]
    receipt: Path | None  # None until the objects are deleted
    recipients: list[Disclosure]
    saved: int  # files among the recipients whose deletion is not confirmed
    kept: int  # recordings that stay on hold, because the person asked that they be kept
    backup_until: datetime | None  # when the last backup that opens an erased recording is gone; None without one
    number: str | UnsetType = UNSET  # of the erasure, or the earlier one; a preview has none
    already: Already | None = None  # an earlier withdrawal, to which this one adds the calls up to now
    spool: list[str] | UnsetType = UNSET  # calls of that number that are no recordings, and lie in a known spool
    spool_until: datetime | UnsetType | None = UNSET  # when the last of them goes; None: the next intake removes all


def plan(store: Store, caller: str | None, call: str | None, now: datetime, *, asked: bool = True) -> Plan:
    """The effect of a withdrawal. Raises Usage (also for two numbers), NothingMatched (no number, no such call),
    NotGranted.

    With *asked*, a person confirms the call, so the beginning of an id is enough. The plan shows when a caller
    called, so it is logged even if it is not carried out.
    """
    store.demand(Action.WITHDRAW, now)
    if store.person.role is Role.INGEST:  # it withdraws by notices, which name a key press
        store.note(Denied(action=Action.WITHDRAW, rule="consent.withdraw", code="only_by_notice"), now)
        raise NotGranted("only_by_notice", rule="consent.withdraw")
    if (caller is None) == (call is None):
        raise Usage("caller_or_call")
    try:
        number = one_number(caller) if caller is not None else None
        subject = _of_caller(store, number) if number is not None else _of_call(store, str(call), asked=asked)
    except ArloError as problem:
        store.note(Failed(action=Action.WITHDRAW, rule="consent.withdraw", code=problem.code), now)
        raise
    reached, kept = _reached(store, subject, now)
    planned = Plan(subject, reached, number=number, kept=len(kept))
    earlier = _earlier(store, subject) if not (reached or kept) else None
    planned = replace(planned, others=_others(store, planned), already=earlier and earlier[1])
    ids = tuple(recording.id for recording in planned.recordings)
    shown = WithdrawalShown(rule=planned.rule, recordings=ids, shown=len(ids))
    protocol.with_ballast(store, lambda: store.note(shown, now))
    return planned


def noticed(
    store: Store, number: Private, at: datetime, now: datetime, *, key: str | None, map: str | None
) -> Plan | None:
    """The effect of a *key* at the exchange, by which a caller withdrew at that instant; raises NotGranted.

    Nobody is shown it, so it is not logged unless it is carried out. None: an earlier withdrawal covers it.
    """
    store.demand(Action.WITHDRAW, now)
    subject, at = _of_caller(store, number), min(at, store.clock.today(now))
    reached, kept = _reached(store, subject, now, at)
    known = store.catalogue.withdrawn_at("caller", subject.caller or b"")
    is_new = known is None or known < at
    plan = Plan(subject, reached, number=number, at=at, kept=len(kept), key=key, map=map)
    return plan if reached or is_new else None


def stopped(store: Store, source: bytes, now: datetime, *, map: str | None) -> Plan | None:
    """The effect of a record by which a call is stopped that is held: its erasure; raises NotGranted.

    *source* is the tag of the exchange's id. None: nothing of the call is held.
    """
    store.demand(Action.WITHDRAW, now)
    subject = Subject(source=source)
    reached, kept = _reached(store, subject, now)
    return Plan(subject, reached, kept=len(kept), map=map) if reached else None


def carry_out(store: Store, planned: Plan, now: datetime) -> Withdrawal:
    """Erase what the plan is for, as it is now; returns once the keys are destroyed.

    Where an earlier withdrawal leaves nothing to be erased, it is extended: calls up to now are refused if they arrive.
    """
    if planned.already is not None:
        extended = protocol.with_ballast(store, lambda: _extend(store, planned.subject, now))
        if extended is not None:
            return extended
    affected: tuple[Recording, ...] = ()
    kept: tuple[Recording, ...] = ()

    def order() -> protocol.Order:
        nonlocal affected, kept
        affected, kept = _reached(store, planned.subject, now, planned.at)
        ids = tuple(recording.id for recording in affected)
        return protocol.Order("withdrawal", planned.rule, Event.WITHDRAWN, ids)

    def add_tombstones(change: Change, wanted: protocol.Order) -> None:
        tombstones = _tombstones(store, planned.subject, planned.at, now)
        event = WithdrawnEvent(
            rule=planned.rule,
            recordings=wanted.recordings,
            count=len(wanted.recordings),
            tombstones=feed.digest_of(tombstones),
            kept=[recording.id.hex() for recording in kept] or None,
            key=planned.key,
            map=planned.map,
        )
        _bury(store, change, event, tombstones)
        store.catalogue.disclosures.erased([recording.id for recording in kept])  # their files have no basis either

    erased = protocol.carry_out(store, order, now, add_tombstones)
    receipt = receipts.file_for(store, erased.number) if erased.complete else None
    left = left_outside(store, planned.subject, now)
    facts = {"erased": len(affected), "receipt": receipt, "backup_until": left.backup_until, "number": erased.number}
    return _withdrawal(store, affected, left.files, kept=len(kept), **facts)


def _extend(store: Store, subject: Subject, now: datetime) -> Withdrawal | None:
    """Add the calls up to now to the earlier withdrawal of a number; None where recordings came since the plan."""
    with store.change(now) as change:
        earlier = _earlier(store, subject)
        if any(_reached(store, subject, now)) or earlier is None:
            return None
        entry, already = earlier
        tombstones, rule = _tombstones(store, subject, None, now), "consent.withdraw"
        event = WithdrawnEvent(rule=rule, count=0, tombstones=feed.digest_of(tombstones), of=entry)
        _bury(store, change, event, tombstones)
    left, receipt = left_outside(store, subject, now), receipts.file_for(store, already.number)
    facts = {"receipt": receipt, "backup_until": left.backup_until, "number": already.number, "already": already}
    return _withdrawal(store, (), left.files, erased=0, kept=0, **facts)


def _earlier(store: Store, subject: Subject) -> tuple[int, Already] | None:
    """The newest withdrawal of a number that has a receipt, with its log entry; None without one."""
    table = store.catalogue.tombstones
    for seq in reversed(table.entries_of("caller", subject.caller) if subject.caller else ()):
        if (number := store.catalogue.erasures.finished_by(seq)) is not None:
            return seq, Already(table.of_entry(seq)[0].at, number)
    return None


def _tombstones(store: Store, subject: Subject, at: datetime | None, now: datetime) -> list[Tombstone]:
    """The tombstones of a withdrawal; *at*: see `Plan`."""
    at = at or store.clock.today(now)  # a clock that was set back admits nothing recorded before
    tags = (("caller", subject.caller), ("source", subject.source))
    return [Tombstone(kind, tag, at) for kind, tag in tags if tag is not None]


def _bury(store: Store, change: Change, event: WithdrawnEvent, tombstones: Sequence[Tombstone]) -> None:
    """Log a withdrawal, and add the tombstones that it commits to."""
    seq = change.log(event)
    for tombstone in tombstones:
        store.catalogue.tombstones.add(tombstone, seq)


def _reached(
    store: Store, subject: Subject, now: datetime, at: datetime | None = None
) -> tuple[tuple[Recording, ...], tuple[Recording, ...]]:
    """The held recordings that a withdrawal erases, and those that it leaves on hold; *at*: see `Plan`."""
    rows = store.catalogue.search.of_subject(subject)
    rows = [recording for recording in rows if at is None or recording.started_at < at + CLOCK_TOLERANCE]
    on_hold = holds.at(store, now)
    kept = {recording.id: recording for recording in rows if on_hold.is_kept_for_person(recording)}
    return tuple(recording for recording in rows if recording.id not in kept), tuple(kept.values())


def preview(store: Store, planned: Plan) -> Withdrawal:
    """The recordings that a plan would erase."""
    facts: dict[str, Any] = {"erased": 0, "would_erase": len(planned.recordings), "receipt": None}
    facts |= {"backup_until": None, "kept": planned.kept, "already": planned.already}
    files = disclosures.of_recordings(store, [recording.id for recording in planned.recordings])
    return _withdrawal(store, planned.recordings, files, **facts)


class LeftOutside(NamedTuple):
    """Copies that withdrawals did not reach: files and backups, and when the last backup is gone."""

    files: list[Disclosure]
    backup_until: datetime | None  # None without one that opens

    @property
    def saved(self) -> int:
        """The number of files whose deletion is not confirmed."""
        return sum(each.kind != disclosures.BACKUP and each.state != "confirmed" for each in self.files)


def left_outside(store: Store, subject: Subject, now: datetime) -> LeftOutside:
    """The copies outside the system of all that was withdrawn of a subject, as far as its tombstones lead to it."""
    erased, newest = set[RecordingId](), None
    for kind, tag in (("caller", subject.caller), ("source", subject.source)):
        for seq in store.catalogue.tombstones.entries_of(kind, tag) if tag else ():
            entry = store.log.entries.get(seq)
            if entry is not None and isinstance(event := entry.event, WithdrawnEvent):
                erased |= {*event.recordings, *(RecordingId(bytes.fromhex(each)) for each in event.kept or ())}
                newest = entry.at if event.recordings else newest
    until = escrow.until(store, newest) if newest is not None else None
    is_open = until is not None and until > now
    return LeftOutside(disclosures.of_recordings(store, erased), until if is_open else None)


def _withdrawal(store: Store, recordings: Sequence[Recording], files: Sequence[Disclosure], **facts: Any) -> Withdrawal:
    saved = LeftOutside(list(files), None).saved
    if not disclosures.are_shown_to(store.person):  # nor that a person asked for access
        files = [msgspec.structs.replace(each, case=None, sha256=None, file=None) for each in files]
    erased = [ErasedRecording.of(recording) for recording in recordings]
    return Withdrawal(recordings=erased, recipients=list(files), saved=saved, **facts)


def shown_calls(store: Store, planned: Plan) -> list[ShownCall]:
    """The calls of a plan, the newest first, as far as this person may see them.

    Support has no metadata key and sees the rows; officers read length and agent with their key. Unreadable metadata
    is left out, and stops no withdrawal.
    """
    calls = sorted(planned.calls, key=lambda call: (call.started_at, call.id), reverse=True)
    known = _metadata_of(store, calls) if store.person.role is Role.OFFICER else {}
    short = short_ids(store, lambda _team: True, [call.id for call in calls])
    return [ShownCall(short[call.id], call.started_at, call.team, *known.get(call.id, (None, None))) for call in calls]


def _others(store: Store, planned: Plan) -> int:
    """The number of further held calls of the callers of a call named by its id."""
    if planned.number is not None:
        return 0
    callers = {call.caller for call in planned.calls if call.caller is not None}
    theirs = [row for caller in callers for row in store.catalogue.search.of_subject(Subject(caller=caller))]
    return len({row.id for row in theirs if row.kind is Kind.ORIGINAL} - {call.id for call in planned.calls})


def _metadata_of(store: Store, calls: list[Recording]) -> dict[RecordingId, tuple[float, str]]:
    """Length and agent of the calls with readable metadata."""
    known = {}
    try:
        for row, facts in metadata.open_each(store, calls, OfficerKeyring(store), metadata.erasure_keys(store, calls)):
            if facts is not None:
                known[row.id] = (float(facts["duration_s"]), str(facts["agent"]))
    except Integrity:  # `verify` reports it
        pass
    return known


def _of_caller(store: Store, number: Private) -> Subject:
    return Subject(caller=primitives.caller_tag(store.secret(INDEX_SEED), number.reveal().encode("ascii")))


def _of_call(store: Store, text: str, *, asked: bool) -> Subject:
    """The call with an id: ours, a copy's, the exchange's, or else the beginning of one of ours.

    Every id resolves to the original, because a customer withdraws a call and not a copy; our ids precede the
    exchange's. Raises NothingMatched if nothing of such a call is held.
    """
    tags = primitives.derive(store.secret(INDEX_SEED), "tags")
    source = primitives.tag(tags, text.encode("utf-8", "surrogatepass"), kind="source")
    original = _original_of(store, RecordingId(bytes.fromhex(text))) if _ID.fullmatch(text) else None
    row = store.catalogue.recordings.held(original) if original is not None else None
    source = row.source if row is not None and row.source else source
    subject = Subject(source=source, recording=original)
    named = {recording.id for recording in store.catalogue.search.of_subject(subject)}
    candidates = set(matching(store, lambda _team: True, text)) if asked and original is None else set()
    candidates = {revisions.newest(store, candidate) for candidate in candidates}
    if len(candidates - named) > (0 if named else 1):
        raise NothingMatched("call_not_unique", rule="consent.withdraw")
    if not named and candidates:
        return _of_call(store, candidates.pop().hex(), asked=False)
    if not named:
        raise NothingMatched("call_is_number" if _is_number(text) else "no_such_call", rule="consent.withdraw")
    return subject


def _is_number(text: str) -> bool:
    """Whether a call's reference is a telephone number in use."""
    try:
        return is_in_use(one_number(text))
    except ArloError:
        return False


def _original_of(store: Store, recording: RecordingId) -> RecordingId | None:
    """The original of a recording; None without such a row."""
    row = store.catalogue.recordings.get(recording)
    return (row.parent or recording) if row is not None else None
