"""Listening keys: who may hear the recordings of one purpose, team and month.

A key is made by whoever first needs one and forgotten by its maker at once: its seed is sealed to the
subject-access key and to the holders of live grants, its public half is signed. Recordings are sealed only
to a version whose every holder is entitled today; otherwise a new version is made, so that a revocation and
an expiry bite at the next recording without anybody's passphrase.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from arlo_rec.crypto import primitives
from arlo_rec.keys.roster import AccessKey
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Person, to_micros
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import Purpose, Role
from arlo_rec.store import Store, access_part

_MAKERS = frozenset({Role.OFFICER, Role.INGEST})


@dataclass(frozen=True, slots=True)
class ListeningKey:
    """The public half of a listening key."""

    id: bytes
    purpose: Purpose
    team: str
    month: str
    public: bytes
    made_by: bytes
    signature: bytes

    def message(self, store: bytes) -> bytes:
        """What its maker signs."""
        told = {
            "id": self.id.hex(),
            "month": self.month,
            "public": self.public.hex(),
            "purpose": self.purpose,
            "team": self.team,
        }
        return b"arlo-rec/1/listening key\0" + store + canonical(told)


def month_of(started_at: datetime) -> str:
    """The month that a recording's keys belong to, in UTC."""
    return f"{started_at:%Y-%m}"


def access_key(store: Store) -> AccessKey:
    """The subject-access key that every recording is sealed to."""
    return store.roster.access_keys[-1]


def new_access_key(store: Store, people: Iterable[Person], now: datetime) -> AccessKey:
    """A subject-access key that an officer who leaves never had, sealed to the officers among *people*; in a change."""
    seed, key_id = primitives.fresh(), primitives.fresh(16)
    for one in people:
        if one.role is Role.OFFICER:
            store.give_part(one, access_part(key_id), 1, seed)
    return AccessKey(key_id, primitives.SealingKey.from_seed(seed).public, now)


def key_for(store: Store, purpose: Purpose, team: str, month: str, now: datetime) -> ListeningKey:
    """The version to seal to today, made now if there is none; inside a change of who may make one."""
    found = known_key(store, purpose, team, month, now)
    return found or _make(store, purpose, team, month, store.roster.entitled(purpose, team, now), now)


def known_key(store: Store, purpose: Purpose, team: str, month: str, now: datetime) -> ListeningKey | None:
    """The version to seal to today, if there is one."""
    holders = {primitives.fingerprint(one.seal_key) for one in store.roster.entitled(purpose, team, now)}
    for key in reversed(_versions(store, purpose, team, month)):
        if _holders(store, key.id) - {access_key(store).id} <= holders:
            return key
    return None


def open_to(store: Store, person: Person, purpose: Purpose, teams: frozenset[str] | None) -> int:
    """Seal every live month's key of that purpose and those teams to *person*; how many. Officer; in a change."""
    opened = 0
    for row in store.db.rows(
        "SELECT id, purpose, team, month, public, made_by, signature FROM listening_keys WHERE purpose = ?",
        (purpose.value,),
    ):
        key = _read(store, row)
        if teams is None or key.team in teams:
            _seal_to(store, key, seed_for_officer(store, key.id), person.seal_key)
            opened += 1
    return opened


def keyring(store: Store, purpose: Purpose) -> dict[bytes, primitives.SealingKey]:
    """The listening keys of a purpose that are sealed to this identity, by id."""
    mine = primitives.fingerprint(store.person.seal_key)
    rows = store.db.rows(
        "SELECT k.id, k.purpose, k.team, k.month, k.public, k.made_by, k.signature, s.sealed "
        "FROM listening_keys k JOIN listening_seals s ON s.listening_key = k.id "
        "WHERE s.holder = ? AND k.purpose = ? AND length(s.sealed) > 0",
        (mine, purpose.value),
    )
    keys = {}
    for *row, sealed in rows:
        key = _read(store, tuple(row))
        keys[key.id] = primitives.SealingKey.from_seed(_open(store.identity.sealing, store, key.id, mine, sealed))
    return keys


def access_keyring(store: Store) -> dict[bytes, primitives.SealingKey]:
    """Every subject-access key that is sealed to this officer, by id."""
    return {
        one.id: primitives.SealingKey.from_seed(store.part(access_part(one.id)))
        for one in store.roster.access_keys
        if store.holds(access_part(one.id))
    }


def public_halves(store: Store, keys: Iterable[bytes]) -> dict[bytes, bytes]:
    """The public halves of some listening keys, each truly signed by its maker; raises Integrity."""
    found = {}
    for one in keys:
        rows = store.db.rows(
            "SELECT id, purpose, team, month, public, made_by, signature FROM listening_keys WHERE id = ?", (one,)
        )
        if rows:
            found[one] = _read(store, rows[0]).public
    return found


