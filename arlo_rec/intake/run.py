"""What all batches of one intake share: the open store, the tags, the decoder, the sealers, the time and the options.

A value without behaviour of its own: the steps of a batch are in `batch`, their order in `ingest`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from arlo_rec import audio
from arlo_rec.intake import candidates
from arlo_rec.intake.candidates import ConsentRules, Examined, Judged
from arlo_rec.intake.results import Options
from arlo_rec.intake.sealers import Sealers
from arlo_rec.intake.tags import Tags
from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class IntakeRun:
    """One run of the intake. `offered` is what a dry run would have taken in so far: content tags by source tag."""

    store: Store
    tags: Tags
    decoder: audio.Decoder
    sealers: Sealers
    now: datetime
    options: Options
    offered: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def rules(self) -> ConsentRules:
        """By what calls are judged now: the store's prompts change where a batch loads newer documents."""
        return ConsentRules(self.store.policy, self.now)

    def examined(self, judged: Judged) -> AbstractContextManager[Examined]:
        """The sound of a call, judged and open inside; raises Refusal or Duplicate."""
        return candidates.examined(judged, self.decoder, self.tags, self.rules)
