"""Listening keys: who may hear the recordings of one purpose, team and month.

A key is made by the run that first needs it, which does not keep its seed: the seed is sealed to the
subject-access key and to the holders of live grants, and the public key is signed. Recordings are sealed only
to a version whose every holder is entitled today; otherwise a new version is made, so that a revocation or an
expiry takes effect at the next recording without anybody's passphrase.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from arlo_rec.catalogue.listening_keys import ListeningKey
from arlo_rec.catalogue.sealed_secrets import access_seed
from arlo_rec.crypto import primitives
from arlo_rec.keys.roster import AccessKey
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Person
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import Purpose, Role
from arlo_rec.store import Store

_MAKERS = frozenset({Role.OFFICER, Role.INGEST})


def month_of(started_at: datetime) -> str:
    """The month that a recording's keys belong to, in UTC."""
    return f"{started_at:%Y-%m}"


def access_key(store: Store) -> AccessKey:
    """The subject-access key that every recording is sealed to."""
    return store.roster.access_keys[-1]


def new_access_key(store: Store, people: Iterable[Person], now: datetime) -> AccessKey:
    """A new subject-access key, sealed to the officers among *people*; in a change."""
    seed, key_id = primitives.fresh(), primitives.fresh(16)
    for person in people:
        if person.role is Role.OFFICER:
            store.secrets.give(person, access_seed(key_id), 1, seed)
    return AccessKey(key_id, primitives.SealingKey.from_seed(seed).public, now)


def key_for(store: Store, purpose: Purpose, team: str, month: str, now: datetime) -> ListeningKey:
    """The version to seal to today, made now if there is none; inside a change of somebody who may make one."""
    return known_key(store, purpose, team, month, now) or _make(store, purpose, team, month, now)


def known_key(store: Store, purpose: Purpose, team: str, month: str, now: datetime) -> ListeningKey | None:
    """The version to seal to today, if there is one; raises Integrity where a key's signature is not valid."""
    entitled = {primitives.fingerprint(person.seal_key) for person in store.roster.entitled(purpose, team, now)}
    table = store.catalogue.listening_keys
    for key in reversed([_verified(store, key) for key in table.versions(purpose, team, month)]):
        if table.holders(key.id) - {access_key(store).id} <= entitled:
            return key
    return None


def open_to(store: Store, person: Person, purpose: Purpose, teams: frozenset[str] | None) -> int:
    """Seal the keys of that purpose and those teams to *person*, and return their number; in an officer's change."""
    keys = [_verified(store, key) for key in store.catalogue.listening_keys.of_purpose(purpose)]
    opened = [key for key in keys if teams is None or key.team in teams]
    for key in opened:
        _seal_to(store, key, seed_for_officer(store, key.id), person.seal_key)
    return len(opened)


def keyring(store: Store, purpose: Purpose) -> dict[bytes, primitives.SealingKey]:
    """The listening keys of a purpose that are sealed to this identity, by id."""
    mine = primitives.fingerprint(store.person.seal_key)
    keys = {}
    for key, sealed in store.catalogue.listening_keys.sealed_to(mine):
        if key.purpose is purpose:
            _verified(store, key)
            seed = _unseal(store.identity.sealing, store, key.id, mine, sealed)
            keys[key.id] = primitives.SealingKey.from_seed(seed)
    return keys


def access_keyring(store: Store) -> dict[bytes, primitives.SealingKey]:
    """Every subject-access key that is sealed to this officer, by id."""
    return {
        key.id: primitives.SealingKey.from_seed(store.secret(access_seed(key.id)))
        for key in store.roster.access_keys
        if store.secrets.holds(access_seed(key.id))
    }


def public_halves(store: Store, keys: Iterable[bytes]) -> dict[bytes, bytes]:
    """The public keys of some listening keys, each signature verified; raises Integrity."""
    known = (store.catalogue.listening_keys.get(key) for key in keys)
    return {key.id: _verified(store, key).public for key in known if key is not None}


def seed_for_officer(store: Store, key: bytes) -> bytes:
    """A listening key's seed, through the subject-access key; raises Integrity where it is not sealed to it."""
    for access in reversed(store.roster.access_keys):
        sealed = store.catalogue.listening_keys.seal(key, access.id)
        if sealed is not None:
            opener = primitives.SealingKey.from_seed(store.secret(access_seed(access.id)))
            return _unseal(opener, store, key, access.id, sealed)
    raise Integrity("listening_key_forged")


def close_to(store: Store, person: Person, now: datetime) -> None:
    """Empty what is sealed to *person* without a live grant for it; inside a change.

    The row stays, empty: its holder may have kept the key, so no recording is sealed to that version again.
    """
    holder = primitives.fingerprint(person.seal_key)
    store.catalogue.listening_keys.empty_seals(outlived(store, person, now), holder)


def outlived(store: Store, person: Person, now: datetime) -> list[bytes]:
    """The listening keys that are still sealed to *person* although no live grant covers them any more."""
    keys = store.catalogue.listening_keys.sealed_to(primitives.fingerprint(person.seal_key))
    return [key.id for key, _ in keys if person not in store.roster.entitled(key.purpose, key.team, now)]


def _make(store: Store, purpose: Purpose, team: str, month: str, now: datetime) -> ListeningKey:
    seed = primitives.fresh()
    public = primitives.SealingKey.from_seed(seed).public
    signing = store.identity.signing
    unsigned = ListeningKey(primitives.fresh(16), purpose, team, month, public, signing.public, b"")
    key = replace(unsigned, signature=signing.sign(_message(store, unsigned)))
    store.catalogue.listening_keys.add(key, now)
    access = access_key(store)
    _seal_to(store, key, seed, access.public, holder=access.id)
    for person in store.roster.entitled(purpose, team, now):
        _seal_to(store, key, seed, person.seal_key)
    return key


def _seal_to(store: Store, key: ListeningKey, seed: bytes, public: bytes, *, holder: bytes | None = None) -> None:
    holder = holder or primitives.fingerprint(public)
    sealed = primitives.seal(public, seed, _info(store, key.id, holder))
    store.catalogue.listening_keys.put_seal(key.id, holder, sealed)


def _unseal(opener: primitives.SealingKey, store: Store, key: bytes, holder: bytes, sealed: bytes) -> bytes:
    try:
        return opener.open(sealed, _info(store, key, holder))
    except primitives.Sealed:
        raise Integrity("listening_key_forged") from None


def _verified(store: Store, key: ListeningKey) -> ListeningKey:
    """The key, its signature verified; raises Integrity."""
    known = store.roster.signer(key.made_by, _MAKERS) is not None
    if not known or not primitives.verified(key.made_by, key.signature, _message(store, key)):
        raise Integrity("listening_key_forged")
    return key


def _message(store: Store, key: ListeningKey) -> bytes:
    """The message that the maker of a key signs."""
    return b"arlo-rec/1/listening key\0" + store.layout.id + canonical(key.statement())


def _info(store: Store, key: bytes, holder: bytes) -> bytes:
    """The HPKE info that a sealed seed is bound to."""
    return b"arlo-rec/1/listening seal\0" + store.layout.id + key + holder
