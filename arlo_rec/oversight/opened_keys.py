"""Whether keys open, as far as the keys of whoever runs `verify` reach; nothing that they open is kept or shown.

A key that was overwritten with other bytes looks like any other. Who holds the root seed unwraps every day and shard of
erasure keys, and with --read-data every recording's share; an officer with --read-data also opens every commit key,
audience key and metadata. What is read together is read in one view under the root's lock, some shards at a time: at
most half a second, so that an erasure is not kept waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from arlo_rec.access.audience_keys import CommitKey
from arlo_rec.access.keyrings import OfficerKeyring
from arlo_rec.catalogue.erasure_keys import ErasureKeys, Spoilt
from arlo_rec.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.crypto import object_file
from arlo_rec.crypto.object_file import AudienceSecret
from arlo_rec.model.errors import Integrity, NotUnlocked, Unreachable
from arlo_rec.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.model.records import RecordingId
from arlo_rec.model.strict_json import parse_object
from arlo_rec.oversight.consistency import Problem
from arlo_rec.policy import Role
from arlo_rec.store import Store

_SHARDS = 8  # looked at together: up to 2,048 recordings


def problems(store: Store, *, read_data: bool, observer: Observer = unobserved) -> Iterator[Problem]:
    """Keys that do not open; nothing where this identity does not open the root. Raises InUse."""
    with _root_open(store) as erasure_keys:
        spoilt = erasure_keys.unopened() if erasure_keys else Spoilt([], [], [])
    yield from (Problem("day_key_damaged", str(day)) for day in spoilt.days)
    yield from (Problem("shard_key_damaged", shard.hex()) for shard in spoilt.shards)
    behind, done, count = b"", 0, store.catalogue.recordings.count_held() if read_data else 0
    while read_data and (shards := store.catalogue.shards_behind(behind, _SHARDS)):
        behind = shards[-1]
        observer(Progress(Phase.KEY_CHECK, min(done, count), count))
        with _root_open(store) as erasure_keys:
            if erasure_keys is None:
                return
            halves, closed = erasure_keys.opened_of(shards)
            found = list(_below(store, halves, closed))
        done += len(halves) + len(closed)
        yield from found


@contextmanager
def _root_open(store: Store) -> Iterator[ErasureKeys | None]:
    """One view of the catalogue with the R of its generation; None where R does not open, which `verify` names."""
    with ExitStack() as stack:
        try:
            if not store.secrets.holds(ROOT_SEED):
                raise NotUnlocked("secret_not_given")  # noqa: TRY301 - like any other root that does not open
            stack.enter_context(store.root.lock(exclusive=False, wait=store.lock_wait))
            stack.enter_context(store.reading())
            erasure_keys = store.erasure_keys()
        except (Integrity, NotUnlocked, Unreachable):
            yield None
            return
        yield erasure_keys


def _below(store: Store, halves: Mapping[RecordingId, bytes], spoilt: Sequence[RecordingId]) -> Iterator[Problem]:
    yield from (Problem("share_damaged", recording.hex()) for recording in spoilt)
    if store.person.role is Role.OFFICER:
        yield from _OpenedByOffice(store, halves).problems()


class _OpenedByOffice:
    """What the subject-access keys open of some recordings, whose erasure halves are known."""

    def __init__(self, store: Store, halves: Mapping[RecordingId, bytes]) -> None:
        self._halves = halves
        self._held = {row.id: row for _, row in store.catalogue.recordings.held_among(halves)}
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
        """Keys and metadata that do not open; what hangs from a key that does not is not named besides."""
        yield from self._spoilt
        for recording, by_key in self._metadata.items():
            if not all(self._opens(recording, key, sealed) for key, sealed in by_key.items()):
                yield Problem("metadata_damaged", recording.hex())

    def _take(self, key: bytes, code: str, open_: Callable[[], AudienceSecret | CommitKey | None]) -> None:
        try:
            opened = open_()
        except Integrity as damage:
            if damage.code != "audience_key_forged":  # an own secret that does not open is named with the secrets
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
