"""Consistency of log, rows, keys and objects of a store of any size.

A recording without a problem takes one byte of memory. There are three passes, each in the order of its data:

    1  over the log: a recording that was taken in must have its row, equal to the committed row, and its object,
       until an entry erases it; a missing row is a problem if no such entry follows; the object must name an audience
       key of the row's team and of its commit, whose key has the id that the log entry commits to; there is metadata
       under both keys, or under the commit key alone if the audience is the officer's
    2  over the held rows: each must have been matched in the first pass
    3  over the ids, a 256th at a time: every held row has its wrapped key, every object its row

The store may be in use. Every problem is checked again at the end, so that an intake or an erasure meanwhile is
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from arlo_rec.law.log.entries import Body, read_body
from arlo_rec.law.log.events import erasing, may_say, taking_in
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import Audience, Kind, Recording, RecordingId, Stage, audience_of
from arlo_rec.policy import State
from arlo_rec.vault.access.audience_keys import commit_key_id
from arlo_rec.vault.backends import Expected, is_stored
from arlo_rec.vault.catalogue.audience_keys import AudienceKeyRow, CommitKeyRow
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.keys.roster import Signatories
from arlo_rec.vault.opened import Store

Parsed = tuple[int, Mapping[str, Any] | None]  # an entry's number and its JSON (None if unreadable)
_BATCH = 5000  # held rows read at once in the second pass


class Problem(Record, frozen=True):
    """An inconsistency; `what` names the recording, table or file without personal data."""

    code: str
    what: str


class ConsistencyCheck:
    """A check of a whole store: `follow` is the first pass, `problems` the second, `problems_of_ids` the third."""

    def __init__(self, store: Store, *, read_data: bool, observer: Observer = unobserved) -> None:
        self._store = store
        self._read_data = read_data
        self._observer = observer  # gets the number of bytes read, if data is read
        self._read_bytes, self._all_bytes = 0, store.catalogue.inventory.held_bytes() if read_data else 0
        self._signers = store.roster.signers()
        self._access_keys = {key.id for key in store.roster.access_keys}
        self._problems: list[Problem] = []
        self._missing: set[RecordingId] = set()
        self._log_end = 0
        self._first_row, last_row = store.catalogue.inventory.row_numbers()
        self._matched = bytearray(last_row + 1 - self._first_row)

    # -- pass 1 ---------------------------------------------------------------------------------------

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Check a batch of the log's entries; batches are passed in order."""
        taken: dict[RecordingId, tuple[str, object]] = {}
        gone: set[RecordingId] = set()
        for seq, entry in entries:
            self._log_end = seq + 1
            for recording, digest in _effects(entry, seq, self._signers):
                if digest is not None:
                    taken.setdefault(recording, (digest, (entry or {}).get("at")))  # the first intake counts
                    gone.discard(recording)
                elif taken.pop(recording, None) is None and recording not in self._missing:
                    gone.add(recording)
                self._missing.discard(recording)
        for number, _ in self._store.catalogue.search.held_among(gone):
            self._mark(number, matched=False)
        held = list(self._store.catalogue.search.held_among(taken))
        for number, row in held:
            self._mark(number, matched=True)
            committed, at = taken.pop(row.id)
            if row.row_digest() != committed:
                self._note("recording_changed", row.id)
            elif not (row.has_true_deadline and row.had_begun(at)):
                self._note("deadline_differs", row.id)
        self._check_objects([row for _, row in held])
        self._missing |= taken.keys()

    def _mark(self, row: int, *, matched: bool) -> None:
        place = row - self._first_row
        if 0 <= place < len(self._matched):
            self._matched[place] = matched

    # -- passes 2 and 3 -------------------------------------------------------------------------------

    def problems(self) -> list[Problem]:
        """Every problem of the first two passes, after the last `follow`."""
        self._problems += [Problem("recording_missing", recording.hex()) for recording in self._missing]
        for row, unlogged in self._store.catalogue.inventory.held_rows(_BATCH):
            place = row - self._first_row
            if place < len(self._matched) and not self._matched[place]:  # later rows were taken in meanwhile
                self._check_unlogged(unlogged)
        return [problem for problem in self._problems if self._persists(problem)]

    def problems_of_ids(self) -> list[Problem]:
        """Every problem of the third pass, which can run at any time."""
        in_state = self._store.catalogue.inventory.not_held()
        for prefix in range(256):
            self._check_prefix(bytes([prefix]), in_state)
        return [problem for problem in self._problems if self._persists(problem)]

    def _check_unlogged(self, recording: RecordingId) -> None:
        self._note("recording_not_in_log", recording)
        row = self._store.catalogue.recordings.get(recording)
        if row is not None:
            self._check_objects([row])

    def _check_prefix(self, prefix: bytes, in_state: dict[RecordingId, State]) -> None:
        """Check wrapped keys and objects of all recordings whose id begins with *prefix*."""
        known = self._store.catalogue.inventory.ids(prefix)
        held = known - in_state.keys()
        for recording in held - self._store.catalogue.ids_with_erasure_key(prefix):
            self._note("share_missing", recording)
        for name in self._store.blobs.names(prefix.hex()):
            recording = RecordingId(bytes.fromhex(name))
            if recording not in known or in_state.get(recording) is State.ERASED:
                self._note("object_of_nobody", recording)

    def _check_objects(self, recordings: Sequence[Recording]) -> None:
        names = [recording.id.hex() for recording in recordings]
        heads = self._store.blobs.heads(names, object_file.HEADER_BYTES)
        keys: dict[RecordingId, bytes] = {}
        for recording, head in zip(recordings, heads, strict=True):
            if head is None:
                self._note("object_missing", recording.id)
            elif (header := self._check_object(recording, *head)) is not None:
                keys[recording.id] = header.audience_key
        self._check_keys(recordings, keys)

    def _check_object(self, recording: Recording, size: int, head: bytes) -> object_file.Header | None:
        """Check an object's size and header, and its digest if data is read; returns a valid header."""
        if size != recording.object_bytes:
            self._note("object_truncated" if size < recording.object_bytes else "object_longer", recording.id)
            return None
        header = _header(head)
        if header is None:
            self._note("object_damaged", recording.id)
            return None
        if header.recording != recording.id:
            self._note("object_swapped", recording.id)
            return None
        if self._read_data and not self._is_whole(recording):
            self._note("object_damaged", recording.id)
        return header

    def _is_whole(self, recording: Recording) -> bool:
        """Whether a stored object has every byte that was sealed."""
        done = min(self._read_bytes, self._all_bytes)  # more may have arrived meanwhile
        self._observer(Progress(Phase.OBJECT_CHECK, done, self._all_bytes))
        self._read_bytes += recording.object_bytes
        expected = Expected(recording.object_digest, recording.object_bytes)
        return is_stored(self._store.blobs, recording.id.hex(), expected)

    def _check_keys(self, recordings: Sequence[Recording], named: Mapping[RecordingId, bytes]) -> None:
        """Check each recording's commit key, the audience key that its object names, and metadata under both.

        *named* has the audience keys that valid headers name.
        """
        table = self._store.catalogue.audience_keys
        commit_keys = table.commit_keys({recording.commit_key for recording in recordings})
        audience_keys = {key.id: key for key in table.of_commits(commit_keys)}  # these lie together, their ids do not
        audience_keys |= table.rows(set(named.values()) - audience_keys.keys())
        sealed = self._store.catalogue.metadata.keys([recording.id for recording in recordings])
        named_keys = {recording.commit_key for recording in recordings}
        wrong = {key: self._wrong_commit_key(commit_keys.get(key)) for key in named_keys}
        for recording in recordings:
            if (code := wrong[recording.commit_key]) is not None:
                self._note(code, recording.id)
            complete = (recording.id, recording.commit_key) in sealed
            if recording.id in named:
                audience_key = audience_keys.get(named[recording.id])
                self._check_audience_key(recording, audience_key)
                if audience_key is not None and audience_key.audience is not Audience.OFFICER:
                    complete = complete and (recording.id, audience_key.id) in sealed
            if not complete:
                self._note("metadata_missing", recording.id)

    def _wrong_commit_key(self, key: CommitKeyRow | None) -> str | None:
        """The problem of a commit key, which applies to every recording of the commit; else None."""
        if key is None:
            return "commit_key_missing"
        if commit_key_id(key.sealed) != key.id or not self._is_access_key(key.access_key):
            return "commit_key_changed"
        return None

    def _is_access_key(self, key: bytes) -> bool:
        if key not in self._access_keys and self._store.has_newer_documents():
            with self._store.db.reading():
                self._store.load_documents()
            self._access_keys = {key.id for key in self._store.roster.access_keys}
        return key in self._access_keys

    def _check_audience_key(self, recording: Recording, key: AudienceKeyRow | None) -> None:
        if key is None:
            self._note("audience_key_missing", recording.id)
        elif not _belongs(key, recording) or len(key.wrapped) != primitives.WRAP_OF_KEY:
            self._note("audience_key_changed", recording.id)

    def _note(self, code: str, recording: RecordingId) -> None:
        self._problems.append(Problem(code, recording.hex()))

    # -- second check ---------------------------------------------------------------------------------

    def _persists(self, problem: Problem) -> bool:
        """Whether a problem remains after the intakes and erasures during the check."""
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
        for entry in self._store.log.entries.about(recording):
            if entry.seq >= self._log_end and entry.body is not None:
                effects = _effects(entry.body, entry.seq, self._signers)
                yield from (digest for named, digest in effects if named == recording)


