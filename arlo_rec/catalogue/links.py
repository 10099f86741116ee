"""The tables `links` and `documents`: the chain of authority, and the documents that its newest link puts into force.

Links are never deleted. Nothing is verified here; `catalogue.authority` does.
"""

from __future__ import annotations

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.keys import authority
from arlo_rec.keys.authority import Link


class Links:
    """The links of one store, and the current documents."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

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
    def with_policy_since(self, digest: bytes) -> Link | None:
        """The link since which the policy with that digest is in force: the one behind the last with another."""
        last = "(SELECT max(number) FROM links WHERE instr(body, ?) = 0)"
        sql = f"SELECT body, signature FROM links WHERE number = 1 + coalesce({last}, 0)"  # noqa: S608 - fixed words
        rows = self._db.rows(sql, (f'"policy":"{digest.hex()}"'.encode("ascii"),))
        return authority.decode(bytes(rows[0][0]), bytes(rows[0][1])) if rows else None

    def add(self, link: Link) -> None:
        """Insert a link; inside a change."""
        self._db.run(
            "INSERT INTO links (number, body, signature) VALUES (?, ?, ?)", (link.number, link.body(), link.signature)
        )

    @reads_rows
    def documents(self) -> dict[str, bytes]:
        """The bytes of the current documents, by their kinds."""
        return {str(kind): bytes(body) for kind, body in self._db.rows("SELECT kind, body FROM documents")}

    def put_document(self, kind: str, body: bytes) -> None:
        """Replace a current document; inside a change."""
        self._db.run("INSERT OR REPLACE INTO documents (kind, body) VALUES (?, ?)", (kind, body))
