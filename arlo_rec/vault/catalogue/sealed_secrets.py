"""The table `seals`: secrets of the store, each sealed to one holder and signed by its sealer.

A holder is the fingerprint of a public sealing key. A row without the signature of an entitled person is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from arlo_rec.law.model.errors import Integrity, NotUnlocked
from arlo_rec.law.model.records import Person
from arlo_rec.policy import Role
from arlo_rec.vault.backends import Connection, marks
from arlo_rec.vault.catalogue.columns import reads_rows
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.key_files import Identity
from arlo_rec.vault.keys.roster import Roster
from arlo_rec.vault.keys.vouching import Voucher

ROOT_SEED = "root"
INDEX_SEED = "index"


class SealedSecrets:
    """The sealed secrets of one store, as one identity opens and gives them."""

    def __init__(self, connection: Connection, store: bytes, identity: Identity) -> None:
        self._db = connection
        self._store = store
        self._identity = identity
        self._mine = primitives.fingerprint(identity.sealing.public)
        self._opened: dict[str, tuple[int, bytes]] = {}  # with its version

    def open(self, name: str, roster: Roster) -> bytes:
        """A secret that is sealed to this identity.

        Raises NotUnlocked without one, Integrity if no entitled person signed it or it does not open.
        """
        return self._unsealed(name, roster)[1]

    def version(self, name: str, roster: Roster) -> int:
        """The version of a secret that is sealed to this identity; raises as `open`."""
        return self._unsealed(name, roster)[0]

    def forget_opened(self) -> None:
        """Drop the opened secrets, so that the next `open` reads the table: another run may have replaced them."""
        self._opened.clear()

    @reads_rows
    def holds(self, name: str) -> bool:
        """Whether a secret is sealed to this identity."""
        return bool(self._db.rows("SELECT 1 FROM seals WHERE holder = ? AND part = ?", (self._mine, name)))

    @reads_rows
    def holders(self, name: str) -> set[bytes]:
        """Every holder to whom a secret is sealed."""
        return {bytes(row[0]) for row in self._db.rows("SELECT holder FROM seals WHERE part = ?", (name,))}

    def give(self, person: Person, name: str, version: int, secret: bytes) -> None:
        """Seal a secret to a person, replacing older versions, signed by this identity; inside a change."""
        holder = primitives.fingerprint(person.seal_key)
        sealed = primitives.seal(person.seal_key, secret, seal_info(self._store, holder, name))
        signature = self._identity.signing.sign(_message(self._store, holder, name, version, sealed))
        self._db.run("DELETE FROM seals WHERE holder = ? AND part = ?", (holder, name))
        self._db.run(
            "INSERT INTO seals (holder, part, version, sealed, signed_by, signature) VALUES (?, ?, ?, ?, ?, ?)",
            (holder, name, version, sealed, self._identity.signing.public, signature),
        )

    @reads_rows
    def given(self) -> list[tuple[bytes, str]]:
        """Every holder of a secret, with the name of that secret."""
        return [(bytes(holder), str(part)) for holder, part in self._db.rows("SELECT holder, part FROM seals")]

    def keep_for(self, people: Iterable[Person]) -> None:
        """Delete everything that is sealed to others than these people; inside a change."""
        holders = [primitives.fingerprint(person.seal_key) for person in people]
        self._db.run(f"DELETE FROM seals WHERE holder NOT IN ({marks(holders)})", tuple(holders))  # noqa: S608 - marks

    def take_from_everybody(self, name: str) -> None:
        """Delete every seal of a secret; inside a change."""
        self._db.run("DELETE FROM seals WHERE part = ?", (name,))

    def demand_sealed_to(self, person: Person, name: str, roster: Roster) -> None:
        """Raise NotUnlocked if a secret is not sealed to a person, Integrity if no entitled person signed the seal.

        Only the holder can tell whether it opens.
        """
        self._newest(primitives.fingerprint(person.seal_key), name, roster)

    def _unsealed(self, name: str, roster: Roster) -> tuple[int, bytes]:
        if name not in self._opened:
            version, sealed = self._newest(self._mine, name, roster)
            try:
                secret = self._identity.sealing.open(sealed, seal_info(self._store, self._mine, name))
            except primitives.Sealed:
                raise Integrity("seal_forged") from None
            self._opened[name] = (version, secret)
        return self._opened[name]

    @reads_rows
    def _newest(self, holder: bytes, name: str, roster: Roster) -> tuple[int, bytes]:
        """The version and the newest seal of a secret to a holder, with the signature of an entitled person."""
        rows = self._db.rows(
            "SELECT version, sealed, signed_by, signature FROM seals WHERE holder = ? AND part = ? "
            "ORDER BY version DESC LIMIT 1",
            (holder, name),
        )
        if not rows:
            raise NotUnlocked("secret_not_given", rule="access.need")
        version, sealed, signed_by, signature = rows[0]
        makers = {Role.OFFICER, Role.RETENTION} if name == ROOT_SEED else {Role.OFFICER}
        message = _message(self._store, holder, name, version, bytes(sealed))
        if not roster.signer(bytes(signed_by), makers) or not primitives.verified(signed_by, signature, message):
            raise Integrity("seal_forged")
        return int(version), bytes(sealed)


def access_seed(key_id: bytes) -> str:
    """The name under which the seed of a subject-access key is sealed to officers."""
    return f"access:{key_id.hex()}"


def seal_info(store: bytes, holder: bytes, name: str) -> bytes:
    """The HPKE info of a sealed secret."""
    return b"arlo-rec/1/part\0" + store + holder + name.encode("ascii")


def _message(store: bytes, holder: bytes, name: str, version: int, sealed: bytes) -> bytes:
    """The message that the maker of a seal signs."""
    return seal_info(store, holder, name) + version.to_bytes(8, "big") + primitives.sha256(sealed)


# -- vouchers ----------------------------------------------------------------------------------------
# The table `vouchers`: an officer's signature for each key that may sign an erasure; verified by `keys.vouching`.


class Vouchers:
    """Vouchers by the signing key they are for. Changes need a transaction of the caller."""

    def __init__(self, connection: Connection) -> None:
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
            "INSERT INTO vouchers (key, role, since, voucher, signature) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO "
            "UPDATE SET role = excluded.role, since = excluded.since, voucher = excluded.voucher, "
            "signature = excluded.signature",
            (voucher.key, voucher.role.value, voucher.since, voucher.by, voucher.signature),
        )
