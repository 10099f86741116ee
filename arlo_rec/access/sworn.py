"""What the log swears of recordings: who decides by a row compares it with the entry that took the recording in.

Anybody's own code can write a row: a purpose that the caller did not consent to, another caller, an earlier day.
Whoever takes calls in swears once, so of the entries of somebody who may the first counts and no later one. Entries are
found by the index, or, where the index has none that agrees with the row, among all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec.catalogue.audit_log import LogEntry
from arlo_rec.model.audit_events import taking_in
from arlo_rec.model.records import Recording, RecordingId, day_due, from_iso, named_in
from arlo_rec.policy import Action, may
from arlo_rec.store import Store

_SWEARS = '"sworn":"'  # stands in the canonical JSON of every entry that takes a recording in
_FEW = 8  # recordings


class SwornRow(NamedTuple):
    """What the entry that took a recording in says of it."""

    seq: int
    digest: str  # `Recording.row_digest`
    at: object  # when it was taken in, as it is written
    parent: str | None  # of a training copy, the id of its original
    state: str | None  # that it was made in
    replaces: str | None  # the id of the copy that it was made from

    def is_of(self, row: Recording) -> bool:
        """Whether a row is what was sworn."""
        return row.row_digest() == self.digest

    def is_due(self, recording: RecordingId, now: datetime) -> bool:
        """Whether the day on which the recording is due is over: by its id and this entry, whatever its row says."""
        try:
            return day_due(recording, from_iso(str(self.at)))[1] <= now
        except (OverflowError, ValueError):
            return False


class SwornRows:
    """What the log of one store swears, for one command: who signed for an entry is looked up once a checkpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signers = store.signers()
        self._sworn: dict[RecordingId, SwornRow] = {}
        self._true: dict[RecordingId, Recording] = {}  # rows that are what was sworn
        self._searched: set[RecordingId] = set()  # among all entries
        self._closed: dict[range, bytes | None] = {}  # entries that one checkpoint closes, and the key that signed it

    def of(self, rows: Collection[Recording]) -> dict[RecordingId, SwornRow]:
        """What the log swears of each row, where it swears anything; raises Integrity where an entry is unreadable."""
        log, sworn = self._store.log, self._sworn
        sworn |= self._first(log.indexed([row.id for row in rows if row.id not in sworn], _SWEARS))
        differ = {row.id for row in rows if not self.is_sworn(row)} - self._searched
        if differ:
            few = len(differ) <= _FEW  # then most entries need no look inside
            sworn |= self._first(log.naming(differ) if few else log.holding([_SWEARS]), differ)
            self._searched |= differ
        return {row.id: sworn[row.id] for row in rows if row.id in sworn}

    def is_sworn(self, row: Recording) -> bool:
        """Whether a row that `of` was asked about is what the log swears; the same row is hashed only once."""
        if self._true.get(row.id) != row:
            if row.id not in self._sworn or not self._sworn[row.id].is_of(row):
                return False
            self._true[row.id] = row
        return True

    def of_id(self, recording: RecordingId) -> SwornRow | None:
        """What the log swears of a recording, by the index, whether there is a row of it or not."""
        if recording not in self._sworn:
            self._sworn |= self._first(self._store.log.indexed([recording], _SWEARS))
        return self._sworn.get(recording)

    def _first(
        self, entries: Iterable[LogEntry], wanted: Collection[RecordingId] | None = None
    ) -> dict[RecordingId, SwornRow]:
        """What the first entry of somebody who may says of each recording, of those that are *wanted* (None: all)."""
        sworn: dict[RecordingId, SwornRow] = {}
        for entry in entries:
            body = entry.body or {}
            if (body.get("action"), body.get("outcome")) not in taking_in():
                continue
            names = [name for name in named_in(body) if name not in sworn and (wanted is None or name in wanted)]
            row = _sworn(entry.seq, body) if names else None
            if row is not None and self._takes_in(entry.seq, str(body["action"])):
                sworn |= dict.fromkeys(names, row)
        return sworn

    def _takes_in(self, seq: int, action: str) -> bool:
        """Whether whoever signed the checkpoint that closes an entry may do what it says."""
        entries = next((entries for entries in reversed(self._closed) if seq in entries), None)
        if entries is None:
            entries, key = self._store.log.closing(seq, self._signers.keys())
            self._closed[entries] = key
        signer = self._signers.of_key(self._closed[entries], seq)
        return signer is not None and may(signer.role, Action(action)).allowed


def _sworn(seq: int, body: Mapping[str, Any]) -> SwornRow | None:
    """What an entry swears; None where it is none of this program."""
    try:
        detail = body["detail"]
        parent, state, replaces = (_text(detail.get(name)) for name in ("parent", "state", "replaces"))
        return SwornRow(seq, str(detail["sworn"]), body.get("at"), parent, state, replaces)
    except (KeyError, TypeError, AttributeError):
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
