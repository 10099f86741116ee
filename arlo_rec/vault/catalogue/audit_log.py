"""The tables of the log: entries appended and closed by a signed checkpoint, in the caller's transaction.

Tables: `entries`, `mentions`, `checkpoints`, `log_keys`. `crypto.merkle` has the tree; `catalogue.audit_check`
verifies all of it. Every checkpoint is signed by the log's key and by the person who ran the command. A re-keying
changes the log's key too, and the old key signs a statement for the new one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from arlo_rec.law.log.entries import LONGEST, EntryRow, LogEntry, is_bounded, read_body
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import Person, RecordingId, named_in
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.backends import Connection, Row, marks, portions
from arlo_rec.vault.catalogue.columns import encoded, place, reads_rows
from arlo_rec.vault.catalogue.entry_index import EntryKind, columns_of, tag_of
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys.roster import Signatories
from arlo_rec.vault.keys.vouching import handover, restoration

_PLACE = place("entries", "sealed")
_SALT = merkle.SALT_BYTES
_NO_SALT = bytes(_SALT)
_LEAVES = 20_000  # leaves read at once


class RawEntry(NamedTuple):
    """A stored entry; its leaf commits to salt and body (canonical JSON; None if deleted, empty if unreadable)."""

    seq: int
    salt: bytes
    body: bytes | None
    leaf: bytes


class SignedCheckpoint(NamedTuple):
    """The tree at one size, and the note that signs it."""

    size: int
    root: bytes
    note: str


class LogKey(NamedTuple):
    """A key of the log: its verifier key, the size from which it signs, and the statement for it (None: the first)."""

    vkey: str
    from_size: int
    statement: bytes | None


class RawEntries:
    """The stored entries of one log; salt and body are sealed together, as a salt and its leaf prove a guess."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def entries(self, begin: int, end: int, limit: int | None = None) -> list[RawEntry]:
        """Stored entries with begin <= seq < end in order, at most *limit* (None: all)."""
        return [RawEntry(*row[:4]) for row in self.rows(begin, end, limit)]

    @reads_rows
    def rows(self, begin: int, end: int, limit: int | None = None) -> list[EntryRow]:
        """The same with the columns of `entry_index`, as tuples: a million named ones take half as long again."""
        sql = "SELECT seq, sealed, leaf, kind, taken_in FROM entries WHERE seq >= ? AND seq < ? ORDER BY seq"
        rows = self._db.rows(*_limited(sql, (begin, end), limit))
        return [
            (seq, plain[:_SALT], plain[_SALT:], leaf, kind, taken_in)
            if plain is not None
            else (seq, _NO_SALT, None, leaf, kind, taken_in)
            for (seq, _, leaf, kind, taken_in), plain in zip(rows, self.opened(rows), strict=True)
        ]

    def bodies_of(self, rows: Sequence[Row]) -> list[tuple[int, bytes | None]]:
        """Number and body of rows (number and what is sealed); an empty body where it does not open."""
        opened = self.opened(rows)
        return [
            (int(row[0]), None if plain is None else plain[_SALT:]) for row, plain in zip(rows, opened, strict=True)
        ]

    def opened(self, rows: Sequence[Row]) -> list[bytes | None]:
        """Salt and body of rows (number and what is sealed); None where the body was deleted."""
        held = [(_PLACE + encoded(row[0]), row[1]) for row in rows if row[1] is not None]
        plain = self._db.columns.open_many(held, instead=_NO_SALT)
        if len(plain) == len(rows):
            return list(plain)
        following = iter(plain)
        return [None if row[1] is None else next(following) for row in rows]

    def sealed(self, entry: RawEntry) -> bytes | None:
        """Salt and body of an entry as they are stored; nothing is stored of a deleted body."""
        if entry.body is None:
            return None
        return self._db.columns.seal(entry.salt + entry.body, _PLACE + encoded(entry.seq))

    @reads_rows
    def leaves(self, begin: int, end: int) -> dict[int, bytes]:
        """The leaves of the entries with begin <= seq < end, by number."""
        rows = self._db.rows("SELECT seq, leaf FROM entries WHERE seq >= ? AND seq < ?", (begin, end))
        return {int(seq): bytes(leaf) for seq, leaf in rows}

    def leaves_in_order(self, size: int) -> Iterator[bytes]:
        """The leaves of the first *size* entries, read in batches."""
        for begin in range(0, size, _LEAVES):
            some = self.leaves(begin, min(begin + _LEAVES, size))
            yield from (some[seq] for seq in sorted(some))

    @reads_rows
    def bodies(self, at_once: int = 5000, *, taken_in: bool = True) -> Iterator[tuple[int, bytes | None]]:
        """Number and canonical JSON of every entry, in order, read in batches.

        Without *taken_in* the engine leaves out entries that took a call in: most of a log.
        """
        for batch in self.body_batches(at_once, taken_in=taken_in):
            yield from batch

    @reads_rows
    def body_batches(self, at_once: int, *, taken_in: bool = True) -> Iterator[list[tuple[int, bytes | None]]]:
        """The same in batches."""
        since, but = 0, "" if taken_in else "AND (taken_in IS NULL OR kind IS NOT NULL)"
        sql = f"SELECT seq, sealed FROM entries WHERE seq >= ? {but} ORDER BY seq LIMIT ?"  # noqa: S608 - fixed words
        while rows := self._db.rows(sql, (since, at_once)):
            yield self.bodies_of(rows)
            since = rows[-1][0] + 1

    @reads_rows
    def mentions(self, end: int) -> Iterator[tuple[bytes, int]]:
        """The index of recordings named by entries before number *end*, in order, read in batches."""
        behind: tuple[Any, ...] = ()
        while True:
            condition = "AND (recording, seq) > (?, ?) " if behind else ""
            sql = f"SELECT recording, seq FROM mentions WHERE seq < ? {condition}ORDER BY recording, seq LIMIT 5000"  # noqa: S608
            rows = self._db.rows(sql, (end, *behind))
            yield from ((bytes(recording), int(seq)) for recording, seq in rows)
            if not rows:
                return
            behind = rows[-1]


