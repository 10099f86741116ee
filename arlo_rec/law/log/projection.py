"""The rows that follow from the log, in memory: its entries applied in order.

`verify` compares them with the tables, a restore takes them over. An entry counts if its signer's role permits it
(`AuditEvent.counts`); signatures are verified with the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from arlo_rec.law.log import registers
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import OfCase, OfHold
from arlo_rec.law.log.registers import LoggedCase, LoggedHold
from arlo_rec.law.log.rows import Applied, CopyState, DisclosureState, MadeCopy, Rows
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.rights import outlives_withdrawal
from arlo_rec.policy import Role


@dataclass(slots=True)
class LoggedDisclosure:
    """A disclosure by the log."""

    kind: str
    person: str
    at: datetime
    recordings: frozenset[RecordingId]
    state: DisclosureState = DisclosureState.OUT


@dataclass(slots=True)
class LoggedCopy:
    """A training copy by the log: its entry, and every review by the number of its entry."""

    seq: int
    made: MadeCopy
    reviews: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Projection(Rows):
    """The effect of entries, in order of application."""

    taken_before: Callable[[int], str | None] = lambda _seq: None  # taker of a disclosure from before the first entry
    taken: set[RecordingId] = field(default_factory=set)
    erased: dict[int, frozenset[RecordingId]] = field(default_factory=dict)  # by entry
    lost: set[RecordingId] = field(default_factory=set)  # in a restore
    restored: list[range] = field(default_factory=list)  # entries that a restore took from a feed
    withdrawals: dict[int, tuple[datetime, str]] = field(default_factory=dict)  # with the digest of their tombstones
    disclosures: dict[int, LoggedDisclosure] = field(default_factory=dict)
    demanded: set[int] = field(default_factory=set)  # disclosures to be deleted, also from before the first entry
    confirmed: set[int] = field(default_factory=set)  # disclosures, also from before the first entry
    copies: dict[RecordingId, LoggedCopy] = field(default_factory=dict)
    made_twice: list[int] = field(default_factory=list)  # entries that make an existing copy
    replaced: dict[RecordingId, int] = field(default_factory=dict)  # copies, by the entry that replaced them
    cases: dict[str, LoggedCase] = field(default_factory=dict)
    holds: dict[str, LoggedHold] = field(default_factory=dict)
    kept: set[RecordingId] = field(default_factory=set)  # withdrawn, and on hold then at the person's request
    parts: dict[str, int] = field(default_factory=dict)  # of cases: the entry that commits to each row
    approved: int = 0  # versions of the policy
    forgotten: list[tuple[int, datetime, int, int]] = field(default_factory=list)  # entry, time, days, `approved` then
    removed: set[str] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)
    escrows: set[str] = field(default_factory=set)
    _disclosed: dict[RecordingId, set[int]] = field(default_factory=dict)

    def taker(self, of: int) -> str | None:
        known = self.disclosures.get(of)
        return known.person if known is not None else self.taken_before(of)

    def take_in(self, recordings: Iterable[RecordingId]) -> None:
        self.taken.update(recordings)

    def erase(
        self, entry: Applied, tombstones: str | None = None, kept: Sequence[RecordingId] = (), *, anew: bool = True
    ) -> None:
        """See `Rows`; a recording without a hold at the person's request is not kept: its withdrawal erased it."""
        if anew:
            self.erased[entry.seq] = entry.recordings
            self._open(entry.recordings)
        if tombstones is not None:
            self.withdrawals[entry.seq] = entry.at, tombstones
        stay = frozenset(recording for recording in kept if self._is_held_for_person(recording, entry.at))
        self.kept |= stay
        self._open(stay)

    def _is_held_for_person(self, recording: RecordingId, at: datetime) -> bool:
        call = self.copies[recording].made.parent if recording in self.copies else recording
        return any(hold.holds(call, at) and outlives_withdrawal(hold.ground) for hold in self.holds.values())

    def restore(self, entry: Applied, since: int) -> None:
        self.restored.append(range(since, entry.seq))
        self.lost |= entry.recordings
        self._open(entry.recordings)

    def disclose(self, entry: Applied, kind: str) -> None:
        self.disclosures[entry.seq] = LoggedDisclosure(kind, entry.person, entry.at, entry.recordings)
        for recording in entry.recordings:
            self._disclosed.setdefault(recording, set()).add(entry.seq)

    def leave_nothing(self, of: int) -> None:
        self.disclosures.pop(of, None)

    def mark_file(self, of: int, state: DisclosureState) -> None:
        if state is DisclosureState.OPEN:
            self.demanded.add(of)
            self._demand(self.disclosures.get(of))
        else:
            self.confirmed.add(of)
            if of in self.disclosures:
                self.disclosures[of].state = DisclosureState.CONFIRMED

    def _open(self, recordings: frozenset[RecordingId]) -> None:
        for recording in recordings & self._disclosed.keys():
            for seq in self._disclosed[recording]:
                self._demand(self.disclosures.get(seq))

    @staticmethod
    def _demand(known: LoggedDisclosure | None) -> None:
        if known is not None and known.state is DisclosureState.OUT:
            known.state = DisclosureState.OPEN

    def make_copy(self, entry: Applied, copy: MadeCopy) -> None:
        if entry.recordings & self.copies.keys():
            self.made_twice.append(entry.seq)
        for recording in entry.recordings - self.copies.keys():
            self.copies[recording] = LoggedCopy(entry.seq, copy._replace(first=copy.first or recording))
        if copy.made_from is not None:
            self.replaced[copy.made_from] = entry.seq

    def review_copies(self, entry: Applied) -> None:
        for copy in entry.recordings & self.copies.keys():
            self.copies[copy].reviews.append((entry.seq, entry.person))

    def follow(self, entry: Applied, event: object, part: str | None = None) -> None:
        if part is not None:
            self.parts[part] = entry.seq
        if isinstance(event, OfCase):
            registers.follow_case(self.cases, event, entry.at, entry.person)
        if isinstance(event, OfHold):
            registers.follow_hold(self.holds, event, entry.at, entry.person)

    def end_cases(self, entry: Applied, ended: Sequence[str]) -> None:
        """See `Rows`; a case that has not ended stays."""
        for case in ended:
            if case in self.cases and self.cases[case].ends_at <= entry.at:
                del self.cases[case]

    def approve_policy(self) -> None:
        self.approved += 1

    def forget_entries(self, entry: Applied, days: int) -> None:
        self.forgotten.append((entry.seq, entry.at, days, self.approved))

    def void_keys(self, name: str, *, renewed: bool) -> None:
        (self.renewed if renewed else self.removed).add(name)

    def name_escrow(self, folder: str) -> None:
        self.escrows.add(folder)


