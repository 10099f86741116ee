"""The keys of one commit, made and sealed in the transaction that takes its recordings in.

    commit key     sealed to the newest subject-access key; opens its audience keys and the full metadata
    audience key   for one audience of one team; wraps the listening halves of its recordings and opens the metadata
                   for listeners; sealed to the key pair of every live grant

Both are fresh, in memory, and for one commit only. Nothing is sealed to a key that stands in the catalogue, so a
planted, kept or rotated-out key opens nothing that comes later. Each seal binds for whom its key is.
`keyrings` opens what is sealed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from arlo_rec.law.model.records import Audience, Grant, Person, Recording, RecordingId, purpose_of
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Role
from arlo_rec.vault.catalogue.audience_keys import AudienceKeyRow, AudienceSeal, CommitKeyRow
from arlo_rec.vault.catalogue.sealed_secrets import access_seed
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.object_file import AudienceSecret
from arlo_rec.vault.keys.roster import AccessKey
from arlo_rec.vault.opened import Store

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class AudienceKey:
    """An audience key with its audience and team."""

    key: AudienceSecret
    audience: Audience
    team: str
    commit_key: bytes = b""  # id of the commit key below which it was read; empty while new

    @classmethod
    def fresh(cls, audience: Audience, team: str, near: RecordingId) -> AudienceKey:
        """A new key for one commit.

        Its id begins with the day of *near*, one of its recordings: what is erased together lies together
        (`new_id`).
        """
        return cls(AudienceSecret(near[:1] + primitives.fresh(ID_BYTES - 1), primitives.fresh()), audience, team)

    @property
    def id(self) -> bytes:
        """The id in headers, metadata and seals."""
        return self.key.id


@dataclass(frozen=True, slots=True)
class CommitKey:
    """A commit key; its id is the digest of its seal, so that the log entry of the intake commits to the seal."""

    id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"CommitKey({self.id.hex()[:8]})"


class CommitKeys:
    """The keys of one transaction, made and sealed as its recordings need them, and not kept.

    The roster is that of *store*, which the transaction has read anew.
    """

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        at = store.clock.today(now)
        self._live = [grant for grant in store.roster.grants if grant.live(at)]
        self._added: set[bytes] = set()

    @cached_property
    def commit_key(self) -> CommitKey:
        """The key of this commit, sealed to the newest subject-access key."""
        access, secret = access_key(self._store), primitives.fresh()
        sealed = primitives.seal(access.public, secret, commit_info(self._store, access.id))
        row = CommitKeyRow(commit_key_id(sealed), access.id, sealed)
        self._store.catalogue.audience_keys.add_commit_key(row)
        return CommitKey(row.id, secret)

    def add(self, audience_key: AudienceKey) -> None:
        """Wrap an audience key under the commit key and seal it to the live grants, once."""
        if audience_key.id in self._added:
            return
        self._added.add(audience_key.id)
        place = audience_place(self._store, audience_key.id, audience_key.audience, audience_key.team)
        wrapped = primitives.wrap(self.commit_key.secret, audience_key.key.secret, place)
        row = AudienceKeyRow(audience_key.id, self.commit_key.id, audience_key.audience, audience_key.team, wrapped)
        self._store.catalogue.audience_keys.add(row, self._seals(audience_key))

    def add_metadata(self, recording: Recording, key: AudienceSecret | CommitKey, ke: bytes, facts: object) -> None:
        """Seal a recording's metadata under a key of this commit and its erasure half."""
        sealed = object_file.seal_metadata(key.secret, ke, recording.id, recording.binding, canonical(facts))
        self._store.catalogue.metadata.add(recording.id, key.id, sealed)

    def _seals(self, audience_key: AudienceKey) -> list[AudienceSeal]:
        seals = []
        for grant in self._live:
            if covers(grant, audience_key.audience, audience_key.team):
                pair = primitives.fingerprint(grant.public)
                info = seal_info(self._store, grant, pair, audience_key)
                sealed = primitives.seal(grant.public, audience_key.key.secret, info)
                seals.append(AudienceSeal(audience_key.id, grant.id, pair, sealed))
        return seals


def covers(grant: Grant, audience: Audience, team: str) -> bool:
    """Whether a grant is for an audience of a team."""
    purpose = purpose_of(audience)
    return purpose is not None and grant.opens(purpose, team)


def access_key(store: Store) -> AccessKey:
    """The subject-access key that every commit is sealed to."""
    return store.roster.access_keys[-1]


def new_access_key(store: Store, people: tuple[Person, ...], now: datetime) -> AccessKey:
    """A new subject-access key, sealed to the officers among *people*; inside a change."""
    seed, key_id = primitives.fresh(), primitives.fresh(ID_BYTES)
    for person in people:
        if person.role is Role.OFFICER:
            store.secrets.give(person, access_seed(key_id), 1, seed)
    return AccessKey(key_id, primitives.SealingKey.from_seed(seed).public, now)


# -- what the keys are bound to -----------------------------------------------------------------------


def commit_key_id(sealed: bytes) -> bytes:
    """The id of a commit key: the beginning of the SHA-256 of its seal."""
    return primitives.sha256(sealed)[:ID_BYTES]


def commit_info(store: Store, access: bytes) -> bytes:
    """The HPKE info of a commit key's seal to the subject-access key with the id *access*."""
    return b"arlo-rec/1/commit key\0" + store.layout.id + access


def audience_place(store: Store, key: bytes, audience: Audience, team: str) -> bytes:
    """The place of an audience key wrapped under its commit key."""
    return b"audience key\0" + store.layout.id + key + canonical({"audience": audience, "team": team})


def seal_info(store: Store, grant: Grant, pair: bytes, key: AudienceKey | AudienceKeyRow) -> bytes:
    """The HPKE info of an audience key's seal to the key pair (by fingerprint) of a grant."""
    return b"arlo-rec/1/audience seal\0" + store.layout.id + key.id + pair + _bound(grant, key)


def history_place(store: Store, grant: Grant, key: AudienceKey | AudienceKeyRow) -> bytes:
    """The place of an audience key wrapped for a later grant."""
    return b"audience history\0" + store.layout.id + key.id + _bound(grant, key)


def _bound(grant: Grant, key: AudienceKey | AudienceKeyRow) -> bytes:
    """The grant, purpose, audience and team of a key: a row that says otherwise does not open it."""
    return canonical({"audience": key.audience, "grant": grant.id, "purpose": grant.purpose, "team": key.team})
