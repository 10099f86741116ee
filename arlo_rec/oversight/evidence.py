"""What the log says of tables that could be computed from it: each is an index, which may deceive who relies on it.

Anybody's own code can strike a row and put the sums in order. So `verify` computes anew, from the entries of the log:

    mentions      which entries name which recording        by a sum that does not depend on the order
    disclosures   which copies left, and what became of them
    erasures      what each erased, and the receipt's file
    tombstones    of each withdrawal, while they live

The first pass follows the log with `oversight.consistency`. The store may be in use meanwhile: what is compared is what
entries before the end of that pass say, and states may have gone on since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from arlo_rec.catalogue.disclosures import DisclosureRow, DisclosureState
from arlo_rec.erasure import receipts
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import (
    DeletionConfirmed,
    Erases,
    LeftNothing,
    Opened,
    OpenedForSubject,
    Restored,
    ReviewHeard,
    Withdrawn,
)
from arlo_rec.model.records import RecordingId, from_iso
from arlo_rec.offsite import feed
from arlo_rec.oversight.consistency import Parsed, Problem
from arlo_rec.policy import RETENTION, WITHDRAWN_MARGIN, Action
from arlo_rec.store import Store

_MODULO = 2**128
_LATER = {  # the states that a disclosure may have gone on to since
    DisclosureState.OUT: {DisclosureState.OUT, DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.OPEN: {DisclosureState.OPEN, DisclosureState.CONFIRMED},
    DisclosureState.CONFIRMED: {DisclosureState.CONFIRMED},
}
_SPEAK = frozenset(  # actions of the entries that this looks into; most others are calls that were taken in
    {"withdraw", "purge", "export", "review", "release", "reject", "dsar", "restore", "confirm_deleted", "handed out"}
)


@dataclass(slots=True)
class _Logged:
    """A disclosure by the log."""

    kind: str
    person: str
    recordings: frozenset[RecordingId]
    state: DisclosureState = DisclosureState.OUT


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

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Read a batch of the log's entries; batches are passed in order."""
        for seq, entry in entries:
            self._end = seq + 1
            if entry is None:
                continue
            try:
                self._read(seq, entry)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # not an entry of this program

    def _read(self, seq: int, entry: Mapping[str, Any]) -> None:
        names = [RecordingId(bytes.fromhex(name)) for name in entry.get("recordings", ())]
        for name in set(names):
            self._mentions += _summand(name, seq)
        if entry.get("action") not in _SPEAK:
            return
        recordings = frozenset(names)
        match audit_events.read(entry):
            case Opened(action=Action.EXPORT) | ReviewHeard() if recordings:
                self._disclose(seq, "export", entry, recordings)
            case OpenedForSubject() if recordings:
                self._disclose(seq, "package", entry, recordings)
            case LeftNothing(of=of):
                self._disclosures.pop(of, None)
            case DeletionConfirmed(of=of) if of in self._disclosures:
                self._disclosures[of].state = DisclosureState.CONFIRMED
            case Withdrawn(tombstones=digest):
                self._erase(seq, recordings)
                if from_iso(entry["at"]) >= self._live_since:
                    self._withdrawals[seq] = digest
            case Erases() | Restored():
                self._erase(seq, recordings)

    def _disclose(self, seq: int, kind: str, entry: Mapping[str, Any], recordings: frozenset[RecordingId]) -> None:
        self._disclosures[seq] = _Logged(kind, str(entry["person"]), recordings)
        for recording in recordings:
            self._disclosed.setdefault(recording, set()).add(seq)

    def _erase(self, seq: int, recordings: frozenset[RecordingId]) -> None:
        self._erased[seq] = recordings
        for recording in recordings & self._disclosed.keys():
            for disclosure in self._disclosed[recording]:
                logged = self._disclosures.get(disclosure)
                if logged is not None and logged.state is DisclosureState.OUT:
                    logged.state = DisclosureState.OPEN

    # -- compared --------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """Every problem, after `follow` had the last batch."""
        return [
            *self._wrong_mentions(),
            *self._wrong_disclosures(),
            *self._wrong_erasures(),
            *self._wrong_tombstones(),
        ]

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
        finished = set(self._store.catalogue.erasures.finished())
        for number, seq, recordings in self._store.catalogue.erasures.logged():
            if seq < self._end and self._erased.get(seq) != frozenset(recordings):
                yield Problem("erasure_differs", number)
            elif number in finished and not receipts.is_as_written(self._store, number):
                yield Problem("receipt_changed", number)

    def _wrong_tombstones(self) -> Iterator[Problem]:
        table = self._store.catalogue.tombstones
        for seq, digest in self._withdrawals.items():
            tombstones = table.of_entry(seq)
            kept = [table.withdrawn_at(each.kind, each.tag) for each in tombstones]
            lives = all(at is not None and at >= each.at for at, each in zip(kept, tombstones, strict=True))
            if feed.digest_of(tombstones) != digest or not lives:
                yield Problem("tombstone_missing", str(seq))


def _summand(recording: bytes, seq: int) -> int:
    return int.from_bytes(blake2b(recording + seq.to_bytes(8, "big"), digest_size=16).digest(), "big")


def _agrees(row: DisclosureRow | None, logged: _Logged | None, *, went_on: bool) -> bool:
    if row is None or logged is None:
        return row is None and logged is None
    states = _LATER[logged.state] if went_on else {logged.state}
    return (row.kind, row.person) == (logged.kind, logged.person) and row.state in states
