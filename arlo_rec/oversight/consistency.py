"""Whether log, rows, keys and objects of a store still belong together, for a store of any size.

Nothing is held in memory per recording that is as it should be, but one byte. Three ways are gone, each in the
order in which what it reads lies:

    1  along the log: what was taken in must have its row, as it was sworn, and its object, until an entry tells
       of its erasure; whose row is not there waits for that entry
    2  along the held rows: each must have been met on the first way
    3  along the ids, a 256th at a time: every held row has its share and its metadata, every object its row

The store may be in use meanwhile. What is found is looked at once more at the end, so that a recording that
came or went in between is no problem.
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

_BATCH = 5000  # held rows read at once on the second way
_HEAD = 4096  # bytes: a block of the disk; the header of an original has 2413


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was left; `what` names it without personal data."""

    code: str
    what: str


class Inspection:
    """One look at everything. `follow` is the first way; `problems`, once it was gone to its end, the others."""

    def __init__(self, store: Store, *, read_data: bool) -> None:
        self._store = store
        self._read_data = read_data
        self._problems: list[Problem] = []
        self._awaited: set[RecordingId] = set()
        self._log_end = 0
        self._first_row, last_row = store.catalogue.recordings.row_numbers()
        self._met = bytearray(last_row + 1 - self._first_row)

    # -- 1 --------------------------------------------------------------------------------------------

    def follow(self, bodies: Sequence[Body]) -> None:
        """A batch of the log, in order."""
        taken: dict[RecordingId, str] = {}
        gone: set[RecordingId] = set()
        for seq, body in bodies:
            self._log_end = seq + 1
            for recording, sworn in _effects(body):
                if sworn is not None:
                    taken[recording] = sworn
                    gone.discard(recording)
                elif taken.pop(recording, None) is None and recording not in self._awaited:
                    gone.add(recording)
                self._awaited.discard(recording)
        for number, _ in self._store.catalogue.recordings.held_among(gone):
            self._meet(number, met=False)
        held = list(self._store.catalogue.recordings.held_among(taken))
        for number, row in held:
            self._meet(number, met=True)
            if row.row_digest() != taken.pop(row.id):
                self._note("recording_changed", row.id)
        self._look_at_objects([row for _, row in held])
        self._awaited |= taken.keys()

    def _meet(self, row: int, *, met: bool) -> None:
        place = row - self._first_row
        if 0 <= place < len(self._met):
            self._met[place] = met

    # -- 2 and 3 --------------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """Everything that was found, once the log is at its end."""
        self._problems += [Problem("recording_missing", recording.hex()) for recording in self._awaited]
        for row, stranger in self._store.catalogue.recordings.held_rows(_BATCH):
            place = row - self._first_row
            if place < len(self._met) and not self._met[place]:  # later rows were taken in since
                self._look_at_stranger(stranger)
        in_state = self._store.catalogue.recordings.not_held()
        for beginning in range(256):
            self._look_at_stock(bytes([beginning]), in_state)
        return [problem for problem in self._problems if self._is_still_so(problem)]

    def _look_at_stranger(self, recording: RecordingId) -> None:
        self._note("recording_not_in_log", recording)
        row = self._store.catalogue.recordings.get(recording)
        if row is not None:
            self._look_at_objects([row])

    def _look_at_stock(self, beginning: bytes, in_state: dict[RecordingId, State]) -> None:
        """Shares, metadata and objects of all recordings whose id begins so."""
        known = self._store.catalogue.recordings.ids(beginning)
        held = known - in_state.keys()
        for recording in held - self._store.catalogue.ids_with_erasure_key(beginning):
            self._note("share_missing", recording)
        for recording in held - self._store.catalogue.metadata.ids(beginning):
            self._note("metadata_missing", recording)
        for name in self._store.blobs.names(beginning.hex()):
            recording = RecordingId(bytes.fromhex(name))
            if recording not in known or in_state.get(recording) is State.ERASED:
                self._note("object_of_nobody", recording)

    def _look_at_objects(self, recordings: Sequence[Recording]) -> None:
        names = [recording.id.hex() for recording in recordings]
        heads = self._store.blobs.heads(names, _HEAD)
        for recording, head in zip(recordings, heads, strict=True):
            if head is None:
                self._note("object_missing", recording.id)
            else:
                self._look_at_object(recording, *head)

    def _look_at_object(self, recording: Recording, size: int, head: bytes) -> None:
        """Size and header; the bytes too where they are to be read."""
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

    # -- once more ------------------------------------------------------------------------------------

    def _is_still_so(self, problem: Problem) -> bool:
        """Whether a problem is none of a recording that was taken in or erased while we looked."""
        recording = RecordingId(bytes.fromhex(problem.what))
        row = self._store.catalogue.recordings.get(recording)
        held = row is not None and row.state is State.HELD
        if problem.code == "object_of_nobody":
            known = self._store.catalogue.recordings.is_there(recording)
            return not known and self._store.blobs.size(problem.what) is not None
        if problem.code == "recording_missing":
            return not any(sworn is None for sworn in self._digests_since(recording))
        if problem.code == "recording_not_in_log":
            return held and not any(sworn is not None for sworn in self._digests_since(recording))
        return held

    def _digests_since(self, recording: RecordingId) -> Iterator[str | None]:
        """What entries that came after ours say about a recording."""
        for entry in self._store.log.about(recording):
            if entry.seq >= self._log_end and entry.body is not None:
                yield from (digest for named, digest in _effect(entry.body) if named == recording)


def _header(head: bytes) -> object_file.Header | None:
    try:
        return object_file.read_header(head)
    except Integrity:
        return None


def _effects(body: bytes | None) -> Iterator[tuple[RecordingId, str | None]]:
    """What an entry says became of recordings: taken in, with the digest of the row, or (None) erased."""
    try:
        yield from _effect(read_body(body)) if body is not None else ()
    except (KeyError, TypeError, ValueError):
        return  # nothing that we wrote


def _effect(entry: dict[str, Any]) -> Iterator[tuple[RecordingId, str | None]]:
    """The same, by what the types of `audit_events` say; a million entries are read here, so none is built."""
    happened = (entry.get("action"), entry.get("outcome"))
    if happened in taking_in():
        digest = entry["detail"]["sworn"]
    elif happened in erasing():
        digest = None
    else:
        return
    for name in entry.get("recordings", ()):
        yield RecordingId(bytes.fromhex(name)), digest