def _belongs(key: AudienceKeyRow, recording: Recording) -> bool:
    """Whether an audience key matches the commit, the team and the kind of a recording."""
    stages = (Stage.ORIGINAL,) if recording.kind is Kind.ORIGINAL else (Stage.UNDER_REVIEW, Stage.RELEASED)
    audiences = {audience_of(recording.purposes, stage) for stage in stages}
    return (key.commit_key, key.team) == (recording.commit_key, recording.team) and key.audience in audiences


def _header(head: bytes) -> object_file.Header | None:
    try:
        return object_file.read_header(head)
    except Integrity:
        return None


def parsed(bodies: Sequence[Body]) -> list[Parsed]:
    """A batch of the log's bodies as JSON."""
    return [(seq, _json(body)) for seq, body in bodies]


def _json(body: bytes | None) -> Mapping[str, Any] | None:
    try:
        return read_body(body) if body is not None else None
    except ValueError:
        return None  # not an entry of this program; `audit_check` reports it


def _effects(entry: Mapping[str, Any] | None, seq: int, signers: Signatories) -> list[tuple[RecordingId, str | None]]:
    """The effects of an entry whose person may cause them: ids taken in, with the row's digest, or erased (None).

    By action and outcome, because building a million events would be slow.
    """
    effects: list[tuple[RecordingId, str | None]] = []
    if entry is None:
        return effects
    with suppress(KeyError, TypeError, ValueError):  # not an entry of this program
        happened = (entry.get("action"), entry.get("outcome"))
        takes_in = happened in taking_in()
        if not takes_in and happened not in erasing():
            return effects
        person = signers.named(entry.get("person"), seq)
        if person is not None and may_say(person.role, entry["action"]):
            digest = entry["detail"]["sworn"] if takes_in else None
            for name in entry.get("recordings", ()):
                effects.append((RecordingId(bytes.fromhex(name)), digest))
    return effects
