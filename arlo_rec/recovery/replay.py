"""What happened since a backup, from the feed: pure reading, checked against the log that the backup holds.

Only lines count that the log's own key signed, and of these only the ones that go on from the backup's log, each from
where the one before ended. What is not signed is skipped and counted. Signed lines that contradict each other are
decided by the backup where they differ about what it holds; a restore is refused where they cannot be:

- two of them go on from the same entry that is not before the backup's end, and say different things
- one that contradicts the backup is newer than all that agree with it, so another copy of the store went on last
- one goes on from an entry that no line has

What a line says beside its entries, who is here and who withdrew, is believed where an entry commits to it. What an
entry did follows from the type of its event (`log.events`), and counts where somebody signed it who could say
it then: who is here follows from the backup's roster and from what officers changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from arlo_rec.catalogue import audit_log
from arlo_rec.catalogue.audit_log import AuditLog, LogKey, RawEntry, SignedCheckpoint
from arlo_rec.catalogue.tombstones import Tombstone
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys import authority
from arlo_rec.keys.authority import Link
from arlo_rec.keys.roster import Roster, Signatories, name_then, read_people
from arlo_rec.log import entries, events, projection
from arlo_rec.log.event import AuditEvent
from arlo_rec.log.events import (
    AuthorityChanged,
    ChangesPeople,
    DeletionConfirmed,
    Initialised,
    Opened,
    OpenedForSubject,
    PersonAdded,
    PersonRemoved,
    PersonReset,
    Restored,
    Withdrawn,
    may_say,
)
from arlo_rec.log.projection import Projection
from arlo_rec.log.rows import Applied
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.records import Person, RecordingId, from_iso, named_in
from arlo_rec.model.strict_json import canonical, from_base64
from arlo_rec.offsite import feed
from arlo_rec.offsite.feed_line import FeedLine, KeyChain
from arlo_rec.policy import Action
from arlo_rec.store import Store

# -- backup log --------------------------------------------------------------------------------------
# What a backup's own log says: nothing else in the backup may be older than it.
#
# A catalogue whose rows are older than its log would bring back what was erased in between, and let in who had left,
# though the feed has nothing to add: a restore goes by what came after the log. Its own entries are read, and, where
# there is a feed, once more as the feed tells them: whoever makes backups could spoil a body or a checkpoint in the
# copy, whose leaves stay as they are.


_AUTHORITY = (AuthorityChanged.ACTION, AuthorityChanged.OUTCOME)


class PastLog:
    """What entries say up to the end of the backup's log, where whoever signed them could say it then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._signers = store.roster.signers()
        self._heeded = {*events.erasing(), _AUTHORITY}
        self._links = set[int]()
        self.erased = set[RecordingId]()

    def read_own(self) -> None:
        """Read the backup's own entries."""
        heard = {seq: entry for seq, body in self._store.log.raw.bodies() if (entry := self._heard(body)) is not None}
        for entry, signer in zip(heard.values(), self._store.log.signers_of(heard, self._signers), strict=True):
            self._take(entry, signer)

    def read_again(self, entries: Iterable[RawEntry], checkpoint: SignedCheckpoint) -> None:
        """Read entries as a line of the feed tells them, closed by *checkpoint*; their leaves are the backup's."""
        for each in entries:
            entry = self._heard(each.body)
            if entry is not None:
                key = audit_log.signer(self._store.log.origin, checkpoint, each.seq, self._signers.keys())
                self._take(entry, self._signers.of_key(key, each.seq))

    def demand_current(self) -> None:
        """Raise Integrity where the chain of authority, with roster, policy and settings, ends before the log says."""
        newest = 0
        while newest + 1 in self._links:
            newest += 1
        if self._store.authority.pin().number < newest:
            raise Integrity("backup_damaged", path=str(self._store.layout.catalogue))

    def _heard(self, body: bytes | None) -> Mapping[str, Any] | None:
        """An entry that erases or changes who may do what; None for every other, and for what is none of ours."""
        try:
            entry = entries.read_body(body or b"")
        except ValueError:
            return None
        return entry if (entry.get("action"), entry.get("outcome")) in self._heeded else None

    def _take(self, entry: Mapping[str, Any], signer: Person | None) -> None:
        if signer is None or not may_say(signer.role, str(entry["action"])):
            return
        try:
            if (entry["action"], entry["outcome"]) == _AUTHORITY:
                self._links.add(int(entry["detail"]["link"]))
            else:
                self.erased |= {RecordingId(bytes.fromhex(name)) for name in entry.get("recordings", ())}
        except (KeyError, TypeError, ValueError):
            return  # not an entry of this program


