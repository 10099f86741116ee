"""Consistency of log, rows, keys and objects of a store of any size.

A recording without a problem takes one byte of memory. There are three passes, each in the order in which its data is
stored:

    1  over the log: a recording that was taken in must have its row, equal to the committed row, and its object,
       until an entry erases it; a missing row is a problem if no such entry follows
    2  over the held rows: each must have been matched in the first pass
    3  over the ids, a 256th at a time: every held row has its wrapped key and its metadata, every object its row

The store may be in use meanwhile. Every problem is checked again at the end, so that a recording that was taken in or
erased in between is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from arlo_rec.catalogue.audit_check import Body
from arlo_rec.catalogue.audit_log import read_body
from arlo_rec.crypto import object_file
from arlo_rec.model.audit_events import erasing, taking_in
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Recording, RecordingId
from arlo_rec.policy import State
from arlo_rec.store import Store

_BATCH = 5000  # held rows read at once in the second pass
_HEAD = 4096  # bytes: a block of the disk; the header of an original has 2413


@dataclass(frozen=True, slots=True)
class Problem:
    """An inconsistency; `what` names the recording, table or file without personal data."""

    code: str
    what: str


class ConsistencyCheck:
    """A check of a whole store: `follow` is the first pass; `problems`, called after it, makes the others."""

    def __init__(self, store: Store, *, read_data: bool) -> None:
        self._store = store
        self._read_data = read_data
        self._problems: list[Problem] = []
        self._missing: set[RecordingId] = set()
        self._log_end = 0
        self._first_row, last_row = store.catalogue.recordings.row_numbers()
        self._matched = bytearray(last_row + 1 - self._first_row)

    # -- pass 1 ---------------------------------------------------------------------------------------

    def follow(self, bodies: Sequence[Body]) -> None:
        """Check a batch of the log's bodies; batches are passed in order."""
        taken: dict[RecordingId, str] = {}
        gone: set[RecordingId] = set()
        for seq, body in bodies:
            self._log_end = seq + 1
            for recording, digest in _effects(body):
                if digest is not None:
                    taken[recording] = digest
                    gone.discard(recording)
                elif taken.pop(recording, None) is None and recording not in self._missing:
                    gone.add(recording)
                self._missing.discard(recording)
        for number, _ in self._store.catalogue.recordings.held_among(gone):
            self._mark(number, matched=False)
        held = list(self._store.catalogue.recordings.held_among(taken))
        for number, row in held:
            self._mark(number, matched=True)
            if row.row_digest() != taken.pop(row.id):
                self._note("recording_changed", row.id)
        self._check_objects([row for _, row in held])
        self._missing |= taken.keys()

    def _mark(self, row: int, *, matched: bool) -> None:
        place = row - self._first_row
        if 0 <= place < len(self._matched):
            self._matched[place] = matched

    # -- passes 2 and 3 -------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """Every problem, after `follow` had the last batch."""
        self._problems += [Problem("recording_missing", recording.hex()) for recording in self._missing]
        for row, unlogged in self._store.catalogue.recordings.held_rows(_BATCH):
            place = row - self._first_row
            if place < len(self._matched) and not self._matched[place]:  # later rows were taken in meanwhile
                self._check_unlogged(unlogged)
        in_state = self._store.catalogue.recordings.not_held()
        for prefix in range(256):
            self._check_prefix(bytes([prefix]), in_state)
        return [problem for problem in self._problems if self._persists(problem)]

    def _check_unlogged(self, recording: RecordingId) -> None:
        self._note("recording_not_in_log", recording)
        row = self._store.catalogue.recordings.get(recording)
        if row is not None:
            self._check_objects([row])

    def _check_prefix(self, prefix: bytes, in_state: dict[RecordingId, State]) -> None:
        """Check wrapped keys, metadata and objects of all recordings whose id begins with *prefix*."""
        known = self._store.catalogue.recordings.ids(prefix)
        held = known - in_state.keys()
        for recording in held - self._store.catalogue.ids_with_erasure_key(prefix):
            self._note("share_missing", recording)
        for recording in held - self._store.catalogue.metadata.ids(prefix):
            self._note("metadata_missing", recording)
        for name in self._store.blobs.names(prefix.hex()):
            recording = RecordingId(bytes.fromhex(name))
            if recording not in known or in_state.get(recording) is State.ERASED:
                self._note("object_of_nobody", recording)

    def _check_objects(self, recordings: Sequence[Recording]) -> None:
        names = [recording.id.hex() for recording in recordings]
        heads = self._store.blobs.heads(names, _HEAD)
        for recording, head in zip(recordings, heads, strict=True):
            if head is None:
                self._note("object_missing", recording.id)
            else:
                self._check_object(recording, *head)

    def _check_object(self, recording: Recording, size: int, head: bytes) -> None:
        """Check an object's size and header, and its digest if data is to be read."""
        if size != recording.object_bytes:
            self._note("object_truncated" if size < recording.object_bytes else "object_longer", recording.id)
            return
        header = _header(head) or (self._long_header(recording) if size > len(head) else None)
        if header is None:
            self._note("object_damaged", recording.id)
            return
        if header.recording != recording.id:
            self._note("object_swapped", recording.id)
        elif self._read_data and self._store.object_digest(recording.id) != recording.object_sha256:
            self._note("object_damaged", recording.id)

    def _long_header(self, recording: Recording) -> object_file.Header | None:
        try:
            with self._store.blobs.open(recording.id.hex()) as stream:
                return _header(stream.read(object_file.HEADER_LONGEST))
        except KeyError:
            return None

    def _note(self, code: str, recording: RecordingId) -> None:
        self._problems.append(Problem(code, recording.hex()))

    # -- second check ---------------------------------------------------------------------------------

    def _persists(self, problem: Problem) -> bool:
        """Whether a problem is not explained by an intake or an erasure during the check."""
        recording = RecordingId(bytes.fromhex(problem.what))
        row = self._store.catalogue.recordings.get(recording)
        held = row is not None and row.state is State.HELD
        if problem.code == "object_of_nobody":
            known = self._store.catalogue.recordings.is_there(recording)
            return not known and self._store.blobs.size(problem.what) is not None
        if problem.code == "recording_missing":
            return not any(digest is None for digest in self._digests_since(recording))
        if problem.code == "recording_not_in_log":
            return held and not any(digest is not None for digest in self._digests_since(recording))
        return held

    def _digests_since(self, recording: RecordingId) -> Iterator[str | None]:
        """The effects on a recording of entries after the checked part of the log, as `_effects` yields them."""
        for entry in self._store.log.about(recording):
            if entry.seq >= self._log_end and entry.body is not None:
                yield from (digest for named, digest in _effect(entry.body) if named == recording)


def _header(head: bytes) -> object_file.Header | None:
    try:
        return object_file.read_header(head)
    except Integrity:
        return None


def _effects(body: bytes | None) -> Iterator[tuple[RecordingId, str | None]]:
    """The effects of an entry: ids that were taken in, with the row's digest, or erased (None)."""
    try:
        yield from _effect(read_body(body)) if body is not None else ()
    except (KeyError, TypeError, ValueError):
        return  # not an entry of this program; `audit_check` reports it


def _effect(entry: dict[str, Any]) -> Iterator[tuple[RecordingId, str | None]]:
    """The same for parsed JSON; by action and outcome, because building a million events would be slow."""
    happened = (entry.get("action"), entry.get("outcome"))
    if happened in taking_in():
        digest = entry["detail"]["sworn"]
    elif happened in erasing():
        digest = None
    else:
        return
    for name in entry.get("recordings", ()):
        yield RecordingId(bytes.fromhex(name)), digest
