"""The log inside the catalogue: entries appended and closed by a signed checkpoint, in the caller's transaction.

The tree itself is `audit`'s. Every checkpoint is signed by the log's key and by whoever ran the command.
When the catalogue is re-keyed the log's key changes too: the old key vouches for the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arlo_rec.backends import Connection, Row
from arlo_rec.crypto import merkle, primitives
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId
from arlo_rec.model.strict_json import canonical, parse_object

_BATCH = 5000  # entries read at once by a verification: 2 MB
ENTRY_LONGEST = 256 * 1024 * 1024  # bytes: a purge names each recording, with 35; this is seven million
_RESTORATION = 32 + 64  # bytes: an officer's key and signature
Body = tuple[int, bytes | None]  # an entry's number and canonical JSON (None where the body was dropped)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it is shown: its number and what it says (None where the body was dropped)."""

    seq: int
    told: dict[str, Any] | None


class Logbook:
    """The log of one store, read and continued through one connection."""

    def __init__(self, connection: Connection, store: bytes, log_key: primitives.SigningKey) -> None:
        self._db = connection
        self.origin = f"arlo-rec/{store.hex()}"
        self.key = log_key

    def vkey(self) -> str:
        """The log's verifier key, to be kept outside."""
        return merkle.vkey(self.origin, self.key.public)

    def tree(self) -> merkle.Tree:
        """The tree as it stands."""
        found = self._db.rows("SELECT value FROM meta WHERE key = 'log'")
        return merkle.Tree.decode(found[0][0]) if found else merkle.Tree()

    def append(self, bodies: Sequence[dict[str, Any]], signer: primitives.SigningKey) -> None:
        """Add entries and close them with one checkpoint; inside a transaction."""
        if not bodies:
            return
        tree = self.tree()
        entries, mentions = [], []
        for told in bodies:
            salt, body = primitives.fresh(merkle.SALT_BYTES), canonical(told)
            leaf = merkle.leaf_hash(merkle.commit(salt, body))
            entries.append((tree.size, salt, body, leaf))
            mentions += [(bytes.fromhex(one), tree.size) for one in told.get("recordings", ())]
            tree = tree.add(leaf)
        self._db.run_many("INSERT INTO entries (seq, salt, body, leaf) VALUES (?, ?, ?, ?)", entries)
        if mentions:
            self._db.run_many("INSERT OR IGNORE INTO mentions (recording, seq) VALUES (?, ?)", sorted(mentions))
        self._close(tree, signer)

    def _close(self, tree: merkle.Tree, signer: primitives.SigningKey) -> None:
        checkpoint = merkle.Checkpoint(self.origin, tree.size, tree.root())
        person = f"{self.origin}/{primitives.fingerprint(signer.public).hex()}"
        note = merkle.sign_note(checkpoint.text(), [(self.origin, self.key), (person, signer)])
        self._db.run("INSERT INTO checkpoints (size, root, note) VALUES (?, ?, ?)", (tree.size, checkpoint.root, note))
        self._db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('log', ?)", (tree.encode(),))

    def newest(self) -> tuple[merkle.Checkpoint, str]:
        """The last checkpoint and its signed note; raises Integrity where there is none."""
        found = self._db.rows("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1")
        if not found:
            raise Integrity("log_damaged")
        size, root, note = found[0]
        return merkle.Checkpoint(self.origin, size, bytes(root)), str(note)

    def root_at(self, size: int) -> bytes | None:
        """The root that was signed at that size, if a checkpoint was made there."""
        found = self._db.rows("SELECT root FROM checkpoints WHERE size = ?", (size,))
        return bytes(found[0][0]) if found else None

    def adopt(self, new_key: primitives.SigningKey) -> None:
        """Hand the log over to *new_key*, with the old key's word for it; inside a transaction."""
        size = self.tree().size
        statement = self.key.sign(_handover(self.origin, new_key.public))
        self._db.run(
            "INSERT INTO log_keys (vkey, from_size, statement) VALUES (?, ?, ?)",
            (merkle.vkey(self.origin, new_key.public), size, statement),
        )
        self.key = new_key

    def restored(self, new_key: primitives.SigningKey, officer: primitives.SigningKey) -> None:
        """Go on under *new_key* with an officer's word, where the old key was lost; inside a transaction."""
        word = officer.sign(_restoration(self.origin, new_key.public))
        self._db.run(
            "INSERT INTO log_keys (vkey, from_size, statement) VALUES (?, ?, ?)",
            (merkle.vkey(self.origin, new_key.public), self.tree().size, officer.public + word),
        )
        self.key = new_key

    def found(self) -> None:
        """Record the first key of the log; inside a transaction."""
        self._db.run("INSERT INTO log_keys (vkey, from_size, statement) VALUES (?, 0, NULL)", (self.vkey(),))

    def key_chain(self) -> list[tuple[str, int, bytes | None]]:
        """Every key of the log from the first on: verifier key, first size, the word of the one before."""
        rows = self._db.rows("SELECT vkey, from_size, statement FROM log_keys ORDER BY number")
        return [(str(v), int(size), bytes(said) if said else None) for v, size, said in rows]

    def lines(self, where: str = "1", values: Sequence[Any] = (), limit: int = -1) -> Iterator[Line]:
        """Entries in order; *where* is ours, never a user's."""
        sql = f"SELECT seq, body FROM entries WHERE {where} ORDER BY seq LIMIT ?"  # noqa: S608 - see above
        for seq, body in self._db.rows(sql, (*values, limit)):
            try:
                told = read_body(body) if body is not None else None
            except ValueError:
                raise Integrity("log_damaged") from None
            yield Line(int(seq), told)

    def about(self, recording: RecordingId) -> Iterator[Line]:
        """Every entry that names a recording, in order."""
        yield from self.lines("seq IN (SELECT seq FROM mentions WHERE recording = ?)", (recording,))


