"""What happened since a backup, from the feed: pure reading, checked against the log that the backup holds.

The feed must be of the same log: what both have is compared, every further entry must follow without a gap and say
what it says, and only what a checkpoint closed counts: one whose root is that of the entries, and which the log's own
key signed. What stands beside the entries, who is here and who withdrew, is believed where an entry has sworn it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec.catalogue import audit_log
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys.roster import read_people
from arlo_rec.model.errors import Integrity, Refused
from arlo_rec.model.records import Person, RecordingId, from_iso
from arlo_rec.model.strict_json import canonical, from_base64
from arlo_rec.offsite import feed
from arlo_rec.policy import ERASES, TAKES_IN, Action
from arlo_rec.store import Store

_LEFT = {(Action.EXPORT, "allowed"): "export", (Action.DSAR, "allowed"): "package"}
_NUMBERS = ("roster", "generation", "changes")
_LARGEST = 2**40  # of any number that nothing has sworn


@dataclass(slots=True)
class Replay:
    """Everything that a restored store has to be told."""

    entries: list[tuple[int, bytes, bytes, bytes]] = field(default_factory=list)  # seq, salt, body, leaf
    checkpoints: list[tuple[int, bytes, str]] = field(default_factory=list)
    log_keys: list[tuple[str, int, bytes | None]] = field(default_factory=list)
    tombstones: list[tuple[int, str, bytes, int]] = field(default_factory=list)  # with the entry that swore each
    people: list[Person] = field(default_factory=list)  # who is or was here in the end
    taken: set[RecordingId] = field(default_factory=set)
    erased: set[RecordingId] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    renewed: set[str] = field(default_factory=set)  # got a new key: the one in the backup is void
    copies: dict[int, tuple[str, str, datetime, set[RecordingId]]] = field(default_factory=dict)  # that left, by entry
    confirmed: set[int] = field(default_factory=set)  # of these, deleted again
    escrows: dict[str, str] = field(default_factory=dict)  # rings that were begun, with the folders of their backups
    purged_at: datetime | None = None
    numbers: dict[str, int] = field(default_factory=dict)  # roster, generation, changes in the end

    @property
    def gone(self) -> set[str]:
        """Whose key file of the backup opens nothing any more."""
        return self.removed | self.renewed

    def told(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """What each entry says, by its number."""
        yield from ((seq, audit_log.read_body(body)) for seq, _, body, _ in self.entries)


def read(store: Store, lines: Iterable[dict[str, Any]]) -> Replay:
    """What the feed's lines say happened since; raises Integrity (another log, or changed) or Refused (it ends before).

    Tombstones are opened with this officer's key, unless she herself is among those who are gone.
    """
    try:
        reader = _Reader(store)
        for told in lines:
            reader.take(told)
        found = reader.found
        if reader.closed.size < reader.size:
            raise Refused("feed_too_short", rule="consent.withdraw", feed=reader.closed.size, log=reader.size)
        for seq, told in found.told():
            _take_effect(found, seq, told)
        found.people = _sworn_people(found, reader.people)
        if store.identity.name not in found.gone:
            _open_tombstones(store, found, reader.sealed)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Integrity("feed_differs") from None
    return found


class _Reader:
    """The lines up to the last checkpoint that closes them; what a crash left open behind it is let go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.size = store.book.tree().size
        self.closed = merkle.Tree()
        self.found = Replay()
        self.people: dict[int, list[dict[str, Any]]] = {}  # what is said of who is here, by the entry that swore it
        self.sealed: dict[int, dict[str, Any]] = {}
        self._keys = [(since, merkle.parse_vkey(shown)[1]) for shown, since, _ in store.book.key_chain()]
        self._open()

    def _open(self) -> None:
        """Begin behind the last checkpoint."""
        self._tree = self.closed
        self._waiting: list[tuple[int, bytes, bytes, bytes]] = []
        self._new_keys: list[tuple[str, int, bytes | None]] = []

    def take(self, told: dict[str, Any]) -> None:
        """One line."""
        if "seq" in told:
            self._entry(told)
        elif "log_key" in told:
            self._log_key(told)
        elif "people" in told:
            self.people[_number(told["after"])] = told["people"]
        elif "tombstones" in told:
            self.sealed[_number(told["tombstones"])] = told
        elif "checkpoint" in told:
            self._checkpoint(told)

    def _entry(self, told: dict[str, Any]) -> None:
        seq = _number(told["seq"])
        if seq == self.closed.size:  # again, behind what a crash cut off
            self._waiting, self._tree = [], self.closed
        if seq < self.closed.size:
            return
        if seq != self._tree.size or "body" not in told:
            raise ValueError("a gap, or an entry that says nothing")
        salt, body = from_base64(told["salt"], merkle.SALT_BYTES), canonical(told["body"])
        leaf = merkle.leaf_hash(merkle.commit(salt, body))
        self._waiting.append((seq, salt, body, leaf))
        self._tree = self._tree.add(leaf)

    def _log_key(self, told: dict[str, Any]) -> None:
        since = _number(told["from"])
        if since >= self.size and since == self.closed.size:
            self._new_keys = []
        if since >= self.size and since >= self.closed.size:
            statement = from_base64(told["statement"]) if told["statement"] else b""
            self._new_keys.append((str(told["log_key"]), since, statement))

    def _checkpoint(self, told: dict[str, Any]) -> None:
        note = str(told["checkpoint"])
        checkpoint, _ = merkle.parse_note(note)
        if checkpoint.origin != self._store.book.origin or checkpoint.size > self._tree.size:
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
            self.found.entries += [one for one in self._waiting if one[0] >= self.size]
            self.found.checkpoints.append((checkpoint.size, checkpoint.root, note))
        if "changes" in told:
            self.found.numbers = {key: _number(told[key]) for key in _NUMBERS}
        self.closed = self._tree
        self._open()

    def _compare(self) -> None:
        """What the backup has too is the same."""
        for seq, _, _, leaf in self._waiting:
            if seq < self.size:
                row = self._store.db.rows("SELECT leaf FROM entries WHERE seq = ?", (seq,))
                if not row or bytes(row[0][0]) != leaf:
                    raise ValueError("another entry")

    def _add_keys(self) -> None:
        """Keys that came since, each vouched for by the one before."""
        people = [one.sign_key for one in (*self._store.roster.people, *self._store.roster.former)]
        for shown, since, statement in self._new_keys:
            _, public = merkle.parse_vkey(shown)
            if not audit_log.follows_on(self._store.book.origin, self._keys[-1][1], public, statement or b"", people):
                raise ValueError("a key that nobody vouched for")
            self._keys.append((since, public))
            self.found.log_keys.append((shown, since, statement))


