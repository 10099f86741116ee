"""The table `cases`: access requests, each with the blind indexes of the data subject's identifiers.

Statements about the person, above all their identity, are sealed to the officers. Receipt, deadline and answer of a
case stand in the log alone (`access.cases`).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.catalogue.columns import reads_rows

_LONGEST = 16 * 1024  # bytes of a column: some hundred identifiers


class CaseRow(NamedTuple):
    """A stored part of a case: `sealed` holds identifiers of the person, and how their identity was checked.

    The first part comes with the case, another with each request that names further identifiers. No part is changed.
    """

    id: str
    part: int
    sealed: bytes
    tags: bytes  # blind indexes of the identifiers, concatenated

    def digest(self) -> str:
        """SHA-256 in hex of the row; the log entry that added it commits to this."""
        row = {"id": self.id, "part": self.part, "sealed": self.sealed.hex(), "tags": self.tags.hex()}
        return sha256(canonical(row)).hexdigest()


class Cases:
    """Cases of access requests. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, part: CaseRow) -> None:
        """Insert a part of a case."""
        self._db.run("INSERT INTO cases (id, part, sealed, tags) VALUES (?, ?, ?, ?)", part)

    @reads_rows
    def rows(self) -> list[CaseRow]:
        """Every part of every case, in order; overlong values are cut off, and then match no digest."""
        sql = (
            f"SELECT id, part, substr(sealed, 1, {_LONGEST}), substr(tags, 1, {_LONGEST}) FROM cases ORDER BY id, part"  # noqa: S608
        )
        return [_row(*row) for row in self._db.rows(sql)]

    def remove(self, cases: Iterable[str]) -> None:
        """Delete cases with what is sealed in them."""
        self._db.run_many("DELETE FROM cases WHERE id = ?", [(case,) for case in cases])


def _row(case: Any, part: Any, sealed: Any, tags: Any) -> CaseRow:
    return CaseRow(
        str(case), int(part), bytes(sealed or b""), bytes(tags or b"")
    )  # the engine returns NULL for an empty value
