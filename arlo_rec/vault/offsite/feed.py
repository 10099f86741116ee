"""The feed: a copy of the log outside the store, from which a restore learns what happened since its backup.

It is only appended to, but where the log forgot: then it is written anew without that.

Each change is one self-contained line, signed by the log's key (`feed_line`). It is forwarded once it is durable, with
everything missed before: the feed itself shows how far it goes. An erasure waits for it at most FEED_WAIT.

Writers of the feed's folder can append anything, so only signed lines of this log count. Unsigned lines are skipped and
counted, torn ones included. A signed line that contradicts our log is reported, and is no end of the feed: a copy of
the store may have gone on elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from arlo_rec.law.log import events
from arlo_rec.law.log.events import AuthorityChanged, ChangesPeople, EntriesForgotten, Withdrawn
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, Unreachable
from arlo_rec.law.model.records import from_micros, to_micros
from arlo_rec.law.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.vault.backends.feedfile import FeedFile
from arlo_rec.vault.catalogue.audit_log import RawEntry
from arlo_rec.vault.catalogue.tombstones import Tombstone
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys.roster import digest_of_people, people_to_json
from arlo_rec.vault.offsite import escrow, feed_line
from arlo_rec.vault.offsite.feed_line import MARK, FeedLine, KeyChain
from arlo_rec.vault.opened import Store

FEED_WAIT = 2.0  # seconds that a command waits for another's lines
CLOSED_AT_ONCE = 200  # lines forwarded in one write
LOOKED_BACK = 1000  # lines searched for a longer reach: an old line may have been written again
FOREIGN_MOST = 5000  # foreign lines that look signed before the search for the end stops: half a second
AHEAD, FORKED = "feed_ahead", "feed_forked"
_OTHERS = ("after", "before", "checkpoint", "people", "links", "sealed", *feed_line.COUNTERS)  # of a line, as it was


class FeedStatus(Record, frozen=True):
    """The state of a feed; `problem` is a code."""

    path: Path
    behind: int  # missing entries
    problem: str | None
    foreign_lines: int  # behind its end


class FeedReport(NamedTuple):
    """Differences between a feed and the log, as codes, and the number of foreign lines."""

    problems: tuple[str, ...] = ()
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class _End:
    """The reach of our newest line, the place of the next, and the code of a contradiction behind it."""

    at: int
    reach: int = 0
    contradicts: str | None = None


def file_of(store: Store, at: Path | None = None) -> FeedFile | None:
    """The feed of an open store, the file *at* or that which it writes; None without one."""
    path = at or store.feed
    if path is None:
        return None
    return FeedFile(path, feed_line.first_line(store.layout.id))


def forward(store: Store) -> None:
    """Bring the feed up to date as far as it is reachable; never raises an ArloError."""
    file = file_of(store)
    if file is None:
        return
    try:
        with file.alone(FEED_WAIT) as handle, store.db.reading():
            for lines in _missing(store, _end(store, file, handle).reach):
                file.append(handle, lines)
    except ArloError:
        store.followers.remove(forward)  # one attempt per command: `status` reports it, the next command catches up


def follow(store: Store, now: datetime) -> None:
    """Forward every change from now on, and all missed ones at once.

    The file is made only once: if it is missing later, its disk is not mounted. From then on `fed` is not 0 (`forget`).
    """
    file = file_of(store)
    if file is None:
        return
    store.followers.append(forward)
    try:
        if not store.meta.number("fed"):
            file.create()
            with store.change(now):
                store.meta.set("fed", 1)
    except Unreachable:
        return
    if forward in store.followers:  # from a re-keying or an outage
        forward(store)


def status(store: Store, at: Path | None = None) -> FeedStatus | None:
    """The state of the feed, the file *at* or that of the store; None without one."""
    file = file_of(store, at)
    if file is None:
        return None
    size = store.log.tree().size
    try:
        with file.reading() as handle:
            end = _end(store, file, handle)
            foreign = file.count_lines(handle, end.at)
    except ArloError as error:
        code = error.code if error.code.startswith("feed_") else "feed_unreachable"
        return FeedStatus(file.path, size, code, 0)
    problem = end.contradicts or ("feed_behind" if end.reach < size else None)
    return FeedStatus(file.path, max(size - end.reach, 0), problem, foreign)


def has(store: Store, seq: int) -> bool | None:
    """Whether an entry is in the feed; None without a feed."""
    file = file_of(store)
    if file is None:
        return None
    try:
        with file.reading() as handle:
            return _end(store, file, handle).reach > seq
    except ArloError:
        return False


def _end(store: Store, file: FeedFile, handle: int) -> _End:
    """Our newest line; raises Unreachable if too many foreign lines lie behind it.

    An old line of ours may have been written again behind it, so a line that reaches further is searched for.
    """
    chain, size, end = _chain(store), store.log.tree().size, _End(at=file.begin)
    foreign = seen = 0
    for at, raw in file.backwards(handle, MARK):
        line = feed_line.read(raw)
        if line is None or line.size > end.reach:
            if line is None or chain.signer(line) is None:
                foreign += 1
            elif _is_ours(store, line):
                end = replace(end, reach=line.size, at=max(at + 1, end.at))
            elif not end.reach:
                end = replace(end, contradicts=AHEAD if line.size > size else end.contradicts or FORKED)
        seen += end.reach > 0
        if end.reach >= size or seen > LOOKED_BACK:
            break
        if foreign > FOREIGN_MOST:
            raise Unreachable("feed_flooded", path=str(file.path))
    return end


def _chain(store: Store) -> KeyChain:
    return KeyChain(store.log.origin, store.layout.id, store.log.key_chain(), store.roster.signers())


def _is_ours(store: Store, line: FeedLine) -> bool:
    """Whether a line connects two entries of this log, and not of a copy that went on elsewhere."""
    before = store.log.checkpoints.root_at(line.after) if line.after else merkle.EMPTY_ROOT
    return line.before == before and line.checkpoint.root == store.log.checkpoints.root_at(line.size)


# -- writing ------------------------------------------------------------------------------------------


def _missing(store: Store, since: int) -> Iterator[list[bytes]]:
    """Lines from entry number *since* on, in batches."""
    notes = store.log.checkpoints.notes_after(since)
    keys, key = store.log.key_chain(), store.log.key
    if not store.log.is_current_key(key):
        return  # a re-keying is being finished, and signs the rest
    root = store.log.checkpoints.root_at(since) if since else merkle.EMPTY_ROOT
    sizes = [since, *(size for size, _ in notes)]
    lines: list[bytes] = []
    for (begin, end), (_, note) in zip(pairwise(sizes), notes, strict=True):
        newer = feed_line.keys_to_json(key for key in keys if key.from_size >= begin)
        document = {"after": begin, "before": to_base64(root or b""), "checkpoint": note, "keys": newer}
        document |= _contents(store, store.log.raw.entries(begin, end))
        if end == sizes[-1]:
            document |= _counters(store)
        lines.append(feed_line.sign(store.layout.id, document, key))
        root = merkle.parse_note(note)[0].root
        if end == sizes[-1] or len(lines) == CLOSED_AT_ONCE:
            yield lines
            lines = []


def _counters(store: Store) -> dict[str, int]:
    head = store.head()
    return {"roster": head.link.number, "generation": head.generation, "changes": head.changes}


def _contents(store: Store, entries: Iterable[RawEntry]) -> dict[str, Any]:
    """Entries, and what they commit to: people, links of the chain of authority, and sealed tombstones."""
    contents: dict[str, Any] = {"entries": []}
    for entry in entries:
        entry_document = feed_line.entry_to_json(entry)
        contents["entries"].append(entry_document)
        match events.read(entry_document.get("body", {})):
            case ChangesPeople(people=digest) if digest == digest_of_people(store.roster):
                contents["people"] = people_to_json(store.roster)
            case AuthorityChanged(link=number, digest=digest):
                if (link := _link_to_json(store, entry.seq, number, digest)) is not None:
                    contents.setdefault("links", []).append(link)
            case Withdrawn():
                contents.setdefault("sealed", {})[str(entry.seq)] = _sealed_tombstones(store, entry.seq)
    return contents


def _link_to_json(store: Store, seq: int, number: object, digest: object) -> dict[str, str] | None:
    """The link that entry *seq* commits to; None if the entry names another, as the program never writes."""
    newest = store.head().link.number
    link = store.authority.links.get(number) if type(number) is int and 0 < number <= newest else None
    if link is None or (link.seq, link.digest.hex()) != (seq, digest):
        return None
    return {"body": to_base64(link.body()), "signature": to_base64(link.signature)}


def _sealed_tombstones(store: Store, seq: int) -> dict[str, str]:
    """The tombstones of one withdrawal, sealed to each officer."""
    content, info = _content(store.catalogue.tombstones.of_entry(seq)), _info(store.layout.id, seq)
    return {
        primitives.fingerprint(officer.seal_key).hex(): to_base64(primitives.seal(officer.seal_key, content, info))
        for officer in escrow.officers(store)
    }


def digest_of(tombstones: Iterable[Tombstone]) -> str:
    """The digest in a withdrawal's entry that commits to its tombstones."""
    return primitives.sha256(_content(tombstones)).hex()