def _number(told: object) -> int:
    if type(told) is not int or not 0 <= told < _LARGEST:
        raise ValueError("no number")
    return told


def _take_effect(found: Replay, seq: int, told: dict[str, Any]) -> None:
    did = (told.get("action"), told.get("outcome"))
    names = {RecordingId(bytes.fromhex(one)) for one in told.get("recordings", ())}
    detail, at = told.get("detail", {}), from_iso(told["at"])
    if did in TAKES_IN:
        found.taken |= names
    if did in ERASES:
        found.erased |= names
    if did in _LEFT and names:
        found.copies[seq] = (_LEFT[did], str(told["person"]), at, names)
    if did == (Action.REVIEW, "allowed") and "heard" in detail:
        found.copies[seq] = ("export", str(told["person"]), at, names)
    if did == (Action.CONFIRM_DELETED, "done"):
        found.confirmed.add(_number(detail["of"]))
    if did == ("person remove", "done"):
        found.removed.add(str(detail["removed"]))
    if did == ("person reset", "done"):
        found.renewed.add(str(detail["person"]))
    if did == (Action.BACKUP, "allowed"):
        found.escrows[str(detail["escrow"])] = str(detail["folder"])
    if did[0] == Action.PURGE:
        found.purged_at = at if found.purged_at is None else max(found.purged_at, at)


def _sworn_people(found: Replay, said: dict[int, list[dict[str, Any]]]) -> list[Person]:
    """Who is or was here by the last entry that changed it; raises ValueError where that is not what it swore."""
    sworn = [(seq, detail["people"]) for seq, told in found.told() if "people" in (detail := told.get("detail", {}))]
    if not sworn:
        return []
    seq, digest = sworn[-1]
    if primitives.sha256(canonical(said[seq])).hex() != digest:
        raise ValueError("people whom no entry swore")
    return read_people(said[seq])


def _open_tombstones(store: Store, found: Replay, sealed: dict[int, dict[str, Any]]) -> None:
    """Those of every withdrawal since; raises ValueError where one is missing or not what its entry swore."""
    for seq, told in found.told():
        digest = told.get("detail", {}).get("tombstones")
        if digest is None:
            continue
        these = feed.tombstones(store.place.id, sealed[seq], store.identity.sealing)
        if feed.digest_of(these) != digest:
            raise ValueError("tombstones that no entry swore")
        found.tombstones += [(seq, *one) for one in these]


def whose_key(book: audit_log.Logbook, seed_key: primitives.SigningKey) -> bool:
    """Whether the log, as it stands, goes by that key."""
    return book.key_chain()[-1][0] == merkle.vkey(book.origin, seed_key.public)
