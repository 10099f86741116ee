"""An open store: recordings above, sealed bytes below, and every change in one commit with its log entries.

A `Store` belongs to one identity for one command. Its secrets are opened when first needed, from what is
sealed to that identity; a role that was not given a secret gets `NotUnlocked`, not a check that could be
skipped. How a store is opened stands in `opening`, who may reach a recording in `gate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from arlo_rec.backends import Blobs, Connection
from arlo_rec.backends import Root as RootPort
from arlo_rec.catalogue.audit_log import Logbook
from arlo_rec.catalogue.erasure_keys import KeyTree
from arlo_rec.catalogue.recordings import Catalogue
from arlo_rec.crypto import primitives
from arlo_rec.keys import root_secret
from arlo_rec.keys.key_files import Identity
from arlo_rec.keys.layout import Place
from arlo_rec.keys.roster import Roster, Signed, read_policy, read_roster, sign_roster
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.consent import Prompt
from arlo_rec.model.errors import Integrity, NotGranted, NotUnlocked, Refused
from arlo_rec.model.records import Entry, Person, RecordingId, from_micros, to_micros
from arlo_rec.policy import POLICY_VERSION, Action, Role, may

LOCK_WAIT = 20.0  # seconds that a command waits for another before it says 11
ROOT_PART = "root"
INDEX_PART = "index"


@dataclass
class HeldRoot:
    """R of the catalogue's generation, while the root is locked."""

    secret: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    seed_version: int
    generation: int
    slot: int
    mend: bool


@dataclass
class Change:
    """A transaction under way: what is logged here is committed with what was changed."""

    entries: list[Entry] = field(default_factory=list)

    def log(self, entry: Entry) -> None:
        """Add an entry to the commit."""
        self.entries.append(entry)


