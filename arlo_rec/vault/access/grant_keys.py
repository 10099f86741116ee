"""The key pair of a grant, made by the officer who grants, so that no other identity can plant one.

The public half stands in the signed roster. While the grant is live, its seed is sealed to its person. It is also
sealed to the newest subject-access key, so that an officer can seal it again: for a person's new keys, or on
approval. When a person's keys become void, their grants get new pairs; when an officer's do, every grant does, and
nothing more is sealed to a pair they may have kept. Seeds of earlier pairs stay with the grant's person. A grant
that ended loses its seeds, and with them everything that was sealed to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Grant, Person
from arlo_rec.policy import holds_root
from arlo_rec.vault.access.audience_keys import access_key
from arlo_rec.vault.catalogue.grant_keys import SealedSeed
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED, access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import HeldRoot, Store


@dataclass(frozen=True, slots=True)
class GrantPair:
    """A new key pair for a grant."""

    seed: bytes = field(repr=False)
    public: bytes

    @classmethod
    def fresh(cls) -> GrantPair:
        """A fresh pair."""
        seed = primitives.fresh()
        return cls(seed, primitives.SealingKey.from_seed(seed).public)


def pairs(grant: Grant) -> tuple[bytes, ...]:
    """The fingerprints of a grant's pairs in the roster, the newest first."""
    newest = (primitives.fingerprint(grant.public),) if grant.public else ()
    return (*newest, *reversed(grant.earlier_pairs))


def history_key(grant: Grant, seed: bytes) -> bytes:
    """The wrapping key of a grant's history; without a seed of the grant, nothing can be planted under it."""
    return primitives.derive(seed, "grant history", context=grant.id.encode("ascii"))


# -- granting -------------------------------------------------------------------------------------------


def deposit(store: Store, grant: Grant, pair: GrantPair) -> None:
    """Seal the seed of a new grant to the newest subject-access key; in an officer's change."""
    _seal(store, grant, pair.seed, access_key(store).id, access_key(store).public)


def open_grant(store: Store, grant: Grant, person: Person, held: HeldRoot) -> None:
    """Give *person* the seeds of a live grant and the root seed; in the officer's change that makes it live.

    Later recordings are sealed to the grant by each intake. After the change the caller runs `grant_history.finish`
    for earlier ones. Raises Integrity.
    """
    for pair in pairs(grant):
        seed = deposited(store, grant, pair)
        if seed is None:
            raise Integrity("grant_key_forged")
        _seal(store, grant, seed, primitives.fingerprint(person.seal_key), person.seal_key)
    if holds_root(person.role, live_grant=True):
        store.secrets.give(person, ROOT_SEED, held.seed_version, held.seed)
    store.catalogue.grant_keys.begin_history(grant.id)


def own_seed(store: Store, grant: Grant, pair: bytes) -> bytes | None:
    """The seed of a grant's pair as sealed to this identity; None without one. Raises Integrity."""
    mine = primitives.fingerprint(store.person.seal_key)
    if pair not in pairs(grant):
        return None
    for sealed in store.catalogue.grant_keys.seeds(grant.id):
        if sealed.pair == pair and sealed.holder == mine:
            return _unseal(store, store.identity.sealing, sealed)
    return None


def newest_seed(store: Store, grant: Grant) -> bytes:
    """The seed of a grant's newest pair, for an officer; raises Integrity if it is not sealed to the officers."""
    seed = deposited(store, grant, primitives.fingerprint(grant.public))
    if seed is None:
        raise Integrity("grant_key_forged")
    return seed


# -- new keys -------------------------------------------------------------------------------------------


def with_new_pairs(
    grants: Iterable[Grant], now: datetime, *, of: Collection[str] | None
) -> tuple[tuple[Grant, ...], dict[str, GrantPair]]:
    """The grants, with a new pair for unfinished ones of these people (None: of all); and the new pairs by grant."""
    renewed, fresh = [], {}
    for grant in grants:
        if is_over(grant, now) or (of is not None and grant.person not in of):
            renewed.append(grant)
            continue
        pair = fresh[grant.id] = GrantPair.fresh()
        before = (*grant.earlier_pairs, primitives.fingerprint(grant.public))
        renewed.append(replace(grant, public=pair.public, earlier_pairs=before))
    return tuple(renewed), fresh


