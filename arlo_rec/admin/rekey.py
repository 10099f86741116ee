"""A new key for the whole catalogue, after a person who knew the old one was removed. Order:

    1  the roster that removes the person says under which key the catalogue must not stay
    2  seals with both seeds, new and old, for everybody who stays; the removed person's seal and key file are deleted
    3  the catalogue encrypted anew                       a crash: it opens with one of the two
    4  one transaction: the log handed to its new key by the old one, signed by the new one
    5  seals with the new seed alone

Nobody else may have the catalogue open meanwhile; if somebody has, the next command tries again.
"""

from __future__ import annotations

from datetime import datetime

from arlo_rec.backends.durable import disk, sync_folder
from arlo_rec.backends.shared_folder import remove
from arlo_rec.crypto import primitives
from arlo_rec.keys.catalogue_seed import catalogue_key, log_key
from arlo_rec.keys.key_files import write_catalogue_seal
from arlo_rec.model.audit_events import CatalogueRekeyed
from arlo_rec.store import Store


def is_due(store: Store, seeds: list[bytes]) -> bool:
    """Whether a re-keying was ordered and is not finished; *seeds* are those sealed to this identity."""
    return len(seeds) > 1 or store.rekeying_waits()


def carry_out(store: Store, seeds: list[bytes], now: datetime) -> None:
    """Steps 2 to 5 from wherever an earlier run was stopped, with the store opened alone."""
    in_use = _in_use(store, seeds)
    if len(seeds) > 1 and not store.log.is_current_key(log_key(in_use)):  # step 4 is missing
        _hand_over(store, old=seeds[1 - seeds.index(in_use)], new=in_use, now=now)
    if not store.rekeying_waits():
        _seal_to_all(store, [in_use])
        return
    new = primitives.fresh()
    _seal_to_all(store, [new, in_use])
    with disk():
        for person in store.roster.former:
            gone = (store.layout.seal_file(person.name), store.layout.key_file(person.name))
            for path in gone:
                remove(path)
            for path in gone:  # before the re-keying goes on: after a power cut nobody would remove them again
                sync_folder(path.parent)
    store.db.rekey(catalogue_key(new))
    _hand_over(store, old=in_use, new=new, now=now)


def sign_with_known_key(store: Store, seeds: list[bytes]) -> None:
    """Sign with the key that the log knows: between steps 3 and 4 that is the old one."""
    for seed in seeds:
        if store.log.is_current_key(log_key(seed)):
            store.log.key = log_key(seed)


def _hand_over(store: Store, *, old: bytes, new: bytes, now: datetime) -> None:
    store.log.key = log_key(old)
    with store.change(now) as change:
        store.log.hand_over(log_key(new))
        change.log(CatalogueRekeyed())
    _seal_to_all(store, [new])


def _seal_to_all(store: Store, seeds: list[bytes]) -> None:
    for person in store.roster.people:
        write_catalogue_seal(store.layout, person.name, person.seal_key, seeds, store.identity.signing)


def _in_use(store: Store, seeds: list[bytes]) -> bytes:
    return next(seed for seed in seeds if log_key(seed).public == store.log.key.public)