class Store:
    """One identity's open store."""

    def __init__(
        self,
        place: Place,
        connection: Connection,
        blobs: Blobs,
        root_port: RootPort,
        identity: Identity,
        catalogue_seed: bytes,
        state: StateFolder,
    ) -> None:
        self.place = place
        self.db = connection
        self.blobs = blobs
        self.root = root_port
        self.identity = identity
        self.catalogue = Catalogue(connection)
        self.book = Logbook(connection, place.id, log_key(catalogue_seed))
        self.state = state
        self.lock_wait = LOCK_WAIT
        self.roster: Roster
        self.person: Person
        self.prompts: dict[str, Prompt]
        self._parts: dict[str, bytes] = {}
        self._seen: root_secret.Seen | None = None
        self.feed: Path | None = None  # where what is logged is told outside as well
        self.followers: list[Callable[[Store], None]] = []  # told of every change once it is durable
        self.doubts: list[str] = []  # why nothing of it may be believed; only `verify` gets to see them

    # -- who I am -------------------------------------------------------------------------------------

    def load_documents(self) -> None:
        """Read and verify roster and policy, and find this identity in the roster; raises NotUnlocked."""
        roster = read_roster(self.document("roster"), self.identity.officers)
        person = roster.person(self.identity.name)
        known = person is not None and primitives.same(person.sign_key, self.identity.signing.public)
        if person is None or not known or person.seal_key != self.identity.sealing.public:
            raise NotUnlocked("no_longer_here", rule="access.officer")
        self.roster, self.person = roster, person
        self.prompts = read_policy(self.document("policy"), roster)

    def document(self, kind: str) -> Signed:
        """A signed document as it is kept; raises Integrity where it is missing."""
        found = self.db.rows("SELECT kind, counter, body, signed_by, signature FROM documents WHERE kind = ?", (kind,))
        if not found:
            raise Integrity(f"{kind}_missing")
        kind, counter, body, signed_by, signature = found[0]
        return Signed(kind, counter, bytes(body), bytes(signed_by), bytes(signature))

    def put_document(self, signed: Signed) -> None:
        """Replace a signed document; inside a change."""
        self.db.run(
            "INSERT OR REPLACE INTO documents (kind, counter, body, signed_by, signature) VALUES (?, ?, ?, ?, ?)",
            (signed.kind, signed.counter, signed.body, signed.signed_by, signed.signature),
        )

    def put_roster(self, roster: Roster) -> None:
        """Sign and keep the next roster, and work with it from now on; inside a change of an officer's."""
        self.put_document(sign_roster(roster, self.identity.signing))
        self.roster = roster

    def signers(self) -> list[bytes]:
        """The keys of everybody who could sign a checkpoint here, people who left included."""
        return [one.sign_key for one in (*self.roster.people, *self.roster.former)]

    def demand(self, action: Action, now: datetime) -> None:
        """Go on only where this role does that; a refusal is in the log before it is told."""
        decision = may(self.person.role, action)
        if not decision.allowed:
            with self.change(now) as change:
                change.log(self.entry(action, "denied", decision.rule, now, code=decision.code))
            raise NotGranted(decision.code, rule=decision.rule)

    def demand_replayed(self, action: Action, now: datetime) -> None:
        """Go on only where it is known what was erased since the backup that this store was restored from."""
        if self.number("unreplayed"):
            with self.change(now) as change:
                change.log(self.entry(action, "denied", "consent.withdraw", now, code="erasure.unreplayed"))
            raise Refused("erasure.unreplayed", rule="consent.withdraw")

    # -- secrets sealed to me -------------------------------------------------------------------------

    def part(self, name: str) -> bytes:
        """A secret of the store that is sealed to this identity; raises NotUnlocked where none is."""
        if name not in self._parts:
            self._parts[name] = self._open_part(name)
        return self._parts[name]

    def _open_part(self, name: str) -> bytes:
        mine = primitives.fingerprint(self.person.seal_key)
        found = self.db.rows(
            "SELECT version, sealed, signed_by, signature FROM seals WHERE holder = ? AND part = ? "
            "ORDER BY version DESC LIMIT 1",
            (mine, name),
        )
        if not found:
            raise NotUnlocked("secret_not_given", rule="access.need")
        version, sealed, signed_by, signature = found[0]
        makers = {Role.OFFICER, Role.RETENTION} if name == ROOT_PART else {Role.OFFICER}
        told = seal_message(self.place.id, mine, name, version, bytes(sealed))
        if not self.roster.signer(bytes(signed_by), makers) or not primitives.verified(signed_by, signature, told):
            raise Integrity("seal_forged")
        try:
            return self.identity.sealing.open(bytes(sealed), part_info(self.place.id, mine, name))
        except primitives.Sealed:
            raise Integrity("seal_forged") from None

    def holds(self, name: str) -> bool:
        """Whether a secret is sealed to this identity."""
        mine = primitives.fingerprint(self.person.seal_key)
        return bool(self.db.rows("SELECT 1 FROM seals WHERE holder = ? AND part = ?", (mine, name)))

    def give_part(self, person: Person, name: str, version: int, secret: bytes) -> None:
        """Seal a secret to somebody, replacing older versions; inside a change, signed by this identity."""
        holder = primitives.fingerprint(person.seal_key)
        sealed = primitives.seal(person.seal_key, secret, part_info(self.place.id, holder, name))
        signature = self.identity.signing.sign(seal_message(self.place.id, holder, name, version, sealed))
        self.take_part(holder, name)
        self.db.run(
            "INSERT INTO seals (holder, part, version, sealed, signed_by, signature) VALUES (?, ?, ?, ?, ?, ?)",
            (holder, name, version, sealed, self.identity.signing.public, signature),
        )

    def take_part(self, holder: bytes, name: str) -> None:
        """Remove what is sealed to a holder; inside a change."""
        self.db.run("DELETE FROM seals WHERE holder = ? AND part = ?", (holder, name))

    def drop_cached_secrets(self) -> None:
        """Read sealed secrets anew: somebody may have replaced them."""
        self._parts.clear()

    # -- the root -------------------------------------------------------------------------------------

    @contextmanager
    def holding_root(self, *, exclusive: bool, wait: float | None = None) -> Iterator[HeldRoot]:
        """R of the catalogue's generation, with the root locked; raises InUse or Integrity."""
        with self.root.lock(exclusive=exclusive, wait=self.lock_wait if wait is None else wait):
            yield self.read_root()

    def read_root(self) -> HeldRoot:
        """R of the catalogue's generation; the caller holds the lock."""
        self.drop_cached_secrets()
        generation = self.number("generation")
        slot, mend = root_secret.choose(self.root.read(), generation)
        seed = self.part(ROOT_PART)
        secret = root_secret.open_slot(self.place.id, seed, slot)
        return HeldRoot(secret, seed, slot.seed_version, generation, slot.index, mend)

    def tree(self, held: HeldRoot) -> KeyTree:
        """The erasure keys below R."""
        return KeyTree(self.db, held.secret)

    # -- changes --------------------------------------------------------------------------------------

    @contextmanager
    def change(self, now: datetime) -> Iterator[Change]:
        """One transaction: what is changed inside and its log entries are durable together, or neither."""
        change = Change()
        with self.db.writing():
            yield change
            bodies = [entry.body(POLICY_VERSION) for entry in change.entries]
            self.book.append(bodies, self.identity.signing)
            self.set_number("changes", self.number("changes") + 1)
        with self.reading():
            self._seen = self.standing()
        self.remember()
        for follow in self.followers:
            follow(self)

    def reading(self) -> AbstractContextManager[None]:
        """One consistent view of the catalogue."""
        return self.db.reading()

    def entry(self, action: str, outcome: str, rule: str, now: datetime, **detail: object) -> Entry:
        """A log entry of this person's."""
        return Entry(str(action), outcome, rule, self.person.name, now, detail=detail)

    def standing(self) -> root_secret.Seen:
        """The state of the catalogue that a rollback would fall behind; in one view of it."""
        tree = self.book.tree()
        counter = self.db.rows("SELECT counter FROM documents WHERE kind = 'roster'")
        sums = self.db.sums()
        told = primitives.sha256(*(name.encode("ascii") + sums[name] for name in sorted(sums)))
        numbers = (self.number("generation"), int(counter[0][0]), tree.size)
        return root_secret.Seen(*numbers, tree.root(), self.number("changes"), told)

    def remember(self) -> None:
        """Keep what was just committed beside R and in the account's state folder; never moves back."""
        seen = self._seen
        if seen is None:
            return

        def newer(copies: list[bytes]) -> bytes | None:
            known = root_secret.decode_seen(copies)
            merged = seen if known is None else known.merged(seen)
            return None if merged == known else root_secret.encode_seen(merged)

        self.root.update_seen(newer)
        self.state.remember(self.place.id, seen)

    def object_digest(self, recording: RecordingId) -> bytes | None:
        """SHA-256 of a recording's sealed bytes as they lie there; None where they are missing."""
        try:
            with self.blobs.open(recording.hex()) as stream:
                return primitives.sha256_of(iter(lambda: stream.read(primitives.FEED), b""))
        except KeyError:
            return None

    # -- small facts ----------------------------------------------------------------------------------

    def number(self, key: str) -> int:
        """A number of the store's own book-keeping; raises Integrity where it is missing."""
        found = self.db.rows("SELECT value FROM meta WHERE key = ?", (key,))
        if not found:
            raise Integrity("catalogue_damaged")
        return int(found[0][0])

    def set_number(self, key: str, value: int) -> None:
        """Keep a number; inside a change."""
        self.db.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def instant(self, key: str) -> datetime:
        """An instant of the store's own book-keeping."""
        return from_micros(self.number(key))

    def today(self, now: datetime) -> datetime:
        """*now*, or the time of the last purge where the clock was set back since: nothing lasts longer by that."""
        return max(now, self.instant("purged_at"))

    def set_instant(self, key: str, at: datetime) -> None:
        """Keep an instant; inside a change."""
        self.set_number(key, to_micros(at))

    def close(self) -> None:
        """Let go of the catalogue."""
        self.db.close()


def log_key(catalogue_seed: bytes) -> primitives.SigningKey:
    """The key that signs every checkpoint."""
    return primitives.SigningKey.from_seed(primitives.derive(catalogue_seed, "log"))


def catalogue_key(catalogue_seed: bytes) -> bytes:
    """The raw key of the SQLCipher file."""
    return primitives.derive(catalogue_seed, "catalogue")


def access_part(key_id: bytes) -> str:
    """The name under which a subject-access key is sealed to officers."""
    return f"access:{key_id.hex()}"


def part_info(store: bytes, holder: bytes, name: str) -> bytes:
    """What a sealed secret is bound to."""
    return b"arlo-rec/1/part\0" + store + holder + name.encode("ascii")


def seal_message(store: bytes, holder: bytes, name: str, version: int, sealed: bytes) -> bytes:
    """What the maker of a seal signs."""
    return part_info(store, holder, name) + version.to_bytes(8, "big") + primitives.sha256(sealed)