def _limited(sql: str, values: Sequence[Any], most: int | None) -> tuple[str, Sequence[Any]]:
    """A statement and its values, for at most that many rows (None: all)."""
    return (sql, values) if most is None else (f"{sql} LIMIT ?", (*values, most))


class Checkpoints:
    """The signed checkpoints of one log."""

    def __init__(self, connection: Connection, meta: Meta) -> None:
        self._db, self._meta = connection, meta

    def newest(self) -> tuple[merkle.Checkpoint, str]:
        """The last checkpoint and its signed note; raises Integrity without one."""
        newest = self.last(1)
        if not newest:
            raise Integrity("log_damaged")
        try:
            said = merkle.parse_note(newest[0].note)[0]
        except ValueError:
            raise Integrity("log_damaged") from None
        return said, newest[0].note

    @reads_rows
    def last(self, limit: int | None) -> list[SignedCheckpoint]:
        """The last checkpoints, the newest first; None: all."""
        rows = self._db.rows(*_limited("SELECT size, root, note FROM checkpoints ORDER BY size DESC", (), limit))
        return [SignedCheckpoint(size, bytes(root), str(note)) for size, root, note in rows]

    @reads_rows
    def after(self, size: int, limit: int) -> list[SignedCheckpoint]:
        """The first checkpoints of more than *size* entries, in order; the first closes entry number *size*."""
        sql = "SELECT size, root, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?"
        return [
            SignedCheckpoint(int(at), bytes(root), str(note)) for at, root, note in self._db.rows(sql, (size, limit))
        ]

    @reads_rows
    def notes_after(self, size: int) -> list[tuple[int, str]]:
        """Size and signed note of each checkpoint of more than *size* entries, in order."""
        rows = self._db.rows("SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size", (size,))
        return [(int(closed), str(note)) for closed, note in rows]

    @reads_rows
    def root_at(self, size: int) -> bytes | None:
        """The signed root at that size; None without a checkpoint there."""
        rows = self._db.rows("SELECT root FROM checkpoints WHERE size = ?", (size,))
        return bytes(rows[0][0]) if rows else None

    @reads_rows
    def is_closed_at(self, size: int) -> bool:
        """Whether the newest checkpoint covers at least *size* entries, and all entries; in one snapshot."""
        with self._db.reading():
            last = self._db.rows("SELECT max(seq) FROM entries")[0][0]
            newest = self._db.rows("SELECT max(size) FROM checkpoints")[0][0] or 0
            return (last is None or last < newest) and read_tree(self._meta).size == newest and newest >= size


_ANY = re.compile(b"")


def _wanted(key: str, texts: Collection[str]) -> re.Pattern[bytes]:
    """Finds the JSON with one of these texts under a key; without texts any."""
    each = b"|".join(re.escape(text.encode("utf-8")) for text in sorted(texts))
    return re.compile(b'"%s":"(?:%s)"' % (key.encode("utf-8"), each)) if texts else _ANY


