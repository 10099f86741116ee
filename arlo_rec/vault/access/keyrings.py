"""Keyrings: the audience keys that a person can open, by grants or by the subject-access key.

    by a grant      own sealing key -> seed of the grant's pair -> audience key, by its seal or by the grant's history
    as an officer   own sealing key -> subject-access key -> commit key -> audience key

A keyring opens a key on first use, and keeps it. The seal that opens says for whom a key is, never a row. Every
function raises Integrity if a key was changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Grant, Recording
from arlo_rec.vault.access import grant_keys
from arlo_rec.vault.access.audience_keys import (
    AudienceKey,
    CommitKey,
    audience_place,
    commit_info,
    commit_key_id,
    covers,
    history_place,
    seal_info,
)
from arlo_rec.vault.catalogue.audience_keys import AudienceKeyRow, AudienceSeal, CommitKeyRow
from arlo_rec.vault.catalogue.grant_keys import WrappedKey
from arlo_rec.vault.catalogue.sealed_secrets import access_seed
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.crypto.object_file import AudienceSecret
from arlo_rec.vault.opened import Store


class Keyring(Protocol):
    """Opens audience keys by id, and the keys of metadata."""

    def audience_key(self, key: bytes) -> AudienceKey | None:
        """The audience key with that id; None if this keyring does not open it."""

    def load(self, recordings: Collection[Recording], keys: Collection[bytes]) -> None:
        """Read the metadata keys of *recordings* in one go, without opening any."""

    def metadata_key(self, recording: Recording, keys: Iterable[bytes]) -> AudienceSecret | CommitKey | None:
        """The key of this keyring among *keys*, under which a recording's metadata is sealed."""


class _OpenPair(NamedTuple):
    """The key pair of a grant, and the key of its history."""

    key: primitives.SealingKey
    history: bytes


class GrantKeyring:
    """The keys of the current identity's live grants; *grants* are those of one purpose."""

    def __init__(self, store: Store, grants: Iterable[Grant]) -> None:
        self._store = store
        self._grants = {grant.id: grant for grant in grants}
        self._rows: dict[bytes, AudienceKeyRow | None] = {}
        self._seals: dict[bytes, list[AudienceSeal]] = {}
        self._wrapped: dict[bytes, list[WrappedKey]] = {}
        self._pairs: dict[tuple[str, bytes], _OpenPair | None] = {}
        self._opened: dict[bytes, AudienceKey | None] = {}

    def load(self, recordings: Collection[Recording], keys: Collection[bytes]) -> None:
        """See Keyring: the rows, seals and wrapped keys of audience keys."""
        wanted = set(keys) - {recording.commit_key for recording in recordings} - self._rows.keys()
        self._rows |= dict.fromkeys(wanted)
        self._rows |= self._store.catalogue.audience_keys.rows(wanted)
        for seal in self._store.catalogue.audience_keys.seals(wanted, self._grants):
            self._seals.setdefault(seal.audience_key, []).append(seal)
        unsealed = wanted - self._seals.keys()
        for wrapped in self._store.catalogue.grant_keys.wrapped(unsealed, self._grants):
            self._wrapped.setdefault(wrapped.audience_key, []).append(wrapped)

    def audience_key(self, key: bytes) -> AudienceKey | None:
        if key not in self._opened:
            if key not in self._rows:
                self.load((), (key,))
            row = self._rows[key]
            self._opened[key] = self._open(row) if row is not None else None
        return self._opened[key]

    def metadata_key(self, recording: Recording, keys: Iterable[bytes]) -> AudienceSecret | None:
        """See Keyring: the audience key."""
        for key in keys:
            if key != recording.commit_key and (opened := self.audience_key(key)) is not None:
                return opened.key
        return None

    def _open(self, row: AudienceKeyRow) -> AudienceKey | None:
        """An audience key, opened by the first grant that has it."""
        try:
            secret = self._by_seal(row) or self._by_history(row)
        except primitives.Sealed:
            raise Integrity("audience_key_forged") from None
        return _key_of(row, secret) if secret is not None else None

    def _by_seal(self, row: AudienceKeyRow) -> bytes | None:
        for seal in self._seals.get(row.id, ()):
            grant = self._grants[seal.grant_id]
            if covers(grant, row.audience, row.team) and (pair := self._pair(grant, seal.pair)) is not None:
                return pair.key.open(seal.sealed, seal_info(self._store, grant, seal.pair, row))
        return None

    def _by_history(self, row: AudienceKeyRow) -> bytes | None:
        for wrapped in self._wrapped.get(row.id, ()):
            grant = self._grants[wrapped.grant_id]
            if covers(grant, row.audience, row.team) and (pair := self._pair(grant, wrapped.pair)) is not None:
                return primitives.unwrap(pair.history, wrapped.wrapped, history_place(self._store, grant, row))
        return None

    def _pair(self, grant: Grant, pair: bytes) -> _OpenPair | None:
        if (grant.id, pair) not in self._pairs:
            seed = grant_keys.own_seed(self._store, grant, pair)
            opened = (primitives.SealingKey.from_seed(seed), grant_keys.history_key(grant, seed)) if seed else None
            self._pairs[grant.id, pair] = _OpenPair(*opened) if opened else None
        return self._pairs[grant.id, pair]