def read_body(body: bytes) -> dict[str, Any]:
    """What an entry says; raises ValueError where it is none of ours."""
    return parse_object(body, max_bytes=ENTRY_LONGEST)


def check(
    book: Logbook,
    people: Iterable[bytes],
    anchors: Iterable[str] = (),
    *,
    signatures: bool = False,
    follow: Callable[[Sequence[Body]], None] = lambda _bodies: None,
) -> list[str]:
    """What is wrong with the log, as codes; empty if nothing. *people* are the keys of all who could sign.

    1. every body still commits to its leaf   2. the leaves give the root of the newest checkpoint
    3. the chain of log keys holds
    4. the checkpoint (with *signatures*: each) is truly signed, by the log and by a person
    5. every anchor agrees with the tree

    *follow* is handed every body, in order and in batches: whoever has to read the log anyhow reads it once. What
    others add meanwhile is left to the next check: no view is held, which would be in the way of an erasure.
    """
    problems: list[str] = []
    count = 0
    notes = _notes(book, every=signatures)
    size = notes[-1][0].size if notes else 0

    def leaves() -> Iterator[bytes]:
        nonlocal count
        for expected, rows in _batches(book, size):
            yield from _checked_leaves(rows, expected, problems)
            follow([(seq, body) for seq, _, body, _ in rows])
            count += len(rows)

    anchored = [_anchor(one, problems) for one in anchors]
    sizes = {checkpoint.size for checkpoint, _ in notes}
    roots = merkle.roots_at(leaves(), sizes | {one.size for one, _ in filter(None, anchored)})
    people = list(people)
    keys = _key_chain(book, people, problems)
    names = {f"{book.origin}/{primitives.fingerprint(one).hex()}": one for one in people}
    for checkpoint, note in notes:
        if roots.get(checkpoint.size) != checkpoint.root:
            problems.append("log_root_differs")
        problems += _check_note(book, checkpoint, note, _key_at(keys, checkpoint.size), names)
    if count != size or not notes or _follows(book, size):
        problems.append("log_cut_off")
    for found in filter(None, anchored):
        problems += _check_anchor(book, found, roots, keys)
    return problems


def _check_note(
    book: Logbook, checkpoint: merkle.Checkpoint, note: str, public: bytes | None, names: Mapping[str, bytes]
) -> list[str]:
    """Whether a checkpoint is what its note says, and the note is signed by the log and by one of *names*."""
    try:
        said, signed = merkle.parse_note(note)
    except ValueError:
        return ["checkpoint_unsigned"]
    if public is None or said != checkpoint or not merkle.signed_by(said, signed, book.origin, public):
        return ["checkpoint_unsigned"]
    if not any(merkle.signed_by(said, signed, one, names[one]) for one in set(signed) & set(names)):
        return ["checkpoint_of_nobody"]
    return []


