"""What happened since a backup, from the feed: pure reading, checked against the log that the backup holds.

The feed must be of the same log: what both have is compared, every further entry must follow without a gap and with
its body, and only what a checkpoint closed counts: one whose root is that of the entries, and which the log's own
key signed. The lines beside the entries, who is here and who withdrew, are believed where an entry commits to them.
What an entry did follows from the type of its event (`model.audit_events`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec.catalogue import audit_log
from arlo_rec.catalogue.audit_log import LogKey, RawEntry, SignedCheckpoint
from arlo_rec.catalogue.tombstones import Tombstone
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys.roster import read_people
from arlo_rec.model import audit_events
from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import (
    ChangesPeople,
    DeletionConfirmed,
    Erases,
    EscrowRegistered,
    Initialised,
    Opened,
    OpenedForSubject,
    PersonAdded,
    PersonRemoved,
    PersonReset,
    Restored,
    ReviewHeard,
    TakesIn,
    Withdrawn,
)
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.records import Person, RecordingId, from_iso
from arlo_rec.model.strict_json import canonical, from_base64
from arlo_rec.offsite import feed
from arlo_rec.policy import Action
from arlo_rec.store import Store

_LARGEST = 2**40  # of any number that no entry commits to
_KEEP_OUT = (Initialised, PersonAdded, PersonRemoved, PersonReset, Restored, Withdrawn)
_HOLD_COPIES = (DeletionConfirmed, EscrowRegistered, OpenedForSubject, ReviewHeard)
# Action and outcome of entries that cannot be ignored, should their fields be others than ours
_MUST_BE_KNOWN = frozenset(
    {(str(kind.ACTION), kind.OUTCOME) for kind in (*_KEEP_OUT, *_HOLD_COPIES)} | {(str(Action.EXPORT), Opened.OUTCOME)}
)


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of the lost store, as its feed last told them."""

    roster: int = 0
    generation: int = 0
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A copy that left since the backup: `kind` is `export` or `package`."""

    kind: str
    person: str
    at: datetime
    recordings: frozenset[RecordingId]


@dataclass(slots=True)
class Replay:
    """What a restored store has to take over from the feed."""

    entries: list[RawEntry] = field(default_factory=list)
    checkpoints: list[SignedCheckpoint] = field(default_factory=list)
    log_keys: list[LogKey] = field(default_factory=list)
    tombstones: dict[int, list[Tombstone]] = field(default_factory=dict)  # by the entry that commits to them
    people: list[Person] = field(default_factory=list)  # who is or was here in the end
    taken: set[RecordingId] = field(default_factory=set)
    erased: set[RecordingId] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    reset: set[str] = field(default_factory=set)  # got a new key: the one in the backup is void
    disclosures: dict[int, Disclosure] = field(default_factory=dict)  # by the entry that let the copy go
    confirmed: set[int] = field(default_factory=set)  # of these, deleted again
    escrows: dict[str, str] = field(default_factory=dict)  # that were registered, with the folders of their backups
    counters: Counters = Counters()

    @property
    def gone(self) -> set[str]:
        """Whose key file of the backup opens nothing any more."""
        return self.removed | self.reset

    def bodies(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSON of each entry, by its number."""
        yield from ((entry.seq, audit_log.read_body(entry.body)) for entry in self.entries if entry.body is not None)


def read_feed(store: Store, lines: Iterable[feed.Line]) -> Replay:
    """What the feed's lines say happened since the backup.

    Raises Integrity where the feed is of another log, or was changed, and Refused where it ends before the backup.
    Tombstones are opened with this officer's key, unless she herself is among those who are gone.
    """
    try:
        reader = _Reader(store)
        for line in lines:
            reader.take(line)
        replay = reader.replay
        if reader.closed.size < reader.size:
            raise Refused("feed_too_short", rule="consent.withdraw", feed=reader.closed.size, log=reader.size)
        people: tuple[int, str] | None = None
        withdrawals: dict[int, str] = {}
        for seq, body in replay.bodies():
            event = audit_events.read(body)
            _take_effect(replay, seq, body, event)
            if isinstance(event, ChangesPeople):
                people = seq, event.people
            elif isinstance(event, Withdrawn):
                withdrawals[seq] = event.tombstones
        if people is not None:
            replay.people = _people(reader.people[people[0]], people[1])
        if store.identity.name not in replay.gone:
            for seq, digest in withdrawals.items():
                replay.tombstones[seq] = _tombstones(store, reader.sealed[seq], digest)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Integrity("feed_differs") from None
    return replay


