"""The tables `links` and `documents`: the chain of authority, and the documents that its newest link puts into force.

Links are never deleted. Nothing is verified here; `catalogue.authority` does.
"""

from __future__ import annotations

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.keys import authority
from arlo_rec.keys.authority import Link
from arlo_rec.model.errors import Integrity


class Links:
    """The links of one store, and the current documents."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def newest(self) -> int:
        """The number of the newest link; 0 before the first."""
        return int(self._db.rows("SELECT max(number) FROM links")[0][0] or 0)

    @reads_rows
    def numbers(self) -> list[int]:
        """The numbers of all links, in order."""
        return [int(row[0]) for row in self._db.rows("SELECT number FROM links ORDER BY number")]

    @reads_rows
    def after(self, number: int) -> list[Link]:
        """The links behind *number*, in order; raises Integrity where one cannot be read."""
        rows = self._db.rows("SELECT body, signature FROM links WHERE number > ? ORDER BY number", (number,))
        return [authority.decode(bytes(body), bytes(signature)) for body, signature in rows]

    @reads_rows
    def get(self, number: int) -> Link | None:
        """The link of that number."""
        rows = self._db.rows("SELECT body, signature FROM links WHERE number = ?", (number,))
        return authority.decode(bytes(rows[0][0]), bytes(rows[0][1])) if rows else None

    @reads_rows
    def first_with_policy(self, digest: bytes) -> Link | None:
        """The first link that put into force the policy with that digest."""
        sql = "SELECT body, signature FROM links WHERE instr(body, ?) > 0 ORDER BY number LIMIT 1"
        rows = self._db.rows(sql, (f'"policy":"{digest.hex()}"'.encode("ascii"),))
        return authority.decode(bytes(rows[0][0]), bytes(rows[0][1])) if rows else None

    def add(self, link: Link) -> None:
        """Insert a link; inside a change."""
        self._db.run(
            "INSERT INTO links (number, body, signature) VALUES (?, ?, ?)", (link.number, link.body(), link.signature)
        )

    @reads_rows
    def document(self, kind: str) -> bytes:
        """The bytes of a current document; raises Integrity where it is missing."""
        rows = self._db.rows("SELECT body FROM documents WHERE kind = ?", (kind,))
        if not rows:
            raise Integrity(f"{kind}_missing")
        return bytes(rows[0][0])

    def put_document(self, kind: str, body: bytes) -> None:
        """Replace a current document; inside a change."""
        self._db.run("INSERT OR REPLACE INTO documents (kind, body) VALUES (?, ?)", (kind, body))