class OfficerKeyring:
    """The keys that the subject-access keys give the officers: every recording."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._access: dict[bytes, primitives.SealingKey | None] = {}
        self._commit_rows: dict[bytes, CommitKeyRow] = {}
        self._rows: dict[bytes, AudienceKeyRow] = {}
        self._opened: dict[bytes, CommitKey | None] = {}

    def load(self, recordings: Collection[Recording], keys: Collection[bytes]) -> None:
        """See Keyring: the commit keys."""
        self._commit_rows |= self._store.catalogue.audience_keys.commit_keys(
            {recording.commit_key for recording in recordings}
        )

    def load_audience_keys(self, rows: Iterable[AudienceKeyRow]) -> None:
        """Take rows of audience keys that were read already, and read their commit keys in one go."""
        self._rows |= {row.id: row for row in rows}
        wanted = {row.commit_key for row in self._rows.values()} - self._commit_rows.keys()
        self._commit_rows |= self._store.catalogue.audience_keys.commit_keys(wanted)

    def audience_key(self, key: bytes) -> AudienceKey | None:
        if key not in self._rows:
            self._rows |= self._store.catalogue.audience_keys.rows((key,))
        row = self._rows.get(key)
        commit = self._commit_key(row.commit_key) if row is not None else None
        if row is None or commit is None:
            return None
        try:
            place = audience_place(self._store, row.id, row.audience, row.team)
            secret = primitives.unwrap(commit.secret, row.wrapped, place)
        except primitives.Sealed:
            raise Integrity("audience_key_forged") from None
        return _key_of(row, secret)

    def metadata_key(self, recording: Recording, keys: Iterable[bytes]) -> CommitKey | None:
        """See Keyring: the commit key."""
        return self._commit_key(recording.commit_key) if recording.commit_key in keys else None

    def _commit_key(self, key: bytes) -> CommitKey | None:
        if key not in self._opened:
            if key not in self._commit_rows:
                self._commit_rows |= self._store.catalogue.audience_keys.commit_keys((key,))
            row = self._commit_rows.get(key)
            self._opened[key] = self._open(row) if row is not None else None
        return self._opened[key]

    def _open(self, row: CommitKeyRow) -> CommitKey | None:
        access = self._access_key(row.access_key)
        if access is None:
            return None
        try:
            secret = access.open(row.sealed, commit_info(self._store, row.access_key))
        except primitives.Sealed:
            raise Integrity("audience_key_forged") from None
        if commit_key_id(row.sealed) != row.id:
            raise Integrity("audience_key_forged")
        return CommitKey(row.id, secret)

    def _access_key(self, key: bytes) -> primitives.SealingKey | None:
        if key not in self._access:
            known = any(access.id == key for access in self._store.roster.access_keys)
            held = known and self._store.secrets.holds(access_seed(key))
            seed = self._store.secret(access_seed(key)) if held else None
            self._access[key] = primitives.SealingKey.from_seed(seed) if seed is not None else None
        return self._access[key]


def _key_of(row: AudienceKeyRow, secret: bytes) -> AudienceKey:
    return AudienceKey(AudienceSecret(row.id, secret), row.audience, row.team, row.commit_key)
