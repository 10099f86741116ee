"""What happened since a backup, from the feed: pure reading, checked against the log that the backup holds.

Only lines count that the log's own key signed, and of these only the ones that go on from the backup's log, each from
where the one before ended. What is not signed is skipped and counted. Signed lines that contradict each other are
decided by the backup where they differ about what it holds; a restore is refused where they cannot be:

- two of them go on from the same entry that is not before the backup's end, and say different things
- one that contradicts the backup is newer than all that agree with it, so another copy of the store went on last
- one goes on from an entry that no line has

What a line says beside its entries, who is here and who withdrew, is believed where an entry commits to it. What an
entry did follows from the type of its event (`model.audit_events`), and counts where somebody signed it who could say
it then: who is here follows from the backup's roster and from what officers changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec.catalogue import audit_log, log_body
from arlo_rec.catalogue.audit_log import AuditLog, LogKey, RawEntry, SignedCheckpoint
from arlo_rec.catalogue.tombstones import Tombstone
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys import authority
from arlo_rec.keys.authority import Link
from arlo_rec.keys.roster import Roster, Signatories, name_then, read_people
from arlo_rec.model import audit_events
from arlo_rec.model.audit_event import AuditEvent
from arlo_rec.model.audit_events import (
    ChangesPeople,
    DeletionConfirmed,
    Erases,
    EscrowRegistered,
    Initialised,
    LeftNothing,
    Opened,
    OpenedForSubject,
    PersonAdded,
    PersonRemoved,
    PersonReset,
    Restored,
    TakesIn,
    Withdrawn,
)
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.records import Person, RecordingId, from_iso
from arlo_rec.model.rights import may_say
from arlo_rec.model.strict_json import canonical, from_base64
from arlo_rec.offsite import feed
from arlo_rec.offsite.feed_line import FeedLine, KeyChain
from arlo_rec.policy import Action, Role
from arlo_rec.recovery.backup_log import PastLog
from arlo_rec.store import Store

_NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what reading something else ends in
_LARGEST = 2**40  # of any number that no entry commits to
_KEEP_OUT = (Initialised, PersonAdded, PersonRemoved, PersonReset, Restored, Withdrawn)
_HOLD_COPIES = (DeletionConfirmed, OpenedForSubject)
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
    links: list[Link] = field(default_factory=list)  # of the chain of authority
    escrows: set[Path] = field(default_factory=set)  # that were named: a restored store empties their rings no more
    tombstones: dict[int, list[Tombstone]] = field(default_factory=dict)  # by the entry that commits to them
    people: list[Person] = field(default_factory=list)  # who is or was here in the end
    taken: set[RecordingId] = field(default_factory=set)
    erased: set[RecordingId] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    reset: set[str] = field(default_factory=set)  # got a new key: the one in the backup is void
    disclosures: dict[int, Disclosure] = field(default_factory=dict)  # by the entry that let the copy go
    confirmed: set[int] = field(default_factory=set)  # of these, deleted again
    unclear: int = 0  # withdrawals of which nobody can tell whose: their recordings are erased
    foreign: int = 0  # lines of the feed that nobody of this log signed
    counters: Counters = Counters()

    @property
    def gone(self) -> set[str]:
        """Whose key file of the backup opens nothing any more."""
        return self.removed | self.reset

    def bodies(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSON of each entry that is JSON, by its number."""
        for entry in self.entries:
            try:
                yield entry.seq, log_body.read_body(entry.body or b"")
            except ValueError:
                continue


def read_feed(store: Store, lines: Iterable[FeedLine | None], past: PastLog) -> Replay:
    """What the feed's lines say happened since the backup; *past* learns what they say of the time before.

    Raises Integrity where the feed was changed, or contradicts itself, and Refused where it ends before the backup.
    Tombstones are opened with this officer's key, unless she herself is among those who are gone.
    """
    try:
        reader = _Reader(store, past)
        for line in lines:
            reader.take(line)
        reader.demand_decided()
        replay = reader.replay
        if reader.reach < reader.size:
            raise Refused("feed_too_short", rule="consent.withdraw", feed=reader.reach, log=reader.size)
        replay.links = reader.links
        signers = _Signers(store)
        withdrawals: dict[int, str] = {}
        for seq, body in replay.bodies():
            signer, event = signers.of(seq, replay.checkpoints), audit_events.read(body)
            try:
                if not _counts(replay, store.log, body, event, signer):
                    continue
                _take_effect(replay, seq, body, event)
            except _NOT_OURS:
                if _must_be_known(body, signer):
                    raise
                continue  # not written by the program
            if isinstance(event, ChangesPeople):
                replay.people = read_people(reader.people[event.people])
                signers.change(replay.people)
            elif isinstance(event, Withdrawn):
                withdrawals[seq] = event.tombstones
        if store.identity.name not in replay.gone:
            for seq, digest in withdrawals.items():
                _take_tombstones(store, replay, reader.sealed[seq], seq, digest)
    except _NOT_OURS:
        raise Integrity("feed_differs") from None
    return replay


