"""Open a whole recording in memory to make or review a training copy.

Every recording is opened through the gate, which writes the log first. No decrypted byte touches the disk.
`cut_plan`, `build` and `pseudonymise` work on the open recording.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec.calls.training.cut_plan import CallSound
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import Kind, Recording
from arlo_rec.policy import Action
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Sound
from arlo_rec.vault.access import gate, metadata
from arlo_rec.vault.access.gate import Intent, Permit
from arlo_rec.vault.access.short_ids import WHOLE, matching
from arlo_rec.vault.crypto.object_file import DataKey, Header
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class OpenRecording:
    """An original or a copy under review in memory, with its keys and the makers' metadata."""

    permit: Permit = field(repr=False)
    key: DataKey
    header: Header
    sound: Sound = field(repr=False)
    metadata: Mapping[str, Any] = field(repr=False)

    @property
    def recording(self) -> Recording:
        """The row of the catalogue."""
        return self.permit.recording

    @property
    def sides(self) -> Mapping[str, int]:
        """The channels of `caller` and `agent`, if known."""
        return dict(self.metadata.get("channels", {}))

    @property
    def call(self) -> CallSound:
        """The part that cuts are planned from."""
        known = self.metadata.get("known", {})
        names = (self.metadata["agent"], *(name for side in sorted(known) for name in known[side]))
        return CallSound(self.sound, names, float(self.metadata.get("lead_s", 0.0)), self.sides)


def open_recording(store: Store, shown_id: str, intent: Intent, clock: Callable[[], datetime]) -> OpenRecording:
    """Open the original or copy of an id; raises Integrity, and what the gate raises."""
    admission = gate.admit(store, intent, clock())
    permit = gate.permit(store, admission, shown_id, clock())
    key, header = gate.data_key(store, permit, clock())
    body = b"".join(gate.listen_to(store, permit, clock))
    sound = audio.read_wav(io.BytesIO(body), len(body))
    del body
    facts = metadata.open_for(store, permit.recording, permit.keyring, key.ke)
    if facts is None:
        raise Integrity("metadata_damaged", id=permit.recording.id.hex())
    return OpenRecording(permit, key, header, sound, facts)


def whole_id(store: Store, shown_id: str, clock: Callable[[], datetime]) -> str:
    """The whole id for the short one *shown_id*, which is returned itself if it is not unique.

    Raises what `gate.admit` raises.
    """
    if WHOLE.fullmatch(shown_id):
        return shown_id
    admission = gate.admit(store, Intent(Action.PSEUDONYMISE, shows=False), clock())
    matches = matching(store, admission.covers, shown_id)
    return matches[0].hex() if len(matches) == 1 else shown_id


def open_original(store: Store, shown_id: str, intent: Intent, clock: Callable[[], datetime]) -> OpenRecording:
    """Open a recording to make a copy of it; raises Usage if it is a copy itself."""
    original = open_recording(store, shown_id, intent, clock)
    if original.recording.kind is not Kind.ORIGINAL:
        raise Usage("not_an_original")
    return original