# -- replay -----------------------------------------------------------------------------------------


_NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what reading something else ends in
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


@dataclass(slots=True)
class Replay:
    """What a restored store has to take over from the feed."""

    entries: list[RawEntry] = field(default_factory=list)
    checkpoints: list[SignedCheckpoint] = field(default_factory=list)
    log_keys: list[LogKey] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)  # of the chain of authority
    rows: Projection = field(default_factory=Projection)  # what the entries did
    tombstones: dict[int, list[Tombstone]] = field(default_factory=dict)  # by the entry that commits to them
    people: list[Person] = field(default_factory=list)  # who is or was here in the end
    unclear: int = 0  # withdrawals whose subject is unknown: their recordings are erased
    foreign: int = 0  # lines of the feed that no key of this log signed
    counters: Counters = Counters()

    @property
    def gone(self) -> set[str]:
        """The people whose key file of the backup opens nothing any more."""
        return self.rows.removed | self.rows.renewed

    def bodies(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSON of each entry that is JSON, by its number."""
        for entry in self.entries:
            try:
                yield entry.seq, entries.read_body(entry.body or b"")
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
        replay.rows.taken_before = partial(_taker, store.log)
        for seq, body in replay.bodies():
            signer, event = signers.of(seq, replay.checkpoints), events.read(body)
            if signer is None or body.get("person") != name_then(signer.name):
                continue
            if event is None:
                _take_unknown(replay, seq, body, signer)
            elif _take(replay, seq, body, event, signer) and isinstance(event, ChangesPeople):
                replay.people = read_people(reader.people[event.people])
                signers.change(replay.people)
        if store.identity.name not in replay.gone:
            for seq, (_, digest) in replay.rows.withdrawals.items():
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
        self._chain = KeyChain(store.log.origin, store.layout.id, store.log.key_chain(), store.roster.signers())
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
        if {entry.seq: entry.leaf for entry in entries} != self._store.log.raw.leaves(line.after, line.size):
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
        return self._store.log.checkpoints.root_at(size) if size else merkle.EMPTY_ROOT

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


def _take(replay: Replay, seq: int, body: Mapping[str, Any], event: AuditEvent, signer: Person) -> bool:
    """Apply an entry; whether it counts. Raises KeyError, TypeError or ValueError where it must be known and is not."""
    try:
        entry = Applied(seq, from_iso(body["at"]), str(body["person"]), frozenset(named_in(body)))
        return projection.take(replay.rows, event, entry, signer.role)
    except _NOT_OURS:
        if _must_be_known(body, signer):
            raise
        return False  # not written by the program


def _take_unknown(replay: Replay, seq: int, body: Mapping[str, Any], signer: Person) -> None:
    """The same of an entry with other fields than this version knows: what it erased stays erased.

    Raises ValueError where it may have kept somebody out, or let a copy leave.
    """
    if not may_say(signer.role, str(body["action"])):
        return
    if _must_be_known(body, signer):
        raise ValueError("an entry that cannot be ignored, with other fields than ours")
    place, recordings = (str(body["action"]), str(body.get("outcome"))), frozenset(named_in(body))
    if place in events.taking_in():
        replay.rows.take_in(recordings)
    if place in events.erasing():
        replay.rows.erase(Applied(seq, from_iso(body["at"]), signer.name, recordings))


def _taker(log: AuditLog, disclosure: int) -> str | None:
    """The person who took that copy before the backup."""
    entry = log.entries.get(disclosure)
    return entry.person if entry is not None and entry.body is not None else None


def _must_be_known(body: Mapping[str, Any], signer: Person) -> bool:
    """Whether an entry that cannot be read may have kept somebody out, or let a copy leave, by somebody who may."""
    place = str(body.get("action")), str(body.get("outcome"))
    return place in _MUST_BE_KNOWN and may_say(signer.role, place[0])


def _take_tombstones(store: Store, replay: Replay, line: FeedLine, seq: int, digest: str) -> None:
    """Those of one withdrawal, or none where its entry commits to others; raises Integrity where they stay shut."""
    tombstones = feed.tombstones(store.layout.id, line, seq, store.identity.sealing)
    if feed.digest_of(tombstones) == digest:
        replay.tombstones[seq] = tombstones
    else:
        replay.unclear += 1