def _content(tombstones: Iterable[Tombstone]) -> bytes:
    rows = sorted((tombstone.kind, tombstone.tag, to_micros(tombstone.at)) for tombstone in tombstones)
    return canonical([[kind, tag.hex(), at] for kind, tag, at in rows])


def _info(store: bytes, seq: int) -> bytes:
    """The HPKE info of sealed tombstones."""
    return b"arlo-rec/1/feed\0" + store + seq.to_bytes(8, "big")


# -- forgetting ---------------------------------------------------------------------------------------
#
# The feed loses the bodies that the log lost. A line that held one is written anew with its leaf and signed by the
# log's newest key, so that a restore still reads it. `fed` is one more than the entries whose forgetting is done here.


def forget(store: Store, now: datetime) -> None:
    """Delete the bodies that the log forgot, where the feed can be rewritten; never raises an ArloError for the feed.

    Until then `remembers` holds, and the next purge tries again.
    """
    file, told = file_of(store), _not_done(store)
    if file is None or not told or not store.log.is_current_key(store.log.key):
        return
    runs, size = [run for _, event in told for run in event.entries], store.log.tree().size
    gone = sorted({seq for first, last in runs for seq in range(max(first, 0), min(last + 1, size))})
    try:
        with file.alone(FEED_WAIT) as handle, store.db.reading():
            if gone:
                file.rewrite(_without(store, file.lines(handle), gone))
    except ArloError:
        return
    with store.change(now):
        store.meta.set("fed", told[0][0] + 2)