def settle(store: Store, fresh: Mapping[str, GrantPair], now: datetime) -> None:
    """Seal every seed to its holders by the roster, and to no other; in an officer's change.

    *fresh*: pairs that this change added to the roster. A seed of an earlier pair that does not open is dropped, so
    that damaging it does not block a removal; what was sealed to it has to be granted anew.
    """
    access, wanted = access_key(store), set()
    for grant in store.roster.grants:
        if is_over(grant, now):
            continue
        wanted.add(grant.id)
        holders = {access.id: access.public}
        person = store.roster.person(grant.person)
        if person is not None and grant.live(now):
            holders[primitives.fingerprint(person.seal_key)] = person.seal_key
        for pair in pairs(grant):
            _settle_pair(store, grant, pair, fresh, holders)
        store.catalogue.grant_keys.keep_seeds(grant.id, holders)
    close(store, store.catalogue.grant_keys.grants() - wanted)


def _settle_pair(
    store: Store, grant: Grant, pair: bytes, fresh: Mapping[str, GrantPair], holders: Mapping[bytes, bytes]
) -> None:
    new = fresh.get(grant.id)
    if new is not None and primitives.fingerprint(new.public) == pair:
        seed: bytes | None = new.seed
    else:
        try:
            seed = deposited(store, grant, pair)
        except Integrity:
            seed = None
    if seed is None:
        return
    has = {sealed.holder for sealed in store.catalogue.grant_keys.seeds(grant.id) if sealed.pair == pair}
    for holder, public in holders.items():
        if holder not in has:
            _seal(store, grant, seed, holder, public)


# -- revoking -------------------------------------------------------------------------------------------


def close(store: Store, grants: Collection[str]) -> None:
    """Delete the seeds of grants, without which nothing of theirs opens; in any change that may end access.

    `grant_history.sweep` deletes the keys wrapped for them afterwards, part by part.
    """
    store.catalogue.grant_keys.remove_seeds(grants)


def ended_with_seeds(store: Store, now: datetime, *, person: str | None = None) -> set[str]:
    """The grants of a person (None: of all) that are over or missing from the roster but still have seeds."""
    standing = {
        grant.id for grant in store.roster.grants if not is_over(grant, now) or person not in (None, grant.person)
    }
    return store.catalogue.grant_keys.grants() - standing


def is_over(grant: Grant, now: datetime) -> bool:
    """Whether a grant was revoked or has expired; a pending one is not over."""
    return grant.ended_at is not None or grant.until <= now


# -- sealing and opening --------------------------------------------------------------------------------


def deposited(store: Store, grant: Grant, pair: bytes) -> bytes | None:
    """A seed, opened by an officer with the newest subject-access key it is sealed to; else None. Raises Integrity."""
    sealed = {seed.holder: seed for seed in store.catalogue.grant_keys.seeds(grant.id) if seed.pair == pair}
    for access in reversed(store.roster.access_keys):
        if access.id in sealed:
            opener = primitives.SealingKey.from_seed(store.secret(access_seed(access.id)))
            return _unseal(store, opener, sealed[access.id])
    return None


def _seal(store: Store, grant: Grant, seed: bytes, holder: bytes, public: bytes) -> None:
    pair = primitives.fingerprint(primitives.SealingKey.from_seed(seed).public)
    sealed = primitives.seal(public, seed, _info(store, grant.id, pair, holder))
    store.catalogue.grant_keys.put_seed(SealedSeed(grant.id, pair, holder, sealed))


def _unseal(store: Store, opener: primitives.SealingKey, sealed: SealedSeed) -> bytes:
    """The seed, checked against the public half of its pair; raises Integrity."""
    try:
        seed = opener.open(sealed.sealed, _info(store, sealed.grant_id, sealed.pair, sealed.holder))
        public = primitives.SealingKey.from_seed(seed).public
    except (primitives.Sealed, ValueError):
        raise Integrity("grant_key_forged") from None
    if primitives.fingerprint(public) != sealed.pair:
        raise Integrity("grant_key_forged")
    return seed


def _info(store: Store, grant_id: str, pair: bytes, holder: bytes) -> bytes:
    """The HPKE info of a sealed seed."""
    return b"arlo-rec/1/grant seed\0" + store.layout.id + pair + holder + grant_id.encode("ascii")
