"""The table `vouchers`: an officer's signature for each key that may sign an erasure; verified by `keys.vouching`."""

from __future__ import annotations

from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.decoding import reads_rows
from arlo_rec.keys.vouching import Voucher
from arlo_rec.policy import Role


class Vouchers:
    """Vouchers by the signing key they are for. Changes need a transaction of the caller."""

    def __init__(self, connection: SqliteConnection) -> None:
        self._db = connection

    @reads_rows
    def get(self, key: bytes) -> Voucher | None:
        """The voucher for a signing key, its signature unverified; None without one, or with an unknown role."""
        rows = self._db.rows("SELECT role, since, voucher, signature FROM vouchers WHERE key = ?", (key,))
        if not rows or rows[0][0] not in set(Role) or rows[0][1] < 0:
            return None
        role, since, by, signature = rows[0]
        return Voucher(key, Role(role), int(since), bytes(by), bytes(signature))

    def put(self, voucher: Voucher) -> None:
        """Insert or replace the voucher of a key."""
        self._db.run(
            "INSERT OR REPLACE INTO vouchers (key, role, since, voucher, signature) VALUES (?, ?, ?, ?, ?)",
            (voucher.key, voucher.role.value, voucher.since, voucher.by, voucher.signature),
        )
