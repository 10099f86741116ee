"""The table `recipients`: each disclosure (a copy that left the store) by the number of its log entry.

A disclosure is `out` until a recording in it is erased, or an upheld objection closes its use; then it is `open` until
its deletion is confirmed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from arlo_rec.law.log.rows import DisclosureState
from arlo_rec.law.model.records import RecordingId, from_micros, to_micros
from arlo_rec.vault.backends import Connection, Row, marks, portions
from arlo_rec.vault.catalogue.columns import SealedColumn, reads_rows

_KINDS = frozenset({"export", "package"})


class DisclosureRow(NamedTuple):
    """A stored disclosure; its log entry names its recordings."""

    seq: int
    kind: str  # one of _KINDS
    person: str
    at: datetime
    state: DisclosureState
    file: str | None = None  # its name; None without one, or once its deletion is confirmed


_SELECT = "SELECT seq, kind, person, at, state, file FROM recipients"
_INSERT = "INSERT INTO recipients (seq, kind, person, at, state, file) VALUES (?, ?, ?, ?, ?, ?)"


class Disclosures:
    """Disclosures by log entry. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._persons = SealedColumn(connection, "recipients", "person")
        self._files = SealedColumn(connection, "recipients", "file")

    def add(self, row: DisclosureRow) -> None:
        """Keep a new disclosure; fails if its log entry has one already."""
        self._db.run(_INSERT, self._values(row))

    def learn(self, row: DisclosureRow) -> None:
        """Keep a disclosure from the log, unless it is known."""
        self._db.run(f"{_INSERT} ON CONFLICT (seq) DO NOTHING", self._values(row))

    def remove(self, seq: int) -> None:
        """Delete a disclosure that did not take place."""
        self._db.run("DELETE FROM recipients WHERE seq = ?", (seq,))

    def give_name(self, seq: int, file: str | None) -> None:
        """Set the name of its file."""
        self._db.run("UPDATE recipients SET file = ? WHERE seq = ?", (self._files.seal_text(seq, file), seq))

    def confirm(self, seq: int) -> None:
        """Mark a disclosure as confirmed deleted."""
        self._db.run(
            "UPDATE recipients SET state = ?, file = NULL WHERE seq = ?", (DisclosureState.CONFIRMED.value, seq)
        )

    def demand(self, seq: int) -> None:
        """Mark a disclosure as `open`, unless its deletion is confirmed."""
        self._db.run(
            "UPDATE recipients SET state = ? WHERE seq = ? AND state = ?",
            (DisclosureState.OPEN.value, seq, DisclosureState.OUT.value),
        )

    def erased(self, recordings: Collection[RecordingId]) -> None:
        """Mark the disclosures that hold one of these recordings as `open`."""
        if not self._any():
            return
        for ids in portions(recordings):
            self._db.run(
                "UPDATE recipients SET state = ? WHERE state = ? AND seq IN "  # noqa: S608 - marks
                f"(SELECT seq FROM mentions WHERE recording IN ({marks(ids)}))",
                (DisclosureState.OPEN.value, DisclosureState.OUT.value, *ids),
            )

    @reads_rows
    def of_recordings(self, recordings: Collection[RecordingId]) -> list[DisclosureRow]:
        """The disclosures that hold one of these recordings, oldest first."""
        seqs: set[int] = set()
        if self._any():
            for ids in portions(recordings):
                rows = self._db.rows(
                    "SELECT DISTINCT r.seq FROM mentions m JOIN recipients r ON r.seq = m.seq "  # noqa: S608 - marks
                    f"WHERE m.recording IN ({marks(ids)})",
                    ids,
                )
                seqs |= {int(row[0]) for row in rows}
        return self.get(seqs)

    @reads_rows
    def get(self, seqs: Collection[int]) -> list[DisclosureRow]:
        """The disclosures of some log entries, oldest first."""
        sql = f"{_SELECT} WHERE seq IN"
        rows = [row for numbers in portions(seqs) for row in self._db.rows(f"{sql} ({marks(numbers)})", numbers)]
        return [self._row(row) for row in sorted(rows)]

    @reads_rows
    def every(self) -> list[DisclosureRow]:
        """Every disclosure, oldest first."""
        rows = self._db.rows(f"{_SELECT} ORDER BY seq")
        return [self._row(row) for row in rows]

    @reads_rows
    def confirmed_before(self, seq: int) -> list[DisclosureRow]:
        """Confirmed disclosures of entries before that number, oldest first."""
        sql = f"{_SELECT} WHERE state = ? AND seq < ? ORDER BY seq"
        return [self._row(row) for row in self._db.rows(sql, (DisclosureState.CONFIRMED.value, seq))]

    def open(self) -> list[DisclosureRow]:
        """Disclosures whose deletion is not confirmed, oldest first."""
        return [row for row in self._unconfirmed() if row.state is DisclosureState.OPEN]

    def exports(self) -> list[DisclosureRow]:
        """Exports whose deletion is not confirmed, whether something in them is erased or not, oldest first."""
        return [row for row in self._unconfirmed() if row.kind == "export"]

    @reads_rows
    def _unconfirmed(self) -> list[DisclosureRow]:
        sql = f"{_SELECT} WHERE state = ? OR (kind = 'export' AND state <> ?) ORDER BY seq"
        states = (DisclosureState.OPEN.value, DisclosureState.CONFIRMED.value)
        return [self._row(row) for row in self._db.rows(sql, states)]

    @reads_rows
    def _any(self) -> bool:
        return bool(self._db.rows("SELECT 1 FROM recipients LIMIT 1"))

    def _values(self, row: DisclosureRow) -> Row:
        person, file = self._persons.seal_text(row.seq, row.person), self._files.seal_text(row.seq, row.file)
        return (row.seq, row.kind, person, to_micros(row.at), row.state.value, file)

    def _row(self, row: Row) -> DisclosureRow:
        seq, kind, person, at, state, file = row
        if kind not in _KINDS:
            raise ValueError("no kind of disclosure")
        name = str(self._persons.open_text(seq, person))
        return DisclosureRow(
            *(int(seq), str(kind), name, from_micros(at), DisclosureState(state), self._files.open_text(seq, file))
        )
