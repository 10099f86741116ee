"""The blind indexes (tags) of calls: keyed hashes of a source id, an agent, a caller's number or a sound.

They let the catalogue recognise a call, a caller or a sound without keeping the text itself. The key is the index seed,
which the caller of this module opens. Nothing here reads the store or a file; tags are compared in `candidates`.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arlo_rec import audio
from arlo_rec.crypto import primitives
from arlo_rec.model.records import Call
from arlo_rec.model.strict_json import canonical

if TYPE_CHECKING:
    from arlo_rec.crypto.primitives import Hasher


@dataclass(frozen=True, slots=True)
class Tags:
    """Computes the tags of one run from the index seed; safe to use from several threads."""

    index_seed: bytes = field(repr=False)
    _callers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def tag(self, kind: str, text: str | bytes) -> bytes:
        """Keyed BLAKE2b of a source id, an agent, the hash of a sound, or a refusal."""
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return primitives.tag(primitives.derive(self.index_seed, "tags"), raw, kind=kind)

    def identity(self, sound: audio.SoundFile) -> Hasher:
        """A hash to be fed with what makes two sounds the same, beginning with their form."""
        form = sound.header
        return primitives.hasher(canonical([form.encoding, form.rate, form.channels]))

    def content(self, identity: Hasher) -> bytes:
        """The tag of the sound that `identity` was fed."""
        return self.tag("content", identity.digest())

    def prepare(self, calls: Iterable[Call]) -> None:
        """Compute the tags of the numbers that are new, side by side: Argon2 lets go of the interpreter."""
        numbers = {call.caller.reveal() for call in calls if call.caller is not None} - self._callers.keys()
        with ThreadPoolExecutor() as threads:
            self._callers.update(zip(numbers, threads.map(self._caller, numbers), strict=True))

    def caller(self, call: Call) -> bytes | None:
        """The tag of a call's number; None for a withheld one. Each number costs 5 ms once per run, on purpose."""
        if call.caller is None:
            return None
        number = call.caller.reveal()
        if number not in self._callers:
            self._callers[number] = self._caller(number)
        return self._callers[number]

    def _caller(self, number: str) -> bytes:
        return primitives.caller_tag(self.index_seed, number.encode("ascii"))
