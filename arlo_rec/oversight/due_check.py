"""Whether purges and withdrawals erased what they had to, and nothing else, as far as the log tells.

With the owner's account a row can be changed, a purge or a withdrawal let go by it, and the row put back. So `verify`
looks for

    what a purge erased before the day on which it was due, by its id, the entry that took it in, and the policy
    what is held although a withdrawal of its caller or its call came after it was taken in
    copies that are held although their original was withdrawn after they were made

The first pass follows the log with `oversight.consistency`; what is looked up later are single entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from arlo_rec.model.audit_events import CopyMade, Purged, Withdrawn, taking_in
from arlo_rec.model.policy_versions import Policy
from arlo_rec.model.records import DAYS_AHEAD, EPOCH, RecordingId, day_due, from_iso, named_in
from arlo_rec.oversight.consistency import Parsed, Problem, is_entitled
from arlo_rec.policy import RETENTION
from arlo_rec.store import Store

_PURGED, _WITHDRAWN, _MADE = (str(event.ACTION) for event in (Purged, Withdrawn, CopyMade))


class DueCheck:
    """A check of purges and withdrawals: `follow` reads the log, `problems` compares."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signers = store.signers()
        self._end = 0
        self._early: dict[RecordingId, datetime] = {}  # that a purge erased, perhaps before its day; when
        self._made: dict[RecordingId, tuple[int, str]] = {}  # copies: the entry of each, and its original
        self._withdrawn: dict[str, int] = {}  # recordings by the newest entry that withdrew them

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Read a batch of the log's entries; batches are passed in order."""
        for seq, entry in entries:
            self._end = seq + 1
            if entry is not None and entry.get("recordings"):
                try:
                    self._read(seq, entry)
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue  # not an entry of this program

    def _read(self, seq: int, entry: Mapping[str, Any]) -> None:
        action, outcome = entry.get("action"), entry.get("outcome")
        if action == _PURGED and outcome == Purged.OUTCOME and is_entitled(entry, seq, self._signers):
            at = from_iso(entry["at"])
            today = (at - EPOCH) // timedelta(days=1)
            early = [name for name in named_in(entry) if 0 < (name[0] - today) % 256 <= DAYS_AHEAD]
            self._early |= dict.fromkeys(early, at)
        elif action == _WITHDRAWN and outcome == Withdrawn.OUTCOME and is_entitled(entry, seq, self._signers):
            self._withdrawn |= dict.fromkeys(entry["recordings"], seq)
        elif action == _MADE and (action, outcome) in taking_in() and is_entitled(entry, seq, self._signers):
            for name in named_in(entry):
                self._made.setdefault(name, (seq, str(entry["detail"]["parent"])))

    def _earliest(self, recording: RecordingId, taken_in: datetime) -> datetime:
        """When the day begins on which a recording was due: by its id, or sooner where the policy says so since."""
        begins, _ = day_due(recording, taken_in)
        versions = self._store.policy.versions  # each was the newest once, and a clock that was set back took it away
        policies = (Policy(versions[:count]) for count in range(1, len(versions) + 1))
        return min(begins, *(policy.due_at(begins - RETENTION) for policy in policies))

    def problems(self) -> Iterator[Problem]:
        """Every problem, after `follow` had the last batch."""
        taken_in = self._store.log.taking_in(self._early.keys())
        for recording, entry in taken_in.items():
            if self._early[recording] < self._earliest(recording, entry.at):
                yield Problem("erased_too_early", recording.hex())
        held = self._store.catalogue.recordings.of_withdrawn(self._end)
        taken_in = self._store.log.taking_in({row.id for _, row in held})
        for seq, row in held:
            if row.id in taken_in and taken_in[row.id].seq < seq:
                yield Problem("withdrawn_but_held", row.id.hex())
        for copy, (seq, parent) in self._made.items():
            if self._withdrawn.get(parent, -1) > seq and self._store.catalogue.recordings.held(copy) is not None:
                yield Problem("withdrawn_but_held", copy.hex())
