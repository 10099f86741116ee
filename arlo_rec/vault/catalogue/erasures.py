"""The tables `erasures` and `proofs`: each erasure, its receipt's state, and the proof of its log entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import RecordingId, from_micros, to_micros
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.catalogue.columns import reads_rows, recording_id

_OPEN, _DONE = "open", "done"
_HASH = 32  # bytes


class Erasure(NamedTuple):
    """A committed erasure, by the number of its receipt."""

    number: str
    kind: str
    at: datetime
    rule: str
    recordings: tuple[RecordingId, ...]


class Proof(NamedTuple):
    """The proof of an erasure: its entry's number and leaf, the path to the signed note, the eraser's signature."""

    seq: int
    leaf: bytes
    path: tuple[bytes, ...]
    note: str
    signer: bytes
    signature: bytes


class NewProof(NamedTuple):
    """The proof as known before the entry is committed: its number and path, and the eraser's signature."""

    seq: int
    path: Sequence[bytes]
    signer: bytes
    signature: bytes


class Erasures:
    """Erasures by receipt number. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, erasure: Erasure, proof: NewProof) -> None:
        """Insert an unfinished erasure, with the proof of its log entry."""
        self._db.run(
            "INSERT INTO erasures (number, kind, at, rule, state, recordings) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(erasure.number, erasure.kind, to_micros(erasure.at), erasure.rule, _OPEN),
                ",".join(recording.hex() for recording in erasure.recordings),
            ),
        )
        self._db.run(
            "INSERT INTO proofs (number, seq, path, signer, signature) VALUES (?, ?, ?, ?, ?)",
            (erasure.number, proof.seq, b"".join(proof.path), proof.signer, proof.signature),
        )

    @reads_rows
    def unfinished(self) -> list[str]:
        """The numbers of erasures without a written receipt, oldest first: all that are not done.

        An unknown state counts as unfinished, so it hides no missing receipt: the next run writes it.
        """
        rows = self._db.rows(
            "SELECT number FROM erasures WHERE state < ? OR state > ? ORDER BY at, number", (_DONE, _DONE)
        )
        return [str(row[0]) for row in rows]

    @reads_rows
    def finished(self) -> Iterator[str]:
        """The numbers of erasures with a written receipt."""
        yield from (str(row[0]) for row in self._db.rows("SELECT number FROM erasures WHERE state = ?", (_DONE,)))

    def finish(self, number: str) -> None:
        """Mark an erasure as finished: its receipt is written."""
        self._db.run("UPDATE erasures SET state = ? WHERE number = ?", (_DONE, number))

    @reads_rows
    def find(self, number: str) -> Erasure | None:
        """The erasure of that number; None without one."""
        rows = self._db.rows("SELECT kind, at, rule, recordings FROM erasures WHERE number = ?", (number,))
        if not rows:
            return None
        kind, at, rule, ids = rows[0]
        return Erasure(number, str(kind), from_micros(at), str(rule), _ids(ids))

    def get(self, number: str) -> Erasure:
        """The same; raises Integrity without one."""
        erasure = self.find(number)
        if erasure is None:
            raise Integrity("catalogue_damaged")
        return erasure

    @reads_rows
    def finished_by(self, seq: int) -> str | None:
        """The number of the erasure of a log entry, if its receipt is written."""
        sql = "SELECT e.number FROM proofs p JOIN erasures e ON e.number = p.number WHERE p.seq = ? AND e.state = ?"
        rows = self._db.rows(sql, (seq, _DONE))
        return str(rows[0][0]) if rows else None

    @reads_rows
    def logged(self) -> Iterator[tuple[str, int, tuple[RecordingId, ...]]]:
        """Number, log entry and recordings of every erasure."""
        sql = "SELECT e.number, p.seq, e.recordings, e.state FROM erasures e LEFT JOIN proofs p ON p.number = e.number"
        for number, seq, ids, state in self._db.rows(sql):
            if state not in {_OPEN, _DONE}:
                raise ValueError("no state of an erasure")
            yield str(number), -1 if seq is None else int(seq), _ids(ids)

    @reads_rows
    def count_since(self, at: datetime) -> int:
        """The number of recordings erased at or after *at*."""
        rows = self._db.rows("SELECT recordings FROM erasures WHERE at >= ?", (to_micros(at),))
        return sum(len(_ids(ids)) for (ids,) in rows)

    @reads_rows
    def proof(self, number: str) -> Proof:
        """The proof of an erasure's log entry; raises Integrity if it is missing."""
        rows = self._db.rows(
            "SELECT p.seq, e.leaf, p.path, c.note, p.signer, p.signature FROM proofs p JOIN entries e ON e.seq = p.seq "
            "JOIN checkpoints c ON c.size = p.seq + 1 WHERE p.number = ?",
            (number,),
        )
        if not rows:
            raise Integrity("log_damaged")
        seq, leaf, path, note, signer, signature = rows[0]
        hashes = tuple(bytes(path[at : at + _HASH]) for at in range(0, len(path), _HASH))
        return Proof(int(seq), bytes(leaf), hashes, str(note), bytes(signer), bytes(signature))


def _ids(kept: str) -> tuple[RecordingId, ...]:
    return tuple(recording_id(bytes.fromhex(part)) for part in str(kept).split(",") if part)
