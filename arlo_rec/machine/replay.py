"""Events since a backup, read from the feed and checked against the backup's log. Pure.

Only lines signed by the log's own key count, and only those that continue the backup's log, each from the end of the
one before. Unsigned lines are skipped and counted. If signed lines contradict each other, the backup decides about
its own content; a restore is refused if that does not help:

- two of them continue the same entry at or after the backup's end, with different content
- one that contradicts the backup is newer than all that agree with it, so another copy of the store went on last
- one continues an entry that no line has

People and tombstones in a line count if an entry commits to them. An entry has the effect of its event's type
(`log.events`) if its signer could write it then: the people follow from the backup's roster and later changes by
officers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from arlo_rec.law.log import entries, events, projection
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import (
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
from arlo_rec.law.log.projection import Projection
from arlo_rec.law.log.rows import Applied
from arlo_rec.law.model.errors import Integrity, Refused
from arlo_rec.law.model.records import Person, RecordingId, from_iso, named_in
from arlo_rec.law.model.strict_json import canonical, from_base64
from arlo_rec.policy import Action
from arlo_rec.vault.catalogue import audit_log
from arlo_rec.vault.catalogue.audit_log import AuditLog, LogKey, RawEntry, SignedCheckpoint
from arlo_rec.vault.catalogue.tombstones import Tombstone
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys import authority
from arlo_rec.vault.keys.authority import Link
from arlo_rec.vault.keys.roster import Roster, Signatories, name_then, read_people
from arlo_rec.vault.offsite import feed
from arlo_rec.vault.offsite.feed_line import FeedLine, KeyChain
from arlo_rec.vault.opened import Store

# -- the backup's own log --------------------------------------------------------------------------------
#
# Nothing else in the backup may be older than its log: a restore takes over what came after the log, so older rows
# would bring back what was erased in between, and let former people in. With a feed its entries are read once more from
# there: a maker of backups could damage a body or a checkpoint in the copy, but not the leaves.


_AUTHORITY = (AuthorityChanged.ACTION, AuthorityChanged.OUTCOME)


class PastLog:
    """Content of entries up to the end of the backup's log, if their signers could write them then."""

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
        """Read entries from a line of the feed, closed by *checkpoint*; their leaves are the backup's."""
        for raw in entries:
            entry = self._heard(raw.body)
            if entry is not None:
                key = audit_log.signer(self._store.log.origin, checkpoint, raw.seq, self._signers.keys())
                self._take(entry, self._signers.of_key(key, raw.seq))

    def demand_current(self) -> None:
        """Raise Integrity if the chain of authority, with roster, policy and settings, is older than the log."""
        newest = 0
        while newest + 1 in self._links:
            newest += 1
        if self._store.authority.pin().number < newest:
            raise Integrity("backup_damaged", path=str(self._store.layout.catalogue))

    def _heard(self, body: bytes | None) -> Mapping[str, Any] | None:
        """An entry that erases or adds a link; None for every other, and for unreadable ones."""
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
            return  # not written by the program


# -- replay -----------------------------------------------------------------------------------------


_NOT_OURS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # raised by reading other forms
_KEEP_OUT = (Initialised, PersonAdded, PersonRemoved, PersonReset, Restored, Withdrawn)
_HOLD_COPIES = (DeletionConfirmed, OpenedForSubject)
# Action and outcome of entries that cannot be ignored even if their fields are unknown
_MUST_BE_KNOWN = frozenset(
    {(str(kind.ACTION), kind.OUTCOME) for kind in (*_KEEP_OUT, *_HOLD_COPIES)} | {(str(Action.EXPORT), Opened.OUTCOME)}
)


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of the lost store, by its feed."""

    roster: int = 0
    generation: int = 0
    changes: int = 0


@dataclass(slots=True)
class Replay:
    """Content of the feed that a restored store takes over."""

    entries: list[RawEntry] = field(default_factory=list)
    checkpoints: list[SignedCheckpoint] = field(default_factory=list)
    log_keys: list[LogKey] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)  # of the chain of authority
    rows: Projection = field(default_factory=Projection)  # effects of the entries
    tombstones: dict[int, list[Tombstone]] = field(default_factory=dict)  # by the entry that commits to them
    people: list[Person] = field(default_factory=list)  # present and former people in the end
    unclear: int = 0  # withdrawals with an unknown subject: their recordings are erased
    foreign: int = 0  # lines of the feed that no key of this log signed
    counters: Counters = Counters()

    @property
    def gone(self) -> set[str]:
        """People whose key file in the backup opens nothing any more."""
        return self.rows.removed | self.rows.renewed

    def bodies(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The JSON of each entry that is JSON, by number."""
        for entry in self.entries:
            try:
                yield entry.seq, entries.read_body(entry.body or b"")
            except ValueError:
                continue


