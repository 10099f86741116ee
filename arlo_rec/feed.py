"""The feed: everything that the log says, outside, in a file that only grows; from it a restored store is caught up.

    {"log_key": …}      a key that signs from that size on, and the word of the one before
    {"seq": …}          an entry: its number, its salt and what it says, which together give its leaf
    {"tombstones": …}   behind a withdrawal: who withdrew, as the pseudonym of the index, sealed to the officers
    {"people": …}       behind a change of the roster: who is or was here, with the keys that they sign with
    {"checkpoint": …}   closes what one change wrote; the last of all says how far the feed goes

What a change wrote is forwarded when it is durable, with everything that was missed before: the feed itself says how
far it goes. An erasure does not wait for it longer than FEED_WAIT. A crash leaves half a line, which readers skip, as
they do lines that come twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from arlo_rec import audit, crypto, logbook
from arlo_rec.backends.feedfile import FeedFile
from arlo_rec.errors import ArloError, Integrity, Unreachable
from arlo_rec.jsontext import canonical, from_base64, parse_object, to_base64
from arlo_rec.people import told_people as roster_people
from arlo_rec.policy import Action, Role
from arlo_rec.records import from_iso, to_micros
from arlo_rec.store import Store

FEED_WAIT = 2.0  # seconds that a command waits for another one's lines
CLOSED_AT_ONCE = 200  # checkpoints forwarded in one write
_ROSTER_CHANGES = ("init", "person ", "restore")  # how the actions begin that change who is here
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
            for lines in _missing(store, _reaches(file, handle)):
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
        reaches = reach(store.feed)
    except ArloError:
        return Standing(store.feed, size, "feed_unreachable")
    problem = "feed_ahead" if reaches > size else "feed_behind" if reaches < size else None
    return Standing(store.feed, max(size - reaches, 0), problem)


def has(store: Store, seq: int) -> bool | None:
    """Whether an entry is in the feed by now; None where the store has none."""
    if store.feed is None:
        return None
    try:
        return reach(store.feed) > seq
    except ArloError:
        return False


def reach(path: Path) -> int:
    """How many entries a feed holds; raises Unreachable or InUse."""
    file = FeedFile(path)
    with file.alone(FEED_WAIT) as handle:
        return _reaches(file, handle)


def _reaches(file: FeedFile, handle: int) -> int:
    for line in file.backwards(handle):
        told = _told(line)
        if told is not None and "checkpoint" in told:
            try:
                return audit.parse_note(str(told["checkpoint"]))[0].size
            except ValueError:
                continue
    return 0


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
    rows = store.db.rows(
        "SELECT seq, salt, body, leaf FROM entries WHERE seq >= ? AND seq < ? ORDER BY seq", (begin, end)
    )
    for seq, salt, body, leaf in rows:
        if seq in keys:
            shown, said = keys[seq]
            yield canonical({"log_key": shown, "from": seq, "statement": to_base64(said) if said else None})
        if body is None:
            yield canonical({"seq": seq, "leaf": to_base64(leaf)})
            continue
        told = logbook.read_body(body)
        yield canonical({"seq": seq, "salt": to_base64(salt), "body": told})
        if str(told.get("action")).startswith(_ROSTER_CHANGES):
            yield canonical({"people": roster_people(store.roster), "after": seq})
        if (told.get("action"), told.get("outcome")) == (Action.WITHDRAW, "done"):
            yield canonical({"tombstones": seq, "sealed": _sealed(store, seq, to_micros(from_iso(told["at"])))})


def _sealed(store: Store, seq: int, at: int) -> dict[str, str]:
    """The tombstones of one withdrawal, for each officer."""
    rows = store.db.rows("SELECT kind, tag, at FROM tombstones WHERE at = ? ORDER BY kind, tag", (at,))
    content = canonical([[str(kind), bytes(tag).hex(), int(when)] for kind, tag, when in rows])
    officers = [one for one in store.roster.people if one.role is Role.OFFICER]
    info = _info(store.place.id, seq)
    sealed = {crypto.fingerprint(one.seal_key).hex(): crypto.seal(one.seal_key, content, info) for one in officers}
    return {holder: to_base64(one) for holder, one in sealed.items()}


def _info(store: bytes, seq: int) -> bytes:
    return b"arlo-rec/1/feed\0" + store + seq.to_bytes(8, "big")


# -- reading ------------------------------------------------------------------------------------------


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every line that a feed holds, in order; raises Unreachable."""
    for line in FeedFile(path).lines():
        told = _told(line)
        if told is not None:
            yield told


def tombstones(store_id: bytes, told: dict[str, Any], key: crypto.SealingKey) -> list[tuple[str, bytes, int]]:
    """Kind, tag and time (µs) of each tombstone of a line; raises Integrity where *key* does not open it."""
    try:
        sealed = from_base64(told["sealed"][crypto.fingerprint(key.public).hex()])
        content = parse_object(b'{"is":' + key.open(sealed, _info(store_id, int(told["tombstones"]))) + b"}")["is"]
        return [(str(kind), bytes.fromhex(tag), int(at)) for kind, tag, at in content]
    except (KeyError, TypeError, ValueError, crypto.Sealed):
        raise Integrity("feed_does_not_open") from None


def leaf_of(told: dict[str, Any]) -> bytes:
    """The leaf of an entry's line; raises ValueError or KeyError where it is none."""
    if "leaf" in told:
        return from_base64(told["leaf"], 32)
    return audit.leaf_hash(audit.commit(from_base64(told["salt"], audit.SALT_BYTES), canonical(told["body"])))


def check(store: Store) -> list[str]:
    """In what the feed is not what the log says, as codes; empty if in nothing, or where there is no feed."""
    stands = standing(store)
    if stands is None:
        return []
    if stands.problem in {"feed_unreachable", "feed_ahead"}:
        return [stands.problem]
    problems, expected = [], 0
    for told in read(stands.path):
        if "seq" not in told:
            continue
        try:
            seq, leaf = int(told["seq"]), leaf_of(told)
        except (KeyError, TypeError, ValueError):
            problems.append("feed_differs")
            continue
        row = store.db.rows("SELECT leaf FROM entries WHERE seq = ?", (seq,))
        if seq > expected or not row or bytes(row[0][0]) != leaf:
            problems.append("feed_differs")
        expected = max(expected, seq + 1)
    return sorted({*problems, *([stands.problem] if stands.problem else [])})


def _told(line: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(line, max_bytes=_LONGEST)
    except ValueError:
        return None


def demand_reachable(path: Path) -> None:
    """Raise Unreachable where there is no feed at *path*."""
    if not path.is_file():
        raise Unreachable("feed_unreachable", path=str(path))
