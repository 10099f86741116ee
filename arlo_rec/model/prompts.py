"""The prompts that callers hear, as a new store gets them. A changed text is a new version, never an edit.

The wording is ours. `nb-2025-01` names training only, as the customer's own text does, so recordings made
under it are never opened for quality assurance (consent.purposes).
"""

from __future__ import annotations

from datetime import date
from typing import Final

from arlo_rec.model.consent import Prompt
from arlo_rec.policy import Purpose

_BOTH = frozenset(Purpose)

SHIPPED: Final[tuple[Prompt, ...]] = (
    Prompt(
        "nb-2026-01",
        "nb",
        "Du har ringt kundeservice hos Verisure Arlo Europe DAC. Hvis du samtykker, tar vi opp samtalen: stemmen din "
        "og det du forteller. Vi bruker opptaket til opplæring av kundebehandlerne våre og til kvalitetssikring. Du "
        "kan når som helst trekke samtykket ved å kontakte oss; da fjerner vi opptaket fra systemene våre. Mer står "
        "i personvernerklæringen på nettsidene våre. Tast 1 for å samtykke, tast 2 for å snakke med oss uten opptak.",
        _BOTH,
        date(2026, 1, 1),
    ),
    Prompt(
        "en-2026-01",
        "en",
        "You have called customer service at Verisure Arlo Europe DAC. If you consent, we record the call: your "
        "voice and what you tell us. We use the recording to train our agents and for quality assurance. You can "
        "withdraw your consent at any time by contacting us; we then remove the recording from our systems. Read "
        "more in the privacy notice on our website. Press 1 to consent, press 2 to talk to us without a recording.",
        _BOTH,
        date(2026, 1, 1),
    ),
    Prompt(
        "nb-2025-01",
        "nb",
        "Du har ringt kundeservice hos Verisure Arlo Europe DAC. Hvis du samtykker, tar vi opp samtalen: stemmen din "
        "og det du forteller. Vi bruker opptaket til opplæring av kundebehandlerne våre. Du kan når som helst trekke "
        "samtykket ved å kontakte oss; da fjerner vi opptaket fra systemene våre. Mer står i personvernerklæringen "
        "på nettsidene våre. Tast 1 for å samtykke, tast 2 for å snakke med oss uten opptak.",
        frozenset({Purpose.TRAINING}),
        date(2025, 1, 1),
    ),
)
