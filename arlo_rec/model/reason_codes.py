"""The reason codes that a new store has. The list is ours: the customer's guidelines ask for a reason and name none."""

from __future__ import annotations

from typing import Final

from arlo_rec.model.policy_versions import ReasonCode
from arlo_rec.policy import Purpose

_TRAINING, _QUALITY = frozenset({Purpose.TRAINING}), frozenset({Purpose.QUALITY})

SHIPPED: Final[tuple[ReasonCode, ...]] = (
    ReasonCode("course", "Stoff til et kurs", "Material for a course", _TRAINING),
    ReasonCode("new-agent", "Opplæring av en ny medarbeider", "Training of a new agent", _TRAINING),
    ReasonCode("coaching", "Veiledning av en medarbeider", "Coaching of an agent", _TRAINING | _QUALITY),
    ReasonCode("sample", "Stikkprøve", "Random sample", _QUALITY),
    ReasonCode("complaint", "En kunde har klaget", "A customer complained", _QUALITY),
    ReasonCode("accuracy", "Om riktig informasjon ble gitt", "Whether accurate information was given", _QUALITY),
)
