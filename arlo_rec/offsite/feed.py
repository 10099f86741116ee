"""The feed: a copy of the log outside the store, append-only; a restore reads from it what happened since.

    {"log_key": …}      a key that signs from that size on, and the statement of the key before it
    {"seq": …}          an entry: its number, its salt and its body, which together give its leaf
    {"tombstones": …}   after a withdrawal: who withdrew, by blind index, sealed to the officers
    {"people": …}       after a change of the roster: the present and former identities with their signing keys
                        (the entry before each of these two commits to it, by a hash)
    {"checkpoint": …}   closes what one change wrote; the last of all says how far the feed goes

What a change wrote is forwarded when it is durable, with everything that was missed before: the feed itself says how
far it goes. An erasure does not wait for it longer than FEED_WAIT. A crash leaves half a line, which readers skip, as
they do lines that come twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from arlo_rec.backends.feedfile import FeedFile
from arlo_rec.catalogue import audit_log
from arlo_rec.catalogue.audit_log import LogKey, RawEntry
from arlo_rec.catalogue.tombstones import Tombstone
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys.roster import digest_of_people, people_to_json
from arlo_rec.model import audit_events
from arlo_rec.model.audit_events import ChangesPeople, Withdrawn
from arlo_rec.model.errors import ArloError, Integrity, Unreachable
from arlo_rec.model.records import from_micros, to_micros
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.offsite import escrow
from arlo_rec.store import Store

FEED_WAIT = 2.0  # seconds that a command waits for another one's lines
CLOSED_AT_ONCE = 200  # checkpoints forwarded in one write
_LONGEST = 300 * 1024 * 1024  # bytes of a line; see audit_log.ENTRY_LONGEST
Line = Mapping[str, Any]  # a line of the feed, as JSON; nothing of it is checked but that it is an object


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How far a feed is: `behind` counts entries that it lacks; `problem` is a code or None."""

    path: Path
    behind: int
    problem: str | None


def forward(store: Store) -> None:
    """Bring the feed up to date, as far as it can be reached; never raises."""
    if store.feed is None:
        return
    file = FeedFile(store.feed)
    try:
        with file.alone(FEED_WAIT) as handle, store.reading():
            last = _last_checkpoint(file, handle)
            if last is None or _is_ours(store, last):
                for lines in _missing(store, last.size if last else 0):
                    file.append(handle, lines)
    except ArloError:
        store.followers.remove(forward)  # once is enough for one command: `status` tells of it, the next catches up


def follow(store: Store, now: datetime) -> None:
    """Have every change forwarded from now on, and what was missed at once.

    The file is made once: where it is gone later, its disk is not mounted.
    """
    if store.feed is None:
        return
    store.followers.append(forward)
    try:
        if not store.meta.number("fed"):
            FeedFile(store.feed).create(store.layout.file_mode)
            with store.change(now):
                store.meta.set_number("fed", 1)
    except Unreachable:
        return
    if forward in store.followers:  # what a re-keying wrote, or an outage kept back
        forward(store)


def status(store: Store) -> FeedStatus | None:
    """How far the feed is; None where the store has none."""
    if store.feed is None:
        return None
    size = store.log.tree().size
    try:
        last = _newest(store.feed)
    except ArloError:
        return FeedStatus(store.feed, size, "feed_unreachable")
    reach = last.size if last else 0
    is_another = last is not None and (last.origin != store.log.origin or (reach <= size and not _is_ours(store, last)))
    if is_another:
        return FeedStatus(store.feed, size, "feed_of_another")
    problem = "feed_ahead" if reach > size else "feed_behind" if reach < size else None
    return FeedStatus(store.feed, max(size - reach, 0), problem)


def has(store: Store, seq: int) -> bool | None:
    """Whether an entry is in the feed by now; None where the store has none."""
    if store.feed is None:
        return None
    try:
        last = _newest(store.feed)
    except ArloError:
        return False
    return last is not None and last.size > seq and _is_ours(store, last)


def demand_reachable(path: Path) -> None:
    """Raise Unreachable where there is no feed at *path*."""
    if not path.is_file():
        raise Unreachable("feed_unreachable", path=str(path))


def _newest(path: Path) -> merkle.Checkpoint | None:
    file = FeedFile(path)
    with file.alone(FEED_WAIT) as handle:
        return _last_checkpoint(file, handle)


def _last_checkpoint(file: FeedFile, handle: int) -> merkle.Checkpoint | None:
    for text in file.backwards(handle):
        line = _parse(text)
        if line is not None and "checkpoint" in line:
            try:
                return merkle.parse_note(str(line["checkpoint"]))[0]
            except ValueError:
                continue
    return None


def _is_ours(store: Store, last: merkle.Checkpoint) -> bool:
    """Whether a checkpoint is one of this very log, and not of another store, or of a log that went on elsewhere."""
    if last.origin != store.log.origin or last.size > store.log.tree().size:
        return False
    return last.root == store.log.root_at(last.size)


# -- writing ------------------------------------------------------------------------------------------