def _follows(book: Logbook, size: int) -> bool:
    """Whether entries stand behind the newest checkpoint, which closes every change."""
    with book._db.reading():
        found = book._db.rows("SELECT max(seq) FROM entries")[0][0]
        newest = book._db.rows("SELECT max(size) FROM checkpoints")[0][0] or 0
        return (found is not None and found >= newest) or book.tree().size != newest or newest < size


def _batches(book: Logbook, size: int) -> Iterator[tuple[int, list[Row]]]:
    """Every entry before *size* in order, some thousand at once with the number that the first must have."""
    since = 0
    while rows := book._db.rows(
        "SELECT seq, salt, body, leaf FROM entries WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
        (since, size, _BATCH),
    ):
        yield since, rows
        since = rows[-1][0] + 1


def _checked_leaves(rows: Sequence[Row], expected: int, problems: list[str]) -> Iterator[bytes]:
    for seq, salt, body, leaf in rows:
        if seq != expected:
            problems.append("entry_missing")
        if body is not None and not merkle.commits(leaf, salt, body):
            problems.append("entry_changed")
        expected = seq + 1
        yield leaf


def _notes(book: Logbook, *, every: bool) -> list[tuple[merkle.Checkpoint, str]]:
    limit = -1 if every else 1
    rows = book._db.rows("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT ?", (limit,))
    return [(merkle.Checkpoint(book.origin, size, bytes(root)), str(note)) for size, root, note in rows][::-1]


def _key_chain(book: Logbook, people: Sequence[bytes], problems: list[str]) -> list[tuple[int, bytes]]:
    keys: list[tuple[int, bytes]] = []
    for shown, size, statement in book.key_chain():
        _, public = merkle.parse_vkey(shown)
        if keys and not follows_on(book.origin, keys[-1][1], public, statement or b"", people):
            problems.append("log_key_not_handed_over")
        keys.append((size, public))
    if not keys or keys[-1][1] != book.key.public:
        problems.append("log_key_unknown")
    return keys


def _key_at(keys: list[tuple[int, bytes]], size: int) -> bytes | None:
    found = [public for since, public in keys if since < size]
    return found[-1] if found else None


def _anchor(text: str, problems: list[str]) -> tuple[merkle.Checkpoint, str] | None:
    try:
        return merkle.parse_note(text)[0], text
    except ValueError:
        problems.append("anchor_unreadable")
        return None


def _check_anchor(
    book: Logbook,
    anchor: tuple[merkle.Checkpoint, str],
    roots: dict[int, bytes],
    keys: list[tuple[int, bytes]],
) -> list[str]:
    checkpoint, note = anchor
    public = _key_at(keys, checkpoint.size)
    if checkpoint.origin != book.origin:
        return ["anchor_of_another_log"]
    if public is None or not merkle.note_signed_by(note, book.origin, public):
        return ["anchor_unsigned"]
    if checkpoint.size not in roots:
        return ["log_shorter_than_anchor"]
    return [] if roots[checkpoint.size] == checkpoint.root else ["log_differs_from_anchor"]


def _handover(origin: str, public: bytes) -> bytes:
    return f"{origin}\nhands the log over to\n".encode("ascii") + public


def _restoration(origin: str, public: bytes) -> bytes:
    return f"{origin}\nwas restored and goes on with\n".encode("ascii") + public


def is_restoration(statement: bytes | None) -> bool:
    """Whether a key came by an officer's word, not by that of the key before."""
    return statement is not None and len(statement) == _RESTORATION


def follows_on(origin: str, old: bytes, new: bytes, statement: bytes, officers: Sequence[bytes]) -> bool:
    """Whether *new* is the log's next key: by the old one's word, or after a restore by an officer's."""
    if is_restoration(statement):
        officer, word = statement[:32], statement[32:]
        return officer in officers and primitives.verified(officer, word, _restoration(origin, new))
    return primitives.verified(old, statement, _handover(origin, new))


def handed_over(origin: str, old: bytes, new: bytes, statement: bytes) -> bool:
    """Whether *old* truly vouched for *new* as the log's next key."""
    return primitives.verified(old, statement, _handover(origin, new))