class Entries:
    """The entries of one log, parsed."""

    def __init__(self, connection: Connection, raw: RawEntries) -> None:
        self._db, self._raw = connection, raw

    def every(self) -> Iterator[LogEntry]:
        """Every entry, in order."""
        yield from self._read("SELECT seq, sealed FROM entries ORDER BY seq", ())

    def get(self, seq: int) -> LogEntry | None:
        """The entry of that number."""
        return next(self._read("SELECT seq, sealed FROM entries WHERE seq = ?", (seq,)), None)

    def first_from(self, seq: int) -> LogEntry | None:
        """The first readable entry from that number on."""
        sql = "SELECT seq, sealed FROM entries WHERE seq >= ? AND sealed IS NOT NULL ORDER BY seq LIMIT 1"
        return next((entry for entry in self._read(sql, (seq,)) if entry.body is not None), None)

    @reads_rows
    def newest_first(self, at_once: int = 200) -> Iterator[LogEntry]:
        """Every entry, the newest first, read in batches."""
        before: int | None = None
        while True:
            below = "" if before is None else "WHERE seq < ?"
            sql = f"SELECT seq, sealed FROM entries {below} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - fixed words
            batch = list(self._read(sql, (at_once,) if before is None else (before, at_once)))
            yield from batch
            if len(batch) < at_once:
                return
            before = batch[-1].seq

    def about(self, recording: RecordingId) -> Iterator[LogEntry]:
        """Every entry that names a recording, in order."""
        sql = "SELECT seq, sealed FROM entries WHERE seq IN (SELECT seq FROM mentions WHERE recording = ?) ORDER BY seq"
        yield from self._read(sql, (recording,))

    def of_cases(self) -> Iterator[LogEntry]:
        """Every entry of a case of an access request, in order."""
        yield from self._of(EntryKind.CASE, EntryKind.REQUEST_OF_CASE)

    def of_requests(self, *types: type[AuditEvent]) -> Iterator[LogEntry]:
        """Every entry of a request, a proposed policy, an objection or a notice to employees, of these types, in order.

        Others are not parsed, which is nearly all of their cost: a command asks for several types, one after another.
        """
        yield from self._of(EntryKind.REQUEST, EntryKind.REQUEST_OF_CASE, actions={each.ACTION for each in types})

    @reads_rows
    def count_of_requests(self) -> int:
        """How many entries `of_requests` looks at, whatever they say."""
        tags = [tag_of(kind, self._db.columns) for kind in (EntryKind.REQUEST, EntryKind.REQUEST_OF_CASE)]
        return int(self._db.rows(f"SELECT count(*) FROM entries WHERE kind IN ({marks(tags)})", tags)[0][0])  # noqa: S608 - marks

    def of_forgetting(self) -> Iterator[LogEntry]:
        """Every entry that forgets others, the newest first."""
        yield from reversed(list(self._of(EntryKind.FORGETTING)))

    def of_drills(self) -> Iterator[LogEntry]:
        """Every entry of a drill, the newest first."""
        yield from reversed(list(self._of(EntryKind.DRILL)))

    def _of(self, *kinds: EntryKind, actions: Collection[str] = ()) -> Iterator[LogEntry]:
        tags = [tag_of(kind, self._db.columns) for kind in kinds]
        sql = f"SELECT seq, sealed FROM entries WHERE kind IN ({marks(tags)}) ORDER BY seq"  # noqa: S608 - marks
        yield from self._read(sql, tags, _wanted("action", actions))

    @reads_rows
    def taking_in(self, recordings: Collection[RecordingId]) -> dict[RecordingId, LogEntry]:
        """The entry that took each of *recordings* in: the intake of a call, the making of a copy.

        It outlives the recording's row.
        """
        taking: dict[RecordingId, LogEntry] = {}
        for ids in portions(recordings):
            sql = f"SELECT seq, sealed FROM entries WHERE taken_in IN ({marks(ids)}) ORDER BY seq"  # noqa: S608 - marks
            for entry in self._read(sql, ids):
                for name in entry.recordings:
                    taking.setdefault(name, entry)
        return {name: entry for name, entry in taking.items() if name in recordings}

    @reads_rows
    def naming(self, recordings: Collection[RecordingId]) -> Iterator[LogEntry]:
        """Every entry that names one of *recordings*, in order."""
        seqs = set[int]()
        for ids in portions(recordings):
            rows = self._db.rows(f"SELECT seq FROM mentions WHERE recording IN ({marks(ids)})", ids)  # noqa: S608
            seqs.update(int(seq) for (seq,) in rows)
        for numbers in portions(seqs):
            sql = f"SELECT seq, sealed FROM entries WHERE seq IN ({marks(numbers)}) ORDER BY seq"  # noqa: S608 - marks
            yield from self._read(sql, numbers)

    @reads_rows
    def holding(self, texts: Sequence[str], *, taken_in: bool = True) -> Iterator[LogEntry]:
        """Every readable entry whose JSON has one of *texts*, in order; *taken_in* as for `bodies`."""
        if not texts:
            return
        wanted = re.compile(b"|".join(re.escape(text.encode("utf-8")) for text in texts))
        for seq, raw in self._raw.bodies(taken_in=taken_in):
            entry = LogEntry.read(seq, raw) if raw is not None and wanted.search(raw) else None
            if entry is not None and entry.body is not None:
                yield entry

    @reads_rows
    def _read(self, sql: str, values: Sequence[Any], wanted: re.Pattern[bytes] = _ANY) -> Iterator[LogEntry]:
        for seq, body in self._raw.bodies_of(self._db.rows(sql, values)):
            if body is None or wanted.search(body):
                yield LogEntry.read(seq, body)