def seed_for_officer(store: Store, key: bytes) -> bytes:
    """A listening key's seed, through the subject-access key; raises Integrity where it is not sealed to it."""
    for access in reversed(store.roster.access_keys):
        rows = store.db.rows(
            "SELECT sealed FROM listening_seals WHERE listening_key = ? AND holder = ?", (key, access.id)
        )
        if rows:
            opener = primitives.SealingKey.from_seed(store.part(access_part(access.id)))
            return _open(opener, store, key, access.id, rows[0][0])
    raise Integrity("listening_key_forged")


def close_to(store: Store, person: Person, now: datetime) -> None:
    """Empty what is sealed to *person* without a live grant for it; inside a change.

    The row stays, empty: whoever held a key may have kept it, so no recording is sealed to that version again.
    """
    holder = primitives.fingerprint(person.seal_key)
    store.db.run_many(
        "UPDATE listening_seals SET sealed = x'' WHERE listening_key = ? AND holder = ?",
        [(key, holder) for key in outlived(store, person, now)],
    )


def outlived(store: Store, person: Person, now: datetime) -> list[bytes]:
    """The listening keys that are still sealed to *person* although no live grant covers them any more."""
    rows = store.db.rows(
        "SELECT k.id, k.purpose, k.team FROM listening_keys k JOIN listening_seals s ON s.listening_key = k.id "
        "WHERE s.holder = ? AND length(s.sealed) > 0",
        (primitives.fingerprint(person.seal_key),),
    )
    return [
        bytes(key) for key, purpose, team in rows if person not in store.roster.entitled(Purpose(purpose), team, now)
    ]


def clear_unused(store: Store, before: str) -> None:
    """Drop keys of months so old that nothing is sealed to them any more; inside a change."""
    store.db.run("DELETE FROM listening_keys WHERE month < ?", (before,))


def _make(
    store: Store, purpose: Purpose, team: str, month: str, entitled: tuple[Person, ...], now: datetime
) -> ListeningKey:
    seed = primitives.fresh()
    public = primitives.SealingKey.from_seed(seed).public
    signing = store.identity.signing
    unsigned = ListeningKey(primitives.fresh(16), purpose, team, month, public, signing.public, b"")
    signature = signing.sign(unsigned.message(store.place.id))
    key = ListeningKey(unsigned.id, purpose, team, month, public, signing.public, signature)
    store.db.run(
        "INSERT INTO listening_keys (id, purpose, team, month, public, made_by, signature, made_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key.id, purpose.value, team, month, public, key.made_by, signature, to_micros(now)),
    )
    access = access_key(store)
    _seal_to(store, key, seed, access.public, holder=access.id)
    for person in entitled:
        _seal_to(store, key, seed, person.seal_key)
    return key


def _seal_to(store: Store, key: ListeningKey, seed: bytes, public: bytes, *, holder: bytes | None = None) -> None:
    holder = holder or primitives.fingerprint(public)
    store.db.run(
        "INSERT OR REPLACE INTO listening_seals (listening_key, holder, sealed) VALUES (?, ?, ?)",
        (key.id, holder, primitives.seal(public, seed, _info(store, key.id, holder))),
    )


def _open(opener: primitives.SealingKey, store: Store, key: bytes, holder: bytes, sealed: bytes) -> bytes:
    try:
        return opener.open(bytes(sealed), _info(store, bytes(key), holder))
    except primitives.Sealed:
        raise Integrity("listening_key_forged") from None


def _versions(store: Store, purpose: Purpose, team: str, month: str) -> list[ListeningKey]:
    rows = store.db.rows(
        "SELECT id, purpose, team, month, public, made_by, signature FROM listening_keys "
        "WHERE purpose = ? AND team = ? AND month = ? ORDER BY made_at, rowid",
        (purpose.value, team, month),
    )
    return [_read(store, row) for row in rows]


def _read(store: Store, row: tuple[object, ...]) -> ListeningKey:
    """A record whose maker truly signed it; raises Integrity for every other."""
    key_id, purpose, team, month, public, made_by, signature = row
    key = ListeningKey(
        bytes(key_id),  # type: ignore[call-overload]
        Purpose(str(purpose)),
        str(team),
        str(month),
        bytes(public),  # type: ignore[call-overload]
        bytes(made_by),  # type: ignore[call-overload]
        bytes(signature),  # type: ignore[call-overload]
    )
    known = store.roster.signer(key.made_by, _MAKERS) is not None
    if not known or not primitives.verified(key.made_by, key.signature, key.message(store.place.id)):
        raise Integrity("listening_key_forged")
    return key


def _holders(store: Store, key: bytes) -> set[bytes]:
    rows = store.db.rows("SELECT holder FROM listening_seals WHERE listening_key = ?", (key,))
    return {bytes(row[0]) for row in rows}


def _info(store: Store, key: bytes, holder: bytes) -> bytes:
    return b"arlo-rec/1/listening seal\0" + store.place.id + key + holder
