"""The table `documents`: roster and policy, each whole and signed. `keys.roster` verifies signatures."""

from __future__ import annotations

from arlo_rec.backends import Connection
from arlo_rec.keys.roster import Signed
from arlo_rec.model.errors import Integrity


class Documents:
    """The signed documents of a store, by kind: `roster`, `policy`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, kind: str) -> Signed:
        """A document as it is stored, its signature unverified; raises Integrity where it is missing."""
        rows = self._db.rows("SELECT kind, counter, body, signed_by, signature FROM documents WHERE kind = ?", (kind,))
        if not rows:
            raise Integrity(f"{kind}_missing")
        kind, counter, body, signed_by, signature = rows[0]
        return Signed(kind, counter, bytes(body), bytes(signed_by), bytes(signature))

    def counter(self, kind: str) -> int:
        """The version counter of a document; raises Integrity where it is missing."""
        rows = self._db.rows("SELECT counter FROM documents WHERE kind = ?", (kind,))
        if not rows:
            raise Integrity(f"{kind}_missing")
        return int(rows[0][0])

    def put(self, signed: Signed) -> None:
        """Replace a document; inside a change."""
        self._db.run(
            "INSERT OR REPLACE INTO documents (kind, counter, body, signed_by, signature) VALUES (?, ?, ?, ?, ?)",
            (signed.kind, signed.counter, signed.body, signed.signed_by, signed.signature),
        )