class AuditLog:
    """The log of one store, appended to through one connection; its parts read it."""

    def __init__(self, connection: Connection, store: bytes, log_key: primitives.SigningKey, meta: Meta) -> None:
        self._db = connection
        self._meta = meta
        self.raw = RawEntries(connection)
        self.entries = Entries(connection, self.raw)
        self.checkpoints = Checkpoints(connection, meta)
        self.origin = f"arlo-rec/{store.hex()}"
        self.key = log_key

    @property
    def columns(self) -> primitives.ColumnKey:
        """The key of the columns beside the entries."""
        return self._db.columns

    def vkey(self) -> str:
        """The log's verifier key, to be kept outside."""
        return merkle.vkey(self.origin, self.key.public)

    def tree(self) -> merkle.Tree:
        """The tree over all entries."""
        return read_tree(self._meta)

    def append(self, bodies: Sequence[dict[str, Any]], signer: primitives.SigningKey) -> None:
        """Add entries and close them with one checkpoint; inside a transaction. Raises Usage if one is too long."""
        if not bodies:
            return
        tree = self.tree()
        entries = []
        for body in bodies:
            salt, raw = primitives.fresh(merkle.SALT_BYTES), canonical(body)
            if not is_bounded(raw):
                raise Usage("entry_too_long", most=LONGEST)
            leaf = merkle.leaf_hash(merkle.commit(salt, raw))
            entries.append(RawEntry(tree.size, salt, raw, leaf))
            tree = tree.add(leaf)
        self._insert(entries)
        self._mention((entry.seq, body) for entry, body in zip(entries, bodies, strict=True))
        checkpoint = merkle.Checkpoint(self.origin, entries[0].seq, tree.size, tree.root())
        person = merkle.signer_name(self.origin, signer.public)
        note = merkle.sign_note(checkpoint.text(), [(self.origin, self.key), (person, signer)])
        self._close([SignedCheckpoint(tree.size, checkpoint.root, note)], tree)

    def catch_up(
        self, entries: Sequence[RawEntry], checkpoints: Sequence[SignedCheckpoint], keys: Sequence[LogKey]
    ) -> None:
        """Append verified entries, checkpoints and keys of another copy of the log; inside a transaction."""
        self._insert(entries)
        self._mention(_readable(entries))
        for key in keys:
            self._add_key(key)
        tree = self.tree()
        for entry in entries:
            tree = tree.add(entry.leaf)
        self._close(checkpoints, tree)

    def add_first_key(self) -> None:
        """Record the first key of the log; inside a transaction."""
        self._add_key(LogKey(self.vkey(), 0, None))

    def hand_over(self, new_key: primitives.SigningKey) -> None:
        """Continue the log under *new_key*, with a statement signed by the old key; inside a transaction."""
        statement = self.key.sign(handover(self.origin, new_key.public))
        self._continue_with(new_key, statement)

    def continue_by_officer(self, new_key: primitives.SigningKey, officer: primitives.SigningKey) -> None:
        """Continue under *new_key*, with an officer's statement in place of a lost old key; inside a transaction."""
        signature = officer.sign(restoration(self.origin, new_key.public))
        self._continue_with(new_key, officer.public + signature)

    def _continue_with(self, new_key: primitives.SigningKey, statement: bytes) -> None:
        self._add_key(LogKey(merkle.vkey(self.origin, new_key.public), self.tree().size, statement))
        self.key = new_key

    def _add_key(self, key: LogKey) -> None:
        self._db.run(
            "INSERT INTO log_keys (number, vkey, from_size, statement) "
            "SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM log_keys",
            (key.vkey, key.from_size, key.statement),
        )

    def forget(self, seqs: Collection[int]) -> None:
        """Delete the bodies of entries, and the salts that hide them in their leaves; inside a transaction."""
        for part in portions(seqs):
            gone = "sealed = NULL, kind = NULL, taken_in = NULL"
            self._db.run(f"UPDATE entries SET {gone} WHERE seq IN ({marks(part)})", part)  # noqa: S608 - marks
            self._db.run(f"DELETE FROM mentions WHERE seq IN ({marks(part)})", part)  # noqa: S608 - marks

    def _insert(self, entries: Iterable[RawEntry]) -> None:
        key = self._db.columns
        rows = [(entry.seq, self.raw.sealed(entry), entry.leaf, *columns_of(entry.body, key)) for entry in entries]
        self._db.run_many("INSERT INTO entries (seq, sealed, leaf, kind, taken_in) VALUES (?, ?, ?, ?, ?)", rows)

    def _mention(self, bodies: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """Index entries by the recordings that they name."""
        mentions = [(name, seq) for seq, body in bodies for name in named_in(body)]
        if mentions:
            sql = "INSERT INTO mentions (recording, seq) VALUES (?, ?) ON CONFLICT (recording, seq) DO NOTHING"
            self._db.run_many(sql, sorted(mentions))

    def _close(self, checkpoints: Iterable[SignedCheckpoint], tree: merkle.Tree) -> None:
        rows = [(checkpoint.size, checkpoint.root, checkpoint.note) for checkpoint in checkpoints]
        self._db.run_many("INSERT INTO checkpoints (size, root, note) VALUES (?, ?, ?)", rows)
        self._meta.set("log", tree.encode())

    def signers_of(self, seqs: Iterable[int], people: Signatories) -> Iterator[Person | None]:
        """The verified signer, among *people*, of the checkpoint that closes each entry; None without one."""
        names, closed, key = merkle.signer_names(self.origin, people.keys()), range(0), None
        for seq in seqs:
            if seq not in closed:
                closing = self.checkpoints.after(seq, 1)
                closed, key = signed_span(self.origin, closing[0], names) if closing else (range(0), None)
            yield people.of_key(key, seq) if seq in closed else None

    @reads_rows
    def key_chain(self) -> list[LogKey]:
        """Every key of the log from the first on; raises Integrity for an invalid one."""
        rows = self._db.rows("SELECT vkey, from_size, statement FROM log_keys ORDER BY number")
        for vkey, _, _ in rows:
            merkle.parse_vkey(vkey)
        return [LogKey(str(vkey), int(size), bytes(signed) if signed else None) for vkey, size, signed in rows]

    def is_current_key(self, key: primitives.SigningKey) -> bool:
        """Whether the newest key of the log is that key."""
        return self.key_chain()[-1].vkey == merkle.vkey(self.origin, key.public)


def read_tree(meta: Meta) -> merkle.Tree:
    """The tree over all entries of a log."""
    encoded = meta.raw("log")
    return merkle.Tree.decode(encoded) if encoded is not None else merkle.Tree()


def signed_span(
    origin: str, checkpoint: SignedCheckpoint, names: Mapping[str, bytes]
) -> tuple[range, bytes] | tuple[range, None]:
    """The entries that a checkpoint with a valid note closes, and its signer's key; an empty range without one.

    *names*: the candidate signing keys by the names they sign under (`merkle.signer_names`).
    """
    try:
        said, signed = merkle.parse_note(checkpoint.note)
    except ValueError:
        return range(0), None
    if said != merkle.Checkpoint(origin, said.begin, checkpoint.size, checkpoint.root):
        return range(0), None
    key = merkle.signer_among(said, signed, names)
    return (range(0), None) if key is None else (range(said.begin, said.size), key)


def signer(origin: str, checkpoint: SignedCheckpoint, seq: int, people: Iterable[bytes]) -> bytes | None:
    """The key, among those of *people*, that signed entry *seq* with a valid checkpoint; else None."""
    span, key = signed_span(origin, checkpoint, merkle.signer_names(origin, people))
    return key if seq in span else None


def _readable(entries: Iterable[RawEntry]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries that are JSON; the program writes no others."""
    for entry in entries:
        with suppress(ValueError):
            yield entry.seq, read_body(entry.body or b"")