def take(rows: Projection, event: AuditEvent, entry: Applied, role: Role) -> bool:
    """Apply an event, signed by a person of that role, if it counts; returns whether it does.

    Raises KeyError, TypeError, ValueError or OverflowError for an event that the program does not write.
    """
    counts = event.counts(rows, entry, role)
    if counts:
        event.apply(rows, entry)
    return counts


def gone(rows: Projection) -> set[RecordingId]:
    """Every erased or lost recording."""
    return rows.lost.union(*rows.erased.values())


def has_rows(rows: Projection, seq: int) -> bool:
    """Whether an entry was written here, and not in a lost store whose feed was replayed."""
    return not any(seq in span for span in rows.restored)


def copy_state(rows: Projection, copy: RecordingId) -> tuple[CopyState, str | None]:
    """The state of a copy and its last reviewer, by entries written here."""
    known = rows.copies[copy]
    reviewers = [name for seq, name in known.reviews if has_rows(rows, seq)]
    reviewer = reviewers[-1] if reviewers else None
    if known.made.state is CopyState.RELEASED:
        return CopyState.RELEASED, reviewer
    if copy in rows.replaced and has_rows(rows, rows.replaced[copy]):
        return CopyState.REPLACED, reviewer
    return (CopyState.READY if reviewers else CopyState.NEEDS_REVIEW), reviewer