class _Reader:
    """The signed lines that go on from the backup's log, one behind the other, wherever they lie in the file."""

    def __init__(self, store: Store, past: PastLog) -> None:
        self._store, self._past = store, past
        self._tree = store.log.tree()
        self.size = self._tree.size
        self.reach = 0  # how far lines go that say what our log says
        self.replay = Replay()
        self.people: dict[str, list[dict[str, Any]]] = {}  # who is said to be here, by the digest that commits to it
        self.sealed: dict[int, FeedLine] = {}  # the line with tombstones, by the entry that commits to them
        self.links: list[Link] = []
        self._chain = KeyChain(store.log.origin, store.layout.id, store.log.key_chain(), store.signers())
        self._roots: dict[int, bytes] = {self.size: self._tree.root()}
        self._elsewhere = set[bytes]()  # roots of a log that says otherwise than the backup
        self._furthest = 0  # of lines that go on from an entry that is not here
        self._is_contradicted = False  # by a line behind the last of ours

    def take(self, line: FeedLine | None) -> None:
        """Read one line; raises KeyError, TypeError or ValueError where two signed lines cannot both be true."""
        if line is None:
            self.replay.foreign += 1
            return
        if line.size <= self.size and self._root(line.size) == line.checkpoint.root:
            self._agree(line.size)  # what the backup has, by its leaves: nobody needs to have signed it
            self._read_again(line)
            return
        signer = self._chain.signer(line)
        if signer is None:
            self.replay.foreign += 1
        elif line.size <= self.size and self._root(line.size) is None and self._read_again(line):
            self._agree(line.size)  # of a checkpoint that somebody struck from the backup
        elif line.before != self._root(line.after):
            self._take_unplaced(line)
        elif line.after == self._tree.size:
            self._go_on(line, signer)
        elif line.after >= self.size and self._root(line.size) != line.checkpoint.root:
            raise ValueError("two signed lines go on from one entry, and say different things")
        elif self._root(line.size) != line.checkpoint.root:
            self._contradict(line)

    def _read_again(self, line: FeedLine) -> bool:
        """Read what the backup's log says there as the line tells it; whether it has the backup's leaves."""
        try:
            entries = line.entries()
        except _NOT_OURS:
            return False
        if {entry.seq: entry.leaf for entry in entries} != self._store.log.leaves(line.after, line.size):
            return False
        self._past.read_again(entries, SignedCheckpoint(line.size, line.checkpoint.root, line.note))
        return True

    def demand_decided(self) -> None:
        """Raise ValueError where signed lines are missing in between, or where another copy of the store went on last.

        Called behind the last line. A line that says otherwise than the backup and lies before our newest is of a log
        that was given up; one that lies behind it is of a log that went on after ours.
        """
        if self._furthest > self._tree.size:
            raise ValueError("a signed line goes on from an entry that is not here")
        if self._is_contradicted:
            raise ValueError("a signed line behind our last says otherwise than the backup")

    def _root(self, size: int) -> bytes | None:
        """The root of the backup's log, and of what goes on from it, at *size*; None where nothing was closed there."""
        if size > self.size or size in self._roots:
            return self._roots.get(size)
        return self._store.log.root_at(size) if size else merkle.EMPTY_ROOT

    def _agree(self, size: int) -> None:
        if size > self.reach:
            self.reach, self._is_contradicted = size, False

    def _take_unplaced(self, line: FeedLine) -> None:
        """A signed line that goes on from no entry of ours: of another copy of the store, or one before it is gone."""
        if self._root(line.after) is None and line.before not in self._elsewhere:
            self._furthest = max(self._furthest, line.size)
        else:
            self._contradict(line)

    def _contradict(self, line: FeedLine) -> None:
        self._is_contradicted = True
        self._elsewhere.add(line.checkpoint.root)

    def _go_on(self, line: FeedLine, signer: bytes) -> None:
        tree, entries = self._tree, line.entries()
        for entry in entries:
            tree = tree.add(entry.leaf)
        if tree.size != line.size or tree.root() != line.checkpoint.root:
            raise ValueError("not the root of these entries")
        self.replay.log_keys += self._chain.go_on(line)
        public = self._chain.key_at(line.size)  # where it signed the line, it signed the checkpoint's root in it
        if signer != public and not merkle.note_signed_by(line.note, line.checkpoint.origin, public):
            raise ValueError("not signed by the log")
        self.replay.entries += entries
        self.replay.checkpoints.append(SignedCheckpoint(line.size, line.checkpoint.root, line.note))
        self._take_beside(line)
        self._tree, self._roots[line.size] = tree, line.checkpoint.root
        self._agree(line.size)

    def _take_beside(self, line: FeedLine) -> None:
        """What a line says beside its entries."""
        counters = line.counters()
        if counters is not None:
            self.replay.counters = Counters(*counters)
        if "people" in line.document:
            people = line.document["people"]
            self.people[primitives.sha256(canonical(people)).hex()] = people
        for link in line.document.get("links", []):
            self.links.append(authority.decode(from_base64(link["body"]), from_base64(link["signature"], 64)))
        for seq in line.document.get("sealed", {}):
            self.sealed[int(seq)] = line


