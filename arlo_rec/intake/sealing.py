"""One call on its way from a sound that was judged to a recording that is held: keys, object, row.

What decides when each of these steps may happen, and what becomes of a call where one fails, is `ingest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from arlo_rec import audio, policy
from arlo_rec.access import listening_keys
from arlo_rec.access.listening_keys import ListeningKey
from arlo_rec.access.metadata import MetadataKeys
from arlo_rec.backends import Blobs
from arlo_rec.catalogue.erasure_keys import KeyTree
from arlo_rec.catalogue.recordings import Catalogue
from arlo_rec.crypto import object_file
from arlo_rec.intake import candidates
from arlo_rec.intake.candidates import Candidate, Examined
from arlo_rec.keys.roster import AccessKey
from arlo_rec.model.consent import Consent
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import Call, Kind
from arlo_rec.policy import Purpose
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class Keys:
    """Whom a batch is sealed to, by the roster of the transaction in which they were chosen."""

    roster: int  # its counter
    access: AccessKey
    quality: dict[tuple[str, str], ListeningKey]  # by team and month

    def listeners(self, call: Call, consent: Consent) -> dict[bytes, bytes]:
        """Public keys by id: the subject-access key, and the quality key only where the consent names quality."""
        listeners = {self.access.id: self.access.public}
        if policy.stanza_purposes(consent.purposes, pseudonymised=False):
            key = self.of(call)
            listeners[key.id] = key.public
        return listeners

    def of(self, call: Call) -> ListeningKey:
        """The quality key of a call's team and month."""
        return self.quality[_place(call)]


def choose(store: Store, calls: Iterable[Call], now: datetime) -> Keys:
    """The keys of today's roster for some calls, made where there are none. Inside a transaction."""
    quality: dict[tuple[str, str], ListeningKey] = {}
    for call in calls:
        place = _place(call)
        if place not in quality:
            quality[place] = listening_keys.key_for(store, Purpose.QUALITY, *place, now)
            listening_keys.key_for(store, Purpose.TRAINING, *place, now)  # for copies that a manager releases
    return Keys(store.roster.counter, listening_keys.access_key(store), quality)


def _place(call: Call) -> tuple[str, str]:
    return call.team, listening_keys.month_of(call.started_at)


def seal(candidate: Candidate, found: Examined, keys: Keys, blobs: Blobs) -> None:
    """Cut one call's sound and put it, encrypted, among the objects; fills in what is known of the recording then."""
    consent = found.consent
    candidate.key = object_file.new_data_key(consent)
    header = candidate.header = object_file.make_header(
        candidate.key, Kind.ORIGINAL, candidate.id, None, keys.listeners(candidate.call, consent)
    )
    wav = audio.canonical_pieces(found.header, found.frames())
    pieces = object_file.Counted(object_file.seal_body(candidate.key, header, wav))
    blobs.put(candidate.id.hex(), pieces)
    candidate.recording = candidates.recording_of(candidate, consent, pieces.sha256(), pieces.size)
    candidate.told = candidates.metadata_of(candidate.call, found.header, consent)


def read_back(candidate: Candidate, blobs: Blobs) -> None:
    """Open what was put, to its last chunk: cheaper than hashing it again, and proof of more.

    :raises Integrity: `object_damaged`
    """
    assert candidate.key is not None and candidate.header is not None
    head = candidate.header.encode()
    try:
        with blobs.open(candidate.id.hex()) as stream:
            whole = stream.read(len(head)) == head
            for _ in object_file.open_body(candidate.key, candidate.header, object_file.body_in(stream)):
                pass
    except KeyError:
        whole = False
    if not whole:
        raise Integrity("object_damaged")


def hold(candidate: Candidate, keys: Keys, catalogue: Catalogue, tree: KeyTree, metadata_keys: MetadataKeys) -> None:
    """Make a sealed call a recording: row, share of the root, metadata. Inside a transaction."""
    recording, key = candidate.recording, candidate.key
    assert recording is not None and key is not None
    catalogue.hold(recording)
    tree.hang(recording.id, key.ke, recording.due_at)
    metadata_keys.seal(recording.id, key.ke, keys.access.id, keys.access.public, candidate.told)
    if policy.stanza_purposes(recording.purposes, pseudonymised=False):
        one = keys.of(candidate.call)
        metadata_keys.seal(recording.id, key.ke, one.id, one.public, candidates.for_managers(candidate.told))