def read_feed(store: Store, lines: Iterable[FeedLine | None], past: PastLog) -> Replay:
    """The content of the feed's lines since the backup; *past* gets what they say about the time before.

    Raises Integrity if the feed was changed or contradicts itself, and Refused if it ends before the backup.
    Tombstones are opened with this officer's key, unless she is among those who left.
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
    """Signed lines that continue the backup's log, one after another, in their order."""

    def __init__(self, store: Store, past: PastLog) -> None:
        self._store, self._past = store, past
        self._tree = store.log.tree()
        self.size = self._tree.size
        self.reach = 0  # reach of the lines that agree with our log
        self.replay = Replay()
        self.people: dict[str, list[dict[str, Any]]] = {}  # people by the digest that commits to them
        self.sealed: dict[int, FeedLine] = {}  # the line with tombstones, by the entry that commits to them
        self.links: list[Link] = []
        self._chain = KeyChain(store.log.origin, store.layout.id, store.log.key_chain(), store.roster.signers())
        self._roots: dict[int, bytes] = {self.size: self._tree.root()}
        self._elsewhere = set[bytes]()  # roots of a log that contradicts the backup
        self._furthest = 0  # of lines that continue an unknown entry
        self._is_contradicted = False  # by a line behind our last

    def take(self, line: FeedLine | None) -> None:
        """Read one line; raises KeyError, TypeError or ValueError if two signed lines contradict each other."""
        if line is None:
            self.replay.foreign += 1
            return
        if line.size <= self.size and self._root(line.size) == line.checkpoint.root:
            self._agree(line.size)  # the backup's content, by its leaves: no signature is needed
            self._read_again(line)
            return
        signer = self._chain.signer(line)
        if signer is None:
            self.replay.foreign += 1
        elif line.size <= self.size and self._root(line.size) is None and self._read_again(line):
            self._agree(line.size)  # its checkpoint was deleted from the backup
        elif line.before != self._root(line.after):
            self._take_unplaced(line)
        elif line.after == self._tree.size:
            self._go_on(line, signer)
        elif line.after >= self.size and self._root(line.size) != line.checkpoint.root:
            raise ValueError("two signed lines go on from one entry, and say different things")
        elif self._root(line.size) != line.checkpoint.root:
            self._contradict(line)

    def _read_again(self, line: FeedLine) -> bool:
        """Read a line's part of the backup's log; returns whether it has the backup's leaves."""
        try:
            entries = line.entries()
        except _NOT_OURS:
            return False
        if {entry.seq: entry.leaf for entry in entries} != self._store.log.raw.leaves(line.after, line.size):
            return False
        self._past.read_again(entries, SignedCheckpoint(line.size, line.checkpoint.root, line.note))
        return True

    def demand_decided(self) -> None:
        """Raise ValueError if signed lines are missing, or if another copy of the store went on last.

        Called behind the last line. A contradicting line before our newest is of an abandoned log; one behind it is
        of a log that went on after ours.
        """
        if self._furthest > self._tree.size:
            raise ValueError("a signed line goes on from an entry that is not here")
        if self._is_contradicted:
            raise ValueError("a signed line behind our last says otherwise than the backup")

    def _root(self, size: int) -> bytes | None:
        """The root of the backup's log and its continuation at *size*; None without a checkpoint there."""
        if size > self.size or size in self._roots:
            return self._roots.get(size)
        return self._store.log.checkpoints.root_at(size) if size else merkle.EMPTY_ROOT

    def _agree(self, size: int) -> None:
        if size > self.reach:
            self.reach, self._is_contradicted = size, False

    def _take_unplaced(self, line: FeedLine) -> None:
        """Read a signed line that continues no entry of ours: of another copy, or behind a missing line."""
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
        public = self._chain.key_at(line.size)  # its signature of the line covers the checkpoint's root
        if signer != public and not merkle.note_signed_by(line.note, line.checkpoint.origin, public):
            raise ValueError("not signed by the log")
        self.replay.entries += entries
        self.replay.checkpoints.append(SignedCheckpoint(line.size, line.checkpoint.root, line.note))
        self._take_extras(line)
        self._tree, self._roots[line.size] = tree, line.checkpoint.root
        self._agree(line.size)

    def _take_extras(self, line: FeedLine) -> None:
        """Read the parts of a line besides its entries."""
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
    """The signer of each entry, by the people of that time; entries are asked for in order."""

    def __init__(self, store: Store) -> None:
        self._origin, self._roster = store.log.origin, store.roster
        self._people = Signatories(store.roster)
        self._at = 0  # the checkpoint that closes the last requested entry
        self._key: bytes | None = None  # its signer
        self._asked = -1  # the checkpoint of `_key`

    def of(self, seq: int, checkpoints: Sequence[SignedCheckpoint]) -> Person | None:
        """The person whose key closed an entry, if they could sign then; else None."""
        while checkpoints[self._at].size <= seq:
            self._at += 1
        if self._asked != self._at:
            self._key = audit_log.signer(self._origin, checkpoints[self._at], seq, self._people.keys())
            self._asked = self._at
        return self._people.of_key(self._key, seq)

    def change(self, people: Iterable[Person]) -> None:
        """Replace the present and former people from now on."""
        changed: Roster = replace(self._roster, people=tuple(people), former=())
        self._people = Signatories(changed)


def _take(replay: Replay, seq: int, body: Mapping[str, Any], event: AuditEvent, signer: Person) -> bool:
    """Apply an entry; returns whether it counts. Raises KeyError, TypeError or ValueError if it must be readable."""
    try:
        entry = Applied(seq, from_iso(body["at"]), str(body["person"]), frozenset(named_in(body)))
        return projection.take(replay.rows, event, entry, signer.role)
    except _NOT_OURS:
        if _must_be_known(body, signer):
            raise
        return False  # not written by the program


def _take_unknown(replay: Replay, seq: int, body: Mapping[str, Any], signer: Person) -> None:
    """The same for an entry with unknown fields: what it erased stays erased.

    Raises ValueError if it may have removed a person, refused deliveries, or let a copy leave.
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
    """Whether an unreadable entry of a permitted person may have kept a person out, or let a copy leave."""
    place = str(body.get("action")), str(body.get("outcome"))
    return place in _MUST_BE_KNOWN and may_say(signer.role, place[0])


def _take_tombstones(store: Store, replay: Replay, line: FeedLine, seq: int, digest: str) -> None:
    """Take the tombstones that the entry of a withdrawal commits to; raises Integrity if they do not open."""
    tombstones = feed.tombstones(store.layout.id, line, seq, store.identity.sealing)
    if feed.digest_of(tombstones) == digest:
        replay.tombstones[seq] = tombstones
    else:
        replay.unclear += 1
