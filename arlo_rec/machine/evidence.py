"""The tables that follow from the log, and the erasures due by purges and withdrawals, computed anew from its entries.

The owner's account can delete or change a row and correct the sums. So `verify` compares:

    mentions      which entries name which recording        by a sum that does not depend on the order
    disclosures   which copies left, and their state
    erasures      the recordings of each, and the receipt's file
    tombstones    of each withdrawal, while they are kept
    copies        made and reviewed by whom and when, confirmed, replaced or released
    cases         of access requests, until they end
    purges        of recordings before their day, by the id, the intake's entry and the policy
    withdrawals   after which a recording, or a copy of one, is still held

Readable entries count if their person's role then permitted them; signatures are verified with the log. The first
pass follows the log with `machine.consistency`. The store may be in use: entries before the end of that pass are
compared, and states may have advanced since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from arlo_rec.law.log import events, projection
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import AccessRequested, CallTakenIn, PolicyProposed, Purged
from arlo_rec.law.log.projection import LoggedDisclosure, Projection
from arlo_rec.law.log.rows import Applied, DisclosureState, MadeCopy
from arlo_rec.law.model import documents, policy_versions
from arlo_rec.law.model.policy_versions import Policy
from arlo_rec.law.model.records import DAYS_AHEAD, EPOCH, Limits, RecordingId, day_due, from_iso, named_in
from arlo_rec.machine.consistency import Parsed, Problem
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, Purpose, may
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.catalogue.disclosures import DisclosureRow
from arlo_rec.vault.certificates.check import is_number
from arlo_rec.vault.erasure import receipts
from arlo_rec.vault.offsite import feed
from arlo_rec.vault.opened import Store

_MODULO = 2**128
_LATER = {  # the states that a disclosure may have advanced to
    DisclosureState.OUT: {DisclosureState.OUT, DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.OPEN: {DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.CONFIRMED: {DisclosureState.CONFIRMED},
}
_HAPPENED = frozenset({"allowed", "done"})  # outcomes
_CALL = (str(CallTakenIn.ACTION), CallTakenIn.OUTCOME)


class EvidenceCheck:
    """A check of the tables that index the log: `follow` reads the log, `problems` compares."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._live_since = store.clock.today(now) - RETENTION - WITHDRAWN_MARGIN
        self._end = 0
        self._mentions = 0
        self._rows = Projection()
        self._early: dict[RecordingId, datetime] = {}  # erased by a purge at that time, perhaps before their day
        self._without_permission: list[int] = []  # entries that their person's role does not permit
        self._unreadable: list[int] = []  # entries not written by the program
        self._signers = store.roster.signers()

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Read a batch of the log's entries; batches are passed in order."""
        for seq, entry in entries:
            self._end = seq + 1
            if entry is None:
                continue
            try:
                self._read(seq, entry)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                self._unreadable.append(seq)

    def _read(self, seq: int, entry: Mapping[str, Any]) -> None:
        names = named_in(entry)
        for name in set(names):
            self._mentions += _summand(name, seq)
        person = self._signers.named(entry.get("person"), seq)
        if person is None:
            return
        at = from_iso(entry["at"])
        if (entry["action"], entry.get("outcome")) == _CALL:  # most of a log; their rows are compared elsewhere
            if not events.may_say(person.role, entry["action"]):
                self._without_permission.append(seq)
            return
        event = _demand_readable(events.read(entry))
        needs = event.permission if event.OUTCOME in _HAPPENED else None
        if needs is not None and not may(person.role, needs).allowed:
            self._without_permission.append(seq)
        counts = projection.take(
            self._rows, event, Applied(seq, at, str(entry["person"]), frozenset(names)), person.role
        )
        if counts and isinstance(event, Purged):
            today = (at - EPOCH) // timedelta(days=1)
            self._early |= {name: at for name in names if 0 < (name[0] - today) % 256 <= DAYS_AHEAD}

    def problems(self) -> list[Problem]:
        """Every problem, after the last `follow`."""
        return [
            *(Problem("entry_without_right", str(seq)) for seq in self._without_permission),
            *(Problem("entry_unreadable", str(seq)) for seq in self._unreadable),
            *self._forgotten_unasked(),
            *(Problem("sworn_twice", str(seq)) for seq in self._rows.made_twice),
            *self._wrong_mentions(),
            *self._wrong_disclosures(),
            *self._wrong_erasures(),
            *self._wrong_tombstones(),
            *self._wrong_copies(),
            *self._wrong_cases(),
            *self._erased_too_early(),
            *self._withdrawn_but_held(),
        ]

    def _forgotten_unasked(self) -> Iterator[Problem]:
        """Entries that forgot others sooner than the policy of that time says."""
        for seq, at, days, approved in self._rows.forgotten:
            then = Policy(self._store.policy.versions[: 1 + approved])
            if then.at(at).entries_days != days:
                yield Problem("forgotten_unasked", str(seq))

    def _wrong_mentions(self) -> Iterator[Problem]:
        stored = sum(_summand(recording, seq) for recording, seq in self._store.log.raw.mentions(self._end))
        if stored % _MODULO != self._mentions % _MODULO:
            yield Problem("mentions_differ", "mentions")

    def _wrong_disclosures(self) -> Iterator[Problem]:
        rows = {row.seq: row for row in self._store.catalogue.disclosures.every() if row.seq < self._end}
        went_on = self._store.log.tree().size > self._end  # in a store with other writers
        for seq in sorted(rows.keys() | self._rows.disclosures.keys()):
            agrees = _agrees(rows.get(seq), self._rows.disclosures.get(seq), went_on=went_on)
            if not agrees and not (went_on and self._was_left_since(seq)):
                yield Problem("disclosure_differs", str(seq))

    def _was_left_since(self, seq: int) -> bool:
        """Whether a later entry says that no file was written."""
        for raw in self._store.log.raw.entries(self._end, self._store.log.tree().size):
            if raw.body is not None and b'"handed out"' in raw.body and str(seq).encode("ascii") in raw.body:
                return True
        return False

    def _wrong_erasures(self) -> Iterator[Problem]:
        erased = list(self._store.catalogue.recordings.by_erasure())  # before the erasures, which may increase
        finished, seen = set(self._store.catalogue.erasures.finished()), set[int]()
        numbers, of = {number for _, number in erased}, dict[str | None, frozenset[RecordingId]]()
        for number, seq, recordings in self._store.catalogue.erasures.logged():
            seen.add(seq)
            if number in numbers:
                of[number] = frozenset(recordings)
            if not is_number(number):
                yield Problem("erasure_differs", str(seq))
            elif seq < self._end and self._rows.erased.get(seq) != frozenset(recordings):
                yield Problem("erasure_differs", number)
            elif number in finished and not receipts.is_as_written(self._store, number):
                yield Problem("receipt_changed", number)
        for recording, its in erased:
            if recording not in of.get(its, ()):
                yield Problem("erasure_differs", recording.hex())
        for seq in self._rows.erased.keys() - seen:
            if projection.has_rows(self._rows, seq):
                yield Problem("erasure_differs", str(seq))

    def _wrong_tombstones(self) -> Iterator[Problem]:
        table = self._store.catalogue.tombstones
        went_on = self._store.log.tree().size > self._end
        newest: dict[tuple[str, bytes], datetime] = {}
        for seq, (at, digest) in self._rows.withdrawals.items():
            if at < self._live_since:
                continue
            tombstones = table.of_entry(seq)
            for tombstone in tombstones:
                place = tombstone.kind, tombstone.tag
                newest[place] = max(tombstone.at, newest.get(place, tombstone.at))
            if feed.digest_of(tombstones) != digest:
                yield Problem("tombstone_missing", str(seq))
        kept = {(tombstone.kind, tombstone.tag): tombstone.at for tombstone in table.since(self._live_since)}
        for place in newest.keys() | (set() if went_on else kept.keys()):
            until = kept.get(place)
            if until != newest.get(place) and not (went_on and until is not None and until > newest[place]):
                yield Problem("tombstone_missing" if until is None else "tombstone_of_nobody", place[1].hex())

    def _wrong_copies(self) -> Iterator[Problem]:
        rows = self._store.catalogue.copies.every()
        if self._store.log.tree().size != self._end:
            return  # copies are being changed
        for copy in rows:
            logged = self._rows.copies.get(copy.id)
            if (
                logged is None
                or not _is_as_logged(copy, logged.made)
                or projection.copy_state(self._rows, copy.id) != (copy.state, copy.reviewed_by)
            ):
                yield Problem("copy_differs", copy.id.hex())

    def _wrong_cases(self) -> Iterator[Problem]:
        rows = {row.digest(): row.id for row in self._store.catalogue.cases.rows()}
        committed = {digest: case.id for case in self._rows.cases.values() for digest in case.sworn}
        logged = {
            digest: case
            for digest, case in committed.items()
            if projection.has_rows(self._rows, self._rows.parts[digest]) or digest in rows
        }
        if rows != logged and self._store.log.tree().size == self._end:
            differ = rows.items() ^ logged.items()
            yield from (Problem("case_differs", case) for case in sorted({case for _, case in differ}))

    def _erased_too_early(self) -> Iterator[Problem]:
        taken_in = self._store.log.entries.taking_in(self._early.keys())
        for recording, entry in taken_in.items():
            is_early = self._early[recording] < self._earliest(recording, entry.at)
            if is_early and recording not in self._rows.kept:  # withdrawn, and erased at the end of its hold
                yield Problem("erased_too_early", recording.hex())

    def _earliest(self, recording: RecordingId, taken_in: datetime) -> datetime:
        """The start of the day on which a recording was due: by its id, or earlier by a later policy."""
        begins, _ = day_due(recording, taken_in)
        versions = self._store.policy.versions  # each was the newest once; a clock that was set back ended it
        policies = (Policy(versions[:count]) for count in range(1, len(versions) + 1))
        return min(begins, *(policy.due_at(begins - RETENTION) for policy in policies))

    def _withdrawn_but_held(self) -> Iterator[Problem]:
        held = self._store.catalogue.search.of_withdrawn(self._end)
        taken_in = self._store.log.entries.taking_in({row.id for _, row in held})
        for seq, row in held:
            is_after = row.id in taken_in and taken_in[row.id].seq < seq
            if is_after and row.id not in self._rows.kept:
                yield Problem("withdrawn_but_held", row.id.hex())
        withdrawn = {recording: seq for seq in self._rows.withdrawals for recording in self._rows.erased.get(seq, ())}
        for copy, logged in self._rows.copies.items():
            is_late = withdrawn.get(logged.made.parent, -1) > logged.seq
            if is_late and self._store.catalogue.recordings.held(copy) is not None:
                yield Problem("withdrawn_but_held", copy.hex())


def _is_as_logged(copy: Copy, made: MadeCopy) -> bool:
    return made == MadeCopy(
        copy.made_by, copy.made_at, copy.parent, made.state, copy.made_from, copy.first, copy.revision
    )


def _demand_readable(event: AuditEvent | None) -> AuditEvent:
    """Raise KeyError, TypeError or ValueError for an entry with values that no command could read."""
    match event:
        case None:
            raise ValueError("no entry of ours")
        case AccessRequested(purpose=purpose, until=until, limits=limits):
            Purpose(purpose)
            from_iso(until)
            if limits is not None:
                documents.read(limits, Limits)
        case PolicyProposed(document=document):
            policy_versions.read_version(document)
    return event


def _summand(recording: bytes, seq: int) -> int:
    return int.from_bytes(blake2b(recording + seq.to_bytes(8, "big", signed=True), digest_size=16).digest(), "big")


def _agrees(row: DisclosureRow | None, logged: LoggedDisclosure | None, *, went_on: bool) -> bool:
    if row is None or logged is None:
        return row is None and logged is None
    states = _LATER[logged.state] if went_on else {logged.state}
    same = (row.kind, row.person, row.at) == (logged.kind, logged.person, logged.at)
    return same and row.state in states
