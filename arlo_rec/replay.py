"""What happened since a backup, from the feed: pure reading, checked against the log that the backup holds.

The feed must be of the same log: what both have is compared, every further entry must follow without a gap, and what
counts ends with the last checkpoint whose root is that of the entries and which the log's own key signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec import audit, crypto, feed, logbook
from arlo_rec.errors import Integrity, Refused
from arlo_rec.jsontext import canonical, from_base64
from arlo_rec.people import read_people
from arlo_rec.policy import ERASES, TAKES_IN, Action
from arlo_rec.records import Person, RecordingId, from_iso
from arlo_rec.store import Store


@dataclass(slots=True)
class Replay:
    """Everything that a restored store has to be told."""

    entries: list[tuple[int, bytes, bytes | None, bytes]] = field(default_factory=list)  # seq, salt, body, leaf
    checkpoints: list[tuple[int, bytes, str]] = field(default_factory=list)
    log_keys: list[tuple[str, int, bytes | None]] = field(default_factory=list)
    tombstones: list[tuple[str, bytes, int]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)  # who is or was here in the end
    taken: set[RecordingId] = field(default_factory=set)
    erased: set[RecordingId] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    purged_at: datetime | None = None
    numbers: dict[str, int] = field(default_factory=dict)  # roster, generation, changes in the end

    def told(self) -> Iterator[dict[str, Any]]:
        """What each entry says, where its body was not dropped."""
        yield from (logbook.read_body(body) for _, _, body, _ in self.entries if body is not None)


def read(store: Store, lines: Iterable[dict[str, Any]]) -> Replay:
    """What the feed's lines say happened since; raises Integrity (another log) or Refused (it ends before)."""
    try:
        found = _collect(store, lines)
    except (KeyError, TypeError, ValueError):
        raise Integrity("feed_differs") from None
    for told in found.told():
        _take_effect(found, told)
    return found


def _collect(store: Store, lines: Iterable[dict[str, Any]]) -> Replay:
    size = store.book.tree().size
    tree, reached = store.book.tree(), 0
    keys = [(since, audit.parse_vkey(shown)[1]) for shown, since, _ in store.book.key_chain()]
    whole, waiting, leaves = Replay(), Replay(), dict[int, bytes]()
    for told in lines:
        if "seq" in told:
            seq, leaf = int(told["seq"]), feed.leaf_of(told)
            if seq < size:
                _compare(store, seq, leaf)
            elif seq == tree.size:
                waiting.entries.append((seq, *_kept(told), leaf))
                tree, leaves[seq] = tree.add(leaf), leaf
            elif leaves.get(seq) != leaf:  # what comes twice, behind half a line, is the same
                raise Integrity("feed_differs")
        elif "log_key" in told and int(told["from"]) >= size and int(told["from"]) == tree.size:
            _next_key(store, keys, waiting, told)
        elif "people" in told:
            waiting.people = read_people(told["people"])
        elif "tombstones" in told and int(told["tombstones"]) >= size:
            waiting.tombstones += feed.tombstones(store.place.id, told, store.identity.sealing)
        elif "checkpoint" in told:
            checkpoint, _ = audit.parse_note(str(told["checkpoint"]))
            reached = max(reached, checkpoint.size)
            if checkpoint.size > tree.size:
                raise Integrity("feed_differs")  # of what it closes something was taken out
            if checkpoint.size == tree.size > size:
                _close(store, keys, checkpoint, told, whole, waiting, tree)
                waiting = Replay()
            elif waiting.people:
                whole.people, waiting.people = waiting.people, []
    if reached < size:
        raise Refused("feed_too_short", rule="consent.withdraw", feed=reached, log=size)
    return whole


def _compare(store: Store, seq: int, leaf: bytes) -> None:
    row = store.db.rows("SELECT leaf FROM entries WHERE seq = ?", (seq,))
    if not row or bytes(row[0][0]) != leaf:
        raise Integrity("feed_differs")


def _kept(told: dict[str, Any]) -> tuple[bytes, bytes | None]:
    """Salt and body of an entry as the catalogue keeps them."""
    if "body" not in told:
        return bytes(audit.SALT_BYTES), None
    return from_base64(told["salt"], audit.SALT_BYTES), canonical(told["body"])


def _next_key(store: Store, keys: list[tuple[int, bytes]], waiting: Replay, told: dict[str, Any]) -> None:
    since, (_, public) = int(told["from"]), audit.parse_vkey(str(told["log_key"]))
    statement = from_base64(told["statement"]) if told["statement"] else b""
    officers = [one.sign_key for one in (*store.roster.people, *store.roster.former)]
    if not logbook.follows_on(store.book.origin, keys[-1][1], public, statement, officers):
        raise Integrity("feed_differs")
    keys.append((since, public))
    waiting.log_keys.append((str(told["log_key"]), since, statement))


def _close(
    store: Store,
    keys: list[tuple[int, bytes]],
    checkpoint: audit.Checkpoint,
    told: dict[str, Any],
    whole: Replay,
    waiting: Replay,
    tree: audit.Tree,
) -> None:
    """A checkpoint closes what waited for it; raises Integrity where it is not that of these entries."""
    note = str(told["checkpoint"])
    public = [key for since, key in keys if since < checkpoint.size][-1]
    if checkpoint.root != tree.root() or not audit.note_signed_by(note, store.book.origin, public):
        raise Integrity("feed_differs")
    whole.entries += waiting.entries
    whole.checkpoints.append((checkpoint.size, checkpoint.root, note))
    whole.log_keys += waiting.log_keys
    whole.tombstones += waiting.tombstones
    whole.people = waiting.people or whole.people
    whole.numbers = {key: int(told[key]) for key in ("roster", "generation", "changes") if key in told} or whole.numbers


def _take_effect(found: Replay, told: dict[str, Any]) -> None:
    did = (told.get("action"), told.get("outcome"))
    names = {RecordingId(bytes.fromhex(one)) for one in told.get("recordings", ())}
    detail = told.get("detail", {})
    if did in TAKES_IN:
        found.taken |= names
    if did in ERASES:
        found.erased |= names
    if did == ("person remove", "done"):
        found.removed.add(str(detail["removed"]))
    if did == ("person reset", "done"):  # the old passphrase was lost, or known to others
        found.removed.add(str(detail["person"]))
    if did[0] == Action.PURGE:
        at = from_iso(told["at"])
        found.purged_at = at if found.purged_at is None else max(found.purged_at, at)


def whose_key(book: logbook.Logbook, seed_key: crypto.SigningKey) -> bool:
    """Whether the log, as it stands, goes by that key."""
    return book.key_chain()[-1][0] == audit.vkey(book.origin, seed_key.public)