def remembers(store: Store) -> bool:
    """Whether the feed may hold bodies that the log forgot."""
    return store.feed is not None and any(event.entries for _, event in _not_done(store))


def _not_done(store: Store) -> list[tuple[int, EntriesForgotten]]:
    """The forgetting entries that the feed does not follow yet, the newest first, with their numbers."""
    told, done = list[tuple[int, EntriesForgotten]](), store.meta.number("fed") - 1
    for entry in store.log.entries.of_forgetting():
        if entry.seq < done:
            break
        if isinstance(event := entry.event, EntriesForgotten):
            told.append((entry.seq, event))
    return told


def _without(store: Store, lines: Iterable[bytes], gone: Sequence[int]) -> Iterator[bytes]:
    """The lines of a feed without the bodies of the entries *gone*, which ascend.

    Foreign lines among them go too, as one of ours that was torn is one. Later ones stay, to be counted, and so do
    signed ones of another copy of the store.
    """
    chain, is_later = _chain(store), False
    for raw in lines:
        line = feed_line.read(raw)
        is_later = is_later or (line is not None and line.after > gone[-1])
        if line is None:
            if is_later:
                yield raw
            continue
        at = bisect_left(gone, line.after)
        if at == len(gone) or gone[at] >= line.size:
            yield raw
        elif chain.signer(line) is not None:
            is_ours = _is_ours(store, line) and _leaves(line) == store.log.raw.leaves(line.after, line.size)
            yield _leaves_only(store, line) if is_ours else raw


