"""Opening a recording whole, in memory, for whoever makes or reviews training copies.

Every recording is opened through the gate, which writes the log first. Nothing that was decrypted touches the disk.
What is done with an open recording stands in `cut_plan`, `build` and `pseudonymise`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arlo_rec import audio
from arlo_rec.access import gate, metadata
from arlo_rec.access.gate import Intent, Permit
from arlo_rec.access.short_ids import WHOLE, matching
from arlo_rec.audio import Sound
from arlo_rec.crypto.object_file import DataKey, Header
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.records import Kind, Recording
from arlo_rec.policy import Action
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class OpenRecording:
    """An original or a copy under review in memory, with its keys and what the makers' metadata says of it."""

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
    def names(self) -> list[str]:
        """Who is known to be heard: the agent, and the names that the company had already."""
        known = self.metadata.get("known", {})
        return [self.metadata["agent"], *(name for side in sorted(known) for name in known[side])]

    @property
    def lead(self) -> float:
        """Seconds before the key press, which intake cut; a transcript of the whole call counts from before them."""
        return float(self.metadata.get("lead_s", 0.0))

    def channel_of(self, role: str | None) -> int | None:
        """The channel of "caller", of "agent", or of a number; None where all are one. Raises Usage for any other."""
        if role is None or self.sound.channels == 1:
            return None
        channel = int(role) if role.isdecimal() else self.metadata.get("channels", {}).get(role)
        if channel is None or not 0 <= channel < self.sound.channels:
            raise Usage("track_unknown", role=role)
        return int(channel)


def open_recording(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> OpenRecording:
    """Open the original or the copy of that id; raises what the gate raises, and Integrity."""
    admission = gate.admit(store, Intent(action), clock())
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
    """The whole id of the recording that *shown_id* means to a maker of copies; itself where that is not one alone.

    Raises what `gate.admit` raises.
    """
    if WHOLE.fullmatch(shown_id):
        return shown_id
    admission = gate.admit(store, Intent(Action.PSEUDONYMISE), clock())
    found = matching(store, admission.covers, shown_id)
    return found[0].hex() if len(found) == 1 else shown_id


def open_original(store: Store, shown_id: str, clock: Callable[[], datetime]) -> OpenRecording:
    """Open a recording of which a copy is to be made; raises Usage where it is a copy itself."""
    original = open_recording(store, shown_id, Action.PSEUDONYMISE, clock)
    if original.recording.kind is not Kind.ORIGINAL:
        raise Usage("not_an_original")
    return original
