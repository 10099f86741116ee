"""What the log swears of recordings: who decides by a row compares it with the entry that took the recording in.

Anybody's own code can write a row: a purpose that the caller did not consent to, another caller, an earlier day.
Whoever takes a recording in swears once, so of all entries that swear to it the first decides and no later one does:
where nobody can tell that somebody signed it who may, nothing is sworn. Entries are found by themselves, because the
index of mentions is rows too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec.access.signed import Signed
from arlo_rec.model.audit_events import CopyMade, taking_in
from arlo_rec.model.records import Kind, Recording, RecordingId, day_due, from_iso, named_in
from arlo_rec.store import Store


class SwornRow(NamedTuple):
    """What the entry that took a recording in says of it."""

    seq: int
    digest: str  # `Recording.row_digest`
    at: object  # when it was taken in, as it is written
    parent: RecordingId | None  # of a training copy, its original
    state: str | None  # that it was made in
    replaces: str | None  # the id of the copy that it was made from
    first: str | None = None  # the id of its first revision, where it is a later one
    revision: int = 1
    prompt: str | None = None  # that the caller of a call heard
    week: str | None = None  # in which they pressed the key

    def is_of(self, row: Recording) -> bool:
        """Whether a row is what was sworn: of a call by an intake, of a copy by whoever made it."""
        return (row.kind is Kind.ORIGINAL) is (self.parent is None) and row.row_digest() == self.digest

    def day_ends(self, recording: RecordingId) -> datetime | None:
        """When the day on which the recording is due is over: by its id and this entry, whatever its row says."""
        try:
            return day_due(recording, from_iso(str(self.at)))[1]
        except (OverflowError, ValueError):
            return None

    def is_due(self, recording: RecordingId, now: datetime) -> bool:
        """Whether that day is over."""
        ends = self.day_ends(recording)
        return ends is not None and ends <= now


class SwornRows:
    """What the log of one store swears, for one command."""

    def __init__(self, store: Store) -> None:
        self._store, self._signed = store, Signed(store)
        self._sworn: dict[RecordingId, SwornRow | None] = {}  # None: nothing that counts
        self._true: dict[RecordingId, Recording] = {}  # rows that are what was sworn

    def of(self, rows: Collection[Recording]) -> dict[RecordingId, SwornRow]:
        """What the log swears of each row, where it swears anything."""
        ids = [row.id for row in rows]
        self.look_up(ids)
        return {each: sworn for each in ids if (sworn := self._sworn[each]) is not None}

    def is_sworn(self, row: Recording) -> bool:
        """Whether a row is what the log swears; the same row is hashed only once."""
        if self._true.get(row.id) != row:
            sworn = self.of_id(row.id)
            if sworn is None or not sworn.is_of(row):
                return False
            self._true[row.id] = row
        return True

    def of_id(self, recording: RecordingId) -> SwornRow | None:
        """What the log swears of a recording, whether there is a row of it or not."""
        self.look_up([recording])
        return self._sworn[recording]

    def call_of(self, recording: RecordingId) -> RecordingId:
        """The call of which a recording is the original or a copy."""
        sworn = self.of_id(recording)
        return sworn.parent if sworn is not None and sworn.parent is not None else recording

    def calls_of(self, recordings: Collection[RecordingId]) -> dict[RecordingId, RecordingId]:
        """The call of each recording, as `call_of`; of many at once, and without signatures that change nothing."""
        wanted, calls = set(recordings), {each: each for each in recordings}
        for entry in self._store.log.swearing(wanted):
            body = entry.body or {}
            names = wanted & set(named_in(body))
            if names and (body.get("action"), body.get("outcome")) in taking_in():
                wanted -= names
                if body["action"] == CopyMade.ACTION:
                    calls |= {each: self.call_of(each) for each in names}
        return calls

    def look_up(self, recordings: Collection[RecordingId]) -> None:
        """Find the first entry that swears to each recording; it decides, whoever signed it."""
        wanted = {each for each in recordings if each not in self._sworn}
        self._sworn |= dict.fromkeys(wanted)
        for entry in self._store.log.swearing(wanted) if wanted else ():
            body = entry.body or {}
            names = wanted & set(named_in(body))
            if names and (body.get("action"), body.get("outcome")) in taking_in():
                wanted -= names
                counts = self._signed.counts(entry.seq, body) is not None
                self._sworn |= dict.fromkeys(names, _sworn(entry.seq, body) if counts else None)


def _sworn(seq: int, body: Mapping[str, Any]) -> SwornRow | None:
    """What an entry swears; None where it is none of this program."""
    try:
        detail = body["detail"]
        is_copy = body["action"] == CopyMade.ACTION
        parent = RecordingId(bytes.fromhex(detail["parent"])) if is_copy else None
        state, replaces, first = (_text(detail.get(name)) for name in ("state", "replaces", "first"))
        revision, heard = int(detail["revision"]) if is_copy else 1, (detail.get("prompt"), detail.get("week"))
        prompt, week = map(_text, heard)
        at = body.get("at")
        return SwornRow(seq, str(detail["sworn"]), at, parent, state, replaces, first, revision, prompt, week)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
