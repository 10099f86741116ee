"""Keys that must exist for everything that is held, as far as every opener of the catalogue can see.

The owner's account can delete a key and correct the sums, and so lose the recordings below it.
`machine.consistency` checks the keys of each recording; this module checks those that many recordings share:

    the chain of authority, and the policy below it        sealed secrets of everybody, by role
    days and shards above wrapped erasure keys             seeds of live grants, for the person and the officers
    rows of training copies                                the sizes of wrapped keys and of seals
    holders of either that the roster does not know

Whether a key opens is checked as far as the keys of the person running `verify` reach; nothing opened is kept or
shown. The root seed opens every day and shard, and with --read-data every share; an officer with --read-data also
opens every commit key, audience key and metadata. Keys are read in one view under the root's lock, some shards at a
time: at most half a second, so that an erasure does not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial

from arlo_rec.law.model.errors import Integrity, NotUnlocked, Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import Grant, Person, RecordingId
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.machine.consistency import Problem
from arlo_rec.office import policy_drift
from arlo_rec.policy import Role, holds_index
from arlo_rec.vault.access import grant_keys
from arlo_rec.vault.access.audience_keys import CommitKey, access_key
from arlo_rec.vault.access.keyrings import OfficerKeyring
from arlo_rec.vault.catalogue.columns import UNREADABLE
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys, Spoilt
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED, ROOT_SEED, access_seed
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.object_file import AudienceSecret
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.opened import Store


def broken_links(store: Store) -> Iterator[Problem]:
    """Links that are missing, changed or inserted, also those before this identity's pin.

    The last link is reported too if the catalogue's pin is another's: then no link could be added.
    """
    for number in store.authority.broken():
        yield Problem("link_broken", str(number))
    with store.db.reading():
        links, pin = store.authority.links, store.authority.pin()
        newest = next((links.get(number) for number in reversed(links.numbers())), None)
    if newest is None or newest.pin != pin:
        yield Problem("link_broken", str(pin.number))


def policy(store: Store) -> Iterator[Problem]:
    """Drift of the policy from the chain's first one and the approvals in the log."""
    try:
        drifts = policy_drift.of_policy(store)
    except (AttributeError, *UNREADABLE):  # an entry proposes or approves an invalid policy
        drifts = [policy_drift.Drift("policy", policy_drift.STORE)]
    for drift in drifts:
        yield Problem("policy_differs", drift.what)


def erasure_keys(store: Store) -> Iterator[Problem]:
    """Days and shards without a key, and erasure keys of a wrong size."""
    shards, days = store.catalogue.erasure_keys_missing()
    yield from (Problem("shard_key_missing", shard.hex()) for shard in shards)
    yield from (Problem("day_key_missing", str(day)) for day in days)
    spoilt = store.catalogue.erasure_keys_of_wrong_size(store.root.wrapped_bytes)
    yield from (Problem("day_key_damaged", str(day)) for day in spoilt.days)
    yield from (Problem("shard_key_damaged", shard.hex()) for shard in spoilt.shards)
    yield from (Problem("share_damaged", recording.hex()) for recording in spoilt.shares)


def copies(store: Store) -> Iterator[Problem]:
    """Training copies whose row is missing or names another original."""
    yield from (Problem("copy_missing", recording.hex()) for recording in store.catalogue.copies.unmatched())


def given_secrets(store: Store, now: datetime) -> Iterator[Problem]:
    """Secrets that a person or service of the roster lacks, and seeds of grants; in a view of the newest roster."""
    now = store.clock.today(now)
    with store.db.reading():
        if store.has_newer_documents():
            store.load_documents()
        root_holders = protocol.root_holders(store, now)
        for person in store.roster.people:
            yield from _lacking(store, person, needs_root=person in root_holders)
        for grant in store.roster.grants:
            if grant.live(now) or grant.is_pending(now):
                yield from _seeds(store, grant, store.roster.person(grant.person) if grant.live(now) else None)
        yield from _held_by_nobody(store)


def _held_by_nobody(store: Store) -> Iterator[Problem]:
    """Secrets and seeds sealed to unknown keys, or to another person's."""
    keys = {person.name: primitives.fingerprint(person.seal_key) for person in store.roster.people}
    for holder, name in store.secrets.given():
        if holder not in keys.values():
            yield Problem("secret_of_nobody", f"{name} {holder.hex()}")
    officers = {key.id for key in store.roster.access_keys}
    holders = {grant.id: officers | {keys.get(grant.person, b"")} for grant in store.roster.grants}
    for grant_id, holder in sorted(store.catalogue.grant_keys.holders()):
        if holder not in holders.get(grant_id, officers):
            yield Problem("grant_seed_of_nobody", grant_id)


def _lacking(store: Store, person: Person, *, needs_root: bool) -> Iterator[Problem]:
    names = [ROOT_SEED] if needs_root else []
    names += [INDEX_SEED] if holds_index(person.role) else []
    if person.role is Role.OFFICER:
        names += [access_seed(key.id) for key in store.roster.access_keys]
    for name in names:
        what = f"{name} {primitives.fingerprint(person.seal_key).hex()}"
        try:
            store.secrets.demand_sealed_to(person, name, store.roster)
            if person == store.person:
                store.secret(name)
        except NotUnlocked:
            yield Problem("secret_missing", what)
        except Integrity as damage:
            yield Problem(damage.code, what)


