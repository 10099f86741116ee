"""What the log says of tables that could be computed from it: each is an index, which may deceive who relies on it.

Whoever has the owner's account can strike a row and put the sums in order. So `verify` computes anew, from the entries
of the log:

    mentions      which entries name which recording        by a sum that does not depend on the order
    disclosures   which copies left, and what became of them
    erasures      what each erased, and the receipt's file
    tombstones    of each withdrawal, while they live
    copies        made and reviewed by whom and when, confirmed, replaced or released
    cases         of access requests, until they end

An entry counts where it is one of this program, and the role that its person had then may do what it says; that their
key signed it is checked with the log.

The first pass follows the log with `oversight.consistency`. The store may be in use meanwhile: what is compared is what
entries before the end of that pass say, and states may have gone on since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

from arlo_rec.access import cases
from arlo_rec.access.cases import LoggedCase
from arlo_rec.catalogue.copies import CopyState
from arlo_rec.catalogue.disclosures import DisclosureRow, DisclosureState
from arlo_rec.erasure import receipts
from arlo_rec.erasure.receipt_form import is_number
from arlo_rec.keys import policy_document
from arlo_rec.model import audit_events
from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import (
    AccessRequested,
    CallTakenIn,
    CaseOpened,
    CasesEnded,
    CaseWidened,
    CopyConfirmed,
    CopyMade,
    DeletionConfirmed,
    EntriesForgotten,
    Erases,
    LeftNothing,
    ObjectionUpheld,
    OfCase,
    Opened,
    OpenedForSubject,
    PolicyApproved,
    PolicyProposed,
    Restored,
    Withdrawn,
)
from arlo_rec.model.policy_versions import Policy
from arlo_rec.model.records import Limits, Person, RecordingId, from_iso, named_in, to_iso
from arlo_rec.model.rights import right_to
from arlo_rec.offsite import feed
from arlo_rec.oversight.consistency import Parsed, Problem
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, Action, Purpose, Role, may
from arlo_rec.store import Store

_MODULO = 2**128
_LATER = {  # the states that a disclosure may have gone on to since
    DisclosureState.OUT: {DisclosureState.OUT, DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.OPEN: {DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.CONFIRMED: {DisclosureState.CONFIRMED},
}
_HAPPENED = frozenset({"allowed", "done"})  # outcomes
_CALL = (str(CallTakenIn.ACTION), CallTakenIn.OUTCOME)
_SPEAK = frozenset(  # actions of the entries that this looks into; most others are calls that were taken in
    {"withdraw", "purge", "export", "pseudonymise", "review", "release", "reject", "dsar", "restore"}
    | {ObjectionUpheld.ACTION}
    | {"confirm_deleted", "handed out", EntriesForgotten.ACTION, PolicyApproved.ACTION}
)


@dataclass(slots=True)
class _Logged:
    """A disclosure by the log."""

    kind: str
    person: str
    at: str
    recordings: frozenset[RecordingId]
    state: DisclosureState = DisclosureState.OUT


@dataclass(slots=True)
class _LoggedCopy:
    """A training copy by the log: who made it, when, of which copy, as which revision; every review, by its entry."""

    made: tuple[str, str, RecordingId | None, RecordingId, int]  # with its first revision and the number of this one
    is_released: bool
    reviews: list[tuple[int, str]] = field(default_factory=list)


class EvidenceCheck:
    """A check of the tables that are an index of the log: `follow` reads the log, `problems` compares."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._live_since = store.today(now) - RETENTION - WITHDRAWN_MARGIN
        self._end = 0
        self._mentions = 0
        self._disclosures: dict[int, _Logged] = {}
        self._disclosed: dict[RecordingId, set[int]] = {}
        self._erased: dict[int, frozenset[RecordingId]] = {}
        self._withdrawals: dict[int, str] = {}  # that live, with the digest of their tombstones
        self._caught_up: list[range] = []  # entries that a restore took from a feed, without the rows beside them
        self._copies: dict[RecordingId, _LoggedCopy] = {}
        self._replaced: dict[RecordingId, int] = {}  # copies by the entry that made another in their place
        self._cases: dict[str, LoggedCase] = {}
        self._sworn_twice: list[int] = []
        self._parts: dict[str, int] = {}  # the entry that commits to each part of a case
        self._versions = 1  # of the policy, that were approved by then
        self._unasked: list[int] = []  # entries that say that others were forgotten, where the policy did not
        self._without_right: list[int] = []  # entries that say what their person's role may not do
        self._unreadable: list[int] = []  # entries that are none of this program
        self._signers = store.signers()

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Read a batch of the log's entries; batches are passed in order."""
        for seq, entry in entries:
            self._end = seq + 1
            if entry is None:
                continue
            try:
                self._read(seq, entry)
            except (KeyError, TypeError, ValueError, AttributeError):
                self._unreadable.append(seq)

    def _read(self, seq: int, entry: Mapping[str, Any]) -> None:
        names = named_in(entry)
        for name in set(names):
            self._mentions += _summand(name, seq)
        person = self._signers.named(entry.get("person"), seq)
        if person is None:
            return
        right = right_to(entry["action"]) if entry.get("outcome") in _HAPPENED else None
        if right is not None and not may(person.role, right).allowed:
            self._without_right.append(seq)
        from_iso(entry["at"])
        if (entry["action"], entry.get("outcome")) != _CALL:  # calls are most of a log, and their rows are compared
            _demand_readable(audit_events.read(entry))
        if entry["action"] not in _SPEAK:
            return
        recordings = frozenset(names)
        self._take(seq, entry, recordings, person)

    def _take(self, seq: int, entry: Mapping[str, Any], recordings: frozenset[RecordingId], person: Person) -> None:
        def entitled(action: str) -> bool:
            return may(person.role, Action(action)).allowed

        match audit_events.read(entry):
            case Opened(action=Action.EXPORT) if recordings:
                self._disclose(seq, "export", entry, recordings)
            case OpenedForSubject() if recordings:
                self._disclose(seq, "package", entry, recordings)
            case LeftNothing(of=of) if self._is_of(of, entry):
                self._disclosures.pop(of, None)
            case DeletionConfirmed(of=of) if person.role is Role.OFFICER or self._is_of(of, entry):
                if of in self._disclosures:
                    self._disclosures[of].state = DisclosureState.CONFIRMED
            case Withdrawn(tombstones=digest) if entitled(entry["action"]):
                self._erase(seq, recordings)
                if from_iso(entry["at"]) >= self._live_since:
                    self._withdrawals[seq] = digest
            case Restored(since=since) if entitled(entry["action"]):
                self._caught_up.append(range(since, seq))
                self._see_erased(recordings)
            case PolicyApproved(since=str()) if may(person.role, Action.POLICY).allowed:
                self._versions += 1
            case EntriesForgotten(days=days):
                then = Policy(self._store.policy.versions[: self._versions])
                if then.at(from_iso(entry["at"])).entries_days != days:
                    self._unasked.append(seq)
            case Erases() if entitled(entry["action"]):
                self._erase(seq, recordings)
            case CopyConfirmed() if entitled(entry["action"]):
                for copy in recordings & self._copies.keys():
                    self._copies[copy].reviews.append((seq, str(entry["person"])))
            case CopyMade() as made if entitled(entry["action"]):
                self._make(seq, entry, recordings, made)
            case OfCase() as done if entitled(entry["action"]):
                if isinstance(done, CaseOpened | CaseWidened):
                    self._parts[done.sworn] = seq
                cases.follow(self._cases, done, from_iso(entry["at"]))
            case CasesEnded(cases=ended) if entitled(entry["action"]):
                for case in ended:
                    if self._may_end(case, from_iso(entry["at"])):
                        self._cases.pop(case, None)

    def _may_end(self, case: str, at: datetime) -> bool:
        """Whether a case had ended at that time."""
        return case not in self._cases or self._cases[case].ends_at <= at

    def _make(self, seq: int, entry: Mapping[str, Any], recordings: frozenset[RecordingId], made: CopyMade) -> None:
        made_from = RecordingId(bytes.fromhex(made.replaces)) if made.replaces is not None else None
        if made_from is not None:
            self._replaced[made_from] = seq
        if recordings & self._copies.keys():
            self._sworn_twice.append(seq)
        for copy in recordings - self._copies.keys():
            first = RecordingId(bytes.fromhex(made.first)) if made.first is not None else copy
            told = (str(entry["person"]), str(entry["at"]), made_from, first, made.revision)
            self._copies[copy] = _LoggedCopy(told, is_released=made.state == CopyState.RELEASED)

    def _is_of(self, disclosure: int, entry: Mapping[str, Any]) -> bool:
        """Whether an entry is of the person who took that copy."""
        logged = self._disclosures.get(disclosure)
        return logged is not None and logged.person == entry.get("person")

    def _disclose(self, seq: int, kind: str, entry: Mapping[str, Any], recordings: frozenset[RecordingId]) -> None:
        self._disclosures[seq] = _Logged(kind, str(entry["person"]), str(entry["at"]), recordings)
        for recording in recordings:
            self._disclosed.setdefault(recording, set()).add(seq)

    def _erase(self, seq: int, recordings: frozenset[RecordingId]) -> None:
        self._erased[seq] = recordings
        self._see_erased(recordings)

    def _see_erased(self, recordings: frozenset[RecordingId]) -> None:
        for recording in recordings & self._disclosed.keys():
            for disclosure in self._disclosed[recording]:
                logged = self._disclosures.get(disclosure)
                if logged is not None and logged.state is DisclosureState.OUT:
                    logged.state = DisclosureState.OPEN

    # -- compared --------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """Every problem, after `follow` had the last batch."""
        return [
            *(Problem("entry_without_right", str(seq)) for seq in self._without_right),
            *(Problem("entry_unreadable", str(seq)) for seq in self._unreadable),
            *(Problem("forgotten_unasked", str(seq)) for seq in self._unasked),
            *(Problem("sworn_twice", str(seq)) for seq in self._sworn_twice),
            *self._wrong_mentions(),
            *self._wrong_disclosures(),
            *self._wrong_erasures(),
            *self._wrong_tombstones(),
            *self._wrong_copies(),
            *self._wrong_cases(),
        ]

    def _has_rows(self, seq: int) -> bool:
        """Whether what an entry did was done here, and not in a lost store of which only the feed told."""
        return not any(seq in caught_up for caught_up in self._caught_up)

    def _wrong_mentions(self) -> Iterator[Problem]:
        stored = sum(_summand(recording, seq) for recording, seq in self._store.log.mentions(self._end))
        if stored % _MODULO != self._mentions % _MODULO:
            yield Problem("mentions_differ", "mentions")

    def _wrong_disclosures(self) -> Iterator[Problem]:
        rows = {row.seq: row for row in self._store.catalogue.disclosures.every() if row.seq < self._end}
        went_on = self._store.log.tree().size > self._end  # in a store in which others write
        for seq in sorted(rows.keys() | self._disclosures.keys()):
            agrees = _agrees(rows.get(seq), self._disclosures.get(seq), went_on=went_on)
            if not agrees and not (went_on and self._was_left_since(seq)):
                yield Problem("disclosure_differs", str(seq))

    def _was_left_since(self, seq: int) -> bool:
        """Whether no file of it came into being, as an entry behind the checked part of the log says."""
        for raw in self._store.log.raw_entries(self._end, self._store.log.tree().size):
            if raw.body is not None and b'"handed out"' in raw.body and str(seq).encode("ascii") in raw.body:
                return True
        return False

    def _wrong_erasures(self) -> Iterator[Problem]:
        erased = list(self._store.catalogue.recordings.by_erasure())  # before the erasures, which may become more
        finished, seen = set(self._store.catalogue.erasures.finished()), set[int]()
        numbers, of = {number for _, number in erased}, dict[str | None, frozenset[RecordingId]]()
        for number, seq, recordings in self._store.catalogue.erasures.logged():
            seen.add(seq)
            if number in numbers:
                of[number] = frozenset(recordings)
            if not is_number(number):
                yield Problem("erasure_differs", str(seq))
            elif seq < self._end and self._erased.get(seq) != frozenset(recordings):
                yield Problem("erasure_differs", number)
            elif number in finished and not receipts.is_as_written(self._store, number):
                yield Problem("receipt_changed", number)
        for recording, its in erased:
            if recording not in of.get(its, ()):
                yield Problem("erasure_differs", recording.hex())
        for seq in self._erased.keys() - seen:
            if self._has_rows(seq):
                yield Problem("erasure_differs", str(seq))

    def _wrong_tombstones(self) -> Iterator[Problem]:
        table = self._store.catalogue.tombstones
        went_on = self._store.log.tree().size > self._end
        newest: dict[tuple[str, bytes], datetime] = {}
        for seq, digest in self._withdrawals.items():
            tombstones = table.of_entry(seq)
            for each in tombstones:
                newest[each.kind, each.tag] = max(each.at, newest.get((each.kind, each.tag), each.at))
            if feed.digest_of(tombstones) != digest:
                yield Problem("tombstone_missing", str(seq))
        kept = {(each.kind, each.tag): each.at for each in table.since(self._live_since)}
        for place in newest.keys() | (set() if went_on else kept.keys()):
            at = kept.get(place)
            if at != newest.get(place) and not (went_on and at is not None and at > newest[place]):
                yield Problem("tombstone_missing" if at is None else "tombstone_of_nobody", place[1].hex())

    def _wrong_copies(self) -> Iterator[Problem]:
        rows = self._store.catalogue.copies.every()
        if self._store.log.tree().size != self._end:
            return  # somebody works on copies meanwhile
        for copy in rows:
            logged = self._copies.get(copy.id)
            told = (copy.made_by, to_iso(copy.made_at), copy.made_from, copy.first, copy.revision)
            if logged is None or logged.made != told or self._fate(copy.id, logged) != (copy.state, copy.reviewed_by):
                yield Problem("copy_differs", copy.id.hex())

    def _fate(self, copy: RecordingId, logged: _LoggedCopy) -> tuple[CopyState, str | None]:
        """The state of a copy, and who reviewed it last, by what was done here."""
        reviewers = [name for seq, name in logged.reviews if self._has_rows(seq)]
        reviewer = reviewers[-1] if reviewers else None
        if logged.is_released:
            return CopyState.RELEASED, reviewer
        if copy in self._replaced and self._has_rows(self._replaced[copy]):
            return CopyState.REPLACED, reviewer
        return (CopyState.READY if reviewers else CopyState.NEEDS_REVIEW), reviewer

    def _wrong_cases(self) -> Iterator[Problem]:
        rows = {row.digest(): row.id for row in self._store.catalogue.cases.rows()}
        sworn = {digest: case.id for case in self._cases.values() for digest in case.sworn}
        logged = {
            digest: case for digest, case in sworn.items() if self._has_rows(self._parts[digest]) or digest in rows
        }
        if rows != logged and self._store.log.tree().size == self._end:
            differ = rows.items() ^ logged.items()
            yield from (Problem("case_differs", case) for case in sorted({case for _, case in differ}))


def _demand_readable(event: AuditEvent | None) -> None:
    """Raise KeyError, TypeError or ValueError where an entry holds what no command could read."""
    match event:
        case None:
            raise ValueError("no entry of ours")
        case AccessRequested(purpose=purpose, until=until, limits=limits):
            Purpose(purpose)
            from_iso(until)
            if limits is not None:
                Limits.from_json(limits)
        case PolicyProposed(document=document):
            policy_document.read_version(document)
        case CopyMade(parent=parent):
            bytes.fromhex(parent)


def _summand(recording: bytes, seq: int) -> int:
    return int.from_bytes(blake2b(recording + seq.to_bytes(8, "big", signed=True), digest_size=16).digest(), "big")


def _agrees(row: DisclosureRow | None, logged: _Logged | None, *, went_on: bool) -> bool:
    if row is None or logged is None:
        return row is None and logged is None
    states = _LATER[logged.state] if went_on else {logged.state}
    same = (row.kind, row.person, to_iso(row.at)) == (logged.kind, logged.person, logged.at)
    return same and row.state in states