def _leaves_only(store: Store, line: FeedLine) -> bytes:
    """A line of ours with the leaves of the entries whose bodies the log has no more, signed anew."""
    kept = store.log.raw.entries(line.after, line.size)
    contents = [
        feed_line.entry_to_json(raw) if raw.body is None else entry
        for raw, entry in zip(kept, line.document["entries"], strict=True)
    ]
    newer = feed_line.keys_to_json(key for key in store.log.key_chain() if key.from_size >= line.after)
    others = {key: line.document[key] for key in _OTHERS if key in line.document}
    return feed_line.sign(store.layout.id, {**others, "entries": contents, "keys": newer}, store.log.key)


# -- reading ------------------------------------------------------------------------------------------


def demand_reachable(path: Path, store: bytes) -> None:
    """Raise Unreachable without a feed of that store at *path*."""
    try:
        with FeedFile(path, feed_line.first_line(store), of_anybody=True).reading():
            pass
    except Unreachable as error:
        if error.code == "disk_failed":
            raise Unreachable("feed_unreachable", path=str(path)) from None
        raise


def read(path: Path, store: bytes) -> Iterator[FeedLine | None]:
    """The lines of a feed behind its first, in order; None for foreign ones. Raises Unreachable."""
    file = FeedFile(path, feed_line.first_line(store), of_anybody=True)
    with file.reading() as handle:
        for raw in file.lines(handle):
            yield feed_line.read(raw)


def tombstones(store_id: bytes, line: FeedLine, seq: int, key: primitives.SealingKey) -> list[Tombstone]:
    """The tombstones of an entry of a line; raises Integrity if *key* does not open them."""
    try:
        sealed = from_base64(line.document["sealed"][str(seq)][primitives.fingerprint(key.public).hex()])
        content = parse_object(b'{"is":' + key.open(sealed, _info(store_id, seq)) + b"}")["is"]
        return [Tombstone(str(kind), bytes.fromhex(tag), from_micros(int(at))) for kind, tag, at in content]
    except (KeyError, TypeError, ValueError, OverflowError, primitives.Sealed):
        raise Integrity("feed_does_not_open") from None


def check(store: Store, at: Path | None = None) -> FeedReport:
    """Differences between feed and log; none without a feed. The feed is the file *at*, else that of the store."""
    feed_status = status(store, at)
    if feed_status is None:
        return FeedReport()
    problems = [] if feed_status.problem is None else [feed_status.problem]
    if problems and problems[0] not in {"feed_behind", AHEAD, FORKED}:
        return FeedReport(tuple(problems))
    covered, forked, foreign = set[int](), False, 0
    chain = _chain(store)
    for line in read(feed_status.path, store.layout.id):
        if line is None or chain.signer(line) is None:
            foreign += 1
        elif not _is_ours(store, line):
            forked = True
        elif _leaves(line) == store.log.raw.leaves(line.after, line.size):
            covered.add(line.size)
    reach = max(covered, default=0)
    wanted = {size for size, _ in store.log.checkpoints.notes_after(0) if size <= reach}
    if not wanted <= covered:
        problems.append("feed_differs")
    if forked and not {AHEAD, FORKED} & set(problems):
        problems.append(FORKED)
    return FeedReport(tuple(problems), foreign)


def _leaves(line: FeedLine) -> dict[int, bytes] | None:
    try:
        return {entry.seq: entry.leaf for entry in line.entries()}
    except (KeyError, TypeError, ValueError):
        return None