def _seeds(store: Store, grant: Grant, person: Person | None) -> Iterator[Problem]:
    """The seeds of a grant's pairs that are missing for *person* (None: it is pending) or for the officers."""
    holders = {access_key(store).id} | ({primitives.fingerprint(person.seal_key)} if person else set())
    sealed = {(seed.pair, seed.holder): len(seed.sealed) for seed in store.catalogue.grant_keys.seeds(grant.id)}
    for pair in grant_keys.pairs(grant):
        if any(sealed.get((pair, holder)) != primitives.SEAL_OF_KEY for holder in holders):
            yield Problem("grant_seed_missing", grant.id)
        elif not _opens(store, grant, pair, own=person == store.person):
            yield Problem("grant_seed_damaged", grant.id)


def _opens(store: Store, grant: Grant, pair: bytes, *, own: bool) -> bool:
    """Whether a seed sealed to this identity, or to the officers, opens."""
    try:
        if own:
            grant_keys.own_seed(store, grant, pair)
        if store.person.role is Role.OFFICER:
            grant_keys.deposited(store, grant, pair)
    except Integrity as damage:
        return damage.code != "grant_key_forged"
    except NotUnlocked:  # the officer's own secrets are missing, which is another problem
        return True
    return True


# -- opening keys --------------------------------------------------------------------------------------


_SHARDS = 8  # checked together: up to 2,048 recordings


def problems(store: Store, *, read_data: bool, observer: Observer = unobserved) -> Iterator[Problem]:
    """Keys that do not open; none if this identity does not open the root. Raises InUse."""
    with _root_open(store) as erasure_keys:
        spoilt = erasure_keys.unopened() if erasure_keys else Spoilt([], [], [])
    yield from (Problem("day_key_damaged", str(day)) for day in spoilt.days)
    yield from (Problem("shard_key_damaged", shard.hex()) for shard in spoilt.shards)
    behind, done, count = b"", 0, store.catalogue.search.count_held() if read_data else 0
    while read_data and (shards := store.catalogue.shards_behind(behind, _SHARDS)):
        behind = shards[-1]
        observer(Progress(Phase.KEY_CHECK, min(done, count), count))
        with _root_open(store) as erasure_keys:
            if erasure_keys is None:
                return
            halves, closed = erasure_keys.opened_of(shards)
            damaged = list(_below(store, halves, closed))
        done += len(halves) + len(closed)
        yield from damaged


@contextmanager
def _root_open(store: Store) -> Iterator[ErasureKeys | None]:
    """One view of the catalogue with the R of its generation; None if R does not open, which `verify` reports."""
    with ExitStack() as stack:
        try:
            if not store.secrets.holds(ROOT_SEED):
                raise NotUnlocked("secret_not_given")  # noqa: TRY301 - like any other root that does not open
            stack.enter_context(store.root.lock(exclusive=False, wait=store.lock_wait))
            stack.enter_context(store.db.reading())
            erasure_keys = store.erasure_keys()
        except (Integrity, NotUnlocked, Unreachable):
            yield None
            return
        yield erasure_keys


def _below(store: Store, halves: Mapping[RecordingId, bytes], spoilt: Sequence[RecordingId]) -> Iterator[Problem]:
    yield from (Problem("share_damaged", recording.hex()) for recording in spoilt)
    if store.person.role is Role.OFFICER:
        yield from _OpenedByOfficer(store, halves).problems()


class _OpenedByOfficer:
    """The keys and metadata of some recordings, opened by the subject-access keys and known erasure halves."""

    def __init__(self, store: Store, halves: Mapping[RecordingId, bytes]) -> None:
        self._halves = halves
        self._held = {row.id: row for _, row in store.catalogue.search.held_among(halves)}
        self._metadata = store.catalogue.metadata.of(list(self._held))
        keyring = OfficerKeyring(store)
        keyring.load(self._held.values(), ())
        commits = {recording.commit_key: recording for recording in self._held.values()}
        self._spoilt: list[Problem] = []
        self._keys: dict[bytes, AudienceSecret | CommitKey] = {}  # by id, those that open
        for key, recording in commits.items():
            self._take(key, "commit_key_damaged", partial(keyring.metadata_key, recording, (key,)))
        rows = store.catalogue.audience_keys.of_commits(commits.keys() & self._keys.keys())
        keyring.load_audience_keys(rows)
        for row in rows:
            self._take(row.id, "audience_key_damaged", partial(_secret, keyring, row.id))

    def problems(self) -> Iterator[Problem]:
        """Keys and metadata that do not open; nothing below a closed key is reported."""
        yield from self._spoilt
        for recording, by_key in self._metadata.items():
            if not all(self._opens(recording, key, sealed) for key, sealed in by_key.items()):
                yield Problem("metadata_damaged", recording.hex())

    def _take(self, key: bytes, code: str, open_: Callable[[], AudienceSecret | CommitKey | None]) -> None:
        try:
            opened = open_()
        except Integrity as damage:
            if damage.code != "audience_key_forged":  # an own secret that does not open is reported with the secrets
                return
            self._spoilt.append(Problem(code, key.hex()))
        else:
            if opened is not None:
                self._keys[key] = opened

    def _opens(self, recording: RecordingId, key: bytes, sealed: bytes) -> bool:
        if key not in self._keys:
            return True
        try:
            secret, ke = self._keys[key].secret, self._halves[recording]
            parse_object(object_file.open_metadata(secret, ke, recording, self._held[recording].binding, sealed))
        except (Integrity, ValueError):
            return False
        return True


def _secret(keyring: OfficerKeyring, key: bytes) -> AudienceSecret | None:
    opened = keyring.audience_key(key)
    return opened.key if opened is not None else None