class _Reader:
    """The lines up to the last checkpoint that closes them; what a crash left open behind it is dropped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.size = store.log.tree().size
        self.closed = merkle.Tree()
        self.replay = Replay()
        self.people: dict[int, list[dict[str, Any]]] = {}  # who is said to be here, by the entry that commits to it
        self.sealed: dict[int, feed.Line] = {}  # tombstones, by the entry that commits to them
        self._keys = [(key.from_size, merkle.parse_vkey(key.vkey)[1]) for key in store.log.key_chain()]
        self._begin()

    def _begin(self) -> None:
        """Begin behind the last checkpoint."""
        self._tree = self.closed
        self._waiting: list[RawEntry] = []
        self._new_keys: list[LogKey] = []

    def take(self, line: feed.Line) -> None:
        """Read one line; raises KeyError, TypeError, ValueError or AttributeError where it is not as it must be."""
        if "seq" in line:
            self._take_entry(line)
        elif "log_key" in line:
            self._take_log_key(line)
        elif "people" in line:
            self.people[_number(line["after"])] = line["people"]
        elif "tombstones" in line:
            self.sealed[_number(line["tombstones"])] = line
        elif "checkpoint" in line:
            self._take_checkpoint(line)

    def _take_entry(self, line: feed.Line) -> None:
        seq = _number(line["seq"])
        if seq == self.closed.size:  # again, behind what a crash cut off
            self._waiting, self._tree = [], self.closed
        if seq < self.closed.size:
            return
        if seq != self._tree.size or "body" not in line:
            raise ValueError("a gap, or an entry without its body")
        salt, body = from_base64(line["salt"], merkle.SALT_BYTES), canonical(line["body"])
        leaf = merkle.leaf_hash(merkle.commit(salt, body))
        self._waiting.append(RawEntry(seq, salt, body, leaf))
        self._tree = self._tree.add(leaf)

    def _take_log_key(self, line: feed.Line) -> None:
        since = _number(line["from"])
        if since >= self.size and since == self.closed.size:
            self._new_keys = []
        if since >= self.size and since >= self.closed.size:
            statement = from_base64(line["statement"]) if line["statement"] else b""
            self._new_keys.append(LogKey(str(line["log_key"]), since, statement))

    def _take_checkpoint(self, line: feed.Line) -> None:
        note = str(line["checkpoint"])
        checkpoint, _ = merkle.parse_note(note)
        if checkpoint.origin != self._store.log.origin or checkpoint.size > self._tree.size:
            raise ValueError("of another log, or something was taken out of what it closes")
        if checkpoint.size <= self.closed.size:
            return
        if checkpoint.size != self._tree.size or checkpoint.root != self._tree.root():
            raise ValueError("not the root of these entries")
        self._compare()
        if checkpoint.size > self.size:
            self._add_keys()
            public = [key for since, key in self._keys if since < checkpoint.size][-1]
            if not merkle.note_signed_by(note, checkpoint.origin, public):
                raise ValueError("not signed by the log")
            self.replay.entries += [entry for entry in self._waiting if entry.seq >= self.size]
            self.replay.checkpoints.append(SignedCheckpoint(checkpoint.size, checkpoint.root, note))
        if "changes" in line:
            counters = (_number(line[key]) for key in ("roster", "generation", "changes"))
            self.replay.counters = Counters(*counters)
        self.closed = self._tree
        self._begin()

    def _compare(self) -> None:
        """Raise ValueError where an entry that the backup has too is another there."""
        known = self._store.log.leaves(self.closed.size, min(self._tree.size, self.size))
        if any(known.get(entry.seq) != entry.leaf for entry in self._waiting if entry.seq < self.size):
            raise ValueError("another entry")

    def _add_keys(self) -> None:
        """Add the keys that came since; raises ValueError where neither the key before nor an officer vouches."""
        signers = self._store.signers()
        for key in self._new_keys:
            _, public = merkle.parse_vkey(key.vkey)
            statement = key.statement or b""
            if not audit_log.follows_on(self._store.log.origin, self._keys[-1][1], public, statement, signers):
                raise ValueError("a key that nobody vouched for")
            self._keys.append((key.from_size, public))
            self.replay.log_keys.append(key)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError("no number")
    return value


def _take_effect(replay: Replay, seq: int, body: Mapping[str, Any], event: AuditEvent | None) -> None:
    """Note what an entry did; raises KeyError, TypeError or ValueError where it is none of ours."""
    recordings = frozenset(RecordingId(bytes.fromhex(text)) for text in body.get("recordings", ()))
    at = from_iso(body["at"])
    match event:
        case TakesIn():
            replay.taken |= recordings
        case Restored():  # what it says is lost was lost already, and does not come back either
            replay.erased |= recordings
        case Erases():
            replay.erased |= recordings
        case Opened(action=Action.EXPORT) | ReviewHeard() if recordings:
            replay.disclosures[seq] = Disclosure("export", str(body["person"]), at, recordings)
        case OpenedForSubject() if recordings:
            replay.disclosures[seq] = Disclosure("package", str(body["person"]), at, recordings)
        case DeletionConfirmed(of=disclosure):
            replay.confirmed.add(_number(disclosure))
        case PersonRemoved(removed=name):
            replay.removed.add(str(name))
        case PersonReset(person=name):
            replay.reset.add(str(name))
        case EscrowRegistered(escrow=escrow, folder=folder):
            replay.escrows[str(escrow)] = str(folder)
        case None:
            _take_effect_of_unknown(replay, body, recordings)


def _take_effect_of_unknown(replay: Replay, body: Mapping[str, Any], recordings: frozenset[RecordingId]) -> None:
    """The same of an entry with other fields than this version knows: what it erased stays erased.

    Raises ValueError where it may have kept somebody out, or let a copy leave.
    """
    place = str(body.get("action")), str(body.get("outcome"))
    if place in _MUST_BE_KNOWN:
        raise ValueError("an entry that cannot be ignored, with other fields than ours")
    if place in audit_events.taking_in():
        replay.taken |= recordings
    if place in audit_events.erasing():
        replay.erased |= recordings


def _people(said: list[dict[str, Any]], digest: str) -> list[Person]:
    """Who is or was here; raises ValueError where no entry commits to that, Integrity where it cannot be read."""
    if primitives.sha256(canonical(said)).hex() != digest:
        raise ValueError("people whom no entry commits to")
    return read_people(said)


def _tombstones(store: Store, line: feed.Line, digest: str) -> list[Tombstone]:
    """Those of one withdrawal; raises ValueError where its entry commits to others, Integrity where they stay shut."""
    tombstones = feed.tombstones(store.layout.id, line, store.identity.sealing)
    if feed.digest_of(tombstones) != digest:
        raise ValueError("tombstones that no entry commits to")
    return tombstones