class _Signers:
    """Who signed each entry, by who was here then; entries are asked for in order."""

    def __init__(self, store: Store) -> None:
        self._origin, self._roster = store.log.origin, store.roster
        self._people = Signatories(store.roster)
        self._at = 0  # the checkpoint that closes the entry asked for last
        self._key: bytes | None = None  # that signed it
        self._asked = -1  # the checkpoint whose signer that is

    def of(self, seq: int, checkpoints: Sequence[SignedCheckpoint]) -> Person | None:
        """Whose key closed an entry; None where nobody's did who could then."""
        while checkpoints[self._at].size <= seq:
            self._at += 1
        if self._asked != self._at:
            self._key = audit_log.signer(self._origin, checkpoints[self._at], seq, self._people.keys())
            self._asked = self._at
        return self._people.of_key(self._key, seq)

    def change(self, people: Iterable[Person]) -> None:
        """From now on these are, or were, here."""
        changed: Roster = replace(self._roster, people=tuple(people), former=())
        self._people = Signatories(changed)


def _counts(
    replay: Replay, log: AuditLog, body: Mapping[str, Any], event: AuditEvent | None, signer: Person | None
) -> bool:
    """Whether an entry has an effect: whoever signed it is the one whom it names, and could say it."""
    if signer is None or body["person"] != name_then(signer.name):
        return False
    match event:
        case Opened() | OpenedForSubject():  # nobody says falsely that a copy went to themselves
            return True
        case LeftNothing(of=disclosure):
            return _took(replay, log, disclosure) == str(body["person"])
        case DeletionConfirmed(of=disclosure):
            return signer.role is Role.OFFICER or _took(replay, log, disclosure) == str(body["person"])
    return may_say(signer.role, str(body["action"]))


def _took(replay: Replay, log: AuditLog, disclosure: int) -> str | None:
    """Who took that copy, before the backup or since."""
    since = replay.disclosures.get(_number(disclosure))
    if since is not None:
        return since.person
    before = log.entry(disclosure)
    return str(before.body.get("person")) if before is not None and before.body is not None else None


def _must_be_known(body: Mapping[str, Any], signer: Person | None) -> bool:
    """Whether an entry that cannot be read may have kept somebody out, or let a copy leave, by somebody who may."""
    place = str(body.get("action")), str(body.get("outcome"))
    return place in _MUST_BE_KNOWN and signer is not None and may_say(signer.role, place[0])


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
        case Opened(action=Action.EXPORT) if recordings:
            replay.disclosures[seq] = Disclosure("export", str(body["person"]), at, recordings)
        case OpenedForSubject() if recordings:
            replay.disclosures[seq] = Disclosure("package", str(body["person"]), at, recordings)
        case LeftNothing(of=disclosure):
            replay.disclosures.pop(_number(disclosure), None)
        case DeletionConfirmed(of=disclosure):
            replay.confirmed.add(_number(disclosure))
        case PersonRemoved(removed=name):
            replay.removed.add(str(name))
        case PersonReset(person=name):
            replay.reset.add(str(name))
        case EscrowRegistered(escrow=escrow):
            replay.escrows.add(Path(str(escrow)))
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


def _take_tombstones(store: Store, replay: Replay, line: FeedLine, seq: int, digest: str) -> None:
    """Those of one withdrawal, or none where its entry commits to others; raises Integrity where they stay shut."""
    tombstones = feed.tombstones(store.layout.id, line, seq, store.identity.sealing)
    if feed.digest_of(tombstones) == digest:
        replay.tombstones[seq] = tombstones
    else:
        replay.unclear += 1