def _missing(store: Store, since: int) -> Iterator[list[bytes]]:
    """Lines from entry number *since* on, some changes at once; raises Integrity where the log is damaged."""
    notes = store.log.notes_after(since)
    keys = {key.from_size: key for key in store.log.key_chain()}
    sizes = [since, *(size for size, _ in notes)]
    lines: list[bytes] = []
    for count, ((begin, end), (_, note)) in enumerate(zip(pairwise(sizes), notes, strict=True), 1):
        for entry in store.log.raw_entries(begin, end):
            if entry.seq in keys:
                lines.append(_key_line(keys[entry.seq]))
            lines += _entry_lines(store, entry)
        is_last = count == len(notes)
        lines.append(canonical({"checkpoint": note, **(_counters(store) if is_last else {})}))
        if is_last or count % CLOSED_AT_ONCE == 0:
            yield lines
            lines = []


def _counters(store: Store) -> dict[str, int]:
    head = store.head()
    return {"roster": head.link.number, "generation": head.generation, "changes": head.changes}


def _key_line(key: LogKey) -> bytes:
    statement = to_base64(key.statement) if key.statement else None
    return canonical({"log_key": key.vkey, "from": key.from_size, "statement": statement})


def _entry_lines(store: Store, entry: RawEntry) -> Iterator[bytes]:
    """An entry, and what it commits to: who is here, or who withdrew."""
    if entry.body is None:
        raise Integrity("log_damaged")
    try:
        body = audit_log.read_body(entry.body)
    except ValueError:
        raise Integrity("log_damaged") from None
    yield canonical({"seq": entry.seq, "salt": to_base64(entry.salt), "body": body})
    match audit_events.read(body):
        case ChangesPeople(people=digest) if digest == digest_of_people(store.roster):
            yield canonical({"people": people_to_json(store.roster), "after": entry.seq})
        case Withdrawn():
            yield canonical({"tombstones": entry.seq, "sealed": _sealed_tombstones(store, entry.seq)})


def _sealed_tombstones(store: Store, seq: int) -> dict[str, str]:
    """The tombstones of one withdrawal, sealed to each officer."""
    content, info = _content(store.catalogue.tombstones.of_entry(seq)), _info(store.layout.id, seq)
    return {
        primitives.fingerprint(officer.seal_key).hex(): to_base64(primitives.seal(officer.seal_key, content, info))
        for officer in escrow.officers(store)
    }


def digest_of(tombstones: Iterable[Tombstone]) -> str:
    """What the entry of a withdrawal commits to of its tombstones."""
    return primitives.sha256(_content(tombstones)).hex()


def _content(tombstones: Iterable[Tombstone]) -> bytes:
    rows = sorted((tombstone.kind, tombstone.tag, to_micros(tombstone.at)) for tombstone in tombstones)
    return canonical([[kind, tag.hex(), at] for kind, tag, at in rows])


def _info(store: bytes, seq: int) -> bytes:
    """What sealed tombstones are bound to."""
    return b"arlo-rec/1/feed\0" + store + seq.to_bytes(8, "big")


# -- reading ------------------------------------------------------------------------------------------


def read(path: Path) -> Iterator[Line]:
    """Every line that a feed holds, in order; raises Unreachable."""
    for text in FeedFile(path).lines():
        line = _parse(text)
        if line is not None:
            yield line


def tombstones(store_id: bytes, line: Line, key: primitives.SealingKey) -> list[Tombstone]:
    """The tombstones of a line; raises Integrity where *key* does not open it."""
    try:
        sealed = from_base64(line["sealed"][primitives.fingerprint(key.public).hex()])
        content = parse_object(b'{"is":' + key.open(sealed, _info(store_id, int(line["tombstones"]))) + b"}")["is"]
        return [Tombstone(str(kind), bytes.fromhex(tag), from_micros(int(at))) for kind, tag, at in content]
    except (KeyError, TypeError, ValueError, OverflowError, primitives.Sealed):
        raise Integrity("feed_does_not_open") from None


def leaf_of(line: Line) -> bytes:
    """The leaf of an entry's line; raises ValueError or KeyError where it does not say what stands in the log."""
    return merkle.leaf_hash(merkle.commit(from_base64(line["salt"], merkle.SALT_BYTES), canonical(line["body"])))


def check(store: Store) -> list[str]:
    """In what the feed is not what the log says, as codes; empty if in nothing, or where there is no feed."""
    feed_status = status(store)
    if feed_status is None:
        return []
    if feed_status.problem in {"feed_unreachable", "feed_ahead", "feed_of_another"}:
        return [feed_status.problem]
    try:
        agrees = _agrees(store, read(feed_status.path))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        agrees = False
    return [*([] if agrees else ["feed_differs"]), *([feed_status.problem] if feed_status.problem else [])]


def _agrees(store: Store, lines: Iterable[Line]) -> bool:
    """Whether what checkpoints closed is every entry of the log, in order and as it stands there."""
    closed, leaves = 0, dict[int, bytes]()  # up to where checkpoints closed it, and what came behind that
    for line in lines:
        if "seq" in line:
            seq = int(line["seq"])
            if seq == closed:
                leaves = {}  # again, behind what a crash cut off
            if seq >= closed:
                leaves[seq] = leaf_of(line)
        elif "checkpoint" in line:
            size = merkle.parse_note(str(line["checkpoint"]))[0].size
            if size > closed:
                if len(leaves) != size - closed or leaves != store.log.leaves(closed, size):
                    return False
                closed, leaves = size, {}
    return True


def _parse(text: bytes) -> dict[str, Any] | None:
    """A line as JSON; None where it is torn, or none of ours."""
    try:
        return parse_object(text, max_bytes=_LONGEST)
    except ValueError:
        return None
