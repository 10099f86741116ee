"""What somebody can open who has a person's secrets, the whole store, and the product's own modules.

No check of the program stands in the way here: roles, grants, states and deadlines are not asked. What
opens, opens because a key fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.rows import Rows
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.model.records import Audience, RecordingId
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Purpose, State
from arlo_rec.vault.backends import Connection
from arlo_rec.vault.backends.files import FileBlobs, FileRoot
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys
from arlo_rec.vault.catalogue.recordings import Recordings
from arlo_rec.vault.catalogue.sealed_secrets import seal_info
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.keys import engines, key_files, layout, root_secret
from arlo_rec.vault.keys.key_files import Identity, catalogue_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.root_secret import SecretKey, StateFolder, open_root
from arlo_rec.vault.opened import Change, Store
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
    seeds: dict[bytes, bytes] = field(default_factory=dict)  # of grants, by their pairs
    commits: dict[bytes, bytes] = field(default_factory=dict)
    audiences: dict[bytes, bytes] = field(default_factory=dict)
    metadata: dict[str, list[bytes]] = field(default_factory=dict)
    kf: set[str] = field(default_factory=set)
    ke: set[str] = field(default_factory=set)
    halves: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # of a recording's key: 64 bytes to keep
    sounds: dict[str, bytes] = field(default_factory=dict)


def rob(place: Layout, identity: Identity, extra_seeds: Iterable[bytes] = (), kept: Iterable[bytes] = ()) -> Loot:
    """Try every key that *identity* leads to on everything in the store.

    With it *extra_seeds* of sealing keys, and *kept* commit keys and audience keys, are tried on everything too.
    """
    loot = Loot()
    try:
        seeds = read_catalogue_seal(place, identity)
    except ArloError:
        return loot
    connection = None
    for seed in seeds:
        try:
            connection = engines.catalogue(place, primitives.derive(seed, "catalogue"))
            break
        except ArloError:
            continue
    if connection is None:
        return loot
    loot.catalogue = True
    try:
        _rob_open(place, identity, connection, tuple(extra_seeds), tuple(kept), loot)
    finally:
        connection.close()
    return loot


def _rob_open(
    place: Layout,
    identity: Identity,
    db: Connection,
    extra: tuple[bytes, ...],
    kept: tuple[bytes, ...],
    loot: Loot,
) -> None:
    keys = [identity.sealing, *(primitives.SealingKey.from_seed(one) for one in extra)]
    for holder, name, sealed in db.rows("SELECT holder, part, sealed FROM seals"):
        for key in keys:
            _try(loot.parts, name, lambda k=key, h=holder, n=name, s=sealed: k.open(s, seal_info(place.id, h, n)))
    keys += [primitives.SealingKey.from_seed(one) for name, one in loot.parts.items() if name.startswith("access:")]
    for grant, pair, holder, sealed in db.rows("SELECT grant_id, pair, holder, sealed FROM grant_seeds"):
        info = b"arlo-rec/1/grant seed\0" + place.id + pair + holder + grant.encode()
        for key in keys:
            _try(loot.seeds, pair, lambda k=key, s=sealed, i=info: k.open(s, i))
    seeds = {*loot.seeds.values(), *extra}
    keys += [primitives.SealingKey.from_seed(one) for one in seeds]
    for commit, access, sealed in db.rows("SELECT id, access_key, sealed FROM commit_keys"):
        for key in keys:
            info = b"arlo-rec/1/commit key\0" + place.id + access
            _try(loot.commits, commit, lambda k=key, s=sealed, i=info: k.open(s, i))
    _rob_audiences(place, db, keys, seeds, kept, loot)
    _rob_recordings(place, db, {*loot.commits.values(), *loot.audiences.values(), *kept}, loot)


def _rob_audiences(
    place: Layout,
    db: Connection,
    keys: list[primitives.SealingKey],
    seeds: set[bytes],
    kept: tuple[bytes, ...],
    loot: Loot,
) -> None:
    """Audience keys: wrapped under commit keys, sealed to grants, wrapped for grants; whatever team a row says."""
    teams = {str(row[0]) for row in db.rows("SELECT team FROM audience_keys UNION SELECT team FROM recordings")}
    bound = [{"audience": audience, "team": team} for audience in Audience for team in sorted(teams)]
    for name, wrapped in db.rows("SELECT id, wrapped FROM audience_keys"):
        for secret, told in product((*loot.commits.values(), *kept), bound):
            at = b"audience key\0" + place.id + name + canonical(told)
            _try(loot.audiences, name, lambda k=secret, w=wrapped, a=at: primitives.unwrap(k, w, a))
    for name, grant, pair, sealed in db.rows("SELECT audience_key, grant_id, pair, sealed FROM audience_seals"):
        for key in (key for key in keys if primitives.fingerprint(key.public) == pair):  # another opens no HPKE
            for told, purpose in product(bound, Purpose):
                to = canonical({**told, "grant": grant, "purpose": purpose})
                info = b"arlo-rec/1/audience seal\0" + place.id + name + pair + to
                _try(loot.audiences, name, lambda k=key, s=sealed, i=info: k.open(s, i))
    for name, grant, wrapped in db.rows("SELECT audience_key, grant_id, wrapped FROM audience_wraps"):
        for seed, told, purpose in product(seeds, bound, Purpose):
            history = primitives.derive(seed, "grant history", context=grant.encode())
            at = b"audience history\0" + place.id + name + canonical({**told, "grant": grant, "purpose": purpose})
            _try(loot.audiences, name, lambda k=history, w=wrapped, a=at: primitives.unwrap(k, w, a))


def _rob_recordings(place: Layout, db: Connection, secrets: set[bytes], loot: Loot) -> None:
    """Objects and metadata, with every secret that was found or kept."""
    trees = _trees(place, db, loot)
    blobs, rows = FileBlobs(place.objects), Recordings(db)
    for name in list(blobs.names()):
        recording = RecordingId(bytes.fromhex(name))
        row = rows.get(recording)
        binding = row.binding if row is not None and row.state is not State.ARRIVING else b""
        with blobs.open(name) as stream:
            raw = stream.read()
        header = object_file.read_header(raw)
        kf = _first(lambda k=key, h=header, b=binding: object_file.listening_half(h, k, b) for key in secrets)
        ke = _first(lambda t=tree, r=recording: t.unwrap(r) for tree in trees)
        loot.kf |= {name} if kf else set()
        loot.ke |= {name} if ke else set()
        if kf and ke:
            loot.halves[name] = kf, ke
            body = [raw[len(header.encode()) :]]
            loot.sounds[name] = b"".join(object_file.open_body(object_file.DataKey(kf, ke), header, body))
        for (sealed,) in db.rows("SELECT sealed FROM metadata WHERE recording = ?", (recording,)) if ke else ():
            plain = _first(
                lambda k=key, e=ke, r=recording, b=binding, s=sealed: object_file.open_metadata(k, e or b"", r, b, s)
                for key in secrets
            )
            if plain is not None:
                loot.metadata.setdefault(name, []).append(plain)


def _trees(place: Layout, db: Connection, loot: Loot) -> list[ErasureKeys]:
    """One tree per readable slot and root seed, whatever the generation."""
    trees = []
    for index, content in enumerate(FileRoot(place.root).read()):
        slot = root_secret.decode_slot(index, content)
        if slot and "root" in loot.parts:
            try:
                trees.append(ErasureKeys(db, SecretKey(root_secret.open_slot(place.id, loot.parts["root"], slot))))
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


def accomplished(world: World, kept: Identity) -> Loot:
    """What a kept key opens where an auditor, who holds neither root nor sound, opens the catalogue for it."""
    place = layout.find(world.store)
    found = Loot(catalogue=True)
    with closing(engines.catalogue(place, catalogue_key(_newest_seed(world, "iver")))) as connection:
        _rob_open(place, kept, connection, (), (), found)
    return found


def meanwhile(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, act: Callable[[], object]) -> None:
    """Have *act* happen once, at the moment at which the program calls the function *name* of *place*."""
    real, done = getattr(place, name), False

    def between(*words: Any, **more: Any) -> Any:
        nonlocal done
        if not done:
            done = True
            act()
        return real(*words, **more)

    monkeypatch.setattr(place, name, between)


@contextmanager
def own_code(world: World, name: str) -> Iterator[Store]:
    """The store as own code has it with the owner's account and somebody's keys; whatever it writes is in order."""
    where, who, seed = layout.find(world.store), identity(world, name), _newest_seed(world, name)
    connection = engines.catalogue(where, catalogue_key(seed))
    store = Store(where, connection, FileBlobs(where.objects), open_root(where), who, seed, StateFolder(None))
    with closing(connection):
        store.load_documents()
        yield store


def _newest_seed(world: World, name: str) -> bytes:
    return read_catalogue_seal(layout.find(world.store), identity(world, name))[0]


def identity(world: World, name: str) -> Identity:
    where = layout.find(world.store)
    if world.key(name).exists():
        return key_files.read_service(where, world.key(name).read_bytes(), name)
    return key_files.unlock(where, name, PASSPHRASE.encode())


def loot(world: World, name: str) -> Loot:
    return rob(layout.find(world.store), identity(world, name))


def problem_codes(world: World, *words: str, who: str = "iver") -> set[str]:
    """What `verify` names, or why it does not go on; nothing where it is content."""
    found = world.run("verify", *words, "--json", who=who)
    assert found.exit in (0, 15), found
    told = found.json
    return {problem["code"] for problem in told.get("problems", [told.get("error")])}


def log_alone(change: Change, event: AuditEvent) -> int:
    """An entry without the rows that follow from it."""
    change._rows = Rows()
    return change.log(event)


def log_as(world: World, who: str, event: AuditEvent) -> int:
    """An entry of somebody's own code, in the own name, as the program would write it; gives its number."""
    with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
        return log_alone(change, event)
