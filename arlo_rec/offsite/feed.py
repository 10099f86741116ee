"""The feed: everything that the log says, outside, in a file that only grows; from it a restored store is caught up.

    {"log_key": …}      a key that signs from that size on, and the word of the one before
    {"seq": …}          an entry: its number, its salt and what it says, which together give its leaf
    {"tombstones": …}   behind a withdrawal: who withdrew, as the pseudonym of the index, sealed to the officers
    {"people": …}       behind a change of the roster: who is or was here, with the keys that they sign with
                        (both of these as the entry before has sworn, by a hash)
    {"checkpoint": …}   closes what one change wrote; the last of all says how far the feed goes

What a change wrote is forwarded when it is durable, with everything that was missed before: the feed itself says how
far it goes. An erasure does not wait for it longer than FEED_WAIT. A crash leaves half a line, which readers skip, as
they do lines that come twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from arlo_rec.backends.feedfile import FeedFile
from arlo_rec.catalogue import audit_log
from arlo_rec.crypto import merkle, primitives
from arlo_rec.keys.roster import digest_of_people, told_people
from arlo_rec.model.errors import ArloError, Integrity, Unreachable
from arlo_rec.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.policy import Role
from arlo_rec.store import Store

FEED_WAIT = 2.0  # seconds that a command waits for another one's lines
CLOSED_AT_ONCE = 200  # checkpoints forwarded in one write
_LONGEST = 300 * 1024 * 1024  # bytes of a line; see logbook.ENTRY_LONGEST


@dataclass(frozen=True, slots=True)
class Standing:
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
            last = _last(file, handle)
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
        if not store.number("fed"):
            FeedFile(store.feed).create(store.place.file_mode)
            with store.change(now):
                store.set_number("fed", 1)
    except Unreachable:
        return
    if forward in store.followers:  # what a re-keying wrote, or an outage kept back
        forward(store)


def standing(store: Store) -> Standing | None:
    """How far the feed is; None where the store has none."""
    if store.feed is None:
        return None
    size = store.book.tree().size
    try:
        last = _newest(store.feed)
    except ArloError:
        return Standing(store.feed, size, "feed_unreachable")
    reaches = last.size if last else 0
    another = last is not None and (last.origin != store.book.origin or (reaches <= size and not _is_ours(store, last)))
    if another:
        return Standing(store.feed, size, "feed_of_another")
    problem = "feed_ahead" if reaches > size else "feed_behind" if reaches < size else None
    return Standing(store.feed, max(size - reaches, 0), problem)


def has(store: Store, seq: int) -> bool | None:
    """Whether an entry is in the feed by now; None where the store has none."""
    if store.feed is None:
        return None
    try:
        last = _newest(store.feed)
    except ArloError:
        return False
    return last is not None and last.size > seq and _is_ours(store, last)


def _newest(path: Path) -> merkle.Checkpoint | None:
    file = FeedFile(path)
    with file.alone(FEED_WAIT) as handle:
        return _last(file, handle)


def _last(file: FeedFile, handle: int) -> merkle.Checkpoint | None:
    """The last checkpoint that stands in a feed."""
    for line in file.backwards(handle):
        told = _told(line)
        if told is not None and "checkpoint" in told:
            try:
                return merkle.parse_note(str(told["checkpoint"]))[0]
            except ValueError:
                continue
    return None


def _is_ours(store: Store, last: merkle.Checkpoint) -> bool:
    """Whether a checkpoint is one of this very log, and not of another store, or of a log that went on elsewhere."""
    return last.origin == store.book.origin and last.root == store.book.root_at(last.size)


# -- writing ------------------------------------------------------------------------------------------


def _missing(store: Store, since: int) -> Iterator[list[bytes]]:
    """Lines from entry number *since* on, some changes at once."""
    notes = store.db.rows("SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size", (since,))
    keys = {size: (vkey, said) for vkey, size, said in store.book.key_chain()}
    sizes = [since, *(int(size) for size, _ in notes)]
    lines: list[bytes] = []
    for count, ((begin, end), (_, note)) in enumerate(zip(pairwise(sizes), notes, strict=True), 1):
        lines += _entries(store, begin, end, keys)
        last = count == len(notes)
        lines.append(canonical({"checkpoint": str(note), **(_numbers(store) if last else {})}))
        if last or count % CLOSED_AT_ONCE == 0:
            yield lines
            lines = []


def _numbers(store: Store) -> dict[str, int]:
    stands = store.standing()
    return {"roster": stands.roster, "generation": stands.generation, "changes": stands.changes}


def _entries(store: Store, begin: int, end: int, keys: dict[int, tuple[str, bytes | None]]) -> Iterator[bytes]:
    rows = store.db.rows("SELECT seq, salt, body FROM entries WHERE seq >= ? AND seq < ? ORDER BY seq", (begin, end))
    for seq, salt, body in rows:
        if seq in keys:
            shown, said = keys[seq]
            yield canonical({"log_key": shown, "from": seq, "statement": to_base64(said) if said else None})
        if body is None:
            raise Integrity("log_damaged")
        try:
            told = audit_log.read_body(body)
        except ValueError:
            raise Integrity("log_damaged") from None
        yield canonical({"seq": seq, "salt": to_base64(salt), "body": told})
        detail = told.get("detail", {})
        if "people" in detail and detail["people"] == digest_of_people(store.roster):
            yield canonical({"people": told_people(store.roster), "after": seq})
        if "tombstones" in detail:
            yield canonical({"tombstones": seq, "sealed": _sealed(store, seq)})


def _sealed(store: Store, seq: int) -> dict[str, str]:
    """The tombstones of one withdrawal, for each officer."""
    rows = store.db.rows("SELECT kind, tag, at FROM burials WHERE seq = ? ORDER BY kind", (seq,))
    content = _content((str(kind), bytes(tag), int(when)) for kind, tag, when in rows)
    officers = [one for one in store.roster.people if one.role is Role.OFFICER]
    info = _info(store.place.id, seq)
    sealed = {
        primitives.fingerprint(one.seal_key).hex(): primitives.seal(one.seal_key, content, info) for one in officers
    }
    return {holder: to_base64(one) for holder, one in sealed.items()}


def digest_of(these: Iterable[tuple[str, bytes, int]]) -> str:
    """What the entry of a withdrawal swears of its tombstones (kind, tag, µs)."""
    return primitives.sha256(_content(these)).hex()


def _content(these: Iterable[tuple[str, bytes, int]]) -> bytes:
    return canonical([[kind, tag.hex(), at] for kind, tag, at in sorted(these)])


def _info(store: bytes, seq: int) -> bytes:
    return b"arlo-rec/1/feed\0" + store + seq.to_bytes(8, "big")


# -- reading ------------------------------------------------------------------------------------------


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every line that a feed holds, in order; raises Unreachable."""
    for line in FeedFile(path).lines():
        told = _told(line)
        if told is not None:
            yield told


