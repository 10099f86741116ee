"""What somebody can open who has a person's secrets, the whole store, and the product's own modules.

No check of the program stands in the way here: roles, grants, states and deadlines are not asked. What
opens, opens because a key fits.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from arlo_rec.backends.files import FileBlobs, FileRoot
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.catalogue.erasure_keys import ErasureKeys
from arlo_rec.catalogue.sealed_secrets import seal_info
from arlo_rec.crypto import object_file, primitives
from arlo_rec.keys import key_files, layout, root_secret
from arlo_rec.keys.key_files import Identity, read_catalogue_seal
from arlo_rec.keys.layout import Layout
from arlo_rec.model.errors import ArloError
from arlo_rec.model.records import RecordingId
from tests.support.world import PASSPHRASE, World

SECRETS = {  # who -> (root seed, index seed, subject-access key)
    "sigrid": (True, True, True),
    "leif": (True, False, False),
    "turid": (False, False, False),
    "siri": (True, True, False),
    "skranke": (True, True, False),
    "cron": (True, False, False),
    "telefon": (True, True, False),
    "iver": (False, False, False),
}


@dataclass
class Loot:
    """Everything that a set of secrets opened."""

    catalogue: bool = False
    parts: dict[str, bytes] = field(default_factory=dict)
    listening: dict[bytes, bytes] = field(default_factory=dict)
    kf: set[str] = field(default_factory=set)
    ke: set[str] = field(default_factory=set)
    halves: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # of a recording's key: 64 bytes to keep
    sounds: dict[str, bytes] = field(default_factory=dict)


def rob(place: Layout, identity: Identity, extra_seeds: tuple[bytes, ...] = ()) -> Loot:
    """Try every key that *identity* (and *extra_seeds* of sealing keys) leads to on everything in the store."""
    loot = Loot()
    try:
        seeds = read_catalogue_seal(place, identity)
    except ArloError:
        return loot
    connection = None
    for seed in seeds:
        try:
            connection = SqliteConnection(place.catalogue, primitives.derive(seed, "catalogue"))
            break
        except ArloError:
            continue
    if connection is None:
        return loot
    loot.catalogue = True
    try:
        _rob_open(place, identity, connection, extra_seeds, loot)
    finally:
        connection.close()
    return loot


def _rob_open(place: Layout, identity: Identity, db: SqliteConnection, extra: tuple[bytes, ...], loot: Loot) -> None:
    keys = [identity.sealing, *(primitives.SealingKey.from_seed(one) for one in extra)]
    for holder, name, sealed in db.rows("SELECT holder, part, sealed FROM seals"):
        for key in keys:
            _try(loot.parts, name, lambda k=key, h=holder, n=name, s=sealed: k.open(s, seal_info(place.id, h, n)))
    keys += [primitives.SealingKey.from_seed(one) for name, one in loot.parts.items() if name.startswith("access:")]
    for listening, holder, sealed in db.rows("SELECT listening_key, holder, sealed FROM listening_seals"):
        info = b"arlo-rec/1/listening seal\0" + place.id + listening + holder
        for key in keys:
            _try(loot.listening, listening, lambda k=key, s=sealed, i=info: k.open(s, i))
    keys += [primitives.SealingKey.from_seed(one) for one in loot.listening.values()]
    trees = _trees(place, db, loot)
    blobs = FileBlobs(place.objects)
    for name in list(blobs.names()):
        with blobs.open(name) as stream:
            raw = stream.read()
        header = object_file.read_header(raw)
        kf = _first(
            lambda k=key, n=stanza, s=sealed, h=header: k.open(s, b"arlo-rec/1/stanza\0" + h.recording + n)
            for key, (stanza, sealed) in itertools.product(keys, header.stanzas)
        )
        ke = _first(lambda t=tree, n=name: t.unwrap(RecordingId(bytes.fromhex(n))) for tree in trees)
        loot.kf |= {name} if kf else set()
        loot.ke |= {name} if ke else set()
        if kf and ke:
            loot.halves[name] = kf, ke
            body = [raw[len(header.encode()) :]]
            loot.sounds[name] = b"".join(object_file.open_body(object_file.DataKey(kf, ke), header, body))


def _trees(place: Layout, db: SqliteConnection, loot: Loot) -> list[ErasureKeys]:
    """One tree per readable slot and root seed, whatever the generation."""
    trees = []
    for index, content in enumerate(FileRoot(place.root).read()):
        slot = root_secret.decode_slot(index, content)
        if slot and "root" in loot.parts:
            try:
                trees.append(ErasureKeys(db, root_secret.open_slot(place.id, loot.parts["root"], slot)))
            except ArloError:
                continue
    return trees


def _try(found: dict, name: object, attempt) -> None:  # type: ignore[no-untyped-def, type-arg]
    try:
        found[name] = attempt()
    except primitives.Sealed:
        return


def _first(attempts) -> bytes | None:  # type: ignore[no-untyped-def]
    for attempt in attempts:
        try:
            return attempt()
        except (primitives.Sealed, ArloError, KeyError):
            continue
    return None


def identity(world: World, name: str) -> Identity:
    where = layout.find(world.store)
    if world.key(name).exists():
        return key_files.read_service(where, world.key(name))
    return key_files.unlock(where, name, PASSPHRASE.encode())


def loot(world: World, name: str) -> Loot:
    return rob(layout.find(world.store), identity(world, name))
