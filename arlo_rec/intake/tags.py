"""The blind indexes (tags) of calls: keyed hashes of a source id, an agent, a caller's number or a sound.

They let the catalogue recognise a call, a caller or a sound without keeping the text itself. The key is the index seed,
which the caller of this module opens. Nothing here reads the store or a file; tags are compared in `candidates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from arlo_rec import audio
from arlo_rec.crypto import primitives
from arlo_rec.model.records import Call
from arlo_rec.model.strict_json import canonical


@dataclass(frozen=True, slots=True)
class Tags:
    """Computes the tags of one run from the index seed; safe to use from several threads."""

    index_seed: bytes = field(repr=False)
    _callers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def tag(self, kind: str, text: str | bytes) -> bytes:
        """Keyed BLAKE2b of a source id, an agent, the hash of a sound, or a refusal."""
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return primitives.tag(primitives.derive(self.index_seed, "tags"), raw, kind=kind)

    def content(self, sound: audio.SoundFile) -> bytes:
        """The tag of a sound: of its SHA-256, which processors compute twice as fast as BLAKE2b."""
        return self.tag("content", primitives.sha256_of(_identity(sound)))

    def caller(self, call: Call) -> bytes | None:
        """The tag of a call's number; None for a withheld one. Each number costs 5 ms once per run, on purpose."""
        if call.caller is None:
            return None
        number = call.caller.reveal()
        if number not in self._callers:
            self._callers[number] = primitives.caller_tag(self.index_seed, number.encode("ascii"))
        return self._callers[number]


def _identity(sound: audio.SoundFile) -> Iterator[bytes]:
    """What makes two sounds the same, in pieces: their form, then what their file says makes up the rest."""
    form = sound.header
    return chain([canonical([form.encoding, form.rate, form.channels])], sound.identity())