def tombstones(store_id: bytes, told: dict[str, Any], key: primitives.SealingKey) -> list[tuple[str, bytes, int]]:
    """Kind, tag and time (µs) of each tombstone of a line; raises Integrity where *key* does not open it."""
    try:
        sealed = from_base64(told["sealed"][primitives.fingerprint(key.public).hex()])
        content = parse_object(b'{"is":' + key.open(sealed, _info(store_id, int(told["tombstones"]))) + b"}")["is"]
        return [(str(kind), bytes.fromhex(tag), int(at)) for kind, tag, at in content]
    except (KeyError, TypeError, ValueError, primitives.Sealed):
        raise Integrity("feed_does_not_open") from None


def check(store: Store) -> list[str]:
    """In what the feed is not what the log says, as codes; empty if in nothing, or where there is no feed."""
    stands = standing(store)
    if stands is None:
        return []
    if stands.problem in {"feed_unreachable", "feed_ahead", "feed_of_another"}:
        return [stands.problem]
    try:
        right = _agrees(store, read(stands.path))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        right = False
    return [*([] if right else ["feed_differs"]), *([stands.problem] if stands.problem else [])]


def _agrees(store: Store, lines: Iterable[dict[str, Any]]) -> bool:
    """Whether what checkpoints closed is every entry of the log, in order and as it stands there."""
    closed, open_ones = 0, dict[int, bytes]()
    for told in lines:
        if "seq" in told:
            seq = int(told["seq"])
            if seq == closed:
                open_ones = {}  # again, behind what a crash cut off
            if seq >= closed:
                open_ones[seq] = leaf_of(told)
        elif "checkpoint" in told:
            size = merkle.parse_note(str(told["checkpoint"]))[0].size
            if size > closed:
                if sorted(open_ones) != list(range(closed, size)) or not _same_leaves(store, open_ones):
                    return False
                closed, open_ones = size, {}
    return True


def _same_leaves(store: Store, leaves: dict[int, bytes]) -> bool:
    begin, end = min(leaves), max(leaves)
    rows = store.db.rows("SELECT seq, leaf FROM entries WHERE seq BETWEEN ? AND ?", (begin, end))
    return {int(seq): bytes(leaf) for seq, leaf in rows} == leaves


def leaf_of(told: dict[str, Any]) -> bytes:
    """The leaf of an entry's line; raises ValueError or KeyError where it does not say what stands in the log."""
    return merkle.leaf_hash(merkle.commit(from_base64(told["salt"], merkle.SALT_BYTES), canonical(told["body"])))


def _told(line: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(line, max_bytes=_LONGEST)
    except ValueError:
        return None


def demand_reachable(path: Path) -> None:
    """Raise Unreachable where there is no feed at *path*."""
    if not path.is_file():
        raise Unreachable("feed_unreachable", path=str(path))
